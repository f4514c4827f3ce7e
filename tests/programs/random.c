/* SPDX-License-Identifier: Apache-2.0
 *
 * getrandom, getentropy, /dev/urandom and /dev/random: whole requests are served, no two are the
 * same, bits are not stuck.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/random.h>

static unsigned char drawn[6][4096];

static void read_device(const char *path, unsigned char *bytes)
{
    int device = open(path, O_RDONLY);

    CHECK(device >= 0);
    for (size_t done = 0; done < 4096;) {
        ssize_t got = read(device, bytes + done, 4096 - done);

        CHECK(got > 0);
        done += (size_t)got;
    }
    CHECK(close(device) == 0);
}

int main(void)
{
    CHECK(getrandom(drawn[0], 4096, 0) == 4096);
    CHECK(getrandom(drawn[1], 4096, GRND_NONBLOCK) == 4096);
    for (size_t i = 0; i < 16; i++)
        CHECK(getentropy(drawn[2] + i * 256, 256) == 0);
    read_device("/dev/urandom", drawn[3]);
    read_device("/dev/urandom", drawn[4]);
    read_device("/dev/random", drawn[5]);
    for (int i = 0; i < 6; i++) {
        int ones = 0;

        for (int j = i + 1; j < 6; j++)
            CHECK(memcmp(drawn[i], drawn[j], 64) != 0);
        for (int j = 0; j < 4096; j++)
            ones += __builtin_popcount(drawn[i][j]);
        /* 16384 expected, deviation 90: outside this once in 10^20. */
        CHECK(ones > 16384 - 900 && ones < 16384 + 900);
    }
    puts("random and different");

    CHECK(getrandom(drawn[0], 0, 0) == 0);
    CHECK_ERROR(getrandom(drawn[0], 1, 0x1000), EINVAL);
    CHECK_ERROR(getentropy(drawn[0], 257), EIO);
    puts("errors");
    return 0;
}
