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

static bool is_among(const char *text, const char *const *names)
{
    while (text && *names && strcmp(*names, text) != 0)
        names++;
    return text && *names;
}

/* What RFC 7517 lets a public key say of its use. */
static cella_status check_use(const json_t *jwk, cella_error *error)
{
    static const char *const good[] = {"encrypt", "wrapKey", "deriveKey", "deriveBits", NULL};
    const json_t *use = json_object_get(jwk, "use"), *algorithm = json_object_get(jwk, "alg");
    const json_t *operations = json_object_get(jwk, "key_ops"), *one;
    size_t i;
    bool may = !operations || json_is_array(operations);
    json_array_foreach(operations, i, one)
    {
        may = may && is_among(json_string_value(one), good);
    }
    if (use && (!json_is_string(use) || strcmp(json_string_value(use), "enc") != 0))
        return fail(error, CELLA_INVALID, "recipient: use: must be \"enc\"");
    if (!may)
        return fail(
            error, CELLA_INVALID,
            "recipient: key_ops: must be a list of encrypt, wrapKey, deriveKey, deriveBits");
    if (algorithm && !json_is_string(algorithm))
        return fail(error, CELLA_INVALID, "recipient: alg: must be text");
    return CELLA_OK;
}

/* Only what makes a public key of this kty, and what may be said of any. */
static cella_status check_members(const json_t *jwk, const char *const *own, cella_error *error)
{
    static const char *const common[] = {"kty", "kid", "use", "alg", "key_ops", NULL};
    static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", NULL};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)jwk, name, value)
    {
        if (!is_among(name, own) && !is_among(name, common))
            return fail(error, CELLA_INVALID, "recipient: %.40s: %s", name,
                        is_among(name, secret)
                            ? "that is of a private key: make a new one, and send its public half"
                            : "unknown member");
    }
    return check_use(jwk, error);
}

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
    const json_t *x = json_object_get(jwk, "x");
    uint8_t bytes[BASE64_BYTES(BASE64_TEXT(32))];
    size_t size = 0;
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

static const struct kind {
    const char *type, *curve; /* curve NULL: read_common knows */
    const char *members[4];
    cella_status (*read)(const json_t *jwk, struct recipient *recipient, cella_error *error);
} kinds[] = {
    {"RSA", NULL, {"n", "e"}, read_common},
    {"EC", NULL, {"crv", "x", "y"}, read_common},
    {"OKP", "X25519", {"crv", "x"}, read_x25519},
};

static cella_status read_type(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    const char *curve = json_string_value(json_object_get(jwk, "crv"));
    for (size_t i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct kind *kind = &kinds[i];
        if (strcmp(kind->type, type) != 0 ||
            (kind->curve && (!curve || strcmp(kind->curve, curve) != 0)))
            continue;
        cella_status status = check_members(jwk, kind->members, error);
        return status ? status : kind->read(jwk, recipient, error);
    }
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
