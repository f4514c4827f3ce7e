/* SPDX-License-Identifier: Apache-2.0
 *
 * What a party believes of results: the log's chain, the seal, the ledger.
 */
#include "room/log.h"
#include "room/party.h"
#include "room/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct room_log three_entries(void)
{
    struct room_log log = {0};
    room_log_add(&log, "started", json_pack("{s:s}", "tee", "vsm"));
    room_log_add(&log, "input", json_pack("{s:i}", "rows", 7));
    room_log_add(&log, "ended", json_object());
    assert_false(log.failed);
    return log;
}

static void test_log(void **state)
{
    (void)state;
    struct room_log log = three_entries();
    json_t *entries;
    cella_error error;
    assert_int_equal(room_log_read(log.text, log.size, "log", &entries, &error), CELLA_OK);
    assert_int_equal(json_array_size(entries), 3);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(entries, 1), "rows")), 7);
    json_decref(entries);
    room_log_free(&log);
}

static void test_log_without_memory(void **state)
{
    (void)state;
    struct room_log log = three_entries();
    size_t size = log.size;
    room_log_add(&log, "input", NULL);
    assert_true(log.failed);
    room_log_add(&log, "ended", json_object());
    assert_int_equal(log.size, size);
    room_log_free(&log);
}

/* Every byte changed, every line taken out, every end cut off: but whole lines at the end, which
 * the seal holds. */
static void test_log_altered(void **state)
{
    (void)state;
    struct room_log log = three_entries();
    json_t *entries;
    cella_error error;
    char *last = memrchr(log.text, '\n', log.size - 1);
    size_t before = (size_t)(last + 1 - log.text);
    for (size_t i = 0; i < before; i++) {
        log.text[i] ^= 1;
        assert_int_equal(room_log_read(log.text, log.size, "log", &entries, &error), CELLA_REFUSED);
        assert_null(entries);
        assert_non_null(strstr(error.sentence, "does not follow from the one before"));
        log.text[i] ^= 1;
    }
    for (size_t size = 1; size < log.size; size++)
        if (log.text[size - 1] != '\n')
            assert_int_equal(room_log_read(log.text, size, "log", &entries, &error), CELLA_REFUSED);
    char *second = strchr(log.text, '\n') + 1;
    assert_int_equal(
        room_log_read(second, log.size - (size_t)(second - log.text), "log", &entries, &error),
        CELLA_REFUSED);
    room_log_free(&log);
}

static const struct seal sample = {
    .contract = {1},
    .run = "0123456789abcdef",
    .log = {2},
    .files = {{"model.json", {3}}, {"table.error.txt", {4}}},
    .file_count = 2,
};

static void test_seal(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    uint8_t public[32], *bytes;
    size_t public_size = sizeof(public), size;
    cella_error error;
    struct seal seal;
    EVP_PKEY_get_raw_public_key(key, public, &public_size);
    assert_int_equal(seal_make(&sample, key, &bytes, &size, &error), CELLA_OK);
    assert_int_equal(seal_read(bytes, size, public, "seal", &seal, &error), CELLA_OK);
    assert_string_equal(seal.run, sample.run);
    assert_int_equal(seal.file_count, 2);
    assert_int_equal(seal_file(&seal, "table.error.txt")->sha256[0], 4);
    assert_null(seal_file(&seal, "table"));
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        assert_int_not_equal(seal_read(bytes, size, public, "seal", &seal, &error), CELLA_OK);
        bytes[i] ^= 1;
        assert_int_not_equal(seal_read(bytes, i, public, "seal", &seal, &error), CELLA_OK);
    }
    public[5] ^= 1;
    assert_int_equal(seal_read(bytes, size, public, "seal", &seal, &error), CELLA_REFUSED);
    free(bytes);
    EVP_PKEY_free(key);
}

static void test_ledger(void **state)
{
    (void)state;
    char folder[] = "/tmp/cella-ledger-XXXXXX", path[64];
    struct contract one = {.id = {1}}, other = {.id = {2}};
    uint8_t version[32] = {9}, found[32] = {0};
    struct ledger ledger;
    cella_error error;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(ledger_open(folder, &ledger, &error), CELLA_OK);
    assert_int_equal(ledger_add_release(&ledger, &one, "a", &error), CELLA_OK);
    assert_int_equal(ledger_add_release(&ledger, &one, "b", &error), CELLA_OK);
    assert_int_equal(ledger_add_release(&ledger, &one, "a", &error), CELLA_OK);
    assert_int_equal(ledger_set_box(&ledger, &one, "data", version, &error), CELLA_OK);
    version[0] = 8;
    assert_int_equal(ledger_set_box(&ledger, &one, "data", version, &error), CELLA_OK);
    ledger_close(&ledger);
    assert_int_equal(ledger_open(folder, &ledger, &error), CELLA_OK);
    assert_int_equal(ledger_releases(&ledger, &one, "c"), 2);
    assert_int_equal(ledger_releases(&ledger, &one, "a"), 1);
    assert_int_equal(ledger_releases(&ledger, &other, "c"), 0);
    assert_true(ledger_box(&ledger, &one, "data", found) && found[0] == 8);
    assert_false(ledger_box(&ledger, &other, "data", found));
    ledger_close(&ledger);
    snprintf(path, sizeof(path), "%s/ledger.json", folder);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(ledger_open(folder, &ledger, &error), CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "is not a ledger"));
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),         cmocka_unit_test(test_log_without_memory),
        cmocka_unit_test(test_log_altered), cmocka_unit_test(test_seal),
        cmocka_unit_test(test_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
