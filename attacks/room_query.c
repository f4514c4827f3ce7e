/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements that try to bring single rows out. `cella room check` refuses them; where careless
 * parties sign without it, the enclave does; what only the data can show is suppressed. The control
 * asks the same where nothing is protected: the engine without rules and roles, or SQLite.
 */
#include "room.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FROM   "'from': {'input': 'north_data', 'as': 'n'}"
#define PEOPLE "'select': [{'name': 'people', 'individuals': 'n'}]"
#define COUNT  "'select': [{'name': 'people', 'count': true}]"

/* JSON with ' for " and ` for '. */
static json_t *parse(const char *text)
{
    json_error_t why;
    char *copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        *at = *at == '\'' ? '"' : *at == '`' ? '\'' : *at;
    json_t *value = copy ? json_loads(copy, 0, &why) : NULL;
    free(copy);
    if (!value)
        abort();
    return value;
}

/* The base contract with other statements, each with an output of its name to the desk. */
static json_t *asking(enum target_kind kind, const char *text)
{
    json_t *contract = room_contract(kind), *statements = parse(text), *outputs = json_array();
    size_t i;
    json_t *statement;
    json_array_foreach(statements, i, statement)
    {
        json_t *name = json_object_get(statement, "name");
        json_array_append_new(outputs,
                              json_pack("{s:O, s:O, s:s, s:[s], s:{}}", "name", name, "statement",
                                        name, "format", "csv", "recipients", "desk", "rules"));
    }
    json_object_set_new(contract, "statements", statements);
    json_object_set_new(contract, "outputs", outputs);
    return contract;
}

static void remove_rules(json_t *contract)
{
    size_t i;
    json_t *input;
    json_array_foreach(json_object_get(contract, "inputs"), i, input)
        json_object_set_new(input, "rules", json_object());
}

/* Every column may be shown. */
static void remove_roles(json_t *contract)
{
    size_t i, j;
    json_t *input, *column;
    json_array_foreach(json_object_get(contract, "inputs"), i, input)
        json_array_foreach(json_object_get(input, "columns"), j, column)
            json_object_set_new(column, "role", json_string("dimension"));
}

/* ---- what check refuses, and the enclave too ---- */

static bool let_pass(enum target_kind kind, json_t *contract, char *detail, size_t size)
{
    struct room room;
    struct said said;
    if (!room_make(&room, kind, "ask", contract, false)) {
        snprintf(detail, size, "the room cannot be made");
        return true;
    }
    bool passed = room_check(&room, &said) || strstr(said.text, "signatures: expected");
    if (passed) {
        snprintf(detail, size, "`cella room check` lets it pass");
        return true;
    }
    room_start(&room, NULL);
    room_shows(&room, "\"state\":");
    room_sentence(&room, NULL, detail, size);
    room_kill(&room);
    passed = !*detail;
    if (passed)
        snprintf(detail, size, "the enclave takes the contract");
    return passed;
}

/* `texts` are where-expressions with `format` around them, or whole statements. */
static void attack_statements(struct target *target, struct result *result,
                              const char *const *texts, size_t count, const char *format)
{
    struct room *room = room_ready(target->kind, result);
    char detail[200] = "";
    for (size_t i = 0; room && i < count; i++) {
        char statement[600];
        snprintf(statement, sizeof(statement), format, texts[i]);
        if (let_pass(room->kind, asking(room->kind, statement), detail, sizeof(detail))) {
            conclude(result, SUCCEEDS, "%s: %s", texts[i], detail);
            return;
        }
    }
    if (room)
        conclude(result, STOPPED, "%zu of %zu refused, by check and by the enclave; the last: %s",
                 count, count, detail);
}

/* The control: without roles and rules the same statements are sound. */
static void control_statements(struct result *result, const char *const *texts, size_t count,
                               const char *format)
{
    struct room *room = room_ready(TARGET_PLAIN, result), loose;
    for (size_t i = 0; room && i < count; i++) {
        struct said said;
        char statement[600];
        snprintf(statement, sizeof(statement), format, texts[i]);
        json_t *contract = asking(room->kind, statement);
        remove_rules(contract);
        remove_roles(contract);
        if (!room_make(&loose, room->kind, "loose", contract, false) ||
            !room_check(&loose, &said)) {
            conclude(result, STOPPED, "%.60s: %.170s", texts[i], last_line(&said));
            return;
        }
    }
    if (room)
        conclude(result, SUCCEEDS, "%zu of %zu sound where no role and no rule stands against them",
                 count, count);
}

