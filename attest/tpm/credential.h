/* SPDX-License-Identifier: Apache-2.0
 *
 * Endorsement keys, of which a TPM's maker gives a certificate, and what is sealed to one of them
 * so that only that TPM opens it, and only if it holds a certain attestation key: the computation
 * of TPM2_MakeCredential (TPM 2.0 Library, part 1, section 24 "Credential protection";
 * KDFa: 11.4.10 "Key derivation function"; secret sharing: annexes B.10.3 and C.6.3), in software.
 *
 * What always holds: that a key is an endorsement key is the maker's word alone. Of a machine's
 * word only the attestation key's public area is used, and what opens is bound to its name.
 */
#ifndef TPM_CREDENTIAL_H
#define TPM_CREDENTIAL_H

#include "hash.h"

#include <cella/error.h>

#define TPM_CREDENTIAL 32 /* bytes that are sealed */

/* TCG EK Credential Profile 2.5, section 2.2.1.4 and annex B: where the certificate is, and the
 * template that its key is made of anew. */
struct tpm_endorsement {
    const char *name;
    const char *curve;    /* OpenSSL's name; NULL: RSA of 2048 bits */
    uint32_t certificate; /* NV index */
    uint32_t attributes;
    uint16_t hash; /* of its name, and of all that is derived */
    uint16_t aes;  /* bits */
    uint16_t curve_id;
    size_t size;        /* bytes of its modulus, or of a coordinate */
    size_t unique;      /* bytes of zeros in place of each of these */
    uint8_t policy[48]; /* as many as its hash has */
};

/* In order of preference; NULL: no more. */
const struct tpm_endorsement *tpm_endorsement(size_t index);
const struct tpm_endorsement *tpm_endorsement_named(const char *name);
/* Which one such a key can be of; NULL: none. */
const struct tpm_endorsement *tpm_endorsement_of(EVP_PKEY *key);

struct tpm_credential {
    uint8_t blob[256]; /* TPMS_ID_OBJECT */
    size_t blob_size;
    uint8_t secret[512]; /* TPMU_ENCRYPTED_SECRET */
    size_t secret_size;
};

/* Seals `secret` to the endorsement key, for the object of this name. */
cella_status tpm_credential_make(const struct tpm_endorsement *kind, EVP_PKEY *key,
                                 const uint8_t *name, size_t name_size,
                                 const uint8_t secret[TPM_CREDENTIAL],
                                 struct tpm_credential *credential, cella_error *error);

#endif
