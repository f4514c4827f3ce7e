/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of what an enclave is: made by a platform, verified anywhere. Verification takes no
 * file, no network and no clock: the time to judge at is an input. It fails closed; what it refuses
 * it explains: the claim, what was expected, what was found. Words are those of RFC 9334.
 *
 * Bytes are shown as lower-case hexadecimal, always. Times are seconds since 1970 (UTC).
 * Statuses: CELLA_INVALID, the bytes are not evidence, or the options are wrong; CELLA_UNSUPPORTED,
 * evidence of a kind that this version cannot judge; CELLA_REFUSED, well formed but not good
 * enough. Every function is thread-safe for different objects; a platform may be used by several
 * threads.
 *
 * The format is in docs/room-protocol.md (COSE_Sign1, RFC 9052; CBOR, RFC 8949; x5chain, RFC 9360;
 * the report body, Intel SDM vol. 3D, REPORT).
 */
#ifndef CELLA_ATTEST_H
#define CELLA_ATTEST_H

#include <cella/cella.h>
#include <cella/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what evidence claims ---- */

#define CELLA_POSTURE_MOST  96 /* most claims of the posture */
#define CELLA_POSTURE_NAME  31 /* most bytes of a name; of a value: */
#define CELLA_POSTURE_VALUE 167

#define CELLA_COMMAND_LINE  2048 /* most bytes of a kernel's command line */
#define CELLA_BOOT_IMAGES   16   /* most programs that were booted */

typedef struct cella_posture_claim {
    char name[CELLA_POSTURE_NAME + 1];   /* as in `cella doctor`; NUL-terminated UTF-8 */
    char value[CELLA_POSTURE_VALUE + 1]; /* ... "true" and "false" where it is a boolean */
    bool proved; /* it follows from what the TPM quoted; else the launcher says so (asserted) */
} cella_posture_claim;

typedef struct cella_claims {
    char tee[16];          /* "vsm", "process" */
    uint8_t mrenclave[32]; /* SGX's words, for every TEE */
    uint8_t mrsigner[32];  /* zero: not signed */
    uint16_t isv_prod_id;
    uint16_t isv_svn;
    bool debug; /* the attribute DEBUG: who runs it may look in */
    uint8_t report_data[64];
    int64_t time;         /* when it was made, by the platform's clock */
    bool age_checked;     /* most_age was given */
    uint8_t launcher[32]; /* SHA-256 of the launcher's executable */
    uint8_t root[32];     /* SHA-256 of the SubjectPublicKeyInfo of the root that vouches for it */
    /* Of evidence with a TPM's quote; docs/attestation-vsm.md says what follows from what. */
    bool tpm;
    bool launcher_proved; /* the kernel measured a file of that digest before it was run */
    char command_line[CELLA_COMMAND_LINE + 1]; /* the kernel's; "": not known for certain */
    size_t posture_count;
    cella_posture_claim posture[CELLA_POSTURE_MOST];
} cella_claims;

/* ---- why it was refused ---- */

typedef enum cella_refusal_kind {
    CELLA_REFUSAL_NONE = 0,
    CELLA_REFUSAL_ROOT = 1,        /* no root that is trusted vouches for the platform */
    CELLA_REFUSAL_TIME = 2,        /* a certificate is not valid at that time; too old */
    CELLA_REFUSAL_SIGNATURE = 3,   /* altered, or signed by another key */
    CELLA_REFUSAL_REPORT_DATA = 4, /* made for another purpose: replayed or relayed */
    CELLA_REFUSAL_DEBUG = 5,       /* the enclave can be looked into */
    CELLA_REFUSAL_CLAIM = 6,       /* true, but not what was demanded */
    CELLA_REFUSAL_TPM = 7,         /* not what the TPM quoted, or a log that does not lead to it */
} cella_refusal_kind;

typedef struct cella_refusal {
    /* Text is NUL-terminated UTF-8. What the evidence says is in it as it is, unquoted: a program
     * that shows it to a terminal hides control characters. */
    cella_refusal_kind kind;
    char claim[64]; /* its name, as of cella_claims_demand; or "root", "certificate", "signature" */
    char expected[256];
    char found[256];
} cella_refusal;

/* ---- verifying ---- */

typedef struct cella_verify_options {
    size_t size;      /* sizeof(cella_verify_options) */
    int64_t at;       /* the time to judge at; must be given */
    int64_t most_age; /* s that the evidence's time may be off `at`, either way; 0: not checked */
    const uint8_t (*roots)[32]; /* SHA-256 of the SubjectPublicKeyInfo (DER) of each trusted root */
    size_t root_count;          /* at least 1 */
    /* Reference values: SHA-256 (Authenticode) of every program that is booted, in that order
     * (shim, GRUB, kernel). NULL: any that the machine's Secure Boot lets, which its owner can have
     * let anything. */
    const uint8_t (*boot_images)[32];
    size_t boot_image_count;
    /* The TPM's key that has to have quoted: SHA-256 of its SubjectPublicKeyInfo (DER). NULL: any
     * that the root has certified. */
    const uint8_t *attestation_key;
    const uint8_t *report_data;    /* the 64 bytes expected */
    bool insecure_any_report_data; /* in place of them: evidence for anything, as old as it likes */
    bool insecure_allow_debug;     /* else the attribute DEBUG is refused */
} cella_verify_options;

/* Fills `size`, and zeros: no time, no root, no report data, so nothing passes yet. */
CELLA_API void cella_verify_options_default(cella_verify_options *options);

/* Judges evidence. On CELLA_OK all of `claims` is true as far as the root is to be trusted; what
 * they have to be is the caller's to demand. On CELLA_REFUSED `refusal` says why; it may be NULL,
 * the error's sentence says the same. Else both are zeros. */
