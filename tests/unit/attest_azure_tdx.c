/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of Azure's confidential VMs with TDX. None of a real one is public: this is made, as the
 * SEV-SNP one is that is real, with a quote in the place of the report.
 */
#include "attest_intel.h"
#include "tpm_made.h"

#include <cella/verify.h>

static const uint8_t nonce[32] = "the question";
static const uint8_t nothing[HCL_REPORT_SIZE];
static EVP_PKEY *ak;
static char *runtime;
static cella_verifier *verifier;
static cella_demands demands;

static void give(void *context, const uint8_t *bytes, size_t size)
{
    cella_error error;
    (void)context;
    if (cella_verifier_add(verifier, bytes, size, "it", &error))
        fail_msg("%s", error.sentence);
}

static int begin(void **state)
{
    (void)state;
    static char text[TEXT];
    const struct sink to = {give, NULL};
    uint8_t *der = NULL;
    make_intel();
    assert_int_equal(cella_verifier_new(&verifier, NULL), CELLA_OK);
    int size = i2d_X509(root.certificate, &der);
    assert_int_equal(cella_verifier_add_root(verifier, der, (size_t)size, "root", NULL), CELLA_OK);
    OPENSSL_free(der);
    add_certificate(&to, signer.certificate);
    add_list(&to, &root, 0, PKI_NOW + 86400);
    add_list(&to, &ca, 0, PKI_NOW + 86400);
    make_info(text, true, NOW, FMSPC, NULL, 1);
    add_document(&to, "tcbInfo", text, signer.key, false);
    make_identity(text, true, NOW);
    add_document(&to, "enclaveIdentity", text, signer.key, false);
    ak = EVP_RSA_gen(2048);
    runtime = hcl_runtime(ak);
    cella_demands_default(&demands);
    demands.at = PKI_NOW;
    demands.nonce = nonce;
    demands.nonce_size = sizeof(nonce);
    return 0;
}

static int end(void **state)
{
    (void)state;
    cella_verifier_free(verifier);
    EVP_PKEY_free(ak);
    free(runtime);
    free_intel();
    return 0;
}

/* A quote over these words, with a byte of its report data changed (or none: 64). */
static size_t quote_of(const char *words, size_t wrong, struct shape shape, uint8_t quote[QUOTE])
{
    uint8_t report_data[65] = {0};
    SHA256((const uint8_t *)words, strlen(words), report_data);
    report_data[wrong] ^= 1;
    shape.version = 4;
    shape.body = QUOTE_BODY_TDX_10;
    shape.qe_svn = 4;
    shape.report_data = report_data;
    return make_quote(&shape, quote);
}

static const struct shape good = {.svn = {6, 1, 3}};

static json_t *evidence_of(uint32_t type, const uint8_t *quote, size_t size)
{
    struct tpm_made attest = tpm_quote(nonce), signature = tpm_signed(ak, &attest);
    json_t *evidence = json_pack("{s:i, s:o, s:o, s:{s:o, s:o, s:[s]}}", "version", 1, "hcl_report",
                                 hcl_report_of(type, nothing, runtime), "td_quote",
                                 tpm_encode(BASE64_URL, quote, size), "tpm_quote", "message",
                                 tpm_hex(attest.bytes, attest.size), "signature",
                                 tpm_hex(signature.bytes, signature.size), "pcrs", TPM_ZEROS);
    assert_non_null(evidence);
    return evidence;
}

/* The class; *json (may be NULL) is the whole result. */
static const char *judge(const json_t *evidence, json_t **json)
{
    static char class[32];
    cella_result *result;
    cella_error error;
    char *text = json_dumps(evidence, JSON_COMPACT);
    cella_verify(verifier, (const uint8_t *)text, strlen(text), &demands, &result, &error);
    assert_non_null(result);
    snprintf(class, sizeof(class), "%s", cella_result_class(result));
    char *all = cella_result_json(result);
    if (json)
        *json = json_loads(all, 0, NULL);
    free(all);
    free(text);
    cella_result_free(result);
    return class;
}

static const char *text_at(const json_t *json, const char *first, const char *second)
{
    const char *text = json_string_value(json_object_get(json_object_get(json, first), second));
    return text ? text : "";
}

