/* SPDX-License-Identifier: Apache-2.0
 *
 * A keyd's folder: made, and keys put into it.
 */
#include "box/key.h"
#include "image/fail.h"
#include "keystore.h"
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_SIZE 32u /* of a symmetric key */
#define RSA_LEAST   2048

/* ---- a new folder ---- */

static const char *const folders[] = {"keys", "roots", "collateral", "issuers"};
static const char *const files[] = {"keyd.json", "signing.json", "signing.pem", "tls.json",
                                    "tls.pem"};

/* A private key in PEM, which is kept sealed. */
static cella_status seal_key(const char *folder, const char *file, const char *what, EVP_PKEY *key,
                             const uint8_t master[BOX_KEY], cella_error *error)
{
    char path[PATH_MAX], *text;
    static char no_policy[] = "";
    struct sealed sealed = {.type = "pem", .policy = no_policy};
    BIO *bio = BIO_new(BIO_s_secmem());
    cella_status status = keystore_path(folder, file, path, error);
    snprintf(sealed.what, sizeof(sealed.what), "%s", what);
    if (status == CELLA_OK && bio &&
        PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        sealed.size = (size_t)BIO_get_mem_data(bio, &text);
        sealed.secret = (uint8_t *)text;
        status = sealed_write(path, &sealed, master, error);
    } else if (status == CELLA_OK) {
        status = fail(error, CELLA_SYSTEM, "%s: OpenSSL cannot write a key", path);
    }
    BIO_free(bio);
    return status;
}

static bool write_pem(const char *folder, const char *file, EVP_PKEY *public_key, X509 *certificate)
{
    char path[PATH_MAX];
    FILE *to = keystore_path(folder, file, path, NULL) ? NULL : fopen(path, "wex");
    bool good = to && (certificate ? PEM_write_X509(to, certificate) == 1
                                   : PEM_write_PUBKEY(to, public_key) == 1);
    good = good && fflush(to) == 0 && fsync(fileno(to)) == 0;
    return to && fclose(to) == 0 && good;
}

static cella_status fill(const char *folder, const struct cella_passphrase *passphrase,
                         cella_error *error)
{
    char path[PATH_MAX];
    uint8_t master[BOX_KEY];
    EVP_PKEY *signing = EVP_EC_gen("P-256"), *tls = EVP_EC_gen("P-256");
    X509 *certificate = tls ? tls_certificate(tls) : NULL;
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !status; i++) {
        status = keystore_path(folder, folders[i], path, error);
        if (status == CELLA_OK && mkdir(path, 0700) != 0)
            status = fail(error, CELLA_SYSTEM, "%s: cannot be made: %s", path, strerror(errno));
    }
    if (status == CELLA_OK)
        status = keystore_path(folder, "keyd.json", path, error);
    if (status == CELLA_OK && (!signing || !certificate))
        status = fail(error, CELLA_SYSTEM, "OpenSSL makes no P-256 key, or no certificate");
    if (!status && !(status = master_make(path, passphrase, master, error)) &&
        !(status = seal_key(folder, "signing.json", "signing key", signing, master, error)) &&
        !(status = seal_key(folder, "tls.json", "TLS key", tls, master, error)) &&
        (!write_pem(folder, "signing.pem", signing, NULL) ||
         !write_pem(folder, "tls.pem", NULL, certificate)))
        status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", folder, strerror(errno));
    OPENSSL_cleanse(master, sizeof(master));
    X509_free(certificate);
    EVP_PKEY_free(tls);
    EVP_PKEY_free(signing);
    return status;
}

static void remove_all(const char *folder)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (keystore_path(folder, files[i], path, NULL) == CELLA_OK)
            unlink(path);
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (keystore_path(folder, folders[i], path, NULL) == CELLA_OK)
            rmdir(path);
    }
    rmdir(folder);
}

/* Under a temporary name beside it; then it gets its name, unless there is something under that
 * (but an empty folder). */
cella_status keystore_init(const char *folder, const struct cella_passphrase *passphrase,
                           cella_error *error)
{
    char made[PATH_MAX];
    if (snprintf(made, sizeof(made), "%s.new-XXXXXX", folder) >= PATH_MAX)
        return fail(error, CELLA_INVALID, "%.100s...: the path is too long", folder);
    if (!mkdtemp(made))
        return fail(error, CELLA_SYSTEM, "%s: cannot be made: %s", folder, strerror(errno));
    cella_status status = fill(made, passphrase, error);
    if (status == CELLA_OK && rename(made, folder) != 0)
        status =
            errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                ? fail(error, CELLA_REFUSED, "%s: is there already, and is not overwritten", folder)
                : fail(error, CELLA_SYSTEM, "%s: cannot be made: %s", folder, strerror(errno));
    if (status)
        remove_all(made);
    return status;
}

/* ---- keys ---- */

