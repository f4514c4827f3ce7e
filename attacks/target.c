/* SPDX-License-Identifier: Apache-2.0
 *
 * Targets: the victim started in one of the three ways, talked to through pipes, and ended.
 */
#include "attack.h"

#include "../image/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 120 /* seconds: emulated machines are slow */

const char *work_path(const char *name)
{
    static _Thread_local char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", setup.work, name);
    return path;
}

pid_t spawn(char *const arguments[], int *input, int *output)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        int log = open(work_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(to[0], 0);
        dup2(from[1], 1);
        dup2(log, 2);
        execv(arguments[0], arguments);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    *input = to[1];
    *output = from[0];
    return pid;
}

int run_command(char *const arguments[], int seconds)
{
    pid_t pid = fork();
    if (pid == 0) {
        int quiet = open("/dev/null", O_RDWR);
        dup2(quiet, 0);
        dup2(quiet, 1);
        dup2(quiet, 2);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int status, turn = 0; turn < seconds * 100; turn++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -1 : status;
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -2;
}

bool read_line(int fd, char *line, size_t size, int seconds)
{
    size_t used = 0;
    struct pollfd input = {.fd = fd, .events = POLLIN};
    while (used + 1 < size && poll(&input, 1, seconds * 1000) > 0 &&
           read(fd, line + used, 1) == 1) {
        if (line[used] == '\n') {
            line[used] = 0;
            return true;
        }
        used++;
    }
    line[used] = 0;
    return false;
}

void write_text(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        return; /* the reader is gone, which its end will tell */
}

bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return written;
}

bool copy_file(const char *from, const char *to)
{
    struct stat status;
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int copy = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    bool copied = source >= 0 && copy >= 0 && fstat(source, &status) == 0;
    for (off_t left = copied ? status.st_size : 0; left > 0 && copied;) {
        ssize_t done = sendfile(copy, source, NULL, (size_t)left);
        copied = done > 0;
        left -= done;
    }
    if (source >= 0)
        close(source);
    if (copy >= 0)
        close(copy);
    return copied;
}

static void make_secret(struct target *target)
{
    uint8_t random[PATTERN_SECRET / 2];
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        abort();
    hex_write(random, sizeof(random), target->secret);
    target->pattern = pattern_derive(target->secret);
}

bool target_start(struct target *target, enum target_kind kind, struct result *result)
{
    char victim[PATH_MAX + 16], image[PATH_MAX], line[256];
    snprintf(victim, sizeof(victim), "%s/victim", setup.programs);
    snprintf(image, sizeof(image), "%s", work_path("victim.sgxs"));
    char *plain[] = {victim, NULL};
    char *inside[] = {setup.cella, "run", "--tee", kind == TARGET_VSM ? "vsm" : "process",
                      image,       NULL};
    *target = (struct target){.kind = kind, .input = -1, .output = -1};
    make_secret(target);
    target->pid = spawn(kind == TARGET_PLAIN ? plain : inside, &target->input, &target->output);
    write_text(target->input, target->secret);
    write_text(target->input, "\n");
    if (read_line(target->output, line, sizeof(line), PATIENCE) &&
        sscanf(line, "ready %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &target->in_bss,
               &target->on_heap, &target->shared, &target->on_stack) == 4)
        return true;
    target_stop(target);
    conclude(result, SKIPPED, "the victim did not start");
    return false;
}

enum target_end target_stop(struct target *target)
{
    char line[256] = "";
    write_text(target->input, "end\n");
    bool answered = read_line(target->output, line, sizeof(line), PATIENCE / 4);
    close(target->input);
    close(target->output);
    if (!answered)
        kill(target->pid, SIGKILL);
    waitpid(target->pid, NULL, 0);
    target->pid = 0;
    if (!answered)
        return TARGET_GONE;
    return strncmp(line, "intact ", 7) == 0 ? TARGET_INTACT : TARGET_CHANGED;
}
