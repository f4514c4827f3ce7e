/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs of Linux's Integrity Measurement Architecture: which files were opened or run, in the order
 * in which the kernel extended PCR 10 (security/integrity/ima; Documentation/security/
 * IMA-templates.rst).
 *
 * What always holds: a log proves nothing by itself. Of the entries that ima_match has counted, all
 * was measured by the kernel, fields included; of the rest nothing is known. A path is what the
 * file was called in the mount namespace of whoever opened it.
 *
 * Text: PCR, template hash, template's name, fields. Binary, little-endian: PCR (4), template hash
 * (20), size (4) and name of the template, size (4) and fields of {size (4), bytes}; template
 * "ima": digest (20), size (4) and path instead. Fields: d-ng    "sha256:" NUL digest; text:
 * sha256:hex d-ngv2  "ima:sha256:" NUL digest, or "verity:sha256:" NUL digest n-ng    path NUL sig
 * 03, version (1), hash (1), key id (4), size (2), signature; or nothing buf     bytes
 */
#ifndef TPM_IMA_H
#define TPM_IMA_H

#include "quote.h"

#define IMA_PCR  10
#define IMA_MOST (32u << 20) /* bytes */

struct ima_entry {
    uint8_t template_hash[TPM_HASH_MOST]; /* as the log has it */
    size_t template_hash_size;            /* SHA-1: 20, always so in binary */
    bool violation;                       /* the kernel could not be sure: extended as ff */
    const uint8_t *data;                  /* what the template hash is of */
    size_t data_size;
    const char *algorithm; /* of the digest; "": of a violation that names none */
    const uint8_t *digest;
    size_t digest_size;
    const char *path; /* NUL-terminated */
    const uint8_t *signature, *buffer;
    size_t signature_size, buffer_size;
};

struct ima_log {
    struct ima_entry *entries;
    size_t count;
    uint8_t *storage;
};

/* Reads either form. CELLA_INVALID: malformed; CELLA_UNSUPPORTED: a template or a digest's
 * algorithm that is not known, an entry of another PCR. */
cella_status ima_read(const uint8_t *bytes, size_t size, struct ima_log *log, cella_error *error);
void ima_free(struct ima_log *log);
/* Whether the bytes look like a log in either form. */
bool ima_recognise(const uint8_t *bytes, size_t size);

/* Whether the entry's template hash is that of its fields; violations have none. */
bool ima_entry_good(const struct ima_entry *entry);

enum ima_extends {
    IMA_HASHED, /* each bank with its own hash of the fields: Linux 5.8 and later */
    IMA_PADDED, /* each bank with the SHA-1 (or 20 bytes of ff), and zeros */
};

/* PCR 10 of a bank after the first `count` entries. False: no memory. */
bool ima_replay(const struct ima_log *log, size_t count, const struct tpm_hash *bank,
                enum ima_extends extends, uint8_t pcr[TPM_HASH_MOST]);
/* How many entries lead to this PCR 10: a log may be longer than the quote. CELLA_REFUSED: no
 * number of them does. */
cella_status ima_match(const struct ima_log *log, const struct tpm_hash *bank,
                       const uint8_t pcr[TPM_HASH_MOST], size_t *count, enum ima_extends *extends,
                       cella_error *error);

/* The next entry of a file after `previous` (NULL: the first) among the first `count`; NULL: none.
 * A file that was changed is there more than once. */
const struct ima_entry *ima_find(const struct ima_log *log, size_t count, const char *path,
                                 const struct ima_entry *previous);

/* The first entry is of the PCRs 0 to 9 (before Linux 5.8: 0 to 7) as IMA found them when it
 * started. */
enum ima_boot {
    IMA_BOOT_UNKNOWN, /* it is of another bank than this, or not all of them are given */
    IMA_BOOT_SAME,
    IMA_BOOT_FIRMWARE, /* ... but of PCR 0 to 7 alone */
    IMA_BOOT_OTHER,    /* they were something else then: the TPM was reset since, or not the kernel
                        * but somebody else extended PCR 10 */
};
enum ima_boot ima_boot_aggregate(const struct ima_log *log, const struct tpm_bank *bank);

#endif
