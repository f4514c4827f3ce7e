/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: each way in which a contract can be wrong, with its place and sentence; and expressions:
 * what is written out is read again as the same.
 */
#include "query_contract.h"

#include "room/query/plan.h"

#define INPUT                                                                                      \
    "{'name':'r','owner':'north','format':'csv','box':'any','columns':["                           \
    "{'name':'pid','type':'integer','role':'identifier'},"                                         \
    "{'name':'site','type':'text','role':'joinable'},"                                             \
    "{'name':'age','type':'real','role':'measure'},"                                               \
    "{'name':'grade','type':'integer','role':'dimension'},"                                        \
    "{'name':'day','type':'date','role':'dimension'},"                                             \
    "{'name':'note','type':'text','role':'hidden'}],'rules':{'least_individuals':10}}"
#define OPEN                                                                                       \
    "{'name':'o','owner':'north','format':'csv','box':'any','columns':["                           \
    "{'name':'pid','type':'integer','role':'dimension'},"                                          \
    "{'name':'x','type':'real','role':'measure'}],'rules':{}}"
#define FROM "'from':{'input':'r','as':'r'}"
#define N    "'select':[{'name':'n','count':true}]"

static cella_status make(const char *inputs, const char *parameters, const char *statement,
                         const char *output, cella_error *error)
{
    struct query_plan *plan = NULL;
    json_t *contract = contract_contract(
        "{'parties':[{'name':'north'},{'name':'south'}],'inputs':[%s],'parameters':[%s],"
        "'statements':[{%s}],'outputs':[{%s}]}",
        inputs, parameters, statement, output);
    memset(error, 0, sizeof(*error));
    cella_status status = query_plan_make(contract, &plan, error);
    json_decref(contract);
    query_plan_free(plan);
    return status;
}

#define GOOD_OUTPUT "'name':'a','statement':'s','format':'csv','recipients':['south'],'rules':{}"

