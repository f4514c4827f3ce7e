/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log, checked: its files in the order of their lines, as one chain.
 */
#include "audit.h"

#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "room/log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MOST 100000u

/* ---- which files there are ---- */

bool audit_part(const char *path, uint64_t number, char *name)
{
    return snprintf(name, PATH_MAX, "%s.%" PRIu64, path, number) < PATH_MAX;
}

/* The number of "log.NUMBER", as audit_part writes it. False: it is none. */
static bool number_of(const char *name, const char *log, uint64_t *number)
{
    size_t length = strlen(log);
    if (strncmp(name, log, length) != 0 || name[length] != '.')
        return false;
    const char *digits = name + length + 1;
    size_t size = strlen(digits);
    if (size == 0 || size > 18 || strspn(digits, "0123456789") != size ||
        (*digits == '0' && size > 1))
        return false;
    *number = strtoull(digits, NULL, 10);
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static cella_status read_folder(DIR *folder, const char *log, uint64_t **numbers, size_t *count,
                                cella_error *error)
{
    for (const struct dirent *entry; (entry = readdir(folder));) {
        uint64_t number;
        if (!number_of(entry->d_name, log, &number))
            continue;
        uint64_t *grown =
            *count < FILES_MOST ? realloc(*numbers, (*count + 1) * sizeof(*grown)) : NULL;
        if (!grown)
            return fail(error, CELLA_MEMORY, "%s: no memory for so many files of a log",
                        entry->d_name);
        *numbers = grown;
        grown[(*count)++] = number;
    }
    if (*count)
        qsort(*numbers, *count, sizeof(**numbers), compare_numbers);
    return CELLA_OK;
}

cella_status audit_parts(const char *path, uint64_t **numbers, size_t *count, cella_error *error)
{
    char parent[PATH_MAX];
    size_t length = (size_t)(file_name(path) - path);
    *numbers = NULL;
    *count = 0;
    if (length >= sizeof(parent))
        return fail(error, CELLA_INVALID, "%.100s...: the path is too long", path);
    memcpy(parent, path, length);
    parent[length] = 0;
    DIR *folder = opendir(length ? parent : ".");
    if (!folder)
        return fail(error, CELLA_INVALID, "%s: cannot be opened: %s", path, strerror(errno));
    cella_status status = read_folder(folder, file_name(path), numbers, count, error);
    closedir(folder);
    if (status) {
        free(*numbers);
        *numbers = NULL;
    }
    return status;
}

/* ---- one file ---- */

struct part {
    char path[PATH_MAX];
    uint64_t first; /* number of its first line */
    size_t torn;    /* bytes, where it has no whole line */
    bool empty;     /* it has none */
};

struct checking {
    const struct audit_set *set;
    void (*each)(const json_t *entry, void *context);
    void *context;
    struct audit_found *found;
    cella_error *error;
    struct part *parts;
    size_t count;
};

static cella_status cannot(const char *path, const char *what, cella_error *error)
{
    return fail(error, CELLA_INVALID, "%s: cannot be %s: %s", path, what, strerror(errno));
}

/* What its first line says of itself; that is checked later. */
static cella_status peek(struct part *part, cella_error *error)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(part->path, "re");
    if (!file)
        return cannot(part->path, "opened", error);
    ssize_t size = getline(&line, &room, file);
    fclose(file);
    part->empty = size <= 0 || line[size - 1] != '\n';
    part->torn = size > 0 && part->empty ? (size_t)size : 0;
    json_t *entry =
        part->empty ? NULL : json_loadb(line, (size_t)size - 1, JSON_REJECT_DUPLICATES, NULL);
    const json_t *number = json_object_get(entry, "sequence");
    bool good = json_is_integer(number) && json_integer_value(number) >= 0;
    part->first = good ? (uint64_t)json_integer_value(number) : 0;
    json_decref(entry);
    free(line);
    if (part->empty || good)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED, "%s: its first line is none of a keyd's log: it was altered",
                part->path);
}

cella_status audit_first(const char *path, uint64_t *number, cella_error *error)
{
    struct part part;
    if (snprintf(part.path, sizeof(part.path), "%s", path) >= (int)sizeof(part.path))
        return fail(error, CELLA_INVALID, "%.100s...: the path is too long", path);
    cella_status status = peek(&part, error);
    *number = part.first;
    return status;
}

/* Every line of an open file. */
static cella_status check_lines(struct checking *checking, const char *path, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    struct audit_head *head = &checking->found->head;
    cella_status status = CELLA_OK;
    while (status == CELLA_OK && (size = getline(&line, &room, file)) > 0) {
        size_t length = (size_t)size;
        if (line[length - 1] != '\n') {
            checking->found->torn = length;
            break;
        }
        json_t *entry = room_log_line(line, length - 1, head->lines, head->sha256);
        if (!entry || digest_bytes(line, length - 1, head->sha256, NULL) != CELLA_OK)
            status = fail(checking->error, CELLA_REFUSED,
                          "%s: line %llu does not follow from the one before: the log was altered",
                          path, (unsigned long long)head->lines + 1);
        else if (checking->each)
            checking->each(entry, checking->context);
        head->lines += status == CELLA_OK;
        json_decref(entry);
    }
    if (status == CELLA_OK && ferror(file))
        status = cannot(path, "read", checking->error);
    free(line);
    return status;
}

