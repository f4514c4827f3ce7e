/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes and collateral made here, under a root of our own: every status that levels, TDX modules,
 * quoting enclaves and relaunches come to, every piece of collateral missing, altered, revoked or
 * of another platform, and signatures that only look like some.
 */
#include "attest_intel.h"

#include "attest/ecdsa.h"
#include "attest/sgx/status.h"

static cella_error error;

static void add_to_verifier(void *to, const uint8_t *bytes, size_t size)
{
    if (cella_verifier_add(to, bytes, size, "made", &error))
        fail_msg("%s", error.sentence);
}

/* What differs from collateral that is whole and good. */
enum flaw {
    GOOD,
    NO_ROOT_LIST,
    NO_PCK_LIST,
    NO_INFO,
    NO_IDENTITY,
    NO_SIGNER,
    PCK_REVOKED,
    CA_REVOKED,
    SIGNER_REVOKED,
    PCK_LIST_EXPIRED,
    INFO_ALTERED,
    INFO_OF_STRANGER,
    INFO_PAST,
    INFO_FUTURE,
    INFO_OF_OTHER_FMSPC,
    INFO_OF_OTHER_TEE,
    IDENTITY_ALTERED,
    IDENTITY_PAST,
    IDENTITY_OF_OTHER_TEE,
    NO_TRUST,
};

/* What a document has in place of its first `from`; NULL: as it is made. */
struct edit {
    const char *from, *to;
};

static struct edit info_edits[3], identity_edits[1];

static void apply(char text[TEXT], const struct edit *edits, size_t count)
{
    for (size_t i = 0; i < count && edits[i].from; i++) {
        char *at = strstr(text, edits[i].from), rest[TEXT];
        if (!at)
            fail_msg("\"%s\" is not there", edits[i].from);
        strcpy(rest, at + strlen(edits[i].from));
        assert_true(strlen(text) + strlen(edits[i].to) < TEXT);
        sprintf(at, "%s%s", edits[i].to, rest);
    }
}

static void add_info(const struct sink *sink, bool tdx, enum flaw flaw)
{
    static char text[TEXT];
    if (flaw == INFO_OF_OTHER_TEE)
        tdx = !tdx;
    if (flaw == INFO_PAST)
        make_info(text, tdx, PAST, FMSPC, NULL, 1);
    else if (flaw == INFO_FUTURE)
        make_info(text, tdx, FUTURE, FMSPC, NULL, 1);
    else
        make_info(text, tdx, NOW, flaw == INFO_OF_OTHER_FMSPC ? "00906ea10001" : FMSPC, NULL, 1);
    apply(text, info_edits, 3);
    if (flaw != NO_INFO)
        add_document(sink, "tcbInfo", text, flaw == INFO_OF_STRANGER ? stranger.key : signer.key,
                     flaw == INFO_ALTERED);
}

static cella_verifier *make_verifier(bool tdx, enum flaw flaw)
{
    static char text[TEXT];
    cella_verifier *verifier;
    uint8_t *bytes = NULL;
    int size = i2d_X509(flaw == NO_TRUST ? stranger.certificate : root.certificate, &bytes);
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    const struct sink sink = {add_to_verifier, verifier};
    assert_int_equal(cella_verifier_add_root(verifier, bytes, (size_t)size, "root", &error), 0);
    OPENSSL_free(bytes);
    if (flaw != NO_SIGNER)
        add_certificate(&sink, signer.certificate);
    if (flaw == INFO_OF_STRANGER) /* which says that it is Intel's, but is nobody's */
        add_certificate(&sink, stranger.certificate);
    if (flaw != NO_ROOT_LIST)
        add_list(&sink, &root,
                 flaw == CA_REVOKED       ? 2
                 : flaw == SIGNER_REVOKED ? 3
                                          : 0,
                 PKI_NOW + 86400);
    if (flaw != NO_PCK_LIST)
        add_list(&sink, &ca, flaw == PCK_REVOKED ? 4 : 0,
                 flaw == PCK_LIST_EXPIRED ? PKI_NOW - 3600 : PKI_NOW + 86400);
    add_info(&sink, tdx, flaw);
    if (flaw == IDENTITY_PAST)
        make_identity(text, tdx, PAST);
    else
        make_identity(text, flaw == IDENTITY_OF_OTHER_TEE ? !tdx : tdx, NOW);
    apply(text, identity_edits, 1);
    if (flaw != NO_IDENTITY)
        add_document(&sink, "enclaveIdentity", text, signer.key, flaw == IDENTITY_ALTERED);
    return verifier;
}

static cella_demands make_demands(void)
{
    static const uint8_t *report_data;
    static uint8_t all[64];
    cella_demands demands;
    memset(all, 0xdd, sizeof(all));
    report_data = all;
    cella_demands_default(&demands);
    demands.at = PKI_NOW;
    demands.report_data = report_data;
    return demands;
}

static const struct shape sgx = {.version = 3, .body = QUOTE_BODY_SGX, .qe_svn = 4};
static const struct shape tdx = {
    .version = 4, .body = QUOTE_BODY_TDX_10, .svn = {6, 1, 3}, .qe_svn = 4};

static const char *judge_with(cella_verifier *verifier, const struct shape *shape, json_t **json)
{
    static uint8_t quote[QUOTE];
    cella_demands demands = make_demands();
    uint8_t *copy;
    size_t size = make_quote(shape, quote);
    copy = copy_of(quote, size);
    const char *class = judge_bytes(verifier, &demands, copy, size, json);
    free(copy);
    return class;
}

static int set_up(void **state)
{
    (void)state;
    make_intel();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free_intel();
    return 0;
}

/* ---- statuses ---- */

