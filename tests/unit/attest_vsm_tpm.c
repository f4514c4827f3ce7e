/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence with a TPM's quote: of an emulated machine with Secure Boot (tests/vectors/attest/
 * vsm-tpm), as it was verified when it was made; and of a platform on swtpm, whose PCRs are given
 * that machine's log, with everything altered that can be.
 */
#include "swtpm.h"

#include "attest/certificate.h"
#include "attest/evidence.h"
#include "attest/platform_tpm.h"
#include "attest/tpm_device.h"
#include "attest/vsm_tpm.h"
#include "image/file.h"
#include "image/hex.h"

#include <cella/verify.h>

#include <openssl/pem.h>
#include <time.h>

static uint8_t purpose[64] = "for whom it is";
static const uint8_t report[REPORT_SIZE] = {[REPORT_ATTRIBUTES] = 5};

/* ---- the emulated machine's ---- */

static uint8_t *vector(const char *name, size_t *size)
{
    char path[512];
    uint8_t *bytes;
    cella_error error;
    snprintf(path, sizeof(path), "%s/tests/vectors/attest/vsm-tpm/%s", getenv("CELLA_SOURCE"),
             name);
    if (file_read(path, 1 << 20, &bytes, size, &error))
        fail_msg("%s", error.sentence);
    return bytes;
}

static int64_t vector_time(void)
{
    size_t size;
    char *text = (char *)vector("time", &size);
    int64_t at = atoll(text);
    free(text);
    return at;
}

static void root_of(const uint8_t *pem, size_t size, uint8_t root[32])
{
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_true(certificate && certificate_key_hash(certificate, root));
    X509_free(certificate);
    BIO_free(bio);
}

static cella_verify_options vector_options(uint8_t root[32])
{
    size_t size;
    uint8_t *pem = vector("root.pem", &size);
    cella_verify_options options;
    root_of(pem, size, root);
    free(pem);
    cella_verify_options_default(&options);
    options.at = vector_time();
    options.most_age = 3600;
    options.roots = (const uint8_t(*)[32])root;
    options.root_count = 1;
    options.report_data = purpose;
    return options;
}

static void expect_claim(const cella_claims *claims, const char *name, const char *expected)
{
    cella_error error = {0};
    if (cella_claims_demand(claims, name, expected, NULL, &error))
        fail_msg("%s", error.sentence);
}

/* Everything that the logs can show is shown; the rest says so. */
static void test_machine(void **state)
{
    (void)state;
    static const char *const proved[][2] = {
        {"lockdown", "confidentiality"},
        {"yama", "ptrace_scope 3"},
        {"module_signatures", "enforced"},
        {"kexec", "disabled"},
        {"dev_mem", "closed by lockdown"},
        {"kcore", "closed by lockdown"},
        {"secure_boot", "on"},
        {"tpm", "version 2"},
    };
    static cella_claims claims;
    uint8_t root[32];
    char text[256], name[64], launcher[65];
    size_t size, digest_size;
    cella_verify_options options = vector_options(root);
    uint8_t *bytes = vector("first.evidence", &size), *digest = vector("launcher", &digest_size);
    cella_error error = {0};
    if (cella_evidence_verify(bytes, size, &options, &claims, NULL, &error))
        fail_msg("%s", error.sentence);
    for (size_t i = 0; i < sizeof(proved) / sizeof(proved[0]); i++) {
        snprintf(name, sizeof(name), "posture.%s", proved[i][0]);
        expect_claim(&claims, name, proved[i][1]);
        snprintf(name, sizeof(name), "posture.%s_proof", proved[i][0]);
        expect_claim(&claims, name, "proved");
    }
    expect_claim(&claims, "tee", "vsm");
    expect_claim(&claims, "tpm", "true");
    expect_claim(&claims, "posture.ima_proof", "proved");
    expect_claim(&claims, "posture.kernel_proof", "asserted");
    expect_claim(&claims, "posture.hypervisor_proof", "asserted");
    expect_claim(&claims, "launcher_proof", "proved");
    snprintf(launcher, sizeof(launcher), "%.64s", (const char *)digest);
    expect_claim(&claims, "launcher", launcher);
    assert_true(strstr(claims.command_line, "lockdown=confidentiality"));
    assert_true(cella_claims_get(&claims, "posture.boot_image_3", text)); /* shim, GRUB, kernel */
    assert_false(cella_claims_get(&claims, "posture.boot_image_4", text));
    assert_true(cella_claims_get(&claims, "posture.boot_authority_2", text));
    assert_false(cella_claims_get(&claims, "posture.boot_authority_3", text));
    assert_true(cella_claims_get(&claims, "posture.pcr_14", text));
    assert_false(cella_claims_get(&claims, "posture.pcr_11", text));
    free(bytes);
    free(digest);
}

/* The same TPM after another boot. */
static void test_second_boot(void **state)
{
    (void)state;
    static cella_claims claims[2];
    uint8_t root[32];
    size_t size;
    char resets[2][256], pcr[2][256];
    cella_error error = {0};
    cella_verify_options options = vector_options(root);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *bytes = vector(i ? "second.evidence" : "first.evidence", &size);
        if (cella_evidence_verify(bytes, size, &options, &claims[i], NULL, &error))
            fail_msg("%s", error.sentence);
        free(bytes);
        assert_true(cella_claims_get(&claims[i], "posture.tpm_resets", resets[i]));
        assert_true(cella_claims_get(&claims[i], "posture.pcr_4", pcr[i]));
        expect_claim(&claims[i], "posture.lockdown_proof", "proved");
    }
    assert_true(atoll(resets[1]) > atoll(resets[0]));
    assert_string_equal(pcr[0], pcr[1]);
}

static void expect_refusal(const uint8_t *bytes, size_t size, const cella_verify_options *options,
                           cella_refusal_kind kind, const char *claim)
{
    static cella_claims claims;
    cella_refusal refusal = {0};
    cella_error error = {0};
    cella_status status = cella_evidence_verify(bytes, size, options, &claims, &refusal, &error);
    if (status != CELLA_REFUSED || refusal.kind != kind || strcmp(refusal.claim, claim) != 0)
        fail_msg("status %d, kind %d, %s", status, refusal.kind, error.sentence);
}

static void test_purpose(void **state)
{
    (void)state;
    uint8_t root[32], other[64] = "for somebody else";
    size_t size;
    cella_verify_options options = vector_options(root);
    uint8_t *bytes = vector("first.evidence", &size);
    options.report_data = other;
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_REPORT_DATA, "report_data");
    options.report_data = purpose;
    options.at += 7200;
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_TIME, "time");
    free(bytes);
}

/* The three images that its evidence says were booted. */
static void read_images(const uint8_t *bytes, size_t size, const cella_verify_options *options,
                        uint8_t images[][32])
{
    static cella_claims claims;
    char name[64], text[256];
    cella_error error = {0};
    assert_int_equal(cella_evidence_verify(bytes, size, options, &claims, NULL, &error), CELLA_OK);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "posture.boot_image_%zu", i + 1);
        assert_true(cella_claims_get(&claims, name, text) && hex_read(text, images[i], 32));
    }
}

