/* SPDX-License-Identifier: Apache-2.0
 *
 * A quote against the key that signed it and the PCRs that it is of.
 */
#ifndef TPM_QUOTE_H
#define TPM_QUOTE_H

#include "structures.h"

/* Values of PCRs, as somebody gave them: true where tpm_quote_pcrs has said so. */
struct tpm_bank {
    const struct tpm_hash *hash;
    uint32_t given; /* bit n: PCR n */
    uint8_t values[TPM_PCRS][TPM_HASH_MOST];
};
struct tpm_pcrs {
    struct tpm_bank banks[TPM_BANKS];
    size_t count;
};

/* The bank, added where it is not there and there is room; NULL: there is none. */
struct tpm_bank *tpm_bank_add(struct tpm_pcrs *pcrs, const struct tpm_hash *hash);
const struct tpm_bank *tpm_bank_find(const struct tpm_pcrs *pcrs, const struct tpm_hash *hash);

/* True: `key` signed `message`. A signature of SHA-1 or MD5 never is good. */
bool tpm_quote_signed(const struct tpm_signature *signature, EVP_PKEY *key, const uint8_t *message,
                      size_t size);

/* Whether the quote is of exactly these PCRs; its digest is of the signature's hash. CELLA_INVALID:
 * one too many or one missing; CELLA_REFUSED: other values. */
cella_status tpm_quote_pcrs(const struct tpm_attest *attest, const struct tpm_hash *hash,
                            const struct tpm_pcrs *pcrs, cella_error *error);

#endif
