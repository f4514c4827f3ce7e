/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM (NIST SP 800-38D) with 96-bit nonces, on OpenSSL's assembly for AES-NI and PCLMULQDQ:
 * the mode's glue alone is ours. It uses vector registers that are the program's: callers put it
 * between vector_save and vector_restore.
 */
#ifndef RUNTIME_GCM_H
#define RUNTIME_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_NONCE 12u
#define GCM_TAG   16u

/* The assembly knows both layouts: OpenSSL's AES_KEY, and Xi with what lies behind it. */
struct gcm_key {
    struct {
        uint32_t round_keys[60];
        int32_t rounds;
    } aes;
    struct gcm_hash {
        _Alignas(16) uint8_t value[16]; /* of the message under way */
        uint64_t h[2];
        uint8_t table[256];
    } hash;
};

/* A processor with AES, PCLMULQDQ, AVX, MOVBE and XSAVE; there is no other way to do it here. */
bool gcm_start(void);
void gcm_key_begin(struct gcm_key *key, const uint8_t bytes[32]);
/* `from` may be `to`. */
void gcm_seal(struct gcm_key *key, const uint8_t nonce[GCM_NONCE], const void *additional,
              size_t additional_size, const void *from, void *to, size_t size,
              uint8_t tag[GCM_TAG]);
/* False: not authentic, and `to` holds zeros. */
bool gcm_open(struct gcm_key *key, const uint8_t nonce[GCM_NONCE], const void *additional,
              size_t additional_size, const void *from, void *to, size_t size,
              const uint8_t tag[GCM_TAG]);

/* What the assembly changes of the vector state: xmm, ymm and zmm 0 to 15. */
#define VECTOR_STATE 2688u
struct vector_state {
    _Alignas(64) uint8_t bytes[VECTOR_STATE];
};
void vector_save(struct vector_state *state);
void vector_restore(struct vector_state *state);

#endif
