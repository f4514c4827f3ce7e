/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as a certificate, as a revocation list, as a PEM text. OpenSSL,
 * which reads more than DER, has to read what our strict readers take, and to say the same of it.
 */
#include "attest/pem.h"
#include "attest/public_key.h"
#include "attest/x509.h"
#include "fuzz_attest.h"
#include "fuzz_der.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

/* Says what did not hold: all of it is in a few functions once compiled. */
#undef must
#define must(good)                                                                                 \
    ((good) ? (void)0 : (fprintf(stderr, "%d: not so: %s\n", __LINE__, #good), abort()))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

static bool is_inside(const struct der *part, const struct der *all)
{
    return !part->bytes || (part->bytes >= all->bytes && part->size <= all->size &&
                            part->bytes - all->bytes <= (ptrdiff_t)(all->size - part->size));
}

/* ---- the small parts ---- */

/* OpenSSL looks into values that we only carry along: the strings of names, parameters of
 * algorithms, a key's. Where it does not read one of these alone, it need not read the whole. Names
 * and algorithms are compared with others byte for byte here, and a key is none where it is
 * malformed. */
static bool reads_part(const ASN1_ITEM *item, const struct der *part)
{
    const uint8_t *at = part->bytes;
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)part->size, item);
    bool good = value && at == part->bytes + part->size;
    ASN1_item_free(value, item);
    return good;
}

/* OpenSSL writes the parameters of algorithms anew, without the bit of what is constructed: what it
 * writes is compared with what it writes for ours. */
static void must_be_part(const ASN1_ITEM *item, const void *theirs, const struct der *ours)
{
    const uint8_t *at = ours->bytes;
    uint8_t *one = NULL, *other = NULL;
    ASN1_VALUE *same = ASN1_item_d2i(NULL, &at, (long)ours->size, item);
    int size = ASN1_item_i2d(theirs, &one, item);
    must(same && size > 0 && ASN1_item_i2d(same, &other, item) == size);
    must(memcmp(one, other, (size_t)size) == 0);
    OPENSSL_free(one);
    OPENSSL_free(other);
    ASN1_item_free(same, item);
}

static void must_be_name(const X509_NAME *name, const struct der *ours)
{
    const uint8_t *bytes;
    size_t size;
    must(X509_NAME_get0_der(name, &bytes, &size) == 1 && der_is(ours, bytes, size));
}

static void must_be_time(const ASN1_TIME *time, int64_t ours)
{
    struct tm parts;
    if (ours != X509_NO_TIME)
        must(ASN1_TIME_to_tm(time, &parts) == 1 && timegm(&parts) == ours);
}

static void must_be_integer(const ASN1_INTEGER *integer, const struct der *ours)
{
    uint8_t *der = NULL;
    struct der from, inside;
    int size = i2d_ASN1_INTEGER((ASN1_INTEGER *)integer, &der);
    must(size > 0);
    from = (struct der){der, (size_t)size};
    must(der_take(&from, DER_INTEGER, &inside) && der_same(&inside, ours));
    OPENSSL_free(der);
}

static void must_be_bits(const ASN1_BIT_STRING *bits, const struct der *ours)
{
    must(der_is(ours, ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)));
}

static bool is_object(const struct der *ours, const ASN1_OBJECT *object)
{
    return der_is(ours, OBJ_get0_data(object), OBJ_length(object));
}

/* The same extensions, in the same order. Whether one is critical. */
static bool must_be_extensions(const STACK_OF(X509_EXTENSION) * theirs, struct der ours)
{
    struct x509_extension one;
    bool critical = false;
    for (int i = 0; i < sk_X509_EXTENSION_num(theirs); i++) {
        X509_EXTENSION *other = sk_X509_EXTENSION_value(theirs, i);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(other);
        must(x509_extension_take(&ours, &one));
        must(is_object(&one.oid, X509_EXTENSION_get_object(other)));
        must(one.critical == (X509_EXTENSION_get_critical(other) != 0));
        must_be_bits(value, &one.value);
        critical |= one.critical;
    }
    must(ours.size == 0);
    return critical;
}

/* ---- keys ---- */

/* Whether OpenSSL writes this RSAPublicKey as it was (it takes numbers that are negative in DER as
 * positive), and the exponent is one that is used: odd, no 1, of at most 32 bits. */
