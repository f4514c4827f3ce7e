/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what of a contract concerns the engine: inputs, parameters, outputs and, through
 * statement.c, statements; and finds which rules hold for which statement.
 */
#include "plan.h"

#include "image/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE 160 /* bytes of a place in the contract */

/* ---- rules ---- */

static uint64_t larger(uint64_t first, uint64_t second)
{
    return first > second ? first : second;
}

/* Of caps, where 0 is none. */
static uint64_t smaller_cap(uint64_t first, uint64_t second)
{
    return first && (!second || first < second) ? first : second;
}

void plan_strictest(struct query_rules *rules, const struct query_rules *other)
{
    rules->least_individuals = larger(rules->least_individuals, other->least_individuals);
    rules->least_rows = larger(rules->least_rows, other->least_rows);
    rules->round = larger(rules->round, other->round);
    rules->digits = (uint32_t)smaller_cap(rules->digits, other->digits);
    rules->most_rows = smaller_cap(rules->most_rows, other->most_rows);
    rules->most_bytes = smaller_cap(rules->most_bytes, other->most_bytes);
}

static cella_status read_rule(const struct plan_reader *reader, const char *place,
                              const json_t *rules, const char *key, uint64_t most, uint64_t *rule)
{
    const json_t *value = json_object_get(rules, key);
    if (!value)
        return CELLA_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        (uint64_t)json_integer_value(value) > most)
        return plan_wrong(reader, place, "%s must be a number from 1 to %llu", key,
                          (unsigned long long)most);
    *rule = (uint64_t)json_integer_value(value);
    return CELLA_OK;
}

static cella_status read_rules(const struct plan_reader *reader, const char *place,
                               const json_t *value, struct query_rules *rules)
{
    uint64_t digits = 0;
    char where[PLACE];
    plan_place(where, sizeof(where), "%s.rules", place);
    cella_status status = plan_keys(
        reader, where, value, "least_individuals least_rows round digits most_rows most_bytes");
    const struct {
        const char *key;
        uint64_t most, *rule;
    } all[] = {
        {"least_individuals", 1000000000, &rules->least_individuals},
        {"least_rows", 1000000000, &rules->least_rows},
        {"round", 1000000000, &rules->round},
        {"digits", 17, &digits},
        {"most_rows", INT64_MAX, &rules->most_rows},
        {"most_bytes", INT64_MAX, &rules->most_bytes},
    };
    for (size_t i = 0; status == CELLA_OK && i < sizeof(all) / sizeof(*all); i++)
        status = read_rule(reader, where, value, all[i].key, all[i].most, all[i].rule);
    rules->digits = (uint32_t)digits;
    return status;
}

/* ---- inputs ---- */

size_t plan_identifier(const struct query_input *input)
{
    for (size_t i = 0; i < input->column_count; i++)
        if (input->columns[i].role == QUERY_IDENTIFIER)
            return i;
    return PLAN_NONE;
}

static cella_status read_column(const struct plan_reader *reader, const char *place,
                                const json_t *value, struct query_column *column)
{
    static const char *const roles[] = {[QUERY_IDENTIFIER] = "identifier",
                                        [QUERY_JOINABLE] = "joinable",
                                        [QUERY_DIMENSION] = "dimension",
                                        [QUERY_MEASURE] = "measure",
                                        [QUERY_HIDDEN] = "hidden"};
    char where[PLACE];
    size_t role = 0;
    cella_status status = plan_keys(reader, place, value, "name! type! role!");
    plan_place(where, sizeof(where), "%s.name", place);
    if (status == CELLA_OK)
        status = plan_name(reader, where, json_object_get(value, "name"), column->name);
    plan_place(where, sizeof(where), "%s.type", place);
    if (status == CELLA_OK)
        status = plan_type(reader, where, json_object_get(value, "type"), &column->type);
    plan_place(where, sizeof(where), "%s.role", place);
    if (status == CELLA_OK)
        status = plan_word(reader, where, json_object_get(value, "role"), roles,
                           sizeof(roles) / sizeof(*roles), &role);
    column->role = (enum query_role)role;
    return status;
}

