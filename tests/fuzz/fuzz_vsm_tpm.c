/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the "tpm" of evidence, under a quote that is not judged here: the logs that follow
 * are read with the PCRs that they lead to. What GRUB is said to have been told is one line of what
 * was given; a claim is proved only with it.
 */
#include "attest/vsm_tpm.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

/* The PCRs are those of the log, so that the rest is reached. */
static void set_pcrs(struct vsm_tpm *tpm, const uint8_t *bytes, size_t size)
{
    struct eventlog log = {0};
    struct eventlog_values values;
    cella_error error;
    struct tpm_bank *bank = tpm_bank_add(&tpm->pcrs, tpm_hash(TPM_SHA256));
    bank->given = VSM_TPM_PCRS;
    if (eventlog_read(bytes, size, EVENTLOG_TCG2, &log, &error) == CELLA_OK &&
        eventlog_replay(&log, TPM_SHA256, &values, &error) == CELLA_OK)
        for (size_t i = 0; i < TPM_PCRS; i++)
            memcpy(bank->values[i], values.values[i], 32);
    eventlog_free(&log);
}

/* The digests of these entries, and the PCR that they lead to. */
static uint8_t *set_digests(struct vsm_tpm *tpm, const uint8_t *bytes, size_t size)
{
    struct ima_log log = {0};
    cella_error error;
    uint8_t *digests = NULL, *pcr = tpm->pcrs.banks[0].values[IMA_PCR];
    memset(pcr, 0, 32);
    if (ima_read(bytes, size, &log, &error) == CELLA_OK && (digests = malloc(32 * log.count + 1)))
        for (size_t i = 0; i < log.count; i++)
            must(vsm_tpm_entry(&log.entries[i], digests + 32 * i) &&
                 tpm_extend(tpm_hash(TPM_SHA256), pcr, digests + 32 * i, 32));
    tpm->digests = (struct cbor_item){.bytes = digests, .size = digests ? 32 * log.count : 0};
    ima_free(&log);
    return digests;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cella_claims claims;
    static const uint8_t images[1][32];
    struct vsm_tpm tpm = {0};
    uint8_t *digests = NULL;
    cella_verify_options options;
    cella_refusal refusal;
    cella_error error = {0};
    EVP_PKEY *session = NULL;
    struct cbor_item map = {.bytes = data, .size = size};
    struct vsm_tpm whole;
    if (size < 2)
        return 0;
    must(vsm_tpm_quote(&map, NULL, &whole, &session, &refusal, &error) != CELLA_OK);

    size_t events = (size_t)(data[0] << 8 | data[1]);
    data += 2;
    size -= 2;
    events = events < size ? events : size;
    tpm.events = (struct cbor_item){.bytes = data, .size = events};
    tpm.ima = (struct cbor_item){.bytes = data + events, .size = size - events};
    set_pcrs(&tpm, data, events);
    digests = set_digests(&tpm, data + events, size - events);
    memset(&claims, 0, sizeof(claims));
    claims.posture_count = 1;
    strcpy(claims.posture[0].name, "lockdown");
    strcpy(claims.posture[0].value, "confidentiality");
    cella_verify_options_default(&options);
    options.boot_images = size % 4 == 3 ? images : NULL;
    options.boot_image_count = size % 4 == 3;
    cella_status status = vsm_tpm_prove(&tpm, &options, &claims, &refusal, &error);
    free(digests);
    if (status != CELLA_OK)
        return 0;
    must(!claims.posture[0].proved || strstr(claims.command_line, "lockdown=confidentiality"));
    must(!*claims.command_line ||
         memmem(data, events, claims.command_line, strlen(claims.command_line)));
    return 0;
}
