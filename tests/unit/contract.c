/* SPDX-License-Identifier: Apache-2.0
 *
 * Contracts: what a right one says, each way to be wrong, dates, signatures.
 */
#include "room/contract.h"
#include "image/hex.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define D "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char right[] =
    "{\"cella_contract\": 1, \"title\": \"T\", \"purpose\": \"P\","
    "\"program\": {\"mrenclave\": [\"" D
    "\"]},"
    "\"tee\": [\"vsm\"], \"platform_roots\": [\"" A
    "\"],"
    "\"posture\": {\"lockdown\": \"confidentiality\", \"secure_boot\": true},"
    "\"parties\": ["
    "{\"name\": \"north\", \"role\": \"owner\", \"signing_key\": \"" A
    "\","
    " \"receiving_key\": \"" B
    "\"},"
    "{\"name\": \"desk\", \"role\": \"recipient\", \"signing_key\": \"" B
    "\","
    " \"receiving_key\": \"" C
    "\"}],"
    "\"inputs\": [{\"name\": \"patients\", \"owner\": \"north\", \"format\": \"csv\","
    " \"box\": \"any\", \"rules\": {}, \"columns\": []}],"
    "\"parameters\": [{\"name\": \"level\", \"type\": \"real\", \"from\": \"desk\"}],"
    "\"statements\": [],"
    "\"outputs\": [{\"name\": \"model\", \"statement\": \"joint\", \"format\": \"json\","
    " \"recipients\": [\"north\", \"desk\"], \"rules\": {}}],"
    "\"runs\": 2, \"not_before\": \"2026-11-01T00:00:00Z\","
    "\"not_after\": \"2027-11-01T00:00:00Z\", \"log\": [\"north\"]}";

static cella_status parse(const char *text, struct contract **contract, cella_error *error)
{
    return contract_parse(text, strlen(text), "c.json", contract, error);
}

