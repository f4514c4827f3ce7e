/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes of SGX and TDX, judged: what is inside first (form, signatures, chain), then the
 * collateral (revocation, identity of the quoting enclave, TCB), then what was demanded.
 */
#include "verify.h"

#include "attest/ecdsa.h"
#include "attest/public_key.h"
#include "attest/reader.h"
#include "attest/sha256.h"
#include "attest/tpm/logs.h"
#include "documents.h"
#include "image/hex.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define SHORTEST 8 /* bytes of a header by which a quote is recognised */

/* ---- signatures inside the quote ---- */

static void keep_key(void *key)
{
    EVP_PKEY_up_ref(key);
}

static void drop_key(void *key)
{
    EVP_PKEY_free(key);
}

static const struct cache_type key_type = {keep_key, drop_key};

/* A platform's attestation key is the same for many quotes. Its hash is what the quoting enclave
 * reports, as judge_binding has found. */
static EVP_PKEY *attestation_key(cella_verifier *verifier, const struct quote *quote)
{
    const uint8_t *hash = quote->qe.report_data;
    EVP_PKEY *key = cache_get(verifier->cache, hash, &key_type);
    if (key || !(key = public_key_of_point(ECDSA_P256, quote->key, 32)))
        return key;
    cache_put(verifier->cache, hash, &key_type, key);
    return key;
}

/* The quoting enclave's report, by the platform's key. */
static cella_status judge_qe_signature(const struct verification *verification)
{
    const struct quote *quote = &verification->quote;
    EVP_PKEY *key = verification->chain->leaf->key;
    bool good = ecdsa_verify(key, sha256_algorithm(), quote->qe_signature, 32, quote->qe.bytes,
                             QUOTE_REPORT_BODY);
    quote_record_check(verification, "qe_report_signature", good);
    if (good)
        return CELLA_OK;
    return appraisal_refuse(verification->appraisal, CLASS_QE_REPORT_SIG, "qe_report",
                            "the signature of the platform's PCK",
                            "one by another key, or over other bytes",
                            "The quote was altered, or its certificate is of another platform.");
}

/* The quoting enclave vouches for the attestation key. */
static cella_status judge_binding(const struct verification *verification)
{
    const struct quote *quote = &verification->quote;
    uint8_t expected[64] = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, sha256_algorithm(), NULL) == 1 &&
                EVP_DigestUpdate(context, quote->key, 64) == 1 &&
                EVP_DigestUpdate(context, quote->auth, quote->auth_size) == 1 &&
                EVP_DigestFinal_ex(context, expected, NULL) == 1 &&
                CRYPTO_memcmp(expected, quote->qe.report_data, 64) == 0;
    EVP_MD_CTX_free(context);
    quote_record_check(verification, "qe_report_binding", good);
    if (good)
        return CELLA_OK;
    return appraisal_refuse(verification->appraisal, CLASS_QE_BINDING, "qe_report.report_data",
                            "the SHA-256 of the attestation key and the authentication data",
                            "something else",
                            "The quote was altered: the quoting enclave vouches for another key.");
}

static cella_status judge_quote_signature(const struct verification *verification)
{
    const struct quote *quote = &verification->quote;
    struct appraisal *appraisal = verification->appraisal;
    EVP_PKEY *key = attestation_key(appraisal->verifier, quote);
    if (!key)
        return appraisal_refuse(appraisal, CLASS_KEY, "attestation_key", "a point on P-256",
                                "another", "The quote was altered.");
    bool good = ecdsa_verify(key, sha256_algorithm(), quote->signature, 32, quote->signed_bytes,
                             quote->signed_size);
    EVP_PKEY_free(key);
    quote_record_check(verification, "quote_signature", good);
    if (good)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_QUOTE_SIG, "quote", "its attestation key's signature",
                            "one by another key, or over other bytes", "The quote was altered.");
}

static cella_status judge_inside(struct verification *verification)
{
    cella_status status =
        pck_chain_get(verification->appraisal, &verification->quote, &verification->chain);
    if (status == CELLA_OK && verification->chain) {
        quote_record_chain(verification);
        status = judge_qe_signature(verification);
    }
    status = status ? status : judge_binding(verification);
    status = status ? status : judge_quote_signature(verification);
    return status ? status : sample_judge(verification);
}