static bool is_plain_rsa(EVP_PKEY *theirs, const struct der *bytes)
{
    BIGNUM *exponent = NULL;
    uint8_t *der = NULL;
    int size = i2d_PublicKey(theirs, &der);
    bool good = size > 0 && der_is(bytes, der, (size_t)size) &&
                EVP_PKEY_get_bn_param(theirs, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                BN_is_odd(exponent) && !BN_is_one(exponent) && BN_num_bits(exponent) <= 32;
    BN_free(exponent);
    OPENSSL_free(der);
    return good;
}

/* The parameters of an RSA key: NULL, or absent. OpenSSL does not look at them. */
static bool is_null(struct der parameters)
{
    return parameters.size == 0 || der_is(&parameters, "\5\0", 2);
}

/* A curve that is named, one of the three, and a point other than the one at infinity. */
static bool is_plain_ec(EVP_PKEY *theirs, const struct der *parameters, const struct der *point)
{
    char curve[32];
    size_t size;
    return parameters->size > 0 && parameters->bytes[0] == DER_OID && point->size > 1 &&
           EVP_PKEY_get_group_name(theirs, curve, sizeof(curve), &size) == 1 &&
           (strcmp(curve, SN_X9_62_prime256v1) == 0 || strcmp(curve, SN_secp384r1) == 0 ||
            strcmp(curve, SN_secp521r1) == 0);
}

/* A key that OpenSSL has is ours, too, where it is one that a certificate should hold. */
static bool should_have(const struct x509 *ours, EVP_PKEY *theirs)
{
    struct der from = ours->key_info, info, algorithm, oid, bits, bytes;
    must(der_take(&from, DER_SEQUENCE, &info) && der_take(&info, DER_SEQUENCE, &algorithm) &&
         der_take(&algorithm, DER_OID, &oid) && der_take(&info, DER_BIT_STRING, &bits) &&
         der_bytes(&bits, &bytes));
    return EVP_PKEY_is_a(theirs, "ED25519") ||
           (EVP_PKEY_is_a(theirs, "RSA") && is_null(algorithm) && is_plain_rsa(theirs, &bytes)) ||
           (EVP_PKEY_is_a(theirs, "EC") && is_plain_ec(theirs, &algorithm, &bytes));
}

static void must_be_key(const struct x509 *ours, const X509 *theirs)
{
    EVP_PKEY *key = X509_get0_pubkey(theirs);
    if (ours->key && EVP_PKEY_get_security_bits(ours->key) >= 112) /* else it verifies nothing */
        must(key && EVP_PKEY_eq(ours->key, key) == 1);
    if (key && !ours->key)
        must(!should_have(ours, key));
}

/* Roots that signed seeds: P-256, RSA-PSS, P-384. */
static EVP_PKEY *roots[3];

static void read_roots(void)
{
    static const char *const paths[] = {"sgx/intel-qvl-sample/trustedRootCaCert.pem",
                                        "snp/roots/ask_ark_milan.pem", "nitro/fortanix/aws.crt"};
    static uint8_t bytes[1 << 16];
    for (int i = 0; i < 3; i++) {
        struct x509_pool pool = {NULL, 0};
        must(x509_read(NULL, bytes, read_vector(paths[i], bytes, sizeof(bytes)), &pool, 4));
        roots[i] = pool.all[pool.count - 1]->key;
        must(roots[i] && EVP_PKEY_up_ref(roots[i]) == 1);
        x509_pool_clear(&pool);
    }
}

static bool verifies(const struct x509_signed *ours, EVP_PKEY *key, X509 *one, X509_CRL *other)
{
    bool good = x509_verify(ours, key);
    if (good)
        must(one ? X509_verify(one, key) == 1 : X509_CRL_verify(other, key) == 1);
    return good;
}

static void try_keys(const struct x509_signed *ours, X509 *one, X509_CRL *other)
{
    for (int i = 0; i < 3; i++)
        if (verifies(ours, roots[i], one, other))
            return;
}

/* ---- certificates ---- */

static void must_be_purposes(const struct x509 *ours, X509 *theirs)
{
    EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(theirs, NID_ext_key_usage, NULL, NULL);
    uint8_t oid[DER_OID_MOST];
    char text[128];
    must(purposes || x509_is_for(ours, "1.2", true)); /* where ours is fine there is none */
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
        ASN1_OBJECT *one = sk_ASN1_OBJECT_value(purposes, i);
        must(OBJ_obj2txt(text, sizeof(text), one, 1) > 0);
        struct der same = {oid, 0};
        if (strlen(text) < sizeof(text) - 1)
            same.size = der_oid(text, oid);
        if (is_object(&same, one)) /* der_oid is for the short ones that we know */
            must(x509_is_for(ours, text, false));
    }
    sk_ASN1_OBJECT_pop_free(purposes, ASN1_OBJECT_free);
}

