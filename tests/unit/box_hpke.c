/* SPDX-License-Identifier: Apache-2.0
 *
 * HPKE against the test vectors that were published with RFC 9180 (test-vectors.json of its
 * authors' repository: mode 0, KEM 0x0020, KDF 0x0001, AEAD 0x0002), and each way not to open.
 */
#include "box/hpke.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include <openssl/crypto.h>
#include <string.h>

#define INFO       "Ode on a Grecian Urn"
#define ADDITIONAL "Count-0"
#define PLAINTEXT  "Beauty is truth, truth beauty"
#define SIZE       (sizeof(PLAINTEXT) - 1)

static const struct hpke_bytes info = {INFO, sizeof(INFO) - 1};
static const struct hpke_bytes additional = {ADDITIONAL, sizeof(ADDITIONAL) - 1};
static const struct hpke_bytes plaintext = {PLAINTEXT, SIZE};

static void from_hex(const char *digits, uint8_t *bytes, size_t size)
{
    size_t got;
    assert_int_equal(OPENSSL_hexstr2buf_ex(bytes, size, &got, digits, 0), 1);
    assert_int_equal(got, size);
}

struct vector {
    uint8_t ephemeral[32], recipient_private[32], recipient[32], encapsulated[32];
    uint8_t sealed[SIZE + HPKE_TAG];
};

static struct vector vector(void)
{
    struct vector v;
    from_hex("179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11", v.ephemeral, 32);
    from_hex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
             v.recipient_private, 32);
    from_hex("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c", v.recipient, 32);
    from_hex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256", v.encapsulated,
             32);
    from_hex(
        "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad85"
        "9d5b7a",
        v.sealed, sizeof(v.sealed));
    return v;
}

static void test_schedule(void **state)
{
    (void)state;
    uint8_t shared[32], key[32], nonce[12];
    from_hex("3101c54c3a4f87439eaac080699ed9bbcc726ffe44e860c0424ccb7e3e2ead7b", shared, 32);
    from_hex("f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f", key, 32);
    from_hex("151d9929e2449747889bc923", nonce, 12);
    struct hpke_schedule schedule;
    assert_true(hpke_schedule(shared, info, &schedule));
    assert_memory_equal(schedule.key, key, 32);
    assert_memory_equal(schedule.nonce, nonce, 12);
}

static void test_keys(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t key[32], private_key[32], again[32];
    assert_true(hpke_public_key(v.recipient_private, key));
    assert_memory_equal(key, v.recipient, 32);
    assert_true(hpke_public_key(v.ephemeral, key));
    assert_memory_equal(key, v.encapsulated, 32);
    assert_true(hpke_generate(private_key, key));
    assert_true(hpke_public_key(private_key, again));
    assert_memory_equal(key, again, 32);
}

static void test_seal_and_open(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t encapsulated[32], sealed[SIZE + HPKE_TAG], opened[SIZE];
    assert_true(hpke_seal_with(v.ephemeral, v.recipient, info, additional, plaintext, encapsulated,
                               sealed));
    assert_memory_equal(encapsulated, v.encapsulated, 32);
    assert_memory_equal(sealed, v.sealed, sizeof(sealed));
    assert_true(hpke_open(v.recipient_private, v.encapsulated, info, additional,
                          (struct hpke_bytes){v.sealed, sizeof(v.sealed)}, opened));
    assert_memory_equal(opened, PLAINTEXT, SIZE);
}

static void test_fresh_each_time(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t first[32], second[32], sealed[HPKE_TAG], opened[1];
    const struct hpke_bytes nothing = {"", 0};
    assert_true(hpke_seal(v.recipient, nothing, nothing, nothing, first, sealed));
    assert_true(hpke_seal(v.recipient, nothing, nothing, nothing, second, sealed));
    assert_memory_not_equal(first, second, 32);
    const struct hpke_bytes whole = {sealed, sizeof(sealed)};
    assert_true(hpke_open(v.recipient_private, second, nothing, nothing, whole, opened));
    assert_false(hpke_open(v.recipient_private, first, nothing, nothing, whole, opened));
}

/* One bit wrong anywhere, or a byte less: nothing opens. */
static void test_altered(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t opened[SIZE];
    struct hpke_bytes sealed = {v.sealed, sizeof(v.sealed)};
    for (size_t bit = 0; bit < 8 * sizeof(v.sealed); bit++) {
        v.sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memset(opened, 1, sizeof(opened));
        assert_false(
            hpke_open(v.recipient_private, v.encapsulated, info, additional, sealed, opened));
        for (size_t i = 0; i < SIZE; i++)
            assert_int_equal(opened[i], 0);
        v.sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < sizeof(v.sealed); size++)
        assert_false(hpke_open(v.recipient_private, v.encapsulated, info, additional,
                               (struct hpke_bytes){v.sealed, size}, opened));
    const struct hpke_bytes other = {"Count-1", 7}, none = {"", 0};
    assert_false(hpke_open(v.recipient_private, v.encapsulated, info, other, sealed, opened));
    assert_false(hpke_open(v.recipient_private, v.encapsulated, other, additional, sealed, opened));
    assert_false(hpke_open(v.recipient_private, v.encapsulated, info, none, sealed, opened));
    assert_false(hpke_open(v.ephemeral, v.encapsulated, info, additional, sealed, opened));
    v.encapsulated[0] ^= 1;
    assert_false(hpke_open(v.recipient_private, v.encapsulated, info, additional, sealed, opened));
    v.encapsulated[0] ^= 1;
    assert_true(hpke_open(v.recipient_private, v.encapsulated, info, additional, sealed, opened));
}

/* Points of small order (RFC 7748 6.1: the shared secret would be zeros). */
static void test_small_order(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    };
    struct vector v = vector();
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        uint8_t point[32], encapsulated[32], sealed[SIZE + HPKE_TAG], opened[SIZE];
        from_hex(points[i], point, 32);
        assert_false(hpke_seal(point, info, additional, plaintext, encapsulated, sealed));
        assert_false(hpke_open(v.recipient_private, point, info, additional,
                               (struct hpke_bytes){v.sealed, sizeof(v.sealed)}, opened));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule),      cmocka_unit_test(test_keys),
        cmocka_unit_test(test_seal_and_open), cmocka_unit_test(test_fresh_each_time),
        cmocka_unit_test(test_altered),       cmocka_unit_test(test_small_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
