/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of a program in an enclave, over every TEE that works here. argv[1]: the program
 * (inside.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inside.h"

#include "host/host.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program;
static cella_tee tee;

/* With `threads` that serve; `more`: it ends at once and never serves. */
static cella_enclave *start(const char *threads, const char *more)
{
    cella_error error;
    cella_image *image = NULL;
    cella_enclave *enclave = NULL;
    cella_options options;
    char *const arguments[] = {(char *)program, (char *)threads, (char *)more, NULL};
    cella_options_default(&options);
    options.tee = tee;
    options.confine = CELLA_CONFINE_NONE;
    if (cella_image_pack(program, NULL, arguments, &image, &error) ||
        cella_start(image, &options, &enclave, &error))
        fail_msg("%s", error.sentence);
    cella_image_close(image);
    return enclave;
}

static void end(cella_enclave *enclave)
{
    cella_outcome outcome;
    cella_call_close(enclave);
    assert_int_equal(cella_wait(enclave, &outcome, NULL), CELLA_OK);
    assert_int_equal(outcome.end, CELLA_END_EXITED);
    assert_int_equal(outcome.status, 0);
    cella_close(enclave);
}

static void fill(uint8_t *bytes, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
}

static void echo(cella_enclave *enclave, size_t size, uint32_t seed)
{
    uint8_t *in = malloc(size + 1), *out = malloc(size + 1);
    size_t out_size = size;
    int result = 1;
    cella_error error = {0};
    fill(in, size, seed);
    memset(out, 0xee, size + 1);
    if (cella_call(enclave, INSIDE_ECHO, in, size, out, &out_size, &result, &error))
        fail_msg("%s", error.sentence);
    assert_int_equal(result, 0);
    assert_int_equal(out_size, size);
    assert_memory_equal(in, out, size);
    assert_int_equal(out[size], 0xee);
    free(in);
    free(out);
}

static void test_echo(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,   1,   7,    8,    63,    64,    65,    95,   103,
                                   104, 105, 4095, 4096, 16384, 65528, 65535, 65536};
    cella_enclave *enclave = start("1", NULL);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            echo(enclave, sizes[i], (uint32_t)i);
    end(enclave);
}

static void test_arguments(void **state)
{
    (void)state;
    static uint8_t bytes[CELLA_CALL_MOST + 1];
    cella_enclave *enclave = start("1", NULL);
    cella_error error;
    cella_pending pending;
    size_t size = 8;
    int result;
    assert_int_equal(cella_call(enclave, 1, bytes, sizeof(bytes), bytes, &size, &result, &error),
                     CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "65537"));
    assert_int_equal(cella_call(enclave, 1, NULL, 1, bytes, &size, &result, &error), CELLA_INVALID);
    assert_int_equal(cella_call(enclave, 1, bytes, 1, NULL, &size, &result, &error), CELLA_INVALID);
    assert_int_equal(cella_call_start(enclave, 1, bytes, sizeof(bytes), 0, &pending, &error),
                     CELLA_INVALID);
    assert_int_equal(
        cella_call_finish(enclave, (cella_pending){RING_CALLS, 2}, bytes, &size, &result, &error),
        CELLA_INVALID);
    assert_int_equal(
        cella_call_finish(enclave, (cella_pending){0, 2}, bytes, &size, &result, &error),
        CELLA_INVALID);
    /* Room for more than any reply is cut to the most that there is. */
    size = sizeof(bytes);
    assert_int_equal(cella_call(enclave, INSIDE_ECHO, bytes, 10, bytes, &size, &result, &error),
                     CELLA_OK);
    assert_int_equal(size, 10);
    /* Neither length nor result need be wanted. */
    assert_int_equal(cella_call(enclave, INSIDE_ECHO, NULL, 0, NULL, NULL, NULL, &error), CELLA_OK);
    end(enclave);
}

