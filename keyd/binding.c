/* SPDX-License-Identifier: Apache-2.0
 *
 * What evidence binds: all fields but the last have one length, so no two releases share the bytes.
 */
#include "binding.h"

#include "box/key.h"

#include <openssl/sha.h>
#include <string.h>

static const char domain[] = "cella keyd release 1"; /* with its NUL */

bool binding_make(const uint8_t nonce[CHALLENGE_SIZE], const uint8_t recipient[32],
                  const char *name, struct binding *binding)
{
    uint8_t bytes[sizeof(domain) + CHALLENGE_SIZE + 32 + CELLA_KEY_NAME], *at = bytes;
    size_t size = strlen(name);
    if (size > CELLA_KEY_NAME)
        return false;
    memcpy(at, domain, sizeof(domain));
    at += sizeof(domain);
    memcpy(at, nonce, CHALLENGE_SIZE);
    at += CHALLENGE_SIZE;
    memcpy(at, recipient, 32);
    at += 32;
    memcpy(at, name, size);
    at += size;
    return SHA512(bytes, (size_t)(at - bytes), binding->report_data) &&
           SHA256(bytes, (size_t)(at - bytes), binding->nonce);
}
