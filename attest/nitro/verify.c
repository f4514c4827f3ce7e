/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Nitro attestation documents, judged. The hypervisor signs one with a key that lives for three
 * hours, and sends its certificates along: the leaf's issuers are the instance, the zone, the
 * region, and AWS's root G1, which is known by its key.
 *
 * Two times: certificates are judged at the demands' time; how old the document may be is judged by
 * the time that it says itself.
 */
#include "attest/cbor.h"
#include "attest/collateral.h"
#include "attest/ecdsa.h"
#include "attest/refusal.h"
#include "attest/sha256.h"
#include "document.h"
#include "image/fail.h"

#include <stdio.h>
#include <string.h>

/* The certificate's SHA-256 is 641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b. */
static const struct x509_anchor root_g1 = {
    "AWS Nitro Enclaves Root G1", {0xf2, 0xca, 0xf5, 0xec, 0xc6, 0x19, 0x0b, 0x4a, 0x83, 0x99, 0xb7,
                                   0x8b, 0xc5, 0x8a, 0x2b, 0xbc, 0xd0, 0x38, 0x23, 0x75, 0xdb, 0x8a,
                                   0x1b, 0xfd, 0x78, 0xa8, 0x27, 0x43, 0x87, 0x4f, 0xd2, 0x25}};

struct judging {
    struct appraisal *appraisal;
    struct nitro_document document;
    struct x509 *leaf;
    struct x509_pool bundle;
};

/* ---- recording ---- */

static const uint8_t *bytes_of(const struct nitro_bytes *bytes)
{
    return bytes->bytes ? bytes->bytes : (const uint8_t *)"";
}

static void record_bytes(struct appraisal *appraisal, json_t *to, const char *name,
                         const struct nitro_bytes *bytes)
{
    record_hex(appraisal, to, name, bytes_of(bytes), bytes->size);
}

static bool is_zero(const struct nitro_bytes *pcr)
{
    for (size_t i = 0; i < pcr->size; i++)
        if (pcr->bytes[i])
            return false;
    return true;
}

/* PCRs of zeros are counted, and not listed. */
static void record_pcrs(struct appraisal *appraisal, const struct nitro_document *document)
{
    char index[16];
    int64_t count = 0;
    json_t *to = appraisal->result->evidence;
    json_t *pcrs = record_json(appraisal, to, "pcrs", json_object());
    for (size_t i = 0; pcrs && i < NITRO_PCRS; i++) {
        const struct nitro_bytes *pcr = &document->pcrs[i];
        snprintf(index, sizeof(index), "%zu", i);
        if (!is_zero(pcr))
            record_bytes(appraisal, pcrs, index, pcr);
        count += pcr->bytes != NULL;
    }
    record_number(appraisal, to, "npcr", count);
}

static void record(struct appraisal *appraisal, const struct nitro_document *document)
{
    json_t *to = appraisal->result->evidence;
    record_bytes(appraisal, to, "prot", &document->header);
    record_text(appraisal, to, "module", document->module_id);
    record_text(appraisal, to, "digest", "SHA384");
    record_number(appraisal, to, "ts", document->timestamp);
    record_time(appraisal, to, "t", document->timestamp / 1000);
    record_pcrs(appraisal, document);
    record_bytes(appraisal, to, "public_key", &document->public_key);
    record_bytes(appraisal, to, "user_data", &document->user_data);
    record_bytes(appraisal, to, "nonce", &document->nonce);
}

/* From when until when it is valid. */
static json_t *validity(const struct x509 *certificate)
{
    char from[32], until[32];
    return json_pack("[s, s]", time_text(certificate->from, from),
                     time_text(certificate->until, until));
}

static void record_certificates(struct judging *judging)
{
    struct appraisal *appraisal = judging->appraisal;
    json_t *to = appraisal->result->evidence;
    record_json(appraisal, to, "cert", validity(judging->leaf));
    json_t *chain = record_json(appraisal, to, "chain", json_array());
    for (size_t i = 0; i < judging->bundle.count; i++)
        if (json_array_append_new(chain, validity(judging->bundle.all[i])))
            appraisal->result->no_memory = true;
    record_hex(appraisal, to, "root_fp", judging->bundle.all[0]->is.hash, 32);
}

/* ---- certificates ---- */

/* They come again and again: all but the leaf for days, the leaf for hours. Only those of a good
 * chain are kept: others would drive them out. */
static struct x509 *read_certificate(struct cache *cache, const struct nitro_bytes *from)
{
    uint8_t hash[32];
    struct x509 *certificate =
        sha256_of(from->bytes, from->size, hash) ? cache_get(cache, hash, &x509_cached) : NULL;
    return certificate ? certificate : x509_decode(from->bytes, from->size);
}

static void remember(struct judging *judging)
{
    struct cache *cache = judging->appraisal->verifier->cache;
    cache_put(cache, judging->leaf->is.hash, &x509_cached, judging->leaf);
    for (size_t i = 0; i < judging->bundle.count; i++)
        cache_put(cache, judging->bundle.all[i]->is.hash, &x509_cached, judging->bundle.all[i]);
}

static cella_status read_certificates(struct judging *judging)
{
    struct cache *cache = judging->appraisal->verifier->cache;
    judging->leaf = read_certificate(cache, &judging->document.certificate);
    if (!judging->leaf)
        return appraisal_malformed(judging->appraisal, "certificate",
                                   "it is no certificate in DER");
    for (size_t i = 0; i < judging->document.bundle_count; i++) {
        struct x509 *one = read_certificate(cache, &judging->document.cabundle[i]);
        if (!one)
            return appraisal_malformed(judging->appraisal, "cabundle",
                                       "its entry %zu is no certificate in DER", i);
        if (!x509_pool_add(&judging->bundle, one))
            return fail(judging->appraisal->error, CELLA_MEMORY, "no memory to verify evidence");
    }
    record_certificates(judging);
    return CELLA_OK;
}

