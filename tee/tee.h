/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an image runs. This header is the whole interface between cella and a trusted execution
 * environment; tee/vsm, tee/process and tee/skeleton implement it, each with the same file names.
 * It is shaped after SGX's own leaf functions (Intel SDM vol. 3D): create (ECREATE), add (EADD),
 * extend (EEXTEND), initialise (EINIT), enter until the enclave leaves (EENTER .. EEXIT),
 * report (EREPORT), key (EGETKEY), destroy (EREMOVE).
 *
 * Life of an enclave, in this order, by one thread:  create, {add, extend*}*, initialise.
 * Then enter: each thread number by at most one host thread at a time, different numbers at once.
 * interrupt may be called by any thread. destroy when no thread is inside.
 *
 * What every backend guarantees, or says in its probe that it does not:
 *   1. the measurement is computed by the backend from what it really added (EADD and EEXTEND
 *      records), and initialise refuses when it is not the one expected;
 *   2. after initialise the address map and the page permissions never change;
 *   3. page permissions are those that were added; heap is R W; nothing is W and X;
 *   4. the heap is zero at launch;
 *   5. the shared region is the only memory that both sides can reach.
 *
 * How a thread starts: at TCS.OENTRY, with
 *   rax 0, rbx the TCS's address, rcx the gate, rdi the shared region, rsi its size,
 *   rdx enum tee_entry_flags, %gs base = TCS.OGSBASE, no stack.
 * The gate is code: `call *gate` leaves the enclave and returns when the host enters again; it
 * keeps every register but rax, rcx, rdx, vector registers included.
 *
 * An enter that cannot be made says why: CELLA_INVALID not initialised, or no such thread;
 * CELLA_BUSY another host thread runs this one; CELLA_STOPPED the enclave has faulted, or the
 * thread was interrupted.
 */
#ifndef TEE_TEE_H
#define TEE_TEE_H

#include "entry.h"

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEE_INTERFACE_VERSION 1u

/* SECINFO.FLAGS as in the SDM: what EADD records and measures. */
#define TEE_PAGE_R           UINT64_C(0x1)
#define TEE_PAGE_W           UINT64_C(0x2)
#define TEE_PAGE_X           UINT64_C(0x4)
#define TEE_PAGE_TCS         UINT64_C(0x100)
#define TEE_PAGE_REG         UINT64_C(0x200)

#define TEE_ATTRIBUTE_DEBUG  UINT64_C(0x2)
#define TEE_ATTRIBUTE_MODE64 UINT64_C(0x4)

enum tee_kind { TEE_PROCESS = 1, TEE_VSM = 2, TEE_SGX = 3, TEE_SKELETON = 255 };

struct tee_parameters {
    uint64_t elrange_size;   /* power of two; ELRANGE starts at address 0 */
    uint32_t ssa_frame_size; /* pages */
    uint32_t thread_count;   /* TCS pages that will be added, at most */
    uint64_t attributes;     /* TEE_ATTRIBUTE_ */
    uint64_t heap_start;     /* 2 MiB aligned, inside ELRANGE, behind everything added */
    uint64_t heap_size;      /* multiple of 2 MiB; zero at launch */
    uint64_t shared_size;    /* multiple of 4096: the shared region */
    uint64_t added_size;     /* bytes of pages that will be added: a hint, checked */
};

/* One fact about whether a TEE works here; `remedy` is empty where it does. */
struct tee_capability {
    const char *name;
    bool works;
    char found[160];
    char remedy[240];
};

#define TEE_CAPABILITIES 16

struct tee_probe {
    bool works;  /* an image can run */
    bool sealed; /* ... and the host's processes cannot read it */
    char summary[512];
    size_t count;
    struct tee_capability capabilities[TEE_CAPABILITIES];
};

enum tee_exit_reason {
    TEE_EXIT_GATE = 1,  /* the thread left through the gate: look at its slot */
    TEE_EXIT_FAULT = 2, /* it faulted, or did what an enclave may not: it cannot be entered again */
    TEE_EXIT_INTERRUPTED = 3, /* interrupt(): this thread cannot be entered again */
    TEE_EXIT_NO_MEMORY = 4,   /* the host had no page to give */
};

