/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence: made by a platform in a folder of its own, verified, and each way in which it is not
 * good enough, with the class and the claim that the refusal names.
 */
#include "attest_test.h"

#include "attest/certificate.h"
#include "attest/evidence.h"
#include "attest/refusal.h"
#include "image/hex.h"

#include <fcntl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST_AGE 3600 /* s: longer than this test takes on any machine */

static char base[] = "/tmp/cella-attest-XXXXXX";
static char folder[64];
static cella_platform *platform;
static uint8_t report[REPORT_SIZE];
static uint8_t *evidence;
static size_t evidence_size;
static int64_t made; /* about when */

static int set_up(void **state)
{
    (void)state;
    cella_error error = {0};
    if (!mkdtemp(base))
        return -1;
    snprintf(folder, sizeof(folder), "%s/a/platform", base);
    report[REPORT_ATTRIBUTES] = 5;
    report[REPORT_XFRM] = 7;
    memset(report + REPORT_MRENCLAVE, 0xaa, 32);
    memset(report + REPORT_MRSIGNER, 0xbb, 32);
    report[REPORT_ISV_PROD_ID + 1] = 1;
    report[REPORT_ISV_SVN] = 3;
    memset(report + REPORT_DATA, 0xcc, 64);
    made = time(NULL);
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
    char command[128];
    free(evidence);
    cella_platform_close(platform);
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

static cella_verify_options good_options(void)
{
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.at = made;
    options.most_age = MOST_AGE;
    options.roots = (const uint8_t(*)[32])cella_platform_root(platform);
    options.root_count = 1;
    options.report_data = report + REPORT_DATA;
    return options;
}

static void expect(const uint8_t *bytes, size_t size, const cella_verify_options *options,
                   cella_refusal_kind kind, const char *claim)
{
    cella_claims claims;
    cella_refusal refusal;
    cella_error error = {0};
    static const cella_claims none;
    cella_status status = cella_evidence_verify(bytes, size, options, &claims, &refusal, &error);
    if (kind == CELLA_REFUSAL_NONE) {
        if (status != CELLA_OK)
            fail_msg("%s", error.sentence);
        assert_int_equal(refusal.kind, kind);
        return;
    }
    assert_int_equal(status, CELLA_REFUSED);
    assert_memory_equal(&claims, &none, sizeof(none));
    assert_int_equal(refusal.kind, kind);
    assert_string_equal(refusal.claim, claim);
    assert_true(*refusal.expected && *refusal.found);
    assert_sentence(&error, refusal.claim);
    /* The refusal may be left out. */
    assert_int_equal(cella_evidence_verify(bytes, size, options, &claims, NULL, NULL),
                     CELLA_REFUSED);
}

static void expect_demand(const cella_claims *claims, const char *name, const char *expected,
                          const char *found)
{
    cella_refusal refusal;
    cella_error error;
    cella_status status = cella_claims_demand(claims, name, expected, &refusal, &error);
    if (!found) {
        assert_int_equal(status, CELLA_OK);
        return;
    }
    assert_int_equal(status, CELLA_REFUSED);
    assert_int_equal(refusal.kind, CELLA_REFUSAL_CLAIM);
    assert_string_equal(refusal.claim, name);
    assert_string_equal(refusal.expected, expected);
    assert_string_equal(refusal.found, found);
    assert_int_equal(cella_claims_demand(claims, name, expected, NULL, NULL), CELLA_REFUSED);
}

static void test_good(void **state)
{
    (void)state;
    cella_verify_options options = good_options();
    cella_claims claims;
    cella_error error;
    char text[256];
    assert_int_equal(
        cella_evidence_verify(evidence, evidence_size, &options, &claims, NULL, &error), CELLA_OK);
    assert_string_equal(claims.tee, "vsm");
    assert_memory_equal(claims.mrenclave, report + REPORT_MRENCLAVE, 32);
    assert_memory_equal(claims.mrsigner, report + REPORT_MRSIGNER, 32);
    assert_memory_equal(claims.report_data, report + REPORT_DATA, 64);
    assert_memory_equal(claims.root, cella_platform_root(platform), 32);
    assert_int_equal(claims.isv_prod_id, 256);
    assert_int_equal(claims.isv_svn, 3);
    assert_true(claims.time >= made && claims.time < made + MOST_AGE);
    assert_true(claims.age_checked && !claims.debug);
    assert_true(claims.posture_count > 10);
    expect_demand(&claims, "tee", "vsm", NULL);
    expect_demand(&claims, "tee", "process", "vsm");
    expect_demand(&claims, "isv_prod_id", "256", NULL);
    expect_demand(&claims, "isv_svn", "4", "3");
    expect_demand(&claims, "debug", "false", NULL);
    expect_demand(&claims, "colour", "red", "no such claim");
    expect_demand(&claims, "posture.colour", "red", "no such claim");
    expect_demand(&claims, "posture.", "red", "no such claim");
    assert_true(cella_claims_get(&claims, "posture.kernel", text));
    expect_demand(&claims, "posture.kernel", "CP/M", text);
    expect_demand(&claims, "mrenclave",
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL);
    assert_true(cella_claims_get(&claims, "root", text));
    assert_int_equal(strlen(text), 64);
    assert_true(cella_claims_get(&claims, "launcher", text) && strspn(text, "0") < 64);
    assert_true(cella_claims_get(&claims, "report_data", text) && strlen(text) == 128);
    assert_true(cella_claims_get(&claims, "time", text) && atoll(text) == claims.time);
}

static void test_options(void **state)
{
    (void)state;
    cella_claims claims;
    cella_error error;
    cella_verify_options wrong[7];
    for (size_t i = 0; i < 7; i++)
        wrong[i] = good_options();
    cella_verify_options_default(&wrong[0]);
    wrong[1].size--;
    wrong[2].at = 0;
    wrong[3].roots = NULL;
    wrong[4].root_count = 0;
    wrong[5].report_data = NULL;
    wrong[6].insecure_any_report_data = true; /* and an expectation */
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(
            cella_evidence_verify(evidence, evidence_size, &wrong[i], &claims, NULL, &error),
            CELLA_INVALID);
}

static void test_roots(void **state)
{
    (void)state;
    uint8_t roots[2][32] = {{1}, {2}};
    cella_verify_options options = good_options();
    options.roots = (const uint8_t(*)[32])roots;
    options.root_count = 2;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_ROOT, "root");
    memcpy(roots[1], cella_platform_root(platform), 32);
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_NONE, NULL);
    options.root_count = 1;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_ROOT, "root");
}

