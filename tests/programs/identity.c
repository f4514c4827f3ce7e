/* SPDX-License-Identifier: Apache-2.0
 *
 * Who and where am I: process, thread, user, machine, memory, processors, limits.
 */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void *other_thread(void *argument)
{
    (void)argument;
    CHECK(gettid() != getpid());
    CHECK(gettid() > 0);
    CHECK(*(pid_t *)argument == getpid());
    return NULL;
}

int main(void)
{
    struct utsname name;
    struct sysinfo machine;
    struct rlimit limit;
    cpu_set_t processors;
    pthread_t thread;
    pid_t process = getpid();

    CHECK(process > 0);
    CHECK(gettid() == process);
    CHECK(getppid() >= 0);
    CHECK(pthread_create(&thread, NULL, other_thread, &process) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(getuid() == geteuid());
    CHECK(getgid() == getegid());
    puts("process and user");

    CHECK(uname(&name) == 0);
    printf("%s %s\n", name.sysname, name.machine);
    CHECK(name.release[0] >= '4' && name.release[0] <= '9');
    CHECK(sysinfo(&machine) == 0);
    CHECK(machine.totalram > 0 && machine.mem_unit > 0 && machine.freeram <= machine.totalram);
    CHECK(sched_getaffinity(0, sizeof processors, &processors) == 0);
    CHECK(CPU_COUNT(&processors) >= 1);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    CHECK(sysconf(_SC_PAGESIZE) == 4096);
    CHECK(sysconf(_SC_PHYS_PAGES) > 0);
    CHECK(sched_yield() == 0);
    puts("machine");

    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
    CHECK(limit.rlim_cur >= 1024 * 1024);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(limit.rlim_cur >= 64);
    puts("limits");

    char text[16];
    CHECK(prctl(PR_SET_NAME, "a name that is too long") == 0);
    CHECK(prctl(PR_GET_NAME, text) == 0);
    puts(text);
    CHECK(isatty(STDIN_FILENO) == 0);
    return 0;
}
