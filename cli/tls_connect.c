/* SPDX-License-Identifier: Apache-2.0
 *
 * cella tls-connect: a TLS handshake with a server, and a verdict on the evidence in its
 * certificate. The handshake proves that the server has the certificate's key; the evidence says
 * who made that key. Names and dates of the certificate are nobody's word and not looked at.
 */
#include "demands.h"

#include "image/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT      15 /* s, to connect and shake hands */
#define TIMEOUT_TEXT "15"

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

/* One peer, and how long it may take in all. */
struct peer {
    char host[256];
    const char *port;
    int64_t deadline; /* ms of now() */
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* False: the time is over. */
static bool wait_for(const struct peer *peer, int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    for (;;) {
        int64_t left = peer->deadline - now();
        int ready = left > 0 ? poll(&one, 1, (int)left) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* 0, or the errno. */
static int connect_to(const struct peer *peer, int fd, const struct addrinfo *at)
{
    int code = 0;
    socklen_t size = sizeof(code);
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!wait_for(peer, fd, POLLOUT))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) ? errno : code;
}

/* A socket that is connected, or -1. */
static int dial(const struct peer *peer, cella_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int fd = -1, code = getaddrinfo(peer->host, peer->port, &hints, &found);
    if (code) {
        fail(error, CELLA_SYSTEM, "%.200s: %s", peer->host, gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
        code = fd < 0 ? errno : connect_to(peer, fd, at);
        if (code)
            fail(error, CELLA_SYSTEM, "%.200s:%.20s: %s", peer->host, peer->port, strerror(code));
        if (code && fd >= 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* An address is no name: it is not sent as one (RFC 6066, section 3). */
static bool name_peer(SSL *ssl, const struct peer *peer)
{
    struct in6_addr address;
    return inet_pton(AF_INET, peer->host, &address) == 1 ||
           inet_pton(AF_INET6, peer->host, &address) == 1 ||
           SSL_set_tlsext_host_name(ssl, peer->host) == 1;
}

/* NULL: done; else what went wrong. */
static const char *shake_hands(SSL *ssl, int fd, const struct peer *peer)
{
    static const char late[] = "no answer within " TIMEOUT_TEXT " s";
    for (;;) {
        int done = SSL_connect(ssl), why = SSL_get_error(ssl, done);
        if (done == 1)
            return NULL;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return ERR_peek_last_error() ? ERR_reason_error_string(ERR_peek_last_error())
                                         : "the connection was closed";
        if (!wait_for(peer, fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT))
            return late;
    }
}

/* The certificate whose key the server has proven to have; the caller's to OPENSSL_free. */
static cella_status take_certificate(const struct peer *peer, int fd, uint8_t **der, size_t *size,
                                     cella_error *error)
{
    cella_status status = fail(error, CELLA_SYSTEM, "no memory for a connection");
    SSL_CTX *context = new_context();
    SSL *ssl = context ? SSL_new(context) : NULL;
    X509 *certificate = NULL;
    int length = -1;
    if (ssl && SSL_set_fd(ssl, fd) == 1 && name_peer(ssl, peer)) {
        const char *wrong = shake_hands(ssl, fd, peer);
        if (wrong)
            fail(error, status, "%.200s:%.20s: no TLS handshake: %s", peer->host, peer->port,
                 wrong);
        else
            certificate = SSL_get1_peer_certificate(ssl);
    }
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

static cella_status fetch(struct peer *peer, uint8_t **der, size_t *size, cella_error *error)
{
    peer->deadline = now() + INT64_C(1000) * TIMEOUT;
    signal(SIGPIPE, SIG_IGN); /* a connection that was closed is an error of its own */
    int fd = dial(peer, error);
    if (fd < 0)
        return CELLA_SYSTEM;
    cella_status status = take_certificate(peer, fd, der, size, error);
    close(fd);
    signal(SIGPIPE, SIG_DFL);
    return status;
}

/* HOST:PORT, [ADDRESS]:PORT. */
static bool read_server(const char *server, struct peer *peer)
{
    const char *colon = strrchr(server, ':');
    if (!colon || colon == server)
        return false;
    bool brackets = server[0] == '[' && colon[-1] == ']'; /* IPv6 */
    size_t length = (size_t)(colon - server) - 2 * brackets, digits = strlen(colon + 1);
    long port = strtol(colon + 1, NULL, 10);
    if (length == 0 || length >= sizeof(peer->host) || digits == 0 || digits > 5 ||
        strspn(colon + 1, "0123456789") != digits || port < 1 || port > 65535)
        return false;
    memcpy(peer->host, server + brackets, length);
    peer->host[length] = 0;
    peer->port = colon + 1;
    return true;
}

static int connect_and_judge(struct cli_demands *demands, const char *server)
{
    uint8_t *der = NULL;
    size_t size = 0;
    struct peer peer;
    cella_error error;
    if (!read_server(server, &peer))
        return cli_misused(&cli_tls_connect, "\"%.80s\" is not HOST:PORT (a port is 1 to 65535)",
                           server);
    if (fetch(&peer, &der, &size, &error))
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
