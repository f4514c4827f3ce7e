/* SPDX-License-Identifier: Apache-2.0
 *
 * Endorsement keys of this machine's TPM: their certificates, they themselves, and what is sealed
 * to them.
 */
#include "tpm_command.h"

#include "image/fail.h"
#include "tpm/structures.h"

#include <openssl/crypto.h>
#include <string.h>

/* Part 2: TPM_CC, TPM_RH, TPM_SE, TPM_ALG. */
#define CC_ACTIVATE_CREDENTIAL 0x147
#define CC_NV_READ             0x14e
#define CC_POLICY_SECRET       0x151
#define CC_NV_READ_PUBLIC      0x169
#define CC_START_SESSION       0x176
#define RH_NULL                0x40000007
#define SE_POLICY              1
#define ALG_RSA                0x0001
#define ALG_AES                0x0006
#define ALG_CFB                0x0043

#define READ_AT_ONCE           512 /* bytes of NV; no TPM gives less (MAX_NV_BUFFER_SIZE) */

/* ---- certificates ---- */

static cella_status nv_size(struct tpm_device *device, uint32_t index, size_t *size,
                            cella_error *error)
{
    struct tpm_message message;
    struct tpm_answer public, name;
    tpm_begin(&message, ST_NO_SESSIONS, CC_NV_READ_PUBLIC);
    tpm_put(&message, index, 4);
    cella_status status = tpm_transmit(device, &message, "tell of an NV index", error);
    if (status)
        return status;
    tpm_read_sized(&message, &public);
    tpm_read_sized(&message, &name);
    status = tpm_finished(device, &message, error);
    if (status == CELLA_OK && public.size < 2)
        status = fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", tpm_where(device));
    if (status == CELLA_OK)
        *size = (size_t)big_endian(public.bytes + public.size - 2, 2);
    return status;
}

cella_status tpm_device_read_nv(struct tpm_device *device, uint32_t index,
                                struct tpm_answer *content, cella_error *error)
{
    struct tpm_message message;
    struct tpm_answer part;
    size_t size = 0;
    content->size = 0;
    cella_status status = nv_size(device, index, &size, error);
    if (status == CELLA_OK && size > sizeof(content->bytes))
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: NV index 0x%x has %zu bytes; at most %zu are read", tpm_where(device),
                    index, size, sizeof(content->bytes));
    while (status == CELLA_OK && content->size < size) {
        size_t wanted = size - content->size;
        wanted = wanted < READ_AT_ONCE ? wanted : READ_AT_ONCE;
        tpm_begin(&message, ST_SESSIONS, CC_NV_READ);
        tpm_put(&message, RH_OWNER, 4);
        tpm_put(&message, index, 4);
        tpm_put_password(&message);
        tpm_put(&message, wanted, 2);
        tpm_put(&message, content->size, 2);
        status = tpm_transmit(device, &message, "read an NV index", error);
        if (status)
            break;
        tpm_skip_to_parameters(&message);
        tpm_read_sized(&message, &part);
        status = tpm_finished(device, &message, error);
        if (status == CELLA_OK && part.size != wanted)
            status =
                fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", tpm_where(device));
        if (status == CELLA_OK)
            memcpy(content->bytes + content->size, part.bytes, wanted);
        content->size += wanted;
    }
    return status;
}

/* ---- keys ---- */

cella_status tpm_device_make_endorsement(struct tpm_device *device,
                                         const struct tpm_endorsement *kind, uint32_t *handle,
                                         struct tpm_answer *public, cella_error *error)
{
    static const uint8_t zeros[TPM_RSA_BYTES];
    struct tpm_message template = {.size = 0};
    tpm_put(&template, kind->curve ? ALG_ECC : ALG_RSA, 2);
    tpm_put(&template, kind->hash, 2);
    tpm_put(&template, kind->attributes, 4);
    tpm_put_sized(&template, kind->policy, tpm_hash(kind->hash)->size);
    tpm_put(&template, ALG_AES, 2);
    tpm_put(&template, kind->aes, 2);
    tpm_put(&template, ALG_CFB, 2);
    tpm_put(&template, ALG_NULL, 2); /* no scheme */
    if (kind->curve) {
        tpm_put(&template, kind->curve_id, 2);
        tpm_put(&template, ALG_NULL, 2); /* no KDF */
        tpm_put_sized(&template, zeros, kind->unique);
    } else {
        tpm_put(&template, 8 * kind->size, 2);
        tpm_put(&template, 0, 4); /* the exponent that all have */
    }
    tpm_put_sized(&template, zeros, kind->unique);
    return tpm_create_primary(device, &template, "make its endorsement key", handle, public, error);
}

