/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes of SGX and TDX and Intel's collateral for them, made under a root of the test's own: any
 * shape, right or wrong.
 */
#ifndef UNIT_ATTEST_INTEL_H
#define UNIT_ATTEST_INTEL_H

#include "attest_pki.h"
#include "attest_vectors.h"

#include "attest/sgx/pck.h"
#include "attest/sgx/quote.h"
#include "image/hex.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/sha.h>

#define FMSPC  "00906ea10000"
#define QUOTE  8192
#define TEXT   16384
#define NOW    "2023-11-01T00:00:00Z", "2023-12-01T00:00:00Z"
#define PAST   "2023-09-01T00:00:00Z", "2023-10-01T00:00:00Z"
#define FUTURE "2023-12-01T00:00:00Z", "2024-01-01T00:00:00Z"

static struct pki_node root, ca, leaf, signer, stranger;
static EVP_PKEY *attestation;
static uint8_t pck_component = 5, pck_pcesvn = 11; /* of the PCK certificate */

/* ---- making ---- */

static inline uint8_t *put(uint8_t *to, const void *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

static inline uint8_t *put_number(uint8_t *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> 8 * i);
    return to + size;
}

static inline void sign(EVP_PKEY *key, const void *bytes, size_t size, uint8_t signature[64])
{
    uint8_t der[80];
    const uint8_t *at = der;
    size_t der_size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &der_size, bytes, size), 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)der_size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), signature, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), signature + 32, 32), 32);
    ECDSA_SIG_free(both);
}

/* One value in DER; the contents are at most 64 KiB. */
static inline size_t der(uint8_t *to, uint8_t tag, const void *bytes, size_t size)
{
    uint8_t copy[2048], *at = to;
    memcpy(copy, bytes, size);
    *at++ = tag;
    if (size >= 256) {
        *at++ = 0x82;
        *at++ = (uint8_t)(size >> 8);
    } else if (size >= 128) {
        *at++ = 0x81;
    }
    *at++ = (uint8_t)size;
    return (size_t)(put(at, copy, size) - to);
}

/* SEQUENCE { OID 1.2.840.113741.1.13.1.x[.y], value } */
static inline size_t field(uint8_t *to, const uint8_t *arcs, size_t arc_count, const uint8_t *value,
                           size_t size)
{
    uint8_t oid[16] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01}, inside[2048];
    memcpy(oid + 9, arcs, arc_count);
    size_t used = der(inside, 6, oid, 9 + arc_count);
    memcpy(inside + used, value, size);
    return der(to, 0x30, inside, used + size);
}

/* The extension of a PCK certificate. `without`: the number of a field that is left out; of one
 * that is there twice, negative. */
static inline size_t make_extension(uint8_t *to, int without)
{
    static const uint8_t zeros[16], fmspc[6] = {0x00, 0x90, 0x6e, 0xa1};
    uint8_t all[2048], tcb[1024], value[1024], number[] = {0, 0};
    size_t used = 0, tcb_used = 0;
    for (uint8_t i = 1; i <= 18; i++) {
        number[0] = i == 1 ? pck_component : i == 17 ? pck_pcesvn : 0;
        size_t size = i == 18 ? der(value, 4, zeros, 16) : der(value, 2, number, 1);
        for (int times = i + 10 == without ? 0 : i + 10 == -without ? 2 : 1; times > 0; times--)
            tcb_used += field(tcb + tcb_used, (uint8_t[]){2, i}, 2, value, size);
    }
    const struct {
        uint8_t tag;
        const void *bytes;
        size_t size;
    } fields[] = {
        {4, zeros, 16}, {0x30, tcb, tcb_used}, {4, zeros, 2}, {4, fmspc, 6}, {10, zeros, 1}};
    for (uint8_t i = 0; i < 5; i++)
        for (int times = i + 1 == without ? 0 : i + 1 == -without ? 2 : 1; times > 0; times--)
            used += field(all + used, (uint8_t[]){(uint8_t)(i + 1)}, 1, value,
                          der(value, fields[i].tag, fields[i].bytes, fields[i].size));
    return der(to, 0x30, all, used);
}

static inline X509 *make_leaf(const char *name, int without)
{
    uint8_t bytes[2048];
    struct pki_shape shape = {.name = name, .serial = 4};
    X509 *certificate = pki_certificate(&shape, leaf.key, &ca);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, bytes, (int)make_extension(bytes, without));
    ASN1_OBJECT *object = OBJ_txt2obj(PCK_OID, 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    assert_true(X509_sign(certificate, ca.key, EVP_sha256()) > 0);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
    return certificate;
}

