/* SPDX-License-Identifier: Apache-2.0
 *
 * TPM 2.0 quotes as a kind of evidence (document.h: its forms). No maker of TPMs is trusted unless
 * told to: an attestation key is believed for its certificate, which leads to a root that was
 * added, or because it was pinned.
 */
#include "attest/collateral.h"
#include "attest/pem.h"
#include "attest/public_key.h"
#include "attest/sha256.h"
#include "image/fail.h"
#include "judge.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define AK_EXTENDED_USAGE "2.23.133.8.3" /* tcg-kp-AIKCertificate */
#define THREE_WAYS                                                                                 \
    "Choose what vouches for it: its certificate and the root of whoever issued it (--root), the " \
    "hardware's report (evidence of type azure), or the SHA-256 of the key itself, pinned."

static bool recognise(const uint8_t *bytes, size_t size)
{
    return document_is_tpm(bytes, size);
}

/* ---- the attestation key ---- */

static EVP_PKEY *read_der(const uint8_t *bytes, size_t size, uint8_t sha256[32])
{
    return sha256_of(bytes, size, sha256) ? public_key_decode(bytes, size) : NULL;
}

static EVP_PKEY *read_pem(const uint8_t *bytes, size_t size, uint8_t sha256[32])
{
    struct pem_reader reader = pem_read(bytes, size);
    struct pem_block block;
    EVP_PKEY *key = NULL;
    if (pem_next(&reader, &block) && pem_is_public_key(&block))
        key = read_der(block.inside.bytes, block.inside.size, sha256);
    pem_end(&reader);
    return key;
}

/* A SubjectPublicKeyInfo in PEM or DER, and its hash. */
static EVP_PKEY *read_info(const struct document_bytes *from, uint8_t sha256[32])
{
    if (from->size == 0 || from->size > INT32_MAX)
        return NULL;
    return *from->bytes == 0x30 ? read_der(from->bytes, from->size, sha256)
                                : read_pem(from->bytes, from->size, sha256);
}

/* Reads the key of the document, and remembers it. */
static cella_status read_public(struct appraisal *appraisal, struct tpm_judged *judged)
{
    const struct document_bytes *bytes = &judged->document.public;
    struct cache *cache = appraisal->verifier->cache;
    struct tpm_public public = {.key = NULL};
    uint8_t from[32], info[32];
    cella_error error;
    cella_status status = CELLA_OK;
    if (!sha256_of(bytes->bytes, bytes->size, from))
        return CELLA_OK;
    judged->ak = tpm_ak_find(cache, TPM_AK_PUBLIC, from);
    if (judged->ak)
        return CELLA_OK;
    EVP_PKEY *key = read_info(bytes, info);
    ERR_clear_error();
    if (!key) {
        status = tpm_public_read(bytes->bytes, bytes->size, &public, &error);
        key = public.key;
    }
    if (!status)
        judged->ak = tpm_ak_add(cache, TPM_AK_PUBLIC, from, key, public.key ? NULL : info,
                                public.key ? &public : NULL);
    EVP_PKEY_free(key);
    return status ? tpm_refuse(appraisal, status, CLASS_KEY, "attestation key",
                               "a SubjectPublicKeyInfo or a TPM2B_PUBLIC", &error, NULL)
                  : CELLA_OK;
}

/* The key of a certificate, remembered by the certificate's hash. */
static struct tpm_ak *certified_key(struct appraisal *appraisal, const struct x509 *certificate)
{
    struct cache *cache = appraisal->verifier->cache;
    const uint8_t *hash = certificate->is.hash;
    struct tpm_ak *ak = tpm_ak_find(cache, TPM_AK_CERTIFIED, hash);
    return ak || !certificate->key ? ak
                                   : tpm_ak_add(cache, TPM_AK_CERTIFIED, hash, certificate->key,
                                                certificate->key_hash, NULL);
}