static const struct {
    const char *statement, *sentence;
} statements[] = {
    {"'name':'s'," FROM ",'where':['r.note = `a`']," N,
     "statements[0].where[0]: column \"note\" is hidden"},
    {"'name':'s'," FROM ",'where':['r.note like `a%%`']," N, "hidden"},
    {"'name':'s'," FROM ",'where':['r.pid = 7']," N, "\"pid\" is an identifier"},
    {"'name':'s'," FROM ",'where':['r.site = `x`']," N, "\"site\" is joinable"},
    {"'name':'s'," FROM ",'let':[{'name':'p','value':'r.pid + 0'}]," N,
     "let[0].value: column \"pid\" is an identifier"},
    {"'name':'s'," FROM
     ",'let':[{'name':'p','value':'case when r.grade = 1 then r.pid else 0 end'}]," N,
     "identifier"},
    {"'name':'s'," FROM ",'group':['r.pid']," N, "group[0]: column \"pid\" is an identifier"},
    {"'name':'s'," FROM ",'group':['r.age']," N, "group[0]: \"age\" depends on a measure"},
    {"'name':'s'," FROM
     ",'let':[{'name':'a','value':'r.age'},{'name':'b','value':'a + 1'}],'group':['b']," N,
     "\"b\" depends on a measure"},
    {"'name':'s'," FROM ",'group':['r.grade + 1']," N, "group[0]: must be"},
    {"'name':'s'," FROM ",'group':['r.grade'],'order':[{'by':'pid'}]," N,
     "order[0]: must be one of \"grade\", \"n\""},
    {"'name':'s'," FROM ",'group':['r.grade','r.grade']," N, "a second column"},
    {"'name':'s'," FROM ",'select':[{'name':'m','min':'r.age'}]",
     "select[0]: min tells one individual's value"},
    {"'name':'s'," FROM ",'select':[{'name':'m','max':'r.age'}]",
     "select[0]: max tells one individual's value"},
    {"'name':'s'," FROM ",'select':[{'name':'m','median':'r.age * 1000'}]",
     "select[0]: median is one individual's value"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'age'}},{'input':'r','columns':{'x':'"
     "age * 1000 + grade'}}],'as':'u'},'select':[{'name':'m','value_at_risk':'u.x','level':0.9}]",
     "select[0]: value_at_risk is one individual's value"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'age'}}],'as':'u'},"
     "'select':[{'name':'m','value_at_risk':'u.x','level':0.9}]",
     NULL},
    {"'name':'s'," FROM ",'select':[{'name':'m','sum':'r.day'}]", "must be a number"},
    {"'name':'s'," FROM ",'select':[{'name':'m','mean':'r.age','sum':'r.age'}]",
     "select[0]: needs one aggregate"},
    {"'name':'s'," FROM ",'select':[{'name':'m','quantile':'r.age'}]", "\"q\" is missing"},
    {"'name':'s'," FROM ",'select':[{'name':'m','quantile':'r.age','q':1}]", "between 0 and 1"},
    {"'name':'s'," FROM ",'select':[{'name':'m','group_concat':'r.age'}]", "needs one aggregate"},
    {"'name':'s'," FROM ",'select':[{'name':'m','individuals':'x'}]", "must be an alias"},
    {"'name':'s'," FROM ",'select':[]", "needs a group or an aggregate"},
    {"'name':'s'," FROM ",'having':['n > 1']," N, "unknown key \"having\""},
    {"'name':'s'," FROM ",'where':['x > 1']," N, "\"x\" is no name of let"},
    {"'name':'s'," FROM ",'where':['q.x > 1']," N, "\"q\" is no alias"},
    {"'name':'s'," FROM ",'where':['r.x > 1']," N, "has no column \"x\""},
    {"'name':'s'," FROM ",'where':['r.age > `1`']," N, "cannot be compared"},
    {"'name':'s'," FROM ",'where':['r.age = :p']," N, "\":p\" is not among the parameters"},
    {"'name':'s'," FROM ",'where':['r.day']," N, "must be a number"},
    {"'name':'s'," FROM ",'where':['r.age > ']," N, "where[0]: a value should stand at byte 8"},
    {"'name':'s'," FROM ",'where':['r.age > 1 )']," N, "one thing too many"},
    {"'name':'s'," FROM ",'where':['r.age = 1; select 1']," N,
     "nothing that an expression can have"},
    {"'name':'s'," FROM ",'where':['(select 1)']," N, "is no name of let"},
    {"'name':'s'," FROM ",'where':['r.age in (select)']," N, "no name of let"},
    {"'name':'s'," FROM ",'where':['load_extension(1)']," N, "is no function"},
    {"'name':'s'," FROM ",'where':['r.age > 1 -- x']," N, "is no name of let"},
    {"'name':'s'," FROM ",'where':['r.age = `x']," N, "no closing"},
    {"'name':'s'," FROM ",'where':['1 = 1 = 1']," N, "one thing too many"},
    {"'name':'s'," FROM ",'where':['99999999999999999999 = 1']," N, "too large a number"},
    {"'name':'s'," FROM ",'where':['1e999 = 1']," N, "too large a number"},
    {"'name':'s'," FROM ",'where':['12abc = 1']," N, "is no number"},
    {"'name':'s'," FROM ",'where':['round(1, 99)']," N, "digits from 0 to 15"},
    {"'name':'s'," FROM ",'where':['ln(1, 2)']," N, "takes 1 to 1"},
    {"'name':'s'," FROM ",'where':['case else 1 end']," N, "needs a \"when\""},
    {"'name':'s','from':{'input':'x','as':'r'}," N, "from.input: there is no such input"},
    {"'name':'s','from':{'statement':'s','as':'r'}," N, "no such statement before"},
    {"'name':'s','from':{'input':'r','statement':'s','as':'r'}," N, "needs one of"},
    {"'name':'s','from':{'input':'r','as':'R'}," N, "from.as: must be a name"},
    {"'name':'s','from':{'input':'r','as':'select'}," N, NULL},
    {"'name':'s'," FROM
     ",'join':[{'input':'r','as':'r','kind':'inner','on':[['r.pid','r.pid']]}]," N,
     "a second \"r\""},
    {"'name':'s'," FROM
     ",'join':[{'input':'r','as':'q','kind':'cross','on':[['r.pid','q.pid']]}]," N,
     "kind: must be one of"},
    {"'name':'s'," FROM ",'join':[{'input':'r','as':'q','kind':'inner','on':[]}]," N,
     "needs a pair"},
    {"'name':'s'," FROM
     ",'join':[{'input':'r','as':'q','kind':'inner','on':[['r.age','q.age']]}]," N,
     "is a measure"},
    {"'name':'s'," FROM
     ",'join':[{'input':'r','as':'q','kind':'inner','on':[['r.note','q.note']]}]," N,
     "is hidden"},
    {"'name':'s'," FROM
     ",'join':[{'input':'r','as':'q','kind':'inner','on':[['r.pid','q.site']]}]," N,
     "different types"},
    {"'name':'s'," FROM
     ",'join':[{'input':'r','as':'q','kind':'inner','on':[['r.pid','r.pid']]}]," N,
     "one of those before"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'note'}}],'as':'u'}," N, "is hidden"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'pid + 1'}}],'as':'u'}," N,
     "is an identifier"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'pid'}}],'as':'u'},'group':['u.x']"
     "," N,
     "is an identifier"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'age'}},{'input':'r','columns':{'x':'"
     "grade'}}],'as':'u'},'group':['u.x']," N,
     "depends on a measure"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'grade'}},{'input':'r','columns':{'x'"
     ":'age'}}],'as':'u'},'group':['u.x']," N,
     "depends on a measure"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'pid'}},{'input':'r','columns':{'x':'"
     "grade'}}],'as':'u'}," N,
     "not that of the branches before"},
    {"'name':'s','from':{'union':[{'input':'r','columns':{'x':'age'}},{'input':'r','columns':{'y':'"
     "age'}}],'as':'u'}," N,
     "the same columns"},
    {"'name':'s','from':{'union':[],'as':'u'}," N, "needs a branch"},
    {"'name':'s'," FROM ",'model':{'kind':'magic'}", "model.kind: must be one of"},
    {"'name':'s'," FROM ",'model':{'kind':'logistic','outcome':'r.grade','terms':[]}",
     "needs a term"},
    {"'name':'s'," FROM ",'model':{'kind':'logistic','outcome':'r.pid','terms':['r.age']}",
     "is an identifier"},
    {"'name':'s'," FROM ",'model':{'kind':'chi_square','rows':'r.grade','columns':'r.note'}",
     "is hidden"},
    {"'name':'s'," FROM ",'model':{'kind':'t_test','value':'r.day','by':'r.grade'}",
     "must be a number"},
    {"'name':'s','model':{'kind':'trend','phenotype':'phenotype','genotypes':[{'input':'r','"
     "stratum':'a'}]}",
     "must be a PLINK input"},
    {"'name':'s','sql':'SELECT 1'", "free SQL reads inputs without any rule"},
};

