/* SPDX-License-Identifier: Apache-2.0
 *
 * A command is written into a struct tpm_message from the front; its size is filled in when it is
 * sent, and the response is read from the same bytes.
 */
#include "tpm_command.h"

#include "image/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CC_CREATE_PRIMARY 0x131
#define CC_FLUSH_CONTEXT  0x165
#define HEADER            10    /* bytes: tag, size, command or response code */
#define RC_RETRY          0x922 /* busy; Linux's driver asks again by itself */
#define TRIES_MOST        100

struct tpm_device {
    int fd;
    char where[128];
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

const char *tpm_where(const struct tpm_device *device)
{
    return device->where;
}

/* ---- commands ---- */

void tpm_put(struct tpm_message *message, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; message->size++)
        message->bytes[message->size] = (uint8_t)(value >> 8 * i);
}

void tpm_put_sized(struct tpm_message *message, const void *bytes, size_t size)
{
    tpm_put(message, size, 2);
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

void tpm_begin(struct tpm_message *message, uint16_t tag, uint32_t command)
{
    message->size = 0;
    tpm_put(message, tag, 2);
    tpm_put(message, 0, 4);
    tpm_put(message, command, 4);
}

void tpm_put_sessions(struct tpm_message *message, const uint32_t *sessions, size_t count)
{
    tpm_put(message, 9 * count, 4);
    for (size_t i = 0; i < count; i++) {
        tpm_put(message, sessions[i], 4);
        tpm_put(message, 0, 2);                          /* no nonce */
        tpm_put(message, sessions[i] != RS_PASSWORD, 1); /* continueSession: we flush it */
        tpm_put(message, 0, 2);                          /* an empty password, or no HMAC */
    }
}

void tpm_put_password(struct tpm_message *message)
{
    static const uint32_t password = RS_PASSWORD;
    tpm_put_sessions(message, &password, 1);
}

static bool exchange(struct tpm_device *device, struct tpm_message *message)
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

/* What a response code means that an owner can do something about; "": another. */
static const char *explain(uint64_t code)
{
    static const char password[] =
        "its owner or endorsement hierarchy has a password, and cella uses none: make it empty "
        "(tpm2_changeauth): ";
    static const struct {
        uint64_t mask, code; /* of format 1 (bit 7) 11 to 8 say which handle or session, 6 too */
        const char *means;
    } codes[] = {
        {0xbf, 0x8e, password}, /* TPM_RC_AUTH_FAIL */
        {0xbf, 0xa2, password}, /* TPM_RC_BAD_AUTH */
        {0xbf, 0x8b,            /* TPM_RC_HANDLE */
         "what is asked for is not in it: its key was removed, or the TPM was cleared; make a new "
         "platform (cella platform init --tpm): "},
        {0xfff, 0x921, /* TPM_RC_LOCKOUT */
         "it is locked after wrong passwords: wait, or tpm2_dictionarylockout --clear-lockout: "},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if ((code & codes[i].mask) == codes[i].code)
            return codes[i].means;
    return "";
}

cella_status tpm_transmit(struct tpm_device *device, struct tpm_message *message, const char *what,
                          cella_error *error)
{
    for (size_t i = 0; i < 4; i++)
        message->bytes[2 + i] = (uint8_t)(message->size >> 8 * (3 - i));
    const struct tpm_message command = *message;
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
        return fail(error, CELLA_SYSTEM, "%s: the TPM does not %s: %sit answers 0x%" PRIx64,
                    device->where, what, explain(code), code);
    return answered == tag
               ? CELLA_OK
               : fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", device->where);
}

void tpm_skip_to_parameters(struct tpm_message *message)
{
    struct reader *response = &message->response;
    size_t size = (size_t)read_big(response, 4);
    if (size > response->size)
        response->failed = true;
    else
        response->size = size;
}

cella_status tpm_finished(const struct tpm_device *device, const struct tpm_message *message,
                          cella_error *error)
{
    return message->response.failed || message->response.size
               ? fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", device->where)
               : CELLA_OK;
}

void tpm_read_sized(struct tpm_message *message, struct tpm_answer *answer)
{
    answer->size = (size_t)read_big(&message->response, 2);
    const uint8_t *bytes = read_bytes(&message->response, answer->size);
    if (bytes)
        memcpy(answer->bytes, bytes, answer->size);
}

cella_status tpm_flush(struct tpm_device *device, uint32_t handle)
{
    struct tpm_message message;
    tpm_begin(&message, ST_NO_SESSIONS, CC_FLUSH_CONTEXT);
    tpm_put(&message, handle, 4);
    return tpm_transmit(device, &message, "forget a key or session", NULL);
}

cella_status tpm_create_primary(struct tpm_device *device, const struct tpm_message *template,
                                const char *what, uint32_t *handle, struct tpm_answer *public,
                                cella_error *error)
{
    struct tpm_message message;
    struct tpm_answer unused;
    tpm_begin(&message, ST_SESSIONS, CC_CREATE_PRIMARY);
    tpm_put(&message, RH_ENDORSEMENT, 4);
    tpm_put_password(&message);
    tpm_put(&message, 4, 2); /* TPM2B_SENSITIVE_CREATE: no password, no data */
    tpm_put(&message, 0, 4);
    tpm_put_sized(&message, template->bytes, template->size);
    tpm_put(&message, 0, 2); /* outsideInfo */
    tpm_put(&message, 0, 4); /* creationPCR */
    cella_status status = tpm_transmit(device, &message, what, error);
    if (status)
        return status;
    *handle = (uint32_t)read_big(&message.response, 4);
    read_big(&message.response, 4);
    tpm_read_sized(&message, public ? public : &unused);
    if (!message.response.failed)
        return CELLA_OK;
    tpm_flush(device, *handle);
    return fail(error, CELLA_SYSTEM, "%s: the TPM's answer is malformed", device->where);
}
