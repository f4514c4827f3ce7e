/* SPDX-License-Identifier: Apache-2.0
 *
 * Nitro attestation documents: read.
 */
#include "document.h"

#include "attest/cbor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TAG_SIGN1        18
#define LABEL_ALGORITHM  1
#define ES384            (-35)
#define CERTIFICATE_MOST 1024
#define TIMESTAMP_MOST   UINT64_C(253402300799999) /* the end of the year 9999 */

/* ---- the COSE_Sign1 ---- */

static cella_status read_header(struct appraisal *appraisal, const struct nitro_bytes *header)
{
    struct cbor_item map, label, algorithm;
    char found[48];
    if (!cbor_decode_foreign(header->bytes, header->size, &map) || map.type != CBOR_MAP)
        return appraisal_malformed(appraisal, "protected header", "it is not one map of CBOR");
    struct cbor_reader reader = cbor_inside(&map);
    if (map.number != 1 || !cbor_next(&reader, &label) || label.type != CBOR_UNSIGNED ||
        label.number != LABEL_ALGORITHM || !cbor_next(&reader, &algorithm) ||
        algorithm.type > CBOR_NEGATIVE)
        return appraisal_malformed(appraisal, "protected header",
                                   "it says something else than the algorithm");
    if (algorithm.type == CBOR_NEGATIVE && algorithm.number == ~(uint64_t)ES384)
        return CELLA_OK;
    snprintf(found, sizeof(found), "%s%" PRIu64, algorithm.type == CBOR_NEGATIVE ? "-1 - " : "",
             algorithm.number);
    return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "algorithm", "-35 (ES384)", found, NULL);
}

static cella_status read_message(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                                 struct nitro_document *document)
{
    struct cbor_item message, parts[4];
    struct cbor_reader reader;
    if (!cbor_decode_foreign(bytes, size, &message))
        return appraisal_malformed(appraisal, "document", "%zu bytes that are not one item of CBOR",
                                   size);
    if (message.type == CBOR_TAG && message.number == TAG_SIGN1) {
        reader = cbor_inside(&message);
        cbor_next(&reader, &message);
    }
    if (message.type != CBOR_ARRAY || message.number != 4)
        return appraisal_malformed(appraisal, "document", "it is no COSE_Sign1 of four parts");
    reader = cbor_inside(&message);
    for (size_t i = 0; i < 4; i++)
        if (!cbor_next(&reader, &parts[i]) || parts[i].type != (i == 1 ? CBOR_MAP : CBOR_BYTES))
            return appraisal_malformed(appraisal, "document",
                                       "part %zu of the COSE_Sign1 is of a wrong type", i + 1);
    if (parts[1].number != 0)
        return appraisal_malformed(appraisal, "unprotected header", "it is not empty");
    document->header = (struct nitro_bytes){parts[0].bytes, parts[0].size};
    document->payload = (struct nitro_bytes){parts[2].bytes, parts[2].size};
    document->signature = (struct nitro_bytes){parts[3].bytes, parts[3].size};
    if (document->signature.size != NITRO_SIGNATURE_SIZE)
        return appraisal_malformed(appraisal, "signature", "%zu bytes; ES384 has %d",
                                   document->signature.size, NITRO_SIGNATURE_SIZE);
    return read_header(appraisal, &document->header);
}

/* ---- the payload ---- */

static bool read_module_id(const struct cbor_item *value, struct nitro_document *document)
{
    return cbor_copy_text(value, document->module_id, NITRO_MODULE_MOST);
}

static bool read_digest(const struct cbor_item *value, struct nitro_document *document)
{
    (void)document;
    return cbor_is_text(value, "SHA384");
}

static bool read_timestamp(const struct cbor_item *value, struct nitro_document *document)
{
    document->timestamp = (int64_t)value->number;
    return value->type == CBOR_UNSIGNED && value->number >= 1 && value->number <= TIMESTAMP_MOST;
}

