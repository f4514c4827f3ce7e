/* SPDX-License-Identifier: Apache-2.0
 *
 * The service without its transport: keys released in each format and opened again, each refusal
 * with its class and reason, nonces, the dry run, a reload, and what the log says of it all.
 */
#include "keyd_ask.h"

#include "attest/token/jose.h"
#include "attest/token/token.h"
#include "keyd/jwe.h"
#include "keyd/jws.h"
#include "keyd/wrap.h"

#include <openssl/ec.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

static const char first_key[] = "0123456789abcdef0123456789abcdef";
static EVP_PKEY *x25519, *rsa, *p256;
static uint8_t x25519_secret[32];
static struct enclave enclave;

/* ---- asking ---- */

static void start_service(bool dry_run)
{
    struct service_options options;
    service_options_default(&options);
    options.dry_run = dry_run;
    service = start(&options);
}

static int set_up_all(void **state)
{
    size_t size = 32;
    if (set_up(state))
        return -1;
    enclave = (struct enclave){platform, "vsm", 3, false};
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    rsa = EVP_RSA_gen(2048);
    p256 = EVP_EC_gen("P-256");
    EVP_PKEY_get_raw_private_key(x25519, x25519_secret, &size);
    return x25519 && rsa && p256 && read_signing() ? 0 : -1;
}

static int tear_down_all(void **state)
{
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(signing);
    return tear_down(state);
}

static int begin(void **state)
{
    (void)state;
    start_service(false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    service_free(service);
    return 0;
}

static json_t *release(const char *key, EVP_PKEY *recipient, const char *format, char **nonce)
{
    *nonce = challenge();
    char *request = make_request(&enclave, *nonce, key, NULL, recipient, format);
    assert_non_null(request);
    json_t *payload = payload_of(ask("POST", "/v1/release", request, 200));
    assert_string_equal(text_at(payload, "request", "nonce"), *nonce);
    assert_string_equal(text_at(payload, "request", "key"), key);
    assert_string_equal(text_at(payload, NULL, "decision"), "granted");
    free(request);
    return payload;
}

static void refuse_enclave(const struct enclave *of, const char *key, const char *bound,
                           unsigned status, const char *class, const char *part)
{
    char *nonce = challenge();
    char *request = make_request(of, nonce, key, bound, x25519, "hpke");
    refuse(request, status, class, part);
    free(request);
    free(nonce);
}

/* ---- what is released ---- */

static void test_hpke(void **state)
{
    uint8_t key[64], bytes[32];
    char *nonce;
    struct recipient recipient;
    struct binding binding;
    (void)state;
    json_t *payload = release("first", x25519, "hpke", &nonce);
    good(recipient_of(x25519, &recipient, &problem));
    assert_true(hex_read(nonce, bytes, 32));
    assert_true(binding_make(bytes, recipient.sha256, "first", &binding));
    assert_int_equal(open_hpke(payload, &binding, x25519_secret, key, sizeof(key)), 32);
    assert_memory_equal(key, first_key, 32);
    /* What was sealed for one release opens for no other. */
    assert_true(binding_make(bytes, recipient.sha256, "second", &binding));
    assert_int_equal(open_hpke(payload, &binding, x25519_secret, key, sizeof(key)), 0);
    recipient_drop(&recipient);
    json_decref(payload);
    free(nonce);
}

static void test_jwe(void **state)
{
    EVP_PKEY *const recipients[] = {rsa, p256, x25519};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *nonce;
        uint8_t *content;
        size_t size;
        json_t *payload = release("first", recipients[i], "jwe", &nonce);
        const char *text = text_at(payload, "response", "jwe");
        good(jwe_open(recipients[i], text, strlen(text), &content, &size, &problem));
        assert_int_equal(size, 32);
        assert_memory_equal(content, first_key, 32);
        free(content);
        free(nonce);
        json_decref(payload);
    }
}

