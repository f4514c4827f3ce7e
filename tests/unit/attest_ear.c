/* SPDX-License-Identifier: Apache-2.0
 *
 * EAT Attestation Results: the vector of each kind of evidence, by the table of docs/attestation.md
 * and of the vectors; each way that one of others can be wrong.
 */
#include "attest_vectors.h"

#include "attest/token/ear.h"

#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    if (!value)
        fail_msg("the test's own JSON is wrong: %s", text);
    return value;
}

/* `expected`: "status hardware configuration runtime", 0 where nothing is said. */
static void expect(const json_t *claims, bool warned, const char *expected)
{
    json_t *warnings = warned ? json_pack("[s]", "w") : json_array();
    json_t *made = ear_appraisal(claims, warnings);
    const json_t *others = json_object_get(made, "ear.veraison.policy-claims");
    assert_int_equal(others != NULL, warned);
    assert_true(!others || json_equal(json_object_get(others, EAR_WARNINGS), warnings));
    json_decref(warnings);
    const json_t *vector = json_object_get(made, "ear.trustworthiness-vector");
    static const char *const names[] = {"hardware", "configuration", "runtime-opaque"};
    char found[100];
    size_t said = 0;
    int values[3];
    assert_non_null(made);
    for (size_t i = 0; i < 3; i++) {
        values[i] = (int)json_integer_value(json_object_get(vector, names[i]));
        said += json_object_get(vector, names[i]) != NULL;
    }
    snprintf(found, sizeof(found), "%s %d %d %d",
             json_string_value(json_object_get(made, "ear.status")), values[0], values[1],
             values[2]);
    if (strcmp(found, expected) != 0)
        fail_msg("%s, not %s", found, expected);
    assert_int_equal(json_object_size(vector), said);
    assert_int_equal(vector != NULL, said > 0);
    assert_true(json_object_get(made, EAR_EVIDENCE) == claims);

    /* What is made here is good there. */
    char place[EAR_TEXT], wrong[EAR_TEXT];
    json_t *whole =
        json_pack("{s:s, s:i, s:{s:s, s:s}, s:{s:o}}", "eat_profile", EAR_PROFILE, "iat", 1,
                  "ear.verifier-id", "developer", "d", "build", "b", "submods", "x", made);
    if (!ear_check(whole, place, wrong))
        fail_msg("%s: %s", place, wrong);
    assert_true(ear_is(whole));
    assert_string_equal(ear_tiers[ear_status(whole)],
                        json_string_value(json_object_get(made, "ear.status")));
    json_decref(whole);
}

/* ---- ours ---- */

#define SGX(status, debug)                                                                         \
    "{\"x-ms-attestation-type\":\"sgx\",\"attester_tcb_status\":\"" status                         \
    "\",\"x-ms-sgx-is-debuggable\":" debug "}"
#define TDX(status, debug)                                                                         \
    "{\"x-ms-attestation-type\":\"tdxvm\",\"attester_tcb_status\":\"" status                       \
    "\",\"tdx_td_attributes_debug\":" debug "}"
