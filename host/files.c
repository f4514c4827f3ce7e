/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the host for the enclave: the manifest's plain and hashed entries, and the standard
 * streams.
 *
 * Invariant: a path from the enclave is resolved only below the directory that was opened for its
 * entry before the enclave ran (openat2 with RESOLVE_BENEATH, which also stops "..", absolute
 * symbolic links and /proc magic links).
 */
#include "../image/fail.h"
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- handles ---- */

int host_handle_fd(struct cella_enclave *enclave, uint64_t handle)
{
    if (handle >= HOST_HANDLES)
        return -1;
    pthread_mutex_lock(&enclave->handles_lock);
    int fd = enclave->handles[handle].fd;
    pthread_mutex_unlock(&enclave->handles_lock);
    return fd;
}

int64_t host_handle_new(struct cella_enclave *enclave, int fd)
{
    int64_t handle = -EMFILE;
    pthread_mutex_lock(&enclave->handles_lock);
    for (uint32_t i = 3; i < HOST_HANDLES && handle < 0; i++) {
        if (enclave->handles[i].fd >= 0)
            continue;
        enclave->handles[i].fd = fd;
        handle = i;
    }
    pthread_mutex_unlock(&enclave->handles_lock);
    if (handle < 0)
        close(fd);
    return handle;
}

static int64_t close_handle(struct cella_enclave *enclave, uint64_t handle)
{
    if (handle < 3 || handle >= HOST_HANDLES) /* the standard streams are the caller's */
        return -EBADF;
    pthread_mutex_lock(&enclave->handles_lock);
    int fd = enclave->handles[handle].fd;
    enclave->handles[handle].fd = -1;
    pthread_mutex_unlock(&enclave->handles_lock);
    return fd < 0 || close(fd) == 0 ? (fd < 0 ? -EBADF : 0) : -errno;
}

/* ---- mounts ---- */

