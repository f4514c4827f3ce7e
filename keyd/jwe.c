/* SPDX-License-Identifier: Apache-2.0
 *
 * JWE: header.key.nonce.ciphertext.tag, each in base64url; the header's text is authenticated.
 */
#include "jwe.h"

#include "box/aead.h"
#include "image/base64.h"
#include "image/fail.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BY_RSA   "RSA-OAEP-256"
#define BY_ECDH  "ECDH-ES+A256KW"
#define CIPHER   "A256GCM"
#define SHARED   48u /* bytes that two keys agree on, at most: P-384 */
#define WRAPPED  512u
#define HEADER   2048u /* bytes of a header that is read, at most */
#define JWE_MOST (64u << 10)

/* ---- keys ---- */

bool jwe_derive(const uint8_t *shared, size_t shared_size, const char *algorithm,
                const char *producer, const char *consumer, size_t size, uint8_t *key)
{
    uint8_t input[4 + SHARED + 3 * 4 + 256 + 4] = {0, 0, 0, 1}, hash[SHA256_DIGEST_LENGTH];
    const char *const parts[] = {algorithm, producer, consumer};
    size_t at = 4;
    if (size > sizeof(hash) || shared_size > SHARED ||
        strlen(algorithm) + strlen(producer) + strlen(consumer) > 256)
        return false;
    memcpy(input + at, shared, shared_size);
    at += shared_size;
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(parts[i]);
        const uint8_t prefix[4] = {0, 0, (uint8_t)(length >> 8), (uint8_t)length};
        memcpy(input + at, prefix, 4);
        memcpy(input + at + 4, parts[i], length);
        at += 4 + length;
    }
    const uint8_t bits[4] = {0, 0, (uint8_t)(size * 8 >> 8), (uint8_t)(size * 8)};
    memcpy(input + at, bits, 4);
    bool good = SHA256(input, at + 4, hash) != NULL;
    memcpy(key, hash, size);
    OPENSSL_cleanse(hash, sizeof(hash));
    OPENSSL_cleanse(input, sizeof(input));
    return good;
}

bool jwe_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *shared, size_t *size)
{
    static const uint8_t zeros[SHARED];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    bool good = context && EVP_PKEY_derive_init(context) == 1 &&
                EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                EVP_PKEY_derive(context, shared, size) == 1 && *size <= SHARED &&
                CRYPTO_memcmp(shared, zeros, *size) != 0;
    EVP_PKEY_CTX_free(context);
    return good;
}

/* The key that wraps, of ECDH. */
static bool agreed_key(EVP_PKEY *own, EVP_PKEY *peer, uint8_t key[WRAP_KEY])
{
    uint8_t shared[SHARED];
    size_t size = sizeof(shared);
    bool good = jwe_agree(own, peer, shared, &size) &&
                jwe_derive(shared, size, BY_ECDH, "", "", WRAP_KEY, key);
    OPENSSL_cleanse(shared, sizeof(shared));
    return good;
}

/* ---- sealing ---- */

static char *encode(const void *bytes, size_t size)
{
    char *text = malloc(BASE64_TEXT(size));
    return text ? base64_write(BASE64_URL, bytes, size, text) : NULL;
}

char *jwe_content(const char *header, const uint8_t key[32], const uint8_t nonce[12],
                  const uint8_t *content, size_t size)
{
    uint8_t tag[BOX_TAG], *sealed = malloc(size + 1);
    char *text = NULL, *nonce_text = NULL, *sealed_text = NULL, *tag_text = NULL;
    EVP_CIPHER_CTX *cipher = aead_new(key, true);
    if (cipher && sealed &&
        aead_seal(cipher, nonce, header, strlen(header), content, size, sealed, tag) &&
        (nonce_text = encode(nonce, BOX_NONCE)) && (sealed_text = encode(sealed, size)) &&
        (tag_text = encode(tag, sizeof(tag))) &&
        asprintf(&text, "%s.%s.%s", nonce_text, sealed_text, tag_text) < 0)
        text = NULL;
    EVP_CIPHER_CTX_free(cipher);
    free(nonce_text);
    free(sealed_text);
    free(tag_text);
    free(sealed);
    return text;
}

static EVP_PKEY *make_like(EVP_PKEY *key)
{
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    if (!context || EVP_PKEY_keygen_init(context) != 1 || EVP_PKEY_keygen(context, &made) != 1)
        made = NULL;
    EVP_PKEY_CTX_free(context);
    return made;
}

