/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes against a byte array, killed at every moment, and altered in every way.
 */
#include "box_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[BOX_KEY] = {1, 2, 3}, other_key[BOX_KEY] = {4, 5, 6};

static struct box_opening opening_of(struct memory_box *file, bool writable)
{
    return (struct box_opening){.services = &box_services,
                                .file = memory_box_file(file),
                                .key = key,
                                .name = "x.db",
                                .name_size = 4,
                                .writable = writable};
}

static struct box *create(struct memory_box *file)
{
    struct box_fault fault;
    struct box_opening opening = opening_of(file, true);
    struct box *box = box_create(&opening, true, &fault);
    assert_non_null(box);
    return box;
}

static struct box *reopen(struct memory_box *file, bool writable)
{
    struct box_fault fault;
    struct box_opening opening = opening_of(file, writable);
    struct box *box = box_open(&opening, &fault);
    assert_int_equal(fault.kind, BOX_FAULT_NONE);
    return box;
}

static void close_well(struct box *box)
{
    assert_int_equal(box_close(box).kind, BOX_FAULT_NONE);
}

/* ---- a byte array as the model ---- */

#define MODEL_MOST (3u << 20)

struct model {
    uint8_t bytes[MODEL_MOST];
    uint64_t size;
};

static uint64_t seed;

static uint64_t chance(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (seed >> 33) % below;
}

static uint64_t some_size(void)
{
    static const uint64_t most[] = {100, 5000, 70000, 700000};
    return chance(most[chance(4)]) + 1;
}

static void model_write(struct box *box, struct model *model)
{
    static uint8_t bytes[700001];
    uint64_t size = some_size(), offset = chance(model->size + some_size());
    offset = chance(2) ? offset & ~UINT64_C(4095) : offset;
    if (offset + size > MODEL_MOST)
        return;
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(chance(255) + 1);
    assert_true(box_write(box, offset, bytes, size));
    memcpy(model->bytes + offset, bytes, size);
    model->size = offset + size > model->size ? offset + size : model->size;
}

static void model_truncate(struct box *box, struct model *model)
{
    uint64_t size = chance(MODEL_MOST);
    if (chance(3))
        size = model->size - (model->size ? chance(model->size) / 4 : 0);
    assert_true(box_truncate(box, size));
    if (size < model->size)
        memset(model->bytes + size, 0, model->size - size);
    model->size = size;
}

static void model_read(struct box *box, const struct model *model)
{
    static uint8_t bytes[700001];
    uint64_t size = some_size(), offset = chance(model->size + 10000);
    uint64_t left = offset < model->size ? model->size - offset : 0;
    int64_t done = box_read(box, offset, bytes, size);
    assert_int_equal(done, size < left ? size : left);
    assert_memory_equal(bytes, model->bytes + offset, (size_t)done);
}

static void model_compare(struct box *box, const struct model *model)
{
    static uint8_t bytes[MODEL_MOST];
    assert_int_equal(box_size(box), model->size);
    assert_int_equal(box_read(box, 0, bytes, sizeof(bytes)), model->size);
    assert_memory_equal(bytes, model->bytes, model->size);
}

static void as_the_model(void **state)
{
    static struct model model;
    (void)state;
    for (uint64_t run = 0; run < 60; run++) {
        struct memory_box file = {0};
        seed = run;
        memset(&model, 0, sizeof(model));
        struct box *box = create(&file);
        for (int i = 0; i < 60; i++) {
            switch (chance(8)) {
            case 0:
                model_truncate(box, &model);
                break;
            case 1:
                assert_true(box_commit(box));
                break;
            case 2:
                close_well(box);
                box = reopen(&file, true);
                break;
            case 3:
            case 4:
                model_read(box, &model);
                break;
            default:
                model_write(box, &model);
            }
        }
        model_compare(box, &model);
        close_well(box);
        assert_int_equal(file.size, BOX_PAGE * (3 + box_pages(box_blocks(model.size))));
        box = reopen(&file, false);
        model_compare(box, &model);
        close_well(box);
        memory_box_end(&file);
    }
}

