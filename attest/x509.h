/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that others made (RFC 5280): chains are built by issuer, never by position, and end
 * at a root that is trusted for its key. Signatures that were verified are remembered (cache.h);
 * times, revocation and constraints are judged anew each time.
 */
#ifndef ATTEST_X509_H
#define ATTEST_X509_H

#include "appraisal.h"
#include "cache.h"
#include "der.h"

#include <openssl/evp.h>

#define X509_CHAIN_MOST 6          /* certificates of a chain */
#define X509_NO_TIME    INT64_MIN  /* where a time should be, and is none */
#define X509_ANY_USAGE  UINT32_MAX /* no keyUsage is there */
#define X509_EARLY      60         /* s; x509_judge_fresh */

/* Bits of keyUsage, as they stand in its first two bytes. */
enum x509_usage {
    X509_DIGITAL_SIGNATURE = 0x80,
    X509_KEY_ENCIPHERMENT = 0x20,
    X509_KEY_AGREEMENT = 0x08,
    X509_CERTIFICATE_SIGN = 0x04,
    X509_LIST_SIGN = 0x02,
};

/* What a certificate and a revocation list have in common. */
struct x509_signed {
    struct der whole, body; /* SEQUENCE { body, algorithm, signature } */
    struct der algorithm;   /* AlgorithmIdentifier, whole */
    struct der signature;   /* inside of its BIT STRING */
    struct der issuer;      /* Name, whole */
    struct der extensions;  /* each behind the other; none: NULL bytes */
    uint8_t hash[32];       /* SHA-256 of all of it */
};

/* A certificate, read; it is not changed any more, so threads may share it. Names are the same
 * where their bytes are: who issues under another spelling of his own name is not found. */
struct x509 {
    int references;
    struct x509_signed is;
    struct der serial, subject, key_info; /* inside; Name and SubjectPublicKeyInfo, whole */
    int64_t from, until;                  /* seconds since 1970, or X509_NO_TIME */
    uint32_t version;                     /* 2 is X.509 version 3 */
    bool malformed;        /* an extension of RFC 5280's has no such value, or is there twice */
    bool unknown_critical; /* one that is critical is not judged here */
    bool is_ca;
    int64_t path_length;  /* below zero: no pathLenConstraint */
    uint32_t usage;       /* enum x509_usage, or X509_ANY_USAGE */
    uint8_t key_hash[32]; /* SHA-256 of the SubjectPublicKeyInfo */
    EVP_PKEY *key;        /* NULL: none that can be used */
    uint8_t bytes[];
};

/* A revocation list. */
struct x509_list {
    struct x509_signed is;
    int64_t from, until;   /* thisUpdate, nextUpdate */
    bool unknown_critical; /* an extension, of an entry's or its own, that is critical */
    struct der revoked;    /* entries */
    size_t count;          /* of them */
    uint8_t bytes[];
};

/* The certificate or list that is exactly these bytes; NULL: malformed (or no memory). */
struct x509 *x509_decode(const uint8_t *bytes, size_t size);
struct x509_list *x509_list_decode(const uint8_t *bytes, size_t size);
/* The same. Issuers come again and again: what the verifier (may be NULL) has read before is
 * shared. */
struct x509 *x509_parse(cella_verifier *verifier, const uint8_t *bytes, size_t size);

struct x509 *x509_keep(struct x509 *certificate); /* one more reference */
void x509_drop(struct x509 *certificate);         /* NULL is let pass */
void x509_list_free(struct x509_list *list);      /* NULL is let pass */

/* Certificates as a cache keeps them. */
extern const struct cache_type x509_cached;

/* Certificates in an order; starts as zeros. */
struct x509_pool {
    struct x509 **all;
    size_t count;
};

/* Takes the reference in any case. False: no memory. */
bool x509_pool_add(struct x509_pool *pool, struct x509 *certificate);
/* Drops what is in it. */
void x509_pool_clear(struct x509_pool *pool);
/* The first; NULL: there is none. */
static inline struct x509 *x509_pool_first(const struct x509_pool *pool)
{
    return pool->count > 0 ? pool->all[0] : NULL;
}

