/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipients' keys and whole requests: what is read, and each way to be refused.
 */
#include "attest_test.h"

#include "image/base64.h"
#include "keyd/request.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>

/* ---- keys ---- */

static void test_good(void **state)
{
    EVP_PKEY *keys[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-256"), EVP_EC_gen("P-384"),
                        EVP_PKEY_Q_keygen(NULL, NULL, "X25519")};
    static const enum recipient_kind kinds[] = {RECIPIENT_RSA, RECIPIENT_EC, RECIPIENT_EC,
                                                RECIPIENT_X25519};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct recipient recipient;
        cella_error error;
        uint8_t *der = NULL, sha256[32];
        json_t *jwk = recipient_jwk(keys[i]);
        json_object_set_new(jwk, "kid", json_string("mine"));
        json_object_set_new(jwk, "use", json_string("enc"));
        json_object_set_new(jwk, "alg", json_string("any"));
        json_object_set_new(jwk, "key_ops", json_pack("[s, s]", "wrapKey", "deriveBits"));
        assert_int_equal(recipient_read(jwk, &recipient, &error), CELLA_OK);
        assert_int_equal(recipient.kind, kinds[i]);
        assert_string_equal(recipient.kid, "mine");
        assert_int_equal(EVP_PKEY_eq(recipient.key, keys[i]), 1);
        int size = i2d_PUBKEY(keys[i], &der);
        SHA256(der, (size_t)size, sha256);
        assert_memory_equal(recipient.sha256, sha256, 32);
        OPENSSL_free(der);
        recipient_drop(&recipient);
        json_decref(jwk);
        EVP_PKEY_free(keys[i]);
    }
}

/* Each is refused, and the sentence holds the second text. In place of ' there is ". */
static const char *const wrong[][2] = {
    {"[]", "JWK"},
    {"{}", "kty"},
    {"{'kty':'oct','k':'AAAA'}", "kty"},
    {"{'kty':1}", "kty"},
    {"{'kty':'EC','crv':'secp256k1','x':'AA','y':'AA'}", "crv"},
    {"{'kty':'OKP','crv':'Ed25519','x':'AA'}", "crv"},
    {"{'kty':'OKP','crv':'X448','x':'AA'}", "crv"},
    {"{'kty':'OKP','crv':'X25519'}", "x"},
    {"{'kty':'OKP','crv':'X25519','x':''}", "x"},
    {"{'kty':'OKP','crv':'X25519','x':'AAAA'}", "32 bytes"},
    {"{'kty':'OKP','crv':'X25519','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='}", "x"},
    {"{'kty':'OKP','crv':'X25519','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB'}", "x"},
    {"{'kty':'OKP','crv':'X25519','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA','d':'AA'}",
     "private"},
    {"{'kty':'OKP','crv':'X25519','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA','y':'AA'}",
     "unknown"},
    {"{'kty':'OKP','crv':'X25519','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA','kid':7}",
     "kid"},
    {"{'kty':'RSA','x5c':['AAAA']}", "x5c: unknown member"},
    {"{'kty':'EC','x5c':['AAAA']}", "x5c: unknown member"},
    {"{'kty':'EC','crv':'P-256','x':'AA','y':'AA','n':'AA'}", "unknown member"},
    {"{'kty':'EC','crv':'P-256','x':'AA','y':'AA','d':'AA'}", "private"},
    {"{'kty':'EC','crv':'P-256','x':'AA','y':'AA','alg':1}", "alg"},
    {"{'kty':'EC','crv':'P-256','x':'AA','y':'AA','key_ops':['sign']}", "key_ops"},
    {"{'kty':'EC','crv':'P-256','x':'AA','y':'AA','key_ops':[1]}", "key_ops"},
    {"{'kty':'EC','crv':'P-256','x':'AA','y':'AA'}", "32 bytes"},
    {"{'kty':'EC','crv':'P-256','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',"
     "'y':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}",
     "no point"},
    {"{'kty':'EC','crv':'P-256','x':'gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0',"
     "'y':'SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFppo'}",
     "no point"},
    {"{'kty':'RSA','n':'AQAB','e':'AQAB'}", "2048"},
    {"{'kty':'RSA','e':'AQAB'}", "n"},
};

static json_t *parse(const char *text)
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

static void refuse(json_t *jwk, const char *part)
{
    struct recipient recipient;
    cella_error error = {0};
    assert_int_equal(recipient_read(jwk, &recipient, &error), CELLA_INVALID);
    assert_sentence(&error, part);
    recipient_drop(&recipient);
    json_decref(jwk);
}

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuse(parse(wrong[i][0]), wrong[i][1]);
    json_t *jwk = parse(wrong[9][0]);
    char kid[RECIPIENT_KID + 2];
    memset(kid, 'k', sizeof(kid) - 1);
    kid[sizeof(kid) - 1] = 0;
    json_object_set_new(jwk, "kid", json_string(kid));
    refuse(jwk, "kid");
}

/* An RSA key, with a member in place of its own. */
static json_t *rsa_with(EVP_PKEY *key, const char *name, const char *value)
{
    json_t *jwk = recipient_jwk(key);
    json_object_set_new(jwk, name, json_string(value));
    return jwk;
}

