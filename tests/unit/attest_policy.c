/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies: each operator on each pair of types, nesting, names, authorities, Azure Attestation's
 * rules, each way to be malformed, suggestions, traces, the vectors; and random policies against a
 * model.
 */
#include "attest_test.h"

#include "attest/policy/policy.h"
#include "attest/policy/schema.h"
#include "attest/sgx/status.h"
#include "image/base64.h"
#include "image/file.h"

#include <cella/policy.h>
#include <cella/verify.h>
#include <stdio.h>

#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))

/* ---- helpers ---- */

static cella_status read_policy(const char *text, struct policy **policy, cella_error *error)
{
    return policy_read((const uint8_t *)text, strlen(text), "p", policy, error);
}

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value)
        fail_msg("the test's own JSON is wrong: %s", text);
    return value;
}

static bool permits(const char *text, const char *claims, json_t **trace)
{
    struct policy *policy;
    cella_error error = {0};
    json_t *object = json_of(claims), *own = NULL;
    if (read_policy(text, &policy, &error))
        fail_msg("%s: %s", text, error.sentence);
    cella_status status = policy_evaluate(policy, object, &own);
    assert_true(status == CELLA_OK || status == CELLA_REFUSED);
    assert_string_equal(json_string_value(json_object_get(own, "verdict")),
                        status ? "deny" : "permit");
    assert_int_equal(json_array_size(json_object_get(own, "reasons")) > 0, status != CELLA_OK);
    policy_free(policy);
    json_decref(object);
    if (trace)
        *trace = own;
    else
        json_decref(own);
    return status == CELLA_OK;
}

static void malformed(const char *text, const char *sentence)
{
    struct policy *policy;
    cella_error error = {0};
    cella_status status = read_policy(text, &policy, &error);
    if (status != CELLA_INVALID && status != CELLA_UNSUPPORTED)
        fail_msg("read: %s", text);
    assert_null(policy);
    assert_sentence(&error, sentence);
}

static cella_status check(const char *text, cella_error *error)
{
    struct policy *policy;
    if (read_policy(text, &policy, error))
        fail_msg("%s: %s", text, error->sentence);
    cella_status status = policy_check(policy, error);
    policy_free(policy);
    return status;
}

/* Of the i-th condition of a trace. */
static const char *text_of(const json_t *trace, size_t i, const char *key)
{
    const json_t *conditions = json_object_get(trace, "conditions");
    const char *text = json_string_value(json_object_get(json_array_get(conditions, i), key));
    return text ? text : "";
}

static bool met(const json_t *trace, size_t i)
{
    const json_t *one = json_array_get(json_object_get(trace, "conditions"), i);
    assert_non_null(json_object_get(one, "expected"));
    assert_non_null(json_object_get(one, "found"));
    return json_is_true(json_object_get(one, "met"));
}

static char *vector(const char *name, size_t *size)
{
    char path[4096];
    uint8_t *bytes;
    cella_error error;
    snprintf(path, sizeof(path), "%s/tests/vectors/attest/%s", getenv("CELLA_SOURCE"), name);
    if (file_read(path, 1 << 20, &bytes, size, &error))
        fail_msg("%s", error.sentence);
    return (char *)bytes;
}

/* A release policy with one condition. */
static char *release(const char *condition)
{
    char *text;
    assert_true(asprintf(&text,
                         "{\"version\": \"1.0.0\", \"anyOf\": [{\"authority\": \"a\", \"allOf\": "
                         "[%s]}]}",
                         condition) > 0);
    return text;
}

static bool condition_permits(const char *condition, const char *claims, json_t **trace)
{
    char *text = release(condition);
    bool result = permits(text, claims, trace);
    free(text);
    return result;
}

static void condition_malformed(const char *condition, const char *sentence)
{
    char *text = release(condition);
    malformed(text, sentence);
    free(text);
}

/* ---- release policies ---- */

/* Each operator on each pair of types: only these are met. */
static void test_operators(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"5\"", "\"x\"", "\"\"", "5",   "6",         "-1",   "0",
        "true",  "false", "5.0",  "[5]", "{\"a\":5}", "null", "9223372036854775807"};
    static const char *const expected[] = {"\"5\"", "\"x\"", "\"\"", "5",    "6",
                                           "-1",    "0",     "true", "false"};
    for (size_t o = 0; o < VALUE_EXISTS; o++)
        for (size_t e = 0; e < COUNT_OF(expected); e++)
            for (size_t f = 0; f < COUNT_OF(values); f++) {
                char condition[200], claims[200];
                bool number =
                    expected[e][0] != '"' && expected[e][0] != 't' && expected[e][0] != 'f';
                bool ordered = o >= VALUE_LESS;
                if (ordered && !number)
                    continue;
                snprintf(condition, sizeof(condition), "{\"claim\": \"c\", \"%s\": %s}",
                         value_operators[o].release, expected[e]);
                snprintf(claims, sizeof(claims), "{\"iss\": \"a\", \"c\": %s}", values[f]);
                json_t *one = json_of(expected[e]), *other = json_of(values[f]);
                bool same = json_typeof(one) == json_typeof(other) ||
                            (json_is_boolean(one) && json_is_boolean(other));
                long long wanted = json_integer_value(one), found = json_integer_value(other);
                bool model = o == VALUE_EQUALS           ? json_equal(one, other)
                             : o == VALUE_NOT_EQUALS     ? !json_equal(one, other)
                             : o == VALUE_LESS           ? found < wanted
                             : o == VALUE_LESS_OR_EQUALS ? found <= wanted
                             : o == VALUE_GREATER        ? found > wanted
                                                         : found >= wanted;
                json_t *trace;
                if (condition_permits(condition, claims, &trace) != (same && model))
                    fail_msg("%s on %s", condition, claims);
                if (!same && json_typeof(other) != JSON_NULL)
                    assert_true(*text_of(trace, 1, "note") != 0);
                json_decref(trace);
                json_decref(one);
                json_decref(other);
            }
}

static void test_exists(void **state)
{
    (void)state;
    static const char *const there[] = {"1", "false", "\"\"", "[]", "{}", "1.5"};
    for (size_t i = 0; i < COUNT_OF(there); i++) {
        char claims[100];
        snprintf(claims, sizeof(claims), "{\"iss\": \"a\", \"c\": %s}", there[i]);
        assert_true(condition_permits("{\"claim\": \"c\", \"exists\": true}", claims, NULL));
        assert_false(condition_permits("{\"claim\": \"c\", \"exists\": false}", claims, NULL));
    }
    static const char *const absent[] = {"{\"iss\": \"a\"}", "{\"iss\": \"a\", \"c\": null}"};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_false(condition_permits("{\"claim\": \"c\", \"exists\": true}", absent[i], NULL));
        assert_true(condition_permits("{\"claim\": \"c\", \"exists\": false}", absent[i], NULL));
    }
}

