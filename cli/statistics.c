/* SPDX-License-Identifier: Apache-2.0
 *
 * What an enclave did, for `cella run --stats`.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>

static void print_json(const cella_enclave *enclave, const cella_statistics *s)
{
    fprintf(stderr,
            "{\"tee\":\"%s\",\"exits\":%" PRIu64 ",\"polled\":%" PRIu64 ",\"bytes_in\":%" PRIu64
            ",\"bytes_out\":%" PRIu64 ",\"threads\":%" PRIu64 ",\"pages_added\":%" PRIu64
            ",\"heap_pages_peak\":%" PRIu64 ",\"start_ns\":%" PRIu64 ",\"run_ns\":%" PRIu64
            ",\"syscalls\":{",
            cella_tee_name(enclave), s->exits, s->polled, s->bytes_in, s->bytes_out, s->threads,
            s->pages_added, s->pages_touched, s->start_ns, s->run_ns);
    const char *separator = "";
    for (unsigned i = 0; i < CELLA_SYSCALLS; i++) {
        if (!s->inside[i] && !s->forwarded[i])
            continue;
        const char *name = cella_syscall_name(i);
        fprintf(stderr, "%s\"%s\":{\"inside\":%" PRIu64 ",\"forwarded\":%" PRIu64 "}", separator,
                name ? name : "unknown", s->inside[i], s->forwarded[i]);
        separator = ",";
    }
    fprintf(stderr, "}}\n");
}

static void print_text(const cella_enclave *enclave, const cella_statistics *s)
{
    fprintf(stderr, "tee               %s: %s\n", cella_tee_name(enclave),
            cella_tee_description(enclave));
    fprintf(stderr, "start             %.3f ms\n", (double)s->start_ns / 1e6);
    fprintf(stderr, "run               %.3f ms\n", (double)s->run_ns / 1e6);
    fprintf(stderr, "exits             %" PRIu64 "\n", s->exits);
    fprintf(stderr, "requests polled   %" PRIu64 "\n", s->polled);
    fprintf(stderr, "bytes in, out     %" PRIu64 ", %" PRIu64 "\n", s->bytes_in, s->bytes_out);
    fprintf(stderr, "threads           %" PRIu64 "\n", s->threads);
    fprintf(stderr, "image             %" PRIu64 " pages\n", s->pages_added);
    if (!s->has_syscalls) {
        fprintf(stderr,
                "system calls      not told: the enclave was stopped, or its manifest says "
                "\"statistics\": false\n");
        return;
    }
    fprintf(stderr, "heap, at most     %" PRIu64 " pages\n", s->pages_touched);
    fprintf(stderr, "%-22s %12s %12s\n", "system call", "inside", "forwarded");
    for (unsigned i = 0; i < CELLA_SYSCALLS; i++) {
        if (!s->inside[i] && !s->forwarded[i])
            continue;
        const char *name = cella_syscall_name(i);
        fprintf(stderr, "%-22s %12" PRIu64 " %12" PRIu64 "\n", name ? name : "unknown",
                s->inside[i], s->forwarded[i]);
    }
}

void cli_statistics(cella_enclave *enclave, bool json)
{
    cella_statistics statistics;
    cella_get_statistics(enclave, &statistics);
    (json ? print_json : print_text)(enclave, &statistics);
}
