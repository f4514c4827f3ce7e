/* SPDX-License-Identifier: Apache-2.0
 *
 * Challenges: once, in time, and never more than there is room for. Rates: by client, in a table
 * that does not grow. What a release binds.
 */
#include "attest_test.h"

#include "image/hex.h"
#include "keyd/binding.h"
#include "keyd/challenge.h"
#include "keyd/limits.h"
#include "keyd/links.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* ---- challenges ---- */

static void test_once(void **state)
{
    uint8_t nonce[CHALLENGE_SIZE], other[CHALLENGE_SIZE];
    struct challenges *challenges = challenges_new(128, 60);
    (void)state;
    assert_true(challenge_give(challenges, 100, nonce));
    assert_true(challenge_give(challenges, 100, other));
    assert_memory_not_equal(nonce, other, sizeof(nonce));
    for (size_t i = 0; i < sizeof(nonce); i++) {
        nonce[i] ^= 0x80;
        assert_false(challenge_use(challenges, 100, nonce));
        nonce[i] ^= 0x80;
    }
    assert_true(challenge_use(challenges, 100, nonce));
    assert_false(challenge_use(challenges, 100, nonce));
    assert_true(challenge_use(challenges, 160, other));
    challenges_free(challenges);
}

static void test_expired(void **state)
{
    uint8_t nonce[CHALLENGE_SIZE];
    struct challenges *challenges = challenges_new(128, 60);
    (void)state;
    assert_true(challenge_give(challenges, 100, nonce));
    assert_false(challenge_use(challenges, 161, nonce));
    challenges_free(challenges);
}

static void test_full(void **state)
{
    uint8_t first[CHALLENGE_SIZE], nonce[CHALLENGE_SIZE];
    struct challenges *challenges = challenges_new(32, 60);
    (void)state;
    assert_true(challenge_give(challenges, 100, first));
    for (int i = 1; i < 32; i++)
        assert_true(challenge_give(challenges, 100, nonce));
    assert_false(challenge_give(challenges, 160, nonce)); /* none makes room */
    assert_true(challenge_use(challenges, 160, first));
    assert_true(challenge_give(challenges, 160, nonce));
    assert_false(challenge_give(challenges, 160, nonce));
    for (int i = 0; i < 31; i++)
        assert_true(challenge_give(challenges, 161, nonce));
    challenges_free(challenges);
}

static struct challenges *shared;
static uint8_t contested[512][CHALLENGE_SIZE];
static atomic_int won;

static void *use_all(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 512; i++)
        if (challenge_use(shared, 1, contested[i]))
            won++;
    return NULL;
}

/* Several threads, one nonce: one of them has it. */
static void test_contested(void **state)
{
    pthread_t threads[4];
    (void)state;
    shared = challenges_new(512, 60);
    for (size_t i = 0; i < 512; i++)
        assert_true(challenge_give(shared, 1, contested[i]));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(won, 512);
    challenges_free(shared);
}

/* ---- rates ---- */

static bool takes(struct limits *limits, int64_t now, const char *address)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        return limits_take(limits, now, (struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return limits_take(limits, now, (struct sockaddr *)&six);
}

static void test_rate(void **state)
{
    struct limits *limits = limits_new(64, 10, 5);
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(takes(limits, 1000, "10.0.0.1"));
    assert_false(takes(limits, 1000, "10.0.0.1"));
    assert_true(takes(limits, 1000, "10.0.0.2"));
    assert_false(takes(limits, 1099, "10.0.0.1"));
    assert_true(takes(limits, 1100, "10.0.0.1")); /* 10 a second: one in 100 ms */
    assert_false(takes(limits, 1100, "10.0.0.1"));
    /* Long away: the burst, not more; and no overflow. */
    for (int i = 0; i < 5; i++)
        assert_true(takes(limits, INT64_MAX / 2, "10.0.0.1"));
    assert_false(takes(limits, INT64_MAX / 2, "10.0.0.1"));
    limits_free(limits);
}

static void test_addresses(void **state)
{
    struct limits *limits = limits_new(64, 1, 1);
    (void)state;
    assert_true(takes(limits, 1, "2001:db8:1:2:3::4"));
    assert_false(takes(limits, 1, "2001:db8:1:2:ffff::1")); /* the same /64 */
    assert_true(takes(limits, 1, "2001:db8:1:3::4"));
    assert_true(takes(limits, 1, "192.0.2.1"));
    assert_false(takes(limits, 1, "::ffff:192.0.2.1")); /* the same host */
    assert_true(takes(limits, 1, "c000:201::"));        /* the same bytes, of IPv6 */
    limits_free(limits);
}

/* More clients than places: none is refused for it, and what is kept longest is dropped. */
static void test_bounded(void **state)
{
    struct limits *limits = limits_new(8, 1, 1);
    char address[32];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof(address), "10.1.%d.%d", i / 200, i % 200);
        assert_true(takes(limits, i, address));
        assert_false(takes(limits, i, address));
    }
    assert_true(takes(limits, 1000, "10.1.0.0"));    /* forgotten long ago */
    assert_false(takes(limits, 1000, "10.1.4.199")); /* not this one */
    limits_free(limits);
}

