/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms to attack, made and run.
 */
#include "room.h"

#include "../box/key.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "../room/contract.h"
#include "../room/party.h"
#include "../room/store.h"

#include <cella/attest.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE  120 /* s */
#define ARGUMENTS 24u

struct pattern room_pattern;

static const char *const parties[] = {"north", "south", "desk"};

/* ---- files ---- */

const char *path_in(const char *folder, const char *format, ...)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    int used = snprintf(path, PATH_MAX, "%s/", folder);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + used, PATH_MAX - (size_t)used, format, arguments);
    va_end(arguments);
    return path;
}

const char *party_path(const char *party, const char *name)
{
    return path_in(setup.work, "%s/%s", party, name);
}

bool copy_tree(const char *from, const char *to)
{
    return run_command((char *[]){"cp", "-a", (char *)(uintptr_t)from, (char *)(uintptr_t)to, NULL},
                       60) == 0;
}

char *read_whole(const char *path, size_t *size)
{
    uint8_t *bytes;
    return file_read(path, UINT64_C(1) << 30, &bytes, size, NULL) ? NULL : (char *)bytes;
}

bool write_whole(const char *path, const void *bytes, size_t size)
{
    return store_write(path, bytes, size, STORE_SHARED, NULL) == CELLA_OK;
}

/* ---- commands ---- */

static struct party party_start(char *const arguments[])
{
    int output[2];
    struct party party = {.pid = -1, .output = -1};
    if (pipe2(output, O_CLOEXEC))
        return party;
    party.output = output[0];
    party.pid = fork();
    if (party.pid == 0) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(output[1], 1);
        dup2(output[1], 2);
        execv(arguments[0], arguments);
        _exit(127);
    }
    close(output[1]);
    return party;
}

bool party_finish(struct party *party, struct said *said)
{
    size_t used = 0;
    ssize_t got;
    while ((got = read(party->output, said->text + used, sizeof(said->text) - 1 - used)) > 0)
        used += (size_t)got;
    said->text[used] = 0;
    close(party->output);
    waitpid(party->pid, &said->status, 0);
    said->status = WIFEXITED(said->status) ? WEXITSTATUS(said->status) : -1;
    return said->status == 0;
}

__attribute__((sentinel)) static bool cella_does(struct said *said, ...)
{
    char *arguments[ARGUMENTS] = {setup.cella};
    va_list list;
    va_start(list, said);
    for (size_t i = 1; i + 1 < ARGUMENTS && (arguments[i] = va_arg(list, char *)); i++)
        ;
    va_end(list);
    struct party party = party_start(arguments);
    return party_finish(&party, said);
}

bool room_check(const struct room *room, struct said *said)
{
    return cella_does(said, "room", "check", room->host, NULL);
}

bool party_does(struct said *said, const char *folder, const char *verb, const char *party, ...)
{
    char own[PATH_MAX];
    snprintf(own, sizeof(own), "%s/%s", setup.work, party);
    const char *arguments[ARGUMENTS] = {setup.cella, "room", verb,       folder,
                                        "--as",      party,  "--folder", own};
    va_list list;
    va_start(list, party);
    for (size_t i = 8; i + 1 < ARGUMENTS && (arguments[i] = va_arg(list, const char *)); i++)
        ;
    va_end(list);
    struct party begun = party_start((char *const *)(uintptr_t)arguments);
    return party_finish(&begun, said);
}

struct party party_begin(const char *folder, const char *verb, const char *party)
{
    char own[PATH_MAX];
    snprintf(own, sizeof(own), "%s/%s", setup.work, party);
    const char *arguments[] = {setup.cella, "room", verb,     folder, "--as", party,
                               "--folder",  own,    "--wait", "60",   NULL};
    return party_start((char *const *)(uintptr_t)arguments);
}

const char *last_line(struct said *said)
{
    size_t length = strlen(said->text);
    while (length && said->text[length - 1] == '\n')
        said->text[--length] = 0;
    const char *line = strrchr(said->text, '\n');
    return line ? line + 1 : said->text;
}

/* ---- parties, their data ---- */

/* A cell is 16 letters, so that it can stand in a CSV file: the tag, two letters of the row, six of
 * the key. */
static void make_pattern(void)
{
    uint8_t random[14];
    uint64_t tag = 0, key = 0;
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        abort();
    for (unsigned i = 0; i < 8; i++)
        tag |= (uint64_t)('a' + random[i] % 26) << 8 * i;
    for (unsigned i = 0; i < 6; i++)
        key |= (uint64_t)('a' + random[8 + i] % 26) << (16 + 8 * i);
    room_pattern = (struct pattern){tag, ~key & ~(uint64_t)(PATTERN_CELLS - 1)};
}

