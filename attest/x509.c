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

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- signatures ---- */

/* The fact "this key signed this certificate or list". */
static bool fact_key(const char *kind, const uint8_t digest[32], const X509 *issuer,
                     uint8_t key[32])
{
    uint8_t parts[16 + 32 + 32] = {0};
    snprintf((char *)parts, 16, "%s", kind);
    memcpy(parts + 16, digest, 32);
    if (!x509_key_hash(issuer, parts + 48))
        return false;
    return sha256_of(parts, sizeof(parts), key);
}

bool x509_signed_by(cella_verifier *verifier, X509 *certificate, X509 *issuer)
{
    uint8_t digest[32], key[32];
    if (!x509_hash(certificate, digest) || !fact_key("certificate", digest, issuer, key))
        return false;
    if (cache_has(verifier->cache, key))
        return true;
    bool good = x509_verify(certificate, x509_key(issuer));
    if (good)
        cache_remember(verifier->cache, key);
    return good;
}

bool x509_list_signed_by(cella_verifier *verifier, X509_CRL *list, X509 *issuer)
{
    uint8_t digest[32], key[32];
    if (X509_CRL_digest(list, sha256_algorithm(), digest, NULL) != 1 ||
        !fact_key("list", digest, issuer, key))
        return false;
    if (cache_has(verifier->cache, key))
        return true;
    bool good = x509_verify_list(list, x509_key(issuer));
    if (good)
        cache_remember(verifier->cache, key);
    return good;
}

/* ---- building ---- */

struct building {
    struct appraisal *appraisal;
    const char *what;
    STACK_OF(X509) * pool;
    const struct x509_anchor *anchors;
    size_t anchor_count;
    struct x509_chain *chain;
    uint32_t usage;       /* the leaf's: one of these */
    bool unsigned_issuer; /* a certificate has the issuer's name, but its key signed something else
                           */
};

static bool is_valid_at(const X509 *certificate, int64_t at)
{
    return x509_time(X509_get0_notBefore(certificate)) <= at &&
           at <= x509_time(X509_get0_notAfter(certificate)) &&
           x509_time(X509_get0_notBefore(certificate)) != INT64_MIN;
}

/* Takes `one` as the issuer of `of` if it is; a valid one rather than another of the same key. */
static void consider(struct building *building, X509 *of, X509 *one, X509 **issuer)
{
    if (X509_NAME_cmp(X509_get_issuer_name(of), X509_get_subject_name(one)) != 0 ||
        (*issuer && is_valid_at(*issuer, building->appraisal->demands->at)))
        return;
    if (x509_signed_by(building->appraisal->verifier, of, one))
        *issuer = one;
    else
        building->unsigned_issuer = true;
}

static X509 *find_issuer(struct building *building, X509 *of)
{
    const cella_verifier *verifier = building->appraisal->verifier;
    X509 *issuer = NULL;
    for (int i = 0; i < sk_X509_num(building->pool); i++)
        consider(building, of, sk_X509_value(building->pool, i), &issuer);
    for (size_t i = 0; i < verifier->count; i++)
        if (verifier->collateral[i].kind == COLLATERAL_CERTIFICATE)
            consider(building, of, verifier->collateral[i].certificate, &issuer);
    return issuer;
}

static bool is_self_issued(const X509 *certificate)
{
    return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(certificate)) ==
           0;
}

static bool is_anchor(const struct building *building, const X509 *certificate, uint8_t hash[32])
{
    if (!x509_key_hash(certificate, hash))
        return false;
    for (size_t i = 0; i < building->anchor_count; i++)
        if (memcmp(building->anchors[i].sha256, hash, 32) == 0)
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

static cella_status refuse_issuer(struct building *building, X509 *of)
{
    char name[128], expected[200];
    x509_common_name(X509_get_issuer_name(of), name);
    snprintf(expected, sizeof(expected), "the signature of %s", name);
    if (building->unsigned_issuer)
        return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what, expected,
                                "one by another key, or over other bytes",
                                "The certificate was altered, or is not of this issuer.");
    snprintf(expected, sizeof(expected), "the certificate of %s", name);
    return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what, expected, "nothing",
                            "Add the issuer's certificate to the collateral.");
}

