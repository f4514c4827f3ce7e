/* SPDX-License-Identifier: Apache-2.0
 *
 * <cella/token.h>: what is made is verified, by keys and by certificates with revocation lists;
 * each way to misuse it.
 */
#include "attest_pki.h"

#include <cella/token.h>
#include <jansson.h>

#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))
#define ISSUER      "https://issuer.example"
#define NOW         PKI_NOW

static const char accepted[] =
    "{\"verdict\":\"accepted\",\"type\":\"snp\",\"refusal\":null,\"warnings\":[],\"claims\":{"
    "\"x-ms-attestation-type\":\"sevsnpvm\",\"x-ms-sevsnpvm-is-debuggable\":false}}";

/* ---- helpers ---- */

static char *text_of(BIO *bio, size_t *size)
{
    char *data, *copy;
    *size = (size_t)BIO_get_mem_data(bio, &data);
    copy = malloc(*size);
    assert_non_null(copy);
    memcpy(copy, data, *size);
    BIO_free(bio);
    return copy;
}

static uint8_t *pem_of(EVP_PKEY *key, size_t *size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return (uint8_t *)text_of(bio, size);
}

static uint8_t *pem_of_chain(const struct pki_node *leaf, const struct pki_node *issuer,
                             size_t *size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, leaf->certificate), 1);
    if (issuer)
        assert_int_equal(PEM_write_bio_X509(bio, issuer->certificate), 1);
    return (uint8_t *)text_of(bio, size);
}

static cella_token_order usual_order(const uint8_t *pem, size_t size)
{
    cella_token_order order;
    cella_token_order_default(&order);
    order.pem = pem;
    order.pem_size = size;
    order.issuer = ISSUER;
    order.at = NOW;
    order.lifetime = 60;
    return order;
}

static char *make(const cella_token_order *order)
{
    char *token;
    cella_error error;
    if (cella_token_make(order, accepted, strlen(accepted), &token, &error))
        fail_msg("%s", error.sentence);
    return token;
}

static cella_token_demands usual_demands(const cella_keys *keys)
{
    cella_token_demands demands;
    cella_token_demands_default(&demands);
    demands.keys = keys;
    demands.issuer = ISSUER;
    demands.at = NOW;
    return demands;
}

static cella_keys *keys_of(const uint8_t *pem, size_t size)
{
    char *text;
    cella_keys *keys;
    cella_error error;
    assert_int_equal(cella_keys_of(pem, size, "k", &text, &error), CELLA_OK);
    assert_null(strstr(text, "\"d\""));
    assert_int_equal(cella_keys_read((uint8_t *)text, strlen(text), "k", &keys, &error), CELLA_OK);
    free(text);
    return keys;
}

/* *warnings (may be NULL): how many there are. */
static void expect(cella_verifier *verifier, const char *token, const cella_token_demands *demands,
                   const char *class, size_t *warnings)
{
    cella_result *result;
    cella_error error;
    cella_status status =
        cella_token_verify(verifier, token, strlen(token), demands, &result, &error);
    assert_non_null(result);
    if (strcmp(cella_result_class(result), class) != 0)
        fail_msg("\"%s\", not \"%s\": %s", cella_result_class(result), class, error.sentence);
    assert_int_equal(cella_result_accepted(result), status == CELLA_OK);
    char *text = cella_result_json(result);
    json_t *read = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(read, "type")), "token");
    assert_int_equal(json_object_size(json_object_get(read, "claims")) > 0, status == CELLA_OK);
    if (warnings)
        *warnings = json_array_size(json_object_get(read, "warnings"));
    json_decref(read);
    free(text);
    cella_result_free(result);
}

/* Whether the result of an accepted token has this text. */
static bool says(const char *token, const cella_token_demands *demands, const char *part)
{
    cella_result *result;
    cella_error error;
    assert_int_equal(cella_token_verify(NULL, token, strlen(token), demands, &result, &error),
                     CELLA_OK);
    char *text = cella_result_json(result);
    bool has = strstr(text, part) != NULL;
    free(text);
    cella_result_free(result);
    return has;
}

/* ---- by keys ---- */

