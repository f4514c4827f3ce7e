/* SPDX-License-Identifier: Apache-2.0
 *
 * Every way in which a program can be malformed or unsuitable, each with its own refusal.
 */
#include "image_test.h"

static void not_elf(struct small *small)
{
    small->header.e_ident[1] = 'X';
}

static void class_32(struct small *small)
{
    small->header.e_ident[EI_CLASS] = ELFCLASS32;
}

static void class_unknown(struct small *small)
{
    small->header.e_ident[EI_CLASS] = 9;
}

static void big_endian(struct small *small)
{
    small->header.e_ident[EI_DATA] = ELFDATA2MSB;
}

static void other_version(struct small *small)
{
    small->header.e_version = 2;
}

static void other_machine(struct small *small)
{
    small->header.e_machine = EM_AARCH64;
}

static void other_system(struct small *small)
{
    small->header.e_ident[EI_OSABI] = ELFOSABI_FREEBSD;
}

static void relocatable(struct small *small)
{
    small->header.e_type = ET_REL;
}

static void core_dump(struct small *small)
{
    small->header.e_type = ET_CORE;
}

static void unknown_type(struct small *small)
{
    small->header.e_type = 77;
}

static void no_headers(struct small *small)
{
    small->header.e_phnum = 0;
}

static void header_size(struct small *small)
{
    small->header.e_phentsize = 32;
}

static void many_headers(struct small *small)
{
    small->header.e_phnum = 129;
}

static void headers_outside(struct small *small)
{
    small->header.e_phoff = sizeof(*small) - 8;
}

static void headers_far_outside(struct small *small)
{
    small->header.e_phoff = UINT64_MAX - 8;
}

static void interpreter(struct small *small)
{
    small->segment[3] = (Elf64_Phdr){.p_type = PT_INTERP};
}

/* PT_DYNAMIC in the data, with one entry. */
static void dynamic(struct small *small, Elf64_Sxword tag, Elf64_Xword value)
{
    Elf64_Dyn entries[2] = {{.d_tag = tag, .d_un.d_val = value}, {.d_tag = DT_NULL}};
    memcpy(small->data, entries, sizeof(entries));
    small->segment[3] =
        (Elf64_Phdr){.p_type = PT_DYNAMIC, .p_offset = SMALL_DATA, .p_filesz = sizeof(entries)};
}

static void needs_library(struct small *small)
{
    dynamic(small, DT_NEEDED, 1);
}

static void shared_library(struct small *small)
{
    small->header.e_type = ET_DYN;
    dynamic(small, DT_FLAGS_1, 0);
}

static void dynamic_outside(struct small *small)
{
    dynamic(small, DT_FLAGS_1, 0);
    small->segment[3].p_offset = sizeof(*small);
}

static void pie_without_dynamic(struct small *small)
{
    small->header.e_type = ET_DYN;
}

static void executable_stack(struct small *small)
{
    small->segment[2].p_flags |= PF_X;
}

static void nothing_to_load(struct small *small)
{
    small->segment[0].p_type = PT_NULL;
    small->segment[1].p_type = PT_NULL;
}

static void more_file_than_memory(struct small *small)
{
    small->segment[1].p_memsz = small->segment[1].p_filesz - 1;
}

static void segment_outside(struct small *small)
{
    small->segment[1].p_filesz = 0x101;
}

static void segment_far_outside(struct small *small)
{
    small->segment[1].p_offset = UINT64_MAX;
}

static void segment_wraps(struct small *small)
{
    small->segment[1].p_memsz = UINT64_MAX - 0x1000;
}

static void segment_wraps_page(struct small *small)
{
    small->segment[1].p_vaddr = UINT64_MAX - 0x2010;
}

static void writable_and_executable(struct small *small)
{
    small->segment[0].p_flags |= PF_W;
}

static void too_low(struct small *small)
{
    small->segment[0].p_vaddr = 0x1ff000;
    small->header.e_entry = 0x1ff000 + SMALL_CODE;
}

