/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims by their names; refusals.
 */
#include "refusal.h"

#include "image/fail.h"
#include "image/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MOST 256

/* What others wrote goes into sentences and JSON: all but printable ASCII becomes "?". */
static void copy_plain(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%s", text);
    for (; *to; to++)
        if (*to < ' ' || *to > '~')
            *to = '?';
}

cella_status refuse(cella_refusal *refusal, cella_error *error, cella_refusal_kind kind,
                    const char *claim, const char *expected, const char *found)
{
    char plain[sizeof(refusal->found)];
    copy_plain(plain, sizeof(plain), found);
    if (refusal) {
        memset(refusal, 0, sizeof(*refusal));
        refusal->kind = kind;
        snprintf(refusal->claim, sizeof(refusal->claim), "%s", claim);
        snprintf(refusal->expected, sizeof(refusal->expected), "%s", expected);
        snprintf(refusal->found, sizeof(refusal->found), "%s", plain);
    }
    return fail(error, CELLA_REFUSED, "evidence: %s: expected %.200s, found %.200s", claim,
                expected, plain);
}

const char *time_text(int64_t time, char text[32])
{
    struct tm parts;
    if (!gmtime_r(&time, &parts) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(text, 32, "%" PRId64, time);
    return text;
}

static const char *proof_text(bool proved)
{
    return proved ? "proved" : "asserted";
}

/* "NAME", or "NAME_proof": evidence itself has no such name. */
static bool get_posture(const cella_claims *claims, const char *name, char text[TEXT_MOST])
{
    for (size_t i = 0; i < claims->posture_count; i++) {
        const cella_posture_claim *claim = &claims->posture[i];
        size_t length = strlen(claim->name);
        if (strncmp(claim->name, name, length) != 0)
            continue;
        if (name[length] == 0)
            return snprintf(text, TEXT_MOST, "%s", claim->value) >= 0;
        if (strcmp(name + length, "_proof") == 0)
            return snprintf(text, TEXT_MOST, "%s", proof_text(claim->proved)) > 0;
    }
    return false;
}

bool cella_claims_get(const cella_claims *claims, const char *name, char text[TEXT_MOST])
{
    static const char posture[] = "posture.";
    const struct {
        const char *name;
        const uint8_t *bytes;
        size_t size;
    } bytes[] = {
        {"mrenclave", claims->mrenclave, sizeof(claims->mrenclave)},
        {"mrsigner", claims->mrsigner, sizeof(claims->mrsigner)},
        {"report_data", claims->report_data, sizeof(claims->report_data)},
        {"launcher", claims->launcher, sizeof(claims->launcher)},
        {"root", claims->root, sizeof(claims->root)},
    };
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"isv_prod_id", claims->isv_prod_id},
        {"isv_svn", claims->isv_svn},
        {"time", claims->time},
    };
    text[0] = 0;
    if (strncmp(name, posture, strlen(posture)) == 0)
        return get_posture(claims, name + strlen(posture), text);
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
        if (strcmp(name, bytes[i].name) == 0)
            return hex_write(bytes[i].bytes, bytes[i].size, text) != NULL;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(name, numbers[i].name) == 0)
            return snprintf(text, TEXT_MOST, "%" PRId64, numbers[i].value) > 0;
    if (strcmp(name, "launcher_proof") == 0)
        return snprintf(text, TEXT_MOST, "%s", proof_text(claims->launcher_proved)) > 0;
    if (strcmp(name, "tpm") == 0)
        return snprintf(text, TEXT_MOST, "%s", claims->tpm ? "true" : "false") > 0;
    if (strcmp(name, "tee") == 0)
        return snprintf(text, TEXT_MOST, "%s", claims->tee) > 0;
    return strcmp(name, "debug") == 0 &&
           snprintf(text, TEXT_MOST, "%s", claims->debug ? "true" : "false") > 0;
}

cella_status cella_claims_demand(const cella_claims *claims, const char *name, const char *expected,
                                 cella_refusal *refusal, cella_error *error)
{
    char found[TEXT_MOST];
    if (!cella_claims_get(claims, name, found))
        return refuse(refusal, error, CELLA_REFUSAL_CLAIM, name, expected, "no such claim");
    if (strcmp(found, expected) != 0)
        return refuse(refusal, error, CELLA_REFUSAL_CLAIM, name, expected, found);
    return CELLA_OK;
}
