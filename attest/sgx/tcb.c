/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads TCB information and identities whole, or not at all.
 */
#include "tcb.h"

#include "attest/sha256.h"
#include "image/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS_MOST     256
#define ADVISORIES_MOST 1024
#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))

static cella_status invalid(const char *what, const char *field, const char *wanted,
                            cella_error *error)
{
    return fail(error, CELLA_INVALID, "%s: \"%s\": not %s", what, field, wanted);
}

static cella_status no_memory(const char *what, cella_error *error)
{
    return fail(error, CELLA_MEMORY, "%s: no memory to read it", what);
}

/* Room for as many as an array has: 1 to LEVELS_MOST. */
static cella_status make_room(const struct scan_item *array, size_t size, const char *what,
                              const char *field, void **room, cella_error *error)
{
    size_t count = scan_count(array);
    if (count == 0 || count > LEVELS_MOST)
        return invalid(what, field, "1 to 256 entries", error);
    *room = calloc(count, size);
    return *room ? CELLA_OK : no_memory(what, error);
}

/* ---- what all levels have ---- */

static cella_status read_advisories(const struct scan_item *array, const char *what,
                                    struct tcb_advisories *advisories, cella_error *error)
{
    struct scan_item key, value;
    size_t count = scan_count(array);
    if (count == 0)
        return CELLA_OK;
    if (count > ADVISORIES_MOST)
        return invalid(what, "advisoryIDs", "at most 1024 entries", error);
    advisories->names = calloc(count, sizeof(advisories->names[0]));
    if (!advisories->names)
        return no_memory(what, error);
    for (struct scan_reader reader = scan_inside(array); scan_next(&reader, &key, &value);)
        if (!scan_copy_text(&value, advisories->names[advisories->count++], TCB_ADVISORY))
            return invalid(what, "advisoryIDs", "names of at most 31 bytes", error);
    return CELLA_OK;
}

static cella_status read_state(const struct scan_item *date, const struct scan_item *status,
                               const struct scan_item *advisories, const char *what,
                               struct tcb_state *state, cella_error *error)
{
    char text[48];
    if (!scan_time(date, &state->date))
        return invalid(what, "tcbDate", "a time", error);
    if (!scan_copy_text(status, text, sizeof(text) - 1) || !tcb_status_read(text, &state->status))
        return invalid(what, "tcbStatus", "a status that is known", error);
    return read_advisories(advisories, what, &state->advisories, error);
}

/* {"tcb": {...}, "tcbDate", "tcbStatus", "advisoryIDs"}: gives what is in "tcb". */
static cella_status read_level_state(const struct scan_item *level, const char *what,
                                     struct scan_item *tcb, struct tcb_state *state,
                                     cella_error *error)
{
    struct scan_item date, status, advisories;
    const struct scan_field fields[] = {
        {"tcb", SCAN_OBJECT, tcb, false},
        {"tcbDate", SCAN_TEXT, &date, false},
        {"tcbStatus", SCAN_TEXT, &status, false},
        {"advisoryIDs", SCAN_ARRAY, &advisories, true},
    };
    cella_status result = scan_fields(level, what, fields, COUNT(fields), error);
    return result ? result : read_state(&date, &status, &advisories, what, state, error);
}

static cella_status read_isv_level(const struct scan_item *level, const char *what,
                                   struct tcb_isv_level *to, cella_error *error)
{
    struct scan_item tcb, isvsvn;
    const struct scan_field fields[] = {{"isvsvn", SCAN_NUMBER, &isvsvn, false}};
    uint64_t number;
    cella_status status = read_level_state(level, what, &tcb, &to->state, error);
    if (status == CELLA_OK && !tcb_status_of_part(to->state.status))
        return invalid(what, "tcbStatus",
                       "UpToDate, OutOfDate or Revoked, which alone are known here", error);
    status = status ? status : scan_fields(&tcb, what, fields, COUNT(fields), error);
    if (status == CELLA_OK && !scan_number(&isvsvn, UINT16_MAX, &number))
        return invalid(what, "isvsvn", "0 to 65535", error);
    if (status == CELLA_OK)
        to->isvsvn = (uint16_t)number;
    return status;
}

static cella_status read_isv_levels(const struct scan_item *array, const char *what,
                                    struct tcb_isv_level **levels, size_t *count,
                                    cella_error *error)
{
    struct scan_item key, level;
    cella_status status =
        make_room(array, sizeof(**levels), what, "tcbLevels", (void **)levels, error);
    struct scan_reader reader = scan_inside(array);
    while (status == CELLA_OK && scan_next(&reader, &key, &level))
        status = read_isv_level(&level, what, &(*levels)[(*count)++], error);
    return status;
}