/* What is not there meets nothing, notEquals included; nor does another type. */
static void test_notes(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *claims, *note;
    } cases[] = {
        {"{\"claim\": \"c\", \"equals\": \"x\"}", "{\"iss\": \"a\"}", "the claim is not there"},
        {"{\"claim\": \"c\", \"notEquals\": \"x\"}", "{\"iss\": \"a\"}", "the claim is not there"},
        {"{\"claim\": \"c\", \"less\": 1}", "{\"iss\": \"a\"}", "the claim is not there"},
        {"{\"claim\": \"c\", \"equals\": \"false\"}", "{\"iss\": \"a\", \"c\": false}",
         "the claim is a boolean, the policy has a string: write true or false without quotes"},
        {"{\"claim\": \"c\", \"notEquals\": \"true\"}", "{\"iss\": \"a\", \"c\": false}",
         "types differ"},
        {"{\"claim\": \"c\", \"equals\": \"5\"}", "{\"iss\": \"a\", \"c\": 5}",
         "write the number without quotes"},
        {"{\"claim\": \"c\", \"equals\": 5}", "{\"iss\": \"a\", \"c\": \"5\"}",
         "write the value in quotes"},
        {"{\"claim\": \"c\", \"equals\": 5}", "{\"iss\": \"a\", \"c\": [5]}",
         "the claim is an array, which does not compare"},
        {"{\"claim\": \"c\", \"notEquals\": 5}", "{\"iss\": \"a\", \"c\": {}}", "an object"},
        {"{\"claim\": \"c\", \"equals\": 5}", "{\"iss\": \"a\", \"c\": 5.0}", "a fraction"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *trace;
        assert_false(condition_permits(cases[i].condition, cases[i].claims, &trace));
        if (!strstr(text_of(trace, 1, "note"), cases[i].note))
            fail_msg("\"%s\", not \"%s\"", text_of(trace, 1, "note"), cases[i].note);
        json_decref(trace);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *claims;
        bool there;
    } cases[] = {
        {"a.b", "{\"iss\": \"a\", \"a.b\": 1, \"a\": {\"b\": 2}}", true},
        {"a.b", "{\"iss\": \"a\", \"a.b\": 2, \"a\": {\"b\": 1}}", false},
        {"a.b", "{\"iss\": \"a\", \"a\": {\"b\": 1}}", true},
        {"a.b.c", "{\"iss\": \"a\", \"a\": {\"b\": {\"c\": 1}}}", true},
        {"a.b.c", "{\"iss\": \"a\", \"a\": {\"b.c\": 1}}", true},
        {"a.b.c", "{\"iss\": \"a\", \"a.b\": {\"c\": 1}, \"a\": {\"b\": {\"c\": 2}}}", true},
        {"a.b.c", "{\"iss\": \"a\", \"a.b\": {\"d\": 1}, \"a\": {\"b\": {\"c\": 1}}}", false},
        {"a.b", "{\"iss\": \"a\", \"a\": [1]}", false},
        {"a.0", "{\"iss\": \"a\", \"a\": [1]}", false},
        {"a.b", "{\"iss\": \"a\", \"a\": 1}", false},
        {"a.", "{\"iss\": \"a\", \"a\": {\"\": 1}}", true},
        {".a", "{\"iss\": \"a\", \"\": {\"a\": 1}}", true},
        {"a", "{\"iss\": \"a\", \"A\": 1}", false},
        {"submods.cpu0.ear.status",
         "{\"iss\": \"a\", \"submods\": {\"cpu0\": {\"ear.status\": 1}}}", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char condition[100];
        snprintf(condition, sizeof(condition), "{\"claim\": \"%s\", \"equals\": 1}", cases[i].name);
        if (condition_permits(condition, cases[i].claims, NULL) != cases[i].there)
            fail_msg("%s in %s", cases[i].name, cases[i].claims);
    }
}

static void test_authority(void **state)
{
    (void)state;
    static const struct {
        const char *authority, *issuer;
        bool same;
    } cases[] = {
        {"a", "\"a\"", true},
        {"a.example", "\"https://a.example\"", true},
        {"https://a.example/", "\"a.example\"", true},
        {"https://a.example", "\"https://a.example/\"", true},
        {"a.example", "\"http://a.example\"", false},
        {"a.example", "\"https://A.example\"", false},
        {"a.example", "\"https://a.example.org\"", false},
        {"a.example", "\"https://a.example/other\"", false},
        {"a", "1", false},
        {"https://", "\"\"", false},
        {"/", "\"https://\"", false},
        {"a", "null", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char policy[300], claims[200];
        snprintf(policy, sizeof(policy),
                 "{\"version\": \"1.0.0\", \"anyOf\": [{\"authority\": \"%s\", \"anyOf\": "
                 "[{\"claim\": \"c\", \"equals\": 1}]}]}",
                 cases[i].authority);
        snprintf(claims, sizeof(claims), "{\"iss\": %s, \"c\": 1}", cases[i].issuer);
        if (permits(policy, claims, NULL) != cases[i].same)
            fail_msg("%s is %s?", cases[i].authority, cases[i].issuer);
    }
    assert_false(condition_permits("{\"claim\": \"c\", \"equals\": 1}", "{\"c\": 1}", NULL));
}

static void test_nesting(void **state)
{
    (void)state;
    static const char policy[] =
        "{\"version\": \"1.0.0\", \"anyOf\": ["
        "{\"authority\": \"a\", \"allOf\": [{\"claim\": \"x\", \"equals\": 1}, {\"anyOf\": ["
        "{\"claim\": \"y\", \"equals\": 1}, {\"allOf\": [{\"claim\": \"y\", \"greater\": 1}, "
        "{\"claim\": \"z\", \"equals\": true}]}]}]},"
        "{\"authority\": \"b\", \"anyOf\": [{\"claim\": \"x\", \"equals\": 9}]}]}";
    json_t *trace;
    assert_true(permits(policy, "{\"iss\": \"a\", \"x\": 1, \"y\": 1}", NULL));
    assert_true(permits(policy, "{\"iss\": \"a\", \"x\": 1, \"y\": 2, \"z\": true}", NULL));
    assert_true(permits(policy, "{\"iss\": \"b\", \"x\": 9}", NULL));
    assert_false(permits(policy, "{\"iss\": \"b\", \"x\": 1, \"y\": 1}", NULL));
    assert_false(permits(policy, "{\"iss\": \"a\", \"x\": 1, \"y\": 2, \"z\": false}", &trace));
    /* All conditions are in the trace, those of alternatives too; places are paths. */
    assert_int_equal(json_array_size(json_object_get(trace, "conditions")), 7);
    assert_string_equal(text_of(trace, 0, "place"), "anyOf[0]");
    assert_string_equal(text_of(trace, 4, "place"), "anyOf[0].allOf[1].anyOf[1].allOf[1]");
    assert_true(met(trace, 0) && met(trace, 1) && !met(trace, 2) && met(trace, 3));
    assert_true(!met(trace, 4) && !met(trace, 5) && !met(trace, 6));
    /* Reasons: y, z; and b's issuer and x. */
    assert_int_equal(json_array_size(json_object_get(trace, "reasons")), 4);
    json_decref(trace);
    /* An alternative that failed beside one that held is no reason. */
    assert_false(permits(policy, "{\"iss\": \"a\", \"x\": 2, \"y\": 1}", &trace));
    assert_int_equal(json_array_size(json_object_get(trace, "reasons")), 3);
    json_decref(trace);
}

/* The sentence is of the alternative that came nearest. */
static void test_release_nearest(void **state)
{
    static const char policy[] =
        "{\"version\": \"1.0.0\", \"anyOf\": ["
        "{\"authority\": \"b\", \"allOf\": [{\"claim\": \"x\", \"equals\": 1}]},"
        "{\"authority\": \"a\", \"allOf\": [{\"claim\": \"x\", \"equals\": 2},"
        " {\"claim\": \"y\", \"equals\": 2}, {\"claim\": \"z\", \"equals\": 2}]},"
        "{\"authority\": \"a\", \"allOf\": [{\"claim\": \"x\", \"equals\": 3},"
        " {\"claim\": \"y\", \"equals\": 3}, {\"claim\": \"z\", \"equals\": 1}]}]}";
    static const char *const cases[][2] = {
        {"{\"iss\": \"a\", \"x\": 1, \"y\": 2, \"z\": 2}",
         "none of 3 alternatives is met; the nearest: x equals 2: found 1"},
        {"{\"iss\": \"a\", \"x\": 1, \"y\": 1, \"z\": 1}",
         "none of 3 alternatives is met; the nearest (2 conditions not met): x equals 3: found 1"},
        {"{\"iss\": \"b\", \"x\": 7}",
         "none of 3 alternatives is met; the nearest: x equals 1: found 7"},
        {"{\"iss\": \"c\", \"x\": 1}",
         "none of 3 alternatives is met; the nearest: iss authority \"b\": found \"c\""},
    };
    json_t *trace;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(permits(policy, cases[i][0], &trace));
        assert_string_equal(json_string_value(json_object_get(trace, "why")), cases[i][1]);
        json_decref(trace);
    }
    assert_true(permits(policy, "{\"iss\": \"b\", \"x\": 1}", &trace));
    assert_null(json_object_get(trace, "why"));
    json_decref(trace);
}

static void test_release_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } policies[] = {
        {"{", "no JSON"},
        {"{}", "version: missing"},
        {"{\"version\": 1, \"anyOf\": []}", "version: missing"},
        {"{\"version\": \"1.0.1\", \"anyOf\": []}", "is not known"},
        {"{\"version\": \"1.0.0\"}", "one of \"anyOf\" and \"allOf\""},
        {"{\"version\": \"1.0.0\", \"anyOf\": [], \"allOf\": []}", "one of \"anyOf\""},
        {"{\"version\": \"1.0.0\", \"anyOf\": []}", "at least one entry"},
        {"{\"version\": \"1.0.0\", \"anyOf\": {}}", "must be a list"},
        {"{\"version\": \"1.0.0\", \"anyof\": []}", "did you mean \"anyOf\"?"},
        {"{\"version\": \"1.0.0\", \"anyOf\": [1]}", "anyOf[0]: must be an object"},
        {"{\"version\": \"1.0.0\", \"anyOf\": [{\"allOf\": []}]}", "\"authority\" must be"},
        {"{\"version\": \"1.0.0\", \"anyOf\": [{\"authorty\": \"a\", \"allOf\": []}]}",
         "did you mean \"authority\"?"},
        {"{\"version\": \"1.0.0\", \"anyOf\": [{\"authority\": \"\", \"allOf\": []}]}",
         "1 to 250 bytes"},
        {"{\"version\": \"1.0.0\", \"version\": \"1.0.0\", \"anyOf\": []}", "duplicate"},
    };
    static const struct {
        const char *text, *sentence;
    } conditions[] = {
        {"[]", "must be an object"},
        {"{}", "one of \"anyOf\" and \"allOf\" is wanted"},
        {"{\"claim\": \"c\"}", "exactly one operator"},
        {"{\"claim\": \"c\", \"equals\": 1, \"less\": 2}", "exactly one operator"},
        {"{\"claim\": 1, \"equals\": 1}", "\"claim\" must be a string"},
        {"{\"claim\": \"c\", \"equal\": 1}", "did you mean \"equals\"?"},
        {"{\"claim\": \"c\", \"Equals\": 1}", "did you mean \"equals\"?"},
        {"{\"claim\": \"c\", \"in\": [1]}", "unknown key \"in\""},
        {"{\"claim\": \"c\", \"equals\": [1]}", "it is an array"},
        {"{\"claim\": \"c\", \"equals\": {}}", "it is an object"},
        {"{\"claim\": \"c\", \"equals\": null}", "it is nothing"},
        {"{\"claim\": \"c\", \"equals\": 1.5}", "it is a fraction"},
        {"{\"claim\": \"c\", \"equals\": 9223372036854775808}", "no JSON"},
        {"{\"claim\": \"c\", \"less\": \"1\"}", "\"less\" must be an integer; it is a string"},
        {"{\"claim\": \"c\", \"greaterOrEquals\": true}", "must be an integer"},
        {"{\"claim\": \"c\", \"exists\": \"true\"}", "true or false, without quotes"},
        {"{\"claim\": \"c\", \"exists\": 1}", "true or false"},
        {"{\"anyOf\": []}", "at least one entry"},
        {"{\"anyOf\": [{\"claim\": \"c\", \"equals\": 1}], \"equals\": 1}", "unknown key"},
        {"{\"authority\": \"a\", \"anyOf\": [{\"claim\": \"c\", \"equals\": 1}]}", "unknown key"},
    };
    for (size_t i = 0; i < COUNT_OF(policies); i++)
        malformed(policies[i].text, policies[i].sentence);
    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        condition_malformed(conditions[i].text, conditions[i].sentence);
    char deep[2000] = "{\"version\": \"1.0.0\", \"anyOf\": [{\"authority\": \"a\", \"allOf\": [";
    for (size_t i = 0; i < 20; i++)
        strcat(deep, "{\"anyOf\": [");
    strcat(deep, "{\"claim\": \"c\", \"equals\": 1}");
    for (size_t i = 0; i < 20; i++)
        strcat(deep, "]}");
    strcat(deep, "]}]}");
    malformed(deep, "inside one another");
}

