/* SPDX-License-Identifier: Apache-2.0
 *
 * COSE_Sign1: the COSE working group's examples, what is made is what is verified, and each way to
 * be wrong.
 */
#include "attest_test.h"

#include "attest/cose.h"

#include <openssl/ec.h>

#define TYPE "application/x"

/* The working group's keys: "11" (P-256, compressed), and the first of RFC 8032. */
static const char p256[] = "02bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff";
static const char ed25519[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

static EVP_PKEY *known_p256(void)
{
    size_t size;
    uint8_t *point = of_hex(p256, &size);
    EVP_PKEY *like = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_PKEY_new();
    assert_int_equal(EVP_PKEY_copy_parameters(key, like), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(key, point, size), 1);
    EVP_PKEY_free(like);
    free(point);
    return key;
}

static EVP_PKEY *known_ed25519(void)
{
    size_t size;
    uint8_t *bytes = of_hex(ed25519, &size);
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, size);
    assert_non_null(key);
    free(bytes);
    return key;
}

/* github.com/cose-wg/Examples: ecdsa-sig-01, eddsa-sig-01, sign1-tests. The headers have a kid and
 * a number for content type, so only what is signed can be shown with them. */
static const struct {
    const char *header, *payload, *signature;
    int64_t algorithm;
    bool good;
} examples[] = {
    {"a201260300", "546869732069732074686520636f6e74656e742e",
     "eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e1"
     "72727f48461fabbba2e343492ddecac3983686250bc68e9f1a7a07d41225b59f",
     COSE_ES256, true},
    {"", "546869732069732074686520636f6e74656e742e",
     "eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e1"
     "1a02e5f0344bf2d4ee5c7fd75a68a9f5e0b3cc1f1fc1409c189566586ff9d610",
     COSE_ES256, true},
    {"a201270300", "546869732069732074686520636f6e74656e742e",
     "7142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb87"
     "11497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d",
     COSE_EDDSA, true},
    {"a10126", "546869732069732074686520636f6e74656e742f", /* sign-fail-02 */
     "eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e1"
     "9f43d6c6ba654472da301b645b293c9ba939295b97c4bdb847782bff384c5794",
     COSE_ES256, false},
};

static void test_examples(void **state)
{
    (void)state;
    EVP_PKEY *es256 = known_p256(), *eddsa = known_ed25519();
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct cose cose = {.algorithm = examples[i].algorithm};
        uint8_t *header = of_hex(examples[i].header, &cose.header_size);
        uint8_t *payload = of_hex(examples[i].payload, &cose.payload_size);
        uint8_t *signature = of_hex(examples[i].signature, &cose.signature_size);
        cose.header = header;
        cose.payload = payload;
        cose.signature = signature;
        bool is_es256 = cose.algorithm == COSE_ES256;
        assert_int_equal(cose_verify(&cose, is_es256 ? es256 : eddsa), examples[i].good);
        assert_false(cose_verify(&cose, is_es256 ? eddsa : es256));
        cose.algorithm = is_es256 ? COSE_EDDSA : COSE_ES256;
        assert_false(cose_verify(&cose, is_es256 ? es256 : eddsa));
        free(header);
        free(payload);
        free(signature);
    }
    EVP_PKEY_free(es256);
    EVP_PKEY_free(eddsa);
}

static const uint8_t content[] = "what is signed";

static void round_trip(EVP_PKEY *key, const struct cose_chain *chain)
{
    cella_error error;
    uint8_t *bytes;
    size_t size;
    struct cose cose;
    assert_int_equal(cose_sign(key, TYPE, chain, content, sizeof(content), &bytes, &size, &error),
                     CELLA_OK);
    assert_int_equal(cose_read(bytes, size, TYPE, "message", &cose, &error), CELLA_OK);
    assert_true(cose_verify(&cose, key));
    assert_int_equal(cose.payload_size, sizeof(content));
    assert_memory_equal(cose.payload, content, sizeof(content));
    assert_int_equal(cose.chain.count, chain ? chain->count : 0);
    assert_int_equal(cose_read(bytes, size, "application/y", "message", &cose, &error),
                     CELLA_INVALID);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (cose_read(bytes, size, TYPE, "message", &cose, &error) == CELLA_OK)
            assert_false(cose_verify(&cose, key));
        else
            assert_sentence(&error, "message: ");
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t less = 0; less < size; less++) {
        uint8_t *copy = malloc(less ? less : 1);
        memcpy(copy, bytes, less);
        assert_int_equal(cose_read(copy, less, TYPE, "message", &cose, &error), CELLA_INVALID);
        free(copy);
    }
    free(bytes);
}

