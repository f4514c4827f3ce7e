/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds and judges chains of certificates (RFC 5280, section 6, as far as vendors' chains use it:
 * no policies, no name constraints).
 */
#include "x509.h"

#include "collateral.h"
#include "image/hex.h"
#include "refusal.h"
#include "sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- signatures ---- */

/* The fact "this key signed this certificate or list". */
static bool fact_key(const struct x509_signed *object, const struct x509 *issuer, uint8_t key[32])
{
    uint8_t parts[16 + 32 + 32] = "signed";
    memcpy(parts + 16, object->hash, 32);
    memcpy(parts + 48, issuer->key_hash, 32);
    return sha256_of(parts, sizeof(parts), key);
}

bool x509_signed_by(cella_verifier *verifier, const struct x509_signed *object,
                    const struct x509 *issuer)
{
    uint8_t key[32];
    if (!fact_key(object, issuer, key))
        return false;
    if (cache_has(verifier->cache, key))
        return true;
    bool good = x509_verify(object, issuer->key);
    if (good)
        cache_remember(verifier->cache, key);
    return good;
}

/* ---- building ---- */

struct building {
    struct appraisal *appraisal;
    const char *what;
    const struct x509_pool *pool;
    const struct x509_anchor *anchors;
    size_t anchor_count;
    bool own_roots; /* the anchors are cella_verifier_add_root's */
    struct x509_chain *chain;
    uint32_t usage;       /* the leaf's: one of these */
    int64_t early;        /* s before its notBefore for which a certificate is good */
    bool unsigned_issuer; /* a certificate has the issuer's name, but its key signed something else
                           */
};

static bool is_valid_within(const struct x509 *certificate, int64_t early, int64_t at)
{
    return certificate->from != X509_NO_TIME && certificate->from - early <= at &&
           at <= certificate->until;
}

bool x509_is_valid_at(const struct x509 *certificate, int64_t at)
{
    return is_valid_within(certificate, 0, at);
}

static bool is_valid(const struct building *building, const struct x509 *certificate)
{
    return is_valid_within(certificate, building->early, building->appraisal->demands->at);
}

/* Takes `one` as the issuer of `of` if it is; a valid one rather than another of the same key. */
static void consider(struct building *building, struct x509 *of, struct x509 *one,
                     struct x509 **issuer)
{
    if (!der_same(&of->is.issuer, &one->subject) || (*issuer && is_valid(building, *issuer)))
        return;
    if (x509_signed_by(building->appraisal->verifier, &of->is, one))
        *issuer = one;
    else
        building->unsigned_issuer = true;
}

static struct x509 *find_issuer(struct building *building, struct x509 *of)
{
    const cella_verifier *verifier = building->appraisal->verifier;
    struct x509 *issuer = NULL;
    for (size_t i = 0; building->pool && i < building->pool->count; i++)
        consider(building, of, building->pool->all[i], &issuer);
    for (size_t i = 0; i < verifier->count; i++)
        if (verifier->collateral[i].kind == COLLATERAL_CERTIFICATE)
            consider(building, of, verifier->collateral[i].certificate, &issuer);
    return issuer;
}

static bool is_self_issued(const struct x509 *certificate)
{
    return der_same(&certificate->is.issuer, &certificate->subject);
}

static bool is_anchor(const struct building *building, const struct x509 *certificate)
{
    for (size_t i = 0; i < building->anchor_count; i++)
        if (memcmp(building->anchors[i].sha256, certificate->key_hash, 32) == 0)
            return true;
    return false;
}

static cella_status refuse_anchor(struct building *building, const uint8_t hash[32])
{
    char expected[256], found[65];
    size_t used = 0;
    expected[0] = 0;
    for (size_t i = 0; i < building->anchor_count && used < sizeof(expected); i++)
        used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
                                 i > 0 ? ", or " : "", building->anchors[i].name);
    return appraisal_refuse(building->appraisal, CLASS_ANCHOR, building->what,
                            building->anchor_count > 0 ? expected : "a trusted root",
                            hex_write(hash, 32, found),
                            "Its root is not trusted: give another root if you do trust it.");
}

