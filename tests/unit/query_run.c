/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements over small inputs: what comes out, and what the rules keep back.
 */
#include "query_contract.h"

#define PARTIES "'parties':[{'name':'north'},{'name':'south'}]"
#define PATIENTS(rules)                                                                            \
    "{'name':'r','owner':'north','format':'csv','box':'any','columns':["                           \
    "{'name':'pid','type':'integer','role':'identifier'},"                                         \
    "{'name':'age','type':'real','role':'measure'},"                                               \
    "{'name':'grade','type':'integer','role':'dimension'},"                                        \
    "{'name':'note','type':'text','role':'hidden'}],'rules':" rules "}"
#define OUTPUT(statement)                                                                          \
    "'outputs':[{'name':'o','statement':'" statement                                               \
    "','format':'csv','recipients':['south'],'rules':{}}]"

static const char patients[] =
    "pid,age,grade,note\n"
    "1,50,1,a\n2,60,1,b\n3,70,1,c\n4,40,2,d\n5,45,2,e\n6,,2,f\n7,80,3,g\n";

/* Runs the statements over the inputs, and gives output "o" of statement "s"; or the sentence. */
static char *run_it(const char *inputs, const char *statements, struct query_account *account)
{
    struct contract_input loaded = {"r", patients};
    struct query_plan *plan;
    cella_error error;
    struct query_run *run = contract_start(
        contract_contract("{" PARTIES ",'inputs':[%s],'parameters':[{'name':'p','type':'text',"
                          "'value':'x` or 1=1 --'}],'statements':[%s]," OUTPUT("s") "}",
                          inputs, statements),
        &loaded, 1, &plan);
    char *text = contract_output(run, "o", account, &error);
    query_run_free(run);
    query_plan_free(plan);
    return text ? text : strdup(error.sentence);
}

static void check(const char *inputs, const char *statements, const char *expected)
{
    struct query_account account;
    char *text = run_it(inputs, statements, &account);
    assert_string_equal(text, expected);
    free(text);
}

#define BY_GRADE                                                                                   \
    "{'name':'s','from':{'input':'r','as':'r'},'group':['r.grade'],'select':["                     \
    "{'name':'n','count':true},{'name':'people','individuals':'r'},{'name':'age','mean':'r.age'}]" \
    "}"

static void test_groups(void **state)
{
    (void)state;
    check(PATIENTS("{}"), BY_GRADE, "grade,n,people,age\r\n1,3,3,60\r\n2,3,3,42.5\r\n3,1,1,80\r\n");
}

static void test_small_groups_stay(void **state)
{
    (void)state;
    /* Grade 3 is one person; grade 2's mean rests on two; with the one, another has to go. */
    check(PATIENTS("{'least_individuals':2}"), BY_GRADE, "grade,n,people,age\r\n2,3,3,42.5\r\n");
    check(PATIENTS("{'least_individuals':1}"), BY_GRADE,
          "grade,n,people,age\r\n1,3,3,60\r\n2,3,3,42.5\r\n3,1,1,80\r\n");
}

#define OPEN                                                                                       \
    "{'name':'r','owner':'north','format':'csv','box':'any','columns':["                           \
    "{'name':'age','type':'real','role':'measure'},"                                               \
    "{'name':'grade','type':'integer','role':'dimension'}],'rules':{}}"
#define SELECT(more, select)                                                                       \
    "{'name':'s','from':{'input':'r','as':'r'}" more ",'select':[" select "]}"
#define RULE "{'least_individuals':2}"

static void test_values_of_few_stay(void **state)
{
    (void)state;
    /* A condition of its own, a missing value, a quantile's sides. */
    check(PATIENTS(RULE), SELECT("", "{'name':'n','count':true,'where':'r.age > 75'}"),
          "n\r\n\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','mean':'r.age','where':'r.grade = 3'}"),
          "n\r\n\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','count':true,'where':'r.grade != 3'}"),
          "n\r\n\r\n"); /* all but one */
    check(PATIENTS(RULE), SELECT("", "{'name':'n','quantile':'r.age','q':0.99}"), "n\r\n\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','quantile':'r.age','q':0.01}"), "n\r\n\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','median':'r.age'}"), "n\r\n55\r\n");
}

