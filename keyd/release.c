/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys wrapped: by HPKE (RFC 9180), as JWE, or as Azure Key Vault's release has it.
 */
#include "release.h"

#include "box/hpke.h"
#include "image/base64.h"
#include "image/fail.h"
#include "jwe.h"
#include "wrap.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static json_t *base64url(const uint8_t *bytes, size_t size)
{
    char *text = malloc(BASE64_TEXT(size));
    json_t *value = text ? json_string(base64_write(BASE64_URL, bytes, size, text)) : NULL;
    free(text);
    return value;
}

static cella_status by_hpke(const struct sealed *key, const struct request *request,
                            json_t **wrapped, cella_error *error)
{
    uint8_t encapsulated[HPKE_KEY], *sealed = malloc(key->size + HPKE_TAG);
    cella_status status = CELLA_OK;
    if (!sealed ||
        !hpke_seal(
            request->recipient.raw, (struct hpke_bytes){RELEASE_INFO, strlen(RELEASE_INFO)},
            (struct hpke_bytes){request->binding.report_data, sizeof(request->binding.report_data)},
            (struct hpke_bytes){key->secret, key->size}, encapsulated, sealed))
        status = fail(error, CELLA_INVALID, "recipient: nothing can be sealed to this X25519 key");
    else
        *wrapped = json_pack("{s:{s:o, s:o}}", "hpke", "enc", base64url(encapsulated, HPKE_KEY),
                             "sealed", base64url(sealed, key->size + HPKE_TAG));
    free(sealed);
    return status;
}

static cella_status by_jwe(const struct sealed *key, const struct request *request,
                           json_t **wrapped, cella_error *error)
{
    char *text;
    const char *type = strcmp(key->type, "oct") == 0 ? "octet-stream" : "pkcs8";
    cella_status status = jwe_seal(&request->recipient, type, key->secret, key->size, &text, error);
    if (status == CELLA_OK)
        *wrapped = json_pack("{s:s}", "jwe", text);
    free(text);
    return status;
}

static const char *azure_type(const char *type)
{
    if (strcmp(type, "rsa") == 0)
        return "RSA-HSM";
    return strcmp(type, "ec") == 0 ? "EC-HSM" : "oct-HSM";
}

/* Azure's "key_hsm": JSON inside JSON, in base64url. */
static json_t *azure_key(const struct sealed *key, const struct request *request,
                         const uint8_t *bytes, size_t size)
{
    json_t *inner =
        json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:s}", "schema_version", "1.0", "header", "kid",
                  request->recipient.kid, "alg", "dir", "enc", release_formats[request->format].enc,
                  "ciphertext", base64url(bytes, size), "generator", "cella keyd");
    char *text = inner ? json_dumps(inner, JSON_COMPACT) : NULL;
    json_t *outer =
        text ? json_pack("{s:{s:{s:s, s:s, s:o}}}", "key", "key", "kid", key->name, "kty",
                         azure_type(key->type), "key_hsm", base64url((uint8_t *)text, strlen(text)))
             : NULL;
    free(text);
    json_decref(inner);
    return outer;
}

static cella_status by_rsa_aes(const struct keystore_key *key, const struct request *request,
                               json_t **wrapped, cella_error *error)
{
    const char *hash = release_formats[request->format].hash;
    size_t room = WRAP_RSA_SIZE(WRAP_MOST), size;
    uint8_t *bytes = malloc(room);
    cella_status status = CELLA_OK;
    if (!bytes)
        return fail(error, CELLA_MEMORY, "no memory to wrap a key");
    if (key->module)
        status = pkcs11_wrap(key->module, request->recipient.key, hash, bytes, room, &size, error);
    else if (!(size =
                   wrap_rsa_aes(request->recipient.key, hash, key->is.secret, key->is.size, bytes)))
        status = fail(error, CELLA_INVALID, "recipient: nothing can be wrapped for this RSA key");
    if (status == CELLA_OK)
        *wrapped = azure_key(&key->is, request, bytes, size);
    free(bytes);
    return status;
}

cella_status release_wrap(const struct keystore_key *key, const struct request *request,
                          json_t **wrapped, cella_error *error)
{
    cella_status status;
    *wrapped = NULL;
    if (release_formats[request->format].hash)
        status = by_rsa_aes(key, request, wrapped, error);
    else if (key->module)
        status = fail(error, CELLA_INVALID,
                      "format: this key is in a PKCS#11 module, which wraps by "
                      "ckm_rsa_aes_key_wrap alone");
    else if (request->format == FORMAT_HPKE)
        status = by_hpke(&key->is, request, wrapped, error);
    else
        status = by_jwe(&key->is, request, wrapped, error);
    if (status == CELLA_OK && !*wrapped)
        status = fail(error, CELLA_MEMORY, "no memory to wrap a key");
    return status;
}