#define SNP(debug)                                                                                 \
    "{\"x-ms-attestation-type\":\"sevsnpvm\",\"x-ms-sevsnpvm-is-debuggable\":" debug "}"

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *expected;
    } rows[] = {
        {SGX("UpToDate", "false"), "affirming 2 0 2"},
        {SGX("UpToDate", "true"), "contraindicated 2 0 96"},
        {SGX("SWHardeningNeeded", "false"), "warning 32 0 2"},
        {SGX("ConfigurationNeeded", "false"), "warning 2 32 2"},
        {SGX("ConfigurationAndSWHardeningNeeded", "false"), "warning 32 32 2"},
        {SGX("OutOfDate", "false"), "warning 32 0 2"},
        {SGX("OutOfDateConfigurationNeeded", "false"), "warning 32 32 2"},
        {SGX("Other", "false"), "affirming 0 0 2"},
        {TDX("UpToDate", "false"), "affirming 2 0 2"},
        {TDX("TDRelaunchAdvised", "false"), "warning 32 0 2"},
        {TDX("TDRelaunchAdvisedConfigurationNeeded", "false"), "warning 32 32 2"},
        {TDX("UpToDate", "true"), "contraindicated 2 0 96"},
        {SNP("false"), "affirming 2 0 2"},
        {SNP("true"), "contraindicated 2 0 96"},
        {"{\"x-ms-attestation-type\":\"nitro\",\"debug\":false}", "warning 2 0 32"},
        {"{\"x-ms-attestation-type\":\"nitro\",\"debug\":true}", "contraindicated 2 0 96"},
        {"{\"x-ms-attestation-type\":\"vsm\",\"debug\":false}", "warning 0 0 32"},
        {"{\"x-ms-attestation-type\":\"vsm\",\"debug\":true}", "contraindicated 0 0 96"},
        {"{\"x-ms-attestation-type\":\"process\",\"debug\":false}", "contraindicated 0 0 96"},
        {"{\"x-ms-attestation-type\":\"azurevm\",\"x-ms-isolation-tee\":" SNP("false") "}",
         "affirming 2 0 2"},
        {"{\"x-ms-attestation-type\":\"azurevm\",\"x-ms-isolation-tee\":" SNP("true") "}",
         "contraindicated 2 0 96"},
        {"{\"x-ms-attestation-type\":\"azurevm\"}", "none 0 0 0"},
        {"{\"x-ms-attestation-type\":\"tpm\"}", "none 0 0 0"},
        {"{\"x-ms-attestation-type\":\"other\"}", "none 0 0 0"},
        {"{\"a\":1}", "none 0 0 0"},
        /* Nobody proved that it is closed. */
        {"{\"x-ms-attestation-type\":\"sevsnpvm\"}", "contraindicated 2 0 96"},
        {SNP("\"false\""), "contraindicated 2 0 96"},
        /* An SNP report's words count for nothing in a quote of SGX. */
        {"{\"x-ms-attestation-type\":\"sgx\",\"x-ms-sevsnpvm-is-debuggable\":false}",
         "contraindicated 0 0 96"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *claims = json_of(rows[i].claims);
        expect(claims, false, rows[i].expected);
        json_decref(claims);
    }
}

/* A warning of the verifier's keeps it from being affirmed. */
static void test_warned(void **state)
{
    (void)state;
    json_t *claims = json_of(SNP("false"));
    expect(claims, true, "warning 2 0 2");
    json_decref(claims);
    claims = json_of(SNP("true"));
    expect(claims, true, "contraindicated 2 0 96");
    json_decref(claims);
    claims = json_of("{\"x-ms-attestation-type\":\"tpm\"}");
    expect(claims, true, "warning 0 0 0");
    json_decref(claims);
}

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *evidence, *collateral;
        int64_t at;
        bool no_collateral;
        const char *expected;
    } rows[] = {
        {"sgx/dcap-qvl/sgx_quote.bin", "sgx/dcap-qvl/sgx_quote_collateral.json", 1751328000, false,
         "warning 32 32 2"},
        {"sgx/dcap-qvl/sgx_quote.bin", NULL, 1751328000, true, "warning 0 0 2"},
        {"tdx/dcap-qvl/tdx_quote.bin", "tdx/dcap-qvl/tdx_quote_collateral.json", 1751328000, false,
         "warning 2 0 2"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cella_verifier *verifier;
        cella_demands demands;
        cella_result *result;
        cella_error error;
        size_t size;
        uint8_t *evidence = vector(rows[i].evidence, &size);
        assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
        if (rows[i].collateral)
            add_vector(verifier, rows[i].collateral);
        cella_demands_default(&demands);
        demands.at = rows[i].at;
        demands.insecure_any_report_data = true; /* which is a warning */
        demands.insecure_no_collateral = rows[i].no_collateral;
        if (cella_verify(verifier, evidence, size, &demands, &result, &error))
            fail_msg("%s: %s", rows[i].evidence, error.sentence);
        char *text = cella_result_json(result);
        json_t *read = json_of(text);
        expect(json_object_get(read, "claims"),
               json_array_size(json_object_get(read, "warnings")) > 0, rows[i].expected);
        json_decref(read);
        free(text);
        cella_result_free(result);
        cella_verifier_free(verifier);
        free(evidence);
    }
}

/* ---- others' ---- */

static const char good[] =
    "{\"eat_profile\":\"p\",\"iat\":1,\"iss\":\"i\",\"ear.verifier-id\":{\"developer\":\"d\","
    "\"build\":\"b\"},\"ear.raw-evidence\":\"cg\",\"submods\":{\"a\":{\"ear.status\":\"affirming\","
    "\"ear.trustworthiness-vector\":{\"instance-identity\":2,\"configuration\":0,\"executables\":-"
    "2,"
    "\"file-system\":31,\"hardware\":-32,\"runtime-opaque\":1,\"storage-opaque\":-1,"
    "\"sourced-data\":2},\"ear.appraisal-policy-id\":\"x\",\"" EAR_EVIDENCE
    "\":{},\"ear.veraison.policy-claims\":{},\"ear.veraison.key-attestation\":{}},"
    "\"b\":{\"ear.status\":\"none\"}}}";

