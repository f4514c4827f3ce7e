/* SPDX-License-Identifier: Apache-2.0
 *
 * Every behaviour test, one row each. A row that is only a name runs the program of that name with
 * no arguments, and it has to end with status 0 and the same output everywhere.
 */
#include "table.h"

#include <signal.h>

#define M VARIANT_MUSL
#define P VARIANT_PIE
#define O VARIANT_O0

#define SAME(program_, variants_)                                                                  \
    {                                                                                              \
        .name = program_, .program = program_, .variants = variants_                               \
    }
#define RAISE(signal_)                                                                             \
    {                                                                                              \
        .name = "raise-" #signal_, .program = "raise", .arguments = {#signal_}, .signal = signal_, \
        .variants = M                                                                              \
    }
#define FAULT(kind_, signal_)                                                                      \
    {                                                                                              \
        .name = "fault-" kind_, .program = "fault", .arguments = {kind_}, .judge = JUDGE_FAULT,    \
        .signal = signal_, .variants = M                                                           \
    }
#define REFUSED(program_)                                                                          \
    {                                                                                              \
        .name = program_, .program = program_, .judge = JUDGE_REFUSED                              \
    }

const struct behaviour behaviours[] = {
    /* a program's life */
    SAME("hello", M | P | O),
    {.name = "arguments",
     .program = "arguments",
     .arguments = {"one", "", "two words", "-x", "\u00e4\u20ac\n\x01\"\\"},
     .variants = M},
    {.name = "arguments-host",
     .program = "arguments",
     .arguments = {"from", "the host", "\xff\xfe\n\x01"},
     .manifest = "arguments_host.json"},
    /* A manifest is JSON, and what it holds is text; but the host may pass any bytes. */
    {.name = "arguments-not-text",
     .program = "arguments",
     .arguments = {"\xff\xfe"},
     .judge = JUDGE_REFUSED},
    SAME("program_name", M),
    {.name = "program_name-chosen",
     .program = "program_name",
     .manifest = "arguments.json",
     .expected = "program_name_chosen.txt",
     .judge = JUDGE_EXPECTED},
    {.name = "environment",
     .program = "environment",
     .environment = {"EMPTY=", "GREETING=hello, world", "PATH=/bin"},
     .manifest = "environment.json",
     .variants = M},
    {.name = "environment-host",
     .program = "environment",
     .environment = {"Z=last letter first", "A=1", "EQUALS=a=b"},
     .manifest = "environment_host.json",
     .variants = M},
    {.name = "environment-none",
     .program = "environment",
     .environment = {"OUTSIDE=must not be seen inside"},
     .expected = "environment_none.txt",
     .judge = JUDGE_EXPECTED,
     .variants = M},
    {.name = "exit_status-0", .program = "exit_status", .arguments = {"0"}, .variants = M},
    {.name = "exit_status-1",
     .program = "exit_status",
     .arguments = {"1"},
     .status = 1,
     .variants = M},
    {.name = "exit_status-42",
     .program = "exit_status",
     .arguments = {"42", "now"},
     .status = 42,
     .variants = M},
    {.name = "exit_status-255", .program = "exit_status", .arguments = {"255"}, .status = 255},
    {.name = "exit_status-256", .program = "exit_status", .arguments = {"256"}, .status = 0},
    {.name = "exit_status-125", .program = "exit_status", .arguments = {"125"}, .status = 125},
    {.name = "exit_thread", .program = "exit_thread", .status = 7, .variants = M},
    SAME("exit_last_thread", M),
    {.name = "abort", .program = "abort", .signal = SIGABRT, .variants = M},
    SAME("auxv", M | P),

    /* signals */
    RAISE(1),
    RAISE(2),
    RAISE(3),
    RAISE(9),
    RAISE(10),
    RAISE(11),
    RAISE(13),
    RAISE(14),
    RAISE(15),
    RAISE(34),
    {.name = "raise-17", .program = "raise", .arguments = {"17"}, .variants = M}, /* ignored */
    {.name = "raise-23", .program = "raise", .arguments = {"23"}, .variants = M},
    SAME("signal_handler", M | P),
    SAME("signal_mask", M),
    SAME("signal_stack", M),
    SAME("signal_jump", M),
    SAME("signal_pipe", M),
    {.name = "signal_pipe-default",
     .program = "signal_pipe",
     .arguments = {"default"},
     .signal = SIGPIPE,
     .variants = M},
    SAME("signal_thread", M),

    /* standard streams */
    SAME("write", M),
    {.name = "stderr", .program = "stderr", .compare_stderr = true, .variants = M},
    {.name = "stdin_copy-empty", .program = "stdin_copy", .variants = M},
    {.name = "stdin_copy-text", .program = "stdin_copy", .input = "no newline", .variants = M},
    {.name = "stdin_copy-pipe", .program = "stdin_copy", .input_size = 5000011, .variants = M},
    {.name = "stdin_copy-file",
     .program = "stdin_copy",
     .input_size = 5000011,
     .input_is_file = true,
     .variants = M},
    {.name = "stdin_lines",
     .program = "stdin_lines",
     .input = "17\nfirst line\n\nthe last, without a newline",
     .variants = M},
    {.name = "stdin_short",
     .program = "stdin_short",
     .input = "A23456789 and the rest",
     .input_is_file = true,
     .variants = M},
    {.name = "stdout_closed",
     .program = "stdout_closed",
     .output_is_closed = true,
     .signal = SIGPIPE,
     .variants = M},
    {.name = "stdout_closed-ignored",
     .program = "stdout_closed",
     .arguments = {"ignored"},
     .output_is_closed = true,
     .status = 3,
     .variants = M},

    /* memory */
    SAME("memory_malloc", M | O),
    SAME("memory_map", M),
    SAME("memory_remap", M),
    SAME("memory_brk", M),
    SAME("memory_advise", M),
    SAME("memory_protect", M),
    {.name = "memory_exhaust",
     .program = "memory_exhaust",
     .manifest = "heap_64M.json",
     .expected = "memory_exhaust.txt",
     .judge = JUDGE_EXPECTED,
     .variants = M},

    /* threads */
    SAME("tls", M | P),
    SAME("thread_create", M | P),
    SAME("thread_many", M),
    SAME("thread_mutex", M | O),
    SAME("thread_condition", M),
    SAME("thread_locks", M),
    SAME("thread_cancel", M),
    {.name = "thread_limit",
     .program = "thread_limit",
     .manifest = "threads_4.json",
     .expected = "thread_limit.txt",
     .judge = JUDGE_EXPECTED,
     .variants = M},

    /* time, identity, chance */
    SAME("clock_monotonic", M),
    {.name = "clock_real", .program = "clock_real", .manifest = "clock.json", .variants = M},
    SAME("clock_sleep", M),
    SAME("identity", M),
    SAME("random", M),

    /* files */
    SAME("file_basic", M | P),
    SAME("file_position", M),
    SAME("file_names", M),
    SAME("file_list", M),
    {.name = "file_status", .program = "file_status", .manifest = "clock.json", .variants = M},
    SAME("file_statx", 0),
    SAME("file_descriptor", M),
    SAME("file_lock", M),
    SAME("file_map", M),
    SAME("file_stdio", M),
    {.name = "file_large", .program = "file_large", .manifest = "heap_256M.json", .variants = M},
    {.name = "file_full",
     .program = "file_full",
     .manifest = "small.json",
     .expected = "file_full.txt",
     .judge = JUDGE_EXPECTED},
    {.name = "file_measured",
     .program = "file_measured",
     .arguments = {"/etc/carried.txt", "/srv/deep/folder/hashed.txt"},
     .manifest = "measured.json",
     .expected = "file_measured.txt",
     .judge = JUDGE_EXPECTED,
     .variants = M},
    {.name = "file_box",
     .program = "file_box",
     .manifest = "boxes.json",
     .expected = "file_box.txt",
     .judge = JUDGE_EXPECTED},
    {.name = "file_plain",
     .program = "file_plain",
     .manifest = "plain.json",
     .expected = "file_plain.txt",
     .judge = JUDGE_EXPECTED},
    SAME("device", M),
    SAME("pipe", M),
    SAME("eventfd", M),
    {.name = "unsupported",
     .program = "unsupported",
     .expected = "unsupported.txt",
     .judge = JUDGE_EXPECTED,
     .variants = M},

    /* the CPU's state across system calls */
    SAME("registers", M | O),
    SAME("registers_vector", M),
    SAME("red_zone", M | O),
    SAME("red_zone_target", M),
    SAME("stack", M),
    SAME("jump", M),
    SAME("format", M),

    /* what stops an enclave */
    FAULT("null-write", SIGSEGV),
    FAULT("null-call", SIGSEGV),
    FAULT("heap-call", SIGSEGV),
    FAULT("stack-call", SIGSEGV),
    FAULT("constant-write", SIGSEGV),
    FAULT("code-write", SIGSEGV),
    FAULT("wild-read", SIGSEGV),
    FAULT("noncanonical-read", SIGSEGV),
    FAULT("divide", SIGFPE),
    FAULT("illegal", SIGILL),
    FAULT("breakpoint", SIGTRAP),
    FAULT("halt", SIGSEGV),
    FAULT("stack-overflow", SIGSEGV),
    {.name = "fault_thread",
     .program = "fault_thread",
     .judge = JUDGE_FAULT,
     .signal = SIGSEGV,
     .variants = M},
    {.name = "port_out", .program = "port_out", .judge = JUDGE_FAULT, .signal = SIGSEGV},
    {.name = "number_wild-minus-one",
     .program = "number_wild",
     .arguments = {"-1"},
     .judge = JUDGE_FAULT,
     .variants = M},
    {.name = "number_wild-large",
     .program = "number_wild",
     .arguments = {"0x7fffffff"},
     .judge = JUDGE_FAULT},
    {.name = "number_wild-3000",
     .program = "number_wild",
     .arguments = {"3000"},
     .judge = JUDGE_FAULT},

    /* what is refused before it runs */
    REFUSED("refused_int80"),
    REFUSED("refused_sysenter"),
    REFUSED("refused_dynamic"),
    {.name = "refused-manifest",
     .program = "hello",
     .manifest = "unknown_key.json",
     .judge = JUDGE_REFUSED},

    /* real libraries */
    SAME("sqlite_journal", 0),
    SAME("sqlite_wal", 0),
    SAME("openssl", 0),
    SAME("zlib", 0),
    SAME("gsl", 0),
    SAME("cplusplus", 0),
    {.name = "terminate", .program = "terminate", .signal = SIGABRT},
};

const size_t behaviour_count = sizeof behaviours / sizeof behaviours[0];
