/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the attacks and judges: a control (the unprotected process) that does not succeed proves
 * nothing and fails its row, unless the host's posture refuses the attack to everybody; vsm must
 * stop what it promises to stop. The process TEE promises nothing and is shown only.
 */
#include "attack.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct setup setup;

enum verdict { PASSED, FAILED, NOT_RUN };

struct row {
    const struct attack *attack;
    struct result results[TARGET_KINDS];
    enum verdict verdict;
    bool waived; /* the posture stops the control too */
    bool open;   /* succeeds on vsm, for want of what would stop it (a posture, mostly) */
    const char *reason;
};

void conclude(struct result *result, enum outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    result->outcome = outcome;
    vsnprintf(result->detail, sizeof(result->detail), format, arguments);
    va_end(arguments);
}

void conclude_cells(struct result *result, uint64_t cells, const char *where)
{
    conclude(result, cells ? SUCCEEDS : STOPPED, "%llu cells in %s", (unsigned long long)cells,
             where);
}

/* ---- posture ---- */

static bool file_has(const char *path, const char *text)
{
    char line[256] = "";
    FILE *file = fopen(path, "re");
    bool has = file && fgets(line, sizeof(line), file) && strstr(line, text);
    if (file)
        fclose(file);
    return has;
}

static void find_posture(void)
{
    char folder[PATH_MAX], path[PATH_MAX + 32];
    setup.yama = file_has("/proc/sys/kernel/yama/ptrace_scope", "3");
    snprintf(folder, sizeof(folder), "%s", work_path("securityfs"));
    mkdir(folder, 0700);
    bool mounted = mount("securityfs", folder, "securityfs", 0, NULL) == 0;
    snprintf(path, sizeof(path), "%s/lockdown", mounted ? folder : "/sys/kernel/security");
    setup.lockdown = file_has(path, "[confidentiality]");
    if (mounted)
        umount(folder);
    rmdir(folder);
}

static bool in_force(enum posture posture)
{
    return (posture == POSTURE_YAMA && setup.yama) ||
           (posture == POSTURE_LOCKDOWN && setup.lockdown);
}

/* ---- one row ---- */

static void run_target(const struct attack *attack, enum target_kind kind, struct result *result)
{
    struct target target = {.kind = kind};
    if (kind == TARGET_VSM && !setup.vsm) {
        conclude(result, SKIPPED, "no vsm here: %s", setup.why_no_vsm);
        return;
    }
    if (attack->alone) {
        attack->run(&target, result);
        return;
    }
    if (!target_start(&target, kind, result))
        return;
    attack->run(&target, result);
    enum target_end end = target_stop(&target);
    const char *after = end == TARGET_INTACT    ? ""
                        : end == TARGET_CHANGED ? "; the victim's memory changed"
                                                : "; the victim stopped";
    if (end == TARGET_CHANGED && result->outcome == STOPPED)
        result->outcome = SUCCEEDS;
    size_t used = strlen(result->detail);
    snprintf(result->detail + used, sizeof(result->detail) - used, "%s", after);
}

static void judge(struct row *row)
{
    const struct attack *attack = row->attack;
    enum outcome control = row->results[TARGET_PLAIN].outcome;
    enum outcome vsm = row->results[TARGET_VSM].outcome;
    bool posture = in_force(attack->posture);
    row->verdict = PASSED;
    row->waived = control == STOPPED && posture;
    if (vsm == SUCCEEDS && (attack->judged_always || posture)) {
        row->verdict = FAILED;
        row->reason = "vsm promises to stop this";
    } else if (control == SKIPPED || vsm == SKIPPED) {
        row->verdict = NOT_RUN;
        row->reason = row->results[control == SKIPPED ? TARGET_PLAIN : TARGET_VSM].detail;
    } else if (control == STOPPED && !row->waived) {
        row->verdict = FAILED;
        row->reason = "the control did not succeed, so this proves nothing";
    }
    row->open = vsm == SUCCEEDS && row->verdict == PASSED;
}

/* ---- output ---- */

static const char *const outcome_names[] = {"stopped", "succeeds", "skipped"};
static const char *const target_names[] = {"unprotected", "process", "vsm"};
static const char *const verdict_names[] = {"passed", "FAILED", "skipped"};

static void print_row(const struct row *row, bool verbose)
{
    const struct attack *attack = row->attack;
    printf("%-13s %-50s %-11s %-9s %-9s %s%s%s\n", attack->name, attack->what,
           outcome_names[row->results[0].outcome], outcome_names[row->results[1].outcome],
           outcome_names[row->results[2].outcome], verdict_names[row->verdict],
           row->reason   ? ": "
           : row->waived ? ": stopped by the host for everybody"
                         : "",
           row->reason ? row->reason : "");
    for (int i = 0; i < TARGET_KINDS && (verbose || row->verdict == FAILED); i++)
        printf("%-13s   %s: %s\n", "", target_names[i], row->results[i].detail);
    fflush(stdout);
}

static void print_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void print_json(const struct row *rows, size_t count)
{
    printf("{\"ptrace_scope_3\": %s, \"lockdown_confidentiality\": %s, \"attacks\": [",
           setup.yama ? "true" : "false", setup.lockdown ? "true" : "false");
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        printf("%s\n  {\"name\": \"%s\", \"what\": ", i ? "," : "", row->attack->name);
        print_string(row->attack->what);
        for (int kind = 0; kind < TARGET_KINDS; kind++) {
            printf(", \"%s\": {\"outcome\": \"%s\", \"detail\": ", target_names[kind],
                   outcome_names[row->results[kind].outcome]);
            print_string(row->results[kind].detail);
            printf("}");
        }
        printf(", \"verdict\": \"%s\", \"open\": %s, \"stopped_by\": ",
               row->verdict == FAILED ? "failed" : verdict_names[row->verdict],
               row->open ? "true" : "false");
        print_string(row->attack->stopped_by);
        printf(", \"success_means\": ");
        print_string(row->attack->success);
        printf(", \"reason\": ");
        print_string(row->reason ? row->reason : "");
        printf("}");
    }
    printf("\n]}\n");
}

