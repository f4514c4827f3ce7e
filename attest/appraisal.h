/* SPDX-License-Identifier: Apache-2.0
 *
 * One verification while it goes on (an Appraisal of Evidence, RFC 9334): what was demanded, what
 * was read and proven so far, and how it ended.
 *
 * What always holds: it starts as refused; `claims` reach the caller only when verification has
 * come to its end with CELLA_OK.
 */
#ifndef ATTEST_APPRAISAL_H
#define ATTEST_APPRAISAL_H

#include <cella/verify.h>
#include <jansson.h>

/* Classes of refusals. Their names are stable: programs read them. */
#define CLASS_PARSE            "PARSE"       /* malformed */
#define CLASS_UNSUPPORTED      "UNSUPPORTED" /* a version, algorithm or kind that cannot be judged */
#define CLASS_VENDOR           "VENDOR"      /* a quoting enclave of somebody else */
#define CLASS_ANCHOR           "ANCHOR"      /* no trusted root vouches for it */
#define CLASS_CHAIN            "CHAIN"   /* a certificate is wrong, or does not lead to a root */
#define CLASS_REVOKED          "REVOKED" /* a certificate or a TCB was revoked */
#define CLASS_KEY              "KEY" /* no point of the curve, or not a key that may sign this */
#define CLASS_KEY_KIND         "KEY_KIND"         /* signed by another kind of key than it says */
#define CLASS_QUOTE_SIG        "QUOTE_SIG"        /* a quote's signature */
#define CLASS_QE_BINDING       "QE_BINDING"       /* the quoting enclave vouches for another key */
#define CLASS_QE_REPORT_SIG    "QE_REPORT_SIG"    /* the quoting enclave's report's signature */
#define CLASS_QE_IDENTITY      "QE_IDENTITY"      /* not the vendor's quoting enclave */
#define CLASS_REPORT_SIG       "REPORT_SIG"       /* an SNP report's signature */
#define CLASS_SIG              "SIG"              /* any other signature */
#define CLASS_TCB_MISMATCH     "TCB_MISMATCH"     /* evidence and certificate differ in their TCB */
#define CLASS_CHIP_ID_MISMATCH "CHIP_ID_MISMATCH" /* ... in the chip */
#define CLASS_TCB_STATUS       "TCB_STATUS"  /* a TCB that is known to be weak, or is not known */
#define CLASS_MBZ              "MBZ"         /* reserved bytes that are not zero */
#define CLASS_COLLATERAL       "COLLATERAL"  /* missing, altered, or for another platform */
#define CLASS_TIME             "TIME"        /* not yet or no longer valid; too old */
#define CLASS_REPORT_DATA      "REPORT_DATA" /* made for another purpose */
#define CLASS_NONCE            "NONCE"       /* made for another question */
#define CLASS_BINDING          "BINDING"     /* two parts of the evidence do not belong together */
#define CLASS_DEBUG            "DEBUG"       /* whoever runs it may look in */
#define CLASS_PCR              "PCR"         /* PCRs are not those that were quoted */
#define CLASS_LOG              "LOG"         /* a log does not replay, or says what it must not */
#define CLASS_POLICY           "POLICY"      /* true, but not what a policy demands */

struct cella_result {
    char class[24]; /* "": accepted */
    char claim[64];
    char *expected, *found, *advice; /* appraisal_refuse's; NULL before */
    const char *type;                /* "" until it is known */
    int64_t at;
    json_t *claims, *evidence, *warnings; /* objects; warnings: an array of text */
    bool boot_images_judged;              /* those of the demands */
    bool chains_judged;                   /* certificates vouch for it: x509_record */
    bool revocation_unknown;              /* of one of them but a root, no list was there */
    bool no_memory;                       /* something was not recorded */
};

/* As text, for whoever writes it. */
static inline const char *result_text(const char *of)
{
    return of ? of : "";
}

struct appraisal {
    cella_verifier *verifier;
    const cella_demands *demands;
    cella_result *result;
    cella_error *error;
};

