/* SPDX-License-Identifier: Apache-2.0
 *
 * The image as libcella's user holds it.
 */
#ifndef HOST_API_H
#define HOST_API_H

#include "../image/image.h"

#include <cella/cella.h>

struct cella_image {
    struct image *image;
    char *name; /* for errors */
};

#endif