/* ---- connections ---- */

static const struct sockaddr *address_of(const char *text, struct sockaddr_storage *room)
{
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)room;
    struct sockaddr_in *four = (struct sockaddr_in *)room;
    memset(room, 0, sizeof(*room));
    bool is_six = strchr(text, ':');
    room->ss_family = is_six ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(room->ss_family, text,
                               is_six ? (void *)&six->sin6_addr : (void *)&four->sin_addr),
                     1);
    return (const struct sockaddr *)room;
}

static struct link *opens(struct links *links, const char *address)
{
    struct sockaddr_storage room;
    const struct sockaddr *client = address_of(address, &room);
    bool may = links_may_open(links, client);
    struct link *link = links_open(links, client, -1, 0);
    assert_true(may == (link != NULL));
    return link;
}

static void test_links(void **state)
{
    struct links *links = links_new(4, 800);
    (void)state;
    struct link *first = opens(links, "2001:db8:1:2:3::4");
    struct link *second = opens(links, "2001:db8:1:2:ffff::1");
    assert_true(first && second);
    assert_null(opens(links, "2001:db8:1:2::")); /* the same /64 */
    struct link *third = opens(links, "192.0.2.1");
    assert_non_null(third);
    assert_non_null(opens(links, "::ffff:192.0.2.1"));
    assert_null(opens(links, "192.0.2.1"));
    links_close(links, second);
    assert_non_null(opens(links, "2001:db8:1:2:3::5"));
    links_free(links);
}

static void test_bytes(void **state)
{
    struct links *links = links_new(100, 800);
    struct link *all[9];
    char address[16];
    (void)state;
    for (size_t i = 0; i < 9; i++) {
        snprintf(address, sizeof(address), "10.0.0.%zu", i);
        all[i] = opens(links, address);
    }
    struct link *beside = opens(links, "10.0.0.0"); /* another one of the first */
    assert_false(link_reserve(links, all[0], 101));
    assert_false(link_reserve(links, all[0], SIZE_MAX));
    assert_true(link_reserve(links, all[0], 60));
    assert_true(link_reserve(links, beside, 40));
    assert_false(link_reserve(links, all[0], 1));
    for (size_t i = 1; i < 8; i++)
        assert_true(link_reserve(links, all[i], 100));
    assert_false(link_reserve(links, all[8], 1)); /* all that there is */
    link_release(links, beside, 40);
    link_release(links, all[0], 60);
    assert_true(link_reserve(links, all[8], 100)); /* what was refused is not counted */
    assert_false(link_reserve(links, all[0], 1));
    links_free(links);
}

static void test_sweep(void **state)
{
    struct links *links = links_new(4, 800);
    struct sockaddr_storage room;
    int pair[2];
    char byte;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct link *link = links_open(links, address_of("10.0.0.1", &room), pair[0], 1000);
    assert_int_equal(links_sweep(links, 1000), 0);
    link_wait(link, 0);
    assert_int_equal(links_sweep(links, INT64_MAX), 0);
    link_wait(link, 2000);
    assert_int_equal(links_sweep(links, 2001), 1);
    assert_int_equal(read(pair[1], &byte, 1), 0);
    links_close(links, link);
    assert_int_equal(links_sweep(links, 2001), 0);
    close(pair[0]);
    close(pair[1]);
    links_free(links);
}

/* ---- what a release binds ---- */

/* The definition, computed by Python's hashlib over the bytes that binding.h names. */
static void test_binding(void **state)
{
    uint8_t nonce[32], recipient[32];
    char text[129];
    struct binding binding, other;
    (void)state;
    for (int i = 0; i < 32; i++) {
        nonce[i] = (uint8_t)i;
        recipient[i] = (uint8_t)(0xff - i);
    }
    assert_true(binding_make(nonce, recipient, "patients-2026", &binding));
    assert_string_equal(hex_write(binding.report_data, 64, text),
                        "9f0c716b8f6b36a7ff43366745c3d7535e9fb8b4eec22dcf0a18c5945fd188e2"
                        "fdcfa0b84c489183169caf5c5a14553d4480e935f7bab4eea619c9437eed8efc");
    assert_string_equal(hex_write(binding.nonce, 32, text),
                        "44a388ebc070112e2b622d59be670364eb25be808b9f98eda2a62f56ade989ae");
    assert_true(binding_make(nonce, recipient, "patients-2027", &other));
    assert_memory_not_equal(binding.report_data, other.report_data, 64);
    nonce[31] ^= 1;
    assert_true(binding_make(nonce, recipient, "patients-2026", &other));
    assert_memory_not_equal(binding.report_data, other.report_data, 64);
    nonce[31] ^= 1;
    recipient[0] ^= 1;
    assert_true(binding_make(nonce, recipient, "patients-2026", &other));
    assert_memory_not_equal(binding.nonce, other.nonce, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),    cmocka_unit_test(test_expired),
        cmocka_unit_test(test_full),    cmocka_unit_test(test_contested),
        cmocka_unit_test(test_rate),    cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_links),
        cmocka_unit_test(test_bytes),   cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
