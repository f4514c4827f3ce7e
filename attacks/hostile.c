/* SPDX-License-Identifier: Apache-2.0
 *
 * A host that lies: libcella with its serving side changed. tests/hostile has every lie; these two
 * stand for them, with the same lies told to an unprotected program as control.
 */
#include "../host/host.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_SIZE 65536u

/* The victim inside this process, reading what we write. */
struct reader {
    struct cella_enclave *enclave;
    int input, output;
    int given[2]; /* the enclave's ends */
};

static bool reader_start(struct reader *reader, enum target_kind kind, struct result *result)
{
    uint8_t mrenclave[32];
    int input[2], output[2];
    cella_image *image = NULL;
    cella_options options;
    cella_error error = {.sentence = "cannot be packed"};
    char line[64];
    if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC))
        return false;
    cella_options_default(&options);
    options.tee = target_tee(kind);
    options.confine = CELLA_CONFINE_NONE;
    options.streams[0] = input[0];
    options.streams[1] = output[1];
    options.streams[2] = -1;
    *reader =
        (struct reader){.input = input[1], .output = output[0], .given = {input[0], output[1]}};
    bool started = pack("victim", "--read", "reader.sgxs", mrenclave) &&
                   !cella_image_open(work_path("reader.sgxs"), &image, &error) &&
                   !cella_start(image, &options, &reader->enclave, &error);
    if (image)
        cella_image_close(image);
    if (!started)
        conclude(result, SKIPPED, "the victim did not start: %.150s", error.sentence);
    return started && read_line(reader->output, line, sizeof(line), 60);
}

static void reader_feed(struct reader *reader)
{
    static const uint8_t bytes[INPUT_SIZE];
    /* A pipe takes exactly this much without anybody reading. */
    if (write(reader->input, bytes, sizeof(bytes)) < 0)
        return;
}

/* Waits for the end; the verdict is what the victim said, "" if it was stopped. */
static void reader_end(struct reader *reader, char *line, size_t size, cella_outcome *outcome)
{
    close(reader->input);
    cella_wait(reader->enclave, outcome, NULL);
    cella_close(reader->enclave);
    close(reader->given[0]);
    close(reader->given[1]);
    read_line(reader->output, line, size, 1);
    close(reader->output);
}

/* ---- impossible lengths ---- */

static const struct tee_operations *honest;
static struct tee_operations lying;
static struct cella_enclave *lied_to;
static int64_t lie;
static _Atomic unsigned lies_told;

/* After the enclave has left with a request to read: an answer that no read can have. */
static cella_status lying_enter(struct tee *tee, uint32_t thread, struct tee_exit *leave,
                                cella_error *error)
{
    cella_status status = honest->enter(tee, thread, leave, error);
    struct ring_slot *slot = host_slot(lied_to, thread);
    uint32_t state = atomic_load(&slot->state);
    if (status || leave->reason != TEE_EXIT_GATE || slot->operation != RING_READ ||
        (state != RING_SUBMITTED && state != RING_SUBMITTED_GATE))
        return status;
    slot->result = lie > 0 ? (int64_t)slot->arguments[1] + lie : lie;
    atomic_store(&slot->state, RING_DONE);
    leave->reason = TEE_EXIT_INTERRUPTED;
    atomic_fetch_add(&lies_told, 1);
    return CELLA_OK;
}

static void lie_to_enclave(struct target *target, struct result *result)
{
    static const int64_t lies[] = {1, 1 << 20, INT64_MAX - (1 << 20), -134, -4096, INT64_MIN};
    unsigned stopped = 0;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct reader reader;
        cella_outcome outcome = {0};
        char line[64] = "";
        if (!reader_start(&reader, target->kind, result))
            return;
        lied_to = reader.enclave;
        honest = reader.enclave->operations;
        lying = *honest;
        lying.enter = lying_enter;
        lie = lies[i];
        atomic_store(&lies_told, 0);
        reader.enclave->operations = &lying; /* the next time that it enters */
        reader_feed(&reader);
        reader_end(&reader, line, sizeof(line), &outcome);
        if (atomic_load(&lies_told) == 0) {
            conclude(result, SKIPPED, "the victim never asked: no lie was told");
            return;
        }
        if (line[0]) {
            conclude(result, SUCCEEDS, "told %lld, the victim %s", (long long)lies[i], line);
            return;
        }
        stopped += outcome.end == CELLA_END_STOPPED;
    }
    conclude(result, stopped == sizeof(lies) / sizeof(lies[0]) ? STOPPED : SUCCEEDS,
             "%u of %zu lies stopped the enclave", stopped, sizeof(lies) / sizeof(lies[0]));
}

