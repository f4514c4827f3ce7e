/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of Azure's confidential VMs: what is known of real ones, and every byte of them altered.
 */
#include "tpm_test.h"

#include "attest/tpm/hcl.h"
#include "image/base64.h"

#define V1 "tpm/trustee/evidence-v1.json"
#define V2 "tpm/trustee/evidence-v2.json"

static cella_verifier *verifier;
static cella_demands demands;

static int begin(void **state)
{
    (void)state;
    cella_demands_default(&demands);
    demands.at = 1748736000;
    demands.nonce = (const uint8_t *)"challenge";
    demands.nonce_size = 9;
    if (cella_verifier_new(&verifier, NULL))
        return -1;
    add_vector(verifier, "snp/roots/ask_ark_milan.pem");
    return 0;
}

static int end(void **state)
{
    (void)state;
    cella_verifier_free(verifier);
    return 0;
}

static const char *judge_json(const json_t *evidence, json_t **result)
{
    char *text = json_dumps(evidence, JSON_COMPACT);
    const char *class =
        judge_bytes(verifier, &demands, (const uint8_t *)text, strlen(text), result);
    free(text);
    return class;
}

static json_t *inside(const json_t *json, const char *first, const char *second)
{
    return json_object_get(json_object_get(json, first), second);
}

static void check(const char *path, const uint8_t *nonce, size_t nonce_size)
{
    json_t *all = vector_json("tpm/expected.json"), *evidence = vector_json(path), *json;
    demands.nonce = nonce;
    demands.nonce_size = nonce_size;
    if (*judge_json(evidence, &json))
        fail_msg("%s: %s", path, json_dumps(json_object_get(json, "refusal"), 0));
    assert_has(json_object_get(json, "evidence"), json_object_get(all, path), path);
    assert_string_equal(json_string_value(json_object_get(json, "type")), "azure");
    const json_t *claims = json_object_get(json, "claims");
    assert_string_equal(json_string_value(json_object_get(claims, "x-ms-attestation-type")),
                        "azurevm");
    const json_t *tee = json_object_get(claims, "x-ms-isolation-tee");
    assert_string_equal(json_string_value(json_object_get(tee, "x-ms-attestation-type")),
                        "sevsnpvm");
    assert_string_equal(
        json_string_value(json_object_get(tee, "x-ms-sevsnpvm-launchmeasurement")),
        json_string_value(inside(json_object_get(json, "evidence"), "snp_report", "measurement")));
    assert_true(json_is_true(
        inside(json_object_get(claims, "x-ms-runtime"), "vm-configuration", "secure-boot")));
    assert_int_equal(json_object_size(inside(claims, "tpm_pcrs", "sha256")), 24);
    json_decref(json);
    json_decref(evidence);
    json_decref(all);
}

static void accepts_vectors(void **state)
{
    (void)state;
    uint8_t nonce[48];
    json_t *all = vector_json("tpm/expected.json");
    const char *text = json_string_value(inside(json_object_get(all, V2), "attest", "nonce"));
    assert_true(hex_read(text, nonce, sizeof(nonce)));
    check(V1, (const uint8_t *)"challenge", 9);
    check(V2, nonce, sizeof(nonce));
    /* what the guest bound is the nonce here; one encoding, whatever the paravisor wrote */
    json_t *evidence = vector_json(V2), *json;
    assert_string_equal(judge_json(evidence, &json), "");
    const char *user =
        json_string_value(inside(json_object_get(json, "claims"), "x-ms-runtime", "user-data"));
    assert_int_equal(strncmp(user, text, 96), 0);
    json_decref(json);
    json_decref(evidence);
    json_decref(all);
}

static void demands_what_it_has_to(void **state)
{
    (void)state;
    json_t *evidence = vector_json(V1), *other = vector_json(V2), *json;
    uint8_t key[32] = {1};
    demands.nonce = (const uint8_t *)"challengf";
    assert_string_equal(judge_json(evidence, NULL), "NONCE");
    demands.nonce = NULL;
    demands.nonce_size = 0;
    assert_string_equal(judge_json(evidence, NULL), "NONCE");
    demands.nonce = (const uint8_t *)"challenge";
    demands.nonce_size = 9;
    demands.attestation_key = key;
    assert_string_equal(judge_json(evidence, NULL), "ANCHOR");
    demands.attestation_key = NULL;
    demands.most_age = 60;
    assert_string_equal(judge_json(evidence, NULL), "TIME");
    demands.most_age = 0;
    demands.at = 1;
    assert_string_equal(judge_json(evidence, NULL), "TIME");
    demands.at = 1748736000;
    /* parts of two machines */
    json_t *mixed = json_deep_copy(evidence);
    json_object_set(mixed, "hcl_report", json_object_get(other, "hcl_report"));
    assert_string_equal(judge_json(mixed, NULL), "QUOTE_SIG");
    json_decref(mixed);
    mixed = json_deep_copy(evidence);
    json_object_set(mixed, "vcek", json_object_get(other, "vcek"));
    assert_string_equal(judge_json(mixed, &json), "CHIP_ID_MISMATCH");
    assert_int_equal(json_object_size(json_object_get(json, "claims")), 0);
    json_decref(json);
    json_decref(mixed);
    json_decref(evidence);
    json_decref(other);
    /* without AMD's certificates between the VCEK and the root */
    cella_verifier_free(verifier);
    assert_int_equal(cella_verifier_new(&verifier, NULL), CELLA_OK);
    evidence = vector_json(V1);
    const char *class = judge_json(evidence, NULL);
    assert_true(strcmp(class, "COLLATERAL") == 0 || strcmp(class, "ANCHOR") == 0 ||
                strcmp(class, "CHAIN") == 0);
    json_decref(evidence);
}

