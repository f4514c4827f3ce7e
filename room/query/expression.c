/* SPDX-License-Identifier: Apache-2.0
 *
 * The language of expressions (docs/contract.md): text -> typed tree -> SQL of our own writing.
 * Nothing that the contract's author wrote reaches SQLite but as a quoted name, a number, or a
 * quoted text that we wrote again. Types are checked so that SQLite never mixes texts and numbers,
 * and what could be an error there (overflow, division by zero) is a NULL or a real number here.
 */
#include "plan.h"

#include "image/fail.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MOST    4096u /* bytes of one expression */
#define DEPTH_MOST     200u
#define NODES_MOST     2000u
#define STACK_MOST     70u  /* of the 100 entries of SQLite's parser */
#define RECURSION_MOST 200u /* of our own */

enum token { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_PARAMETER, TOKEN_SYMBOL };

static const struct {
    const char *text;
    unsigned stack; /* entries of SQLite's parser that wait while the last operand is read */
} operators[] = {
    [OPERATOR_OR] = {"or", 3},
    [OPERATOR_AND] = {"and", 3},
    [OPERATOR_NOT] = {"not", 2},
    [OPERATOR_EQUAL] = {"=", 3},
    [OPERATOR_UNEQUAL] = {"!=", 3},
    [OPERATOR_LESS] = {"<", 3},
    [OPERATOR_LESS_EQUAL] = {"<=", 3},
    [OPERATOR_GREATER] = {">", 3},
    [OPERATOR_GREATER_EQUAL] = {">=", 3},
    [OPERATOR_IS_NULL] = {"is null", 1},
    [OPERATOR_IS_NOT_NULL] = {"is not null", 1},
    [OPERATOR_IN] = {"in", 6},
    [OPERATOR_NOT_IN] = {"not in", 6},
    [OPERATOR_BETWEEN] = {"between", 5},
    [OPERATOR_NOT_BETWEEN] = {"not between", 5},
    [OPERATOR_ADD] = {"+", 3},
    [OPERATOR_SUBTRACT] = {"-", 3},
    [OPERATOR_MULTIPLY] = {"*", 3},
    [OPERATOR_DIVIDE] = {"/", 6},
    [OPERATOR_NEGATE] = {"-", 2},
};

enum function { ABS, LN, LOG10, EXP, SQRT, ROUND, FLOOR, CEIL, COALESCE, FUNCTIONS };

static const struct {
    const char *name;
    size_t least, most; /* arguments */
} functions[FUNCTIONS] = {
    [ABS] = {"abs", 1, 1},     [LN] = {"ln", 1, 1},     [LOG10] = {"log10", 1, 1},
    [EXP] = {"exp", 1, 1},     [SQRT] = {"sqrt", 1, 1}, [ROUND] = {"round", 1, 2},
    [FLOOR] = {"floor", 1, 1}, [CEIL] = {"ceil", 1, 1}, [COALESCE] = {"coalesce", 2, 16},
};

static const char *const keywords[] = {"and",     "or",   "not",  "is",   "null", "in",
                                       "between", "case", "when", "then", "else", "end"};

struct parser {
    const struct expression_scope *scope;
    const char *place;
    const char *start, *next; /* the text, and what follows the token */
    enum token token;
    const char *word; /* the token's first byte */
    size_t length;
    unsigned recursion;
    cella_error *error;
    cella_status status;
};

typedef struct expression *reader(struct parser *parser);
static reader read_or;

