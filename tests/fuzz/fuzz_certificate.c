/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as an attested TLS certificate, as the evidence in one, as
 * certificates and revocation lists in every form, as roots. What is refused proves nothing.
 */
#include "attest/collateral.h"
#include "attest/ratls.h"
#include "fuzz_attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(const uint8_t *part, size_t part_size, const uint8_t *all, size_t size)
{
    return part >= all && part_size <= size && part <= all + size - part_size;
}

static void read_evidence(const uint8_t *data, size_t size)
{
    struct ratls ratls;
    const struct der extension = {data, size};
    if (ratls_read(&extension, &ratls))
        return;
    must(is_inside(ratls.evidence, ratls.evidence_size, data, size));
    must(is_inside(ratls.claims, ratls.claims_size, data, size));
    must(is_inside(ratls.key_hash, ratls.key_hash_size, ratls.claims, ratls.claims_size));
    must(!ratls.nonce || is_inside(ratls.nonce, ratls.nonce_size, ratls.claims, ratls.claims_size));
}

static void read_collateral(const uint8_t *data, size_t size, bool roots)
{
    cella_verifier *verifier;
    cella_error error = {0};
    must(cella_verifier_new(&verifier, &error) == CELLA_OK);
    cella_status status = roots ? cella_verifier_add_root(verifier, data, size, "fuzz", &error)
                                : cella_verifier_add(verifier, data, size, "fuzz", &error);
    must(status == CELLA_OK || *error.sentence);
    must(!roots || status || (verifier->count > 0 && verifier->root_count > 0));
    char *text = cella_verifier_describe(verifier, 1751328000);
    must(text);
    free(text);
    cella_verifier_free(verifier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cella_verifier *verifier;
    cella_demands demands;
    cella_error error;
    if (size == 0)
        return 0;
    if (!verifier) {
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
        add_vector(verifier, "sgx/intel-qvl-sample/pckSignChain.pem");
    }
    if (data[0] % 4 == 1) {
        read_evidence(data + 1, size - 1);
    } else if (data[0] % 4 > 1) {
        read_collateral(data + 1, size - 1, data[0] % 4 == 3);
    } else {
        cella_demands_default(&demands);
        demands.at = 1751328000;
        demands.type = data[0] & 4 ? NULL : "ratls";
        demands.insecure_any_nonce = demands.insecure_no_collateral = true;
        demands.insecure_carried_collateral = data[0] & 8;
        demands.insecure_allow_debug = demands.insecure_allow_outdated = true;
        judge(verifier, &demands, data + 1, size - 1);
    }
    return 0;
}