/* What only a TPM can say is demanded of a platform without one. */
static void test_no_tpm(void **state)
{
    (void)state;
    const uint8_t hash[1][32] = {{1}};
    cella_verify_options options = good_options();
    assert_null(cella_platform_tpm_key(platform));
    options.attestation_key = hash[0];
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_ROOT, "tpm_key");
    options.attestation_key = NULL;
    options.boot_images = hash;
    options.boot_image_count = 1;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_CLAIM, "boot_image");
}

static void test_time(void **state)
{
    (void)state;
    cella_verify_options options = good_options();
    options.at = made - 7200;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_TIME, "certificate");
    options.at = made + INT64_C(86400) * 365 * 10 + 7200;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_TIME, "certificate");
    options.at = made + 2 * MOST_AGE;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_TIME, "time");
    options.most_age = 60;
    options.at = made - 1000; /* made in the future */
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_TIME, "time");
    options.most_age = MOST_AGE;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_NONE, NULL);
    options.most_age = 0;
    options.at = made + 86400;
    cella_claims claims;
    assert_int_equal(cella_evidence_verify(evidence, evidence_size, &options, &claims, NULL, NULL),
                     CELLA_OK);
    assert_false(claims.age_checked);
}

static void test_report_data(void **state)
{
    (void)state;
    uint8_t other[64];
    cella_verify_options options = good_options();
    memcpy(other, report + REPORT_DATA, 64);
    other[63] ^= 1;
    options.report_data = other;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_REPORT_DATA, "report_data");
    options.report_data = NULL;
    options.insecure_any_report_data = true;
    expect(evidence, evidence_size, &options, CELLA_REFUSAL_NONE, NULL);
}

