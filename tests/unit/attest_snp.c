/* SPDX-License-Identifier: Apache-2.0
 *
 * SEV-SNP reports of real machines: read and judged as is known of them, mutated, cut; certificates
 * that are missing, forged or another's.
 */
#include "attest_snp.h"

#include "attest/collateral.h"

#define V "snp/"

static cella_verifier *verifier;
static cella_demands demands;

static const struct vector {
    const char *report, *vek, *cas;
    int64_t at;
} vectors[] = {
    {V "go-sev-guest/attestation.bin", V "go-sev-guest/vcek.der", V "roots/ask_ark_milan.pem",
     1672531200},
    {V "trustee/test-report.bin", V "trustee/test-vcek.der", V "roots/ask_ark_milan.pem",
     1748736000},
    {V "trustee/test-vlek-report.bin", V "trustee/test-vlek.der", V "roots/ask_ark_milan_vlek.pem",
     1748736000},
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static int begin(void **state)
{
    (void)state;
    cella_error error;
    cella_demands_default(&demands);
    demands.insecure_any_report_data = true;
    demands.at = vectors[1].at;
    return cella_verifier_new(&verifier, &error);
}

static int end(void **state)
{
    (void)state;
    cella_verifier_free(verifier);
    return 0;
}

/* All files of a vector, and what it takes for it to be accepted. */
static void begin_with(const struct vector *one)
{
    add_vector(verifier, one->vek);
    add_vector(verifier, one->cas);
    demands.at = one->at;
    demands.insecure_allow_debug = one == &vectors[0];
}

static const char *judge(const char *report, json_t **json)
{
    size_t size;
    uint8_t *bytes = vector(report, &size);
    const char *class = judge_bytes(verifier, &demands, bytes, size, json);
    free(bytes);
    return class;
}

/* A refusal's part says something. */
static void assert_says(json_t *json, const char *part, const char *text)
{
    const char *found = json_string_value(json_object_get(json_object_get(json, "refusal"), part));
    if (!found || !strstr(found, text))
        fail_msg("%s: \"%s\" does not say \"%s\"", part, found ? found : "", text);
    json_decref(json);
}

/* ---- what is right ---- */

static void vectors_are_as_expected(void **state)
{
    json_t *expected = vector_json(V "expected.json"), *json;
    assert_int_equal(json_object_size(expected), VECTORS);
    for (size_t i = 0; i < VECTORS; i++) {
        begin_with(&vectors[i]);
        assert_string_equal(judge(vectors[i].report, &json), "");
        assert_string_equal(json_string_value(json_object_get(json, "type")), "snp");
        assert_has(json_object_get(json, "evidence"), json_object_get(expected, vectors[i].report),
                   vectors[i].report);
        json_decref(json);
        end(state);
        begin(state);
    }
    json_decref(expected);
}

static void claims_are_named_as_microsoft_does(void **state)
{
    (void)state;
    json_t *json,
        *expected = json_pack(
            "{s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:{s:i, s:i, s:i, "
            "s:i}}",
            "x-ms-attestation-type", "sevsnpvm", "x-ms-sevsnpvm-vmpl", 1,
            "x-ms-sevsnpvm-bootloader-svn", 4, "x-ms-sevsnpvm-tee-svn", 0,
            "x-ms-sevsnpvm-snpfw-svn", 24, "x-ms-sevsnpvm-microcode-svn", 0xd9,
            "x-ms-sevsnpvm-is-debuggable", 0, "x-ms-sevsnpvm-migration-allowed", 0,
            "x-ms-sevsnpvm-smt-allowed", 1, "snp_product", "Milan", "snp_signing_key", "vlek",
            "snp_csp_id", "CN=cc-us-east-2.amazonaws.com", "snp_current_version", "1.55.29",
            "snp_current_tcb", "bootloader", 4, "tee", 0, "snp", 24, "microcode", 0xdc);
    begin_with(&vectors[2]);
    assert_string_equal(judge(vectors[2].report, &json), "");
    assert_has(json_object_get(json, "claims"), expected, "claims");
    json_decref(json);
    json_decref(expected);
}

static void mutations_are_refused(void **state)
{
    const size_t which[] = {0, 2};
    demands.type = "snp";
    for (size_t i = 0; i < 2; i++) {
        begin_with(&vectors[which[i]]);
        check_mutations(verifier, &demands, V "mutations.json", vectors[which[i]].report);
        check_truncations(verifier, &demands, vectors[which[i]].report);
        end(state);
        begin(state);
    }
}

/* Each bit of it is either signed, part of the signature, or zero. */
static void no_bit_can_be_changed(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = vector(vectors[1].report, &size);
    begin_with(&vectors[1]);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (uint8_t)(1 << at % 8);
        const char *class = judge_bytes(verifier, &demands, bytes, size, NULL);
        if (!*class)
            fail_msg("byte %zu can be changed", at);
        bytes[at] ^= (uint8_t)(1 << at % 8);
    }
    free(bytes);
}

