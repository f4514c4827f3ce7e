/* SPDX-License-Identifier: Apache-2.0
 *
 * What a contract says in plain words: all that it would compute is in them.
 */
#include "query_contract.h"

#define COLUMNS                                                                                    \
    "'columns':[{'name':'pid','type':'integer','role':'identifier'},"                              \
    "{'name':'age','type':'real','role':'measure'},"                                               \
    "{'name':'grade','type':'integer','role':'dimension'},"                                        \
    "{'name':'note','type':'text','role':'hidden'}]"

static char *explain(const char *statements, const char *more)
{
    struct query_plan *plan;
    cella_error error = {0};
    char *text;
    json_t *contract = contract_contract(
        "{'parties':[{'name':'north'},{'name':'south'},{'name':'host'}],'inputs':["
        "{'name':'r','owner':'north','format':'csv','box':'any'," COLUMNS
        ",'rules':{'least_individuals':10,'round':5}},"
        "{'name':'l','owner':'south','format':'csv','box':'0a'," COLUMNS
        ",'rules':{}},"
        "{'name':'open','owner':'south','format':'csv','box':'0a','columns':["
        "{'name':'age','type':'real','role':'measure'}],'rules':{}}],"
        "'statements':[%s],'outputs':[{'name':'o','statement':'s','format':'csv','recipients':"
        "['south'],'rules':{'digits':3,'most_rows':7}}],%s}",
        statements, more);
    if (query_plan_make(contract, &plan, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    json_decref(contract);
    assert_int_equal(query_plan_explain(plan, &text, &error), CELLA_OK);
    query_plan_free(plan);
    return text;
}

static void assert_says(const char *text, const char *part)
{
    if (!part || !text || !strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part ? part : "", text ? text : "");
}

#define FIXED "'parameters':[{'name':'days','type':'integer','value':1095}]"
#define GIVEN                                                                                      \
    "'parameters':[{'name':'days','type':'integer','from':'south','least':1,'most':9},"            \
    "{'name':'word','type':'text','from':'south','one_of':['a','b']}],'runs':2,"                   \
    "'tee':['vsm','process'],'posture':{}"

static void test_selection(void **state)
{
    (void)state;
    char *text = explain(
        "{'name':'s','from':{'union':[{'input':'r','columns':{'grade':'grade','old':'age > 70'}},"
        "{'input':'l','columns':{'grade':'grade','old':'case when age > 80 then 1 else 0 end'}}],"
        "'as':'u'},'join':[{'input':'l','as':'b','kind':'left','on':[['u.grade','b.grade']]}],"
        "'where':['u.grade > :days'],'let':[{'name':'older','value':'u.old'},{'name':'grade',"
        "'value':'u.grade'}],'group':['grade'],"
        "'select':[{'name':'people','individuals':'u'},{'name':'rate','mean':'older','where':"
        "'b.age < 4'},{'name':'n','count':true}]}",
        FIXED);
    static const char *const parts[] = {
        "north learns no result\nsouth learns\n  o: for each grade: people, rate, n\n"
        "    from r (of north), l (of south)\n"
        "    behind every row: individuals at least 10 of r (of north); counts to a multiple of 5; "
        "digits of other numbers: 3; rows at most: 7\nhost learns no result\n",
        "u has the rows of r, with\n      grade\n      old: age > 70\n",
        "u has the rows of l, with\n      grade\n      old: case when (age > 80) then 1 else 0 end",
        "b has the rows of l\n    joined where u.grade = b.grade; rows without a match stay\n",
        "where u.grade > :days\n",
        "older is u.old\n",
        "one row for each grade, with\n",
        "people: how many individuals of u\n",
        "rate: mean of older, where b.age < 4\n",
        "n: how many rows\n",
        ":days is 1095\n",
        "pid                  marks the individual; not used\n",
        "grade                may be shown as a group; computed with and joined on\n",
        "note                 hidden; not used\n",
        "warning: r may be any box that north releases\n",
        "warning: a row may stand on fewer than 5 individuals of l",
        "warning: nothing is demanded of the host",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        assert_says(text, parts[i]);
    assert_says(text, "warning: r rounds counts, but a mean of exact digits tells them again");
    assert_null(strstr(text, "grade is u.grade"));
    assert_null(strstr(text, "l may be any box"));
    free(text);
}

static void test_others(void **state)
{
    (void)state;
    char *text = explain(
        "{'name':'s','from':{'input':'r','as':'r'},'model':{'kind':'linear',"
        "'outcome':'r.age','terms':['r.grade','r.age * 2']}}",
        GIVEN);
    assert_says(text, "o: a linear regression of r.age by r.grade, r.age * 2\n");
    assert_says(text, ":days is given by south: 1 to 9\n");
    assert_says(text, ":word is given by south: one of [\"a\", \"b\"]\n");
    assert_says(text, "warning: it may run as a plain process");
    assert_says(text, "warning: it may run more than once, and a party that gives a parameter");
    assert_says(text, "warning: it may run more than once, and differences");
    free(text);
    text = explain("{'name':'s','sql':'SELECT age FROM open'}", FIXED);
    assert_says(text, "o: whatever free SQL gives");
    assert_says(text, "\n    SELECT age FROM open\n");
    assert_says(text, "warning: s is free SQL: it may show any row of open (of south)\n");
    free(text);
    text = explain(
        "{'name':'d','from':{'input':'r','as':'r'},'group':['r.grade'],'select':[{"
        "'name':'n','count':true}]},{'name':'s','from':{'statement':'d','as':'d'},"
        "'select':[{'name':'m','median':'d.n'}]}",
        FIXED);
    assert_says(text, "d has the rows of d that may leave\n");
    assert_says(text, "m: median of d.n at 0.5\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selection),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