static cella_status open_mount(int folder, struct host_mount *mount, const struct boot_file *file,
                               const char *source, cella_error *error)
{
    mount->writable = file->flags & BOOT_FILE_WRITABLE;
    if (file->flags & BOOT_FILE_DIRECTORY) {
        mount->directory = openat(folder, source, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return mount->directory >= 0
                   ? CELLA_OK
                   : fail(error, CELLA_SYSTEM, "%s: %s (the manifest names it as a directory)",
                          source, strerror(errno));
    }
    const char *slash = strrchr(source, '/');
    char *parent =
        slash ? strndup(source, slash == source ? 1 : (size_t)(slash - source)) : strdup(".");
    mount->name = strdup(slash ? slash + 1 : source);
    if (!parent || !mount->name) {
        free(parent);
        return fail(error, CELLA_MEMORY, "no memory for a file of the manifest");
    }
    mount->directory = openat(folder, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cella_status status = CELLA_OK;
    if (mount->directory < 0)
        status = fail(error, CELLA_SYSTEM, "%s: %s (the manifest names a file in it)", parent,
                      strerror(errno));
    free(parent);
    return status;
}

static cella_status open_mounts(struct cella_enclave *enclave, const struct image *image,
                                int folder, cella_error *error)
{
    for (uint32_t i = 0; i < enclave->mount_count; i++) {
        struct boot_file file;
        char source[PATH_MAX];
        if (!image_read(image, enclave->boot.files.offset + i * sizeof(file), &file, sizeof(file)))
            return fail(error, CELLA_INVALID, "the image's file table lies outside the image");
        if (file.kind != BOOT_FILE_PLAIN && file.kind != BOOT_FILE_HASHED &&
            file.kind != BOOT_FILE_BOX)
            continue;
        if (file.content.size >= sizeof(source) ||
            !image_read(image, file.content.offset, source, file.content.size))
            return fail(error, CELLA_INVALID, "the image names a host file badly");
        source[file.content.size] = 0;
        cella_status status = open_mount(folder, &enclave->mounts[i], &file, source, error);
        if (status)
            return status;
    }
    return CELLA_OK;
}

cella_status host_mounts_open(struct cella_enclave *enclave, const struct image *image,
                              cella_error *error)
{
    const char *name = enclave->options.folder;
    uint32_t count = (uint32_t)(enclave->boot.files.size / sizeof(struct boot_file));
    enclave->options.folder = NULL; /* the caller's, and used here alone */
    enclave->mounts = calloc(count ? count : 1, sizeof(*enclave->mounts));
    if (!enclave->mounts)
        return fail(error, CELLA_MEMORY, "no memory for the manifest's files");
    for (uint32_t i = 0; i < count; i++)
        enclave->mounts[i].directory = -1;
    enclave->mount_count = count;
    int folder = open(name ? name : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return fail(error, CELLA_SYSTEM, "%s: %s", name ? name : ".", strerror(errno));
    if (enclave->boot.insecure_keys.size)
        host_log(enclave,
                 "insecure_keys: the image carries keys of boxes in the clear; whoever has "
                 "it can open them");
    cella_status status = open_mounts(enclave, image, folder, error);
    close(folder);
    return status;
}

void host_files_close(struct cella_enclave *enclave)
{
    for (uint32_t i = 3; i < HOST_HANDLES; i++)
        if (enclave->handles[i].fd >= 0)
            close(enclave->handles[i].fd);
    for (uint32_t i = 0; i < enclave->mount_count; i++) {
        if (enclave->mounts[i].directory >= 0)
            close(enclave->mounts[i].directory);
        free(enclave->mounts[i].name);
    }
    free(enclave->mounts);
}

/* ---- paths ---- */

/* A path of a request: fetched once, NUL-terminated. */
struct path {
    const struct host_mount *mount;
    char bytes[PATH_MAX];
};

static int64_t fetch_path(struct cella_enclave *enclave, const struct host_request *request,
                          uint64_t offset, uint64_t length, struct path *path)
{
    uint64_t index = request->arguments[0];
    if (index >= enclave->mount_count || enclave->mounts[index].directory < 0)
        return -ENOENT;
    path->mount = &enclave->mounts[index];
    if (offset > RING_BUFFER_SIZE || length >= sizeof(path->bytes) ||
        length > RING_BUFFER_SIZE - offset)
        return -ENAMETOOLONG;
    memcpy(path->bytes, request->buffer + offset, length);
    path->bytes[length] = 0;
    if (strlen(path->bytes) != length)
        return -EINVAL;
    if (path->mount->name) {
        if (length)
            return -ENOTDIR;
        snprintf(path->bytes, sizeof(path->bytes), "%s", path->mount->name);
    } else if (length == 0) {
        strcpy(path->bytes, ".");
    }
    return 0;
}

static int open_beneath(const struct host_mount *mount, const char *path, uint64_t flags,
                        uint64_t mode)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY), /* openat2 is strict */
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, mount->directory, path, &how, sizeof(how));
    return fd < 0 ? (errno == EXDEV ? -EACCES : -errno) : fd;
}

/* The directory that holds the last component of a path, and that component. */
static int open_parent(struct path *path, const char **last)
{
    char *slash = strrchr(path->bytes, '/');
    *last = slash ? slash + 1 : path->bytes;
    if (!**last || strcmp(*last, ".") == 0 || strcmp(*last, "..") == 0)
        return -EINVAL;
    if (slash)
        *slash = 0;
    return open_beneath(path->mount, slash ? path->bytes : ".", O_PATH | O_DIRECTORY, 0);
}

static int64_t serve_open(struct cella_enclave *enclave, const struct host_request *request)
{
    static const struct {
        uint64_t ring, host;
    } flags[] = {
        {RING_OPEN_CREATE, O_CREAT},        {RING_OPEN_EXCLUSIVE, O_EXCL},
        {RING_OPEN_TRUNCATE, O_TRUNC},      {RING_OPEN_APPEND, O_APPEND},
        {RING_OPEN_DIRECTORY, O_DIRECTORY}, {RING_OPEN_NOFOLLOW, O_NOFOLLOW},
        {RING_OPEN_NONBLOCK, O_NONBLOCK},
    };
    struct path path;
    int64_t error = fetch_path(enclave, request, 0, request->arguments[3], &path);
    if (error)
        return error;
    uint64_t asked = request->arguments[1], how = 0;
    if (asked >> 10)
        return -EINVAL;
    if ((asked & (RING_OPEN_WRITE | RING_OPEN_CREATE | RING_OPEN_TRUNCATE | RING_OPEN_APPEND)) &&
        !path.mount->writable)
        return -EROFS;
    if (asked & RING_OPEN_WRITE)
        how = asked & RING_OPEN_READ ? O_RDWR : O_WRONLY;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (asked & flags[i].ring)
            how |= flags[i].host;
    int fd =
        open_beneath(path.mount, path.bytes, how, how & O_CREAT ? request->arguments[2] & 0777 : 0);
    if (fd >= 0 && (asked & RING_OPEN_LOCK) &&
        flock(fd, LOCK_NB | (asked & RING_OPEN_WRITE ? LOCK_EX : LOCK_SH)) != 0) {
        close(fd);
        return -EBUSY;
    }
    return fd < 0 ? fd : host_handle_new(enclave, fd);
}

