/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a Nitro attestation document; and, where the first one is odd, as the payload of
 * one. Its other bits are the demands.
 */
#include "attest/cbor.h"
#include "fuzz_attest.h"

#define SIGNATURE 96

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t header[] = {0xa1, 0x01, 0x38, 0x22}, signature[SIGNATURE] = {1};
    static cella_verifier *verifier;
    struct cbor_writer document = {0};
    cella_demands demands;
    cella_error error;
    if (size == 0)
        return 0;
    if (!verifier)
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
    cella_demands_default(&demands);
    demands.at = 1631188800; /* 2021-09-09T12:00:00Z */
    demands.insecure_any_nonce = !(data[0] & 2);
    demands.nonce = data[0] & 2 ? header : NULL;
    demands.nonce_size = data[0] & 2 ? sizeof(header) : 0;
    demands.insecure_allow_debug = !(data[0] & 4);
    demands.most_age = data[0] & 8;
    demands.type = data[0] & 16 ? NULL : "nitro";
    if (data[0] % 2 == 0) {
        judge(verifier, &demands, data + 1, size - 1);
        return 0;
    }
    cbor_put_array(&document, 4);
    cbor_put_bytes(&document, header, sizeof(header));
    cbor_map_end(&document, cbor_map_begin(&document));
    cbor_put_bytes(&document, data + 1, size - 1);
    cbor_put_bytes(&document, signature, sizeof(signature));
    must(!document.failed);
    judge(verifier, &demands, document.bytes, document.size);
    cbor_drop(&document);
    return 0;
}
