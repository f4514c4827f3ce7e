/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of keyd/: a folder of their own, a platform that makes evidence there, a keyd's
 * folder, and requests for its keys.
 */
#ifndef UNIT_KEYD_TEST_H
#define UNIT_KEYD_TEST_H

#include "attest_test.h"
#include "keyd_client.h"

#include "box/passphrase.h"
#include "image/hex.h"
#include "keyd/keystore.h"

#include <openssl/rsa.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICY                                                                                     \
    "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"cella\",\"allOf\":["                       \
    "{\"claim\":\"tee\",\"equals\":\"vsm\"},{\"claim\":\"isv_svn\",\"greaterOrEquals\":3}]}]}"

static const struct cella_passphrase passphrase = {"open sesame", 11};
static char base[64] = "/tmp/cella-keyd-XXXXXX";
static char folder[128]; /* the keyd's */
static cella_platform *platform;
static cella_error problem;

#define good(call)                                                                                 \
    do {                                                                                           \
        if ((call) != CELLA_OK)                                                                    \
            fail_msg("%s", problem.sentence);                                                      \
    } while (0)

static inline void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", base, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_true(fputs(text, to) >= 0);
    assert_int_equal(fclose(to), 0);
}

/* A keyd's folder with a key of each type that has no module, whose keys a platform's vsm enclaves
 * may have. */
static inline int set_up(void **state)
{
    char path[128], trusted[66];
    struct keystore *store = NULL;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    uint8_t *der = NULL;
    (void)state;
    if (!mkdtemp(base) || !rsa)
        return -1;
    int size = i2d_PrivateKey(rsa, &der);
    const char *type;
    uint8_t *secret = NULL;
    size_t secret_size;
    snprintf(path, sizeof(path), "%s/platform", base);
    snprintf(folder, sizeof(folder), "%s/keyd", base);
    if (cella_platform_init(path, &problem) || cella_platform_open(path, &platform, &problem) ||
        keystore_init(folder, &passphrase, &problem) ||
        keystore_open(folder, &passphrase, &store, &problem) ||
        keystore_add(store, "first", "oct", (const uint8_t *)"0123456789abcdef0123456789abcdef", 32,
                     POLICY, &problem) ||
        keystore_add(store, "second", "oct", NULL, 0, POLICY, &problem) ||
        keystore_read_key(der, (size_t)size, "rsa", &type, &secret, &secret_size, &problem) ||
        keystore_add(store, "third", type, secret, secret_size, POLICY, &problem)) {
        print_error("%s\n", problem.sentence);
        return -1;
    }
    keystore_close(store);
    free(secret);
    OPENSSL_free(der);
    EVP_PKEY_free(rsa);
    hex_write(cella_platform_root(platform), 32, trusted);
    strcat(trusted, "\n");
    write_text("keyd/roots/platform", trusted);
    return 0;
}

static inline int tear_down(void **state)
{
    char command[128];
    (void)state;
    cella_platform_close(platform);
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

#endif
