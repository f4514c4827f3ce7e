/* SPDX-License-Identifier: Apache-2.0
 *
 * A keyd's folder: made, filled, opened again; each file altered, renamed or put in another's
 * place; and keys in a PKCS#11 module (SoftHSM, where it is installed).
 */
#include "keyd_test.h"

#include "image/file.h"
#include "keyd/wrap.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>

static struct keystore *open_store(void)
{
    struct keystore *store;
    good(keystore_open(folder, &passphrase, &store, &problem));
    return store;
}

static void refuses_to_open(const char *part)
{
    struct keystore *store;
    assert_int_not_equal(keystore_open(folder, &passphrase, &store, &problem), CELLA_OK);
    assert_null(store);
    assert_sentence(&problem, part);
}

static void test_opened(void **state)
{
    (void)state;
    struct keystore *store = open_store();
    const struct keystore_key *key = keystore_find(store, "first");
    assert_int_equal(store->count, 3);
    assert_non_null(key);
    assert_string_equal(key->is.type, "oct");
    assert_int_equal(key->is.size, 32);
    assert_memory_equal(key->is.secret, "0123456789abcdef0123456789abcdef", 32);
    assert_string_equal(key->is.policy, POLICY);
    key = keystore_find(store, "second");
    assert_int_equal(key->is.size, 32);
    key = keystore_find(store, "third");
    assert_string_equal(key->is.type, "rsa");
    assert_null(keystore_find(store, "fourth"));
    assert_null(keystore_find(store, ""));
    assert_null(keystore_find(
        store, "a-name-that-is-much-too-long-to-be-a-name-of-any-key-in-any-keyd-here"));
    keystore_close(store);
}

static void test_passphrase(void **state)
{
    struct keystore *store;
    const struct cella_passphrase wrong = {"open sesamo", 11};
    (void)state;
    assert_int_equal(keystore_open(folder, &wrong, &store, &problem), CELLA_REFUSED);
    assert_sentence(&problem, "does not open it");
    assert_int_equal(keystore_init(folder, &passphrase, &problem), CELLA_REFUSED);
    assert_sentence(&problem, "is there already");
}

static void test_add(void **state)
{
    (void)state;
    struct keystore *store = open_store();
    static const struct {
        const char *name, *policy, *part;
    } wrong[] = {
        {"first", POLICY, "there is a key of that name"},
        {"../first", POLICY, "a key's name"},
        {"", POLICY, "a key's name"},
        {"new", "{}", "policy"},
        {"new", "", "policy"},
        {"new",
         "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"cella\",\"allOf\":["
         "{\"claim\":\"mrenclve\",\"equals\":\"00\"}]}]}",
         "mrenclave"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_not_equal(
            keystore_add(store, wrong[i].name, "oct", NULL, 0, wrong[i].policy, &problem),
            CELLA_OK);
        assert_sentence(&problem, wrong[i].part);
    }
    keystore_close(store);
}

static void test_key_files(void **state)
{
    static const size_t sizes[] = {0, 1, 16, 31, 33, 64};
    uint8_t bytes[64] = {0}, *secret;
    const char *type;
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(
            keystore_read_key(bytes, sizes[i], "file", &type, &secret, &size, &problem),
            CELLA_INVALID);
        assert_sentence(&problem, "file: a key is 32 bytes");
    }
    EVP_PKEY *small = EVP_RSA_gen(1024);
    uint8_t *der = NULL;
    int der_size = i2d_PrivateKey(small, &der);
    assert_int_equal(
        keystore_read_key(der, (size_t)der_size, "file", &type, &secret, &size, &problem),
        CELLA_INVALID);
    OPENSSL_free(der);
    EVP_PKEY_free(small);
}

/* Every byte of every sealed file: what is changed does not open. */
static void alter_file(const char *name)
{
    char path[256];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    good(file_read(path, 1 << 20, &bytes, &size, &problem));
    struct keystore *store = open_store();
    int fd = open(path, O_RDWR);
    for (size_t i = 0; i < size; i++) {
        struct sealed sealed;
        char other = bytes[i] == '1' ? '2' : '1';
        bool blank = bytes[i] == ' ' || bytes[i] == '\n';
        assert_int_equal(pwrite(fd, &other, 1, (off_t)i), 1);
        cella_status status = sealed_read(path, store->master, &sealed, &problem);
        if (status == CELLA_OK && !blank)
            fail_msg("%s: byte %zu may change", name, i);
        assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
        sealed_drop(&sealed);
    }
    close(fd);
    keystore_close(store);
    free(bytes);
}

static void test_altered(void **state)
{
    (void)state;
    alter_file("keys/first.json");
    alter_file("signing.json");
}

