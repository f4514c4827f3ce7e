/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes in beside evidence (Endorsements, RFC 9334): parsed when it is added, believed only
 * when its signature has been verified, at each verification's own time.
 */
#ifndef ATTEST_COLLATERAL_H
#define ATTEST_COLLATERAL_H

#include "cache.h"
#include "x509.h"

enum collateral_kind {
    COLLATERAL_CERTIFICATE,
    COLLATERAL_CRL,
    COLLATERAL_TCB_INFO,  /* Intel's, of one FMSPC and one TEE */
    COLLATERAL_IDENTITY,  /* Intel's, of an enclave (QE, TD_QE) */
    COLLATERAL_EVENT_LOG, /* TCG2, or CCEL */
    COLLATERAL_IMA_LOG,
};

/* A signed JSON object of Intel's: the signature covers exactly these bytes. */
struct collateral_signed {
    uint8_t *bytes;
    size_t size;
    uint8_t signature[64]; /* ECDSA P-256, r and s */
};

struct collateral {
    enum collateral_kind kind;
    char name[256]; /* where it is from */
    union {
        struct x509 *certificate;
        struct x509_list *list;
        struct {
            struct collateral_signed document;
            void *parsed; /* its struct of attest/sgx/tcb.h */
            void (*drop)(void *parsed);
        };
        struct {
            uint8_t *bytes; /* a log, as it came */
            size_t size;
        };
    };
};

struct cella_verifier {
    struct collateral *collateral;
    size_t count;
    struct x509_anchor *roots; /* cella_verifier_add_root's; none: the vendors' */
    size_t root_count;
    struct cache *cache;
};

/* Add one: it takes the object over, also where it fails. The same one a second time is let pass.
 */
cella_status collateral_add_certificate(cella_verifier *verifier, struct x509 *certificate,
                                        const char *name, cella_error *error);
cella_status collateral_add_list(cella_verifier *verifier, struct x509_list *list, const char *name,
                                 cella_error *error);
cella_status collateral_add(cella_verifier *verifier, struct collateral *collateral,
                            cella_error *error);
void collateral_free_all(cella_verifier *verifier);

/* Certificates and lists in PEM, DER or hexadecimal of either. CELLA_UNSUPPORTED: nothing of it. */
cella_status collateral_read_x509(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                  const char *name, cella_error *error);

/* A form that collateral comes in. cella_verifier_add asks one after the other. CELLA_UNSUPPORTED:
 * not this form, and nothing was added; CELLA_INVALID: this form, but malformed. */
typedef cella_status collateral_form(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                     const char *name, cella_error *error);
collateral_form collateral_read_intel; /* attest/sgx: PCS answers, bundles */
collateral_form collateral_read_amd;   /* attest/snp: certificate tables of extended reports */
collateral_form collateral_read_log;   /* attest/tpm: event logs, CCEL, IMA logs */

#endif
