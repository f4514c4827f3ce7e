/* SPDX-License-Identifier: Apache-2.0
 *
 * JWS: header.payload.signature, each in base64url.
 */
#include "jws.h"

#include "attest/token/jose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *jws_sign(EVP_PKEY *key, const char *kid, const char *type, const char *payload)
{
    char header[256], *text = NULL;
    uint8_t *bytes = NULL;
    size_t size;
    int head = snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                        kid, type);
    char *first = head < (int)sizeof(header) ? jose_encode(header, (size_t)head) : NULL;
    char *second = jose_encode(payload, strlen(payload)), *third = NULL, *signed_text = NULL;
    if (first && second && asprintf(&signed_text, "%s.%s", first, second) < 0)
        signed_text = NULL;
    if (signed_text &&
        jose_sign(jose_algorithm("ES256"), key, signed_text, strlen(signed_text), &bytes, &size))
        third = jose_encode(bytes, size);
    if (third && asprintf(&text, "%s.%s", signed_text, third) < 0)
        text = NULL;
    free(first);
    free(second);
    free(third);
    free(signed_text);
    free(bytes);
    return text;
}
