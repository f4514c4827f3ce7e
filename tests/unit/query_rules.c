/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules against a checker that knows nothing of SQL or sorted sets: individuals are bits. Random
 * small tables, three statements a run, of one input or of two joined ones; each group has a cell
 * of its own (a count with a condition). Which rows and cells leave is computed here too, and
 * whatever leaves is held to what the rules promise, pair by pair.
 */
#include "query_contract.h"

#define PEOPLE     40
#define ROWS_MOST  80
#define GROUPS     5
#define STATEMENTS 3
#define LEAST      4
#define INPUTS     2

/* Groups that leave together: rows, or cells. */
struct family {
    uint64_t sets[GROUPS][INPUTS];
    size_t rows[GROUPS];
    bool left[GROUPS];
};

struct world {
    unsigned seed;
    struct row {
        unsigned pid, g, h;
    } rows[INPUTS][ROWS_MOST];
    size_t counts[INPUTS];
    struct statement {
        enum { ALONE, INNER, LEFT } join;
        char key;          /* 'g', 'h', or 0: one group of all */
        unsigned excluded; /* rows with this h are filtered out; GROUPS: none */
        unsigned cell;     /* rows with this h are counted apart */
        struct family groups, cells;
    } statements[STATEMENTS];
    uint64_t released[INPUTS][STATEMENTS * 2 * (GROUPS + 2)];
    size_t released_count[INPUTS];
};

static unsigned next_random(struct world *world, unsigned most)
{
    world->seed = world->seed * 1103515245u + 12345u;
    return (world->seed >> 16) % most;
}

static bool is_near(uint64_t first, uint64_t second)
{
    int different = __builtin_popcountll(first ^ second);
    return different > 0 && different < LEAST;
}

static bool near_released(const struct world *world, size_t input, uint64_t set)
{
    for (size_t i = 0; i < world->released_count[input]; i++)
        if (is_near(world->released[input][i], set))
            return true;
    return false;
}

static uint64_t all_of(const struct family *family, size_t input, bool left)
{
    uint64_t all = 0;
    for (size_t i = 0; i < GROUPS; i++)
        if (family->left[i] == left)
            all |= family->sets[i][input];
    return all;
}

static bool shows_few(const struct world *world, const struct family *family, size_t input)
{
    uint64_t hidden = all_of(family, input, false), left = all_of(family, input, true);
    if (hidden && (__builtin_popcountll(hidden) < LEAST || near_released(world, input, hidden)))
        return true;
    return left && near_released(world, input, left);
}

static bool suppress_smallest(struct family *family, size_t input)
{
    size_t smallest = GROUPS;
    for (size_t i = 0; i < GROUPS; i++)
        if (family->left[i] &&
            (smallest == GROUPS || __builtin_popcountll(family->sets[i][input]) <
                                       __builtin_popcountll(family->sets[smallest][input])))
            smallest = i;
    if (smallest < GROUPS)
        family->left[smallest] = false;
    return smallest < GROUPS;
}

static bool may_leave(const struct world *world, const struct family *family, size_t group)
{
    bool somebody = false;
    for (size_t input = 0; input < INPUTS; input++) {
        uint64_t set = family->sets[group][input];
        if (!set)
            continue;
        somebody = true;
        if (__builtin_popcountll(set) < LEAST || near_released(world, input, set))
            return false;
        for (size_t k = 0; k < group; k++)
            if (family->left[k] && is_near(family->sets[k][input], set))
                return false;
    }
    return somebody;
}

/* `left` says at first which may leave at all. */
static void decide(struct world *world, struct family *family)
{
    for (size_t i = 0; i < GROUPS; i++)
        family->left[i] = family->left[i] && may_leave(world, family, i);
    for (bool again = true; again;) {
        again = false;
        for (size_t input = 0; !again && input < INPUTS; input++)
            again = shows_few(world, family, input) && suppress_smallest(family, input);
    }
    for (size_t input = 0; input < INPUTS; input++) {
        uint64_t *released = world->released[input];
        size_t *count = &world->released_count[input];
        for (size_t i = 0; i < GROUPS; i++)
            if (family->left[i] && family->sets[i][input])
                released[(*count)++] = family->sets[i][input];
        for (unsigned left = 0; left < 2; left++)
            if (all_of(family, input, left))
                released[(*count)++] = all_of(family, input, left);
    }
}

