/* SPDX-License-Identifier: Apache-2.0
 *
 * What a TPM says beside vsm evidence ("tpm" in docs/room-protocol.md): a quote by the attestation
 * key that the platform's certificate is of, over the PCRs of what was booted and run, and over the
 * session key that signs the evidence; with the logs that lead to those PCRs.
 *
 * What always holds: of a log nothing counts unless it leads to the PCRs that were quoted, and of
 * an event nothing counts but what hashes to its digest.
 */
#ifndef ATTEST_VSM_TPM_H
#define ATTEST_VSM_TPM_H

#include "cbor.h"
#include "tpm/eventlog.h"
#include "tpm/ima.h"

#include <cella/attest.h>

/* Firmware and its settings, boot loader, kernel, command line (0 to 9), IMA (10), the keys of the
 * machine's owner (14). */
#define VSM_TPM_PCRS    0x47ffu
#define VSM_TPM_COUNT   12
#define VSM_TPM_SESSION "cella session 1" /* and its NUL: hashed before the session key */

struct vsm_tpm {
    struct cbor_item events, ima, digests;
    struct tpm_pcrs pcrs;
    uint8_t key[32]; /* SHA-256 of the attestation key's SubjectPublicKeyInfo */
    uint32_t resets, restarts;
};

/* What the quote is over beside the PCRs: SHA-256 of VSM_TPM_SESSION and the key's
 * SubjectPublicKeyInfo. */
cella_status vsm_tpm_qualify(const uint8_t *key, size_t size, uint8_t qualifying[32],
                             cella_error *error);

/* Reads and judges the quote. On CELLA_OK *session is the key that has to have signed the evidence,
 * the caller's to free. */
cella_status vsm_tpm_quote(const struct cbor_item *map, EVP_PKEY *attestation_key,
                           struct vsm_tpm *tpm, EVP_PKEY **session, cella_refusal *refusal,
                           cella_error *error);

/* What an entry of IMA's log extended. False: no memory. */
bool vsm_tpm_entry(const struct ima_entry *entry, uint8_t digest[32]);

/* Judges the logs, adds what they say to the claims, and marks the claims that follow from them. */
cella_status vsm_tpm_prove(const struct vsm_tpm *tpm, const cella_verify_options *options,
                           cella_claims *claims, cella_refusal *refusal, cella_error *error);

/* ---- vsm_boot.c ---- */

/* What was booted, where the log's PCRs are those that were quoted. */
struct vsm_boot {
    bool secure_boot; /* of the firmware, and the shim heeded it */
    size_t authority_count;
    uint8_t authorities[CELLA_BOOT_IMAGES][32]; /* SHA-256 of the certificates that vouched */
    /* The kernel's command line, if it is known to be the only one: GRUB's, without the kernel's
     * path; "" otherwise. */
    char line[CELLA_COMMAND_LINE + 1];
    size_t image_count; /* programs that the firmware, the shim and GRUB started or verified */
    uint8_t images[CELLA_BOOT_IMAGES][32]; /* Authenticode's SHA-256, in that order */
};
cella_status vsm_boot_read(const struct eventlog *log, struct vsm_boot *boot, cella_error *error);

/* ---- vsm_parameters.c ---- */

/* True: a word of the line may undo what others do. `parameter` is the first, cut off at `size`. */
bool vsm_boot_unknown(const struct vsm_boot *boot, char *parameter, size_t size);
/* Whether the kernel was told this, once: "lockdown=confidentiality", and nothing unknown. */
bool vsm_boot_told(const struct vsm_boot *boot, const char *parameter);
/* Whether this security module is in the kernel's list, if there is one on the command line; and
 * nothing unknown is. */
bool vsm_boot_has_module(const struct vsm_boot *boot, const char *module);

#endif
