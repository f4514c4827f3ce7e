/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads contracts. Every object is a table of its keys; each key has one reader, which says which
 * file, which place, and what is allowed there. Nothing is taken for granted before the whole was
 * read.
 */
#include "contract.h"

#include "../image/calendar.h"
#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "../image/nearest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLACE       160  /* bytes of a place's name */
#define TITLE_MOST  200  /* bytes */
#define TEXT_MOST   2000 /* bytes */
#define RUNS_MOST   1000000
#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))

struct reader {
    struct contract *contract;
    const char *name;
    cella_error *error;
};

/* Reads the value at `place` into `to`. */
typedef cella_status value_reader(struct reader *reader, const json_t *value, const char *place,
                                  void *to);

struct field {
    const char *name;
    value_reader *read; /* NULL: somebody else reads it */
    size_t offset;      /* of what it fills, in the object's structure */
    bool optional;
};

/* "name: place: " and a sentence. */
__attribute__((format(printf, 3, 4))) static cella_status
wrong(const struct reader *reader, const char *place, const char *format, ...)
{
    char sentence[280];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return fail(reader->error, CELLA_INVALID, "%s: %s: %s", reader->name, place, sentence);
}

static cella_status no_memory(const struct reader *reader)
{
    return fail(reader->error, CELLA_MEMORY, "%s: no memory to read it", reader->name);
}

/* ---- objects and lists ---- */

static cella_status unknown_key(const struct reader *reader, const char *place, const char *key,
                                const struct field *fields, size_t count)
{
    const char *nearest = NULL;
    unsigned distance = NEAREST_FAR;
    for (size_t i = 0; i < count; i++) {
        unsigned here = nearest_distance(key, fields[i].name);
        if (here < distance) {
            distance = here;
            nearest = fields[i].name;
        }
    }
    const char *dot = *place ? "." : "";
    if (nearest)
        return fail(reader->error, CELLA_INVALID,
                    "%s: %s%s%.60s: unknown key; did you mean \"%s\"?", reader->name, place, dot,
                    key, nearest);
    return fail(reader->error, CELLA_INVALID,
                "%s: %s%s%.60s: unknown key; docs/contract.md lists the known ones", reader->name,
                place, dot, key);
}

/* Values are read in the order of `fields`, so that of several errors always the same one is
 * reported. */
static cella_status read_object(struct reader *reader, const json_t *object, const char *place,
                                const struct field *fields, size_t count, void *to)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return wrong(reader, *place ? place : "contract", "must be an object");
    json_object_foreach((json_t *)object, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(key, fields[i].name) == 0;
        if (!known)
            return unknown_key(reader, place, key, fields, count);
    }
    for (size_t i = 0; i < count; i++) {
        char inner[PLACE];
        cella_status status = CELLA_OK;
        value = json_object_get(object, fields[i].name);
        snprintf(inner, sizeof(inner), "%.120s%s%.30s", place, *place ? "." : "", fields[i].name);
        if (!value && !fields[i].optional)
            return wrong(reader, inner, "missing");
        if (value && fields[i].read)
            status = fields[i].read(reader, value, inner, (char *)to + fields[i].offset);
        if (status)
            return status;
    }
    return CELLA_OK;
}

/* Fills `entries` (room for CONTRACT_LIST of them). */
static cella_status read_entries(struct reader *reader, const json_t *value, const char *place,
                                 value_reader *read, size_t least, size_t entry_size, void *entries)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return wrong(reader, place, "must be a list");
    if (count < least || count > CONTRACT_LIST)
        return wrong(reader, place, "%zu entries; must be %zu to %u", count, least, CONTRACT_LIST);
    for (size_t i = 0; i < count; i++) {
        char inner[PLACE];
        snprintf(inner, sizeof(inner), "%.120s[%zu]", place, i);
        cella_status status =
            read(reader, json_array_get(value, i), inner, (char *)entries + i * entry_size);
        if (status)
            return status;
    }
    return CELLA_OK;
}

