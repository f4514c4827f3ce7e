/* SPDX-License-Identifier: Apache-2.0
 *
 * What a behaviour test is: a program of tests/programs, what it is given, and how its end is
 * judged against a native run of the very same file. table.c holds them all.
 */
#ifndef BEHAVIOUR_TABLE_H
#define BEHAVIOUR_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum judge {
    JUDGE_SAME,     /* stdout and end (status or signal) are those of the native run */
    JUDGE_EXPECTED, /* stdout is expected/FILE, the end is the row's; there is no native run */
    JUDGE_FAULT,    /* stdout as native; then the enclave stops: status 125, "stopped" on stderr */
    JUDGE_REFUSED,  /* status 125, a sentence on stderr, nothing on stdout: it never ran */
};

enum variant { /* the same source, built otherwise: NAME-musl, NAME-pie, NAME-O0 */
               VARIANT_MUSL = 1u << 0,
               VARIANT_PIE = 1u << 1,
               VARIANT_O0 = 1u << 2,
};

#define BEHAVIOUR_STRINGS 6

struct behaviour {
    const char *name;
    const char *program;
    const char *arguments[BEHAVIOUR_STRINGS];
    const char
        *environment[BEHAVIOUR_STRINGS]; /* natively, and cella's own; none: empty natively */
    const char *manifest;                /* in manifests/, or NULL */
    const char *expected;                /* JUDGE_EXPECTED: in expected/ */
    const char *input;                   /* stdin; NULL: input_size made-up bytes */
    size_t input_size;
    bool input_is_file;    /* stdin is a regular file, not a pipe */
    bool output_is_closed; /* stdout is a pipe that nobody reads */
    bool compare_stderr;   /* the native run's stderr is somewhere in cella's */
    enum judge judge;
    int status, signal; /* how it ends: natively, or for JUDGE_EXPECTED in the enclave */
    unsigned variants;  /* besides the plain one */
};

extern const struct behaviour behaviours[];
extern const size_t behaviour_count;

#endif
