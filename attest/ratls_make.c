/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes attested TLS certificates.
 */
#include "cbor.h"
#include "certificate.h"
#include "evidence.h"
#include "image/fail.h"
#include "ratls.h"

#include <cella/tls.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* The extension's value. NULL: no memory. */
static ASN1_OCTET_STRING *make_value(const uint8_t *evidence, size_t evidence_size,
                                     const uint8_t *claims, size_t claims_size)
{
    struct cbor_writer writer = {0};
    uint8_t *bytes;
    size_t size;
    cella_error error;
    cbor_put_tag(&writer, RATLS_TAG_CELLA);
    cbor_put_array(&writer, 2);
    cbor_put_bytes(&writer, evidence, evidence_size);
    cbor_put_bytes(&writer, claims, claims_size);
    if (cbor_finish(&writer, &bytes, &size, &error))
        return NULL;
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    if (value && ASN1_OCTET_STRING_set(value, bytes, (int)size) != 1) {
        ASN1_OCTET_STRING_free(value);
        value = NULL;
    }
    free(bytes);
    return value;
}

static bool add_evidence(X509 *certificate, const uint8_t *evidence, size_t evidence_size,
                         const uint8_t *claims, size_t claims_size)
{
    ASN1_OCTET_STRING *value = make_value(evidence, evidence_size, claims, claims_size);
    ASN1_OBJECT *object = OBJ_txt2obj(RATLS_OID, 1);
    X509_EXTENSION *extension =
        value && object ? X509_EXTENSION_create_by_OBJ(NULL, object, 0, value) : NULL;
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
    return good;
}

static cella_status to_pem(X509 *certificate, EVP_PKEY *key, char **pem, cella_error *error)
{
    char *bytes;
    cella_status status = fail(error, CELLA_MEMORY, "no memory for a certificate");
    BIO *bio = BIO_new(BIO_s_secmem());
    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_bio_X509(bio, certificate) == 1) {
        long size = BIO_get_mem_data(bio, &bytes);
        *pem = size > 0 ? strndup(bytes, (size_t)size) : NULL;
        status = *pem ? CELLA_OK : status;
    }
    BIO_free(bio);
    return status;
}

static cella_status make(EVP_PKEY *key, const uint8_t *claims, size_t claims_size,
                         const uint8_t report_data[64], cella_tls_evidence *evidence, void *context,
                         char **pem, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = evidence(context, report_data, &bytes, &size, error);
    if (status)
        return status;
    X509 *certificate = certificate_make_tls(key, NULL, "serverAuth,clientAuth");
    if (certificate && add_evidence(certificate, bytes, size, claims, claims_size) &&
        X509_sign(certificate, key, EVP_sha256()) > 0)
        status = to_pem(certificate, key, pem, error);
    else
        status = fail(error, CELLA_MEMORY, "OpenSSL cannot make a certificate");
    X509_free(certificate);
    free(bytes);
    return status;
}

cella_status cella_tls_evidence_here(void *context, const uint8_t report_data[64], uint8_t **bytes,
                                     size_t *size, cella_error *error)
{
    (void)context;
    return evidence_here(report_data, bytes, size, error);
}

cella_status cella_tls_certificate(const uint8_t *nonce, size_t nonce_size,
                                   cella_tls_evidence *evidence, void *context, char **pem,
                                   cella_error *error)
{
    uint8_t *claims = NULL, report_data[64];
    size_t claims_size;
    cella_status status = CELLA_MEMORY;
    *pem = NULL;
    if (nonce && (nonce_size == 0 || nonce_size > RATLS_NONCE_MOST))
        return fail(error, CELLA_INVALID, "a nonce of %zu bytes; 1 to %d are wanted", nonce_size,
                    RATLS_NONCE_MOST);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key && ratls_claims(key, nonce, nonce_size, &claims, &claims_size, report_data))
        status = make(key, claims, claims_size, report_data, evidence, context, pem, error);
    else
        fail(error, status, "no memory for a certificate's key");
    EVP_PKEY_free(key);
    free(claims);
    ERR_clear_error();
    return status;
}