static void in_folder(const char *command)
{
    char line[512];
    snprintf(line, sizeof(line), "cd %s && %s", folder, command);
    assert_int_equal(system(line), 0);
}

static void test_renamed(void **state)
{
    (void)state;
    in_folder("cp keys/first.json keys/other.json");
    refuses_to_open("renamed");
    in_folder("sed 's/\"name\": \"first\"/\"name\": \"other\"/' keys/first.json >keys/other.json");
    refuses_to_open("does not open");
    in_folder("rm keys/other.json; cp keys/first.json kept");
    /* A weaker policy is another file. */
    in_folder("sed -i 's/greaterOrEquals/lessOrEquals/' keys/first.json");
    refuses_to_open("does not open");
    in_folder("mv kept keys/first.json; cp signing.json kept; cp tls.json signing.json");
    refuses_to_open("is no signing key");
    in_folder("mv kept signing.json");
    keystore_close(open_store());
}

static void count_key(const struct sealed *key, void *context)
{
    assert_null(key->secret);
    ++*(int *)context;
}

static void test_list(void **state)
{
    int count = 0;
    (void)state;
    good(keystore_list(folder, count_key, &count, &problem));
    assert_int_equal(count, 3);
}

/* Another policy; the secret stays. */
static void test_policy(void **state)
{
    static const char other[] =
        "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"cella\","
        "\"allOf\":[{\"claim\":\"tee\",\"equals\":\"sgx\"}]}]}";
    (void)state;
    struct keystore *store = open_store();
    struct sealed before = keystore_find(store, "first")->is;
    good(keystore_set_policy(store, "first", other, &problem));
    struct keystore *after = open_store();
    const struct sealed *is = &keystore_find(after, "first")->is;
    assert_string_equal(is->policy, other);
    assert_string_equal(is->type, before.type);
    assert_int_equal(is->size, before.size);
    assert_memory_equal(is->secret, before.secret, is->size);
    assert_memory_not_equal(is->policy_hash, before.policy_hash, 32);
    keystore_close(after);
    assert_int_equal(keystore_set_policy(store, "first", "{}", &problem), CELLA_INVALID);
    assert_int_equal(keystore_set_policy(store, "none", other, &problem), CELLA_INVALID);
    assert_sentence(&problem, "no key of that name");
    assert_int_equal(keystore_set_policy(store, "../first", other, &problem), CELLA_INVALID);
    /* A file that was put there under this name. */
    in_folder("cp keys/first.json kept && cp keys/second.json keys/first.json");
    assert_int_equal(keystore_set_policy(store, "first", other, &problem), CELLA_REFUSED);
    in_folder("mv kept keys/first.json");
    good(keystore_set_policy(store, "first", POLICY, &problem));
    keystore_close(store);
    keystore_close(open_store());
}

static void test_others(void **state)
{
    static const char *const parts[] = {"", "keys", "roots", "collateral", "issuers"};
    char path[256];
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
        assert_int_equal(chmod(path, 0702), 0);
        refuses_to_open("others than its owner may change it");
        assert_int_equal(chmod(path, 0755), 0);
    }
    keystore_close(open_store());
}

/* ---- PKCS#11 ---- */

static uint8_t aes_key[32] = "an AES key that is in the token";

static const char *find_softhsm(void)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                         "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"};
    for (size_t i = 0; i < 2; i++)
        if (access(places[i], R_OK) == 0 && system("command -v softhsm2-util >/dev/null") == 0)
            return places[i];
    return NULL;
}

/* A token with an RSA key "kept", which softhsm2-util does not let leave it. */
static void make_token(const char *module, EVP_PKEY *rsa)
{
    char text[1024], path[256];
    snprintf(text, sizeof(text), "directories.tokendir = %s/tokens\nlog.level = ERROR\n", base);
    write_text("softhsm2.conf", text);
    snprintf(path, sizeof(path), "%s/softhsm2.conf", base);
    setenv("SOFTHSM2_CONF", path, 1);
    snprintf(path, sizeof(path), "%s/rsa.pem", base);
    FILE *to = fopen(path, "w");
    assert_int_equal(PEM_write_PKCS8PrivateKey(to, rsa, NULL, NULL, 0, NULL, NULL), 1);
    fclose(to);
    snprintf(text, sizeof(text),
             "mkdir %s/tokens && softhsm2-util --module %s --init-token --free --label 'a token' "
             "--so-pin 5678 --pin 1234 >/dev/null && softhsm2-util --module %s --import %s "
             "--token 'a token' --label kept --id a1 --pin 1234 >/dev/null",
             base, module, module, path);
    assert_int_equal(system(text), 0);
}

