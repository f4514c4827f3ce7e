/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges what a TPM says beside vsm evidence: who quoted what, whether the logs lead there, and
 * which claims of the posture follow.
 */
#include "vsm_tpm.h"

#include "image/fail.h"
#include "image/hex.h"
#include "public_key.h"
#include "refusal.h"
#include "tpm/ima.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cella_status vsm_tpm_qualify(const uint8_t *key, size_t size, uint8_t qualifying[32],
                             cella_error *error)
{
    uint8_t bytes[sizeof(VSM_TPM_SESSION) + 256] = VSM_TPM_SESSION;
    if (size > sizeof(bytes) - sizeof(VSM_TPM_SESSION))
        return fail(error, CELLA_INVALID, "evidence: tpm: key: %zu bytes are too many", size);
    memcpy(bytes + sizeof(VSM_TPM_SESSION), key, size);
    return tpm_digest(tpm_hash(TPM_SHA256), bytes, sizeof(VSM_TPM_SESSION) + size, qualifying)
               ? CELLA_OK
               : fail(error, CELLA_MEMORY, "no memory to hash a key");
}

/* ---- the quote ---- */

static cella_status refuse_tpm(cella_refusal *refusal, cella_error *error, const char *claim,
                               const char *expected, const char *found)
{
    return refuse(refusal, error, CELLA_REFUSAL_TPM, claim, expected, found);
}

/* What a helper refused, in its own sentence. */
static cella_status refuse_why(cella_refusal *refusal, cella_error *error, const char *claim,
                               const char *expected, const cella_error *why)
{
    return why->status == CELLA_REFUSED
               ? refuse_tpm(refusal, error, claim, expected, why->sentence)
               : fail(error, why->status, "evidence: tpm: %s", why->sentence);
}

static cella_status read_session(const struct cbor_item *key, EVP_PKEY **session,
                                 cella_error *error)
{
    *session = public_key_decode(key->bytes, key->size);
    if (*session)
        return CELLA_OK;
    return fail(error, CELLA_INVALID, "evidence: tpm: key: is no SubjectPublicKeyInfo in DER");
}

static void read_pcrs(const struct cbor_item *values, struct tpm_pcrs *pcrs)
{
    memset(pcrs, 0, sizeof(*pcrs));
    struct tpm_bank *bank = tpm_bank_add(pcrs, tpm_hash(TPM_SHA256));
    const uint8_t *from = values->bytes;
    bank->given = VSM_TPM_PCRS;
    for (size_t i = 0; i < TPM_PCRS; i++)
        if (VSM_TPM_PCRS >> i & 1) {
            memcpy(bank->values[i], from, 32);
            from += 32;
        }
}

static cella_status judge_quote(const struct cbor_item *quote, const struct cbor_item *signature,
                                const struct cbor_item *key, EVP_PKEY *attestation_key,
                                struct vsm_tpm *tpm, cella_refusal *refusal, cella_error *error)
{
    struct tpm_attest attest;
    struct tpm_signature read;
    uint8_t qualifying[32];
    char expected[65], found[129];
    cella_error why = {0};
    if (tpm_attest_read(quote->bytes, quote->size, &attest, &why) ||
        tpm_signature_read(signature->bytes, signature->size, &read, &why))
        return refuse_why(refusal, error, "tpm.quote", "a quote", &why);
    if (!tpm_quote_signed(&read, attestation_key, quote->bytes, quote->size))
        return refuse_tpm(refusal, error, "tpm.quote",
                          "a signature by the attestation key that the certificate is of",
                          "one over something else, or by another key");
    cella_status status = vsm_tpm_qualify(key->bytes, key->size, qualifying, error);
    if (status)
        return status;
    if (attest.extra.size != 32 || memcmp(attest.extra.bytes, qualifying, 32) != 0)
        return refuse_tpm(
            refusal, error, "tpm.key", hex_write(qualifying, 32, expected),
            hex_write(attest.extra.bytes, attest.extra.size < 64 ? attest.extra.size : 64, found));
    if (tpm_quote_pcrs(&attest, read.hash, &tpm->pcrs, &why))
        return refuse_why(refusal, error, "tpm.pcrs", "those that were quoted", &why);
    tpm->resets = attest.reset_count;
    tpm->restarts = attest.restart_count;
    return CELLA_OK;
}

