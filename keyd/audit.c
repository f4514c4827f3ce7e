/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log, written. Whoever waits first writes for all who wait: the others find their lines
 * written.
 *
 * Where a file ends is decided when a line is added: the next file's first line comes behind the
 * former's last one whatever waits by then. Who writes then puts the former aside: between its last
 * line and the next file's first there may be no file, or an empty one, which opening knows.
 */
#include "audit.h"

#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "room/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITING (16u << 20) /* bytes that wait for the disk, at most */

struct audit {
    pthread_mutex_t lock;
    pthread_cond_t written;
    char *path;
    int folder; /* locked as long as this is open */
    int fd;
    uint64_t first, aside;    /* first line of this file; of the one that is put aside */
    size_t most, size;        /* bytes of a file, at most; of this one, with what waits */
    struct room_log chain;    /* its text is what is not written yet */
    bool ends;                /* this file, within that text */
    size_t cut;               /* ... where */
    struct audit_head synced; /* of the lines on the disk */
    bool writes;              /* somebody does */
    int failed;               /* errno, or 0 */
};

/* Under the lock. */
static struct audit_head head_of(const struct audit *audit)
{
    struct audit_head head = {.lines = audit->chain.sequence};
    memcpy(head.sha256, audit->chain.previous, 32);
    return head;
}

/* ---- opening ---- */

/* The last line that is whole, where it ends, and the one before. */
struct tail {
    char bytes[3 * AUDIT_LINE]; /* one may be torn behind them */
    const char *line, *before;  /* NULL: there is none */
    size_t length, before_length;
    off_t end;
};

/* The line that ends at the '\n' `end`. NULL: its start is not among these bytes, or it is empty or
 * too long. */
static const char *line_before(const char *bytes, const char *end, bool whole, size_t *length)
{
    const char *newline = memrchr(bytes, '\n', (size_t)(end - bytes));
    const char *start = newline ? newline + 1 : bytes;
    *length = (size_t)(end - start);
    return (newline || whole) && *length && *length < AUDIT_LINE ? start : NULL;
}

/* False: more than a line's room without an end of a line. */
static bool find_tail(int fd, off_t size, struct tail *tail)
{
    const off_t room = sizeof(tail->bytes);
    off_t from = size > room ? size - room : 0;
    ssize_t got = pread(fd, tail->bytes, (size_t)(size - from), from);
    if (got != size - from)
        return false;
    const char *last = memrchr(tail->bytes, '\n', (size_t)got);
    tail->line = tail->before = NULL;
    tail->end = 0;
    if (!last)
        return from == 0;
    tail->end = from + (last - tail->bytes) + 1;
    tail->line = line_before(tail->bytes, last, from == 0, &tail->length);
    if (tail->line && tail->line > tail->bytes)
        tail->before = line_before(tail->bytes, tail->line - 1, from == 0, &tail->before_length);
    return tail->line && (tail->before || (from == 0 && tail->line == tail->bytes));
}

static bool sequence_of(const json_t *entry, uint64_t *sequence)
{
    const json_t *number = json_object_get(entry, "sequence");
    bool good = json_is_integer(number) && json_integer_value(number) >= 0;
    *sequence = good ? (uint64_t)json_integer_value(number) : 0;
    return good;
}

/* What the last line has to follow from: the line before, or nothing, or (of another file, which
 * may be elsewhere) what it says itself. */
static bool find_before(const struct tail *tail, uint64_t *sequence, uint8_t previous[32])
{
    const char *line = tail->before ? tail->before : tail->line;
    size_t length = tail->before ? tail->before_length : tail->length;
    json_t *entry = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(entry, "event"));
    const char *said = json_string_value(json_object_get(entry, "previous"));
    bool good = sequence_of(entry, sequence);
    memset(previous, 0, 32);
    if (good && tail->before)
        good = digest_bytes(line, length, previous, NULL) == CELLA_OK;
    else if (good && *sequence)
        good = event && strcmp(event, "continue") == 0 && said && hex_read(said, previous, 32);
    *sequence += tail->before != NULL;
    json_decref(entry);
    return good;
}

