/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of images: what it accepts is canonical and laid out as boot.h says; everything else
 * is refused with its own sentence. Each case breaks a good image in one place.
 */
#include "image_test.h"

#include "image/layout.h"
#include "image/sgxs.h"
#include "tee/tee.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

struct broken {
    uint8_t *bytes;
    size_t size;
};

static struct broken good(void)
{
    struct small small = small_program(small_code, sizeof(small_code));
    struct broken image;
    cella_error error;
    image.bytes = small_pack(&small, &image.size, &error);
    assert_non_null(image.bytes);
    return image;
}

/* The EADD record of the page at an offset of ELRANGE. */
static uint8_t *find(const struct broken *image, uint64_t offset)
{
    for (size_t at = IMAGE_RECORD; at < image->size; at += SGXS_PAGE_BYTES)
        if (memcmp(image->bytes + at + 8, &offset, 8) == 0)
            return image->bytes + at;
    fail_msg("no page 0x%llx", (unsigned long long)offset);
    return NULL;
}

static void remove_page(struct broken *image, uint64_t offset)
{
    uint8_t *at = find(image, offset);
    uint8_t *end = image->bytes + image->size;
    memmove(at, at + SGXS_PAGE_BYTES, (size_t)(end - at) - SGXS_PAGE_BYTES);
    image->size -= SGXS_PAGE_BYTES;
}

static void move_page(struct broken *image, uint64_t offset, uint64_t to)
{
    sgxs_write_page(find(image, offset), to, TEE_PAGE_REG | TEE_PAGE_R, NULL);
}

static struct boot_header *boot_of(const struct broken *image)
{
    return (struct boot_header *)(find(image, LAYOUT_BOOT) + 2 * IMAGE_RECORD);
}

/* A place in the blob, in its first chunk, as bytes of the stream. */
static uint8_t *blob_at(const struct broken *image, uint64_t address)
{
    uint64_t page = address & ~UINT64_C(0xfff), into = address & 0xfff;
    return find(image, page) + 2 * IMAGE_RECORD + into / IMAGE_CHUNK * IMAGE_CHUNK_STRIDE +
           into % IMAGE_CHUNK;
}

static struct boot_file *file_of(const struct broken *image)
{
    return (struct boot_file *)blob_at(image, boot_of(image)->files.offset);
}

static void set_flags(const struct broken *image, uint64_t offset, uint64_t flags)
{
    memcpy(find(image, offset) + 16, &flags, 8);
}

#define BREAK(name, ...)                                                                           \
    static void break_##name(struct broken *image)                                                 \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define BOOT boot_of(image)

BREAK(empty, image->size = 0)
BREAK(create_cut, image->size = 63)
BREAK(create_tag, image->bytes[0] = 'X')
BREAK(create_reserved, image->bytes[20] = 1)
BREAK(create_tail, image->bytes[63] = 1)
BREAK(size_not_power, image->bytes[12] = 1)
BREAK(size_zero, memset(image->bytes + 12, 0, 8))
BREAK(size_huge, memset(image->bytes + 12, 0, 8); image->bytes[18] = 0x80)
BREAK(ssa, image->bytes[8] = 2)
BREAK(unsized, memcpy(image->bytes, "UNSIZED", 8))
BREAK(only_create, image->size = IMAGE_RECORD)
BREAK(add_cut, image->size = IMAGE_RECORD + 63)
BREAK(page_cut, image->size -= 1)
BREAK(page_cut_short, image->size = IMAGE_RECORD + SGXS_PAGE_BYTES + IMAGE_RECORD)
BREAK(add_tag, image->bytes[64] = 'e')
BREAK(add_is_create, memcpy(image->bytes + 64, "ECREATE", 8))
BREAK(add_reserved, image->bytes[64 + 24] = 1)
BREAK(add_tail, image->bytes[64 + 63] = 1)
BREAK(unaligned, image->bytes[64 + 8] = 1)
BREAK(outside, image->bytes[64 + 14] = 1)
BREAK(not_rising, memset(find(image, LAYOUT_BOOT) + 8, 0, 8))
BREAK(flags_unknown, set_flags(image, 0, 0x1205))
BREAK(flags_type, set_flags(image, 0, 0x5))
BREAK(flags_both_types, set_flags(image, 0, 0x305))
BREAK(flags_tcs, set_flags(image, BOOT->threads, 0x103))
BREAK(flags_unreadable, set_flags(image, SMALL_ADDRESS, 0x204))
BREAK(flags_write_only, set_flags(image, SMALL_ADDRESS, 0x202))
BREAK(flags_wx, set_flags(image, SMALL_ADDRESS, 0x207))
BREAK(extend_tag, image->bytes[128] = 'x')
BREAK(extend_is_add, memcpy(image->bytes + 128, "EADD\0\0\0\0", 8))
BREAK(extend_unmeasured, memcpy(image->bytes + 128, "UNMEASRD", 8))
BREAK(add_unmeasured, memcpy(image->bytes + 64, "UNMEASRD", 8))
BREAK(extend_offset, image->bytes[128 + IMAGE_CHUNK_STRIDE + 9] = 2)
BREAK(extend_reserved, image->bytes[128 + 16] = 1)
BREAK(extend_tail, image->bytes[128 + 63] = 1)