/* By a child: what it had in its memory ends with it. */
static bool write_people(const char *path, unsigned first, unsigned count, bool token)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        FILE *file = fopen(path, "we");
        fprintf(file, "id,grade,age,secret%s\n", token ? ",token" : "");
        for (unsigned i = first; i < first + count; i++) {
            uint64_t number = ~room_pattern.key & ~(uint64_t)(PATTERN_CELLS - 1);
            fprintf(file, "%u,%u,%u,hidden%u", i, i == 7 ? 9 : 1 + i % 3, i == 7 ? 97 : 30 + i % 50,
                    i);
            if (token)
                fprintf(file, ",%.8s%c%c%.6s", (const char *)&room_pattern.tag,
                        (char)('a' + i / 26), (char)('a' + i % 26), (const char *)&number + 2);
            fputc('\n', file);
        }
        _exit(fclose(file) != 0);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool make_parties(struct said *said)
{
    static int made = -1;
    if (made >= 0)
        return made;
    made = 0;
    setenv("CELLA_PLATFORM", work_path("platform"), 1);
    setenv("XDG_DATA_HOME", work_path("data"), 1);
    make_pattern();
    if (!cella_does(said, "platform", "init", NULL))
        return false;
    for (size_t i = 0; i < 3; i++) {
        mkdir(party_path(parties[i], ""), 0700);
        if (!cella_does(said, "key", "new", parties[i], "--folder", party_path(parties[i], "keys"),
                        NULL))
            return false;
    }
    made =
        write_people(party_path("north", "north_data.csv"), 0, ROOM_PEOPLE / 2, true) &&
        write_people(party_path("north", "north_more.csv"), 0, 40, false) &&
        write_people(party_path("south", "south_data.csv"), ROOM_PEOPLE / 2, ROOM_PEOPLE / 2, true);
    return made;
}

/* ---- contracts ---- */

static json_t *party_json(const char *name, const char *role)
{
    struct cella_public_key key = {0};
    char signing[65], receiving[65], file[64];
    snprintf(file, sizeof(file), "keys/%s.pub", name);
    cella_key_public(party_path(name, file), &key, NULL);
    return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "role", role, "signing_key",
                     hex_write(key.signing, 32, signing), "receiving_key",
                     hex_write(key.receiving, 32, receiving));
}

static json_t *column(const char *name, const char *type, const char *role)
{
    return json_pack("{s:s, s:s, s:s}", "name", name, "type", type, "role", role);
}

static json_t *input_json(const char *name, const char *owner, bool token)
{
    json_t *columns =
        json_pack("[o, o, o, o]", column("id", "integer", "identifier"),
                  column("grade", "integer", "dimension"), column("age", "integer", "measure"),
                  column("secret", "text", "hidden"));
    if (token)
        json_array_append_new(columns, column("token", "text", "measure"));
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:{s:i}}", "name", name, "owner", owner, "format",
                     "csv", "box", "any", "columns", columns, "rules", "least_individuals", 10);
}

const char *room_program(void)
{
    int length = (int)(strrchr(setup.cella, '/') - setup.cella);
    return path_in("", "%.*s/cella-query.sgxs", length, setup.cella);
}

bool room_measurement(uint8_t mrenclave[32])
{
    cella_image *image;
    cella_identity identity;
    if (cella_image_open(room_program(), &image, NULL))
        return false;
    bool known = cella_image_identity(image, &identity, NULL) == CELLA_OK;
    cella_image_close(image);
    memcpy(mrenclave, identity.mrenclave, 32);
    return known;
}

static json_t *program_json(void)
{
    char text[65] = "";
    uint8_t mrenclave[32];
    if (room_measurement(mrenclave))
        hex_write(mrenclave, 32, text);
    return json_pack("{s:[s]}", "mrenclave", text);
}

static json_t *root_json(void)
{
    cella_platform *platform = NULL;
    char text[65] = "";
    if (cella_platform_open(work_path("platform"), &platform, NULL) == CELLA_OK)
        hex_write(cella_platform_root(platform), 32, text);
    cella_platform_close(platform);
    return json_string(text);
}

