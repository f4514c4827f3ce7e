/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one command to its end, with a time limit, and keeps what it wrote. The command and all that
 * it started in its process group are gone when child_run returns.
 */
#ifndef BEHAVIOUR_CHILD_H
#define BEHAVIOUR_CHILD_H

#include <stdbool.h>
#include <stddef.h>

struct child_request {
    char *const *arguments;   /* [0] is searched for in PATH if it holds no slash */
    char *const *environment; /* NULL: the runner's */
    const char *input;        /* NULL: input_size bytes made up, the same each time */
    size_t input_size;
    bool input_is_file, output_is_closed;
    unsigned seconds;
};

struct child_outcome {
    int status;   /* exit status, or -1 */
    int signal;   /* that ended it, or 0 */
    bool late;    /* it was killed at the time limit */
    char *output; /* stdout and stderr; NUL-terminated besides their sizes; the caller's to free */
    size_t output_size;
    char *errors;
    size_t errors_size;
};

/* False, with a message on stderr, when the machine could not start it. */
bool child_run(const struct child_request *request, struct child_outcome *outcome);
void child_outcome_free(struct child_outcome *outcome);

#endif
