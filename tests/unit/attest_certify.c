/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys that an issuer certifies, on swtpm: the endorsement certificates are of a maker
 * made here, of each kind of key; then everything that must not be granted, or not be opened.
 */
#include "swtpm.h"

#include "attest/certificate.h"
#include "attest/platform_exchange.h"
#include "attest/platform_tpm.h"
#include "attest/tpm/structures.h"
#include "attest/tpm_command.h"
#include "image/base64.h"
#include "image/file.h"

#include <cella/attest.h>

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <time.h>

#define DAY (24 * 3600)

static char base[] = "/tmp/cella-certify-XXXXXX";
static char one_folder[64], other_folder[64];
static struct swtpm one = {.folder = one_folder}, other = {.folder = other_folder};
static int64_t now;

static const char *in_base(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
    return path;
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* ---- a maker of TPMs ---- */

struct maker {
    EVP_PKEY *key;
    X509 *root;
};

static struct maker maker, other_maker;

static struct maker make_maker(void)
{
    struct maker made = {.key = EVP_EC_gen("P-256")};
    made.root = certificate_make(made.key, NULL, NULL);
    assert_non_null(made.root);
    return made;
}

/* An endorsement certificate as makers write them, but for what a test wants otherwise. */
struct wish {
    const char *purpose; /* extended key usage; NULL: none */
    const char *usage;   /* NULL: as the kind of key has it */
    int64_t from, until; /* days from now */
    bool ca;
};
static const struct wish usual = {.purpose = "2.23.133.8.1", .from = -1, .until = 1};

static X509 *endorse(const struct maker *by, EVP_PKEY *key, const struct wish *wish)
{
    const char *usage = EVP_PKEY_is_a(key, "RSA") ? "critical,keyEncipherment" //
                                                  : "critical,keyAgreement";
    static long serial = 1000;
    X509 *made = X509_new();
    assert_true(made && X509_set_version(made, X509_VERSION_3) && X509_set_pubkey(made, key) &&
                ASN1_INTEGER_set(X509_get_serialNumber(made), serial++) &&
                X509_set_issuer_name(made, X509_get_subject_name(by->root)) &&
                X509_gmtime_adj(X509_getm_notBefore(made), wish->from * DAY) &&
                X509_gmtime_adj(X509_getm_notAfter(made), wish->until * DAY));
    /* The subject is empty; who made it is in a critical alternative name, which is left out. */
    assert_true(
        certificate_add(made, by->root, NID_basic_constraints,
                        wish->ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
        certificate_add(made, by->root, NID_key_usage, wish->usage ? wish->usage : usage) &&
        (!wish->purpose || certificate_add(made, by->root, NID_ext_key_usage, wish->purpose)) &&
        certificate_add(made, by->root, NID_authority_key_identifier, "keyid:always"));
    assert_true(X509_sign(made, by->key, EVP_sha256()) > 0);
    return made;
}

/* ---- what makers do to TPMs ---- */

static struct tpm_device *device_of(const struct swtpm *tpm)
{
    struct tpm_device *device;
    cella_error error;
    if (tpm_device_open(tpm->where, &device, &error))
        fail_msg("%s", error.sentence);
    return device;
}

static void transmit(struct tpm_device *device, struct tpm_message *message)
{
    cella_error error;
    if (tpm_transmit(device, message, "do as a test wants", &error))
        fail_msg("%s", error.sentence);
}

/* TPM2_NV_UndefineSpace; TPM2_NV_DefineSpace (part 3, 31.3) with AUTHREAD, AUTHWRITE, OWNERREAD,
 * OWNERWRITE; TPM2_NV_Write. Bytes of ff follow, as in real TPMs. */
static void put_certificate(const struct swtpm *tpm, uint32_t index, X509 *certificate)
{
    struct tpm_device *device = device_of(tpm);
    struct tpm_message message;
    bool there;
    uint8_t content[2048], *der = NULL;
    cella_error error;
    int size = i2d_X509(certificate, &der);
    assert_true(size > 0 && size < 1900);
    memset(content, 0xff, sizeof(content));
    memcpy(content, der, (size_t)size);
    OPENSSL_free(der);
    size += 100;
    assert_int_equal(tpm_device_has(device, index, &there, &error), CELLA_OK);
    if (there) {
        tpm_begin(&message, ST_SESSIONS, 0x122);
        tpm_put(&message, RH_OWNER, 4);
        tpm_put(&message, index, 4);
        tpm_put_password(&message);
        transmit(device, &message);
    }
    tpm_begin(&message, ST_SESSIONS, 0x12a);
    tpm_put(&message, RH_OWNER, 4);
    tpm_put_password(&message);
    tpm_put(&message, 0, 2);
    tpm_put(&message, 14, 2);
    tpm_put(&message, index, 4);
    tpm_put(&message, ALG_SHA256, 2);
    tpm_put(&message, 0x00060006, 4);
    tpm_put(&message, 0, 2);
    tpm_put(&message, (uint64_t)size, 2);
    transmit(device, &message);
    for (int at = 0, part; at < size; at += part) {
        part = size - at < 512 ? size - at : 512;
        tpm_begin(&message, ST_SESSIONS, 0x137);
        tpm_put(&message, RH_OWNER, 4);
        tpm_put(&message, index, 4);
        tpm_put_password(&message);
        tpm_put_sized(&message, content + at, (size_t)part);
        tpm_put(&message, (uint64_t)at, 2);
        transmit(device, &message);
    }
    tpm_device_close(device);
}

static void remove_certificates(const struct swtpm *tpm)
{
    struct tpm_device *device = device_of(tpm);
    struct tpm_message message;
    const struct tpm_endorsement *kind;
    for (size_t i = 0; (kind = tpm_endorsement(i)); i++) {
        bool there;
        assert_int_equal(tpm_device_has(device, kind->certificate, &there, NULL), CELLA_OK);
        if (!there)
            continue;
        tpm_begin(&message, ST_SESSIONS, 0x122);
        tpm_put(&message, RH_OWNER, 4);
        tpm_put(&message, kind->certificate, 4);
        tpm_put_password(&message);
        transmit(device, &message);
    }
    tpm_device_close(device);
}

static EVP_PKEY *endorsement_key(const struct swtpm *tpm, const struct tpm_endorsement *kind)
{
    struct tpm_device *device = device_of(tpm);
    struct tpm_answer area;
    struct tpm_public public;
    uint32_t handle;
    cella_error error;
    if (tpm_device_make_endorsement(device, kind, &handle, &area, &error) ||
        tpm_public_read(area.bytes, area.size, &public, &error))
        fail_msg("%s: %s", kind->name, error.sentence);
    tpm_device_forget(device, handle);
    tpm_device_close(device);
    return public.key;
}

/* The TPM has this certificate, and no other. */
static void give(const struct swtpm *tpm, const char *name, const struct maker *by,
                 const struct wish *wish)
{
    const struct tpm_endorsement *kind = tpm_endorsement_named(name);
    EVP_PKEY *key = endorsement_key(tpm, kind);
    X509 *certificate = endorse(by, key, wish);
    remove_certificates(tpm);
    put_certificate(tpm, kind->certificate, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- machine and issuer ---- */

struct bytes {
    uint8_t *at;
    size_t size;
};

static void init_platform(const struct swtpm *tpm, const char *name)
{
    const cella_platform_tpm where = {tpm->where, "/nonexistent", "/nonexistent"};
    cella_error error;
    if (cella_platform_init_tpm(in_base(name), &where, &error))
        fail_msg("%s", error.sentence);
}

static struct bytes request_of(const char *platform)
{
    struct bytes request;
    cella_error error;
    if (cella_platform_request(in_base(platform), &request.at, &request.size, &error))
        fail_msg("%s", error.sentence);
    return request;
}

static cella_verifier *makers_of(const struct maker *by)
{
    cella_verifier *makers;
    uint8_t *der = NULL;
    assert_int_equal(cella_verifier_new(&makers, NULL), CELLA_OK);
    if (by) {
        int size = i2d_X509(by->root, &der);
        assert_int_equal(cella_verifier_add_root(makers, der, (size_t)size, "root", NULL),
                         CELLA_OK);
        OPENSSL_free(der);
    }
    return makers;
}

/* Ends in this class ("": granted); the grant is the caller's. */
static struct bytes certify(struct bytes request, cella_verifier *makers, int64_t at,
                            const char *class)
{
    struct bytes grant;
    cella_result *result;
    cella_error error = {0};
    cella_status status =
        cella_platform_certify(in_base("issuer"), makers, at, request.at, request.size, &grant.at,
                               &grant.size, &result, &error);
    if (!result || strcmp(cella_result_class(result), class) != 0)
        fail_msg("class %s, not %s: %s", result ? cella_result_class(result) : "none", class,
                 error.sentence);
    assert_int_equal(status == CELLA_OK, !*class);
    assert_int_equal(!grant.at, !!*class);
    cella_result_free(result);
    return grant;
}

static struct bytes grant_for(const char *platform)
{
    struct bytes request = request_of(platform);
    cella_verifier *makers = makers_of(&maker);
    struct bytes grant = certify(request, makers, now, "");
    cella_verifier_free(makers);
    free(request.at);
    return grant;
}

static void expect_refused(const char *platform, int64_t at, const struct maker *by,
                           const char *class)
{
    struct bytes request = request_of(platform);
    cella_verifier *makers = makers_of(by);
    struct bytes grant = certify(request, makers, at, class);
    cella_verifier_free(makers);
    free(grant.at);
    free(request.at);
}

static void accept_grant(const char *platform, struct bytes grant)
{
    cella_error error;
    if (cella_platform_accept(in_base(platform), grant.at, grant.size, &error))
        fail_msg("%s", error.sentence);
}

static void expect_not_accepted(const char *platform, struct bytes grant, const char *sentence)
{
    cella_error error = {0};
    assert_int_not_equal(cella_platform_accept(in_base(platform), grant.at, grant.size, &error),
                         CELLA_OK);
    assert_sentence(&error, sentence);
}

static void read_root(const char *folder, uint8_t sha256[32])
{
    char path[256];
    snprintf(path, sizeof(path), "%s/root.pem", in_base(folder));
    FILE *file = fopen(path, "r");
    X509 *root = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    assert_true(root && certificate_key_hash(root, sha256));
    X509_free(root);
    fclose(file);
}

/* ---- set up ---- */

static bool start(struct swtpm *tpm, char folder[64], const char *name)
{
    snprintf(folder, 64, "%s/%s", base, name);
    return mkdir(folder, 0700) == 0 && swtpm_on(tpm);
}

static int set_up(void **state)
{
    (void)state;
    cella_error error;
    now = time(NULL);
    if (!mkdtemp(base))
        return -1;
    if (!start(&one, one_folder, "one") || !start(&other, other_folder, "other"))
        return 0; /* no swtpm: its tests are skipped */
    maker = make_maker();
    other_maker = make_maker();
    if (cella_platform_init_issuer(in_base("issuer"), &error)) {
        print_error("%s\n", error.sentence);
        return -1;
    }
    init_platform(&one, "platform");
    give(&one, "ecc-p256", &maker, &usual);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    swtpm_off(&one);
    swtpm_off(&other);
    X509_free(maker.root);
    EVP_PKEY_free(maker.key);
    X509_free(other_maker.root);
    EVP_PKEY_free(other_maker.key);
    snprintf(command, sizeof(command), "rm -r %s", base);
    return system(command);
}

static void need_swtpm(void)
{
    swtpm_needed(&other);
}

/* ---- granted ---- */

static const uint8_t report[384] = {[48] = 5};

static cella_status verify(cella_platform *platform, const uint8_t root[32], cella_error *error)
{
    static cella_claims claims;
    uint8_t *bytes;
    size_t size;
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.at = time(NULL);
    options.roots = (const uint8_t(*)[32])root;
    options.root_count = 1;
    options.insecure_any_report_data = true;
    if (cella_platform_evidence(platform, report, "vsm", &bytes, &size, error))
        fail_msg("%s", error->sentence);
    cella_status status = cella_evidence_verify(bytes, size, &options, &claims, NULL, error);
    free(bytes);
    return status;
}

/* Evidence is under the issuer's root now, and no more under the machine's own. */
static void test_kind(const char *kind)
{
    uint8_t roots[2][32], own[32];
    char command[256];
    cella_platform *platform;
    cella_error error = {0};
    init_platform(&one, kind);
    give(&one, kind, &maker, &usual);
    read_root("issuer", roots[0]);
    read_root(kind, own);
    struct bytes grant = grant_for(kind);
    accept_grant(kind, grant);
    read_root(kind, roots[1]);
    assert_memory_equal(roots[0], roots[1], 32);
    if (cella_platform_open(in_base(kind), &platform, &error))
        fail_msg("%s", error.sentence);
    if (verify(platform, roots[0], &error))
        fail_msg("%s", error.sentence);
    assert_int_equal(verify(platform, own, &error), CELLA_REFUSED);
    cella_platform_close(platform);
    accept_grant(kind, grant); /* again: it is the same certificate */
    snprintf(command, sizeof(command), "test ! -e %s/root.pem.new -a ! -e %s/platform.pem.new",
             in_base(kind), in_base(kind));
    run(command);
    free(grant.at);
}

static void test_kinds(void **state)
{
    (void)state;
    const struct tpm_endorsement *kind;
    need_swtpm();
    for (size_t i = 0; (kind = tpm_endorsement(i)); i++)
        test_kind(kind->name);
    give(&one, "ecc-p256", &maker, &usual);
}

/* What is sealed in software opens in the TPM, whatever zeros coordinates and secrets begin with.
 */
static void test_credentials(void **state)
{
    (void)state;
    need_swtpm();
    struct tpm_answer area, secret;
    struct tpm_public public;
    struct tpm_credential credential;
    uint8_t given[TPM_CREDENTIAL] = {0};
    uint32_t handle, endorsement;
    const struct tpm_endorsement *kind = tpm_endorsement_named("ecc-p256");
    EVP_PKEY *key = endorsement_key(&one, kind);
    struct tpm_device *device = device_of(&one);
    cella_error error;
    assert_int_equal(tpm_device_make_key(device, &handle, &error), CELLA_OK);
    assert_int_equal(tpm_device_read_key(device, handle, &area, &error), CELLA_OK);
    assert_int_equal(tpm_public_read(area.bytes, area.size, &public, &error), CELLA_OK);
    assert_int_equal(tpm_device_make_endorsement(device, kind, &endorsement, &area, &error),
                     CELLA_OK);
    size_t rounds = getenv("CELLA_ROUNDS") ? (size_t)atoi(getenv("CELLA_ROUNDS")) : 30;
    for (size_t i = 0; i < rounds; i++) {
        given[31] = (uint8_t)i;
        assert_int_equal(tpm_credential_make(kind, key, public.name, public.name_size, given,
                                             &credential, &error),
                         CELLA_OK);
        if (tpm_device_activate(device, handle, endorsement, kind, &credential, &secret, &error))
            fail_msg("%zu: %s", i, error.sentence);
        assert_int_equal(secret.size, sizeof(given));
        assert_memory_equal(secret.bytes, given, sizeof(given));
    }
    tpm_device_forget(device, endorsement);
    tpm_device_remove_key(device, handle, NULL);
    tpm_device_close(device);
    EVP_PKEY_free(public.key);
    EVP_PKEY_free(key);
}

/* ---- not granted ---- */

static void test_makers(void **state)
{
    (void)state;
    need_swtpm();
    expect_refused("platform", now, &maker, "");
    expect_refused("platform", now, NULL, "ANCHOR");
    expect_refused("platform", now, &other_maker, "CHAIN");
    expect_refused("platform", now + 2 * DAY, &maker, "TIME");
    expect_refused("platform", now - 2 * DAY, &maker, "TIME");
}

static void test_endorsements(void **state)
{
    (void)state;
    static const struct {
        struct wish wish;
        const char *class;
    } rows[] = {
        {{.purpose = "2.23.133.8.1", .from = -2, .until = -1}, "TIME"},
        {{.purpose = NULL, .from = -1, .until = 1}, "KEY"},
        {{.purpose = "2.23.133.8.3", .from = -1, .until = 1}, "KEY"},
        {{.purpose = "clientAuth", .from = -1, .until = 1}, "KEY"},
        {{.purpose = "2.23.133.8.1", .usage = "digitalSignature", .from = -1, .until = 1}, "CHAIN"},
        {{.purpose = "2.23.133.8.1", .from = -1, .until = 1, .ca = true}, "CHAIN"},
        {{.purpose = "clientAuth,2.23.133.8.1", .from = -1, .until = 1}, ""},
    };
    need_swtpm();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        give(&one, "ecc-p256", &maker, &rows[i].wish);
        expect_refused("platform", now, &maker, rows[i].class);
    }
    give(&one, "ecc-p256", &maker, &usual);
}

static X509_CRL *make_list(const struct maker *by, const ASN1_INTEGER *serial)
{
    X509_CRL *list = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -DAY), *until = X509_gmtime_adj(NULL, DAY);
    assert_true(X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)serial) &&
                X509_REVOKED_set_revocationDate(entry, from) &&
                X509_CRL_set_version(list, X509_CRL_VERSION_2) &&
                X509_CRL_set_issuer_name(list, X509_get_subject_name(by->root)) &&
                X509_CRL_set1_lastUpdate(list, from) && X509_CRL_set1_nextUpdate(list, until) &&
                X509_CRL_add0_revoked(list, entry) &&
                X509_CRL_sign(list, by->key, EVP_sha256()) > 0);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return list;
}

