/* SPDX-License-Identifier: Apache-2.0
 *
 * A platform whose key is in a TPM: an attestation key that the TPM made, and that never leaves it.
 * It cannot sign evidence, only quotes; so each opening makes a session key, which lives in this
 * process's memory and ends with it, and has the TPM quote that key together with the PCRs. What
 * was quoted then holds for as long as the session key is used: what was booted does not change
 * without a new boot, and no session key lives through one.
 */
#ifndef ATTEST_PLATFORM_TPM_H
#define ATTEST_PLATFORM_TPM_H

#include "tpm_device.h"

#include <cella/attest.h>

#include <openssl/evp.h>

/* Makes the key, and tpm.json in a folder. *key is its public half, the caller's to free. */
cella_status platform_tpm_make(int folder, const cella_platform_tpm *where, EVP_PKEY **key,
                               cella_error *error);
/* Undoes that, as far as it was done. */
void platform_tpm_unmake(int folder);

/* Whether there is a tpm.json. */
bool platform_tpm_is(const char *folder);

/* Makes a session key and what evidence carries as "tpm". `certified`: the key that platform.pem is
 * of; `launcher`: the digest that the IMA log should not be cut before. *session and *bytes are the
 * caller's to free. */
cella_status platform_tpm_open(const char *folder, EVP_PKEY *certified, const uint8_t launcher[32],
                               EVP_PKEY **session, uint8_t **bytes, size_t *size,
                               cella_error *error);

/* The TPM and the attestation key of a platform. */
cella_status platform_tpm_reach(const char *folder, struct tpm_device **device, uint32_t *handle,
                                cella_error *error);
/* An attestation key's TPMT_PUBLIC, and the key in it. */
cella_status platform_tpm_public(struct tpm_device *device, uint32_t handle,
                                 struct tpm_answer *area, EVP_PKEY **key, cella_error *error);

/* ---- platform_logs.c ---- */

struct platform_log {
    uint8_t *bytes, *digests;  /* to be freed; digests: of IMA's entries */
    size_t size, digests_size; /* 0: there is no such log, or no room for it */
};

/* The firmware's log, with what a verifier needs of it: the digests of one bank, and the data that
 * facts are taken from. */
cella_status platform_log_events(const char *path, size_t most, struct platform_log *log,
                                 cella_error *error);
/* The kernel's log up to what was quoted: what each entry extended, and the entries themselves;
 * where they are longer than `most`, only the first and the launcher's. */
cella_status platform_log_ima(const char *path, const uint8_t quoted[32],
                              const uint8_t launcher[32], size_t most, struct platform_log *log,
                              cella_error *error);

#endif
