/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests answered. Decisions are made under a lock that a reload takes alone; waiting for the
 * disk is not.
 */
#include "service.h"

#include "audit.h"
#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "jws.h"
#include "limits.h"
#include "release.h"
#include "room/contract.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENTS    65536u /* whose rates are known */
#define REASON     400u   /* bytes of the log's reason, at most */
#define REPLY_TYPE "cella-release+jwt"
#define VERSION    1

struct service {
    struct service_options options;
    pthread_rwlock_t lock; /* of the next two */
    struct keystore *store;
    struct judge *judge;
    struct challenges *challenges;
    struct limits *limits;
    struct audit *audit;
    char kid[65]; /* of the signing key: SHA-256 of its SubjectPublicKeyInfo */
    int64_t started;
    atomic_uint_fast64_t granted, would_grant, refused, malformed;
    atomic_bool told; /* that the log has failed */
};

void service_options_default(struct service_options *options)
{
    *options = (struct service_options){
        .rate = 50, .burst = 100, .challenge_life = 60, .challenges = 65536, .log_size = 64u << 20};
}

/* ---- beginning and end ---- */

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The operator is told once; who asks is not told where the log is. */
static cella_status log_result(struct service *service, cella_status status, cella_error *error)
{
    struct audit_head head;
    if (status && service->audit && !audit_head(service->audit, &head) && service->options.warn &&
        !atomic_exchange(&service->told, true))
        service->options.warn(error->sentence);
    return status;
}

static cella_status log_event(struct service *service, const char *event, json_t *fields,
                              cella_error *error)
{
    struct audit_head head;
    cella_status status = audit_add(service->audit, event, fields, &head, error);
    if (status == CELLA_OK)
        status = audit_sync(service->audit, head.lines, error);
    return log_result(service, status, error);
}

static cella_status begin(struct service *service, size_t *torn, cella_error *error)
{
    char path[PATH_MAX];
    struct recipient signing;
    cella_status status = recipient_of(service->store->signing, &signing, error);
    hex_write(signing.sha256, 32, service->kid);
    recipient_drop(&signing);
    if (status == CELLA_OK)
        status = keystore_path(service->store->folder, "log", path, error);
    if (status == CELLA_OK && (!service->challenges || !service->limits))
        status = fail(error, CELLA_MEMORY, "no memory for a key release service");
    if (status == CELLA_OK)
        status = judge_new(service->store->folder, &service->options.judge, &service->judge, error);
    if (status == CELLA_OK)
        status = audit_open(path, service->options.log_size, &service->audit, torn, error);
    if (status == CELLA_OK)
        status = log_event(service, "start",
                           json_pack("{s:I, s:b}", "keys", (json_int_t)service->store->count,
                                     "dry_run", service->options.dry_run),
                           error);
    return status;
}

cella_status service_new(struct keystore *store, const struct service_options *options,
                         struct service **made, size_t *torn, cella_error *error)
{
    struct service *service = calloc(1, sizeof(*service));
    *made = NULL;
    *torn = 0;
    if (!service) {
        keystore_close(store);
        return fail(error, CELLA_MEMORY, "no memory for a key release service");
    }
    pthread_rwlock_init(&service->lock, NULL);
    service->options = *options;
    service->store = store;
    service->started = time(NULL);
    service->challenges = challenges_new(options->challenges, options->challenge_life);
    service->limits = limits_new(CLIENTS, options->rate, options->burst);
    cella_status status = begin(service, torn, error);
    if (status)
        service_free(service);
    else
        *made = service;
    return status;
}

cella_status service_end(struct service *service, const char *why, cella_error *error)
{
    if (!service->audit)
        return CELLA_OK;
    return log_event(service, "stop", json_pack("{s:s}", "why", why), error);
}

void service_free(struct service *service)
{
    if (!service)
        return;
    audit_close(service->audit);
    judge_free(service->judge);
    keystore_close(service->store);
    challenges_free(service->challenges);
    limits_free(service->limits);
    pthread_rwlock_destroy(&service->lock);
    free(service);
}

cella_status service_reload(struct service *service, cella_error *error)
{
    struct keystore *store, *old_store;
    struct judge *judge = NULL, *old_judge;
    audit_reopen(service->audit);
    cella_status status = keystore_again(service->store, &store, error);
    if (status == CELLA_OK)
        status = judge_new(store->folder, &service->options.judge, &judge, error);
    if (status) {
        keystore_close(store);
        return status;
    }
    pthread_rwlock_wrlock(&service->lock);
    old_store = service->store;
    old_judge = service->judge;
    service->store = store;
    service->judge = judge;
    pthread_rwlock_unlock(&service->lock);
    keystore_close(old_store);
    judge_free(old_judge);
    return log_event(service, "reload", json_pack("{s:I}", "keys", (json_int_t)store->count),
                     error);
}

