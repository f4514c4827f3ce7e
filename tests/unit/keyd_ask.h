/* SPDX-License-Identifier: Apache-2.0
 *
 * A service without its transport: asked, and its log read. For the tests of keyd/ that judge what
 * it decides.
 */
#ifndef UNIT_KEYD_ASK_H
#define UNIT_KEYD_ASK_H

#include "keyd_test.h"

#include "keyd/audit.h"
#include "keyd/service.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>

static struct service *service;
static EVP_PKEY *signing;
static const char *client = "192.0.2.7"; /* who asks */

/* The key that replies are signed with, as clients have it. */
static inline bool read_signing(void)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/signing.pem", folder);
    FILE *from = fopen(path, "r");
    signing = from ? PEM_read_PUBKEY(from, NULL, NULL, NULL) : NULL;
    if (from)
        fclose(from);
    return signing != NULL;
}

static inline struct service *start(const struct service_options *options)
{
    struct keystore *store;
    struct service *made;
    size_t torn;
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(service_new(store, options, &made, &torn, &problem));
    assert_int_equal(torn, 0);
    return made;
}

/* ---- asking ---- */

static inline json_t *ask(const char *method, const char *path, const char *body, unsigned status)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct service_reply reply = {0};
    inet_pton(AF_INET, client, &address.sin_addr);
    service_answer(service, method, path, body, strlen(body), (struct sockaddr *)&address, &reply);
    assert_non_null(reply.body);
    if (reply.status != status)
        fail_msg("%u, not %u: %s", reply.status, status, reply.body);
    json_t *object = json_loads(reply.body, 0, NULL);
    assert_non_null(object);
    free(reply.body);
    return object;
}

static inline char *challenge(void)
{
    json_t *reply = ask("POST", "/v1/challenge", "", 200);
    char *nonce = strdup(json_string_value(json_object_get(reply, "nonce")));
    json_decref(reply);
    return nonce;
}

/* The signed payload of a reply. */
static inline json_t *payload_of(json_t *reply)
{
    json_t *payload = check_jws(json_string_value(json_object_get(reply, "value")), signing);
    assert_non_null(payload);
    json_decref(reply);
    return payload;
}

static inline const char *text_at(const json_t *object, const char *outer, const char *name)
{
    const json_t *inside = outer ? json_object_get(object, outer) : object;
    return json_string_value(json_object_get(inside, name));
}

/* Refused with this class and a sentence that holds `part`; nothing is given. */
static inline void refuse(const char *request, unsigned status, const char *class, const char *part)
{
    json_t *reply = ask("POST", "/v1/release", request, status);
    const char *found = text_at(reply, "error", "class"),
               *sentence = text_at(reply, "error", "sentence");
    if (!found || strcmp(found, class) != 0 || !strstr(sentence, part))
        fail_msg("%s: \"%s\" is not %s with \"%s\"", found, sentence, class, part);
    assert_null(json_object_get(reply, "value"));
    assert_null(strstr(sentence, base)); /* where its files are is not told */
    json_decref(reply);
}

/* ---- the log ---- */

struct seen {
    int granted, refused, malformed;
    const char *nonce; /* whose last line is looked for */
    char decision[16], key[64], evidence[65], policy[65], reason[256];
};

static inline void look(const json_t *entry, void *context)
{
    struct seen *seen = context;
    const char *decision = text_at(entry, NULL, "decision"), *nonce = text_at(entry, NULL, "nonce");
    if (!decision)
        return;
    seen->granted += strcmp(decision, "granted") == 0;
    seen->refused += strcmp(decision, "refused") == 0;
    seen->malformed += strcmp(decision, "malformed") == 0;
    if (nonce && seen->nonce && strcmp(nonce, seen->nonce) == 0) {
        const char *evidence = text_at(entry, NULL, "evidence");
        evidence = evidence ? evidence : text_at(entry, NULL, "token");
        snprintf(seen->decision, 16, "%s", decision);
        snprintf(seen->key, 64, "%s",
                 text_at(entry, NULL, "key") ? text_at(entry, NULL, "key") : "");
        snprintf(seen->evidence, 65, "%s", evidence ? evidence : "");
        snprintf(seen->policy, 65, "%s",
                 text_at(entry, NULL, "policy") ? text_at(entry, NULL, "policy") : "");
        snprintf(seen->reason, 256, "%s", text_at(entry, NULL, "reason"));
        assert_string_equal(text_at(entry, NULL, "client"), client);
    }
}

static inline struct seen read_log(const char *nonce)
{
    char path[256];
    struct seen seen = {.nonce = nonce};
    struct audit_head head;
    size_t torn;
    snprintf(path, sizeof(path), "%s/log", folder);
    good(audit_check(path, look, &seen, &head, &torn, &problem));
    assert_int_equal(torn, 0);
    return seen;
}

#endif
