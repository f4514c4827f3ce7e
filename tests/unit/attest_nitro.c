/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Nitro attestation documents: a real one, mutated and cut; ones that a Nitro of the test's own
 * signed, right or wrong in each way.
 */
#include "attest_nitro.h"

#include "attest/collateral.h"
#include "attest/nitro/document.h"

#define V        "nitro/fortanix/"
#define DOCUMENT V "request_proper.bin"
#define NOON     1631188800 /* 2021-09-09T12:00:00Z */

static const uint8_t question[] = {0x80, 0x13, 0xcf, 0x2d, 0x25, 0x28, 0x21, 0xa7,
                                   0x40, 0xe5, 0x26, 0x10, 0x2b, 0x9c, 0xd3, 0xd0};

static cella_verifier *verifier;
static cella_demands demands;

static int begin(void **state)
{
    (void)state;
    cella_error error;
    cella_demands_default(&demands);
    demands.type = "nitro";
    demands.at = NOON;
    demands.nonce = question;
    demands.nonce_size = sizeof(question);
    demands.insecure_allow_debug = true;
    return cella_verifier_new(&verifier, &error);
}

static int end(void **state)
{
    (void)state;
    cella_verifier_free(verifier);
    return 0;
}

static const char *judge(const char *path, json_t **json)
{
    size_t size;
    uint8_t *bytes = vector(path, &size);
    const char *class = judge_bytes(verifier, &demands, bytes, size, json);
    free(bytes);
    return class;
}

/* ---- the real one ---- */

/* "2021-09-09T10:19:20+00:00" and "...20.215000" as a result shows them: "2021-09-09T10:19:20Z". */
static json_t *with_times_as_here(const json_t *value)
{
    const char *text = json_string_value(value);
    json_t *inner, *copy;
    size_t i;
    if (json_is_array(value)) {
        copy = json_array();
        json_array_foreach(value, i, inner) json_array_append_new(copy, with_times_as_here(inner));
        return copy;
    }
    if (text && strlen(text) > 19 && text[10] == 'T')
        return json_sprintf("%.19sZ", text);
    return json_deep_copy(value);
}

static void the_vector_is_as_expected(void **state)
{
    (void)state;
    json_t *all = vector_json("nitro/expected.json"), *json, *value;
    const json_t *expected = json_object_get(all, DOCUMENT);
    const char *key;
    assert_int_equal(json_object_size(all), 1);
    demands.type = NULL; /* it is recognised */
    assert_string_equal(judge(DOCUMENT, &json), "");
    assert_string_equal(json_string_value(json_object_get(json, "type")), "nitro");
    json_object_foreach((json_t *)expected, key, value)
    {
        /* That the certificates' signatures are good and nothing follows: it would be refused. */
        if (strcmp(key, "chain_ok") == 0 || strcmp(key, "trailing") == 0)
            continue;
        json_t *found = json_object_get(json_object_get(json, "evidence"), key);
        if (strcmp(key, "user_data") == 0) { /* of which the listing has the first 40 bytes */
            assert_memory_equal(json_string_value(found), json_string_value(value), 80);
            continue;
        }
        value = with_times_as_here(value);
        assert_has(found, value, key);
        json_decref(value);
    }
    const json_t *claims = json_object_get(json, "claims");
    assert_true(json_is_true(json_object_get(claims, "debug")));
    assert_int_equal(json_object_size(json_object_get(claims, "nitro_pcrs")), 16);
    assert_string_equal(json_string_value(json_object_get(claims, "eat_nonce")),
                        "8013cf2d252821a740e526102b9cd3d0");
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), 1631182760);
    assert_null(json_object_get(claims, "nitro_public_key"));
    json_decref(json);
    json_decref(all);
}

static void mutations_are_refused(void **state)
{
    (void)state;
    check_mutations(verifier, &demands, "nitro/mutations.json", DOCUMENT);
    check_truncations(verifier, &demands, DOCUMENT);
    assert_string_equal(judge(V "tampered_signature.bin", NULL), CLASS_SIG);
    assert_string_equal(judge(V "tampered_certificate.bin", NULL), CLASS_PARSE);
}

