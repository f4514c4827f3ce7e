/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs against PCRs and RTMRs: what is refused, warned of and claimed where they do not explain all
 * that was quoted.
 */
#include "tpm_test.h"

#include "attest/collateral.h"
#include "attest/tpm/logs.h"

#include <openssl/sha.h>

struct made {
    uint8_t bytes[4096];
    size_t size;
};

static void put(struct made *made, const void *bytes, size_t size)
{
    assert_true(size <= sizeof(made->bytes) - made->size);
    memcpy(made->bytes + made->size, bytes, size);
    made->size += size;
}

static void put_number(struct made *made, uint32_t value, size_t size)
{
    put(made, &value, size); /* little-endian, as x86 is */
}

/* ---- a machine ---- */

static struct made events, ima;
static struct tpm_pcrs pcrs;
static cella_demands demands;
static cella_verifier verifier;
static json_t *claims, *warnings;

static void extend(size_t pcr, const uint8_t digest[32])
{
    assert_true(tpm_extend(tpm_hash(TPM_SHA256), pcrs.banks[0].values[pcr], digest, 32));
}

static void put_event(uint32_t pcr, const void *measured, size_t measured_size, const void *data,
                      size_t size)
{
    uint8_t digest[32];
    SHA256(measured, measured_size, digest);
    put_number(&events, pcr, 4);
    put_number(&events, 13, 4);
    put_number(&events, 1, 4);
    put_number(&events, TPM_SHA256, 2);
    put(&events, digest, 32);
    put_number(&events, (uint32_t)size, 4);
    put(&events, data, size);
    extend(pcr, digest);
}

static void put_grub(const char *prefix, const char *text)
{
    char data[128];
    snprintf(data, sizeof(data), "%s%s", prefix, text);
    put_event(8, text, strlen(text), data, strlen(data));
}

/* By GRUB, with one line. */
static void boot(uint32_t quoted)
{
    static const uint8_t zeros[20];
    memset(&pcrs, 0, sizeof(pcrs));
    tpm_bank_add(&pcrs, tpm_hash(TPM_SHA256))->given = quoted;
    events.size = ima.size = 0;
    put_number(&events, 0, 4);
    put_number(&events, 3, 4);
    put(&events, zeros, 20);
    put_number(&events, 33, 4);
    put(&events, "Spec ID Event03\0\0\0\0\0\0\2\0\2\1\0\0\0\x0b\0\x20\0\0", 33);
    put_grub("grub_cmd: ", "linux /k quiet");
    put_grub("kernel_cmdline: ", "/k quiet");
    put_event(9, "initrd", 6, "initrd", 6);
}

/* ima-ng. `padded`: extended as Linux before 5.8 did. */
static void put_file(const char *path, const char *algorithm, const uint8_t *digest, size_t size,
                     bool padded)
{
    struct made data = {.size = 0};
    uint8_t sha1[32] = {0}, sha256[32];
    put_number(&data, (uint32_t)(strlen(algorithm) + 2 + size), 4);
    put(&data, algorithm, strlen(algorithm));
    put(&data, ":", 2);
    put(&data, digest, size);
    put_number(&data, (uint32_t)strlen(path) + 1, 4);
    put(&data, path, strlen(path) + 1);
    SHA1(data.bytes, data.size, sha1);
    SHA256(data.bytes, data.size, sha256);
    put_number(&ima, IMA_PCR, 4);
    put(&ima, sha1, 20);
    put_number(&ima, 6, 4);
    put(&ima, "ima-ng", 6);
    put_number(&ima, (uint32_t)data.size, 4);
    put(&ima, data.bytes, data.size);
    extend(IMA_PCR, padded ? sha1 : sha256);
}

static void put_aggregate(size_t count, bool padded)
{
    uint8_t all[10 * 32], digest[32];
    for (size_t i = 0; i < count; i++)
        memcpy(all + 32 * i, pcrs.banks[0].values[i], 32);
    SHA256(all, 32 * count, digest);
    put_file("boot_aggregate", "sha256", digest, 32, padded);
}

/* What becomes of it: the refusal's class; claims and warnings are kept until the next. */
static const char *judge(void)
{
    static char class[24];
    cella_error error = {0};
    struct tpm_facts facts = {0};
    json_decref(claims);
    json_decref(warnings);
    struct appraisal appraisal = {&verifier, &demands, appraisal_result(0), &error};
    cella_status status = CELLA_OK;
    if (events.size)
        status = tpm_judge_event_log(&appraisal, &pcrs, events.bytes, events.size, &facts);
    if (!status && ima.size)
        status = tpm_judge_ima_log(&appraisal, &pcrs, ima.bytes, ima.size, &facts);
    if (!status)
        tpm_claim_logs(&appraisal, &facts);
    snprintf(class, sizeof(class), "%s", status ? appraisal.result->class : "");
    claims = json_incref(appraisal.result->claims);
    warnings = json_incref(appraisal.result->warnings);
    tpm_facts_free(&facts);
    cella_result_free(appraisal.result);
    return class;
}

static bool warned(const char *of)
{
    for (size_t i = 0; i < json_array_size(warnings); i++)
        if (strstr(json_string_value(json_array_get(warnings, i)), of))
            return true;
    return false;
}

