/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the text of an Azure Attestation policy: one function a phrase of the grammar, each of
 * which leaves the reader behind what it read.
 */
#include "maa.h"

#include "image/fail.h"
#include "image/nearest.h"
#include "schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MOST   4096 /* bytes of a string */
#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))

const char *const maa_properties[MAA_PROPERTIES] = {"type", "value", "valueType", "issuer"};
const char *const maa_actions[MAA_ACTIONS] = {"permit", "deny", "add", "issue", "issueproperty"};
const char *const maa_sections[MAA_SECTIONS] = {"configurationrules", "authorizationrules",
                                                "issuancerules"};

/* Which actions a section may have. */
static const bool allowed[MAA_SECTIONS][MAA_ACTIONS] = {
    [MAA_CONFIGURATION] = {[MAA_ISSUE_PROPERTY] = true},
    [MAA_AUTHORIZATION] = {[MAA_PERMIT] = true, [MAA_DENY] = true, [MAA_ADD] = true},
    [MAA_ISSUANCE] = {[MAA_ADD] = true, [MAA_ISSUE] = true, [MAA_ISSUE_PROPERTY] = true},
};

struct reader {
    const char *at; /* NUL-terminated */
    size_t line;
    const char *name;
    cella_error *error;
    size_t rules; /* so far */
};

#define WORD 40 /* bytes of a name, shortened */

/* ---- tokens ---- */