/* Sources of one input do not hide each other: three behind one side, one behind the other. */
static void test_each_source_is_held(void **state)
{
    (void)state;
    check(PATIENTS(RULE),
          "{'name':'s','from':{'input':'r','as':'a'},'join':[{'input':'r','as':'b','kind':'inner',"
          "'on':[['a.grade','b.grade']]}],'where':['a.age > 65','a.age < 75'],"
          "'select':[{'name':'t','sum':'a.age'}]}",
          "t\r\n");
    check(PATIENTS(RULE),
          "{'name':'d','from':{'input':'r','as':'r'},'group':['r.grade'],'select':[{'name':'n',"
          "'count':true}]},"
          "{'name':'s','from':{'statement':'d','as':'d'},'join':[{'input':'r','as':'a','kind':"
          "'left','on':[['d.grade','a.grade']]}],'where':['a.age > 42','a.age < 47'],"
          "'select':[{'name':'t','sum':'a.age'}]}",
          "t\r\n");
    check(PATIENTS(RULE),
          "{'name':'s','from':{'input':'r','as':'a'},'join':[{'input':'r','as':'b','kind':'inner',"
          "'on':[['a.pid','b.pid']]}],'select':[{'name':'t','sum':'a.grade + b.grade'},"
          "{'name':'u','mean':'a.age','where':'b.age = 80'}]}",
          "t,u\r\n24,\r\n");
}

/* Runs statements over r and another table q of pid and grade, of outputs "o" and perhaps more; the
 * outputs one after another. */
static void check_two(const char *const csv[2], const char *rules, const char *statements,
                      const char *outputs, const char *names, const char *expected)
{
    struct contract_input loaded[] = {{"r", csv[0]}, {"q", csv[1]}};
    struct query_plan *plan;
    char all[2000] = "";
    struct query_run *run = contract_start(
        contract_contract(
            "{" PARTIES ",'inputs':[" PATIENTS(
                "%s") ","
                      "{'name':'q','owner':'south','format':'csv','box':'any','columns':["
                      "{'name':'pid','type':'integer','role':'identifier'},"
                      "{'name':'grade','type':'integer','role':'dimension'}],'rules':{}}],"
                      "'statements':[%s],'outputs':[%s]}",
            rules, statements, outputs),
        loaded, 2, &plan);
    for (; *names; names++) {
        struct query_account account;
        cella_error error;
        char *text = contract_output(run, (char[]){*names, 0}, &account, &error);
        strcat(all, text ? text : error.sentence);
        free(text);
    }
    assert_string_equal(all, expected);
    query_run_free(run);
    query_plan_free(plan);
}

#define RESULT(name, rules)                                                                        \
    "{'name':'" name "','statement':'" name                                                        \
    "','format':'csv','recipients':['south'],'rules':" rules "}"

/* An identifier that is missing is one more individual, whatever the others are. */
static void test_missing_identifiers(void **state)
{
    (void)state;
    static const char *const csv[] = {"pid,age,grade,note\n5,1,1,a\n5,1,1,a\n,1,1,a\n,1,1,a\n",
                                      "pid,grade\n"};
    check_two(
        csv, "{}",
        "{'name':'o','from':{'input':'r','as':'r'},'select':[{'name':'n','individuals':'r'}]}",
        RESULT("o", "{}"), "o", "n\r\n2\r\n");
}

