/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict for people: what it is, who vouches for it, why it was refused, the TCB component by
 * component, then the claims. Text of the evidence is hostile: control characters are shown as '?'.
 */
#include "evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 26

/* ---- values ---- */

void cli_put_text(FILE *to, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, to);
}

static void put_scalar(FILE *to, const json_t *value)
{
    if (json_is_string(value)) {
        cli_put_text(to, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (text)
        cli_put_text(to, text);
    free(text);
}

/* A list of text, with something between. */
static void put_list(FILE *to, const json_t *list, const char *between)
{
    size_t at;
    json_t *one;
    json_array_foreach(list, at, one)
    {
        fputs(at > 0 ? between : "", to);
        put_scalar(to, one);
    }
}

static void put_value(FILE *to, const char *name, const json_t *value, int depth);

static void put_object(FILE *to, const json_t *object, int depth)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) put_value(to, name, value, depth);
}

/* Objects inside a list, each on a line. */
static void put_rows(FILE *to, const json_t *rows, int depth)
{
    size_t at;
    json_t *row, *value;
    const char *name;
    json_array_foreach(rows, at, row)
    {
        const char *between = "";
        fprintf(to, "%*s", 2 * depth, "");
        json_object_foreach(row, name, value)
        {
            fprintf(to, "%s%s ", between, name);
            put_scalar(to, value);
            between = ", ";
        }
        fputc('\n', to);
    }
}

static void put_name(FILE *to, const char *name, int depth)
{
    int used = 2 * depth + (int)strlen(name);
    fprintf(to, "%*s", 2 * depth, "");
    cli_put_text(to, name);
    fprintf(to, "%*s", used < NAME_WIDTH ? NAME_WIDTH - used : 1, "");
}