/* Where the header speaks of an agent, which is in two chunks. */
static void put_agent(struct broken *image, struct boot_program agent, struct boot_span arguments)
{
    uint8_t bytes[sizeof(agent) + sizeof(arguments)];
    memcpy(bytes, &agent, sizeof(agent));
    memcpy(bytes + sizeof(agent), &arguments, sizeof(arguments));
    for (size_t i = 0; i < sizeof(bytes); i++)
        *blob_at(image, LAYOUT_BOOT + offsetof(struct boot_header, agent) + i) = bytes[i];
}

/* An agent as it may be, but for the blob, which it lies over. */
static struct boot_program agent_of(const struct broken *image)
{
    struct boot_program agent = boot_of(image)->program;
    agent.pages = (struct boot_span){boot_of(image)->blob.offset, 0x1000};
    agent.entry = agent.headers = agent.pages.offset;
    return agent;
}

#define BREAK_AGENT(name, ...)                                                                     \
    static void break_##name(struct broken *image)                                                 \
    {                                                                                              \
        struct boot_program agent = agent_of(image);                                               \
        struct boot_span arguments = boot_of(image)->arguments;                                    \
        __VA_ARGS__;                                                                               \
        put_agent(image, agent, arguments);                                                        \
    }

BREAK(no_boot, remove_page(image, LAYOUT_BOOT))
BREAK(no_trampoline, remove_page(image, 0))
BREAK(boot_magic, BOOT->magic++)
BREAK(boot_version, BOOT->version++)
BREAK(boot_flags, BOOT->flags |= 1u << 31)
BREAK(boot_reserved, BOOT->reserved = 1)
BREAK(boot_elrange, BOOT->elrange_size /= 2)
BREAK(boot_tail, find(image, LAYOUT_BOOT)[SGXS_PAGE_BYTES - 1] = 1)
BREAK(boot_flags_page, set_flags(image, LAYOUT_BOOT, 0x203))
BREAK(runtime_offset, BOOT->runtime.offset += 0x1000)
BREAK(runtime_size, BOOT->runtime.size = LAYOUT_PROGRAM_LOW)
BREAK(runtime_empty, BOOT->runtime.size = 0)
BREAK(program_low, BOOT->program.pages.offset = 0x100000)
BREAK(program_wraps, BOOT->program.pages.size = UINT64_MAX - 0xfff)
BREAK(program_unaligned, BOOT->program.pages.offset += 8)
BREAK(program_high, BOOT->program.pages.size = LAYOUT_PROGRAM_HIGH)
BREAK(blob_in_program, BOOT->blob.offset = BOOT->program.pages.offset)
BREAK(blob_wraps, BOOT->blob.size = UINT64_MAX - 0xfff)
BREAK(blob_missing, BOOT->blob.size += 0x1000; BOOT->threads += 0x1000)
BREAK(threads_zero, BOOT->thread_count = 0)
BREAK(threads_many, BOOT->thread_count = 65)
BREAK(threads_more, BOOT->thread_count = 2)
BREAK(threads_in_blob, BOOT->threads = BOOT->blob.offset)
BREAK(threads_unaligned, BOOT->threads += 1)
BREAK(heap_unaligned, BOOT->heap.offset += 0x1000)
BREAK(heap_small, BOOT->heap.size = LAYOUT_HEAP_ALIGN)
BREAK(heap_large, BOOT->heap.size = HEAP_SIZE_MAX * 2)
BREAK(heap_low, BOOT->heap.offset = 0)
BREAK(heap_high, BOOT->heap.offset = image->size * 4096)
BREAK(heap_wraps, BOOT->heap.offset = 0 - LAYOUT_HEAP_ALIGN)
BREAK(stack_zero, BOOT->stack_size = 0)
BREAK(stack_unaligned, BOOT->stack_size += 1)
BREAK(stack_large, BOOT->stack_size = BOOT->heap.size + 0x1000)
BREAK(enter_outside, BOOT->runtime_enter = SMALL_ADDRESS)
BREAK(enter_data, BOOT->runtime_enter = LAYOUT_RUNTIME;
      memcpy(find(image, BOOT->threads) + 2 * IMAGE_RECORD + 32, &BOOT->runtime_enter, 8))
