/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of JOSE that tokens and key release need: keys as JSON (RFC 7517, RFC 7518 section 6),
 * their thumbprints (RFC 7638), and signatures (RFC 7518 section 3). RSA of 2048 to 8192 bits,
 * P-256 and P-384; nothing symmetric, and never "none".
 */
#ifndef ATTEST_TOKEN_JOSE_H
#define ATTEST_TOKEN_JOSE_H

#include <cella/error.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- base64url ---- */

/* The bytes of a text, with a NUL behind them that *size does not count; to be freed by free().
 * NULL: not base64url, or no memory. */
uint8_t *jose_decode(const char *text, size_t length, size_t *size);
/* The caller's to free(). NULL: no memory. */
char *jose_encode(const void *bytes, size_t size);

/* ---- keys ---- */

/* A public key. CELLA_INVALID: malformed, or with a private part; CELLA_UNSUPPORTED: of a type,
 * curve or size that is not known here. The sentence starts with `name`. */
cella_status jwk_read(const json_t *jwk, const char *name, EVP_PKEY **key, cella_error *error);
/* The required members of a key's public part alone: {"kty", "crv", "x", "y"} or {"kty", "n", "e"}.
 * NULL: no memory, or a key that jwk_read would not read. */
json_t *jwk_write(const EVP_PKEY *key);
/* RFC 7638, with SHA-256, in base64url. */
#define JWK_THUMBPRINT 44
bool jwk_thumbprint(const EVP_PKEY *key, char text[JWK_THUMBPRINT]);

/* ---- sets of keys ---- */

#define JWKS_MOST 64 /* most keys of a set */

/* Keys for verifying signatures. Others in the set (for encryption, of unknown types) are left
 * out, as RFC 7517 has it. */
struct jwks {
    size_t count;
    struct jwks_key {
        char *kid;         /* NULL: none */
        char algorithm[8]; /* "": any that fits */
        EVP_PKEY *key;
    } keys[JWKS_MOST];
};

/* CELLA_INVALID: malformed, a kid twice, or no key left. */
cella_status jwks_read(const void *bytes, size_t size, const char *name, struct jwks **set,
                       cella_error *error);
void jwks_free(struct jwks *set); /* NULL is let pass */
/* A set of one key that signs, with its thumbprint as its kid. NULL: no memory, or the key does not
 * sign tokens. */
json_t *jwks_write(const EVP_PKEY *key);

/* ---- signatures ---- */

struct jose_algorithm {
    const char *name;
    const char *curve; /* NULL: RSA */
    size_t half;       /* ECDSA: bytes of r, and of s */
    const EVP_MD *(*hash)(void);
    bool pss;
};

/* NULL: not one of ES256, ES384, PS256, RS256. */
const struct jose_algorithm *jose_algorithm(const char *name);
/* The one that this key signs tokens with (ES256 or RS256); NULL: none. */
const struct jose_algorithm *jose_algorithm_of(const EVP_PKEY *key);
#define JOSE_SIGNERS "tokens are signed by a key of P-256 or of RSA with 2048 to 8192 bits"
bool jose_fits(const struct jose_algorithm *algorithm, const EVP_PKEY *key);
/* True: the key, which fits, signed these bytes. */
bool jose_verify(const struct jose_algorithm *algorithm, EVP_PKEY *key, const void *bytes,
                 size_t size, const uint8_t *signature, size_t signature_size);
/* *signature is the caller's to free(). */
bool jose_sign(const struct jose_algorithm *algorithm, EVP_PKEY *key, const void *bytes,
               size_t size, uint8_t **signature, size_t *signature_size);

#endif
