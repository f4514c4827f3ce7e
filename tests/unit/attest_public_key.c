/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys of certificates, and what they signed: each kind of key, each byte altered, and what
 * is no key.
 */
#include "attest_pki.h"

#include "attest/ecdsa.h"
#include "attest/public_key.h"
#include "attest/x509.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

static const struct pki_shape shape = {.name = "one", .ca = true, .path_length = -1, .serial = 1};

static size_t der_of(X509 *certificate, uint8_t der[4096])
{
    uint8_t *at = der;
    int size = i2d_X509(certificate, NULL);
    assert_in_range(size, 1, 4096);
    i2d_X509(certificate, &at);
    return (size_t)size;
}

/* ---- certificates and lists ---- */

static X509 *signed_as(EVP_PKEY *key, const EVP_MD *hash, bool pss)
{
    EVP_PKEY_CTX *padding;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *curve = EVP_EC_gen("P-256"); /* signs first: not every key does with SHA-256 */
    const struct pki_node other = {pki_certificate(&shape, curve, NULL), curve};
    X509 *certificate = pki_certificate(&shape, key, &other);
    assert_int_equal(EVP_DigestSignInit(context, &padding, hash, NULL, key), 1);
    if (pss)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
    assert_true(X509_sign_ctx(certificate, context) > 0);
    EVP_MD_CTX_free(context);
    X509_free(other.certificate);
    EVP_PKEY_free(curve);
    return certificate;
}

/* Its DER is read, and its own key signed it. */
static bool verifies(const uint8_t *der, size_t size)
{
    X509 *read = x509_decode(der, size);
    bool good = read && x509_verify(read, x509_key(read));
    X509_free(read);
    return good;
}

static void check(EVP_PKEY *key, const EVP_MD *hash, bool pss, bool good)
{
    uint8_t der[4096];
    X509 *certificate = signed_as(key, hash, pss);
    size_t size = der_of(certificate, der);
    X509 *read = x509_decode(der, size);
    assert_non_null(read);
    assert_int_equal(EVP_PKEY_eq(x509_key(read), key), 1);
    assert_int_equal(x509_verify(read, x509_key(read)), good);
    assert_int_equal(verifies(der, size), good);
    X509_free(read);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void each_kind_of_key_verifies(void **state)
{
    (void)state;
    check(EVP_EC_gen("P-256"), EVP_sha256(), false, true);
    check(EVP_EC_gen("P-384"), EVP_sha384(), false, true);
    check(EVP_EC_gen("P-521"), EVP_sha512(), false, true);
    check(EVP_RSA_gen(2048), EVP_sha256(), false, true);
    check(EVP_RSA_gen(2048), EVP_sha384(), true, true);
    check(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, false, true);
}

static void what_is_weak_does_not(void **state)
{
    (void)state;
    check(EVP_EC_gen("P-256"), EVP_sha1(), false, false);
    check(EVP_RSA_gen(2048), EVP_sha1(), false, false);
    check(EVP_RSA_gen(2048), EVP_sha1(), true, false);
    check(EVP_RSA_gen(1024), EVP_sha256(), false, false);
}

static void each_byte_counts(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048)};
    for (size_t i = 0; i < 2; i++) {
        uint8_t der[4096];
        X509 *certificate = signed_as(keys[i], EVP_sha256(), i == 1);
        size_t size = der_of(certificate, der);
        assert_true(verifies(der, size));
        for (size_t at = 0; at < size; at++) {
            der[at] ^= 1;
            if (verifies(der, size))
                fail_msg("byte %zu of %zu may be another", at, size);
            der[at] ^= 1;
        }
        X509_free(certificate);
        EVP_PKEY_free(keys[i]);
    }
}

static void each_byte_of_a_list_counts(void **state)
{
    (void)state;
    struct pki_node node = pki_make(&shape, NULL);
    X509_CRL *list = pki_list(&node, node.key, 7, PKI_NOW, PKI_NOW + 1);
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    assert_true(x509_verify_list(list, node.key));
    assert_false(x509_verify_list(list, NULL));
    for (int at = 0; at < size; at++) {
        const uint8_t *from = der;
        der[at] ^= 1;
        X509_CRL *other = d2i_X509_CRL(NULL, &from, size);
        if (other && from == der + size && x509_verify_list(other, node.key))
            fail_msg("byte %d of %d may be another", at, size);
        X509_CRL_free(other);
        der[at] ^= 1;
    }
    OPENSSL_free(der);
    X509_CRL_free(list);
    pki_free(&node);
}

/* An object of DER, with a length of two bytes, which OpenSSL reads too. */
static size_t put(uint8_t *to, uint8_t tag, const uint8_t *bytes, size_t size)
{
    const uint8_t header[] = {tag, 0x82, (uint8_t)(size >> 8), (uint8_t)size};
    memmove(to + sizeof(header), bytes, size);
    memcpy(to, header, sizeof(header));
    return sizeof(header) + size;
}

/* The list with its signature made anew, by ECDSA with SHA-256. */
static bool verifies_anew(const uint8_t *list, size_t signed_size, EVP_PKEY *key)
{
    static const uint8_t algorithm[] = {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    uint8_t whole[1024], text[128] = {0};
    const uint8_t *from = whole;
    size_t length = sizeof(text) - 1, size = signed_size;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, text + 1, &length, list, signed_size), 1);
    EVP_MD_CTX_free(context);
    memcpy(whole, list, signed_size);
    memcpy(whole + size, algorithm, sizeof(algorithm));
    size += sizeof(algorithm);
    size += put(whole + size, 3, text, length + 1);
    size = put(whole, 0x30, whole, size);
    X509_CRL *read = d2i_X509_CRL(NULL, &from, (long)size);
    assert_non_null(read);
    bool good = x509_verify_list(read, key);
    X509_CRL_free(read);
    return good;
}