/* ---- the schema ---- */

#define H32 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_schema(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *sentence; /* NULL: good */
    } cases[] = {
        {"{\"claim\": \"x-ms-sgx-is-debuggable\", \"equals\": false}", NULL},
        {"{\"claim\": \"x-ms-sgx-is-debuggable\", \"equals\": \"false\"}",
         "is a boolean: write true or false without quotes"},
        {"{\"claim\": \"x-ms-sgx-svn\", \"greaterOrEquals\": 3}", NULL},
        {"{\"claim\": \"x-ms-sgx-svn\", \"equals\": \"3\"}", "is an integer"},
        {"{\"claim\": \"x-ms-sgx-mrenclav\", \"equals\": \"a\"}",
         "did you mean \"x-ms-sgx-mrenclave\"?"},
        {"{\"claim\": \"x-ms-sevsnpvm-is-debugable\", \"equals\": false}",
         "did you mean \"x-ms-sevsnpvm-is-debuggable\"?"},
        {"{\"claim\": \"hostdata\", \"equals\": \"a\"}",
         "did you mean \"x-ms-sevsnpvm-hostdata\"?"},
        {"{\"claim\": \"quite-another\", \"equals\": \"a\"}", "docs/policy.md lists"},
        {"{\"claim\": \"x-ms-sgx-mrenclave\", \"equals\": \"AAAA\"}",
         "64 lower-case hexadecimal digits"},
        {"{\"claim\": \"x-ms-sgx-mrenclave\", \"equals\": \"aaaa\"}",
         "64 lower-case hexadecimal digits; this is something else, of 4 characters"},
        {"{\"claim\": \"x-ms-sgx-mrenclave\", \"equals\": \"" H32 "\"}", NULL},
        {"{\"claim\": \"x-ms-sgx-mrenclave\", \"equals\": \"" H32 "0\"}", "64 lower-case"},
        {"{\"claim\": \"x-ms-sgx-mrenclave\", \"exists\": true}", NULL},
        {"{\"claim\": \"x-ms-runtime\", \"equals\": \"a\"}", "is an object"},
        {"{\"claim\": \"x-ms-runtime.anything.at.all\", \"equals\": \"a\"}", NULL},
        {"{\"claim\": \"x-ms-isolation-tee.x-ms-compliance-status\", \"equals\": \"a\"}", NULL},
        {"{\"claim\": \"x-ms-isolation-tee.posture\", \"equals\": \"a\"}", "is an object"},
        {"{\"claim\": \"x-ms-isolation-tee.posture.a\", \"equals\": \"a\"}", NULL},
        {"{\"claim\": \"x-ms-isolation-tee.x-ms-sevsnpvm-vmpl\", \"equals\": \"0\"}",
         "is an integer"},
        {"{\"claim\": \"x-ms-isolation-tee.x-ms-nothing\", \"equals\": \"a\"}", "unknown claim"},
        {"{\"claim\": \"submods.cpu0.ear.status\", \"equals\": \"affirming\"}", NULL},
        {"{\"claim\": \"iss.x\", \"equals\": \"a\"}", "unknown claim"},
        /* Names in another case, and inside. */
        {"{\"claim\": \"X-MS-SGX-SVN\", \"equals\": 1}", "did you mean \"x-ms-sgx-svn\"?"},
        {"{\"claim\": \"X-MS-SGX-IS-DEBUGABLE\", \"equals\": false}",
         "did you mean \"x-ms-sgx-is-debuggable\"?"},
        {"{\"claim\": \"X-MS-AZUREVM-DEFAULT-SECUREBOOTKEYSVALIDATED\", \"equals\": true}",
         "did you mean \"x-ms-azurevm-default-securebootkeysvalidated\"?"},
        {"{\"claim\": \"x-ms-isolation-tee.x-ms-sevsnpvm-is-debugable\", \"equals\": false}",
         "did you mean \"x-ms-isolation-tee.x-ms-sevsnpvm-is-debuggable\"?"},
        {"{\"claim\": \"x-ms-isolation-te.x-ms-sevsnpvm-vmpl\", \"equals\": 0}",
         "did you mean \"x-ms-isolation-tee.x-ms-sevsnpvm-vmpl\"?"},
        {"{\"claim\": \"x-ms-runtim.keys\", \"exists\": true}",
         "did you mean \"x-ms-runtime.keys\"?"},
        {"{\"claim\": \"tee.x-ms-sevsnpvm-vmpl\", \"equals\": 0}",
         "did you mean \"x-ms-sevsnpvm-vmpl\"?"},
        {"{\"claim\": \"ear.status\", \"equals\": \"affirming\"}",
         "did you mean \"submods.NAME.ear.status\"?"},
        /* Values that there are. */
        {"{\"claim\": \"attester_tcb_status\", \"notEquals\": \"Revoked\"}", NULL},
        {"{\"claim\": \"attester_tcb_status\", \"notEquals\": \"Revokd\"}",
         "\"attester_tcb_status\" is never \"Revokd\"; did you mean \"Revoked\"?"},
        {"{\"claim\": \"attester_tcb_status\", \"equals\": \"UPTODATE\"}",
         "did you mean \"UpToDate\"?"},
        {"{\"claim\": \"attester_tcb_status\", \"equals\": \"bad\"}",
         "is never \"bad\"; it is UpToDate, SWHardeningNeeded"},
        {"{\"claim\": \"attester_tcb_status\", \"equals\": 1}", "is a string"},
        {"{\"claim\": \"attester_tcb_status\", \"exists\": true}", NULL},
        {"{\"claim\": \"x-ms-isolation-tee.tee\", \"notEquals\": \"proces\"}",
         "did you mean \"process\"?"},
        {"{\"claim\": \"dbgstat\", \"equals\": \"off\"}",
         "disabled-permanently or disabled-fully-and-permanently"},
        {"{\"claim\": \"posture_proof.lockdown\", \"equals\": \"proved\"}", NULL},
        {"{\"claim\": \"posture_proof.lockdown\", \"notEquals\": \"assertd\"}",
         "\"posture_proof.lockdown\" is never \"assertd\"; did you mean \"asserted\"?"},
        {"{\"claim\": \"posture_proof.lockdown\", \"equals\": true}", "is a string"},
        {"{\"claim\": \"posture_proof\", \"equals\": \"proved\"}", "is an object"},
        {"{\"claim\": \"posture.lockdown\", \"equals\": \"confidentiality\"}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cella_error error = {0};
        char *text = release(cases[i].condition);
        cella_status status = check(text, &error);
        if ((status == CELLA_OK) != (cases[i].sentence == NULL))
            fail_msg("%s: %s", cases[i].condition, error.sentence);
        if (cases[i].sentence)
            assert_sentence(&error, cases[i].sentence);
        free(text);
    }
}

