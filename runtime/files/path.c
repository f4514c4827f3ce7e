/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths to places: the working directory, descriptors as starting points, "." and "..", and the
 * step from the tree to the host's directories. There are no symbolic links in the tree; below a
 * plain directory ".." is taken by name, before the host sees the path.
 */
#include "node.h"

static struct node *working_directory; /* referenced; under the tree's lock. NULL: the root */
static _Atomic uint32_t creation_mask;

static struct node *path_working(void)
{
    return working_directory ? working_directory : tree_root;
}

/* The length of a path of the program: -EFAULT, -ENAMETOOLONG. */
static long path_length(const char *path)
{
    for (uint64_t i = 0; i < PATH_MAX; i++) {
        if ((i == 0 || (uint64_t)(path + i) % FILES_PAGE == 0) && !memory_is_inside(path + i, 1))
            return -EFAULT;
        if (!path[i])
            return (long)i;
    }
    return -ENAMETOOLONG;
}

void path_unlock(struct place *place)
{
    if (place->locked)
        lock_release(&tree_lock);
    place->locked = false;
}

void path_end(struct place *place)
{
    path_unlock(place);
    if (place->referenced)
        node_put(place->node);
    file_end(&place->file);
    memory_free(place->below);
}

/* Begins at the directory that a relative path starts from. */
static long path_begin(struct place *place, long directory, bool absolute, bool locked)
{
    if (!absolute && (int)directory != AT_FDCWD) {
        place->file = file_get(directory);
        if (!place->file)
            return -EBADF;
        if (!node_is_directory(place->file->node))
            return -ENOTDIR;
    }
    if (!locked) {
        lock_acquire(&tree_lock);
        place->locked = true;
    }
    struct node *start = absolute ? tree_root : place->file ? place->file->node : path_working();
    place->node = start;
    if (!node_is_host_directory(start) || !start->plain.below)
        return 0;
    place->below_room += start->plain.below_length + 1;
    place->below = memory_allocate(place->below_room);
    if (!place->below)
        return -ENOMEM;
    memcpy(place->below, start->plain.below, start->plain.below_length);
    place->below_length = start->plain.below_length;
    place->parent = start->plain.mount;
    place->node = NULL;
    return 0;
}

static void path_ascend(struct place *place)
{
    if (!place->below_length) {
        if (place->node->parent)
            place->node = place->node->parent;
        return;
    }
    while (place->below_length && place->below[--place->below_length] != '/')
        ;
    if (!place->below_length)
        place->node = place->parent;
}

static long path_append(struct place *place)
{
    if (!place->below && !(place->below = memory_allocate(place->below_room)))
        return -ENOMEM;
    if (place->below_length)
        place->below[place->below_length++] = '/';
    memcpy(place->below + place->below_length, place->name, place->length);
    place->below_length += (uint32_t)place->length;
    place->node = NULL;
    return 0;
}

/* One component, from a place that is there. */
static long path_step(struct place *place)
{
    bool one = place->length == 1 && place->name[0] == '.';
    bool two = place->length == 2 && place->name[0] == '.' && place->name[1] == '.';
    if (place->node && !node_is_directory(place->node))
        return -ENOTDIR;
    if (place->node && !node_permits(place->node, 1))
        return -EACCES;
    place->dots = one || two;
    if (one)
        return 0;
    if (two) {
        path_ascend(place);
        return 0;
    }
    if (place->length > NAME_MAX)
        return -ENAMETOOLONG;
    if (place->below_length)
        return path_append(place);
    place->parent = place->node;
    place->node = tree_find(place->parent, place->name, place->length);
    if (!place->node && node_is_host_directory(place->parent))
        return path_append(place);
    return 0;
}