static void test_small_out(void **state)
{
    (void)state;
    uint8_t in[200], out[200];
    cella_enclave *enclave = start("1", NULL);
    size_t size = 10;
    int result = 0;
    fill(in, sizeof(in), 1);
    memset(out, 0xee, sizeof(out));
    assert_int_equal(cella_call(enclave, INSIDE_ECHO, in, sizeof(in), out, &size, &result, NULL),
                     CELLA_OK);
    assert_int_equal(result, -EMSGSIZE);
    assert_int_equal(size, 0);
    size = 10;
    assert_int_equal(cella_call(enclave, INSIDE_TOO_MUCH, NULL, 0, out, &size, &result, NULL),
                     CELLA_OK);
    assert_int_equal(result, -EMSGSIZE);
    assert_int_equal(size, 0);
    assert_int_equal(out[0], 0xee);
    /* The asynchronous form refuses a buffer that is smaller than it was said, and can be asked
     * again. */
    cella_pending pending;
    assert_int_equal(cella_call_start(enclave, INSIDE_ECHO, in, 100, 100, &pending, NULL),
                     CELLA_OK);
    size = 99;
    assert_int_equal(cella_call_finish(enclave, pending, out, &size, &result, NULL), CELLA_INVALID);
    size = 100;
    assert_int_equal(cella_call_finish(enclave, pending, out, &size, &result, NULL), CELLA_OK);
    assert_memory_equal(in, out, 100);
    /* A call is finished once. */
    assert_int_equal(cella_call_finish(enclave, pending, out, &size, &result, NULL), CELLA_INVALID);
    end(enclave);
}

static void test_results(void **state)
{
    (void)state;
    static const int given[] = {0, -1, -ENOENT, -4095, -4096, 1, 7};
    static const int expected[] = {0, -1, -ENOENT, -4095, -EINVAL, -EINVAL, -EINVAL};
    uint8_t out[64];
    cella_enclave *enclave = start("1", NULL);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        size_t size = sizeof(out);
        int result = 99;
        assert_int_equal(
            cella_call(enclave, INSIDE_ERROR, &given[i], sizeof(int), out, &size, &result, NULL),
            CELLA_OK);
        assert_int_equal(result, expected[i]);
        assert_int_equal(size, given[i] ? 0 : sizeof(out));
    }
    size_t size = sizeof(out);
    int result;
    assert_int_equal(cella_call(enclave, 1000, NULL, 0, out, &size, &result, NULL), CELLA_OK);
    assert_int_equal(result, -ENOSYS);
    /* A handler that forgets the length shows nothing of earlier replies. */
    static const uint8_t zeros[64];
    echo(enclave, 500, 3);
    size = sizeof(out);
    assert_int_equal(cella_call(enclave, INSIDE_FORGET, NULL, 0, out, &size, &result, NULL),
                     CELLA_OK);
    assert_memory_equal(out, zeros, size);
    end(enclave);
}

struct caller {
    cella_enclave *enclave;
    uint32_t seed;
};

static void *call_many(void *argument)
{
    struct caller *caller = argument;
    uint32_t seed = caller->seed;
    for (int i = 0; i < 150; i++) {
        seed = seed * 1664525 + 1013904223;
        echo(caller->enclave, (seed >> 8) % (i % 10 ? 300 : CELLA_CALL_MOST + 1), seed);
        if (i % 50 == 49)
            usleep(3000); /* long enough for threads inside to go to sleep */
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    cella_enclave *enclave = start("4", NULL);
    struct caller callers[8];
    pthread_t threads[8];
    for (uint32_t i = 0; i < 8; i++) {
        callers[i] = (struct caller){enclave, i};
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &callers[i]), 0);
    }
    for (uint32_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    end(enclave);
}

static void test_batches(void **state)
{
    (void)state;
    cella_enclave *enclave = start("2", NULL);
    cella_pending pending[RING_CALLS];
    cella_error error;
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < RING_CALLS; i++)
            assert_int_equal(
                cella_call_start(enclave, INSIDE_ECHO, &i, sizeof(i), 200, &pending[i], &error),
                CELLA_OK);
        cella_pending none;
        assert_int_equal(cella_call_start(enclave, INSIDE_ECHO, NULL, 0, 0, &none, &error),
                         CELLA_BUSY);
        for (uint32_t i = 0; i < RING_CALLS; i++) {
            /* in an order of its own */
            uint32_t which = (i * 37 + (uint32_t)round) % RING_CALLS, out[50];
            size_t size = sizeof(out);
            int result;
            assert_int_equal(
                cella_call_finish(enclave, pending[which], out, &size, &result, &error), CELLA_OK);
            assert_int_equal(size, sizeof(out[0]));
            assert_int_equal(out[0], which);
        }
    }
    end(enclave);
}

