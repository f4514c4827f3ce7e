/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements and releases: what is released is what is opened, and a release for another contract,
 * enclave, party, nonce or time, or altered anywhere, opens nothing.
 */
#include "attest_test.h"

#include "attest/cose.h"
#include "attest/release.h"
#include "box/hpke.h"

#include <stdio.h>

#define NOW 1800000000

static struct cella_statement statement;
static uint8_t hpke_secret[32], signing_secret[32], signing_key[32];

static void public_of(const uint8_t secret[32], uint8_t public_key[32])
{
    size_t size = 32;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, public_key, &size), 1);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    (void)state;
    memset(statement.contract, 1, 32);
    strcpy(statement.party, "north");
    memset(statement.nonce, 2, 32);
    memset(statement.signing, 3, 32);
    memset(signing_secret, 4, 32);
    public_of(signing_secret, signing_key);
    return hpke_generate(hpke_secret, statement.hpke) ? 0 : -1;
}

static struct cella_release some_release(void)
{
    static const struct cella_release release = {
        .not_after = NOW,
        .input_count = 2,
        .inputs = {{"rotterdam", {5}, {6}}, {"lab", {7}, {8}}},
        .parameter_count = 5,
        .parameters = {{"days", CELLA_PARAMETER_INTEGER, 1095, 0, ""},
                       {"shift", CELLA_PARAMETER_INTEGER, INT64_MIN, 0, ""},
                       {"level", CELLA_PARAMETER_REAL, 0, 0.95, ""},
                       {"unit", CELLA_PARAMETER_TEXT, 0, 0, "mg/l"},
                       {"none", CELLA_PARAMETER_TEXT, 0, 0, ""}}};
    return release;
}

static uint8_t *make(const struct cella_release *release, size_t *size)
{
    uint8_t *bytes;
    cella_error error;
    cella_status status =
        cella_release_make(release, &statement, signing_secret, &bytes, size, &error);
    if (status)
        fail_msg("%s", error.sentence);
    return bytes;
}

static const struct cella_release_input *find_input(const struct cella_release *release,
                                                    const char *name)
{
    for (size_t i = 0; i < release->input_count; i++)
        if (strcmp(release->inputs[i].name, name) == 0)
            return &release->inputs[i];
    fail_msg("no %s", name);
    return NULL;
}

static const struct cella_release_parameter *find_parameter(const struct cella_release *release,
                                                            const char *name)
{
    for (size_t i = 0; i < release->parameter_count; i++)
        if (strcmp(release->parameters[i].name, name) == 0)
            return &release->parameters[i];
    fail_msg("no %s", name);
    return NULL;
}

