/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys of certificates, and what they signed: each kind of key, each byte altered, and what
 * is no key.
 */
#include "attest_made.h"
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
    struct x509 *read = x509_decode(der, size);
    bool good = read && x509_verify(&read->is, read->key);
    x509_drop(read);
    return good;
}

static void check(EVP_PKEY *key, const EVP_MD *hash, bool pss, bool good)
{
    uint8_t der[4096];
    X509 *certificate = signed_as(key, hash, pss);
    size_t size = der_of(certificate, der);
    struct x509 *read = x509_decode(der, size);
    assert_non_null(read);
    assert_int_equal(EVP_PKEY_eq(read->key, key), 1);
    assert_int_equal(x509_verify(&read->is, read->key), good);
    assert_false(x509_verify(&read->is, NULL));
    x509_drop(read);
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

static bool list_verifies(const uint8_t *der, size_t size, EVP_PKEY *key)
{
    struct x509_list *read = x509_list_decode(der, size);
    bool good = read && x509_verify(&read->is, key);
    x509_list_free(read);
    return good;
}

static void each_byte_of_a_list_counts(void **state)
{
    (void)state;
    struct pki_node node = pki_make(&shape, NULL);
    X509_CRL *list = pki_list(&node, node.key, 7, PKI_NOW, PKI_NOW + 1);
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    assert_true(list_verifies(der, (size_t)size, node.key));
    assert_false(list_verifies(der, (size_t)size, NULL));
    for (int at = 0; at < size; at++) {
        der[at] ^= 1;
        if (list_verifies(der, (size_t)size, node.key))
            fail_msg("byte %d of %d may be another", at, size);
        der[at] ^= 1;
    }
    OPENSSL_free(der);
    X509_CRL_free(list);
    pki_free(&node);
}

/* The list with its signature made anew, by ECDSA with SHA-256. */
static bool verifies_anew(const uint8_t *list, size_t signed_size, EVP_PKEY *key)
{
    const struct made algorithm = made_of("30{06{2a8648ce3d040302}}");
    struct made whole = {.size = 1, .bytes = {DER_SEQUENCE}};
    made_add(&whole, list, signed_size);
    made_add(&whole, algorithm.bytes, algorithm.size);
    made_sign(&whole, key, list, signed_size);
    made_close(&whole, 1);
    return list_verifies(whole.bytes, whole.size, key);
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
    struct x509_pool to = {NULL, 0};
    size_t size = der_of(node.certificate, der);
    memcpy(der + size, der, size);
    assert_true(x509_read(NULL, der, 2 * size, &to, 2));
    assert_int_equal(to.count, 2);
    assert_false(x509_read(NULL, der, 2 * size, &to, 1));
    for (size_t cut = 1; cut < size; cut++)
        assert_false(x509_read(NULL, der, 2 * size - cut, &to, 9999));
    assert_null(x509_decode(der, 2 * size));
    assert_null(x509_decode(der, 0));
    x509_pool_clear(&to);
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

struct key_case {
    const char *text;
    bool good;
};

static void check_keys(const struct key_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct made made = made_of(cases[i].text);
        uint8_t *exact = made_exact(&made);
        EVP_PKEY *key = public_key_decode(exact, made.size);
        if ((key != NULL) != cases[i].good)
            fail_msg("%s is %s", cases[i].text, key ? "a key" : "none");
        EVP_PKEY_free(key);
        free(exact);
    }
}
#define CHECK_KEYS(cases) check_keys(cases, sizeof(cases) / sizeof((cases)[0]))

static void ec_keys_have_their_form(void **state)
{
    (void)state;
/* The generator of P-256. */
#define GX                "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define GY                "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define P256              "06{2a8648ce3d030107}"
#define EC_KEY_OF(by, of) "30{30{06{2a8648ce3d0201}" by "}03{00" of "}}"
    static const struct key_case cases[] = {
        {EC_KEY_OF(P256, "04" GX GY), true},
        {EC_KEY_OF(P256, "03" GX), true}, /* compressed */
        {EC_KEY_OF(P256, "02" GX), true},
        {EC_KEY_OF(P256, "07" GX GY), true},
        {EC_KEY_OF(P256, "06" GX GY), false}, /* it says that y is even */
        {EC_KEY_OF(P256, "05" GX GY), false},
        {EC_KEY_OF(P256, "04" GX), false},
        {EC_KEY_OF(P256, "04" GX GY "00"), false},
        {EC_KEY_OF(P256, "03" GX "00"), false},
        {EC_KEY_OF(P256, "04" GY GX), false},
        {EC_KEY_OF(P256, ""), false},
        {EC_KEY_OF(P256 "0500", "04" GX GY), false},
        {EC_KEY_OF(P256 "00", "04" GX GY), false},
        {EC_KEY_OF("", "04" GX GY), false},
        {EC_KEY_OF("0500", "04" GX GY), false},
        {EC_KEY_OF("06{2b81040022}", "04" GX GY), false}, /* P-384 */
        {EC_KEY_OF("06{}", "04" GX GY), false},
        {"30{30{06{2a8648ce3d0201}" P256 "}03{01 04" GX GY "}}", false},
        {"30{30{06{2a8648ce3d0201}" P256 "}03{00 04" GX GY "}00}", false},
        {"30{30{06{2a8648ce3d0201}" P256 "}03{00 04" GX GY "}}00", false},
    };
    CHECK_KEYS(cases);
}

/* RSAPublicKey: the numbers are of DER, and what stands around them too. */
static void rsa_keys_have_their_form(void **state)
{
    (void)state;
#define RSA_KEY(numbers) "30{30{06{2a864886f70d010101}0500}03{00 30{" numbers "}}}"
    static const struct key_case cases[] = {
        {RSA_KEY("02{00c1}02{03}"), true},
        {RSA_KEY("02{41}02{010001}"), true},
        {RSA_KEY("02{00c1}02{00ffffffff}"), true},
        {RSA_KEY("02{00c1}02{0100000001}"), false}, /* of more than 32 bits */
        {RSA_KEY("02{00c1}02{00}"), false},
        {RSA_KEY("02{00c1}02{01}"), false}, /* everyone's signature */
        {RSA_KEY("02{00c1}02{02}"), false},
        {RSA_KEY("02{00c1}02{010000}"), false},
        {RSA_KEY("02{c1}02{03}"), false}, /* negative */
        {RSA_KEY("02{00c1}02{83}"), false},
        {RSA_KEY("02{0041}02{03}"), false}, /* padded */
        {RSA_KEY("02{00c1}02{0003}"), false},
        {RSA_KEY("02{}02{03}"), false},
        {RSA_KEY("02{00c1}02{}"), false},
        {RSA_KEY("02{00c1}"), false},
        {RSA_KEY("02{00c1}02{03}02{03}"), false},
        {RSA_KEY("02{00c1}02{03}00"), false},
        {RSA_KEY("03{00c1}02{03}"), false},
        {"30{30{06{2a864886f70d010101}0500}03{00 30{02{00c1}02{03}}00}}", false},
        {"30{30{06{2a864886f70d010101}0500}03{00 31{02{00c1}02{03}}}}", false},
        {"30{30{06{2a864886f70d010101}0500}03{01 30{02{00c1}02{03}}}}", false},
        {"30{30{06{2a864886f70d010101}0500}04{00 30{02{00c1}02{03}}}}", false},
        {"30{30{06{2a864886f70d010101}0500}03{00 30{02{00c1}02{03}}}0500}", false},
        {"30{30{06{2a864886f70d010101}0500}03{}}", false},
        {"30{30{06{2a864886f70d010101}}03{00 30{02{00c1}02{03}}}}", true}, /* no parameters */
        {"30{30{06{2a864886f70d010101}30{}}03{00 30{02{00c1}02{03}}}}", false},
        {"30{30{06{2a864886f70d010101}05}03{00 30{02{00c1}02{03}}}}", false},
        {"30{30{06{2a864886f70d010101}0500 00}03{00 30{02{00c1}02{03}}}}", false},
        {"30{30{}03{00 30{02{00c1}02{03}}}}", false},
        {"30{30{06{2a03}}03{00 30{02{00c1}02{03}}}}", false},
    };
#undef RSA_KEY
    CHECK_KEYS(cases);
}

/* ---- signatures by algorithm ---- */

#define EC_SHA256           "2a8648ce3d040302"
#define RSA_SHA256          "2a864886f70d01010b"
#define BY(oid, parameters) "30{06{" oid "}" parameters "}"
#define SHA256              "30{06{608648016503040201}0500}"
#define SHA384              "30{06{608648016503040202}0500}"
#define MGF1(hash)          "30{06{2a864886f70d010108}" hash "}"
#define PSS(parameters)     BY("2a864886f70d01010a", "30{" parameters "}")

static const uint8_t text[] = "what is signed";

struct by {
    const char *algorithm;
    bool good;
};

static struct made sign(EVP_PKEY *key, const EVP_MD *hash, int salt)
{
    struct made made = {.size = sizeof(made.bytes)};
    EVP_PKEY_CTX *padding;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, &padding, hash, NULL, key), 1);
    if (salt >= 0) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, salt), 1);
    }
    assert_int_equal(EVP_DigestSign(context, made.bytes, &made.size, text, sizeof(text)), 1);
    EVP_MD_CTX_free(context);
    return made;
}

