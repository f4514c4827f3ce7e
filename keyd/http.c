/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTPS. A request is answered when it is there whole; stopping waits for every answer that was
 * begun, and none begins after that: what the log calls granted has been sent.
 */
#include "http.h"

#include "image/fail.h"
#include "links.h"

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

#define IDLE     30u /* s without a byte */
#define HEADER   45  /* s from the connection, or from the reply before, to a whole header */
#define DEADLINE 30  /* s for a whole request behind that; and for a reply to be taken */
#define SWEEP    1   /* s between looks at who is late */
#define DRAIN    30  /* s that stopping waits for answers */
#define BODIES   (64u << 20) /* bytes of all requests' bodies, at most */
#define STACK    (2u << 20)
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct http {
    struct service *service;
    struct MHD_Daemon *daemon;
    char address[NI_MAXHOST + NI_MAXSERV + 4];
    struct links *links;
    atomic_bool drains;
    pthread_t sweeper;
    pthread_mutex_t lock; /* of the next */
    pthread_cond_t idle, ends;
    unsigned answering;
    bool closed, ended;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- one request ---- */

enum excess { NONE, TOO_LARGE, BUSY };

struct exchange {
    struct http *http;
    struct link *link;
    char *body;
    size_t size, room;
    enum excess excess; /* the body is passed over, and then refused */
    bool answers;       /* it counts as answering */
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
    reply.retry_after = status == 503 ? 1 : 0;
    return send_reply(http, connection, &reply);
}

static const struct sockaddr *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static struct link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* What it has kept is let go: the rest is passed over, and it is told. */
static void exceed(struct exchange *exchange, enum excess excess)
{
    link_release(exchange->http->links, exchange->link, exchange->room);
    free(exchange->body);
    exchange->body = NULL;
    exchange->room = 0;
    exchange->excess = excess;
}

/* More room for a body. */
static void grow(struct exchange *exchange, size_t room)
{
    struct links *links = exchange->http->links;
    size_t more = room - exchange->room;
    char *grown = NULL;
    if (link_reserve(links, exchange->link, more) && !(grown = realloc(exchange->body, room)))
        link_release(links, exchange->link, more);
    if (grown) {
        exchange->body = grown;
        exchange->room = room;
    } else {
        exceed(exchange, BUSY);
    }
}

/* What its header says is judged before a byte of the body is kept. */
static enum MHD_Result begin(struct http *http, struct MHD_Connection *connection, void **context)
{
    struct service_reply reply = {0};
    const struct sockaddr *client = client_of(connection);
    struct link *link = link_of(connection);
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long size = length ? strtoull(length, NULL, 10) : 0;
    struct exchange *exchange = client && link ? calloc(1, sizeof(*exchange)) : NULL;
    if (!exchange)
        return MHD_NO;
    *context = exchange;
    exchange->http = http;
    exchange->link = link;
    link_wait(link, monotonic_ms() + DEADLINE * 1000);
    if (!service_admit(http->service, client, &reply))
        return send_reply(http, connection, &reply);
    if (size > REQUEST_MOST)
        return send_refusal(http, connection, 413, "SIZE", "the request is too large");
    if (size)
        grow(exchange, (size_t)size);
    return MHD_YES;
}

/* More of the body. False: so much that it does not get an answer any more. */
static bool take(struct exchange *exchange, const char *bytes, size_t size)
{
    size_t all = exchange->size + size;
    if (size > 2 * REQUEST_MOST - exchange->size)
        return false;
    if (all > REQUEST_MOST)
        exceed(exchange, TOO_LARGE);
    if (!exchange->excess && all > exchange->room) /* in pieces: their number is not told before */
        grow(exchange, 2 * all < REQUEST_MOST ? 2 * all : REQUEST_MOST);
    if (!exchange->excess)
        memcpy(exchange->body + exchange->size, bytes, size);
    exchange->size = all;
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
    if (exchange->excess == TOO_LARGE)
        return send_refusal(http, connection, 413, "SIZE", "the request is too large");
    if (exchange->excess)
        return send_refusal(
            http, connection, 503, "BUSY",
            "too many requests are being read, of this client or of all; ask again");
    if (!begin_answer(exchange))
        return send_refusal(http, connection, 503, "BUSY", "this keyd is stopping; ask again");
    link_wait(exchange->link, 0);
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
    if (*size == 0) {
        enum MHD_Result result = answer(exchange, connection, method, path);
        link_wait(exchange->link, monotonic_ms() + DEADLINE * 1000);
        return result;
    }
    if (!take(exchange, bytes, *size))
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
    link_release(http->links, exchange->link, exchange->room);
    link_wait(exchange->link, monotonic_ms() + HEADER * 1000);
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

/* ---- connections ---- */

static enum MHD_Result accepts(void *of, const struct sockaddr *client, socklen_t size)
{
    struct http *http = of;
    (void)size;
    return links_may_open(http->links, client) ? MHD_YES : MHD_NO;
}

/* One is there, or is gone and its socket not closed yet. */
static void notified(void *of, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode code)
{
    struct http *http = of;
    const struct sockaddr *client = client_of(connection);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = client && info ? links_open(http->links, client, info->connect_fd,
                                               monotonic_ms() + HEADER * 1000)
                                  : NULL;
    else if (*context)
        links_close(http->links, *context);
    if (code == MHD_CONNECTION_NOTIFY_STARTED && !*context && info)
        shutdown(info->connect_fd, SHUT_RDWR);
}

unsigned http_sweep(struct http *http, int64_t later)
{
    return links_sweep(http->links, monotonic_ms() + later);
}

static void *sweep(void *of)
{
    struct http *http = of;
    struct timespec next;
    pthread_mutex_lock(&http->lock);
    while (!http->ended) {
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec += SWEEP;
        pthread_cond_timedwait(&http->ends, &http->lock, &next);
        http_sweep(http, 0);
    }
    pthread_mutex_unlock(&http->lock);
    return NULL;
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

static struct MHD_Daemon *start_daemon(struct http *http, const struct http_options *options,
                                       int fd)
{
    const struct service *service = http->service;
    return MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_TLS | MHD_USE_ERROR_LOG,
        0, accepts, http, handle, http, MHD_OPTION_EXTERNAL_LOGGER, be_silent, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_KEY,
        options->key ? options->key : service_tls_key(service), MHD_OPTION_HTTPS_MEM_CERT,
        options->certificate ? options->certificate : service_tls_certificate(service),
        MHD_OPTION_HTTPS_PRIORITIES, PRIORITY, MHD_OPTION_NOTIFY_COMPLETED, completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, notified, http, MHD_OPTION_CONNECTION_TIMEOUT, IDLE,
        MHD_OPTION_CONNECTION_LIMIT, options->connections, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)STACK, MHD_OPTION_END);
}

static struct http *new_http(struct service *service, unsigned connections)
{
    pthread_condattr_t monotonic;
    struct http *http = calloc(1, sizeof(*http));
    if (http)
        http->links = links_new(connections, BODIES);
    if (!http || !http->links) {
        free(http);
        return NULL;
    }
    http->service = service;
    pthread_mutex_init(&http->lock, NULL);
    pthread_cond_init(&http->idle, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->ends, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return http;
}

static void free_http(struct http *http)
{
    pthread_cond_destroy(&http->ends);
    pthread_cond_destroy(&http->idle);
    pthread_mutex_destroy(&http->lock);
    links_free(http->links);
    free(http);
}

static void stop_sweeper(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    http->ended = true;
    pthread_cond_broadcast(&http->ends);
    pthread_mutex_unlock(&http->lock);
    pthread_join(http->sweeper, NULL);
}

cella_status http_start(struct service *service, const struct http_options *options,
                        struct http **started, cella_error *error)
{
    int fd;
    struct http *http = new_http(service, options->connections);
    *started = NULL;
    if (!http)
        return fail(error, CELLA_MEMORY, "no memory for a server");
    cella_status status = open_socket(http, options->listen, &fd, error);
    if (status) {
        free_http(http);
        return status;
    }
    if (pthread_create(&http->sweeper, NULL, sweep, http) != 0)
        status = fail(error, CELLA_SYSTEM, "no thread for a server could be made");
    else if (!(http->daemon = start_daemon(http, options, fd))) {
        stop_sweeper(http);
        status = fail(error, CELLA_INVALID,
                      "the server does not start: the certificate and its key are not PEM, or do "
                      "not go together");
    }
    if (status) {
        close(fd);
        free_http(http);
    } else {
        *started = http;
    }
    return status;
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
    stop_sweeper(http);
    MHD_stop_daemon(http->daemon);
    free_http(http);
}
