/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files: made, read again, and each way to be wrong.
 */
#include "box_test.h"

#include "box/key.h"
#include "image/hex.h"

#include <openssl/evp.h>

static const struct cella_passphrase right = {"open sesame", 11}, wrong = {"open sesamo", 11};

static struct cella_public_key make(const char *name, const struct cella_passphrase *passphrase)
{
    struct cella_public_key key;
    cella_error error;
    if (cella_key_new("keys", name, passphrase, &key, &error))
        fail_msg("%s", error.sentence);
    return key;
}

static char *text_of(const char *path)
{
    size_t size;
    char *text = (char *)read_file(path, &size);
    text[size] = 0;
    return text;
}

static void test_made(void **state)
{
    (void)state;
    struct cella_public_key made = make("made", NULL), public;
    struct cella_key key;
    struct stat is;
    bool locked;
    cella_error error;
    assert_int_equal(stat("keys/made.key", &is), 0);
    assert_int_equal(is.st_mode & 07777, 0600);
    assert_int_equal(cella_key_load("keys/made.key", NULL, &key, &locked, &error), 0);
    assert_false(locked);
    assert_memory_equal(&key.is, &made, sizeof(made));
    assert_int_equal(cella_key_public("keys/made.pub", &public, &error), 0);
    assert_memory_equal(&public, &made, sizeof(made));
    /* The signing halves belong together. */
    uint8_t signature[64];
    size_t size = sizeof(signature);
    EVP_PKEY *secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key.signing_secret, 32);
    EVP_PKEY *verifier = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, made.signing, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, secret), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &size, (const uint8_t *)"x", 1), 1);
    assert_int_equal(EVP_MD_CTX_reset(context), 1);
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, verifier), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, size, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(secret);
    EVP_PKEY_free(verifier);
    struct cella_public_key again;
    assert_int_not_equal(cella_key_new("keys", "made", NULL, &again, &error), 0);
    assert_says(&error, "there is a key of that name");
    assert_int_equal(cella_key_load("keys/made.key", NULL, &key, &locked, &error), 0);
    assert_memory_equal(&key.is, &made, sizeof(made));
}

static void test_passphrase(void **state)
{
    (void)state;
    struct cella_public_key made = make("locked", &right);
    struct cella_key key;
    bool locked;
    cella_error error;
    char *text = text_of("keys/locked.key");
    assert_null(strstr(text, "_secret"));
    free(text);
    assert_int_equal(cella_key_load("keys/locked.key", NULL, &key, &locked, &error), CELLA_REFUSED);
    assert_true(locked);
    assert_says(&error, "it is under a passphrase");
    assert_int_equal(cella_key_load("keys/locked.key", &wrong, &key, &locked, &error),
                     CELLA_REFUSED);
    assert_says(&error, "this passphrase does not open it");
    for (size_t i = 0; i < sizeof(key); i++)
        assert_int_equal(((const uint8_t *)&key)[i], 0);
    assert_int_equal(cella_key_load("keys/locked.key", &right, &key, &locked, &error), 0);
    assert_memory_equal(&key.is, &made, sizeof(made));
    uint8_t public[32];
    assert_true(hpke_public_key(key.receiving_secret, public));
    assert_memory_equal(public, made.receiving, 32);
    static const struct cella_passphrase empty = {"", 0};
    assert_int_not_equal(cella_key_new("keys", "empty", &empty, &made, &error), 0);
    assert_says(&error, "the passphrase is empty");
    assert_int_not_equal(access("keys/empty.key", F_OK), 0);
}

static void test_permissions(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    struct cella_key key;
    bool locked;
    cella_error error;
    make("open", NULL);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod("keys/open.key", modes[i]), 0);
        assert_int_equal(cella_key_load("keys/open.key", NULL, &key, &locked, &error),
                         CELLA_REFUSED);
        assert_says(&error, "chmod 600 keys/open.key");
    }
    assert_int_equal(chmod("keys/open.key", 0400), 0);
    assert_int_equal(cella_key_load("keys/open.key", NULL, &key, &locked, &error), 0);
}

/* The text of a good key with one part replaced. */
static char *changed(const char *text, const char *part, const char *with)
{
    const char *at = strstr(text, part);
    char *result;
    if (!at)
        fail_msg("no \"%s\" in \"%s\"", part, text);
    assert_true(asprintf(&result, "%.*s%s%s", (int)(at - text), text, with, at + strlen(part)) > 0);
    return result;
}

