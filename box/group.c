/* SPDX-License-Identifier: Apache-2.0
 *
 * What sealing and opening have in common.
 */
#include "group.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MOST 8u
#define THREAD_WORTH (UINT64_C(4) << 20) /* bytes: less is done before a thread has started */

struct group_additional group_additional(const uint8_t file_id[BOX_ID], unsigned level,
                                         uint64_t index)
{
    struct group_additional additional = {.is_for = level ? BOX_FOR_NODE : BOX_FOR_DATA,
                                          .level = (uint8_t)level};
    memcpy(additional.file_id, file_id, BOX_ID);
    memcpy(additional.index, &index, sizeof(index));
    return additional;
}

bool group_is_hole(const struct box_seal *seal)
{
    static const struct box_seal hole;
    return memcmp(seal, &hole, sizeof(hole)) == 0;
}

uint64_t group_nodes(unsigned level, uint64_t blocks)
{
    return (blocks + box_span(level) - 1) / box_span(level);
}

struct task {
    void (*work)(void *context);
    void *context;
};

static void *begin(void *argument)
{
    const struct task *task = argument;
    task->work(task->context);
    return NULL;
}

void group_run(void (*work)(void *context), void *context, uint64_t bytes)
{
    pthread_t threads[THREADS_MOST];
    struct task task = {work, context};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned started = 0;
    while (started < THREADS_MOST && (long)started + 1 < processors &&
           bytes / THREAD_WORTH > started &&
           pthread_create(&threads[started], NULL, begin, &task) == 0)
        started++;
    work(context); /* with fewer threads, where more could not be had */
    while (started)
        pthread_join(threads[--started], NULL);
}
