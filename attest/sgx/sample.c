/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON in which Microsoft's samples for Azure Attestation keep a quote: beside it the data that
 * it was made for, and what it should say.
 */
#include "verify.h"

#include "attest/json.h"
#include "attest/reader.h"
#include "attest/sha256.h"
#include "image/hex.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENCLAVE_SGX 2 /* "Type" */

bool sample_recognise(const uint8_t *bytes, size_t size)
{
    static const char key[] = "\"QuoteHex\"";
    while (size > 0 && (*bytes == ' ' || (*bytes >= '\t' && *bytes <= '\r'))) {
        bytes++;
        size--;
    }
    return size > 0 && *bytes == '{' && memmem(bytes, size, key, sizeof(key) - 1);
}

/* NULL: no memory, or no digits. */
static uint8_t *read_hex(const struct scan_item *item, size_t *size)
{
    *size = item->size / 2;
    uint8_t *bytes = malloc(*size ? *size : 1);
    if (bytes && scan_hex(item, bytes, *size))
        return bytes;
    free(bytes);
    return NULL;
}

struct sample_items {
    struct scan_item type, mrenclave, mrsigner, product, svn, attributes, quote, held;
};

static const char *take(const struct sample_items *items, struct sample *sample)
{
    uint64_t type = ENCLAVE_SGX;
    sample->has_mrenclave = items->mrenclave.type != SCAN_NONE;
    sample->has_mrsigner = items->mrsigner.type != SCAN_NONE;
    sample->has_product = items->product.type != SCAN_NONE;
    sample->has_svn = items->svn.type != SCAN_NONE;
    sample->has_attributes = items->attributes.type != SCAN_NONE;
    sample->svn = items->svn.number;
    sample->attributes = items->attributes.number;
    if (items->type.type != SCAN_NONE)
        type = items->type.number;
    if (type != ENCLAVE_SGX)
        return "Type";
    if (sample->has_mrenclave && !scan_hex(&items->mrenclave, sample->mrenclave, 32))
        return "MrEnclaveHex";
    if (sample->has_mrsigner && !scan_hex(&items->mrsigner, sample->mrsigner, 32))
        return "MrSignerHex";
    if (sample->has_product && !scan_hex(&items->product, sample->product, 16))
        return "ProductIdHex";
    if (!(sample->quote = read_hex(&items->quote, &sample->quote_size)))
        return "QuoteHex";
    if (!(sample->held = read_hex(&items->held, &sample->held_size)))
        return "EnclaveHeldDataHex";
    return NULL;
}

cella_status sample_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                         struct sample *sample)
{
    struct scan_item object;
    struct sample_items items;
    const struct scan_field fields[] = {
        {"Type", SCAN_NUMBER, &items.type, true},
        {"MrEnclaveHex", SCAN_TEXT, &items.mrenclave, true},
        {"MrSignerHex", SCAN_TEXT, &items.mrsigner, true},
        {"ProductIdHex", SCAN_TEXT, &items.product, true},
        {"SecurityVersion", SCAN_NUMBER, &items.svn, true},
        {"Attributes", SCAN_NUMBER, &items.attributes, true},
        {"QuoteHex", SCAN_TEXT, &items.quote, false},
        {"EnclaveHeldDataHex", SCAN_TEXT, &items.held, false},
    };
    cella_error error = {0};
    *sample = (struct sample){0};
    cella_status status = scan_decode(bytes, size, "JSON", &object, &error);
    if (status == CELLA_OK)
        status = scan_fields(&object, "JSON", fields, sizeof(fields) / sizeof(fields[0]), &error);
    if (status)
        return appraisal_malformed(appraisal, "quote", "%s", error.sentence);
    const char *wrong = take(&items, sample);
    if (!wrong)
        return CELLA_OK;
    sample_free(sample);
    return appraisal_malformed(appraisal, wrong, "not what such a file has there");
}

void sample_free(struct sample *sample)
{
    free(sample->quote);
    free(sample->held);
    *sample = (struct sample){0};
}

/* ---- judging ---- */

static cella_status refuse(const struct verification *verification, const char *claim,
                           const uint8_t *expected, const uint8_t *found, size_t size,
                           const char *advice)
{
    char texts[2][65];
    return appraisal_refuse(verification->appraisal, CLASS_BINDING, claim,
                            hex_write(expected, size, texts[0]), hex_write(found, size, texts[1]),
                            advice);
}

cella_status sample_judge(const struct verification *verification)
{
    static const char other[] = "The file and its quote do not belong together.";
    const struct sample *sample = verification->sample;
    const struct quote_report *enclave = &verification->quote.enclave;
    uint8_t hash[32], number[16] = {0};
    if (!sample)
        return CELLA_OK;
    if (!sha256_of(sample->held, sample->held_size, hash) ||
        CRYPTO_memcmp(hash, enclave->report_data, 32) != 0)
        return refuse(verification, "EnclaveHeldDataHex", enclave->report_data, hash, 32,
                      "The quote was made for other data.");
    if (sample->has_mrenclave && memcmp(sample->mrenclave, enclave->mrenclave, 32) != 0)
        return refuse(verification, "MrEnclaveHex", enclave->mrenclave, sample->mrenclave, 32,
                      other);
    if (sample->has_mrsigner && memcmp(sample->mrsigner, enclave->mrsigner, 32) != 0)
        return refuse(verification, "MrSignerHex", enclave->mrsigner, sample->mrsigner, 32, other);
    number[0] = (uint8_t)enclave->isv_prod_id;
    number[1] = (uint8_t)(enclave->isv_prod_id >> 8);
    if (sample->has_product && memcmp(sample->product, number, 16) != 0)
        return refuse(verification, "ProductIdHex", number, sample->product, 16, other);
    if (sample->has_svn && sample->svn != enclave->isv_svn)
        return appraisal_refuse(verification->appraisal, CLASS_BINDING, "SecurityVersion",
                                "the quote's isvsvn", "another number", other);
    if (sample->has_attributes && sample->attributes != little_endian(enclave->attributes, 8))
        return appraisal_refuse(verification->appraisal, CLASS_BINDING, "Attributes",
                                "the quote's attributes", "others", other);
    return CELLA_OK;
}
