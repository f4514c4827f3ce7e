/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the kind `box`: one of the manifest, or one in a directory of boxes. A directory is
 * flat; its names are the host's, and each box in it says in its header which one is its own.
 *
 * What must always hold:
 *   1. a box is open once, whoever has it open: by one node, which is in `open_nodes`;
 *   2. `boxes_lock` is held where nodes are opened, closed, removed or renamed, before a node's;
 *   3. around everything that encrypts, the program's vector registers are saved.
 */
#include "../gcm.h"
#include "box_store.h"
#include "node.h"

#define CACHE_MOST  4096u            /* pages of data, and of nodes: 16 MiB each */
#define CACHE_SHARE 64u              /* but each no more than this part of the heap */
#define MADE_SIZE   (3 * FILES_PAGE) /* a shorter one was being made when its maker was killed */

static struct lock boxes_lock;
static struct node *open_nodes;

static const struct boot_file *sealed_source(const struct sealed *sealed)
{
    return (const struct boot_file *)boot_bytes(boot, boot->files) + sealed->index;
}

static bool is_writable(const struct node *node)
{
    return sealed_source(&node->sealed)->flags & BOOT_FILE_WRITABLE;
}

bool box_is_read_only(const struct node *node)
{
    return !is_writable(node);
}

/* ---- faults ---- */

/* The host, told of kind and block, makes a sentence of it; the program gets -EIO. */
static long told(const struct node *node, struct box_fault fault)
{
    const struct boot_file *source = sealed_source(&node->sealed);
    uint64_t length = source->path.size;
    host_put(0, boot_bytes(boot, source->path), length);
    if (node->sealed.name) {
        host_put(length++, "/", 1);
        host_put(length, node->sealed.name, node->sealed.name_length);
        length += node->sealed.name_length;
    }
    (void)host_call(RING_LOG, RING_LOG_BOX, fault.kind, fault.block, length, 0, 0);
    return -EIO;
}

/* After a call of the core that failed: told once. */
static long failed(struct node *node)
{
    if (!node->sealed.told)
        told(node, box_fault(node->sealed.box));
    node->sealed.told = true;
    return -EIO;
}

/* ---- open and closed ---- */

static void core_enter(struct node *node, struct vector_state *state)
{
    lock_acquire(&node->lock);
    vector_save(state);
}

static void core_leave(struct node *node, struct vector_state *state)
{
    vector_restore(state);
    lock_release(&node->lock);
}

static long host_open(const struct sealed *sealed, bool writable, bool creates)
{
    host_put(0, sealed->name, sealed->name_length);
    return (long)host_call(RING_OPEN, sealed->index,
                           RING_OPEN_READ | RING_OPEN_LOCK | (writable ? RING_OPEN_WRITE : 0) |
                               (creates ? RING_OPEN_CREATE : 0),
                           0600, sealed->name_length, 3, FILES_HANDLE);
}

static void handle_close(const struct sealed *sealed)
{
    (void)host_call(RING_CLOSE, sealed->handle, 0, 0, 0, 0, 0);
}

/* The last component of the manifest's path. */
static const char *own_name(const struct boot_file *source, size_t *length)
{
    const char *path = boot_bytes(boot, source->path), *name = path + source->path.size;
    while (name > path && name[-1] != '/')
        name--;
    *length = (size_t)(path + source->path.size - name);
    return name;
}

/* The one that the key is for, or the manifest's; NULL: any. */
static const uint8_t *expected_version(const struct boot_file *source, const struct key *key)
{
    if (key->bound)
        return key->version;
    return source->flags & BOOT_FILE_VERSION ? source->sha256 : NULL;
}

/* Two versions that cannot both be, or one of a box that is yet to be made. */
static bool contradicts(const struct boot_file *source, const struct key *key, bool made)
{
    return key->bound && (made || (source->flags & BOOT_FILE_VERSION &&
                                   memcmp(key->version, source->sha256, 32) != 0));
}

