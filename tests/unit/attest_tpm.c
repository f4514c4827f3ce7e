/* SPDX-License-Identifier: Apache-2.0
 *
 * TPM quotes: real ones and ones of a software TPM (tests/vectors/attest/tpm/cella), and each way
 * in which one can be malformed, altered, or not good enough.
 */
#include "tpm_test.h"

#include "attest/tpm/judge.h"
#include "image/base64.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#define CELLA "tpm/cella/"

static json_t *facts; /* of the fixtures */
static uint8_t nonce[32], ecdsa_key[32];

static int set_up(void **state)
{
    (void)state;
    facts = vector_json(CELLA "facts.json");
    const char *key = json_string_value(json_object_get(json_object_get(facts, "keys"), "ecdsa"));
    return hex_read(json_string_value(json_object_get(facts, "nonce")), nonce, 32) &&
                   hex_read(key, ecdsa_key, 32)
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(facts);
    return 0;
}

static cella_demands demands_of_cella(void)
{
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = json_integer_value(json_object_get(facts, "at"));
    demands.nonce = nonce;
    demands.nonce_size = sizeof(nonce);
    return demands;
}

static cella_verifier *new_verifier(bool root)
{
    cella_verifier *verifier;
    size_t size;
    assert_int_equal(cella_verifier_new(&verifier, NULL), CELLA_OK);
    if (!root)
        return verifier;
    uint8_t *bytes = vector(CELLA "root.pem", &size);
    assert_int_equal(cella_verifier_add_root(verifier, bytes, size, "root.pem", NULL), CELLA_OK);
    free(bytes);
    return verifier;
}

/* Judges and compares class and claim; *result (may be NULL): all of it. */
static void expect_bytes(cella_verifier *verifier, const cella_demands *demands,
                         const uint8_t *bytes, size_t size, const char *class, const char *claim,
                         json_t **result)
{
    json_t *json;
    uint8_t *exact = copy_of(bytes, size);
    const char *found = judge_bytes(verifier, demands, exact, size, &json);
    json_t *refusal = json_object_get(json, "refusal");
    const char *said = json_string_value(json_object_get(refusal, "claim"));
    if (strcmp(found, class) != 0 || (claim && *class && strcmp(said, claim) != 0))
        fail_msg("%s, %s expected: %s", class, claim ? claim : "", json_dumps(refusal, 0));
    if (result)
        *result = json;
    else
        json_decref(json);
    free(exact);
}

static void expect_json(cella_verifier *verifier, const cella_demands *demands,
                        const json_t *evidence, const char *class, const char *claim)
{
    char *text = json_dumps(evidence, JSON_COMPACT);
    expect_bytes(verifier, demands, (const uint8_t *)text, strlen(text), class, claim, NULL);
    free(text);
}

static void expect_vector(cella_verifier *verifier, const cella_demands *demands, const char *path,
                          const char *class, const char *claim, json_t **result)
{
    size_t size;
    uint8_t *bytes = vector(path, &size);
    expect_bytes(verifier, demands, bytes, size, class, claim, result);
    free(bytes);
}

static const json_t *at(const json_t *json, const char *first, const char *second)
{
    return json_object_get(json_object_get(json, first), second);
}

/* ---- good ones ---- */

static void accepts_trustee(void **state)
{
    (void)state;
    static const char path[] = "tpm/trustee/tpm_evidence.json";
    uint8_t key[32], asked[48];
    cella_demands demands;
    cella_verifier *verifier = new_verifier(false);
    json_t *json, *all = vector_json("tpm/expected.json");
    json_t *evidence = vector_json(path), *expected = json_object_get(all, path);
    const char *info = json_string_value(json_object_get(evidence, "ak_public"));
    uint8_t der[400];
    size_t size;
    assert_true(base64_read(BASE64, info, strlen(info), der, &size));
    SHA256(der, size, key);
    cella_demands_default(&demands);
    demands.at = 1748736000;
    demands.attestation_key = key;
    demands.nonce = asked;
    demands.nonce_size = sizeof(asked);
    char text[97] = "";
    strncat(text, json_string_value(at(expected, "attest", "nonce")), 96);
    assert_true(hex_read(text, asked, sizeof(asked)));
    expect_vector(verifier, &demands, path, "", NULL, &json);
    assert_has(json_object_get(json, "evidence"), expected, path);
    assert_int_equal(json_array_size(json_object_get(json, "warnings")), 1); /* of zeros */
    assert_string_equal(json_string_value(json_object_get(json, "type")), "tpm");
    json_decref(json);
    /* what vouches for the key has to be chosen */
    demands.attestation_key = NULL;
    expect_vector(verifier, &demands, path, "ANCHOR", "attestation key", &json);
    assert_non_null(strstr(json_string_value(at(json, "refusal", "advice")), "pinned"));
    json_decref(json);
    key[0] ^= 1;
    demands.attestation_key = key;
    expect_vector(verifier, &demands, path, "ANCHOR", "attestation key", NULL);
    key[0] ^= 1;
    demands.nonce_size--; /* then what follows it is not all zeros */
    expect_vector(verifier, &demands, path, "NONCE", "nonce", NULL);
    check_truncations(verifier, &demands, path);
    json_decref(evidence);
    json_decref(all);
    cella_verifier_free(verifier);
}

