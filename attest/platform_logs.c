/* SPDX-License-Identifier: Apache-2.0
 *
 * The logs of this boot, as evidence carries them: small, since every piece of evidence has them.
 */
#include "image/fail.h"
#include "platform_tpm.h"
#include "reader.h"
#include "tpm/ima.h"
#include "vsm_tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCR_GRUB   8
#define AUTHORITY  0x800000e0  /* EV_EFI_VARIABLE_AUTHORITY: a certificate that vouched */
#define IMA_WHOLE  (32u << 10) /* bytes of entries that are carried where nothing asks for them */
#define DATA_LEAST 64          /* data of this size are kept; longer ones where facts need them */

/* Files of securityfs do not say their size. One that is not there is empty. */
static cella_status read_log(const char *path, size_t most, uint8_t **bytes, size_t *size,
                             cella_error *error)
{
    uint8_t *buffer = malloc(1), *more;
    size_t room = 1;
    ssize_t got = 0;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool missing = fd < 0 && errno == ENOENT;
    if (fd < 0 && !missing) {
        free(buffer);
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    }
    while (!missing && buffer && *size < most) {
        if (*size == room || room == 1) {
            more = realloc(buffer, room = 2 * room + 65536);
            if (!more)
                free(buffer);
            buffer = more;
        }
        if (!buffer || (got = read(fd, buffer + *size, room - *size)) <= 0)
            break;
        *size += (size_t)got;
    }
    int number = errno;
    if (fd >= 0)
        close(fd);
    *bytes = buffer;
    if (buffer && got >= 0 && *size < most)
        return CELLA_OK;
    free(buffer);
    *bytes = NULL;
    if (!buffer)
        return fail(error, CELLA_MEMORY, "%s: no memory to read it", path);
    return got < 0 ? fail(error, CELLA_SYSTEM, "%s: cannot be read: %s", path, strerror(number))
                   : fail(error, CELLA_INVALID, "%s: has more than %zu bytes", path, most);
}

/* ---- the firmware's ---- */

