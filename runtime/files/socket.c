/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets are the host's, and made only where the manifest says "network": true. What arrives on
 * them is whatever the host likes; a program that cares speaks TLS.
 */
#include "node.h"

#include <linux/in.h>
#include <linux/in6.h>

#define AF_INET        2
#define AF_INET6       10

#define SOCKET_ADDRESS 128u                     /* most bytes of an address: struct ring_address */
#define SOCKET_OPTION  4096u                    /* most bytes of an option */
#define SOCKET_FLAGS   (O_NONBLOCK | O_CLOEXEC) /* SOCK_NONBLOCK and SOCK_CLOEXEC are these */

struct message { /* struct msghdr: where data goes or comes from, and the address */
    void *name;
    int32_t name_length;
    struct iovec *vector;
    uint64_t count;
    void *control;
    uint64_t control_length;
    uint32_t flags;
};
static_assert(sizeof(struct message) == 56, "Linux's struct msghdr");

static const struct node_operations socket_operations;

/* Asks the host about a socket, after seeing that it is one. A call that may wait leaves by the
 * gate, unless the socket does not wait. */
static int64_t socket_call(const struct file *file, uint32_t operation, uint64_t a1, uint64_t a2,
                           uint64_t a3, int64_t least, int64_t most, bool waits)
{
    if (!file || file->node->operations != &socket_operations)
        return file ? -ENOTSOCK : -EBADF;
    bool slow = waits && !(file->flags & O_NONBLOCK);
    return host_ask(file, operation, a1, a2, a3, least, most, slow);
}

static long socket_install(int64_t handle, uint32_t flags)
{
    struct node *node = node_new(&socket_operations, S_IFSOCK | 0777);
    struct file *file = node ? file_new(node, O_RDWR | (flags & O_NONBLOCK)) : NULL;
    if (!file) {
        (void)host_call(RING_CLOSE, (uint64_t)handle, 0, 0, 0, 0, 0);
        return -ENOMEM;
    }
    file->handle = (uint32_t)handle;
    return descriptor_install(file, 0, flags & O_CLOEXEC);
}

long sys_socket(const long *argument)
{
    if (!(boot->flags & BOOT_NETWORK))
        return -EACCES;
    uint32_t type = (uint32_t)argument[1];
    /* The host learns of O_NONBLOCK, which decides whether its calls wait; not of O_CLOEXEC. */
    int64_t handle = host_call(RING_SOCKET, (uint32_t)argument[0], type & ~(uint32_t)O_CLOEXEC,
                               (uint32_t)argument[2], 0, 3, FILES_HANDLE);
    return handle < 0 ? (long)handle : socket_install(handle, type & SOCKET_FLAGS);
}

/* ---- addresses ---- */

/* Puts an address of the program at `offset` of the bounce buffer. */
static long address_put(uint64_t offset, const void *address, long length)
{
    if (length < 0 || length > (long)SOCKET_ADDRESS)
        return -EINVAL;
    if (!memory_is_inside(address, (uint64_t)length))
        return -EFAULT;
    host_put(offset, address, (size_t)length);
    return 0;
}

/* Gives the program an address of the host, of `operation`, from `offset`, as much of it as *length
 * has room for. A family that does not fit its length is no address. */
static long address_give(uint32_t operation, uint64_t offset, void *to, int32_t *length)
{
    struct ring_address host;
    uint16_t family = 0;
    host_get(offset, &host, sizeof(host));
    if (host.length > SOCKET_ADDRESS)
        runtime_stop(RING_STOP_HOST_LIED, operation);
    memcpy(&family, host.bytes, sizeof(family));
    if (host.length < sizeof(family) ||
        (family == AF_INET && host.length != sizeof(struct sockaddr_in)) ||
        (family == AF_INET6 && host.length != sizeof(struct sockaddr_in6)))
        host.length = 0;
    if (!memory_is_inside(length, sizeof(*length)))
        return -EFAULT;
    int32_t room = *length;
    if (room < 0)
        return -EINVAL;
    uint64_t size = (uint32_t)room < host.length ? (uint32_t)room : host.length;
    *length = (int32_t)host.length;
    return program_write((long)to, host.bytes, size);
}

static long address_call(uint32_t operation, const long *argument)
{
    FILE_HELD file = file_get(argument[0]);
    long result = address_put(0, (const void *)argument[1], (int)argument[2]);
    return result < 0 ? result
                      : (long)socket_call(file, operation, (uint64_t)argument[2], 0, 0, 0, 0,
                                          operation == RING_CONNECT);
}

