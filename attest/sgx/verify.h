/* SPDX-License-Identifier: Apache-2.0
 *
 * A quote while it is judged.
 */
#ifndef ATTEST_SGX_VERIFY_H
#define ATTEST_SGX_VERIFY_H

#include "attest/appraisal.h"
#include "chain.h"
#include "quote.h"
#include "tcb.h"

/* What the levels that match come to, for one TEE_TCB_SVN. */
struct tcb_evaluation {
    const uint8_t *svn;                 /* NULL: of SGX */
    const struct tcb_level *level;      /* of the platform; NULL: none matches */
    const struct tcb_module *identity;  /* of TDX modules of this version; NULL: none */
    const struct tcb_isv_level *module; /* its level; NULL: none matches */
    enum tcb_status status;             /* merged, the quoting enclave's with them */
};

/* A TDX module of version 0 has no identity of its own: components of the platform's level judge
 * it. */
static inline bool evaluation_has_module(const struct tcb_evaluation *evaluation)
{
    return evaluation->svn && evaluation->svn[1] != 0;
}

struct tcb_judgement {
    struct tcb_evaluation launch;  /* as the TD was launched; SGX: as it is */
    struct tcb_evaluation current; /* as it runs by now; but in TDX 1.5 the same */
    const struct tcb_isv_level *qe;
    enum tcb_status status; /* the one that counts */
    int64_t date;           /* the oldest of the levels */
};

struct verification {
    struct appraisal *appraisal;
    const struct sample *sample; /* what the quote came in; NULL: in nothing */
    struct quote quote;
    struct pck_chain *chain;
    const struct tcb_info *info;         /* NULL: missing, which was allowed */
    const struct tcb_identity *identity; /* ... */
    struct tcb_platform platform;
    struct tcb_judgement tcb;
};

static inline bool is_tdx(const struct quote *quote)
{
    return quote->tee == QUOTE_TEE_TDX;
}

/* ---- judging TCBs (judge.c) ---- */

/* A part's status by its level, which may be NULL. */
static inline enum tcb_status isv_status(const struct tcb_isv_level *level)
{
    return level ? level->state.status : TCB_NOT_SUPPORTED;
}

/* The quoting enclave is Intel's: CLASS_QE_IDENTITY. */
cella_status quote_judge_qe_identity(const struct verification *verification);
/* Finds the levels and merges their statuses. Refuses a TDX module that is not Intel's. */
cella_status quote_judge_tcb(struct verification *verification);
/* Whether the status is good enough for what was demanded. */
cella_status quote_judge_status(const struct verification *verification);

/* ---- what the reader sees (record.c) ---- */

void quote_record(const struct verification *verification);
void quote_record_chain(const struct verification *verification);
/* checks: "quote_signature", ... */
void quote_record_check(const struct verification *verification, const char *name, bool good);
void quote_record_tcb(const struct verification *verification);
void quote_record_claims(const struct verification *verification);

/* ---- Microsoft Azure Attestation's sample files (sample.c) ---- */

/* {"QuoteHex": ..., "EnclaveHeldDataHex": ..., and what the quote should say} */
struct sample {
    uint8_t *quote, *held;
    size_t quote_size, held_size;
    bool has_mrenclave, has_mrsigner, has_product, has_svn, has_attributes;
    uint8_t mrenclave[32], mrsigner[32], product[16];
    uint64_t svn, attributes;
};

bool sample_recognise(const uint8_t *bytes, size_t size);
cella_status sample_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                         struct sample *sample);
/* The held data are those that the quote was made for, and the file says what the quote says. */
cella_status sample_judge(const struct verification *verification);
void sample_free(struct sample *sample);

#endif