static void test_good(void **state)
{
    static const struct {
        int version, body;
        const char *type;
    } kinds[] = {{3, QUOTE_BODY_SGX, "sgx"},    {4, QUOTE_BODY_SGX, "sgx"},
                 {5, QUOTE_BODY_SGX, "sgx"},    {4, QUOTE_BODY_TDX_10, "tdx"},
                 {5, QUOTE_BODY_TDX_10, "tdx"}, {5, QUOTE_BODY_TDX_15, "tdx"}};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct shape shape = tdx;
        json_t *json;
        shape.version = kinds[i].version;
        shape.body = kinds[i].body;
        cella_verifier *verifier = make_verifier(kinds[i].body != QUOTE_BODY_SGX, GOOD);
        assert_string_equal(judge_with(verifier, &shape, &json), "");
        assert_string_equal(json_string_value(json_object_get(json, "type")), kinds[i].type);
        assert_int_equal(json_array_size(json_object_get(json, "warnings")), 0);
        assert_true(revocation_checked(json));
        json_decref(json);
        assert_string_equal(judge_with(verifier, &shape, &json), ""); /* as remembered */
        assert_true(revocation_checked(json));
        json_decref(json);
        cella_verifier_free(verifier);
    }
}

/* `component`: of the PCK certificate. */
struct status_case {
    uint8_t component, svn[3], svn2[3], qe_svn;
    const char *class, *status, *launch; /* launch: NULL where it is the same */
};

static void check_status(const struct status_case *one, size_t number)
{
    struct shape shape = tdx;
    json_t *json;
    memcpy(shape.svn, one->svn, 3);
    memcpy(shape.svn2, one->svn2, 3);
    shape.qe_svn = one->qe_svn;
    if (one->svn2[0]) {
        shape.version = 5;
        shape.body = QUOTE_BODY_TDX_15;
    }
    pck_component = one->component;
    shape.leaf = make_leaf("Intel SGX PCK Certificate", 0);
    cella_verifier *verifier = make_verifier(true, GOOD);
    const char *class = judge_with(verifier, &shape, &json);
    const json_t *evidence = json_object_get(json, "evidence");
    const char *status = json_string_value(json_object_get(evidence, "tcb_status"));
    const char *launch = json_string_value(json_object_get(evidence, "tcb_status_at_launch"));
    if (strcmp(class, one->class) != 0 || !status || strcmp(status, one->status) != 0 ||
        !launch != !one->launch || (launch && strcmp(launch, one->launch) != 0))
        fail_msg("case %zu: \"%s\", %s, at launch %s", number, class, status, launch);
    assert_int_equal(json_array_size(json_object_get(json, "warnings")),
                     !*class && strcmp(status, "UpToDate") != 0 ? 1 : 0);
    json_decref(json);
    X509_free(shape.leaf);
    pck_component = 5;
    cella_verifier_free(verifier);
}

