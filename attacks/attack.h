/* SPDX-License-Identifier: Apache-2.0
 *
 * An attack: one function, one line in the table (table.c), run against three targets: the victim
 * as an unprotected process, in the process TEE, and in a vsm enclave. The attacker is root.
 *
 * What must hold: an attack says "stopped" only after it has tried; what it could not try is
 * "skipped", with the reason; what it changed on the machine it changes back.
 */
#ifndef ATTACKS_ATTACK_H
#define ATTACKS_ATTACK_H

#include "pattern.h"

#include <cella/cella.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum target_kind { TARGET_PLAIN, TARGET_PROCESS, TARGET_VSM, TARGET_KINDS };

enum outcome { STOPPED, SUCCEEDS, SKIPPED };

struct result {
    enum outcome outcome;
    char detail[240];
};

struct target {
    enum target_kind kind;
    pid_t pid; /* 0: the attack starts what it needs */
    int input, output;
    char secret[PATTERN_SECRET + 1];
    struct pattern pattern;
    uint64_t in_bss, on_heap, shared, on_stack; /* where the victim says that its cells are */
};

/* Which posture of the host an attack meets. */
enum posture {
    POSTURE_NONE = 0,
    POSTURE_YAMA = 1,     /* Yama's ptrace_scope 3 refuses it to everybody */
    POSTURE_LOCKDOWN = 2, /* lockdown=confidentiality does */
};

struct attack {
    const char *name;
    const char *what;
    void (*run)(struct target *target, struct result *result);
    bool alone;             /* no victim is started for it */
    bool judged_always;     /* vsm stops it on any host; else only where `posture` is in force */
    enum posture posture;   /* what also stops it, on an unprotected process too */
    const char *stopped_by; /* what stops it on vsm */
    const char *success;    /* what its success means */
};

extern const struct attack attacks[];
extern const size_t attack_count;

/* ---- setup: where things are, and the host's posture ---- */
struct setup {
    char programs[PATH_MAX]; /* folder of victim and neighbour */
    char cella[PATH_MAX];
    char work[64]; /* a folder of our own */
    bool yama, lockdown, vsm;
    char why_no_vsm[200];
};
extern struct setup setup;

__attribute__((format(printf, 3, 4))) void conclude(struct result *result, enum outcome outcome,
                                                    const char *format, ...);
/* The usual end of a search. */
void conclude_cells(struct result *result, uint64_t cells, const char *where);

/* ---- target.c ---- */
/* Makes a path in setup.work; valid until the thread's next call. */
const char *work_path(const char *name);
bool target_start(struct target *target, enum target_kind kind, struct result *result);
enum target_end { TARGET_INTACT, TARGET_CHANGED, TARGET_GONE };
enum target_end target_stop(struct target *target);
/* Starts a program with pipes as its standard input and output; its standard error goes to `log`.
 */
pid_t spawn(char *const arguments[], int *input, int *output);
/* Runs a command that says nothing; its wait status, -1 if it could not be run, -2 if it took
 * longer than `seconds` and was ended. */
int run_command(char *const arguments[], int seconds);
/* Reads until a line's end or `seconds` have passed. */
bool read_line(int fd, char *line, size_t size, int seconds);
void write_text(int fd, const char *text);
bool write_file(const char *path, const char *text);
bool copy_file(const char *from, const char *to);

/* ---- scan.c ---- */
struct mapping {
    uint64_t start, end, offset;
    char access[8];
    char path[128];
};
/* The mappings of a process; the count, or -1. *list is the caller's to free. */
ssize_t mappings_read(pid_t pid, struct mapping **list);

uint64_t scan_bytes(struct pattern pattern, const void *bytes, size_t size);
typedef ssize_t scan_reader(void *context, void *bytes, size_t size, uint64_t from);
uint64_t scan_range(struct pattern pattern, scan_reader *read, void *context, uint64_t start,
                    uint64_t size);
uint64_t scan_file(struct pattern pattern, int fd);
/* A descriptor of any kind: what can be read or mapped of it. */
uint64_t scan_descriptor(struct pattern pattern, int fd);
scan_reader read_memory_file; /* context: int, of /proc/PID/mem */

/* ---- trace.c: a process under ptrace ---- */
struct trace {
    pid_t pid;
    pid_t threads[128];
    size_t count;
    uint64_t syscall_at; /* where a syscall instruction is */
    int memory;          /* /proc/PID/mem */
};
/* Stops every thread; false with errno. */
bool trace_start(struct trace *trace, pid_t pid);
/* PTRACE_O_SUSPEND_SECCOMP; false with errno. */
bool trace_suspend_seccomp(struct trace *trace);
/* Lets the first thread make a system call: its result, or -errno. */
long trace_call(struct trace *trace, long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                uint64_t e, uint64_t f);
void trace_stop(struct trace *trace);

/* ---- image.c ---- */
/* Packs a program with its arguments into a file of setup.work. */
bool pack(const char *program, const char *argument, const char *name, uint8_t mrenclave[32]);
cella_tee target_tee(enum target_kind kind);

typedef void attack_function(struct target *target, struct result *result);
attack_function attack_memory, attack_vm_readv, attack_peek, attack_map_files; /* read.c */
attack_function attack_gcore, attack_core;                                     /* dump.c */
attack_function attack_getfd, attack_write;                                    /* descriptor.c */
attack_function attack_inject_map, attack_inject_registers;                    /* inject.c */
attack_function attack_replace, attack_forge;                                  /* remap.c */
attack_function attack_swap_image, attack_other_image, attack_flip_image;      /* image.c */
attack_function attack_swap;                                                   /* swap.c */
attack_function attack_lie, attack_flip_buffer;                                /* hostile.c */
attack_function attack_neighbour;                                              /* enclaves.c */
attack_function attack_pagemap, attack_kernel_memory;                          /* kernel.c */

#endif
