/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside an enclave: keys of its boxes.
 */
#ifndef ROOM_SET_KEY_H
#define ROOM_SET_KEY_H

#include <cella/error.h>

#include <stddef.h>
#include <stdint.h>

/* Sets the key of this name, once. `given`: 32 bytes, or with the version of the only box that it
 * opens behind them 64. */
cella_status set_key(const char *name, const uint8_t *given, size_t size, cella_error *error);

#endif