/* The right one with the first `from` replaced. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(right, from);
    char *text = NULL;
    if (!at)
        fail_msg("the contract has no %s", from);
    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - right), right, to, at + strlen(from)) > 0);
    return text;
}

static void test_right(void **state)
{
    (void)state;
    struct contract *contract;
    cella_error error;
    assert_int_equal(parse(right, &contract, &error), CELLA_OK);
    assert_string_equal(contract->title, "T");
    assert_int_equal(contract->mrenclave_count, 1);
    assert_int_equal(contract->mrenclaves[0][1], 0x23);
    assert_int_equal(contract->tees, CONTRACT_TEE_VSM);
    assert_int_equal(contract->platform_root_count, 1);
    assert_int_equal(json_object_size(contract->posture), 2);
    assert_int_equal(contract->party_count, 2);
    const struct contract_party *north = contract_party(contract, "north");
    const struct contract_party *desk = contract_party(contract, "desk");
    assert_int_equal(north->role, CONTRACT_OWNER);
    assert_int_equal(desk->receiving_key[31], 0xcc);
    assert_ptr_equal(contract_input(contract, "patients")->owner, north);
    assert_true(contract_input(contract, "patients")->any_box);
    assert_null(contract_input(contract, "doctors"));
    assert_true(contract_needs(contract, north) && contract_needs(contract, desk));
    assert_ptr_equal(contract->parameters[0].from, desk);
    assert_int_equal(contract->outputs[0].recipient_count, 2);
    assert_ptr_equal(contract->outputs[0].recipients[1], desk);
    assert_int_equal(contract->runs, 2);
    assert_int_equal(contract->log_count, 1);
    assert_int_equal(contract->not_after - contract->not_before, 365 * 86400);
    contract_free(contract);
}

static void test_allowed(void **state)
{
    (void)state;
    struct contract *contract;
    cella_error error;
    char *text = changed("\"mrenclave\": [\"" D "\"]", "\"signed\": [{\"mrsigner\": \"" D
                                                       "\", \"isv_prod_id\": 7,"
                                                       "\"least_isv_svn\": 65535}]");
    assert_int_equal(parse(text, &contract, &error), CELLA_OK);
    assert_int_equal(contract->signers[0].isv_prod_id, 7);
    assert_int_equal(contract->signers[0].least_isv_svn, 65535);
    assert_int_equal(contract->mrenclave_count, 0);
    contract_free(contract);
    free(text);
    text = changed("\"any\"", "\"" D "\"");
    assert_int_equal(parse(text, &contract, &error), CELLA_OK);
    assert_false(contract->inputs[0].any_box);
    assert_int_equal(contract->inputs[0].version[31], 0xef);
    contract_free(contract);
    free(text);
    text = changed(
        "\"parameters\": [{\"name\": \"level\", \"type\": \"real\", \"from\": \"desk\"}],", "");
    assert_int_equal(parse(text, &contract, &error), CELLA_OK);
    assert_false(contract_needs(contract, contract_party(contract, "desk")));
    contract_free(contract);
    free(text);
}

static const struct {
    const char *from, *to, *sentence;
} wrong[] = {
    {"{\"cella", "[{\"cella", "c.json: line 1, column "},
    {"\"title\": \"T\"", "\"title\": \"T\", \"title\": \"T\"", "duplicate object key"},
    {"\"purpose\"", "\"purpos\"", "purpos: unknown key; did you mean \"purpose\"?"},
    {"\"title\"", "\"wherefore\": 1, \"title\"", "wherefore: unknown key; docs/contract.md"},
    {"\"title\": \"T\",", "", "title: missing"},
    {"\"cella_contract\": 1", "\"cella_contract\": 2", "cella_contract: must be a whole number"},
    {"\"cella_contract\": 1", "\"cella_contract\": \"1\"", "cella_contract: must be a whole"},
    {"\"T\"", "\"\"", "title: must be text of 1 to 200 bytes"},
    {"\"T\"", "1", "title: must be text of 1 to 200 bytes"},
    {"\"T\"", "\"a\\u001b[2J\"", "title: has a control character (0x1b)"},
    {"\"P\"", "\"a\\nb\"", "purpose: has a control character (0x0a)"},
    {"{\"mrenclave\": [\"" D "\"]}", "{}", "program: must have one of"},
    {"{\"mrenclave\": [\"" D "\"]}", "\"" D "\"", "program: must be an object"},
    {"{\"mrenclave\"",
     "{\"signed\": [{\"mrsigner\": \"" D "\", \"isv_prod_id\": 1,"
     "\"least_isv_svn\": 2}], \"mrenclave\"",
     "program: must have one of"},
    {"{\"mrenclave\": [\"" D "\"]}",
     "{\"signed\": [{\"mrsigner\": \"" D "\","
     "\"isv_prod_id\": 1}]}",
     "program.signed[0].least_isv_svn: missing"},
    {"{\"mrenclave\": [\"" D "\"]}",
     "{\"signed\": [{\"mrsigner\": \"" D "\","
     "\"isv_prod_id\": 65536, \"least_isv_svn\": 0}]}",
     "program.signed[0].isv_prod_id: must be a whole number from 0 to 65535"},
    {"{\"mrenclave\"", "{\"mrenclav\"", "program.mrenclav: unknown key; did you mean"},
    {"[\"" D "\"]", "[]", "program.mrenclave: 0 entries; must be 1 to 64"},
    {"[\"" D "\"]", "\"" D "\"", "program.mrenclave: must be a list"},
    {D, "0123", "program.mrenclave[0]: must be 32 bytes as 64 lower-case"},
    {"89abcdef\"", "89abcdeF\"", "program.mrenclave[0]: must be 32 bytes as 64 lower-case"},
    {"[\"vsm\"]", "[\"sgx\"]", "tee[0]: must be \"vsm\" or \"process\""},
    {"[\"vsm\"]", "[]", "tee: 0 entries; must be 1 to 64"},
    {"[\"vsm\"]", "[1]", "tee[0]: must be \"vsm\" or \"process\""},
    {"\"platform_roots\": [\"" A "\"]", "\"platform_roots\": []", "platform_roots: 0 entries"},
    {"\"posture\": {", "\"posture\": [], \"x\": {", "x: unknown key"},
    {"\"confidentiality\"", "3", "posture: a claim is a name"},
    {"\"lockdown\"", "\"Lock down\"", "posture: a claim is a name"},
    {"\"name\": \"north\"", "\"name\": \"North\"", "parties[0].name: must be a name"},
    {"\"name\": \"north\"", "\"name\": \"../x\"", "parties[0].name: must be a name"},
    {"\"name\": \"north\"", "\"name\": \"\"", "parties[0].name: must be a name"},
    {"\"name\": \"north\"", "\"name\": \"x" D "\"", "parties[0].name: must be a name"},
    {"\"name\": \"desk\"", "\"name\": \"north\"", "parties: \"north\" is there twice"},
    {"\"role\": \"owner\"", "\"role\": \"boss\"", "parties[0].role: must be \"owner\""},
    {"\"role\": \"owner\"", "\"role\": \"operator\"", "inputs[0].owner: \"north\" gives an input"},
    {"\"role\": \"owner\"", "\"role\": \"\"", "parties[0].role: must be \"owner\""},
    {"\"signing_key\": \"" B, "\"signing_key\": \"" A, "\"north\" and \"desk\" have the same key"},
    {"\"receiving_key\": \"" C, "\"receiving_key\": \"" B, "have the same key"},
    {"\"signing_key\": \"" A "\",", "", "parties[0].signing_key: missing"},
    {"\"owner\": \"north\"", "\"owner\": \"south\"", "inputs[0].owner: must be the name of one of"},
    {"\"owner\": \"north\"", "\"owner\": 1", "inputs[0].owner: must be the name of one of"},
    {"\"any\"", "\"all\"", "inputs[0].box: must be \"any\", or the box's version"},
    {"\"any\"", "1", "inputs[0].box: must be \"any\", or the box's version"},
    {"\"columns\": []}",
     "\"columns\": []}, {\"name\": \"patients\", \"owner\": \"north\","
     "\"format\": \"csv\", \"box\": \"any\", \"rules\": {}, \"columns\": []}",
     "inputs: \"patients\" is there twice"},
    {"\"columns\": []", "\"colums\": []", "inputs[0].colums: unknown key; did you mean"},
    {"\"columns\": []", "\"table\": \"t\"", "inputs[0].columns: missing"},
    {"\"from\": \"desk\"", "\"from\": \"east\"", "parameters[0].from: must be the name of"},
    {"\"name\": \"level\"", "\"name\": 7", "parameters[0].name: must be a name"},
    {", \"rules\": {}}],", "}],", "outputs[0].rules: missing"},
    {"\"statements\": [],", "", "statements: missing"},
    {"\"format\": \"json\"", "\"format\": \"exe\"", "outputs[0].format: must be \"csv\", \"json\""},
    {"[\"north\", \"desk\"]", "[]", "outputs[0].recipients: 0 entries; must be 1 to 64"},
    {"[\"north\", \"desk\"]", "[\"desk\", \"desk\"]",
     "outputs[0].recipients: \"desk\" is there twice"},
    {"\"runs\": 2", "\"runs\": 0", "runs: must be a whole number from 1 to 1000000"},
    {"\"runs\": 2", "\"runs\": 2.0", "runs: must be a whole number from 1 to 1000000"},
    {"2026-11-01T00:00:00Z", "2026-11-01", "not_before: must be a time"},
    {"2026-11-01T00:00:00Z", "2026-02-30T00:00:00Z", "not_before: must be a time"},
    {"2027-11-01T00:00:00Z", "2026-11-01T00:00:00Z", "not_after: must be later than not_before"},
    {"[\"north\"]}", "[\"who\"]}", "log[0]: must be the name of one of the parties"},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct contract *contract;
        cella_error error = {0};
        char *text = changed(wrong[i].from, wrong[i].to);
        if (parse(text, &contract, &error) != CELLA_INVALID)
            fail_msg("accepted, or another status: %s -> %s", wrong[i].from, wrong[i].to);
        assert_null(contract);
        assert_int_equal(strncmp(error.sentence, "c.json: ", 8), 0);
        if (!strstr(error.sentence, wrong[i].sentence))
            fail_msg("\"%s\" does not say \"%s\"", error.sentence, wrong[i].sentence);
        free(text);
    }
}

/* The right one as a contract for any program: `inputs`, `parameters` and `outputs` put in. */
static cella_status parse_files(const char *inputs, const char *middle, const char *outputs,
                                struct contract **contract, cella_error *error)
{
    const char *at = strstr(right, "\"inputs\""), *end = strstr(right, "\"runs\"");
    char *text = NULL;
    assert_true(asprintf(&text, "%.*s\"inputs\": [%s], %s, \"outputs\": [%s], %s",
                         (int)(at - right), right, inputs, middle, outputs, end) > 0);
    cella_status status = parse(text, contract, error);
    free(text);
    return status;
}

