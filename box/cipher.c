/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM, SHA-256 and random bytes from OpenSSL, memory and files from libc.
 */
#include "cipher.h"

#include "aead.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct key { /* both ways, so that no message sets up the key again */
    EVP_CIPHER_CTX *seal, *open;
};

static void *allocate(size_t size)
{
    return calloc(1, size);
}

static void release(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

static void random_fill(void *bytes, size_t size)
{
    /* A nonce that is no random number would give the key away. */
    if (size > INT32_MAX || RAND_bytes(bytes, (int)size) != 1)
        abort();
}

static void key_end(void *prepared)
{
    struct key *key = prepared;
    EVP_CIPHER_CTX_free(key->seal);
    EVP_CIPHER_CTX_free(key->open);
    free(key);
}

static void *key_begin(const uint8_t bytes[BOX_KEY])
{
    struct key *key = calloc(1, sizeof(*key));
    if (!key)
        return NULL;
    key->seal = aead_new(bytes, true);
    key->open = aead_new(bytes, false);
    if (key->seal && key->open)
        return key;
    key_end(key);
    return NULL;
}

static bool seal(void *prepared, struct box_seal *seal, const void *additional,
                 size_t additional_size, const void *from, void *to, size_t size)
{
    return aead_seal(((struct key *)prepared)->seal, seal->nonce, additional, additional_size, from,
                     size, to, seal->tag);
}

static bool open_sealed(void *prepared, const struct box_seal *seal, const void *additional,
                        size_t additional_size, const void *from, void *to, size_t size)
{
    return aead_open(((struct key *)prepared)->open, seal->nonce, additional, additional_size, from,
                     size, to, seal->tag);
}

const struct box_services box_services = {
    .allocate = allocate,
    .release = release,
    .random = random_fill,
    .sha256 = aead_sha256,
    .key_begin = key_begin,
    .key_end = key_end,
    .seal = seal,
    .open = open_sealed,
};

/* ---- files ---- */

static bool file_read(void *context, uint64_t offset, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(*(const int *)context, (uint8_t *)bytes + done, size - done,
                            (off_t)(offset + done));
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool file_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(*(const int *)context, (const uint8_t *)bytes + done, size - done,
                             (off_t)(offset + done));
        if (put < 0 && errno != EINTR)
            return false;
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool file_size(void *context, uint64_t *size)
{
    struct stat status;
    if (fstat(*(const int *)context, &status) != 0 || status.st_size < 0)
        return false;
    *size = (uint64_t)status.st_size;
    return true;
}

static bool file_truncate(void *context, uint64_t size)
{
    return ftruncate(*(const int *)context, (off_t)size) == 0;
}

static bool file_sync(void *context)
{
    return fdatasync(*(const int *)context) == 0;
}

struct box_file box_file_of(const int *descriptor)
{
    return (struct box_file){
        .context = (void *)descriptor,
        .read = file_read,
        .write = file_write,
        .size = file_size,
        .truncate = file_truncate,
        .sync = file_sync,
    };
}