/* cella_call waits for a place when asynchronous calls have all of them. */
static void *call_one(void *enclave)
{
    echo(enclave, 10, 1);
    return NULL;
}

static void test_place(void **state)
{
    (void)state;
    cella_enclave *enclave = start("1", NULL);
    cella_pending pending[RING_CALLS];
    pthread_t thread;
    int result;
    for (uint32_t i = 0; i < RING_CALLS; i++)
        assert_int_equal(cella_call_start(enclave, INSIDE_ECHO, NULL, 0, 0, &pending[i], NULL),
                         CELLA_OK);
    assert_int_equal(pthread_create(&thread, NULL, call_one, enclave), 0);
    usleep(20000);
    for (uint32_t i = 0; i < RING_CALLS; i++)
        assert_int_equal(cella_call_finish(enclave, pending[i], NULL, NULL, &result, NULL),
                         CELLA_OK);
    pthread_join(thread, NULL);
    end(enclave);
}

/* Callers and serving threads that sleep are woken. */
static void test_slow(void **state)
{
    (void)state;
    cella_enclave *enclave = start("3", NULL);
    for (int i = 0; i < 5; i++) {
        cella_pending pending[6];
        int result;
        for (int j = 0; j < 6; j++)
            assert_int_equal(cella_call_start(enclave, INSIDE_SLOW, NULL, 0, 0, &pending[j], NULL),
                             CELLA_OK);
        for (int j = 0; j < 6; j++)
            assert_int_equal(cella_call_finish(enclave, pending[j], NULL, NULL, &result, NULL),
                             CELLA_OK);
        usleep(10000);
    }
    end(enclave);
}

struct waiter {
    cella_enclave *enclave;
    uint32_t operation;
    cella_status status;
};

static void *wait_for_end(void *argument)
{
    struct waiter *waiter = argument;
    cella_error error = {0};
    int result;
    waiter->status =
        cella_call(waiter->enclave, waiter->operation, NULL, 0, NULL, NULL, &result, &error);
    assert_true(!waiter->status || error.sentence[0]);
    return NULL;
}

/* Several callers wait, then something ends the enclave. */
static void check_end(uint32_t operation, cella_end expected, bool stop)
{
    cella_enclave *enclave = start("1", NULL);
    struct waiter waiters[6];
    pthread_t threads[6];
    cella_pending pending;
    cella_outcome outcome;
    cella_error error;
    int result;
    echo(enclave, 1, 1);
    assert_int_equal(cella_call_start(enclave, INSIDE_SLOW, NULL, 0, 0, &pending, &error),
                     CELLA_OK);
    for (int i = 0; i < 6; i++) {
        waiters[i] = (struct waiter){enclave, operation, CELLA_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_end, &waiters[i]), 0);
    }
    if (stop) {
        usleep(50000);
        cella_stop(enclave);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].status, CELLA_STOPPED);
    }
    cella_wait(enclave, &outcome, &error);
    assert_int_equal(outcome.end, expected);
    assert_int_equal(cella_call(enclave, 1, NULL, 0, NULL, NULL, &result, &error), CELLA_STOPPED);
    assert_int_equal(cella_call_start(enclave, 1, NULL, 0, 0, &pending, &error), CELLA_STOPPED);
    cella_close(enclave);
}

static void test_exit(void **state)
{
    (void)state;
    check_end(INSIDE_EXIT, CELLA_END_EXITED, false);
}

static void test_fault(void **state)
{
    (void)state;
    check_end(INSIDE_FAULT, CELLA_END_STOPPED, false);
}

static void test_stop(void **state)
{
    (void)state;
    check_end(INSIDE_HANG, CELLA_END_STOPPED, true);
}

/* A program that never serves: the call waits for its end, and says what was wrong. */
static void test_no_server(void **state)
{
    (void)state;
    cella_enclave *enclave = start("1", "no");
    cella_error error;
    int result;
    assert_int_equal(cella_call(enclave, 1, NULL, 0, NULL, NULL, &result, &error), CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "cella_serve"));
    assert_int_equal(cella_call(enclave, 1, NULL, 0, NULL, NULL, &result, &error), CELLA_INVALID);
    cella_close(enclave);
}

