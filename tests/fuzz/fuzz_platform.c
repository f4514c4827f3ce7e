/* SPDX-License-Identifier: Apache-2.0
 *
 * What a platform reads of its own machine, by the first byte: any bytes as the firmware's log, as
 * the kernel's, as what the TPM answers, as tpm.json. A log that is made smaller can be read.
 */
#include "attest/platform_tpm.h"
#include "attest/tpm/credential.h"
#include "attest/tpm/eventlog.h"
#include "attest/tpm/ima.h"
#include "attest/vsm_tpm.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

/* The TPM is what is left of the input: a response is as long as it says, or all of it. */
static const uint8_t *answers;
static size_t answers_size;

static ssize_t answer(int fd, void *bytes, size_t most)
{
    const uint8_t *at = answers;
    (void)fd;
    size_t size = answers_size >= 6
                      ? (size_t)at[2] << 24 | (size_t)at[3] << 16 | (size_t)at[4] << 8 | at[5]
                      : answers_size;
    size = size == 0 || size > answers_size ? answers_size : size;
    size = size > most ? most : size;
    if (size > 0)
        memcpy(bytes, at, size);
    answers += size;
    answers_size -= size;
    return (ssize_t)size;
}

#define read(fd, bytes, size)          answer(fd, bytes, size)
#define write(fd, bytes, size)         ((void)(fd), (void)(bytes), (ssize_t)(size))
#define open(path, flags)              ((void)(path), errno = ENOENT, -1)
#define socket(family, kind, protocol) ((void)(family), errno = ENOENT, -1)
#include "attest/tpm_command.c"
#undef read
#undef write
#undef open
#undef socket

/* A file with these bytes, and no name but this one. */
static int make_file(const uint8_t *data, size_t size, char path[32])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void read_events(const char *path)
{
    struct platform_log made;
    struct eventlog log;
    cella_error error = {0};
    if (platform_log_events(path, 4096, &made, &error)) {
        must(*error.sentence);
        return;
    }
    must(made.size <= 4096);
    if (made.size > 0) {
        must(eventlog_read(made.bytes, made.size, EVENTLOG_TCG2, &log, &error) == CELLA_OK);
        eventlog_free(&log);
    }
    free(made.bytes);
}

/* What was quoted are the first entries of it, so that it is there; the last of them is the
 * launcher. */
static void read_entries(const char *path, const uint8_t *data, size_t size)
{
    struct platform_log made;
    struct ima_log log;
    uint8_t quoted[32] = {0}, digest[32], launcher[32] = {0};
    cella_error error = {0};
    if (ima_read(data, size, &log, &error) == CELLA_OK) {
        for (size_t i = 0; i < log.count && i < 1 + size % 8; i++)
            must(vsm_tpm_entry(&log.entries[i], digest) &&
                 tpm_extend(tpm_hash(TPM_SHA256), quoted, digest, 32));
        const struct ima_entry *last = &log.entries[(size % 8 < log.count ? size % 8 : 0)];
        if (last->digest_size == sizeof(launcher))
            memcpy(launcher, last->digest, sizeof(launcher));
        ima_free(&log);
    }
    error = (cella_error){0};
    cella_status status = platform_log_ima(path, quoted, launcher, 256, &made, &error);
    must(status == CELLA_OK || *error.sentence);
    if (status == CELLA_OK) {
        must(made.digests_size % 32 == 0);
        if (made.size > 0) {
            must(ima_read(made.bytes, made.size, &log, &error) == CELLA_OK);
            ima_free(&log);
        }
        free(made.bytes);
        free(made.digests);
    }
}

static void ask(const uint8_t *data, size_t size)
{
    static struct tpm_answer one, other;
    uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE];
    struct tpm_device device = {.fd = -1, .where = "fuzz"};
    struct tpm_credential credential = {.blob_size = 52, .secret_size = 256};
    uint32_t handle;
    bool there;
    cella_error error = {0};
    cella_status status = CELLA_OK;
    answers = data + 1;
    answers_size = size - 1;
    switch (data[0] >> 2 & 7) {
    case 0:
        status = tpm_device_make_key(&device, &handle, &error);
        break;
    case 1:
        status = tpm_device_read_key(&device, 0x81010001, &one, &error);
        must(status || one.size <= sizeof(one.bytes));
        break;
    case 2:
        status = tpm_device_read_pcrs(&device, VSM_TPM_PCRS, values, &error);
        break;
    case 4:
        status = tpm_device_read_nv(&device, 0x1c0000a, &one, &error);
        must(status || one.size <= sizeof(one.bytes));
        break;
    case 5:
        status = tpm_device_make_endorsement(&device, tpm_endorsement(0), &handle, &one, &error);
        break;
    case 6:
        status = tpm_device_activate(&device, 0x81010001, 0x81010002, tpm_endorsement(0),
                                     &credential, &one, &error);
        break;
    case 7:
        status = tpm_device_has(&device, 0x81010001, &there, &error);
        break;
    default:
        status =
            tpm_device_quote(&device, 0x81010001, VSM_TPM_PCRS, values[0], &one, &other, &error);
        must(status || (one.size <= sizeof(one.bytes) && other.size <= sizeof(other.bytes)));
    }
    must(status == CELLA_OK || *error.sentence);
}

static char folder[] = "/dev/shm/cella-fuzz-XXXXXX", place[64];

static void clean_up(void)
{
    unlink(place);
    rmdir(folder);
}

/* tpm.json; whatever TPM it names, it is not there. */
static void read_place(const uint8_t *data, size_t size)
{
    static const uint8_t launcher[32];
    EVP_PKEY *session = NULL;
    uint8_t *bytes = NULL;
    size_t made;
    cella_error error = {0};
    if (!*place) {
        must(mkdtemp(folder));
        snprintf(place, sizeof(place), "%s/tpm.json", folder);
        atexit(clean_up);
    }
    int fd = open(place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    must(platform_tpm_open(folder, NULL, launcher, &session, &bytes, &made, &error) != CELLA_OK);
    must(*error.sentence && !session && !bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    if (size == 0)
        return 0;
    if (data[0] % 4 == 2) {
        ask(data, size);
        return 0;
    }
    if (data[0] % 4 == 3) {
        read_place(data + 1, size - 1);
        return 0;
    }
    int fd = make_file(data + 1, size - 1, path);
    if (data[0] % 4 == 0)
        read_events(path);
    else
        read_entries(path, data + 1, size - 1);
    close(fd);
    return 0;
}
