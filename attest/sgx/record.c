/* SPDX-License-Identifier: Apache-2.0
 *
 * What was read and proven, as JSON. Names of claims are Microsoft Azure Attestation's where it has
 * one; "dbgstat" is EAT's (RFC 9711).
 */
#include "verify.h"

#include "attest/reader.h"
#include "image/hex.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what the quote says ---- */

static void record_enclave(struct appraisal *appraisal, const struct quote_report *report,
                           json_t *to)
{
    record_hex(appraisal, to, "cpusvn", report->cpusvn, 16);
    record_hex(appraisal, to, "isvextprodid", report->isv_ext_prod_id, 16);
    record_hex(appraisal, to, "isvfamilyid", report->isv_family_id, 16);
    record_hex(appraisal, to, "miscselect", report->miscselect, 4);
    record_hex(appraisal, to, "attributes", report->attributes, 16);
    record_hex(appraisal, to, "mrenclave", report->mrenclave, 32);
    record_hex(appraisal, to, "mrsigner", report->mrsigner, 32);
    record_hex(appraisal, to, "configid", report->config_id, 64);
    record_number(appraisal, to, "configsvn", report->config_svn);
    record_number(appraisal, to, "isvprodid", report->isv_prod_id);
    record_number(appraisal, to, "isvsvn", report->isv_svn);
    record_hex(appraisal, to, "report_data", report->report_data, 64);
}

/* A field of a TD's body, and what the claim of it is called. */
struct td_field {
    const char *name, *claim;
    const uint8_t *bytes;
    size_t size;
};

#define TD_FIELDS 17

static void td_fields(const struct quote_td *td, struct td_field fields[TD_FIELDS])
{
    const struct td_field all[TD_FIELDS] = {
        {"tee_tcb_svn", "tdx_tee_tcb_svn", td->tee_tcb_svn, 16},
        {"mrseam", "tdx_mrseam", td->mrseam, 48},
        {"mrsignerseam", "tdx_mrsignerseam", td->mrsignerseam, 48},
        {"seamattr", "tdx_seam_attributes", td->seam_attributes, 8},
        {"tdattr", "tdx_td_attributes", td->attributes, 8},
        {"xfam", "tdx_xfam", td->xfam, 8},
        {"mrtd", "tdx_mrtd", td->mrtd, 48},
        {"mrconfigid", "tdx_mrconfigid", td->mrconfigid, 48},
        {"mrowner", "tdx_mrowner", td->mrowner, 48},
        {"mrownerconfig", "tdx_mrownerconfig", td->mrownerconfig, 48},
        {"rtmr0", "tdx_rtmr0", td->rtmr[0], 48},
        {"rtmr1", "tdx_rtmr1", td->rtmr[1], 48},
        {"rtmr2", "tdx_rtmr2", td->rtmr[2], 48},
        {"rtmr3", "tdx_rtmr3", td->rtmr[3], 48},
        {"report_data", "tdx_report_data", td->report_data, 64},
        {"tee_tcb_svn2", "tdx_tee_tcb_svn2", td->tee_tcb_svn2, 16},
        {"mrservicetd", "tdx_mrservicetd", td->mrservicetd, 48},
    };
    memcpy(fields, all, sizeof(all));
}

static void record_td(struct appraisal *appraisal, const struct quote_td *td, json_t *to)
{
    struct td_field fields[TD_FIELDS];
    td_fields(td, fields);
    for (size_t i = 0; i < TD_FIELDS; i++)
        if (fields[i].bytes)
            record_hex(appraisal, to, fields[i].name, fields[i].bytes, fields[i].size);
}

void quote_record(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct quote *quote = &verification->quote;
    json_t *to = appraisal->result->evidence;
    record_number(appraisal, to, "quote_version", quote->version);
    record_number(appraisal, to, "attestation_key_type", quote->key_type);
    record_number(appraisal, to, "tee_type", quote->tee);
    record_json(appraisal, to, "body_type",
                quote->body_type ? json_integer(quote->body_type) : json_null());
    record_number(appraisal, to, "cert_data_type", quote->certification);
    record_number(appraisal, to, "signed_data_len", quote->signature_size);
    record_number(appraisal, to, "qe_auth_data_len", (int64_t)quote->auth_size);
    record_number(appraisal, to, "trailing_bytes", (int64_t)quote->trailing);
    json_t *body = record_json(appraisal, to, "body", json_object());
    if (is_tdx(quote))
        record_td(appraisal, &quote->td, body);
    else
        record_enclave(appraisal, &quote->enclave, body);
    json_t *qe = record_json(appraisal, to, "qe", json_object());
    record_hex(appraisal, qe, "attributes", quote->qe.attributes, 16);
    record_number(appraisal, qe, "isvprodid", quote->qe.isv_prod_id);
    record_number(appraisal, qe, "isvsvn", quote->qe.isv_svn);
    record_hex(appraisal, qe, "mrsigner", quote->qe.mrsigner, 32);
    json_t *checks = record_json(appraisal, to, "checks", json_object());
    static const char *const names[] = {"pck_chain_in_order", "qe_report_signature",
                                        "qe_report_binding", "quote_signature"};
    for (size_t i = 0; i < COUNT(names); i++)
        record_json(appraisal, checks, names[i], json_null());
}