/* Azure's shape: a key inside JSON inside base64url. */
static size_t open_azure(const json_t *payload, const char *enc, const char *hash, uint8_t *key)
{
    const char *text = NULL, *cipher = NULL, *found = NULL;
    size_t size, wrapped_size, done;
    json_unpack((json_t *)(uintptr_t)payload, "{s:{s:{s:{s:s}}}}", "response", "key", "key",
                "key_hsm", &text);
    uint8_t *inner = of_base64url(text, &size);
    assert_non_null(inner);
    json_t *object = json_loadb((char *)inner, size, 0, NULL);
    assert_int_equal(
        json_unpack(object, "{s:s, s:{s:s}}", "ciphertext", &cipher, "header", "enc", &found), 0);
    assert_string_equal(found, enc);
    uint8_t *wrapped = of_base64url(cipher, &wrapped_size);
    done = unwrap_rsa_aes(rsa, hash, wrapped, wrapped_size, key);
    free(wrapped);
    free(inner);
    json_decref(object);
    return done;
}

static void test_azure(void **state)
{
    static const char *const formats[][3] = {
        {"ckm_rsa_aes_key_wrap", "CKM_RSA_AES_KEY_WRAP", "SHA1"},
        {"rsa_aes_key_wrap_256", "RSA_AES_KEY_WRAP_256", "SHA256"},
        {"rsa_aes_key_wrap_384", "RSA_AES_KEY_WRAP_384", "SHA384"},
    };
    uint8_t key[8192];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *nonce;
        json_t *payload = release("first", rsa, formats[i][0], &nonce);
        assert_int_equal(open_azure(payload, formats[i][1], formats[i][2], key), 32);
        assert_memory_equal(key, first_key, 32);
        json_decref(payload);
        free(nonce);
        payload = release("third", rsa, formats[i][0], &nonce);
        size_t size = open_azure(payload, formats[i][1], formats[i][2], key);
        const uint8_t *at = key;
        EVP_PKEY *found = d2i_AutoPrivateKey(NULL, &at, (long)size);
        assert_true(found && EVP_PKEY_is_a(found, "RSA") && at == key + size);
        EVP_PKEY_free(found);
        json_decref(payload);
        free(nonce);
    }
}

/* ---- what is not ---- */

static void test_refused(void **state)
{
    struct enclave other = enclave;
    (void)state;
    refuse_enclave(&enclave, "fourth", NULL, 404, "UNKNOWN_KEY", "no key fourth");
    refuse_enclave(&enclave, "first", "second", 403, "REPORT_DATA", "report");
    other.tee = "process";
    refuse_enclave(&other, "first", NULL, 403, "POLICY", "tee");
    other = enclave;
    other.svn = 2;
    refuse_enclave(&other, "first", NULL, 403, "POLICY", "the policy of first: denied: isv_svn");
    other = enclave;
    other.debug = true;
    refuse_enclave(&other, "first", NULL, 403, "DEBUG", "debug");
}

/* A policy that forgot to say which TEE: the one that protects nothing does not pass. */
static void test_process(void **state)
{
    struct enclave other = enclave;
    struct keystore *store;
    char *nonce;
    (void)state;
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(keystore_add(store, "any", "oct", NULL, 0,
                      "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"cella\",\"allOf\":["
                      "{\"claim\":\"isv_svn\",\"greaterOrEquals\":3}]}]}",
                      &problem));
    keystore_close(store);
    good(service_reload(service, &problem));
    json_decref(release("any", x25519, "hpke", &nonce));
    free(nonce);
    other.tee = "process";
    refuse_enclave(&other, "any", NULL, 403, "POLICY", "expected one that protects");
}

/* A platform that nobody here trusts. */
static void test_stranger(void **state)
{
    char path[128];
    struct enclave other = enclave;
    (void)state;
    snprintf(path, sizeof(path), "%s/stranger", base);
    good(cella_platform_init(path, &problem));
    good(cella_platform_open(path, &other.platform, &problem));
    refuse_enclave(&other, "first", NULL, 403, "ANCHOR", "root");
    cella_platform_close(other.platform);
}

