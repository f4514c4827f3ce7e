/* SPDX-License-Identifier: Apache-2.0
 *
 * What a machine and an issuer carry to each other, read and written.
 */
#include "platform_exchange.h"

#include "box/aead.h"
#include "image/base64.h"
#include "image/fail.h"
#include "strict.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST "cella_platform_request"
#define GRANT   "cella_platform_grant"
#define VERSION 1

static const char additional[] = "cella platform grant 1";
static const uint8_t nonce[BOX_NONCE];

/* ---- base64 in JSON ---- */

static json_t *as_text(const void *bytes, size_t size)
{
    char *text = malloc(BASE64_TEXT(size));
    json_t *value = text ? json_string(base64_write(BASE64, bytes, size, text)) : NULL;
    free(text);
    return value;
}

/* At most `most` bytes. */
static bool read_text(const json_t *value, uint8_t *bytes, size_t most, size_t *size)
{
    size_t length = json_string_length(value);
    uint8_t *all = length > 0 && length <= BASE64_TEXT(most) ? malloc(BASE64_BYTES(length)) : NULL;
    bool good = all && base64_read(BASE64, json_string_value(value), length, all, size) &&
                *size > 0 && *size <= most;
    if (good)
        memcpy(bytes, all, *size);
    free(all);
    return good;
}

static cella_status dump(json_t *json, uint8_t **bytes, size_t *size, cella_error *error)
{
    *bytes = json ? (uint8_t *)json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (!*bytes)
        return fail(error, CELLA_MEMORY, "no memory for a platform's request or grant");
    *size = strlen((const char *)*bytes);
    return CELLA_OK;
}

/* The members of a document, and no others. */
static cella_status read_members(json_t *json, const char *what, const char *name,
                                 const char *const names[], json_t *values[], size_t count,
                                 cella_error *error)
{
    if (json_integer_value(json_object_get(json, name)) != VERSION)
        return fail(error, CELLA_UNSUPPORTED, "%s: no \"%s\" of version %d", what, name, VERSION);
    for (size_t i = 0; i < count; i++)
        if (!(values[i] = json_object_get(json, names[i])))
            return fail(error, CELLA_INVALID, "%s: \"%s\" is missing", what, names[i]);
    if (json_object_size(json) != count + 1)
        return fail(error, CELLA_INVALID, "%s: a member that is not known here", what);
    return CELLA_OK;
}

/* ---- requests ---- */

cella_status exchange_request_write(const struct exchange_request *request, uint8_t **bytes,
                                    size_t *size, cella_error *error)
{
    json_t *certificates = json_array();
    for (size_t i = 0; i < request->certificates.count; i++) {
        const struct der *der = &request->certificates.all[i]->is.whole;
        if (json_array_append_new(certificates, as_text(der->bytes, der->size))) {
            json_decref(certificates);
            certificates = NULL;
        }
    }
    return dump(json_pack("{s:i, s:o, s:o}", REQUEST, VERSION, "endorsement", certificates, "key",
                          as_text(request->key, request->key_size)),
                bytes, size, error);
}

static cella_status read_certificates(const json_t *list, struct exchange_request *request,
                                      cella_error *error)
{
    uint8_t der[4096];
    size_t at, size;
    json_t *one;
    if (json_array_size(list) == 0 || json_array_size(list) > X509_CHAIN_MOST)
        return fail(error, CELLA_INVALID, "request: \"endorsement\" has 1 to %d certificates",
                    X509_CHAIN_MOST);
    json_array_foreach(list, at, one)
    {
        struct x509 *certificate =
            read_text(one, der, sizeof(der), &size) ? x509_decode(der, size) : NULL;
        if (certificate && x509_pool_add(&request->certificates, certificate))
            continue;
        return fail(error, CELLA_INVALID,
                    "request: \"endorsement\": %zu is no certificate in DER, in base64", at);
    }
    return CELLA_OK;
}

cella_status exchange_request_read(const uint8_t *bytes, size_t size,
                                   struct exchange_request *request, cella_error *error)
{
    static const char *const names[] = {"endorsement", "key"};
    json_t *json, *values[2] = {0};
    memset(request, 0, sizeof(*request));
    cella_status status = strict_object(bytes, size, "request", &json, error);
    if (status)
        return status;
    status = read_members(json, "request", REQUEST, names, values, 2, error);
    if (status == CELLA_OK)
        status = read_certificates(values[0], request, error);
    if (status == CELLA_OK &&
        !read_text(values[1], request->key, sizeof(request->key), &request->key_size))
        status = fail(error, CELLA_INVALID, "request: \"key\" is no TPMT_PUBLIC in base64");
    json_decref(json);
    return status;
}