static void test_statuses(void **state)
{
    static const char out[] = "OutOfDate", out_configuration[] = "OutOfDateConfigurationNeeded",
                      configuration[] = "ConfigurationNeeded", good[] = "UpToDate",
                      revoked[] = "Revoked", none[] = "NotSupported (no matching level)",
                      relaunch[] = "TDRelaunchAdvised",
                      relaunch_configuration[] = "TDRelaunchAdvisedConfigurationNeeded";
    static const struct status_case cases[] = {
        /* modules of version 0: by the level's components */
        {5, {5, 0, 3}, {0}, 4, "", good, NULL},
        {5, {4, 0, 3}, {0}, 4, "TCB_STATUS", out, NULL},
        {5, {3, 0, 2}, {0}, 4, "TCB_STATUS", out, NULL},
        {4, {5, 0, 3}, {0}, 4, "", configuration, NULL},
        {3, {5, 0, 3}, {0}, 4, "", "SWHardeningNeeded", NULL},
        {2, {5, 0, 3}, {0}, 4, "REVOKED", revoked, NULL},
        {1, {5, 0, 3}, {0}, 4, "TCB_STATUS", none, NULL},
        /* others: by the module's identity, whatever components 0 and 1 say */
        {5, {6, 1, 3}, {0}, 4, "", good, NULL},
        {5, {255, 1, 255}, {0}, 4, "", good, NULL},
        {5, {5, 1, 3}, {0}, 4, "TCB_STATUS", out, NULL},
        {5, {4, 1, 3}, {0}, 4, "TCB_STATUS", out, NULL},
        {5, {6, 1, 2}, {0}, 4, "TCB_STATUS", out, NULL},
        {5, {2, 1, 3}, {0}, 4, "REVOKED", revoked, NULL},
        {5, {1, 1, 3}, {0}, 4, "TCB_STATUS", none, NULL},
        {4, {6, 1, 3}, {0}, 4, "", configuration, NULL},
        {4, {4, 1, 3}, {0}, 4, "TCB_STATUS", out_configuration, NULL},
        {3, {4, 1, 3}, {0}, 4, "TCB_STATUS", out, NULL},
        /* the quoting enclave's */
        {5, {6, 1, 3}, {0}, 3, "TCB_STATUS", out, NULL},
        {4, {6, 1, 3}, {0}, 2, "TCB_STATUS", out_configuration, NULL},
        {3, {6, 1, 3}, {0}, 2, "TCB_STATUS", out, NULL},
        {5, {6, 1, 3}, {0}, 1, "REVOKED", revoked, NULL},
        {5, {6, 1, 3}, {0}, 0, "TCB_STATUS", none, NULL},
        {1, {6, 1, 3}, {0}, 1, "TCB_STATUS", none, NULL},
        /* TDX 1.5, and what runs now is newer than what the TD was launched on */
        {5, {6, 1, 3}, {6, 1, 3}, 4, "", good, NULL},
        {5, {4, 1, 3}, {6, 1, 3}, 4, "", relaunch, out},
        {5, {4, 1, 3}, {7, 1, 4}, 4, "", relaunch, out},
        {5, {4, 1, 2}, {6, 1, 3}, 4, "", relaunch, out},
        {5, {6, 1, 2}, {6, 1, 3}, 4, "", relaunch, out},
        {5, {3, 0, 2}, {5, 0, 3}, 4, "", relaunch, out},
        {5, {3, 0, 2}, {6, 1, 3}, 4, "", relaunch, out},
        {4, {4, 1, 3}, {6, 1, 3}, 4, "", relaunch_configuration, out_configuration},
        {3, {4, 1, 3}, {6, 1, 3}, 4, "", relaunch, out},
        /* ... or not the newest */
        {5, {4, 1, 3}, {5, 1, 3}, 4, "TCB_STATUS", out, NULL},
        {5, {4, 1, 3}, {6, 1, 2}, 4, "TCB_STATUS", out, NULL},
        {5, {3, 0, 2}, {4, 0, 3}, 4, "TCB_STATUS", out, NULL},
        /* ... or a new launch alone would not help */
        {5, {4, 1, 3}, {6, 1, 3}, 3, "TCB_STATUS", out, NULL},
        {5, {4, 1, 3}, {6, 1, 3}, 1, "REVOKED", revoked, NULL},
        {5, {2, 1, 3}, {6, 1, 3}, 4, "REVOKED", revoked, NULL},
        {5, {2, 1, 2}, {6, 1, 3}, 4, "REVOKED", revoked, NULL},
        {5, {1, 1, 3}, {6, 1, 3}, 4, "TCB_STATUS", none, NULL},
        {2, {4, 1, 3}, {6, 1, 3}, 4, "REVOKED", revoked, NULL},
        /* ... or nobody knows it, or it was revoked */
        {5, {4, 1, 3}, {6, 2, 3}, 4, "TCB_STATUS", none, out},
        {5, {6, 1, 3}, {6, 2, 3}, 4, "TCB_STATUS", none, good},
        {5, {6, 1, 3}, {1, 1, 3}, 4, "TCB_STATUS", none, good},
        {5, {6, 1, 3}, {2, 1, 3}, 4, "REVOKED", revoked, good},
        {5, {2, 1, 3}, {1, 1, 3}, 4, "REVOKED", revoked, NULL},
        {5, {6, 1, 3}, {4, 1, 3}, 4, "", good, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_status(&cases[i], i);
}

#define COMPONENT(svn, number)                                                                     \
    "{\"svn\":" #svn ",\"category\":\"OS/VMM\",\"type\":\"T" #number "\"}"

/* TCB information that is not as usual. */
static void test_relaunch(void **state)
{
    static const char out[] = "OutOfDate", relaunch[] = "TDRelaunchAdvised";
    static const struct {
        struct edit edits[3];
        struct status_case one;
    } cases[] = {
        /* the newest level wants more of another component than 0 and 2 */
        {{{COMPONENT(0, 3), COMPONENT(7, 3)}},
         {5, {6, 1, 3}, {6, 1, 3}, 4, "TCB_STATUS", out, NULL}},
        {{{COMPONENT(0, 1), COMPONENT(1, 1)}},
         {5, {5, 0, 3}, {5, 0, 3}, 4, "TCB_STATUS", out, NULL}},
        /* what runs now is no better than what it was launched on */
        {{{"\"isvsvn\":6},\"tcbDate\":\"2023-05-01T00:00:00Z\",\"tcbStatus\":\"UpToDate",
           "\"isvsvn\":6},\"tcbDate\":\"2023-05-01T00:00:00Z\",\"tcbStatus\":\"OutOfDate"}},
         {5, {4, 1, 3}, {6, 1, 3}, 4, "TCB_STATUS", out, NULL}},
        {{{"\"isvsvn\":6},\"tcbDate\":\"2023-05-01T00:00:00Z\",\"tcbStatus\":\"UpToDate",
           "\"isvsvn\":6},\"tcbDate\":\"2023-05-01T00:00:00Z\",\"tcbStatus\":\"Revoked"}},
         {5, {4, 1, 3}, {6, 1, 3}, 4, "REVOKED", "Revoked", out}},
        {{{"\"UpToDate\",\"advisoryIDs\":[\"A-UpToDate\"]",
           "\"Revoked\",\"advisoryIDs\":[\"A-UpToDate\"]"}},
         {5, {6, 1, 2}, {6, 1, 3}, 4, "REVOKED", "Revoked", out}},
        /* settings that were wrong at launch, or are now */
        {{{"\"OutOfDate\",\"advisoryIDs\":[\"A-Out",
           "\"OutOfDateConfigurationNeeded\",\"advisoryIDs\":[\"A-Out"}},
         {5,
          {6, 1, 2},
          {6, 1, 3},
          4,
          "",
          "TDRelaunchAdvisedConfigurationNeeded",
          "OutOfDateConfigurationNeeded"}},
        {{{"\"UpToDate\",\"advisoryIDs\":[\"A-UpToDate\"]",
           "\"ConfigurationAndSWHardeningNeeded\",\"advisoryIDs\":[\"A-UpToDate\"]"}},
         {5, {6, 1, 2}, {6, 1, 3}, 4, "", "TDRelaunchAdvisedConfigurationNeeded", out}},
        {{{"\"UpToDate\",\"advisoryIDs\":[\"A-UpToDate\"]",
           "\"SWHardeningNeeded\",\"advisoryIDs\":[\"A-UpToDate\"]"}},
         {5, {6, 1, 2}, {6, 1, 3}, 4, "", relaunch, out}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(info_edits, cases[i].edits, sizeof(info_edits));
        check_status(&cases[i].one, i);
    }
    memset(info_edits, 0, sizeof(info_edits));
}

static void test_pcesvn(void **state)
{
    struct shape shape = sgx;
    (void)state;
    cella_verifier *verifier = make_verifier(false, GOOD);
    pck_pcesvn = 10;
    shape.leaf = make_leaf("Intel SGX PCK Certificate", 0);
    pck_pcesvn = 11;
    assert_string_equal(judge_with(verifier, &shape, NULL), "TCB_STATUS");
    X509_free(shape.leaf);
    cella_verifier_free(verifier);
}

/* Every pair, as attest-facts has them; what no quoting enclave or module can have is not
 * supported. */
static void test_merging(void **state)
{
    (void)state;
    for (int platform = 0; platform <= TCB_NOT_SUPPORTED; platform++)
        for (int part = 0; part <= TCB_NOT_SUPPORTED; part++) {
            enum tcb_status merged = tcb_status_merge(platform, part), expected = platform;
            bool configuration = platform == TCB_CONFIGURATION_NEEDED ||
                                 platform == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
                                 platform == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED;
            if (part == TCB_OUT_OF_DATE && platform < TCB_OUT_OF_DATE)
                expected = configuration ? TCB_OUT_OF_DATE_CONFIGURATION_NEEDED : TCB_OUT_OF_DATE;
            if (part == TCB_REVOKED)
                expected = TCB_REVOKED;
            if (platform == TCB_NOT_SUPPORTED ||
                (part != TCB_UP_TO_DATE && part != TCB_OUT_OF_DATE && part != TCB_REVOKED))
                expected = TCB_NOT_SUPPORTED;
            assert_int_equal(merged, expected);
        }
    enum tcb_status status;
    assert_true(tcb_status_read("SWHardeningNeeded", &status));
    assert_int_equal(status, TCB_SW_HARDENING_NEEDED);
    assert_false(tcb_status_read("TDRelaunchAdvised", &status));
    assert_false(tcb_status_read("NotSupported (no matching level)", &status));
    assert_false(tcb_status_read("uptodate", &status));
    assert_false(tcb_status_read("", &status));
}

static void check_part(char text[TEXT], const char *key, const struct edit *edit,
                       const char *status)
{
    static char answer[TEXT + 256];
    cella_verifier *verifier;
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    apply(text, edit, 1);
    sprintf(answer, "{\"%s\":%s,\"signature\":\"%0128d\"}", key, text, 1);
    cella_status got =
        cella_verifier_add(verifier, (const uint8_t *)answer, strlen(answer), "made", &error);
    bool known = strcmp(status, "OutOfDate") == 0 || strcmp(status, "Revoked") == 0;
    if (got != (known ? CELLA_OK : CELLA_INVALID))
        fail_msg("%s: %s: %d, \"%s\"", key, status, got, error.sentence);
    if (!known)
        assert_non_null(
            strstr(error.sentence, "\"tcbStatus\": not UpToDate, OutOfDate or Revoked"));
    cella_verifier_free(verifier);
}

/* Levels of quoting enclaves and of modules have three statuses; documents with others are not
 * understood. */
static void test_statuses_of_parts(void **state)
{
    static const char *const statuses[] = {"OutOfDate",
                                           "Revoked",
                                           "SWHardeningNeeded",
                                           "ConfigurationNeeded",
                                           "ConfigurationAndSWHardeningNeeded",
                                           "OutOfDateConfigurationNeeded"};
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        static char text[TEXT];
        char to[64];
        snprintf(to, sizeof(to), "\"tcbStatus\":\"%s\"", statuses[i]);
        const struct edit edit = {"\"tcbStatus\":\"UpToDate\"", to};
        make_identity(text, true, NOW);
        check_part(text, "enclaveIdentity", &edit, statuses[i]);
        make_info(text, true, NOW, FMSPC, NULL, 1); /* its first status is a module's */
        check_part(text, "tcbInfo", &edit, statuses[i]);
    }
}

/* The union of advisories, and the oldest date. */
static void test_advisories(void **state)
{
    struct shape shape = tdx;
    json_t *json, *expected = json_pack("[s,s,s]", "A-ConfigurationNeeded", "MODULE", "QE");
    (void)state;
    shape.svn[0] = 4;
    shape.qe_svn = 2;
    pck_component = 4;
    shape.leaf = make_leaf("Intel SGX PCK Certificate", 0);
    cella_verifier *verifier = make_verifier(true, GOOD);
    assert_string_equal(judge_with(verifier, &shape, &json), "TCB_STATUS");
    json_t *evidence = json_object_get(json, "evidence");
    assert_true(json_equal(json_object_get(evidence, "advisory_ids"), expected));
    assert_string_equal(json_string_value(json_object_get(evidence, "tcb_date")),
                        "2022-02-01T00:00:00Z");
    json_decref(expected);
    json_decref(json);
    X509_free(shape.leaf);
    pck_component = 5;
    cella_verifier_free(verifier);
}

/* One part's row, "have/need status", "-" where there is no need, or "" where there is no row. */
static void check_part_row(const json_t *tcb, const char *name, const char *expected)
{
    const json_t *part = json_object_get(tcb, name), *need = json_object_get(part, "need");
    char found[96] = "", number[16] = "-";
    if (need)
        snprintf(number, sizeof(number), "%d", (int)json_integer_value(need));
    if (part)
        snprintf(found, sizeof(found), "%d/%s %s",
                 (int)json_integer_value(json_object_get(part, "have")), number,
                 json_string_value(json_object_get(part, "status")));
    assert_string_equal(found, expected);
}

struct explanation {
    uint8_t component, svn[3], svn2[3], qe_svn;
    const char *module, *current, *qe; /* rows */
    int first;                         /* of the TDX components that are shown */
    const char *advice;
};

static void check_explanation(const struct explanation *one)
{
    struct shape shape = tdx;
    json_t *json;
    memcpy(shape.svn, one->svn, 3);
    memcpy(shape.svn2, one->svn2, 3);
    shape.qe_svn = one->qe_svn;
    shape.version = 5;
    shape.body = one->svn2[0] ? QUOTE_BODY_TDX_15 : QUOTE_BODY_TDX_10;
    pck_component = one->component;
    shape.leaf = make_leaf("Intel SGX PCK Certificate", 0);
    cella_verifier *verifier = make_verifier(true, GOOD);
    judge_with(verifier, &shape, &json);
    const json_t *tcb = json_object_get(json_object_get(json, "evidence"), "tcb");
    check_part_row(tcb, "tdx_module", one->module);
    check_part_row(tcb, "tdx_module_current", one->current);
    check_part_row(tcb, "quoting_enclave", one->qe);
    const json_t *shown = json_array_get(json_object_get(tcb, "tdx_components"), 0);
    assert_int_equal(json_integer_value(json_object_get(shown, "index")), one->first);
    const json_t *advice = json_object_get(json_object_get(json, "refusal"), "advice");
    assert_string_equal(advice ? json_string_value(advice) : "", one->advice);
    json_decref(json);
    X509_free(shape.leaf);
    pck_component = 5;
    cella_verifier_free(verifier);
}

/* What is too low is shown, nothing else is, and what to do is about that. */
static void test_explanations(void **state)
{
    static const char good[] = "4/4 UpToDate";
    static const struct explanation all[] = {
        {5, {6, 1, 3}, {0}, 4, "6/6 UpToDate", "", good, 3, ""},
        {5, {5, 0, 3}, {0}, 4, "", "", good, 1, ""},
        {5, {255, 1, 3}, {4, 1, 3}, 4, "255/6 UpToDate", "4/6 OutOfDate", good, 3, ""},
        {5,
         {4, 0, 3},
         {0},
         4,
         "",
         "",
         good,
         1,
         "Update the platform's firmware and microcode; evidence.tcb says what is needed."},
        {5,
         {4, 1, 3},
         {0},
         4,
         "4/6 OutOfDate",
         "",
         good,
         3,
         "Update the TDX module (then launch the TD again); evidence.tcb says what is needed."},
        {4,
         {4, 1, 3},
         {0},
         3,
         "4/6 OutOfDate",
         "",
         "3/4 OutOfDate",
         3,
         "Update the TDX module (then launch the TD again), and the platform's quoting enclave, "
         "and "
         "change the platform's settings; evidence.tcb says what is needed."},
        {5,
         {6, 1, 2},
         {0},
         2,
         "6/6 UpToDate",
         "",
         "2/4 OutOfDate",
         3,
         "Update the platform's firmware and microcode, and the platform's quoting enclave; "
         "evidence.tcb says what is needed."},
        {5,
         {6, 1, 3},
         {0},
         1,
         "6/6 UpToDate",
         "",
         "1/4 Revoked",
         3,
         "Intel no longer vouches for the platform's quoting enclave: do not trust this platform "
         "until that was updated."},
        {5,
         {1, 1, 3},
         {0},
         4,
         "1/6 NotSupported (no matching level)",
         "",
         good,
         3,
         "Intel names no level for the TDX module; evidence.tcb says what is needed."},
        {5,
         {6, 1, 3},
         {6, 2, 3},
         4,
         "6/6 UpToDate",
         "6/- NotSupported (no matching level)",
         good,
         3,
         "Intel names no level for the TDX module that it runs on by now; evidence.tcb says what "
         "is "
         "needed."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        check_explanation(&all[i]);
}

/* Of a quoting enclave that is too old also where nothing is known of the platform. */
static void test_explanation_without_information(void **state)
{
    static uint8_t quote[QUOTE];
    struct shape shape = sgx;
    json_t *json;
    (void)state;
    cella_verifier *verifier = make_verifier(false, NO_INFO);
    cella_demands demands = make_demands();
    demands.insecure_no_collateral = true;
    shape.qe_svn = 2;
    size_t size = make_quote(&shape, quote);
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, &json), "TCB_STATUS");
    const json_t *tcb = json_object_get(json_object_get(json, "evidence"), "tcb");
    assert_int_equal(json_object_size(tcb), 1);
    check_part_row(tcb, "quoting_enclave", "2/4 OutOfDate");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json, "refusal"), "advice")),
        "Update the platform's quoting enclave; evidence.tcb says what is needed.");
    json_decref(json);
    cella_verifier_free(verifier);
}

