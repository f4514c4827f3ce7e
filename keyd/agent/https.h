/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTPS to one server, known by its key alone: names, dates and issuers of certificates are not
 * looked at. All else on the way is the host's.
 *
 * What always holds: nothing is sent before the server has proven to have that key.
 */
#ifndef KEYD_AGENT_HTTPS_H
#define KEYD_AGENT_HTTPS_H

#include <cella/error.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HTTPS_ANSWER  65536u /* bytes of an answer, at most */
#define HTTPS_SECONDS 20     /* for connecting, asking and the whole answer */

struct https_server {
    const char *where; /* "ADDRESS:PORT", "[ADDRESS]:PORT": numbers alone */
    struct sockaddr_storage address;
    socklen_t address_size;
    uint8_t key[32]; /* SHA-256 of the SubjectPublicKeyInfo (DER) of its certificate */
};

/* Fills `where` (which is kept, not copied) and the address. */
cella_status https_address(const char *where, struct https_server *server, cella_error *error);

/* Sends a request with a body (may be ""), on a connection of its own. *answer is all that came
 * back, the caller's to wipe and free(). CELLA_REFUSED: the server has another key. */
cella_status https_ask(const struct https_server *server, const char *method, const char *path,
                       const char *body, uint8_t **answer, size_t *size, cella_error *error);

#endif
