/* SPDX-License-Identifier: Apache-2.0
 *
 * readdir: every entry once, "." and ".." among them; rewind, removal while reading, an empty
 * directory, many entries.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define FILES 500

static char path[128];

static int list(DIR *directory, char seen[FILES], int *dots)
{
    int count = 0;
    struct dirent *entry;

    *dots = 0;
    memset(seen, 0, FILES);
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        int number;

        CHECK(entry->d_ino != 0);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            CHECK(entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
            ++*dots;
            continue;
        }
        CHECK(sscanf(entry->d_name, "file-%d", &number) == 1);
        CHECK(number >= 0 && number < FILES && !seen[number]);
        CHECK(entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN);
        seen[number] = 1;
        count++;
    }
    CHECK(errno == 0);
    return count;
}

static const char *name(int number)
{
    static char text[200];

    snprintf(text, sizeof text, "%s/file-%d", path, number);
    return text;
}

int main(void)
{
    char seen[FILES];
    int dots;

    snprintf(path, sizeof path, "%s", scratch("list"));
    CHECK(mkdir(path, 0700) == 0);
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    CHECK(list(directory, seen, &dots) == 0);
    CHECK(dots == 2);
    CHECK(closedir(directory) == 0);
    puts("empty");

    for (int i = 0; i < FILES; i++) {
        int file = open(name(i), O_WRONLY | O_CREAT | O_EXCL, 0600);

        CHECK(file >= 0);
        CHECK(close(file) == 0);
    }
    directory = opendir(path);
    CHECK(directory != NULL);
    CHECK(list(directory, seen, &dots) == FILES);
    CHECK(dots == 2);
    rewinddir(directory);
    CHECK(list(directory, seen, &dots) == FILES);
    puts("500 files, twice");

    for (int i = 0; i < FILES; i += 2)
        CHECK(unlink(name(i)) == 0);
    rewinddir(directory);
    CHECK(list(directory, seen, &dots) == FILES / 2);
    for (int i = 0; i < FILES; i++)
        CHECK(seen[i] == i % 2);
    CHECK(closedir(directory) == 0);
    puts("half of them removed");

    for (int i = 1; i < FILES; i += 2)
        CHECK(unlink(name(i)) == 0);
    CHECK(rmdir(path) == 0);
    CHECK(opendir(path) == NULL && errno == ENOENT);
    puts("all removed");
    return 0;
}
