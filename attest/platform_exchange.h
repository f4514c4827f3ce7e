/* SPDX-License-Identifier: Apache-2.0
 *
 * What a machine and an issuer of attestation keys' certificates carry to each other: JSON, its
 * bytes in base64.
 *
 * request: {"cella_platform_request": 1, "endorsement": [certificates: the endorsement key's
 * first], "key": the attestation key's TPMT_PUBLIC} grant: {"cella_platform_grant": 1,
 * "endorsement": "rsa-2048" (credential.h), "credential": TPMS_ID_OBJECT, "secret":
 * TPMU_ENCRYPTED_SECRET, "sealed": the new certificate and its root's in PEM, under AES-256-GCM
 * with what is sealed in the credential (nonce: zeros, for the key is used once; additional data:
 * "cella platform grant 1" and NUL)}
 */
#ifndef ATTEST_PLATFORM_EXCHANGE_H
#define ATTEST_PLATFORM_EXCHANGE_H

#include "tpm/credential.h"
#include "x509.h"

#define EXCHANGE_KEY_MOST    1024 /* bytes of a TPMT_PUBLIC */
#define EXCHANGE_SEALED_MOST 16384

struct exchange_request {
    struct x509_pool certificates;
    uint8_t key[EXCHANGE_KEY_MOST];
    size_t key_size;
};

struct exchange_grant {
    const struct tpm_endorsement *kind;
    struct tpm_credential credential;
    uint8_t sealed[EXCHANGE_SEALED_MOST];
    size_t sealed_size;
};

/* *bytes are the caller's to free. */
cella_status exchange_request_write(const struct exchange_request *request, uint8_t **bytes,
                                    size_t *size, cella_error *error);
/* exchange_request_free is wanted in any case. */
cella_status exchange_request_read(const uint8_t *bytes, size_t size,
                                   struct exchange_request *request, cella_error *error);
void exchange_request_free(struct exchange_request *request);

cella_status exchange_grant_write(const struct exchange_grant *grant, uint8_t **bytes, size_t *size,
                                  cella_error *error);
cella_status exchange_grant_read(const uint8_t *bytes, size_t size, struct exchange_grant *grant,
                                 cella_error *error);

/* Between text and grant->sealed. */
cella_status exchange_seal(struct exchange_grant *grant, const uint8_t key[TPM_CREDENTIAL],
                           const uint8_t *text, size_t size, cella_error *error);
/* `text` has EXCHANGE_SEALED_MOST bytes. */
cella_status exchange_open(const struct exchange_grant *grant, const uint8_t key[TPM_CREDENTIAL],
                           uint8_t *text, size_t *size, cella_error *error);

#endif