/* What left where many were asked for is compared by as many, whoever comes later. */
static void test_differing_rules(void **state)
{
    (void)state;
    static const char *const csv[] = {patients, "pid,grade\n"};
    static const char statements[] =
        "{'name':'a','from':{'input':'r','as':'r'},'select':[{'name':'n','count':true}]},"
        "{'name':'b','from':{'input':'r','as':'r'},'where':['r.grade != 2'],"
        "'select':[{'name':'n','count':true}]}";
    check_two(csv, RULE, statements, RESULT("a", "{}") "," RESULT("b", "{}"), "ab",
              "n\r\n7\r\nn\r\n4\r\n");
    check_two(csv, RULE, statements, RESULT("a", "{'least_individuals':5}") "," RESULT("b", "{}"),
              "ab", "n\r\n7\r\nn\r\n");
}

/* A partner's input without a rule is not held to another's, but to an output's. */
static void test_inputs_without_a_rule(void **state)
{
    (void)state;
    static const char *const csv[] = {patients, "pid,grade\n8,1\n9,2\n"};
    static const char statement[] =
        "{'name':'o','from':{'input':'r','as':'r'},'join':[{'input':'q','as':'q','kind':'left',"
        "'on':[['r.grade','q.grade']]}],'where':['r.grade < 3'],'group':['r.grade'],"
        "'select':[{'name':'n','count':true,'where':'q.grade is not null'}]}";
    check_two(csv, RULE, statement, RESULT("o", "{}"), "o", "grade,n\r\n1,3\r\n2,3\r\n");
    check_two(csv, RULE, statement, RESULT("o", "{'least_individuals':2}"), "o", "grade,n\r\n");
}

/* A row behind which nobody is does not leave: it would tell who is not there. */
static void test_rows_of_nobody_stay(void **state)
{
    (void)state;
    static const char *const csv[] = {patients, "pid,grade\n8,1\n1,2\n2,2\n3,2\n4,2\n"};
    static const char statement[] =
        "{'name':'o','from':{'input':'q','as':'q'},'join':[{'input':'r','as':'r','kind':'left',"
        "'on':[['q.pid','r.pid']]}],'group':['q.grade'],'select':[{'name':'n','count':true}]}";
    check_two(csv, "{}", statement, RESULT("o", "{}"), "o", "grade,n\r\n1,1\r\n2,4\r\n");
    check_two(csv, RULE, statement, RESULT("o", "{}"), "o", "grade,n\r\n2,4\r\n");
}

/* What an output asks for is held below, where groups are made. */
static void test_output_rules_below(void **state)
{
    (void)state;
    static const char *const csv[] = {patients, "pid,grade\n"};
    static const char statements[] =
        "{'name':'d','from':{'input':'r','as':'r'},'group':['r.grade'],'select':[{'name':'n',"
        "'count':true}]},"
        "{'name':'o','from':{'statement':'d','as':'d'},'select':[{'name':'t','sum':'d.n'}]}";
    check_two(csv, "{}", statements, RESULT("o", "{}"), "o", "t\r\n7\r\n");
    check_two(csv, "{}", statements, RESULT("o", "{'least_individuals':2}"), "o", "t\r\n3\r\n");
}

/* A statement of a partner's open input is not held to the rules of what it is joined with. */
static void test_open_statements_below(void **state)
{
    (void)state;
    static const char *const csv[] = {patients, "pid,grade\n8,1\n9,2\n"};
    check_two(csv, RULE,
              "{'name':'d','from':{'input':'q','as':'q'},'group':['q.grade'],'select':[{'name':"
              "'most','max':'q.grade'}]},"
              "{'name':'o','from':{'input':'r','as':'r'},'join':[{'statement':'d','as':'d','kind':"
              "'inner','on':[['r.grade','d.grade']]}],'group':['d.most'],"
              "'select':[{'name':'n','count':true}]}",
              RESULT("o", "{}"), "o", "most,n\r\n1,3\r\n2,3\r\n");
}