cella_status vsm_tpm_quote(const struct cbor_item *map, EVP_PKEY *attestation_key,
                           struct vsm_tpm *tpm, EVP_PKEY **session, cella_refusal *refusal,
                           cella_error *error)
{
    struct cbor_item quote, signature, key, pcrs;
    const struct cbor_field fields[] = {
        {"quote", CBOR_BYTES, 0, &quote},
        {"signature", CBOR_BYTES, 0, &signature},
        {"key", CBOR_BYTES, 0, &key},
        {"pcrs", CBOR_BYTES, 32 * (size_t)VSM_TPM_COUNT, &pcrs},
        {"events", CBOR_BYTES, 0, &tpm->events},
        {"ima", CBOR_BYTES, 0, &tpm->ima},
        {"ima_digests", CBOR_BYTES, 0, &tpm->digests},
    };
    cella_status status = cbor_fields(map->bytes, map->size, "evidence: tpm", fields,
                                      sizeof(fields) / sizeof(fields[0]), error);
    if (status)
        return status;
    read_pcrs(&pcrs, &tpm->pcrs);
    status = judge_quote(&quote, &signature, &key, attestation_key, tpm, refusal, error);
    return status ? status : read_session(&key, session, error);
}

/* ---- the logs ---- */

static const uint8_t *pcr(const struct vsm_tpm *tpm, size_t index)
{
    return tpm->pcrs.banks[0].values[index];
}

/* IMA's PCR alone has a log of its own. */
static cella_status compare(const struct vsm_tpm *tpm, const struct eventlog_values *values,
                            cella_refusal *refusal, cella_error *error)
{
    char expected[80], found[80], digits[65];
    for (size_t i = 0; i < TPM_PCRS; i++) {
        if (i == IMA_PCR || !(VSM_TPM_PCRS >> i & 1) ||
            memcmp(values->values[i], pcr(tpm, i), 32) == 0)
            continue;
        snprintf(expected, sizeof(expected), "PCR %zu %s", i, hex_write(pcr(tpm, i), 32, digits));
        snprintf(found, sizeof(found), "PCR %zu %s", i, hex_write(values->values[i], 32, digits));
        return refuse_tpm(refusal, error, "tpm.events", expected, found);
    }
    return CELLA_OK;
}

/* No log: nothing is known of what was booted. */
static cella_status read_events(const struct vsm_tpm *tpm, struct vsm_boot *boot,
                                cella_refusal *refusal, cella_error *error)
{
    struct eventlog log = {0};
    struct eventlog_values values;
    cella_error why = {0};
    memset(boot, 0, sizeof(*boot));
    if (tpm->events.size == 0)
        return CELLA_OK;
    if (eventlog_read(tpm->events.bytes, tpm->events.size, EVENTLOG_TCG2, &log, &why) ||
        eventlog_replay(&log, TPM_SHA256, &values, &why))
        goto bad;
    cella_status status = compare(tpm, &values, refusal, error);
    if (status == CELLA_OK && vsm_boot_read(&log, boot, &why))
        goto bad;
    eventlog_free(&log);
    return status;
bad:
    eventlog_free(&log);
    return refuse_why(refusal, error, "tpm.events", "a log that can be believed", &why);
}

static bool is_launcher(const struct ima_entry *entry, const cella_claims *claims)
{
    return !entry->violation && strcmp(entry->algorithm, "sha256") == 0 &&
           memcmp(entry->digest, claims->launcher, 32) == 0;
}

bool vsm_tpm_entry(const struct ima_entry *entry, uint8_t digest[32])
{
    memset(digest, 0xff, 32);
    return entry->violation ||
           tpm_digest(tpm_hash(TPM_SHA256), entry->data, entry->data_size, digest);
}

static cella_status replay_ima(const struct vsm_tpm *tpm, cella_refusal *refusal,
                               cella_error *error)
{
    uint8_t value[32] = {0};
    char expected[65], found[65];
    for (size_t at = 0; at < tpm->digests.size; at += 32)
        if (!tpm_extend(tpm_hash(TPM_SHA256), value, tpm->digests.bytes + at, 32))
            return fail(error, CELLA_MEMORY, "evidence: no memory to replay a log");
    if (memcmp(value, pcr(tpm, IMA_PCR), 32) == 0)
        return CELLA_OK;
    return refuse_tpm(refusal, error, "tpm.ima", hex_write(pcr(tpm, IMA_PCR), 32, expected),
                      hex_write(value, 32, found));
}

/* Each entry is one that was measured, in their order. `first`: whether the first is the first. */
static cella_status place_entries(const struct vsm_tpm *tpm, const struct ima_log *log, bool *first,
                                  cella_claims *claims, cella_refusal *refusal, cella_error *error)
{
    uint8_t digest[32];
    size_t at = 0;
    *first = false;
    for (size_t i = 0; i < log->count; i++, at += 32) {
        if (!vsm_tpm_entry(&log->entries[i], digest))
            return fail(error, CELLA_MEMORY, "evidence: no memory to replay a log");
        while (at < tpm->digests.size && memcmp(tpm->digests.bytes + at, digest, 32) != 0)
            at += 32;
        if (at >= tpm->digests.size)
            return refuse_tpm(refusal, error, "tpm.ima", "entries that were measured, in order",
                              log->entries[i].path);
        *first |= i == 0 && at == 0;
        claims->launcher_proved |= is_launcher(&log->entries[i], claims);
    }
    return CELLA_OK;
}

