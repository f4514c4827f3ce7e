/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain files of the host under /plain: read, listed, never written when the manifest does not say
 * so, and nothing outside of the directory is reachable through it.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

int main(void)
{
    char text[256];
    struct stat status;
    struct dirent *entry;
    int entries = 0, file = open("/plain/greeting.txt", O_RDONLY);

    CHECK(file >= 0);
    ssize_t got = read(file, text, sizeof text);
    CHECK(got > 0);
    CHECK(write(STDOUT_FILENO, text, (size_t)got) == got);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(read(file, text, 5) == 5);
    CHECK(fstat(file, &status) == 0 && status.st_size == got);
    CHECK(close(file) == 0);
    CHECK(stat("/plain", &status) == 0 && S_ISDIR(status.st_mode));

    DIR *directory = opendir("/plain");
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        entries += strcmp(entry->d_name, "greeting.txt") == 0;
    CHECK(entries == 1);
    CHECK(closedir(directory) == 0);
    puts("read and listed");

    CHECK(open("/plain/greeting.txt", O_RDWR) == -1);
    CHECK(errno == EROFS || errno == EACCES);
    CHECK(open("/plain/new", O_WRONLY | O_CREAT, 0600) == -1);
    CHECK(errno == EROFS || errno == EACCES);
    CHECK(unlink("/plain/greeting.txt") == -1);
    CHECK(mkdir("/plain/new", 0700) == -1);
    CHECK_ERROR(open("/plain/nothing", O_RDONLY), ENOENT);
    CHECK(open("/plain/../etc/passwd", O_RDONLY) == -1);
    CHECK(open("/etc/passwd", O_RDONLY) == -1);
    CHECK(open("/plain/../../etc/passwd", O_RDONLY) == -1);
    puts("nothing more");
    return 0;
}