static long path_components(struct place *place, const char *path, uint64_t length)
{
    uint64_t i = 0;
    while (i < length) {
        while (i < length && path[i] == '/')
            i++;
        place->slash = place->slash || i > 0;
        if (i == length)
            break;
        if (!place->node && !place->below_length)
            return -ENOENT;
        place->slash = false;
        place->name = path + i;
        while (i < length && path[i] && path[i] != '/')
            i++;
        place->length = (size_t)(path + i - place->name);
        long result = path_step(place);
        if (result < 0)
            return result;
    }
    return place->below_length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

long path_walk(struct place *place, long directory, const char *path, bool locked)
{
    *place = (struct place){.dots = true};
    long length = path_length(path);
    if (length <= 0)
        return length ? length : -ENOENT;
    place->below_room = (uint32_t)length + 1; /* and a '/' between each two */
    long result = path_begin(place, directory, path[0] == '/', locked);
    if (result == 0)
        result = path_components(place, path, (uint64_t)length);
    if (result == 0 && place->below && !place->below_length) {
        memory_free(place->below);
        place->below = NULL;
    }
    return result;
}

long path_descriptor(struct place *place, long descriptor)
{
    *place = (struct place){.file = file_get(descriptor)};
    if (!place->file)
        return -EBADF;
    place->node = place->file->node;
    return 0;
}

long path_target(struct place *place, long directory, const char *path, long flags)
{
    if ((flags & AT_EMPTY_PATH) && (!path || (memory_is_inside(path, 1) && !path[0]))) {
        if ((int)directory != AT_FDCWD)
            return path_descriptor(place, directory);
        path = ".";
    }
    long result = path_walk(place, directory, path, false);
    if (result < 0)
        return result;
    if (place->node) {
        node_get(place->node);
        place->referenced = true;
        if (place->slash && !node_is_directory(place->node))
            result = -ENOTDIR;
    } else if (!place->below) {
        result = -ENOENT;
    }
    path_unlock(place);
    /* From here on `file` would be the file that is meant, not where the walk began. */
    file_end(&place->file);
    place->file = NULL;
    return result;
}

long sys_getcwd(const long *argument)
{
    char *buffer = (char *)argument[0];
    uint64_t size = (uint64_t)argument[1] < 2 * PATH_MAX ? (uint64_t)argument[1] : 2 * PATH_MAX;
    if (!size)
        return -ERANGE;
    if (!memory_is_inside(buffer, size))
        return -EFAULT;
    lock_acquire(&tree_lock);
    long length = tree_path(path_working(), buffer, size - 1);
    lock_release(&tree_lock);
    if (length < 0)
        return length;
    memmove(buffer, buffer + size - 1 - (uint64_t)length, (size_t)length);
    buffer[length] = 0;
    return length + 1;
}

static long working_set(struct node *node)
{
    if (!node_is_directory(node))
        return -ENOTDIR;
    if (!node_permits(node, 1))
        return -EACCES;
    lock_acquire(&tree_lock);
    struct node *old = working_directory;
    working_directory = node_get(node);
    lock_release(&tree_lock);
    if (old)
        node_put(old);
    return 0;
}

long sys_chdir(const long *argument)
{
    PLACE_HELD place;
    long result = path_target(&place, AT_FDCWD, (const char *)argument[0], 0);
    if (result < 0)
        return result;
    if (!place.below)
        return working_set(place.node);
    FILE_HELD file = NULL;
    result = plain_open(&place, O_RDONLY | O_DIRECTORY, 0, &file);
    return result < 0 ? result : working_set(file->node);
}

long sys_fchdir(const long *argument)
{
    FILE_HELD file = file_get(argument[0]);
    return file ? working_set(file->node) : -EBADF;
}

long sys_umask(const long *argument)
{
    return (long)__atomic_exchange_n((uint32_t *)&creation_mask, (uint32_t)argument[0] & 0777,
                                     __ATOMIC_RELAXED);
}

uint32_t path_mode(uint32_t mode)
{
    return mode & 07777 & ~creation_mask;
}

void path_start(const struct boot_header *header)
{
    creation_mask = 022;
    /* The manifest's working directory, NUL-terminated for the walk; missing: the root. */
    uint64_t size = header->directory.size;
    char *path = size && size < PATH_MAX ? memory_allocate(size + 1) : NULL;
    if (!path)
        return;
    memcpy(path, boot_bytes(header, header->directory), size);
    long argument[6] = {(long)path};
    if (sys_chdir(argument) < 0)
        runtime_stop(RING_STOP_BOOT, header->directory.offset);
    memory_free(path);
}
