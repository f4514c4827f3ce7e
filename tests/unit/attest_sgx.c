/* SPDX-License-Identifier: Apache-2.0
 *
 * SGX and TDX quotes of real hardware, with the collateral of their time: what is read, what is
 * said of them, every mutation, every truncation, and each piece of collateral missing, altered or
 * of another time.
 */
#include "attest_vectors.h"

#include <cella/verify.h>

#include <pthread.h>

#define Y2020    1591358400 /* 2020-06-05T12:00:00Z */
#define Y2023    1677628800 /* 2023-03-01T00:00:00Z */
#define Y2025    1751328000 /* 2025-07-01T00:00:00Z */

#define SGX_2025 "sgx/dcap-qvl/sgx_quote.bin"
#define TDX_2025 "tdx/dcap-qvl/tdx_quote.bin"
#define V5       "tdx/go-tdx-guest-v5/quote_v5_sample.bin"

static cella_error error;

/* ---- what is judged with what ---- */

enum allow {
    NO_COLLATERAL = 1,
    OUTDATED = 2,
    DEBUG = 4,
    PRODUCTION = 8, /* not the set's own root */
};

struct set {
    const char *quote;
    int64_t at;
    const char *root; /* NULL: Intel's */
    const char *collateral[10];
};

static const struct set sets[] = {
    {SGX_2025, Y2025, NULL, {"sgx/dcap-qvl/sgx_quote_collateral.json"}},
    {"sgx/fortanix-pcs-2020/quote.bin",
     Y2020,
     NULL,
     {"sgx/fortanix-pcs-2020/00906ea10000.tcb", "sgx/fortanix-pcs-2020/qe3_identity.id",
      "sgx/fortanix-pcs-2020/processor.crl"}},
    {"sgx/fortanix-dcap-ql/quote_pck_cert_chain.bin",
     Y2020,
     NULL,
     {"sgx/fortanix-pcs-2020/00906ea10000.tcb", "sgx/fortanix-pcs-2020/qe3_identity.id",
      "sgx/fortanix-pcs-2020/processor.crl"}},
    {"sgx/fortanix-dcap-ql/quote_pck_cert_chain_corrupted.bin", Y2020, NULL, {NULL}},
    {"sgx/fortanix-dcap-ql/quote_raw_tcb.bin", Y2020, NULL, {NULL}},
    {"sgx/maa-intel-sdk/enclave.info.release.json", Y2023, NULL, {NULL}},
    {"sgx/maa-intel-sdk/enclave.info.debug.json", Y2023, NULL, {NULL}},
    {"sgx/maa-intel-sdk/enclave.info.prodid.json", Y2023, NULL, {NULL}},
    {"sgx/maa-intel-sdk/enclave.info.securityversion.json", Y2023, NULL, {NULL}},
    {"sgx/intel-qvl-sample/quote.dat",
     1577836800, /* 2020-01-01T00:00:00Z */
     "sgx/intel-qvl-sample/trustedRootCaCert.pem",
     {"sgx/intel-qvl-sample/pckCert.pem", "sgx/intel-qvl-sample/pckSignChain.pem",
      "sgx/intel-qvl-sample/tcbSignChain.pem", "sgx/intel-qvl-sample/tcbInfo.json",
      "sgx/intel-qvl-sample/qeIdentity.json", "sgx/intel-qvl-sample/qveIdentity.json",
      "sgx/intel-qvl-sample/rootCaCrl.der", "sgx/intel-qvl-sample/intermediateCaCrl.der"}},
    {TDX_2025, Y2025, NULL, {"tdx/dcap-qvl/tdx_quote_collateral.json"}},
    {"tdx/go-tdx-guest-v4/tdx_prod_quote_SPR_E4.bin",
     1688173200, /* 2023-07-01T01:00:00Z */
     NULL,
     {"tdx/go-tdx-guest-v4/tcb_info_50806f000000.json", "tdx/go-tdx-guest-v4/td_qe_identity.json",
      "tdx/go-tdx-guest-v4/pck_platform_crl.der", "tdx/go-tdx-guest-v4/root_crl.der",
      "tdx/go-tdx-guest-v4/tcb_signing_chain.pem", "tdx/go-tdx-guest-v4/pck_crl_issuer_chain.pem"}},
    {V5,
     1770080400, /* 2026-02-03T01:00:00Z */
     NULL,
     {"tdx/go-tdx-guest-v5/tcb_info_90c06f000000.json"}},
    {"tdx/gcp-cos113/cos-113-tdx-quote.bin", 1722470400 /* 2024-08-01 */, NULL, {NULL}},
    {"tdx/openenclave-v4/tdx_quote.bin", 1685577600 /* 2023-06-01 */, NULL, {NULL}},
    {"tdx/intel-qvl-sample/quote.dat",
     1640995200, /* 2022-01-01 */
     "tdx/intel-qvl-sample/trustedRootCaCert.pem",
     {"tdx/intel-qvl-sample/pckCert.pem", "tdx/intel-qvl-sample/pckSignChain.pem",
      "tdx/intel-qvl-sample/tcbSignChain.pem", "tdx/intel-qvl-sample/qeIdentity.json",
      "tdx/intel-qvl-sample/rootCaCrl.der", "tdx/intel-qvl-sample/intermediateCaCrl.der"}},
};
#define SETS (sizeof(sets) / sizeof(sets[0]))

