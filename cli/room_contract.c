/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room new, check, sign: the contract before anything runs.
 */
#include "room.h"

#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "../room/party.h"
#include "../room/query/query.h"
#include "../room/store.h"

#include <cella/attest.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- new ---- */

static const char readme[] =
    "# This room\n"
    "\n"
    "`contract.json` says what is computed, for whom, on whose data. Edit it, read it with\n"
    "`cella room check .`, then every party signs the same bytes: a change of one byte after that\n"
    "is a new contract, which nobody has signed.\n"
    "\n"
    "| field | meaning | example |\n"
    "| --- | --- | --- |\n"
    "| `title`, `purpose` | for people: what this is about, one line each | `\"Recurrence\"` |\n"
    "| `program` | the programs that may run, by MRENCLAVE (`cella identity IMAGE`), or by signer "
    "| `{\"mrenclave\": [\"12ab...\"]}` |\n"
    "| `tee` | where: `vsm`; `process` protects nothing and is for trying out | `[\"vsm\"]` |\n"
    "| `platform_roots` | who may vouch for the host: SHA-256 of a root's public key (`cella "
    "platform show`) | `[\"34cd...\"]` |\n"
    "| `posture` | what the host must prove of its settings, by `cella doctor`'s names | "
    "`{\"lockdown\": \"confidentiality\"}` |\n"
    "| `parties` | who takes part: `owner` (gives inputs), `recipient`, `operator`; their public "
    "keys (`cella key show`) | |\n"
    "| `inputs` | whose data: the columns with their type (`integer real text boolean date`) and "
    "role | |\n"
    "| `inputs[].box` | `any` that the owner releases for this contract, or one version | "
    "`\"any\"` |\n"
    "| `columns[].role` | `identifier`: joined on and counted, never shown; `joinable`; "
    "`dimension`: grouped by, shown; `measure`: only in aggregates; `hidden`: never | |\n"
    "| `rules` | of an input or an output; the strictest wins | `{\"least_individuals\": 10}` |\n"
    "| `parameters` | values in statements (`:days`): fixed, or given by a party at its release | "
    "`{\"name\": \"days\", \"type\": \"integer\", \"value\": 1095}` |\n"
    "| `statements` | what is computed: from, join, where, let, group, select, or a model | |\n"
    "| `outputs` | what leaves: a statement's result, as csv, json or sqlite, sealed to its "
    "recipients | |\n"
    "| `runs` | how often each party releases | `1` |\n"
    "| `not_before`, `not_after` | when it holds | `\"2026-11-01T00:00:00Z\"` |\n"
    "| `log` | who may read what the enclave did | `[\"north\"]` |\n"
    "\n"
    "Names are a-z, 0-9 and _. docs/contract.md has every detail, docs/rooms.md a whole room.\n"
    "\n"
    "Then: `cella room sign . --as NAME` (each party), `cella room add . --as NAME INPUT FILE`\n"
    "(each owner), `cella room run .` (the host), `cella room release . --as NAME` (each party,\n"
    "meanwhile), `cella room result . --as NAME` (each recipient).\n";

static json_t *party_json(const char *given, cella_error *error)
{
    struct cella_public_key key;
    char path[PATH_MAX], receiving[65], signing[65];
    if (cella_key_path(given, ".pub", path, error))
        return NULL;
    if (store_there(path)) {
        if (cella_key_public(path, &key, error))
            return NULL;
        return json_pack("{s:s, s:s, s:s, s:s}", "name", key.name, "role", "owner", "signing_key",
                         hex_write(key.signing, 32, signing), "receiving_key",
                         hex_write(key.receiving, 32, receiving));
    }
    return json_pack("{s:s, s:s, s:s, s:s}", "name", given, "role", "owner", "signing_key",
                     "64 digits: cella key show", "receiving_key", "64 digits: cella key show");
}

static json_t *input_json(const char *owner)
{
    char name[100];
    snprintf(name, sizeof(name), "%s_data", owner);
    return json_pack("{s:s, s:s, s:s, s:s, s:[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}], s:{s:i}}",
                     "name", name, "owner", owner, "format", "csv", "box", "any", "columns", "name",
                     "id", "type", "integer", "role", "identifier", "name", "age", "type", "real",
                     "role", "measure", "name", "grade", "type", "integer", "role", "dimension",
                     "rules", "least_individuals", 10);
}

static json_t *statement_json(const char *owner)
{
    char input[100];
    snprintf(input, sizeof(input), "%s_data", owner);
    return json_pack("{s:s, s:{s:s,s:s}, s:[s], s:[{s:s,s:s},{s:s,s:s}]}", "name", "by_grade",
                     "from", "input", input, "as", "a", "group", "a.grade", "select", "name",
                     "individuals", "individuals", "a", "name", "mean_age", "mean", "a.age");
}

