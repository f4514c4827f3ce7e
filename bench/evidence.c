/* SPDX-License-Identifier: Apache-2.0
 *
 * What evidence costs: `evidence FOLDER` makes a platform in the folder where there is none, then
 * evidence and a verdict on it, again and again. Prints the median of both together, in ms.
 */
#include <cella/attest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 201

static cella_error error;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void check(cella_status status)
{
    if (status) {
        fprintf(stderr, "evidence: %s\n", error.sentence);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Another enclave each time. */
static double once(cella_platform *platform, int run)
{
    uint8_t report[384] = {[48] = 5, [64] = 1, [320] = (uint8_t)run};
    uint8_t *bytes;
    size_t size;
    static cella_claims claims;
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.roots = (const uint8_t(*)[32])cella_platform_root(platform);
    options.root_count = 1;
    options.report_data = report + 320;
    options.most_age = 60;
    double began = now();
    check(cella_platform_evidence(platform, report, "vsm", &bytes, &size, &error));
    options.at = time(NULL);
    check(cella_evidence_verify(bytes, size, &options, &claims, NULL, &error));
    double took = now() - began;
    free(bytes);
    return took;
}

int main(int count, char **arguments)
{
    static double samples[RUNS];
    cella_platform *platform;
    if (count != 2)
        return 2;
    if (cella_platform_open(arguments[1], &platform, &error)) {
        check(cella_platform_init(arguments[1], &error));
        check(cella_platform_open(arguments[1], &platform, &error));
    }
    for (int i = 0; i < RUNS; i++)
        samples[i] = once(platform, i);
    qsort(samples, RUNS, sizeof(samples[0]), compare);
    printf("%.3f\n", samples[RUNS / 2]);
    cella_platform_close(platform);
    return 0;
}
