/* SPDX-License-Identifier: Apache-2.0
 *
 * What evidence has to say, so that it is good for one release only: of this challenge, to this
 * recipient, of this key.
 *
 *   bytes = "cella keyd release 1", a zero byte, the nonce (32 bytes), the SHA-256 of the
 *           recipient's SubjectPublicKeyInfo in DER (32 bytes), the key's name
 *
 * Report data is their SHA-512; where evidence has a nonce in its place, that is their SHA-256.
 */
#ifndef KEYD_BINDING_H
#define KEYD_BINDING_H

#include "challenge.h"

#include <cella/error.h>

struct binding {
    uint8_t report_data[64];
    uint8_t nonce[32];
};

/* False: OpenSSL failed, or the name is no key's name. */
bool binding_make(const uint8_t nonce[CHALLENGE_SIZE], const uint8_t recipient[32],
                  const char *name, struct binding *binding);

#endif
