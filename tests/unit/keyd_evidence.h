/* SPDX-License-Identifier: Apache-2.0
 *
 * A kind of evidence through the whole service: what binds the challenge, the recipient and the key
 * is granted; what binds anything else, or nothing, is refused, and the log says why. Each kind's
 * makers are the test's own vendor; the time is that of their certificates.
 */
#ifndef UNIT_KEYD_EVIDENCE_H
#define UNIT_KEYD_EVIDENCE_H

#include "attest_pki.h"
#include "keyd_ask.h"

#include "attest/token/token.h"

#include <openssl/sha.h>
#include <time.h>

/* The clock stands still, for libcrypto too. */
__attribute__((visibility("default"))) time_t time(time_t *to)
{
    if (to)
        *to = PKI_NOW;
    return PKI_NOW;
}

struct kind {
    const char *name;   /* of the key, too */
    const char *policy; /* one condition, that this kind meets; with ' for " */
    const char *class;  /* refused with, where it binds something else */
    /* Evidence that binds; NULL: nothing. The caller's to free. */
    uint8_t *(*make)(const struct binding *binding, size_t *size);
};

#define ISSUER "https://issuer.test"

static EVP_PKEY *x25519, *issuer_key;
static uint8_t x25519_secret[32], kept_key[32];
static cella_verifier *issuer; /* who makes tokens: trusts what the keyd trusts */

/* ---- the keyd ---- */

static inline void write_bytes(const char *part, const char *name, const uint8_t *bytes,
                               size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s/%s", folder, part, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    assert_int_equal(fclose(to), 0);
}

static inline void trust(const char *name, const X509 *certificate)
{
    uint8_t *bytes = NULL;
    int size = i2d_X509(certificate, &bytes);
    write_bytes("roots", name, bytes, (size_t)size);
    good(cella_verifier_add_root(issuer, bytes, (size_t)size, name, &problem));
    OPENSSL_free(bytes);
}

/* Collateral, as an operator puts it there. */
static inline void give(void *unused, const uint8_t *bytes, size_t size)
{
    static int count;
    char name[16];
    (void)unused;
    snprintf(name, sizeof(name), "%d", count++);
    write_bytes("collateral", name, bytes, size);
    good(cella_verifier_add(issuer, bytes, size, name, &problem));
}

/* A key whose policy has one condition. */
static inline void add_key(const char *name, const char *authority, const char *condition)
{
    char policy[1024];
    struct keystore *store;
    snprintf(policy, sizeof(policy),
             "{'version':'1.0.0','anyOf':[{'authority':'%s','allOf':[%s]}]}", authority, condition);
    for (char *at = policy; *at; at++)
        if (*at == '\'')
            *at = '"';
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(keystore_add(store, name, "oct", kept_key, 32, policy, &problem));
    keystore_close(store);
}

static inline void add_issuer(void)
{
    json_t *object = json_pack("{s:s, s:s, s:o}", "issuer", ISSUER, "audience", "keyd", "jwks",
                               jwks_write(issuer_key));
    char *text = json_dumps(object, 0);
    write_text("keyd/issuers/test.json", text);
    free(text);
    json_decref(object);
}

/* `prepare` makes the vendor and gives its roots and collateral. */
static inline int set_up_evidence(void (*prepare)(void))
{
    size_t size = 32;
    void *state = NULL;
    if (set_up(&state) || cella_verifier_new(&issuer, &problem))
        return -1;
    memset(kept_key, 0x5a, sizeof(kept_key));
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    issuer_key = EVP_EC_gen("P-256");
    EVP_PKEY_get_raw_private_key(x25519, x25519_secret, &size);
    add_issuer();
    prepare();
    return read_signing() ? 0 : -1;
}

static inline int tear_down_evidence(void **state)
{
    cella_verifier_free(issuer);
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(signing);
    return tear_down(state);
}

static inline void begin_service(int64_t challenge_life)
{
    struct service_options options;
    service_options_default(&options);
    options.challenge_life = challenge_life;
    service = start(&options);
}

/* ---- requests ---- */

static inline struct binding bound_to(const char *nonce, EVP_PKEY *recipient, const char *key)
{
    struct recipient to;
    struct binding binding;
    uint8_t bytes[CHALLENGE_SIZE];
    assert_true(hex_read(nonce, bytes, sizeof(bytes)));
    good(recipient_of(recipient, &to, &problem));
    assert_true(binding_make(bytes, to.sha256, key, &binding));
    recipient_drop(&to);
    return binding;
}

