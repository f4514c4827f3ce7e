/* SPDX-License-Identifier: Apache-2.0
 *
 * Every certificate and revocation list that OpenSSL finds in the vectors, in DER and PEM, at any
 * place of a file, and in the strings of JSON: our reader says the same of it; also where it was
 * altered.
 */
#include "attest_vectors.h"

#include "attest/pem.h"
#include "attest/sha256.h"
#include "attest/x509.h"
#include "image/base64.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

#include <ftw.h>

static struct {
    size_t certificates, lists, revoked, extensions, verified, blocks;
} seen;

/* ---- one of them ---- */

static void same_bytes(const struct der *ours, uint8_t *theirs, int size)
{
    assert_true(size >= 0);
    assert_int_equal(ours->size, size);
    assert_memory_equal(ours->bytes, theirs, (size_t)size);
    OPENSSL_free(theirs);
}

static void same_name(const struct der *ours, const X509_NAME *theirs)
{
    uint8_t *der = NULL;
    int size = i2d_X509_NAME(theirs, &der);
    same_bytes(ours, der, size);
    char name[128], *entry = NULL;
    x509_common_name(ours, name);
    int at = X509_NAME_get_index_by_NID(theirs, NID_commonName, -1);
    if (at < 0) {
        assert_string_equal(name, "");
        return;
    }
    int length = ASN1_STRING_to_UTF8((uint8_t **)&entry,
                                     X509_NAME_ENTRY_get_data(X509_NAME_get_entry(theirs, at)));
    assert_in_range(length, 0, 127); /* those of the vectors are plain */
    assert_string_equal(name, entry);
    OPENSSL_free(entry);
}

static void same_integer(const struct der *ours, const ASN1_INTEGER *theirs)
{
    uint8_t *der = NULL;
    int size = i2d_ASN1_INTEGER(theirs, &der);
    struct der from = {der, (size_t)size}, inside;
    assert_true(size > 0 && der_take(&from, DER_INTEGER, &inside));
    assert_true(der_same(ours, &inside));
    OPENSSL_free(der);
}

static void same_time(int64_t ours, const ASN1_TIME *theirs)
{
    struct tm parts;
    if (!theirs) {
        assert_true(ours == X509_NO_TIME);
        return;
    }
    assert_int_equal(ASN1_TIME_to_tm(theirs, &parts), 1);
    assert_int_equal(ours, timegm(&parts));
}

static void same_signature(const struct x509_signed *ours, const X509_ALGOR *algorithm,
                           const ASN1_BIT_STRING *signature)
{
    uint8_t *der = NULL;
    int size = i2d_X509_ALGOR(algorithm, &der);
    same_bytes(&ours->algorithm, der, size);
    assert_true(der_is(&ours->signature, signature->data, (size_t)signature->length));
}

/* In the same order, and as x509_extension finds them. */
static void same_extensions(const struct x509 *certificate, struct der from,
                            const STACK_OF(X509_EXTENSION) * theirs)
{
    struct x509_extension ours;
    struct der found;
    int count = sk_X509_EXTENSION_num(theirs) > 0 ? sk_X509_EXTENSION_num(theirs) : 0;
    for (int i = 0; i < count; i++, seen.extensions++) {
        X509_EXTENSION *one = sk_X509_EXTENSION_value(theirs, i);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(one);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(one);
        char dotted[128];
        assert_true(x509_extension_take(&from, &ours));
        assert_true(der_is(&ours.oid, OBJ_get0_data(oid), OBJ_length(oid)));
        assert_true(der_is(&ours.value, value->data, (size_t)value->length));
        assert_int_equal(ours.critical, X509_EXTENSION_get_critical(one) > 0);
        OBJ_obj2txt(dotted, sizeof(dotted), oid, 1);
        if (certificate) {
            assert_true(x509_extension(certificate, dotted, &found));
            assert_ptr_equal(found.bytes, ours.value.bytes);
        }
    }
    assert_int_equal(from.size, 0);
}

static void same_key(const struct x509 *ours, X509 *theirs)
{
    uint8_t *der = NULL, hash[32];
    EVP_PKEY *key = X509_get0_pubkey(theirs);
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(theirs), &der);
    assert_true(sha256_of(der, (size_t)size, hash));
    assert_memory_equal(ours->key_hash, hash, 32);
    same_bytes(&ours->key_info, der, size);
    assert_int_equal(ours->key != NULL, key != NULL);
    if (key)
        assert_int_equal(EVP_PKEY_eq(ours->key, key), 1);
    ERR_clear_error();
}

