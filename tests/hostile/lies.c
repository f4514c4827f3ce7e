/* SPDX-License-Identifier: Apache-2.0
 *
 * Every lie of the host, one run each, in every TEE that works here. argv[1]: the victim. What
 * always has to hold is in liar.c (judge): the program gets results that Linux could give, or the
 * enclave stops and says why, and the host's own process lives on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "liar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const cella_tee tees[] = {CELLA_TEE_VSM, CELLA_TEE_PROCESS};
#define TEES      (sizeof(tees) / sizeof(tees[0]))
#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

static void run(const struct lie *lies, size_t count)
{
    for (size_t t = 0; t < TEES; t++)
        for (size_t i = 0; i < count; i++)
            liar_run(&lies[i], tees[t]);
}

/* ---- results that the operation cannot have ---- */

static void truth(struct telling *telling)
{
    (void)telling;
}

/* One more than what was asked for. */
static void one_too_many(struct telling *telling)
{
    switch (telling->operation) {
    case RING_OPEN:
    case RING_SOCKET:
        telling->result = 65536;
        break;
    case RING_POLL:
        telling->result = (int64_t)telling->arguments[0] + 1;
        break;
    case RING_SOCKET_GET:
        telling->result = (int64_t)telling->arguments[3] + 1;
        break;
    case RING_QUOTE:
        telling->result = (int64_t)RING_EVIDENCE_MOST + 1;
        break;
    case RING_ATTESTATION:
        telling->result = RING_ATTESTATION_PROCESS + 1;
        break;
    case RING_READ:
    case RING_WRITE:
    case RING_PREAD:
    case RING_PWRITE:
    case RING_LIST:
    case RING_ARGUMENTS:
    case RING_SEND:
    case RING_RECEIVE:
        telling->result = (int64_t)telling->arguments[1] + 1;
        break;
    default:
        telling->result = 1;
        break;
    }
}

/* The host's names of its own streams are not given out again. */
static void a_stream(struct telling *telling)
{
    telling->result = (int64_t)(liar_random() % 3);
}

static const struct {
    const char *use;
    uint32_t operation;
} asked[] = {
    {"files", RING_PWRITE},
    {"files", RING_OPEN},
    {"files", RING_CLOSE},
    {"streams", RING_WRITE},
    {"files", RING_PREAD},
    {"files", RING_STAT},
    {"files", RING_STAT_PATH},
    {"files", RING_TRUNCATE},
    {"files", RING_SYNC},
    {"files", RING_UNLINK},
    {"files", RING_MKDIR},
    {"files", RING_RENAME},
    {"files", RING_LIST},
    {"files", RING_LOG},
    {"files", RING_STATISTICS},
    {"files", RING_CLOCK},
    {"streams", RING_POLL},
    {"streams", RING_READ},
    {"streams", RING_WRITE},
    {"streams", RING_STAT},
    {"threads", RING_PARK},
    {"threads", RING_WAKE},
    {"threads", RING_THREAD_START},
    {"threads", RING_YIELD},
    {"threads", RING_THREAD_IDLE},
    {"arguments", RING_ARGUMENTS},
    {"sockets", RING_SOCKET},
    {"sockets", RING_BIND},
    {"sockets", RING_CONNECT},
    {"sockets", RING_LISTEN},
    {"sockets", RING_ACCEPT},
    {"sockets", RING_SEND},
    {"sockets", RING_RECEIVE},
    {"sockets", RING_SHUTDOWN},
    {"sockets", RING_SOCKET_NAME},
    {"sockets", RING_SOCKET_SET},
    {"sockets", RING_SOCKET_GET},
    {"sockets", RING_NONBLOCK},
    {"serve", RING_CALL_WAIT},
    {"memory", RING_HEAP},
    {"evidence", RING_QUOTE},
    {"evidence", RING_ATTESTATION},
    {"boxes", RING_OPEN},
    {"boxes", RING_CLOSE},
    {"boxes", RING_PREAD},
    {"boxes", RING_PWRITE},
    {"boxes", RING_STAT},
    {"boxes", RING_TRUNCATE},
    {"boxes", RING_SYNC},
    {"boxes", RING_LIST},
    {"boxes", RING_RENAME},
    {"boxes", RING_UNLINK},
    {"boxes", RING_LOG},
};

