/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys for cella's own enclaves, by their evidence, by tokens of it, and by attested TLS
 * certificates: the challenge is in the report data, and in the nonce that a certificate's claims
 * have.
 */
#include "keyd_evidence.h"

#include <cella/tls.h>

static uint8_t *make_vsm(const struct binding *binding, size_t *size)
{
    static const uint8_t nothing[64];
    const struct enclave enclave = {platform, "vsm", 1, false};
    uint8_t *bytes = make_evidence(&enclave, binding ? binding->report_data : nothing, size);
    assert_non_null(bytes);
    return bytes;
}

/* What an enclave would get. */
static cella_status evidence_of(void *unused, const uint8_t report_data[64], uint8_t **bytes,
                                size_t *size, cella_error *error)
{
    struct binding binding;
    (void)unused;
    (void)error;
    memcpy(binding.report_data, report_data, 64);
    *bytes = make_vsm(&binding, size);
    return CELLA_OK;
}

static uint8_t *make_ratls(const struct binding *binding, size_t *size)
{
    char *pem;
    good(cella_tls_certificate(binding ? binding->nonce : NULL, binding ? 32 : 0, evidence_of, NULL,
                               &pem, &problem));
    *size = strlen(pem);
    return (uint8_t *)pem;
}

static const struct kind vsm = {"vsm", "{'claim':'tee','equals':'vsm'}", CLASS_REPORT_DATA,
                                make_vsm},
                         ratls = {"ratls", "{'claim':'tee','equals':'vsm'}", CLASS_NONCE,
                                  make_ratls};

static void prepare(void)
{
    good(cella_verifier_add_root_key(issuer, cella_platform_root(platform), &problem));
}

static int begin(void **state)
{
    (void)state;
    return set_up_evidence(prepare);
}

static void test_vsm(void **state)
{
    (void)state;
    check_kind(&vsm);
}

static void test_ratls(void **state)
{
    (void)state;
    check_kind(&ratls);
}

static void test_tokens(void **state)
{
    (void)state;
    check_token(&vsm, TOKEN_MAA, "maa.vsm", vsm.policy);
    check_token(&vsm, TOKEN_EAR, "ear.vsm",
                "{'claim':'submods.vsm.ear.veraison.annotated-evidence.tee','equals':'vsm'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vsm),
        cmocka_unit_test(test_ratls),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, begin, tear_down_evidence);
}
