/* SPDX-License-Identifier: Apache-2.0
 *
 * Attacks that have the process written to a file.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void conclude_core(struct target *target, struct result *result, const char *path,
                          const char *none)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        conclude(result, STOPPED, "%s", none);
        return;
    }
    conclude_cells(result, scan_file(target->pattern, fd), "the core file");
    close(fd);
    unlink(path);
}

void attack_gcore(struct target *target, struct result *result)
{
    char prefix[PATH_MAX], process[16], path[PATH_MAX + 32];
    snprintf(prefix, sizeof(prefix), "%s", work_path("gcore"));
    snprintf(process, sizeof(process), "%d", target->pid);
    snprintf(path, sizeof(path), "%s.%s", prefix, process);
    int status = run_command((char *[]){"gcore", "-a", "-o", prefix, process, NULL}, 120);
    if (status < 0) {
        conclude(result, SKIPPED, status == -1 ? "gdb is not here" : "gcore took too long");
        return;
    }
    conclude_core(target, result, path, "gcore made no core file");
}

static bool read_setting(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

/* Root lifts every limit it can, then sends the signal of a crash. */
void attack_core(struct target *target, struct result *result)
{
    static const char *const where = "/proc/sys/kernel/core_pattern";
    static const char *const who = "/proc/sys/fs/suid_dumpable";
    char pattern[256], dumpable[16], core[PATH_MAX], name[32], path[64];
    snprintf(core, sizeof(core), "%s", work_path("core"));
    if (!read_setting(where, pattern, sizeof(pattern)) ||
        !read_setting(who, dumpable, sizeof(dumpable)) || !write_file(where, core)) {
        conclude(result, SKIPPED, "core_pattern cannot be set: %s", strerror(errno));
        return;
    }
    write_file(who, "2");
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    prlimit(target->pid, RLIMIT_CORE, &none, NULL);
    snprintf(path, sizeof(path), "/proc/%d/coredump_filter", target->pid);
    write_file(path, "0x1ff");
    snprintf(name, sizeof(name), "core.%d", target->pid);
    kill(target->pid, SIGABRT);
    siginfo_t ended;
    waitid(P_PID, (id_t)target->pid, &ended, WEXITED | WNOWAIT);
    write_file(where, pattern);
    write_file(who, dumpable);
    if (access(core, F_OK))
        snprintf(core, sizeof(core), "%s", work_path(name)); /* core_uses_pid */
    conclude_core(target, result, core, "the kernel made no core file");
}
