/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers of boxes: who may open one, and each way to be malformed.
 */
#include "box_test.h"

#include "box/header.h"

#define RECIPIENTS 40u /* more than fit on one page */

static struct cella_key people[RECIPIENTS], stranger;
static uint8_t outer[BOX_KEY], file_key[BOX_KEY];
static const struct cella_passphrase right = {"one two", 7}, wrong = {"one three", 9};

struct head {
    uint8_t *pages;
    uint32_t count;
};

static struct head make(size_t recipients, bool passphrase, bool key)
{
    uint8_t to[RECIPIENTS][CELLA_KEY_SIZE];
    struct head head;
    cella_error error;
    for (size_t i = 0; i < recipients; i++)
        memcpy(to[i], people[i].is.receiving, CELLA_KEY_SIZE);
    const struct cella_box_to who = {.recipients = (const void *)to,
                                     .recipient_count = recipients,
                                     .passphrase = passphrase ? &right : NULL,
                                     .key = key ? outer : NULL};
    if (box_head_make(&who, "name", file_key, &head.pages, &head.count, &error))
        fail_msg("%s", error.sentence);
    return head;
}

static void opens(const struct head *head, const struct cella_box_keys *keys)
{
    uint8_t found[BOX_KEY];
    cella_error error;
    if (box_head_open(head->pages, head->count, "x.box", keys, found, &error))
        fail_msg("%s", error.sentence);
    assert_memory_equal(found, file_key, BOX_KEY);
}

static void refuses(const struct head *head, const struct cella_box_keys *keys, const char *why)
{
    uint8_t found[BOX_KEY];
    cella_error error = {0};
    assert_int_not_equal(box_head_open(head->pages, head->count, "x.box", keys, found, &error), 0);
    assert_says(&error, "x.box: ");
    assert_says(&error, why);
}

static void test_who_may(void **state)
{
    (void)state;
    struct head head = make(RECIPIENTS, true, true);
    assert_int_equal(head.count, 2);
    for (size_t i = 0; i < RECIPIENTS; i++)
        opens(&head, &(struct cella_box_keys){.keys = &people[i], .count = 1});
    const struct cella_key several[] = {stranger, people[7]};
    opens(&head, &(struct cella_box_keys){.keys = several, .count = 2});
    opens(&head, &(struct cella_box_keys){.passphrase = &right});
    opens(&head, &(struct cella_box_keys){.key = outer});
    opens(&head, &(struct cella_box_keys){.key = file_key});
    refuses(&head, &(struct cella_box_keys){0}, "wrong key or passphrase; it is sealed to ");
    refuses(&head, &(struct cella_box_keys){.keys = &stranger, .count = 1}, " and 37 more");
    refuses(&head, &(struct cella_box_keys){.passphrase = &wrong}, ", or a passphrase");
    refuses(&head, &(struct cella_box_keys){.key = stranger.receiving_secret}, "wrong key");
    free(head.pages);
    head = make(0, false, false);
    opens(&head, &(struct cella_box_keys){.key = file_key});
    refuses(&head, &(struct cella_box_keys){.keys = people, .count = 1}, "sealed to nobody");
    free(head.pages);
}

/* A public key that is right with a secret that is not. */
static void test_wrong_secret(void **state)
{
    (void)state;
    struct head head = make(1, false, false);
    struct cella_key key = people[0];
    key.receiving_secret[5] ^= 1;
    refuses(&head, &(struct cella_box_keys){.keys = &key, .count = 1}, "wrong key");
    free(head.pages);
}

static void test_limits(void **state)
{
    (void)state;
    enum { MOST = (BOX_HEADER_PAGES * BOX_PAGE - 320 - 28) / 116 };
    uint8_t(*to)[CELLA_KEY_SIZE] = calloc(MOST + 1, CELLA_KEY_SIZE);
    struct cella_box_to who = {.recipients = (const void *)to, .recipient_count = MOST};
    uint8_t *pages, key[BOX_KEY];
    uint32_t count;
    cella_error error;
    assert_non_null(to);
    for (size_t i = 0; i <= MOST; i++)
        memcpy(to[i], people[0].is.receiving, CELLA_KEY_SIZE);
    assert_int_equal(box_head_make(&who, "x", key, &pages, &count, &error), 0);
    assert_int_equal(count, BOX_HEADER_PAGES);
    assert_int_equal(box_head_check(pages, count, "x.box", &error), 0);
    free(pages);
    who.recipient_count++;
    assert_int_not_equal(box_head_make(&who, "x", key, &pages, &count, &error), 0);
    assert_says(&error, "too many");
    who.recipient_count = SIZE_MAX / 100;
    assert_int_not_equal(box_head_make(&who, "x", key, &pages, &count, &error), 0);
    who.recipient_count = 1;
    memset(to[0], 0, CELLA_KEY_SIZE);
    assert_int_not_equal(box_head_make(&who, "x", key, &pages, &count, &error), 0);
    assert_says(&error, "nothing can be sealed to that receiving key");
    free(to);
    char name[BOX_NAME + 2];
    memset(name, 'n', sizeof(name));
    name[BOX_NAME] = 0;
    who.recipient_count = 0;
    assert_int_equal(box_head_make(&who, name, key, &pages, &count, &error), 0);
    assert_int_equal(box_head_check(pages, count, "x.box", &error), 0);
    free(pages);
    name[BOX_NAME] = 'n';
    name[BOX_NAME + 1] = 0;
    assert_int_not_equal(box_head_make(&who, name, key, &pages, &count, &error), 0);
    assert_int_not_equal(box_head_make(&who, "a/b", key, &pages, &count, &error), 0);
}

/* ---- malformed ---- */

static struct box_header *fixed(const struct head *head)
{
    return (void *)head->pages;
}

