/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log: a chain over several openings; torn and altered ones; many threads at once; a
 * process that is killed in the middle; a disk that is full.
 */
#include "attest_test.h"

#include "keyd/audit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[] = "/tmp/cella-audit-XXXXXX";
static char path[64];
static cella_error problem;

#define good(call)                                                                                 \
    do {                                                                                           \
        if ((call) != CELLA_OK)                                                                    \
            fail_msg("%s", problem.sentence);                                                      \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

static int new_log(void **state)
{
    static int count;
    (void)state;
    snprintf(path, sizeof(path), "%s/log%d", base, count++);
    return 0;
}

static struct audit *open_log(size_t expected_torn)
{
    struct audit *audit;
    size_t torn;
    good(audit_open(path, &audit, &torn, &problem));
    assert_int_equal(torn, expected_torn);
    return audit;
}

static struct audit_head add(struct audit *audit, const char *text)
{
    struct audit_head head;
    good(audit_add(audit, "test", json_pack("{s:s}", "text", text), &head, &problem));
    return head;
}

static uint64_t check(size_t expected_torn, struct audit_head *head)
{
    size_t torn;
    good(audit_check(path, NULL, NULL, head, &torn, &problem));
    assert_int_equal(torn, expected_torn);
    return head->lines;
}

static off_t size_of_log(void)
{
    struct stat is;
    assert_int_equal(stat(path, &is), 0);
    return is.st_size;
}

static void test_chain(void **state)
{
    struct audit_head head, checked;
    (void)state;
    for (int opening = 0; opening < 3; opening++) {
        struct audit *audit = open_log(0);
        for (int i = 0; i < 5; i++)
            head = add(audit, "x");
        assert_int_equal(head.lines, 5 * (opening + 1));
        good(audit_sync(audit, head.lines, &problem));
        audit_head(audit, &checked);
        assert_memory_equal(&head, &checked, sizeof(head));
        audit_close(audit);
        assert_int_equal(check(0, &checked), head.lines);
        assert_memory_equal(checked.sha256, head.sha256, 32);
    }
    struct stat is;
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 07777, 0600);
}

/* What was added is written when it is closed. */
static void test_closed(void **state)
{
    struct audit_head head;
    (void)state;
    struct audit *audit = open_log(0);
    add(audit, "not waited for");
    audit_close(audit);
    assert_int_equal(check(0, &head), 1);
}

/* Cut anywhere: what is whole stays, the rest is told of, and the chain goes on. */
static void test_torn(void **state)
{
    struct audit_head head;
    (void)state;
    struct audit *audit = open_log(0);
    add(audit, "first");
    good(audit_sync(audit, 1, &problem));
    off_t first = size_of_log();
    add(audit, "second");
    audit_close(audit);
    off_t both = size_of_log();
    for (off_t cut = both - 1; cut > first; cut -= 7) {
        assert_int_equal(truncate(path, cut), 0);
        assert_int_equal(check((size_t)(cut - first), &head), 1);
        audit = open_log((size_t)(cut - first));
        add(audit, "second");
        audit_close(audit);
        assert_int_equal(check(0, &head), 3); /* first, that it was cut, second */
        assert_int_equal(truncate(path, first), 0);
        audit = open_log(0);
        add(audit, "second");
        audit_close(audit);
    }
    /* Nothing but a torn line. */
    assert_int_equal(truncate(path, 10), 0);
    audit_close(open_log(10));
    assert_int_equal(check(0, &head), 1);
}

static void change(off_t at, char to)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &to, 1, at), 1);
    close(fd);
}

static char byte_at(off_t at)
{
    char is;
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, &is, 1, at), 1);
    close(fd);
    return is;
}

