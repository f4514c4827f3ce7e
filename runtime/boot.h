/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout of an image in its ELRANGE, and the boot page: what `cella pack` tells the runtime.
 * Shared by image/ (which writes it), host/ and tee/ (which read it) and runtime/ (which obeys it).
 *
 * All addresses are offsets in ELRANGE; ELRANGE starts at address 0 in every TEE, so they are
 * addresses too. Everything here is measured. Numbers are little-endian, bytes unless said.
 *
 *   0x00000000  trampoline page (R X): bytes 0..511 lead to runtime_syscall_entry
 *   0x00010000  boot page (R): struct boot_header; at most BOOT_PAGES pages
 *   0x00020000  runtime: text (R X), read-only data (R), data (R W)
 *   0x00200000  lowest address of a program
 *   ...         program segments, then out-of-line stubs (R X)
 *   ...         the agent's, if there is one, from a 2 MiB boundary: segments, then stubs
 *   ...         blob (R): the strings, file table and carried files that the boot page points to,
 *               then notes for people and tools (the runtime never reads those)
 *   ...         thread areas, one a TCS (below)
 *   ...         heap (R W, not added, zero at launch), from a 2 MiB boundary to a 2 MiB boundary
 *
 * A thread area is THREAD_PAGES pages:
 *   page 0 TCS, pages 1..2 SSA frames, page 3 never added (guard),
 *   pages 4..7 the runtime's stack for this thread, page 8 thread block (what %gs points to)
 *
 * Invariants:
 *   1. no page is both writable and executable;
 *   2. regions do not overlap, and rise in the order above;
 *   3. every offset and length in the boot page lies inside the region that it names.
 */
#ifndef RUNTIME_BOOT_H
#define RUNTIME_BOOT_H

#include <assert.h>
#include <stdint.h>

#define BOOT_MAGIC          UINT64_C(0x31414c4c4543) /* "CELLA1" */
#define BOOT_VERSION        1u

#define LAYOUT_PAGE         UINT64_C(0x1000)
#define LAYOUT_TRAMPOLINE   UINT64_C(0x0)
#define LAYOUT_BOOT         UINT64_C(0x10000)
#define LAYOUT_BOOT_PAGES   1u
#define LAYOUT_RUNTIME      UINT64_C(0x20000)
#define LAYOUT_PROGRAM_LOW  UINT64_C(0x200000)
#define LAYOUT_PROGRAM_PIE  UINT64_C(0x400000)    /* where a static-PIE program is put */
#define LAYOUT_PROGRAM_HIGH UINT64_C(0x100000000) /* programs end below 4 GiB */
#define LAYOUT_HEAP_ALIGN   UINT64_C(0x200000)

#define TRAMPOLINE_BYTES    512u /* syscall numbers 0..511 land in the trampoline */

#define THREAD_PAGES        9u
#define THREAD_PAGE_TCS     0u
#define THREAD_PAGE_SSA     1u
#define THREAD_SSA_FRAMES   2u
#define THREAD_PAGE_STACK   4u
#define THREAD_STACK_PAGES  4u
#define THREAD_PAGE_BLOCK   8u
#define THREAD_COUNT_MAX    64u
#define THREAD_COUNT        16u /* when the manifest does not say */

/* The heap comes in chunks: the first and the last are there at launch, others when the runtime
 * asks (RING_HEAP; SGX: EAUG). The last may be shorter. */
#define HEAP_CHUNK    (UINT64_C(64) << 20)

#define HEAP_SIZE     (UINT64_C(1) << 30) /* when the manifest does not say */
#define HEAP_SIZE_MIN (UINT64_C(16) << 20)
#define HEAP_SIZE_MAX (UINT64_C(1) << 40)
#define STACK_SIZE    (UINT64_C(8) << 20) /* of the first thread; taken from the heap's top */
#define AGENT_STACK   (UINT64_C(1) << 20) /* at most, of the agent's first thread */