static void test_revoked(void **state)
{
    (void)state;
    struct exchange_request read;
    uint8_t *der = NULL;
    need_swtpm();
    struct bytes request = request_of("platform");
    assert_int_equal(exchange_request_read(request.at, request.size, &read, NULL), CELLA_OK);
    for (int revoked = 0; revoked < 2; revoked++) {
        const struct der *number = &read.certificates.all[0]->serial;
        BIGNUM *big = BN_bin2bn(number->bytes, (int)number->size, NULL);
        ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(big, NULL);
        BN_free(big);
        if (!revoked)
            ASN1_INTEGER_set(serial, 7);
        X509_CRL *list = make_list(&maker, serial);
        int size = i2d_X509_CRL(list, &der);
        cella_verifier *makers = makers_of(&maker);
        assert_int_equal(cella_verifier_add(makers, der, (size_t)size, "list", NULL), CELLA_OK);
        struct bytes grant = certify(request, makers, now, revoked ? "REVOKED" : "");
        free(grant.at);
        cella_verifier_free(makers);
        X509_CRL_free(list);
        OPENSSL_free(der);
        der = NULL;
        ASN1_INTEGER_free(serial);
    }
    exchange_request_free(&read);
    free(request.at);
}

/* The request with another TPMT_PUBLIC. */
static struct bytes with_key(struct bytes request, const uint8_t *key, size_t size)
{
    struct exchange_request read;
    struct bytes made;
    assert_int_equal(exchange_request_read(request.at, request.size, &read, NULL), CELLA_OK);
    memcpy(read.key, key, size);
    read.key_size = size;
    assert_int_equal(exchange_request_write(&read, &made.at, &made.size, NULL), CELLA_OK);
    exchange_request_free(&read);
    return made;
}

