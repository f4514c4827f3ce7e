/* SPDX-License-Identifier: Apache-2.0
 *
 * Collateral that an attested TLS certificate carries. It is believed for its signatures alone, as
 * any collateral, but whoever made the certificate chose it: so only where the caller lets it, for
 * this one verification, and in a cache of its own.
 */
#include "cbor.h"
#include "collateral.h"
#include "image/fail.h"
#include "ratls.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MOST 32
#define CCC_VERSION 1
#define CCC_PIECES  7 /* behind them may be when they were fetched, which nobody signs */

/* ---- reading ---- */

/* The pieces of a certificate's extension; what a tag around the array may say they say themselves.
 * CCC's array for SGX and TDX begins with the version of its form, and has a fixed number. */
static bool read_pieces(const uint8_t *bytes, size_t size, struct cbor_item pieces[PIECES_MOST],
                        size_t *count)
{
    struct cbor_item list;
    *count = 0;
    if (!cbor_decode_foreign(bytes, size, &list))
        return false;
    if (list.type == CBOR_TAG) {
        struct cbor_reader tagged = cbor_inside(&list);
        if (!cbor_next(&tagged, &list))
            return false;
    }
    if (list.type != CBOR_ARRAY)
        return false;
    bool ccc = false;
    struct cbor_reader reader = cbor_inside(&list);
    for (struct cbor_item piece; cbor_next(&reader, &piece);) {
        if (!ccc && *count == 0 && piece.type == CBOR_UNSIGNED && piece.number == CCC_VERSION) {
            ccc = true;
            continue;
        }
        if (*count == PIECES_MOST || piece.type != CBOR_BYTES || piece.size == 0)
            return false;
        pieces[(*count)++] = piece;
    }
    if (!ccc)
        return *count > 0;
    bool whole = *count == CCC_PIECES || *count == CCC_PIECES + 1;
    *count = CCC_PIECES;
    return whole;
}

/* Intel's library gives texts with a NUL behind them. */
static cella_status add_piece(struct appraisal *appraisal, cella_verifier *verifier,
                              const struct cbor_item *piece)
{
    cella_error error;
    size_t size = piece->size;
    if (piece->bytes[0] != 0x30 && piece->bytes[size - 1] == 0)
        size--;
    cella_status status = cella_verifier_add(verifier, piece->bytes, size, "certificate", &error);
    if (status == CELLA_MEMORY)
        return fail(appraisal->error, status, "%s", error.sentence);
    return status ? appraisal_malformed(appraisal, "endorsements", "%s", error.sentence) : CELLA_OK;
}

/* ---- a verifier with it ---- */

/* Beside what is carried, all that the caller's verifier has; it stays the caller's. */
static bool borrow(struct ratls_carried *carried, const cella_verifier *from)
{
    cella_verifier *to = carried->verifier;
    carried->own = to->count;
    to->roots = from->roots;
    to->root_count = from->root_count;
    if (from->count == 0)
        return true;
    struct collateral *all = realloc(to->collateral, (to->count + from->count) * sizeof(*all));
    if (!all)
        return false;
    memcpy(all + to->count, from->collateral, from->count * sizeof(*all));
    to->collateral = all;
    to->count += from->count;
    return true;
}

static cella_status add_all(struct appraisal *appraisal, const struct cbor_item *pieces,
                            size_t count, struct ratls_carried *carried)
{
    cella_status status = cella_verifier_new(&carried->verifier, appraisal->error);
    for (size_t i = 0; status == CELLA_OK && i < count; i++)
        status = add_piece(appraisal, carried->verifier, &pieces[i]);
    if (carried->verifier)
        carried->own = carried->verifier->count;
    if (status == CELLA_OK && !borrow(carried, appraisal->verifier))
        status = fail(appraisal->error, CELLA_MEMORY, "no memory for the certificate's collateral");
    return status;
}

cella_status ratls_carried_read(struct appraisal *appraisal, const struct x509 *certificate,
                                struct ratls_carried *carried)
{
    struct cbor_item pieces[PIECES_MOST];
    struct der value;
    size_t count;
    carried->verifier = NULL;
    if (!x509_extension(certificate, RATLS_ENDORSEMENTS_OID, &value))
        return CELLA_OK;
    if (!appraisal->demands->insecure_carried_collateral) {
        appraisal_warn(appraisal, "the collateral that the certificate carries was not looked at");
        return CELLA_OK;
    }
    if (!read_pieces(value.bytes, value.size, pieces, &count))
        return appraisal_malformed(appraisal, "endorsements",
                                   "not a CBOR array of 1 to %d byte strings, nor CCC's (1, then 7 "
                                   "or 8 of them)",
                                   PIECES_MOST);
    record_number(appraisal, appraisal->result->evidence, "ratls_endorsements", (int64_t)count);
    appraisal_warn(appraisal,
                   "insecure_carried_collateral: of what is valid at this time, whoever made "
                   "the certificate chose the revocation lists and the TCB information");
    appraisal->result->revocation_unknown = true; /* a list from before may hide a revocation */
    return add_all(appraisal, pieces, count, carried);
}

void ratls_carried_drop(struct ratls_carried *carried)
{
    cella_verifier *verifier = carried->verifier;
    if (!verifier)
        return;
    verifier->count = carried->own;
    verifier->roots = NULL;
    cella_verifier_free(verifier);
}
