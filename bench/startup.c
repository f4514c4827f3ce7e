/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the time of `cella run` goes: a library to be preloaded into cella, which times the calls
 * that matter between libc, libcrypto and libseccomp and cella, and prints a line each, in the
 * order of time, when cella ends. It changes nothing, and costs some 50 ns a call.
 *
 *     LD_PRELOAD=./startup.so cella run hello.sgxs
 *
 * STARTUP_BEGAN (CLOCK_MONOTONIC, ns) in the environment is when the parent began to start cella.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct entry {
    const char *name;
    uint64_t total, count;
};

static struct entry entries[64];
static uint64_t loaded, first_run, vcpu_ended;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void account(const char *name, uint64_t began)
{
    uint64_t time = now() - began;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        const char *free = NULL;
        if (__atomic_compare_exchange_n(&entries[i].name, &free, name, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED) ||
            strcmp(free, name) == 0) {
            __atomic_fetch_add(&entries[i].total, time, __ATOMIC_RELAXED);
            __atomic_fetch_add(&entries[i].count, 1, __ATOMIC_RELAXED);
            return;
        }
    }
}

__attribute__((constructor)) static void begin(void)
{
    loaded = now();
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *request_name(unsigned long request, const void *argument)
{
    /* as tee/vsm numbers them: from 2 on a chunk of the heap each */
    static const char *const slots[] = {"KVM_SET_USER_MEMORY_REGION2, image",
                                        "KVM_SET_USER_MEMORY_REGION2, shared",
                                        "KVM_SET_USER_MEMORY_REGION2, heap"};
    switch (request & 0xffff) {
    case 0xae01:
        return "KVM_CREATE_VM";
    case 0xae05:
        return "KVM_GET_SUPPORTED_CPUID";
    case 0xae41:
        return "KVM_CREATE_VCPU";
    case 0xae49: {
        uint32_t slot = *(const uint32_t *)argument;
        return slots[slot < 2 ? slot : 2];
    }
    case 0xae80:
        return "KVM_RUN";
    case 0xae90:
        return "KVM_SET_CPUID2";
    case 0xaed4:
        return "KVM_CREATE_GUEST_MEMFD";
    default:
        return "other KVM requests";
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    static __typeof__(&ioctl) next;
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (!next)
        next = NEXT(ioctl);
    uint64_t began = now();
    const char *name = request_name(request, argument);
    int result = next(fd, request, argument);
    if (strcmp(name, "KVM_RUN") == 0) {
        first_run = first_run ? first_run : began;
        vcpu_ended = now();
    }
    account(name, began);
    return result;
}

/* One wrapper a function: same arguments, timed. */
#define TIMED(type, name, parameters, arguments)                                                   \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*next) parameters;                                                             \
        if (!next)                                                                                 \
            next = NEXT(name);                                                                     \
        uint64_t began = now();                                                                    \
        type result = next arguments;                                                              \
        account(#name, began);                                                                     \
        return result;                                                                             \
    }

TIMED(int, madvise, (void *at, size_t size, int advice), (at, size, advice))
TIMED(int, fcntl64, (int fd, int command, uint64_t argument), (fd, command, argument))
TIMED(int, memfd_create, (const char *name, unsigned flags), (name, flags))
TIMED(int, ftruncate64, (int fd, off_t size), (fd, size))
TIMED(int, munmap, (void *at, size_t size), (at, size))
TIMED(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
      (at, size, protection, flags, fd, offset))
TIMED(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
TIMED(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
TIMED(ssize_t, pwrite64, (int fd, const void *from, size_t size, off_t offset),
      (fd, from, size, offset))
TIMED(int, pthread_create,
      (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *),
       void *argument),
      (thread, attributes, start, argument))
TIMED(int, seccomp_load, (void *context), (context))
TIMED(int, seccomp_rule_add_array,
      (void *context, uint32_t action, int number, unsigned count, const void *array),
      (context, action, number, count, array))
TIMED(void *, seccomp_init, (uint32_t action), (action))
TIMED(int, EVP_Digest,
      (const void *data, size_t size, unsigned char *hash, unsigned *hash_size, const void *type,
       void *engine),
      (data, size, hash, hash_size, type, engine))
TIMED(int, EVP_DigestInit_ex, (void *context, const void *type, void *engine),
      (context, type, engine))
TIMED(int, EVP_DigestUpdate, (void *context, const void *data, size_t size), (context, data, size))
TIMED(int, OPENSSL_init_crypto, (uint64_t options, const void *settings), (options, settings))
TIMED(void *, EVP_sha256, (void), ())
TIMED(int, EVP_DigestFinal_ex, (void *context, unsigned char *hash, unsigned *size),
      (context, hash, size))

static void line(const char *name, uint64_t time, uint64_t count)
{
    fprintf(stderr, "startup\t%s\t%llu\t%llu\n", name, (unsigned long long)time,
            (unsigned long long)count);
}

void _exit(int status)
{
    uint64_t ended = now();
    const char *began = getenv("STARTUP_BEGAN");
    if (began)
        line("phase: fork, exec, dynamic linking", loaded - strtoull(began, NULL, 10), 1);
    line("phase: main to the first instruction inside", first_run - loaded, 1);
    line("phase: inside, and serving it", vcpu_ended - first_run, 1);
    line("phase: end of the vCPU to _exit", ended - vcpu_ended, 1);
    line("ended", ended, 1);
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]) && entries[i].name; i++)
        line(entries[i].name, entries[i].total, entries[i].count);
    __typeof__(&_exit) next = NEXT(_exit);
    next(status);
    __builtin_unreachable();
}
