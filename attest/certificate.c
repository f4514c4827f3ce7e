/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates of platforms: made, and judged. The root comes with the evidence and is known by its
 * key; the rest is OpenSSL's path validation (RFC 5280), strictly, at a time that is given.
 */
#include "certificate.h"

#include "cache.h"
#include "image/fail.h"
#include "image/hex.h"
#include "public_key.h"
#include "refusal.h"
#include "sha256.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HOUR             3600
#define CERTIFICATE_NAME 64
#define ATTESTATION_KEY  "2.23.133.8.3" /* tcg-kp-AIKCertificate */

/* ---- making ---- */

/* "cella WHAT", and the first digits of the key's hash. */
static bool name_of(EVP_PKEY *key, const char *what, char name[CERTIFICATE_NAME])
{
    char digits[9];
    uint8_t hash[32];
    if (!public_key_hash(key, hash))
        return false;
    snprintf(name, CERTIFICATE_NAME, "cella %s %s", what, hex_write(hash, 4, digits));
    return true;
}

static bool set_names(X509 *certificate, const X509 *issuer, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject) == 1;
}

static bool set_serial(X509 *certificate)
{
    uint8_t random[16];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    random[0] = (random[0] & 0x7f) | 0x40; /* positive, and of one length */
    BIGNUM *number = BN_bin2bn(random, sizeof(random), NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

bool certificate_add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* Without its signature; what it may do is its caller's to add. */
static X509 *begin(EVP_PKEY *key, const X509 *issuer, const char *name)
{
    X509 *certificate = X509_new();
    if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        X509_set_pubkey(certificate, key) == 1 && set_serial(certificate) &&
        set_names(certificate, issuer, name) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR) &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), 365 * CERTIFICATE_YEARS, 0, NULL))
        return certificate;
    X509_free(certificate);
    return NULL;
}

