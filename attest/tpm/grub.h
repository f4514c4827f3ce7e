/* SPDX-License-Identifier: Apache-2.0
 *
 * GRUB's commands, as it measures them into PCR 8.
 */
#ifndef TPM_GRUB_H
#define TPM_GRUB_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a command starts nothing, or the machine anew. A word with "=" sets a variable; the
 * commands inside a function or a menu's entry are measured too, each. */
bool grub_harmless(const char *command, size_t size);

#endif