static void test_round_trip(void **state)
{
    (void)state;
    EVP_PKEY *es256 = EVP_EC_gen("P-256"), *eddsa = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *other = EVP_EC_gen("P-384");
    const struct cose_chain chain = {2, {{(const uint8_t *)"one", 3}, {(const uint8_t *)"two", 3}}};
    round_trip(es256, &chain);
    round_trip(es256, NULL);
    round_trip(eddsa, NULL);
    cella_error error;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cose_sign(other, TYPE, NULL, content, 1, &bytes, &size, &error),
                     CELLA_INVALID);
    EVP_PKEY_free(es256);
    EVP_PKEY_free(eddsa);
    EVP_PKEY_free(other);
}

/* Messages with a signature of zeros; the header comes as hexadecimal. */
static cella_status read_with(const char *header, const char *between, const char *signature,
                              cella_error *error)
{
    char text[600] = "";
    struct cose cose;
    size_t size;
    size_t length = strlen(header) / 2;
    snprintf(text, sizeof(text), length < 24 ? "d284%02zx%s%s%s" : "d28458%02zx%s%s%s",
             length < 24 ? 0x40 + length : length, header, between, signature);
    uint8_t *bytes = of_hex(text, &size);
    cella_status status = cose_read(bytes, size, TYPE, "message", &cose, error);
    free(bytes);
    return status;
}

#define GOOD_HEADER                                                                                \
    "a30126036d6170706c69636174696f6e2f78182182" /* alg, content type, x5chain of two */           \
    "4101"                                                                                         \
    "4102"
#define ZEROS                                                                                      \
    "5840"                                                                                         \
    "0000000000000000000000000000000000000000000000000000000000000000"                             \
    "0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
    const char *header, *between, *signature;
    const char *sentence;
} wrong[] = {
    {GOOD_HEADER,
     "a1044131"
     "4100",
     ZEROS, "unprotected header"},
    {GOOD_HEADER,
     "80"
     "4100",
     ZEROS, "unprotected header"},
    {GOOD_HEADER,
     "a0"
     "f6",
     ZEROS, "part 3"}, /* a detached payload */
    {GOOD_HEADER,
     "a0"
     "6161",
     ZEROS, "part 3"},
    {GOOD_HEADER,
     "40"
     "4100",
     ZEROS, "part 2"},
    {GOOD_HEADER,
     "a0"
     "4100",
     "00", "part 4"},
    {GOOD_HEADER,
     "a0"
     "4100",
     "4100", "signature of 1 bytes"},
    /* crit; kid; an algorithm that is not ours, or of another type; types of the others */
    {"a40126028103036d6170706c69636174696f6e2f7818218241014102",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a30126036d6170706c69636174696f6e2f78044131",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a2013822036d6170706c69636174696f6e2f78",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a20106036d6170706c69636174696f6e2f78",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a20165455332353603"
     "6d6170706c69636174696f6e2f78",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a201260300",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a10126",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a1036d6170706c69636174696f6e2f78",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a30126036d6170706c69636174696f6e2f7818214101",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a30126036d6170706c69636174696f6e2f781821814101",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a30126036d6170706c69636174696f6e2f7818218241016161",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a30126036d6170706c69636174696f6e2f78182185410141024103"
     "41044105",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a20126636374796d6170706c69636174696f6e2f78",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"80",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"a0",
     "a0"
     "4100",
     ZEROS, "protected"},
    {"00",
     "a0"
     "4100",
     ZEROS, "protected"},
};

static void test_wrong(void **state)
{
    (void)state;
    cella_error error;
    struct cose cose;
    assert_int_equal(read_with(GOOD_HEADER,
                               "a0"
                               "4100",
                               ZEROS, &error),
                     CELLA_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (read_with(wrong[i].header, wrong[i].between, wrong[i].signature, &error) !=
            CELLA_INVALID)
            fail_msg("%zu is read", i);
        assert_sentence(&error, wrong[i].sentence);
    }
    /* Without the tag, with another, of three parts, of five. */
    static const char *const others[] = {"8440a04040", "d18440a04040", "d28340a040",
                                         "d28540a0404040", "d200"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        size_t size;
        uint8_t *bytes = of_hex(others[i], &size);
        assert_int_equal(cose_read(bytes, size, TYPE, "message", &cose, &error), CELLA_INVALID);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
