/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTPS. A request is answered when it is there whole; stopping waits for every answer that was
 * begun, and none begins after that: what the log calls granted has been sent.
 */
#include "http.h"

#include "image/fail.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IDLE     30u         /* s without a byte */
#define DEADLINE 30          /* s for a whole request */
#define DRAIN    30          /* s that stopping waits for answers */
#define BODIES   (64u << 20) /* bytes of all requests' bodies, at most */
#define STACK    (2u << 20)
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct http {
    struct service *service;
    struct MHD_Daemon *daemon;
    char address[NI_MAXHOST + NI_MAXSERV + 4];
    atomic_size_t bodies; /* bytes */
    atomic_bool drains;
    pthread_mutex_t lock; /* of the next two */
    pthread_cond_t idle;
    unsigned answering;
    bool closed;
};

/* ---- one request ---- */

struct exchange {
    struct http *http;
    struct timespec began;
    char *body;
    size_t size, room;
    bool answers; /* it counts as answering */
};

static enum MHD_Result send_reply(struct http *http, struct MHD_Connection *connection,
                                  struct service_reply *reply)
{
    char seconds[16];
    if (!reply->body)
        return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(reply->body), reply->body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(reply->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    snprintf(seconds, sizeof(seconds), "%u", reply->retry_after);
    if (reply->retry_after)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    if (atomic_load(&http->drains))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_refusal(struct http *http, struct MHD_Connection *connection,
                                    unsigned status, const char *class, const char *sentence)
{
    struct service_reply reply = {0};
    service_refuse(&reply, status, class, sentence);
    return send_reply(http, connection, &reply);
}

static const struct sockaddr *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

/* What its header says is judged before a byte of the body is kept. */
static enum MHD_Result begin(struct http *http, struct MHD_Connection *connection, void **context)
{
    struct service_reply reply = {0};
    const struct sockaddr *client = client_of(connection);
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct exchange *exchange = client ? calloc(1, sizeof(*exchange)) : NULL;
    if (!exchange)
        return MHD_NO;
    *context = exchange;
    exchange->http = http;
    clock_gettime(CLOCK_MONOTONIC, &exchange->began);
    if (!service_admit(http->service, client, &reply))
        return send_reply(http, connection, &reply);
    if (length && strtoull(length, NULL, 10) > REQUEST_MOST)
        return send_refusal(http, connection, 413, "SIZE", "the request is too large");
    return MHD_YES;
}

static bool is_late(const struct exchange *exchange)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - exchange->began.tv_sec > DEADLINE;
}

/* More of the body. False: too much, by this client or by all. */
static bool take(struct exchange *exchange, const char *bytes, size_t size)
{
    if (size > REQUEST_MOST - exchange->size)
        return false;
    if (exchange->size + size > exchange->room) {
        size_t room = 2 * (exchange->size + size);
        size_t more = room - exchange->room;
        char *grown = NULL;
        if (atomic_fetch_add(&exchange->http->bodies, more) + more <= BODIES)
            grown = realloc(exchange->body, room);
        if (!grown) {
            atomic_fetch_sub(&exchange->http->bodies, more);
            return false;
        }
        exchange->body = grown;
        exchange->room = room;
    }
    memcpy(exchange->body + exchange->size, bytes, size);
    exchange->size += size;
    return true;
}

static bool begin_answer(struct exchange *exchange)
{
    struct http *http = exchange->http;
    pthread_mutex_lock(&http->lock);
    exchange->answers = !http->closed;
    http->answering += exchange->answers;
    pthread_mutex_unlock(&http->lock);
    return exchange->answers;
}

static enum MHD_Result answer(struct exchange *exchange, struct MHD_Connection *connection,
                              const char *method, const char *path)
{
    struct http *http = exchange->http;
    struct service_reply reply = {0};
    if (!begin_answer(exchange))
        return send_refusal(http, connection, 503, "BUSY", "this keyd is stopping; ask again");
    service_answer(http->service, method, path, exchange->body ? exchange->body : "",
                   exchange->size, client_of(connection), &reply);
    return send_reply(http, connection, &reply);
}

static enum MHD_Result handle(void *of, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *bytes,
                              size_t *size, void **context)
{
    (void)version;
    struct exchange *exchange = *context;
    if (!exchange)
        return begin(of, connection, context);
    if (*size == 0)
        return answer(exchange, connection, method, path);
    if (is_late(exchange) || !take(exchange, bytes, *size))
        return MHD_NO;
    *size = 0;
    return MHD_YES;
}

/* Its reply was sent, or its connection is gone. */
static void completed(void *of, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
    struct http *http = of;
    struct exchange *exchange = *context;
    (void)connection;
    (void)code;
    if (!exchange)
        return;
    atomic_fetch_sub(&http->bodies, exchange->room);
    if (exchange->answers) {
        pthread_mutex_lock(&http->lock);
        if (--http->answering == 0)
            pthread_cond_broadcast(&http->idle);
        pthread_mutex_unlock(&http->lock);
    }
    free(exchange->body);
    free(exchange);
    *context = NULL;
}

/* ---- listening ---- */

/* The parts of "ADDRESS:PORT"; an address of IPv6 is in brackets. */
static bool split(const char *listen, char host[NI_MAXHOST], char port[NI_MAXSERV])
{
    const char *colon = strrchr(listen, ':');
    size_t size = colon ? (size_t)(colon - listen) : 0;
    if (size == 0 || size >= NI_MAXHOST || !colon[1] || strlen(colon + 1) >= NI_MAXSERV)
        return false;
    bool brackets = listen[0] == '[' && listen[size - 1] == ']';
    memcpy(host, listen + brackets, size - 2 * brackets);
    host[size - 2 * brackets] = 0;
    strcpy(port, colon + 1);
    bool is_port =
        port[strspn(port, "0123456789")] == 0 && strlen(port) <= 5 && atoi(port) <= 65535;
    return is_port && (brackets || !strchr(host, ':'));
}

static int bind_socket(const struct addrinfo *to)
{
    int yes = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

static void say_address(struct http *http, int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0)
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(http->address, sizeof(http->address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
             port);
}

static cella_status open_socket(struct http *http, const char *where, int *fd, cella_error *error)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    struct addrinfo *to = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    if (!split(where, host, port) || getaddrinfo(host, port, &hints, &to) != 0)
        return fail(error, CELLA_INVALID,
                    "%.100s: is no address to listen on; 127.0.0.1:8443 and [::]:8443 are", where);
    *fd = bind_socket(to);
    freeaddrinfo(to);
    if (*fd < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot listen there: %s", where, strerror(errno));
    say_address(http, *fd);
    return CELLA_OK;
}

static void be_silent(void *context, const char *format, va_list arguments)
{
    (void)context;
    (void)format;
    (void)arguments;
}

cella_status http_start(struct service *service, const struct http_options *options,
                        struct http **started, cella_error *error)
{
    int fd;
    struct http *http = calloc(1, sizeof(*http));
    *started = NULL;
    if (!http)
        return fail(error, CELLA_MEMORY, "no memory for a server");
    http->service = service;
    pthread_mutex_init(&http->lock, NULL);
    pthread_cond_init(&http->idle, NULL);
    cella_status status = open_socket(http, options->listen, &fd, error);
    if (status) {
        free(http);
        return status;
    }
    http->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_TLS | MHD_USE_ERROR_LOG,
        0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, be_silent, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_KEY,
        options->key ? options->key : service_tls_key(service), MHD_OPTION_HTTPS_MEM_CERT,
        options->certificate ? options->certificate : service_tls_certificate(service),
        MHD_OPTION_HTTPS_PRIORITIES, PRIORITY, MHD_OPTION_NOTIFY_COMPLETED, completed, http,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE, MHD_OPTION_CONNECTION_LIMIT, options->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (options->connections + 1) / 2,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK, MHD_OPTION_END);
    if (http->daemon) {
        *started = http;
        return CELLA_OK;
    }
    close(fd);
    free(http);
    return fail(error, CELLA_INVALID,
                "the server does not start: the certificate and its key are not PEM, or do not go "
                "together");
}

const char *http_address(const struct http *http)
{
    return http->address;
}

void http_stop(struct http *http)
{
    struct timespec until;
    atomic_store(&http->drains, true);
    int fd = MHD_quiesce_daemon(http->daemon);
    if (fd >= 0)
        close(fd);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN;
    pthread_mutex_lock(&http->lock);
    while (http->answering && pthread_cond_timedwait(&http->idle, &http->lock, &until) != ETIMEDOUT)
        ;
    http->closed = true;
    pthread_mutex_unlock(&http->lock);
    MHD_stop_daemon(http->daemon);
    pthread_cond_destroy(&http->idle);
    pthread_mutex_destroy(&http->lock);
    free(http);
}