/* A row of the statement: one of the first input, and one of the second or none. */
static void add_row(struct statement *statement, const struct row *first, const struct row *second)
{
    unsigned group = statement->key == 'g' ? first->g : statement->key == 'h' ? first->h : 0;
    struct family *families[] = {&statement->groups, &statement->cells};
    if (first->h == statement->excluded)
        return;
    for (size_t i = 0; i < (first->h == statement->cell ? 2 : 1); i++) {
        families[i]->sets[group][0] |= UINT64_C(1) << first->pid;
        families[i]->sets[group][1] |= second ? UINT64_C(1) << second->pid : 0;
        families[i]->rows[group]++;
    }
}

static void add_rows(const struct world *world, struct statement *statement)
{
    for (size_t i = 0; i < world->counts[0]; i++) {
        bool met = false;
        const struct row *first = &world->rows[0][i];
        for (size_t k = 0; statement->join != ALONE && k < world->counts[1]; k++) {
            if (world->rows[1][k].g != first->pid % GROUPS)
                continue;
            met = true;
            add_row(statement, first, &world->rows[1][k]);
        }
        if (!met && statement->join != INNER)
            add_row(statement, first, NULL);
    }
}

static void make_world(struct world *world)
{
    for (size_t input = 0; input < INPUTS; input++) {
        world->counts[input] = 1 + next_random(world, input ? 16 : ROWS_MOST);
        for (size_t i = 0; i < world->counts[input]; i++)
            world->rows[input][i] =
                (struct row){next_random(world, PEOPLE), next_random(world, GROUPS),
                             next_random(world, 4) * next_random(world, 2)};
    }
    for (size_t s = 0; s < STATEMENTS; s++) {
        struct statement *statement = &world->statements[s];
        statement->join = next_random(world, 2) ? ALONE : 1 + next_random(world, 2);
        statement->key = "gh\0"[next_random(world, 3)];
        statement->excluded = next_random(world, 2) ? GROUPS : next_random(world, 4);
        statement->cell = next_random(world, 4);
        add_rows(world, statement);
        for (size_t i = 0; i < GROUPS; i++)
            statement->groups.left[i] = statement->groups.rows[i] > 0;
        decide(world, &statement->groups);
        memcpy(statement->cells.left, statement->groups.left, sizeof(statement->cells.left));
        decide(world, &statement->cells);
    }
}

static json_t *make_contract(const struct world *world)
{
    static const char *const joins[] = {[INNER] = "inner", [LEFT] = "left"};
    static const char columns[] =
        "'columns':[{'name':'pid','type':'text','role':'identifier'},"
        "{'name':'t','type':'integer','role':'joinable'},"
        "{'name':'g','type':'integer','role':'dimension'},"
        "{'name':'h','type':'integer','role':'dimension'}]";
    char *statements = NULL, *outputs = NULL;
    size_t ignored;
    FILE *text = open_memstream(&statements, &ignored);
    for (size_t s = 0; s < STATEMENTS; s++) {
        const struct statement *statement = &world->statements[s];
        fprintf(text, "%s{'name':'s%zu','from':{'input':'r','as':'r'}", s ? "," : "", s);
        if (statement->join != ALONE)
            fprintf(text, ",'join':[{'input':'l','as':'l','kind':'%s','on':[['r.t','l.g']]}]",
                    joins[statement->join]);
        if (statement->excluded < GROUPS)
            fprintf(text, ",'where':['r.h != %u']", statement->excluded);
        if (statement->key)
            fprintf(text, ",'group':['r.%c']", statement->key);
        fprintf(text,
                ",'select':[{'name':'n','count':true},{'name':'p','individuals':'r'},"
                "{'name':'c','count':true,'where':'r.h = %u'}]}",
                statement->cell);
    }
    fclose(text);
    text = open_memstream(&outputs, &ignored);
    for (size_t s = 0; s < STATEMENTS; s++)
        fprintf(text,
                "%s{'name':'s%zu','statement':'s%zu','format':'csv','recipients':['n'],'rules':{}}",
                s ? "," : "", s, s);
    fclose(text);
    json_t *contract = contract_contract(
        "{'parties':[{'name':'n'}],'inputs':["
        "{'name':'r','owner':'n','format':'csv','box':'any',%s,'rules':{'least_individuals':%d}},"
        "{'name':'l','owner':'n','format':'csv','box':'any',%s,'rules':{'least_individuals':%d}}],"
        "'statements':[%s],'outputs':[%s]}",
        columns, LEAST, columns, LEAST, statements, outputs);
    free(statements);
    free(outputs);
    return contract;
}

