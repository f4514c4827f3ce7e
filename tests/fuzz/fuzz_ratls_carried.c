/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence, and collateral beside it, in an attested TLS certificate that signs itself: the first
 * two bytes say how long the evidence is. Nothing that a certificate carries stays with the
 * verifier.
 */
#include "fuzz_attest.h"

#include "attest/cbor.h"
#include "attest/certificate.h"
#include "attest/collateral.h"
#include "attest/ratls.h"

#include <openssl/ec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(X509 *certificate, const char *oid, const uint8_t *value, size_t size)
{
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    must(octets && object && ASN1_OCTET_STRING_set(octets, value, (int)size) == 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    must(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(octets);
}

/* Evidence with the claims buffer of this key. */
static void put_evidence(X509 *certificate, EVP_PKEY *key, const uint8_t *evidence, size_t size)
{
    struct cbor_writer writer = {0};
    uint8_t report_data[64], *claims, *value;
    size_t claims_size, value_size;
    cella_error error;
    must(ratls_claims(key, NULL, 0, &claims, &claims_size, report_data));
    cbor_put_tag(&writer, RATLS_TAG_QUOTE);
    cbor_put_array(&writer, 2);
    cbor_put_bytes(&writer, evidence, size);
    cbor_put_bytes(&writer, claims, claims_size);
    must(cbor_finish(&writer, &value, &value_size, &error) == CELLA_OK);
    put(certificate, RATLS_OID, value, value_size);
    free(value);
    free(claims);
}

static uint8_t *make(const uint8_t *data, size_t size, size_t evidence, int *length)
{
    static EVP_PKEY *key;
    uint8_t *der = NULL;
    if (!key)
        key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_make_tls(key, NULL, "serverAuth");
    must(certificate);
    put_evidence(certificate, key, data, evidence);
    if (size > evidence)
        put(certificate, RATLS_ENDORSEMENTS_OID, data + evidence, size - evidence);
    must(X509_sign(certificate, key, EVP_sha256()) > 0);
    *length = i2d_X509(certificate, &der);
    must(*length > 0);
    X509_free(certificate);
    return der;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cella_verifier *verifier;
    cella_demands demands;
    cella_error error;
    if (!verifier)
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
    if (size < 2)
        return 0;
    cella_demands_default(&demands);
    demands.type = "ratls";
    demands.at = 1751328000; /* 2025-07-01, as the vectors */
    demands.insecure_any_nonce = demands.insecure_carried_collateral = true;
    size_t evidence = (size_t)(data[0] | data[1] << 8);
    int length;
    uint8_t *der = make(data + 2, size - 2, evidence < size - 2 ? evidence : size - 2, &length);
    judge(verifier, &demands, der, (size_t)length);
    must(verifier->count == 0 && verifier->root_count == 0);
    OPENSSL_free(der);
    return 0;
}
