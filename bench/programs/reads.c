/* SPDX-License-Identifier: Apache-2.0
 *
 * reads make FILE MIB: makes a file of so many MiB.
 * reads random FILE MIB: microseconds of a read of 4 KiB at random places of it, after one pass
 * that reads all of it.
 */
#include "measure.h"

#include <fcntl.h>
#include <unistd.h>

#define READS 40000

static char bytes[1 << 20];

static int make(const char *path, long size)
{
    int file = open(path, O_RDWR | O_CREAT, 0600);
    for (long i = 0; i < size; i++) {
        memset(bytes, (int)i, sizeof bytes);
        if (write(file, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
            return measure_failed("write");
    }
    return close(file) || measure_print((double)size);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return measure_failed("arguments");
    long size = atol(arguments[3]);
    if (strcmp(arguments[1], "make") == 0)
        return make(arguments[2], size);
    int file = open(arguments[2], O_RDONLY);
    for (long i = 0; i < size; i++) {
        if (pread(file, bytes, sizeof bytes, i << 20) != (ssize_t)sizeof bytes)
            return measure_failed("read");
    }
    unsigned long seed = 1;
    double began = measure_now();
    for (int i = 0; i < READS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        off_t block = (off_t)((seed >> 33) % ((unsigned long)size << 8));
        if (pread(file, bytes, 4096, block << 12) != 4096)
            return measure_failed("read");
    }
    return measure_print((measure_now() - began) / READS * 1e6);
}
