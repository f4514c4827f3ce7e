/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as evidence of a platform that is trusted here, or, at its time, of
 * the vectors' with a TPM; as what a trusted platform signs. What is refused has claims of zeros
 * and says why; what is accepted says the same twice.
 */
#include "attest/certificate.h"
#include "attest/evidence.h"
#include "fuzz_attest.h"

#include <openssl/pem.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key;
static struct cose_chain chain;
static uint8_t roots[2][32];
static int64_t times[2];

/* The root and the time of the vectors. */
static void set_up_machine(void)
{
    uint8_t text[4096] = {0};
    size_t size = read_vector("vsm-tpm/root.pem", text, sizeof(text) - 1);
    BIO *bio = BIO_new_mem_buf(text, (int)size);
    X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    must(root && certificate_key_hash(root, roots[1]));
    X509_free(root);
    BIO_free(bio);
    text[read_vector("vsm-tpm/time", text, sizeof(text) - 1)] = 0;
    times[1] = atoll((char *)text);
}

static void set_up(void)
{
    uint8_t *der[2] = {NULL, NULL};
    EVP_PKEY *root_key = EVP_EC_gen("P-256");
    key = EVP_EC_gen("P-256");
    X509 *root = certificate_make(root_key, NULL, NULL);
    X509 *certificate = certificate_make(key, root, root_key);
    must(certificate && certificate_key_hash(root, roots[0]));
    chain.count = 2;
    chain.certificates[0].size = (size_t)i2d_X509(certificate, &der[0]);
    chain.certificates[1].size = (size_t)i2d_X509(root, &der[1]);
    chain.certificates[0].bytes = der[0];
    chain.certificates[1].bytes = der[1];
    X509_free(certificate);
    X509_free(root);
    EVP_PKEY_free(root_key);
    times[0] = time(NULL);
    set_up_machine();
}

static void judge_twice(uint8_t choice, int64_t at, const uint8_t *bytes, size_t size)
{
    static const uint8_t wanted[64];
    static cella_claims claims, again;
    static const cella_claims none;
    cella_refusal refusal;
    char text[256];
    cella_error error = {0};
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.at = at;
    options.roots = (const uint8_t(*)[32])roots;
    options.root_count = 2;
    options.insecure_any_report_data = !(choice & 4);
    options.report_data = choice & 4 ? wanted : NULL;
    options.insecure_allow_debug = choice & 8;
    options.most_age = choice & 16 ? 3600 : 0;
    options.attestation_key = choice & 32 ? wanted : NULL;
    cella_status status = cella_evidence_verify(bytes, size, &options, &claims, &refusal, &error);
    if (status != CELLA_OK) {
        must(*error.sentence && memcmp(&claims, &none, sizeof(none)) == 0);
        must((status == CELLA_REFUSED) == (refusal.kind != CELLA_REFUSAL_NONE));
        return;
    }
    must(cella_claims_get(&claims, "tee", text) && cella_claims_get(&claims, "time", text));
    cella_claims_get(&claims, "posture.lockdown_proof", text);
    must(cella_evidence_verify(bytes, size, &options, &again, NULL, NULL) == CELLA_OK);
    must(memcmp(&claims, &again, sizeof(again)) == 0);
}

/* By the interface that all kinds have. */
static void judge_as_kind(uint8_t choice, int64_t at, const uint8_t *bytes, size_t size)
{
    static cella_verifier *verifier;
    cella_demands demands;
    cella_error error;
    if (!verifier) {
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
        for (size_t i = 0; i < 2; i++)
            must(cella_verifier_add_root_key(verifier, roots[i], &error) == CELLA_OK);
    }
    cella_demands_default(&demands);
    demands.type = choice & 4 ? NULL : "vsm";
    demands.at = at;
    demands.insecure_any_report_data = true;
    demands.insecure_allow_debug = choice & 8;
    demands.most_age = choice & 16 ? 3600 : 0;
    judge(verifier, &demands, bytes, size);
}

static void judge_one(uint8_t choice, int64_t at, const uint8_t *bytes, size_t size)
{
    if (choice & 64)
        judge_as_kind(choice, at, bytes, size);
    else
        judge_twice(choice, at, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;
    size_t signed_size;
    if (size == 0)
        return 0;
    if (!key)
        set_up();
    if (data[0] % 2 == 0) {
        judge_one(data[0], times[data[0] >> 1 & 1], data + 1, size - 1);
        return 0;
    }
    must(cose_sign(key, EVIDENCE_CONTENT_TYPE, &chain, data + 1, size - 1, &bytes, &signed_size,
                   NULL) == CELLA_OK);
    judge_one(data[0], times[0], bytes, signed_size);
    free(bytes);
    return 0;
}
