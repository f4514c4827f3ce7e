/* SPDX-License-Identifier: Apache-2.0
 *
 * Event logs: real ones replay to what is known of them, and each way in which one can be malformed
 * or say what it must not.
 */
#include "tpm_test.h"

#include "attest/tpm/eventlog.h"

#include <openssl/sha.h>

/* ---- the vectors ---- */

static void check_bank(const struct eventlog *log, const char *name, const json_t *expected)
{
    struct eventlog_values values;
    const struct tpm_hash *hash = tpm_hash_named(name, strlen(name));
    assert_non_null(hash);
    assert_int_equal(eventlog_replay(log, hash->id, &values, NULL), CELLA_OK);
    size_t known = 0;
    for (size_t i = 0; i < EVENTLOG_PCRS; i++) {
        char index[8];
        snprintf(index, sizeof(index), "%zu", i);
        const char *value = json_string_value(json_object_get(expected, index));
        assert_int_equal(values.known[i], value != NULL);
        if (value)
            assert_hex(values.values[i], hash->size, value);
        known += value != NULL;
    }
    assert_int_equal(known, json_object_size(expected));
}

static void check_vector(const char *path, json_t *expected)
{
    size_t size, i;
    uint8_t *bytes = vector(path, &size);
    struct eventlog log;
    cella_error error;
    json_t *name, *values;
    const char *key;
    enum eventlog_form form = strstr(path, "intel-tdx") ? EVENTLOG_CCEL : EVENTLOG_TCG2;
    if (eventlog_read(bytes, size, form, &log, &error))
        fail_msg("%s: %s", path, error.sentence);
    assert_int_equal(log.count, json_integer_value(json_object_get(expected, "events")));
    assert_int_equal(log.used, json_integer_value(json_object_get(expected, "bytes_used")));
    json_array_foreach(json_object_get(expected, "algorithms"), i, name)
        assert_string_equal(log.banks[i].hash->name, json_string_value(name));
    assert_int_equal(i, log.bank_count);
    json_object_foreach(json_object_get(expected, "replay"), key, values)
        check_bank(&log, key, values);
    assert_int_equal(json_object_size(json_object_get(expected, "replay")), log.bank_count);
    eventlog_free(&log);
    free(bytes);
}

static void replays_vectors(void **state)
{
    (void)state;
    json_t *all = vector_json("eventlog/expected.json"), *expected;
    const char *path;
    json_object_foreach(all, path, expected) check_vector(path, expected);
    assert_int_equal(json_object_size(all), 9);
    json_decref(all);
}

static struct eventlog read_vector(const char *path, enum eventlog_form form, uint8_t **bytes)
{
    size_t size;
    struct eventlog log;
    cella_error error;
    *bytes = vector(path, &size);
    if (eventlog_read(*bytes, size, form, &log, &error))
        fail_msg("%s: %s", path, error.sentence);
    return log;
}

static void replays_rtmrs(void **state)
{
    (void)state;
    uint8_t *bytes;
    struct eventlog_rtmrs rtmrs;
    struct eventlog_facts facts;
    struct eventlog log = read_vector("tdx/gcp-cos113/ccel_data.bin", EVENTLOG_CCEL, &bytes);
    assert_int_equal(eventlog_replay_rtmr(&log, &rtmrs, NULL), CELLA_OK);
    /* as the quote of the same machine has them */
    assert_hex(
        rtmrs.values[0], 48,
        "3fa2f61f395b7f5feefb4ec2df61297f109ad8abcd6410c1b7df60f21f37b19297fc35e544039c7e1ede"
        "ce752afd17f6");
    assert_hex(
        rtmrs.values[1], 48,
        "f62dbc072bd5d3f3438b7b35c39a727f5aea2ffc2473f43723953f530daf62504f0a7944aa62c41a86e8"
        "a878c2b122c1");
    assert_hex(
        rtmrs.values[2], 48,
        "4969684dc87381fc3b3134176c8d8806eaf0a901859f5f70cfae8d17714b46c10a8de219048c9fc09f11"
        "f381a6fbe7c1");
    assert_true(rtmrs.known[0] && rtmrs.known[1] && rtmrs.known[2] && !rtmrs.known[3]);
    assert_int_equal(log.used, 18101);
    assert_int_equal(eventlog_facts(&log, TPM_SHA384, EVENTLOG_ALL, &facts, NULL), CELLA_OK);
    assert_true(facts.secure_boot_known && !facts.secure_boot);
    assert_int_equal(facts.command_line_count, 1);
    assert_false(facts.command_lines_complete); /* digests of files are among them */
    eventlog_facts_free(&facts);
    eventlog_free(&log);
    /* what pads a CCEL is no part of any other log */
    cella_error error;
    assert_int_equal(eventlog_read(bytes, 262144, EVENTLOG_TCG2, &log, &error), CELLA_INVALID);
    free(bytes);
}