/* ---- collateral ---- */

static void test_flaws(void **state)
{
    static const char *const classes[] = {
        [GOOD] = "",
        [NO_ROOT_LIST] = "COLLATERAL",
        [NO_PCK_LIST] = "COLLATERAL",
        [NO_INFO] = "COLLATERAL",
        [NO_IDENTITY] = "COLLATERAL",
        [NO_SIGNER] = "COLLATERAL",
        [PCK_REVOKED] = "REVOKED",
        [CA_REVOKED] = "REVOKED",
        [SIGNER_REVOKED] = "REVOKED",
        [PCK_LIST_EXPIRED] = "TIME",
        [INFO_ALTERED] = "COLLATERAL",
        [INFO_OF_STRANGER] = "ANCHOR",
        [INFO_PAST] = "TIME",
        [INFO_FUTURE] = "TIME",
        [INFO_OF_OTHER_FMSPC] = "COLLATERAL",
        [INFO_OF_OTHER_TEE] = "COLLATERAL",
        [IDENTITY_ALTERED] = "COLLATERAL",
        [IDENTITY_PAST] = "TIME",
        [IDENTITY_OF_OTHER_TEE] = "COLLATERAL",
        [NO_TRUST] = "ANCHOR",
    };
    (void)state;
    for (int i = 0; i < 2; i++)
        for (size_t flaw = 0; flaw < sizeof(classes) / sizeof(classes[0]); flaw++) {
            cella_verifier *verifier = make_verifier(i == 1, flaw);
            for (int again = 0; again < 2; again++) {
                const char *class = judge_with(verifier, i ? &tdx : &sgx, NULL);
                if (strcmp(class, classes[flaw]) != 0)
                    fail_msg("flaw %zu: \"%s\"", flaw, class);
            }
            cella_verifier_free(verifier);
        }
}

