/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: the examples of RFC 7515, 7519 and 7638, each way that a token, a key or a set of keys
 * can be wrong, certificates, and what is made is what is verified.
 */
#include "attest_pki.h"

#include "attest/strict.h"
#include "attest/token/token.h"
#include "image/base64.h"
#include "image/file.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))
#define ISSUER      "https://issuer.example"

/* RFC 7515, appendix A: A.1.1's claims, A.2 and A.3. */
#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"     \
    "cnVlfQ"
static const char rfc_hs256[] =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char rfc_rs256[] =
    "eyJhbGciOiJSUzI1NiJ9." JOE
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"
    "07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUi"
    "pUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
static const char rfc_es256[] =
    "eyJhbGciOiJFUzI1NiJ9." JOE
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char rfc_none[] = "eyJhbGciOiJub25lIn0." JOE "."; /* RFC 7519, section 6.1 */
#define RFC_RSA                                                                                    \
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"   \
    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_"   \
    "7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3q" \
    "Co5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuX" \
    "poQ\",\"e\":\"AQAB\"}"
#define RFC_EC                                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define RFC_EXPIRES 1300819380

/* RFC 7638, section 3.1. */
#define THUMB_KEY                                                                                  \
    "{\"kty\":\"RSA\",\"n\":"                                                                      \
    "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1R"                       \
    "K7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"           \
    "RN5w6Cf0h4Q"                                                                                  \
    "yQ5v-65YGjQR0_"                                                                               \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdk"              \
    "t-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\","  \
    "\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}"

/* ---- helpers ---- */

static EVP_PKEY *p256, *p384, *rsa, *other;
static cella_verifier *verifier;

static int set_up(void **state)
{
    (void)state;
    cella_error error;
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    rsa = EVP_RSA_gen(2048);
    other = EVP_EC_gen("P-256");
    return !p256 || !p384 || !rsa || !other || cella_verifier_new(&verifier, &error);
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    cella_verifier_free(verifier);
    return 0;
}

static struct jwks *set_of(const char *text)
{
    struct jwks *set;
    cella_error error;
    if (jwks_read(text, strlen(text), "set", &set, &error))
        fail_msg("%s: %s", text, error.sentence);
    return set;
}

/* A set of p256 ("e"), p384 ("f") and rsa ("r"). */
static struct jwks *own_set(void)
{
    EVP_PKEY *keys[] = {p256, p384, rsa};
    const char *const names[] = {"e", "f", "r"};
    json_t *list = json_array();
    for (size_t i = 0; i < 3; i++) {
        json_t *jwk = jwk_write(keys[i]);
        assert_non_null(jwk);
        json_object_set_new(jwk, "kid", json_string(names[i]));
        json_array_append_new(list, jwk);
    }
    json_t *all = json_pack("{s:o}", "keys", list);
    char *text = json_dumps(all, 0);
    struct jwks *set = set_of(text);
    free(text);
    json_decref(all);
    assert_int_equal(set->count, 3);
    return set;
}

static char *signing_input(const char *header, const char *claims)
{
    char *one = jose_encode(header, strlen(header)), *two = jose_encode(claims, strlen(claims));
    char *both;
    assert_true(asprintf(&both, "%s.%s", one, two) > 0);
    free(one);
    free(two);
    return both;
}

static char *with_signature(const char *input, const uint8_t *signature, size_t size)
{
    char *encoded = jose_encode(signature, size), *token;
    assert_true(asprintf(&token, "%s.%s", input, encoded) > 0);
    free(encoded);
    return token;
}

static char *make(const char *algorithm, EVP_PKEY *key, const char *header, const char *claims)
{
    char *input = signing_input(header, claims);
    uint8_t *signature;
    size_t size;
    assert_true(jose_sign(jose_algorithm(algorithm), key, input, strlen(input), &signature, &size));
    char *token = with_signature(input, signature, size);
    free(signature);
    free(input);
    return token;
}

struct asked {
    const char *issuer, *audience;
    int64_t at, skew;
    const struct jwks *keys;
    cella_verifier *verifier;
};

static size_t warnings; /* how often, by the last verify() */

/* Its class; *claims (may be NULL) are the caller's. */
static const char *verify(const char *token, size_t size, const struct asked *asked,
                          json_t **claims)
{
    static char class[24];
    cella_error error = {0};
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = asked->at;
    struct appraisal appraisal = {asked->verifier ? asked->verifier : verifier, &demands,
                                  appraisal_result(asked->at), &error};
    const struct token_demands wanted = {asked->keys, asked->issuer, asked->audience, asked->skew};
    cella_status status = token_verify(&appraisal, token, size, &wanted);
    snprintf(class, sizeof(class), "%s", appraisal.result->class);
    if (status == CELLA_OK)
        class[0] = 0;
    else
        assert_true(*class && error.sentence[0] && !appraisal.result->no_memory);
    assert_int_equal(json_object_size(appraisal.result->claims) > 0, status == CELLA_OK);
    assert_int_equal(status == CELLA_INVALID, strcmp(class, CLASS_PARSE) == 0);
    if (claims)
        *claims = json_incref(appraisal.result->claims);
    warnings = json_array_size(appraisal.result->warnings);
    cella_result_free(appraisal.result);
    return class;
}

#define NOW    1700000000
#define CLAIMS "{\"iss\":\"" ISSUER "\",\"exp\":1700000100,\"nbf\":1699999900,\"iat\":1699999900}"
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"JWT\"}"

static const struct asked usual = {ISSUER, NULL, NOW, 0, NULL, NULL};

