/* SPDX-License-Identifier: Apache-2.0
 *
 * A self-signed server certificate (RFC 5280).
 */
#include "tls.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define YEARS 10
#define HOUR  3600

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

static bool set_names(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"cella keyd", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool add(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* A host's name that is none of DNS's is left out. */
static bool add_hosts(X509 *certificate)
{
    static const char always[] = "DNS:localhost,IP:127.0.0.1,IP:::1";
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    char host[64] = "", names[sizeof(always) + sizeof(host) + 8];
    if (gethostname(host, sizeof(host) - 1) != 0 || !*host || host[strspn(host, letters)])
        return add(certificate, NID_subject_alt_name, always);
    snprintf(names, sizeof(names), "DNS:%s,%s", host, always);
    return add(certificate, NID_subject_alt_name, names);
}

X509 *tls_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        X509_set_pubkey(certificate, key) == 1 && set_serial(certificate) &&
        set_names(certificate) && X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR) &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), 365 * YEARS, 0, NULL) &&
        add(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        add(certificate, NID_key_usage, "critical,digitalSignature") &&
        add(certificate, NID_ext_key_usage, "serverAuth") &&
        add(certificate, NID_subject_key_identifier, "hash") && add_hosts(certificate) &&
        X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}
