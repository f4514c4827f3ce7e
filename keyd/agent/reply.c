/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers read. A release is a JWS: its signature is looked at first, and only then what it says.
 */
#include "reply.h"

#include "../fields.h"
#include "../release.h"
#include "attest/token/jose.h"
#include "box/hpke.h"
#include "image/fail.h"
#include "image/hex.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WHERE      "keyd's answer"
#define HEAD_MOST  8192u
#define RETRY_MOST 3600u

/* ---- HTTP ---- */

/* One to nine digits and nothing else. */
static bool read_number(const char *text, size_t size, unsigned *number)
{
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = 10 * *number + (unsigned)(text[i] - '0');
    }
    return size >= 1 && size <= 9;
}

/* A line "Name: value" of the header. */
struct line {
    const char *name, *value;
    size_t name_size, value_size;
};

static bool is_named(const struct line *line, const char *name)
{
    return line->name_size == strlen(name) && strncasecmp(line->name, name, line->name_size) == 0;
}

/* Takes the line up to its CR LF. False: it is none. */
static bool next_line(const char **at, const char *end, struct line *line)
{
    const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);
    const char *colon = stop ? memchr(*at, ':', (size_t)(stop - *at)) : NULL;
    if (!colon || colon == *at)
        return false;
    line->name = *at;
    line->name_size = (size_t)(colon - *at);
    for (colon++; colon < stop && *colon == ' '; colon++)
        ;
    line->value = colon;
    line->value_size = (size_t)(stop - colon);
    *at = stop + 2;
    return true;
}

/* The lines up to `end`. False: malformed, or the body is not of one known length. */
static bool read_lines(const char *at, const char *end, struct reply *reply, unsigned *length)
{
    struct line line;
    bool has_length = false;
    while (at < end) {
        if (!next_line(&at, end, &line) || is_named(&line, "Transfer-Encoding"))
            return false;
        if (is_named(&line, "Content-Length")) {
            if (has_length || !read_number(line.value, line.value_size, length))
                return false;
            has_length = true;
        }
        if (is_named(&line, "Retry-After") &&
            (!read_number(line.value, line.value_size, &reply->retry_after) ||
             reply->retry_after > RETRY_MOST))
            return false;
    }
    return has_length;
}

cella_status reply_read(const uint8_t *bytes, size_t size, struct reply *reply, cella_error *error)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t first = sizeof(version) - 1;
    const char *text = (const char *)bytes;
    const char *end = memmem(text, size < HEAD_MOST ? size : HEAD_MOST, "\r\n\r\n", 4);
    const char *lines = end ? memmem(text, (size_t)(end - text) + 2, "\r\n", 2) : NULL;
    unsigned length = 0;
    memset(reply, 0, sizeof(*reply));
    if (!lines || (size_t)(lines - text) < first + 3 || memcmp(text, version, first) != 0 ||
        !read_number(text + first, 3, &reply->status) ||
        (lines - text > (ptrdiff_t)first + 3 && text[first + 3] != ' ') ||
        !read_lines(lines + 2, end + 2, reply, &length))
        return fail(error, CELLA_INVALID, WHERE ": is none of HTTP/1.1 with a Content-Length");
    reply->body = end + 4;
    reply->size = size - (size_t)(reply->body - text);
    return length == reply->size
               ? CELLA_OK
               : fail(error, CELLA_INVALID, WHERE ": has %zu bytes, not %u as its header says",
                      reply->size, length);
}

/* ---- what keyd refuses ---- */