static long core_open(struct node *node, const struct key *key, bool made)
{
    struct sealed *sealed = &node->sealed;
    const struct boot_file *source = sealed_source(sealed);
    uint64_t cache = boot->heap.size / CACHE_SHARE / FILES_PAGE;
    struct vector_state state;
    struct box_fault fault;
    struct box_opening opening = {
        .services = &box_store_services,
        .file = box_store_file(&sealed->handle),
        .key = key->bytes,
        .version = expected_version(source, key),
        .name = sealed->name,
        .name_size = sealed->name_length,
        .writable = is_writable(node),
        .cache_pages = (uint32_t)(cache < CACHE_MOST ? cache : CACHE_MOST),
    };
    if (contradicts(source, key, made))
        return told(node, (struct box_fault){BOX_FAULT_VERSION, 0});
    if (made && !sealed->name)
        opening.name = own_name(source, &opening.name_size);
    core_enter(node, &state);
    sealed->box = made ? box_create(&opening, true, &fault) : box_open(&opening, &fault);
    core_leave(node, &state);
    if (!sealed->box)
        return told(node, fault);
    node->size = box_size(sealed->box);
    memcpy(&node->number, box_id(sealed->box), sizeof(node->number));
    return 0;
}

/* What was being made when its maker was killed has never been there. */
static long content_check(struct node *node, uint32_t flags, bool *made)
{
    struct stat status;
    long result = (long)host_call(RING_STAT, node->sealed.handle, 0, 0, 0, 0, 0);
    if (result < 0)
        return result;
    host_status(RING_STAT, &status);
    if ((status.st_mode & S_IFMT) != S_IFREG)
        return -EIO;
    node->modified = (struct runtime_time){(int64_t)status.st_mtime, (int64_t)status.st_mtime_nsec};
    node->accessed = node->changed = node->modified;
    *made = (uint64_t)status.st_size < MADE_SIZE && is_writable(node);
    if (*made && !(flags & O_CREAT))
        return -ENOENT;
    return !*made && (flags & O_CREAT) && (flags & O_EXCL) ? -EEXIST : 0;
}

/* Opens what `node` stands for. Under boxes_lock. */
static long content_open(struct node *node, uint32_t flags)
{
    struct sealed *sealed = &node->sealed;
    const struct boot_file *source = sealed_source(sealed);
    const struct key *key = keys_get(boot_bytes(boot, source->key), source->key.size);
    bool writable = is_writable(node), made = false;
    if (!box_store_works() || !key)
        return told(node, (struct box_fault){key ? BOX_FAULT_PROCESSOR : BOX_FAULT_NO_KEY, 0});
    long result = host_open(sealed, writable, writable && (flags & O_CREAT));
    if (result < 0)
        return result == -ENOENT && (flags & O_CREAT) ? -EROFS : result;
    sealed->handle = (uint32_t)result;
    result = content_check(node, flags, &made);
    if (result == 0)
        result = core_open(node, key, made);
    if (result < 0) {
        handle_close(sealed);
        return result;
    }
    sealed->told = false;
    sealed->next = open_nodes;
    open_nodes = node;
    return 0;
}

/* Under boxes_lock. */
static void content_close(struct node *node)
{
    struct sealed *sealed = &node->sealed;
    struct node **link = &open_nodes;
    struct vector_state state;
    while (*link != node)
        link = &(*link)->sealed.next;
    *link = sealed->next;
    core_enter(node, &state);
    struct box_fault fault = box_close(sealed->box);
    sealed->box = NULL;
    core_leave(node, &state);
    if (fault.kind && !sealed->told)
        told(node, fault);
    handle_close(sealed);
}

/* ---- names ---- */

static bool is_below(const struct place *place)
{
    return place->below && place->parent->operations == &box_directory_operations;
}

bool box_is_place(const struct place *place)
{
    return is_below(place) || (place->node && place->node->operations == &box_operations);
}

/* The open node of a name in the directory `index`; NULL: nobody has it open. */
static struct node *open_find(uint32_t index, const char *name, uint32_t length)
{
    struct node *node = open_nodes;
    while (node &&
           (node->sealed.removed || !node->sealed.name || node->sealed.index != index ||
            node->sealed.name_length != length || memcmp(node->sealed.name, name, length) != 0))
        node = node->sealed.next;
    return node;
}

static bool name_set(struct sealed *sealed, const char *name, uint32_t length)
{
    char *copy = memory_allocate(length);
    if (!copy)
        return false;
    memcpy(copy, name, length);
    memory_free(sealed->name);
    sealed->name = copy;
    sealed->name_length = length;
    return true;
}

