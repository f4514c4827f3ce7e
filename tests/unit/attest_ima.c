/* SPDX-License-Identifier: Apache-2.0
 *
 * IMA logs, as text and binary: replayed, matched with a quoted PCR 10, searched; and each way in
 * which one can be malformed.
 */
#include "tpm_test.h"

#include "attest/tpm/ima.h"

static struct ima_log read_log(const char *path, uint8_t **bytes)
{
    size_t size;
    struct ima_log log;
    cella_error error;
    *bytes = vector(path, &size);
    if (ima_read(*bytes, size, &log, &error))
        fail_msg("%s: %s", path, error.sentence);
    return log;
}

static void check_pcr(const struct ima_log *log, const char *bank, enum ima_extends extends,
                      const char *expected)
{
    uint8_t pcr[TPM_HASH_MOST];
    const struct tpm_hash *hash = tpm_hash_named(bank, strlen(bank));
    assert_true(ima_replay(log, log->count, hash, extends, pcr));
    assert_hex(pcr, hash->size, expected);
    size_t count;
    enum ima_extends found;
    assert_int_equal(ima_match(log, hash, pcr, &count, &found, NULL), CELLA_OK);
    assert_int_equal(count, log->count);
    /* whatever there is of it, another value is not led to */
    cella_error error;
    pcr[0] ^= 1;
    assert_int_equal(ima_match(log, hash, pcr, &count, &found, &error), CELLA_REFUSED);
    assert_int_equal(count, 0);
}

static void replays_vectors(void **state)
{
    (void)state;
    json_t *all = vector_json("ima/expected.json"), *expected, *good;
    const char *path;
    size_t i;
    json_object_foreach(all, path, expected)
    {
        uint8_t *bytes;
        struct ima_log log = read_log(path, &bytes);
        assert_int_equal(log.count, json_integer_value(json_object_get(expected, "entries")));
        check_pcr(&log, "sha1", IMA_HASHED,
                  json_string_value(json_object_get(expected, "pcr10_sha1")));
        check_pcr(&log, "sha1", IMA_PADDED,
                  json_string_value(json_object_get(expected, "pcr10_sha1")));
        check_pcr(&log, "sha256", IMA_HASHED,
                  json_string_value(json_object_get(expected, "pcr10_sha256")));
        check_pcr(&log, "sha256", IMA_PADDED,
                  json_string_value(json_object_get(expected, "pcr10_sha256_padded_sha1")));
        json_array_foreach(json_object_get(expected, "template_hash_ok"), i, good)
        {
            assert_int_equal(log.entries[i].violation, json_is_string(good));
            assert_int_equal(ima_entry_good(&log.entries[i]), json_is_true(good));
        }
        assert_int_equal(i, log.count);
        ima_free(&log);
        free(bytes);
    }
    assert_int_equal(json_object_size(all), 3);
    json_decref(all);
}

static void reads_every_digest(void **state)
{
    (void)state;
    static const char *const names[] = {"sha1", "sha256", "sha384", "sha512", "sm3_256"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[64];
        uint8_t *bytes;
        snprintf(path, sizeof(path), "ima/keylime/ima-log-%s", names[i]);
        struct ima_log log = read_log(path, &bytes);
        assert_int_equal(log.count, 2);
        assert_string_equal(log.entries[0].path, "boot_aggregate");
        assert_string_equal(log.entries[1].path, "/data");
        assert_string_equal(log.entries[1].algorithm, names[i]);
        assert_true(ima_entry_good(&log.entries[1]));
        assert_ptr_equal(ima_find(&log, 2, "/data", NULL), &log.entries[1]);
        assert_null(ima_find(&log, 2, "/data", &log.entries[1]));
        assert_null(ima_find(&log, 1, "/data", NULL)); /* not measured */
        assert_null(ima_find(&log, 2, "/dat", NULL));
        ima_free(&log);
        free(bytes);
    }
}

