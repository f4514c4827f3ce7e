/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences of what an enclave says: whatever it says, they are one line each, and end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../runtime/box/core.h"
#include "host/host.h"

#include <stdlib.h>
#include <string.h>

static char said[600];

static void keep(void *context, const char *sentence)
{
    (void)context;
    assert_true(strlen(sentence) < sizeof(said));
    strcpy(said, sentence);
}

/* What the log gets to see of a fault of a box at `path`. */
static const char *say(uint64_t kind, const char *path, uint64_t length)
{
    static struct cella_enclave enclave;
    static uint8_t buffer[RING_BUFFER_SIZE];
    const struct host_request request = {
        .operation = RING_LOG, .arguments = {RING_LOG_BOX, kind, 17, length}, .buffer = buffer};
    memset(buffer, 'x', sizeof(buffer));
    memcpy(buffer, path, strlen(path));
    enclave.options.log = keep;
    said[0] = 0;
    host_log_request(&enclave, &request);
    return said;
}

static void test_names_are_no_lines(void **state)
{
    static const char path[] = "/boxes/a\nb\r\x1b[2J\x7f\t\xc3\xa9";
    (void)state;
    const char *sentence = say(BOX_FAULT_BLOCK, path, sizeof(path) - 1);
    static const char start[] = "/boxes/a?b??[2J??\xc3\xa9: block 17 fails authentication";
    assert_memory_equal(sentence, start, sizeof(start) - 1);
}

static void test_any_length_and_kind(void **state)
{
    static const uint64_t lengths[] = {0, 255, 256, RING_BUFFER_SIZE, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        assert_true(strlen(say(BOX_FAULT_KEY, "", lengths[i])) < 500);
    assert_string_equal(say(BOX_FAULT_KINDS, "/b", 2), "/b: an unknown fault");
    assert_string_equal(say(UINT64_MAX, "/b", 2), "/b: an unknown fault");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_no_lines),
        cmocka_unit_test(test_any_length_and_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