#define TEE_VECTOR_UNKNOWN UINT32_MAX

struct tee_exit {
    enum tee_exit_reason reason;
    /* Fault details: only with TEE_ATTRIBUTE_DEBUG, and only what the TEE can tell; else zero. */
    bool has_details;
    uint32_t vector;        /* x86 exception vector, or TEE_VECTOR_UNKNOWN */
    uint64_t address;       /* RIP */
    uint64_t fault_address; /* CR2 where vector is 14 */
    uint64_t stack;         /* RSP */
};

/* The SGX report body (SDM, REPORT, the first 384 bytes), for every kind of TEE. */
struct tee_report {
    uint8_t body[384];
    enum tee_kind kind;
};

struct tee_report_request {
    uint8_t report_data[64];
};

/* KEYREQUEST: which key, derived from which of the enclave's properties (SDM, EGETKEY). */
struct tee_key_request {
    uint16_t name;   /* 3 report, 4 seal */
    uint16_t policy; /* 1 MRENCLAVE, 2 MRSIGNER */
    uint16_t isv_svn;
    uint8_t key_id[32];
};

struct tee; /* an enclave; the backend's own */

struct tee_operations {
    uint32_t version; /* TEE_INTERFACE_VERSION */
    enum tee_kind kind;
    const char *name;

    /* Finds out by trying. Never fails: what does not work is in the result. */
    void (*probe)(struct tee_probe *result);

    cella_status (*create)(const struct tee_parameters *parameters, struct tee **enclave,
                           cella_error *error);
    /* `offset` is page aligned and above every earlier one. `page` holds 4096 bytes, copied. */
    cella_status (*add)(struct tee *enclave, uint64_t offset, uint64_t secinfo_flags,
                        const uint8_t page[4096], cella_error *error);
    /* Measures 256 bytes of a page already added; `offset` is 256-byte aligned. */
    cella_status (*extend)(struct tee *enclave, uint64_t offset, cella_error *error);
    /* Seals memory, and compares the measurement; `expected` NULL: any. After it returns CELLA_OK
     * `mrenclave` holds it. */
    cella_status (*initialise)(struct tee *enclave, const uint8_t *expected, uint8_t mrenclave[32],
                               cella_error *error);

    /* The shared region as the host sees it; shared_size bytes, zero at first. */
    void *(*shared)(struct tee *enclave);

    cella_status (*enter)(struct tee *enclave, uint32_t thread, struct tee_exit *exit,
                          cella_error *error);
    /* EAUG: gives a chunk of the heap (boot.h, HEAP_CHUNK) its memory, zero. The first and the last
     * have theirs from initialise on; a chunk that has its memory keeps it, as it is. */
    cella_status (*grow)(struct tee *enclave, uint64_t chunk, cella_error *error);
    /* Makes an enter of `thread` that is under way, or the next one, return INTERRUPTED; for the
     * enclave's end, because where the thread was is lost. */
    void (*interrupt)(struct tee *enclave, uint32_t thread);

    cella_status (*report)(struct tee *enclave, const struct tee_report_request *request,
                           struct tee_report *report, cella_error *error);
    cella_status (*key)(struct tee *enclave, const struct tee_key_request *request, uint8_t key[16],
                        cella_error *error);

    /* kHz of the counter that rdtsc reads inside, and its value now; 0: none that can be trusted to
     * run evenly (the runtime then asks the host for the time). */
    uint64_t (*clock)(struct tee *enclave, uint64_t *now);
    /* Bytes of enclave memory that have been given pages so far; 0 when unknown. */
    uint64_t (*resident)(struct tee *enclave);
    /* One line for a person: what memory is used and who can read it. */
    const char *(*describe)(struct tee *enclave);

    void (*destroy)(struct tee *enclave);
};

extern const struct tee_operations tee_vsm;
extern const struct tee_operations tee_process;
extern const struct tee_operations tee_skeleton;

/* The backend of a name ("vsm", "process"), or NULL. */
const struct tee_operations *tee_find(const char *name);

#endif
