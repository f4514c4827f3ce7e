/* SPDX-License-Identifier: Apache-2.0
 *
 * MRENCLAVE: the SHA-256 of the records of an enclave's construction (Intel SDM vol. 3D, ECREATE,
 * EADD, EEXTEND). Only the hash: what may be added, and in what order, is build.h's.
 *
 * Invariant: a failure of the hash library is remembered, so that measure_final fails rather than
 * give the measurement of something else.
 */
#ifndef TEE_MEASURE_H
#define TEE_MEASURE_H

#include <cella/error.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>

#define MEASURE_CHUNK 256u /* bytes that one EEXTEND record covers */

struct measure {
    SHA256_CTX digest;
    bool failed; /* or not started, or finished */
};

/* ECREATE. `ssa_frame_size` is in pages, `elrange_size` in bytes. */
void measure_create(struct measure *measure, uint32_t ssa_frame_size, uint64_t elrange_size);
/* EADD; `secinfo_flags` is SECINFO.FLAGS. */
void measure_add(struct measure *measure, uint64_t offset, uint64_t secinfo_flags);
/* EEXTEND of 256 bytes that lie at `offset` of ELRANGE. */
void measure_extend(struct measure *measure, uint64_t offset, const uint8_t data[MEASURE_CHUNK]);
/* EINIT. Nothing can be measured afterwards. */
cella_status measure_final(struct measure *measure, uint8_t mrenclave[32], cella_error *error);
void measure_free(struct measure *measure);

#endif