static void tells_facts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t algorithm;
        bool secure_boot, complete;
        size_t lines;
        const char *start;
    } cases[] = {
        {"debian-10.bin", TPM_SHA1, true, false, 0, ""},
        {"ubuntu-2104-no-secure-boot.bin", TPM_SHA256, false, true, 1, "/boot/vmlinuz-5.11"},
        {"ubuntu-1804-amd-sev.bin", TPM_SHA384, false, true, 1,
         "/boot/vmlinuz-5.4.0-1046-gcp root=LABEL=cloudimg-rootfs ro console=ttyS0"},
        {"cos-101-amd-sev.bin", TPM_SHA256, true, true, 1, "/syslinux/vmlinuz.A init="},
        {"arch-linux-workstation.bin", TPM_SHA256, false, false, 1, "initrd=\\intel-ucode.img"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char path[128];
        uint8_t *bytes;
        struct eventlog_facts facts;
        snprintf(path, sizeof(path), "eventlog/go-eventlog/%s", cases[i].name);
        struct eventlog log = read_vector(path, EVENTLOG_TCG2, &bytes);
        assert_int_equal(eventlog_facts(&log, cases[i].algorithm, EVENTLOG_ALL, &facts, NULL),
                         CELLA_OK);
        assert_true(facts.secure_boot_known);
        assert_int_equal(facts.secure_boot, cases[i].secure_boot);
        assert_int_equal(facts.command_lines_complete, cases[i].complete);
        assert_int_equal(facts.command_line_count, cases[i].lines);
        if (cases[i].lines)
            assert_ptr_equal(strstr(facts.command_lines[0], cases[i].start),
                             facts.command_lines[0]);
        eventlog_facts_free(&facts);
        eventlog_free(&log);
        free(bytes);
    }
}

static void refuses_second_separator(void **state)
{
    (void)state;
    uint8_t *bytes;
    struct eventlog_facts facts;
    cella_error error;
    struct eventlog log =
        read_vector("eventlog/go-eventlog/cos-113-intel-tdx-dupe-separator-unpadded.bin",
                    EVENTLOG_CCEL, &bytes);
    assert_int_equal(eventlog_facts(&log, TPM_SHA384, EVENTLOG_ALL, &facts, &error), CELLA_REFUSED);
    assert_sentence(&error, "second separator");
    assert_int_equal(facts.secure_boot_known, false);
    eventlog_free(&log);
    free(bytes);
}

/* Every start of a log is read or refused; none is read beyond its end (ASan). */
static void survives_truncation(void **state)
{
    (void)state;
    static const char *const names[] = {"eventlog/go-attestation/short_no_action_eventlog",
                                        "eventlog/go-eventlog/arch-linux-workstation.bin",
                                        "eventlog/go-attestation/ebs_event_missing_eventlog"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        size_t size, good = 0;
        uint8_t *bytes = vector(names[i], &size);
        for (size_t cut = 0; cut < size; cut++) {
            uint8_t *part = copy_of(bytes, cut);
            struct eventlog log;
            cella_error error = {0};
            cella_status status = eventlog_read(part, cut, EVENTLOG_TCG2, &log, &error);
            assert_true(status == CELLA_OK || status == CELLA_INVALID);
            assert_true((status == CELLA_OK) == (error.sentence[0] == 0));
            good += status == CELLA_OK;
            eventlog_free(&log);
            free(part);
        }
        assert_true(good < 100); /* those between two events */
        free(bytes);
    }
}

/* ---- logs made here ---- */

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

static void put_number(struct made *made, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        put(made, &byte, 1);
    }
}

/* A crypto-agile log's first event. */
static void begin(struct made *made, const uint16_t (*banks)[2], size_t count)
{
    static const uint8_t zeros[20];
    put_number(made, 0, 4);
    put_number(made, 3, 4);
    put(made, zeros, 20);
    put_number(made, 28 + 4 * count + 1, 4);
    put(made, "Spec ID Event03\0\0\0\0\0\0\2\0\2", 24);
    put_number(made, count, 4);
    for (size_t i = 0; i < count; i++) {
        put_number(made, banks[i][0], 2);
        put_number(made, banks[i][1], 2);
    }
    put_number(made, 0, 1);
}

