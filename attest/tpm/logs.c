/* SPDX-License-Identifier: Apache-2.0
 *
 * Event logs and IMA logs against quoted PCRs.
 */
#include "logs.h"

#include "image/fail.h"
#include "image/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_FIRMWARE 7
#define FIRST_LAUNCH  17 /* PCRs 17 to 22 begin with ff */
#define LAST_LAUNCH   22

cella_status tpm_refuse(struct appraisal *appraisal, cella_status status, const char *class,
                        const char *claim, const char *expected, const cella_error *why,
                        const char *advice)
{
    if (status == CELLA_INVALID)
        return appraisal_malformed(appraisal, claim, "%s", why->sentence);
    if (status == CELLA_MEMORY || status == CELLA_SYSTEM)
        return fail(appraisal->error, status, "%s", why->sentence);
    return appraisal_refuse(appraisal, status == CELLA_UNSUPPORTED ? CLASS_UNSUPPORTED : class,
                            claim, expected, why->sentence, advice);
}

/* ---- event logs ---- */

static bool initial(const struct tpm_bank *bank, size_t index)
{
    uint8_t value[TPM_HASH_MOST];
    bool launch = index >= FIRST_LAUNCH && index <= LAST_LAUNCH;
    memset(value, launch ? 0xff : 0, sizeof(value));
    return memcmp(bank->values[index], value, bank->hash->size) == 0;
}

static cella_status refuse_pcr(struct appraisal *appraisal, const struct tpm_bank *bank,
                               size_t index, const uint8_t *found, const char *advice)
{
    char claim[32], quoted[2 * TPM_HASH_MOST + 1], replayed[2 * TPM_HASH_MOST + 1] = "no events";
    snprintf(claim, sizeof(claim), "PCR %zu (%s)", index, bank->hash->name);
    hex_write(bank->values[index], bank->hash->size, quoted);
    if (found)
        hex_write(found, bank->hash->size, replayed);
    return appraisal_refuse(appraisal, CLASS_LOG, claim, quoted, replayed, advice);
}

static cella_status compare_bank(struct appraisal *appraisal, const struct eventlog *log,
                                 const struct tpm_bank *bank, uint32_t *unexplained)
{
    struct eventlog_values values;
    cella_error error;
    cella_status status = eventlog_replay(log, bank->hash->id, &values, &error);
    if (status == CELLA_UNSUPPORTED) /* the bank is quoted: then the log has to tell of it */
        status = CELLA_REFUSED;
    if (status)
        return tpm_refuse(appraisal, status, CLASS_LOG, "event log",
                          "digests of the banks that are quoted", &error,
                          "Quote banks that the firmware logs.");
    for (size_t i = 0; i < TPM_PCRS; i++) {
        if (!(bank->given >> i & 1))
            continue;
        if (values.known[i] && memcmp(values.values[i], bank->values[i], bank->hash->size) != 0)
            return refuse_pcr(appraisal, bank, i, values.values[i],
                              "The log is not the one of this boot, or was altered: take both "
                              "anew.");
        if (values.known[i] || initial(bank, i))
            continue;
        if (i <= LAST_FIRMWARE)
            return refuse_pcr(appraisal, bank, i, NULL,
                              "The log is not the one of this boot, or was cut: take both anew.");
        *unexplained |= 1u << i;
    }
    return CELLA_OK;
}

/* Facts are taken from one bank, of SHA-256 or better where one was quoted. */
static const struct tpm_bank *best_bank(const struct tpm_pcrs *pcrs)
{
    const struct tpm_bank *best = NULL;
    for (size_t i = 0; i < pcrs->count; i++)
        if (pcrs->banks[i].given && (!best || pcrs->banks[i].hash->size > best->hash->size))
            best = &pcrs->banks[i];
    return best;
}