/* What a value is chosen by is a group, wherever it stands in it. */
static void test_choices_are_held(void **state)
{
    (void)state;
    static const char *const few[] = {
        "case when r.age > 75 then r.age else 0 end",
        "case when r.age > 75 then r.age else r.grade end",
        "case when r.age <= 75 then 0 else r.age end",
        "case when r.age < 75 then 0 when r.age < 81 then r.age else 0 end",
        "case when r.grade = 1 then 0 when r.grade = 2 then 0 else r.age end",
        "100 * (case when r.age > 75 then 1 else 2 end)",
        "r.age > 75",
        "(r.age > 75) * r.age",
        "coalesce(case when r.age > 75 then r.age end, r.grade)",
        "coalesce(ln(r.age - 75), 0)",
        "older",
        "r.age is null",
        "r.grade = 3",
    };
    for (size_t i = 0; i < sizeof(few) / sizeof(*few); i++) {
        char select[200], all[300];
        snprintf(select, sizeof(select), "{'name':'n','sum':'%s'}", few[i]);
        snprintf(all, sizeof(all), SELECT(",'let':[{'name':'older','value':'r.age > 75'}]", "%s"),
                 select);
        check(PATIENTS(RULE), all, "n\r\n\r\n");
    }
    check(PATIENTS(RULE), SELECT("", "{'name':'n','sum':'case when r.age > 46 then r.age end'}"),
          "n\r\n260\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','sum':'coalesce(r.age, 0)'}"), "n\r\n345\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','sum':'r.grade = 1'}"), "n\r\n3\r\n");
    check(PATIENTS(RULE), SELECT("", "{'name':'n','sum':'r.grade > 5'}"), "n\r\n0\r\n");
}

static void test_choices_of_a_union_are_held(void **state)
{
    (void)state;
    static const char *const branches[][2] = {
        {"case when age > 75 then age else grade end", "u\r\n\r\n"},
        {"age > 75", "u\r\n\r\n"},
        {"age > 46", "u\r\n4\r\n"},
    };
    for (size_t i = 0; i < sizeof(branches) / sizeof(*branches); i++) {
        char statement[400];
        snprintf(statement, sizeof(statement),
                 "{'name':'s','from':{'union':[{'input':'r','columns':{'x':'%s'}},"
                 "{'input':'r','columns':{'x':'0'}}],'as':'u'},"
                 "'select':[{'name':'u','sum':'u.x'}]}",
                 branches[i][0]);
        check(PATIENTS(RULE), statement, branches[i][1]);
    }
}

/* Two branches of one input, of which x is another column: its values are compared with all. */
static void test_a_union_of_one_input_twice(void **state)
{
    (void)state;
    check(
        "{'name':'r','owner':'north','format':'csv','box':'any','columns':["
        "{'name':'pid','type':'integer','role':'identifier'},"
        "{'name':'age','type':'real','role':'measure'},"
        "{'name':'grade','type':'integer','role':'measure'},"
        "{'name':'note','type':'text','role':'hidden'}],'rules':" RULE "}",
        "{'name':'s','from':{'union':[{'input':'r','columns':{'x':'age','y':'age','of':'1'}},"
        "{'input':'r','columns':{'x':'grade','y':'age','of':'2'}}],'as':'u'},"
        "'select':[{'name':'all','sum':'u.y','where':'u.of = 1'},"
        "{'name':'but_one','sum':'u.x','where':'u.of = 1 and u.y < 80'}]}",
        "all,but_one\r\n345,\r\n");
}

static void test_rows_of_values(void **state)
{
    (void)state;
    check(PATIENTS("{'least_rows':2}"),
          SELECT("",
                 "{'name':'n','count':true,'where':'r.age > 75'},{'name':'m','max':'r.age',"
                 "'where':'r.age > 75'},{'name':'a','mean':'r.age','where':'r.age > 65'}"),
          "n,m,a\r\n,,75\r\n");
}

/* Who reads the log learns how many rows are behind what left, not behind what did not. */
static void test_the_log_counts_what_left(void **state)
{
    (void)state;
    struct query_account account;
    free(run_it(PATIENTS(RULE), SELECT(",'where':['r.age > 75']", "{'name':'n','count':true}"),
                &account));
    assert_int_equal(account.rows_in, 0);
    free(run_it(PATIENTS(RULE), BY_GRADE, &account));
    assert_int_equal(account.rows_in, 3);
    assert_int_equal(account.rows_suppressed, 2);
    free(run_it(PATIENTS("{'round':5}"), BY_GRADE, &account));
    assert_int_equal(account.rows_in, 5);
}

