/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of claims. Sources: Microsoft's "Claim sets", "Attestation policy version 1.1" and
 * "Examples of an attestation token" (learn.microsoft.com/azure/attestation), RFC 7519, RFC 9711,
 * draft-ietf-rats-ear; "cella": docs/attestation.md.
 */
#include "schema.h"

#include "image/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAA "Microsoft Azure Attestation"
#define JWT "RFC 7519"
#define EAT "RFC 9711"
#define EAR "draft-ietf-rats-ear"
#define OWN "cella"

#define SNP "x-ms-sevsnpvm-"

static const struct schema_claim rows[] = {
    {"iss", SCHEMA_STRING, 0, JWT},
    {"sub", SCHEMA_STRING, 0, JWT},
    {"aud", SCHEMA_STRING, 0, JWT},
    {"jti", SCHEMA_STRING, 0, JWT},
    {"exp", SCHEMA_INTEGER, 0, JWT},
    {"nbf", SCHEMA_INTEGER, 0, JWT},
    {"iat", SCHEMA_INTEGER, 0, JWT},
    {"cnf", SCHEMA_OBJECT, 0, "RFC 7800"},

    {"eat_nonce", SCHEMA_STRING, 0, EAT},
    {"eat_profile", SCHEMA_STRING, 0, EAT},
    {"ueid", SCHEMA_STRING, 0, EAT},
    {"oemid", SCHEMA_STRING, 0, EAT},
    {"hwmodel", SCHEMA_STRING, 0, EAT},
    {"hwversion", SCHEMA_ARRAY, 0, EAT},
    {"oemboot", SCHEMA_BOOLEAN, 0, EAT},
    {"dbgstat", SCHEMA_STRING, 0, EAT},
    {"intuse", SCHEMA_STRING, 0, EAT},
    {"bootcount", SCHEMA_INTEGER, 0, EAT},
    {"bootseed", SCHEMA_STRING, 0, EAT},
    {"measurements", SCHEMA_ARRAY, 0, EAT},
    {"measres", SCHEMA_ARRAY, 0, EAT},
    {"submods", SCHEMA_OBJECT, 0, EAT},
    {"ear.verifier-id", SCHEMA_OBJECT, 0, EAR},

    {"x-ms-ver", SCHEMA_STRING, 0, MAA},
    {"x-ms-attestation-type", SCHEMA_STRING, 0, MAA},
    {"x-ms-compliance-status", SCHEMA_STRING, 0, MAA},
    {"x-ms-policy-hash", SCHEMA_STRING, 0, MAA},
    {"x-ms-policy-signer", SCHEMA_OBJECT, 0, MAA},
    {"x-ms-policy", SCHEMA_OBJECT, 0, MAA},
    {"x-ms-runtime", SCHEMA_OBJECT, 0, MAA},
    {"x-ms-inittime", SCHEMA_OBJECT, 0, MAA},
    {"x-ms-isolation-tee", SCHEMA_CLAIMS, 0, MAA},
    {"x-ms-azurevm-vmid", SCHEMA_STRING, 0, MAA},
    {"x-ms-azurevm-attestation-protocol-ver", SCHEMA_STRING, 0, MAA},
    {"x-ms-azurevm-attested-pcrs", SCHEMA_ARRAY, 0, MAA},
    {"x-ms-azurevm-bootdebug-enabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-dbvalidated", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-dbxvalidated", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-debuggersdisabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-default-securebootkeysvalidated", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-elam-enabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-flightsigning-enabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-hvci-policy", SCHEMA_INTEGER, 0, MAA},
    {"x-ms-azurevm-hypervisordebug-enabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-is-windows", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-kerneldebug-enabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-osbuild", SCHEMA_STRING, 0, MAA},
    {"x-ms-azurevm-osdistro", SCHEMA_STRING, 0, MAA},
    {"x-ms-azurevm-ostype", SCHEMA_STRING, 0, MAA},
    {"x-ms-azurevm-osversion-major", SCHEMA_INTEGER, 0, MAA},
    {"x-ms-azurevm-osversion-minor", SCHEMA_INTEGER, 0, MAA},
    {"x-ms-azurevm-signingdisabled", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-azurevm-testsigning-enabled", SCHEMA_BOOLEAN, 0, MAA},
    {"secureboot", SCHEMA_BOOLEAN, 0, MAA},
    {"nonce", SCHEMA_STRING, 0, MAA},
    {"rp_data", SCHEMA_STRING, 0, MAA},

    {"x-ms-sgx-is-debuggable", SCHEMA_BOOLEAN, 0, MAA},
    {"x-ms-sgx-product-id", SCHEMA_INTEGER, 0, MAA},
    {"x-ms-sgx-mrsigner", SCHEMA_HEX, 32, MAA},
    {"x-ms-sgx-mrenclave", SCHEMA_HEX, 32, MAA},
    {"x-ms-sgx-svn", SCHEMA_INTEGER, 0, MAA},
    {"x-ms-sgx-ehd", SCHEMA_STRING, 0, MAA},
    {"x-ms-sgx-collateral", SCHEMA_OBJECT, 0, MAA},
    {"x-ms-sgx-report-data", SCHEMA_HEX, 64, MAA},
    {"x-ms-sgx-attributes", SCHEMA_HEX, 16, OWN},
    {"x-ms-sgx-config-id", SCHEMA_HEX, 64, MAA},
    {"x-ms-sgx-config-svn", SCHEMA_INTEGER, 0, MAA},
    {"x-ms-sgx-isv-extended-product-id", SCHEMA_HEX, 16, MAA},
    {"x-ms-sgx-isv-family-id", SCHEMA_HEX, 16, MAA},

    {"attester_tcb_status", SCHEMA_STRING, 0, MAA},
    {"attester_advisory_ids", SCHEMA_ARRAY, 0, OWN},
    {"attester_tcb_date", SCHEMA_STRING, 0, OWN},
    {"tdx_mrtd", SCHEMA_HEX, 48, MAA},
    {"tdx_mrseam", SCHEMA_HEX, 48, MAA},
    {"tdx_mrsignerseam", SCHEMA_HEX, 48, MAA},
    {"tdx_mrconfigid", SCHEMA_HEX, 48, MAA},
    {"tdx_mrowner", SCHEMA_HEX, 48, MAA},
    {"tdx_mrownerconfig", SCHEMA_HEX, 48, MAA},
    {"tdx_mrservicetd", SCHEMA_HEX, 48, OWN},
    {"tdx_rtmr0", SCHEMA_HEX, 48, MAA},
    {"tdx_rtmr1", SCHEMA_HEX, 48, MAA},
    {"tdx_rtmr2", SCHEMA_HEX, 48, MAA},
    {"tdx_rtmr3", SCHEMA_HEX, 48, MAA},
    {"tdx_report_data", SCHEMA_HEX, 64, MAA},
    {"tdx_seam_attributes", SCHEMA_HEX, 8, MAA},
    {"tdx_seamsvn", SCHEMA_INTEGER, 0, MAA},
    {"tdx_td_attributes", SCHEMA_HEX, 8, MAA},
    {"tdx_td_attributes_debug", SCHEMA_BOOLEAN, 0, MAA},
    {"tdx_td_attributes_key_locker", SCHEMA_BOOLEAN, 0, MAA},
    {"tdx_td_attributes_perfmon", SCHEMA_BOOLEAN, 0, MAA},
    {"tdx_td_attributes_protection_keys", SCHEMA_BOOLEAN, 0, MAA},
    {"tdx_td_attributes_septve_disable", SCHEMA_BOOLEAN, 0, MAA},
    {"tdx_td_attributes_migratable", SCHEMA_BOOLEAN, 0, OWN},
    {"tdx_tee_tcb_svn", SCHEMA_HEX, 16, MAA},
    {"tdx_tee_tcb_svn2", SCHEMA_HEX, 16, OWN},
    {"tdx_xfam", SCHEMA_HEX, 8, MAA},

    {SNP "authorkeydigest", SCHEMA_HEX, 48, MAA},
    {SNP "bootloader-svn", SCHEMA_INTEGER, 0, MAA},
    {SNP "familyId", SCHEMA_HEX, 16, MAA},
    {SNP "guestsvn", SCHEMA_INTEGER, 0, MAA},
    {SNP "hostdata", SCHEMA_HEX, 32, MAA},
    {SNP "idkeydigest", SCHEMA_HEX, 48, MAA},
    {SNP "imageId", SCHEMA_HEX, 16, MAA},
    {SNP "is-debuggable", SCHEMA_BOOLEAN, 0, MAA},
    {SNP "launchmeasurement", SCHEMA_HEX, 48, MAA},
    {SNP "microcode-svn", SCHEMA_INTEGER, 0, MAA},
    {SNP "migration-allowed", SCHEMA_BOOLEAN, 0, MAA},
    {SNP "reportdata", SCHEMA_HEX, 64, MAA},
    {SNP "reportid", SCHEMA_HEX, 32, MAA},
    {SNP "smt-allowed", SCHEMA_BOOLEAN, 0, MAA},
    {SNP "snpfw-svn", SCHEMA_INTEGER, 0, MAA},
    {SNP "tee-svn", SCHEMA_INTEGER, 0, MAA},
    {SNP "fmc-svn", SCHEMA_INTEGER, 0, OWN},
    {SNP "vmpl", SCHEMA_INTEGER, 0, MAA},
    {"snp_report_version", SCHEMA_INTEGER, 0, OWN},
    {"snp_policy", SCHEMA_INTEGER, 0, OWN},
    {"snp_platform_info", SCHEMA_INTEGER, 0, OWN},
    {"snp_product", SCHEMA_STRING, 0, OWN},
    {"snp_signing_key", SCHEMA_STRING, 0, OWN},
    {"snp_chip_id", SCHEMA_STRING, 0, OWN},
    {"snp_csp_id", SCHEMA_STRING, 0, OWN},
    {"snp_current_version", SCHEMA_STRING, 0, OWN},
    {"snp_committed_version", SCHEMA_STRING, 0, OWN},
    {"snp_current_tcb", SCHEMA_OBJECT, 0, OWN},
    {"snp_committed_tcb", SCHEMA_OBJECT, 0, OWN},
    {"snp_launch_tcb", SCHEMA_OBJECT, 0, OWN},

    {"nitro_module_id", SCHEMA_STRING, 0, OWN},
    {"nitro_pcrs", SCHEMA_OBJECT, 0, OWN},
    {"nitro_user_data", SCHEMA_STRING, 0, OWN},
    {"nitro_public_key", SCHEMA_STRING, 0, OWN},

    {"tee", SCHEMA_STRING, 0, OWN},
    {"mrenclave", SCHEMA_HEX, 32, OWN},
    {"mrsigner", SCHEMA_HEX, 32, OWN},
    {"isv_prod_id", SCHEMA_INTEGER, 0, OWN},
    {"isv_svn", SCHEMA_INTEGER, 0, OWN},
    {"debug", SCHEMA_BOOLEAN, 0, OWN},
    {"report_data", SCHEMA_HEX, 64, OWN},
    {"time", SCHEMA_STRING, 0, OWN},
    {"launcher", SCHEMA_HEX, 32, OWN},
    {"root", SCHEMA_HEX, 32, OWN},
    {"posture", SCHEMA_OBJECT, 0, OWN},
    {"posture_proof", SCHEMA_OBJECT, 0, OWN},
    {"launcher_proof", SCHEMA_STRING, 0, OWN},
    {"tpm", SCHEMA_BOOLEAN, 0, OWN},
    {"command_line", SCHEMA_STRING, 0, OWN},

    {"tcb_evaluation_data_number", SCHEMA_INTEGER, 0, OWN},
    {"revocation_checked", SCHEMA_BOOLEAN, 0, OWN},
    {"tls_key_sha256", SCHEMA_HEX, 32, OWN},
    {"evidence_iat", SCHEMA_INTEGER, 0, OWN},
    {"cella_warnings", SCHEMA_ARRAY, 0, OWN},

    {"tpm_clock", SCHEMA_INTEGER, 0, OWN},
    {"tpm_clock_safe", SCHEMA_BOOLEAN, 0, OWN},
    {"tpm_reset_count", SCHEMA_INTEGER, 0, OWN},
    {"tpm_restart_count", SCHEMA_INTEGER, 0, OWN},
    {"tpm_firmware_version", SCHEMA_STRING, 0, OWN},
    {"tpm_qualified_signer", SCHEMA_STRING, 0, OWN},
    {"tpm_pcrs", SCHEMA_OBJECT, 0, OWN},
    {"kernel_command_lines", SCHEMA_ARRAY, 0, OWN},
    {"kernel_command_lines_complete", SCHEMA_BOOLEAN, 0, OWN},
    {"ima_entries", SCHEMA_INTEGER, 0, OWN},
    {"ima_violations", SCHEMA_INTEGER, 0, OWN},
    {"ima_boot_aggregate_quoted", SCHEMA_BOOLEAN, 0, OWN},

    {"aikValidated", SCHEMA_BOOLEAN, 0, MAA},
    {"aikPubHash", SCHEMA_STRING, 0, MAA},
    {"tpmVersion", SCHEMA_INTEGER, 0, MAA},
    {"secureBootEnabled", SCHEMA_BOOLEAN, 0, MAA},
    {"iommuEnabled", SCHEMA_BOOLEAN, 0, MAA},
    {"bootDebuggingDisabled", SCHEMA_BOOLEAN, 0, MAA},
    {"notSafeMode", SCHEMA_BOOLEAN, 0, MAA},
    {"notWinPE", SCHEMA_BOOLEAN, 0, MAA},
    {"vbsEnabled", SCHEMA_BOOLEAN, 0, MAA},
    {"vbsReportPresent", SCHEMA_BOOLEAN, 0, MAA},
    {"enclaveAuthorId", SCHEMA_STRING, 0, MAA},
    {"enclaveImageId", SCHEMA_STRING, 0, MAA},
    {"enclaveOwnerId", SCHEMA_STRING, 0, MAA},
    {"enclaveFamilyId", SCHEMA_STRING, 0, MAA},
    {"enclaveSvn", SCHEMA_INTEGER, 0, MAA},
    {"enclavePlatformSvn", SCHEMA_INTEGER, 0, MAA},
    {"enclaveFlags", SCHEMA_INTEGER, 0, MAA},
};
#define ROWS   (sizeof(rows) / sizeof(rows[0]))

#define VALUES 12 /* most of a claim, and the NULL behind them */

/* Claims of which every value is known; of an object: the values of what is inside. */
static const struct {
    const char *name;
    const char *values[VALUES];
} closed[] = {
    {"dbgstat",
     {"enabled", "disabled", "disabled-since-boot", "disabled-permanently",
      "disabled-fully-and-permanently"}},
    {"x-ms-attestation-type",
     {"sgx", "tdxvm", "sevsnpvm", "azurevm", "tpm", "nitro", "vsm", "process"}},
    {"attester_tcb_status",
     {"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
      "OutOfDate", "OutOfDateConfigurationNeeded", "Revoked", "TDRelaunchAdvised",
      "TDRelaunchAdvisedConfigurationNeeded"}},
    {"snp_product", {"Milan", "Genoa", "Turin"}},
    {"snp_signing_key", {"vcek", "vlek"}},
    {"tee", {"vsm", "process", "sgx"}}, /* Azure's, for SGX, has it, too */
    {"posture_proof", {"proved", "asserted"}},
    {"launcher_proof", {"proved", "asserted"}},
};

static const struct {
    const char *deprecated, *recommended;
} renamed[] = {
    {"$is-debuggable", "x-ms-sgx-is-debuggable"},
    {"$product-id", "x-ms-sgx-product-id"},
    {"$sgx-mrsigner", "x-ms-sgx-mrsigner"},
    {"$sgx-mrenclave", "x-ms-sgx-mrenclave"},
    {"$svn", "x-ms-sgx-svn"},
    {"$tee", "x-ms-attestation-type"},
    {"$maa-ehd", "x-ms-sgx-ehd"},
    {"$aas-ehd", "x-ms-sgx-ehd"},
    {"$maa-attestationcollateral", "x-ms-sgx-collateral"},
};

const struct schema_claim *schema_row(size_t i)
{
    return i < ROWS ? &rows[i] : NULL;
}

const char *const *schema_values(const struct schema_claim *row)
{
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
        if (strcmp(row->name, closed[i].name) == 0)
            return closed[i].values;
    return NULL;
}

const char *schema_recommended(const char *name)
{
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
        if (strcmp(name, renamed[i].deprecated) == 0)
            return renamed[i].recommended;
    return NULL;
}

static const struct schema_claim *find_whole(const char *name, size_t length)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strncmp(rows[i].name, name, length) == 0 && rows[i].name[length] == 0)
            return &rows[i];
    return NULL;
}

/* `inside`: the row is of an object, and the name of something in it. */
static const struct schema_claim *find(const char *name, bool *inside)
{
    const struct schema_claim *row = find_whole(name, strlen(name));
    *inside = false;
    for (const char *dot = strchr(name, '.'); dot && !row; dot = strchr(dot + 1, '.')) {
        row = find_whole(name, (size_t)(dot - name));
        if (row && row->kind == SCHEMA_CLAIMS)
            return find(dot + 1, inside);
        if (row && row->kind != SCHEMA_OBJECT)
            return NULL;
        *inside = row != NULL;
    }
    return row;
}

const struct schema_claim *schema_find(const char *name)
{
    bool inside;
    return find(name, &inside);
}

/* ---- what was meant ---- */

#define TAIL 33 /* of a name, in small letters: nearest_distance takes no longer one */

/* False: too long. */
static bool fold(const char *text, char folded[TAIL])
{
    size_t length = strlen(text);
    for (size_t i = 0; i <= length && length < TAIL; i++)
        folded[i] = (char)tolower((unsigned char)text[i]);
    return length < TAIL;
}

/* Long names have long beginnings in common: only what differs counts. */
static unsigned distance(const char *from, const char *to)
{
    char one[TAIL], other[TAIL];
    while (*from && tolower((unsigned char)*from) == tolower((unsigned char)*to)) {
        from++;
        to++;
    }
    return fold(from, one) && fold(to, other) ? nearest_distance(one, other) : NEAREST_FAR;
}

/* A row of nearly that name, or whose name ends so. */
static const struct schema_claim *nearest_row(const char *name)
{
    const struct schema_claim *nearest = NULL;
    unsigned least = NEAREST_FAR;
    size_t length = strlen(name);
    for (size_t i = 0; i < ROWS; i++) {
        unsigned here = distance(name, rows[i].name);
        if (here < least) {
            least = here;
            nearest = &rows[i];
        }
    }
    for (size_t i = 0; i < ROWS && !nearest && length >= 3; i++) {
        size_t whole = strlen(rows[i].name);
        if (whole > length && strcasecmp(rows[i].name + whole - length, name) == 0)
            nearest = &rows[i];
    }
    return nearest;
}

/* `outer`, of a name's first `length` bytes, holds what the rest names, or should. */
static bool suggest_inside(const char *name, size_t length, char suggestion[SCHEMA_NAME])
{
    char outer[SCHEMA_NAME];
    const char *rest = name + length + 1;
    if (length >= sizeof(outer))
        return false;
    memcpy(outer, name, length);
    outer[length] = 0;
    const struct schema_claim *row = nearest_row(outer), *inner = nearest_row(rest);
    if (row && row->kind == SCHEMA_CLAIMS)
        rest = schema_find(rest) ? rest : inner ? inner->name : NULL;
    else if (!row || row->kind != SCHEMA_OBJECT)
        rest = NULL;
    return rest && snprintf(suggestion, SCHEMA_NAME, "%s.%s", row->name, rest) < SCHEMA_NAME;
}

bool schema_suggest(const char *name, char suggestion[SCHEMA_NAME])
{
    const struct schema_claim *row = nearest_row(name);
    const char *last = strrchr(name, '.');
    if (strcmp(name, "ear.status") == 0) /* each part that was appraised has its own */
        return snprintf(suggestion, SCHEMA_NAME, "submods.NAME.%s", name) > 0;
    for (const char *dot = strchr(name, '.'); dot && !row; dot = strchr(dot + 1, '.'))
        if (suggest_inside(name, (size_t)(dot - name), suggestion))
            return true;
    if (!row && last)
        row = nearest_row(last + 1);
    if (row)
        snprintf(suggestion, SCHEMA_NAME, "%s", row->name);
    return row != NULL;
}

/* ---- judging ---- */

static const char *kind_text(enum schema_kind kind)
{
    switch (kind) {
    case SCHEMA_INTEGER:
        return "an integer: write the number without quotes";
    case SCHEMA_BOOLEAN:
        return "a boolean: write true or false without quotes";
    case SCHEMA_ARRAY:
        return "an array: only exists can be asked of it";
    case SCHEMA_OBJECT:
    case SCHEMA_CLAIMS:
        return "an object: name what is inside, behind a dot";
    default:
        return "a string: write the value in quotes";
    }
}

static bool kind_fits(enum schema_kind kind, const json_t *expected)
{
    switch (kind) {
    case SCHEMA_INTEGER:
        return json_is_integer(expected);
    case SCHEMA_BOOLEAN:
        return json_is_boolean(expected);
    case SCHEMA_STRING:
    case SCHEMA_HEX:
        return json_is_string(expected);
    default:
        return false;
    }
}

static bool hex_fits(const struct schema_claim *row, const char *text)
{
    size_t length = strlen(text);
    return strspn(text, "0123456789abcdef") == length && length % 2 == 0 &&
           (row->bytes == 0 || length == 2 * row->bytes);
}

/* "a, b or c" */
static void list(const char *const *values, char text[SCHEMA_SENTENCE])
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; values[i] && used < SCHEMA_SENTENCE; i++)
        used += (size_t)snprintf(text + used, SCHEMA_SENTENCE - used, "%s%s",
                                 i == 0          ? ""
                                 : values[i + 1] ? ", "
                                                 : " or ",
                                 values[i]);
}