static void test_results(void **state)
{
    (void)state;
    static const int64_t never[] = {INT64_MIN, INT64_MAX, -134, INT64_C(1) << 32};
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct lie lie = {"an impossible result", asked[i].use, asked[i].operation, ENDS_STOPPED,
                          .before = NULL};
        for (size_t n = 0; n < COUNT(never); n++) {
            lie.result = never[n];
            run(&lie, 1);
        }
        if (asked[i].operation == RING_ACCEPT)
            continue; /* nothing connects: the true answer is an error */
        lie.name = "one more than asked";
        lie.after = one_too_many;
        run(&lie, 1);
    }
    const struct lie streams[] = {
        {.name = "the handle of a stream", "files", RING_OPEN, ENDS_STOPPED, NULL, a_stream},
        {.name = "the handle of a stream", "sockets", RING_SOCKET, ENDS_STOPPED, NULL, a_stream},
        {.name = "time is an error",
         "clock",
         RING_TIME,
         ENDS_STOPPED,
         .result = -EPERM,
         .tee = "process"},
    };
    run(streams, COUNT(streams));
}

/* Each errno that there is, for each operation: the program has to live with it. */
static void any_error(struct telling *telling)
{
    telling->result = -(int64_t)(liar_random() % 133 + 1);
}

static void sometimes_error(struct telling *telling)
{
    if (liar_random() % 3 == 0)
        any_error(telling);
}

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++) {
        uint32_t operation = asked[i].operation;
        struct lie lie = {"an error", asked[i].use, operation, ENDS_GOOD, .after = any_error};
        if (operation == RING_PARK || operation == RING_WAKE || operation == RING_THREAD_IDLE ||
            operation == RING_CALL_WAIT || operation == RING_THREAD_START)
            lie.ending = ENDS_ANY;
        lie.seed = i;
        run(&lie, 1);
        lie.after = sometimes_error;
        run(&lie, 1);
    }
}

/* ---- files ---- */

static void change_stat(struct telling *telling, void (*change)(struct ring_stat *stat))
{
    struct ring_stat stat;
    memcpy(&stat, telling->buffer, sizeof(stat));
    telling->result = 0;
    change(&stat);
    memcpy(telling->buffer, &stat, sizeof(stat));
}

static void huge(struct ring_stat *stat)
{
    stat->size = (uint64_t)INT64_MAX + 1;
}

static void many_blocks(struct ring_stat *stat)
{
    stat->blocks = UINT64_MAX;
}

static void nanoseconds(struct ring_stat *stat)
{
    stat->modify_nanoseconds = 1000000000;
}

static void anything(struct ring_stat *stat)
{
    static const uint32_t modes[] = {0,        UINT32_MAX, S_IFDIR | 0755, S_IFLNK | 0777,
                                     S_IFSOCK, S_IFBLK,    0xf000,         S_IFREG | 07777};
    stat->mode = modes[liar_random() % COUNT(modes)];
    stat->size = liar_random() >> (1 + liar_random() % 63);
    stat->links = (uint32_t)liar_random();
    stat->inode = liar_random();
    stat->access_seconds = (int64_t)liar_random();
}

static void huge_stat(struct telling *telling)
{
    change_stat(telling, huge);
}

static void blocks_stat(struct telling *telling)
{
    change_stat(telling, many_blocks);
}

static void nanoseconds_stat(struct telling *telling)
{
    change_stat(telling, nanoseconds);
}

static void any_stat(struct telling *telling)
{
    change_stat(telling, anything);
}

/* One entry in the buffer, of a name's length and its bytes. */
static void put_entry(struct telling *telling, uint16_t length, const char *name, int64_t result)
{
    struct ring_entry entry = {.inode = 7, .name_length = length, .type = 8};
    memset(telling->buffer, 0, 1024);
    memcpy(telling->buffer, &entry, sizeof(entry));
    memcpy(telling->buffer + sizeof(entry), name, strlen(name));
    telling->result = result;
}

static void empty_name(struct telling *telling)
{
    put_entry(telling, 0, "", 16);
}

static void long_name(struct telling *telling)
{
    char name[300] = "";
    memset(name, 'x', 256);
    put_entry(telling, 256, name, 16 + 256);
}

static void slash_name(struct telling *telling)
{
    put_entry(telling, 6, "../etc", 24);
}

static void nul_name(struct telling *telling)
{
    put_entry(telling, 5, "ab", 24);
}

static void beyond_list(struct telling *telling)
{
    put_entry(telling, 200, "a", 24);
}

static void cut_list(struct telling *telling)
{
    put_entry(telling, 1, "a", 15);
}

static void endless_list(struct telling *telling)
{
    put_entry(telling, 4, "same", 24);
}

static void only_dots(struct telling *telling)
{
    put_entry(telling, 2, "..", 24);
}

static void odd_types(struct telling *telling)
{
    put_entry(telling, 4, "type", 24);
    telling->buffer[10] = (uint8_t)liar_random();
}

static void same_handle(struct telling *telling)
{
    if (telling->result >= 0)
        telling->result = 3;
}

