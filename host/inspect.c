/* SPDX-License-Identifier: Apache-2.0
 *
 * An image page by page. The image is a stranger's: what is said of pages, arguments and files
 * comes from what the runtime obeys (the pages and the boot page); what comes from the notes, which
 * are the packer's word, stands under "notes". Bytes that are no printable ASCII are shown as \xNN,
 * so that no name in an image can drive a terminal or forge a line.
 */
#include "../image/fail.h"
#include "../image/hex.h"
#include "../tee/tee.h"
#include "api.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pages one behind another that are the same thing. */
struct range {
    struct boot_span span;
    char permissions[4]; /* "RWX", "TCS", "---" where nothing is added */
    char what[48];
};

struct view {
    const struct image *image;
    const struct image_notes *notes;
    uint8_t mrenclave[32];
    struct range *ranges;
    size_t range_count;
};

static bool in_span(uint64_t address, struct boot_span span)
{
    return address >= span.offset && address - span.offset < span.size;
}

static void name_permissions(uint64_t flags, char text[4])
{
    if (flags & TEE_PAGE_TCS)
        memcpy(text, "TCS", 4);
    else
        snprintf(text, 4, "%c%c%c", flags & TEE_PAGE_R ? 'R' : '-', flags & TEE_PAGE_W ? 'W' : '-',
                 flags & TEE_PAGE_X ? 'X' : '-');
}

static const char *name_segment(uint64_t flags)
{
    return flags & TEE_PAGE_X ? "code" : flags & TEE_PAGE_W ? "data" : "read-only data";
}

static const char *name_thread_page(uint64_t page)
{
    return page == THREAD_PAGE_TCS                         ? "TCS"
           : page < THREAD_PAGE_SSA + THREAD_SSA_FRAMES    ? "SSA"
           : page < THREAD_PAGE_STACK                      ? "guard, not added"
           : page < THREAD_PAGE_STACK + THREAD_STACK_PAGES ? "runtime's stack"
                                                           : "block";
}

/* layout_check has made sure that every page lies in one of these. */
static void name_page(const struct boot_header *boot, uint64_t address, uint64_t flags,
                      char what[48])
{
    uint64_t program_end = boot->program.pages.offset + boot->program.pages.size;
    if (address == LAYOUT_TRAMPOLINE)
        snprintf(what, 48, "trampoline");
    else if (address < LAYOUT_RUNTIME)
        snprintf(what, 48, "boot page");
    else if (in_span(address, boot->runtime))
        snprintf(what, 48, "runtime: %s", name_segment(flags));
    else if (in_span(address, boot->program.pages))
        snprintf(what, 48, "program: %s", name_segment(flags));
    else if (in_span(address, boot->agent.pages))
        snprintf(what, 48, "agent: %s", name_segment(flags));
    else if (address >= program_end && address < boot->blob.offset)
        snprintf(what, 48, "stubs");
    else if (in_span(address, boot->blob))
        snprintf(what, 48, "blob");
    else
        snprintf(what, 48, "thread %" PRIu64 ": %s",
                 (address - boot->threads) / LAYOUT_PAGE / THREAD_PAGES,
                 name_thread_page((address - boot->threads) / LAYOUT_PAGE % THREAD_PAGES));
}

static void put_range(struct view *view, struct boot_span span, const char permissions[4],
                      const char what[48])
{
    struct range *last = view->range_count ? &view->ranges[view->range_count - 1] : NULL;
    if (last && last->span.offset + last->span.size == span.offset &&
        strcmp(last->permissions, permissions) == 0 && strcmp(last->what, what) == 0) {
        last->span.size += span.size;
        return;
    }
    struct range *range = &view->ranges[view->range_count++];
    *range = (struct range){.span = span};
    memcpy(range->permissions, permissions, 4);
    memcpy(range->what, what, sizeof(range->what));
}

