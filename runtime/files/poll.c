/* SPDX-License-Identifier: Apache-2.0
 *
 * poll and select: the program's sets, turned into what wait_ready knows and back.
 */
#include "wait.h"

#define FEW 16u /* descriptors that need no allocation */

static long poll_call(struct pollfd *set, uint64_t count, uint64_t ns)
{
    struct wait_item few[FEW], *items = few;
    if (count > FILES_DESCRIPTORS)
        return -EINVAL;
    if (count && !memory_is_inside(set, count * sizeof(*set)))
        return -EFAULT;
    if (count > FEW && !(items = memory_allocate(count * sizeof(*items))))
        return -ENOMEM;
    long closed = 0;
    for (uint64_t i = 0; i < count; i++) {
        int number = set[i].fd;
        items[i] = (struct wait_item){.events = (uint16_t)set[i].events};
        items[i].file = number >= 0 ? file_get(number) : NULL;
        if (number >= 0 && !items[i].file) {
            items[i].ready = POLLNVAL;
            closed++;
        }
    }
    long result = wait_ready(items, count, closed ? 0 : ns);
    for (uint64_t i = 0; i < count; i++) {
        if (result >= 0)
            set[i].revents = (short)items[i].ready;
        if (items[i].file)
            file_put(items[i].file);
    }
    if (items != few)
        memory_free(items);
    return result < 0 ? result : result + closed;
}

long sys_poll(const long *argument)
{
    int milliseconds = (int)argument[2];
    uint64_t ns = milliseconds < 0 ? FILES_FOREVER : (uint64_t)milliseconds * 1000000;
    return poll_call((struct pollfd *)argument[0], (uint32_t)argument[1], ns);
}

long sys_ppoll(const long *argument)
{
    uint64_t ns, saved;
    long result = wait_timeout((const struct __kernel_timespec *)argument[2], &ns);
    if (result == 0)
        result = wait_mask((const uint64_t *)argument[3], (uint64_t)argument[4], &saved);
    if (result < 0)
        return result;
    result = poll_call((struct pollfd *)argument[0], (uint32_t)argument[1], ns);
    wait_unmask(saved);
    return result;
}

/* The three sets of select, and what readiness each stands for. */
static const uint32_t select_events[3] = {POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLPRI};
static const uint32_t select_ready[3] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR,
                                         POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

static uint32_t select_wanted(uint64_t *const sets[3], uint64_t number)
{
    uint32_t events = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (sets[i] && (sets[i][number / 64] >> number % 64 & 1))
            events |= select_events[i];
    }
    return events;
}

static long select_give(uint64_t *const sets[3], const struct wait_item *items, uint64_t count)
{
    long ready = 0;
    for (uint64_t number = 0; number < count; number++) {
        for (unsigned i = 0; i < 3; i++) {
            uint64_t bit = UINT64_C(1) << number % 64;
            if (!sets[i] || !(sets[i][number / 64] & bit))
                continue;
            if (items[number].ready & select_ready[i])
                ready++;
            else
                sets[i][number / 64] &= ~bit;
        }
    }
    return ready;
}

static long select_call(const long *argument, uint64_t ns)
{
    uint64_t *const sets[3] = {(uint64_t *)argument[1], (uint64_t *)argument[2],
                               (uint64_t *)argument[3]};
    if ((int)argument[0] < 0)
        return -EINVAL;
    uint64_t count = (uint32_t)argument[0];
    if (count > FILES_DESCRIPTORS)
        count = FILES_DESCRIPTORS;
    for (unsigned i = 0; i < 3; i++) {
        if (sets[i] && !memory_is_inside(sets[i], (count + 63) / 64 * 8))
            return -EFAULT;
    }
    struct wait_item *items = memory_allocate((count + 1) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    long result = 0;
    for (uint64_t number = 0; number < count; number++) {
        items[number].events = select_wanted(sets, number);
        if (items[number].events && !(items[number].file = file_get((long)number)))
            result = -EBADF;
    }
    if (result == 0)
        result = wait_ready(items, count, ns);
    if (result >= 0)
        result = select_give(sets, items, count);
    for (uint64_t number = 0; number < count; number++) {
        if (items[number].file)
            file_put(items[number].file);
    }
    memory_free(items);
    return result;
}

long sys_select(const long *argument)
{
    const int64_t *time = (const int64_t *)argument[4]; /* struct timeval */
    uint64_t ns = FILES_FOREVER;
    if (time) {
        if (!memory_is_inside(time, 16))
            return -EFAULT;
        int64_t seconds = time[0], microseconds = time[1];
        if (seconds < 0 || microseconds < 0)
            return -EINVAL;
        if (seconds < INT64_MAX / 4000000000 && microseconds < INT64_MAX / 4000)
            ns = (uint64_t)seconds * 1000000000 + (uint64_t)microseconds * 1000;
    }
    return select_call(argument, ns);
}

long sys_pselect6(const long *argument)
{
    const uint64_t *packed = (const uint64_t *)argument[5]; /* a mask's address and its size */
    uint64_t ns, saved, mask = 0, size = 0;
    if (packed && !memory_is_inside(packed, 16))
        return -EFAULT;
    if (packed) {
        mask = packed[0];
        size = packed[1];
    }
    long result = wait_timeout((const struct __kernel_timespec *)argument[4], &ns);
    if (result == 0)
        result = wait_mask((const uint64_t *)mask, size, &saved);
    if (result < 0)
        return result;
    result = select_call(argument, ns);
    wait_unmask(saved);
    return result;
}