/* A tree of three levels, nearly all of it holes. */
static void far_apart(void **state)
{
    struct memory_box file = {0};
    struct box *box = create(&file);
    uint8_t byte = 7, back[2];
    const uint64_t far = UINT64_C(70) << 20;
    (void)state;
    assert_true(box_write(box, far, &byte, 1));
    assert_true(box_write(box, 5, &byte, 1));
    close_well(box);
    box = reopen(&file, true);
    assert_int_equal(box_read(box, far - 1, back, 2), 2);
    assert_int_equal(back[0], 0);
    assert_int_equal(back[1], 7);
    assert_true(box_truncate(box, 6));
    assert_true(box_truncate(box, far + 1));
    assert_int_equal(box_read(box, far, back, 2), 1);
    assert_int_equal(back[0], 0);
    close_well(box);
    box = reopen(&file, false);
    assert_int_equal(box_read(box, 5, back, 2), 2);
    assert_int_equal(back[0], 7);
    close_well(box);
    memory_box_end(&file);
}

static void beyond_the_limit(void **state)
{
    struct memory_box file = {0};
    struct box *box = create(&file);
    (void)state;
    assert_false(box_write(box, BOX_SIZE_MOST, "x", 1));
    assert_false(box_truncate(box, BOX_SIZE_MOST + 1));
    close_well(box);
    memory_box_end(&file);
}

/* ---- killed ---- */

#define STATES       7
#define KILLED_PAGES 300

static void fill(uint8_t *bytes, uint64_t size, int number)
{
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number * 50 + i % 41 + i / BOX_PAGE);
}

/* What the box holds after commit `number`. */
static uint64_t state_of(int number, uint8_t *bytes)
{
    /* the third grows over the journal of the second */
    static const uint64_t pages[STATES] = {0, 3, 2, 140, 20, 200, 1};
    for (int i = 1; i <= number; i++)
        fill(bytes, pages[i] * BOX_PAGE, i);
    return number ? pages[number] * BOX_PAGE - (number == 4 ? 100 : 0) : 0;
}

static bool to_state(struct box *box, int number, bool commit)
{
    static uint8_t bytes[KILLED_PAGES * BOX_PAGE];
    uint64_t size = state_of(number, bytes);
    return box_write(box, 0, bytes, size) && box_truncate(box, size) &&
           (!commit || box_commit(box));
}

/* Does all of it until the file stops; which commits were done. */
static int work(struct memory_box *file)
{
    struct box_fault fault;
    struct box_opening opening = opening_of(file, true);
    opening.cache_pages = 1024;
    struct box *box = box_open(&opening, &fault);
    int done = 0;
    if (!box)
        return 0;
    for (int number = 1; number < STATES; number++) {
        bool closes = number == 4;
        if (!to_state(box, number, !closes))
            break;
        if (closes) {
            bool closed = !box_close(box).kind;
            box = box_open(&opening, &fault);
            if (!closed || !box)
                break;
        }
        done = number;
    }
    if (box)
        box_close(box);
    return done;
}

/* It is the last one that was committed, or the next, whose commit had got far enough. */
static void check_killed(struct memory_box *file, int done, bool writable)
{
    static uint8_t bytes[KILLED_PAGES * BOX_PAGE], wanted[KILLED_PAGES * BOX_PAGE];
    struct box *box = reopen(file, writable);
    int64_t size = box_read(box, 0, bytes, sizeof(bytes));
    bool found = false;
    for (int number = done; number <= done + 1 && number < STATES && !found; number++)
        found =
            (uint64_t)size == state_of(number, wanted) && memcmp(bytes, wanted, (size_t)size) == 0;
    assert_true(found);
    close_well(box);
}

static void killed_at_any_moment(void **state)
{
    struct memory_box start = {0}, file = {0}, copy = {0};
    (void)state;
    close_well(create(&start));
    memory_box_copy(&file, &start);
    assert_int_equal(work(&file), STATES - 1);
    uint64_t steps = file.steps;
    for (uint64_t last = 1; last < steps; last++) {
        memory_box_copy(&file, &start);
        file.last_step = last;
        int done = work(&file);
        file.last_step = 0;
        memory_box_copy(&copy, &file);
        check_killed(&copy, done, false); /* the overlay */
        check_killed(&file, done, true);  /* in place */
        check_killed(&file, done, false);
        /* killed again while it was being brought in order */
        file.steps = 0;
        memory_box_copy(&file, &copy);
        file.last_step = last % 17 + 1;
        struct box_fault fault;
        struct box_opening opening = opening_of(&file, true);
        struct box *box = box_open(&opening, &fault);
        if (box)
            box_close(box);
        file.last_step = 0;
        check_killed(&file, done, true);
    }
    memory_box_end(&start);
    memory_box_end(&file);
    memory_box_end(&copy);
}