static void free_isv_levels(struct tcb_isv_level *levels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(levels[i].state.advisories.names);
    free(levels);
}

/* ---- levels of platforms ---- */

/* Version 2: {"sgxtcbcomp01svn": 14, ..., "pcesvn": 10} */
static cella_status read_level_2(const struct scan_item *tcb, const char *what,
                                 struct tcb_level *level, cella_error *error)
{
    char names[TCB_COMPONENTS][20];
    struct scan_item items[TCB_COMPONENTS + 1];
    struct scan_field fields[TCB_COMPONENTS + 1];
    uint64_t number;
    for (int i = 0; i < TCB_COMPONENTS; i++) {
        snprintf(names[i], sizeof(names[i]), "sgxtcbcomp%02dsvn", i + 1);
        fields[i] = (struct scan_field){names[i], SCAN_NUMBER, &items[i], false};
    }
    fields[TCB_COMPONENTS] =
        (struct scan_field){"pcesvn", SCAN_NUMBER, &items[TCB_COMPONENTS], false};
    cella_status status = scan_fields(tcb, what, fields, TCB_COMPONENTS + 1, error);
    for (int i = 0; status == CELLA_OK && i < TCB_COMPONENTS; i++) {
        if (!scan_number(&items[i], UINT8_MAX, &number))
            return invalid(what, names[i], "0 to 255", error);
        level->sgx[i] = (uint8_t)number;
    }
    if (status == CELLA_OK && !scan_number(&items[TCB_COMPONENTS], UINT16_MAX, &number))
        return invalid(what, "pcesvn", "0 to 65535", error);
    if (status == CELLA_OK)
        level->pcesvn = (uint16_t)number;
    return status;
}

/* {"svn": 5, "category": "BIOS", "type": "Early Microcode Update"} */
static cella_status read_component(const struct scan_item *component, const char *what,
                                   uint8_t *svn, struct tcb_component_name *name,
                                   cella_error *error)
{
    struct scan_item number, category, type;
    const struct scan_field fields[] = {
        {"svn", SCAN_NUMBER, &number, false},
        {"category", SCAN_TEXT, &category, true},
        {"type", SCAN_TEXT, &type, true},
    };
    uint64_t value;
    cella_status status = scan_fields(component, what, fields, COUNT(fields), error);
    if (status)
        return status;
    if (!scan_number(&number, UINT8_MAX, &value))
        return invalid(what, "svn", "0 to 255", error);
    if (category.type && !scan_copy_text(&category, name->category, sizeof(name->category) - 1))
        return invalid(what, "category", "at most 31 bytes", error);
    if (type.type && !scan_copy_text(&type, name->type, sizeof(name->type) - 1))
        return invalid(what, "type", "at most 63 bytes", error);
    *svn = (uint8_t)value;
    return CELLA_OK;
}

static cella_status read_components(const struct scan_item *array, const char *what,
                                    const char *field, uint8_t svns[TCB_COMPONENTS],
                                    struct tcb_component_name names[TCB_COMPONENTS],
                                    cella_error *error)
{
    struct scan_item key, component;
    cella_status status = CELLA_OK;
    size_t count = 0;
    struct scan_reader reader = scan_inside(array);
    for (; status == CELLA_OK && scan_next(&reader, &key, &component); count++)
        status = count < TCB_COMPONENTS
                     ? read_component(&component, what, &svns[count], &names[count], error)
                     : invalid(what, field, "16 components", error);
    return status || count == TCB_COMPONENTS ? status
                                             : invalid(what, field, "16 components", error);
}

/* Version 3: {"sgxtcbcomponents": [...], "pcesvn": 13, "tdxtcbcomponents": [...]} */
static cella_status read_level_3(const struct scan_item *tcb, const char *what,
                                 struct tcb_info *info, struct tcb_level *level, cella_error *error)
{
    struct scan_item sgx, tdx, pcesvn;
    struct scan_field fields[] = {
        {"sgxtcbcomponents", SCAN_ARRAY, &sgx, false},
        {"pcesvn", SCAN_NUMBER, &pcesvn, false},
        {"tdxtcbcomponents", SCAN_ARRAY, &tdx, false},
    };
    uint64_t number;
    cella_status status =
        scan_fields(tcb, what, fields, info->tdx ? COUNT(fields) : COUNT(fields) - 1, error);
    if (status == CELLA_OK && !scan_number(&pcesvn, UINT16_MAX, &number))
        return invalid(what, "pcesvn", "0 to 65535", error);
    if (status == CELLA_OK) {
        level->pcesvn = (uint16_t)number;
        status =
            read_components(&sgx, what, "sgxtcbcomponents", level->sgx, info->sgx_names, error);
    }
    if (status == CELLA_OK && info->tdx)
        status =
            read_components(&tdx, what, "tdxtcbcomponents", level->tdx, info->tdx_names, error);
    return status;
}