static char *make_csv(const struct world *world, size_t input)
{
    char *csv = NULL;
    size_t ignored;
    FILE *text = open_memstream(&csv, &ignored);
    fprintf(text, "pid,t,g,h\n");
    for (size_t i = 0; i < world->counts[input]; i++) {
        const struct row *row = &world->rows[input][i];
        fprintf(text, "p%u,%u,%u,%u\n", row->pid, row->pid % GROUPS, row->g, row->h);
    }
    fclose(text);
    return csv;
}

/* What a statement should give. */
static char *expected(const struct statement *statement)
{
    char *bytes = NULL;
    size_t ignored;
    FILE *text = open_memstream(&bytes, &ignored);
    if (statement->key)
        fprintf(text, "%c,", statement->key);
    fprintf(text, "n,p,c\r\n");
    for (size_t i = 0; i < GROUPS; i++)
        if (statement->groups.left[i]) {
            if (statement->key)
                fprintf(text, "%zu,", i);
            fprintf(text, "%zu,%d,", statement->groups.rows[i],
                    __builtin_popcountll(statement->groups.sets[i][0]));
            if (statement->cells.left[i])
                fprintf(text, "%zu", statement->cells.rows[i]);
            fprintf(text, "\r\n");
        }
    fclose(text);
    return bytes;
}

static void check_pair(const struct family *first, const struct family *second, size_t input)
{
    for (size_t i = 0; i < GROUPS; i++) {
        uint64_t set = first->sets[i][input];
        if (!first->left[i] || !set)
            continue;
        assert_true(__builtin_popcountll(set) >= LEAST);
        for (size_t k = 0; k < GROUPS; k++)
            if (second->left[k] && second->sets[k][input])
                assert_false(is_near(set, second->sets[k][input]));
        if (first != second) /* a total minus the groups that left */
            assert_false(is_near(set, all_of(second, input, true)) && all_of(second, input, true));
    }
}

static void check_promises(const struct world *world)
{
    for (size_t a = 0; a < 2 * STATEMENTS; a++)
        for (size_t b = 0; b < 2 * STATEMENTS; b++)
            for (size_t input = 0; input < INPUTS; input++) {
                const struct statement *first = &world->statements[a / 2],
                                       *second = &world->statements[b / 2];
                check_pair(a % 2 ? &first->cells : &first->groups,
                           b % 2 ? &second->cells : &second->groups, input);
            }
}

struct tally {
    size_t left, suppressed, cells;
};

static void check_run(const struct world *world, struct query_run *run, struct tally *tally)
{
    for (size_t s = 0; s < STATEMENTS; s++) {
        struct query_account account;
        cella_error error;
        char name[] = {'s', (char)('0' + s), 0};
        char *given = contract_output(run, name, &account, &error);
        char *wanted = expected(&world->statements[s]);
        if (!given || strcmp(given, wanted) != 0)
            fail_msg("statement %zu (%d): %s instead of %s", s, world->statements[s].join,
                     given ? given : error.sentence, wanted);
        tally->left += account.rows_out;
        tally->suppressed += account.rows_suppressed;
        for (size_t i = 0; i < GROUPS; i++)
            tally->cells +=
                world->statements[s].join != ALONE && world->statements[s].cells.left[i];
        free(given);
        free(wanted);
    }
}

static void test_against_bits(void **state)
{
    (void)state;
    struct tally tally = {0};
    for (unsigned seed = 1; seed <= 400; seed++) {
        struct world world = {.seed = seed};
        make_world(&world);
        check_promises(&world);
        char *csv[INPUTS] = {make_csv(&world, 0), make_csv(&world, 1)};
        struct contract_input inputs[] = {{"r", csv[0]}, {"l", csv[1]}};
        struct query_plan *plan;
        struct query_run *run = contract_start(make_contract(&world), inputs, INPUTS, &plan);
        check_run(&world, run, &tally);
        query_run_free(run);
        query_plan_free(plan);
        free(csv[0]);
        free(csv[1]);
    }
    assert_true(tally.left > 200 && tally.suppressed > 200 && tally.cells > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