static const struct set *find_set(const char *quote)
{
    for (size_t i = 0; i < SETS; i++)
        if (strcmp(sets[i].quote, quote) == 0)
            return &sets[i];
    fail_msg("%s is in no set", quote);
    return NULL;
}

static cella_verifier *verifier_new(void)
{
    cella_verifier *verifier;
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    return verifier;
}

static void add_root(cella_verifier *verifier, const char *path)
{
    size_t size;
    uint8_t *bytes = vector(path, &size);
    assert_int_equal(cella_verifier_add_root(verifier, bytes, size, path, &error), CELLA_OK);
    free(bytes);
}

/* The TCB signing certificate that Intel made in 2025, and nothing else of that time. */
static void add_signer_of_2025(cella_verifier *verifier)
{
    json_t *bundle = vector_json("tdx/dcap-qvl/tdx_quote_collateral.json");
    const char *chain = json_string_value(json_object_get(bundle, "tcb_info_issuer_chain"));
    assert_int_equal(
        cella_verifier_add(verifier, (const uint8_t *)chain, strlen(chain), "chain", &error), 0);
    json_decref(bundle);
}

static cella_verifier *verifier_of(const struct set *set, int allow)
{
    cella_verifier *verifier = verifier_new();
    if (set->root && !(allow & PRODUCTION))
        add_root(verifier, set->root);
    for (size_t i = 0; set->collateral[i]; i++)
        add_vector(verifier, set->collateral[i]);
    if (strcmp(set->quote, V5) == 0)
        add_signer_of_2025(verifier);
    return verifier;
}

static cella_demands demands_of(const struct set *set, int allow)
{
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = set->at;
    demands.insecure_any_report_data = true;
    demands.insecure_no_collateral = allow & NO_COLLATERAL;
    demands.insecure_allow_outdated = allow & OUTDATED;
    demands.insecure_allow_debug = allow & DEBUG;
    return demands;
}

static void expect_class(const struct set *set, const char *class, const char *expected,
                         const json_t *json)
{
    if (strcmp(class, expected) == 0)
        return;
    char *text = json_dumps(json_object_get(json, "refusal"), 0);
    fail_msg("%s: \"%s\" instead of \"%s\": %s", set->quote, class, expected, text);
}

/* Judges a quote with its set; the result is the caller's. */
static json_t *judge_set(const char *quote, int allow, const char *expected)
{
    const struct set *set = find_set(quote);
    cella_verifier *verifier = verifier_of(set, allow);
    cella_demands demands = demands_of(set, allow);
    json_t *json = NULL, *again = NULL;
    size_t size;
    uint8_t *bytes = vector(quote, &size);
    const char *class = judge_bytes(verifier, &demands, bytes, size, &json);
    expect_class(set, class, expected, json);
    /* Once more, out of what is remembered now. */
    class = judge_bytes(verifier, &demands, bytes, size, &again);
    expect_class(set, class, expected, again);
    assert_true(json_equal(json, again));
    json_decref(again);
    free(bytes);
    cella_verifier_free(verifier);
    return json;
}

static void check(const char *quote, int allow, const char *expected)
{
    json_decref(judge_set(quote, allow, expected));
}

static const json_t *at(const json_t *json, const char *path)
{
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *name = strtok_r(copy, "/", &rest); name && json; name = strtok_r(NULL, "/", &rest))
        json = json_object_get(json, name);
    return json;
}

static void assert_text(const json_t *json, const char *path, const char *expected)
{
    const char *text = json_string_value(at(json, path));
    if (!text)
        fail_msg("%s: not there", path);
    assert_string_equal(text, expected);
}

/* ---- verdicts ---- */