/* The first error stays. */
__attribute__((format(printf, 2, 3))) static void *wrong(struct parser *parser, const char *format,
                                                         ...)
{
    char sentence[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    if (parser->status == CELLA_OK)
        parser->status = fail(parser->error, CELLA_INVALID, "%s: %s", parser->place, sentence);
    return NULL;
}

static void *no_memory(struct parser *parser)
{
    if (parser->status == CELLA_OK)
        parser->status = fail(parser->error, CELLA_MEMORY, "%s: no memory", parser->place);
    return NULL;
}

/* ---- tokens ---- */

static bool is_name_byte(char byte)
{
    return islower((unsigned char)byte) || isdigit((unsigned char)byte) || byte == '_';
}

static size_t name_length(const char *at)
{
    size_t length = 0;
    if (islower((unsigned char)at[0]))
        while (is_name_byte(at[length]))
            length++;
    return length;
}

/* Digits, and optionally a fraction and an exponent. */
static size_t number_length(const char *at)
{
    size_t length = strspn(at, "0123456789");
    if (at[length] == '.' && isdigit((unsigned char)at[length + 1]))
        length += 1 + strspn(at + length + 1, "0123456789");
    if (at[length] == 'e' || at[length] == 'E') {
        size_t sign = at[length + 1] == '-' || at[length + 1] == '+';
        size_t digits = strspn(at + length + 1 + sign, "0123456789");
        if (digits)
            length += 1 + sign + digits;
    }
    return length;
}

static size_t text_length(const char *at) /* with its quotes; 0: it does not end */
{
    for (size_t i = 1; at[i]; i++)
        if (at[i] == '\'' && at[++i] != '\'')
            return i;
    return 0;
}

static size_t symbol_length(const char *at)
{
    static const char *const doubles[] = {"!=", "<=", ">="};
    for (size_t i = 0; i < sizeof(doubles) / sizeof(*doubles); i++)
        if (strncmp(at, doubles[i], 2) == 0)
            return 2;
    return strchr("+-*/=<>(),.", at[0]) ? 1 : 0;
}

static void advance(struct parser *parser)
{
    const char *at = parser->next + strspn(parser->next, " \t\r\n");
    parser->word = at;
    if (at[0] == 0) {
        parser->token = TOKEN_END;
        parser->length = 0;
    } else if (islower((unsigned char)at[0])) {
        parser->token = TOKEN_NAME;
        parser->length = name_length(at);
    } else if (isdigit((unsigned char)at[0])) {
        parser->token = TOKEN_NUMBER;
        parser->length = number_length(at);
        if (is_name_byte(at[parser->length]) || at[parser->length] == '.')
            wrong(parser, "\"%.20s\" is no number", at);
    } else if (at[0] == '\'') {
        parser->token = TOKEN_TEXT;
        parser->length = text_length(at);
        if (!parser->length)
            wrong(parser, "a text has no closing '");
    } else if (at[0] == ':') {
        parser->token = TOKEN_PARAMETER;
        parser->length = 1 + name_length(at + 1);
    } else {
        parser->token = TOKEN_SYMBOL;
        parser->length = symbol_length(at);
        if (!parser->length)
            wrong(parser, "\"%.20s\": nothing that an expression can have begins so", at);
    }
    if (parser->status != CELLA_OK) {
        parser->token = TOKEN_END;
        parser->length = 0;
    }
    parser->next = at + parser->length;
}

static bool at_word(const struct parser *parser, enum token token, const char *word)
{
    return parser->token == token && parser->length == strlen(word) &&
           strncmp(parser->word, word, parser->length) == 0;
}

static bool take(struct parser *parser, enum token token, const char *word)
{
    bool there = at_word(parser, token, word);
    if (there)
        advance(parser);
    return there;
}

static bool expect(struct parser *parser, enum token token, const char *word)
{
    if (!take(parser, token, word)) {
        wrong(parser, "\"%s\" should stand before \"%.20s\" (byte %zu)", word, parser->word,
              (size_t)(parser->word - parser->start));
        return false;
    }
    return true;
}

bool expression_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
        if (strcmp(name, keywords[i]) == 0)
            return true;
    return false;
}

/* ---- nodes ---- */

bool expression_is_number(const struct expression *expression)
{
    return expression->type == QUERY_INTEGER || expression->type == QUERY_REAL ||
           expression->type == QUERY_BOOLEAN;
}

bool expression_same_family(enum query_type first, enum query_type second)
{
    bool text = first == QUERY_TEXT || first == QUERY_DATE;
    return text == (second == QUERY_TEXT || second == QUERY_DATE);
}

static struct expression *new_node(struct parser *parser, enum expression_kind kind,
                                   enum query_type type)
{
    struct expression *node = plan_allocate(parser->scope->arena, 1, sizeof(*node));
    if (!node)
        return no_memory(parser);
    node->kind = kind;
    node->type = type;
    node->dimension = true;
    node->depth = node->nodes = node->stack = 1;
    return node;
}

