/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent puts everywhere, and the program looks for: eight bytes that stand in the image of
 * neither, since both know their complement alone.
 */
#ifndef AGENT_PATTERN_H
#define AGENT_PATTERN_H

#include <stdint.h>

static const volatile uint64_t pattern_complement = UINT64_C(0x8d1c6a35f2e7940b);

#endif