/* This machine's root, where there is one. */
static json_t *root_json(void)
{
    cella_platform *platform;
    char text[65];
    if (cella_platform_open(NULL, &platform, NULL))
        return json_string("64 digits: cella platform show");
    json_t *root = json_string(hex_write(cella_platform_root(platform), 32, text));
    cella_platform_close(platform);
    return root;
}

static cella_status mrenclave_json(const struct room_request *request, json_t **mrenclave,
                                   cella_error *error)
{
    char path[STORE_PATH], text[65];
    cella_image *image;
    cella_identity identity;
    if (room_image(request->image, request->room, path, error)) {
        *mrenclave = json_string("64 digits: cella identity IMAGE");
        return CELLA_OK;
    }
    cella_status status = cella_image_open(path, &image, error);
    if (status)
        return status;
    status = cella_image_identity(image, &identity, error);
    cella_image_close(image);
    if (!status)
        *mrenclave = json_string(hex_write(identity.mrenclave, 32, text));
    return status;
}

static cella_status start_json(const struct room_request *request, json_t **contract,
                               cella_error *error)
{
    json_t *parties = json_array(), *inputs = json_array(), *names = json_array();
    json_t *mrenclave = NULL;
    char from[21], to[21];
    const char *first = NULL;
    cella_status status = mrenclave_json(request, &mrenclave, error);
    for (size_t i = 0; !status && i < request->party_count; i++) {
        json_t *party = party_json(request->parties[i], error);
        const char *name = json_string_value(json_object_get(party, "name"));
        if (!name) {
            status = error->status ? error->status : CELLA_MEMORY;
            break;
        }
        first = first ? first : name;
        json_array_append_new(inputs, input_json(name));
        json_array_append_new(names, json_string(name));
        json_array_append_new(parties, party);
    }
    contract_time_text(room_now(request) / 86400 * 86400, from);
    contract_time_text(room_now(request) / 86400 * 86400 + (int64_t)365 * 86400, to);
    if (!status)
        *contract = json_pack(
            "{s:i, s:s, s:s, s:{s:[O]}, s:[s], s:[o], s:{}, s:O, s:O, s:[], s:[o], "
            "s:[{s:s,s:s,s:s,s:O,s:{}}], s:i, s:s, s:s, s:O}",
            "cella_contract", 1, "title", "A room", "purpose",
            "What the parties want to know, in one sentence; README.md beside this file explains "
            "every field",
            "program", "mrenclave", mrenclave, "tee", "vsm", "platform_roots", root_json(),
            "posture", "parties", parties, "inputs", inputs, "parameters", "statements",
            statement_json(first), "outputs", "name", "by_grade", "statement", "by_grade", "format",
            "csv", "recipients", names, "rules", "runs", 1, "not_before", from, "not_after", to,
            "log", names);
    json_decref(parties);
    json_decref(inputs);
    json_decref(names);
    json_decref(mrenclave);
    return status      ? status
           : *contract ? CELLA_OK
                       : fail(error, CELLA_MEMORY, "no memory for the contract");
}

static cella_status write_new(const struct room_request *request, json_t *contract,
                              cella_error *error)
{
    char path[STORE_PATH];
    char *text = json_dumps(contract, JSON_INDENT(2));
    cella_status status = text ? file_folder(request->room, 0755, error)
                               : fail(error, CELLA_MEMORY, "no memory for the contract");
    store_path(path, "%s/README.md", request->room);
    if (!status)
        status = store_write(path, readme, sizeof(readme) - 1, STORE_SHARED, error);
    store_path(path, "%s/contract.json", request->room);
    if (!status && store_there(path))
        status = fail(error, CELLA_INVALID, "%s: is there already, and is not overwritten", path);
    if (!status)
        status = store_write(path, text, strlen(text), STORE_SHARED, error);
    if (!status)
        printf("%s: a contract to start from; %s/README.md explains it\n", path, request->room);
    free(text);
    return status;
}

static int new_run(const struct room_request *request)
{
    cella_error error = {0};
    json_t *contract = NULL;
    struct room_request with = *request;
    if (!with.party_count)
        with.parties[with.party_count++] = "north";
    cella_status status = start_json(&with, &contract, &error);
    if (!status)
        status = write_new(&with, contract, &error);
    json_decref(contract);
    return status ? cli_fail(&error) : 0;
}