static void test_debug(void **state)
{
    (void)state;
    uint8_t debug[REPORT_SIZE];
    uint8_t *bytes;
    size_t size;
    cella_error error;
    cella_claims claims;
    cella_verify_options options = good_options();
    memcpy(debug, report, sizeof(debug));
    debug[REPORT_ATTRIBUTES] |= 2;
    assert_int_equal(cella_platform_evidence(platform, debug, "process", &bytes, &size, &error),
                     CELLA_OK);
    expect(bytes, size, &options, CELLA_REFUSAL_DEBUG, "debug");
    options.insecure_allow_debug = true;
    assert_int_equal(cella_evidence_verify(bytes, size, &options, &claims, NULL, &error), CELLA_OK);
    assert_true(claims.debug);
    /* Which kind of TEE is a claim: to demand one is the caller's. */
    assert_string_equal(claims.tee, "process");
    expect_demand(&claims, "tee", "vsm", "process");
    expect_demand(&claims, "debug", "false", "true");
    free(bytes);
}

static void test_altered(void **state)
{
    (void)state;
    cella_verify_options options = good_options();
    cella_claims claims;
    cella_error error;
    size_t refused = 0;
    for (size_t at = 0; at < evidence_size; at++) { /* a bit of each byte; cose's test: each bit */
        evidence[at] ^= (uint8_t)(1u << at % 8);
        cella_status status =
            cella_evidence_verify(evidence, evidence_size, &options, &claims, NULL, &error);
        evidence[at] ^= (uint8_t)(1u << at % 8);
        if (status != CELLA_INVALID && status != CELLA_REFUSED)
            fail_msg("byte %zu: status %d", at, status);
        refused += status == CELLA_REFUSED;
    }
    assert_true(refused > REPORT_SIZE); /* the report's are well formed */
    for (size_t less = 0; less < evidence_size; less++) {
        uint8_t *copy = malloc(less ? less : 1);
        memcpy(copy, evidence, less);
        assert_int_equal(cella_evidence_verify(copy, less, &options, &claims, NULL, &error),
                         CELLA_INVALID);
        free(copy);
    }
    uint8_t *longer = calloc(1, EVIDENCE_MOST + 1);
    memcpy(longer, evidence, evidence_size);
    assert_int_equal(
        cella_evidence_verify(longer, evidence_size + 1, &options, &claims, NULL, &error),
        CELLA_INVALID);
    assert_int_equal(
        cella_evidence_verify(longer, EVIDENCE_MOST + 1, &options, &claims, NULL, &error),
        CELLA_INVALID);
    assert_sentence(&error, "at most");
    free(longer);
}

/* ---- reports that a platform signs but that make no sense ---- */

static void test_reports(void **state)
{
    (void)state;
    cella_verify_options options = good_options();
    for (size_t at = 0; at < REPORT_SIZE; at++) {
        uint8_t wrong[REPORT_SIZE], *bytes;
        size_t size;
        cella_claims claims;
        cella_error error;
        memcpy(wrong, report, sizeof(wrong));
        wrong[at] ^= 0x40;
        assert_int_equal(cella_platform_evidence(platform, wrong, "vsm", &bytes, &size, &error),
                         CELLA_OK);
        cella_status status = cella_evidence_verify(bytes, size, &options, &claims, NULL, &error);
        bool told = (at >= REPORT_XFRM && at < 96) || (at >= 128 && at < 160) ||
                    (at >= 256 && at < 260); /* a claim, or of no concern */
        cella_status wanted = told ? CELLA_OK : at >= REPORT_DATA ? CELLA_REFUSED : CELLA_INVALID;
        if (status != wanted)
            fail_msg("byte %zu: status %d, %s", at, status, error.sentence);
        free(bytes);
    }
}