static cella_status judge_events(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                                 const struct eventlog *log, struct tpm_facts *facts)
{
    cella_error error;
    cella_status status = CELLA_OK;
    const struct tpm_bank *bank = best_bank(pcrs);
    uint32_t known = bank ? bank->given : 0;
    facts->unexplained = 0;
    for (size_t i = 0; i < pcrs->count && !status; i++) {
        uint32_t unexplained = 0;
        status = compare_bank(appraisal, log, &pcrs->banks[i], &unexplained);
        facts->unexplained |= unexplained;
        if (&pcrs->banks[i] == bank)
            known &= ~unexplained;
    }
    if (status || !bank)
        return status;
    status = eventlog_facts(log, bank->hash->id, known, &facts->events, &error);
    if (status)
        return tpm_refuse(appraisal, status, CLASS_LOG, "event log",
                          "events that say what was measured", &error,
                          "Firmware and boot loaders do not write such a log: somebody else did.");
    facts->has_events = true;
    return CELLA_OK;
}

cella_status tpm_judge_event_log(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                                 const uint8_t *bytes, size_t size, struct tpm_facts *facts)
{
    struct eventlog log;
    cella_error error;
    cella_status status = eventlog_read(bytes, size, EVENTLOG_TCG2, &log, &error);
    if (status)
        return tpm_refuse(appraisal, status, CLASS_LOG, "event log", "a TCG2 log", &error, NULL);
    status = judge_events(appraisal, pcrs, &log, facts);
    eventlog_free(&log);
    return status;
}

/* ---- IMA logs ---- */

/* Linux before 5.8 extended SHA-1 into every bank. */
static cella_status judge_extends(struct appraisal *appraisal, const struct tpm_hash *bank,
                                  enum ima_extends extends)
{
    if (extends == IMA_HASHED || bank->size < 32)
        return CELLA_OK;
    if (!appraisal->demands->insecure_allow_sha1)
        return appraisal_refuse(appraisal, CLASS_PCR, "PCR 10", "what SHA-256 or better extended",
                                "SHA-1, and zeros",
                                "Run Linux 5.8 or later: entries can be made to collide.");
    appraisal_warn(appraisal, "insecure_allow_sha1: two IMA logs can be made to have this PCR 10");
    return CELLA_OK;
}

/* In each bank that was quoted the same entries lead to PCR 10. */
static cella_status match_banks(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                                struct tpm_facts *facts)
{
    cella_error error;
    bool any = false;
    for (size_t i = 0; i < pcrs->count; i++) {
        const struct tpm_bank *bank = &pcrs->banks[i];
        enum ima_extends extends;
        size_t count;
        if (!(bank->given >> IMA_PCR & 1))
            continue;
        cella_status status =
            ima_match(&facts->ima, bank->hash, bank->values[IMA_PCR], &count, &extends, &error);
        if (!status && any && count != facts->ima_count)
            status = fail(&error, CELLA_REFUSED, "IMA log: another number of entries in each bank");
        if (status)
            return tpm_refuse(appraisal, status, CLASS_LOG, "IMA log",
                              "a log that leads to the quoted PCR 10", &error,
                              "The log is older than the quote, of another boot, or was altered: "
                              "read it after quoting.");
        if ((status = judge_extends(appraisal, bank->hash, extends)))
            return status;
        facts->ima_count = count;
        any = true;
    }
    if (any)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_LOG, "IMA log", "PCR 10 among those quoted",
                            "a quote without it", "Quote PCR 10, too.");
}

static cella_status check_entries(struct appraisal *appraisal, struct tpm_facts *facts)
{
    char claim[64];
    facts->ima_violations = 0;
    for (size_t i = 0; i < facts->ima_count; i++) {
        const struct ima_entry *entry = &facts->ima.entries[i];
        facts->ima_violations += entry->violation;
        if (entry->violation || ima_entry_good(entry))
            continue;
        snprintf(claim, sizeof(claim), "IMA log, entry %zu", i);
        return appraisal_refuse(appraisal, CLASS_LOG, claim, "the template hash of its fields",
                                "another one", "The log was altered: take it anew.");
    }
    return CELLA_OK;
}