static bool in_left_chain(const struct expression *node, const struct expression *first)
{
    return node->kind == EXPRESSION_OPERATOR && first->kind == EXPRESSION_OPERATOR &&
           node->which == first->which && first->count == 2 &&
           (node->which <= OPERATOR_AND ||
            (node->which >= OPERATOR_ADD && node->which <= OPERATOR_DIVIDE));
}

/* Adds an argument, and what it takes. */
static bool add_argument(struct parser *parser, struct expression *node, struct expression *child,
                         unsigned stack)
{
    if (!node || !child)
        return false;
    struct expression **more = plan_allocate(parser->scope->arena, node->count + 1, sizeof(*more));
    if (!more)
        return no_memory(parser) != NULL;
    if (node->count)
        memcpy(more, node->arguments, node->count * sizeof(*more));
    more[node->count] = child;
    node->arguments = more;
    unsigned waiting = node->count++ == 0 && in_left_chain(node, child) ? 0 : stack + 1;
    node->dimension &= child->dimension;
    node->nodes += child->nodes;
    node->depth = child->depth + 1 > node->depth ? child->depth + 1 : node->depth;
    node->stack = child->stack + waiting > node->stack ? child->stack + waiting : node->stack;
    if (node->nodes > NODES_MOST || node->depth > DEPTH_MOST || node->stack > STACK_MOST)
        return wrong(parser, "too long or nested too deeply, with its names of let written out") !=
               NULL;
    return true;
}

static struct expression *operator_node(struct parser *parser, enum expression_operator which,
                                        enum query_type type, struct expression *first,
                                        struct expression *second)
{
    struct expression *node = new_node(parser, EXPRESSION_OPERATOR, type);
    if (node)
        node->which = which;
    unsigned stack = operators[which].stack;
    if (!add_argument(parser, node, first, stack) ||
        (second && !add_argument(parser, node, second, stack)))
        return NULL;
    return node;
}

static bool need_number(struct parser *parser, const struct expression *node, const char *where)
{
    if (node && !expression_is_number(node))
        wrong(parser, "%s needs a number, not a text or a date", where);
    return node && parser->status == CELLA_OK;
}

static bool need_family(struct parser *parser, const struct expression *first,
                        const struct expression *second)
{
    if (first && second && !expression_same_family(first->type, second->type))
        wrong(parser, "a text or a date and a number cannot be compared or stand for each other");
    return first && second && parser->status == CELLA_OK;
}

static enum query_type sum_type(const struct expression *first, const struct expression *second)
{
    return first->type == QUERY_REAL || second->type == QUERY_REAL ? QUERY_REAL : QUERY_INTEGER;
}

/* The type of what may be either. */
static enum query_type common_type(enum query_type first, enum query_type second)
{
    if (first == second)
        return first;
    if (expression_same_family(first, QUERY_TEXT))
        return QUERY_TEXT;
    return first == QUERY_REAL || second == QUERY_REAL ? QUERY_REAL : QUERY_INTEGER;
}

/* ---- what stands by itself ---- */

static char *copy_word(struct parser *parser, const char *word, size_t length)
{
    char *copy = plan_allocate(parser->scope->arena, length + 1, 1);
    if (!copy)
        return no_memory(parser);
    memcpy(copy, word, length);
    return copy;
}

static struct expression *read_number(struct parser *parser)
{
    char *digits = copy_word(parser, parser->word, parser->length);
    if (!digits)
        return NULL;
    bool whole = strspn(digits, "0123456789") == parser->length;
    struct expression *node = new_node(parser, whole ? EXPRESSION_INTEGER : EXPRESSION_REAL,
                                       whole ? QUERY_INTEGER : QUERY_REAL);
    if (!node)
        return NULL;
    errno = 0;
    if (whole)
        node->integer = strtoll(digits, NULL, 10);
    else
        node->real = strtod(digits, NULL);
    if ((whole && errno) || !isfinite(node->real))
        return wrong(parser, "%.40s is too large a number", digits);
    advance(parser);
    return node;
}

static struct expression *read_text(struct parser *parser)
{
    char *copy = copy_word(parser, parser->word + 1, parser->length - 2);
    struct expression *node = new_node(parser, EXPRESSION_TEXT, QUERY_TEXT);
    if (!copy || !node)
        return NULL;
    char *to = copy;
    for (const char *from = copy; *from; from++) {
        *to++ = *from;
        from += *from == '\''; /* the second of two */
    }
    *to = 0;
    node->text = copy;
    advance(parser);
    return node;
}

