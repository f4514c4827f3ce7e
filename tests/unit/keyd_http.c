/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys over real HTTPS on the loopback: released and refused; requests that are too large, too many
 * or none at all; a service that stops under load; one that is killed, after which the log, in all
 * its files, has every key that anybody was given.
 */
#include "keyd_https.h"
#include "keyd_test.h"

#include "keyd/audit.h"
#include "keyd/http.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define CLIENTS 16

static SSL_CTX *context;
static EVP_PKEY *x25519, *signing;
static uint8_t x25519_secret[32];
static struct enclave enclave;

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

static int set_up_all(void **state)
{
    size_t size = 32;
    char path[256];
    if (set_up(state))
        return -1;
    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof(path), "%s/tls.pem", folder);
    context = https_context(path);
    snprintf(path, sizeof(path), "%s/signing.pem", folder);
    FILE *from = fopen(path, "r");
    signing = from ? PEM_read_PUBKEY(from, NULL, NULL, NULL) : NULL;
    if (from)
        fclose(from);
    enclave = (struct enclave){platform, "vsm", 3, false};
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY_get_raw_private_key(x25519, x25519_secret, &size);
    return context && signing ? 0 : -1;
}

static int tear_down_all(void **state)
{
    SSL_CTX_free(context);
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(signing);
    return tear_down(state);
}

/* ---- one client ---- */

enum outcome {
    GIVEN, /* the right key, signed */
    NONE,  /* no reply: ask again */
    WRONG, /* anything else */
};

/* The nonce of a challenge; false: no reply. */
static bool challenge(struct https *https, char nonce[65])
{
    char *body;
    int status = https_ask(https, "POST", "/v1/challenge", "", &body);
    json_t *object = status == 200 ? json_loads(body, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(object, "nonce"));
    bool there = text && strlen(text) == 64;
    if (there)
        strcpy(nonce, text);
    json_decref(object);
    free(body);
    return there;
}

static enum outcome judge(const char *body, const char *nonce)
{
    uint8_t key[64], bytes[32];
    struct binding binding;
    struct recipient recipient;
    enum outcome outcome = WRONG;
    json_t *reply = json_loads(body, 0, NULL);
    const char *value = json_string_value(json_object_get(reply, "value"));
    json_t *payload = value ? check_jws(value, signing) : NULL;
    if (payload && recipient_of(x25519, &recipient, NULL) == CELLA_OK) {
        if (hex_read(nonce, bytes, 32) &&
            binding_make(bytes, recipient.sha256, "first", &binding) &&
            open_hpke(payload, &binding, x25519_secret, key, sizeof(key)) == 32 &&
            memcmp(key, "0123456789abcdef0123456789abcdef", 32) == 0)
            outcome = GIVEN;
        recipient_drop(&recipient);
    }
    json_decref(payload);
    json_decref(reply);
    return outcome;
}

static enum outcome ask_for_key(struct https *https)
{
    char nonce[65], *body;
    if (!challenge(https, nonce))
        return NONE;
    char *request = make_request(&enclave, nonce, "first", NULL, x25519, "hpke");
    int status = https_ask(https, "POST", "/v1/release", request, &body);
    enum outcome outcome = WRONG;
    if (status == 200)
        outcome = judge(body, nonce);
    else if (status == 0 || status == 503 || (status == 403 && strstr(body, "CHALLENGE")))
        outcome = NONE; /* it stopped, or another one was asked for the challenge */
    free(request);
    free(body);
    return outcome;
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

static atomic_bool ends;
static atomic_uint given, none, wrong_answers;
static uint16_t load_port;

static void *load(void *unused)
{
    struct https https = {.context = context, .port = load_port};
    (void)unused;
    while (!ends) {
        enum outcome outcome = ask_for_key(&https);
        given += outcome == GIVEN;
        none += outcome == NONE;
        wrong_answers += outcome == WRONG;
        if (outcome == NONE)
            usleep(1000);
    }
    https_close(&https);
    return NULL;
}

static void begin_load(pthread_t threads[CLIENTS], uint16_t port)
{
    load_port = port;
    ends = false;
    given = none = wrong_answers = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load, NULL), 0);
}

static void end_load(pthread_t threads[CLIENTS])
{
    ends = true;
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
}

static void wait_until_given(unsigned count)
{
    while (given < count && !wrong_answers)
        usleep(1000);
}

static void count_granted(const json_t *entry, void *counts)
{
    const char *decision = json_string_value(json_object_get(entry, "decision"));
    *(unsigned *)counts += decision && strcmp(decision, "granted") == 0;
}

static unsigned granted_in_log(size_t *torn)
{
    char path[256];
    unsigned count = 0;
    struct audit_head head;
    snprintf(path, sizeof(path), "%s/log", folder);
    good(audit_check(path, count_granted, &count, &head, torn, &problem));
    return count;
}

/* Stopped and started again under load: what the log calls granted was given, to the last one. */
static void test_stopped(void **state)
{
    pthread_t threads[CLIENTS];
    size_t torn;
    unsigned before = granted_in_log(&torn);
    (void)state;
    struct server server = start(0, 100000);
    uint16_t port = server.port;
    begin_load(threads, port);
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
        begin_load(threads, port);
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
