/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys for SGX enclaves and TDX guests, and for tokens of them: the challenge is in the report
 * data.
 */
#include "attest_intel.h"
#include "keyd_evidence.h"

static uint8_t *make(const struct shape *like, const struct binding *binding, size_t *size)
{
    static const uint8_t nothing[64];
    struct shape shape = *like;
    uint8_t *quote = malloc(QUOTE);
    assert_non_null(quote);
    shape.report_data = binding ? binding->report_data : nothing;
    *size = make_quote(&shape, quote);
    return quote;
}

static uint8_t *make_sgx(const struct binding *binding, size_t *size)
{
    return make(&(struct shape){.version = 3, .body = QUOTE_BODY_SGX, .qe_svn = 4}, binding, size);
}

static uint8_t *make_tdx(const struct binding *binding, size_t *size)
{
    return make(
        &(struct shape){.version = 4, .body = QUOTE_BODY_TDX_10, .svn = {6, 1, 3}, .qe_svn = 4},
        binding, size);
}

static const struct kind sgx = {"sgx", "{'claim':'x-ms-attestation-type','equals':'sgx'}",
                                CLASS_REPORT_DATA, make_sgx},
                         tdx = {"tdx", "{'claim':'x-ms-attestation-type','equals':'tdxvm'}",
                                CLASS_REPORT_DATA, make_tdx};

static void prepare(void)
{
    static char text[TEXT];
    const struct sink files = {give, NULL};
    make_intel();
    trust("intel", root.certificate);
    add_certificate(&files, signer.certificate);
    add_list(&files, &root, 0, PKI_NOW + 86400);
    add_list(&files, &ca, 0, PKI_NOW + 86400);
    for (int of_tdx = 0; of_tdx < 2; of_tdx++) {
        make_info(text, of_tdx, NOW, FMSPC, NULL, 1);
        add_document(&files, "tcbInfo", text, signer.key, false);
        make_identity(text, of_tdx, NOW);
        add_document(&files, "enclaveIdentity", text, signer.key, false);
    }
}

static int begin(void **state)
{
    (void)state;
    return set_up_evidence(prepare);
}

static int end(void **state)
{
    free_intel();
    return tear_down_evidence(state);
}

static void test_sgx(void **state)
{
    (void)state;
    check_kind(&sgx);
}

static void test_tdx(void **state)
{
    (void)state;
    check_kind(&tdx);
}

static void test_tokens(void **state)
{
    (void)state;
    check_token(&sgx, TOKEN_MAA, "maa.sgx", sgx.policy);
    check_token(&tdx, TOKEN_MAA, "maa.tdx", tdx.policy);
    check_token(&sgx, TOKEN_EAR, "ear.sgx",
                "{'claim':'submods.sgx.ear.status','equals':'affirming'}");
    check_token(&tdx, TOKEN_EAR, "ear.tdx",
                "{'claim':'submods.tdx.ear.veraison.annotated-evidence.x-ms-attestation-type',"
                "'equals':'tdxvm'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgx),
        cmocka_unit_test(test_tdx),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
