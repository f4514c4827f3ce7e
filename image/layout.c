/* SPDX-License-Identifier: Apache-2.0
 *
 * The invariants of runtime/boot.h, checked on hostile pages.
 */
#include "layout.h"

#include "../tee/tee.h"
#include "fail.h"

#include <string.h>

#define PATH_MOST 4095u
#define FLAGS_RX  (TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_X)
#define FLAGS_R   (TEE_PAGE_REG | TEE_PAGE_R)
#define FLAGS_RW  (TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_W)
#define BOOT_KNOWN                                                                                 \
    (BOOT_ARGUMENTS_HOST | BOOT_ENVIRONMENT_HOST | BOOT_CLOCK | BOOT_NETWORK | BOOT_STATISTICS |   \
     BOOT_ATTESTATION)
#define KEY_NAME    255u
#define FILES_KNOWN (BOOT_FILE_WRITABLE | BOOT_FILE_DIRECTORY | BOOT_FILE_VERSION)

/* Intel SDM vol. 3D, TCS. */
struct tcs {
    uint64_t state, flags, ossa;
    uint32_t cssa, nssa;
    uint64_t oentry, aep, ofsbase, ogsbase;
    uint32_t fslimit, gslimit;
    uint8_t reserved[4024];
};
static_assert(sizeof(struct tcs) == LAYOUT_PAGE, "a TCS is a page");

int64_t layout_thread_page_flags(unsigned page)
{
    if (page == THREAD_PAGE_TCS)
        return TEE_PAGE_TCS;
    if (page >= THREAD_PAGE_SSA && page < THREAD_PAGE_SSA + THREAD_SSA_FRAMES)
        return FLAGS_RW;
    if (page >= THREAD_PAGE_STACK && page < THREAD_PAGE_STACK + THREAD_STACK_PAGES)
        return FLAGS_RW;
    return page == THREAD_PAGE_BLOCK ? (int64_t)FLAGS_RW : -1;
}

void layout_tcs(const struct boot_header *boot, uint32_t thread, uint8_t page[4096])
{
    uint64_t area = boot->threads + (uint64_t)thread * THREAD_PAGES * LAYOUT_PAGE;
    struct tcs tcs = {
        .ossa = area + THREAD_PAGE_SSA * LAYOUT_PAGE,
        .nssa = THREAD_SSA_FRAMES,
        .oentry = boot->runtime_enter,
        .ogsbase = area + THREAD_PAGE_BLOCK * LAYOUT_PAGE,
        .fslimit = UINT32_MAX,
        .gslimit = UINT32_MAX,
    };
    memcpy(page, &tcs, sizeof(tcs));
}

bool layout_path_is_valid(const char *path, size_t size)
{
    if (size < 2 || size > PATH_MOST || path[0] != '/' || memchr(path, 0, size))
        return false;
    size_t part = 1; /* where the part that we are in starts */
    for (size_t i = 1; i <= size; i++) {
        if (i < size && path[i] != '/')
            continue;
        size_t length = i - part;
        if (length == 0 || (length == 1 && path[part] == '.') ||
            (length == 2 && path[part] == '.' && path[part + 1] == '.'))
            return false;
        part = i + 1;
    }
    return true;
}

static bool is_inside(struct boot_span part, struct boot_span whole)
{
    return part.offset >= whole.offset && part.offset - whole.offset <= whole.size &&
           part.size <= whole.size - (part.offset - whole.offset);
}

static bool is_aligned(struct boot_span span, uint64_t alignment)
{
    return span.offset % alignment == 0 && span.size % alignment == 0;
}

static uint64_t span_end(struct boot_span span)
{
    return span.offset + span.size;
}

/* A region that starts at `least` or above and ends at `most` or below, in whole pages. */
static bool is_region(struct boot_span span, uint64_t least, uint64_t most)
{
    return is_aligned(span, LAYOUT_PAGE) && span.size != 0 && least <= most &&
           is_inside(span, (struct boot_span){least, most - least});
}

static bool in_span(uint64_t address, struct boot_span span)
{
    return address >= span.offset && address - span.offset < span.size;
}

/* Where the last of the programs ends. */
static uint64_t programs_end(const struct boot_header *boot)
{
    return span_end(boot->agent.pages.size ? boot->agent.pages : boot->program.pages);
}