/* But for bits of DER and CBOR that say the same, which there are none of here. */
static void no_byte_can_be_changed(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = vector(DOCUMENT, &size);
    for (size_t at = 0; at < size; at += 7) {
        bytes[at] ^= (uint8_t)(1 << at % 8);
        const char *class = judge_bytes(verifier, &demands, bytes, size, NULL);
        if (!*class)
            fail_msg("byte %zu can be changed", at);
        bytes[at] ^= (uint8_t)(1 << at % 8);
    }
    free(bytes);
}

static void roots_are_judged_by_their_keys(void **state)
{
    (void)state;
    size_t size;
    cella_error error;
    uint8_t *root = vector(V "tampered_root_cert.crt", &size);
    assert_int_equal(cella_verifier_add_root(verifier, root, size, "x", &error), CELLA_INVALID);
    free(root);
    root = vector(V "aws.crt", &size);
    assert_int_equal(cella_verifier_add_root(verifier, root, size, "x", &error), CELLA_OK);
    free(root);
    assert_string_equal(judge(DOCUMENT, NULL), "");
    end(state);
    begin(state);
    root = vector(V "unknown_ca.crt", &size);
    assert_int_equal(cella_verifier_add_root(verifier, root, size, "x", &error), CELLA_OK);
    free(root);
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_ANCHOR);
}

static void demands_are_judged(void **state)
{
    (void)state;
    demands.insecure_allow_debug = false;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_DEBUG);
    demands.insecure_allow_debug = true;
    demands.nonce_size--;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_NONCE);
    demands.nonce = NULL;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_NONCE);
    demands.insecure_any_nonce = true;
    assert_string_equal(judge(DOCUMENT, NULL), "");
    /* What a document has not. */
    const uint8_t any[64] = {0};
    demands.report_data = any;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_REPORT_DATA);
    demands.report_data = NULL;
    demands.attestation_key = any;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_ANCHOR);
    demands.attestation_key = NULL;
    /* The document is of 10:19:20, its certificate until 13:19:20. */
    demands.most_age = NOON - 1631182760;
    assert_string_equal(judge(DOCUMENT, NULL), "");
    demands.most_age--;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_TIME);
    demands.most_age = 0;
    demands.at = 1631182760;
    assert_string_equal(judge(DOCUMENT, NULL), "");
    demands.at -= X509_EARLY; /* a clock that is a little behind */
    assert_string_equal(judge(DOCUMENT, NULL), "");
    demands.at--;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_TIME);
    demands.at = 1631193560;
    assert_string_equal(judge(DOCUMENT, NULL), "");
    demands.at++;
    assert_string_equal(judge(DOCUMENT, NULL), CLASS_TIME);
}

/* ---- a Nitro of the test's own ---- */

static void trust_root(void)
{
    uint8_t *der = NULL;
    cella_error error;
    int size = i2d_X509(nitro.nodes[ROOT].certificate, &der);
    assert_int_equal(cella_verifier_add_root(verifier, der, (size_t)size, "x", &error), CELLA_OK);
    OPENSSL_free(der);
}

/* Makes what is not made yet, judges, and takes the document away. */
static const char *judge_made(json_t **json)
{
    if (!nitro.nodes[ROOT].key) {
        make_nodes();
        trust_root();
    }
    write_document();
    const char *class = judge_bytes(verifier, &demands, nitro.bytes, nitro.size, json);
    free(nitro.bytes);
    return class;
}

static int end_made(void **state)
{
    for (int i = 0; i < NODES; i++)
        pki_free(&nitro.nodes[i]);
    return end(state);
}

static int begin_made(void **state)
{
    if (begin(state))
        return -1;
    default_nitro();
    demands.at = PKI_NOW;
    demands.nonce = (const uint8_t *)"\1\2";
    demands.nonce_size = 2;
    demands.insecure_allow_debug = false;
    return 0;
}

static void again(void **state)
{
    end_made(state);
    begin_made(state);
}

