/* SPDX-License-Identifier: Apache-2.0
 *
 * Attested TLS: a certificate that carries evidence of who has its key, so that whoever connects
 * knows which enclave it talks to. The form is the interoperable one of the Confidential Computing
 * Consortium (extension 2.23.133.5.4.9, TCG DICE); cella_verify judges it, as kind "ratls".
 *
 * What it does not give: freshness. The certificate says that an enclave made its key once; the TLS
 * handshake, that the peer has the key now. A nonce in it answers one verifier.
 */
#ifndef CELLA_TLS_H
#define CELLA_TLS_H

#include <cella/cella.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gets evidence with this report data: inside an enclave by /dev/attestation. *bytes are
 * cella_tls_certificate's to free(). */
typedef cella_status cella_tls_evidence(void *context, const uint8_t report_data[64],
                                        uint8_t **bytes, size_t *size, cella_error *error);

/* Makes a key (P-256) and a certificate that signs itself and carries evidence for that key.
 * `nonce`: what a verifier sent, or NULL. *pem: the private key (PKCS #8), then the certificate;
 * the caller's to wipe and free(). */
CELLA_API cella_status cella_tls_certificate(const uint8_t *nonce, size_t nonce_size,
                                             cella_tls_evidence *evidence, void *context,
                                             char **pem, cella_error *error);

/* A cella_tls_evidence for a program that runs in an enclave: writes
 * /dev/attestation/user_report_data and reads /dev/attestation/quote. `context` is not used. */
CELLA_API cella_status cella_tls_evidence_here(void *context, const uint8_t report_data[64],
                                               uint8_t **bytes, size_t *size, cella_error *error);

#ifdef __cplusplus
}
#endif
#endif