static void test_nonces(void **state)
{
    (void)state;
    char *nonce = challenge();
    char *request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    json_decref(ask("POST", "/v1/release", request, 200));
    refuse(request, 403, "CHALLENGE", "used already"); /* a replay */
    free(request);
    free(nonce);
    /* One that was refused is used up, too. */
    nonce = challenge();
    request = make_request(&enclave, nonce, "first", "second", x25519, "hpke");
    refuse(request, 403, "REPORT_DATA", "");
    free(request);
    request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    refuse(request, 403, "CHALLENGE", "");
    free(request);
    /* So is one of a request that is malformed elsewhere, and the log names it and the key. */
    static const char *const spoilt[] = {"format", "recipient", "evidence", "more", "key"};
    for (size_t i = 0; i < 5; i++) {
        free(nonce);
        nonce = challenge();
        request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
        json_t *object = json_loads(request, 0, NULL);
        json_object_set_new(object, spoilt[i], json_integer(7));
        char *changed = json_dumps(object, 0);
        refuse(changed, 400, "MALFORMED", spoilt[i]);
        struct seen seen = read_log(nonce);
        assert_string_equal(seen.decision, "malformed");
        assert_string_equal(seen.key, i == 4 ? "" : "first");
        refuse(request, 403, "CHALLENGE", "");
        json_decref(object);
        free(changed);
        free(request);
    }
    /* Nobody's. */
    memset(nonce, 'a', 64);
    request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    refuse(request, 403, "CHALLENGE", "never given out");
    free(request);
    free(nonce);
}

/* Somebody else's recipient in the request: what was bound is another. */
static void test_relayed(void **state)
{
    (void)state;
    char *nonce = challenge();
    char *request = make_request(&enclave, nonce, "first", NULL, x25519, "jwe");
    json_t *object = json_loads(request, 0, NULL);
    json_object_set_new(object, "recipient", recipient_jwk(p256));
    char *changed = json_dumps(object, 0);
    refuse(changed, 403, "REPORT_DATA", "report");
    free(changed);
    json_decref(object);
    free(request);
    free(nonce);
}

static void test_malformed(void **state)
{
    (void)state;
    refuse("", 400, "MALFORMED", "JSON");
    refuse("{}", 400, "MALFORMED", "key is missing");
    json_t *reply = ask("GET", "/v1/release", "", 404);
    json_decref(reply);
    reply = ask("POST", "/v1/status", "", 404);
    json_decref(reply);
    reply = ask("POST", "/v1/challenge", "{}", 400);
    json_decref(reply);
    /* Bytes that are no evidence. */
    char *nonce = challenge();
    char *request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    json_t *object = json_loads(request, 0, NULL);
    json_object_set_new(object, "evidence", json_string("AAEC"));
    char *changed = json_dumps(object, 0);
    json_t *refused = ask("POST", "/v1/release", changed, 403);
    assert_string_equal(text_at(refused, "error", "class"), "UNSUPPORTED");
    assert_null(strstr(text_at(refused, "error", "advice"), "--"));
    json_decref(refused);
    free(changed);
    json_decref(object);
    free(request);
    free(nonce);
}

/* ---- tokens ---- */

/* A token of evidence that binds a request, as an issuer would make it. */
static char *make_token(EVP_PKEY *issuer_key, const char *issuer, enum token_profile profile,
                        const struct binding *binding)
{
    size_t size;
    cella_verifier *verifier;
    cella_demands demands;
    cella_result *result;
    char *token;
    const struct token_order order = {issuer_key, profile,    issuer, "keyd",
                                      NULL,       time(NULL), 60,     {NULL, 0}};
    uint8_t *evidence = make_evidence(&enclave, binding->report_data, &size);
    cella_demands_default(&demands);
    demands.at = time(NULL);
    demands.insecure_any_report_data = true;
    good(cella_verifier_new(&verifier, &problem));
    good(cella_verifier_add_root_key(verifier, cella_platform_root(platform), &problem));
    good(cella_verify(verifier, evidence, size, &demands, &result, &problem));
    char *text = cella_result_json(result);
    json_t *object = json_loads(text, 0, NULL);
    good(token_make(&order, object, &token, &problem));
    json_decref(object);
    free(text);
    cella_result_free(result);
    cella_verifier_free(verifier);
    free(evidence);
    return token;
}

