/* SPDX-License-Identifier: Apache-2.0
 *
 * The service over HTTPS (libmicrohttpd, GnuTLS): TLS 1.2 and 1.3, keep-alive, a thread for each
 * connection. What a client sends is bounded in size, time and number before it is looked at.
 */
#ifndef KEYD_HTTP_H
#define KEYD_HTTP_H

#include "service.h"

struct http;

struct http_options {
    const char *listen;            /* "ADDRESS:PORT", "[ADDRESS]:PORT"; port 0: any that is free */
    const char *certificate, *key; /* PEM; NULL: the service's own */
    unsigned connections; /* at once, at most; of them one client (limits.h) has at most half */
};
#define HTTP_CONNECTIONS 512u

/* Listens and answers. Signals are to be blocked before. */
cella_status http_start(struct service *service, const struct http_options *options,
                        struct http **http, cella_error *error);
/* "127.0.0.1:8443" */
const char *http_address(const struct http *http);
/* Ends the connections that will be late in `later` ms; it is done every second with 0. Returns how
 * many. */
unsigned http_sweep(struct http *http, int64_t later);
/* Takes no new connection, finishes what was asked, and stops. */
void http_stop(struct http *http);

#endif
