/* SPDX-License-Identifier: Apache-2.0
 *
 * A contract that is changed after it was signed; results that the host exchanges, forges, keeps
 * back; a run that it kills.
 */
#include "room.h"

#include "../box/box.h"
#include "../box/key.h"
#include "../image/hex.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct room *begin(const struct target *target, struct result *result)
{
    if (target->kind != TARGET_PLAIN)
        return room_ready(target->kind, result);
    conclude_untouched(result);
    return NULL;
}

static void empty_results(const struct room *room)
{
    run_command((char *[]){"rm", "-rf", (char *)(uintptr_t)path_in(room->host, "results"), NULL},
                60);
}

/* ---- the contract ---- */

/* Every party's step, the enclave, and the results that are there already. */
static void attack_contract(struct target *target, struct result *result, json_t *changed)
{
    struct said said;
    struct room *room = begin(target, result), other = {0};
    char sentence[200], text[64];
    if (!room) {
        json_decref(changed);
        return;
    }
    other.kind = room->kind;
    snprintf(other.host, sizeof(other.host), "%s/changed", setup.work);
    run_command((char *[]){"rm", "-rf", other.host, NULL}, 60);
    char *dumped = json_dumps(changed, JSON_INDENT(1));
    json_decref(changed);
    bool made = dumped && copy_tree(room->host, other.host) &&
                write_whole(path_in(other.host, "contract.json"), dumped, strlen(dumped));
    free(dumped);
    bool released = made && party_does(&said, other.host, "release", "north", "--wait", "2", NULL);
    bool honest = made && strstr(said.text, "contract: expected one that north signed");
    bool took = made && room_result(&other, "desk", "people.csv", text, sizeof(text), &said);
    if (!made || (!honest && !released)) {
        conclude(result, SKIPPED, "%s", made ? last_line(&said) : "the room cannot be copied");
        return;
    }
    room_start(&other, NULL);
    room_shows(&other, "\"state\":");
    room_sentence(&other, NULL, sentence, sizeof(sentence));
    room_kill(&other);
    conclude(result, released || took || !strstr(sentence, "signature") ? SUCCEEDS : STOPPED,
             "north %s, desk %s; the enclave: %.150s", released ? "released" : "refuses",
             took ? "took results" : "refuses", *sentence ? sentence : "took it");
}

static json_t *signed_contract(enum target_kind kind)
{
    struct result ignored;
    struct room *room = room_ready(kind, &ignored);
    return room ? json_load_file(path_in(room->host, "contract.json"), 0, NULL) : NULL;
}

/* The host's own key in the desk's place. */
void attack_contract_key(struct target *target, struct result *result)
{
    struct cella_public_key key;
    char receiving[65];
    json_t *contract = signed_contract(target->kind);
    cella_key_new(work_path("attacker"), "mallory", NULL, &key, NULL); /* or of an earlier row */
    cella_key_public(work_path("attacker/mallory.pub"), &key, NULL);
    json_object_set_new(json_array_get(json_object_get(contract, "parties"), 2), "receiving_key",
                        json_string(hex_write(key.receiving, 32, receiving)));
    attack_contract(target, result, contract);
}

void attack_contract_byte(struct target *target, struct result *result)
{
    json_t *contract = signed_contract(target->kind);
    json_object_set_new(contract, "purpose", json_string("To be attacked!"));
    attack_contract(target, result, contract);
}

/* One more recipient, who has signed, too. */
void attack_contract_party(struct target *target, struct result *result)
{
    json_t *contract = signed_contract(target->kind);
    json_t *parties = json_object_get(contract, "parties");
    json_t *more = json_deep_copy(json_array_get(parties, 2));
    struct cella_public_key key;
    char receiving[65], signing[65];
    cella_key_new(work_path("attacker"), "mallory", NULL, &key, NULL);
    cella_key_public(work_path("attacker/mallory.pub"), &key, NULL);
    json_object_set_new(more, "name", json_string("mallory"));
    json_object_set_new(more, "receiving_key",
                        json_string(hex_write(key.receiving, 32, receiving)));
    json_object_set_new(more, "signing_key", json_string(hex_write(key.signing, 32, signing)));
    json_array_append_new(parties, more);
    json_array_append_new(
        json_object_get(json_array_get(json_object_get(contract, "outputs"), 0), "recipients"),
        json_string("mallory"));
    attack_contract(target, result, contract);
}

/* ---- results ---- */

