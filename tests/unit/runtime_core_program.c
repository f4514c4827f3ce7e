/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime/program.c: the stack that a program starts with, as the System V ABI has it (x86-64,
 * section 3.4), whatever strings the image carries or the host gives.
 */
#include "runtime_core.h"

#include <elf.h>
#include <string.h>

#define STACK (UINT64_C(1) << 20)

static struct boot_header header = {.program.entry = 0x401000,
                                    .program.headers = 0x400040,
                                    .program.header_count = 9,
                                    .program.header_size = 56,
                                    .stack_size = STACK};
const struct boot_header *boot = &header;
bool runtime_debug;
static _Alignas(4096) uint8_t stack[STACK];
static struct thread self;

static uint64_t entry_given, *stack_given;
static uint8_t told[2][RING_BUFFER_SIZE];
static int64_t told_size[2];
static uint64_t which_asked;
static bool room = true;

_Noreturn void runtime_resume(const struct syscall_frame *frame, long result)
{
    static const struct syscall_frame cleared;
    assert_memory_equal(frame, &cleared, sizeof(cleared));
    assert_int_equal(result, 0);
    uint64_t *at = (uint64_t *)self.program_stack; /* `ret` goes where this says */
    entry_given = *at;
    stack_given = at + 1;
    longjmp(core_back, 2);
}

static bool agent;

bool agent_runs(void)
{
    return agent;
}

static void start(void)
{
    program_start(&header.program, &header.arguments);
}

void *memory_map(uint64_t size)
{
    static uint8_t bytes[2][RING_BUFFER_SIZE + 4096];
    assert_true(size <= sizeof(bytes[0]));
    memset(bytes[which_asked], 0, sizeof(bytes[0]));
    return room ? bytes[which_asked] : NULL;
}

void random_bytes(void *bytes, size_t size)
{
    memset(bytes, 0x5a, size);
}

int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most)
{
    (void)a2;
    (void)a3;
    assert_true(operation == RING_ARGUMENTS && a0 < 2 && a1 == RING_BUFFER_SIZE);
    assert_true(least == 0 && most == (int64_t)RING_BUFFER_SIZE);
    which_asked = a0;
    return told_size[a0];
}

void host_get(size_t offset, void *bytes, size_t size)
{
    assert_int_equal(offset, 0);
    assert_true(size <= RING_BUFFER_SIZE);
    memcpy(bytes, told[which_asked], size);
    memset(told[which_asked], 0xff, size); /* the host changes it: it was copied once */
}

static void begin(void)
{
    memset(stack, 0xa7, sizeof(stack));
    header.heap = (struct boot_span){(uint64_t)stack, STACK};
    core_become(&self);
    if (setjmp(core_back) == 0)
        start();
}

static void tell(uint64_t which, const char *bytes, size_t size)
{
    memcpy(told[which], bytes, size);
    told_size[which] = (int64_t)size;
}

/* Strings that end in a NUL each, one behind another, and pointers to them. */
static const uint64_t *check_strings(const uint64_t *at, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size; done += strlen(bytes + done) + 1) {
        const char *string = (const char *)*at++;
        assert_true((uint8_t *)string > (uint8_t *)stack_given &&
                    (uint8_t *)string < stack + STACK);
        assert_string_equal(string, bytes + done);
    }
    assert_int_equal(*at, 0);
    return at + 1;
}

static uint64_t find(const uint64_t *auxiliary, uint64_t type)
{
    for (; auxiliary[0] != AT_NULL; auxiliary += 2)
        if (auxiliary[0] == type)
            return auxiliary[1];
    fail_msg("no auxiliary value %lu", type);
    return 0;
}

static void check_stack(const char *arguments, size_t arguments_size, const char *environment,
                        size_t environment_size)
{
    size_t count = 0;
    for (size_t i = 0; i < arguments_size; i++)
        count += arguments[i] == 0;
    assert_int_equal(entry_given, header.program.entry);
    assert_int_equal((uint64_t)stack_given & 15, 0);
    assert_true((uint8_t *)stack_given > stack);
    assert_int_equal(stack_given[0], count);
    const uint64_t *at = check_strings(stack_given + 1, arguments, arguments_size);
    at = check_strings(at, environment, environment_size);
    assert_int_equal(find(at, AT_PHDR), header.program.headers);
    assert_int_equal(find(at, AT_PHNUM), 9);
    assert_int_equal(find(at, AT_PHENT), 56);
    assert_int_equal(find(at, AT_ENTRY), header.program.entry);
    assert_int_equal(find(at, AT_PAGESZ), 4096);
    assert_int_equal(find(at, AT_SECURE), 0);
    assert_string_equal((char *)find(at, AT_PLATFORM), "x86_64");
    assert_string_equal((char *)find(at, AT_EXECFN), count ? arguments : "");
    const uint8_t *random = (const uint8_t *)find(at, AT_RANDOM);
    for (int i = 0; i < 16; i++)
        assert_int_equal(random[i], 0x5a);
    assert_true(random > (uint8_t *)stack_given && random + 16 <= stack + STACK);
    /* The vector ends below the first string, and nothing below the stack was written. */
    while (at[0] != AT_NULL)
        at += 2;
    if (count)
        assert_true((uint64_t)(at + 2) <= stack_given[1] && (uint64_t)(at + 2) <= (uint64_t)random);
    for (const uint8_t *below = stack; below < (uint8_t *)(stack_given - 1); below++)
        assert_int_equal(*below, 0xa7);
}