/* Reference values of what may be booted. */
static void test_images(void **state)
{
    (void)state;
    static cella_claims claims;
    uint8_t root[32], images[4][32] = {{0}};
    size_t size;
    cella_error error = {0};
    cella_verify_options options = vector_options(root);
    uint8_t *bytes = vector("first.evidence", &size);
    read_images(bytes, size, &options, images);
    options.boot_images = (const uint8_t(*)[32])images;
    options.boot_image_count = 3;
    assert_int_equal(cella_evidence_verify(bytes, size, &options, &claims, NULL, &error), CELLA_OK);
    options.boot_image_count = 2; /* one more was booted; one less */
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_CLAIM, "boot_image");
    options.boot_image_count = 4;
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_CLAIM, "boot_image");
    options.boot_image_count = 3;
    uint8_t shim[32];
    memcpy(shim, images[0], 32);
    memcpy(images[0], images[1], 32);
    memcpy(images[1], shim, 32); /* the same, in another order */
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_CLAIM, "boot_image");
    memcpy(images[1], images[0], 32);
    memcpy(images[0], shim, 32);
    images[2][0] ^= 1;
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_CLAIM, "boot_image");
    options.boot_image_count = 0;
    assert_int_equal(cella_evidence_verify(bytes, size, &options, &claims, NULL, &error),
                     CELLA_INVALID);
    free(bytes);
}

/* The same as a demand of any evidence: what cannot show it is refused. */
static void test_demanded_images(void **state)
{
    (void)state;
    uint8_t root[32], images[3][32];
    size_t size;
    cella_verifier *verifier;
    cella_result *result;
    cella_error error = {0};
    cella_verify_options options = vector_options(root);
    uint8_t *bytes = vector("first.evidence", &size);
    read_images(bytes, size, &options, images);
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = options.at;
    demands.report_data = purpose;
    demands.boot_images = (const uint8_t(*)[32])images;
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    assert_int_equal(cella_verifier_add_root_key(verifier, root, &error), CELLA_OK);
    static const cella_status expected[] = {CELLA_INVALID, CELLA_REFUSED, CELLA_REFUSED, CELLA_OK};
    for (size_t i = 0; i < 4; i++) {
        demands.boot_image_count = i;
        assert_int_equal(cella_verify(verifier, bytes, size, &demands, &result, &error),
                         expected[i]);
        if (expected[i] == CELLA_REFUSED)
            assert_string_equal(cella_result_class(result), "POLICY");
        char *json = i > 0 ? cella_result_json(result) : NULL;
        assert_true(!json || !strstr(json, "were not compared"));
        free(json);
        cella_result_free(result);
    }
    cella_verifier_free(verifier);
    free(bytes);
}

/* Nothing but the whole is accepted, and nothing but the bytes as they are. */
static void test_bytes(void **state)
{
    (void)state;
    static cella_claims claims;
    uint8_t root[32];
    size_t size;
    cella_verify_options options = vector_options(root);
    uint8_t *bytes = vector("first.evidence", &size);
    for (size_t i = 0; i < size; i += i < 4096 ? 7 : 61) {
        uint8_t *part = malloc(i ? i : 1);
        memcpy(part, bytes, i);
        assert_int_not_equal(cella_evidence_verify(part, i, &options, &claims, NULL, NULL),
                             CELLA_OK);
        free(part);
        bytes[i] ^= 1;
        assert_int_not_equal(cella_evidence_verify(bytes, size, &options, &claims, NULL, NULL),
                             CELLA_OK);
        bytes[i] ^= 1;
    }
    assert_int_equal(cella_evidence_verify(bytes, size, &options, &claims, NULL, NULL), CELLA_OK);
    free(bytes);
}

/* ---- swtpm's ---- */

static char base[] = "/tmp/cella-vsm-tpm-XXXXXX";
static struct swtpm swtpm = {.folder = base};

static const char *in_base(const char *name)
{
    static char paths[4][128];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
    return path;
}

static bool power_on(void)
{
    return swtpm_on(&swtpm);
}

static void power_off(void)
{
    swtpm_off(&swtpm);
}

static int kept_open = -1; /* a connection for many extends, or none */

/* TPM2_PCR_Extend (part 3, 22.2). */
static void extend(uint32_t pcr, const uint8_t digest[32])
{
    uint8_t command[65] = {0x80, 2,    0, 0, 0, 65, 0, 0, 1, 0x82, 0, 0, 0, 0, 0, 0,   0,
                           9,    0x40, 0, 0, 9, 0,  0, 0, 0, 0,    0, 0, 0, 1, 0, 0x0b};
    uint8_t answer[64];
    command[13] = (uint8_t)pcr;
    memcpy(command + 33, digest, 32);
    int fd = kept_open >= 0 ? kept_open : swtpm_connect(&swtpm);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, command, sizeof(command)), sizeof(command));
    ssize_t size = read(fd, answer, sizeof(answer));
    if (fd != kept_open)
        close(fd);
    assert_true(size >= 10);
    assert_int_equal(answer[8] << 8 | answer[9], 0);
}

/* ---- logs ---- */

struct log {
    uint8_t bytes[1 << 22];
    size_t size;
};

static void put(struct log *log, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        log->bytes[log->size++] = (uint8_t)(value >> 8 * i);
}

static void put_bytes(struct log *log, const void *bytes, size_t size)
{
    memcpy(log->bytes + log->size, bytes, size);
    log->size += size;
}

static void write_log(const struct log *log, const char *name)
{
    int fd = open(in_base(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, log->bytes, log->size) == (ssize_t)log->size);
    close(fd);
}

/* eventlog.h; two banks, so that one has to be left out of evidence. */
static void begin_events(struct log *log)
{
    log->size = 0;
    put(log, 0, 4);
    put(log, 3, 4);
    put(log, 0, 8);
    put(log, 0, 8);
    put(log, 0, 4);
    put(log, 37, 4);
    put_bytes(log, "Spec ID Event03", 16);
    put(log, 0, 4);
    put(log, 0x02000200, 4);
    put(log, 2, 4);
    put(log, 0x00140004, 4); /* SHA-1, 20 */
    put(log, 0x0020000b, 4); /* SHA-256, 32 */
    put(log, 0, 1);
}

static void put_event(struct log *log, uint32_t pcr, uint32_t type, const uint8_t digest[32],
                      const void *data, size_t size)
{
    put(log, pcr, 4);
    put(log, type, 4);
    put(log, 2, 4);
    put(log, 4, 2);
    put_bytes(log, digest, 20);
    put(log, 0x0b, 2);
    put_bytes(log, digest, 32);
    put(log, size, 4);
    put_bytes(log, data, size);
    if (swtpm.process > 0)
        extend(pcr, digest);
}

static void hash(const void *bytes, size_t size, uint8_t digest[32])
{
    assert_int_equal(EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL), 1);
}

