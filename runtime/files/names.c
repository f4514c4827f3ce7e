/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that make, open, move and remove names. In the tree everything happens under the tree's
 * lock, so each call is atomic; on the host it is one request.
 */
#include "node.h"

#include <linux/fs.h>

/* A directory of the tree in which the program may make and remove names. */
static long names_may_change(const struct node *directory)
{
    if (!directory->links)
        return -ENOENT;
    if (!directory->volume)
        return -EROFS;
    return node_permits(directory, 3) ? 0 : -EACCES;
}

/* A new node in place->parent, linked; the caller gets a reference. */
static long names_make(struct place *place, const struct node_operations *operations, uint32_t mode,
                       struct node **made)
{
    long result = names_may_change(place->parent);
    if (result < 0)
        return result;
    struct node *node = node_new(operations, mode);
    if (!node)
        return -ENOSPC;
    node->volume = place->parent->volume;
    result = tree_link(place->parent, node_get(node), place->name, place->length);
    if (result < 0) {
        node_put(node);
        node_put(node);
        return -ENOSPC;
    }
    *made = node;
    return 0;
}

/* Permission to open a node of the tree. */
static long open_allowed(const struct node *node, uint32_t flags)
{
    uint32_t access = flags & O_ACCMODE;
    uint32_t wanted = access == O_RDWR ? 6 : access == O_WRONLY ? 2 : 4;
    if (flags & O_PATH)
        return 0;
    if (flags & O_TRUNC)
        wanted |= 2;
    if ((wanted & 2) && node_is_directory(node))
        return -EISDIR;
    if ((wanted & 2) && node->operations == &constant_operations)
        return -EROFS;
    return node_permits(node, wanted) ? 0 : -EACCES;
}

/* Under the tree's lock; place->node is referenced on success. */
static long open_in_tree(struct place *place, uint32_t flags, uint32_t mode)
{
    if (!place->node) {
        if (!(flags & O_CREAT))
            return -ENOENT;
        long result = names_make(place, &memory_operations, S_IFREG | mode, &place->node);
        place->referenced = result == 0;
        return result;
    }
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if ((flags & O_CREAT) && node_is_directory(place->node))
        return -EISDIR;
    if (((flags & O_DIRECTORY) || place->slash) && !node_is_directory(place->node))
        return -ENOTDIR;
    long result = open_allowed(place->node, flags);
    if (result < 0)
        return result;
    node_get(place->node);
    place->referenced = true;
    if ((flags & O_TRUNC) && place->node->operations == &memory_operations)
        return memory_truncate(place->node, 0);
    return 0;
}

/* /dev/fd/N: the same description again, as BSD does; a wider access mode than it has is refused.
 */
static long open_descriptor(struct place *place, uint32_t flags, struct file **file)
{
    struct file *found = file_get(place->descriptor);
    if (!found)
        return -ENOENT;
    uint32_t has = found->flags & O_ACCMODE, wants = flags & O_ACCMODE;
    if ((found->flags & O_PATH) || (has != O_RDWR && has != wants)) {
        file_put(found);
        return -EACCES;
    }
    *file = found;
    return 0;
}

static long open_place(struct place *place, uint32_t flags, uint32_t mode, struct file **file)
{
    if ((flags & O_CREAT) && place->slash && !place->dots)
        return -EISDIR;
    if (place->descriptor >= 0) {
        path_unlock(place);
        return open_descriptor(place, flags, file);
    }
    if (place->below || (place->node && (place->node->operations == &plain_operations ||
                                         place->node->operations == &plain_directory_operations))) {
        path_unlock(place);
        return plain_open(place, flags, mode, file);
    }
    long result = open_in_tree(place, flags, mode);
    if (result < 0)
        return result;
    path_unlock(place);
    if (place->node->operations == &constant_operations && !(flags & O_PATH)) {
        result = constant_open(place->node);
        if (result < 0)
            return result;
    }
    place->referenced = false; /* the file has the reference from here on */
    *file = file_new(place->node, flags);
    return *file ? 0 : -ENOMEM;
}