#define FILE_IN   "{\"name\": \"a\", \"owner\": \"north\", \"format\": \"file\", \"box\": \"any\""
#define FILE_OUT  "{\"name\": \"out\", \"format\": \"file\", \"recipients\": [\"desk\"]"
#define TABLE_IN  "{\"name\": \"t\", \"owner\": \"north\", \"format\": \"csv\", \"box\": \"any\""
#define TABLE_OUT "{\"name\": \"s\", \"format\": \"csv\", \"recipients\": [\"desk\"]"
#define NOTHING   "\"statements\": []"

static void test_any_program(void **state)
{
    (void)state;
    static const struct {
        const char *inputs, *middle, *outputs, *sentence;
    } files[] = {
        {FILE_IN "}", NOTHING, FILE_OUT "}", NULL},
        {"", NOTHING, FILE_OUT "}", NULL},
        {FILE_IN ", \"columns\": []}", NOTHING, FILE_OUT "}", "inputs[0].columns: a \"file\" has"},
        {FILE_IN ", \"rules\": {}}", NOTHING, FILE_OUT "}", "inputs[0].rules: a \"file\" has none"},
        {FILE_IN ", \"table\": \"t\"}", NOTHING, FILE_OUT "}", "a \"file\" has no table"},
        {FILE_IN "}", NOTHING, FILE_OUT ", \"rules\": {}}", "outputs[0].rules: a \"file\" has"},
        {FILE_IN "}", NOTHING, FILE_OUT ", \"statement\": \"s\"}",
         "outputs[0].statement: a \"file"},
        {FILE_IN "}, " TABLE_IN "}", NOTHING, FILE_OUT "}", "inputs[1].format: either all"},
        {TABLE_IN "}", NOTHING, FILE_OUT "}", "inputs[0].format: either all"},
        {FILE_IN "}", NOTHING, TABLE_OUT "}", "outputs[0].format: either all"},
        {FILE_IN "}", NOTHING, FILE_OUT "}, " TABLE_OUT "}", "outputs[1].format: either all"},
        {FILE_IN "}", "\"statements\": [{}]", FILE_OUT "}", "statements: must be []"},
        {FILE_IN "}", "\"statements\": {}", FILE_OUT "}", "statements: must be []"},
        {FILE_IN "}", NOTHING ", \"parameters\": [{\"name\": \"p\", \"type\": \"real\"}]",
         FILE_OUT "}", "parameters: there is no statement"},
        {"{\"name\": \"out\", \"owner\": \"north\", \"format\": \"file\", \"box\": \"any\"}",
         NOTHING, FILE_OUT "}", "outputs: \"out\" is the name of an input"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct contract *contract;
        cella_error error = {0};
        cella_status status =
            parse_files(files[i].inputs, files[i].middle, files[i].outputs, &contract, &error);
        if (!files[i].sentence) {
            if (status)
                fail_msg("%s", error.sentence);
            assert_true(contract->any_program);
            contract_free(contract);
        } else if (status != CELLA_INVALID || !strstr(error.sentence, files[i].sentence)) {
            fail_msg("\"%s\" does not say \"%s\"", error.sentence, files[i].sentence);
        }
    }
}

static void test_size(void **state)
{
    (void)state;
    struct contract *contract;
    cella_error error;
    size_t size = CONTRACT_MOST + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    memcpy(text, right, strlen(right));
    assert_int_equal(contract_parse(text, size, "c.json", &contract, &error), CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "at most 1 MiB"));
    assert_int_equal(contract_parse(text, size - 1, "c.json", &contract, &error), CELLA_OK);
    contract_free(contract);
    free(text);
}