/* ---- payloads and chains that no platform of ours makes ---- */

/* What is signed by whom. */
static struct forge {
    EVP_PKEY *root_key, *key;
    X509 *root, *certificate;
} forge;

static int set_up_forge(void **state)
{
    (void)state;
    forge.root_key = EVP_EC_gen("P-256");
    forge.key = EVP_EC_gen("P-256");
    forge.root = certificate_make(forge.root_key, NULL, NULL);
    forge.certificate = certificate_make(forge.key, forge.root, forge.root_key);
    return forge.certificate ? 0 : -1;
}

static int tear_down_forge(void **state)
{
    (void)state;
    X509_free(forge.certificate);
    X509_free(forge.root);
    EVP_PKEY_free(forge.key);
    EVP_PKEY_free(forge.root_key);
    return 0;
}

static uint8_t *forged(X509 *first, X509 *second, EVP_PKEY *key, const struct cbor_writer *payload,
                       size_t *size)
{
    struct cose_chain chain = {.count = 2};
    X509 *const certificates[2] = {first, second};
    uint8_t *der[2] = {NULL, NULL}, *bytes = NULL;
    for (size_t i = 0; i < 2; i++) {
        int length = i2d_X509(certificates[i], &der[i]);
        chain.certificates[i] = (struct cose_certificate){der[i], (size_t)length};
    }
    assert_int_equal(cose_sign(key, EVIDENCE_CONTENT_TYPE, &chain, payload->bytes, payload->size,
                               &bytes, size, NULL),
                     CELLA_OK);
    OPENSSL_free(der[0]);
    OPENSSL_free(der[1]);
    return bytes;
}

/* The payload, with the entry `but` left out or put in another way. */
enum value {
    LEFT_OUT,
    ZERO,
    ONE,
    TEXT,
    BYTES,
    MAP,
    HUGE_NUMBER,
    POSTURE_NUMBER,
    POSTURE_LONG,
    POSTURE_RESERVED,
    POSTURE_PROOF
};

static void put_value(struct cbor_writer *to, enum value value)
{
    static const char long_text[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "8901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    size_t map;
    switch (value) {
    case TEXT:
        cbor_put_text(to, "sgx");
        break;
    case BYTES:
        cbor_put_bytes(to, "abc", 3);
        break;
    case HUGE_NUMBER:
        cbor_put_unsigned(to, UINT64_MAX);
        break;
    case MAP:
    case POSTURE_NUMBER:
    case POSTURE_LONG:
    case POSTURE_RESERVED:
    case POSTURE_PROOF:
        map = cbor_map_begin(to);
        if (value != MAP) {
            cbor_put_text(to, value == POSTURE_RESERVED ? "pcr_7"
                              : value == POSTURE_PROOF  ? "lockdown_proof"
                                                        : "kernel");
            value == POSTURE_NUMBER ? cbor_put_unsigned(to, 1)
                                    : cbor_put_text(to, value == POSTURE_LONG ? long_text : "x");
        }
        cbor_map_end(to, map);
        break;
    default:
        cbor_put_unsigned(to, value == ONE);
    }
}

static void put_payload(struct cbor_writer *to, const char *but, enum value value)
{
    static const char *const names[] = {"version", "tee", "report", "time", "launcher", "posture"};
    size_t map = cbor_map_begin(to);
    bool put = value == LEFT_OUT;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (but && strcmp(names[i], but) == 0) {
            if (value != LEFT_OUT) {
                cbor_put_text(to, but);
                put_value(to, value);
            }
            put = true;
            continue;
        }
        cbor_put_text(to, names[i]);
        if (i == 0)
            cbor_put_unsigned(to, 1);
        else if (i == 1)
            cbor_put_text(to, "vsm");
        else if (i == 2)
            cbor_put_bytes(to, report, REPORT_SIZE);
        else if (i == 3)
            cbor_put_integer(to, made);
        else if (i == 4)
            cbor_put_bytes(to, report, 32);
        else {
            size_t rows = cbor_map_begin(to);
            cbor_put_text(to, "seccomp");
            cbor_put_bool(to, true);
            cbor_map_end(to, rows);
        }
    }
    if (!put) {
        cbor_put_text(to, but);
        put_value(to, value);
    }
    cbor_map_end(to, map);
}

