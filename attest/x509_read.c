/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads certificates, and keeps beside each what is asked of it again and again.
 *
 * OpenSSL 3 decodes the public key of a certificate while it reads it, with decoders that it looks
 * up anew each time: 100 us of 120, as long as it takes to verify two signatures. So they are read
 * where there are none to look up, and their keys are decoded by public_key.h.
 */
#include "collateral.h"
#include "public_key.h"
#include "sha256.h"
#include "x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what is kept beside a certificate ---- */

struct beside {
    uint8_t hash[32], key_hash[32]; /* SHA-256 of the certificate, of its SubjectPublicKeyInfo */
    EVP_PKEY *key;                  /* NULL: none that can be used */
};

static int beside_index = -1; /* among what OpenSSL keeps for others */

static void drop_beside(void *parent, void *beside, CRYPTO_EX_DATA *all, int index, long number,
                        void *nothing)
{
    struct beside *one = beside;
    (void)parent, (void)all, (void)index, (void)number, (void)nothing;
    if (one)
        EVP_PKEY_free(one->key);
    free(one);
}

static void make_index(void)
{
    beside_index = X509_get_ex_new_index(0, NULL, NULL, NULL, drop_beside);
}

/* False: no memory. */
static bool has_index(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_index);
    return beside_index >= 0;
}

static bool read_key(const X509 *certificate, struct beside *to)
{
    X509_PUBKEY *info = X509_get_X509_PUBKEY(certificate);
    uint8_t *der = NULL;
    int size = i2d_X509_PUBKEY(info, &der);
    bool good = size > 0 && sha256_of(der, (size_t)size, to->key_hash);
    if (good)
        to->key = public_key_read(info, der, (size_t)size);
    OPENSSL_free(der);
    return good;
}

/* What is beside it; NULL: no memory. */
static const struct beside *beside(const X509 *certificate)
{
    struct beside *one = has_index() ? X509_get_ex_data(certificate, beside_index) : NULL;
    uint8_t *der = NULL;
    if (one)
        return one;
    one = has_index() ? calloc(1, sizeof(*one)) : NULL;
    int size = one ? i2d_X509(certificate, &der) : 0;
    if (size > 0 && sha256_of(der, (size_t)size, one->hash) && read_key(certificate, one) &&
        X509_set_ex_data((X509 *)certificate, beside_index, one) == 1) {
        OPENSSL_free(der);
        return one;
    }
    drop_beside(NULL, one, NULL, 0, 0, NULL);
    OPENSSL_free(der);
    return NULL;
}

EVP_PKEY *x509_key(const X509 *certificate)
{
    const struct beside *kept = beside(certificate);
    return kept ? kept->key : NULL;
}

bool x509_key_hash(const X509 *certificate, uint8_t sha256[32])
{
    const struct beside *kept = beside(certificate);
    if (kept)
        memcpy(sha256, kept->key_hash, sizeof(kept->key_hash));
    return kept;
}

bool x509_hash(const X509 *certificate, uint8_t sha256[32])
{
    const struct beside *kept = beside(certificate);
    if (kept)
        memcpy(sha256, kept->hash, sizeof(kept->hash));
    return kept;
}

/* ---- reading ---- */

/* How many bytes the object of DER takes that is at the head of these; 0: it is not whole. */
static size_t object_size(const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes;
    long inside;
    int tag, class;
    /* 0x80: malformed, or longer; 1: of indefinite length */
    if (ASN1_get_object(&at, &inside, &tag, &class, (long)size) & 0x81)
        return 0;
    return (size_t)(at - bytes) + (size_t)inside;
}