CELLA_API cella_status cella_evidence_verify(const uint8_t *bytes, size_t size,
                                             const cella_verify_options *options,
                                             cella_claims *claims, cella_refusal *refusal,
                                             cella_error *error);

/* The text of a claim by its name: "tee", "mrenclave", "mrsigner", "isv_prod_id", "isv_svn",
 * "debug", "report_data", "time", "launcher", "launcher_proof", "root", "tpm", or "posture.NAME"
 * and "posture.NAME_proof". Numbers are decimal, bytes hexadecimal, a proof is "proved" or
 * "asserted". With a TPM's quote the posture has, proved: "pcr_0" ... (SHA-256 bank),
 * "boot_image_1" ... (Authenticode's SHA-256), "boot_authority_1" ... (SHA-256 of the certificates
 * that vouched for them), "tpm_key" (the attestation key's SHA-256), "tpm_resets" and
 * "tpm_restarts". False: there is no such claim. */
CELLA_API bool cella_claims_get(const cella_claims *claims, const char *name, char text[256]);

/* Demands that a claim has exactly this text. Else CELLA_REFUSED, and `refusal` (may be NULL) says
 * why; a claim that is missing is refused. */
CELLA_API cella_status cella_claims_demand(const cella_claims *claims, const char *name,
                                           const char *expected, cella_refusal *refusal,
                                           cella_error *error);

/* ---- the platform: who signs evidence on this machine ---- */

typedef struct cella_platform cella_platform;

/* Makes the platform's key and a development root for it: root.key, root.pem, platform.key,
 * platform.pem in a new folder, or in an empty one (P-256; X.509 v3, valid for ten years). `folder`
 * NULL: $CELLA_PLATFORM; else /var/lib/cella/platform for root; else $XDG_DATA_HOME/cella/platform
 * ($HOME/.local/share/cella/platform). What is there is never overwritten; the folder appears
 * whole.
 *
 * Whoever has root.key can make evidence of anything: it is for development, or for keeping
 * elsewhere after the platform's certificate was made. */
CELLA_API cella_status cella_platform_init(const char *folder, cella_error *error);

/* The same with a key that the TPM makes and keeps: platform.pem is its certificate, tpm.json says
 * where it is, there is no platform.key. Each cella_platform_open then makes a session key in
 * memory and has the TPM quote it with the PCRs. NULL: this machine's own. */
typedef struct cella_platform_tpm {
    const char *tcti;   /* "device:/dev/tpmrm0", "swtpm:path=SOCKET", "swtpm:host=…,port=…" */
    const char *events; /* the firmware's log: .../tpm0/binary_bios_measurements */
    const char *ima;    /* the kernel's: .../ima/binary_runtime_measurements */
} cella_platform_tpm;
CELLA_API cella_status cella_platform_init_tpm(const char *folder, const cella_platform_tpm *tpm,
                                               cella_error *error);

/* Reads the platform's key, its certificates, this host's posture and the launcher's own bytes:
 * cella_platform_evidence opens no file. Refuses a key that others may read. */
CELLA_API cella_status cella_platform_open(const char *folder, cella_platform **platform,
                                           cella_error *error);
CELLA_API void cella_platform_close(cella_platform *platform); /* NULL is let pass */

/* The platform certificate's subject (text, as in RFC 2253) and the SHA-256 of the root's
 * SubjectPublicKeyInfo, which is what a verifier names. They live as long as the platform. */
CELLA_API const char *cella_platform_subject(const cella_platform *platform);
CELLA_API const uint8_t *cella_platform_root(const cella_platform *platform);
CELLA_API const char *cella_platform_folder(const cella_platform *platform);
/* The same hash of the TPM's attestation key; NULL: the platform's key is in a file. */
CELLA_API const uint8_t *cella_platform_tpm_key(const cella_platform *platform);

/* Signs an enclave's report body (384 bytes) with the time now. `platform` is a cella_platform: the
 * type is that of cella_options' callback. *bytes are the caller's to free(). */
CELLA_API cella_status cella_platform_evidence(void *platform, const uint8_t report[384],
                                               const char *tee, uint8_t **bytes, size_t *size,
                                               cella_error *error);

/* ---- an issuer certifies a TPM's key, because the TPM's maker vouches for the TPM ---- */

/* Makes a root alone (root.key, root.pem): what it certifies are keys in TPMs. */
CELLA_API cella_status cella_platform_init_issuer(const char *folder, cella_error *error);

/* On the machine: what an issuer has to know of a platform with a TPM: the certificate of the TPM's
 * endorsement key, and the attestation key. *bytes are the caller's to free(). */
CELLA_API cella_status cella_platform_request(const char *folder, uint8_t **bytes, size_t *size,
                                              cella_error *error);

/* The issuer: judges a request, at that time, with the roots and certificates in `makers`, and
 * grants the certificate, sealed so that only that TPM opens it, and only if it has that
 * attestation key. `issuer` is a folder of cella_platform_init_issuer's. *grant is the caller's to
 * free(), and NULL but for CELLA_OK; *result is as cella_verify's. */
CELLA_API cella_status cella_platform_certify(const char *issuer, cella_verifier *makers,
                                              int64_t at, const uint8_t *request,
                                              size_t request_size, uint8_t **grant,
                                              size_t *grant_size, cella_result **result,
                                              cella_error *error);

/* On the machine: opens a grant in the TPM, and puts its certificates in the place of platform.pem
 * and root.pem. CELLA_REFUSED: it is for another TPM or key, or was altered. */
CELLA_API cella_status cella_platform_accept(const char *folder, const uint8_t *grant, size_t size,
                                             cella_error *error);

#ifdef __cplusplus
}
#endif
#endif