static cella_status read_text(const char *text, struct ima_log *log, cella_error *error)
{
    uint8_t *bytes = copy_of((const uint8_t *)text, strlen(text));
    cella_status status = ima_read(bytes, strlen(text), log, error);
    free(bytes); /* of text nothing is pointed to */
    return status;
}

#define ZEROS20 "0000000000000000000000000000000000000000"
#define D32     "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LINE    "10 " ZEROS20 " "

static void refuses_malformed_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
        cella_status status;
    } cases[] = {
        {"", "no entries", CELLA_INVALID},
        {"\n", "not of PCR 10", CELLA_INVALID},
        {"xx", "not of PCR 10", CELLA_INVALID},
        {"11 " ZEROS20 " ima-ng sha256:" D32 " /a", "not of PCR 10", CELLA_UNSUPPORTED},
        {"10 " ZEROS20 " ima-new sha256:" D32 " /a", "template \"ima-new\"", CELLA_UNSUPPORTED},
        {"10 " ZEROS20 " ima-\xff\xfe sha256:" D32 " /a", "template \"ima-??\"", CELLA_UNSUPPORTED},
        {"10 " ZEROS20 " ima-ng sha\xc3:" D32 " /a", "algorithm \"sha?\"", CELLA_UNSUPPORTED},
        {"10 00 ima-ng sha256:" D32 " /a", "template hash", CELLA_INVALID},
        {"10 " ZEROS20 "0 ima-ng sha256:" D32 " /a", "template hash", CELLA_INVALID},
        {"10 g000000000000000000000000000000000000000 ima-ng sha256:" D32 " /a", "template hash",
         CELLA_INVALID},
        {LINE "ima-ng sha256:" D32, "path that is empty", CELLA_INVALID},
        {LINE "ima-ng sha256:" D32 " ", "path that is empty", CELLA_INVALID},
        {LINE "ima-ng sha256:" D32 " /a b", "more fields", CELLA_INVALID},
        {LINE "ima-ng sha256:" D32 "00 /a", "wrong size", CELLA_INVALID},
        {LINE "ima-ng sha256:" D32 "0 /a", "hexadecimal", CELLA_INVALID},
        {LINE "ima-ng sha256:" D32 "0G /a", "hexadecimal", CELLA_INVALID},
        {LINE "ima-ng md6:" D32 " /a", "algorithm \"md6\"", CELLA_UNSUPPORTED},
        {"10 1000000000000000000000000000000000000000 ima-ng " D32 " /a", "no algorithm",
         CELLA_INVALID},
        {LINE "ima-ng sha256:" D32 " /a\n\n", "not of PCR 10", CELLA_INVALID},
        {LINE "ima-sig sha256:" D32 " /a zz", "hexadecimal", CELLA_INVALID},
        {LINE "ima-sig sha256:" D32 " /a 03", "signature", CELLA_INVALID},
        {LINE "ima-sig sha256:" D32 " /a 0302040000000000020101 x", "more fields", CELLA_INVALID},
        {LINE "ima-sig sha256:" D32 " /a 03020400000000000101", NULL, CELLA_OK},
        {LINE "ima-sig sha256:" D32 " /a", NULL, CELLA_OK},
        {LINE "ima-sig sha256:" D32 " /a ", NULL, CELLA_OK},
        {LINE "ima-sig sha256:" D32 " /a 0302040000000000010101", "signature", CELLA_INVALID},
        {LINE "ima-buf sha256:" D32 " dm_table_load 616263", NULL, CELLA_OK},
        {LINE "ima-ngv2 ima:sha256:" D32 " /a", NULL, CELLA_OK},
        {"10 1000000000000000000000000000000000000000 ima-ngv2 sha256:" D32 " /a", "no algorithm",
         CELLA_INVALID},
        {LINE "ima-ng " ZEROS20 " /a", NULL, CELLA_OK}, /* a violation */
        {LINE "ima " ZEROS20 " /a", NULL, CELLA_OK},
        {LINE "ima " D32 " /a", "40 hexadecimal", CELLA_INVALID},
        {LINE "ima " ZEROS20 " ", "path that is empty", CELLA_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ima_log log;
        cella_error error = {0};
        cella_status status = read_text(cases[i].text, &log, &error);
        if (status != cases[i].status)
            fail_msg("%s: %d: %s", cases[i].text, status, error.sentence);
        if (cases[i].sentence)
            assert_sentence(&error, cases[i].sentence);
        ima_free(&log);
    }
}