static void test_wrong_statements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
        cella_error error;
        cella_status status = make(INPUT, "", statements[i].statement, GOOD_OUTPUT, &error);
        if (!statements[i].sentence) {
            if (status != CELLA_OK)
                fail_msg("%s: %s", statements[i].statement, error.sentence);
            continue;
        }
        if (status != CELLA_INVALID || !strstr(error.sentence, statements[i].sentence))
            fail_msg("%s: \"%s\", not \"%s\"", statements[i].statement, error.sentence,
                     statements[i].sentence);
    }
}

/* ---- weights ---- */

#define COUNTED                                                                                    \
    "{'name':'r','owner':'north','format':'csv','box':'any','columns':["                           \
    "{'name':'pid','type':'integer','role':'identifier'},"                                         \
    "{'name':'grade','type':'integer','role':'dimension'},"                                        \
    "{'name':'ill','type':'boolean','role':'dimension'},"                                          \
    "{'name':'age','type':'real','role':'measure'}],'rules':{'least_individuals':10}}"
#define PRICES                                                                                     \
    "{'name':'p','owner':'south','format':'csv','box':'any','columns':["                           \
    "{'name':'grade','type':'integer','role':'dimension'},"                                        \
    "{'name':'price','type':'real','role':'measure'}],'rules':{}}"
#define WITH_PRICES                                                                                \
    FROM ",'join':[{'input':'p','as':'p','kind':'inner','on':[['r.grade','p.grade']]}]"

