/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifications a second on one core, beside the signatures that each cannot do without, verified
 * by the same OpenSSL in the same run: `attest VECTORS [ROW]`, where VECTORS is
 * tests/vectors/attest.
 *
 * cached: one verifier for all, as a service has it: chains and collateral were verified before,
 * and only the signatures over the evidence itself are left. uncached: a new verifier each time, to
 * which the collateral is added, parsed and verified anew. The ratio is to the signatures alone.
 */
#include <cella/verify.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE  0.05 /* s */
#define ROUNDS 40
#define FILES  6

enum algorithm { P256, P384, RSA_2048, RSA_4096, ALGORITHMS };

static const char *const algorithm_names[ALGORITHMS] = {"P-256", "P-384", "RSA-2048", "RSA-4096"};

/* A row: what is judged, and the signatures that it costs at least. */
static const struct row {
    const char *name, *evidence, *collateral[FILES], *root;
    int64_t at;
    int cached[ALGORITHMS], uncached[ALGORITHMS];
    bool no_collateral;
} rows[] = {
    /* quote and quoting enclave; uncached: PCK, its CA, the root, both revocation lists, the TCB
     * signing certificate, TCB information and identity, too */
    {.name = "SGX quote v3",
     .evidence = "sgx/dcap-qvl/sgx_quote.bin",
     .collateral = {"sgx/dcap-qvl/sgx_quote_collateral.json"},
     .at = 1751328000,
     .cached = {[P256] = 2},
     .uncached = {[P256] = 10}},
    {.name = "TDX quote v4",
     .evidence = "tdx/dcap-qvl/tdx_quote.bin",
     .collateral = {"tdx/dcap-qvl/tdx_quote_collateral.json"},
     .at = 1751328000,
     .cached = {[P256] = 2},
     .uncached = {[P256] = 10}},
    /* report; uncached: VCEK, ASK, ARK */
    {.name = "SNP report v2, VCEK",
     .evidence = "snp/trustee/test-report.bin",
     .collateral = {"snp/trustee/test-vcek.der", "snp/roots/ask_ark_milan.pem"},
     .at = 1748736000,
     .cached = {[P384] = 1},
     .uncached = {[P384] = 1, [RSA_4096] = 3}},
    {.name = "SNP report v3, VLEK",
     .evidence = "snp/trustee/test-vlek-report.bin",
     .collateral = {"snp/trustee/test-vlek.der", "snp/roots/ask_ark_milan_vlek.pem"},
     .at = 1748736000,
     .cached = {[P384] = 1},
     .uncached = {[P384] = 1, [RSA_4096] = 3}},
    /* document; uncached: leaf, instance, zone, region, root. A new leaf, every three hours, is one
     * more than cached. */
    {.name = "Nitro document",
     .evidence = "nitro/fortanix/request_proper.bin",
     .at = 1631188800,
     .cached = {[P384] = 1},
     .uncached = {[P384] = 6}},
    /* quote; uncached: its key's certificate, the root. What it takes to hash logs no signature
     * sets a bound to, so quotes without logs and with both. */
    {.name = "TPM quote, P-256",
     .evidence = "tpm/cella/ecdsa-bare.json",
     .root = "tpm/cella/root.pem",
     .at = 1798761600,
     .cached = {[P256] = 1},
     .uncached = {[P256] = 3}},
    {.name = "TPM quote, RSA-2048",
     .evidence = "tpm/cella/rsassa-bare.json",
     .root = "tpm/cella/root.pem",
     .at = 1798761600,
     .cached = {[RSA_2048] = 1},
     .uncached = {[RSA_2048] = 1, [P256] = 2}},
    {.name = "TPM quote and logs, P-256",
     .evidence = "tpm/cella/ecdsa.json",
     .root = "tpm/cella/root.pem",
     .at = 1798761600,
     .cached = {[P256] = 1},
     .uncached = {[P256] = 3}},
    {.name = "TPM quote and logs, RSA-2048",
     .evidence = "tpm/cella/rsassa.json",
     .root = "tpm/cella/root.pem",
     .at = 1798761600,
     .cached = {[RSA_2048] = 1},
     .uncached = {[RSA_2048] = 1, [P256] = 2}},
    /* quote and report; uncached: VCEK, ASK, ARK */
    {.name = "Azure SNP",
     .evidence = "tpm/trustee/evidence-v1.json",
     .collateral = {"snp/roots/ask_ark_milan.pem"},
     .at = 1748736000,
     .cached = {[RSA_2048] = 1, [P384] = 1},
     .uncached = {[RSA_2048] = 1, [P384] = 1, [RSA_4096] = 3}},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct file {
    uint8_t *bytes;
    size_t size;
};

static cella_error error;

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "attest: %s: %s\n", what, error.sentence);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct file read_file(const char *folder, const char *path)
{
    char name[4096];
    struct file file;
    snprintf(name, sizeof(name), "%s/%s", folder, path);
    FILE *stream = fopen(name, "rb");
    check(stream && fseek(stream, 0, SEEK_END) == 0, name);
    file.size = (size_t)ftell(stream);
    rewind(stream);
    file.bytes = malloc(file.size);
    check(file.bytes && fread(file.bytes, 1, file.size, stream) == file.size, name);
    fclose(stream);
    return file;
}

/* ---- what is timed ---- */

typedef void timed(void *work);

