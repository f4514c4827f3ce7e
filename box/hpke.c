/* SPDX-License-Identifier: Apache-2.0
 *
 * HPKE as RFC 9180 has it, by OpenSSL's X25519, HMAC-SHA256 and AES-256-GCM. Every output that is
 * derived is at most one hash long, so that HKDF's extract and expand are one HMAC each.
 */
#include "hpke.h"

#include "aead.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define HASH 32u

static const struct hpke_bytes kem = {"KEM\x00\x20", 5};
static const struct hpke_bytes suite = {"HPKE\x00\x20\x00\x01\x00\x02", 10};
static const struct hpke_bytes version = {"HPKE-v1", 7};
static const struct hpke_bytes nothing = {"", 0};

static bool hmac(const uint8_t key[HASH], const struct hpke_bytes *parts, size_t count,
                 uint8_t out[HASH])
{
    static char sha256[] = "SHA256";
    OSSL_PARAM digest[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                           OSSL_PARAM_END};
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
    bool good = mac && EVP_MAC_init(mac, key, HASH, digest) == 1;
    for (size_t i = 0; good && i < count; i++)
        good = EVP_MAC_update(mac, parts[i].bytes, parts[i].size) == 1;
    good = good && EVP_MAC_final(mac, out, NULL, HASH) == 1;
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(algorithm);
    return good;
}

/* LabeledExtract. The salt is a hash; no salt is zeros, which HMAC does not tell from an empty key.
 */
static bool extract(const uint8_t salt[HASH], struct hpke_bytes suite_id, const char *label,
                    struct hpke_bytes material, uint8_t out[HASH])
{
    const struct hpke_bytes parts[] = {version, suite_id, {label, strlen(label)}, material};
    return hmac(salt, parts, sizeof(parts) / sizeof(parts[0]), out);
}

/* LabeledExpand, to at most one hash. */
static bool expand(const uint8_t secret[HASH], struct hpke_bytes suite_id, const char *label,
                   struct hpke_bytes context, uint8_t *out, size_t size)
{
    const uint8_t length[2] = {0, (uint8_t)size};
    const uint8_t counter = 1;
    const struct hpke_bytes parts[] = {{length, 2}, version,      suite_id, {label, strlen(label)},
                                       context,     {&counter, 1}};
    uint8_t block[HASH];
    bool good = size <= HASH && hmac(secret, parts, sizeof(parts) / sizeof(parts[0]), block);
    if (good)
        memcpy(out, block, size);
    OPENSSL_cleanse(block, sizeof(block));
    return good;
}

bool hpke_schedule(const uint8_t shared[32], struct hpke_bytes info, struct hpke_schedule *schedule)
{
    static const uint8_t no_salt[HASH];
    uint8_t context[1 + 2 * HASH] = {0}; /* mode: base */
    const struct hpke_bytes whole = {context, sizeof(context)};
    uint8_t secret[HASH];
    bool good =
        extract(no_salt, suite, "psk_id_hash", nothing, context + 1) &&
        extract(no_salt, suite, "info_hash", info, context + 1 + HASH) &&
        extract(shared, suite, "secret", nothing, secret) &&
        expand(secret, suite, "key", whole, schedule->key, sizeof(schedule->key)) &&
        expand(secret, suite, "base_nonce", whole, schedule->nonce, sizeof(schedule->nonce));
    OPENSSL_cleanse(secret, sizeof(secret));
    return good;
}

static bool raw_public(const EVP_PKEY *pair, uint8_t key[HPKE_KEY])
{
    size_t size = HPKE_KEY;
    return EVP_PKEY_get_raw_public_key(pair, key, &size) == 1 && size == HPKE_KEY;
}

bool hpke_generate(uint8_t private_key[HPKE_KEY], uint8_t public_key[HPKE_KEY])
{
    size_t size = HPKE_KEY;
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    bool good = pair && EVP_PKEY_get_raw_private_key(pair, private_key, &size) == 1 &&
                size == HPKE_KEY && raw_public(pair, public_key);
    EVP_PKEY_free(pair);
    return good;
}

bool hpke_public_key(const uint8_t private_key[HPKE_KEY], uint8_t public_key[HPKE_KEY])
{
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, HPKE_KEY);
    bool good = pair && raw_public(pair, public_key);
    EVP_PKEY_free(pair);
    return good;
}

