/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes as a TPM would make them, of keys that are the test's own (attest/tpm/structures.h has the
 * structures, attest/tpm/document.h the JSON).
 */
#ifndef UNIT_TPM_MADE_H
#define UNIT_TPM_MADE_H

#include "attest_pki.h"

#include "attest/tpm/hcl.h"
#include "attest/tpm/structures.h"
#include "image/base64.h"
#include "image/hex.h"
#include "keyd/recipient.h"

#include <openssl/ecdsa.h>
#include <openssl/sha.h>

struct tpm_made {
    uint8_t bytes[2048];
    size_t size;
};

static inline void tpm_put(struct tpm_made *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to->bytes[to->size++] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static inline void tpm_put_2b(struct tpm_made *to, const void *bytes, size_t size)
{
    tpm_put(to, size, 2);
    for (size_t i = 0; i < size; i++)
        to->bytes[to->size++] = ((const uint8_t *)bytes)[i];
}

/* TPMS_ATTEST of PCR 0 of the SHA-256 bank, which is zeros; NULL: no nonce. */
static inline struct tpm_made tpm_quote(const uint8_t nonce[32])
{
    static const uint8_t zeros[32];
    uint8_t digest[32];
    struct tpm_made quote = {.size = 0};
    tpm_put(&quote, TPM_ATTEST_MAGIC, 4);
    tpm_put(&quote, TPM_ATTEST_QUOTE, 2);
    tpm_put_2b(&quote, "signer", 6);
    tpm_put_2b(&quote, nonce, nonce ? 32 : 0);
    tpm_put(&quote, 1000, 8); /* clock */
    tpm_put(&quote, 1, 4);    /* resets */
    tpm_put(&quote, 0, 4);
    tpm_put(&quote, 1, 1);
    tpm_put(&quote, 1, 8); /* firmware */
    tpm_put(&quote, 1, 4);
    tpm_put(&quote, 0x000b, 2); /* SHA-256 */
    tpm_put(&quote, 3, 1);
    tpm_put(&quote, 0x010000, 3);
    SHA256(zeros, sizeof(zeros), digest);
    tpm_put_2b(&quote, digest, sizeof(digest));
    return quote;
}

/* RSASSA or ECDSA in DER. */
static inline struct tpm_made tpm_signed(EVP_PKEY *key, const struct tpm_made *quote)
{
    struct tpm_made signature = {.size = sizeof(signature.bytes)};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(
        EVP_DigestSign(context, signature.bytes, &signature.size, quote->bytes, quote->size), 1);
    EVP_MD_CTX_free(context);
    return signature;
}

/* TPMT_SIGNATURE of a key on P-256. */
static inline struct tpm_made tpm_ecdsa(EVP_PKEY *key, const struct tpm_made *quote)
{
    struct tpm_made der = tpm_signed(key, quote), signature = {.size = 0};
    const uint8_t *at = der.bytes;
    uint8_t number[32];
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)der.size);
    tpm_put(&signature, TPM_ECDSA, 2);
    tpm_put(&signature, 0x000b, 2);
    BN_bn2binpad(ECDSA_SIG_get0_r(both), number, 32);
    tpm_put_2b(&signature, number, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), number, 32);
    tpm_put_2b(&signature, number, 32);
    ECDSA_SIG_free(both);
    return signature;
}

static inline json_t *tpm_encode(enum base64_form form, const uint8_t *bytes, size_t size)
{
    char *text = malloc(BASE64_TEXT(size));
    json_t *value = json_string(base64_write(form, bytes, size, text));
    free(text);
    return value;
}

static inline json_t *tpm_certificate_text(enum base64_form form, const X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    json_t *value = tpm_encode(form, der, (size_t)size);
    OPENSSL_free(der);
    return value;
}

static inline json_t *tpm_hex(const uint8_t *bytes, size_t size)
{
    char text[4097];
    return json_string(hex_write(bytes, size, text));
}

#define TPM_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Evidence of kind tpm, in our form. */
static inline char *tpm_evidence(const struct pki_node *ak, const uint8_t nonce[32])
{
    struct tpm_made quote = tpm_quote(nonce), signature = tpm_ecdsa(ak->key, &quote);
    json_t *evidence = json_pack(
        "{s:o, s:o, s:[o], s:{s:{s:s}}}", "attest", tpm_encode(BASE64, quote.bytes, quote.size),
        "signature", tpm_encode(BASE64, signature.bytes, signature.size), "certificates",
        tpm_certificate_text(BASE64, ak->certificate), "pcrs", "sha256", "0", TPM_ZEROS);
    char *text = json_dumps(evidence, JSON_COMPACT);
    assert_non_null(text);
    json_decref(evidence);
    return text;
}

/* ---- Azure's ---- */

/* What the paravisor says: the key of the virtual TPM. */
static inline char *hcl_runtime(EVP_PKEY *ak)
{
    json_t *jwk = recipient_jwk(ak);
    json_object_set_new(jwk, "kid", json_string("HCLAkPub"));
    json_t *runtime = json_pack("{s:[o], s:{s:b}, s:s}", "keys", jwk, "vm-configuration",
                                "secure-boot", 1, "user-data", TPM_ZEROS TPM_ZEROS);
    char *text = json_dumps(runtime, JSON_COMPACT);
    json_decref(runtime);
    return text;
}

static inline void hcl_put(uint8_t *to, size_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* hcl.h; `type`: HCL_SNP, HCL_TDX */
static inline json_t *hcl_report_of(uint32_t type, const uint8_t report[HCL_REPORT_SIZE],
                                    const char *runtime)
{
    size_t size = strlen(runtime);
    uint8_t *bytes = calloc(1, 0x4d4 + size);
    memcpy(bytes, "HCLA", 4);
    hcl_put(bytes + 4, 2);
    hcl_put(bytes + 8, 0x4d4 + size);
    hcl_put(bytes + 12, 2);
    memcpy(bytes + 0x20, report, HCL_REPORT_SIZE);
    hcl_put(bytes + 0x4c0, size + 20);
    hcl_put(bytes + 0x4c4, 1);
    hcl_put(bytes + 0x4c8, type);
    hcl_put(bytes + 0x4cc, 1);
    hcl_put(bytes + 0x4d0, size);
    memcpy(bytes + 0x4d4, runtime, size);
    json_t *text = tpm_encode(BASE64_URL, bytes, 0x4d4 + size);
    free(bytes);
    return text;
}

static inline json_t *hcl_report(const uint8_t report[HCL_REPORT_SIZE], const char *runtime)
{
    return hcl_report_of(HCL_SNP, report, runtime);
}

/* Evidence of kind azure: `report` is the processor's over `runtime`. */
static inline char *azure_evidence(EVP_PKEY *ak, const X509 *vcek,
                                   const uint8_t report[HCL_REPORT_SIZE], const char *runtime,
                                   const uint8_t nonce[32])
{
    struct tpm_made quote = tpm_quote(nonce), signature = tpm_signed(ak, &quote);
    json_t *evidence =
        json_pack("{s:i, s:o, s:o, s:{s:o, s:o, s:[s]}}", "version", 1, "hcl_report",
                  hcl_report(report, runtime), "vcek", tpm_certificate_text(BASE64_URL, vcek),
                  "tpm_quote", "message", tpm_hex(quote.bytes, quote.size), "signature",
                  tpm_hex(signature.bytes, signature.size), "pcrs", TPM_ZEROS);
    char *text = json_dumps(evidence, JSON_COMPACT);
    assert_non_null(text);
    json_decref(evidence);
    return text;
}

#endif
