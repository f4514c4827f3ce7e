/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON in which Microsoft's samples for Azure Attestation keep a quote: beside it the data that
 * it was made for, and what it should say.
 */
#include "verify.h"

#include "attest/json.h"
#include "attest/reader.h"
#include "image/hex.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENCLAVE_SGX 2 /* "Type" */

bool maa_recognise(const uint8_t *bytes, size_t size)
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

struct maa_items {
    struct scan_item type, mrenclave, mrsigner, product, svn, attributes, quote, held;
};

static const char *take(const struct maa_items *items, struct maa *maa)
{
    uint64_t type = ENCLAVE_SGX;
    maa->has_mrenclave = items->mrenclave.type != SCAN_NONE;
    maa->has_mrsigner = items->mrsigner.type != SCAN_NONE;
    maa->has_product = items->product.type != SCAN_NONE;
    maa->has_svn = items->svn.type != SCAN_NONE;
    maa->has_attributes = items->attributes.type != SCAN_NONE;
    maa->svn = items->svn.number;
    maa->attributes = items->attributes.number;
    if (items->type.type != SCAN_NONE)
        type = items->type.number;
    if (type != ENCLAVE_SGX)
        return "Type";
    if (maa->has_mrenclave && !scan_hex(&items->mrenclave, maa->mrenclave, 32))
        return "MrEnclaveHex";
    if (maa->has_mrsigner && !scan_hex(&items->mrsigner, maa->mrsigner, 32))
        return "MrSignerHex";
    if (maa->has_product && !scan_hex(&items->product, maa->product, 16))
        return "ProductIdHex";
    if (!(maa->quote = read_hex(&items->quote, &maa->quote_size)))
        return "QuoteHex";
    if (!(maa->held = read_hex(&items->held, &maa->held_size)))
        return "EnclaveHeldDataHex";
    return NULL;
}

cella_status maa_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                      struct maa *maa)
{
    struct scan_item object;
    struct maa_items items;
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
    *maa = (struct maa){0};
    cella_status status = scan_decode(bytes, size, "JSON", &object, &error);
    if (status == CELLA_OK)
        status = scan_fields(&object, "JSON", fields, sizeof(fields) / sizeof(fields[0]), &error);
    if (status)
        return appraisal_malformed(appraisal, "quote", "%s", error.sentence);
    const char *wrong = take(&items, maa);
    if (!wrong)
        return CELLA_OK;
    maa_free(maa);
    return appraisal_malformed(appraisal, wrong, "not what such a file has there");
}

void maa_free(struct maa *maa)
{
    free(maa->quote);
    free(maa->held);
    *maa = (struct maa){0};
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

cella_status maa_judge(const struct verification *verification)
{
    static const char other[] = "The file and its quote do not belong together.";
    const struct maa *maa = verification->maa;
    const struct quote_report *enclave = &verification->quote.enclave;
    uint8_t hash[32], number[16] = {0};
    if (!maa)
        return CELLA_OK;
    SHA256(maa->held, maa->held_size, hash);
    if (CRYPTO_memcmp(hash, enclave->report_data, 32) != 0)
        return refuse(verification, "EnclaveHeldDataHex", enclave->report_data, hash, 32,
                      "The quote was made for other data.");
    if (maa->has_mrenclave && memcmp(maa->mrenclave, enclave->mrenclave, 32) != 0)
        return refuse(verification, "MrEnclaveHex", enclave->mrenclave, maa->mrenclave, 32, other);
    if (maa->has_mrsigner && memcmp(maa->mrsigner, enclave->mrsigner, 32) != 0)
        return refuse(verification, "MrSignerHex", enclave->mrsigner, maa->mrsigner, 32, other);
    number[0] = (uint8_t)enclave->isv_prod_id;
    number[1] = (uint8_t)(enclave->isv_prod_id >> 8);
    if (maa->has_product && memcmp(maa->product, number, 16) != 0)
        return refuse(verification, "ProductIdHex", number, maa->product, 16, other);
    if (maa->has_svn && maa->svn != enclave->isv_svn)
        return appraisal_refuse(verification->appraisal, CLASS_BINDING, "SecurityVersion",
                                "the quote's isvsvn", "another number", other);
    if (maa->has_attributes && maa->attributes != little_endian(enclave->attributes, 8))
        return appraisal_refuse(verification->appraisal, CLASS_BINDING, "Attributes",
                                "the quote's attributes", "others", other);
    return CELLA_OK;
}