/* What its own key says; weak hashes and RSA-PSS of other parameters are not in the vectors. */
static void same_verdict(const struct x509 *ours, X509 *theirs)
{
    EVP_PKEY *key = X509_get0_pubkey(theirs);
    bool good = key && X509_verify(theirs, key) == 1;
    assert_int_equal(x509_verify(&ours->is, ours->key), good);
    seen.verified += good;
    ERR_clear_error();
}

static bool has(X509 *theirs, uint32_t flag)
{
    return X509_get_extension_flags(theirs) & flag;
}

/* What the extensions of RFC 5280's say. */
static void same_judgement(const struct x509 *ours, X509 *theirs)
{
    assert_int_equal(ours->is_ca, has(theirs, EXFLAG_CA));
    assert_int_equal(ours->path_length, X509_get_pathlen(theirs));
    assert_int_equal(ours->usage, X509_get_key_usage(theirs));
    if (has(theirs, EXFLAG_CRITICAL))
        assert_true(ours->unknown_critical);
}

static void check_certificate(const uint8_t *bytes, size_t size, X509 *theirs)
{
    const X509_ALGOR *algorithm;
    const ASN1_BIT_STRING *signature;
    struct x509 *ours = x509_decode(bytes, size);
    assert_non_null(ours);
    assert_int_equal(ours->version, X509_get_version(theirs));
    same_integer(&ours->serial, X509_get0_serialNumber(theirs));
    same_name(&ours->is.issuer, X509_get_issuer_name(theirs));
    same_name(&ours->subject, X509_get_subject_name(theirs));
    same_time(ours->from, X509_get0_notBefore(theirs));
    same_time(ours->until, X509_get0_notAfter(theirs));
    X509_get0_signature(&signature, &algorithm, theirs);
    same_signature(&ours->is, algorithm, signature);
    same_extensions(ours, ours->is.extensions, X509_get0_extensions(theirs));
    same_key(ours, theirs);
    assert_int_equal(ours->malformed, has(theirs, EXFLAG_INVALID));
    same_judgement(ours, theirs);
    same_verdict(ours, theirs);
    x509_drop(ours);
    seen.certificates++;
}

static void check_list(const uint8_t *bytes, size_t size, X509_CRL *theirs)
{
    const X509_ALGOR *algorithm;
    const ASN1_BIT_STRING *signature;
    struct x509_list *ours = x509_list_decode(bytes, size);
    assert_non_null(ours);
    same_name(&ours->is.issuer, X509_CRL_get_issuer(theirs));
    same_time(ours->from, X509_CRL_get0_lastUpdate(theirs));
    same_time(ours->until, X509_CRL_get0_nextUpdate(theirs));
    X509_CRL_get0_signature(theirs, &signature, &algorithm);
    same_signature(&ours->is, algorithm, signature);
    same_extensions(NULL, ours->is.extensions, X509_CRL_get0_extensions(theirs));
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(theirs);
    int count = sk_X509_REVOKED_num(revoked) > 0 ? sk_X509_REVOKED_num(revoked) : 0;
    assert_int_equal(ours->count, count);
    for (int i = 0; i < count; i++, seen.revoked++) {
        uint8_t *der = NULL;
        int length = i2d_ASN1_INTEGER(
            X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)), &der);
        struct der from = {der, (size_t)length}, serial;
        assert_true(der_take(&from, DER_INTEGER, &serial));
        assert_true(x509_is_revoked(ours, &serial));
        OPENSSL_free(der);
    }
    x509_list_free(ours);
    seen.lists++;
}

/* ---- all of them ---- */

/* What begins here. */
static void look_at_der(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes;
    X509 *certificate = d2i_X509(NULL, &end, (long)size);
    if (certificate)
        check_certificate(bytes, (size_t)(end - bytes), certificate);
    X509_free(certificate);
    end = bytes;
    X509_CRL *revoked = d2i_X509_CRL(NULL, &end, (long)size);
    if (revoked)
        check_list(bytes, (size_t)(end - bytes), revoked);
    X509_CRL_free(revoked);
    ERR_clear_error();
}

/* Blocks from the first mark on: ours and OpenSSL's are the same. */
static void look_at_pem(const uint8_t *bytes, size_t size)
{
    char *label, *header;
    uint8_t *theirs;
    long length;
    struct pem_reader reader = pem_read(bytes, size);
    struct pem_block ours;
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    for (; PEM_read_bio(bio, &label, &header, &theirs, &length) == 1; seen.blocks++) {
        assert_true(pem_next(&reader, &ours));
        assert_true(der_is(&ours.label, label, strlen(label)));
        assert_true(der_is(&ours.inside, theirs, (size_t)length));
        look_at_der(ours.inside.bytes, ours.inside.size);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_free(theirs);
    }
    pem_end(&reader);
    BIO_free(bio);
    ERR_clear_error();
}

