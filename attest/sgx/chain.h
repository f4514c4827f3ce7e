/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate that vouches for a quoting enclave: a PCK certificate, with those that came
 * beside it, and what it says of the platform. Chains that were parsed are remembered by their
 * bytes.
 */
#ifndef ATTEST_SGX_CHAIN_H
#define ATTEST_SGX_CHAIN_H

#include "attest/x509.h"
#include "pck.h"
#include "quote.h"

#include <stdatomic.h>

struct pck_chain {
    atomic_int references;
    struct x509_pool pool; /* as they came */
    struct x509 *leaf;
    struct pck pck;
    bool in_quote;    /* else of the collateral */
    uint8_t hash[32]; /* SHA-256 of the certificates in the quote */
    bool in_order;    /* the leaf, then issuer after issuer */
    char issuer[128]; /* common name */
};

/* The chain inside a quote (type 5), or the certificate of the verifier's collateral that the
 * quote's platform data are of (types 1 to 4). Refuses as CLASS_PARSE or CLASS_CHAIN what is
 * malformed. Without any certificate it is CELLA_OK and NULL: nothing can be said of the platform.
 */
cella_status pck_chain_get(struct appraisal *appraisal, const struct quote *quote,
                           struct pck_chain **chain);
void pck_chain_drop(struct pck_chain *chain); /* NULL is let pass */

#endif
