/* SPDX-License-Identifier: Apache-2.0
 *
 * A party's own directory.
 */
#include "party.h"

#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LEDGER_MOST (UINT64_C(64) << 20) /* bytes */

static const char *id_text(const struct contract *contract, char text[65])
{
    return hex_write(contract->id, 32, text);
}

/* ---- contracts ---- */

cella_status party_keep_contract(const char *folder, const struct contract *contract,
                                 cella_error *error)
{
    char path[STORE_PATH], id[65];
    store_path(path, "%s/contracts", folder);
    cella_status status = file_folder(path, 0755, error);
    store_path(path, "%s/contracts/%s.json", folder, id_text(contract, id));
    return status ? status
                  : store_write(path, contract->bytes, contract->size, STORE_PRIVATE, error);
}

cella_status party_check_contract(const char *folder, const struct contract *contract,
                                  const char *party, cella_error *error)
{
    char path[STORE_PATH], id[65];
    uint8_t *bytes = NULL;
    size_t size = 0;
    store_path(path, "%s/contracts/%s.json", folder, id_text(contract, id));
    bool same = file_read(path, CONTRACT_MOST, &bytes, &size, NULL) == CELLA_OK &&
                size == contract->size && memcmp(bytes, contract->bytes, size) == 0;
    free(bytes);
    if (same)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED,
                "contract: expected one that %s signed (%s/contracts has copies), found %.16s...: "
                "it was changed, or never signed from here; read it with `cella room check`, then "
                "sign it or ask for the old one",
                party, folder, id);
}

/* ---- runs ---- */

cella_status party_keep_run(const char *folder, const struct contract *contract, const char *run,
                            const struct party_run *verified, cella_error *error)
{
    char path[STORE_PATH], id[65];
    store_path(path, "%s/rooms/%s", folder, id_text(contract, id));
    cella_status status = file_folder(path, 0755, error);
    store_path(path, "%s/rooms/%s/%s.statement", folder, id, run);
    if (!status)
        status =
            store_write(path, verified->statement, verified->statement_size, STORE_PRIVATE, error);
    store_path(path, "%s/rooms/%s/%s.evidence", folder, id, run);
    if (!status)
        status =
            store_write(path, verified->evidence, verified->evidence_size, STORE_PRIVATE, error);
    return status;
}

cella_status party_find_run(const char *folder, const struct contract *contract, const char *run,
                            struct party_run *verified, cella_error *error)
{
    char path[STORE_PATH], id[65];
    *verified = (struct party_run){0};
    store_path(path, "%s/rooms/%s/%s.statement", folder, id_text(contract, id), run);
    cella_status status =
        file_read(path, STORE_MOST, &verified->statement, &verified->statement_size, error);
    store_path(path, "%s/rooms/%s/%s.evidence", folder, id, run);
    if (!status)
        status = file_read(path, STORE_MOST, &verified->evidence, &verified->evidence_size, error);
    if (status)
        party_run_free(verified);
    return status;
}

void party_run_free(struct party_run *verified)
{
    free(verified->statement);
    free(verified->evidence);
    *verified = (struct party_run){0};
}

/* ---- the ledger ---- */

static cella_status read_ledger(struct ledger *ledger, cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    if (!store_there(ledger->path)) {
        ledger->json = json_pack("{s:i, s:[], s:[]}", "cella_ledger", 1, "releases", "boxes");
        return ledger->json ? CELLA_OK : fail(error, CELLA_MEMORY, "%s: no memory", ledger->path);
    }
    cella_status status = file_read(ledger->path, LEDGER_MOST, &bytes, &size, error);
    if (status)
        return status;
    ledger->json = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    if (json_integer_value(json_object_get(ledger->json, "cella_ledger")) != 1 ||
        !json_is_array(json_object_get(ledger->json, "releases")) ||
        !json_is_array(json_object_get(ledger->json, "boxes")))
        return fail(error, CELLA_INVALID,
                    "%s: is not a ledger of version 1: restore it from a copy; without it nobody "
                    "knows what was released",
                    ledger->path);
    return CELLA_OK;
}