static void accepts_every_scheme(void **state)
{
    (void)state;
    static const char *const names[] = {"ecdsa", "ecdsa384", "rsassa", "rsapss"};
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[64];
        json_t *json;
        snprintf(path, sizeof(path), CELLA "%s.json", names[i]);
        expect_vector(verifier, &demands, path, "", NULL, &json);
        const json_t *claims = json_object_get(json, "claims");
        assert_string_equal(json_string_value(json_object_get(claims, "x-ms-attestation-type")),
                            "tpm");
        assert_string_equal(json_string_value(json_object_get(claims, "eat_nonce")),
                            json_string_value(json_object_get(facts, "nonce")));
        assert_string_equal(json_string_value(at(json, "evidence", "ak_name")),
                            json_string_value(at(facts, "names", names[i])));
        assert_string_equal(json_string_value(json_object_get(claims, "aikPubHash")),
                            json_string_value(at(facts, "keys", names[i])));
        assert_int_equal(json_object_size(at(claims, "tpm_pcrs", "sha256")), 17);
        assert_true(json_is_true(json_object_get(claims, "secureBootEnabled")));
        assert_true(json_is_true(json_object_get(claims, "kernel_command_lines_complete")));
        const json_t *lines = json_object_get(claims, "kernel_command_lines");
        assert_int_equal(json_array_size(lines), 1);
        assert_string_equal(json_string_value(json_array_get(lines, 0)),
                            "/vmlinuz root=/dev/vda1 ro lockdown=confidentiality ima_policy=tcb");
        assert_int_equal(json_integer_value(json_object_get(claims, "ima_entries")), 3);
        assert_int_equal(json_integer_value(json_object_get(claims, "ima_violations")), 0);
        assert_true(json_is_true(json_object_get(claims, "ima_boot_aggregate_quoted")));
        assert_int_equal(json_array_size(json_object_get(json, "warnings")), 1); /* no CRL */
        assert_false(revocation_checked(json));
        json_decref(json);
    }
    cella_verifier_free(verifier);
}

static void accepts_pinned(void **state)
{
    (void)state;
    json_t *json;
    cella_verifier *verifier = new_verifier(false);
    cella_demands demands = demands_of_cella();
    expect_vector(verifier, &demands, CELLA "pinned.json", "ANCHOR", "attestation key", NULL);
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "ANCHOR", "attestation key", NULL);
    demands.attestation_key = ecdsa_key;
    expect_vector(verifier, &demands, CELLA "pinned.json", "", NULL, &json);
    assert_null(at(json, "claims", "secureBootEnabled"));  /* no log */
    assert_null(at(json, "claims", "revocation_checked")); /* no certificate */
    assert_null(at(json, "claims", "ima_entries"));
    json_decref(json);
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "", NULL, NULL);
    expect_vector(verifier, &demands, CELLA "rsassa.json", "ANCHOR", "attestation key", NULL);
    cella_verifier_free(verifier);
}

/* A pin beside a root is a demand more, not one less. */
static void judges_pin_and_root(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    demands.attestation_key = ecdsa_key;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "", NULL, NULL);
    expect_vector(verifier, &demands, CELLA "rsassa.json", "ANCHOR", "attestation key", NULL);
    expect_vector(verifier, &demands, CELLA "pinned.json", "", NULL, NULL); /* no certificate */
    demands.at = 1;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "TIME", "AK certificate", NULL);
    cella_verifier_free(verifier);
    verifier = new_verifier(false);
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "", NULL, NULL);
    cella_verifier_free(verifier);
}

/* ---- demands ---- */

static void demands_a_nonce(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    uint8_t other[64] = {0};
    memcpy(other, nonce, 32);
    demands.nonce = other;
    other[31] ^= 1;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "NONCE", "nonce", NULL);
    other[31] ^= 1;
    demands.nonce_size = 33;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "NONCE", "nonce", NULL);
    demands.nonce_size = 31;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "NONCE", "nonce", NULL);
    demands.nonce = NULL;
    demands.nonce_size = 0;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "NONCE", "nonce", NULL);
    demands.insecure_any_nonce = true;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "", NULL, NULL);
    demands.report_data = other; /* a quote has none */
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "REPORT_DATA", "report_data", NULL);
    demands.report_data = NULL;
    demands.most_age = 60; /* a quote says no time */
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "TIME", "time", NULL);
    cella_verifier_free(verifier);
}

static void demands_no_sha1(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(false);
    cella_demands demands = demands_of_cella();
    demands.attestation_key = ecdsa_key;
    expect_vector(verifier, &demands, CELLA "sha1.json", "PCR", "pcrs", NULL);
    expect_vector(verifier, &demands, CELLA "both-banks.json", "PCR", "pcrs", NULL);
    demands.insecure_allow_sha1 = true;
    expect_vector(verifier, &demands, CELLA "sha1.json", "", NULL, NULL);
    json_t *json;
    expect_vector(verifier, &demands, CELLA "both-banks.json", "", NULL, &json);
    assert_int_equal(json_object_size(at(json, "claims", "tpm_pcrs")), 2);
    assert_int_equal(json_integer_value(at(json, "claims", "ima_entries")), 3);
    /* PCRs 1 to 6 and 9 are not quoted, so nothing is known of the boot aggregate */
    assert_true(json_is_false(at(json, "claims", "ima_boot_aggregate_quoted")));
    json_decref(json);
    cella_verifier_free(verifier);
}