static bool is_true(const char *claim)
{
    const json_t *value = json_object_get(claims, claim);
    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(claims);
    json_decref(warnings);
    return 0;
}

#define ALL 0x17ffu /* 0 to 10, 12 */

/* ---- which command lines there are ---- */

static void tells_whether_lines_are_all(void **state)
{
    (void)state;
    static const uint8_t digest[32] = {1};
    boot(ALL);
    put_aggregate(10, false);
    assert_string_equal(judge(), "");
    assert_true(is_true("kernel_command_lines_complete"));
    assert_int_equal(json_array_size(warnings), 0);
    /* no IMA log; one that was made before PCR 8 counted */
    ima.size = 0;
    assert_string_equal(judge(), "");
    assert_false(is_true("kernel_command_lines_complete"));
    boot(ALL);
    put_aggregate(8, false);
    assert_string_equal(judge(), "");
    assert_false(is_true("kernel_command_lines_complete"));
    assert_true(is_true("ima_boot_aggregate_quoted"));
    /* systemd-stub's line, which the log does not have */
    boot(ALL);
    extend(12, digest);
    put_aggregate(10, false);
    assert_string_equal(judge(), "");
    assert_false(is_true("kernel_command_lines_complete"));
    assert_true(warned("no log explains these quoted PCRs: 12"));
    /* what is not quoted */
    boot(ALL & ~(1u << 12));
    put_aggregate(10, false);
    assert_string_equal(judge(), "");
    assert_false(is_true("kernel_command_lines_complete"));
    /* extended by GRUB's words after a start without it */
    boot(ALL);
    put_aggregate(10, false);
    put_grub("grub_cmd: ", "boot");
    assert_string_equal(judge(), "LOG");
}

/* ---- IMA ---- */

static void warns_without_aggregate(void **state)
{
    (void)state;
    static const uint8_t digest[32] = {1};
    static const char what[] = "begins with no boot_aggregate";
    boot(ALL);
    put_file("/init", "sha256", digest, 32, false);
    assert_string_equal(judge(), "");
    assert_true(warned(what));
    assert_false(is_true("ima_boot_aggregate_quoted"));
    boot(ALL);
    put_file("boot_aggregate", "sha1", digest, 20, false);
    assert_string_equal(judge(), "");
    assert_true(warned(what));
    boot(ALL & ~1u); /* it cannot be known */
    put_file("/init", "sha256", digest, 32, false);
    assert_string_equal(judge(), "");
    assert_false(warned(what));
    boot(ALL);
    put_file("boot_aggregate", "sha256", digest, 32, false);
    assert_string_equal(judge(), "LOG");
}

static void refuses_padded_sha1(void **state)
{
    (void)state;
    static const char what[] = "insecure_allow_sha1: two IMA logs";
    for (int padded = 0; padded < 2; padded++)
        for (int allowed = 0; allowed < 2; allowed++) {
            demands.insecure_allow_sha1 = allowed;
            boot(ALL);
            put_aggregate(10, padded);
            assert_string_equal(judge(), padded && !allowed ? "PCR" : "");
            assert_int_equal(warned(what), padded && allowed);
        }
    demands.insecure_allow_sha1 = false;
}

/* ---- CCEL ---- */

static void compares_every_rtmr(void **state)
{
    (void)state;
    static const uint8_t zeros[48], other[48] = {1};
    size_t size;
    uint8_t *bytes = vector("tdx/gcp-cos113/ccel_data.bin", &size);
    struct eventlog log = {0};
    struct eventlog_rtmrs replayed;
    cella_error error = {0};
    const size_t head = 32 + (size_t)bytes[28] + 256u * bytes[29];
    bytes[head] = 4; /* one event is of RTMR 3 */
    assert_int_equal(eventlog_read(bytes, size, EVENTLOG_CCEL, &log, &error), CELLA_OK);
    assert_int_equal(eventlog_replay_rtmr(&log, &replayed, &error), CELLA_OK);
    assert_true(replayed.known[3]);
    for (int whole = 0; whole < 2; whole++) /* or the event alone that says which banks there are */
        for (unsigned i = 0; i <= EVENTLOG_RTMRS; i++) {
            const uint8_t *rtmrs[EVENTLOG_RTMRS];
            struct tpm_facts facts = {0};
            struct appraisal appraisal = {&verifier, &demands, appraisal_result(0), &error};
            for (unsigned n = 0; n < EVENTLOG_RTMRS; n++)
                rtmrs[n] = n == i ? other : whole ? replayed.values[n] : zeros;
            bool good = i == EVENTLOG_RTMRS || (i == 3 && !whole);
            assert_int_equal(tpm_judge_ccel(&appraisal, rtmrs, bytes, whole ? size : head, &facts),
                             good ? CELLA_OK : CELLA_REFUSED);
            assert_int_equal(json_array_size(appraisal.result->warnings), good && i == 3);
            tpm_facts_free(&facts);
            cella_result_free(appraisal.result);
        }
    eventlog_free(&log);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_whether_lines_are_all),
        cmocka_unit_test(warns_without_aggregate),
        cmocka_unit_test(refuses_padded_sha1),
        cmocka_unit_test(compares_every_rtmr),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