/* What a sum, or a model, may take of individuals that are counted. */
static void test_weights(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } values[] = {
        {"r.age", true},
        {"(r.age - 55) / 10.0 + 2 * r.grade", true},
        {"ln(1 + r.age)", true},
        {"abs(sqrt(r.age) - 7)", true},
        {"r.age * (r.grade = 3)", true},
        {"case when r.grade = 3 then r.age else 0 end", true},
        {"(r.grade = 3 and r.age > 60) * r.age", true},
        {"r.age * p.price", true},
        {"r.age / p.price", true},
        {"exp(p.price) * r.age", true},
        {"round(p.price * 2)", true},
        {"r.age * (p.price > 3) * (p.grade = 2)", true},
        {"r.age * r.grade", false},
        {"r.age * (r.grade - 1) * (r.grade - 2) / 336", false},
        {"x * r.age", false},
        {"r.age / r.grade", false},
        {"1 / r.age", false},
        {"r.age / (r.grade = 3)", false},
        {"exp(100 * (r.grade - 9))", false},
        {"floor(r.grade / 9)", false},
        {"ceil(r.age)", false},
        {"round(r.age - 96)", false},
        {"p.price * floor(r.age / 97)", false},
        {"2 + -(r.age * (1 + r.age))", false},
        {"(r.grade = 3) * (r.age > 60) * r.age", false},
        {"r.ill * (r.grade = 3)", false},
        {"(case when r.grade = 3 then 1 else 0 end) * (case when r.age > 9 then 1 else 0 end)",
         false},
        {"case when r.grade = 3 then (case when r.age > 9 then r.age else 0 end) else 0 end",
         false},
        {"case when r.grade = 3 then r.age * r.age else 0 end", false},
        {"coalesce(r.age * r.grade, 0)", false},
    };
    static const char *const forms[] = {
        "'name':'s'," WITH_PRICES
        ",'let':[{'name':'x','value':'r.grade - 1'}],"
        "'select':[{'name':'v','sum':'%s'}]",
        "'name':'s'," WITH_PRICES
        ",'let':[{'name':'x','value':'r.grade - 1'},"
        "{'name':'y','value':'%s'}],'select':[{'name':'v','variance':'y'}]",
        "'name':'s'," WITH_PRICES
        ",'let':[{'name':'x','value':'r.grade - 1'}],"
        "'model':{'kind':'linear','outcome':'r.age','terms':['%s']}",
        "'name':'s'," WITH_PRICES
        ",'let':[{'name':'x','value':'r.grade - 1'}],"
        "'model':{'kind':'linear','outcome':'%s','terms':['r.age']}",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
            char statement[700];
            cella_error error;
            snprintf(statement, sizeof(statement), forms[k], values[i].value);
            cella_status status = make(COUNTED "," PRICES, "", statement, GOOD_OUTPUT, &error);
            if ((status == CELLA_OK) != values[i].good)
                fail_msg("%s, form %zu: %s", values[i].value, k, error.sentence);
            if (!values[i].good)
                assert_non_null(strstr(error.sentence, "a number may not weigh people"));
        }
}

