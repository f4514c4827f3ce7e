/* SPDX-License-Identifier: Apache-2.0
 *
 * agent WHAT: the agent of the tests, static-PIE.
 *   leave   puts the pattern wherever it can, and ends well; a file and a key stay
 *   keep    the same, and leaves the pattern in a memory file: the program must find it
 *   exit    ends with status 3
 *   raise   ends by SIGTERM
 *   thread  ends while another thread runs
 *   last    its first thread ends first
 */
#include "../programs/check.h"
#include "pattern.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { WORDS = 4096 };

static uint64_t data[WORDS] = {1}, zeroed[WORDS];
static _Thread_local uint64_t local[8];

/* Not inlined, and through a volatile, so that the compiler knows nothing of what is written. */
static __attribute__((noinline)) void fill(volatile uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        words[i] = ~pattern_complement;
}

static __attribute__((noinline)) void fill_stack(void)
{
    volatile uint64_t words[16 * WORDS];
    fill(words, sizeof(words) / sizeof(words[0]));
}

static void *sleeper(void *argument)
{
    sleep(argument ? 1 : 1000);
    return NULL;
}

static void handler(int number)
{
    _exit(number);
}

static void write_file(const char *path, int flags, const void *bytes, size_t size)
{
    int fd = open(path, flags, 0600);
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

static void *thread(void *argument)
{
    fill(local, 8);
    fill_stack();
    void *left = malloc(100000);
    CHECK(left);
    fill(left, 100000 / 8);
    /* its last system call takes the pattern onto the runtime's own stack */
    write_file("/dev/attestation/user_report_data", O_WRONLY, data, 64);
    return argument;
}

/* Memory: what the loader gave, the heap, the stacks, mappings that are there and that were. */
static void fill_memory(void)
{
    pthread_t made;
    fill(data, WORDS);
    fill(zeroed, WORDS);
    fill(local, 8);
    fill_stack();
    for (size_t size = 16; size <= 4 << 20; size *= 2) {
        uint64_t *kept = malloc(size), *freed = malloc(size);
        CHECK(kept && freed);
        fill(kept, size / 8);
        fill(freed, size / 8);
        free(freed);
    }
    uint64_t *mapped =
        mmap(NULL, 3 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mapped != MAP_FAILED);
    fill(mapped, (3 << 20) / 8);
    CHECK(munmap(mapped + (1 << 17), 1 << 20) == 0);
    CHECK(pthread_create(&made, NULL, thread, NULL) == 0 && pthread_join(made, NULL) == 0);
}

/* What the runtime keeps for it. */
static void fill_runtime(void)
{
    int ends[2];
    fill(data, WORDS);
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(write(ends[1], data, sizeof(data) / 2) == sizeof(data) / 2);
    int fd = open("/tmp/gone", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 30; i++)
        CHECK(write(fd, data, sizeof(data)) == sizeof(data));
    CHECK(unlink("/tmp/gone") == 0);
    CHECK(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
    CHECK(mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    CHECK(prctl(PR_SET_NAME, "agent") == 0);
    CHECK(mkdir("/tmp/folder", 0700) == 0 && chdir("/tmp/folder") == 0);
    umask(077);
    struct sigaction action = {.sa_handler = handler};
    sigset_t all;
    sigfillset(&all);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0 && raise(SIGUSR2) == 0);
    CHECK(dup2(fd, 0) == 0 && dup2(fd, 77) == 77);
}

static void leave(void)
{
    static const char key[33] = "0123456789abcdef0123456789abcdef";
    fill_memory();
    fill_runtime();
    write_file("/tmp/left", O_WRONLY | O_CREAT, "kept", 4);
    write_file("/dev/attestation/keys/north", O_WRONLY, key, 32);
    int box = open("/boxes/of the agent", O_RDWR | O_CREAT, 0600);
    CHECK(box >= 0 && write(box, data, sizeof(data)) == sizeof(data)); /* and is left open */
    write_file("/dev/attestation/user_report_data", O_WRONLY, data, 64);
    fill_stack();
    /* with the pattern in its registers */
    __asm__ volatile(
        "movq %0, %%xmm0; movq %0, %%xmm5; movq %0, %%xmm15; punpcklqdq %%xmm5, %%xmm5\n"
        "mov %0, %%rbx; mov %0, %%r12; mov %0, %%r15; mov %0, %%r8\n"
        "xor %%edi, %%edi; syscall"
        :
        : "r"(~pattern_complement), "a"(231) /* exit_group */
        : "memory");
}

int main(int argc, char **argv, char **environment)
{
    pthread_t made;
    CHECK(argc == 2 && strcmp(argv[0], "agent-agent") == 0 && !environment[0]);
    const char *what = argv[1];
    if (strcmp(what, "exit") == 0)
        return 3;
    if (strcmp(what, "raise") == 0)
        raise(SIGTERM);
    if (strcmp(what, "thread") == 0 || strcmp(what, "last") == 0) {
        bool last = strcmp(what, "last") == 0;
        CHECK(pthread_create(&made, NULL, sleeper, last ? &made : NULL) == 0);
        if (last)
            pthread_exit(NULL);
        return 0;
    }
    if (strcmp(what, "keep") == 0) {
        fill(data, 64);
        write_file("/tmp/pattern", O_WRONLY | O_CREAT, data, 512);
    }
    leave();
    return 1;
}