/* Where the chain goes on. False: its last line does not follow from the one before. */
static bool continue_chain(struct audit *audit, const struct tail *tail)
{
    uint64_t sequence;
    uint8_t previous[32];
    if (!find_before(tail, &sequence, previous))
        return false;
    json_t *entry = room_log_line(tail->line, tail->length, sequence, previous);
    bool good = entry && digest_bytes(tail->line, tail->length, audit->chain.previous, NULL) == 0;
    json_decref(entry);
    if (good)
        audit->chain.sequence = sequence + 1;
    audit->synced = head_of(audit);
    return good;
}

/* The end of an open file. What is torn there is cut off where that is allowed: *torn is not NULL.
 */
static cella_status read_tail(struct audit *audit, int fd, const char *path, size_t *torn,
                              cella_error *error)
{
    struct stat is;
    struct tail tail;
    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode))
        return fail(error, CELLA_INVALID, "%s: not a regular file", path);
    if (!find_tail(fd, is.st_size, &tail) || (tail.line && !continue_chain(audit, &tail)) ||
        (!torn && is.st_size != tail.end))
        return fail(error, CELLA_REFUSED,
                    "%s: its last line does not follow from the one before: the log was altered; "
                    "keep it, and start with another one",
                    path);
    if (!torn)
        return CELLA_OK;
    *torn = (size_t)(is.st_size - tail.end);
    audit->size = (size_t)tail.end;
    if (*torn && (ftruncate(fd, tail.end) != 0 || fsync(fd) != 0))
        return fail(error, CELLA_SYSTEM, "%s: its torn last line cannot be cut off: %s", path,
                    strerror(errno));
    return CELLA_OK;
}