static void fill_stat(const struct stat *from, uint8_t *buffer)
{
    struct ring_stat to = {
        .inode = from->st_ino,
        .size = (uint64_t)from->st_size,
        .blocks = (uint64_t)from->st_blocks,
        .mode = from->st_mode,
        .links = (uint32_t)from->st_nlink,
        .access_seconds = from->st_atim.tv_sec,
        .modify_seconds = from->st_mtim.tv_sec,
        .change_seconds = from->st_ctim.tv_sec,
        .access_nanoseconds = (uint32_t)from->st_atim.tv_nsec,
        .modify_nanoseconds = (uint32_t)from->st_mtim.tv_nsec,
        .change_nanoseconds = (uint32_t)from->st_ctim.tv_nsec,
        .device = (uint32_t)from->st_dev,
    };
    memcpy(buffer, &to, sizeof(to));
}

static int64_t serve_stat_path(struct cella_enclave *enclave, const struct host_request *request)
{
    struct path path;
    struct stat found;
    int64_t error = fetch_path(enclave, request, 0, request->arguments[3], &path);
    if (error)
        return error;
    int fd =
        open_beneath(path.mount, path.bytes, O_PATH | (request->arguments[1] ? 0 : O_NOFOLLOW), 0);
    if (fd < 0)
        return fd;
    error = fstat(fd, &found) ? -errno : 0;
    close(fd);
    if (!error)
        fill_stat(&found, request->buffer);
    return error;
}

static int64_t serve_unlink(struct cella_enclave *enclave, const struct host_request *request)
{
    struct path path;
    const char *last;
    int64_t error = fetch_path(enclave, request, 0, request->arguments[3], &path);
    if (error || !path.mount->writable)
        return error ? error : -EROFS;
    int parent = open_parent(&path, &last);
    if (parent < 0)
        return parent;
    error = unlinkat(parent, last, request->arguments[1] ? AT_REMOVEDIR : 0) ? -errno : 0;
    close(parent);
    return error;
}

static int64_t serve_mkdir(struct cella_enclave *enclave, const struct host_request *request)
{
    struct path path;
    const char *last;
    int64_t error = fetch_path(enclave, request, 0, request->arguments[3], &path);
    if (error || !path.mount->writable)
        return error ? error : -EROFS;
    int parent = open_parent(&path, &last);
    if (parent < 0)
        return parent;
    error = mkdirat(parent, last, (mode_t)request->arguments[2] & 0777) ? -errno : 0;
    close(parent);
    return error;
}

static int64_t serve_rename(struct cella_enclave *enclave, const struct host_request *request)
{
    struct path from, to;
    const char *old, *new;
    uint64_t length = request->arguments[3];
    int64_t error = fetch_path(enclave, request, 0, length, &from);
    if (!error)
        error = fetch_path(enclave, request, length, request->arguments[1], &to);
    if (error || !from.mount->writable)
        return error ? error : -EROFS;
    int source = open_parent(&from, &old);
    if (source < 0)
        return source;
    int target = open_parent(&to, &new);
    if (target < 0) {
        close(source);
        return target;
    }
    error = renameat(source, old, target, new) ? -errno : 0;
    close(source);
    close(target);
    return error;
}

/* What Linux's getdents64 fills. */
struct host_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* Fills the buffer with as many entries as fit. */
static int64_t serve_list(struct cella_enclave *enclave, const struct host_request *request, int fd)
{
    uint8_t raw[4096] __attribute__((aligned(8)));
    uint64_t most = request->arguments[1] < sizeof(raw) ? request->arguments[1] : sizeof(raw);
    (void)enclave;
    /* An entry here is never longer than the kernel's: 16 + name against 19 + name. */
    long size = syscall(SYS_getdents64, fd, raw, most);
    if (size < 0)
        return -errno;
    uint64_t filled = 0;
    for (long at = 0; at < size;) {
        const struct host_entry *from = (const void *)(raw + at);
        struct ring_entry to = {
            .inode = from->inode, .type = from->type, .name_length = (uint16_t)strlen(from->name)};
        uint64_t padded = (to.name_length + UINT64_C(7)) & ~UINT64_C(7);
        uint8_t *place = request->buffer + filled;
        memcpy(place, &to, sizeof(to));
        memset(place + sizeof(to), 0, padded);
        memcpy(place + sizeof(to), from->name, to.name_length);
        filled += sizeof(to) + padded;
        at += from->size;
    }
    return (int64_t)filled;
}