/* Wraps the content's key; *header is what it says of that. */
static size_t seal_key(const struct recipient *recipient, const uint8_t content_key[32],
                       uint8_t *wrapped, json_t **header)
{
    if (recipient->kind == RECIPIENT_RSA) {
        *header = json_pack("{s:s, s:s}", "alg", BY_RSA, "enc", CIPHER);
        return wrap_oaep(recipient->key, "SHA256", content_key, 32, wrapped);
    }
    uint8_t key[WRAP_KEY];
    size_t size = 0;
    EVP_PKEY *ephemeral = make_like(recipient->key);
    if (ephemeral && agreed_key(ephemeral, recipient->key, key)) {
        *header = json_pack("{s:s, s:s, s:o}", "alg", BY_ECDH, "enc", CIPHER, "epk",
                            recipient_jwk(ephemeral));
        size = wrap_aes(key, false, content_key, 32, wrapped);
    }
    OPENSSL_cleanse(key, sizeof(key));
    EVP_PKEY_free(ephemeral);
    return size;
}

/* The header's text in base64url. */
static char *header_text(json_t *header, const struct recipient *recipient, const char *type)
{
    char *plain = NULL, *text = NULL;
    if (header &&
        (!*recipient->kid ||
         json_object_set_new(header, "kid", json_string(recipient->kid)) == 0) &&
        json_object_set_new(header, "cty", json_string(type)) == 0)
        plain = json_dumps(header, JSON_COMPACT);
    if (plain)
        text = encode(plain, strlen(plain));
    free(plain);
    return text;
}

cella_status jwe_seal(const struct recipient *recipient, const char *type, const uint8_t *content,
                      size_t size, char **text, cella_error *error)
{
    uint8_t key[32], nonce[BOX_NONCE], wrapped[WRAPPED];
    json_t *header = NULL;
    size_t wrapped_size = 0;
    char *head = NULL, *key_text = NULL, *rest = NULL;
    cella_status status = CELLA_OK;
    *text = NULL;
    if (RAND_bytes(key, sizeof(key)) == 1 && RAND_bytes(nonce, sizeof(nonce)) == 1)
        wrapped_size = seal_key(recipient, key, wrapped, &header);
    if (!wrapped_size)
        status = fail(error, CELLA_INVALID, "recipient: nothing can be wrapped for this key");
    else if (!(head = header_text(header, recipient, type)) ||
             !(key_text = encode(wrapped, wrapped_size)) ||
             !(rest = jwe_content(head, key, nonce, content, size)) ||
             asprintf(text, "%s.%s.%s", head, key_text, rest) < 0)
        status = fail(error, CELLA_MEMORY, "no memory for a JWE");
    OPENSSL_cleanse(key, sizeof(key));
    json_decref(header);
    free(head);
    free(key_text);
    free(rest);
    return status;
}

/* ---- opening ---- */

struct part {
    const char *text;
    size_t length;
};

struct parsed {
    struct part parts[5];
    json_t *header;
    bool by_rsa;
    struct recipient ephemeral; /* of ECDH */
};

static bool split(const char *text, size_t length, struct part parts[5])
{
    const char *end = text + length;
    for (size_t i = 0; i < 5; i++) {
        const char *dot = memchr(text, '.', (size_t)(end - text));
        if ((dot == NULL) != (i == 4))
            return false;
        parts[i] = (struct part){text, (size_t)((dot ? dot : end) - text)};
        text = dot ? dot + 1 : end;
    }
    return true;
}

static bool is(const json_t *header, const char *name, const char *value)
{
    const char *text = json_string_value(json_object_get(header, name));
    return text && strcmp(text, value) == 0;
}

/* Each member is one that is known; "crit" and "zip" so are refused. */
static cella_status check_header(struct parsed *jwe, cella_error *error)
{
    static const char *const known[] = {"alg", "enc", "epk", "kid", "cty", "typ", NULL};
    const char *name;
    json_t *value;
    json_object_foreach(jwe->header, name, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return fail(error, CELLA_UNSUPPORTED, "JWE: header: %.40s: unknown", name);
    }
    jwe->by_rsa = is(jwe->header, "alg", BY_RSA);
    if ((!jwe->by_rsa && !is(jwe->header, "alg", BY_ECDH)) || !is(jwe->header, "enc", CIPHER))
        return fail(error, CELLA_UNSUPPORTED,
                    "JWE: alg must be " BY_RSA " or " BY_ECDH ", and enc " CIPHER);
    if (jwe->by_rsa)
        return CELLA_OK;
    return recipient_read(json_object_get(jwe->header, "epk"), &jwe->ephemeral, error);
}