static void test_good(void **state)
{
    (void)state;
    struct cella_release release = some_release(), opened;
    cella_error error;
    size_t size;
    uint8_t *bytes = make(&release, &size);
    assert_int_equal(
        cella_release_open(bytes, size, &statement, hpke_secret, signing_key, NOW, &opened, &error),
        CELLA_OK);
    assert_int_equal(opened.not_after, NOW);
    assert_int_equal(opened.input_count, 2);
    assert_memory_equal(find_input(&opened, "rotterdam"), &release.inputs[0],
                        sizeof(release.inputs[0]));
    assert_memory_equal(find_input(&opened, "lab"), &release.inputs[1], sizeof(release.inputs[0]));
    assert_int_equal(opened.parameter_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_memory_equal(find_parameter(&opened, release.parameters[i].name),
                            &release.parameters[i], sizeof(release.parameters[0]));
    free(bytes);
    /* Nothing to give is a release too; a party may have consented alone. */
    release.input_count = release.parameter_count = 0;
    bytes = make(&release, &size);
    assert_int_equal(
        cella_release_open(bytes, size, &statement, hpke_secret, signing_key, 0, &opened, &error),
        CELLA_OK);
    assert_int_equal(opened.input_count + opened.parameter_count, 0);
    free(bytes);
    /* As much as there may be. */
    release.input_count = release.parameter_count = RELEASE_LIST;
    for (size_t i = 0; i < RELEASE_LIST; i++) {
        snprintf(release.inputs[i].name, sizeof(release.inputs[i].name), "%063zu", i);
        release.parameters[i] = (struct cella_release_parameter){.kind = CELLA_PARAMETER_TEXT};
        snprintf(release.parameters[i].name, sizeof(release.inputs[i].name), "p%zu", i);
        memset(release.parameters[i].text, 'x', RELEASE_TEXT);
    }
    bytes = make(&release, &size);
    assert_int_equal(
        cella_release_open(bytes, size, &statement, hpke_secret, signing_key, NOW, &opened, &error),
        CELLA_OK);
    assert_int_equal(opened.input_count, RELEASE_LIST);
    assert_int_equal(strlen(find_parameter(&opened, "p63")->text), RELEASE_TEXT);
    free(bytes);
}

static void expect(const uint8_t *bytes, size_t size, const struct cella_statement *to,
                   const uint8_t secret[32], const uint8_t party[32], int64_t now,
                   cella_status status, const char *sentence)
{
    static const struct cella_release none;
    struct cella_release opened;
    cella_error error = {0};
    memset(&opened, 1, sizeof(opened));
    cella_status found = cella_release_open(bytes, size, to, secret, party, now, &opened, &error);
    if (found != status)
        fail_msg("status %d: %s", found, error.sentence);
    assert_sentence(&error, sentence);
    assert_memory_equal(&opened, &none, sizeof(none));
}

static void test_for_another(void **state)
{
    (void)state;
    struct cella_release release = some_release();
    size_t size;
    uint8_t *bytes = make(&release, &size);
    uint8_t other[32], other_public[32];
    struct cella_statement wrong = statement;
    wrong.contract[31] ^= 1;
    expect(bytes, size, &wrong, hpke_secret, signing_key, NOW, CELLA_REFUSED,
           "release: contract: expected 01");
    wrong = statement;
    strcpy(wrong.party, "south");
    expect(bytes, size, &wrong, hpke_secret, signing_key, NOW, CELLA_REFUSED,
           "release: party: expected south");
    wrong = statement;
    wrong.nonce[0] ^= 1;
    expect(bytes, size, &wrong, hpke_secret, signing_key, NOW, CELLA_REFUSED, "release: nonce");
    wrong = statement;
    assert_true(hpke_generate(other, wrong.hpke));
    expect(bytes, size, &wrong, other, signing_key, NOW, CELLA_REFUSED, "release: hpke");
    expect(bytes, size, &statement, other, signing_key, NOW, CELLA_REFUSED, "release: sealed");
    memset(other, 9, 32);
    public_of(other, other_public);
    expect(bytes, size, &statement, hpke_secret, other_public, NOW, CELLA_REFUSED,
           "release: signature: expected north's");
    expect(bytes, size, &statement, hpke_secret, signing_key, NOW + 1, CELLA_REFUSED,
           "release: not_after");
    free(bytes);
}

static void test_altered(void **state)
{
    (void)state;
    struct cella_release release = some_release(), opened;
    cella_error error;
    size_t size;
    uint8_t *bytes = make(&release, &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cella_status status = cella_release_open(bytes, size, &statement, hpke_secret, signing_key,
                                                 NOW, &opened, &error);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (status != CELLA_INVALID && status != CELLA_REFUSED)
            fail_msg("bit %zu: status %d", bit, status);
    }
    for (size_t less = 0; less < size; less++) {
        uint8_t *copy = malloc(less ? less : 1);
        memcpy(copy, bytes, less);
        expect(copy, less, &statement, hpke_secret, signing_key, NOW, CELLA_INVALID, "release");
        free(copy);
    }
    free(bytes);
    bytes = calloc(1, 65537);
    expect(bytes, 65537, &statement, hpke_secret, signing_key, NOW, CELLA_INVALID, "at most");
    free(bytes);
}

/* A party may sign what it likes: each field of the seal is bound by itself, whoever signed. */
static uint8_t *resigned(const uint8_t *bytes, size_t size, size_t at, uint8_t change,
                         size_t *new_size)
{
    struct cose cose;
    uint8_t *again = NULL;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signing_secret, 32);
    assert_int_equal(
        cose_read(bytes, size, "application/vnd.cella.release+cbor", "release", &cose, NULL),
        CELLA_OK);
    if (at < cose.payload_size) {
        uint8_t *payload = malloc(cose.payload_size);
        memcpy(payload, cose.payload, cose.payload_size);
        payload[at] ^= change;
        assert_int_equal(cose_sign(key, "application/vnd.cella.release+cbor", NULL, payload,
                                   cose.payload_size, &again, new_size, NULL),
                         CELLA_OK);
        free(payload);
    }
    EVP_PKEY_free(key);
    return again;
}

