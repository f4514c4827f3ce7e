/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes of files that go around the page cache and of those that do not: from a disk (/var/tmp) and
 * from memory (/dev/shm), to either, at the sizes where that, a batch or the tree's shape changes.
 * What is sealed comes out again, and nothing of it stands in the box.
 */
#include "box_test.h"

#include "box/direct.h"
#include "box/group.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE ((size_t)BOX_PAGE)

static struct cella_key key;
static const struct cella_box_keys keys = {.keys = &key, .count = 1};

static char folders[][32] = {"/var/tmp/cella-direct-XXXXXX", "/dev/shm/cella-direct-XXXXXX"};

static const char *path(unsigned folder, const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];
    assert_true(snprintf(path, sizeof(paths[0]), "%s/%s", folders[folder], name) < 64);
    return path;
}

static void seal_file(const char *from, const char *box)
{
    const struct cella_box_to to = {.recipients = (const void *)key.is.receiving,
                                    .recipient_count = 1};
    cella_error error = {0};
    if (cella_box_seal_file(from, "plain", &to, box, true, NULL, &error))
        fail_msg("%s", error.sentence);
}

static void open_file(const char *box, const char *to)
{
    cella_error error = {0};
    if (cella_box_open_file(box, &keys, to, true, NULL, NULL, &error))
        fail_msg("%s", error.sentence);
}

/* Out of the page cache, where it is not all there is. */
static void forget(const char *path)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fsync(fd), 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

/* What its file system says, to be compared with what is done. */
static bool goes_around(const char *path)
{
    struct statx is;
    assert_int_equal(statx(AT_FDCWD, path, 0, STATX_DIOALIGN, &is), 0);
    return is.stx_mask & STATX_DIOALIGN && is.stx_dio_offset_align &&
           is.stx_dio_offset_align <= PAGE;
}

/* Pages of a file that lie in the page cache. */
static size_t cached(const char *path, size_t size)
{
    int fd = open(path, O_RDONLY);
    size_t count = (size + PAGE - 1) / PAGE, found = 0;
    unsigned char *there = malloc(count);
    void *mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(fd >= 0 && there && mapped != MAP_FAILED);
    assert_int_equal(mincore(mapped, size, there), 0);
    for (size_t i = 0; i < count; i++)
        found += there[i] & 1;
    munmap(mapped, size);
    free(there);
    close(fd);
    return found;
}

static void assert_content(const char *path, const uint8_t *bytes, size_t size)
{
    size_t got;
    uint8_t *opened = read_file(path, &got);
    assert_int_equal(got, size);
    assert_memory_equal(opened, bytes, size);
    free(opened);
}

static void goes_round(size_t size, unsigned from, unsigned to)
{
    uint8_t *bytes = content(size);
    write_file(path(from, "plain"), bytes, size);
    for (unsigned cold = 0; cold < 2; cold++) {
        if (cold)
            forget(path(from, "plain"));
        seal_file(path(from, "plain"), path(to, "box"));
        if (cold)
            forget(path(to, "box"));
        open_file(path(to, "box"), path(from, "opened"));
        assert_content(path(from, "opened"), bytes, size);
    }
    free(bytes);
}

static const size_t sizes[] = {1,
                               BATCH_BYTES - 1,
                               BATCH_BYTES,
                               BATCH_BYTES + 1,
                               BATCH_BYTES + GROUP_BYTES,
                               DIRECT_WORTH - 1,
                               DIRECT_WORTH,
                               DIRECT_WORTH + 1,
                               DIRECT_WORTH + BOX_PAGE - 1,
                               DIRECT_WORTH + BOX_PAGE,
                               DIRECT_WORTH + GROUP_BYTES + 1,
                               DIRECT_WORTH + BATCH_BYTES,
                               (64 << 20) + 1, /* three levels of nodes */
                               (66 << 20) + 5 * BOX_PAGE + 17};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (unsigned from = 0; from < 2; from++)
            for (unsigned to = 0; to < 2; to++)
                goes_round(sizes[i], from, to);
}

/* Where the file system can go around it, a large new file is not in the page cache, and a small
 * one is. */
