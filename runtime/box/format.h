/* SPDX-License-Identifier: Apache-2.0
 *
 * The box format, version 1: an encrypted, integrity-protected file with random access. Shared by
 * runtime/ (boxes of an unmodified program) and box/ (the tools); docs/box-format.md explains it.
 *
 * A box is pages of 4096 bytes; numbers are little-endian.
 *
 *   page 0..h-1     header (h = header_pages): who may open it
 *   page h, h+1     two superblock slots: what the content is; written in turn
 *   page h+2...     content: data blocks and the nodes of the tree over them, see below
 *   behind it       journal of a commit under way, where the superblock says so
 *
 * Every data block and every node is 4096 bytes under AES-256-GCM with the file key and a random
 * nonce of its own. Nonce and tag of a block stand in its leaf node (level 1), those of a node in
 * its parent, those of the root in the superblock: who knows the root knows which version of every
 * block is the right one.
 */
#ifndef RUNTIME_BOX_FORMAT_H
#define RUNTIME_BOX_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOX_PAGE          4096u
#define BOX_MAGIC         "CELLABOX"
#define BOX_VERSION       1u
#define BOX_CIPHER        1u  /* AES-256-GCM */
#define BOX_HEADER_PAGES  16u /* most */
#define BOX_KEY           32u
#define BOX_NONCE         12u
#define BOX_TAG           16u
#define BOX_ID            16u
#define BOX_NAME          255u
#define BOX_FANOUT        128u
#define BOX_LEVELS        5u /* most */
#define BOX_SIZE_MOST     (UINT64_C(1) << 46)
#define BOX_MESSAGES_MOST (UINT64_C(1) << 32) /* encryptions under one file key (random nonces) */
#define BOX_JOURNAL_MOST  65536u              /* pages of a journal's payload */

/* First byte of the additional data of each encryption: what it is for. */
#define BOX_FOR_HEADER 'H' /* 'H', then all of the header before its seal; no plaintext */
#define BOX_FOR_SUPER  'S' /* 'S', file id, slot (1 byte), struct box_super; no plaintext */
#define BOX_FOR_DATA   'D' /* 'D', file id, level 0 (1 byte), block index (8) */
#define BOX_FOR_NODE   'N' /* 'N', file id, level (1 byte), node index (8) */
#define BOX_FOR_KEY    'K' /* 'K', file id: a file key wrapped under another key */

struct box_seal {
    uint8_t nonce[BOX_NONCE];
    uint8_t tag[BOX_TAG];
};
static_assert(sizeof(struct box_seal) == 28, "part of the format");

/* The header. Behind the fixed part: the recipients' stanzas, zeros, and in the last 28 bytes of
 * the header's last page its struct box_seal, under the file key. */
struct box_header {
    char magic[8];
    uint16_t version, cipher;
    uint16_t header_pages;
    uint16_t recipients;     /* count of stanzas */
    uint8_t file_id[BOX_ID]; /* random */
    uint8_t key_id[BOX_ID];  /* of the file key, see below */
    uint32_t stanzas_size;   /* bytes of all stanzas */
    uint16_t name_size;      /* of the file name that was sealed */
    uint8_t zero[10];
    uint8_t name[256]; /* zeros behind it; no '/' and no NUL in it */
};
static_assert(sizeof(struct box_header) == 320, "part of the format");

