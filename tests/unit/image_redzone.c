/* SPDX-License-Identifier: Apache-2.0
 *
 * May something live below rsp at a system call? Small functions in assembly, each with the answer;
 * and what the rewriting then makes of a program that holds just that function.
 */
#include "image_test.h"

#include "image/code.h"
#include "image/redzone.h"

/* FUNCTION(name, text): code between the labels name and name_end. */
#define FUNCTION(name, text)                                                                       \
    __asm__(".text\n" #name ":\n" text "\n" #name "_end:\n");                                      \
    extern const uint8_t name[], name##_end[]

FUNCTION(plain, "mov $39,%eax; syscall; ret");
FUNCTION(frame,
         "push %rbx; sub $32,%rsp; mov %rdi,8(%rsp); mov $39,%eax; syscall;"
         "add $32,%rsp; pop %rbx; ret");
FUNCTION(base_frame,
         "push %rbp; mov %rsp,%rbp; sub $32,%rsp; mov %rdi,-8(%rbp); mov $39,%eax;"
         "syscall; mov -32(%rbp),%rcx; leave; ret");
FUNCTION(early_address,
         "push %rbp; mov %rsp,%rbp; push %rbx; lea -0x60(%rbp),%rbx; sub $0x98,%rsp;"
         "mov (%rbx),%rdi; mov $39,%eax; syscall; lea -8(%rbp),%rsp; pop %rbx;"
         "pop %rbp; ret");
FUNCTION(realigned,
         "lea 8(%rsp),%r10; and $-32,%rsp; push -8(%r10); push %rbp; mov %rsp,%rbp;"
         "push %r10; sub $0x40,%rsp; mov %rdi,-0x30(%rbp); mov $39,%eax; syscall;"
         "mov -0x30(%rbp),%rdi; add $0x40,%rsp; pop %r10; pop %rbp; lea -8(%r10),%rsp;"
         "ret");
FUNCTION(variable,
         "push %rbp; mov %rsp,%rbp; sub $16,%rsp; sub %rdi,%rsp; mov %rsp,%rsi;"
         "mov %rax,(%rsi); mov $39,%eax; syscall; mov -16(%rbp),%rdi; leave; ret");
FUNCTION(loop_lowers,
         "push %rbp; mov %rsp,%rbp; 1: sub $4096,%rsp; orq $0,(%rsp); dec %rdi; jnz 1b;"
         "mov -64(%rbp),%rdi; mov $39,%eax; syscall; leave; ret");
FUNCTION(indexed_calls,
         "sub $40,%rsp; mov %al,8(%rsp,%rdi); call plain; mov $39,%eax; syscall;"
         "add $40,%rsp; ret");
FUNCTION(two_ways,
         "test %rdi,%rdi; jz 1f; push %rbx; mov (%rsp),%rsi; mov $39,%eax; syscall;"
         "pop %rbx; ret; 1: mov $40,%eax; syscall; ret");

FUNCTION(below_rsp, "mov %rdi,-8(%rsp); mov $39,%eax; syscall; mov -8(%rsp),%rax; ret");
FUNCTION(below_base,
         "push %rbp; mov %rsp,%rbp; mov %edi,-4(%rbp); mov $39,%eax; syscall;"
         "mov -4(%rbp),%eax; pop %rbp; ret");
FUNCTION(below_copy,
         "mov %rsp,%rcx; mov %rdi,-16(%rcx); mov $39,%eax; syscall; nop; nop; nop; ret");
FUNCTION(below_address, "lea -24(%rsp),%rsi; mov $39,%eax; syscall; nop; nop; nop; ret");
FUNCTION(below_raised,
         "sub $32,%rsp; lea 8(%rsp),%rsi; add $32,%rsp; mov %rdi,(%rsi);"
         "mov $39,%eax; syscall; ret");
FUNCTION(below_after, "mov $39,%eax; syscall; mov %rax,-8(%rsp); ret");
FUNCTION(below_one_way,
         "test %rdi,%rdi; jz 1f; sub $16,%rsp; 1: mov %rdi,-8(%rsp); mov $39,%eax;"
         "syscall; ret");
FUNCTION(below_partly,
         "push %rbp; mov %rsp,%rbp; sub $16,%rsp; mov %rdi,-24(%rbp); mov $39,%eax;"
         "syscall; leave; ret");
FUNCTION(indexed_leaf, "mov %al,(%rsp,%rdi); mov $39,%eax; syscall; nop; nop; nop; ret");
FUNCTION(part_of_other, "mov -8(%rbp),%rdi; mov $39,%eax; syscall; nop; nop; nop; ret");
FUNCTION(lost,
         "push %rbp; mov %rsp,%rbp; mov (%rdi),%rsp; mov -8(%rbp),%rdi; mov $39,%eax; syscall;"
         "leave; ret");
FUNCTION(loop_raises,
         "push %rbp; mov %rsp,%rbp; sub $64,%rsp; 1: pop %rdi; dec %rsi; jnz 1b;"
         "mov %rdi,-64(%rbp); mov $39,%eax; syscall; leave; ret");
FUNCTION(behind_table,
         "push %rbp; mov %rsp,%rbp; jmp *%rdi; mov %rsi,-8(%rbp); mov $39,%eax;"
         "syscall; leave; ret");

FUNCTION(no_neighbours, "mov %rdi,-8(%rsp); jmp 1f; 1: syscall; jmp 2f; 2: ret");
FUNCTION(target_behind, "mov %rdi,-8(%rsp); jz 1f; syscall; 1: mov -8(%rsp),%rax; ret");
FUNCTION(target_call,
         "mov %rdi,-8(%rsp); mov $39,%eax; 1: syscall; mov -8(%rsp),%rcx; jnz 1b; ret");
FUNCTION(clone, "mov %rdi,-8(%rsp); mov $56,%eax; syscall; mov -8(%rsp),%rcx; ret");
FUNCTION(relative, "mov %rdi,-8(%rsp); jmp 1f; 1: syscall; mov behind_table(%rip),%eax; ret");
FUNCTION(pair,
         "movq $7,-8(%rsp); mov $39,%eax; syscall; mov $24,%eax; syscall; syscall;"
         "mov -8(%rsp),%rax; ret");
/* Another function, behind 1:, jumps to the system call and to what follows it. */
FUNCTION(led_to,
         "mov %rdi,-8(%rsp); 1: syscall; 2: mov -8(%rsp),%rax; ret; led_to_jumps:"
         ".byte 0xe9; .long 1b - . - 4; .byte 0xe9; .long 2b - . - 4");
extern const uint8_t led_to_jumps[];
/* What no symbol covers: a table of data; what might be code among data. */
FUNCTION(data_behind, "mov $39,%eax; syscall; ret; .byte 0x06, 0x0f, 0x05, 0x06");
FUNCTION(code_behind,
         "mov $39,%eax; syscall; nop; nop; nop; nop; ret; .byte 0x06;"
         "mov $39,%eax; syscall; ret");
FUNCTION(clean_behind, "mov $39,%eax; syscall; nop; nop; nop; nop; ret; nop; syscall; ret");
FUNCTION(interrupt, "int $0x80; ret");
FUNCTION(enter, "sysenter; ret");
FUNCTION(prefixed, "mov $39,%eax; .byte 0x66; syscall; ret");
FUNCTION(inside, "mov $0x050f,%eax; cmp $0x340f,%eax; mov $0x80cd,%ecx; ret");
FUNCTION(broken, ".byte 0x06; syscall; ret");
FUNCTION(beyond_data, "jmp 1f; .byte 0x06, 0x0f, 0x05, 0x06; 1: mov $39,%eax; syscall; ret");

#define CASE(name, free)                                                                           \
    {                                                                                              \
#name, name, name##_end, free                                                              \
    }

static const struct {
    const char *name;
    const uint8_t *start, *end;
    bool free;
} cases[] = {
    CASE(plain, true),          CASE(frame, true),         CASE(base_frame, true),
    CASE(early_address, true),  CASE(realigned, true),     CASE(variable, true),
    CASE(loop_lowers, true),    CASE(indexed_calls, true), CASE(two_ways, true),
    CASE(below_rsp, false),     CASE(below_base, false),   CASE(below_copy, false),
    CASE(below_address, false), CASE(below_raised, false), CASE(below_after, false),
    CASE(below_one_way, false), CASE(below_partly, false), CASE(indexed_leaf, false),
    CASE(part_of_other, false), CASE(lost, false),         CASE(loop_raises, false),
    CASE(behind_table, false),
};

static void test_analysis(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct code code;
        struct redzone redzone;
        size_t calls = 0;
        assert_int_equal(code_decode(cases[i].start, (uint64_t)(uintptr_t)cases[i].start,
                                     (uint64_t)(cases[i].end - cases[i].start), &code, NULL),
                         CELLA_OK);
        assert_false(code.broken || code.tangled);
        assert_int_equal(redzone_analyse(&code, false, &redzone, NULL), CELLA_OK);
        for (size_t k = 0; k < code.count; k++) {
            if (code.steps[k].kind != STEP_SYSCALL)
                continue;
            calls++;
            if (redzone_is_free(redzone_facts(&redzone, k)) != cases[i].free)
                fail_msg("%s: facts %#x", cases[i].name, redzone_facts(&redzone, k));
        }
        assert_true(calls > 0);
        redzone_free(&redzone);
        code_free(&code);
    }
}