/* ---- altered ---- */

#define BLOCKS 200u

static void sealed(struct memory_box *file)
{
    static uint8_t bytes[BLOCKS * BOX_PAGE];
    struct box *box = create(file);
    fill(bytes, sizeof(bytes), 1);
    assert_true(box_write(box, 0, bytes, sizeof(bytes)));
    close_well(box);
}

static uint8_t *page_at(struct memory_box *file, uint64_t page)
{
    return file->bytes + page * BOX_PAGE;
}

static uint8_t *block_at(struct memory_box *file, uint64_t block)
{
    return page_at(file, 3 + box_place_data(block));
}

static struct box_fault open_fails(struct memory_box *file, struct box_opening opening)
{
    struct box_fault fault;
    opening.file = memory_box_file(file);
    struct box *box = box_open(&opening, &fault);
    assert_null(box);
    return fault;
}

/* Reads all of it, block by block: the first fault. */
static struct box_fault read_fails(struct memory_box *file)
{
    static uint8_t bytes[BOX_PAGE];
    struct box *box = reopen(file, false);
    for (uint64_t block = 0; block < BLOCKS; block++) {
        if (box_read(box, block * BOX_PAGE, bytes, BOX_PAGE) < 0)
            break;
    }
    return box_close(box);
}

static void assert_fault(struct box_fault fault, enum box_fault_kind kind, uint64_t block)
{
    assert_int_equal(fault.kind, kind);
    assert_int_equal(fault.block, block);
}

static void wrong_key(void **state)
{
    struct memory_box file = {0};
    struct box_opening opening = opening_of(&file, false);
    (void)state;
    sealed(&file);
    opening.key = other_key;
    assert_fault(open_fails(&file, opening), BOX_FAULT_KEY, 0);
    memory_box_end(&file);
}

static void altered_block(void **state)
{
    struct memory_box file = {0}, copy = {0};
    (void)state;
    sealed(&file);
    for (uint64_t block = 0; block < BLOCKS; block += 37) {
        memory_box_copy(&copy, &file);
        block_at(&copy, block)[block * 13 % BOX_PAGE] ^= 1;
        assert_fault(read_fails(&copy), BOX_FAULT_BLOCK, block);
    }
    memory_box_copy(&copy, &file);
    page_at(&copy, 3 + box_place_node(1, 1))[5] ^= 0x80;
    assert_fault(read_fails(&copy), BOX_FAULT_NODE, 128);
    memory_box_copy(&copy, &file);
    page_at(&copy, 3 + box_place_node(2, 0))[4000] ^= 2;
    assert_fault(read_fails(&copy), BOX_FAULT_NODE, 0);
    memory_box_end(&file);
    memory_box_end(&copy);
}

static void moved_block(void **state)
{
    struct memory_box file = {0}, copy = {0};
    uint8_t page[BOX_PAGE];
    (void)state;
    sealed(&file);
    memory_box_copy(&copy, &file); /* two of them change places */
    memcpy(page, block_at(&copy, 10), BOX_PAGE);
    memcpy(block_at(&copy, 10), block_at(&copy, 150), BOX_PAGE);
    memcpy(block_at(&copy, 150), page, BOX_PAGE);
    assert_fault(read_fails(&copy), BOX_FAULT_BLOCK, 10);
    memory_box_copy(&copy, &file); /* one stands twice */
    memcpy(block_at(&copy, 11), block_at(&copy, 10), BOX_PAGE);
    assert_fault(read_fails(&copy), BOX_FAULT_BLOCK, 11);
    memory_box_copy(&copy, &file); /* one is taken out */
    memmove(block_at(&copy, 20), block_at(&copy, 21), 50 * BOX_PAGE);
    assert_fault(read_fails(&copy), BOX_FAULT_BLOCK, 20);
    memory_box_end(&file);
    memory_box_end(&copy);
}