static struct made new_log(void)
{
    static const uint16_t sha256[][2] = {{TPM_SHA256, 32}};
    struct made made = {.size = 0};
    begin(&made, sha256, 1);
    return made;
}

/* An event whose digest is that of other data than those that it has. */
static void put_event(struct made *made, uint32_t index, uint32_t type, const void *measured,
                      size_t measured_size, const void *data, size_t size)
{
    uint8_t digest[32];
    SHA256(measured, measured_size, digest);
    put_number(made, index, 4);
    put_number(made, type, 4);
    put_number(made, 1, 4);
    put_number(made, TPM_SHA256, 2);
    put(made, digest, 32);
    put_number(made, size, 4);
    put(made, data, size);
}

static void put_text(struct made *made, const char *prefix, const char *text)
{
    char data[512];
    snprintf(data, sizeof(data), "%s%s", prefix, text);
    put_event(made, 8, 13, text, strlen(text), data, strlen(data) + 1);
}

static void put_separator(struct made *made, uint32_t index)
{
    put_event(made, index, 4, "\0\0\0\0", 4, "\0\0\0\0", 4);
}

/* SecureBoot, measured as `measured` and written as `written`; -1: not set. */
static void put_secure_boot(struct made *made, uint32_t type, int measured, int written)
{
    static const uint8_t guid[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                   0xaa, 0x0d, 0,    0xe0, 0x98, 3,    0x2b, 0x8c};
    struct made data[2] = {{.size = 0}};
    for (size_t i = 0; i < 2; i++) {
        int value = i ? written : measured;
        put(&data[i], guid, sizeof(guid));
        put_number(&data[i], 10, 8);
        put_number(&data[i], value >= 0, 8);
        put(&data[i], "S\0e\0c\0u\0r\0e\0B\0o\0o\0t", 20);
        if (value >= 0)
            put_number(&data[i], (uint64_t)value, 1);
    }
    put_event(made, 7, type, data[0].bytes, data[0].size, data[1].bytes, data[1].size);
}

static cella_status read_made(const struct made *made, struct eventlog_facts *facts,
                              cella_error *error)
{
    struct eventlog log;
    uint8_t *bytes = copy_of(made->bytes, made->size);
    cella_status status = eventlog_read(bytes, made->size, EVENTLOG_TCG2, &log, error);
    if (!status)
        status = eventlog_facts(&log, TPM_SHA256, EVENTLOG_ALL, facts, error);
    eventlog_free(&log);
    free(bytes);
    return status;
}

static void expect(const struct made *made, cella_status status, const char *sentence)
{
    struct eventlog_facts facts = {0};
    cella_error error = {0};
    assert_int_equal(read_made(made, &facts, &error), status);
    assert_sentence(&error, sentence);
    eventlog_facts_free(&facts);
}

static void refuses_malformed(void **state)
{
    (void)state;
    static const uint16_t twice[][2] = {{TPM_SHA256, 32}, {TPM_SHA256, 32}};
    static const uint16_t wrong[][2] = {{TPM_SHA256, 31}};
    static const uint16_t none[][2] = {{0x1234, 0}};
    struct made made = {.size = 0};
    expect(&made, CELLA_INVALID, "no event");
    begin(&made, twice, 2);
    expect(&made, CELLA_INVALID, "named twice");
    made.size = 0;
    begin(&made, wrong, 1);
    expect(&made, CELLA_INVALID, "digests of 31 bytes");
    made.size = 0;
    begin(&made, none, 1);
    expect(&made, CELLA_INVALID, "digests of 0 bytes");
    made.size = 0;
    begin(&made, none, 0);
    expect(&made, CELLA_INVALID, "0 algorithms");
    made = new_log();
    made.bytes[4] = 4;
    expect(&made, CELLA_INVALID, "EV_NO_ACTION");
    made = new_log();
    made.bytes[28]--;
    expect(&made, CELLA_INVALID, "not as long as it says");
    made = new_log();
    put_separator(&made, 24);
    expect(&made, CELLA_INVALID, "register that there is not");
    made = new_log();
    put_separator(&made, 0);
    made.size--;
    expect(&made, CELLA_INVALID, "beyond the end");
}