/* Reads every certificate of a PEM text, or of DER one behind the other, onto `to`, at most `most`
 * of them. False: malformed, none, or more; what was read stays on `to`. `verifier` as in
 * x509_parse. */
bool x509_read(cella_verifier *verifier, const uint8_t *bytes, size_t size, struct x509_pool *to,
               size_t most);

/* True: `key` (may be NULL) signed it. Nothing is remembered. */
bool x509_verify(const struct x509_signed *object, EVP_PKEY *key);

/* The first common name of a name, NUL-terminated, what is not plain ASCII as '?'; "" where there
 * is none. */
void x509_common_name(const struct der *name, char text[128]);

/* One extension, taken off the front of `from`. False: there is none. */
struct x509_extension {
    struct der oid, value; /* value: inside of the OCTET STRING */
    bool critical;
};
bool x509_extension_take(struct der *from, struct x509_extension *extension);
/* The value of the extension with this OID, in dots; false: none. */
bool x509_extension(const struct x509 *certificate, const char *oid, struct der *value);
/* Whether extendedKeyUsage lists this; `without` where the certificate has no such extension. */
bool x509_is_for(const struct x509 *certificate, const char *oid, bool without);
/* Whether it has been and will be valid then; false where one of its times is none. */
bool x509_is_valid_at(const struct x509 *certificate, int64_t at);
/* Whether this serial number is on the list. */
bool x509_is_revoked(const struct x509_list *list, const struct der *serial);

/* A trusted root: by its key. */
struct x509_anchor {
    const char *name;   /* "Intel SGX Root CA" */
    uint8_t sha256[32]; /* of its SubjectPublicKeyInfo */
};

struct x509_chain {
    struct x509 *certificates[X509_CHAIN_MOST]; /* the leaf first, the root last; borrowed */
    size_t count;
    uint8_t root[32];             /* SHA-256 of the root's SubjectPublicKeyInfo */
    bool listed[X509_CHAIN_MOST]; /* a good revocation list of its issuer's was there */
    bool leaf_unlisted;           /* X509_CRL_OF_CAS */
};

enum x509_revocation {
    X509_CRL_ALL,        /* every certificate but the root wants a list of its issuer's */
    X509_CRL_IF_PRESENT, /* a list that is there is heeded; the caller warns where there is none */
    X509_CRL_OF_CAS,     /* the same; the leaf's issuer publishes none, so none is missed */
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
cella_status x509_judge(struct appraisal *appraisal, const char *what, struct x509 *leaf,
                        const struct x509_pool *pool, const struct x509_anchor *anchors,
                        size_t anchor_count, enum x509_revocation revocation,
                        struct x509_chain *chain);

/* The same for certificates that are made when they are wanted, with a notBefore of that second:
 * where the verifier's clock is behind their maker's, X509_EARLY before it counts as valid. */
cella_status x509_judge_fresh(struct appraisal *appraisal, const char *what, struct x509 *leaf,
                              const struct x509_pool *pool, const struct x509_anchor *anchors,
                              size_t anchor_count, enum x509_revocation revocation,
                              struct x509_chain *chain);

/* The same for the certificate of a key that others encrypt to (keyUsage keyEncipherment or
 * keyAgreement), up to a root of cella_verifier_add_root's. */
cella_status x509_judge_decryption(struct appraisal *appraisal, const char *what, struct x509 *leaf,
                                   const struct x509_pool *pool, enum x509_revocation revocation,
                                   struct x509_chain *chain);

/* What x509_judge records, where the verdict is remembered: whose word it is, the names of the
 * first chain that was judged, the leaf's first; and of every chain, whether each of its
 * certificates but the root had a good list of its issuer's (X509_CRL_OF_CAS: but root and leaf).
 */
void x509_record(struct appraisal *appraisal, const struct x509_chain *chain);

/* True: `issuer`'s key signed it. Remembers a yes. */
bool x509_signed_by(cella_verifier *verifier, const struct x509_signed *object,
                    const struct x509 *issuer);

#endif
