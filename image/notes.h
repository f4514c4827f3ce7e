/* SPDX-License-Identifier: Apache-2.0
 *
 * The notes of an image: what people and tools want to know of it and the runtime does not. They
 * lie in the blob region and are measured. Layout: struct notes_header, the sites, the functions,
 * the strings. A string is named by its offset in the strings and ends with a NUL; offset 0 is "".
 */
#ifndef IMAGE_NOTES_H
#define IMAGE_NOTES_H

#include "functions.h"
#include "rewrite.h"

#define NOTES_MAGIC UINT64_C(0x315345544f4e4c43) /* "CLNOTES1" */

struct notes_header {
    uint64_t magic;
    uint32_t site_count;
    uint32_t function_count;
    uint32_t strings_size;
    uint32_t left_alone;
    uint32_t program;  /* string */
    uint32_t manifest; /* string */
};
static_assert(sizeof(struct notes_header) == 32, "notes_header is part of the image format");

struct notes_site {
    uint32_t address;
    uint32_t kind;     /* enum image_site_kind */
    uint32_t function; /* string */
};
static_assert(sizeof(struct notes_site) == 12, "notes_site is part of the image format");

struct notes_function { /* rising addresses */
    uint32_t address;
    uint32_t size;
    uint32_t name; /* string */
};
static_assert(sizeof(struct notes_function) == 12, "notes_function is part of the image format");

/* The notes' bytes, the caller's to free. */
cella_status notes_make(const char *program, const char *manifest,
                        const struct functions *functions, const struct rewrite *rewrite,
                        uint8_t **bytes, size_t *size, cella_error *error);
/* Checks hostile bytes. */
cella_status notes_parse(const uint8_t *bytes, size_t size, struct image_notes *notes,
                         cella_error *error);

#endif