static void refuses_digests(void **state)
{
    (void)state;
    static const uint16_t both[][2] = {{TPM_SHA256, 32}, {TPM_SHA384, 48}};
    static const uint8_t zeros[48];
    struct made made = {.size = 0};
    begin(&made, both, 2);
    put_number(&made, 1, 4);
    put_number(&made, 1, 4);
    put_number(&made, 2, 4);
    for (int i = 0; i < 2; i++) {
        put_number(&made, TPM_SHA256, 2);
        put(&made, zeros, 32);
    }
    put_number(&made, 0, 4);
    expect(&made, CELLA_INVALID, "two digests of one algorithm");
    made.size = 0;
    begin(&made, both, 1);
    put_number(&made, 1, 4);
    put_number(&made, 1, 4);
    put_number(&made, 2, 4);
    expect(&made, CELLA_INVALID, "more digests");
    made.size -= 4;
    put_number(&made, 1, 4);
    put_number(&made, TPM_SHA384, 2);
    expect(&made, CELLA_INVALID, "does not name");
    /* a bank that some event lacks cannot be replayed */
    made.size = 0;
    begin(&made, (const uint16_t[][2]){{TPM_SHA384, 48}, {TPM_SHA256, 32}}, 2);
    put_number(&made, 1, 4);
    put_number(&made, 1, 4);
    put_number(&made, 1, 4);
    put_number(&made, TPM_SHA384, 2);
    put(&made, zeros, 48);
    put_number(&made, 0, 4);
    expect(&made, CELLA_UNSUPPORTED, "no digest of sha256");
    made.size = 0;
    begin(&made, &both[1], 1);
    expect(&made, CELLA_UNSUPPORTED, "no digests of sha256");
}

static void refuses_localities(void **state)
{
    (void)state;
    struct made made = new_log();
    put_event(&made, 0, 3, "", 0, "StartupLocality\0\3", 17);
    expect(&made, CELLA_OK, "");
    put_event(&made, 0, 3, "", 0, "StartupLocality\0\3", 17);
    expect(&made, CELLA_INVALID, "second startup locality");
    made = new_log();
    put_event(&made, 0, 3, "", 0, "StartupLocality\0\1", 17);
    expect(&made, CELLA_INVALID, "none of 0, 3, 4");
    made = new_log();
    put_event(&made, 0, 3, "", 0, "StartupLocality\0\3\0", 18);
    expect(&made, CELLA_INVALID, "wrong size");
    made = new_log();
    put_event(&made, 1, 3, "", 0, "StartupLocality\0\3", 17);
    expect(&made, CELLA_INVALID, "not of PCR 0");
}

static void refuses_lies_about_separators(void **state)
{
    (void)state;
    struct made made = new_log();
    put_separator(&made, 7);
    put_separator(&made, 6);
    expect(&made, CELLA_OK, "");
    put_separator(&made, 7);
    expect(&made, CELLA_REFUSED, "second separator");
    /* the firmware's one called something else, so that a later one passes for it */
    made = new_log();
    put_event(&made, 7, 13, "\0\0\0\0", 4, "text", 4);
    expect(&made, CELLA_REFUSED, "says to be something else");
    made = new_log();
    put_event(&made, 7, 13, "\xff\xff\xff\xff", 4, "text", 4);
    expect(&made, CELLA_REFUSED, "says to be something else");
    made = new_log();
    put_event(&made, 7, 4, "\1\0\0\0", 4, "\0\0\0\0", 4);
    expect(&made, CELLA_REFUSED, "digest of something else");
}

/* What is proven of SecureBoot by a log: 1, 0, or -1 for nothing. */
static int secure_boot_of(const struct made *made)
{
    struct eventlog_facts facts = {0};
    cella_error error = {0};
    assert_int_equal(read_made(made, &facts, &error), CELLA_OK);
    int value = facts.secure_boot_known ? facts.secure_boot : -1;
    assert_true(facts.secure_boot_known || !facts.secure_boot);
    eventlog_facts_free(&facts);
    return value;
}

