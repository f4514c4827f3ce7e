/* SPDX-License-Identifier: Apache-2.0
 *
 * What this machine can do for an enclave, and what its root can still do to one. docs/doctor.md
 * documents the JSON: fields are added, never renamed.
 */
#include "doctor.h"

#include "../image/fail.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void probe_sgx(struct tee_probe *probe)
{
    memset(probe, 0, sizeof(*probe));
    snprintf(probe->summary, sizeof(probe->summary), "not in this version of cella");
}

cella_finding doctor_finding(const struct doctor *doctor)
{
    cella_finding best = CELLA_FOUND_NONE;
    for (size_t i = 0; i < DOCTOR_TEES; i++) {
        const struct tee_probe *probe = &doctor->tees[i].probe;
        if (probe->works && probe->sealed)
            return CELLA_FOUND_SEALED;
        if (probe->works)
            best = CELLA_FOUND_UNSEALED;
    }
    return best;
}

/* "a (x), b (y)": what root can do by the rows of a class. */
static void write_openings(FILE *to, const struct posture *posture, enum posture_class class,
                           const char *before)
{
    for (size_t i = 0; i < posture->count; i++) {
        const struct posture_row *row = &posture->rows[i];
        if (row->class != class || !row->opens)
            continue;
        fprintf(to, "%s%s (%s)", before, row->opens, row->name);
        before = ", ";
    }
}

static char *summary(const struct doctor *doctor)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    switch (doctor_finding(doctor)) {
    case CELLA_FOUND_SEALED:
        for (size_t i = 0; i < DOCTOR_TEES; i++)
            if (doctor->tees[i].probe.works && doctor->tees[i].probe.sealed)
                fprintf(to, "%s works and is sealed", doctor->tees[i].name);
        break;
    case CELLA_FOUND_UNSEALED:
        fprintf(to, "no sealed TEE works here: enclaves run, unprotected, for development");
        break;
    default:
        fprintf(to, "no TEE works here");
        break;
    }
    write_openings(to, &doctor->posture, POSTURE_WARN, "; root on this host can still ");
    write_openings(to, &doctor->posture, POSTURE_UNKNOWN, "; not seen, whether root can ");
    return fclose(to) == 0 ? text : NULL;
}

char *doctor_text(const struct doctor *doctor)
{
    char *text = NULL, *last = summary(doctor);
    size_t size = 0;
    FILE *to = last ? open_memstream(&text, &size) : NULL;
    if (!to) {
        free(last);
        return NULL;
    }
    fprintf(to, "Where an enclave can run\n");
    for (size_t i = 0; i < DOCTOR_TEES; i++) {
        const struct tee_probe *probe = &doctor->tees[i].probe;
        fprintf(to, "  %-18s %s: %s\n", doctor->tees[i].name,
                !probe->works   ? "no"
                : probe->sealed ? "works, sealed"
                                : "works, not sealed",
                probe->summary);
        for (size_t j = 0; j < probe->count; j++) {
            const struct tee_capability *row = &probe->capabilities[j];
            fprintf(to, "    %-3s %-20s %s\n", row->works ? "ok" : "no", row->name, row->found);
            if (*row->remedy)
                fprintf(to, "        to do: %s\n", row->remedy);
        }
    }
    fprintf(to, "\nThe host's posture\n");
    for (size_t i = 0; i < doctor->posture.count; i++) {
        const struct posture_row *row = &doctor->posture.rows[i];
        fprintf(to, "  %-7s %-18s %s: %s\n", posture_class_name(row->class), row->name, row->value,
                row->meaning);
    }
    fprintf(to, "\n%s\n", last);
    free(last);
    return fclose(to) == 0 ? text : NULL;
}

static json_t *tee_json(const char *name, const struct tee_probe *probe)
{
    json_t *capabilities = json_array();
    for (size_t i = 0; i < probe->count; i++) {
        const struct tee_capability *row = &probe->capabilities[i];
        json_array_append_new(capabilities,
                              json_pack("{s:s, s:b, s:s, s:s}", "name", row->name, "works",
                                        row->works, "found", row->found, "remedy", row->remedy));
    }
    return json_pack("{s:s, s:b, s:b, s:s, s:o}", "name", name, "works", probe->works, "sealed",
                     probe->sealed, "summary", probe->summary, "capabilities", capabilities);
}

char *doctor_json(const struct doctor *doctor)
{
    char *last = summary(doctor);
    json_t *tees = json_array(), *posture = json_array();
    for (size_t i = 0; i < DOCTOR_TEES; i++)
        json_array_append_new(tees, tee_json(doctor->tees[i].name, &doctor->tees[i].probe));
    for (size_t i = 0; i < doctor->posture.count; i++) {
        const struct posture_row *row = &doctor->posture.rows[i];
        json_array_append_new(
            posture, json_pack("{s:s, s:s, s:s, s:s}", "name", row->name, "value", row->value,
                               "class", posture_class_name(row->class), "meaning", row->meaning));
    }
    /* A row that could not be made leaves its array shorter: nothing is told rather than less. */
    bool whole = last && json_array_size(tees) == DOCTOR_TEES &&
                 json_array_size(posture) == doctor->posture.count;
    json_t *all =
        json_pack("{s:o, s:o, s:s}", "tees", tees, "posture", posture, "summary", last ? last : "");
    char *text = whole && all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    free(last);
    return text;
}

cella_status cella_doctor(bool json, char **text, cella_finding *finding, cella_error *error)
{
    *text = NULL;
    struct doctor *doctor = calloc(1, sizeof(*doctor));
    if (!doctor)
        return fail(error, CELLA_MEMORY, "no memory for the report");
    doctor->tees[0].name = "vsm";
    tee_vsm.probe(&doctor->tees[0].probe);
    doctor->tees[1].name = "sgx";
    probe_sgx(&doctor->tees[1].probe);
    doctor->tees[2].name = "process";
    tee_process.probe(&doctor->tees[2].probe);
    posture_read("/", &doctor->posture);
    if (finding)
        *finding = doctor_finding(doctor);
    *text = (json ? doctor_json : doctor_text)(doctor);
    free(doctor);
    return *text ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory for the report");
}
