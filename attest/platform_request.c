/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine asks an issuer for the certificate of its TPM's attestation key, and takes what it was
 * given. The TPM opens that only if its endorsement key is the one that the issuer sealed to, and
 * if it has that attestation key.
 */
#include "certificate.h"
#include "image/fail.h"
#include "platform_exchange.h"
#include "platform_files.h"
#include "platform_tpm.h"
#include "tpm/structures.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- asking ---- */

/* The certificate in an NV index, where others bytes may follow it. */
static cella_status read_endorsement(struct tpm_device *device, const struct tpm_endorsement *kind,
                                     struct x509 **certificate, cella_error *error)
{
    struct tpm_answer content;
    struct der inside, whole;
    uint8_t tag;
    cella_status status = tpm_device_read_nv(device, kind->certificate, &content, error);
    if (status)
        return status;
    struct der from = {content.bytes, content.size};
    *certificate =
        der_any(&from, &tag, &inside, &whole) ? x509_decode(whole.bytes, whole.size) : NULL;
    if (*certificate && (*certificate)->key && tpm_endorsement_of((*certificate)->key) == kind)
        return CELLA_OK;
    x509_drop(*certificate);
    *certificate = NULL;
    return fail(error, CELLA_UNSUPPORTED,
                "the TPM: NV index 0x%" PRIx32 " holds no certificate of an endorsement key %s",
                kind->certificate, kind->name);
}

/* Whether the TPM makes the certificate's key of the template that all have. */
static cella_status check_endorsement(struct tpm_device *device, const struct tpm_endorsement *kind,
                                      const struct x509 *certificate, cella_error *error)
{
    uint32_t handle;
    struct tpm_answer area;
    struct tpm_public public;
    cella_status status = tpm_device_make_endorsement(device, kind, &handle, &area, error);
    if (status)
        return status;
    tpm_device_forget(device, handle);
    status = tpm_public_read(area.bytes, area.size, &public, error);
    if (status)
        return status;
    if (EVP_PKEY_eq(public.key, certificate->key) != 1)
        status = fail(error, CELLA_UNSUPPORTED,
                      "the TPM: its certificate is of another endorsement key %s than the one that "
                      "TCG's template makes",
                      kind->name);
    EVP_PKEY_free(public.key);
    return status;
}

/* The first kind of key that there is a good certificate of. */
static cella_status find_endorsement(struct tpm_device *device, struct x509 **certificate,
                                     cella_error *error)
{
    const struct tpm_endorsement *kind;
    cella_status status =
        fail(error, CELLA_UNSUPPORTED,
             "the TPM: it has no certificate of an endorsement key, which its maker puts there");
    for (size_t i = 0; status && (kind = tpm_endorsement(i)); i++) {
        bool there;
        cella_error why = {0};
        struct x509 *found = NULL;
        cella_status tried = tpm_device_has(device, kind->certificate, &there, &why);
        if (tried == CELLA_OK && !there)
            continue;
        if (tried == CELLA_OK)
            tried = read_endorsement(device, kind, &found, &why);
        if (tried == CELLA_OK)
            tried = check_endorsement(device, kind, found, &why);
        status = tried ? fail(error, tried, "%s", why.sentence) : CELLA_OK;
        if (tried)
            x509_drop(found);
        else
            *certificate = found;
    }
    return status;
}

static cella_status ask(struct tpm_device *device, uint32_t handle, uint8_t **bytes, size_t *size,
                        cella_error *error)
{
    struct exchange_request request = {.key_size = 0};
    struct tpm_answer area;
    EVP_PKEY *key = NULL;
    struct x509 *certificate = NULL;
    cella_status status = platform_tpm_public(device, handle, &area, &key, error);
    EVP_PKEY_free(key);
    if (status == CELLA_OK)
        status = find_endorsement(device, &certificate, error);
    if (status == CELLA_OK && !x509_pool_add(&request.certificates, certificate))
        status = fail(error, CELLA_MEMORY, "no memory for a request");
    if (status == CELLA_OK && area.size > sizeof(request.key))
        status = fail(error, CELLA_UNSUPPORTED, "the TPM: its attestation key is too long");
    if (status == CELLA_OK) {
        memcpy(request.key, area.bytes, area.size);
        request.key_size = area.size;
        status = exchange_request_write(&request, bytes, size, error);
    }
    exchange_request_free(&request);
    return status;
}

cella_status cella_platform_request(const char *given, uint8_t **bytes, size_t *size,
                                    cella_error *error)
{
    char folder[PATH_MAX];
    struct tpm_device *device;
    uint32_t handle;
    cella_status status = platform_folder(given, folder, error);
    if (status == CELLA_OK)
        status = platform_tpm_reach(folder, &device, &handle, error);
    if (status)
        return status;
    status = ask(device, handle, bytes, size, error);
    tpm_device_close(device);
    ERR_clear_error();
    return status;
}

/* ---- taking ---- */

