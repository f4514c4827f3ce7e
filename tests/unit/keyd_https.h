/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of HTTPS that keeps its connection, for the tests and for bench/keyd.c.
 */
#ifndef UNIT_KEYD_HTTPS_H
#define UNIT_KEYD_HTTPS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct https {
    SSL_CTX *context; /* borrowed */
    uint16_t port;    /* on 127.0.0.1 */
    uint8_t from;     /* 127.0.0.FROM is who asks; 0: 127.0.0.1 */
    SSL *ssl;         /* NULL: not connected */
    int fd;
};

/* Trusts this certificate alone. NULL: it cannot be read. */
static inline SSL_CTX *https_context(const char *certificate)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context && SSL_CTX_load_verify_file(context, certificate) == 1) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

static inline void https_close(struct https *https)
{
    if (https->ssl) {
        SSL_free(https->ssl);
        close(https->fd);
    }
    https->ssl = NULL;
}

static inline bool https_connect(struct https *https)
{
    int yes = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(https->port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(0x7f000000u | (https->from ? https->from : 1));
    https->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    https->ssl = SSL_new(https->context);
    setsockopt(https->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (https->fd >= 0 && https->ssl &&
        bind(https->fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
        connect(https->fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
        SSL_set_fd(https->ssl, https->fd) == 1 && SSL_set1_host(https->ssl, "127.0.0.1") == 1 &&
        SSL_connect(https->ssl) == 1)
        return true;
    https_close(https);
    return false;
}

static inline bool https_write(struct https *https, const char *bytes, size_t size)
{
    size_t done;
    return SSL_write_ex(https->ssl, bytes, size, &done) == 1 && done == size;
}

/* Reads a reply: its status, and *body (the caller's to free). 0: the connection ended before one
 * byte of it; -1: in the middle of it. */
static inline int https_read(struct https *https, char **body)
{
    static const size_t room = 1 << 17;
    char *text = malloc(room), *end = NULL;
    size_t size = 0, got, length = 0, head = 0;
    int status = 0;
    *body = NULL;
    while (size < room - 1 && (!end || size < head + length)) {
        if (SSL_read_ex(https->ssl, text + size, room - 1 - size, &got) != 1)
            break;
        size += got;
        text[size] = 0;
        if (!end && (end = strstr(text, "\r\n\r\n"))) {
            const char *at = strcasestr(text, "\r\ncontent-length:");
            length = at ? strtoul(at + 17, NULL, 10) : 0;
            head = (size_t)(end + 4 - text);
        }
    }
    if (end && size == head + length && sscanf(text, "HTTP/1.1 %d", &status) == 1) {
        *body = strdup(text + head);
        bool closes = strcasestr(text, "\r\nconnection: close") != NULL;
        if (closes)
            https_close(https);
    } else {
        status = size ? -1 : 0;
        https_close(https);
    }
    free(text);
    return status;
}

/* Asks, connecting before where need be. As https_read; 0 also where nobody listens. */
static inline int https_ask(struct https *https, const char *method, const char *path,
                            const char *request, char **body)
{
    size_t size = strlen(request);
    char *text = malloc(size + 256);
    *body = NULL;
    if (!https->ssl && !https_connect(https)) {
        free(text);
        return 0;
    }
    int head = sprintf(text, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
                       method, path, size, request);
    bool written = https_write(https, text, (size_t)head);
    free(text);
    if (written)
        return https_read(https, body);
    https_close(https);
    return 0;
}

#endif