static void demands_a_good_certificate(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json"), *other = vector_json(CELLA "rsassa.json");
    expect_vector(verifier, &demands, CELLA "ek-usage.json", "KEY", "AK certificate", NULL);
    expect_vector(verifier, &demands, CELLA "unrestricted.json", "KEY", "attestation key", NULL);
    json_object_set(evidence, "certificates", json_object_get(other, "certificates"));
    expect_json(verifier, &demands, evidence, "BINDING", "attestation key");
    json_object_del(evidence, "public"); /* then that certificate's key did not sign it */
    expect_json(verifier, &demands, evidence, "QUOTE_SIG", "signature");
    json_decref(evidence);
    json_decref(other);
    demands.at = 1;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "TIME", "AK certificate", NULL);
    cella_verifier_free(verifier);
    /* another's root */
    size_t size;
    uint8_t *pem = vector(CELLA "root.pem", &size);
    const uint8_t *text = pem;
    BIO *bio = BIO_new_mem_buf(text, (int)size);
    X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    uint8_t *der = NULL;
    assert_int_equal(X509_set_pubkey(root, key), 1);
    assert_true(X509_sign(root, key, EVP_sha256()) > 0);
    int der_size = i2d_X509(root, &der);
    verifier = new_verifier(false);
    assert_int_equal(cella_verifier_add_root(verifier, der, (size_t)der_size, "other", NULL),
                     CELLA_OK);
    demands = demands_of_cella();
    json_t *json;
    expect_vector(verifier, &demands, CELLA "ecdsa.json", "CHAIN", NULL, &json);
    json_decref(json);
    cella_verifier_free(verifier);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    X509_free(root);
    BIO_free(bio);
    free(pem);
}

/* ---- altered ones ---- */

/* A field's bytes, changed at one place. */
static json_t *flipped(const json_t *evidence, const char *field, size_t place, uint8_t xor)
{
    static uint8_t bytes[8192];
    static char text[BASE64_TEXT(sizeof(bytes))];
    size_t size;
    const char *old = json_string_value(json_object_get(evidence, field));
    assert_true(strlen(old) < sizeof(text));
    assert_true(base64_read(BASE64, old, strlen(old), bytes, &size));
    if (place >= size)
        return NULL;
    bytes[place] ^= xor;
    json_t *copy = json_deep_copy(evidence);
    json_object_set_new(copy, field, json_string(base64_write(BASE64, bytes, size, text)));
    return copy;
}

static bool is_one_of(const char *class, const char *classes)
{
    return *class && strstr(classes, class);
}

/* Every byte of a field matters. `same`: or it is accepted, as of the same key. */
static void check_flips(const char *path, const char *field, bool same, const char *classes)
{
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(path), *changed, *json;
    for (size_t i = 0; (changed = flipped(evidence, field, i, 0x01)); i++) {
        char *text = json_dumps(changed, JSON_COMPACT);
        const char *class =
            judge_bytes(verifier, &demands, (const uint8_t *)text, strlen(text), &json);
        if (!is_one_of(class, classes) && !(same && !*class))
            fail_msg("%s, byte %zu of %s: \"%s\"", path, i, field, class);
        if (!*class)
            assert_string_equal(json_string_value(at(json, "claims", "aikPubHash")),
                                json_string_value(at(facts, "keys", "ecdsa")));
        json_decref(json);
        free(text);
        json_decref(changed);
    }
    json_decref(evidence);
    cella_verifier_free(verifier);
}

static void notices_changes(void **state)
{
    (void)state;
    check_flips(CELLA "ecdsa.json", "attest", false, "QUOTE_SIG PARSE UNSUPPORTED");
    check_flips(CELLA "rsapss.json", "attest", false, "QUOTE_SIG PARSE UNSUPPORTED");
    check_flips(CELLA "ecdsa.json", "signature", false, "QUOTE_SIG PARSE UNSUPPORTED");
    check_flips(CELLA "ecdsa384.json", "signature", false, "QUOTE_SIG PARSE UNSUPPORTED");
    check_flips(CELLA "rsassa.json", "signature", false, "QUOTE_SIG PARSE UNSUPPORTED");
    check_flips(CELLA "rsapss.json", "signature", false, "QUOTE_SIG PARSE UNSUPPORTED");
    check_flips(CELLA "ecdsa.json", "public", true, "QUOTE_SIG PARSE UNSUPPORTED KEY BINDING");
}