void quote_record_check(const struct verification *verification, const char *name, bool good)
{
    json_t *checks = json_object_get(verification->appraisal->result->evidence, "checks");
    record_bool(verification->appraisal, checks, name, good);
}

/* ---- the platform ---- */

/* As a number: no zeros in front. */
static void record_serial(struct appraisal *appraisal, json_t *to, const struct der *serial)
{
    char digits[2 * 32 + 1], text[2 * 32 + 3];
    hex_write(serial->bytes, serial->size < 32 ? serial->size : 32, digits);
    snprintf(text, sizeof(text), "0x%s", digits + strspn(digits, "0"));
    record_text(appraisal, to, "serial", text);
}

void quote_record_chain(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct pck *pck = &verification->chain->pck;
    json_t *to = record_json(appraisal, appraisal->result->evidence, "pck", json_object());
    json_t *components = json_array();
    for (size_t i = 0; i < TCB_COMPONENTS; i++)
        json_array_append_new(components, json_integer(pck->components[i]));
    record_serial(appraisal, to, &verification->chain->leaf->serial);
    record_text(appraisal, to, "issuer", verification->chain->issuer);
    record_hex(appraisal, to, "ppid", pck->ppid, 16);
    record_hex(appraisal, to, "fmspc", pck->fmspc, 6);
    record_hex(appraisal, to, "pceid", pck->pceid, 2);
    record_hex(appraisal, to, "cpusvn", pck->cpusvn, 16);
    record_number(appraisal, to, "pcesvn", pck->pcesvn);
    record_json(appraisal, to, "tcb", components);
    record_number(appraisal, to, "sgxtype", pck->sgx_type);
    if (pck->has_platform_instance)
        record_hex(appraisal, to, "platinst", pck->platform_instance, 16);
    if (pck->has_configuration) {
        record_bool(appraisal, to, "dynamic_platform", pck->dynamic_platform);
        record_bool(appraisal, to, "cached_keys", pck->cached_keys);
        record_bool(appraisal, to, "smt_enabled", pck->smt_enabled);
    }
    if (verification->quote.certification == QUOTE_PCK_CHAIN)
        quote_record_check(verification, "pck_chain_in_order", verification->chain->in_order);
}

/* ---- TCB levels ---- */

/* One set of components, from `first` on. `other`: what the other level that is shown needs, so
 * that both show the same ones. Those that are 0 everywhere are not used. */
static void append_components(struct appraisal *appraisal, json_t *array, size_t first,
                              const uint8_t *have, const uint8_t *need, const uint8_t *other,
                              const struct tcb_component_name *names)
{
    for (size_t i = first; i < TCB_COMPONENTS; i++) {
        if (have[i] == 0 && need[i] == 0 && other[i] == 0)
            continue;
        json_t *one = json_object();
        record_number(appraisal, one, "index", (int64_t)i + 1);
        if (names[i].category[0])
            record_text(appraisal, one, "category", names[i].category);
        if (names[i].type[0])
            record_text(appraisal, one, "type", names[i].type);
        record_number(appraisal, one, "have", have[i]);
        record_number(appraisal, one, "need", need[i]);
        if (json_array_append_new(array, one))
            appraisal->result->no_memory = true;
    }
}

/* One level beside what the platform has. */
static void record_level(const struct verification *verification, const struct tcb_level *level,
                         const struct tcb_level *other, json_t *to)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct tcb_platform *platform = &verification->platform;
    const struct tcb_info *info = verification->info;
    record_text(appraisal, to, "status", tcb_status_name(level->state.status));
    record_time(appraisal, to, "date", level->state.date);
    append_components(appraisal, record_json(appraisal, to, "components", json_array()), 0,
                      platform->sgx, level->sgx, other->sgx, info->sgx_names);
    json_t *pcesvn = record_json(appraisal, to, "pcesvn", json_object());
    record_number(appraisal, pcesvn, "have", platform->pcesvn);
    record_number(appraisal, pcesvn, "need", level->pcesvn);
    if (platform->tdx)
        append_components(appraisal, record_json(appraisal, to, "tdx_components", json_array()),
                          tcb_first_component(platform->tdx), platform->tdx, level->tdx, other->tdx,
                          info->tdx_names);
}