/* The kernel's first entry, of PCR 0 to 9: Linux before 5.8 left out 8 and 9, where GRUB's words
 * are.
 */
static bool is_aggregate(const struct vsm_tpm *tpm, const struct ima_entry *entry)
{
    uint8_t all[10 * 32];
    for (size_t i = 0; i < 10; i++)
        memcpy(all + 32 * i, pcr(tpm, i), 32);
    return !entry->violation && strcmp(entry->path, "boot_aggregate") == 0 &&
           strcmp(entry->algorithm, "sha256") == 0 &&
           tpm_digest_is(tpm_hash(TPM_SHA256), entry->digest, all, sizeof(all));
}

/* `booted`: the PCRs are as the kernel found them, before root could extend them: it says so in its
 * first entry, which nobody can extend PCR 10 before. */
static cella_status read_ima(const struct vsm_tpm *tpm, cella_claims *claims, bool *booted,
                             cella_refusal *refusal, cella_error *error)
{
    struct ima_log log = {0};
    cella_error why = {0};
    bool first;
    *booted = false;
    if (tpm->digests.size % 32)
        return fail(error, CELLA_INVALID, "evidence: tpm: ima_digests: %zu bytes",
                    tpm->digests.size);
    if (tpm->digests.size == 0 && tpm->ima.size == 0)
        return CELLA_OK;
    cella_status status = ima_read(tpm->ima.bytes, tpm->ima.size, &log, &why);
    if (status)
        return refuse_why(refusal, error, "tpm.ima", "a log", &why);
    status = replay_ima(tpm, refusal, error);
    if (status == CELLA_OK)
        status = place_entries(tpm, &log, &first, claims, refusal, error);
    if (status == CELLA_OK && first) {
        *booted = is_aggregate(tpm, &log.entries[0]);
        if (ima_boot_aggregate(&log, &tpm->pcrs.banks[0]) == IMA_BOOT_OTHER)
            status = refuse_tpm(refusal, error, "tpm.ima", "a boot_aggregate of the PCRs quoted",
                                "one of others: they were extended, or reset, since the boot");
    }
    ima_free(&log);
    return status;
}

/* ---- what follows ---- */

static cella_status add_claim(cella_claims *claims, const char *name, const char *value,
                              cella_error *error)
{
    if (claims->posture_count == CELLA_POSTURE_MOST)
        return fail(error, CELLA_INVALID, "evidence: posture: too many claims");
    cella_posture_claim *claim = &claims->posture[claims->posture_count++];
    snprintf(claim->name, sizeof(claim->name), "%s", name);
    snprintf(claim->value, sizeof(claim->value), "%s", value);
    claim->proved = true;
    return CELLA_OK;
}

static cella_status add_numbered(cella_claims *claims, const char *name, size_t number,
                                 const uint8_t sha256[32], cella_error *error)
{
    char full[CELLA_POSTURE_NAME + 1], digits[65];
    snprintf(full, sizeof(full), "%s_%u", name, (unsigned)number);
    return add_claim(claims, full, hex_write(sha256, 32, digits), error);
}

static cella_status add_claims(const struct vsm_tpm *tpm, const struct vsm_boot *boot,
                               cella_claims *claims, cella_error *error)
{
    char text[CELLA_POSTURE_VALUE + 1], digits[65];
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < TPM_PCRS && status == CELLA_OK; i++)
        if (VSM_TPM_PCRS >> i & 1)
            status = add_numbered(claims, "pcr", i, pcr(tpm, i), error);
    for (size_t i = 0; i < boot->image_count && status == CELLA_OK; i++)
        status = add_numbered(claims, "boot_image", i + 1, boot->images[i], error);
    for (size_t i = 0; i < boot->authority_count && status == CELLA_OK; i++)
        status = add_numbered(claims, "boot_authority", i + 1, boot->authorities[i], error);
    if (status == CELLA_OK)
        status = add_claim(claims, "tpm_key", hex_write(tpm->key, 32, digits), error);
    snprintf(text, sizeof(text), "%" PRIu32, tpm->resets);
    if (status == CELLA_OK)
        status = add_claim(claims, "tpm_resets", text, error);
    snprintf(text, sizeof(text), "%" PRIu32, tpm->restarts);
    if (status == CELLA_OK)
        status = add_claim(claims, "tpm_restarts", text, error);
    if (status == CELLA_OK && vsm_boot_unknown(boot, text, sizeof(text)))
        status = add_claim(claims, "boot_parameter_unknown", text, error);
    memcpy(claims->command_line, boot->line, sizeof(claims->command_line));
    return status;
}