static void test_differences_stay(void **state)
{
    (void)state;
    /* Everyone, and everyone but one: the second to be asked for does not leave. */
    struct contract_input loaded = {"r", patients};
    struct query_plan *plan;
    struct query_account account;
    cella_error error;
    struct query_run *run = contract_start(
        contract_contract("{" PARTIES ",'inputs':[" PATIENTS(
            RULE) "],'statements':["
                  "{'name':'a','from':{'input':'r','as':'r'},'select':[{'name':'t','sum':'r.age'}]}"
                  ","
                  "{'name':'b','from':{'input':'r','as':'r'},'where':['r.age < 80 or r.age is "
                  "null'],"
                  "'select':[{'name':'t','sum':'r.age'}]},"
                  "{'name':'c','from':{'input':'r','as':'r'},"
                  "'select':[{'name':'t','sum':'case when r.age < 80 then r.age end'}]}],"
                  "'outputs':[{'name':'a','statement':'a','format':'csv','recipients':['south'],'"
                  "rules':{}},"
                  "{'name':'b','statement':'b','format':'csv','recipients':['south'],'rules':{}},"
                  "{'name':'c','statement':'c','format':'csv','recipients':['south'],'rules':{}}]"
                  "}"),
        &loaded, 1, &plan);
    static const char *const expected[][2] = {
        {"a", "t\r\n345\r\n"}, {"c", "t\r\n\r\n"}, {"b", "t\r\n"}, {"a", "t\r\n345\r\n"}};
    for (size_t i = 0; i < 4; i++) {
        char *text = contract_output(run, expected[i][0], &account, &error);
        assert_string_equal(text, expected[i][1]);
        free(text);
    }
    query_run_free(run);
    query_plan_free(plan);
}

static void test_above_a_statement(void **state)
{
    (void)state;
    /* What was kept back below does not come back above; and the sets go on. */
    check(PATIENTS(RULE),
          "{'name':'d','from':{'input':'r','as':'r'},'group':['r.grade'],'select':[{'name':'n','"
          "count':true}]},"
          "{'name':'s','from':{'statement':'d','as':'d'},'select':[{'name':'all','sum':'d.n'},{'"
          "name':'rows','count':true}]}",
          "all,rows\r\n3,1\r\n");
}

static void test_rounding(void **state)
{
    (void)state;
    check(PATIENTS("{'round':5,'digits':2}"), BY_GRADE,
          "grade,n,people,age\r\n1,5,5,60\r\n2,5,5,42\r\n3,0,0,80\r\n");
    check(PATIENTS("{'round':5}"), SELECT("", "{'name':'t','sum':'r.age > 45'}"), "t\r\n5\r\n");
    check(PATIENTS("{'most_rows':1}"),
          SELECT(",'group':['r.grade'],'order':[{'by':'t','descending':true}]",
                 "{'name':'t','sum':'r.age'}"),
          "grade,t\r\n1,180\r\n");
}