/* The grant's text, by the TPM. */
static cella_status open_grant(struct tpm_device *device, uint32_t handle,
                               const struct exchange_grant *grant, uint8_t *text, size_t *size,
                               cella_error *error)
{
    uint32_t endorsement;
    struct tpm_answer area, secret = {0};
    cella_error why = {0};
    cella_status status =
        tpm_device_make_endorsement(device, grant->kind, &endorsement, &area, error);
    if (status)
        return status;
    status = tpm_device_activate(device, handle, endorsement, grant->kind, &grant->credential,
                                 &secret, &why);
    tpm_device_forget(device, endorsement);
    if (status)
        status = fail(error, CELLA_REFUSED,
                      "grant: it is for another TPM or another attestation key, or was altered: %s",
                      why.sentence);
    else if (secret.size != TPM_CREDENTIAL)
        status = fail(error, CELLA_INVALID, "grant: %zu bytes are in its credential, not %d",
                      secret.size, TPM_CREDENTIAL);
    else
        status = exchange_open(grant, secret.bytes, text, size, error);
    OPENSSL_cleanse(&secret, sizeof(secret));
    return status;
}

/* Evidence under these certificates would be accepted from this key, by whoever trusts the root. */
static cella_status check_chain(const struct x509 *own, const struct x509 *root, EVP_PKEY *key,
                                cella_error *error)
{
    const struct der *const der[2] = {&own->is.whole, &root->is.whole};
    const struct cose_chain chain = {
        .certificates = {{der[0]->bytes, der[0]->size}, {der[1]->bytes, der[1]->size}}, .count = 2};
    uint8_t found[32];
    EVP_PKEY *certified = NULL;
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.at = time(NULL);
    options.roots = &root->key_hash;
    options.root_count = 1;
    cella_status status = certificate_judge(&chain, true, &options, &certified, found, NULL, error);
    if (status == CELLA_OK && EVP_PKEY_eq(certified, key) != 1)
        status = fail(error, CELLA_REFUSED, "grant: its certificate is of another key");
    EVP_PKEY_free(certified);
    return status;
}

static cella_status replace(int folder, const char *name, const char *temporary,
                            const struct x509 *certificate, cella_error *error)
{
    const uint8_t *at = certificate->is.whole.bytes;
    X509 *decoded = d2i_X509(NULL, &at, (long)certificate->is.whole.size);
    unlinkat(folder, temporary, 0); /* of one that did not come to its end */
    bool good = decoded && platform_write_certificate(folder, temporary, decoded) &&
                renameat(folder, temporary, folder, name) == 0;
    X509_free(decoded);
    if (good)
        return CELLA_OK;
    return fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", name, strerror(errno));
}

/* If it ends between the two, the platform cannot be opened, and taking the grant again helps. */
static cella_status install(const char *path, const struct x509 *own, const struct x509 *root,
                            cella_error *error)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    cella_status status = replace(folder, "root.pem", "root.pem.new", root, error);
    if (status == CELLA_OK)
        status = replace(folder, "platform.pem", "platform.pem.new", own, error);
    if (status == CELLA_OK && fsync(folder))
        status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
    close(folder);
    return status;
}

static cella_status take(const char *folder, struct tpm_device *device, uint32_t handle,
                         const struct exchange_grant *grant, cella_error *error)
{
    uint8_t *text = malloc(EXCHANGE_SEALED_MOST);
    size_t size;
    struct tpm_answer area;
    EVP_PKEY *key = NULL;
    struct x509_pool certificates = {NULL, 0};
    cella_status status = text ? platform_tpm_public(device, handle, &area, &key, error)
                               : fail(error, CELLA_MEMORY, "no memory for a grant");
    if (status == CELLA_OK)
        status = open_grant(device, handle, grant, text, &size, error);
    if (status == CELLA_OK &&
        (!x509_read(NULL, text, size, &certificates, 2) || certificates.count != 2))
        status = fail(error, CELLA_INVALID, "grant: two certificates are wanted in it");
    if (status == CELLA_OK)
        status = check_chain(certificates.all[0], certificates.all[1], key, error);
    if (status == CELLA_OK)
        status = install(folder, certificates.all[0], certificates.all[1], error);
    x509_pool_clear(&certificates);
    EVP_PKEY_free(key);
    free(text);
    return status;
}

cella_status cella_platform_accept(const char *given, const uint8_t *bytes, size_t size,
                                   cella_error *error)
{
    char folder[PATH_MAX];
    struct tpm_device *device;
    uint32_t handle;
    struct exchange_grant *grant = malloc(sizeof(*grant));
    if (!grant)
        return fail(error, CELLA_MEMORY, "no memory for a grant");
    cella_status status = exchange_grant_read(bytes, size, grant, error);
    if (status == CELLA_OK)
        status = platform_folder(given, folder, error);
    if (status == CELLA_OK)
        status = platform_tpm_reach(folder, &device, &handle, error);
    if (status == CELLA_OK) {
        status = take(folder, device, handle, grant, error);
        tpm_device_close(device);
    }
    free(grant);
    ERR_clear_error();
    return status;
}