/* A row of the document's table. */
static void row_text(const struct schema_claim *row, char *text, size_t size)
{
    static const char *const kinds[] = {
        [SCHEMA_STRING] = "string",          [SCHEMA_HEX] = "bytes",   [SCHEMA_INTEGER] = "integer",
        [SCHEMA_BOOLEAN] = "boolean",        [SCHEMA_ARRAY] = "array", [SCHEMA_OBJECT] = "object",
        [SCHEMA_CLAIMS] = "object of claims"};
    const char *const *values = schema_values(row);
    size_t used = (size_t)snprintf(text, size, "\n| `%s` | ", row->name);
    if (row->kind == SCHEMA_HEX)
        used += (size_t)snprintf(text + used, size - used, "%u ", row->bytes);
    used += (size_t)snprintf(text + used, size - used, "%s", kinds[row->kind]);
    if (values)
        used += (size_t)snprintf(text + used, size - used,
                                 row->kind == SCHEMA_OBJECT ? " whose members are" : ":");
    for (size_t i = 0; values && values[i]; i++)
        used += (size_t)snprintf(text + used, size - used, "%s `%s`", i ? "," : "", values[i]);
    snprintf(text + used, size - used, " | %s |\n", row->source);
}

static void test_table(void **state)
{
    (void)state;
    char path[4096], line[600];
    uint8_t *document;
    size_t size;
    cella_error error;
    snprintf(path, sizeof(path), "%s/docs/policy.md", getenv("CELLA_SOURCE"));
    assert_int_equal(file_read(path, 1 << 20, &document, &size, &error), CELLA_OK);
    for (size_t i = 0; schema_row(i); i++) {
        assert_ptr_equal(schema_find(schema_row(i)->name), schema_row(i)); /* each name once */
        assert_true(*schema_row(i)->source != 0);
        assert_true(schema_row(i)->kind != SCHEMA_HEX || schema_row(i)->bytes > 0);
        row_text(schema_row(i), line, sizeof(line));
        if (!strstr((char *)document, line))
            fail_msg("docs/policy.md does not have %s", line);
    }
    free(document);
    /* Every status that lets a quote pass is one that a policy may name. */
    char sentence[SCHEMA_SENTENCE];
    for (enum tcb_status status = TCB_UP_TO_DATE; status < TCB_NOT_SUPPORTED; status++)
        assert_true(schema_judge_word("status", schema_values(schema_find("attester_tcb_status")),
                                      tcb_status_name(status), sentence));
}

static void add_file(cella_verifier *verifier, const char *name)
{
    size_t size;
    cella_error error;
    char *bytes = vector(name, &size);
    if (cella_verifier_add(verifier, (uint8_t *)bytes, size, name, &error))
        fail_msg("%s", error.sentence);
    free(bytes);
}

static void check_claims(const json_t *claims, const char *what)
{
    static const char *const kinds[] = {
        [SCHEMA_STRING] = "a string",    [SCHEMA_HEX] = "a string",
        [SCHEMA_INTEGER] = "an integer", [SCHEMA_BOOLEAN] = "a boolean",
        [SCHEMA_ARRAY] = "an array",     [SCHEMA_OBJECT] = "an object",
        [SCHEMA_CLAIMS] = "an object"};
    const char *name;
    json_t *value;
    char sentence[SCHEMA_SENTENCE];
    json_object_foreach((json_t *)claims, name, value)
    {
        const struct schema_claim *row = schema_find(name);
        if (!row || strcmp(row->name, name) != 0)
            fail_msg("%s: the schema does not have %s", what, name);
        if (strcmp(kinds[row->kind], value_type(value)) != 0)
            fail_msg("%s: %s is %s", what, name, value_type(value));
        bool listed = schema_values(row) && json_is_string(value);
        if ((row->kind == SCHEMA_HEX || listed) &&
            !schema_judge(name, VALUE_EQUALS, value, sentence))
            fail_msg("%s: %s", what, sentence);
        if (row->kind == SCHEMA_CLAIMS)
            check_claims(value, what);
    }
}

