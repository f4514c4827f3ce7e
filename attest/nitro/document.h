/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Nitro attestation documents (github.com/aws/aws-nitro-enclaves-nsm-api,
 * attestation_process.md): a COSE_Sign1 (RFC 9052), with tag 18 or without, by ES384; in its
 * payload a CBOR map:
 *
 *   module_id    text, not empty
 *   digest       "SHA384": the hash of the PCRs
 *   timestamp    ms since 1970, from 1
 *   pcrs         1 to 32 entries: index 0 to 31 -> 32, 48 or 64 bytes
 *   certificate  DER, 1 to 1024 bytes: of the key that signed
 *   cabundle     one or more of 1 to 1024 bytes: its issuers, the root first
 *   public_key   0 to 1024 bytes, or null, or not there
 *   user_data    0 to 512 bytes, ...
 *   nonce        0 to 512 bytes, ...
 */
#ifndef ATTEST_NITRO_DOCUMENT_H
#define ATTEST_NITRO_DOCUMENT_H

#include "attest/appraisal.h"

#define NITRO_PCRS           32
#define NITRO_MODULE_MOST    256
#define NITRO_BUNDLE_MOST    8
#define NITRO_SIGNATURE_SIZE 96 /* r and s */

struct nitro_bytes {
    const uint8_t *bytes; /* NULL: not there */
    size_t size;
};

/* Everything points into the document. */
struct nitro_document {
    struct nitro_bytes header, payload, signature; /* of the COSE_Sign1 */
    char module_id[NITRO_MODULE_MOST + 1];
    int64_t timestamp; /* ms */
    struct nitro_bytes pcrs[NITRO_PCRS];
    struct nitro_bytes certificate, cabundle[NITRO_BUNDLE_MOST];
    size_t bundle_count;
    struct nitro_bytes public_key, user_data, nonce;
};

/* Refuses what is malformed (PARSE) or unknown (UNSUPPORTED). */
cella_status nitro_document_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                                 struct nitro_document *document);

#endif
