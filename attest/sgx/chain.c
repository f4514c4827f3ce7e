/* SPDX-License-Identifier: Apache-2.0
 */
#include "chain.h"

#include "attest/collateral.h"
#include "attest/ecdsa.h"
#include "attest/sha256.h"

#include <stdlib.h>
#include <string.h>

/* ---- counted ---- */

static void keep(void *chain)
{
    atomic_fetch_add(&((struct pck_chain *)chain)->references, 1);
}

static void drop(void *object)
{
    struct pck_chain *chain = object;
    if (atomic_fetch_sub(&chain->references, 1) > 1)
        return;
    x509_pool_clear(&chain->pool);
    free(chain);
}

static const struct cache_type type = {keep, drop};

void pck_chain_drop(struct pck_chain *chain)
{
    if (chain)
        drop(chain);
}

static struct pck_chain *chain_new(void)
{
    struct pck_chain *chain = calloc(1, sizeof(*chain));
    if (!chain)
        return NULL;
    atomic_init(&chain->references, 1);
    return chain;
}

static cella_status no_memory(struct appraisal *appraisal)
{
    appraisal->result->no_memory = true;
    return CELLA_MEMORY;
}

/* ---- from a quote ---- */

/* PEM, which some end with a NUL; or DER, one behind the other, as in Intel's samples. */
static bool read_certificates(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                              struct x509_pool *to)
{
    bool pem = size > 0 && bytes[0] != 0x30;
    while (pem && size > 0 && bytes[size - 1] == 0)
        size--;
    return !(pem && memchr(bytes, 0, size)) &&
           x509_read(verifier, bytes, size, to, X509_CHAIN_MOST);
}

/* Gives its extension. */
static bool is_pck(const struct x509 *certificate, struct der *extension)
{
    char name[128];
    x509_common_name(&certificate->subject, name);
    return strstr(name, PCK_COMMON_NAME) && x509_extension(certificate, PCK_OID, extension);
}

static bool is_in_order(const struct x509_pool *pool, const struct x509 *leaf)
{
    if (x509_pool_first(pool) != leaf)
        return false;
    for (size_t i = 0; i + 1 < pool->count; i++)
        if (!der_same(&pool->all[i]->is.issuer, &pool->all[i + 1]->subject))
            return false;
    return true;
}

/* Fills in what the leaf says. */
static cella_status take_leaf(struct appraisal *appraisal, struct pck_chain *chain,
                              struct x509 *leaf)
{
    struct der extension;
    chain->leaf = leaf;
    chain->in_order = is_in_order(&chain->pool, leaf);
    x509_common_name(&leaf->is.issuer, chain->issuer);
    if (!x509_extension(leaf, PCK_OID, &extension) ||
        !pck_read(extension.bytes, extension.size, &chain->pck))
        return appraisal_malformed(appraisal, "PCK certificate",
                                   "extension " PCK_OID " is malformed");
    if (!ecdsa_is_key(leaf->key, ECDSA_P256))
        return appraisal_refuse(appraisal, CLASS_KEY, "PCK certificate", "a key on P-256",
                                "another", NULL);
    return CELLA_OK;
}

static cella_status parse(struct appraisal *appraisal, const struct quote *quote,
                          struct pck_chain *chain)
{
    struct x509 *leaf = NULL;
    struct der extension;
    if (!read_certificates(appraisal->verifier, quote->certification_bytes,
                           quote->certification_size, &chain->pool))
        return appraisal_malformed(appraisal, "PCK certificate",
                                   "the quote's certificates are malformed, or more than %d",
                                   X509_CHAIN_MOST);
    for (size_t i = 0; i < chain->pool.count; i++) {
        struct x509 *one = chain->pool.all[i];
        if (!is_pck(one, &extension))
            continue;
        if (leaf)
            return appraisal_refuse(appraisal, CLASS_CHAIN, "PCK certificate", "one", "two", NULL);
        leaf = one;
    }
    if (!leaf)
        return appraisal_refuse(appraisal, CLASS_CHAIN, "PCK certificate",
                                "a certificate named \"" PCK_COMMON_NAME
                                "\" with extension " PCK_OID,
                                "none", "The quote's certificates are not of an Intel platform.");
    return take_leaf(appraisal, chain, leaf);
}

