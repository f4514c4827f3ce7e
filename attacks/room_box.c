/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes that the host exchanges or alters. Its owner sees the box as it gave it, and releases; the
 * enclave finds another one.
 */
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bool box_change(const struct room *room, unsigned turn);

static bool put_box(const struct room *room, const char *input, const char *bytes, size_t size)
{
    return write_whole(path_in(room->host, "inputs/%s.box", input), bytes, size);
}

static bool restore(const struct room *room)
{
    static const char *const inputs[] = {"north_data", "north_more", "south_data"};
    bool restored = true;
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        char *bytes = read_whole(path_in(room->seen, "inputs/%s.box", inputs[i]), &size);
        restored = restored && bytes && put_box(room, inputs[i], bytes, size);
        free(bytes);
    }
    return restored;
}

/* What the desk learns of a run on those boxes; true: it got a result. */
static bool run_on(struct room *room, struct said *said, bool *ran)
{
    char text[1024];
    room_start(room, NULL);
    *ran = all_release(room, said);
    if (!*ran) {
        room_kill(room);
        return false;
    }
    room_end(room);
    room_result(room, "desk", "people.csv", text, sizeof(text), said);
    return *text;
}

static void attack_boxes(struct target *target, struct result *result, box_change *change,
                         unsigned turns)
{
    struct said said = {.text = "the boxes cannot be altered"};
    if (target->kind == TARGET_PLAIN) {
        conclude_untouched(result);
        return;
    }
    struct room *room = room_ready(target->kind, result);
    for (unsigned turn = 0; room && turn < turns; turn++) {
        bool ran = false;
        run_command(
            (char *[]){"rm", "-rf", (char *)(uintptr_t)path_in(room->host, "results"), NULL}, 60);
        bool accepted = change(room, turn) && run_on(room, &said, &ran);
        restore(room);
        const char *last = last_line(&said), *sentence = strstr(last, "inputs/");
        if (accepted)
            conclude(result, SUCCEEDS, "change %u: the enclave computed on it", turn);
        else if (!ran || !sentence)
            conclude(result, SKIPPED, "change %u: %.200s", turn, last);
        else
            conclude(result, STOPPED, "%s", sentence);
        if (result->outcome != STOPPED)
            return;
    }
}

static bool exchange(const struct room *room, const char *first, const char *second)
{
    size_t sizes[2];
    char *one = read_whole(path_in(room->seen, "inputs/%s.box", first), &sizes[0]);
    char *other = read_whole(path_in(room->seen, "inputs/%s.box", second), &sizes[1]);
    bool done = one && other && put_box(room, first, other, sizes[1]) &&
                put_box(room, second, one, sizes[0]);
    free(one);
    free(other);
    return done;
}

static bool exchange_owners(const struct room *room, unsigned turn)
{
    (void)turn;
    return exchange(room, "north_data", "south_data");
}

void attack_box_swap(struct target *target, struct result *result)
{
    attack_boxes(target, result, exchange_owners, 1);
}

/* Same owner, same key, same release. */
static bool exchange_own(const struct room *room, unsigned turn)
{
    (void)turn;
    return exchange(room, "north_data", "north_more");
}

void attack_box_own(struct target *target, struct result *result)
{
    attack_boxes(target, result, exchange_own, 1);
}

/* The host kept the box that north gave first; north has given another since. */
static bool put_older(const struct room *room, unsigned turn)
{
    struct said said;
    size_t size;
    (void)turn;
    char *older = read_whole(path_in(room->host, "inputs/north_data.box"), &size);
    bool done = older &&
                party_does(&said, room->seen, "add", "north", "north_data",
                           party_path("north", "north_data.csv"), NULL) &&
                put_box(room, "north_data", older, size);
    free(older);
    return done;
}

void attack_box_older(struct target *target, struct result *result)
{
    attack_boxes(target, result, put_older, 1);
}

/* In the header, in its middle, in the first block, in the last; 0 is the first, 100 the last. */
static bool alter(const struct room *room, unsigned turn)
{
    static const unsigned places[] = {1, 30, 60, 100};
    size_t size;
    char *bytes = read_whole(path_in(room->seen, "inputs/south_data.box"), &size);
    if (bytes)
        bytes[(size - 1) * places[turn] / 100] ^= 0x10;
    bool done = bytes && put_box(room, "south_data", bytes, size);
    free(bytes);
    return done;
}

void attack_box_byte(struct target *target, struct result *result)
{
    attack_boxes(target, result, alter, 4);
}

/* Its last block, its last byte; all but a byte. */
static bool shorten(const struct room *room, unsigned turn)
{
    size_t size;
    char *bytes = read_whole(path_in(room->seen, "inputs/south_data.box"), &size);
    const size_t sizes[] = {size > 4096 ? size - 4096 : 0, size - 1, 1};
    bool done = bytes && put_box(room, "south_data", bytes, sizes[turn]);
    free(bytes);
    return done;
}

void attack_box_short(struct target *target, struct result *result)
{
    attack_boxes(target, result, shorten, 3);
}
