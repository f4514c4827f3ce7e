/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside: keeps a sum that nobody outside sees, until it is made of at least three numbers.
 */
#include <cella/enclave.h>

enum operation { ADD = 1, MEAN = 2 };

struct ledger {
    int64_t sum;
    int64_t count;
};

static int answer(void *context, uint32_t operation, const void *in, size_t in_size, void *out,
                  size_t *out_size)
{
    struct ledger *ledger = context;
    size_t room = *out_size;
    *out_size = 0;
    switch (operation) {
    case ADD: {
        int64_t number;
        if (in_size != sizeof(number))
            return -EINVAL;
        memcpy(&number, in, sizeof(number));
        if (__builtin_add_overflow(ledger->sum, number, &ledger->sum))
            return -EOVERFLOW;
        ledger->count++;
        return 0;
    }
    case MEAN: {
        if (ledger->count < 3)
            return -EPERM; /* so few would tell who gave what */
        int64_t mean = ledger->sum / ledger->count;
        if (room < sizeof(mean))
            return -EMSGSIZE;
        memcpy(out, &mean, sizeof(mean));
        *out_size = sizeof(mean);
        return 0;
    }
    default:
        return -ENOSYS;
    }
}

int main(void)
{
    struct ledger ledger = {0, 0};
    return cella_serve(answer, &ledger) ? 1 : 0;
}