#define STRINGS(text) text, sizeof(text)

static void test_measured(void **state)
{
    (void)state;
    static const char arguments[] = "program\0-x\0\0last";
    static const char environment[] = "A=1\0LONGER_NAME=some value";
    header.flags = 0;
    /* Each length of the strings, for the alignment. */
    for (volatile size_t cut = 0; cut <= 16; cut++) {
        char longer[64];
        memset(longer, 'y', sizeof(longer));
        longer[cut] = 0;
        header.arguments = (struct boot_span){(uint64_t)arguments, sizeof(arguments)};
        header.environment = (struct boot_span){(uint64_t)longer, cut + 1};
        begin();
        check_stack(arguments, sizeof(arguments), longer, cut + 1);
    }
    header.environment = (struct boot_span){(uint64_t)environment, sizeof(environment)};
    header.arguments = (struct boot_span){0, 0};
    begin();
    check_stack("", 0, environment, sizeof(environment));
    header.environment = (struct boot_span){0, 0};
    begin();
    check_stack("", 0, "", 0);
}

static void test_host(void **state)
{
    (void)state;
    header.flags = BOOT_ARGUMENTS_HOST | BOOT_ENVIRONMENT_HOST;
    tell(0, STRINGS("one\0two"));
    tell(1, STRINGS("E=\0\0"));
    begin();
    check_stack(STRINGS("one\0two"), STRINGS("E=\0\0"));
    /* An error is no strings. */
    told_size[0] = -7;
    told_size[1] = 0;
    begin();
    check_stack("", 0, "", 0);
    /* As many, and as long, as there may be. */
    memset(told[0], 0, RING_STRINGS_MOST);
    told_size[0] = RING_STRINGS_MOST;
    static char longest[RING_BUFFER_SIZE];
    memset(longest, 'x', sizeof(longest) - 1);
    tell(1, longest, sizeof(longest));
    static const char empty[RING_STRINGS_MOST];
    begin();
    check_stack(empty, sizeof(empty), longest, sizeof(longest));
}

static void test_lies(void **state)
{
    (void)state;
    header.flags = BOOT_ARGUMENTS_HOST;
    tell(0, "no end", 6);
    assert_stops(start(), RING_STOP_HOST_LIED, RING_ARGUMENTS);
    tell(0, "\0x", 2);
    assert_stops(start(), RING_STOP_HOST_LIED, RING_ARGUMENTS);
    memset(told[0], 0, RING_STRINGS_MOST + 1);
    told_size[0] = RING_STRINGS_MOST + 1;
    assert_stops(start(), RING_STOP_HOST_LIED, RING_ARGUMENTS);
    room = false;
    tell(0, STRINGS("one"));
    assert_stops(start(), RING_STOP_MEMORY, 4);
    room = true;
    static const char many[RING_STRINGS_MOST + 1];
    header.flags = 0;
    header.environment = (struct boot_span){(uint64_t)many, sizeof(many)};
    assert_stops(start(), RING_STOP_BOOT, 3);
}

/* The agent has its own arguments, and nothing from the host or of the program's. */
static void test_agent(void **state)
{
    (void)state;
    static const char arguments[] = "agent\0--room";
    header.flags = BOOT_ARGUMENTS_HOST | BOOT_ENVIRONMENT_HOST;
    header.arguments = (struct boot_span){(uint64_t)arguments, sizeof(arguments)};
    tell(0, STRINGS("one\0two"));
    tell(1, STRINGS("E="));
    agent = true;
    begin();
    check_stack(arguments, sizeof(arguments), "", 0);
    header.stack_size = 2 * AGENT_STACK;
    assert_int_equal(program_stack_size(), AGENT_STACK);
    header.stack_size = AGENT_STACK / 2;
    assert_int_equal(program_stack_size(), AGENT_STACK / 2);
    header.stack_size = 2 * AGENT_STACK;
    agent = false;
    assert_int_equal(program_stack_size(), 2 * AGENT_STACK);
    header.stack_size = STACK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