static void test_keys(void **state)
{
    (void)state;
    EVP_PKEY *all[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048)};
    size_t sizes[2], warnings;
    uint8_t *pems[2];
    cella_keys *keys[2];
    for (size_t i = 0; i < 2; i++) {
        pems[i] = pem_of(all[i], &sizes[i]);
        keys[i] = keys_of(pems[i], sizes[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        cella_token_order order = usual_order(pems[i % 2], sizes[i % 2]);
        order.profile = i < 2 ? CELLA_TOKEN_MAA : CELLA_TOKEN_EAR;
        char *token = make(&order);
        cella_token_demands demands = usual_demands(keys[i % 2]);
        expect(NULL, token, &demands, "", &warnings);
        assert_int_equal(warnings, 0);
        assert_int_equal(says(token, &demands, "\"submods\":"), i >= 2);
        demands.keys = keys[1 - i % 2];
        expect(NULL, token, &demands, "ANCHOR", NULL);
        demands = usual_demands(keys[i % 2]);
        demands.issuer = "https://other.example";
        expect(NULL, token, &demands, "POLICY", NULL);
        demands = usual_demands(keys[i % 2]);
        demands.audience = "me";
        expect(NULL, token, &demands, "POLICY", NULL);
        demands = usual_demands(keys[i % 2]);
        demands.at = NOW + 60;
        expect(NULL, token, &demands, "TIME", NULL);
        demands.skew = 1;
        expect(NULL, token, &demands, "", NULL);
        demands = usual_demands(keys[i % 2]);
        char *letter = &token[strlen(token) - 9];
        *letter = *letter == 'A' ? 'B' : 'A';
        expect(NULL, token, &demands, "SIG", NULL);
        expect(NULL, "a.b", &demands, "PARSE", NULL);
        free(token);
    }
    for (size_t i = 0; i < 2; i++) {
        cella_keys_free(keys[i]);
        EVP_PKEY_free(all[i]);
        free(pems[i]);
    }
    cella_keys_free(NULL);
}

/* What its issuer was warned of, whoever verifies it is told. */
static void test_warned(void **state)
{
    (void)state;
    static const char warned[] =
        "{\"verdict\":\"accepted\",\"type\":\"tpm\",\"refusal\":null,\"warnings\":[\"beware\"],"
        "\"claims\":{\"x-ms-attestation-type\":\"tpm\"}}";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    size_t size;
    uint8_t *pem = pem_of(key, &size);
    cella_keys *keys = keys_of(pem, size);
    const cella_token_demands demands = usual_demands(keys);
    for (int ear = 0; ear < 2; ear++) {
        cella_token_order order = usual_order(pem, size);
        cella_error error;
        char *token;
        order.profile = ear ? CELLA_TOKEN_EAR : CELLA_TOKEN_MAA;
        assert_int_equal(cella_token_make(&order, warned, strlen(warned), &token, &error),
                         CELLA_OK);
        assert_true(says(token, &demands, "\"cella_warnings\":[\"beware\"]"));
        assert_int_equal(says(token, &demands, "what was appraised is warning"), ear);
        free(token);
    }
    cella_keys_free(keys);
    free(pem);
    EVP_PKEY_free(key);
}

/* ---- by certificates ---- */

struct chain {
    struct pki_node nodes[3]; /* root, middle, signer */
    char *token;
};

static struct chain make_chain(void)
{
    struct pki_shape shapes[] = {
        {.name = "root", .ca = true, .path_length = -1, .serial = 1},
        {.name = "middle", .ca = true, .path_length = 0, .serial = 2},
        {.name = "signer", .serial = 3},
    };
    struct chain chain;
    size_t size, chain_size;
    for (int i = 0; i < 3; i++)
        chain.nodes[i] = pki_make(&shapes[i], i ? &chain.nodes[i - 1] : NULL);
    uint8_t *pem = pem_of(chain.nodes[2].key, &size);
    uint8_t *certificates = pem_of_chain(&chain.nodes[2], &chain.nodes[1], &chain_size);
    cella_token_order order = usual_order(pem, size);
    order.certificates = certificates;
    order.certificates_size = chain_size;
    chain.token = make(&order);
    free(certificates);
    free(pem);
    return chain;
}

static void drop_chain(struct chain *chain)
{
    for (int i = 0; i < 3; i++)
        pki_free(&chain->nodes[i]);
    free(chain->token);
}

static cella_verifier *trusting(const struct pki_node *root)
{
    cella_verifier *verifier;
    cella_error error;
    uint8_t *der = NULL;
    int size = i2d_X509(root->certificate, &der);
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    assert_int_equal(cella_verifier_add_root(verifier, der, (size_t)size, "r", &error), CELLA_OK);
    OPENSSL_free(der);
    return verifier;
}

static void add_list(cella_verifier *verifier, const struct pki_node *issuer, long serial,
                     int64_t until)
{
    cella_error error;
    uint8_t *der = NULL;
    X509_CRL *list = pki_list(issuer, issuer->key, serial, NOW - 9, until);
    int size = i2d_X509_CRL(list, &der);
    if (cella_verifier_add(verifier, der, (size_t)size, "l", &error))
        fail_msg("%s", error.sentence);
    OPENSSL_free(der);
    X509_CRL_free(list);
}

/* A list that is there is heeded; for each certificate without one there is a warning. */
static void test_certificates(void **state)
{
    (void)state;
    static const struct {
        long root_revokes, middle_revokes; /* below zero: no list */
        int64_t until;
        const char *class;
        size_t warnings;
    } rows[] = {
        {-1, -1, NOW + 9, "", 2},       {0, -1, NOW + 9, "", 1},
        {-1, 0, NOW + 9, "", 1},        {0, 0, NOW + 9, "", 0},
        {0, 9, NOW + 9, "", 0},         {0, 3, NOW + 9, "REVOKED", 0},
        {-1, 3, NOW + 9, "REVOKED", 0}, {2, 0, NOW + 9, "REVOKED", 0},
        {2, -1, NOW + 9, "REVOKED", 0}, {0, 0, NOW - 1, "TIME", 0},
    };
    struct chain chain = make_chain();
    cella_token_demands demands = usual_demands(NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t warnings;
        cella_verifier *verifier = trusting(&chain.nodes[0]);
        if (rows[i].root_revokes >= 0)
            add_list(verifier, &chain.nodes[0], rows[i].root_revokes, rows[i].until);
        if (rows[i].middle_revokes >= 0)
            add_list(verifier, &chain.nodes[1], rows[i].middle_revokes, rows[i].until);
        expect(verifier, chain.token, &demands, rows[i].class, &warnings);
        if (!*rows[i].class && warnings != rows[i].warnings)
            fail_msg("row %zu: %zu warnings", i, warnings);
        cella_verifier_free(verifier);
    }
    cella_verifier *other = trusting(&chain.nodes[1]);
    expect(other, chain.token, &demands, "", NULL);
    cella_verifier_free(other);
    struct pki_node stranger = pki_make(&(struct pki_shape){.name = "s", .ca = true}, NULL);
    other = trusting(&stranger);
    expect(other, chain.token, &demands, "CHAIN", NULL);
    cella_verifier_free(other);
    pki_free(&stranger);
    drop_chain(&chain);
}

/* ---- misuse ---- */

static void make_refused(cella_token_order order, const char *result, const char *sentence)
{
    char *token;
    cella_error error;
    assert_int_equal(cella_token_make(&order, result, strlen(result), &token, &error),
                     CELLA_INVALID);
    assert_null(token);
    assert_sentence(&error, sentence);
}

static void test_make_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-384");
    struct pki_node stranger = pki_make(&(struct pki_shape){.name = "s"}, NULL);
    size_t size, other_size, chain_size;
    uint8_t *pem = pem_of(key, &size), *wrong = pem_of(other, &other_size);
    uint8_t *chain = pem_of_chain(&stranger, NULL, &chain_size);
    const cella_token_order good = usual_order(pem, size);
    cella_token_order order = good;
    order.size = 1;
    make_refused(order, accepted, "cella_token_order_default");
    order = good;
    order.profile = (cella_token_profile)2;
    make_refused(order, accepted, "MAA or EAR");
    order = good;
    order.pem = NULL;
    make_refused(order, accepted, "no private key");
    order = good;
    order.pem_size = size / 2;
    make_refused(order, accepted, "no private key");
    order = usual_order(wrong, other_size);
    make_refused(order, accepted, "P-256");
    order = good;
    order.certificates = chain;
    order.certificates_size = chain_size;
    make_refused(order, accepted, "of the key that signs it");
    order.certificates_size = 3;
    make_refused(order, accepted, "in PEM or DER");
    order = good;
    order.issuer = NULL;
    make_refused(order, accepted, "an issuer");
    order.issuer = "cella";
    make_refused(order, accepted, "may be \"cella\"");
    order = good;
    order.lifetime = 0;
    make_refused(order, accepted, "an end within a year");
    make_refused(good, "[]", "must be a JSON object");
    make_refused(good, "{}", "not accepted");
    pki_free(&stranger);
    free(chain);
    free(wrong);
    free(pem);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static void verify_misused(cella_token_demands demands, const char *sentence)
{
    cella_result *result;
    cella_error error;
    assert_int_equal(cella_token_verify(NULL, "a.b.c", 5, &demands, &result, &error),
                     CELLA_INVALID);
    assert_null(result);
    assert_sentence(&error, sentence);
}

static void test_misuse(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    size_t size;
    uint8_t *pem = pem_of(key, &size);
    cella_keys *keys = keys_of(pem, size), *none;
    cella_error error;
    char *text;
    cella_token_demands demands = usual_demands(keys);
    demands.size = 0;
    verify_misused(demands, "cella_token_demands_default");
    demands = usual_demands(NULL);
    verify_misused(demands, "wants keys");
    demands = usual_demands(keys);
    demands.at = 0;
    verify_misused(demands, "the time to judge at");
    demands = usual_demands(keys);
    demands.issuer = NULL;
    verify_misused(demands, "wants its issuer");
    demands.issuer = "https://cella/";
    verify_misused(demands, "may be \"cella\"");
    demands = usual_demands(keys);
    demands.skew = 86401;
    verify_misused(demands, "a skew of at most a day");
    assert_int_equal(cella_keys_read((const uint8_t *)"{}", 2, "k", &none, &error), CELLA_INVALID);
    assert_null(none);
    assert_int_equal(cella_keys_of(pem, 9, "k", &text, &error), CELLA_INVALID);
    assert_null(text);
    EVP_PKEY *other = EVP_EC_gen("P-384");
    free(pem);
    pem = pem_of(other, &size);
    assert_int_equal(cella_keys_of(pem, size, "k", &text, &error), CELLA_INVALID);
    assert_sentence(&error, "k: tokens are signed by a key of P-256 or of RSA");
    EVP_PKEY_free(other);
    cella_keys_free(keys);
    free(pem);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),         cmocka_unit_test(test_warned),
        cmocka_unit_test(test_certificates), cmocka_unit_test(test_make_refused),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
