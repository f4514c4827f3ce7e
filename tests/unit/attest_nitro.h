/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation documents of a Nitro of the test's own: any shape, right or wrong.
 */
#ifndef UNIT_ATTEST_NITRO_H
#define UNIT_ATTEST_NITRO_H

#include "attest_pki.h"
#include "attest_vectors.h"

#include "attest/cbor.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>

enum { ROOT, REGION, INSTANCE, LEAF, NODES };

static struct nitro {
    struct pki_shape shapes[NODES];
    struct pki_node nodes[NODES];
    const char *curve; /* of the leaf's key */
    /* The payload's values as hexadecimal CBOR; NULL: left out, or (certificates) made. */
    const char *module_id, *digest, *timestamp, *pcrs, *certificate, *cabundle, *public_key,
        *user_data, *nonce, *another;
    const char *header, *unprotected; /* ... and of the COSE_Sign1 */
    unsigned tag;                     /* 0: none */
    bool indefinite, order;           /* the map; the bundle's other way round */
    uint8_t signature[100];
    size_t signature_size;
    uint8_t *bytes;
    size_t size;
} nitro;

#define ONES                                                                                       \
    "010101010101010101010101010101010101010101010101010101010101010101010101010101010101"         \
    "010101010101"
#define PCRS                                                                                       \
    "a3"                                                                                           \
    "00"                                                                                           \
    "5830" ONES                                                                                    \
    "01"                                                                                           \
    "5830" ONES                                                                                    \
    "02"                                                                                           \
    "5830" ONES

static inline void default_nitro(void)
{
    static const struct nitro good = {
        .shapes = {{.name = "root", .ca = true, .path_length = -1},
                   {.name = "region", .ca = true, .path_length = 1},
                   {.name = "instance", .ca = true, .path_length = 0},
                   {.name = "leaf"}},
        .curve = "P-384",
        .module_id = "6169",
        .digest = "66534841333834",
        .timestamp = "1b0000018bcfe56800", /* PKI_NOW, in ms */
        .pcrs = PCRS,
        .nonce = "420102",
        .header = "a1013822",
        .unprotected = "a0",
    };
    nitro = good;
}

static inline void put_hex(struct cbor_writer *to, const char *hex)
{
    size_t size;
    uint8_t *bytes = of_hex(hex, &size);
    cbor_put_encoded(to, bytes, size);
    free(bytes);
}

static inline void put_entry(struct cbor_writer *to, const char *name, const char *hex)
{
    if (!hex)
        return;
    cbor_put_text(to, name);
    put_hex(to, hex);
}

static inline void put_certificate(struct cbor_writer *to, const X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    cbor_put_bytes(to, der, (size_t)size);
    OPENSSL_free(der);
}

static inline void put_certificates(struct cbor_writer *to)
{
    cbor_put_text(to, "certificate");
    if (nitro.certificate)
        put_hex(to, nitro.certificate);
    else
        put_certificate(to, nitro.nodes[LEAF].certificate);
    cbor_put_text(to, "cabundle");
    if (nitro.cabundle) {
        put_hex(to, nitro.cabundle);
        return;
    }
    cbor_put_array(to, LEAF);
    for (int i = 0; i < LEAF; i++)
        put_certificate(to, nitro.nodes[nitro.order ? LEAF - 1 - i : i].certificate);
}

/* Not sorted, as AWS's are. */
static inline void put_payload(struct cbor_writer *to)
{
    const struct {
        const char *name, *hex;
    } entries[] = {{"module_id", nitro.module_id},   {"digest", nitro.digest},
                   {"timestamp", nitro.timestamp},   {"pcrs", nitro.pcrs},
                   {"public_key", nitro.public_key}, {"user_data", nitro.user_data},
                   {"nonce", nitro.nonce},           {"another", nitro.another}};
    uint8_t count = 2;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        count += entries[i].hex != NULL;
    uint8_t head = nitro.indefinite ? 0xbf : 0xa0 + count;
    cbor_put_encoded(to, &head, 1);
    for (size_t i = 0; i < 4; i++)
        put_entry(to, entries[i].name, entries[i].hex);
    put_certificates(to);
    for (size_t i = 4; i < sizeof(entries) / sizeof(entries[0]); i++)
        put_entry(to, entries[i].name, entries[i].hex);
    if (nitro.indefinite)
        cbor_put_encoded(to, (const uint8_t *)"\xff", 1);
}

static inline void sign(const struct cbor_writer *what)
{
    uint8_t der[128];
    const uint8_t *at = der;
    size_t size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, nitro.nodes[LEAF].key),
                     1);
    assert_int_equal(EVP_DigestSign(context, der, &size, what->bytes, what->size), 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)size);
    BN_bn2binpad(ECDSA_SIG_get0_r(both), nitro.signature, 48);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), nitro.signature + 48, 48);
    ECDSA_SIG_free(both);
    nitro.signature_size = 96;
}

/* The whole document; signed where it is not yet. */
static inline void write_document(void)
{
    struct cbor_writer payload = {0}, what = {0}, all = {0};
    size_t header_size;
    uint8_t *header = of_hex(nitro.header, &header_size);
    put_payload(&payload);
    cbor_put_array(&what, 4);
    cbor_put_text(&what, "Signature1");
    cbor_put_bytes(&what, header, header_size);
    cbor_put_bytes(&what, NULL, 0);
    cbor_put_bytes(&what, payload.bytes, payload.size);
    if (nitro.signature_size == 0)
        sign(&what);
    if (nitro.tag)
        cbor_put_tag(&all, nitro.tag);
    cbor_put_array(&all, 4);
    cbor_put_bytes(&all, header, header_size);
    put_hex(&all, nitro.unprotected);
    cbor_put_bytes(&all, payload.bytes, payload.size);
    cbor_put_bytes(&all, nitro.signature, nitro.signature_size);
    assert_int_equal(cbor_finish(&all, &nitro.bytes, &nitro.size, NULL), CELLA_OK);
    cbor_drop(&payload);
    cbor_drop(&what);
    free(header);
}

static inline void make_nodes(void)
{
    for (int i = 0; i < NODES; i++) {
        if (i < LEAF) {
            nitro.nodes[i] = pki_make(&nitro.shapes[i], i > 0 ? &nitro.nodes[i - 1] : NULL);
            continue;
        }
        nitro.nodes[i].key = EVP_EC_gen(nitro.curve);
        nitro.nodes[i].certificate =
            pki_certificate(&nitro.shapes[i], nitro.nodes[i].key, &nitro.nodes[i - 1]);
    }
}

#endif