static void refused(const char *text, size_t size, const struct cella_passphrase *passphrase,
                    const char *why)
{
    struct cella_key key;
    bool locked;
    cella_error error = {0};
    assert_int_not_equal(
        cella_key_parse(text, size, "x.key", true, passphrase, &key, &locked, &error), 0);
    assert_says(&error, "x.key: ");
    assert_says(&error, why);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *part, *with, *why;
    } cases[] = {
        {"{", "[", "not a key file"},
        {"{", "", "not a key file"},
        {"\"cella_key\": 1", "\"cella_key\": 2", "another version"},
        {"\"cella_key\": 1", "\"cella_key\": \"1\"", "another version"},
        {"\"cella_key\": 1,", "", "cella_key is missing"},
        {"\"cella_key\": 1,", "\"cella_key\": 1, \"cella_key\": 1,", "not a key file"},
        {"\"cella_key\": 1,", "\"cella_key\": 1, \"more\": 1,", "more: unknown key"},
        {"\"name\": \"made\"", "\"name\": \"../made\"", "name is not a key's name"},
        {"\"name\": \"made\"", "\"name\": 5", "name is not a key's name"},
        {"\"name\": \"made\",", "", "name is missing"},
        {"\"signing_key\": \"", "\"signing_key\": \"0", "signing_key is not 64"},
        {"\"receiving_key\": \"", "\"receiving_key\": \"G", "receiving_key is not 64"},
        {"\"receiving_key\": \"", "\"other\": \"", "receiving_key is missing"},
        {"\"signing_secret\": \"", "\"signing_secret\": \"0", "signing_secret is not 64"},
        {"\"receiving_secret\"", "\"signing_secret_\"", "receiving_secret is missing"},
        {"\"signing_secret\"", "\"passphrase\"", "unknown key"},
        {"\"signing_secret\": \"", "\"signing_secret\": null, \"x\": \"", "unknown key"},
    };
    struct cella_key key;
    bool locked;
    cella_error error;
    char *text = text_of("keys/made.key");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *bad = changed(text, cases[i].part, cases[i].with);
        refused(bad, strlen(bad), NULL, cases[i].why);
        free(bad);
    }
    /* What lies behind the last brace is white space; everything before it is needed. */
    for (size_t size = 0; size + 1 < strlen(text); size++)
        refused(text, size, NULL, "not a key file");
    /* A half that belongs to another key. */
    static const char *const halves[] = {"receiving_key", "signing_key", "receiving_secret",
                                         "signing_secret"};
    char *other = text_of("keys/open.key");
    for (size_t i = 0; i < 4; i++) {
        char *from = strstr(strstr(other, halves[i]), ": \""), *to = strdup(text);
        memcpy(strstr(strstr(to, halves[i]), ": \"") + 3, from + 3, 64);
        refused(to, strlen(to), NULL, "do not belong");
        free(to);
    }
    assert_int_equal(
        cella_key_parse(text, strlen(text), "x.key", true, NULL, &key, &locked, &error), 0);
    free(other);
    free(text);
    text = text_of("keys/made.pub");
    refused(text, strlen(text), NULL, "it has public keys only");
    free(text);
}

