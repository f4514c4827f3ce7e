/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation results as tokens: JSON Web Tokens (RFC 7519; JWS compact serialization) that a
 * verifier signs, so that whoever cannot judge evidence can judge a signature. They are made of
 * results of <cella/verify.h>, with claims as in Microsoft Azure Attestation's tokens or as an EAT
 * Attestation Result (EAR), and verified as RFC 8725 advises: ES256, ES384, PS256 and RS256, by a
 * key that the caller chose and never the token; nothing is fetched. docs/attestation.md has both
 * forms.
 *
 * Times are seconds since 1970 (UTC).
 */
#ifndef CELLA_TOKEN_H
#define CELLA_TOKEN_H

#include <cella/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the issuer's keys ---- */

typedef struct cella_keys cella_keys;

/* Reads a JSON Web Key Set (RFC 7517). Keys in it that verify no token are left out; CELLA_INVALID:
 * malformed, a kid twice, a private or symmetric key's parts, or no key left. `name` says in
 * sentences where it is from. Several threads may use it. */
CELLA_API cella_status cella_keys_read(const uint8_t *bytes, size_t size, const char *name,
                                       cella_keys **keys, cella_error *error);
CELLA_API void cella_keys_free(cella_keys *keys); /* NULL is let pass */

/* The set of one key that verifies what this private key signs (PEM without a passphrase; P-256, or
 * RSA of 2048 to 8192 bits); its kid is its thumbprint (RFC 7638). *text is JSON, NUL-terminated,
 * the caller's to free(). */
CELLA_API cella_status cella_keys_of(const uint8_t *pem, size_t size, const char *name, char **text,
                                     cella_error *error);

/* ---- verifying ---- */

typedef struct cella_token_demands {
    size_t size;            /* sizeof(cella_token_demands) */
    const cella_keys *keys; /* the issuer's: the token's kid chooses one. NULL: the certificates in
                             * its x5c have to lead to a root of cella_verifier_add_root's */
    const char *issuer;     /* what `iss` has to be; must be given, and is never "cella" */
    const char *audience; /* what `aud` has to name; NULL: a token that names anybody is refused */
    int64_t at;           /* the time to judge at; must be given */
    int64_t skew;         /* s that clocks may be apart, for exp, nbf and iat; at most a day */
} cella_token_demands;

/* Fills `size`, and zeros: no issuer, no time, so nothing passes yet. */
CELLA_API void cella_token_demands_default(cella_token_demands *demands);

/* As cella_verify, with the type "token": "claims" are the token's, and its signature, issuer,
 * audience and times were judged. With `keys` the verifier may be NULL; else its roots are those
 * that x5c has to lead to, and the revocation lists in its collateral are heeded: where there is
 * none for a certificate, a warning says so. */
CELLA_API cella_status cella_token_verify(cella_verifier *verifier, const char *token, size_t size,
                                          const cella_token_demands *demands, cella_result **result,
                                          cella_error *error);

/* ---- making ---- */

typedef enum cella_token_profile {
    CELLA_TOKEN_MAA, /* claims as in Microsoft Azure Attestation's tokens */
    CELLA_TOKEN_EAR, /* draft-ietf-rats-ear, with a trustworthiness vector */
} cella_token_profile;

typedef struct cella_token_order {
    size_t size;        /* sizeof(cella_token_order) */
    const uint8_t *pem; /* the private key, without a passphrase: P-256 (ES256) or RSA (RS256) */
    size_t pem_size;
    const uint8_t *certificates; /* the key's, then its issuers' (PEM or DER), for x5c; or NULL:
                                  * then whoever verifies needs cella_keys_of's set */
    size_t certificates_size;
    cella_token_profile profile;
    const char *issuer;   /* never "cella" */
    const char *audience; /* or NULL */
    const char *build;    /* EAR: which software vouches; NULL: "cella" */
    int64_t at;           /* when it is made */
    int64_t lifetime;     /* s from `at` that it is valid; at most a year's */
} cella_token_order;

CELLA_API void cella_token_order_default(cella_token_order *order);

/* Signs what an accepted result says (the JSON text of cella_result_json): whoever has the key
 * vouches for it, and nothing is verified again. *token is NUL-terminated, the caller's to free().
 * CELLA_INVALID: not an accepted result, one of a token (no evidence was judged), claims that a
 * token has itself, a policy's that are not its to issue, or the order is wrong. */
CELLA_API cella_status cella_token_make(const cella_token_order *order, const char *result,
                                        size_t size, char **token, cella_error *error);

#ifdef __cplusplus
}
#endif
#endif