static cella_status from_quote(struct appraisal *appraisal, const struct quote *quote,
                               struct pck_chain **chain)
{
    struct cache *cache = appraisal->verifier->cache;
    uint8_t key[32];
    if (!sha256_of(quote->certification_bytes, quote->certification_size, key))
        return no_memory(appraisal);
    *chain = cache_get(cache, key, &type);
    if (*chain)
        return CELLA_OK;
    struct pck_chain *made = chain_new();
    if (!made)
        return no_memory(appraisal);
    cella_status status = parse(appraisal, quote, made);
    if (status) {
        drop(made);
        return status;
    }
    made->in_quote = true;
    memcpy(made->hash, key, sizeof(key));
    cache_put(cache, key, &type, made);
    *chain = made;
    return CELLA_OK;
}

/* ---- from the collateral ---- */

/* Whether the platform that the quote names is this certificate's. An encrypted PPID cannot be
 * compared; then the quoting enclave's signature alone tells platforms apart. */
static bool fits(const struct quote *quote, const struct x509 *certificate)
{
    struct quote_platform platform;
    struct pck pck;
    struct der extension;
    if (!is_pck(certificate, &extension) || !pck_read(extension.bytes, extension.size, &pck))
        return false;
    return quote_platform(quote, &platform) &&
           (!platform.ppid || memcmp(platform.ppid, pck.ppid, sizeof(pck.ppid)) == 0) &&
           memcmp(platform.cpusvn, pck.cpusvn, sizeof(pck.cpusvn)) == 0 &&
           platform.pcesvn == pck.pcesvn &&
           (!platform.pceid || memcmp(platform.pceid, pck.pceid, sizeof(pck.pceid)) == 0);
}

/* How well a certificate that fits is the quote's: 0: its key did not sign the quoting enclave's
 * report; 1: it did; 2: and it is valid at the time that is judged at. */
static int rank(const struct appraisal *appraisal, const struct quote *quote,
                const struct x509 *certificate)
{
    if (!ecdsa_is_key(certificate->key, ECDSA_P256) ||
        !ecdsa_verify(certificate->key, sha256_algorithm(), quote->qe_signature, 32,
                      quote->qe.bytes, QUOTE_REPORT_BODY))
        return 0;
    return x509_is_valid_at(certificate, appraisal->demands->at) ? 2 : 1;
}

/* Of those that fit the best, of equal ones the first; NULL: none fits. */
static struct x509 *find_leaf(const struct appraisal *appraisal, const struct quote *quote)
{
    const cella_verifier *verifier = appraisal->verifier;
    struct x509 *best = NULL;
    int best_rank = -1;
    for (size_t i = 0; best_rank < 2 && i < verifier->count; i++) {
        struct x509 *one = verifier->collateral[i].certificate;
        if (verifier->collateral[i].kind != COLLATERAL_CERTIFICATE || !fits(quote, one))
            continue;
        int one_rank = rank(appraisal, quote, one);
        if (one_rank > best_rank) {
            best = one;
            best_rank = one_rank;
        }
    }
    return best;
}

static cella_status from_collateral(struct appraisal *appraisal, const struct quote *quote,
                                    struct pck_chain **chain)
{
    struct x509 *leaf = find_leaf(appraisal, quote);
    if (!leaf)
        return CELLA_OK;
    struct pck_chain *made = chain_new();
    if (!made || !x509_pool_add(&made->pool, x509_keep(leaf))) {
        pck_chain_drop(made);
        return no_memory(appraisal);
    }
    cella_status status = take_leaf(appraisal, made, leaf);
    if (status)
        drop(made);
    else
        *chain = made;
    return status;
}

/* Type 4 is one certificate and no chain: the collateral has to have the rest. */
cella_status pck_chain_get(struct appraisal *appraisal, const struct quote *quote,
                           struct pck_chain **chain)
{
    struct quote_platform platform;
    *chain = NULL;
    if (quote->certification >= QUOTE_PCK_LEAF)
        return from_quote(appraisal, quote, chain);
    if (!quote_platform(quote, &platform))
        return appraisal_malformed(appraisal, "certification_data",
                                   "%zu bytes are not what type %u has", quote->certification_size,
                                   quote->certification);
    return from_collateral(appraisal, quote, chain);
}
