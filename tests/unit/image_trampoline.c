/* SPDX-License-Identifier: Apache-2.0
 *
 * Page 0: decoded from every system call number, it leads to the runtime's entry and does nothing
 * on the way.
 */
#include "image_test.h"

#include "image/trampoline.h"

#include <Zydis/Zydis.h>

#define TARGET 0x21234u

static void test_every_number_arrives(void **state)
{
    (void)state;
    uint8_t page[4096];
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    trampoline_write(page, TARGET);
    for (unsigned number = 0; number < TRAMPOLINE_BYTES; number++) {
        uint64_t at = number;
        unsigned steps = 0;
        while (at != TARGET) {
            ZydisDecodedInstruction instruction;
            ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
            assert_true(at < sizeof(page));
            assert_true(++steps < 256);
            assert_true(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, page + at, sizeof(page) - at,
                                                            &instruction, operands)));
            at += instruction.length;
            if (instruction.mnemonic == ZYDIS_MNEMONIC_JMP) {
                assert_true(operands[0].imm.is_relative);
                at += operands[0].imm.value.u;
            } else {
                assert_int_equal(instruction.mnemonic, ZYDIS_MNEMONIC_NOP);
            }
        }
    }
}

/* Behind the jump everything traps. */
static void test_rest_traps(void **state)
{
    (void)state;
    uint8_t page[4096];
    trampoline_write(page, TARGET);
    for (unsigned i = 640; i < sizeof(page); i++)
        assert_int_equal(page[i], 0xcc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_arrives),
        cmocka_unit_test(test_rest_traps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
