/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of any TEE, judged: Intel SGX and TDX quotes, AMD SEV-SNP reports, AWS Nitro attestation
 * documents, TPM 2.0 quotes with their logs, Azure's virtual TPMs, cella's own evidence. Offline:
 * certificates, revocation lists and TCB information go in as bytes, the time to judge at is an
 * input, and nothing is fetched. Words are those of RFC 9334: Evidence goes in with Endorsements
 * (here: collateral), an Attestation Result comes out.
 *
 * It fails closed: a result is a refusal until everything was checked, and what is missing refuses
 * as what is wrong does. A refusal has a class, the claim, what was expected, what was found, and
 * what to do.
 *
 * Bytes are shown as lower-case hexadecimal. Times are seconds since 1970 (UTC). A verifier may be
 * used by several threads once all was added to it; a result belongs to whoever asked for it.
 * Claims and classes are explained in docs/attestation.md.
 */
#ifndef CELLA_VERIFY_H
#define CELLA_VERIFY_H

#include <cella/cella.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the verifier: roots, collateral, and what was verified before ---- */

typedef struct cella_verifier cella_verifier;

/* Knows the vendors' roots (Intel's SGX root by its key; AMD's ARK of Milan, Genoa and Turin; AWS
 * Nitro's root G1) and no collateral. */
CELLA_API cella_status cella_verifier_new(cella_verifier **verifier, cella_error *error);
CELLA_API void cella_verifier_free(cella_verifier *verifier); /* NULL is let pass */

/* Adds what vendors' services gave, in any form that they give it: certificates and revocation
 * lists (PEM, DER, hexadecimal), TCB information and identities (Intel's answers and bundles),
 * event and IMA logs, AMD's certificate tables. `name` says in sentences where it is from. Nothing
 * of it is believed before its signature is verified. CELLA_INVALID: nothing of the kind;
 * CELLA_UNSUPPORTED: unknown form. */
CELLA_API cella_status cella_verifier_add(cella_verifier *verifier, const uint8_t *bytes,
                                          size_t size, const char *name, cella_error *error);

/* Trusts these certificates' keys (PEM or DER, one or more) and no vendor's root any more. */
CELLA_API cella_status cella_verifier_add_root(cella_verifier *verifier, const uint8_t *bytes,
                                               size_t size, const char *name, cella_error *error);

/* The same for a root of which only the SHA-256 of its SubjectPublicKeyInfo (DER) is known: its
 * certificate has to be in the evidence or in the collateral. */
CELLA_API cella_status cella_verifier_add_root_key(cella_verifier *verifier,
                                                   const uint8_t sha256[32], cella_error *error);

/* What of it is there: a JSON array, an object each piece: "kind" ("certificate", "revocation
 * list", "TCB information", "identity", "event log", "IMA log"), "of", "file", and as the kind has
 * them "issuer", "platform" (of a VCEK, VLEK or PCK certificate, in words), "pcesvn", "fmspc",
 * "version", "evaluation", "entries", "bytes", "signed_by" (a certificate of the collateral whose
 * key signed it, or null), "from", "until", "state" at that time ("valid", "not yet valid",
 * "expired"). A description: nothing is judged. NUL-terminated; the caller's to free(). NULL: no
 * memory. */
CELLA_API char *cella_verifier_describe(cella_verifier *verifier, int64_t at);

/* ---- what is demanded ---- */

typedef struct cella_demands {
    size_t size;      /* sizeof(cella_demands) */
    const char *type; /* "sgx", "tdx", "snp", "nitro", "tpm", "azure", "vsm"; NULL: as recognised */
    int64_t at;       /* the time to judge at; must be given */
    int64_t most_age; /* s between what the evidence says of its time and `at`; 0: not checked.
                       * Evidence that says no time is refused where it is given */

    /* Evidence is for one purpose, or it can be replayed. Kinds with report data (sgx, tdx, snp,
     * vsm) want all 64 bytes of it; kinds with a nonce (nitro, tpm, azure, ratls) want the nonce.
     * What the kind does not have is refused where it is demanded. */
    const uint8_t *report_data; /* 64 bytes, or NULL */
    const uint8_t *nonce;       /* or NULL */
    size_t nonce_size;

    bool insecure_any_report_data;    /* in place of report_data: evidence for anything */
    bool insecure_any_nonce;          /* in place of the nonce */
    bool insecure_allow_debug;        /* whoever runs it may look in */
    bool insecure_no_collateral;      /* signatures alone: revoked or outdated would not be seen */
    bool insecure_allow_outdated;     /* TCB statuses OutOfDate and OutOfDateConfigurationNeeded */
    bool insecure_allow_sha1;         /* PCR banks of SHA-1 */
    bool insecure_carried_collateral; /* collateral that the evidence carries (ratls): whoever made
                                       * it chose it, of what is valid */

    /* What vouches for a TPM's attestation key where no certificate does: SHA-256 of its
     * SubjectPublicKeyInfo (DER). Kinds without a TPM are refused where it is given. Or NULL. */
    const uint8_t *attestation_key;

    /* Reference values: Authenticode's SHA-256 of every program that the machine booted, in that
     * order (shim, GRUB, kernel). Evidence that cannot show it is refused (all but vsm with a
     * TPM). NULL: any. */
    const uint8_t (*boot_images)[32];
    size_t boot_image_count;
} cella_demands;

/* Fills `size`, and zeros: no time, no purpose, so nothing passes yet. */
CELLA_API void cella_demands_default(cella_demands *demands);

/* Of a program that firmware starts (PE: a shim, GRUB, a kernel): what is measured of it.
 * CELLA_INVALID: it is none. */
CELLA_API cella_status cella_boot_image_digest(const uint8_t *bytes, size_t size,
                                               uint8_t sha256[32], cella_error *error);

/* ---- judging ---- */

typedef struct cella_result cella_result;

/* CELLA_OK: accepted. CELLA_REFUSED: well formed, but not good enough. CELLA_INVALID: malformed, or
 * the demands are wrong. CELLA_UNSUPPORTED: of a kind or version that cannot be judged. In each of
 * these cases *result says it in full and is the caller's to free; else it is NULL. */
CELLA_API cella_status cella_verify(cella_verifier *verifier, const uint8_t *evidence, size_t size,
                                    const cella_demands *demands, cella_result **result,
                                    cella_error *error);
CELLA_API void cella_result_free(cella_result *result); /* NULL is let pass */

CELLA_API bool cella_result_accepted(const cella_result *result);

/* "" where it was accepted; else the class, as in docs/attestation.md: "PARSE", "QUOTE_SIG", ... */
CELLA_API const char *cella_result_class(const cella_result *result);

/* All of it as one JSON object: "verdict" ("accepted", "refused", "malformed", "unsupported"),
 * "type", "evaluated_at", "claims" (proven; none unless accepted), "evidence" (what was read,
 * proven or not), "refusal" {"class", "claim", "expected", "found", "advice"}, "warnings".
 * NUL-terminated; the caller's to free(). NULL: no memory. */
CELLA_API char *cella_result_json(const cella_result *result);

#ifdef __cplusplus
}
#endif
#endif