/* Any private key in PEM or DER. NULL: none. */
static EVP_PKEY *read_private(const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes;
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    BIO_free(bio);
    if (key)
        return key;
    key = d2i_AutoPrivateKey(NULL, &at, (long)size);
    if (key && at != bytes + size) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static cella_status copy_pkcs8(EVP_PKEY *key, const char *name, uint8_t **secret, size_t *size,
                               cella_error *error)
{
    uint8_t *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int length = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (length <= 0)
        return fail(error, CELLA_INVALID, "%s: cannot be written as PKCS #8", name);
    *size = (size_t)length;
    *secret = malloc(*size);
    if (*secret)
        memcpy(*secret, der, *size);
    OPENSSL_clear_free(der, *size);
    return *secret ? CELLA_OK : fail(error, CELLA_MEMORY, "%s: no memory for it", name);
}

cella_status keystore_read_key(const uint8_t *bytes, size_t size, const char *name,
                               const char **type, uint8_t **secret, size_t *secret_size,
                               cella_error *error)
{
    cella_status status;
    *secret = NULL;
    if (size == SECRET_SIZE) {
        *type = "oct";
        *secret_size = size;
        *secret = malloc(size);
        if (!*secret)
            return fail(error, CELLA_MEMORY, "%s: no memory for it", name);
        memcpy(*secret, bytes, size);
        return CELLA_OK;
    }
    EVP_PKEY *key = size <= INT32_MAX ? read_private(bytes, size) : NULL;
    bool is_rsa = key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_LEAST;
    if (is_rsa || (key && EVP_PKEY_is_a(key, "EC"))) {
        *type = is_rsa ? "rsa" : "ec";
        status = copy_pkcs8(key, name, secret, secret_size, error);
    } else {
        status = fail(error, CELLA_INVALID,
                      "%s: a key is %u bytes, or a private key, RSA of at least %d bits or EC, in "
                      "PEM or DER and under no passphrase",
                      name, SECRET_SIZE, RSA_LEAST);
    }
    EVP_PKEY_free(key);
    return status;
}

/* The policy is one, and speaks of claims that there are. */
static cella_status check_policy(const char *policy, const char *name, cella_error *error)
{
    cella_policy *read;
    char where[CELLA_KEY_NAME + 32];
    snprintf(where, sizeof(where), "the policy of %s", name);
    cella_status status =
        cella_policy_read((const uint8_t *)policy, strlen(policy), where, &read, error);
    if (status == CELLA_OK) {
        status = cella_policy_check(read, error);
        cella_policy_free(read);
    }
    return status;
}

/* Where a key of that name is, or would be; the policy is one that it may have. */
static cella_status check_order(const struct keystore *store, const char *name, const char *policy,
                                char path[PATH_MAX], cella_error *error)
{
    char file[CELLA_KEY_NAME + 16];
    if (!cella_key_is_name(name))
        return fail(error, CELLA_INVALID,
                    "%.100s: a key's name has letters, digits, then also . _ -, and at most %u of "
                    "them",
                    name, CELLA_KEY_NAME);
    snprintf(file, sizeof(file), "keys/%s.json", name);
    cella_status status = check_policy(policy, name, error);
    return status ? status : keystore_path(store->folder, file, path, error);
}

cella_status keystore_add(const struct keystore *store, const char *name, const char *type,
                          const uint8_t *secret, size_t size, const char *policy,
                          cella_error *error)
{
    char path[PATH_MAX];
    uint8_t made[SECRET_SIZE];
    struct sealed sealed = {.what = "key", .policy = (char *)(uintptr_t)policy};
    cella_status status = check_order(store, name, policy, path, error);
    if (status)
        return status;
    if (!secret && RAND_bytes(made, sizeof(made)) != 1)
        return fail(error, CELLA_SYSTEM, "no key could be made: no randomness");
    snprintf(sealed.name, sizeof(sealed.name), "%s", name);
    snprintf(sealed.type, sizeof(sealed.type), "%s", type);
    sealed.secret = secret ? (uint8_t *)(uintptr_t)secret : made;
    sealed.size = secret ? size : sizeof(made);
    if (access(path, F_OK) == 0)
        status =
            fail(error, CELLA_INVALID, "%s: there is a key of that name; choose another", path);
    else if (strcmp(type, "pkcs11") == 0) {
        struct pkcs11 *key; /* that it is there is seen now, not when it is needed */
        status = pkcs11_open((const char *)secret, size, name, &key, error);
        pkcs11_close(key);
    }
    if (status == CELLA_OK)
        status = sealed_write(path, &sealed, store->master, error);
    OPENSSL_cleanse(made, sizeof(made));
    return status;
}

cella_status keystore_set_policy(const struct keystore *store, const char *name, const char *policy,
                                 cella_error *error)
{
    char path[PATH_MAX];
    struct sealed is, with;
    cella_status status = check_order(store, name, policy, path, error);
    if (status)
        return status;
    if (access(path, F_OK) != 0)
        return fail(error, CELLA_INVALID, "%s: there is no key of that name: %s", path,
                    strerror(errno));
    status = sealed_read(path, store->master, &is, error);
    if (status == CELLA_OK)
        status = keystore_check_key(path, &is, error);
    with = is;
    with.policy = (char *)(uintptr_t)policy;
    if (status == CELLA_OK)
        status = sealed_replace(path, &with, store->master, error);
    OPENSSL_cleanse(&with, sizeof(with));
    sealed_drop(&is);
    return status;
}