/* ---- altered ---- */

struct field {
    uint8_t bytes[4096];
    size_t size;
};

static struct field read_hcl(const json_t *evidence)
{
    struct field field;
    const char *text = json_string_value(json_object_get(evidence, "hcl_report"));
    size_t length = strcspn(text, "=");
    assert_true(BASE64_BYTES(length) <= sizeof(field.bytes));
    assert_true(base64_read(BASE64_URL, text, length, field.bytes, &field.size));
    return field;
}

static void write_hcl(json_t *evidence, const struct field *field)
{
    static char text[BASE64_TEXT(sizeof(field->bytes))];
    base64_write(BASE64_URL, field->bytes, field->size, text);
    json_object_set_new(evidence, "hcl_report", json_string(text));
}

/* What each part of the report is refused for. */
static const char *classes_at(size_t at)
{
    if (at < 0x20)
        return "PARSE UNSUPPORTED";
    if (at >= 0x4c0)
        return "PARSE UNSUPPORTED BINDING QUOTE_SIG";
    return "BINDING REPORT_SIG MBZ UNSUPPORTED KEY_KIND CHIP_ID_MISMATCH TCB_MISMATCH DEBUG PARSE "
           "CHAIN COLLATERAL";
}

static void notices_changes(void **state)
{
    (void)state;
    json_t *evidence = vector_json(V1);
    struct field field = read_hcl(evidence);
    for (size_t i = 0; i < field.size; i++) {
        if (i >= 12 && i < 16)
            continue; /* the type of the request: of no meaning */
        field.bytes[i] ^= 0x01;
        write_hcl(evidence, &field);
        const char *class = judge_json(evidence, NULL);
        if (!*class || !strstr(classes_at(i), class))
            fail_msg("byte %zu of the HCL report: \"%s\"", i, class);
        field.bytes[i] ^= 0x01;
    }
    /* not the paravisor's own report: that is seen before its signature */
    json_t *json;
    field.bytes[0x20 + 0x30] ^= 2;
    write_hcl(evidence, &field);
    assert_string_equal(judge_json(evidence, &json), "BINDING");
    assert_string_equal(json_string_value(inside(json, "refusal", "claim")), "vmpl");
    json_decref(json);
    field.bytes[0x20 + 0x30] ^= 2;
    write_hcl(evidence, &field);
    assert_string_equal(judge_json(evidence, NULL), "");
    json_decref(evidence);
}

static void notices_changed_quotes(void **state)
{
    (void)state;
    static const char *const names[] = {"message", "signature"};
    json_t *evidence = vector_json(V1), *quote = json_object_get(evidence, "tpm_quote");
    for (size_t n = 0; n < 2; n++) {
        char text[1024] = "";
        strncat(text, json_string_value(json_object_get(quote, names[n])), sizeof(text) - 1);
        for (size_t i = 0; text[i]; i++) {
            char was = text[i];
            text[i] = was == '0' ? '1' : '0';
            json_object_set_new(quote, names[n], json_string(text));
            const char *class = judge_json(evidence, NULL);
            if (!*class || !strstr("QUOTE_SIG PARSE UNSUPPORTED", class))
                fail_msg("digit %zu of the %s: \"%s\"", i, names[n], class);
            text[i] = was;
        }
        json_object_set_new(quote, names[n], json_string(text));
    }
    json_t *pcrs = json_object_get(quote, "pcrs");
    for (size_t i = 0; i < 24; i++) {
        char text[65] = "";
        strncat(text, json_string_value(json_array_get(pcrs, i)), 64);
        char was = text[i];
        text[i] = was == 'f' ? 'e' : 'f';
        json_array_set_new(pcrs, i, json_string(text));
        assert_string_equal(judge_json(evidence, NULL), "PCR");
        text[i] = was;
        json_array_set_new(pcrs, i, json_string(text));
    }
    assert_string_equal(judge_json(evidence, NULL), "");
    json_array_remove(pcrs, 23);
    assert_string_equal(judge_json(evidence, NULL), "PARSE");
    json_array_append_new(pcrs, json_string("00"));
    assert_string_equal(judge_json(evidence, NULL), "PARSE");
    json_decref(evidence);
}