/* Whatever kind of evidence is verified: its claims are in the table, with their types. */
static void test_claims_known(void **state)
{
    (void)state;
    static const struct {
        const char *evidence, *collateral[2];
        int64_t at;
    } cases[] = {
        {"sgx/dcap-qvl/sgx_quote.bin", {"sgx/dcap-qvl/sgx_quote_collateral.json"}, 1751328000},
        {"tdx/dcap-qvl/tdx_quote.bin", {"tdx/dcap-qvl/tdx_quote_collateral.json"}, 1751328000},
        {"snp/trustee/test-report.bin",
         {"snp/trustee/test-vcek.der", "snp/roots/ask_ark_milan.pem"},
         1748736000},
        {"snp/trustee/test-vlek-report.bin",
         {"snp/trustee/test-vlek.der", "snp/roots/ask_ark_milan_vlek.pem"},
         1748736000},
        {"nitro/fortanix/request_proper.bin", {NULL}, 1631188800},
        {"tpm/trustee/evidence-v1.json", {"snp/roots/ask_ark_milan.pem"}, 1748736000},
        {"ratls/gramine-cert.pem", {NULL}, 1685577600},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cella_verifier *verifier;
        cella_result *result;
        cella_demands demands;
        cella_error error;
        size_t size;
        char *bytes = vector(cases[i].evidence, &size);
        cella_demands_default(&demands);
        demands.at = cases[i].at;
        demands.insecure_any_report_data = demands.insecure_any_nonce = true;
        demands.insecure_allow_debug = demands.insecure_no_collateral = true;
        demands.insecure_allow_outdated = true;
        assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
        for (size_t k = 0; k < 2 && cases[i].collateral[k]; k++)
            add_file(verifier, cases[i].collateral[k]);
        if (cella_verify(verifier, (uint8_t *)bytes, size, &demands, &result, &error))
            fail_msg("%s: %s", cases[i].evidence, error.sentence);
        char *text = cella_result_json(result);
        json_t *read = json_of(text);
        check_claims(json_object_get(read, "claims"), cases[i].evidence);
        json_decref(read);
        free(text);
        cella_result_free(result);
        cella_verifier_free(verifier);
        free(bytes);
    }
}

/* ---- Azure Attestation's policies ---- */

#define V1(rules)        "version=1.0;authorizationrules{" rules "};"
#define V1I(rules, more) V1(rules) "issuancerules{" more "};"

static void test_maa_permit(void **state)
{
    (void)state;
    static const char claims[] = "{\"a\": \"x\", \"b\": 5, \"c\": true, \"d\": \"x\", \"e\": [1]}";
    static const struct {
        const char *policy;
        bool permits;
    } cases[] = {
        {V1("=> permit();"), true},
        {V1(""), false},
        {V1("=> deny();"), false},
        {V1("=> permit(); => deny();"), false},
        {V1("=> deny(); => permit();"), false},
        {V1("[type==\"zz\"] => deny(); => permit();"), true},
        {V1("[type==\"a\"] => permit();"), true},
        {V1("[type==\"zz\"] => permit();"), false},
        {V1("[type==\"a\", value==\"x\"] => permit();"), true},
        {V1("[type==\"a\", value==\"y\"] => permit();"), false},
        {V1("[type==\"a\", value!=\"y\"] => permit();"), true},
        {V1("[type==\"a\", value!=5] => permit();"), false},
        {V1("[type==\"zz\", value!=5] => permit();"), false},
        {V1("[type==\"b\", value>=5] && [type==\"c\", value==true] => permit();"), true},
        {V1("[type==\"b\", value>5] && [type==\"c\", value==true] => permit();"), false},
        {V1("[type==\"b\", value<=5] => permit();"), true},
        {V1("[type==\"b\", value<5] => permit();"), false},
        {V1("[type==\"b\", value>-1] => permit();"), true},
        {V1("[type==\"b\", value==\"5\"] => permit();"), false},
        {V1("[type==\"c\", value==\"true\"] => permit();"), false},
        {V1("[type==\"e\"] => permit();"), true},
        {V1("[type==\"e\", value==\"[1]\"] => permit();"), false},
        {V1("[type==\"b\", valueType==\"Integer\"] => permit();"), true},
        {V1("[type==\"b\", valueType==\"String\"] => permit();"), false},
        {V1("[type==\"b\", issuer==\"AttestationService\"] => permit();"), true},
        {V1("[type==\"b\", issuer==\"CustomClaim\"] => permit();"), false},
        {V1("[value==true] => permit();"), true},
        {V1("f:[type==\"a\"] && [type==\"d\", value==f.value] => permit();"), true},
        {V1("f:[type==\"b\"] && [type==\"d\", value==f.value] => permit();"), false},
        /* f may be any claim: one choice is enough, and it is found. */
        {V1("f:[type!=\"d\"] && [type==\"d\", value==f.value] => permit();"), true},
        {V1("f:[valueType==\"Integer\"] && g:[type!=f.type, value==f.value] => permit();"), false},
        {V1("=> add(type=\"new\", value=1); [type==\"new\", value==1] => permit();"), true},
        {V1("[type==\"new\"] => permit(); => add(type=\"new\", value=1);"), false},
        {V1("=> add(type=\"new\", value=1); [type==\"new\", issuer==\"AttestationPolicy\"] => "
            "permit();"),
         true},
        {V1("=> add(type=\"new\", value=1); [type==\"new\", issuer==\"AttestationService\"] => "
            "permit();"),
         false},
        /* A claim of the policy's does not replace one that was proven. */
        {V1("=> add(type=\"c\", value=false); [type==\"c\", value==true] => deny(); => permit();"),
         false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (permits(cases[i].policy, claims, NULL) != cases[i].permits)
            fail_msg("%s", cases[i].policy);
    assert_true(
        permits(V1("[type==\"$svn\", value>=2] => permit();"), "{\"x-ms-sgx-svn\": 2}", NULL));
}

static void issues(const char *policy, const char *claims, const char *issued,
                   const char *properties)
{
    json_t *trace, *wanted = json_of(issued), *also = json_of(properties);
    assert_true(permits(policy, claims, &trace));
    char *text = json_dumps(trace, 0);
    if (!json_equal(json_object_get(trace, "issued"), wanted) ||
        !json_equal(json_object_get(trace, "properties"), also))
        fail_msg("%s: %s", policy, text);
    free(text);
    json_decref(trace);
    json_decref(wanted);
    json_decref(also);
}

static void test_maa_issue(void **state)
{
    (void)state;
    static const char claims[] = "{\"a\": \"x\", \"b\": 5, \"o\": {\"k\": [1]}}";
    issues(V1I("=> permit();", "=> issue(type=\"level\", value=100);"), claims, "{\"level\": 100}",
           "{}");
    issues(V1I("=> permit();", "c:[type==\"a\"] => issue(type=\"b\", value=c.value);"), claims,
           "{\"b\": \"x\"}", "{}");
    issues(V1I("=> permit();", "c:[type==\"o\"] => issue(claim=c);"), claims,
           "{\"o\": {\"k\": [1]}}", "{}");
    issues(V1I("=> permit();", "c:[type==\"zz\"] => issue(claim=c);"), claims, "{}", "{}");
    issues(V1I("=> permit();", "=> add(type=\"n\", value=1); c:[type==\"n\"] => issue(claim=c);"),
           claims, "{\"n\": 1}", "{}");
    issues(V1I("=> permit();", "=> issueproperty(type=\"report_validity_in_minutes\", value=9);"),
           claims, "{}", "{\"report_validity_in_minutes\": 9}");
    /* For each claim that meets the condition; the same one once. */
    issues(V1I("=> permit();", "c:[type!=\"o\"] => issue(type=\"all\", value=c.value);"), claims,
           "{\"all\": [\"x\", 5]}", "{}");
    issues(V1I("=> permit();", "c:[type!=\"o\"] => issue(type=\"t\", value=c.issuer);"), claims,
           "{\"t\": \"AttestationService\"}", "{}");
    issues(
        "version=1.1;configurationrules{=>issueproperty(type=\"required_pcr_mask\", value=15);};"
        "authorizationrules{=>permit();};",
        claims, "{}", "{\"required_pcr_mask\": 15}");
    json_t *trace;
    assert_false(permits(V1I("=> deny();", "=> issue(type=\"n\", value=1);"), claims, &trace));
    assert_int_equal(json_object_size(json_object_get(trace, "issued")), 0);
    json_decref(trace);
}

static void test_maa_trace(void **state)
{
    (void)state;
    json_t *trace;
    const char *reason;
    assert_false(permits(V1("\n[type==\"a\", value==1] && [type==\"zz\"] => permit();\n"
                            "[type==\"a\"] => permit(); [type==\"b\", value==true] => deny();"),
                         "{\"a\": \"1\", \"b\": true}", &trace));
    assert_int_equal(json_array_size(json_object_get(trace, "conditions")), 4);
    assert_string_equal(text_of(trace, 0, "place"), "authorizationrules line 2: permit()");
    assert_string_equal(text_of(trace, 0, "claim"), "a");
    assert_string_equal(text_of(trace, 0, "operator"), "==");
    assert_true(strstr(text_of(trace, 0, "note"), "types differ") != NULL);
    assert_string_equal(text_of(trace, 1, "operator"), "exists");
    assert_true(!met(trace, 0) && !met(trace, 1) && met(trace, 2) && met(trace, 3));
    assert_int_equal(json_array_size(json_object_get(trace, "reasons")), 1);
    reason = json_string_value(json_array_get(json_object_get(trace, "reasons"), 0));
    assert_string_equal(reason, "authorizationrules line 3: deny(): denied by this rule");
    json_decref(trace);
    assert_false(permits(V1("[type==\"a\", value==1] => permit();"), "{\"a\": \"1\"}", &trace));
    assert_int_equal(json_array_size(json_object_get(trace, "reasons")), 2);
    json_decref(trace);
}

/* Each value once; a list that was issued is one value, and stays as it is. */
static void test_maa_several(void **state)
{
    (void)state;
    static const char list[] =
        V1I("=> permit();", "c:[type==\"l\"] => issue(claim=c); => issue(type=\"l\", value=3);");
    issues(V1I("=> permit();",
               "=> issue(type=\"a\", value=1); => issue(type=\"a\", value=2); "
               "=> issue(type=\"a\", value=1);"),
           "{}", "{\"a\": [1, 2]}", "{}");
    issues(list, "{\"l\": [1, 2]}", "{\"l\": [[1, 2], 3]}", "{}");
    issues(V1I("=> permit();",
               "=> issue(type=\"a\", value=\"\\\"b\\\\c\"); "
               "[type==\"n\"] => issue(type=\"n\", value=1);"),
           "{\"n\": null}", "{\"a\": \"\\\"b\\\\c\"}", "{}");

    struct policy *policy;
    cella_error error;
    json_t *claims = json_of("{\"l\": [1, 2]}"), *trace;
    assert_int_equal(read_policy(list, &policy, &error), CELLA_OK);
    assert_int_equal(policy_evaluate(policy, claims, &trace), CELLA_OK);
    assert_int_equal(json_array_size(json_object_get(claims, "l")), 2);
    json_decref(trace);
    json_decref(claims);
    policy_free(policy);
}

/* A sentence that is cut stays UTF-8. */
static void test_maa_long(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        char name[2000] = "xxx", *policy;
        for (size_t i = 0; i < 400; i++)
            strcpy(name + shift + 4 * i, "\xf0\x9f\x94\x91");
        assert_true(asprintf(&policy, V1("[type==\"%s\"]=>permit();"), name) > 0);
        assert_false(permits(policy, "{}", NULL));
        free(policy);
    }
}

/* What it may cost is bounded: then it denies. */
static void test_maa_bounds(void **state)
{
    (void)state;
    json_t *claims = json_object(), *trace;
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        json_object_set_new(claims, name, json_integer(i));
    }
    char *text = json_dumps(claims, 0);
    assert_false(permits(V1("a:[value>=0] && b:[value>=0] && c:[value>=0] && d:[value<a.value, "
                            "value>b.value, value<c.value, value>c.value] => permit(); => "
                            "permit();"),
                         text, &trace));
    const char *reason = json_string_value(json_array_get(json_object_get(trace, "reasons"), 0));
    assert_true(strstr(reason, "too many steps") != NULL);
    json_decref(trace);
    assert_false(permits(V1("a:[value>=0] && b:[value>=0] => add(type=a.type, value=b.value); => "
                            "permit();"),
                         text, &trace));
    reason = json_string_value(json_array_get(json_object_get(trace, "reasons"), 0));
    assert_true(strstr(reason, "too many claims") != NULL);
    json_decref(trace);
    /* What only the trace wants counts, too. */
    char *long_policy = strdup("version=1.0;authorizationrules{"), *longer;
    for (int i = 0; i < 400; i++) {
        assert_true(asprintf(&longer, "%s[type==\"zz\"]&&[type==\"zz\"]=>permit();", long_policy) >
                    0);
        free(long_policy);
        long_policy = longer;
    }
    assert_true(asprintf(&longer, "%s};", long_policy) > 0);
    assert_false(permits(longer, text, &trace));
    reason = json_string_value(json_array_get(json_object_get(trace, "reasons"), 0));
    assert_true(strstr(reason, "too many steps") != NULL);
    json_decref(trace);
    free(long_policy);
    free(longer);
    json_decref(claims);
    free(text);
}