static void check_refusal(const json_t *json, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(json_object_get(json, "refusal"), name));
    if (!text || strcmp(text, expected) != 0)
        fail_msg("%s: \"%s\"", name, text ? text : "(nothing)");
}

/* What is missing is told, and where to get it. */
static void test_missing(void **state)
{
    struct shape shape = sgx;
    json_t *json;
    (void)state;
    cella_verifier *verifier = make_verifier(false, NO_SIGNER);
    assert_string_equal(judge_with(verifier, &shape, &json), "COLLATERAL");
    check_refusal(json, "claim", "SGX TCB information of FMSPC " FMSPC);
    check_refusal(json, "expected", "the certificate of its signer, Intel SGX TCB Signing");
    check_refusal(json, "found", "none");
    check_refusal(json, "advice",
                  "Add the answer of Intel's service, with its headers, which have the "
                  "certificates: curl -i 'https://api.trustedservices.intel.com/sgx/certification/"
                  "v4/tcb?fmspc=" FMSPC "'");
    json_decref(json);
    /* one that is there, but of another key */
    add_certificate(&(struct sink){add_to_verifier, verifier}, stranger.certificate);
    assert_string_equal(judge_with(verifier, &shape, &json), "COLLATERAL");
    check_refusal(json, "expected", "the signature of Intel SGX TCB Signing");
    json_decref(json);
    cella_verifier_free(verifier);
    /* the PCK certificate */
    verifier = make_verifier(false, GOOD);
    for (shape.platform = 1; shape.platform <= 3; shape.platform++) {
        assert_string_equal(judge_with(verifier, &shape, &json), "COLLATERAL");
        check_refusal(json, "claim", "PCK certificate");
        check_refusal(
            json, "advice",
            "Add the answer of the platform's PCCS, with its headers: curl -i 'https://PCCS:8081/"
            "sgx/certification/v4/pckcert?qeid=00112233445566778899aabbccddeeff"
            "&cpusvn=00000000000000000000000000000000&pcesvn=0b00&pceid=0000' (Intel's own "
            "service, api.trustedservices.intel.com, wants encrypted_ppid in place of qeid, and "
            "the key of a subscription).");
        json_decref(json);
    }
    cella_verifier_free(verifier);
}

