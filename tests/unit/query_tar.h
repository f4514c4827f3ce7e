/* SPDX-License-Identifier: Apache-2.0
 *
 * PLINK's three files in a tar, for tests.
 */
#ifndef QUERY_TAR_H
#define QUERY_TAR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tar {
    char bytes[16384];
    size_t size;
};

static inline void seal(char *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
}

static inline char *add(struct tar *tar, const char *name, const void *content, size_t size)
{
    char *header = tar->bytes + tar->size;
    snprintf(header, 100, "%s", name);
    snprintf(header + 124, 12, "%011o", (unsigned)size & 0xffffff);
    header[156] = '0';
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    seal(header);
    memcpy(header + 512, content, size);
    tar->size += 512 + (size + 511) / 512 * 512;
    return header;
}

static inline struct tar *make(const char *bed, size_t bed_size, const char *bim, const char *fam)
{
    struct tar *tar = calloc(1, sizeof(*tar));
    add(tar, "north.bed", bed, bed_size);
    add(tar, "north.bim", bim, strlen(bim));
    add(tar, "north.fam", fam, strlen(fam));
    tar->size += 1024;
    return tar;
}

#endif