static inline char *write_request(const char *nonce, const char *key, EVP_PKEY *recipient,
                                  const char *member, const char *proof)
{
    json_t *request = json_pack("{s:s, s:s, s:s, s:s, s:o}", "key", key, "nonce", nonce, "format",
                                "hpke", member, proof, "recipient", recipient_jwk(recipient));
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

/* A request for the kind's key, whose evidence binds `binding`. */
static inline char *request_of(const struct kind *kind, const char *nonce, EVP_PKEY *recipient,
                               const struct binding *binding, char digest[65])
{
    size_t size;
    uint8_t sha256[32], *evidence = kind->make(binding, &size);
    char *encoded = malloc(BASE64_TEXT(size));
    assert_non_null(encoded);
    SHA256(evidence, size, sha256);
    hex_write(sha256, 32, digest);
    char *text = write_request(nonce, kind->name, recipient, "evidence",
                               base64_write(BASE64, evidence, size, encoded));
    free(encoded);
    free(evidence);
    return text;
}

/* ---- what comes of them ---- */

/* Granted: the key, for this recipient, and a line of the log that has evidence and policy. */
static inline void expect_grant(const char *request, const char *nonce, const char *key,
                                const char *digest)
{
    uint8_t opened[64];
    struct binding binding = bound_to(nonce, x25519, key);
    json_t *payload = payload_of(ask("POST", "/v1/release", request, 200));
    assert_int_equal(open_hpke(payload, &binding, x25519_secret, opened, sizeof(opened)), 32);
    assert_memory_equal(opened, kept_key, 32);
    struct seen seen = read_log(nonce);
    assert_string_equal(seen.decision, "granted");
    assert_string_equal(seen.evidence, digest);
    assert_string_equal(seen.policy, text_at(payload, NULL, "policy"));
    json_decref(payload);
}

static inline void expect_refusal(const char *request, const char *nonce, const char *class)
{
    char start_of[32];
    refuse(request, 403, class, "");
    struct seen seen = read_log(nonce);
    snprintf(start_of, sizeof(start_of), "%s: ", class);
    assert_string_equal(seen.decision, "refused");
    if (strncmp(seen.reason, start_of, strlen(start_of)) != 0)
        fail_msg("the log's reason is %s, not %s", seen.reason, class);
}

/* The evidence binds `bound` while the request is of `nonce` and `recipient`. */
static inline void expect_unbound(const struct kind *kind, const char *nonce, EVP_PKEY *recipient,
                                  const struct binding *bound)
{
    char digest[65], *request = request_of(kind, nonce, recipient, bound, digest);
    expect_refusal(request, nonce, kind->class);
    free(request);
}

static inline void check_granted(const struct kind *kind)
{
    char digest[65], *nonce = challenge(), *other = challenge();
    struct binding binding = bound_to(nonce, x25519, kind->name);
    char *request = request_of(kind, nonce, x25519, &binding, digest);
    expect_grant(request, nonce, kind->name, digest);
    /* A former challenge: the same request again, and its evidence with a fresh nonce. */
    refuse(request, 403, "CHALLENGE", "used already");
    expect_unbound(kind, other, x25519, &binding);
    free(request);
    free(nonce);
    free(other);
}

/* The evidence that one client made, sent by another with a challenge of its own. */
static inline void check_others_challenge(const struct kind *kind)
{
    char *theirs = challenge();
    struct binding binding = bound_to(theirs, x25519, kind->name);
    client = "198.51.100.9";
    char *nonce = challenge();
    expect_unbound(kind, nonce, x25519, &binding);
    client = "192.0.2.7";
    char digest[65], *request = request_of(kind, theirs, x25519, &binding, digest);
    expect_grant(request, theirs, kind->name, digest); /* whose evidence it is, has the key */
    free(request);
    free(theirs);
    free(nonce);
}

static inline void check_other_recipient(const struct kind *kind)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    char *nonce = challenge();
    struct binding binding = bound_to(nonce, x25519, kind->name);
    expect_unbound(kind, nonce, other, &binding);
    EVP_PKEY_free(other);
    free(nonce);
}