static const struct {
    const char *but;
    enum value value;
    cella_status status;
    const char *sentence;
} payloads[] = {
    {"version", LEFT_OUT, CELLA_INVALID, "evidence: version: missing"},
    {"version", TEXT, CELLA_INVALID, "evidence: version: must be a number"},
    {"version", ZERO, CELLA_UNSUPPORTED, "evidence: version 0"},
    {"tee", LEFT_OUT, CELLA_INVALID, "evidence: tee: missing"},
    {"tee", TEXT, CELLA_INVALID, "evidence: tee: must be"},
    {"tee", BYTES, CELLA_INVALID, "evidence: tee: must be"},
    {"report", LEFT_OUT, CELLA_INVALID, "evidence: report: missing"},
    {"report", BYTES, CELLA_INVALID, "evidence: report: 3 bytes"},
    {"report", ONE, CELLA_INVALID, "evidence: report: must be bytes"},
    {"time", LEFT_OUT, CELLA_INVALID, "evidence: time: missing"},
    {"time", TEXT, CELLA_INVALID, "evidence: time: must be"},
    {"time", HUGE_NUMBER, CELLA_INVALID, "evidence: time: too large"},
    {"launcher", LEFT_OUT, CELLA_INVALID, "evidence: launcher: missing"},
    {"launcher", BYTES, CELLA_INVALID, "evidence: launcher: 3 bytes"},
    {"posture", LEFT_OUT, CELLA_INVALID, "evidence: posture: missing"},
    {"posture", ONE, CELLA_INVALID, "evidence: posture: must be"},
    {"posture", POSTURE_NUMBER, CELLA_INVALID, "evidence: posture: a value"},
    {"posture", POSTURE_LONG, CELLA_INVALID, "evidence: posture: a value"},
    {"colour", TEXT, CELLA_INVALID, "does not know"},
    {"tpm", TEXT, CELLA_INVALID, "does not know"},
    {"tpm", BYTES, CELLA_REFUSED, "certificate: expected a TPM's attestation key's"},
    {"posture", POSTURE_RESERVED, CELLA_INVALID, "posture: pcr_7: only a TPM's quote says this"},
    {"posture", POSTURE_PROOF, CELLA_INVALID, "posture: lockdown_proof: only a TPM's"},
};

static void test_payloads(void **state)
{
    (void)state;
    uint8_t root[32];
    cella_claims claims;
    cella_error error;
    size_t size;
    cella_verify_options options = good_options();
    assert_true(certificate_key_hash(forge.root, root));
    options.roots = (const uint8_t(*)[32]) & root;
    for (size_t i = 0; i <= sizeof(payloads) / sizeof(payloads[0]); i++) {
        bool last = i == sizeof(payloads) / sizeof(payloads[0]); /* as it should be */
        struct cbor_writer payload = {0};
        put_payload(&payload, last ? NULL : payloads[i].but, last ? LEFT_OUT : payloads[i].value);
        uint8_t *bytes = forged(forge.certificate, forge.root, forge.key, &payload, &size);
        cella_status status = cella_evidence_verify(bytes, size, &options, &claims, NULL, &error);
        if (status != (last ? CELLA_OK : payloads[i].status))
            fail_msg("%zu: status %d, %s", i, status, error.sentence);
        if (!last)
            assert_sentence(&error, payloads[i].sentence);
        free(bytes);
        cbor_drop(&payload);
    }
    expect_demand(&claims, "posture.seccomp", "true", NULL);
    expect_demand(&claims, "posture.seccomp", "false", "true");
}