void attack_query_identifier(struct target *target, struct result *result)
{
    static const char *const texts[] = {
        "'where': ['n.id = 7'], " COUNT,
        "'select': [{'name': 'people', 'sum': 'n.id'}]",
        "'group': ['n.id'], " COUNT,
        "'let': [{'name': 'x', 'value': 'n.id'}], 'group': ['x'], " COUNT,
        "'let': [{'name': 'x', 'value': 'case when n.grade = 9 then n.id else 0 end'}], "
        "'group': ['x'], " COUNT,
        "'let': [{'name': 'x', 'value': 'coalesce(n.id, 0) + 0'}], 'group': ['x'], " COUNT,
        "'group': ['n.grade', 'n.id'], " COUNT ", 'order': [{'by': 'id'}]",
        "'group': ['n.age'], " COUNT,
        "'select': [{'name': 'people', 'max': 'n.age'}]",
        "'select': [{'name': 'people', 'min': 'n.age', 'where': 'n.grade = 9'}]",
    };
    static const char *const unions[] = {"'x': 'id'",
                                         "'x': 'case when grade = 9 then id else 0 end'"};
    static const char format[] = "[{'name': 'people', " FROM ", %s}]";
    static const char over[] =
        "[{'name': 'people', 'from': {'union': [{'input': 'north_data', 'columns': {%s}},"
        " {'input': 'north_more', 'columns': {'x': 'grade'}}], 'as': 'u'}, 'group': ['u.x'], " COUNT
        "}]";
    bool control = target->kind == TARGET_PLAIN;
    enum outcome wanted = control ? SUCCEEDS : STOPPED;
    size_t count = sizeof(texts) / sizeof(texts[0]);
    if (control)
        control_statements(result, unions, 2, over);
    else
        attack_statements(target, result, unions, 2, over);
    if (result->outcome != wanted)
        return;
    if (control)
        control_statements(result, texts, count, format);
    else
        attack_statements(target, result, texts, count, format);
}

void attack_query_hidden(struct target *target, struct result *result)
{
    static const char *const texts[] = {
        "'where': ['n.secret = `hidden7`'], " COUNT,
        "'where': ['n.secret in (`hidden7`)'], " COUNT,
        "'where': ['n.secret between `h` and `i`'], " COUNT,
        "'where': ['n.secret is not null'], " COUNT,
        "'group': ['n.secret'], " COUNT,
        "'let': [{'name': 'x', 'value': 'case when n.secret > `h` then 1 else 0 end'}], "
        "'group': ['x'], " COUNT,
        "'select': [{'name': 'people', 'count': true, 'where': 'n.secret = `hidden7`'}]",
        "'join': [{'input': 'north_more', 'as': 'm', 'kind': 'inner', "
        "'on': [['n.secret', 'm.secret']]}], " COUNT,
    };
    static const char format[] = "[{'name': 'people', " FROM ", %s}]";
    if (target->kind == TARGET_PLAIN)
        control_statements(result, texts, sizeof(texts) / sizeof(texts[0]), format);
    else
        attack_statements(target, result, texts, sizeof(texts) / sizeof(texts[0]), format);
}

/* ---- SQL that is smuggled into an expression, SQL that asks for more than its inputs ---- */

static bool run_asked(struct room *room, struct said *said)
{
    room_start(room, NULL);
    bool ran = all_release(room, said);
    if (ran)
        room_end(room);
    room_kill(room);
    return ran;
}

/* The same data, in SQLite without anything around it; how many of the texts it runs. */
static size_t native(const char *const *texts, size_t count, const char *format)
{
    sqlite3 *database;
    size_t ran = 0;
    if (sqlite3_open(":memory:", &database) ||
        sqlite3_exec(database,
                     "create table north_data(id, grade, age, secret, token);"
                     "create table north_more(id, grade, age, secret);"
                     "insert into north_data values(7, 9, 97, 'hidden7', 'x')",
                     NULL, NULL, NULL))
        abort();
    for (size_t i = 0; i < count; i++) {
        char sql[400], text[300];
        snprintf(text, sizeof(text), "%s", texts[i]);
        for (char *at = text; *at; at++)
            *at = *at == '`' ? '\'' : *at;
        snprintf(sql, sizeof(sql), format, text);
        ran += sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK;
    }
    sqlite3_close(database);
    return ran;
}

static void control_native(struct result *result, const char *const *texts, size_t count,
                           const char *format)
{
    size_t ran = native(texts, count, format);
    conclude(result, ran == count ? SUCCEEDS : STOPPED, "SQLite alone runs %zu of %zu", ran, count);
}

