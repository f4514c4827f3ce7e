/* SPDX-License-Identifier: Apache-2.0
 *
 * What cella-keyd-agent takes from a keyd: addresses, HTTP answers, and releases, of which each
 * part that is not this request's is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "attest/token/jose.h"
#include "box/hpke.h"
#include "image/hex.h"
#include "keyd/agent/https.h"
#include "keyd/agent/reply.h"
#include "keyd/jws.h"
#include "keyd/recipient.h"
#include "keyd/release.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static cella_error problem;

#define refuses(call, words)                                                                       \
    do {                                                                                           \
        assert_int_not_equal(call, CELLA_OK);                                                      \
        if (!strstr(problem.sentence, words))                                                      \
            fail_msg("\"%s\" should have: %s", problem.sentence, words);                           \
    } while (0)

/* ---- addresses ---- */

static void test_address(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "1.2.3:8",
        "[::1]",
        "::1:8443",
        "[::1]8443",
        "127.0.0.1:65536",
        "[]:1",
        "[::1]:+1",
        "keyd:8443",
        "127.0.0.1:8443x",
        "127.0.0.1: 8443",
        "[::1:8443",
        "1.2.3.4]:1",
        "[127.0.0.1]:84",
        "0x7f.0.0.1:8443",
        "127.0.0.1:18446744073709551617",
    };
    struct https_server server;
    (void)state;
    assert_int_equal(https_address("127.0.0.1:8443", &server, &problem), CELLA_OK);
    assert_int_equal(server.address.ss_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)&server.address)->sin_port, htons(8443));
    assert_int_equal(https_address("[2001:db8::1]:1", &server, &problem), CELLA_OK);
    assert_int_equal(server.address.ss_family, AF_INET6);
    assert_int_equal(((struct sockaddr_in6 *)&server.address)->sin6_addr.s6_addr[15], 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(https_address(bad[i], &server, &problem), "is no address");
}

/* ---- HTTP ---- */

#define HEAD "HTTP/1.1 200 OK\r\n"

static cella_status read_text(const char *text, struct reply *reply)
{
    return reply_read((const uint8_t *)text, strlen(text), reply, &problem);
}

