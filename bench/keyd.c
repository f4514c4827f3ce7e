/* SPDX-License-Identifier: Apache-2.0
 *
 * A keyd under load: `keyd CELLA FOLDER CLIENTS SECONDS` makes a platform and a keyd in
 * the folder, serves it by `CELLA keyd serve` on the loopback, and asks with so many clients, each
 * on a connection of its own: a challenge, evidence made for it, the key by HPKE; every reply's
 * signature and key are checked. Prints
 *
 *   RELEASES-A-SECOND LOST WRONG MEDIAN-MS P99-MS SERVER-CPU-S RSS-KIB-EARLY RSS-KIB-LATE
 *
 * (lost: no reply, or none that is whole); `keyd --bound`: how many releases a second one core
 * could do if it did nothing but the signatures and key agreements that a release cannot avoid.
 */
#include "tests/unit/keyd_client.h"
#include "tests/unit/keyd_https.h"

#include "box/passphrase.h"
#include "keyd/keystore.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define SAMPLES 4000000

static const struct cella_passphrase passphrase = {"bench", 5};
static const char policy[] =
    "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"cella\",\"allOf\":["
    "{\"claim\":\"tee\",\"equals\":\"vsm\"}]}]}";
static const char key_bytes[33] = "0123456789abcdef0123456789abcdef";
static cella_error error;

static struct enclave enclave = {NULL, "vsm", 3, false};
static SSL_CTX *context;
static EVP_PKEY *signing, *x25519;
static uint8_t x25519_secret[32];
static uint16_t port;
static atomic_bool ends;
static atomic_ulong given, lost, wrong;
static float *samples;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void die(const char *why)
{
    fprintf(stderr, "keyd: %s\n", why);
    exit(1);
}

static void check(cella_status status)
{
    if (status)
        die(error.sentence);
}

/* ---- set-up ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *to = fopen(path, "w");
    if (!to || fputs(text, to) < 0 || fclose(to))
        die(path);
}

static void make(const char *folder, char *store_folder, size_t room)
{
    char path[512], root[66];
    struct keystore *store;
    size_t size = 32;
    snprintf(path, sizeof(path), "%s/platform", folder);
    check(cella_platform_init(path, &error));
    check(cella_platform_open(path, &enclave.platform, &error));
    snprintf(store_folder, room, "%s/keyd", folder);
    check(keystore_init(store_folder, &passphrase, &error));
    check(keystore_open(store_folder, &passphrase, &store, &error));
    check(keystore_add(store, "bench", "oct", (const uint8_t *)key_bytes, 32, policy, &error));
    keystore_close(store);
    hex_write(cella_platform_root(enclave.platform), 32, root);
    write_file(store_folder, "roots/platform", root);
    snprintf(path, sizeof(path), "%s/tls.pem", store_folder);
    context = https_context(path);
    snprintf(path, sizeof(path), "%s/signing.pem", store_folder);
    FILE *from = fopen(path, "r");
    signing = from ? PEM_read_PUBKEY(from, NULL, NULL, NULL) : NULL;
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY_get_raw_private_key(x25519, x25519_secret, &size);
    samples = malloc(SAMPLES * sizeof(samples[0]));
    if (!context || !signing || !samples)
        die("its files cannot be read");
    fclose(from);
}

/* `CELLA keyd serve`; its first line says where it listens. */
static pid_t serve(const char *cella, const char *folder)
{
    int secret[2], said[2];
    char line[128] = "";
    if (pipe(secret) || pipe(said))
        die("no pipes");
    pid_t child = fork();
    if (child == 0) {
        dup2(secret[0], 3);
        dup2(said[1], 1);
        execl(cella, "cella", "keyd", "serve", folder, "--listen", "127.0.0.1:0", "--rate",
              "1000000", "--burst", "1000000", "--passphrase-fd", "3", (char *)NULL);
        _exit(127);
    }
    close(said[1]);
    if (write(secret[1], "bench\n", 6) != 6 || close(secret[1]))
        die("no passphrase");
    for (size_t size = 0; size < sizeof(line) - 1 && !strchr(line, '\n'); size++)
        if (read(said[0], line + size, 1) != 1)
            die("the service does not start");
    port = (uint16_t)atoi(strrchr(line, ':') + 1);
    return child;
}

static long rss_of(pid_t process)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", process);
    FILE *from = fopen(path, "r");
    while (from && fgets(line, sizeof(line), from))
        sscanf(line, "VmRSS: %ld", &kib);
    if (from)
        fclose(from);
    return kib;
}

/* ---- load ---- */

static bool is_right(const char *body, const char *nonce, const uint8_t recipient[32])
{
    uint8_t key[64], bytes[32];
    struct binding binding;
    json_t *reply = json_loads(body, 0, NULL);
    const char *value = json_string_value(json_object_get(reply, "value"));
    json_t *payload = value ? check_jws(value, signing) : NULL;
    bool good = payload && hex_read(nonce, bytes, 32) &&
                binding_make(bytes, recipient, "bench", &binding) &&
                open_hpke(payload, &binding, x25519_secret, key, sizeof(key)) == 32 &&
                memcmp(key, key_bytes, 32) == 0;
    json_decref(payload);
    json_decref(reply);
    return good;
}

