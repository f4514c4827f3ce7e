/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests for keys.
 */
#include "request.h"

#include "box/key.h"
#include "fields.h"
#include "image/base64.h"
#include "image/fail.h"
#include "image/hex.h"

#include <stdlib.h>
#include <string.h>

#define WHERE "request"

const struct release_format_facts release_formats[FORMATS] = {
    [FORMAT_HPKE] = {"hpke", NULL, NULL},
    [FORMAT_JWE] = {"jwe", NULL, NULL},
    [FORMAT_RSA_AES_SHA1] = {"ckm_rsa_aes_key_wrap", "CKM_RSA_AES_KEY_WRAP", "SHA1"},
    [FORMAT_RSA_AES_SHA256] = {"rsa_aes_key_wrap_256", "RSA_AES_KEY_WRAP_256", "SHA256"},
    [FORMAT_RSA_AES_SHA384] = {"rsa_aes_key_wrap_384", "RSA_AES_KEY_WRAP_384", "SHA384"},
};

/* Which keys a format takes. */
static bool goes_with(enum release_format format, enum recipient_kind kind)
{
    if (format == FORMAT_HPKE)
        return kind == RECIPIENT_X25519;
    return format == FORMAT_JWE || kind == RECIPIENT_RSA;
}

static cella_status read_format(const char *name, struct request *request, cella_error *error)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(release_formats[i].name, name) == 0) {
            request->format = (enum release_format)i;
            if (goes_with(request->format, request->recipient.kind))
                return CELLA_OK;
            return fail(error, CELLA_INVALID, WHERE ": format: %s wants a recipient's key of %s",
                        name, i == FORMAT_HPKE ? "X25519" : "RSA");
        }
    return fail(error, CELLA_INVALID,
                WHERE
                ": format: must be hpke, jwe, ckm_rsa_aes_key_wrap, rsa_aes_key_wrap_256 or "
                "rsa_aes_key_wrap_384");
}

static cella_status read_proof(const json_t *evidence, const json_t *token, struct request *request,
                               cella_error *error)
{
    if ((evidence == NULL) == (token == NULL))
        return fail(error, CELLA_INVALID, WHERE ": either evidence or a token is wanted");
    if (token) {
        request->size = json_string_length(token);
        request->token = strdup(json_string_value(token));
        return request->token ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory for a request");
    }
    size_t length = json_string_length(evidence);
    request->evidence = malloc(BASE64_BYTES(length));
    if (!request->evidence)
        return fail(error, CELLA_MEMORY, "no memory for a request");
    if (!base64_read(BASE64, json_string_value(evidence), length, request->evidence,
                     &request->size) ||
        !request->size)
        return fail(error, CELLA_INVALID,
                    WHERE ": evidence: must be in base64 (RFC 4648, section 4), with padding");
    return CELLA_OK;
}

/* What a request that is malformed elsewhere says of itself, too: its nonce is used up, and the log
 * names both. */
static void read_names(const json_t *object, struct request *request)
{
    const json_t *key = json_object_get(object, "key"), *nonce = json_object_get(object, "nonce");
    const char *name = json_string_value(key), *digits = json_string_value(nonce);
    if (name && strlen(name) == json_string_length(key) && cella_key_is_name(name))
        strcpy(request->key, name);
    request->has_nonce = digits && strlen(digits) == json_string_length(nonce) &&
                         hex_read(digits, request->nonce, CHALLENGE_SIZE);
}

static cella_status read_object(const json_t *object, struct request *request, cella_error *error)
{
    const json_t *key, *nonce, *evidence, *token, *recipient, *format;
    const struct field fields[] = {
        {"key", JSON_STRING, false, &key},
        {"nonce", JSON_STRING, false, &nonce},
        {"evidence", JSON_STRING, true, &evidence},
        {"token", JSON_STRING, true, &token},
        {"recipient", JSON_OBJECT, false, &recipient},
        {"format", JSON_STRING, false, &format},
    };
    read_names(object, request);
    cella_status status = FIELDS_READ(object, WHERE, fields, error);
    if (status)
        return status;
    if (!request->key[0])
        return fail(error, CELLA_INVALID, WHERE ": key: is no key's name");
    if ((status = fields_hex(nonce, WHERE, "nonce", request->nonce, CHALLENGE_SIZE, error)) ||
        (status = recipient_read(recipient, &request->recipient, error)) ||
        (status = read_format(json_string_value(format), request, error)) ||
        (status = read_proof(evidence, token, request, error)))
        return status;
    return binding_make(request->nonce, request->recipient.sha256, request->key, &request->binding)
               ? CELLA_OK
               : fail(error, CELLA_MEMORY, "no memory for a request");
}

cella_status request_read(const char *text, size_t size, struct request *request,
                          cella_error *error)
{
    json_t *object;
    memset(request, 0, sizeof(*request));
    if (size > REQUEST_MOST)
        return fail(error, CELLA_INVALID, WHERE ": %zu bytes; at most %u are read", size,
                    REQUEST_MOST);
    cella_status status = fields_parse(text, size, WHERE, &object, error);
    if (status == CELLA_OK)
        status = read_object(object, request, error);
    json_decref(object);
    return status;
}

void request_drop(struct request *request)
{
    recipient_drop(&request->recipient);
    free(request->evidence);
    free(request->token);
    request->evidence = NULL;
    request->token = NULL;
}
