/* SPDX-License-Identifier: Apache-2.0
 *
 * A mutex: 0 free, 1 held, 2 held and somebody may sleep on it.
 */
#include "runtime.h"

#include <stdatomic.h>

#define SPIN_TURNS 100

void lock_acquire(struct lock *lock)
{
    for (int turn = 0; turn < SPIN_TURNS; turn++) {
        uint32_t free_word = 0;
        if (atomic_compare_exchange_weak(&lock->word, &free_word, 1))
            return;
        __builtin_ia32_pause();
    }
    while (atomic_exchange(&lock->word, 2) != 0)
        thread_wait(&lock->word, 2, UINT64_MAX);
}

void lock_release(struct lock *lock)
{
    if (atomic_exchange(&lock->word, 0) == 2)
        thread_wake(&lock->word, 1);
}
