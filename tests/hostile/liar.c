/* SPDX-License-Identifier: Apache-2.0
 *
 * See liar.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "liar.h"
#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define USES       11
#define HANG_MS    300   /* after which nothing is what happens */
#define MOST_MS    20000 /* for what ends by itself */
#define ALARM      120   /* seconds: the host itself hangs */
#define TURNS_MOST 50
#define KEY        "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"

bool __real_host_serve(struct cella_enclave *enclave, struct ring_slot *slot, uint32_t thread);
bool __wrap_host_serve(struct cella_enclave *enclave, struct ring_slot *slot, uint32_t thread);

static const struct lie *current;
static _Atomic uint64_t told; /* requests that were lied about */
static _Atomic bool truce;
static _Atomic uint64_t random_state;
static unsigned failures;
static char folder[64];
static const char *program;
static struct {
    char use[16];
    cella_image *image;
} images[USES];

uint64_t liar_random(void)
{
    uint64_t x = atomic_fetch_add(&random_state, UINT64_C(0x9e3779b97f4a7c15));
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void tell(struct telling *telling)
{
    const struct lie *lie = current;
    bool lied =
        !atomic_load(&truce) && (lie->operation == 0 || lie->operation == telling->operation);
    if (lied) {
        atomic_fetch_add(&told, 1);
        if (lie->before)
            lie->before(telling);
    }
    if (!telling->served) {
        struct ring_slot copy = {.operation = telling->operation};
        memcpy(copy.arguments, telling->arguments, sizeof(copy.arguments));
        __real_host_serve(telling->enclave, &copy, telling->thread);
        telling->result = copy.result;
    }
    if (lied && lie->after)
        lie->after(telling);
    else if (lied && !lie->before)
        telling->result = lie->result;
}

/* The program makes and removes a folder: that is how it asks for the truth. */
static void see_truce(const struct telling *telling)
{
    if ((telling->operation == RING_MKDIR || telling->operation == RING_UNLINK) &&
        memcmp(telling->buffer, VERDICT_TRUCE, sizeof(VERDICT_TRUCE) - 1) == 0)
        atomic_store(&truce, telling->operation == RING_MKDIR);
}

bool __wrap_host_serve(struct cella_enclave *enclave, struct ring_slot *slot, uint32_t thread)
{
    struct telling telling = {.enclave = enclave,
                              .slot = slot,
                              .thread = thread,
                              .operation = slot->operation,
                              .buffer = host_buffer(enclave, thread)};
    memcpy(telling.arguments, slot->arguments, sizeof(telling.arguments));
    if (!current || telling.operation == RING_EXIT || telling.operation == RING_STOP)
        return __real_host_serve(enclave, slot, thread);
    see_truce(&telling);
    tell(&telling);
    if (telling.silent)
        return true;
    slot->result = telling.result;
    atomic_store_explicit(&slot->state, RING_DONE, memory_order_release);
    return true;
}

/* ---- tearing: what is shared changes under the enclave's eyes ---- */

struct tearing {
    struct cella_enclave *enclave;
    enum tears what;
    pthread_t thread;
    _Atomic bool stop;
};

/* Not the operation nor its arguments: those are the enclave's word to us. */
static void tear_slot(struct ring_slot *slot)
{
    static const uint32_t states[] = {RING_IDLE, RING_TAKEN, RING_DONE, RING_SUBMITTED, 77};
    switch (liar_random() % 8) {
    case 0:
        slot->wake = (uint32_t)liar_random();
        break;
    case 1:
        slot->result = (int64_t)liar_random();
        break;
    case 2:
        slot->result = -(int64_t)(liar_random() % 133 + 1);
        break;
    case 3:
        if (liar_random() % 64 == 0)
            atomic_store(&slot->state, states[liar_random() % 5]);
        break;
    default:
        break;
    }
}

static void tear_buffer(uint8_t *buffer)
{
    for (int n = 0; n < 16; n++)
        buffer[liar_random() % 512] ^= (uint8_t)(1 << liar_random() % 8);
    buffer[liar_random() % RING_BUFFER_SIZE] = (uint8_t)liar_random();
}

static void tear_header(struct ring_header *header)
{
    header->listening = (uint32_t)liar_random() % 3;
    header->serving = (uint32_t)liar_random();
    if (liar_random() % 4)
        return;
    struct ring_call_request *request = &header->requests[liar_random() % RING_CALLS];
    request->entry = (uint32_t)(liar_random() % (RING_CALLS + 2));
    request->length = (uint32_t)(liar_random() % (RING_CALL_DATA + 100));
    request->capacity = (uint32_t)(liar_random() % (RING_CALL_DATA + 100));
    request->ticket = (uint32_t)liar_random();
    request->sequence = (uint32_t)(request - header->requests) + 1;
}

static void *tear(void *argument)
{
    struct tearing *tearing = argument;
    struct cella_enclave *enclave = tearing->enclave;
    static const struct timespec moment = {0, 20000};
    while (!atomic_load(&tearing->stop)) {
        for (uint32_t i = 0; i < enclave->thread_count; i++) {
            tear_buffer(host_buffer(enclave, i));
            if (tearing->what == TEARS_ALL)
                tear_slot(host_slot(enclave, i));
        }
        if (tearing->what == TEARS_ALL)
            tear_header(host_header(enclave));
        nanosleep(&moment, NULL);
    }
    return NULL;
}

/* ---- runs ---- */

bool liar_has(cella_tee tee)
{
    static struct tee_probe probes[2];
    struct tee_probe *probe = &probes[tee == CELLA_TEE_PROCESS];
    if (!probe->count)
        (tee == CELLA_TEE_VSM ? &tee_vsm : &tee_process)->probe(probe);
    return probe->works;
}

static bool has_boxes(const char *use)
{
    return strcmp(use, "boxes") == 0 || strcmp(use, "kept") == 0;
}

/* Every run begins without any. */
static void remove_boxes(void)
{
    char command[256];
    snprintf(command, sizeof(command), "rm -rf %1$s/box %1$s/boxes/* %1$s/plain/*", folder);
    assert_int_equal(system(command), 0);
}

cella_image *liar_image(const char *use)
{
    char path[96], text[2048];
    cella_error error;
    size_t i = 0;
    while (i < USES && images[i].image && strcmp(images[i].use, use) != 0)
        i++;
    assert_true(i < USES);
    if (images[i].image)
        return images[i].image;
    bool asks = strcmp(use, "arguments") == 0;
    snprintf(path, sizeof(path), "%s/manifest.json", folder);
    /* Little heap: a box then keeps little of itself, and has to ask the host again. */
    snprintf(text, sizeof(text),
             "{\"cella\": 1, %s%s%s \"heap_size\": \"%s\", \"threads\": 6, \"clock\": true, "
             "\"network\": true, \"statistics\": true, \"attestation\": true, "
             "\"insecure_keys\": {\"one\": \"" KEY "01\", \"other\": \"" KEY
             "02\"}, "
             "\"files\": [{\"path\": \"/plain\", "
             "\"kind\": \"plain\", \"source\": \"%s/plain\", \"directory\": true, "
             "\"writable\": true}, {\"path\": \"/boxes\", "
             "\"kind\": \"box\", \"source\": \"%s/boxes\", \"directory\": true, "
             "\"writable\": true, \"key\": \"one\"}, {\"path\": \"/box\", "
             "\"kind\": \"box\", \"source\": \"%s/box\", \"writable\": true, "
             "\"key\": \"other\"}]}",
             asks ? "\"arguments\": \"host\", \"environment\": \"host\","
                  : "\"arguments\": [\"victim\", \"",
             asks ? "" : use, asks ? "" : "\"],", has_boxes(use) ? "16M" : "256M", folder, folder,
             folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    if (cella_image_pack(program, path, NULL, &images[i].image, &error))
        fail_msg("%s", error.sentence);
    snprintf(images[i].use, sizeof(images[i].use), "%s", use);
    return images[i].image;
}

struct waiting {
    cella_enclave *enclave;
    cella_outcome outcome;
};

static void *wait_for(void *argument)
{
    struct waiting *waiting = argument;
    cella_wait(waiting->enclave, &waiting->outcome, NULL);
    return NULL;
}

/* Waits at most so long, then stops it; true: it had to be stopped. */
static bool wait_or_stop(struct waiting *waiting, int milliseconds)
{
    pthread_t thread;
    struct timespec until;
    assert_int_equal(pthread_create(&thread, NULL, wait_for, waiting), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return false;
    cella_stop(waiting->enclave);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return true;
}

static void judge(const struct lie *lie, const char *tee, const cella_outcome *outcome,
                  bool was_stopped)
{
    char words[96];
    snprintf(words, sizeof(words), "impossible answer to operation %u", lie->operation);
    bool good = outcome->end == CELLA_END_EXITED && outcome->status == VERDICT_GOOD;
    bool said = outcome->end == CELLA_END_STOPPED &&
                strstr(outcome->sentence, lie->operation ? words : "impossible answer");
    bool held = was_stopped && outcome->end == CELLA_END_STOPPED &&
                strstr(outcome->sentence, "stopped by its host");
    /* A chunk of the heap that the host said it had given. */
    bool starved = outcome->end == CELLA_END_STOPPED && strstr(outcome->sentence, "no memory");
    bool right = (lie->ending == ENDS_STOPPED && said) || (lie->ending == ENDS_GOOD && good) ||
                 (lie->ending == ENDS_EITHER && (good || said)) ||
                 (lie->ending == ENDS_NEVER && held) ||
                 (lie->ending == ENDS_ANY && (good || said || held || starved));
    if (right)
        return;
    failures++;
    print_error("%s, %s of %s (operation %u, result %lld, seed %llu): end %d, status %d: %s\n", tee,
                lie->name, lie->use, lie->operation, (long long)lie->result,
                (unsigned long long)lie->seed, outcome->end, outcome->status, outcome->sentence);
}

static void on_alarm(int signal)
{
    static const char words[] = "the host hangs\n";
    (void)signal;
    (void)!write(2, words, sizeof(words) - 1);
    abort();
}

static cella_status give_evidence(void *context, const uint8_t report[CELLA_REPORT_BYTES],
                                  const char *tee, uint8_t **bytes, size_t *size,
                                  cella_error *error)
{
    (void)context;
    (void)tee;
    (void)error;
    *size = CELLA_REPORT_BYTES;
    *bytes = malloc(*size);
    assert_non_null(*bytes);
    memcpy(*bytes, report, *size);
    return CELLA_OK;
}

/* One run; false: what was to be lied about was not asked for. */
static bool run_once(const struct lie *lie, cella_tee tee)
{
    cella_options options;
    cella_error error;
    struct waiting waiting = {0};
    char *const given[] = {(char *)"victim", (char *)"arguments", NULL};
    cella_options_default(&options);
    options.tee = tee;
    options.confine = CELLA_CONFINE_NONE;
    options.evidence = give_evidence;
    options.streams[0] = options.streams[1] = options.streams[2] = -1;
    if (strcmp(lie->use, "arguments") == 0)
        options.arguments = options.environment = given;

    alarm(ALARM);
    atomic_store(&told, 0);
    atomic_store(&truce, false);
    if (has_boxes(lie->use))
        remove_boxes();
    atomic_store(&random_state, lie->seed * 7919 + 1);
    current = lie;
    if (cella_start(liar_image(lie->use), &options, &waiting.enclave, &error))
        fail_msg("%s", error.sentence);
    struct tearing tearing = {.enclave = waiting.enclave, .what = lie->tears};
    if (lie->tears)
        assert_int_equal(pthread_create(&tearing.thread, NULL, tear, &tearing), 0);
    bool may_hang = lie->ending == ENDS_NEVER || lie->ending == ENDS_ANY;
    bool was_stopped = wait_or_stop(&waiting, may_hang ? HANG_MS : MOST_MS);
    atomic_store(&tearing.stop, true);
    if (lie->tears)
        pthread_join(tearing.thread, NULL);
    cella_close(waiting.enclave);
    alarm(0);
    current = NULL;
    if (!atomic_load(&told))
        return false;
    judge(lie, tee == CELLA_TEE_VSM ? "vsm" : "process", &waiting.outcome, was_stopped);
    return true;
}

void liar_run(const struct lie *lie, cella_tee tee)
{
    if (!liar_has(tee) || (lie->tee && strcmp(lie->tee, tee == CELLA_TEE_VSM ? "vsm" : "process")))
        return;
    signal(SIGALRM, on_alarm);
    /* Whether a thread sleeps, is woken or idles at all depends on the host's scheduler. */
    for (int turn = 0; turn < TURNS_MOST; turn++)
        if (run_once(lie, tee))
            return;
    /* With one busy CPU that may be never; it is no fault of the enclave. */
    bool may_miss = lie->operation == RING_PARK || lie->operation == RING_WAKE ||
                    lie->operation == RING_YIELD || lie->operation == RING_THREAD_IDLE;
    failures += !may_miss;
    print_error("%s: operation %u was never asked for\n", lie->name, lie->operation);
}

int liar_judged(void **state)
{
    (void)state;
    unsigned count = failures;
    failures = 0;
    return count ? -1 : 0;
}

void liar_open(const char *victim)
{
    char path[96];
    program = victim;
    /* In memory, where that is possible: a busy disk's fsync may take longer than MOST_MS. */
    snprintf(folder, sizeof(folder), "%s/cella-hostile-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/plain", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/boxes", folder);
    assert_int_equal(mkdir(path, 0700), 0);
}

void liar_close(void)
{
    char command[96];
    for (size_t i = 0; i < USES; i++)
        cella_image_close(images[i].image);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}
