/* SPDX-License-Identifier: Apache-2.0
 *
 * The quoting enclave's identity, the TCB levels of platform, TDX module and quoting enclave, and
 * what they come to: Intel's procedure (PCS API, "TCB status evaluation"; the order of its quote
 * verification library).
 */
#include "verify.h"

#include "attest/reader.h"
#include "image/hex.h"

#include <stdio.h>
#include <string.h>

/* ---- the quoting enclave ---- */

static cella_status refuse_qe(const struct verification *verification, const char *claim,
                              const uint8_t *expected, const uint8_t *found, size_t size)
{
    char texts[2][65];
    return appraisal_refuse(verification->appraisal, CLASS_QE_IDENTITY, claim,
                            hex_write(expected, size, texts[0]), hex_write(found, size, texts[1]),
                            "The quote was not made by Intel's quoting enclave.");
}

cella_status quote_judge_qe_identity(const struct verification *verification)
{
    const struct quote_report *qe = &verification->quote.qe;
    const struct tcb_identity *identity = verification->identity;
    char texts[2][16];
    if (qe->attributes[0] & QUOTE_DEBUG)
        return appraisal_refuse(verification->appraisal, CLASS_QE_IDENTITY, "qe.debug", "false",
                                "true",
                                "A quoting enclave that can be looked into signs anything.");
    if (!identity)
        return CELLA_OK;
    if (!tcb_masked_equal(qe->miscselect, identity->miscselect_mask, identity->miscselect, 4))
        return refuse_qe(verification, "qe.miscselect", identity->miscselect, qe->miscselect, 4);
    if (!tcb_masked_equal(qe->attributes, identity->attributes_mask, identity->attributes, 16))
        return refuse_qe(verification, "qe.attributes", identity->attributes, qe->attributes, 16);
    if (memcmp(qe->mrsigner, identity->mrsigner, 32) != 0)
        return refuse_qe(verification, "qe.mrsigner", identity->mrsigner, qe->mrsigner, 32);
    if (qe->isv_prod_id == identity->isvprodid)
        return CELLA_OK;
    snprintf(texts[0], sizeof(texts[0]), "%u", identity->isvprodid);
    snprintf(texts[1], sizeof(texts[1]), "%u", qe->isv_prod_id);
    return appraisal_refuse(verification->appraisal, CLASS_QE_IDENTITY, "qe.isvprodid", texts[0],
                            texts[1], "The quote was not made by Intel's quoting enclave.");
}

/* ---- the TDX module ---- */

static cella_status refuse_module(const struct verification *verification, const char *claim,
                                  const char *expected, const char *found)
{
    return appraisal_refuse(verification->appraisal, CLASS_TCB_STATUS, claim, expected, found,
                            "The TD runs on a TDX module that Intel's TCB information does not "
                            "know.");
}

static cella_status judge_module(struct verification *verification)
{
    const struct quote_td *td = &verification->quote.td;
    const struct tcb_info *info = verification->info;
    uint8_t version = td->tee_tcb_svn[1];
    const struct tcb_module *module = version ? tcb_info_module(info, version) : &info->module;
    static const uint8_t zeros[8];
    char expected[97], found[97];
    if (!module) {
        snprintf(found, sizeof(found), "version %u", version);
        return refuse_module(verification, "tdx_module", "one of tdxModuleIdentities", found);
    }
    if (memcmp(td->mrsignerseam, module->mrsigner, sizeof(module->mrsigner)) != 0)
        return refuse_module(verification, "mrsignerseam",
                             hex_write(module->mrsigner, 48, expected),
                             hex_write(td->mrsignerseam, 48, found));
    /* Whatever its mask says: in Intel's procedure each byte is 0, and is the identity's. */
    const uint8_t *seam = td->seam_attributes;
    const uint8_t *wanted = memcmp(seam, zeros, 8) == 0 ? module->attributes : zeros;
    if (memcmp(seam, wanted, 8) != 0)
        return refuse_module(verification, "seamattr", hex_write(wanted, 8, expected),
                             hex_write(seam, 8, found));
    return CELLA_OK;
}

/* ---- levels ---- */

/* The module of a TEE_TCB_SVN, by its identity. */
static enum tcb_status evaluate_module(const struct tcb_info *info, struct tcb_evaluation *to)
{
    to->identity = tcb_info_module(info, to->svn[1]);
    if (to->identity)
        to->module = tcb_isv_match(to->identity->levels, to->identity->count, to->svn[0]);
    return isv_status(to->module);
}

static enum tcb_status level_status(const struct tcb_level *level)
{
    return level ? level->state.status : TCB_NOT_SUPPORTED;
}

/* `svn`: a TEE_TCB_SVN; SGX: NULL. */
static struct tcb_evaluation evaluate(const struct verification *verification, const uint8_t *svn)
{
    const struct tcb_info *info = verification->info;
    struct tcb_platform platform = verification->platform;
    platform.tdx = svn;
    struct tcb_evaluation found = {.svn = svn, .level = tcb_info_match(info, &platform)};
    found.status = level_status(found.level);
    if (evaluation_has_module(&found))
        found.status = tcb_status_merge(found.status, evaluate_module(info, &found));
    /* Where its identity is missing (which was allowed) nothing is known of its status. */
    if (verification->identity)
        found.status = tcb_status_merge(found.status, isv_status(verification->tcb.qe));
    return found;
}

