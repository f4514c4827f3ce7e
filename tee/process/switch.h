/* SPDX-License-Identifier: Apache-2.0
 *
 * The switch between a host thread and an enclave thread, as C and switch.S both know it.
 *
 * While a thread is inside, every register is the program's, %fs (thread-local storage, the stack
 * protector's canary) included. Invariants:
 *   1. `inside` is 1 exactly while the host's registers are in `host_`; only switch.S clears it;
 *   2. whatever runs while `inside` is 1 (the signal handlers) uses no thread-local storage;
 *   3. `reason` is set once an entry; a thread that has a reason is on its way out.
 */
#ifndef TEE_PROCESS_SWITCH_H
#define TEE_PROCESS_SWITCH_H

/* Offsets for switch.S. */
#define SWITCH_SIZE           256
#define SWITCH_HOST_RSP       0
#define SWITCH_HOST_FS        8
#define SWITCH_HOST_GS        16
#define SWITCH_HOST_MXCSR     24
#define SWITCH_HOST_FCW       28
#define SWITCH_INSIDE         32
#define SWITCH_INTERRUPT      36
#define SWITCH_REASON         40
#define SWITCH_STARTED        44
#define SWITCH_XSAVE          48
#define SWITCH_XSAVE_MASK     56
#define SWITCH_RIP            64
#define SWITCH_RSP            72
#define SWITCH_RBX            80
#define SWITCH_RBP            88
#define SWITCH_RSI            96
#define SWITCH_RDI            104
#define SWITCH_R8             112
#define SWITCH_R9             120
#define SWITCH_R10            128
#define SWITCH_R11            136
#define SWITCH_R12            144
#define SWITCH_R13            152
#define SWITCH_R14            160
#define SWITCH_R15            168
#define SWITCH_FS             176
#define SWITCH_GS             184
#define SWITCH_RCX            192
#define SWITCH_RDX            200

#define SWITCH_COUNT          64 /* THREAD_COUNT_MAX */
#define SWITCH_GATE_SIZE      16 /* bytes from one thread's gate to the next one's */

#define SWITCH_REASON_GATE    1 /* TEE_EXIT_GATE */
#define SWITCH_REASON_STOPPED 3 /* TEE_EXIT_INTERRUPTED */

/* x87, SSE, AVX and AVX-512 state; what a program may use inside. */
#define SWITCH_XSAVE_STATES 0xe7
#define SWITCH_XSAVE_BYTES  4096
#define SWITCH_XSAVE_MXCSR  24 /* offset of MXCSR in an XSAVE area */
#define SWITCH_MXCSR_START  0x1f80

#ifndef __ASSEMBLER__

#include "runtime/boot.h"
#include "tee/tee.h"

#include <stddef.h>
#include <stdint.h>

struct process_switch {
    uint64_t host_rsp;
    uint64_t host_fs;
    uint64_t host_gs;
    uint32_t host_mxcsr;
    uint32_t host_fcw;
    volatile uint32_t inside;
    _Atomic uint32_t interrupt; /* this thread is to leave */
    volatile uint32_t reason;   /* enum tee_exit_reason */
    uint32_t started;           /* has been entered before: resume after the gate */
    void *xsave;
    uint64_t xsave_mask;
    uint64_t rip;
    uint64_t rsp;
    uint64_t rbx, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15; /* at the start r11 holds OENTRY */
    uint64_t fs;
    uint64_t gs;
    uint64_t rcx, rdx; /* only for the start */

    /* The rest is C's alone. */
    _Atomic uint32_t busy; /* a host thread is in enter */
    _Atomic int tid;       /* of that thread, while it can be inside */
    uint32_t vector;       /* of the fault that ended it */
    uint32_t zero;
    uint64_t fault_rip, fault_address, fault_rsp;
    uint64_t pad;
};
static_assert(sizeof(struct process_switch) == SWITCH_SIZE, "switch.S knows this");
static_assert(offsetof(struct process_switch, host_fcw) == SWITCH_HOST_FCW, "");
static_assert(offsetof(struct process_switch, inside) == SWITCH_INSIDE, "");
static_assert(offsetof(struct process_switch, interrupt) == SWITCH_INTERRUPT, "");
static_assert(offsetof(struct process_switch, reason) == SWITCH_REASON, "");
static_assert(offsetof(struct process_switch, started) == SWITCH_STARTED, "");
static_assert(offsetof(struct process_switch, xsave_mask) == SWITCH_XSAVE_MASK, "");
static_assert(offsetof(struct process_switch, rip) == SWITCH_RIP, "");
static_assert(offsetof(struct process_switch, rdi) == SWITCH_RDI, "");
static_assert(offsetof(struct process_switch, r15) == SWITCH_R15, "");
static_assert(offsetof(struct process_switch, gs) == SWITCH_GS, "");
static_assert(offsetof(struct process_switch, rdx) == SWITCH_RDX, "");
static_assert(SWITCH_COUNT == THREAD_COUNT_MAX, "a switch for each thread");
static_assert(SWITCH_REASON_GATE == TEE_EXIT_GATE, "");
static_assert(SWITCH_REASON_STOPPED == TEE_EXIT_INTERRUPTED, "");

/* One enclave a process, so its switches are one static array, which the gates can name. */
extern struct process_switch process_switches[SWITCH_COUNT];

/* Goes inside; returns when `reason` is set. */
void process_switch_enter(struct process_switch *thread);
/* Not for calling: where a signal handler sends a thread (rdi: its switch) that has to leave. */
void process_switch_leave(void);
/* The gates, one a thread. */
extern const char process_switch_gates[SWITCH_COUNT][SWITCH_GATE_SIZE];

#endif
#endif