static void test_resigned(void **state)
{
    (void)state;
    struct cella_release release = some_release(), opened;
    cella_error error;
    size_t size, new_size, count = 0;
    uint8_t *bytes = make(&release, &size), *again;
    for (; (again = resigned(bytes, size, count, 0x01, &new_size)); count++) {
        /* Judged as of the beginning of time, so a later not_after is not what refuses it. */
        cella_status status = cella_release_open(again, new_size, &statement, hpke_secret,
                                                 signing_key, 0, &opened, &error);
        if (status != CELLA_INVALID && status != CELLA_REFUSED)
            fail_msg("byte %zu: status %d", count, status);
        free(again);
    }
    assert_true(count > 300);
    free(bytes);
}

static void test_not_made(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    cella_error error;
    struct cella_release wrong[5];
    for (size_t i = 0; i < 5; i++)
        wrong[i] = some_release();
    strcpy(wrong[0].inputs[1].name, "rotterdam");
    wrong[1].input_count = RELEASE_LIST + 1;
    wrong[2].parameter_count = RELEASE_LIST + 1;
    wrong[3].parameters[0].kind = 0;
    wrong[4].not_after = -1;
    for (size_t i = 0; i < 5; i++)
        assert_int_not_equal(
            cella_release_make(&wrong[i], &statement, signing_secret, &bytes, &size, &error),
            CELLA_OK);
    struct cella_statement zeros = {.party = "north"};
    struct cella_release release = some_release();
    assert_int_equal(cella_release_make(&release, &zeros, signing_secret, &bytes, &size, &error),
                     CELLA_INVALID); /* no X25519 key */
}

/* ---- what a party could seal that makes no sense ---- */

static const struct {
    const char *contents;
    const char *sentence;
} sealed[] = {
    {"", "is not one map"},
    {"a0", "keys: missing"},
    {"a3646b657973a065626f786573a06a706172616d6574657273a0", NULL},
    {"a3646b657973a165626f7865736a", "is not one map"},
    {"a3646b657973a1616141"
     "0065626f786573a1616141006a706172616d6574657273a0",
     "must be 32 bytes"},
    {"a3646b657973a161614100"
     "65626f786573a1616241006a706172616d6574657273a0",
     "same inputs"},
    {"a3646b657973a161614100"
     "65626f786573a06a706172616d6574657273a0",
     "same inputs"},
    {"a3646b657973a065626f786573a1616141006a706172616d6574657273a0", "same inputs"},
    {"a3646b657973a1014100"
     "65626f786573a10141006a706172616d6574657273a0",
     "a name must be"},
    {"a3646b657973a065626f786573a06a706172616d6574657273a16161f5", "a parameter must"},
    {"a3646b657973a065626f786573a06a706172616d6574657273a101"
     "01",
     "a parameter must"},
    {"a3646b657973a065626f786573a06a706172616d6574657273a161611b8000000000000000",
     "a parameter must"},
    {"a3646b657973a065626f786573a06a706172616d6574657273a161613b8000000000000000",
     "a parameter must"},
    {"a3646b657973a065626f786573a06a706172616d6574657273a161613b7fffffffffffffff", NULL},
};

static void put_bytes(struct cbor_writer *to, const char *name, const void *bytes, size_t size)
{
    cbor_put_text(to, name);
    cbor_put_bytes(to, bytes, size);
}

/* The entries of the payload but the last two, in the order of the encoding. */
static void put_address(struct cbor_writer *to)
{
    put_bytes(to, "hpke", statement.hpke, 32);
    cbor_put_text(to, "type");
    cbor_put_text(to, "cella release 1");
    put_bytes(to, "nonce", statement.nonce, 32);
    cbor_put_text(to, "party");
    cbor_put_text(to, statement.party);
    put_bytes(to, "contract", statement.contract, 32);
    cbor_put_text(to, "not_after");
    cbor_put_integer(to, NOW);
}