static void expect_chain(X509 *first, X509 *second, EVP_PKEY *key, cella_refusal_kind kind,
                         const char *claim)
{
    uint8_t root[32];
    size_t size;
    struct cbor_writer payload = {0};
    cella_verify_options options = good_options();
    assert_true(certificate_key_hash(forge.root, root));
    options.roots = (const uint8_t(*)[32]) & root;
    put_payload(&payload, NULL, LEFT_OUT);
    uint8_t *bytes = forged(first, second, key, &payload, &size);
    expect(bytes, size, &options, kind, claim);
    free(bytes);
    cbor_drop(&payload);
}

/* A certificate with another extension in place of one (NULL: without it), signed by the root. */
static X509 *altered(X509 *from, int nid, const char *value)
{
    X509 *certificate = X509_dup(from);
    X509_EXTENSION *extension = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;
    X509_EXTENSION_free(X509_delete_ext(certificate, X509_get_ext_by_NID(certificate, nid, -1)));
    if (extension)
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    assert_true(X509_sign(certificate, forge.root_key, EVP_sha256()) > 0);
    X509_EXTENSION_free(extension);
    return certificate;
}

static void test_usages(void **state)
{
    (void)state;
    static const struct {
        int nid;
        const char *value;
        cella_refusal_kind kind;
    } usages[] = {
        {NID_key_usage, "critical,digitalSignature", CELLA_REFUSAL_NONE},
        {NID_key_usage, "critical,keyAgreement", CELLA_REFUSAL_ROOT},
        {NID_key_usage, "critical,digitalSignature,keyAgreement", CELLA_REFUSAL_ROOT},
        {NID_key_usage, NULL, CELLA_REFUSAL_ROOT},
        {NID_basic_constraints, "critical,CA:TRUE", CELLA_REFUSAL_ROOT},
    };
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        X509 *certificate = altered(forge.certificate, usages[i].nid, usages[i].value);
        expect_chain(certificate, forge.root, forge.key, usages[i].kind, "certificate");
        X509_free(certificate);
    }
    /* A root that vouches for itself as a platform. */
    X509 *first = altered(forge.root, NID_basic_constraints, "critical,CA:FALSE");
    X509 *both = altered(first, NID_key_usage, "critical,digitalSignature");
    expect_chain(both, both, forge.root_key, CELLA_REFUSAL_ROOT, "certificate");
    X509_free(first);
    X509_free(both);
}

static void test_chains(void **state)
{
    (void)state;
    EVP_PKEY *other_key = EVP_EC_gen("P-256");
    X509 *other_root = certificate_make(other_key, NULL, NULL);
    X509 *under_other = certificate_make(forge.key, other_root, other_key);
    X509 *alone = certificate_make(forge.key, NULL, NULL);
    X509 *below = certificate_make(other_key, forge.certificate, forge.key);
    /* The root's key, but in a certificate that may not sign others. */
    X509 *no_root = certificate_make(forge.root_key, other_root, other_key);
    expect_chain(forge.certificate, forge.root, forge.key, CELLA_REFUSAL_NONE, NULL);
    expect_chain(forge.certificate, forge.root, other_key, CELLA_REFUSAL_SIGNATURE, "signature");
    expect_chain(under_other, other_root, forge.key, CELLA_REFUSAL_ROOT, "root");
    expect_chain(under_other, forge.root, forge.key, CELLA_REFUSAL_ROOT, "certificate");
    expect_chain(alone, forge.root, forge.key, CELLA_REFUSAL_ROOT, "certificate");
    expect_chain(below, forge.root, other_key, CELLA_REFUSAL_ROOT, "certificate");
    expect_chain(forge.root, forge.root, forge.root_key, CELLA_REFUSAL_ROOT, "certificate");
    expect_chain(forge.root, forge.certificate, forge.root_key, CELLA_REFUSAL_ROOT, "root");
    expect_chain(forge.certificate, no_root, forge.key, CELLA_REFUSAL_ROOT, "certificate");
    X509_free(no_root);
    X509_free(below);
    X509_free(alone);
    X509_free(under_other);
    X509_free(other_root);
    EVP_PKEY_free(other_key);
}

/* ---- the platform's folder ---- */

static void path_of(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
}

