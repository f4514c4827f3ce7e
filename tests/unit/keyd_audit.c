/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log: a chain over several openings, and over several files; torn, altered and missing
 * ones; many threads at once; a process that is killed in the middle; a disk that is full.
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
static size_t most = 1u << 20; /* bytes of a file */
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
    snprintf(path, sizeof(path), "%s/%d", base, count++);
    if (mkdir(path, 0700) != 0)
        return -1;
    strcat(path, "/log");
    most = 1u << 20;
    return 0;
}

static struct audit *open_log(size_t expected_torn)
{
    struct audit *audit;
    size_t torn;
    good(audit_open(path, most, &audit, &torn, &problem));
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
        assert_true(audit_head(audit, &checked));
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
            assert_sentence(&problem, "altered");
        }
        change(at, was);
    }
    check(0, &head);
    /* A last line that is none is not taken for a torn one. */
    change(size - 2, 'x');
    assert_int_equal(audit_open(path, most, &audit, &torn, &problem), CELLA_REFUSED);
    assert_sentence(&problem, "altered");
    assert_null(audit);
}

/* What refuses to start: each byte of the line before the last, and of what the last says of it. */
static void test_altered_end(void **state)
{
    struct audit *audit;
    size_t torn;
    off_t ends[4];
    (void)state;
    audit = open_log(0);
    for (size_t i = 0; i < 4; i++) {
        good(audit_sync(audit, add(audit, "x").lines, &problem));
        ends[i] = size_of_log();
    }
    audit_close(audit);
    for (off_t at = ends[1]; at < ends[2]; at++) {
        char was = byte_at(at);
        change(at, was == 'x' ? 'y' : 'x');
        assert_int_equal(audit_open(path, most, &audit, &torn, &problem), CELLA_REFUSED);
        assert_sentence(&problem, "does not follow from the one before");
        change(at, was);
    }
    for (off_t at = ends[3] - 67; at < ends[3]; at++) { /* "previous" is the last member */
        char was = byte_at(at);
        change(at, was == 'x' ? 'y' : 'x');
        if (at < ends[3] - 1) /* without its end it is torn */
            assert_int_equal(audit_open(path, most, &audit, &torn, &problem), CELLA_REFUSED);
        change(at, was);
    }
    audit_close(open_log(0));
    /* A line taken out before the last. */
    assert_int_equal(truncate(path, ends[3]), 0);
    FILE *file = fopen(path, "r+");
    static char bytes[8192];
    assert_int_equal(fread(bytes, 1, sizeof(bytes), file), ends[3]);
    fseek(file, ends[1], SEEK_SET);
    fwrite(bytes + ends[2], 1, (size_t)(ends[3] - ends[2]), file);
    fclose(file);
    assert_int_equal(truncate(path, ends[1] + ends[3] - ends[2]), 0);
    assert_int_equal(audit_open(path, most, &audit, &torn, &problem), CELLA_REFUSED);
    /* The first line alone, which follows from nothing. */
    assert_int_equal(truncate(path, ends[0]), 0);
    change(ends[0] - 4, byte_at(ends[0] - 4) == '0' ? '1' : '0');
    assert_int_equal(audit_open(path, most, &audit, &torn, &problem), CELLA_REFUSED);
}

/* Lines as long as they may be, one of them torn behind. */
static void test_long(void **state)
{
    static char text[3800];
    struct audit_head head;
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    struct audit *audit = open_log(0);
    for (int i = 0; i < 3; i++)
        good(audit_sync(audit, add(audit, text).lines, &problem));
    audit_close(audit);
    audit_close(open_log(0));
    assert_int_equal(truncate(path, size_of_log() - 1), 0);
    size_t torn = (size_t)size_of_log() * 1 / 3;
    audit_close(open_log(torn));
    assert_int_equal(check(0, &head), 3);
}

/* What is told of the log's end is on the disk. */
static void test_head(void **state)
{
    struct audit_head head, told;
    (void)state;
    struct audit *audit = open_log(0);
    assert_true(audit_head(audit, &told));
    assert_int_equal(told.lines, 0);
    head = add(audit, "waits");
    assert_true(audit_head(audit, &told));
    assert_int_equal(told.lines, 0);
    good(audit_sync(audit, 1, &problem));
    assert_true(audit_head(audit, &told));
    assert_memory_equal(&told, &head, sizeof(head));
    audit_close(audit);
    audit = open_log(0);
    assert_true(audit_head(audit, &told));
    assert_memory_equal(&told, &head, sizeof(head));
    audit_close(audit);
}

