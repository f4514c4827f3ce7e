/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log. Whoever waits first writes for all who wait: the others find their lines written.
 */
#include "audit.h"

#include "image/fail.h"
#include "image/file.h"
#include "room/log.h"

#include <errno.h>
#include <fcntl.h>
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
    int fd;
    struct room_log chain; /* its text is what is not written yet */
    uint64_t synced;       /* lines on the disk */
    bool writes;           /* somebody does */
    int failed;            /* errno, or 0 */
};

/* ---- opening ---- */

/* The last line that is whole, and where it ends. */
struct tail {
    char line[AUDIT_LINE];
    size_t length; /* 0: there is none */
    off_t end;
};

/* False: more than a line's room without an end of a line. */
static bool find_tail(int fd, off_t size, struct tail *tail)
{
    char bytes[2 * AUDIT_LINE];
    off_t from = size > (off_t)sizeof(bytes) ? size - (off_t)sizeof(bytes) : 0;
    ssize_t got = pread(fd, bytes, (size_t)(size - from), from);
    if (got != size - from)
        return false;
    const char *last = memrchr(bytes, '\n', (size_t)got);
    tail->length = 0;
    tail->end = 0;
    if (!last)
        return from == 0;
    const char *before = memrchr(bytes, '\n', (size_t)(last - bytes));
    const char *start = before ? before + 1 : bytes;
    tail->end = from + (last - bytes) + 1;
    tail->length = (size_t)(last - start);
    if ((!before && from != 0) || tail->length == 0 || tail->length >= sizeof(tail->line))
        return false;
    memcpy(tail->line, start, tail->length);
    return true;
}