static void other_handle(struct telling *telling)
{
    telling->result = (int64_t)(3 + liar_random() % 65533);
}

static void short_by_some(struct telling *telling)
{
    if (telling->result > 0)
        telling->result = (int64_t)(liar_random() % ((uint64_t)telling->result + 1));
}

static void nothing(struct telling *telling)
{
    telling->result = 0;
}

/* More than there is, but no more than was asked. */
static void all_of_it(struct telling *telling)
{
    telling->result = (int64_t)telling->arguments[1];
}

static void test_files(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {"a size above 2^63", "files", RING_STAT, ENDS_STOPPED, .after = huge_stat},
        {"a size above 2^63", "files", RING_STAT_PATH, ENDS_STOPPED, .after = huge_stat},
        {"blocks above 2^63", "files", RING_STAT, ENDS_STOPPED, .after = blocks_stat},
        {"blocks above 2^63", "files", RING_STAT_PATH, ENDS_STOPPED, .after = blocks_stat},
        {"10^9 nanoseconds", "files", RING_STAT, ENDS_STOPPED, .after = nanoseconds_stat},
        {"10^9 nanoseconds", "files", RING_STAT_PATH, ENDS_STOPPED, .after = nanoseconds_stat},
        {"a size above 2^63", "streams", RING_STAT, ENDS_STOPPED, .after = huge_stat},
        {"any status", "files", RING_STAT, ENDS_GOOD, .after = any_stat},
        {"any status", "files", RING_STAT_PATH, ENDS_GOOD, .after = any_stat},
        {"any status", "streams", RING_STAT, ENDS_GOOD, .after = any_stat},
        {"an empty name", "files", RING_LIST, ENDS_STOPPED, .after = empty_name},
        {"a name of 256 bytes", "files", RING_LIST, ENDS_STOPPED, .after = long_name},
        {"a name with a slash", "files", RING_LIST, ENDS_STOPPED, .after = slash_name},
        {"a name with a NUL", "files", RING_LIST, ENDS_STOPPED, .after = nul_name},
        {"a name beyond the end", "files", RING_LIST, ENDS_STOPPED, .after = beyond_list},
        {"half an entry", "files", RING_LIST, ENDS_STOPPED, .after = cut_list},
        {"a folder without end", "files", RING_LIST, ENDS_GOOD, .after = endless_list},
        {"only .. without end", "files", RING_LIST, ENDS_NEVER, .after = only_dots},
        {"types that there are not", "files", RING_LIST, ENDS_GOOD, .after = odd_types},
        {"an empty folder", "files", RING_LIST, ENDS_GOOD, .after = nothing},
        {"one handle for all", "files", RING_OPEN, ENDS_GOOD, .after = same_handle},
        {"handles of nothing", "files", RING_OPEN, ENDS_GOOD, .after = other_handle},
        {"one handle for all", "sockets", RING_SOCKET, ENDS_GOOD, .after = same_handle},
        {"less than asked", "files", RING_PREAD, ENDS_GOOD, .after = short_by_some},
        {"less than asked", "files", RING_PWRITE, ENDS_GOOD, .after = short_by_some},
        {"less than asked", "streams", RING_READ, ENDS_GOOD, .after = short_by_some},
        {"nothing written", "files", RING_PWRITE, ENDS_GOOD, .after = nothing},
        {"nothing read", "files", RING_PREAD, ENDS_GOOD, .after = nothing},
        {"bytes that there are not", "files", RING_PREAD, ENDS_GOOD, .after = all_of_it},
        {"bytes that there are not", "streams", RING_READ, ENDS_GOOD, .after = all_of_it},
    };
    run(lies, COUNT(lies));
}

/* ---- boxes ---- */

/* Lies that are told each time let the enclave come nowhere. */
static bool now(void)
{
    return liar_random() % 5 == 0;
}

static void flip_bits(struct telling *telling)
{
    if (telling->result > 0 && now())
        telling->buffer[liar_random() % (uint64_t)telling->result] ^=
            (uint8_t)(1 << liar_random() % 8);
}

static void zeros(struct telling *telling)
{
    if (telling->result > 0 && now())
        memset(telling->buffer, 0, (size_t)telling->result);
}

static void other_pages(struct telling *telling)
{
    if (now())
        telling->arguments[2] = liar_random() % 64 * 4096;
}

/* Two pages that were asked for at once change places. */
static void swapped_pages(struct telling *telling)
{
    uint8_t page[4096];
    uint64_t count = telling->result > 0 ? (uint64_t)telling->result / sizeof(page) : 0;
    if (count < 2 || !now())
        return;
    uint8_t *one = telling->buffer + liar_random() % count * sizeof(page);
    uint8_t *other = telling->buffer + liar_random() % count * sizeof(page);
    memcpy(page, one, sizeof(page));
    memmove(one, other, sizeof(page));
    memcpy(other, page, sizeof(page));
}

