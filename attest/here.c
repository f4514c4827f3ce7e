/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence as a program in an enclave gets it: /dev/attestation.
 */
#include "evidence.h"

#include "image/fail.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of a file, whose size is known. False: not so. */
static bool read_file(int fd, uint8_t **bytes, size_t *size)
{
    struct stat facts;
    ssize_t got = 0;
    if (fd < 0 || fstat(fd, &facts) || facts.st_size <= 0 || facts.st_size > EVIDENCE_MOST)
        return false;
    *bytes = malloc((size_t)facts.st_size);
    for (*size = 0; *bytes && *size < (size_t)facts.st_size; *size += (size_t)got)
        if ((got = read(fd, *bytes + *size, (size_t)facts.st_size - *size)) <= 0)
            return false;
    return *bytes;
}

static cella_status read_quote(uint8_t **bytes, size_t *size, cella_error *error)
{
    int fd = open("/dev/attestation/quote", O_RDONLY | O_CLOEXEC);
    *bytes = NULL;
    bool good = read_file(fd, bytes, size);
    if (fd >= 0)
        close(fd);
    if (good)
        return CELLA_OK;
    free(*bytes);
    *bytes = NULL;
    return fail(error, CELLA_SYSTEM,
                "there is no evidence of this enclave: the host has no platform key; make one with "
                "`cella platform init`");
}

cella_status evidence_here(const uint8_t report_data[64], uint8_t **bytes, size_t *size,
                           cella_error *error)
{
    if (!report_data)
        return read_quote(bytes, size, error);
    int fd = open("/dev/attestation/user_report_data", O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, report_data, 64) == 64;
    if (fd >= 0)
        close(fd);
    if (good)
        return read_quote(bytes, size, error);
    return fail(error, CELLA_SYSTEM,
                "/dev/attestation cannot be written: is the manifest's \"attestation\" true?");
}