/* Where the chain goes on. */
static bool continue_chain(struct audit *audit, const struct tail *tail)
{
    json_t *entry = json_loadb(tail->line, tail->length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *number = json_object_get(entry, "sequence");
    bool good = json_is_integer(number) && json_integer_value(number) >= 0 &&
                digest_bytes(tail->line, tail->length, audit->chain.previous, NULL) == CELLA_OK;
    if (good)
        audit->chain.sequence = (uint64_t)json_integer_value(number) + 1;
    audit->synced = audit->chain.sequence;
    json_decref(entry);
    return good;
}

static cella_status read_tail(struct audit *audit, size_t *torn, cella_error *error)
{
    struct stat is;
    struct tail tail;
    if (fstat(audit->fd, &is) != 0 || !S_ISREG(is.st_mode))
        return fail(error, CELLA_INVALID, "%s: not a regular file", audit->path);
    if (!find_tail(audit->fd, is.st_size, &tail) || (tail.length && !continue_chain(audit, &tail)))
        return fail(error, CELLA_REFUSED,
                    "%s: its last line is none of a keyd's log: it was altered; keep it, and start "
                    "with another one",
                    audit->path);
    *torn = (size_t)(is.st_size - tail.end);
    if (*torn && (ftruncate(audit->fd, tail.end) != 0 || fsync(audit->fd) != 0))
        return fail(error, CELLA_SYSTEM, "%s: its torn last line cannot be cut off: %s",
                    audit->path, strerror(errno));
    return CELLA_OK;
}

/* The file's name must be on the disk, too. */
static cella_status open_file(struct audit *audit, cella_error *error)
{
    const char *slash = strrchr(audit->path, '/');
    char *folder = slash ? strndup(audit->path, (size_t)(slash - audit->path) + 1) : strdup(".");
    int parent = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    audit->fd = open(audit->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool good = audit->fd >= 0 && parent >= 0 && fsync(parent) == 0;
    int saved = errno;
    if (parent >= 0)
        close(parent);
    if (!good)
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", audit->path, strerror(saved));
    if (flock(audit->fd, LOCK_EX | LOCK_NB) != 0)
        return fail(error, CELLA_REFUSED, "%s: another keyd has it: stop that one first",
                    audit->path);
    return CELLA_OK;
}

cella_status audit_open(const char *path, struct audit **opened, size_t *torn, cella_error *error)
{
    struct audit *audit = calloc(1, sizeof(*audit));
    *opened = NULL;
    *torn = 0;
    if (audit) {
        pthread_mutex_init(&audit->lock, NULL);
        pthread_cond_init(&audit->written, NULL);
        audit->fd = -1;
        audit->path = strdup(path);
    }
    cella_status status = audit && audit->path ? open_file(audit, error)
                                               : fail(error, CELLA_MEMORY, "no memory for a log");
    if (status == CELLA_OK)
        status = read_tail(audit, torn, error);
    if (status == CELLA_OK && *torn) {
        struct audit_head head;
        status = audit_add(audit, "cut", json_pack("{s:I}", "torn_bytes", (json_int_t)*torn), &head,
                           error);
    }
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
        room_log_add(&audit->chain, event, fields);
        if (audit->chain.failed)
            audit->failed = ENOMEM;
        else if (audit->chain.size - before > AUDIT_LINE)
            audit->failed = EOVERFLOW;
    }
    if (audit->failed)
        status = failed(audit, error);
    else if (before > WAITING)
        status = fail(error, CELLA_SYSTEM, "%s: the disk does not keep up", audit->path);
    head->lines = audit->chain.sequence;
    memcpy(head->sha256, audit->chain.previous, 32);
    pthread_mutex_unlock(&audit->lock);
    return status;
}

/* Writes what is there. Under the lock, which is given back meanwhile. */
static void write_waiting(struct audit *audit)
{
    char *text = audit->chain.text;
    size_t size = audit->chain.size;
    uint64_t lines = audit->chain.sequence;
    audit->chain.text = NULL;
    audit->chain.size = 0;
    audit->writes = true;
    pthread_mutex_unlock(&audit->lock);
    bool good = file_write_all(audit->fd, text, size) && fdatasync(audit->fd) == 0;
    int result = good ? 0 : errno ? errno : EIO;
    free(text);
    pthread_mutex_lock(&audit->lock);
    audit->writes = false;
    if (result)
        audit->failed = result;
    else
        audit->synced = lines;
    pthread_cond_broadcast(&audit->written);
}

cella_status audit_sync(struct audit *audit, uint64_t lines, cella_error *error)
{
    pthread_mutex_lock(&audit->lock);
    while (audit->synced < lines && !audit->failed)
        if (audit->writes)
            pthread_cond_wait(&audit->written, &audit->lock);
        else
            write_waiting(audit);
    cella_status status = audit->synced >= lines ? CELLA_OK : failed(audit, error);
    pthread_mutex_unlock(&audit->lock);
    return status;
}

void audit_head(struct audit *audit, struct audit_head *head)
{
    pthread_mutex_lock(&audit->lock);
    head->lines = audit->chain.sequence;
    memcpy(head->sha256, audit->chain.previous, 32);
    pthread_mutex_unlock(&audit->lock);
}

void audit_close(struct audit *audit)
{
    if (!audit)
        return;
    if (audit->fd >= 0) {
        audit_sync(audit, audit->chain.sequence, NULL);
        close(audit->fd);
    }
    room_log_free(&audit->chain);
    pthread_cond_destroy(&audit->written);
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit);
}

/* ---- checking ---- */

cella_status audit_check(const char *path, void (*each)(const json_t *entry, void *context),
                         void *context, struct audit_head *head, size_t *torn, cella_error *error)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    cella_status status = CELLA_OK;
    FILE *file = fopen(path, "re");
    memset(head, 0, sizeof(*head));
    *torn = 0;
    if (!file)
        return fail(error, CELLA_INVALID, "%s: cannot be opened: %s", path, strerror(errno));
    while (status == CELLA_OK && (size = getline(&line, &room, file)) > 0) {
        size_t length = (size_t)size;
        if (line[length - 1] != '\n') {
            *torn = length;
            break;
        }
        json_t *entry = room_log_line(line, length - 1, head->lines, head->sha256);
        if (!entry || digest_bytes(line, length - 1, head->sha256, NULL) != CELLA_OK)
            status = fail(error, CELLA_REFUSED,
                          "%s: line %llu does not follow from the one before: the log was altered",
                          path, (unsigned long long)head->lines + 1);
        else if (each)
            each(entry, context);
        head->lines += status == CELLA_OK;
        json_decref(entry);
    }
    if (status == CELLA_OK && ferror(file))
        status = fail(error, CELLA_SYSTEM, "%s: cannot be read: %s", path, strerror(errno));
    free(line);
    fclose(file);
    return status;
}