static cella_status build(struct building *building, X509 *leaf)
{
    struct x509_chain *chain = building->chain;
    uint8_t hash[32];
    memset(chain, 0, sizeof(*chain));
    for (X509 *at = leaf; chain->count < X509_CHAIN_MOST;) {
        chain->certificates[chain->count++] = at;
        if (chain->count > 1 && is_anchor(building, at, chain->root))
            return CELLA_OK;
        building->unsigned_issuer = false;
        X509 *issuer = find_issuer(building, at);
        if (!issuer)
            return refuse_issuer(building, at);
        if (is_self_issued(at))
            return x509_key_hash(at, hash)
                       ? refuse_anchor(building, hash)
                       : appraisal_refuse(building->appraisal, CLASS_KEY, building->what,
                                          "a usable key", "another", NULL);
        at = issuer;
    }
    return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what,
                            "a chain of at most 6 certificates", "more", NULL);
}

/* ---- judging ---- */

static cella_status refuse_certificate(struct building *building, const X509 *certificate,
                                       const char *expected, const char *found)
{
    char name[128], text[256];
    x509_common_name(X509_get_subject_name(certificate), name);
    snprintf(text, sizeof(text), "%s: %s", name, found);
    return appraisal_refuse(building->appraisal, CLASS_CHAIN, building->what, expected, text, NULL);
}

/* One of a chain: `below` certificates stand between it and the leaf, which is 0 for the leaf and
 * for its issuer. */
static cella_status judge_one(struct building *building, X509 *certificate, bool leaf, size_t below)
{
    uint32_t flags = X509_get_extension_flags(certificate);
    uint32_t usage = X509_get_key_usage(certificate); /* all ones: no such extension */
    long most_below = X509_get_pathlen(certificate);  /* -1: no such constraint */
    if (flags & EXFLAG_INVALID)
        return refuse_certificate(building, certificate, "extensions as RFC 5280 has them",
                                  "malformed ones");
    if (flags & EXFLAG_CRITICAL)
        return refuse_certificate(building, certificate, "no critical extension beyond RFC 5280",
                                  "one that is not known here");
    if (X509_get_version(certificate) != X509_VERSION_3)
        return refuse_certificate(building, certificate, "X.509 version 3", "another version");
    if (leaf && (flags & EXFLAG_CA))
        return refuse_certificate(building, certificate, "an end entity", "a CA");
    if (leaf && !(usage & building->usage))
        return refuse_certificate(building, certificate,
                                  building->usage == KU_DIGITAL_SIGNATURE
                                      ? "keyUsage digitalSignature"
                                      : "keyUsage keyEncipherment or keyAgreement",
                                  "without");
    if (!leaf && !(flags & EXFLAG_CA))
        return refuse_certificate(building, certificate, "a CA", "an end entity");
    if (!leaf && !(usage & KU_KEY_CERT_SIGN))
        return refuse_certificate(building, certificate, "keyUsage keyCertSign", "without");
    if (!leaf && most_below >= 0 && (size_t)most_below < below)
        return refuse_certificate(building, certificate, "a chain within its pathLenConstraint",
                                  "a longer one");
    return CELLA_OK;
}