static inline void check_nothing_bound(const struct kind *kind)
{
    char *nonce = challenge();
    struct binding other = bound_to(nonce, x25519, "another key");
    expect_unbound(kind, nonce, x25519, &other);
    free(nonce);
    nonce = challenge();
    expect_unbound(kind, nonce, x25519, NULL);
    free(nonce);
}

/* What is proven does not meet the policy of another key. */
static inline void check_policy(const struct kind *kind)
{
    char digest[65], *nonce = challenge();
    struct kind other = *kind;
    other.name = "first"; /* keyd_test.h: of vsm alone */
    struct binding binding = bound_to(nonce, x25519, other.name);
    char *request = request_of(&other, nonce, x25519, &binding, digest);
    expect_refusal(request, nonce, "POLICY");
    free(request);
    free(nonce);
}

static inline void check_expired(const struct kind *kind)
{
    char digest[65];
    begin_service(-1);
    char *nonce = challenge();
    struct binding binding = bound_to(nonce, x25519, kind->name);
    char *request = request_of(kind, nonce, x25519, &binding, digest);
    expect_refusal(request, nonce, "CHALLENGE");
    free(request);
    free(nonce);
    service_free(service);
}

static inline void check_kind(const struct kind *kind)
{
    add_key(kind->name, "cella", kind->policy);
    begin_service(60);
    check_granted(kind);
    check_others_challenge(kind);
    check_other_recipient(kind);
    check_nothing_bound(kind);
    check_policy(kind);
    service_free(service);
    check_expired(kind);
}

/* ---- tokens of the same ---- */

/* What an issuer says of evidence that binds `binding`. */
static inline char *token_of(const struct kind *kind, enum token_profile profile,
                             const struct binding *binding)
{
    size_t size;
    cella_demands demands;
    cella_result *result;
    char *token;
    const struct token_order order = {issuer_key, profile, ISSUER, "keyd",
                                      NULL,       PKI_NOW, 60,     {NULL, 0}};
    uint8_t *evidence = kind->make(binding, &size);
    cella_demands_default(&demands);
    demands.at = PKI_NOW;
    if (binding) {
        demands.report_data = binding->report_data;
        demands.nonce = binding->nonce;
        demands.nonce_size = sizeof(binding->nonce);
        evidence_kind_choose(evidence_kind_find(NULL, evidence, size), &demands);
    } else {
        demands.insecure_any_report_data = demands.insecure_any_nonce = true;
    }
    good(cella_verify(issuer, evidence, size, &demands, &result, &problem));
    char *text = cella_result_json(result);
    json_t *object = json_loads(text, 0, NULL);
    good(token_make(&order, object, &token, &problem));
    json_decref(object);
    free(text);
    cella_result_free(result);
    free(evidence);
    return token;
}

static inline char *token_request(const struct kind *kind, enum token_profile profile,
                                  const char *nonce, const struct binding *binding, char digest[65])
{
    uint8_t sha256[32];
    char *token = token_of(kind, profile, binding);
    char *text = write_request(nonce, kind->name, x25519, "token", token);
    SHA256((uint8_t *)token, strlen(token), sha256);
    hex_write(sha256, 32, digest);
    free(token);
    return text;
}

/* A token of evidence is as good as its evidence: it binds by what the issuer saw there. */
static inline void check_token(const struct kind *of, enum token_profile profile, const char *name,
                               const char *condition)
{
    char digest[65];
    struct kind kind = *of;
    kind.name = name;
    add_key(name, ISSUER, condition);
    begin_service(60);
    char *nonce = challenge(), *other = challenge();
    struct binding binding = bound_to(nonce, x25519, name);
    char *request = token_request(&kind, profile, nonce, &binding, digest);
    expect_grant(request, nonce, name, digest);
    refuse(request, 403, "CHALLENGE", "used already");
    free(request);
    request = token_request(&kind, profile, other, &binding, digest); /* a former challenge */
    expect_refusal(request, other, "REPORT_DATA");
    free(request);
    free(nonce);
    free(other);
    nonce = challenge();
    request = token_request(&kind, profile, nonce, NULL, digest);
    expect_refusal(request, nonce, "REPORT_DATA");
    free(request);
    free(nonce);
    service_free(service);
}

#endif
