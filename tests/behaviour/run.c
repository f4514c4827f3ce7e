/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the programs of tests/programs natively and in TEEs, and compares.
 *
 *   run [--tee NAME|all|native] [--cella PATH] [--programs FOLDER] [--filter TEXT] [--jobs N]
 *       [--timeout SECONDS] [--list]
 *
 * `all` (the default) asks `cella doctor --json` which TEEs work; a named TEE is taken at its word.
 * `native` checks the programs themselves. One static file without needs: it runs in an initramfs
 * too. Ends with status 0 when something passed and nothing failed, 77 when all was skipped,
 * else 1.
 *
 * Invariant: a test passes only if its program really ran and ended as its row in table.c says; two
 * runs that fail in the same way do not pass.
 */
#include "child.h"
#include "table.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEES_MAX      4
#define CELLA_FAILURE 125

static struct {
    const char *tee, *cella, *programs, *filter;
    long jobs, seconds;
    bool list, native_only;
    char tees[TEES_MAX][32];
    size_t tee_count;
} options = {.tee = "all", .cella = "cella", .jobs = 1, .seconds = 60};

/* One program file of one row. */
struct test {
    const struct behaviour *behaviour;
    char name[96], program[PATH_MAX];
    pid_t worker;
};

/* What a worker process tells its parent. */
struct result {
    unsigned passed, failed, skipped;
    char text[6000];
};

