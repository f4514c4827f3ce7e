/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core of boxes stands on in a process of the host: OpenSSL and files.
 */
#ifndef BOX_CIPHER_H
#define BOX_CIPHER_H

#include "../runtime/box/core.h"

extern const struct box_services box_services;

/* A file that is open; `descriptor` stays the caller's and must live as long as the box. */
struct box_file box_file_of(const int *descriptor);

#endif
