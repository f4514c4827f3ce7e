/* SPDX-License-Identifier: Apache-2.0
 *
 * A system call made out of line. Around it at least 5 bytes of whole instructions are replaced by
 * a jump; they move into the stub, unchanged, on their side of the call:
 *
 *   displaced before;  lea -128(%rsp),%rsp;  call *%rax;  lea 128(%rsp),%rsp;  displaced after;
 *   jmp back
 *
 * Displaced instructions must not depend on their own address, and nothing may lead to any but the
 * first: no jump or call of the whole program, no entry of a jump table. lea keeps the flags.
 */
#ifndef IMAGE_STUB_H
#define IMAGE_STUB_H

#include "code.h"
#include "elf.h"
#include "functions.h"

#define STUB_JUMP 5u   /* bytes of jmp rel32 */
#define STUB_MOST 192u /* bytes of the longest stub */

/* Steps first..last of `code` are displaced. At least one is a system call. */
struct stub_window {
    size_t first, last;
};

/* The program, and what is known of its functions. */
struct stub_context {
    const struct elf_program *program;
    const struct functions *symbols, *frames;
};

/* Finds what to displace around step `call`, starting no lower than address `from`. False: there
 * is no way; *why then says so. */
bool stub_find(const struct stub_context *context, const struct code *code, size_t call,
               uint64_t from, struct stub_window *window, const char **why);
/* Writes the stub that will lie at `address`; its size. */
size_t stub_write(const struct elf_program *program, const struct code *code,
                  struct stub_window window, uint64_t address, uint8_t stub[STUB_MOST]);
/* Puts a jump to the stub over the window. */
void stub_divert(uint8_t *at, uint64_t address, uint64_t size, uint64_t stub);

#endif
