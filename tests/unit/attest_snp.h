/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports and certificates of an AMD that is the test's own: any shape, right or wrong.
 */
#ifndef UNIT_ATTEST_SNP_H
#define UNIT_ATTEST_SNP_H

#include "attest_pki.h"
#include "attest_vectors.h"

#include "attest/snp/judge.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#define AMD_CHIP                                                                                   \
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"                             \
    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

struct amd_extension {
    const char *oid; /* below 1.3.6.1.4.1.3704.1 */
    const char *hex; /* its value; NULL: left out */
};

/* A Genoa's VCEK. */
static const struct amd_extension amd_genoa[12] = {{"1", "020100"},   {"2", "160847656e6f612d4230"},
                                                   {"3.1", "020109"}, {"3.2", "020100"},
                                                   {"3.3", "020117"}, {"3.4", "020100"},
                                                   {"3.5", "020100"}, {"3.8", "020148"},
                                                   {"3.9", NULL},     {"4", AMD_CHIP},
                                                   {"5", NULL},       {NULL, NULL}};

/* A small AMD: ARK, ASK, VEK. */
struct amd {
    struct pki_node ark, ask, vek;
    uint8_t report[SNP_REPORT_SIZE];
};

static inline void amd_extend(X509 *certificate, const struct amd_extension *extension)
{
    char oid[64];
    size_t size;
    uint8_t *bytes = of_hex(extension->hex, &size);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, bytes, (int)size);
    snprintf(oid, sizeof(oid), "1.3.6.1.4.1.3704.1.%s", extension->oid);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    X509_EXTENSION *made = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
    assert_int_equal(X509_add_ext(certificate, made, -1), 1);
    X509_EXTENSION_free(made);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
    free(bytes);
}

/* The ASK's certificate of a key; zeros: valid for a year around PKI_NOW. */
static inline X509 *amd_certify(struct amd *amd, EVP_PKEY *key,
                                const struct amd_extension *extensions, int64_t from, int64_t until)
{
    struct pki_shape shape = {.name = "SEV-VCEK", .from = from, .until = until};
    X509 *certificate = pki_certificate(&shape, key, &amd->ask);
    for (; extensions->oid; extensions++)
        if (extensions->hex)
            amd_extend(certificate, extensions);
    assert_true(X509_sign(certificate, amd->ask.key, EVP_sha384()) > 0);
    return certificate;
}

static inline void amd_make_vek(struct amd *amd, const struct amd_extension *extensions,
                                const char *curve)
{
    pki_free(&amd->vek);
    amd->vek.key = EVP_EC_gen(curve);
    amd->vek.certificate = amd_certify(amd, amd->vek.key, extensions, 0, 0);
}

static inline void amd_make(struct amd *amd, const char *ark, const char *ask)
{
    struct pki_shape root = {.name = ark, .ca = true, .path_length = -1, .serial = 1};
    struct pki_shape middle = {.name = ask, .ca = true, .path_length = 0, .serial = 2};
    memset(amd, 0, sizeof(*amd));
    amd->ark = pki_make(&root, NULL);
    amd->ask = pki_make(&middle, &amd->ark);
}

static inline void amd_free(struct amd *amd)
{
    pki_free(&amd->ark);
    pki_free(&amd->ask);
    pki_free(&amd->vek);
}

static inline void amd_put_number(uint8_t *to, const BIGNUM *number)
{
    assert_int_equal(BN_bn2lebinpad(number, to, 72), 72);
}

static inline void amd_sign(struct amd *amd)
{
    uint8_t der[128];
    const uint8_t *at = der;
    size_t size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, amd->vek.key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &size, amd->report, SNP_SIGNED_SIZE), 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)size);
    amd_put_number(amd->report + SNP_SIGNATURE, ECDSA_SIG_get0_r(both));
    amd_put_number(amd->report + SNP_SIGNATURE + 72, ECDSA_SIG_get0_s(both));
    ECDSA_SIG_free(both);
}

static inline void amd_put(struct amd *amd, size_t offset, const char *hex)
{
    size_t size;
    uint8_t *bytes = of_hex(hex, &size);
    memcpy(amd->report + offset, bytes, size);
    free(bytes);
}

/* A report of version 3 of a Genoa, not signed yet. */
static inline void amd_genoa_report(struct amd *amd)
{
    memset(amd->report, 0, sizeof(amd->report));
    amd->report[SNP_VERSION] = 3;
    amd_put(amd, SNP_POLICY, "1f00030000000000");
    amd->report[SNP_ALGORITHM] = 1;
    amd_put(amd, SNP_REPORTED_TCB, "0900000000001748");
    amd_put(amd, SNP_LAUNCH_TCB, "0900000000001747");
    amd->report[SNP_FAMILY] = 0x19;
    amd->report[SNP_MODEL] = 0x11;
    amd_put(amd, SNP_CHIP_ID, AMD_CHIP);
}

static inline void amd_trust(struct amd *amd, cella_verifier *verifier)
{
    uint8_t *der = NULL;
    cella_error error;
    int size = i2d_X509(amd->ark.certificate, &der);
    assert_int_equal(cella_verifier_add_root(verifier, der, (size_t)size, "ARK", &error), CELLA_OK);
    OPENSSL_free(der);
}

static inline void amd_add(cella_verifier *verifier, X509 *certificate)
{
    uint8_t *der = NULL;
    cella_error error;
    int size = i2d_X509(certificate, &der);
    assert_int_equal(cella_verifier_add(verifier, der, (size_t)size, "a test", &error), CELLA_OK);
    OPENSSL_free(der);
}

#endif
