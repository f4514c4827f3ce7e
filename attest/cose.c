/* SPDX-License-Identifier: Apache-2.0
 *
 * COSE_Sign1: made, read, verified.
 */
#include "cose.h"

#include "image/fail.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>
#include <string.h>

#define TAG_SIGN1 18

/* Labels of the header's parameters. */
#define LABEL_ALGORITHM    1
#define LABEL_CONTENT_TYPE 3
#define LABEL_X5CHAIN      33

#define HALF               ((size_t)COSE_SIGNATURE / 2)

/* 0: a key that no algorithm here is for. */
static int64_t algorithm_of(const EVP_PKEY *key)
{
    char group[32] = "";
    if (EVP_PKEY_is_a(key, "ED25519"))
        return COSE_EDDSA;
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return COSE_ES256;
    return 0;
}

static const EVP_MD *hash_of(int64_t algorithm)
{
    return algorithm == COSE_ES256 ? EVP_sha256() : NULL;
}

/* What is signed: Sig_structure (RFC 9052, section 4.4). */
static void put_signed(struct cbor_writer *to, const uint8_t *header, size_t header_size,
                       const uint8_t *payload, size_t payload_size)
{
    cbor_put_array(to, 4);
    cbor_put_text(to, "Signature1");
    cbor_put_bytes(to, header, header_size);
    cbor_put_bytes(to, NULL, 0);
    cbor_put_bytes(to, payload, payload_size);
}

/* ---- ECDSA: DER in OpenSSL, r and s in COSE ---- */

static bool plain_of_der(const uint8_t *der, size_t size, uint8_t plain[COSE_SIGNATURE])
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
    bool good = signature &&
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), plain, (int)HALF) == (int)HALF &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), plain + HALF, (int)HALF) == (int)HALF;
    ECDSA_SIG_free(signature);
    return good;
}

/* The caller frees by OPENSSL_free; NULL: no memory. */
static uint8_t *der_of_plain(const uint8_t plain[COSE_SIGNATURE], size_t *size)
{
    uint8_t *der = NULL;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(plain, (int)HALF, NULL), *s = BN_bin2bn(plain + HALF, (int)HALF, NULL);
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        int length = i2d_ECDSA_SIG(signature, &der);
        *size = length > 0 ? (size_t)length : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    return der;
}

