/* SPDX-License-Identifier: Apache-2.0
 *
 * What an event log proves, where its registers are those that were quoted: only what hashes to a
 * digest counts. Types, and which data belong to which digest, are the word of whoever gave the
 * log: so a separator is what has the digest of one, whatever its type.
 */
#include "eventlog.h"

#include "attest/reader.h"
#include "grub.h"
#include "image/fail.h"
#include "image/utf8.h"

#include <stdlib.h>
#include <string.h>

#define EV_NO_ACTION                  3
#define EV_SEPARATOR                  4
#define EV_EFI_VARIABLE_DRIVER_CONFIG 0x80000001

#define PCR_SECURE_BOOT               7
#define PCR_GRUB                      8
#define PCR_SYSTEMD_STUB              12
#define RTMR_INDEX_FIRM               1 /* RTMR 0: PCR 1 and 7 */
#define RTMR_INDEX_BOOT               3 /* RTMR 2: PCR 8 to 15 */
#define LAST_FIRMWARE                 7 /* PCRs 0 to 7 are the firmware's, and have a separator */

/* The bank that facts are taken from. */
struct view {
    const struct eventlog *log;
    const struct tpm_hash *hash;
    size_t bank;
    uint32_t compared;                    /* registers, a bit each */
    uint8_t separators[2][TPM_HASH_MOST]; /* digests of 00000000 and of ffffffff */
    cella_error *error;
};

static const uint8_t *digest_of(const struct view *view, const struct eventlog_event *event)
{
    return event->digests[view->bank];
}

static bool extended(const struct eventlog_event *event, uint32_t index)
{
    return event->index == index && event->type != EV_NO_ACTION;
}

static bool is_compared(const struct view *view, uint32_t index)
{
    return view->compared >> index & 1;
}

static bool proven(const struct view *view, const struct eventlog_event *event, const void *bytes,
                   size_t size)
{
    return tpm_digest_is(view->hash, digest_of(view, event), bytes, size);
}

static cella_status refused(const struct view *view, size_t event, const char *what)
{
    return fail(view->error, CELLA_REFUSED, "event log: event %zu: %s", event, what);
}

/* ---- separators, and what firmware said before them ---- */

static bool separates(const struct view *view, const struct eventlog_event *event)
{
    const uint8_t *digest = digest_of(view, event);
    return memcmp(digest, view->separators[0], view->hash->size) == 0 ||
           memcmp(digest, view->separators[1], view->hash->size) == 0;
}

/* Each of the firmware's registers has at most one separator, and says so. */
static cella_status check_separators(const struct view *view)
{
    bool seen[EVENTLOG_PCRS] = {false};
    uint32_t last = view->log->form == EVENTLOG_CCEL ? EVENTLOG_RTMRS : LAST_FIRMWARE;
    for (size_t i = 0; i < view->log->count; i++) {
        const struct eventlog_event *event = &view->log->events[i];
        if (event->type == EV_NO_ACTION || event->index > last || !is_compared(view, event->index))
            continue;
        bool separator = separates(view, event);
        if (separator != (event->type == EV_SEPARATOR))
            return refused(view, i,
                           separator ? "a separator that says to be something else"
                                     : "a separator with the digest of something else");
        if (separator && seen[event->index])
            return refused(view, i, "a second separator of its register");
        seen[event->index] |= separator;
    }
    return CELLA_OK;
}

/* UEFI_VARIABLE_DATA: GUID (16), characters of the name (8), bytes of the value (8), name in
 * UTF-16, value. True: it is SecureBoot; its value is one byte, or none where it is not set. */
static bool is_secure_boot(const struct eventlog_event *event, bool *value)
{
    static const uint8_t name[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                   0xaa, 0x0d, 0,    0xe0, 0x98, 3,    0x2b, 0x8c,
                                   10,   0,    0,    0,    0,    0,    0,    0};
    static const uint8_t text[] = {'S', 0, 'e', 0, 'c', 0, 'u', 0, 'r', 0,
                                   'e', 0, 'B', 0, 'o', 0, 'o', 0, 't', 0};
    struct reader reader = {.bytes = event->data, .size = event->size};
    const uint8_t *head = read_bytes(&reader, sizeof(name));
    uint64_t size = read_little(&reader, 8);
    const uint8_t *characters = read_bytes(&reader, sizeof(text));
    if (reader.failed || memcmp(head, name, sizeof(name)) != 0 ||
        memcmp(characters, text, sizeof(text)) != 0)
        return false;
    *value = reader.size == 1 && reader.bytes[0] == 1;
    return reader.size == size && size <= 1 && (size == 0 || reader.bytes[0] <= 1);
}