__attribute__((format(printf, 2, 3))) static cella_status wrong(struct reader *reader,
                                                                const char *format, ...)
{
    char sentence[SCHEMA_SENTENCE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return fail(reader->error, CELLA_INVALID, "%s: line %zu: %s", reader->name, reader->line,
                sentence);
}

static void skip_space(struct reader *reader)
{
    for (; *reader->at && strchr(" \t\r\n", *reader->at); reader->at++)
        reader->line += *reader->at == '\n';
}

static cella_status wanted(struct reader *reader, const char *what)
{
    skip_space(reader);
    if (*reader->at)
        return wrong(reader, "%s is wanted, not \"%.*s\"", what,
                     (int)strcspn(reader->at, "\r\n") > 24 ? 24 : (int)strcspn(reader->at, "\r\n"),
                     reader->at);
    return wrong(reader, "%s is wanted, and the policy ends", what);
}

static bool take(struct reader *reader, const char *token)
{
    skip_space(reader);
    size_t length = strlen(token);
    if (strncmp(reader->at, token, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static cella_status expect(struct reader *reader, const char *token)
{
    char what[16];
    snprintf(what, sizeof(what), "'%s'", token);
    return take(reader, token) ? CELLA_OK : wanted(reader, what);
}

static size_t word_length(const char *at)
{
    size_t length = 0;
    if (isalpha((unsigned char)at[0]) || at[0] == '_')
        while (isalnum((unsigned char)at[length]) || at[length] == '_')
            length++;
    return length;
}

/* False: none here, or a longer one than there is. */
static bool take_word(struct reader *reader, char word[WORD])
{
    skip_space(reader);
    size_t length = word_length(reader->at);
    if (length == 0 || length >= WORD)
        return false;
    memcpy(word, reader->at, length);
    word[length] = 0;
    reader->at += length;
    return true;
}

/* Takes one of `words`; *which says which. */
static cella_status take_one_of(struct reader *reader, const char *const *words, size_t count,
                                const char *what, unsigned *which)
{
    char word[WORD];
    const char *nearest = NULL;
    unsigned distance = NEAREST_FAR;
    if (!take_word(reader, word))
        return wanted(reader, what);
    for (size_t i = 0; i < count; i++) {
        unsigned here = strcasecmp(word, words[i]) == 0 ? 1 : nearest_distance(word, words[i]);
        if (strcmp(word, words[i]) == 0) {
            *which = (unsigned)i;
            return CELLA_OK;
        }
        if (here < distance) {
            distance = here;
            nearest = words[i];
        }
    }
    return nearest ? wrong(reader, "%s is wanted, not \"%s\"; did you mean \"%s\"?", what, word,
                           nearest)
                   : wrong(reader, "%s is wanted, not \"%s\"", what, word);
}

/* ---- values ---- */

static cella_status read_string(struct reader *reader, json_t **literal)
{
    char text[TEXT_MOST];
    size_t length = 0;
    for (reader->at++; *reader->at != '"'; reader->at++) {
        bool escaped = *reader->at == '\\';
        reader->at += escaped;
        if (*reader->at == 0 || *reader->at == '\n' || *reader->at == '\r')
            return wrong(reader, "a string does not end on its line");
        if (escaped && *reader->at != '"' && *reader->at != '\\')
            return wrong(reader, "in a string a backslash stands before \" or \\ only");
        if (length == sizeof(text))
            return wrong(reader, "a string of more than %zu bytes", sizeof(text));
        text[length++] = *reader->at;
    }
    reader->at++;
    *literal = json_stringn(text, length);
    return *literal ? CELLA_OK : wrong(reader, "a string is no UTF-8");
}

static cella_status read_integer(struct reader *reader, json_t **literal)
{
    char *end;
    errno = 0;
    long long value = strtoll(reader->at, &end, 10);
    if (errno || isalnum((unsigned char)*end) || *end == '.')
        return wrong(reader, "a number must be an integer of 64 bits");
    reader->at = end;
    *literal = json_integer(value);
    return *literal ? CELLA_OK : fail(reader->error, CELLA_MEMORY, "%s: no memory", reader->name);
}

/* NAME.property, of a condition before. */
static cella_status read_reference(struct reader *reader, const char *name,
                                   const struct maa_rule *rule, struct maa_operand *operand)
{
    unsigned property;
    for (size_t i = 0; i < rule->count; i++)
        if (strcmp(rule->conditions[i].name, name) == 0) {
            cella_status status = expect(reader, ".");
            if (status == CELLA_OK)
                status = take_one_of(reader, maa_properties, MAA_PROPERTIES,
                                     "type, value, valueType or issuer", &property);
            operand->variable = i;
            operand->property = status ? MAA_TYPE : (enum maa_property)property;
            return status;
        }
    return wrong(reader, "\"%s\" names no condition before this place; a string is written in \"\"",
                 name);
}

static cella_status read_operand(struct reader *reader, const struct maa_rule *rule,
                                 struct maa_operand *operand)
{
    char word[WORD];
    skip_space(reader);
    if (*reader->at == '"')
        return read_string(reader, &operand->literal);
    if (isdigit((unsigned char)*reader->at) ||
        (*reader->at == '-' && isdigit((unsigned char)reader->at[1])))
        return read_integer(reader, &operand->literal);
    if (!take_word(reader, word))
        return wanted(reader, "a value");
    bool is_true = strcmp(word, "true") == 0;
    if (is_true || strcmp(word, "false") == 0) {
        operand->literal = json_boolean(is_true);
        return CELLA_OK;
    }
    skip_space(reader);
    if (*reader->at == '(')
        return wrong(reader, "functions, such as %s(), are version 1.2's: this reads 1.0 and 1.1",
                     word);
    return read_reference(reader, word, rule, operand);
}

/* ---- conditions ---- */

static cella_status read_relation(struct reader *reader, enum value_operator *relation)
{
    /* Longer ones first. */
    static const enum value_operator order[] = {VALUE_EQUALS,         VALUE_NOT_EQUALS,
                                                VALUE_LESS_OR_EQUALS, VALUE_GREATER_OR_EQUALS,
                                                VALUE_LESS,           VALUE_GREATER};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (take(reader, value_operators[order[i]].attestation)) {
            *relation = order[i];
            return CELLA_OK;
        }
    return *reader->at == '=' ? wrong(reader, "conditions compare with \"==\", not \"=\"")
                              : wanted(reader, "==, !=, <=, <, >= or >");
}

static cella_status read_test(struct reader *reader, const struct maa_rule *rule,
                              struct maa_condition *condition)
{
    if (condition->count == MAA_CONDITIONS)
        return wrong(reader, "more than %u tests in a condition", MAA_CONDITIONS);
    struct maa_test *test = &condition->tests[condition->count];
    unsigned property;
    cella_status status = take_one_of(reader, maa_properties, MAA_PROPERTIES,
                                      "type, value, valueType or issuer", &property);
    if (status == CELLA_OK)
        status = read_relation(reader, &test->relation);
    if (status == CELLA_OK)
        status = read_operand(reader, rule, &test->operand);
    if (status)
        return status;
    test->property = (enum maa_property)property;
    condition->count++; /* the literal has an owner */
    bool ordered = test->relation >= VALUE_LESS && test->relation <= VALUE_GREATER_OR_EQUALS;
    const json_t *literal = test->operand.literal;
    if (ordered && (test->property != MAA_VALUE || (literal && !json_is_integer(literal))))
        return wrong(reader, "\"%s\" compares integers only",
                     value_operators[test->relation].attestation);
    if (test->property != MAA_VALUE && literal && !json_is_string(literal))
        return wrong(reader, "\"%s\" is a string: write it in quotes",
                     maa_properties[test->property]);
    return CELLA_OK;
}

/* An optional NAME: before the bracket. */
static cella_status read_name(struct reader *reader, const struct maa_rule *rule,
                              struct maa_condition *condition)
{
    char word[WORD];
    skip_space(reader);
    condition->line = reader->line;
    if (*reader->at == '!')
        return wrong(reader, "\"!\" is version 1.2's: this reads 1.0 and 1.1");
    if (*reader->at == '[')
        return CELLA_OK;
    if (!take_word(reader, word) || strlen(word) > MAA_NAME)
        return wanted(reader, "a condition or =>");
    for (size_t i = 0; i < rule->count; i++)
        if (strcmp(rule->conditions[i].name, word) == 0)
            return wrong(reader, "\"%s\" names two conditions", word);
    strcpy(condition->name, word);
    return expect(reader, ":");
}

static cella_status read_condition(struct reader *reader, struct maa_rule *rule)
{
    if (rule->count == MAA_CONDITIONS)
        return wrong(reader, "more than %u conditions in a rule", MAA_CONDITIONS);
    struct maa_condition *condition = &rule->conditions[rule->count];
    cella_status status = read_name(reader, rule, condition);
    if (status == CELLA_OK)
        status = expect(reader, "[");
    while (status == CELLA_OK) {
        status = read_test(reader, rule, condition);
        if (status || !take(reader, ","))
            break;
    }
    rule->count++; /* from here on it is freed with the rule, and may be referred to */
    return status ? status : expect(reader, "]");
}

/* ---- actions ---- */

/* claim = NAME */
static cella_status read_whole(struct reader *reader, struct maa_rule *rule)
{
    char word[WORD];
    if (!take_word(reader, word))
        return wanted(reader, "the name of a condition");
    for (size_t i = 0; i < rule->count; i++)
        if (strcmp(rule->conditions[i].name, word) == 0) {
            rule->whole = true;
            rule->variable = i;
            return CELLA_OK;
        }
    return wrong(reader, "\"%s\" names no condition of this rule", word);
}

static cella_status read_claim(struct reader *reader, struct maa_rule *rule)
{
    static const char *const words[] = {"type", "value", "valueType", "issuer", "claim"};
    bool given[COUNT_OF(words)] = {false};
    unsigned which;
    do {
        cella_status status =
            take_one_of(reader, words, COUNT_OF(words), "type, value or claim", &which);
        if (status)
            return status;
        if (which == MAA_VALUE_TYPE || which == MAA_ISSUER)
            return wrong(reader,
                         "a rule cannot set \"%s\": a policy's claim is of its value's "
                         "type, and its issuer is AttestationPolicy",
                         words[which]);
        if (given[which] || (which == COUNT_OF(words) - 1 && (given[0] || given[1])) || rule->whole)
            return wrong(reader, "type and value, or claim, is given once");
        given[which] = true;
        status = expect(reader, "=");
        if (status == CELLA_OK)
            status = which == COUNT_OF(words) - 1
                         ? read_whole(reader, rule)
                         : read_operand(reader, rule, which ? &rule->value : &rule->type);
        if (status)
            return status;
    } while (take(reader, ","));
    if (!rule->whole && !(given[MAA_TYPE] && given[MAA_VALUE]))
        return wrong(reader, "a claim needs its type and its value");
    if (rule->type.literal && !json_is_string(rule->type.literal))
        return wrong(reader, "\"type\" is a string: write it in quotes");
    return CELLA_OK;
}

static cella_status read_action(struct reader *reader, enum maa_section_kind section,
                                struct maa_rule *rule)
{
    unsigned action;
    cella_status status = take_one_of(reader, maa_actions, MAA_ACTIONS, "an action", &action);
    if (status)
        return status;
    rule->action = (enum maa_action)action;
    if (!allowed[section][action])
        return wrong(reader, "%s() is no action of %s", maa_actions[action], maa_sections[section]);
    status = expect(reader, "(");
    if (status == CELLA_OK && rule->action != MAA_PERMIT && rule->action != MAA_DENY)
        status = read_claim(reader, rule);
    if (status == CELLA_OK)
        status = expect(reader, ")");
    return status ? status : expect(reader, ";");
}

/* ---- rules, sections, the whole ---- */

static cella_status read_rule(struct reader *reader, enum maa_section_kind section,
                              struct maa_rule *rule)
{
    skip_space(reader);
    rule->line = reader->line;
    if (!take(reader, "=>")) {
        do {
            cella_status status = read_condition(reader, rule);
            if (status)
                return status;
        } while (take(reader, "&&"));
        cella_status status = expect(reader, "=>");
        if (status)
            return status;
    }
    return read_action(reader, section, rule);
}

static cella_status read_section(struct reader *reader, enum maa_section_kind kind,
                                 struct maa_section *section)
{
    cella_status status = expect(reader, "{");
    while (status == CELLA_OK && !take(reader, "}")) {
        if (reader->rules++ == MAA_RULES)
            return wrong(reader, "more than %u rules", MAA_RULES);
        struct maa_rule *rules =
            realloc(section->rules, (section->count + 1) * sizeof(*section->rules));
        if (!rules)
            return fail(reader->error, CELLA_MEMORY, "%s: no memory", reader->name);
        section->rules = rules;
        memset(&rules[section->count], 0, sizeof(*rules));
        status = read_rule(reader, kind, &rules[section->count++]);
    }
    return status ? status : expect(reader, ";");
}

static cella_status read_version(struct reader *reader, struct maa *maa)
{
    if (!take(reader, "version"))
        return wanted(reader, "\"version=1.0;\"");
    cella_status status = expect(reader, "=");
    if (status)
        return status;
    skip_space(reader);
    size_t length = strspn(reader->at, "0123456789.");
    bool is_zero = length == 3 && memcmp(reader->at, "1.0", 3) == 0;
    if (!is_zero && (length != 3 || memcmp(reader->at, "1.1", 3) != 0))
        return length ? fail(reader->error, CELLA_UNSUPPORTED,
                             "%s: version %.*s is not known; this reads 1.0 and 1.1", reader->name,
                             length > 16 ? 16 : (int)length, reader->at)
                      : wanted(reader, "1.0 or 1.1");
    maa->minor = is_zero ? 0 : 1;
    reader->at += length;
    return expect(reader, ";");
}

static cella_status read_policy(struct reader *reader, struct maa *maa)
{
    bool authorization = false;
    unsigned next = 0, which = 0;
    cella_status status = read_version(reader, maa);
    for (skip_space(reader); status == CELLA_OK && *reader->at; skip_space(reader)) {
        status = take_one_of(reader, maa_sections, MAA_SECTIONS, "a section", &which);
        if (status)
            return status;
        if (which < next)
            return wrong(reader, "%s stands twice, or behind what it belongs before",
                         maa_sections[which]);
        if (which == MAA_CONFIGURATION && maa->minor == 0)
            return wrong(reader, "configurationrules need version 1.1");
        next = which + 1;
        authorization |= which == MAA_AUTHORIZATION;
        status = read_section(reader, (enum maa_section_kind)which, &maa->sections[which]);
    }
    if (status == CELLA_OK && !authorization)
        return wrong(reader, "authorizationrules are missing: nothing would ever be permitted");
    return status;
}

cella_status maa_read(const char *text, size_t size, const char *name, struct maa **maa,
                      cella_error *error)
{
    *maa = NULL;
    char *copy = strndup(text, size);
    struct maa *read = calloc(1, sizeof(*read));
    struct reader reader = {.at = copy, .line = 1, .name = name, .error = error};
    cella_status status = CELLA_OK;
    if (!copy || !read)
        status = fail(error, CELLA_MEMORY, "%s: no memory to read it", name);
    else if (strlen(copy) != size)
        status = fail(error, CELLA_INVALID, "%s: a byte of zero: no text", name);
    else
        status = read_policy(&reader, read);
    free(copy);
    if (status)
        maa_free(read);
    else
        *maa = read;
    return status;
}

static void free_rule(struct maa_rule *rule)
{
    for (size_t i = 0; i < MAA_CONDITIONS; i++)
        for (size_t k = 0; k < MAA_CONDITIONS; k++)
            json_decref(rule->conditions[i].tests[k].operand.literal);
    json_decref(rule->type.literal);
    json_decref(rule->value.literal);
}

void maa_free(struct maa *maa)
{
    for (size_t i = 0; maa && i < MAA_SECTIONS; i++) {
        for (size_t k = 0; k < maa->sections[i].count; k++)
            free_rule(&maa->sections[i].rules[k]);
        free(maa->sections[i].rules);
    }
    free(maa);
}
