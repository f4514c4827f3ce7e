/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as what a TPM makes (by the first byte: a quote, a signature, a public area), or as a
 * document of kind tpm or azure. Nobody trusts a root here, so none of it is ever accepted; but
 * where signatures are not checked, the vectors' roots are trusted.
 */
#include "attest/tpm/quote.h"

#include "fuzz_attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef UNSIGNED
static void trust(cella_verifier *tpm, cella_verifier *azure)
{
    add_root(tpm, "tpm/cella/root.pem");
    add_vector(tpm, "tpm/cella/event_log");
    add_vector(tpm, "tpm/cella/ima_log");
    add_vector(azure, "snp/roots/ask_ark_milan.pem");
}
#define demand_refusal(result) ((void)(result))
#else
#define trust(tpm, azure)      ((void)(tpm), (void)(azure))
#define demand_refusal(result) must(!(result))
#endif

static void judge_as(const char *type, cella_verifier *verifier, const uint8_t *bytes, size_t size)
{
    static const uint8_t pinned[32];
    cella_demands demands;
    cella_demands_default(&demands);
    demands.type = size % 32 == 7 ? NULL : type;
    demands.at = *type == 't' ? 1795457925 : 1748736000;
    demands.attestation_key = size % 16 == 15 ? pinned : NULL;
    demands.insecure_allow_debug = true;
    demands.insecure_any_nonce = size % 16 != 9;
    demands.nonce = demands.insecure_any_nonce ? NULL : pinned;
    demands.nonce_size = demands.insecure_any_nonce ? 0 : sizeof(pinned);
    demands.insecure_allow_sha1 = size % 2;
    demands.insecure_no_collateral = size % 4 > 1;
    demand_refusal(judge(verifier, &demands, bytes, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cella_verifier *tpm, *azure;
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
        if (!tpm) {
            must(cella_verifier_new(&tpm, &error) == CELLA_OK);
            must(cella_verifier_new(&azure, &error) == CELLA_OK);
            trust(tpm, azure);
        }
        judge_as("tpm", tpm, data, size);
        judge_as("azure", azure, data, size);
        return 0;
    }
    must(status == CELLA_OK || *error.sentence);
    return 0;
}