static void expect(const char *token, struct asked asked, const char *class)
{
    struct jwks *set = asked.keys || asked.verifier ? NULL : own_set();
    if (set)
        asked.keys = set;
    const char *found = verify(token, strlen(token), &asked, NULL);
    if (strcmp(found, class) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", token, found, class);
    jwks_free(set);
}

static void expect_claims(const char *claims, struct asked asked, const char *class)
{
    char *token = make("ES256", p256, HEADER, claims);
    expect(token, asked, class);
    free(token);
}

static void expect_header(const char *header, const char *class)
{
    char *token = make("ES256", p256, header, CLAIMS);
    expect(token, usual, class);
    free(token);
}

/* ---- the RFCs' examples ---- */

static void test_rfc(void **state)
{
    (void)state;
    struct asked asked = {"joe", NULL, RFC_EXPIRES - 1, 0, NULL, NULL};
    json_t *claims;
    struct jwks *ec = set_of("{\"keys\":[" RFC_EC "]}");
    struct jwks *of_rsa = set_of("{\"keys\":[" RFC_RSA "]}");
    asked.keys = ec;
    assert_string_equal(verify(rfc_es256, strlen(rfc_es256), &asked, &claims), "");
    assert_true(json_is_true(json_object_get(claims, "http://example.com/is_root")));
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), RFC_EXPIRES);
    json_decref(claims);
    expect(rfc_rs256, asked, CLASS_KEY);
    asked.keys = of_rsa;
    expect(rfc_rs256, asked, "");
    expect(rfc_es256, asked, CLASS_KEY);
    expect(rfc_hs256, asked, CLASS_SIG);
    expect(rfc_none, asked, CLASS_SIG);
    asked.at = RFC_EXPIRES;
    expect(rfc_rs256, asked, CLASS_TIME);
    jwks_free(ec);
    jwks_free(of_rsa);
}

static void test_thumbprint(void **state)
{
    (void)state;
    struct jwks *set = set_of("{\"keys\":[" THUMB_KEY "]}");
    char text[JWK_THUMBPRINT];
    assert_true(jwk_thumbprint(set->keys[0].key, text));
    assert_string_equal(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    jwks_free(set);
}

/* A token of Azure Attestation, of which the key is not known: what it says, and that it is
 * refused. */
static void test_vector(void **state)
{
    (void)state;
    char path[4096];
    uint8_t *token, *text;
    size_t size, text_size;
    json_t *claims, *expected;
    cella_error error;
    snprintf(path, sizeof(path), "%s/tests/vectors/attest/eat/maa-sevsnp/token.jwt",
             getenv("CELLA_SOURCE"));
    assert_int_equal(file_read(path, TOKEN_MOST, &token, &size, &error), CELLA_OK);
    snprintf(path, sizeof(path), "%s/tests/vectors/attest/eat/expected.json",
             getenv("CELLA_SOURCE"));
    assert_int_equal(file_read(path, TOKEN_MOST, &text, &text_size, &error), CELLA_OK);
    assert_int_equal(strict_object(text, text_size, "expected", &expected, &error), CELLA_OK);
    while (size && token[size - 1] == '\n')
        size--;
    assert_int_equal(token_peek((char *)token, size, "t", &claims, &error), CELLA_OK);
    assert_true(json_equal(claims, json_object_get(expected, "eat/maa-sevsnp/token.jwt")));
    struct asked asked = {
        "https://sharedweu.weu.test.attest.azure.net", NULL, 1744088400, 0, NULL, NULL};
    struct jwks *set = own_set();
    asked.keys = set;
    assert_string_equal(verify((char *)token, size, &asked, NULL), CLASS_ANCHOR); /* its kid */
    jwks_free(set);
    set = set_of(
        "{\"keys\":[{\"kid\":\"jNolL7YTrRkDIukgm3on/fz5uMi9kjxhfUBTh6Or8No=\","
        "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQ"
        "oTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W"
        "_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KX"
        "BdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvU"
        "K-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}]}");
    asked.keys = set;
    assert_string_equal(verify((char *)token, size, &asked, NULL), CLASS_SIG);
    jwks_free(set);
    json_decref(claims);
    json_decref(expected);
    free(token);
    free(text);
}

/* ---- algorithms and signatures ---- */

static void test_algorithms(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {p256, p384, rsa};
    const char *const kids[] = {"e", "f", "r"}, *const names[] = {"ES256", "ES384", "RS256",
                                                                  "PS256"};
    for (size_t k = 0; k < 3; k++)
        for (size_t a = 0; a < 4; a++)
            for (size_t said = 0; said < 4; said++) {
                char header[100];
                if (!jose_fits(jose_algorithm(names[a]), keys[k]))
                    continue;
                bool fits = jose_fits(jose_algorithm(names[said]), keys[k]);
                snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}", names[said],
                         kids[k]);
                char *token = make(names[a], keys[k], header, CLAIMS);
                expect(token, usual, !fits ? CLASS_KEY : a == said ? "" : CLASS_SIG);
                free(token);
            }
    static const char *const never[] = {"none",  "None", "nOnE",  "HS256", "HS512",  "ES512",
                                        "EdDSA", "RS1",  "es256", "",      "ES256 ", "RSA1_5"};
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        char header[100];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"e\"}", never[i]);
        expect_header(header, CLASS_SIG);
    }
    expect_header("{\"kid\":\"e\"}", CLASS_SIG);
    expect_header("{\"alg\":1,\"kid\":\"e\"}", CLASS_SIG);
    expect_header("{\"alg\":[\"ES256\"],\"kid\":\"e\"}", CLASS_SIG);
}

/* A salt that is not as long as the hash. */
static void test_pss_salt(void **state)
{
    (void)state;
    char *input = signing_input("{\"alg\":\"PS256\",\"kid\":\"r\"}", CLAIMS);
    for (int salt = 0; salt <= 40; salt += 8) {
        EVP_PKEY_CTX *padding;
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t signature[256];
        size_t size = sizeof(signature);
        assert_int_equal(EVP_DigestSignInit(context, &padding, EVP_sha256(), NULL, rsa), 1);
        EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, salt);
        assert_int_equal(EVP_DigestSign(context, signature, &size, (uint8_t *)input, strlen(input)),
                         1);
        char *token = with_signature(input, signature, size);
        expect(token, usual, salt == 32 ? "" : CLASS_SIG);
        free(token);
        EVP_MD_CTX_free(context);
    }
    free(input);
}