/* Of several that are good the one with the highest number counts; one that Intel did not sign
 * does not, and is told of. */
static void test_choice(void **state)
{
    static char text[TEXT];
    json_t *json;
    (void)state;
    cella_verifier *verifier = make_verifier(false, GOOD);
    make_info(text, false, NOW, FMSPC, "OutOfDate", 3);
    add_document(&(struct sink){add_to_verifier, verifier}, "tcbInfo", text, signer.key, true);
    assert_string_equal(judge_with(verifier, &sgx, &json), "");
    assert_int_equal(json_array_size(json_object_get(json, "warnings")), 1);
    json_decref(json);
    make_info(text, false, NOW, FMSPC, "SWHardeningNeeded", 2);
    add_document(&(struct sink){add_to_verifier, verifier}, "tcbInfo", text, signer.key, false);
    assert_string_equal(judge_with(verifier, &sgx, &json), "");
    json_t *claims = json_object_get(json, "claims");
    assert_int_equal(json_integer_value(json_object_get(claims, "tcb_evaluation_data_number")), 2);
    json_decref(json);
    cella_verifier_free(verifier);
}

/* ---- the quoting enclave, debugging, demands ---- */

static void test_quoting_enclaves(void **state)
{
    (void)state;
    cella_verifier *verifier = make_verifier(true, GOOD);
    for (int i = 0; i < 5; i++) {
        struct shape shape = tdx;
        *(i == 0   ? &shape.qe_misc
          : i == 1 ? &shape.qe_mrsigner
          : i == 2 ? &shape.qe_product
                   : &shape.qe_attributes) = i == 3   ? 0x80
                                             : i == 4 ? QUOTE_DEBUG
                                                      : 1;
        assert_string_equal(judge_with(verifier, &shape, NULL), "QE_IDENTITY");
    }
    struct shape shape = tdx;
    shape.qe_attributes = 4; /* what the mask leaves out may differ */
    assert_string_equal(judge_with(verifier, &shape, NULL), "");
    cella_verifier_free(verifier);
}

/* Also where nothing is known of Intel's quoting enclaves. */
static void test_debug_quoting_enclave(void **state)
{
    static uint8_t quote[QUOTE];
    struct shape shape = sgx;
    (void)state;
    cella_verifier *verifier = make_verifier(false, NO_IDENTITY);
    cella_demands demands = make_demands();
    demands.insecure_no_collateral = true;
    size_t size = make_quote(&shape, quote);
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "");
    shape.qe_attributes = QUOTE_DEBUG;
    size = make_quote(&shape, quote);
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "QE_IDENTITY");
    cella_verifier_free(verifier);
}

static void test_modules(void **state)
{
    (void)state;
    cella_verifier *verifier = make_verifier(true, GOOD);
    for (uint8_t version = 0; version < 2; version++)
        for (int i = 0; i < 2; i++) {
            struct shape shape = tdx;
            shape.svn[1] = version;
            shape.seam[i] = 1;
            assert_string_equal(judge_with(verifier, &shape, NULL), "TCB_STATUS");
        }
    struct shape shape = tdx;
    shape.svn[1] = 2;
    assert_string_equal(judge_with(verifier, &shape, NULL), "TCB_STATUS");
    cella_verifier_free(verifier);
}

/* All 0 and as the identity says, whatever the mask lets pass. The first occurrence in TCB
 * information is that of modules of version 0, the second that of version 1. */
static void test_seam_attributes(void **state)
{
    static const char zeros[] = "\"attributes\":\"0000000000000000\"",
                      one[] = "\"attributes\":\"0100000000000000\"",
                      all[] = "\"attributesMask\":\"FFFFFFFFFFFFFFFF\"",
                      none[] = "\"attributesMask\":\"0000000000000000\"";
    static const struct {
        struct edit edits[3];
        uint8_t seam;
        const char *class;
    } cases[] = {
        {{{0}}, 0, ""},
        {{{0}}, 1, "TCB_STATUS"},
        {{{all, none}, {all, none}}, 0, ""},
        {{{all, none}, {all, none}}, 1, "TCB_STATUS"},
        {{{zeros, one}, {zeros, one}}, 1, "TCB_STATUS"},
        {{{zeros, one}, {zeros, one}}, 0, "TCB_STATUS"},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct shape shape = tdx;
        shape.svn[1] = i % 2;
        shape.seam[1] = cases[i / 2].seam;
        memcpy(info_edits, cases[i / 2].edits, sizeof(info_edits));
        cella_verifier *verifier = make_verifier(true, GOOD);
        const char *class = judge_with(verifier, &shape, NULL);
        if (strcmp(class, cases[i / 2].class) != 0)
            fail_msg("case %zu: \"%s\"", i, class);
        cella_verifier_free(verifier);
    }
    memset(info_edits, 0, sizeof(info_edits));
}

static void test_debug(void **state)
{
    (void)state;
    cella_verifier *verifiers[] = {make_verifier(false, GOOD), make_verifier(true, GOOD)};
    struct shape shape = sgx;
    shape.attributes = QUOTE_DEBUG;
    assert_string_equal(judge_with(verifiers[0], &shape, NULL), "DEBUG");
    for (int bit = 0; bit < 8; bit++) {
        shape = tdx;
        shape.attributes = (uint8_t)(1 << bit);
        assert_string_equal(judge_with(verifiers[1], &shape, NULL), "DEBUG");
    }
    cella_verifier_free(verifiers[0]);
    cella_verifier_free(verifiers[1]);
}