/* A request with a token of that issuer; it binds `bound`. */
static char *make_token_request(EVP_PKEY *issuer_key, const char *issuer,
                                enum token_profile profile, const char *nonce, const char *bound)
{
    struct recipient recipient;
    struct binding binding;
    uint8_t bytes[32];
    good(recipient_of(x25519, &recipient, &problem));
    assert_true(hex_read(nonce, bytes, 32));
    assert_true(binding_make(bytes, recipient.sha256, bound, &binding));
    recipient_drop(&recipient);
    char *token = make_token(issuer_key, issuer, profile, &binding);
    json_t *request =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "key", "token", "nonce", nonce, "format", "hpke",
                  "token", token, "recipient", recipient_jwk(x25519));
    char *text = json_dumps(request, 0);
    json_decref(request);
    free(token);
    return text;
}

static void add_token_key(EVP_PKEY *issuer_key)
{
    struct keystore *store;
    json_t *object = json_pack("{s:s, s:s, s:o}", "issuer", "https://issuer.test", "audience",
                               "keyd", "jwks", jwks_write(issuer_key));
    char *text = json_dumps(object, 0);
    write_text("keyd/issuers/test.json", text);
    free(text);
    json_decref(object);
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(keystore_add(store, "token", "oct", NULL, 0,
                      "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"https://issuer.test\","
                      "\"allOf\":[{\"claim\":\"tee\",\"equals\":\"vsm\"}]}]}",
                      &problem));
    keystore_close(store);
    good(service_reload(service, &problem));
}

static void remove_token_key(void)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/issuers/test.json", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/keys/token.json", folder);
    unlink(path);
}

/* JSON with ' for ". */
static json_t *json_of(const char *text)
{
    char plain[1024];
    snprintf(plain, sizeof(plain), "%s", text);
    for (char *at = plain; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(plain, 0, NULL);
    assert_non_null(value);
    return value;
}

static void refuse_token(EVP_PKEY *issuer_key, const char *issuer, enum token_profile profile,
                         const char *bound, const char *class, const char *part)
{
    char *nonce = challenge();
    char *request = make_token_request(issuer_key, issuer, profile, nonce, bound);
    refuse(request, 403, class, part);
    free(request);
    free(nonce);
}

/* A request with a token of these claims, beside those that every token has. Takes `claims`. */
static char *claims_request(json_t *claims, const char *nonce)
{
    struct recipient recipient;
    struct binding binding;
    uint8_t bytes[32];
    char data[129], kid[JWK_THUMBPRINT];
    json_int_t now = time(NULL);
    good(recipient_of(x25519, &recipient, &problem));
    assert_true(hex_read(nonce, bytes, 32));
    assert_true(binding_make(bytes, recipient.sha256, "token", &binding));
    recipient_drop(&recipient);
    json_t *common = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "iss", "https://issuer.test",
                               "aud", "keyd", "iat", now, "nbf", now, "exp", now + 60, "tee", "vsm",
                               "report_data", hex_write(binding.report_data, 64, data));
    assert_int_equal(json_object_update_missing(claims, common), 0);
    char *payload = json_dumps(claims, 0);
    assert_true(jwk_thumbprint(p256, kid));
    char *token = jws_sign(p256, kid, "JWT", payload);
    json_t *request =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "key", "token", "nonce", nonce, "format", "hpke",
                  "token", token, "recipient", recipient_jwk(x25519));
    char *text = json_dumps(request, 0);
    json_decref(request);
    json_decref(claims);
    json_decref(common);
    free(payload);
    free(token);
    return text;
}