/* The same into memory of its own. `*count` is set only where all were read. */
static cella_status read_list(struct reader *reader, const json_t *value, const char *place,
                              value_reader *read, size_t least, size_t entry_size, void *entries,
                              size_t *count)
{
    void *made = calloc(CONTRACT_LIST, entry_size);
    if (!made)
        return no_memory(reader);
    *(void **)entries = made; /* the contract's to free, whatever happens */
    cella_status status = read_entries(reader, value, place, read, least, entry_size, made);
    if (!status)
        *count = json_array_size(value);
    return status;
}

/* ---- values ---- */

static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    size_t length = strlen(text);
    return length >= 1 && length <= CONTRACT_NAME && strchr(letters, *text) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static cella_status read_name(struct reader *reader, const json_t *value, const char *place,
                              void *to)
{
    if (!json_is_string(value) || !is_name(json_string_value(value)))
        return wrong(reader, place, "must be a name: a-z, then at most %u of a-z, 0-9 and _",
                     CONTRACT_NAME - 1);
    snprintf(to, CONTRACT_NAME + 1, "%s", json_string_value(value));
    return CELLA_OK;
}

/* Shown to people: no control characters, and one line. */
static cella_status read_line(struct reader *reader, const json_t *value, const char *place,
                              size_t most, const char **to)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) > most)
        return wrong(reader, place, "must be text of 1 to %zu bytes", most);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < ' ' || *at == 0x7f)
            return wrong(reader, place, "has a control character (0x%02x)", *at);
    *to = text;
    return CELLA_OK;
}

static cella_status read_title(struct reader *reader, const json_t *value, const char *place,
                               void *to)
{
    return read_line(reader, value, place, TITLE_MOST, to);
}

static cella_status read_text(struct reader *reader, const json_t *value, const char *place,
                              void *to)
{
    return read_line(reader, value, place, TEXT_MOST, to);
}

static cella_status read_hexadecimal(struct reader *reader, const json_t *value, const char *place,
                                     void *to)
{
    const char *text = json_string_value(value);
    return text && hex_read(text, to, 32)
               ? CELLA_OK
               : wrong(reader, place, "must be 32 bytes as 64 lower-case hexadecimal digits");
}

static cella_status read_integer(struct reader *reader, const json_t *value, const char *place,
                                 int64_t least, int64_t most, int64_t *to)
{
    *to = json_integer_value(value);
    if (!json_is_integer(value) || *to < least || *to > most)
        return wrong(reader, place, "must be a whole number from %lld to %lld", (long long)least,
                     (long long)most);
    return CELLA_OK;
}

static cella_status read_version(struct reader *reader, const json_t *value, const char *place,
                                 void *to)
{
    int64_t number;
    (void)to;
    return read_integer(reader, value, place, 1, 1, &number);
}

static cella_status read_u16(struct reader *reader, const json_t *value, const char *place,
                             void *to)
{
    int64_t number;
    cella_status status = read_integer(reader, value, place, 0, UINT16_MAX, &number);
    *(uint16_t *)to = (uint16_t)number;
    return status;
}

static cella_status read_runs(struct reader *reader, const json_t *value, const char *place,
                              void *to)
{
    int64_t number;
    cella_status status = read_integer(reader, value, place, 1, RUNS_MOST, &number);
    *(uint32_t *)to = (uint32_t)number;
    return status;
}

static cella_status read_time(struct reader *reader, const json_t *value, const char *place,
                              void *to)
{
    if (!json_is_string(value) || !contract_time_parse(json_string_value(value), to))
        return wrong(reader, place, "must be a time, as 2026-11-01T00:00:00Z");
    return CELLA_OK;
}

static cella_status read_party(struct reader *reader, const json_t *value, const char *place,
                               void *to)
{
    const char *name = json_string_value(value);
    const struct contract_party *party = name ? contract_party(reader->contract, name) : NULL;
    if (!party)
        return wrong(reader, place, "must be the name of one of the parties");
    *(const struct contract_party **)to = party;
    return CELLA_OK;
}

