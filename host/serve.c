/* SPDX-License-Identifier: Apache-2.0
 *
 * One request: fetched once, checked, carried out, answered.
 */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int64_t serve_clock(struct cella_enclave *enclave, uint8_t *buffer)
{
    struct ring_clock clock = {0};
    clock.realtime_ns = clock_ns(CLOCK_REALTIME);
    clock.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
    clock.tsc_khz = enclave->operations->clock(enclave->tee, &clock.tsc_base);
    memcpy(buffer, &clock, sizeof(clock));
    return 0;
}

static int64_t serve_time(uint64_t id, uint8_t *buffer)
{
    if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC)
        return -EINVAL;
    uint64_t now = clock_ns((clockid_t)id);
    struct ring_time time = {now / 1000000000, now % 1000000000};
    memcpy(buffer, &time, sizeof(time));
    return 0;
}

static int64_t serve_heap(struct cella_enclave *enclave, uint64_t chunk)
{
    switch (enclave->operations->grow(enclave->tee, chunk, NULL)) {
    case CELLA_OK:
        return 0;
    case CELLA_INVALID:
        return -EINVAL;
    default:
        return -ENOMEM;
    }
}

static int64_t serve_arguments(struct cella_enclave *enclave, const struct host_request *request)
{
    uint64_t which = request->arguments[0];
    if (which > 1 || !enclave->argument_bytes[which])
        return which > 1 ? -EINVAL : 0;
    size_t size = enclave->argument_sizes[which];
    if (size > request->arguments[1] || size > RING_BUFFER_SIZE)
        return -E2BIG;
    memcpy(request->buffer, enclave->argument_bytes[which], size);
    return (int64_t)size;
}

static int64_t serve_idle(struct cella_enclave *enclave, uint32_t number)
{
    struct host_thread *thread = &enclave->threads[number];
    while (atomic_load(&thread->starts) == thread->started && !atomic_load(&enclave->stopping))
        host_futex_wait(&thread->starts, thread->started, UINT64_C(1000000000));
    thread->started = atomic_load(&thread->starts);
    return 0;
}

static int64_t serve_park(struct cella_enclave *enclave, const struct host_request *request)
{
    struct ring_slot *slot = host_slot(enclave, request->thread);
    if (!atomic_load(&enclave->stopping))
        host_futex_wait(&slot->wake, (uint32_t)request->arguments[0], request->arguments[1]);
    return 0;
}

static int64_t serve_wake(struct cella_enclave *enclave, uint64_t thread)
{
    if (thread >= enclave->thread_count)
        return -EINVAL;
    host_futex_wake(&host_slot(enclave, (uint32_t)thread)->wake, 1);
    return 0;
}

/* The operations that only the thread's own host thread may serve, since they sleep or end. */
static bool ends(struct cella_enclave *enclave, const struct host_request *request)
{
    char sentence[500] = "";
    switch (request->operation) {
    case RING_EXIT: {
        int signal = (int)(request->arguments[1] & 0x7f);
        host_end(enclave, signal ? CELLA_END_SIGNALLED : CELLA_END_EXITED,
                 signal ? signal : (int)(request->arguments[0] & 0xff), sentence);
        return true;
    }
    case RING_STOP:
        host_stop_sentence(enclave, request->arguments[0], request->arguments[1], sentence);
        host_end(enclave, CELLA_END_STOPPED, 0, sentence);
        return true;
    default:
        return false;
    }
}

static int64_t serve(struct cella_enclave *enclave, const struct host_request *request)
{
    switch (request->operation) {
    case RING_LOG:
        host_log_request(enclave, request);
        return 0;
    case RING_ARGUMENTS:
        return serve_arguments(enclave, request);
    case RING_CLOCK:
        return serve_clock(enclave, request->buffer);
    case RING_HEAP:
        return serve_heap(enclave, request->arguments[0]);
    case RING_TIME:
        return serve_time(request->arguments[0], request->buffer);
    case RING_STATISTICS:
        memcpy(&enclave->statistics, request->buffer, sizeof(enclave->statistics));
        enclave->has_statistics = true;
        return 0;
    case RING_QUOTE:
    case RING_ATTESTATION:
        return host_evidence_serve(enclave, request);
    case RING_THREAD_START:
        return host_thread_start(enclave, request->arguments[0]);
    case RING_THREAD_IDLE:
        return serve_idle(enclave, request->thread);
    case RING_PARK:
        return serve_park(enclave, request);
    case RING_WAKE:
        return serve_wake(enclave, request->arguments[0]);
    case RING_YIELD:
        sched_yield();
        return 0;
    case RING_CALL_WAIT:
        return host_call_wait(enclave, request->arguments[0], request->arguments[1]);
    case RING_CALL_WAKE:
        return host_call_wake(enclave, request->arguments[0]);
    default:
        if (request->operation >= RING_SOCKET && request->operation <= RING_NONBLOCK)
            return host_socket_serve(enclave, request);
        return host_file_serve(enclave, request);
    }
}

bool host_serve(struct cella_enclave *enclave, struct ring_slot *slot, uint32_t thread)
{
    struct host_request request = {
        .thread = thread,
        .operation = *(volatile uint32_t *)&slot->operation,
        .buffer = host_buffer(enclave, thread),
    };
    for (int i = 0; i < 6; i++)
        request.arguments[i] = *(volatile uint64_t *)&slot->arguments[i];
    if (ends(enclave, &request))
        return false;
    slot->result = serve(enclave, &request);
    atomic_store_explicit(&slot->state, RING_DONE, memory_order_release);
    return true;
}
