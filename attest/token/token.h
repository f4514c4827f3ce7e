/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation results as JSON Web Tokens (RFC 7519; JWS compact serialization, RFC 7515), verified
 * as RFC 8725 advises, and made.
 *
 * What always holds: the key is the caller's choice and never the token's: `jku`, `x5u` and `jwk`
 * are not looked at, an `x5c` has to lead to a root that the caller trusts, and `alg` must be one
 * of ES256, ES384, PS256, RS256 that fits that key. Nothing of a token becomes a claim before its
 * signature, issuer, audience and times were found good.
 */
#ifndef ATTEST_TOKEN_TOKEN_H
#define ATTEST_TOKEN_TOKEN_H

#include "attest/x509.h"
#include "jose.h"

#define TOKEN_MOST 262144  /* bytes */
#define TOKEN_TYPE "token" /* of a result that token_verify made */

struct token_demands {
    const struct jwks *keys; /* NULL: x5c, up to a root of the verifier's */
    const char *issuer;      /* exactly "iss" */
    const char *audience;    /* one of "aud"; NULL: a token for somebody is refused */
    int64_t skew;            /* s that clocks may differ, for exp, nbf and iat */
};

/* Verifies at appraisal->demands->at. CELLA_OK: appraisal->result->claims has the token's claims.
 * Else it was refused: CLASS_PARSE, CLASS_UNSUPPORTED (crit, a token inside a token), CLASS_SIG
 * (alg or signature), CLASS_ANCHOR (no such key), CLASS_KEY, CLASS_TIME, CLASS_POLICY (typ, iss,
 * aud), and those of x509_judge. */
cella_status token_verify(struct appraisal *appraisal, const char *text, size_t size,
                          const struct token_demands *demands);

/* The claims of a token that nobody verified: for showing, and for trying a policy out.
 * CELLA_INVALID: malformed. */
cella_status token_peek(const char *text, size_t size, const char *name, json_t **claims,
                        cella_error *error);

enum token_profile {
    TOKEN_MAA, /* claims as in Microsoft Azure Attestation's tokens */
    TOKEN_EAR, /* EAT Attestation Results (ear.h) */
};

struct token_order {
    EVP_PKEY *key; /* P-256: ES256; RSA: RS256 */
    enum token_profile profile;
    const char *issuer;
    const char *audience; /* or NULL */
    const char *build;    /* EAR: which version of cella vouches */
    int64_t at;
    int64_t expires;               /* s from `at` */
    struct x509_pool certificates; /* the key's, then its issuers': for x5c; or none */
};

/* Signs what an accepted result of cella_result_json says: whoever has the key vouches for it.
 * *token is the caller's to free(). CELLA_INVALID: not an accepted result, one of a token, or
 * claims that a token has itself. */
cella_status token_make(const struct token_order *order, const json_t *result, char **token,
                        cella_error *error);

#endif