static X509 *make(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *purpose)
{
    char name[CERTIFICATE_NAME];
    if (!name_of(key, issuer ? "platform" : "development root", name))
        return NULL;
    X509 *certificate = begin(key, issuer, name);
    X509 *above = issuer ? issuer : certificate;
    if (certificate &&
        certificate_add(certificate, above, NID_basic_constraints,
                        issuer ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
        certificate_add(certificate, above, NID_key_usage,
                        issuer ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign") &&
        (!purpose || certificate_add(certificate, above, NID_ext_key_usage, purpose)) &&
        certificate_add(certificate, above, NID_subject_key_identifier, "hash") &&
        certificate_add(certificate, above, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

X509 *certificate_make(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    return make(key, issuer, issuer_key, NULL);
}

X509 *certificate_make_attestation(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    return make(key, issuer, issuer_key, "critical," ATTESTATION_KEY);
}

X509 *certificate_make_tls(EVP_PKEY *key, const char *name, const char *usage)
{
    char own[CERTIFICATE_NAME];
    if (!name && !name_of(key, "enclave", own))
        return NULL;
    X509 *certificate = begin(key, NULL, name ? name : own);
    if (certificate &&
        certificate_add(certificate, certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        certificate_add(certificate, certificate, NID_key_usage, "critical,digitalSignature") &&
        certificate_add(certificate, certificate, NID_ext_key_usage, usage))
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* ---- judging ---- */

bool certificate_key_hash(const X509 *certificate, uint8_t sha256[32])
{
    uint8_t *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool good = size > 0 && sha256_of(der, (size_t)size, sha256);
    OPENSSL_free(der);
    return good;
}

/* Seconds since 1970; INT64_MIN: not a time. */
static int64_t seconds(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : INT64_MIN;
}

/* NULL: not one certificate in DER. */
static X509 *read_certificate(const struct cose_certificate *from)
{
    const uint8_t *at = from->bytes;
    X509 *certificate = d2i_X509(NULL, &at, (long)from->size);
    if (certificate && at != from->bytes + from->size) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static bool is_trusted(const uint8_t root[32], const cella_verify_options *options)
{
    for (size_t i = 0; i < options->root_count; i++)
        if (memcmp(options->roots[i], root, 32) == 0)
            return true;
    return false;
}

static cella_status judge_root(const X509 *root, const cella_verify_options *options,
                               uint8_t hash[32], cella_refusal *refusal, cella_error *error)
{
    char expected[65 + 32], found[65];
    if (!certificate_key_hash(root, hash))
        return fail(error, CELLA_INVALID, "evidence: the root's certificate has no usable key");
    if (is_trusted(hash, options))
        return CELLA_OK;
    hex_write(options->roots[0], 32, expected);
    if (options->root_count > 1)
        snprintf(expected + 64, sizeof(expected) - 64, " or %zu others", options->root_count - 1);
    return refuse(refusal, error, CELLA_REFUSAL_ROOT, "root", expected, hex_write(hash, 32, found));
}

static cella_status refuse_chain(X509_STORE_CTX *context, const cella_verify_options *options,
                                 cella_refusal *refusal, cella_error *error)
{
    int code = X509_STORE_CTX_get_error(context);
    char at[32], expected[64];
    bool time = code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID;
    snprintf(expected, sizeof(expected), "one that is valid at %s", time_text(options->at, at));
    return refuse(refusal, error, time ? CELLA_REFUSAL_TIME : CELLA_REFUSAL_ROOT, "certificate",
                  time ? expected : "a platform's under that root",
                  X509_verify_cert_error_string(code));
}

/* The one extended key usage that it has; none is not this one. */
static bool is_attestation_key(X509 *certificate)
{
    char text[32] = "";
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
    if (sk_ASN1_OBJECT_num(usage) == 1)
        OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usage, 0), 1);
    EXTENDED_KEY_USAGE_free(usage);
    return strcmp(text, ATTESTATION_KEY) == 0;
}

/* What path validation leaves to its caller: what the platform's certificate may sign. An
 * attestation key's is no other's: a TPM's owner may have it sign what is not the TPM's word, if it
 * only looks like nothing of the TPM's. */
static bool may_sign(X509 *platform, bool attestation)
{
    return !(X509_get_extension_flags(platform) & EXFLAG_CA) &&
           X509_get_key_usage(platform) == KU_DIGITAL_SIGNATURE &&
           is_attestation_key(platform) == attestation;
}

static cella_status judge_path(X509 *platform, X509 *root, bool attestation,
                               const cella_verify_options *options, cella_refusal *refusal,
                               cella_error *error)
{
    cella_status status = CELLA_MEMORY;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    fail(error, status, "evidence: no memory to check its certificates");
    if (!store || !context || X509_STORE_add_cert(store, root) != 1 ||
        X509_STORE_CTX_init(context, store, platform, NULL) != 1)
        goto out;
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(parameters, options->at);
    X509_VERIFY_PARAM_set_flags(parameters,
                                X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_auth_level(parameters, 2); /* 112 bits of security or more */
    if (X509_verify_cert(context) != 1)
        status = refuse_chain(context, options, refusal, error);
    else if (sk_X509_num(X509_STORE_CTX_get0_chain(context)) != 2 ||
             !may_sign(platform, attestation))
        status = refuse(refusal, error, CELLA_REFUSAL_ROOT, "certificate",
                        attestation ? "a TPM's attestation key's"
                                    : "a platform's: no CA, for digital signatures",
                        "one for something else");
    else
        status = CELLA_OK;
out:
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return status;
}

/* ---- chains that were good before ---- */

#define GOOD_MOST 256

/* What the bytes of a chain prove for ever: which key, under which root. When it may be used and
 * whether that root is trusted is asked anew each time. */
struct good_chain {
    atomic_uint references;
    EVP_PKEY *key;
    uint8_t root[32];
    int64_t from, until; /* both certificates are valid between them */
};

static struct cache *good_chains;

static void make_good_chains(void)
{
    good_chains = cache_new(GOOD_MOST); /* NULL: nothing is remembered */
}

static void keep_chain(void *chain)
{
    atomic_fetch_add(&((struct good_chain *)chain)->references, 1);
}

static void drop_chain(void *of)
{
    struct good_chain *chain = of;
    if (atomic_fetch_sub(&chain->references, 1) > 1)
        return;
    EVP_PKEY_free(chain->key);
    free(chain);
}

static const struct cache_type good_chain_type = {keep_chain, drop_chain};

/* Of all that judging a chain depends on, but the time and the roots. */
static bool hash_chain(const struct cose_chain *chain, bool attestation, uint8_t sha256[32])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, &attestation, sizeof(attestation)) == 1;
    for (size_t i = 0; good && i < chain->count; i++)
        good = EVP_DigestUpdate(context, &chain->certificates[i].size, sizeof(size_t)) == 1 &&
               EVP_DigestUpdate(context, chain->certificates[i].bytes,
                                chain->certificates[i].size) == 1;
    good = good && EVP_DigestFinal_ex(context, sha256, NULL) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* False: it was not judged before, or would be refused: then it is judged in full. */
static bool recall(const uint8_t sha256[32], const cella_verify_options *options, EVP_PKEY **key,
                   uint8_t root[32])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_good_chains);
    struct good_chain *chain =
        good_chains ? cache_get(good_chains, sha256, &good_chain_type) : NULL;
    if (!chain)
        return false;
    bool good =
        is_trusted(chain->root, options) && options->at > chain->from && options->at < chain->until;
    if (good) {
        EVP_PKEY_up_ref(*key = chain->key);
        memcpy(root, chain->root, 32);
    }
    drop_chain(chain);
    return good;
}

static void remember(const uint8_t sha256[32], const X509 *platform, const X509 *root,
                     EVP_PKEY *key, const uint8_t root_hash[32])
{
    struct good_chain *chain = good_chains ? calloc(1, sizeof(*chain)) : NULL;
    if (!chain)
        return;
    int64_t from = seconds(X509_get0_notBefore(root));
    int64_t until = seconds(X509_get0_notAfter(root));
    chain->references = 1;
    chain->from = seconds(X509_get0_notBefore(platform));
    chain->until = seconds(X509_get0_notAfter(platform));
    chain->from = from > chain->from ? from : chain->from;
    chain->until = until < chain->until ? until : chain->until;
    memcpy(chain->root, root_hash, 32);
    EVP_PKEY_up_ref(chain->key = key);
    cache_put(good_chains, sha256, &good_chain_type, chain);
    drop_chain(chain);
}

static cella_status judge_chain(const struct cose_chain *chain, bool attestation,
                                const uint8_t sha256[32], const cella_verify_options *options,
                                EVP_PKEY **key, uint8_t root[32], cella_refusal *refusal,
                                cella_error *error)
{
    cella_status status;
    X509 *platform = read_certificate(&chain->certificates[0]);
    X509 *above = read_certificate(&chain->certificates[1]);
    if (!platform || !above)
        status = fail(error, CELLA_INVALID, "evidence: x5chain holds what is no certificate");
    else
        status = judge_root(above, options, root, refusal, error);
    if (status == CELLA_OK)
        status = judge_path(platform, above, attestation, options, refusal, error);
    if (status == CELLA_OK && !(*key = X509_get_pubkey(platform)))
        status = fail(error, CELLA_INVALID, "evidence: the platform's key cannot be used");
    if (status == CELLA_OK)
        remember(sha256, platform, above, *key, root);
    X509_free(platform);
    X509_free(above);
    ERR_clear_error();
    return status;
}

cella_status certificate_judge(const struct cose_chain *chain, bool attestation,
                               const cella_verify_options *options, EVP_PKEY **key,
                               uint8_t root[32], cella_refusal *refusal, cella_error *error)
{
    uint8_t sha256[32];
    if (chain->count != 2)
        return fail(error, CELLA_INVALID,
                    "evidence: %zu certificates; the platform's and its root's are wanted",
                    chain->count);
    if (!hash_chain(chain, attestation, sha256))
        return fail(error, CELLA_MEMORY, "evidence: no memory to check its certificates");
    if (recall(sha256, options, key, root))
        return CELLA_OK;
    return judge_chain(chain, attestation, sha256, options, key, root, refusal, error);
}
