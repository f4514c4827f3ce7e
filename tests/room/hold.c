/* SPDX-License-Identifier: Apache-2.0
 *
 * A room's program that waits until the host takes /room/hold away, then copies /inputs/north_data
 * to /results/common. So a host has time to change boxes behind the agent's back. Before, it sees
 * that the input's key, which is for one version, makes no box.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int makes(const char *path)
{
    return open(path, O_RDWR | O_CREAT, 0600) >= 0 || errno != EIO;
}

int main(void)
{
    char bytes[4096];
    if (makes("/bound/one") || makes("/bound/many/one"))
        return 6;
    while (access("/room/hold", F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    FILE *from = fopen("/inputs/north_data", "r"), *to = fopen("/results/common", "w");
    if (!from || !to)
        return 5;
    size_t size = fread(bytes, 1, sizeof(bytes), from);
    return ferror(from) || fwrite(bytes, 1, size, to) != size || fclose(to);
}