static void must_mean_the_same(const struct x509 *ours, X509 *theirs)
{
    const uint32_t flags = X509_get_extension_flags(theirs);
    if (ours->malformed)
        return;
    must(ours->unknown_critical || !(flags & EXFLAG_CRITICAL));
    if (flags & EXFLAG_INVALID)
        return;
    must(ours->is_ca == ((flags & EXFLAG_CA) != 0));
    must(ours->path_length == X509_get_pathlen(theirs));
    must((ours->usage == X509_ANY_USAGE) == !(flags & EXFLAG_KUSAGE));
    must(ours->usage == X509_ANY_USAGE || ours->usage == X509_get_key_usage(theirs));
    must_be_purposes(ours, theirs);
}

static void must_be_inside(const struct x509_signed *is)
{
    const struct der *const parts[] = {&is->body, &is->algorithm, &is->signature, &is->issuer,
                                       &is->extensions};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        must(is_inside(parts[i], &is->whole));
}

static void must_be_signed(const struct x509_signed *ours, const ASN1_BIT_STRING *signature,
                           const X509_ALGOR *algorithm)
{
    must_be_part(ASN1_ITEM_rptr(X509_ALGOR), algorithm, &ours->algorithm);
    must_be_bits(signature, &ours->signature);
}

static void must_be_certificate(const struct x509 *ours, X509 *theirs)
{
    const X509_ALGOR *algorithm;
    const ASN1_BIT_STRING *signature;
    must_be_part(ASN1_ITEM_rptr(X509_PUBKEY), X509_get_X509_PUBKEY(theirs), &ours->key_info);
    must((long)ours->version == X509_get_version(theirs));
    must_be_integer(X509_get0_serialNumber(theirs), &ours->serial);
    must_be_name(X509_get_issuer_name(theirs), &ours->is.issuer);
    must_be_name(X509_get_subject_name(theirs), &ours->subject);
    must_be_time(X509_get0_notBefore(theirs), ours->from);
    must_be_time(X509_get0_notAfter(theirs), ours->until);
    must_be_extensions(X509_get0_extensions(theirs), ours->is.extensions);
    X509_get0_signature(&signature, &algorithm, theirs);
    must_be_signed(&ours->is, signature, algorithm);
    must_be_key(ours, theirs);
    must_mean_the_same(ours, theirs);
}

static void read_certificate(const uint8_t *data, size_t size)
{
    struct x509 *ours = x509_decode(data, size);
    const uint8_t *at = data;
    char name[128];
    if (!ours)
        return;
    must_be_inside(&ours->is);
    must(is_inside(&ours->serial, &ours->is.body) && is_inside(&ours->subject, &ours->is.body) &&
         is_inside(&ours->key_info, &ours->is.body));
    x509_common_name(&ours->subject, name);
    must(strlen(name) < sizeof(name));
    X509 *theirs = d2i_X509(NULL, &at, (long)size);
    if (theirs && at == data + size) {
        must_be_certificate(ours, theirs);
        if (!verifies(&ours->is, ours->key, theirs, NULL))
            try_keys(&ours->is, theirs, NULL);
    } else {
        must(!reads_part(ASN1_ITEM_rptr(X509_NAME), &ours->is.issuer) ||
             !reads_part(ASN1_ITEM_rptr(X509_NAME), &ours->subject) ||
             !reads_part(ASN1_ITEM_rptr(X509_ALGOR), &ours->is.algorithm) ||
             !reads_part(ASN1_ITEM_rptr(X509_PUBKEY), &ours->key_info));
    }
    X509_free(theirs);
    x509_drop(ours);
}

/* ---- revocation lists ---- */