static void test_times(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-11-01T00:00:00",
        "2026-11-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-01T24:00:00Z",
        "2026-11-01T00:60:00Z",
        "2026-11-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "+026-11-01T00:00:00Z",
        "2026-11-01T00:00:00Z ",
    };
    int64_t seconds;
    char text[21];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (contract_time_parse(bad[i], &seconds))
            fail_msg("taken for a time: %s", bad[i]);
    assert_true(contract_time_parse("2024-02-29T12:34:56Z", &seconds));
    assert_int_equal(seconds, 1709210096);
    contract_time_text(seconds, text);
    assert_string_equal(text, "2024-02-29T12:34:56Z");
}

static void test_dates(void **state)
{
    (void)state;
    struct contract *contract;
    cella_error error;
    assert_int_equal(parse(right, &contract, &error), CELLA_OK);
    int64_t from = contract->not_before, to = contract->not_after;
    assert_int_equal(contract_check_time(contract, from, &error), CELLA_OK);
    assert_int_equal(contract_check_time(contract, to, &error), CELLA_OK);
    assert_int_equal(contract_check_time(contract, from - 1, &error), CELLA_REFUSED);
    assert_non_null(strstr(error.sentence, "from 2026-11-01T00:00:00Z on, and it is 2026-10-31"));
    assert_int_equal(contract_check_time(contract, to + 1, &error), CELLA_REFUSED);
    assert_non_null(strstr(error.sentence, "until 2027-11-01T00:00:00Z, and it is 2027-11-01"));
    contract_free(contract);
}