/* The result of a system call, changed on its way back. */
static void lie_to_process(struct result *result)
{
    char victim[PATH_MAX + 16], line[64] = "";
    int input, output;
    snprintf(victim, sizeof(victim), "%s/victim", setup.programs);
    pid_t pid = spawn((char *[]){victim, "--read", NULL}, &input, &output);
    read_line(output, line, sizeof(line), 20);
    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) ||
        ptrace(PTRACE_INTERRUPT, pid, 0, 0)) {
        conclude(result, STOPPED, "PTRACE_SEIZE: %s", strerror(errno));
    } else {
        struct user_regs_struct registers = {0};
        /* It must have stopped before it has anything to read, or the read is over unseen. */
        waitpid(pid, NULL, __WALL);
        write_text(input, "something\n");
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
        for (int status, stops = 0; stops < 32 && waitpid(pid, &status, __WALL) == pid; stops++) {
            ptrace(PTRACE_GETREGS, pid, 0, &registers);
            if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80) &&
                registers.orig_rax == 0 && registers.rax == 10)
                break;
            ptrace(PTRACE_SYSCALL, pid, 0, 0);
        }
        registers.rax = 1 << 20;
        ptrace(PTRACE_SETREGS, pid, 0, &registers);
        ptrace(PTRACE_DETACH, pid, 0, 0);
        line[0] = 0;
        read_line(output, line, sizeof(line), 20);
        conclude(result, strncmp(line, "believed", 8) == 0 ? SUCCEEDS : STOPPED, "the victim %s",
                 line);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(input);
    close(output);
}

void attack_lie(struct target *target, struct result *result)
{
    if (target->kind == TARGET_PLAIN)
        lie_to_process(result);
    else
        lie_to_enclave(target, result);
}

/* ---- a buffer that changes between check and use ---- */

struct flipper {
    volatile uint8_t *bytes;
    size_t size;
    _Atomic bool over;
};

static void *flip(void *context)
{
    struct flipper *flipper = context;
    for (size_t at = 0; !atomic_load(&flipper->over); at = (at + 1) % flipper->size) {
        flipper->bytes[at] ^= 0x55;
        if (at % 64 == 0)
            __builtin_ia32_pause();
    }
    return NULL;
}

static void flip_for_enclave(struct target *target, struct result *result)
{
    struct reader reader;
    cella_outcome outcome = {0};
    char line[64] = "";
    pthread_t thread;
    if (!reader_start(&reader, target->kind, result))
        return;
    struct flipper flipper = {.bytes = host_buffer(reader.enclave, 0), .size = 4096};
    pthread_create(&thread, NULL, flip, &flipper);
    for (int i = 0; i < 16; i++)
        reader_feed(&reader);
    /* The end of input is what the victim waits for; its memory goes with the enclave, so the
     * flipper ends first. */
    close(reader.input);
    reader.input = -1;
    cella_wait(reader.enclave, &outcome, NULL);
    atomic_store(&flipper.over, true);
    pthread_join(thread, NULL);
    reader_end(&reader, line, sizeof(line), &outcome);
    conclude(result, strncmp(line, "inconsistent", 12) == 0 ? SUCCEEDS : STOPPED, "the victim: %s",
             line[0] ? line : "stopped");
}

static void flip_for_process(struct result *result)
{
    char victim[PATH_MAX + 16], path[PATH_MAX], line[64] = "";
    int input, output;
    pthread_t thread;
    snprintf(victim, sizeof(victim), "%s/victim", setup.programs);
    snprintf(path, sizeof(path), "%s", work_path("mapped"));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *map = ftruncate(fd, 4096) == 0
                    ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                    : MAP_FAILED;
    if (map == MAP_FAILED) {
        conclude(result, SKIPPED, "no file to share: %s", strerror(errno));
        return;
    }
    struct flipper flipper = {.bytes = map, .size = 4096};
    pthread_create(&thread, NULL, flip, &flipper);
    pid_t pid = spawn((char *[]){victim, "--map", path, NULL}, &input, &output);
    read_line(output, line, sizeof(line), 60);
    read_line(output, line, sizeof(line), 60);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    atomic_store(&flipper.over, true);
    pthread_join(thread, NULL);
    munmap(map, 4096);
    close(fd);
    close(input);
    close(output);
    conclude(result, strcmp(line, "inconsistent") == 0 ? SUCCEEDS : STOPPED,
             "reading where others write, the victim: %s", line);
}

void attack_flip_buffer(struct target *target, struct result *result)
{
    if (target->kind == TARGET_PLAIN)
        flip_for_process(result);
    else
        flip_for_enclave(target, result);
}