static cella_status read_parties(struct reader *reader, const json_t *value, const char *place,
                                 size_t least, const struct contract_party **parties, size_t *count)
{
    cella_status status =
        read_entries(reader, value, place, read_party, least, sizeof(*parties), parties);
    if (status)
        return status;
    *count = json_array_size(value);
    for (size_t i = 0; i < *count; i++)
        for (size_t k = 0; k < i; k++)
            if (parties[i] == parties[k])
                return wrong(reader, place, "\"%s\" is there twice", parties[i]->name);
    return CELLA_OK;
}

/* ---- program, platform ---- */

static cella_status read_signer(struct reader *reader, const json_t *value, const char *place,
                                void *to)
{
    static const struct field fields[] = {
        {"mrsigner", read_hexadecimal, offsetof(struct contract_signer, mrsigner), false},
        {"isv_prod_id", read_u16, offsetof(struct contract_signer, isv_prod_id), false},
        {"least_isv_svn", read_u16, offsetof(struct contract_signer, least_isv_svn), false},
    };
    return read_object(reader, value, place, fields, COUNT_OF(fields), to);
}

static cella_status read_mrenclaves(struct reader *reader, const json_t *value, const char *place,
                                    void *to)
{
    struct contract *contract = to;
    return read_list(reader, value, place, read_hexadecimal, 1, 32, &contract->mrenclaves,
                     &contract->mrenclave_count);
}

static cella_status read_signers(struct reader *reader, const json_t *value, const char *place,
                                 void *to)
{
    struct contract *contract = to;
    return read_list(reader, value, place, read_signer, 1, sizeof(*contract->signers),
                     &contract->signers, &contract->signer_count);
}

static cella_status read_program(struct reader *reader, const json_t *value, const char *place,
                                 void *to)
{
    static const struct field fields[] = {
        {"mrenclave", read_mrenclaves, 0, true},
        {"signed", read_signers, 0, true},
    };
    struct contract *contract = to;
    cella_status status = read_object(reader, value, place, fields, COUNT_OF(fields), to);
    if (!status && !contract->mrenclave_count == !contract->signer_count)
        return wrong(reader, place, "must have one of \"mrenclave\" and \"signed\"");
    return status;
}

static cella_status read_tee(struct reader *reader, const json_t *value, const char *place,
                             void *to)
{
    const char *text = json_string_value(value);
    if (text && strcmp(text, "vsm") == 0)
        *(unsigned *)to = CONTRACT_TEE_VSM;
    else if (text && strcmp(text, "process") == 0)
        *(unsigned *)to = CONTRACT_TEE_PROCESS;
    else
        return wrong(reader, place, "must be \"vsm\" or \"process\"");
    return CELLA_OK;
}

static cella_status read_tees(struct reader *reader, const json_t *value, const char *place,
                              void *to)
{
    unsigned tees[CONTRACT_LIST];
    cella_status status = read_entries(reader, value, place, read_tee, 1, sizeof(tees[0]), tees);
    for (size_t i = 0; !status && i < json_array_size(value); i++)
        *(unsigned *)to |= tees[i];
    return status;
}

static cella_status read_roots(struct reader *reader, const json_t *value, const char *place,
                               void *to)
{
    struct contract *contract = to;
    return read_list(reader, value, place, read_hexadecimal, 1, 32, &contract->platform_roots,
                     &contract->platform_root_count);
}

static cella_status read_posture(struct reader *reader, const json_t *value, const char *place,
                                 void *to)
{
    const char *claim;
    json_t *wanted;
    if (!json_is_object(value))
        return wrong(reader, place, "must be an object: claims and what they must be");
    json_object_foreach((json_t *)value, claim, wanted)
    {
        if (!is_name(claim) || !(json_is_string(wanted) || json_is_boolean(wanted)))
            return wrong(reader, place,
                         "a claim is a name, as `cella doctor --json` has it, and text, true or "
                         "false");
    }
    *(json_t **)to = (json_t *)value;
    return CELLA_OK;
}