/* Caps and roundings of an output, by the strictest of all. */
static void test_output_rules(void **state)
{
    (void)state;
    static const struct {
        const char *input, *output, *text;
    } cases[] = {
        {"{}", "{}", "grade,n,age\r\n1,3,60\r\n2,3,42.5\r\n3,1,80\r\n"},
        {"{}", "{'most_rows':2}", "grade,n,age\r\n1,3,60\r\n2,3,42.5\r\n"},
        {"{'most_rows':1}", "{'most_rows':2}", "grade,n,age\r\n1,3,60\r\n"},
        {"{'digits':1}", "{'digits':2}", "grade,n,age\r\n1,3,60\r\n2,3,40\r\n3,1,80\r\n"},
        {"{'digits':2}", "{'round':2}", "grade,n,age\r\n1,4,60\r\n2,4,42\r\n3,2,80\r\n"},
        {"{}", "{'round':7}", "grade,n,age\r\n1,0,60\r\n2,0,42.5\r\n3,0,80\r\n"},
        {"{}", "{'least_rows':2}", "grade,n,age\r\n1,3,60\r\n2,3,42.5\r\n"},
        {"{}", "{'least_individuals':2}", "grade,n,age\r\n2,3,42.5\r\n"},
        {"{}", "{'most_bytes':44}", "grade,n,age\r\n1,3,60\r\n2,3,42.5\r\n3,1,80\r\n"},
        {"{}", "{'most_bytes':20}", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct contract_input loaded = {"r", patients};
        struct query_plan *plan;
        struct query_account account;
        cella_error error;
        char input[600];
        snprintf(input, sizeof(input), PATIENTS("%s"), cases[i].input);
        struct query_run *run = contract_start(
            contract_contract(
                "{" PARTIES ",'inputs':[%s],'statements':[{'name':'s','from':{'input':'r','as':"
                "'r'},'group':['r.grade'],'select':[{'name':'n','count':true},{'name':'age',"
                "'mean':'r.age'}]}],'outputs':[{'name':'o','statement':'s','format':'csv',"
                "'recipients':['south'],'rules':%s}]}",
                input, cases[i].output),
            &loaded, 1, &plan);
        char *text = contract_output(run, "o", &account, &error);
        if (!cases[i].text)
            assert_string_equal(error.sentence, "output o: it is larger than most_bytes allows");
        else if (!text || strcmp(text, cases[i].text) != 0)
            fail_msg("%s, %s: %s", cases[i].input, cases[i].output, text ? text : error.sentence);
        free(text);
        query_run_free(run);
        query_plan_free(plan);
    }
}

/* A parameter that a party gives: nothing runs before it is there, and it is what was given. */
static void test_given_parameter(void **state)
{
    (void)state;
    struct contract_input loaded = {"r", patients};
    struct query_plan *plan;
    struct query_account account;
    cella_error error;
    struct query_run *run = contract_start(
        contract_contract("{" PARTIES ",'inputs':[" PATIENTS(
            "{}") "],'parameters':[{'name':'age','type':'real','from':'south','least':0,'most':"
                  "100}],'statements':[" SELECT(",'where':['r.age >= :age']",
                                                "{'name':'n','count':true}") "]," OUTPUT("s") "}"),
        &loaded, 1, &plan);
    assert_null(contract_output(run, "o", &account, &error));
    assert_string_equal(error.sentence, "parameter age: nobody has given it");
    json_t *value = json_integer(60);
    assert_int_equal(query_plan_parameter(plan, "south", "age", value, &error), CELLA_OK);
    json_decref(value);
    char *text = contract_output(run, "o", &account, &error);
    assert_non_null(text);
    assert_string_equal(text, "n\r\n3\r\n");
    free(text);
    query_run_free(run);
    query_plan_free(plan);
}

static void test_values_are_no_sql(void **state)
{
    (void)state;
    check(OPEN,
          SELECT(",'let':[{'name':'l','value':'case when r.grade = 1 then `x`` or 1=1 --` else `y` "
                 "end'}]"
                 ",'where':['l = :p or l = `\\\"; drop table r`']",
                 "{'name':'n','count':true}"),
          "n\r\n3\r\n");
    check(OPEN,
          SELECT("",
                 "{'name':'a','sum':'1 / (r.grade - r.grade)'},"
                 "{'name':'b','sum':'9223372036854775807'},"
                 "{'name':'c','sum':'abs(-9223372036854775807 - 1)'}"),
          "a,b,c\r\n,6.456360425798343e+19,6.456360425798343e+19\r\n");
}

static void test_free_sql(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "SELECT * FROM sqlite_master",
        "SELECT name FROM sqlite_schema",
        "SELECT name FROM pragma_table_info(`r`)",
        "PRAGMA table_info(r)",
        "ATTACH `x` AS y",
        "CREATE TABLE z(a)",
        "INSERT INTO r VALUES(1, 1)",
        "DELETE FROM r",
        "SELECT load_extension(`x`)",
        "SELECT randomblob(1000000000)",
        "SELECT cella_set(0, 1) FROM r",
        "SELECT writefile(`x`, `y`)",
        "SELECT * FROM \\\"~d\\\"",
        "SELECT 1; SELECT 2",
        "EXPLAIN SELECT 1",
        "VACUUM",
        "SELECT count(*) FROM cella_columns",
        "SELECT * FROM cella_columns(`x`)",
        "",
        "SELECT ?",
        "SELECT :q",
        "SELECT x`00`",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        char statement[300];
        struct query_account account;
        snprintf(statement, sizeof(statement), "{'name':'s','sql':'%s'}", refused[i]);
        char *text = run_it(OPEN, statement, &account);
        if (strncmp(text, "statement s: ", 13) != 0 && strncmp(text, "parameter ", 10) != 0)
            fail_msg("%s: %s", refused[i], text);
        free(text);
    }
    check(OPEN, "{'name':'s','sql':'SELECT grade, count(*) AS n FROM r GROUP BY 1 ORDER BY 1'}",
          "grade,n\r\n1,3\r\n2,3\r\n3,1\r\n");
    check(OPEN,
          "{'name':'d','sql':'SELECT grade, age FROM r','columns':[{'name':'g','type':'integer'},"
          "{'name':'a','type':'real'}]},"
          "{'name':'s','from':{'statement':'d','as':'d'},'group':['d.g'],'select':[{'name':'n','"
          "count':true}]}",
          "g,n\r\n1,3\r\n2,3\r\n3,1\r\n");
    check(OPEN,
          "{'name':'s','sql':'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT "
          "5) SELECT sum(x) AS t FROM c'}",
          "t\r\n15\r\n");
}