/* Digests of events are covered by the quote; types and texts are believed for nothing. */
static void notices_changed_logs(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json"), *changed, *json;
    size_t accepted = 0;
    for (size_t i = 0; (changed = flipped(evidence, "event_log", i, 0x01)); i++) {
        char *text = json_dumps(changed, JSON_COMPACT);
        const char *class =
            judge_bytes(verifier, &demands, (const uint8_t *)text, strlen(text), &json);
        if (*class && !is_one_of(class, "LOG PARSE"))
            fail_msg("byte %zu: \"%s\"", i, class);
        const json_t *claims = json_object_get(json, "claims");
        if (!*class) {
            accepted++;
            const json_t *lines = json_object_get(claims, "kernel_command_lines");
            bool complete = json_is_true(json_object_get(claims, "kernel_command_lines_complete"));
            assert_false(json_is_false(json_object_get(claims, "secureBootEnabled")));
            assert_true(!complete || json_array_size(lines) == 1);
            for (size_t n = 0; n < json_array_size(lines); n++)
                assert_non_null(strstr(json_string_value(json_array_get(lines, n)),
                                       "lockdown=confidentiality"));
        }
        json_decref(json);
        free(text);
        json_decref(changed);
    }
    assert_true(accepted < 700); /* of 1271: texts, types, and digests of SHA-1 */
    for (size_t i = 0; (changed = flipped(evidence, "ima_log", i, 0x01)); i++) {
        char *text = json_dumps(changed, JSON_COMPACT);
        const char *class =
            judge_bytes(verifier, &demands, (const uint8_t *)text, strlen(text), NULL);
        if (!is_one_of(class, "LOG PARSE UNSUPPORTED"))
            fail_msg("IMA, byte %zu: \"%s\"", i, class);
        free(text);
        json_decref(changed);
    }
    json_decref(evidence);
    cella_verifier_free(verifier);
}

static void notices_changed_pcrs(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json"), *copy = json_deep_copy(evidence);
    json_t *bank = json_object_get(json_object_get(copy, "pcrs"), "sha256");
    char zeros[65];
    memset(zeros, '0', 64);
    zeros[64] = 0;
    json_object_set_new(bank, "0", json_string(zeros));
    expect_json(verifier, &demands, copy, "PCR", "pcrs");
    json_object_del(bank, "0");
    expect_json(verifier, &demands, copy, "PARSE", "pcrs"); /* quoted, but not given */
    json_object_set(bank, "0", json_object_get(at(evidence, "pcrs", "sha256"), "0"));
    expect_json(verifier, &demands, copy, "", NULL);
    json_object_set_new(bank, "17", json_string(zeros));
    expect_json(verifier, &demands, copy, "PARSE", "pcrs"); /* given, but not quoted */
    json_object_del(bank, "17");
    json_object_set_new(bank, "24", json_string(zeros));
    expect_json(verifier, &demands, copy, "PARSE", "quote");
    json_object_del(bank, "24");
    json_object_set_new(bank, "00", json_string(zeros));
    expect_json(verifier, &demands, copy, "PARSE", "quote");
    json_object_del(bank, "00");
    json_object_set_new(json_object_get(copy, "pcrs"), "sha384", json_object());
    expect_json(verifier, &demands, copy, "PARSE", "pcrs");
    json_object_del(json_object_get(copy, "pcrs"), "sha384");
    json_object_set_new(json_object_get(copy, "pcrs"), "md5", json_object());
    expect_json(verifier, &demands, copy, "UNSUPPORTED", "quote");
    json_decref(copy);
    json_decref(evidence);
    cella_verifier_free(verifier);
}

/* ---- logs ---- */

static void notices_other_logs(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json");
    size_t size;
    static char text[200000];
    /* another machine's */
    uint8_t *bytes = vector("eventlog/go-eventlog/cos-101-amd-sev.bin", &size);
    json_object_set_new(evidence, "event_log",
                        json_string(base64_write(BASE64, bytes, size, text)));
    expect_json(verifier, &demands, evidence, "LOG", "PCR 0 (sha256)");
    free(bytes);
    /* one of SHA-1 alone */
    bytes = vector("eventlog/go-eventlog/debian-10.bin", &size);
    json_object_set_new(evidence, "event_log",
                        json_string(base64_write(BASE64, bytes, size, text)));
    expect_json(verifier, &demands, evidence, "LOG", "event log");
    free(bytes);
    /* one that was cut: the last event, of PCR 9, then the two of PCR 8, then a separator */
    bytes = vector(CELLA "event_log", &size);
    static const struct {
        size_t less;
        const char *class, *claim;
    } cuts[] = {{1, "PARSE", "event log"}, {79 + 1, "PARSE", "event log"}};
    for (size_t i = 0; i < 2; i++) {
        json_object_set_new(evidence, "event_log",
                            json_string(base64_write(BASE64, bytes, size - cuts[i].less, text)));
        expect_json(verifier, &demands, evidence, cuts[i].class, cuts[i].claim);
    }
    free(bytes);
    json_object_set_new(evidence, "event_log", json_string(""));
    expect_json(verifier, &demands, evidence, "PARSE", "event log");
    json_object_del(evidence, "event_log");
    expect_json(verifier, &demands, evidence, "", NULL);
    bytes = vector("ima/keylime/measurements.txt", &size);
    json_object_set_new(evidence, "ima_log", json_string(base64_write(BASE64, bytes, size, text)));
    expect_json(verifier, &demands, evidence, "LOG", "IMA log");
    free(bytes);
    json_decref(evidence);
    /* PCR 10 went on, and the log does not tell how */
    demands.attestation_key = ecdsa_key;
    expect_vector(verifier, &demands, CELLA "after.json", "LOG", "IMA log", NULL);
    /* a PCR that boot_aggregate is of was another when IMA started */
    expect_vector(verifier, &demands, CELLA "reset.json", "LOG", "boot_aggregate", NULL);
    cella_verifier_free(verifier);
}