static void test_one_process(void **state)
{
    struct audit *audit = open_log(0), *other;
    size_t torn;
    (void)state;
    assert_int_equal(audit_open(path, most, &other, &torn, &problem), CELLA_REFUSED);
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

static void run_threads(void)
{
    pthread_t threads[THREADS];
    shared = open_log(0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_some, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    audit_close(shared);
}

static void test_threads(void **state)
{
    struct audit_head head;
    (void)state;
    run_threads();
    assert_int_equal(check(0, &head), THREADS * EACH);
}

/* ---- a process that is killed ---- */

static void kill_and_check(void)
{
    _Atomic uint64_t *synced =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct audit_head head;
    size_t torn;
    for (int round = 0; round < 5; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct audit *audit;
            if (audit_open(path, most, &audit, &torn, NULL))
                _exit(1);
            for (;;) {
                struct audit_head now;
                if (audit_add(audit, "test", json_pack("{s:s}", "text", "x"), &now, NULL) ||
                    audit_sync(audit, now.lines, NULL))
                    _exit(1);
                *synced = now.lines;
            }
        }
        uint64_t before = *synced;
        while (*synced < before + 20 && waitpid(child, NULL, WNOHANG) == 0)
            usleep(100);
        assert_true(*synced >= before + 20);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        good(audit_check(path, NULL, NULL, &head, &torn, &problem));
        assert_true(head.lines >= *synced);
    }
    munmap((void *)synced, 4096);
}

static void test_killed(void **state)
{
    (void)state;
    kill_and_check();
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
    assert_false(audit_head(audit, &head));
    assert_int_equal(head.lines, 1);
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

/* ---- files that are put aside ---- */

static void part_name(uint64_t number, char name[96])
{
    snprintf(name, 96, "%s.%llu", path, (unsigned long long)number);
}

/* A log of several files; `parts` are the numbers of those aside. */
static size_t make_files(uint64_t parts[16])
{
    uint64_t *numbers;
    size_t count;
    most = 2000;
    struct audit *audit = open_log(0);
    for (int i = 0; i < 60; i++)
        good(audit_sync(audit, add(audit, "x").lines, &problem));
    audit_close(audit);
    good(audit_parts(path, &numbers, &count, &problem));
    assert_in_range(count, 4, 16);
    memcpy(parts, numbers, count * sizeof(*numbers));
    free(numbers);
    return count;
}

struct walk {
    uint64_t lines, begun;
};

static void walk_line(const json_t *entry, void *context)
{
    struct walk *walk = context;
    const char *event = json_string_value(json_object_get(entry, "event"));
    assert_int_equal(json_integer_value(json_object_get(entry, "sequence")), walk->lines);
    walk->begun += strcmp(event, "continue") == 0;
    walk->lines++;
}

/* One chain through all of them; each is of about the size that was asked for. */
static void test_files(void **state)
{
    uint64_t parts[16];
    struct audit_found found;
    struct walk walk = {0, 0};
    const struct audit_set set = {path, NULL, 0, NULL};
    char name[96];
    struct stat is;
    (void)state;
    size_t count = make_files(parts);
    good(audit_check_set(&set, walk_line, &walk, &found, &problem));
    assert_int_equal(found.files, count + 1);
    assert_int_equal(found.first, 0);
    assert_int_equal(walk.begun, count);
    assert_int_equal(walk.lines, 60 + count);
    for (size_t i = 0; i < count; i++) {
        part_name(parts[i], name);
        assert_int_equal(stat(name, &is), 0);
        assert_in_range(is.st_size, most, most + 300);
        assert_int_equal(is.st_mode & 07777, 0600);
    }
    audit_close(open_log(0)); /* and it goes on */
    for (int opening = 0; opening < 3; opening++) {
        struct audit *audit = open_log(0);
        for (int i = 0; i < 20; i++)
            add(audit, "x");
        audit_close(audit);
    }
    good(audit_check_set(&set, NULL, NULL, &found, &problem));
    assert_true(found.head.lines >= 120 + count && found.files > count + 1);
}

/* The first line of a file that is not the first. */
static void expect_continue(const char *name)
{
    char line[AUDIT_LINE];
    FILE *from = fopen(name, "r");
    assert_non_null(from);
    assert_non_null(fgets(line, sizeof(line), from));
    fclose(from);
    assert_non_null(strstr(line, "\"event\":\"continue\",\"former\":\"log."));
}

/* Lines that wait while a file ends are in the one that they belong to. */
static void test_files_threads(void **state)
{
    struct audit_found found;
    uint64_t *numbers;
    size_t count;
    char name[96];
    const struct audit_set set = {path, NULL, 0, NULL};
    (void)state;
    most = 4000;
    run_threads();
    good(audit_check_set(&set, NULL, NULL, &found, &problem));
    assert_true(found.files > 5);
    assert_int_equal(found.head.lines, THREADS * EACH + found.files - 1);
    good(audit_parts(path, &numbers, &count, &problem));
    for (size_t i = 1; i < count; i++) {
        part_name(numbers[i], name);
        expect_continue(name);
    }
    expect_continue(path);
    free(numbers);
}

static void test_files_killed(void **state)
{
    (void)state;
    most = 600; /* every third line begins a file */
    kill_and_check();
}

/* Each state that a process can be killed in between two files. */
static void test_between(void **state)
{
    uint64_t parts[16];
    char name[96];
    struct audit_head before, head;
    (void)state;
    for (int how = 0; how < 3; how++) {
        new_log(NULL);
        make_files(parts);
        check(0, &before);
        uint64_t first;
        good(audit_first(path, &first, &problem));
        part_name(first, name);
        assert_int_equal(rename(path, name), 0);
        if (how > 0) {
            FILE *log = fopen(path, "w");
            assert_true(how == 1 || fputs("{\"sequence\":7,\"ti", log) > 0);
            fclose(log);
        }
        size_t torn = how == 2 ? 17 : 0;
        assert_int_equal(check(torn, &head), before.lines);
        audit_close(open_log(torn));
        assert_int_equal(check(0, &head), before.lines + (how == 2 ? 2 : 1));
    }
}

/* Files as logrotate names them: the newest has the lowest number. */
static void test_renumbered(void **state)
{
    struct audit_head before, head;
    char name[96], older[96];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct audit *audit = open_log(0);
        add(audit, "x");
        audit_close(audit);
        check(0, &before);
        for (uint64_t number = 3; number > 0; number--) {
            part_name(number, name);
            part_name(number + 1, older);
            rename(name, older);
        }
        part_name(1, name);
        assert_int_equal(rename(path, name), 0);
        assert_int_equal(check(0, &head), before.lines);
    }
    assert_int_equal(before.lines, 7); /* each but the first begins with "continue" */
}

static void refuse_set(const struct audit_set *set, const char *part)
{
    struct audit_found found;
    assert_int_equal(audit_check_set(set, NULL, NULL, &found, &problem), CELLA_REFUSED);
    assert_sentence(&problem, part);
}

static void move_away(const char *name, char elsewhere[96])
{
    static int count;
    snprintf(elsewhere, 96, "%s/away%d", base, count++);
    assert_int_equal(rename(name, elsewhere), 0);
}

/* What an operator took elsewhere is missed, and named; with it, all is well. */
static void test_missing(void **state)
{
    uint64_t parts[16];
    char name[96], elsewhere[2][96], sentence[96];
    struct audit_head before, until;
    struct audit_found found;
    struct audit_set set = {path, NULL, 0, NULL};
    size_t torn;
    (void)state;
    make_files(parts);
    check(0, &before);
    part_name(parts[2], name); /* from the middle */
    move_away(name, elsewhere[0]);
    snprintf(sentence, sizeof(sentence), "lines %llu to %llu are missing",
             (unsigned long long)parts[2] + 1, (unsigned long long)parts[3]);
    refuse_set(&set, sentence);
    part_name(parts[0], name); /* and the first */
    good(audit_check(name, NULL, NULL, &until, &torn, &problem));
    assert_int_equal(until.lines, parts[1]);
    move_away(name, elsewhere[1]);
    refuse_set(&set, "give the files that have the lines before, or --after");
    const char *const more[] = {elsewhere[0], elsewhere[1], elsewhere[1]};
    set.more = more;
    set.count = 1;
    refuse_set(&set, "give the files that have the lines before, or --after");
    set.after = until.sha256;
    good(audit_check_set(&set, NULL, NULL, &found, &problem));
    assert_int_equal(found.first, parts[1]);
    assert_memory_equal(&found.head, &before, sizeof(before));
    until.sha256[0] ^= 1;
    refuse_set(&set, "does not follow");
    set.after = NULL;
    set.count = 2;
    good(audit_check_set(&set, NULL, NULL, &found, &problem));
    assert_int_equal(found.first, 0);
    assert_memory_equal(&found.head, &before, sizeof(before));
    set.count = 3; /* twice the same */
    refuse_set(&set, "which another file has, too");
}

static void flip(const char *name, off_t at)
{
    char *was = strdup(path);
    strcpy(path, name);
    change(at, byte_at(at) == 'x' ? 'y' : 'x');
    strcpy(path, was);
    free(was);
}

/* Each byte of a file that was put aside is held by the files behind it. */
static void test_files_altered(void **state)
{
    uint64_t parts[16];
    char name[96], other[96];
    struct stat is;
    struct audit_head head;
    struct audit_set set = {path, NULL, 0, NULL};
    (void)state;
    make_files(parts);
    part_name(parts[1], name);
    assert_int_equal(stat(name, &is), 0);
    uint8_t *bytes = malloc((size_t)is.st_size);
    FILE *from = fopen(name, "r");
    assert_int_equal(fread(bytes, 1, (size_t)is.st_size, from), is.st_size);
    fclose(from);
    for (off_t at = 0; at < is.st_size; at += 3) {
        flip(name, at);
        refuse_set(&set, "");
        from = fopen(name, "w");
        assert_int_equal(fwrite(bytes, 1, (size_t)is.st_size, from), is.st_size);
        fclose(from);
    }
    check(0, &head);
    /* Cut in a line, at the end of a line, to nothing; and its lines after others' */
    assert_int_equal(truncate(name, is.st_size - 7), 0);
    refuse_set(&set, "torn");
    size_t line = (size_t)((uint8_t *)memchr(bytes, '\n', (size_t)is.st_size) - bytes) + 1;
    assert_int_equal(truncate(name, (off_t)line), 0);
    refuse_set(&set, "are missing");
    assert_int_equal(truncate(name, 0), 0);
    refuse_set(&set, "are missing");
    part_name(parts[3], other);
    assert_int_equal(rename(other, name), 0);
    refuse_set(&set, "are missing");
    free(bytes);
}

/* As logrotate does it: moved, then told of. */
static void test_moved(void **state)
{
    char elsewhere[96];
    struct audit_head head;
    struct audit_found found;
    (void)state;
    struct audit *audit = open_log(0);
    good(audit_sync(audit, add(audit, "before").lines, &problem));
    audit_reopen(audit); /* nothing was moved: nothing happens */
    move_away(path, elsewhere);
    good(audit_sync(audit, add(audit, "still there").lines, &problem));
    assert_int_equal(access(path, F_OK), -1);
    audit_reopen(audit);
    audit_reopen(audit);
    head = add(audit, "after");
    good(audit_sync(audit, head.lines, &problem));
    audit_close(audit);
    assert_int_equal(head.lines, 4);
    const char *const more[] = {elsewhere};
    const struct audit_set set = {path, more, 1, NULL};
    good(audit_check_set(&set, NULL, NULL, &found, &problem));
    assert_memory_equal(&found.head, &head, sizeof(head));
    assert_int_equal(found.files, 2);
    audit_close(open_log(0));
}

/* Nothing is overwritten, and nothing is written into another's file. */
static void test_in_the_way(void **state)
{
    char name[96];
    (void)state;
    for (int how = 0; how < 2; how++) {
        new_log(NULL);
        most = 2000;
        struct audit *audit = open_log(0);
        struct audit_head head = add(audit, "first");
        good(audit_sync(audit, head.lines, &problem));
        if (how == 0) {
            part_name(0, name);
        } else {
            move_away(path, name);
            strcpy(name, path);
        }
        FILE *other = fopen(name, "w");
        assert_true(fputs("another's", other) > 0);
        fclose(other);
        if (how == 1)
            audit_reopen(audit);
        cella_status status = CELLA_OK;
        for (int i = 0; i < 40 && status == CELLA_OK; i++)
            if (!(status =
                      audit_add(audit, "test", json_pack("{s:s}", "text", "x"), &head, &problem)))
                status = audit_sync(audit, head.lines, &problem);
        assert_int_equal(status, CELLA_SYSTEM);
        assert_sentence(&problem, "no key is released: File exists");
        audit_close(audit);
        struct stat is;
        assert_int_equal(stat(name, &is), 0);
        assert_int_equal(is.st_size, 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_chain, new_log),
        cmocka_unit_test_setup(test_closed, new_log),
        cmocka_unit_test_setup(test_torn, new_log),
        cmocka_unit_test_setup(test_altered, new_log),
        cmocka_unit_test_setup(test_altered_end, new_log),
        cmocka_unit_test_setup(test_long, new_log),
        cmocka_unit_test_setup(test_head, new_log),
        cmocka_unit_test_setup(test_one_process, new_log),
        cmocka_unit_test_setup(test_threads, new_log),
        cmocka_unit_test_setup(test_killed, new_log),
        cmocka_unit_test_setup(test_full, new_log),
        cmocka_unit_test_setup(test_files, new_log),
        cmocka_unit_test_setup(test_files_threads, new_log),
        cmocka_unit_test_setup(test_files_killed, new_log),
        cmocka_unit_test(test_between),
        cmocka_unit_test_setup(test_renumbered, new_log),
        cmocka_unit_test_setup(test_missing, new_log),
        cmocka_unit_test_setup(test_files_altered, new_log),
        cmocka_unit_test_setup(test_moved, new_log),
        cmocka_unit_test(test_in_the_way),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