#define EV_SEPARATOR 4
#define EV_IPL       13
#define EV_VARIABLE  0x80000001
#define EV_PROGRAM   0x80000003
#define EV_AUTHORITY 0x800000e0

/* GRUB's: the text is measured without its prefix. */
static void put_text(struct log *log, const char *text)
{
    uint8_t digest[32];
    const char *colon = strchr(text, ':');
    const char *measured = colon ? colon + 2 : text;
    hash(measured, strlen(measured), digest);
    put_event(log, 8, EV_IPL, digest, text, strlen(text) + 1);
}

/* A machine with Secure Boot that started one program from each byte of `programs`. */
static void put_firmware(struct log *log, const char *programs, bool secure_boot)
{
    static const uint8_t separator[4];
    uint8_t variable[] =
        "\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c"
        "\x0a\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"
        "S\0e\0c\0u\0r\0e\0B\0o\0o\0t\0\x01";
    uint8_t digest[32];
    variable[52] = secure_boot;
    hash(variable, 53, digest);
    put_event(log, 7, EV_VARIABLE, digest, variable, 53);
    hash(separator, sizeof(separator), digest);
    for (uint32_t i = 0; i < 8; i++)
        put_event(log, i, EV_SEPARATOR, digest, separator, sizeof(separator));
    for (; *programs; programs++) {
        memset(digest, *programs, sizeof(digest));
        put_event(log, 4, EV_PROGRAM, digest, "", 0);
    }
}

#define LINE "console=ttyS0 lockdown=confidentiality sysctl.kernel.kexec_load_disabled=1"

static const char *line = LINE;

static void put_machine(struct log *log)
{
    char text[256];
    begin_events(log);
    put_firmware(log, "sgk", true);
    put_text(log, "grub_cmd: source (hd0)/grub.cfg");
    snprintf(text, sizeof(text), "grub_cmd: linux /vmlinuz %s", line);
    put_text(log, text);
    snprintf(text, sizeof(text), "kernel_cmdline: /vmlinuz %s", line);
    put_text(log, text);
    put_text(log, "grub_cmd: initrd /initrd");
    put_text(log, "grub_cmd: boot");
}

/* ima-ng (tpm/ima.h). */
static void put_file(struct log *log, const char *path, const uint8_t digest[32])
{
    uint8_t measured[32];
    static struct log store;
    struct log *data = &store;
    data->size = 0;
    put(data, 8 + 32, 4);
    put_bytes(data, "sha256:", 8);
    put_bytes(data, digest, 32);
    put(data, strlen(path) + 1, 4);
    put_bytes(data, path, strlen(path) + 1);
    hash(data->bytes, data->size, measured);
    put(log, 10, 4);
    put_bytes(log, measured, 20); /* SHA-1 in truth: the bank of SHA-256 does not have it */
    put(log, 6, 4);
    put_bytes(log, "ima-ng", 6);
    put(log, data->size, 4);
    put_bytes(log, data->bytes, data->size);
    if (swtpm.process > 0)
        extend(10, measured);
}

/* ---- what GRUB's commands show ---- */

static void read_texts(const char *const *texts, struct vsm_boot *boot)
{
    static struct log log;
    struct eventlog read = {0};
    cella_error error = {0};
    begin_events(&log);
    put_firmware(&log, "abb", true);
    for (size_t i = 0; texts[i]; i++)
        put_text(&log, texts[i]);
    if (eventlog_read(log.bytes, log.size, EVENTLOG_TCG2, &read, &error) ||
        vsm_boot_read(&read, boot, &error))
        fail_msg("%s", error.sentence);
    eventlog_free(&read);
}

static void test_commands(void **state)
{
    (void)state;
    static const struct {
        const char *texts[8];
        const char *line;
    } rows[] = {
        {{"grub_cmd: linux /k a b", "kernel_cmdline: /k a b", "grub_cmd: boot"}, "a b"},
        {{"grub_cmd: set x=1", "grub_cmd: y=2", "grub_cmd: linux /k a", "kernel_cmdline: /k a"},
         "a"},
        /* As update-grub writes it. */
        {{"grub_cmd: [  = 1 ]", "grub_cmd: menuentry Debian --id x {\n\tlinux /k b\n}",
          "grub_cmd: fwsetup --is-supported", "grub_cmd: setparams Debian",
          "grub_cmd: linux /k root=UUID=1 ro quiet", "kernel_cmdline: /k root=UUID=1 ro quiet",
          "grub_cmd: initrd /i"},
         "root=UUID=1 ro quiet"},
        {{"grub_cmd: linux /k", "kernel_cmdline: /k"}, ""},
        /* Another kernel may have been started. */
        {{"grub_cmd: linux /k a", "kernel_cmdline: /k a", "grub_cmd: chainloader /other"}, ""},
        {{"grub_cmd: linux /k a", "kernel_cmdline: /k a", "grub_cmd: linux /k b",
          "kernel_cmdline: /k b"},
         ""},
        {{"grub_cmd: linux /k a", "kernel_cmdline: /k a", "grub_cmd: linuxefi /k b",
          "kernel_cmdline: /k b"},
         ""},
        /* A line that is called a command; a command that is called a line. */
        {{"grub_cmd: linux /k a", "grub_cmd: /k a", "kernel_cmdline: /k b"}, ""},
        {{"kernel_cmdline: linux /k a", "kernel_cmdline: /k a"}, ""},
        {{"grub_cmd: linux /k a", "kernel_cmdline: /k a", "kernel_cmdline: /k b"}, ""},
        {{"grub_cmd: linux /k a", "kernel_cmdline: /k a b"}, ""},
        {{"grub_cmd: linux /k a"}, ""},
        {{"kernel_cmdline: /k a"}, ""},
        /* What parts words otherwise than spaces do. */
        {{"grub_cmd: linux /k \"a b\"", "kernel_cmdline: /k \"a b\""}, ""},
        {{"grub_cmd: linux /k a\\ b", "kernel_cmdline: /k a\\ b"}, ""},
        {{"grub_cmd: linux /k a\tb", "kernel_cmdline: /k a\tb"}, ""},
        {{"something else"}, ""},
        {{NULL}, ""},
    };
    struct vsm_boot boot;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_texts(rows[i].texts, &boot);
        assert_string_equal(boot.line, rows[i].line);
        assert_true(boot.secure_boot);
        assert_int_equal(boot.image_count, 2); /* one after the other counts once */
    }
}

/* A digest in PCR 8 whose text is not known may have been a command. */
static void test_hidden(void **state)
{
    (void)state;
    static struct log log;
    static const uint8_t digest[32] = {1};
    struct eventlog read = {0};
    struct vsm_boot boot;
    cella_error error;
    begin_events(&log);
    put_firmware(&log, "", false);
    put_text(&log, "grub_cmd: linux /k a");
    put_text(&log, "kernel_cmdline: /k a");
    put_event(&log, 8, EV_IPL, digest, "grub_cmd: boot", 15);
    assert_int_equal(eventlog_read(log.bytes, log.size, EVENTLOG_TCG2, &read, &error), CELLA_OK);
    assert_int_equal(vsm_boot_read(&read, &boot, &error), CELLA_OK);
    assert_string_equal(boot.line, "");
    assert_false(boot.secure_boot);
    assert_int_equal(boot.image_count, 0);
    eventlog_free(&read);
}

