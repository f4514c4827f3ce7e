/* SPDX-License-Identifier: Apache-2.0
 *
 * This machine's TPM 2.0: the few commands that a platform gives (TPM 2.0 Library, part 3). A
 * command and its response are one write and one read of /dev/tpmrm0, or of swtpm's data channel.
 *
 * What always holds: a response counts only where all of it has the form that the command's has.
 * Hierarchies and keys are used with an empty password, which is how machines come.
 */
#ifndef ATTEST_TPM_DEVICE_H
#define ATTEST_TPM_DEVICE_H

#include "tpm/credential.h"

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TPM_MESSAGE_MOST 4096 /* bytes of a command or a response */
#define TPM_QUALIFYING   32   /* bytes that a quote is made over beside the PCRs */
#define TPM_PCR_SIZE     32   /* the bank of SHA-256 */
#define TPM_DEVICE_PCRS  24

struct tpm_device;

/* `where`, as tpm2-tools write it: "device:/dev/tpmrm0", "swtpm:path=SOCKET" or
 * "swtpm:host=ADDRESS,port=NUMBER" (an address in numbers). NULL: the first. */
cella_status tpm_device_open(const char *where, struct tpm_device **device, cella_error *error);
void tpm_device_close(struct tpm_device *device); /* NULL is let pass */

/* Makes an attestation key (ECDSA, P-256, SHA-256; restricted to signing what the TPM made itself)
 * in the endorsement hierarchy, a new one each time, under a persistent handle that was free. */
cella_status tpm_device_make_key(struct tpm_device *device, uint32_t *handle, cella_error *error);
cella_status tpm_device_remove_key(struct tpm_device *device, uint32_t handle, cella_error *error);

/* Bytes of a response. */
struct tpm_answer {
    size_t size;
    uint8_t bytes[TPM_MESSAGE_MOST];
};

/* The TPMT_PUBLIC of a key. */
cella_status tpm_device_read_key(struct tpm_device *device, uint32_t handle,
                                 struct tpm_answer *public, cella_error *error);
/* Whether there is a key, or an NV index, under this handle. */
cella_status tpm_device_has(struct tpm_device *device, uint32_t handle, bool *there,
                            cella_error *error);
/* The values of the PCRs whose bits are set, in ascending order. */
cella_status tpm_device_read_pcrs(struct tpm_device *device, uint32_t pcrs,
                                  uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE],
                                  cella_error *error);
/* A TPMS_ATTEST and the TPMT_SIGNATURE over it. */
cella_status tpm_device_quote(struct tpm_device *device, uint32_t handle, uint32_t pcrs,
                              const uint8_t qualifying[TPM_QUALIFYING], struct tpm_answer *quote,
                              struct tpm_answer *signature, cella_error *error);

/* ---- tpm_endorsement.c ---- */

#define TPM_RSA_BYTES 256

/* All of an NV index that the owner may read. */
cella_status tpm_device_read_nv(struct tpm_device *device, uint32_t index,
                                struct tpm_answer *content, cella_error *error);
/* The endorsement key of that kind, always the same one; tpm_device_forget ends it. `public` is its
 * TPMT_PUBLIC. */
cella_status tpm_device_make_endorsement(struct tpm_device *device,
                                         const struct tpm_endorsement *kind, uint32_t *handle,
                                         struct tpm_answer *public, cella_error *error);
void tpm_device_forget(struct tpm_device *device, uint32_t handle);
/* TPM2_ActivateCredential: what was sealed to that endorsement key, and only for this attestation
 * key. The caller wipes *secret. */
cella_status tpm_device_activate(struct tpm_device *device, uint32_t key, uint32_t endorsement,
                                 const struct tpm_endorsement *kind,
                                 const struct tpm_credential *credential, struct tpm_answer *secret,
                                 cella_error *error);

#endif
