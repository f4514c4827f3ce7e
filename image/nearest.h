/* SPDX-License-Identifier: Apache-2.0
 *
 * What a person may have meant by a word that is not known.
 */
#ifndef IMAGE_NEAREST_H
#define IMAGE_NEAREST_H

#include <stddef.h>

/* How many letters must be put in, taken out or replaced to get from one word to the other. Beyond
 * NEAREST_FAR, and for long words, NEAREST_FAR: nobody would slip that far. */
#define NEAREST_FAR 3u
unsigned nearest_distance(const char *from, const char *to);

#endif