static void test_token(void **state)
{
    EVP_PKEY *other = EVP_EC_gen("P-256");
    (void)state;
    add_token_key(p256);
    char *nonce = challenge();
    char *request = make_token_request(p256, "https://issuer.test", TOKEN_MAA, nonce, "token");
    json_t *payload = payload_of(ask("POST", "/v1/release", request, 200));
    assert_non_null(text_at(payload, NULL, "token"));
    json_decref(payload);
    refuse(request, 403, "CHALLENGE", "");
    free(request);
    free(nonce);
    refuse_token(p256, "https://issuer.test", TOKEN_MAA, "first", "REPORT_DATA", "report_data");
    refuse_token(p256, "https://issuer.test", TOKEN_EAR, "first", "REPORT_DATA", "report_data");
    /* What was found is told. */
    nonce = challenge();
    char wrong[129];
    memset(wrong, 'a', 128);
    wrong[128] = 0;
    request = claims_request(json_pack("{s:s}", "report_data", wrong), nonce);
    refuse(request, 403, "REPORT_DATA", wrong);
    free(request);
    free(nonce);
    nonce = challenge();
    request = claims_request(json_pack("{s:n}", "report_data"), nonce);
    refuse(request, 403, "REPORT_DATA", "found no claim of report data");
    free(request);
    free(nonce);
    /* Bound, but this policy knows Azure's form of claims. */
    refuse_token(p256, "https://issuer.test", TOKEN_EAR, "token", "POLICY", "tee");
    /* Its issuer says not to trust it. */
    enclave.tee = "process";
    refuse_token(p256, "https://issuer.test", TOKEN_EAR, "token", "POLICY", "ear.status");
    enclave.tee = "vsm";
    refuse_token(p256, "https://other.test", TOKEN_MAA, "token", "ANCHOR", "iss");
    refuse_token(other, "https://issuer.test", TOKEN_MAA, "token", "ANCHOR", "");
    /* Evidence of the same, which the policy's authority did not look at. */
    refuse_enclave(&enclave, "token", NULL, 403, "POLICY", "issuer.test");
    EVP_PKEY_free(other);
    write_text("keyd/issuers/test.json", "{}");
    assert_int_not_equal(service_reload(service, &problem), CELLA_OK);
    assert_sentence(&problem, "issuer is missing");
    remove_token_key();
}

/* Claims, in place of " there is ', and the one that refuses; NULL: none does. */
static const char *const debug_claims[][2] = {
    {"{}", NULL},
    {"{'debug':false,'dbgstat':'disabled-since-boot','x-ms-azurevm-debuggersdisabled':true}", NULL},
    {"{'x-ms-runtime':{'debug':true}}", NULL}, /* its own word */
    {"{'debug':true}", "debug"},
    {"{'debug':'false'}", "debug"},
    {"{'x-ms-sgx-is-debuggable':true}", "x-ms-sgx-is-debuggable"},
    {"{'is-debuggable':true}", "is-debuggable"},
    {"{'x-ms-sgx-is-debuggable':[false,true]}", "x-ms-sgx-is-debuggable"},
    {"{'x-ms-sevsnpvm-is-debuggable':true}", "x-ms-sevsnpvm-is-debuggable"},
    {"{'tdx_td_attributes_debug':true}", "tdx_td_attributes_debug"},
    {"{'tdx_is_debuggable':true}", "tdx_is_debuggable"},
    {"{'dbgstat':'enabled'}", "dbgstat"},
    {"{'dbgstat':0}", "dbgstat"},
    {"{'x-ms-azurevm-kerneldebug-enabled':true}", "x-ms-azurevm-kerneldebug-enabled"},
    {"{'x-ms-azurevm-debuggersdisabled':false}", "x-ms-azurevm-debuggersdisabled"},
    {"{'x-ms-isolation-tee':{'x-ms-sevsnpvm-is-debuggable':true}}", "x-ms-sevsnpvm-is-debuggable"},
    {"{'x-ms-isolation-tee':{'tdx_td_attributes_debug':true}}", "tdx_td_attributes_debug"},
    {"{'list':[{'debug':true}]}", "debug"},
};

