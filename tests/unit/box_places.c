/* SPDX-License-Identifier: Apache-2.0
 *
 * Where format.h puts things: every page of a content has one use, whatever its size, and every
 * node of the tree lies in front of the content's end. And the digests that are part of the format.
 */
#include "box/aead.h"
#include "image/hex.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#define BLOCKS (UINT64_C(2) * 128 * 128 * 128 + 130)

static void use(uint8_t *used, uint64_t pages, uint64_t page)
{
    assert_true(page < pages);
    assert_int_equal(used[page], 0);
    used[page] = 1;
}

static void test_each_page_once(void **state)
{
    (void)state;
    uint64_t pages = box_pages(BLOCKS);
    uint8_t *used = calloc(1, pages);
    assert_non_null(used);
    for (uint64_t block = 0; block < BLOCKS; block++)
        use(used, pages, box_place_data(block));
    for (unsigned level = 1; level <= box_levels(BLOCKS); level++)
        for (uint64_t j = 0; j * box_span(level) < BLOCKS; j++)
            use(used, pages, box_place_node(level, j));
    for (uint64_t page = 0; page < pages; page++)
        assert_int_equal(used[page], 1);
    free(used);
}

/* The nodes over the last block lie in front of it, also where it has just been added. */
static void test_in_front_of_the_end(void **state)
{
    (void)state;
    for (uint64_t blocks = 1; blocks < BLOCKS; blocks++)
        for (unsigned level = 1; level <= box_levels(blocks); level++)
            if (box_place_node(level, (blocks - 1) / box_span(level)) >= box_pages(blocks))
                fail_msg("%llu blocks, level %u", (unsigned long long)blocks, level);
}

static void test_edges(void **state)
{
    (void)state;
    assert_int_equal(box_pages(0), 0);
    assert_int_equal(box_pages(1), 2);
    assert_int_equal(box_pages(128), 129);
    assert_int_equal(box_pages(129), 132); /* a leaf and the root more */
    assert_int_equal(box_levels(0), 0);
    assert_int_equal(box_levels(1), 1);
    assert_int_equal(box_levels(128), 1);
    assert_int_equal(box_levels(129), 2);
    assert_int_equal(box_levels(16384), 2);
    assert_int_equal(box_levels(16385), 3);
    assert_int_equal(box_levels(box_blocks(BOX_SIZE_MOST)), BOX_LEVELS);
    assert_int_equal(box_blocks(4096), 1);
    assert_int_equal(box_blocks(4097), 2);
}

/* By docs/box-format.md, with another SHA-256 (Python's). */
static void test_digests(void **state)
{
    (void)state;
    struct box_super super = {.sequence = 9, .generation = 3, .size = 5000, .messages = 7};
    uint8_t bytes[BOX_KEY], digest[32];
    char text[65];
    for (unsigned i = 0; i < BOX_KEY; i++)
        bytes[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof(super.root); i++)
        ((uint8_t *)&super.root)[i] = (uint8_t)(100 + i);
    box_key_id(aead_sha256, bytes, digest);
    assert_string_equal(hex_write(digest, BOX_ID, text), "6519286279783350fea79159424064fb");
    box_version_of(aead_sha256, bytes, &super, digest);
    assert_string_equal(hex_write(digest, 32, text),
                        "3d9c4dc53a9ab2eeffcdc8551898ea6b18b0eba0057dc2e3fd53b722749a188d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_page_once),
        cmocka_unit_test(test_in_front_of_the_end),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
