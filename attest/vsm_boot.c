/* SPDX-License-Identifier: Apache-2.0
 *
 * What an event log says of a machine that booted by UEFI, shim and GRUB. Whoever gives the log may
 * call a digest what he likes, and root may extend PCRs after the boot. So a fact is taken only
 * where no other reading of the same digests is left: GRUB measures every command before it obeys
 * it, hence all of them must be there as text, none may start anything but by "linux", and that
 * comes once.
 */
#include "vsm_tpm.h"

#include "image/fail.h"
#include "reader.h"
#include "tpm/grub.h"

#include <string.h>

#define PCR_IMAGES 4
#define PCR_SECURE 7
#define PCR_GRUB   8
#define EV_NOTHING 3 /* EV_NO_ACTION: extends nothing */
#define COMMAND    "grub_cmd: "
#define LINE       "kernel_cmdline: "

/* ---- PCR 4 ---- */

static bool is_text(const struct tpm_hash *hash, const uint8_t *digest, const void *text,
                    size_t size)
{
    return tpm_digest_is(hash, digest, text, size);
}

static bool is_separator(const uint8_t *digest)
{
    static const uint8_t separators[2][4] = {{0}, {0xff, 0xff, 0xff, 0xff}};
    const struct tpm_hash *hash = tpm_hash(TPM_SHA256);
    return is_text(hash, digest, separators[0], 4) || is_text(hash, digest, separators[1], 4);
}

/* All of PCR 4 that is none of the firmware's marks is the digest of a program. */
static bool is_mark(const uint8_t *digest)
{
    static const char *const marks[] = {"Calling EFI Application from Boot Option",
                                        "Returning from EFI Application from Boot Option",
                                        "Booting BCV Device", "Exit Boot Services Invocation"};
    const struct tpm_hash *hash = tpm_hash(TPM_SHA256);
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (is_text(hash, digest, marks[i], strlen(marks[i])))
            return true;
    return is_separator(digest);
}

/* The shim has what GRUB starts measured twice: one after the other counts once. */
static cella_status read_images(const struct eventlog *log, size_t bank, struct vsm_boot *boot,
                                cella_error *error)
{
    for (size_t i = 0; i < log->count; i++) {
        const struct eventlog_event *event = &log->events[i];
        if (event->index != PCR_IMAGES || event->type == EV_NOTHING ||
            is_mark(event->digests[bank]))
            continue;
        if (boot->image_count &&
            memcmp(boot->images[boot->image_count - 1], event->digests[bank], 32) == 0)
            continue;
        if (boot->image_count == CELLA_BOOT_IMAGES)
            return fail(error, CELLA_REFUSED, "event log: more than %d programs were booted",
                        CELLA_BOOT_IMAGES);
        memcpy(boot->images[boot->image_count++], event->digests[bank], 32);
    }
    return CELLA_OK;
}

/* ---- PCR 7 ---- */

/* UEFI_VARIABLE_DATA: GUID (16), characters of the name (8), bytes of the value (8), name in
 * UTF-16, value. That of a certificate which vouched for a program is an EFI_SIGNATURE_DATA: owner
 * (16), certificate. False: malformed, or the shim was told to verify nothing. */
static bool read_authority(const struct eventlog_event *event, struct vsm_boot *boot)
{
    static const uint8_t told[] = "M\0o\0k\0S\0B\0S\0t\0a\0t\0e";
    struct reader reader = {.bytes = event->data, .size = event->size};
    uint8_t hash[32];
    read_bytes(&reader, 16);
    uint64_t characters = read_little(&reader, 8), size = read_little(&reader, 8);
    if (reader.failed || characters > reader.size / 2)
        return false;
    const uint8_t *name = read_bytes(&reader, 2 * (size_t)characters);
    if (reader.size != size ||
        (characters == sizeof(told) / 2 && memcmp(name, told, sizeof(told)) == 0))
        return false;
    if (size < 18 || reader.bytes[16] != 0x30 || reader.bytes[17] != 0x82)
        return true; /* no certificate: SbatLevel */
    if (!tpm_digest(tpm_hash(TPM_SHA256), reader.bytes + 16, (size_t)size - 16, hash) ||
        boot->authority_count == CELLA_BOOT_IMAGES)
        return false;
    memcpy(boot->authorities[boot->authority_count++], hash, sizeof(hash));
    return true;
}

