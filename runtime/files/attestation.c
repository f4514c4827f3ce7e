/* SPDX-License-Identifier: Apache-2.0
 *
 * /dev/attestation, by Gramine's names, where the manifest says "attestation": true:
 *   user_report_data  64 bytes that evidence binds; what is written is what is read
 *   quote             evidence over them, made anew by each open; EIO where the host has none
 *   attestation_type  cella-vsm, cella-process or none
 *   keys/NAME         32 bytes, written once; can be opened for writing alone
 *
 * What evidence there is is the host's word, and so are its bytes: they convince who verifies
 * them, nobody in here.
 */
#include "node.h"

#define KEY_BYTES 32u

static struct lock report_lock;
static uint8_t report_data[RING_REPORT_DATA];

void attestation_forget(void)
{
    memset(report_data, 0, sizeof(report_data));
}

/* ---- user_report_data ---- */

/* A write at the start begins anew, so that what is shorter has zeros behind it. */
static long report_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    uint8_t bytes[RING_REPORT_DATA];
    uint64_t size = transfer->left, at = *position;
    (void)file;
    if (at > sizeof(bytes) || size > sizeof(bytes) - at)
        return -EINVAL;
    long result = transfer_in(transfer, bytes, size);
    if (result < 0)
        return result;
    lock_acquire(&report_lock);
    if (at == 0)
        memset(report_data, 0, sizeof(report_data));
    memcpy(report_data + at, bytes, size);
    lock_release(&report_lock);
    *position += size;
    return (long)size;
}

static void report_copy(uint8_t bytes[RING_REPORT_DATA])
{
    lock_acquire(&report_lock);
    memcpy(bytes, report_data, RING_REPORT_DATA);
    lock_release(&report_lock);
}

static long report_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    uint8_t bytes[RING_REPORT_DATA];
    (void)file;
    uint64_t size = *position < sizeof(bytes) ? sizeof(bytes) - *position : 0;
    size = size < transfer->left ? size : transfer->left;
    report_copy(bytes);
    if (transfer_out(transfer, bytes + *position, size) < 0)
        return -EFAULT;
    *position += size;
    return (long)size;
}

static const struct node_operations report_operations = {
    .positioned = true,
    .read = report_read,
    .write = report_write,
    .seek = node_seek,
    .status = node_status,
};

/* ---- quote, attestation_type: what an open finds stays what it reads ---- */

static void answer_destroy(struct node *node)
{
    memory_free((void *)node->constant.bytes);
}

static const struct node_operations answer_operations = {
    .positioned = true,
    .read = constant_read,
    .seek = node_seek,
    .status = node_status,
    .destroy = answer_destroy,
};

/* Puts a node of its own in the place of `*node`, with these bytes, which become its own (NULL: no
 * memory). */
static long answer(struct node **node, uint8_t *bytes, uint64_t size)
{
    struct node *made = bytes ? node_new(&answer_operations, (*node)->mode) : NULL;
    if (!made) {
        memory_free(bytes);
        return -ENOMEM;
    }
    made->constant.bytes = bytes;
    made->size = size;
    node_put(*node);
    *node = made;
    return 0;
}

/* Evidence, of which the head is in the bounce buffer. */
static long fetch(uint8_t *bytes, uint64_t size)
{
    for (uint64_t at = 0; at < size;) {
        int64_t part = (int64_t)(size - at < RING_BUFFER_SIZE ? size - at : RING_BUFFER_SIZE);
        if (at > 0 && host_call_slow(RING_QUOTE, at, 0, 0, 0, part, part) < 0)
            return -EIO;
        host_get(0, bytes + at, (size_t)part);
        at += (uint64_t)part;
    }
    return 0;
}

static long quote_open(struct node **node)
{
    uint8_t data[RING_REPORT_DATA];
    report_copy(data);
    host_put(0, data, sizeof(data));
    int64_t size = host_call_slow(RING_QUOTE, 0, 0, 0, 0, 1, RING_EVIDENCE_MOST);
    if (size < 0)
        return -EIO;
    uint8_t *bytes = memory_allocate((size_t)size);
    long result = bytes ? fetch(bytes, (uint64_t)size) : -ENOMEM;
    if (result == 0)
        return answer(node, bytes, (uint64_t)size);
    memory_free(bytes);
    return result;
}

static long type_open(struct node **node)
{
    static const char *const names[] = {
        [RING_ATTESTATION_NONE] = "none",
        [RING_ATTESTATION_VSM] = "cella-vsm",
        [RING_ATTESTATION_PROCESS] = "cella-process",
    };
    int64_t type = host_call(RING_ATTESTATION, 0, 0, 0, 0, 0, RING_ATTESTATION_PROCESS);
    const char *name = names[type < 0 ? RING_ATTESTATION_NONE : type];
    uint8_t *bytes = memory_allocate(strlen(name));
    if (bytes)
        memcpy(bytes, name, strlen(name));
    return answer(node, bytes, strlen(name));
}

static const struct node_operations quote_operations = {.open = quote_open, .status = node_status};
static const struct node_operations type_operations = {.open = type_open, .status = node_status};

/* ---- keys ---- */

static struct node *keys_directory;

static long key_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    const struct node *node = file->node;
    uint8_t given[2 * KEY_BYTES]; /* the key, then the version that it is for */
    size_t size = transfer->left;
    (void)position;
    if (size != KEY_BYTES && size != sizeof(given))
        return -EINVAL;
    long result = transfer_in(transfer, given, size);
    if (result == 0)
        result = keys_set(node->name, node->name_length, given,
                          size == sizeof(given) ? given + KEY_BYTES : NULL);
    return result < 0 ? result : (long)size;
}

static const struct node_operations key_operations = {.write = key_write, .status = node_status};

bool attestation_is_keys(const struct node *directory)
{
    return directory == keys_directory;
}

struct node *attestation_key(const char *name, size_t length)
{
    struct node *node = node_new(&key_operations, S_IFREG | 0200);
    if (node && tree_link(keys_directory, node, name, length) < 0) {
        node_put(node);
        return NULL;
    }
    return node;
}

static void put(const char *path, const struct node_operations *operations, uint32_t mode)
{
    tree_mount(path, strlen(path), operations, S_IFREG | mode);
}

void attestation_start(void)
{
    static const char keys[] = "/dev/attestation/keys";
    put("/dev/attestation/user_report_data", &report_operations, 0600);
    put("/dev/attestation/quote", &quote_operations, 0400);
    put("/dev/attestation/attestation_type", &type_operations, 0400);
    keys_directory = tree_mount(keys, strlen(keys), &directory_operations, S_IFDIR | 0700);
}
