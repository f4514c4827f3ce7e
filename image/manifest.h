/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest: what a program may have. JSON; docs/manifest.schema.json is its schema. Unknown
 * keys, wrong types, duplicate keys and values out of range are errors that name the key.
 *
 * {
 *   "cella": 1,                                   version of the format, required
 *   "arguments": ["program", "-x"] | "host",      argv, argv[0] included; default: the command line
 *   "environment": {"NAME": "VALUE"} | "host",    default: empty
 *   "working_directory": "/",
 *   "heap_size": "1G" | 1073741824,               bytes; suffixes K M G T are powers of 1024
 *   "threads": 16,                                TCS count, 1..64
 *   "clock": true,                                the host's wall clock may be asked
 *   "network": false,                             sockets may be made
 *   "statistics": true,                           syscall counts are told to the host
 *   "attestation": false,                         there is /dev/attestation
 *   "agent": "PATH",                              a static-PIE program that runs before this one
 *   "agent_arguments": ["-x"],                    its argv[1] and on; argv[0] is its file's name
 *   "files": [
 *     {"path": "/etc/x", "kind": "measured", "source": "x"},               carried in the image
 *     {"path": "/big",   "kind": "measured", "source": "big", "carry": false},  bound by its
 * SHA-256
 *     {"path": "/work",  "kind": "memory", "size": "256M"},                a directory
 *     {"path": "/data",  "kind": "plain", "source": "dir", "directory": true, "writable": true},
 *     {"path": "/boxes", "kind": "box", "source": "dir", "directory": true, "writable": true,
 *      "key": "NAME"},                                                     a box a file
 *     {"path": "/x.csv", "kind": "box", "source": "x.box", "key": "NAME", "version": "HEX"}
 *   ]
 * }
 * A relative `source` or `agent` is relative to the manifest's folder. `/tmp` is a memory directory
 * unless the manifest names it. "insecure_keys": {"NAME": "HEX"} are keys for boxes, in the clear.
 */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manifest_file {
    char *path;
    char
        *source; /* as written; NULL for memory. Plain and hashed ones are looked for at run time */
    char *resolved;      /* as the manifest's folder resolves it: what is read when packing */
    uint32_t kind;       /* enum boot_file_kind */
    uint32_t flags;      /* enum boot_file_flags */
    uint64_t size;       /* memory: most bytes, 0 unlimited */
    char *key;           /* box: the name of its key */
    uint8_t version[32]; /* box, with BOOT_FILE_VERSION */
};

struct manifest {
    char **arguments; /* NULL: none given; else NULL-terminated */
    bool arguments_host;
    char **environment; /* NULL-terminated NAME=VALUE, sorted; NULL: empty */
    bool environment_host;
    char **insecure_keys; /* NULL-terminated NAME=KEY, sorted; NULL: empty */
    char *working_directory;
    uint64_t heap_size;
    uint32_t threads;
    bool clock, network, statistics, attestation;
    char *agent;                 /* as written; NULL: there is none */
    char *agent_resolved;        /* as the manifest's folder resolves it */
    char **agent_arguments;      /* NULL-terminated; NULL: none */
    struct manifest_file *files; /* sorted by path */
    size_t file_count;
};

/* The manifest of a program that has none. */
cella_status manifest_default(struct manifest **manifest, cella_error *error);
cella_status manifest_open(const char *path, struct manifest **manifest, cella_error *error);
/* `folder` resolves relative sources; `name` is used in errors. */
cella_status manifest_parse(const char *text, size_t size, const char *folder, const char *name,
                            struct manifest **manifest, cella_error *error);
/* Sets argv (copied): UTF-8, since it becomes part of the manifest's text. */
cella_status manifest_set_arguments(struct manifest *manifest, char *const arguments[],
                                    cella_error *error);
/* Canonical JSON (sorted keys, no spaces), the caller's to free; NULL: no memory. */
char *manifest_text(const struct manifest *manifest);
void manifest_free(struct manifest *manifest);

#endif
