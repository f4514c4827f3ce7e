/* SPDX-License-Identifier: Apache-2.0
 *
 * Attested TLS certificates of our own: made, judged, and each way to be wrong.
 */
#include "attest_pki.h"
#include "attest_vectors.h"

#include "attest/appraisal.h"
#include "attest/cbor.h"
#include "attest/evidence.h"
#include "attest/ratls.h"

#include <cella/attest.h>
#include <cella/tls.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <time.h>

static char base[] = "/tmp/cella-ratls-XXXXXX";
static cella_platform *platform;
static cella_verifier *verifier;
static cella_demands demands;
static uint8_t nonce[] = {1, 2, 3};

/* What an enclave would get. */
static cella_status evidence_of(void *context, const uint8_t report_data[64], uint8_t **bytes,
                                size_t *size, cella_error *error)
{
    uint8_t report[REPORT_SIZE] = {0};
    report[REPORT_ATTRIBUTES] = context ? 7 : 5; /* debug where one is given */
    memset(report + REPORT_MRENCLAVE, 0xaa, 32);
    memcpy(report + REPORT_DATA, report_data, 64);
    return cella_platform_evidence(platform, report, "vsm", bytes, size, error);
}

static int set_up(void **state)
{
    (void)state;
    char folder[64];
    cella_error error = {0};
    if (!mkdtemp(base))
        return -1;
    snprintf(folder, sizeof(folder), "%s/platform", base);
    return cella_platform_init(folder, &error) || cella_platform_open(folder, &platform, &error) ||
           cella_verifier_new(&verifier, &error) ||
           cella_verifier_add_root_key(verifier, cella_platform_root(platform), &error);
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    cella_verifier_free(verifier);
    cella_platform_close(platform);
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

static int begin(void **state)
{
    (void)state;
    cella_demands_default(&demands);
    demands.at = time(NULL);
    demands.insecure_any_nonce = true;
    return 0;
}

static void expect(const void *bytes, size_t size, const char *class)
{
    cella_result *result;
    cella_error error = {0};
    cella_verify(verifier, bytes, size, &demands, &result, &error);
    if (!result || strcmp(cella_result_class(result), class) != 0)
        fail_msg("%s: %s", result ? cella_result_class(result) : "", error.sentence);
    cella_result_free(result);
}

static char *make(const uint8_t *with, size_t size)
{
    char *pem;
    cella_error error;
    if (cella_tls_certificate(with, size, evidence_of, NULL, &pem, &error))
        fail_msg("%s", error.sentence);
    return pem;
}

static void ours_are_accepted(void **state)
{
    (void)state;
    const uint8_t anything[64] = {0};
    char *pem = make(NULL, 0);
    expect(pem, strlen(pem), "");
    demands.insecure_any_nonce = false;
    expect(pem, strlen(pem), CLASS_NONCE);
    demands.nonce = nonce;
    demands.nonce_size = sizeof(nonce);
    expect(pem, strlen(pem), CLASS_NONCE);
    free(pem);
    pem = make(nonce, sizeof(nonce));
    expect(pem, strlen(pem), "");
    demands.report_data = anything; /* the certificate's own affair */
    expect(pem, strlen(pem), CLASS_REPORT_DATA);
    demands.report_data = NULL;
    demands.attestation_key = anything; /* of the evidence inside, which has no TPM */
    expect(pem, strlen(pem), CLASS_ANCHOR);
    demands.attestation_key = NULL;
    demands.nonce_size--;
    expect(pem, strlen(pem), CLASS_NONCE);
    free(pem);
}

static void what_is_inside_is_judged(void **state)
{
    (void)state;
    cella_error error;
    char *pem;
    assert_int_equal(cella_tls_certificate(NULL, 0, evidence_of, "debug", &pem, &error), CELLA_OK);
    expect(pem, strlen(pem), CLASS_DEBUG);
    free(pem);
    pem = make(NULL, 0);
    demands.at += 20LL * 365 * 86400;
    expect(pem, strlen(pem), CLASS_TIME);
    free(pem);
    assert_int_equal(cella_tls_certificate(nonce, 65, evidence_of, NULL, &pem, &error),
                     CELLA_INVALID);
    assert_int_equal(cella_tls_certificate(nonce, 0, evidence_of, NULL, &pem, &error),
                     CELLA_INVALID);
}

/* A certificate of `key`, signed by `signer`, with this value of the extension. */
static uint8_t *certificate_of(EVP_PKEY *key, EVP_PKEY *signer, const uint8_t *value, size_t size,
                               size_t *der_size)
{
    struct pki_shape shape = {.name = "peer", .serial = 1};
    X509 *certificate = pki_certificate(&shape, key, NULL);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(octets, value, (int)size);
    ASN1_OBJECT *object = OBJ_txt2obj(RATLS_OID, 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    X509_add_ext(certificate, extension, -1);
    assert_true(X509_sign(certificate, signer, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    *der_size = (size_t)i2d_X509(certificate, &der);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(octets);
    X509_free(certificate);
    return der;
}

static void expect_extension(EVP_PKEY *key, EVP_PKEY *signer, struct cbor_writer *writer,
                             const char *class)
{
    uint8_t *value;
    size_t size, der_size;
    cella_error error;
    assert_int_equal(cbor_finish(writer, &value, &size, &error), CELLA_OK);
    uint8_t *der = certificate_of(key, signer, value, size, &der_size);
    expect(der, der_size, class);
    OPENSSL_free(der);
    free(value);
}

static struct cbor_writer pair_under(uint64_t tag, const uint8_t *evidence, size_t evidence_size,
                                     const uint8_t *claims, size_t claims_size)
{
    struct cbor_writer writer = {0};
    cbor_put_tag(&writer, tag);
    cbor_put_array(&writer, 2);
    cbor_put_bytes(&writer, evidence, evidence_size);
    cbor_put_bytes(&writer, claims, claims_size);
    return writer;
}

static struct cbor_writer pair_of(const uint8_t *evidence, size_t evidence_size,
                                  const uint8_t *claims, size_t claims_size)
{
    return pair_under(RATLS_TAG_CELLA, evidence, evidence_size, claims, claims_size);
}

/* Kinds whose evidence has no report data, or no tag: whoever has somebody's could put it in. */
static void kinds_that_are_not_bound_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"nitro/fortanix/request_proper.bin", "tpm/cella/ecdsa.json",
                                        "tpm/trustee/evidence-v1.json",
                                        "snp/trustee/test-report.bin", "ratls/gramine-cert.pem"};
    static const uint64_t tags[] = {RATLS_TAG_QUOTE, RATLS_TAG_CELLA, 1, 60001, 60002, 55799};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    uint8_t report_data[64], *claims, *evidence;
    size_t claims_size, size;
    struct cbor_writer writer;
    cella_error error;
    assert_true(ratls_claims(key, NULL, 0, &claims, &claims_size, report_data));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        evidence = vector(files[i], &size);
        for (size_t tag = 0; tag < sizeof(tags) / sizeof(tags[0]); tag++) {
            writer = pair_under(tags[tag], evidence, size, claims, claims_size);
            expect_extension(key, key, &writer, CLASS_UNSUPPORTED);
        }
        free(evidence);
    }
    assert_int_equal(evidence_of(NULL, report_data, &evidence, &size, &error), CELLA_OK);
    for (size_t tag = 0; tag < sizeof(tags) / sizeof(tags[0]); tag++) {
        writer = pair_under(tags[tag], evidence, size, claims, claims_size);
        expect_extension(key, key, &writer, tags[tag] == RATLS_TAG_CELLA ? "" : CLASS_UNSUPPORTED);
    }
    free(evidence);
    free(claims);
    EVP_PKEY_free(key);
}

/* Evidence of one certificate, put into another. */
static void evidence_is_bound_to_the_key(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    uint8_t report_data[64], *claims, *other_claims, *evidence;
    size_t claims_size, other_size, evidence_size;
    struct cbor_writer writer;
    cella_error error;
    assert_true(ratls_claims(key, NULL, 0, &claims, &claims_size, report_data));
    assert_int_equal(evidence_of(NULL, report_data, &evidence, &evidence_size, &error), CELLA_OK);
    writer = pair_of(evidence, evidence_size, claims, claims_size);
    expect_extension(key, key, &writer, "");
    writer = pair_of(evidence, evidence_size, claims, claims_size);
    expect_extension(other, other, &writer, CLASS_BINDING); /* the key is another */
    writer = pair_of(evidence, evidence_size, claims, claims_size);
    expect_extension(key, other, &writer, CLASS_SIG); /* whoever made it has not the key */
    assert_true(ratls_claims(other, NULL, 0, &other_claims, &other_size, report_data));
    writer = pair_of(evidence, evidence_size, other_claims, other_size);
    expect_extension(other, other, &writer, CLASS_BINDING); /* the claims are another's */
    writer = pair_of((const uint8_t *)"x", 1, claims, claims_size);
    expect_extension(key, key, &writer, CLASS_UNSUPPORTED);
    free(claims);
    free(other_claims);
    free(evidence);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void malformed_ones_are_refused(void **state)
{
    static const char *const values[] = {
        "",                                               /* nothing */
        "f6",                                             /* no tag */
        "d9ea60f6",                                       /* no array */
        "d9ea6080",                                       /* an empty one */
        "d9ea60814100",                                   /* one of one */
        "d9ea60834100410041 00",                          /* of three, and not hexadecimal */
        "d9ea6082f641a0",                                 /* evidence that is no bytes */
        "d9ea6082410041f6",                               /* claims that are no map */
        "d9ea6082410041a0",                               /* no pubkey-hash */
        "d9ea608241004ea16b7075626b65792d68617368f6",     /* which is no bytes */
        "d9ea608241004fa16b7075626b65792d6861736841f6",   /* ... of no array */
        "d9ea6082410050a16b7075626b65792d68617368428101", /* ... of one */
    };
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        size_t size, der_size;
        uint8_t *value = of_hex(values[i], &size);
        uint8_t *der = certificate_of(key, key, value, size, &der_size);
        expect(der, der_size, CLASS_PARSE);
        OPENSSL_free(der);
        free(value);
    }
    EVP_PKEY_free(key);
}

static void each_bit_counts(void **state)
{
    (void)state;
    char *pem = make(NULL, 0);
    const char *at = strstr(pem, "-----BEGIN CERTIFICATE-----") + 28;
    for (size_t i = (size_t)(at - pem); i < strlen(pem) - 27; i += 61) {
        cella_result *result;
        char was = pem[i];
        if (was == '\n')
            continue;
        pem[i] = was == 'A' ? 'B' : 'A';
        cella_status status =
            cella_verify(verifier, (uint8_t *)pem, strlen(pem), &demands, &result, NULL);
        assert_int_not_equal(status, CELLA_OK);
        cella_result_free(result);
        pem[i] = was;
    }
    free(pem);
}

/* ---- others' certificates ---- */

static void same(const json_t *evidence, const char *name, const json_t *expected)
{
    if (!json_equal(json_object_get(evidence, name), json_object_get(expected, name)))
        fail_msg("%s differs", name);
}

static void others_are_judged(void **state)
{
    (void)state;
    json_t *all = vector_json("ratls/expected.json"), *expected;
    cella_verifier *intel;
    const char *name;
    cella_error error;
    assert_int_equal(json_object_size(all), 3);
    assert_int_equal(cella_verifier_new(&intel, &error), CELLA_OK);
    json_object_foreach(all, name, expected)
    {
        cella_result *result;
        size_t size;
        uint8_t *bytes = vector(name, &size);
        demands.at = 1705276800; /* 2024-01-15 */
        demands.insecure_no_collateral = true;
        demands.insecure_allow_debug = false;
        assert_int_equal(cella_verify(intel, bytes, size, &demands, &result, &error),
                         CELLA_REFUSED);
        assert_string_equal(cella_result_class(result), CLASS_DEBUG);
        cella_result_free(result);
        demands.insecure_allow_debug = true;
        if (cella_verify(intel, bytes, size, &demands, &result, &error))
            fail_msg("%s: %s", name, error.sentence);
        char *text = cella_result_json(result);
        json_t *json = json_loads(text, 0, NULL), *evidence = json_object_get(json, "evidence");
        same(evidence, "claims_buffer_len", expected);
        same(evidence, "claims_sha256", expected);
        same(evidence, "spki_sha256", expected);
        same(json_object_get(evidence, "body"), "mrenclave", expected);
        same(json_object_get(evidence, "body"), "report_data", expected);
        json_decref(json);
        free(text);
        cella_result_free(result);
        free(bytes);
    }
    cella_verifier_free(intel);
    json_decref(all);
}

/* ---- evidence for one connection ---- */

struct connection {
    SSL_CTX *client_context, *server_context;
    SSL *client, *server;
};

static int any_certificate(X509_STORE_CTX *store, void *unused)
{
    (void)store, (void)unused;
    return 1;
}

/* A handshake in memory with a server that has an attested certificate. */
static struct connection connection_to(const char *pem, int version)
{
    struct connection made = {.client_context = SSL_CTX_new(TLS_client_method()),
                              .server_context = SSL_CTX_new(TLS_server_method())};
    BIO *bio = BIO_new_mem_buf(pem, -1), *ends[2];
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_certificate(made.server_context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(made.server_context, key), 1);
    SSL_CTX_set_cert_verify_callback(made.client_context, any_certificate, NULL);
    assert_int_equal(SSL_CTX_set_max_proto_version(made.client_context, version), 1);
    made.client = SSL_new(made.client_context);
    made.server = SSL_new(made.server_context);
    assert_int_equal(BIO_new_bio_pair(&ends[0], 0, &ends[1], 0), 1);
    SSL_set_bio(made.client, ends[0], ends[0]);
    SSL_set_bio(made.server, ends[1], ends[1]);
    SSL_set_connect_state(made.client);
    SSL_set_accept_state(made.server);
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(made.client);
        SSL_do_handshake(made.server);
    }
    assert_true(SSL_is_init_finished(made.client) && SSL_is_init_finished(made.server));
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(bio);
    return made;
}

