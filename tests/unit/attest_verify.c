/* SPDX-License-Identifier: Apache-2.0
 *
 * The verifier as its callers see it: demands, results, and cella's own evidence as one of its
 * kinds.
 */
#include "attest_test.h"

#include "attest/appraisal.h"
#include "attest/evidence.h"

#include <cella/attest.h>
#include <cella/verify.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

static char base[] = "/tmp/cella-verify-XXXXXX";
static cella_platform *platform;
static uint8_t report[REPORT_SIZE];
static uint8_t *evidence;
static size_t evidence_size;
static cella_verifier *verifier;
static cella_demands demands;

static int set_up(void **state)
{
    (void)state;
    char folder[64];
    cella_error error = {0};
    if (!mkdtemp(base))
        return -1;
    snprintf(folder, sizeof(folder), "%s/platform", base);
    report[REPORT_ATTRIBUTES] = 5;
    report[REPORT_XFRM] = 7;
    memset(report + REPORT_MRENCLAVE, 0xaa, 32);
    memset(report + REPORT_DATA, 0xcc, 64);
    if (cella_platform_init(folder, &error) || cella_platform_open(folder, &platform, &error) ||
        cella_platform_evidence(platform, report, "vsm", &evidence, &evidence_size, &error)) {
        print_error("%s\n", error.sentence);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    free(evidence);
    cella_platform_close(platform);
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

/* A verifier that trusts the platform's root, and demands that are met. */
static int begin(void **state)
{
    (void)state;
    cella_error error;
    if (cella_verifier_new(&verifier, &error) ||
        cella_verifier_add_root_key(verifier, cella_platform_root(platform), &error))
        return -1;
    cella_demands_default(&demands);
    demands.at = time(NULL);
    demands.report_data = report + REPORT_DATA;
    return 0;
}

static int end(void **state)
{
    (void)state;
    cella_verifier_free(verifier);
    return 0;
}

static json_t *judge(const uint8_t *bytes, size_t size, cella_status expected, const char *class)
{
    cella_result *result;
    cella_error error = {0};
    cella_status status = cella_verify(verifier, bytes, size, &demands, &result, &error);
    if (status != expected)
        fail_msg("status %d: %s", status, error.sentence);
    assert_string_equal(cella_result_class(result), class);
    assert_int_equal(cella_result_accepted(result), status == CELLA_OK);
    char *text = cella_result_json(result);
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(all);
    free(text);
    cella_result_free(result);
    /* What is not accepted proves nothing. */
    assert_int_equal(json_object_size(json_object_get(all, "claims")) > 0, status == CELLA_OK);
    assert_int_equal(json_is_null(json_object_get(all, "refusal")), status == CELLA_OK);
    return all;
}

static void refused(const char *class)
{
    json_t *all = judge(evidence, evidence_size, CELLA_REFUSED, class);
    json_t *refusal = json_object_get(all, "refusal");
    assert_string_equal(json_string_value(json_object_get(all, "verdict")), "refused");
    assert_string_equal(json_string_value(json_object_get(refusal, "class")), class);
    const char *const parts[] = {"claim", "expected", "found", "advice"};
    for (size_t i = 0; i < 4; i++)
        assert_true(json_string_length(json_object_get(refusal, parts[i])) > 0);
    json_decref(all);
}

static void cellas_own_evidence_is_accepted(void **state)
{
    (void)state;
    json_t *all = judge(evidence, evidence_size, CELLA_OK, "");
    json_t *claims = json_object_get(all, "claims");
    char aa[65];
    memset(aa, 'a', 64);
    aa[64] = 0;
    assert_string_equal(json_string_value(json_object_get(all, "type")), "vsm");
    assert_string_equal(json_string_value(json_object_get(all, "verdict")), "accepted");
    assert_string_equal(json_string_value(json_object_get(claims, "mrenclave")), aa);
    assert_true(json_is_false(json_object_get(claims, "debug")));
    assert_true(json_object_size(json_object_get(claims, "posture")) > 10);
    json_decref(all);
    demands.type = "vsm";
    json_decref(judge(evidence, evidence_size, CELLA_OK, ""));
}

static void each_demand_refuses(void **state)
{
    (void)state;
    uint8_t other[64] = {0};
    demands.report_data = other;
    refused(CLASS_REPORT_DATA);
    demands.report_data = NULL;
    refused(CLASS_REPORT_DATA);
    demands.insecure_any_report_data = true;
    json_t *all = judge(evidence, evidence_size, CELLA_OK, "");
    assert_int_equal(json_array_size(json_object_get(all, "warnings")), 1);
    json_decref(all);
    demands.at += 3600;
    demands.most_age = 60;
    refused(CLASS_TIME);
    demands.at += 20LL * 365 * 86400;
    demands.most_age = 0;
    refused(CLASS_TIME);
}

static void a_nonce_is_refused(void **state)
{
    (void)state;
    const uint8_t nonce[1] = {0};
    demands.nonce = nonce;
    demands.nonce_size = 1;
    refused(CLASS_NONCE);
}

static cella_status accept(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    (void)appraisal, (void)bytes, (void)size;
    return CELLA_OK;
}

/* Whatever a kind does not say to judge is refused when it is demanded, and only that. */
static void what_a_kind_does_not_judge_is_refused(void **state)
{
    (void)state;
    static const char *const classes[] = {CLASS_REPORT_DATA, CLASS_NONCE, CLASS_ANCHOR};
    const uint8_t any[64] = {0};
    for (unsigned judges = 0; judges < 8; judges++)
        for (unsigned which = 0; which < 3; which++) {
            const struct evidence_kind kind = {"made", NULL, accept, judges};
            cella_demands are;
            cella_error error;
            cella_demands_default(&are);
            *(which == 0 ? &are.report_data : which == 1 ? &are.nonce : &are.attestation_key) = any;
            struct appraisal appraisal = {verifier, &are, appraisal_result(1), &error};
            bool good = judges & 1u << which;
            assert_int_equal(evidence_kind_verify(&appraisal, &kind, any, 1),
                             good ? CELLA_OK : CELLA_REFUSED);
            if (!good)
                assert_string_equal(cella_result_class(appraisal.result), classes[which]);
            cella_result_free(appraisal.result);
        }
}

/* Who tells one purpose in both forms gets the one that the kind judges, and never none. */
static void a_kind_chooses(void **state)
{
    (void)state;
    const uint8_t any[64] = {0};
    for (unsigned judges = 0; judges < 8; judges++) {
        const struct evidence_kind kind = {"made", NULL, accept, judges};
        const unsigned either = judges & 3;
        cella_demands are = {.report_data = any, .nonce = any};
        evidence_kind_choose(&kind, &are);
        assert_int_equal(are.report_data != NULL, either != DEMAND_NONCE);
        assert_int_equal(are.nonce != NULL, either != DEMAND_REPORT_DATA);
    }
    cella_demands are = {.report_data = any, .nonce = any};
    evidence_kind_choose(NULL, &are);
    assert_true(are.report_data && are.nonce);
}

static void debug_is_refused(void **state)
{
    (void)state;
    uint8_t *bytes, debugged[REPORT_SIZE];
    size_t size;
    cella_error error;
    memcpy(debugged, report, sizeof(debugged));
    debugged[REPORT_ATTRIBUTES] |= 2;
    assert_int_equal(cella_platform_evidence(platform, debugged, "vsm", &bytes, &size, &error),
                     CELLA_OK);
    json_decref(judge(bytes, size, CELLA_REFUSED, CLASS_DEBUG));
    demands.insecure_allow_debug = true;
    json_decref(judge(bytes, size, CELLA_OK, ""));
    free(bytes);
}

static void a_root_has_to_be_named(void **state)
{
    (void)state;
    const uint8_t other[32] = {1};
    cella_error error;
    cella_verifier_free(verifier);
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    refused(CLASS_ANCHOR);
    assert_int_equal(cella_verifier_add_root_key(verifier, other, &error), CELLA_OK);
    refused(CLASS_ANCHOR);
}

static void every_truncation_and_bit_is_seen(void **state)
{
    (void)state;
    for (size_t size = 0; size < evidence_size; size += 7) {
        cella_result *result;
        assert_int_not_equal(cella_verify(verifier, evidence, size, &demands, &result, NULL),
                             CELLA_OK);
        assert_false(cella_result_accepted(result));
        cella_result_free(result);
    }
    for (size_t at = 0; at < evidence_size; at += 11) {
        cella_result *result;
        evidence[at] ^= 0x10;
        assert_int_not_equal(
            cella_verify(verifier, evidence, evidence_size, &demands, &result, NULL), CELLA_OK);
        assert_false(cella_result_accepted(result));
        evidence[at] ^= 0x10;
        cella_result_free(result);
    }
}

static void what_is_no_evidence(void **state)
{
    (void)state;
    static const uint8_t nothing[8];
    json_decref(judge(nothing, 0, CELLA_UNSUPPORTED, CLASS_UNSUPPORTED));
    json_decref(judge(nothing, sizeof(nothing), CELLA_UNSUPPORTED, CLASS_UNSUPPORTED));
    demands.type = "vsm";
    json_decref(judge(nothing, sizeof(nothing), CELLA_INVALID, CLASS_PARSE));
    demands.type = "wsm";
    json_decref(judge(evidence, evidence_size, CELLA_UNSUPPORTED, CLASS_UNSUPPORTED));
}

static void demands_are_checked(void **state)
{
    (void)state;
    const cella_demands good = demands;
    const uint8_t nonce[1] = {0};
    for (int i = 0; i < 6; i++) {
        cella_result *result = (cella_result *)&good;
        cella_error error = {0};
        demands = good;
        if (i == 0)
            demands.size--;
        if (i == 1)
            demands.at = 0;
        if (i == 2)
            demands.most_age = -1;
        if (i == 3)
            demands.insecure_any_report_data = true;
        if (i >= 4)
            demands.nonce = nonce;
        if (i == 5)
            demands.nonce_size = 1, demands.insecure_any_nonce = true;
        assert_int_equal(cella_verify(verifier, evidence, evidence_size, &demands, &result, &error),
                         CELLA_INVALID);
        assert_null(result);
        assert_true(error.sentence[0]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(cellas_own_evidence_is_accepted),
        TEST(each_demand_refuses),
        TEST(a_nonce_is_refused),
        TEST(what_a_kind_does_not_judge_is_refused),
        TEST(a_kind_chooses),
        TEST(debug_is_refused),
        TEST(a_root_has_to_be_named),
        TEST(every_truncation_and_bit_is_seen),
        TEST(what_is_no_evidence),
        TEST(demands_are_checked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
