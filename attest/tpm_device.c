/* SPDX-License-Identifier: Apache-2.0
 *
 * A command is written into a struct message from the front; its size is filled in when it is sent,
 * and the response is read from the same bytes.
 */
#include "tpm_device.h"

#include "image/fail.h"
#include "reader.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Part 2: TPM_ST, TPM_CC, TPM_RH, TPM_CAP, TPM_ALG, TPM_ECC_CURVE. */
#define ST_NO_SESSIONS    0x8001
#define ST_SESSIONS       0x8002
#define CC_EVICT_CONTROL  0x120
#define CC_CREATE_PRIMARY 0x131
#define CC_QUOTE          0x158
#define CC_FLUSH_CONTEXT  0x165
#define CC_READ_PUBLIC    0x173
#define CC_GET_CAPABILITY 0x17a
#define CC_PCR_READ       0x17e
#define RH_OWNER          0x40000001
#define RS_PASSWORD       0x40000009
#define RH_ENDORSEMENT    0x4000000b
#define CAP_HANDLES       1
#define ALG_SHA256        0x000b
#define ALG_NULL          0x0010
#define ALG_ECDSA         0x0018
#define ALG_ECC           0x0023
#define CURVE_P256        0x0003

/* Part 2, 8.3: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign.
 * noDA: a machine that loses power would be locked out else, after some times. */
#define ATTESTATION_KEY   0x00050472

#define HEADER            10         /* bytes: tag, size, command or response code */
#define HANDLES           0x81020000 /* persistent ones of the owner, that nobody has reserved */
#define HANDLES_MOST      64
#define READ_PCRS_AT_ONCE 8
#define RC_RETRY          0x922 /* busy; Linux's driver asks again by itself */
#define TRIES_MOST        100

struct tpm_device {
    int fd;
    char where[128];
};

struct message {
    uint8_t bytes[TPM_MESSAGE_MOST];
    size_t size;
    struct reader response; /* what is left of it, after its header */
};

/* ---- reaching it ---- */

static int connect_to(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, address, size)) {
        int number = errno;
        close(fd);
        errno = number;
        fd = -1;
    }
    return fd;
}

/* -1 with errno; EINVAL: that names no TPM. */
static int reach(const char *where)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in far = {.sin_family = AF_INET};
    char host[32];
    unsigned port;
    int end = 0;
    if (strncmp(where, "device:", 7) == 0)
        return open(where + 7, O_RDWR | O_CLOEXEC);
    if (strncmp(where, "swtpm:path=", 11) == 0 && strlen(where + 11) < sizeof(local.sun_path)) {
        strcpy(local.sun_path, where + 11);
        return connect_to((const struct sockaddr *)&local, sizeof(local));
    }
    if (sscanf(where, "swtpm:host=%31[0-9.],port=%5u%n", host, &port, &end) == 2 && !where[end] &&
        port <= UINT16_MAX && inet_pton(AF_INET, host, &far.sin_addr) == 1) {
        far.sin_port = htons((uint16_t)port);
        return connect_to((const struct sockaddr *)&far, sizeof(far));
    }
    errno = EINVAL;
    return -1;
}

cella_status tpm_device_open(const char *where, struct tpm_device **result, cella_error *error)
{
    where = where ? where : "device:/dev/tpmrm0";
    struct tpm_device *device = calloc(1, sizeof(*device));
    if (!device)
        return fail(error, CELLA_MEMORY, "%s: no memory for the TPM", where);
    snprintf(device->where, sizeof(device->where), "%s", where);
    device->fd = reach(where);
    if (device->fd >= 0) {
        *result = device;
        return CELLA_OK;
    }
    free(device);
    if (errno == EINVAL)
        return fail(error, CELLA_INVALID,
                    "%s: names no TPM; device:/dev/tpmrm0, swtpm:path=SOCKET and "
                    "swtpm:host=ADDRESS,port=NUMBER do",
                    where);
    return fail(error, CELLA_SYSTEM, "%s: the TPM cannot be reached: %s", where, strerror(errno));
}

void tpm_device_close(struct tpm_device *device)
{
    if (!device)
        return;
    close(device->fd);
    free(device);
}

/* ---- commands ---- */

static void put(struct message *message, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; message->size++)
        message->bytes[message->size] = (uint8_t)(value >> 8 * i);
}

