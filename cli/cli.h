/* SPDX-License-Identifier: Apache-2.0
 *
 * The cella command: one file a verb. Exit status: 0 done, 125 cella itself failed (one sentence on
 * stderr says why), 2 the command line is wrong; `cella run` passes the program's own status on.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <cella/cella.h>
#include <limits.h>

#define CLI_FAILED 125
#define CLI_USAGE  2

struct cli_verb {
    const char *name;
    const char *summary; /* one line */
    const char *help;    /* all that --help says */
    int (*run)(int count, char **arguments);
};

extern const struct cli_verb cli_doctor, cli_identity, cli_inspect, cli_pack, cli_run;

/* Verbs that compute with keys. They are in a program of their own, cella-tools, which `cella`
 * turns into: what they link would take longer to load than a small program runs. cella-tools has
 * every verb. */
#define CLI_TOOLS(VERB)                                                                            \
    VERB(key, "key", "make and show keys")                                                         \
    VERB(seal, "seal", "encrypt files into boxes")                                                 \
    VERB(open, "open", "decrypt boxes")                                                            \
    VERB(platform, "platform", "make or show who signs evidence here")                             \
    VERB(room, "room", "compute with others on joined data")                                       \
    VERB(keyd, "keyd", "release keys to what proves itself")                                       \
    VERB(collateral, "collateral", "tell what vouches for evidence")                               \
    VERB(tls_connect, "tls-connect", "show who has a TLS server's key")                            \
    VERB(policy, "policy", "check policies on claims, and try them out")                           \
    VERB(token, "token", "verify and make attestation results as JWT")                             \
    VERB(verify, "verify", "judge evidence of a TEE")

#define CLI_DECLARE(symbol, name, summary) extern const struct cli_verb cli_##symbol;
CLI_TOOLS(CLI_DECLARE)

/* `cella: SENTENCE` on stderr. A sentence may quote an image, which may be hostile: control
 * characters are shown as '?'. */
void cli_say(const char *sentence);
/* The same for an error; returns CLI_FAILED. */
int cli_fail(const cella_error *error);
/* `cella VERB: SENTENCE` and where to find help; returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_misused(const struct cli_verb *verb,
                                                      const char *format, ...);
/* An option that getopt_long refused. */
int cli_bad_option(const struct cli_verb *verb, char **arguments, int option);
/* Prints what an enclave did to stderr. */
void cli_statistics(cella_enclave *enclave, bool json);
int cli_help(const struct cli_verb *verb);
/* The places, 0 and on, where what belongs to cella may be: beside us (a build folder), or where it
 * is installed, ../libexec/cella. False: no more. */
bool cli_place(unsigned number, const char *name, char path[PATH_MAX]);
bool cli_is_box(const char *path);
/* Becomes cella-tools, with the whole command line: returns CLI_FAILED if it is not there. */
int cli_become_tools(void);
/* Reads the options of a verb that has --json and --help alone. True: `*status` is the verb's. */
bool cli_json_option(const struct cli_verb *verb, int count, char **arguments, bool *json,
                     int *status);

#endif