/* A union's columns are what its branches make of theirs; rows of a statement below are free. */
static void test_weights_below(void **state)
{
    (void)state;
    static const struct {
        const char *statement;
        bool good;
    } cases[] = {
        {"'name':'s','from':{'union':[{'input':'r','columns':{'v':'age * grade'}},"
         "{'input':'p','columns':{'v':'price'}}],'as':'u'},'select':[{'name':'n','sum':'u.v'}]",
         false},
        {"'name':'s','from':{'union':[{'input':'r','columns':{'v':'age'}},"
         "{'input':'p','columns':{'v':'price * price'}}],'as':'u'},"
         "'select':[{'name':'n','sum':'u.v'}]",
         true},
        {"'name':'s','from':{'union':[{'input':'r','columns':{'v':'age','w':'grade'}},"
         "{'input':'p','columns':{'v':'price','w':'1'}}],'as':'u'},"
         "'select':[{'name':'n','sum':'u.v * u.w'}]",
         false},
        {"'name':'s','from':{'union':[{'input':'r','columns':{'v':'age > 60','w':'grade = 3'}},"
         "{'input':'p','columns':{'v':'1','w':'1'}}],'as':'u'},"
         "'select':[{'name':'n','sum':'u.v * u.w'}]",
         false},
        {"'name':'t'," FROM ",'group':['r.grade'],'select':[{'name':'v','sum':'r.age'}]},"
         "{'name':'s','from':{'statement':'t','as':'t'},"
         "'select':[{'name':'n','sum':'t.v * t.grade * exp(t.v / 1000)'}]",
         true},
        {"'name':'s','from':{'input':'p','as':'p'},'select':[{'name':'n','sum':'p.price * "
         "p.grade'}]",
         true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cella_error error;
        cella_status status = make(COUNTED "," PRICES, "", cases[i].statement, GOOD_OUTPUT, &error);
        if ((status == CELLA_OK) != cases[i].good)
            fail_msg("case %zu: %s", i, error.sentence);
    }
}

static const struct {
    const char *input, *parameter, *output, *sentence;
} others[] = {
    {INPUT "," INPUT, "", GOOD_OUTPUT, "inputs[1]: a second input"},
    {"{'name':'r'}", "", GOOD_OUTPUT, "inputs[0]: \"owner\" is missing"},
    {"{'name':'r','owner':'west','format':'csv','box':'any','columns':[],'rules':{}}", "",
     GOOD_OUTPUT, "inputs[0].owner: \"west\" is not among the parties"},
    {"{'name':'r','owner':'north','format':'xls','box':'any','columns':[],'rules':{}}", "",
     GOOD_OUTPUT, "inputs[0].format: must be one of"},
    {"{'name':'r','owner':'north','format':'csv','box':'any','columns':[],'rules':{}}", "",
     GOOD_OUTPUT, "needs a column"},
    {"{'name':'r','owner':'north','format':'sqlite','box':'any','columns':[],'rules':{}}", "",
     GOOD_OUTPUT, "names the table"},
    {"{'name':'r','owner':'north','format':'csv','box':'any','columns':[{'name':'a','type':'"
     "integer','role':'secret'}],'rules':{}}",
     "", GOOD_OUTPUT, "columns[0].role: must be one of"},
    {"{'name':'r','owner':'north','format':'csv','box':'any','columns':[{'name':'a','type':'blob','"
     "role':'measure'}],'rules':{}}",
     "", GOOD_OUTPUT, "columns[0].type: must be one of"},
    {"{'name':'r','owner':'north','format':'csv','box':'any','columns':[{'name':'a','type':'real','"
     "role':'measure'}],'rules':{'least_individuals':5}}",
     "", GOOD_OUTPUT, "needs an identifier"},
    {"{'name':'r','owner':'north','format':'csv','box':'any','columns':[{'name':'a','type':'real','"
     "role':'measure'}],'rules':{'least':5}}",
     "", GOOD_OUTPUT, "inputs[0].rules: unknown key"},
    {"{'name':'r','owner':'north','format':'csv','box':'any','columns':[{'name':'a','type':'real','"
     "role':'measure'}],'rules':{'digits':0}}",
     "", GOOD_OUTPUT, "digits must be a number from 1 to 17"},
    {INPUT, "{'name':'p','type':'integer'}", GOOD_OUTPUT, "needs either"},
    {INPUT, "{'name':'p','type':'integer','value':1.5}", GOOD_OUTPUT,
     "not of the parameter's type"},
    {INPUT, "{'name':'p','type':'date','value':'2026-13-01'}", GOOD_OUTPUT,
     "not of the parameter's type"},
    {INPUT, "{'name':'p','type':'text','from':'south'}", GOOD_OUTPUT,
     "needs \"least\" and \"most\""},
    {INPUT, "{'name':'p','type':'text','from':'west','one_of':['a']}", GOOD_OUTPUT,
     "not among the parties"},
    {INPUT, "{'name':'p','type':'real','from':'south','one_of':['a']}", GOOD_OUTPUT,
     "bounds are not of its type"},
    {INPUT, "", "'name':'a','statement':'x','format':'csv','recipients':['south'],'rules':{}",
     "outputs[0].statement: there is no"},
    {INPUT, "", "'name':'a','statement':'s','format':'csv','recipients':[],'rules':{}",
     "needs a recipient"},
    {INPUT, "", "'name':'a','statement':'s','format':'csv','recipients':['west'],'rules':{}",
     "not among the parties"},
    {INPUT, "", "'name':'a','statement':'s','format':'plink','recipients':['south'],'rules':{}",
     "format: must be one of"},
};

static void test_wrong_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        cella_error error;
        cella_status status = make(others[i].input, others[i].parameter, "'name':'s'," FROM "," N,
                                   others[i].output, &error);
        if (status != CELLA_INVALID || !strstr(error.sentence, others[i].sentence))
            fail_msg("%zu: \"%s\", not \"%s\"", i, error.sentence, others[i].sentence);
    }
}