static cella_status refuse_issuer(struct building *building, struct x509 *of)
{
    char name[128], expected[200];
    x509_common_name(&of->is.issuer, name);
    snprintf(expected, sizeof(expected), "the signature of %s", name);
    if (building->unsigned_issuer)
        return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what, expected,
                                "one by another key, or over other bytes",
                                "The certificate was altered, or is not of this issuer.");
    snprintf(expected, sizeof(expected), "the certificate of %s", name);
    return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what, expected, "nothing",
                            "Add the issuer's certificate to the collateral.");
}

static cella_status build(struct building *building, struct x509 *leaf)
{
    struct x509_chain *chain = building->chain;
    memset(chain, 0, sizeof(*chain));
    for (struct x509 *at = leaf; chain->count < X509_CHAIN_MOST;) {
        chain->certificates[chain->count++] = at;
        if (chain->count > 1 && is_anchor(building, at)) {
            memcpy(chain->root, at->key_hash, sizeof(chain->root));
            return CELLA_OK;
        }
        building->unsigned_issuer = false;
        struct x509 *issuer = find_issuer(building, at);
        if (!issuer)
            return refuse_issuer(building, at);
        if (is_self_issued(at))
            return refuse_anchor(building, at->key_hash);
        at = issuer;
    }
    return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what,
                            "a chain of at most 6 certificates", "more", NULL);
}

/* ---- judging ---- */

static cella_status refuse_certificate(struct building *building, const struct x509 *certificate,
                                       const char *expected, const char *found)
{
    char name[128], text[256];
    x509_common_name(&certificate->subject, name);
    snprintf(text, sizeof(text), "%s: %s", name, found);
    return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what, expected, text, NULL);
}

/* One of a chain: `below` certificates stand between it and the leaf, which is 0 for the leaf and
 * for its issuer. */
static cella_status judge_one(struct building *building, struct x509 *certificate, bool leaf,
                              size_t below)
{
    if (certificate->malformed)
        return refuse_certificate(building, certificate, "extensions as RFC 5280 has them",
                                  "malformed ones");
    if (certificate->unknown_critical)
        return refuse_certificate(building, certificate, "no critical extension beyond RFC 5280",
                                  "one that is not judged here");
    if (certificate->version != 2)
        return refuse_certificate(building, certificate, "X.509 version 3", "another version");
    if (leaf && certificate->is_ca)
        return refuse_certificate(building, certificate, "an end entity", "a CA");
    if (leaf && !(certificate->usage & building->usage))
        return refuse_certificate(building, certificate,
                                  building->usage == X509_DIGITAL_SIGNATURE
                                      ? "keyUsage digitalSignature"
                                      : "keyUsage keyEncipherment or keyAgreement",
                                  "without");
    if (!leaf && !certificate->is_ca)
        return refuse_certificate(building, certificate, "a CA", "an end entity");
    if (!leaf && !(certificate->usage & X509_CERTIFICATE_SIGN))
        return refuse_certificate(building, certificate, "keyUsage keyCertSign", "without");
    if (!leaf && certificate->path_length >= 0 && (size_t)certificate->path_length < below)
        return refuse_certificate(building, certificate, "a chain within its pathLenConstraint",
                                  "a longer one");
    return CELLA_OK;
}

/* A key that was given may be an intermediate's: what its certificate says beside the key is then
 * nobody's word. A vendor's is its root's. */
static cella_status judge_root(struct building *building, struct x509 *root)
{
    cella_verifier *verifier = building->appraisal->verifier;
    if (!is_self_issued(root))
        return building->own_roots
                   ? CELLA_OK
                   : refuse_certificate(building, root, "a root, its own issuer", "another issuer");
    if (!x509_signed_by(verifier, &root->is, root))
        return refuse_certificate(building, root, "the root's own signature", "another");
    return CELLA_OK;
}

