/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as what a machine and an issuer of certificates carry to each other: what is read is
 * written, and is read again as the same.
 */
#include "attest/platform_exchange.h"
#include "attest/tpm/structures.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void try_request(const uint8_t *data, size_t size)
{
    struct exchange_request request, again;
    struct tpm_public public;
    uint8_t *bytes;
    size_t written;
    cella_error error = {0};
    if (exchange_request_read(data, size, &request, &error)) {
        must(*error.sentence);
    } else {
        if (tpm_public_read(request.key, request.key_size, &public, &error) == CELLA_OK)
            EVP_PKEY_free(public.key);
        must(exchange_request_write(&request, &bytes, &written, &error) == CELLA_OK);
        must(exchange_request_read(bytes, written, &again, &error) == CELLA_OK);
        must(again.key_size == request.key_size &&
             memcmp(again.key, request.key, again.key_size) == 0 &&
             again.certificates.count == request.certificates.count);
        exchange_request_free(&again);
        free(bytes);
    }
    exchange_request_free(&request);
}

static void try_grant(const uint8_t *data, size_t size)
{
    static struct exchange_grant grant, again;
    static uint8_t text[EXCHANGE_SEALED_MOST];
    static const uint8_t key[TPM_CREDENTIAL];
    uint8_t *bytes;
    size_t written;
    cella_error error = {0};
    if (exchange_grant_read(data, size, &grant, &error)) {
        must(*error.sentence);
        return;
    }
    must(exchange_open(&grant, key, text, &written, &error) != CELLA_OK);
    must(exchange_grant_write(&grant, &bytes, &written, &error) == CELLA_OK);
    must(exchange_grant_read(bytes, written, &again, &error) == CELLA_OK);
    must(memcmp(&grant, &again, sizeof(grant)) == 0);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_request(data, size);
    try_grant(data, size);
    return 0;
}