static const char *check_place(const struct boot_program *program, uint64_t least)
{
    uint64_t headers_size = (uint64_t)program->header_count * program->header_size;
    if (!is_region(program->pages, least, LAYOUT_PROGRAM_HIGH))
        return "a program's region is wrong";
    if (!in_span(program->entry, program->pages))
        return "a program's entry lies outside it";
    if (program->header_size != 56 ||
        !is_inside((struct boot_span){program->headers, headers_size}, program->pages))
        return "a program's headers lie outside it";
    return NULL;
}

/* The agent behind the program, or none, in zeros. */
static const char *check_agent(const struct boot_header *boot)
{
    static const struct boot_program none;
    struct boot_span arguments = boot->agent_arguments;
    if (boot->agent.pages.size)
        return check_place(&boot->agent, span_end(boot->program.pages));
    if (memcmp(&boot->agent, &none, sizeof(none)) != 0 || arguments.offset || arguments.size)
        return "it has something of an agent, which is not there";
    return NULL;
}

static const char *check_regions(const struct image *image, const struct boot_header *boot)
{
    uint64_t threads_size = (uint64_t)boot->thread_count * THREAD_PAGES * LAYOUT_PAGE;
    if (boot->magic != BOOT_MAGIC || boot->version != BOOT_VERSION)
        return "its magic number or version is not of this version of cella";
    if (boot->flags & ~(uint32_t)BOOT_KNOWN)
        return "unknown flags are set";
    if (boot->reserved != 0)
        return "reserved bytes are not zero";
    if (boot->elrange_size != image->elrange_size)
        return "its ELRANGE is not that of ECREATE";
    if (boot->runtime.offset != LAYOUT_RUNTIME ||
        !is_region(boot->runtime, LAYOUT_RUNTIME, LAYOUT_PROGRAM_LOW))
        return "the runtime's region is wrong";
    const char *wrong = check_place(&boot->program, LAYOUT_PROGRAM_LOW);
    if (!wrong)
        wrong = check_agent(boot);
    if (wrong)
        return wrong;
    if (!is_region(boot->blob, programs_end(boot), image->elrange_size))
        return "the blob's region is wrong";
    if (boot->thread_count == 0 || boot->thread_count > THREAD_COUNT_MAX)
        return "its number of threads is wrong";
    if (!is_region((struct boot_span){boot->threads, threads_size}, span_end(boot->blob),
                   image->elrange_size))
        return "the thread areas lie wrong";
    if (!is_aligned(boot->heap, LAYOUT_HEAP_ALIGN) || boot->heap.size < HEAP_SIZE_MIN ||
        boot->heap.size > HEAP_SIZE_MAX ||
        !is_region(boot->heap, boot->threads + threads_size, image->elrange_size))
        return "the heap's region is wrong";
    if (boot->stack_size == 0 || boot->stack_size % LAYOUT_PAGE ||
        boot->stack_size > boot->heap.size)
        return "the first thread's stack does not fit its heap";
    if (!in_span(boot->runtime_enter, boot->runtime) ||
        !in_span(boot->runtime_syscall, boot->runtime))
        return "an entry of the runtime lies outside it";
    if (!is_inside(boot->arguments, boot->blob) || !is_inside(boot->environment, boot->blob) ||
        !is_inside(boot->insecure_keys, boot->blob) || !is_inside(boot->files, boot->blob) ||
        !is_inside(boot->directory, boot->blob) ||
        (boot->agent.pages.size && !is_inside(boot->agent_arguments, boot->blob)) ||
        !is_inside(boot->notes, boot->blob) || !is_inside(boot->sites, boot->blob) ||
        !is_aligned(boot->sites, sizeof(uint32_t)) || boot->sites.size < sizeof(uint32_t) ||
        boot->sites.size & (boot->sites.size - 1))
        return "it points outside the blob";
    return NULL;
}

/* The flags that a page at `offset` must have: exactly, or 0 where any will do that sgxs_read lets
 * through but TCS, or -1 where there must be no page. */
static int64_t expected_flags(const struct boot_header *boot, uint64_t offset)
{
    uint64_t threads_size = (uint64_t)boot->thread_count * THREAD_PAGES * LAYOUT_PAGE;
    if (offset == LAYOUT_TRAMPOLINE)
        return FLAGS_RX;
    if (in_span(offset, (struct boot_span){LAYOUT_BOOT, LAYOUT_BOOT_PAGES * LAYOUT_PAGE}))
        return FLAGS_R;
    if (in_span(offset, boot->runtime) || in_span(offset, boot->program.pages) ||
        in_span(offset, boot->agent.pages))
        return 0;
    if (offset >= span_end(boot->program.pages) && offset < boot->blob.offset)
        return FLAGS_RX;
    if (in_span(offset, boot->blob))
        return FLAGS_R;
    if (in_span(offset, (struct boot_span){boot->threads, threads_size}))
        return layout_thread_page_flags((offset - boot->threads) / LAYOUT_PAGE % THREAD_PAGES);
    return -1;
}

