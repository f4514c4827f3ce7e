/* SPDX-License-Identifier: Apache-2.0
 *
 * The requests of docs/keyd.md, in their order.
 */
#include "ask.h"

#include "../recipient.h"
#include "attest/evidence.h"
#include "box/hpke.h"
#include "image/base64.h"
#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MOST 10u /* s between two tries */

/* One request to a keyd, and its answer. */
struct exchange {
    const char *method, *path, *what; /* for sentences: what is asked for */
    char *body;                       /* NULL: none */
    uint8_t *bytes;
    struct reply reply; /* in them */
    unsigned wait;      /* s; 0: trying again is of no use */
};

static void drop(struct exchange *exchange)
{
    free(exchange->body);
    free(exchange->bytes);
    exchange->body = NULL;
    exchange->bytes = NULL;
}

/* CELLA_OK: it was answered with 200. */
static cella_status run(const struct ask_keyd *keyd, struct exchange *exchange, cella_error *error)
{
    char refusal[400];
    size_t size;
    cella_status status =
        https_ask(&keyd->server, exchange->method, exchange->path,
                  exchange->body ? exchange->body : "", &exchange->bytes, &size, error);
    if (status == CELLA_OK)
        status = reply_read(exchange->bytes, size, &exchange->reply, error);
    if (status || exchange->reply.status == 200)
        return status;
    if (exchange->reply.status == 429 || exchange->reply.status == 503)
        exchange->wait = exchange->reply.retry_after ? exchange->reply.retry_after : 1;
    reply_refusal(&exchange->reply, refusal, sizeof(refusal));
    return fail(error, CELLA_REFUSED, "keyd %s refuses %.70s: %s", keyd->server.where,
                exchange->what, refusal);
}

/* ---- the three requests ---- */

static cella_status meet(struct ask_keyd *keyd, unsigned *wait, cella_error *error)
{
    struct exchange exchange = {.method = "GET", .path = "/v1/status", .what = "its status"};
    cella_status status = run(keyd, &exchange, error);
    if (status == CELLA_OK)
        status = reply_signing_key(exchange.reply.body, exchange.reply.size, keyd->kid,
                                   &keyd->signing, error);
    *wait = exchange.wait;
    drop(&exchange);
    return status;
}

static cella_status challenge(const struct ask_keyd *keyd, uint8_t nonce[CHALLENGE_SIZE],
                              unsigned *wait, cella_error *error)
{
    struct exchange exchange = {.method = "POST", .path = "/v1/challenge", .what = "a challenge"};
    cella_status status = run(keyd, &exchange, error);
    if (status == CELLA_OK)
        status = reply_challenge(exchange.reply.body, exchange.reply.size, nonce, error);
    *wait = exchange.wait;
    drop(&exchange);
    return status;
}

static cella_status release(const struct ask_keyd *keyd, const struct reply_asked *asked,
                            char *body, uint8_t key[REPLY_KEY], unsigned *wait, cella_error *error)
{
    char what[128];
    snprintf(what, sizeof(what), "the key %s", asked->key);
    struct exchange exchange = {
        .method = "POST", .path = "/v1/release", .what = what, .body = body};
    cella_status status = run(keyd, &exchange, error);
    if (status == CELLA_OK)
        status = reply_release(exchange.reply.body, exchange.reply.size, asked, key, error);
    *wait = exchange.wait;
    drop(&exchange);
    return status;
}

/* ---- what a release is asked for with ---- */

/* Evidence of this enclave that binds the request; *text is base64, the caller's to free. */
static cella_status prove(struct reply_asked *asked, char **text, cella_error *error)
{
    uint8_t *evidence;
    size_t size;
    *text = NULL;
    cella_status status = evidence_here(asked->binding.report_data, &evidence, &size, error);
    if (status)
        return status;
    status = digest_bytes(evidence, size, asked->evidence, error);
    if (status == CELLA_OK && !(*text = malloc(BASE64_TEXT(size))))
        status = fail(error, CELLA_MEMORY, "no memory for evidence");
    if (status == CELLA_OK)
        base64_write(BASE64, evidence, size, *text);
    free(evidence);
    return status;
}

/* The request's text; the caller's to free. */
static cella_status write_request(struct reply_asked *asked, EVP_PKEY *recipient, char **body,
                                  cella_error *error)
{
    char nonce[65], *evidence;
    *body = NULL;
    cella_status status = prove(asked, &evidence, error);
    if (status)
        return status;
    json_t *request = json_pack("{s:s, s:s, s:s, s:s, s:o}", "key", asked->key, "nonce",
                                hex_write(asked->nonce, CHALLENGE_SIZE, nonce), "evidence",
                                evidence, "format", "hpke", "recipient", recipient_jwk(recipient));
    *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    free(evidence);
    return *body ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory for a request");
}

/* A recipient's key pair for this request alone, and what evidence has to bind. */
static cella_status bind_request(struct reply_asked *asked, EVP_PKEY **key, cella_error *error)
{
    uint8_t public_key[HPKE_KEY];
    struct recipient recipient = {0};
    *key = hpke_generate(asked->secret, public_key)
               ? EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, HPKE_KEY)
               : NULL;
    cella_status status = *key ? recipient_of(*key, &recipient, error)
                               : fail(error, CELLA_SYSTEM, "the enclave cannot make a key");
    memcpy(asked->recipient, recipient.sha256, 32);
    if (status == CELLA_OK &&
        !binding_make(asked->nonce, asked->recipient, asked->key, &asked->binding))
        status = fail(error, CELLA_INVALID, "%.80s: is no key's name", asked->key);
    recipient_drop(&recipient);
    return status;
}

static cella_status ask_once(struct ask_keyd *keyd, const char *name, uint8_t key[REPLY_KEY],
                             unsigned *wait, cella_error *error)
{
    struct reply_asked asked = {.key = name};
    EVP_PKEY *recipient = NULL;
    char *body = NULL;
    cella_status status = keyd->signing ? CELLA_OK : meet(keyd, wait, error);
    if (status == CELLA_OK)
        status = challenge(keyd, asked.nonce, wait, error);
    if (status == CELLA_OK)
        status = bind_request(&asked, &recipient, error);
    if (status == CELLA_OK)
        status = write_request(&asked, recipient, &body, error);
    asked.signing = keyd->signing;
    memcpy(asked.kid, keyd->kid, 32);
    if (status == CELLA_OK)
        status = release(keyd, &asked, body, key, wait, error);
    EVP_PKEY_free(recipient);
    OPENSSL_cleanse(&asked, sizeof(asked));
    return status;
}

cella_status ask_key(struct ask_keyd *keyd, const char *name, uint8_t key[REPLY_KEY],
                     cella_error *error)
{
    for (int try = 1;; try++) {
        unsigned wait = 0;
        cella_status status = ask_once(keyd, name, key, &wait, error);
        if (status == CELLA_OK || !wait || try == ASK_TRIES)
            return status;
        sleep(wait < WAIT_MOST ? wait : WAIT_MOST);
    }
}