static void cut_or_longer(void **state)
{
    struct memory_box file = {0}, copy = {0};
    (void)state;
    sealed(&file);
    memory_box_copy(&copy, &file);
    copy.size -= 10 * BOX_PAGE;
    assert_fault(open_fails(&copy, opening_of(&copy, false)), BOX_FAULT_TRUNCATED, BLOCKS - 10);
    memory_box_copy(&copy, &file);
    copy.size--;
    assert_fault(open_fails(&copy, opening_of(&copy, true)), BOX_FAULT_TRUNCATED, BLOCKS - 1);
    memory_box_copy(&copy, &file);
    assert_true(memory_box_file(&copy).truncate(&copy, copy.size + 1));
    assert_fault(open_fails(&copy, opening_of(&copy, false)), BOX_FAULT_EXTENDED, BLOCKS);
    for (uint64_t size = 0; size < 3 * BOX_PAGE; size += BOX_PAGE) {
        memory_box_copy(&copy, &file);
        copy.size = size;
        assert_fault(open_fails(&copy, opening_of(&copy, false)), BOX_FAULT_MALFORMED, 0);
    }
    memory_box_end(&file);
    memory_box_end(&copy);
}

static void from_another_file(void **state)
{
    struct memory_box file = {0}, other = {0}, copy = {0};
    struct box_fault fault;
    (void)state;
    sealed(&file);
    sealed(&other);
    memory_box_copy(&copy, &file);
    memcpy(block_at(&copy, 3), block_at(&other, 3), BOX_PAGE);
    assert_fault(read_fails(&copy), BOX_FAULT_BLOCK, 3);
    memory_box_copy(&copy, &file);
    memcpy(copy.bytes, other.bytes, BOX_PAGE);
    assert_fault(open_fails(&copy, opening_of(&copy, false)), BOX_FAULT_OTHER_HEADER, 0);
    memory_box_copy(&copy, &file);
    memcpy(page_at(&copy, 1), page_at(&other, 1), 2 * BOX_PAGE);
    assert_fault(open_fails(&copy, opening_of(&copy, false)), BOX_FAULT_OTHER_HEADER, 0);
    /* the same file key does not make it the same box */
    struct memory_box first = {0}, second = {0};
    struct box_opening opening = opening_of(&first, true);
    close_well(box_create(&opening, false, &fault));
    opening = opening_of(&second, true);
    close_well(box_create(&opening, false, &fault));
    memcpy(first.bytes, second.bytes, BOX_PAGE);
    assert_fault(open_fails(&first, opening_of(&first, false)), BOX_FAULT_OTHER_HEADER, 0);
    memory_box_end(&first);
    memory_box_end(&second);
    memory_box_end(&file);
    memory_box_end(&other);
    memory_box_end(&copy);
}

static void altered_header(void **state)
{
    struct memory_box file = {0}, copy = {0};
    (void)state;
    sealed(&file);
    for (size_t at = 0; at < BOX_PAGE; at++) {
        memory_box_copy(&copy, &file);
        copy.bytes[at] ^= 1;
        enum box_fault_kind kind = open_fails(&copy, opening_of(&copy, false)).kind;
        assert_true(kind == BOX_FAULT_HEADER || kind == BOX_FAULT_MALFORMED ||
                    kind == BOX_FAULT_KEY);
    }
    memory_box_end(&file);
    memory_box_end(&copy);
}

static void of_another_name(void **state)
{
    struct memory_box file = {0};
    struct box_opening opening = opening_of(&file, false);
    (void)state;
    sealed(&file);
    opening.name = "y.db";
    assert_fault(open_fails(&file, opening), BOX_FAULT_NAME, 0);
    memory_box_end(&file);
}

static void renamed(void **state)
{
    struct memory_box file = {0};
    struct box_fault fault;
    (void)state;
    sealed(&file);
    struct box *box = reopen(&file, true);
    assert_true(box_rename(box, "long name", 9, "x.db", 4));
    close_well(box);
    box = reopen(&file, true); /* as x.db still */
    assert_true(box_rename(box, "long name", 9, NULL, 0));
    close_well(box);
    struct box_opening opening = opening_of(&file, true);
    assert_fault(open_fails(&file, opening), BOX_FAULT_NAME, 0);
    opening.name = "long name";
    opening.name_size = 9;
    box = box_open(&opening, &fault);
    assert_non_null(box);
    assert_int_equal(box_size(box), BLOCKS * BOX_PAGE);
    close_well(box);
    memory_box_end(&file);
}