static void forms_that_are_right(void **state)
{
    json_t *json;
    assert_string_equal(judge_made(&json), "");
    const json_t *claims = json_object_get(json, "claims");
    assert_string_equal(json_string_value(json_object_get(claims, "dbgstat")),
                        "disabled-since-boot");
    assert_true(json_is_false(json_object_get(claims, "debug")));
    assert_false(revocation_checked(json));
    json_decref(json);
    nitro.signature_size = 0;
    nitro.tag = 18;
    nitro.indefinite = true;
    nitro.order = true;
    nitro.user_data = "f6";
    nitro.public_key = "43010203";
    demands.type = NULL;
    assert_string_equal(judge_made(&json), "");
    claims = json_object_get(json, "claims");
    assert_null(json_object_get(claims, "nitro_user_data"));
    assert_string_equal(json_string_value(json_object_get(claims, "nitro_public_key")), "010203");
    json_decref(json);
    again(state);
    nitro.nonce = "f6"; /* nobody asked */
    assert_string_equal(judge_made(NULL), CLASS_NONCE);
    again(state);
    nitro.nonce = NULL;
    assert_string_equal(judge_made(NULL), CLASS_NONCE);
}

#define ZEROS                                                                                      \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"         \
    "000000000000"

static void one_pcr_of_zeros_is_debug(void **state)
{
    static const char *const pcrs[] = {
        "a3"
        "00"
        "5830" ZEROS
        "01"
        "5830" ONES
        "02"
        "5830" ONES,
        "a3"
        "00"
        "5830" ONES
        "01"
        "5830" ZEROS
        "02"
        "5830" ONES,
        "a3"
        "00"
        "5830" ONES
        "01"
        "5830" ONES
        "02"
        "5830" ZEROS};
    for (size_t i = 0; i < 3; i++) {
        nitro.pcrs = pcrs[i];
        assert_string_equal(judge_made(NULL), CLASS_DEBUG);
        again(state);
    }
}

static void forms_that_are_wrong(void **state)
{
    static const struct {
        const char **value, *hex, *class;
    } wrong[] = {
        {&nitro.module_id, NULL, CLASS_PARSE},
        {&nitro.module_id, "60", CLASS_PARSE},
        {&nitro.module_id, "4169", CLASS_PARSE},
        {&nitro.module_id, "6100", CLASS_PARSE},
        {&nitro.digest, NULL, CLASS_PARSE},
        {&nitro.digest, "66534841323536", CLASS_PARSE},
        {&nitro.timestamp, NULL, CLASS_PARSE},
        {&nitro.timestamp, "00", CLASS_PARSE},
        {&nitro.timestamp, "20", CLASS_PARSE},
        {&nitro.timestamp, "1bffffffffffffffff", CLASS_PARSE},
        {&nitro.timestamp, "1b8000000000000000", CLASS_PARSE},
        {&nitro.pcrs, NULL, CLASS_PARSE},
        {&nitro.pcrs, "a0", CLASS_PARSE},
        {&nitro.pcrs, "80", CLASS_PARSE},
        {&nitro.pcrs,
         "a2"
         "00"
         "5830" ONES "01"
         "5830" ONES,
         CLASS_PARSE}, /* no PCR2 */
        {&nitro.pcrs,
         "a3"
         "00"
         "5830" ONES "01"
         "5830" ONES "1820"
         "5830" ONES,
         CLASS_PARSE},
        {&nitro.pcrs,
         "a3"
         "00"
         "5830" ONES "01"
         "5830" ONES "01"
         "5830" ONES,
         CLASS_PARSE},
        {&nitro.pcrs,
         "a3"
         "00"
         "5830" ONES "01"
         "5830" ONES "02"
         "40",
         CLASS_PARSE},
        {&nitro.pcrs,
         "a3"
         "00"
         "5830" ONES "01"
         "5830" ONES "6132"
         "5830" ONES,
         CLASS_PARSE},
        {&nitro.pcrs,
         "a4"
         "00"
         "5830" ONES "01"
         "5830" ONES "02"
         "5830" ONES "1820"
         "5830" ONES,
         CLASS_PARSE},
        {&nitro.certificate, "40", CLASS_PARSE},
        {&nitro.certificate, "4130", CLASS_PARSE},
        {&nitro.certificate, "6130", CLASS_PARSE},
        {&nitro.certificate, "f6", CLASS_PARSE},
        {&nitro.cabundle, "80", CLASS_PARSE},
        {&nitro.cabundle, "8140", CLASS_PARSE},
        {&nitro.cabundle, "814130", CLASS_PARSE},
        {&nitro.cabundle, "4130", CLASS_PARSE},
        {&nitro.cabundle,
         "89"
         "4130"
         "4130"
         "4130"
         "4130"
         "4130"
         "4130"
         "4130"
         "4130"
         "4130",
         CLASS_PARSE},
        {&nitro.public_key, "6101", CLASS_PARSE},
        {&nitro.user_data, "f5", CLASS_PARSE},
        {&nitro.nonce, "00", CLASS_PARSE},
        {&nitro.another, "00", CLASS_PARSE},
        {&nitro.header, "", CLASS_PARSE},
        {&nitro.header, "a0", CLASS_PARSE},
        {&nitro.header, "a101382200", CLASS_PARSE},
        {&nitro.header, "a1043822", CLASS_PARSE},
        {&nitro.header, "a10160", CLASS_PARSE},
        {&nitro.header, "a20138220240", CLASS_PARSE},
        {&nitro.header, "a10126", CLASS_UNSUPPORTED},   /* ES256 */
        {&nitro.header, "a1011822", CLASS_UNSUPPORTED}, /* 34: another one's number */
        {&nitro.header, "bf01390022ff", ""}, /* the same in other words, which were signed */
        {&nitro.unprotected, "a10126", CLASS_PARSE},
        {&nitro.unprotected, "80", CLASS_PARSE},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        *wrong[i].value = wrong[i].hex;
        const char *class = judge_made(NULL);
        if (strcmp(class, wrong[i].class) != 0)
            fail_msg("%zu: \"%s\": \"%s\"", i, wrong[i].hex, class);
        again(state);
    }
    nitro.tag = 17;
    assert_string_equal(judge_made(NULL), CLASS_PARSE);
}