static cella_status find_secure_boot(const struct view *view, struct eventlog_facts *facts)
{
    uint32_t index = view->log->form == EVENTLOG_CCEL ? RTMR_INDEX_FIRM : PCR_SECURE_BOOT;
    bool value, separator = !is_compared(view, index), known = false;
    for (size_t i = 0; i < view->log->count && !separator; i++) {
        const struct eventlog_event *event = &view->log->events[i];
        if (!extended(event, index))
            continue;
        separator = separates(view, event);
        if (event->type != EV_EFI_VARIABLE_DRIVER_CONFIG || !is_secure_boot(event, &value))
            continue;
        if (!proven(view, event, event->data, event->size))
            return refused(view, i, "SecureBoot's value is not what was measured");
        if (known)
            return refused(view, i, "SecureBoot is there twice");
        known = true;
        facts->secure_boot = value;
    }
    facts->secure_boot_known = known && separator;
    facts->secure_boot &= facts->secure_boot_known;
    return CELLA_OK;
}

/* ---- kernel command lines ---- */

static bool printable(const uint8_t *bytes, size_t size)
{
    return size > 0 && !memchr(bytes, 0, size) && utf8_prefix(bytes, size) == size;
}

/* Adds `size` characters, each `step` bytes. */
static cella_status add_line(const struct view *view, struct eventlog_facts *facts,
                             const uint8_t *text, size_t size, size_t step)
{
    if (facts->command_line_count == EVENTLOG_LINES)
        return fail(view->error, CELLA_REFUSED, "event log: more than %d kernel command lines",
                    EVENTLOG_LINES);
    char *line = calloc(1, size + 1);
    if (!line)
        return fail(view->error, CELLA_MEMORY, "event log: no memory");
    for (size_t i = 0; i < size; i++)
        line[i] = (char)text[i * step];
    facts->command_lines[facts->command_line_count++] = line;
    return CELLA_OK;
}

struct text {
    const uint8_t *bytes;
    size_t size;
    bool command_line; /* the log says so */
};

static bool starts(const uint8_t *bytes, size_t size, const char *text)
{
    return size >= strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

/* GRUB measures a text without the prefix that its event has and without the NUL at the end. */
static bool grub_text(const struct view *view, const struct eventlog_event *event,
                      struct text *text)
{
    static const char *const prefixes[] = {
        "kernel_cmdline: ", "grub_cmd: ", "module_cmdline: ", "grub_kernel_cmdline ", "grub_cmd "};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        if (!starts(event->data, event->size, prefixes[i]))
            continue;
        text->bytes = event->data + strlen(prefixes[i]);
        text->size = event->size - strlen(prefixes[i]);
        if (text->size > 0 && text->bytes[text->size - 1] == 0)
            text->size--;
        text->command_line = strstr(prefixes[i], "kernel") != NULL;
        return printable(text->bytes, text->size) && proven(view, event, text->bytes, text->size);
    }
    return false;
}

/* After this command GRUB measures the command line. */
static bool loads_linux(const struct text *text)
{
    return starts(text->bytes, text->size, "linux ") ||
           starts(text->bytes, text->size, "linux16 ") ||
           starts(text->bytes, text->size, "linuxefi ");
}

/* systemd measures UTF-16 with its NUL, whose last byte some versions leave out of the log. ASCII
 * alone is taken. */
static bool systemd_text(const struct view *view, const struct eventlog_event *event,
                         size_t *characters)
{
    size_t size = event->size;
    uint8_t *whole = size >= 3 ? malloc(size + 1) : NULL;
    if (!whole)
        return false;
    memcpy(whole, event->data, size);
    whole[size] = 0;
    size += size % 2;
    *characters = size / 2 - 1;
    bool good = proven(view, event, whole, size) && whole[size - 2] == 0 && whole[size - 1] == 0;
    for (size_t i = 0; i < *characters; i++)
        good &= whole[2 * i] != 0 && whole[2 * i] < 0x80 && whole[2 * i + 1] == 0;
    free(whole);
    return good;
}