static bool verifies_by(EVP_PKEY *key, const char *algorithm, const struct made *signature)
{
    struct made made = made_of(algorithm);
    uint8_t *exact = made_exact(&made), *signed_exact = made_exact(signature);
    const struct der by = {exact, made.size}, from = {signed_exact, signature->size};
    bool good = public_key_verify(key, &by, &from, text, sizeof(text));
    if (good)
        assert_false(public_key_verify(key, &by, &from, text, sizeof(text) - 1));
    free(exact);
    free(signed_exact);
    return good;
}

static void check_by(EVP_PKEY *key, const struct made *signature, const struct by *cases,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (verifies_by(key, cases[i].algorithm, signature) != cases[i].good)
            fail_msg("by %s: %s", cases[i].algorithm, cases[i].good ? "no" : "yes");
}
#define CHECK_BY(key, signature, cases)                                                            \
    check_by(key, signature, cases, sizeof(cases) / sizeof((cases)[0]))

static void ecdsa_has_no_parameters(void **state)
{
    (void)state;
    static const struct by cases[] = {
        {BY(EC_SHA256, ""), true},
        {BY(EC_SHA256, "0500"), true}, /* as mbed TLS writes it */
        {BY(EC_SHA256, "05{00}"), false},
        {BY(EC_SHA256, "3000"), false},
        {BY(EC_SHA256, "05000500"), false},
        {BY(EC_SHA256, "050000"), false},
        {BY(EC_SHA256, "00"), false},
        {BY(EC_SHA256, "06{2a8648ce3d030107}"), false},
        {BY("2a8648ce3d040303", ""), false}, /* another hash */
        {BY("2a8648ce3d0401", ""), false},
        {BY("2a8648ce3d0403", ""), false},
        {BY("2a8648ce3d04030200", ""), false},
        {BY(RSA_SHA256, "0500"), false}, /* not of such a key */
        {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}"), false},
        {BY("2b6570", ""), false},
        {BY("2b6571", ""), false},
        {BY("", ""), false},
        {"30{}", false},
        {"", false},
        {"31{06{" EC_SHA256 "}}", false},
        {"30{06{" EC_SHA256 "}}00", false},
        {"30{06{" EC_SHA256 "}}0500", false},
        {"30{05{" EC_SHA256 "}}", false},
        {"3080 06{" EC_SHA256 "} 0000", false},
    };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct made signature = sign(key, EVP_sha256(), -1);
    CHECK_BY(key, &signature, cases);
    EVP_PKEY_free(key);
}

