/* SPDX-License-Identifier: Apache-2.0
 *
 * mprotect as ordinary programs use it: read-only and back (what RELRO, guard pages and allocators
 * do), on parts of a mapping; bytes are kept; errors. That a protection *holds* is not asked here.
 */
#include "check.h"
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096u

int main(void)
{
    unsigned char *memory =
        mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    memset(memory, 4, 8 * PAGE);
    CHECK(mprotect(memory, 8 * PAGE, PROT_READ) == 0);
    CHECK(memory[0] == 4 && memory[8 * PAGE - 1] == 4);
    CHECK(mprotect(memory + 2 * PAGE, PAGE, PROT_NONE) == 0);
    CHECK(mprotect(memory + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(memory[2 * PAGE] == 4);
    memory[2 * PAGE] = 5;
    CHECK(mprotect(memory, 8 * PAGE, PROT_READ | PROT_WRITE) == 0);
    memory[0] = 6;
    CHECK(memory[0] == 6 && memory[2 * PAGE] == 5 && memory[3 * PAGE] == 4);
    puts("protection changes, bytes stay");

    /* What an allocator does: reserve without access, then open parts of it. */
    unsigned char *reserved =
        mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(reserved != MAP_FAILED);
    CHECK(mprotect(reserved + 8 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE) == 0);
    for (size_t i = 8 * PAGE; i < 16 * PAGE; i++) {
        CHECK(reserved[i] == 0);
        reserved[i] = 1;
    }
    puts("reserved, then opened");

    /* Not by mprotect: musl rounds addresses itself. */
    CHECK_ERROR(syscall(SYS_mprotect, memory + 1, PAGE, PROT_READ), EINVAL);
    CHECK(mprotect(memory, 0, PROT_READ) == 0);
    puts("errors");
    return 0;
}
