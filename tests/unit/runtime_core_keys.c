/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime's table of keys.
 */
#include "../../runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void lock_acquire(struct lock *lock)
{
    assert_int_equal(lock->word, 0);
    lock->word = 1;
}

void lock_release(struct lock *lock)
{
    lock->word = 0;
}

static void set_and_get(void **state)
{
    const uint8_t first[32] = {1}, second[32] = {2};
    (void)state;
    assert_null(keys_get("a", 1));
    assert_int_equal(keys_set("a", 1, first, NULL), 0);
    assert_int_equal(keys_set("ab", 2, second, first), 0);
    assert_memory_equal(keys_get("a", 1)->bytes, first, 32);
    assert_memory_equal(keys_get("ab", 2)->bytes, second, 32);
    assert_memory_equal(keys_get("ab", 2)->version, first, 32);
    assert_true(keys_get("ab", 2)->bound && !keys_get("a", 1)->bound);
    assert_null(keys_get("abc", 3));
}

static void set_once(void **state)
{
    const uint8_t first[32] = {1}, other[32] = {9};
    (void)state;
    assert_int_equal(keys_set("a", 1, other, NULL), -EEXIST);
    assert_memory_equal(keys_get("a", 1)->bytes, first, 32);
}

static void limits(void **state)
{
    const uint8_t key[32] = {3};
    char name[KEYS_NAME + 1] = {'n'};
    (void)state;
    assert_int_equal(keys_set(name, 0, key, NULL), -EINVAL);
    assert_int_equal(keys_set(name, KEYS_NAME + 1, key, NULL), -EINVAL);
    for (uint32_t i = 2; i < KEYS_MOST; i++) {
        name[1] = (char)i;
        assert_int_equal(keys_set(name, KEYS_NAME, key, NULL), 0);
    }
    assert_int_equal(keys_set("full", 4, key, NULL), -ENOSPC);
    assert_null(keys_get("full", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_and_get),
        cmocka_unit_test(set_once),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
