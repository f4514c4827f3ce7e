/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys as evidence and certificates hold them, and what they signed. They are EVP_PKEYs of
 * OpenSSL's older form: to make one of the newer takes as long as half a P-256 signature, to decode
 * one more than a whole.
 */
#ifndef ATTEST_PUBLIC_KEY_H
#define ATTEST_PUBLIC_KEY_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key on this curve (ecdsa.h), of x and y, each of `half` bytes. NULL: not a point of it. */
EVP_PKEY *public_key_of_point(const char *curve, const uint8_t *point, size_t half);

/* The key of a SubjectPublicKeyInfo, and its DER. NULL: none that can be used. */
EVP_PKEY *public_key_read(X509_PUBKEY *info, const uint8_t *der, size_t size);

/* True: `key` made `signature` over `bytes`, by this algorithm. */
bool public_key_verify(EVP_PKEY *key, const X509_ALGOR *algorithm, const ASN1_BIT_STRING *signature,
                       const uint8_t *bytes, size_t size);

#endif