static void append_advisories(struct appraisal *appraisal, json_t *array,
                              const struct tcb_advisories *advisories)
{
    for (size_t i = 0; i < advisories->count; i++) {
        bool there = false;
        for (size_t k = 0; !there && k < json_array_size(array); k++)
            there = strcmp(json_string_value(json_array_get(array, k)), advisories->names[i]) == 0;
        if (!there && json_array_append_new(array, json_string(advisories->names[i])))
            appraisal->result->no_memory = true;
    }
}

static json_t *advisories_of(const struct verification *verification)
{
    const struct tcb_judgement *tcb = &verification->tcb;
    json_t *array = json_array();
    if (tcb->launch.level)
        append_advisories(verification->appraisal, array, &tcb->launch.level->state.advisories);
    if (tcb->launch.module)
        append_advisories(verification->appraisal, array, &tcb->launch.module->state.advisories);
    if (tcb->qe)
        append_advisories(verification->appraisal, array, &tcb->qe->state.advisories);
    return array;
}

/* "TDX_01 isvsvn 11 -> UpToDate" */
static void record_module(const struct verification *verification, json_t *to)
{
    const uint8_t *svn = verification->quote.td.tee_tcb_svn;
    char text[96];
    if (!evaluation_has_module(&verification->tcb.launch))
        return;
    snprintf(text, sizeof(text), "TDX_%02X isvsvn %u -> %s", svn[1], svn[0],
             tcb_status_name(isv_status(verification->tcb.launch.module)));
    record_text(verification->appraisal, to, "module", text);
}

/* A TDX module or a quoting enclave: its SVN beside that of the newest level. */
static void record_part(struct appraisal *appraisal, json_t *to, const char *name, unsigned have,
                        const struct tcb_isv_level *level, const struct tcb_isv_level *newest)
{
    json_t *part = record_json(appraisal, to, name, json_object());
    record_text(appraisal, part, "status", tcb_status_name(isv_status(level)));
    if (level)
        record_time(appraisal, part, "date", level->state.date);
    record_number(appraisal, part, "have", have);
    if (newest)
        record_number(appraisal, part, "need", newest->isvsvn);
}

static void record_module_row(const struct verification *verification, json_t *to, const char *name,
                              const struct tcb_evaluation *evaluation)
{
    const struct tcb_module *identity = evaluation->identity;
    if (evaluation_has_module(evaluation))
        record_part(verification->appraisal, to, name, evaluation->svn[0], evaluation->module,
                    identity ? &identity->levels[0] : NULL);
}

static bool has_current(const struct tcb_judgement *tcb)
{
    return tcb->current.svn != tcb->launch.svn;
}

/* Gives the table, for what else is in it. */
static json_t *record_platform(const struct verification *verification, json_t *to)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct tcb_judgement *tcb = &verification->tcb;
    const struct tcb_level *newest = &verification->info->levels[0];
    record_text(appraisal, to, "tcb_status", tcb_status_name(tcb->status));
    if (tcb->launch.status != tcb->status)
        record_text(appraisal, to, "tcb_status_at_launch", tcb_status_name(tcb->launch.status));
    if (has_current(tcb))
        record_text(appraisal, to, "tcb_status_current", tcb_status_name(tcb->current.status));
    record_module(verification, to);
    record_number(appraisal, to, "tcb_evaluation_data_number", verification->info->evaluation);
    json_t *table = record_json(appraisal, to, "tcb", json_object());
    if (tcb->launch.level)
        record_level(verification, tcb->launch.level, newest, table);
    if (tcb->launch.level != newest)
        record_level(verification, newest, tcb->launch.level ? tcb->launch.level : newest,
                     record_json(appraisal, table, "newest", json_object()));
    record_module_row(verification, table, "tdx_module", &tcb->launch);
    if (has_current(tcb))
        record_module_row(verification, table, "tdx_module_current", &tcb->current);
    return table;
}

