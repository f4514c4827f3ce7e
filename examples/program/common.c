/* SPDX-License-Identifier: Apache-2.0
 *
 * common FIRST SECOND RESULT: writes how many different lines two files have in common. An ordinary
 * program: nothing in it knows of enclaves, boxes or rooms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
    char **line;
    size_t count;
};

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void quit(const char *what)
{
    perror(what);
    exit(1);
}

/* Sorted, each once. */
static struct lines read_lines(const char *path)
{
    struct lines lines = {0};
    size_t room = 0, kept = 0;
    char *line = NULL;
    FILE *file = fopen(path, "r");
    if (!file)
        quit(path);
    while (getline(&line, &(size_t){0}, file) >= 0) {
        line[strcspn(line, "\r\n")] = 0;
        if (lines.count == room) {
            room = room ? 2 * room : 1024;
            lines.line = reallocarray(lines.line, room, sizeof(*lines.line));
            if (!lines.line)
                quit(path);
        }
        lines.line[lines.count++] = line;
        line = NULL;
    }
    if (ferror(file))
        quit(path);
    fclose(file);
    if (lines.count)
        qsort(lines.line, lines.count, sizeof(*lines.line), compare);
    for (size_t i = 0; i < lines.count; i++)
        if (!kept || strcmp(lines.line[kept - 1], lines.line[i]) != 0)
            lines.line[kept++] = lines.line[i];
    lines.count = kept;
    return lines;
}

static size_t count_common(const struct lines *first, const struct lines *second)
{
    size_t common = 0;
    for (size_t i = 0, k = 0; i < first->count && k < second->count;) {
        int order = strcmp(first->line[i], second->line[k]);
        common += order == 0;
        i += order <= 0;
        k += order >= 0;
    }
    return common;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct lines first = read_lines(argv[1]), second = read_lines(argv[2]);
    FILE *result = fopen(argv[3], "w");
    if (!result || fprintf(result, "%zu\n", count_common(&first, &second)) < 0 || fclose(result))
        quit(argv[3]);
    return 0;
}