static Elf64_Xword section_size; /* of .text, where that is not all of the code */
static ptrdiff_t function_size;  /* what the symbol says, where that is not all of the code */

/* A program whose code is one function with a symbol; NULL on a refusal. The symbol table takes
 * the place of the data. */
static struct image *pack_function(const uint8_t *start, const uint8_t *end, bool symbol,
                                   cella_error *error)
{
    struct {
        Elf64_Sym symbol[2];
        char names[16];
        Elf64_Shdr section[4];
    } table = {
        .symbol[1] = {.st_name = 1,
                      .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                      .st_shndx = 1,
                      .st_value = SMALL_ADDRESS + SMALL_CODE,
                      .st_size = (Elf64_Xword)(function_size ? function_size : end - start)},
        .names = "\0the_function",
        .section[1] = {.sh_type = SHT_SYMTAB, .sh_offset = SMALL_DATA, .sh_size = 48, .sh_link = 2},
        .section[3] = {.sh_type = SHT_PROGBITS,
                       .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                       .sh_addr = SMALL_ADDRESS + SMALL_CODE,
                       .sh_offset = SMALL_CODE,
                       .sh_size = section_size ? section_size : (Elf64_Xword)(end - start)},
        .section[2] = {.sh_type = SHT_STRTAB, .sh_offset = SMALL_DATA + 48, .sh_size = 16},
    };
    struct {
        struct small small;
        uint8_t more[0x100];
    } program = {.small = small_program(start, (size_t)(end - start))};
    memcpy((uint8_t *)&program + SMALL_DATA, &table, sizeof(table));
    program.small.segment[1].p_filesz = 0x200;
    if (symbol) {
        program.small.header.e_shoff = SMALL_DATA + 64;
        program.small.header.e_shnum = 4;
        program.small.header.e_shentsize = sizeof(Elf64_Shdr);
    }
    struct manifest *manifest;
    struct image *image = NULL;
    uint8_t *bytes;
    size_t size;
    memset(error, 0, sizeof(*error));
    assert_int_equal(manifest_default(&manifest, NULL), CELLA_OK);
    if (pack_bytes((uint8_t *)&program, sizeof(program), "small", manifest, 1 << 26, &bytes, &size,
                   error) == CELLA_OK) {
        assert_int_equal(image_parse(bytes, size, "small", &image, error), CELLA_OK);
        free(bytes);
    }
    manifest_free(manifest);
    return image;
}