static void too_high(struct small *small)
{
    small->segment[1].p_memsz = UINT64_C(1) << 32;
}

static void overlap(struct small *small)
{
    small->segment[1].p_vaddr = SMALL_ADDRESS + SMALL_CODE + 4;
}

static void shared_page(struct small *small)
{
    small->segment[1].p_vaddr = SMALL_ADDRESS + 0x800;
}

static void entry_outside(struct small *small)
{
    small->header.e_entry = SMALL_ADDRESS + 0x800;
}

static void entry_in_data(struct small *small)
{
    small->header.e_entry = SMALL_ADDRESS + SMALL_DATA;
}

static void headers_not_loaded(struct small *small)
{
    small->segment[0].p_offset = SMALL_CODE;
    small->segment[0].p_filesz = 8;
}

static void too_big(struct small *small)
{
    small->segment[1].p_memsz = 1 << 28;
}

static const struct {
    const char *name;
    void (*change)(struct small *small);
    cella_status status;
    const char *sentence;
} cases[] = {
    {"not ELF", not_elf, CELLA_INVALID, "not an ELF program"},
    {"32-bit", class_32, CELLA_UNSUPPORTED, "32-bit"},
    {"class", class_unknown, CELLA_INVALID, "class 9"},
    {"big-endian", big_endian, CELLA_UNSUPPORTED, "big-endian"},
    {"version", other_version, CELLA_INVALID, "ELF version"},
    {"machine", other_machine, CELLA_UNSUPPORTED, "ELF machine 183"},
    {"system", other_system, CELLA_UNSUPPORTED, "OS/ABI 9"},
    {"relocatable", relocatable, CELLA_UNSUPPORTED, "relocatable object"},
    {"core", core_dump, CELLA_UNSUPPORTED, "core dump"},
    {"type", unknown_type, CELLA_INVALID, "ELF type 77"},
    {"no program headers", no_headers, CELLA_INVALID, "no program headers"},
    {"size of headers", header_size, CELLA_INVALID, "32 bytes each"},
    {"many headers", many_headers, CELLA_UNSUPPORTED, "129 program headers"},
    {"headers outside", headers_outside, CELLA_INVALID, "program headers lie outside"},
    {"headers far outside", headers_far_outside, CELLA_INVALID, "program headers lie outside"},
    {"interpreter", interpreter, CELLA_UNSUPPORTED, "link it with -static"},
    {"DT_NEEDED", needs_library, CELLA_UNSUPPORTED, "DT_NEEDED"},
    {"shared library", shared_library, CELLA_UNSUPPORTED, "a shared library"},
    {"dynamic outside", dynamic_outside, CELLA_INVALID, "dynamic section lies outside"},
    {"PIE without dynamic", pie_without_dynamic, CELLA_UNSUPPORTED, "cannot relocate itself"},
    {"executable stack", executable_stack, CELLA_UNSUPPORTED, "executable stack"},
    {"nothing to load", nothing_to_load, CELLA_INVALID, "no loadable segment"},
    {"file > memory", more_file_than_memory, CELLA_INVALID, "more bytes in the file"},
    {"segment outside", segment_outside, CELLA_INVALID, "segment 1 lies outside the file"},
    {"segment far outside", segment_far_outside, CELLA_INVALID, "segment 1 lies outside"},
    {"segment wraps", segment_wraps, CELLA_INVALID, "wraps around"},
    {"segment's page wraps", segment_wraps_page, CELLA_INVALID, "wraps around"},
    {"W and X", writable_and_executable, CELLA_UNSUPPORTED, "writable and executable"},
    {"too low", too_low, CELLA_UNSUPPORTED, "below 0x200000"},
    {"too high", too_high, CELLA_UNSUPPORTED, "above 0x100000000"},
    {"overlap", overlap, CELLA_INVALID, "segments overlap"},
    {"shared page", shared_page, CELLA_UNSUPPORTED, "both code and writable data"},
    {"entry outside", entry_outside, CELLA_INVALID, "entry point"},
    {"entry in data", entry_in_data, CELLA_INVALID, "entry point"},
    {"headers not loaded", headers_not_loaded, CELLA_UNSUPPORTED, "in no loaded segment"},
    {"too big an image", too_big, CELLA_UNSUPPORTED, "its image would have"},
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct small small = small_program(small_code, sizeof(small_code));
        cella_error error;
        size_t size;
        cases[i].change(&small);
        uint8_t *bytes = small_pack(&small, &size, &error);
        if (bytes || error.status != cases[i].status)
            fail_msg("%s: status %d: %s", cases[i].name, error.status, error.sentence);
        assert_sentence(&error, cases[i].sentence);
    }
}

