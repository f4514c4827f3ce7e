/* SPDX-License-Identifier: Apache-2.0
 *
 * JWE: the parts against the RFCs' vectors; each kind of key there and back; each letter changed;
 * and headers that are refused.
 */
#include "attest_test.h"

#include "image/base64.h"
#include "keyd/jwe.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdio.h>

static uint8_t *decode(const char *text, size_t size)
{
    uint8_t *bytes = malloc(BASE64_BYTES(strlen(text)));
    size_t found;
    assert_true(base64_read(BASE64_URL, text, strlen(text), bytes, &found));
    assert_int_equal(found, size);
    return bytes;
}

/* RFC 7516, A.1: what is behind the encrypted key. */
static void test_content(void **state)
{
    static const uint8_t key[32] = {177, 161, 244, 128, 84,  143, 225, 115, 63, 180, 3,
                                    255, 107, 154, 212, 246, 138, 7,   110, 91, 112, 46,
                                    34,  105, 47,  130, 203, 46,  122, 234, 64, 252};
    static const uint8_t nonce[12] = {227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219};
    static const char content[] = "The true sign of intelligence is not knowledge but imagination.";
    (void)state;
    char *text = jwe_content("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ", key, nonce,
                             (const uint8_t *)content, strlen(content));
    assert_string_equal(text,
                        "48V1_ALb6US04U3b."
                        "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji"
                        "SdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ");
    free(text);
}

static EVP_PKEY *p256(const char *x, const char *y, const char *d)
{
    uint8_t point[65] = {4};
    EVP_PKEY *key = NULL;
    uint8_t *x_bytes = decode(x, 32), *y_bytes = decode(y, 32), *d_bytes = d ? decode(d, 32) : NULL;
    memcpy(point + 1, x_bytes, 32);
    memcpy(point + 33, y_bytes, 32);
    BIGNUM *secret = d ? BN_bin2bn(d_bytes, 32, NULL) : NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
    if (d)
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters), 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(secret);
    free(x_bytes);
    free(y_bytes);
    free(d_bytes);
    return key;
}

/* RFC 7518, C. */
static void test_derive(void **state)
{
    uint8_t shared[66], key[16];
    size_t size = sizeof(shared);
    (void)state;
    EVP_PKEY *alice = p256("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
                           "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
                           "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo");
    EVP_PKEY *bob = p256("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
                         "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck", NULL);
    assert_true(jwe_agree(alice, bob, shared, &size));
    assert_int_equal(size, 32);
    assert_true(jwe_derive(shared, size, "A128GCM", "Alice", "Bob", 16, key));
    uint8_t *expected = decode("VqqN6vgjbSBcIijNcacQGg", 16);
    assert_memory_equal(key, expected, 16);
    free(expected);
    EVP_PKEY_free(alice);
    EVP_PKEY_free(bob);
}

/* RFC 8037, A.6. */
static void test_x25519(void **state)
{
    uint8_t shared[66];
    size_t size = sizeof(shared), own_size, peer_size, expected_size;
    (void)state;
    uint8_t *own =
        of_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", &own_size);
    uint8_t *peer =
        of_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", &peer_size);
    uint8_t *expected =
        of_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", &expected_size);
    EVP_PKEY *secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, own, own_size);
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, peer_size);
    assert_true(jwe_agree(secret, public, shared, &size));
    assert_int_equal(size, 32);
    assert_memory_equal(shared, expected, 32);
    EVP_PKEY_free(public);
    /* A point of small order agrees on nothing. */
    memset(peer, 0, peer_size);
    public = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, peer_size);
    size = sizeof(shared);
    assert_false(jwe_agree(secret, public, shared, &size));
    EVP_PKEY_free(public);
    EVP_PKEY_free(secret);
    free(own);
    free(peer);
    free(expected);
}

static EVP_PKEY *make_key(size_t which)
{
    static const char *const curves[] = {"P-256", "P-384"};
    if (which == 0)
        return EVP_RSA_gen(2048);
    return which == 3 ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519") : EVP_EC_gen(curves[which - 1]);
}

static void expect(EVP_PKEY *key, const char *text, cella_status expected, const char *part)
{
    uint8_t *content;
    size_t size;
    cella_error error = {0};
    cella_status status = jwe_open(key, text, strlen(text), &content, &size, &error);
    if (status != expected)
        fail_msg("%s: %d, not %d: %s", text, status, expected, error.sentence);
    assert_null(content);
    if (part)
        assert_sentence(&error, part);
}

