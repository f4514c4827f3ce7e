/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent and then a program, over every TEE that works here. argv: the program, the agent, one
 * that is dynamic, one that is not position-independent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/api.h"
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *program, *agent, *dynamic, *fixed;
static char boxes[] = "/tmp/cella-boxes-XXXXXX"; /* the folder of the boxes */
static cella_tee where;

static cella_status pack(const char *which, const char *what, cella_image **image,
                         cella_error *error)
{
    char manifest[1024], path[] = "/tmp/cella-agent-XXXXXX";
    snprintf(manifest, sizeof(manifest),
             "{\"cella\": 1, \"attestation\": true, \"heap_size\": \"64M\", \"threads\": 3, "
             "\"arguments\": \"host\", \"agent\": \"%s\", \"agent_arguments\": [\"%s\"], "
             "\"files\": [{\"path\": \"/boxes\", \"kind\": \"box\", \"source\": \"%s\", "
             "\"directory\": true, \"writable\": true, \"key\": \"north\"}]}",
             which, what, boxes);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, manifest, strlen(manifest)) == (ssize_t)strlen(manifest));
    close(fd);
    cella_status status = cella_image_pack(program, path, NULL, image, error);
    unlink(path);
    return status;
}

struct run {
    const char *what;
    cella_outcome outcome;
    char output[64];
};

#define RANGES 200
static char ranges[RANGES][32];

static void add_range(size_t *count, uint64_t start, uint64_t size)
{
    assert_true(*count + 2 <= RANGES);
    snprintf(ranges[(*count)++], sizeof(ranges[0]), "%llx", (unsigned long long)start);
    snprintf(ranges[(*count)++], sizeof(ranges[0]), "%llx", (unsigned long long)size);
}

/* All that the program can read: the image's pages, but for TCSs and the trampoline, and the heap.
 */
static size_t find_ranges(const struct image *image)
{
    size_t count = 0;
    uint64_t start = 0, end = 0;
    for (size_t i = 0; i < image->page_count; i++) {
        const struct image_page *page = &image->pages[i];
        if (page->flags == TEE_PAGE_TCS || page->offset == LAYOUT_TRAMPOLINE)
            continue;
        if (page->offset != end) {
            if (end > start)
                add_range(&count, start, end - start);
            start = page->offset;
        }
        end = page->offset + LAYOUT_PAGE;
    }
    add_range(&count, start, end - start);
    add_range(&count, image->boot.heap.offset, image->boot.heap.size);
    return count;
}

static void log_sentence(void *context, const char *sentence)
{
    (void)context;
    print_message("%s\n", sentence);
}

static void run(struct run *run)
{
    cella_error error = {0};
    cella_image *image = NULL;
    cella_enclave *enclave = NULL;
    cella_options options;
    if (pack(agent, run->what, &image, &error))
        fail_msg("%s", error.sentence);
    char *arguments[RANGES + 2] = {(char *)"program"};
    size_t count = find_ranges(image->image);
    for (size_t i = 0; i < count; i++)
        arguments[i + 1] = ranges[i];
    int output = memfd_create("output", MFD_CLOEXEC);
    assert_true(output >= 0);
    cella_options_default(&options);
    options.tee = where;
    options.confine = CELLA_CONFINE_NONE;
    options.arguments = arguments;
    options.streams[0] = -1;
    options.streams[1] = output;
    options.log = log_sentence;
    options.insecure_debug = true; /* says where it faults */
    if (cella_start(image, &options, &enclave, &error) ||
        cella_wait(enclave, &run->outcome, &error))
        fail_msg("%s", error.sentence);
    if (run->outcome.end == CELLA_END_STOPPED)
        print_message("%s\n", run->outcome.sentence);
    cella_close(enclave);
    cella_image_close(image);
    memset(run->output, 0, sizeof(run->output));
    assert_true(pread(output, run->output, sizeof(run->output) - 1, 0) >= 0);
    close(output);
}

static int make_boxes(void **state)
{
    (void)state;
    strcpy(boxes, "/tmp/cella-boxes-XXXXXX");
    return mkdtemp(boxes) ? 0 : -1;
}