/* Replaces the first `from` in the good one by `to`; `place` NULL: it stays good. */
static void with(const char *from, const char *to, const char *place, const char *wrong)
{
    char text[2000], found_place[EAR_TEXT] = "", found_wrong[EAR_TEXT] = "";
    const char *at = strstr(good, from);
    if (!at)
        fail_msg("the good one has no %s", from);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    json_t *claims = json_of(text);
    assert_true(ear_is(claims));
    if (ear_check(claims, found_place, found_wrong) != (place == NULL))
        fail_msg("%s: %s", text, found_wrong);
    if (place && (strcmp(found_place, place) != 0 || !strstr(found_wrong, wrong)))
        fail_msg("%s: %s: %s", text, found_place, found_wrong);
    json_decref(claims);
}

static void test_strict(void **state)
{
    (void)state;
    static const char vector[] = "ear.trustworthiness-vector";
    with("\"iat\":1", "\"iat\":1.5", NULL, NULL);
    with("\"iat\":1,", "", "iat", "missing");
    with("\"eat_profile\":\"p\",", "", "eat_profile", "missing");
    with("\"p\"", "5", "eat_profile", "not a string");
    with("\"developer\":\"d\",", "", "ear.verifier-id", "developer and build");
    with("\"developer\":\"d\"", "\"developer\":1", "ear.verifier-id", "developer and build");
    with("\"build\":\"b\"", "\"build\":\"b\",\"c\":\"d\"", "ear.verifier-id",
         "developer and build");
    with("\"cg\"", "{}", "ear.raw-evidence", "not a string");
    with("\"ear.raw-evidence\"", "\"ear.raw\"", "claims", "not known");
    with("\"submods\"", "\"submod\"", "submods", "missing");
    with("{\"ear.status\":\"none\"}", "{}", "ear.status", "not none");
    with("{\"ear.status\":\"none\"}", "\"a.b.c\"", "submods", "no object");
    with("{\"ear.status\":\"none\"}", "{\"ear.status\":\"none\",\"a\":1}", "submods", "not known");
    with("{\"ear.status\":\"none\"}", "{\"ear.status\":\"none\",\"ear.x\":1}", "submods",
         "not known");
    with("\"none\"", "\"Affirming\"", "ear.status", "not none");
    with("\"none\"", "2", "ear.status", "not none");
    with("\"x\"", "1", "ear.appraisal-policy-id", "not a string");
    with("\"" EAR_EVIDENCE "\":{}", "\"" EAR_EVIDENCE "\":[]", EAR_EVIDENCE, "not an object");
    with("policy-claims\":{}", "policy-claims\":1", "ear.veraison.policy-claims", "not an object");
    with("attestation\":{}", "attestation\":\"k\"", "ear.veraison.key-attestation",
         "not an object");
    with("\"none\"", "\"none\",\"ear.trustworthiness-vector\":{}", vector, "not an object");
    with("\"none\"", "\"none\",\"ear.trustworthiness-vector\":[2]", vector, "not an object");
    with("\"hardware\"", "\"hardwares\"", vector, "does not have");
    with("\"hardware\":-32", "\"hardware\":128", "hardware", "-128 to 127");
    with("\"hardware\":-32", "\"hardware\":-129", "hardware", "-128 to 127");
    with("\"hardware\":-32", "\"hardware\":2.0", "hardware", "-128 to 127");
    with("\"hardware\":-32", "\"hardware\":\"2\"", "hardware", "-128 to 127");
}