/* ---- parties, inputs, parameters, outputs ---- */

static cella_status read_role(struct reader *reader, const json_t *value, const char *place,
                              void *to)
{
    static const char *const roles[] = {"", "owner", "recipient", "operator"};
    const char *text = json_is_string(value) ? json_string_value(value) : "?";
    for (unsigned role = CONTRACT_OWNER; role <= CONTRACT_OPERATOR; role++)
        if (strcmp(text, roles[role]) == 0) {
            *(enum contract_role *)to = role;
            return CELLA_OK;
        }
    return wrong(reader, place, "must be \"owner\", \"recipient\" or \"operator\"");
}

static cella_status read_one_party(struct reader *reader, const json_t *value, const char *place,
                                   void *to)
{
    static const struct field fields[] = {
        {"name", read_name, offsetof(struct contract_party, name), false},
        {"role", read_role, offsetof(struct contract_party, role), false},
        {"signing_key", read_hexadecimal, offsetof(struct contract_party, signing_key), false},
        {"receiving_key", read_hexadecimal, offsetof(struct contract_party, receiving_key), false},
    };
    return read_object(reader, value, place, fields, COUNT_OF(fields), to);
}

/* One person under two names would be two consents. */
static cella_status read_all_parties(struct reader *reader, const json_t *value, const char *place,
                                     void *to)
{
    struct contract *contract = to;
    size_t count = 0;
    cella_status status = read_list(reader, value, place, read_one_party, 1,
                                    sizeof(*contract->parties), &contract->parties, &count);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct contract_party *one = &contract->parties[k],
                                        *other = &contract->parties[i];
            if (strcmp(one->name, other->name) == 0)
                return wrong(reader, place, "\"%s\" is there twice", one->name);
            if (memcmp(one->signing_key, other->signing_key, 32) == 0 ||
                memcmp(one->receiving_key, other->receiving_key, 32) == 0)
                return wrong(reader, place, "\"%s\" and \"%s\" have the same key", one->name,
                             other->name);
        }
    contract->party_count = count;
    return status;
}

static cella_status read_box(struct reader *reader, const json_t *value, const char *place,
                             void *to)
{
    struct contract_input *input = to;
    input->any_box = json_is_string(value) && strcmp(json_string_value(value), "any") == 0;
    if (input->any_box || read_hexadecimal(reader, value, place, input->version) == CELLA_OK)
        return CELLA_OK;
    return wrong(reader, place,
                 "must be \"any\", or the box's version (64 hexadecimal digits; `cella inspect` "
                 "shows it)");
}

static cella_status read_owner(struct reader *reader, const json_t *value, const char *place,
                               void *to)
{
    const struct contract_party **owner = to;
    cella_status status = read_party(reader, value, place, to);
    if (!status && (*owner)->role != CONTRACT_OWNER)
        return wrong(reader, place, "\"%s\" gives an input, so its role must be \"owner\"",
                     (*owner)->name);
    return status;
}

static cella_status read_input(struct reader *reader, const json_t *value, const char *place,
                               void *to)
{
    static const struct field fields[] = {
        {"name", read_name, offsetof(struct contract_input, name), false},
        {"owner", read_owner, offsetof(struct contract_input, owner), false},
        {"box", read_box, 0, false},
        {"format", NULL, 0, false},
        {"table", NULL, 0, true},
        {"columns", NULL, 0, true},
        {"rules", NULL, 0, true},
    };
    return read_object(reader, value, place, fields, COUNT_OF(fields), to);
}

