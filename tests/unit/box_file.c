/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes sealed and opened whole: what goes in comes out, at every size where the tree changes its
 * shape; and each way to tamper with a box is told by name and block.
 */
#include "box_test.h"

#include "box/aead.h"
#include "box/super.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#define PAGE ((size_t)BOX_PAGE)

static struct cella_key key;

static const struct cella_box_keys keys = {.keys = &key, .count = 1};

static struct cella_box_to to_key(void)
{
    return (struct cella_box_to){.recipients = (const void *)key.is.receiving,
                                 .recipient_count = 1};
}

static void seal_file(const char *from, const char *box)
{
    struct cella_box_to to = to_key();
    cella_error error = {0};
    if (cella_box_seal_file(from, NULL, &to, box, false, NULL, &error))
        fail_msg("%s", error.sentence);
}

static void open_file(const char *box, const char *to)
{
    cella_error error = {0};
    if (cella_box_open_file(box, &keys, to, true, NULL, NULL, &error))
        fail_msg("%s", error.sentence);
}

static void refuses(const char *box, const char *why)
{
    cella_error error = {0};
    assert_int_not_equal(cella_box_open_file(box, &keys, "refused", false, NULL, NULL, &error), 0);
    assert_says(&error, box);
    assert_says(&error, why);
    assert_int_not_equal(access("refused", F_OK), 0);
}

static const size_t sizes[] = {0,
                               1,
                               4095,
                               4096,
                               4097,
                               128 * 4096,
                               129 * 4096,
                               128 * 4096 + 1,
                               300 * 4096 + 17,
                               128 * 128 * 4096,
                               128 * 128 * 4096 + 1,
                               16700 * 4096 + 5};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void test_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        uint8_t *bytes = content(sizes[i]);
        size_t size, box_size;
        struct cella_box_info info;
        cella_error error;
        write_file("plain", bytes, sizes[i]);
        seal_file("plain", "box");
        uint8_t *box = read_file("box", &box_size);
        assert_int_equal(box_size, (3 + box_pages(box_blocks(sizes[i]))) * PAGE);
        free(box);
        assert_int_equal(cella_box_open_file("box", &keys, "opened", true, NULL, &info, &error), 0);
        assert_int_equal(info.size, sizes[i]);
        assert_int_equal(info.generation, 1);
        assert_string_equal(info.name, "plain");
        uint8_t *opened = read_file("opened", &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(opened, bytes, size);
        free(opened);
        free(bytes);
        assert_int_equal(unlink("box"), 0);
    }
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES - 3; i++) {
        uint8_t *bytes = content(sizes[i]), *box, *opened;
        struct cella_box_to to = to_key();
        struct cella_box_info info;
        size_t box_size, size;
        cella_error error;
        assert_int_equal(cella_box_seal_bytes(sizes[i] ? bytes : NULL, sizes[i], "result", &to,
                                              &box, &box_size, &error),
                         0);
        assert_int_equal(
            cella_box_open_bytes(box, box_size, "memory", &keys, &opened, &size, &info, &error), 0);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(opened, bytes, size);
        assert_string_equal(info.name, "result");
        write_file("box", box, box_size);
        open_file("box", "opened");
        box[box_size - 1] ^= 1;
        assert_int_not_equal(
            cella_box_open_bytes(box, box_size, "memory", &keys, &opened, &size, &info, &error), 0);
        free(opened);
        free(box);
        free(bytes);
    }
    assert_int_equal(unlink("box"), 0);
}

/* A pipe: nobody knows how much will come. */
static void test_pipe(void **state)
{
    (void)state;
    const size_t size = 300 * PAGE + 99;
    uint8_t *bytes = content(size);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open("pipe", O_WRONLY);
        for (size_t at = 0; at < size;) {
            ssize_t done = write(fd, bytes + at, size - at < 1000 ? size - at : 1000);
            at += done > 0 ? (size_t)done : 0;
        }
        _exit(0);
    }
    seal_file("pipe", "box");
    assert_int_equal(waitpid(child, NULL, 0), child);
    open_file("box", "opened");
    size_t got;
    uint8_t *opened = read_file("opened", &got);
    assert_int_equal(got, size);
    assert_memory_equal(opened, bytes, size);
    free(opened);
    free(bytes);
    unlink("box");
}