/* UEFI_VARIABLE_DATA; or, not measured, other data than those that were. */
static void put_variable(struct log *log, const char *name, const void *value, size_t size,
                         bool measured)
{
    static struct log data;
    uint8_t digest[32];
    data.size = 0;
    put(&data, 0, 8);
    put(&data, 0, 8);
    put(&data, strlen(name), 8);
    put(&data, size, 8);
    for (const char *at = name; *at; at++)
        put(&data, (uint8_t)*at, 2);
    put_bytes(&data, value, size);
    hash(data.bytes, data.size, digest);
    digest[0] ^= !measured;
    put_event(log, 7, EV_AUTHORITY, digest, data.bytes, data.size);
}

/* Who vouched for what was started; the shim may have been told not to ask. */
static void test_authorities(void **state)
{
    (void)state;
    static const uint8_t certificate[20] = {[16] = 0x30, 0x82, 1, 2};
    static const struct {
        const char *name;
        bool measured, good;
        size_t count;
    } rows[] = {
        {"db", true, true, 2},
        {"db", false, false, 1}, /* what was measured may have been the next one */
        {"MokSBState", true, false, 1},
        {"MokSBStatf", true, true, 2},
    };
    static struct log log;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct eventlog read = {0};
        struct vsm_boot boot;
        uint8_t digest[32];
        cella_error error;
        begin_events(&log);
        put_firmware(&log, "", true);
        put_variable(&log, "db", certificate, sizeof(certificate), true);
        put_variable(&log, "SbatLevel", "sbat,1", 6, true);
        put_variable(&log, rows[i].name, certificate, sizeof(certificate), rows[i].measured);
        assert_int_equal(eventlog_read(log.bytes, log.size, EVENTLOG_TCG2, &read, &error),
                         CELLA_OK);
        assert_int_equal(vsm_boot_read(&read, &boot, &error), CELLA_OK);
        assert_int_equal(boot.secure_boot, rows[i].good);
        assert_int_equal(boot.authority_count, rows[i].count);
        hash(certificate + 16, 4, digest);
        assert_memory_equal(boot.authorities[0], digest, 32);
        eventlog_free(&read);
    }
}

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool told, module; /* lockdown=confidentiality; the module lockdown */
    } rows[] = {
        {"quiet lockdown=confidentiality ro", true, true},
        {"lockdown=confidentiality lsm=yama,lockdown", true, true},
        {"lockdown=confidentiality lsm=yama,lockdowns", true, false},
        {"lockdown=confidentiality lsm=", true, false},
        {"lockdown=confidentiality lsm=lockdown lsm=yama", true, false},
        {"lockdown=confidentiality security=apparmor", true, false},
        {"lockdown=confidentiality lockdown=confidentiality", false, true},
        {"lockdown=integrity lockdown=confidentiality", false, true},
        {"lockdown=confidentialit", false, true},
        {"lockdown=confidentiality,", false, true},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsm_boot boot = {0};
        strcpy(boot.line, rows[i].line);
        if (vsm_boot_told(&boot, "lockdown=confidentiality") != rows[i].told ||
            vsm_boot_has_module(&boot, "lockdown") != rows[i].module)
            fail_msg("%s", rows[i].line);
    }
}

/* A word that is not known may undo what another does: no word counts then. */
static void test_unknown_parameters(void **state)
{
    (void)state;
    static const char *const words[] = {
        "initcall_blacklist=kexec_core_sysctl_init", /* no such sysctl: the word sets nothing */
        "initcall_blacklist=init_ima",
        "initcall-blacklist=init_ima",
        "driver_async_probe=tpm_tis",
        "acpi=off",
        "pci=off", /* IMA starts without a TPM */
        "tpm.disable_pcr_integrity=1",
        "bootconfig",
        "bootconfig=1",
        "bootconfi",
        "lockdown",
        "xlockdown=confidentiality",
        "--",
        "-- initcall_blacklist=init_ima",
        "sysctl/kernel/kexec_load_disabled=0",
        "sysctl.kernel/kexec_load_disabled=0",
        "sysctl.kernel.modprobe=/x",
        "console=uart8250,mmio,0x1000",
        "earlycon=uart,mmio,0x1000",
        "earlyprintk=0x3f8",
        "memmap=1G!4G",
        "mem=1G",
        "nopti",
        "mitigations=off",
        "mitigations=auto,",
        "ima_appraise=off",
        "module_blacklist=tpm_crb",
        "quiet=1",
        "roo=",
        "kexec_core.x",
        "rdinit=/x",
        "init=x",
        "a"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (int before = 0; before < 2; before++) {
            struct vsm_boot boot = {0};
            char parameter[CELLA_POSTURE_VALUE + 1] = "";
            snprintf(boot.line, sizeof(boot.line),
                     before ? "%s lockdown=confidentiality" : "lockdown=confidentiality %s",
                     words[i]);
            if (vsm_boot_told(&boot, "lockdown=confidentiality") ||
                vsm_boot_has_module(&boot, "lockdown") ||
                !vsm_boot_unknown(&boot, parameter, sizeof(parameter)) ||
                strncmp(parameter, words[i], strlen(parameter)) != 0)
                fail_msg("%s: %s", boot.line, parameter);
        }
    struct vsm_boot boot = {.line = "quiet initcall_blacklist=init_ima"};
    char cut[9];
    assert_true(vsm_boot_unknown(&boot, cut, sizeof(cut)));
    assert_string_equal(cut, "initcall");
}

/* Machines as they are installed, and the line that docs/attestation-vsm.md asks for. */
static void test_usual_parameters(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "BOOT_IMAGE=/boot/vmlinuz-6.1.0-25-amd64 root=UUID=3b9c ro quiet",
        "root=UUID=3b9c ro quiet splash crashkernel=2G-4G:320M,4G-32G:512M vt.handoff=7",
        "root=UUID=3b9c ro rootflags=subvol=root rd.luks.uuid=luks-1 rhgb quiet",
        "root=/dev/mapper/rl-root ro crashkernel=1G-4G:192M resume=/dev/mapper/rl-swap "
        "rd.lvm.lv=rl/root rhgb quiet",
        "root=PARTUUID=1 ro console=tty0 console=ttyS0,115200 earlyprintk=ttyS0,115200 "
        "consoleblank=0 net.ifnames=0 biosdevname=0 nvme_core.io_timeout=4294967295 panic=-1",
        "no_timer_check net.ifnames=0 console=tty1 console=ttyS0,115200n8 "
        "systemd.unified_cgroup_hierarchy=1 apparmor=1 selinux=0 audit=1 mitigations=auto,nosmt",
        "root=UUID=1 ro quiet intel_iommu=on iommu=pt hugepagesz=1G hugepages=4 kvm_amd.sev=1 "
        "sysctl.kernel.kexec_load_disabled=1 lockdown=confidentiality "
        "sysctl.kernel.yama.ptrace_scope=3 module.sig_enforce=1 ima_policy=tcb "
        "lsm=lockdown,yama,integrity,apparmor,bpf",
        /* tests/hosts/run measured */
        "console=ttyS0 quiet panic=-1 oops=panic random.trust_cpu=on "
        "lsm=lockdown,yama,integrity,bpf lockdown=confidentiality ima_policy=tcb "
        "rootfstype=ramfs module.sig_enforce=1 sysctl.kernel.yama.ptrace_scope=3 "
        "sysctl.kernel.kexec_load_disabled=1",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct vsm_boot boot = {0};
        char parameter[CELLA_POSTURE_VALUE + 1] = "";
        strcpy(boot.line, lines[i]);
        if (vsm_boot_unknown(&boot, parameter, sizeof(parameter)))
            fail_msg("%s: %s", lines[i], parameter);
    }
}