long sys_connect(const long *argument)
{
    return address_call(RING_CONNECT, argument);
}

long sys_bind(const long *argument)
{
    return address_call(RING_BIND, argument);
}

static long simple_call(uint32_t operation, const long *argument)
{
    FILE_HELD file = file_get(argument[0]);
    return (long)socket_call(file, operation, (uint32_t)argument[1], 0, 0, 0, 0, false);
}

long sys_listen(const long *argument)
{
    return simple_call(RING_LISTEN, argument);
}

long sys_shutdown(const long *argument)
{
    return simple_call(RING_SHUTDOWN, argument);
}

long sys_accept4(const long *argument)
{
    uint32_t flags = (uint32_t)argument[3];
    if (flags & ~(uint32_t)SOCKET_FLAGS)
        return -EINVAL;
    FILE_HELD file = file_get(argument[0]);
    int64_t handle =
        socket_call(file, RING_ACCEPT, flags & O_NONBLOCK, 0, 0, 3, FILES_HANDLE, true);
    if (handle < 0)
        return (long)handle;
    void *address = (void *)argument[1];
    long result = address ? address_give(RING_ACCEPT, 0, address, (int32_t *)argument[2]) : 0;
    if (result == 0)
        return socket_install(handle, flags);
    (void)host_call(RING_CLOSE, (uint64_t)handle, 0, 0, 0, 0, 0);
    return result;
}

long sys_accept(const long *argument)
{
    return sys_accept4((const long[6]){argument[0], argument[1], argument[2], 0});
}

static long name_call(const long *argument, uint64_t peer)
{
    FILE_HELD file = file_get(argument[0]);
    long result = (long)socket_call(file, RING_SOCKET_NAME, peer, 0, 0, 0, 0, false);
    return result < 0
               ? result
               : address_give(RING_SOCKET_NAME, 0, (void *)argument[1], (int32_t *)argument[2]);
}

long sys_getsockname(const long *argument)
{
    return name_call(argument, 0);
}

long sys_getpeername(const long *argument)
{
    return name_call(argument, 1);
}

/* ---- data ---- */

/* The bounce buffer holds the data, and the address behind it. */
#define SOCKET_PIECE (RING_BUFFER_SIZE - 4096)

static uint64_t piece_length(const struct transfer *transfer)
{
    return transfer->left < SOCKET_PIECE ? transfer->left : SOCKET_PIECE;
}

/* MSG_ flags */
enum { SOCKET_TRUNC = 0x20, SOCKET_DONTWAIT = 0x40, SOCKET_NOSIGNAL = 0x4000 };

static long send_piece(struct file *file, struct transfer *transfer, uint32_t flags,
                       const struct message *message)
{
    uint64_t length = piece_length(transfer);
    long address_length = message->name ? message->name_length : 0;
    long result = transfer_in(transfer, NULL, length);
    if (result == 0 && address_length)
        result = address_put(length, message->name, address_length);
    if (result < 0)
        return result;
    return (long)socket_call(file, RING_SEND, length, flags & ~(uint32_t)SOCKET_NOSIGNAL,
                             (uint64_t)address_length, 0, (int64_t)length,
                             !(flags & SOCKET_DONTWAIT));
}

static long send_all(struct file *file, struct transfer *transfer, uint32_t flags,
                     const struct message *message)
{
    long done = 0;
    do {
        uint64_t before = transfer->left;
        long result = send_piece(file, transfer, flags, message);
        if (result < 0)
            return done ? done : result;
        done += result;
        if ((uint64_t)result < before - transfer->left || (file->flags & O_NONBLOCK))
            break;
    } while (transfer->left);
    return done;
}

static long send_message(long descriptor, const struct message *message, uint32_t flags)
{
    struct transfer transfer;
    FILE_HELD file = file_get(descriptor);
    long result = transfer_begin(&transfer, message->vector, message->count);
    if (result == 0)
        result = send_all(file, &transfer, flags, message);
    if (result == -EPIPE && !(flags & SOCKET_NOSIGNAL))
        signal_raise(13); /* SIGPIPE */
    return result;
}

static long receive(struct file *file, struct transfer *transfer, uint32_t flags)
{
    uint64_t asked = piece_length(transfer);
    /* MSG_TRUNC asks for a length beyond what arrives, which no bound could check. */
    if (flags & SOCKET_TRUNC)
        return -EOPNOTSUPP;
    long result = (long)socket_call(file, RING_RECEIVE, asked, flags, 0, 0, (int64_t)asked,
                                    !(flags & SOCKET_DONTWAIT));
    if (result >= 0 && transfer_out(transfer, NULL, (uint64_t)result) < 0)
        return -EFAULT;
    return result;
}