/* The chain's end is that of a file that was put aside. */
static cella_status read_former(struct audit *audit, uint64_t number, cella_error *error)
{
    char former[PATH_MAX];
    if (!audit_part(audit->path, number, former))
        return fail(error, CELLA_INVALID, "%s: the path is too long", audit->path);
    int fd = open(former, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", former, strerror(errno));
    cella_status status = read_tail(audit, fd, former, NULL, error);
    close(fd);
    return status;
}

/* One process at a time. */
static cella_status lock_folder(struct audit *audit, cella_error *error)
{
    const char *slash = strrchr(audit->path, '/');
    char *folder = slash ? strndup(audit->path, (size_t)(slash - audit->path) + 1) : strdup(".");
    audit->folder = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    if (audit->folder < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", audit->path, strerror(errno));
    if (flock(audit->folder, LOCK_EX | LOCK_NB) != 0)
        return fail(error, CELLA_REFUSED, "%s: another keyd has it: stop that one first",
                    audit->path);
    return CELLA_OK;
}

/* The file's name must be on the disk, too. Returns errno, or 0. */
static int open_file(struct audit *audit)
{
    int fd = open(audit->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    if (audit->fd >= 0)
        close(audit->fd);
    audit->fd = fd;
    return fsync(audit->folder) == 0 ? 0 : errno;
}

/* What a file begins with that is not the first one. */
static json_t *former_fields(uint64_t number, bool moved)
{
    char name[32] = "moved away";
    if (!moved)
        snprintf(name, sizeof(name), "log.%" PRIu64, number);
    return json_pack("{s:s}", "former", name);
}

/* Of the files that were put aside the one with the last lines: whoever else names such files may
 * give the newest the lowest number. */
static cella_status find_former(const struct audit *audit, uint64_t *former, bool *found,
                                cella_error *error)
{
    uint64_t *numbers, first, last = 0;
    size_t count;
    char name[PATH_MAX];
    cella_status status = audit_parts(audit->path, &numbers, &count, error);
    *found = count > 0;
    for (size_t i = 0; i < count && status == CELLA_OK; i++) {
        status = audit_part(audit->path, numbers[i], name)
                     ? audit_first(name, &first, error)
                     : fail(error, CELLA_INVALID, "%s: the path is too long", audit->path);
        if (status == CELLA_OK && first >= last) {
            last = first;
            *former = numbers[i];
        }
    }
    free(numbers);
    return status;
}

/* Where a file was put aside and its process killed before the next one had a line. */
static cella_status continue_former(struct audit *audit, cella_error *error)
{
    uint64_t former = 0;
    bool found;
    struct audit_head head;
    cella_status status = find_former(audit, &former, &found, error);
    if (status || !found)
        return status;
    status = read_former(audit, former, error);
    audit->first = audit->chain.sequence;
    if (status == CELLA_OK)
        status = audit_add(audit, "continue", former_fields(former, false), &head, error);
    return status;
}

static cella_status open_all(struct audit *audit, size_t *torn, cella_error *error)
{
    struct audit_head head;
    cella_status status = lock_folder(audit, error);
    int result = status ? 0 : open_file(audit);
    if (result)
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", audit->path, strerror(result));
    if (status == CELLA_OK)
        status = read_tail(audit, audit->fd, audit->path, torn, error);
    if (status == CELLA_OK)
        status = audit->size ? audit_first(audit->path, &audit->first, error)
                             : continue_former(audit, error);
    if (status == CELLA_OK && *torn)
        status = audit_add(audit, "cut", json_pack("{s:I}", "torn_bytes", (json_int_t)*torn), &head,
                           error);
    return status;
}

cella_status audit_open(const char *path, size_t most, struct audit **opened, size_t *torn,
                        cella_error *error)
{
    struct audit *audit = calloc(1, sizeof(*audit));
    *opened = NULL;
    *torn = 0;
    if (audit) {
        pthread_mutex_init(&audit->lock, NULL);
        pthread_cond_init(&audit->written, NULL);
        audit->folder = audit->fd = -1;
        audit->most = most;
        audit->path = strdup(path);
    }
    cella_status status = audit && audit->path ? open_all(audit, torn, error)
                                               : fail(error, CELLA_MEMORY, "no memory for a log");
    if (status)
        audit_close(audit);
    else
        *opened = audit;
    return status;
}

/* ---- writing ---- */

static cella_status failed(const struct audit *audit, cella_error *error)
{
    return fail(error, CELLA_SYSTEM, "%s: cannot be written, so no key is released: %s",
                audit->path, strerror(audit->failed));
}

static void add_line(struct audit *audit, const char *event, json_t *fields)
{
    size_t before = audit->chain.size;
    room_log_add(&audit->chain, event, fields);
    size_t added = audit->chain.size - before;
    audit->size += added;
    if (audit->chain.failed)
        audit->failed = ENOMEM;
    else if (added > AUDIT_LINE)
        audit->failed = EOVERFLOW;
}

/* The next line is the first of another file; but one end at a time waits to be written. */
static void end_file(struct audit *audit, bool moved)
{
    if (audit->ends || audit->failed)
        return;
    audit->ends = true;
    audit->cut = audit->chain.size;
    audit->size = 0;
    audit->aside = audit->first;
    audit->first = audit->chain.sequence;
    add_line(audit, "continue", former_fields(audit->aside, moved));
}

cella_status audit_add(struct audit *audit, const char *event, json_t *fields,
                       struct audit_head *head, cella_error *error)
{
    cella_status status = CELLA_OK;
    memset(head, 0, sizeof(*head));
    if (!fields)
        return fail(error, CELLA_MEMORY, "no memory for a line of the log");
    pthread_mutex_lock(&audit->lock);
    size_t before = audit->chain.size;
    if (audit->failed || before > WAITING) {
        json_decref(fields);
    } else {
        if (audit->size >= audit->most)
            end_file(audit, false);
        add_line(audit, event, fields);
    }
    if (audit->failed)
        status = failed(audit, error);
    else if (before > WAITING)
        status = fail(error, CELLA_SYSTEM, "%s: the disk does not keep up", audit->path);
    *head = head_of(audit);
    pthread_mutex_unlock(&audit->lock);
    return status;
}

/* Whether the path still leads to the file that is written. */
static bool is_there(const struct audit *audit)
{
    struct stat by_path, by_fd;
    return lstat(audit->path, &by_path) == 0 && fstat(audit->fd, &by_fd) == 0 &&
           by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
}

/* Puts the file aside, where somebody has not done so, and begins another. Returns errno, or 0. */
static int next_file(struct audit *audit)
{
    char aside[PATH_MAX];
    struct stat is;
    if (is_there(audit)) {
        if (!audit_part(audit->path, audit->aside, aside))
            return ENAMETOOLONG;
        if (renameat2(AT_FDCWD, audit->path, AT_FDCWD, aside, RENAME_NOREPLACE) != 0)
            return errno;
    }
    int result = open_file(audit);
    if (result)
        return result;
    if (fstat(audit->fd, &is) != 0)
        return errno;
    return S_ISREG(is.st_mode) && is.st_size == 0 ? 0 : EEXIST;
}

static int write_part(struct audit *audit, const char *text, size_t size)
{
    if (size == 0 || (file_write_all(audit->fd, text, size) && fdatasync(audit->fd) == 0))
        return 0;
    return errno ? errno : EIO;
}

/* Writes what is there. Under the lock, which is given back meanwhile. */
static void write_waiting(struct audit *audit)
{
    char *text = audit->chain.text;
    size_t size = audit->chain.size, cut = audit->ends ? audit->cut : size;
    struct audit_head head = head_of(audit);
    bool ends = audit->ends;
    audit->chain.text = NULL;
    audit->chain.size = 0;
    audit->ends = false;
    audit->writes = true;
    pthread_mutex_unlock(&audit->lock);
    int result = write_part(audit, text, cut);
    if (!result && ends)
        result = next_file(audit);
    if (!result)
        result = write_part(audit, text + cut, size - cut);
    free(text);
    pthread_mutex_lock(&audit->lock);
    audit->writes = false;
    if (result)
        audit->failed = result;
    else
        audit->synced = head;
    pthread_cond_broadcast(&audit->written);
}

void audit_reopen(struct audit *audit)
{
    pthread_mutex_lock(&audit->lock);
    while (audit->writes) /* who writes may be putting it aside */
        pthread_cond_wait(&audit->written, &audit->lock);
    if (!is_there(audit))
        end_file(audit, true);
    pthread_mutex_unlock(&audit->lock);
}

cella_status audit_sync(struct audit *audit, uint64_t lines, cella_error *error)
{
    pthread_mutex_lock(&audit->lock);
    while (audit->synced.lines < lines && !audit->failed)
        if (audit->writes)
            pthread_cond_wait(&audit->written, &audit->lock);
        else
            write_waiting(audit);
    cella_status status = audit->synced.lines >= lines ? CELLA_OK : failed(audit, error);
    pthread_mutex_unlock(&audit->lock);
    return status;
}

bool audit_head(struct audit *audit, struct audit_head *head)
{
    pthread_mutex_lock(&audit->lock);
    *head = audit->synced;
    bool good = !audit->failed;
    pthread_mutex_unlock(&audit->lock);
    return good;
}

void audit_close(struct audit *audit)
{
    if (!audit)
        return;
    if (audit->fd >= 0) {
        audit_sync(audit, audit->chain.sequence, NULL);
        close(audit->fd);
    }
    if (audit->folder >= 0)
        close(audit->folder);
    room_log_free(&audit->chain);
    pthread_cond_destroy(&audit->written);
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit);
}