static cella_status read_levels(const struct scan_item *array, const char *what,
                                struct tcb_info *info, cella_error *error)
{
    struct scan_item key, item, tcb;
    cella_status status =
        make_room(array, sizeof(*info->levels), what, "tcbLevels", (void **)&info->levels, error);
    struct scan_reader reader = scan_inside(array);
    while (status == CELLA_OK && scan_next(&reader, &key, &item)) {
        struct tcb_level *level = &info->levels[info->count++];
        status = read_level_state(&item, what, &tcb, &level->state, error);
        if (status == CELLA_OK)
            status = info->version == 2 ? read_level_2(&tcb, what, level, error)
                                        : read_level_3(&tcb, what, info, level, error);
    }
    return status;
}

/* ---- TDX modules ---- */

static cella_status read_module_values(const struct scan_item *mrsigner,
                                       const struct scan_item *attributes,
                                       const struct scan_item *mask, const char *what,
                                       struct tcb_module *module, cella_error *error)
{
    if (!scan_hex(mrsigner, module->mrsigner, sizeof(module->mrsigner)))
        return invalid(what, "mrsigner", "48 bytes in hexadecimal", error);
    if (!scan_hex(attributes, module->attributes, sizeof(module->attributes)))
        return invalid(what, "attributes", "8 bytes in hexadecimal", error);
    if (!scan_hex(mask, module->mask, sizeof(module->mask)))
        return invalid(what, "attributesMask", "8 bytes in hexadecimal", error);
    return CELLA_OK;
}

static cella_status read_module(const struct scan_item *item, const char *what,
                                struct tcb_module *module, cella_error *error)
{
    struct scan_item mrsigner, attributes, mask;
    const struct scan_field fields[] = {
        {"mrsigner", SCAN_TEXT, &mrsigner, false},
        {"attributes", SCAN_TEXT, &attributes, false},
        {"attributesMask", SCAN_TEXT, &mask, false},
    };
    cella_status status = scan_fields(item, what, fields, COUNT(fields), error);
    return status ? status : read_module_values(&mrsigner, &attributes, &mask, what, module, error);
}

static cella_status read_module_identity(const struct scan_item *item, const char *what,
                                         struct tcb_module *module, cella_error *error)
{
    struct scan_item id, mrsigner, attributes, mask, levels;
    const struct scan_field fields[] = {
        {"id", SCAN_TEXT, &id, false},
        {"mrsigner", SCAN_TEXT, &mrsigner, false},
        {"attributes", SCAN_TEXT, &attributes, false},
        {"attributesMask", SCAN_TEXT, &mask, false},
        {"tcbLevels", SCAN_ARRAY, &levels, false},
    };
    cella_status status = scan_fields(item, what, fields, COUNT(fields), error);
    if (status)
        return status;
    struct scan_item digits = id;
    if (id.escaped || id.size != 6 || memcmp(id.bytes, "TDX_", 4) != 0)
        return invalid(what, "id", "TDX_ and two hexadecimal digits", error);
    digits.bytes += 4;
    digits.size -= 4;
    if (!scan_hex(&digits, &module->version, 1))
        return invalid(what, "id", "TDX_ and two hexadecimal digits", error);
    status = read_module_values(&mrsigner, &attributes, &mask, what, module, error);
    return status ? status : read_isv_levels(&levels, what, &module->levels, &module->count, error);
}

static cella_status read_modules(const struct scan_item *array, const char *what,
                                 struct tcb_info *info, cella_error *error)
{
    struct scan_item key, item;
    if (array->type == SCAN_NONE || scan_count(array) == 0)
        return CELLA_OK;
    cella_status status = make_room(array, sizeof(*info->modules), what, "tdxModuleIdentities",
                                    (void **)&info->modules, error);
    struct scan_reader reader = scan_inside(array);
    while (status == CELLA_OK && scan_next(&reader, &key, &item))
        status = read_module_identity(&item, what, &info->modules[info->module_count++], error);
    return status;
}

/* ---- TCB information ---- */