static void test_output_rules_need_an_identifier(void **state)
{
    (void)state;
    cella_error error;
    assert_int_equal(make(OPEN, "", "'name':'s','from':{'input':'o','as':'o'}," N,
                          "'name':'a','statement':'s','format':'csv','recipients':['south'],"
                          "'rules':{'least_individuals':5}",
                          &error),
                     CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "has an identifier to count"));
    /* It goes for what the statement reads, too. */
    assert_int_equal(
        make("{'name':'r','owner':'north','format':'csv','box':'any','columns':[{'name':'pid','"
             "type':"
             "'integer','role':'identifier'}],'rules':{}}",
             "",
             "'name':'d','from':{'input':'r','as':'r'},'select':[{'name':'m','max':'1'}]},{'name':"
             "'s','from':{'statement':'d','as':'d'},'select':[{'name':'t','sum':'d.m'}]",
             "'name':'a','statement':'s','format':'csv','recipients':['south'],"
             "'rules':{'least_individuals':5}",
             &error),
        CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "max tells one individual's value"));
    assert_int_equal(make(OPEN, "", "'name':'s','sql':'SELECT pid FROM o'", GOOD_OUTPUT, &error),
                     CELLA_OK);
}

static void test_given_parameters(void **state)
{
    (void)state;
    struct query_plan *plan;
    cella_error error;
    json_t *contract = contract_contract(
        "{'parties':[{'name':'north'},{'name':'south'}],'inputs':[" INPUT
        "],'parameters':["
        "{'name':'p','type':'real','from':'south','least':0.5,'most':0.9},"
        "{'name':'q','type':'text','from':'south','one_of':['a','b']},"
        "{'name':'f','type':'integer','value':1}],"
        "'statements':[{'name':'s'," FROM "," N "}],'outputs':[{" GOOD_OUTPUT "}]}");
    assert_int_equal(query_plan_make(contract, &plan, &error), CELLA_OK);
    json_t *good = json_real(0.7), *low = json_real(0.4), *text = json_string("b"),
           *other = json_string("c");
    assert_int_equal(query_plan_parameter(plan, "south", "p", good, &error), CELLA_OK);
    assert_int_equal(query_plan_parameter(plan, "south", "q", text, &error), CELLA_OK);
    assert_int_equal(query_plan_parameter(plan, "south", "p", low, &error), CELLA_INVALID);
    assert_int_equal(query_plan_parameter(plan, "south", "p", text, &error), CELLA_INVALID);
    assert_int_equal(query_plan_parameter(plan, "south", "q", other, &error), CELLA_INVALID);
    assert_int_equal(query_plan_parameter(plan, "north", "p", good, &error), CELLA_INVALID);
    assert_int_equal(query_plan_parameter(plan, "south", "f", good, &error), CELLA_INVALID);
    assert_int_equal(query_plan_parameter(plan, "south", "z", good, &error), CELLA_INVALID);
    json_decref(good);
    json_decref(low);
    json_decref(text);
    json_decref(other);
    json_decref(contract);
    query_plan_free(plan);
}