/* One release. 1: right, 0: lost, -1: wrong. */
static int ask_once(struct https *https, const uint8_t recipient[32])
{
    char *body, nonce[65] = "";
    if (https_ask(https, "POST", "/v1/challenge", "", &body) != 200)
        return 0;
    json_t *object = json_loads(body, 0, NULL);
    snprintf(nonce, sizeof(nonce), "%s", json_string_value(json_object_get(object, "nonce")));
    json_decref(object);
    free(body);
    char *request = make_request(&enclave, nonce, "bench", NULL, x25519, "hpke");
    int status = https_ask(https, "POST", "/v1/release", request, &body);
    int result = status <= 0 ? 0 : status == 200 && is_right(body, nonce, recipient) ? 1 : -1;
    if (result < 0)
        fprintf(stderr, "keyd: wrong: %d %s\n", status, body ? body : "");
    free(request);
    free(body);
    return result;
}

static void *ask(void *unused)
{
    struct https https = {.context = context, .port = port};
    struct recipient recipient;
    (void)unused;
    check(recipient_of(x25519, &recipient, &error));
    while (!ends) {
        double began = now();
        int result = ask_once(&https, recipient.sha256);
        unsigned long index = given;
        if (result > 0 && (index = given++) < SAMPLES)
            samples[index] = (float)(now() - began);
        lost += result == 0;
        wrong += result < 0;
    }
    https_close(&https);
    recipient_drop(&recipient);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

static void measure(const char *cella, const char *folder, unsigned clients, unsigned seconds)
{
    char store_folder[512];
    pthread_t threads[1024];
    struct rusage used;
    make(folder, store_folder, sizeof(store_folder));
    pid_t child = serve(cella, store_folder);
    double began = now();
    for (unsigned i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, ask, NULL))
            die("no threads");
    usleep(seconds * 200000);
    long early = rss_of(child);
    usleep(seconds * 800000);
    long late = rss_of(child);
    ends = true;
    for (unsigned i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    double took = (now() - began) / 1e3;
    kill(child, SIGTERM);
    wait4(child, NULL, 0, &used);
    unsigned long count = given < SAMPLES ? given : SAMPLES;
    if (!count)
        die("no key was given");
    qsort(samples, count, sizeof(samples[0]), compare);
    printf("%.0f %lu %lu %.2f %.2f %.2f %ld %ld\n", (double)given / took, lost, wrong,
           samples[count / 2], samples[count * 99 / 100],
           (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6 +
               (double)used.ru_stime.tv_sec + (double)used.ru_stime.tv_usec / 1e6,
           early, late);
}

/* ---- the bound ---- */

/* A release: the evidence's signature verified and the reply signed (P-256), and HPKE's key made
 * and agreed on (X25519). The platform's certificates are verified once. */
static double bound_once(EVP_PKEY *p256)
{
    uint8_t digest[32] = {1}, signature[80], shared[32];
    size_t size = sizeof(signature), shared_size = sizeof(shared);
    EVP_PKEY_CTX *signs = EVP_PKEY_CTX_new(p256, NULL), *verifies = EVP_PKEY_CTX_new(p256, NULL);
    double began = now();
    EVP_PKEY_sign_init(signs);
    EVP_PKEY_sign(signs, signature, &size, digest, sizeof(digest));
    EVP_PKEY_verify_init(verifies);
    if (EVP_PKEY_verify(verifies, signature, size, digest, sizeof(digest)) != 1)
        die("P-256");
    EVP_PKEY *ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY_CTX *agrees = EVP_PKEY_CTX_new(ephemeral, NULL);
    EVP_PKEY_derive_init(agrees);
    EVP_PKEY_derive_set_peer(agrees, x25519);
    EVP_PKEY_derive(agrees, shared, &shared_size);
    double took = now() - began;
    EVP_PKEY_CTX_free(agrees);
    EVP_PKEY_CTX_free(signs);
    EVP_PKEY_CTX_free(verifies);
    EVP_PKEY_free(ephemeral);
    return took;
}

static void bound(void)
{
    static float all[2001];
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    for (size_t i = 0; i < 2001; i++)
        all[i] = (float)bound_once(p256);
    qsort(all, 2001, sizeof(all[0]), compare);
    printf("%.0f\n", 1e3 / (double)all[1000]);
}

int main(int count, char **arguments)
{
    signal(SIGPIPE, SIG_IGN);
    if (count == 2 && strcmp(arguments[1], "--bound") == 0)
        bound();
    else if (count == 5 && atoi(arguments[3]) >= 1 && atoi(arguments[3]) <= 1024)
        measure(arguments[1], arguments[2], (unsigned)atoi(arguments[3]),
                (unsigned)atoi(arguments[4]));
    else
        return 2;
    return 0;
}