BREAK(syscall_outside, BOOT->runtime_syscall = 0)
BREAK(entry_outside, BOOT->program.entry = LAYOUT_RUNTIME)
BREAK(entry_data, BOOT->program.entry = SMALL_ADDRESS + SMALL_DATA)
BREAK(headers_outside, BOOT->program.headers = 0)
BREAK(headers_many, BOOT->program.header_count = UINT32_MAX)
BREAK(headers_size, BOOT->program.header_size = 64)
BREAK(headers_page, remove_page(image, SMALL_ADDRESS + 0x1000);
      BOOT->program.headers = SMALL_ADDRESS + 0x1000)
BREAK_AGENT(agent_half, agent.pages.size = 0; arguments = (struct boot_span){0, 0})
BREAK_AGENT(agent_argued, memset(&agent, 0, sizeof(agent)))
BREAK_AGENT(agent_in_program, agent = BOOT->program)
BREAK_AGENT(agent_wraps, agent.pages.size = 0 - agent.pages.offset)
BREAK_AGENT(agent_high, agent.pages.size = LAYOUT_PROGRAM_HIGH)
BREAK_AGENT(agent_entry, agent.entry = SMALL_ADDRESS)
BREAK_AGENT(agent_headers, agent.header_count = UINT32_MAX)
BREAK_AGENT(agent_blob, arguments.size = 0)
BREAK_AGENT(agent_no_arguments, BOOT->program.pages.size -= 0x1000; agent.pages.offset -= 0x1000;
            agent.entry = agent.headers = agent.pages.offset; arguments.offset = 0)
BREAK(arguments_outside, BOOT->arguments.offset = 0)
BREAK(arguments_wrap, BOOT->arguments.size = UINT64_MAX)
BREAK(arguments_end, BOOT->arguments.size -= 1)
BREAK(environment_outside, BOOT->environment.offset = UINT64_MAX; BOOT->environment.size = 8)
BREAK(environment_end, BOOT->environment = BOOT->arguments; BOOT->environment.size--)
BREAK(files_outside, BOOT->files.size = UINT64_C(80) << 40)
BREAK(files_cut, BOOT->files.size -= 8)
BREAK(files_unaligned, BOOT->files.offset += 4; BOOT->files.size = 0)
BREAK(directory_outside, BOOT->directory.offset = SMALL_ADDRESS)
BREAK(directory_empty, BOOT->directory.size = 0)
BREAK(directory_relative, *blob_at(image, BOOT->directory.offset) = 'x')
BREAK(notes_outside, BOOT->notes.size = BOOT->blob.size + 1)

