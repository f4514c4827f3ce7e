/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients of a keyd over HTTPS, many at once: each is given keys, and knows right ones from wrong.
 */
#ifndef UNIT_KEYD_LOAD_H
#define UNIT_KEYD_LOAD_H

#include "keyd_https.h"
#include "keyd_test.h"

#include "keyd/audit.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define CLIENTS 16

static SSL_CTX *context;
static EVP_PKEY *x25519, *signing;
static uint8_t x25519_secret[32];
static struct enclave enclave;

static inline int set_up_all(void **state)
{
    size_t size = 32;
    char path[256];
    if (set_up(state))
        return -1;
    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof(path), "%s/tls.pem", folder);
    context = https_context(path);
    snprintf(path, sizeof(path), "%s/signing.pem", folder);
    FILE *from = fopen(path, "r");
    signing = from ? PEM_read_PUBKEY(from, NULL, NULL, NULL) : NULL;
    if (from)
        fclose(from);
    enclave = (struct enclave){platform, "vsm", 3, false};
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY_get_raw_private_key(x25519, x25519_secret, &size);
    return context && signing ? 0 : -1;
}

static inline int tear_down_all(void **state)
{
    SSL_CTX_free(context);
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(signing);
    return tear_down(state);
}

/* ---- one client ---- */

static atomic_bool is_killed; /* the keyd: then a reply may end in its middle */

enum outcome {
    GIVEN, /* the right key, signed */
    NONE,  /* no reply: ask again */
    WRONG, /* anything else */
};

/* The nonce of a challenge; false: no reply. */
static inline bool challenge(struct https *https, char nonce[65])
{
    char *body;
    int status = https_ask(https, "POST", "/v1/challenge", "", &body);
    json_t *object = status == 200 ? json_loads(body, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(object, "nonce"));
    bool there = text && strlen(text) == 64;
    if (there)
        strcpy(nonce, text);
    json_decref(object);
    free(body);
    return there;
}

static inline enum outcome judge(const char *body, const char *nonce)
{
    uint8_t key[64], bytes[32];
    struct binding binding;
    struct recipient recipient;
    enum outcome outcome = WRONG;
    json_t *reply = json_loads(body, 0, NULL);
    const char *value = json_string_value(json_object_get(reply, "value"));
    json_t *payload = value ? check_jws(value, signing) : NULL;
    if (payload && recipient_of(x25519, &recipient, NULL) == CELLA_OK) {
        if (hex_read(nonce, bytes, 32) &&
            binding_make(bytes, recipient.sha256, "first", &binding) &&
            open_hpke(payload, &binding, x25519_secret, key, sizeof(key)) == 32 &&
            memcmp(key, "0123456789abcdef0123456789abcdef", 32) == 0)
            outcome = GIVEN;
        recipient_drop(&recipient);
    }
    json_decref(payload);
    json_decref(reply);
    return outcome;
}

static inline enum outcome ask_for_key(struct https *https)
{
    char nonce[65], *body;
    if (!challenge(https, nonce))
        return NONE;
    char *request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    int status = https_ask(https, "POST", "/v1/release", request, &body);
    enum outcome outcome = WRONG;
    if (status == 200)
        outcome = judge(body, nonce);
    else if (status == 0 || (status < 0 && is_killed) || status == 503 ||
             (status == 403 && strstr(body, "CHALLENGE")))
        outcome = NONE; /* it stopped, or another one was asked for the challenge */
    if (outcome == WRONG)
        print_error("a wrong answer: %d %s\n", status, body ? body : "");
    free(request);
    free(body);
    return outcome;
}

/* ---- many of them ---- */

static atomic_bool ends;
static atomic_uint given, none, wrong_answers;
static uint16_t load_port;

static inline void *load(void *unused)
{
    struct https https = {.context = context, .port = load_port};
    (void)unused;
    while (!ends) {
        enum outcome outcome = ask_for_key(&https);
        given += outcome == GIVEN;
        none += outcome == NONE;
        wrong_answers += outcome == WRONG;
        if (outcome == NONE)
            usleep(1000);
    }
    https_close(&https);
    return NULL;
}

static inline void begin_load(pthread_t threads[CLIENTS], uint16_t port, bool killed)
{
    is_killed = killed;
    load_port = port;
    ends = false;
    given = none = wrong_answers = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load, NULL), 0);
}

static inline void end_load(pthread_t threads[CLIENTS])
{
    ends = true;
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
}

static inline void wait_until_given(unsigned count)
{
    while (given < count && !wrong_answers)
        usleep(1000);
}

static inline void count_granted(const json_t *entry, void *counts)
{
    const char *decision = json_string_value(json_object_get(entry, "decision"));
    *(unsigned *)counts += decision && strcmp(decision, "granted") == 0;
}

static inline unsigned granted_in_log(size_t *torn)
{
    char path[256];
    unsigned count = 0;
    struct audit_head head;
    snprintf(path, sizeof(path), "%s/log", folder);
    good(audit_check(path, count_granted, &count, &head, torn, &problem));
    return count;
}

#endif