static void put_value(FILE *to, const char *name, const json_t *value, int depth)
{
    bool rows = json_is_array(value) && json_is_object(json_array_get(value, 0));
    put_name(to, name, depth);
    if (json_is_object(value) || rows)
        fputc('\n', to);
    if (json_is_object(value)) {
        put_object(to, value, depth + 1);
    } else if (rows) {
        put_rows(to, value, depth + 1);
    } else {
        put_scalar(to, value);
        fputc('\n', to);
    }
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* ---- the summary ---- */

static void put_refusal(FILE *to, const json_t *refusal)
{
    static const char *const lines[] = {"class", "claim", "expected", "found", "advice"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *text = text_of(refusal, lines[i]);
        if (!text[0])
            continue;
        put_name(to, strcmp(lines[i], "advice") ? lines[i] : "what to do", 1);
        cli_put_text(to, text);
        fputc('\n', to);
    }
}

static long number_of(const json_t *object, const char *name)
{
    return (long)json_integer_value(json_object_get(object, name));
}

static bool is_low(const json_t *component)
{
    return number_of(component, "have") < number_of(component, "need");
}

/* One line of a table of components: `part` of each. */
static void put_components(FILE *to, const char *name, const json_t *components, const char *part)
{
    size_t at;
    json_t *one;
    put_name(to, name, 2);
    json_array_foreach(components, at, one) fprintf(to, "%4ld", number_of(one, part));
}

static void put_pcesvn(FILE *to, const json_t *level, const char *part)
{
    const json_t *pcesvn = json_object_get(level, "pcesvn");
    if (pcesvn)
        fprintf(to, "   PCESVN %ld", number_of(pcesvn, part));
    fputc('\n', to);
}

/* What a level of Intel's TCB information needs, and each component that has less, by name. */
static void put_level(FILE *to, const char *name, const json_t *level, const char *which)
{
    const json_t *components = json_object_get(level, which);
    size_t at;
    json_t *one;
    put_components(to, name, components, "need");
    if (strcmp(which, "components") == 0)
        put_pcesvn(to, level, "need");
    else
        fputc('\n', to);
    json_array_foreach(components, at, one)
    {
        if (!is_low(one))
            continue;
        put_name(to, "too low", 2);
        fprintf(to, "  component %ld", number_of(one, "index"));
        if (text_of(one, "type")[0] || text_of(one, "category")[0]) {
            fputs(" (", to);
            cli_put_text(to, text_of(one, text_of(one, "type")[0] ? "type" : "category"));
            fputc(')', to);
        }
        fprintf(to, ": has %ld, needs %ld\n", number_of(one, "have"), number_of(one, "need"));
    }
}

/* A table of a kind of components: what the platform has, what the matched level needs (there may
 * be none), what the newest needs. */
static void put_table(FILE *to, const char *title, const json_t *tcb, const char *which)
{
    const json_t *newest = json_object_get(tcb, "newest");
    const json_t *matched = json_object_get(tcb, which) ? tcb : NULL;
    const json_t *any = matched ? matched : newest;
    const json_t *components = json_object_get(any, which);
    char name[64];
    if (!json_is_array(components))
        return;
    put_components(to, title, components, "index");
    fputc('\n', to);
    put_components(to, "has", components, "have");
    if (strcmp(which, "components") == 0)
        put_pcesvn(to, any, "have");
    else
        fputc('\n', to);
    if (matched)
        put_level(to, "its level needs", matched, which);
    snprintf(name, sizeof(name), "newest, of %.10s", text_of(newest, "date"));
    if (json_object_get(newest, which))
        put_level(to, name, newest, which);
}

/* A part that Intel judges by one number: what it has, and what the newest level needs. */
static void put_part(FILE *to, const char *name, const json_t *part)
{
    if (!part)
        return;
    put_name(to, name, 2);
    fprintf(to, "  has %ld", number_of(part, "have"));
    if (json_object_get(part, "need"))
        fprintf(to, ", needs %ld", number_of(part, "need"));
    fputs(": ", to);
    cli_put_text(to, text_of(part, "status"));
    fputc('\n', to);
}

static void put_tcb(FILE *to, const json_t *tcb)
{
    put_table(to, "component", tcb, "components");
    put_table(to, "TDX component", tcb, "tdx_components");
    put_part(to, "TDX module", json_object_get(tcb, "tdx_module"));
    put_part(to, "... by now", json_object_get(tcb, "tdx_module_current"));
    put_part(to, "quoting enclave", json_object_get(tcb, "quoting_enclave"));
}

static void put_summary(FILE *to, const json_t *evidence)
{
    const json_t *vouched = json_object_get(evidence, "vouched_by");
    const json_t *advisories = json_object_get(evidence, "advisory_ids");
    const char *status = text_of(evidence, "tcb_status");
    if (json_array_size(vouched) > 0) {
        put_name(to, "vouched for by", 1);
        put_list(to, vouched, " < ");
        fputc('\n', to);
    }
    if (status[0]) {
        put_name(to, "TCB status", 1);
        cli_put_text(to, status);
        if (text_of(evidence, "tcb_date")[0])
            fprintf(to, ", of %.10s", text_of(evidence, "tcb_date"));
        fputc('\n', to);
    }
    put_tcb(to, json_object_get(evidence, "tcb"));
    if (json_array_size(advisories) > 0) {
        put_name(to, "advisories", 1);
        put_list(to, advisories, ", ");
        fputc('\n', to);
    }
}

/* ---- all of it ---- */

void cli_verdict(const json_t *result, bool verbose, FILE *to)
{
    const json_t *refusal = json_object_get(result, "refusal");
    const json_t *claims = json_object_get(result, "claims");
    const json_t *evidence = json_object_get(result, "evidence");
    const json_t *policy = json_object_get(result, "policy");
    const char *type = text_of(result, "type");
    json_t *warning;
    size_t at;
    fprintf(to, "%s: %s%s, judged at %s\n", text_of(result, "verdict"),
            type[0] ? type : "unrecognised", strcmp(type, "token") == 0 ? "" : " evidence",
            text_of(result, "evaluated_at"));
    if (json_is_object(refusal))
        put_refusal(to, refusal);
    put_summary(to, evidence);
    json_array_foreach(json_object_get(result, "warnings"), at, warning)
    {
        put_name(to, "warning", 1);
        put_scalar(to, warning);
        fputc('\n', to);
    }
    if (policy)
        put_value(to, "policy", policy, 0);
    if (json_object_size(claims) > 0) {
        fputs("claims that are proven:\n", to);
        put_object(to, claims, 1);
    }
    if (json_object_size(evidence) > 0 && (verbose || json_object_size(claims) == 0)) {
        fputs(json_is_object(refusal) ? "what it says, which nobody vouches for:\n"
                                      : "what was read:\n",
              to);
        put_object(to, evidence, 1);
    }
}