/* The node for a place, referenced; NULL: no memory. Under boxes_lock. */
static struct node *node_of(const struct place *place)
{
    if (!is_below(place))
        return node_get(place->node);
    uint32_t index = place->parent->plain.index;
    struct node *node = open_find(index, place->below, place->below_length);
    if (node)
        return node_get(node);
    node = node_new(&box_operations, S_IFREG | (place->parent->plain.writable ? 0600 : 0400));
    if (!node)
        return NULL;
    node->sealed.index = index;
    if (name_set(&node->sealed, place->below, place->below_length))
        return node;
    node_put(node);
    return NULL;
}

static void box_destroy(struct node *node)
{
    memory_free(node->sealed.name);
}

/* There are no directories in a directory of boxes. */
static long place_check(const struct place *place)
{
    for (uint32_t i = 0; is_below(place) && i < place->below_length; i++) {
        if (place->below[i] == '/')
            return -ENOENT;
    }
    return place->slash ? -ENOTDIR : 0;
}

/* Opened once more, at first really. Under boxes_lock; the node is referenced. */
static long opened(const struct place *place, uint32_t flags, struct node **node)
{
    long result = place_check(place);
    if (result < 0)
        return result;
    *node = node_of(place);
    if (!*node)
        return -ENOMEM;
    if (!(*node)->sealed.box)
        result = content_open(*node, flags);
    else if ((flags & O_CREAT) && (flags & O_EXCL))
        result = -EEXIST;
    if (result < 0)
        node_put(*node);
    else
        (*node)->sealed.opens++;
    return result;
}

/* And closed, without the reference. */
static void closed(struct node *node)
{
    if (--node->sealed.opens == 0)
        content_close(node);
}

static long box_truncate_to(struct node *node, uint64_t size)
{
    struct vector_state state;
    if (size > BOX_SIZE_MOST)
        return -EFBIG;
    core_enter(node, &state);
    bool done = box_truncate(node->sealed.box, size);
    node->size = box_size(node->sealed.box);
    node_touch(node);
    long result = done ? 0 : failed(node);
    core_leave(node, &state);
    return result;
}

/* Takes over the opening and the reference of `node`. */
static long file_make(struct node *node, uint32_t flags, struct file **file)
{
    long result = flags & O_TRUNC ? box_truncate_to(node, 0) : 0;
    if (result == 0) {
        *file = file_new(node_get(node), flags);
        result = *file ? 0 : -ENOMEM;
    }
    if (result < 0)
        closed(node);
    node_put(node);
    return result;
}

long box_file_open(struct place *place, uint32_t flags, struct file **file)
{
    bool writable = is_below(place) ? place->parent->plain.writable : is_writable(place->node);
    bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    struct node *node;
    if (flags & O_DIRECTORY)
        return -ENOTDIR;
    if (!writable && changes)
        return -EROFS;
    lock_acquire(&boxes_lock);
    long result = opened(place, flags, &node);
    if (result == 0)
        result = file_make(node, flags, file);
    lock_release(&boxes_lock);
    return result;
}

static void box_file_close(struct file *file)
{
    lock_acquire(&boxes_lock);
    closed(file->node);
    lock_release(&boxes_lock);
}

/* ---- content ---- */

static long box_file_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    struct vector_state state;
    long done = 0;
    core_enter(node, &state);
    while (transfer->left && *position < node->size) {
        uint64_t length;
        uint8_t *to = transfer_next(transfer, node->size - *position, &length);
        int64_t got = to ? box_read(node->sealed.box, *position, to, length) : -1;
        if (got < 0) {
            done = done ? done : to ? failed(node) : -EFAULT;
            break;
        }
        *position += (uint64_t)got;
        done += (long)got;
    }
    core_leave(node, &state);
    return done;
}

/* Under the node's lock. */
static long write_all(struct node *node, struct transfer *transfer, uint64_t *position)
{
    long done = 0;
    while (transfer->left) {
        uint64_t length;
        if (*position >= BOX_SIZE_MOST)
            return done ? done : -EFBIG;
        const uint8_t *from = transfer_next(transfer, BOX_SIZE_MOST - *position, &length);
        if (!from)
            return done ? done : -EFAULT;
        if (!box_write(node->sealed.box, *position, from, length))
            return failed(node);
        *position += length;
        done += (long)length;
        node->size = box_size(node->sealed.box);
    }
    return done;
}

