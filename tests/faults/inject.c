/* SPDX-License-Identifier: Apache-2.0
 *
 * See inject.h.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

const struct inject_kind inject_kinds[] = {
    {INJECT_MALLOC, ENOMEM, "malloc"},
    {INJECT_CALLOC, ENOMEM, "calloc"},
    {INJECT_REALLOC, ENOMEM, "realloc"},
    {INJECT_REALLOCARRAY, ENOMEM, "reallocarray"},
    {INJECT_ALIGNED_ALLOC, ENOMEM, "aligned_alloc"},
    {INJECT_STRDUP, ENOMEM, "strdup"},
    {INJECT_STRNDUP, ENOMEM, "strndup"},
    {INJECT_ASPRINTF, ENOMEM, "asprintf"},
    {INJECT_OPEN_MEMSTREAM, ENOMEM, "open_memstream"},
    {INJECT_OPENSSL, ENOMEM, "malloc of OpenSSL"},
    {INJECT_MMAP, ENOMEM, "mmap"},
    {INJECT_MPROTECT, ENOMEM, "mprotect"},
    {INJECT_MADVISE, EINVAL, "madvise"},
    {INJECT_IOCTL, EIO, "ioctl, EIO"},
    {INJECT_IOCTL, ENOMEM, "ioctl, ENOMEM"},
    {INJECT_IOCTL, EINTR, "ioctl, EINTR"},
    {INJECT_OPEN, EMFILE, "open"},
    {INJECT_OPENAT, ENFILE, "openat"},
    {INJECT_FOPEN, EMFILE, "fopen"},
    {INJECT_MKOSTEMP, EACCES, "mkostemp"},
    {INJECT_READ, EIO, "read, EIO"},
    {INJECT_READ, EINTR, "read, EINTR"},
    {INJECT_PREAD, EIO, "pread"},
    {INJECT_WRITE, ENOSPC, "write, ENOSPC"},
    {INJECT_WRITE, EINTR, "write, EINTR"},
    {INJECT_FTRUNCATE, ENOSPC, "ftruncate"},
    {INJECT_MEMFD_CREATE, ENOMEM, "memfd_create"},
    {INJECT_FCNTL, EBUSY, "fcntl"},
    {INJECT_FSTAT, EIO, "fstat"},
    {INJECT_STAT, EIO, "stat"},
    {INJECT_FSYNC, EIO, "fsync"},
    {INJECT_FCHMOD, EPERM, "fchmod"},
    {INJECT_RENAME, EIO, "rename"},
    {INJECT_SYSCALL, ENOSYS, "syscall"},
    {INJECT_SIGALTSTACK, ENOMEM, "sigaltstack"},
    {INJECT_SYSCONF, EINVAL, "sysconf"},
    {INJECT_PTHREAD_CREATE, EAGAIN, "pthread_create"},
    {INJECT_PRCTL, EINVAL, "prctl"},
    {INJECT_SETRLIMIT, EPERM, "setrlimit"},
};
const size_t inject_kind_count = sizeof(inject_kinds) / sizeof(inject_kinds[0]);

static const struct inject_kind *_Atomic armed;
static _Atomic unsigned long left;
static _Atomic bool fired;

static bool fails(enum inject_call call)
{
    const struct inject_kind *kind = atomic_load(&armed);
    if (!kind || kind->call != call || atomic_fetch_sub(&left, 1) != 1)
        return false;
    atomic_store(&fired, true);
    errno = kind->error;
    return true;
}

void inject_arm(const struct inject_kind *kind, unsigned long n)
{
    atomic_store(&fired, false);
    atomic_store(&left, n);
    atomic_store(&armed, kind);
}

bool inject_disarm(void)
{
    atomic_store(&armed, NULL);
    return atomic_load(&fired);
}

/* WRAP(kind, failure, type of the result, name, parameters, arguments) */
#define WRAP(kind, failure, type, name, parameters, arguments)                                     \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(kind) ? (failure) : __real_##name arguments;                                  \
    }

WRAP(INJECT_MALLOC, NULL, void *, malloc, (size_t size), (size))
WRAP(INJECT_CALLOC, NULL, void *, calloc, (size_t count, size_t size), (count, size))
WRAP(INJECT_REALLOC, NULL, void *, realloc, (void *old, size_t size), (old, size))
WRAP(INJECT_REALLOCARRAY, NULL, void *, reallocarray, (void *old, size_t count, size_t size),
     (old, count, size))
WRAP(INJECT_ALIGNED_ALLOC, NULL, void *, aligned_alloc, (size_t alignment, size_t size),
     (alignment, size))