static void tells_secure_boot(void **state)
{
    (void)state;
    const uint32_t config = 0x80000001;
    for (int value = -1; value <= 2; value++) {
        struct made made = new_log();
        put_secure_boot(&made, config, value, value);
        assert_int_equal(secure_boot_of(&made), -1); /* no separator: it may be anybody's */
        put_separator(&made, 7);
        assert_int_equal(secure_boot_of(&made), value == 2 ? -1 : value == 1);
    }
    struct made made = new_log();
    put_secure_boot(&made, config, 0, 1);
    put_separator(&made, 7);
    expect(&made, CELLA_REFUSED, "not what was measured");
    made = new_log();
    put_secure_boot(&made, config, 1, 1);
    put_secure_boot(&made, config, 0, 0);
    put_separator(&made, 7);
    expect(&made, CELLA_REFUSED, "twice");
    /* after the separator anybody may measure anything */
    made = new_log();
    put_separator(&made, 7);
    put_secure_boot(&made, config, 1, 1);
    assert_int_equal(secure_boot_of(&made), -1);
    /* ... and of another type it is not the variable */
    made = new_log();
    put_secure_boot(&made, 0x80000002, 1, 1);
    put_separator(&made, 7);
    assert_int_equal(secure_boot_of(&made), -1);
}

static void expect_lines(const struct made *made, bool complete, size_t count, const char *last)
{
    struct eventlog_facts facts = {0};
    cella_error error = {0};
    assert_int_equal(read_made(made, &facts, &error), CELLA_OK);
    assert_int_equal(facts.command_lines_complete, complete);
    assert_int_equal(facts.command_line_count, count);
    if (count)
        assert_string_equal(facts.command_lines[count - 1], last);
    eventlog_facts_free(&facts);
}

static void tells_command_lines(void **state)
{
    (void)state;
    struct made made = new_log();
    expect_lines(&made, false, 0, NULL);
    put_text(&made, "grub_cmd: ", "linux /vmlinuz lockdown=confidentiality");
    put_text(&made, "kernel_cmdline: ", "/vmlinuz lockdown=confidentiality");
    expect_lines(&made, true, 1, "/vmlinuz lockdown=confidentiality");
    put_text(&made, "grub_cmd: ", "boot");
    expect_lines(&made, true, 1, "/vmlinuz lockdown=confidentiality");
    struct made before = made;
    /* a text that was not measured */
    put_event(&made, 8, 13, "other", 5, "kernel_cmdline: x", 18);
    expect_lines(&made, false, 1, "/vmlinuz lockdown=confidentiality");
    /* a command called a command line */
    made = before;
    put_text(&made, "kernel_cmdline: ", "boot");
    expect_lines(&made, false, 2, "boot");
    /* a command line called a command: it is one all the same */
    made = before;
    put_text(&made, "grub_cmd: ", "linuxefi /vmlinuz evil");
    put_text(&made, "grub_cmd: ", "/vmlinuz evil");
    expect_lines(&made, false, 2, "/vmlinuz evil");
    /* NULs inside would show less than what was measured */
    made = before;
    put_event(&made, 8, 13, "a\0b", 3, "kernel_cmdline: a\0b", 20);
    expect_lines(&made, false, 1, "/vmlinuz lockdown=confidentiality");
    /* something else started afterwards, or a kernel that is not there */
    static const char *const others[] = {"chainloader /evil.efi", "multiboot /x", "linux /b",
                                         "unknown", "x=1 chainloader"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        made = before;
        put_text(&made, "grub_cmd: ", others[i]);
        expect_lines(&made, i == 4, 1, "/vmlinuz lockdown=confidentiality");
    }
    /* systemd-boot: what it starts may have a line of its own */
    put_event(&before, 12, 13, "r\0o\0\0", 6, "r\0o\0\0", 6);
    expect_lines(&before, true, 2, "ro");
    put_event(&before, 8, 13, "r\0w\0\0", 6, "r\0w\0\0", 6);
    expect_lines(&before, false, 3, "ro");
    /* systemd-stub, without GRUB: root may have extended PCR 12 after another start */
    made = new_log();
    put_event(&made, 12, 13, "r\0o\0\0", 6, "r\0o\0\0", 6);
    expect_lines(&made, false, 1, "ro");
    put_event(&made, 12, 13, "r\0\0\1\0", 6, "r\0\0\1\0", 6); /* not ASCII */
    expect_lines(&made, false, 1, "ro");
    made = new_log();
    for (int i = 0; i < EVENTLOG_LINES; i++)
        put_event(&made, 12, 13, "r\0o\0\0", 6, "r\0o\0\0", 6);
    expect_lines(&made, false, EVENTLOG_LINES, "ro");
    put_event(&made, 12, 13, "r\0o\0\0", 6, "r\0o\0\0", 6);
    expect(&made, CELLA_REFUSED, "more than");
}

