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

static void check(const char *inputs, const char *statements, const char *expected)
{
    struct contract_input loaded = {"r", patients};
    struct query_plan *plan;
    struct query_account account;
    cella_error error;
    struct query_run *run = contract_start(
        contract_contract("{" PARTIES ",'inputs':[%s],'statements':[%s]," OUTPUT("s") "}", inputs,
                          statements),
        &loaded, 1, &plan);
    char *text = contract_output(run, "o", &account, &error);
    if (!text)
        fail_msg("%s", error.sentence);
    assert_string_equal(text, expected);
    free(text);
    query_run_free(run);
    query_plan_free(plan);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_small_groups_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
