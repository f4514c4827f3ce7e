/* SPDX-License-Identifier: Apache-2.0
 *
 * Authenticode's hash.
 */
#include "authenticode.h"

#include "attest/reader.h"
#include "image/fail.h"

#include <cella/verify.h>

#include <openssl/evp.h>
#include <stdlib.h>

#define PE_HEADER     24 /* bytes before the optional header */
#define DIRECTORY     4  /* of signatures */
#define SECTIONS_MOST 96 /* Windows' own limit */

struct range {
    uint64_t at, size;
};

struct pe {
    const uint8_t *bytes;
    size_t size;
    size_t checksum, directory; /* offsets; directory 0: none */
    size_t headers;             /* bytes */
    struct range sections[SECTIONS_MOST];
    size_t count;
    uint64_t signatures; /* bytes, at the file's end */
};

static uint64_t number(const struct pe *pe, size_t at, size_t size)
{
    return little_endian(pe->bytes + at, size);
}

static int by_place(const void *a, const void *b)
{
    const struct range *one = a, *other = b;
    return (one->at > other->at) - (one->at < other->at);
}

/* Those with no bytes in the file are left out. */
static bool read_sections(struct pe *pe, size_t at, size_t count)
{
    if (count > SECTIONS_MOST || pe->size < at || (pe->size - at) / 40 < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct range section = {number(pe, at + 40 * i + 20, 4), number(pe, at + 40 * i + 16, 4)};
        if (section.size == 0)
            continue;
        if (section.at > pe->size || section.size > pe->size - section.at)
            return false;
        pe->sections[pe->count++] = section;
    }
    qsort(pe->sections, pe->count, sizeof(pe->sections[0]), by_place);
    return true;
}

/* All offsets are of 32 bits, and checked before they are used. */
static bool read_pe(const uint8_t *bytes, size_t size, struct pe *pe)
{
    *pe = (struct pe){.bytes = bytes, .size = size};
    if (size < 0x40 || number(pe, 0, 2) != 0x5a4d)
        return false;
    size_t at = (size_t)number(pe, 0x3c, 4);
    if (at > size || size - at < PE_HEADER + 96 || number(pe, at, 4) != 0x4550)
        return false;
    size_t optional = at + PE_HEADER, optional_size = (size_t)number(pe, at + 20, 2);
    uint64_t magic = number(pe, optional, 2);
    size_t directories = magic == 0x20b ? 112 : 96;
    if ((magic != 0x10b && magic != 0x20b) || optional_size < directories ||
        optional_size > size - optional)
        return false;
    pe->checksum = optional + 64;
    pe->headers = (size_t)number(pe, optional + 60, 4);
    if (number(pe, optional + directories - 4, 4) > DIRECTORY &&
        optional_size >= directories + 8 * (DIRECTORY + 1)) {
        pe->directory = optional + directories + 8 * DIRECTORY;
        pe->signatures = number(pe, pe->directory + 4, 4);
    }
    return pe->headers <= size && pe->headers >= optional + optional_size &&
           read_sections(pe, optional + optional_size, (size_t)number(pe, at + 6, 2));
}

static bool add(EVP_MD_CTX *hash, const struct pe *pe, uint64_t from, uint64_t to)
{
    return EVP_DigestUpdate(hash, pe->bytes + from, (size_t)(to - from)) == 1;
}

static bool add_headers(EVP_MD_CTX *hash, const struct pe *pe)
{
    size_t from = pe->checksum + 4;
    bool good = add(hash, pe, 0, pe->checksum);
    if (pe->directory) {
        good = good && add(hash, pe, from, pe->directory);
        from = pe->directory + 8;
    }
    return good && add(hash, pe, from, pe->headers);
}

/* What comes behind the sections counts, but for the signatures. */
static bool add_rest(EVP_MD_CTX *hash, const struct pe *pe, uint64_t hashed)
{
    if (hashed >= pe->size)
        return hashed == pe->size && pe->signatures == 0;
    return pe->signatures <= pe->size - hashed && add(hash, pe, hashed, pe->size - pe->signatures);
}

cella_status authenticode_digest(const uint8_t *bytes, size_t size, uint8_t sha256[32],
                                 cella_error *error)
{
    struct pe pe;
    if (!read_pe(bytes, size, &pe))
        return fail(error, CELLA_INVALID, "a program that firmware starts is wanted: a PE file");
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint64_t hashed = pe.headers;
    bool good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && add_headers(hash, &pe);
    for (size_t i = 0; good && i < pe.count; i++) {
        good = add(hash, &pe, pe.sections[i].at, pe.sections[i].at + pe.sections[i].size);
        hashed += pe.sections[i].size;
    }
    good = good && add_rest(hash, &pe, hashed) && EVP_DigestFinal_ex(hash, sha256, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return good ? CELLA_OK
                : fail(error, CELLA_INVALID,
                       "a PE file that ends before its parts do, or has parts that overlap");
}

cella_status cella_boot_image_digest(const uint8_t *bytes, size_t size, uint8_t sha256[32],
                                     cella_error *error)
{
    return authenticode_digest(bytes, size, sha256, error);
}
