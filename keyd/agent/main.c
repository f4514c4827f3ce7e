/* SPDX-License-Identifier: Apache-2.0
 *
 * cella-keyd-agent: the agent ("agent" in a manifest) that gets the keys of its program's boxes
 * from a keyd, before the program runs. Who that keyd is, is in its arguments, which are measured:
 * a host that names another keyd has another MRENCLAVE. Where a key is refused, one sentence says
 * why, and the program does not run.
 */
#include "ask.h"

#include "box/key.h"
#include "image/fail.h"
#include "image/hex.h"
#include "room/set_key.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NAME "cella-keyd-agent"

static const char usage[] =
    "wants --keyd ADDRESS:PORT --tls-key SHA256 --signing-key SHA256 NAME[=KEY]...; docs/keyd.md "
    "has them";

static cella_status read_pin(const char *option, const char *text, uint8_t sha256[32],
                             cella_error *error)
{
    return hex_read(text, sha256, 32)
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "--%s: must be 64 lower-case hexadecimal digits",
                      option);
}

/* The options; what follows them are keys. */
static cella_status read_options(int count, char **arguments, struct ask_keyd *keyd,
                                 cella_error *error)
{
    static const struct option options[] = {{"keyd", required_argument, NULL, 'k'},
                                            {"tls-key", required_argument, NULL, 't'},
                                            {"signing-key", required_argument, NULL, 's'},
                                            {0}};
    unsigned seen = 0;
    cella_status status = CELLA_OK;
    opterr = 0;
    for (int option, index = 0;
         status == CELLA_OK &&
         (option = getopt_long(count, arguments, "+", options, &index)) >= 0;) {
        if (option == '?' || seen & 1u << index)
            return fail(error, CELLA_INVALID, "%s", usage);
        seen |= 1u << index;
        if (option == 'k')
            status = https_address(optarg, &keyd->server, error);
        else
            status = read_pin(options[index].name, optarg,
                              option == 't' ? keyd->server.key : keyd->kid, error);
    }
    if (status == CELLA_OK && (seen != 7 || optind == count))
        return fail(error, CELLA_INVALID, "%s", usage);
    return status;
}

/* "NAME=KEY", the manifest's name and the keyd's; or one for both. Cuts the text. */
static cella_status get_key(struct ask_keyd *keyd, char *given, cella_error *error)
{
    uint8_t key[REPLY_KEY];
    char *equals = strchr(given, '=');
    const char *name = equals ? equals + 1 : given;
    if (equals)
        *equals = 0;
    if (!*given || !cella_key_is_name(name))
        return fail(error, CELLA_INVALID, "%.80s: is no key's name", name);
    cella_status status = ask_key(keyd, name, key, error);
    if (status == CELLA_OK)
        status = set_key(given, key, sizeof(key), error);
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

int main(int count, char **arguments)
{
    struct ask_keyd keyd = {0};
    cella_error error = {0};
    signal(SIGPIPE, SIG_IGN);
    cella_status status = read_options(count, arguments, &keyd, &error);
    for (int i = optind; status == CELLA_OK && i < count; i++)
        status = get_key(&keyd, arguments[i], &error);
    EVP_PKEY_free(keyd.signing);
    if (status)
        fprintf(stderr, NAME ": %s\n", error.sentence);
    return status != CELLA_OK;
}
