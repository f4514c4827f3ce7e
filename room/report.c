/* SPDX-License-Identifier: Apache-2.0
 *
 * A logistic model's results as a page. The results are checked whole first, then written; what
 * comes from them is hostile, and its text reaches the page through put_text alone.
 */
#include "room/report.h"

#include "image/fail.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_MOST 64
#define CONSTANT   "constant"
#define NORMAL_95  1.959963984540054 /* the normal distribution's quantile at 0.975 */

/* The drawing, in its own units. */
#define LABELS     150.0 /* room for the terms' names */
#define PLOT       470.0 /* the axis' length */
#define LINE       18.0  /* height of an interval */
#define GAP        14.0  /* between terms */
#define TOP        16.0
#define AXIS       46.0  /* under the last term */
#define RATIO_MOST 100.0 /* the axis ends here at the latest, and at its inverse */

struct odds {
    const char *term;
    double ratio, low, high, p;
    bool present; /* this result has the term */
};

struct model {
    const char *label;
    json_t *rows;
    struct odds odds[TERMS_MOST]; /* in the first result's order */
    double n, events, auc, log_likelihood;
};

struct report {
    const char *title;
    struct model *models;
    size_t count, terms;
};

/* ---- reading ---- */

static bool number(const json_t *row, const char *name, double *value)
{
    const json_t *found = json_object_get(row, name);
    *value = json_number_value(found);
    return json_is_number(found) && isfinite(*value);
}

static cella_status read_odds(const char *label, const json_t *row, struct odds *odds,
                              cella_error *error)
{
    double estimate, deviation;
    odds->term = json_string_value(json_object_get(row, "term"));
    if (!odds->term || !number(row, "estimate", &estimate) ||
        !number(row, "standard_error", &deviation) || !number(row, "p", &odds->p) ||
        deviation < 0 || odds->p < 0 || odds->p > 1)
        return fail(error, CELLA_INVALID,
                    "%s: a row without a term, an estimate, a standard_error and a p: this is not "
                    "a model's result",
                    label);
    odds->ratio = exp(estimate);
    odds->low = exp(estimate - NORMAL_95 * deviation);
    odds->high = exp(estimate + NORMAL_95 * deviation);
    odds->present = true;
    return CELLA_OK;
}

/* Where a row belongs: a new place in the first result, a known term's in the others. */
static cella_status place(struct report *report, struct model *model, const struct odds *odds,
                          cella_error *error)
{
    const struct odds *first = report->models[0].odds;
    size_t at = 0;
    while (at < report->terms && strcmp(first[at].term, odds->term) != 0)
        at++;
    if (at < report->terms && model->odds[at].present)
        return fail(error, CELLA_INVALID, "%s: a term that is there twice", model->label);
    if (at == report->terms && (model != report->models || at == TERMS_MOST))
        return fail(error, CELLA_INVALID,
                    "%s: a term that the first result does not have, or more than %d terms",
                    model->label, TERMS_MOST);
    model->odds[at] = *odds;
    report->terms += at == report->terms;
    return CELLA_OK;
}

static cella_status read_model(struct report *report, struct model *model,
                               const struct report_result *result, cella_error *error)
{
    json_error_t problem;
    model->label = result->label;
    model->rows = json_loadb(result->json, result->size, JSON_REJECT_DUPLICATES, &problem);
    if (!model->rows)
        return fail(error, CELLA_INVALID, "%s: line %d: %s", result->label, problem.line,
                    problem.text);
    const json_t *first = json_array_get(model->rows, 0);
    if (!number(first, "n", &model->n) || !number(first, "events", &model->events) ||
        !number(first, "auc", &model->auc) ||
        !number(first, "log_likelihood", &model->log_likelihood))
        return fail(error, CELLA_INVALID,
                    "%s: no n, events, auc and log_likelihood: this is not the result of a "
                    "logistic model as JSON",
                    result->label);
    for (size_t i = 0; i < json_array_size(model->rows); i++) {
        struct odds odds;
        cella_status status =
            read_odds(result->label, json_array_get(model->rows, i), &odds, error);
        if (status == CELLA_OK && strcmp(odds.term, CONSTANT) != 0)
            status = place(report, model, &odds, error);
        if (status != CELLA_OK)
            return status;
    }
    return CELLA_OK;
}