static void sizes_are_bounded(void **state)
{
    static const struct {
        const char **value;
        size_t most;
    } bounded[] = {{&nitro.nonce, 512}, {&nitro.user_data, 512}, {&nitro.public_key, 1024}};
    char hex[2 * 1100 + 8];
    demands.nonce = NULL;
    demands.insecure_any_nonce = true;
    for (size_t i = 0; i < 3; i++)
        for (size_t more = 0; more < 2; more++) {
            size_t size = bounded[i].most + more;
            int head = sprintf(hex, "59%04zx", size);
            memset(hex + head, '0', 2 * size);
            hex[(size_t)head + 2 * size] = 0;
            *bounded[i].value = hex;
            assert_string_equal(judge_made(NULL), more ? CLASS_PARSE : "");
            again(state);
            demands.nonce = NULL;
            demands.insecure_any_nonce = true;
        }
}

static void chains_that_are_wrong(void **state)
{
    static const struct {
        int node;
        struct pki_shape shape;
        const char *class;
    } wrong[] = {
        {REGION, {.name = "region", .ca = true, .path_length = 0}, CLASS_CHAIN},
        {REGION, {.name = "region"}, CLASS_CHAIN},
        {INSTANCE, {.name = "i", .ca = true, .usage = "critical,cRLSign"}, CLASS_CHAIN},
        {LEAF, {.name = "leaf", .usage = "critical,keyEncipherment"}, CLASS_CHAIN},
        {LEAF, {.name = "leaf", .ca = true}, CLASS_CHAIN},
        {LEAF, {.name = "leaf", .critical = "1.2.3.4"}, CLASS_CHAIN},
        {LEAF, {.name = "leaf", .until = PKI_NOW - 1}, CLASS_TIME},
        {LEAF, {.name = "leaf", .from = PKI_NOW + X509_EARLY + 1}, CLASS_TIME},
        {REGION,
         {.name = "region", .ca = true, .path_length = -1, .until = PKI_NOW - 1},
         CLASS_TIME},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        nitro.shapes[wrong[i].node] = wrong[i].shape;
        const char *class = judge_made(NULL);
        if (strcmp(class, wrong[i].class) != 0)
            fail_msg("%zu: \"%s\"", i, class);
        again(state);
    }
    nitro.curve = "P-256";
    assert_string_equal(judge_made(NULL), CLASS_KEY);
}