static long names_open(long directory, const char *path, uint32_t flags, uint32_t mode)
{
    struct place place;
    struct file *file;
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return -EOPNOTSUPP;
    if ((flags & O_DIRECT) || (flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    long result = path_walk(&place, directory, path);
    if (result == 0)
        result = open_place(&place, flags, path_mode(mode), &file);
    path_end(&place);
    return result < 0 ? result : descriptor_install(file, 0, flags & O_CLOEXEC);
}

long sys_open(const long *argument)
{
    return names_open(AT_FDCWD, (const char *)argument[0], (uint32_t)argument[1],
                      (uint32_t)argument[2]);
}

long sys_openat(const long *argument)
{
    return names_open(argument[0], (const char *)argument[1], (uint32_t)argument[2],
                      (uint32_t)argument[3]);
}

long sys_creat(const long *argument)
{
    return names_open(AT_FDCWD, (const char *)argument[0], O_CREAT | O_WRONLY | O_TRUNC,
                      (uint32_t)argument[1]);
}

static long names_mkdir(long directory, const char *path, uint32_t mode)
{
    struct place place;
    struct node *made;
    long result = path_walk(&place, directory, path);
    if (result < 0)
        goto out;
    if (place.below) {
        path_unlock(&place);
        result = plain_change(RING_MKDIR, &place, path_mode(mode) & 01777);
    } else if (place.node || place.descriptor >= 0) {
        result = -EEXIST;
    } else {
        result =
            names_make(&place, &directory_operations, S_IFDIR | (path_mode(mode) & 01777), &made);
        if (result == 0)
            node_put(made);
    }
out:
    path_end(&place);
    return result;
}

long sys_mkdir(const long *argument)
{
    return names_mkdir(AT_FDCWD, (const char *)argument[0], (uint32_t)argument[1]);
}

long sys_mkdirat(const long *argument)
{
    return names_mkdir(argument[0], (const char *)argument[1], (uint32_t)argument[2]);
}

static bool ends_with_two_dots(const struct place *place)
{
    return place->length == 2 && place->name[1] == '.';
}

/* What removing place->node needs, as Linux orders the checks. */
static long remove_allowed(const struct place *place, bool directory)
{
    const struct node *node = place->node;
    if (place->dots && !directory)
        return -EISDIR;
    if (place->dots)
        return !place->name ? -EBUSY : ends_with_two_dots(place) ? -ENOTEMPTY : -EINVAL;
    if (place->descriptor >= 0)
        return -EPERM;
    if (!node)
        return -ENOENT;
    if (!directory && place->slash)
        return node_is_directory(node) ? -EISDIR : -ENOTDIR;
    long result = names_may_change(place->parent);
    if (result < 0)
        return result;
    if (directory && !node_is_directory(node))
        return -ENOTDIR;
    if (!directory && node_is_directory(node))
        return -EISDIR;
    if (node->mounted)
        return -EBUSY;
    return node->directory.entries ? -ENOTEMPTY : 0;
}

static long names_remove(long from, const char *path, bool directory)
{
    struct place place;
    struct node *removed = NULL;
    long result = path_walk(&place, from, path);
    if (result < 0)
        goto out;
    if (place.below && !place.dots) {
        path_unlock(&place);
        result = !directory && place.slash ? -EISDIR
                                           : plain_change(RING_UNLINK, &place, directory ? 1 : 0);
        goto out;
    }
    result = remove_allowed(&place, directory);
    if (result == 0)
        tree_unlink(removed = place.node);
out:
    path_end(&place);
    if (removed)
        node_put(removed); /* outside the tree's lock: it may free much */
    return result;
}

long sys_unlink(const long *argument)
{
    return names_remove(AT_FDCWD, (const char *)argument[0], false);
}

long sys_rmdir(const long *argument)
{
    return names_remove(AT_FDCWD, (const char *)argument[0], true);
}

long sys_unlinkat(const long *argument)
{
    if (argument[2] & ~(long)AT_REMOVEDIR)
        return -EINVAL;
    return names_remove(argument[0], (const char *)argument[1], argument[2] & AT_REMOVEDIR);
}

static bool is_within(const struct node *node, const struct node *directory)
{
    while (node && node != directory)
        node = node->parent;
    return node != NULL;
}

/* In the tree; both places are known to be there, the lock is held. *replaced: to be put. */
static long rename_in_tree(struct place *from, struct place *to, bool replace,
                           struct node **replaced)
{
    struct node *node = from->node, *target = to->node;
    if (!node)
        return -ENOENT;
    if (target && !replace)
        return -EEXIST;
    if (!node_is_directory(node) && (from->slash || to->slash))
        return -ENOTDIR;
    if (is_within(to->parent, node))
        return -EINVAL;
    if (target && is_within(from->parent, target))
        return -ENOTEMPTY;
    long result = names_may_change(from->parent);
    if (result == 0)
        result = names_may_change(to->parent);
    if (result < 0)
        return result;
    if (from->parent->volume != to->parent->volume)
        return -EXDEV;
    if (node->mounted || (target && target->mounted))
        return -EBUSY;
    if (node == target)
        return 0;
    if (target && node_is_directory(node) && !node_is_directory(target))
        return -ENOTDIR;
    if (target && !node_is_directory(node) && node_is_directory(target))
        return -EISDIR;
    if (target && target->directory.entries)
        return -ENOTEMPTY;
    result = tree_move(node, to->parent, to->name, to->length, target);
    *replaced = result == 0 ? target : NULL;
    return result == 0 ? 0 : -ENOSPC;
}

static long names_rename(const long *argument, uint32_t flags)
{
    struct place from, to;
    struct node *replaced = NULL;
    to = (struct place){.descriptor = -1};
    if (flags & ~(uint32_t)RENAME_NOREPLACE)
        return -EINVAL;
    long result = path_walk(&from, argument[0], (const char *)argument[1]);
    if (result == 0)
        result = path_walk_second(&to, argument[2], (const char *)argument[3]);
    if (result < 0)
        goto out;
    result = from.dots || !flags ? -EBUSY : -EEXIST;
    if (from.dots || to.dots)
        goto out;
    result = -EXDEV;
    if (from.below && to.below && from.parent == to.parent) {
        path_unlock(&from);
        result = flags ? -EINVAL : plain_rename(&from, &to);
    } else if (!from.below && !to.below && from.descriptor < 0 && to.descriptor < 0) {
        result = rename_in_tree(&from, &to, !flags, &replaced);
    }
out:
    path_end(&from);
    path_end(&to);
    if (replaced)
        node_put(replaced);
    return result;
}

long sys_renameat2(const long *argument)
{
    return names_rename(argument, (uint32_t)argument[4]);
}

long sys_renameat(const long *argument)
{
    return names_rename(argument, 0);
}

long sys_rename(const long *argument)
{
    long with_directories[4] = {AT_FDCWD, argument[0], AT_FDCWD, argument[1]};
    return names_rename(with_directories, 0);
}

long sys_getdents64(const long *argument)
{
    uint8_t *buffer = (uint8_t *)argument[1];
    uint64_t size = (uint32_t)argument[2];
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    long result;
    if (file->flags & O_PATH)
        result = -EBADF;
    else if (!file->node->operations->list)
        result = -ENOTDIR;
    else if (!memory_is_inside(buffer, size))
        result = -EFAULT;
    else
        result = file->node->operations->list(file, buffer, size);
    file_put(file);
    return result;
}
