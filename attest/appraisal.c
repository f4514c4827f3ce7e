/* SPDX-License-Identifier: Apache-2.0
 *
 * What every kind of evidence shares: recording what was read, refusing, and demands.
 */
#include "appraisal.h"

#include "image/fail.h"
#include "image/hex.h"
#include "refusal.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how it ends ---- */

/* `text` may be what is there already: what is refused anew may say what was said before. */
static void keep_text(cella_result *result, char **to, const char *text)
{
    char *copy = strdup(text);
    result->no_memory |= !copy;
    free(*to);
    *to = copy;
}

cella_status appraisal_refuse(struct appraisal *appraisal, const char *class, const char *claim,
                              const char *expected, const char *found, const char *advice)
{
    cella_result *result = appraisal->result;
    cella_status status = CELLA_REFUSED;
    if (strcmp(class, CLASS_PARSE) == 0)
        status = CELLA_INVALID;
    if (strcmp(class, CLASS_UNSUPPORTED) == 0)
        status = CELLA_UNSUPPORTED;
    snprintf(result->class, sizeof(result->class), "%s", class);
    snprintf(result->claim, sizeof(result->claim), "%s", claim);
    if (status == CELLA_INVALID)
        fail(appraisal->error, status, "evidence: %s: %s", claim, found);
    else
        fail(appraisal->error, status, "evidence: %s: expected %.180s, found %.180s", claim,
             expected, found);
    keep_text(result, &result->advice, advice ? advice : "");
    keep_text(result, &result->expected, expected);
    keep_text(result, &result->found, found);
    return status;
}

cella_status appraisal_malformed(struct appraisal *appraisal, const char *claim, const char *format,
                                 ...)
{
    char found[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found, sizeof(found), format, arguments);
    va_end(arguments);
    return appraisal_refuse(appraisal, CLASS_PARSE, claim, "", found, NULL);
}

void appraisal_warn(struct appraisal *appraisal, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (json_array_append_new(appraisal->result->warnings, json_string(text)))
        appraisal->result->no_memory = true;
}

/* ---- recording ---- */

json_t *record_json(struct appraisal *appraisal, json_t *object, const char *name, json_t *value)
{
    /* Names are ours: ASCII. */
    if (json_object_set_new_nocheck(object, name, value)) {
        appraisal->result->no_memory = true;
        return NULL;
    }
    return value;
}

void record_hex(struct appraisal *appraisal, json_t *object, const char *name, const void *bytes,
                size_t size)
{
    char small[257];
    char *text = size <= sizeof(small) / 2 ? small : malloc(2 * size + 1);
    record_json(appraisal, object, name,
                text ? json_stringn_nocheck(hex_write(bytes, size, text), 2 * size) : NULL);
    if (text != small)
        free(text);
}

void record_number(struct appraisal *appraisal, json_t *object, const char *name, int64_t value)
{
    record_json(appraisal, object, name, json_integer(value));
}

void record_bool(struct appraisal *appraisal, json_t *object, const char *name, bool value)
{
    record_json(appraisal, object, name, json_boolean(value));
}

void record_text(struct appraisal *appraisal, json_t *object, const char *name, const char *text)
{
    record_json(appraisal, object, name, json_string(text));
}

void record_time(struct appraisal *appraisal, json_t *object, const char *name, int64_t time)
{
    char text[32];
    record_text(appraisal, object, name, time_text(time, text));
}

/* ---- demands ---- */

static cella_status refuse_bytes(struct appraisal *appraisal, const char *class, const char *claim,
                                 const uint8_t *expected, size_t expected_size,
                                 const uint8_t *found, size_t found_size, const char *advice)
{
    char texts[2][257];
    const size_t most = sizeof(texts[0]) / 2;
    hex_write(expected, expected_size < most ? expected_size : most, texts[0]);
    hex_write(found, found_size < most ? found_size : most, texts[1]);
    return appraisal_refuse(appraisal, class, claim, texts[0], texts[1], advice);
}

cella_status appraisal_report_data(struct appraisal *appraisal, const uint8_t report_data[64])
{
    const cella_demands *demands = appraisal->demands;
    if (!demands->report_data && !demands->insecure_any_report_data)
        return appraisal_refuse(
            appraisal, CLASS_REPORT_DATA, "report_data", "to be told what it has to be", "nothing",
            "Give the 64 bytes that this evidence was made for; without them it may be a replay.");
    if (demands->report_data && CRYPTO_memcmp(demands->report_data, report_data, 64) != 0)
        return refuse_bytes(appraisal, CLASS_REPORT_DATA, "report_data", demands->report_data, 64,
                            report_data, 64,
                            "It was made for another purpose: ask for new evidence.");
    if (!demands->report_data)
        appraisal_warn(appraisal, "insecure_any_report_data: it may be a replay, or another's");
    return CELLA_OK;
}

cella_status appraisal_nonce(struct appraisal *appraisal, const uint8_t *nonce, size_t size)
{
    const cella_demands *demands = appraisal->demands;
    if (!demands->nonce && !demands->insecure_any_nonce)
        return appraisal_refuse(
            appraisal, CLASS_NONCE, "nonce", "to be told what it has to be", "nothing",
            "Give the nonce that was sent to the attester; without it this may be a replay.");
    if (demands->nonce && (demands->nonce_size != size ||
                           CRYPTO_memcmp(demands->nonce, nonce, demands->nonce_size) != 0))
        return refuse_bytes(appraisal, CLASS_NONCE, "nonce", demands->nonce, demands->nonce_size,
                            nonce, size, "It answers another question: ask for new evidence.");
    if (!demands->nonce)
        appraisal_warn(appraisal, "insecure_any_nonce: it may be a replay");
    return CELLA_OK;
}

cella_status appraisal_debug(struct appraisal *appraisal, const char *claim, bool debug)
{
    if (debug && !appraisal->demands->insecure_allow_debug)
        return appraisal_refuse(appraisal, CLASS_DEBUG, claim, "false", "true",
                                "Whoever runs it can look into it: ask for a release build.");
    if (debug)
        appraisal_warn(appraisal, "insecure_allow_debug: whoever runs it can look into it");
    return CELLA_OK;
}

cella_status appraisal_age(struct appraisal *appraisal, int64_t time)
{
    const cella_demands *demands = appraisal->demands;
    char expected[96], at[32], found[32];
    uint64_t off = time > demands->at ? (uint64_t)time - (uint64_t)demands->at
                                      : (uint64_t)demands->at - (uint64_t)time;
    if (demands->most_age == 0 || off <= (uint64_t)demands->most_age)
        return CELLA_OK;
    snprintf(expected, sizeof(expected), "at most %" PRId64 " s off %s", demands->most_age,
             time_text(demands->at, at));
    return appraisal_refuse(appraisal, CLASS_TIME, "time", expected, time_text(time, found),
                            "Ask for new evidence.");
}

cella_status appraisal_no_age(struct appraisal *appraisal)
{
    if (appraisal->demands->most_age == 0)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_TIME, "time", "evidence that says when it was made",
                            "a kind that does not say",
                            "Demand fresh report data or a nonce, not an age.");
}