static long box_file_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    struct vector_state state;
    core_enter(node, &state);
    if (file->flags & O_APPEND)
        *position = node->size;
    long done = write_all(node, transfer, position);
    if (done > 0)
        node_touch(node);
    if (done > 0 && (file->flags & O_DSYNC) && !box_commit(node->sealed.box))
        done = failed(node);
    core_leave(node, &state);
    return done;
}

static long box_file_truncate(struct file *file, uint64_t size)
{
    return box_truncate_to(file->node, size);
}

static long box_file_reserve(struct file *file, uint64_t from, uint64_t to)
{
    (void)from; /* holes take no place that would have to be kept */
    return to > file->node->size ? box_truncate_to(file->node, to) : 0;
}

static long box_file_sync(struct file *file, bool data_only)
{
    struct node *node = file->node;
    struct vector_state state;
    (void)data_only;
    core_enter(node, &state);
    long result = !is_writable(node) || box_commit(node->sealed.box) ? 0 : failed(node);
    core_leave(node, &state);
    return result;
}

/* No lock is given back: a thread that goes on meanwhile waits for the end, rather than find a box
 * closed. */
void boxes_end(void)
{
    struct vector_state state;
    lock_acquire(&boxes_lock);
    for (struct node *node = open_nodes; node; node = node->sealed.next) {
        core_enter(node, &state);
        struct box_fault fault = box_close(node->sealed.box);
        if (fault.kind && !node->sealed.told)
            told(node, fault);
    }
}

/* ---- what plain.c does for plain files ---- */

long box_status(struct place *place, struct stat *status)
{
    struct node *node;
    lock_acquire(&boxes_lock);
    long result = opened(place, O_RDONLY, &node);
    if (result == 0) {
        result = node_status(node, NULL, status);
        closed(node);
        node_put(node);
    }
    lock_release(&boxes_lock);
    return result;
}

static long box_node_status(struct node *node, struct file *file, struct stat *status)
{
    struct place place = {.node = node};
    return file ? node_status(node, file, status) : box_status(&place, status);
}

long box_unlink(struct place *place, bool directory)
{
    long result = place_check(place);
    if (result < 0 || directory)
        return result < 0 ? result : -ENOTDIR;
    lock_acquire(&boxes_lock);
    struct node *node = open_find(place->parent->plain.index, place->below, place->below_length);
    result = plain_change(RING_UNLINK, place, 0);
    if (result == 0 && node)
        node->sealed.removed = true;
    lock_release(&boxes_lock);
    return result;
}

static bool header_rename(struct node *node, const struct place *to, const struct place *former)
{
    struct vector_state state;
    core_enter(node, &state);
    bool done = box_rename(node->sealed.box, to->below, to->below_length,
                           former ? former->below : NULL, former ? former->below_length : 0);
    core_leave(node, &state);
    return done;
}

/* The header first answers to both names: whenever we are killed, it answers to the one that the
 * host knows. */
static long rename_opened(struct node *node, struct place *from, struct place *to)
{
    struct node *replaced = open_find(to->parent->plain.index, to->below, to->below_length);
    if (!header_rename(node, to, from))
        return failed(node);
    long result = plain_rename(from, to);
    if (result < 0)
        return header_rename(node, from, NULL) ? result : failed(node);
    if (replaced)
        replaced->sealed.removed = true;
    if (!name_set(&node->sealed, to->below, to->below_length))
        runtime_stop(RING_STOP_MEMORY, to->below_length);
    return header_rename(node, to, NULL) ? 0 : failed(node);
}

long box_rename_place(struct place *from, struct place *to)
{
    struct node *node;
    if (!from->parent->plain.writable)
        return -EROFS;
    long result = place_check(to);
    if (result < 0)
        return result;
    lock_acquire(&boxes_lock);
    result = opened(from, O_RDONLY, &node);
    if (result == 0) {
        bool same = from->below_length == to->below_length &&
                    memcmp(from->below, to->below, to->below_length) == 0;
        result = same ? 0 : rename_opened(node, from, to);
        closed(node);
        node_put(node);
    }
    lock_release(&boxes_lock);
    return result;
}

const struct node_operations box_operations = {
    .positioned = true,
    .read = box_file_read,
    .write = box_file_write,
    .seek = node_seek,
    .status = box_node_status,
    .truncate = box_file_truncate,
    .reserve = box_file_reserve,
    .sync = box_file_sync,
    .close = box_file_close,
    .destroy = box_destroy,
};