/* Type (2), hash of the name (2), attributes (4). */
static void test_attributes(void **state)
{
    (void)state;
    static const uint32_t clear[] = {TPM_FIXED_TPM,  TPM_FIXED_PARENT, TPM_SENSITIVE,
                                     TPM_RESTRICTED, TPM_SIGN,         TPM_DECRYPT /* is set */};
    struct exchange_request read;
    cella_verifier *makers;
    need_swtpm();
    struct bytes request = request_of("platform");
    assert_int_equal(exchange_request_read(request.at, request.size, &read, NULL), CELLA_OK);
    makers = makers_of(&maker);
    uint32_t attributes = (uint32_t)big_endian(read.key + 4, 4);
    assert_true(tpm_is_attestation_key(attributes));
    for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++) {
        uint8_t key[EXCHANGE_KEY_MOST];
        uint32_t others = attributes ^ clear[i];
        memcpy(key, read.key, read.key_size);
        for (size_t j = 0; j < 4; j++)
            key[4 + j] = (uint8_t)(others >> 8 * (3 - j));
        struct bytes changed = with_key(request, key, read.key_size);
        certify(changed, makers, now, "KEY");
        free(changed.at);
    }
    read.key[3] = 4; /* named by SHA-1 */
    struct bytes changed = with_key(request, read.key, read.key_size);
    certify(changed, makers, now, "KEY");
    free(changed.at);
    changed = with_key(request, read.key, read.key_size - 1);
    certify(changed, makers, now, "PARSE");
    free(changed.at);
    cella_verifier_free(makers);
    exchange_request_free(&read);
    free(request.at);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"cella_platform_request\": 2, \"endorsement\": [\"MA==\"], \"key\": \"MA==\"}",
        "{\"cella_platform_request\": 1, \"endorsement\": [], \"key\": \"MA==\"}",
        "{\"cella_platform_request\": 1, \"endorsement\": [\"MA==\"], \"key\": \"MA==\"}",
        "{\"cella_platform_request\": 1, \"endorsement\": \"MA==\", \"key\": \"MA==\"}",
        "{\"cella_platform_request\": 1, \"endorsement\": [7], \"key\": 7}",
    };
    cella_result *result;
    cella_error error;
    struct bytes grant;
    need_swtpm();
    cella_verifier *makers = makers_of(&maker);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cella_status status =
            cella_platform_certify(in_base("issuer"), makers, now, (const uint8_t *)texts[i],
                                   strlen(texts[i]), &grant.at, &grant.size, &result, &error);
        assert_true(status == CELLA_INVALID || status == CELLA_UNSUPPORTED);
        assert_non_null(result);
        assert_null(grant.at);
        assert_false(cella_result_accepted(result));
        cella_result_free(result);
    }
    struct bytes request = request_of("platform");
    for (size_t i = 0; i < request.size; i += 3) {
        assert_int_not_equal(cella_platform_certify(in_base("issuer"), makers, now, request.at, i,
                                                    &grant.at, &grant.size, &result, &error),
                             CELLA_OK);
        cella_result_free(result);
    }
    /* No issuer: nothing is judged. */
    assert_int_equal(cella_platform_certify(in_base("nothing"), makers, now, request.at,
                                            request.size, &grant.at, &grant.size, &result, &error),
                     CELLA_INVALID);
    assert_null(result);
    free(request.at);
    cella_verifier_free(makers);
}