void reply_refusal(const struct reply *reply, char *text, size_t room)
{
    const char *class = NULL, *sentence = NULL;
    json_t *object;
    if (fields_parse(reply->body, reply->size, WHERE, &object, NULL) == CELLA_OK)
        json_unpack(object, "{s:{s:s, s:s}}", "error", "class", &class, "sentence", &sentence);
    if (class && sentence)
        snprintf(text, room, "%s: %s", class, sentence);
    else
        snprintf(text, room, "HTTP status %u", reply->status);
    json_decref(object);
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

/* ---- the signing key ---- */

static bool has_digest(EVP_PKEY *key, const uint8_t sha256[32])
{
    uint8_t *der = NULL, found[32];
    int size = i2d_PUBKEY(key, &der);
    bool good =
        size > 0 && SHA256(der, (size_t)size, found) && CRYPTO_memcmp(found, sha256, 32) == 0;
    OPENSSL_free(der);
    return good;
}

cella_status reply_signing_key(const char *body, size_t size, const uint8_t sha256[32],
                               EVP_PKEY **key, cella_error *error)
{
    json_t *object;
    char expected[65];
    *key = NULL;
    cella_status status = fields_parse(body, size, WHERE, &object, error);
    if (status == CELLA_OK)
        status =
            jwk_read(json_object_get(object, "signing_key"), WHERE ": signing_key", key, error);
    json_decref(object);
    if (status || has_digest(*key, sha256))
        return status;
    EVP_PKEY_free(*key);
    *key = NULL;
    return fail(error, CELLA_REFUSED,
                WHERE ": signing_key: expected the one with the SHA-256 %s, found another",
                hex_write(sha256, 32, expected));
}

/* ---- the challenge ---- */

cella_status reply_challenge(const char *body, size_t size, uint8_t nonce[CHALLENGE_SIZE],
                             cella_error *error)
{
    json_t *object;
    const json_t *text, *expires;
    const struct field fields[] = {{"nonce", JSON_STRING, false, &text},
                                   {"expires", JSON_STRING, false, &expires}};
    cella_status status = fields_parse(body, size, WHERE, &object, error);
    if (status == CELLA_OK)
        status = FIELDS_READ(object, WHERE, fields, error);
    if (status == CELLA_OK)
        status = fields_hex(text, WHERE, "nonce", nonce, CHALLENGE_SIZE, error);
    json_decref(object);
    return status;
}

/* ---- the release: its signature ---- */

/* One part of a JWS; *at goes behind it and its dot. NULL: malformed. */
static uint8_t *next_part(const char **at, size_t *size)
{
    size_t length = strcspn(*at, ".");
    uint8_t *bytes = jose_decode(*at, length, size);
    *at += length;
    *at += **at == '.';
    return bytes;
}

static cella_status check_header(const uint8_t *header, size_t size, const uint8_t kid[32],
                                 cella_error *error)
{
    json_t *object;
    const json_t *alg, *key, *type;
    const struct field fields[] = {{"alg", JSON_STRING, false, &alg},
                                   {"kid", JSON_STRING, false, &key},
                                   {"typ", JSON_STRING, false, &type}};
    char expected[65];
    cella_status status =
        fields_parse((const char *)header, size, WHERE ": header", &object, error);
    if (status == CELLA_OK)
        status = FIELDS_READ(object, WHERE ": header", fields, error);
    if (status == CELLA_OK && (strcmp(json_string_value(alg), "ES256") != 0 ||
                               strcmp(json_string_value(key), hex_write(kid, 32, expected)) != 0 ||
                               strcmp(json_string_value(type), "cella-release+jwt") != 0))
        status =
            fail(error, CELLA_REFUSED,
                 WHERE ": header: is not of a release, by ES256 and the key that was asked for");
    json_decref(object);
    return status;
}

/* The payload of what the key has signed. */
static cella_status open_jws(const char *text, const struct reply_asked *asked, json_t **payload,
                             cella_error *error)
{
    const struct jose_algorithm *algorithm = jose_algorithm("ES256");
    const char *at = text, *signature_at;
    size_t sizes[3] = {0};
    uint8_t *header = next_part(&at, &sizes[0]), *content = next_part(&at, &sizes[1]);
    signature_at = at;
    uint8_t *signature = next_part(&at, &sizes[2]);
    cella_status status = CELLA_OK;
    *payload = NULL;
    if (!header || !content || !signature || *at || signature_at - text < 2)
        status = fail(error, CELLA_INVALID, WHERE ": value: is no JWS in compact form");
    else if (!jose_fits(algorithm, asked->signing) ||
             !jose_verify(algorithm, asked->signing, text, (size_t)(signature_at - text) - 1,
                          signature, sizes[2]))
        status = fail(error, CELLA_REFUSED, WHERE ": is not signed by the key that was asked for");
    if (status == CELLA_OK)
        status = check_header(header, sizes[0], asked->kid, error);
    if (status == CELLA_OK)
        status = fields_parse((const char *)content, sizes[1], WHERE ": payload", payload, error);
    free(header);
    free(content);
    free(signature);
    return status;
}

/* ---- the release: what it answers ---- */

static bool is_hex(const json_t *value, const uint8_t bytes[32])
{
    char text[65];
    return strcmp(json_string_value(value), hex_write(bytes, 32, text)) == 0;
}

static cella_status check_request(const json_t *request, const struct reply_asked *asked,
                                  cella_error *error)
{
    const json_t *key, *nonce, *recipient, *enc;
    const struct field fields[] = {{"key", JSON_STRING, false, &key},
                                   {"nonce", JSON_STRING, false, &nonce},
                                   {"recipient", JSON_STRING, false, &recipient},
                                   {"enc", JSON_STRING, false, &enc}};
    cella_status status = FIELDS_READ(request, WHERE ": request", fields, error);
    if (status)
        return status;
    if (strcmp(json_string_value(key), asked->key) == 0 && is_hex(nonce, asked->nonce) &&
        is_hex(recipient, asked->recipient) && strcmp(json_string_value(enc), "hpke") == 0)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED,
                WHERE ": request: is of another request than this one; was it replayed?");
}

