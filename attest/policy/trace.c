/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing the trace.
 */
#include "trace.h"

#include "image/utf8.h"
#include "value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct trace *trace, json_t *array, json_t *value)
{
    if (!value || json_array_append_new(array, value))
        trace->no_memory = true;
}

void trace_reason(struct trace *trace, const char *format, ...)
{
    char sentence[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    sentence[utf8_prefix(sentence, strlen(sentence))] = 0; /* it may have been cut */
    append(trace, trace->reasons, json_string(sentence));
}

void trace_forget(struct trace *trace, size_t count)
{
    while (json_array_size(trace->reasons) > count)
        if (json_array_remove(trace->reasons, json_array_size(trace->reasons) - 1))
            return;
}

void trace_condition(struct trace *trace, const char *place, const char *claim,
                     const char *relation, const json_t *expected, const json_t *found, bool met,
                     const char *note)
{
    char wanted[VALUE_TEXT], there[VALUE_TEXT];
    json_t *condition =
        json_pack("{s:s, s:s, s:s, s:O, s:O?, s:b}", "place", place, "claim", claim, "operator",
                  relation, "expected", (json_t *)expected, "found", (json_t *)found, "met", met);
    if (condition && *note && json_object_set_new(condition, "note", json_string(note)))
        trace->no_memory = true;
    append(trace, trace->conditions, condition);
    if (!met)
        trace_reason(trace, "%s %s %s: found %s%s%s%s", claim, relation,
                     value_text(expected, wanted), value_text(found, there), *note ? " (" : "",
                     note, *note ? ")" : "");
}