static cella_status judge_boot(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                               struct tpm_facts *facts)
{
    facts->ima_boot_known = facts->ima_boot_whole = false;
    facts->ima_boot_asked = false;
    for (size_t i = 0; i < pcrs->count; i++) {
        const struct tpm_bank *bank = &pcrs->banks[i];
        enum ima_boot boot =
            facts->ima_count > 0 ? ima_boot_aggregate(&facts->ima, bank) : IMA_BOOT_UNKNOWN;
        facts->ima_boot_asked |= (bank->given & 0x3ff) == 0x3ff && bank->hash->size >= 32;
        facts->ima_boot_known |= boot == IMA_BOOT_SAME || boot == IMA_BOOT_FIRMWARE;
        facts->ima_boot_whole |= boot == IMA_BOOT_SAME && bank->hash->size >= 32;
        if (boot == IMA_BOOT_OTHER)
            return appraisal_refuse(
                appraisal, CLASS_LOG, "boot_aggregate", "the hash of the quoted PCRs 0 to 9",
                "another one",
                "Since IMA started these PCRs were changed: the TPM was reset while the kernel "
                "ran, or not the kernel but somebody else made this log.");
    }
    return CELLA_OK;
}

cella_status tpm_judge_ima_log(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                               const uint8_t *bytes, size_t size, struct tpm_facts *facts)
{
    cella_error error;
    cella_status status = ima_read(bytes, size, &facts->ima, &error);
    if (status)
        return tpm_refuse(appraisal, status, CLASS_LOG, "IMA log", "a log of IMA", &error, NULL);
    status = match_banks(appraisal, pcrs, facts);
    if (!status)
        status = check_entries(appraisal, facts);
    if (!status)
        status = judge_boot(appraisal, pcrs, facts);
    facts->has_ima = !status;
    if (status)
        ima_free(&facts->ima);
    return status;
}

/* ---- what they prove ---- */

static void claim_events(struct appraisal *appraisal, const struct tpm_facts *facts)
{
    json_t *to = appraisal->result->claims;
    if (facts->events.secure_boot_known)
        record_bool(appraisal, to, "secureBootEnabled", facts->events.secure_boot);
    json_t *lines = record_json(appraisal, to, "kernel_command_lines", json_array());
    for (size_t i = 0; i < facts->events.command_line_count; i++)
        if (lines && json_array_append_new(lines, json_string(facts->events.command_lines[i])))
            appraisal->result->no_memory = true;
    /* Root can extend PCR 8 with what GRUB would have: not before the kernel's boot_aggregate. */
    record_bool(appraisal, to, "kernel_command_lines_complete",
                facts->events.command_lines_complete && facts->ima_boot_whole);
}

static void warn_unexplained(struct appraisal *appraisal, uint32_t unexplained)
{
    char text[128] = "";
    for (size_t i = 0, used = 0; i < TPM_PCRS; i++)
        if (unexplained >> i & 1)
            used +=
                (size_t)snprintf(text + used, sizeof(text) - used, "%s%zu", used ? ", " : "", i);
    if (*text)
        appraisal_warn(appraisal, "no log explains these quoted PCRs: %s", text);
}

void tpm_claim_logs(struct appraisal *appraisal, const struct tpm_facts *facts)
{
    json_t *to = appraisal->result->claims;
    if (facts->has_events) {
        claim_events(appraisal, facts);
        warn_unexplained(appraisal, facts->unexplained & ~(facts->has_ima ? 1u << IMA_PCR : 0));
    }
    if (!facts->has_ima)
        return;
    record_number(appraisal, to, "ima_entries", (int64_t)facts->ima_count);
    record_number(appraisal, to, "ima_violations", (int64_t)facts->ima_violations);
    record_bool(appraisal, to, "ima_boot_aggregate_quoted", facts->ima_boot_known);
    if (facts->ima_boot_asked && !facts->ima_boot_known)
        appraisal_warn(appraisal,
                       "the IMA log begins with no boot_aggregate of the quoted PCRs 0 to "
                       "9: not the kernel but somebody else may have made it");
    if (facts->ima_count < facts->ima.count)
        appraisal_warn(appraisal,
                       "the IMA log goes on after the quote: its last %zu entries are ignored",
                       facts->ima.count - facts->ima_count);
    if (facts->ima_violations > 0)
        appraisal_warn(appraisal, "IMA was not sure of %zu files (violations)",
                       facts->ima_violations);
}

void tpm_facts_free(struct tpm_facts *facts)
{
    eventlog_facts_free(&facts->events);
    ima_free(&facts->ima);
    memset(facts, 0, sizeof(*facts));
}
