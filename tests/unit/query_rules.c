/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules against a checker that knows nothing of SQL or sorted sets: individuals are bits. Random
 * small tables, three statements a run; which rows leave is computed here too, and whatever leaves
 * is held to what the rules promise, pair by pair.
 */
#include "query_contract.h"

#define PEOPLE     40
#define ROWS_MOST  80
#define GROUPS     5
#define STATEMENTS 3
#define LEAST      4

struct row {
    unsigned pid, g, h;
};

struct world {
    unsigned seed;
    struct row rows[ROWS_MOST];
    size_t count;
    struct statement {
        char key;          /* 'g', 'h', or 0: one group of all */
        unsigned excluded; /* rows with this h are filtered out; GROUPS: none */
        uint64_t groups[GROUPS];
        size_t rows[GROUPS];
        bool left[GROUPS];
    } statements[STATEMENTS];
    uint64_t released[STATEMENTS * (GROUPS + 2)];
    size_t released_count;
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

static bool near_released(const struct world *world, uint64_t set)
{
    for (size_t i = 0; i < world->released_count; i++)
        if (is_near(world->released[i], set))
            return true;
    return false;
}

static uint64_t all_of(const struct statement *statement, bool left)
{
    uint64_t all = 0;
    for (size_t i = 0; i < GROUPS; i++)
        if (statement->rows[i] && statement->left[i] == left)
            all |= statement->groups[i];
    return all;
}

static bool shows_few(const struct world *world, const struct statement *statement)
{
    uint64_t hidden = all_of(statement, false), left = all_of(statement, true);
    if (hidden && (__builtin_popcountll(hidden) < LEAST || near_released(world, hidden)))
        return true;
    return left && near_released(world, left);
}

static void decide(struct world *world, struct statement *statement)
{
    for (size_t i = 0; i < GROUPS; i++) {
        uint64_t set = statement->groups[i];
        bool leaves =
            statement->rows[i] && __builtin_popcountll(set) >= LEAST && !near_released(world, set);
        for (size_t k = 0; k < i; k++)
            leaves &= !statement->left[k] || !is_near(statement->groups[k], set);
        statement->left[i] = leaves;
    }
    while (all_of(statement, true) && shows_few(world, statement)) {
        size_t smallest = GROUPS;
        for (size_t i = 0; i < GROUPS; i++)
            if (statement->left[i] &&
                (smallest == GROUPS || __builtin_popcountll(statement->groups[i]) <
                                           __builtin_popcountll(statement->groups[smallest])))
                smallest = i;
        statement->left[smallest] = false;
    }
    for (size_t i = 0; i < GROUPS; i++)
        if (statement->left[i])
            world->released[world->released_count++] = statement->groups[i];
    for (unsigned left = 0; left < 2; left++)
        if (all_of(statement, left))
            world->released[world->released_count++] = all_of(statement, left);
}

static void make_world(struct world *world)
{
    world->count = 1 + next_random(world, ROWS_MOST);
    for (size_t i = 0; i < world->count; i++)
        world->rows[i] = (struct row){next_random(world, PEOPLE), next_random(world, GROUPS),
                                      next_random(world, 4) * next_random(world, 2)};
    for (size_t s = 0; s < STATEMENTS; s++) {
        struct statement *statement = &world->statements[s];
        statement->key = "gh\0"[next_random(world, 3)];
        statement->excluded = next_random(world, 2) ? GROUPS : next_random(world, 4);
        for (size_t i = 0; i < world->count; i++) {
            const struct row *row = &world->rows[i];
            unsigned group = statement->key == 'g' ? row->g : statement->key == 'h' ? row->h : 0;
            if (row->h == statement->excluded)
                continue;
            statement->groups[group] |= UINT64_C(1) << row->pid;
            statement->rows[group]++;
        }
        decide(world, statement);
    }
}

static json_t *make_contract(const struct world *world)
{
    char *statements = NULL, *outputs = NULL;
    size_t ignored;
    FILE *text = open_memstream(&statements, &ignored);
    for (size_t s = 0; s < STATEMENTS; s++) {
        const struct statement *statement = &world->statements[s];
        fprintf(text, "%s{'name':'s%zu','from':{'input':'r','as':'r'}", s ? "," : "", s);
        if (statement->excluded < GROUPS)
            fprintf(text, ",'where':['r.h != %u']", statement->excluded);
        if (statement->key)
            fprintf(text, ",'group':['r.%c']", statement->key);
        fprintf(text, ",'select':[{'name':'n','count':true},{'name':'p','individuals':'r'}]}");
    }
    fclose(text);
    text = open_memstream(&outputs, &ignored);
    for (size_t s = 0; s < STATEMENTS; s++)
        fprintf(text,
                "%s{'name':'s%zu','statement':'s%zu','format':'csv','recipients':['n'],'rules':{}}",
                s ? "," : "", s, s);
    fclose(text);
    json_t *contract = contract_contract(
        "{'parties':[{'name':'n'}],'inputs':[{'name':'r','owner':'n','format':'csv','box':'any',"
        "'columns':[{'name':'pid','type':'text','role':'identifier'},"
        "{'name':'g','type':'integer','role':'dimension'},"
        "{'name':'h','type':'integer','role':'dimension'}],"
        "'rules':{'least_individuals':%d}}],'statements':[%s],'outputs':[%s]}",
        LEAST, statements, outputs);
    free(statements);
    free(outputs);
    return contract;
}

/* What a statement should give. */
static char *expected(const struct statement *statement)
{
    char *bytes = NULL;
    size_t ignored;
    FILE *text = open_memstream(&bytes, &ignored);
    if (statement->key)
        fprintf(text, "%c,", statement->key);
    fprintf(text, "n,p\r\n");
    for (size_t i = 0; i < GROUPS; i++)
        if (statement->left[i]) {
            if (statement->key)
                fprintf(text, "%zu,", i);
            fprintf(text, "%zu,%d\r\n", statement->rows[i],
                    __builtin_popcountll(statement->groups[i]));
        }
    fclose(text);
    return bytes;
}

static void check_promises(const struct world *world)
{
    for (size_t a = 0; a < STATEMENTS; a++)
        for (size_t i = 0; i < GROUPS; i++)
            for (size_t b = 0; b < STATEMENTS; b++)
                for (size_t k = 0; k < GROUPS; k++) {
                    const struct statement *first = &world->statements[a],
                                           *second = &world->statements[b];
                    if (!first->left[i] || !second->left[k])
                        continue;
                    assert_true(__builtin_popcountll(first->groups[i]) >= LEAST);
                    assert_false(is_near(first->groups[i], second->groups[k]));
                    if (a != b) { /* a total minus the groups that left */
                        assert_false(is_near(first->groups[i], all_of(second, true)));
                        assert_false(is_near(all_of(first, true), all_of(second, true)));
                    }
                }
}

static void test_against_bits(void **state)
{
    (void)state;
    size_t left = 0, suppressed = 0;
    for (unsigned seed = 1; seed <= 400; seed++) {
        struct world world = {.seed = seed};
        make_world(&world);
        check_promises(&world);
        char *csv = NULL;
        size_t ignored;
        FILE *text = open_memstream(&csv, &ignored);
        fprintf(text, "pid,g,h\n");
        for (size_t i = 0; i < world.count; i++)
            fprintf(text, "p%u,%u,%u\n", world.rows[i].pid, world.rows[i].g, world.rows[i].h);
        fclose(text);
        struct contract_input input = {"r", csv};
        struct query_plan *plan;
        struct query_run *run = contract_start(make_contract(&world), &input, 1, &plan);
        for (size_t s = 0; s < STATEMENTS; s++) {
            struct query_account account;
            cella_error error;
            char name[] = {'s', (char)('0' + s), 0};
            char *given = contract_output(run, name, &account, &error);
            char *wanted = expected(&world.statements[s]);
            if (!given || strcmp(given, wanted) != 0)
                fail_msg("seed %u, statement %zu: %s instead of %s", seed, s,
                         given ? given : error.sentence, wanted);
            left += account.rows_out;
            suppressed += account.rows_suppressed;
            free(given);
            free(wanted);
        }
        query_run_free(run);
        query_plan_free(plan);
        free(csv);
    }
    assert_true(left > 200 && suppressed > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
