/* SPDX-License-Identifier: Apache-2.0
 */
#include "documents.h"

#include "attest/ecdsa.h"
#include "attest/refusal.h"
#include "attest/sha256.h"
#include "image/hex.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCB_SIGNING_NAME "Intel SGX TCB Signing"

const struct x509_anchor sgx_root[1] = {
    {"Intel SGX Root CA", {0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
                           0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
                           0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e}},
};

/* ---- chains ---- */

/* All that the verdict depends on. */
static bool judged_key(const struct appraisal *appraisal, enum intel_chain kind,
                       const struct x509 *leaf, const uint8_t pool_hash[32], uint8_t key[32])
{
    const cella_verifier *verifier = appraisal->verifier;
    const uint64_t numbers[] = {kind,
                                pool_hash ? 0 : (uintptr_t)leaf,
                                (uint64_t)appraisal->demands->at,
                                verifier->count,
                                verifier->root_count,
                                appraisal->demands->insecure_no_collateral};
    uint8_t parts[16 + 32 + sizeof(numbers)] = "chain, judged";
    if (pool_hash)
        memcpy(parts + 16, pool_hash, 32);
    memcpy(parts + 48, numbers, sizeof(numbers));
    return sha256_of(parts, sizeof(parts), key);
}

/* A chain that was found good. */
struct judged {
    atomic_int references;
    struct x509_chain chain;
};

static void keep_judged(void *object)
{
    atomic_fetch_add(&((struct judged *)object)->references, 1);
}

static void drop_judged(void *object)
{
    struct judged *judged = object;
    if (atomic_fetch_sub(&judged->references, 1) > 1)
        return;
    for (size_t i = 0; i < judged->chain.count; i++)
        x509_drop(judged->chain.certificates[i]);
    free(judged);
}

static const struct cache_type judged_type = {keep_judged, drop_judged};

static void remember(struct cache *cache, const uint8_t key[32], const struct x509_chain *chain)
{
    struct judged *judged = calloc(1, sizeof(*judged));
    if (!judged)
        return; /* it is judged again */
    atomic_init(&judged->references, 1);
    judged->chain = *chain;
    for (size_t i = 0; i < chain->count; i++)
        x509_keep(chain->certificates[i]);
    cache_put(cache, key, &judged_type, judged);
    drop_judged(judged);
}

static const struct {
    const char *name;
    size_t count; /* of certificates */
    const char *shape;
} kinds[] = {
    [INTEL_PCK] = {"PCK certificate", 3,
                   "one by an \"Intel SGX PCK ... CA\", and that by the root"},
    [INTEL_TCB_SIGNING] = {"TCB signing certificate", 2, "one by the root"},
};

/* "Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA" */
static bool is_pck_ca(const struct x509 *certificate)
{
    static const char head[] = "Intel SGX PCK ", tail[] = " CA";
    char name[128];
    x509_common_name(&certificate->subject, name);
    size_t size = strlen(name);
    return size > sizeof(head) - 1 + sizeof(tail) - 1 &&
           memcmp(name, head, sizeof(head) - 1) == 0 &&
           strcmp(name + size - (sizeof(tail) - 1), tail) == 0;
}

static cella_status judge_shape(struct appraisal *appraisal, enum intel_chain kind,
                                const struct x509_chain *chain)
{
    char issuer[128], found[192];
    if (chain->count == kinds[kind].count &&
        (kind != INTEL_PCK || is_pck_ca(chain->certificates[1])))
        return CELLA_OK;
    x509_common_name(&chain->certificates[0]->is.issuer, issuer);
    snprintf(found, sizeof(found), "one by %s, %zu certificates up to the root", issuer,
             chain->count);
    return appraisal_refuse(appraisal, CLASS_CHAIN, kinds[kind].name, kinds[kind].shape, found,
                            "Intel issues none like it.");
}

