/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground of boxes inside.
 */
#include "box_store.h"

#include "../gcm.h"
#include "node.h"
#include "sha256.h"

static bool works;

bool box_store_works(void)
{
    return works;
}

/* The value of a digit of a key in the manifest, which image/ has checked. */
static uint8_t digit(char text)
{
    return (uint8_t)(text <= '9' ? text - '0' : text - 'a' + 10);
}

/* One "NAME=KEY". */
static void key_add(const char *text, size_t length)
{
    uint8_t key[BOX_KEY];
    if (length < 2 * BOX_KEY + 2 || text[length - 2 * BOX_KEY - 1] != '=')
        runtime_stop(RING_STOP_BOOT, length);
    const char *digits = text + length - 2 * BOX_KEY;
    for (size_t i = 0; i < BOX_KEY; i++)
        key[i] = (uint8_t)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
    if (keys_set(text, length - 2 * BOX_KEY - 1, key, NULL) != 0)
        runtime_stop(RING_STOP_BOOT, length);
}

void box_store_start(const struct boot_header *header)
{
    uint64_t size = header->insecure_keys.size;
    for (uint64_t at = 0, length; at < size; at += length + 1) {
        const char *text = (const char *)boot_bytes(header, header->insecure_keys) + at;
        length = strlen(text);
        key_add(text, length);
    }
    works = gcm_start();
}

/* ---- services ---- */

static void release(void *memory, size_t size)
{
    memory_unmap(memory, RING_PAGE_UP(size));
}

static void *allocate(size_t size)
{
    return memory_map(RING_PAGE_UP(size));
}

static void digest(const void *bytes, size_t size, uint8_t result[32])
{
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, bytes, size);
    sha256_end(&hash, result);
}

static void *key_begin(const uint8_t bytes[BOX_KEY])
{
    struct gcm_key *key = allocate(sizeof(*key));
    if (key)
        gcm_key_begin(key, bytes);
    return key;
}

static void key_end(void *key)
{
    memset(key, 0, sizeof(struct gcm_key));
    __asm__ volatile("" : : "r"(key) : "memory");
    release(key, sizeof(struct gcm_key));
}

static bool seal(void *key, struct box_seal *seal, const void *additional, size_t additional_size,
                 const void *from, void *to, size_t size)
{
    gcm_seal(key, seal->nonce, additional, additional_size, from, to, size, seal->tag);
    return true;
}

static bool open(void *key, const struct box_seal *seal, const void *additional,
                 size_t additional_size, const void *from, void *to, size_t size)
{
    return gcm_open(key, seal->nonce, additional, additional_size, from, to, size, seal->tag);
}

const struct box_services box_store_services = {
    .allocate = allocate,
    .release = release,
    .random = random_bytes,
    .sha256 = digest,
    .key_begin = key_begin,
    .key_end = key_end,
    .seal = seal,
    .open = open,
};

/* ---- the host's file ---- */

static int64_t ask(const void *context, uint32_t operation, uint64_t a1, uint64_t a2, int64_t most)
{
    int64_t result;
    do
        result = host_call(operation, *(const uint32_t *)context, a1, a2, 0, 0, most);
    while (result == -EINTR);
    return result;
}

/* Ciphertext: there is nothing in the bounce buffer that would have to be wiped, as host_get does.
 */
static bool file_read(void *context, uint64_t offset, void *bytes, size_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t piece = size - done < RING_BUFFER_SIZE ? size - done : RING_BUFFER_SIZE;
        int64_t got = ask(context, RING_PREAD, piece, offset + done, (int64_t)piece);
        if (got <= 0)
            return false;
        memcpy((uint8_t *)bytes + done, thread_self()->buffer, (size_t)got);
        done += (uint64_t)got;
    }
    return true;
}

static bool file_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t piece = size - done < RING_BUFFER_SIZE ? size - done : RING_BUFFER_SIZE;
        host_put(0, (const uint8_t *)bytes + done, piece);
        int64_t put = ask(context, RING_PWRITE, piece, offset + done, (int64_t)piece);
        if (put <= 0)
            return false;
        done += (uint64_t)put;
    }
    return true;
}

static bool file_size(void *context, uint64_t *size)
{
    struct stat status;
    if (ask(context, RING_STAT, 0, 0, 0) != 0)
        return false;
    host_status(RING_STAT, &status);
    *size = (uint64_t)status.st_size;
    return true;
}

static bool file_truncate(void *context, uint64_t size)
{
    return ask(context, RING_TRUNCATE, size, 0, 0) == 0;
}

static bool file_sync(void *context)
{
    return ask(context, RING_SYNC, 1, 0, 0) == 0;
}

struct box_file box_store_file(uint32_t *handle)
{
    return (struct box_file){
        .context = handle,
        .read = file_read,
        .write = file_write,
        .size = file_size,
        .truncate = file_truncate,
        .sync = file_sync,
    };
}
