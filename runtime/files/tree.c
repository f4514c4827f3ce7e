/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree of names, and the mounts of the manifest. There are no hard links, so a node has one
 * place and carries its own entry: in the list of its directory, and in one table of all names.
 */
#include "box_store.h"
#include "node.h"

struct lock tree_lock;
struct node *tree_root;

static struct node *names[1024]; /* by name_hash; a chain each */

static uint32_t name_hash(const struct node *directory, const char *name, size_t length)
{
    uint32_t hash = 2166136261u ^ (uint32_t)directory->number; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return hash;
}

static struct node **name_bucket(uint32_t hash)
{
    return &names[hash % (sizeof(names) / sizeof(names[0]))];
}

struct node *tree_find(struct node *directory, const char *name, size_t length)
{
    uint32_t hash = name_hash(directory, name, length);
    struct node *entry = *name_bucket(hash);
    while (entry && (entry->parent != directory || entry->name_hash != hash ||
                     entry->name_length != length || memcmp(entry->name, name, length) != 0))
        entry = entry->bucket_next;
    return entry;
}

/* Everything that may fail has been done: `name` is a copy, which becomes the node's. */
static void entry_add(struct node *directory, struct node *node, char *name, size_t length)
{
    struct directory *entries = &directory->directory;
    memory_free(node->name);
    node->name = name;
    node->name_length = (uint32_t)length;
    node->name_hash = name_hash(directory, name, length);
    struct node **bucket = name_bucket(node->name_hash);
    node->bucket_next = *bucket;
    *bucket = node;
    node->cookie = ++entries->cookie;
    node->previous = entries->last;
    node->next = NULL;
    *(entries->last ? &entries->last->next : &entries->first) = node;
    entries->last = node;
    entries->entries++;
    entries->subdirectories += node_is_directory(node);
    node->parent = node_get(directory);
    node_touch(directory);
}

static char *name_copy(const char *name, size_t length)
{
    char *copy = memory_allocate(length);
    if (copy)
        memcpy(copy, name, length);
    return copy;
}

long tree_link(struct node *directory, struct node *node, const char *name, size_t length)
{
    char *copy = name_copy(name, length);
    if (!copy)
        return -ENOMEM;
    entry_add(directory, node, copy, length);
    return 0;
}

/* The place's reference of the parent stays with the node: ".." of a removed directory works. */
static void entry_remove(struct node *node)
{
    struct directory *entries = &node->parent->directory;
    struct node **link = name_bucket(node->name_hash);
    while (*link != node)
        link = &(*link)->bucket_next;
    *link = node->bucket_next;
    *(node->previous ? &node->previous->next : &entries->first) = node->next;
    *(node->next ? &node->next->previous : &entries->last) = node->previous;
    entries->entries--;
    entries->subdirectories -= node_is_directory(node);
    node_touch(node->parent);
}

void tree_unlink(struct node *node)
{
    entry_remove(node);
    node->links = 0;
    node->changed = node_now();
}

long tree_move(struct node *node, struct node *directory, const char *name, size_t length,
               struct node *replaced)
{
    struct node *old = node->parent;
    char *copy = name_copy(name, length);
    if (!copy)
        return -ENOMEM;
    if (replaced)
        tree_unlink(replaced);
    entry_remove(node);
    entry_add(directory, node, copy, length);
    node->changed = node_now();
    node_put(old);
    return 0;
}

long tree_path(const struct node *node, char *buffer, uint64_t size)
{
    uint64_t at = size;
    const struct plain *plain = &node->plain;
    if (node_is_host_directory(node) && plain->below) {
        if (plain->below_length + UINT64_C(1) > at)
            return -ERANGE;
        at -= plain->below_length;
        memcpy(buffer + at, plain->below, plain->below_length);
        buffer[--at] = '/';
        node = plain->mount;
    }
    for (; node != tree_root; node = node->parent) {
        if (!node->links)
            return -ENOENT;
        if (node->name_length + UINT64_C(1) > at)
            return -ERANGE;
        at -= node->name_length;
        memcpy(buffer + at, node->name, node->name_length);
        buffer[--at] = '/';
    }
    if (at == size) {
        if (!at)
            return -ERANGE;
        buffer[--at] = '/';
    }
    return (long)(size - at);
}

uint64_t directory_entry(uint8_t *to, uint64_t room, uint64_t inode, uint64_t next, uint8_t type,
                         const char *name, size_t length)
{
    /* struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name with its NUL */
    uint64_t size = (8 + 8 + 2 + 1 + length + 1 + 7) & ~UINT64_C(7);
    if (size > room)
        return 0;
    uint16_t record = (uint16_t)size;
    memset(to, 0, size);
    memcpy(to, &inode, 8);
    memcpy(to + 8, &next, 8);
    memcpy(to + 16, &record, 2);
    to[18] = type;
    memcpy(to + 19, name, length);
    return size;
}

uint64_t directory_dots(struct file *file, uint8_t *buffer, uint64_t size)
{
    const struct node *node = file->node;
    uint64_t done = 0, used = 1;
    while (used && file->position < 2) {
        uint64_t next = file->position + 1; /* also the length of the name */
        const struct node *named = next == 1 || !node->parent ? node : node->parent;
        used = directory_entry(buffer + done, size - done, named->number, next, 4, "..", next);
        done += used;
        file->position += used != 0;
    }
    return done;
}

/* Behind the dots a position is 2 + the cookie of the entry last told. Cookies only rise, so an
 * entry that stays is told exactly once whatever happens to the others. */