/* Whether an entry has a critical extension. */
static bool must_be_revoked(const struct x509_list *ours, X509_CRL *theirs)
{
    STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(theirs);
    bool critical = false;
    must((all ? (size_t)sk_X509_REVOKED_num(all) : 0) == ours->count);
    for (int i = 0; i < sk_X509_REVOKED_num(all); i++) {
        const X509_REVOKED *one = sk_X509_REVOKED_value(all, i);
        uint8_t *der = NULL;
        struct der from, inside;
        int size = i2d_ASN1_INTEGER(X509_REVOKED_get0_serialNumber(one), &der);
        must(size > 0);
        from = (struct der){der, (size_t)size};
        must(der_take(&from, DER_INTEGER, &inside) && x509_is_revoked(ours, &inside));
        OPENSSL_free(der);
        for (int j = 0; j < X509_REVOKED_get_ext_count(one); j++)
            critical |= X509_EXTENSION_get_critical(X509_REVOKED_get_ext(one, j)) != 0;
    }
    return critical;
}

static void must_be_list(const struct x509_list *ours, X509_CRL *theirs)
{
    const X509_ALGOR *algorithm;
    const ASN1_BIT_STRING *signature;
    const ASN1_TIME *until = X509_CRL_get0_nextUpdate(theirs);
    bool critical = must_be_extensions(X509_CRL_get0_extensions(theirs), ours->is.extensions);
    must_be_name(X509_CRL_get_issuer(theirs), &ours->is.issuer);
    must_be_time(X509_CRL_get0_lastUpdate(theirs), ours->from);
    must(until || ours->until == X509_NO_TIME);
    if (until)
        must_be_time(until, ours->until);
    critical |= must_be_revoked(ours, theirs);
    must(critical == ours->unknown_critical);
    X509_CRL_get0_signature(theirs, &signature, &algorithm);
    must_be_signed(&ours->is, signature, algorithm);
}

static void read_list(const uint8_t *data, size_t size)
{
    struct x509_list *ours = x509_list_decode(data, size);
    const uint8_t *at = data;
    if (!ours)
        return;
    must_be_inside(&ours->is);
    must(is_inside(&ours->revoked, &ours->is.body));
    X509_CRL *theirs = d2i_X509_CRL(NULL, &at, (long)size);
    if (theirs && at == data + size) {
        must_be_list(ours, theirs);
        try_keys(&ours->is, NULL, theirs);
    } else {
        must(!reads_part(ASN1_ITEM_rptr(X509_NAME), &ours->is.issuer) ||
             !reads_part(ASN1_ITEM_rptr(X509_ALGOR), &ours->is.algorithm));
    }
    X509_CRL_free(theirs);
    x509_list_free(ours);
}

/* ---- PEM ---- */

/* OpenSSL takes lines as C strings of 254 letters; what is longer is several lines to it, and a
 * block may then begin in the middle of one. It skips a byte order mark. */
static bool is_plain(const uint8_t *data, size_t size)
{
    size_t line = 0;
    for (size_t i = 0; i < size; i++) {
        line = data[i] == '\n' ? 0 : line + 1;
        if (line > 253 || data[i] > '~' || (data[i] < ' ' && !strchr("\t\r\n", data[i])) ||
            data[i] == 0)
            return false;
    }
    return true;
}

static void read_text(const uint8_t *data, size_t size)
{
    struct pem_reader reader = pem_read(data, size);
    struct pem_block block;
    const bool plain = is_plain(data, size);
    BIO *bio = BIO_new_mem_buf(data, (int)size);
    must(bio);
    while (pem_next(&reader, &block)) {
        char *name = NULL, *header = NULL;
        uint8_t *bytes = NULL;
        long count = 0;
        must(is_inside(&block.label, &(struct der){data, size}));
        if (!plain)
            continue;
        must(PEM_read_bio(bio, &name, &header, &bytes, &count) == 1 && *header == 0);
        must(der_is(&block.label, name, strlen(name)));
        must(der_is(&block.inside, bytes, (size_t)count));
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(bytes);
    }
    pem_end(&reader);
    BIO_free(bio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!roots[0])
        read_roots();
    if (size < 2)
        return 0;
    if (data[0] % 4 == 0)
        read_certificate(data + 1, size - 1);
    else if (data[0] % 4 == 1)
        read_list(data + 1, size - 1);
    else
        read_text(data + 1, size - 1);
    ERR_clear_error();
    return 0;
}

/* Half of the time objects of DER, with the lengths above them kept right. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size_t made = 0;
    if (size > 1 && data[0] % 4 < 2 && seed % 4)
        made = der_change(data + 1, size - 1, most - 1, seed / 4);
    return made ? made + 1 : LLVMFuzzerMutate(data, size, most);
}