static void test_wrong_rsa(void **state)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    uint8_t modulus[600];
    char text[BASE64_TEXT(600)];
    (void)state;
    refuse(rsa_with(key, "e", "AQ"), "no RSA key");   /* 1 */
    refuse(rsa_with(key, "e", "AQAA"), "no RSA key"); /* 65536: even */
    refuse(rsa_with(key, "e", "AAEAAQ"), "zeros");    /* a zero before it */
    static const char *const secrets[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        refuse(rsa_with(key, secrets[i], "AQAB"), "private");
    refuse(rsa_with(key, "x", "AQAB"), "unknown member");
    refuse(rsa_with(key, "use", "sig"), "use");
    refuse(rsa_with(key, "key_ops", "wrapKey"), "key_ops");
    json_t *x5c = rsa_with(key, "x5t", "AQAB");
    json_object_set_new(x5c, "x5c", json_pack("[s]", "AAAA"));
    json_object_del(x5c, "x5t");
    refuse(x5c, "x5c: unknown member");
    memset(modulus, 0xff, sizeof(modulus));
    refuse(rsa_with(key, "n", base64_write(BASE64_URL, modulus, 128, text)), "1024 bits");
    refuse(rsa_with(key, "n", base64_write(BASE64_URL, modulus, 513, text)), "4096");
    modulus[255] = 0xfe;
    refuse(rsa_with(key, "n", base64_write(BASE64_URL, modulus, 256, text)), "no RSA key");
    modulus[0] = 0;
    modulus[255] = 0xff;
    refuse(rsa_with(key, "n", base64_write(BASE64_URL, modulus, 256, text)), "zeros");
    EVP_PKEY_free(key);
}

/* ---- requests ---- */

#define X25519                                                                                     \
    "'recipient':{'kty':'OKP','crv':'X25519','x':'CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}"
#define NONCE "'nonce':'0000000000000000000000000000000000000000000000000000000000000000'"

static char *quote(const char *text)
{
    char *plain = strdup(text);
    for (char *at = plain; *at; at++)
        if (*at == '\'')
            *at = '"';
    return plain;
}

static void test_request(void **state)
{
    struct request request;
    cella_error error;
    (void)state;
    char *text = quote("{'key':'k','evidence':'AAEC','format':'hpke'," NONCE "," X25519 "}");
    assert_int_equal(request_read(text, strlen(text), &request, &error), CELLA_OK);
    assert_string_equal(request.key, "k");
    assert_int_equal(request.size, 3);
    assert_int_equal(request.evidence[2], 2);
    assert_null(request.token);
    request_drop(&request);
    for (size_t length = 0; length < strlen(text); length++) {
        assert_int_equal(request_read(text, length, &request, &error), CELLA_INVALID);
        request_drop(&request);
    }
    free(text);
}

static const char *const wrong_requests[][2] = {
    {"[]", "object"},
    {"{'key':'k'}", "nonce is missing"},
    {"{'key':'../k','evidence':'AAEC','format':'hpke'," NONCE "," X25519 "}", "key"},
    {"{'key':'','evidence':'AAEC','format':'hpke'," NONCE "," X25519 "}", "key"},
    {"{'key':'k\\u0000','evidence':'AAEC','format':'hpke'," NONCE "," X25519 "}", "NUL"},
    {"{'key':'k','evidence':'AAE','format':'hpke'," NONCE "," X25519 "}", "base64"},
    {"{'key':'k','evidence':'','format':'hpke'," NONCE "," X25519 "}", "base64"},
    {"{'key':'k','evidence':7,'format':'hpke'," NONCE "," X25519 "}", "text"},
    {"{'key':'k','format':'hpke'," NONCE "," X25519 "}", "either"},
    {"{'key':'k','evidence':'AAEC','token':'a.b.c','format':'hpke'," NONCE "," X25519 "}",
     "either"},
    {"{'key':'k','evidence':'AAEC','format':'raw'," NONCE "," X25519 "}", "format"},
    {"{'key':'k','evidence':'AAEC','format':'ckm_rsa_aes_key_wrap'," NONCE "," X25519 "}", "RSA"},
    {"{'key':'k','evidence':'AAEC','format':'hpke','nonce':'00'," X25519 "}", "nonce"},
    {"{'key':'k','evidence':'AAEC','format':'hpke','more':1," NONCE "," X25519 "}", "more"},
    {"{'key':'k','key':'l','evidence':'AAEC','format':'hpke'," NONCE "," X25519 "}", "JSON"},
    {"{'key':'k','evidence':'AAEC','format':'hpke'," NONCE ",'recipient':'me'}", "object"},
};

static void test_wrong_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_requests) / sizeof(wrong_requests[0]); i++) {
        struct request request;
        cella_error error = {0};
        char *text = quote(wrong_requests[i][0]);
        if (request_read(text, strlen(text), &request, &error) != CELLA_INVALID)
            fail_msg("%s is read", text);
        assert_sentence(&error, wrong_requests[i][1]);
        request_drop(&request);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),           cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_wrong_rsa),      cmocka_unit_test(test_request),
        cmocka_unit_test(test_wrong_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
