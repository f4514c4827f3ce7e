/* SPDX-License-Identifier: Apache-2.0
 *
 * How far long work is, on a terminal.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "box/box.h"

#include <time.h>

struct cli_progress {
    const char *what;
    struct timespec next; /* when it is told again */
    bool shown;
    struct cella_box_progress is; /* for the library */
};

/* `what` is borrowed. Where stderr is no terminal, nothing is ever told. */
void cli_progress_begin(struct cli_progress *progress, const char *what);
void cli_progress_end(struct cli_progress *progress);

#endif