BREAK(file_kind, file_of(image)->kind = 6)
BREAK(file_kind_zero, file_of(image)->kind = 0)
BREAK(file_flags, file_of(image)->flags = 4; file_of(image)->kind = BOOT_FILE_PLAIN)
BREAK(file_flags_kind, file_of(image)->flags = BOOT_FILE_WRITABLE)
BREAK(file_path_outside, file_of(image)->path.offset = 0)
BREAK(file_path_long, file_of(image)->path = (struct boot_span){BOOT->blob.offset, 4096})
BREAK(file_path_relative, *blob_at(image, file_of(image)->path.offset) = 't')
BREAK(file_path_nul, *blob_at(image, file_of(image)->path.offset + 1) = 0)
BREAK(file_content_outside, file_of(image)->content.size = UINT64_MAX)
BREAK(file_source_empty, file_of(image)->kind = BOOT_FILE_PLAIN)
BREAK(file_key_missing, file_of(image)->kind = BOOT_FILE_BOX)
BREAK(file_key_unwanted, file_of(image)->key = file_of(image)->path)
BREAK(file_key_outside, file_of(image)->key.offset = 1)
BREAK(file_version, file_of(image)->flags = BOOT_FILE_VERSION)

BREAK(page_in_gap, move_page(image, LAYOUT_BOOT + 0, LAYOUT_BOOT + 0x1000))
BREAK(page_in_guard, uint64_t area = BOOT->threads; move_page(image, area + 0x2000, area + 0x3000))
BREAK(page_in_heap, uint64_t block = BOOT->threads + 0x8000;
      move_page(image, block, BOOT->heap.offset))
BREAK(page_lower, uint64_t *heap = &BOOT->heap.offset; (void)heap;
      remove_page(image, BOOT->threads + 0x8000))
BREAK(trampoline_flags, set_flags(image, 0, 0x201))
BREAK(program_tcs, set_flags(image, SMALL_ADDRESS + SMALL_DATA, 0x100))
BREAK(thread_flags, set_flags(image, BOOT->threads + 0x1000, 0x201))
BREAK(tcs_missing, set_flags(image, BOOT->threads, 0x203))
BREAK(tcs_entry, find(image, BOOT->threads)[2 * IMAGE_RECORD + 32] ^= 1)
BREAK(tcs_state, find(image, BOOT->threads)[2 * IMAGE_RECORD] = 1)
BREAK(tcs_tail, find(image, BOOT->threads)[SGXS_PAGE_BYTES - 1] = 1)

#define CASE(name, sentence)                                                                       \
    {                                                                                              \
#name, break_##name, sentence                                                              \
    }

