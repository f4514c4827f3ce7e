/* SPDX-License-Identifier: Apache-2.0
 *
 * A running enclave, as <cella/cella.h> shows it.
 */
#include "../image/fail.h"
#include "api.h"
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cella_options_default(cella_options *options)
{
    *options = (cella_options){
        .size = sizeof(*options),
        .streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
    };
}

static cella_status choose_tee(struct cella_enclave *enclave, cella_error *error)
{
    switch (enclave->options.tee) {
    case CELLA_TEE_AUTO:
    case CELLA_TEE_VSM:
        enclave->operations = &tee_vsm;
        return CELLA_OK;
    case CELLA_TEE_PROCESS:
        enclave->operations = &tee_process;
        return CELLA_OK;
    default:
        return fail(error, CELLA_INVALID, "no such TEE: %d", (int)enclave->options.tee);
    }
}

/* TEE_AUTO: a machine that cannot make a sealed enclave says so when it is asked for one. */
static cella_status load(struct cella_enclave *enclave, const struct image *image,
                         cella_error *error)
{
    cella_error why = {0};
    cella_status status = host_load(enclave, image, &why);
    if (status == CELLA_UNSUPPORTED && enclave->options.tee == CELLA_TEE_AUTO) {
        host_log(enclave,
                 "no sealed vsm here (%s); running in the process TEE, which protects nothing",
                 why.sentence);
        if (enclave->tee)
            enclave->operations->destroy(enclave->tee);
        enclave->tee = NULL;
        enclave->operations = &tee_process;
        status = host_load(enclave, image, &why);
    }
    if (status && error)
        *error = why;
    return status;
}

/* NUL-terminated strings, one behind another. */
static bool copy_strings(char *const *strings, char **bytes, size_t *size, size_t *count)
{
    *size = 0;
    for (*count = 0; strings && strings[*count]; ++*count)
        *size += strlen(strings[*count]) + 1;
    *bytes = malloc(*size ? *size : 1);
    if (!*bytes)
        return false;
    size_t at = 0;
    for (size_t i = 0; strings && strings[i]; i++) {
        size_t length = strlen(strings[i]) + 1;
        memcpy(*bytes + at, strings[i], length);
        at += length;
    }
    return true;
}

static cella_status take_strings(struct cella_enclave *enclave, cella_error *error)
{
    const cella_options *options = &enclave->options;
    size_t counts[2];
    if (options->arguments && !(enclave->boot.flags & BOOT_ARGUMENTS_HOST))
        return fail(error, CELLA_INVALID,
                    "the image fixes its arguments; pack it with \"arguments\": \"host\" in the "
                    "manifest to give them when it runs");
    if (!copy_strings(options->arguments, &enclave->argument_bytes[0], &enclave->argument_sizes[0],
                      &counts[0]) ||
        !copy_strings(options->environment, &enclave->argument_bytes[1],
                      &enclave->argument_sizes[1], &counts[1]))
        return fail(error, CELLA_MEMORY, "no memory for arguments");
    if (enclave->argument_sizes[0] > RING_BUFFER_SIZE)
        return fail(error, CELLA_INVALID, "the arguments are longer than %llu bytes",
                    (unsigned long long)RING_BUFFER_SIZE);
    if (enclave->argument_sizes[1] > RING_BUFFER_SIZE)
        return fail(error, CELLA_INVALID, "the environment is longer than %llu bytes",
                    (unsigned long long)RING_BUFFER_SIZE);
    if (counts[0] > RING_STRINGS_MOST || counts[1] > RING_STRINGS_MOST)
        return fail(error, CELLA_INVALID, "there are more than %u arguments or variables",
                    RING_STRINGS_MOST);
    enclave->options.arguments = enclave->options.environment = NULL;
    return CELLA_OK;
}

static cella_status take_streams(struct cella_enclave *enclave, cella_error *error)
{
    for (int i = 0; i < 3; i++) {
        int fd = enclave->options.streams[i];
        if (fd < 0 && enclave->null < 0)
            enclave->null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            fd = enclave->null;
        if (fd < 0)
            return fail(error, CELLA_SYSTEM, "/dev/null: %s", strerror(errno));
        enclave->handles[i].fd = fd;
    }
    return CELLA_OK;
}

static void release(struct cella_enclave *enclave)
{
    if (enclave->tee)
        enclave->operations->destroy(enclave->tee);
    host_files_close(enclave);
    if (enclave->null >= 0)
        close(enclave->null);
    if (enclave->notes)
        image_notes_free(enclave->notes);
    free(enclave->notes);
    for (size_t i = 0; i < THREAD_COUNT_MAX; i++)
        free(enclave->threads[i].evidence);
    free(enclave->argument_bytes[0]);
    free(enclave->argument_bytes[1]);
    free(enclave->calls);
    pthread_cond_destroy(&enclave->changed);
    pthread_mutex_destroy(&enclave->lock);
    pthread_mutex_destroy(&enclave->handles_lock);
    free(enclave);
}

