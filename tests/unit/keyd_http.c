/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys over real HTTPS on the loopback: released and refused; requests that are too large, too many
 * or none at all; a service that stops under load; one that is killed, after which the log, in all
 * its files, has every key that anybody was given.
 */
#include "keyd_load.h"

#include "keyd/http.h"

#include <sys/wait.h>

struct server {
    struct service *service;
    struct http *http;
    uint16_t port;
};

static struct server start(uint16_t port, unsigned rate)
{
    struct server server;
    struct service_options options;
    struct keystore *store;
    size_t torn;
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    const struct http_options where = {address, NULL, NULL, 256};
    service_options_default(&options);
    options.rate = options.burst = rate;
    options.log_size = 20000; /* many files of the log, under load too */
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(service_new(store, &options, &server.service, &torn, &problem));
    good(http_start(server.service, &where, &server.http, &problem));
    server.port = (uint16_t)atoi(strchr(http_address(server.http), ':') + 1);
    return server;
}

static void stop(struct server *server)
{
    http_stop(server->http);
    service_free(server->service, "test");
}

/* ---- tests ---- */

static void test_release(void **state)
{
    struct server server = start(0, 100000);
    struct https https = {.context = context, .port = server.port};
    char *body;
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_for_key(&https), GIVEN);
    assert_non_null(https.ssl); /* one connection for all */
    assert_int_equal(https_ask(&https, "GET", "/v1/status", "", &body), 200);
    json_t *status = json_loads(body, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(status, "granted")), 5);
    json_decref(status);
    free(body);
    assert_int_equal(https_ask(&https, "GET", "/", "", &body), 404);
    free(body);
    assert_int_equal(https_ask(&https, "PUT", "/v1/release", "{}", &body), 404);
    free(body);
    assert_int_equal(https_ask(&https, "POST", "/v1/release", "{}", &body), 400);
    assert_non_null(strstr(body, "key is missing"));
    free(body);
    https_close(&https);
    stop(&server);
}

static void test_sizes(void **state)
{
    struct server server = start(0, 100000);
    struct https https = {.context = context, .port = server.port};
    char *body;
    (void)state;
    static const char claims[] =
        "POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999"
        "\r\n\r\n";
    assert_true(https_connect(&https));
    assert_true(https_write(&https, claims, strlen(claims)));
    assert_int_equal(https_read(&https, &body), 413);
    free(body);
    https_close(&https);
    /* More than is allowed without saying so: ended, not kept. */
    static const char chunked[] =
        "POST /v1/release HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    static char chunk[65536 + 16];
    int head = sprintf(chunk, "10000\r\n");
    memset(chunk + head, ' ', 65536);
    memcpy(chunk + head + 65536, "\r\n", 2);
    assert_true(https_connect(&https));
    assert_true(https_write(&https, chunked, strlen(chunked)));
    /* Far more than the buffers between them hold, however late the service gets to run. */
    const size_t enough = 64u << 20;
    size_t sent = 0;
    while (sent < enough && https_write(&https, chunk, (size_t)head + 65538))
        sent += 65536;
    assert_true(sent < enough);
    https_close(&https);
    /* One that is large but allowed is read and found to be none. */
    char *large = malloc(REQUEST_MOST + 1);
    memset(large, ' ', REQUEST_MOST);
    large[REQUEST_MOST] = 0;
    assert_int_equal(https_ask(&https, "POST", "/v1/release", large, &body), 400);
    free(body);
    free(large);
    https_close(&https);
    stop(&server);
}

static void test_limit(void **state)
{
    struct server server = start(0, 3);
    struct https https = {.context = context, .port = server.port};
    char *body;
    int status = 200;
    (void)state;
    for (int i = 0; i < 50 && status == 200; i++) {
        status = https_ask(&https, "GET", "/v1/status", "", &body);
        free(body);
    }
    assert_int_equal(status, 429);
    https_close(&https);
    stop(&server);
}

/* No TLS, and a client that trusts another certificate. */
static void test_no_tls(void **state)
{
    struct server server = start(0, 100);
    struct https https = {.context = context, .port = server.port};
    char answer[64];
    (void)state;
    assert_true(https_connect(&https));
    static const char plain[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(write(fd, plain, strlen(plain)), strlen(plain));
    ssize_t got = read(fd, answer, sizeof(answer));
    assert_true(got <= 0 || memcmp(answer, "HTTP", 4) != 0);
    close(fd);
    https_close(&https);
    stop(&server);
}

static void test_listen(void **state)
{
    static const char *const wrong[] = {"",
                                        "127.0.0.1",
                                        ":1",
                                        "127.0.0.1:",
                                        "::1:1",
                                        "host:80",
                                        "127.0.0.1:http",
                                        "127.0.0.1:99999999"};
    struct server server = start(0, 100);
    struct http *http;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct http_options options = {wrong[i], NULL, NULL, 4};
        assert_int_not_equal(http_start(server.service, &options, &http, &problem), CELLA_OK);
        assert_null(http);
    }
    const struct http_options taken = {http_address(server.http), NULL, NULL, 4};
    assert_int_equal(http_start(server.service, &taken, &http, &problem), CELLA_SYSTEM);
    const struct http_options bad = {"127.0.0.1:0", "no certificate", "no key", 4};
    assert_int_equal(http_start(server.service, &bad, &http, &problem), CELLA_INVALID);
    stop(&server);
}

/* ---- under load ---- */

/* Stopped and started again under load: what the log calls granted was given, to the last one. */
static void test_stopped(void **state)
{
    pthread_t threads[CLIENTS];
    size_t torn;
    unsigned before = granted_in_log(&torn);
    (void)state;
    struct server server = start(0, 100000);
    uint16_t port = server.port;
    begin_load(threads, port, false);
    for (int i = 0; i < 3; i++) {
        wait_until_given(given + 100);
        stop(&server);
        server = start(port, 100000);
    }
    wait_until_given(given + 100);
    end_load(threads);
    stop(&server);
    assert_int_equal(wrong_answers, 0);
    assert_int_equal(granted_in_log(&torn) - before, given);
    assert_int_equal(torn, 0);
}

/* Killed: whoever has a key is in the log. */
static void test_killed(void **state)
{
    pthread_t threads[CLIENTS];
    size_t torn;
    (void)state;
    for (int round = 0; round < 3; round++) {
        int channel[2];
        uint16_t port = 0;
        unsigned before = granted_in_log(&torn);
        assert_int_equal(pipe(channel), 0);
        pid_t child = fork();
        if (child == 0) {
            struct server server = start(0, 100000);
            if (write(channel[1], &server.port, sizeof(port)) != sizeof(port))
                _exit(1);
            for (;;)
                pause();
        }
        close(channel[1]);
        assert_int_equal(read(channel[0], &port, sizeof(port)), sizeof(port));
        begin_load(threads, port, true);
        wait_until_given(150);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        end_load(threads);
        close(channel[0]);
        assert_int_equal(wrong_answers, 0);
        assert_true(granted_in_log(&torn) - before >= given);
        /* And it goes on with this log. */
        struct keystore *store;
        struct service *service;
        struct service_options options;
        size_t cut;
        service_options_default(&options);
        good(keystore_open(folder, &passphrase, &store, &problem));
        good(service_new(store, &options, &service, &cut, &problem));
        assert_int_equal(cut, torn);
        service_free(service, "test");
        granted_in_log(&torn);
        assert_int_equal(torn, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_limit),   cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_listen),  cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