static void end_connection(struct connection *connection)
{
    SSL_free(connection->client);
    SSL_free(connection->server);
    SSL_CTX_free(connection->client_context);
    SSL_CTX_free(connection->server_context);
}

/* docs/attestation.md: RFC 9266's channel binding, then zeros. */
static void binding_of(SSL *ssl, uint8_t report_data[64])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    memset(report_data, 0, 64);
    assert_int_equal(SSL_export_keying_material(ssl, report_data, 32, label, sizeof(label) - 1,
                                                (const uint8_t *)"", 0, 1),
                     1);
}

/* Evidence of the enclave is for the connection that it is sent over, and for no other: not for one
 * to a machine in the middle that passes it on. */
static void evidence_is_for_a_connection(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    char *pem = make(NULL, 0);
    for (size_t i = 0; i < 2; i++) {
        struct connection own = connection_to(pem, versions[i]),
                          middle = connection_to(pem, versions[i]);
        uint8_t inside[64], outside[64], relayed[64], *evidence;
        size_t size;
        cella_error error;
        assert_int_equal(SSL_version(own.client), versions[i]);
        binding_of(own.server, inside);
        binding_of(own.client, outside);
        binding_of(middle.client, relayed);
        assert_int_equal(evidence_of(NULL, inside, &evidence, &size, &error), CELLA_OK);
        demands.type = "vsm";
        demands.report_data = outside;
        expect(evidence, size, "");
        demands.report_data = relayed;
        expect(evidence, size, CLASS_REPORT_DATA);
        free(evidence);
        end_connection(&own);
        end_connection(&middle);
    }
    free(pem);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        TEST(ours_are_accepted),
        TEST(what_is_inside_is_judged),
        TEST(kinds_that_are_not_bound_are_refused),
        TEST(evidence_is_bound_to_the_key),
        TEST(malformed_ones_are_refused),
        TEST(each_bit_counts),
        TEST(others_are_judged),
        TEST(evidence_is_for_a_connection),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
