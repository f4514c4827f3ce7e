/* SPDX-License-Identifier: Apache-2.0
 *
 * A host that lies: libcella with host_serve taken over by the linker (--wrap=host_serve), so what
 * runs otherwise is what users run. Each request is served truly into a slot of its own first; then
 * the lie of the run changes what the enclave gets to see.
 */
#ifndef HOSTILE_LIAR_H
#define HOSTILE_LIAR_H

#include "host/host.h"

/* One request, and what the enclave will be told. */
struct telling {
    struct cella_enclave *enclave;
    struct ring_slot *slot; /* the enclave's */
    uint32_t thread;
    uint32_t operation;
    uint64_t arguments[6];
    uint8_t *buffer;
    int64_t result;
    bool silent; /* set: nothing is put into the slot, not even DONE */
    bool served; /* set by `before`: the request is not served truly */
};

typedef void lie_step(struct telling *telling);

enum ending {
    ENDS_STOPPED, /* the enclave stops, and says that its host gave an impossible answer */
    ENDS_GOOD,    /* the lie is one that any Linux could have told: the program goes on and ends */
    ENDS_EITHER,
    ENDS_NEVER, /* nothing happens until cella_stop */
    ENDS_ANY,   /* EITHER, or NEVER, or for want of memory */
};

enum tears {
    TEARS_NOTHING,
    TEARS_BYTES, /* a thread changes the buffers all the time */
    TEARS_ALL,   /* and the slots */
};

struct lie {
    const char *name;
    const char *use;    /* what the victim does */
    uint32_t operation; /* the one lied about; 0: all */
    enum ending ending;
    lie_step *before, *after; /* or NULL */
    int64_t result;           /* where both are NULL */
    enum tears tears;
    const char *tee; /* NULL: every one */
    uint64_t seed;
};

/* The victim's image for a use. */
cella_image *liar_image(const char *use);
/* Runs a lie in a TEE; where it does not end as it should, liar_judged fails, a test's teardown. */
void liar_run(const struct lie *lie, cella_tee tee);
int liar_judged(void **state);
/* Something random, of the lie's seed. */
uint64_t liar_random(void);
/* True where the TEE works here. */
bool liar_has(cella_tee tee);

/* `program`: the victim. Makes the folders that it is given as /plain and /boxes. */
void liar_open(const char *program);
void liar_close(void);

#endif