static void refuses_vectors(void **state)
{
    (void)state;
    size_t size;
    struct ima_log log;
    cella_error error;
    uint8_t *bytes = vector("ima/keylime/ima-log-unknown", &size);
    assert_int_equal(ima_read(bytes, size, &log, &error), CELLA_UNSUPPORTED);
    assert_sentence(&error, "algorithm \"unknown\"");
    free(bytes);
    bytes = vector("ima/keylime/negative_bad_signature.txt", &size);
    assert_int_equal(ima_read(bytes, size, &log, &error), CELLA_INVALID);
    assert_sentence(&error, "signature");
    free(bytes);
}

/* ---- binary ---- */

struct made {
    uint8_t bytes[2048];
    size_t size;
};

static void put(struct made *made, const void *bytes, size_t size)
{
    assert_true(size <= sizeof(made->bytes) - made->size);
    memcpy(made->bytes + made->size, bytes, size);
    made->size += size;
}

static void put_number(struct made *made, size_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8)};
    put(made, bytes, 4);
}

static void put_sized(struct made *made, const void *bytes, size_t size)
{
    put_number(made, size);
    put(made, bytes, size);
}

/* An entry with its template hash. */
static void put_entry(struct made *made, const char *template, const struct made *data, bool sized,
                      const void *hashed, size_t hashed_size)
{
    uint8_t digest[TPM_HASH_MOST];
    assert_true(tpm_digest(tpm_hash(TPM_SHA1), hashed, hashed_size, digest));
    put_number(made, 10);
    put(made, digest, 20);
    put_sized(made, template, strlen(template));
    if (sized)
        put_number(made, data->size);
    put(made, data->bytes, data->size);
}

static void put_ng(struct made *made, const char *template, const char *path, const void *more,
                   size_t more_size)
{
    struct made data = {.size = 0};
    uint8_t digest[40] = "sha256:";
    memset(digest + 8, 0x5a, 32);
    put_sized(&data, digest, 40);
    put_sized(&data, path, strlen(path) + 1);
    if (more)
        put_sized(&data, more, more_size);
    put_entry(made, template, &data, true, data.bytes, data.size);
}

static void put_old(struct made *made, const char *path)
{
    uint8_t hashed[20 + 256] = {1, 2, 3};
    struct made data = {.size = 0};
    memcpy(hashed + 20, path, strlen(path));
    put(&data, hashed, 20);
    put_sized(&data, path, strlen(path));
    put_entry(made, "ima", &data, false, hashed, sizeof(hashed));
}

static struct made binary_log(void)
{
    static const uint8_t signature[] = {3, 2, 4, 1, 2, 3, 4, 0, 2, 0xaa, 0xbb};
    struct made made = {.size = 0};
    put_old(&made, "/old");
    put_ng(&made, "ima-ng", "/ng", NULL, 0);
    put_ng(&made, "ima-sig", "/signed", signature, sizeof(signature));
    put_ng(&made, "ima-sig", "/unsigned", "", 0);
    put_ng(&made, "ima-buf", "keys", "buffer", 6);
    put_ng(&made, "ima-ng", "/ng", NULL, 0);
    return made;
}