static void test_verdicts(void **state)
{
    static const struct {
        const char *quote;
        int allow;
        const char *class;
    } cases[] = {
        {SGX_2025, 0, ""},
        {TDX_2025, 0, ""},
        {"sgx/intel-qvl-sample/quote.dat", 0, ""},
        {"sgx/intel-qvl-sample/quote.dat", PRODUCTION, "ANCHOR"},
        /* there is no root CRL of that time */
        {"sgx/fortanix-pcs-2020/quote.bin", 0, "COLLATERAL"},
        {"sgx/fortanix-pcs-2020/quote.bin", NO_COLLATERAL, "DEBUG"},
        {"sgx/fortanix-pcs-2020/quote.bin", NO_COLLATERAL | DEBUG, ""},
        {"sgx/fortanix-dcap-ql/quote_pck_cert_chain.bin", 0, "COLLATERAL"},
        {"sgx/fortanix-dcap-ql/quote_pck_cert_chain.bin", NO_COLLATERAL | DEBUG, "TCB_STATUS"},
        {"sgx/fortanix-dcap-ql/quote_pck_cert_chain.bin", NO_COLLATERAL | DEBUG | OUTDATED, ""},
        {"sgx/fortanix-dcap-ql/quote_pck_cert_chain_corrupted.bin", 0, "QUOTE_SIG"},
        {"sgx/fortanix-dcap-ql/quote_pck_cert_chain_corrupted.bin", NO_COLLATERAL, "QUOTE_SIG"},
        {"sgx/fortanix-dcap-ql/quote_raw_tcb.bin", 0, "COLLATERAL"},
        {"sgx/fortanix-dcap-ql/quote_raw_tcb.bin", NO_COLLATERAL, "COLLATERAL"},
        {"sgx/maa-intel-sdk/enclave.info.release.json", 0, "COLLATERAL"},
        {"sgx/maa-intel-sdk/enclave.info.release.json", NO_COLLATERAL, ""},
        {"sgx/maa-intel-sdk/enclave.info.prodid.json", NO_COLLATERAL, ""},
        {"sgx/maa-intel-sdk/enclave.info.securityversion.json", NO_COLLATERAL, ""},
        {"sgx/maa-intel-sdk/enclave.info.debug.json", NO_COLLATERAL, "DEBUG"},
        {"sgx/maa-intel-sdk/enclave.info.debug.json", NO_COLLATERAL | DEBUG, ""},
        {"tdx/go-tdx-guest-v4/tdx_prod_quote_SPR_E4.bin", 0, "TCB_STATUS"},
        {"tdx/go-tdx-guest-v4/tdx_prod_quote_SPR_E4.bin", OUTDATED, "TCB_STATUS"},
        {V5, 0, "COLLATERAL"}, /* the collateral of its time is not whole */
        {V5, NO_COLLATERAL, ""},
        {"tdx/gcp-cos113/cos-113-tdx-quote.bin", 0, "COLLATERAL"},
        {"tdx/gcp-cos113/cos-113-tdx-quote.bin", NO_COLLATERAL, ""},
        {"tdx/openenclave-v4/tdx_quote.bin", NO_COLLATERAL, ""},
        {"tdx/intel-qvl-sample/quote.dat", 0, "COLLATERAL"}, /* its TCB information is malformed */
        {"tdx/intel-qvl-sample/quote.dat", NO_COLLATERAL, "QE_IDENTITY"}, /* its own QE */
        {"tdx/intel-qvl-sample/quote.dat", PRODUCTION | NO_COLLATERAL, "ANCHOR"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i].quote, cases[i].allow, cases[i].class);
}

/* All that expected.json has, of every quote. */
static void test_expected(void **state)
{
    (void)state;
    size_t judged = 0;
    static const char *const files[] = {"sgx/expected.json", "tdx/expected.json"};
    for (size_t i = 0; i < 2; i++) {
        json_t *all = vector_json(files[i]), *one;
        const char *path;
        json_object_foreach(all, path, one)
        {
            const struct set *set = find_set(path);
            cella_verifier *verifier = verifier_of(set, 0);
            cella_demands demands = demands_of(set, NO_COLLATERAL | DEBUG);
            size_t size;
            uint8_t *bytes = vector(path, &size);
            json_t *json;
            judge_bytes(verifier, &demands, bytes, size, &json);
            json_object_del(one, "evaluate_at");
            json_object_del(one, "source");
            assert_has(json_object_get(json, "evidence"), one, path);
            json_decref(json);
            free(bytes);
            cella_verifier_free(verifier);
            judged++;
        }
        json_decref(all);
    }
    assert_int_equal(judged, 14);
}

/* ---- altered ---- */

static void test_mutations(void **state)
{
    (void)state;
    static const char *const files[] = {"sgx/mutations.json", "tdx/mutations.json"};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        json_t *all = vector_json(files[i]), *one;
        const char *path;
        json_object_foreach(json_object_get(all, "files"), path, one)
        {
            const struct set *set = find_set(path);
            cella_verifier *verifier = verifier_of(set, 0);
            cella_demands demands = demands_of(set, NO_COLLATERAL | DEBUG);
            demands.type = i ? "tdx" : "sgx";
            check_mutations(verifier, &demands, files[i], path);
            cella_verifier_free(verifier);
            count++;
        }
        json_decref(all);
    }
    assert_int_equal(count, 5);
}

/* Each is malformed, until all is there but what trails behind the signature data. */
static void check_prefixes(const struct set *set, const char *type, int allow)
{
    size_t size;
    uint8_t *bytes = vector(set->quote, &size);
    cella_verifier *verifier = verifier_of(set, 0);
    cella_demands demands = demands_of(set, allow);
    json_t *json = NULL;
    demands.type = type;
    judge_bytes(verifier, &demands, bytes, size, &json);
    size_t whole = size - (size_t)json_integer_value(at(json, "evidence/trailing_bytes"));
    json_decref(json);
    for (size_t less = 0; less < size; less++) {
        uint8_t *copy = copy_of(bytes, less);
        const char *class = judge_bytes(verifier, &demands, copy, less, &json);
        if (less < whole ? strcmp(class, "PARSE") != 0 : strcmp(class, "PARSE") == 0)
            fail_msg("%s: %zu bytes of it: \"%s\"", set->quote, less, class);
        if (less >= whole)
            assert_int_equal(json_integer_value(at(json, "evidence/trailing_bytes")), less - whole);
        json_decref(json);
        free(copy);
    }
    cella_verifier_free(verifier);
    free(bytes);
}