static void test_page_cache(void **state)
{
    (void)state;
    const struct {
        size_t size;
        bool large;
    } cases[] = {{DIRECT_WORTH - 1, false}, {2 * DIRECT_WORTH + 3, true}};
    for (size_t i = 0; i < 2; i++) {
        size_t size = cases[i].size, pages = size / PAGE;
        uint8_t *bytes = content(size);
        write_file(path(0, "plain"), bytes, size);
        bool around = cases[i].large && goes_around(path(0, "plain"));
        if (cases[i].large && !around)
            print_message("%s: its file system does not go around the page cache\n", folders[0]);
        seal_file(path(0, "plain"), path(0, "box"));
        assert_true(around == (cached(path(0, "box"), size) < pages / 2));
        open_file(path(0, "box"), path(0, "opened"));
        assert_true(around == (cached(path(0, "opened"), size) < pages / 2));
        forget(path(0, "plain"));
        seal_file(path(0, "plain"), path(0, "box"));
        assert_true(around == (cached(path(0, "plain"), size) < pages / 2));
        free(bytes);
    }
    write_file(path(1, "plain"), "", 0); /* there is nothing around memory */
    int fd = open(path(1, "plain"), O_RDONLY);
    assert_int_equal(direct_open(fd, O_RDONLY, DIRECT_WORTH), -1);
    close(fd);
}

/* Holes before, at and behind the edges of batches; and a last one. */
static void test_holes(void **state)
{
    (void)state;
    const size_t size = 11 * BATCH_BYTES + 3 * PAGE;
    const size_t places[] = {5, 2 * BATCH_BYTES - PAGE, 4 * BATCH_BYTES + GROUP_BYTES,
                             7 * BATCH_BYTES - 1, 9 * BATCH_BYTES};
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    for (unsigned to = 0; to < 2; to++) {
        int fd = open(path(to, "plain"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(ftruncate(fd, size), 0);
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            memcpy(bytes + places[i], "abc", 3);
            assert_int_equal(pwrite(fd, "abc", 3, (off_t)places[i]), 3);
        }
        close(fd);
        forget(path(to, "plain"));
        seal_file(path(to, "plain"), path(to, "box"));
        open_file(path(to, "box"), path(to, "opened"));
        assert_content(path(to, "opened"), bytes, size);
    }
    free(bytes);
}

/* Nothing of the content stands in the box, in the places of nodes either. */
static void test_hidden(void **state)
{
    (void)state;
    const size_t size = (66 << 20) + 17;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'A', size);
    for (unsigned folder = 0; folder < 2; folder++) {
        size_t box_size;
        write_file(path(folder, "plain"), bytes, size);
        seal_file(path(folder, "plain"), path(folder, "box"));
        uint8_t *box = read_file(path(folder, "box"), &box_size);
        assert_null(memmem(box, box_size, bytes, 16));
        free(box);
    }
    free(bytes);
}

/* It is told by its block, and nothing appears. */
static void test_altered(void **state)
{
    (void)state;
    const uint64_t block = BATCH_BLOCKS * 3 + 130;
    const size_t size = 2 * DIRECT_WORTH;
    uint8_t *bytes = content(size);
    for (unsigned folder = 0; folder < 2; folder++) {
        cella_error error = {0};
        write_file(path(folder, "plain"), bytes, size);
        seal_file(path(folder, "plain"), path(folder, "box"));
        int fd = open(path(folder, "box"), O_WRONLY);
        assert_int_equal(pwrite(fd, "altered", 7, (off_t)((3 + box_place_data(block)) * PAGE)), 7);
        close(fd);
        forget(path(folder, "box"));
        assert_int_not_equal(cella_box_open_file(path(folder, "box"), &keys, path(folder, "none"),
                                                 false, NULL, NULL, &error),
                             0);
        assert_says(&error, "block 1666 fails authentication");
        assert_int_not_equal(access(path(folder, "none"), F_OK), 0);
    }
    free(bytes);
}

static int make_folders(void **state)
{
    (void)state;
    key = any_key();
    return mkdtemp(folders[0]) && mkdtemp(folders[1]) ? 0 : -1;
}

static int remove_folders(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", folders[0], folders[1]);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),   cmocka_unit_test(test_page_cache),
        cmocka_unit_test(test_holes),   cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_altered),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