void attack_query_text(struct target *target, struct result *result)
{
    static const char *const texts[] = {
        "n.secret like `%7`",
        "n.age > 1; select * from sqlite_master",
        "n.age > 1 -- and n.grade = 1",
        "n.age > 1 /* */ or n.id = 7",
        "exists (select 1 from sqlite_master)",
        "n.age > (select min(id) from north_data)",
        "n.age in (select age from north_data)",
        "n.age > 1 union select * from north_data",
        "hex(n.secret) > ``",
        "[secret] is not null",
        "rowid = 7",
        "n.age > 1 group by n.id having count(*) = 1",
        "n.age > 1 order by n.id limit 1 offset 7",
    };
    size_t count = sizeof(texts) / sizeof(texts[0]);
    if (target->kind == TARGET_PLAIN)
        control_native(result, texts, count, "select * from north_data n where %s");
    else
        attack_statements(target, result, texts, count,
                          "[{'name': 'people', " FROM ", 'where': ['%s'], " COUNT "}]");
}

/* Over inputs that have rules no SQL is taken at all. */
static const char *const sql_with_rules[] = {
    "select * from north_data",
    "select secret from north_data",
    "select count(*) from north_data",
    "with recursive r(x) as (select 1 union all select x + 1 from r limit 9) select x from r",
};

/* Where every input is open, SQL may read them, and nothing beside them. */
static const char *const sql_open[] = {
    "select * from sqlite_master",
    "select * from pragma_table_info(`north_data`)",
    "pragma table_info(north_data)",
    "attach `:memory:` as other",
    "insert into north_data values(1, 2, 3, `x`, `y`)",
    "create table other(x)",
    "select 1; select 2",
};

void attack_query_sql(struct target *target, struct result *result)
{
    static const char format[] = "[{'name': 'people', 'sql': '%s'}]";
    size_t ruled = sizeof(sql_with_rules) / sizeof(sql_with_rules[0]);
    size_t open = sizeof(sql_open) / sizeof(sql_open[0]), refused = 0;
    char statements[2000] = "[", text[256];
    struct said said = {.text = ""};
    struct room *room, asked;
    if (target->kind == TARGET_PLAIN) {
        control_native(result, sql_with_rules, ruled, "%s");
        if (result->outcome == SUCCEEDS)
            control_native(result, sql_open, open, "%s");
        return;
    }
    attack_statements(target, result, sql_with_rules, ruled, format);
    room = result->outcome == STOPPED ? room_ready(target->kind, result) : NULL;
    if (!room)
        return;
    for (size_t i = 0; i < open; i++)
        snprintf(statements + strlen(statements), sizeof(statements) - strlen(statements),
                 "%s{'name': 's%zu', 'sql': '%s'}", i ? ", " : "", i, sql_open[i]);
    strcat(statements, "]");
    json_t *contract = asking(room->kind, statements);
    remove_rules(contract);
    remove_roles(contract);
    bool ran = room_make(&asked, room->kind, "open", contract, true) && run_asked(&asked, &said);
    if (!ran) {
        room_sentence(&asked, NULL, text, sizeof(text));
        conclude(result, *text ? STOPPED : SKIPPED, "%s", *text ? text : last_line(&said));
        return;
    }
    room_result(&asked, "desk", "s0.csv", text, sizeof(text), &said);
    for (size_t i = 0; i < open; i++) {
        char sentence[32];
        snprintf(sentence, sizeof(sentence), "no s%zu: ", i);
        refused += strstr(said.text, sentence) != NULL;
    }
    conclude(result, refused == open ? STOPPED : SUCCEEDS,
             "%zu of %zu refused before it ran, %zu of %zu by the authorizer; the last: %.120s",
             ruled, ruled, refused, open, last_line(&said));
}

/* ---- what only the data can show ---- */

