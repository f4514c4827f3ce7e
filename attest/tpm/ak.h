/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys, and certificates of them: a TPM has the same ones for all its quotes, and to
 * take one apart costs more than to verify by it. So they are remembered.
 */
#ifndef TPM_AK_H
#define TPM_AK_H

#include "attest/x509.h"
#include "structures.h"

/* Counts its references. */
struct tpm_ak {
    unsigned references;
    EVP_PKEY *key;       /* one that is taken (tpm_key_taken) */
    uint8_t sha256[32];  /* of its SubjectPublicKeyInfo in DER */
    bool has_attributes; /* it was read from a public area */
    uint32_t attributes;
    uint8_t name[TPM_NAME_MOST];
    size_t name_size;
};

/* What a key was read from. */
enum tpm_ak_source { TPM_AK_PUBLIC, TPM_AK_CERTIFIED, TPM_AK_HCL, TPM_AK_SOURCES };

/* `from`: SHA-256 of the bytes that it was read from. NULL: not remembered. */
struct tpm_ak *tpm_ak_find(struct cache *cache, enum tpm_ak_source source, const uint8_t from[32]);
/* Remembers a key: with the SHA-256 of its SubjectPublicKeyInfo where that is known, and of a
 * public area or not (NULL each). NULL: none that is taken, or no memory. */
struct tpm_ak *tpm_ak_add(struct cache *cache, enum tpm_ak_source source, const uint8_t from[32],
                          EVP_PKEY *key, const uint8_t sha256[32], const struct tpm_public *public);
void tpm_ak_drop(struct tpm_ak *ak); /* NULL is let pass */

/* Of these bytes, in PEM or DER (as an NV index has it: zeros or ff may follow), the one
 * certificate; NULL: none, or more. */
struct x509 *tpm_certificate(struct cache *cache, const uint8_t *bytes, size_t size);

#endif
