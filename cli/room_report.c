/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room report: a logistic model's results as a page.
 */
#include "../image/fail.h"
#include "../image/file.h"
#include "../room/report.h"
#include "../room/store.h"
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_MOST (UINT64_C(1) << 20) /* bytes */

/* [LABEL=]FILE: without a label the file's name is it. */
static cella_status read_result(const char *given, struct report_result *result, cella_error *error)
{
    const char *equals = strchr(given, '=');
    const char *path = equals ? equals + 1 : given;
    uint8_t *bytes;
    cella_status status = file_read(path, RESULT_MOST, &bytes, &result->size, error);
    if (status)
        return status;
    result->json = (char *)bytes;
    result->label = equals ? strndup(given, (size_t)(equals - given)) : strdup(file_name(given));
    return result->label ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory for the report");
}

static cella_status write_report(const char *path, const struct report_result *results,
                                 size_t count, cella_error *error)
{
    char *html;
    cella_status status = report_make("Odds ratios", results, count, &html, error);
    if (status)
        return status;
    status = store_write(path, html, strlen(html), STORE_SHARED, error);
    free(html);
    return status;
}

static int report_run(const struct room_request *request)
{
    struct report_result results[REPORT_RESULTS_MOST] = {0};
    cella_error error = {0};
    size_t count = 1;
    const char *output = strcmp(request->output, ".") == 0 ? "report.html" : request->output;
    cella_status status = read_result(request->room, &results[0], &error);
    for (char **at = request->arguments; !status && *at; at++)
        status = read_result(*at, &results[count++], &error);
    if (!status)
        status = write_report(output, results, count, &error);
    for (size_t i = 0; i < REPORT_RESULTS_MOST; i++) {
        free((void *)(uintptr_t)results[i].label);
        free((void *)(uintptr_t)results[i].json);
    }
    return status ? cli_fail(&error) : 0;
}

const struct room_verb room_report = {
    "report",
    "usage: cella room report [LABEL=]RESULT.json... [-o FILE.html]\n\n"
    "Makes a page of a logistic model's result: odds ratios with 95 % confidence\n"
    "intervals, drawn and as a table. Up to five more results are shown beside the\n"
    "first. The page needs nothing else. FILE.html (default: report.html) is replaced.\n",
    ROOM_OUTPUT,
    1,
    REPORT_RESULTS_MOST,
    report_run};