static void test_folder(void **state)
{
    (void)state;
    cella_error error;
    struct stat facts;
    char path[128];
    static const char *const keys[] = {"root.key", "platform.key"};
    for (size_t i = 0; i < 2; i++) {
        path_of(keys[i], path);
        assert_int_equal(stat(path, &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0600);
    }
    /* What is there stays, and nothing is left beside it. */
    assert_int_equal(cella_platform_init(folder, &error), CELLA_REFUSED);
    assert_sentence(&error, "not overwritten");
    snprintf(path, sizeof(path), "ls %s/a | wc -l | grep -qx 1", base);
    assert_int_equal(system(path), 0);
    assert_int_equal(cella_platform_init("/proc/x/y", &error), CELLA_SYSTEM);
    /* An empty folder is taken; a file is not. */
    snprintf(path, sizeof(path), "%s/empty", base);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(cella_platform_init(path, &error), CELLA_OK);
    snprintf(path, sizeof(path), "%s/file", base);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(cella_platform_init(path, &error), CELLA_REFUSED);
}

static void expect_not_open(const char *where, cella_status status, const char *sentence)
{
    cella_platform *other;
    cella_error error = {0};
    assert_int_equal(cella_platform_open(where, &other, &error), status);
    assert_sentence(&error, sentence);
}

static void test_open(void **state)
{
    (void)state;
    char command[400], where[64], key[80];
    cella_error error;
    cella_platform *other;
    expect_not_open("/nonexistent", CELLA_INVALID, "cella platform init");
    snprintf(where, sizeof(where), "%s/other", base);
    assert_int_equal(cella_platform_init(where, &error), CELLA_OK);
    setenv("CELLA_PLATFORM", where, 1);
    assert_int_equal(cella_platform_open(NULL, &other, &error), CELLA_OK);
    assert_string_equal(cella_platform_folder(other), where);
    assert_non_null(strstr(cella_platform_subject(other), "CN=cella platform "));
    cella_platform_close(other);
    unsetenv("CELLA_PLATFORM");
    snprintf(key, sizeof(key), "%s/platform.key", where);
    chmod(key, 0640);
    expect_not_open(where, CELLA_REFUSED, "chmod 600");
    chmod(key, 0600);
    snprintf(command, sizeof(command), "cp %s/root.pem %s/root.pem", folder, where);
    assert_int_equal(system(command), 0);
    expect_not_open(where, CELLA_REFUSED, "would be refused");
    snprintf(command, sizeof(command), "cp %s/platform.pem %s/platform.pem", folder, where);
    assert_int_equal(system(command), 0);
    expect_not_open(where, CELLA_REFUSED, "signature");
    snprintf(command, sizeof(command), "cp %s/root.pem %s/platform.key", folder, where);
    assert_int_equal(system(command), 0);
    expect_not_open(where, CELLA_INVALID, "no private key");
    snprintf(command, sizeof(command), "cp %s/platform.key %s/; echo > %s/root.pem", folder, where,
             where);
    assert_int_equal(system(command), 0);
    expect_not_open(where, CELLA_INVALID, "root.pem: is no certificate");
}

/* A file's name in a log may be any bytes; a terminal and JSON would take them ill. */
static void test_found_is_plain(void **state)
{
    (void)state;
    cella_refusal refusal;
    cella_error error;
    assert_int_equal(refuse(&refusal, &error, CELLA_REFUSAL_TPM, "tpm.ima", "a", "/b\x1b[2J\xe9"),
                     CELLA_REFUSED);
    assert_string_equal(refusal.found, "/b?[2J?");
    assert_string_equal(error.sentence, "evidence: tpm.ima: expected a, found /b?[2J?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_found_is_plain),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_no_tpm),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_report_data),
        cmocka_unit_test(test_debug),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_reports),
        cmocka_unit_test_setup_teardown(test_payloads, set_up_forge, tear_down_forge),
        cmocka_unit_test_setup_teardown(test_chains, set_up_forge, tear_down_forge),
        cmocka_unit_test_setup_teardown(test_usages, set_up_forge, tear_down_forge),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