/* An issuer that lets debuggers pass: its token gets nothing, as the same evidence would not. */
static void test_token_debug(void **state)
{
    (void)state;
    add_token_key(p256);
    for (size_t i = 0; i < sizeof(debug_claims) / sizeof(debug_claims[0]); i++) {
        char *nonce = challenge();
        char *request = claims_request(json_of(debug_claims[i][0]), nonce);
        if (debug_claims[i][1])
            refuse(request, 403, "DEBUG", debug_claims[i][1]);
        else
            json_decref(payload_of(ask("POST", "/v1/release", request, 200)));
        free(request);
        free(nonce);
    }
    remove_token_key();
}

/* An EAR has claims inside: the TEE process is seen there, too. */
static void test_token_inside(void **state)
{
    static const char *const inside[][3] = {{"'debug':true", "DEBUG", "debug"},
                                            {"'tee':'process'", "POLICY", "process"}};
    (void)state;
    add_token_key(p256);
    for (size_t i = 0; i < 2; i++) {
        char text[1024], data[129];
        char *nonce = challenge();
        struct recipient recipient;
        struct binding binding;
        uint8_t bytes[32];
        good(recipient_of(x25519, &recipient, &problem));
        assert_true(hex_read(nonce, bytes, 32));
        assert_true(binding_make(bytes, recipient.sha256, "token", &binding));
        recipient_drop(&recipient);
        snprintf(text, sizeof(text),
                 "{'eat_profile':'tag:github.com,2023:veraison/ear','ear.verifier-id':"
                 "{'developer':'a','build':'b'},'submods':{'it':{'ear.status':'affirming',"
                 "'ear.veraison.annotated-evidence':{'report_data':'%s',%s}}}}",
                 hex_write(binding.report_data, 64, data), inside[i][0]);
        char *request = claims_request(json_of(text), nonce);
        refuse(request, 403, inside[i][1], inside[i][2]);
        free(request);
        free(nonce);
    }
    remove_token_key();
}

static void test_token_debug_allowed(void **state)
{
    struct service_options options;
    (void)state;
    add_token_key(p256);
    service_free(service);
    service_options_default(&options);
    options.judge.insecure_allow_debug = true;
    service = start(&options);
    char *nonce = challenge();
    char *request = claims_request(json_of("{'debug':true}"), nonce);
    json_decref(payload_of(ask("POST", "/v1/release", request, 200)));
    free(request);
    free(nonce);
    remove_token_key();
}

/* ---- around it ---- */

static void test_limit(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct service_reply reply = {0};
        if (service_admit(service, (struct sockaddr *)&address, &reply))
            continue;
        assert_true(i >= 100);
        assert_int_equal(reply.status, 429);
        assert_int_equal(reply.retry_after, 1);
        free(reply.body);
        return;
    }
    fail();
}

static void test_dry_run(void **state)
{
    (void)state;
    service_free(service);
    start_service(true);
    char *nonce = challenge();
    char *request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    json_t *payload = payload_of(ask("POST", "/v1/release", request, 200));
    assert_string_equal(text_at(payload, NULL, "decision"), "would grant");
    assert_int_equal(json_object_size(json_object_get(payload, "response")), 0);
    json_decref(payload);
    free(request);
    free(nonce);
    refuse_enclave(&enclave, "first", "second", 403, "REPORT_DATA", "");
    json_t *status = ask("GET", "/v1/status", "", 200);
    assert_int_equal(json_integer_value(json_object_get(status, "granted")), 0);
    assert_int_equal(json_integer_value(json_object_get(status, "would_grant")), 1);
    assert_string_equal(text_at(status, NULL, "mode"), "dry-run");
    json_decref(status);
}

/* What the service would refuse when it wraps, the dry run refuses: nothing is sealed to a point of
 * small order. */
static void test_dry_run_wraps(void **state)
{
    static const uint8_t zeros[32];
    (void)state;
    EVP_PKEY *weak = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, zeros, sizeof(zeros));
    for (int dry = 0; dry < 2; dry++) {
        service_free(service);
        start_service(dry);
        for (size_t i = 0; i < 2; i++) {
            char *nonce = challenge();
            char *request = make_request(&enclave, nonce, "first", NULL, weak, i ? "jwe" : "hpke");
            refuse(request, 400, "FORMAT", "");
            free(request);
            free(nonce);
        }
    }
    EVP_PKEY_free(weak);
}