/* ---- writing ---- */

/* Text as XML may hold it, in an element or a quoted attribute. */
static void put_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '<' || byte == '>' || byte == '&' || byte == '"' || byte == '\'')
            fprintf(page, "&#%d;", byte);
        else
            fputc(byte < ' ' || byte == 0x7f ? ' ' : byte, page);
    }
}

static void put_head(FILE *page, const char *title)
{
    fputs(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
        "<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
        page);
    put_text(page, title);
    fputs(
        "</title>\n<style>\n"
        ":root { color-scheme: light dark; --ink: #1c1c1c; --soft: #5c5c5c; --line: #c9c9c9;\n"
        "  --page: #ffffff; --c0: #0b57a4; --c1: #a3480b; --c2: #2f6f3e; --c3: #6b3fa0;\n"
        "  --c4: #8a1c4a; --c5: #5a5a00 }\n"
        "@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --soft: #a8a8a8;\n"
        "  --line: #4a4a4a; --page: #161616; --c0: #7db8f2; --c1: #f0a06a; --c2: #8fd19e;\n"
        "  --c3: #c6a5f0; --c4: #f29bbd; --c5: #d6d67a } }\n"
        "body { margin: 0 auto; max-width: 56rem; padding: 2rem 1rem; color: var(--ink);\n"
        "  background: var(--page); font: 1rem/1.5 system-ui, sans-serif }\n"
        "h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem }\n"
        "p, figcaption { color: var(--soft); max-width: 44rem }\n"
        "figure { margin: 1.5rem 0 } svg { width: 100%; height: auto }\n"
        "svg text { fill: var(--ink); font-size: 13px }\n"
        "div { overflow-x: auto } table { border-collapse: collapse; margin: 1.5rem 0;\n"
        "  font-variant-numeric: tabular-nums }\n"
        "caption { text-align: left; font-weight: 600; padding: .25rem 0 }\n"
        "th, td { padding: .25rem .9rem .25rem 0; text-align: right; white-space: nowrap;\n"
        "  border-bottom: 1px solid var(--line); font-weight: normal }\n"
        "thead th { color: var(--soft) } tbody th, thead th:first-child { text-align: left }\n",
        page);
    for (int i = 0; i < REPORT_RESULTS_MOST; i++)
        fprintf(page, ".c%d { stroke: var(--c%d); fill: var(--c%d) }\n", i, i, i);
    fputs(".axis { stroke: var(--line) } .one { stroke: var(--soft) }\n</style>\n</head>\n<body>\n",
          page);
}

/* The axis, in natural logarithms: what holds every interval, and 1. */
struct axis {
    double low, high;
};

static struct axis axis_of(const struct report *report)
{
    struct axis axis = {log(0.8), log(1.25)};
    for (size_t m = 0; m < report->count; m++)
        for (size_t i = 0; i < report->terms; i++) {
            const struct odds *odds = &report->models[m].odds[i];
            if (odds->present) {
                axis.low = fmin(axis.low, log(odds->low));
                axis.high = fmax(axis.high, log(odds->high));
            }
        }
    axis.low = fmax(axis.low - 0.05, -log(RATIO_MOST));
    axis.high = fmin(axis.high + 0.05, log(RATIO_MOST));
    return axis;
}

static double across(const struct axis *axis, double ratio)
{
    double at = fmin(fmax(log(ratio), axis->low), axis->high);
    return LABELS + PLOT * (at - axis->low) / (axis->high - axis->low);
}

