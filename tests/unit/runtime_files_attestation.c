/* SPDX-License-Identifier: Apache-2.0
 *
 * /dev/attestation: what can be written and read there, by whom and how often, and what a host says
 * that has no evidence, or lies.
 */
#include "runtime_mock.h"

#define REPORT_DATA "/dev/attestation/user_report_data"
#define QUOTE       "/dev/attestation/quote"
#define TYPE        "/dev/attestation/attestation_type"
#define KEY         "/dev/attestation/keys/"

static const struct mock_file tree[] = {{BOOT_FILE_MEMORY, 0, "/work", NULL, 0, {0}}};
static uint8_t quoted[RING_REPORT_DATA];
static int64_t quote_result, type_result;

/* Evidence is the report data once more, then 'e's; where it is long, its parts end in their
 * number. `cut`: a part that is told to be longer or shorter than it has to be. */
static int64_t cut;

static int64_t part_after(uint64_t had, uint8_t *buffer)
{
    int64_t left = quote_result - (int64_t)had;
    int64_t part = left < (int64_t)RING_BUFFER_SIZE ? left : (int64_t)RING_BUFFER_SIZE;
    memset(buffer, 'e', (size_t)part);
    buffer[part - 1] = (uint8_t)('0' + had / RING_BUFFER_SIZE);
    return part + cut;
}

static bool host(uint32_t operation, const uint64_t *argument, uint8_t *buffer, int64_t *result)
{
    if (operation == RING_ATTESTATION) {
        *result = type_result;
        return true;
    }
    if (operation != RING_QUOTE)
        return false;
    if (argument[0] > 0) {
        *result = part_after(argument[0], buffer);
        return true;
    }
    memcpy(quoted, buffer, sizeof(quoted));
    memset(buffer + sizeof(quoted), 'e', RING_BUFFER_SIZE - sizeof(quoted));
    *result = quote_result;
    return true;
}

static int start(void **unused)
{
    (void)unused;
    mock_start(tree, 1, BOOT_ATTESTATION);
    mock_lie = host;
    quote_result = 1000;
    type_result = RING_ATTESTATION_VSM;
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    mock_end();
    return 0;
}

static long opened(const char *path, int flags)
{
    long fd = CALL(sys_open, P(path), flags, 0666);
    assert_true(fd >= 0);
    return fd;
}

static void test_report_data(void **unused)
{
    uint8_t bytes[80], expected[64] = "short";
    (void)unused;
    long fd = opened(REPORT_DATA, O_RDWR);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(CALL(sys_write, fd, P(bytes), 64), 64);
    assert_int_equal(CALL(sys_write, fd, P(bytes), 1), -EINVAL);
    assert_int_equal(CALL(sys_pwrite64, fd, P(bytes), 65, 0), -EINVAL);
    assert_int_equal(CALL(sys_pwrite64, fd, P(bytes), 2, 63), -EINVAL);
    assert_int_equal(CALL(sys_pwrite64, fd, P(MOCK_OUTSIDE), 2, 0), -EFAULT);
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), 80, 0), 64);
    assert_int_equal(bytes[63], 'x');
    /* shorter: zeros behind it; in two writes: both */
    assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_SET), 0);
    assert_int_equal(CALL(sys_write, fd, P("sh"), 2), 2);
    assert_int_equal(CALL(sys_write, fd, P("ort"), 3), 3);
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), 80, 0), 64);
    assert_memory_equal(bytes, expected, 64);
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), 80, 60), 4);
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), 80, 64), 0);
    assert_int_equal(CALL(sys_close, fd), 0);
}

static void test_quote(void **unused)
{
    uint8_t bytes[2000];
    (void)unused;
    long data = opened(REPORT_DATA, O_WRONLY);
    assert_int_equal(CALL(sys_write, data, P("first"), 5), 5);
    long fd = opened(QUOTE, O_RDONLY);
    assert_memory_equal(quoted, "first", 6);
    assert_int_equal(CALL(sys_read, fd, P(bytes), 10), 10);
    /* what an open has found stays what it reads */
    assert_int_equal(CALL(sys_pwrite64, data, P("second"), 6, 0), 6);
    long other = opened(QUOTE, O_RDONLY);
    assert_int_equal(CALL(sys_read, other, P(bytes), sizeof(bytes)), 1000);
    assert_memory_equal(bytes, "second", 6);
    assert_int_equal(bytes[999], 'e');
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), sizeof(bytes), 0), 1000);
    assert_memory_equal(bytes, "first", 6);
    assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_END), 1000);
    assert_int_equal(CALL(sys_read, fd, P(bytes), 1), 0);
    assert_int_equal(CALL(sys_open, P(QUOTE), O_RDWR), -EACCES);
    long path = opened(QUOTE, O_PATH); /* asks for none */
    long before = mock_allocations;
    assert_int_equal(CALL(sys_close, other), 0);
    assert_true(mock_allocations < before);
    CALL(sys_close, path);
    CALL(sys_close, fd);
    CALL(sys_close, data);
}

