/* SPDX-License-Identifier: Apache-2.0
 *
 * The host of a program that attacks it (assailant.c), for many seeds, in every TEE that works
 * here. It has to live, to come to its end, and to have touched and told nothing that lies outside
 * of the folder that it serves. argv[1]: the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "assailant.h"
#include "host/host.h"
#include "tests/skip.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEEDS    12
#define REQUESTS "3000"
#define MOST_MS  4000 /* then it is stopped */
#define CALLS    200

static const char *program;
static char folder[64], outside[96], served[96];

/* ---- what must stay as it is ---- */

static void put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make_folders(void)
{
    char path[128], target[128];
    static const struct {
        const char *name, *target;
    } links[] = {
        {"relative", "../outside"},  {"file-relative", "../outside/secret"}, {"proc", "/proc"},
        {"magic", "/proc/self/cwd"}, {"descriptor", "/proc/self/fd/0"},      {"loop", "loop"},
    };
    strcpy(folder, "/tmp/cella-survive-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(outside, sizeof(outside), "%s/outside", folder);
    snprintf(served, sizeof(served), "%s/served", folder);
    assert_int_equal(mkdir(outside, 0700), 0);
    assert_int_equal(mkdir(served, 0700), 0);
    snprintf(path, sizeof(path), "%s/secret", outside);
    put_file(path, ASSAILANT_MARK);
    snprintf(target, sizeof(target), "%s/file-absolute", served);
    assert_int_equal(symlink(path, target), 0);
    snprintf(target, sizeof(target), "%s/absolute", served);
    assert_int_equal(symlink(outside, target), 0);
    snprintf(path, sizeof(path), "%s/empty", outside);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/beside", folder);
    put_file(path, ASSAILANT_MARK);
    snprintf(path, sizeof(path), "%s/inner", served);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/file", served);
    put_file(path, "public");
    snprintf(path, sizeof(path), "%s/fifo", served);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", served, links[i].name);
        assert_int_equal(symlink(links[i].target, path), 0);
    }
}

/* Names, content and times of all that lies outside, as text. */
static void describe(char *text, size_t size)
{
    static const char *const names[] = {"", "outside", "outside/secret", "outside/empty", "beside"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128], bytes[128] = "";
        struct stat found;
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        assert_int_equal(lstat(path, &found), 0);
        if (S_ISREG(found.st_mode)) {
            int fd = open(path, O_RDONLY);
            assert_true(fd >= 0 && read(fd, bytes, sizeof(bytes) - 1) > 0);
            close(fd);
        }
        at += (size_t)snprintf(text + at, size - at, "%s %o %" PRIu64 " %ld.%ld %ld.%ld %s\n", path,
                               found.st_mode, (uint64_t)found.st_size, found.st_mtim.tv_sec,
                               found.st_mtim.tv_nsec, found.st_ctim.tv_sec, found.st_ctim.tv_nsec,
                               bytes);
        assert_true(at < size);
    }
}

/* ---- one attack ---- */

static cella_image *pack(uint64_t seed)
{
    char path[96], text[1024];
    cella_error error;
    cella_image *image;
    snprintf(path, sizeof(path), "/tmp/cella-survive-%d.json", (int)getpid());
    snprintf(text, sizeof(text),
             "{\"cella\": 1, \"arguments\": [\"assailant\", \"%" PRIu64 "\", \"" REQUESTS
             "\"], \"heap_size\": \"256M\", \"threads\": 6, \"network\": true, \"files\": "
             "[{\"path\": \"/plain\", \"kind\": \"plain\", \"source\": \"%s\", \"directory\": "
             "true, \"writable\": true}, {\"path\": \"/read\", \"kind\": \"plain\", \"source\": "
             "\"%s\", \"directory\": true}]}",
             seed, served, served);
    unlink(path);
    put_file(path, text);
    if (cella_image_pack(program, path, NULL, &image, &error))
        fail_msg("%s", error.sentence);
    unlink(path);
    return image;
}