/* JSON that a party gives for a parameter of a type, and whether it may. */
static void test_bounds_of_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *parameter, *value;
        bool good;
    } given[] = {
        {"'type':'integer','least':-3,'most':5", "-3", true},
        {"'type':'integer','least':-3,'most':5", "5", true},
        {"'type':'integer','least':-3,'most':5", "-4", false},
        {"'type':'integer','least':-3,'most':5", "6", false},
        {"'type':'integer','least':-3,'most':5", "1.0", false},
        {"'type':'integer','least':-3,'most':5", "true", false},
        {"'type':'integer','least':-3,'most':5", "'1'", false},
        {"'type':'integer','least':-3,'most':5", "null", false},
        {"'type':'integer','least':-3,'most':5", "[1]", false},
        {"'type':'integer','least':9007199254740993,'most':9007199254740993", "9007199254740992",
         false},
        {"'type':'real','least':0.5,'most':2", "1", true},
        {"'type':'real','least':0.5,'most':2", "2.0", true},
        {"'type':'real','least':0.5,'most':2", "0.49", false},
        {"'type':'real','least':0.5,'most':2", "2.0000001", false},
        {"'type':'date','least':'2026-01-01','most':'2026-12-31'", "'2026-12-31'", true},
        {"'type':'date','least':'2026-01-01','most':'2026-12-31'", "'2027-01-01'", false},
        {"'type':'date','least':'2026-01-01','most':'2026-12-31'", "'2026-06-1'", false},
        {"'type':'date','least':'2026-01-01','most':'2026-12-31'", "'2026-06-01x'", false},
        {"'type':'boolean','one_of':[true]", "true", true},
        {"'type':'boolean','one_of':[true]", "false", false},
        {"'type':'boolean','one_of':[true]", "1", false},
        {"'type':'text','one_of':['a','b']", "'b'", true},
        {"'type':'text','one_of':['a','b']", "'B'", false},
        {"'type':'text','one_of':['a','b']", "'a '", false},
        {"'type':'integer','one_of':[1,2]", "2", true},
        {"'type':'integer','one_of':[1,2]", "3", false},
    };
    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        struct query_plan *plan;
        cella_error error;
        json_t *contract = contract_contract(
            "{'parties':[{'name':'north'},{'name':'south'}],'inputs':[" INPUT
            "],'parameters':[{'name':'p','from':'south',%s}],'value':%s,"
            "'statements':[{'name':'s'," FROM "," N "}],'outputs':[{" GOOD_OUTPUT "}]}",
            given[i].parameter, given[i].value);
        assert_int_equal(query_plan_make(contract, &plan, &error), CELLA_OK);
        cella_status status =
            query_plan_parameter(plan, "south", "p", json_object_get(contract, "value"), &error);
        if ((status == CELLA_OK) != given[i].good)
            fail_msg("%s: %s", given[i].parameter, given[i].value);
        query_plan_free(plan);
        json_decref(contract);
    }
    static const char *const wrong[] = {
        "'type':'text','least':'a','most':'b'",
        "'type':'boolean','least':false,'most':true",
        "'type':'integer','least':1",
        "'type':'integer','most':1",
        "'type':'integer','least':1,'most':2,'one_of':[1]",
        "'type':'integer','one_of':[]",
        "'type':'integer','least':1.5,'most':2",
        "'type':'date','least':'a','most':'b'",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char parameter[200];
        cella_error error;
        snprintf(parameter, sizeof(parameter), "{'name':'p','from':'south',%s}", wrong[i]);
        if (make(INPUT, parameter, "'name':'s'," FROM "," N, GOOD_OUTPUT, &error) != CELLA_INVALID)
            fail_msg("%s", wrong[i]);
    }
}

/* ---- expressions ---- */

static const struct plan_column columns[] = {{"x", QUERY_REAL, QUERY_MEASURE},
                                             {"g", QUERY_INTEGER, QUERY_DIMENSION},
                                             {"t", QUERY_TEXT, QUERY_DIMENSION}};
static const struct plan_source source = {
    .alias = "a", .kind = PLAN_INPUT, .columns = (struct plan_column *)columns, .column_count = 3};

static unsigned next_random(unsigned *seed, unsigned most)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % most;
}

/* Random text of an expression: a number, or a text. */
static void random_expression(struct text *text, unsigned *seed, unsigned depth, bool texts)
{
    static const char *const binary[] = {"+", "-", "*", "/", "and", "or", "=", "<"};
    unsigned kind = depth ? next_random(seed, 9) : next_random(seed, 3);
    if (texts) {
        text_put(text, kind % 2 ? "a.t" : "'it''s'");
        return;
    }
    switch (kind) {
    case 0:
        text_add(text, "%u", next_random(seed, 1000));
        break;
    case 1:
        text_put(text, next_random(seed, 2) ? "a.x" : "a.g");
        break;
    case 2:
        text_add(text, "%u.%ue-%u", next_random(seed, 100), next_random(seed, 100),
                 next_random(seed, 9));
        break;
    case 3:
        text_put(text, next_random(seed, 2) ? "(-(" : "(not (");
        random_expression(text, seed, depth - 1, false);
        text_put(text, "))");
        break;
    case 4:
        text_put(text, "case when ");
        random_expression(text, seed, depth - 1, false);
        text_put(text, " then ");
        random_expression(text, seed, depth - 1, false);
        text_put(text, " end");
        break;
    case 5:
        text_put(text, "coalesce(");
        random_expression(text, seed, depth - 1, false);
        text_put(text, ", ");
        random_expression(text, seed, depth - 1, false);
        text_put(text, ")");
        break;
    case 6:
        text_put(text, "(");
        random_expression(text, seed, 0, true);
        text_put(text, next_random(seed, 2) ? " in ('a', a.t))" : " not between 'a' and 'b')");
        break;
    default:
        text_put(text, "(");
        random_expression(text, seed, depth - 1, false);
        text_add(text, ") %s (", binary[next_random(seed, 8)]);
        random_expression(text, seed, depth - 1, false);
        text_put(text, ")");
    }
}