static cella_status judge_time(struct building *building, const struct x509 *certificate)
{
    char name[128], at[32], from[32], until[32], expected[256], found[128];
    if (is_valid(building, certificate))
        return CELLA_OK;
    x509_common_name(&certificate->subject, name);
    snprintf(expected, sizeof(expected), "%s valid at %s", name,
             time_text(building->appraisal->demands->at, at));
    snprintf(found, sizeof(found), "valid from %s until %s", time_text(certificate->from, from),
             time_text(certificate->until, until));
    return appraisal_refuse(building->appraisal, CLASS_TIME, building->what, expected, found,
                            "Judge at a time when it was valid, or ask for new evidence.");
}

/* ---- revocation ---- */

/* Where issuers publish theirs. */
static const char *list_address(const char *issuer)
{
    static const char *const addresses[][2] = {
        {"Intel SGX Root CA", "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"},
        {"Intel SGX PCK Processor CA",
         "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=processor&encoding="
         "der"},
        {"Intel SGX PCK Platform CA",
         "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding="
         "der"},
    };
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        if (strcmp(issuer, addresses[i][0]) == 0)
            return addresses[i][1];
    return "its issuer";
}

static cella_status refuse_list(struct building *building, const char *class, const char *issuer,
                                const char *expected, const char *found)
{
    char claim[64], advice[256];
    snprintf(claim, sizeof(claim), "revocation list of %.40s", issuer);
    snprintf(advice, sizeof(advice), "Add the %s revocation list, from %s",
             strcmp(class, CLASS_TIME) == 0 ? "newest (or that time's)" : "newest",
             list_address(issuer));
    return appraisal_refuse(building->appraisal, class, claim, expected, found, advice);
}

/* One list of that issuer's. */
static cella_status judge_list(struct building *building, struct x509 *certificate,
                               struct x509 *issuer, const struct x509_list *list, const char *name)
{
    char at[32], from[32], until[32], expected[64], found[128], serial[64] = "";
    int64_t time = building->appraisal->demands->at;
    if (!x509_signed_by(building->appraisal->verifier, &list->is, issuer))
        return refuse_list(building, CLASS_COLLATERAL, name, "a list signed by its issuer",
                           "one by another key, or altered");
    if (!(issuer->usage & X509_LIST_SIGN))
        return refuse_list(building, CLASS_COLLATERAL, name, "an issuer with keyUsage cRLSign",
                           "one without");
    if (list->unknown_critical)
        return refuse_list(building, CLASS_COLLATERAL, name, "a whole list of its own",
                           "one with a critical extension");
    snprintf(expected, sizeof(expected), "valid at %s", time_text(time, at));
    snprintf(found, sizeof(found), "valid from %s until %s", time_text(list->from, from),
             time_text(list->until, until));
    if (list->from == X509_NO_TIME || list->from > time || list->until < time)
        return refuse_list(building, CLASS_TIME, name, expected, found);
    if (!x509_is_revoked(list, &certificate->serial))
        return CELLA_OK;
    hex_write(certificate->serial.bytes,
              certificate->serial.size < 31 ? certificate->serial.size : 31, serial);
    snprintf(found, sizeof(found), "serial number %s in it", serial);
    return appraisal_refuse(building->appraisal, CLASS_REVOKED, building->what,
                            "not in its issuer's revocation list", found,
                            "The issuer no longer vouches for it: do not trust this platform.");
}

/* Of the lists that are there, each that is good and of that time has a say; one must be. */
static cella_status judge_revocation(struct building *building, size_t place,
                                     enum x509_revocation revocation)
{
    struct x509 *certificate = building->chain->certificates[place];
    struct x509 *issuer = building->chain->certificates[place + 1];
    struct appraisal *appraisal = building->appraisal;
    const cella_verifier *verifier = appraisal->verifier;
    cella_status status = CELLA_REFUSED;
    bool found = false, good = false;
    char name[128];
    x509_common_name(&certificate->is.issuer, name);
    for (size_t i = 0; i < verifier->count; i++) {
        const struct collateral *one = &verifier->collateral[i];
        if (one->kind != COLLATERAL_CRL ||
            !der_same(&one->list->is.issuer, &certificate->is.issuer))
            continue;
        found = true;
        status = judge_list(building, certificate, issuer, one->list, name);
        if (status && strcmp(appraisal->result->class, CLASS_REVOKED) == 0)
            return status;
        good = good || status == CELLA_OK;
    }
    building->chain->listed[place] = good;
    if (good)
        return CELLA_OK;
    if (found)
        return status;
    if (revocation != X509_CRL_ALL)
        return CELLA_OK;
    if (!appraisal->demands->insecure_no_collateral)
        return refuse_list(building, CLASS_COLLATERAL, name, "one in the collateral", "none");
    appraisal_warn(appraisal, "no revocation list of %s: a revoked %s would not be seen", name,
                   building->what);
    return CELLA_OK;
}

