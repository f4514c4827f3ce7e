/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and revocation lists made for a test: any shape, right or wrong.
 */
#ifndef UNIT_ATTEST_PKI_H
#define UNIT_ATTEST_PKI_H

#include "attest_test.h"

#include "attest/x509.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>

#define PKI_NOW  1700000000 /* 2023-11-14 */
#define PKI_YEAR (365 * 86400)

struct pki_shape {
    const char *name;     /* common name */
    bool ca;              /* with keyCertSign; else digitalSignature */
    int path_length;      /* of a CA; below zero: no constraint */
    const char *usage;    /* NULL: as above */
    const char *critical; /* an extension of this OID that is critical, or NULL */
    int64_t from, until;  /* zeros: a year around PKI_NOW */
    const EVP_MD *digest; /* NULL: SHA-256 */
    long serial;
};

struct pki_node {
    X509 *certificate;
    EVP_PKEY *key;
};

static inline void pki_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void pki_critical(X509 *certificate, const char *oid)
{
    uint8_t null[] = {5, 0};
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, null, sizeof(null));
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
}

static inline void pki_name(X509_NAME *name, const char *text)
{
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)text, -1, -1, 0);
}

/* A certificate of `key` under `issuer` (NULL: its own). */
static inline X509 *pki_certificate(const struct pki_shape *shape, EVP_PKEY *key,
                                    const struct pki_node *issuer)
{
    char constraints[64];
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    X509_set_pubkey(certificate, key);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), shape->serial);
    pki_name(X509_get_subject_name(certificate), shape->name);
    X509_set_issuer_name(certificate,
                         X509_get_subject_name(issuer ? issuer->certificate : certificate));
    ASN1_TIME_set(X509_getm_notBefore(certificate), shape->from ? shape->from : PKI_NOW - PKI_YEAR);
    ASN1_TIME_set(X509_getm_notAfter(certificate),
                  shape->until ? shape->until : PKI_NOW + PKI_YEAR);
    snprintf(constraints, sizeof(constraints),
             shape->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (shape->ca && shape->path_length >= 0)
        snprintf(constraints, sizeof(constraints), "critical,CA:TRUE,pathlen:%d",
                 shape->path_length);
    pki_extension(certificate, NID_basic_constraints, constraints);
    pki_extension(certificate, NID_key_usage,
                  shape->usage ? shape->usage
                  : shape->ca  ? "critical,keyCertSign,cRLSign"
                               : "critical,digitalSignature");
    if (shape->critical)
        pki_critical(certificate, shape->critical);
    assert_true(X509_sign(certificate, issuer ? issuer->key : key,
                          shape->digest ? shape->digest : EVP_sha256()) > 0);
    return certificate;
}

static inline struct pki_node pki_make(const struct pki_shape *shape, const struct pki_node *issuer)
{
    struct pki_node node = {.key = EVP_EC_gen("P-256")};
    assert_non_null(node.key);
    node.certificate = pki_certificate(shape, node.key, issuer);
    return node;
}

/* As the verifier reads it, the caller's to drop. */
static inline struct x509 *pki_read(const X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    struct x509 *read = x509_decode(der, (size_t)size);
    assert_non_null(read);
    OPENSSL_free(der);
    return read;
}

static inline void pki_free(struct pki_node *node)
{
    X509_free(node->certificate);
    EVP_PKEY_free(node->key);
}

/* A list of `issuer`'s with one serial number on it (0: none). */
static inline X509_CRL *pki_list(const struct pki_node *issuer, EVP_PKEY *key, long serial,
                                 int64_t from, int64_t until)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, from);
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(list, time);
    if (serial) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASN1_INTEGER_set(number, serial);
        X509_REVOKED_set_serialNumber(revoked, number);
        X509_REVOKED_set_revocationDate(revoked, time);
        X509_CRL_add0_revoked(list, revoked);
        ASN1_INTEGER_free(number);
    }
    ASN1_TIME_set(time, until);
    X509_CRL_set1_nextUpdate(list, time);
    ASN1_TIME_free(time);
    assert_true(X509_CRL_sign(list, key, EVP_sha256()) > 0);
    return list;
}

#endif