static const char statements[] =
    "[{\"name\": \"people\", \"from\": {\"union\": ["
    "{\"input\": \"north_data\", \"columns\": {\"grade\": \"grade\", \"age\": \"age\"}},"
    "{\"input\": \"south_data\", \"columns\": {\"grade\": \"grade\", \"age\": \"age\"}}],"
    " \"as\": \"u\"}, \"where\": [\"u.age >= :least\"], \"group\": [\"u.grade\"],"
    " \"select\": [{\"name\": \"people\", \"individuals\": \"u\"},"
    "              {\"name\": \"mean_age\", \"mean\": \"u.age\"}]}]";

/* desk gives nothing but a parameter: while it is waited for, the others' data is inside. */
json_t *room_contract(enum target_kind kind)
{
    return json_pack(
        "{s:i, s:s, s:s, s:o, s:[s], s:[o], s:{}, s:[o,o,o], s:[o,o,o],"
        " s:[{s:s,s:s,s:s,s:i,s:i}], s:o, s:[{s:s,s:s,s:s,s:[s,s],s:{}}], s:i, s:s, s:s, s:[s]}",
        "cella_contract", 1, "title", "A room under attack", "purpose", "To be attacked.",
        "program", program_json(), "tee", kind == TARGET_VSM ? "vsm" : "process", "platform_roots",
        root_json(), "posture", "parties", party_json("north", "owner"),
        party_json("south", "owner"), party_json("desk", "recipient"), "inputs",
        input_json("north_data", "north", true), input_json("north_more", "north", false),
        input_json("south_data", "south", true), "parameters", "name", "least", "type", "integer",
        "from", "desk", "least", 0, "most", 50, "statements", json_loads(statements, 0, NULL),
        "outputs", "name", "people", "statement", "people", "format", "csv", "recipients", "north",
        "desk", "rules", "runs", 1000, "not_before", "2026-01-01T00:00:00Z", "not_after",
        "2098-01-01T00:00:00Z", "log", "north");
}

/* As `cella room sign`, which would refuse what these contracts ask for: careless parties do not.
 */
static bool sign(const struct room *room, const char *name)
{
    struct contract *contract;
    struct cella_key key;
    char file[64];
    bool locked;
    uint8_t signature[CONTRACT_SIGNATURE];
    size_t size = sizeof(signature);
    snprintf(file, sizeof(file), "keys/%s.key", name);
    if (contract_open(path_in(room->host, "contract.json"), &contract, NULL))
        return false;
    if (cella_key_load(party_path(name, file), NULL, &key, &locked, NULL)) {
        contract_free(contract);
        return false;
    }
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key.signing_secret, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(context, signature, &size, contract->bytes, contract->size) == 1 &&
                party_keep_contract(party_path(name, ""), contract, NULL) == CELLA_OK &&
                write_whole(path_in(room->host, "signatures/%s.sig", name), signature, size);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    cella_key_wipe(&key);
    contract_free(contract);
    return good;
}

static bool add(const struct room *room, const char *party, const char *input)
{
    struct said said;
    char file[64];
    snprintf(file, sizeof(file), "%s.csv", input);
    return party_does(&said, room->host, "add", party, input, party_path(party, file), NULL);
}

static bool make_seen(const struct room *room)
{
    static const char *const shared[] = {"contract.json", "signatures", "run", "results"};
    mkdir(room->seen, 0700);
    for (size_t i = 0; i < 4; i++)
        if (symlink(path_in(room->host, "%s", shared[i]), path_in(room->seen, "%s", shared[i])))
            return false;
    return copy_tree(path_in(room->host, "inputs"), path_in(room->seen, "inputs"));
}

bool room_make(struct room *room, enum target_kind kind, const char *name, json_t *contract,
               bool filled)
{
    char *text = json_dumps(contract, JSON_INDENT(1));
    const char *tee = kind == TARGET_VSM ? "vsm" : "process";
    json_decref(contract);
    *room = (struct room){.kind = kind};
    snprintf(room->host, sizeof(room->host), "%s/%s.%s", setup.work, name, tee);
    snprintf(room->seen, sizeof(room->seen), "%s/%s.%s.seen", setup.work, name, tee);
    run_command((char *[]){"rm", "-rf", room->host, room->seen, NULL}, 60);
    mkdir(room->host, 0700);
    mkdir(path_in(room->host, "signatures"), 0700);
    bool made = text && write_whole(path_in(room->host, "contract.json"), text, strlen(text));
    free(text);
    for (size_t i = 0; i < 3; i++)
        made = made && sign(room, parties[i]);
    if (!filled)
        return made;
    return made && add(room, "north", "north_data") && add(room, "north", "north_more") &&
           add(room, "south", "south_data") && make_seen(room);
}