static void refuses_malformed(void **state)
{
    (void)state;
    json_t *evidence = vector_json(V1);
    static const char *const names[] = {"version", "hcl_report", "tpm_quote", "vcek"};
    for (size_t i = 0; i < 4; i++) {
        json_t *copy = json_deep_copy(evidence);
        json_object_set_new(copy, names[i], json_true());
        demands.type = "azure";
        assert_string_equal(judge_json(copy, NULL), "PARSE");
        json_object_del(copy, names[i]);
        assert_string_equal(judge_json(copy, NULL), "PARSE");
        json_decref(copy);
    }
    json_object_set_new(evidence, "version", json_integer(3));
    assert_string_equal(judge_json(evidence, NULL), "UNSUPPORTED");
    json_object_set_new(evidence, "version", json_integer(1));
    json_object_set_new(evidence, "more", json_integer(1));
    assert_string_equal(judge_json(evidence, NULL), "PARSE");
    json_object_del(evidence, "more");
    /* TDX: what vouches for it is a quote, no certificate of AMD's */
    struct field field = read_hcl(evidence);
    field.bytes[0x4c8] = HCL_TDX;
    write_hcl(evidence, &field);
    json_t *json;
    assert_string_equal(judge_json(evidence, &json), "BINDING");
    assert_string_equal(json_string_value(inside(json, "refusal", "claim")), "report_type");
    json_decref(json);
    field.bytes[0x4c8] = 3;
    write_hcl(evidence, &field);
    assert_string_equal(judge_json(evidence, NULL), "UNSUPPORTED");
    json_decref(evidence);
    demands.type = NULL;
    size_t size;
    uint8_t *bytes = vector(V1, &size);
    for (size_t less = 0; less < size - 2; less++) { /* the last two bytes: } and a newline */
        uint8_t *part = copy_of(bytes, less);
        const char *class = judge_bytes(verifier, &demands, part, less, NULL);
        assert_true(strcmp(class, "PARSE") == 0 || strcmp(class, "UNSUPPORTED") == 0);
        free(part);
    }
    free(bytes);
}

static void cuts_reports(void **state)
{
    (void)state;
    json_t *evidence = vector_json(V1);
    struct field field = read_hcl(evidence);
    const size_t end_of_json = 0x4d4 + 1110;
    for (size_t size = 0; size <= field.size; size++) {
        struct hcl hcl;
        cella_error error = {0};
        uint8_t *part = copy_of(field.bytes, size);
        cella_status status = hcl_read(part, size, &hcl, &error);
        assert_int_equal(status, size < end_of_json ? CELLA_INVALID : CELLA_OK);
        hcl_free(&hcl);
        free(part);
    }
    json_decref(evidence);
}

/* Runtime data of other keys: the sizes fit, so the key alone is what is wrong. */
static void refuses_other_keys(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *sentence;
    } cases[] = {
        {"HCLAkPub", "HCLBkPub", "no key HCLAkPub"},
        {"HCLEkPub", "HCLAkPub", "two keys HCLAkPub"},
        {"\"kty\":\"RSA\"", "\"kty\":\"RSB\"", "no RSA key"},
        {"\"e\":\"AQAB\"", "\"e\":\"AQAA\"", "no RSA key"},
        {"\"n\":\"mHSR", "\"n\":\"*HSR", "no RSA key"},
        {"{\"keys\"", "[\"keys\"", "no JSON object"},
        {"\"user-data\"", "\"keys\"     ", "no JSON object"},
    };
    json_t *evidence = vector_json(V1);
    struct field good = read_hcl(evidence);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct field field = good;
        struct hcl hcl;
        cella_error error;
        char *at = memmem(field.bytes, field.size, cases[i].from, strlen(cases[i].from));
        assert_non_null(at);
        memcpy(at, cases[i].to, strlen(cases[i].to));
        assert_int_equal(hcl_read(field.bytes, field.size, &hcl, &error), CELLA_INVALID);
        assert_sentence(&error, cases[i].sentence);
    }
    json_decref(evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accepts_vectors, begin, end),
        cmocka_unit_test_setup_teardown(demands_what_it_has_to, begin, end),
        cmocka_unit_test_setup_teardown(notices_changes, begin, end),
        cmocka_unit_test_setup_teardown(notices_changed_quotes, begin, end),
        cmocka_unit_test_setup_teardown(refuses_malformed, begin, end),
        cmocka_unit_test_setup_teardown(cuts_reports, begin, end),
        cmocka_unit_test_setup_teardown(refuses_other_keys, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