static const struct {
    const char *name;
    void (*change)(struct broken *image);
    const char *sentence;
} cases[] = {
    CASE(empty, "truncated inside the ECREATE"),
    CASE(create_cut, "truncated inside the ECREATE"),
    CASE(create_tag, "byte 0: an ECREATE record"),
    CASE(create_reserved, "reserved bytes of ECREATE"),
    CASE(create_tail, "reserved bytes of ECREATE"),
    CASE(size_not_power, "no power of two"),
    CASE(size_zero, "no power of two"),
    CASE(size_huge, "no power of two"),
    CASE(ssa, "SSA frames of 2 pages"),
    CASE(unsized, "an UNSIZED record"),
    CASE(only_create, "no boot page"),
    CASE(add_cut, "truncated inside an EADD"),
    CASE(page_cut, "truncated inside page"),
    CASE(page_cut_short, "truncated inside page"),
    CASE(add_tag, "byte 64: an EADD record"),
    CASE(add_is_create, "byte 64: an EADD record"),
    CASE(add_reserved, "reserved bytes of EADD"),
    CASE(add_tail, "reserved bytes of EADD"),
    CASE(unaligned, "not page aligned"),
    CASE(outside, "outside ELRANGE"),
    CASE(not_rising, "does not rise"),
    CASE(flags_unknown, "unknown flags"),
    CASE(flags_type, "neither TCS nor REG"),
    CASE(flags_both_types, "neither TCS nor REG"),
    CASE(flags_tcs, "a TCS page has no permissions"),
    CASE(flags_unreadable, "must be readable"),
    CASE(flags_write_only, "must be readable"),
    CASE(flags_wx, "writable and executable"),
    CASE(extend_tag, "byte 128: an EEXTEND record"),
    CASE(extend_is_add, "byte 128: an EEXTEND record"),
    CASE(extend_unmeasured, "byte 128: an UNMEASRD record"),
    CASE(add_unmeasured, "byte 64: an UNMEASRD record"),
    CASE(extend_offset, "EEXTEND of 0x200 where 0x100 is due"),
    CASE(extend_reserved, "reserved bytes of EEXTEND"),
    CASE(extend_tail, "reserved bytes of EEXTEND"),
    CASE(no_boot, "no boot page"),
    CASE(no_trampoline, "page 0, the trampoline, is missing"),
    CASE(boot_magic, "magic number or version"),
    CASE(boot_version, "magic number or version"),
    CASE(boot_flags, "unknown flags are set"),
    CASE(boot_reserved, "reserved bytes"),
    CASE(boot_elrange, "ELRANGE is not that of ECREATE"),
    CASE(boot_tail, "behind its header"),
    CASE(boot_flags_page, "page 0x10000: flags 0x203"),
    CASE(runtime_offset, "runtime's region"),
    CASE(runtime_size, "runtime's region"),
    CASE(runtime_empty, "runtime's region"),
    CASE(program_low, "program's region"),
    CASE(program_wraps, "program's region"),
    CASE(program_unaligned, "program's region"),
    CASE(program_high, "program's region"),
    CASE(blob_in_program, "blob's region"),
    CASE(blob_wraps, "blob's region"),
    CASE(blob_missing, "flags"),
    CASE(threads_zero, "number of threads"),
    CASE(threads_many, "number of threads"),
    CASE(threads_more, "thread areas are missing"),
    CASE(threads_in_blob, "thread areas lie wrong"),
    CASE(threads_unaligned, "thread areas lie wrong"),
    CASE(heap_unaligned, "heap's region"),
    CASE(heap_small, "heap's region"),
    CASE(heap_large, "heap's region"),
    CASE(heap_low, "heap's region"),
    CASE(heap_high, "heap's region"),
    CASE(heap_wraps, "heap's region"),
    CASE(stack_zero, "stack does not fit"),
    CASE(stack_unaligned, "stack does not fit"),
    CASE(stack_large, "stack does not fit"),
    CASE(enter_outside, "entry of the runtime lies outside"),
    CASE(enter_data, "entry of the runtime is not executable"),
    CASE(syscall_outside, "entry of the runtime lies outside"),
    CASE(entry_outside, "program's entry lies outside"),
    CASE(entry_data, "program's entry is not executable"),
    CASE(headers_outside, "headers lie outside"),
    CASE(headers_many, "headers lie outside"),
    CASE(headers_size, "headers lie outside"),
    CASE(headers_page, "headers are in no page"),
    CASE(agent_half, "agent, which is not there"),
    CASE(agent_argued, "agent, which is not there"),
    CASE(agent_in_program, "program's region"),
    CASE(agent_wraps, "program's region"),
    CASE(agent_high, "program's region"),
    CASE(agent_entry, "program's entry lies outside"),
    CASE(agent_headers, "program's headers lie outside"),
    CASE(agent_blob, "blob's region"),
    CASE(agent_no_arguments, "outside the blob"),
    CASE(arguments_outside, "outside the blob"),
    CASE(arguments_wrap, "outside the blob"),
    CASE(arguments_end, "arguments do not end"),
    CASE(environment_outside, "outside the blob"),
    CASE(environment_end, "environment does not end"),
    CASE(files_outside, "outside the blob"),
    CASE(files_cut, "file table is cut"),
    CASE(files_unaligned, "file table is cut"),
    CASE(directory_outside, "outside the blob"),
    CASE(directory_empty, "working directory"),
    CASE(directory_relative, "working directory"),
    CASE(notes_outside, "outside the blob"),
    CASE(file_kind, "unknown kind"),
    CASE(file_kind_zero, "unknown kind"),
    CASE(file_flags, "unknown flags"),
    CASE(file_flags_kind, "unknown flags"),
    CASE(file_path_outside, "entry 0 of the file table points outside"),
    CASE(file_path_long, "valid path"),
    CASE(file_path_relative, "valid path"),
    CASE(file_path_nul, "valid path"),
    CASE(file_content_outside, "points outside"),
    CASE(file_source_empty, "valid source"),
    CASE(file_key_missing, "name of a key"),
    CASE(file_key_unwanted, "name of a key"),
    CASE(file_key_outside, "points outside"),
    CASE(file_version, "unknown flags"),
    CASE(page_in_gap, "no boot page"),
    CASE(page_in_guard, "lies where no page may be"),
    CASE(page_in_heap, "lies where no page may be"),
    CASE(page_lower, "thread areas are missing"),
    CASE(trampoline_flags, "page 0x0: flags 0x201"),
    CASE(program_tcs, "flags 0x100 are wrong"),
    CASE(thread_flags, "are wrong there"),
    CASE(tcs_missing, "are wrong there"),
    CASE(tcs_entry, "TCS of thread 0"),
    CASE(tcs_state, "TCS of thread 0"),
    CASE(tcs_tail, "TCS of thread 0"),
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct broken broken = good();
        struct image *image = NULL;
        cella_error error = {0};
        cases[i].change(&broken);
        cella_status status = image_parse(broken.bytes, broken.size, "x.sgxs", &image, &error);
        if (status == CELLA_OK || image || status != error.status)
            fail_msg("%s: status %d", cases[i].name, status);
        assert_ptr_equal(strstr(error.sentence, "x.sgxs: "), error.sentence);
        if (!strstr(error.sentence, cases[i].sentence))
            fail_msg("%s: \"%s\"", cases[i].name, error.sentence);
        free(broken.bytes);
    }
}

