/* SPDX-License-Identifier: Apache-2.0
 *
 * How far long work is, on a terminal: five times a second, after half of one.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void set_next(struct cli_progress *progress, long milliseconds)
{
    clock_gettime(CLOCK_MONOTONIC, &progress->next);
    progress->next.tv_nsec += milliseconds * 1000000;
    progress->next.tv_sec += progress->next.tv_nsec / 1000000000;
    progress->next.tv_nsec %= 1000000000;
}

static void report(void *context, uint64_t done, uint64_t total)
{
    struct cli_progress *progress = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec < progress->next.tv_sec ||
        (now.tv_sec == progress->next.tv_sec && now.tv_nsec < progress->next.tv_nsec))
        return;
    set_next(progress, 200);
    progress->shown = true;
    fprintf(stderr, "\r\033[K%s: %" PRIu64 " MB", progress->what, done / 1000000);
    if (total)
        fprintf(stderr, " of %" PRIu64 " (%" PRIu64 " %%)", total / 1000000, done * 100 / total);
}

void cli_progress_begin(struct cli_progress *progress, const char *what)
{
    *progress = (struct cli_progress){.what = what, .is = {report, progress}};
    set_next(progress, isatty(STDERR_FILENO) ? 500 : INT32_MAX);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
}