static void put_axis(FILE *page, const struct axis *axis, double bottom)
{
    static const double ticks[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};
    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        if (log(ticks[i]) < axis->low || log(ticks[i]) > axis->high)
            continue;
        double x = across(axis, ticks[i]);
        fprintf(page, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                ticks[i] == 1 ? "one" : "axis", x, x, TOP - 8, bottom);
        fprintf(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>\n", x,
                bottom + 18, ticks[i]);
    }
    fprintf(page,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">odds ratio (logarithmic)</text>\n",
            LABELS + PLOT / 2, bottom + 38);
}

/* An interval and its estimate: a square for the first result, a circle for the others. */
static void put_interval(FILE *page, const struct axis *axis, const struct odds *odds, size_t model,
                         double y)
{
    double x = across(axis, odds->ratio);
    fprintf(page,
            "<line class=\"c%zu\" stroke-width=\"%d\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
            "y2=\"%.1f\"/>\n",
            model, model ? 1 : 2, across(axis, odds->low), across(axis, odds->high), y, y);
    if (model)
        fprintf(page, "<circle class=\"c%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", model, x, y);
    else
        fprintf(page, "<rect class=\"c%zu\" x=\"%.1f\" y=\"%.1f\" width=\"9\" height=\"9\"/>\n",
                model, x - 4.5, y - 4.5);
}

static void put_key(FILE *page, const struct report *report)
{
    fputs("<figcaption>", page);
    for (size_t m = 0; m < report->count; m++) {
        fprintf(page,
                "%s<svg style=\"width: .8em; height: .8em\" viewBox=\"0 0 10 10\" "
                "aria-hidden=\"true\">",
                m ? " &#160; " : "");
        fprintf(page,
                m ? "<circle class=\"c%zu\" cx=\"5\" cy=\"5\" r=\"4\"/></svg> "
                  : "<rect class=\"c%zu\" width=\"10\" height=\"10\"/></svg> ",
                m);
        put_text(page, report->models[m].label);
    }
    fputs("</figcaption>\n", page);
}

static void put_plot(FILE *page, const struct report *report)
{
    struct axis axis = axis_of(report);
    double height = LINE * (double)report->count + GAP;
    double bottom = TOP + height * (double)report->terms;
    fprintf(page,
            "<figure>\n<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            "aria-labelledby=\"plot-title plot-text\" viewBox=\"0 0 %.0f %.0f\">\n"
            "<title id=\"plot-title\">Odds ratios with 95 %% confidence intervals</title>\n"
            "<desc id=\"plot-text\">",
            LABELS + PLOT + 20, bottom + AXIS);
    for (size_t i = 0; i < report->terms; i++) {
        const struct odds *odds = &report->models[0].odds[i];
        put_text(page, odds->term);
        fprintf(page, " %.2f, from %.2f to %.2f. ", odds->ratio, odds->low, odds->high);
    }
    fputs("The table below has every value.</desc>\n", page);
    put_axis(page, &axis, bottom);
    for (size_t i = 0; i < report->terms; i++) {
        double y = TOP + height * (double)i;
        fprintf(page, "<text x=\"0\" y=\"%.1f\">", y + height / 2 - 2);
        put_text(page, report->models[0].odds[i].term);
        fputs("</text>\n", page);
        for (size_t m = 0; m < report->count; m++)
            if (report->models[m].odds[i].present)
                put_interval(page, &axis, &report->models[m].odds[i], m,
                             y + LINE * ((double)m + 0.5));
    }
    fputs("</svg>\n", page);
    put_key(page, report);
    fputs("</figure>\n", page);
}

static void put_odds(FILE *page, const struct odds *odds)
{
    if (!odds->present)
        fputs("<td>not there</td><td></td>", page);
    else if (odds->p < 0.0001)
        fprintf(page, "<td>%.2f (%.2f to %.2f)</td><td>&lt; 0.0001</td>", odds->ratio, odds->low,
                odds->high);
    else
        fprintf(page, "<td>%.2f (%.2f to %.2f)</td><td>%.4f</td>", odds->ratio, odds->low,
                odds->high, odds->p);
}