const struct room_verb room_new = {
    "new",
    "usage: cella room new DIR [--party NAME|FILE.pub]... [--program IMAGE]\n\n"
    "Writes DIR/contract.json to start from, with the keys of the parties that have\n"
    ".pub files, the MRENCLAVE of the stock program (or of IMAGE) and this machine's\n"
    "platform root; and DIR/README.md, which explains every field.\n",
    ROOM_PARTY | ROOM_PROGRAM,
    1,
    1,
    new_run};

/* ---- check ---- */

unsigned room_signatures(const struct room_request *request, const struct contract *contract,
                         json_t *states)
{
    unsigned missing = 0;
    for (size_t i = 0; i < contract->party_count; i++) {
        const struct contract_party *party = &contract->parties[i];
        char path[STORE_PATH];
        uint8_t *bytes = NULL;
        size_t size = 0;
        const char *state = "missing";
        store_path(path, "%s/signatures/%s.sig", request->room, party->name);
        if (store_there(path))
            state = file_read(path, CONTRACT_SIGNATURE, &bytes, &size, NULL) == CELLA_OK &&
                            contract_verify(contract, party, bytes, size, NULL) == CELLA_OK
                        ? "signed"
                        : "wrong";
        free(bytes);
        missing += strcmp(state, "signed") != 0;
        json_object_set_new(states, party->name, json_string(state));
    }
    return missing;
}

/* Of a contract without statements. */
static cella_status explain_program(const struct contract *contract, char **text,
                                    cella_error *error)
{
    size_t size;
    FILE *to = open_memstream(text, &size);
    if (!to)
        return fail(error, CELLA_MEMORY, "the contract: no memory to explain it");
    fprintf(to, "The program above computes; this contract has no statements and no rules.\n");
    for (size_t i = 0; i < contract->input_count; i++)
        fprintf(to, "  it reads  %s (of %s)%s\n", contract->inputs[i].name,
                contract->inputs[i].owner->name,
                contract->inputs[i].any_box ? ": any box that its owner releases" : "");
    for (size_t i = 0; i < contract->output_count; i++) {
        const struct contract_output *output = &contract->outputs[i];
        fprintf(to, "  it writes %s, for", output->name);
        for (size_t k = 0; k < output->recipient_count; k++)
            fprintf(to, "%s %s", k ? "," : "", output->recipients[k]->name);
        fputc('\n', to);
    }
    fprintf(to,
            "\n  warning: what these recipients learn is whatever the program tells them, up to "
            "every\n  byte of every input: nothing but its measurement protects. Sign only for a "
            "program whose\n  source and manifest you have read, and packed yourself to the same "
            "MRENCLAVE.\n"
            "  warning: the program can also tell the host, by any file that is not a box and by "
            "its streams.\n");
    bool good = !ferror(to);
    if (fclose(to) == 0 && good)
        return CELLA_OK;
    free(*text);
    return fail(error, CELLA_MEMORY, "the contract: no memory to explain it");
}

/* What the contract would let whom learn, in plain words. */
static cella_status explain(const struct contract *contract, char **text, cella_error *error)
{
    struct query_plan *plan;
    if (contract->any_program)
        return explain_program(contract, text, error);
    cella_status status = query_plan_make(contract->json, &plan, error);
    if (status)
        return status;
    status = query_plan_explain(plan, text, error);
    query_plan_free(plan);
    return status;
}

static void print_terms(const struct contract *contract)
{
    char id[65], from[21], to[21], root[65];
    contract_time_text(contract->not_before, from);
    contract_time_text(contract->not_after, to);
    printf("%s\n%s\n\n", contract->title, contract->purpose);
    printf("contract   %s\n", hex_write(contract->id, 32, id));
    for (size_t i = 0; i < contract->mrenclave_count; i++)
        printf("program    MRENCLAVE %s\n", hex_write(contract->mrenclaves[i], 32, id));
    for (size_t i = 0; i < contract->signer_count; i++)
        printf("program    signed by %s, product %u, version %u or later\n",
               hex_write(contract->signers[i].mrsigner, 32, id), contract->signers[i].isv_prod_id,
               contract->signers[i].least_isv_svn);
    printf("runs on    %s%s%s\n", contract->tees & CONTRACT_TEE_VSM ? "vsm" : "",
           contract->tees == (CONTRACT_TEE_VSM | CONTRACT_TEE_PROCESS) ? " or " : "",
           contract->tees & CONTRACT_TEE_PROCESS
               ? "process (which does not protect the data from the host)"
               : "");
    for (size_t i = 0; i < contract->platform_root_count; i++)
        printf("vouched    by root %s\n", hex_write(contract->platform_roots[i], 32, root));
    printf("holds      %s to %s, %u release%s of each party\n", from, to, contract->runs,
           contract->runs == 1 ? "" : "s");
    printf("log        to");
    for (size_t i = 0; i < contract->log_count; i++)
        printf("%s %s", i ? "," : "", contract->log[i]->name);
    printf("%s\n", contract->log_count ? "" : " nobody");
}

