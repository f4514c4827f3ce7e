/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of image/ share: the smallest program that can be packed, made in memory, so that
 * a test can break it in one place.
 */
#ifndef TESTS_IMAGE_TEST_H
#define TESTS_IMAGE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image/image.h"
#include "image/pack.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_ADDRESS 0x400000u
#define SMALL_CODE    0x200u /* in the file, and from SMALL_ADDRESS */
#define SMALL_DATA    0x1000u

/* A static program: code and headers at 0x400000 (R X), data at 0x401000 (R W), bss behind it. */
struct small {
    Elf64_Ehdr header;
    Elf64_Phdr segment[4]; /* code, data, PT_GNU_STACK, PT_NULL to be made into anything */
    uint8_t fill[SMALL_CODE - sizeof(Elf64_Ehdr) - 4 * sizeof(Elf64_Phdr)];
    uint8_t code[SMALL_DATA - SMALL_CODE];
    uint8_t data[0x100];
};

static inline struct small small_program(const void *code, size_t size)
{
    struct small small = {
        .header =
            {
                .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                .e_type = ET_EXEC,
                .e_machine = EM_X86_64,
                .e_version = EV_CURRENT,
                .e_entry = SMALL_ADDRESS + SMALL_CODE,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 4,
            },
        .segment =
            {
                {.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_X,
                 .p_vaddr = SMALL_ADDRESS,
                 .p_filesz = SMALL_CODE + size,
                 .p_memsz = SMALL_CODE + size},
                {.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_W,
                 .p_offset = SMALL_DATA,
                 .p_vaddr = SMALL_ADDRESS + SMALL_DATA,
                 .p_filesz = 0x100,
                 .p_memsz = 0x2000},
                {.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W},
            },
    };
    memcpy(small.code, code, size);
    return small;
}

static const uint8_t small_code[] = {0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xc3};

/* Packs with one thread and no manifest; NULL on a refusal, which `error` then holds. */
static inline uint8_t *small_pack(const struct small *small, size_t *size, cella_error *error)
{
    struct manifest *manifest;
    uint8_t *bytes = NULL;
    memset(error, 0, sizeof(*error));
    assert_int_equal(manifest_default(&manifest, NULL), CELLA_OK);
    manifest->threads = 1;
    cella_status status = pack_bytes((const uint8_t *)small, sizeof(*small), "dir/small", manifest,
                                     1 << 26, &bytes, size, error);
    assert_int_equal(status, error->status);
    if (status != CELLA_OK)
        assert_ptr_equal(strstr(error->sentence, "dir/small:"), error->sentence);
    manifest_free(manifest);
    return bytes;
}

static inline void assert_sentence(const cella_error *error, const char *part)
{
    if (!strstr(error->sentence, part))
        fail_msg("\"%s\" does not hold \"%s\"", error->sentence, part);
}

#endif
