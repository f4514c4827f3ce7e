/* SPDX-License-Identifier: Apache-2.0
 *
 * cella run: a program in an enclave, as if it ran by itself.
 */
#include "cli.h"

#include <cella/attest.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cella run [OPTION...] PROGRAM|IMAGE.sgxs [ARGUMENT...]\n\n"
    "Runs a static Linux program, or an image that `cella pack` made, in an enclave.\n"
    "Standard streams, the exit status and the signal that ends the program pass\n"
    "through. Failures of cella itself exit with 125.\n\n"
    "  --tee auto|vsm|process   where: auto takes vsm where it is sealed (default)\n"
    "  -m, --manifest FILE      what the program may have (only with a PROGRAM)\n"
    "  --folder DIR             where relative host paths of the manifest start\n"
    "                           (default: the folder of the manifest or image)\n"
    "  --stats                  print exits, system calls, pages and times to stderr\n"
    "  --json                   with --stats: as JSON\n"
    "  --insecure_debug         say where a program faulted; weakens the enclave's\n"
    "                           protection, and is part of its identity (DEBUG)\n"
    "  -h, --help               this text\n\n"
    "An IMAGE takes ARGUMENTs only if its manifest says \"arguments\": \"host\".\n";

struct request {
    cella_options options;
    const char *manifest;
    bool statistics, json;
};

static void print_log(void *context, const char *sentence)
{
    (void)context;
    cli_say(sentence);
}

/* Arguments go with the caller to an image that asks for them. Given to an image that fixes its own
 * they are refused by cella_start; a program without a manifest has had them packed. */
static cella_status open_image(struct request *request, char **arguments, cella_image **image,
                               cella_error *error)
{
    bool is_image = cella_image_is_image(arguments[0]);
    if (is_image && request->manifest) {
        error->status = CELLA_INVALID;
        snprintf(error->sentence, sizeof(error->sentence),
                 "%.200s is an image and carries its manifest; -m goes with a program",
                 arguments[0]);
        return CELLA_INVALID;
    }
    cella_status status =
        is_image ? cella_image_open(arguments[0], image, error)
                 : cella_image_pack(arguments[0], request->manifest, arguments, image, error);
    if (status)
        return status;
    if (cella_image_takes_arguments(*image) || (is_image && arguments[1]))
        request->options.arguments = arguments;
    if (cella_image_takes_environment(*image))
        request->options.environment = environ;
    return CELLA_OK;
}

/* A signal that would only stop us ended the program all the same: there is nothing to stop in an
 * enclave. */
static int end_by_signal(int number)
{
    sigset_t set;
    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        return 128 + number;
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    return 128 + number;
}

static int end(const cella_outcome *outcome)
{
    switch (outcome->end) {
    case CELLA_END_EXITED:
        return outcome->status;
    case CELLA_END_SIGNALLED:
        return end_by_signal(outcome->status);
    default:
        cli_say(outcome->sentence);
        return CLI_FAILED;
    }
}

/* The folder of a path, for the program's life. */
static const char *folder_of(const char *path)
{
    static char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return folder;
}

#ifdef CLI_FRONT
/* Evidence is signed, which takes all of libcrypto: cella-tools can. */
static bool give_evidence(cella_options *options)
{
    (void)options;
    return false;
}
#else
/* Without a platform the program runs all the same, and finds that there is no evidence. */
static bool give_evidence(cella_options *options)
{
    cella_platform *platform;
    cella_error error;
    if (cella_platform_open(NULL, &platform, &error)) {
        cli_say(error.sentence);
        cli_say("so the program runs without evidence");
        return true;
    }
    options->evidence = cella_platform_evidence;
    options->evidence_context = platform;
    return true;
}
#endif

static int run(struct request *request, char **arguments)
{
    cella_image *image = NULL;
    cella_enclave *enclave = NULL;
    cella_outcome outcome;
    cella_error error = {0};
    if (open_image(request, arguments, &image, &error))
        return cli_fail(&error);
    if (cella_image_takes_evidence(image) && !give_evidence(&request->options))
        return cli_become_tools();
    if (!request->options.folder)
        request->options.folder = folder_of(request->manifest ? request->manifest : arguments[0]);
    if (request->options.insecure_debug)
        fprintf(stderr, "cella: insecure_debug: this enclave tells its host where it faults\n");
    if (cella_start(image, &request->options, &enclave, &error) ||
        cella_wait(enclave, &outcome, &error)) {
        cella_image_close(image);
        return cli_fail(&error);
    }
    if (request->statistics)
        cli_statistics(enclave, request->json);
    /* The kernel takes everything back faster than we can. */
    fflush(NULL);
    int status = end(&outcome);
    _exit(status);
}

static int verb(int count, char **arguments)
{
    enum { OPTION_TEE = 256, OPTION_FOLDER, OPTION_STATS, OPTION_JSON, OPTION_DEBUG };
    static const struct option options[] = {
        {"tee", required_argument, NULL, OPTION_TEE},
        {"manifest", required_argument, NULL, 'm'},
        {"folder", required_argument, NULL, OPTION_FOLDER},
        {"stats", no_argument, NULL, OPTION_STATS},
        {"json", no_argument, NULL, OPTION_JSON},
        {"insecure_debug", no_argument, NULL, OPTION_DEBUG},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct request request = {0};
    cella_options_default(&request.options);
    request.options.confine = CELLA_CONFINE_PROCESS;
    request.options.log = print_log;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, "+:m:h", options, NULL)) >= 0;) {
        switch (option) {
        case OPTION_TEE:
            if (strcmp(optarg, "auto") == 0)
                request.options.tee = CELLA_TEE_AUTO;
            else if (strcmp(optarg, "vsm") == 0)
                request.options.tee = CELLA_TEE_VSM;
            else if (strcmp(optarg, "process") == 0)
                request.options.tee = CELLA_TEE_PROCESS;
            else
                return cli_misused(&cli_run, "--tee is auto, vsm or process, not '%s'", optarg);
            break;
        case 'm':
            request.manifest = optarg;
            break;
        case OPTION_FOLDER:
            request.options.folder = optarg;
            break;
        case OPTION_STATS:
            request.statistics = true;
            break;
        case OPTION_JSON:
            request.json = true;
            break;
        case OPTION_DEBUG:
            request.options.insecure_debug = true;
            break;
        case 'h':
            return cli_help(&cli_run);
        default:
            return cli_bad_option(&cli_run, arguments, option);
        }
    }
    if (optind >= count)
        return cli_misused(&cli_run, "which program?");
    if (request.json && !request.statistics)
        return cli_misused(&cli_run, "--json goes with --stats");
    return run(&request, arguments + optind);
}

const struct cli_verb cli_run = {"run", "run a program or an image in an enclave", help, verb};