static cella_status read_parameter(struct reader *reader, const json_t *value, const char *place,
                                   void *to)
{
    static const struct field fields[] = {
        {"name", read_name, offsetof(struct contract_parameter, name), false},
        {"type", NULL, 0, false},
        {"from", read_party, offsetof(struct contract_parameter, from), true},
        {"value", NULL, 0, true},
        {"least", NULL, 0, true},
        {"most", NULL, 0, true},
        {"one_of", NULL, 0, true},
    };
    return read_object(reader, value, place, fields, COUNT_OF(fields), to);
}

static cella_status read_output_format(struct reader *reader, const json_t *value,
                                       const char *place, void *to)
{
    static const char *const formats[] = {"csv", "json", "sqlite", "file"};
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (strcmp(text, formats[i]) == 0) {
            *(const char **)to = formats[i];
            return CELLA_OK;
        }
    return wrong(reader, place, "must be \"csv\", \"json\", \"sqlite\" or \"file\"");
}

static cella_status read_recipients(struct reader *reader, const json_t *value, const char *place,
                                    void *to)
{
    struct contract_output *output = to;
    return read_parties(reader, value, place, 1, output->recipients, &output->recipient_count);
}

static cella_status read_output(struct reader *reader, const json_t *value, const char *place,
                                void *to)
{
    static const struct field fields[] = {
        {"name", read_name, offsetof(struct contract_output, name), false},
        {"format", read_output_format, offsetof(struct contract_output, format), false},
        {"recipients", read_recipients, 0, false},
        {"statement", NULL, 0, true},
        {"rules", NULL, 0, true},
    };
    return read_object(reader, value, place, fields, COUNT_OF(fields), to);
}

/* The entries begin with their names. */
static cella_status check_unique(struct reader *reader, const char *place, const void *entries,
                                 size_t count, size_t entry_size)
{
    const char *names = entries;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(names + i * entry_size, names + k * entry_size) == 0)
                return wrong(reader, place, "\"%s\" is there twice", names + i * entry_size);
    return CELLA_OK;
}

static_assert(offsetof(struct contract_input, name) == 0 &&
                  offsetof(struct contract_parameter, name) == 0 &&
                  offsetof(struct contract_output, name) == 0,
              "names first, for check_unique");

static cella_status read_named_list(struct reader *reader, const json_t *value, const char *place,
                                    value_reader *read, size_t least, size_t entry_size,
                                    void *entries, size_t *count)
{
    cella_status status = read_list(reader, value, place, read, least, entry_size, entries, count);
    return status ? status
                  : check_unique(reader, place, *(void *const *)entries, *count, entry_size);
}

static cella_status read_inputs(struct reader *reader, const json_t *value, const char *place,
                                void *to)
{
    struct contract *contract = to;
    return read_named_list(reader, value, place, read_input, 0, sizeof(*contract->inputs),
                           &contract->inputs, &contract->input_count);
}

static cella_status read_parameters(struct reader *reader, const json_t *value, const char *place,
                                    void *to)
{
    struct contract *contract = to;
    return read_named_list(reader, value, place, read_parameter, 0, sizeof(*contract->parameters),
                           &contract->parameters, &contract->parameter_count);
}

static cella_status read_outputs(struct reader *reader, const json_t *value, const char *place,
                                 void *to)
{
    struct contract *contract = to;
    return read_named_list(reader, value, place, read_output, 1, sizeof(*contract->outputs),
                           &contract->outputs, &contract->output_count);
}

static cella_status read_log(struct reader *reader, const json_t *value, const char *place,
                             void *to)
{
    struct contract *contract = to;
    return read_parties(reader, value, place, 0, contract->log, &contract->log_count);
}

/* ---- contracts for any program ---- */

static bool is_file(const json_t *entry)
{
    const char *format = json_string_value(json_object_get(entry, "format"));
    return format && strcmp(format, "file") == 0;
}

static bool any_file(const json_t *list)
{
    size_t index;
    const json_t *entry;
    bool any = false;
    json_array_foreach(list, index, entry) any |= is_file(entry);
    return any;
}