#define KEPT "\"token\":\"a token\",\"id\":\"a1\",\"pin\":\"1234\""

static cella_status open_reference(const char *path, const char *rest, struct pkcs11 **key)
{
    char text[512];
    snprintf(text, sizeof(text), "{\"module\":\"%s\",%s}", path, rest);
    return pkcs11_open(text, strlen(text), "test", key, &problem);
}

/* The module, and the token's slot, as another part of this process has them. */
static CK_FUNCTION_LIST *module;
static CK_SLOT_ID slots[4];

static CK_SESSION_HANDLE open_session(void)
{
    static const uint8_t pin[] = "1234";
    CK_SESSION_HANDLE session;
    assert_int_equal(
        module->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    CK_RV result = module->C_Login(session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, 4);
    assert_true(result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN);
    return session;
}

/* What the token itself makes: an AES key that we know and an RSA key, both to be wrapped, and
 * neither to be seen. */
static void make_keys(const char *path)
{
    CK_C_GetFunctionList get;
    CK_ULONG count = 4, bits = 2048;
    CK_OBJECT_HANDLE object, public;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM generate = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN};
    CK_ATTRIBUTE aes[] = {{CKA_CLASS, &class, sizeof(class)},
                          {CKA_KEY_TYPE, &type, sizeof(type)},
                          {CKA_TOKEN, &yes, 1},
                          {CKA_EXTRACTABLE, &yes, 1},
                          {CKA_SENSITIVE, &yes, 1},
                          {CKA_LABEL, "aes", 3},
                          {CKA_VALUE, aes_key, 32}};
    CK_ATTRIBUTE outer[] = {{CKA_MODULUS_BITS, &bits, sizeof(bits)}};
    CK_ATTRIBUTE inner[] = {{CKA_TOKEN, &yes, 1},
                            {CKA_EXTRACTABLE, &yes, 1},
                            {CKA_SENSITIVE, &yes, 1},
                            {CKA_LABEL, "rsa", 3}};
    uint8_t value[32];
    CK_ATTRIBUTE hidden = {CKA_VALUE, value, sizeof(value)};
    *(void **)&get = dlsym(dlopen(path, RTLD_NOW), "C_GetFunctionList");
    assert_int_equal(get(&module), CKR_OK);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    CK_SESSION_HANDLE session = open_session();
    assert_int_equal(module->C_CreateObject(session, aes, 7, &object), CKR_OK);
    assert_int_equal(module->C_GetAttributeValue(session, object, &hidden, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(
        module->C_GenerateKeyPair(session, &generate, outer, 1, inner, 4, &public, &object),
        CKR_OK);
    module->C_CloseSession(session);
}

static size_t wrap_and_open(struct pkcs11 *key, uint8_t *back)
{
    uint8_t to[8192];
    size_t size;
    EVP_PKEY *recipient = EVP_RSA_gen(3072);
    good(pkcs11_wrap(key, recipient, "SHA1", to, sizeof(to), &size, &problem));
    size_t done = unwrap_rsa_aes(recipient, "SHA1", to, size, back);
    /* A hash that SoftHSM does not know is told so. */
    cella_status status = pkcs11_wrap(key, recipient, "SHA256", to, sizeof(to), &size, &problem);
    assert_true(status == CELLA_OK || status == CELLA_UNSUPPORTED);
    assert_int_not_equal(pkcs11_wrap(key, recipient, "SHA1", to, 100, &size, &problem), CELLA_OK);
    EVP_PKEY_free(recipient);
    return done;
}

static struct pkcs11 *open_label(const char *path, const char *label)
{
    struct pkcs11 *key;
    char rest[128];
    snprintf(rest, sizeof(rest), "\"token\":\"a token\",\"label\":\"%s\",\"pin\":\"1234\"", label);
    good(open_reference(path, rest, &key));
    return key;
}

static void wraps_keys(const char *path)
{
    uint8_t back[8192];
    const uint8_t *at = back;
    size_t size;
    struct pkcs11 *key = open_label(path, "aes");
    assert_int_equal(wrap_and_open(key, back), 32);
    assert_memory_equal(back, aes_key, 32);
    pkcs11_close(key);
    key = open_label(path, "rsa");
    size = wrap_and_open(key, back);
    EVP_PKEY *found = d2i_AutoPrivateKey(NULL, &at, (long)size);
    assert_non_null(found);
    assert_true(EVP_PKEY_is_a(found, "RSA"));
    /* SoftHSM 2.6.1 fills PKCS #8 up to a multiple of 8 with zeros before it pads. */
    for (; at < back + size; at++)
        assert_int_equal(*at, 0);
    EVP_PKEY_free(found);
    pkcs11_close(key);
    assert_int_equal(open_reference(path, KEPT, &key), CELLA_INVALID);
    assert_sentence(&problem, "lets this key out to nobody");
}

/* Its session is gone, and it is found anew; with another PIN it is not, nor asked for twice. */
static void reconnects(const char *path)
{
    static uint8_t pin[] = "1234", other[] = "abcd";
    uint8_t back[8192], to[8192];
    size_t size;
    EVP_PKEY *recipient = EVP_RSA_gen(2048);
    struct pkcs11 *key = open_label(path, "aes");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(module->C_CloseAllSessions(slots[0]), CKR_OK);
        assert_int_equal(wrap_and_open(key, back), 32);
        assert_memory_equal(back, aes_key, 32);
    }
    CK_SESSION_HANDLE session = open_session();
    assert_int_equal(module->C_SetPIN(session, pin, 4, other, 4), CKR_OK);
    assert_int_equal(module->C_CloseAllSessions(slots[0]), CKR_OK);
    assert_int_equal(pkcs11_wrap(key, recipient, "SHA1", to, sizeof(to), &size, &problem),
                     CELLA_SYSTEM);
    assert_sentence(&problem, "refuses the PIN");
    assert_int_equal(
        module->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(module->C_Login(session, CKU_USER, other, 4), CKR_OK);
    assert_int_equal(module->C_SetPIN(session, other, 4, pin, 4), CKR_OK);
    assert_int_equal(module->C_CloseAllSessions(slots[0]), CKR_OK);
    assert_int_equal(pkcs11_wrap(key, recipient, "SHA1", to, sizeof(to), &size, &problem),
                     CELLA_SYSTEM);
    assert_sentence(&problem, "refuses the PIN");
    pkcs11_close(key);
    key = open_label(path, "aes");
    good(pkcs11_wrap(key, recipient, "SHA1", to, sizeof(to), &size, &problem));
    pkcs11_close(key);
    EVP_PKEY_free(recipient);
}

static void test_pkcs11(void **state)
{
    static const char *const wrong[][2] = {
        {"\"token\":\"other\",\"label\":\"kept\",\"pin\":\"1234\"", "no token"},
        {"\"token\":\"a token\",\"label\":\"lost\",\"pin\":\"1234\"", "no key"},
        {"\"token\":\"a token\",\"id\":\"a2\",\"pin\":\"1234\"", "no key"},
        {"\"token\":\"a token\",\"pin\":\"1234\"", "either a label or an id"},
        {"\"token\":\"a token\",\"label\":\"kept\",\"id\":\"a1\",\"pin\":\"1234\"", "either"},
        {"\"token\":\"a token\",\"id\":\"A1\",\"pin\":\"1234\"", "hexadecimal"},
        {"\"token\":\"a token\",\"id\":\"\",\"pin\":\"1234\"", "id"},
        {"\"token\":\"a token\",\"label\":\"kept\"", "pin is missing"},
        {"\"token\":\"\",\"label\":\"kept\",\"pin\":\"1234\"", "token"},
    };
    struct pkcs11 *key;
    const char *path = find_softhsm();
    (void)state;
    if (!path) {
        print_message("SoftHSM is not installed: keys in a PKCS#11 module are not tested\n");
        skip();
    }
    EVP_PKEY *kept = EVP_RSA_gen(2048);
    make_token(path, kept);
    assert_int_equal(open_reference("/nowhere.so", wrong[0][0], &key), CELLA_INVALID);
    assert_sentence(&problem, "cannot be loaded");
    /* Before anybody is logged in. */
    assert_int_equal(
        open_reference(path, "\"token\":\"a token\",\"label\":\"kept\",\"pin\":\"1235\"", &key),
        CELLA_REFUSED);
    assert_sentence(&problem, "PIN");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_not_equal(open_reference(path, wrong[i][0], &key), CELLA_OK);
        assert_null(key);
        assert_sentence(&problem, wrong[i][1]);
    }
    assert_int_equal(open_reference(path, KEPT, &key), CELLA_INVALID);
    make_keys(path);
    wraps_keys(path);
    reconnects(path);
    EVP_PKEY_free(kept);
}

static void test_not_listed(void **state)
{
    (void)state;
    assert_int_equal(keystore_files(folder, "keyd.json", NULL, NULL, &problem), CELLA_SYSTEM);
    assert_sentence(&problem, "keyd.json: cannot be listed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opened),     cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_add),        cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_altered),    cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_list),       cmocka_unit_test(test_policy),
        cmocka_unit_test(test_others),     cmocka_unit_test(test_pkcs11),
        cmocka_unit_test(test_not_listed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
