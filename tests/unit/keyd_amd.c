/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys for SEV-SNP guests, and for confidential VMs of Azure: the challenge is in the report data
 * of the one, and in the nonce of the other's virtual TPM's quote.
 */
#include "attest_snp.h"
#include "keyd_evidence.h"
#include "tpm_made.h"

static struct amd amd;
static EVP_PKEY *ak;

static uint8_t *make_snp(const struct binding *binding, size_t *size)
{
    uint8_t *report = malloc(SNP_REPORT_SIZE);
    amd_genoa_report(&amd);
    if (binding)
        memcpy(amd.report + SNP_REPORT_DATA, binding->report_data, 64);
    amd_sign(&amd);
    memcpy(report, amd.report, SNP_REPORT_SIZE);
    *size = SNP_REPORT_SIZE;
    return report;
}

static uint8_t *make_azure(const struct binding *binding, size_t *size)
{
    char *runtime = hcl_runtime(ak);
    amd_genoa_report(&amd);
    SHA256((uint8_t *)runtime, strlen(runtime), amd.report + SNP_REPORT_DATA);
    amd_sign(&amd);
    char *text = azure_evidence(ak, amd.vek.certificate, amd.report, runtime,
                                binding ? binding->nonce : NULL);
    free(runtime);
    *size = strlen(text);
    return (uint8_t *)text;
}

static const struct kind snp = {"snp", "{'claim':'x-ms-attestation-type','equals':'sevsnpvm'}",
                                CLASS_REPORT_DATA, make_snp},
                         azure = {"azure",
                                  "{'claim':'x-ms-isolation-tee.x-ms-attestation-type',"
                                  "'equals':'sevsnpvm'}",
                                  CLASS_NONCE, make_azure};

static void give_certificate(const X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    give(NULL, der, (size_t)size);
    OPENSSL_free(der);
}

static void prepare(void)
{
    ak = EVP_RSA_gen(2048);
    amd_make(&amd, "ARK-Genoa", "SEV-Genoa");
    amd_make_vek(&amd, amd_genoa, "P-384");
    trust("amd", amd.ark.certificate);
    give_certificate(amd.ask.certificate);
    give_certificate(amd.vek.certificate);
}

static int begin(void **state)
{
    (void)state;
    return set_up_evidence(prepare);
}

static int end(void **state)
{
    amd_free(&amd);
    EVP_PKEY_free(ak);
    return tear_down_evidence(state);
}

static void test_snp(void **state)
{
    (void)state;
    check_kind(&snp);
}

static void test_azure(void **state)
{
    (void)state;
    check_kind(&azure);
}

static void test_tokens(void **state)
{
    (void)state;
    check_token(&snp, TOKEN_MAA, "maa.snp", snp.policy);
    check_token(&snp, TOKEN_EAR, "ear.snp",
                "{'claim':'submods.snp.ear.veraison.annotated-evidence.x-ms-attestation-type',"
                "'equals':'sevsnpvm'}");
}

/* The virtual TPM's nonce is in a token of it, but as words of whoever asked the issuer. */
static void test_azure_token(void **state)
{
    char digest[65];
    struct kind kind = azure;
    (void)state;
    kind.name = "maa.azure";
    add_key(kind.name, ISSUER, azure.policy);
    begin_service(60);
    char *nonce = challenge();
    struct binding binding = bound_to(nonce, x25519, kind.name);
    char *request = token_request(&kind, TOKEN_MAA, nonce, &binding, digest);
    expect_refusal(request, nonce, "REPORT_DATA");
    free(request);
    free(nonce);
    service_free(service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snp),
        cmocka_unit_test(test_azure),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_azure_token),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