/* More than the bounce buffer takes: with the logs of a machine that runs for long. */
static void test_long(void **unused)
{
    (void)unused;
    const int64_t sizes[] = {RING_BUFFER_SIZE, RING_BUFFER_SIZE + 1, 2 * RING_BUFFER_SIZE,
                             3 * RING_BUFFER_SIZE - 1, RING_EVIDENCE_MOST};
    uint8_t *bytes = malloc(RING_EVIDENCE_MOST + 1);
    long before = mock_allocations;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        quote_result = sizes[i];
        long fd = opened(QUOTE, O_RDONLY);
        assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_END), sizes[i]);
        assert_int_equal(CALL(sys_pread64, fd, P(bytes), RING_EVIDENCE_MOST + 1, 0), sizes[i]);
        for (int64_t at = 64; at < sizes[i]; at++) {
            int64_t part = at / (int64_t)RING_BUFFER_SIZE;
            bool last = at == sizes[i] - 1 || (at + 1) % (int64_t)RING_BUFFER_SIZE == 0;
            if (bytes[at] != (last && part > 0 ? '0' + part : 'e'))
                fail_msg("%lld of %lld", (long long)at, (long long)sizes[i]);
        }
        CALL(sys_close, fd);
    }
    free(bytes);
    assert_int_equal(mock_allocations, before);
    /* The host has no more of it. */
    quote_result = 2 * RING_BUFFER_SIZE;
    cut = -(int64_t)RING_BUFFER_SIZE - 5;
    assert_int_equal(CALL(sys_open, P(QUOTE), O_RDONLY), -EIO);
    assert_int_equal(mock_allocations, before);
    cut = 0;
}

static void test_no_evidence(void **unused)
{
    char text[32] = "";
    (void)unused;
    for (quote_result = -1; quote_result > -134; quote_result -= 11)
        assert_int_equal(CALL(sys_open, P(QUOTE), O_RDONLY), -EIO);
    static const char *const names[] = {"none", "cella-vsm", "cella-process"};
    for (type_result = -5; type_result < 3; type_result++) {
        long fd = opened(TYPE, O_RDONLY);
        const char *name = names[type_result < 0 ? 0 : type_result];
        assert_int_equal(CALL(sys_read, fd, P(text), sizeof(text)), strlen(name));
        assert_memory_equal(text, name, strlen(name));
        CALL(sys_close, fd);
    }
    quote_result = 5000;
    mock_fail_after = 0;
    assert_int_equal(CALL(sys_open, P(QUOTE), O_RDONLY), -ENOMEM);
    mock_fail_after = -1;
}

static void quote(void)
{
    CALL(sys_open, P(QUOTE), O_RDONLY);
}

static void type(void)
{
    CALL(sys_open, P(TYPE), O_RDONLY);
}

static void test_lies(void **unused)
{
    (void)unused;
    static const int64_t lengths[] = {0, RING_EVIDENCE_MOST + 1, INT64_MAX, INT64_MIN, -134};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        quote_result = lengths[i];
        mock_stops(quote, RING_STOP_HOST_LIED, RING_QUOTE);
    }
    type_result = 3;
    mock_stops(type, RING_STOP_HOST_LIED, RING_ATTESTATION);
    quote_result = 2 * RING_BUFFER_SIZE; /* its second part is as long as the first */
    for (cut = -1; cut <= 1; cut += 2)
        mock_stops(quote, RING_STOP_HOST_LIED, RING_QUOTE);
    cut = 0;
}

static void test_keys(void **unused)
{
    uint8_t key[65];
    (void)unused;
    memset(key, 'k', sizeof(key));
    assert_int_equal(CALL(sys_open, P(KEY "north"), O_RDONLY), -ENOENT);
    assert_int_equal(CALL(sys_open, P(KEY "north"), O_RDWR | O_CREAT, 0600), -EROFS);
    long fd = opened(KEY "north", O_WRONLY);
    assert_int_equal(CALL(sys_write, fd, P(key), 31), -EINVAL);
    assert_int_equal(CALL(sys_write, fd, P(key), 33), -EINVAL);
    assert_int_equal(CALL(sys_write, fd, P(key), 63), -EINVAL);
    assert_int_equal(CALL(sys_write, fd, P(key), 65), -EINVAL);
    assert_int_equal(CALL(sys_write, fd, P(key), 0), -EINVAL);
    assert_null(keys_get("north", 5));
    assert_int_equal(CALL(sys_write, fd, P(key), 32), 32);
    assert_int_equal(CALL(sys_pwrite64, fd, P(key), 32, 0), -ESPIPE);
    assert_int_equal(CALL(sys_write, fd, P(key), 32), -EEXIST);
    assert_memory_equal(keys_get("north", 5)->bytes, key, 32);
    assert_int_equal(CALL(sys_read, fd, P(key), 32), -EBADF);
    CALL(sys_close, fd);
    assert_int_equal(CALL(sys_open, P(KEY "north"), O_RDONLY), -EACCES);
    fd = opened(KEY "south", O_WRONLY | O_CREAT | O_TRUNC);
    memset(key + 32, 'v', 32);
    assert_int_equal(CALL(sys_write, fd, P(key), 64), 64);
    assert_false(keys_get("north", 5)->bound);
    assert_true(keys_get("south", 5)->bound);
    assert_memory_equal(keys_get("south", 5)->version, key + 32, 32);
    CALL(sys_close, fd);
    /* nothing else can be made or moved there */
    assert_int_equal(CALL(sys_mkdir, P(KEY "west"), 0700), -EROFS);
    assert_int_equal(CALL(sys_rename, P(KEY "south"), P(KEY "west")), -EROFS);
    assert_int_equal(CALL(sys_unlink, P(KEY "south")), -EROFS);
    assert_int_equal(CALL(sys_chmod, P(KEY "south"), 0600), -EPERM);
    assert_int_equal(CALL(sys_open, P(KEY "south"), O_RDONLY), -EACCES);
}

static void test_not_asked_for(void **unused)
{
    (void)unused;
    mock_start(tree, 1, 0);
    assert_int_equal(CALL(sys_open, P(QUOTE), O_RDONLY), -ENOENT);
    assert_int_equal(CALL(sys_open, P(KEY "x"), O_WRONLY | O_CREAT, 0600), -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_report_data), TEST(test_quote), TEST(test_long),          TEST(test_no_evidence),
        TEST(test_lies),        TEST(test_keys),  TEST(test_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