/* Seconds a call, over a slice. */
static double slice(timed *call, void *work)
{
    double began = now(), took;
    long count = 0;
    do {
        call(work);
        count++;
    } while ((took = now() - began) < SLICE);
    return took / (double)count;
}

struct signature {
    EVP_PKEY_CTX *context;
    uint8_t hash[48], bytes[512];
    size_t hash_size, size;
};

static void make_signature(enum algorithm algorithm, struct signature *to)
{
    EVP_PKEY *key = algorithm >= RSA_2048 ? EVP_RSA_gen(algorithm == RSA_2048 ? 2048 : 4096)
                                          : EVP_EC_gen(algorithm_names[algorithm]);
    to->hash_size = algorithm == P384 ? 48 : 32;
    memset(to->hash, 0xa5, sizeof(to->hash)); /* a hash of zeros would spare half of the work */
    to->size = sizeof(to->bytes);
    to->context = EVP_PKEY_CTX_new(key, NULL);
    check(to->context && EVP_PKEY_sign_init(to->context) == 1 &&
              EVP_PKEY_sign(to->context, to->bytes, &to->size, to->hash, to->hash_size) == 1 &&
              EVP_PKEY_verify_init(to->context) == 1,
          algorithm_names[algorithm]);
    EVP_PKEY_free(key);
}

static void verify_signature(void *work)
{
    struct signature *one = work;
    check(EVP_PKEY_verify(one->context, one->bytes, one->size, one->hash, one->hash_size) == 1,
          "signature");
}

struct work {
    const struct row *row;
    struct file evidence, collateral[FILES], root;
    cella_verifier *verifier;
};

static cella_verifier *make_verifier(const struct work *work)
{
    cella_verifier *verifier;
    check(cella_verifier_new(&verifier, &error) == CELLA_OK, "verifier");
    for (size_t i = 0; i < FILES && work->row->collateral[i]; i++)
        check(cella_verifier_add(verifier, work->collateral[i].bytes, work->collateral[i].size,
                                 work->row->collateral[i], &error) == CELLA_OK,
              work->row->collateral[i]);
    if (work->row->root)
        check(cella_verifier_add_root(verifier, work->root.bytes, work->root.size, work->row->root,
                                      &error) == CELLA_OK,
              work->row->root);
    return verifier;
}

static void verify(const struct work *work, cella_verifier *verifier)
{
    cella_demands demands;
    cella_result *result;
    cella_demands_default(&demands);
    demands.at = work->row->at;
    demands.insecure_any_report_data = demands.insecure_any_nonce = true;
    demands.insecure_allow_debug = true;
    demands.insecure_no_collateral = work->row->no_collateral;
    check(cella_verify(verifier, work->evidence.bytes, work->evidence.size, &demands, &result,
                       &error) == CELLA_OK,
          work->row->name);
    cella_result_free(result);
}

static void verify_cached(void *work)
{
    verify(work, ((struct work *)work)->verifier);
}

static void verify_uncached(void *work)
{
    cella_verifier *verifier = make_verifier(work);
    verify(work, verifier);
    cella_verifier_free(verifier);
}

/* ---- rows ---- */

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double bound(const double times[ALGORITHMS], const int counts[ALGORITHMS])
{
    double sum = 0;
    for (int i = 0; i < ALGORITHMS; i++)
        sum += times[i] * counts[i];
    return sum;
}

/* Slices of all take turns, so that what disturbs the machine disturbs all; of each the best one
 * counts. */
static void measure(const char *folder, const struct row *row, struct signature *signatures)
{
    double times[ALGORITHMS] = {9, 9, 9, 9}, cached = 9, uncached = 9;
    struct work work = {.row = row, .evidence = read_file(folder, row->evidence)};
    for (size_t i = 0; i < FILES && row->collateral[i]; i++)
        work.collateral[i] = read_file(folder, row->collateral[i]);
    if (row->root)
        work.root = read_file(folder, row->root);
    work.verifier = make_verifier(&work);
    verify_cached(&work);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ALGORITHMS; i++)
            if (row->cached[i] + row->uncached[i] > 0)
                times[i] = least(times[i], slice(verify_signature, &signatures[i]));
        cached = least(cached, slice(verify_cached, &work));
        uncached = least(uncached, slice(verify_uncached, &work));
    }
    double cached_bound = bound(times, row->cached), uncached_bound = bound(times, row->uncached);
    printf("| %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f |\n", row->name, 1 / cached,
           1 / cached_bound, cached_bound / cached, 1 / uncached, 1 / uncached_bound,
           uncached_bound / uncached);
    cella_verifier_free(work.verifier);
    for (size_t i = 0; i < FILES; i++)
        free(work.collateral[i].bytes);
    free(work.root.bytes);
    free(work.evidence.bytes);
}

int main(int count, char **arguments)
{
    static struct signature signatures[ALGORITHMS];
    if (count < 2 || count > 3)
        return 2;
    for (int i = 0; i < ALGORITHMS; i++)
        make_signature(i, &signatures[i]);
    printf(
        "| verified a second | cached | signatures alone | ratio | uncached | signatures alone | "
        "ratio |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < ROWS; i++)
        if (count == 2 || strstr(rows[i].name, arguments[2]))
            measure(arguments[1], &rows[i], signatures);
    for (int i = 0; i < ALGORITHMS; i++)
        EVP_PKEY_CTX_free(signatures[i].context);
    return 0;
}
