/* SPDX-License-Identifier: Apache-2.0
 *
 * The C library's files: fopen modes, fseek, fprintf, fgets, tmpfile, mkstemp, remove, fsync,
 * fdatasync, fallocate, a file written by several threads with O_APPEND.
 */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

static const char *shared;

static void *append(void *argument)
{
    char line[16];
    int file = open(shared, O_WRONLY | O_APPEND);

    CHECK(file >= 0);
    snprintf(line, sizeof line, "thread %d\n", (int)(intptr_t)argument);
    for (int i = 0; i < 500; i++)
        CHECK(write(file, line, 9) == 9);
    CHECK(close(file) == 0);
    return NULL;
}

int main(void)
{
    const char *path = scratch("stdio");
    char line[100];
    FILE *file = fopen(path, "w+");

    CHECK(file != NULL);
    for (int i = 0; i < 1000; i++)
        CHECK(fprintf(file, "line %d\n", i) > 0);
    CHECK(fflush(file) == 0);
    CHECK(fsync(fileno(file)) == 0);
    CHECK(fdatasync(fileno(file)) == 0);
    rewind(file);
    for (int i = 0; i < 1000; i++) {
        char expected[100];

        snprintf(expected, sizeof expected, "line %d\n", i);
        CHECK(fgets(line, sizeof line, file) == line);
        CHECK(strcmp(line, expected) == 0);
    }
    CHECK(fgets(line, sizeof line, file) == NULL && feof(file));
    CHECK(fseek(file, -9, SEEK_END) == 0);
    CHECK(fgets(line, sizeof line, file) == line);
    CHECK(strcmp(line, "line 999\n") == 0);
    CHECK(fclose(file) == 0);
    CHECK(fopen(path, "wx") == NULL && errno == EEXIST);
    CHECK(remove(path) == 0);
    CHECK(fopen(path, "r") == NULL && errno == ENOENT);
    puts("fopen");

    file = tmpfile();
    CHECK(file != NULL);
    CHECK(fputs("temporary", file) >= 0);
    rewind(file);
    CHECK(fgets(line, sizeof line, file) == line && strcmp(line, "temporary") == 0);
    CHECK(fclose(file) == 0);
    char template[] = "/tmp/cella-XXXXXX";
    int descriptor = mkstemp(template);
    CHECK(descriptor >= 0);
    CHECK(strcmp(template, "/tmp/cella-XXXXXX") != 0);
    CHECK(posix_fallocate(descriptor, 0, 100000) == 0);
    struct stat status;
    CHECK(fstat(descriptor, &status) == 0 && status.st_size == 100000);
    CHECK(close(descriptor) == 0);
    CHECK(unlink(template) == 0);
    puts("temporary files");

    shared = scratch("append");
    descriptor = open(shared, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(descriptor >= 0);
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, append, (void *)i) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    int count[4] = {0};
    file = fdopen(descriptor, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        int number;

        CHECK(strlen(line) == 9);
        CHECK(sscanf(line, "thread %d", &number) == 1 && number >= 0 && number < 4);
        count[number]++;
    }
    printf("%d %d %d %d\n", count[0], count[1], count[2], count[3]);
    CHECK(fclose(file) == 0);
    CHECK(unlink(shared) == 0);
    return 0;
}