static void test_maa_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "and the policy ends"},
        {"versoin=1.0;", "\"version=1.0;\" is wanted"},
        {"version=1.2;authorizationrules{=>permit();};", "version 1.2 is not known"},
        {"version=2;", "version 2 is not known"},
        {"version=;", "1.0 or 1.1 is wanted"},
        {"version=1.0", "';' is wanted"},
        {"version=1.0;", "authorizationrules are missing"},
        {"version=1.0;issuancerules{};", "authorizationrules are missing"},
        {"version=1.0;authorizationrule{};", "did you mean \"authorizationrules\"?"},
        {"version=1.0;configurationrules{};authorizationrules{};", "need version 1.1"},
        {V1("=>permit();") "authorizationrules{};", "stands twice"},
        {"version=1.1;authorizationrules{};configurationrules{};", "behind what it belongs before"},
        {"version=1.0;authorizationrules{}", "';' is wanted, and the policy ends"},
        {V1("=>permit()"), "';' is wanted, not \"};\""},
        {V1("=>permt();"), "did you mean \"permit\"?"},
        {V1("=>Permit();"), "did you mean \"permit\"?"},
        {V1("=>permit(type=\"a\");"), "')' is wanted"},
        {V1("=>issue(type=\"a\", value=1);"), "issue() is no action of authorizationrules"},
        {V1I("", "=>permit();"), "permit() is no action of issuancerules"},
        {V1("[type=\"a\"]=>permit();"), "compare with \"==\", not \"=\""},
        {V1("[typ==\"a\"]=>permit();"), "did you mean \"type\"?"},
        {V1("[]=>permit();"), "type, value, valueType or issuer is wanted"},
        {V1("[type==a]=>permit();"), "\"a\" names no condition before"},
        {V1("f:[type==\"a\", value==f.value]=>permit();"), "names no condition before"},
        {V1("f:[type==\"a\"] && f:[type==\"b\"]=>permit();"), "\"f\" names two conditions"},
        {V1("f:[type==\"a\"] && [value==f.valu]=>permit();"), "did you mean \"value\"?"},
        {V1("[type==5]=>permit();"), "\"type\" is a string"},
        {V1("[type<\"a\"]=>permit();"), "compares integers only"},
        {V1("[type==\"a\", value<\"a\"]=>permit();"), "compares integers only"},
        {V1("[value==1.5]=>permit();"), "must be an integer"},
        {V1("[value==99999999999999999999]=>permit();"), "must be an integer"},
        {V1("![type==\"a\"]=>permit();"), "\"!\" is version 1.2's"},
        {V1("[value==JmesPath(\"a\", \"b\")]=>permit();"), "functions, such as JmesPath()"},
        {V1("[type==\"a\n\"]=>permit();"), "does not end on its line"},
        {V1("[type==\"a\\n\"]=>permit();"), "backslash"},
        {V1("[type==\"\xff\"]=>permit();"), "no UTF-8"},
        {V1("[type==\"a\"] [type==\"b\"]=>permit();"), "'=>' is wanted"},
        {V1("[type==\"a\"] && =>permit();"), "a condition or =>"},
        {V1("=>add();"), "type, value or claim is wanted"},
        {V1("=>add(type=\"a\");"), "needs its type and its value"},
        {V1("=>add(type=\"a\", type=\"b\", value=1);"), "is given once"},
        {V1("=>add(type=\"a\", value=1, issuer=\"AttestationService\");"), "cannot set \"issuer\""},
        {V1("=>add(type=1, value=1);"), "\"type\" is a string"},
        {V1("=>add(claim=c);"), "\"c\" names no condition of this rule"},
        {V1("c:[type==\"a\"]=>add(claim=c, value=1);"), "is given once"},
        {V1("\n\n[type==\"a\" type]=>permit();"), "line 3: ']' is wanted"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        malformed(cases[i].text, cases[i].sentence);
    static const char zero[] = V1("=>permit();") "\0";
    struct policy *policy;
    cella_error error;
    assert_int_equal(policy_read((const uint8_t *)zero, sizeof(zero), "p", &policy, &error),
                     CELLA_INVALID);
    assert_sentence(&error, "a byte of zero");
}

