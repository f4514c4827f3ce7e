/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys, PCRs and quotes of this machine's TPM.
 */
#include "tpm_command.h"

#include "image/fail.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

/* Part 2: TPM_CC, TPM_CAP, TPM_ALG, TPM_ECC_CURVE. */
#define CC_EVICT_CONTROL  0x120
#define CC_QUOTE          0x158
#define CC_READ_PUBLIC    0x173
#define CC_GET_CAPABILITY 0x17a
#define CC_PCR_READ       0x17e
#define CAP_HANDLES       1
#define ALG_ECDSA         0x0018
#define CURVE_P256        0x0003

/* Part 2, 8.3: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign.
 * noDA: a machine that loses power would be locked out else, after some times. */
#define ATTESTATION_KEY   0x00050472

#define HANDLES           0x81020000 /* persistent ones of the owner, that nobody has reserved */
#define HANDLES_MOST      64
#define READ_PCRS_AT_ONCE 8

static void put_selection(struct tpm_message *message, uint32_t pcrs)
{
    tpm_put(message, 1, 4);
    tpm_put(message, ALG_SHA256, 2);
    tpm_put(message, 3, 1);
    for (size_t i = 0; i < 3; i++)
        tpm_put(message, pcrs >> 8 * i & 0xff, 1);
}

/* ---- keys ---- */

static cella_status create(struct tpm_device *device, uint32_t *handle, cella_error *error)
{
    struct tpm_message public = {.size = 0};
    uint8_t unique[2][32]; /* a primary key follows from its template: so that it is a new one */
    if (RAND_bytes(unique[0], sizeof(unique)) != 1)
        return fail(error, CELLA_SYSTEM, "OpenSSL gives no random bytes");
    tpm_put(&public, ALG_ECC, 2);
    tpm_put(&public, ALG_SHA256, 2);
    tpm_put(&public, ATTESTATION_KEY, 4);
    tpm_put(&public, 0, 2); /* no policy */
    tpm_put(&public, ALG_NULL, 2);
    tpm_put(&public, ALG_ECDSA, 2);
    tpm_put(&public, ALG_SHA256, 2);
    tpm_put(&public, CURVE_P256, 2);
    tpm_put(&public, ALG_NULL, 2);
    tpm_put_sized(&public, unique[0], 32);
    tpm_put_sized(&public, unique[1], 32);

    return tpm_create_primary(device, &public, "make an attestation key", handle, NULL, error);
}

/* Up to `most` handles that are in use, from `from` on: their number, then they themselves are what
 * is left of the response. */
static cella_status list_handles(struct tpm_device *device, uint32_t from, uint32_t most,
                                 struct tpm_message *message, uint64_t *count, cella_error *error)
{
    tpm_begin(message, ST_NO_SESSIONS, CC_GET_CAPABILITY);
    tpm_put(message, CAP_HANDLES, 4);
    tpm_put(message, from, 4);
    tpm_put(message, most, 4);
    cella_status status = tpm_transmit(device, message, "list its handles", error);
    if (status)
        return status;
    read_big(&message->response, 1 + 4); /* whether there are more; which capability */
    *count = read_big(&message->response, 4);
    return CELLA_OK;
}

cella_status tpm_device_has(struct tpm_device *device, uint32_t handle, bool *there,
                            cella_error *error)
{
    struct tpm_message message;
    uint64_t count;
    *there = false;
    cella_status status = list_handles(device, handle, 1, &message, &count, error);
    if (status == CELLA_OK && count > 0)
        *there = read_big(&message.response, 4) == handle;
    return status ? status : tpm_finished(device, &message, error);
}

static cella_status find_free_handle(struct tpm_device *device, uint32_t *handle,
                                     cella_error *error)
{
    struct tpm_message message;
    uint64_t count;
    cella_status status = list_handles(device, HANDLES, HANDLES_MOST, &message, &count, error);
    if (status)
        return status;
    *handle = HANDLES;
    for (uint64_t i = 0; i < count && !message.response.failed; i++)
        if (read_big(&message.response, 4) == *handle) /* in ascending order */
            ++*handle;
    status = tpm_finished(device, &message, error);
    if (status == CELLA_OK && *handle >= HANDLES + HANDLES_MOST)
        status = fail(error, CELLA_SYSTEM, "%s: %d keys are in the TPM already", tpm_where(device),
                      HANDLES_MOST);
    return status;
}

