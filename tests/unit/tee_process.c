/* SPDX-License-Identifier: Apache-2.0
 *
 * What only the process TEE has: one enclave a process, addresses that may be taken, signal
 * handlers that must hand on what is not theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tee_enclave.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct tee_operations *const tee = &tee_process;

static cella_status try_create(struct tee **enclave, cella_error *error)
{
    struct tee_parameters parameters = enclave_parameters(0);
    memset(error, 0, sizeof(*error));
    return tee->create(&parameters, enclave, error);
}

static void test_probe(void **state)
{
    (void)state;
    struct tee_probe probe;
    tee->probe(&probe);
    assert_true(probe.works);
    assert_false(probe.sealed);
    assert_int_equal(probe.count, 4);
    for (size_t i = 0; i < probe.count; i++) {
        const struct tee_capability *row = &probe.capabilities[i];
        assert_true(strlen(row->name) > 0 && strlen(row->found) > 0);
        assert_int_equal(row->works, strlen(row->remedy) == 0);
        print_message("  %s: %s\n", row->name, row->found);
    }
    /* While an enclave lives there is no room for another, and the probe says that. */
    struct tee *enclave = enclave_launch(tee, 0);
    tee->probe(&probe);
    assert_false(probe.works);
    assert_true(strstr(probe.capabilities[3].found, "room for one"));
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    tee->destroy(enclave);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct tee *enclave = enclave_launch(tee, 0), *second = NULL;
    cella_error error;
    assert_int_equal(try_create(&second, &error), CELLA_BUSY);
    assert_true(strstr(error.sentence, "room for one"));
    assert_null(second);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    tee->destroy(enclave);
    assert_int_equal(try_create(&second, &error), CELLA_OK);
    tee->destroy(second);
}

static void test_address_taken(void **state)
{
    (void)state;
    static const uint64_t places[] = {0x10000, 0x50000, ENCLAVE_HEAP, ENCLAVE_SIZE - 4096};
    for (size_t i = 0; i < 4; i++) {
        void *place = (void *)(uintptr_t)places[i];
        volatile int *mine = mmap(place, 4096, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        assert_ptr_equal(mine, place);
        *mine = 4711;
        struct tee *enclave = NULL;
        cella_error error;
        char address[32];
        assert_int_equal(try_create(&enclave, &error), CELLA_UNSUPPORTED);
        snprintf(address, sizeof(address), "%#lx-", (unsigned long)places[i]);
        assert_true(strstr(error.sentence, "are taken by"));
        assert_true(strstr(error.sentence, address));
        assert_int_equal(*mine, 4711);
        munmap(place, 4096);
        /* And nothing was left behind. */
        assert_int_equal(try_create(&enclave, &error), CELLA_OK);
        tee->destroy(enclave);
    }
}

static void test_pages_below_64k(void **state)
{
    (void)state;
    struct tee *enclave;
    cella_error error;
    static const uint8_t page[4096];
    assert_int_equal(try_create(&enclave, &error), CELLA_OK);
    assert_int_equal(tee->add(enclave, 0, CODE_PAGE, page, &error), CELLA_OK);
    assert_int_equal(tee->add(enclave, 0x1000, CODE_PAGE, page, &error), CELLA_UNSUPPORTED);
    assert_true(strstr(error.sentence, "maps nothing"));
    tee->destroy(enclave);
}

/* Without room in RLIMIT_MEMLOCK, or in debug mode, memory is ordinary and the enclave says so. */
static void test_memory_is_described(void **state)
{
    (void)state;
    struct tee *enclave = enclave_launch(tee, TEE_ATTRIBUTE_DEBUG);
    assert_true(strstr(tee->describe(enclave), "ordinary memory"));
    assert_true(strstr(tee->describe(enclave), "debug"));
    assert_true(strstr(tee->describe(enclave), "protects nothing"));
    tee->destroy(enclave);

    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_MEMLOCK, &none);
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) /* root has no limit */
            _exit(2);
        enclave = enclave_launch(tee, 0);
        _exit(!strstr(tee->describe(enclave), "ordinary memory of this process (memfd_secret: ") ||
              enclave_enter(tee, enclave, 0).reason != TEE_EXIT_GATE);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_resident(void **state)
{
    (void)state;
    for (int debug = 0; debug < 2; debug++) {
        struct tee *enclave = enclave_launch(tee, debug ? TEE_ATTRIBUTE_DEBUG : 0);
        enclave_enter(tee, enclave, 0);
        uint64_t before = tee->resident(enclave);
        for (uint64_t i = 0; i < 16; i++)
            enclave_command(tee, enclave, 0, COMMAND_STORE, ENCLAVE_HEAP + i * 8192, 1);
        uint64_t after = tee->resident(enclave);
        assert_true(after >= before + UINT64_C(16) * 4096);
        assert_true(after <= ENCLAVE_SIZE);
        tee->destroy(enclave);
    }
}

static sigjmp_buf recovery;
static volatile void *caught_at;

static void recover(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    caught_at = info->si_addr;
    siglongjmp(recovery, 1);
}

static volatile int simple_count;

static void count(int number)
{
    (void)number;
    simple_count++;
}