void quote_record_tcb(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct tcb_judgement *tcb = &verification->tcb;
    const struct tcb_identity *identity = verification->identity;
    json_t *to = appraisal->result->evidence, *table = NULL;
    if (identity)
        record_text(appraisal, to, "qe_tcb_status", tcb_status_name(isv_status(tcb->qe)));
    if (verification->info)
        table = record_platform(verification, to);
    else if (identity)
        table = record_json(appraisal, to, "tcb", json_object());
    if (identity)
        record_part(appraisal, table, "quoting_enclave", verification->quote.qe.isv_svn, tcb->qe,
                    &identity->levels[0]);
    if (!verification->info)
        return;
    if (tcb->date)
        record_time(appraisal, to, "tcb_date", tcb->date);
    record_json(appraisal, to, "advisory_ids", advisories_of(verification));
}

/* ---- claims ---- */

/* The same value under another name. */
static void claim(struct appraisal *appraisal, json_t *to, const char *name, const json_t *from,
                  const char *from_name)
{
    record_json(appraisal, to, name, json_incref(json_object_get(from, from_name)));
}

static void claim_enclave(struct appraisal *appraisal, const struct quote_report *report,
                          const json_t *body, json_t *to)
{
    static const char *const names[][2] = {
        {"x-ms-sgx-mrenclave", "mrenclave"},
        {"x-ms-sgx-mrsigner", "mrsigner"},
        {"x-ms-sgx-product-id", "isvprodid"},
        {"x-ms-sgx-svn", "isvsvn"},
        {"x-ms-sgx-report-data", "report_data"},
        {"x-ms-sgx-config-id", "configid"},
        {"x-ms-sgx-config-svn", "configsvn"},
        {"x-ms-sgx-isv-extended-product-id", "isvextprodid"},
        {"x-ms-sgx-isv-family-id", "isvfamilyid"},
        {"x-ms-sgx-attributes", "attributes"},
    };
    record_text(appraisal, to, "x-ms-attestation-type", "sgx");
    record_bool(appraisal, to, "x-ms-sgx-is-debuggable", report->attributes[0] & QUOTE_DEBUG);
    for (size_t i = 0; i < COUNT(names); i++)
        claim(appraisal, to, names[i][0], body, names[i][1]);
}

/* TD attributes (Intel TDX module ABI, ATTRIBUTES). */
static void claim_td(struct appraisal *appraisal, const struct quote_td *td, const json_t *body,
                     json_t *to)
{
    struct td_field fields[TD_FIELDS];
    static const struct {
        const char *name;
        int bit;
    } bits[] = {{"tdx_td_attributes_septve_disable", 28},
                {"tdx_td_attributes_migratable", 29},
                {"tdx_td_attributes_protection_keys", 30},
                {"tdx_td_attributes_key_locker", 31},
                {"tdx_td_attributes_perfmon", 63}};
    uint64_t attributes = little_endian(td->attributes, 8);
    record_text(appraisal, to, "x-ms-attestation-type", "tdxvm");
    td_fields(td, fields);
    for (size_t i = 0; i < TD_FIELDS; i++)
        if (fields[i].bytes)
            claim(appraisal, to, fields[i].claim, body, fields[i].name);
    record_bool(appraisal, to, "tdx_td_attributes_debug", td->attributes[0] != 0);
    for (size_t i = 0; i < COUNT(bits); i++)
        record_bool(appraisal, to, bits[i].name, attributes >> bits[i].bit & 1);
    record_number(appraisal, to, "tdx_seamsvn", td->tee_tcb_svn[0]);
}

void quote_record_claims(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    const struct quote *quote = &verification->quote;
    const struct sample *sample = verification->sample;
    json_t *to = appraisal->result->claims, *evidence = appraisal->result->evidence;
    json_t *body = json_object_get(evidence, "body");
    bool debug =
        is_tdx(quote) ? quote->td.attributes[0] != 0 : quote->enclave.attributes[0] & QUOTE_DEBUG;
    if (is_tdx(quote))
        claim_td(appraisal, &quote->td, body, to);
    else
        claim_enclave(appraisal, &quote->enclave, body, to);
    record_text(appraisal, to, "dbgstat", debug ? "enabled" : "disabled");
    if (sample)
        record_hex(appraisal, to, "x-ms-sgx-ehd", sample->held, sample->held_size);
    if (!verification->info)
        return;
    claim(appraisal, to, "attester_tcb_status", evidence, "tcb_status");
    claim(appraisal, to, "attester_tcb_date", evidence, "tcb_date");
    claim(appraisal, to, "attester_advisory_ids", evidence, "advisory_ids");
    claim(appraisal, to, "tcb_evaluation_data_number", evidence, "tcb_evaluation_data_number");
}