/* ---- demands ---- */

static void report_data_are_demanded(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    begin_with(&vectors[1]);
    demands.insecure_any_report_data = false;
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_REPORT_DATA);
    bytes = vector(vectors[1].report, &size);
    demands.report_data = bytes + SNP_REPORT_DATA;
    assert_string_equal(judge(vectors[1].report, NULL), "");
    bytes[SNP_REPORT_DATA + 63] ^= 1;
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_REPORT_DATA);
    free(bytes);
}

static void what_a_report_has_not_is_refused(void **state)
{
    (void)state;
    const uint8_t any[32] = {0};
    begin_with(&vectors[1]);
    demands.nonce = any;
    demands.nonce_size = 1;
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_NONCE);
    demands.nonce = NULL;
    demands.attestation_key = any;
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_ANCHOR);
}

static void debug_age_and_time_are_judged(void **state)
{
    (void)state;
    begin_with(&vectors[0]);
    demands.insecure_allow_debug = false;
    assert_string_equal(judge(vectors[0].report, NULL), CLASS_DEBUG);
    demands.insecure_allow_debug = true;
    demands.most_age = 3600;
    assert_string_equal(judge(vectors[0].report, NULL), CLASS_TIME);
    demands.most_age = 0;
    demands.at = 1663900000; /* before the VCEK was made */
    assert_string_equal(judge(vectors[0].report, NULL), CLASS_TIME);
    demands.at = 1885000000;
    assert_string_equal(judge(vectors[0].report, NULL), CLASS_TIME);
}

/* ---- collateral ---- */

static void what_is_missing_is_said(void **state)
{
    (void)state;
    json_t *json;
    assert_string_equal(judge(vectors[1].report, &json), CLASS_COLLATERAL);
    assert_says(json, "advice",
                "https://kdsintf.amd.com/vcek/v1/Milan/"
                "c38427a30d4c7af9d96f7a15b97269825a64cb76a2352ffd5d18115d89ad473f"
                "8e8c0bcd9a5d9286612bad4aadfb4426205a3b9e4fea82301135a170e477524e"
                "?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115 ");
    assert_string_equal(judge(vectors[2].report, &json), CLASS_COLLATERAL);
    assert_says(json, "advice", "VLEK");
    /* What is not known to be signed is not accepted without it. */
    demands.insecure_no_collateral = true;
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_COLLATERAL);
    demands.insecure_no_collateral = false;
    add_vector(verifier, vectors[1].vek);
    assert_string_equal(judge(vectors[1].report, &json), CLASS_CHAIN);
    assert_says(json, "expected", "SEV-Milan");
    /* The chain of VLEKs is none of VCEKs. */
    add_vector(verifier, vectors[2].cas);
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_CHAIN);
}

