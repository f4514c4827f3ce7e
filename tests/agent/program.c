/* SPDX-License-Identifier: Apache-2.0
 *
 * program [START SIZE]...: runs after the agent. Everything is as it is for a program that runs
 * alone, but for the file and the key that the agent left; then it counts the pattern in all the
 * memory that it is told there is, and prints how often it is there.
 */
#include "../programs/check.h"
#include "pattern.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* The first instructions: registers as they are found go where the search will come by. */
_Alignas(64) static volatile __attribute__((used)) uint8_t found_vectors[4096];
static volatile __attribute__((used)) uint64_t found[16];
void first(void);
__asm__(
    ".text\n.globl first\nfirst:\n"
    "mov %rax, found(%rip); mov %rbx, found+8(%rip); mov %rcx, found+16(%rip)\n"
    "mov %rdx, found+24(%rip); mov %rsi, found+32(%rip); mov %rdi, found+40(%rip)\n"
    "mov %rbp, found+48(%rip); mov %r8, found+56(%rip); mov %r9, found+64(%rip)\n"
    "mov %r10, found+72(%rip); mov %r11, found+80(%rip); mov %r12, found+88(%rip)\n"
    "mov %r13, found+96(%rip); mov %r14, found+104(%rip); mov %r15, found+112(%rip)\n"
    "mov $7, %eax; xor %edx, %edx; xsave found_vectors(%rip)\n"
    "jmp _start\n");

static void check_registers(void)
{
    for (size_t i = 0; i < 15; i++)
        CHECK(found[i] == 0 || i == 2); /* rcx is where a system call returned to */
    for (size_t i = 160; i < 416; i++)  /* xmm0..15 */
        CHECK(found_vectors[i] == 0);
}

static void check_files(void)
{
    char text[64];
    int fd = open("/tmp/left", O_RDONLY);
    CHECK(fd == 3 && read(fd, text, sizeof(text)) == 4 && memcmp(text, "kept", 4) == 0);
    CHECK(close(fd) == 0);
    for (fd = 3; fd < 1024; fd++)
        CHECK_ERROR(fcntl(fd, F_GETFD), EBADF);
    struct stat status;
    for (fd = 0; fd < 3; fd++)
        CHECK(fstat(fd, &status) == 0);
    CHECK(access("/tmp/gone", F_OK) == -1);
    CHECK(getcwd(text, sizeof(text)) && strcmp(text, "/") == 0);
    CHECK(umask(022) == 022);
    fd = open("/dev/attestation/keys/north", O_WRONLY);
    CHECK_ERROR(write(fd, text, 32), EEXIST);
    CHECK(close(fd) == 0);
    fd = open("/dev/attestation/user_report_data", O_RDONLY);
    CHECK(read(fd, text, 64) == 64);
    for (int i = 0; i < 64; i++)
        CHECK(text[i] == 0);
    CHECK(close(fd) == 0);
}

static void check_self(void)
{
    char name[16];
    struct sigaction action;
    sigset_t set;
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "enclave") == 0);
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
    for (int number = 1; number < 32; number++)
        CHECK(!sigismember(&set, number));
    CHECK(gettid() == getpid());
}

/* The box that the agent left open, by the key that it set. */
static void check_box(void)
{
    uint64_t word = 0;
    int fd = open("/boxes/of the agent", O_RDONLY);
    CHECK(fd >= 0 && lseek(fd, 0, SEEK_END) == 32768);
    CHECK(pread(fd, &word, sizeof(word), 32768 - 8) == sizeof(word));
    CHECK(~word == pattern_complement);
    CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
    size_t count = 0;
    CHECK(strcmp(argv[0], "program") == 0);
    check_registers();
    check_files();
    check_self();
    for (int i = 1; i + 1 < argc; i += 2) {
        const volatile uint64_t *words = (const uint64_t *)strtoull(argv[i], NULL, 16);
        size_t size = strtoull(argv[i + 1], NULL, 16) / 8;
        for (size_t at = 0; at < size; at++)
            if (~words[at] == pattern_complement) {
                if (!count)
                    fprintf(stderr, "found at %p\n", (const void *)&words[at]);
                count++;
            }
    }
    check_box();
    printf("%zu\n", count);
    return 0;
}
