/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys for whoever has a TPM 2.0, certified by a root of the operator's: the challenge is the
 * quote's nonce.
 */
#include "keyd_evidence.h"
#include "tpm_made.h"

static struct pki_node maker, ak;

static uint8_t *make_tpm(const struct binding *binding, size_t *size)
{
    char *text = tpm_evidence(&ak, binding ? binding->nonce : NULL);
    *size = strlen(text);
    return (uint8_t *)text;
}

static const struct kind tpm = {"tpm", "{'claim':'tpm_pcrs.sha256.0','equals':'" TPM_ZEROS "'}",
                                CLASS_NONCE, make_tpm};

static void prepare(void)
{
    maker = pki_make(
        &(struct pki_shape){.name = "TPM maker", .ca = true, .path_length = 0, .serial = 1}, NULL);
    ak = pki_make(&(struct pki_shape){.name = "AK", .serial = 2}, &maker);
    trust("maker", maker.certificate);
}

static int begin(void **state)
{
    (void)state;
    return set_up_evidence(prepare);
}

static int end(void **state)
{
    pki_free(&ak);
    pki_free(&maker);
    return tear_down_evidence(state);
}

static void test_tpm(void **state)
{
    (void)state;
    check_kind(&tpm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tpm),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