static bool read_pcrs(const struct cbor_item *value, struct nitro_document *document)
{
    struct cbor_reader reader = cbor_inside(value);
    struct cbor_item index, pcr;
    if (value->type != CBOR_MAP || value->number < 1 || value->number > NITRO_PCRS)
        return false;
    while (cbor_next(&reader, &index) && cbor_next(&reader, &pcr)) {
        if (index.type != CBOR_UNSIGNED || index.number >= NITRO_PCRS || pcr.type != CBOR_BYTES ||
            (pcr.size != 32 && pcr.size != 48 && pcr.size != 64))
            return false;
        document->pcrs[index.number] = (struct nitro_bytes){pcr.bytes, pcr.size};
    }
    /* They say what runs in it, and whether it can be looked into. */
    return document->pcrs[0].bytes && document->pcrs[1].bytes && document->pcrs[2].bytes;
}

static bool read_string(const struct cbor_item *value, size_t least, size_t most,
                        struct nitro_bytes *to)
{
    *to = (struct nitro_bytes){value->bytes, value->size};
    return value->type == CBOR_BYTES && value->size >= least && value->size <= most;
}

static bool read_certificate(const struct cbor_item *value, struct nitro_document *document)
{
    return read_string(value, 1, CERTIFICATE_MOST, &document->certificate);
}

static bool read_cabundle(const struct cbor_item *value, struct nitro_document *document)
{
    struct cbor_reader reader = cbor_inside(value);
    struct cbor_item one;
    if (value->type != CBOR_ARRAY || value->number < 1 || value->number > NITRO_BUNDLE_MOST)
        return false;
    while (cbor_next(&reader, &one))
        if (!read_string(&one, 1, CERTIFICATE_MOST, &document->cabundle[document->bundle_count++]))
            return false;
    return true;
}

static bool read_optional(const struct cbor_item *value, size_t most, struct nitro_bytes *to)
{
    return (value->type == CBOR_SIMPLE && value->number == CBOR_NULL) ||
           read_string(value, 0, most, to);
}

static bool read_public_key(const struct cbor_item *value, struct nitro_document *document)
{
    return read_optional(value, 1024, &document->public_key);
}

static bool read_user_data(const struct cbor_item *value, struct nitro_document *document)
{
    return read_optional(value, 512, &document->user_data);
}

static bool read_nonce(const struct cbor_item *value, struct nitro_document *document)
{
    return read_optional(value, 512, &document->nonce);
}

static const struct {
    const char *name;
    bool (*read)(const struct cbor_item *value, struct nitro_document *document);
    bool optional;
} fields[] = {
    {"module_id", read_module_id, false},
    {"digest", read_digest, false},
    {"timestamp", read_timestamp, false},
    {"pcrs", read_pcrs, false},
    {"certificate", read_certificate, false},
    {"cabundle", read_cabundle, false},
    {"public_key", read_public_key, true},
    {"user_data", read_user_data, true},
    {"nonce", read_nonce, true},
};

static cella_status read_payload(struct appraisal *appraisal, struct nitro_document *document)
{
    struct cbor_item map, value;
    uint64_t known = 0;
    if (!cbor_decode_foreign(document->payload.bytes, document->payload.size, &map) ||
        map.type != CBOR_MAP)
        return appraisal_malformed(appraisal, "payload", "it is not one map of CBOR");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        bool there = cbor_find(&map, fields[i].name, &value);
        if (!there && !fields[i].optional)
            return appraisal_malformed(appraisal, fields[i].name, "it is not there");
        if (there && !fields[i].read(&value, document))
            return appraisal_malformed(appraisal, fields[i].name,
                                       "it is of a wrong type, size or value");
        known += there;
    }
    if (known != map.number)
        return appraisal_malformed(appraisal, "payload",
                                   "it has an entry that this version of cella does not know");
    return CELLA_OK;
}

cella_status nitro_document_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                                 struct nitro_document *document)
{
    memset(document, 0, sizeof(*document));
    cella_status status = read_message(appraisal, bytes, size, document);
    return status ? status : read_payload(appraisal, document);
}
