/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of the kinds vsm and process (docs/room-protocol.md): what its payload holds.
 */
#ifndef ATTEST_EVIDENCE_H
#define ATTEST_EVIDENCE_H

#include "host/posture.h"

#include <cella/error.h>

#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_CONTENT_TYPE "application/vnd.cella.evidence+cbor"
#define EVIDENCE_VERSION      1
#define EVIDENCE_MOST         (4 << 20) /* bytes: IMA logs of 100,000 entries */
#define EVIDENCE_POSTURE_MOST 64        /* claims */

/* The report body (SDM vol. 3D, REPORT): offsets of what we fill; the rest is zeros. */
#define REPORT_SIZE        384
#define REPORT_ATTRIBUTES  48
#define REPORT_XFRM        56
#define REPORT_MRENCLAVE   64
#define REPORT_MRSIGNER    128
#define REPORT_ISV_PROD_ID 256
#define REPORT_ISV_SVN     258
#define REPORT_DATA        320

/* Inside an enclave: its own evidence, with this report data, or where it is NULL with what is
 * there. *bytes are the caller's to free(). */
cella_status evidence_here(const uint8_t report_data[64], uint8_t **bytes, size_t *size,
                           cella_error *error);

#endif
