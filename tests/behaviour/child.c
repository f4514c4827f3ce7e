/* SPDX-License-Identifier: Apache-2.0
 *
 * Output goes to memory files, not pipes: a command that writes much never waits for its reader.
 * Input by pipe comes from a process of its own for the same reason.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_whole(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(file, bytes, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

static bool write_input(int file, const struct child_request *request)
{
    uint32_t state = 2463534242u;
    char block[4096];

    if (request->input != NULL)
        return write_whole(file, request->input, strlen(request->input));
    for (size_t left = request->input_size; left > 0;) {
        size_t size = left < sizeof block ? left : sizeof block;

        for (size_t i = 0; i < size; i++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            block[i] = (char)state;
        }
        if (!write_whole(file, block, size))
            return false;
        left -= size;
    }
    return true;
}

/* A descriptor to be the command's stdin; *feeder is the process that fills it, or -1. */
static int open_input(const struct child_request *request, pid_t *feeder)
{
    int ends[2];

    *feeder = -1;
    if (request->input == NULL && request->input_size == 0)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (request->input_is_file) {
        int file = memfd_create("input", MFD_CLOEXEC);

        if (file < 0)
            return -1;
        if (!write_input(file, request) || lseek(file, 0, SEEK_SET) != 0) {
            close(file);
            return -1;
        }
        return file;
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    *feeder = fork();
    if (*feeder == 0) {
        signal(SIGPIPE, SIG_DFL); /* a command that does not read its input is no error */
        close(ends[0]);
        write_input(ends[1], request);
        _exit(0);
    }
    close(ends[1]);
    if (*feeder < 0) {
        close(ends[0]);
        return -1;
    }
    return ends[0];
}

static int open_closed_pipe(void)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    close(ends[0]);
    return ends[1];
}

static _Noreturn void become(const struct child_request *request, int input, int output, int errors)
{
    const struct rlimit none = {0, 0};
    sigset_t empty;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    for (int number = 1; number < NSIG; number++) /* a shell's background jobs ignore some */
        signal(number, SIG_DFL);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close_range(3, ~0u, 0); /* what the runner itself was started with */
    execvpe(request->arguments[0], request->arguments,
            request->environment != NULL ? request->environment : environ);
    dprintf(STDERR_FILENO, "%s: %s\n", request->arguments[0], strerror(errno));
    _exit(127);
}

static void await(pid_t child, unsigned seconds, struct child_outcome *outcome)
{
    int status, handle = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd polls = {.fd = handle, .events = POLLIN};

    if (handle >= 0) {
        int ready;

        do
            ready = poll(&polls, 1, (int)seconds * 1000);
        while (ready < 0 && errno == EINTR);
        outcome->late = ready == 0;
        close(handle);
    }
    if (outcome->late)
        kill(-child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    kill(-child, SIGKILL); /* what it may have left behind */
    outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static char *read_back(int file, size_t *size)
{
    off_t end = lseek(file, 0, SEEK_END);
    char *bytes = malloc((size_t)end + 1);

    *size = 0;
    if (bytes == NULL)
        abort();
    while (*size < (size_t)end) {
        ssize_t got = pread(file, bytes + *size, (size_t)end - *size, (off_t)*size);

        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    bytes[*size] = 0;
    return bytes;
}

bool child_run(const struct child_request *request, struct child_outcome *outcome)
{
    pid_t feeder = -1, child = -1;
    int input = open_input(request, &feeder);
    int output = request->output_is_closed ? open_closed_pipe() : memfd_create("out", MFD_CLOEXEC);
    int errors = memfd_create("errors", MFD_CLOEXEC);

    memset(outcome, 0, sizeof *outcome);
    if (input >= 0 && output >= 0 && errors >= 0)
        child = fork();
    if (child == 0)
        become(request, input, output, errors);
    if (child > 0) {
        setpgid(child, child); /* here too: whoever is first */
        close(input);
        input = -1;
        await(child, request->seconds, outcome);
        if (request->output_is_closed)
            outcome->output = calloc(1, 1);
        else
            outcome->output = read_back(output, &outcome->output_size);
        outcome->errors = read_back(errors, &outcome->errors_size);
    } else {
        perror("cannot start a command");
    }
    if (input >= 0)
        close(input);
    if (output >= 0)
        close(output);
    if (errors >= 0)
        close(errors);
    if (feeder > 0) {
        kill(feeder, SIGKILL);
        waitpid(feeder, NULL, 0);
    }
    return child > 0;
}

void child_outcome_free(struct child_outcome *outcome)
{
    free(outcome->output);
    free(outcome->errors);
    memset(outcome, 0, sizeof *outcome);
}