static int remove_boxes(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "%s/of the agent", boxes);
    unlink(path);
    return rmdir(boxes);
}

/* Nothing of the agent is to be found; what a memory file keeps is. */
static void test_nothing_stays(void **state)
{
    (void)state;
    struct run left = {.what = "leave"}, kept = {.what = "keep"};
    run(&left);
    assert_int_equal(left.outcome.end, CELLA_END_EXITED);
    assert_int_equal(left.outcome.status, 0);
    assert_string_equal(left.output, "0\n");
    run(&kept);
    assert_int_equal(kept.outcome.status, 0);
    assert_string_equal(kept.output, "64\n");
}

/* Any end but a good one is the enclave's: the program says nothing. */
static void test_ends(void **state)
{
    (void)state;
    struct run failed = {.what = "exit"}, raised = {.what = "raise"};
    run(&failed);
    assert_int_equal(failed.outcome.end, CELLA_END_EXITED);
    assert_int_equal(failed.outcome.status, 3);
    assert_string_equal(failed.output, "");
    run(&raised);
    assert_int_equal(raised.outcome.end, CELLA_END_SIGNALLED);
    assert_int_equal(raised.outcome.status, 15);
    assert_string_equal(raised.output, "");
}

static void test_threads(void **state)
{
    (void)state;
    static const char *const whats[] = {"thread", "last"};
    for (size_t i = 0; i < 2; i++) {
        struct run run_ = {.what = whats[i]};
        run(&run_);
        assert_int_equal(run_.outcome.end, CELLA_END_STOPPED);
        assert_non_null(strstr(run_.outcome.sentence, "its agent ended while another"));
        assert_string_equal(run_.output, "");
    }
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        const char *path, *sentence;
    } refused[] = {
        {dynamic, "dynamically linked"},
        {fixed, "link it with -static-pie"},
        {"/nonexistent/agent", "/nonexistent/agent: "},
        {"/etc/passwd", "not an ELF program"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cella_image *image = NULL;
        cella_error error = {0};
        assert_int_not_equal(pack(refused[i].path, "leave", &image, &error), CELLA_OK);
        assert_null(image);
        if (!strstr(error.sentence, refused[i].sentence))
            fail_msg("%s", error.sentence);
    }
}

/* The agent is measured, and so is what it is told. */
static void test_measured(void **state)
{
    (void)state;
    cella_identity identities[3];
    const char *const agents[] = {agent, agent, agent};
    const char *const whats[] = {"leave", "leave", "keep"};
    for (size_t i = 0; i < 3; i++) {
        cella_image *image = NULL;
        cella_error error = {0};
        if (pack(agents[i], whats[i], &image, &error) ||
            cella_image_identity(image, &identities[i], &error))
            fail_msg("%s", error.sentence);
        const struct boot_header *boot = &image->image->boot;
        assert_true(boot->agent.pages.offset >=
                    boot->program.pages.offset + boot->program.pages.size);
        cella_image_close(image);
    }
    assert_memory_equal(identities[0].mrenclave, identities[1].mrenclave, 32);
    assert_memory_not_equal(identities[0].mrenclave, identities[2].mrenclave, 32);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest packing[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_measured),
    };
    const struct CMUnitTest running[] = {
        cmocka_unit_test(test_nothing_stays),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_threads),
    };
    static const struct tee_operations *const tees[] = {&tee_process, &tee_vsm};
    if (argc < 5)
        return 2;
    /* the manifest is in another folder */
    program = realpath(argv[1], NULL);
    agent = realpath(argv[2], NULL);
    dynamic = realpath(argv[3], NULL);
    fixed = realpath(argv[4], NULL);
    int failed = cmocka_run_group_tests(packing, NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
        struct tee_probe probe;
        tees[i]->probe(&probe);
        where = i ? CELLA_TEE_VSM : CELLA_TEE_PROCESS;
        if (probe.works)
            failed += cmocka_run_group_tests_name(tees[i]->name, running, make_boxes, remove_boxes);
        else
            print_message("skipped: no %s here: %s\n", tees[i]->name, probe.summary);
    }
    return failed;
}