static void expect_signature(const char *input, const uint8_t *signature, size_t size,
                             const char *class)
{
    char *token = with_signature(input, signature, size);
    expect(token, usual, class);
    free(token);
}

static void test_signatures(void **state)
{
    (void)state;
    static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    char *input = signing_input(HEADER, CLAIMS);
    uint8_t *good, bad[80];
    size_t size, order_size;
    uint8_t *n = of_hex(order, &order_size);
    assert_true(jose_sign(jose_algorithm("ES256"), p256, input, strlen(input), &good, &size));
    assert_int_equal(size, 64);
    expect_signature(input, good, 64, "");
    for (size_t i = 0; i < 64; i++) { /* each byte counts */
        memcpy(bad, good, 64);
        bad[i] ^= 1;
        expect_signature(input, bad, 64, CLASS_SIG);
    }
    for (size_t half = 0; half < 64; half += 32) { /* zero, n, and the largest */
        memcpy(bad, good, 64);
        memset(bad + half, 0, 32);
        expect_signature(input, bad, 64, CLASS_SIG);
        memcpy(bad + half, n, 32);
        expect_signature(input, bad, 64, CLASS_SIG);
        memset(bad + half, 0xff, 32);
        expect_signature(input, bad, 64, CLASS_SIG);
    }
    memset(bad, 0, sizeof(bad));
    expect_signature(input, bad, 64, CLASS_SIG);
    memcpy(bad, good + 32, 32); /* swapped */
    memcpy(bad + 32, good, 32);
    expect_signature(input, bad, 64, CLASS_SIG);
    /* n - s, which ECDSA accepts as well, is another signature of the same bytes. */
    expect_signature(input, good, 63, CLASS_SIG);
    expect_signature(input, good, 0, CLASS_SIG);
    memcpy(bad, good, 64);
    bad[64] = 0;
    expect_signature(input, bad, 65, CLASS_SIG);
    /* DER, as OpenSSL writes it. */
    uint8_t der[80];
    size_t der_size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, p256);
    assert_int_equal(EVP_DigestSign(context, der, &der_size, (uint8_t *)input, strlen(input)), 1);
    expect_signature(input, der, der_size, CLASS_SIG);
    EVP_MD_CTX_free(context);
    free(good);
    free(n);
    free(input);
    /* By another key; and of other claims. */
    char *token = make("ES256", other, HEADER, CLAIMS);
    expect(token, usual, CLASS_SIG);
    free(token);
}

/* Every letter of a token counts: another one is refused, whatever it does. */
static void test_letters(void **state)
{
    (void)state;
    char *token = make("ES256", p256, HEADER, CLAIMS);
    struct asked asked = usual;
    struct jwks *set = own_set();
    asked.keys = set;
    size_t size = strlen(token);
    for (size_t i = 0; i < size; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        if (verify(token, size, &asked, NULL)[0] == 0)
            fail_msg("letter %zu", i);
        token[i] = was;
    }
    for (size_t i = 0; i < size; i++) {
        /* Exactly so many bytes, so that a sanitizer sees what is read behind them. */
        char *part = malloc(i + 1);
        memcpy(part, token, i);
        assert_true(verify(part, i, &asked, NULL)[0] != 0);
        free(part);
    }
    jwks_free(set);
    free(token);
}

/* ---- form ---- */

static void test_form(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30",
        "e30.e30.e30.e30.e30",
        "e30=.e30.",
        "e30 .e30.",
        "e30.e30.=",
        "e30.e30.+",
        "e30.e31.",
        "W10.e30.",
        "e30.W10.",
        "e30.bnVsbA.",
        "\ne30.e30.",
    };
    for (size_t i = 0; i < COUNT_OF(malformed); i++)
        expect(malformed[i], usual, CLASS_PARSE);
    static const char *const headers[] = {
        "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"e\"}",
        "{\"alg\":\"ES256\",\"kid\":\"e\"} x",
        "{\"alg\":\"ES256\",\"kid\":\"\xff\"}",
        "{\"alg\":\"ES256\",\"kid\":\"\\u0000\"}",
        "[\"ES256\"]",
        "{alg:\"ES256\"}",
        "",
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        expect_header(headers[i], CLASS_PARSE);
    static const char *const claims[] = {
        "{\"iss\":\"" ISSUER "\",\"exp\":1700000100,\"exp\":1800000000}",
        "{\"iss\":\"" ISSUER "\",\"exp\":1700000100,\"x\":{\"y\":1,\"y\":1}}",
        "{\"iss\":\"" ISSUER "\",\"exp\":1700000100",
        "1",
        "\"\"",
        "{\"iss\":\"" ISSUER "\",\"exp\":1700000100,\"n\":99999999999999999999}",
    };
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        expect_claims(claims[i], usual, CLASS_PARSE);
    char deep[400] = "{\"iss\":\"" ISSUER "\",\"exp\":1700000100,\"x\":";
    size_t used = strlen(deep);
    memset(deep + used, '[', 30);
    memset(deep + used + 30, ']', 30);
    strcpy(deep + used + 60, "}");
    expect_claims(deep, usual, CLASS_PARSE);
    char *large = malloc(TOKEN_MOST + 2);
    memset(large, 'A', TOKEN_MOST + 1);
    large[TOKEN_MOST + 1] = 0;
    expect(large, usual, CLASS_PARSE);
    free(large);
}

/* ---- header ---- */