/* Pages rise, so ranges do; the heap is behind them all. */
static bool make_ranges(struct view *view)
{
    const struct boot_header *boot = &view->image->boot;
    view->ranges = calloc(view->image->page_count + THREAD_COUNT_MAX + 1, sizeof(*view->ranges));
    if (!view->ranges)
        return false;
    for (size_t i = 0; i < view->image->page_count; i++) {
        const struct image_page *page = &view->image->pages[i];
        struct boot_span span = {page->offset, LAYOUT_PAGE};
        char permissions[4], what[48];
        name_permissions(page->flags, permissions);
        name_page(boot, page->offset, page->flags, what);
        put_range(view, span, permissions, what);
        uint64_t guard = page->offset + LAYOUT_PAGE;
        if (page->offset >= boot->threads && (guard - boot->threads) / LAYOUT_PAGE % THREAD_PAGES ==
                                                 THREAD_PAGE_SSA + THREAD_SSA_FRAMES) {
            name_page(boot, guard, 0, what);
            put_range(view, (struct boot_span){guard, LAYOUT_PAGE}, "---", what);
        }
    }
    static const char heap[48] = "heap, not added, zero at launch";
    put_range(view, boot->heap, "RW-", heap);
    return true;
}

/* Set where something that belongs into the tree has no memory: half a tree is none. */
static _Thread_local bool incomplete;

static void append(json_t *array, json_t *value)
{
    incomplete |= json_array_append_new(array, value) != 0;
}

static void set(json_t *object, const char *key, json_t *value)
{
    incomplete |= json_object_set_new(object, key, value) != 0;
}

/* Printable ASCII; the caller's to free. */
static char *escape(const char *bytes, size_t size)
{
    char *text = size <= SIZE_MAX / 4 - 1 ? malloc(size * 4 + 1) : NULL, *to = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '\\')
            to += sprintf(to, "\\\\");
        else if (byte >= ' ' && byte <= '~')
            *to++ = (char)byte;
        else
            to += sprintf(to, "\\x%02x", byte);
    }
    *to = 0;
    return text;
}

static json_t *json_bytes(const char *bytes, size_t size)
{
    char *text = escape(bytes, size);
    json_t *json = text ? json_string(text) : NULL;
    free(text);
    return json;
}

static json_t *json_span(const struct image *image, struct boot_span span)
{
    char *bytes = malloc(span.size ? span.size : 1);
    json_t *json = bytes && image_read(image, span.offset, bytes, span.size)
                       ? json_bytes(bytes, span.size)
                       : NULL;
    free(bytes);
    return json;
}

/* NUL-terminated strings, one behind another. */
static json_t *json_strings(const struct image *image, struct boot_span span)
{
    char *bytes = malloc(span.size + 1);
    json_t *json = json_array();
    bool whole = bytes && image_read(image, span.offset, bytes, span.size);
    incomplete |= !whole;
    if (whole) {
        bytes[span.size] = 0;
        for (size_t at = 0; at < span.size; at += strlen(bytes + at) + 1)
            append(json, json_bytes(bytes + at, strlen(bytes + at)));
    }
    free(bytes);
    return json;
}

static json_t *json_hex(const uint8_t bytes[32])
{
    char text[65];
    return json_string(hex_write(bytes, 32, text));
}

static json_t *json_range(const char *name, const char *permissions, struct boot_span span)
{
    return json_pack("{s:I, s:I, s:s, s:s}", "address", (json_int_t)span.offset, "size",
                     (json_int_t)span.size, "permissions", permissions, "what", name);
}

static json_t *json_pages(const struct view *view)
{
    json_t *pages = json_array();
    for (size_t i = 0; i < view->range_count; i++)
        append(pages,
               json_range(view->ranges[i].what, view->ranges[i].permissions, view->ranges[i].span));
    return pages;
}

static struct boot_file read_file_entry(const struct view *view, uint64_t number)
{
    struct boot_file file;
    image_read(view->image, view->image->boot.files.offset + number * sizeof(file), &file,
               sizeof(file));
    return file;
}