cella_status ledger_open(const char *folder, struct ledger *ledger, cella_error *error)
{
    *ledger = (struct ledger){.lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    store_path(ledger->path, "%s/ledger.json", folder);
    if (ledger->lock < 0 || flock(ledger->lock, LOCK_EX))
        return fail(error, CELLA_SYSTEM, "%s: cannot be locked: %s", folder, strerror(errno));
    cella_status status = read_ledger(ledger, error);
    if (status)
        ledger_close(ledger);
    return status;
}

void ledger_close(struct ledger *ledger)
{
    json_decref(ledger->json);
    if (ledger->lock >= 0)
        close(ledger->lock);
    *ledger = (struct ledger){.lock = -1};
}

static cella_status write_ledger(const struct ledger *ledger, cella_error *error)
{
    char *text = json_dumps(ledger->json, JSON_INDENT(2));
    cella_status status = text ? store_write(ledger->path, text, strlen(text), STORE_PRIVATE, error)
                               : fail(error, CELLA_MEMORY, "%s: no memory", ledger->path);
    free(text);
    return status;
}

static bool is_of(const json_t *entry, const struct contract *contract)
{
    char id[65];
    const char *text = json_string_value(json_object_get(entry, "contract"));
    return text && strcmp(text, id_text(contract, id)) == 0;
}

static bool is_for(const json_t *entry, const struct contract *contract, const char *run)
{
    const char *text = json_string_value(json_object_get(entry, "run"));
    return is_of(entry, contract) && text && strcmp(text, run) == 0;
}

unsigned ledger_releases(const struct ledger *ledger, const struct contract *contract,
                         const char *run)
{
    unsigned count = 0;
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(ledger->json, "releases"), index, entry) count +=
        is_of(entry, contract) && !is_for(entry, contract, run);
    return count;
}

bool ledger_newest(const struct ledger *ledger, const struct contract *contract,
                   char run[SEAL_RUN + 1])
{
    size_t index;
    json_t *entry;
    *run = 0;
    json_array_foreach(json_object_get(ledger->json, "releases"), index, entry)
    {
        const char *text = json_string_value(json_object_get(entry, "run"));
        if (is_of(entry, contract) && text)
            snprintf(run, SEAL_RUN + 1, "%s", text);
    }
    return *run;
}

cella_status ledger_add_release(struct ledger *ledger, const struct contract *contract,
                                const char *run, cella_error *error)
{
    char id[65], now[21];
    json_t *releases = json_object_get(ledger->json, "releases"), *entry;
    size_t index;
    json_array_foreach(releases, index, entry) if (is_for(entry, contract, run)) return CELLA_OK;
    contract_time_text(time(NULL), now);
    entry =
        json_pack("{s:s, s:s, s:s}", "contract", id_text(contract, id), "run", run, "time", now);
    if (json_array_append_new(releases, entry))
        return fail(error, CELLA_MEMORY, "%s: no memory", ledger->path);
    return write_ledger(ledger, error);
}

static json_t *find_box(const struct ledger *ledger, const struct contract *contract,
                        const char *input)
{
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(ledger->json, "boxes"), index, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "input"));
        if (is_of(entry, contract) && name && strcmp(name, input) == 0)
            return entry;
    }
    return NULL;
}

cella_status ledger_set_box(struct ledger *ledger, const struct contract *contract,
                            const char *input, const uint8_t version[32], cella_error *error)
{
    char id[65], text[65];
    json_t *entry = find_box(ledger, contract, input);
    if (!entry) {
        entry = json_pack("{s:s, s:s}", "contract", id_text(contract, id), "input", input);
        if (json_array_append_new(json_object_get(ledger->json, "boxes"), entry))
            return fail(error, CELLA_MEMORY, "%s: no memory", ledger->path);
    }
    if (json_object_set_new(entry, "version", json_string(hex_write(version, 32, text))))
        return fail(error, CELLA_MEMORY, "%s: no memory", ledger->path);
    return write_ledger(ledger, error);
}

bool ledger_box(const struct ledger *ledger, const struct contract *contract, const char *input,
                uint8_t version[32])
{
    const json_t *entry = find_box(ledger, contract, input);
    const char *text = json_string_value(json_object_get(entry, "version"));
    return text && hex_read(text, version, 32);
}
