/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges evidence: its form, whose word it is, what it says. A claim is told only after all of it
 * was judged.
 */
#include "evidence.h"

#include "certificate.h"
#include "image/fail.h"
#include "image/hex.h"
#include "public_key.h"
#include "reader.h"
#include "refusal.h"
#include "vsm_tpm.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define ATTRIBUTE_INIT   UINT64_C(0x1)
#define ATTRIBUTE_DEBUG  UINT64_C(0x2)
#define ATTRIBUTE_MODE64 UINT64_C(0x4)

void cella_verify_options_default(cella_verify_options *options)
{
    memset(options, 0, sizeof(*options));
    options->size = sizeof(*options);
}

static cella_status check_options(const cella_verify_options *options, cella_error *error)
{
    if (options->size != sizeof(*options))
        return fail(error, CELLA_INVALID,
                    "the options are of another version of cella (%zu bytes); start from "
                    "cella_verify_options_default",
                    options->size);
    if (options->at <= 0 || options->most_age < 0)
        return fail(error, CELLA_INVALID, "verification wants the time to judge at");
    if (options->root_count == 0 || !options->roots)
        return fail(error, CELLA_INVALID, "verification wants at least one trusted root");
    if (!options->report_data == !options->insecure_any_report_data)
        return fail(error, CELLA_INVALID,
                    "verification wants the report data expected, or insecure_any_report_data");
    if (!options->boot_images != !options->boot_image_count)
        return fail(error, CELLA_INVALID, "verification wants boot images and their number");
    return CELLA_OK;
}

/* Everything that a report of this kind leaves zero is zero. */
static bool rest_is_zero(const uint8_t report[REPORT_SIZE])
{
    static const struct {
        size_t at, size;
    } used[] = {{REPORT_ATTRIBUTES, 16},
                {REPORT_MRENCLAVE, 32},
                {REPORT_MRSIGNER, 32},
                {REPORT_ISV_PROD_ID, 4},
                {REPORT_DATA, 64}};
    size_t at = 0;
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        for (; at < used[i].at; at++)
            any |= report[at];
        at += used[i].size;
    }
    return any == 0 && at == REPORT_SIZE;
}

static cella_status read_report(const uint8_t report[REPORT_SIZE], cella_claims *claims,
                                cella_error *error)
{
    uint64_t flags = little_endian(report + REPORT_ATTRIBUTES, 8);
    if (!rest_is_zero(report))
        return fail(error, CELLA_INVALID,
                    "evidence: report: a field that this kind of TEE leaves zero is not");
    if ((flags & ~(ATTRIBUTE_DEBUG)) != (ATTRIBUTE_INIT | ATTRIBUTE_MODE64))
        return fail(error, CELLA_INVALID,
                    "evidence: report: attributes %#" PRIx64
                    "; INIT and MODE64 must be there, DEBUG may",
                    flags);
    memcpy(claims->mrenclave, report + REPORT_MRENCLAVE, sizeof(claims->mrenclave));
    memcpy(claims->mrsigner, report + REPORT_MRSIGNER, sizeof(claims->mrsigner));
    memcpy(claims->report_data, report + REPORT_DATA, sizeof(claims->report_data));
    claims->isv_prod_id = (uint16_t)little_endian(report + REPORT_ISV_PROD_ID, 2);
    claims->isv_svn = (uint16_t)little_endian(report + REPORT_ISV_SVN, 2);
    claims->debug = flags & ATTRIBUTE_DEBUG;
    return CELLA_OK;
}

/* Names of what a verifier adds. */
static bool is_reserved(const char *name)
{
    static const char *const prefixes[] = {"pcr_", "boot_", "tpm_"}, proof[] = "_proof";
    size_t length = strlen(name), suffix = strlen(proof);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return length >= suffix && strcmp(name + length - suffix, proof) == 0;
}