static cella_status open_sealed(const json_t *response, const struct reply_asked *asked,
                                uint8_t key[REPLY_KEY], cella_error *error)
{
    const char *enc, *sealed;
    size_t enc_size = 0, size = 0;
    if (json_unpack((json_t *)(uintptr_t)response, "{s:{s:s, s:s !} !}", "hpke", "enc", &enc,
                    "sealed", &sealed) != 0)
        return fail(error, CELLA_INVALID, WHERE ": response: has no key under HPKE");
    uint8_t *from = jose_decode(enc, strlen(enc), &enc_size);
    uint8_t *bytes = jose_decode(sealed, strlen(sealed), &size);
    cella_status status = CELLA_OK;
    if (!from || !bytes || enc_size != HPKE_KEY)
        status = fail(error, CELLA_INVALID, WHERE ": response: is malformed");
    else if (size != REPLY_KEY + HPKE_TAG)
        status = fail(error, CELLA_INVALID, "the key %s is not one of %u bytes: it opens no box",
                      asked->key, REPLY_KEY);
    else if (!hpke_open(asked->secret, from,
                        (struct hpke_bytes){RELEASE_INFO, strlen(RELEASE_INFO)},
                        (struct hpke_bytes){asked->binding.report_data, 64},
                        (struct hpke_bytes){bytes, size}, key))
        status = fail(error, CELLA_REFUSED,
                      WHERE ": response: the key does not open: it was sealed for another request");
    free(from);
    free(bytes);
    return status;
}

static cella_status read_payload(const json_t *payload, const struct reply_asked *asked,
                                 uint8_t key[REPLY_KEY], cella_error *error)
{
    const json_t *decision, *request, *evidence, *policy, *log, *issued, *response;
    const struct field fields[] = {
        {"decision", JSON_STRING, false, &decision}, {"request", JSON_OBJECT, false, &request},
        {"evidence", JSON_STRING, false, &evidence}, {"policy", JSON_STRING, false, &policy},
        {"log", JSON_OBJECT, false, &log},           {"iat", JSON_INTEGER, false, &issued},
        {"response", JSON_OBJECT, false, &response}};
    cella_status status = FIELDS_READ(payload, WHERE ": payload", fields, error);
    if (status || (status = check_request(request, asked, error)))
        return status;
    if (!is_hex(evidence, asked->evidence))
        return fail(error, CELLA_REFUSED, WHERE ": evidence: is not what was sent");
    if (strcmp(json_string_value(decision), "would grant") == 0)
        return fail(error, CELLA_REFUSED,
                    "keyd would release the key %s, but runs with --dry-run: it releases none",
                    asked->key);
    if (strcmp(json_string_value(decision), "granted") != 0)
        return fail(error, CELLA_REFUSED, WHERE ": decision: is not \"granted\"");
    return open_sealed(response, asked, key, error);
}

cella_status reply_release(const char *body, size_t size, const struct reply_asked *asked,
                           uint8_t key[REPLY_KEY], cella_error *error)
{
    json_t *object, *payload = NULL;
    const json_t *value;
    const struct field fields[] = {{"value", JSON_STRING, false, &value}};
    memset(key, 0, REPLY_KEY);
    cella_status status = fields_parse(body, size, WHERE, &object, error);
    if (status == CELLA_OK)
        status = FIELDS_READ(object, WHERE, fields, error);
    if (status == CELLA_OK)
        status = open_jws(json_string_value(value), asked, &payload, error);
    if (status == CELLA_OK)
        status = read_payload(payload, asked, key, error);
    json_decref(payload);
    json_decref(object);
    return status;
}