/* Makes a key persistent, or ends that. */
static cella_status evict(struct tpm_device *device, uint32_t object, uint32_t persistent,
                          const char *what, cella_error *error)
{
    struct tpm_message message;
    tpm_begin(&message, ST_SESSIONS, CC_EVICT_CONTROL);
    tpm_put(&message, RH_OWNER, 4);
    tpm_put(&message, object, 4);
    tpm_put_password(&message);
    tpm_put(&message, persistent, 4);
    return tpm_transmit(device, &message, what, error);
}

cella_status tpm_device_make_key(struct tpm_device *device, uint32_t *handle, cella_error *error)
{
    uint32_t made;
    cella_status status = create(device, &made, error);
    if (status)
        return status;
    status = find_free_handle(device, handle, error);
    if (status == CELLA_OK)
        status = evict(device, made, *handle, "keep a key", error);
    tpm_flush(device, made);
    return status;
}

cella_status tpm_device_remove_key(struct tpm_device *device, uint32_t handle, cella_error *error)
{
    return evict(device, handle, handle, "remove a key", error);
}

cella_status tpm_device_read_key(struct tpm_device *device, uint32_t handle,
                                 struct tpm_answer *public, cella_error *error)
{
    struct tpm_message message;
    struct tpm_answer name;
    tpm_begin(&message, ST_NO_SESSIONS, CC_READ_PUBLIC);
    tpm_put(&message, handle, 4);
    cella_status status = tpm_transmit(device, &message, "show its attestation key", error);
    if (status)
        return status;
    tpm_read_sized(&message, public);
    tpm_read_sized(&message, &name);
    tpm_read_sized(&message, &name); /* the qualified one */
    return tpm_finished(device, &message, error);
}

/* ---- PCRs ---- */

static cella_status read_some(struct tpm_device *device, uint32_t pcrs,
                              uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE], cella_error *error)
{
    struct tpm_message message, selection = {.size = 0};
    tpm_begin(&message, ST_NO_SESSIONS, CC_PCR_READ);
    put_selection(&message, pcrs);
    put_selection(&selection, pcrs);
    cella_status status = tpm_transmit(device, &message, "read its PCRs", error);
    if (status)
        return status;
    read_big(&message.response, 4); /* how often they changed */
    const uint8_t *given = read_bytes(&message.response, selection.size);
    bool good = given && memcmp(given, selection.bytes, selection.size) == 0 &&
                read_big(&message.response, 4) == (uint64_t)__builtin_popcount(pcrs);
    for (size_t i = 0; i < TPM_DEVICE_PCRS && good; i++) {
        if (!(pcrs >> i & 1))
            continue;
        good = read_big(&message.response, 2) == TPM_PCR_SIZE;
        const uint8_t *value = read_bytes(&message.response, TPM_PCR_SIZE);
        good = good && value;
        if (good)
            memcpy(values[i], value, TPM_PCR_SIZE);
    }
    if (!good)
        return fail(error, CELLA_SYSTEM, "%s: the TPM has no PCRs of SHA-256", tpm_where(device));
    return tpm_finished(device, &message, error);
}

cella_status tpm_device_read_pcrs(struct tpm_device *device, uint32_t pcrs,
                                  uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE], cella_error *error)
{
    static_assert(TPM_DEVICE_PCRS % READ_PCRS_AT_ONCE == 0, "all PCRs are read");
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < TPM_DEVICE_PCRS && status == CELLA_OK; i += READ_PCRS_AT_ONCE)
        if (pcrs & UINT32_C(0xff) << i)
            status = read_some(device, pcrs & UINT32_C(0xff) << i, values, error);
    return status;
}

cella_status tpm_device_quote(struct tpm_device *device, uint32_t handle, uint32_t pcrs,
                              const uint8_t qualifying[TPM_QUALIFYING], struct tpm_answer *quote,
                              struct tpm_answer *signature, cella_error *error)
{
    struct tpm_message message;
    tpm_begin(&message, ST_SESSIONS, CC_QUOTE);
    tpm_put(&message, handle, 4);
    tpm_put_password(&message);
    tpm_put_sized(&message, qualifying, TPM_QUALIFYING);
    tpm_put(&message, ALG_NULL, 2); /* the key's own scheme */
    put_selection(&message, pcrs);
    cella_status status = tpm_transmit(device, &message, "quote its PCRs", error);
    if (status)
        return status;
    tpm_skip_to_parameters(&message);
    tpm_read_sized(&message, quote);
    signature->size = message.response.size;
    const uint8_t *rest = read_bytes(&message.response, message.response.size);
    if (rest)
        memcpy(signature->bytes, rest, signature->size);
    return tpm_finished(device, &message, error);
}
