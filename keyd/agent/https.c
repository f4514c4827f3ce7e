/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS 1.3 over a socket that never blocks: every step waits for the host with what is left of the
 * time. The clock is the host's too, which could as well not answer at all.
 */
#include "https.h"

#include "image/fail.h"
#include "image/hex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct connection {
    const struct https_server *server;
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    int64_t until; /* ms, of the monotonic clock */
    uint8_t found[32];
    bool other_key; /* `found` is not the server's */
};

/* ---- addresses ---- */

static bool read_port(const char *text, in_port_t *port)
{
    char *end;
    if (*text < '1' || *text > '9')
        return false;
    unsigned long number = strtoul(text, &end, 10);
    *port = htons((uint16_t)number);
    return !*end && number <= 65535;
}

cella_status https_address(const char *where, struct https_server *server, cella_error *error)
{
    char host[INET6_ADDRSTRLEN + 2] = "";
    const char *colon = strrchr(where, ':');
    size_t size = colon ? (size_t)(colon - where) : 0;
    bool brackets = size > 2 && where[0] == '[' && where[size - 1] == ']';
    struct sockaddr_in *four = (struct sockaddr_in *)&server->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&server->address;
    memset(&server->address, 0, sizeof(server->address));
    server->where = where;
    server->address_size = brackets ? sizeof(*six) : sizeof(*four);
    server->address.ss_family = brackets ? AF_INET6 : AF_INET;
    if (size < sizeof(host))
        memcpy(host, where + brackets, size - 2 * brackets);
    void *to = brackets ? (void *)&six->sin6_addr : (void *)&four->sin_addr;
    if (inet_pton(server->address.ss_family, host, to) == 1 &&
        read_port(colon + 1, brackets ? &six->sin6_port : &four->sin_port))
        return CELLA_OK;
    return fail(error, CELLA_INVALID,
                "%.100s: is no address of a keyd; 127.0.0.1:8443 and [::1]:8443 are: there are no "
                "names here",
                where);
}

/* ---- waiting ---- */

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: the time is up, or the host cannot wait. */
static bool wait_for(const struct connection *connection, short events)
{
    struct pollfd poll_fd = {.fd = connection->fd, .events = events};
    int64_t left = connection->until - now_ms();
    return left > 0 && left <= HTTPS_SECONDS * 1000 && poll(&poll_fd, 1, (int)left) == 1;
}

/* What to do about a call of OpenSSL that did not work: wait, and true: again. */
static bool again(const struct connection *connection, int result)
{
    int why = SSL_get_error(connection->ssl, result);
    if (why == SSL_ERROR_WANT_READ)
        return wait_for(connection, POLLIN);
    return why == SSL_ERROR_WANT_WRITE && wait_for(connection, POLLOUT);
}

/* ---- connecting ---- */

static cella_status dial(struct connection *connection, cella_error *error)
{
    const struct https_server *server = connection->server;
    int problem = 0;
    socklen_t size = sizeof(problem);
    connection->fd =
        socket(server->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0)
        return fail(error, CELLA_SYSTEM, "no socket: %s; is the manifest's \"network\" true?",
                    strerror(errno));
    if (connect(connection->fd, (const struct sockaddr *)&server->address, server->address_size) !=
        0) {
        if (errno != EINPROGRESS)
            problem = errno;
        else if (!wait_for(connection, POLLOUT))
            problem = ETIMEDOUT;
        else if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &problem, &size) != 0)
            problem = errno;
    }
    return problem ? fail(error, CELLA_SYSTEM, "keyd %s: no connection: %s", server->where,
                          strerror(problem))
                   : CELLA_OK;
}

/* Called when the server's certificate is there; its proof that it has the key follows. */
static int check_key(X509_STORE_CTX *store, void *of)
{
    struct connection *connection = of;
    uint8_t *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(X509_STORE_CTX_get0_cert(store)), &der);
    bool hashed = size > 0 && SHA256(der, (size_t)size, connection->found);
    OPENSSL_free(der);
    connection->other_key = hashed && memcmp(connection->found, connection->server->key, 32) != 0;
    return hashed && !connection->other_key;
}