/* Every page is where one may be, with the right flags; a TCS holds what its place demands. */
static cella_status check_pages(const struct image *image, const struct boot_header *boot,
                                const char *name, cella_error *error)
{
    uint64_t trampolines = 0, blob = 0, threads = 0, threads_expected = 0;
    for (size_t i = 0; i < image->page_count; i++) {
        const struct image_page *page = &image->pages[i];
        int64_t expected = expected_flags(boot, page->offset);
        if (expected < 0)
            return fail(error, CELLA_INVALID, "%s: page 0x%llx lies where no page may be", name,
                        (unsigned long long)page->offset);
        if (expected ? page->flags != (uint64_t)expected : (page->flags & TEE_PAGE_TCS) != 0)
            return fail(error, CELLA_INVALID, "%s: page 0x%llx: flags 0x%llx are wrong there", name,
                        (unsigned long long)page->offset, (unsigned long long)page->flags);
        trampolines += page->offset == LAYOUT_TRAMPOLINE;
        blob += in_span(page->offset, boot->blob);
        threads += page->offset >= boot->threads;
        if (page->flags != TEE_PAGE_TCS)
            continue;
        uint8_t found[LAYOUT_PAGE], wanted[LAYOUT_PAGE];
        uint64_t thread = (page->offset - boot->threads) / LAYOUT_PAGE / THREAD_PAGES;
        image_page_read(page, found);
        layout_tcs(boot, (uint32_t)thread, wanted);
        if (memcmp(found, wanted, sizeof(found)) != 0)
            return fail(error, CELLA_INVALID,
                        "%s: the TCS of thread %llu does not agree with the boot page", name,
                        (unsigned long long)thread);
    }
    for (unsigned i = 0; i < THREAD_PAGES; i++)
        threads_expected += layout_thread_page_flags(i) >= 0 ? boot->thread_count : 0;
    if (trampolines != 1)
        return fail(error, CELLA_INVALID, "%s: page 0, the trampoline, is missing", name);
    if (blob != boot->blob.size / LAYOUT_PAGE)
        return fail(error, CELLA_INVALID, "%s: pages of the blob are missing", name);
    if (threads != threads_expected)
        return fail(error, CELLA_INVALID, "%s: pages of the thread areas are missing", name);
    return CELLA_OK;
}

static const struct image_page *page_at(const struct image *image, uint64_t address)
{
    size_t low = 0, high = image->page_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->pages[middle].offset <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - image->pages[low - 1].offset >= LAYOUT_PAGE)
        return NULL;
    return &image->pages[low - 1];
}

static bool is_executable(const struct image *image, uint64_t address)
{
    const struct image_page *page = page_at(image, address);
    return page && (page->flags & TEE_PAGE_X);
}

static bool has_pages(const struct image *image, uint64_t address, uint64_t size)
{
    for (uint64_t at = address & ~(LAYOUT_PAGE - 1); at < address + size; at += LAYOUT_PAGE)
        if (!page_at(image, at))
            return false;
    return true;
}

static const char *check_program(const struct image *image, const struct boot_program *program)
{
    if (!is_executable(image, program->entry))
        return "a program's entry is not executable";
    if (!has_pages(image, program->headers, (uint64_t)program->header_count * program->header_size))
        return "a program's headers are in no page";
    return NULL;
}

/* Each string of a list ends with a NUL; none of the environment lacks its "=". */
static bool is_string_list(const struct image *image, struct boot_span span)
{
    uint8_t last;
    return span.size == 0 || (image_read(image, span_end(span) - 1, &last, 1) && last == 0);
}

