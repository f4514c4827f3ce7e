/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a token, as a set of keys, and as the header and claims (with a zero between) of a
 * token that a trusted key signed. Refused claims are no claims; an accepted token is for its
 * issuer and its time.
 */
#include "attest/token/token.h"
#include "fuzz_attest.h"

#include <openssl/ec.h>

#define NOW 1795457925 /* of the certificates in the vectors */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key;
static struct jwks *keys;
static cella_verifier *verifier;

static void prepare(void)
{
    cella_error error;
    key = EVP_EC_gen("P-256");
    json_t *set = key ? jwks_write(key) : NULL;
    char *text = set ? json_dumps(set, 0) : NULL;
    if (!text || jwks_read(text, strlen(text), "own", &keys, &error) ||
        cella_verifier_new(&verifier, &error))
        abort();
    free(keys->keys[0].kid); /* any token's */
    keys->keys[0].kid = NULL;
    free(text);
    json_decref(set);
    add_root(verifier, "tpm/cella/root.pem");
}

static void verify(const char *text, size_t size, const struct jwks *set)
{
    cella_error error = {0};
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = NOW;
    struct appraisal appraisal = {verifier, &demands, appraisal_result(NOW), &error};
    const struct token_demands wanted = {set, "i", size % 4 ? NULL : "a", 0};
    cella_status status = token_verify(&appraisal, text, size, &wanted);
    const json_t *claims = appraisal.result->claims;
    if (status == CELLA_OK ? strcmp(json_string_value(json_object_get(claims, "iss")), "i") != 0 ||
                                 json_number_value(json_object_get(claims, "exp")) <= NOW
                           : json_object_size(claims) > 0 || error.sentence[0] == 0)
        abort();
    cella_result_free(appraisal.result);
}

static void sign(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    size_t first = zero ? (size_t)(zero - data) : size, second = zero ? size - first - 1 : 0;
    char *header = jose_encode(data, first), *claims = jose_encode(zero ? zero + 1 : data, second);
    char *input, *token;
    uint8_t *signature;
    size_t length;
    if (!header || !claims || asprintf(&input, "%s.%s", header, claims) < 0 ||
        !jose_sign(jose_algorithm("ES256"), key, input, strlen(input), &signature, &length))
        abort();
    char *encoded = jose_encode(signature, length);
    if (!encoded || asprintf(&token, "%s.%s", input, encoded) < 0)
        abort();
    verify(token, strlen(token), keys);
    verify(token, strlen(token), NULL);
    free(token);
    free(encoded);
    free(signature);
    free(input);
    free(header);
    free(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_error error = {0};
    struct jwks *set;
    if (!key)
        prepare();
    verify((const char *)data, size, keys);
    verify((const char *)data, size, NULL);
    if (jwks_read(data, size, "fuzz", &set, &error) ? set || !error.sentence[0] : !set->count)
        abort();
    for (size_t i = 0; set && i < set->count; i++) {
        char text[JWK_THUMBPRINT];
        if (!jwk_thumbprint(set->keys[i].key, text))
            abort();
    }
    jwks_free(set);
    sign(data, size);
    return 0;
}