/* A fault of the host's own, while an enclave lives, reaches the handler that was there before. */
static void test_host_faults(void **state)
{
    (void)state;
    volatile int *closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_sigaction = recover, .sa_flags = SA_SIGINFO}, before_segv;
    struct sigaction simple = {.sa_handler = count}, before_fpe, now;
    sigaction(SIGSEGV, &action, &before_segv);
    sigaction(SIGFPE, &simple, &before_fpe);
    struct tee *enclave = enclave_launch(tee, 0);
    enclave_enter(tee, enclave, 0);
    caught_at = NULL;
    if (sigsetjmp(recovery, 1) == 0) {
        *closed = 1;
        fail_msg("a write to a closed page did not fault");
    }
    assert_ptr_equal((void *)caught_at, (void *)closed);
    simple_count = 0;
    raise(SIGFPE);
    assert_int_equal(simple_count, 1);
    /* Enclave and host go on. */
    enclave_command(tee, enclave, 0, COMMAND_ECHO, 1, 0);
    assert_int_equal(enclave_block(tee, enclave, 0)->result, ~UINT64_C(1));
    tee->destroy(enclave);
    /* And get their handlers back. */
    sigaction(SIGSEGV, &before_segv, &now);
    assert_ptr_equal(now.sa_sigaction, recover);
    sigaction(SIGFPE, &before_fpe, &now);
    assert_ptr_equal(now.sa_handler, count);
    munmap((void *)(uintptr_t)closed, 4096);
}

/* A child with the default disposition that does `act`, while an enclave lives, ends by `number`.
 */
static void assert_child_dies(void (*act)(void), int number, bool ignored)
{
    pid_t child = fork();
    if (child == 0) {
        signal(number, ignored ? SIG_IGN : SIG_DFL);
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        enclave_launch(tee, 0);
        act();
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
}

static void fault(void)
{
    *(volatile int *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
}

static void send_fault(void)
{
    raise(SIGSEGV);
}

static void test_default_faults(void **state)
{
    (void)state;
    assert_child_dies(fault, SIGSEGV, false);
    assert_child_dies(fault, SIGSEGV, true);
    assert_child_dies(send_fault, SIGSEGV, false);
}

/* Ctrl-C ends a host whose only thread is inside, unless it has blocked or handles the signal. */
static void test_default_signals(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        struct tee *enclave = enclave_launch(tee, 0);
        enclave_enter(tee, enclave, 0);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        enclave_command(tee, enclave, 0, COMMAND_LOOP, 0, 0);
        _exit(1);
    }
    char byte;
    int status = -1;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGINT);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    close(ready[0]);
    close(ready[1]);
}

/* Somebody put a handler over ours: an enclave that could not see its faults is not made. */
static void test_handler_replaced(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        cella_error error;
        struct tee *enclave = enclave_launch(tee, 0);
        struct sigaction over = {.sa_handler = count}, ours;
        sigaction(SIGSEGV, &over, &ours);
        tee->destroy(enclave);
        if (try_create(&enclave, &error) != CELLA_UNSUPPORTED ||
            !strstr(error.sentence, "replaced"))
            _exit(1);
        sigaction(SIGSEGV, &ours, NULL);
        enclave = enclave_launch(tee, 0);
        enclave_enter(tee, enclave, 0);
        tee->destroy(enclave);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The host's alternate stack and signal mask are as they were. */
static void test_host_state_is_kept(void **state)
{
    (void)state;
    static char mine[65536];
    stack_t stack = {.ss_sp = mine, .ss_size = sizeof(mine)}, before, now;
    sigset_t mask, mask_before, mask_now;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    assert_int_equal(sigaltstack(&stack, &before), 0);
    pthread_sigmask(SIG_BLOCK, &mask, &mask_before);
    struct tee *enclave = enclave_launch(tee, 0);
    enclave_enter(tee, enclave, 0);
    assert_int_equal(enclave_command(tee, enclave, 0, COMMAND_DIVIDE, 0, 0).reason, TEE_EXIT_FAULT);
    sigaltstack(NULL, &now);
    assert_ptr_equal(now.ss_sp, mine);
    pthread_sigmask(SIG_SETMASK, &mask_before, &mask_now);
    assert_int_equal(sigismember(&mask_now, SIGUSR2), 1);
    assert_int_equal(sigismember(&mask_now, SIGUSR1), sigismember(&mask_before, SIGUSR1));
    sigaltstack(&before, NULL);
    tee->destroy(enclave);
}

/* With no boot page that names code, page 0 leads nowhere. */
static void test_trampoline_needs_boot_page(void **state)
{
    (void)state;
    static struct enclave_page pages[ENCLAVE_PAGES];
    static const uint64_t targets[] = {0,         0x10, ENCLAVE_DATA, ENCLAVE_GUARD, ENCLAVE_HEAP,
                                       UINT64_MAX};
    for (size_t i = 0; i < 6; i++) {
        struct tee *enclave;
        cella_error error;
        uint8_t mrenclave[32];
        enclave_pages(pages);
        struct boot_header header = {.magic = BOOT_MAGIC, .runtime_syscall = targets[i]};
        memcpy(pages[1].bytes, &header, sizeof(header));
        assert_int_equal(try_create(&enclave, &error), CELLA_OK);
        for (size_t k = 0; k < ENCLAVE_PAGES; k++)
            assert_int_equal(enclave_add(tee, enclave, &pages[k], &error), CELLA_OK);
        assert_int_equal(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_OK);
        enclave_enter(tee, enclave, 0);
        assert_int_equal(enclave_command(tee, enclave, 0, COMMAND_TRAMPOLINE, 39, 0).reason,
                         TEE_EXIT_FAULT);
        tee->destroy(enclave);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_address_taken),
        cmocka_unit_test(test_pages_below_64k),
        cmocka_unit_test(test_memory_is_described),
        cmocka_unit_test(test_resident),
        cmocka_unit_test(test_host_faults),
        cmocka_unit_test(test_default_faults),
        cmocka_unit_test(test_default_signals),
        cmocka_unit_test(test_handler_replaced),
        cmocka_unit_test(test_host_state_is_kept),
        cmocka_unit_test(test_trampoline_needs_boot_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
