/* SPDX-License-Identifier: Apache-2.0
 *
 * The skeleton backend: every operation is there, and every one says "not working here". And
 * tee_find, which must never hand it out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tee/tee.h"

#include <string.h>

static void test_table_is_whole(void **state)
{
    (void)state;
    const struct tee_operations *const backends[] = {&tee_skeleton, &tee_process};
    for (size_t i = 0; i < 2; i++) {
        const struct tee_operations *tee = backends[i];
        assert_int_equal(tee->version, TEE_INTERFACE_VERSION);
        assert_non_null(tee->name);
        assert_non_null(tee->probe);
        assert_non_null(tee->create);
        assert_non_null(tee->add);
        assert_non_null(tee->extend);
        assert_non_null(tee->initialise);
        assert_non_null(tee->shared);
        assert_non_null(tee->enter);
        assert_non_null(tee->interrupt);
        assert_non_null(tee->report);
        assert_non_null(tee->key);
        assert_non_null(tee->clock);
        assert_non_null(tee->resident);
        assert_non_null(tee->describe);
        assert_non_null(tee->destroy);
    }
}

static void test_nothing_works(void **state)
{
    (void)state;
    const struct tee_operations *tee = &tee_skeleton;
    struct tee_parameters parameters = {0};
    struct tee *enclave = NULL;
    struct tee_exit exit = {0};
    struct tee_report_request report_request = {0};
    struct tee_report report = {0};
    struct tee_key_request key_request = {0};
    uint8_t page[4096] = {0}, bytes[32] = {0};
    uint64_t now = 1;
    cella_error error;

#define UNSUPPORTED(operation, call)                                                               \
    do {                                                                                           \
        memset(&error, 0, sizeof(error));                                                          \
        assert_int_equal(call, CELLA_UNSUPPORTED);                                                 \
        assert_int_equal(error.status, CELLA_UNSUPPORTED);                                         \
        assert_ptr_equal(strstr(error.sentence, operation ":"), error.sentence);                   \
    } while (0)
    UNSUPPORTED("create", tee->create(&parameters, &enclave, &error));
    assert_null(enclave);
    UNSUPPORTED("add", tee->add(enclave, 0, 0, page, &error));
    UNSUPPORTED("extend", tee->extend(enclave, 0, &error));
    UNSUPPORTED("initialise", tee->initialise(enclave, NULL, bytes, &error));
    UNSUPPORTED("enter", tee->enter(enclave, 0, &exit, &error));
    UNSUPPORTED("report", tee->report(enclave, &report_request, &report, &error));
    UNSUPPORTED("key", tee->key(enclave, &key_request, bytes, &error));
#undef UNSUPPORTED
    assert_null(tee->shared(enclave));
    assert_int_equal(tee->clock(enclave, &now), 0);
    assert_int_equal(tee->resident(enclave), 0);
    assert_true(strlen(tee->describe(enclave)) > 0);
    tee->interrupt(enclave, 0);
    tee->destroy(enclave);
}

static void test_probe_says_so(void **state)
{
    (void)state;
    struct tee_probe probe;
    memset(&probe, 0xee, sizeof(probe));
    tee_skeleton.probe(&probe);
    assert_false(probe.works);
    assert_false(probe.sealed);
    assert_true(strstr(probe.summary, "not working here"));
    assert_int_equal(probe.count, 1);
    assert_false(probe.capabilities[0].works);
    assert_true(strlen(probe.capabilities[0].remedy) > 0);
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(tee_find("process"), &tee_process);
    assert_null(tee_find("skeleton"));
    assert_null(tee_find(""));
    assert_null(tee_find("PROCESS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_whole),
        cmocka_unit_test(test_nothing_works),
        cmocka_unit_test(test_probe_says_so),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