static void ecdsa_signatures_are_in_range(void **state)
{
    (void)state;
    static const char order[] =
        "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    static const char *const zeros[] = {
        "", "3000", "30{02{00}02{00}}", "30{02{01}02{00}}", "30{02{00}02{01}}", "30{02{01}02{01}}"};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct made signature;
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
        signature = made_of(zeros[i]);
        assert_false(verifies_by(key, BY(EC_SHA256, ""), &signature));
    }
    char both[256];
    snprintf(both, sizeof(both), "30{02{%s}02{%s}}", order, order);
    signature = made_of(both);
    assert_false(verifies_by(key, BY(EC_SHA256, ""), &signature));
    signature = sign(key, EVP_sha256(), -1);
    signature.bytes[signature.size++] = 0;
    assert_false(verifies_by(key, BY(EC_SHA256, ""), &signature));
    EVP_PKEY_free(key);
}

static void rsa_may_have_null_parameters(void **state)
{
    (void)state;
    static const struct by cases[] = {
        {BY(RSA_SHA256, "0500"), true},
        {BY(RSA_SHA256, ""), true},
        {BY(RSA_SHA256, "05{00}"), false},
        {BY(RSA_SHA256, "30{}"), false},
        {BY(RSA_SHA256, "050005"), false},
        {BY("2a864886f70d01010c", "0500"), false}, /* another hash */
        {BY("2a864886f70d010101", "0500"), false}, /* a key's */
        {BY("2a864886f70d010104", "0500"), false}, /* MD5 */
        {BY("2a864886f70d010105", "0500"), false}, /* SHA-1 */
        {BY(EC_SHA256, ""), false},                /* not of such a key */
        {BY("2b6570", ""), false},
        {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}"), false},
    };
    EVP_PKEY *key = EVP_RSA_gen(2048);
    struct made signature = sign(key, EVP_sha256(), -1);
    CHECK_BY(key, &signature, cases);
    signature.bytes[signature.size++] = 0;
    assert_false(verifies_by(key, BY(RSA_SHA256, ""), &signature));
    signature.size = 0;
    assert_false(verifies_by(key, BY(RSA_SHA256, ""), &signature));
    EVP_PKEY_free(key);
}