enum boot_flags {
    BOOT_ARGUMENTS_HOST = 1u << 0,   /* argv comes from the (untrusted) caller */
    BOOT_ENVIRONMENT_HOST = 1u << 1, /* envp comes from the (untrusted) caller */
    BOOT_CLOCK = 1u << 2,            /* the host's wall clock may be asked */
    BOOT_NETWORK = 1u << 3,          /* sockets may be made */
    BOOT_STATISTICS = 1u << 4,       /* syscall counts are told to the host at the end */
    BOOT_ATTESTATION = 1u << 5,      /* there is /dev/attestation */
};

/* A stretch of the blob region: `offset` is an address in ELRANGE. */
struct boot_span {
    uint64_t offset;
    uint64_t size;
};

enum boot_file_kind {
    BOOT_FILE_MEASURED = 1, /* `content` is carried in the blob; read-only */
    BOOT_FILE_HASHED = 2,   /* on the host as handle `host_index`, bound by `sha256`; read-only */
    BOOT_FILE_MEMORY = 3,   /* a directory that lives in enclave memory, empty at launch */
    BOOT_FILE_PLAIN = 4,    /* a file or directory of the host, passed through */
    BOOT_FILE_BOX = 5,      /* a box of the host, or a directory of them */
};

enum boot_file_flags {
    BOOT_FILE_WRITABLE = 1u << 0,  /* plain, box: may be written */
    BOOT_FILE_DIRECTORY = 1u << 1, /* plain, box: a whole directory */
    BOOT_FILE_VERSION = 1u << 2,   /* box: only the version `sha256` */
};

/* One entry of the manifest's `files`. Paths are absolute, without "." ".." "//" or a final "/". */
struct boot_file {
    uint32_t kind;
    uint32_t flags;
    struct boot_span path;    /* no NUL */
    struct boot_span content; /* measured: the bytes; plain, hashed, box: the host's path, no NUL */
    uint64_t size;            /* hashed: exact size in bytes; memory: most bytes, 0 unlimited */
    uint8_t sha256[32];       /* hashed; box: its version */
    struct boot_span key;     /* box: the name of its key, no NUL */
};
static_assert(sizeof(struct boot_file) == 96, "boot_file is part of the image format");

struct boot_program {
    struct boot_span pages; /* lowest to highest page of its segments, gaps included */
    uint64_t entry;
    uint64_t headers; /* AT_PHDR */
    uint32_t header_count;
    uint32_t header_size;
};

struct boot_header {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;
    uint64_t elrange_size; /* power of two */

    struct boot_span runtime;
    uint64_t runtime_enter;   /* entry of every TCS */
    uint64_t runtime_syscall; /* where the trampoline leads */

    struct boot_program program;

    struct boot_span blob;
    struct boot_span arguments;   /* NUL-terminated strings, one after another */
    struct boot_span environment; /* the same, NAME=VALUE */
    struct boot_span files;       /* struct boot_file, 8-aligned */
    struct boot_span directory;   /* working directory, no NUL */
    struct boot_span sites;       /* where system calls are made, see boot_site_slot */
    struct boot_span notes;       /* see image/notes.h; never read by the runtime */

    uint64_t threads; /* first thread area */
    uint32_t thread_count;
    uint32_t reserved;

    struct boot_span heap;
    uint64_t stack_size;

    struct boot_span insecure_keys; /* as the environment, NAME=KEY in hexadecimal */

    struct boot_program agent; /* runs before the program; zeros: there is none */
    struct boot_span agent_arguments;
};
static_assert(sizeof(struct boot_header) == 320, "boot_header is part of the image format");

/* `sites` is an open-addressed table of uint32_t: the return addresses of the programs' rewritten
 * system calls (those in out-of-line stubs are not in it), 0 where empty, at most half full; a
 * power of two of places. A return address is looked for from this place on. */
static inline uint32_t boot_site_slot(uint32_t address, uint32_t places)
{
    return (address * UINT32_C(2654435769) >> 12) & (places - 1);
}

#endif
