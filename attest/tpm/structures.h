/* SPDX-License-Identifier: Apache-2.0
 *
 * Structures of TPM 2.0 (TPM 2.0 Library, part 2): big-endian, "2B" is a size of 2 bytes and so
 * many bytes. Everything points into the caller's bytes; no byte may be left over.
 *
 * TPMS_ATTEST (10.12.12): ff544347, type (2), qualifiedSigner 2B, extraData 2B, clock (8), reset
 *   count (4), restart count (4), safe (1), firmware version (8); of a quote: count (4) of selected
 *   banks {algorithm (2), size (1), bitmap}, digest of the PCRs 2B.
 * TPMT_SIGNATURE (11.3.4): algorithm (2), hash (2); RSA: signature 2B; ECDSA: r 2B, s 2B.
 * TPMT_PUBLIC (12.2.4): type (2), hash of the name (2), attributes (4), policy 2B, symmetric
 *   algorithm (2; key bits 2, mode 2), scheme (2; hash 2); RSA: key bits (2), exponent (4),
 *   modulus 2B; ECC: curve (2), KDF (2; hash 2), x 2B, y 2B.
 */
#ifndef TPM_STRUCTURES_H
#define TPM_STRUCTURES_H

#include "hash.h"

#include <cella/error.h>

#define TPM_ATTEST_MAGIC 0xff544347u
#define TPM_ATTEST_QUOTE 0x8018
#define TPM_BANKS        8 /* most banks of a quote */
#define TPM_PCRS         24
#define TPM_NAME_MOST    (2 + TPM_HASH_MOST)

struct tpm_bytes {
    const uint8_t *bytes;
    size_t size;
};

struct tpm_selection {
    const struct tpm_hash *hash;
    uint32_t pcrs; /* bit n: PCR n */
};

struct tpm_attest {
    uint32_t magic;
    uint16_t type;
    struct tpm_bytes signer; /* the qualified name of the key that signed it */
    struct tpm_bytes extra;  /* the nonce */
    uint64_t clock;          /* ms that the TPM was powered since it was last cleared */
    uint32_t reset_count, restart_count;
    bool safe; /* the clock was never higher than this before */
    uint64_t firmware;
    struct tpm_selection
        selections[TPM_BANKS]; /* as they were asked for: a bank may be there again */
    size_t count;
    struct tpm_bytes digest; /* of the PCRs */
};

enum tpm_scheme { TPM_RSASSA = 0x0014, TPM_RSAPSS = 0x0016, TPM_ECDSA = 0x0018 };

struct tpm_signature {
    enum tpm_scheme scheme;
    const struct tpm_hash *hash;
    struct tpm_bytes rsa;  /* or */
    struct tpm_bytes r, s; /* of ECDSA */
};

/* Attributes of an object (8.3). */
#define TPM_FIXED_TPM      (1u << 1)
#define TPM_FIXED_PARENT   (1u << 4)
#define TPM_SENSITIVE      (1u << 5) /* sensitiveDataOrigin: the TPM made it */
#define TPM_USER_WITH_AUTH (1u << 6)
#define TPM_RESTRICTED     (1u << 16)
#define TPM_DECRYPT        (1u << 17)
#define TPM_SIGN           (1u << 18)

/* Whether a key of these signs nothing but what its TPM made itself, and is in no other place. */
bool tpm_is_attestation_key(uint32_t attributes);

struct tpm_public {
    uint32_t attributes;
    uint8_t name[TPM_NAME_MOST];
    size_t name_size;
    EVP_PKEY *key; /* the caller's to free */
};

/* CELLA_INVALID: malformed. CELLA_UNSUPPORTED: another kind of attestation than a quote, an
 * algorithm, scheme or curve that is not known here. */
cella_status tpm_attest_read(const uint8_t *bytes, size_t size, struct tpm_attest *attest,
                             cella_error *error);
cella_status tpm_signature_read(const uint8_t *bytes, size_t size, struct tpm_signature *signature,
                                cella_error *error);
/* A TPMT_PUBLIC, or a TPM2B_PUBLIC of one. */
cella_status tpm_public_read(const uint8_t *bytes, size_t size, struct tpm_public *public,
                             cella_error *error);

/* Keys of numbers in big-endian; NULL: no such key, or none that we take: RSA has 2048 to 4096
 * bits, ECC is on a curve of NIST. */
EVP_PKEY *tpm_rsa_key(const uint8_t *modulus, size_t size, uint32_t exponent);
EVP_PKEY *tpm_ecc_key(uint16_t curve, const uint8_t *x, size_t x_size, const uint8_t *y,
                      size_t y_size);
/* Whether a key from elsewhere (a certificate, a file) is one of those. */
bool tpm_key_taken(EVP_PKEY *key);

#endif
