/* SPDX-License-Identifier: Apache-2.0
 *
 * The key release service without its transport: a request in, a reply out.
 *
 * What always holds: a nonce is used up by the first request that names it, whatever becomes of
 * that; a key leaves only after evidence was verified, bound this request, its policy permitted it,
 * and the log's line of it is on the disk.
 */
#ifndef KEYD_SERVICE_H
#define KEYD_SERVICE_H

#include "judge.h"

#include <sys/socket.h>

struct service;

struct service_options {
    bool dry_run;           /* decides and logs, releases nothing */
    unsigned rate, burst;   /* requests of a client: a second, and at once */
    int64_t challenge_life; /* s */
    size_t challenges;      /* open at once, at most */
    size_t log_size;        /* bytes of a file of the log: then another is begun */
    struct judge_options judge;
    void (*warn)(const char *sentence); /* the operator, of the log's failure; may be NULL */
};
void service_options_default(struct service_options *options);

struct service_reply {
    unsigned status;      /* HTTP's */
    unsigned retry_after; /* s; 0: not said */
    char *body;           /* JSON, NUL-terminated; free() it. NULL: no memory */
};

/* Takes the store over, also where it fails. *torn as for audit_open. */
cella_status service_new(struct keystore *store, const struct service_options *options,
                         struct service **service, size_t *torn, cella_error *error);
/* Reads keys, roots and collateral again; where that fails, everything stays as it was. A log that
 * was moved away goes on in a new file in any case. */
cella_status service_reload(struct service *service, cella_error *error);
/* The log's last line, which says why. Not CELLA_OK: the log has failed, now or before. */
cella_status service_end(struct service *service, const char *why, cella_error *error);
void service_free(struct service *service); /* NULL is let pass */

/* Whether this client may ask now; else `reply` is what it is told. */
bool service_admit(struct service *service, const struct sockaddr *client,
                   struct service_reply *reply);
/* Answers one request. Blocks until what it logs is on the disk. */
void service_answer(struct service *service, const char *method, const char *path, const char *body,
                    size_t size, const struct sockaddr *client, struct service_reply *reply);
/* A refusal of the transport's own, in the same form. */
void service_refuse(struct service_reply *reply, unsigned status, const char *class,
                    const char *sentence);

const char *service_tls_key(const struct service *service);
const char *service_tls_certificate(const struct service *service);

#endif