static cella_status check_file(struct checking *checking, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return cannot(path, "opened", checking->error);
    checking->found->files++;
    cella_status status = check_lines(checking, path, file);
    fclose(file);
    return status;
}

/* ---- all of them ---- */

static cella_status add_part(struct checking *checking, const char *path)
{
    struct part *grown = realloc(checking->parts, (checking->count + 1) * sizeof(*checking->parts));
    if (!grown)
        return fail(checking->error, CELLA_MEMORY, "%s: no memory to check it", path);
    checking->parts = grown;
    struct part *part = &grown[checking->count];
    if (snprintf(part->path, sizeof(part->path), "%s", path) >= (int)sizeof(part->path))
        return fail(checking->error, CELLA_INVALID, "%.100s...: the path is too long", path);
    cella_status status = peek(part, checking->error);
    checking->count += status == CELLA_OK;
    return status;
}

static cella_status find_parts(struct checking *checking)
{
    const struct audit_set *set = checking->set;
    char name[PATH_MAX];
    uint64_t *numbers;
    size_t count;
    cella_status status = audit_parts(set->path, &numbers, &count, checking->error);
    for (size_t i = 0; i < count && status == CELLA_OK; i++)
        status = audit_part(set->path, numbers[i], name)
                     ? add_part(checking, name)
                     : cannot(set->path, "named", checking->error);
    free(numbers);
    for (size_t i = 0; i < set->count && status == CELLA_OK; i++)
        status = add_part(checking, set->more[i]);
    /* Between a file that was put aside and the next one there is none. */
    if (status == CELLA_OK && (checking->count == 0 || access(set->path, F_OK) == 0))
        status = add_part(checking, set->path);
    return status;
}

/* Files without a line come last: what is torn there is the log's end. */
static int compare_parts(const void *a, const void *b)
{
    const struct part *first = a, *second = b;
    if (first->empty != second->empty)
        return first->empty ? 1 : -1;
    return first->first < second->first ? -1 : first->first > second->first;
}

/* Where lines are missing, or there twice. */
static cella_status check_place(struct checking *checking, const struct part *part)
{
    unsigned long long first = part->first + 1, wanted = checking->found->head.lines + 1;
    if (first == wanted)
        return CELLA_OK;
    if (first < wanted)
        return fail(checking->error, CELLA_REFUSED,
                    "%s: begins with line %llu, which another file has, too: it is a copy, or the "
                    "log was altered",
                    part->path, first);
    if (checking->found->files == 0)
        return fail(checking->error, CELLA_REFUSED,
                    "%s: begins with line %llu: give the files that have the lines before, or "
                    "--after with the SHA-256 of line %llu",
                    part->path, first, first - 1);
    return fail(checking->error, CELLA_REFUSED,
                "%s: begins with line %llu: lines %llu to %llu are missing; give the files that "
                "have them",
                part->path, first, wanted, first - 1);
}

static cella_status check_part(struct checking *checking, const struct part *part)
{
    if (checking->found->torn)
        return fail(checking->error, CELLA_REFUSED,
                    "%s: line %llu, before it, is torn: the log was altered", part->path,
                    (unsigned long long)checking->found->head.lines + 1);
    if (part->empty) {
        checking->found->torn = part->torn;
        return CELLA_OK;
    }
    cella_status status = check_place(checking, part);
    return status ? status : check_file(checking, part->path);
}

cella_status audit_check_set(const struct audit_set *set,
                             void (*each)(const json_t *entry, void *context), void *context,
                             struct audit_found *found, cella_error *error)
{
    struct checking checking = {set, each, context, found, error, NULL, 0};
    memset(found, 0, sizeof(*found));
    cella_status status = find_parts(&checking);
    if (status == CELLA_OK && checking.count)
        qsort(checking.parts, checking.count, sizeof(*checking.parts), compare_parts);
    if (status == CELLA_OK && set->after && !checking.parts[0].empty) {
        found->first = found->head.lines = checking.parts[0].first;
        memcpy(found->head.sha256, set->after, 32);
    }
    for (size_t i = 0; i < checking.count && status == CELLA_OK; i++)
        status = check_part(&checking, &checking.parts[i]);
    free(checking.parts);
    return status;
}

cella_status audit_check(const char *path, void (*each)(const json_t *entry, void *context),
                         void *context, struct audit_head *head, size_t *torn, cella_error *error)
{
    const struct audit_set set = {path, NULL, 0, NULL};
    struct audit_found found;
    cella_status status = audit_check_set(&set, each, context, &found, error);
    *head = found.head;
    *torn = found.torn;
    return status;
}