static bool sign(EVP_PKEY *key, const struct cbor_writer *what, uint8_t signature[COSE_SIGNATURE])
{
    uint8_t made[80]; /* the DER of two numbers of 32 bytes has 72 at most */
    size_t size = sizeof(made);
    int64_t algorithm = algorithm_of(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestSignInit(context, NULL, hash_of(algorithm), NULL, key) == 1 &&
                EVP_DigestSign(context, made, &size, what->bytes, what->size) == 1;
    EVP_MD_CTX_free(context);
    if (good && algorithm == COSE_ES256)
        return plain_of_der(made, size, signature);
    good = good && size == COSE_SIGNATURE;
    if (good)
        memcpy(signature, made, COSE_SIGNATURE);
    return good;
}

static void put_header(struct cbor_writer *to, int64_t algorithm, const char *content_type,
                       const struct cose_chain *chain)
{
    size_t map = cbor_map_begin(to);
    cbor_put_unsigned(to, LABEL_ALGORITHM);
    cbor_put_integer(to, algorithm);
    cbor_put_unsigned(to, LABEL_CONTENT_TYPE);
    cbor_put_text(to, content_type);
    if (chain && chain->count) {
        cbor_put_unsigned(to, LABEL_X5CHAIN);
        cbor_put_array(to, chain->count);
        for (size_t i = 0; i < chain->count; i++)
            cbor_put_bytes(to, chain->certificates[i].bytes, chain->certificates[i].size);
    }
    cbor_map_end(to, map);
}

cella_status cose_sign(EVP_PKEY *key, const char *content_type, const struct cose_chain *chain,
                       const uint8_t *payload, size_t payload_size, uint8_t **bytes, size_t *size,
                       cella_error *error)
{
    struct cbor_writer header = {0}, what = {0}, message = {0};
    uint8_t signature[COSE_SIGNATURE];
    cella_status status = CELLA_INVALID;
    if (algorithm_of(key) == 0) {
        fail(error, status, "the signing key is neither P-256 nor Ed25519");
        goto out;
    }
    put_header(&header, algorithm_of(key), content_type, chain);
    put_signed(&what, header.bytes, header.size, payload, payload_size);
    if (header.failed || what.failed || !sign(key, &what, signature)) {
        status = fail(error, CELLA_SYSTEM, "OpenSSL does not sign, or there is no memory");
        goto out;
    }
    cbor_put_tag(&message, TAG_SIGN1);
    cbor_put_array(&message, 4);
    cbor_put_bytes(&message, header.bytes, header.size);
    cbor_map_end(&message, cbor_map_begin(&message));
    cbor_put_bytes(&message, payload, payload_size);
    cbor_put_bytes(&message, signature, sizeof(signature));
    status = cbor_finish(&message, bytes, size, error);
out:
    cbor_drop(&header);
    cbor_drop(&what);
    return status;
}

/* ---- reading ---- */

static bool read_chain(const struct cbor_item *list, struct cose_chain *chain)
{
    struct cbor_item item;
    if (list->type != CBOR_ARRAY || list->number < 2 || list->number > COSE_CHAIN)
        return false;
    for (struct cbor_reader reader = cbor_inside(list); cbor_next(&reader, &item);) {
        if (item.type != CBOR_BYTES)
            return false;
        chain->certificates[chain->count++] = (struct cose_certificate){item.bytes, item.size};
    }
    return true;
}

/* Every parameter is one that we know: what says "critical" too is none of ours. */
static bool read_header(struct cose *cose, const char *content_type)
{
    struct cbor_item map, label, value;
    unsigned found = 0;
    if (!cbor_decode(cose->header, cose->header_size, &map) || map.type != CBOR_MAP)
        return false;
    for (struct cbor_reader reader = cbor_inside(&map);
         cbor_next(&reader, &label) && cbor_next(&reader, &value); found++) {
        if (label.type != CBOR_UNSIGNED)
            return false;
        if (label.number == LABEL_ALGORITHM && value.type == CBOR_NEGATIVE &&
            (value.number == ~(uint64_t)COSE_ES256 || value.number == ~(uint64_t)COSE_EDDSA))
            cose->algorithm = (int64_t)~value.number;
        else if (label.number == LABEL_X5CHAIN
                     ? !read_chain(&value, &cose->chain)
                     : label.number != LABEL_CONTENT_TYPE || !cbor_is_text(&value, content_type))
            return false;
    }
    return cose->algorithm && found == (cose->chain.count ? 3 : 2);
}

cella_status cose_read(const uint8_t *bytes, size_t size, const char *content_type,
                       const char *what, struct cose *cose, cella_error *error)
{
    struct cbor_item message, list, parts[4];
    memset(cose, 0, sizeof(*cose));
    if (!cbor_decode(bytes, size, &message) || message.type != CBOR_TAG ||
        message.number != TAG_SIGN1)
        return fail(error, CELLA_INVALID, "%s: is not one COSE_Sign1 of deterministic CBOR", what);
    struct cbor_reader reader = cbor_inside(&message);
    if (!cbor_next(&reader, &list) || list.type != CBOR_ARRAY || list.number != 4)
        return fail(error, CELLA_INVALID, "%s: a COSE_Sign1 has four parts, this has not", what);
    reader = cbor_inside(&list);
    for (size_t i = 0; i < 4; i++)
        if (!cbor_next(&reader, &parts[i]) || (parts[i].type != CBOR_BYTES) != (i == 1))
            return fail(error, CELLA_INVALID, "%s: part %zu of the COSE_Sign1 is of a wrong type",
                        what, i + 1);
    if (parts[1].type != CBOR_MAP || parts[1].number)
        return fail(error, CELLA_INVALID, "%s: the unprotected header is not an empty map", what);
    cose->header = parts[0].bytes;
    cose->header_size = parts[0].size;
    cose->payload = parts[2].bytes;
    cose->payload_size = parts[2].size;
    cose->signature = parts[3].bytes;
    cose->signature_size = parts[3].size;
    if (!read_header(cose, content_type))
        return fail(error, CELLA_INVALID,
                    "%s: the protected header is not alg (ES256 or EdDSA), content type %s, and "
                    "x5chain or none",
                    what, content_type);
    if (cose->signature_size != COSE_SIGNATURE)
        return fail(error, CELLA_INVALID, "%s: a signature of %zu bytes, must be %d", what,
                    cose->signature_size, COSE_SIGNATURE);
    return CELLA_OK;
}

bool cose_verify(const struct cose *cose, EVP_PKEY *key)
{
    struct cbor_writer what = {0};
    uint8_t *der = NULL;
    const uint8_t *signature = cose->signature;
    size_t size = cose->signature_size;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = false;
    if (!context || size != COSE_SIGNATURE || cose->algorithm == 0 ||
        cose->algorithm != algorithm_of(key))
        goto out;
    if (cose->algorithm == COSE_ES256)
        signature = der = der_of_plain(signature, &size);
    put_signed(&what, cose->header, cose->header_size, cose->payload, cose->payload_size);
    good = signature && !what.failed &&
           EVP_DigestVerifyInit(context, NULL, hash_of(cose->algorithm), NULL, key) == 1 &&
           EVP_DigestVerify(context, signature, size, what.bytes, what.size) == 1;
out:
    OPENSSL_free(der);
    EVP_MD_CTX_free(context);
    cbor_drop(&what);
    return good;
}