static inline void point_of(EVP_PKEY *key, uint8_t point[64])
{
    uint8_t encoded[65];
    size_t size;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, encoded,
                                                     sizeof(encoded), &size),
                     1);
    assert_int_equal(size, 65);
    memcpy(point, encoded + 1, 64);
}

/* What a quote is like. */
struct shape {
    int version, body;       /* body: QUOTE_BODY_... */
    uint8_t svn[3], svn2[3]; /* of TDX */
    uint8_t seam[2];         /* a byte of mrsignerseam, of the module's attributes */
    uint8_t attributes;      /* the lowest byte */
    uint8_t qe_svn, qe_attributes, qe_mrsigner, qe_product, qe_misc;
    const uint8_t *key;         /* NULL: the attestation key's point */
    X509 *leaf;                 /* NULL: the usual one */
    bool alone;                 /* no other certificate */
    uint16_t platform;          /* certification data of this type (1 to 3) in place of any */
    const uint8_t *report_data; /* NULL: 64 times 0xdd */
};

static inline uint8_t *put_report(uint8_t *to, const struct shape *shape,
                                  const uint8_t report_data[32])
{
    uint8_t *report = to;
    memset(report, 0, QUOTE_REPORT_BODY);
    report[16] = shape->qe_misc;
    report[48] = 0x11 | shape->qe_attributes;
    report[128] = shape->qe_mrsigner;
    put_number(report + 256, 1U + shape->qe_product, 2);
    put_number(report + 258, shape->qe_svn, 2);
    memcpy(report + 320, report_data, 32);
    return report + QUOTE_REPORT_BODY;
}

static inline void put_report_data(uint8_t *to, const struct shape *shape)
{
    if (shape->report_data)
        memcpy(to, shape->report_data, 64);
    else
        memset(to, 0xdd, 64);
}

static inline uint8_t *put_body(uint8_t *to, const struct shape *shape)
{
    size_t size = shape->body == QUOTE_BODY_SGX      ? QUOTE_REPORT_BODY
                  : shape->body == QUOTE_BODY_TDX_10 ? QUOTE_TD_10
                                                     : QUOTE_TD_15;
    if (shape->version == 5) {
        to = put_number(to, (uint64_t)shape->body, 2);
        to = put_number(to, size, 4);
    }
    memset(to, 0, size);
    if (shape->body == QUOTE_BODY_SGX) {
        to[48] = 5 | shape->attributes;
        put_report_data(to + 320, shape);
        return to + size;
    }
    memcpy(to, shape->svn, 3);
    to[64] = shape->seam[0];
    to[112] = shape->seam[1];
    to[120] = shape->attributes;
    put_report_data(to + 520, shape);
    if (shape->body == QUOTE_BODY_TDX_15)
        memcpy(to + 584, shape->svn2, 3);
    return to + size;
}

static inline size_t make_chain(char *to, const struct shape *shape)
{
    X509 *const all[] = {shape->leaf ? shape->leaf : leaf.certificate, ca.certificate,
                         root.certificate};
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    for (size_t i = 0; i < (shape->alone ? 1 : 3); i++)
        PEM_write_bio_X509(bio, all[i]);
    size_t size = (size_t)BIO_get_mem_data(bio, &text);
    memcpy(to, text, size);
    to[size] = 0;
    BIO_free(bio);
    return size + 1;
}

/* PPID (zeros, which stand for an encrypted one, too), CPUSVN, PCESVN, PCEID */
static inline size_t make_platform(char *to, uint16_t type)
{
    size_t ppid = type == QUOTE_PPID ? 16 : type == QUOTE_PPID_RSA_2048 ? 256 : 384;
    memset(to, 0, ppid + 20);
    to[ppid + 16] = (char)pck_pcesvn;
    return ppid + 20;
}