static const struct by pss_cases[] = {
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}"), true},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}a3{02{01}}"), true},
    {PSS("a0{30{06{608648016503040201}}}a1{" MGF1("30{06{608648016503040201}}") "}a2{02{20}}"),
     true},                                                       /* no NULL */
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA384) "}a2{02{20}}"), false}, /* hashes differ */
    {PSS("a0{" SHA384 "}a1{" MGF1(SHA256) "}a2{02{20}}"), false},
    {PSS("a0{" SHA384 "}a1{" MGF1(SHA384) "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{14}}"), false}, /* another salt */
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{00}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{ff}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{fe}}"), false}, /* OpenSSL's "auto" */
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{00fffffffe}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{7fffffff}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{0020}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}00}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}a3{02{02}}"), false}, /* trailer */
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}a3{02{00}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}a3{}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}a3{02{01}}a4{02{01}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}a3{02{01}}a3{02{01}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}00"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a3{02{01}}a2{02{20}}"), false},
    {PSS("a1{" MGF1(SHA256) "}a0{" SHA256 "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256) MGF1(SHA256) "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1(SHA256 "0500") "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1("") "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a1{" SHA256 "}a2{02{20}}"), false}, /* not MGF1 */
    {PSS("a0{" SHA256 "}a1{30{06{2a864886f70d010109}" SHA256 "}}a2{02{20}}"), false},
    {PSS("a0{30{06{608648016503040201}30{}}}a1{" MGF1(SHA256) "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a1{" MGF1("30{06{608648016503040201}05{00}}") "}a2{02{20}}"), false},
    {PSS("a0{30{}}a1{" MGF1("30{}") "}a2{02{20}}"), false},
    {PSS("a0{" SHA256 "}a2{02{20}}"), false}, /* SHA-1 in MGF1 */
    {PSS("a1{" MGF1(SHA256) "}a2{02{20}}"), false},
    {PSS(""), false},
    {BY("2a864886f70d01010a", ""), false}, /* no parameters */
    {BY("2a864886f70d01010a", "0500"), false},
    {BY("2a864886f70d01010a", "30{a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}}0500"), false},
    {BY("2a864886f70d01010a", "31{a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}}"), false},
    {BY(RSA_SHA256, "0500"), false}, /* PKCS #1 v1.5 */
    {BY(RSA_SHA256, "30{a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{20}}}"), false},
};

static void pss_has_its_parameters(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    struct made signature = sign(key, EVP_sha256(), 32);
    CHECK_BY(key, &signature, pss_cases);
    struct made other = signature; /* a byte more, or less */
    other.bytes[other.size++] = 0;
    assert_false(verifies_by(key, pss_cases[0].algorithm, &other));
    other.size -= 2;
    assert_false(verifies_by(key, pss_cases[0].algorithm, &other));
    static const struct by sha1[] = {
        {PSS(""), false},
        {PSS("a0{30{06{2b0e03021a}0500}}a1{" MGF1("30{06{2b0e03021a}0500}") "}a2{02{14}}"), false},
    };
    signature = sign(key, EVP_sha1(), 20);
    CHECK_BY(key, &signature, sha1);
    signature = sign(key, EVP_sha256(), 0);
    assert_true(verifies_by(key, PSS("a0{" SHA256 "}a1{" MGF1(SHA256) "}a2{02{00}}"), &signature));
    signature = sign(key, EVP_sha384(), 48);
    assert_true(verifies_by(key, PSS("a0{" SHA384 "}a1{" MGF1(SHA384) "}a2{02{30}}"), &signature));
    EVP_PKEY_free(key);
}

/* A key that is for RSA-PSS only may say with which hash: that is not read, so it is no key. */
static void a_key_of_pss_only_verifies_nothing(void **state)
{
    (void)state;
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, NULL);
    uint8_t *der = NULL;
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    int size = i2d_PUBKEY(key, &der);
    EVP_PKEY *read = public_key_decode(der, (size_t)size);
    assert_non_null(read);
    assert_int_equal(EVP_PKEY_eq(read, key), 1);
    struct made signature = sign(key, EVP_sha256(), 32);
    for (size_t i = 0; i < sizeof(pss_cases) / sizeof(pss_cases[0]); i++)
        assert_false(verifies_by(read, pss_cases[i].algorithm, &signature));
    OPENSSL_free(der);
    EVP_PKEY_free(read);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
}

