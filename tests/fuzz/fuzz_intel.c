/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as Intel's collateral in any of its forms, by which a quote of SGX
 * or TDX is judged then; as TCB information, as an identity. What is accepted is whole.
 */
#include "attest/collateral.h"
#include "attest/sgx/tcb.h"
#include "fuzz_attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_levels(const struct tcb_isv_level *levels, size_t count)
{
    must(count > 0 && count <= 256);
    must(tcb_isv_match(levels, count, UINT16_MAX) == levels);
    for (size_t i = 0; i < count; i++)
        must(levels[i].state.status < TCB_NOT_SUPPORTED && levels[i].state.date >= 0);
}

static void read_info(const uint8_t *data, size_t size)
{
    uint8_t most[TCB_COMPONENTS];
    struct tcb_info *info;
    cella_error error = {0};
    memset(most, 255, sizeof(most));
    struct tcb_platform best = {most, UINT16_MAX, most};
    if (tcb_info_read(data, size, "fuzz", &info, &error)) {
        must(!info && *error.sentence);
        return;
    }
    must(info->count > 0 && tcb_info_match(info, &best) == info->levels);
    must(info->tdx >= (info->module_count > 0));
    for (size_t i = 0; i < info->module_count; i++)
        check_levels(info->modules[i].levels, info->modules[i].count);
    tcb_info_free(info);
}

static void read_identity(const uint8_t *data, size_t size)
{
    struct tcb_identity *identity;
    cella_error error = {0};
    if (tcb_identity_read(data, size, "fuzz", &identity, &error)) {
        must(!identity && *error.sentence);
        return;
    }
    check_levels(identity->levels, identity->count);
    tcb_identity_free(identity);
}

/* A real quote, beside what was read. */
static void judge_quote(cella_verifier *verifier, bool tdx)
{
    static uint8_t quotes[2][1 << 14];
    static size_t sizes[2];
    cella_demands demands;
    if (!sizes[tdx])
        sizes[tdx] = read_vector(tdx ? "tdx/dcap-qvl/tdx_quote.bin" : "sgx/dcap-qvl/sgx_quote.bin",
                                 quotes[tdx], sizeof(quotes[tdx]));
    cella_demands_default(&demands);
    demands.at = 1751328000;
    demands.insecure_any_report_data = demands.insecure_no_collateral = true;
    judge(verifier, &demands, quotes[tdx], sizes[tdx]);
    char *text = cella_verifier_describe(verifier, demands.at);
    must(text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_verifier *verifier;
    cella_error error = {0};
    if (size == 0)
        return 0;
    if (data[0] % 4 == 1) {
        read_info(data + 1, size - 1);
    } else if (data[0] % 4 == 2) {
        read_identity(data + 1, size - 1);
    } else {
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
        cella_status status = collateral_read_intel(verifier, data + 1, size - 1, "fuzz", &error);
        must(status == CELLA_OK || *error.sentence);
        must(status != CELLA_UNSUPPORTED || verifier->count == 0);
        if (status == CELLA_UNSUPPORTED)
            status = collateral_read_x509(verifier, data + 1, size - 1, "fuzz", &error);
        if (status == CELLA_OK)
            judge_quote(verifier, data[0] % 4 == 3);
        cella_verifier_free(verifier);
    }
    return 0;
}