static void test_identity_is_the_digest(void **state)
{
    (void)state;
    struct broken whole = good();
    struct image *image;
    cella_error error;
    uint8_t digest[32];
    char path[] = "/tmp/cella-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, whole.bytes, whole.size), whole.size);
    close(fd);
    assert_true(image_is_sgxs(path));
    assert_int_equal(image_open(path, &image, &error), CELLA_OK);
    EVP_Digest(whole.bytes, whole.size, digest, NULL, EVP_sha256(), NULL);
    uint8_t mrenclave[32];
    assert_int_equal(image_measure(image, mrenclave, &error), CELLA_OK);
    assert_memory_equal(mrenclave, digest, sizeof(digest));
    assert_int_equal(image->page_count, (whole.size - IMAGE_RECORD) / SGXS_PAGE_BYTES);
    image_free(image);
    /* One bit anywhere in a page: still an image, but another one. */
    struct broken other = good();
    find(&other, SMALL_ADDRESS + SMALL_DATA)[2 * IMAGE_RECORD] ^= 1;
    assert_int_equal(image_parse(other.bytes, other.size, "other", &image, &error), CELLA_OK);
    assert_int_equal(image_measure(image, mrenclave, &error), CELLA_OK);
    assert_memory_not_equal(mrenclave, digest, sizeof(digest));
    image_free(image);
    free(other.bytes);
    free(whole.bytes);
    unlink(path);
    assert_false(image_is_sgxs(path));
    assert_false(image_is_sgxs("/proc/self/exe"));
    assert_int_equal(image_open(path, &image, &error), CELLA_INVALID);
    assert_sentence(&error, "cannot open");
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const valid[] = {"/a", "/a/b", "/.a", "/a..", "/..."};
    static const char *const invalid[] = {"",    "a",    "/",     "/a/",  "//",    "//a",
                                          "/./", "/a/.", "/a/..", "/../", "/a//b", "/."};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
        assert_true(layout_path_is_valid(valid[i], strlen(valid[i])));
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        assert_false(layout_path_is_valid(invalid[i], strlen(invalid[i])));
    assert_false(layout_path_is_valid("/a\0b", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_identity_is_the_digest),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