/* X25519. A result of zeros (the other side's point is of small order) is refused. */
static bool agree(const uint8_t private_key[HPKE_KEY], const uint8_t public_key[HPKE_KEY],
                  uint8_t secret[HASH])
{
    static const uint8_t zeros[HASH];
    size_t size = HASH;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, HPKE_KEY);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, HPKE_KEY);
    EVP_PKEY_CTX *exchange = own && peer ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    bool good = exchange && EVP_PKEY_derive_init(exchange) == 1 &&
                EVP_PKEY_derive_set_peer(exchange, peer) == 1 &&
                EVP_PKEY_derive(exchange, secret, &size) == 1 && size == HASH &&
                CRYPTO_memcmp(secret, zeros, HASH) != 0;
    EVP_PKEY_CTX_free(exchange);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return good;
}

/* The key schedule of one message between these keys, of which `own` is the private one. */
static bool begin(const uint8_t own[HPKE_KEY], const uint8_t peer[HPKE_KEY],
                  const uint8_t encapsulated[HPKE_KEY], const uint8_t recipient[HPKE_KEY],
                  struct hpke_bytes info, struct hpke_schedule *schedule)
{
    static const uint8_t no_salt[HASH];
    uint8_t context[2 * HPKE_KEY], secret[HASH];
    memcpy(context, encapsulated, HPKE_KEY);
    memcpy(context + HPKE_KEY, recipient, HPKE_KEY);
    bool good = agree(own, peer, secret) &&
                extract(no_salt, kem, "eae_prk", (struct hpke_bytes){secret, HASH}, secret) &&
                expand(secret, kem, "shared_secret", (struct hpke_bytes){context, sizeof(context)},
                       secret, HASH) &&
                hpke_schedule(secret, info, schedule);
    OPENSSL_cleanse(secret, sizeof(secret));
    return good;
}

bool hpke_seal_with(const uint8_t ephemeral[HPKE_KEY], const uint8_t recipient[HPKE_KEY],
                    struct hpke_bytes info, struct hpke_bytes additional,
                    struct hpke_bytes plaintext, uint8_t encapsulated[HPKE_KEY], uint8_t *sealed)
{
    struct hpke_schedule schedule;
    EVP_CIPHER_CTX *cipher = NULL;
    bool good = hpke_public_key(ephemeral, encapsulated) &&
                begin(ephemeral, recipient, encapsulated, recipient, info, &schedule) &&
                (cipher = aead_new(schedule.key, true)) &&
                aead_seal(cipher, schedule.nonce, additional.bytes, additional.size,
                          plaintext.bytes, plaintext.size, sealed, sealed + plaintext.size);
    EVP_CIPHER_CTX_free(cipher);
    OPENSSL_cleanse(&schedule, sizeof(schedule));
    return good;
}

bool hpke_seal(const uint8_t recipient[HPKE_KEY], struct hpke_bytes info,
               struct hpke_bytes additional, struct hpke_bytes plaintext,
               uint8_t encapsulated[HPKE_KEY], uint8_t *sealed)
{
    uint8_t ephemeral[HPKE_KEY];
    bool good =
        hpke_generate(ephemeral, encapsulated) &&
        hpke_seal_with(ephemeral, recipient, info, additional, plaintext, encapsulated, sealed);
    OPENSSL_cleanse(ephemeral, sizeof(ephemeral));
    return good;
}

bool hpke_open(const uint8_t private_key[HPKE_KEY], const uint8_t encapsulated[HPKE_KEY],
               struct hpke_bytes info, struct hpke_bytes additional, struct hpke_bytes sealed,
               uint8_t *plaintext)
{
    struct hpke_schedule schedule;
    uint8_t recipient[HPKE_KEY];
    EVP_CIPHER_CTX *cipher = NULL;
    if (sealed.size < HPKE_TAG)
        return false;
    size_t size = sealed.size - HPKE_TAG;
    bool good = hpke_public_key(private_key, recipient) &&
                begin(private_key, encapsulated, encapsulated, recipient, info, &schedule) &&
                (cipher = aead_new(schedule.key, false)) &&
                aead_open(cipher, schedule.nonce, additional.bytes, additional.size, sealed.bytes,
                          size, plaintext, (const uint8_t *)sealed.bytes + size);
    EVP_CIPHER_CTX_free(cipher);
    OPENSSL_cleanse(&schedule, sizeof(schedule));
    return good;
}