static char warned[512];
static int warnings;

static void note(const char *sentence)
{
    snprintf(warned, sizeof(warned), "%s", sentence);
    warnings++;
}

/* The disk is full: nobody gets a key, the operator is told once, and at the end again. */
static void test_log_fails(void **state)
{
    struct rlimit was, small;
    struct service_options options;
    (void)state;
    service_free(service);
    service_options_default(&options);
    options.warn = note;
    service = start(&options);
    char *nonces[3], log[256];
    struct stat is;
    for (size_t i = 0; i < 3; i++)
        nonces[i] = challenge();
    snprintf(log, sizeof(log), "%s/log", folder);
    assert_int_equal(stat(log, &is), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = (rlim_t)is.st_size + 30;
    char *requests[3];
    for (size_t i = 0; i < 3; i++)
        requests[i] =
            make_request(&enclave, nonces[i], "first", i == 2 ? "second" : NULL, x25519, "hpke");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (size_t i = 0; i < 3; i++) {
        json_t *reply = ask("POST", "/v1/release", requests[i], 503);
        assert_string_equal(text_at(reply, "error", "class"), "LOG");
        assert_null(strstr(text_at(reply, "error", "sentence"), base));
        json_decref(reply);
        free(requests[i]);
        free(nonces[i]);
    }
    json_t *status = ask("GET", "/v1/status", "", 200);
    assert_string_equal(text_at(status, NULL, "mode"), "log-failed");
    assert_int_equal(json_integer_value(json_object_get(status, "granted")), 0);
    json_decref(status);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warned, "cannot be written, so no key is released"));
    assert_int_equal(service_end(service, "test", &problem), CELLA_SYSTEM);
    setrlimit(RLIMIT_FSIZE, &was);
    service_free(service);
    size_t torn;
    struct keystore *store;
    good(keystore_open(folder, &passphrase, &store, &problem));
    service_options_default(&options);
    good(service_new(store, &options, &service, &torn, &problem));
    assert_int_equal(torn, 30);
}

static void test_reload(void **state)
{
    struct keystore *store;
    (void)state;
    refuse_enclave(&enclave, "later", NULL, 404, "UNKNOWN_KEY", "");
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(keystore_add(store, "later", "oct", NULL, 0, POLICY, &problem));
    keystore_close(store);
    good(service_reload(service, &problem));
    char *nonce;
    json_decref(release("later", x25519, "hpke", &nonce));
    free(nonce);
    /* One that cannot be read changes nothing. */
    write_text("keyd/keys/broken.json", "{");
    assert_int_not_equal(service_reload(service, &problem), CELLA_OK);
    assert_sentence(&problem, "broken.json");
    json_decref(release("later", x25519, "hpke", &nonce));
    free(nonce);
    char path[256];
    snprintf(path, sizeof(path), "%s/keys/broken.json", folder);
    unlink(path);
}

/* ---- the log ---- */

static void test_log(void **state)
{
    char *nonce;
    (void)state;
    struct seen before = read_log(NULL);
    json_t *payload = release("first", x25519, "hpke", &nonce);
    struct seen after = read_log(nonce); /* it is there before the reply is */
    assert_int_equal(after.granted, before.granted + 1);
    assert_string_equal(after.evidence, text_at(payload, NULL, "evidence"));
    assert_string_equal(after.policy, text_at(payload, NULL, "policy"));
    assert_string_equal(after.reason, "");
    json_decref(payload);
    free(nonce);
    nonce = challenge();
    char *request = make_request(&enclave, nonce, "first", "second", x25519, "hpke");
    refuse(request, 403, "REPORT_DATA", "");
    free(request);
    refuse("{", 400, "MALFORMED", "");
    after = read_log(nonce);
    assert_int_equal(after.granted, before.granted + 1);
    assert_int_equal(after.refused, before.refused + 1);
    assert_int_equal(after.malformed, before.malformed + 1);
    assert_non_null(strstr(after.reason, "REPORT_DATA: "));
    free(nonce);
    json_t *status = ask("GET", "/v1/status", "", 200);
    assert_int_equal(json_integer_value(json_object_get(status, "granted")), 1);
    assert_int_equal(json_integer_value(json_object_get(status, "refused")), 1);
    assert_int_equal(json_integer_value(json_object_get(status, "malformed")), 1);
    assert_int_equal(json_integer_value(json_object_get(status, "would_grant")), 0);
    assert_string_equal(text_at(status, NULL, "mode"), "serving");
    json_decref(status);
}