void exchange_request_free(struct exchange_request *request)
{
    x509_pool_clear(&request->certificates);
}

/* ---- grants ---- */

cella_status exchange_grant_write(const struct exchange_grant *grant, uint8_t **bytes, size_t *size,
                                  cella_error *error)
{
    const struct tpm_credential *credential = &grant->credential;
    return dump(json_pack("{s:i, s:s, s:o, s:o, s:o}", GRANT, VERSION, "endorsement",
                          grant->kind->name, "credential",
                          as_text(credential->blob, credential->blob_size), "secret",
                          as_text(credential->secret, credential->secret_size), "sealed",
                          as_text(grant->sealed, grant->sealed_size)),
                bytes, size, error);
}

static cella_status read_grant(json_t *const values[4], struct exchange_grant *grant,
                               cella_error *error)
{
    struct tpm_credential *credential = &grant->credential;
    const char *kind = json_string_value(values[0]);
    if (!kind || !(grant->kind = tpm_endorsement_named(kind)))
        return fail(error, CELLA_UNSUPPORTED,
                    "grant: \"endorsement\": a kind of key that is not "
                    "known here");
    if (!read_text(values[1], credential->blob, sizeof(credential->blob), &credential->blob_size))
        return fail(error, CELLA_INVALID, "grant: \"credential\": 1 to %zu bytes in base64",
                    sizeof(credential->blob));
    if (!read_text(values[2], credential->secret, sizeof(credential->secret),
                   &credential->secret_size))
        return fail(error, CELLA_INVALID, "grant: \"secret\": 1 to %zu bytes in base64",
                    sizeof(credential->secret));
    if (!read_text(values[3], grant->sealed, sizeof(grant->sealed), &grant->sealed_size) ||
        grant->sealed_size <= BOX_TAG)
        return fail(error, CELLA_INVALID, "grant: \"sealed\": %d to %zu bytes in base64",
                    BOX_TAG + 1, sizeof(grant->sealed));
    return CELLA_OK;
}

cella_status exchange_grant_read(const uint8_t *bytes, size_t size, struct exchange_grant *grant,
                                 cella_error *error)
{
    static const char *const names[] = {"endorsement", "credential", "secret", "sealed"};
    json_t *json, *values[4];
    memset(grant, 0, sizeof(*grant));
    cella_status status = strict_object(bytes, size, "grant", &json, error);
    if (status)
        return status;
    status = read_members(json, "grant", GRANT, names, values, 4, error);
    if (status == CELLA_OK)
        status = read_grant(values, grant, error);
    json_decref(json);
    return status;
}

/* ---- what is sealed in one ---- */

cella_status exchange_seal(struct exchange_grant *grant, const uint8_t key[TPM_CREDENTIAL],
                           const uint8_t *text, size_t size, cella_error *error)
{
    static_assert(TPM_CREDENTIAL == BOX_KEY, "what the TPM gives is a key");
    EVP_CIPHER_CTX *cipher = aead_new(key, true);
    bool good = cipher && size <= sizeof(grant->sealed) - BOX_TAG &&
                aead_seal(cipher, nonce, additional, sizeof(additional), text, size, grant->sealed,
                          grant->sealed + size);
    EVP_CIPHER_CTX_free(cipher);
    grant->sealed_size = good ? size + BOX_TAG : 0;
    return good ? CELLA_OK : fail(error, CELLA_SYSTEM, "grant: the certificate is not sealed");
}

cella_status exchange_open(const struct exchange_grant *grant, const uint8_t key[TPM_CREDENTIAL],
                           uint8_t *text, size_t *size, cella_error *error)
{
    EVP_CIPHER_CTX *cipher = aead_new(key, false);
    *size = grant->sealed_size - BOX_TAG;
    bool good = cipher && aead_open(cipher, nonce, additional, sizeof(additional), grant->sealed,
                                    *size, text, grant->sealed + *size);
    EVP_CIPHER_CTX_free(cipher);
    return good ? CELLA_OK
                : fail(error, CELLA_REFUSED,
                       "grant: its certificate was altered, or is of another "
                       "grant");
}