/* A contract whose north has this key. */
static struct contract *signed_by(EVP_PKEY *key)
{
    uint8_t public[32];
    size_t size = sizeof(public);
    char text[65] = "", field[96];
    struct contract *contract;
    cella_error error;
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, public, &size), 1);
    snprintf(field, sizeof(field), "\"signing_key\": \"%s", hex_write(public, 32, text));
    char *bytes = changed("\"signing_key\": \"" A, field);
    assert_int_equal(parse(bytes, &contract, &error), CELLA_OK);
    free(bytes);
    return contract;
}

static void test_signatures(void **state)
{
    (void)state;
    cella_error error;
    uint8_t signature[64];
    size_t size = sizeof(signature);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct contract *contract = signed_by(key);
    const struct contract_party *north = contract_party(contract, "north");
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &size, contract->bytes, contract->size), 1);
    assert_int_equal(contract_verify(contract, north, signature, 64, &error), CELLA_OK);
    assert_int_equal(contract_verify(contract, north, signature, 63, &error), CELLA_REFUSED);
    assert_int_equal(
        contract_verify(contract, contract_party(contract, "desk"), signature, 64, &error),
        CELLA_REFUSED);
    assert_non_null(strstr(error.sentence, "signatures/desk.sig: not desk's signature"));
    contract->bytes[10] ^= 1;
    assert_int_equal(contract_verify(contract, north, signature, 64, &error), CELLA_REFUSED);
    contract->bytes[10] ^= 1;
    signature[63] ^= 0x10;
    assert_int_equal(contract_verify(contract, north, signature, 64, &error), CELLA_REFUSED);
    contract_free(contract);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),      cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_wrong),      cmocka_unit_test(test_size),
        cmocka_unit_test(test_times),      cmocka_unit_test(test_dates),
        cmocka_unit_test(test_signatures), cmocka_unit_test(test_any_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