const char *service_tls_key(const struct service *service)
{
    return service->store->tls_key;
}

const char *service_tls_certificate(const struct service *service)
{
    return service->store->tls_certificate;
}

/* ---- replies ---- */

/* Takes the object. */
static void reply_json(struct service_reply *reply, unsigned status, json_t *object)
{
    reply->status = status;
    reply->body = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
}

void service_refuse(struct service_reply *reply, unsigned status, const char *class,
                    const char *sentence)
{
    reply_json(reply, status,
               json_pack("{s:{s:s, s:s}}", "error", "class", class, "sentence", sentence));
}

bool service_admit(struct service *service, const struct sockaddr *client,
                   struct service_reply *reply)
{
    if (limits_take(service->limits, monotonic_ms(), client))
        return true;
    service_refuse(reply, 429, "LIMIT", "too many requests of this client; wait a second");
    reply->retry_after = 1;
    return false;
}

static const char *address_text(const struct sockaddr *client, char text[INET6_ADDRSTRLEN])
{
    const void *address = client->sa_family == AF_INET6
                              ? (const void *)&((const struct sockaddr_in6 *)client)->sin6_addr
                              : (const void *)&((const struct sockaddr_in *)client)->sin_addr;
    if ((client->sa_family != AF_INET && client->sa_family != AF_INET6) ||
        !inet_ntop(client->sa_family, address, text, INET6_ADDRSTRLEN))
        strcpy(text, "?");
    return text;
}

/* ---- GET /v1/status ---- */

static json_int_t count_of(const atomic_uint_fast64_t *count)
{
    return (json_int_t)atomic_load(count);
}

static void answer_status(struct service *service, struct service_reply *reply)
{
    char started[21], sha256[65];
    struct audit_head head;
    const char *mode = service->options.dry_run ? "dry-run" : "serving";
    if (!audit_head(service->audit, &head))
        mode = "log-failed";
    contract_time_text(service->started, started);
    pthread_rwlock_rdlock(&service->lock);
    json_t *key = recipient_jwk(service->store->signing);
    size_t keys = service->store->count;
    pthread_rwlock_unlock(&service->lock);
    if (key)
        json_object_set_new(key, "kid", json_string(service->kid));
    json_t *counts =
        json_pack("{s:I, s:I, s:I, s:I}", "granted", count_of(&service->granted), "would_grant",
                  count_of(&service->would_grant), "refused", count_of(&service->refused),
                  "malformed", count_of(&service->malformed));
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:I, s:o, s:{s:I, s:s}}", "cella_keyd", VERSION, "mode", mode,
                  "started", started, "keys", (json_int_t)keys, "signing_key", key, "log", "lines",
                  (json_int_t)head.lines, "sha256", hex_write(head.sha256, 32, sha256));
    if (!counts || json_object_update(object, counts)) {
        json_decref(object);
        object = NULL;
    }
    json_decref(counts);
    reply_json(reply, 200, object);
}

/* ---- POST /v1/challenge ---- */

static void answer_challenge(struct service *service, size_t size, struct service_reply *reply)
{
    uint8_t nonce[CHALLENGE_SIZE];
    char text[2 * CHALLENGE_SIZE + 1], expires[21];
    if (size) {
        service_refuse(reply, 400, "MALFORMED", "a challenge is asked for with an empty body");
        return;
    }
    if (!challenge_give(service->challenges, monotonic_ms() / 1000, nonce)) {
        service_refuse(reply, 503, "BUSY", "too many challenges are open; wait a few seconds");
        reply->retry_after = 5;
        return;
    }
    contract_time_text(time(NULL) + service->options.challenge_life, expires);
    reply_json(reply, 200,
               json_pack("{s:s, s:s}", "nonce", hex_write(nonce, sizeof(nonce), text), "expires",
                         expires));
}

/* ---- POST /v1/release ---- */

/* One decision, while it is made. */
struct decision {
    struct service *service;
    const struct request *request;
    bool is_malformed; /* then only what was read is there */
    const char *client;
    uint8_t evidence[32]; /* SHA-256 of the evidence or token */
    uint8_t policy[32];
    bool has_policy;
    struct audit_head head;
};

/* Printable ASCII of any text: the log's lines have one length in every encoding. */
static const char *plain(const char *text, char to[REASON])
{
    size_t i = 0;
    for (; i + 1 < REASON && text[i]; i++)
        to[i] = text[i];
    to[i] = 0;
    for (i = 0; to[i]; i++)
        if (to[i] < ' ' || to[i] > '~')
            to[i] = '?';
    return to;
}