static void release_some(int count)
{
    char *nonce;
    for (int i = 0; i < count; i++) {
        json_decref(release("first", x25519, "hpke", &nonce));
        free(nonce);
    }
}

static void test_log_files(void **state)
{
    struct service_options options;
    uint64_t *numbers;
    size_t count;
    char log[256];
    (void)state;
    int before = read_log(NULL).granted;
    service_free(service);
    service_options_default(&options);
    options.log_size = 3000;
    service = start(&options);
    release_some(30);
    assert_int_equal(read_log(NULL).granted, before + 30);
    snprintf(log, sizeof(log), "%s/log", folder);
    good(audit_parts(log, &numbers, &count, &problem));
    assert_true(count > 4);
    free(numbers);
}

/* Moved away, and told of while keys cannot be read again. */
static void test_log_moved(void **state)
{
    char moved[256], log[256], broken[256], name[PATH_MAX];
    (void)state;
    int before = read_log(NULL).granted;
    release_some(1);
    snprintf(log, sizeof(log), "%s/log", folder);
    snprintf(moved, sizeof(moved), "%s/moved", base);
    snprintf(broken, sizeof(broken), "%s/keys/broken.json", folder);
    assert_int_equal(rename(log, moved), 0);
    write_text("keyd/keys/broken.json", "{");
    assert_int_not_equal(service_reload(service, &problem), CELLA_OK);
    unlink(broken);
    release_some(1);
    assert_int_equal(access(log, F_OK), 0);
    /* Back under the name that keyd would have given it. */
    uint64_t number;
    good(audit_first(moved, &number, &problem));
    assert_true(audit_part(log, number, name));
    assert_int_equal(rename(moved, name), 0);
    assert_int_equal(read_log(NULL).granted, before + 2);
}

/* Text that would be longer, or no text, in JSON: the log goes on. */
static void test_log_hostile(void **state)
{
    static char request[4096];
    (void)state;
    memset(request, 0, sizeof(request));
    strcpy(request, "{\"");
    for (size_t i = 2; i < 4000; i++)
        request[i] = "\x7f\xc3\xa9"[i % 3];
    json_decref(ask("POST", "/v1/release", request, 400));
    strcpy(request, "{\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\":1}");
    json_decref(ask("POST", "/v1/release", request, 400));
    char *nonce;
    json_decref(release("first", x25519, "hpke", &nonce));
    free(nonce);
}

/* ---- many at once ---- */

static void *ask_some(void *of)
{
    for (int i = 0; i < 20; i++) {
        char *nonce;
        json_decref(release("first", of, "jwe", &nonce));
        free(nonce);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[8];
    (void)state;
    struct seen before = read_log(NULL);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_some, i % 2 ? x25519 : p256), 0);
    for (int i = 0; i < 5; i++)
        good(service_reload(service, &problem));
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(read_log(NULL).granted, before.granted + 160);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hpke),
        TEST(jwe),
        TEST(azure),
        TEST(refused),
        TEST(process),
        TEST(stranger),
        TEST(nonces),
        TEST(relayed),
        TEST(malformed),
        TEST(token),
        TEST(token_debug),
        TEST(token_inside),
        TEST(token_debug_allowed),
        TEST(limit),
        TEST(dry_run),
        TEST(dry_run_wraps),
        TEST(log_fails),
        TEST(reload),
        TEST(log),
        TEST(log_files),
        TEST(log_moved),
        TEST(log_hostile),
        TEST(threads),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