/* Of registers that were not compared with quoted ones nothing is proven. */
static void tells_what_was_compared(void **state)
{
    (void)state;
    static const struct {
        uint32_t compared;
        bool secure_boot, complete;
        size_t lines;
    } cases[] = {{EVENTLOG_ALL, true, true, 2},
                 {~(1u << 7), false, true, 2},
                 {~(1u << 8), true, false, 1},
                 {~(1u << 12), true, false, 1},
                 {0, false, false, 0}};
    struct made made = new_log();
    put_secure_boot(&made, 0x80000001, 1, 1);
    put_separator(&made, 7);
    put_text(&made, "grub_cmd: ", "linux /a");
    put_text(&made, "kernel_cmdline: ", "/a");
    put_event(&made, 12, 13, "r\0o\0\0", 6, "r\0o\0\0", 6);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct eventlog log;
        struct eventlog_facts facts;
        assert_int_equal(eventlog_read(made.bytes, made.size, EVENTLOG_TCG2, &log, NULL), CELLA_OK);
        assert_int_equal(eventlog_facts(&log, TPM_SHA256, cases[i].compared, &facts, NULL),
                         CELLA_OK);
        assert_int_equal(facts.secure_boot_known, cases[i].secure_boot);
        assert_int_equal(facts.secure_boot, cases[i].secure_boot);
        assert_int_equal(facts.command_line_count, cases[i].lines);
        assert_int_equal(facts.command_lines_complete, cases[i].complete);
        eventlog_facts_free(&facts);
        eventlog_free(&log);
    }
}

static void finds_what_was_covered(void **state)
{
    (void)state;
    struct made made = new_log();
    struct eventlog log;
    put_event(&made, 9, 6, "initrd", 6, "", 0);
    assert_int_equal(eventlog_read(made.bytes, made.size, EVENTLOG_TCG2, &log, NULL), CELLA_OK);
    assert_true(eventlog_covers(&log, TPM_SHA256, 9, "initrd", 6));
    assert_false(eventlog_covers(&log, TPM_SHA256, 8, "initrd", 6));
    assert_false(eventlog_covers(&log, TPM_SHA256, 9, "initr", 5));
    assert_false(eventlog_covers(&log, TPM_SHA384, 9, "initrd", 6));
    eventlog_free(&log);
}

static void knows_padding(void **state)
{
    (void)state;
    static const uint16_t sha384[][2] = {{TPM_SHA384, 48}};
    struct made made = {.size = 0};
    struct eventlog log;
    struct eventlog_rtmrs rtmrs;
    cella_error error;
    begin(&made, sha384, 1);
    size_t used = made.size;
    for (int byte = 0; byte < 256; byte++) {
        made.size = used;
        for (int i = 0; i < 40; i++)
            put_number(&made, (uint64_t)byte, 1);
        bool pads = byte == 0 || byte == 0xff;
        cella_status status = eventlog_read(made.bytes, made.size, EVENTLOG_CCEL, &log, &error);
        assert_int_equal(status, pads ? CELLA_OK : CELLA_INVALID);
        assert_int_equal(log.used, pads ? used : 0);
        eventlog_free(&log);
    }
    made.bytes[made.size - 1] = 1; /* after ff */
    assert_int_equal(eventlog_read(made.bytes, made.size, EVENTLOG_CCEL, &log, &error),
                     CELLA_INVALID);
    assert_int_equal(eventlog_read(made.bytes, used, EVENTLOG_TCG2, &log, &error), CELLA_OK);
    assert_int_equal(eventlog_replay_rtmr(&log, &rtmrs, &error), CELLA_UNSUPPORTED);
    eventlog_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_vectors),
        cmocka_unit_test(replays_rtmrs),
        cmocka_unit_test(tells_facts),
        cmocka_unit_test(refuses_second_separator),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(refuses_malformed),
        cmocka_unit_test(refuses_digests),
        cmocka_unit_test(refuses_localities),
        cmocka_unit_test(refuses_lies_about_separators),
        cmocka_unit_test(tells_secure_boot),
        cmocka_unit_test(tells_command_lines),
        cmocka_unit_test(tells_what_was_compared),
        cmocka_unit_test(finds_what_was_covered),
        cmocka_unit_test(knows_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
