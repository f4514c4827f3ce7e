/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of platforms: a root and, under it, a platform's (X.509 v3, P-256).
 */
#ifndef ATTEST_CERTIFICATE_H
#define ATTEST_CERTIFICATE_H

#include "cose.h"

#include <cella/attest.h>

#include <openssl/x509.h>

#define CERTIFICATE_YEARS 10

/* A certificate of `key`, valid from an hour ago (clocks differ): a root's where `issuer` is NULL,
 * else a platform's under it. NULL: OpenSSL failed. */
X509 *certificate_make(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);
/* The same for a TPM's attestation key: it says so (extended key usage tcg-kp-AIKCertificate). */
X509 *certificate_make_attestation(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);

/* One of a TLS server or client, to be signed by `key` itself: more is added first. `name` NULL: of
 * an enclave. `usage`: such as "serverAuth,clientAuth". */
X509 *certificate_make_tls(EVP_PKEY *key, const char *name, const char *usage);
/* Adds an extension, with a value as openssl's configuration has it. */
bool certificate_add(X509 *certificate, X509 *issuer, int nid, const char *value);

/* SHA-256 of its SubjectPublicKeyInfo in DER. False: no memory. */
bool certificate_key_hash(const X509 *certificate, uint8_t sha256[32]);

/* Judges a chain of two, a platform's certificate and its root's, at a time. `attestation`: whether
 * it has to be one of a TPM's attestation key, or must not. On CELLA_OK *key is the platform's (the
 * caller's to free) and `root` says whose word it is. */
cella_status certificate_judge(const struct cose_chain *chain, bool attestation,
                               const cella_verify_options *options, EVP_PKEY **key,
                               uint8_t root[32], cella_refusal *refusal, cella_error *error);

#endif