static void test_call(void **state)
{
    (void)state;
    cella_error error;
    struct image_notes notes;
    uint8_t code[8];
    struct image *image = pack_function(plain, plain_end, true, &error);
    assert_non_null(image);
    assert_true(image_read(image, SMALL_ADDRESS + SMALL_CODE, code, sizeof(code)));
    assert_memory_equal(code, "\xb8\x27\0\0\0\xff\xd0\xc3", 8);
    assert_int_equal(image_notes_read(image, &notes, &error), CELLA_OK);
    assert_int_equal(notes.site_count, 1);
    assert_int_equal(notes.sites[0].kind, IMAGE_SITE_CALL);
    assert_int_equal(notes.sites[0].address, SMALL_ADDRESS + SMALL_CODE + 5);
    assert_string_equal(notes.sites[0].function, "the_function");
    image_notes_free(&notes);
    image_free(image);
}

/* The call, out of line, with the next instruction moved along. */
static void test_stub(void **state)
{
    (void)state;
    static const uint8_t stub[] = {
        0x48, 0x8d, 0x64, 0x24, 0x80, 0xff, 0xd0, 0x48, 0x8d, 0xa4,
        0x24, 0x80, 0,    0,    0,    0x48, 0x8b, 0x44, 0x24, 0xf8, /* mov -8(%rsp),%rax */
        0xe9,
    };
    cella_error error;
    struct image_notes notes;
    uint8_t code[16], made[sizeof(stub) + 4];
    struct image *image = pack_function(below_rsp, below_rsp_end, true, &error);
    assert_non_null(image);
    uint64_t site = SMALL_ADDRESS + SMALL_CODE + 10; /* behind mov, mov */
    uint64_t stubs = image->boot.program.pages.offset + image->boot.program.pages.size;
    int32_t there, back;
    assert_true(image_read(image, site, code, 8));
    assert_int_equal(code[0], 0xe9);
    memcpy(&there, code + 1, 4);
    assert_int_equal(site + 5 + (uint64_t)there, stubs);
    assert_memory_equal(code + 5, "\x90\x90\xc3", 3);
    assert_true(image_read(image, stubs, made, sizeof(made)));
    assert_memory_equal(made, stub, sizeof(stub));
    memcpy(&back, made + sizeof(stub), 4);
    assert_int_equal(stubs + sizeof(made) + (uint64_t)(int64_t)back, site + 7);
    assert_int_equal(image_notes_read(image, &notes, &error), CELLA_OK);
    assert_int_equal(notes.site_count, 1);
    assert_int_equal(notes.sites[0].kind, IMAGE_SITE_STUB);
    image_notes_free(&notes);
    image_free(image);
}