static void look_at(const uint8_t *bytes, size_t size)
{
    static const char mark[] = "-----BEGIN ";
    for (size_t i = 0; i + 4 < size; i++)
        if (bytes[i] == DER_SEQUENCE && bytes[i + 1] == 0x82)
            look_at_der(bytes + i, size - i);
    const uint8_t *begin = memmem(bytes, size, mark, sizeof(mark) - 1);
    if (begin)
        look_at_pem(begin, size - (size_t)(begin - bytes));
}

/* As it is, and as hexadecimal and base64. */
static void look_at_text(const char *text)
{
    size_t length = strlen(text), size;
    uint8_t *bytes = malloc(BASE64_BYTES(length) + 1);
    look_at((const uint8_t *)text, length);
    if (base64_read(BASE64, text, length, bytes, &size))
        look_at(bytes, size);
    if (length % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == length) {
        free(bytes);
        bytes = of_hex(text, &size);
        look_at(bytes, size);
    }
    free(bytes);
}

static void look_at_json(json_t *json)
{
    const char *name;
    json_t *one;
    size_t i;
    if (json_is_string(json))
        look_at_text(json_string_value(json));
    json_object_foreach(json, name, one) look_at_json(one);
    json_array_foreach(json, i, one) look_at_json(one);
}

static int look_at_file(const char *name, const struct stat *status, int type, struct FTW *place)
{
    (void)place;
    if (type != FTW_F || status->st_size == 0)
        return 0;
    size_t size;
    uint8_t *bytes = vector(strstr(name, "/tests/vectors/attest/") + 22, &size);
    look_at(bytes, size);
    json_t *json = json_loadb((const char *)bytes, size, 0, NULL);
    look_at_json(json);
    json_decref(json);
    free(bytes);
    return 0;
}

static void all_vectors_are_read_as_openssl_does(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof(folder), "%s/tests/vectors/attest", getenv("CELLA_SOURCE"));
    assert_int_equal(nftw(folder, look_at_file, 16, FTW_PHYS), 0);
    print_message(
        "%zu certificates (%zu of their own key's), %zu lists with %zu revoked, "
        "%zu extensions, %zu blocks\n",
        seen.certificates, seen.verified, seen.lists, seen.revoked, seen.extensions, seen.blocks);
    assert_true(seen.certificates >= 150 && seen.verified >= 50 && seen.lists >= 10 &&
                seen.revoked >= 50 && seen.extensions >= 800 && seen.blocks >= 80);
}

/* ---- altered ---- */

/* What both read is the same, and a key that is one here is one there. Either may refuse what the
 * other reads: OpenSSL takes BER, and looks into names. */
static bool check_altered(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes;
    X509 *theirs = d2i_X509(NULL, &end, (long)size);
    struct x509 *ours = x509_decode(bytes, size);
    bool both = ours && theirs && end == bytes + size;
    if (both) {
        assert_int_equal(ours->version, X509_get_version(theirs));
        same_integer(&ours->serial, X509_get0_serialNumber(theirs));
        if (ours->from != X509_NO_TIME)
            same_time(ours->from, X509_get0_notBefore(theirs));
        if (ours->until != X509_NO_TIME)
            same_time(ours->until, X509_get0_notAfter(theirs));
        if (ours->key)
            assert_int_equal(EVP_PKEY_eq(ours->key, X509_get0_pubkey(theirs)), 1);
        if (!has(theirs, EXFLAG_INVALID) && !ours->malformed)
            same_judgement(ours, theirs);
    }
    X509_free(theirs);
    x509_drop(ours);
    ERR_clear_error();
    return both;
}

static void what_is_altered_is_read_as_openssl_does(void **state)
{
    (void)state;
    static const char *const paths[] = {"snp/trustee/test-vcek.der",
                                        "sgx/fortanix-pcs-2020/root_SGX_CA_der.cert"};
    static const uint8_t changes[] = {0x01, 0x02, 0x08, 0x80, 0xff};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        size_t size, both = 0;
        uint8_t *bytes = vector(paths[i], &size);
        for (size_t at = 0; at < size; at++)
            for (size_t j = 0; j < sizeof(changes); j++) {
                bytes[at] ^= changes[j];
                both += check_altered(bytes, size);
                bytes[at] ^= changes[j];
            }
        assert_in_range(both, size, size * sizeof(changes) - 1);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_vectors_are_read_as_openssl_does),
        cmocka_unit_test(what_is_altered_is_read_as_openssl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