/* One whole run more: its results' folder alone is in the room. */
static bool run_once(struct room *room, char run[17], struct said *said)
{
    empty_results(room);
    room_start(room, NULL);
    bool ran = all_release(room, said);
    if (!ran)
        room_kill(room);
    else
        room_end(room);
    DIR *folder = opendir(path_in(room->host, "results"));
    *run = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (*entry->d_name != '.')
            snprintf(run, 17, "%.16s", entry->d_name);
    if (folder)
        closedir(folder);
    return ran && *run;
}

/* The host's results, and where they are kept from another run: results/RUN, kept. */
static bool put_run(const struct room *room, const char *run, const char *kept)
{
    empty_results(room);
    mkdir(path_in(room->host, "results"), 0700);
    return copy_tree(kept, path_in(room->host, "results/%s", run));
}

/* What a recipient says to them: it must refuse, with this in its sentence. */
static void conclude_refused(const struct room *room, const char *verb, const char *party,
                             const char *sentence, struct result *result)
{
    struct said said;
    const char *folder = party_path(party, "results");
    run_command((char *[]){"rm", "-rf", (char *)(uintptr_t)folder, NULL}, 60);
    bool did = strcmp(verb, "log") == 0
                   ? party_does(&said, room->host, "log", party, NULL)
                   : party_does(&said, room->host, "result", party, "-o", folder, NULL);
    char *found = strstr(said.text, sentence);
    if (found)
        found[strcspn(found, "\n")] = 0;
    if (did)
        conclude(result, SUCCEEDS, "%s took it", party);
    else
        conclude(result, found ? STOPPED : SKIPPED, "%s", found ? found : last_line(&said));
}

static bool keep_run(const struct room *room, const char *run, char kept[PATH_MAX],
                     const char *name)
{
    snprintf(kept, PATH_MAX, "%s/%s", setup.work, name);
    run_command((char *[]){"rm", "-rf", kept, NULL}, 60);
    return copy_tree(path_in(room->host, "results/%s", run), kept);
}

static struct room *begin_run(const struct target *target, char run[17], char kept[PATH_MAX],
                              struct result *result)
{
    struct said said = {.text = ""};
    struct room *room = begin(target, result);
    if (room && run_once(room, run, &said) && keep_run(room, run, kept, "kept"))
        return room;
    if (room)
        conclude(result, SKIPPED, "there are no results: %.180s", last_line(&said));
    return NULL;
}

/* Another room's, of the same parties, under this run's name. */
void attack_result_room(struct target *target, struct result *result)
{
    char run[17], other_run[17], kept[PATH_MAX];
    struct said said = {.text = "the other room cannot be made"};
    struct room *room = begin_run(target, run, kept, result), other;
    if (!room)
        return;
    json_t *contract = room_contract(room->kind);
    json_object_set_new(contract, "purpose", json_string("Another purpose."));
    if (!room_make(&other, room->kind, "other", contract, true) ||
        !run_once(&other, other_run, &said) || !keep_run(&other, other_run, kept, "kept.other") ||
        !put_run(room, run, kept))
        conclude(result, SKIPPED, "%s", last_line(&said));
    else
        conclude_refused(room, "result", "desk", "not signed by the enclave that you verified",
                         result);
}

/* An older run's of the same room, under the newest one's name. */
void attack_result_run(struct target *target, struct result *result)
{
    char run[17], kept[PATH_MAX];
    struct said said = {.text = ""};
    struct room *room = begin_run(target, run, kept, result);
    if (!room)
        return;
    if (!run_once(room, run, &said) || !put_run(room, run, kept))
        conclude(result, SKIPPED, "%s", last_line(&said));
    else
        conclude_refused(room, "result", "desk", "not signed by the enclave that you verified",
                         result);
}

/* The newest run's are kept back; what is there is an older run's, under its own name. */
void attack_result_kept(struct target *target, struct result *result)
{
    char run[17], newer[17], kept[PATH_MAX];
    struct said said = {.text = ""};
    struct room *room = begin_run(target, run, kept, result);
    if (!room)
        return;
    if (!run_once(room, newer, &said) || !put_run(room, run, kept))
        conclude(result, SKIPPED, "%s", last_line(&said));
    else
        conclude_refused(room, "result", "desk", "to which desk released last", result);
}

/* Sealed by the host to a recipient: everybody can. */
static bool forge(const struct room *room, const char *run, const char *name, const char *recipient,
                  const char *inner, const void *bytes, size_t size)
{
    struct cella_public_key key;
    char file[64];
    uint8_t *box;
    size_t box_size;
    snprintf(file, sizeof(file), "keys/%s.pub", recipient);
    cella_key_public(party_path(recipient, file), &key, NULL);
    const struct cella_box_to to = {.recipients = (const uint8_t(*)[32]) & key.receiving,
                                    .recipient_count = 1};
    if (cella_box_seal_bytes(bytes, size, inner, &to, &box, &box_size, NULL))
        return false;
    bool written = write_whole(path_in(room->host, "results/%s/%s", run, name), box, box_size);
    free(box);
    return written;
}