static void put_odds_table(FILE *page, const struct report *report)
{
    fputs(
        "<div><table>\n<caption>Odds ratios (95 % confidence interval)</caption>\n<thead><tr>"
        "<th scope=\"col\">term</th>",
        page);
    for (size_t m = 0; m < report->count; m++) {
        fputs("<th scope=\"col\">", page);
        put_text(page, report->models[m].label);
        fputs("</th><th scope=\"col\">p</th>", page);
    }
    fputs("</tr></thead>\n<tbody>\n", page);
    for (size_t i = 0; i < report->terms; i++) {
        fputs("<tr><th scope=\"row\">", page);
        put_text(page, report->models[0].odds[i].term);
        fputs("</th>", page);
        for (size_t m = 0; m < report->count; m++)
            put_odds(page, &report->models[m].odds[i]);
        fputs("</tr>\n", page);
    }
    fputs("</tbody>\n</table></div>\n", page);
}

static void put_models_table(FILE *page, const struct report *report)
{
    fputs(
        "<div><table>\n<caption>The models</caption>\n<thead><tr><th scope=\"col\">model</th>"
        "<th scope=\"col\">rows</th><th scope=\"col\">events</th>"
        "<th scope=\"col\">area under the curve</th><th scope=\"col\">log-likelihood</th>"
        "</tr></thead>\n<tbody>\n",
        page);
    for (size_t m = 0; m < report->count; m++) {
        const struct model *model = &report->models[m];
        fputs("<tr><th scope=\"row\">", page);
        put_text(page, model->label);
        fprintf(page, "</th><td>%.0f</td><td>%.0f</td><td>%.3f</td><td>%.2f</td></tr>\n", model->n,
                model->events, model->auc, model->log_likelihood);
    }
    fputs("</tbody>\n</table></div>\n", page);
}

static void put_page(FILE *page, const struct report *report)
{
    put_head(page, report->title);
    fputs("<h1>", page);
    put_text(page, report->title);
    fputs(
        "</h1>\n<p>Logistic regression. An odds ratio above 1 goes with more events, one below 1 "
        "with fewer. Intervals are Wald's: exp(estimate &#177; 1.96 standard errors).</p>\n",
        page);
    put_plot(page, report);
    put_odds_table(page, report);
    put_models_table(page, report);
    fputs("</body>\n</html>\n", page);
}

static cella_status print_page(const struct report *report, char **html, cella_error *error)
{
    size_t size;
    FILE *page = open_memstream(html, &size);
    if (!page)
        return fail(error, CELLA_MEMORY, "no memory for the report");
    put_page(page, report);
    bool complete = !ferror(page);
    if (fclose(page) == 0 && complete)
        return CELLA_OK;
    free(*html);
    return fail(error, CELLA_MEMORY, "no memory for the report");
}

cella_status report_make(const char *title, const struct report_result *results, size_t count,
                         char **html, cella_error *error)
{
    struct report report = {.title = title, .count = count};
    if (count == 0 || count > REPORT_RESULTS_MOST)
        return fail(error, CELLA_INVALID, "a report is of 1 to %d results, not of %zu",
                    REPORT_RESULTS_MOST, count);
    report.models = calloc(count, sizeof(*report.models));
    if (!report.models)
        return fail(error, CELLA_MEMORY, "no memory for the report");
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < count && status == CELLA_OK; i++)
        status = read_model(&report, &report.models[i], &results[i], error);
    if (status == CELLA_OK && report.terms == 0)
        status = fail(error, CELLA_INVALID, "%s: a model without a term", results[0].label);
    if (status == CELLA_OK)
        status = print_page(&report, html, error);
    for (size_t i = 0; i < count; i++)
        json_decref(report.models[i].rows);
    free(report.models);
    return status;
}