static bool prepare(struct connection *connection)
{
    SSL_CTX *context = connection->context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
        return false;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, check_key, connection);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF); /* see receive_all */
    connection->ssl = SSL_new(context);
    return connection->ssl && SSL_set_fd(connection->ssl, connection->fd) == 1;
}

static cella_status shake_hands(struct connection *connection, cella_error *error)
{
    char found[65], expected[65];
    const struct https_server *server = connection->server;
    int result = 0;
    if (prepare(connection))
        while ((result = SSL_connect(connection->ssl)) != 1 && again(connection, result))
            ;
    if (result == 1)
        return CELLA_OK;
    if (connection->other_key)
        return fail(error, CELLA_REFUSED,
                    "keyd %s: the certificate's key: expected %s, found %s: this is another "
                    "server, or the host answers in its place",
                    server->where, hex_write(server->key, 32, expected),
                    hex_write(connection->found, 32, found));
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return fail(error, CELLA_SYSTEM, "keyd %s: no TLS 1.3 handshake: %s", server->where,
                reason ? reason : "the connection ended, or took too long");
}

/* ---- asking ---- */

static cella_status send_all(struct connection *connection, const char *text, size_t size,
                             cella_error *error)
{
    size_t done = 0;
    int result;
    while ((result = SSL_write_ex(connection->ssl, text, size, &done)) != 1)
        if (!again(connection, result))
            return fail(error, CELLA_SYSTEM, "keyd %s: the request cannot be sent",
                        connection->server->where);
    return CELLA_OK;
}

/* Until the server ends; whether it is whole is the HTTP header's to say. */
static cella_status receive_all(struct connection *connection, uint8_t *answer, size_t *size,
                                cella_error *error)
{
    size_t got;
    for (*size = 0; *size < HTTPS_ANSWER;) {
        int result = SSL_read_ex(connection->ssl, answer + *size, HTTPS_ANSWER - *size, &got);
        if (result == 1)
            *size += got;
        else if (SSL_get_error(connection->ssl, result) == SSL_ERROR_ZERO_RETURN)
            return CELLA_OK;
        else if (!again(connection, result))
            return fail(error, CELLA_SYSTEM,
                        "keyd %s: the answer ended before its end, or took too long",
                        connection->server->where);
    }
    return fail(error, CELLA_INVALID, "keyd %s: an answer of more than %u bytes",
                connection->server->where, HTTPS_ANSWER - 1);
}

static cella_status ask(struct connection *connection, const char *text, size_t size,
                        uint8_t *answer, size_t *answer_size, cella_error *error)
{
    cella_status status = dial(connection, error);
    if (status == CELLA_OK)
        status = shake_hands(connection, error);
    if (status == CELLA_OK)
        status = send_all(connection, text, size, error);
    if (status == CELLA_OK)
        status = receive_all(connection, answer, answer_size, error);
    SSL_free(connection->ssl);
    SSL_CTX_free(connection->context);
    if (connection->fd >= 0)
        close(connection->fd);
    ERR_clear_error();
    return status;
}

cella_status https_ask(const struct https_server *server, const char *method, const char *path,
                       const char *body, uint8_t **answer, size_t *size, cella_error *error)
{
    struct connection connection = {
        .server = server, .fd = -1, .until = now_ms() + HTTPS_SECONDS * 1000};
    char *text = NULL;
    int length = asprintf(&text,
                          "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          method, path, server->where, strlen(body), body);
    *answer = length > 0 ? malloc(HTTPS_ANSWER) : NULL;
    cella_status status = CELLA_MEMORY;
    if (*answer)
        status = ask(&connection, text, (size_t)length, *answer, size, error);
    else
        fail(error, status, "no memory for a request");
    if (length > 0)
        free(text);
    if (status) {
        free(*answer);
        *answer = NULL;
    }
    return status;
}
