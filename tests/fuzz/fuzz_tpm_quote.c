/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as what a TPM makes (by the first byte: a quote, a signature, a public area), or as a
 * document of kind tpm or azure. Nobody trusts a root here, so none of it is ever accepted.
 */
#include "attest/tpm/quote.h"

#include <cella/verify.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void judge(const char *type, const uint8_t *bytes, size_t size)
{
    static cella_verifier *verifier;
    cella_demands demands;
    cella_result *result;
    cella_error error = {0};
    if (!verifier)
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
    cella_demands_default(&demands);
    demands.type = type;
    demands.at = 1748736000;
    demands.insecure_any_nonce = true;
    must(cella_verify(verifier, bytes, size, &demands, &result, &error) != CELLA_OK);
    must(*error.sentence && result && !cella_result_accepted(result));
    char *json = cella_result_json(result);
    must(json);
    free(json);
    cella_result_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tpm_attest attest;
    struct tpm_signature signature;
    struct tpm_public public;
    struct tpm_pcrs pcrs = {.count = 0};
    cella_error error = {0};
    cella_status status = CELLA_INVALID;
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'q':
        status = tpm_attest_read(data + 1, size - 1, &attest, &error);
        if (!status && attest.count > 0 && attest.selections[0].pcrs)
            must(tpm_quote_pcrs(&attest, tpm_hash(TPM_SHA256), &pcrs, &error) != CELLA_OK);
        break;
    case 's':
        status = tpm_signature_read(data + 1, size - 1, &signature, &error);
        break;
    case 'p':
        status = tpm_public_read(data + 1, size - 1, &public, &error);
        must((status == CELLA_OK) == (public.key != NULL));
        must(status || tpm_key_taken(public.key));
        EVP_PKEY_free(public.key);
        break;
    default:
        judge("tpm", data, size);
        judge("azure", data, size);
        return 0;
    }
    must(status == CELLA_OK || *error.sentence);
    return 0;
}
