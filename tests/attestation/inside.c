/* SPDX-License-Identifier: Apache-2.0
 *
 * inside WHAT: what a program does at /dev/attestation.
 *   quote [DIGITS]  prints attestation_type, a line end, and the evidence for "for whom it is", or
 *                   for these bytes
 *   none            there is no evidence: attestation_type says so, quote is EIO
 */
#include "../programs/check.h"

#include <fcntl.h>

static ssize_t read_file(const char *path, char *bytes, size_t size)
{
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t length = read(fd, bytes, size);
    CHECK(length > 0 && close(fd) == 0);
    return length;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK(write(fd, bytes, size) == (ssize_t)size);
    CHECK(close(fd) == 0);
}

/* The bytes of hexadecimal digits, at most 64. */
static size_t read_digits(const char *digits, char *bytes)
{
    size_t size = strlen(digits) / 2;
    CHECK(size <= 64);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        CHECK(sscanf(digits + 2 * i, "%2x", &byte) == 1);
        bytes[i] = (char)byte;
    }
    return size;
}

int main(int argc, char **argv)
{
    static char bytes[1 << 20], purpose[64] = "for whom it is";
    size_t purpose_size = sizeof("for whom it is");
    CHECK(argc == 2 || argc == 3);
    if (argc == 3)
        purpose_size = read_digits(argv[2], purpose);
    ssize_t length = read_file("/dev/attestation/attestation_type", bytes, sizeof(bytes));
    printf("%.*s\n", (int)length, bytes);
    write_file("/dev/attestation/user_report_data", purpose, purpose_size);
    if (strcmp(argv[1], "none") == 0) {
        CHECK_ERROR(open("/dev/attestation/quote", O_RDONLY), EIO);
        return 0;
    }
    length = read_file("/dev/attestation/quote", bytes, sizeof(bytes));
    CHECK(fwrite(bytes, 1, (size_t)length, stdout) == (size_t)length);
    return 0;
}
