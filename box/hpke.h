/* SPDX-License-Identifier: Apache-2.0
 *
 * HPKE (RFC 9180), base mode, single-shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 * Keys are the 32 bytes of RFC 7748.
 */
#ifndef BOX_HPKE_H
#define BOX_HPKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HPKE_KEY 32u /* of a private, public or encapsulated key */
#define HPKE_TAG 16u /* what is sealed is so much longer */

struct hpke_bytes {
    const void *bytes;
    size_t size;
};

/* What RFC 9180 5.1 derives from a shared secret (the exporter's secret has no use here). */
struct hpke_schedule {
    uint8_t key[32];
    uint8_t nonce[12];
};
bool hpke_schedule(const uint8_t shared[32], struct hpke_bytes info,
                   struct hpke_schedule *schedule);

/* A fresh key pair. False: there is no randomness. */
bool hpke_generate(uint8_t private_key[HPKE_KEY], uint8_t public_key[HPKE_KEY]);
bool hpke_public_key(const uint8_t private_key[HPKE_KEY], uint8_t public_key[HPKE_KEY]);

/* Seals to a recipient's public key, under an ephemeral key of its own. `sealed` takes
 * plaintext.size + HPKE_TAG bytes. False: the public key is none that can be sealed to. */
bool hpke_seal(const uint8_t recipient[HPKE_KEY], struct hpke_bytes info,
               struct hpke_bytes additional, struct hpke_bytes plaintext,
               uint8_t encapsulated[HPKE_KEY], uint8_t *sealed);
/* The same with a given ephemeral key, which nothing but a test vector may use twice. */
bool hpke_seal_with(const uint8_t ephemeral[HPKE_KEY], const uint8_t recipient[HPKE_KEY],
                    struct hpke_bytes info, struct hpke_bytes additional,
                    struct hpke_bytes plaintext, uint8_t encapsulated[HPKE_KEY], uint8_t *sealed);
/* `plaintext` takes sealed.size - HPKE_TAG bytes. False: it was not sealed to this key with this
 * info and additional data, or it was altered. */
bool hpke_open(const uint8_t private_key[HPKE_KEY], const uint8_t encapsulated[HPKE_KEY],
               struct hpke_bytes info, struct hpke_bytes additional, struct hpke_bytes sealed,
               uint8_t *plaintext);

#endif
