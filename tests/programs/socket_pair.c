/* SPDX-License-Identifier: Apache-2.0
 *
 * socketpair: both directions, shutdown, end of file.
 */
#include "check.h"
#include <sys/socket.h>

int main(void)
{
    int ends[2];
    char text[16];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(write(ends[0], "there", 5) == 5);
    CHECK(send(ends[1], "back", 4, MSG_NOSIGNAL) == 4);
    CHECK(read(ends[1], text, sizeof text) == 5);
    CHECK(recv(ends[0], text, sizeof text, 0) == 4);
    CHECK(shutdown(ends[0], SHUT_WR) == 0);
    CHECK(read(ends[1], text, sizeof text) == 0);
    CHECK_ERROR(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    puts("socket pair");
    return 0;
}
