/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and passphrases, as verbs are given them.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli.h"

#include "box/box.h"

#define CLI_KEYS 16u /* --key, at most */

/* One passphrase: asked for at the terminal, or read from a descriptor, when it is needed first. */
struct cli_passphrase {
    bool wanted; /* --passphrase or --passphrase-fd */
    int fd;      /* -1: the terminal */
    char text[1025];
    struct cella_passphrase is; /* size 0: not read yet */
};

/* `what` it is for; `twice`: a new one. */
cella_status cli_passphrase_get(struct cli_passphrase *passphrase, const char *what, bool twice,
                                cella_error *error);
/* The number of --passphrase-fd. */
bool cli_passphrase_fd(struct cli_passphrase *passphrase, const char *number);

/* What may open a box: --key, --passphrase, and without either the keys in the folder of keys that
 * the box is sealed to. */
struct cli_keys {
    const char *names[CLI_KEYS];
    size_t named;
    struct cli_passphrase passphrase;
    struct cella_key keys[CLI_KEYS];
    struct cella_box_keys are;
};

/* Loads them for this box. */
cella_status cli_keys_load(struct cli_keys *keys, const char *box, cella_error *error);
void cli_keys_wipe(struct cli_keys *keys);

/* cella inspect of a box. */
int cli_inspect_box(const char *box, bool json, struct cli_keys *keys);

#endif