static void denied(struct telling *telling)
{
    if (!now())
        return;
    telling->served = true;
    any_error(telling);
}

static void denied_later(struct telling *telling)
{
    if (now())
        any_error(telling);
}

/* All is done, says the host, and nothing is. */
static void left_undone(struct telling *telling)
{
    if (!now())
        return;
    telling->served = true;
    telling->result = telling->operation == RING_PWRITE ? (int64_t)telling->slot->arguments[1] : 0;
}

static void half_of_it(struct telling *telling)
{
    telling->arguments[1] = telling->arguments[1] / 2 + 1;
}

static void said_whole(struct telling *telling)
{
    if (telling->result > 0)
        telling->result = (int64_t)telling->slot->arguments[1];
}

static void some_size(struct ring_stat *stat)
{
    static const int64_t steps[] = {1, -1, 4096, -4096, 1 << 20, -100000};
    int64_t size = (int64_t)stat->size + steps[liar_random() % COUNT(steps)];
    stat->size = size < 0 ? 0 : (uint64_t)size;
}

static void other_size(struct telling *telling)
{
    if (telling->result == 0 && now())
        change_stat(telling, some_size);
}

static void other_box(struct telling *telling)
{
    if (telling->arguments[3] == 5 && now())
        memcpy(telling->buffer, liar_random() % 2 ? "small" : "large", 5);
}

static void mixed_handles(struct telling *telling)
{
    if (telling->result >= 0 && now())
        telling->result = (int64_t)(3 + liar_random() % 4);
}

/* What files held before: one earlier state each. */
#define FILES     8
#define FILE_MOST (2 << 20)
static struct former {
    ino_t inode;
    ssize_t size;
    uint8_t bytes[FILE_MOST];
} formers[FILES];

/* NULL: not a file, or too many of them. */
static struct former *former_of(const struct telling *telling, int64_t handle, int *fd)
{
    struct stat status;
    *fd = handle < 3 ? -1 : host_handle_fd(telling->enclave, (uint64_t)handle);
    if (*fd < 0 || fstat(*fd, &status) != 0 || !S_ISREG(status.st_mode))
        return NULL;
    for (size_t i = 0; i < FILES; i++) {
        if (!formers[i].inode)
            formers[i].inode = status.st_ino;
        if (formers[i].inode == status.st_ino)
            return &formers[i];
    }
    return NULL;
}

static void keep_former(const struct telling *telling)
{
    int fd;
    struct former *former = former_of(telling, (int64_t)telling->slot->arguments[0], &fd);
    if (former && liar_random() % 2)
        former->size = pread(fd, former->bytes, FILE_MOST, 0);
}

static void put_former(const struct telling *telling, int64_t handle)
{
    int fd;
    const struct former *former = former_of(telling, handle, &fd);
    if (former && former->size > 0 && now() && ftruncate(fd, former->size) == 0)
        (void)!pwrite(fd, former->bytes, (size_t)former->size, 0);
}

/* The file is what it was when it was opened, or written, some time ago. */
static void former_when_opened(struct telling *telling)
{
    if (telling->operation == RING_SYNC)
        keep_former(telling);
    if (telling->operation == RING_OPEN)
        put_former(telling, telling->result);
}

static void former_when_written(struct telling *telling)
{
    if (telling->operation == RING_SYNC)
        keep_former(telling);
    if (telling->operation == RING_PWRITE || telling->operation == RING_SYNC)
        put_former(telling, (int64_t)telling->slot->arguments[0]);
}

/* Pages as they were when the file was last synced. */
static void former_pages(struct telling *telling)
{
    int fd;
    if (telling->operation == RING_SYNC)
        keep_former(telling);
    if (telling->operation != RING_PREAD || !now())
        return;
    const struct former *former = former_of(telling, (int64_t)telling->slot->arguments[0], &fd);
    uint64_t from = telling->arguments[2];
    for (int64_t at = 0; former && at + 4096 <= telling->result; at += 4096) {
        if (liar_random() % 2 && (int64_t)from + at + 4096 <= former->size)
            memcpy(telling->buffer + at, former->bytes + from + (uint64_t)at, 4096);
    }
}

static void run_boxes(const struct lie *lie)
{
    for (size_t t = 0; t < TEES; t++) {
        memset(formers, 0, sizeof(formers));
        liar_run(lie, tees[t]);
    }
}

