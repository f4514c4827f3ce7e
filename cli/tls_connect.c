/* SPDX-License-Identifier: Apache-2.0
 *
 * cella tls-connect: a TLS handshake with a server, and a verdict on the evidence in its
 * certificate. The handshake proves that the server has the certificate's key; the evidence says
 * who made that key. Names and dates of the certificate are nobody's word and not looked at.
 */
#include "demands.h"

#include "image/fail.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT 15 /* s, for each step */

static const char help[] =
    "usage: cella tls-connect [options] --at TIME HOST:PORT\n\n"
    "Connects to a TLS server whose certificate carries evidence (attested TLS), and\n"
    "judges it: which TEE has the key of this connection. Exit status: 0 accepted, 1\n"
    "refused, 2 malformed or misused, 125 no connection.\n\n" CLI_DEMANDS_HELP;

/* Any certificate will do for the handshake: what is in it is judged afterwards. */
static int accept_any(X509_STORE_CTX *context, void *unused)
{
    (void)context;
    (void)unused;
    return 1;
}

static SSL_CTX *new_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cert_verify_callback(context, accept_any, NULL);
    return context;
}

/* A socket that is connected, or -1. */
static int dial(const char *host, const char *port, cella_error *error)
{
    static const struct timeval timeout = {.tv_sec = TIMEOUT};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1, code = getaddrinfo(host, port, &hints, &found);
    if (code) {
        fail(error, CELLA_SYSTEM, "%.200s: %s", host, gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) ||
                        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
                        connect(fd, at->ai_addr, at->ai_addrlen))) {
            fail(error, CELLA_SYSTEM, "%.200s:%.20s: %s", host, port, strerror(errno));
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* The certificate whose key the server has proven to have; the caller's to OPENSSL_free. */
static cella_status shake_hands(int fd, const char *host, uint8_t **der, size_t *size,
                                cella_error *error)
{
    cella_status status = fail(error, CELLA_SYSTEM, "%.200s: no TLS handshake", host);
    SSL_CTX *context = new_context();
    SSL *ssl = context ? SSL_new(context) : NULL;
    X509 *certificate = NULL;
    int length = -1;
    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1 &&
        SSL_connect(ssl) == 1)
        certificate = SSL_get1_peer_certificate(ssl);
    else if (ERR_peek_last_error())
        fail(error, status, "%.200s: no TLS handshake: %s", host,
             ERR_reason_error_string(ERR_peek_last_error()));
    if (certificate && (length = i2d_X509(certificate, der)) > 0) {
        *size = (size_t)length;
        status = CELLA_OK;
    }
    X509_free(certificate);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return status;
}

static cella_status fetch(const char *server, uint8_t **der, size_t *size, cella_error *error)
{
    char host[256];
    const char *colon = strrchr(server, ':');
    bool brackets = server[0] == '[' && colon > server && colon[-1] == ']'; /* IPv6 */
    snprintf(host, sizeof(host), "%.*s", (int)(colon - server) - 2 * brackets, server + brackets);
    int fd = dial(host, colon + 1, error);
    if (fd < 0)
        return CELLA_SYSTEM;
    cella_status status = shake_hands(fd, host, der, size, error);
    close(fd);
    return status;
}

static int connect_and_judge(struct cli_demands *demands, const char *server)
{
    uint8_t *der = NULL;
    size_t size = 0;
    cella_error error;
    const char *colon = strrchr(server, ':');
    if (!colon || colon == server || !colon[1])
        return cli_misused(&cli_tls_connect, "\"%.80s\" is not HOST:PORT", server);
    if (fetch(server, &der, &size, &error))
        return cli_fail(&error);
    if (!demands->are.type)
        demands->are.type = "ratls";
    int status = cli_demands_judge(demands, der, size);
    OPENSSL_free(der);
    return status;
}

static int verb(int count, char **arguments)
{
    struct cli_demands demands;
    const char *server;
    int status;
    if (cli_demands_read(&demands, &cli_tls_connect, count, arguments, "a server, HOST:PORT,",
                         &server, &status))
        status = connect_and_judge(&demands, server);
    cli_demands_end(&demands);
    return status;
}

const struct cli_verb cli_tls_connect = {"tls-connect", "show who has a TLS server's key", help,
                                         verb};