static void test_truncations(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETS; i++)
        if (!strstr(sets[i].quote, "/maa-") && !strstr(sets[i].quote, "gcp-cos113"))
            check_prefixes(&sets[i], strncmp(sets[i].quote, "tdx", 3) == 0 ? "tdx" : "sgx", DEBUG);
}

/* No byte that counts can be another: all bits of all bytes of one quote, but in the chain, where
 * white space and the like may differ. */
static void test_every_bit(void **state)
{
    (void)state;
    const struct set *set = find_set(TDX_2025);
    cella_verifier *verifier = verifier_of(set, 0);
    cella_demands demands = demands_of(set, 0);
    size_t size;
    uint8_t *bytes = vector(set->quote, &size);
    demands.type = "tdx";
    for (size_t bit = 0; bit < 8 * 1252; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!*judge_bytes(verifier, &demands, bytes, size, NULL))
            fail_msg("bit %zu of byte %zu may be another", bit % 8, bit / 8);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(bytes);
    cella_verifier_free(verifier);
}

/* ---- event logs of TDs ---- */

#define TD_LOG  "tdx/gcp-cos113/ccel_data.bin"
#define TPM_LOG "eventlog/go-eventlog/debian-10.bin"
#define OLD_LOG "eventlog/go-eventlog/arch-linux-workstation.bin"
#define OTHER   "eventlog/go-eventlog/cos-113-intel-tdx-dupe-separator-unpadded.bin"

/* The logs of TPMs are others', the logs of TDs are this one's or not. */
static void test_logs(void **state)
{
    static const struct {
        const char *logs[3], *class;
        bool told; /* of how it started */
    } cases[] = {
        {{NULL}, "", false},           {{TD_LOG}, "", true},
        {{TPM_LOG}, "", false},        {{OLD_LOG, TPM_LOG}, "", false},
        {{TPM_LOG, TD_LOG}, "", true}, {{TD_LOG, TPM_LOG}, "", true},
        {{OTHER}, "LOG", false},       {{OTHER, TPM_LOG}, "LOG", false},
        {{OTHER, TD_LOG}, "", true},
    };
    (void)state;
    const struct set *set = find_set("tdx/gcp-cos113/cos-113-tdx-quote.bin");
    cella_demands demands = demands_of(set, NO_COLLATERAL);
    size_t size;
    uint8_t *bytes = vector(set->quote, &size);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cella_verifier *verifier = verifier_of(set, 0);
        json_t *json;
        for (size_t k = 0; k < 3 && cases[i].logs[k]; k++)
            add_vector(verifier, cases[i].logs[k]);
        const char *class = judge_bytes(verifier, &demands, bytes, size, &json);
        expect_class(set, class, cases[i].class, json);
        assert_int_equal(!!at(json, "claims/kernel_command_lines"), cases[i].told);
        json_decref(json);
        cella_verifier_free(verifier);
    }
    free(bytes);
}

/* A TD's log with an event of a register that there is not is no TPM's, but altered. */
static void test_altered_log(void **state)
{
    (void)state;
    const struct set *set = find_set("tdx/gcp-cos113/cos-113-tdx-quote.bin");
    cella_demands demands = demands_of(set, NO_COLLATERAL);
    size_t size, log_size;
    uint8_t *bytes = vector(set->quote, &size), *log = vector(TD_LOG, &log_size);
    size_t head = 32 + (size_t)(log[28] | log[29] << 8); /* its first event, without digests */
    while (log_size > 0 && log[log_size - 1] == 0xff)
        log_size--; /* what pads a CCEL, a TPM's log has not */
    log[head] = 9;
    cella_verifier *verifier = verifier_of(set, 0);
    assert_int_equal(cella_verifier_add(verifier, log, log_size, "log", &error), CELLA_OK);
    assert_string_equal(judge_bytes(verifier, &demands, bytes, size, NULL), "PARSE");
    cella_verifier_free(verifier);
    free(bytes);
    free(log);
}

/* ---- what the reader sees ---- */

static void check_component(const json_t *component, int index, const char *type, int have,
                            int need)
{
    assert_int_equal(json_integer_value(at(component, "index")), index);
    assert_int_equal(json_integer_value(at(component, "have")), have);
    assert_int_equal(json_integer_value(at(component, "need")), need);
    if (type)
        assert_text(component, "type", type);
}

