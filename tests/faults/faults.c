/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever libcella asks of the system may fail. Each scenario runs with the first call of a kind
 * failing, then the second, and so on until it runs through without a failure. Each time it has to
 * end with an error and a sentence, or rightly: then its result is the one that it has without
 * faults. Nothing may be left: no descriptor, no mapping of an enclave, no half of a file (and no
 * memory, when this is built with LeakSanitizer). argv[1]: least.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image/image.h"
#include "image/manifest.h"
#include "inject.h"
#include "tests/skip.h"

#include <cella/cella.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_CALLS 5000ul
#define LARGE      (UINT64_C(512) << 20) /* no mapping but an enclave's is as large */

static const char *program;
static char folder[64], manifest_path[96], image_path[96], target_path[96];
static cella_image *image;

/* What a scenario gave: an error, or the bytes of its result. */
struct result {
    cella_status status;
    cella_error error;
    char *bytes;
    size_t size;
};

typedef void scenario(struct result *result);

static void keep(struct result *result, const void *bytes, size_t size)
{
    result->bytes = realloc(result->bytes, result->size + size + 1);
    assert_non_null(result->bytes);
    memcpy(result->bytes + result->size, bytes, size);
    result->size += size;
    result->bytes[result->size] = 0;
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* ---- the scenarios ---- */

static void run_manifest(struct result *result)
{
    struct manifest *manifest = NULL;
    result->status = manifest_open(manifest_path, &manifest, &result->error);
    if (result->status)
        return;
    char *text = manifest_text(manifest);
    manifest_free(manifest);
    inject_disarm();
    if (text)
        keep(result, text, strlen(text));
    else
        result->status = CELLA_MEMORY; /* NULL is the whole error that it has */
    if (!text)
        strcpy(result->error.sentence, "-");
    free(text);
}

static void run_pack(struct result *result)
{
    cella_image *packed = NULL;
    char *const arguments[] = {(char *)"least", (char *)"argument", NULL};
    cella_identity identity;
    result->status = cella_image_pack(program, manifest_path, arguments, &packed, &result->error);
    if (result->status) {
        assert_null(packed);
        return;
    }
    result->status = cella_image_identity(packed, &identity, &result->error);
    inject_disarm();
    if (!result->status)
        keep(result, identity.mrenclave, sizeof(identity.mrenclave));
    cella_image_close(packed);
}

static void run_open(struct result *result)
{
    cella_image *opened = NULL;
    cella_identity identity;
    result->status = cella_image_open(image_path, &opened, &result->error);
    if (result->status)
        return;
    char *text[2] = {NULL, NULL};
    result->status = cella_image_identity(opened, &identity, &result->error);
    for (int json = 0; json < 2 && !result->status; json++)
        result->status = cella_image_inspect(opened, json, &text[json], &result->error);
    inject_disarm();
    for (int json = 0; json < 2 && !result->status; json++)
        keep(result, text[json], strlen(text[json]));
    free(text[0]);
    free(text[1]);
    cella_image_close(opened);
}

static const char old[] = "what was there before";

static void run_write(struct result *result)
{
    result->status = cella_image_write(image, target_path, &result->error);
    inject_disarm();
    char found[sizeof(old) - 1];
    int fd = open(target_path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, found, sizeof(found)), sizeof(found));
    close(fd);
    /* All of the old, or all of the new. */
    if (result->status)
        assert_memory_equal(found, old, sizeof(old) - 1);
    else
        keep(result, found, sizeof(found));
}

static void run_enclave(struct result *result, cella_tee tee, bool debug)
{
    cella_options options;
    cella_enclave *enclave = NULL;
    cella_outcome outcome;
    cella_options_default(&options);
    options.tee = tee;
    options.confine = CELLA_CONFINE_NONE;
    options.insecure_debug = debug;
    for (int i = 0; i < 3; i++)
        options.streams[i] = -1;
    result->status = cella_start(image, &options, &enclave, &result->error);
    if (result->status) {
        assert_null(enclave);
        return;
    }
    assert_int_equal(cella_wait(enclave, &outcome, &result->error), CELLA_OK);
    if (outcome.end == CELLA_END_STOPPED || outcome.status != 0) {
        /* The enclave stopped, or its program was told of an error. */
        result->status = CELLA_STOPPED;
        snprintf(result->error.sentence, sizeof(result->error.sentence), "%s",
                 outcome.end == CELLA_END_STOPPED ? outcome.sentence : "the program failed");
    }
    assert_true(outcome.end != CELLA_END_SIGNALLED);
    cella_close(enclave);
}

static void run_vsm(struct result *result)
{
    run_enclave(result, CELLA_TEE_VSM, false);
}

static void run_vsm_debug(struct result *result)
{
    run_enclave(result, CELLA_TEE_VSM, true);
}

static void run_process(struct result *result)
{
    run_enclave(result, CELLA_TEE_PROCESS, false);
}

static void run_process_debug(struct result *result)
{
    run_enclave(result, CELLA_TEE_PROCESS, true);
}

/* ---- what is left ---- */

struct left {
    unsigned descriptors, large, low, shared, files;
};

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *list = opendir(path);
    assert_non_null(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

static struct left look(void)
{
    struct left left = {.descriptors = count_entries("/proc/self/fd"),
                        .files = count_entries(folder)};
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        uint64_t start, end;
        assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end), 2);
        left.large += end - start >= LARGE;
        left.low += start < UINT64_C(0x70000000); /* a process TEE's; below ASan's shadow */
        left.shared += strstr(line, "memfd") || strstr(line, "/dev/zero") ||
                       strstr(line, "secretmem") || strstr(line, "kvm");
    }
    fclose(maps);
    return left;
}

