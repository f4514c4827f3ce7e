/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets for an enclave whose manifest allows the network. TLS inside is what protects their
 * content; the host sees and may change every byte.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_MOST 128u
#define OPTION_MOST  256u

static int64_t result(long value)
{
    return value < 0 ? -errno : value;
}

static int64_t serve_address_in(const struct host_request *request, int fd)
{
    struct sockaddr_storage address;
    uint64_t length = request->arguments[1];
    if (length > ADDRESS_MOST)
        return -EINVAL;
    memcpy(&address, request->buffer, length);
    const struct sockaddr *plain = (const struct sockaddr *)&address;
    return result(request->operation == RING_CONNECT ? connect(fd, plain, (socklen_t)length)
                                                     : bind(fd, plain, (socklen_t)length));
}

static void put_address(uint8_t *to, const struct sockaddr_storage *address, socklen_t length)
{
    struct ring_address put = {.length = length < ADDRESS_MOST ? length : ADDRESS_MOST};
    memcpy(put.bytes, address, put.length);
    memcpy(to, &put, sizeof(put));
}

static int64_t serve_accept(struct cella_enclave *enclave, const struct host_request *request,
                            int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int flags = SOCK_CLOEXEC | (request->arguments[1] & SOCK_NONBLOCK ? SOCK_NONBLOCK : 0);
    int accepted = accept4(fd, (struct sockaddr *)&address, &length, flags);
    if (accepted < 0)
        return -errno;
    put_address(request->buffer, &address, length);
    return host_handle_new(enclave, accepted);
}

static int64_t serve_name(const struct host_request *request, int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    struct sockaddr *plain = (struct sockaddr *)&address;
    if (request->arguments[1] ? getpeername(fd, plain, &length) : getsockname(fd, plain, &length))
        return -errno;
    put_address(request->buffer, &address, length);
    return 0;
}

static int64_t serve_send(const struct host_request *request, int fd)
{
    uint64_t length = request->arguments[1], address_length = request->arguments[3];
    struct sockaddr_storage address;
    if (length > RING_BUFFER_SIZE || address_length > ADDRESS_MOST ||
        address_length > RING_BUFFER_SIZE - length)
        return -EINVAL;
    memcpy(&address, request->buffer + length, address_length);
    return result(sendto(
        fd, request->buffer, length,
        ((int)request->arguments[2] & (MSG_DONTWAIT | MSG_MORE | MSG_OOB)) | MSG_NOSIGNAL,
        address_length ? (const struct sockaddr *)&address : NULL, (socklen_t)address_length));
}

static int64_t serve_receive(const struct host_request *request, int fd)
{
    uint64_t length = request->arguments[1];
    struct sockaddr_storage address;
    socklen_t address_length = sizeof(address);
    if (length > RING_BUFFER_SIZE - sizeof(struct ring_address))
        return -EINVAL;
    int flags = (int)request->arguments[2] & (MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL | MSG_OOB);
    ssize_t size =
        recvfrom(fd, request->buffer, length, flags, (struct sockaddr *)&address, &address_length);
    if (size < 0)
        return -errno;
    put_address(request->buffer + length, &address, address_length);
    return size;
}

static int64_t serve_option(const struct host_request *request, int fd)
{
    uint8_t value[OPTION_MOST];
    int level = (int)request->arguments[1], name = (int)request->arguments[2];
    socklen_t length = (socklen_t)request->arguments[3];
    if (request->arguments[3] > sizeof(value))
        return -EINVAL;
    if (request->operation == RING_SOCKET_SET) {
        memcpy(value, request->buffer, length);
        return result(setsockopt(fd, level, name, value, length));
    }
    if (getsockopt(fd, level, name, value, &length))
        return -errno;
    memcpy(request->buffer, value, length);
    return length;
}

static int64_t serve_nonblock(const struct host_request *request, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    flags = request->arguments[1] ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return result(fcntl(fd, F_SETFL, flags));
}

int64_t host_socket_serve(struct cella_enclave *enclave, const struct host_request *request)
{
    if (!(enclave->boot.flags & BOOT_NETWORK))
        return -EACCES;
    if (request->operation == RING_SOCKET) {
        int domain = (int)request->arguments[0];
        int type = (int)request->arguments[1];
        if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
            return -EAFNOSUPPORT;
        int fd = socket(domain, type | SOCK_CLOEXEC, (int)request->arguments[2]);
        return fd < 0 ? -errno : host_handle_new(enclave, fd);
    }
    int fd = request->arguments[0] < 3 ? -1 : host_handle_fd(enclave, request->arguments[0]);
    if (fd < 0)
        return -EBADF;
    switch (request->operation) {
    case RING_CONNECT:
    case RING_BIND:
        return serve_address_in(request, fd);
    case RING_LISTEN:
        return result(listen(fd, (int)request->arguments[1]));
    case RING_ACCEPT:
        return serve_accept(enclave, request, fd);
    case RING_SEND:
        return serve_send(request, fd);
    case RING_RECEIVE:
        return serve_receive(request, fd);
    case RING_SHUTDOWN:
        return result(shutdown(fd, (int)request->arguments[1]));
    case RING_SOCKET_NAME:
        return serve_name(request, fd);
    case RING_SOCKET_SET:
    case RING_SOCKET_GET:
        return serve_option(request, fd);
    case RING_NONBLOCK:
        return serve_nonblock(request, fd);
    default:
        return -ENOSYS;
    }
}
