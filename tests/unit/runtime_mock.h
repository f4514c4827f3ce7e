/* SPDX-License-Identifier: Apache-2.0
 *
 * What runtime/files stands on, made of the libc: memory, locks, threads, time, and a host that
 * serves a directory with real system calls and can be told to lie.
 */
#ifndef TESTS_RUNTIME_MOCK_H
#define TESTS_RUNTIME_MOCK_H

#include "../../runtime/files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* An address that memory_is_inside denies. */
#define MOCK_OUTSIDE ((void *)0x7f00000000000000)

/* A handler called with up to six arguments. */
#define CALL(handler, ...) mock_call(handler, (const long[6]){__VA_ARGS__})
#define P(pointer)         ((long)(pointer))

long mock_call(syscall_handler *handler, const long *argument);

/* One entry of the manifest. */
struct mock_file {
    uint32_t kind, flags;
    const char *path;
    const char *content; /* measured: the bytes; plain, hashed: a path below mock_directory */
    uint64_t size;
    uint8_t sha256[32];
};

/* Starts the file side anew with these files; `flags` are boot_flags. */
void mock_start(const struct mock_file *files, size_t count, uint32_t flags);
extern char mock_directory[64]; /* an empty folder of the real file system, made by mock_start */
void mock_write(const char *name, const void *bytes, size_t size); /* a file in there */
void mock_end(void);                                               /* removes it */

void mock_thread(void); /* a thread other than the first calls it before anything else */
struct thread *mock_self(void);

/* Lies: called before the host does anything; true: *result and the buffer are the reply. */
typedef bool mock_liar(uint32_t operation, const uint64_t *argument, uint8_t *buffer,
                       int64_t *result);
extern mock_liar *mock_lie;

/* Runs `action` in a child: asserts that the enclave stops there with these words. */
void mock_stops(void (*action)(void), enum ring_stop why, uint64_t detail);

extern long mock_allocations;    /* alive */
extern long mock_pages;          /* bytes mapped */
extern long mock_fail_after;     /* the n-th allocation from now fails, and all later; -1: none */
extern uint64_t mock_calls[128]; /* requests, by operation */
extern uint64_t mock_slow_calls[128];
extern int mock_raised; /* the signal raised last */
extern struct runtime_time mock_clock;
extern bool mock_has_clock;

#endif