static cella_status read_columns(const struct plan_reader *reader, const char *place,
                                 const json_t *value, struct query_input *input)
{
    size_t count = 0, identifiers = 0;
    char where[PLACE];
    plan_place(where, sizeof(where), "%s.columns", place);
    cella_status status = plan_list(reader, where, value, QUERY_COLUMNS_MOST, &count);
    if (status != CELLA_OK)
        return status;
    if (count == 0)
        return plan_wrong(reader, where, "an input needs a column");
    input->columns = plan_allocate(&reader->plan->arena, count, sizeof(*input->columns));
    if (!input->columns)
        return plan_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        struct query_column *column = &input->columns[i];
        plan_place(where, sizeof(where), "%s.columns[%zu]", place, i);
        status = read_column(reader, where, json_array_get(value, i), column);
        if (status != CELLA_OK)
            return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(input->columns[k].name, column->name) == 0)
                return plan_wrong(reader, where, "a second column \"%s\"", column->name);
        identifiers += column->role == QUERY_IDENTIFIER;
        input->column_count++;
    }
    if (identifiers > 1)
        return plan_wrong(reader, place, "has more than one identifier; others can be joinable");
    return CELLA_OK;
}

/* A party's name that the contract knows, with a role if `role`. */
static cella_status read_party(const struct plan_reader *reader, const char *place,
                               const json_t *value, char name[QUERY_NAME + 1])
{
    size_t index;
    const json_t *party;
    cella_status status = plan_name(reader, place, value, name);
    if (status != CELLA_OK)
        return status;
    json_array_foreach(json_object_get(reader->plan->contract, "parties"), index, party)
    {
        const char *known = json_string_value(json_object_get(party, "name"));
        if (known && strcmp(known, name) == 0)
            return CELLA_OK;
    }
    return plan_wrong(reader, place, "\"%s\" is not among the parties", name);
}

static cella_status check_plink(const struct plan_reader *reader, const char *place,
                                const struct query_input *input)
{
    for (size_t i = 0; i < input->column_count; i++) {
        const char *name = input->columns[i].name;
        bool individual = strcmp(name, "individual") == 0;
        if (!individual && strcmp(name, "sex") != 0 && strcmp(name, "phenotype") != 0)
            return plan_wrong(reader, place,
                              "a PLINK input has individual, sex and phenotype, "
                              "not \"%s\"",
                              name);
        if (individual != (input->columns[i].role == QUERY_IDENTIFIER))
            return plan_wrong(reader, place, "individual is the identifier of a PLINK input");
    }
    return CELLA_OK;
}

static cella_status read_input(const struct plan_reader *reader, const char *place,
                               const json_t *value, struct query_input *input)
{
    static const char *const formats[] = {
        [QUERY_CSV] = "csv", [QUERY_SQLITE] = "sqlite", [QUERY_PLINK] = "plink"};
    char where[PLACE];
    size_t format = 0;
    cella_status status =
        plan_keys(reader, place, value, "name! owner! format! box! table columns! rules!");
    plan_place(where, sizeof(where), "%s.name", place);
    if (status == CELLA_OK)
        status = plan_name(reader, where, json_object_get(value, "name"), input->name);
    plan_place(where, sizeof(where), "%s.owner", place);
    if (status == CELLA_OK)
        status = read_party(reader, where, json_object_get(value, "owner"), input->owner);
    plan_place(where, sizeof(where), "%s.format", place);
    if (status == CELLA_OK)
        status = plan_word(reader, where, json_object_get(value, "format"), formats,
                           sizeof(formats) / sizeof(*formats), &format);
    input->format = (enum query_format)format;
    const json_t *table = json_object_get(value, "table");
    plan_place(where, sizeof(where), "%s.table", place);
    if (status == CELLA_OK && (format == QUERY_SQLITE) != (table != NULL))
        status = plan_wrong(reader, where, "names the table of a sqlite input, and only of one");
    if (status == CELLA_OK && table)
        status = plan_name(reader, where, table, input->table);
    if (status == CELLA_OK)
        status = read_columns(reader, place, json_object_get(value, "columns"), input);
    if (status == CELLA_OK)
        status = read_rules(reader, place, json_object_get(value, "rules"), &input->rules);
    if (status == CELLA_OK && format == QUERY_PLINK)
        status = check_plink(reader, place, input);
    if (status == CELLA_OK && input->rules.least_individuals > 1 &&
        plan_identifier(input) == PLAN_NONE)
        status = plan_wrong(reader, place, "least_individuals needs an identifier to count");
    return status;
}