static inline uint8_t *put_qe(uint8_t *to, const struct shape *shape, const uint8_t point[64])
{
    static const uint8_t auth[32] = {1, 2, 3};
    uint8_t hashed[96], hash[32], *report = to;
    char chain[4096];
    memcpy(hashed, point, 64);
    memcpy(hashed + 64, auth, 32);
    SHA256(hashed, sizeof(hashed), hash);
    to = put_report(to, shape, hash);
    sign(leaf.key, report, QUOTE_REPORT_BODY, to);
    to = put_number(to + 64, sizeof(auth), 2);
    to = put(to, auth, sizeof(auth));
    size_t size =
        shape->platform ? make_platform(chain, shape->platform) : make_chain(chain, shape);
    to = put_number(to, shape->platform ? shape->platform : QUOTE_PCK_CHAIN, 2);
    to = put_number(to, size, 4);
    return put(to, chain, size);
}

static inline size_t make_quote(const struct shape *shape, uint8_t quote[QUOTE])
{
    static const uint8_t vendor[] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                     0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    uint8_t point[64], *to = quote;
    memset(quote, 0, QUOTE);
    point_of(attestation, point);
    to = put_number(to, (uint64_t)shape->version, 2);
    to = put_number(to, QUOTE_KEY_ECDSA_P256, 2);
    put_number(to, shape->body == QUOTE_BODY_SGX ? QUOTE_TEE_SGX : QUOTE_TEE_TDX, 4);
    put(quote + 12, vendor, sizeof(vendor));
    for (uint8_t i = 0; i < 16; i++) /* the quoting enclave's id */
        quote[28 + i] = (uint8_t)(0x11 * i);
    to = put_body(quote + QUOTE_HEADER, shape);
    uint8_t *length = to;
    sign(attestation, quote, (size_t)(to - quote), to + 4);
    to = put(to + 68, shape->key ? shape->key : point, 64);
    uint8_t *outer = to;
    to = put_qe(shape->version > 3 ? to + 6 : to, shape, shape->key ? shape->key : point);
    if (shape->version > 3)
        put_number(put_number(outer, QUOTE_QE_REPORT, 2), (uint64_t)(to - outer - 6), 4);
    put_number(length, (uint64_t)(to - length - 4), 4);
    assert_true(to < quote + QUOTE);
    return (size_t)(to - quote);
}

/* ---- collateral ---- */

static inline int make_level(char *to, bool tdx, int sgx, const int tdx_svns[3], const char *status)
{
    int used = sprintf(to, "{\"tcb\":{\"sgxtcbcomponents\":[");
    for (int i = 0; i < 16; i++)
        used += sprintf(to + used, "%s{\"svn\":%d}", i ? "," : "", i ? 0 : sgx);
    used += sprintf(to + used, "],\"pcesvn\":11");
    for (int i = 0; tdx && i < 16; i++)
        used += sprintf(to + used, "%s{\"svn\":%d,\"category\":\"OS/VMM\",\"type\":\"T%d\"}",
                        i ? "," : ",\"tdxtcbcomponents\":[", i < 3 ? tdx_svns[i] : 0, i);
    return used + sprintf(to + used,
                          "%s},\"tcbDate\":\"2023-0%d-01T00:00:00Z\",\"tcbStatus\":\"%s\","
                          "\"advisoryIDs\":[\"A-%.20s\"]}",
                          tdx ? "]" : "", sgx + 1, status, status);
}

#define MODULE                                                                                     \
    "\"mrsigner\":\"0000000000000000000000000000000000000000000000000000000000000000000000000000"  \
    "00000000000000000000\",\"attributes\":\"0000000000000000\",\"attributesMask\":"               \
    "\"FFFFFFFFFFFFFFFF\""

static inline void make_info(char text[TEXT], bool tdx, const char *from, const char *until,
                             const char *fmspc, const char *status, int evaluation)
{
    static const struct {
        int sgx, tdx[3];
        const char *status;
    } levels[] = {
        {5, {5, 0, 3}, "UpToDate"},
        {5, {3, 0, 2}, "OutOfDate"},
        {4, {5, 0, 3}, "ConfigurationNeeded"},
        {4, {3, 0, 2}, "OutOfDateConfigurationNeeded"},
        {3, {0, 0, 0}, "SWHardeningNeeded"},
        {2, {0, 0, 0}, "Revoked"},
    };
    int used = sprintf(text,
                       "{\"id\":\"%s\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
                       "\"fmspc\":\"%s\",\"pceId\":\"0000\",\"tcbType\":0,"
                       "\"tcbEvaluationDataNumber\":%d,",
                       tdx ? "TDX" : "SGX", from, until, fmspc, evaluation);
    if (tdx)
        used += sprintf(text + used, "\"tdxModule\":{" MODULE
                                     "},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\"," MODULE
                                     ",\"tcbLevels\":["
                                     "{\"tcb\":{\"isvsvn\":6},\"tcbDate\":\"2023-05-01T00:00:00Z\","
                                     "\"tcbStatus\":\"UpToDate\"},"
                                     "{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2023-04-01T00:00:00Z\","
                                     "\"tcbStatus\":\"OutOfDate\",\"advisoryIDs\":[\"MODULE\"]},"
                                     "{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2023-03-01T00:00:00Z\","
                                     "\"tcbStatus\":\"Revoked\"}]}],");
    used += sprintf(text + used, "\"tcbLevels\":[");
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        used += sprintf(text + used, "%s", i ? "," : "");
        used += make_level(text + used, tdx, levels[i].sgx, levels[i].tdx,
                           i == 0 && status ? status : levels[i].status);
    }
    sprintf(text + used, "]}");
    assert_true(used < TEXT - 2);
}