static void test_malformed_under_passphrase(void **state)
{
    (void)state;
    static const struct {
        const char *part, *with, *why;
    } cases[] = {
        {"\"passes\": 3", "\"passes\": 0", "outside of what is allowed"},
        {"\"passes\": 3", "\"passes\": 65", "outside of what is allowed"},
        {"\"passes\": 3", "\"passes\": -1", "passes is not a number"},
        {"\"passes\": 3", "\"passes\": 4294967299", "passes is not a number"},
        {"\"passes\": 3", "\"passes\": \"3\"", "passes is not a number"},
        {"\"memory_kib\": 65536", "\"memory_kib\": 31", "outside of what is allowed"},
        {"\"memory_kib\": 65536", "\"memory_kib\": 4194305", "outside of what is allowed"},
        {"\"lanes\": 4", "\"lanes\": 17", "outside of what is allowed"},
        {"\"lanes\": 4", "\"lanes\": 0", "outside of what is allowed"},
        {"\"lanes\": 4,", "", "lanes is missing"},
        {"\"lanes\": 4,", "\"lanes\": 4, \"more\": 1,", "more: unknown key"},
        {"\"salt\": \"", "\"salt\": \"00", "salt is not 32"},
        {"\"nonce\": \"", "\"nonce\": \"00", "nonce is not 24"},
        {"\"tag\": \"", "\"tag\": \"00", "tag is not 32"},
        {"\"sealed\": \"", "\"sealed\": \"00", "sealed is not 128"},
        {"\"passes\": 3", "\"passes\": 2", "this passphrase does not open it"},
        {"\"name\": \"locked\",", "\"name\": \"locked\", \"signing_secret\": \"\",", "unknown key"},
        {"\"passphrase\": {", "\"passphrase\": 1, \"x\": {", "unknown key"},
    };
    char *text = text_of("keys/locked.key");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *bad = changed(text, cases[i].part, cases[i].with);
        refused(bad, strlen(bad), &right, cases[i].why);
        free(bad);
    }
    /* The public halves are bound to the secret ones. */
    char *other = text_of("keys/made.key"), *bad = strdup(text);
    memcpy(strstr(bad, "\"signing_key\": \"") + 16, strstr(other, "\"signing_key\": \"") + 16, 64);
    refused(bad, strlen(bad), &right, "this passphrase does not open it");
    free(bad);
    free(other);
    free(text);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "..", "a/b", "-a", "_a", "a b", "\xc3\xa9", "a\n"};
    struct cella_public_key key;
    cella_error error;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_not_equal(cella_key_new("keys", bad[i], NULL, &key, &error), 0);
        assert_says(&error, "a key's name has letters");
    }
    assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
    assert_int_equal(cella_key_path("north", ".pub", path, &error), 0);
    assert_string_equal(path, "/data/cella/keys/north.pub");
    assert_int_equal(cella_key_path("./north", ".pub", path, &error), 0);
    assert_string_equal(path, "./north");
    assert_int_equal(cella_key_path("north.key", ".pub", path, &error), 0);
    assert_string_equal(path, "north.key");
    assert_int_equal(setenv("XDG_DATA_HOME", "data", 1), 0);
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    assert_int_equal(cella_key_path("north", ".key", path, &error), 0);
    assert_string_equal(path, "/home/me/.local/share/cella/keys/north.key");
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_not_equal(cella_key_path("north", ".key", path, &error), 0);
    assert_says(&error, "neither XDG_DATA_HOME nor HOME");
}

static void test_recipients(void **state)
{
    (void)state;
    char folder[PATH_MAX], digits[65];
    uint8_t receiving[32];
    cella_error error;
    struct cella_public_key key;
    assert_non_null(getcwd(folder, sizeof(folder)));
    assert_int_equal(setenv("XDG_DATA_HOME", folder, 1), 0);
    strcat(folder, "/cella/keys");
    assert_int_equal(cella_key_new(folder, "friend", NULL, &key, &error), 0);
    const char *const good[] = {hex_write(key.receiving, 32, digits), "friend",
                                "cella/keys/friend.pub", "cella/keys/friend.key"};
    for (size_t i = 0; i < 4; i++) {
        memset(receiving, 0, 32);
        assert_int_equal(cella_recipient(good[i], receiving, &error), 0);
        assert_memory_equal(receiving, key.receiving, 32);
    }
    digits[10] = 'G';
    assert_int_not_equal(cella_recipient(digits, receiving, &error), 0);
    assert_int_not_equal(cella_recipient("stranger", receiving, &error), 0);
    assert_says(&error, "stranger.pub: cannot open");
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t bytes[256], again[256];
    char text[513];
    for (unsigned i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    assert_memory_equal(hex_write(bytes, 256, text), "000102030405060708090a0b0c0d0e0f10", 34);
    assert_true(hex_read(text, again, 256));
    assert_memory_equal(bytes, again, 256);
    static const char *const bad[] = {"", "0", "00", "000", "00000", "00 0", "000g", "00AA"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hex_read(bad[i], again, 2));
    assert_true(hex_read("00aa", again, 2));
}

/* Each character at each place, in what is read four bytes at a time and in the rest. */
static void test_hex_characters(void **state)
{
    (void)state;
    static const char given[] = "0123456789abcdef";
    for (size_t size = 1; size <= 9; size++)
        for (size_t at = 0; at < 2 * size; at++)
            for (int character = 0; character < 256; character++) {
                uint8_t bytes[9],
                    wanted[9] = {0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a};
                char text[19] = "5a5a5a5a5a5a5a5a5a";
                const char *digit = memchr(given, character, 16);
                text[2 * size] = 0;
                text[at] = (char)character;
                assert_int_equal(hex_digits(text, bytes, size), digit != NULL);
                assert_int_equal(hex_read(text, bytes, size), digit != NULL);
                if (!digit)
                    continue;
                uint8_t value = (uint8_t)(digit - given), rest = wanted[at / 2];
                wanted[at / 2] =
                    (uint8_t)(at % 2 ? (rest & 0xf0) | value : value << 4 | (rest & 0x0f));
                assert_memory_equal(bytes, wanted, size);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_under_passphrase),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_hex_characters),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
