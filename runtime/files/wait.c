/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for what happens inside the enclave. A waiter looks at a word, looks at what it waits
 * for, and sleeps while the word is unchanged; whoever changes something moves the word on first
 * and then wakes. `sleepers` only saves the wake where nobody sleeps.
 */
#include "wait.h"

#include <stdatomic.h>

struct changes wait_any; /* of anything that poll can see */

bool wait_interrupted(void)
{
    const struct thread *self = thread_self();
    return (self->signals_pending & ~self->signal_mask) != 0;
}

static void changes_move(struct changes *changes)
{
    changes->word++;
    if (changes->sleepers)
        thread_wake(&changes->word, UINT32_MAX);
}

void changes_signal(struct changes *changes)
{
    changes_move(changes);
    changes_move(&wait_any);
}

long changes_wait_until(struct changes *changes, uint32_t seen, uint64_t ns)
{
    if (wait_interrupted())
        return -EINTR;
    changes->sleepers++;
    thread_wait(&changes->word, seen, ns);
    changes->sleepers--;
    return wait_interrupted() ? -EINTR : 0;
}

long changes_wait(struct changes *changes, uint32_t seen)
{
    return changes_wait_until(changes, seen, FILES_FOREVER);
}
