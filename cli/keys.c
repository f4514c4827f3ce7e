/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and passphrases, as verbs are given them.
 */
#include "keys.h"

#include "image/fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One line of a descriptor, without its end. */
static cella_status read_line(int fd, char *text, size_t most, size_t *size, cella_error *error)
{
    *size = 0;
    for (;;) {
        ssize_t got = read(fd, text + *size, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(error, CELLA_SYSTEM, "the passphrase cannot be read: %s", strerror(errno));
        if (got == 0 || text[*size] == '\n')
            break;
        if (++*size == most)
            return fail(error, CELLA_INVALID, "the passphrase is longer than %zu bytes", most - 1);
    }
    return *size ? CELLA_OK : fail(error, CELLA_INVALID, "the passphrase is empty");
}

static cella_status ask_once(int terminal, const char *question, const char *what, char *text,
                             size_t most, size_t *size, cella_error *error)
{
    struct termios before, silent;
    dprintf(terminal, "%s %s: ", question, what);
    if (tcgetattr(terminal, &before) != 0)
        return fail(error, CELLA_SYSTEM, "the terminal cannot be made silent: %s", strerror(errno));
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(terminal, TCSAFLUSH, &silent);
    cella_status status = read_line(terminal, text, most, size, error);
    tcsetattr(terminal, TCSAFLUSH, &before);
    dprintf(terminal, "\n");
    return status;
}

static cella_status ask(struct cli_passphrase *passphrase, const char *what, bool twice,
                        size_t *size, cella_error *error)
{
    char again[sizeof(passphrase->text)];
    size_t again_size;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0)
        return fail(error, CELLA_INVALID,
                    "there is no terminal to ask for the passphrase of %s; use --passphrase-fd",
                    what);
    cella_status status = ask_once(terminal, "Passphrase of", what, passphrase->text,
                                   sizeof(passphrase->text), size, error);
    if (!status && twice) {
        status = ask_once(terminal, "Once more, that of", what, again, sizeof(again), &again_size,
                          error);
        if (!status && (again_size != *size || memcmp(again, passphrase->text, *size) != 0))
            status = fail(error, CELLA_INVALID, "the two passphrases are not the same");
        OPENSSL_cleanse(again, sizeof(again));
    }
    close(terminal);
    return status;
}

cella_status cli_passphrase_get(struct cli_passphrase *passphrase, const char *what, bool twice,
                                cella_error *error)
{
    size_t size = 0;
    if (passphrase->is.size)
        return CELLA_OK;
    cella_status status = passphrase->fd < 0 ? ask(passphrase, what, twice, &size, error)
                                             : read_line(passphrase->fd, passphrase->text,
                                                         sizeof(passphrase->text), &size, error);
    if (!status)
        passphrase->is = (struct cella_passphrase){passphrase->text, size};
    return status;
}

bool cli_passphrase_fd(struct cli_passphrase *passphrase, const char *number)
{
    char *end;
    errno = 0;
    long value = strtol(number, &end, 10);
    passphrase->wanted = true;
    passphrase->fd = (int)value;
    return *number && !*end && !errno && value >= 0 && value <= INT_MAX;
}

static cella_status load(struct cli_keys *keys, const char *given, cella_error *error)
{
    char path[PATH_MAX];
    bool locked;
    struct cella_key *key = &keys->keys[keys->are.count];
    cella_status status = cella_key_path(given, ".key", path, error);
    if (!status)
        status = cella_key_load(path, NULL, key, &locked, error);
    if (status && locked) {
        status = cli_passphrase_get(&keys->passphrase, path, false, error);
        if (!status)
            status = cella_key_load(path, &keys->passphrase.is, key, &locked, error);
    }
    if (!status)
        keys->are.count++;
    return status;
}

/* Whether the box of this header is sealed to that key. */
static bool is_sealed_to(const uint8_t *header, const struct cella_public_key *key)
{
    struct box_recipient recipient = {0};
    while (box_head_next(header, &recipient))
        if (recipient.type == BOX_STANZA_X25519 &&
            memcmp(recipient.content, key->receiving, CELLA_KEY_SIZE) == 0)
            return true;
    return false;
}

static bool has_passphrase(const uint8_t *header)
{
    struct box_recipient recipient = {0};
    while (box_head_next(header, &recipient))
        if (recipient.type == BOX_STANZA_PASSPHRASE)
            return true;
    return false;
}

/* One key of the folder is enough: one under a passphrase only where no other fits. */
static cella_status load_fitting(struct cli_keys *keys, const uint8_t *header, cella_error *error)
{
    char folder[PATH_MAX], path[2 * PATH_MAX], locked[2 * PATH_MAX] = "";
    struct cella_public_key key;
    cella_status status = cella_key_folder(folder, error);
    DIR *all = status ? NULL : opendir(folder);
    for (const struct dirent *one; all && !keys->are.count && (one = readdir(all));) {
        bool is_locked;
        snprintf(path, sizeof(path), "%s/%s", folder, one->d_name);
        size_t size = strlen(path);
        if (strcmp(path + size - 4, ".key") != 0 || cella_key_public(path, &key, NULL) ||
            !is_sealed_to(header, &key))
            continue;
        if (!(status = cella_key_load(path, NULL, keys->keys, &is_locked, error)))
            keys->are.count = 1;
        else if (is_locked)
            strcpy(locked, path);
    }
    if (all)
        closedir(all);
    return keys->are.count ? CELLA_OK : *locked ? load(keys, locked, error) : status;
}

cella_status cli_keys_load(struct cli_keys *keys, const char *box, cella_error *error)
{
    struct cella_box_info info;
    uint8_t *header;
    cella_status status = cella_box_look(box, &info, &header, error);
    if (status)
        return status;
    keys->are.keys = keys->keys;
    for (size_t i = 0; !status && i < keys->named; i++)
        status = load(keys, keys->names[i], error);
    bool by_passphrase = keys->passphrase.wanted && has_passphrase(header);
    if (!status && !keys->named && !by_passphrase)
        status = load_fitting(keys, header, error);
    if (!status && by_passphrase) {
        status = cli_passphrase_get(&keys->passphrase, box, false, error);
        keys->are.passphrase = &keys->passphrase.is;
    }
    free(header);
    return status;
}

void cli_keys_wipe(struct cli_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof(*keys));
}