static void check_left(const char *what, unsigned long n, const struct left *before)
{
    struct left now = look();
    if (memcmp(&now, before, sizeof(now)) != 0)
        fail_msg(
            "%s, call %lu: descriptors %u, were %u; large mappings %u, %u; low ones %u, %u; "
            "shared ones %u, %u; files %u, %u",
            what, n, now.descriptors, before->descriptors, now.large, before->large, now.low,
            before->low, now.shared, before->shared, now.files, before->files);
}

/* ---- the loop ---- */

static unsigned long each_call(scenario *run, const struct inject_kind *kind, const char *name,
                               const struct result *truth, const struct left *before)
{
    char what[128];
    snprintf(what, sizeof(what), "%s: %s", name, kind->name);
    for (unsigned long n = 1; n <= MOST_CALLS; n++) {
        struct result result = {0};
        put_file(target_path, old);
        inject_arm(kind, n);
        run(&result);
        bool failed = inject_disarm();
        if (result.status && !result.error.sentence[0])
            fail_msg("%s, call %lu: status %d without a sentence", what, n, result.status);
        if (result.status && !failed)
            fail_msg("%s, call %lu: %s (and nothing was made to fail)", what, n,
                     result.error.sentence);
        if (!result.status &&
            (result.size != truth->size ||
             (truth->size && memcmp(result.bytes, truth->bytes, truth->size) != 0)))
            fail_msg("%s, call %lu: it succeeded with another result", what, n);
        free(result.bytes);
        check_left(what, n, before);
        if (!failed)
            return n - 1;
    }
    fail_msg("%s: more than %lu calls", what, MOST_CALLS);
    return 0;
}

static void each_kind(const char *name, scenario *run)
{
    /* Once without faults, so that what is made once only is there; then as it should be. */
    struct result first = {0}, truth = {0};
    put_file(target_path, old);
    run(&first);
    free(first.bytes);
    struct left before = look();
    run(&truth);
    if (truth.status)
        fail_msg("%s: %s", name, truth.error.sentence);
    check_left(name, 0, &before);
    unsigned long calls = 0;
    for (size_t i = 0; i < inject_kind_count; i++) {
        unsigned long count = each_call(run, &inject_kinds[i], name, &truth, &before);
        if (count)
            print_message("%s: %s: %lu\n", name, inject_kinds[i].name, count);
        calls += count;
    }
    assert_true(calls > 0);
    free(truth.bytes);
}

static void test_manifest(void **state)
{
    (void)state;
    each_kind("manifest", run_manifest);
}

static void test_pack(void **state)
{
    (void)state;
    each_kind("pack", run_pack);
}

static void test_open(void **state)
{
    (void)state;
    each_kind("open", run_open);
}

static void test_write(void **state)
{
    (void)state;
    each_kind("write", run_write);
}

static void test_vsm(void **state)
{
    (void)state;
    skip_without(&tee_vsm);
    each_kind("vsm", run_vsm);
    each_kind("vsm, debug", run_vsm_debug);
}

static void test_process(void **state)
{
    (void)state;
    skip_without(&tee_process);
    each_kind("process", run_process);
    each_kind("process, debug", run_process_debug);
}

/* ---- before and after ---- */

static int prepare(void **state)
{
    char path[96], text[1024];
    cella_error error;
    (void)state;
    strcpy(folder, "/tmp/cella-faults-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(manifest_path, sizeof(manifest_path), "%s/manifest.json", folder);
    snprintf(image_path, sizeof(image_path), "%s/image.sgxs", folder);
    snprintf(target_path, sizeof(target_path), "%s/target.sgxs", folder);
    snprintf(path, sizeof(path), "%s/plain", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/plain/file", folder);
    put_file(path, "four");
    snprintf(
        text, sizeof(text),
        "{\"cella\": 1, \"threads\": 2, \"heap_size\": \"1G\", \"environment\": {\"A\": "
        "\"1\", \"B\": \"2\"}, \"working_directory\": \"/plain\", \"files\": ["
        "{\"path\": \"/plain\", \"kind\": \"plain\", \"source\": \"%s/plain\", \"directory\": "
        "true}, {\"path\": \"/carried\", \"kind\": \"measured\", \"source\": \"plain/file\"}, "
        "{\"path\": \"/bound\", \"kind\": \"measured\", \"source\": \"plain/file\", \"carry\": "
        "false}, {\"path\": \"/work\", \"kind\": \"memory\", \"size\": \"1M\"}]}",
        folder);
    put_file(manifest_path, text);
    /* The bound file is looked for where the enclave starts. */
    assert_int_equal(chdir(folder), 0);
    if (cella_image_pack(program, manifest_path, NULL, &image, &error) ||
        cella_image_write(image, image_path, &error) ||
        cella_image_write(image, target_path, &error))
        fail_msg("%s", error.sentence);
    return 0;
}

static int clean(void **state)
{
    char command[96];
    (void)state;
    cella_image_close(image);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest), cmocka_unit_test(test_pack),
        cmocka_unit_test(test_open),     cmocka_unit_test(test_write),
        cmocka_unit_test(test_vsm),      cmocka_unit_test(test_process),
    };
    if (argc < 2)
        return 2;
    inject_start();
    program = realpath(argv[1], NULL);
    if (argc > 2)
        cmocka_set_test_filter(argv[2]);
    return cmocka_run_group_tests(tests, prepare, clean);
}
