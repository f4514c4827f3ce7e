/* SPDX-License-Identifier: Apache-2.0
 *
 * <cella/token.h>. A cella_keys is a struct jwks.
 */
#include <cella/token.h>

#include "attest/strict.h"
#include "attest/x509.h"
#include "image/fail.h"
#include "token.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

cella_status cella_keys_read(const uint8_t *bytes, size_t size, const char *name, cella_keys **keys,
                             cella_error *error)
{
    struct jwks *read;
    cella_status status = jwks_read(bytes, size, name, &read, error);
    *keys = (cella_keys *)read;
    return status;
}

void cella_keys_free(cella_keys *keys)
{
    jwks_free((struct jwks *)keys);
}

static int no_passphrase(char *to, int size, int writes, void *data)
{
    (void)to, (void)size, (void)writes, (void)data;
    return -1;
}

static cella_status read_key(const uint8_t *pem, size_t size, const char *name, EVP_PKEY **key,
                             cella_error *error)
{
    BIO *bio = pem && size <= INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
    *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return *key
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "%s: no private key in PEM without a passphrase", name);
}

cella_status cella_keys_of(const uint8_t *pem, size_t size, const char *name, char **text,
                           cella_error *error)
{
    EVP_PKEY *key;
    *text = NULL;
    cella_status status = read_key(pem, size, name, &key, error);
    if (status)
        return status;
    if (!jose_algorithm_of(key)) {
        status = fail(error, CELLA_INVALID, "%s: " JOSE_SIGNERS, name);
    } else {
        json_t *set = jwks_write(key);
        *text = set ? json_dumps(set, JSON_COMPACT) : NULL;
        json_decref(set);
        if (!*text)
            status = fail(error, CELLA_MEMORY, "%s: no memory for a set of keys", name);
    }
    EVP_PKEY_free(key);
    return status;
}

/* ---- verifying ---- */

void cella_token_demands_default(cella_token_demands *demands)
{
    memset(demands, 0, sizeof(*demands));
    demands->size = sizeof(*demands);
}

static cella_status check_demands(const cella_verifier *verifier,
                                  const cella_token_demands *demands, cella_error *error)
{
    if (demands->size != sizeof(*demands))
        return fail(error, CELLA_INVALID,
                    "the demands are of another version of cella (%zu bytes); start from "
                    "cella_token_demands_default",
                    demands->size);
    if (demands->at <= 0)
        return fail(error, CELLA_INVALID, "verifying a token wants the time to judge at");
    if (!demands->keys && !verifier)
        return fail(error, CELLA_INVALID, "verifying a token wants keys, or a verifier's roots");
    return CELLA_OK;
}

/* A result is for the caller unless the demands are wrong, or memory is gone. */
static cella_status end(struct appraisal *appraisal, cella_status status, cella_result **result)
{
    cella_result *made = appraisal->result;
    if (made->no_memory)
        status = fail(appraisal->error, CELLA_MEMORY, "no memory to verify a token");
    if (status == CELLA_OK)
        made->class[0] = 0;
    bool judged = status == CELLA_OK || made->claim[0];
    if (!judged || status == CELLA_MEMORY || status == CELLA_SYSTEM) {
        cella_result_free(made);
        return status;
    }
    if (status)
        json_object_clear(made->claims);
    *result = made;
    return status;
}

cella_status cella_token_verify(cella_verifier *verifier, const char *token, size_t size,
                                const cella_token_demands *demands, cella_result **result,
                                cella_error *error)
{
    cella_error own;
    cella_demands base;
    *result = NULL;
    cella_status status = check_demands(verifier, demands, error);
    if (status)
        return status;
    cella_demands_default(&base);
    base.at = demands->at;
    struct appraisal appraisal = {verifier, &base, appraisal_result(demands->at),
                                  error ? error : &own};
    const struct token_demands wanted = {(const struct jwks *)demands->keys, demands->issuer,
                                         demands->audience, demands->skew};
    if (!appraisal.result)
        return fail(error, CELLA_MEMORY, "no memory to verify a token");
    return end(&appraisal, token_verify(&appraisal, token, size, &wanted), result);
}

/* ---- making ---- */

void cella_token_order_default(cella_token_order *order)
{
    memset(order, 0, sizeof(*order));
    order->size = sizeof(*order);
}

static cella_status read_certificates(const cella_token_order *order, struct x509_pool *chain,
                                      cella_error *error)
{
    return x509_read(NULL, order->certificates, order->certificates_size, chain, X509_CHAIN_MOST)
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "a token's certificates are 1 to %d in PEM or DER",
                      X509_CHAIN_MOST);
}

cella_status cella_token_make(const cella_token_order *order, const char *result, size_t size,
                              char **token, cella_error *error)
{
    struct token_order wanted = {.profile =
                                     order->profile == CELLA_TOKEN_EAR ? TOKEN_EAR : TOKEN_MAA,
                                 .issuer = order->issuer,
                                 .audience = order->audience,
                                 .build = order->build,
                                 .at = order->at,
                                 .expires = order->lifetime};
    json_t *read = NULL;
    *token = NULL;
    if (order->size != sizeof(*order))
        return fail(error, CELLA_INVALID,
                    "the order is of another version of cella (%zu bytes); start from "
                    "cella_token_order_default",
                    order->size);
    if (order->profile != CELLA_TOKEN_MAA && order->profile != CELLA_TOKEN_EAR)
        return fail(error, CELLA_INVALID, "a token's profile is MAA or EAR");
    cella_status status =
        read_key(order->pem, order->pem_size, "the token's key", &wanted.key, error);
    if (status == CELLA_OK && order->certificates)
        status = read_certificates(order, &wanted.certificates, error);
    if (status == CELLA_OK)
        status = strict_object(result, size, "result", &read, error);
    if (status == CELLA_OK)
        status = token_make(&wanted, read, token, error);
    json_decref(read);
    x509_pool_clear(&wanted.certificates);
    EVP_PKEY_free(wanted.key);
    return status;
}
