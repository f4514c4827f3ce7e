/* SPDX-License-Identifier: Apache-2.0
 *
 * cella keyd serve: signals, files of the command line, and what is said.
 */
#include "keyd.h"

#include "image/fail.h"
#include "image/file.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define PEM_MOST (256u << 10)

void keyd_harden(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

/* Before any thread: they inherit it. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void warn(const struct keyd_serve *serve, size_t torn)
{
    char sentence[128];
    const struct judge_options *judge = &serve->options.judge;
    if (torn) {
        snprintf(sentence, sizeof(sentence),
                 "the log's last line was torn: %zu bytes were cut off, and the log says so", torn);
        cli_say(sentence);
    }
    if (serve->options.dry_run)
        cli_say("dry run: decisions are logged, and no key is released");
    if (judge->insecure_allow_debug)
        cli_say("insecure_allow_debug: whoever runs an enclave may see the keys it gets");
    if (judge->insecure_no_collateral)
        cli_say("insecure_no_collateral: revoked and outdated platforms are not noticed");
    if (judge->insecure_allow_outdated)
        cli_say("insecure_allow_outdated: platforms that lack fixes get keys");
    if (judge->insecure_allow_process)
        cli_say("insecure_allow_process: the TEE process protects nothing, and gets keys");
}

/* Until it is told to stop. */
static const char *wait_for_end(struct service *service, const sigset_t *set)
{
    for (;;) {
        int which = 0;
        cella_error error;
        if (sigwait(set, &which) != 0)
            return "sigwait";
        if (which != SIGHUP)
            return which == SIGTERM ? "SIGTERM" : "SIGINT";
        if (service_reload(service, &error))
            cli_say(error.sentence);
        else
            cli_say("keys, roots and collateral were read again");
    }
}

static cella_status read_pem(const char *path, char **text, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = path ? file_read(path, PEM_MOST, &bytes, &size, error) : CELLA_OK;
    *text = (char *)bytes;
    return status;
}

static cella_status run(struct service *service, const struct keyd_serve *serve,
                        const sigset_t *set, const char **why, cella_error *error)
{
    struct http *http;
    char *certificate = NULL, *key = NULL;
    cella_status status = read_pem(serve->certificate, &certificate, error);
    if (status == CELLA_OK)
        status = read_pem(serve->key, &key, error);
    const struct http_options options = {serve->listen, certificate, key, serve->connections};
    if (status == CELLA_OK)
        status = http_start(service, &options, &http, error);
    if (status == CELLA_OK) {
        printf("listening=%s\n", http_address(http));
        fflush(stdout);
        *why = wait_for_end(service, set);
        http_stop(http);
    }
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    free(key);
    free(certificate);
    return status;
}

cella_status keyd_serve(struct keystore *store, const struct keyd_serve *serve, cella_error *error)
{
    sigset_t set;
    struct service *service;
    size_t torn;
    const char *why = "it did not start";
    block_signals(&set);
    struct service_options options = serve->options;
    options.warn = cli_say;
    cella_status status = service_new(store, &options, &service, &torn, error);
    if (status)
        return status;
    warn(serve, torn);
    status = run(service, serve, &set, &why, error);
    cella_error problem;
    cella_status logged = service_end(service, why, &problem);
    service_free(service);
    if (status == CELLA_OK && logged) {
        *error = problem;
        status = logged;
    }
    return status;
}
