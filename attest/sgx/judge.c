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

static enum tcb_status isv_status(const struct tcb_isv_level *level)
{
    return level ? level->state.status : TCB_NOT_SUPPORTED;
}

/* The module of a TEE_TCB_SVN, by its identity. */
static enum tcb_status evaluate_module(const struct tcb_info *info, const uint8_t *svn,
                                       struct tcb_evaluation *to)
{
    to->identity = tcb_info_module(info, svn[1]);
    if (to->identity)
        to->module = tcb_isv_match(to->identity->levels, to->identity->count, svn[0]);
    return isv_status(to->module);
}

/* `svn`: a TEE_TCB_SVN; SGX: NULL. */
static struct tcb_evaluation evaluate(const struct verification *verification, const uint8_t *svn)
{
    struct tcb_platform platform = verification->platform;
    platform.tdx = svn;
    struct tcb_evaluation found = {.level = tcb_info_match(verification->info, &platform)};
    found.status = found.level ? found.level->state.status : TCB_NOT_SUPPORTED;
    if (svn && svn[1] != 0)
        found.status =
            tcb_status_merge(found.status, evaluate_module(verification->info, svn, &found));
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
    const char *advice;
} verdicts[] = {
    [TCB_UP_TO_DATE] = {true, false, "", ""},
    [TCB_SW_HARDENING_NEEDED] = {true, false, "",
                                 "the software inside has to mitigate what the advisories say"},
    [TCB_CONFIGURATION_NEEDED] = {true, false, "", "the platform's settings weaken it"},
    [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] =
        {true, false, "",
         "the platform's settings weaken it, and the software inside has to mitigate what the "
         "advisories say"},
    [TCB_TD_RELAUNCH_ADVISED] = {true, false, "",
                                 "it was launched on a TDX module that was updated since; launched "
                                 "again it were up to date"},
    [TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] =
        {true, false, "",
         "it was launched on a TDX module that was updated since, and the platform's settings "
         "weaken it"},
    [TCB_OUT_OF_DATE] = {false, true, CLASS_TCB_STATUS,
                         "Update the platform's firmware and microcode; evidence.tcb says which "
                         "component is too low."},
    [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] =
        {false, true, CLASS_TCB_STATUS,
         "Update the platform's firmware and microcode and change its settings; evidence.tcb says "
         "which component is too low."},
    [TCB_REVOKED] =
        {false, false, CLASS_REVOKED,
         "Intel no longer vouches for this TCB: do not trust this platform until it was "
         "updated."},
    [TCB_NOT_SUPPORTED] = {false, false, CLASS_TCB_STATUS,
                           "The platform is older than every level that Intel knows; evidence.tcb "
                           "says which component is too low."},
};

cella_status quote_judge_status(const struct verification *verification)
{
    struct appraisal *appraisal = verification->appraisal;
    enum tcb_status status = verification->tcb.status;
    /* Without TCB information a quoting enclave can still be known as too old. */
    if (!verification->info)
        status = verification->identity ? isv_status(verification->tcb.qe) : TCB_UP_TO_DATE;
    bool allowed = verdicts[status].outdated && appraisal->demands->insecure_allow_outdated;
    if (!verdicts[status].accepted && !allowed)
        return appraisal_refuse(appraisal, verdicts[status].class, "tcb_status",
                                "UpToDate, or a status that needs no update",
                                tcb_status_name(status), verdicts[status].advice);
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