static cella_status judge_time(struct building *building, const X509 *certificate)
{
    char name[128], at[32], from[32], until[32], expected[256], found[128];
    if (is_valid_at(certificate, building->appraisal->demands->at))
        return CELLA_OK;
    x509_common_name(X509_get_subject_name(certificate), name);
    snprintf(expected, sizeof(expected), "%s valid at %s", name,
             time_text(building->appraisal->demands->at, at));
    snprintf(found, sizeof(found), "valid from %s until %s",
             time_text(x509_time(X509_get0_notBefore(certificate)), from),
             time_text(x509_time(X509_get0_notAfter(certificate)), until));
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
static cella_status judge_list(struct building *building, X509 *certificate, X509 *issuer,
                               X509_CRL *crl, const char *name)
{
    char at[32], from[32], until[32], expected[64], found[128], serial[64] = "";
    int64_t time = building->appraisal->demands->at;
    int64_t begin = x509_time(X509_CRL_get0_lastUpdate(crl));
    int64_t end = x509_time(X509_CRL_get0_nextUpdate(crl));
    if (!x509_list_signed_by(building->appraisal->verifier, crl, issuer))
        return refuse_list(building, CLASS_COLLATERAL, name, "a list signed by its issuer",
                           "one by another key, or altered");
    if (X509_CRL_get_ext_by_critical(crl, 1, -1) >= 0)
        return refuse_list(building, CLASS_COLLATERAL, name, "a whole list of its own",
                           "one with a critical extension");
    snprintf(expected, sizeof(expected), "valid at %s", time_text(time, at));
    snprintf(found, sizeof(found), "valid from %s until %s", time_text(begin, from),
             time_text(end, until));
    if (begin == INT64_MIN || begin > time || end < time)
        return refuse_list(building, CLASS_TIME, name, expected, found);
    X509_REVOKED *revoked = NULL;
    if (X509_CRL_get0_by_cert(crl, &revoked, certificate) == 0)
        return CELLA_OK;
    const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
    size_t size = (size_t)ASN1_STRING_length(number);
    hex_write(ASN1_STRING_get0_data(number), size < 31 ? size : 31, serial);
    snprintf(found, sizeof(found), "serial number %s in it", serial);
    return appraisal_refuse(building->appraisal, CLASS_REVOKED, building->what,
                            "not in its issuer's revocation list", found,
                            "The issuer no longer vouches for it: do not trust this platform.");
}

/* Of the lists that are there, each that is good and of that time has a say; one must be. */
static cella_status judge_revocation(struct building *building, size_t place,
                                     enum x509_revocation revocation)
{
    X509 *certificate = building->chain->certificates[place];
    X509 *issuer = building->chain->certificates[place + 1];
    struct appraisal *appraisal = building->appraisal;
    const cella_verifier *verifier = appraisal->verifier;
    cella_status status = CELLA_REFUSED;
    bool found = false, good = false;
    char name[128];
    x509_common_name(X509_get_issuer_name(certificate), name);
    for (size_t i = 0; i < verifier->count; i++) {
        const struct collateral *one = &verifier->collateral[i];
        if (one->kind != COLLATERAL_CRL ||
            X509_NAME_cmp(X509_CRL_get_issuer(one->crl), X509_get_issuer_name(certificate)) != 0)
            continue;
        found = true;
        status = judge_list(building, certificate, issuer, one->crl, name);
        if (status && strcmp(appraisal->result->class, CLASS_REVOKED) == 0)
            return status;
        good = good || status == CELLA_OK;
    }
    building->chain->listed[place] = good;
    if (good)
        return CELLA_OK;
    if (found)
        return status;
    if (revocation == X509_CRL_IF_PRESENT)
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
    if (json_object_get(evidence, "vouched_by"))
        return;
    json_t *names = record_json(appraisal, evidence, "vouched_by", json_array());
    for (size_t i = 0; names && i < chain->count; i++) {
        char name[128];
        x509_common_name(X509_get_subject_name(chain->certificates[i]), name);
        if (json_array_append_new(names, json_string(name)))
            appraisal->result->no_memory = true;
    }
    record_hex(appraisal, evidence, "root", chain->root, sizeof(chain->root));
}

static cella_status judge(struct appraisal *appraisal, const char *what, X509 *leaf,
                          STACK_OF(X509) * pool, const struct x509_anchor *anchors,
                          size_t anchor_count, enum x509_revocation revocation, uint32_t usage,
                          struct x509_chain *chain)
{
    const cella_verifier *verifier = appraisal->verifier;
    bool own = verifier->root_count > 0;
    struct building building = {.appraisal = appraisal,
                                .what = what,
                                .pool = pool,
                                .anchors = own ? verifier->roots : anchors,
                                .anchor_count = own ? verifier->root_count : anchor_count,
                                .chain = chain,
                                .usage = usage};
    cella_status status = build(&building, leaf);
    size_t count = chain->count;
    for (size_t i = 0; status == CELLA_OK && i < count; i++)
        status = judge_one(&building, chain->certificates[i], i == 0, i > 0 ? i - 1 : 0);
    X509 *root = count > 0 ? chain->certificates[count - 1] : NULL;
    if (status == CELLA_OK && is_self_issued(root) &&
        !x509_signed_by(appraisal->verifier, root, root))
        status = refuse_certificate(&building, root, "the root's own signature", "another");
    for (size_t i = 0; status == CELLA_OK && i < count; i++)
        status = judge_time(&building, chain->certificates[i]);
    for (size_t i = 0; status == CELLA_OK && revocation != X509_CRL_NONE && i + 1 < count; i++)
        status = judge_revocation(&building, i, revocation);
    if (status == CELLA_OK)
        x509_record(appraisal, chain);
    return status;
}

cella_status x509_judge(struct appraisal *appraisal, const char *what, X509 *leaf,
                        STACK_OF(X509) * pool, const struct x509_anchor *anchors,
                        size_t anchor_count, enum x509_revocation revocation,
                        struct x509_chain *chain)
{
    return judge(appraisal, what, leaf, pool, anchors, anchor_count, revocation,
                 KU_DIGITAL_SIGNATURE, chain);
}

cella_status x509_judge_decryption(struct appraisal *appraisal, const char *what, X509 *leaf,
                                   STACK_OF(X509) * pool, enum x509_revocation revocation,
                                   struct x509_chain *chain)
{
    return judge(appraisal, what, leaf, pool, NULL, 0, revocation,
                 KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT, chain);
}