/* Where each tier begins and ends, and that a status is no better than it. */
static void test_tiers(void **state)
{
    (void)state;
    static const struct {
        int value;
        enum ear_tier tier;
    } rows[] = {
        {-128, EAR_CONTRAINDICATED},
        {-97, EAR_CONTRAINDICATED},
        {-96, EAR_WARNING},
        {-33, EAR_WARNING},
        {-32, EAR_AFFIRMING},
        {-2, EAR_AFFIRMING},
        {-1, EAR_NONE},
        {0, EAR_NONE},
        {1, EAR_NONE},
        {2, EAR_AFFIRMING},
        {31, EAR_AFFIRMING},
        {32, EAR_WARNING},
        {95, EAR_WARNING},
        {96, EAR_CONTRAINDICATED},
        {127, EAR_CONTRAINDICATED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t k = 0; k < EAR_TIERS; k++) {
            char to[200];
            bool fits = k >= rows[i].tier;
            snprintf(to, sizeof(to),
                     "{\"ear.status\":\"%s\",\"ear.trustworthiness-vector\":{\"hardware\":0,"
                     "\"executables\":%d,\"file-system\":0}}",
                     ear_tiers[k], rows[i].value);
            with("{\"ear.status\":\"none\"}", to, fits ? NULL : "ear.status", "better than");
        }
}

/* The worst of the submodules counts, whichever comes first. */
static void test_submodules(void **state)
{
    (void)state;
    static const enum ear_tier worst[EAR_TIERS][EAR_TIERS] = {
        {EAR_NONE, EAR_NONE, EAR_WARNING, EAR_CONTRAINDICATED},
        {EAR_NONE, EAR_AFFIRMING, EAR_WARNING, EAR_CONTRAINDICATED},
        {EAR_WARNING, EAR_WARNING, EAR_WARNING, EAR_CONTRAINDICATED},
        {EAR_CONTRAINDICATED, EAR_CONTRAINDICATED, EAR_CONTRAINDICATED, EAR_CONTRAINDICATED}};
    for (size_t a = 0; a < EAR_TIERS; a++)
        for (size_t b = 0; b < EAR_TIERS; b++) {
            json_t *claims = json_pack("{s:{s:{s:s}, s:{s:s}}}", "submods", "a", "ear.status",
                                       ear_tiers[a], "b", "ear.status", ear_tiers[b]);
            assert_int_equal(ear_status(claims), worst[a][b]);
            json_decref(claims);
        }
}

/* What affirms has to affirm something. */
static void test_founded(void **state)
{
    (void)state;
#define APPRAISED(status, vector)                                                                  \
    "{\"submods\":{\"a\":{\"ear.status\":\"affirming\"},\"b\":{\"ear.status\":\"" status           \
    "\",\"ear.trustworthiness-vector\":{" vector "}}}}"
    static const struct {
        const char *claims;
        bool founded;
    } rows[] = {
        {APPRAISED("affirming", "\"hardware\":2,\"executables\":0"), true},
        {APPRAISED("affirming", "\"hardware\":0,\"executables\":-2"), true},
        {APPRAISED("affirming", "\"hardware\":0"), false},
        {APPRAISED("affirming", "\"hardware\":-1,\"executables\":1"), false},
        {APPRAISED("none", "\"hardware\":-1"), true},
        {APPRAISED("warning", "\"hardware\":0"), true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *claims = json_of(rows[i].claims);
        assert_int_equal(ear_is_founded(claims), rows[i].founded);
        json_decref(claims);
    }
}

/* What is no EAR is left alone. */
static void test_status(void **state)
{
    (void)state;
    json_t *claims;
    static const char *const others[] = {"{}", "{\"submods\":{\"a\":{\"b\":1}}}",
                                         "{\"eat_profile\":\"p\",\"submods\":[]}", "{\"earth\":1}"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        claims = json_of(others[i]);
        assert_false(ear_is(claims));
        assert_int_equal(ear_status(claims), EAR_NONE);
        json_decref(claims);
    }
    static const char *const meant[] = {"{\"submods\":{\"a\":{\"ear.status\":1}}}",
                                        "{\"ear.verifier-id\":1}",
                                        "{\"eat_profile\":\"" EAR_PROFILE "\"}"};
    for (size_t i = 0; i < COUNT_OF(meant); i++) {
        claims = json_of(meant[i]);
        assert_true(ear_is(claims));
        json_decref(claims);
    }
    claims = vector_json("eat/trustee-ear/example.token.json");
    char place[EAR_TEXT], wrong[EAR_TEXT];
    assert_true(ear_is(claims) && ear_check(claims, place, wrong));
    assert_int_equal(ear_status(claims), EAR_CONTRAINDICATED);
    json_decref(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_warned),
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_strict),
        cmocka_unit_test(test_tiers),      cmocka_unit_test(test_status),
        cmocka_unit_test(test_submodules), cmocka_unit_test(test_founded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