static void test_close(void **state)
{
    (void)state;
    cella_enclave *enclave = start("2", NULL);
    cella_pending pending[20];
    cella_error error;
    int result;
    for (int i = 0; i < 20; i++)
        assert_int_equal(cella_call_start(enclave, INSIDE_ECHO, NULL, 0, 0, &pending[i], &error),
                         CELLA_OK);
    cella_call_close(enclave);
    assert_true(cella_call(enclave, 1, NULL, 0, NULL, NULL, &result, &error) != CELLA_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(cella_call_finish(enclave, pending[i], NULL, NULL, &result, &error),
                         CELLA_OK);
    end(enclave);
}

/* The host scribbles over the calls while they are made. The enclave may stop, may answer wrongly,
 * may not answer; the callers get their bytes or an error, and nothing else is touched. */
struct scribbler {
    cella_enclave *enclave;
    _Atomic bool enough;
};

static void *scribble(void *argument)
{
    struct scribbler *scribbler = argument;
    struct ring_header *header = host_header(scribbler->enclave);
    volatile uint32_t *words = (volatile uint32_t *)(void *)header->requests;
    size_t count = (sizeof(header->requests) + sizeof(header->replies)) / 4;
    uint32_t seed = 7;
    while (!scribbler->enough) {
        seed = seed * 1664525 + 1013904223;
        uint32_t value = seed;
        seed = seed * 1664525 + 1013904223;
        words[(seed >> 4) % count] = seed & 1 ? value : value % 512;
        if (seed >> 24 == 0)
            usleep(100);
    }
    return NULL;
}

static void *call_hostile(void *argument)
{
    cella_enclave *enclave = argument;
    uint8_t in[300], out[301];
    fill(in, sizeof(in), 5);
    out[300] = 0xee;
    for (int i = 0; i < 2000; i++) {
        size_t size = 300;
        int result;
        if (cella_call(enclave, INSIDE_ECHO, in, (size_t)i % 300, out, &size, &result, NULL))
            break;
        assert_true(size <= 300);
        assert_int_equal(out[300], 0xee);
    }
    return NULL;
}

static void *stop_soon(void *enclave)
{
    usleep(300000);
    cella_stop(enclave);
    return NULL;
}

static void test_scribble(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        cella_enclave *enclave = start("2", NULL);
        struct scribbler scribbler = {.enclave = enclave};
        pthread_t scribbling, stopping, callers[3];
        echo(enclave, 1, 1);
        assert_int_equal(pthread_create(&scribbling, NULL, scribble, &scribbler), 0);
        assert_int_equal(pthread_create(&stopping, NULL, stop_soon, enclave), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&callers[i], NULL, call_hostile, enclave), 0);
        for (int i = 0; i < 3; i++)
            pthread_join(callers[i], NULL);
        pthread_join(stopping, NULL);
        scribbler.enough = true;
        pthread_join(scribbling, NULL);
        cella_close(enclave);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),      cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_small_out), cmocka_unit_test(test_results),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_batches),
        cmocka_unit_test(test_place),     cmocka_unit_test(test_slow),
        cmocka_unit_test(test_exit),      cmocka_unit_test(test_fault),
        cmocka_unit_test(test_stop),      cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_close),     cmocka_unit_test(test_scribble),
    };
    static const struct {
        cella_tee tee;
        const struct tee_operations *operations;
    } tees[] = {{CELLA_TEE_PROCESS, &tee_process}, {CELLA_TEE_VSM, &tee_vsm}};
    int failed = 0, ran = 0;
    if (argc < 2)
        return 2;
    program = argv[1];
    for (size_t i = 0; i < 2; i++) {
        struct tee_probe probe;
        tees[i].operations->probe(&probe);
        if (!probe.works)
            continue;
        tee = tees[i].tee;
        ran++;
        failed += cmocka_run_group_tests_name(tees[i].operations->name, tests, NULL, NULL);
    }
    return ran ? failed : 77;
}