/* What the desk gets: in the room, or from the engine alone without rules. */
static bool ask_plain(const struct room *room, const char *statements, const char *output,
                      const char *north, char *text, size_t size)
{
    char program[PATH_MAX + 16], contract[PATH_MAX], file[PATH_MAX], more[PATH_MAX],
        south[PATH_MAX];
    int input, from;
    size_t used = 0;
    json_t *asked = asking(room->kind, statements);
    remove_rules(asked);
    json_object_set_new(asked, "parameters", json_array());
    snprintf(program, sizeof(program), "%s/room-plain", setup.programs);
    snprintf(contract, sizeof(contract), "%s", work_path("plain.json"));
    snprintf(more, sizeof(more), "%s", party_path("north", "north_more.csv"));
    snprintf(south, sizeof(south), "%s", party_path("south", "south_data.csv"));
    json_dump_file(asked, contract, 0);
    json_decref(asked);
    snprintf(file, sizeof(file), "%s", party_path("north", north));
    pid_t pid = spawn((char *[]){program, contract, (char *)(uintptr_t)output, "north_data", file,
                                 "north_more", more, "south_data", south, NULL},
                      &input, &from);
    struct pollfd wait = {.fd = from, .events = POLLIN};
    for (ssize_t got = 1; got > 0 && poll(&wait, 1, used ? 200 : 60000) > 0; used += (size_t)got)
        if ((got = read(from, text + used, size - 1 - used)) <= 0)
            break;
    text[used] = 0;
    close(input);
    close(from);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return used;
}

/* One statement's result for the desk: from the room, or by the engine alone without rules; false:
 * concluded. */
static bool ask(struct target *target, struct result *result, const char *statements, char *text,
                size_t size)
{
    struct said said = {.text = "the room cannot be made"};
    struct room *room = room_ready(target->kind, result), asked;
    if (!room)
        return false;
    bool got = target->kind == TARGET_PLAIN
                   ? ask_plain(room, statements, "people", "north_data.csv", text, size)
                   : room_make(&asked, room->kind, "asked", asking(room->kind, statements), true) &&
                         run_asked(&asked, &said) &&
                         room_result(&asked, "desk", "people.csv", text, size, &said);
    if (!got)
        conclude(result, SKIPPED, "there was no result: %.180s", last_line(&said));
    return got;
}

void attack_query_single(struct target *target, struct result *result)
{
    char text[2000];
    if (!ask(target, result,
             "[{'name': 'people', " FROM ", 'group': ['n.grade'], 'select': [{'name': 'people', "
             "'individuals': 'n'}, {'name': 'age', 'mean': 'n.age'}]}]",
             text, sizeof(text)))
        return;
    if (!strstr(text, "\n1,"))
        conclude(result, SKIPPED, "no group is in the result");
    else
        conclude(result, strstr(text, "\n9,") ? SUCCEEDS : STOPPED, "%s",
                 strstr(text, "\n9,1,97") ? "grade 9: one person, aged 97"
                                          : "the group of one is not in the result");
}

/* No filter, no choice: everybody is behind the number, and one person alone has a weight in it. */
void attack_query_weights(struct target *target, struct result *result)
{
    static const char *const texts[] = {
        "n.age * floor(n.grade / 9)",
        "n.age * exp(100 * (n.grade - 9))",
        "n.age * (n.grade > 8) * (n.age > 96)",
        "n.age * (n.grade - 1) * (n.grade - 2) * (n.grade - 3) / 336",
    };
    static const char format[] = "[{'name': 'people', " FROM
                                 ", 'select': [{'name': 'age', "
                                 "'sum': '%s'}]}]";
    size_t count = sizeof(texts) / sizeof(texts[0]);
    char statement[300], text[500] = "";
    struct room *room = room_ready(target->kind, result);
    if (target->kind != TARGET_PLAIN) {
        attack_statements(target, result, texts, count, format);
        return;
    }
    for (size_t i = 0; room && i < count; i++) {
        snprintf(statement, sizeof(statement), format, texts[i]);
        bool found = ask_plain(room, statement, "people", "north_data.csv", text, sizeof(text)) &&
                     strstr(text, "97");
        conclude(result, found ? SUCCEEDS : STOPPED, "%s: %s", texts[i],
                 found ? "the sum over everybody is one person's age, 97" : text);
        if (!found)
            return;
    }
}

/* A text with quotes inside, which would be a condition if it were pasted into SQL. */
void attack_query_quote(struct target *target, struct result *result)
{
    static const char *const pasted[] = {"n.token = `y` or `1` = `1`"};
    char text[500];
    if (target->kind == TARGET_PLAIN)
        control_native(result, pasted, 1, /* an error unless there is a row */
                       "select json(iif(count(*), '1', '?')) from north_data n where %s");
    else if (ask(target, result,
                 "[{'name': 'people', " FROM ", 'where': ['n.token = `y`` or ``1`` = ``1`'], "
                 "'group': ['n.grade'], " PEOPLE "}]",
                 text, sizeof(text)))
        conclude(result, strchr(text, '\n') != strrchr(text, '\n') ? SUCCEEDS : STOPPED,
                 "the text is a value that nobody has");
}

