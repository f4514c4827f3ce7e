/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys as JWK: those of tokens' issuers, and X25519.
 */
#include "recipient.h"

#include "attest/token/jose.h"
#include "image/base64.h"
#include "image/fail.h"

#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#define LEAST_BITS 2048
#define MOST_BITS  4096

/* ---- reading ---- */

/* Attestation's keys may be larger; here the ciphertext has to fit. */
static cella_status read_common(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    cella_error why;
    cella_status status = jwk_read(jwk, "recipient", &recipient->key, &why);
    if (status)
        return fail(error, status == CELLA_MEMORY ? status : CELLA_INVALID, "%s", why.sentence);
    recipient->kind = EVP_PKEY_is_a(recipient->key, "RSA") ? RECIPIENT_RSA : RECIPIENT_EC;
    int bits = EVP_PKEY_get_bits(recipient->key);
    if (recipient->kind == RECIPIENT_RSA && (bits < LEAST_BITS || bits > MOST_BITS))
        return fail(error, CELLA_INVALID, "recipient: an RSA key must have %d to %d bits",
                    LEAST_BITS, MOST_BITS);
    return CELLA_OK;
}

static cella_status read_x25519(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    static const char *const names[] = {"kty", "crv", "x", "kid", "use", "alg", "key_ops"};
    const json_t *x = json_object_get(jwk, "x");
    const char *name;
    json_t *value;
    uint8_t bytes[BASE64_BYTES(BASE64_TEXT(32))];
    size_t size = 0;
    json_object_foreach((json_t *)(uintptr_t)jwk, name, value)
    {
        size_t i = 0;
        while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], name) != 0)
            i++;
        if (i == sizeof(names) / sizeof(names[0]))
            return fail(error, CELLA_INVALID, "recipient: %.40s: %s", name,
                        strcmp(name, "d") == 0 ? "that is a private key: make a new one, and send "
                                                 "its public half"
                                               : "unknown member");
    }
    recipient->kind = RECIPIENT_X25519;
    if (json_string_length(x) < BASE64_TEXT(32) &&
        base64_read(BASE64_URL, json_is_string(x) ? json_string_value(x) : "",
                    json_string_length(x), bytes, &size) &&
        size == 32)
        recipient->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, bytes, size);
    if (!recipient->key)
        return fail(error, CELLA_INVALID,
                    "recipient: x of X25519 must be 32 bytes in base64url without padding");
    memcpy(recipient->raw, bytes, 32);
    return CELLA_OK;
}

static cella_status read_type(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    const char *curve = json_string_value(json_object_get(jwk, "crv"));
    if (type && (strcmp(type, "RSA") == 0 || strcmp(type, "EC") == 0))
        return read_common(jwk, recipient, error);
    if (type && strcmp(type, "OKP") == 0 && curve && strcmp(curve, "X25519") == 0)
        return read_x25519(jwk, recipient, error);
    return fail(error, CELLA_INVALID,
                "recipient: must be a JWK with kty RSA, EC (crv P-256, P-384) or OKP (crv X25519)");
}

static cella_status hash_key(struct recipient *recipient, cella_error *error)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(recipient->key, &der);
    if (size <= 0)
        return fail(error, CELLA_INVALID, "recipient: the key cannot be written as DER");
    SHA256(der, (size_t)size, recipient->sha256);
    OPENSSL_free(der);
    return CELLA_OK;
}

cella_status recipient_read(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    memset(recipient, 0, sizeof(*recipient));
    if (!json_is_object(jwk))
        return fail(error, CELLA_INVALID, "recipient: must be a JWK, an object");
    const json_t *kid = json_object_get(jwk, "kid");
    if (kid && (!json_is_string(kid) || json_string_length(kid) > RECIPIENT_KID ||
                strlen(json_string_value(kid)) != json_string_length(kid)))
        return fail(error, CELLA_INVALID, "recipient: kid: must be text of at most %u bytes",
                    RECIPIENT_KID);
    if (kid)
        strcpy(recipient->kid, json_string_value(kid));
    cella_status status = read_type(jwk, recipient, error);
    return status ? status : hash_key(recipient, error);
}

void recipient_drop(struct recipient *recipient)
{
    EVP_PKEY_free(recipient->key);
    recipient->key = NULL;
}

/* ---- of keys that are at hand ---- */

cella_status recipient_of(EVP_PKEY *key, struct recipient *recipient, cella_error *error)
{
    json_t *jwk = recipient_jwk(key);
    cella_status status = recipient_read(jwk, recipient, error);
    json_decref(jwk);
    return status;
}

json_t *recipient_jwk(EVP_PKEY *key)
{
    uint8_t raw[32];
    char text[BASE64_TEXT(32)];
    size_t size = sizeof(raw);
    if (!EVP_PKEY_is_a(key, "X25519"))
        return jwk_write(key);
    if (EVP_PKEY_get_raw_public_key(key, raw, &size) != 1)
        return NULL;
    return json_pack("{s:s, s:s, s:s}", "kty", "OKP", "crv", "X25519", "x",
                     base64_write(BASE64_URL, raw, size, text));
}