/* Changes name_length to that of the address. */
static long receive_message(long descriptor, struct message *message, uint32_t flags)
{
    struct transfer transfer;
    FILE_HELD file = file_get(descriptor);
    long result = transfer_begin(&transfer, message->vector, message->count);
    if (result < 0)
        return result;
    uint64_t asked = piece_length(&transfer); /* the address lies behind them */
    result = receive(file, &transfer, flags);
    if (result < 0 || !message->name)
        return result;
    long given = address_give(RING_RECEIVE, asked, message->name, &message->name_length);
    return given < 0 ? given : result;
}

long sys_sendto(const long *argument)
{
    struct iovec one = {(void *)argument[1], (uint64_t)argument[2]};
    struct message message = {.name = (void *)argument[4],
                              .name_length = (int32_t)argument[5],
                              .vector = &one,
                              .count = 1};
    return send_message(argument[0], &message, (uint32_t)argument[3]);
}

long sys_recvfrom(const long *argument)
{
    int32_t none = 0, *length = argument[4] ? (int32_t *)argument[5] : &none;
    struct iovec one = {(void *)argument[1], (uint64_t)argument[2]};
    struct message message = {.name = (void *)argument[4], .vector = &one, .count = 1};
    if (!memory_is_inside(length, sizeof(*length)))
        return -EFAULT;
    message.name_length = *length;
    long result = receive_message(argument[0], &message, (uint32_t)argument[3]);
    if (result >= 0)
        *length = message.name_length;
    return result;
}

long sys_sendmsg(const long *argument)
{
    struct message message;
    long result = program_read(&message, argument[1], sizeof(message));
    if (result < 0)
        return result;
    if (message.count > UIO_MAXIOV)
        return -EMSGSIZE;
    if (message.control_length)
        return -EOPNOTSUPP; /* control data is not carried */
    return send_message(argument[0], &message, (uint32_t)argument[2]);
}

long sys_recvmsg(const long *argument)
{
    struct message message;
    long result = program_read(&message, argument[1], sizeof(message));
    if (result == 0 && message.count > UIO_MAXIOV)
        result = -EMSGSIZE;
    if (result == 0)
        result = receive_message(argument[0], &message, (uint32_t)argument[2]);
    if (result < 0)
        return result;
    message.control_length = 0;
    message.flags = 0;
    return program_write(argument[1], &message, sizeof(message)) < 0 ? -EFAULT : result;
}

static long socket_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    (void)position;
    return transfer->left ? receive(file, transfer, 0) : 0;
}

static long socket_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    const struct message nowhere = {.name = NULL};
    (void)position;
    return send_all(file, transfer, 0, &nowhere);
}

/* ---- options ---- */

long sys_setsockopt(const long *argument)
{
    const void *value = (const void *)argument[3];
    uint32_t length = (uint32_t)argument[4];
    if (length > SOCKET_OPTION)
        return -EINVAL;
    if (!memory_is_inside(value, length))
        return -EFAULT;
    FILE_HELD file = file_get(argument[0]);
    host_put(0, value, length);
    return (long)socket_call(file, RING_SOCKET_SET, (uint32_t)argument[1], (uint32_t)argument[2],
                             length, 0, 0, false);
}

long sys_getsockopt(const long *argument)
{
    void *value = (void *)argument[3];
    uint32_t *room = (uint32_t *)argument[4];
    if (!memory_is_inside(room, sizeof(*room)))
        return -EFAULT;
    uint32_t length = *room < SOCKET_OPTION ? *room : SOCKET_OPTION;
    if (!memory_is_inside(value, length))
        return -EFAULT;
    FILE_HELD file = file_get(argument[0]);
    int64_t result = socket_call(file, RING_SOCKET_GET, (uint32_t)argument[1],
                                 (uint32_t)argument[2], length, 0, (int64_t)length, false);
    if (result < 0)
        return (long)result;
    host_get(0, value, (size_t)result);
    *room = (uint32_t)result;
    return 0;
}

static long socket_nonblock(struct file *file, bool on)
{
    return (long)host_call(RING_NONBLOCK, file->handle, on, 0, 0, 0, 0);
}

static const struct node_operations socket_operations = {
    .host = true,
    .read = socket_read,
    .write = socket_write,
    .status = node_status,
    .nonblock = socket_nonblock,
    .close = host_close,
};