static void test_three_calls_one_stub(void **state)
{
    (void)state;
    cella_error error;
    struct image_notes notes;
    uint8_t code[64];
    struct image *image = pack_function(pair, pair_end, true, &error);
    assert_non_null(image);
    assert_int_equal(image_notes_read(image, &notes, &error), CELLA_OK);
    assert_int_equal(notes.site_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(notes.sites[i].kind, IMAGE_SITE_STUB);
    assert_true(image_read(image, SMALL_ADDRESS + SMALL_CODE, code, sizeof(code)));
    for (size_t i = 0; i + 1 < sizeof(code); i++)
        assert_false(code[i] == 0x0f && code[i + 1] == 0x05);
    image_notes_free(&notes);
    image_free(image);
}

static void test_left_alone(void **state)
{
    (void)state;
    cella_error error;
    struct image_notes notes;
    uint8_t code[64];
    struct image *image = pack_function(inside, inside_end, true, &error);
    assert_non_null(image);
    assert_int_equal(image_notes_read(image, &notes, &error), CELLA_OK);
    assert_int_equal(notes.site_count, 0);
    assert_int_equal(notes.left_alone, 3);
    assert_true(image_read(image, SMALL_ADDRESS + SMALL_CODE, code, (size_t)(inside_end - inside)));
    assert_memory_equal(code, inside, (size_t)(inside_end - inside));
    image_notes_free(&notes);
    image_free(image);
}

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *start, *end;
    } accepted[] = {
        {target_call, target_call_end},   {below_base, below_base_end},
        {below_after, below_after_end},   {part_of_other, part_of_other_end},
        {behind_table, behind_table_end}, {realigned, realigned_end},
    };
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        cella_error error;
        struct image *image = pack_function(accepted[i].start, accepted[i].end, true, &error);
        if (!image)
            fail_msg("%s", error.sentence);
        image_free(image);
        image = pack_function(accepted[i].start, accepted[i].end, false, &error);
        if (!image)
            fail_msg("without symbol: %s", error.sentence);
        image_free(image);
    }
}