static void test_header(void **state)
{
    (void)state;
    static const struct {
        const char *header, *class;
    } cases[] = {
        {"{\"alg\":\"ES256\",\"kid\":\"e\"}", ""},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"jwt\"}", ""},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"application/eat+jwt\"}", ""},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"at+jwt\"}", CLASS_POLICY},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"\"}", CLASS_POLICY},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":1}", CLASS_POLICY},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"cty\":\"JWT\"}", CLASS_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"crit\":[\"exp\"],\"exp\":1}", CLASS_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"crit\":[\"b64\"],\"b64\":false}", CLASS_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"crit\":[]}", CLASS_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"crit\":null}", CLASS_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"kid\":\"unknown\"}", CLASS_ANCHOR},
        {"{\"alg\":\"ES256\",\"kid\":\"E\"}", CLASS_ANCHOR},
        {"{\"alg\":\"ES256\",\"kid\":1}", CLASS_ANCHOR},
        {"{\"alg\":\"ES256\",\"kid\":null}", CLASS_ANCHOR},
        {"{\"alg\":\"ES256\"}", CLASS_ANCHOR}, /* three keys, and no word of which */
        {"{\"alg\":\"ES256\",\"kid\":\"f\"}", CLASS_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"jku\":\"https://evil.example\"}",
         ""}, /* not looked at */
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"x5u\":\"https://evil.example\"}", ""},
        {"{\"alg\":\"ES256\",\"kid\":\"e\",\"x5c\":[\"AAAA\"]}", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_header(cases[i].header, cases[i].class);
    /* A token that brings its own key does not choose it. */
    json_t *jwk = jwk_write(other);
    json_t *header = json_pack("{s:s, s:s, s:o}", "alg", "ES256", "kid", "e", "jwk", jwk);
    char *text = json_dumps(header, 0);
    char *token = make("ES256", other, text, CLAIMS);
    expect(token, usual, CLASS_SIG);
    free(token);
    json_object_del(header, "kid");
    free(text);
    text = json_dumps(header, 0);
    token = make("ES256", other, text, CLAIMS);
    expect(token, usual, CLASS_ANCHOR);
    free(token);
    free(text);
    json_decref(header);
}

/* What a key of the set says of its use is heeded. */
static void test_key_algorithm(void **state)
{
    (void)state;
    static const struct {
        const char *alg, *class;
    } cases[] = {{"RS256", ""}, {"PS256", CLASS_KEY}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *jwk = jwk_write(rsa);
        json_object_set_new(jwk, "alg", json_string(cases[i].alg));
        json_t *all = json_pack("{s:[o]}", "keys", jwk);
        char *text = json_dumps(all, 0);
        struct jwks *set = set_of(text);
        struct asked asked = usual;
        asked.keys = set;
        char *token = make("RS256", rsa, "{\"alg\":\"RS256\"}", CLAIMS);
        expect(token, asked, cases[i].class);
        free(token);
        jwks_free(set);
        free(text);
        json_decref(all);
    }
}

/* ---- claims ---- */

#define WITH(more) "{\"iss\":\"" ISSUER "\"," more "}"

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        int64_t at, skew;
        const char *class;
    } cases[] = {
        {WITH("\"exp\":100"), 99, 0, ""},
        {WITH("\"exp\":100"), 100, 0, CLASS_TIME},
        {WITH("\"exp\":100"), 104, 5, ""},
        {WITH("\"exp\":100"), 105, 5, CLASS_TIME},
        {WITH("\"exp\":100.9"), 99, 0, ""},
        {WITH("\"exp\":100.9"), 100, 0, CLASS_TIME},
        {WITH("\"nbf\":50"), 60, 0, CLASS_TIME}, /* it never ends */
        {WITH("\"exp\":100,\"nbf\":50"), 50, 0, ""},
        {WITH("\"exp\":100,\"nbf\":50"), 49, 0, CLASS_TIME},
        {WITH("\"exp\":100,\"nbf\":50"), 45, 5, ""},
        {WITH("\"exp\":100,\"nbf\":50"), 44, 5, CLASS_TIME},
        {WITH("\"exp\":100,\"iat\":50"), 50, 0, ""},
        {WITH("\"exp\":100,\"iat\":50"), 49, 0, CLASS_TIME},
        {WITH("\"exp\":100,\"iat\":50"), 45, 5, ""},
        {WITH("\"exp\":100,\"iat\":50"), 44, 5, CLASS_TIME},
        {WITH("\"exp\":\"100\""), 50, 0, CLASS_PARSE},
        {WITH("\"exp\":-1"), 50, 0, CLASS_PARSE},
        {WITH("\"exp\":1e300"), 50, 0, CLASS_PARSE},
        {WITH("\"exp\":9223372036854775807"), 50, 0, CLASS_PARSE},
        {WITH("\"exp\":null"), 50, 0, CLASS_PARSE},
        {WITH("\"exp\":100,\"nbf\":true"), 50, 0, CLASS_PARSE},
        {WITH("\"exp\":100,\"iat\":[]"), 50, 0, CLASS_PARSE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asked asked = usual;
        asked.at = cases[i].at;
        asked.skew = cases[i].skew;
        expect_claims(cases[i].claims, asked, cases[i].class);
    }
}

static void test_parties(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *audience, *class;
    } cases[] = {
        {"{\"exp\":1700000100}", NULL, CLASS_POLICY},
        {"{\"iss\":\"" ISSUER "/\",\"exp\":1700000100}", NULL, CLASS_POLICY},
        {"{\"iss\":[\"" ISSUER "\"],\"exp\":1700000100}", NULL, CLASS_POLICY},
        {"{\"iss\":\"HTTPS://issuer.example\",\"exp\":1700000100}", NULL, CLASS_POLICY},
        {WITH("\"exp\":1700000100"), NULL, ""},
        {WITH("\"exp\":1700000100"), "a", CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":\"a\""), "a", ""},
        {WITH("\"exp\":1700000100,\"aud\":\"a\""), NULL, CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":\"a\""), "A", CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":[\"b\",\"a\"]"), "a", ""},
        {WITH("\"exp\":1700000100,\"aud\":[\"b\"]"), "a", CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":[]"), "a", CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":[]"), NULL, CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":1"), "a", CLASS_POLICY},
        {WITH("\"exp\":1700000100,\"aud\":{\"a\":1}"), "a", CLASS_POLICY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asked asked = usual;
        asked.audience = cases[i].audience;
        expect_claims(cases[i].claims, asked, cases[i].class);
    }
    /* A wrong signature is found before a wrong claim. */
    char *token = make("ES256", other, HEADER, "{}");
    expect(token, usual, CLASS_SIG);
    free(token);
}