/* The host gives back, within one opening, what a block was before. */
static void older_block(void **state)
{
    struct memory_box file = {0}, old = {0};
    static uint8_t bytes[BOX_PAGE];
    (void)state;
    sealed(&file);
    memory_box_copy(&old, &file);
    struct box_opening opening = opening_of(&file, true);
    struct box_fault fault;
    struct box *box = box_open(&opening, &fault);
    assert_true(box_write(box, 7 * BOX_PAGE, bytes, BOX_PAGE));
    assert_true(box_commit(box));
    for (uint64_t block = 40; block < BLOCKS; block++) /* so that block 7 leaves the cache */
        assert_int_equal(box_read(box, block * BOX_PAGE, bytes, BOX_PAGE), BOX_PAGE);
    memcpy(file.bytes, old.bytes, old.size);
    assert_int_equal(box_read(box, 7 * BOX_PAGE, bytes, BOX_PAGE), -1);
    assert_fault(box_fault(box), BOX_FAULT_BLOCK, 7);
    /* and now nothing is written any more */
    uint64_t steps = file.steps;
    assert_false(box_write(box, 0, bytes, BOX_PAGE));
    assert_false(box_commit(box));
    assert_fault(box_close(box), BOX_FAULT_BLOCK, 7);
    assert_int_equal(file.steps, steps);
    memory_box_end(&file);
    memory_box_end(&old);
}

static void older_version(void **state)
{
    struct memory_box file = {0}, old = {0};
    uint8_t version[32];
    (void)state;
    sealed(&file);
    memory_box_copy(&old, &file);
    struct box *box = reopen(&file, true);
    assert_true(box_write(box, 0, "new", 3));
    assert_true(box_commit(box));
    box_version(box, version);
    close_well(box);
    struct box_opening opening = opening_of(&old, false);
    opening.version = version;
    assert_fault(open_fails(&old, opening), BOX_FAULT_VERSION, 0);
    opening.file = memory_box_file(&file);
    struct box_fault fault;
    close_well(box_open(&opening, &fault));
    memory_box_end(&file);
    memory_box_end(&old);
}

static void read_only_writes_nothing(void **state)
{
    struct memory_box file = {0};
    (void)state;
    sealed(&file);
    uint64_t steps = file.steps;
    struct box *box = reopen(&file, false);
    assert_false(box_write(box, 0, "x", 1));
    box_close(box);
    assert_int_equal(file.steps, steps);
    memory_box_end(&file);
}

static void no_nonce_twice(void **state)
{
    struct memory_box file = {0};
    const struct box_entry *leaf;
    (void)state;
    struct box *box = create(&file);
    for (int i = 0; i < 2; i++) {
        assert_true(box_write(box, 0, "same", 4));
        assert_true(box_commit(box));
    }
    close_well(box);
    leaf = (const void *)(file.bytes + 1 * BOX_PAGE);
    assert_memory_not_equal(leaf, file.bytes + 2 * BOX_PAGE, BOX_NONCE);
    memory_box_end(&file);
}

/* Room for the messages of the next commit is what a superblock has to leave. */
static void too_many_messages(void **state)
{
    struct memory_box file = {0};
    (void)state;
    struct box *box = create(&file);
    assert_true(box_write(box, 0, "x", 1));
    assert_true(box_commit(box));
    struct box_super super;
    memcpy(&super, page_at(&file, 1) + sizeof(struct box_seal), sizeof(super));
    assert_true(super.messages >= 4);
    close_well(box);
    memory_box_end(&file);
}