static struct expression *read_parameter(struct parser *parser)
{
    const struct expression_scope *scope = parser->scope;
    for (size_t i = 0; i < scope->parameter_count; i++)
        if (strlen(scope->parameters[i].name) == parser->length - 1 &&
            strncmp(scope->parameters[i].name, parser->word + 1, parser->length - 1) == 0) {
            struct expression *node =
                new_node(parser, EXPRESSION_PARAMETER, scope->parameters[i].type);
            if (!node)
                return NULL;
            node->column = i;
            node->text = scope->parameters[i].name;
            advance(parser);
            return node;
        }
    return wrong(parser, "\"%.*s\" is not among the parameters",
                 (int)(parser->length > 64 ? 64 : parser->length), parser->word);
}

static struct expression *column_node(struct parser *parser, size_t source, const char *name)
{
    const struct plan_source *from = &parser->scope->sources[source];
    size_t i = 0;
    while (i < from->column_count && strcmp(from->columns[i].name, name) != 0)
        i++;
    if (i == from->column_count)
        return wrong(parser, "\"%s\" has no column \"%s\" in this contract", from->alias, name);
    const struct plan_column *column = &from->columns[i];
    if (column->role == QUERY_HIDDEN)
        return wrong(parser, "column \"%s\" is hidden: it cannot be named", name);
    if (column->role == QUERY_IDENTIFIER || column->role == QUERY_JOINABLE)
        return wrong(parser, "column \"%s\" is %s: it can be joined on%s, not computed with", name,
                     column->role == QUERY_IDENTIFIER ? "an identifier" : "joinable",
                     column->role == QUERY_IDENTIFIER ? " and counted" : "");
    struct expression *node = new_node(parser, EXPRESSION_COLUMN, column->type);
    if (!node)
        return NULL;
    node->source = source;
    node->column = i;
    node->text = column->name;
    node->dimension = column->role == QUERY_DIMENSION;
    return node;
}

static struct expression *read_let(struct parser *parser, const char *name)
{
    const struct expression_scope *scope = parser->scope;
    for (size_t i = 0; i < scope->let_count; i++)
        if (strcmp(scope->lets[i].name, name) == 0) {
            struct expression *target = scope->lets[i].value;
            struct expression *node = new_node(parser, EXPRESSION_LET, target->type);
            if (!node)
                return NULL;
            node->text = scope->lets[i].name;
            node->let = target;
            node->dimension = target->dimension;
            node->nodes = target->nodes;
            node->depth = target->depth;
            node->stack = target->stack + 1;
            return node;
        }
    return wrong(parser, "\"%s\" is no name of let (columns are written ALIAS.COLUMN)", name);
}

static struct expression *read_column(struct parser *parser, const char *alias)
{
    for (size_t i = 0; i < parser->scope->source_count; i++)
        if (strcmp(parser->scope->sources[i].alias, alias) == 0) {
            char *name = parser->token == TOKEN_NAME
                             ? copy_word(parser, parser->word, parser->length)
                             : wrong(parser, "a column's name must follow \"%s.\"", alias);
            struct expression *node = name ? column_node(parser, i, name) : NULL;
            if (node)
                advance(parser);
            return node;
        }
    return wrong(parser, "\"%s\" is no alias of this statement", alias);
}

static enum query_type call_type(const struct expression *call)
{
    enum query_type first = call->arguments[0]->type, type = first;
    switch (call->which) {
    case ABS:
        return first == QUERY_REAL ? QUERY_REAL : QUERY_INTEGER;
    case ROUND:
        return call->count == 1 ? QUERY_INTEGER : QUERY_REAL;
    case FLOOR:
    case CEIL:
        return QUERY_INTEGER;
    case COALESCE:
        for (size_t i = 1; i < call->count; i++)
            type = common_type(type, call->arguments[i]->type);
        return type;
    default:
        return QUERY_REAL;
    }
}