static void test_misuse(void **state)
{
    (void)state;
    cella_error error = {0};
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = NOW;
    static const struct token_demands wrong[] = {
        {NULL, NULL, NULL, 0},    {NULL, "", NULL, 0},      {NULL, "i", NULL, -1},
        {NULL, "i", NULL, 86401}, {NULL, "cella", NULL, 0}, {NULL, "https://cella/", NULL, 0}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct appraisal appraisal = {verifier, &demands, appraisal_result(NOW), &error};
        assert_int_equal(token_verify(&appraisal, rfc_es256, strlen(rfc_es256), &wrong[i]),
                         CELLA_INVALID);
        assert_false(cella_result_accepted(appraisal.result));
        cella_result_free(appraisal.result);
    }
}

/* ---- certificates ---- */

static void append_certificate(json_t *list, X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    char *text = malloc(BASE64_TEXT((size_t)size));
    json_array_append_new(list, json_string(base64_write(BASE64, der, (size_t)size, text)));
    free(text);
    OPENSSL_free(der);
}

static char *token_with(json_t *x5c, EVP_PKEY *key)
{
    json_t *header = json_pack("{s:s, s:O}", "alg", "ES256", "x5c", x5c);
    char *text = json_dumps(header, 0), *token = make("ES256", key, text, CLAIMS);
    free(text);
    json_decref(header);
    return token;
}

static void expect_chain(json_t *x5c, EVP_PKEY *key, cella_verifier *trusting, int64_t at,
                         const char *class)
{
    struct asked asked = {ISSUER, NULL, at, 0, NULL, trusting};
    char *token = token_with(x5c, key);
    expect(token, asked, class);
    free(token);
}

static void test_certificates(void **state)
{
    (void)state;
    struct pki_shape shapes[] = {
        {.name = "root", .ca = true, .path_length = -1, .serial = 1},
        {.name = "middle", .ca = true, .path_length = 0, .serial = 2},
        {.name = "signer", .serial = 3},
        {.name = "other root", .ca = true, .path_length = -1, .serial = 4}};
    struct pki_node nodes[4];
    cella_verifier *trusting, *none;
    cella_error error;
    for (int i = 0; i < 4; i++)
        nodes[i] = pki_make(&shapes[i], i == 1 || i == 2 ? &nodes[i - 1] : NULL);
    assert_int_equal(cella_verifier_new(&trusting, &error), CELLA_OK);
    assert_int_equal(cella_verifier_new(&none, &error), CELLA_OK);
    uint8_t *der = NULL;
    int size = i2d_X509(nodes[0].certificate, &der);
    assert_int_equal(cella_verifier_add_root(trusting, der, (size_t)size, "root", &error),
                     CELLA_OK);
    OPENSSL_free(der);

    json_t *chain = json_array(), *strange = json_array(), *empty = json_array();
    append_certificate(chain, nodes[2].certificate);
    append_certificate(chain, nodes[1].certificate);
    append_certificate(strange, nodes[3].certificate);
    expect_chain(chain, nodes[2].key, trusting, NOW, "");
    expect_chain(chain, nodes[1].key, trusting, NOW, CLASS_SIG);
    expect_chain(chain, nodes[2].key, none, NOW, CLASS_CHAIN); /* nobody is trusted */
    expect_chain(strange, nodes[3].key, trusting, NOW, CLASS_ANCHOR);
    expect_chain(empty, nodes[2].key, trusting, NOW, CLASS_PARSE);
    /* The certificate has ended; so has the token, which is looked at later. */
    expect_chain(chain, nodes[2].key, trusting, NOW + 2 * (int64_t)PKI_YEAR, CLASS_TIME);
    json_array_remove(chain, 1);
    expect_chain(chain, nodes[2].key, trusting, NOW, CLASS_CHAIN); /* a link is missing */
    json_array_append_new(chain, json_string("AAAA"));
    expect_chain(chain, nodes[2].key, trusting, NOW, CLASS_PARSE);
    json_array_set_new(chain, 1, json_integer(1));
    expect_chain(chain, nodes[2].key, trusting, NOW, CLASS_PARSE);
    struct asked asked = {ISSUER, NULL, NOW, 0, NULL, trusting};
    char *token = make("ES256", nodes[2].key, "{\"alg\":\"ES256\"}", CLAIMS);
    expect(token, asked, CLASS_ANCHOR); /* no x5c */
    free(token);
    json_decref(chain);
    json_decref(strange);
    json_decref(empty);
    for (int i = 0; i < 4; i++)
        pki_free(&nodes[i]);
    cella_verifier_free(trusting);
    cella_verifier_free(none);
}

/* ---- keys ---- */

static void expect_set(const char *text, const char *sentence)
{
    struct jwks *set;
    cella_error error = {0};
    cella_status status = jwks_read(text, strlen(text), "set", &set, &error);
    if (!sentence) {
        if (status)
            fail_msg("%s: %s", text, error.sentence);
        jwks_free(set);
        return;
    }
    if (status != CELLA_INVALID)
        fail_msg("read: %s", text);
    assert_null(set);
    assert_sentence(&error, sentence);
}

