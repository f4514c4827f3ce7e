/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and digests. With OpenSSL's low-level functions, as in tee/measure.c: nothing else of
 * libcrypto is linked into the command then, which starts the sooner.
 */
#define OPENSSL_API_COMPAT 0x10101000L

#include "file.h"

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static cella_status open_regular(const char *path, int *descriptor, uint64_t *size,
                                 cella_error *error)
{
    /* O_NONBLOCK: a FIFO in place of the file must not hang the caller. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(error, errno == ENOENT ? CELLA_INVALID : CELLA_SYSTEM, "%s: cannot open: %s",
                    path, strerror(errno));
    struct stat status;
    if (fstat(fd, &status) != 0) {
        int saved = errno;
        close(fd);
        return fail(error, CELLA_SYSTEM, "%s: cannot be examined: %s", path, strerror(saved));
    }
    if (!S_ISREG(status.st_mode)) {
        close(fd);
        return fail(error, CELLA_INVALID, "%s: not a regular file", path);
    }
    *descriptor = fd;
    *size = (uint64_t)status.st_size;
    return CELLA_OK;
}

/* Fills the buffer as far as the file reaches; -1 on an error. */
static ssize_t read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

cella_status file_read(const char *path, uint64_t limit, uint8_t **bytes, size_t *size,
                       cella_error *error)
{
    int fd;
    uint64_t length;
    cella_status status = open_regular(path, &fd, &length, error);
    if (status != CELLA_OK)
        return status;
    if (length > limit) {
        close(fd);
        return fail(error, CELLA_INVALID, "%s: %llu bytes; at most %llu are read", path,
                    (unsigned long long)length, (unsigned long long)limit);
    }
    uint8_t *buffer = malloc(length + 1);
    if (!buffer) {
        close(fd);
        return fail(error, CELLA_MEMORY, "%s: no memory for %llu bytes", path,
                    (unsigned long long)length);
    }
    /* Pages for a large buffer in one call instead of a fault each; where that fails, faults do. */
    uintptr_t from = ((uintptr_t)buffer + 4095) & ~(uintptr_t)4095;
    uintptr_t to = ((uintptr_t)buffer + length) & ~(uintptr_t)4095;
    if (to > from)
        madvise((void *)from, to - from, MADV_POPULATE_WRITE);
    ssize_t got = read_all(fd, buffer, length);
    int saved = errno;
    close(fd);
    if (got < 0 || (uint64_t)got != length) {
        free(buffer);
        return got < 0 ? fail(error, CELLA_SYSTEM, "%s: cannot read: %s", path, strerror(saved))
                       : fail(error, CELLA_INVALID, "%s: became shorter while it was read", path);
    }
    buffer[length] = 0;
    *bytes = buffer;
    *size = length;
    return CELLA_OK;
}

cella_status file_digest(const char *path, uint8_t sha256[32], uint64_t *size, cella_error *error)
{
    enum { BLOCK = 1 << 18 };
    int fd;
    uint64_t length;
    cella_status status = open_regular(path, &fd, &length, error);
    if (status != CELLA_OK)
        return status;
    SHA256_CTX digest;
    uint8_t *block = malloc(BLOCK);
    uint64_t total = 0;
    bool good = SHA256_Init(&digest) == 1;
    if (!block) {
        status = fail(error, CELLA_MEMORY, "%s: no memory to hash it", path);
        goto out;
    }
    for (;;) {
        ssize_t got = read_all(fd, block, BLOCK);
        if (got < 0) {
            status = fail(error, CELLA_SYSTEM, "%s: cannot read: %s", path, strerror(errno));
            goto out;
        }
        good = good && SHA256_Update(&digest, block, (size_t)got) == 1;
        total += (uint64_t)got;
        if (got < BLOCK)
            break;
    }
    *size = total;
    if (!good || SHA256_Final(sha256, &digest) != 1)
        status = fail(error, CELLA_SYSTEM, "%s: cannot be hashed", path);
out:
    free(block);
    close(fd);
    return status;
}

cella_status digest_bytes(const void *bytes, size_t size, uint8_t sha256[32], cella_error *error)
{
    SHA256_CTX digest;
    if (SHA256_Init(&digest) != 1 || SHA256_Update(&digest, bytes, size) != 1 ||
        SHA256_Final(sha256, &digest) != 1)
        return fail(error, CELLA_SYSTEM, "SHA-256 of %zu bytes cannot be computed", size);
    return CELLA_OK;
}

bool file_write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size) {
        ssize_t done = write(fd, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        size -= (size_t)done;
    }
    return true;
}

cella_status file_folder(const char *path, mode_t mode, cella_error *error)
{
    char part[PATH_MAX], *slash = part;
    struct stat there;
    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return fail(error, CELLA_INVALID, "%.100s...: the path is too long", path);
    do {
        slash = *slash ? strchr(slash + 1, '/') : NULL;
        if (slash)
            *slash = 0;
        int failed = mkdir(part, mode) ? errno : 0;
        if (failed && (stat(part, &there) || !S_ISDIR(there.st_mode)))
            return fail(error, CELLA_SYSTEM, "%s: no folder can be made there: %s", part,
                        strerror(failed));
        if (slash)
            *slash = '/';
    } while (slash);
    return CELLA_OK;
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