/* ---- not asked ---- */

static void expect_no_request(const char *platform, const char *sentence)
{
    struct bytes request;
    cella_error error = {0};
    assert_int_not_equal(
        cella_platform_request(in_base(platform), &request.at, &request.size, &error), CELLA_OK);
    assert_sentence(&error, sentence);
}

static void test_no_endorsement(void **state)
{
    (void)state;
    const struct tpm_endorsement *kind = tpm_endorsement_named("ecc-p256");
    cella_error error;
    need_swtpm();
    remove_certificates(&one);
    expect_no_request("platform", "no certificate of an endorsement key");
    /* Of another TPM, of another kind of key; then a good one of another kind. */
    EVP_PKEY *keys[] = {endorsement_key(&other, kind), EVP_RSA_gen(2048)};
    static const char *const sentences[] = {"is of another endorsement key",
                                            "holds no certificate"};
    for (size_t i = 0; i < 2; i++) {
        X509 *certificate = endorse(&maker, keys[i], &usual);
        put_certificate(&one, kind->certificate, certificate);
        expect_no_request("platform", sentences[i]);
        X509_free(certificate);
        EVP_PKEY_free(keys[i]);
    }
    kind = tpm_endorsement_named("rsa-2048");
    EVP_PKEY *key = endorsement_key(&one, kind);
    X509 *certificate = endorse(&maker, key, &usual);
    put_certificate(&one, kind->certificate, certificate);
    expect_refused("platform", now, &maker, "");
    X509_free(certificate);
    EVP_PKEY_free(key);
    give(&one, "ecc-p256", &maker, &usual);
    /* A platform that has no TPM. */
    assert_int_equal(cella_platform_init(in_base("plain"), &error), CELLA_OK);
    expect_no_request("plain", "no platform with a TPM");
}