/* Everybody's ages, and everybody's but one's. */
void attack_query_difference(struct target *target, struct result *result)
{
    static const char statements[] = "[{'name': 'all', " FROM
                                     ", 'select': [{'name': 'people', 'individuals': 'n'}, "
                                     "{'name': 'age', 'sum': 'n.age'}]},"
                                     " {'name': 'others', " FROM
                                     ", 'where': ['n.age != 97'], 'select': [{'name': 'people', "
                                     "'individuals': 'n'}, {'name': 'age', 'sum': 'n.age'}]}]";
    struct said said = {.text = "the room cannot be made"};
    struct room *room = room_ready(target->kind, result), asked;
    char all[500] = "", others[500] = "";
    if (!room)
        return;
    bool ran;
    if (target->kind == TARGET_PLAIN) {
        ran = ask_plain(room, statements, "all", "north_data.csv", all, sizeof(all)) &&
              ask_plain(room, statements, "others", "north_data.csv", others, sizeof(others));
    } else {
        ran = room_make(&asked, room->kind, "difference", asking(room->kind, statements), true) &&
              run_asked(&asked, &said) &&
              room_result(&asked, "desk", "all.csv", all, sizeof(all), &said) &&
              room_result(&asked, "desk", "others.csv", others, sizeof(others), &said);
    }
    unsigned people[2] = {0}, ages[2] = {0};
    bool first = sscanf(all, "people,age\n%u,%u", &people[0], &ages[0]) == 2;
    bool second = sscanf(others, "people,age\n%u,%u", &people[1], &ages[1]) == 2;
    if (!ran || !first)
        conclude(result, SKIPPED, "there was no result: %.180s", last_line(&said));
    else if (second)
        conclude(result, SUCCEEDS, "%u people more, aged %u", people[0] - people[1],
                 ages[0] - ages[1]);
    else
        conclude(result, STOPPED, "%u people are shown, the group with one fewer is not",
                 people[0]);
}

/* ---- errors ---- */

#define ERROR_TEXT "column grade: the value"

static unsigned error_files;

static int look_for_error(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)place;
    size_t size;
    char *bytes = kind == FTW_F ? read_whole(path, &size) : NULL;
    error_files += bytes && memmem(bytes, size, ERROR_TEXT, strlen(ERROR_TEXT));
    free(bytes);
    return 0;
}

static bool give_bad_data(struct room *room)
{
    struct said said;
    return party_does(&said, room->host, "add", "north", "north_data",
                      party_path("north", "bad.csv"), NULL) &&
           run_command(
               (char *[]){"cp", (char *)(uintptr_t)path_in(room->host, "inputs/north_data.box"),
                          (char *)(uintptr_t)path_in(room->seen, "inputs/north_data.box"), NULL},
               60) == 0;
}

/* An error says something about the data: whom does it reach? */
void attack_query_error(struct target *target, struct result *result)
{
    static const char statements[] = "[{'name': 'people', " FROM ", " PEOPLE "}]";
    struct said said = {.text = "the room cannot be made"};
    struct room *room = room_ready(target->kind, result), asked;
    char text[500];
    if (!room)
        return;
    write_file(party_path("north", "bad.csv"),
               "id,grade,age,secret,token\n1,1,1,a,b\n2,Sesame,2,a,b\n");
    unlink(work_path("log"));
    error_files = 0;
    if (target->kind == TARGET_PLAIN) {
        ask_plain(room, statements, "people", "bad.csv", text, sizeof(text));
        look_for_error(work_path("log"), NULL, FTW_F, NULL);
        conclude(result, error_files ? SUCCEEDS : STOPPED, "the error is %sin the host's log",
                 error_files ? "" : "not ");
        return;
    }
    if (!room_make(&asked, room->kind, "error", asking(room->kind, statements), true) ||
        !give_bad_data(&asked) || !run_asked(&asked, &said)) {
        conclude(result, SKIPPED, "%s", last_line(&said));
        return;
    }
    look_for_error(work_path("log"), NULL, FTW_F, NULL);
    nftw(asked.host, look_for_error, 16, FTW_PHYS);
    room_result(&asked, "desk", "people.csv", text, sizeof(text), &said);
    if (!strstr(said.text, ERROR_TEXT))
        conclude(result, SKIPPED, "there was no error: %.180s", last_line(&said));
    else
        conclude(result, error_files || strstr(said.text, "Sesame") ? SUCCEEDS : STOPPED,
                 "the recipient is told, and not the value; the host finds it in %u files",
                 error_files);
}