/* After the separator comes who vouched for what was started. All of it must be there. */
static bool read_authorities(const struct eventlog *log, size_t bank, struct vsm_boot *boot)
{
    bool separated = false;
    for (size_t i = 0; i < log->count; i++) {
        const struct eventlog_event *event = &log->events[i];
        if (event->index != PCR_SECURE || event->type == EV_NOTHING)
            continue;
        if (!separated)
            separated = is_separator(event->digests[bank]);
        else if (!is_text(tpm_hash(TPM_SHA256), event->digests[bank], event->data, event->size) ||
                 !read_authority(event, boot))
            return false;
    }
    return separated;
}

/* ---- PCR 8 ---- */

struct text {
    const char *bytes;
    size_t size;
};

static bool begins(const struct eventlog_event *event, const char *prefix, struct text *rest)
{
    size_t length = strlen(prefix);
    if (event->size < length || memcmp(event->data, prefix, length) != 0)
        return false;
    *rest = (struct text){(const char *)event->data + length, event->size - length};
    if (rest->size && rest->bytes[rest->size - 1] == 0)
        rest->size--;
    return true;
}

static bool is_linux(const struct text *command, struct text *line)
{
    static const char word[] = "linux ";
    size_t length = strlen(word);
    if (command->size < length || memcmp(command->bytes, word, length) != 0)
        return false;
    *line = (struct text){command->bytes + length, command->size - length};
    return true;
}

/* Printable ASCII, and none of what quotes: then words are what spaces part. */
static bool is_plain(const struct text *line)
{
    for (size_t i = 0; i < line->size; i++)
        if (line->bytes[i] < ' ' || line->bytes[i] > '~' || strchr("\"\\'", line->bytes[i]))
            return false;
    return line->size > 0 && line->size <= CELLA_COMMAND_LINE;
}

static void take_line(const struct text *line, struct vsm_boot *boot)
{
    const char *space = memchr(line->bytes, ' ', line->size);
    size_t path = space ? (size_t)(space - line->bytes) + 1 : line->size;
    memcpy(boot->line, line->bytes + path, line->size - path);
}

/* True: "linux LINE" comes once, right before "kernel_cmdline: LINE", among nothing but harmless
 * commands. */
static bool read_line(const struct eventlog *log, size_t bank, struct vsm_boot *boot)
{
    const struct tpm_hash *hash = tpm_hash(TPM_SHA256);
    struct text line = {0};
    enum { BEFORE, AT, AFTER } place = BEFORE;
    for (size_t i = 0; i < log->count; i++) {
        const struct eventlog_event *event = &log->events[i];
        struct text text, given;
        if (event->index != PCR_GRUB || event->type == EV_NOTHING)
            continue;
        bool command = begins(event, COMMAND, &text);
        if ((!command && !begins(event, LINE, &text)) ||
            !is_text(hash, event->digests[bank], text.bytes, text.size) || command == (place == AT))
            return false;
        if (!command) {
            if (text.size != line.size || memcmp(text.bytes, line.bytes, line.size) != 0)
                return false;
            place = AFTER;
        } else if (is_linux(&text, &given)) {
            if (place != BEFORE || !is_plain(&given))
                return false;
            line = given;
            place = AT;
        } else if (!grub_harmless(text.bytes, text.size)) {
            return false;
        }
    }
    if (place == AFTER)
        take_line(&line, boot);
    return place == AFTER;
}

cella_status vsm_boot_read(const struct eventlog *log, struct vsm_boot *boot, cella_error *error)
{
    struct eventlog_facts facts;
    memset(boot, 0, sizeof(*boot));
    cella_status status = eventlog_facts(log, TPM_SHA256, VSM_TPM_PCRS, &facts, error);
    if (status)
        return status;
    boot->secure_boot = facts.secure_boot_known && facts.secure_boot;
    eventlog_facts_free(&facts);
    size_t bank = 0;
    while (log->banks[bank].id != TPM_SHA256) /* it was replayed, so it is there */
        bank++;
    boot->secure_boot = read_authorities(log, bank, boot) && boot->secure_boot;
    read_line(log, bank, boot);
    return read_images(log, bank, boot, error);
}
