/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands and responses of a TPM 2.0 (TPM 2.0 Library, part 1, section 18; part 3), for what is
 * built of them: tpm_device.c, tpm_endorsement.c.
 */
#ifndef ATTEST_TPM_COMMAND_H
#define ATTEST_TPM_COMMAND_H

#include "reader.h"
#include "tpm_device.h"

/* Part 2: TPM_ST, TPM_RH, TPM_RS, TPM_ALG. */
#define ST_NO_SESSIONS 0x8001
#define ST_SESSIONS    0x8002
#define RH_OWNER       0x40000001
#define RS_PASSWORD    0x40000009
#define RH_ENDORSEMENT 0x4000000b
#define ALG_SHA256     0x000b
#define ALG_NULL       0x0010
#define ALG_ECC        0x0023

struct tpm_message {
    uint8_t bytes[TPM_MESSAGE_MOST];
    size_t size;
    struct reader response; /* what is left of it, after its header */
};

/* ---- a command ---- */

void tpm_begin(struct tpm_message *message, uint16_t tag, uint32_t command);
/* A number of `size` bytes. */
void tpm_put(struct tpm_message *message, uint64_t value, size_t size);
/* A TPM2B. */
void tpm_put_sized(struct tpm_message *message, const void *bytes, size_t size);
/* Sessions: of a policy, or RS_PASSWORD for an empty password. */
void tpm_put_sessions(struct tpm_message *message, const uint32_t *sessions, size_t count);
/* The one session, which is an empty password. */
void tpm_put_password(struct tpm_message *message);

/* ---- sent, and answered ---- */

/* `what` is what the TPM was asked to do: "make a key". */
cella_status tpm_transmit(struct tpm_device *device, struct tpm_message *message, const char *what,
                          cella_error *error);
/* The parameters of a response with a session: what follows them is the session's. */
void tpm_skip_to_parameters(struct tpm_message *message);
/* A TPM2B. */
void tpm_read_sized(struct tpm_message *message, struct tpm_answer *answer);
/* All of the response was read, and was there. */
cella_status tpm_finished(const struct tpm_device *device, const struct tpm_message *message,
                          cella_error *error);

/* Forgets a key that is not persistent, or a session. */
cella_status tpm_flush(struct tpm_device *device, uint32_t handle);
/* A key of the endorsement hierarchy as the TPMT_PUBLIC in `template` has it; `public` (may be
 * NULL) is what became of that. */
cella_status tpm_create_primary(struct tpm_device *device, const struct tpm_message *template,
                                const char *what, uint32_t *handle, struct tpm_answer *public,
                                cella_error *error);
/* For sentences. */
const char *tpm_where(const struct tpm_device *device);

#endif