/* What is signed names the algorithm too: the same. */
static void a_list_names_one_algorithm(void **state)
{
    (void)state;
    static const uint8_t with_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    struct pki_node node = pki_make(&shape, NULL);
    X509_CRL *list = pki_list(&node, node.key, 7, PKI_NOW, PKI_NOW + 1);
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    const uint8_t *signed_part = der;
    long length;
    int tag, class;
    ASN1_get_object(&signed_part, &length, &tag, &class, size);
    const uint8_t *at = signed_part;
    ASN1_get_object(&at, &length, &tag, &class, length);
    const size_t signed_size = (size_t)(at - signed_part) + (size_t)length;
    uint8_t *name = memmem(der, (size_t)size, with_sha256, sizeof(with_sha256));
    assert_non_null(name);
    assert_true(verifies_anew(signed_part, signed_size, node.key));
    name[7] = 3; /* SHA-384 */
    assert_false(verifies_anew(signed_part, signed_size, node.key));
    OPENSSL_free(der);
    X509_CRL_free(list);
    pki_free(&node);
}

static void certificates_stand_behind_each_other(void **state)
{
    (void)state;
    struct pki_node node = pki_make(&shape, NULL);
    uint8_t der[8192];
    STACK_OF(X509) *to = sk_X509_new_null();
    size_t size = der_of(node.certificate, der);
    memcpy(der + size, der, size);
    assert_true(x509_read(NULL, der, 2 * size, to, 2));
    assert_int_equal(sk_X509_num(to), 2);
    assert_false(x509_read(NULL, der, 2 * size, to, 1));
    for (size_t cut = 1; cut < size; cut++)
        assert_false(x509_read(NULL, der, 2 * size - cut, to, 9999));
    assert_null(x509_decode(der, 2 * size));
    assert_null(x509_decode(der, 0));
    sk_X509_pop_free(to, X509_free);
    pki_free(&node);
}

/* ---- keys ---- */

static bool is_point(const char *curve, const uint8_t *point, size_t half)
{
    EVP_PKEY *key = public_key_of_point(curve, point, half);
    EVP_PKEY_free(key);
    return key != NULL;
}

static void only_points_are_keys(void **state)
{
    (void)state;
    /* The prime of P-256, big-endian. */
    static const uint8_t prime[32] = {0xff, 0xff,        0xff, 0xff, 0,    0,    0,
                                      1,    [20] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff,        0xff, 0xff, 0xff, 0xff};
    uint8_t encoded[65], zeros[132] = {0};
    size_t size;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, encoded,
                                                     sizeof(encoded), &size),
                     1);
    uint8_t *point = encoded + 1;
    EVP_PKEY *made = public_key_of_point(ECDSA_P256, point, 32);
    assert_int_equal(EVP_PKEY_eq(made, key), 1);
    EVP_PKEY_free(made);
    assert_false(is_point(ECDSA_P384, point, 32));
    assert_false(is_point("secp256k1", point, 32));
    assert_false(is_point(ECDSA_P256, point, 31));
    assert_false(is_point(ECDSA_P256, zeros, 32));
    assert_false(is_point(ECDSA_P256, zeros, 67));
    point[63] ^= 1; /* beside the curve */
    assert_false(is_point(ECDSA_P256, point, 32));
    memcpy(point, prime, 32); /* x is no number below the prime */
    assert_false(is_point(ECDSA_P256, point, 32));
    EVP_PKEY_free(key);
}

static void only_whole_keys_are_decoded(void **state)
{
    (void)state;
    uint8_t *der = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    int size = i2d_PUBKEY(key, &der);
    EVP_PKEY *read = public_key_decode(der, (size_t)size);
    assert_int_equal(EVP_PKEY_eq(read, key), 1);
    EVP_PKEY_free(read);
    for (int i = 0; i < size; i++)
        assert_null(public_key_decode(der, (size_t)i));
    der = OPENSSL_realloc(der, (size_t)size + 1);
    der[size] = 0;
    assert_null(public_key_decode(der, (size_t)size + 1));
    der[size - 1] ^= 1; /* beside the curve */
    assert_null(public_key_decode(der, (size_t)size));
    static const uint8_t infinity[] = {0x30, 25,   0x30, 19, 6, 7, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 2,    1,  6, 8, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 3,    1,  7, 3, 2,    0,    0};
    assert_null(public_key_decode(infinity, sizeof(infinity)));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

/* Parameters that are written out may be another curve with the same points but for the generator
 * (CVE-2020-0601). */
static void curves_go_by_name(void **state)
{
    (void)state;
    static const char *const others[] = {"secp256k1", "brainpoolP256r1"};
    uint8_t *der = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
                     1);
    int size = i2d_PUBKEY(key, &der);
    assert_true(size > 200);
    assert_null(public_key_decode(der, (size_t)size));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    for (size_t i = 0; i < 2; i++) {
        der = NULL;
        key = EVP_EC_gen(others[i]);
        size = i2d_PUBKEY(key, &der);
        assert_null(public_key_decode(der, (size_t)size));
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_key_verifies),
        cmocka_unit_test(what_is_weak_does_not),
        cmocka_unit_test(each_byte_counts),
        cmocka_unit_test(each_byte_of_a_list_counts),
        cmocka_unit_test(a_list_names_one_algorithm),
        cmocka_unit_test(certificates_stand_behind_each_other),
        cmocka_unit_test(only_points_are_keys),
        cmocka_unit_test(only_whole_keys_are_decoded),
        cmocka_unit_test(curves_go_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
