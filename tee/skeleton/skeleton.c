/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend that runs nothing: the place to start a new one from. Each operation says what it has
 * to do, and answers "not supported" until it does. Copy the folder, keep the file names, make the
 * contract test (tests/unit/tee_contract.c) pass.
 *
 * Invariant: nothing here ever succeeds, so no caller can take the skeleton for a TEE.
 */
#include "image/fail.h"
#include "tee/tee.h"

#include <stdio.h>
#include <string.h>

static cella_status unsupported(const char *operation, cella_error *error)
{
    return fail(error, CELLA_UNSUPPORTED,
                "%s: the skeleton TEE runs nothing; choose a TEE that `cella doctor` lists as "
                "working",
                operation);
}

/* Find out by trying, not by reading version numbers: open the device, make the mapping, run an
 * enclave of a few instructions. One row for each thing that is needed, with what was found and,
 * where it does not work, what a person can do about it. `works` when an image can run; `sealed`
 * only when no process of the host, root's included, can read enclave memory. */
static void probe(struct tee_probe *result)
{
    memset(result, 0, sizeof(*result));
    snprintf(result->summary, sizeof(result->summary),
             "not working here: the skeleton TEE runs nothing");
    result->count = 1;
    result->capabilities[0].name = "implementation";
    snprintf(result->capabilities[0].found, sizeof(result->capabilities[0].found),
             "a skeleton, for those who write a new TEE");
    snprintf(result->capabilities[0].remedy, sizeof(result->capabilities[0].remedy),
             "choose another TEE");
}

/* ECREATE. build_create first: it checks the parameters. Then make the address space [0, ELRANGE),
 * the zeroed heap and the zeroed shared region. On an error give everything back: the caller has
 * nothing to destroy. */
static cella_status create(const struct tee_parameters *parameters, struct tee **enclave,
                           cella_error *error)
{
    (void)parameters;
    (void)enclave;
    return unsupported("create", error);
}

/* EADD. build_check_add, copy the page, build_added. The page's permissions hold from initialise
 * on; a TCS page can be reached by nobody inside. */
static cella_status add(struct tee *enclave, uint64_t offset, uint64_t secinfo_flags,
                        const uint8_t page[4096], cella_error *error)
{
    (void)enclave;
    (void)offset;
    (void)secinfo_flags;
    (void)page;
    return unsupported("add", error);
}

/* EEXTEND. build_check_extend, then build_extended with the bytes that enclave memory holds (not
 * with the caller's, which may have changed since). */
static cella_status extend(struct tee *enclave, uint64_t offset, cella_error *error)
{
    (void)enclave;
    (void)offset;
    return unsupported("extend", error);
}

/* EINIT. build_initialise compares the measurement; then freeze the address map and permissions and
 * take the memory out of the host's reach. When that fails: build_refuse, and the error. */
static cella_status initialise(struct tee *enclave, const uint8_t *expected, uint8_t mrenclave[32],
                               cella_error *error)
{
    (void)enclave;
    (void)expected;
    (void)mrenclave;
    return unsupported("initialise", error);
}

/* The host's address of the shared region: the memory that the enclave finds at rdi, not a copy. */
static void *shared(struct tee *enclave)
{
    (void)enclave;
    return NULL;
}

/* EENTER or ERESUME, until the thread leaves. build_check_enter first. The first time start at
 * TCS.OENTRY with the registers of tee.h; later return from the gate, with every register as it was
 * but rax, rcx, rdx (vector registers too). A fault stops the enclave: every later enter is
 * CELLA_STOPPED. Fill fault details only with TEE_ATTRIBUTE_DEBUG. Two host threads with one thread
 * number: CELLA_BUSY. */
static cella_status enter(struct tee *enclave, uint32_t thread, struct tee_exit *exit,
                          cella_error *error)
{
    (void)enclave;
    (void)thread;
    (void)exit;
    return unsupported("enter", error);
}

/* Stop the thread wherever it is, an endless loop included. No wake-up may be lost between the
 * check and the entry: remember the request, then kick. */
/* EAUG: memory for a chunk of the heap, zero, readable and writable, sealed like the rest. */
static cella_status grow(struct tee *enclave, uint64_t chunk, cella_error *error)
{
    (void)enclave;
    (void)chunk;
    return unsupported("grow", error);
}

static void interrupt(struct tee *enclave, uint32_t thread)
{
    (void)enclave;
    (void)thread;
}

/* EREPORT: identity_report with the XCR0 that the enclave runs with. */
static cella_status report(struct tee *enclave, const struct tee_report_request *request,
                           struct tee_report *result, cella_error *error)
{
    (void)enclave;
    (void)request;
    (void)result;
    return unsupported("report", error);
}

/* EGETKEY: a key that only this identity on this platform can derive. Never one that another
 * enclave, or the host, could compute. */
static cella_status key(struct tee *enclave, const struct tee_key_request *request,
                        uint8_t result[16], cella_error *error)
{
    (void)enclave;
    (void)request;
    (void)result;
    return unsupported("key", error);
}

/* kHz of the TSC as seen inside, and its value now; 0 unless it is known to run evenly on every CPU
 * that a thread may run on. */
static uint64_t clock_rate(struct tee *enclave, uint64_t *now)
{
    (void)enclave;
    *now = 0;
    return 0;
}

/* Bytes of enclave memory that take real memory now; 0 when it cannot be told. */
static uint64_t resident(struct tee *enclave)
{
    (void)enclave;
    return 0;
}

/* One honest line: what memory this is, and who can read it. Lives as long as the enclave. */
static const char *describe(struct tee *enclave)
{
    (void)enclave;
    return "no memory: the skeleton TEE runs nothing";
}

/* EREMOVE of everything. Leaves no file descriptor, mapping, thread or signal handler behind.
 * NULL is allowed. */
static void destroy(struct tee *enclave)
{
    (void)enclave;
}

const struct tee_operations tee_skeleton = {
    .version = TEE_INTERFACE_VERSION,
    .kind = TEE_SKELETON,
    .name = "skeleton",
    .probe = probe,
    .create = create,
    .add = add,
    .extend = extend,
    .initialise = initialise,
    .shared = shared,
    .enter = enter,
    .grow = grow,
    .interrupt = interrupt,
    .report = report,
    .key = key,
    .clock = clock_rate,
    .resident = resident,
    .describe = describe,
    .destroy = destroy,
};
