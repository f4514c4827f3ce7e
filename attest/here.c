/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence as a program in an enclave gets it: /dev/attestation.
 */
#include "evidence.h"

#include "image/fail.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static cella_status read_quote(uint8_t **bytes, size_t *size, cella_error *error)
{
    int fd = open("/dev/attestation/quote", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    *bytes = malloc(EVIDENCE_MOST);
    for (*size = 0; fd >= 0 && *bytes && *size < EVIDENCE_MOST; *size += (size_t)got)
        if ((got = read(fd, *bytes + *size, EVIDENCE_MOST - *size)) <= 0)
            break;
    if (fd >= 0)
        close(fd);
    if (got == 0 && *size)
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
