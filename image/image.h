/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs into images. An image is a canonical SGXS stream (shared/sgx-facts.md section 7, the
 * format of fortanix/rust-sgx): one ECREATE, then EADD records at rising offsets, each followed by
 * the EEXTEND records of its page (all 16). Its SHA-256 is MRENCLAVE (Intel SDM vol. 3D, ECREATE,
 * EADD, EEXTEND).
 *
 * Packing: ELF -> program (elf.h) -> sites rewritten (rewrite.h) -> layout (boot.h) -> SGXS.
 * Reading: SGXS bytes -> struct image, every field checked; hostile bytes give an error, never
 * more.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../runtime/boot.h"
#include "manifest.h"

struct image_page {
    uint64_t offset;     /* in ELRANGE */
    uint64_t flags;      /* SECINFO.FLAGS, see tee.h */
    const uint8_t *data; /* 16 chunks of 256 bytes, `IMAGE_CHUNK_STRIDE` apart in the stream */
};

#define IMAGE_RECORD       64u
#define IMAGE_CHUNK        256u
#define IMAGE_CHUNK_STRIDE (IMAGE_RECORD + IMAGE_CHUNK)
#define IMAGE_CHUNKS       16u

struct image {
    uint8_t *bytes; /* the whole stream, owned */
    size_t size;
    uint64_t elrange_size;
    uint32_t ssa_frame_size;
    struct image_page *pages; /* rising, owned */
    size_t page_count;
    struct boot_header boot; /* checked copy */
};

/* A place in the program where a `syscall` was. */
enum image_site_kind {
    IMAGE_SITE_CALL = 1, /* rewritten in place to call *%rax */
    IMAGE_SITE_STUB = 2, /* rewritten to a jump to an out-of-line stub */
};

struct image_site {
    uint64_t address;
    enum image_site_kind kind;
    const char *function; /* "" where the program has no symbols */
};

struct image_function {
    uint64_t address;
    uint64_t size;
    const char *name;
};

/* What the notes of an image say; pointers into `image`-independent memory owned by this struct. */
struct image_notes {
    struct image_site *sites;
    size_t site_count;
    struct image_function *functions; /* rising addresses */
    size_t function_count;
    size_t left_alone; /* byte pairs like a system call that are part of something else */
    char *manifest;    /* JSON, canonical */
    char *program;     /* file name of the program that was packed */
    void *storage;
};

/* Reads and checks an image; `path` names it in errors. On success *image is the caller's. */
cella_status image_open(const char *path, struct image **image, cella_error *error);
/* The same for bytes in memory (copied); `name` is used in errors. */
cella_status image_parse(const void *bytes, size_t size, const char *name, struct image **image,
                         cella_error *error);
void image_free(struct image *image);

/* MRENCLAVE: the SHA-256 of the stream. A TEE that loads the image computes it too, from what it
 * really added, so nobody who only runs an image needs this. */
cella_status image_measure(const struct image *image, uint8_t mrenclave[32], cella_error *error);

/* Copies the 4096 bytes of a page out of the stream. */
void image_page_read(const struct image_page *page, uint8_t bytes[4096]);
/* Copies `size` bytes at `offset` of ELRANGE; false where a page of them was not added. */
bool image_read(const struct image *image, uint64_t offset, void *bytes, size_t size);

cella_status image_notes_read(const struct image *image, struct image_notes *notes,
                              cella_error *error);
void image_notes_free(struct image_notes *notes);
/* The function that holds `address`, or NULL. */
const struct image_function *image_function_at(const struct image_notes *notes, uint64_t address);

/* Packs `program` (an ELF file's path) with `manifest` into a stream, which the caller frees.
 * The same inputs give the same bytes. */
cella_status image_pack(const char *program, const struct manifest *manifest, uint8_t **bytes,
                        size_t *size, cella_error *error);

/* True when the file starts like an SGXS stream; false for anything else. */
bool image_is_sgxs(const char *path);

#endif