static void test_free_sql_reads_open_inputs_alone(void **state)
{
    (void)state;
    struct contract_input loaded[] = {{"r", patients}, {"q", "grade,age\n1,2\n"}};
    struct query_plan *plan;
    struct query_account account;
    cella_error error;
    struct query_run *run = contract_start(
        contract_contract("{" PARTIES ",'inputs':[" PATIENTS(
            RULE) ","
                  "{'name':'q','owner':'south','format':'csv','box':'any','columns':["
                  "{'name':'age','type':'real','role':'measure'},"
                  "{'name':'grade','type':'integer','role':'dimension'}],'rules':{}}],"
                  "'statements':[{'name':'s','sql':'SELECT age FROM q UNION ALL SELECT pid FROM "
                  "r'}]," OUTPUT("s") "}"),
        loaded, 2, &plan);
    assert_null(contract_output(run, "o", &account, &error));
    assert_non_null(strstr(error.sentence, "prohibited"));
    query_run_free(run);
    query_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_small_groups_stay),
        cmocka_unit_test(test_values_of_few_stay),
        cmocka_unit_test(test_each_source_is_held),
        cmocka_unit_test(test_inputs_without_a_rule),
        cmocka_unit_test(test_missing_identifiers),
        cmocka_unit_test(test_differing_rules),
        cmocka_unit_test(test_rows_of_nobody_stay),
        cmocka_unit_test(test_output_rules_below),
        cmocka_unit_test(test_open_statements_below),
        cmocka_unit_test(test_choices_are_held),
        cmocka_unit_test(test_choices_of_a_union_are_held),
        cmocka_unit_test(test_a_union_of_one_input_twice),
        cmocka_unit_test(test_rows_of_values),
        cmocka_unit_test(test_the_log_counts_what_left),
        cmocka_unit_test(test_differences_stay),
        cmocka_unit_test(test_above_a_statement),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_output_rules),
        cmocka_unit_test(test_given_parameter),
        cmocka_unit_test(test_values_are_no_sql),
        cmocka_unit_test(test_free_sql),
        cmocka_unit_test(test_free_sql_reads_open_inputs_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