static void test_component_tables(void **state)
{
    (void)state;
    json_t *json = judge_set(SGX_2025, 0, "");
    assert_text(json, "evidence/tcb/status", "ConfigurationAndSWHardeningNeeded");
    assert_text(json, "evidence/tcb/newest/status", "SWHardeningNeeded");
    const json_t *newest = at(json, "evidence/tcb/newest/components");
    check_component(json_array_get(newest, 6), 7, NULL, 0, 12);
    assert_int_equal(json_array_size(newest), 7);
    newest = at(json, "evidence/tcb/components");
    check_component(json_array_get(newest, 6), 7, NULL, 0, 0);
    assert_int_equal(json_array_size(newest), 7);
    json_decref(json);
    /* No level matches: the newest alone. */
    json = judge_set("tdx/go-tdx-guest-v4/tdx_prod_quote_SPR_E4.bin", 0, "TCB_STATUS");
    newest = at(json, "evidence/tcb/newest/components");
    check_component(json_array_get(newest, 0), 1, "Early Microcode Update", 3, 5);
    assert_null(at(json, "evidence/tcb/components"));
    newest = at(json, "evidence/tcb/newest/tdx_components");
    check_component(json_array_get(newest, 0), 1, "TDX Module", 3, 3);
    assert_int_equal(json_integer_value(at(json, "evidence/tcb/newest/pcesvn/have")), 11);
    assert_int_equal(json_object_size(at(json, "claims")), 0);
    json_decref(json);
}

static void test_claims(void **state)
{
    static const char *const texts[][2] = {
        {"x-ms-attestation-type", "tdxvm"},
        {"dbgstat", "disabled"},
        {"attester_tcb_status", "UpToDate"},
        {"attester_tcb_date", "2024-03-13T00:00:00Z"},
        {"tdx_tee_tcb_svn", "06010300000000000000000000000000"},
        {"tdx_mrtd",
         "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f8"
         "7f27428b2538873118b7"},
    };
    (void)state;
    json_t *json = judge_set(TDX_2025, 0, "");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_text(at(json, "claims"), texts[i][0], texts[i][1]);
    assert_true(json_is_false(at(json, "claims/tdx_td_attributes_debug")));
    assert_true(json_is_true(at(json, "claims/tdx_td_attributes_septve_disable")));
    json_decref(json);
    json = judge_set("sgx/maa-intel-sdk/enclave.info.securityversion.json", NO_COLLATERAL, "");
    assert_text(json, "claims/x-ms-attestation-type", "sgx");
    assert_text(json, "claims/x-ms-sgx-ehd", "010203040506");
    assert_int_equal(json_integer_value(at(json, "claims/x-ms-sgx-svn")), 8888);
    assert_true(json_array_size(at(json, "warnings")) >= 4);
    json_decref(json);
}

/* ---- Azure's sample files ---- */

/* The file with the value of a key replaced, or a key added. */
static const char *judge_sample(const char *key, json_t *value)
{
    json_t *sample = vector_json("sgx/maa-intel-sdk/enclave.info.release.json");
    json_object_set_new(sample, key, value);
    char *text = json_dumps(sample, 0);
    const struct set *set = find_set("sgx/maa-intel-sdk/enclave.info.release.json");
    cella_verifier *verifier = verifier_of(set, 0);
    cella_demands demands = demands_of(set, NO_COLLATERAL);
    demands.type = "sgx";
    const char *class = judge_bytes(verifier, &demands, (const uint8_t *)text, strlen(text), NULL);
    cella_verifier_free(verifier);
    free(text);
    json_decref(sample);
    return class;
}

static void test_samples(void **state)
{
    (void)state;
    assert_string_equal(judge_sample("Type", json_integer(2)), "");
    assert_string_equal(judge_sample("Type", json_integer(1)), "PARSE");
    assert_string_equal(judge_sample("EnclaveHeldDataHex", json_string("010203040507")), "BINDING");
    assert_string_equal(judge_sample("EnclaveHeldDataHex", json_string("")), "BINDING");
    assert_string_equal(judge_sample("EnclaveHeldDataHex", json_string("01020304050")), "PARSE");
    assert_string_equal(judge_sample("SecurityVersion", json_integer(2)), "BINDING");
    assert_string_equal(judge_sample("Attributes", json_integer(7)), "BINDING");
    assert_string_equal(
        judge_sample("ProductIdHex", json_string("02000000000000000000000000000000")), "BINDING");
    assert_string_equal(judge_sample("MrEnclaveHex", json_string("00")), "PARSE");
    assert_string_equal(judge_sample("QuoteHex", json_string("03000200")), "PARSE");
    assert_string_equal(judge_sample("QuoteHex", json_integer(3)), "PARSE");
    assert_string_equal(judge_sample("More", json_integer(3)), "PARSE");
}

/* ---- collateral ---- */

static cella_status add_bytes(const void *bytes, size_t size)
{
    cella_verifier *verifier = verifier_new();
    uint8_t *copy = copy_of(bytes, size);
    error.sentence[0] = 0;
    cella_status status = cella_verifier_add(verifier, copy, size, "test", &error);
    assert_true(status == CELLA_OK || *error.sentence);
    free(copy);
    cella_verifier_free(verifier);
    return status;
}

