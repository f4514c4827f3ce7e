/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of TPMs as a JSON object, in one of three forms (JSON as attest/json.h
 * takes it; nothing else may be in it, and nothing twice):
 *
 * ours, of kind tpm:
 *   "attest"        TPMS_ATTEST, base64
 *   "signature"     TPMT_SIGNATURE, base64
 *   "public"        the attestation key: PEM (SubjectPublicKeyInfo), or base64 of that in DER, of a
 *                   TPM2B_PUBLIC or of a TPMT_PUBLIC; may be left out where there are certificates
 *   "certificates"  [PEM or base64 of DER, ...], each of one: the attestation key's, then any of
 * its issuers; may be left out "pcrs"          {"sha256": {"0": hexadecimal, ...}, ...}: all that
 * are quoted and no other "event_log"     TCG2, base64; may be left out "ima_log"       text or
 * binary, base64; may be left out
 *
 * trustee's, of kind tpm:
 *   "ak_public"     SubjectPublicKeyInfo, base64 of DER
 *   "tpm_quote"     {"message": TPMS_ATTEST, "signature": TPMT_SIGNATURE, each in base64, "pcrs":
 *                   [hexadecimal, ...], as they are quoted, in ascending order, of one bank}
 *
 * trustee's, of kind azure (a confidential VM of Azure with SEV-SNP or TDX):
 *   "version"       1 or 2
 *   "hcl_report"    base64 for URLs, with or without padding (hcl.h)
 *   "tpm_quote"     {"message": TPMS_ATTEST, "signature": RSASSA with SHA-256, the bytes alone,
 *                   "pcrs": [...]}, in hexadecimal
 *   "vcek"          SEV-SNP: the certificate, base64 for URLs of DER; or
 *   "td_quote"      TDX: the quote of the trust domain, base64 for URLs
 */
#ifndef TPM_DOCUMENT_H
#define TPM_DOCUMENT_H

#include "attest/x509.h"
#include "quote.h"

#define DOCUMENT_CERTIFICATES 8

struct document_bytes {
    uint8_t *bytes; /* NULL: it was left out */
    size_t size;
};

struct document {
    bool azure;
    struct document_bytes attest, signature, public, event_log, ima_log, hcl, td_quote;
    struct x509_pool certificates; /* azure: the VCEK */
    struct cache *cache;
    struct tpm_pcrs pcrs;
    /* Where their bank is not said: it is the one that is quoted. */
    size_t list_count;
    struct {
        uint8_t bytes[TPM_HASH_MOST];
        size_t size;
    } list[TPM_PCRS];
};

/* Whether it looks like it; true for one kind alone. */
bool document_is_azure(const uint8_t *bytes, size_t size);
bool document_is_tpm(const uint8_t *bytes, size_t size);

/* `document` starts as zeros, and is to be freed in any case. CELLA_INVALID: malformed.
 * CELLA_UNSUPPORTED: a version that is not known here. `cache` remembers certificates. */
cella_status document_read(struct cache *cache, const uint8_t *bytes, size_t size, bool azure,
                           struct document *document, cella_error *error);
/* Puts the list of PCRs to the bank that is quoted. CELLA_INVALID: they do not fit. */
cella_status document_place_pcrs(struct document *document, const struct tpm_attest *attest,
                                 cella_error *error);
void document_free(struct document *document);

#endif