/* Cut at every length, it is refused or at least never read beyond its end (ASan watches). */
static void test_truncated(void **state)
{
    (void)state;
    struct small small = small_program(small_code, sizeof(small_code));
    struct manifest *manifest;
    assert_int_equal(manifest_default(&manifest, NULL), CELLA_OK);
    for (size_t size = 0; size < sizeof(small); size += size < 512 ? 1 : 97) {
        uint8_t *copy = malloc(size + 1), *bytes;
        size_t packed;
        cella_error error = {0};
        assert_non_null(copy);
        memcpy(copy, &small, size);
        copy = realloc(copy, size ? size : 1);
        assert_int_equal(pack_bytes(copy, size, "cut", manifest, 1 << 26, &bytes, &packed, &error),
                         CELLA_INVALID);
        assert_sentence(&error, size < 4 ? "not an ELF" : "truncated");
        free(copy);
    }
    manifest_free(manifest);
}

static void test_pages(void **state)
{
    (void)state;
    struct small small = small_program(small_code, sizeof(small_code));
    cella_error error;
    struct image *image;
    size_t size;
    uint8_t page[4096];
    memset(small.data, 0x5a, sizeof(small.data));
    uint8_t *bytes = small_pack(&small, &size, &error);
    assert_non_null(bytes);
    assert_int_equal(image_parse(bytes, size, "small", &image, &error), CELLA_OK);
    assert_int_equal(image->boot.program.pages.offset, SMALL_ADDRESS);
    assert_int_equal(image->boot.program.pages.size, 0x3000);
    assert_int_equal(image->boot.program.entry, SMALL_ADDRESS + SMALL_CODE);
    assert_int_equal(image->boot.program.headers, SMALL_ADDRESS + 64);
    assert_int_equal(image->boot.program.header_count, 4);
    assert_true(image_read(image, SMALL_ADDRESS, page, sizeof(page)));
    assert_memory_equal(page + SMALL_CODE, "\xb8\x27\0\0\0\xff\xd0\xc3", 8);
    assert_true(image_read(image, SMALL_ADDRESS + SMALL_DATA, page, sizeof(page)));
    assert_memory_equal(page, small.data, sizeof(small.data));
    for (size_t i = sizeof(small.data); i < sizeof(page); i++)
        assert_int_equal(page[i], 0);
    /* what was not added cannot be read */
    assert_false(image_read(image, image->boot.heap.offset, page, 1));
    assert_false(image_read(image, UINT64_MAX, page, 1));
    image_free(image);
    free(bytes);
}

/* Adjacent segments that share a page, neither of them both: the page gets both permissions. */
static void test_shared_page_without_conflict(void **state)
{
    (void)state;
    struct small small = small_program(small_code, sizeof(small_code));
    cella_error error;
    size_t size;
    small.segment[1].p_flags = PF_R;
    small.segment[1].p_vaddr = SMALL_ADDRESS + 0x800;
    uint8_t *bytes = small_pack(&small, &size, &error);
    assert_non_null(bytes);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_shared_page_without_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