static cella_status read_inputs(const struct plan_reader *reader, const json_t *value)
{
    struct query_plan *plan = reader->plan;
    size_t count = 0;
    cella_status status = plan_list(reader, "inputs", value, PLAN_INPUTS_MOST, &count);
    if (status != CELLA_OK)
        return status;
    plan->inputs = plan_allocate(&plan->arena, count, sizeof(*plan->inputs));
    if (!plan->inputs)
        return plan_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        char place[PLACE];
        plan_place(place, sizeof(place), "inputs[%zu]", i);
        status = read_input(reader, place, json_array_get(value, i), &plan->inputs[i]);
        if (status != CELLA_OK)
            return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(plan->inputs[k].name, plan->inputs[i].name) == 0)
                return plan_wrong(reader, place, "a second input \"%s\"", plan->inputs[i].name);
        plan->input_count++;
    }
    return CELLA_OK;
}

/* ---- parameters ---- */

static bool is_date(const char *text)
{
    static const char form[] = "0000-00-00";
    if (strlen(text) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return false;
    int month = atoi(text + 5), day = atoi(text + 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static bool fits(enum query_type type, const json_t *value)
{
    const char *text = json_string_value(value);
    switch (type) {
    case QUERY_INTEGER:
        return json_is_integer(value);
    case QUERY_REAL:
        return json_is_number(value);
    case QUERY_BOOLEAN:
        return json_is_boolean(value);
    case QUERY_TEXT:
        return text != NULL;
    case QUERY_DATE:
        return text && is_date(text);
    }
    return false;
}

static bool between(const json_t *value, const json_t *least, const json_t *most)
{
    if (json_is_string(value))
        return strcmp(json_string_value(value), json_string_value(least)) >= 0 &&
               strcmp(json_string_value(value), json_string_value(most)) <= 0;
    if (json_is_integer(value) && json_is_integer(least) && json_is_integer(most))
        return json_integer_value(value) >= json_integer_value(least) &&
               json_integer_value(value) <= json_integer_value(most);
    return json_number_value(value) >= json_number_value(least) &&
           json_number_value(value) <= json_number_value(most);
}

static cella_status set_parameter(const struct plan_reader *reader, const char *place,
                                  struct plan_parameter *parameter, const json_t *value)
{
    if (!fits(parameter->type, value))
        return plan_wrong(reader, place, "\"%s\" is not of the parameter's type", parameter->name);
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        char *copy = plan_allocate(&reader->plan->arena, strlen(text) + 1, 1);
        if (!copy)
            return plan_no_memory(reader);
        strcpy(copy, text);
        parameter->value = (struct query_value){.kind = QUERY_VALUE_TEXT, .text = copy};
    } else if (parameter->type == QUERY_REAL) {
        parameter->value =
            (struct query_value){.kind = QUERY_VALUE_REAL, .real = json_number_value(value)};
    } else {
        parameter->value = (struct query_value){
            .kind = QUERY_VALUE_INTEGER,
            .integer = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value)};
    }
    parameter->given = true;
    return CELLA_OK;
}

/* A parameter that a party gives has bounds, so that the others know what it can be. */
static cella_status read_bounds(const struct plan_reader *reader, const char *place,
                                const json_t *value, struct plan_parameter *parameter)
{
    size_t index, count = 0;
    const json_t *one;
    parameter->least = json_object_get(value, "least");
    parameter->most = json_object_get(value, "most");
    parameter->one_of = json_object_get(value, "one_of");
    bool range = parameter->least && parameter->most && !parameter->one_of;
    if (!range && (!parameter->one_of || parameter->least || parameter->most))
        return plan_wrong(reader, place,
                          "a parameter that a party gives needs \"least\" and \"most\", "
                          "or \"one_of\"");
    bool right = range ? fits(parameter->type, parameter->least) &&
                             fits(parameter->type, parameter->most) &&
                             parameter->type != QUERY_TEXT && parameter->type != QUERY_BOOLEAN
                       : true;
    cella_status status = plan_list(reader, place, parameter->one_of, 1000, &count);
    json_array_foreach(parameter->one_of, index, one) right &= fits(parameter->type, one);
    if (status == CELLA_OK && (!right || (!range && count == 0)))
        status = plan_wrong(reader, place, "its bounds are not of its type");
    return status;
}

static cella_status read_parameter(const struct plan_reader *reader, const char *place,
                                   const json_t *value, struct plan_parameter *parameter)
{
    char where[PLACE];
    cella_status status =
        plan_keys(reader, place, value, "name! type! value from least most one_of");
    plan_place(where, sizeof(where), "%s.name", place);
    if (status == CELLA_OK)
        status = plan_name(reader, where, json_object_get(value, "name"), parameter->name);
    plan_place(where, sizeof(where), "%s.type", place);
    if (status == CELLA_OK)
        status = plan_type(reader, where, json_object_get(value, "type"), &parameter->type);
    if (status != CELLA_OK)
        return status;
    const json_t *fixed = json_object_get(value, "value"), *from = json_object_get(value, "from");
    if (!fixed == !from)
        return plan_wrong(reader, place, "needs either \"value\" or \"from\"");
    plan_place(where, sizeof(where), "%s.%s", place, fixed ? "value" : "from");
    if (fixed && json_object_size(value) != 3)
        return plan_wrong(reader, place, "a fixed parameter has no bounds");
    if (fixed)
        return set_parameter(reader, where, parameter, fixed);
    status = read_party(reader, where, from, parameter->from);
    return status == CELLA_OK ? read_bounds(reader, place, value, parameter) : status;
}

static cella_status read_parameters(const struct plan_reader *reader, const json_t *value)
{
    struct query_plan *plan = reader->plan;
    size_t count = 0;
    cella_status status = plan_list(reader, "parameters", value, PLAN_LIST_MOST, &count);
    if (status != CELLA_OK)
        return status;
    plan->parameters = plan_allocate(&plan->arena, count, sizeof(*plan->parameters));
    if (!plan->parameters)
        return plan_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        char place[PLACE];
        plan_place(place, sizeof(place), "parameters[%zu]", i);
        status = read_parameter(reader, place, json_array_get(value, i), &plan->parameters[i]);
        if (status != CELLA_OK)
            return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(plan->parameters[k].name, plan->parameters[i].name) == 0)
                return plan_wrong(reader, place, "a second parameter \"%s\"",
                                  plan->parameters[i].name);
        plan->parameter_count++;
    }
    return CELLA_OK;
}

