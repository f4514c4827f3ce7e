/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files, written whole.
 */
#include "store.h"

#include "../image/fail.h"
#include "../image/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void store_path(char to[STORE_PATH], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to, STORE_PATH, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= STORE_PATH)
        *to = 0;
}

cella_status store_write(const char *path, const void *bytes, size_t size, enum store_kind kind,
                         cella_error *error)
{
    char temporary[STORE_PATH];
    mode_t mode = kind == STORE_PRIVATE ? 0600 : 0644;
    store_path(temporary, "%s.%d.new", path, getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
    bool good = file_write_all(fd, bytes, size) && (kind == STORE_SHARED || fsync(fd) == 0);
    int saved = errno;
    if (close(fd) == 0 && good && rename(temporary, path) == 0)
        return CELLA_OK;
    saved = good ? errno : saved;
    unlink(temporary);
    return fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(saved));
}

bool store_there(const char *path)
{
    struct stat there;
    return lstat(path, &there) == 0;
}

cella_status store_clear(const char *path, cella_error *error)
{
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT)
        return CELLA_OK;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (!folder)
        return fail(error, CELLA_SYSTEM, "%s: cannot be cleared: %s", path, strerror(errno));
    closedir(folder);
    return CELLA_OK;
}