static void test_there_and_back(void **state)
{
    static const uint8_t secret[] = "a key that is kept by others, and longer than one block";
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        EVP_PKEY *key = make_key(i), *other = make_key(i);
        struct recipient recipient;
        cella_error error;
        char *text;
        uint8_t *content;
        size_t size;
        assert_int_equal(recipient_of(key, &recipient, &error), CELLA_OK);
        strcpy(recipient.kid, "that \"one\"");
        assert_int_equal(
            jwe_seal(&recipient, "octet-stream", secret, sizeof(secret), &text, &error), CELLA_OK);
        assert_int_equal(jwe_open(key, text, strlen(text), &content, &size, &error), CELLA_OK);
        assert_int_equal(size, sizeof(secret));
        assert_memory_equal(content, secret, size);
        free(content);
        expect(other, text, CELLA_REFUSED, NULL);
        /* Every letter counts. */
        for (size_t at = 0; at < strlen(text); at += i == 0 ? 3 : 1) {
            char was = text[at];
            text[at] = was == 'A' ? 'B' : 'A';
            if (jwe_open(key, text, strlen(text), &content, &size, &error) == CELLA_OK)
                fail_msg("letter %zu of %s may change", at, text);
            text[at] = was;
        }
        for (size_t length = 0; length < strlen(text); length++)
            assert_int_not_equal(jwe_open(key, text, length, &content, &size, &error), CELLA_OK);
        free(text);
        recipient_drop(&recipient);
        EVP_PKEY_free(key);
        EVP_PKEY_free(other);
    }
}

static void refuse_header(EVP_PKEY *key, const char *header, cella_status expected,
                          const char *part)
{
    char text[2048];
    base64_write(BASE64_URL, header, strlen(header), text);
    strcat(text, ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA");
    expect(key, text, expected, part);
}

static void test_headers(void **state)
{
    (void)state;
    EVP_PKEY *rsa = make_key(0), *ec = make_key(1);
    refuse_header(rsa, "{\"alg\":\"dir\",\"enc\":\"A256GCM\"}", CELLA_UNSUPPORTED, "alg");
    refuse_header(rsa, "{\"alg\":\"RSA1_5\",\"enc\":\"A256GCM\"}", CELLA_UNSUPPORTED, "alg");
    refuse_header(rsa, "{\"alg\":\"none\",\"enc\":\"A256GCM\"}", CELLA_UNSUPPORTED, "alg");
    refuse_header(rsa, "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A128CBC-HS256\"}", CELLA_UNSUPPORTED,
                  "enc");
    refuse_header(rsa, "{\"alg\":\"RSA-OAEP-256\"}", CELLA_UNSUPPORTED, "enc");
    refuse_header(rsa, "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}",
                  CELLA_UNSUPPORTED, "zip");
    refuse_header(rsa, "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"crit\":[]}",
                  CELLA_UNSUPPORTED, "crit");
    refuse_header(rsa, "{\"alg\":\"RSA-OAEP-256\",\"alg\":\"dir\",\"enc\":\"A256GCM\"}",
                  CELLA_INVALID, "header");
    refuse_header(rsa, "[]", CELLA_INVALID, "header");
    refuse_header(ec, "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\"}", CELLA_INVALID,
                  "recipient");
    refuse_header(ec, "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"apu\":\"QQ\"}",
                  CELLA_UNSUPPORTED, "apu");
    /* A point that is not on the curve, which would give the private key away bit by bit. */
    refuse_header(ec,
                  "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"EC\","
                  "\"crv\":\"P-256\",\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\","
                  "\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps0\"}}",
                  CELLA_INVALID, "recipient");
    refuse_header(ec,
                  "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"EC\","
                  "\"crv\":\"P-256\",\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\","
                  "\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFppo\"}}",
                  CELLA_INVALID, "no point");
    refuse_header(rsa, "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}", CELLA_REFUSED,
                  "not for this key");
    refuse_header(ec, "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}", CELLA_REFUSED,
                  "not for this key");
    expect(rsa, "....", CELLA_INVALID, NULL);
    expect(rsa, ".....", CELLA_INVALID, "five parts");
    expect(rsa, "...", CELLA_INVALID, "five parts");
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content), cmocka_unit_test(test_derive),
        cmocka_unit_test(test_x25519),  cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