/* Who controls the log may call any measured text a command line, or a command line something else.
 * So what GRUB measured right after a command "linux" is taken for one, too; and where a text is
 * not as it says, or not proven, there may be others; so there may where GRUB started something
 * else, or something else than GRUB started the kernel (what a boot manager hands over, a unified
 * image with a line of its own ignores). PCR 8 comes first: a line has to be there. */
static cella_status find_lines(const struct view *view, uint32_t index,
                               struct eventlog_facts *facts)
{
    bool after_linux = false;
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < view->log->count && !status; i++) {
        const struct eventlog_event *event = &view->log->events[i];
        struct text text;
        size_t characters;
        if (!extended(event, index))
            continue;
        if (grub_text(view, event, &text)) {
            facts->command_lines_complete &= text.command_line == after_linux;
            facts->command_lines_complete &= text.command_line || loads_linux(&text) ||
                                             grub_harmless((const char *)text.bytes, text.size);
            if (text.command_line || after_linux)
                status = add_line(view, facts, text.bytes, text.size, 1);
            after_linux = loads_linux(&text);
        } else if (systemd_text(view, event, &characters)) {
            facts->command_lines_complete &= index != PCR_GRUB;
            status = add_line(view, facts, event->data, characters, 2);
        } else {
            facts->command_lines_complete = false;
        }
    }
    facts->command_lines_complete &= !after_linux && facts->command_line_count > 0;
    return status;
}

static cella_status find_command_lines(const struct view *view, struct eventlog_facts *facts)
{
    bool ccel = view->log->form == EVENTLOG_CCEL;
    const uint32_t registers[] = {ccel ? RTMR_INDEX_BOOT : PCR_GRUB, PCR_SYSTEMD_STUB};
    cella_status status = CELLA_OK;
    facts->command_lines_complete = true;
    for (size_t i = 0; i < (ccel ? 1 : 2) && !status; i++) {
        if (is_compared(view, registers[i]))
            status = find_lines(view, registers[i], facts);
        else
            facts->command_lines_complete = false;
    }
    facts->command_lines_complete &= !ccel;
    return status;
}

/* ---- */

static cella_status look(struct view *view, const struct eventlog *log, uint16_t algorithm,
                         cella_error *error)
{
    static const uint8_t zeros[4], ones[4] = {0xff, 0xff, 0xff, 0xff};
    *view = (struct view){.log = log, .error = error};
    cella_status status = eventlog_bank(log, algorithm, &view->bank, error);
    if (status)
        return status;
    view->hash = log->banks[view->bank].hash;
    if (!tpm_digest(view->hash, zeros, sizeof(zeros), view->separators[0]) ||
        !tpm_digest(view->hash, ones, sizeof(ones), view->separators[1]))
        return fail(error, CELLA_MEMORY, "event log: no memory");
    return CELLA_OK;
}

cella_status eventlog_facts(const struct eventlog *log, uint16_t algorithm, uint32_t compared,
                            struct eventlog_facts *facts, cella_error *error)
{
    struct view view;
    memset(facts, 0, sizeof(*facts));
    cella_status status = look(&view, log, algorithm, error);
    view.compared = compared;
    if (!status)
        status = check_separators(&view);
    if (!status)
        status = find_secure_boot(&view, facts);
    if (!status)
        status = find_command_lines(&view, facts);
    if (status)
        eventlog_facts_free(facts);
    return status;
}

void eventlog_facts_free(struct eventlog_facts *facts)
{
    for (size_t i = 0; i < facts->command_line_count; i++)
        free(facts->command_lines[i]);
    memset(facts, 0, sizeof(*facts));
}

bool eventlog_covers(const struct eventlog *log, uint16_t algorithm, uint32_t index,
                     const void *bytes, size_t size)
{
    struct view view;
    if (look(&view, log, algorithm, NULL))
        return false;
    for (size_t i = 0; i < log->count; i++)
        if (extended(&log->events[i], index) && proven(&view, &log->events[i], bytes, size))
            return true;
    return false;
}