static void accepts(void **state)
{
    (void)state;
    uint8_t quote[QUOTE];
    size_t size = quote_of(runtime, 64, good, quote);
    json_t *evidence = evidence_of(HCL_TDX, quote, size), *json;
    const char *class = judge(evidence, &json);
    if (*class)
        fail_msg("%s: %s", class, json_dumps(json_object_get(json, "refusal"), 0));
    const json_t *claims = json_object_get(json, "claims");
    assert_string_equal(json_string_value(json_object_get(json, "type")), "azure");
    assert_string_equal(text_at(json, "claims", "x-ms-attestation-type"), "azurevm");
    assert_string_equal(text_at(claims, "x-ms-isolation-tee", "x-ms-attestation-type"), "tdxvm");
    assert_int_equal(strlen(text_at(claims, "x-ms-isolation-tee", "tdx_mrtd")), 96);
    assert_non_null(json_object_get(json_object_get(claims, "x-ms-runtime"), "vm-configuration"));
    assert_int_equal(strlen(text_at(json, "evidence", "root")), 64);
    json_decref(json);
    json_decref(evidence);
}

/* The quote is of other words, or asked for otherwise. */
static void binds(void **state)
{
    (void)state;
    uint8_t quote[QUOTE];
    for (size_t wrong = 0; wrong < 64; wrong += 9) {
        json_t *evidence = evidence_of(HCL_TDX, quote, quote_of(runtime, wrong, good, quote));
        assert_string_equal(judge(evidence, NULL), "BINDING");
        json_decref(evidence);
    }
    EVP_PKEY *another = EVP_RSA_gen(2048);
    char *words = hcl_runtime(another);
    json_t *evidence = evidence_of(HCL_TDX, quote, quote_of(words, 64, good, quote));
    assert_string_equal(judge(evidence, NULL), "BINDING");
    json_decref(evidence);
    /* report data that the caller demands are nobody's: the quote's are the paravisor's affair */
    demands.report_data = nothing;
    evidence = evidence_of(HCL_TDX, quote, quote_of(runtime, 64, good, quote));
    assert_string_equal(judge(evidence, NULL), "REPORT_DATA");
    demands.report_data = NULL;
    /* as SEV-SNP */
    json_t *snp = evidence_of(HCL_SNP, quote, quote_of(runtime, 64, good, quote));
    assert_string_equal(judge(snp, NULL), "BINDING");
    /* both, none */
    json_object_set_new(snp, "vcek", tpm_certificate_text(BASE64_URL, leaf.certificate));
    assert_string_equal(judge(snp, NULL), "PARSE");
    json_object_del(snp, "vcek");
    json_object_del(snp, "td_quote");
    demands.type = "azure";
    assert_string_equal(judge(snp, NULL), "PARSE");
    demands.type = NULL;
    json_decref(snp);
    json_decref(evidence);
    free(words);
    EVP_PKEY_free(another);
}

/* Whatever refuses a quote refuses this; and whatever refuses a TPM's. */
static void refuses(void **state)
{
    (void)state;
    uint8_t quote[QUOTE];
    static const struct {
        struct shape shape;
        const char *class;
    } rows[] = {
        {{.svn = {6, 1, 3}, .attributes = 1}, "DEBUG"},
        {{.svn = {6, 1, 3}, .qe_mrsigner = 1}, "QE_IDENTITY"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *evidence = evidence_of(HCL_TDX, quote, quote_of(runtime, 64, rows[i].shape, quote)),
               *json;
        assert_string_equal(judge(evidence, &json), rows[i].class);
        assert_int_equal(json_object_size(json_object_get(json, "claims")), 0);
        json_decref(json);
        json_decref(evidence);
    }
    size_t size = quote_of(runtime, 64, good, quote);
    for (size_t at = 0; at < size; at += 61) {
        quote[at] ^= 1;
        json_t *evidence = evidence_of(HCL_TDX, quote, size);
        const char *class = judge(evidence, NULL);
        if (!*class && at < 48 + 584 + 4 + 64 + 64) /* header, report, signature, key */
            fail_msg("byte %zu", at);
        json_decref(evidence);
        quote[at] ^= 1;
    }
    json_t *evidence = evidence_of(HCL_TDX, quote, size);
    demands.nonce = (const uint8_t *)"another question, and 16 more...";
    assert_string_equal(judge(evidence, NULL), "NONCE");
    demands.nonce = nonce;
    json_decref(evidence);
    evidence = evidence_of(HCL_TDX, quote, size);
    demands.at = PKI_NOW + 400 * 86400;
    assert_string_equal(judge(evidence, NULL), "TIME");
    json_decref(evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accepts, begin, end),
        cmocka_unit_test_setup_teardown(binds, begin, end),
        cmocka_unit_test_setup_teardown(refuses, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