static uint8_t *put(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

/* The first event of a crypto-agile log: which banks it has (eventlog.h). */
static uint8_t *put_banks(uint8_t *to)
{
    static const char signature[16] = "Spec ID Event03";
    to = put(to, 0, 4);
    to = put(to, 3, 4);
    memset(to, 0, 20);
    to = put(to + 20, sizeof(signature) + 4 + 4 + 4 + 4 + 1, 4);
    memcpy(to, signature, sizeof(signature));
    to = put(to + sizeof(signature), 0, 4);
    to = put(to, 0x02000200, 4); /* version 2.0; UINTN has 8 bytes */
    to = put(to, 1, 4);
    to = put(to, TPM_SHA256, 2);
    to = put(to, 32, 2);
    return put(to, 0, 1);
}

static uint8_t *put_event(uint8_t *to, const struct eventlog_event *event, size_t bank)
{
    bool whole = event->size <= DATA_LEAST || event->index == PCR_GRUB || event->type == AUTHORITY;
    to = put(to, event->index, 4);
    to = put(to, event->type, 4);
    to = put(to, 1, 4);
    to = put(to, TPM_SHA256, 2);
    memcpy(to, event->digests[bank], 32);
    to = put(to + 32, whole ? event->size : 0, 4);
    if (whole && event->size)
        memcpy(to, event->data, event->size);
    return to + (whole ? event->size : 0);
}

/* An event grows by no more than what a bank takes. */
static cella_status compact(const struct eventlog *log, size_t size, size_t most,
                            struct platform_log *result, cella_error *error)
{
    size_t bank = 0;
    while (bank < log->bank_count && log->banks[bank].id != TPM_SHA256)
        bank++;
    if (bank == log->bank_count)
        return fail(error, CELLA_UNSUPPORTED, "event log: it has no digests of SHA-256");
    uint8_t *bytes = malloc(size + (log->count + 1) * 64), *to = bytes;
    if (!bytes)
        return fail(error, CELLA_MEMORY, "no memory for the event log");
    to = put_banks(to);
    for (size_t i = 0; i < log->count; i++)
        if (log->events[i].digests[bank] && log->events[i].index < TPM_PCRS &&
            VSM_TPM_PCRS >> log->events[i].index & 1)
            to = put_event(to, &log->events[i], bank);
    result->bytes = bytes;
    result->size = (size_t)(to - bytes) <= most ? (size_t)(to - bytes) : 0;
    return CELLA_OK;
}

cella_status platform_log_events(const char *path, size_t most, struct platform_log *result,
                                 cella_error *error)
{
    struct eventlog log = {0};
    uint8_t *bytes;
    size_t size;
    memset(result, 0, sizeof(*result));
    cella_status status = read_log(path, EVENTLOG_MOST, &bytes, &size, error);
    if (status || size == 0) {
        free(bytes);
        return status;
    }
    status = eventlog_read(bytes, size, EVENTLOG_TCG2, &log, error);
    if (status == CELLA_OK)
        status = compact(&log, size, most, result, error);
    eventlog_free(&log);
    free(bytes);
    return status;
}

/* ---- the kernel's ---- */

/* Bytes up to the entry with this number (ima.h); all was read before, so they are there. */
static size_t bytes_before(const uint8_t *bytes, size_t size, size_t entry)
{
    struct reader reader = {.bytes = bytes, .size = size};
    for (size_t i = 0; i < entry; i++) {
        read_bytes(&reader, 4 + 20);
        size_t length = (size_t)read_little(&reader, 4);
        const uint8_t *name = read_bytes(&reader, length);
        if (name && length == 3 && memcmp(name, "ima", 3) == 0)
            read_bytes(&reader, 20);
        read_bytes(&reader, (size_t)read_little(&reader, 4));
    }
    return size - reader.size;
}

static size_t find_launcher(const struct ima_log *log, size_t count, const uint8_t launcher[32])
{
    for (size_t i = count; i-- > 0;)
        if (!log->entries[i].violation && log->entries[i].digest_size == 32 &&
            memcmp(log->entries[i].digest, launcher, 32) == 0)
            return i;
    return count;
}

static cella_status put_digests(const struct ima_log *log, size_t count,
                                struct platform_log *result, cella_error *error)
{
    result->digests = malloc(32 * count + 1);
    for (size_t i = 0; i < count; i++)
        if (!result->digests || !vsm_tpm_entry(&log->entries[i], result->digests + 32 * i))
            return fail(error, CELLA_MEMORY, "no memory for the IMA log");
    result->digests_size = 32 * count;
    return CELLA_OK;
}

/* Digests of all entries, or it proves nothing; of the entries themselves all, or what has to be
 * seen: the first and the launcher's. */
static cella_status cut(const struct ima_log *log, size_t count, const uint8_t *bytes, size_t size,
                        const uint8_t launcher[32], size_t most, struct platform_log *result,
                        cella_error *error)
{
    size_t whole = bytes_before(bytes, size, count), found = find_launcher(log, count, launcher);
    if (count > most / 32)
        return CELLA_OK;
    cella_status status = put_digests(log, count, result, error);
    if (status)
        return status;
    result->bytes = malloc(whole + 1);
    if (!result->bytes)
        return fail(error, CELLA_MEMORY, "no memory for the IMA log");
    bool all = whole <= IMA_WHOLE && whole <= most - result->digests_size;
    result->size = all ? whole : bytes_before(bytes, size, count ? 1 : 0);
    memcpy(result->bytes, bytes, result->size);
    if (!all && found > 0 && found < count) {
        size_t from = bytes_before(bytes, size, found), to = bytes_before(bytes, size, found + 1);
        memcpy(result->bytes + result->size, bytes + from, to - from);
        result->size += to - from;
    }
    return CELLA_OK;
}

cella_status platform_log_ima(const char *path, const uint8_t quoted[32],
                              const uint8_t launcher[32], size_t most, struct platform_log *result,
                              cella_error *error)
{
    struct ima_log log = {0};
    uint8_t *bytes, pcr[TPM_HASH_MOST] = {0};
    size_t size, count;
    enum ima_extends extends;
    memset(result, 0, sizeof(*result));
    cella_status status = read_log(path, IMA_MOST, &bytes, &size, error);
    if (status || size == 0) {
        free(bytes);
        return status;
    }
    memcpy(pcr, quoted, 32);
    status = ima_read(bytes, size, &log, error);
    if (status == CELLA_OK && bytes[0] != IMA_PCR)
        status = fail(error, CELLA_INVALID,
                      "%s: is the IMA log in text; binary_runtime_measurements is wanted", path);
    if (status == CELLA_OK)
        status = ima_match(&log, tpm_hash(TPM_SHA256), pcr, &count, &extends, error);
    if (status == CELLA_OK && extends != IMA_HASHED)
        status =
            fail(error, CELLA_UNSUPPORTED,
                 "IMA log: this kernel extends PCRs of SHA-256 with SHA-1; Linux 5.8 and later "
                 "does not");
    if (status == CELLA_OK)
        status = cut(&log, count, bytes, size, launcher, most, result, error);
    ima_free(&log);
    free(bytes);
    return status;
}