static void test_demands(void **state)
{
    static uint8_t quote[QUOTE];
    uint8_t other[64] = {0xdd};
    size_t size = make_quote(&sgx, quote);
    cella_verifier *verifier = make_verifier(false, GOOD);
    (void)state;
    cella_demands demands = make_demands();
    demands.report_data = other;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "REPORT_DATA");
    demands.report_data = NULL;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "REPORT_DATA");
    demands.insecure_any_report_data = true;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "");
    demands.most_age = 3600;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "TIME");
    demands = make_demands();
    demands.nonce = other; /* a quote has none, and no TPM's key */
    demands.nonce_size = 1;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "NONCE");
    demands = make_demands();
    demands.attestation_key = other;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "ANCHOR");
    demands = make_demands();
    demands.at += 3 * 86400;
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "TIME");
    demands = make_demands();
    demands.type = "tdx";
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "UNSUPPORTED");
    cella_verifier_free(verifier);
}

/* ---- certificates ---- */

/* As collateral's description has it. */
static void expect_description(X509 *certificate, const char *platform)
{
    cella_verifier *verifier;
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    add_certificate(&(struct sink){add_to_verifier, verifier}, certificate);
    char *text = cella_verifier_describe(verifier, PKI_NOW);
    json_t *all = json_loads(text, 0, NULL);
    const char *found = json_string_value(json_object_get(json_array_get(all, 0), "platform"));
    if (!found || strncmp(found, platform, strlen(platform)) != 0)
        fail_msg("\"%s\", not \"%s\"", found, platform);
    json_decref(all);
    free(text);
    cella_verifier_free(verifier);
}

static void test_certificates(void **state)
{
    (void)state;
    cella_verifier *verifier = make_verifier(false, GOOD);
    struct shape shape = sgx;
    shape.alone = true;
    assert_string_equal(judge_with(verifier, &shape, NULL), "CHAIN");
    add_certificate(&(struct sink){add_to_verifier, verifier}, ca.certificate);
    assert_string_equal(judge_with(verifier, &shape, NULL), "");
    shape.leaf = make_leaf("Intel SGX Certificate", 0);
    assert_string_equal(judge_with(verifier, &shape, NULL), "CHAIN");
    X509_free(shape.leaf);
    for (int without = -28; without <= 28; without++) {
        if (without == 0 || (abs(without) > 5 && abs(without) < 11))
            continue;
        shape.leaf = make_leaf("Intel SGX PCK Certificate", without);
        assert_string_equal(judge_with(verifier, &shape, NULL), "PARSE");
        expect_description(shape.leaf, "not known: ");
        X509_free(shape.leaf);
    }
    cella_verifier_free(verifier);
}

/* Of several that fit: the platform's (its key signed the quoting enclave's report), and of these
 * one of that time; in any order. */
static void test_certificates_of_collateral(void **state)
{
    enum { OTHER = 1, PAST_ONE, THIS };
    static const struct {
        int order[3];
        const char *class;
    } cases[] = {
        {{0}, "COLLATERAL"},           {{THIS}, ""},
        {{OTHER}, "QE_REPORT_SIG"},    {{PAST_ONE}, "TIME"},
        {{THIS, OTHER}, ""},           {{OTHER, THIS}, ""},
        {{PAST_ONE, THIS}, ""},        {{OTHER, PAST_ONE}, "TIME"},
        {{PAST_ONE, OTHER}, "TIME"},   {{OTHER, PAST_ONE, THIS}, ""},
        {{THIS, PAST_ONE, OTHER}, ""},
    };
    EVP_PKEY *own = leaf.key;
    X509 *certificates[4] = {NULL};
    (void)state;
    leaf.key = stranger.key;
    certificates[OTHER] = make_leaf("Intel SGX PCK Certificate", 0);
    leaf.key = own;
    certificates[PAST_ONE] = make_leaf("Intel SGX PCK Certificate", 0);
    ASN1_TIME_set(X509_getm_notAfter(certificates[PAST_ONE]), PKI_NOW - 86400);
    assert_true(X509_sign(certificates[PAST_ONE], ca.key, EVP_sha256()) > 0);
    certificates[THIS] = make_leaf("Intel SGX PCK Certificate", 0);
    for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct shape shape = sgx;
        shape.platform = (uint16_t)(1 + i % 3);
        cella_verifier *verifier = make_verifier(false, GOOD);
        const struct sink sink = {add_to_verifier, verifier};
        for (int k = 0; k < 3 && cases[i / 3].order[k]; k++)
            add_certificate(&sink, certificates[cases[i / 3].order[k]]);
        add_certificate(&sink, ca.certificate);
        add_certificate(&sink, root.certificate);
        const char *class = judge_with(verifier, &shape, NULL);
        if (strcmp(class, cases[i / 3].class) != 0)
            fail_msg("case %zu: \"%s\"", i, class);
        cella_verifier_free(verifier);
    }
    for (size_t i = 0; i < 4; i++)
        X509_free(certificates[i]);
}

/* A PCK certificate by `issuer`, with everything that vouches for it. */
static void check_pck_issuer(const struct pki_node *issuer, const char *class)
{
    struct pki_node usual = ca;
    struct shape shape = sgx;
    ca = *issuer;
    cella_verifier *verifier = make_verifier(false, GOOD); /* with a list of that issuer's */
    add_certificate(&(struct sink){add_to_verifier, verifier}, usual.certificate);
    shape.leaf = make_leaf("Intel SGX PCK Certificate", 0);
    for (int again = 0; again < 2; again++) {
        json_t *json;
        assert_string_equal(judge_with(verifier, &shape, &json), class);
        json_decref(json);
    }
    X509_free(shape.leaf);
    cella_verifier_free(verifier);
    ca = usual;
}