/* The key of the document, or of the first certificate; where there are both, they are the same. */
static cella_status find_key(struct appraisal *appraisal, struct tpm_judged *judged)
{
    const struct x509 *first = x509_pool_first(&judged->document.certificates);
    cella_status status = CELLA_OK;
    if (judged->document.public.bytes)
        status = read_public(appraisal, judged);
    else if (first)
        judged->ak = certified_key(appraisal, first);
    if (status)
        return status;
    if (!judged->ak)
        return appraisal_refuse(appraisal, CLASS_KEY, "attestation key",
                                "RSA of 2048 to 4096 bits, or P-256, P-384, P-521", "another key",
                                NULL);
    if (first && memcmp(first->key_hash, judged->ak->sha256, 32) != 0)
        return appraisal_refuse(appraisal, CLASS_BINDING, "attestation key",
                                "the key of its certificate", "another one",
                                "Give the certificate of the key that signs.");
    return CELLA_OK;
}

/* Nobody signed the public area: of it the key alone is proven. */
static void record_public(struct appraisal *appraisal, const struct tpm_ak *ak)
{
    json_t *to = appraisal->result->evidence;
    if (!ak->has_attributes)
        return;
    record_hex(appraisal, to, "ak_name", ak->name, ak->name_size);
    record_number(appraisal, to, "ak_attributes", ak->attributes);
}

/* Only a restricted signing key cannot be made to sign a quote that its TPM did not make. That it
 * is one, whoever certified or pinned it vouches for; here it must not say otherwise itself. */
static cella_status judge_attributes(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    char found[32];
    record_public(appraisal, judged->ak);
    if (!judged->ak->has_attributes || tpm_is_attestation_key(judged->ak->attributes))
        return CELLA_OK;
    snprintf(found, sizeof(found), "attributes 0x%08x", judged->ak->attributes);
    return appraisal_refuse(appraisal, CLASS_KEY, "attestation key",
                            "fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign, and "
                            "not decrypt",
                            found, "Make it with tpm2_createak, or as that does.");
}

/* ---- why it is believed ---- */

static cella_status judge_certificate(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    const struct x509_pool *pool = &judged->document.certificates;
    struct x509 *certificate = x509_pool_first(pool);
    struct x509_chain chain;
    if (appraisal->verifier->root_count == 0)
        return appraisal_refuse(appraisal, CLASS_ANCHOR, "attestation key",
                                "a root for its certificate", "none was added", THREE_WAYS);
    cella_status status = x509_judge(appraisal, "AK certificate", certificate, pool, NULL, 0,
                                     X509_CRL_IF_PRESENT, &chain);
    if (status)
        return status;
    /* The same roots issue endorsement keys' certificates, and others: where a certificate says
     * what it is for, it has to say this. */
    if (!x509_is_for(certificate, AK_EXTENDED_USAGE, true))
        return appraisal_refuse(
            appraisal, CLASS_KEY, "AK certificate",
            "one for attestation keys (" AK_EXTENDED_USAGE ", digitalSignature)",
            "one for something else", "Give the certificate of the attestation key.");
    if (!chain.listed[0])
        appraisal_warn(appraisal, "no revocation list of whoever certified the attestation key");
    return CELLA_OK;
}

/* A pin is a demand more: where roots were added, a certificate has to lead to one of them all the
 * same, and must not be revoked. Without roots, or without certificates, the pin is enough. */
static cella_status judge_trust(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    bool pinned = appraisal->demands->attestation_key != NULL;
    bool certified = judged->document.certificates.count > 0;
    if (!pinned && !certified)
        return appraisal_refuse(appraisal, CLASS_ANCHOR, "attestation key",
                                "something to vouch for it", "a key alone", THREE_WAYS);
    cella_status status = tpm_judge_pinned(appraisal, judged->ak);
    if (!status && certified && (!pinned || appraisal->verifier->root_count > 0))
        status = judge_certificate(appraisal, judged);
    return status;
}

static cella_status verify(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    struct tpm_judged judged;
    cella_status status = tpm_judge_read(appraisal, bytes, size, false, &judged);
    if (!status)
        status = find_key(appraisal, &judged);
    if (!status)
        status = judge_attributes(appraisal, &judged);
    if (!status)
        status = tpm_judge(appraisal, &judged);
    if (!status)
        status = judge_trust(appraisal, &judged);
    if (!status) {
        record_text(appraisal, appraisal->result->claims, "x-ms-attestation-type", "tpm");
        tpm_claim(appraisal, &judged);
    }
    tpm_judge_free(&judged);
    return status;
}

const struct evidence_kind kind_tpm = {"tpm", recognise, verify, DEMAND_NONCE | DEMAND_KEY};