bool schema_judge_word(const char *name, const char *const *values, const char *word,
                       char sentence[SCHEMA_SENTENCE])
{
    char all[SCHEMA_SENTENCE];
    const char *nearest = NULL;
    unsigned least = NEAREST_FAR;
    for (size_t i = 0; values[i]; i++) {
        unsigned here = distance(word, values[i]);
        if (strcmp(word, values[i]) == 0)
            return true;
        if (here < least) {
            least = here;
            nearest = values[i];
        }
    }
    list(values, all);
    if (nearest)
        snprintf(sentence, SCHEMA_SENTENCE, "\"%.80s\" is never \"%.80s\"; did you mean \"%s\"?",
                 name, word, nearest);
    else
        snprintf(sentence, SCHEMA_SENTENCE, "\"%.40s\" is never \"%.20s\"; it is %s", name, word,
                 all);
    return false;
}

static bool judge_value(const struct schema_claim *row, bool inside, const char *name,
                        enum value_operator relation, const json_t *expected,
                        char sentence[SCHEMA_SENTENCE])
{
    const char *const *values = schema_values(row);
    enum schema_kind kind = inside ? SCHEMA_STRING : row->kind;
    if (relation == VALUE_EXISTS || (inside && !values) || !expected)
        return true;
    if (!kind_fits(kind, expected)) {
        snprintf(sentence, SCHEMA_SENTENCE, "\"%.80s\" is never met by %s: that claim is %s", name,
                 value_type(expected), kind_text(kind));
        return false;
    }
    if (values && !schema_judge_word(name, values, json_string_value(expected), sentence))
        return false;
    if (row->kind == SCHEMA_HEX && !hex_fits(row, json_string_value(expected))) {
        snprintf(sentence, SCHEMA_SENTENCE,
                 "\"%.80s\" is %u lower-case hexadecimal digits; this is something else, of %zu "
                 "characters",
                 name, 2 * row->bytes, strlen(json_string_value(expected)));
        return false;
    }
    return true;
}

bool schema_judge(const char *name, enum value_operator relation, const json_t *expected,
                  char sentence[SCHEMA_SENTENCE])
{
    bool inside;
    const struct schema_claim *row = find(name, &inside);
    if (row)
        return judge_value(row, inside, name, relation, expected, sentence);
    char suggestion[SCHEMA_NAME];
    if (schema_suggest(name, suggestion))
        snprintf(sentence, SCHEMA_SENTENCE, "unknown claim \"%.80s\"; did you mean \"%s\"?", name,
                 suggestion);
    else
        snprintf(sentence, SCHEMA_SENTENCE,
                 "unknown claim \"%.80s\"; docs/policy.md lists the known ones", name);
    return false;
}