/* ---- a platform on swtpm ---- */

static char folder[128];
static uint8_t launcher[32], root[32];

static cella_platform_tpm places(void)
{
    static char events[128], ima[128];
    snprintf(events, sizeof(events), "%s/events", base);
    snprintf(ima, sizeof(ima), "%s/ima", base);
    return (cella_platform_tpm){swtpm.where, events, ima};
}

/* The kernel's first entry: the PCRs as it found them. */
static void put_aggregate(struct log *log, size_t count)
{
    uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE], digest[32];
    struct tpm_device *device;
    cella_error error;
    assert_int_equal(tpm_device_open(swtpm.where, &device, &error), CELLA_OK);
    assert_int_equal(tpm_device_read_pcrs(device, 0x3ff, values, &error), CELLA_OK);
    tpm_device_close(device);
    hash(values, count * sizeof(values[0]), digest);
    put_file(log, "boot_aggregate", digest);
}

/* The TPM starts anew, and is told what such a machine is told. */
static void boot(bool measure_launcher)
{
    static struct log log;
    uint8_t digest[32] = {7};
    power_off();
    assert_true(power_on());
    put_machine(&log);
    write_log(&log, "events");
    log.size = 0;
    put_aggregate(&log, 10);
    put_file(&log, "/init", digest);
    put_file(&log, "/usr/bin/test", measure_launcher ? launcher : digest);
    write_log(&log, "ima");
}

