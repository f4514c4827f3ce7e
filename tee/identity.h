/* SPDX-License-Identifier: Apache-2.0
 *
 * What every TEE makes from an initialised enclave's identity: the report body and derived keys.
 */
#ifndef TEE_IDENTITY_H
#define TEE_IDENTITY_H

#include "build.h"

/* Fills the SGX REPORT body (SDM vol. 3D, REPORT; the first 384 bytes). `xfrm` is the XCR0 that the
 * enclave runs with. Refused before the enclave is initialised. */
cella_status identity_report(const struct build *build, enum tee_kind kind, uint64_t xfrm,
                             const struct tee_report_request *request, struct tee_report *report,
                             cella_error *error);

/* EGETKEY: needs a platform root secret; there is none yet, so a well-formed request is
 * CELLA_UNSUPPORTED. */
cella_status identity_key(const struct build *build, const struct tee_key_request *request,
                          uint8_t key[16], cella_error *error);

#endif