/* ---- not opened ---- */

#define NOT_OURS "for another TPM or another attestation key"

/* Another key in the same TPM; the same request from another TPM. */
static void test_others(void **state)
{
    (void)state;
    need_swtpm();
    struct bytes grant = grant_for("platform");
    init_platform(&one, "second");
    expect_not_accepted("second", grant, NOT_OURS);
    init_platform(&other, "elsewhere");
    expect_not_accepted("elsewhere", grant, NOT_OURS);
    /* Our endorsement certificate, their key. */
    struct tpm_device *device = device_of(&other);
    struct tpm_answer area;
    uint32_t handle;
    cella_error error;
    assert_int_equal(tpm_device_make_key(device, &handle, &error), CELLA_OK);
    assert_int_equal(tpm_device_read_key(device, handle, &area, &error), CELLA_OK);
    tpm_device_close(device);
    struct bytes request = request_of("platform");
    struct bytes mixed = with_key(request, area.bytes, area.size);
    cella_verifier *makers = makers_of(&maker);
    struct bytes useless = certify(mixed, makers, now, "");
    expect_not_accepted("platform", useless, NOT_OURS);
    expect_not_accepted("elsewhere", useless, NOT_OURS);
    expect_not_accepted("plain", useless, "no platform with a TPM");
    accept_grant("platform", grant);
    cella_verifier_free(makers);
    free(useless.at);
    free(mixed.at);
    free(request.at);
    free(grant.at);
}