/* What TCB information and identities both have. */
static cella_status read_times(const struct scan_item *issued, const struct scan_item *next_update,
                               const struct scan_item *evaluation, const char *what, int64_t *from,
                               int64_t *until, uint32_t *number, cella_error *error)
{
    uint64_t value;
    if (!scan_time(issued, from))
        return invalid(what, "issueDate", "a time", error);
    if (!scan_time(next_update, until))
        return invalid(what, "nextUpdate", "a time", error);
    if (!scan_number(evaluation, UINT32_MAX, &value))
        return invalid(what, "tcbEvaluationDataNumber", "0 to 4294967295", error);
    *number = (uint32_t)value;
    return CELLA_OK;
}

struct info_items {
    struct scan_item id, version, issued, next_update, fmspc, pceid, type, evaluation, module,
        modules, levels;
};

static cella_status read_info_version(const struct info_items *items, const char *what,
                                      struct tcb_info *info, cella_error *error)
{
    uint64_t number;
    if (!scan_number(&items->version, 3, &number) || number < 2)
        return invalid(what, "version", "2 or 3", error);
    info->version = (uint8_t)number;
    info->tdx = scan_is_text(&items->id, "TDX");
    if (number == 2 && items->id.type != SCAN_NONE)
        return invalid(what, "id", "in version 2", error);
    if (number == 3 && !info->tdx && !scan_is_text(&items->id, "SGX"))
        return invalid(what, "id", "SGX or TDX", error);
    if (info->tdx != (items->module.type != SCAN_NONE) ||
        (!info->tdx && items->modules.type != SCAN_NONE))
        return invalid(what, "tdxModule", "where TDX is, and nowhere else", error);
    if (!scan_number(&items->type, 0, &number))
        return invalid(what, "tcbType", "0", error);
    return CELLA_OK;
}

static cella_status read_info(const struct info_items *items, const char *what,
                              struct tcb_info *info, cella_error *error)
{
    cella_status status = read_info_version(items, what, info, error);
    if (status == CELLA_OK)
        status = read_times(&items->issued, &items->next_update, &items->evaluation, what,
                            &info->issued, &info->next_update, &info->evaluation, error);
    if (status == CELLA_OK && !scan_hex(&items->fmspc, info->fmspc, sizeof(info->fmspc)))
        return invalid(what, "fmspc", "6 bytes in hexadecimal", error);
    info->has_pceid = items->pceid.type != SCAN_NONE;
    if (status == CELLA_OK && info->has_pceid &&
        !scan_hex(&items->pceid, info->pceid, sizeof(info->pceid)))
        return invalid(what, "pceId", "2 bytes in hexadecimal", error);
    if (status == CELLA_OK && info->tdx)
        status = read_module(&items->module, what, &info->module, error);
    if (status == CELLA_OK)
        status = read_modules(&items->modules, what, info, error);
    return status ? status : read_levels(&items->levels, what, info, error);
}

cella_status tcb_info_read(const uint8_t *document, size_t size, const char *name,
                           struct tcb_info **info, cella_error *error)
{
    struct scan_item object;
    struct info_items items;
    const struct scan_field fields[] = {
        {"id", SCAN_TEXT, &items.id, true},
        {"version", SCAN_NUMBER, &items.version, false},
        {"issueDate", SCAN_TEXT, &items.issued, false},
        {"nextUpdate", SCAN_TEXT, &items.next_update, false},
        {"fmspc", SCAN_TEXT, &items.fmspc, false},
        {"pceId", SCAN_TEXT, &items.pceid, true},
        {"tcbType", SCAN_NUMBER, &items.type, false},
        {"tcbEvaluationDataNumber", SCAN_NUMBER, &items.evaluation, false},
        {"tdxModule", SCAN_OBJECT, &items.module, true},
        {"tdxModuleIdentities", SCAN_ARRAY, &items.modules, true},
        {"tcbLevels", SCAN_ARRAY, &items.levels, false},
    };
    char what[320];
    snprintf(what, sizeof(what), "%.200s: TCB information", name);
    *info = NULL;
    cella_status status = scan_decode(document, size, what, &object, error);
    status = status ? status : scan_fields(&object, what, fields, COUNT(fields), error);
    if (status)
        return status;
    struct tcb_info *made = calloc(1, sizeof(*made));
    if (!made || !sha256_of(document, size, made->sha256)) {
        free(made);
        return no_memory(what, error);
    }
    status = read_info(&items, what, made, error);
    if (status)
        tcb_info_free(made);
    else
        *info = made;
    return status;
}