/* A result that is refused until the end; cella_result_free frees it. NULL: no memory. */
cella_result *appraisal_result(int64_t at);

/* Ends it as `status` says: *result is what its caller gets, NULL where nothing was judged. */
cella_status appraisal_end(struct appraisal *appraisal, cella_status status, cella_result **result);

/* Refuses: fills result and error, and returns CELLA_INVALID for CLASS_PARSE, CELLA_UNSUPPORTED for
 * CLASS_UNSUPPORTED, else CELLA_REFUSED. `advice` is what to do, a whole sentence; may be NULL. */
cella_status appraisal_refuse(struct appraisal *appraisal, const char *class, const char *claim,
                              const char *expected, const char *found, const char *advice);
/* CLASS_PARSE: what is wrong is a printf format, such as "%zu bytes; a report has 1184". */
__attribute__((format(printf, 3, 4))) cella_status
appraisal_malformed(struct appraisal *appraisal, const char *claim, const char *format, ...);
/* Something that a reader has to know though it does not refuse. */
__attribute__((format(printf, 2, 3))) void appraisal_warn(struct appraisal *appraisal,
                                                          const char *format, ...);

/* Record a value in appraisal->result->claims or ->evidence, or in an object inside. */
void record_hex(struct appraisal *appraisal, json_t *object, const char *name, const void *bytes,
                size_t size);
void record_number(struct appraisal *appraisal, json_t *object, const char *name, int64_t value);
void record_bool(struct appraisal *appraisal, json_t *object, const char *name, bool value);
void record_text(struct appraisal *appraisal, json_t *object, const char *name, const char *text);
void record_time(struct appraisal *appraisal, json_t *object, const char *name, int64_t time);
/* Takes the value over; returns it (NULL: no memory) for what goes inside. */
json_t *record_json(struct appraisal *appraisal, json_t *object, const char *name, json_t *value);

/* ---- demands that several kinds share ---- */

cella_status appraisal_report_data(struct appraisal *appraisal, const uint8_t report_data[64]);
cella_status appraisal_nonce(struct appraisal *appraisal, const uint8_t *nonce, size_t size);
cella_status appraisal_debug(struct appraisal *appraisal, const char *claim, bool debug);
/* `time`: when the evidence says that it was made. */
cella_status appraisal_age(struct appraisal *appraisal, int64_t time);
/* For evidence that says no time: refused where an age was demanded. */
cella_status appraisal_no_age(struct appraisal *appraisal);

/* ---- kinds of evidence ---- */

/* Demands that not every kind can judge: it has nothing that they could be compared with. */
enum evidence_demands {
    DEMAND_REPORT_DATA = 1,
    DEMAND_NONCE = 2,
    DEMAND_KEY = 4, /* cella_demands.attestation_key */
};

struct evidence_kind {
    const char *name; /* as in cella_demands.type */
    /* Whether these bytes look like it: cheap, and never two kinds for the same bytes. */
    bool (*recognise)(const uint8_t *bytes, size_t size);
    cella_status (*verify)(struct appraisal *appraisal, const uint8_t *bytes, size_t size);
    unsigned judges; /* enum evidence_demands, of those that verify heeds */
};

extern const struct evidence_kind kind_sgx, kind_tdx, kind_snp, kind_nitro, kind_tpm, kind_azure,
    kind_vsm, kind_ratls;

/* The kind of that name, or where it is NULL the one that these bytes look like; NULL: none. */
const struct evidence_kind *evidence_kind_find(const char *name, const uint8_t *bytes, size_t size);

/* Verifies; a demand that the kind does not judge is refused, never passed over. */
cella_status evidence_kind_verify(struct appraisal *appraisal, const struct evidence_kind *kind,
                                  const uint8_t *bytes, size_t size);

/* For callers who say one purpose both as report data and as a nonce: keeps the one that this kind
 * (may be NULL) judges. A kind that judges neither keeps both, and is refused. */
void evidence_kind_choose(const struct evidence_kind *kind, cella_demands *demands);

#endif