cella_status query_plan_parameter(struct query_plan *plan, const char *party, const char *name,
                                  const json_t *value, cella_error *error)
{
    struct plan_reader reader = {.plan = plan, .error = error};
    for (size_t i = 0; i < plan->parameter_count; i++) {
        struct plan_parameter *parameter = &plan->parameters[i];
        if (strcmp(parameter->name, name) != 0)
            continue;
        if (strcmp(parameter->from, party) != 0)
            return plan_wrong(&reader, name, "this parameter is not %s's to give", party);
        if (!fits(parameter->type, value))
            return plan_wrong(&reader, name, "is not of the parameter's type");
        bool allowed =
            parameter->one_of ? false : between(value, parameter->least, parameter->most);
        for (size_t k = 0; k < json_array_size(parameter->one_of); k++)
            allowed |= json_equal(json_array_get(parameter->one_of, k), (json_t *)value) != 0;
        if (!allowed)
            return plan_wrong(&reader, name, "is outside of what the contract allows");
        return set_parameter(&reader, name, parameter, value);
    }
    return plan_wrong(&reader, "parameters", "the contract has none of that name");
}

/* ---- outputs ---- */

static cella_status read_recipients(const struct plan_reader *reader, const char *place,
                                    const json_t *value)
{
    size_t count = 0;
    cella_status status = plan_list(reader, place, value, PLAN_LIST_MOST, &count);
    if (status == CELLA_OK && count == 0)
        return plan_wrong(reader, place, "an output needs a recipient");
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        char name[QUERY_NAME + 1];
        status = read_party(reader, place, json_array_get(value, i), name);
    }
    return status;
}

