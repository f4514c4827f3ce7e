/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that others made (RFC 5280): chains are built by issuer, never by position, and end
 * at a root that is trusted for its key. Signatures that were verified are remembered (cache.h);
 * times, revocation and constraints are judged anew each time.
 */
#ifndef ATTEST_X509_H
#define ATTEST_X509_H

#include "appraisal.h"

#include <openssl/x509.h>

#define X509_CHAIN_MOST 6 /* certificates of a chain */

/* Certificates are read without OpenSSL's decoding of their keys (x509_read.c says why): x509_key
 * has it, X509_get0_pubkey has nothing, and X509_verify fails. What these functions give may be
 * shared between threads. */

/* Reads every certificate of a PEM text, or of DER one behind the other, onto `to`, at most `most`
 * of them. False: malformed, none, or more; what was read stays on `to`, the caller's to free.
 * `verifier` (may be NULL): shares what it has read before, as x509_parse. */
bool x509_read(cella_verifier *verifier, const uint8_t *bytes, size_t size, STACK_OF(X509) * to,
               int most);

/* The certificate that is exactly these bytes of DER, the caller's to free; NULL: malformed. */
X509 *x509_decode(const uint8_t *bytes, size_t size);

/* The same. Issuers come again and again: what the verifier has read before is shared. */
X509 *x509_parse(cella_verifier *verifier, const uint8_t *bytes, size_t size);

/* Certificates as a cache keeps them (cache.h). */
extern const struct cache_type x509_cached;

/* Its public key, borrowed; NULL: none that can be used. */
EVP_PKEY *x509_key(const X509 *certificate);
/* SHA-256 of the SubjectPublicKeyInfo in DER. */
bool x509_key_hash(const X509 *certificate, uint8_t sha256[32]);
/* SHA-256 of all of it in DER. */
bool x509_hash(const X509 *certificate, uint8_t sha256[32]);
/* True: `key` (may be NULL) signed it. Nothing is remembered. */
bool x509_verify(const X509 *certificate, EVP_PKEY *key);
bool x509_verify_list(const X509_CRL *list, EVP_PKEY *key);
/* Seconds since 1970; INT64_MIN: not a time. */
int64_t x509_time(const ASN1_TIME *time);
/* The common name of a name, NUL-terminated; "" where there is none. */
void x509_common_name(const X509_NAME *name, char text[128]);
/* The value (inside the OCTET STRING) of the extension with this dotted OID; NULL: none. Points
 * into the certificate. */
const uint8_t *x509_extension(const X509 *certificate, const char *oid, size_t *size);

/* A trusted root: by its key. */
struct x509_anchor {
    const char *name;   /* "Intel SGX Root CA" */
    uint8_t sha256[32]; /* of its SubjectPublicKeyInfo */
};

struct x509_chain {
    X509 *certificates[X509_CHAIN_MOST]; /* the leaf first, the root last; borrowed */
    size_t count;
    uint8_t root[32];             /* SHA-256 of the root's SubjectPublicKeyInfo */
    bool listed[X509_CHAIN_MOST]; /* a good revocation list of its issuer's was there */
};

enum x509_revocation {
    X509_CRL_ALL,        /* every certificate but the root wants a list of its issuer's */
    X509_CRL_IF_PRESENT, /* a list that is there is heeded; the caller warns where there is none */
    X509_CRL_NONE,       /* the vendor publishes none */
};

/* Builds the chain of `leaf` from the certificates in `pool` (may be NULL) and the verifier's
 * collateral, up to one of `anchors` (or to one of cella_verifier_add_root's, where any was given),
 * and judges it at the demands' time: signatures, validity, basicConstraints, pathLenConstraint,
 * keyUsage, unknown critical extensions, revocation lists of the collateral with their own
 * signatures and times. Refuses as CLASS_ANCHOR, CLASS_CHAIN, CLASS_TIME, CLASS_REVOKED or
 * CLASS_COLLATERAL, with `what` (such as "PCK certificate") as the claim. The first chain that is
 * good is recorded in the result's evidence: "vouched_by", its names, and "root". With
 * insecure_no_collateral X509_CRL_ALL is as X509_CRL_IF_PRESENT. */
cella_status x509_judge(struct appraisal *appraisal, const char *what, X509 *leaf,
                        STACK_OF(X509) * pool, const struct x509_anchor *anchors,
                        size_t anchor_count, enum x509_revocation revocation,
                        struct x509_chain *chain);

/* The same for the certificate of a key that others encrypt to (keyUsage keyEncipherment or
 * keyAgreement), up to a root of cella_verifier_add_root's. */
cella_status x509_judge_decryption(struct appraisal *appraisal, const char *what, X509 *leaf,
                                   STACK_OF(X509) * pool, enum x509_revocation revocation,
                                   struct x509_chain *chain);

/* What x509_judge records, where the verdict is remembered: whose word it is, the names of the
 * first chain that was judged, the leaf's first. */
void x509_record(struct appraisal *appraisal, const struct x509_chain *chain);

/* True: `issuer`'s key signed it. Remembers a yes. */
bool x509_signed_by(cella_verifier *verifier, X509 *certificate, X509 *issuer);
bool x509_list_signed_by(cella_verifier *verifier, X509_CRL *list, X509 *issuer);

#endif