static void the_fitting_certificate_is_found(void **state)
{
    (void)state;
    json_t *json;
    static const char *const others[] = {V "go-sev-guest/vcek.der",
                                         V "trustee/test-vcek-invalid-new.der",
                                         V "trustee/test-vcek-invalid-legacy.der",
                                         V "trustee/test-vlek.der",
                                         V "roots/ask_ark_genoa.pem",
                                         V "roots/ask_ark_turin_vcek.pem"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        add_vector(verifier, others[i]);
    add_vector(verifier, vectors[1].cas);
    assert_string_equal(judge(vectors[1].report, &json), CLASS_CHIP_ID_MISMATCH);
    assert_says(json, "advice", "kdsintf.amd.com/vcek/v1/Milan/c38427a3");
    add_vector(verifier, vectors[1].vek);
    assert_string_equal(judge(vectors[1].report, NULL), "");
    /* The VLEK is there, its issuer is not. */
    assert_string_equal(judge(vectors[2].report, NULL), CLASS_CHAIN);
    add_vector(verifier, vectors[2].cas);
    assert_string_equal(judge(vectors[2].report, NULL), "");
}

/* Made by somebody else, with the HWID in either form. */
static void forged_certificates_are_refused(void **state)
{
    static const struct {
        const char *path;
        uint8_t microcode;
    } forged[] = {{V "trustee/test-vcek-invalid-legacy.der", 0xa9},
                  {V "trustee/test-vcek-invalid-new.der", 0x1e}};
    for (size_t i = 0; i < 2; i++) {
        struct snp_certificate certificate;
        const char *problem;
        json_t *json;
        add_vector(verifier, forged[i].path);
        add_vector(verifier, vectors[1].cas);
        assert_int_equal(snp_certificate_read(&verifier->collateral[0].certificate->is.extensions,
                                              &certificate, &problem),
                         CELLA_OK);
        assert_int_equal(certificate.hwid_size, 64);
        for (uint8_t k = 0; k < 64; k++)
            assert_int_equal(certificate.hwid[k], k);
        assert_int_equal(certificate.components[4], forged[i].microcode);
        assert_string_equal(judge(vectors[1].report, &json), CLASS_CHAIN);
        assert_says(json, "expected", "the signature of SEV-Milan");
        end(state);
        begin(state);
    }
}

static void another_root_is_no_amd(void **state)
{
    (void)state;
    size_t size;
    cella_error error;
    uint8_t *root = vector("nitro/fortanix/unknown_ca.crt", &size);
    begin_with(&vectors[1]);
    assert_int_equal(cella_verifier_add_root(verifier, root, size, "another", &error), CELLA_OK);
    assert_string_equal(judge(vectors[1].report, NULL), CLASS_ANCHOR);
    free(root);
}

static void a_certificate_is_described_by_its_platform(void **state)
{
    (void)state;
    add_vector(verifier, vectors[0].vek);
    add_vector(verifier, vectors[2].vek);
    char *text = cella_verifier_describe(verifier, demands.at);
    json_t *all = json_loads(text, 0, NULL);
    const char *vcek = json_string_value(json_object_get(json_array_get(all, 0), "platform"));
    const char *vlek = json_string_value(json_object_get(json_array_get(all, 1), "platform"));
    assert_non_null(strstr(vcek, "Milan-B0, chip 3ac3fe21"));
    assert_non_null(strstr(vcek, "6b5d, bootloader 2, tee 0, snp 5, microcode 68"));
    assert_string_equal(vlek,
                        "Milan, leased to CN=cc-us-east-2.amazonaws.com, bootloader 4, "
                        "tee 0, snp 24, microcode 217");
    json_decref(all);
    free(text);
}

/* Whose ARK certificate it is does not matter: its key does. */
static void roots_are_those_of_the_files(void **state)
{
    (void)state;
    static const char *const files[] = {
        V "roots/ask_ark_milan.pem",      V "roots/ask_ark_genoa.pem",
        V "roots/ask_ark_turin_vcek.pem", V "roots/ask_ark_milan_vlek.pem",
        V "roots/ask_ark_genoa_vlek.pem", V "roots/ask_ark_turin_vlek.pem"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        size_t size;
        uint8_t *bytes = vector(files[i], &size);
        struct x509_pool both = {NULL, 0};
        assert_true(x509_read(NULL, bytes, size, &both, 2));
        assert_int_equal(both.count, 2);
        assert_true(x509_signed_by(verifier, &both.all[0]->is, both.all[1]));
        assert_memory_equal(both.all[1]->key_hash, snp_roots[i % SNP_PRODUCTS].sha256, 32);
        x509_pool_clear(&both);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vectors_are_as_expected, begin, end),
        cmocka_unit_test_setup_teardown(claims_are_named_as_microsoft_does, begin, end),
        cmocka_unit_test_setup_teardown(mutations_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(no_bit_can_be_changed, begin, end),
        cmocka_unit_test_setup_teardown(report_data_are_demanded, begin, end),
        cmocka_unit_test_setup_teardown(what_a_report_has_not_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(debug_age_and_time_are_judged, begin, end),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said, begin, end),
        cmocka_unit_test_setup_teardown(the_fitting_certificate_is_found, begin, end),
        cmocka_unit_test_setup_teardown(forged_certificates_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(another_root_is_no_amd, begin, end),
        cmocka_unit_test_setup_teardown(a_certificate_is_described_by_its_platform, begin, end),
        cmocka_unit_test_setup_teardown(roots_are_those_of_the_files, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
