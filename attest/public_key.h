/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys as evidence and certificates hold them, and what they signed. They are EVP_PKEYs of
 * OpenSSL's older form: to make one of the newer takes as long as half a P-256 signature, to decode
 * one more than a whole.
 */
#ifndef ATTEST_PUBLIC_KEY_H
#define ATTEST_PUBLIC_KEY_H

#include "der.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key on this curve (ecdsa.h), of x and y, each of `half` bytes. NULL: not a point of it. */
EVP_PKEY *public_key_of_point(const char *curve, const uint8_t *point, size_t half);

/* The RSA key of this modulus and exponent. NULL: no memory; what numbers are a key the caller
 * says. */
EVP_PKEY *public_key_of_modulus(const uint8_t *modulus, size_t size, uint32_t exponent);

/* The key of a SubjectPublicKeyInfo, exactly these bytes: of RSA, on a named curve (the point is
 * checked to be on it), or what else OpenSSL decodes. NULL: none that can be used. */
EVP_PKEY *public_key_decode(const uint8_t *der, size_t size);

/* SHA-256 of its SubjectPublicKeyInfo, by which keys are known. False: no memory. */
bool public_key_hash(EVP_PKEY *key, uint8_t sha256[32]);

/* True: `key` made `signature` over `bytes`, by this algorithm (an AlgorithmIdentifier): ECDSA,
 * RSA, RSA-PSS, Ed25519 or Ed448; neither the key nor the hash is weak (112 bits of security and
 * more: no RSA-1024, no SHA-1). */
bool public_key_verify(EVP_PKEY *key, const struct der *algorithm, const struct der *signature,
                       const uint8_t *bytes, size_t size);

/* By RSA, PKCS #1 v1.5. */
bool public_key_verify_rsa(EVP_PKEY *key, const EVP_MD *hash, const struct der *signature,
                           const uint8_t *bytes, size_t size);
/* By RSA-PSS with MGF1 of the same hash. `salt`: its length, or RSA_PSS_SALTLEN_AUTO. */
bool public_key_verify_pss(EVP_PKEY *key, const EVP_MD *hash, int salt, const struct der *signature,
                           const uint8_t *bytes, size_t size);

#endif
