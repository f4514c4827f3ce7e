/* SPDX-License-Identifier: Apache-2.0
 *
 * cella's own evidence (vsm and process) as one kind among others. evidence.c judges it; here it
 * gets the shape of a result.
 */
#include "appraisal.h"
#include "collateral.h"
#include "cose.h"
#include "evidence.h"
#include "image/fail.h"
#include "x509.h"

#include <cella/attest.h>

#include <stdlib.h>
#include <string.h>

static bool recognise(const uint8_t *bytes, size_t size)
{
    static const char type[] = EVIDENCE_CONTENT_TYPE;
    return size > 64 && bytes[0] == 0xd2 && memmem(bytes, 64, type, strlen(type));
}

/* What a TPM's words are refused for. */
static const char *class_of_tpm(const char *claim)
{
    static const char *const classes[][2] = {
        {"tpm.quote", CLASS_QUOTE_SIG}, {"tpm.key", CLASS_BINDING}, {"tpm.pcrs", CLASS_PCR},
        {"tpm.events", CLASS_LOG},      {"tpm.ima", CLASS_LOG},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strcmp(claim, classes[i][0]) == 0)
            return classes[i][1];
    return CLASS_LOG;
}

/* How evidence.c's refusals are called here. */
static const char *class_of(const cella_refusal *refusal)
{
    switch (refusal->kind) {
    case CELLA_REFUSAL_ROOT:
        return CLASS_ANCHOR;
    case CELLA_REFUSAL_TIME:
        return CLASS_TIME;
    case CELLA_REFUSAL_SIGNATURE:
        return CLASS_SIG;
    case CELLA_REFUSAL_REPORT_DATA:
        return CLASS_REPORT_DATA;
    case CELLA_REFUSAL_DEBUG:
        return CLASS_DEBUG;
    case CELLA_REFUSAL_TPM:
        return class_of_tpm(refusal->claim);
    case CELLA_REFUSAL_CLAIM:
    case CELLA_REFUSAL_NONE:
        break;
    }
    return CLASS_POLICY;
}

static void record(struct appraisal *appraisal, const cella_claims *claims)
{
    json_t *to = appraisal->result->claims, *posture = json_object(), *proof = json_object();
    record_text(appraisal, to, "x-ms-attestation-type", claims->tee);
    record_text(appraisal, to, "tee", claims->tee);
    record_hex(appraisal, to, "mrenclave", claims->mrenclave, sizeof(claims->mrenclave));
    record_hex(appraisal, to, "mrsigner", claims->mrsigner, sizeof(claims->mrsigner));
    record_number(appraisal, to, "isv_prod_id", claims->isv_prod_id);
    record_number(appraisal, to, "isv_svn", claims->isv_svn);
    record_bool(appraisal, to, "debug", claims->debug);
    record_hex(appraisal, to, "report_data", claims->report_data, sizeof(claims->report_data));
    record_time(appraisal, to, "time", claims->time);
    record_hex(appraisal, to, "launcher", claims->launcher, sizeof(claims->launcher));
    record_hex(appraisal, to, "root", claims->root, sizeof(claims->root));
    for (size_t i = 0; i < claims->posture_count; i++) {
        const cella_posture_claim *one = &claims->posture[i];
        if (strcmp(one->value, "true") == 0 || strcmp(one->value, "false") == 0)
            record_bool(appraisal, posture, one->name, strcmp(one->value, "true") == 0);
        else
            record_text(appraisal, posture, one->name, one->value);
        record_text(appraisal, proof, one->name, one->proved ? "proved" : "asserted");
    }
    record_json(appraisal, to, "posture", posture);
    record_json(appraisal, to, "posture_proof", proof);
    record_text(appraisal, to, "launcher_proof", claims->launcher_proved ? "proved" : "asserted");
    record_bool(appraisal, to, "tpm", claims->tpm);
    if (*claims->command_line)
        record_text(appraisal, to, "command_line", claims->command_line);
    if (claims->tpm && !appraisal->demands->boot_images)
        appraisal_warn(appraisal,
                       "what is proved follows from the quote if the programs that were booted "
                       "(boot_image_1 and on) are ones that you trust: their digests were not "
                       "compared with any of yours");
    json_object_update(appraisal->result->evidence, to);
}