/* What the log has of a request that is whole. */
static json_t *facts_of(const struct decision *decision)
{
    char nonce[65], recipient[65], evidence[65], policy[65] = "";
    const struct request *request = decision->request;
    if (decision->has_policy)
        hex_write(decision->policy, 32, policy);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "key", request->key, "nonce",
                     hex_write(request->nonce, CHALLENGE_SIZE, nonce), "recipient",
                     hex_write(request->recipient.sha256, 32, recipient), "format",
                     release_formats[request->format].name, request->token ? "token" : "evidence",
                     hex_write(decision->evidence, 32, evidence), "policy", policy);
}

/* ... and of one that is malformed. */
static json_t *names_of(const struct request *request)
{
    char nonce[65];
    hex_write(request->nonce, CHALLENGE_SIZE, nonce);
    return json_pack("{s:s*, s:s*}", "key", request->key[0] ? request->key : NULL, "nonce",
                     request->has_nonce ? nonce : NULL);
}

/* Writes the log's line; it is on the disk only after audit_sync. */
static cella_status log_decision(struct decision *decision, const char *word, const char *reason,
                                 cella_error *error)
{
    char text[REASON];
    json_t *fields = json_pack("{s:s, s:s}", "client", decision->client, "decision", word);
    json_t *facts = decision->is_malformed ? names_of(decision->request) : facts_of(decision);
    if (fields && (!facts || json_object_update(fields, facts) ||
                   json_object_set_new(fields, "reason", json_string(plain(reason, text))))) {
        json_decref(fields);
        fields = NULL;
    }
    json_decref(facts);
    return log_result(
        decision->service,
        audit_add(decision->service->audit, "release", fields, &decision->head, error), error);
}

static cella_status wait_for_log(struct decision *decision, cella_error *error)
{
    return log_result(decision->service,
                      audit_sync(decision->service->audit, decision->head.lines, error), error);
}

static void refuse_for_log(struct service_reply *reply)
{
    service_refuse(reply, 503, "LOG", "the log cannot be written, so no key is released");
}

/* Logs a refusal and says it. `refusal` may be NULL; it is taken. */
static void refuse(struct decision *decision, unsigned status, const char *class,
                   const char *sentence, json_t *refusal, struct service_reply *reply)
{
    char reason[REASON];
    cella_error error;
    const char *found = json_string_value(json_object_get(refusal, "class"));
    snprintf(reason, sizeof(reason), "%s: %s", found ? found : class, sentence);
    atomic_fetch_add(
        decision->is_malformed ? &decision->service->malformed : &decision->service->refused, 1);
    if (log_decision(decision, decision->is_malformed ? "malformed" : "refused", reason, &error) ||
        wait_for_log(decision, &error)) {
        json_decref(refusal);
        refuse_for_log(reply);
        return;
    }
    if (refusal)
        reply_json(reply, status, json_pack("{s:o}", "error", refusal));
    else
        service_refuse(reply, status, class, sentence);
}

/* What is signed. Takes `wrapped`. */
static char *payload_of(const struct decision *decision, const char *word, json_t *wrapped)
{
    char nonce[65], evidence[65], policy[65], line[65], recipient[65];
    const struct request *request = decision->request;
    const char *enc = release_formats[request->format].enc;
    json_t *payload = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:{s:I, s:s}, s:I, s:o}", "decision", word,
        "request", "key", request->key, "nonce", hex_write(request->nonce, CHALLENGE_SIZE, nonce),
        "recipient", hex_write(request->recipient.sha256, 32, recipient), "enc",
        enc ? enc : release_formats[request->format].name, request->token ? "token" : "evidence",
        hex_write(decision->evidence, 32, evidence), "policy",
        hex_write(decision->policy, 32, policy), "log", "sequence",
        (json_int_t)decision->head.lines - 1, "sha256", hex_write(decision->head.sha256, 32, line),
        "iat", (json_int_t)time(NULL), "response", wrapped);
    char *text = payload ? json_dumps(payload, JSON_COMPACT) : NULL;
    json_decref(payload);
    return text;
}

/* Logs the grant, signs, waits for the disk, and only then has a reply. Takes `wrapped`. */
static void grant(struct decision *decision, EVP_PKEY *signing, json_t *wrapped,
                  struct service_reply *reply)
{
    struct service *service = decision->service;
    const char *word = service->options.dry_run ? "would grant" : "granted";
    cella_error error = {0};
    char *payload = NULL, *value = NULL;
    cella_status status = log_decision(decision, word, "", &error);
    if (status == CELLA_OK) {
        payload = payload_of(decision, word, json_incref(wrapped));
        value = payload ? jws_sign(signing, service->kid, REPLY_TYPE, payload) : NULL;
        status = wait_for_log(decision, &error);
    }
    json_decref(wrapped);
    if (status)
        refuse_for_log(reply);
    else if (!value)
        service_refuse(reply, 500, "SYSTEM", "no memory for the reply");
    else
        reply_json(reply, 200, json_pack("{s:s}", "value", value));
    atomic_fetch_add(service->options.dry_run ? &service->would_grant : &service->granted,
                     status == CELLA_OK && value);
    free(payload);
    free(value);
}

