/* SPDX-License-Identifier: Apache-2.0
 *
 * cella inspect of a box. The name in it may be anything: bytes that are not printable ASCII are
 * shown as \xNN.
 */
#include "image/hex.h"
#include "keys.h"
#include "progress.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *printable(const char *name, char text[4 * BOX_NAME + 1])
{
    size_t at = 0;
    for (; *name; name++)
        at += (size_t)sprintf(text + at, *name >= ' ' && *name < 0x7f ? "%c" : "\\x%02x",
                              (unsigned char)*name);
    text[at] = 0;
    return text;
}

static json_t *recipient_json(const struct box_recipient *recipient)
{
    char text[2 * CELLA_KEY_SIZE + 1];
    struct box_stanza_passphrase passphrase;
    switch (recipient->type) {
    case BOX_STANZA_X25519: /* first in it: the public key */
        hex_write(recipient->content, CELLA_KEY_SIZE, text);
        return json_pack("{s:s, s:s}", "kind", "x25519", "receiving_key", text);
    case BOX_STANZA_PASSPHRASE:
        memcpy(&passphrase, recipient->content, sizeof(passphrase));
        return json_pack("{s:s, s:I, s:I, s:I}", "kind", "passphrase", "passes",
                         (json_int_t)passphrase.passes, "memory_kib",
                         (json_int_t)passphrase.memory_kib, "lanes", (json_int_t)passphrase.lanes);
    case BOX_STANZA_KEY:
        hex_write(recipient->content, BOX_ID, text);
        return json_pack("{s:s, s:s}", "kind", "key", "key_id", text);
    default:
        return NULL;
    }
}

static void print_json(const struct cella_box_info *info, const uint8_t *header, bool checked)
{
    char name[4 * BOX_NAME + 1], version[65], file_id[2 * BOX_ID + 1];
    json_t *recipients = json_array();
    struct box_recipient recipient = {0};
    while (box_head_next(header, &recipient)) {
        json_t *one = recipient_json(&recipient);
        if (one)
            json_array_append_new(recipients, one);
    }
    json_t *all = json_pack(
        "{s:i, s:I, s:s, s:I, s:s, s:s, s:o, s:b}", "box", (int)BOX_VERSION, "size",
        (json_int_t)info->size, "name", printable(info->name, name), "generation",
        (json_int_t)info->generation, "version", hex_write(info->version, 32, version), "file_id",
        hex_write(info->file_id, BOX_ID, file_id), "recipients", recipients, "checked", checked);
    json_dumpf(all, stdout, JSON_COMPACT);
    json_decref(all);
    putchar('\n');
}

static void print_recipient(const struct box_recipient *recipient)
{
    char text[2 * CELLA_KEY_SIZE + 1];
    struct box_stanza_passphrase passphrase;
    switch (recipient->type) {
    case BOX_STANZA_X25519:
        printf("sealed to   %s\n", hex_write(recipient->content, CELLA_KEY_SIZE, text));
        break;
    case BOX_STANZA_PASSPHRASE:
        memcpy(&passphrase, recipient->content, sizeof(passphrase));
        printf("sealed to   a passphrase (Argon2id: %" PRIu32 " passes, %" PRIu32 " KiB, %" PRIu32
               " lanes)\n",
               passphrase.passes, passphrase.memory_kib, passphrase.lanes);
        break;
    case BOX_STANZA_KEY:
        printf("sealed to   a key with the id %s\n", hex_write(recipient->content, BOX_ID, text));
        break;
    default:
        break;
    }
}

static void print_text(const struct cella_box_info *info, const uint8_t *header, bool checked)
{
    char name[4 * BOX_NAME + 1], version[65];
    printf("size        %" PRIu64 " bytes\n", info->size);
    printf("name        %s\n", printable(info->name, name));
    printf("generation  %" PRIu64 "\n", info->generation);
    printf("version     %s\n", hex_write(info->version, 32, version));
    struct box_recipient recipient = {0};
    while (box_head_next(header, &recipient))
        print_recipient(&recipient);
    printf("checked     %s\n",
           checked ? "every byte" : "nothing: no key was given, and all of this may be made up");
}

static cella_status check(const char *box, struct cli_keys *keys, struct cella_box_info *info,
                          cella_error *error)
{
    struct cli_progress progress;
    cella_status status = cli_keys_load(keys, box, error);
    if (status)
        return status;
    cli_progress_begin(&progress, box);
    status = cella_box_open_file(box, &keys->are, NULL, false, &progress.is, info, error);
    cli_progress_end(&progress);
    return status;
}

int cli_inspect_box(const char *box, bool json, struct cli_keys *keys)
{
    struct cella_box_info info;
    uint8_t *header;
    cella_error error;
    if (cella_box_look(box, &info, &header, &error))
        return cli_fail(&error);
    int status = 0;
    if (keys && check(box, keys, &info, &error))
        status = cli_fail(&error);
    else
        (json ? print_json : print_text)(&info, header, keys);
    free(header);
    return status;
}
