/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence for a program inside, over every TEE that works here: the report that the host's
 * callback is given, and what the program gets of what it makes. argv[1]: the program (inside.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tee/tee.h"

#include <cella/attest.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD 16u /* bytes that say which TEE, before the report */

static const char *program;
static const char *tee;

/* What is asked of the callback. */
struct wish {
    size_t size; /* of the evidence; 0: the TEE's name and the report */
    bool fails;
};

static cella_status evidence(void *context, const uint8_t report[CELLA_REPORT_BYTES],
                             const char *where, uint8_t **bytes, size_t *size, cella_error *error)
{
    const struct wish *wish = context;
    if (wish->fails) {
        snprintf(error->sentence, sizeof(error->sentence), "the pen is broken");
        return error->status = CELLA_SYSTEM;
    }
    *size = wish->size ? wish->size : HEAD + CELLA_REPORT_BYTES;
    *bytes = calloc(1, *size);
    if (!*bytes)
        return CELLA_MEMORY;
    /* What a signature takes is allowed in a confined process. */
    unsigned char random[32];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return CELLA_SYSTEM;
    snprintf((char *)*bytes, HEAD, "%s", where);
    if (!wish->size)
        memcpy(*bytes + HEAD, report, CELLA_REPORT_BYTES);
    return CELLA_OK;
}

struct run {
    const char *what; /* argv[1] */
    cella_evidence *evidence;
    struct wish wish;
    cella_platform *platform; /* in place of the wish */
    bool debug;
    char output[310000];
    size_t length;
    char logged[600];
    cella_identity identity;
    int status;
};

static void log_sentence(void *context, const char *sentence)
{
    struct run *run = context;
    snprintf(run->logged, sizeof(run->logged), "%s", sentence);
}

static void run_inside(struct run *run, int output)
{
    char manifest[256], path[] = "/tmp/cella-attestation-XXXXXX";
    snprintf(manifest, sizeof(manifest),
             "{\"cella\": 1, \"attestation\": true, \"heap_size\": \"64M\", \"threads\": 2, "
             "\"arguments\": [\"inside\", \"%s\"]}",
             run->what);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, manifest, strlen(manifest)) == (ssize_t)strlen(manifest));
    close(fd);

    cella_image *image = NULL;
    cella_enclave *enclave = NULL;
    cella_outcome outcome;
    cella_error error = {0};
    cella_options options;
    cella_options_default(&options);
    options.tee = strcmp(tee, "vsm") == 0 ? CELLA_TEE_VSM : CELLA_TEE_PROCESS;
    options.streams[1] = output;
    options.insecure_debug = run->debug;
    options.confine = CELLA_CONFINE_PROCESS;
    options.log = log_sentence;
    options.log_context = run;
    options.evidence = run->evidence;
    options.evidence_context = run->platform ? (void *)run->platform : &run->wish;
    if (cella_image_pack(program, path, NULL, &image, &error))
        fail_msg("%s", error.sentence);
    unlink(path);
    assert_true(cella_image_takes_evidence(image));
    assert_int_equal(cella_image_identity(image, &run->identity, &error), CELLA_OK);
    assert_true(run->identity.takes_evidence);
    if (cella_start(image, &options, &enclave, &error) || cella_wait(enclave, &outcome, &error))
        fail_msg("%s", error.sentence);
    run->status = outcome.end == CELLA_END_EXITED ? outcome.status : -1;
}