static void test_http(void **state)
{
    static const char *const bad[] = {
        "",
        "\r\n\r\n",
        HEAD "\r\n",
        HEAD "Content-Length: 2\r\nok",
        HEAD "Content-Length: 2\r\n\r\nok!",
        HEAD "Content-Length: 2\r\n\r\no",
        HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        HEAD "Content-Length: 2\r\ntransfer-encoding: chunked\r\n\r\nok",
        HEAD "Content-Length: -2\r\n\r\nok",
        HEAD "Content-Length: 0000000002\r\n\r\nok",
        HEAD "Content-Length:\r\n\r\n",
        HEAD "Content-Length: 2 2\r\n\r\nok",
        HEAD "Content-Length\r\n\r\nok",
        HEAD ": 2\r\nContent-Length: 2\r\n\r\nok",
        HEAD "Content-Length: 2\r\nRetry-After: soon\r\n\r\nok",
        HEAD "Content-Length: 2\r\nRetry-After: 3601\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 2000\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 20\r\nContent-Length: 2\r\n\r\nok",
    };
    struct reply reply;
    (void)state;
    assert_int_equal(read_text("HTTP/1.1 429 Too Many\r\nretry-after: 7\r\nX: \r\n"
                               "CONTENT-LENGTH:  4\r\n\r\n\r\n\r\n",
                               &reply),
                     CELLA_OK);
    assert_int_equal(reply.status, 429);
    assert_int_equal(reply.retry_after, 7);
    assert_int_equal(reply.size, 4);
    assert_memory_equal(reply.body, "\r\n\r\n", 4);
    assert_int_equal(read_text("HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", &reply), CELLA_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(read_text(bad[i], &reply), "keyd's answer: ");
}

static void test_refusal(void **state)
{
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"{\"error\":{\"class\":\"POLICY\",\"sentence\":\"no\",\"trace\":[]}}", "POLICY: no"},
        {"{\"error\":{\"class\":\"A\",\"sentence\":\"\\u001b[1m\\u00e9\\n\"}}", "A: ?[1m???"},
        {"{\"error\":{\"class\":\"A\"}}", "HTTP status 403"},
        {"{\"error\":{\"class\":\"A\",\"sentence\":1}}", "HTTP status 403"},
        {"<html>", "HTTP status 403"},
        {"", "HTTP status 403"},
    };
    char text[32];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct reply reply = {403, 0, rows[i].body, strlen(rows[i].body)};
        reply_refusal(&reply, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

/* ---- bodies ---- */

static struct reply_asked asked;
static EVP_PKEY *signing, *other;
static uint8_t public_key[32];
static const uint8_t box_key[REPLY_KEY] = "0123456789abcdef0123456789abcde";

static int set_up(void **state)
{
    struct recipient recipient;
    (void)state;
    signing = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    asked = (struct reply_asked){.key = "note", .nonce = "a nonce", .evidence = "evidence"};
    asked.signing = signing;
    if (!signing || !other || recipient_of(signing, &recipient, NULL) ||
        !hpke_generate(asked.secret, public_key))
        return -1;
    memcpy(asked.kid, recipient.sha256, 32);
    recipient_drop(&recipient);
    memset(asked.recipient, 7, 32);
    return binding_make(asked.nonce, asked.recipient, asked.key, &asked.binding) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(signing);
    EVP_PKEY_free(other);
    return 0;
}

static void test_signing_key(void **state)
{
    EVP_PKEY *key = NULL;
    uint8_t wrong[32];
    (void)state;
    json_t *status = json_pack("{s:i, s:o}", "cella_keyd", 1, "signing_key", jwk_write(signing));
    char *text = json_dumps(status, JSON_COMPACT);
    assert_int_equal(reply_signing_key(text, strlen(text), asked.kid, &key, &problem), CELLA_OK);
    assert_int_equal(EVP_PKEY_eq(key, signing), 1);
    EVP_PKEY_free(key);
    memcpy(wrong, asked.kid, 32);
    wrong[31] ^= 1;
    refuses(reply_signing_key(text, strlen(text), wrong, &key, &problem), "found another");
    assert_null(key);
    refuses(reply_signing_key("{}", 2, asked.kid, &key, &problem), "signing_key");
    refuses(reply_signing_key("[]", 2, asked.kid, &key, &problem), "must be a JSON object");
    assert_null(key);
    free(text);
    json_decref(status);
}

static void test_challenge(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"nonce\":\"00\",\"expires\":\"\"}",
        "{\"nonce\":1,\"expires\":\"\"}",
        "{\"nonce\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F\","
        "\"expires\":\"\"}",
        "{\"nonce\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}",
        "{\"nonce\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\","
        "\"expires\":\"\",\"more\":1}",
    };
    static const char good[] =
        "{\"nonce\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\","
        "\"expires\":\"2026-11-23T00:00:00Z\"}";
    uint8_t nonce[CHALLENGE_SIZE];
    (void)state;
    assert_int_equal(reply_challenge(good, strlen(good), nonce, &problem), CELLA_OK);
    assert_int_equal(nonce[31], 31);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(reply_challenge(bad[i], strlen(bad[i]), nonce, &problem), "keyd's answer: ");
}

/* ---- releases ---- */

static json_t *encoded(const uint8_t *bytes, size_t size)
{
    char *text = jose_encode(bytes, size);
    json_t *value = json_string(text);
    free(text);
    return value;
}

/* What keyd would sign, with the key sealed to the recipient for this binding. */
static json_t *payload_for(const struct binding *binding, size_t key_size)
{
    char nonce[65], recipient[65], evidence[65];
    uint8_t encapsulated[32], sealed[REPLY_KEY + HPKE_TAG];
    assert_true(hpke_seal(public_key, (struct hpke_bytes){RELEASE_INFO, strlen(RELEASE_INFO)},
                          (struct hpke_bytes){binding->report_data, 64},
                          (struct hpke_bytes){box_key, key_size}, encapsulated, sealed));
    json_t *payload = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:{s:i, s:s}, s:i, s:{s:{s:o, s:o}}}", "decision",
        "granted", "request", "key", asked.key, "nonce", hex_write(asked.nonce, 32, nonce),
        "recipient", hex_write(asked.recipient, 32, recipient), "enc", "hpke", "evidence",
        hex_write(asked.evidence, 32, evidence), "policy", "00", "log", "sequence", 1, "sha256",
        "00", "iat", 1, "response", "hpke", "enc", encoded(encapsulated, 32), "sealed",
        encoded(sealed, key_size + HPKE_TAG));
    assert_non_null(payload);
    return payload;
}

/* Reads a payload as a keyd's answer that this key has signed. Takes it. */
static cella_status read_signed(json_t *payload, EVP_PKEY *by, const char *kid, const char *type)
{
    uint8_t key[REPLY_KEY];
    char *text = json_dumps(payload, JSON_COMPACT);
    char *value = jws_sign(by, kid, type, text);
    json_t *body = json_pack("{s:s}", "value", value);
    char *answer = json_dumps(body, JSON_COMPACT);
    cella_status status = reply_release(answer, strlen(answer), &asked, key, &problem);
    if (status == CELLA_OK)
        assert_memory_equal(key, box_key, REPLY_KEY);
    free(answer);
    json_decref(body);
    free(value);
    free(text);
    json_decref(payload);
    return status;
}