/* Every event that is cut from the end is missed: its PCR is quoted. */
static void notices_cut_logs(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json");
    size_t size;
    char text[4096];
    uint8_t *bytes = vector(CELLA "event_log", &size);
    size_t accepted = 0;
    for (size_t cut = 0; cut < size; cut++) {
        json_object_set_new(evidence, "event_log",
                            json_string(base64_write(BASE64, bytes, cut, text)));
        char *json = json_dumps(evidence, JSON_COMPACT);
        const char *class =
            judge_bytes(verifier, &demands, (const uint8_t *)json, strlen(json), NULL);
        accepted += !*class;
        if (*class && !is_one_of(class, "LOG PARSE"))
            fail_msg("%zu bytes: \"%s\"", cut, class);
        free(json);
    }
    /* without its one event PCR 9 is in no log, which is said; without those of PCR 8 it is, too */
    assert_int_equal(accepted, 2);
    free(bytes);
    json_decref(evidence);
    cella_verifier_free(verifier);
}

static void finds_logs_in_collateral(void **state)
{
    (void)state;
    json_t *json;
    cella_verifier *verifier = new_verifier(false);
    cella_demands demands = demands_of_cella();
    demands.attestation_key = ecdsa_key;
    add_vector(verifier, "tdx/gcp-cos113/ccel_data.bin"); /* of no TPM */
    expect_vector(verifier, &demands, CELLA "pinned.json", "", NULL, NULL);
    add_vector(verifier, "eventlog/go-eventlog/cos-101-amd-sev.bin");
    expect_vector(verifier, &demands, CELLA "pinned.json", "LOG", "PCR 0 (sha256)", NULL);
    add_vector(verifier, CELLA "event_log");
    add_vector(verifier, "ima/keylime/measurements.txt");
    expect_vector(verifier, &demands, CELLA "pinned.json", "LOG", "IMA log", NULL);
    add_vector(verifier, CELLA "ima_log");
    expect_vector(verifier, &demands, CELLA "pinned.json", "", NULL, &json);
    assert_true(json_is_true(at(json, "claims", "secureBootEnabled")));
    assert_int_equal(json_integer_value(at(json, "claims", "ima_entries")), 3);
    json_decref(json);
    /* what is no log, and what is a broken one */
    size_t size;
    cella_error error;
    uint8_t *bytes = vector(CELLA "event_log", &size);
    assert_int_equal(cella_verifier_add(verifier, bytes, size - 1, "cut", &error), CELLA_INVALID);
    assert_sentence(&error, "cut: event log");
    free(bytes);
    bytes = vector("ima/keylime/ima-log-unknown", &size);
    assert_int_equal(cella_verifier_add(verifier, bytes, size, "ima", &error), CELLA_INVALID);
    free(bytes);
    assert_int_equal(cella_verifier_add(verifier, (const uint8_t *)"nothing", 7, "x", &error),
                     CELLA_UNSUPPORTED);
    static const uint8_t zeros[64];
    assert_int_equal(cella_verifier_add(verifier, zeros, sizeof(zeros), "x", &error),
                     CELLA_UNSUPPORTED);
    add_vector(verifier, "eventlog/go-eventlog/debian-10.bin");
    cella_verifier_free(verifier);
}

/* ---- malformed ones ---- */

static void refuses_malformed_documents(void **state)
{
    (void)state;
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json");
    static const char *const required[] = {"attest", "signature", "pcrs"};
    static const char *const texts[] = {"attest", "signature", "public", "event_log", "ima_log"};
    demands.type = "tpm";
    for (size_t i = 0; i < 3; i++) {
        json_t *copy = json_deep_copy(evidence);
        json_object_del(copy, required[i]);
        expect_json(verifier, &demands, copy, "PARSE", "quote");
        json_decref(copy);
    }
    for (size_t i = 0; i < 5; i++) {
        json_t *copy = json_deep_copy(evidence);
        json_object_set_new(copy, texts[i], json_string("a"));
        expect_json(verifier, &demands, copy, "PARSE", "quote");
        json_object_set_new(copy, texts[i], json_integer(1));
        expect_json(verifier, &demands, copy, "PARSE", "quote");
        json_decref(copy);
    }
    json_t *copy = json_deep_copy(evidence);
    json_object_set_new(copy, "more", json_true());
    expect_json(verifier, &demands, copy, "PARSE", "quote");
    json_object_del(copy, "more");
    json_object_set_new(copy, "certificates", json_array());
    expect_json(verifier, &demands, copy, "PARSE", "quote");
    json_object_set_new(copy, "certificates", json_pack("[s]", "AAAA"));
    expect_json(verifier, &demands, copy, "PARSE", "quote");
    json_object_del(copy, "certificates");
    json_object_del(copy, "public");
    expect_json(verifier, &demands, copy, "PARSE", "quote");
    json_decref(copy);
    static const char *const raw[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"attest\":\"\",\"attest\":\"\"}",
                                      "{\"tpm_quote\":1}",
                                      "{\"tpm_quote\":{},\"ak_public\":\"\"}"};
    for (size_t i = 0; i < sizeof(raw) / sizeof(*raw); i++)
        expect_bytes(verifier, &demands, (const uint8_t *)raw[i], strlen(raw[i]), "PARSE", "quote",
                     NULL);
    json_decref(evidence);
    check_truncations(verifier, &demands, CELLA "pinned.json");
    cella_verifier_free(verifier);
}