static void test_boxes(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {"bits flipped", "boxes", RING_PREAD, ENDS_GOOD, .after = flip_bits},
        {"zeros", "boxes", RING_PREAD, ENDS_GOOD, .after = zeros},
        {"other pages", "boxes", RING_PREAD, ENDS_GOOD, .before = other_pages, .after = truth},
        {"pages swapped", "boxes", RING_PREAD, ENDS_GOOD, .after = swapped_pages},
        {"bytes that there are not", "boxes", RING_PREAD, ENDS_GOOD, .after = all_of_it},
        {"nothing read", "boxes", RING_PREAD, ENDS_GOOD, .after = nothing},
        {"pages of another time", "boxes", 0, ENDS_GOOD, .after = former_pages},
        {"a file of another time", "boxes", 0, ENDS_GOOD, .after = former_when_opened},
        {"a file goes back", "boxes", 0, ENDS_GOOD, .after = former_when_written},
        {"written elsewhere", "boxes", RING_PWRITE, ENDS_GOOD, .before = other_pages,
         .after = truth},
        {"half written", "boxes", RING_PWRITE, ENDS_GOOD, .before = half_of_it,
         .after = said_whole},
        {"not written", "boxes", RING_PWRITE, ENDS_GOOD, .before = left_undone, .after = truth},
        {"not cut", "boxes", RING_TRUNCATE, ENDS_GOOD, .before = left_undone, .after = truth},
        {"not renamed", "boxes", RING_RENAME, ENDS_GOOD, .before = left_undone, .after = truth},
        {"not removed", "boxes", RING_UNLINK, ENDS_GOOD, .before = left_undone, .after = truth},
        {"not closed", "boxes", RING_CLOSE, ENDS_GOOD, .before = left_undone, .after = truth},
        {"renamed for all that", "boxes", RING_RENAME, ENDS_GOOD, .after = denied_later},
        {"other sizes", "boxes", RING_STAT, ENDS_GOOD, .after = other_size},
        {"any status", "boxes", RING_STAT, ENDS_GOOD, .after = any_stat},
        {"a size above 2^63", "boxes", RING_STAT, ENDS_STOPPED, .after = huge_stat},
        {"another box", "boxes", RING_OPEN, ENDS_GOOD, .before = other_box, .after = truth},
        {"handles of others", "boxes", RING_OPEN, ENDS_GOOD, .after = mixed_handles},
        {"one handle for all", "boxes", RING_OPEN, ENDS_GOOD, .after = same_handle},
        {"a name with a slash", "boxes", RING_LIST, ENDS_STOPPED, .after = slash_name},
        {"an empty folder", "boxes", RING_LIST, ENDS_GOOD, .after = nothing},
        {"bytes that change", "boxes", 0, ENDS_EITHER, .after = truth, .tears = TEARS_BYTES},
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct lie lie = lies[i];
            lie.seed = seed;
            run_boxes(&lie);
        }
    }
}

/* The host fails in what it does, but does what it says: then nothing is lost that it took. */
static void test_kept(void **state)
{
    (void)state;
    static const uint32_t operations[] = {RING_OPEN,     RING_PREAD, RING_PWRITE, RING_STAT,
                                          RING_TRUNCATE, RING_SYNC,  RING_LIST,   RING_RENAME,
                                          RING_UNLINK,   RING_CLOSE};
    for (size_t i = 0; i < COUNT(operations); i++) {
        uint32_t operation = operations[i];
        struct lie lie = {"a failure", "kept", operation, ENDS_GOOD, .after = truth};
        for (lie.seed = 1; lie.seed <= 3; lie.seed++) {
            /* A file that stays open stays locked: the host has to mean what it says of these. */
            lie.name = "a failure";
            lie.before = operation == RING_CLOSE ? NULL : denied;
            lie.after = operation == RING_CLOSE ? denied_later : truth;
            run_boxes(&lie);
            if (operation == RING_OPEN || operation == RING_RENAME)
                continue;
            lie.name = "a failure in words";
            lie.before = NULL;
            lie.after = denied_later;
            run_boxes(&lie);
        }
        if (operation == RING_PREAD || operation == RING_PWRITE) {
            lie.name = "less than asked";
            lie.before = operation == RING_PWRITE ? half_of_it : NULL;
            lie.after = operation == RING_PWRITE ? truth : short_by_some;
            run_boxes(&lie);
        }
    }
}

/* ---- streams and sockets ---- */

static void all_ready(struct telling *telling)
{
    memset(telling->buffer, 0xff, telling->arguments[0] * sizeof(struct ring_poll));
    telling->result = (int64_t)telling->arguments[0];
}

static void ready_unsaid(struct telling *telling)
{
    memset(telling->buffer, 0xff, telling->arguments[0] * sizeof(struct ring_poll));
    telling->result = 0;
}

static void ready_untrue(struct telling *telling)
{
    memset(telling->buffer, 0, telling->arguments[0] * sizeof(struct ring_poll));
    telling->result = (int64_t)telling->arguments[0];
}

