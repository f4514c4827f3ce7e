/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes, judged.
 */
#include "judge.h"

#include "attest/collateral.h"
#include "image/fail.h"
#include "image/hex.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define NONCE_PADDED 64 /* some agents fill nonces with zeros to this size */

/* ---- reading ---- */

static void record_selections(struct appraisal *appraisal, json_t *to,
                              const struct tpm_attest *attest)
{
    json_t *all = record_json(appraisal, to, "sel", json_array());
    for (size_t i = 0; all && i < attest->count; i++) {
        json_t *indices = json_array();
        for (int n = 0; n < TPM_PCRS; n++)
            if (attest->selections[i].pcrs >> n & 1)
                json_array_append_new(indices, json_integer(n));
        if (json_array_append_new(all,
                                  json_pack("[s, o]", attest->selections[i].hash->name, indices)))
            appraisal->result->no_memory = true;
    }
}

static void record_attest(struct appraisal *appraisal, const struct tpm_attest *attest)
{
    char text[32];
    json_t *to = record_json(appraisal, appraisal->result->evidence, "attest", json_object());
    snprintf(text, sizeof(text), "0x%08x", attest->magic);
    record_text(appraisal, to, "magic", text);
    snprintf(text, sizeof(text), "0x%x", attest->type);
    record_text(appraisal, to, "type", text);
    record_hex(appraisal, to, "signer", attest->signer.bytes, attest->signer.size);
    record_hex(appraisal, to, "nonce", attest->extra.bytes, attest->extra.size);
    record_number(appraisal, to, "clock", (int64_t)attest->clock);
    record_number(appraisal, to, "reset", attest->reset_count);
    record_number(appraisal, to, "restart", attest->restart_count);
    record_number(appraisal, to, "safe", attest->safe);
    snprintf(text, sizeof(text), "%016" PRIx64, attest->firmware);
    record_text(appraisal, to, "fw", text);
    record_selections(appraisal, to, attest);
    record_hex(appraisal, to, "digest", attest->digest.bytes, attest->digest.size);
    record_number(appraisal, to, "trail", 0);
}

/* Azure's has the bytes of the signature alone. */
static cella_status read_signature(struct tpm_judged *judged, cella_error *error)
{
    const struct document_bytes *from = &judged->document.signature;
    if (!judged->document.azure)
        return tpm_signature_read(from->bytes, from->size, &judged->signature, error);
    judged->signature = (struct tpm_signature){
        .scheme = TPM_RSASSA, .hash = tpm_hash(TPM_SHA256), .rsa = {from->bytes, from->size}};
    return CELLA_OK;
}

cella_status tpm_judge_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                            bool azure, struct tpm_judged *judged)
{
    cella_error error;
    struct document *document = &judged->document;
    memset(judged, 0, sizeof(*judged));
    cella_status status =
        document_read(appraisal->verifier->cache, bytes, size, azure, document, &error);
    if (!status)
        status =
            tpm_attest_read(document->attest.bytes, document->attest.size, &judged->attest, &error);
    if (!status)
        status = read_signature(judged, &error);
    if (!status)
        status = document_place_pcrs(document, &judged->attest, &error);
    if (status)
        return tpm_refuse(appraisal, status, CLASS_PARSE, "quote", "a quote of a TPM 2.0", &error,
                          NULL);
    record_attest(appraisal, &judged->attest);
    return CELLA_OK;
}

void tpm_judge_free(struct tpm_judged *judged)
{
    document_free(&judged->document);
    tpm_facts_free(&judged->facts);
    tpm_ak_drop(judged->ak);
}

/* ---- the key ---- */

cella_status tpm_judge_pinned(struct appraisal *appraisal, const struct tpm_ak *ak)
{
    char expected[65], found[65];
    const uint8_t *pinned = appraisal->demands->attestation_key;
    if (!pinned)
        return CELLA_OK;
    if (memcmp(ak->sha256, pinned, 32) == 0)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_ANCHOR, "attestation key",
                            hex_write(pinned, 32, expected), hex_write(ak->sha256, 32, found),
                            "Another key than the one that was pinned signed this.");
}

static cella_status judge_signature(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    if (judged->signature.hash->size < 32)
        return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "signature",
                                "SHA-256 or a longer hash", judged->signature.hash->name,
                                "Make the attestation key for SHA-256.");
    if (tpm_quote_signed(&judged->signature, judged->ak->key, judged->document.attest.bytes,
                         judged->document.attest.size))
        return CELLA_OK;
    return appraisal_refuse(
        appraisal, CLASS_QUOTE_SIG, "signature", "the attestation key's, over this quote",
        "another key's, or of other bytes", "The quote was altered, or is of another TPM's key.");
}

/* ---- PCRs ---- */

static cella_status judge_banks(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    bool any = false;
    for (size_t i = 0; i < judged->attest.count; i++) {
        const struct tpm_selection *selection = &judged->attest.selections[i];
        any |= selection->pcrs != 0;
        if (selection->pcrs == 0 || selection->hash->size >= 32)
            continue;
        if (!appraisal->demands->insecure_allow_sha1)
            return appraisal_refuse(appraisal, CLASS_PCR, "pcrs", "banks of SHA-256 or better",
                                    selection->hash->name,
                                    "Quote the bank of SHA-256: others can be made to collide.");
        appraisal_warn(appraisal, "insecure_allow_sha1: two boots can be made to have these PCRs");
    }
    if (any)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_PCR, "pcrs", "at least one", "a quote of none",
                            "Quote PCRs, for example sha256:0,1,2,3,4,5,6,7,8,9,10,12.");
}