static json_t *json_file(const struct view *view, const struct boot_file *file)
{
    static const char *const kinds[] = {"", "measured", "measured", "memory", "plain", "box"};
    const struct image *image = view->image;
    json_t *json = json_object();
    set(json, "path", json_span(image, file->path));
    set(json, "kind", json_string(kinds[file->kind]));
    switch (file->kind) {
    case BOOT_FILE_MEASURED:
        set(json, "carried", json_true());
        set(json, "address", json_integer((json_int_t)file->content.offset));
        set(json, "size", json_integer((json_int_t)file->content.size));
        break;
    case BOOT_FILE_HASHED:
        set(json, "carried", json_false());
        set(json, "source", json_span(image, file->content));
        set(json, "size", json_integer((json_int_t)file->size));
        set(json, "sha256", json_hex(file->sha256));
        break;
    case BOOT_FILE_MEMORY:
        set(json, "size", json_integer((json_int_t)file->size));
        break;
    default:
        set(json, "source", json_span(image, file->content));
        set(json, "writable", json_boolean(file->flags & BOOT_FILE_WRITABLE));
        set(json, "directory", json_boolean(file->flags & BOOT_FILE_DIRECTORY));
        if (file->kind == BOOT_FILE_BOX)
            set(json, "key", json_span(image, file->key));
        if (file->flags & BOOT_FILE_VERSION)
            set(json, "version", json_hex(file->sha256));
        break;
    }
    return json;
}

/* What lies in the blob, byte by byte; carried files are told with the files. */
static json_t *json_blob(const struct boot_header *boot)
{
    const struct {
        const char *what;
        struct boot_span span;
    } parts[] = {
        {"arguments", boot->arguments},     {"agent's arguments", boot->agent_arguments},
        {"environment", boot->environment}, {"working directory", boot->directory},
        {"file table", boot->files},        {"notes", boot->notes},
        {"system call sites", boot->sites},
    };
    json_t *blob = json_array();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].span.size)
            append(blob, json_range(parts[i].what, "R--", parts[i].span));
    return blob;
}

static json_t *json_boot(const struct view *view)
{
    const struct boot_header *boot = &view->image->boot;
    json_t *files = json_array();
    for (uint64_t i = 0; i < boot->files.size / sizeof(struct boot_file); i++) {
        struct boot_file file = read_file_entry(view, i);
        append(files, json_file(view, &file));
    }
    json_t *agent =
        boot->agent.pages.size ? json_strings(view->image, boot->agent_arguments) : json_null();
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:o}", "agent_arguments", agent,
        "arguments",
        boot->flags & BOOT_ARGUMENTS_HOST ? json_string("host")
                                          : json_strings(view->image, boot->arguments),
        "environment",
        boot->flags & BOOT_ENVIRONMENT_HOST ? json_string("host")
                                            : json_strings(view->image, boot->environment),
        "working_directory", json_span(view->image, boot->directory), "heap_size",
        (json_int_t)boot->heap.size, "stack_size", (json_int_t)boot->stack_size, "threads",
        (json_int_t)boot->thread_count, "clock", !!(boot->flags & BOOT_CLOCK), "network",
        !!(boot->flags & BOOT_NETWORK), "statistics", !!(boot->flags & BOOT_STATISTICS),
        "attestation", !!(boot->flags & BOOT_ATTESTATION), "files", files);
}

/* Sites rise, so those of a function stand together. */
static json_t *json_sites(const struct image_notes *notes)
{
    json_t *functions = json_array(), *addresses = NULL;
    json_int_t calls = 0, stubs = 0;
    const char *last = NULL;
    for (size_t i = 0; i < notes->site_count; i++) {
        const struct image_site *site = &notes->sites[i];
        bool call = site->kind == IMAGE_SITE_CALL;
        if (!last || strcmp(site->function, last) != 0) {
            addresses = json_array();
            append(functions, json_pack("{s:o, s:o}", "function",
                                        json_bytes(site->function, strlen(site->function)), "sites",
                                        addresses));
            last = site->function;
        }
        append(addresses, json_pack("{s:I, s:s}", "address", (json_int_t)site->address, "kind",
                                    call ? "call" : "stub"));
        *(call ? &calls : &stubs) += 1;
    }
    return json_pack("{s:I, s:I, s:I, s:o}", "calls", calls, "stubs", stubs, "left_alone",
                     (json_int_t)notes->left_alone, "functions", functions);
}

/* The manifest as JSON where it is that, else as a string of what stands there. */
static json_t *json_notes(const struct image_notes *notes)
{
    json_t *manifest = json_loads(notes->manifest, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!manifest)
        manifest = json_bytes(notes->manifest, strlen(notes->manifest));
    return json_pack("{s:o, s:o, s:o}", "program",
                     json_bytes(notes->program, strlen(notes->program)), "manifest", manifest,
                     "sites", json_sites(notes));
}