static int set_up(void **state)
{
    (void)state;
    uint64_t size;
    cella_error error = {0};
    if (!mkdtemp(base) || file_digest("/proc/self/exe", launcher, &size, &error))
        return -1;
    snprintf(folder, sizeof(folder), "%s/platform", base);
    if (!power_on())
        return 0; /* no swtpm: its tests are skipped */
    const cella_platform_tpm tpm = places();
    if (cella_platform_init_tpm(folder, &tpm, &error)) {
        print_error("%s\n", error.sentence);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    power_off();
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

static void need_swtpm(void)
{
    swtpm_needed(&swtpm);
}

static uint8_t *evidence_of(cella_platform *platform, size_t *size)
{
    uint8_t *bytes, with_purpose[REPORT_SIZE];
    cella_error error = {0};
    memcpy(with_purpose, report, sizeof(report));
    memcpy(with_purpose + REPORT_DATA, purpose, sizeof(purpose));
    if (cella_platform_evidence(platform, with_purpose, "vsm", &bytes, size, &error))
        fail_msg("%s", error.sentence);
    return bytes;
}

static cella_verify_options options_of(const cella_platform *platform)
{
    cella_verify_options options;
    cella_verify_options_default(&options);
    if (platform)
        memcpy(root, cella_platform_root(platform), 32);
    options.at = time(NULL);
    options.roots = (const uint8_t(*)[32]) & root;
    options.root_count = 1;
    options.report_data = purpose;
    return options;
}

static cella_platform *open_platform(void)
{
    cella_platform *platform;
    cella_error error = {0};
    if (cella_platform_open(folder, &platform, &error))
        fail_msg("%s", error.sentence);
    return platform;
}

static void expect_no_platform(const char *sentence)
{
    cella_platform *platform;
    cella_error error = {0};
    assert_int_not_equal(cella_platform_open(folder, &platform, &error), CELLA_OK);
    assert_sentence(&error, sentence);
}

static void read_claims(cella_claims *claims)
{
    size_t size;
    cella_error error = {0};
    cella_platform *platform = open_platform();
    cella_verify_options options = options_of(platform);
    uint8_t *bytes = evidence_of(platform, &size);
    if (cella_evidence_verify(bytes, size, &options, claims, NULL, &error))
        fail_msg("%s", error.sentence);
    free(bytes);
    cella_platform_close(platform);
}

/* The key that quotes may be demanded, whoever certified it. */
static void test_pinned(uint8_t key[32])
{
    static cella_claims claims;
    size_t size;
    cella_error error = {0};
    cella_platform *platform = open_platform();
    assert_memory_equal(cella_platform_tpm_key(platform), key, 32);
    cella_verify_options options = options_of(platform);
    uint8_t *bytes = evidence_of(platform, &size);
    options.attestation_key = key;
    if (cella_evidence_verify(bytes, size, &options, &claims, NULL, &error))
        fail_msg("%s", error.sentence);
    key[31] ^= 1;
    expect_refusal(bytes, size, &options, CELLA_REFUSAL_ROOT, "tpm_key");
    free(bytes);
    cella_platform_close(platform);
}

static void test_platform(void **state)
{
    (void)state;
    static cella_claims claims;
    need_swtpm();
    boot(true);
    read_claims(&claims);
    expect_claim(&claims, "tpm", "true");
    expect_claim(&claims, "launcher_proof", "proved");
    assert_string_equal(claims.command_line, LINE);
    char text[256];
    assert_true(cella_claims_get(&claims, "posture.tpm_key", text));
    uint8_t key[32];
    assert_true(hex_read(text, key, sizeof(key)));
    test_pinned(key);
    assert_true(cella_claims_get(&claims, "posture.boot_image_3", text));
    assert_false(cella_claims_get(&claims, "posture.boot_image_4", text));
    assert_true(cella_claims_get(&claims, "posture.tpm_resets", text));
    assert_int_equal(access(in_base("platform/platform.key"), F_OK), -1);
    /* This machine is not the one that the TPM was told of: nothing follows. */
    expect_claim(&claims, "posture.kernel_proof", "asserted");
}

/* The launcher was changed since: what the kernel measured is not what runs. */
static void test_launcher(void **state)
{
    (void)state;
    static cella_claims claims;
    need_swtpm();
    boot(false);
    read_claims(&claims);
    expect_claim(&claims, "launcher_proof", "asserted");
}

static void test_reset(void **state)
{
    (void)state;
    static cella_claims claims[2];
    char resets[2][256];
    need_swtpm();
    boot(true);
    read_claims(&claims[0]);
    /* The TPM alone: the logs are of PCRs that it has no more. */
    power_off();
    assert_true(power_on());
    expect_no_platform("tpm.events: expected PCR 0 0000");
    boot(true);
    read_claims(&claims[1]);
    for (size_t i = 0; i < 2; i++)
        assert_true(cella_claims_get(&claims[i], "posture.tpm_resets", resets[i]));
    assert_true(atoll(resets[1]) > atoll(resets[0]));
}

/* A log that is not what was measured, or of which something is missing. */
static void test_logs(void **state)
{
    (void)state;
    static struct log log;
    static cella_claims claims;
    static const uint8_t digest[32] = {9};
    need_swtpm();
    boot(true);
    pid_t kept = swtpm.process;
    swtpm.process = 0; /* the TPM is not told */
    begin_events(&log);
    put_firmware(&log, "sgk", true);
    put_text(&log, "grub_cmd: linux /vmlinuz " LINE);
    write_log(&log, "events");
    swtpm.process = kept;
    expect_no_platform("tpm.events: expected PCR 8");
    unlink(in_base("events"));
    read_claims(&claims); /* without one nothing is known of the boot */
    assert_string_equal(claims.command_line, "");
    expect_claim(&claims, "launcher_proof", "asserted");
    put_machine(&log);
    /* Extended by root, with no entry: the log is not all. */
    boot(true);
    extend(10, digest);
    expect_no_platform("IMA log: none of its 3 entries leads");
    boot(true);
    extend(4, digest);
    expect_no_platform("tpm.events: expected PCR 4");
}

/* As long as a machine's that runs for weeks: the digests of all entries are in the evidence, and
 * of the entries those that are asked for. */
static void test_long_log(void **state)
{
    (void)state;
    static struct log log;
    static cella_claims claims;
    uint8_t digest[32] = {7};
    char path[64];
    need_swtpm();
    for (int measured = 0; measured < 2; measured++) {
        const size_t entries = measured ? 20000 : 1200;
        boot(false);
        power_off();
        assert_true(power_on());
        put_machine(&log);
        log.size = 0;
        put_aggregate(&log, 10);
        kept_open = swtpm_connect(&swtpm);
        for (size_t i = 0; i < entries; i++) {
            snprintf(path, sizeof(path), "/usr/lib/a-library-of-%zu", i);
            put_file(&log, path, digest);
        }
        if (measured)
            put_file(&log, "/usr/bin/test", launcher);
        put_file(&log, "/usr/bin/last", digest);
        close(kept_open);
        kept_open = -1;
        write_log(&log, "ima");
        read_claims(&claims);
        expect_claim(&claims, "launcher_proof", measured ? "proved" : "asserted");
        assert_string_equal(claims.command_line, LINE);
        cella_platform *platform = open_platform();
        size_t size;
        free(evidence_of(platform, &size));
        cella_platform_close(platform);
        assert_in_range(size, 32 * entries, 32 * entries + 16384);
    }
    log.size -= 4; /* cut off */
    write_log(&log, "ima");
    expect_no_platform("IMA log");
}

/* Where there is no room for the digests of all entries there is none for any: a part proves
 * nothing. */
static void test_no_room(void **state)
{
    (void)state;
    uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE];
    struct tpm_device *device;
    struct platform_log log;
    cella_error error;
    need_swtpm();
    boot(true); /* three entries */
    assert_int_equal(tpm_device_open(swtpm.where, &device, &error), CELLA_OK);
    assert_int_equal(tpm_device_read_pcrs(device, 1 << IMA_PCR, values, &error), CELLA_OK);
    tpm_device_close(device);
    for (size_t most = 95; most <= 96; most++) {
        if (platform_log_ima(in_base("ima"), values[IMA_PCR], launcher, most, &log, &error))
            fail_msg("%s", error.sentence);
        assert_int_equal(log.digests_size, most == 96 ? 96 : 0);
        assert_true(most == 96 || log.size == 0);
        free(log.bytes);
        free(log.digests);
    }
}

/* Nothing but an entry of PCR 10, which root can extend as the kernel can. */
static void test_launcher_alone(void **state)
{
    (void)state;
    static struct log log;
    static cella_claims claims;
    need_swtpm();
    enum { NO_AGGREGATE, NO_SECURE_BOOT, CASES };
    for (int at = NO_AGGREGATE; at < CASES; at++) {
        power_off();
        assert_true(power_on());
        begin_events(&log);
        put_firmware(&log, "sgk", at != NO_SECURE_BOOT);
        put_text(&log, "grub_cmd: linux /vmlinuz " LINE);
        put_text(&log, "kernel_cmdline: /vmlinuz " LINE);
        write_log(&log, "events");
        log.size = 0;
        if (at != NO_AGGREGATE)
            put_aggregate(&log, 10);
        put_file(&log, "/usr/bin/test", launcher);
        write_log(&log, "ima");
        read_claims(&claims);
        expect_claim(&claims, "launcher_proof", "asserted");
    }
}

/* A kernel that GRUB did not start. Root tells the TPM afterwards what GRUB would have. */
static void test_made_up(void **state)
{
    (void)state;
    static struct log events, ima;
    static cella_claims claims;
    static const uint8_t digest[32] = {7};
    need_swtpm();
    /* PCRs in the kernel's first entry; Linux before 5.8 measured 8. */
    for (size_t aggregate = 0; aggregate <= 10; aggregate += 2) {
        if (aggregate > 0 && aggregate < 8)
            continue;
        power_off();
        assert_true(power_on());
        begin_events(&events);
        put_firmware(&events, "sgk", true);
        ima.size = 0;
        if (aggregate)
            put_aggregate(&ima, aggregate);
        put_file(&ima, "/init", digest);
        put_text(&events, "grub_cmd: linux /vmlinuz " LINE);
        put_text(&events, "kernel_cmdline: /vmlinuz " LINE);
        write_log(&events, "events");
        write_log(&ima, "ima");
        if (aggregate == 10) {
            expect_no_platform("tpm.ima: expected a boot_aggregate of the PCRs quoted");
            continue;
        }
        read_claims(&claims); /* without it nobody knows when those were measured */
        assert_string_equal(claims.command_line, "");
    }
}

/* ---- altered on the way ---- */

static const char *const names[] = {"quote",  "signature", "key",        "pcrs",
                                    "events", "ima",       "ima_digests"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static X509 *read_certificate(const char *in, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", in, name);
    FILE *file = fopen(path, "r");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    assert_non_null(certificate);
    fclose(file);
    return certificate;
}

/* Evidence whose "tpm" has other bytes under one name, signed all the same. */
static uint8_t *forge(const char *name, const void *other, size_t other_size, X509 *leaf,
                      EVP_PKEY *signer, size_t *size)
{
    struct cbor_writer map = {0}, payload = {0};
    struct cbor_item read, value;
    struct cose_chain chain = {.count = 2};
    uint8_t *tpm, *bytes, *der[2] = {NULL, NULL};
    size_t tpm_size;
    EVP_PKEY *session;
    cella_error error = {0};
    X509 *own = read_certificate(folder, "platform.pem"),
         *above = read_certificate(folder, "root.pem");
    assert_true(certificate_key_hash(above, root));
    if (platform_tpm_open(folder, X509_get0_pubkey(own), launcher, &session, &tpm, &tpm_size,
                          &error))
        fail_msg("%s", error.sentence);
    assert_true(cbor_decode(tpm, tpm_size, &read));
    size_t begin = cbor_map_begin(&map);
    for (size_t i = 0; i < NAMES; i++) {
        assert_true(cbor_find(&read, names[i], &value));
        cbor_put_text(&map, names[i]);
        if (name && strcmp(name, names[i]) == 0 && other) {
            cbor_put_bytes(&map, other, other_size);
        } else if (name && strcmp(name, names[i]) == 0) { /* its last byte but 3: in no size */
            uint8_t *copy = malloc(value.size);
            memcpy(copy, value.bytes, value.size);
            copy[value.size - 4] ^= 1;
            cbor_put_bytes(&map, copy, value.size);
            free(copy);
        } else {
            cbor_put_bytes(&map, value.bytes, value.size);
        }
    }
    cbor_map_end(&map, begin);
    begin = cbor_map_begin(&payload);
    cbor_put_text(&payload, "version");
    cbor_put_unsigned(&payload, 1);
    cbor_put_text(&payload, "tee");
    cbor_put_text(&payload, "vsm");
    cbor_put_text(&payload, "report");
    uint8_t with_purpose[REPORT_SIZE];
    memcpy(with_purpose, report, sizeof(report));
    memcpy(with_purpose + REPORT_DATA, purpose, sizeof(purpose));
    cbor_put_bytes(&payload, with_purpose, REPORT_SIZE);
    cbor_put_text(&payload, "time");
    cbor_put_integer(&payload, time(NULL));
    cbor_put_text(&payload, "launcher");
    cbor_put_bytes(&payload, launcher, 32);
    cbor_put_text(&payload, "posture");
    size_t rows = cbor_map_begin(&payload);
    cbor_put_text(&payload, "lockdown");
    cbor_put_text(&payload, "confidentiality");
    cbor_map_end(&payload, rows);
    if (!name || strcmp(name, "none") != 0) {
        cbor_put_text(&payload, "tpm");
        cbor_put_bytes(&payload, map.bytes, map.size);
    }
    cbor_map_end(&payload, begin);
    X509 *certificates[] = {leaf ? leaf : own, above};
    for (size_t i = 0; i < 2; i++) {
        int length = i2d_X509(certificates[i], &der[i]);
        chain.certificates[i] = (struct cose_certificate){der[i], (size_t)length};
    }
    if (cose_sign(signer ? signer : session, EVIDENCE_CONTENT_TYPE, &chain, payload.bytes,
                  payload.size, &bytes, size, &error))
        fail_msg("%s", error.sentence);
    for (size_t i = 0; i < 2; i++)
        OPENSSL_free(der[i]);
    cbor_drop(&map);
    cbor_drop(&payload);
    X509_free(own);
    X509_free(above);
    EVP_PKEY_free(session);
    free(tpm);
    return bytes;
}

static void expect_forged(const char *name, const void *other, size_t other_size, X509 *leaf,
                          EVP_PKEY *signer, cella_refusal_kind kind, const char *claim)
{
    size_t size;
    uint8_t *bytes = forge(name, other, other_size, leaf, signer, &size);
    cella_verify_options options = options_of(NULL);
    expect_refusal(bytes, size, &options, kind, claim);
    free(bytes);
}

static void test_altered(void **state)
{
    (void)state;
    static cella_claims claims;
    cella_error error = {0};
    uint8_t *key = NULL;
    size_t size;
    need_swtpm();
    boot(true);
    expect_forged("quote", NULL, 0, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.quote");
    expect_forged("signature", NULL, 0, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.quote");
    expect_forged("pcrs", NULL, 0, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.pcrs");
    expect_forged("key", NULL, 0, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.key");
    expect_forged("ima_digests", NULL, 0, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.ima");
    expect_forged("ima", NULL, 0, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.ima");
    /* A key that the TPM did not quote, however well it signs. */
    EVP_PKEY *other = EVP_EC_gen("P-256");
    int key_size = i2d_PUBKEY(other, &key);
    expect_forged("key", key, (size_t)key_size, NULL, other, CELLA_REFUSAL_TPM, "tpm.key");
    expect_forged(NULL, NULL, 0, NULL, other, CELLA_REFUSAL_SIGNATURE, "signature");
    /* An attestation key's certificate is for nothing but quotes. */
    expect_forged("none", NULL, 0, NULL, NULL, CELLA_REFUSAL_ROOT, "certificate");
    /* As it is: accepted, and lockdown is proved. */
    cella_verify_options options = options_of(NULL);
    uint8_t *bytes = forge(NULL, NULL, 0, NULL, NULL, &size);
    if (cella_evidence_verify(bytes, size, &options, &claims, NULL, &error))
        fail_msg("%s", error.sentence);
    expect_claim(&claims, "posture.lockdown_proof", "proved");
    free(bytes);
    OPENSSL_free(key);
    EVP_PKEY_free(other);
}

/* The line is not all: root could have started another kernel since. */
static void test_kexec(void **state)
{
    (void)state;
    static const struct {
        const char *line, *proof, *launcher;
    } rows[] = {
        {"lockdown=confidentiality", "asserted", "asserted"},
        {LINE " lsm=yama", "asserted", "proved"},
        {LINE " initcall_blacklist=kexec_core_sysctl_init", "asserted", "asserted"},
        {LINE, "proved", "proved"},
    };
    char unknown[256];
    static cella_claims claims;
    cella_error error = {0};
    size_t size;
    need_swtpm();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        line = rows[i].line;
        boot(true);
        uint8_t *bytes = forge(NULL, NULL, 0, NULL, NULL, &size);
        cella_verify_options options = options_of(NULL);
        if (cella_evidence_verify(bytes, size, &options, &claims, NULL, &error))
            fail_msg("%s", error.sentence);
        assert_string_equal(claims.command_line, line);
        expect_claim(&claims, "posture.lockdown_proof", rows[i].proof);
        expect_claim(&claims, "launcher_proof", rows[i].launcher);
        assert_int_equal(cella_claims_get(&claims, "posture.boot_parameter_unknown", unknown),
                         i == 2);
        if (i == 2)
            assert_string_equal(unknown, "initcall_blacklist=kexec_core_sysctl_init");
        free(bytes);
    }
}

/* Root's own boot_aggregate is not the first entry, whatever is shown of the log. */
static void test_second_aggregate(void **state)
{
    (void)state;
    static struct log events, ima;
    static cella_claims claims;
    cella_error error = {0};
    size_t size, first;
    need_swtpm();
    power_off();
    assert_true(power_on());
    put_machine(&events);
    write_log(&events, "events");
    ima.size = 0;
    put_aggregate(&ima, 9);
    first = ima.size;
    put_aggregate(&ima, 10);
    write_log(&ima, "ima");
    uint8_t *bytes = forge("ima", ima.bytes + first, ima.size - first, NULL, NULL, &size);
    cella_verify_options options = options_of(NULL);
    if (cella_evidence_verify(bytes, size, &options, &claims, NULL, &error))
        fail_msg("%s", error.sentence);
    assert_string_equal(claims.command_line, "");
    expect_claim(&claims, "posture.lockdown_proof", "asserted");
    free(bytes);
}

/* A log of another boot, with other words. */
static void test_other_log(void **state)
{
    (void)state;
    static struct log log;
    need_swtpm();
    boot(true);
    pid_t kept = swtpm.process;
    swtpm.process = 0;
    begin_events(&log);
    put_firmware(&log, "sgk", true);
    swtpm.process = kept;
    expect_forged("events", log.bytes, log.size, NULL, NULL, CELLA_REFUSAL_TPM, "tpm.events");
}

/* The quote of one TPM's key under the certificate of another's. */
static void test_other_key(void **state)
{
    (void)state;
    char second[128];
    cella_error error = {0};
    need_swtpm();
    boot(true);
    snprintf(second, sizeof(second), "%s/second", base);
    const cella_platform_tpm tpm = places();
    if (cella_platform_init_tpm(second, &tpm, &error))
        fail_msg("%s", error.sentence);
    FILE *file = fopen(in_base("platform/root.key"), "r");
    EVP_PKEY *root_key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    assert_non_null(root_key);
    fclose(file);
    X509 *above = read_certificate(folder, "root.pem"),
         *its = read_certificate(second, "platform.pem");
    X509 *leaf = certificate_make_attestation(X509_get0_pubkey(its), above, root_key);
    X509 *plain = certificate_make(X509_get0_pubkey(its), above, root_key);
    assert_true(leaf && plain);
    expect_forged(NULL, NULL, 0, leaf, NULL, CELLA_REFUSAL_TPM, "tpm.quote");
    /* A certificate that is no attestation key's. */
    expect_forged(NULL, NULL, 0, plain, NULL, CELLA_REFUSAL_ROOT, "certificate");
    X509_free(leaf);
    X509_free(plain);
    X509_free(its);
    X509_free(above);
    EVP_PKEY_free(root_key);
}

/* TPM2_HierarchyChangeAuth (part 3, 24.8) of the owner: to "x", or back. */
static void set_password(bool set)
{
    static const uint8_t to[] = {0x80, 2, 0, 0,    0, 30, 0, 0, 1, 0x29, 0x40, 0, 0, 1, 0,
                                 0,    0, 9, 0x40, 0, 0,  9, 0, 0, 0,    0,    0, 0, 1, 'x'};
    static const uint8_t back[] = {0x80, 2, 0,  0,    0, 30, 0, 0, 1, 0x29, 0x40, 0, 0,   1, 0,
                                   0,    0, 10, 0x40, 0, 0,  9, 0, 0, 0,    0,    1, 'x', 0, 0};
    uint8_t answer[64];
    int fd = swtpm_connect(&swtpm);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, set ? to : back, 30), 30);
    assert_true(read(fd, answer, sizeof(answer)) >= 10);
    close(fd);
    assert_int_equal(answer[8] << 8 | answer[9], 0);
}

/* What an owner can do something about is said in words. */
static void test_explained(void **state)
{
    (void)state;
    char third[128], path[160], text[512] = "";
    cella_error error = {0};
    const cella_platform_tpm tpm = places();
    need_swtpm();
    boot(true);
    snprintf(third, sizeof(third), "%s/third", base);
    set_password(true);
    assert_int_not_equal(cella_platform_init_tpm(third, &tpm, &error), CELLA_OK);
    assert_sentence(&error, "hierarchy has a password, and cella uses none");
    set_password(false);
    assert_int_equal(cella_platform_init_tpm(third, &tpm, &error), CELLA_OK);
    /* a key that is not there */
    snprintf(path, sizeof(path), "%s/tpm.json", third);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    char *handle = strstr(text, "0x8102");
    assert_non_null(handle);
    memcpy(handle + 6, "00ee", 4);
    rewind(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    cella_platform *platform;
    assert_int_not_equal(cella_platform_open(third, &platform, &error), CELLA_OK);
    assert_sentence(&error, "its key was removed, or the TPM was cleared");
}

/* What cannot be reached, or is not there any more. */
static void test_no_tpm(void **state)
{
    (void)state;
    cella_platform_tpm tpm = places();
    char none[128];
    cella_error error = {0};
    snprintf(none, sizeof(none), "%s/none", base);
    tpm.tcti = "mssim:host=localhost";
    assert_int_equal(cella_platform_init_tpm(none, &tpm, &error), CELLA_INVALID);
    assert_sentence(&error, "names no TPM");
    tpm.tcti = "device:/dev/none";
    assert_int_equal(cella_platform_init_tpm(none, &tpm, &error), CELLA_SYSTEM);
    assert_sentence(&error, "cannot be reached");
    assert_int_equal(access(none, F_OK), -1); /* nothing is left behind */
    need_swtpm();
    power_off();
    expect_no_platform("the TPM cannot be reached");
}

/* What is cut out of a log is cut between binary entries. */
static void test_text_log(void **state)
{
    (void)state;
    static const uint8_t zeros[32];
    struct platform_log log;
    char path[PATH_MAX];
    cella_error error = {0};
    snprintf(path, sizeof(path), "%s/tests/vectors/attest/tpm/cella/ima_log",
             getenv("CELLA_SOURCE"));
    assert_int_equal(platform_log_ima(path, zeros, zeros, 1 << 16, &log, &error), CELLA_INVALID);
    assert_sentence(&error, "in text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine),          cmocka_unit_test(test_second_boot),
        cmocka_unit_test(test_purpose),          cmocka_unit_test(test_images),
        cmocka_unit_test(test_demanded_images),  cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_commands),         cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_authorities),      cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_text_log),         cmocka_unit_test(test_unknown_parameters),
        cmocka_unit_test(test_usual_parameters),
    };
    const struct CMUnitTest on_swtpm[] = {
        cmocka_unit_test(test_platform),
        cmocka_unit_test(test_launcher),
        cmocka_unit_test(test_launcher_alone),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_long_log),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_made_up),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_kexec),
        cmocka_unit_test(test_second_aggregate),
        cmocka_unit_test(test_other_log),
        cmocka_unit_test(test_other_key),
        cmocka_unit_test(test_explained),
        cmocka_unit_test(test_no_tpm), /* the last: the TPM is off then */
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return cmocka_run_group_tests(on_swtpm, set_up, tear_down) + failed;
}
