/* SPDX-License-Identifier: Apache-2.0
 *
 * The auxiliary vector: what libraries look up there is there and true.
 */
#include "check.h"
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>

int main(void)
{
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM), loads = 0;
    unsigned any = 0;

    CHECK(random != NULL);
    for (int i = 0; i < 16; i++)
        any |= random[i];
    CHECK(any != 0);
    CHECK(getauxval(AT_PAGESZ) == 4096);
    CHECK(getauxval(AT_PHENT) == sizeof *headers);
    CHECK(headers != NULL && count > 0 && count < 100);
    for (size_t i = 0; i < count; i++)
        loads += headers[i].p_type == PT_LOAD;
    CHECK(loads >= 2);
    CHECK(getauxval(AT_ENTRY) != 0);
    CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
    CHECK(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    CHECK(getauxval(AT_SECURE) == 0);
    CHECK(getauxval(AT_CLKTCK) == 100);
    CHECK(getauxval(AT_HWCAP) != 0);
    CHECK(getauxval(AT_EXECFN) != 0);
    CHECK(strcmp((const char *)getauxval(AT_PLATFORM), "x86_64") == 0);
    puts("auxiliary vector");

    /* The stack is aligned at entry as the ABI says. */
    CHECK((uintptr_t)__builtin_frame_address(0) % 16 == 0);
    puts("aligned");
    return 0;
}
