/* SPDX-License-Identifier: Apache-2.0
 *
 * 96 MiB of files in /tmp, written, checked and removed, three times: what a removed file held is
 * given back (the manifest's heap is 256 MiB).
 */
#include "check.h"
#include <fcntl.h>

#define MEGA (1024 * 1024)

int main(void)
{
    static unsigned char block[MEGA], back[MEGA];

    for (int round = 0; round < 3; round++) {
        for (int number = 0; number < 3; number++) {
            char name[16];

            snprintf(name, sizeof name, "large%d", number);
            const char *path = scratch(name);
            int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
            CHECK(file >= 0);
            for (int i = 0; i < 32; i++) {
                memset(block, i + number + round, sizeof block);
                CHECK(write(file, block, sizeof block) == MEGA);
            }
            for (int i = 31; i >= 0; i--) {
                memset(block, i + number + round, sizeof block);
                CHECK(pread(file, back, sizeof back, (off_t)i * MEGA) == MEGA);
                CHECK(memcmp(block, back, sizeof back) == 0);
            }
            CHECK(close(file) == 0);
        }
        for (int number = 0; number < 3; number++) {
            char name[16];

            snprintf(name, sizeof name, "large%d", number);
            CHECK(unlink(scratch(name)) == 0);
        }
    }
    puts("written and removed three times");
    return 0;
}
