/* SPDX-License-Identifier: Apache-2.0
 *
 * The least program: it writes a word, reads what it was given, and ends; small, because it is
 * packed and run a thousand times. Built without any libc.
 */
static long ask(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

#define SYS_READ       0
#define SYS_WRITE      1
#define SYS_OPEN       2
#define SYS_EXIT_GROUP 231

void start(void);
void start(void)
{
    char bytes[16];
    long status = ask(SYS_WRITE, 1, (long)"word\n", 5) == 5 ? 0 : 1;
    long fd = ask(SYS_OPEN, (long)"/plain/file", 0, 0);
    status |= fd < 0 || ask(SYS_READ, fd, (long)bytes, sizeof(bytes)) != 4 ? 2 : 0;
    ask(SYS_EXIT_GROUP, status, 0, 0);
    __builtin_trap();
}