/* A jump table in the data leads to every instruction that a stub would move. */
static void test_jump_table(void **state)
{
    (void)state;
    struct small small = small_program(below_rsp, (size_t)(below_rsp_end - below_rsp));
    uint64_t inner[2] = {SMALL_ADDRESS + SMALL_CODE + 10, SMALL_ADDRESS + SMALL_CODE + 12};
    cella_error error;
    size_t size;
    uint8_t *bytes = small_pack(&small, &size, &error);
    assert_non_null(bytes);
    free(bytes);
    memcpy(small.data + 3, inner, sizeof(inner));
    assert_null(small_pack(&small, &size, &error));
    assert_sentence(&error, "something jumps");
}

/* A branch from outside the function, whose symbol ends before the jumps. */
static void test_branch_from_elsewhere(void **state)
{
    (void)state;
    cella_error error;
    struct image *image = pack_function(led_to, led_to_jumps, true, &error);
    assert_non_null(image);
    image_free(image);
    function_size = led_to_jumps - led_to;
    image = pack_function(led_to, led_to_end, true, &error);
    function_size = 0;
    assert_null(image);
    assert_sentence(&error, "something jumps");
}

static void test_behind_functions(void **state)
{
    (void)state;
    cella_error error;
    struct image_notes notes;
    uint8_t code[16];
    function_size = 8;
    struct image *image = pack_function(data_behind, data_behind_end, true, &error);
    assert_non_null(image);
    assert_int_equal(image_notes_read(image, &notes, &error), CELLA_OK);
    assert_int_equal(notes.site_count, 1);
    assert_int_equal(notes.left_alone, 1);
    assert_true(image_read(image, SMALL_ADDRESS + SMALL_CODE + 8, code, 4));
    assert_memory_equal(code, "\x06\x0f\x05\x06", 4);
    image_notes_free(&notes);
    image_free(image);
    function_size = 12;
    assert_null(pack_function(code_behind, code_behind_end, true, &error));
    assert_sentence(&error, "may or may not be a system call at 0x400212");
    assert_null(pack_function(clean_behind, clean_behind_end, true, &error));
    assert_sentence(&error, "may or may not be a system call at 0x40020d");
    function_size = 0;
    /* Outside every section of code (constants in a segment of code): data, whatever it looks
     * like. */
    section_size = 8;
    function_size = 8;
    image = pack_function(clean_behind, clean_behind_end, true, &error);
    assert_non_null(image);
    assert_true(image_read(image, SMALL_ADDRESS + SMALL_CODE + 13, code, 2));
    assert_memory_equal(code, "\x0f\x05", 2);
    image_free(image);
    section_size = 0;
    function_size = 0;
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *start, *end;
        const char *sentence;
    } refused[] = {
        {no_neighbours, no_neighbours_end, "cannot be moved"},
        {target_behind, target_behind_end, "something jumps"},
        {clone, clone_end, "changes the stack itself"},
        {relative, relative_end, "cannot be moved"},
        {interrupt, interrupt_end, "an int 0x80 or sysenter"},
        {enter, enter_end, "an int 0x80 or sysenter"},
        {prefixed, prefixed_end, "with a prefix"},
        {broken, broken_end, "may or may not"},
        {beyond_data, beyond_data_end, "may or may not"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cella_error error;
        struct image *image = pack_function(refused[i].start, refused[i].end, true, &error);
        if (image)
            fail_msg("case %zu (%s) was accepted", i, refused[i].sentence);
        assert_int_equal(error.status, CELLA_UNSUPPORTED);
        assert_sentence(&error, refused[i].sentence);
        assert_sentence(&error, "in function the_function");
        assert_sentence(&error, " at 0x4002");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_analysis),
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_stub),
        cmocka_unit_test(test_three_calls_one_stub),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_jump_table),
        cmocka_unit_test(test_behind_functions),
        cmocka_unit_test(test_branch_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
