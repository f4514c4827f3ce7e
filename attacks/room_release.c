/* SPDX-License-Identifier: Apache-2.0
 *
 * Releases that the host plays again, exchanges or carries elsewhere; evidence of something else
 * than what runs, or of somebody else's. The host answers the party itself: it has a folder of its
 * own between party and enclave, and carries across what it likes.
 */
#include "room.h"

#include "../attest/release.h"
#include "../box/hpke.h"

#include <cella/attest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- between party and enclave ---- */

static bool carry(const char *from, const char *from_name, const char *to, const char *to_name)
{
    size_t size;
    char *bytes = NULL;
    for (unsigned turn = 0; turn < 2000 && !bytes; turn++) {
        bytes = read_whole(path_in(from, "run/%s", from_name), &size);
        if (!bytes)
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    bool carried = bytes && write_whole(path_in(to, "run/%s", to_name), bytes, size);
    free(bytes);
    return carried;
}

/* The enclave's answer to the nonce that is there: another statement than before. */
static bool await_answer(const struct room *room, const char *party, const uint8_t nonce[32])
{
    struct cella_statement statement;
    for (unsigned turn = 0; turn < 2000; turn++) {
        size_t size;
        char *bytes = read_whole(path_in(room->host, "run/%s.statement", party), &size);
        bool answered =
            bytes &&
            cella_statement_read((const uint8_t *)bytes, size, &statement, NULL) == CELLA_OK &&
            memcmp(statement.nonce, nonce, 32) == 0;
        free(bytes);
        if (answered)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return false;
}

static bool read_nonce(const char *folder, const char *party, uint8_t nonce[32])
{
    size_t size;
    char *bytes = read_whole(path_in(folder, "run/%s.nonce", party), &size);
    bool read = bytes && size == 32;
    if (read)
        memcpy(nonce, bytes, 32);
    free(bytes);
    return read;
}

/* A folder that the party takes for the room: its run/ is the host's own invention. */
static bool make_between(const struct room *room, char between[PATH_MAX])
{
    static const char *const shared[] = {"contract.json", "signatures", "inputs", "results"};
    snprintf(between, PATH_MAX, "%s/between", setup.work);
    run_command((char *[]){"rm", "-rf", between, NULL}, 60);
    mkdir(between, 0700);
    mkdir(path_in(between, "run"), 0700);
    for (size_t i = 0; i < 4; i++)
        if (symlink(path_in(room->seen, "%s", shared[i]), path_in(between, "%s", shared[i])))
            return false;
    return true;
}

/* The party's nonce, once it has asked, to the enclave, as `as`; its answer is awaited. */
static bool relay_question(const struct room *room, const char *between, const char *party,
                           const char *as)
{
    uint8_t nonce[32];
    char from[64], to[64];
    snprintf(from, sizeof(from), "%s.nonce", party);
    snprintf(to, sizeof(to), "%s.nonce", as);
    return carry(between, from, room->host, to) && read_nonce(between, party, nonce) &&
           await_answer(room, as, nonce);
}

static bool relay_file(const struct room *room, const char *between, const char *party,
                       const char *as, const char *kind)
{
    char from[64], to[64];
    snprintf(from, sizeof(from), "%s.%s", as, kind);
    snprintf(to, sizeof(to), "%s.%s", party, kind);
    return carry(room->host, from, between, to);
}

static bool relay_answer(const struct room *room, const char *between, const char *party,
                         const char *as)
{
    return relay_file(room, between, party, as, "evidence") &&
           relay_file(room, between, party, as, "statement");
}

/* ---- releases ---- */

static bool give_nonce(const struct room *room, const char *party, const uint8_t nonce[32])
{
    for (unsigned turn = 0; turn < 2000 && access(path_in(room->host, "run"), F_OK); turn++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return write_whole(path_in(room->host, "run/%s.nonce", party), nonce, 32) &&
           await_answer(room, party, nonce);
}

struct kept {
    uint8_t nonce[32];
    char *release;
    size_t size;
};

static bool keep(const struct room *room, const char *party, struct kept *kept)
{
    kept->release = read_whole(path_in(room->host, "run/%s.release", party), &kept->size);
    return kept->release && read_nonce(room->host, party, kept->nonce);
}

/* What the enclave says to what the host put there. */
static void conclude_release(const struct room *room, const char *party, struct result *result)
{
    char sentence[200], refused[80], released[80];
    snprintf(refused, sizeof(refused), "\"%s\":\"", party);
    snprintf(released, sizeof(released), "\"released\":[\"%s\"", party);
    if (!room_shows(room, refused)) {
        size_t size;
        char *status = read_whole(path_in(room->host, "run/status.json"), &size);
        bool taken = status && memmem(status, size, released, strlen(released));
        conclude(result, taken ? SUCCEEDS : SKIPPED,
                 taken ? "the enclave took it" : "the enclave did not judge it");
        free(status);
        return;
    }
    room_sentence(room, party, sentence, sizeof(sentence));
    conclude(result, STOPPED, "%s", sentence);
}

/* North releases to a run of `first`, which is then killed; to a run of `second`, whose enclave is
 * asked with the same nonce, the host plays that again. */
static void play_again(struct room *first, struct room *second, struct result *result)
{
    struct said said;
    struct kept kept = {0};
    room_start(first, NULL);
    bool done =
        party_does(&said, first->seen, "release", "north", NULL) && keep(first, "north", &kept);
    room_kill(first);
    conclude(result, SKIPPED, "there was no release to keep");
    if (done) {
        room_start(second, NULL);
        if (give_nonce(second, "north", kept.nonce) &&
            write_whole(path_in(second->host, "run/north.release"), kept.release, kept.size))
            conclude_release(second, "north", result);
        room_kill(second);
    }
    free(kept.release);
}

static struct room *begin(const struct target *target, struct result *result)
{
    if (target->kind != TARGET_PLAIN)
        return room_ready(target->kind, result);
    conclude_untouched(result);
    return NULL;
}

/* To a second run of the same room. */
void attack_release_replay(struct target *target, struct result *result)
{
    struct room *room = begin(target, result);
    if (room)
        play_again(room, room, result);
}

/* Of one run, each under the other's name. */
void attack_release_swap(struct target *target, struct result *result)
{
    char between[PATH_MAX];
    struct said said;
    struct room *room = begin(target, result);
    if (!room || !make_between(room, between))
        return;
    conclude(result, SKIPPED, "there were no releases to exchange");
    room_start(room, NULL);
    struct party north = party_begin(between, "release", "north");
    struct party south = party_begin(between, "release", "south");
    bool done = true;
    for (unsigned i = 0; i < 2; i++) {
        const char *party = i ? "south" : "north";
        done = done && relay_question(room, between, party, party) &&
               relay_answer(room, between, party, party);
    }
    done = party_finish(&north, &said) && done;
    done = party_finish(&south, &said) && done;
    if (done && carry(between, "south.release", room->host, "north.release") &&
        carry(between, "north.release", room->host, "south.release"))
        conclude_release(room, "north", result);
    if (result->outcome == STOPPED)
        conclude_release(room, "south", result);
    room_kill(room);
}

/* The same parties, the same program, another contract: nothing but its purpose differs. */
void attack_release_contract(struct target *target, struct result *result)
{
    struct room *room = begin(target, result), other;
    if (!room)
        return;
    json_t *contract = room_contract(room->kind);
    json_object_set_new(contract, "purpose", json_string("Another purpose."));
    conclude(result, SKIPPED, "there was no room to carry a release over from");
    if (room_make(&other, room->kind, "other", contract, true))
        play_again(&other, room, result);
}

/* The same enclave, asked again with another nonce after the party has released. */
void attack_release_nonce(struct target *target, struct result *result)
{
    char between[PATH_MAX];
    struct said said;
    static const uint8_t other[32] = {1, 2, 3};
    struct room *room = begin(target, result);
    if (!room || !make_between(room, between))
        return;
    conclude(result, SKIPPED, "there was no release to keep");
    room_start(room, NULL);
    struct party north = party_begin(between, "release", "north");
    bool done = relay_question(room, between, "north", "north") &&
                relay_answer(room, between, "north", "north");
    done = party_finish(&north, &said) && done;
    if (done && give_nonce(room, "north", other) &&
        carry(between, "north.release", room->host, "north.release"))
        conclude_release(room, "north", result);
    room_kill(room);
}

/* Two runs, to see what differs: the second has no keys, and the owner gives none. */
void attack_runs(struct target *target, struct result *result)
{
    struct said said = {.text = "the room did not run once"};
    struct room room;
    if (!begin(target, result))
        return;
    json_t *contract = room_contract(target->kind);
    json_object_set_new(contract, "runs", json_integer(1));
    bool once = room_make(&room, target->kind, "once", contract, true);
    if (once) {
        room_start(&room, NULL);
        once = all_release(&room, &said);
        room_end(&room);
    }
    if (!once) {
        conclude(result, SKIPPED, "%s", last_line(&said));
        return;
    }
    room_start(&room, NULL);
    bool empty = room_shows(&room, "\"missing\":[\"north\",\"south\",\"desk\"]") &&
                 room_shows(&room, "\"loaded\":[]");
    bool again = party_does(&said, room.seen, "release", "north", NULL);
    room_kill(&room);
    if (!again && strstr(said.text, "runs: expected at most 1 release"))
        conclude(result, empty ? STOPPED : SUCCEEDS, "%s", last_line(&said));
    else
        conclude(result, again ? SUCCEEDS : SKIPPED, "%s", last_line(&said));
}

/* ---- evidence ---- */

/* What a party says to what it was shown: refused for this claim? */
static void conclude_claim(struct party *party, const char *claim, struct result *result)
{
    struct said said;
    char expected[64];
    bool released = party_finish(party, &said);
    snprintf(expected, sizeof(expected), "%s: expected", claim);
    const char *sentence = strstr(last_line(&said), expected);
    if (released)
        conclude(result, SUCCEEDS, "the party released: %.150s", last_line(&said));
    else
        conclude(result, sentence ? STOPPED : SKIPPED, "%s",
                 sentence ? sentence : last_line(&said));
}

/* A statement with keys of the host's own, to the party's nonce. */
static bool own_statement(const struct room *room, const char *between, uint8_t **bytes,
                          size_t *size)
{
    struct cella_statement statement;
    uint8_t secret[32];
    size_t true_size;
    char *truth = read_whole(path_in(room->host, "run/north.statement"), &true_size);
    bool made =
        truth &&
        cella_statement_read((const uint8_t *)truth, true_size, &statement, NULL) == CELLA_OK &&
        read_nonce(between, "north", statement.nonce) && hpke_generate(secret, statement.hpke) &&
        cella_statement_make(&statement, bytes, size, NULL) == CELLA_OK;
    free(truth);
    return made;
}

typedef bool answer_maker(const struct room *room, const char *between);

/* North asks; the honest enclave is asked, too, as `as`; the host answers. */
static void answer_as_host(struct target *target, struct result *result, const char *as,
                           answer_maker *answer, const char *claim)
{
    char between[PATH_MAX];
    struct said said;
    struct room *room = begin(target, result);
    if (!room || !make_between(room, between))
        return;
    room_start(room, NULL);
    struct party north = party_begin(between, "release", "north");
    if (relay_question(room, between, "north", as) && answer(room, between)) {
        conclude_claim(&north, claim, result);
    } else {
        party_finish(&north, &said);
        conclude(result, SKIPPED, "the host had no answer");
    }
    room_kill(room);
}

/* The honest enclave's evidence, made for this nonce, under a statement with the host's keys. */
static bool answer_relayed(const struct room *room, const char *between)
{
    uint8_t *bytes;
    size_t size;
    bool answered = relay_file(room, between, "north", "north", "evidence") &&
                    own_statement(room, between, &bytes, &size);
    if (!answered)
        return false;
    answered = write_whole(path_in(between, "run/north.statement"), bytes, size);
    free(bytes);
    return answered;
}

void attack_evidence_relay(struct target *target, struct result *result)
{
    answer_as_host(target, result, "north", answer_relayed, "report_data");
}

/* The statement is the right one, the evidence that of the room's first run. */
static bool answer_older(const struct room *room, const char *between)
{
    char command[PATH_MAX + 128];
    snprintf(command, sizeof(command),
             "cp \"$(ls -d '%s'/results/*/ | head -n 1)north.evidence\" '%s/run/north.evidence'",
             room->host, between);
    return run_command((char *[]){"sh", "-c", command, NULL}, 60) == 0 &&
           relay_file(room, between, "north", "north", "statement");
}

void attack_evidence_run(struct target *target, struct result *result)
{
    answer_as_host(target, result, "north", answer_older, "report_data");
}

/* Everything as it should be, but that the platform is one of the host's own making. */
static bool answer_elsewhere(const struct room *room, const char *between)
{
    uint8_t *statement = NULL, *evidence = NULL, report[384] = {0};
    size_t size, evidence_size;
    cella_platform *platform = NULL;
    const char *folder = work_path("elsewhere");
    cella_platform_init(folder, NULL); /* where one is there already, it stays */
    report[48] = 0x05;                 /* ATTRIBUTES: INIT, MODE64 */
    report[56] = 0x03;                 /* XFRM: x87, SSE */
    room_measurement(report + 64);
    bool made =
        own_statement(room, between, &statement, &size) &&
        cella_statement_report_data(statement, size, report + 320, NULL) == CELLA_OK &&
        cella_platform_open(folder, &platform, NULL) == CELLA_OK &&
        cella_platform_evidence(platform, report, room->kind == TARGET_VSM ? "vsm" : "process",
                                &evidence, &evidence_size, NULL) == CELLA_OK &&
        write_whole(path_in(between, "run/north.evidence"), evidence, evidence_size) &&
        write_whole(path_in(between, "run/north.statement"), statement, size);
    cella_platform_close(platform);
    free(evidence);
    free(statement);
    return made;
}

void attack_evidence_machine(struct target *target, struct result *result)
{
    answer_as_host(target, result, "north", answer_elsewhere, "root");
}

/* South's evidence and statement, asked for with north's nonce. */
static bool answer_as_south(const struct room *room, const char *between)
{
    return relay_answer(room, between, "north", "south");
}

void attack_evidence_party(struct target *target, struct result *result)
{
    answer_as_host(target, result, "south", answer_as_south, "party");
}

/* A run that is not what the contract names. */
static void ask_run(struct room *room, const char *option, const char *claim, struct result *result)
{
    room_start(room, option);
    struct party north = party_begin(room->seen, "release", "north");
    conclude_claim(&north, claim, result);
    room_kill(room);
}

void attack_evidence_debug(struct target *target, struct result *result)
{
    struct room *room = begin(target, result);
    if (room)
        ask_run(room, "--insecure_debug", "debug", result);
}

/* The contract allows vsm alone, and the host runs it where it can look in. */
void attack_evidence_process(struct target *target, struct result *result)
{
    struct room *room = begin(target, result), other;
    if (!room)
        return;
    /* Not the bytes of the base contract: a ledger knows inputs by the contract's id. */
    json_t *contract = room_contract(TARGET_VSM);
    json_object_set_new(contract, "purpose", json_string("vsm, and nothing else."));
    if (!room_make(&other, TARGET_VSM, "strict", contract, true)) {
        conclude(result, SKIPPED, "the room cannot be made");
        return;
    }
    other.kind = TARGET_PROCESS;
    ask_run(&other, NULL, "tee", result);
}

/* The room's program with a letter changed in one of its sentences. */
void attack_evidence_program(struct target *target, struct result *result)
{
    static const char letters[] = "could not be sealed or written";
    struct room *room = begin(target, result);
    char option[PATH_MAX];
    size_t size;
    if (!room)
        return;
    char *image = read_whole(room_program(), &size);
    char *place = image ? memmem(image, size, letters, strlen(letters)) : NULL;
    if (place)
        *place = 'C';
    snprintf(option, sizeof(option), "--image=%s", work_path("altered-query.sgxs"));
    bool written = place && write_whole(work_path("altered-query.sgxs"), image, size);
    free(image);
    if (written)
        ask_run(room, option, "mrenclave", result);
    else
        conclude(result, SKIPPED, "the program's sentence is not in its image");
}