/* A TPM2B. */
static void put_sized(struct message *message, const void *bytes, size_t size)
{
    put(message, size, 2);
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void begin(struct message *message, uint16_t tag, uint32_t command)
{
    message->size = 0;
    put(message, tag, 2);
    put(message, 0, 4);
    put(message, command, 4);
}

/* A session that is an empty password. */
static void put_password(struct message *message)
{
    put(message, 9, 4);
    put(message, RS_PASSWORD, 4);
    put(message, 0, 2); /* no nonce */
    put(message, 0, 1);
    put(message, 0, 2);
}

static void put_selection(struct message *message, uint32_t pcrs)
{
    put(message, 1, 4);
    put(message, ALG_SHA256, 2);
    put(message, 3, 1);
    for (size_t i = 0; i < 3; i++)
        put(message, pcrs >> 8 * i & 0xff, 1);
}

static bool exchange(struct tpm_device *device, struct message *message)
{
    size_t got = 0, size = HEADER;
    if (write(device->fd, message->bytes, message->size) != (ssize_t)message->size)
        return false;
    /* A device gives all of it at once; a socket may not. */
    while (got < size && size <= sizeof(message->bytes)) {
        ssize_t more = read(device->fd, message->bytes + got, sizeof(message->bytes) - got);
        if (more <= 0)
            return false;
        got += (size_t)more;
        if (got >= HEADER)
            size = (size_t)big_endian(message->bytes + 2, 4);
    }
    message->size = got;
    return got == size;
}

/* `what` is what the TPM was asked to do: "make a key". */
static cella_status transmit(struct tpm_device *device, struct message *message, const char *what,
                             cella_error *error)
{
    for (size_t i = 0; i < 4; i++)
        message->bytes[2 + i] = (uint8_t)(message->size >> 8 * (3 - i));
    const struct message command = *message;
    uint64_t tag = big_endian(message->bytes, 2), answered = 0, code = RC_RETRY;
    struct reader *response = &message->response;
    for (size_t i = 0; i < TRIES_MOST && code == RC_RETRY; i++) {
        *message = command;
        errno = EPROTO;
        if (!exchange(device, message))
            return fail(error, CELLA_SYSTEM, "%s: the TPM gave no answer when asked to %s: %s",
                        device->where, what, strerror(errno));
        *response = (struct reader){.bytes = message->bytes, .size = message->size};
        answered = read_big(response, 2);
        read_big(response, 4);
        code = read_big(response, 4);
    }
    if (code)
        return fail(error, CELLA_SYSTEM, "%s: the TPM does not %s: it answers 0x%" PRIx64,
                    device->where, what, code);
    return answered == tag
               ? CELLA_OK
               : fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", device->where);
}

/* The parameters of a response with a session: what follows them is the session's. */
static void skip_to_parameters(struct message *message)
{
    struct reader *response = &message->response;
    size_t size = (size_t)read_big(response, 4);
    if (size > response->size)
        response->failed = true;
    else
        response->size = size;
}

static cella_status finished(const struct tpm_device *device, const struct message *message,
                             cella_error *error)
{
    return message->response.failed || message->response.size
               ? fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", device->where)
               : CELLA_OK;
}

/* ---- keys ---- */

static cella_status flush(struct tpm_device *device, uint32_t handle)
{
    struct message message;
    begin(&message, ST_NO_SESSIONS, CC_FLUSH_CONTEXT);
    put(&message, handle, 4);
    return transmit(device, &message, "forget a key", NULL);
}

static cella_status create(struct tpm_device *device, uint32_t *handle, cella_error *error)
{
    struct message message, public = {.size = 0};
    uint8_t unique[2][32]; /* a primary key follows from its template: so that it is a new one */
    if (RAND_bytes(unique[0], sizeof(unique)) != 1)
        return fail(error, CELLA_SYSTEM, "OpenSSL gives no random bytes");
    put(&public, ALG_ECC, 2);
    put(&public, ALG_SHA256, 2);
    put(&public, ATTESTATION_KEY, 4);
    put(&public, 0, 2); /* no policy */
    put(&public, ALG_NULL, 2);
    put(&public, ALG_ECDSA, 2);
    put(&public, ALG_SHA256, 2);
    put(&public, CURVE_P256, 2);
    put(&public, ALG_NULL, 2);
    put_sized(&public, unique[0], 32);
    put_sized(&public, unique[1], 32);

    begin(&message, ST_SESSIONS, CC_CREATE_PRIMARY);
    put(&message, RH_ENDORSEMENT, 4);
    put_password(&message);
    put(&message, 4, 2); /* TPM2B_SENSITIVE_CREATE: no password, no data */
    put(&message, 0, 4);
    put_sized(&message, public.bytes, public.size);
    put(&message, 0, 2); /* outsideInfo */
    put(&message, 0, 4); /* creationPCR */
    cella_status status = transmit(device, &message, "make an attestation key", error);
    if (status)
        return status;
    *handle = (uint32_t)read_big(&message.response, 4);
    return message.response.failed
               ? fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", device->where)
               : CELLA_OK;
}

static cella_status find_free_handle(struct tpm_device *device, uint32_t *handle,
                                     cella_error *error)
{
    struct message message;
    begin(&message, ST_NO_SESSIONS, CC_GET_CAPABILITY);
    put(&message, CAP_HANDLES, 4);
    put(&message, HANDLES, 4);
    put(&message, HANDLES_MOST, 4);
    cella_status status = transmit(device, &message, "list its keys", error);
    if (status)
        return status;
    read_big(&message.response, 1 + 4); /* whether there are more; which capability */
    uint64_t count = read_big(&message.response, 4);
    *handle = HANDLES;
    for (uint64_t i = 0; i < count && !message.response.failed; i++)
        if (read_big(&message.response, 4) == *handle) /* in ascending order */
            ++*handle;
    status = finished(device, &message, error);
    if (status == CELLA_OK && *handle >= HANDLES + HANDLES_MOST)
        status = fail(error, CELLA_SYSTEM, "%s: %d keys are in the TPM already", device->where,
                      HANDLES_MOST);
    return status;
}

/* Makes a key persistent, or ends that. */
static cella_status evict(struct tpm_device *device, uint32_t object, uint32_t persistent,
                          const char *what, cella_error *error)
{
    struct message message;
    begin(&message, ST_SESSIONS, CC_EVICT_CONTROL);
    put(&message, RH_OWNER, 4);
    put(&message, object, 4);
    put_password(&message);
    put(&message, persistent, 4);
    return transmit(device, &message, what, error);
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
    flush(device, made);
    return status;
}

cella_status tpm_device_remove_key(struct tpm_device *device, uint32_t handle, cella_error *error)
{
    return evict(device, handle, handle, "remove a key", error);
}

static void read_sized(struct message *message, struct tpm_answer *answer)
{
    answer->size = (size_t)read_big(&message->response, 2);
    const uint8_t *bytes = read_bytes(&message->response, answer->size);
    if (bytes)
        memcpy(answer->bytes, bytes, answer->size);
}

cella_status tpm_device_read_key(struct tpm_device *device, uint32_t handle,
                                 struct tpm_answer *public, cella_error *error)
{
    struct message message;
    struct tpm_answer name;
    begin(&message, ST_NO_SESSIONS, CC_READ_PUBLIC);
    put(&message, handle, 4);
    cella_status status = transmit(device, &message, "show its attestation key", error);
    if (status)
        return status;
    read_sized(&message, public);
    read_sized(&message, &name);
    read_sized(&message, &name); /* the qualified one */
    return finished(device, &message, error);
}

/* ---- PCRs ---- */

static cella_status read_some(struct tpm_device *device, uint32_t pcrs,
                              uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE], cella_error *error)
{
    struct message message, selection = {.size = 0};
    begin(&message, ST_NO_SESSIONS, CC_PCR_READ);
    put_selection(&message, pcrs);
    put_selection(&selection, pcrs);
    cella_status status = transmit(device, &message, "read its PCRs", error);
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
        return fail(error, CELLA_SYSTEM, "%s: the TPM has no PCRs of SHA-256", device->where);
    return finished(device, &message, error);
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
    struct message message;
    begin(&message, ST_SESSIONS, CC_QUOTE);
    put(&message, handle, 4);
    put_password(&message);
    put_sized(&message, qualifying, TPM_QUALIFYING);
    put(&message, ALG_NULL, 2); /* the key's own scheme */
    put_selection(&message, pcrs);
    cella_status status = transmit(device, &message, "quote its PCRs", error);
    if (status)
        return status;
    skip_to_parameters(&message);
    read_sized(&message, quote);
    signature->size = message.response.size;
    const uint8_t *rest = read_bytes(&message.response, message.response.size);
    if (rest)
        memcpy(signature->bytes, rest, signature->size);
    return finished(device, &message, error);
}
