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

/* Makes place->node in place->parent, referenced. */
static long names_make(struct place *place, const struct node_operations *operations, uint32_t mode)
{
    long result = names_may_change(place->parent);
    if (result < 0)
        return result;
    struct node *node = node_new(operations, mode);
    if (!node)
        return -ENOSPC;
    node->volume = place->parent->volume;
    if (tree_link(place->parent, node, place->name, place->length) < 0) {
        node_put(node);
        return -ENOSPC;
    }
    place->node = node_get(node);
    place->referenced = true;
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
    if (!place->node && attestation_is_keys(place->parent) && (flags & O_ACCMODE) == O_WRONLY &&
        !(place->node = attestation_key(place->name, place->length)))
        return -ENOSPC;
    if (!place->node)
        return flags & O_CREAT ? names_make(place, &memory_operations, S_IFREG | mode) : -ENOENT;
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
    return 0;
}

static long open_place(struct place *place, uint32_t flags, uint32_t mode, struct file **file)
{
    if ((flags & O_CREAT) && place->slash && !place->dots)
        return -EISDIR;
    if (box_is_place(place)) {
        path_unlock(place);
        return box_file_open(place, flags, file);
    }
    if (place->below || (place->node && (place->node->operations == &plain_operations ||
                                         node_is_host_directory(place->node)))) {
        path_unlock(place);
        return plain_open(place, flags, mode, file);
    }
    long result = open_in_tree(place, flags, mode);
    if (result < 0)
        return result;
    path_unlock(place);
    if (place->node->operations->open && !(flags & O_PATH)) {
        result = place->node->operations->open(&place->node);
        if (result < 0)
            return result;
    }
    place->referenced = false; /* the file has the reference from here on */
    *file = file_new(place->node, flags);
    if (*file && (flags & O_TRUNC) && place->node->operations == &memory_operations)
        place->node->operations->truncate(*file, 0);
    return *file ? 0 : -ENOMEM;
}

long sys_openat(const long *argument)
{
    struct file *file;
    uint32_t flags = (uint32_t)argument[2];
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return -EOPNOTSUPP;
    if ((flags & O_DIRECT) || (flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    PLACE_HELD place;
    long result = path_walk(&place, argument[0], (const char *)argument[1], false);
    if (result == 0)
        result = open_place(&place, flags, path_mode((uint32_t)argument[3]), &file);
    return result < 0 ? result : descriptor_install(file, 0, flags & O_CLOEXEC);
}

long sys_open(const long *argument)
{
    return sys_openat((const long[6]){AT_FDCWD, argument[0], argument[1], argument[2]});
}

long sys_creat(const long *argument)
{
    return sys_openat(
        (const long[6]){AT_FDCWD, argument[0], O_CREAT | O_WRONLY | O_TRUNC, argument[1]});
}

long sys_mkdirat(const long *argument)
{
    PLACE_HELD place;
    uint32_t mode = path_mode((uint32_t)argument[2]) & 01777;
    long result = path_walk(&place, argument[0], (const char *)argument[1], false);
    if (result < 0)
        return result;
    if (place.below) {
        path_unlock(&place);
        return box_is_place(&place) ? -EPERM : plain_change(RING_MKDIR, &place, mode);
    }
    if (place.node)
        return -EEXIST;
    return names_make(&place, &directory_operations, S_IFDIR | mode);
}

long sys_mkdir(const long *argument)
{
    return sys_mkdirat((const long[6]){AT_FDCWD, argument[0], argument[1]});
}

/* What removing place->node needs, as Linux orders the checks. */
static long remove_allowed(const struct place *place, bool directory)
{
    const struct node *node = place->node;
    if (place->dots && !directory)
        return -EISDIR;
    if (place->dots)
        return !place->name ? -EBUSY : place->length == 2 ? -ENOTEMPTY : -EINVAL;
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

long sys_unlinkat(const long *argument)
{
    bool directory = argument[2] & AT_REMOVEDIR;
    if (argument[2] & ~(long)AT_REMOVEDIR)
        return -EINVAL;
    PLACE_HELD place;
    long result = path_walk(&place, argument[0], (const char *)argument[1], false);
    if (result < 0)
        return result;
    if (place.below && !place.dots) {
        path_unlock(&place);
        if (box_is_place(&place))
            return box_unlink(&place, directory);
        return !directory && place.slash ? -EISDIR : plain_change(RING_UNLINK, &place, directory);
    }
    result = remove_allowed(&place, directory);
    if (result < 0)
        return result;
    tree_unlink(place.node);
    place.referenced = true; /* the tree's reference, put when its lock is free: it may free much */
    return 0;
}

long sys_unlink(const long *argument)
{
    return sys_unlinkat((const long[6]){AT_FDCWD, argument[0], 0});
}

long sys_rmdir(const long *argument)
{
    return sys_unlinkat((const long[6]){AT_FDCWD, argument[0], AT_REMOVEDIR});
}

static bool is_within(const struct node *node, const struct node *directory)
{
    while (node && node != directory)
        node = node->parent;
    return node != NULL;
}

/* In the tree; both parents are known to be there, the lock is held. */
static long rename_in_tree(struct place *from, struct place *to, bool replace)
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
    to->referenced = result == 0 && target; /* the tree's reference: put at the end */
    return result == 0 ? 0 : -ENOSPC;
}

long sys_renameat2(const long *argument)
{
    uint32_t flags = (uint32_t)argument[4];
    if (flags & ~(uint32_t)RENAME_NOREPLACE)
        return -EINVAL;
    PLACE_HELD to = {.node = NULL}; /* ends last: after `from` has given back the lock */
    PLACE_HELD from;
    long result = path_walk(&from, argument[0], (const char *)argument[1], false);
    if (result == 0)
        result = path_walk(&to, argument[2], (const char *)argument[3], true);
    if (result < 0)
        return result;
    if (from.dots || to.dots)
        return from.dots || !flags ? -EBUSY : -EEXIST;
    if (from.below && to.below && from.parent == to.parent) {
        path_unlock(&from);
        if (flags)
            return -EINVAL;
        return box_is_place(&from) ? box_rename_place(&from, &to) : plain_rename(&from, &to);
    }
    return from.below || to.below ? -EXDEV : rename_in_tree(&from, &to, !flags);
}

long sys_renameat(const long *argument)
{
    return sys_renameat2((const long[6]){argument[0], argument[1], argument[2], argument[3], 0});
}

long sys_rename(const long *argument)
{
    return sys_renameat2((const long[6]){AT_FDCWD, argument[0], AT_FDCWD, argument[1], 0});
}

long sys_getdents64(const long *argument)
{
    uint8_t *buffer = (uint8_t *)argument[1];
    uint64_t size = (uint32_t)argument[2];
    FILE_HELD file = file_get_content(argument[0]);
    if (!file)
        return -EBADF;
    if (!file->node->operations->list)
        return -ENOTDIR;
    if (!memory_is_inside(buffer, size))
        return -EFAULT;
    return file->node->operations->list(file, buffer, size);
}