/* Open Enclave's parser tests: the name says which are bad. */
static const char *const documents[] = {
    "qe_identity/qe_identity_missing_attributes",
    "qe_identity/qe_identity_missing_attributesmask",
    "qe_identity/qe_identity_missing_id",
    "qe_identity/qe_identity_missing_issuedate",
    "qe_identity/qe_identity_missing_isvprodid",
    "qe_identity/qe_identity_missing_isvsvn",
    "qe_identity/qe_identity_missing_miscselect",
    "qe_identity/qe_identity_missing_miscselectmask",
    "qe_identity/qe_identity_missing_mrsigner",
    "qe_identity/qe_identity_missing_nextupdate",
    "qe_identity/qe_identity_missing_qeidentity",
    "qe_identity/qe_identity_missing_signature",
    "qe_identity/qe_identity_missing_tcb_date",
    "qe_identity/qe_identity_missing_tcb_eval_data_num",
    "qe_identity/qe_identity_missing_tcb_levels",
    "qe_identity/qe_identity_missing_tcb_status",
    "qe_identity/qe_identity_missing_version",
    "qe_identity/qe_identity_ok",
    "qe_identity/qe_identity_with_advisoryids",
    "qe_identity/qve_identity_ok",
    "tcb_info/tcbInfo",
    "tcb_info/tcbInfoAdvisoryIds",
    "tcb_info/tcbInfoNegativeCompSvn",
    "tcb_info/tcbInfoNegativeFloat",
    "tcb_info/tcbInfoNegativeIntegerOverflow",
    "tcb_info/tcbInfoNegativeIntegerWithSign",
    "tcb_info/tcbInfoNegativeInvalidIssueDate",
    "tcb_info/tcbInfoNegativeInvalidNextUpdate",
    "tcb_info/tcbInfoNegativeMissingNextUpdate",
    "tcb_info/tcbInfoNegativePceSvn",
    "tcb_info/tcbInfoNegativePropertyMissingLevel0",
    "tcb_info/tcbInfoNegativePropertyMissingLevel1",
    "tcb_info/tcbInfoNegativePropertyMissingLevel2",
    "tcb_info/tcbInfoNegativePropertyMissingLevel3",
    "tcb_info/tcbInfoNegativePropertyWrongTypeLevel0",
    "tcb_info/tcbInfoNegativePropertyWrongTypeLevel1",
    "tcb_info/tcbInfoNegativePropertyWrongTypeLevel2",
    "tcb_info/tcbInfoNegativePropertyWrongTypeLevel3",
    "tcb_info/tcbInfoNegativeSignature",
    "tcb_info/tcbInfoNegativeStringEscape",
    "tcb_info/tcbInfoNegativeTcbType",
    "tcb_info/tcbInfo_with_pceid",
};

static void test_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        char path[256];
        size_t size;
        snprintf(path, sizeof(path), "sgx/openenclave-json/%s.json", documents[i]);
        uint8_t *bytes = vector(path, &size);
        bool bad = strstr(documents[i], "missing") || strstr(documents[i], "Negative");
        cella_status status = add_bytes(bytes, size);
        if (bad != (status != CELLA_OK))
            fail_msg("%s: %d %s", path, status, error.sentence);
        free(bytes);
    }
}

/* SVNs above 255 are no smaller ones. */
static void test_large_svns(void **state)
{
    size_t size;
    uint8_t *bytes = vector("tdx/intel-qvl-sample/tcbInfo.json", &size);
    (void)state;
    assert_int_equal(add_bytes(bytes, size), CELLA_INVALID);
    assert_sentence(&error, "\"svn\": not 0 to 255");
    free(bytes);
}

/* Documents of the year 3000 with the signature of another. */
static void test_altered_documents(void **state)
{
    static const char *const altered[][2] = {{"sgx/fortanix-pcs-2020/negative/00906ea10000.tcb",
                                              "sgx/fortanix-pcs-2020/qe3_identity.id"},
                                             {"sgx/fortanix-pcs-2020/00906ea10000.tcb",
                                              "sgx/fortanix-pcs-2020/negative/qe3_identity.id"}};
    const struct set *set = find_set("sgx/fortanix-pcs-2020/quote.bin");
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = vector(set->quote, &size);
        cella_verifier *verifier = verifier_new();
        add_vector(verifier, altered[i][0]);
        add_vector(verifier, altered[i][1]);
        cella_demands demands = demands_of(set, NO_COLLATERAL | DEBUG);
        assert_string_equal(judge_bytes(verifier, &demands, bytes, size, NULL), "COLLATERAL");
        cella_verifier_free(verifier);
        free(bytes);
    }
}

/* Before its window the collateral is not yet valid, behind it no longer. */
static void test_windows(void **state)
{
    static const int64_t times[] = {1750200000, 1752969600}; /* 2025-06-17, 2025-07-20 */
    static const char *const quotes[] = {SGX_2025, TDX_2025};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct set *set = find_set(quotes[i % 2]);
        cella_verifier *verifier = verifier_of(set, 0);
        cella_demands demands = demands_of(set, 0);
        size_t size;
        uint8_t *bytes = vector(set->quote, &size);
        assert_string_equal(judge_bytes(verifier, &demands, bytes, size, NULL), "");
        demands.at = times[i / 2];
        assert_string_equal(judge_bytes(verifier, &demands, bytes, size, NULL), "TIME");
        cella_verifier_free(verifier);
        free(bytes);
    }
}