static void test_altered(void **state)
{
    struct audit_head head, before;
    size_t torn;
    (void)state;
    struct audit *audit = open_log(0);
    for (int i = 0; i < 4; i++)
        add(audit, "x");
    audit_close(audit);
    check(0, &before);
    off_t size = size_of_log();
    for (off_t at = 0; at < size; at++) {
        char was = byte_at(at);
        change(at, was == 'x' ? 'y' : 'x');
        cella_status status = audit_check(path, NULL, NULL, &head, &torn, &problem);
        /* The last line's own bytes are held by nothing behind it: its hash tells. */
        if (status == CELLA_OK && torn == 0)
            assert_memory_not_equal(head.sha256, before.sha256, 32);
        if (at < size * 3 / 4 - 4) {
            assert_int_equal(status, CELLA_REFUSED);
            assert_sentence(&problem, "does not follow");
        }
        change(at, was);
    }
    check(0, &head);
    /* A last line that is none is not taken for a torn one. */
    change(size - 2, 'x');
    assert_int_equal(audit_open(path, &audit, &torn, &problem), CELLA_REFUSED);
    assert_sentence(&problem, "altered");
    assert_null(audit);
}

static void test_one_process(void **state)
{
    struct audit *audit = open_log(0), *other;
    size_t torn;
    (void)state;
    assert_int_equal(audit_open(path, &other, &torn, &problem), CELLA_REFUSED);
    assert_sentence(&problem, "another keyd has it");
    audit_close(audit);
    audit_close(open_log(0));
}

/* ---- many at once ---- */

#define THREADS 16
#define EACH    100

static struct audit *shared;

static void *add_some(void *unused)
{
    (void)unused;
    for (int i = 0; i < EACH; i++) {
        struct audit_head head;
        if (audit_add(shared, "test", json_pack("{s:i}", "i", i), &head, NULL) ||
            audit_sync(shared, head.lines, NULL))
            return shared;
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    struct audit_head head;
    (void)state;
    shared = open_log(0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_some, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    audit_close(shared);
    assert_int_equal(check(0, &head), THREADS * EACH);
}

/* ---- a process that is killed ---- */

static void test_killed(void **state)
{
    _Atomic uint64_t *synced =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct audit_head head;
    size_t torn;
    (void)state;
    for (int round = 0; round < 5; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct audit *audit = open_log(0);
            for (;;) {
                struct audit_head now;
                if (audit_add(audit, "test", json_pack("{s:s}", "text", "x"), &now, NULL) ||
                    audit_sync(audit, now.lines, NULL))
                    _exit(1);
                *synced = now.lines;
            }
        }
        uint64_t before = *synced;
        while (*synced < before + 20)
            usleep(100);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        good(audit_check(path, NULL, NULL, &head, &torn, &problem));
        assert_true(head.lines >= *synced);
    }
    munmap((void *)synced, 4096);
}

/* ---- a disk that is full ---- */

/* Nothing is said to be written, then or later; the next opening cuts what is half there. */
static void test_full(void **state)
{
    struct rlimit was, small;
    struct audit_head head;
    size_t torn;
    (void)state;
    struct audit *audit = open_log(0);
    head = add(audit, "fits");
    good(audit_sync(audit, head.lines, &problem));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = (rlim_t)size_of_log() + 30;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    head = add(audit, "does not fit");
    assert_int_equal(audit_sync(audit, head.lines, &problem), CELLA_SYSTEM);
    assert_sentence(&problem, "no key is released");
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(audit_add(audit, "test", json_object(), &head, &problem), CELLA_SYSTEM);
    assert_int_equal(audit_sync(audit, 2, &problem), CELLA_SYSTEM);
    audit_close(audit);
    good(audit_check(path, NULL, NULL, &head, &torn, &problem));
    assert_int_equal(head.lines, 1);
    assert_int_equal(torn, 30);
    audit_close(open_log(30));
    assert_int_equal(check(0, &head), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_chain, new_log),
        cmocka_unit_test_setup(test_closed, new_log),
        cmocka_unit_test_setup(test_torn, new_log),
        cmocka_unit_test_setup(test_altered, new_log),
        cmocka_unit_test_setup(test_one_process, new_log),
        cmocka_unit_test_setup(test_threads, new_log),
        cmocka_unit_test_setup(test_killed, new_log),
        cmocka_unit_test_setup(test_full, new_log),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
