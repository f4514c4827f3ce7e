/* SPDX-License-Identifier: Apache-2.0
 *
 * Intel's TCB information (versions 2 and 3) and enclave identities (version 2), as its
 * Provisioning Certification Service signs them (PCS API, versions 3 and 4), and what matches them.
 *
 * What always holds: whatever tcb_info_read or tcb_identity_read gave has every field that Intel
 * documents, and no other; a component is one byte. Levels stay in the order of the document, the
 * newest first. Nothing here is true before the document's signature was verified.
 */
#ifndef ATTEST_SGX_TCB_H
#define ATTEST_SGX_TCB_H

#include "attest/json.h"
#include "status.h"

#define TCB_COMPONENTS 16
#define TCB_ADVISORY   31 /* bytes of an advisory's name, such as INTEL-SA-00615 */

struct tcb_advisories {
    size_t count;
    char (*names)[TCB_ADVISORY + 1];
};

/* What a level is: of a platform, of an enclave, of a TDX module. */
struct tcb_state {
    enum tcb_status status;
    int64_t date;
    struct tcb_advisories advisories;
};

struct tcb_level {
    uint8_t sgx[TCB_COMPONENTS];
    uint8_t tdx[TCB_COMPONENTS]; /* zeros in SGX's TCB information */
    uint16_t pcesvn;
    struct tcb_state state;
};

struct tcb_component_name {
    char category[32], type[64]; /* "" where there is none */
};

struct tcb_isv_level {
    uint16_t isvsvn;
    struct tcb_state state;
};

struct tcb_module {
    uint8_t version; /* of TDX_03: 3 */
    uint8_t mrsigner[48];
    uint8_t attributes[8], mask[8]; /* the mask is not heeded: attributes are 0 */
    struct tcb_isv_level *levels;
    size_t count;
};

struct tcb_info {
    bool tdx;
    uint8_t version; /* 2 or 3 */
    int64_t issued, next_update;
    uint8_t fmspc[6];
    bool has_pceid; /* version 2 of old has none */
    uint8_t pceid[2];
    uint32_t evaluation; /* tcbEvaluationDataNumber */
    bool has_module;
    struct tcb_module module; /* for TDX modules of version 0: without levels */
    struct tcb_module *modules;
    size_t module_count;
    struct tcb_level *levels;
    size_t count;
    struct tcb_component_name sgx_names[TCB_COMPONENTS], tdx_names[TCB_COMPONENTS];
    uint8_t sha256[32]; /* of the document */
};

struct tcb_identity {
    char id[8]; /* "QE", "QVE", "TD_QE" */
    int64_t issued, next_update;
    uint32_t evaluation;
    uint8_t miscselect[4], miscselect_mask[4];
    uint8_t attributes[16], attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isvprodid;
    struct tcb_isv_level *levels;
    size_t count;
    uint8_t sha256[32];
};

/* `document` is the object that is signed. CELLA_INVALID: the sentence starts with `name`. */
cella_status tcb_info_read(const uint8_t *document, size_t size, const char *name,
                           struct tcb_info **info, cella_error *error);
cella_status tcb_identity_read(const uint8_t *document, size_t size, const char *name,
                               struct tcb_identity **identity, cella_error *error);
void tcb_info_free(struct tcb_info *info); /* NULL is let pass */
void tcb_identity_free(struct tcb_identity *identity);

/* ---- matching ---- */

/* What a platform has. */
struct tcb_platform {
    const uint8_t *sgx; /* 16 components of the PCK certificate */
    uint16_t pcesvn;
    const uint8_t *tdx; /* TEE_TCB_SVN; NULL: SGX's components alone are matched */
};

/* The first of TDX's components that a level judges: the first two are the TDX module's, and where
 * tdx[1] is not 0 its identity judges them instead. */
static inline size_t tcb_first_component(const uint8_t *tdx)
{
    return tdx[1] ? 2 : 0;
}

/* The first level that this platform reaches; NULL: none. */
const struct tcb_level *tcb_info_match(const struct tcb_info *info,
                                       const struct tcb_platform *platform);
bool tcb_level_reached(const struct tcb_level *level, const struct tcb_platform *platform);

/* The identity of TDX modules of this version (TEE_TCB_SVN[1]); NULL: none. */
const struct tcb_module *tcb_info_module(const struct tcb_info *info, uint8_t version);

/* The first level with an isvsvn of at most this one; NULL: none. */
const struct tcb_isv_level *tcb_isv_match(const struct tcb_isv_level *levels, size_t count,
                                          uint16_t isvsvn);

/* (bytes & mask) == value */
bool tcb_masked_equal(const uint8_t *bytes, const uint8_t *mask, const uint8_t *value, size_t size);

#endif