static struct expression *finish_call(struct parser *parser, struct expression *call)
{
    for (size_t i = 0; i < call->count; i++)
        if (call->which == COALESCE
                ? !need_family(parser, call->arguments[0], call->arguments[i])
                : !need_number(parser, call->arguments[i], functions[call->which].name))
            return NULL;
    if (call->which == ROUND && call->count == 2 &&
        (call->arguments[1]->kind != EXPRESSION_INTEGER || call->arguments[1]->integer > 15))
        return wrong(parser, "round takes a number of digits from 0 to 15");
    call->type = call_type(call);
    return call;
}

/* After NAME and the bracket. */
static struct expression *read_call(struct parser *parser, const char *name)
{
    size_t which = 0;
    while (which < FUNCTIONS && strcmp(functions[which].name, name) != 0)
        which++;
    if (which == FUNCTIONS)
        return wrong(parser, "\"%s\" is no function of expressions", name);
    struct expression *call = new_node(parser, EXPRESSION_CALL, QUERY_REAL);
    if (!call)
        return NULL;
    call->which = (unsigned)which;
    do {
        if (!add_argument(parser, call, read_or(parser), 6))
            return NULL;
    } while (take(parser, TOKEN_SYMBOL, ","));
    if (!expect(parser, TOKEN_SYMBOL, ")"))
        return NULL;
    if (call->count < functions[which].least || call->count > functions[which].most)
        return wrong(parser, "%s takes %zu to %zu values, not %zu", name, functions[which].least,
                     functions[which].most, call->count);
    return finish_call(parser, call);
}

/* After "case". */
static struct expression *read_case(struct parser *parser)
{
    struct expression *node = new_node(parser, EXPRESSION_CASE, 0);
    if (!node)
        return NULL;
    while (take(parser, TOKEN_NAME, "when")) {
        struct expression *when = read_or(parser);
        if (!need_number(parser, when, "when") || !expect(parser, TOKEN_NAME, "then"))
            return NULL;
        if (!add_argument(parser, node, when, 5) || !add_argument(parser, node, read_or(parser), 7))
            return NULL;
    }
    if (node->count == 0)
        return wrong(parser, "case needs a \"when\"");
    if (take(parser, TOKEN_NAME, "else") && !add_argument(parser, node, read_or(parser), 7))
        return NULL;
    if (!expect(parser, TOKEN_NAME, "end"))
        return NULL;
    node->type = node->arguments[1]->type;
    for (size_t i = 1; i < node->count; i += i + 2 == node->count ? 1 : 2) {
        if (!need_family(parser, node->arguments[1], node->arguments[i]))
            return NULL;
        node->type = common_type(node->type, node->arguments[i]->type);
    }
    return node;
}

static struct expression *read_named(struct parser *parser)
{
    if (take(parser, TOKEN_NAME, "case"))
        return read_case(parser);
    if (parser->length > QUERY_NAME)
        return wrong(parser, "\"%.70s\" is longer than a name may be", parser->word);
    char *name = copy_word(parser, parser->word, parser->length);
    if (!name)
        return NULL;
    advance(parser);
    if (take(parser, TOKEN_SYMBOL, "("))
        return read_call(parser, name);
    if (take(parser, TOKEN_SYMBOL, "."))
        return read_column(parser, name);
    if (expression_reserved(name))
        return wrong(parser, "\"%s\" cannot stand there", name);
    return parser->scope->bare ? column_node(parser, 0, name) : read_let(parser, name);
}

static struct expression *read_primary(struct parser *parser)
{
    if (parser->status != CELLA_OK)
        return NULL;
    switch (parser->token) {
    case TOKEN_NUMBER:
        return read_number(parser);
    case TOKEN_TEXT:
        return read_text(parser);
    case TOKEN_PARAMETER:
        return read_parameter(parser);
    case TOKEN_NAME:
        return read_named(parser);
    default:
        break;
    }
    if (take(parser, TOKEN_SYMBOL, "(")) {
        struct expression *node = read_or(parser);
        return node && expect(parser, TOKEN_SYMBOL, ")") ? node : NULL;
    }
    return wrong(parser, "a value should stand at byte %zu",
                 (size_t)(parser->word - parser->start));
}

/* ---- operators, from those that bind most ---- */