static __attribute__((format(printf, 2, 3))) void say(struct result *result, const char *format,
                                                      ...)
{
    size_t used = strlen(result->text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(result->text + used, sizeof result->text - used, format, arguments);
    va_end(arguments);
}

static void say_excerpt(struct result *result, const char *title, const char *bytes, size_t size)
{
    char line[512];
    size_t used = 0;

    for (size_t i = 0; i < size && used + 8 < sizeof line; i++) {
        if (bytes[i] == '\n' || !isprint((unsigned char)bytes[i]))
            used += (size_t)sprintf(line + used, bytes[i] == '\n' ? "\\n" : "\\x%02x",
                                    (unsigned char)bytes[i]);
        else
            line[used++] = bytes[i];
    }
    line[used] = 0;
    say(result, "    %s: %s\n", title, line);
}

/* The first line that differs, of both. */
static void say_difference(struct result *result, const char *wanted, size_t wanted_size,
                           const char *found, size_t found_size)
{
    size_t at = 0, start = 0, line = 1;

    while (at < wanted_size && at < found_size && wanted[at] == found[at]) {
        if (wanted[at++] == '\n') {
            start = at;
            line++;
        }
    }
    if (at - start > 60) /* long lines: near the difference */
        start = at - 60;
    say(result, "    stdout differs in line %zu, byte %zu (%zu bytes wanted, %zu found)\n", line,
        at, wanted_size, found_size);
    say_excerpt(result, "wanted", wanted + start,
                wanted_size - start < 120 ? wanted_size - start : 120);
    say_excerpt(result, "found", found + start,
                found_size - start < 120 ? found_size - start : 120);
}

static const char *end_text(const struct child_outcome *outcome, char text[64])
{
    if (outcome->late)
        snprintf(text, 64, "still running after %ld s", options.seconds);
    else if (outcome->signal != 0)
        snprintf(text, 64, "ended by signal %d", outcome->signal);
    else
        snprintf(text, 64, "exit status %d", outcome->status);
    return text;
}

static bool ended_as(const struct child_outcome *outcome, int status, int signal_number)
{
    if (outcome->late || outcome->signal != signal_number)
        return false;
    return signal_number != 0 || outcome->status == status;
}

static void fail_with(struct result *result, const char *place, const struct test *test,
                      const struct child_outcome *outcome, const char *what)
{
    char text[64];
    size_t tail = outcome->errors_size > 400 ? outcome->errors_size - 400 : 0;

    result->failed++;
    say(result, "FAILED %s %s: %s (%s)\n", place, test->name, what, end_text(outcome, text));
    if (outcome->errors_size > 0)
        say_excerpt(result, "stderr", outcome->errors + tail, outcome->errors_size - tail);
}

static char *path_of(const char *folder, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s/%s", options.programs, folder, name) < 0)
        abort();
    return path;
}

/* The environment of a row: its own, or none. */
static char *const *environment_of(const struct behaviour *behaviour)
{
    return (char *const *)(void *)behaviour->environment;
}

static bool run_command(const struct test *test, char **arguments, char *const *environment,
                        struct child_outcome *outcome)
{
    const struct behaviour *behaviour = test->behaviour;
    const struct child_request request = {
        .arguments = arguments,
        .environment = environment,
        .input = behaviour->input,
        .input_size = behaviour->input_size,
        .input_is_file = behaviour->input_is_file,
        .output_is_closed = behaviour->output_is_closed,
        .seconds = (unsigned)options.seconds,
    };

    return child_run(&request, outcome);
}

static size_t add_program(const struct test *test, char **arguments, size_t count)
{
    arguments[count++] = (char *)test->program;
    for (size_t i = 0; i < BEHAVIOUR_STRINGS && test->behaviour->arguments[i] != NULL; i++)
        arguments[count++] = (char *)test->behaviour->arguments[i];
    arguments[count] = NULL;
    return count;
}

static bool run_native(const struct test *test, struct child_outcome *outcome)
{
    char *arguments[BEHAVIOUR_STRINGS + 2];

    add_program(test, arguments, 0);
    return run_command(test, arguments, environment_of(test->behaviour), outcome);
}

static bool run_in_tee(const struct test *test, const char *tee, struct child_outcome *outcome)
{
    const struct behaviour *behaviour = test->behaviour;
    char *arguments[BEHAVIOUR_STRINGS + 8], *manifest = NULL;
    size_t count = 0;

    arguments[count++] = (char *)options.cella;
    arguments[count++] = (char *)"run";
    arguments[count++] = (char *)"--tee";
    arguments[count++] = (char *)tee;
    if (behaviour->manifest != NULL) {
        manifest = path_of("manifests", behaviour->manifest);
        arguments[count++] = (char *)"-m";
        arguments[count++] = manifest;
    }
    add_program(test, arguments, count);
    bool started =
        run_command(test, arguments,
                    behaviour->environment[0] != NULL ? environment_of(behaviour) : NULL, outcome);
    free(manifest);
    return started;
}

/* Reads expected/FILE into *outcome as if a run had given it. */
static bool read_expected(const struct behaviour *behaviour, struct child_outcome *outcome)
{
    char *path = path_of("expected", behaviour->expected);
    FILE *file = fopen(path, "rb");

    memset(outcome, 0, sizeof *outcome);
    free(path);
    if (file == NULL)
        return false;
    outcome->output = malloc(65536);
    if (outcome->output == NULL)
        abort();
    outcome->output_size = fread(outcome->output, 1, 65536, file);
    fclose(file);
    return true;
}

static void judge(const struct test *test, const char *tee, const struct child_outcome *wanted,
                  const struct child_outcome *found, struct result *result)
{
    const struct behaviour *behaviour = test->behaviour;
    bool refused = behaviour->judge == JUDGE_REFUSED, fault = behaviour->judge == JUDGE_FAULT;
    int status = refused || fault ? CELLA_FAILURE : behaviour->status;
    int signal_number = refused || fault ? 0 : behaviour->signal;
    char what[160];

    if (!ended_as(found, status, signal_number)) {
        if (signal_number != 0)
            snprintf(what, sizeof what, "has to end by signal %d", signal_number);
        else
            snprintf(what, sizeof what, "has to end with status %d", status);
        fail_with(result, tee, test, found, what);
        if (found->output_size != wanted->output_size)
            say_difference(result, wanted->output, wanted->output_size, found->output,
                           found->output_size);
    } else if (refused && found->errors_size == 0) {
        fail_with(result, tee, test, found, "was refused without a sentence on stderr");
    } else if (fault && strstr(found->errors, "stopped") == NULL) {
        fail_with(result, tee, test, found, "stderr does not say that the enclave stopped");
    } else if (found->output_size != wanted->output_size ||
               memcmp(found->output, wanted->output, wanted->output_size) != 0) {
        fail_with(result, tee, test, found, "stdout is not what it has to be");
        say_difference(result, wanted->output, wanted->output_size, found->output,
                       found->output_size);
    } else if (behaviour->compare_stderr && memmem(found->errors, found->errors_size,
                                                   wanted->errors, wanted->errors_size) == NULL) {
        fail_with(result, tee, test, found, "what the program wrote on stderr is not there");
    } else {
        result->passed++;
    }
}

static void run_test(const struct test *test, struct result *result)
{
    const struct behaviour *behaviour = test->behaviour;
    bool native = behaviour->judge == JUDGE_SAME || behaviour->judge == JUDGE_FAULT;
    unsigned runs = options.native_only ? 1 : (unsigned)options.tee_count;
    struct child_outcome wanted = {.output = NULL}, found;

    if (options.native_only && !native) {
        result->skipped++;
        say(result, "skipped native %s: only an enclave can show it\n", test->name);
        return;
    }
    if (access(test->program, X_OK) != 0) {
        result->skipped += runs;
        say(result, "skipped %s: %s is not built\n", test->name, test->program);
        return;
    }
    if (native) {
        if (!run_native(test, &wanted) ||
            !ended_as(&wanted, behaviour->status, behaviour->signal)) {
            fail_with(result, "native", test, &wanted, "the program itself is wrong");
            child_outcome_free(&wanted);
            return;
        }
        result->passed += options.native_only;
    } else if (behaviour->judge == JUDGE_EXPECTED && !read_expected(behaviour, &wanted)) {
        result->failed++;
        say(result, "FAILED %s: there is no expected/%s\n", test->name, behaviour->expected);
        return;
    }
    for (size_t i = 0; i < options.tee_count && !options.native_only; i++) {
        if (run_in_tee(test, options.tees[i], &found))
            judge(test, options.tees[i], &wanted, &found, result);
        else
            result->failed++;
        child_outcome_free(&found);
    }
    child_outcome_free(&wanted);
}

/* Which TEEs work here, by `cella doctor --json`; false when it cannot be asked. */
static bool find_tees(void)
{
    char *arguments[] = {(char *)options.cella, (char *)"doctor", (char *)"--json", NULL};
    const struct child_request request = {.arguments = arguments,
                                          .seconds = (unsigned)options.seconds};
    struct child_outcome outcome;
    json_error_t error;
    json_t *tee;
    size_t index;

    if (!child_run(&request, &outcome))
        return false;
    json_t *root = json_loadb(outcome.output, outcome.output_size, 0, &error);
    json_t *tees = json_object_get(root, "tees");
    if (!json_is_array(tees)) {
        fprintf(stderr, "run: `%s doctor --json` does not tell which TEEs work: %s%s\n",
                options.cella, outcome.errors, root == NULL ? error.text : "no \"tees\"");
        child_outcome_free(&outcome);
        json_decref(root);
        return false;
    }
    json_array_foreach(tees, index, tee)
    {
        const char *name = json_string_value(json_object_get(tee, "name"));

        if (name == NULL || options.tee_count == TEES_MAX)
            continue;
        if (json_is_true(json_object_get(tee, "works")))
            snprintf(options.tees[options.tee_count++], sizeof options.tees[0], "%s", name);
        else
            printf("skipped %s, all tests: `cella doctor` says that it does not work here\n", name);
    }
    child_outcome_free(&outcome);
    json_decref(root);
    return true;
}

static size_t add_test(struct test *tests, size_t count, const struct behaviour *behaviour,
                       const char *suffix)
{
    struct test *test = &tests[count];

    test->behaviour = behaviour;
    snprintf(test->name, sizeof test->name, "%s%s", behaviour->name, suffix);
    snprintf(test->program, sizeof test->program, "%s/%s%s", options.programs, behaviour->program,
             suffix);
    if (options.filter != NULL && strstr(test->name, options.filter) == NULL)
        return count;
    return count + 1;
}

static size_t find_tests(struct test *tests)
{
    size_t count = 0;

    for (const struct behaviour *row = behaviours; row < behaviours + behaviour_count; row++) {
        count = add_test(tests, count, row, "");
        if (row->variants & VARIANT_MUSL)
            count = add_test(tests, count, row, "-musl");
        if (row->variants & VARIANT_PIE)
            count = add_test(tests, count, row, "-pie");
        if (row->variants & VARIANT_O0)
            count = add_test(tests, count, row, "-O0");
    }
    return count;
}

static void list_tests(const struct test *tests, size_t count)
{
    static const char *const judges[] = {"same", "expected", "fault", "refused"};

    for (size_t i = 0; i < count; i++)
        printf("%-28s %s\n", tests[i].name, judges[tests[i].behaviour->judge]);
}

static void finish_one(struct test *tests, const struct result *results, size_t count,
                       struct result *total)
{
    int status;
    pid_t worker;

    do
        worker = wait(&status);
    while (worker < 0 && errno == EINTR);
    for (size_t i = 0; i < count; i++) {
        if (tests[i].worker != worker)
            continue;
        fputs(results[i].text, stdout);
        total->passed += results[i].passed;
        total->failed += results[i].failed;
        total->skipped += results[i].skipped;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            printf("FAILED %s: the runner itself died\n", tests[i].name);
            total->failed++;
        }
        tests[i].worker = 0;
        fflush(stdout);
    }
}

