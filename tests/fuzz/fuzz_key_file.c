/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a key file, without a passphrase. What is accepted has a name and, where the secret
 * halves were wanted, halves that belong together; what is refused leaves nothing behind.
 */
#include "box/hpke.h"
#include "box/key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cella_key nothing;
    for (int secret = 0; secret < 2; secret++) {
        struct cella_key key;
        cella_error error = {0};
        uint8_t public[HPKE_KEY];
        bool locked;
        if (cella_key_parse((const char *)data, size, "fuzz", secret, NULL, &key, &locked,
                            &error)) {
            if (!error.sentence[0] || memcmp(&key, &nothing, sizeof(key)) != 0)
                abort();
        } else if (!key.is.name[0] || locked ||
                   (secret && (!hpke_public_key(key.receiving_secret, public) ||
                               memcmp(public, key.is.receiving, sizeof(public)) != 0))) {
            abort();
        }
    }
    return 0;
}