static const char *check_file(const struct image *image, const struct boot_header *boot,
                              const struct boot_file *file)
{
    char path[PATH_MOST + 1];
    if (!is_inside(file->path, boot->blob) || !is_inside(file->content, boot->blob) ||
        !is_inside(file->key, boot->blob))
        return "points outside the blob";
    if (file->path.size > PATH_MOST ||
        !image_read(image, file->path.offset, path, file->path.size) ||
        !layout_path_is_valid(path, file->path.size))
        return "has no valid path";
    bool box = file->kind == BOOT_FILE_BOX;
    if (file->flags & ~(uint32_t)FILES_KNOWN ||
        (file->flags && file->kind != BOOT_FILE_PLAIN && !box) ||
        (!box && (file->flags & BOOT_FILE_VERSION)))
        return "has unknown flags";
    if (file->kind < BOOT_FILE_MEASURED || file->kind > BOOT_FILE_BOX)
        return "is of an unknown kind";
    if (box ? file->key.size == 0 || file->key.size > KEY_NAME : file->key.size != 0)
        return "has no valid name of a key";
    if ((file->kind == BOOT_FILE_PLAIN || file->kind == BOOT_FILE_HASHED || box) &&
        (file->content.size == 0 || file->content.size > PATH_MOST ||
         !image_read(image, file->content.offset, path, file->content.size) ||
         memchr(path, 0, file->content.size)))
        return "has no valid source";
    return NULL;
}

static cella_status check_content(const struct image *image, const struct boot_header *boot,
                                  const char *name, cella_error *error)
{
    const char *wrong = check_program(image, &boot->program);
    char directory[PATH_MOST + 1];
    if (!wrong && boot->agent.pages.size)
        wrong = check_program(image, &boot->agent);
    if (wrong)
        return fail(error, CELLA_INVALID, "%s: boot page: %s", name, wrong);
    if (!is_executable(image, boot->runtime_enter) || !is_executable(image, boot->runtime_syscall))
        wrong = "an entry of the runtime is not executable";
    else if (!is_string_list(image, boot->arguments) ||
             !is_string_list(image, boot->agent_arguments))
        wrong = "the arguments do not end";
    else if (!is_string_list(image, boot->environment))
        wrong = "the environment does not end";
    else if (!is_string_list(image, boot->insecure_keys))
        wrong = "the keys do not end";
    else if (boot->directory.size == 0 || boot->directory.size > PATH_MOST ||
             !image_read(image, boot->directory.offset, directory, boot->directory.size) ||
             (!layout_path_is_valid(directory, boot->directory.size) &&
              !(boot->directory.size == 1 && directory[0] == '/')))
        wrong = "the working directory is no valid path";
    else if (boot->files.size % sizeof(struct boot_file) || boot->files.offset % 8)
        wrong = "the file table is cut or not aligned";
    if (wrong)
        return fail(error, CELLA_INVALID, "%s: boot page: %s", name, wrong);
    for (uint64_t i = 0; i < boot->files.size / sizeof(struct boot_file); i++) {
        struct boot_file file;
        image_read(image, boot->files.offset + i * sizeof(file), &file, sizeof(file));
        wrong = check_file(image, boot, &file);
        if (wrong)
            return fail(error, CELLA_INVALID, "%s: entry %llu of the file table %s", name,
                        (unsigned long long)i, wrong);
    }
    return CELLA_OK;
}

cella_status layout_check(struct image *image, const char *name, cella_error *error)
{
    uint8_t page[LAYOUT_PAGE];
    struct boot_header boot;
    if (!image_read(image, LAYOUT_BOOT, page, sizeof(page)))
        return fail(error, CELLA_INVALID,
                    "%s: no boot page, so not an image of cella; pack the program with cella pack",
                    name);
    memcpy(&boot, page, sizeof(boot));
    const char *wrong = check_regions(image, &boot);
    if (wrong)
        return fail(error, CELLA_INVALID, "%s: boot page: %s", name, wrong);
    for (size_t i = sizeof(boot); i < sizeof(page); i++)
        if (page[i])
            return fail(error, CELLA_INVALID, "%s: boot page: bytes behind its header are not zero",
                        name);
    cella_status status = check_pages(image, &boot, name, error);
    if (status == CELLA_OK)
        status = check_content(image, &boot, name, error);
    if (status == CELLA_OK)
        image->boot = boot;
    return status;
}

bool image_read(const struct image *image, uint64_t offset, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    while (size) {
        const struct image_page *page = page_at(image, offset);
        if (!page)
            return false;
        uint8_t copy[LAYOUT_PAGE];
        size_t into = offset - page->offset;
        size_t part = LAYOUT_PAGE - into < size ? LAYOUT_PAGE - into : size;
        image_page_read(page, copy);
        memcpy(to, copy + into, part);
        to += part;
        offset += part;
        size -= part;
    }
    return true;
}
