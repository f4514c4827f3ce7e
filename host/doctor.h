/* SPDX-License-Identifier: Apache-2.0
 *
 * What `cella doctor` says, made from what was found; apart from the finding, so that tests can say
 * what was found.
 */
#ifndef HOST_DOCTOR_H
#define HOST_DOCTOR_H

#include "../tee/tee.h"
#include "posture.h"

#include <cella/cella.h>

#define DOCTOR_TEES 3

struct doctor {
    struct {
        const char *name;
        struct tee_probe probe;
    } tees[DOCTOR_TEES];
    struct posture posture;
};

cella_finding doctor_finding(const struct doctor *doctor);
/* The caller's to free; NULL: no memory. */
char *doctor_text(const struct doctor *doctor);
char *doctor_json(const struct doctor *doctor);

#endif