/* 200 GiB of which a few bytes are there. */
static void test_sparse(void **state)
{
    (void)state;
    const off_t size = (off_t)200 << 30;
    const off_t places[] = {5, ((off_t)1 << 30) - 2, ((off_t)100 << 30) + 7, size - 3};
    struct stat is;
    int fd = open("plain", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(ftruncate(fd, size), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pwrite(fd, "abc", 3, places[i]), 3);
    close(fd);
    seal_file("plain", "box");
    assert_int_equal(stat("box", &is), 0);
    assert_true(is.st_blocks * 512 < 64 << 20);
    open_file("box", "opened");
    assert_int_equal(stat("opened", &is), 0);
    assert_int_equal(is.st_size, size);
    fd = open("opened", O_RDONLY);
    for (size_t i = 0; i < 4; i++) {
        char text[5];
        assert_int_equal(pread(fd, text, i == 3 ? 4 : 5, places[i] - 1), i == 3 ? 4 : 5);
        assert_memory_equal(text, i == 3 ? "\0abc" : "\0abc\0", i == 3 ? 4 : 5);
    }
    close(fd);
    unlink("box");
    unlink("plain");
    unlink("opened");
}

/* Nothing but a hole: the tree has no node. */
static void test_all_hole(void **state)
{
    (void)state;
    size_t size;
    int fd = open("plain", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(ftruncate(fd, 3 << 20), 0);
    close(fd);
    seal_file("plain", "box");
    open_file("box", "opened");
    uint8_t *opened = read_file("opened", &size);
    assert_int_equal(size, 3 << 20);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(opened[i], 0);
    free(opened);
    unlink("box");
}

/* ---- tampering ---- */

#define BLOCKS   300u
#define HEADER   1u
#define CONTENT  (HEADER + 2)
#define DATA(b)  ((CONTENT + box_place_data(b)) * PAGE)
#define LEAF(j)  ((CONTENT + box_place_node(1, j)) * PAGE)
#define TOP      ((CONTENT + box_place_node(2, 0)) * PAGE)
#define SUPER(s) ((HEADER + (s)) * PAGE)

struct sealed {
    uint8_t *bytes;
    size_t size;
};

/* A box of BLOCKS blocks, and another of other content. */
static struct sealed sealed(unsigned number)
{
    static struct sealed boxes[2];
    if (!boxes[number].bytes) {
        uint8_t *bytes = content(BLOCKS * PAGE);
        struct cella_box_to to = to_key();
        cella_error error;
        bytes[0] += (uint8_t)number;
        assert_int_equal(cella_box_seal_bytes(bytes, BLOCKS * PAGE, "plain", &to,
                                              &boxes[number].bytes, &boxes[number].size, &error),
                         0);
        free(bytes);
    }
    struct sealed copy = {malloc(boxes[number].size + PAGE), boxes[number].size};
    assert_non_null(copy.bytes);
    memcpy(copy.bytes, boxes[number].bytes, copy.size);
    return copy;
}

static void refused(struct sealed box, const char *why)
{
    write_file("x.box", box.bytes, box.size);
    refuses("x.box", why);
    free(box.bytes);
}

static void test_altered(void **state)
{
    (void)state;
    const struct {
        size_t at;
        const char *why;
    } cases[] = {
        {DATA(0), "block 0 fails authentication"},
        {DATA(127) + 4095, "block 127 fails authentication"},
        {DATA(128) + 17, "block 128 fails authentication"},
        {DATA(299), "block 299 fails authentication"},
        {LEAF(0), "block 0: the node over it"},
        {LEAF(1) + 4095, "block 128: the node over it"},
        {LEAF(2) + 100, "block 256: the node over it"},
        {TOP, "block 0: the node over it"},
        {SUPER(1), "neither superblock"},
        {SUPER(1) + 40, "neither superblock"},
        {SUPER(1) + 4095, "neither superblock"},
        {offsetof(struct box_header, name), "header fails authentication"}, /* name */
        {4095, "header fails authentication"},                              /* the header's seal */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sealed box = sealed(0);
        box.bytes[cases[i].at] ^= 1;
        refused(box, cases[i].why);
    }
}

/* Who may open it is found by what is in the header, before its seal can be checked. */
static void test_header_altered(void **state)
{
    (void)state;
    const struct {
        size_t at;
        const char *why;
    } cases[] = {
        {0, "not a box"},
        {8, "a box of version 0"},
        {offsetof(struct box_header, file_id), "wrong key: none of those given opens it"},
        {offsetof(struct box_header, key_id), "header fails authentication"},
        {sizeof(struct box_header) + 4, "wrong key: none of those given opens it"},
        {sizeof(struct box_header) + 4 + 32, "wrong key: none of those given opens it"},
        {sizeof(struct box_header) + 4 + 64, "wrong key: none of those given opens it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sealed box = sealed(0);
        box.bytes[cases[i].at] ^= 1;
        refused(box, cases[i].why);
    }
}

static void test_moved(void **state)
{
    (void)state;
    struct sealed box = sealed(0);
    uint8_t page[BOX_PAGE];
    memcpy(page, box.bytes + DATA(3), PAGE); /* exchanged */
    memcpy(box.bytes + DATA(3), box.bytes + DATA(4), PAGE);
    memcpy(box.bytes + DATA(4), page, PAGE);
    refused(box, "block 3 fails authentication");
    box = sealed(0); /* one twice */
    memcpy(box.bytes + DATA(200), box.bytes + DATA(5), PAGE);
    refused(box, "block 200 fails authentication");
    box = sealed(0); /* a leaf in another's place */
    memcpy(box.bytes + LEAF(1), box.bytes + LEAF(0), PAGE);
    refused(box, "block 128: the node over it");
    box = sealed(0); /* one taken out, another put behind, for the length's sake */
    memmove(box.bytes + DATA(130), box.bytes + DATA(131), box.size - DATA(131));
    refused(box, "block 130 fails authentication");
}

static void test_of_another_box(void **state)
{
    (void)state;
    struct sealed box = sealed(0), other = sealed(1);
    memcpy(box.bytes, other.bytes, HEADER * PAGE);
    refused(box, "another box's header");
    box = sealed(0);
    memcpy(box.bytes + SUPER(0), other.bytes + SUPER(0), 2 * PAGE);
    refused(box, "neither superblock");
    box = sealed(0);
    memcpy(box.bytes + DATA(7), other.bytes + DATA(7), PAGE);
    refused(box, "block 7 fails authentication");
    box = sealed(0);
    memcpy(box.bytes + SUPER(0), other.bytes + SUPER(1), PAGE); /* in the wrong slot */
    memset(box.bytes + SUPER(1), 0, PAGE);
    refused(box, "neither superblock");
    free(other.bytes);
}

static void test_length(void **state)
{
    (void)state;
    const struct {
        size_t size;
        const char *why;
    } cases[] = {
        {0, "not a box"},
        {PAGE - 1, "not a box"},
        {PAGE, "truncated"},
        {3 * PAGE - 1, "truncated"},
        {3 * PAGE, "block 0 and what is behind it are missing"},
        {DATA(0) + PAGE, "block 1 and what is behind it are missing"},
        {DATA(0) + 2 * PAGE - 1, "block 1 and what is behind it are missing"},
        {DATA(128), "block 128 and what is behind it are missing"},
        {DATA(299) + PAGE - 1, "block 299 and what is behind it are missing"},
        {DATA(299) + PAGE + 1, "it is extended: 1 bytes lie behind its last block, 299"},
        {DATA(299) + 2 * PAGE, "it is extended: 4096 bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sealed box = sealed(0);
        memset(box.bytes + box.size, 0, PAGE);
        box.size = cases[i].size;
        refused(box, cases[i].why);
    }
}

/* ---- a superblock that says something else: made with the key ---- */

static void reseal(struct sealed *box, void (*change)(struct box_super *))
{
    uint8_t file_key[BOX_KEY];
    struct cella_box_info info;
    struct box_super super;
    cella_error error;
    write_file("whole", box->bytes, box->size);
    assert_int_equal(cella_box_file_key("whole", &keys, file_key, &info, &error), 0);
    memcpy(&super, box->bytes + SUPER(1) + sizeof(struct box_seal), sizeof(super));
    change(&super);
    EVP_CIPHER_CTX *cipher = aead_new(file_key, true);
    assert_true(super_seal(cipher, info.file_id, &super, box->bytes + SUPER(super.sequence % 2)));
    EVP_CIPHER_CTX_free(cipher);
}

static void set_size(struct box_super *super)
{
    super->size = BOX_SIZE_MOST + 1;
}

static void set_flag(struct box_super *super)
{
    super->flags = 2;
}

static void set_messages(struct box_super *super)
{
    super->messages = 2 * BOX_MESSAGES_MOST + 1;
}

static void set_writing(struct box_super *super)
{
    super->sequence = 2;
    super->flags = BOX_SUPER_WRITING;
}

static void set_journal(struct box_super *super)
{
    set_writing(super);
    super->journal_page = DATA(299) / PAGE + 1;
    super->journal_count = 2;
}

static void set_journal_inside(struct box_super *super)
{
    set_journal(super);
    super->journal_page--;
}

static void set_journal_of_nobody(struct box_super *super)
{
    set_journal(super);
    super->flags = 0;
}

static void set_journal_far(struct box_super *super)
{
    set_journal(super);
    super->journal_page = BOX_SIZE_MOST + 1;
}

static void set_journal_long(struct box_super *super)
{
    set_journal(super);
    super->journal_count = BOX_JOURNAL_MOST + 1;
}

static void test_superblocks(void **state)
{
    (void)state;
    static void (*const malformed[])(struct box_super *) = {
        set_size,        set_flag,        set_messages, set_journal_inside, set_journal_of_nobody,
        set_journal_far, set_journal_long};
    struct sealed box;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        box = sealed(0);
        reseal(&box, malformed[i]);
        refused(box, "superblock is malformed");
    }
    box = sealed(0);
    reseal(&box, set_journal);
    refused(box, "its journal is cut");
    box = sealed(0); /* what a writer left behind the content */
    reseal(&box, set_writing);
    memset(box.bytes + box.size, 1, PAGE);
    box.size += PAGE;
    write_file("x.box", box.bytes, box.size);
    open_file("x.box", "opened");
    free(box.bytes);
}

/* A commit that was killed behind its superblock: two pages are in the journal only. */
static void test_journal(void **state)
{
    (void)state;
    const uint64_t targets[2] = {DATA(5) / PAGE, LEAF(1) / PAGE};
    struct sealed box = sealed(0);
    reseal(&box, set_journal);
    box.bytes = realloc(box.bytes, box.size + 3 * PAGE);
    assert_non_null(box.bytes);
    uint8_t *journal = box.bytes + box.size;
    memset(journal, 0, PAGE);
    memcpy(journal, targets, sizeof(targets));
    for (size_t i = 0; i < 2; i++) {
        memcpy(journal + (1 + i) * PAGE, box.bytes + targets[i] * PAGE, PAGE);
        memset(box.bytes + targets[i] * PAGE, 0x5a, PAGE);
    }
    box.size += 3 * PAGE;
    write_file("x.box", box.bytes, box.size);
    open_file("x.box", "opened");
    size_t size;
    uint8_t *opened = read_file("opened", &size), *bytes = content(BLOCKS * PAGE);
    assert_int_equal(size, BLOCKS * PAGE);
    assert_memory_equal(opened, bytes, size);
    free(opened);
    free(bytes);
    journal[PAGE + 9] ^= 1;
    refused(box, "block 5 fails authentication");
}

/* ---- files ---- */

static void test_overwriting(void **state)
{
    (void)state;
    struct cella_box_to to = to_key();
    cella_error error;
    write_file("plain", "abc", 3);
    write_file("there", "old", 3);
    assert_int_not_equal(cella_box_seal_file("plain", NULL, &to, "there", false, NULL, &error), 0);
    assert_says(&error, "there: it is there already");
    assert_int_equal(cella_box_seal_file("plain", NULL, &to, "there", true, NULL, &error), 0);
    assert_int_not_equal(cella_box_open_file("there", &keys, "plain", false, NULL, NULL, &error),
                         0);
    assert_says(&error, "plain: it is there already");
    open_file("there", "plain");
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_not_equal(cella_box_seal_file("plain", NULL, &to, "folder", true, NULL, &error), 0);
    assert_says(&error, "folder: it is not a regular file");
    assert_int_not_equal(cella_box_seal_file("folder", NULL, &to, "new", true, NULL, &error), 0);
    assert_says(&error, "folder: cannot open: Is a directory");
    assert_int_not_equal(cella_box_seal_file("none", NULL, &to, "new", true, NULL, &error), 0);
    assert_says(&error, "none: cannot open");
    assert_int_not_equal(cella_box_seal_file("plain", NULL, &to, "no/new", true, NULL, &error), 0);
    assert_says(&error, "no/new: cannot write there");
    assert_int_not_equal(cella_box_open_file("pipe", &keys, "new", false, NULL, NULL, &error), 0);
    assert_says(&error, "pipe: not a regular file");
    assert_int_not_equal(access("new", F_OK), 0);
}

static void test_version(void **state)
{
    (void)state;
    struct cella_box_info looked, opened;
    uint8_t file_key[BOX_KEY];
    cella_error error;
    write_file("plain", "abc", 3);
    seal_file("plain", "one");
    seal_file("plain", "two");
    assert_int_equal(cella_box_look("one", &looked, NULL, &error), 0);
    assert_int_equal(cella_box_file_key("one", &keys, file_key, &opened, &error), 0);
    assert_memory_equal(looked.version, opened.version, 32);
    /* The file key opens it too. */
    struct cella_box_keys with = {.key = file_key};
    assert_int_equal(cella_box_open_file("one", &with, NULL, false, NULL, &opened, &error), 0);
    assert_memory_equal(looked.version, opened.version, 32);
    assert_int_not_equal(cella_box_open_file("two", &with, NULL, false, NULL, &opened, &error), 0);
    assert_int_equal(cella_box_look("two", &opened, NULL, &error), 0);
    assert_memory_not_equal(looked.version, opened.version, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),    cmocka_unit_test(test_memory),
        cmocka_unit_test(test_pipe),           cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_all_hole),       cmocka_unit_test(test_altered),
        cmocka_unit_test(test_header_altered), cmocka_unit_test(test_moved),
        cmocka_unit_test(test_of_another_box), cmocka_unit_test(test_length),
        cmocka_unit_test(test_superblocks),    cmocka_unit_test(test_journal),
        cmocka_unit_test(test_overwriting),    cmocka_unit_test(test_version),
    };
    key = any_key();
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
