/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes with random access: read, write, truncate, commit. Freestanding; compiled into the runtime
 * and into libcella. One thread at a time uses a box.
 *
 * What must always hold:
 *   1. A byte is given out only after its block has been authenticated, by the seal that the tree
 *      under the root of this opening has for it.
 *   2. The file always holds the last committed state: the journal protocol of format.h. Nothing
 *      is written in place before the superblock that says so has been synced.
 *   3. After a fault nothing more is written.
 *   4. Keys and plaintext are wiped before their memory is given back.
 */
#ifndef RUNTIME_BOX_CORE_H
#define RUNTIME_BOX_CORE_H

#include "format.h"

enum box_fault_kind {
    BOX_FAULT_NONE = 0,
    BOX_FAULT_INPUT_OUTPUT = 1, /* the host could not read, write or sync */
    BOX_FAULT_MEMORY = 2,
    BOX_FAULT_MALFORMED = 3,    /* no box, or one with fields that cannot be */
    BOX_FAULT_KEY = 4,          /* the header has no place for this key */
    BOX_FAULT_HEADER = 5,       /* altered */
    BOX_FAULT_OTHER_HEADER = 6, /* authentic, but neither superblock is of this box */
    BOX_FAULT_NAME = 7,         /* the header is of a box of another name */
    BOX_FAULT_BLOCK = 8,        /* altered, moved, older, or from another file */
    BOX_FAULT_NODE = 9,         /* the same, of a node of the tree over `block` and more */
    BOX_FAULT_TRUNCATED = 10,   /* `block` is the first one that is missing */
    BOX_FAULT_EXTENDED = 11,    /* bytes behind the content */
    BOX_FAULT_VERSION = 12,     /* not the version that is expected */
    BOX_FAULT_MESSAGES = 13,    /* the key has encrypted BOX_MESSAGES_MOST times */
    BOX_FAULT_PROCESSOR = 14,   /* no AES, PCLMULQDQ, AVX or MOVBE */
    BOX_FAULT_NO_KEY = 15,      /* the runtime has no key of the name in the manifest */
    BOX_FAULT_KINDS             /* how many there are */
};

struct box_fault {
    enum box_fault_kind kind;
    uint64_t block;
};

/* What the core stands on. */
struct box_services {
    void *(*allocate)(size_t size);             /* zeroed, 16-aligned; NULL: no memory */
    void (*release)(void *memory, size_t size); /* what allocate gave; it has been wiped */
    void (*random)(void *bytes, size_t size);
    box_sha256 *sha256;
    /* A key made ready for AES-256-GCM, NULL: no memory; key_end wipes it. */
    void *(*key_begin)(const uint8_t key[BOX_KEY]);
    void (*key_end)(void *key);
    /* `from` may be `to`. seal takes the nonce from `seal` and puts the tag there; where open
     * fails, `to` holds nothing that was decrypted. */
    bool (*seal)(void *key, struct box_seal *seal, const void *additional, size_t additional_size,
                 const void *from, void *to, size_t size);
    bool (*open)(void *key, const struct box_seal *seal, const void *additional,
                 size_t additional_size, const void *from, void *to, size_t size);
};

/* The file on the host. False: it could not, or not wholly. */
struct box_file {
    void *context;
    bool (*read)(void *context, uint64_t offset, void *bytes, size_t size);
    bool (*write)(void *context, uint64_t offset, const void *bytes, size_t size);
    bool (*size)(void *context, uint64_t *size);
    bool (*truncate)(void *context, uint64_t size);
    bool (*sync)(void *context);
};

struct box_opening {
    const struct box_services *services;
    struct box_file file;
    const uint8_t *key;     /* BOX_KEY bytes: the file key, or one that a stanza wraps it under */
    const uint8_t *version; /* 32 bytes; NULL: any */
    const char *name;       /* that the header must have; NULL: any */
    size_t name_size;
    bool writable;
    uint32_t cache_pages; /* most of data, and most of nodes; at least BOX_CACHE_LEAST */
};

#define BOX_CACHE_LEAST 96u

struct box;

/* NULL: *fault says why. */
struct box *box_open(const struct box_opening *opening, struct box_fault *fault);
/* Makes an empty box in an empty file, of opening->name (NULL: ""). `wrapped`: with a random file
 * key, in a stanza under opening->key; else that is the file key. */
struct box *box_create(const struct box_opening *opening, bool wrapped, struct box_fault *fault);
/* Commits what has changed, unless there was a fault, and gives everything back. */
struct box_fault box_close(struct box *box);

/* The bytes done (fewer at the end of the content), or -1: box_fault. */
int64_t box_read(struct box *box, uint64_t offset, void *bytes, size_t size);
/* Beyond BOX_SIZE_MOST the caller does not write. False: box_fault. */
bool box_write(struct box *box, uint64_t offset, const void *bytes, size_t size);
bool box_truncate(struct box *box, uint64_t size);
bool box_commit(struct box *box);
/* Rewrites the header with another name; `former` (NULL: none) is one that it answers to as well,
 * so that a rename may be interrupted between the header and the host's directory. */
bool box_rename(struct box *box, const char *name, size_t size, const char *former,
                size_t former_size);

uint64_t box_size(const struct box *box);
/* BOX_ID random bytes, the same for as long as the box exists. */
const uint8_t *box_id(const struct box *box);
struct box_fault box_fault(const struct box *box);
/* Of the last commit. */
void box_version(const struct box *box, uint8_t digest[32]);

/* ---- fault.c, libcella only: one sentence, of a box that people know as `name` ---- */
void box_fault_sentence(struct box_fault fault, const char *name, char *sentence, size_t size);

#endif
