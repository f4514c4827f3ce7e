/* SPDX-License-Identifier: Apache-2.0
 *
 * JWS: header.payload.signature, each in base64url; the signature is r and s, 32 bytes each.
 */
#include "jws.h"

#include "image/base64.h"

#include <openssl/ecdsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DER_MOST 80u

static bool sign(EVP_PKEY *key, const char *text, uint8_t signature[64])
{
    uint8_t der[DER_MOST];
    size_t size = sizeof(der);
    const uint8_t *at = der;
    ECDSA_SIG *parts = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(context, der, &size, (const uint8_t *)text, strlen(text)) == 1 &&
                (parts = d2i_ECDSA_SIG(NULL, &at, (long)size)) &&
                BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, 32) == 32 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + 32, 32) == 32;
    ECDSA_SIG_free(parts);
    EVP_MD_CTX_free(context);
    return good;
}

char *jws_sign(EVP_PKEY *key, const char *kid, const char *type, const char *payload)
{
    char header[256];
    uint8_t signature[64];
    int head = snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                        kid, type);
    size_t room = BASE64_TEXT((size_t)head) + BASE64_TEXT(strlen(payload)) + BASE64_TEXT(64);
    char *text = head < (int)sizeof(header) ? malloc(room) : NULL;
    if (!text)
        return NULL;
    base64_write(BASE64_URL, header, (size_t)head, text);
    strcat(text, ".");
    base64_write(BASE64_URL, payload, strlen(payload), text + strlen(text));
    if (!sign(key, text, signature)) {
        free(text);
        return NULL;
    }
    strcat(text, ".");
    base64_write(BASE64_URL, signature, sizeof(signature), text + strlen(text));
    return text;
}