static void edwards_keys_have_one_algorithm_each(void **state)
{
    (void)state;
    static const char *const names[] = {"ED25519", "ED448"}, *const oids[] = {"2b6570", "2b6571"};
    for (int i = 0; i < 2; i++) {
        char algorithm[64];
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, names[i]);
        struct made signature = sign(key, NULL, -1);
        for (int j = 0; j < 2; j++) {
            static const char *const parameters[] = {"", "0500", "30{}", "00"};
            for (int k = 0; k < 4; k++) {
                snprintf(algorithm, sizeof(algorithm), "30{06{%s}%s}", oids[j], parameters[k]);
                assert_int_equal(verifies_by(key, algorithm, &signature), i == j && k == 0);
            }
        }
        assert_false(verifies_by(key, BY(EC_SHA256, ""), &signature));
        assert_false(verifies_by(key, BY(RSA_SHA256, ""), &signature));
        assert_false(verifies_by(key, pss_cases[0].algorithm, &signature));
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
        cmocka_unit_test(ec_keys_have_their_form),
        cmocka_unit_test(rsa_keys_have_their_form),
        cmocka_unit_test(ecdsa_has_no_parameters),
        cmocka_unit_test(ecdsa_signatures_are_in_range),
        cmocka_unit_test(rsa_may_have_null_parameters),
        cmocka_unit_test(pss_has_its_parameters),
        cmocka_unit_test(a_key_of_pss_only_verifies_nothing),
        cmocka_unit_test(edwards_keys_have_one_algorithm_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