static void address_of(struct telling *telling, uint32_t length)
{
    struct ring_address address = {.length = length};
    uint64_t at = telling->operation == RING_RECEIVE ? telling->arguments[1] : 0;
    memset(address.bytes, 0x55, sizeof(address.bytes));
    memcpy(telling->buffer + at, &address, sizeof(address));
    telling->result = telling->operation == RING_ACCEPT ? 9 : 0;
}

static void long_address(struct telling *telling)
{
    address_of(telling, 129);
}

static void longest_address(struct telling *telling)
{
    address_of(telling, UINT32_MAX);
}

static void odd_address(struct telling *telling)
{
    address_of(telling, (uint32_t)(liar_random() % 129));
}

static void test_sockets(void **state)
{
    (void)state;
    static const uint32_t addressed[] = {RING_RECEIVE, RING_SOCKET_NAME, RING_ACCEPT};
    for (size_t i = 0; i < COUNT(addressed); i++) {
        const struct lie lies[] = {
            {"an address of 129 bytes", "sockets", addressed[i], ENDS_STOPPED,
             .after = long_address},
            {"an address of 2^32-1 bytes", "sockets", addressed[i], ENDS_STOPPED,
             .after = longest_address},
            {"any address", "sockets", addressed[i], ENDS_GOOD, .after = odd_address},
        };
        run(lies, COUNT(lies));
    }
    const struct lie lies[] = {
        {"everything ready", "streams", RING_POLL, ENDS_GOOD, .after = all_ready},
        {"readiness untold", "streams", RING_POLL, ENDS_GOOD, .after = ready_unsaid},
        {"readiness untrue", "streams", RING_POLL, ENDS_ANY, .after = ready_untrue},
    };
    run(lies, COUNT(lies));
}

/* ---- time ---- */

static void no_tsc(struct telling *telling)
{
    if (telling->operation == RING_CLOCK)
        memset(telling->buffer, 0, sizeof(struct ring_clock));
}

static void put_time(struct telling *telling, uint64_t seconds, uint64_t rest)
{
    struct ring_time time = {seconds, rest};
    no_tsc(telling);
    if (telling->operation == RING_TIME)
        memcpy(telling->buffer, &time, sizeof(time));
}

static void backwards(struct telling *telling)
{
    static _Atomic uint64_t turn;
    put_time(telling, 2000000000 - atomic_fetch_add(&turn, 1), 5);
}

static void wild(struct telling *telling)
{
    put_time(telling, liar_random() % 7258118400, liar_random() % 1000000000);
}

static void billion(struct telling *telling)
{
    put_time(telling, 1000, 1000000000);
}

static void too_late(struct telling *telling)
{
    put_time(telling, UINT64_MAX, 0);
}

static void calibrate(struct telling *telling, struct ring_clock clock)
{
    memcpy(telling->buffer, &clock, sizeof(clock));
    telling->result = 0;
}

static void slow_tsc(struct telling *telling)
{
    calibrate(telling, (struct ring_clock){1, 0, 0, 0});
}

static void fast_tsc(struct telling *telling)
{
    calibrate(telling, (struct ring_clock){UINT64_MAX, 0, 0, 0});
}

static void future_tsc(struct telling *telling)
{
    calibrate(telling, (struct ring_clock){2000000, UINT64_C(1) << 62, 0, 0});
}

static void wrapped_tsc(struct telling *telling)
{
    calibrate(telling, (struct ring_clock){100000, UINT64_C(0x8000000000000001), 1, 1});
}

static void late_clock(struct telling *telling)
{
    calibrate(telling, (struct ring_clock){2000000, 0, UINT64_MAX, UINT64_MAX});
}

static void test_clock(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {"no TSC", "clock", RING_CLOCK, ENDS_GOOD, .after = no_tsc},
        {"a TSC of 1 kHz", "clock", RING_CLOCK, ENDS_GOOD, .after = slow_tsc},
        {"a TSC of 2^64 kHz", "clock", RING_CLOCK, ENDS_GOOD, .after = fast_tsc},
        {"a TSC of the future", "clock", RING_CLOCK, ENDS_ANY, .after = future_tsc},
        {"a TSC that wraps", "clock", RING_CLOCK, ENDS_ANY, .after = wrapped_tsc},
        {"the end of time", "clock", RING_CLOCK, ENDS_GOOD, .after = late_clock},
        {"time that runs back", "clock", 0, ENDS_NEVER, .after = backwards},
        {"time that jumps", "clock", 0, ENDS_ANY, .after = wild, .seed = 3},
        {"10^9 nanoseconds", "clock", 0, ENDS_STOPPED, .after = billion},
        {"2^64 seconds", "clock", 0, ENDS_STOPPED, .after = too_late},
    };
    run(lies, COUNT(lies));
}

