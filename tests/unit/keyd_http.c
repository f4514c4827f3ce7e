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

static struct server start_with(uint16_t port, unsigned rate, unsigned connections)
{
    struct server server;
    struct service_options options;
    struct keystore *store;
    size_t torn;
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    const struct http_options where = {address, NULL, NULL, connections};
    service_options_default(&options);
    options.rate = options.burst = rate;
    options.log_size = 20000; /* many files of the log, under load too */
    good(keystore_open(folder, &passphrase, &store, &problem));
    good(service_new(store, &options, &server.service, &torn, &problem));
    good(http_start(server.service, &where, &server.http, &problem));
    server.port = (uint16_t)atoi(strchr(http_address(server.http), ':') + 1);
    return server;
}

static struct server start(uint16_t port, unsigned rate)
{
    return start_with(port, rate, 256);
}

static void stop(struct server *server)
{
    http_stop(server->http);
    service_free(server->service);
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

/* A chunked body of so many pieces of 64 KiB. False: its connection ended. */
static bool send_chunks(struct https *https, unsigned count)
{
    static const char head[] =
        "POST /v1/release HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    static char chunk[65536 + 16];
    int size = sprintf(chunk, "10000\r\n");
    memset(chunk + size, ' ', 65536);
    memcpy(chunk + size + 65536, "\r\n", 2);
    bool good = https_connect(https) && https_write(https, head, strlen(head));
    for (unsigned i = 0; i < count && good; i++)
        good = https_write(https, chunk, (size_t)size + 65538);
    return good && https_write(https, "0\r\n\r\n", 5);
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
    /* Far more than is allowed, and than the buffers between them hold, without saying so. */
    assert_false(send_chunks(&https, 1024));
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

static void test_chunks(void **state)
{
    static const struct {
        unsigned pieces;
        int status;
        const char *part;
    } cases[] = {{1, 400, "MALFORMED"},
                 {REQUEST_MOST >> 16, 400, "MALFORMED"},
                 {(REQUEST_MOST >> 16) + 1, 413, "SIZE"},
                 {2 * (REQUEST_MOST >> 16), 413, "SIZE"}};
    struct server server = start(0, 100000);
    struct https https = {.context = context, .port = server.port};
    char *body;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(send_chunks(&https, cases[i].pieces));
        assert_int_equal(https_read(&https, &body), cases[i].status);
        assert_non_null(strstr(body, cases[i].part));
        free(body);
        https_close(&https);
    }
    stop(&server);
}

/* One that has told its length and sent a part of it, and sends no more. */
static void hold(struct https *https, size_t length, size_t sent)
{
    char head[128];
    static char bytes[1 << 20];
    memset(bytes, ' ', sizeof(bytes));
    int size =
        snprintf(head, sizeof(head),
                 "POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", length);
    assert_true(https_connect(https));
    assert_true(https_write(https, head, (size_t)size));
    for (; sent; sent -= sizeof(bytes))
        assert_true(https_write(https, bytes, sizeof(bytes)));
}

/* Asks for something large until the answer is `status`: what was sent before may not have been
 * read yet. */
static void ask_until(struct https *https, const char *request, int status)
{
    char *body;
    int found = 0;
    for (int i = 0; i < 1000 && found != status; i++) {
        found = https_ask(https, "POST", "/v1/release", request, &body);
        if (found == 503)
            assert_non_null(strstr(body, "BUSY"));
        free(body);
    }
    assert_int_equal(found, status);
}

/* Slow uploads of one client: it is told to come again, and others have their keys. */
static void test_share(void **state)
{
    struct server server = start(0, 100000);
    struct https slow[12], same = {.context = context, .port = server.port, .from = 9};
    struct https other = {.context = context, .port = server.port};
    static char large[3 << 20];
    (void)state;
    memset(large, ' ', sizeof(large) - 1);
    for (size_t i = 0; i < 12; i++) {
        slow[i] = same;
        hold(&slow[i], REQUEST_MOST, 5 << 20);
    }
    ask_until(&same, large, 503);
    assert_int_equal(ask_for_key(&other), GIVEN);
    ask_until(&other, large, 400);
    for (size_t i = 0; i < 12; i++)
        https_close(&slow[i]);
    ask_until(&same, large, 400); /* they are gone, and so is what they kept */
    https_close(&same);
    https_close(&other);
    stop(&server);
}

/* A client's half of all connections. */
static void test_connections(void **state)
{
    struct server server = start_with(0, 100000, 8);
    struct https held[4], same = {.context = context, .port = server.port, .from = 9};
    struct https other = {.context = context, .port = server.port};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        held[i] = same;
        assert_true(https_connect(&held[i]));
    }
    assert_false(https_connect(&same));
    assert_int_equal(ask_for_key(&other), GIVEN);
    https_close(&held[0]);
    bool connects = false;
    for (int i = 0; i < 10000 && !(connects = https_connect(&same)); i++)
        usleep(1000); /* until the server has seen it go */
    assert_true(connects);
    for (size_t i = 1; i < 4; i++)
        https_close(&held[i]);
    https_close(&same);
    https_close(&other);
    stop(&server);
}

/* Ends with nothing, though more bytes come all the time. */
static void expect_end(struct https *https)
{
    char *body;
    for (int i = 0; i < 100000 && https_write(https, "a", 1); i++)
        usleep(100);
    assert_int_equal(https_read(https, &body), 0);
    assert_null(https->ssl);
}

/* A header, a handshake and a body have to come to their end in time. */
static void test_late(void **state)
{
    static const char part[] = "POST /v1/release HTTP/1.1\r\nHost: x\r\nX-A: ";
    struct server server = start(0, 100000);
    struct https header = {.context = context, .port = server.port}, body = header;
    (void)state;
    assert_true(https_connect(&header));
    assert_true(https_write(&header, part, strlen(part)));
    assert_int_equal(http_sweep(server.http, 40000), 0);
    assert_int_equal(http_sweep(server.http, 46000), 1);
    expect_end(&header);
    hold(&body, 100000, 0);
    unsigned late = 0;
    for (int i = 0; i < 10000 && !late; i++) { /* until the header is read: then it has less time */
        late = http_sweep(server.http, 31000);
        usleep(1000);
    }
    assert_int_equal(late, 1);
    expect_end(&body);
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
        service_free(service);
        granted_in_log(&torn);
        assert_int_equal(torn, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release),     cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_chunks),      cmocka_unit_test(test_share),
        cmocka_unit_test(test_connections), cmocka_unit_test(test_late),
        cmocka_unit_test(test_limit),       cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_listen),      cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