/* ---- collateral ---- */

/* The platform's certificate is named by what the quote has in its place (types 1 to 3), and by the
 * quoting enclave's id, which begins the header's user data. */
static cella_status refuse_without_certificate(const struct verification *verification)
{
    const struct quote *quote = &verification->quote;
    struct quote_platform platform;
    char advice[512], qe[33], cpusvn[33], pceid[5] = "0000";
    if (!quote_platform(quote, &platform))
        return appraisal_malformed(verification->appraisal, "certification_data", "no platform");
    if (platform.pceid)
        hex_write(platform.pceid, 2, pceid);
    snprintf(advice, sizeof(advice),
             "Add the answer of the platform's PCCS, with its headers: curl -i "
             "'https://PCCS:8081/sgx/certification/v4/pckcert?qeid=%s&cpusvn=%s&pcesvn=%02x%02x"
             "&pceid=%s' (Intel's own service, api.trustedservices.intel.com, wants encrypted_ppid "
             "in place of qeid, and the key of a subscription).",
             hex_write(quote->signed_bytes + 28, 16, qe), hex_write(platform.cpusvn, 16, cpusvn),
             platform.pcesvn & 255, platform.pcesvn >> 8, pceid);
    return appraisal_refuse(verification->appraisal, CLASS_COLLATERAL, "PCK certificate",
                            "one in the quote or in the collateral", "none", advice);
}

static cella_status judge_chain(const struct verification *verification)
{
    const struct pck_chain *chain = verification->chain;
    if (!chain)
        return refuse_without_certificate(verification);
    return documents_judge_chain(verification->appraisal, INTEL_PCK, chain->leaf, &chain->pool,
                                 chain->in_quote ? chain->hash : NULL);
}

static cella_status judge_collateral(struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct quote *quote = &verification->quote;
    cella_status status = judge_chain(verification);
    if (status)
        return status;
    const struct pck *pck = &verification->chain->pck;
    verification->platform = (struct tcb_platform){pck->components, pck->pcesvn,
                                                   is_tdx(quote) ? quote->td.tee_tcb_svn : NULL};
    status = documents_tcb_info(appraisal, pck, is_tdx(quote), &verification->info);
    if (status == CELLA_OK)
        status =
            documents_identity(appraisal, is_tdx(quote) ? "TD_QE" : "QE", &verification->identity);
    status = status ? status : quote_judge_qe_identity(verification);
    status = status ? status : quote_judge_tcb(verification);
    if (status == CELLA_OK)
        quote_record_tcb(verification);
    return status;
}

/* ---- demands ---- */

/* In a TD's attributes all of the lowest eight bits mean that it can be looked into (TUD). */
static cella_status judge_demands(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct quote *quote = &verification->quote;
    bool tdx = is_tdx(quote);
    bool debug = tdx ? quote->td.attributes[0] != 0 : quote->enclave.attributes[0] & QUOTE_DEBUG;
    cella_status status =
        appraisal_report_data(appraisal, tdx ? quote->td.report_data : quote->enclave.report_data);
    if (status == CELLA_OK)
        status = appraisal_debug(appraisal,
                                 tdx ? "tdx_td_attributes_debug" : "x-ms-sgx-is-debuggable", debug);
    status = status ? status : appraisal_no_age(appraisal);
    return status ? status : quote_judge_status(verification);
}

/* ---- a TD's event log ---- */

/* Whether an event log of the collateral can be meant: not a TPM's, which has events of registers
 * that a TD has not, and digests but SHA-384's. */
static bool is_meant(const struct collateral *one)
{
    struct eventlog log;
    if (one->kind != COLLATERAL_EVENT_LOG)
        return false;
    bool meant = eventlog_read(one->bytes, one->size, EVENTLOG_CCEL, &log, NULL) == CELLA_OK;
    eventlog_free(&log);
    if (meant || eventlog_read(one->bytes, one->size, EVENTLOG_TCG2, &log, NULL) != CELLA_OK)
        return true;
    meant = log.bank_count == 1 && log.banks[0].id == TPM_SHA384;
    eventlog_free(&log);
    return meant;
}

/* Of a TD's event logs (CCEL) in the collateral one has to be this TD's; without any, nothing is
 * told of how it started. What it proves is recorded as claims. */
