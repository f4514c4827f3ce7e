/* SPDX-License-Identifier: Apache-2.0
 *
 * cella keyd serve: the process around the service.
 */
#ifndef CLI_KEYD_H
#define CLI_KEYD_H

#include "cli.h"

#include "keyd/http.h"

struct keyd_serve {
    struct service_options options;
    const char *listen, *certificate, *key; /* files */
    unsigned connections;
};

/* No core dumps, and no other process of this user may look in. */
void keyd_harden(void);
/* Serves until SIGTERM or SIGINT; SIGHUP reads the folder again. Takes the store over. */
cella_status keyd_serve(struct keystore *store, const struct keyd_serve *serve, cella_error *error);

#endif