#define TYPE "cella-release+jwt"

static cella_status read_release(json_t *payload)
{
    char kid[65];
    return read_signed(payload, signing, hex_write(asked.kid, 32, kid), TYPE);
}

static void test_release(void **state)
{
    char kid[65];
    (void)state;
    hex_write(asked.kid, 32, kid);
    if (read_release(payload_for(&asked.binding, REPLY_KEY)))
        fail_msg("%s", problem.sentence);
    refuses(read_signed(payload_for(&asked.binding, REPLY_KEY), other, kid, TYPE),
            "not signed by the key");
    refuses(read_signed(payload_for(&asked.binding, REPLY_KEY), signing, "00", TYPE), "header");
    refuses(read_signed(payload_for(&asked.binding, REPLY_KEY), signing, kid, "JWT"), "header");
    refuses(read_release(payload_for(&asked.binding, 16)), "is not one of 32 bytes");
}

/* A release that was sealed for another nonce, recipient or name, though it says this one's. */
static void test_sealed_for_another(void **state)
{
    struct binding binding;
    uint8_t zero[32] = {0};
    (void)state;
    assert_true(binding_make(zero, asked.recipient, asked.key, &binding));
    refuses(read_release(payload_for(&binding, REPLY_KEY)), "sealed for another request");
    assert_true(binding_make(asked.nonce, zero, asked.key, &binding));
    refuses(read_release(payload_for(&binding, REPLY_KEY)), "sealed for another request");
    assert_true(binding_make(asked.nonce, asked.recipient, "north", &binding));
    refuses(read_release(payload_for(&binding, REPLY_KEY)), "sealed for another request");
    refuses(read_release(payload_for(&(struct binding){0}, REPLY_KEY)), "for another request");
}

/* Each member, changed and left out; and one more. */
static void test_payload(void **state)
{
    static const struct {
        const char *object, *member, *words; /* of a change */
    } rows[] = {
        {NULL, "decision", "not \"granted\""},    {NULL, "evidence", "not what was sent"},
        {"request", "key", "of another request"}, {"request", "nonce", "of another request"},
        {"request", "enc", "of another request"}, {"request", "recipient", "of another request"},
        {"response", "hpke", "no key"},           {NULL, "request", "must be an object"},
        {NULL, "response", "must be an object"},  {NULL, "log", "must be an object"},
    };
    (void)state;
    for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *payload = payload_for(&asked.binding, REPLY_KEY);
        json_t *object =
            rows[i / 3].object ? json_object_get(payload, rows[i / 3].object) : payload;
        const char *member = rows[i / 3].member;
        if (i % 3 == 0)
            json_object_set_new(object, member, json_string("would not"));
        else if (i % 3 == 1)
            json_object_del(object, member);
        else
            json_object_set_new(object, "more", json_null());
        refuses(read_release(payload), i % 3 == 0 ? rows[i / 3].words : "");
    }
    json_t *dry = payload_for(&asked.binding, REPLY_KEY);
    json_object_set_new(dry, "decision", json_string("would grant"));
    json_object_set_new(dry, "response", json_object());
    refuses(read_release(dry), "--dry-run");
}

/* A whole answer, cut at each byte and with each bit of its value flipped. */
static void test_altered(void **state)
{
    char kid[65];
    uint8_t key[REPLY_KEY];
    (void)state;
    json_t *payload = payload_for(&asked.binding, REPLY_KEY);
    char *text = json_dumps(payload, JSON_COMPACT);
    char *value = jws_sign(signing, hex_write(asked.kid, 32, kid), TYPE, text);
    char answer[4096];
    size_t size = (size_t)snprintf(answer, sizeof(answer), "{\"value\":\"%s\"}", value);
    assert_int_equal(reply_release(answer, size, &asked, key, &problem), CELLA_OK);
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(reply_release(answer, i, &asked, key, &problem), CELLA_OK);
        for (int bit = 0; bit < 8; bit++) {
            answer[i] ^= (char)(1 << bit);
            assert_int_not_equal(reply_release(answer, size, &asked, key, &problem), CELLA_OK);
            answer[i] ^= (char)(1 << bit);
        }
    }
    free(value);
    free(text);
    json_decref(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),   cmocka_unit_test(test_http),
        cmocka_unit_test(test_refusal),   cmocka_unit_test(test_signing_key),
        cmocka_unit_test(test_challenge), cmocka_unit_test(test_release),
        cmocka_unit_test(test_payload),   cmocka_unit_test(test_sealed_for_another),
        cmocka_unit_test(test_altered),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
