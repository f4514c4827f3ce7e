/* SPDX-License-Identifier: Apache-2.0
 *
 * The untrusted side of a running enclave: it loads the image into a TEE, runs the TEE's threads,
 * and serves what they ask for.
 *
 * The program inside may be hostile to its host, so:
 *   1. everything in the shared region is read once, checked, then used (ring.h);
 *   2. files are reached only through descriptors that were opened for the manifest's entries
 *      before the first instruction ran, and only below them (openat2, RESOLVE_BENEATH);
 *   3. once the enclave runs, seccomp holds the threads to what serving needs (confine.c).
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "../image/image.h"
#include "../runtime/ring.h"
#include "../tee/tee.h"
#include "calls.h"

#include <cella/cella.h>
#include <pthread.h>
#include <stdatomic.h>

#define HOST_HANDLES 4096u

/* An open file of the enclave. fd -1: free. */
struct host_handle {
    int fd;
};

/* A file-table entry that the host serves. */
struct host_mount {
    int directory; /* plain: where paths start; -1: none */
    char *name;    /* plain file: its name in `directory`; NULL: a whole directory */
    bool writable;
};

struct host_thread {
    struct cella_enclave *enclave;
    uint32_t number;
    pthread_t thread;
    bool created;            /* under enclave->lock */
    bool inherits;           /* its maker was confined, so it is */
    _Atomic bool finished;   /* the host thread has returned */
    _Atomic uint32_t starts; /* RING_THREAD_START counts up; slept on */
    uint32_t started;        /* of `starts`, how many were taken */
    _Atomic bool awaits;     /* it sleeps on `served` */
    _Atomic uint32_t served; /* a poller finished a request of this thread; slept on */
    uint8_t *evidence;       /* of which the thread has not had all yet; NULL: none */
    size_t evidence_size;
};

struct cella_enclave {
    const struct tee_operations *operations;
    struct tee *tee;
    uint8_t *shared;
    uint32_t thread_count;
    struct boot_header boot;
    cella_options options; /* strings are owned copies */
    char *argument_bytes[2];
    size_t argument_sizes[2];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* `ended` was set */
    bool ended;
    cella_outcome outcome;
    _Atomic bool stopping;
    uint64_t started_at;

    struct host_thread threads[THREAD_COUNT_MAX];
    _Atomic uint32_t threads_high; /* threads below this number have been made */

    pthread_t poller;
    bool poller_created;
    bool poller_inherits;
    _Atomic uint32_t poller_word; /* slept on */
    _Atomic bool poller_asleep;
    _Atomic uint64_t last_request;   /* ns, for deciding whether polling pays */
    _Atomic uint32_t quick_requests; /* that came one soon after another */
    bool may_poll;

    struct host_calls *calls;

    pthread_mutex_t handles_lock;
    struct host_handle handles[HOST_HANDLES];
    int null;                  /* /dev/null, for streams that the caller does not give; -1: none */
    struct host_mount *mounts; /* one a boot file */
    uint32_t mount_count;

    _Atomic uint64_t exits, polled, bytes_in, bytes_out, threads_entered;
    uint8_t mrenclave[32]; /* of what was loaded, as the TEE measured it */
    uint64_t pages_added, start_ns, run_ns;
    bool has_statistics;
    struct ring_statistics statistics;

    struct image_notes *notes; /* insecure_debug: names of functions */
};

static inline struct ring_header *host_header(struct cella_enclave *enclave)
{
    return (struct ring_header *)(void *)enclave->shared;
}

static inline struct ring_slot *host_slot(struct cella_enclave *enclave, uint32_t thread)
{
    return (struct ring_slot *)(void *)(enclave->shared + ring_slots_offset()) + thread;
}

static inline uint8_t *host_buffer(struct cella_enclave *enclave, uint32_t thread)
{
    return enclave->shared + ring_buffer_offset(enclave->thread_count, thread);
}

uint64_t host_now(void); /* CLOCK_MONOTONIC, ns */
__attribute__((format(printf, 2, 3))) void host_log(struct cella_enclave *enclave,
                                                    const char *format, ...);

/* A request, fetched once from a slot. */
struct host_request {
    uint32_t thread;
    uint32_t operation;
    uint64_t arguments[6];
    uint8_t *buffer; /* hostile: may change */
};

/* ---- load.c ---- */
cella_status host_load(struct cella_enclave *enclave, const struct image *image,
                       cella_error *error);
/* ---- threads.c ---- */
cella_status host_thread_create(struct cella_enclave *enclave, uint32_t number, cella_error *error);
void host_end(struct cella_enclave *enclave, cella_end end, int status, const char *sentence);
void host_join(struct cella_enclave *enclave);
void host_signals_prepare(void);
int64_t host_thread_start(struct cella_enclave *enclave, uint64_t number);
/* ---- poll.c ---- */
void host_poller_consider(struct cella_enclave *enclave);
/* ---- serve.c ---- */
/* Serves one request that the caller has TAKEN; false: it has no answer (the enclave ends). */
bool host_serve(struct cella_enclave *enclave, struct ring_slot *slot, uint32_t thread);
/* ---- futex.c ---- */
void host_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns);
void host_futex_wake(_Atomic uint32_t *word, int count);
/* ---- files.c ---- */
cella_status host_mounts_open(struct cella_enclave *enclave, const struct image *image,
                              cella_error *error);
void host_files_close(struct cella_enclave *enclave);
int64_t host_file_serve(struct cella_enclave *enclave, const struct host_request *request);
/* The descriptor of a handle, or -1. */
int host_handle_fd(struct cella_enclave *enclave, uint64_t handle);
/* Gives a descriptor a handle; -EMFILE closes it. */
int64_t host_handle_new(struct cella_enclave *enclave, int fd);
/* ---- evidence.c: RING_QUOTE, RING_ATTESTATION ---- */
int64_t host_evidence_serve(struct cella_enclave *enclave, const struct host_request *request);
/* ---- sockets.c ---- */
int64_t host_socket_serve(struct cella_enclave *enclave, const struct host_request *request);
/* ---- messages.c ---- */
void host_log_request(struct cella_enclave *enclave, const struct host_request *request);
void host_stop_sentence(struct cella_enclave *enclave, uint64_t why, uint64_t detail,
                        char sentence[500]);
void host_fault_sentence(struct cella_enclave *enclave, const struct tee_exit *leave,
                         char sentence[500]);
/* ---- confine.c ---- */
/* Confines the calling thread, unless it `inherits` that from the thread that made it. */
cella_status host_confine_thread(struct cella_enclave *enclave, bool inherits, cella_error *error);
cella_status host_confine_process(struct cella_enclave *enclave, cella_error *error);
bool host_is_confined(void);
/* No core dump, no ptrace by others than root. */
cella_status host_hide_process(cella_error *error);

#endif