void tpm_device_forget(struct tpm_device *device, uint32_t handle)
{
    tpm_flush(device, handle);
}

/* ---- what is sealed to them ---- */

static cella_status start_session(struct tpm_device *device, const struct tpm_endorsement *kind,
                                  uint32_t *session, cella_error *error)
{
    struct tpm_message message;
    struct tpm_answer nonce;
    static const uint8_t own[16]; /* nothing is protected by it */
    tpm_begin(&message, ST_NO_SESSIONS, CC_START_SESSION);
    tpm_put(&message, RH_NULL, 4);
    tpm_put(&message, RH_NULL, 4);
    tpm_put_sized(&message, own, sizeof(own));
    tpm_put(&message, 0, 2); /* no salt */
    tpm_put(&message, SE_POLICY, 1);
    tpm_put(&message, ALG_NULL, 2);
    tpm_put(&message, kind->hash, 2);
    cella_status status = tpm_transmit(device, &message, "start a session", error);
    if (status)
        return status;
    *session = (uint32_t)read_big(&message.response, 4);
    tpm_read_sized(&message, &nonce);
    return tpm_finished(device, &message, error);
}

static cella_status satisfy_policy(struct tpm_device *device, uint32_t session, cella_error *error)
{
    struct tpm_message message;
    tpm_begin(&message, ST_SESSIONS, CC_POLICY_SECRET);
    tpm_put(&message, RH_ENDORSEMENT, 4);
    tpm_put(&message, session, 4);
    tpm_put_password(&message);
    tpm_put(&message, 0, 2); /* not bound to a nonce, a command, a purpose or a time */
    tpm_put(&message, 0, 2);
    tpm_put(&message, 0, 2);
    tpm_put(&message, 0, 4);
    return tpm_transmit(device, &message, "let its endorsement key be used", error);
}

static cella_status activate(struct tpm_device *device, uint32_t key, uint32_t endorsement,
                             uint32_t session, const struct tpm_credential *credential,
                             struct tpm_answer *secret, cella_error *error)
{
    struct tpm_message message;
    const uint32_t sessions[] = {RS_PASSWORD, session};
    tpm_begin(&message, ST_SESSIONS, CC_ACTIVATE_CREDENTIAL);
    tpm_put(&message, key, 4);
    tpm_put(&message, endorsement, 4);
    tpm_put_sessions(&message, sessions, 2);
    tpm_put_sized(&message, credential->blob, credential->blob_size);
    tpm_put_sized(&message, credential->secret, credential->secret_size);
    cella_status status =
        tpm_transmit(device, &message,
                     "open what was sealed to its endorsement key for this attestation key", error);
    if (status == CELLA_OK) {
        tpm_skip_to_parameters(&message);
        tpm_read_sized(&message, secret);
        status = tpm_finished(device, &message, error);
    }
    OPENSSL_cleanse(&message, sizeof(message));
    return status;
}

/* Older keys are used by their policy, newer ones by their password, too. */
cella_status tpm_device_activate(struct tpm_device *device, uint32_t key, uint32_t endorsement,
                                 const struct tpm_endorsement *kind,
                                 const struct tpm_credential *credential, struct tpm_answer *secret,
                                 cella_error *error)
{
    uint32_t session;
    if (kind->attributes & TPM_USER_WITH_AUTH)
        return activate(device, key, endorsement, RS_PASSWORD, credential, secret, error);
    cella_status status = start_session(device, kind, &session, error);
    if (status)
        return status;
    status = satisfy_policy(device, session, error);
    if (status == CELLA_OK)
        status = activate(device, key, endorsement, session, credential, secret, error);
    tpm_flush(device, session);
    return status;
}