/* What curl -i has written: the chain in a header, the document in the body. */
static size_t make_answer(char *answer)
{
    json_t *bundle = vector_json("tdx/dcap-qvl/tdx_quote_collateral.json");
    const char *chain = json_string_value(json_object_get(bundle, "tcb_info_issuer_chain"));
    size_t size, used;
    uint8_t *bytes = vector("tdx/go-tdx-guest-v5/tcb_info_90c06f000000.json", &size);
    used = (size_t)sprintf(answer,
                           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "tcb-info-issuer-chain: ");
    for (; *chain; chain++)
        used += (size_t)sprintf(answer + used, strchr("\n =+/", *chain) ? "%%%02X" : "%c", *chain);
    used += (size_t)sprintf(answer + used, "\r\n\r\n%.*s", (int)size, (const char *)bytes);
    json_decref(bundle);
    free(bytes);
    return used;
}

/* `before`: what curl -i wrote of answers that came before. */
static void check_http(const char *before)
{
    static char answer[32768];
    const struct set *set = find_set(V5);
    strcpy(answer, before);
    size_t size = strlen(before) + make_answer(answer + strlen(before));
    cella_verifier *verifier = verifier_new();
    assert_int_equal(cella_verifier_add(verifier, (uint8_t *)answer, size, "answer", &error), 0);
    cella_demands demands = demands_of(set, NO_COLLATERAL);
    json_t *json;
    uint8_t *bytes = vector(V5, &size);
    assert_string_equal(judge_bytes(verifier, &demands, bytes, size, &json), "");
    assert_text(json, "evidence/tcb_status", "UpToDate");
    json_decref(json);
    cella_verifier_free(verifier);
    free(bytes);
}