/* ---- structures ---- */

struct bytes {
    uint8_t bytes[1024];
    size_t size;
};

static struct bytes field_of(const char *path, const char *field)
{
    struct bytes bytes;
    json_t *evidence = vector_json(path);
    const char *text = json_string_value(json_object_get(evidence, field));
    assert_true(strlen(text) / 4 * 3 + 3 <= sizeof(bytes.bytes));
    assert_true(base64_read(BASE64, text, strlen(text), bytes.bytes, &bytes.size));
    json_decref(evidence);
    return bytes;
}

/* No part of a structure is one, nor is one with a byte more. */
static void survives_truncation(void **state)
{
    (void)state;
    struct bytes attest = field_of(CELLA "ecdsa.json", "attest");
    struct bytes signature = field_of(CELLA "ecdsa.json", "signature");
    struct bytes rsa = field_of(CELLA "rsapss.json", "signature");
    struct bytes publics[] = {field_of(CELLA "ecdsa.json", "public"),
                              field_of(CELLA "rsassa.json", "public")};
    struct tpm_attest one;
    struct tpm_signature two;
    struct tpm_public three;
    for (size_t size = 0; size <= 1000; size++) {
        uint8_t *part = copy_of(attest.bytes, size);
        assert_true(tpm_attest_read(part, size, &one, NULL) == CELLA_OK || size != attest.size);
        assert_true(tpm_attest_read(part, size, &one, NULL) != CELLA_OK || size == attest.size);
        free(part);
        part = copy_of(signature.bytes, size);
        assert_true((tpm_signature_read(part, size, &two, NULL) == CELLA_OK) ==
                    (size == signature.size));
        free(part);
        part = copy_of(rsa.bytes, size);
        assert_true((tpm_signature_read(part, size, &two, NULL) == CELLA_OK) == (size == rsa.size));
        free(part);
        for (size_t i = 0; i < 2; i++) {
            part = copy_of(publics[i].bytes, size);
            cella_status status = tpm_public_read(part, size, &three, NULL);
            assert_true((status == CELLA_OK) == (size == publics[i].size));
            assert_true(status == CELLA_OK || three.key == NULL);
            EVP_PKEY_free(three.key);
            free(part);
            /* a TPMT_PUBLIC is the same without its size */
            part = copy_of(publics[i].bytes + 2, size);
            status = tpm_public_read(part, size, &three, NULL);
            assert_true((status == CELLA_OK) == (size == publics[i].size - 2));
            EVP_PKEY_free(three.key);
            free(part);
        }
    }
}

