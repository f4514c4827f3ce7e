/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests that need a TEE. Included after cmocka.h.
 */
#ifndef TESTS_SKIP_H
#define TESTS_SKIP_H

#include "tee/tee.h"

/* Skips the test where this machine does not have it. */
static inline void skip_without(const struct tee_operations *tee)
{
    struct tee_probe probe;
    tee->probe(&probe);
    if (!probe.works)
        skip();
}

#endif