WRAP(INJECT_STRDUP, NULL, char *, strdup, (const char *text), (text))
WRAP(INJECT_STRNDUP, NULL, char *, strndup, (const char *text, size_t most), (text, most))
WRAP(INJECT_OPEN_MEMSTREAM, NULL, FILE *, open_memstream, (char **text, size_t *size), (text, size))
WRAP(INJECT_MMAP, MAP_FAILED, void *, mmap64,
     (void *start, size_t size, int protection, int flags, int fd, off64_t offset),
     (start, size, protection, flags, fd, offset))
WRAP(INJECT_MPROTECT, -1, int, mprotect, (void *start, size_t size, int protection),
     (start, size, protection))
WRAP(INJECT_MADVISE, -1, int, madvise, (void *start, size_t size, int advice),
     (start, size, advice))
WRAP(INJECT_FOPEN, NULL, FILE *, fopen64, (const char *path, const char *mode), (path, mode))
WRAP(INJECT_MKOSTEMP, -1, int, mkostemp64, (char *name, int flags), (name, flags))
WRAP(INJECT_READ, -1, ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size))
WRAP(INJECT_PREAD, -1, ssize_t, pread64, (int fd, void *bytes, size_t size, off64_t offset),
     (fd, bytes, size, offset))
WRAP(INJECT_WRITE, -1, ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(INJECT_FTRUNCATE, -1, int, ftruncate64, (int fd, off64_t size), (fd, size))
WRAP(INJECT_MEMFD_CREATE, -1, int, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(INJECT_FSTAT, -1, int, fstat64, (int fd, struct stat64 *status), (fd, status))
WRAP(INJECT_STAT, -1, int, stat64, (const char *path, struct stat64 *status), (path, status))
WRAP(INJECT_FSYNC, -1, int, fsync, (int fd), (fd))
WRAP(INJECT_FCHMOD, -1, int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(INJECT_RENAME, -1, int, rename, (const char *from, const char *to), (from, to))
WRAP(INJECT_SIGALTSTACK, -1, int, sigaltstack, (const stack_t *new, stack_t *old), (new, old))
WRAP(INJECT_SYSCONF, -1, long, sysconf, (int name), (name))
WRAP(INJECT_SETRLIMIT, -1, int, setrlimit64, (int which, const struct rlimit64 *limit),
     (which, limit))
WRAP(INJECT_PTHREAD_CREATE, errno, int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument),
     (thread, attributes, run, argument))

/* Variadic ones: as many arguments as any caller gives. */
#define WRAP_VARIADIC(kind, result_type, name, first_type, first, last, type)                      \
    result_type __real_##name first_type;                                                          \
    result_type __wrap_##name first_type;                                                          \
    result_type __wrap_##name first_type                                                           \
    {                                                                                              \
        va_list list;                                                                              \
        va_start(list, last);                                                                      \
        type argument = va_arg(list, type);                                                        \
        va_end(list);                                                                              \
        return fails(kind) ? -1 : __real_##name first;                                             \
    }

WRAP_VARIADIC(INJECT_IOCTL, int, ioctl, (int fd, unsigned long request, ...),
              (fd, request, argument), request, void *)
WRAP_VARIADIC(INJECT_FCNTL, int, fcntl64, (int fd, int command, ...), (fd, command, argument),
              command, void *)
WRAP_VARIADIC(INJECT_OPEN, int, open64, (const char *path, int flags, ...), (path, flags, argument),
              flags, int)
WRAP_VARIADIC(INJECT_OPENAT, int, openat64, (int folder, const char *path, int flags, ...),
              (folder, path, flags, argument), flags, int)

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
    va_list list;
    unsigned long a[4];
    va_start(list, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(list, unsigned long);
    va_end(list);
    return fails(INJECT_PRCTL) ? -1 : __real_prctl(option, a[0], a[1], a[2], a[3]);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list list;
    long a[6];
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number != SYS_futex && number != SYS_gettid && fails(INJECT_SYSCALL))
        return -1;
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list list;
    if (fails(INJECT_ASPRINTF))
        return -1;
    va_start(list, format);
    int length = vasprintf(text, format, list);
    va_end(list);
    return length;
}

/* ---- OpenSSL's own ---- */

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails(INJECT_OPENSSL) ? NULL : __real_malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails(INJECT_OPENSSL) ? NULL : __real_realloc(old, size);
}

static void openssl_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

void inject_start(void)
{
    if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
        abort();
}