static size_t find_statement(const struct query_plan *plan, const char *name)
{
    size_t i = 0;
    while (i < plan->statement_count && strcmp(plan->statements[i].name, name) != 0)
        i++;
    return i;
}

static cella_status read_output(const struct plan_reader *reader, const char *place,
                                const json_t *value, struct plan_output *output)
{
    static const char *const formats[] = {
        [QUERY_CSV] = "csv", [QUERY_SQLITE] = "sqlite", [QUERY_JSON] = "json"};
    char where[PLACE], statement[QUERY_NAME + 1] = "";
    size_t format = 0;
    cella_status status =
        plan_keys(reader, place, value, "name! statement! format! recipients! rules!");
    plan_place(where, sizeof(where), "%s.name", place);
    if (status == CELLA_OK)
        status = plan_name(reader, where, json_object_get(value, "name"), output->name);
    plan_place(where, sizeof(where), "%s.statement", place);
    if (status == CELLA_OK)
        status = plan_name(reader, where, json_object_get(value, "statement"), statement);
    output->statement = find_statement(reader->plan, statement);
    if (status == CELLA_OK && output->statement == reader->plan->statement_count)
        status = plan_wrong(reader, where, "there is no statement \"%s\"", statement);
    plan_place(where, sizeof(where), "%s.format", place);
    if (status == CELLA_OK)
        status = plan_word(reader, where, json_object_get(value, "format"), formats,
                           sizeof(formats) / sizeof(*formats), &format);
    output->format = (enum query_format)format;
    output->recipients = json_object_get(value, "recipients");
    plan_place(where, sizeof(where), "%s.recipients", place);
    if (status == CELLA_OK)
        status = read_recipients(reader, where, output->recipients);
    if (status == CELLA_OK)
        status = read_rules(reader, place, json_object_get(value, "rules"), &output->rules);
    return status;
}

/* An output's least individuals and rows go for its statement, whichever output it then leaves by;
 * and no number that hangs on a few (a minimum, free SQL) may come out of it. */
static cella_status hold_statement(const struct plan_reader *reader, const char *place,
                                   struct plan_output *output)
{
    struct query_plan *plan = reader->plan;
    struct plan_statement *statement = &plan->statements[output->statement];
    uint32_t countable = 0;
    for (size_t i = 0; i < plan->input_count; i++)
        if (statement->inputs >> i & 1 && plan_identifier(&plan->inputs[i]) != PLAN_NONE)
            countable |= UINT32_C(1) << i;
    if (output->rules.least_individuals > 1 && !countable)
        return plan_wrong(reader, place,
                          "least_individuals: no input of \"%s\" has an identifier to count",
                          statement->name);
    statement->least_individuals =
        larger(statement->least_individuals, output->rules.least_individuals);
    statement->least_rows = larger(statement->least_rows, output->rules.least_rows);
    if (output->rules.least_individuals > 1)
        statement->watched |= countable;
    plan_strictest(&output->rules, &statement->rules);
    return CELLA_OK;
}

static cella_status read_outputs(const struct plan_reader *reader, const json_t *value)
{
    struct query_plan *plan = reader->plan;
    size_t count = 0;
    cella_status status = plan_list(reader, "outputs", value, PLAN_LIST_MOST, &count);
    if (status == CELLA_OK && count == 0)
        return plan_wrong(reader, "outputs", "a contract without an output computes for nobody");
    if (status != CELLA_OK)
        return status;
    plan->outputs = plan_allocate(&plan->arena, count, sizeof(*plan->outputs));
    if (!plan->outputs)
        return plan_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        char place[PLACE];
        plan_place(place, sizeof(place), "outputs[%zu]", i);
        struct plan_output *output = &plan->outputs[i];
        status = read_output(reader, place, json_array_get(value, i), output);
        if (status == CELLA_OK)
            status = hold_statement(reader, place, output);
        if (status != CELLA_OK)
            return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(plan->outputs[k].name, output->name) == 0)
                return plan_wrong(reader, place, "a second output \"%s\"", output->name);
        plan->output_count++;
    }
    return CELLA_OK;
}

/* ---- statements ---- */