void attack_result_forged(struct target *target, struct result *result)
{
    static const char text[] = "grade,people,mean_age\n1,200,20\n";
    char run[17], kept[PATH_MAX];
    struct room *room = begin_run(target, run, kept, result);
    if (!room)
        return;
    if (!forge(room, run, "people.box", "desk", "people.csv", text, strlen(text)))
        conclude(result, SKIPPED, "the host cannot seal");
    else
        conclude_refused(room, "result", "desk", "expected what the enclave signed for", result);
}

/* The log without its last entry, a chain that is whole, sealed anew by the host; it got the text
 * from a careless reader. */
void attack_result_log(struct target *target, struct result *result)
{
    char run[17], kept[PATH_MAX];
    size_t size, text_size = 0;
    uint8_t *text = NULL;
    bool locked;
    struct cella_key key;
    struct room *room = begin_run(target, run, kept, result);
    if (!room)
        return;
    char *box = read_whole(path_in(room->host, "results/%s/log.box", run), &size);
    cella_key_load(party_path("north", "keys/north.key"), NULL, &key, &locked, NULL);
    const struct cella_box_keys keys = {.keys = &key, .count = 1};
    bool opened = box && cella_box_open_bytes(box, size, "log", &keys, &text, &text_size, NULL,
                                              NULL) == CELLA_OK;
    cella_key_wipe(&key);
    free(box);
    char *end = opened && text_size > 1 ? memrchr(text, '\n', text_size - 1) : NULL;
    if (!end || !forge(room, run, "log.box", "north", "log.jsonl", text,
                       (size_t)((uint8_t *)end + 1 - text)))
        conclude(result, SKIPPED, "the log cannot be cut");
    else
        conclude_refused(room, "log", "north", "expected what the enclave signed for", result);
    free(text);
}

/* The seal of another run of the same room, everything else as it is. */
void attack_result_seal(struct target *target, struct result *result)
{
    char run[17], kept[PATH_MAX];
    struct said said = {.text = ""};
    size_t size;
    struct room *room = begin_run(target, run, kept, result);
    if (!room)
        return;
    char *seal = read_whole(path_in(kept, "seal.cbor"), &size);
    if (!seal || !run_once(room, run, &said) ||
        !write_whole(path_in(room->host, "results/%s/seal.cbor", run), seal, size))
        conclude(result, SKIPPED, "%s", last_line(&said));
    else
        conclude_refused(room, "result", "desk", "not signed by the enclave that you verified",
                         result);
    free(seal);
}

/* ---- killed ---- */

#define KILLS 8

/* What a killed run left that a recipient takes: a whole result, or nothing. */
static bool half_taken(const struct room *room)
{
    static const char whole[] = "grade,people,mean_age\r\n1,";
    char text[1024];
    struct said said;
    room_result(room, "desk", "people.csv", text, sizeof(text), &said);
    return *text && (strncmp(text, whole, strlen(whole)) != 0 || text[strlen(text) - 1] != '\n');
}

void attack_killed(struct target *target, struct result *result)
{
    struct said said = {.text = ""};
    char text[1024];
    unsigned halves = 0, random;
    struct room *room = begin(target, result);
    if (!room)
        return;
    empty_results(room);
    for (unsigned turn = 0; turn < KILLS; turn++) {
        struct said ignored;
        room_start(room, NULL);
        pid_t parties = fork();
        if (parties == 0) {
            setpgid(0, 0);
            _exit(!all_release(room, &ignored));
        }
        setpgid(parties, parties);
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            abort();
        usleep(random % 400000);
        room_kill(room);
        kill(-parties, SIGKILL);
        waitpid(parties, NULL, 0);
        halves += half_taken(room);
    }
    room_start(room, NULL);
    bool ran = all_release(room, &said) && room_end(room) == 0 &&
               room_result(room, "desk", "people.csv", text, sizeof(text), &said);
    room_kill(room);
    if (ran)
        conclude(result, halves ? SUCCEEDS : STOPPED,
                 "killed %u times; %u half results were taken; then it ran to its end", KILLS,
                 halves);
    else
        conclude(result, SUCCEEDS, "after %u kills the room cannot be run again: %.150s", KILLS,
                 last_line(&said));
}
