/* SPDX-License-Identifier: Apache-2.0
 *
 * zlib: checksums, there and back at each level, in small pieces, a damaged stream, a gzip file.
 */
#include "check.h"
#include <zlib.h>

static unsigned char plain[1 << 20], packed[1 << 21], back[1 << 20];

int main(void)
{
    const char *path = scratch("zlib.gz");

    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (unsigned char)((i * i) >> (i % 13));
    printf("crc32 %08lx adler32 %08lx\n", crc32(0, plain, sizeof plain),
           adler32(1, plain, sizeof plain));
    for (int level = 0; level <= 9; level++) {
        uLongf size = sizeof packed, length = sizeof back;

        CHECK(compress2(packed, &size, plain, sizeof plain, level) == Z_OK);
        CHECK(uncompress(back, &length, packed, size) == Z_OK);
        CHECK(length == sizeof plain && memcmp(plain, back, length) == 0);
        printf("level %d: %lu bytes, crc32 %08lx\n", level, size, crc32(0, packed, (uInt)size));
        if (level == 9) {
            packed[size / 2] ^= 0xff;
            CHECK(uncompress(back, &length, packed, size) == Z_DATA_ERROR);
            puts("damage is found");
        }
    }

    gzFile file = gzopen(path, "wb6");
    CHECK(file != NULL);
    for (size_t done = 0; done < sizeof plain; done += 4096)
        CHECK(gzwrite(file, plain + done, 4096) == 4096);
    CHECK(gzclose(file) == Z_OK);
    file = gzopen(path, "rb");
    CHECK(file != NULL);
    memset(back, 0, sizeof back);
    size_t done = 0;
    for (int got; (got = gzread(file, back + done, 1000)) > 0;)
        done += (size_t)got;
    CHECK(done == sizeof plain && memcmp(plain, back, done) == 0);
    CHECK(gzclose(file) == Z_OK);
    CHECK(unlink(path) == 0);
    puts("a file there and back");
    return 0;
}
