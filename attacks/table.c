/* SPDX-License-Identifier: Apache-2.0
 *
 * The attacks, one a line. docs/attacks.md says the same in prose.
 */
#include "attack.h"

#define YAMA       POSTURE_YAMA

#define NOT_MAPPED "no process has a mapping of guest_memfd"
#define SCOPE_3    "Yama's ptrace_scope 3"

/* clang-format off */
const struct attack attacks[] = {
    /* name, what, function, alone, judged always, posture, what stops it on vsm, its success */
    {"memory", "read /proc/PID/mem of every process", attack_memory, false, true, YAMA,
     NOT_MAPPED, "root reads the secret while it is computed on"},
    {"vm-readv", "process_vm_readv of every mapping", attack_vm_readv, false, true, YAMA,
     NOT_MAPPED, "the same"},
    {"peek", "ptrace: PEEKDATA over every mapping", attack_peek, false, true, YAMA,
     NOT_MAPPED, "the same"},
    {"gcore", "gdb's gcore", attack_gcore, false, true, YAMA,
     NOT_MAPPED, "the secret lies in a file"},
    {"core", "a crash, with every limit on core dumps lifted", attack_core, false, true, POSTURE_NONE,
     NOT_MAPPED ", and the process cannot be dumped", "the secret lies in a file"},
    {"files", "open /proc/PID/map_files/* and /proc/PID/fd/*", attack_map_files, false, true, YAMA,
     "guest_memfd cannot be opened again by its name in /proc", "root reads the secret as a file"},
    {"getfd", "pidfd_getfd of every descriptor, read and map it", attack_getfd, false, false, YAMA,
     SCOPE_3, "root takes guest_memfd, and reads and writes all of the enclave's memory"},
    {"inject-map", "ptrace: have the process map the memory", attack_inject_map, false, false, YAMA,
     SCOPE_3, "the same, with the host process's own hands"},
    {"registers", "ptrace: read the registers", attack_inject_registers, false, false, YAMA,
     SCOPE_3, "root sees a vCPU's registers, and could set them"},
    {"write", "write to what was measured", attack_write, false, true, YAMA,
     "the public copy is sealed (F_SEAL_WRITE) and mapped read-only",
     "root changes the program while it runs"},
    {"replace", "ptrace: put zeros where the memory was", attack_replace, false, false, YAMA,
     SCOPE_3,
     "the victim computes on what root put there"},
    {"forge", "ptrace: exchange two pages by forged page tables", attack_forge, false, false, YAMA,
     SCOPE_3,
     "root chooses which memory the victim sees where"},
    {"race-image", "exchange the image while it is opened", attack_swap_image, true, true, POSTURE_NONE,
     "the image is read once; what was measured is what runs", "another program runs than was checked"},
    {"other-image", "another image under the same name", attack_other_image, true, true, POSTURE_NONE,
     "MRENCLAVE", "nobody can tell which program it is"},
    {"alter-image", "flip a byte of the image", attack_flip_image, true, true, POSTURE_NONE,
     "MRENCLAVE", "an altered program passes for the real one"},
    {"swap", "push the memory out to a swap file", attack_swap, false, true, YAMA,
     "guest_memfd is never swapped", "the secret lies on a disk"},
    {"lie", "answer a read with an impossible length", attack_lie, true, true, YAMA,
     "the runtime checks every answer and stops", "the program uses memory that it was never given"},
    {"flip-buffer", "change the buffer between check and use", attack_flip_buffer, true, true, POSTURE_NONE,
     "the runtime copies once and uses the copy", "the program checks one thing and uses another"},
    {"neighbour", "another program, in an enclave of its own", attack_neighbour, false, true, YAMA,
     "each enclave has an address map of its own, and cannot change it",
     "one program reads the other's secret"},
    {"pagemap", "/proc/PID/pagemap of the secret's pages", attack_pagemap, false, true, YAMA,
     NOT_MAPPED, "root sees which pages are used, and in which frames"},
    {"kernel-memory", "search physical memory in /proc/kcore", attack_kernel_memory, false, false,
     POSTURE_LOCKDOWN, "lockdown=confidentiality", "root reads all memory, the enclave's too"},
};
/* clang-format on */
const size_t attack_count = sizeof(attacks) / sizeof(attacks[0]);
