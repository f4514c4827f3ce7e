/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict for people: what it is and who vouches for it, why it was refused, the TCB component by
 * component, then every claim. Text of the evidence is hostile: control characters are shown as
 * '?'.
 */
#include "evidence.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 26

static void put_text(FILE *to, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, to);
}

static void put_scalar(FILE *to, const json_t *value)
{
    if (json_is_string(value)) {
        put_text(to, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (text)
        put_text(to, text);
    free(text);
}

static void put_value(FILE *to, const char *name, const json_t *value, int depth);

static void put_object(FILE *to, const json_t *object, int depth)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) put_value(to, name, value, depth);
}

/* Whether it is a list of objects: a table. */
static bool is_table(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void put_row(FILE *to, const json_t *row, int depth)
{
    const char *name, *between = "";
    json_t *value;
    fprintf(to, "%*s", 2 * depth, "");
    json_object_foreach((json_t *)row, name, value)
    {
        fprintf(to, "%s%s ", between, name);
        put_scalar(to, value);
        between = ", ";
    }
    fputc('\n', to);
}

static void put_value(FILE *to, const char *name, const json_t *value, int depth)
{
    size_t at;
    json_t *row;
    fprintf(to, "%*s", 2 * depth, "");
    put_text(to, name);
    if (json_is_object(value) && json_object_size(value) > 0) {
        fputc('\n', to);
        put_object(to, value, depth + 1);
    } else if (is_table(value)) {
        fputc('\n', to);
        json_array_foreach(value, at, row) put_row(to, row, depth + 1);
    } else {
        int used = 2 * depth + (int)strlen(name);
        fprintf(to, "%*s", used < NAME_WIDTH ? NAME_WIDTH - used : 1, "");
        put_scalar(to, value);
        fputc('\n', to);
    }
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void put_refusal(FILE *to, const json_t *refusal)
{
    static const char *const lines[] = {"class", "claim", "expected", "found", "advice"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *text = text_of(refusal, lines[i]);
        if (!text[0])
            continue;
        fprintf(to, "  %-*s", NAME_WIDTH - 2, strcmp(lines[i], "advice") ? lines[i] : "what to do");
        put_text(to, text);
        fputc('\n', to);
    }
}

/* The values that are not among those that were shown. */
static void put_others(FILE *to, const json_t *object, const json_t *shown)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const json_t *same = json_object_get(shown, name);
        if (!same || !json_equal(same, value))
            put_value(to, name, value, 1);
    }
}

void cli_verdict(const json_t *result, FILE *to)
{
    const json_t *refusal = json_object_get(result, "refusal");
    const json_t *claims = json_object_get(result, "claims");
    const json_t *evidence = json_object_get(result, "evidence");
    const char *type = text_of(result, "type");
    json_t *warning;
    size_t at;
    fprintf(to, "%s: %s evidence, judged at %s\n", text_of(result, "verdict"),
            type[0] ? type : "unrecognised", text_of(result, "evaluated_at"));
    if (json_is_object(refusal))
        put_refusal(to, refusal);
    json_array_foreach(json_object_get(result, "warnings"), at, warning)
    {
        fputs("  warning: ", to);
        put_scalar(to, warning);
        fputc('\n', to);
    }
    if (json_object_size(claims) > 0) {
        fputs("claims that are proven:\n", to);
        put_object(to, claims, 1);
    }
    if (json_object_size(evidence) > 0) {
        fputs(json_is_object(refusal) ? "what it says, which nobody vouches for:\n"
                                      : "what was read besides:\n",
              to);
        put_others(to, evidence, claims);
    }
}
