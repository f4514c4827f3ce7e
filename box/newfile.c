/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that appears whole: without a name while it is written, where the file system can do that
 * (a killed process leaves nothing then), else under a temporary one beside its own.
 */
#include "newfile.h"

#include "../image/fail.h"
#include "direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u /* of the memory, and what file systems align to at most */
#define DIRECT_WORTH                                                                               \
    (UINT64_C(8) << 20) /* bytes: fewer are soon read again, from the page cache                   \
                         */

static cella_status is_there(const char *path, cella_error *error)
{
    return fail(error, CELLA_INVALID, "%s: it is there already; name another file, or use --force",
                path);
}

static cella_status may_be_written(const char *path, bool replaces, cella_error *error)
{
    struct stat there;
    if (lstat(path, &there) != 0)
        return CELLA_OK; /* what is wrong with the folder, opening says */
    if (!replaces)
        return is_there(path, error);
    if (!S_ISREG(there.st_mode))
        return fail(error, CELLA_INVALID, "%s: it is not a regular file; name another", path);
    return CELLA_OK;
}

static int open_nameless(const char *path, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode) : -1;
    free(folder);
    return fd;
}

static int open_temporary(struct new_file *file, mode_t mode)
{
    if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
        file->temporary = NULL;
        return -1;
    }
    mode_t mask = umask(0);
    umask(mask);
    int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd >= 0 && fchmod(fd, mode & ~mask) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0) {
        unlink(file->temporary);
        close(fd);
    }
    free(file->temporary);
    errno = saved;
    return -1;
}

cella_status new_file_open(struct new_file *file, const char *path, mode_t mode, bool replaces,
                           cella_error *error)
{
    cella_status status = may_be_written(path, replaces, error);
    if (status)
        return status;
    *file = (struct new_file){
        .direct = -1, .path = path, .replaces = replaces, .writing = PTHREAD_MUTEX_INITIALIZER};
    file->fd = open_nameless(path, mode);
    if (file->fd < 0)
        file->fd = open_temporary(file, mode);
    if (file->fd < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot write there: %s", path, strerror(errno));
    return CELLA_OK;
}

/* ---- writing ---- */

void new_file_expect(struct new_file *file, uint64_t size)
{
    if (file->direct < 0)
        file->direct = direct_open(file->fd, O_WRONLY, size);
}

/* False: see errno; some of it may be written. */
static bool write_all(int fd, uint64_t offset, const uint8_t *bytes, size_t size)
{
    while (size) {
        ssize_t done = pwrite(fd, bytes, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
    }
    return true;
}

/* *size becomes what was written so. False: see errno; that it cannot be is no failure. */
static bool write_direct(const struct new_file *file, uint64_t offset, const uint8_t *bytes,
                         size_t *size)
{
    *size -= *size % DIRECT_PAGE;
    if (file->direct < 0 || !direct_aligned(offset, bytes))
        *size = 0;
    if (write_all(file->direct, offset, bytes, *size))
        return true;
    *size = 0;
    return errno == EINVAL;
}

cella_status new_file_write(struct new_file *file, uint64_t offset, const uint8_t *bytes,
                            size_t size, cella_error *error)
{
    size_t done = size;
    bool good = write_direct(file, offset, bytes, &done);
    if (good && done < size) {
        pthread_mutex_lock(&file->writing);
        good = write_all(file->fd, offset + done, bytes + done, size - done);
        pthread_mutex_unlock(&file->writing);
    }
    return good ? CELLA_OK
                : fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", file->path,
                       strerror(errno));
}

/* ---- its name ---- */

static bool give_name(const struct new_file *file, const char *name)
{
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", file->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

/* A link refuses what is there; a rename replaces it, and needs a name to rename. */
static bool put_in_place(struct new_file *file)
{
    if (!file->replaces)
        return file->temporary ? link(file->temporary, file->path) == 0
                               : give_name(file, file->path);
    for (unsigned attempt = 0; !file->temporary; attempt++) {
        char *name;
        if (asprintf(&name, "%s.%u.%u", file->path, (unsigned)getpid(), attempt) < 0)
            return false;
        if (give_name(file, name))
            file->temporary = name;
        else
            free(name);
        if (!file->temporary && errno != EEXIST)
            return false;
    }
    return rename(file->temporary, file->path) == 0;
}

cella_status new_file_commit(struct new_file *file, cella_error *error)
{
    cella_status status = CELLA_OK;
    if (fsync(file->fd) != 0 || !put_in_place(file))
        status = errno == EEXIST ? is_there(file->path, error)
                                 : fail(error, CELLA_SYSTEM, "%s: cannot be written: %s",
                                        file->path, strerror(errno));
    new_file_abandon(file);
    return status;
}

void new_file_abandon(struct new_file *file)
{
    if (file->temporary)
        unlink(file->temporary); /* after a rename it is gone already */
    free(file->temporary);
    if (file->direct >= 0)
        close(file->direct);
    close(file->fd);
}