static void refuses_malformed_quotes(void **state)
{
    (void)state;
    struct bytes good = field_of(CELLA "ecdsa.json", "attest"), bad;
    struct tpm_attest attest;
    cella_error error;
    assert_int_equal(tpm_attest_read(good.bytes, good.size, &attest, &error), CELLA_OK);
    size_t selection = good.size - 34 - 6; /* algorithm, size, three bytes; then the digest */
    static const struct {
        size_t from_selection; /* or from the start, where it is less than 0 */
        uint8_t value;
        cella_status status;
        const char *sentence;
    } cases[] = {
        {0, 0x12, CELLA_UNSUPPORTED, "algorithm 0x120b"},
        {2, 5, CELLA_INVALID, "5 bytes"},
        {3, 0, CELLA_OK, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bad = good;
        bad.bytes[selection + cases[i].from_selection] = cases[i].value;
        cella_error said = {0};
        assert_int_equal(tpm_attest_read(bad.bytes, bad.size, &attest, &said), cases[i].status);
        assert_sentence(&said, cases[i].sentence);
    }
    bad = good;
    bad.bytes[0] = 0;
    assert_int_equal(tpm_attest_read(bad.bytes, bad.size, &attest, &error), CELLA_INVALID);
    assert_sentence(&error, "begins with 00544347");
    bad = good;
    bad.bytes[5] = 0x17;
    assert_int_equal(tpm_attest_read(bad.bytes, bad.size, &attest, &error), CELLA_UNSUPPORTED);
    assert_sentence(&error, "type 0x8017");
    /* PCRs that there are not, too many banks */
    static const uint8_t beyond[] = {0, 0, 0, 1, 0, 0x0b, 4, 1, 0, 0, 1, 0, 0};
    static const uint8_t many[] = {0, 0, 0, 9, 0, 0};
    static const struct {
        const uint8_t *bytes;
        size_t size;
        const char *sentence;
    } tails[] = {{beyond, sizeof(beyond), "PCRs beyond 23"}, {many, sizeof(many), "9 banks"}};
    for (size_t i = 0; i < 2; i++) {
        bad = good;
        bad.size = selection - 4;
        memcpy(bad.bytes + bad.size, tails[i].bytes, tails[i].size);
        bad.size += tails[i].size;
        assert_int_equal(tpm_attest_read(bad.bytes, bad.size, &attest, &error), CELLA_INVALID);
        assert_sentence(&error, tails[i].sentence);
    }
}

/* A bank that is asked for twice: the digest is of what was asked for, in that order. */
static void takes_a_bank_twice(void **state)
{
    (void)state;
    const struct tpm_hash *hash = tpm_hash(TPM_SHA256);
    struct tpm_attest attest = {.selections = {{hash, 6}, {hash, 3}}, .count = 2};
    struct tpm_pcrs pcrs = {.count = 0};
    struct tpm_bank *bank = tpm_bank_add(&pcrs, hash);
    uint8_t all[4 * 32], digest[32];
    cella_error error = {0};
    static const size_t order[] = {1, 2, 0, 1};
    for (size_t i = 0; i < 4; i++) {
        memset(bank->values[order[i]], (int)order[i] + 1, 32);
        memset(all + 32 * i, (int)order[i] + 1, 32);
    }
    SHA256(all, sizeof(all), digest);
    attest.digest = (struct tpm_bytes){digest, 32};
    bank->given = 7;
    assert_int_equal(tpm_quote_pcrs(&attest, hash, &pcrs, &error), CELLA_OK);
    bank->given = 6;
    assert_int_equal(tpm_quote_pcrs(&attest, hash, &pcrs, &error), CELLA_INVALID);
    assert_sentence(&error, "PCR 0 of sha256 is quoted, but not given");
    bank->given = 15;
    assert_int_equal(tpm_quote_pcrs(&attest, hash, &pcrs, &error), CELLA_INVALID);
    assert_sentence(&error, "PCR 3 of sha256 is given, but not quoted");
    bank->given = 7;
    tpm_bank_add(&pcrs, tpm_hash(TPM_SHA384));
    assert_int_equal(tpm_quote_pcrs(&attest, hash, &pcrs, &error), CELLA_INVALID);
    assert_sentence(&error, "of a bank that is not quoted");
    /* as it is read */
    static const uint8_t twice[] = {0, 0, 0, 2, 0, 0x0b, 1, 1, 0, 0x0b, 1, 2, 0, 0};
    struct bytes good = field_of(CELLA "ecdsa.json", "attest");
    good.size -= 34 + 6 + 4;
    memcpy(good.bytes + good.size, twice, sizeof(twice));
    good.size += sizeof(twice);
    assert_int_equal(tpm_attest_read(good.bytes, good.size, &attest, &error), CELLA_OK);
    assert_int_equal(attest.count, 2);
    assert_int_equal(attest.selections[1].pcrs, 2);
}

/* As it stands in an NV index: filled up. */
static void takes_filled_certificates(void **state)
{
    (void)state;
    static const struct {
        size_t zeros, ones;
        bool good;
    } rows[] = {{0, 0, true}, {4000, 0, true}, {0, 4000, true}, {1, 1, false}, {1, 0, true}};
    static uint8_t bytes[8192];
    char text[16384];
    cella_verifier *verifier = new_verifier(true);
    cella_demands demands = demands_of_cella();
    json_t *evidence = vector_json(CELLA "ecdsa.json"), *one;
    one = json_array_get(json_object_get(evidence, "certificates"), 0);
    BIO *bio = BIO_new_mem_buf(json_string_value(one), -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(certificate);
    uint8_t *to = bytes;
    size_t size = (size_t)i2d_X509(certificate, &to);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(bytes + size, 0, rows[i].zeros);
        memset(bytes + size + rows[i].zeros, 0xff, rows[i].ones);
        base64_write(BASE64, bytes, size + rows[i].zeros + rows[i].ones, text);
        json_array_set_new(json_object_get(evidence, "certificates"), 0, json_string(text));
        expect_json(verifier, &demands, evidence, rows[i].good ? "" : "PARSE", NULL);
    }
    X509_free(certificate);
    BIO_free(bio);
    json_decref(evidence);
    cella_verifier_free(verifier);
}

static void refuses_other_signatures(void **state)
{
    (void)state;
    struct bytes bytes = field_of(CELLA "ecdsa.json", "signature");
    struct bytes attest = field_of(CELLA "ecdsa.json", "attest");
    struct bytes rsa = field_of(CELLA "rsassa.json", "signature");
    struct bytes rsa_attest = field_of(CELLA "rsassa.json", "attest");
    struct bytes public_area = field_of(CELLA "ecdsa.json", "public");
    struct bytes rsa_public = field_of(CELLA "rsassa.json", "public");
    struct tpm_signature signature, good;
    struct tpm_public ecc, other;
    static const uint8_t zeros[33],
        order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
                     0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                     0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    assert_int_equal(tpm_public_read(public_area.bytes, public_area.size, &ecc, NULL), CELLA_OK);
    assert_int_equal(tpm_public_read(rsa_public.bytes, rsa_public.size, &other, NULL), CELLA_OK);
    assert_int_equal(tpm_signature_read(bytes.bytes, bytes.size, &good, NULL), CELLA_OK);
    assert_true(tpm_quote_signed(&good, ecc.key, attest.bytes, attest.size));
    const struct tpm_bytes bad[] = {{zeros, 0}, {zeros, 32}, {zeros, 33}, {order, 32}, good.s};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        signature = good;
        signature.r = bad[i];
        assert_false(tpm_quote_signed(&signature, ecc.key, attest.bytes, attest.size));
        signature.s = i == 4 ? good.r : good.s; /* r and s swapped */
        assert_false(tpm_quote_signed(&signature, ecc.key, attest.bytes, attest.size));
        signature = good;
        signature.s = i == 4 ? good.r : bad[i];
        assert_false(tpm_quote_signed(&signature, ecc.key, attest.bytes, attest.size));
    }
    /* r with a zero before it is longer than the curve's order */
    uint8_t longer[33] = {0};
    memcpy(longer + 1 + 32 - good.r.size, good.r.bytes, good.r.size);
    signature = good;
    signature.r = (struct tpm_bytes){longer, 33};
    assert_false(tpm_quote_signed(&signature, ecc.key, attest.bytes, attest.size));
    signature.r = (struct tpm_bytes){longer + 1, 32};
    assert_true(tpm_quote_signed(&signature, ecc.key, attest.bytes, attest.size));
    /* SHA-1 is never good, nor is a key of another kind, or RSA of another scheme or size */
    signature = good;
    signature.hash = tpm_hash(TPM_SHA1);
    assert_false(tpm_quote_signed(&signature, ecc.key, attest.bytes, attest.size));
    assert_false(tpm_quote_signed(&good, other.key, attest.bytes, attest.size));
    assert_int_equal(tpm_signature_read(rsa.bytes, rsa.size, &good, NULL), CELLA_OK);
    assert_true(tpm_quote_signed(&good, other.key, rsa_attest.bytes, rsa_attest.size));
    assert_false(tpm_quote_signed(&good, ecc.key, rsa_attest.bytes, rsa_attest.size));
    signature = good;
    signature.scheme = TPM_RSAPSS;
    assert_false(tpm_quote_signed(&signature, other.key, rsa_attest.bytes, rsa_attest.size));
    signature = good;
    signature.rsa.size--;
    assert_false(tpm_quote_signed(&signature, other.key, rsa_attest.bytes, rsa_attest.size));
    EVP_PKEY_free(ecc.key);
    EVP_PKEY_free(other.key);
    /* schemes and hashes that are not known */
    cella_error error;
    struct bytes changed = bytes;
    changed.bytes[1] = 0x1a; /* ECDAA */
    assert_int_equal(tpm_signature_read(changed.bytes, changed.size, &signature, &error),
                     CELLA_UNSUPPORTED);
    changed = bytes;
    changed.bytes[3] = 0x7f;
    assert_int_equal(tpm_signature_read(changed.bytes, changed.size, &signature, &error),
                     CELLA_UNSUPPORTED);
}