/* Without this, root starts another signed kernel over this one, with another command line, and no
 * PCR shows it. */
#define SAME_KERNEL "sysctl.kernel.kexec_load_disabled=1"

/* What this value follows from. Where the command line has it, the kernel is one that Secure Boot
 * let, and that heeds it. */
static const struct {
    const char *name, *value;
    const char *parameter, *module; /* on the command line; in the list of security modules */
} follows[] = {
    {"lockdown", "confidentiality", "lockdown=confidentiality", "lockdown"},
    {"kexec", "disabled", SAME_KERNEL, NULL},
    {"dev_mem", "closed by lockdown", "lockdown=confidentiality", "lockdown"},
    {"kcore", "closed by lockdown", "lockdown=confidentiality", "lockdown"},
    {"module_signatures", "enforced by lockdown", "lockdown=confidentiality", "lockdown"},
    {"module_signatures", "enforced", "module.sig_enforce=1", NULL},
    {"yama", "ptrace_scope 3", "sysctl.kernel.yama.ptrace_scope=3", "yama"},
    {"secure_boot", "on", NULL, NULL},
};

static bool is_proved(const cella_posture_claim *claim, const struct vsm_boot *boot,
                      size_t measured)
{
    char ima[32];
    unsigned long long count = strtoull(claim->value, NULL, 10);
    snprintf(ima, sizeof(ima), "%llu measurements", count);
    if (strcmp(claim->name, "tpm") == 0)
        return strcmp(claim->value, "version 2") == 0;
    if (!boot->secure_boot)
        return false;
    if (strcmp(claim->name, "ima") == 0)
        return strcmp(claim->value, ima) == 0 && count <= measured &&
               vsm_boot_told(boot, "ima_policy=tcb") && vsm_boot_told(boot, SAME_KERNEL);
    for (size_t i = 0; i < sizeof(follows) / sizeof(follows[0]); i++)
        if (strcmp(claim->name, follows[i].name) == 0 &&
            strcmp(claim->value, follows[i].value) == 0 &&
            (!follows[i].parameter ||
             (vsm_boot_told(boot, follows[i].parameter) && vsm_boot_told(boot, SAME_KERNEL))) &&
            (!follows[i].module || vsm_boot_has_module(boot, follows[i].module)))
            return true;
    return false;
}

/* Reference values, where there are any: the order counts, since root can extend PCRs, too, but not
 * before what was booted. */
static cella_status judge_images(const struct vsm_boot *boot, const cella_verify_options *options,
                                 cella_refusal *refusal, cella_error *error)
{
    char expected[65] = "no more", found[65] = "no more in the log";
    size_t at = 0;
    if (options->boot_image_count == 0)
        return CELLA_OK;
    while (at < boot->image_count && at < options->boot_image_count &&
           memcmp(options->boot_images[at], boot->images[at], 32) == 0)
        at++;
    if (at == boot->image_count && at == options->boot_image_count)
        return CELLA_OK;
    if (at < options->boot_image_count)
        hex_write(options->boot_images[at], 32, expected);
    if (at < boot->image_count)
        hex_write(boot->images[at], 32, found);
    return refuse(refusal, error, CELLA_REFUSAL_CLAIM, "boot_image", expected, found);
}

cella_status vsm_tpm_prove(const struct vsm_tpm *tpm, const cella_verify_options *options,
                           cella_claims *claims, cella_refusal *refusal, cella_error *error)
{
    struct vsm_boot boot;
    bool booted = false;
    cella_status status = read_events(tpm, &boot, refusal, error);
    if (status == CELLA_OK)
        status = read_ima(tpm, claims, &booted, refusal, error);
    if (!booted)
        memset(&boot, 0, sizeof(boot)); /* root may have extended PCRs, and made up the log */
    if (status == CELLA_OK)
        status = judge_images(&boot, options, refusal, error);
    if (status)
        return status;
    claims->tpm = true;
    /* Who extends PCR 10 is the kernel, as long as it is one that does not do as root says. */
    claims->launcher_proved &= boot.secure_boot && vsm_boot_told(&boot, SAME_KERNEL);
    for (size_t i = 0; i < claims->posture_count; i++)
        claims->posture[i].proved = is_proved(&claims->posture[i], &boot, tpm->digests.size / 32);
    return add_claims(tpm, &boot, claims, error);
}
