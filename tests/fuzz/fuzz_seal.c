/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the seal of a room's results: as they are, and as the payload of an enclave that
 * signs what it likes.
 */
#include "attest/cose.h"
#include "room/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key;
static uint8_t public[32];

static void read_as_seal(const uint8_t *bytes, size_t size)
{
    cella_error error = {0};
    struct seal seal;
    cella_status status = seal_read(bytes, size, public, "fuzz", &seal, &error);
    if (!status != !error.sentence[0])
        abort();
    for (size_t i = 0; !status && i < seal.file_count; i++)
        if (!seal_file(&seal, seal.files[i].name))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = {1};
    size_t public_size = sizeof(public), message_size;
    uint8_t *message;
    if (!key)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
    if (!key || EVP_PKEY_get_raw_public_key(key, public, &public_size) != 1)
        abort();
    read_as_seal(data, size);
    if (cose_sign(key, "application/vnd.cella.result+cbor", &(struct cose_chain){0}, data, size,
                  &message, &message_size, NULL))
        return 0;
    read_as_seal(message, message_size);
    free(message);
    return 0;
}
