/* SPDX-License-Identifier: Apache-2.0
 *
 * What sealing and opening have in common.
 */
#include "group.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS_MOST 8u
#define THREAD_WORTH (UINT64_C(4) << 20) /* bytes: less is done before a thread has started */
#define HUGE_PAGE    (UINT64_C(2) << 20)

struct group_additional group_additional(const uint8_t file_id[BOX_ID], unsigned level,
                                         uint64_t index)
{
    struct group_additional additional = {.is_for = level ? BOX_FOR_NODE : BOX_FOR_DATA,
                                          .level = (uint8_t)level};
    memcpy(additional.file_id, file_id, BOX_ID);
    memcpy(additional.index, &index, sizeof(index));
    return additional;
}

struct batch batch_of(uint64_t number, uint64_t blocks)
{
    struct batch batch = {.block = number * BATCH_BLOCKS, .group = number * BATCH_GROUPS};
    uint64_t left = blocks - batch.block;
    batch.blocks = left < BATCH_BLOCKS ? (size_t)left : BATCH_BLOCKS;
    batch.groups = (size_t)group_nodes(1, batch.blocks);
    batch.place = box_place_node(1, batch.group);
    batch.pages = (size_t)(box_place_data(batch.block + batch.blocks - 1) + 1 - batch.place);
    return batch;
}

uint8_t *batch_group(const struct batch *batch, uint64_t group, uint8_t *pages)
{
    return pages + (box_place_node(1, group) - batch->place) * BOX_PAGE;
}

uint8_t *batch_new(uint64_t bytes)
{
    void *pages;
    if (posix_memalign(&pages, HUGE_PAGE, BATCH_PAGES * BOX_PAGE) != 0)
        return NULL;
    if (bytes >= HUGE_PAGE) /* one page for the kernel to look up, for each read and write */
        madvise(pages, HUGE_PAGE, MADV_HUGEPAGE);
    return pages;
}

void batch_end(uint8_t *pages, uint64_t bytes)
{
    uint64_t blocks = box_blocks(bytes);
    if (pages)
        OPENSSL_cleanse(pages,
                        (size_t)(BATCH_NODES + (blocks < BATCH_BLOCKS ? blocks : BATCH_BLOCKS)) *
                            BOX_PAGE);
    free(pages);
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
