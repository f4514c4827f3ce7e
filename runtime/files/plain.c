/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain files: the host's, passed through. Nothing that they hold or say is secret or trusted; the
 * runtime's part is that the host's words cannot be more than data: handles, types, sizes and
 * names are checked before they are used.
 */
#include "node.h"

static const struct plain *place_plain(const struct place *place)
{
    return place->below ? &place->parent->plain : &place->node->plain;
}

/* The path below the entry goes into the bounce buffer; its length. */
static uint64_t plain_put(const struct place *place)
{
    const char *below = place->below ? place->below : place->node->plain.below;
    uint32_t length = place->below ? place->below_length : place->node->plain.below_length;
    if (!below)
        return 0;
    host_put(0, below, length);
    return length;
}

/* The node of what has been opened: a file's is its own, a directory below the entry's remembers
 * its path. */
static struct node *plain_node(struct place *place, bool directory)
{
    if (!place->below)
        return node_get(place->node);
    struct node *node = directory ? node_new(&plain_directory_operations, S_IFDIR | 0755)
                                  : node_new(&plain_operations, S_IFREG | 0644);
    if (!node)
        return NULL;
    node->plain = place->parent->plain;
    if (directory) {
        /* The walk's buffer becomes the node's. */
        node->plain.below = place->below;
        node->plain.below_length = place->below_length;
        place->below = NULL;
    }
    return node;
}

static void plain_directory_destroy(struct node *node)
{
    memory_free(node->plain.below);
}

static uint32_t plain_open_flags(const struct place *place, uint32_t flags)
{
    uint32_t access = flags & O_ACCMODE, to = 0;
    static const struct {
        uint32_t from, to;
    } table[] = {
        {O_CREAT, RING_OPEN_CREATE},        {O_EXCL, RING_OPEN_EXCLUSIVE},
        {O_TRUNC, RING_OPEN_TRUNCATE},      {O_APPEND, RING_OPEN_APPEND},
        {O_DIRECTORY, RING_OPEN_DIRECTORY}, {O_NOFOLLOW, RING_OPEN_NOFOLLOW},
        {O_NONBLOCK, RING_OPEN_NONBLOCK},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (flags & table[i].from)
            to |= table[i].to;
    }
    if (access != O_WRONLY)
        to |= RING_OPEN_READ;
    if (access != O_RDONLY)
        to |= RING_OPEN_WRITE;
    if (place->slash || place->dots)
        to |= RING_OPEN_DIRECTORY;
    return to;
}

long plain_open(struct place *place, uint32_t flags, uint32_t mode, struct file **file)
{
    const struct plain *entry = place_plain(place);
    bool whole = !place->below && !node_is_directory(place->node);
    bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    bool creates = flags & O_CREAT;
    if (creates && place->dots)
        return -EISDIR;
    if (whole && (place->slash || (flags & O_DIRECTORY)))
        return -ENOTDIR;
    if (!entry->writable && (changes || (creates && (flags & O_EXCL))))
        return -EROFS;
    if (!entry->writable)
        flags &= ~(uint32_t)O_CREAT;
    int64_t handle = host_call(RING_OPEN, entry->index, plain_open_flags(place, flags), mode,
                               plain_put(place), 3, FILES_HANDLE);
    if (handle < 0)
        return handle == -ENOENT && creates && !entry->writable ? -EROFS : (long)handle;

    struct stat status;
    struct node *node = NULL;
    long result = (long)host_call(RING_STAT, (uint64_t)handle, 0, 0, 0, 0, 0);
    if (result == 0) {
        host_status(RING_STAT, &status);
        bool directory = (status.st_mode & S_IFMT) == S_IFDIR;
        if ((!place->below && directory == whole) || !(status.st_mode & S_IFMT))
            result = -EIO; /* the manifest says what its entries are */
        else if (!directory && ((flags & O_DIRECTORY) || place->slash))
            result = -ENOTDIR;
        else if (directory && changes)
            result = -EISDIR;
        else
            node = plain_node(place, directory);
    }
    *file = node ? file_new(node, flags) : NULL;
    if (!*file) {
        (void)host_call(RING_CLOSE, (uint64_t)handle, 0, 0, 0, 0, 0);
        return result < 0 ? result : -ENOMEM;
    }
    (*file)->handle = (uint32_t)handle;
    return 0;
}

long plain_status(struct place *place, struct stat *status)
{
    /* Links are followed: the program never sees one, as it could not read it. */
    long result =
        (long)host_call(RING_STAT_PATH, place_plain(place)->index, 1, 0, plain_put(place), 0, 0);
    if (result < 0)
        return result;
    host_status(RING_STAT_PATH, status);
    uint32_t type = status->st_mode & S_IFMT;
    if (!type || type == S_IFLNK)
        return -EIO;
    return (place->slash || place->dots) && place->below && type != S_IFDIR ? -ENOTDIR : 0;
}

static long plain_node_status(struct node *node, struct file *file, struct stat *status)
{
    struct place place = {.node = node};
    if (!file || !file->handle)
        return plain_status(&place, status);
    long result = (long)host_call(RING_STAT, file->handle, 0, 0, 0, 0, 0);
    if (result == 0)
        host_status(RING_STAT, status);
    return result;
}

long plain_change(uint32_t operation, struct place *place, uint64_t argument)
{
    const struct plain *entry = place_plain(place);
    if (!entry->writable)
        return -EROFS;
    return (long)host_call(operation, entry->index, operation == RING_UNLINK ? argument : 0,
                           operation == RING_UNLINK ? 0 : argument, plain_put(place), 0, 0);
}