/* ---- arguments ---- */

static void put_arguments(struct telling *telling, const char *bytes, size_t size)
{
    memcpy(telling->buffer, bytes, size);
    telling->result = (int64_t)size;
}

static void no_end(struct telling *telling)
{
    put_arguments(telling, "victim\0files", 12);
}

static void all_nul(struct telling *telling)
{
    memset(telling->buffer, 0, 1000);
    telling->result = 1000;
}

static void too_many(struct telling *telling)
{
    memset(telling->buffer, 0, RING_BUFFER_SIZE);
    telling->result = (int64_t)RING_BUFFER_SIZE;
}

static void one_long(struct telling *telling)
{
    memset(telling->buffer, 'x', RING_BUFFER_SIZE);
    telling->buffer[RING_BUFFER_SIZE - 1] = 0;
    telling->result = (int64_t)RING_BUFFER_SIZE;
}

static void other_arguments(struct telling *telling)
{
    put_arguments(telling, "other\0\xff\xfe\0", 9);
}

static void test_arguments(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {"no NUL at the end", "arguments", RING_ARGUMENTS, ENDS_STOPPED, .after = no_end},
        {"too many strings", "arguments", RING_ARGUMENTS, ENDS_STOPPED, .after = too_many},
        {"empty strings", "arguments", RING_ARGUMENTS, ENDS_GOOD, .after = all_nul},
        {"one string of 256 KiB", "arguments", RING_ARGUMENTS, ENDS_GOOD, .after = one_long},
        {"other strings", "arguments", RING_ARGUMENTS, ENDS_GOOD, .after = other_arguments},
        {"no strings", "arguments", RING_ARGUMENTS, ENDS_GOOD, .after = nothing},
    };
    run(lies, COUNT(lies));
}

/* ---- threads and sleep ---- */

static void at_once(struct telling *telling)
{
    telling->served = true;
    telling->result = 0;
}

static void start_all(struct telling *telling)
{
    for (uint32_t i = 0; i < telling->enclave->thread_count; i++)
        (void)host_thread_start(telling->enclave, i);
}

static void start_twice(struct telling *telling)
{
    (void)host_thread_start(telling->enclave, telling->arguments[0]);
}

static void start_backwards(struct telling *telling)
{
    for (uint32_t i = telling->enclave->thread_count; i-- > 1;)
        (void)host_thread_start(telling->enclave, i);
}

static void started_but_denied(struct telling *telling)
{
    telling->result = -EAGAIN;
}

static void wake_all(struct telling *telling)
{
    for (uint32_t i = 0; i < telling->enclave->thread_count; i++) {
        atomic_fetch_add(&host_slot(telling->enclave, i)->wake, 1);
        host_futex_wake(&host_slot(telling->enclave, i)->wake, 1);
    }
}

static void late(struct telling *telling)
{
    static const struct timespec moment = {0, 300000};
    (void)telling;
    nanosleep(&moment, NULL);
}

static void never(struct telling *telling)
{
    static const struct timespec moment = {0, 1000000};
    while (!atomic_load(&telling->enclave->stopping))
        nanosleep(&moment, NULL);
    telling->served = true;
    telling->result = 0;
}

static void test_threads(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {"sleep that ends at once", "threads", RING_PARK, ENDS_GOOD, .before = at_once},
        {"sleep that never ends", "threads", RING_PARK, ENDS_NEVER, .before = never},
        {"sleep that ends late", "threads", RING_PARK, ENDS_GOOD, .before = late},
        {"nobody is woken", "threads", RING_WAKE, ENDS_ANY, .before = at_once},
        {"everybody is woken", "threads", RING_WAKE, ENDS_GOOD, .before = wake_all},
        {"a thread that never starts", "threads", RING_THREAD_START, ENDS_NEVER, .before = at_once},
        {"every thread started", "threads", RING_THREAD_START, ENDS_GOOD, .before = start_all},
        {"a thread started twice", "threads", RING_THREAD_START, ENDS_GOOD, .after = start_twice},
        {"a thread started for all that", "threads", RING_THREAD_START, ENDS_GOOD,
         .after = started_but_denied},
        {"threads nobody asked for", "threads", RING_CLOCK, ENDS_GOOD, .before = start_backwards},
        {"idle threads go on", "threads", RING_THREAD_IDLE, ENDS_GOOD, .before = at_once},
        {"yield does nothing", "threads", RING_YIELD, ENDS_GOOD, .before = at_once},
        {"waits for calls end at once", "serve", RING_CALL_WAIT, ENDS_NEVER, .before = at_once},
    };
    run(lies, COUNT(lies));
}