static void print_meanings(const struct row *rows, size_t count)
{
    printf("\nWhat a success means, and what stops it on vsm:\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-13s %s. Stopped by: %s.\n", rows[i].attack->name, rows[i].attack->success,
               rows[i].attack->stopped_by);
    bool open = false;
    for (size_t i = 0; i < count; i++)
        open |= rows[i].open;
    if (open)
        printf("\nSucceeds on vsm here, for want of what would stop it:\n");
    for (size_t i = 0; i < count; i++)
        if (rows[i].open)
            printf("  %-13s needs %s (%s)\n", rows[i].attack->name, rows[i].attack->stopped_by,
                   rows[i].results[TARGET_VSM].detail);
}

/* ---- the whole ---- */

static void find_programs(const char *cella, const char *programs)
{
    char self[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    if (!realpath(programs ? programs : self, setup.programs) ||
        !realpath(cella ? cella : "cella", setup.cella)) {
        fprintf(stderr, "attacks: %s: %s; give --programs FOLDER and --cella FILE\n",
                cella ? cella : "cella", strerror(errno));
        exit(2);
    }
}

static bool chosen(const struct attack *attack, char *const *names)
{
    bool any = !*names;
    for (; *names; names++)
        any |= strcmp(*names, attack->name) == 0;
    return any;
}

static void remove_work(void)
{
    run_command((char *[]){"rm", "-rf", setup.work, NULL}, 60);
}

/* Whether a victim lives in vsm here; if not, the last thing that cella said of it is why. */
static bool vsm_works(void)
{
    struct result result;
    struct target target;
    if (target_start(&target, TARGET_VSM, &result) && target_stop(&target) == TARGET_INTACT)
        return true;
    FILE *log = fopen(work_path("log"), "re");
    while (log && fgets(setup.why_no_vsm, sizeof(setup.why_no_vsm), log))
        setup.why_no_vsm[strcspn(setup.why_no_vsm, "\n")] = 0;
    if (log)
        fclose(log);
    return false;
}

static const char usage[] =
    "usage: attacks/run [--json] [--verbose] [--list] [--cella FILE] [--programs FOLDER] "
    "[ATTACK...]\n"
    "As root, attacks a victim three times: unprotected, in the process TEE, in vsm.\n"
    "Exit status 0: what vsm promises holds; 1: it does not, or a control failed; 77: there\n"
    "is no vsm here.\n";

int main(int count, char **arguments)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"verbose", no_argument, NULL, 'v'},
        {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"cella", required_argument, NULL, 'c'},
        {"programs", required_argument, NULL, 'p'},
        {0},
    };
    const char *cella = NULL, *programs = NULL;
    bool json = false, verbose = false;
    for (int option; (option = getopt_long(count, arguments, "jvlh", options, NULL)) >= 0;) {
        switch (option) {
        case 'j':
            json = true;
            break;
        case 'v':
            verbose = true;
            break;
        case 'c':
            cella = optarg;
            break;
        case 'p':
            programs = optarg;
            break;
        case 'l':
            for (size_t i = 0; i < attack_count; i++)
                printf("%-13s %s\n", attacks[i].name, attacks[i].what);
            return 0;
        default:
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    if (geteuid() != 0) {
        fprintf(stderr, "attacks: the attacker is root; run this as root\n");
        return 2;
    }
    find_programs(cella, programs);
    signal(SIGPIPE, SIG_IGN);
    const char *temporary = getenv("TMPDIR");
    snprintf(setup.work, sizeof(setup.work), "%.40s/cella-attacks.XXXXXX",
             temporary ? temporary : "/tmp");
    uint8_t mrenclave[32];
    if (!mkdtemp(setup.work) || !pack("victim", NULL, "victim.sgxs", mrenclave)) {
        fprintf(stderr, "attacks: cannot prepare %s\n", setup.work);
        return 2;
    }
    find_posture();
    setup.vsm = vsm_works();

    struct row *rows = calloc(attack_count, sizeof(*rows));
    size_t done = 0;
    unsigned verdicts[3] = {0}, open = 0;
    if (!json)
        printf(
            "host: ptrace_scope 3 %s, lockdown=confidentiality %s, vsm %s\n\n"
            "%-13s %-50s %-11s %-9s %-9s\n",
            setup.yama ? "yes" : "no", setup.lockdown ? "yes" : "no", setup.vsm ? "yes" : "no",
            "attack", "", "unprotected", "process", "vsm");
    for (size_t i = 0; i < attack_count; i++) {
        if (!chosen(&attacks[i], arguments + optind))
            continue;
        struct row *row = &rows[done++];
        row->attack = &attacks[i];
        for (int kind = 0; kind < TARGET_KINDS; kind++)
            run_target(&attacks[i], (enum target_kind)kind, &row->results[kind]);
        judge(row);
        verdicts[row->verdict]++;
        open += row->open;
        if (!json)
            print_row(row, verbose);
    }
    remove_work();
    if (json)
        print_json(rows, done);
    else
        print_meanings(rows, done);
    fprintf(json ? stderr : stdout,
            "\n%u passed, %u failed, %u skipped; %u of the passed succeed on vsm, as shown\n",
            verdicts[PASSED], verdicts[FAILED], verdicts[NOT_RUN], open);
    free(rows);
    return verdicts[FAILED] ? 1 : setup.vsm ? 0 : 77;
}