void tcb_info_free(struct tcb_info *info)
{
    if (!info)
        return;
    for (size_t i = 0; i < info->count; i++)
        free(info->levels[i].state.advisories.names);
    for (size_t i = 0; i < info->module_count; i++)
        free_isv_levels(info->modules[i].levels, info->modules[i].count);
    free(info->levels);
    free(info->modules);
    free(info);
}

/* ---- identities ---- */

struct identity_items {
    struct scan_item id, version, issued, next_update, evaluation, miscselect, miscselect_mask,
        attributes, attributes_mask, mrsigner, isvprodid, levels;
};

/* A text of hexadecimal digits, and where its bytes go. */
struct hex_field {
    const struct scan_item *item;
    const char *name;
    uint8_t *to;
    size_t size;
};

static cella_status read_identity_values(const struct identity_items *items, const char *what,
                                         struct tcb_identity *identity, cella_error *error)
{
    const struct hex_field fields[] = {
        {&items->miscselect, "miscselect", identity->miscselect, 4},
        {&items->miscselect_mask, "miscselectMask", identity->miscselect_mask, 4},
        {&items->attributes, "attributes", identity->attributes, 16},
        {&items->attributes_mask, "attributesMask", identity->attributes_mask, 16},
        {&items->mrsigner, "mrsigner", identity->mrsigner, 32},
    };
    uint64_t number;
    for (size_t i = 0; i < COUNT(fields); i++)
        if (!scan_hex(fields[i].item, fields[i].to, fields[i].size))
            return fail(error, CELLA_INVALID, "%s: \"%s\": not %zu bytes in hexadecimal", what,
                        fields[i].name, fields[i].size);
    if (!scan_number(&items->isvprodid, UINT16_MAX, &number))
        return invalid(what, "isvprodid", "0 to 65535", error);
    identity->isvprodid = (uint16_t)number;
    return CELLA_OK;
}

static cella_status read_identity(const struct identity_items *items, const char *what,
                                  struct tcb_identity *identity, cella_error *error)
{
    uint64_t number;
    if (!scan_number(&items->version, 2, &number) || number != 2)
        return invalid(what, "version", "2", error);
    if (!scan_is_text(&items->id, "QE") && !scan_is_text(&items->id, "QVE") &&
        !scan_is_text(&items->id, "TD_QE"))
        return invalid(what, "id", "QE, QVE or TD_QE", error);
    scan_copy_text(&items->id, identity->id, sizeof(identity->id) - 1);
    cella_status status =
        read_times(&items->issued, &items->next_update, &items->evaluation, what, &identity->issued,
                   &identity->next_update, &identity->evaluation, error);
    status = status ? status : read_identity_values(items, what, identity, error);
    return status
               ? status
               : read_isv_levels(&items->levels, what, &identity->levels, &identity->count, error);
}

cella_status tcb_identity_read(const uint8_t *document, size_t size, const char *name,
                               struct tcb_identity **identity, cella_error *error)
{
    struct scan_item object;
    struct identity_items items;
    const struct scan_field fields[] = {
        {"id", SCAN_TEXT, &items.id, false},
        {"version", SCAN_NUMBER, &items.version, false},
        {"issueDate", SCAN_TEXT, &items.issued, false},
        {"nextUpdate", SCAN_TEXT, &items.next_update, false},
        {"tcbEvaluationDataNumber", SCAN_NUMBER, &items.evaluation, false},
        {"miscselect", SCAN_TEXT, &items.miscselect, false},
        {"miscselectMask", SCAN_TEXT, &items.miscselect_mask, false},
        {"attributes", SCAN_TEXT, &items.attributes, false},
        {"attributesMask", SCAN_TEXT, &items.attributes_mask, false},
        {"mrsigner", SCAN_TEXT, &items.mrsigner, false},
        {"isvprodid", SCAN_NUMBER, &items.isvprodid, false},
        {"tcbLevels", SCAN_ARRAY, &items.levels, false},
    };
    char what[320];
    snprintf(what, sizeof(what), "%.200s: enclave identity", name);
    *identity = NULL;
    cella_status status = scan_decode(document, size, what, &object, error);
    status = status ? status : scan_fields(&object, what, fields, COUNT(fields), error);
    if (status)
        return status;
    struct tcb_identity *made = calloc(1, sizeof(*made));
    if (!made || !sha256_of(document, size, made->sha256)) {
        free(made);
        return no_memory(what, error);
    }
    status = read_identity(&items, what, made, error);
    if (status)
        tcb_identity_free(made);
    else
        *identity = made;
    return status;
}

void tcb_identity_free(struct tcb_identity *identity)
{
    if (!identity)
        return;
    free_isv_levels(identity->levels, identity->count);
    free(identity);
}
