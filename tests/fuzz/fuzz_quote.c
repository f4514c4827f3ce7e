/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as a quote of SGX or TDX beside real collateral (also in the JSON of
 * Azure's samples), at one of the times of that collateral and under one of the demands; as a quote
 * that is only read; as the extension of a PCK certificate. What is refused proves nothing.
 */
#include "attest/collateral.h"
#include "attest/sgx/pck.h"
#include "attest/sgx/quote.h"
#include "fuzz_attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(const uint8_t *part, size_t part_size, const uint8_t *data, size_t size)
{
    return part >= data && part_size <= size && part <= data + size - part_size;
}

/* Every part of a good quote lies inside it, and they do not overlap. */
static void parse(const uint8_t *data, size_t size)
{
    struct quote quote;
    struct quote_fault fault = {0};
    struct quote_platform platform;
    if (quote_parse(data, size, &quote, &fault) != QUOTE_GOOD) {
        must(fault.claim && fault.expected && *fault.found);
        return;
    }
    must(quote.signed_bytes == data &&
         quote.signed_size + 4 + quote.signature_size + quote.trailing == size);
    must(is_inside(quote.signature, 64, data + quote.signed_size, quote.signature_size + 4));
    must(quote.key == quote.signature + 64);
    must(is_inside(quote.qe.bytes, QUOTE_REPORT_BODY, quote.key + 64, size));
    must(quote.qe_signature == quote.qe.bytes + QUOTE_REPORT_BODY);
    must(is_inside(quote.auth, quote.auth_size, data, size));
    must(quote.certification_bytes + quote.certification_size + quote.trailing == data + size);
    if (quote_platform(&quote, &platform))
        must(is_inside(platform.cpusvn, 16, quote.certification_bytes, quote.certification_size));
}

static const char *const collateral[] = {
    "sgx/dcap-qvl/sgx_quote_collateral.json",
    "tdx/dcap-qvl/tdx_quote_collateral.json",
    "tdx/go-tdx-guest-v4/tcb_info_50806f000000.json",
    "tdx/go-tdx-guest-v4/td_qe_identity.json",
    "tdx/go-tdx-guest-v4/pck_platform_crl.der",
    "tdx/go-tdx-guest-v4/root_crl.der",
    "tdx/go-tdx-guest-v4/tcb_signing_chain.pem",
    "tdx/go-tdx-guest-v4/pck_crl_issuer_chain.pem",
    "tdx/go-tdx-guest-v5/tcb_info_90c06f000000.json",
    "sgx/fortanix-pcs-2020/00906ea10000.tcb",
    "sgx/fortanix-pcs-2020/qe3_identity.id",
    "sgx/fortanix-pcs-2020/processor.crl",
    "sgx/intel-qvl-sample/pckCert.pem",
};

/* With a TD's log, too, or without. */
static cella_verifier *verifier_with_collateral(bool log)
{
    static cella_verifier *verifiers[2];
    cella_error error = {0};
    if (!verifiers[log]) {
        must(cella_verifier_new(&verifiers[log], &error) == CELLA_OK);
        for (size_t i = 0; i < sizeof(collateral) / sizeof(collateral[0]); i++)
            add_vector(verifiers[log], collateral[i]);
        if (log)
            add_vector(verifiers[log], "tdx/gcp-cos113/ccel_data.bin");
    }
    return verifiers[log];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"sgx", "tdx"};
    static const int64_t times[] = {1751328000, 1591358400, 1688173200, 1770080400};
    cella_demands demands;
    struct pck pck;
    if (size == 0)
        return 0;
    if (data[0] % 4 == 3) {
        if (pck_read(data + 1, size - 1, &pck))
            must(pck.sgx_type <= 2);
        return 0;
    }
    if (data[0] % 4 == 2) {
        parse(data + 1, size - 1);
        return 0;
    }
    cella_demands_default(&demands);
    demands.at = times[data[0] >> 4 & 3];
    demands.type = types[data[0] % 4];
    demands.insecure_any_report_data = true;
    demands.insecure_no_collateral = !(data[0] & 4);
    demands.insecure_allow_debug = demands.insecure_allow_outdated = data[0] & 8;
    judge(verifier_with_collateral(data[0] & 64), &demands, data + 1, size - 1);
    return 0;
}
