/* SPDX-License-Identifier: Apache-2.0
 *
 * The distance between two words, row by row.
 */
#include "nearest.h"

#include <string.h>

#define WORD_MOST 32u

unsigned nearest_distance(const char *from, const char *to)
{
    unsigned row[WORD_MOST + 1];
    size_t length = strlen(to);
    if (length > WORD_MOST || strlen(from) > WORD_MOST)
        return NEAREST_FAR;
    for (unsigned i = 0; i <= length; i++)
        row[i] = i;
    for (unsigned i = 1; *from; from++, i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= length; k++) {
            unsigned replaced = diagonal + (*from != to[k - 1]);
            unsigned least = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
            diagonal = row[k];
            row[k] = replaced < least ? replaced : least;
        }
    }
    return row[length] < NEAREST_FAR ? row[length] : NEAREST_FAR;
}