static inline void make_identity(char text[TEXT], bool tdx, const char *from, const char *until)
{
    sprintf(text,
            "{\"id\":\"%s\",\"version\":2,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
            "\"tcbEvaluationDataNumber\":1,\"miscselect\":\"00000000\","
            "\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\","
            "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"%064d\","
            "\"isvprodid\":1,\"tcbLevels\":["
            "{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2023-02-01T00:00:00Z\",\"tcbStatus\":"
            "\"UpToDate\"},"
            "{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2022-02-01T00:00:00Z\",\"tcbStatus\":"
            "\"OutOfDate\",\"advisoryIDs\":[\"QE\"]},"
            "{\"tcb\":{\"isvsvn\":1},\"tcbDate\":\"2021-02-01T00:00:00Z\",\"tcbStatus\":"
            "\"Revoked\"}]}",
            tdx ? "TD_QE" : "QE", from, until, 0);
}

/* Where collateral goes. */
struct sink {
    void (*take)(void *to, const uint8_t *bytes, size_t size);
    void *to;
};

static inline void add_text(const struct sink *sink, const char *text)
{
    sink->take(sink->to, (const uint8_t *)text, strlen(text));
}

/* Signs the document and adds it as Intel's service would give it. */
static inline void add_document(const struct sink *sink, const char *key, const char *text,
                                EVP_PKEY *signing, bool altered)
{
    static char answer[TEXT + 256];
    uint8_t signature[64];
    char hex[129];
    sign(signing, text, strlen(text), signature);
    signature[63] ^= altered;
    sprintf(answer, "{ \"%s\" : %s ,\n\"signature\":\"%s\"}", key, text,
            hex_write(signature, 64, hex));
    add_text(sink, answer);
}

static inline void add_certificate(const struct sink *sink, const X509 *certificate)
{
    uint8_t *bytes = NULL;
    int size = i2d_X509(certificate, &bytes);
    sink->take(sink->to, bytes, (size_t)size);
    OPENSSL_free(bytes);
}

static inline void add_list(const struct sink *sink, const struct pki_node *issuer, long serial,
                            int64_t until)
{
    X509_CRL *list = pki_list(issuer, issuer->key, serial, PKI_NOW - 86400, until);
    uint8_t *bytes = NULL;
    int size = i2d_X509_CRL(list, &bytes);
    sink->take(sink->to, bytes, (size_t)size);
    OPENSSL_free(bytes);
    X509_CRL_free(list);
}

/* ---- all of them ---- */

static inline void make_intel(void)
{
    root = pki_make(
        &(struct pki_shape){.name = "Intel SGX Root CA", .ca = true, .path_length = 1, .serial = 1},
        NULL);
    ca = pki_make(&(struct pki_shape){.name = "Intel SGX PCK Platform CA", .ca = true, .serial = 2},
                  &root);
    signer = pki_make(&(struct pki_shape){.name = "Intel SGX TCB Signing", .serial = 3}, &root);
    stranger = pki_make(&(struct pki_shape){.name = "Intel SGX TCB Signing", .serial = 9}, NULL);
    leaf.key = EVP_EC_gen("P-256");
    leaf.certificate = make_leaf("Intel SGX PCK Certificate", 0);
    attestation = EVP_EC_gen("P-256");
}

static inline void free_intel(void)
{
    pki_free(&root);
    pki_free(&ca);
    pki_free(&leaf);
    pki_free(&signer);
    pki_free(&stranger);
    EVP_PKEY_free(attestation);
}

#endif