static bool same(const struct expression *first, const struct expression *second)
{
    if (first->kind != second->kind || first->type != second->type ||
        first->which != second->which || first->integer != second->integer ||
        first->real != second->real || first->count != second->count ||
        first->column != second->column || (first->text && strcmp(first->text, second->text) != 0))
        return false;
    for (size_t i = 0; i < first->count; i++)
        if (!same(first->arguments[i], second->arguments[i]))
            return false;
    return true;
}

static void test_expressions_written_are_read_the_same(void **state)
{
    (void)state;
    unsigned seed = 7, read = 0;
    for (unsigned i = 0; i < 20000; i++) {
        struct plan_arena arena = {0};
        struct expression_scope scope = {.arena = &arena, .sources = &source, .source_count = 1};
        struct text text = {0}, again = {0};
        struct expression *first, *second;
        cella_error error;
        random_expression(&text, &seed, 4, false);
        if (expression_parse(&scope, "e", text.bytes, &first, &error) == CELLA_OK) {
            expression_text(&again, &source, first);
            if (expression_parse(&scope, "e", again.bytes, &second, &error) != CELLA_OK)
                fail_msg("%s: %s", again.bytes, error.sentence);
            if (!same(first, second))
                fail_msg("%s is not %s", again.bytes, text.bytes);
            read++;
        }
        free(text.bytes);
        free(again.bytes);
        plan_release(&arena);
    }
    assert_true(read > 5000);
}

static void test_sql(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sql;
    } cases[] = {
        {"a.g / 2", "(CAST(\"a\".\"g\" AS REAL) / 2)"},
        {"a.x / 2 / 3", "(\"a\".\"x\" / 2 / 3)"},
        {"a.t = 'x'' or 1=1 --'", "(\"a\".\"t\" = 'x'' or 1=1 --')"},
        {"floor(a.x)", "CAST(floor(\"a\".\"x\") AS INTEGER)"},
        {"abs(a.g)", "cella_abs(\"a\".\"g\")"},
        {"- -1", "(-(-1))"},
        {"a.g=1 and a.g=2 or not a.g=3",
         "(((\"a\".\"g\" = 1) and (\"a\".\"g\" = 2)) or (not (\"a\".\"g\" = 3)))"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plan_arena arena = {0};
        struct expression_scope scope = {.arena = &arena, .sources = &source, .source_count = 1};
        struct text text = {0};
        struct expression *expression;
        cella_error error;
        if (expression_parse(&scope, "e", cases[i].text, &expression, &error) != CELLA_OK)
            fail_msg("%s", error.sentence);
        expression_sql(&text, &source, expression);
        assert_string_equal(text.bytes, cases[i].sql);
        free(text.bytes);
        plan_release(&arena);
    }
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    struct plan_arena arena = {0};
    struct expression_scope scope = {.arena = &arena, .sources = &source, .source_count = 1};
    static const char *const opening[] = {"(", "not ", "-", "abs(", "1 + (", "case when 1 then "};
    for (size_t i = 0; i < sizeof(opening) / sizeof(*opening); i++) {
        struct text text = {0};
        struct expression *expression;
        cella_error error;
        for (unsigned k = 0; k < 230; k++)
            text_put(&text, opening[i]);
        text_put(&text, "1");
        assert_int_equal(expression_parse(&scope, "e", text.bytes, &expression, &error),
                         CELLA_INVALID);
        assert_non_null(strstr(error.sentence, "deeply"));
        free(text.bytes);
    }
    plan_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_statements),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_weights_below),
        cmocka_unit_test(test_wrong_others),
        cmocka_unit_test(test_output_rules_need_an_identifier),
        cmocka_unit_test(test_given_parameters),
        cmocka_unit_test(test_bounds_of_parameters),
        cmocka_unit_test(test_expressions_written_are_read_the_same),
        cmocka_unit_test(test_sql),
        cmocka_unit_test(test_depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