static void read_notes(struct cella_enclave *enclave, const struct image *image)
{
    enclave->notes = calloc(1, sizeof(*enclave->notes));
    if (enclave->notes && image_notes_read(image, enclave->notes, NULL)) {
        free(enclave->notes);
        enclave->notes = NULL;
    }
}

cella_status cella_start(const cella_image *image, const cella_options *options,
                         cella_enclave **result, cella_error *error)
{
    *result = NULL;
    if (!image || !options || options->size != sizeof(*options))
        return fail(error, CELLA_INVALID,
                    "cella_start: no image, or options of another version of cella");
    uint64_t start = host_now();
    struct cella_enclave *enclave = calloc(1, sizeof(*enclave));
    if (!enclave)
        return fail(error, CELLA_MEMORY, "no memory for an enclave");
    pthread_mutex_init(&enclave->lock, NULL);
    pthread_mutex_init(&enclave->handles_lock, NULL);
    pthread_cond_init(&enclave->changed, NULL);
    enclave->options = *options;
    enclave->boot = image->image->boot;
    enclave->thread_count = enclave->boot.thread_count;
    enclave->null = -1;
    for (uint32_t i = 0; i < HOST_HANDLES; i++)
        enclave->handles[i].fd = -1;
    enclave->may_poll = sysconf(_SC_NPROCESSORS_ONLN) > 1;

    enclave->calls = host_calls_new();
    cella_status status = enclave->calls ? take_streams(enclave, error)
                                         : fail(error, CELLA_MEMORY, "no memory for an enclave");
    if (!status)
        status = choose_tee(enclave, error);
    if (!status)
        status = take_strings(enclave, error);
    if (!status)
        status = host_mounts_open(enclave, image->image, error);
    bool confine = options->confine == CELLA_CONFINE_PROCESS;
    if (!status && confine && !options->insecure_debug)
        status = host_hide_process(error);
    if (!status)
        status = load(enclave, image->image, error);
    if (status) {
        release(enclave);
        return status;
    }
    if (options->insecure_debug)
        read_notes(enclave, image->image);

    host_signals_prepare();
    if (confine)
        status = host_confine_process(enclave, error);
    enclave->started_at = host_now();
    enclave->start_ns = enclave->started_at - start;
    if (!status)
        status = host_thread_create(enclave, 0, error);
    if (status) {
        release(enclave);
        return status;
    }
    *result = enclave;
    return CELLA_OK;
}

cella_status cella_wait(cella_enclave *enclave, cella_outcome *outcome, cella_error *error)
{
    (void)error;
    pthread_mutex_lock(&enclave->lock);
    while (!enclave->ended)
        pthread_cond_wait(&enclave->changed, &enclave->lock);
    *outcome = enclave->outcome;
    pthread_mutex_unlock(&enclave->lock);
    return CELLA_OK;
}

void cella_stop(cella_enclave *enclave)
{
    host_end(enclave, CELLA_END_STOPPED, 0, "the enclave was stopped by its host");
}

void cella_close(cella_enclave *enclave)
{
    if (!enclave)
        return;
    cella_stop(enclave);
    host_join(enclave);
    release(enclave);
}

const char *cella_tee_name(const cella_enclave *enclave)
{
    return enclave->operations->name;
}

const char *cella_tee_description(const cella_enclave *enclave)
{
    return enclave->operations->describe(enclave->tee);
}

void cella_get_statistics(const cella_enclave *enclave, cella_statistics *statistics)
{
    *statistics = (cella_statistics){
        .exits = atomic_load(&enclave->exits),
        .polled = atomic_load(&enclave->polled),
        .bytes_in = atomic_load(&enclave->bytes_in),
        .bytes_out = atomic_load(&enclave->bytes_out),
        .threads = atomic_load(&enclave->threads_entered),
        .pages_added = enclave->pages_added,
        .start_ns = enclave->start_ns,
        .run_ns = enclave->run_ns,
        .has_syscalls = enclave->has_statistics,
    };
    if (!enclave->has_statistics)
        return;
    statistics->pages_touched = (enclave->statistics.heap_peak + 4095) / 4096;
    memcpy(statistics->inside, enclave->statistics.inside, sizeof(statistics->inside));
    memcpy(statistics->forwarded, enclave->statistics.forwarded, sizeof(statistics->forwarded));
}