/* `keys`, up to NULL, are what statements need of an entry, and what a file does not have. */
static cella_status check_entries(struct reader *reader, const char *list, const char *const *keys)
{
    size_t index;
    const json_t *entry;
    bool files = reader->contract->any_program;
    json_array_foreach(json_object_get(reader->contract->json, list), index, entry)
    {
        char place[PLACE];
        snprintf(place, sizeof(place), "%s[%zu].format", list, index);
        if (is_file(entry) != files)
            return wrong(reader, place, "either all inputs and outputs are \"file\", or none");
        for (size_t i = 0; keys[i]; i++) {
            snprintf(place, sizeof(place), "%s[%zu].%s", list, index, keys[i]);
            if (!json_object_get(entry, keys[i]) != files)
                return wrong(reader, place, files ? "a \"file\" has none" : "missing");
        }
    }
    return CELLA_OK;
}

static cella_status check_files(struct reader *reader)
{
    const struct contract *contract = reader->contract;
    const json_t *statements = json_object_get(contract->json, "statements");
    if (!json_is_array(statements) || json_array_size(statements))
        return wrong(reader, "statements", "must be [] where inputs and outputs are files");
    if (contract->parameter_count)
        return wrong(reader, "parameters", "there is no statement that could take them");
    for (size_t i = 0; i < contract->input_count; i++) {
        if (json_object_get(json_array_get(json_object_get(contract->json, "inputs"), i), "table"))
            return wrong(reader, "inputs", "a \"file\" has no table");
        for (size_t k = 0; k < contract->output_count; k++) /* both are names of keys */
            if (strcmp(contract->inputs[i].name, contract->outputs[k].name) == 0)
                return wrong(reader, "outputs", "\"%s\" is the name of an input",
                             contract->inputs[i].name);
    }
    return CELLA_OK;
}

static cella_status check_formats(struct reader *reader)
{
    static const char *const input_keys[] = {"columns", "rules", NULL};
    static const char *const output_keys[] = {"statement", "rules", NULL};
    struct contract *contract = reader->contract;
    contract->any_program = any_file(json_object_get(contract->json, "inputs")) ||
                            any_file(json_object_get(contract->json, "outputs"));
    cella_status status = check_entries(reader, "inputs", input_keys);
    if (!status)
        status = check_entries(reader, "outputs", output_keys);
    return status || !contract->any_program ? status : check_files(reader);
}

/* ---- the whole ---- */

/* Parties come before what names them. */
static const struct field contract_fields[] = {
    {"cella_contract", read_version, 0, false},
    {"title", read_title, offsetof(struct contract, title), false},
    {"purpose", read_text, offsetof(struct contract, purpose), false},
    {"program", read_program, 0, false},
    {"tee", read_tees, offsetof(struct contract, tees), false},
    {"platform_roots", read_roots, 0, false},
    {"posture", read_posture, offsetof(struct contract, posture), false},
    {"parties", read_all_parties, 0, false},
    {"inputs", read_inputs, 0, false},
    {"parameters", read_parameters, 0, true},
    {"statements", NULL, 0, false},
    {"outputs", read_outputs, 0, false},
    {"runs", read_runs, offsetof(struct contract, runs), false},
    {"not_before", read_time, offsetof(struct contract, not_before), false},
    {"not_after", read_time, offsetof(struct contract, not_after), false},
    {"log", read_log, 0, false},
};

static cella_status read_contract(struct reader *reader)
{
    struct contract *contract = reader->contract;
    json_error_t problem;
    contract->json =
        json_loadb((const char *)contract->bytes, contract->size, JSON_REJECT_DUPLICATES, &problem);
    if (!contract->json)
        return fail(reader->error, CELLA_INVALID, "%s: line %d, column %d: %s", reader->name,
                    problem.line, problem.column, problem.text);
    cella_status status = read_object(reader, contract->json, "", contract_fields,
                                      COUNT_OF(contract_fields), contract);
    if (!status && contract->not_before >= contract->not_after)
        return wrong(reader, "not_after", "must be later than not_before");
    return status ? status : check_formats(reader);
}