static int64_t serve_poll(struct cella_enclave *enclave, const struct host_request *request)
{
    uint64_t count = request->arguments[0], ns = request->arguments[1];
    struct ring_poll asked[256];
    struct pollfd polled[256];
    if (count > 256)
        return -EINVAL;
    memcpy(asked, request->buffer, count * sizeof(asked[0]));
    for (uint64_t i = 0; i < count; i++) {
        polled[i].fd = host_handle_fd(enclave, asked[i].handle);
        polled[i].events = (short)asked[i].events;
        if (polled[i].fd < 0)
            return -EBADF;
    }
    struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    int ready = ppoll(polled, count, ns == UINT64_MAX ? NULL : &time, NULL);
    if (ready < 0)
        return -errno;
    for (uint64_t i = 0; i < count; i++)
        asked[i].revents = (uint16_t)polled[i].revents;
    memcpy(request->buffer, asked, count * sizeof(asked[0]));
    return ready;
}

static int64_t serve_transfer(struct cella_enclave *enclave, const struct host_request *request,
                              int fd)
{
    uint64_t length = request->arguments[1];
    off_t offset = (off_t)request->arguments[2];
    ssize_t done;
    if (length > RING_BUFFER_SIZE)
        return -EINVAL;
    switch (request->operation) {
    case RING_READ:
        done = read(fd, request->buffer, length);
        break;
    case RING_WRITE:
        done = write(fd, request->buffer, length);
        break;
    case RING_PREAD:
        done = pread(fd, request->buffer, length, offset);
        break;
    default:
        done = pwrite(fd, request->buffer, length, offset);
        break;
    }
    if (done < 0)
        return -errno;
    bool in = request->operation == RING_READ || request->operation == RING_PREAD;
    atomic_fetch_add_explicit(in ? &enclave->bytes_in : &enclave->bytes_out, (uint64_t)done,
                              memory_order_relaxed);
    return done;
}

static int64_t serve_handle(struct cella_enclave *enclave, const struct host_request *request,
                            int fd)
{
    const uint64_t *argument = request->arguments;
    struct stat found;
    off_t place;
    switch (request->operation) {
    case RING_READ:
    case RING_WRITE:
    case RING_PREAD:
    case RING_PWRITE:
        return serve_transfer(enclave, request, fd);
    case RING_STAT:
        if (fstat(fd, &found))
            return -errno;
        fill_stat(&found, request->buffer);
        return 0;
    case RING_TRUNCATE:
        return ftruncate(fd, (off_t)argument[1]) ? -errno : 0;
    case RING_SYNC:
        return (argument[1] ? fdatasync(fd) : fsync(fd)) ? -errno : 0;
    case RING_LIST:
        return serve_list(enclave, request, fd);
    case RING_SEEK_HOST:
        if (argument[2] > SEEK_END)
            return -EINVAL;
        place = lseek(fd, (off_t)argument[1], (int)argument[2]);
        return place < 0 ? -errno : place;
    default:
        return -ENOSYS;
    }
}

int64_t host_file_serve(struct cella_enclave *enclave, const struct host_request *request)
{
    switch (request->operation) {
    case RING_OPEN:
        return serve_open(enclave, request);
    case RING_CLOSE:
        return close_handle(enclave, request->arguments[0]);
    case RING_STAT_PATH:
        return serve_stat_path(enclave, request);
    case RING_UNLINK:
        return serve_unlink(enclave, request);
    case RING_MKDIR:
        return serve_mkdir(enclave, request);
    case RING_RENAME:
        return serve_rename(enclave, request);
    case RING_POLL:
        return serve_poll(enclave, request);
    default: {
        int fd = host_handle_fd(enclave, request->arguments[0]);
        return fd < 0 ? -EBADF : serve_handle(enclave, request, fd);
    }
    }
}