#define X        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define Z        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define P        "_____wAAAAEAAAAAAAAAAAAAAAD_______________8" /* the field's prime */
#define EC(x, y) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x "\",\"y\":\"" y "\"}"

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"{}", "\"keys\" must be a list"},
        {"{\"keys\":{}}", "\"keys\" must be a list"},
        {"{\"keys\":[]}", "no key in it verifies"},
        {"{\"keys\":[1]}", "must be an object"},
        {"{\"keys\":[{}]}", "kty is missing"},
        {"{\"keys\":[" EC(X, Y) "],\"keys\":[]}", "duplicate"},
        {"{\"keys\":[" EC(X, Y) "]}", NULL},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "private or symmetric"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}", "no key in it"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}," EC(X, Y) "]}", NULL},
        {"{\"keys\":[" EC(Y, X) "]}", "no point of P-256"},
        {"{\"keys\":[" EC(Z, Z) "]}", "no point of P-256"},
        {"{\"keys\":[" EC(P, Y) "]}", "no point of P-256"},
        {"{\"keys\":[" EC("", "") "]}", "32 bytes each"},
        {"{\"keys\":[" EC(X, "AAAA") "]}", "32 bytes each"},
        {"{\"keys\":[" EC(X "A", Y) "]}", "32 bytes each"},
        {"{\"keys\":[" EC("A" X, Y) "]}", "32 bytes each"},
        {"{\"keys\":[" EC(X "=", Y) "]}", "32 bytes each"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\"}]}",
         "48 bytes each"},
        {"{\"keys\":[{\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}]}", "crv must be"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y
         "\",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}]}",
         "private"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
         "no key in it"}, /* small */
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AAEB\",\"e\":\"AQAB\"}]}", "zeros in front"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAA\",\"e\":\"AQAB\"}]}", "no RSA key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQ\"}]}", "no RSA key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"Ag\"}]}", "no RSA key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQABAQAB\"}]}", "at most 1024 and 4"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}", "n and e must be"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"x5c\":[\"AAAA\"]}]}", "no certificate"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"x5c\":[]}]}", "list of certificates"},
        {"{\"keys\":[{\"kid\":1,\"kty\":\"EC\"}]}", "kid must be a string"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_set(cases[i].text, cases[i].sentence);
    /* A key of a set for something else is not used. */
    static const char *const others[] = {"\"use\":\"enc\"", "\"key_ops\":[\"encrypt\"]",
                                         "\"alg\":\"ES512\"", "\"alg\":\"RSA-OAEP-256\""};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char text[400];
        snprintf(text, sizeof(text),
                 "{\"keys\":[{%s,\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y
                 "\"}]}",
                 others[i]);
        expect_set(text, "no key in it");
    }
    static const char twice[] =
        "{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y
        "\"},{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}]}";
    expect_set(twice, "two keys have the kid \"a\"");
}

/* Sets as Azure Attestation gives them: certificates alone. */
static void test_certificate_keys(void **state)
{
    (void)state;
    struct pki_shape shape = {.name = "signer", .serial = 1};
    X509 *certificate = pki_certificate(&shape, rsa, NULL);
    json_t *x5c = json_array();
    append_certificate(x5c, certificate);
    json_t *all = json_pack("{s:[{s:s, s:s, s:O}]}", "keys", "kty", "RSA", "kid", "k", "x5c", x5c);
    char *text = json_dumps(all, 0);
    struct jwks *set = set_of(text);
    assert_int_equal(EVP_PKEY_eq(set->keys[0].key, rsa), 1);
    jwks_free(set);
    free(text);
    json_decref(all);
    /* Beside a key of its own it has to be of that key. */
    json_t *jwk = jwk_write(rsa), *strange = jwk_write(p256);
    json_object_set(jwk, "x5c", x5c);
    json_object_set(strange, "x5c", x5c);
    all = json_pack("{s:[o]}", "keys", jwk);
    text = json_dumps(all, 0);
    expect_set(text, NULL);
    free(text);
    json_decref(all);
    all = json_pack("{s:[o]}", "keys", strange);
    text = json_dumps(all, 0);
    expect_set(text, "x5c is of another key");
    free(text);
    json_decref(all);
    json_decref(x5c);
    X509_free(certificate);
}

/* An RSA key of a set that has it in a certificate alone, with bytes of that certificate changed:
 * `back` from the key's end. */
static void expect_certificate(EVP_PKEY *key, size_t back, uint8_t byte, const char *sentence)
{
    struct pki_shape shape = {.name = "signer", .serial = 1};
    uint8_t *der = NULL, *info = NULL;
    X509 *certificate = pki_certificate(&shape, key, NULL);
    size_t size = (size_t)i2d_X509(certificate, &der);
    size_t info_size = (size_t)i2d_PUBKEY(key, &info);
    uint8_t *at = memmem(der, size, info, info_size);
    assert_non_null(at);
    at[info_size - back] ^= byte;
    char *text = malloc(BASE64_TEXT(size));
    json_t *all = json_pack("{s:[{s:s, s:[s]}]}", "keys", "kty", "RSA", "x5c",
                            base64_write(BASE64, der, size, text));
    char *set = json_dumps(all, 0);
    expect_set(set, sentence);
    free(set);
    free(text);
    json_decref(all);
    X509_free(certificate);
    OPENSSL_free(der);
    OPENSSL_free(info);
}

/* What is no key by its numbers is none in a certificate either. */
static void test_weak_certificates(void **state)
{
    (void)state;
    BIGNUM *three = BN_new();
    EVP_PKEY *key = NULL, *small = EVP_RSA_gen(1024);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_true(BN_set_word(three, 3) == 1 && EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1 &&
                EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three) == 1 &&
                EVP_PKEY_generate(context, &key) == 1);
    expect_certificate(key, 1, 0, NULL);                  /* e 3 */
    expect_certificate(key, 1, 3 ^ 1, "no RSA key");      /* 1 */
    expect_certificate(key, 1, 3 ^ 4, "no RSA key");      /* even */
    expect_certificate(key, 4, 1, "no RSA key");          /* n even */
    expect_certificate(small, 1, 0, "no key in it");      /* for verifying */
    expect_certificate(p256, 1, 0, "key of another kty"); /* no RSA key at all */
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    EVP_PKEY_free(small);
    BN_free(three);
}

/* ---- making ---- */