/* Wipes what the compiler may not think away. */
static inline void box_wipe(void *bytes, size_t size)
{
    __builtin_memset(bytes, 0, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

typedef void box_sha256(const void *bytes, size_t size, uint8_t digest[32]);

/* key id = first 16 bytes of SHA-256("cella box key id" (16 bytes), key). */
static inline void box_key_id(box_sha256 *sha256, const uint8_t key[BOX_KEY], uint8_t id[BOX_ID])
{
    uint8_t text[16 + BOX_KEY], digest[32];
    __builtin_memcpy(text, "cella box key id", 16);
    __builtin_memcpy(text + 16, key, BOX_KEY);
    sha256(text, sizeof(text), digest);
    __builtin_memcpy(id, digest, BOX_ID);
    box_wipe(text, sizeof(text));
}

enum box_stanza_type {
    BOX_STANZA_X25519 = 1,     /* to a recipient's public key, by HPKE */
    BOX_STANZA_PASSPHRASE = 2, /* Argon2id */
    BOX_STANZA_KEY = 3,        /* under another 32-byte key */
    BOX_STANZA_FORMER = 4,     /* no recipient: the name before a rename that is under way */
};

struct box_stanza { /* each followed by `size` bytes, as below */
    uint16_t type;
    uint16_t size;
} __attribute__((packed)); /* at any address: a former name may be of odd length */

/* HPKE (RFC 9180) base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; info is
 * "cella box 1" and the file id, no additional data. */
struct box_stanza_x25519 {
    uint8_t recipient[32]; /* public key */
    uint8_t encapsulated[32];
    uint8_t wrapped[BOX_KEY + BOX_TAG];
};
static_assert(sizeof(struct box_stanza_x25519) == 112, "part of the format");

struct box_stanza_passphrase {
    uint8_t salt[16];
    uint32_t passes;      /* t, 1..64 */
    uint32_t memory_kib;  /* m, 8..4194304 */
    uint32_t lanes;       /* p, 1..16 */
    struct box_seal seal; /* of the file key, under Argon2id's 32 bytes */
    uint8_t wrapped[BOX_KEY];
};
static_assert(sizeof(struct box_stanza_passphrase) == 88, "part of the format");

struct box_stanza_key {
    uint8_t key_id[BOX_ID]; /* of the wrapping key */
    struct box_seal seal;
    uint8_t wrapped[BOX_KEY];
};
static_assert(sizeof(struct box_stanza_key) == 76, "part of the format");

/* BOX_STANZA_FORMER: 1..255 bytes, a name; at most one. The box answers to both names. */

enum box_super_flags {
    BOX_SUPER_WRITING =
        1u << 0, /* a writer has it open: what lies behind the content is left over */
};

/* A superblock slot: a struct box_seal, this, zeros. The valid slot of the higher sequence counts.
 */
struct box_super {
    uint64_t sequence;    /* 1, 2, ...: slot sequence % 2 */
    uint64_t generation;  /* counts commits; 1 when sealed */
    uint64_t size;        /* bytes of the content */
    struct box_seal root; /* zeros: no block was ever written */
    uint32_t flags;
    uint64_t journal_page;  /* first page of the journal, from the file's start; 0: none */
    uint64_t journal_count; /* pages of payload */
    uint64_t messages;      /* encryptions under this key so far, at least */
};
static_assert(sizeof(struct box_super) == 80, "part of the format");

/* The version of a box, in hexadecimal what a contract calls its digest:
 * SHA-256("cella box 1", file id, generation, size, root). It can be computed without the key. */
#define BOX_VERSION_PREFIX "cella box 1"

static inline void box_version_of(box_sha256 *sha256, const uint8_t file_id[BOX_ID],
                                  const struct box_super *super, uint8_t version[32])
{
    struct {
        uint8_t prefix[sizeof(BOX_VERSION_PREFIX) - 1], file_id[BOX_ID];
        uint64_t generation, size;
        struct box_seal root;
    } __attribute__((packed))
    text = {.generation = super->generation, .size = super->size, .root = super->root};
    static_assert(sizeof(text) == 71, "part of the format");
    __builtin_memcpy(text.prefix, BOX_VERSION_PREFIX, sizeof(text.prefix));
    __builtin_memcpy(text.file_id, file_id, BOX_ID);
    sha256(&text, sizeof(text), version);
}

/* An entry of a node. All zeros: a hole (zeros below it). */
struct box_entry {
    struct box_seal seal;
    uint32_t zero;
};
static_assert(sizeof(struct box_entry) * BOX_FANOUT == BOX_PAGE, "part of the format");

/* The journal: ceil(8 * count / 4096) pages of target page numbers (from the file's start, 8 bytes
 * each, zeros behind), then `count` pages for them. A commit is: journal, sync, superblock, sync,
 * the pages in their places, sync. */

/* ---- where things lie: page numbers from the start of the content ----
 *
 * Node j of level k stands before the first data block below it; node 0 of level k >= 2 before
 * block 128^(k-1), the first for which one node of the level below is not enough. Where several
 * stand before a block, those of higher levels come first. So a box only grows at its end, every
 * node that is in the tree has its place in front of that end, and a small box has one node. */

/* Blocks below one node of a level (level 0: 1). */
static inline uint64_t box_span(unsigned level)
{
    return UINT64_C(1) << 7 * level;
}

static inline uint64_t box_blocks(uint64_t size)
{
    return size / BOX_PAGE + (size % BOX_PAGE != 0);
}

/* Levels of nodes over `blocks` blocks: 0 for none. */
static inline unsigned box_levels(uint64_t blocks)
{
    unsigned level = 0;
    if (blocks)
        for (level = 1; box_span(level) < blocks;)
            level++;
    return level;
}

static inline uint64_t box_place_data(uint64_t block)
{
    uint64_t place = block + block / BOX_FANOUT + 1;
    for (unsigned level = 2; level <= BOX_LEVELS && block >= box_span(level - 1); level++)
        place += block / box_span(level) + 1;
    return place;
}

static inline uint64_t box_place_node(unsigned level, uint64_t index)
{
    uint64_t first = index ? index * box_span(level) : level > 1 ? box_span(level - 1) : 0;
    return box_place_data(first) - level;
}

/* Pages of the content. */
static inline uint64_t box_pages(uint64_t blocks)
{
    return blocks ? box_place_data(blocks - 1) + 1 : 0;
}

/* Of the content that begins at page `base`, the first block that is not in a file of so many
 * pages. */
static inline uint64_t box_first_missing(uint64_t base, uint64_t size, uint64_t pages)
{
    uint64_t low = 0, high = box_blocks(size);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (base + box_place_data(middle) < pages)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Can a superblock say that? No writer gets beyond these messages; and no sum of it overflows. */
static inline bool box_super_is_sound(const struct box_super *super, uint64_t base)
{
    return super->size <= BOX_SIZE_MOST && !(super->flags & ~(uint32_t)BOX_SUPER_WRITING) &&
           super->journal_count <= BOX_JOURNAL_MOST && super->journal_page <= BOX_SIZE_MOST &&
           super->messages <= 2 * BOX_MESSAGES_MOST &&
           (!super->journal_count ||
            ((super->flags & BOX_SUPER_WRITING) &&
             super->journal_page >= base + box_pages(box_blocks(super->size))));
}

#endif