/* Every beginning of a good policy is malformed. */
static void test_maa_truncated(void **state)
{
    (void)state;
    static const char good[] =
        "version=1.1;configurationrules{=>issueproperty(type=\"a\",value=1);"
        "};authorizationrules{f:[type==\"a\"]&&[value!=f.value]=>permit();};"
        "issuancerules{c:[type==\"a\"]=>issue(claim=c);};";
    for (size_t i = 0; i < sizeof(good); i++) {
        struct policy *policy;
        cella_error error;
        /* Exactly so many bytes, so that a sanitizer sees what is read behind them. */
        char *text = malloc(i + 1);
        memcpy(text, good, i);
        bool whole = i == sizeof(good) - 1 || i == (size_t)(strstr(good, "issuancerules") - good);
        cella_status status = policy_read((const uint8_t *)text, i, "p", &policy, &error);
        assert_int_equal(status == CELLA_OK, whole);
        assert_true(whole || status == CELLA_INVALID || status == CELLA_UNSUPPORTED);
        policy_free(policy);
        free(text);
    }
}

static void test_maa_check(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {V1("[type==\"x-ms-sgx-is-debuggable\", value==false] => permit();"), NULL},
        {V1("[type==\"$is-debuggable\", value==false] => permit();"), NULL},
        {V1("[type==\"$is-debuggable\", value==\"false\"] => permit();"), "is a boolean"},
        {V1("\n[type==\"x-ms-sgx-is-debugable\", value==false] => permit();"),
         "line 2: unknown claim \"x-ms-sgx-is-debugable\"; did you mean"},
        {V1("[type==\"own\", issuer==\"CustomClaim\"] => permit();"), NULL},
        {V1("[type==\"own\"] => permit();"), "unknown claim"},
        {V1("=> add(type=\"own\", value=1); [type==\"own\"] => permit();"), NULL},
        {V1("[type==\"own\"] => permit(); => add(type=\"own\", value=1);"), "unknown claim"},
        {V1("[value==true] => permit();"), NULL},
        {V1("[type==\"x-ms-sgx-svn\", value>=3, value!=\"x\"] => permit();"), "is an integer"},
        {V1("[type!=\"x-ms-sgx-svn\", value==\"x\"] => permit();"), NULL},
        {V1("[type!=\"own\"] => permit();"), "unknown claim"},
        {V1("[type==\"own\", issuer!=\"CustomClaim\"] => permit();"), "unknown claim"},
        {V1("[type==\"x-ms-sgx-is-debugable\", value==true] => deny(); => permit();"),
         "unknown claim \"x-ms-sgx-is-debugable\"; did you mean \"x-ms-sgx-is-debuggable\"?"},
        {V1("[type==\"x-ms-sgx-is-debuggable\", value==\"true\"] => deny(); => permit();"),
         "is a boolean"},
        /* Nobody gives these. */
        {V1("[issuer==\"attestationService\", value==true] => deny(); => permit();"),
         "\"issuer\" is never \"attestationService\"; did you mean \"AttestationService\"?"},
        {V1("[type==\"x-ms-sgx-svn\", issuer!=\"https://i\"] => permit();"),
         "\"issuer\" is never \"https://i\"; it is AttestationService, AttestationPolicy or "
         "CustomClaim"},
        {V1("[type==\"own\", issuer==\"CustomClaim\", valueType==\"Bool\"] => permit();"),
         "\"valueType\" is never \"Bool\"; it is String, Integer, Boolean or JSON"},
        {V1("[valueType!=\"string\"] => permit();"), "did you mean \"String\"?"},
        {V1("[valueType==\"JSON\", issuer!=\"AttestationPolicy\"] => permit();"), NULL},
        {V1("c:[type==\"x-ms-sgx-svn\"] && [valueType==c.valueType, issuer==c.issuer] => "
            "permit();"),
         NULL},
        {V1("[type==\"attester_tcb_status\", value!=\"Revokd\"] => permit();"),
         "did you mean \"Revoked\"?"},
        {V1("[type==\"$tee\", value==\"sxg\"] => deny(); => permit();"), "did you mean \"sgx\"?"},
        {V1("[type==\"x-ms-isolation-tee.debug\", value==true] => deny(); => permit();"),
         "\"x-ms-isolation-tee.debug\" is inside a claim"},
        {V1("[type==\"posture.lockdown\"] => permit();"), "is inside a claim"},
        {V1("[type==\"x-ms-isolation-tee\"] && [type==\"ear.verifier-id\"] => permit();"), NULL},
        {V1("=> add(type=\"posture.own\", value=1); [type==\"posture.own\"] => permit();"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cella_error error = {0};
        cella_status status = check(cases[i].text, &error);
        if ((status == CELLA_OK) != (cases[i].sentence == NULL))
            fail_msg("%s: %s", cases[i].text, error.sentence);
        if (cases[i].sentence)
            assert_sentence(&error, cases[i].sentence);
    }
}

/* ---- the vectors ---- */

static json_t *token_body(void)
{
    size_t size, length;
    char *token = vector("eat/maa-sevsnp/token.jwt", &size);
    const char *body = strchr(token, '.') + 1;
    uint8_t *bytes = malloc(BASE64_BYTES(size));
    assert_true(base64_read(BASE64_URL, body, strcspn(body, "."), bytes, &length));
    json_t *claims = json_loadb((char *)bytes, length, 0, NULL);
    assert_non_null(claims);
    free(bytes);
    free(token);
    return claims;
}

static void test_vector_release(void **state)
{
    (void)state;
    size_t size;
    char *text = vector("skr/caci_release_policy.json", &size);
    json_t *claims = token_body(), *trace;
    char *body = json_dumps(claims, 0);
    assert_false(permits(text, body, &trace));
    assert_int_equal(json_array_size(json_object_get(trace, "conditions")), 4);
    assert_false(met(trace, 0)); /* authority: sharedneu, not sharedweu */
    assert_string_equal(text_of(trace, 0, "operator"), "authority");
    assert_true(met(trace, 1)); /* host data */
    assert_false(met(trace, 2));
    assert_string_equal(text_of(trace, 2, "note"), "the claim is not there");
    assert_false(met(trace, 3));
    assert_true(
        strstr(text_of(trace, 3, "note"), "the claim is a boolean, the policy has a string"));
    assert_int_equal(json_array_size(json_object_get(trace, "reasons")), 3);
    json_decref(trace);

    /* Each reason mended, it permits. */
    json_object_set_new(claims, "iss", json_string("https://sharedneu.neu.attest.azure.net"));
    json_object_set_new(claims, "x-ms-compliance-status", json_string("azure-compliant-uvm"));
    json_object_set_new(claims, "x-ms-sevsnpvm-is-debuggable", json_string("false"));
    char *mended = json_dumps(claims, 0);
    assert_true(permits(text, mended, NULL));
    free(mended);
    free(body);
    json_decref(claims);
    free(text);
}

static void test_vector_maa(void **state)
{
    (void)state;
    size_t size;
    char *deny = vector("skr/maa-policy/deny.all.txt", &size);
    char *add = vector("skr/maa-policy/add.custom.claim.txt", &size);
    json_t *claims = token_body(), *trace;
    char *body = json_dumps(claims, 0);
    assert_false(permits(deny, body, NULL));
    assert_false(permits(add, body, NULL));
    assert_false(permits(add, "{\"secureBootEnabled\": \"true\"}", NULL));
    assert_true(permits(add, "{\"secureBootEnabled\": true}", &trace));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(trace, "issued"), "SecurityLevelValue")),
        100);
    json_decref(trace);
    free(body);
    json_decref(claims);
    free(deny);
    free(add);
}