static json_t *accepted(void)
{
    return json_pack("{s:s, s:s, s:{s:s, s:b, s:i}, s:n, s:[]}", "verdict", "accepted", "type",
                     "snp", "claims", "eat_nonce", "0a", "x-ms-sevsnpvm-is-debuggable", 0,
                     "x-ms-sevsnpvm-vmpl", 1, "refusal", "warnings");
}

static json_t *made_claims(const struct token_order *order, const json_t *result)
{
    char *token, *text;
    cella_error error;
    json_t *claims, *keys = jwks_write(order->key);
    assert_non_null(keys);
    text = json_dumps(keys, 0);
    struct jwks *set = set_of(text);
    assert_int_equal(set->count, 1);
    assert_int_equal(token_make(order, result, &token, &error), CELLA_OK);
    struct asked asked = {order->issuer, order->audience, order->at, 0, set, NULL};
    assert_string_equal(verify(token, strlen(token), &asked, &claims), "");
    asked.at += order->expires;
    assert_string_equal(verify(token, strlen(token), &asked, NULL), CLASS_TIME);
    asked.at = order->at - 1;
    assert_string_equal(verify(token, strlen(token), &asked, NULL), CLASS_TIME);
    jwks_free(set);
    json_decref(keys);
    free(text);
    free(token);
    return claims;
}

static void test_make_maa(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {p256, rsa};
    for (size_t i = 0; i < 2; i++) {
        struct token_order order = {keys[i], TOKEN_MAA, ISSUER, i ? "me" : NULL,
                                    NULL,    NOW,       60,     {NULL, 0}};
        json_t *result = accepted();
        if (i)
            json_array_append_new(json_object_get(result, "warnings"), json_string("w"));
        json_object_set_new(json_object_get(result, "claims"), "iat", json_integer(NOW - 9));
        json_t *claims = made_claims(&order, result);
        assert_string_equal(json_string_value(json_object_get(claims, "iss")), ISSUER);
        assert_int_equal(json_integer_value(json_object_get(claims, "iat")), NOW);
        assert_int_equal(json_integer_value(json_object_get(claims, "evidence_iat")), NOW - 9);
        assert_string_equal(json_string_value(json_object_get(claims, "x-ms-ver")), "1.0");
        assert_string_equal(json_string_value(json_object_get(claims, "x-ms-attestation-type")),
                            "sevsnpvm");
        assert_true(json_is_false(json_object_get(claims, "x-ms-sevsnpvm-is-debuggable")));
        assert_int_equal(json_array_size(json_object_get(claims, "cella_warnings")), i);
        assert_int_equal(json_object_get(claims, "cella_warnings") != NULL, i);
        assert_int_equal(json_integer_value(json_object_get(claims, "x-ms-sevsnpvm-vmpl")), 1);
        assert_int_equal(json_integer_value(json_object_get(claims, "exp")), NOW + 60);
        assert_int_equal(strlen(json_string_value(json_object_get(claims, "jti"))), 32);
        json_decref(claims);
        json_decref(result);
    }
}

static void make_refused(struct token_order order, const json_t *result, const char *sentence)
{
    char *token;
    cella_error error;
    assert_int_equal(token_make(&order, result, &token, &error), CELLA_INVALID);
    assert_null(token);
    assert_sentence(&error, sentence);
}

/* The policy's trace in an accepted result. */
static void set_issued(json_t *result, const char *issued)
{
    json_t *policy =
        json_pack("{s:s, s:o}", "verdict", "permit", "issued", json_loads(issued, 0, NULL));
    assert_int_equal(json_object_set_new(result, "policy", policy), 0);
}

/* What a policy issued is in an Azure token, beside what was proven and never in its place. */
static void test_issued(void **state)
{
    (void)state;
    struct token_order order = {p256, TOKEN_MAA, ISSUER, NULL, NULL, NOW, 60, {NULL, 0}};
    json_t *result = accepted();
    set_issued(result,
               "{\"level\": 100, \"both\": [\"a\", true], \"x-ms-sevsnpvm-vmpl\": 1, "
               "\"x-ms-compliance-status\": \"azure-compliant-cvm\", \"tee\": "
               "\"sevsnpvm\", \"svn\": 3}");
    json_t *claims = made_claims(&order, result);
    assert_int_equal(json_integer_value(json_object_get(claims, "level")), 100);
    assert_int_equal(json_array_size(json_object_get(claims, "both")), 2);
    assert_int_equal(json_integer_value(json_object_get(claims, "x-ms-sevsnpvm-vmpl")), 1);
    assert_string_equal(json_string_value(json_object_get(claims, "x-ms-compliance-status")),
                        "azure-compliant-cvm");
    assert_string_equal(json_string_value(json_object_get(claims, "tee")), "sevsnpvm");
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), NOW);
    json_decref(claims);

    static const char *const refused[] = {
        "{\"x-ms-sevsnpvm-vmpl\": 0}", /* is 1 */
        "{\"x-ms-sevsnpvm-is-debuggable\": \"false\"}",
        "{\"x-ms-sgx-is-debuggable\": false}", /* nobody proved it */
        "{\"x-ms-isolation-tee.x-ms-sevsnpvm-is-debuggable\": false}",
        "{\"x-ms-runtime.keys\": 1}",
        "{\"tee\": \"sgx\"}",
        "{\"tee\": 1}",
        "{\"x-ms-attestation-type\": \"sgx\"}",
        "{\"x-ms-ver\": \"2\"}",
        "{\"iss\": \"cella\"}",
        "{\"iat\": 1}",
        "{\"exp\": 9999999999}",
        "{\"cnf\": {}}",
        "{\"cella_warnings\": []}",
        "{\"evidence_iat\": 1}",
        "{\"eat_profile\": \"tag:github.com,2023:veraison/ear\"}",
        "{\"submods\": {}}",
        "{\"ear.status\": \"affirming\"}",
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        set_issued(result, refused[i]);
        make_refused(order, result, "result: its policy issues \"");
    }
    /* An EAR has none of them. */
    order.profile = TOKEN_EAR;
    claims = made_claims(&order, result);
    json_decref(claims);
    json_object_set_new(json_object_get(result, "policy"), "verdict", json_string("deny"));
    make_refused(order, result, "does not permit");
    json_object_set_new(result, "policy", json_null());
    make_refused(order, result, "does not permit");
    json_decref(result);
}