static void take_date(struct tcb_judgement *tcb, const struct tcb_state *state)
{
    if (tcb->date == 0 || state->date < tcb->date)
        tcb->date = state->date;
}

cella_status quote_judge_tcb(struct verification *verification)
{
    struct tcb_judgement *tcb = &verification->tcb;
    const struct tcb_identity *identity = verification->identity;
    if (identity)
        tcb->qe = tcb_isv_match(identity->levels, identity->count, verification->quote.qe.isv_svn);
    if (!verification->info)
        return CELLA_OK;
    cella_status status = is_tdx(&verification->quote) ? judge_module(verification) : CELLA_OK;
    if (status)
        return status;
    const uint8_t *now = verification->quote.td.tee_tcb_svn2;
    tcb->launch = evaluate(verification, verification->platform.tdx);
    tcb->current = now ? evaluate(verification, now) : tcb->launch;
    tcb->status = tcb_status_relaunch(tcb->launch.status, tcb->current.status);
    if (tcb->launch.level)
        take_date(tcb, &tcb->launch.level->state);
    if (tcb->launch.module)
        take_date(tcb, &tcb->launch.module->state);
    if (tcb->qe)
        take_date(tcb, &tcb->qe->state);
    return CELLA_OK;
}

/* ---- whether it is good enough ---- */

static const struct {
    bool accepted, outdated; /* outdated: where insecure_allow_outdated is said */
    const char *class;
    const char *advice, *after; /* where it is refused, around the parts that cause it */
} verdicts[] = {
    [TCB_UP_TO_DATE] = {true, false, "", "", ""},
    [TCB_SW_HARDENING_NEEDED] = {true, false, "",
                                 "the software inside has to mitigate what the advisories say", ""},
    [TCB_CONFIGURATION_NEEDED] = {true, false, "", "the platform's settings weaken it", ""},
    [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] =
        {true, false, "",
         "the platform's settings weaken it, and the software inside has to mitigate what the "
         "advisories say",
         ""},
    [TCB_TD_RELAUNCH_ADVISED] = {true, false, "",
                                 "it was launched on a TDX module that was updated since: launch "
                                 "it again",
                                 ""},
    [TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] =
        {true, false, "",
         "it was launched on a TDX module that was updated since, and the platform's settings "
         "weaken it",
         ""},
    [TCB_OUT_OF_DATE] = {false, true, CLASS_TCB_STATUS, "Update ",
                         "; evidence.tcb says what is needed."},
    [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] =
        {false, true, CLASS_TCB_STATUS, "Update ",
         ", and change the platform's settings; evidence.tcb says what is needed."},
    [TCB_REVOKED] = {false, false, CLASS_REVOKED, "Intel no longer vouches for ",
                     ": do not trust this platform until that was updated."},
    [TCB_NOT_SUPPORTED] = {false, false, CLASS_TCB_STATUS, "Intel names no level for ",
                           "; evidence.tcb says what is needed."},
};

/* Whether a part with this status is why the TCB's is `status`. */
static bool is_cause(enum tcb_status part, enum tcb_status status)
{
    if (status == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED)
        status = TCB_OUT_OF_DATE;
    if (part == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED)
        part = TCB_OUT_OF_DATE;
    return part == status;
}

/* What to do about a status that is refused, part by part. */
static const char *advise(const struct verification *verification, enum tcb_status status,
                          char text[384])
{
    const struct tcb_judgement *tcb = &verification->tcb;
    const bool now = status != tcb->launch.status && status == tcb->current.status;
    const struct tcb_evaluation *at = now ? &tcb->current : &tcb->launch;
    const struct {
        const char *name;
        bool cause;
    } parts[] = {
        {"the platform's firmware and microcode",
         verification->info && is_cause(level_status(at->level), status)},
        {now                         ? "the TDX module that it runs on by now"
         : verdicts[status].outdated ? "the TDX module (then launch the TD again)"
                                     : "the TDX module",
         evaluation_has_module(at) && is_cause(isv_status(at->module), status)},
        {"the platform's quoting enclave",
         verification->identity && is_cause(isv_status(tcb->qe), status)},
    };
    int used = snprintf(text, 384, "%s", verdicts[status].advice);
    const char *between = "";
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].cause) {
            used += snprintf(text + used, 384 - (size_t)used, "%s%s", between, parts[i].name);
            between = ", and ";
        }
    snprintf(text + used, 384 - (size_t)used, "%s", verdicts[status].after);
    return text;
}

cella_status quote_judge_status(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    enum tcb_status status = verification->tcb.status;
    char advice[384];
    /* Without TCB information a quoting enclave can still be known as too old. */
    if (!verification->info)
        status = verification->identity ? isv_status(verification->tcb.qe) : TCB_UP_TO_DATE;
    bool allowed = verdicts[status].outdated && appraisal->demands->insecure_allow_outdated;
    if (!verdicts[status].accepted && !allowed)
        return appraisal_refuse(appraisal, verdicts[status].class, "tcb_status",
                                "UpToDate, or a status that needs no update",
                                tcb_status_name(status), advise(verification, status, advice));
    if (allowed)
        appraisal_warn(appraisal,
                       "insecure_allow_outdated: the TCB is %s: it has weaknesses that "
                       "are known",
                       tcb_status_name(status));
    else if (status != TCB_UP_TO_DATE)
        appraisal_warn(appraisal, "the TCB is %s: %s", tcb_status_name(status),
                       verdicts[status].advice);
    return CELLA_OK;
}
