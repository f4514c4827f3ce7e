/* SPDX-License-Identifier: Apache-2.0
 *
 * Intel's signed documents in the verifier's collateral: which of them speak of a platform, and
 * whether Intel signed them.
 */
#ifndef ATTEST_SGX_DOCUMENTS_H
#define ATTEST_SGX_DOCUMENTS_H

#include "attest/appraisal.h"
#include "attest/collateral.h"
#include "attest/x509.h"
#include "pck.h"

extern const struct x509_anchor sgx_root[1]; /* Intel SGX Root CA, by its key */

/* The chains that Intel issues; a root of the verifier's own may have any name. */
enum intel_chain {
    INTEL_PCK,         /* PCK certificate < "Intel SGX PCK ... CA" < root */
    INTEL_TCB_SIGNING, /* TCB signing certificate < root */
};

/* x509_judge with Intel's root and X509_CRL_ALL; a chain of another shape is refused as
 * CLASS_CHAIN. That a certificate was good at one time (a second), with this collateral and with
 * what came beside it, is remembered: a service judges thousands of quotes of the same platforms in
 * each second. `pool_hash`: SHA-256 of the evidence that leaf and pool are from; NULL: the leaf is
 * of the collateral. */
cella_status documents_judge_chain(struct appraisal *appraisal, enum intel_chain kind,
                                   struct x509 *leaf, const struct x509_pool *pool,
                                   const uint8_t pool_hash[32]);

/* The TCB information for this platform and TEE, or the identity with this id ("QE", "TD_QE"):
 * signed by Intel's TCB signing certificate, which is judged, and of the time that is judged at; of
 * several the one with the highest tcbEvaluationDataNumber, of these the newest. Refuses as
 * CLASS_COLLATERAL or CLASS_TIME. With insecure_no_collateral one that is missing is CELLA_OK and
 * NULL. */
cella_status documents_tcb_info(struct appraisal *appraisal, const struct pck *pck, bool tdx,
                                const struct tcb_info **info);
cella_status documents_identity(struct appraisal *appraisal, const char *id,
                                const struct tcb_identity **identity);

#endif