static long directory_list(struct file *file, uint8_t *buffer, uint64_t size)
{
    lock_acquire(&tree_lock);
    lock_acquire(&file->lock);
    const struct node *entry = file->node->directory.first;
    bool gone = !file->node->links;
    uint64_t done = gone ? 0 : directory_dots(file, buffer, size);
    bool full = file->position < 2;
    for (; entry && !full && !gone; entry = entry->next) {
        if (entry->cookie + 2 <= file->position)
            continue;
        uint64_t used = directory_entry(buffer + done, size - done, entry->number,
                                        entry->cookie + 2, (uint8_t)((entry->mode & S_IFMT) >> 12),
                                        entry->name, entry->name_length);
        full = !used;
        done += used;
        file->position = used ? entry->cookie + 2 : file->position;
    }
    lock_release(&file->lock);
    lock_release(&tree_lock);
    return gone ? -ENOENT : full && !done ? -EINVAL : (long)done;
}

const struct node_operations directory_operations = {
    .positioned = true,
    .seek = node_seek,
    .status = node_status,
    .list = directory_list,
    .sync = node_sync,
};

/* ---- the manifest's files ---- */

static void tree_check(bool holds, uint64_t detail)
{
    if (!holds)
        runtime_stop(RING_STOP_BOOT, detail);
}

struct node *tree_mount(const char *path, size_t length, const struct node_operations *operations,
                        uint32_t mode)
{
    struct node *at = tree_root;
    size_t i = 1;
    tree_check(length > 0 && path[0] == '/', length);
    while (i < length) {
        size_t end = i;
        while (end < length && path[end] != '/')
            end++;
        const char *name = path + i;
        size_t size = end - i;
        bool dots = name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.'));
        tree_check(size > 0 && size <= NAME_MAX && !dots && node_is_directory(at), length);
        struct node *next = tree_find(at, name, size);
        bool last = end == length;
        if (!next) {
            next =
                last ? node_new(operations, mode) : node_new(&directory_operations, S_IFDIR | 0555);
            if (!next || tree_link(at, next, name, size) < 0)
                runtime_stop(RING_STOP_MEMORY, sizeof(*next));
            next->mounted = true;
        } else if (last) {
            /* only a directory that was made on the way to another mount may be named again */
            tree_check(next->operations == &directory_operations && !next->volume &&
                           (mode & S_IFMT) == S_IFDIR,
                       length);
        }
        at = next;
        i = end + 1;
    }
    tree_check(at != tree_root || operations == &directory_operations, length);
    at->operations = operations;
    at->mode = mode;
    return at;
}

const void *boot_bytes(const struct boot_header *header, struct boot_span span)
{
    struct boot_span blob = header->blob;
    tree_check(span.offset >= blob.offset && span.offset - blob.offset <= blob.size &&
                   span.size <= blob.size - (span.offset - blob.offset),
               span.offset);
    return (const void *)span.offset;
}

static void tree_add(const struct boot_header *header, const struct boot_file *source,
                     uint32_t index)
{
    const char *path = boot_bytes(header, source->path);
    size_t length = source->path.size;
    bool writable = source->flags & BOOT_FILE_WRITABLE;
    bool directory = source->flags & BOOT_FILE_DIRECTORY;
    struct node *node;
    switch (source->kind) {
    case BOOT_FILE_MEASURED:
        node = tree_mount(path, length, &constant_operations, S_IFREG | 0444);
        node->constant.bytes = boot_bytes(header, source->content);
        node->size = source->content.size;
        break;
    case BOOT_FILE_HASHED:
        tree_check(source->size <= FILES_SIZE, index);
        node = tree_mount(path, length, &constant_operations, S_IFREG | 0444);
        node->constant.source = source;
        node->constant.index = index;
        node->size = source->size;
        break;
    case BOOT_FILE_MEMORY:
        node = tree_mount(path, length, &directory_operations, S_IFDIR | 01777);
        node->volume = memory_allocate(sizeof(*node->volume));
        if (!node->volume)
            runtime_stop(RING_STOP_MEMORY, sizeof(*node->volume));
        node->volume->limit = source->size;
        node->volume->device = index + 2;
        break;
    case BOOT_FILE_PLAIN:
        node = tree_mount(path, length, directory ? &plain_directory_operations : &plain_operations,
                          directory ? S_IFDIR | 0755 : S_IFREG | 0644);
        node->plain.index = index;
        node->plain.writable = writable;
        node->plain.mount = node;
        break;
    case BOOT_FILE_BOX:
        boot_bytes(header, source->key);
        node = tree_mount(path, length, directory ? &box_directory_operations : &box_operations,
                          directory ? S_IFDIR | 0755 : S_IFREG | (writable ? 0600 : 0400));
        if (directory)
            node->plain = (struct plain){.index = index, .writable = writable, .mount = node};
        else
            node->sealed.index = index;
        break;
    default:
        tree_check(false, index);
    }
}

void files_forget(void)
{
    uint64_t from, to;
    while (files_unmapped(0, UINT64_MAX, &from, &to))
        ;
    descriptors_forget();
    attestation_forget();
    stream_open();
    path_start(boot);
}

void files_start(const struct boot_header *header)
{
    descriptors_start();
    tree_root = node_new(&directory_operations, S_IFDIR | 0555);
    if (!tree_root)
        runtime_stop(RING_STOP_MEMORY, sizeof(*tree_root));
    device_start();
    stream_start();
    box_store_start(header);
    if (header->flags & BOOT_ATTESTATION)
        attestation_start();
    const struct boot_file *files = boot_bytes(header, header->files);
    uint64_t count = header->files.size / sizeof(*files);
    tree_check(header->files.size % sizeof(*files) == 0 && header->files.offset % 8 == 0 &&
                   count <= UINT32_MAX - 2,
               count);
    for (uint64_t i = 0; i < count; i++)
        tree_add(header, &files[i], (uint32_t)i);
    path_start(header);
}