static json_t *json_view(const struct view *view)
{
    const struct image *image = view->image;
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "mrenclave",
                     json_hex(view->mrenclave), "image_size", (json_int_t)image->size,
                     "elrange_size", (json_int_t)image->elrange_size, "ssa_frame_size",
                     (json_int_t)image->ssa_frame_size, "page_count", (json_int_t)image->page_count,
                     "pages", json_pages(view), "blob", json_blob(&image->boot), "boot",
                     json_boot(view), "notes", json_notes(view->notes));
}

/* ---- for a person: the same tree, written out ---- */

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void write_ranges(FILE *to, const json_t *ranges)
{
    size_t i;
    json_t *range;
    json_array_foreach(ranges, i, range)
    {
        json_int_t address = number_of(range, "address"), size = number_of(range, "size");
        fprintf(to,
                "  0x%010"
                "llx"
                " 0x%010"
                "llx"
                "  %s  %s\n",
                address, address + size, string_of(range, "permissions"), string_of(range, "what"));
    }
}

static void write_sites(FILE *to, const json_t *sites)
{
    fprintf(to,
            "\nSystem calls rewritten, by function: %" JSON_INTEGER_FORMAT
            " in place, %" JSON_INTEGER_FORMAT " by stubs; %" JSON_INTEGER_FORMAT
            " byte pairs that only look like one\n",
            number_of(sites, "calls"), number_of(sites, "stubs"), number_of(sites, "left_alone"));
    size_t i;
    json_t *function;
    json_array_foreach(json_object_get(sites, "functions"), i, function)
    {
        json_t *list = json_object_get(function, "sites"), *site;
        size_t j, stubs = 0;
        json_array_foreach(list, j, site) stubs += strcmp(string_of(site, "kind"), "stub") == 0;
        const char *name = string_of(function, "function");
        fprintf(to,
                "  0x%08"
                "llx"
                "  %-32s",
                number_of(json_array_get(list, 0), "address"), *name ? name : "(no symbol)");
        if (json_array_size(list) > stubs)
            fprintf(to, "  call %zu", json_array_size(list) - stubs);
        if (stubs)
            fprintf(to, "  stub %zu", stubs);
        fputc('\n', to);
    }
}

static void write_json(FILE *to, const char *title, const json_t *json)
{
    fprintf(to, "\n%s\n", title);
    json_dumpf(json, to, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    fputc('\n', to);
}

static char *write_text(const json_t *view)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    const json_t *notes = json_object_get(view, "notes");
    fprintf(to, "mrenclave     %s\n", string_of(view, "mrenclave"));
    fprintf(to, "program       %s\n", string_of(notes, "program"));
    fprintf(to, "image         %" JSON_INTEGER_FORMAT " bytes, %" JSON_INTEGER_FORMAT " pages\n",
            number_of(view, "image_size"), number_of(view, "page_count"));
    fprintf(to, "elrange       %" JSON_INTEGER_FORMAT " bytes\n", number_of(view, "elrange_size"));
    fprintf(to, "\nPages: from, to, permissions, what\n");
    write_ranges(to, json_object_get(view, "pages"));
    fprintf(to, "\nIn the blob\n");
    write_ranges(to, json_object_get(view, "blob"));
    write_json(to, "What the runtime obeys (boot page and file table)",
               json_object_get(view, "boot"));
    write_json(to, "The manifest, as its packer noted it", json_object_get(notes, "manifest"));
    write_sites(to, json_object_get(notes, "sites"));
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

cella_status cella_image_inspect(const cella_image *image, bool json, char **text,
                                 cella_error *error)
{
    *text = NULL;
    struct image_notes notes;
    struct view view = {.image = image->image, .notes = &notes};
    cella_error why;
    cella_status status = image_measure(image->image, view.mrenclave, &why);
    if (!status)
        status = image_notes_read(image->image, &notes, &why);
    if (status)
        return fail(error, status, "%s: %.400s", image->name, why.sentence);
    incomplete = false;
    json_t *tree = make_ranges(&view) ? json_view(&view) : NULL;
    if (tree && !incomplete)
        *text = json ? json_dumps(tree, JSON_COMPACT | JSON_ENSURE_ASCII) : write_text(tree);
    json_decref(tree);
    free(view.ranges);
    image_notes_free(&notes);
    return *text ? CELLA_OK : fail(error, CELLA_MEMORY, "%s: no memory to show it", image->name);
}