static struct expression *read_unary(struct parser *parser)
{
    unsigned minus = 0;
    while (take(parser, TOKEN_SYMBOL, "-"))
        minus++;
    struct expression *node = read_primary(parser);
    for (; node && minus; minus--)
        node =
            need_number(parser, node, "-")
                ? operator_node(parser, OPERATOR_NEGATE,
                                node->type == QUERY_REAL ? QUERY_REAL : QUERY_INTEGER, node, NULL)
                : NULL;
    return node;
}

static struct expression *arithmetic(struct parser *parser, enum expression_operator which,
                                     struct expression *first, struct expression *second)
{
    if (!need_number(parser, first, operators[which].text) ||
        !need_number(parser, second, operators[which].text))
        return NULL;
    enum query_type type = which == OPERATOR_DIVIDE ? QUERY_REAL : sum_type(first, second);
    return operator_node(parser, which, type, first, second);
}

static struct expression *read_product(struct parser *parser)
{
    struct expression *node = read_unary(parser);
    while (node) {
        if (take(parser, TOKEN_SYMBOL, "*"))
            node = arithmetic(parser, OPERATOR_MULTIPLY, node, read_unary(parser));
        else if (take(parser, TOKEN_SYMBOL, "/"))
            node = arithmetic(parser, OPERATOR_DIVIDE, node, read_unary(parser));
        else
            break;
    }
    return node;
}

static struct expression *read_sum(struct parser *parser)
{
    struct expression *node = read_product(parser);
    while (node) {
        if (take(parser, TOKEN_SYMBOL, "+"))
            node = arithmetic(parser, OPERATOR_ADD, node, read_product(parser));
        else if (take(parser, TOKEN_SYMBOL, "-"))
            node = arithmetic(parser, OPERATOR_SUBTRACT, node, read_product(parser));
        else
            break;
    }
    return node;
}

static struct expression *read_in(struct parser *parser, struct expression *first, bool negated)
{
    struct expression *node =
        operator_node(parser, negated ? OPERATOR_NOT_IN : OPERATOR_IN, QUERY_BOOLEAN, first, NULL);
    if (!node || !expect(parser, TOKEN_SYMBOL, "("))
        return NULL;
    do {
        struct expression *one = read_sum(parser);
        if (!need_family(parser, first, one) || !add_argument(parser, node, one, 6))
            return NULL;
    } while (take(parser, TOKEN_SYMBOL, ","));
    return expect(parser, TOKEN_SYMBOL, ")") ? node : NULL;
}

static struct expression *read_between(struct parser *parser, struct expression *first,
                                       bool negated)
{
    struct expression *low = read_sum(parser);
    if (!need_family(parser, first, low) || !expect(parser, TOKEN_NAME, "and"))
        return NULL;
    struct expression *high = read_sum(parser);
    enum expression_operator which = negated ? OPERATOR_NOT_BETWEEN : OPERATOR_BETWEEN;
    if (!need_family(parser, first, high))
        return NULL;
    struct expression *node = operator_node(parser, which, QUERY_BOOLEAN, first, low);
    return add_argument(parser, node, high, operators[which].stack) ? node : NULL;
}

static struct expression *read_is(struct parser *parser, struct expression *first)
{
    bool negated = take(parser, TOKEN_NAME, "not");
    if (!expect(parser, TOKEN_NAME, "null"))
        return NULL;
    return operator_node(parser, negated ? OPERATOR_IS_NOT_NULL : OPERATOR_IS_NULL, QUERY_BOOLEAN,
                         first, NULL);
}

static struct expression *read_comparison(struct parser *parser)
{
    struct expression *first = read_sum(parser);
    if (!first)
        return NULL;
    if (take(parser, TOKEN_NAME, "is"))
        return read_is(parser, first);
    bool negated = take(parser, TOKEN_NAME, "not");
    if (take(parser, TOKEN_NAME, "in"))
        return read_in(parser, first, negated);
    if (take(parser, TOKEN_NAME, "between"))
        return read_between(parser, first, negated);
    if (negated)
        return wrong(parser, "\"in\" or \"between\" should follow this \"not\"");
    for (unsigned which = OPERATOR_EQUAL; which <= OPERATOR_GREATER_EQUAL; which++)
        if (take(parser, TOKEN_SYMBOL, operators[which].text)) {
            struct expression *second = read_sum(parser);
            return need_family(parser, first, second)
                       ? operator_node(parser, which, QUERY_BOOLEAN, first, second)
                       : NULL;
        }
    return first;
}