/* Puts another count of messages into the superblock that counts, as an owner of the key could. */
static void set_messages(struct memory_box *file, uint64_t messages)
{
    uint8_t additional[1 + BOX_ID + 1 + sizeof(struct box_super)] = {BOX_FOR_SUPER};
    const struct box_header *header = (const void *)file->bytes;
    for (uint64_t number = 0; number < 2; number++) {
        uint8_t *slot = file->bytes + (header->header_pages + number) * BOX_PAGE;
        struct box_super *super = (void *)(slot + sizeof(struct box_seal));
        struct box_seal seal;
        void *prepared = box_services.key_begin(key);
        super->messages = messages;
        memcpy(additional + 1, header->file_id, BOX_ID);
        additional[1 + BOX_ID] = (uint8_t)number;
        memcpy(additional + 2 + BOX_ID, super, sizeof(*super));
        box_services.random(seal.nonce, BOX_NONCE);
        assert_true(
            box_services.seal(prepared, &seal, additional, sizeof(additional), NULL, NULL, 0));
        memcpy(slot, &seal, sizeof(seal));
        box_services.key_end(prepared);
    }
}

/* A box that was written under `key` itself, and has used it up to so many messages. */
static void make_used(struct memory_box *file, uint64_t messages)
{
    struct box_fault fault;
    struct box_opening opening = opening_of(file, true);
    struct box *box = box_create(&opening, false, &fault);
    assert_non_null(box);
    assert_true(box_write(box, 0, "first", 5));
    close_well(box);
    set_messages(file, messages);
}

static void messages_limit(void **state)
{
    const uint64_t ahead = 2 * BOX_CACHE_LEAST + 16; /* that a commit may need */
    struct memory_box file = {0};
    char bytes[5], sentence[300];
    (void)state;
    make_used(&file, BOX_MESSAGES_MOST - ahead);
    struct box *box = reopen(&file, true);
    assert_true(box_write(box, 0, "again", 5));
    close_well(box); /* the last commit that there is room for */
    box = reopen(&file, true);
    assert_true(box_write(box, 0, "never", 5));
    assert_false(box_commit(box));
    assert_int_equal(box_fault(box).kind, BOX_FAULT_MESSAGES);
    box_fault_sentence(box_fault(box), "x.box", sentence, sizeof(sentence));
    assert_non_null(strstr(sentence, "its key has encrypted as much as it may"));
    uint64_t steps = file.steps;
    assert_int_equal(box_close(box).kind, BOX_FAULT_MESSAGES);
    assert_int_equal(file.steps, steps);
    box = reopen(&file, false);
    assert_int_equal(box_read(box, 0, bytes, sizeof(bytes)), 5);
    assert_memory_equal(bytes, "again", 5);
    close_well(box);
    memory_box_end(&file);
}

/* A count near 2^64 would begin again at 0. */
static void messages_overflow(void **state)
{
    struct memory_box file = {0};
    struct box_fault fault;
    (void)state;
    make_used(&file, UINT64_MAX - 10);
    struct box_opening opening = opening_of(&file, true);
    assert_null(box_open(&opening, &fault));
    assert_int_equal(fault.kind, BOX_FAULT_MALFORMED);
    memory_box_end(&file);
}

static void sentences(void **state)
{
    char sentence[300];
    (void)state;
    for (int kind = 0; kind < BOX_FAULT_KINDS; kind++) {
        box_fault_sentence((struct box_fault){(enum box_fault_kind)kind, 17}, "x.box", sentence,
                           sizeof(sentence));
        assert_memory_equal(sentence, "x.box: ", 7);
    }
    box_fault_sentence((struct box_fault){BOX_FAULT_BLOCK, 17}, "x.box", sentence,
                       sizeof(sentence));
    assert_non_null(strstr(sentence, "block 17 fails authentication"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_model),
        cmocka_unit_test(far_apart),
        cmocka_unit_test(beyond_the_limit),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(wrong_key),
        cmocka_unit_test(altered_block),
        cmocka_unit_test(moved_block),
        cmocka_unit_test(cut_or_longer),
        cmocka_unit_test(from_another_file),
        cmocka_unit_test(altered_header),
        cmocka_unit_test(of_another_name),
        cmocka_unit_test(renamed),
        cmocka_unit_test(older_block),
        cmocka_unit_test(older_version),
        cmocka_unit_test(read_only_writes_nothing),
        cmocka_unit_test(no_nonce_twice),
        cmocka_unit_test(too_many_messages),
        cmocka_unit_test(messages_limit),
        cmocka_unit_test(messages_overflow),
        cmocka_unit_test(sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
