/* SPDX-License-Identifier: Apache-2.0
 *
 * What the enclave says of itself, in sentences. Everything it says is numbers; only their meaning
 * is written here.
 */
#include "../runtime/box/core.h"
#include "host.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cella_syscall_name(unsigned number)
{
    static _Thread_local char kept[64];
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)number);
    if (!name)
        return NULL;
    snprintf(kept, sizeof(kept), "%s", name);
    free(name);
    return kept;
}

static void log_box(struct cella_enclave *enclave, const struct host_request *request)
{
    struct box_fault fault = {BOX_FAULT_KINDS, request->arguments[2]};
    char path[256], sentence[600];
    uint64_t length = request->arguments[3];
    length = length < sizeof(path) ? length : sizeof(path) - 1;
    memcpy(path, request->buffer, length);
    path[length] = 0;
    if (request->arguments[1] < BOX_FAULT_KINDS)
        fault.kind = (enum box_fault_kind)request->arguments[1];
    box_fault_sentence(fault, path, sentence, sizeof(sentence));
    host_log(enclave, "%s", sentence);
}

void host_log_request(struct cella_enclave *enclave, const struct host_request *request)
{
    uint64_t what = request->arguments[0], detail = request->arguments[1];
    const char *name;
    switch (what) {
    case RING_LOG_UNSUPPORTED:
        name = detail < RING_SYSCALLS ? cella_syscall_name((unsigned)detail) : NULL;
        host_log(enclave,
                 "the program asked for system call %llu (%s), which there is none of in "
                 "an enclave: it was told ENOSYS",
                 (unsigned long long)detail, name ? name : "unknown");
        break;
    case RING_LOG_HEAP:
        host_log(
            enclave,
            "the program asked for %llu MiB more memory than its enclave has left of %llu MiB; "
            "give it a larger heap_size in the manifest",
            (unsigned long long)(detail >> 20) + 1,
            (unsigned long long)(enclave->boot.heap.size >> 20));
        break;
    case RING_LOG_THREADS:
        host_log(enclave,
                 "the program wanted more threads at once than its enclave's %u; raise threads in "
                 "the manifest",
                 enclave->thread_count);
        break;
    case RING_LOG_BOX:
        log_box(enclave, request);
        break;
    default:
        host_log(enclave, "the enclave sent a message of an unknown kind (%llu)",
                 (unsigned long long)what);
        break;
    }
}

/* `function+offset (address)`, or the address alone. */
static void name_address(struct cella_enclave *enclave, uint64_t address, char name[400])
{
    const struct image_function *function =
        enclave->notes ? image_function_at(enclave->notes, address) : NULL;
    if (function)
        snprintf(name, 400, "%.300s+0x%llx (0x%llx)", function->name,
                 (unsigned long long)(address - function->address), (unsigned long long)address);
    else
        snprintf(name, 400, "0x%llx", (unsigned long long)address);
}

static void stop_at_wild_call(struct cella_enclave *enclave, uint64_t address, char sentence[500])
{
    char where[400];
    if (!enclave->options.insecure_debug || !address) {
        snprintf(sentence, 500, "the enclave stopped");
        return;
    }
    name_address(enclave, address, where);
    snprintf(sentence, 500,
             "the enclave stopped: a call just before %.380s went through a null pointer", where);
}

void host_stop_sentence(struct cella_enclave *enclave, uint64_t why, uint64_t detail,
                        char sentence[500])
{
    switch (why) {
    case RING_STOP_HOST_LIED:
        snprintf(sentence, 500,
                 "the enclave stopped: its host gave an impossible answer to operation %llu",
                 (unsigned long long)detail);
        break;
    case RING_STOP_MEMORY:
        snprintf(sentence, 500,
                 "the enclave stopped: its heap of %llu MiB is too small; raise heap_size in the "
                 "manifest",
                 (unsigned long long)(enclave->boot.heap.size >> 20));
        break;
    case RING_STOP_BOOT:
        snprintf(sentence, 500,
                 "the enclave stopped: its boot page does not fit this version of cella; pack the "
                 "program again");
        break;
    case RING_STOP_WILD_CALL:
        stop_at_wild_call(enclave, detail, sentence);
        break;
    case RING_STOP_AGENT:
        snprintf(
            sentence, 500,
            "the enclave stopped: its agent ended while another of its threads was running, so "
            "the program was not started; the agent's first thread has to end last");
        break;
    case RING_STOP_INSECURE:
        snprintf(sentence, 500,
                 "the enclave stopped: this CPU gives it no random numbers (RDRAND), without which "
                 "it has no secrets");
        break;
    default:
        snprintf(sentence, 500, "the enclave stopped: its runtime found an error of its own (%llu)",
                 (unsigned long long)detail);
        break;
    }
}

static const char *vector_name(uint32_t vector)
{
    switch (vector) {
    case 0:
        return "divided by zero";
    case 6:
        return "executed an invalid instruction";
    case 13:
        return "did what its privilege forbids";
    case 14:
        return "touched memory that it may not";
    case 17:
        return "made a misaligned access";
    case 19:
        return "caused a floating-point exception";
    default:
        return "faulted";
    }
}

void host_fault_sentence(struct cella_enclave *enclave, const struct tee_exit *leave,
                         char sentence[500])
{
    if (!leave->has_details) {
        snprintf(sentence, 500, "the enclave stopped%s",
                 enclave->options.insecure_debug ? ": it faulted, and this TEE cannot say where"
                                                 : "");
        return;
    }
    char where[400];
    name_address(enclave, leave->address, where);
    if (leave->vector == 14)
        snprintf(sentence, 500, "the enclave stopped: %.380s %s, 0x%llx", where,
                 vector_name(leave->vector), (unsigned long long)leave->fault_address);
    else
        snprintf(sentence, 500, "the enclave stopped: %.400s %s", where,
                 vector_name(leave->vector));
}