/* A key in software that says that it is in the TPM. */
static void test_lie(void **state)
{
    (void)state;
    struct exchange_request read;
    need_swtpm();
    struct bytes request = request_of("platform");
    assert_int_equal(exchange_request_read(request.at, request.size, &read, NULL), CELLA_OK);
    EVP_PKEY *own = EVP_EC_gen("P-256");
    BIGNUM *x = NULL, *y = NULL;
    assert_true(EVP_PKEY_get_bn_param(own, "qx", &x) && EVP_PKEY_get_bn_param(own, "qy", &y) &&
                BN_bn2binpad(x, read.key + read.key_size - 66, 32) == 32 &&
                BN_bn2binpad(y, read.key + read.key_size - 32, 32) == 32);
    struct bytes lie = with_key(request, read.key, read.key_size);
    cella_verifier *makers = makers_of(&maker);
    struct bytes grant = certify(lie, makers, now, "");
    expect_not_accepted("platform", grant, NOT_OURS);
    cella_verifier_free(makers);
    BN_free(x);
    BN_free(y);
    EVP_PKEY_free(own);
    exchange_request_free(&read);
    free(grant.at);
    free(lie.at);
    free(request.at);
}

/* The grant with one byte of one part changed. */
static struct bytes altered(struct bytes grant, const char *name, size_t at)
{
    struct bytes made = {NULL, 0};
    json_t *json = json_loadb((const char *)grant.at, grant.size, 0, NULL);
    const json_t *value = json_object_get(json, name);
    size_t length = json_string_length(value), size;
    uint8_t *bytes = malloc(BASE64_BYTES(length));
    assert_true(base64_read(BASE64, json_string_value(value), length, bytes, &size));
    if (at < size) {
        char *text = malloc(BASE64_TEXT(size));
        bytes[at] ^= 1;
        json_object_set_new(json, name, json_string(base64_write(BASE64, bytes, size, text)));
        free(text);
        made.at = (uint8_t *)json_dumps(json, 0);
        made.size = strlen((char *)made.at);
    }
    free(bytes);
    json_decref(json);
    return made;
}

