/* SPDX-License-Identifier: Apache-2.0
 *
 * The tools' boxes and the runtime core's are the same: what one makes the other reads, also where
 * a writer was stopped in the middle of a commit.
 */
#include "box_memory.h"
#include "box_test.h"

#define PAGE ((size_t)BOX_PAGE)

static const uint8_t outer[BOX_KEY] = {9, 9, 9};

static struct box *core_open(const struct box_file *file, bool writable)
{
    struct box_fault fault;
    const struct box_opening opening = {.services = &box_services,
                                        .file = *file,
                                        .key = outer,
                                        .writable = writable,
                                        .cache_pages = BOX_CACHE_LEAST};
    struct box *box = box_open(&opening, &fault);
    if (!box)
        fail_msg("fault %d", (int)fault.kind);
    return box;
}

static struct memory_box sealed(const uint8_t *bytes, size_t size)
{
    const struct cella_box_to to = {.key = outer};
    struct memory_box file = {0};
    uint8_t *box;
    size_t box_size;
    cella_error error;
    assert_int_equal(cella_box_seal_bytes(bytes, size, "plain", &to, &box, &box_size, &error), 0);
    struct box_file memory = memory_box_file(&file);
    assert_true(memory.write(memory.context, 0, box, box_size));
    free(box);
    return file;
}

/* What the tools find in a box. */
static void assert_holds(const struct memory_box *file, const uint8_t *bytes, size_t size)
{
    const struct cella_box_keys keys = {.key = outer};
    uint8_t *opened;
    size_t opened_size;
    cella_error error;
    if (cella_box_open_bytes(file->bytes, file->size, "x.box", &keys, &opened, &opened_size, NULL,
                             &error))
        fail_msg("%s", error.sentence);
    assert_int_equal(opened_size, size);
    assert_memory_equal(opened, bytes, size);
    free(opened);
}

static void test_sealed_then_core(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, 128 * 4096 + 1, 16385 * (size_t)4096};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *bytes = content(sizes[i]), *got = malloc(sizes[i] + 1);
        assert_non_null(got);
        struct memory_box file = sealed(bytes, sizes[i]);
        struct box_file memory = memory_box_file(&file);
        struct box *box = core_open(&memory, false);
        assert_int_equal(box_size(box), sizes[i]);
        assert_int_equal(box_read(box, 0, got, sizes[i] + 1), sizes[i]);
        assert_memory_equal(got, bytes, sizes[i]);
        assert_int_equal(box_close(box).kind, BOX_FAULT_NONE);
        memory_box_end(&file);
        free(got);
        free(bytes);
    }
}

/* A commit of the core, stopped after each step in turn: the tools find what was before it or what
 * is after it. */
static void test_core_then_opened(void **state)
{
    (void)state;
    enum { BLOCKS = 140 };
    uint8_t *before = content(BLOCKS * PAGE), *after = content(BLOCKS * PAGE);
    struct memory_box start = sealed(before, BLOCKS * PAGE);
    unsigned old = 0, new = 0;
    memcpy(after + 5 * PAGE + 9, "changed", 7);
    memcpy(after + 130 * PAGE, "changed too", 11);
    for (uint64_t step = 1;; step++) {
        struct memory_box file = {0};
        memory_box_copy(&file, &start);
        file.last_step = file.steps + step;
        struct box_file memory = memory_box_file(&file);
        struct box *box = core_open(&memory, true);
        bool done = box_write(box, 5 * PAGE + 9, "changed", 7) &&
                    box_write(box, 130 * PAGE, "changed too", 11) && box_commit(box);
        done = box_close(box).kind == BOX_FAULT_NONE && done;
        const struct cella_box_keys keys = {.key = outer};
        uint8_t *opened;
        size_t size;
        cella_error error;
        if (cella_box_open_bytes(file.bytes, file.size, "x.box", &keys, &opened, &size, NULL,
                                 &error))
            fail_msg("step %llu: %s", (unsigned long long)step, error.sentence);
        assert_int_equal(size, BLOCKS * PAGE);
        bool is_old = memcmp(opened, before, size) == 0, is_new = memcmp(opened, after, size) == 0;
        assert_true(is_old || is_new);
        old += is_old;
        new += is_new;
        free(opened);
        if (done)
            assert_holds(&file, after, BLOCKS * PAGE);
        memory_box_end(&file);
        if (done)
            break;
    }
    assert_true(old > 3 && new > 3);
    memory_box_end(&start);
    free(before);
    free(after);
}

/* Holes between blocks that are there: zeros, whatever a host puts in their places. */
static void test_core_holes(void **state)
{
    (void)state;
    enum { GROUP = BOX_FANOUT, BLOCKS = 4 * GROUP };
    uint8_t *bytes = calloc(BLOCKS, PAGE);
    assert_non_null(bytes);
    struct memory_box file = sealed(NULL, 0);
    struct box_file memory = memory_box_file(&file);
    struct box *box = core_open(&memory, true);
    bytes[5 * PAGE] = bytes[BLOCKS * PAGE - 1] = 1; /* of groups 1 and 2 nothing */
    assert_true(box_write(box, 5 * PAGE, bytes + 5 * PAGE, 1));
    assert_true(box_write(box, BLOCKS * PAGE - 1, bytes + BLOCKS * PAGE - 1, 1));
    assert_true(box_commit(box));
    assert_int_equal(box_close(box).kind, BOX_FAULT_NONE);
    assert_holds(&file, bytes, BLOCKS * PAGE);
    memset(file.bytes + (3 + box_place_node(1, 1)) * PAGE, 0x5a,
           (box_place_node(1, 3) - box_place_node(1, 1)) * PAGE);
    assert_holds(&file, bytes, BLOCKS * PAGE);
    memory_box_end(&file);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed_then_core),
        cmocka_unit_test(test_core_then_opened),
        cmocka_unit_test(test_core_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