cella_status contract_parse(const void *bytes, size_t size, const char *name,
                            struct contract **contract, cella_error *error)
{
    *contract = NULL;
    if (size > CONTRACT_MOST)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; a contract has at most 1 MiB", name,
                    size);
    struct reader reader = {calloc(1, sizeof(struct contract)), name, error};
    if (!reader.contract || !(reader.contract->bytes = malloc(size + 1))) {
        contract_free(reader.contract);
        return no_memory(&reader);
    }
    memcpy(reader.contract->bytes, bytes, size);
    reader.contract->size = size;
    cella_status status = digest_bytes(bytes, size, reader.contract->id, error);
    if (!status)
        status = read_contract(&reader);
    if (status)
        contract_free(reader.contract);
    else
        *contract = reader.contract;
    return status;
}

cella_status contract_open(const char *path, struct contract **contract, cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    *contract = NULL;
    cella_status status = file_read(path, CONTRACT_MOST, &bytes, &size, error);
    if (status)
        return status;
    status = contract_parse(bytes, size, path, contract, error);
    free(bytes);
    return status;
}

void contract_free(struct contract *contract)
{
    if (!contract)
        return;
    json_decref(contract->json);
    free(contract->bytes);
    free(contract->mrenclaves);
    free(contract->signers);
    free(contract->platform_roots);
    free(contract->parties);
    free(contract->inputs);
    free(contract->parameters);
    free(contract->outputs);
    free(contract);
}

/* ---- questions ---- */

const struct contract_party *contract_party(const struct contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->party_count; i++)
        if (strcmp(contract->parties[i].name, name) == 0)
            return &contract->parties[i];
    return NULL;
}

const struct contract_input *contract_input(const struct contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->input_count; i++)
        if (strcmp(contract->inputs[i].name, name) == 0)
            return &contract->inputs[i];
    return NULL;
}

bool contract_needs(const struct contract *contract, const struct contract_party *party)
{
    bool gives = party->role == CONTRACT_OWNER;
    for (size_t i = 0; i < contract->parameter_count; i++)
        gives |= contract->parameters[i].from == party;
    return gives;
}

cella_status contract_check_time(const struct contract *contract, int64_t now, cella_error *error)
{
    char here[21], limit[21];
    contract_time_text(now, here);
    if (now < contract->not_before) {
        contract_time_text(contract->not_before, limit);
        return fail(error, CELLA_REFUSED,
                    "not_before: the contract holds from %s on, and it is %s: wait until then",
                    limit, here);
    }
    if (now > contract->not_after) {
        contract_time_text(contract->not_after, limit);
        return fail(error, CELLA_REFUSED,
                    "not_after: the contract held until %s, and it is %s: agree on a new one",
                    limit, here);
    }
    return CELLA_OK;
}

bool contract_time_parse(const char *text, int64_t *seconds)
{
    return calendar_read(text, strlen(text), seconds) && *seconds >= 0;
}

void contract_time_text(int64_t seconds, char text[21])
{
    struct tm parts;
    time_t time = seconds;
    if (!gmtime_r(&time, &parts) || !strftime(text, 21, "%Y-%m-%dT%H:%M:%SZ", &parts))
        snprintf(text, 21, "an impossible time");
}

cella_status contract_verify(const struct contract *contract, const struct contract_party *party,
                             const void *signature, size_t size, cella_error *error)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, party->signing_key, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = key && context && size == CONTRACT_SIGNATURE &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, size, contract->bytes, contract->size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (!good)
        return fail(error, CELLA_REFUSED,
                    "signatures/%s.sig: not %s's signature of this contract (the contract or the "
                    "signature was altered, or it was signed by another key): %s has to sign what "
                    "is here, or you have to restore what it signed",
                    party->name, party->name, party->name);
    return CELLA_OK;
}