void x509_record(struct appraisal *appraisal, const struct x509_chain *chain)
{
    json_t *evidence = appraisal->result->evidence;
    appraisal->result->chains_judged = true;
    for (size_t i = chain->leaf_unlisted ? 1 : 0; i + 1 < chain->count; i++)
        appraisal->result->revocation_unknown |= !chain->listed[i];
    if (json_object_get(evidence, "vouched_by"))
        return;
    json_t *names = record_json(appraisal, evidence, "vouched_by", json_array());
    for (size_t i = 0; names && i < chain->count; i++) {
        char name[128];
        x509_common_name(&chain->certificates[i]->subject, name);
        if (json_array_append_new(names, json_string(name)))
            appraisal->result->no_memory = true;
    }
    record_hex(appraisal, evidence, "root", chain->root, sizeof(chain->root));
}

static cella_status judge(struct building *building, struct x509 *leaf,
                          enum x509_revocation revocation)
{
    cella_verifier *verifier = building->appraisal->verifier;
    struct x509_chain *chain = building->chain;
    if (verifier->root_count > 0) {
        building->anchors = verifier->roots;
        building->anchor_count = verifier->root_count;
        building->own_roots = true;
    }
    cella_status status = build(building, leaf);
    size_t count = chain->count;
    for (size_t i = 0; status == CELLA_OK && i < count; i++)
        status = judge_one(building, chain->certificates[i], i == 0, i > 0 ? i - 1 : 0);
    if (status == CELLA_OK)
        status = judge_root(building, chain->certificates[count - 1]);
    for (size_t i = 0; status == CELLA_OK && i < count; i++)
        status = judge_time(building, chain->certificates[i]);
    for (size_t i = 0; status == CELLA_OK && revocation != X509_CRL_NONE && i + 1 < count; i++)
        status = judge_revocation(building, i, revocation);
    chain->leaf_unlisted = revocation == X509_CRL_OF_CAS;
    if (status == CELLA_OK)
        x509_record(building->appraisal, chain);
    return status;
}

cella_status x509_judge(struct appraisal *appraisal, const char *what, struct x509 *leaf,
                        const struct x509_pool *pool, const struct x509_anchor *anchors,
                        size_t anchor_count, enum x509_revocation revocation,
                        struct x509_chain *chain)
{
    struct building building = {.appraisal = appraisal,
                                .what = what,
                                .pool = pool,
                                .anchors = anchors,
                                .anchor_count = anchor_count,
                                .chain = chain,
                                .usage = X509_DIGITAL_SIGNATURE};
    return judge(&building, leaf, revocation);
}

cella_status x509_judge_fresh(struct appraisal *appraisal, const char *what, struct x509 *leaf,
                              const struct x509_pool *pool, const struct x509_anchor *anchors,
                              size_t anchor_count, enum x509_revocation revocation,
                              struct x509_chain *chain)
{
    struct building building = {.appraisal = appraisal,
                                .what = what,
                                .pool = pool,
                                .anchors = anchors,
                                .anchor_count = anchor_count,
                                .chain = chain,
                                .usage = X509_DIGITAL_SIGNATURE,
                                .early = X509_EARLY};
    return judge(&building, leaf, revocation);
}

cella_status x509_judge_decryption(struct appraisal *appraisal, const char *what, struct x509 *leaf,
                                   const struct x509_pool *pool, enum x509_revocation revocation,
                                   struct x509_chain *chain)
{
    struct building building = {.appraisal = appraisal,
                                .what = what,
                                .pool = pool,
                                .chain = chain,
                                .usage = X509_KEY_ENCIPHERMENT | X509_KEY_AGREEMENT};
    return judge(&building, leaf, revocation);
}