/* Intel's chains have one shape each. */
static void test_shapes_of_chains(void **state)
{
    struct pki_node usual = signer;
    (void)state;
    struct pki_node other = pki_make(
        &(struct pki_shape){.name = "Intel SGX PCK Processor CA", .ca = true, .serial = 12}, &root);
    struct pki_node misnamed =
        pki_make(&(struct pki_shape){.name = "Intel SGX PCK CA", .ca = true, .serial = 12}, &root);
    struct pki_node foreign = pki_make(
        &(struct pki_shape){.name = "Intel TDX PCK Platform CA", .ca = true, .serial = 12}, &root);
    check_pck_issuer(&ca, "");
    check_pck_issuer(&other, "");
    check_pck_issuer(&misnamed, "CHAIN");
    check_pck_issuer(&foreign, "CHAIN");
    check_pck_issuer(&root, "CHAIN");
    signer = pki_make(&(struct pki_shape){.name = "Intel SGX TCB Signing", .serial = 13}, &ca);
    check_pck_issuer(&ca, "CHAIN");
    pki_free(&signer);
    signer = usual;
    pki_free(&other);
    pki_free(&misnamed);
    pki_free(&foreign);
}

/* A bit of an extension may be another only where a value is. */
static void test_extension(void **state)
{
    uint8_t bytes[2048];
    struct pck good, pck;
    size_t size = make_extension(bytes, 0);
    (void)state;
    assert_true(pck_read(bytes, size, &good));
    assert_int_equal(good.pcesvn, 11);
    assert_int_equal(good.components[0], 5);
    for (size_t less = 0; less < size; less++) {
        uint8_t *copy = copy_of(bytes, less);
        assert_false(pck_read(copy, less, &pck));
        free(copy);
    }
    size_t same = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        same += pck_read(bytes, size, &pck) && memcmp(&good, &pck, sizeof(pck)) == 0;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(same, 0);
}

/* ---- signatures ---- */

static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

/* What only looks like a signature: r or s 0, n, n + r, all ones, or the two swapped. */
static void spoil(uint8_t signature[64], int how)
{
    uint8_t copy[64];
    memcpy(copy, signature, 64);
    uint8_t *half = signature + (how % 2 ? 32 : 0);
    switch (how / 2) {
    case 0:
        memset(half, 0, 32);
        break;
    case 1:
        memcpy(half, order, 32);
        break;
    case 2:
        memset(half, 0xff, 32);
        break;
    case 3:
        memset(signature, 0, 64);
        break;
    case 4:
        memcpy(signature, copy + 32, 32);
        memcpy(signature + 32, copy, 32);
        break;
    case 5:
        memset(half, 0, 32);
        half[31] = 1;
        break;
    default:
        memmove(half + 1, half, 31); /* shifted, with a zero in front */
        half[0] = 0;
    }
}

static void test_signatures(void **state)
{
    static uint8_t quote[QUOTE];
    (void)state;
    cella_demands demands = make_demands();
    cella_verifier *verifier = make_verifier(false, GOOD);
    size_t size = make_quote(&sgx, quote);
    assert_string_equal(judge_bytes(verifier, &demands, quote, size, NULL), "");
    for (int how = 0; how < 14; how++) {
        uint8_t *copy = copy_of(quote, size);
        spoil(copy + 436, how);
        assert_string_equal(judge_bytes(verifier, &demands, copy, size, NULL), "QUOTE_SIG");
        memcpy(copy, quote, size);
        spoil(copy + 948, how);
        assert_string_equal(judge_bytes(verifier, &demands, copy, size, NULL), "QE_REPORT_SIG");
        free(copy);
    }
    cella_verifier_free(verifier);
}

/* Keys that the quoting enclave vouches for but that are no keys. */
static void test_keys(void **state)
{
    uint8_t keys[4][64];
    (void)state;
    cella_verifier *verifier = make_verifier(false, GOOD);
    memset(keys[0], 0, 64);    /* infinity, as some write it */
    memset(keys[1], 0xff, 64); /* beyond the field */
    point_of(attestation, keys[2]);
    keys[2][63] ^= 1; /* beside the curve */
    point_of(attestation, keys[3]);
    memset(keys[3] + 32, 0, 32);
    for (size_t i = 0; i < 4; i++) {
        struct shape shape = sgx;
        shape.key = keys[i];
        assert_string_equal(judge_with(verifier, &shape, NULL), "KEY");
    }
    struct shape shape = sgx;
    uint8_t other[64];
    point_of(stranger.key, other);
    shape.key = other;
    assert_string_equal(judge_with(verifier, &shape, NULL), "QUOTE_SIG");
    cella_verifier_free(verifier);
}

/* What a document says is true only over the very bytes that were signed. */
static void test_every_byte_of_a_document(void **state)
{
    static char text[TEXT], answer[TEXT + 256];
    uint8_t signature[64];
    char hex[129];
    (void)state;
    make_info(text, false, NOW, FMSPC, NULL, 1);
    sign(signer.key, text, strlen(text), signature);
    sprintf(answer, "{\"tcbInfo\":%s,\"signature\":\"%s\"}", text, hex_write(signature, 64, hex));
    size_t size = strlen(answer), judged = 0;
    for (size_t i = 12; i < size - 1; i += 7) {
        cella_verifier *verifier = make_verifier(false, NO_INFO);
        answer[i] ^= 1;
        if (cella_verifier_add(verifier, (const uint8_t *)answer, size, "made", &error) == 0) {
            const char *class = judge_with(verifier, &sgx, NULL);
            if (strcmp(class, "COLLATERAL") != 0)
                fail_msg("byte %zu: \"%s\"", i, class);
            judged++;
        }
        answer[i] ^= 1;
        cella_verifier_free(verifier);
    }
    assert_true(judged > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_relaunch),
        cmocka_unit_test(test_pcesvn),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_statuses_of_parts),
        cmocka_unit_test(test_advisories),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_explanation_without_information),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_quoting_enclaves),
        cmocka_unit_test(test_debug_quoting_enclave),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_seam_attributes),
        cmocka_unit_test(test_debug),
        cmocka_unit_test(test_demands),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_certificates_of_collateral),
        cmocka_unit_test(test_shapes_of_chains),
        cmocka_unit_test(test_extension),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_every_byte_of_a_document),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