static struct box_stanza *first(const struct head *head)
{
    return (void *)(head->pages + sizeof(struct box_header));
}

static struct box_stanza_passphrase *passphrase(const struct head *head)
{
    return (void *)(first(head) + 1);
}

#define BREAK(name, ...)                                                                           \
    static void break_##name(struct head *head)                                                    \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }

BREAK(magic, fixed(head)->magic[7] = 'Y')
BREAK(version, fixed(head)->version = 2)
BREAK(cipher, fixed(head)->cipher = 0)
BREAK(no_pages, fixed(head)->header_pages = 0)
BREAK(pages, fixed(head)->header_pages = BOX_HEADER_PAGES + 1)
BREAK(other_pages, fixed(head)->header_pages = 2)
BREAK(more_recipients, fixed(head)->recipients++)
BREAK(fewer_recipients, fixed(head)->recipients--)
BREAK(stanzas_size, fixed(head)->stanzas_size = BOX_PAGE)
BREAK(stanzas_size_most, fixed(head)->stanzas_size = UINT32_MAX)
BREAK(stanza_cut, fixed(head)->stanzas_size--)
BREAK(stanza_head_cut, fixed(head)->stanzas_size = 3)
BREAK(no_stanzas, fixed(head)->stanzas_size = 0)
BREAK(name_size, fixed(head)->name_size = 256)
BREAK(name_short, fixed(head)->name_size = 3)
BREAK(name_long, fixed(head)->name_size = 5)
BREAK(name_slash, fixed(head)->name[1] = '/')
BREAK(zeros, fixed(head)->zero[9] = 1)
BREAK(behind, head->pages[BOX_PAGE - 29] = 1)
BREAK(stanza_none, first(head)->type = 0)
BREAK(stanza_unknown, first(head)->type = 5)
BREAK(stanza_small, first(head)->size = 80)
BREAK(stanza_large, first(head)->size = UINT16_MAX)
BREAK(stanza_other, first(head)->type = BOX_STANZA_KEY)
BREAK(no_passes, passphrase(head)->passes = 0)
BREAK(passes, passphrase(head)->passes = 65)
BREAK(little_memory, passphrase(head)->memory_kib = 31)
BREAK(memory, passphrase(head)->memory_kib = 4194305)
BREAK(no_lanes, passphrase(head)->lanes = 0)
BREAK(lanes, passphrase(head)->lanes = 17)
BREAK(seal, head->pages[BOX_PAGE - 1] ^= 1)
BREAK(seal_nonce, head->pages[BOX_PAGE - 28] ^= 1)
BREAK(file_id, fixed(head)->file_id[0] ^= 1)
BREAK(name, fixed(head)->name[0] ^= 1)
BREAK(salt, passphrase(head)->salt[0] ^= 1)

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        void (*apply)(struct head *head);
        const char *why;
    } cases[] = {
        {break_magic, "not a box"},
        {break_version, "version 2, cipher 1"},
        {break_cipher, "version 1, cipher 0"},
        {break_no_pages, "has 0 pages"},
        {break_pages, "has 17 pages"},
        {break_other_pages, "its header is malformed"},
        {break_more_recipients, "does not have the recipients"},
        {break_fewer_recipients, "does not have the recipients"},
        {break_stanzas_size, "its header is malformed"},
        {break_stanzas_size_most, "its header is malformed"},
        {break_stanza_cut, "is cut"},
        {break_stanza_head_cut, "is cut"},
        {break_no_stanzas, "does not have the recipients"},
        {break_name_size, "the name in its header"},
        {break_name_short, "the name in its header"},
        {break_name_long, "the name in its header"},
        {break_name_slash, "the name in its header"},
        {break_zeros, "its header is malformed"},
        {break_behind, "does not have the recipients"},
        {break_stanza_none, "unknown kind 0"},
        {break_stanza_unknown, "unknown kind 5"},
        {break_stanza_small, "kind 2 with 80 bytes"},
        {break_stanza_large, "is cut"},
        {break_stanza_other, "kind 3 with 88 bytes"},
        {break_no_passes, "cost that is not allowed"},
        {break_passes, "cost that is not allowed"},
        {break_little_memory, "cost that is not allowed"},
        {break_memory, "cost that is not allowed"},
        {break_no_lanes, "cost that is not allowed"},
        {break_lanes, "cost that is not allowed"},
        {break_seal, "its header fails authentication"},
        {break_seal_nonce, "its header fails authentication"},
        {break_file_id, "its header fails authentication"},
        {break_name, "its header fails authentication"},
        {break_salt, "its header fails authentication"},
    };
    struct head good = make(0, true, false);
    uint8_t kept[BOX_PAGE];
    memcpy(kept, good.pages, BOX_PAGE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(good.pages, kept, BOX_PAGE);
        cases[i].apply(&good);
        refuses(&good, &(struct cella_box_keys){.key = file_key}, cases[i].why);
    }
    memcpy(good.pages, kept, BOX_PAGE);
    opens(&good, &(struct cella_box_keys){.key = file_key});
    free(good.pages);
}

/* Another box's stanza does not open this one, even for the same recipient. */
static void test_stanza_of_another_box(void **state)
{
    (void)state;
    struct head one = make(1, false, false);
    struct head two = make(1, false, false);
    memcpy(two.pages + sizeof(struct box_header), one.pages + sizeof(struct box_header), 116);
    refuses(&two, &(struct cella_box_keys){.keys = people, .count = 1}, "wrong key");
    free(one.pages);
    free(two.pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may),
        cmocka_unit_test(test_wrong_secret),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_stanza_of_another_box),
    };
    for (size_t i = 0; i < RECIPIENTS; i++)
        people[i] = any_key();
    stranger = any_key();
    memset(outer, 7, sizeof(outer));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