static void reads_binary(void **state)
{
    (void)state;
    struct made made = binary_log();
    struct ima_log log;
    cella_error error = {0};
    uint8_t *bytes = copy_of(made.bytes, made.size);
    if (ima_read(bytes, made.size, &log, &error))
        fail_msg("%s", error.sentence);
    assert_true(ima_recognise(bytes, made.size));
    assert_int_equal(log.count, 6);
    for (size_t i = 0; i < log.count; i++)
        assert_true(ima_entry_good(&log.entries[i]) && !log.entries[i].violation);
    assert_string_equal(log.entries[0].path, "/old");
    assert_string_equal(log.entries[0].algorithm, "sha1");
    assert_int_equal(log.entries[2].signature_size, 11);
    assert_int_equal(log.entries[3].signature_size, 0);
    assert_memory_equal(log.entries[4].buffer, "buffer", 6);
    const struct ima_entry *first = ima_find(&log, 6, "/ng", NULL);
    assert_ptr_equal(first, &log.entries[1]);
    assert_ptr_equal(ima_find(&log, 6, "/ng", first), &log.entries[5]);
    assert_null(ima_find(&log, 5, "/ng", first));
    /* each beginning of it is found as what was quoted */
    for (size_t i = 0; i <= log.count; i++)
        for (enum ima_extends how = IMA_HASHED; how <= IMA_PADDED; how++) {
            uint8_t pcr[TPM_HASH_MOST];
            size_t count;
            enum ima_extends found;
            assert_true(ima_replay(&log, i, tpm_hash(TPM_SHA384), how, pcr));
            assert_int_equal(ima_match(&log, tpm_hash(TPM_SHA384), pcr, &count, &found, NULL),
                             CELLA_OK);
            assert_int_equal(count, i);
            assert_true(found == how || i == 0);
        }
    ima_free(&log);
    free(bytes);
}

/* The same entries lead to the same PCR in either form. */
static void binary_is_text(void **state)
{
    (void)state;
    struct made made = {.size = 0};
    struct ima_log binary, text;
    uint8_t pcr[2][TPM_HASH_MOST];
    put_ng(&made, "ima-sig", "/a", "", 0);
    put_old(&made, "/b");
    assert_int_equal(ima_read(made.bytes, made.size, &binary, NULL), CELLA_OK);
    char line[3][200], all[1000];
    hex_write(binary.entries[0].template_hash, 20, line[0]);
    hex_write(binary.entries[0].digest, 32, line[1]);
    hex_write(binary.entries[1].template_hash, 20, line[2]);
    snprintf(all, sizeof(all),
             "10 %s ima-sig sha256:%s /a \n10 %s ima 0102030000000000000000000000000000000000 /b\n",
             line[0], line[1], line[2]);
    assert_int_equal(read_text(all, &text, NULL), CELLA_OK);
    assert_true(ima_entry_good(&text.entries[0]) && ima_entry_good(&text.entries[1]));
    assert_true(ima_replay(&binary, 2, tpm_hash(TPM_SHA256), IMA_HASHED, pcr[0]));
    assert_true(ima_replay(&text, 2, tpm_hash(TPM_SHA256), IMA_HASHED, pcr[1]));
    assert_memory_equal(pcr[0], pcr[1], 32);
    ima_free(&binary);
    ima_free(&text);
}

static void survives_truncation(void **state)
{
    (void)state;
    size_t size;
    uint8_t *text = vector("ima/keylime/measurements.txt", &size);
    struct made made = binary_log();
    for (int form = 0; form < 2; form++) {
        const uint8_t *bytes = form ? made.bytes : text;
        size_t good = 0, whole = form ? made.size : size;
        for (size_t cut = 0; cut < whole; cut++) {
            struct ima_log log;
            cella_error error = {0};
            uint8_t *part = copy_of(bytes, cut);
            cella_status status = ima_read(part, cut, &log, &error);
            good += status == CELLA_OK;
            assert_true((status == CELLA_OK) == (error.sentence[0] == 0));
            ima_free(&log);
            free(part);
        }
        assert_true(form ? good == 5 : good > 0);
    }
    free(text);
}