static void test_make_ear(void **state)
{
    (void)state;
    struct token_order order = {p256, TOKEN_EAR, ISSUER, NULL, "cella 1", NOW, 60, {NULL, 0}};
    for (int warned = 0; warned < 2; warned++) {
        json_t *result = accepted();
        json_object_set_new(json_object_get(result, "claims"), "x-ms-attestation-type",
                            json_string("sevsnpvm"));
        if (warned)
            json_array_append_new(json_object_get(result, "warnings"), json_string("w"));
        json_t *claims = made_claims(&order, result);
        const json_t *module = json_object_get(json_object_get(claims, "submods"), "snp");
        assert_string_equal(json_string_value(json_object_get(module, "ear.status")),
                            warned ? "warning" : "affirming");
        assert_true(json_equal(json_object_get(module, "ear.veraison.annotated-evidence"),
                               json_object_get(result, "claims")));
        assert_string_equal(json_string_value(json_object_get(claims, "eat_profile")),
                            "tag:github.com,2023:veraison/ear");
        assert_string_equal(json_string_value(json_object_get(claims, "eat_nonce")), "0a");
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(claims, "ear.verifier-id"), "build")),
            "cella 1");
        json_decref(claims);
        json_decref(result);
    }
}

static void expect_warned(const char *claims, size_t times)
{
    expect_claims(claims, usual, "");
    if (warnings != times)
        fail_msg("%s: warned %zu times", claims, warnings);
}

/* What it says of its parts is judged with it. */
static void test_ear(void **state)
{
    (void)state;
#define EAR(status, hardware)                                                                      \
    "{\"iss\":\"" ISSUER                                                                           \
    "\",\"exp\":1700000100,\"iat\":1699999900,\"eat_profile\":\"p\","                              \
    "\"ear.verifier-id\":{\"developer\":\"d\",\"build\":\"b\"},\"submods\":{\"a\":{\"ear."         \
    "status\":"                                                                                    \
    "\"" status "\",\"ear.trustworthiness-vector\":{\"hardware\":" hardware "}}}}"
    expect_warned(EAR("affirming", "2"), 0);
    expect_warned(EAR("affirming",
                      "2}},\"b\":{\"ear.status\":\"affirming\"},\"c\":{\"ear.status\":"
                      "\"affirming\",\"ear.trustworthiness-vector\":{\"hardware\":2"),
                  0);
    expect_warned(EAR("affirming",
                      "2}},\"b\":{\"ear.status\":\"none\"},\"c\":{\"ear.status\":"
                      "\"affirming\",\"ear.trustworthiness-vector\":{\"hardware\":2"),
                  1);
    expect_warned(EAR("none", "0"), 1);
    expect_warned(EAR("affirming", "-1"), 1);
    expect_warned(EAR("warning", "2"), 1);
    expect_warned(EAR("contraindicated", "97"), 1);
    expect_claims(EAR("affirming", "32"), usual, CLASS_PARSE);
    expect_claims(EAR("affirming", "200"), usual, CLASS_PARSE);
    expect_claims(EAR("good", "2"), usual, CLASS_PARSE);
}

static void test_make_refused(void **state)
{
    (void)state;
    const struct token_order good = {p256, TOKEN_MAA, ISSUER, NULL, NULL, NOW, 60, {NULL, 0}};
    struct token_order order = good;
    json_t *result = accepted();
    order.key = p384;
    make_refused(order, result, "a key of P-256 or of RSA");
    order = good;
    order.issuer = "";
    make_refused(order, result, "an issuer");
    order.issuer = "https://cella";
    make_refused(order, result, "no token's issuer may be \"cella\"");
    order = good;
    order.expires = 0;
    make_refused(order, result, "an end within a year");
    order.expires = 400 * 86400;
    make_refused(order, result, "an end within a year");
    order = good;
    order.at = 0;
    make_refused(order, result, "a time");

    static const char *const reserved[] = {"iss", "aud",          "exp",           "nbf",
                                           "jti", "evidence_iat", "cella_warnings"};
    json_t *claims = json_object_get(result, "claims");
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        json_object_set_new(claims, reserved[i], json_string("cella"));
        make_refused(good, result, "is the token's own");
        json_object_del(claims, reserved[i]);
    }
    json_object_set_new(result, "refusal", json_object());
    make_refused(good, result, "not accepted");
    json_object_set_new(result, "refusal", json_null());
    json_object_set_new(result, "verdict", json_string("refused"));
    make_refused(good, result, "not accepted");
    json_object_set_new(result, "verdict", json_string("accepted"));
    for (int ear = 0; ear < 2; ear++) { /* what another issuer said is not vouched for */
        order = good;
        order.profile = ear ? TOKEN_EAR : TOKEN_MAA;
        json_object_set_new(result, "type", json_string("token"));
        make_refused(order, result, "of a token, which its issuer signed");
    }
    json_object_set_new(result, "type", json_string("snp"));
    json_object_clear(json_object_get(result, "claims"));
    make_refused(good, result, "not accepted");
    json_decref(result);
    result = json_object();
    make_refused(good, result, "not accepted");
    json_decref(result);
    assert_null(jwks_write(p384));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc),
        cmocka_unit_test(test_thumbprint),
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_pss_salt),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_key_algorithm),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_parties),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_certificate_keys),
        cmocka_unit_test(test_weak_certificates),
        cmocka_unit_test(test_make_maa),
        cmocka_unit_test(test_make_ear),
        cmocka_unit_test(test_make_refused),
        cmocka_unit_test(test_ear),
        cmocka_unit_test(test_issued),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