static cella_status read_header(struct parsed *jwe, cella_error *error)
{
    uint8_t bytes[BASE64_BYTES(HEADER)];
    size_t size;
    if (jwe->parts[0].length > HEADER ||
        !base64_read(BASE64_URL, jwe->parts[0].text, jwe->parts[0].length, bytes, &size))
        return fail(error, CELLA_INVALID, "JWE: header: not base64url of at most %u letters",
                    HEADER);
    jwe->header = json_loadb((char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(jwe->header))
        return fail(error, CELLA_INVALID, "JWE: header: not a JSON object");
    return check_header(jwe, error);
}

/* A part of exactly this size. */
static bool read_part(const struct part *part, uint8_t *bytes, size_t size)
{
    uint8_t room[BASE64_BYTES(BASE64_TEXT(WRAPPED))];
    size_t found;
    if (part->length >= BASE64_TEXT(size) ||
        !base64_read(BASE64_URL, part->text, part->length, room, &found) || found != size)
        return false;
    memcpy(bytes, room, size);
    return true;
}

static bool open_key(EVP_PKEY *key, struct parsed *jwe, uint8_t content_key[32])
{
    uint8_t wrapped[WRAPPED], under[WRAP_KEY], plain[512] = {0};
    bool good = false;
    if (jwe->by_rsa) {
        size_t size = (size_t)EVP_PKEY_get_size(key);
        good = EVP_PKEY_is_a(key, "RSA") && size <= WRAPPED &&
               read_part(&jwe->parts[1], wrapped, size) &&
               unwrap_oaep(key, "SHA256", wrapped, size, plain) == 32;
    } else {
        good = !EVP_PKEY_is_a(key, "RSA") && read_part(&jwe->parts[1], wrapped, 40) &&
               agreed_key(key, jwe->ephemeral.key, under) &&
               unwrap_aes(under, false, wrapped, 40, plain) == 32;
        OPENSSL_cleanse(under, sizeof(under));
    }
    memcpy(content_key, plain, 32);
    OPENSSL_cleanse(plain, sizeof(plain));
    return good;
}

static cella_status open_content(struct parsed *jwe, const uint8_t content_key[32],
                                 uint8_t **content, size_t *size, cella_error *error)
{
    uint8_t nonce[BOX_NONCE], tag[BOX_TAG];
    uint8_t *bytes = malloc(BASE64_BYTES(jwe->parts[3].length));
    EVP_CIPHER_CTX *cipher = aead_new(content_key, false);
    cella_status status = CELLA_OK;
    if (!bytes || !cipher)
        status = fail(error, CELLA_MEMORY, "no memory to open a JWE");
    else if (!read_part(&jwe->parts[2], nonce, sizeof(nonce)) ||
             !read_part(&jwe->parts[4], tag, sizeof(tag)) ||
             !base64_read(BASE64_URL, jwe->parts[3].text, jwe->parts[3].length, bytes, size))
        status = fail(error, CELLA_INVALID, "JWE: nonce, ciphertext or tag: malformed");
    else if (!aead_open(cipher, nonce, jwe->parts[0].text, jwe->parts[0].length, bytes, *size,
                        bytes, tag))
        status = fail(error, CELLA_REFUSED, "JWE: it was altered");
    EVP_CIPHER_CTX_free(cipher);
    if (status)
        free(bytes);
    else
        *content = bytes;
    return status;
}

cella_status jwe_open(EVP_PKEY *key, const char *text, size_t length, uint8_t **content,
                      size_t *size, cella_error *error)
{
    struct parsed jwe = {0};
    uint8_t content_key[32];
    *content = NULL;
    if (length > JWE_MOST || !split(text, length, jwe.parts))
        return fail(error, CELLA_INVALID, "JWE: not five parts of at most %u letters", JWE_MOST);
    cella_status status = read_header(&jwe, error);
    if (status == CELLA_OK && !open_key(key, &jwe, content_key))
        status = fail(error, CELLA_REFUSED, "JWE: not for this key");
    if (status == CELLA_OK)
        status = open_content(&jwe, content_key, content, size, error);
    OPENSSL_cleanse(content_key, sizeof(content_key));
    recipient_drop(&jwe.ephemeral);
    json_decref(jwe.header);
    return status;
}
