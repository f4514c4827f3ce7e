/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors as values. Every function of cella that can fail returns a cella_status and, where the
 * caller gives one, fills a cella_error with one sentence for a person: what was wrong, where, and
 * what to do about it.
 *
 * Invariant: a function that returns anything but CELLA_OK has changed nothing that the caller
 * owns, and the sentence is never empty.
 */
#ifndef CELLA_ERROR_H
#define CELLA_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cella_status {
    CELLA_OK = 0,
    CELLA_INVALID = 1,     /* the caller's arguments, a manifest or an image are malformed */
    CELLA_UNSUPPORTED = 2, /* well formed, but this machine or this version of cella cannot do it */
    CELLA_REFUSED = 3,     /* a check of identity or integrity said no */
    CELLA_SYSTEM = 4,      /* a call to the host's kernel or library failed */
    CELLA_MEMORY = 5,      /* no memory */
    CELLA_STOPPED = 6,     /* the enclave has stopped: it faulted, or refused the host's reply */
    CELLA_BUSY = 7,        /* no free slot now; try again */
} cella_status;

typedef struct cella_error {
    cella_status status;
    char sentence[500]; /* NUL-terminated; no newline */
} cella_error;

#ifdef __cplusplus
}
#endif
#endif