/* AWS's procedure is without revocation lists: a leaf lives for hours, its issuers for days. One
 * that was added is heeded all the same. */
static cella_status judge_chain(struct judging *judging)
{
    struct x509_chain chain;
    cella_status status =
        x509_judge_fresh(judging->appraisal, "certificate", judging->leaf, &judging->bundle,
                         &root_g1, 1, X509_CRL_IF_PRESENT, &chain);
    if (status)
        return status;
    if (judging->leaf->usage == X509_ANY_USAGE)
        return appraisal_refuse(judging->appraisal, CLASS_CHAIN, "certificate",
                                "keyUsage digitalSignature", "no keyUsage", NULL);
    if (!ecdsa_is_key(judging->leaf->key, ECDSA_P384))
        return appraisal_refuse(judging->appraisal, CLASS_KEY, "certificate", "a key on P-384",
                                "another key", NULL);
    remember(judging);
    return CELLA_OK;
}

/* ---- the signature ---- */

static cella_status judge_signature(struct judging *judging)
{
    const struct nitro_document *document = &judging->document;
    struct cbor_writer what = {0}; /* Sig_structure (RFC 9052, section 4.4) */
    cbor_put_array(&what, 4);
    cbor_put_text(&what, "Signature1");
    cbor_put_bytes(&what, document->header.bytes, document->header.size);
    cbor_put_bytes(&what, NULL, 0);
    cbor_put_bytes(&what, document->payload.bytes, document->payload.size);
    bool made = !what.failed;
    bool good = made && ecdsa_verify(judging->leaf->key, EVP_sha384(), document->signature.bytes,
                                     NITRO_SIGNATURE_SIZE / 2, what.bytes, what.size);
    cbor_drop(&what);
    if (!made)
        return fail(judging->appraisal->error, CELLA_MEMORY, "no memory to verify evidence");
    record_bool(judging->appraisal, judging->appraisal->result->evidence, "sig", good);
    if (good)
        return CELLA_OK;
    return appraisal_refuse(judging->appraisal, CLASS_SIG, "signature",
                            "the signature of the key in the certificate", "another",
                            "The document was altered after it was signed.");
}

/* ---- demands and claims ---- */

/* In debug mode all PCRs are zeros; of an enclave that is not, none of these three is. */
static bool is_debug(const struct nitro_document *document)
{
    return is_zero(&document->pcrs[0]) || is_zero(&document->pcrs[1]) ||
           is_zero(&document->pcrs[2]);
}

static cella_status judge_demands(struct judging *judging)
{
    const struct nitro_document *document = &judging->document;
    cella_status status =
        appraisal_nonce(judging->appraisal, bytes_of(&document->nonce), document->nonce.size);
    if (status == CELLA_OK)
        status = appraisal_debug(judging->appraisal, "debug", is_debug(document));
    return status ? status : appraisal_age(judging->appraisal, document->timestamp / 1000);
}

/* Names of EAT (RFC 9711) where it has them, else ours. */
static void claim(struct appraisal *appraisal, const struct nitro_document *document)
{
    char index[16];
    json_t *to = appraisal->result->claims;
    record_text(appraisal, to, "x-ms-attestation-type", "nitro");
    record_text(appraisal, to, "nitro_module_id", document->module_id);
    record_number(appraisal, to, "iat", document->timestamp / 1000);
    record_bool(appraisal, to, "debug", is_debug(document));
    record_text(appraisal, to, "dbgstat", is_debug(document) ? "enabled" : "disabled-since-boot");
    json_t *pcrs = record_json(appraisal, to, "nitro_pcrs", json_object());
    for (size_t i = 0; pcrs && i < NITRO_PCRS; i++) {
        snprintf(index, sizeof(index), "%zu", i);
        if (document->pcrs[i].bytes)
            record_bytes(appraisal, pcrs, index, &document->pcrs[i]);
    }
    if (document->nonce.bytes)
        record_bytes(appraisal, to, "eat_nonce", &document->nonce);
    if (document->user_data.bytes)
        record_bytes(appraisal, to, "nitro_user_data", &document->user_data);
    if (document->public_key.bytes)
        record_bytes(appraisal, to, "nitro_public_key", &document->public_key);
}

/* ---- the kind ---- */

/* A COSE_Sign1, or what was one, whose protected header is as short as no other's here. */
static bool recognise(const uint8_t *bytes, size_t size)
{
    size_t at = size > 0 && bytes[0] == 0xd2; /* tag 18 */
    return size > at + 2 && bytes[at] >> 5 == CBOR_ARRAY && bytes[at + 1] == 0x44;
}

static cella_status verify(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    struct judging judging = {.appraisal = appraisal};
    cella_status status = nitro_document_read(appraisal, bytes, size, &judging.document);
    if (status == CELLA_OK) {
        record(appraisal, &judging.document);
        status = read_certificates(&judging);
    }
    if (status == CELLA_OK)
        status = judge_chain(&judging);
    if (status == CELLA_OK)
        status = judge_signature(&judging);
    if (status == CELLA_OK)
        status = judge_demands(&judging);
    if (status == CELLA_OK)
        claim(appraisal, &judging.document);
    x509_drop(judging.leaf);
    x509_pool_clear(&judging.bundle);
    return status;
}

const struct evidence_kind kind_nitro = {"nitro", recognise, verify, DEMAND_NONCE};