/* ---- running ---- */

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static bool has_ended(const struct room *room)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)room->running, &info, WEXITED | WNOHANG | WNOWAIT) ||
           info.si_pid == room->running;
}

void room_start(struct room *room, const char *option)
{
    run_command((char *[]){"rm", "-rf", (char *)(uintptr_t)path_in(room->host, "run"), NULL}, 60);
    room->running = fork();
    if (room->running == 0) {
        int log = open(work_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(log, 1);
        dup2(log, 2);
        execl(setup.cella, setup.cella, "room", "run", room->host, "--tee",
              room->kind == TARGET_VSM ? "vsm" : "process", option, NULL);
        _exit(127);
    }
    while (!store_there(path_in(room->host, "run")) && !has_ended(room))
        pause_briefly();
}

void room_kill(struct room *room)
{
    if (room->running > 0) {
        kill(room->running, SIGKILL);
        waitpid(room->running, NULL, 0);
    }
    room->running = 0;
}

int room_end(struct room *room)
{
    int status = -1;
    for (time_t began = time(NULL); time(NULL) - began < PATIENCE; pause_briefly())
        if (has_ended(room)) {
            waitpid(room->running, &status, 0);
            room->running = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
    room_kill(room);
    return -1;
}

bool room_shows(const struct room *room, const char *text)
{
    for (time_t began = time(NULL); time(NULL) - began < PATIENCE; pause_briefly()) {
        bool ended = has_ended(room);
        size_t size;
        char *status = read_whole(path_in(room->host, "run/status.json"), &size);
        bool shown = status && memmem(status, size, text, strlen(text));
        free(status);
        if (shown || ended)
            return shown;
    }
    return false;
}

void room_sentence(const struct room *room, const char *party, char *sentence, size_t size)
{
    json_t *status = json_load_file(path_in(room->host, "run/status.json"), 0, NULL);
    const json_t *said = party ? json_object_get(json_object_get(status, "refused"), party)
                               : json_object_get(status, "sentence");
    snprintf(sentence, size, "%s", json_is_string(said) ? json_string_value(said) : "");
    json_decref(status);
}

bool all_release(const struct room *room, struct said *said)
{
    return party_does(said, room->seen, "release", "north", NULL) &&
           party_does(said, room->seen, "release", "south", NULL) &&
           party_does(said, room->seen, "release", "desk", "--set", "least=0", NULL);
}

bool room_result(const struct room *room, const char *party, const char *output, char *text,
                 size_t size, struct said *said)
{
    const char *folder = party_path(party, "results");
    size_t length;
    run_command((char *[]){"rm", "-rf", (char *)(uintptr_t)folder, NULL}, 60);
    bool did = party_does(said, room->host, "result", party, "-o", folder, NULL);
    char *bytes = read_whole(path_in(folder, "%s", output), &length);
    snprintf(text, size, "%.*s", bytes ? (int)length : 0, bytes ? bytes : "");
    free(bytes);
    return did;
}

/* ---- the room that most rows attack ---- */

static bool run_untouched(struct room *room, struct said *said)
{
    char text[1024];
    room_start(room, NULL);
    bool released = all_release(room, said);
    if (!released)
        room_kill(room);
    return released && room_end(room) == 0 &&
           room_result(room, "desk", "people.csv", text, sizeof(text), said) &&
           strstr(text, "\n1,200,");
}

struct room *room_ready(enum target_kind kind, struct result *result)
{
    static struct room rooms[TARGET_KINDS];
    static enum { UNTRIED, GOOD, BAD } states[TARGET_KINDS];
    static char reasons[TARGET_KINDS][200];
    struct said said = {.text = "its inputs cannot be sealed"};
    if (kind == TARGET_PLAIN)
        kind = setup.vsm ? TARGET_VSM : TARGET_PROCESS;
    if (states[kind] == UNTRIED) {
        bool good = make_parties(&said) &&
                    room_make(&rooms[kind], kind, "base", room_contract(kind), true) &&
                    run_untouched(&rooms[kind], &said);
        states[kind] = good ? GOOD : BAD;
        snprintf(reasons[kind], sizeof(reasons[kind]), "no room here: %.180s", last_line(&said));
    }
    if (states[kind] == GOOD)
        return &rooms[kind];
    conclude(result, SKIPPED, "%s", reasons[kind]);
    return NULL;
}

void conclude_untouched(struct result *result)
{
    if (room_ready(TARGET_PLAIN, result))
        conclude(result, SUCCEEDS, "nobody attacks, and the room gives its results");
}