/* Every byte of a binary log matters: it is malformed, or leads elsewhere, or has a wrong hash. */
static void notices_changes(void **state)
{
    (void)state;
    struct made made = binary_log();
    struct ima_log log;
    uint8_t pcr[TPM_HASH_MOST];
    assert_int_equal(ima_read(made.bytes, made.size, &log, NULL), CELLA_OK);
    assert_true(ima_replay(&log, log.count, tpm_hash(TPM_SHA256), IMA_HASHED, pcr));
    ima_free(&log);
    for (size_t at = 0; at < made.size; at++) {
        struct made changed = made;
        size_t count;
        enum ima_extends extends;
        cella_error error;
        changed.bytes[at] ^= 1;
        if (ima_read(changed.bytes, changed.size, &log, &error))
            continue;
        bool good = !ima_match(&log, tpm_hash(TPM_SHA256), pcr, &count, &extends, &error);
        for (size_t i = 0; good && i < count; i++)
            good = ima_entry_good(&log.entries[i]);
        assert_false(good);
        ima_free(&log);
    }
}

static void refuses_malformed_binary(void **state)
{
    (void)state;
    struct made made = {.size = 0};
    struct ima_log log;
    cella_error error;
    put_ng(&made, "ima-ng", "/a", "more", 4);
    assert_int_equal(ima_read(made.bytes, made.size, &log, &error), CELLA_INVALID);
    assert_sentence(&error, "more fields");
    made.size = 0;
    put_ng(&made, "ima-sig", "/a", NULL, 0);
    assert_int_equal(ima_read(made.bytes, made.size, &log, &error), CELLA_INVALID);
    assert_sentence(&error, "beyond its end");
    made.size = 0;
    put_ng(&made, "ima-ng", "", NULL, 0);
    assert_int_equal(ima_read(made.bytes, made.size, &log, &error), CELLA_INVALID);
    assert_sentence(&error, "path that is empty");
    made.size = 0;
    put_ng(&made, "ima-ng", "/a", NULL, 0);
    made.bytes[0] = 11;
    assert_int_equal(ima_read(made.bytes, made.size, &log, &error), CELLA_UNSUPPORTED);
    assert_sentence(&error, "of PCR 11");
}

static void ties_the_boot(void **state)
{
    (void)state;
    struct tpm_bank bank = {.hash = tpm_hash(TPM_SHA256), .given = 0x3ff};
    uint8_t all[10 * 32], digest[TPM_HASH_MOST];
    char hex[65], text[200];
    struct ima_log log;
    for (size_t i = 0; i < 10; i++)
        memset(bank.values[i], (int)i + 1, 32), memset(all + 32 * i, (int)i + 1, 32);
    for (size_t pcrs = 7; pcrs <= 10; pcrs++) {
        assert_true(tpm_digest(bank.hash, all, 32 * pcrs, digest));
        snprintf(text, sizeof(text),
                 "10 1000000000000000000000000000000000000000 ima-ng sha256:%s boot_aggregate",
                 hex_write(digest, 32, hex));
        assert_int_equal(read_text(text, &log, NULL), CELLA_OK);
        assert_int_equal(ima_boot_aggregate(&log, &bank), pcrs == 10  ? IMA_BOOT_SAME
                                                          : pcrs == 8 ? IMA_BOOT_FIRMWARE
                                                                      : IMA_BOOT_OTHER);
        bank.given = 0xff; /* of less nothing can be said, but where it fits */
        assert_int_equal(ima_boot_aggregate(&log, &bank),
                         pcrs == 8 ? IMA_BOOT_FIRMWARE : IMA_BOOT_UNKNOWN);
        bank.given = 0x7f;
        assert_int_equal(ima_boot_aggregate(&log, &bank), IMA_BOOT_UNKNOWN);
        bank.given = 0x3ff;
        bank.hash = tpm_hash(TPM_SHA1);
        assert_int_equal(ima_boot_aggregate(&log, &bank), IMA_BOOT_UNKNOWN);
        bank.hash = tpm_hash(TPM_SHA256);
        ima_free(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_vectors),
        cmocka_unit_test(reads_every_digest),
        cmocka_unit_test(refuses_malformed_text),
        cmocka_unit_test(refuses_vectors),
        cmocka_unit_test(reads_binary),
        cmocka_unit_test(binary_is_text),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(notices_changes),
        cmocka_unit_test(refuses_malformed_binary),
        cmocka_unit_test(ties_the_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
