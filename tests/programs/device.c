/* SPDX-License-Identifier: Apache-2.0
 *
 * /dev/null and /dev/zero.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>

int main(void)
{
    char text[64];
    struct stat status;
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);

    CHECK(null >= 0 && zero >= 0);
    CHECK(read(null, text, sizeof text) == 0);
    CHECK(write(null, text, sizeof text) == sizeof text);
    CHECK(fstat(null, &status) == 0 && S_ISCHR(status.st_mode));
    memset(text, 1, sizeof text);
    CHECK(read(zero, text, sizeof text) == sizeof text);
    for (size_t i = 0; i < sizeof text; i++)
        CHECK(text[i] == 0);
    CHECK(write(zero, text, sizeof text) == sizeof text);
    CHECK_ERROR(open("/dev/null/x", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("/dev/cella-no-such-device", O_RDONLY), ENOENT);
    puts("devices");
    return 0;
}