static cella_status judge_log(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const cella_verifier *verifier = appraisal->verifier;
    const struct quote *quote = &verification->quote;
    cella_status status = CELLA_OK;
    for (size_t i = 0; is_tdx(quote) && i < verifier->count; i++) {
        const struct collateral *one = &verifier->collateral[i];
        if (!is_meant(one))
            continue;
        struct tpm_facts facts = {0};
        status = tpm_judge_ccel(appraisal, quote->td.rtmr, one->bytes, one->size, &facts);
        if (status == CELLA_OK)
            tpm_claim_logs(appraisal, &facts);
        tpm_facts_free(&facts);
        if (status == CELLA_OK || status == CELLA_MEMORY)
            break;
    }
    if (status == CELLA_OK) /* what was said of others' logs */
        *appraisal->error = (cella_error){.status = CELLA_OK};
    return status;
}

/* ---- the kinds ---- */

static cella_status parse(struct verification *verification, uint32_t tee, const uint8_t *bytes,
                          size_t size)
{
    static const char *const classes[] = {
        [QUOTE_UNSUPPORTED] = CLASS_UNSUPPORTED, [QUOTE_VENDOR] = CLASS_VENDOR};
    struct quote_fault fault = {0};
    struct appraisal *appraisal = verification->appraisal;
    enum quote_verdict verdict = quote_parse(bytes, size, &verification->quote, &fault);
    if (verdict == QUOTE_MALFORMED)
        return appraisal_malformed(appraisal, fault.claim, "%s; expected %s", fault.found,
                                   fault.expected);
    if (verdict)
        return appraisal_refuse(appraisal, classes[verdict], fault.claim, fault.expected,
                                fault.found,
                                "Only quotes by Intel's ECDSA quoting enclaves are "
                                "judged.");
    if (verification->quote.tee != tee)
        return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "tee_type",
                                tee == QUOTE_TEE_TDX ? "0x81 (TDX)" : "0 (SGX)", "the other",
                                "It is a quote of the other kind: name that one.");
    return CELLA_OK;
}

static cella_status verify_quote(struct appraisal *appraisal, const struct sample *sample,
                                 uint32_t tee, const uint8_t *bytes, size_t size)
{
    struct verification verification = {.appraisal = appraisal, .sample = sample};
    cella_status status = parse(&verification, tee, bytes, size);
    if (status)
        return status;
    quote_record(&verification);
    status = judge_inside(&verification);
    status = status ? status : judge_collateral(&verification);
    status = status ? status : judge_demands(&verification);
    if (status == CELLA_OK)
        quote_record_claims(&verification);
    status = status ? status : judge_log(&verification);
    pck_chain_drop(verification.chain);
    return status;
}

static bool is_quote(const uint8_t *bytes, size_t size, uint32_t tee)
{
    if (size < SHORTEST)
        return false;
    uint64_t version = little_endian(bytes, 2), key = little_endian(bytes + 2, 2);
    return version >= 3 && version <= 5 && key == QUOTE_KEY_ECDSA_P256 &&
           little_endian(bytes + 4, 4) == tee;
}

static bool recognise_sgx(const uint8_t *bytes, size_t size)
{
    return is_quote(bytes, size, QUOTE_TEE_SGX) || sample_recognise(bytes, size);
}

static bool recognise_tdx(const uint8_t *bytes, size_t size)
{
    return is_quote(bytes, size, QUOTE_TEE_TDX);
}

static cella_status verify_sgx(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    struct sample sample;
    if (!sample_recognise(bytes, size))
        return verify_quote(appraisal, NULL, QUOTE_TEE_SGX, bytes, size);
    cella_status status = sample_read(appraisal, bytes, size, &sample);
    if (status)
        return status;
    status = verify_quote(appraisal, &sample, QUOTE_TEE_SGX, sample.quote, sample.quote_size);
    sample_free(&sample);
    return status;
}

static cella_status verify_tdx(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    return verify_quote(appraisal, NULL, QUOTE_TEE_TDX, bytes, size);
}

const struct evidence_kind kind_sgx = {"sgx", recognise_sgx, verify_sgx, DEMAND_REPORT_DATA};
const struct evidence_kind kind_tdx = {"tdx", recognise_tdx, verify_tdx, DEMAND_REPORT_DATA};