static void refuses_other_keys(void **state)
{
    (void)state;
    uint8_t number[600] = {0x80};
    static const uint8_t one[32] = {1};
    number[255] = 1; /* odd */
    EVP_PKEY *key = tpm_rsa_key(number, 256, 65537);
    assert_non_null(key);
    EVP_PKEY_free(key);
    assert_null(tpm_rsa_key(number, 256, 3));
    assert_null(tpm_rsa_key(number, 256, 65536));
    number[255] = 2;
    assert_null(tpm_rsa_key(number, 256, 65537));
    number[127] = number[599] = 1;
    assert_null(tpm_rsa_key(number, 128, 65537));       /* 1024 bits */
    assert_null(tpm_rsa_key(number, 600, 65537));       /* 4800 */
    assert_null(tpm_ecc_key(0x0003, one, 32, one, 32)); /* not on the curve */
    assert_null(tpm_ecc_key(0x0003, one, 0, one, 0));
    assert_null(tpm_ecc_key(0x0003, number, 33, one, 32));
    assert_null(tpm_ecc_key(0x0010, one, 32, one, 32)); /* BN P-256 */
    /* the same curve with its parameters written out */
    EVP_PKEY *named = EVP_EC_gen("P-256"), *written = NULL;
    assert_true(tpm_key_taken(named));
    assert_int_equal(EVP_PKEY_set_utf8_string_param(named, "encoding", "explicit"), 1);
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(named, &der);
    const uint8_t *end = der;
    assert_true(size > 200);
    written = d2i_PUBKEY(NULL, &end, size);
    assert_non_null(written);
    assert_false(tpm_key_taken(written));
    EVP_PKEY_free(written);
    EVP_PKEY_free(named);
    OPENSSL_free(der);
    EVP_PKEY *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_false(tpm_key_taken(edwards));
    EVP_PKEY_free(edwards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_trustee),
        cmocka_unit_test(accepts_every_scheme),
        cmocka_unit_test(accepts_pinned),
        cmocka_unit_test(judges_pin_and_root),
        cmocka_unit_test(demands_a_nonce),
        cmocka_unit_test(demands_no_sha1),
        cmocka_unit_test(demands_a_good_certificate),
        cmocka_unit_test(notices_changes),
        cmocka_unit_test(notices_changed_logs),
        cmocka_unit_test(notices_changed_pcrs),
        cmocka_unit_test(notices_other_logs),
        cmocka_unit_test(notices_cut_logs),
        cmocka_unit_test(finds_logs_in_collateral),
        cmocka_unit_test(refuses_malformed_documents),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(refuses_malformed_quotes),
        cmocka_unit_test(takes_a_bank_twice),
        cmocka_unit_test(takes_filled_certificates),
        cmocka_unit_test(refuses_other_signatures),
        cmocka_unit_test(refuses_other_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