long plain_rename(struct place *from, struct place *to)
{
    if (!from->parent->plain.writable)
        return -EROFS;
    host_put(0, from->below, from->below_length);
    host_put(from->below_length, to->below, to->below_length);
    return (long)host_call(RING_RENAME, from->parent->plain.index, to->below_length, 0,
                           from->below_length, 0, 0);
}

static long plain_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    return host_read(file, transfer, position, false);
}

static long plain_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    bool append = file->flags & O_APPEND;
    long done = host_write(file, transfer, append ? NULL : position, false);
    if (done > 0 && append) {
        /* The host put it at the end, wherever that was. */
        struct stat status;
        if (plain_node_status(file->node, file, &status) == 0)
            *position = (uint64_t)status.st_size;
    }
    if (done > 0 && (file->flags & O_DSYNC)) {
        long result = host_sync(file, !(file->flags & (O_SYNC & ~O_DSYNC)));
        if (result < 0)
            return result;
    }
    return done;
}

static long plain_seek(struct file *file, int64_t offset, int whence)
{
    struct stat status = {.st_size = 0};
    if (whence == SEEK_END) {
        long result = plain_node_status(file->node, file, &status);
        if (result < 0)
            return result;
    }
    return seek_within(file, offset, whence, (uint64_t)status.st_size);
}

/* ---- directories ---- */

/* The entry at `at` of the `size` bytes that the host has listed, and its name; impossible ones
 * stop the enclave. Where the next one begins. */
static uint64_t listing_next(uint64_t at, uint64_t size, struct ring_entry *entry,
                             char name[NAME_MAX])
{
    bool good = size - at >= sizeof(*entry);
    if (good) {
        host_get(at, entry, sizeof(*entry));
        at += sizeof(*entry);
        good = entry->name_length >= 1 && entry->name_length <= NAME_MAX &&
               size - at >= ((entry->name_length + UINT64_C(7)) & ~UINT64_C(7));
    }
    if (good)
        host_get(at, name, entry->name_length);
    for (size_t i = 0; good && i < entry->name_length; i++)
        good = name[i] && name[i] != '/';
    if (!good)
        runtime_stop(RING_STOP_HOST_LIED, RING_LIST);
    return at + ((entry->name_length + UINT64_C(7)) & ~UINT64_C(7));
}

/* One reply of the host, as the program has to see it: the bytes used. */
static uint64_t plain_convert(struct file *file, uint64_t listed, uint8_t *buffer, uint64_t size)
{
    /* DT_ values that a program may see; links are followed, so they are what they lead to. */
    const uint32_t types = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 12;
    struct ring_entry entry;
    char name[NAME_MAX];
    uint64_t done = 0;
    for (uint64_t at = 0; at < listed;) {
        at = listing_next(at, listed, &entry, name);
        if (name[0] == '.' &&
            (entry.name_length == 1 || (entry.name_length == 2 && name[1] == '.')))
            continue;
        uint8_t type = entry.type < 16 && (types >> entry.type & 1) ? entry.type : 0;
        uint64_t used = directory_entry(buffer + done, size - done, entry.inode, file->position + 1,
                                        type, name, entry.name_length);
        if (!used)
            runtime_stop(RING_STOP_HOST_LIED, RING_LIST); /* it gives only what fits */
        file->position++;
        done += used;
    }
    return done;
}

#define ENTRY_MOST 280u /* struct linux_dirent64 with a name of NAME_MAX */

static long plain_list(struct file *file, uint8_t *buffer, uint64_t size)
{
    size = size < RING_BUFFER_SIZE ? size : RING_BUFFER_SIZE;
    lock_acquire(&file->lock);
    uint64_t done = directory_dots(file, buffer, size);
    int64_t result = file->position < 2 ? -EINVAL : 1;
    /* Again while there is room for an entry of any length. */
    while (result > 0 && (!done || size - done >= ENTRY_MOST)) {
        result = host_call(RING_LIST, file->handle, size - done, 0, 0, 0, (int64_t)(size - done));
        if (result > 0)
            done += plain_convert(file, (uint64_t)result, buffer + done, size - done);
    }
    lock_release(&file->lock);
    return done ? (long)done : (long)result;
}

/* Only back to the start: the host's directory is opened again. */
static long plain_directory_seek(struct file *file, int64_t offset, int whence)
{
    struct place place = {.node = file->node};
    long result = -EINVAL;
    lock_acquire(&file->lock);
    if ((whence == SEEK_CUR && offset == 0) ||
        (whence == SEEK_SET && offset == (int64_t)file->position)) {
        result = (long)file->position;
    } else if (whence == SEEK_SET && offset == 0) {
        result = (long)host_call(RING_OPEN, file->node->plain.index,
                                 RING_OPEN_READ | RING_OPEN_DIRECTORY, 0, plain_put(&place), 3,
                                 FILES_HANDLE);
        if (result > 0) {
            host_close(file);
            file->handle = (uint32_t)result;
            result = (long)(file->position = 0);
        }
    }
    lock_release(&file->lock);
    return result;
}

const struct node_operations plain_operations = {
    .positioned = true,
    .read = plain_read,
    .write = plain_write,
    .seek = plain_seek,
    .status = plain_node_status,
    .truncate = host_truncate,
    .sync = host_sync,
    .close = host_close,
};

const struct node_operations plain_directory_operations = {
    .positioned = true,
    .seek = plain_directory_seek,
    .status = plain_node_status,
    .list = plain_list,
    .sync = host_sync,
    .close = host_close,
    .destroy = plain_directory_destroy,
};

/* What is in it are boxes; itself it is as public as any. */
const struct node_operations box_directory_operations = {
    .positioned = true,
    .seek = plain_directory_seek,
    .status = plain_node_status,
    .list = plain_list,
    .sync = host_sync,
    .close = host_close,
};