static cella_status refuse_as(struct appraisal *appraisal, const cella_refusal *refusal)
{
    static const char *const advice[] = {
        [CELLA_REFUSAL_ROOT] = "Trust the platform's root, if you do: `cella platform show` there.",
        [CELLA_REFUSAL_TIME] = "Ask for new evidence.",
        [CELLA_REFUSAL_REPORT_DATA] = "It was made for another purpose: ask for new evidence.",
        [CELLA_REFUSAL_TPM] =
            "Ask for new evidence; if it is refused again, do not trust the "
            "machine.",
        [CELLA_REFUSAL_CLAIM] =
            "Another program was booted than those that you named, or in another order: an update, "
            "or not the machine that you meant.",
        [CELLA_REFUSAL_DEBUG] = "Whoever runs it can look into it: ask for a release build.",
    };
    const size_t known = sizeof(advice) / sizeof(advice[0]);
    return appraisal_refuse(appraisal, class_of(refusal), refusal->claim, refusal->expected,
                            refusal->found,
                            (size_t)refusal->kind < known ? advice[refusal->kind] : NULL);
}

/* What evidence.c, which knows no collateral, leaves: whether the issuer of the platform's
 * certificate has taken it back. */
static cella_status judge_certificates(struct appraisal *appraisal, const uint8_t *bytes,
                                       size_t size)
{
    cella_verifier *verifier = appraisal->verifier;
    struct x509_pool pool = {NULL, 0};
    struct x509_chain chain;
    struct cose cose;
    cella_status status =
        cose_read(bytes, size, EVIDENCE_CONTENT_TYPE, "evidence", &cose, appraisal->error);
    for (size_t i = 0; status == CELLA_OK && i < cose.chain.count; i++) {
        const struct cose_certificate *one = &cose.chain.certificates[i];
        struct x509 *certificate = x509_parse(verifier, one->bytes, one->size);
        if (!certificate)
            status = appraisal_malformed(appraisal, "platform certificate", "it cannot be read");
        else if (!x509_pool_add(&pool, certificate))
            status = fail(appraisal->error, CELLA_MEMORY, "no memory to verify evidence");
    }
    if (status == CELLA_OK)
        status = x509_judge(appraisal, "platform certificate", x509_pool_first(&pool), &pool, NULL,
                            0, X509_CRL_IF_PRESENT, &chain);
    x509_pool_clear(&pool);
    return status;
}

static cella_status verify(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    const cella_verifier *verifier = appraisal->verifier;
    const cella_demands *demands = appraisal->demands;
    cella_claims claims;
    cella_refusal refusal;
    cella_verify_options options;
    if (verifier->root_count == 0)
        return appraisal_refuse(appraisal, CLASS_ANCHOR, "root", "to be told whom to trust",
                                "nothing",
                                "No vendor vouches for a platform of cella's: give its root, as "
                                "`cella platform show` names it there.");
    uint8_t(*roots)[32] = calloc(verifier->root_count, 32);
    if (!roots)
        return fail(appraisal->error, CELLA_MEMORY, "no memory to verify evidence");
    for (size_t i = 0; i < verifier->root_count; i++)
        memcpy(roots[i], verifier->roots[i].sha256, 32);
    cella_verify_options_default(&options);
    options.at = demands->at;
    options.most_age = demands->most_age;
    options.roots = (const uint8_t(*)[32])roots;
    options.root_count = verifier->root_count;
    options.attestation_key = demands->attestation_key;
    options.boot_images = demands->boot_images;
    options.boot_image_count = demands->boot_image_count;
    options.insecure_any_report_data = true; /* judged below */
    options.insecure_allow_debug = true;
    cella_status status =
        cella_evidence_verify(bytes, size, &options, &claims, &refusal, appraisal->error);
    free(roots);
    if (status == CELLA_REFUSED)
        return refuse_as(appraisal, &refusal);
    if (status == CELLA_UNSUPPORTED)
        return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "evidence", "a version known here",
                                appraisal->error->sentence, NULL);
    if (status)
        return appraisal_malformed(appraisal, "evidence", "%s", appraisal->error->sentence);
    appraisal->result->boot_images_judged = true;
    status = judge_certificates(appraisal, bytes, size);
    if (status)
        return status;
    record(appraisal, &claims);
    status = appraisal_report_data(appraisal, claims.report_data);
    return status ? status : appraisal_debug(appraisal, "debug", claims.debug);
}

const struct evidence_kind kind_vsm = {"vsm", recognise, verify, DEMAND_REPORT_DATA | DEMAND_KEY};