/* Who watches above needs the sets of those below, held to as many: a minimum of a few is one in a
 * sum, too. */
static void watch_below(struct query_plan *plan)
{
    for (size_t i = plan->statement_count; i-- > 0;) {
        const struct plan_statement *above = &plan->statements[i];
        for (size_t k = 0; k < above->source_count; k++)
            if (above->sources[k].kind == PLAN_STATEMENT) {
                struct plan_statement *below = &plan->statements[above->sources[k].index];
                below->watched |= above->watched & below->inputs;
                if (below->watched)
                    below->least_individuals =
                        larger(below->least_individuals, above->least_individuals);
            }
    }
}

bool plan_is_column(const struct plan_statement *statement, const struct expression *value)
{
    const struct expression *plain = expression_plain(value);
    const struct plan_source *source = plain ? &statement->sources[plain->source] : NULL;
    bool is = plain != NULL;
    for (size_t i = 0; is && i < source->branch_count; i++)
        is = plain->column + 1 == source->column_count ||
             expression_plain(source->branches[i].columns[plain->column]);
    return is;
}

/* Once it is known which individuals are counted. A quantile is somebody's value: of what is
 * computed it could be a whole row, packed into one number. */
static cella_status check_minima(const struct plan_reader *reader)
{
    for (size_t i = 0; i < reader->plan->statement_count; i++) {
        const struct plan_statement *statement = &reader->plan->statements[i];
        for (size_t k = 0; k < statement->aggregate_count; k++) {
            enum plan_function function = statement->aggregates[k].function;
            char place[PLACE];
            plan_place(place, sizeof(place), "statements[%zu].select[%zu]", i, k);
            if (statement->least_individuals > 1 && plan_function_is_quantile(function) &&
                !plan_is_column(statement, statement->aggregates[k].value))
                return plan_wrong(reader, place,
                                  "%s is one individual's value: it may be of a column, not of "
                                  "what is computed, where the rules ask for %llu individuals",
                                  plan_function_names[function],
                                  (unsigned long long)statement->least_individuals);
            if (statement->least_individuals > 1 && (function == PLAN_MIN || function == PLAN_MAX))
                return plan_wrong(reader, place,
                                  "%s tells one individual's value, and the rules ask for %llu",
                                  plan_function_names[function],
                                  (unsigned long long)statement->least_individuals);
        }
    }
    return CELLA_OK;
}

static cella_status read_statements(const struct plan_reader *reader, const json_t *value)
{
    struct query_plan *plan = reader->plan;
    size_t count = 0;
    cella_status status = plan_list(reader, "statements", value, PLAN_STATEMENTS_MOST, &count);
    if (status != CELLA_OK)
        return status;
    plan->statements = plan_allocate(&plan->arena, count, sizeof(*plan->statements));
    if (!plan->statements)
        return plan_no_memory(reader);
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        status = plan_statement_read(reader, i, json_array_get(value, i));
        plan->statement_count += status == CELLA_OK;
    }
    return status;
}

cella_status query_plan_make(json_t *contract, struct query_plan **plan, cella_error *error)
{
    if (!json_is_object(contract))
        return fail(error, CELLA_INVALID, "the contract: must be an object");
    struct query_plan *made = calloc(1, sizeof(*made));
    if (!made)
        return fail(error, CELLA_MEMORY, "the contract: no memory to read it");
    made->contract = json_incref(contract);
    struct plan_reader reader = {.plan = made, .error = error};
    cella_status status = read_inputs(&reader, json_object_get(contract, "inputs"));
    if (status == CELLA_OK)
        status = read_parameters(&reader, json_object_get(contract, "parameters"));
    if (status == CELLA_OK)
        status = read_statements(&reader, json_object_get(contract, "statements"));
    if (status == CELLA_OK)
        status = read_outputs(&reader, json_object_get(contract, "outputs"));
    if (status == CELLA_OK) {
        watch_below(made);
        status = check_minima(&reader);
    }
    if (status == CELLA_OK)
        *plan = made;
    else
        query_plan_free(made);
    return status;
}

void query_plan_free(struct query_plan *plan)
{
    if (!plan)
        return;
    plan_release(&plan->arena);
    json_decref(plan->contract);
    free(plan);
}