static void print_posture(const struct contract *contract)
{
    const char *claim;
    json_t *value;
    if (!json_object_size(contract->posture))
        printf("posture    nothing is demanded of the host's settings\n");
    json_object_foreach(contract->posture, claim, value)
    {
        printf("posture    %s must be ", claim);
        room_print(json_is_string(value) ? json_string_value(value)
                   : json_is_true(value) ? "true"
                                         : "false");
        putchar('\n');
    }
}

static cella_status print_contract(const struct contract *contract, cella_error *error)
{
    char *text;
    cella_status status = explain(contract, &text, error);
    if (status)
        return status;
    print_terms(contract);
    print_posture(contract);
    putchar('\n');
    room_print(text);
    putchar('\n');
    free(text);
    return CELLA_OK;
}

void room_print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));
    puts(text ? text : "");
    free(text);
}

static cella_status check_json(const struct contract *contract, json_t *states, bool complete,
                               cella_error *error)
{
    char id[65];
    char *text;
    cella_status status = explain(contract, &text, error);
    if (status)
        return status;
    json_t *report =
        json_pack("{s:s, s:s, s:s, s:O, s:b}", "contract", hex_write(contract->id, 32, id), "title",
                  contract->title, "explanation", text, "signatures", states, "complete", complete);
    room_print_json(report);
    json_decref(report);
    free(text);
    return CELLA_OK;
}

static int check_run(const struct room_request *request)
{
    cella_error error = {0};
    struct contract *contract;
    if (room_contract(request, &contract, &error))
        return cli_fail(&error);
    json_t *states = json_object();
    const char *party;
    json_t *state;
    unsigned missing = room_signatures(request, contract, states);
    cella_status status = request->json ? check_json(contract, states, !missing, &error)
                                        : print_contract(contract, &error);
    if (!status && !request->json)
        json_object_foreach(states, party, state)
        {
            const char *is = json_string_value(state);
            printf("%-10s %s\n", party,
                   strcmp(is, "signed") == 0    ? "has signed"
                   : strcmp(is, "missing") == 0 ? "has not signed yet"
                                                : "WRONG SIGNATURE: not of this contract");
        }
    if (!status && missing)
        status = fail(&error, CELLA_REFUSED,
                      "signatures: expected all %zu, found %zu: who has not signed signs with "
                      "`cella room sign`",
                      contract->party_count, contract->party_count - missing);
    json_decref(states);
    contract_free(contract);
    return status ? cli_fail(&error) : 0;
}

const struct room_verb room_check = {
    "check",
    "usage: cella room check DIR [--json]\n\n"
    "Says in plain words what the contract would let whom learn, and whose signatures\n"
    "are there. Exit status 0: the contract is sound and every party has signed it.\n",
    ROOM_JSON,
    1,
    1,
    check_run};

/* ---- sign ---- */

static cella_status write_signature(const struct room_actor *actor, cella_error *error)
{
    const struct contract *contract = actor->contract;
    const char *room = actor->request->room;
    char path[STORE_PATH];
    uint8_t signature[CONTRACT_SIGNATURE];
    size_t size = sizeof(signature);
    EVP_PKEY *pair =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, actor->key->signing_secret, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = pair && context && EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(context, signature, &size, contract->bytes, contract->size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    if (!good)
        return fail(error, CELLA_SYSTEM, "the contract cannot be signed");
    store_path(path, "%s/signatures", room);
    cella_status status = file_folder(path, 0755, error);
    store_path(path, "%s/signatures/%s.sig", room, actor->party->name);
    return status ? status : store_write(path, signature, size, STORE_SHARED, error);
}

static cella_status sign(const struct room_actor *actor, cella_error *error)
{
    cella_status status = print_contract(actor->contract, error);
    if (!status)
        status = party_keep_contract(actor->request->own, actor->contract, error);
    if (!status)
        status = write_signature(actor, error);
    if (!status)
        printf("%s has signed this contract.\n", actor->party->name);
    return status;
}

static int sign_run(const struct room_request *request)
{
    return room_act(request, NULL, sign);
}

const struct room_verb room_sign = {
    "sign",
    "usage: cella room sign DIR --as PARTY [--key NAME|FILE] [--folder DIR]\n\n"
    "Shows what the contract says, signs it, and keeps a copy in the party's own\n"
    "directory: later steps compare the room's with it, byte for byte.\n",
    ROOM_ACTS,
    1,
    1,
    sign_run};