/* The host calls its program all the while; what it gets keeps to what it asked for. */
static void *call(void *argument)
{
    cella_enclave *enclave = argument;
    for (int i = 0; i < CALLS; i++) {
        uint8_t in[300] = {1}, out[300 + 8];
        cella_pending pending;
        if (cella_call_start(enclave, 1, in, (size_t)(i % 300), 300, &pending, NULL))
            break;
        size_t size = 300;
        int result = 1;
        memset(out, 0xa7, sizeof(out));
        cella_status status = cella_call_finish(enclave, pending, out, &size, &result, NULL);
        if (status)
            break;
        assert_true(size <= 300);
        assert_true(result <= 0 && result >= -4095);
        for (size_t at = 300; at < sizeof(out); at++)
            assert_int_equal(out[at], 0xa7);
    }
    return NULL;
}

static void *wait_for(void *argument)
{
    cella_outcome outcome;
    cella_wait(argument, &outcome, NULL);
    return NULL;
}

static void on_alarm(int signal)
{
    static const char words[] = "the host hangs\n";
    (void)signal;
    (void)!write(2, words, sizeof(words) - 1);
    abort();
}

static void attack(cella_tee tee, uint64_t seed)
{
    cella_options options;
    cella_error error;
    cella_enclave *enclave;
    cella_outcome outcome;
    cella_image *image = pack(seed);
    pthread_t caller, waiter;
    struct timespec until;
    cella_options_default(&options);
    options.tee = tee;
    options.streams[0] = options.streams[1] = options.streams[2] = -1;
    /* Half of the seeds without seccomp: the checks alone have to hold. */
    options.confine = seed % 2 ? CELLA_CONFINE_NONE : CELLA_CONFINE_THREADS;
    signal(SIGALRM, on_alarm);
    alarm(60);
    if (cella_start(image, &options, &enclave, &error))
        fail_msg("%s", error.sentence);
    cella_image_close(image);
    assert_int_equal(pthread_create(&caller, NULL, call, enclave), 0);
    assert_int_equal(pthread_create(&waiter, NULL, wait_for, enclave), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += MOST_MS / 1000;
    bool ended = pthread_timedjoin_np(waiter, NULL, &until) == 0;
    cella_stop(enclave);
    if (!ended)
        assert_int_equal(pthread_join(waiter, NULL), 0);
    assert_int_equal(pthread_join(caller, NULL), 0);
    cella_statistics statistics;
    cella_get_statistics(enclave, &statistics);
    assert_int_equal(cella_wait(enclave, &outcome, NULL), CELLA_OK);
    cella_close(enclave);
    alarm(0);
    print_message("seed %" PRIu64 ": %" PRIu64 " exits, %" PRIu64 " polled; end %d, status %d %s\n",
                  seed, statistics.exits, statistics.polled, outcome.end, outcome.status,
                  outcome.sentence);
    if (outcome.end == CELLA_END_EXITED && outcome.status == VERDICT_SEEN)
        fail_msg("seed %" PRIu64 ": the program saw what lies outside", seed);
    assert_true(statistics.exits + statistics.polled > 100);
}

static void attack_all(cella_tee tee)
{
    static char before[2048], after[2048];
    char command[96];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        make_folders();
        describe(before, sizeof(before));
        attack(tee, seed);
        describe(after, sizeof(after));
        assert_string_equal(before, after);
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        assert_int_equal(system(command), 0);
    }
}

static void test_vsm(void **state)
{
    (void)state;
    skip_without(&tee_vsm);
    attack_all(CELLA_TEE_VSM);
}

static void test_process(void **state)
{
    (void)state;
    skip_without(&tee_process);
    attack_all(CELLA_TEE_PROCESS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vsm),
        cmocka_unit_test(test_process),
    };
    if (argc < 2)
        return 2;
    program = argv[1];
    if (argc > 2)
        cmocka_set_test_filter(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
