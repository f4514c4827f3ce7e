/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the n-th call of one kind fail. The linker puts these functions between libcella and the
 * libc (--wrap); OpenSSL's allocations come through its own hook. (Jansson 2.14 stops the process
 * itself when it has no memory for a token, so its allocations are left alone; and calls that
 * cannot fail with the arguments that they get, as sigaction.) What the test
 * itself asks is never made to fail: it asks while nothing is armed.
 */
#ifndef FAULTS_INJECT_H
#define FAULTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>

enum inject_call {
    INJECT_MALLOC,
    INJECT_CALLOC,
    INJECT_REALLOC,
    INJECT_REALLOCARRAY,
    INJECT_ALIGNED_ALLOC,
    INJECT_STRDUP,
    INJECT_STRNDUP,
    INJECT_ASPRINTF,
    INJECT_OPEN_MEMSTREAM,
    INJECT_OPENSSL,
    INJECT_MMAP,
    INJECT_MPROTECT,
    INJECT_MADVISE,
    INJECT_IOCTL,
    INJECT_OPEN,
    INJECT_OPENAT,
    INJECT_FOPEN,
    INJECT_MKOSTEMP,
    INJECT_READ,
    INJECT_PREAD,
    INJECT_WRITE,
    INJECT_FTRUNCATE,
    INJECT_MEMFD_CREATE,
    INJECT_FCNTL,
    INJECT_FSTAT,
    INJECT_STAT,
    INJECT_FSYNC,
    INJECT_FCHMOD,
    INJECT_RENAME,
    INJECT_SYSCALL, /* but for futex and gettid */
    INJECT_SIGALTSTACK,
    INJECT_SYSCONF,
    INJECT_PTHREAD_CREATE,
    INJECT_PRCTL,
    INJECT_SETRLIMIT,
};

struct inject_kind {
    enum inject_call call;
    int error; /* errno; PTHREAD_CREATE: its result */
    const char *name;
};

extern const struct inject_kind inject_kinds[];
extern const size_t inject_kind_count;

void inject_start(void); /* before libcella is used at all */
/* From now on the n-th call (from 1) of this kind fails, once. */
void inject_arm(const struct inject_kind *kind, unsigned long n);
/* No more; whether it did fail. */
bool inject_disarm(void);

#endif
