/* SPDX-License-Identifier: Apache-2.0
 *
 * restart CELLA: the command `cella keyd serve` under load: told to read again, stopped by SIGTERM
 * and started again, killed. No reply is lost or wrong, and its log has what was given: each key
 * once where it was stopped, and none too few where it was killed.
 */
#include "keyd_load.h"

#include <fcntl.h>
#include <sys/wait.h>

static const char *cella;
static uint16_t port; /* 0: any that is free */
static pid_t keyd;

/* The port that its first line says. */
static uint16_t read_port(int fd)
{
    char line[64] = "";
    FILE *from = fdopen(fd, "r");
    assert_non_null(from);
    if (!fgets(line, sizeof(line), from) || strncmp(line, "listening=127.0.0.1:", 20) != 0)
        fail_msg("keyd does not serve: %s", line);
    fclose(from);
    return (uint16_t)atoi(line + 20);
}

static void start(void)
{
    int out[2], pass[2];
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    assert_true(pipe2(out, O_CLOEXEC) == 0 && pipe2(pass, O_CLOEXEC) == 0);
    assert_int_equal(write(pass[1], "open sesame\n", 12), 12);
    close(pass[1]);
    keyd = fork();
    if (keyd == 0) {
        dup2(out[1], 1);
        dup2(pass[0], 3);
        fcntl(3, F_SETFD, 0); /* where it was 3 already */
        execl(cella, cella, "keyd", "serve", folder, "--listen", address, "--passphrase-fd", "3",
              "--rate", "1000000", "--burst", "1000000", "--log-size", "1", NULL);
        _exit(127);
    }
    close(out[1]);
    close(pass[0]);
    port = read_port(out[0]);
}

static void stop(int with, int expected)
{
    int how;
    assert_int_equal(kill(keyd, with), 0);
    assert_int_equal(waitpid(keyd, &how, 0), keyd);
    assert_int_equal(how, expected);
}

static void test_stopped(void **state)
{
    pthread_t threads[CLIENTS];
    size_t torn;
    (void)state;
    start();
    unsigned before = granted_in_log(&torn);
    begin_load(threads, port, false);
    for (int i = 0; i < 4; i++) {
        wait_until_given(given + 300);
        for (int j = 0; j < 3; j++)
            kill(keyd, SIGHUP);
        wait_until_given(given + 300);
        stop(SIGTERM, 0);
        start();
    }
    wait_until_given(given + 300);
    end_load(threads);
    stop(SIGTERM, 0);
    assert_int_equal(wrong_answers, 0);
    assert_int_equal(granted_in_log(&torn) - before, given);
    assert_int_equal(torn, 0);
    print_message("%u keys given, %u answers asked for again\n", given, none);
}

static void test_killed(void **state)
{
    pthread_t threads[CLIENTS];
    size_t torn;
    (void)state;
    start();
    unsigned before = granted_in_log(&torn);
    begin_load(threads, port, true);
    for (int i = 0; i < 4; i++) {
        wait_until_given(given + 300);
        stop(SIGKILL, SIGKILL);
        start();
    }
    wait_until_given(given + 300);
    end_load(threads);
    stop(SIGTERM, 0);
    assert_int_equal(wrong_answers, 0);
    unsigned granted = granted_in_log(&torn) - before;
    assert_in_range(granted, given, given + 4 * CLIENTS);
    assert_int_equal(torn, 0);
    print_message("%u keys given, %u in the log\n", given, granted);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_killed),
    };
    if (count != 2)
        return 2;
    cella = arguments[1];
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
