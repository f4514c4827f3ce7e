/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of boxes by /dev/attestation/keys (docs/files.md).
 */
#include "set_key.h"

#include "../image/fail.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

cella_status set_key(const char *name, const uint8_t *given, size_t size, cella_error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "/dev/attestation/keys/%s", name);
    int fd = length < PATH_MAX ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    bool good = fd >= 0 && write(fd, given, size) == (ssize_t)size;
    if (fd >= 0)
        close(fd);
    return good ? CELLA_OK
                : fail(error, CELLA_SYSTEM,
                       "the key %.200s cannot be set: has the manifest it among its insecure_keys?",
                       name);
}