static void test_altered(void **state)
{
    (void)state;
    static const char *const names[] = {"credential", "secret", "sealed"};
    uint8_t *before[2], *after[2];
    size_t size[2], count = 0;
    cella_error error;
    need_swtpm();
    struct bytes grant = grant_for("platform");
    static const char *const files[] = {"platform/platform.pem", "platform/root.pem"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(file_read(in_base(files[i]), 1 << 16, &before[i], &size[i], &error),
                         CELLA_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t at = 0; at < 2000; at += i == 2 ? 97 : 3) {
            struct bytes changed = altered(grant, names[i], at);
            if (!changed.at)
                break;
            assert_int_not_equal(
                cella_platform_accept(in_base("platform"), changed.at, changed.size, &error),
                CELLA_OK);
            free(changed.at);
            count++;
        }
    assert_true(count > 40);
    for (size_t i = 0; i < grant.size; i += 101)
        assert_int_not_equal(cella_platform_accept(in_base("platform"), grant.at, i, &error),
                             CELLA_OK);
    for (size_t i = 0; i < 2; i++) {
        size_t now_size;
        assert_int_equal(file_read(in_base(files[i]), 1 << 16, &after[i], &now_size, &error),
                         CELLA_OK);
        assert_int_equal(now_size, size[i]);
        assert_memory_equal(before[i], after[i], size[i]);
        free(before[i]);
        free(after[i]);
    }
    accept_grant("platform", grant);
    free(grant.at);
}

/* Replayed to a platform that was made anew since: its key is another. */
static void test_replayed(void **state)
{
    (void)state;
    char command[128];
    need_swtpm();
    init_platform(&one, "again");
    struct bytes grant = grant_for("again");
    accept_grant("again", grant);
    snprintf(command, sizeof(command), "rm -r %s", in_base("again"));
    run(command);
    init_platform(&one, "again");
    expect_not_accepted("again", grant, NOT_OURS);
    free(grant.at);
}

/* Everything as it has to be, but the certificates inside. */
static void test_inside(void **state)
{
    (void)state;
    static const char *const sentences[] = {"two certificates", "a TPM's attestation key's",
                                            "of another key", "certificate"};
    struct exchange_request read;
    struct tpm_public public;
    need_swtpm();
    struct bytes request = request_of("platform");
    assert_int_equal(exchange_request_read(request.at, request.size, &read, NULL), CELLA_OK);
    assert_int_equal(tpm_public_read(read.key, read.key_size, &public, NULL), CELLA_OK);
    EVP_PKEY *another = EVP_EC_gen("P-256");
    X509 *leaves[] = {NULL, certificate_make(public.key, maker.root, maker.key),
                      certificate_make_attestation(another, maker.root, maker.key),
                      certificate_make_attestation(public.key, maker.root, other_maker.key)};
    struct exchange_grant *grant = calloc(1, sizeof(*grant));
    for (size_t i = 0; i < 4; i++) {
        static const uint8_t key[TPM_CREDENTIAL] = {7};
        BIO *bio = BIO_new(BIO_s_mem());
        uint8_t *text;
        struct bytes made;
        if (leaves[i])
            PEM_write_bio_X509(bio, leaves[i]);
        PEM_write_bio_X509(bio, maker.root);
        size_t size = (size_t)BIO_get_mem_data(bio, &text);
        EVP_PKEY *endorsement = read.certificates.all[0]->key;
        grant->kind = tpm_endorsement_of(endorsement);
        assert_int_equal(exchange_seal(grant, key, text, size, NULL), CELLA_OK);
        assert_int_equal(tpm_credential_make(grant->kind, endorsement, public.name,
                                             public.name_size, key, &grant->credential, NULL),
                         CELLA_OK);
        assert_int_equal(exchange_grant_write(grant, &made.at, &made.size, NULL), CELLA_OK);
        expect_not_accepted("platform", made, sentences[i]);
        free(made.at);
        BIO_free(bio);
        X509_free(leaves[i]);
    }
    free(grant);
    EVP_PKEY_free(another);
    EVP_PKEY_free(public.key);
    exchange_request_free(&read);
    free(request.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),     cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_makers),    cmocka_unit_test(test_endorsements),
        cmocka_unit_test(test_revoked),   cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_no_endorsement),
        cmocka_unit_test(test_others),    cmocka_unit_test(test_lie),
        cmocka_unit_test(test_altered),   cmocka_unit_test(test_replayed),
        cmocka_unit_test(test_inside),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
