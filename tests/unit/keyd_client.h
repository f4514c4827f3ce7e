/* SPDX-License-Identifier: Apache-2.0
 *
 * Whoever asks a keyd for keys: makes evidence as an enclave's host would, asks, checks the reply's
 * signature, and opens what it was given. For the tests and for bench/keyd.c.
 */
#ifndef UNIT_KEYD_CLIENT_H
#define UNIT_KEYD_CLIENT_H

#include "attest/evidence.h"
#include "box/hpke.h"
#include "image/base64.h"
#include "image/hex.h"
#include "keyd/binding.h"
#include "keyd/recipient.h"
#include "keyd/release.h"

#include <cella/attest.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What evidence is made of. */
struct enclave {
    cella_platform *platform;
    const char *tee;
    uint16_t svn;
    bool debug;
};

/* Evidence that binds a release; the caller's to free. NULL: it failed. */
static inline uint8_t *make_evidence(const struct enclave *enclave, const uint8_t report_data[64],
                                     size_t *size)
{
    uint8_t report[REPORT_SIZE] = {0}, *bytes;
    report[REPORT_ATTRIBUTES] = enclave->debug ? 7 : 5;
    report[REPORT_XFRM] = 7;
    memset(report + REPORT_MRENCLAVE, 0xaa, 32);
    report[REPORT_ISV_SVN] = (uint8_t)enclave->svn;
    memcpy(report + REPORT_DATA, report_data, 64);
    return cella_platform_evidence(enclave->platform, report, enclave->tee, &bytes, size, NULL)
               ? NULL
               : bytes;
}

/* A request for a key, with evidence that binds `bound` in place of the key's name where that is
 * not NULL. JSON; the caller's to free. */
static inline char *make_request(const struct enclave *enclave, const char *nonce, const char *key,
                                 const char *bound, EVP_PKEY *recipient, const char *format)
{
    struct recipient to;
    struct binding binding;
    uint8_t bytes[CHALLENGE_SIZE], *evidence = NULL;
    size_t size = 0;
    char *text = NULL;
    if (hex_read(nonce, bytes, sizeof(bytes)) && recipient_of(recipient, &to, NULL) == CELLA_OK &&
        binding_make(bytes, to.sha256, bound ? bound : key, &binding))
        evidence = make_evidence(enclave, binding.report_data, &size);
    char *encoded = evidence ? malloc(BASE64_TEXT(size)) : NULL;
    if (encoded) {
        json_t *request = json_pack(
            "{s:s, s:s, s:s, s:s, s:o}", "key", key, "nonce", nonce, "format", format, "evidence",
            base64_write(BASE64, evidence, size, encoded), "recipient", recipient_jwk(recipient));
        text = json_dumps(request, JSON_COMPACT);
        json_decref(request);
    }
    recipient_drop(&to);
    free(evidence);
    free(encoded);
    return text;
}

/* One part of a JWS, as bytes with a NUL behind them; the caller's to free. NULL: none. */
static inline uint8_t *jws_part(const char *text, int which, size_t *size)
{
    for (; which > 0 && text; which--) {
        text = strchr(text, '.');
        text = text ? text + 1 : NULL;
    }
    if (!text)
        return NULL;
    size_t length = strcspn(text, ".");
    uint8_t *bytes = malloc(BASE64_BYTES(length) + 1);
    if (bytes && base64_read(BASE64_URL, text, length, bytes, size)) {
        bytes[*size] = 0;
        return bytes;
    }
    free(bytes);
    return NULL;
}

/* The payload of what a keyd signed with ES256. NULL: not signed by this key. */
static inline json_t *check_jws(const char *text, EVP_PKEY *key)
{
    size_t size = 0, payload_size;
    uint8_t *signature = jws_part(text, 2, &size), *payload = jws_part(text, 1, &payload_size);
    uint8_t *der = NULL;
    const char *last = strrchr(text, '.');
    ECDSA_SIG *parts = ECDSA_SIG_new();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    json_t *object = NULL;
    if (signature && payload && size == 64 && parts &&
        ECDSA_SIG_set0(parts, BN_bin2bn(signature, 32, NULL),
                       BN_bin2bn(signature + 32, 32, NULL)) == 1) {
        int length = i2d_ECDSA_SIG(parts, &der);
        if (EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
            EVP_DigestVerify(context, der, (size_t)length, (const uint8_t *)text,
                             (size_t)(last - text)) == 1)
            object = json_loads((char *)payload, 0, NULL);
    }
    OPENSSL_free(der);
    EVP_MD_CTX_free(context);
    ECDSA_SIG_free(parts);
    free(signature);
    free(payload);
    return object;
}

/* A text in base64url; the caller's to free. */
static inline uint8_t *of_base64url(const char *text, size_t *size)
{
    uint8_t *bytes = text ? malloc(BASE64_BYTES(strlen(text))) : NULL;
    if (bytes && base64_read(BASE64_URL, text, strlen(text), bytes, size))
        return bytes;
    free(bytes);
    return NULL;
}

/* Opens a reply by HPKE; the key's size, or 0. */
static inline size_t open_hpke(const json_t *payload, const struct binding *binding,
                               const uint8_t secret[32], uint8_t *key, size_t room)
{
    const char *enc = NULL, *sealed = NULL;
    size_t enc_size = 0, size = 0, done = 0;
    json_unpack((json_t *)(uintptr_t)payload, "{s:{s:{s:s, s:s}}}", "response", "hpke", "enc", &enc,
                "sealed", &sealed);
    uint8_t *from = of_base64url(enc, &enc_size), *bytes = of_base64url(sealed, &size);
    if (from && bytes && enc_size == HPKE_KEY && size >= HPKE_TAG && size - HPKE_TAG <= room &&
        hpke_open(secret, from, (struct hpke_bytes){RELEASE_INFO, strlen(RELEASE_INFO)},
                  (struct hpke_bytes){binding->report_data, 64}, (struct hpke_bytes){bytes, size},
                  key))
        done = size - HPKE_TAG;
    free(from);
    free(bytes);
    return done;
}

#endif