/* What is decided under the lock. CELLA_OK: *wrapped is what goes out. */
static cella_status decide(struct decision *decision, json_t **wrapped, EVP_PKEY **signing,
                           unsigned *code, const char **class, json_t **refusal, cella_error *error)
{
    struct service *service = decision->service;
    const struct request *request = decision->request;
    const struct keystore_key *key = keystore_find(service->store, request->key);
    *signing = service->store->signing;
    EVP_PKEY_up_ref(*signing);
    *code = 404;
    *class = "UNKNOWN_KEY";
    if (!key)
        return fail(error, CELLA_REFUSED, "there is no key %s here", request->key);
    memcpy(decision->policy, key->is.policy_hash, 32);
    decision->has_policy = true;
    *code = 403;
    *class = "REFUSED";
    cella_status status = judge_request(service->judge, key, request, time(NULL), refusal, error);
    if (status)
        return status;
    *code = 400;
    *class = "FORMAT";
    status = release_wrap(key, request, wrapped, error);
    if (status || !service->options.dry_run)
        return status;
    json_decref(*wrapped); /* what could go out does not */
    *wrapped = json_object();
    return *wrapped ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory to answer");
}

static void answer_request(struct decision *decision, struct service_reply *reply)
{
    struct service *service = decision->service;
    json_t *wrapped = NULL, *refusal = NULL;
    EVP_PKEY *signing = NULL;
    unsigned code;
    const char *class;
    cella_error error = {0};
    if (!challenge_use(service->challenges, monotonic_ms() / 1000, decision->request->nonce)) {
        refuse(decision, 403, "CHALLENGE",
               "this nonce is not open: it was never given out, or was used already, or has "
               "expired; ask for a new one",
               NULL, reply);
        return;
    }
    pthread_rwlock_rdlock(&service->lock);
    cella_status status = decide(decision, &wrapped, &signing, &code, &class, &refusal, &error);
    pthread_rwlock_unlock(&service->lock);
    if (status == CELLA_OK)
        grant(decision, signing, wrapped, reply);
    else if (status == CELLA_MEMORY || status == CELLA_SYSTEM)
        refuse(decision, 500, "SYSTEM", error.sentence, refusal, reply);
    else
        refuse(decision, code, class, error.sentence, refusal, reply);
    EVP_PKEY_free(signing);
}

/* It may name a nonce: that one is used up. */
static void answer_malformed(struct decision *decision, cella_status status,
                             const cella_error *error, struct service_reply *reply)
{
    const struct request *request = decision->request;
    decision->is_malformed = true;
    if (request->has_nonce)
        challenge_use(decision->service->challenges, monotonic_ms() / 1000, request->nonce);
    if (status == CELLA_INVALID)
        refuse(decision, 400, "MALFORMED", error->sentence, NULL, reply);
    else
        refuse(decision, 500, "SYSTEM", error->sentence, NULL, reply);
}

static void answer_release(struct service *service, const char *body, size_t size,
                           const struct sockaddr *client, struct service_reply *reply)
{
    char address[INET6_ADDRSTRLEN];
    struct request request;
    struct decision decision = {
        .service = service, .request = &request, .client = address_text(client, address)};
    cella_error error;
    cella_status status = request_read(body, size, &request, &error);
    if (status == CELLA_OK)
        status = digest_bytes(request.token ? (void *)request.token : (void *)request.evidence,
                              request.size, decision.evidence, &error);
    if (status == CELLA_OK)
        answer_request(&decision, reply);
    else
        answer_malformed(&decision, status, &error, reply);
    request_drop(&request);
    ERR_clear_error();
}

/* ---- all ---- */

void service_answer(struct service *service, const char *method, const char *path, const char *body,
                    size_t size, const struct sockaddr *client, struct service_reply *reply)
{
    bool posts = strcmp(method, "POST") == 0;
    if (strcmp(path, "/v1/status") == 0 && strcmp(method, "GET") == 0)
        answer_status(service, reply);
    else if (strcmp(path, "/v1/challenge") == 0 && posts)
        answer_challenge(service, size, reply);
    else if (strcmp(path, "/v1/release") == 0 && posts)
        answer_release(service, body, size, client, reply);
    else
        service_refuse(reply, 404, "PATH",
                       "there is GET /v1/status, POST /v1/challenge and POST /v1/release");
}