cella_status documents_judge_chain(struct appraisal *appraisal, enum intel_chain kind,
                                   struct x509 *leaf, const struct x509_pool *pool,
                                   const uint8_t pool_hash[32])
{
    struct x509_chain chain;
    struct cache *cache = appraisal->verifier->cache;
    size_t warnings = json_array_size(appraisal->result->warnings);
    uint8_t key[32];
    bool has_key = judged_key(appraisal, kind, leaf, pool_hash, key);
    struct judged *judged = has_key ? cache_get(cache, key, &judged_type) : NULL;
    if (judged) {
        x509_record(appraisal, &judged->chain);
        drop_judged(judged);
        return CELLA_OK;
    }
    cella_status status =
        x509_judge(appraisal, kinds[kind].name, leaf, pool, sgx_root, 1, X509_CRL_ALL, &chain);
    status = status ? status : judge_shape(appraisal, kind, &chain);
    /* A verdict with warnings is worth hearing again. */
    if (has_key && status == CELLA_OK && json_array_size(appraisal->result->warnings) == warnings)
        remember(cache, key, &chain);
    return status;
}

/* ---- who signed it ---- */

/* Remembers a yes. */
static bool is_signed_by(cella_verifier *verifier, const struct collateral *document,
                         const uint8_t sha256[32], const struct x509 *signer)
{
    uint8_t parts[16 + 32 + 64 + 32] = "document", key[32];
    memcpy(parts + 16, sha256, 32);
    memcpy(parts + 48, document->document.signature, 64);
    memcpy(parts + 112, signer->key_hash, 32);
    if (!sha256_of(parts, sizeof(parts), key))
        return false;
    if (cache_has(verifier->cache, key))
        return true;
    if (!ecdsa_is_key(signer->key, ECDSA_P256) ||
        !ecdsa_verify(signer->key, sha256_algorithm(), document->document.signature, 32,
                      document->document.bytes, document->document.size))
        return false;
    cache_remember(verifier->cache, key);
    return true;
}

/* The certificate whose key signed the document: Intel renews it with the same key, so one of that
 * time rather than another. NULL: none. */
static struct x509 *find_signer(const struct appraisal *appraisal,
                                const struct collateral *document, const uint8_t sha256[32])
{
    cella_verifier *verifier = appraisal->verifier;
    struct x509 *signer = NULL;
    char name[128];
    for (size_t i = 0; i < verifier->count; i++) {
        struct x509 *one = verifier->collateral[i].certificate;
        if (verifier->collateral[i].kind != COLLATERAL_CERTIFICATE)
            continue;
        x509_common_name(&one->subject, name);
        if (strcmp(name, TCB_SIGNING_NAME) != 0 ||
            (signer && !x509_is_valid_at(one, appraisal->demands->at)) ||
            !is_signed_by(verifier, document, sha256, one))
            continue;
        signer = one;
        if (x509_is_valid_at(one, appraisal->demands->at))
            break;
    }
    return signer;
}

/* Whether there is any certificate of that name. */
static bool has_signer(const cella_verifier *verifier)
{
    char name[128] = "";
    for (size_t i = 0; i < verifier->count && strcmp(name, TCB_SIGNING_NAME) != 0; i++)
        if (verifier->collateral[i].kind == COLLATERAL_CERTIFICATE)
            x509_common_name(&verifier->collateral[i].certificate->subject, name);
    return strcmp(name, TCB_SIGNING_NAME) == 0;
}

/* ---- which one ---- */

/* What TCB information and identities have in common. */
struct candidate {
    const struct collateral *document;
    const uint8_t *sha256;
    int64_t issued, next_update;
    uint32_t evaluation;
};

struct search {
    struct appraisal *appraisal;
    const char *claim; /* such as "TCB information of FMSPC 00906ea10000" */
    char address[96];  /* at Intel's service: "sgx/certification/v4/tcb?fmspc=00906ea10000" */
    bool any;
    const struct collateral *altered;
    struct candidate expired, best;
    struct x509 *signer; /* of the best */
};

static bool is_better(const struct candidate *one, const struct candidate *best)
{
    return !best->document || one->evaluation > best->evaluation ||
           (one->evaluation == best->evaluation && one->issued > best->issued);
}

static void consider(struct search *search, const struct candidate *one)
{
    int64_t at = search->appraisal->demands->at;
    search->any = true;
    struct x509 *signer = find_signer(search->appraisal, one->document, one->sha256);
    if (!signer) {
        search->altered = one->document;
    } else if (at < one->issued || at > one->next_update) {
        search->expired = *one;
    } else if (is_better(one, &search->best)) {
        search->best = *one;
        search->signer = signer;
    }
}