/* In a process of its own, which stays confined. */
static void in_child(struct run *shared)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    assert_true(output >= 0);
    pid_t child = fork();
    if (child == 0) {
        run_inside(shared, output);
        shared->length = (size_t)lseek(output, 0, SEEK_CUR);
        _exit(pread(output, shared->output, sizeof(shared->output), 0) < 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(output);
}

static struct run *run(const struct run *wanted)
{
    static struct run *shared;
    if (!shared)
        shared =
            mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    *shared = *wanted;
    in_child(shared);
    return shared;
}

static const uint8_t *report_of(const struct run *done)
{
    char head[HEAD + 16];
    int length = snprintf(head, sizeof(head), "cella-%s\n", tee);
    assert_int_equal(done->status, 0);
    assert_int_equal(done->length, (size_t)length + HEAD + CELLA_REPORT_BYTES);
    assert_memory_equal(done->output, head, (size_t)length);
    assert_string_equal(done->output + length, tee);
    return (const uint8_t *)done->output + length + HEAD;
}

static void test_report(void **state)
{
    static const uint8_t zero[CELLA_REPORT_BYTES];
    uint8_t data[64] = "for whom it is";
    (void)state;
    for (int debug = 0; debug < 2; debug++) {
        struct run *done =
            run(&(struct run){.what = "quote", .evidence = evidence, .debug = debug});
        const uint8_t *report = report_of(done);
        const uint8_t attributes[16] = {debug ? 7 : 5, [8] = 3};
        assert_memory_equal(report, zero, 48);
        assert_memory_equal(report + 48, attributes, 16);
        assert_memory_equal(report + 64, done->identity.mrenclave, 32);
        assert_memory_equal(report + 96, zero, 224);
        assert_memory_equal(report + 320, data, 64);
        assert_memory_not_equal(report + 64, zero, 32);
    }
}

static void test_none(void **state)
{
    (void)state;
    struct run *done = run(&(struct run){.what = "none"});
    assert_int_equal(done->status, 0);
    assert_int_equal(done->length, 5);
    assert_memory_equal(done->output, "none\n", 5);
}

static void test_fails(void **state)
{
    (void)state;
    struct run *done =
        run(&(struct run){.what = "none", .evidence = evidence, .wish = {.fails = true}});
    assert_int_equal(done->status, 0);
    assert_string_equal(done->logged, "no evidence for the program: the pen is broken");
    done =
        run(&(struct run){.what = "none", .evidence = evidence, .wish = {.size = (4 << 20) + 1}});
    assert_int_equal(done->status, 0);
    assert_non_null(strstr(done->logged, "4194305 bytes"));
    done = run(&(struct run){.what = "quote", .evidence = evidence, .wish = {.size = 300000}});
    assert_int_equal(done->status, 0);
    assert_int_equal(done->length, 300000 + strcspn(done->output, "\n") + 1);
}

/* A platform's, which opens no file in the confined process; verified out here. */
static void test_verified(void **state)
{
    (void)state;
    char base[] = "/tmp/cella-attestation-XXXXXX", folder[64], command[64], head[32];
    uint8_t data[64] = "for whom it is";
    cella_platform *platform = NULL;
    cella_error error;
    static cella_claims claims;
    assert_non_null(mkdtemp(base));
    snprintf(folder, sizeof(folder), "%s/platform", base);
    if (cella_platform_init(folder, &error) || cella_platform_open(folder, &platform, &error))
        fail_msg("%s", error.sentence);
    snprintf(command, sizeof(command), "rm -r %s", base);
    assert_int_equal(system(command), 0);
    struct run *done = run(
        &(struct run){.what = "quote", .evidence = cella_platform_evidence, .platform = platform});
    assert_int_equal(done->status, 0);
    size_t length = (size_t)snprintf(head, sizeof(head), "cella-%s\n", tee);
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.at = time(NULL);
    options.most_age = 300;
    options.roots = (const uint8_t(*)[32])cella_platform_root(platform);
    options.root_count = 1;
    options.report_data = data;
    if (cella_evidence_verify((const uint8_t *)done->output + length, done->length - length,
                              &options, &claims, NULL, &error))
        fail_msg("%s", error.sentence);
    assert_string_equal(claims.tee, tee);
    assert_memory_equal(claims.mrenclave, done->identity.mrenclave, 32);
    cella_platform_close(platform);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_fails),
        cmocka_unit_test(test_verified),
    };
    int failed = 0;
    assert_int_equal(argc, 2);
    program = argv[1];
    for (size_t i = 0; i < 2; i++) {
        struct tee_probe probe;
        (i ? &tee_vsm : &tee_process)->probe(&probe);
        tee = i ? "vsm" : "process";
        if (probe.works)
            failed += cmocka_run_group_tests_name(tee, tests, NULL, NULL);
        else
            print_message("skipped: no %s here: %s\n", tee, probe.summary);
    }
    return failed;
}
