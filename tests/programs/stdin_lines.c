/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard I/O: getline, getc, ungetc, scanf on stdin; a last line without a newline counts.
 */
#include "check.h"

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    int number, lines = 0;

    CHECK(scanf("%d", &number) == 1);
    printf("number %d\n", number);
    CHECK(getc(stdin) == '\n');
    int c = getc(stdin);
    CHECK(c != EOF);
    CHECK(ungetc(c, stdin) == c);
    for (ssize_t length; (length = getline(&line, &room, stdin)) >= 0; lines++)
        printf("%zd %.*s\n", length, (int)strcspn(line, "\n"), line);
    CHECK(feof(stdin));
    CHECK(!ferror(stdin));
    printf("%d lines\n", lines);
    free(line);
    return 0;
}