static cella_status read_posture(const struct cbor_item *map, cella_claims *claims,
                                 cella_error *error)
{
    struct cbor_item name, value;
    if (map->number > EVIDENCE_POSTURE_MOST)
        return fail(error, CELLA_INVALID, "evidence: posture: more than %d claims",
                    EVIDENCE_POSTURE_MOST);
    for (struct cbor_reader reader = cbor_inside(map);
         cbor_next(&reader, &name) && cbor_next(&reader, &value);) {
        cella_posture_claim *claim = &claims->posture[claims->posture_count++];
        if (cbor_is_bool(&value))
            snprintf(claim->value, sizeof(claim->value), "%s",
                     value.number == CBOR_TRUE ? "true" : "false");
        else if (!cbor_copy_text(&value, claim->value, CELLA_POSTURE_VALUE))
            return fail(error, CELLA_INVALID,
                        "evidence: posture: a value must be a boolean, or text of 1 to %d bytes",
                        CELLA_POSTURE_VALUE);
        if (!cbor_copy_text(&name, claim->name, CELLA_POSTURE_NAME))
            return fail(error, CELLA_INVALID,
                        "evidence: posture: a name must be text of 1 to %d bytes",
                        CELLA_POSTURE_NAME);
        if (is_reserved(claim->name))
            return fail(error, CELLA_INVALID, "evidence: posture: %s: only a TPM's quote says this",
                        claim->name);
    }
    return CELLA_OK;
}

static cella_status read_payload(const struct cose *cose, bool with_tpm, cella_claims *claims,
                                 cella_error *error)
{
    struct cbor_item version, tee, report, time, launcher, posture, tpm;
    const struct cbor_field fields[] = {
        {"version", CBOR_UNSIGNED, 0, &version},
        {"tee", CBOR_TEXT, 0, &tee},
        {"report", CBOR_BYTES, REPORT_SIZE, &report},
        {"time", CBOR_UNSIGNED, 0, &time},
        {"launcher", CBOR_BYTES, sizeof(claims->launcher), &launcher},
        {"posture", CBOR_MAP, 0, &posture},
        {"tpm", CBOR_BYTES, 0, &tpm},
    };
    cella_status status =
        cbor_fields(cose->payload, cose->payload_size, "evidence", fields,
                    sizeof(fields) / sizeof(fields[0]) - (with_tpm ? 0 : 1), error);
    if (status)
        return status;
    if (version.number != EVIDENCE_VERSION)
        return fail(error, CELLA_UNSUPPORTED,
                    "evidence: version %" PRIu64 "; this version of cella judges version %d",
                    version.number, EVIDENCE_VERSION);
    if (!cbor_is_text(&tee, "vsm") && !cbor_is_text(&tee, "process"))
        return fail(error, CELLA_INVALID, "evidence: tee: must be \"vsm\" or \"process\"");
    if (time.number > INT64_MAX)
        return fail(error, CELLA_INVALID, "evidence: time: too large");
    cbor_copy_text(&tee, claims->tee, sizeof(claims->tee) - 1);
    claims->time = (int64_t)time.number;
    memcpy(claims->launcher, launcher.bytes, sizeof(claims->launcher));
    status = read_posture(&posture, claims, error);
    return status ? status : read_report(report.bytes, claims, error);
}

static cella_status judge_age(const cella_verify_options *options, cella_claims *claims,
                              cella_refusal *refusal, cella_error *error)
{
    /* Neither is below zero, so nothing overflows. */
    int64_t off = options->at - claims->time;
    char expected[80], at[32], found[32];
    claims->age_checked = options->most_age > 0;
    if (!claims->age_checked || (off <= options->most_age && off >= -options->most_age))
        return CELLA_OK;
    snprintf(expected, sizeof(expected), "at most %" PRId64 " s off %s", options->most_age,
             time_text(options->at, at));
    return refuse(refusal, error, CELLA_REFUSAL_TIME, "time", expected,
                  time_text(claims->time, found));
}

static cella_status judge_report_data(const cella_verify_options *options,
                                      const cella_claims *claims, cella_refusal *refusal,
                                      cella_error *error)
{
    char expected[129], found[129];
    if (options->insecure_any_report_data ||
        CRYPTO_memcmp(options->report_data, claims->report_data, sizeof(claims->report_data)) == 0)
        return CELLA_OK;
    return refuse(refusal, error, CELLA_REFUSAL_REPORT_DATA, "report_data",
                  hex_write(options->report_data, 64, expected),
                  hex_write(claims->report_data, 64, found));
}

/* Whether the payload has what a TPM said. Nothing of it is true yet, but a lie only leads to a
 * refusal: of a certificate that is for the other kind. */
static bool find_tpm(const struct cose *cose, struct cbor_item *tpm)
{
    struct cbor_item map;
    return cbor_decode(cose->payload, cose->payload_size, &map) && map.type == CBOR_MAP &&
           cbor_find(&map, "tpm", tpm) && tpm->type == CBOR_BYTES;
}