X509 *x509_decode(const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes;
    OSSL_LIB_CTX *context = public_key_no_decoders();
    X509 *certificate = context && size <= INT32_MAX ? X509_new_ex(context, NULL) : NULL;
    if (!certificate)
        return NULL;
    /* Not d2i_X509, which would refuse what x509_judge has a sentence for. */
    ASN1_item_d2i((ASN1_VALUE **)&certificate, &at, (long)size, ASN1_ITEM_rptr(X509));
    bool good = certificate && at == bytes + size && beside(certificate);
    ERR_clear_error();
    if (good)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static void keep_certificate(void *certificate)
{
    X509_up_ref(certificate);
}

static void drop_certificate(void *certificate)
{
    X509_free(certificate);
}

const struct cache_type x509_cached = {keep_certificate, drop_certificate};

X509 *x509_parse(cella_verifier *verifier, const uint8_t *bytes, size_t size)
{
    uint8_t key[32];
    if (!sha256_of(bytes, size, key))
        return NULL;
    X509 *certificate = cache_get(verifier->cache, key, &x509_cached);
    if (!certificate && (certificate = x509_decode(bytes, size)))
        cache_put(verifier->cache, key, &x509_cached, certificate);
    return certificate;
}

/* One more onto `to`. */
static bool take(cella_verifier *verifier, const uint8_t *bytes, size_t size, STACK_OF(X509) * to,
                 int most)
{
    if (sk_X509_num(to) >= most)
        return false;
    X509 *one = verifier ? x509_parse(verifier, bytes, size) : x509_decode(bytes, size);
    if (one && sk_X509_push(to, one))
        return true;
    X509_free(one);
    return false;
}

static bool read_pem(cella_verifier *verifier, BIO *bio, STACK_OF(X509) * to, int most)
{
    char *label, *header;
    uint8_t *inside;
    long size;
    bool good = true;
    while (good && PEM_read_bio(bio, &label, &header, &inside, &size) == 1) {
        if (strcmp(label, PEM_STRING_X509) == 0 || strcmp(label, PEM_STRING_X509_OLD) == 0)
            good = take(verifier, inside, (size_t)size, to, most);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_free(inside);
    }
    /* It ends where no further begins, and nowhere else. */
    return good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

bool x509_read(cella_verifier *verifier, const uint8_t *bytes, size_t size, STACK_OF(X509) * to,
               int most)
{
    const int before = sk_X509_num(to);
    bool good = size > 0 && size <= INT32_MAX;
    most += before;
    if (good && bytes[0] == 0x30) {
        for (size_t one; good && size > 0; bytes += one, size -= one) {
            one = object_size(bytes, size);
            good = one > 0 && take(verifier, bytes, one, to, most);
        }
    } else if (good) {
        BIO *bio = BIO_new_mem_buf(bytes, (int)size);
        good = bio && read_pem(verifier, bio, to, most);
        BIO_free(bio);
    }
    ERR_clear_error();
    return good && sk_X509_num(to) > before;
}

/* ---- what it says ---- */

int64_t x509_time(const ASN1_TIME *time)
{
    struct tm parts;
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
        return INT64_MIN;
    return timegm(&parts);
}

void x509_common_name(const X509_NAME *name, char text[128])
{
    /* X509_NAME_get_text_by_NID copies bytes of any encoding: only plain ones are wanted here. */
    if (X509_NAME_get_text_by_NID((X509_NAME *)name, NID_commonName, text, 128) < 0)
        text[0] = 0;
    for (char *at = text; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

const uint8_t *x509_extension(const X509 *certificate, const char *oid, size_t *size)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    int at = object ? X509_get_ext_by_OBJ(certificate, object, -1) : -1;
    ASN1_OBJECT_free(object);
    if (at < 0)
        return NULL;
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    *size = (size_t)ASN1_STRING_length(value);
    return ASN1_STRING_get0_data(value);
}

/* ---- who signed it ---- */

/* SEQUENCE { what is signed, AlgorithmIdentifier, BIT STRING }, where what is signed names the same
 * algorithm: so are certificates and revocation lists. */
struct signed_object {
    const uint8_t *bytes; /* what is signed */
    size_t size;
    const uint8_t *algorithm;
    size_t algorithm_size;
};

static bool open_sequence(const uint8_t **at, size_t *size)
{
    long inside;
    int tag, class;
    if (ASN1_get_object(at, &inside, &tag, &class, (long)*size) != V_ASN1_CONSTRUCTED ||
        tag != V_ASN1_SEQUENCE)
        return false;
    *size = (size_t)inside;
    return true;
}

static bool read_signed(const uint8_t *der, size_t size, struct signed_object *to)
{
    if (!open_sequence(&der, &size))
        return false;
    to->bytes = der;
    to->size = object_size(der, size);
    to->algorithm = der + to->size;
    to->algorithm_size = to->size ? object_size(to->algorithm, size - to->size) : 0;
    return to->algorithm_size > 0;
}

/* Behind a version (of a list that has one) stands the algorithm. */
static bool list_names_algorithm(const struct signed_object *list)
{
    const uint8_t *at = list->bytes;
    size_t size = list->size;
    if (!open_sequence(&at, &size))
        return false;
    size_t version = size > 0 && *at == V_ASN1_INTEGER ? object_size(at, size) : 0;
    return object_size(at + version, size - version) == list->algorithm_size &&
           memcmp(at + version, list->algorithm, list->algorithm_size) == 0;
}

bool x509_verify(const X509 *certificate, EVP_PKEY *key)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *algorithm;
    struct signed_object object;
    uint8_t *der = NULL;
    X509_get0_signature(&signature, &algorithm, certificate);
    if (!key || X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(certificate)) != 0)
        return false;
    /* OpenSSL has kept the bytes of what was signed as they were read. */
    int size = i2d_X509(certificate, &der);
    bool good = size > 0 && read_signed(der, (size_t)size, &object) &&
                public_key_verify(key, algorithm, signature, object.bytes, object.size);
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}

bool x509_verify_list(const X509_CRL *list, EVP_PKEY *key)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *algorithm;
    struct signed_object object;
    uint8_t *der = NULL;
    X509_CRL_get0_signature(list, &signature, &algorithm);
    int size = key ? i2d_X509_CRL((X509_CRL *)list, &der) : 0;
    bool good = size > 0 && read_signed(der, (size_t)size, &object) &&
                list_names_algorithm(&object) &&
                public_key_verify(key, algorithm, signature, object.bytes, object.size);
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}