/* The issuer's certificates come in a header of the answer. */
static cella_status refuse_document(const struct search *search, const char *class,
                                    const char *expected, const char *found)
{
    char advice[256];
    snprintf(advice, sizeof(advice),
             "Add %s of Intel's service, with its headers, which have the certificates: curl -i "
             "'https://api.trustedservices.intel.com/%s'",
             strcmp(class, CLASS_TIME) == 0 ? "the answer of that time" : "the answer",
             search->address);
    return appraisal_refuse(search->appraisal, class, search->claim, expected, found, advice);
}

static cella_status refuse_expired(const struct search *search)
{
    char expected[64], found[96], at[32], from[32], until[32];
    snprintf(expected, sizeof(expected), "valid at %s",
             time_text(search->appraisal->demands->at, at));
    snprintf(found, sizeof(found), "valid from %s until %s",
             time_text(search->expired.issued, from),
             time_text(search->expired.next_update, until));
    return refuse_document(search, CLASS_TIME, expected, found);
}

static cella_status conclude(struct search *search)
{
    struct appraisal *appraisal = search->appraisal;
    if (search->best.document) {
        if (search->altered)
            appraisal_warn(appraisal, "%s: %s was not signed by Intel and is not heeded",
                           search->claim, search->altered->name);
        return documents_judge_chain(appraisal, INTEL_TCB_SIGNING, search->signer, NULL, NULL);
    }
    if (search->expired.document)
        return refuse_expired(search);
    if (search->altered && !has_signer(appraisal->verifier))
        return refuse_document(search, CLASS_COLLATERAL,
                               "the certificate of its signer, " TCB_SIGNING_NAME, "none");
    if (search->altered)
        return refuse_document(search, CLASS_COLLATERAL, "the signature of " TCB_SIGNING_NAME,
                               "one by another key, or over other bytes");
    if (!appraisal->demands->insecure_no_collateral)
        return refuse_document(search, CLASS_COLLATERAL, "one in the collateral", "none");
    appraisal_warn(appraisal,
                   "insecure_no_collateral: no %s: weaknesses that are known would not "
                   "be seen",
                   search->claim);
    return CELLA_OK;
}

cella_status documents_tcb_info(struct appraisal *appraisal, const struct pck *pck, bool tdx,
                                const struct tcb_info **info)
{
    char claim[64], fmspc[13];
    struct search search = {.appraisal = appraisal, .claim = claim};
    snprintf(claim, sizeof(claim), "%s TCB information of FMSPC %s", tdx ? "TDX" : "SGX",
             hex_write(pck->fmspc, sizeof(pck->fmspc), fmspc));
    snprintf(search.address, sizeof(search.address), "%s/certification/v4/tcb?fmspc=%s",
             tdx ? "tdx" : "sgx", fmspc);
    for (size_t i = 0; i < appraisal->verifier->count; i++) {
        const struct collateral *one = &appraisal->verifier->collateral[i];
        const struct tcb_info *document = one->parsed;
        if (one->kind == COLLATERAL_TCB_INFO && document->tdx == tdx && document->has_pceid &&
            memcmp(document->fmspc, pck->fmspc, sizeof(pck->fmspc)) == 0 &&
            memcmp(document->pceid, pck->pceid, sizeof(pck->pceid)) == 0)
            consider(&search, &(struct candidate){one, document->sha256, document->issued,
                                                  document->next_update, document->evaluation});
    }
    *info = search.best.document ? search.best.document->parsed : NULL;
    return conclude(&search);
}

cella_status documents_identity(struct appraisal *appraisal, const char *id,
                                const struct tcb_identity **identity)
{
    char claim[64];
    struct search search = {.appraisal = appraisal, .claim = claim};
    snprintf(claim, sizeof(claim), "%s identity", id);
    snprintf(search.address, sizeof(search.address), "%s/certification/v4/qe/identity",
             strcmp(id, "TD_QE") == 0 ? "tdx" : "sgx");
    for (size_t i = 0; i < appraisal->verifier->count; i++) {
        const struct collateral *one = &appraisal->verifier->collateral[i];
        const struct tcb_identity *document = one->parsed;
        if (one->kind == COLLATERAL_IDENTITY && strcmp(document->id, id) == 0)
            consider(&search, &(struct candidate){one, document->sha256, document->issued,
                                                  document->next_update, document->evaluation});
    }
    *identity = search.best.document ? search.best.document->parsed : NULL;
    return conclude(&search);
}