/* ---- the public interface ---- */

static void test_public(void **state)
{
    (void)state;
    static const char text[] = V1("[type==\"tee\", value==\"vsm\"] => permit();");
    cella_policy *policy;
    cella_error error;
    char *trace;
    assert_int_equal(cella_policy_read((const uint8_t *)"x", 1, "f", &policy, &error),
                     CELLA_INVALID);
    assert_null(policy);
    assert_int_equal(cella_policy_read((const uint8_t *)text, strlen(text), "f", &policy, &error),
                     CELLA_OK);
    assert_int_equal(cella_policy_check(policy, &error), CELLA_OK);
    assert_int_equal(cella_policy_evaluate(policy, "{\"tee\":\"vsm\"}", 13, &trace, &error),
                     CELLA_OK);
    assert_non_null(strstr(trace, "\"verdict\":\"permit\""));
    free(trace);
    assert_int_equal(cella_policy_evaluate(policy, "{\"tee\":\"sgx\"}", 13, &trace, &error),
                     CELLA_REFUSED);
    assert_sentence(&error, "f: denied: no permit()");
    free(trace);
    assert_int_equal(cella_policy_evaluate(policy, "[]", 2, &trace, &error), CELLA_INVALID);
    assert_null(trace);
    cella_policy_free(policy);
    cella_policy_free(NULL);
}

/* ---- a model ---- */

static uint64_t random_state = 1;
static unsigned pick(unsigned count)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(random_state >> 33) % count;
}

static const char *const leaves[] = {"\"s\"", "\"t\"", "0", "1", "2", "true", "false"};

/* A random condition as JSON, and what it is worth on the claims a, b, c. */
static json_t *random_condition(const json_t *claims, unsigned depth, bool *worth)
{
    static const char *const names[] = {"a", "b", "c"};
    if (depth > 0 && pick(2)) {
        bool any = pick(2) == 0, one = false, all = true;
        json_t *list = json_array();
        for (unsigned i = pick(3) + 1; i > 0; i--) {
            bool inner;
            json_array_append_new(list, random_condition(claims, depth - 1, &inner));
            one = one || inner;
            all = all && inner;
        }
        *worth = any ? one : all;
        return json_pack("{s:o}", any ? "anyOf" : "allOf", list);
    }
    const char *name = names[pick(3)];
    const json_t *found = json_object_get(claims, name);
    unsigned o = pick(VALUE_OPERATORS);
    json_t *expected = json_of(o == VALUE_EXISTS                     ? leaves[5 + pick(2)]
                               : o >= VALUE_LESS && o < VALUE_EXISTS ? leaves[2 + pick(3)]
                                                                     : leaves[pick(7)]);
    char left[32] = "", right[32] = "";
    char *dumped = found ? json_dumps(found, JSON_ENCODE_ANY) : strdup("");
    char *wanted = json_dumps(expected, JSON_ENCODE_ANY);
    snprintf(left, sizeof(left), "%s", dumped);
    snprintf(right, sizeof(right), "%s", wanted);
    free(dumped);
    free(wanted);
    /* By their text: the first letter tells the type. */
    bool digits = left[0] >= '0' && left[0] <= '9';
    char left_type = left[0] == 't' || left[0] == 'f' ? 'b' : digits ? '0' : left[0];
    char right_type = right[0] == 't' || right[0] == 'f'   ? 'b'
                      : right[0] >= '0' && right[0] <= '9' ? '0'
                                                           : right[0];
    bool same = left_type == right_type;
    int order = left_type == '0' && same ? atoi(left) - atoi(right) : strcmp(left, right);
    switch (o) {
    case VALUE_EQUALS:
        *worth = same && order == 0;
        break;
    case VALUE_NOT_EQUALS:
        *worth = same && order != 0;
        break;
    case VALUE_LESS:
        *worth = same && order < 0;
        break;
    case VALUE_LESS_OR_EQUALS:
        *worth = same && order <= 0;
        break;
    case VALUE_GREATER:
        *worth = same && order > 0;
        break;
    case VALUE_GREATER_OR_EQUALS:
        *worth = same && order >= 0;
        break;
    default:
        *worth = (left[0] != 0) == (right[0] == 't');
    }
    return json_pack("{s:s, s:o}", "claim", name, value_operators[o].release, expected);
}

static void test_model(void **state)
{
    (void)state;
    unsigned permitted = 0;
    for (int i = 0; i < 5000; i++) {
        static const char *const names[] = {"a", "b", "c"};
        json_t *claims = json_pack("{s:s}", "iss", pick(8) ? "i" : "j"), *trace;
        bool inner, wanted = strcmp(json_string_value(json_object_get(claims, "iss")), "i") == 0;
        for (unsigned k = 0; k < 3; k++)
            if (pick(4))
                json_object_set_new(claims, names[k], json_of(leaves[pick(7)]));
        json_t *condition = random_condition(claims, 4, &inner);
        json_t *all = json_pack("{s:s, s:[{s:s, s:[o]}]}", "version", "1.0.0", "anyOf", "authority",
                                "i", "allOf", condition);
        char *text = json_dumps(all, 0);
        struct policy *policy;
        cella_error error;
        assert_int_equal(read_policy(text, &policy, &error), CELLA_OK);
        if ((policy_evaluate(policy, claims, &trace) == CELLA_OK) != (wanted && inner))
            fail_msg("%s", text);
        permitted += wanted && inner;
        policy_free(policy);
        json_decref(trace);
        json_decref(all);
        json_decref(claims);
        free(text);
    }
    assert_in_range(permitted, 500, 4500); /* both happen often */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),       cmocka_unit_test(test_exists),
        cmocka_unit_test(test_notes),           cmocka_unit_test(test_names),
        cmocka_unit_test(test_authority),       cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_release_nearest), cmocka_unit_test(test_release_malformed),
        cmocka_unit_test(test_schema),          cmocka_unit_test(test_table),
        cmocka_unit_test(test_claims_known),    cmocka_unit_test(test_maa_permit),
        cmocka_unit_test(test_maa_issue),       cmocka_unit_test(test_maa_trace),
        cmocka_unit_test(test_maa_bounds),      cmocka_unit_test(test_maa_several),
        cmocka_unit_test(test_maa_long),        cmocka_unit_test(test_maa_malformed),
        cmocka_unit_test(test_maa_truncated),   cmocka_unit_test(test_maa_check),
        cmocka_unit_test(test_vector_release),  cmocka_unit_test(test_vector_maa),
        cmocka_unit_test(test_public),          cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