static int run_tests(struct test *tests, size_t count)
{
    struct result total = {.passed = 0};
    long running = 0;
    struct result *results = mmap(NULL, (count + 1) * sizeof *results, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (results == MAP_FAILED) {
        perror("run: mmap");
        return 1;
    }
    fflush(stdout);
    for (size_t i = 0; i < count; i++) {
        if (running == options.jobs) {
            finish_one(tests, results, count, &total);
            running--;
        }
        tests[i].worker = fork();
        if (tests[i].worker == 0) {
            run_test(&tests[i], &results[i]);
            _exit(0);
        }
        if (tests[i].worker < 0) {
            perror("run: fork");
            return 1;
        }
        running++;
    }
    for (; running > 0; running--)
        finish_one(tests, results, count, &total);
    munmap(results, (count + 1) * sizeof *results);
    printf("%u passed, %u failed, %u skipped\n", total.passed, total.failed, total.skipped);
    return total.failed > 0 ? 1 : total.passed > 0 ? 0 : 77;
}

static long number_of(const char *text, const char *option)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*end != 0 || number < 1 || number > 100000) {
        fprintf(stderr, "run: --%s wants a number from 1 to 100000, not \"%s\"\n", option, text);
        exit(2);
    }
    return number;
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"tee", required_argument, NULL, 't'},      {"cella", required_argument, NULL, 'c'},
        {"programs", required_argument, NULL, 'p'}, {"filter", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},     {"timeout", required_argument, NULL, 's'},
        {"list", no_argument, NULL, 'l'},           {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 't')
            options.tee = optarg;
        else if (option == 'c')
            options.cella = optarg;
        else if (option == 'p')
            options.programs = optarg;
        else if (option == 'f')
            options.filter = optarg;
        else if (option == 'j')
            options.jobs = number_of(optarg, "jobs");
        else if (option == 's')
            options.seconds = number_of(optarg, "timeout");
        else if (option == 'l')
            options.list = true;
        else
            exit(2);
    }
    if (optind != argc) {
        fprintf(stderr, "run: takes no argument \"%s\"; --filter chooses tests\n", argv[optind]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    char self[PATH_MAX], programs[PATH_MAX + 16];
    struct test *tests = calloc(behaviour_count * 4, sizeof *tests);

    read_options(argc, argv);
    if (tests == NULL)
        return 1;
    if (options.programs == NULL) {
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

        self[length < 0 ? 0 : length] = 0;
        snprintf(programs, sizeof programs, "%s/../programs", dirname(self));
        options.programs = programs;
    }
    size_t count = find_tests(tests);
    if (options.list) {
        list_tests(tests, count);
        return 0;
    }
    if (count == 0) {
        fprintf(stderr, "run: no test's name holds \"%s\"; --list shows them\n", options.filter);
        return 2;
    }
    options.native_only = strcmp(options.tee, "native") == 0;
    if (strcmp(options.tee, "all") == 0) {
        if (!find_tees())
            return 1;
    } else if (!options.native_only) {
        snprintf(options.tees[0], sizeof options.tees[0], "%s", options.tee);
        options.tee_count = 1;
    }
    if (options.tee_count == 0 && !options.native_only) {
        printf("0 passed, 0 failed, %zu skipped: no TEE works here\n", count);
        return 77;
    }
    int status = run_tests(tests, count);
    free(tests);
    return status;
}
