/* SPDX-License-Identifier: Apache-2.0
 *
 * What an enclave does not do gives an error that a program can live with, and the program goes on.
 * Natively much of this works, so this one is compared with a file and not with a native run; but
 * nothing in here may do harm to a machine where it does run natively, as root: names that do not
 * exist, and signal 0.
 */
#include "check.h"
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define NOWHERE "/cella-no-such-name"

static void tell(const char *what, long result)
{
    printf("%s: %s\n", what, result != -1 ? "works" : errno == ENOSYS ? "ENOSYS" : "refused");
}

int main(void)
{
    char *arguments[] = {(char *)NOWHERE, NULL}, *none[] = {NULL};
    pid_t child;

    child = fork();
    if (child == 0)
        _exit(99);
    tell("fork", child);
    child = vfork();
    if (child == 0)
        _exit(99);
    tell("vfork", child);
    tell("execve", execve(NOWHERE, arguments, none));
    errno = posix_spawn(&child, NOWHERE, NULL, NULL, arguments, none);
    tell("posix_spawn", errno == 0 ? 0 : -1);
    tell("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    tell("mount", mount("none", NOWHERE, "tmpfs", 0, NULL));
    tell("chroot", chroot(NOWHERE));
    tell("a number that no system call has", syscall(511));
    tell("kill of another process", kill(1, 0));
    tell("kill of every process", kill(-1, 0));
    tell("wait without children", waitpid(-1, NULL, 0));
    void *memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tell("writable and executable memory", memory == MAP_FAILED ? -1 : 0);
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    tell("memory made executable", mprotect(memory, 4096, PROT_READ | PROT_EXEC));
    tell("a socket", socket(AF_INET, SOCK_STREAM, 0));
    tell("the host's files", access("/etc/passwd", F_OK));
    int ends[2];
    tell("a hard link", link("/tmp", "/tmp/link"));
    tell("a symbolic link", symlink("/tmp", "/tmp/link"));
    tell("a pair of sockets", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    tell("a timer's signal", setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
    tell("setuid to another user", setuid(getuid() + 1));
    puts("still here");
    return 0;
}