static struct expression *read_not(struct parser *parser)
{
    unsigned negations = 0;
    while (take(parser, TOKEN_NAME, "not"))
        negations++;
    struct expression *node = read_comparison(parser);
    for (; node && negations; negations--)
        node = need_number(parser, node, "not")
                   ? operator_node(parser, OPERATOR_NOT, QUERY_BOOLEAN, node, NULL)
                   : NULL;
    return node;
}

static struct expression *read_logical(struct parser *parser, enum expression_operator which,
                                       reader *operand)
{
    const char *word = operators[which].text;
    struct expression *node = operand(parser);
    while (node && take(parser, TOKEN_NAME, word)) {
        struct expression *second = operand(parser);
        if (!need_number(parser, node, word) || !need_number(parser, second, word))
            return NULL;
        node = operator_node(parser, which, QUERY_BOOLEAN, node, second);
    }
    return node;
}

static struct expression *read_and(struct parser *parser)
{
    return read_logical(parser, OPERATOR_AND, read_not);
}

static struct expression *read_or(struct parser *parser)
{
    if (parser->recursion++ == RECURSION_MOST)
        return wrong(parser, "nested too deeply");
    struct expression *node = read_logical(parser, OPERATOR_OR, read_and);
    parser->recursion--;
    return node;
}

cella_status expression_parse(const struct expression_scope *scope, const char *place,
                              const char *text, struct expression **result, cella_error *error)
{
    struct parser parser = {
        .scope = scope, .place = place, .start = text, .next = text, .error = error};
    if (strlen(text) > LENGTH_MOST)
        wrong(&parser, "longer than %u bytes", LENGTH_MOST);
    advance(&parser);
    struct expression *node = read_or(&parser);
    if (node && parser.token != TOKEN_END)
        wrong(&parser, "\"%.30s\" is one thing too many (byte %zu)", parser.word,
              (size_t)(parser.word - parser.start));
    if (parser.status == CELLA_OK)
        *result = node;
    return parser.status;
}

const struct expression *expression_plain(const struct expression *expression)
{
    while (expression && expression->kind == EXPRESSION_LET)
        expression = expression->let;
    return expression && expression->kind == EXPRESSION_COLUMN ? expression : NULL;
}

bool expression_is_coalesce(const struct expression *expression)
{
    return expression->kind == EXPRESSION_CALL && expression->which == COALESCE;
}

bool expression_is_steep(const struct expression *expression)
{
    return expression->kind == EXPRESSION_CALL &&
           (expression->which == EXP || expression->which == ROUND || expression->which == FLOOR ||
            expression->which == CEIL);
}

/* ---- written out ---- */

struct writer {
    struct text *text;
    const struct plan_source *sources; /* NULL: columns stand by themselves */
    bool sql;
};

static void write_node(const struct writer *writer, const struct expression *node);

static void write_text(struct text *text, const char *value)
{
    text_put(text, "'");
    for (; *value; value++)
        text_add(text, "%s%c", *value == '\'' ? "'" : "", *value);
    text_put(text, "'");
}

