/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking for the inputs' rows while a room has both loaded: in memory, in what is shared with the
 * host, on the disk. The control is the same engine as an ordinary program.
 */
#include "room.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The engine without an enclave; it has all inputs in memory when it prints. */
static pid_t start_plain(const struct room *room)
{
    char program[PATH_MAX + 16], contract[PATH_MAX], north[PATH_MAX], more[PATH_MAX],
        south[PATH_MAX], line[256];
    int input, output;
    json_t *changed = json_load_file(path_in(room->host, "contract.json"), 0, NULL);
    json_object_set_new(
        changed, "parameters",
        json_pack("[{s:s, s:s, s:i}]", "name", "least", "type", "integer", "value", 0));
    snprintf(program, sizeof(program), "%s/room-plain", setup.programs);
    snprintf(contract, sizeof(contract), "%s", work_path("plain.json"));
    json_dump_file(changed, contract, 0);
    json_decref(changed);
    snprintf(north, sizeof(north), "%s", party_path("north", "north_data.csv"));
    snprintf(more, sizeof(more), "%s", party_path("north", "north_more.csv"));
    snprintf(south, sizeof(south), "%s", party_path("south", "south_data.csv"));
    pid_t pid = spawn((char *[]){program, contract, "people", "north_data", north, "north_more",
                                 more, "south_data", south, NULL},
                      &input, &output);
    bool ready = read_line(output, line, sizeof(line), 60);
    close(input);
    close(output);
    if (ready)
        return pid;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

/* Starts it, with both owners' rows inside; false: concluded. */
static bool hold(struct target *target, struct room *room, struct result *result)
{
    struct said said = {.text = ""};
    target->pattern = room_pattern;
    if (target->kind == TARGET_PLAIN) {
        target->pid = start_plain(room);
        if (target->pid < 0)
            conclude(result, SKIPPED, "the program without a room did not start");
        return target->pid > 0;
    }
    room_start(room, NULL);
    target->pid = room->running;
    if (party_does(&said, room->seen, "release", "north", NULL) &&
        party_does(&said, room->seen, "release", "south", NULL) &&
        room_shows(room, "\"loaded\":[\"north_data\",\"north_more\",\"south_data\"]"))
        return true;
    room_kill(room);
    conclude(result, SKIPPED, "the room did not load its inputs: %.180s", last_line(&said));
    return false;
}

static void let_go(struct target *target, struct room *room)
{
    if (target->kind == TARGET_PLAIN) {
        kill(target->pid, SIGKILL);
        waitpid(target->pid, NULL, 0);
    } else {
        room_kill(room);
    }
}

static void while_held(struct target *target, struct result *result, attack_function *attack)
{
    struct room *room = room_ready(target->kind, result);
    if (!room || !hold(target, room, result))
        return;
    attack(target, result);
    let_go(target, room);
}

void attack_room_memory(struct target *target, struct result *result)
{
    while_held(target, result, attack_memory);
}

/* The control is the victim, which shares some of its memory. */
static void in_descriptors(struct target *target, struct result *result, attack_function *attack)
{
    if (target->kind != TARGET_PLAIN) {
        while_held(target, result, attack);
    } else if (target_start(target, TARGET_PLAIN, result)) {
        attack(target, result);
        target_stop(target);
    }
}

void attack_room_ring(struct target *target, struct result *result)
{
    in_descriptors(target, result, attack_map_files);
}

void attack_room_getfd(struct target *target, struct result *result)
{
    in_descriptors(target, result, attack_getfd);
}

/* ---- the disk ---- */

static uint64_t found;
static unsigned files;

static int look_in(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)place;
    int fd = kind == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    found += scan_file(room_pattern, fd);
    files++;
    close(fd);
    return 0;
}

static void look_on_disk(struct target *target, struct result *result)
{
    struct room *room = room_ready(target->kind, result);
    found = files = 0;
    if (target->kind == TARGET_PLAIN) { /* where they would lie if nothing were sealed */
        nftw(party_path("north", ""), look_in, 16, FTW_PHYS);
        nftw(party_path("south", ""), look_in, 16, FTW_PHYS);
    } else {
        nftw(room->host, look_in, 16, FTW_PHYS); /* with the results of the first run */
    }
    conclude(result, found ? SUCCEEDS : STOPPED, "%llu cells in %u files",
             (unsigned long long)found, files);
}

void attack_room_disk(struct target *target, struct result *result)
{
    while_held(target, result, look_on_disk);
}
