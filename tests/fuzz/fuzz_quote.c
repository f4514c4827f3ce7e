/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as a quote of SGX or TDX beside real collateral, whole (also in the
 * JSON of Azure's samples) or with the signature checks taken away; as the extension of a PCK
 * certificate. What is refused proves nothing.
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

static cella_verifier *verifier_with_collateral(void)
{
    static cella_verifier *verifier;
    cella_error error = {0};
    if (!verifier) {
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
        add_vector(verifier, "sgx/dcap-qvl/sgx_quote_collateral.json");
        add_vector(verifier, "tdx/dcap-qvl/tdx_quote_collateral.json");
        add_vector(verifier, "sgx/intel-qvl-sample/pckCert.pem");
    }
    return verifier;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"sgx", "tdx"};
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
    demands.at = 1751328000;
    demands.type = types[data[0] % 4];
    demands.insecure_any_report_data = demands.insecure_no_collateral = true;
    judge(verifier_with_collateral(), &demands, data + 1, size - 1);
    return 0;
}