static void a_leaf_must_be_for_signing(void **state)
{
    (void)state;
    make_nodes();
    trust_root();
    X509 *leaf = nitro.nodes[LEAF].certificate;
    X509_EXTENSION_free(X509_delete_ext(leaf, X509_get_ext_by_NID(leaf, NID_key_usage, -1)));
    assert_true(X509_sign(leaf, nitro.nodes[INSTANCE].key, EVP_sha256()) > 0);
    assert_string_equal(judge_made(NULL), CLASS_CHAIN);
}

/* AWS's root is trusted, another of its name is not. */
static void another_root_is_not_awss(void **state)
{
    (void)state;
    make_nodes();
    assert_string_equal(judge_made(NULL), CLASS_ANCHOR);
}

static void a_list_that_is_there_is_heeded(void **state)
{
    (void)state;
    cella_error error;
    nitro.shapes[INSTANCE].serial = 5;
    assert_string_equal(judge_made(NULL), "");
    X509_CRL *list =
        pki_list(&nitro.nodes[REGION], nitro.nodes[REGION].key, 5, PKI_NOW - 1, PKI_NOW + 1);
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    assert_int_equal(cella_verifier_add(verifier, der, (size_t)size, "x", &error), CELLA_OK);
    OPENSSL_free(der);
    X509_CRL_free(list);
    assert_string_equal(judge_made(NULL), CLASS_REVOKED);
}

static void signatures_that_are_none(void **state)
{
    (void)state;
    uint8_t good[96];
    assert_string_equal(judge_made(NULL), "");
    memcpy(good, nitro.signature, 96);
    for (size_t half = 0; half < 2; half++) {
        memset(nitro.signature + 48 * half, 0, 48);
        assert_string_equal(judge_made(NULL), CLASS_SIG);
        memset(nitro.signature + 48 * half, 0xff, 48);
        assert_string_equal(judge_made(NULL), CLASS_SIG);
        memcpy(nitro.signature, good, 96);
    }
    memset(nitro.signature, 0, 96);
    assert_string_equal(judge_made(NULL), CLASS_SIG);
    memcpy(nitro.signature, good + 48, 48); /* swapped */
    memcpy(nitro.signature + 48, good, 48);
    assert_string_equal(judge_made(NULL), CLASS_SIG);
    memcpy(nitro.signature, good, 96);
    for (nitro.signature_size = 94; nitro.signature_size < 99; nitro.signature_size++)
        assert_string_equal(judge_made(NULL), nitro.signature_size == 96 ? "" : CLASS_PARSE);
    uint8_t *der = NULL; /* as DER */
    ECDSA_SIG *both = ECDSA_SIG_new();
    ECDSA_SIG_set0(both, BN_bin2bn(good, 48, NULL), BN_bin2bn(good + 48, 48, NULL));
    int size = i2d_ECDSA_SIG(both, &der);
    nitro.signature_size = (size_t)(size > 100 ? 100 : size);
    memcpy(nitro.signature, der, nitro.signature_size);
    assert_string_equal(judge_made(NULL), CLASS_PARSE);
    OPENSSL_free(der);
    ECDSA_SIG_free(both);
}

#define REAL(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define MADE(name) cmocka_unit_test_setup_teardown(name, begin_made, end_made)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REAL(the_vector_is_as_expected),
        REAL(mutations_are_refused),
        REAL(no_byte_can_be_changed),
        REAL(roots_are_judged_by_their_keys),
        REAL(demands_are_judged),
        MADE(forms_that_are_right),
        MADE(one_pcr_of_zeros_is_debug),
        MADE(forms_that_are_wrong),
        MADE(sizes_are_bounded),
        MADE(chains_that_are_wrong),
        MADE(a_leaf_must_be_for_signing),
        MADE(another_root_is_not_awss),
        MADE(a_list_that_is_there_is_heeded),
        MADE(signatures_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