/* Made from the document alone: what is sealed is given. */
static uint8_t *release_of(const uint8_t *contents, size_t contents_size, size_t *size)
{
    uint8_t info[15 + 32], enc[32], secret[600], *bytes;
    struct cbor_writer additional = {0}, payload = {0};
    memcpy(info, "cella release 1", 15);
    memcpy(info + 15, statement.contract, 32);
    size_t map = cbor_map_begin(&additional);
    put_address(&additional);
    cbor_map_end(&additional, map);
    assert_true(hpke_seal(statement.hpke, (struct hpke_bytes){info, sizeof(info)},
                          (struct hpke_bytes){additional.bytes, additional.size},
                          (struct hpke_bytes){contents, contents_size}, enc, secret));
    map = cbor_map_begin(&payload);
    put_address(&payload);
    put_bytes(&payload, "enc", enc, 32);
    put_bytes(&payload, "sealed", secret, contents_size + 16);
    cbor_map_end(&payload, map);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signing_secret, 32);
    assert_int_equal(cose_sign(key, "application/vnd.cella.release+cbor", NULL, payload.bytes,
                               payload.size, &bytes, size, NULL),
                     CELLA_OK);
    EVP_PKEY_free(key);
    cbor_drop(&additional);
    cbor_drop(&payload);
    return bytes;
}

static void test_sealed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++) {
        size_t contents_size, size;
        uint8_t *contents = of_hex(sealed[i].contents, &contents_size);
        uint8_t *bytes = release_of(contents, contents_size, &size);
        if (sealed[i].sentence) {
            expect(bytes, size, &statement, hpke_secret, signing_key, NOW, CELLA_INVALID,
                   sealed[i].sentence);
        } else {
            struct cella_release opened;
            assert_int_equal(cella_release_open(bytes, size, &statement, hpke_secret, signing_key,
                                                NOW, &opened, NULL),
                             CELLA_OK);
        }
        free(contents);
        free(bytes);
    }
}

/* ---- statements ---- */

static void test_statement(void **state)
{
    (void)state;
    struct cella_statement read;
    uint8_t *bytes, report_data[64], digest[32];
    static const uint8_t zeros[32];
    size_t size;
    cella_error error;
    assert_int_equal(cella_statement_make(&statement, &bytes, &size, &error), CELLA_OK);
    assert_int_equal(cella_statement_read(bytes, size, &read, &error), CELLA_OK);
    assert_memory_equal(&read, &statement, sizeof(read));
    assert_int_equal(cella_statement_report_data(bytes, size, report_data, &error), CELLA_OK);
    assert_int_equal(EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(report_data, digest, 32);
    assert_memory_equal(report_data + 32, zeros, 32);
    for (size_t less = 0; less < size; less++) {
        uint8_t *copy = malloc(less ? less : 1);
        memcpy(copy, bytes, less);
        assert_int_equal(cella_statement_read(copy, less, &read, &error), CELLA_INVALID);
        free(copy);
    }
    free(bytes);
    static const char *const wrong[] = {
        "type", "contract", "party", "nonce", "hpke", "signing",
    };
    for (size_t i = 0; i < 6; i++) { /* without it; with a number for it; with 31 bytes */
        for (unsigned how = 0; how < 4; how++) {
            struct cbor_writer to = {0};
            size_t map = cbor_map_begin(&to);
            for (size_t j = 0; j < 6; j++) {
                bool text = j == 0 || j == 2;
                if (i == j && how == 0)
                    continue;
                cbor_put_text(&to, wrong[j]);
                if (i == j && how == 1)
                    cbor_put_unsigned(&to, 1);
                else if (text)
                    cbor_put_text(&to, i == j ? "" : j ? "north" : "cella room 1");
                else
                    cbor_put_bytes(&to, zeros, i == j && how < 3 ? 31 : 32);
            }
            if (how == 3) {
                cbor_put_text(&to, "colour");
                cbor_put_text(&to, "red");
            }
            cbor_map_end(&to, map);
            assert_int_equal(cella_statement_read(to.bytes, to.size, &read, &error), CELLA_INVALID);
            assert_sentence(&error, "statement: ");
            if (how < 3)
                assert_sentence(&error, wrong[i]);
            cbor_drop(&to);
        }
    }
    struct cella_statement nobody = statement;
    strcpy(nobody.party, "\xff");
    assert_int_not_equal(cella_statement_make(&nobody, &bytes, &size, &error), CELLA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_for_another),
        cmocka_unit_test(test_altered),   cmocka_unit_test(test_resigned),
        cmocka_unit_test(test_not_made),  cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_statement),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
