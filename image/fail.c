/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills a cella_error; the one place where sentences are formatted.
 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

cella_status fail(cella_error *error, cella_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        vsnprintf(error->sentence, sizeof(error->sentence), format, arguments);
        va_end(arguments);
    }
    return status;
}