static void write_real(struct text *text, double value)
{
    char digits[40];
    snprintf(digits, sizeof(digits), "%.15g", value);
    if (strtod(digits, NULL) != value)
        snprintf(digits, sizeof(digits), "%.17g", value);
    text_add(text, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

static void write_column(const struct writer *writer, const struct expression *node)
{
    const char *quote = writer->sql ? "\"" : "";
    if (writer->sources)
        text_add(writer->text, "%s%s%s.", quote, writer->sources[node->source].alias, quote);
    text_add(writer->text, "%s%s%s", quote, node->text, quote);
}

/* In brackets, unless it binds by itself. */
static void write_operand(const struct writer *writer, const struct expression *node)
{
    bool bare = node->kind != EXPRESSION_OPERATOR;
    text_put(writer->text, bare ? "" : "(");
    write_node(writer, node);
    text_put(writer->text, bare ? "" : ")");
}

static void write_list(const struct writer *writer, const struct expression *node, size_t from)
{
    for (size_t i = from; i < node->count; i++) {
        text_put(writer->text, i == from ? "" : ", ");
        write_node(writer, node->arguments[i]);
    }
}

static void write_binary(const struct writer *writer, const struct expression *node)
{
    const struct expression *first = node->arguments[0];
    bool cast = writer->sql && node->which == OPERATOR_DIVIDE && first->type != QUERY_REAL;
    text_put(writer->text, cast ? "CAST(" : "");
    if (in_left_chain(node, first))
        write_node(writer, first);
    else
        write_operand(writer, first);
    text_put(writer->text, cast ? " AS REAL)" : "");
    text_add(writer->text, " %s ", operators[node->which].text);
    write_operand(writer, node->arguments[1]);
}

static void write_operator(const struct writer *writer, const struct expression *node)
{
    const char *word = operators[node->which].text;
    switch (node->which) {
    case OPERATOR_NOT:
    case OPERATOR_NEGATE:
        text_add(writer->text, "%s%s", word, node->which == OPERATOR_NOT ? " " : "");
        write_operand(writer, node->arguments[0]);
        break;
    case OPERATOR_IS_NULL:
    case OPERATOR_IS_NOT_NULL:
        write_operand(writer, node->arguments[0]);
        text_add(writer->text, " %s", word);
        break;
    case OPERATOR_IN:
    case OPERATOR_NOT_IN:
        write_operand(writer, node->arguments[0]);
        text_add(writer->text, " %s (", word);
        write_list(writer, node, 1);
        text_put(writer->text, ")");
        break;
    case OPERATOR_BETWEEN:
    case OPERATOR_NOT_BETWEEN:
        write_operand(writer, node->arguments[0]);
        text_add(writer->text, " %s ", word);
        write_operand(writer, node->arguments[1]);
        text_put(writer->text, " and ");
        write_operand(writer, node->arguments[2]);
        break;
    default:
        write_binary(writer, node);
    }
}

static void write_call(const struct writer *writer, const struct expression *node)
{
    bool whole = node->type == QUERY_INTEGER &&
                 (node->which == ROUND || node->which == FLOOR || node->which == CEIL);
    const char *name = functions[node->which].name;
    if (writer->sql && node->which == ABS)
        name = "cella_abs"; /* SQLite's fails for the least integer */
    text_add(writer->text, "%s%s(", writer->sql && whole ? "CAST(" : "", name);
    write_list(writer, node, 0);
    text_put(writer->text, writer->sql && whole ? ") AS INTEGER)" : ")");
}

static void write_case(const struct writer *writer, const struct expression *node)
{
    text_put(writer->text, "case");
    for (size_t i = 0; i < node->count; i++) {
        bool otherwise = i + 1 == node->count && i % 2 == 0;
        text_put(writer->text, otherwise ? " else " : i % 2 ? " then " : " when ");
        write_operand(writer, node->arguments[i]);
    }
    text_put(writer->text, " end");
}

static void write_node(const struct writer *writer, const struct expression *node)
{
    switch (node->kind) {
    case EXPRESSION_INTEGER:
        text_add(writer->text, "%lld", (long long)node->integer);
        break;
    case EXPRESSION_REAL:
        write_real(writer->text, node->real);
        break;
    case EXPRESSION_TEXT:
        write_text(writer->text, node->text);
        break;
    case EXPRESSION_PARAMETER:
        text_add(writer->text, ":%s", node->text);
        break;
    case EXPRESSION_COLUMN:
        write_column(writer, node);
        break;
    case EXPRESSION_LET:
        if (writer->sql)
            write_operand(writer, node->let);
        else
            text_add(writer->text, "%s", node->text);
        break;
    case EXPRESSION_OPERATOR:
        write_operator(writer, node);
        break;
    case EXPRESSION_CALL:
        write_call(writer, node);
        break;
    case EXPRESSION_CASE:
        write_case(writer, node);
        break;
    }
}

void expression_sql(struct text *text, const struct plan_source *sources,
                    const struct expression *expression)
{
    struct writer writer = {.text = text, .sources = sources, .sql = true};
    write_operand(&writer, expression);
}

void expression_text(struct text *text, const struct plan_source *sources,
                     const struct expression *expression)
{
    struct writer writer = {.text = text, .sources = sources};
    write_node(&writer, expression);
}