static void test_http(void **state)
{
    static const char *const before[] = {
        "",
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nHTTP/1.1 100 Continue\n\n",
        "HTTP/2 301 \r\nLocation: /x\r\nSGX-Issuer-Chain: x\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        check_http(before[i]);
}

/* What curl -D wrote: headers alone. */
static void test_http_headers(void **state)
{
    static char answer[32768];
    (void)state;
    make_answer(answer);
    size_t head = (size_t)(strstr(answer, "\r\n\r\n") + 4 - answer);
    assert_int_equal(add_bytes(answer, head), CELLA_OK);
}

/* Members that are not known are errors: which file's, which, and what to do. */
static void test_unknown_members(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = vector("tdx/go-tdx-guest-v5/tcb_info_90c06f000000.json", &size);
    char *at = memmem(bytes, size, "\"tdxModuleIdentities\"", 21);
    assert_non_null(at);
    memcpy(at, "\"tdxModuleIdentitiez\"", 21);
    assert_int_equal(add_bytes(bytes, size), CELLA_INVALID);
    assert_string_equal(error.sentence,
                        "test: TCB information: \"tdxModuleIdentitiez\": unknown; "
                        "a newer cella may know it");
    free(bytes);
    static const char beside[] = "{\"ca_chain\":[],\"else\":1}";
    assert_int_equal(add_bytes(beside, strlen(beside)), CELLA_INVALID);
    assert_string_equal(error.sentence, "test: \"else\": unknown; a newer cella may know it");
}

static void test_forms(void **state)
{
    static const struct {
        const char *text;
        cella_status status;
    } cases[] = {
        {"", CELLA_UNSUPPORTED},
        {"{", CELLA_INVALID},
        {"{}", CELLA_UNSUPPORTED},
        {"{\"signature\":\"00\"}", CELLA_UNSUPPORTED},
        {"{\"tcbInfo\":{}}", CELLA_INVALID},
        {"{\"tcbInfo\":{},\"signature\":\"00\"}", CELLA_INVALID},
        {"{\"crl\":\"x\"}", CELLA_INVALID},
        {"{\"crl\":1}", CELLA_INVALID},
        {"{\"ca_chain\":[1]}", CELLA_INVALID},
        {"{\"ca_chain\":[]}", CELLA_OK},
        {"{\"ca_chain\":[],\"else\":1}", CELLA_INVALID},
        {"HTTP/1.1 200 OK\n\n", CELLA_UNSUPPORTED}, /* nothing in it */
        {"HTTP/1.1 200 OK\nA: b", CELLA_UNSUPPORTED},
        {"HTTP/1.1 200 OK\n\nx", CELLA_INVALID},
        {"HTTP/1.1 200 OK\n\n{\"ca_chain\":[]}", CELLA_OK},
        {"HTTP/2 200\n\n{\"ca_chain\":[]}", CELLA_OK},
        {"HTTP/1.1 404 Not Found\n\n", CELLA_INVALID},
        {"HTTP/1.1 404 Not Found\n\n{\"ca_chain\":[]}", CELLA_INVALID},
        {"HTTP/1.1 200 OK\n\nHTTP/1.1 302 Found\n\n", CELLA_INVALID},
        {"HTTP/1.1 2000\n\n{\"ca_chain\":[]}", CELLA_INVALID},
        {"HTTP/1.1 20\n\n{\"ca_chain\":[]}", CELLA_INVALID},
        {"HTTP/1.1\n\n{\"ca_chain\":[]}", CELLA_INVALID},
        {"HTTP/1.1 200 OK\nA-Issuer-Chain: x\n\n", CELLA_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (add_bytes(cases[i].text, strlen(cases[i].text)) != cases[i].status)
            fail_msg("%s: \"%s\"", cases[i].text, error.sentence);
}

/* What is cut off is no collateral. */
static void test_cut_collateral(void **state)
{
    static const char *const paths[] = {
        "sgx/dcap-qvl/sgx_quote_collateral.json", "sgx/fortanix-pcs-2020/00906ea10000.tcb",
        "sgx/fortanix-pcs-2020/processor.crl", "tdx/go-tdx-guest-v4/td_qe_identity.json"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        size_t size;
        uint8_t *bytes = vector(paths[i], &size);
        for (size_t less = 0; less + 2 < size; less += i == 0 ? 7 : 1)
            assert_int_not_equal(add_bytes(bytes, less), CELLA_OK);
        free(bytes);
    }
}

/* Without a certificate inside, what the quote says of its platform finds it. */
static void test_platforms(void **state)
{
    const struct set *set = find_set("sgx/intel-qvl-sample/quote.dat");
    cella_verifier *verifier = verifier_of(set, 0);
    cella_demands demands = demands_of(set, 0);
    size_t size;
    uint8_t *bytes = vector(set->quote, &size);
    (void)state;
    for (size_t i = size - 34; i < size; i++) { /* PPID, CPUSVN, PCESVN */
        bytes[i] ^= 1;
        assert_string_equal(judge_bytes(verifier, &demands, bytes, size, NULL), "COLLATERAL");
        bytes[i] ^= 1;
    }
    assert_string_equal(judge_bytes(verifier, &demands, bytes, size, NULL), "");
    cella_verifier_free(verifier);
    free(bytes);
}

/* ---- threads ---- */

struct shared {
    cella_verifier *verifier;
    uint8_t *quotes[2];
    size_t sizes[2];
};

/* How many were not accepted. */
static void *judge_many(void *work)
{
    const struct shared *shared = work;
    uintptr_t bad = 0;
    for (size_t i = 0; i < 40; i++) {
        cella_demands demands = demands_of(find_set(SGX_2025), 0);
        cella_result *result = NULL;
        demands.at += (int64_t)i / 10;
        bad += cella_verify(shared->verifier, shared->quotes[i % 2], shared->sizes[i % 2], &demands,
                            &result, NULL) != CELLA_OK;
        cella_result_free(result);
    }
    return (void *)bad;
}

static void test_threads(void **state)
{
    struct shared shared = {.verifier = verifier_of(find_set(SGX_2025), 0)};
    pthread_t threads[4];
    void *bad;
    (void)state;
    add_vector(shared.verifier, "tdx/dcap-qvl/tdx_quote_collateral.json");
    shared.quotes[0] = vector(SGX_2025, &shared.sizes[0]);
    shared.quotes[1] = vector(TDX_2025, &shared.sizes[1]);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, judge_many, &shared), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
    free(shared.quotes[0]);
    free(shared.quotes[1]);
    cella_verifier_free(shared.verifier);
}

static void test_description(void **state)
{
    (void)state;
    cella_verifier *verifier;
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    add_vector(verifier, "sgx/intel-qvl-sample/pckCert.pem");
    char *text = cella_verifier_describe(verifier, 1700000000);
    json_t *all = json_loads(text, 0, NULL), *one = json_array_get(all, 0);
    assert_string_equal(json_string_value(json_object_get(one, "fmspc")), "00707f000000");
    assert_int_equal(json_integer_value(json_object_get(one, "pcesvn")), 3);
    assert_string_equal(json_string_value(json_object_get(one, "platform")),
                        "PCE 0000, PCE SVN 3, components 0 3 0 0 0 1 1 0 0 0 0 0 0 0 0 0, by Intel "
                        "SGX PCK Processor CA");
    json_decref(all);
    free(text);
    cella_verifier_free(verifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),     cmocka_unit_test(test_expected),
        cmocka_unit_test(test_mutations),    cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_every_bit),    cmocka_unit_test(test_logs),
        cmocka_unit_test(test_altered_log),  cmocka_unit_test(test_component_tables),
        cmocka_unit_test(test_claims),       cmocka_unit_test(test_description),
        cmocka_unit_test(test_samples),      cmocka_unit_test(test_documents),
        cmocka_unit_test(test_large_svns),   cmocka_unit_test(test_altered_documents),
        cmocka_unit_test(test_windows),      cmocka_unit_test(test_http),
        cmocka_unit_test(test_http_headers), cmocka_unit_test(test_unknown_members),
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_cut_collateral),
        cmocka_unit_test(test_platforms),    cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