static cella_status judge_pcrs(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    cella_error error;
    cella_status status =
        tpm_quote_pcrs(&judged->attest, judged->signature.hash, &judged->document.pcrs, &error);
    record_bool(appraisal, appraisal->result->evidence, "pcr_digest_ok", !status);
    if (status)
        return tpm_refuse(appraisal, status, CLASS_PCR, "pcrs", "the values that were quoted",
                          &error, "Read the PCRs and quote them again: they may have changed.");
    return judge_banks(appraisal, judged);
}

/* ---- logs ---- */

typedef cella_status judge_log(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                               const uint8_t *bytes, size_t size, struct tpm_facts *facts);

/* Whether a log of the collateral can be meant: not a CCEL, which is of a TDX guest. */
static bool is_meant(const struct collateral *one, enum collateral_kind kind)
{
    struct eventlog log;
    if (one->kind != kind || kind == COLLATERAL_IMA_LOG)
        return one->kind == kind;
    cella_status status = eventlog_read(one->bytes, one->size, EVENTLOG_TCG2, &log, NULL);
    eventlog_free(&log);
    return status == CELLA_OK;
}

/* The log that came with the quote; else one of the collateral, which may have other machines'. */
static cella_status judge_logs(struct appraisal *appraisal, struct tpm_judged *judged,
                               const struct document_bytes *own, enum collateral_kind kind,
                               judge_log *judge)
{
    const cella_verifier *verifier = appraisal->verifier;
    const struct tpm_pcrs *pcrs = &judged->document.pcrs;
    cella_status status = CELLA_OK;
    if (own->bytes)
        return judge(appraisal, pcrs, own->bytes, own->size, &judged->facts);
    for (size_t i = 0; i < verifier->count; i++) {
        const struct collateral *one = &verifier->collateral[i];
        if (!is_meant(one, kind))
            continue;
        status = judge(appraisal, pcrs, one->bytes, one->size, &judged->facts);
        if (status != CELLA_REFUSED)
            break;
    }
    if (!status) /* what was said of others' logs */
        *appraisal->error = (cella_error){.status = CELLA_OK};
    return status;
}

/* ---- demands ---- */

static cella_status judge_nonce(struct appraisal *appraisal, const struct tpm_attest *attest)
{
    const cella_demands *demands = appraisal->demands;
    const struct tpm_bytes extra = attest->extra;
    size_t size = extra.size;
    if (demands->nonce && size == NONCE_PADDED && demands->nonce_size < size) {
        while (size > demands->nonce_size && extra.bytes[size - 1] == 0)
            size--;
        if (size == demands->nonce_size)
            appraisal_warn(appraisal, "the nonce is followed by %zu zeros", NONCE_PADDED - size);
        else
            size = extra.size;
    }
    return appraisal_nonce(appraisal, extra.bytes, size);
}

cella_status tpm_judge(struct appraisal *appraisal, struct tpm_judged *judged)
{
    const struct document *document = &judged->document;
    cella_status status = judge_signature(appraisal, judged);
    if (!status)
        status = judge_pcrs(appraisal, judged);
    if (!status)
        status = judge_logs(appraisal, judged, &document->event_log, COLLATERAL_EVENT_LOG,
                            tpm_judge_event_log);
    if (!status)
        status = judge_logs(appraisal, judged, &document->ima_log, COLLATERAL_IMA_LOG,
                            tpm_judge_ima_log);
    if (!status)
        status = judge_nonce(appraisal, &judged->attest);
    return status ? status : appraisal_no_age(appraisal);
}

/* ---- what is proven ---- */

static void claim_pcrs(struct appraisal *appraisal, const struct tpm_pcrs *pcrs)
{
    static const char *const index[TPM_PCRS] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",
                                                "8",  "9",  "10", "11", "12", "13", "14", "15",
                                                "16", "17", "18", "19", "20", "21", "22", "23"};
    json_t *all = record_json(appraisal, appraisal->result->claims, "tpm_pcrs", json_object());
    for (size_t i = 0; all && i < pcrs->count; i++) {
        const struct tpm_bank *bank = &pcrs->banks[i];
        json_t *values = record_json(appraisal, all, bank->hash->name, json_object());
        for (int n = 0; values && n < TPM_PCRS; n++)
            if (bank->given >> n & 1)
                record_hex(appraisal, values, index[n], bank->values[n], bank->hash->size);
    }
}

void tpm_claim(struct appraisal *appraisal, const struct tpm_judged *judged)
{
    const struct tpm_attest *attest = &judged->attest;
    json_t *to = appraisal->result->claims;
    char firmware[17];
    record_hex(appraisal, to, "eat_nonce", attest->extra.bytes, attest->extra.size);
    record_bool(appraisal, to, "aikValidated", true);
    record_hex(appraisal, to, "aikPubHash", judged->ak->sha256, sizeof(judged->ak->sha256));
    record_number(appraisal, to, "tpmVersion", 2);
    record_hex(appraisal, to, "tpm_qualified_signer", attest->signer.bytes, attest->signer.size);
    record_number(appraisal, to, "tpm_clock", (int64_t)attest->clock);
    record_bool(appraisal, to, "tpm_clock_safe", attest->safe);
    record_number(appraisal, to, "tpm_reset_count", attest->reset_count);
    record_number(appraisal, to, "tpm_restart_count", attest->restart_count);
    snprintf(firmware, sizeof(firmware), "%016" PRIx64, attest->firmware);
    record_text(appraisal, to, "tpm_firmware_version", firmware);
    claim_pcrs(appraisal, &judged->document.pcrs);
    tpm_claim_logs(appraisal, &judged->facts);
}