static cella_status judge_tpm_key(const struct vsm_tpm *tpm, bool with_tpm,
                                  const cella_verify_options *options, cella_refusal *refusal,
                                  cella_error *error)
{
    char expected[65], found[65] = "no quote of a TPM";
    if (!options->attestation_key ||
        (with_tpm && memcmp(options->attestation_key, tpm->key, sizeof(tpm->key)) == 0))
        return CELLA_OK;
    if (with_tpm)
        hex_write(tpm->key, sizeof(tpm->key), found);
    return refuse(refusal, error, CELLA_REFUSAL_ROOT, "tpm_key",
                  hex_write(options->attestation_key, 32, expected), found);
}

/* Which key has to have signed: the certificate's, or the one that the certificate's key quoted. */
static cella_status find_signer(const struct cose *cose, const cella_verify_options *options,
                                struct vsm_tpm *tpm, bool *with_tpm, EVP_PKEY **signer,
                                cella_claims *claims, cella_refusal *refusal, cella_error *error)
{
    struct cbor_item map;
    EVP_PKEY *key = NULL;
    *with_tpm = find_tpm(cose, &map);
    cella_status status =
        certificate_judge(&cose->chain, *with_tpm, options, &key, claims->root, refusal, error);
    if (status == CELLA_OK && *with_tpm && !public_key_hash(key, tpm->key))
        status = fail(error, CELLA_MEMORY, "no memory to hash a key");
    if (status == CELLA_OK)
        status = judge_tpm_key(tpm, *with_tpm, options, refusal, error);
    if (status || !*with_tpm) {
        *signer = key;
        return status;
    }
    status = vsm_tpm_quote(&map, key, tpm, signer, refusal, error);
    EVP_PKEY_free(key);
    return status;
}

static cella_status judge_tpm(const struct vsm_tpm *tpm, bool with_tpm,
                              const cella_verify_options *options, cella_claims *claims,
                              cella_refusal *refusal, cella_error *error)
{
    if (with_tpm)
        return vsm_tpm_prove(tpm, options, claims, refusal, error);
    if (options->boot_image_count)
        return refuse(refusal, error, CELLA_REFUSAL_CLAIM, "boot_image", "reference values",
                      "no quote of a TPM");
    return CELLA_OK;
}

static cella_status judge(const uint8_t *bytes, size_t size, const cella_verify_options *options,
                          cella_claims *claims, cella_refusal *refusal, cella_error *error)
{
    struct cose cose;
    struct vsm_tpm tpm;
    bool with_tpm = false;
    EVP_PKEY *key = NULL;
    if (size > EVIDENCE_MOST)
        return fail(error, CELLA_INVALID, "evidence: %zu bytes; at most %d are judged", size,
                    EVIDENCE_MOST);
    cella_status status = cose_read(bytes, size, EVIDENCE_CONTENT_TYPE, "evidence", &cose, error);
    if (status == CELLA_OK)
        status = find_signer(&cose, options, &tpm, &with_tpm, &key, claims, refusal, error);
    if (status == CELLA_OK && !cose_verify(&cose, key))
        status = refuse(refusal, error, CELLA_REFUSAL_SIGNATURE, "signature",
                        "one by the platform's key over all of the evidence",
                        "one over something else, or by another key");
    EVP_PKEY_free(key);
    if (status == CELLA_OK)
        status = read_payload(&cose, with_tpm, claims, error);
    if (status == CELLA_OK)
        status = judge_tpm(&tpm, with_tpm, options, claims, refusal, error);
    if (status == CELLA_OK)
        status = judge_age(options, claims, refusal, error);
    if (status == CELLA_OK)
        status = judge_report_data(options, claims, refusal, error);
    if (status == CELLA_OK && claims->debug && !options->insecure_allow_debug)
        status = refuse(refusal, error, CELLA_REFUSAL_DEBUG, "debug", "false", "true");
    return status;
}

cella_status cella_evidence_verify(const uint8_t *bytes, size_t size,
                                   const cella_verify_options *options, cella_claims *claims,
                                   cella_refusal *refusal, cella_error *error)
{
    memset(claims, 0, sizeof(*claims));
    if (refusal)
        memset(refusal, 0, sizeof(*refusal));
    cella_status status = check_options(options, error);
    if (status == CELLA_OK)
        status = judge(bytes, size, options, claims, refusal, error);
    if (status != CELLA_OK)
        memset(claims, 0, sizeof(*claims));
    return status;
}