/* ---- the slot's states ---- */

static void set_state(struct telling *telling, uint32_t state)
{
    telling->silent = true;
    atomic_store(&telling->slot->state, state);
}

static void stays_taken(struct telling *telling)
{
    set_state(telling, RING_TAKEN);
}

static void becomes_idle(struct telling *telling)
{
    set_state(telling, RING_IDLE);
}

static void stays_submitted(struct telling *telling)
{
    set_state(telling, RING_SUBMITTED);
}

static void unknown_state(struct telling *telling)
{
    set_state(telling, 0xdeadbeef);
}

/* The reply comes before the request is served, which then is served into the next one. */
static void done_too_soon(struct telling *telling)
{
    telling->slot->result = 0;
    atomic_store(&telling->slot->state, RING_DONE);
    late(telling);
}

static void test_states(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {"TAKEN for ever", "files", RING_SYNC, ENDS_NEVER, .after = stays_taken},
        {"IDLE", "files", RING_SYNC, ENDS_NEVER, .after = becomes_idle},
        {"SUBMITTED again", "files", RING_SYNC, ENDS_NEVER, .after = stays_submitted},
        {"a state that there is not", "files", RING_SYNC, ENDS_NEVER, .after = unknown_state},
        {"DONE before it is", "files", 0, ENDS_ANY, .before = done_too_soon},
        {"DONE before it is", "threads", 0, ENDS_ANY, .before = done_too_soon},
        {"DONE before it is", "streams", 0, ENDS_ANY, .before = done_too_soon},
    };
    run(lies, COUNT(lies));
}

/* ---- everything at once ---- */

static void chaos_before(struct telling *telling)
{
    switch (liar_random() % 64) {
    case 0:
        start_all(telling);
        break;
    case 1:
        wake_all(telling);
        break;
    case 2:
        done_too_soon(telling);
        break;
    case 3:
        at_once(telling);
        break;
    case 4:
        late(telling);
        break;
    default:
        break;
    }
}

static void chaos_after(struct telling *telling)
{
    switch (liar_random() % 24) {
    case 0:
        any_error(telling);
        break;
    case 1:
        short_by_some(telling);
        break;
    case 2:
        for (int i = 0; i < 64; i++)
            telling->buffer[liar_random() % 600] = (uint8_t)liar_random();
        break;
    case 3:
        if (telling->operation == RING_STAT || telling->operation == RING_STAT_PATH)
            any_stat(telling);
        break;
    case 4:
        if (telling->operation == RING_OPEN)
            other_handle(telling);
        break;
    case 5:
        if (liar_random() % 32 == 0)
            one_too_many(telling);
        break;
    default:
        break;
    }
}

static void test_chaos(void **state)
{
    (void)state;
    static const char *const uses[] = {"files", "streams",   "threads",  "clock", "sockets",
                                       "serve", "arguments", "evidence", "boxes"};
    for (uint64_t seed = 1; seed <= 8; seed++)
        for (size_t i = 0; i < COUNT(uses); i++) {
            struct lie lie = {"chaos",
                              uses[i],
                              0,
                              ENDS_ANY,
                              chaos_before,
                              chaos_after,
                              .seed = seed,
                              .tears = seed & 1 ? TEARS_ALL : TEARS_NOTHING};
            run(&lie, 1);
        }
}

/* The control: without a lie every use ends well, and the verdicts of this test mean something. */
static void test_truth(void **state)
{
    (void)state;
    static const char *const uses[] = {"files",     "streams",  "threads", "clock", "sockets",
                                       "arguments", "evidence", "boxes",   "kept"};
    for (size_t i = 0; i < COUNT(uses); i++) {
        struct lie lie = {"the truth", uses[i], 0, ENDS_GOOD, .after = truth};
        run(&lie, 1);
    }
}

static const char *victim;

static int stop(void **state)
{
    (void)state;
    liar_close();
    return 0;
}

static int start(void **state)
{
    (void)state;
    liar_open(victim);
    return 0;
}

#define JUDGED(test) cmocka_unit_test_teardown(test, liar_judged)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        JUDGED(test_truth),   JUDGED(test_results), JUDGED(test_errors),    JUDGED(test_files),
        JUDGED(test_sockets), JUDGED(test_clock),   JUDGED(test_arguments), JUDGED(test_threads),
        JUDGED(test_states),  JUDGED(test_chaos),   JUDGED(test_boxes),     JUDGED(test_kept),
    };
    if (argc < 2)
        return 2;
    victim = argv[1];
    if (argc > 2)
        cmocka_set_test_filter(argv[2]);
    return cmocka_run_group_tests(tests, start, stop);
}
