/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads and judges attested TLS certificates.
 */
#include "ratls.h"

#include "cbor.h"
#include "image/hex.h"
#include "x509.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#define CERTIFICATES_MOST 8 /* in a file; one of them has the extension */

static const struct {
    uint64_t number; /* COSE algorithm */
    const char *name;
} hashes[] = {{1, "SHA256"}, {7, "SHA384"}, {8, "SHA512"}};

/* ---- reading ---- */

static const char *read_key_hash(const struct cbor_item *value, struct ratls *ratls)
{
    struct cbor_item pair, algorithm, hash, more;
    if (value->type != CBOR_BYTES || !cbor_decode_foreign(value->bytes, value->size, &pair) ||
        pair.type != CBOR_ARRAY)
        return "pubkey-hash is not the bytes of an array";
    struct cbor_reader inside = cbor_inside(&pair);
    if (!cbor_next(&inside, &algorithm) || !cbor_next(&inside, &hash) ||
        cbor_next(&inside, &more) || algorithm.type != CBOR_UNSIGNED || hash.type != CBOR_BYTES)
        return "pubkey-hash is not an algorithm and a hash";
    ratls->hash_algorithm = algorithm.number;
    ratls->key_hash = hash.bytes;
    ratls->key_hash_size = hash.size;
    return NULL;
}

static const char *read_claims(struct ratls *ratls)
{
    struct cbor_item map, value;
    if (!cbor_decode_foreign(ratls->claims, ratls->claims_size, &map) || map.type != CBOR_MAP)
        return "its claims buffer is not a CBOR map";
    if (cbor_find(&map, "nonce", &value)) {
        if (value.type != CBOR_BYTES || value.size == 0 || value.size > RATLS_NONCE_MOST)
            return "its nonce is not of 1 to 64 bytes";
        ratls->nonce = value.bytes;
        ratls->nonce_size = value.size;
    }
    return cbor_find(&map, "pubkey-hash", &value) ? read_key_hash(&value, ratls)
                                                  : "its claims buffer has no pubkey-hash";
}

const char *ratls_read(const struct der *extension, struct ratls *ratls)
{
    struct cbor_item tagged, pair, evidence, claims, more;
    memset(ratls, 0, sizeof(*ratls));
    if (!cbor_decode_foreign(extension->bytes, extension->size, &tagged) || tagged.type != CBOR_TAG)
        return "its evidence is not one tagged item of CBOR";
    struct cbor_reader inside = cbor_inside(&tagged);
    if (!cbor_next(&inside, &pair) || pair.type != CBOR_ARRAY)
        return "under its evidence's tag is no array";
    inside = cbor_inside(&pair);
    if (!cbor_next(&inside, &evidence) || !cbor_next(&inside, &claims) ||
        cbor_next(&inside, &more) || evidence.type != CBOR_BYTES || claims.type != CBOR_BYTES)
        return "its evidence is not the pair of evidence and claims buffer";
    ratls->tag = tagged.number;
    ratls->evidence = evidence.bytes;
    ratls->evidence_size = evidence.size;
    ratls->claims = claims.bytes;
    ratls->claims_size = claims.size;
    return read_claims(ratls);
}

/* ---- making ---- */

static bool key_hash(EVP_PKEY *key, const char *algorithm, uint8_t hash[64], size_t *size)
{
    uint8_t *bytes = NULL;
    int length = i2d_PUBKEY(key, &bytes);
    bool good =
        length > 0 && EVP_Q_digest(NULL, algorithm, NULL, bytes, (size_t)length, hash, size) == 1;
    OPENSSL_free(bytes);
    return good;
}

bool ratls_claims(EVP_PKEY *key, const uint8_t *nonce, size_t nonce_size, uint8_t **claims,
                  size_t *claims_size, uint8_t report_data[64])
{
    struct cbor_writer pair = {0}, writer = {0};
    uint8_t hash[64], *encoded = NULL;
    size_t hash_size, encoded_size;
    cella_error error;
    if (!key_hash(key, "SHA256", hash, &hash_size))
        return false;
    cbor_put_array(&pair, 2);
    cbor_put_unsigned(&pair, 1);
    cbor_put_bytes(&pair, hash, hash_size);
    if (cbor_finish(&pair, &encoded, &encoded_size, &error))
        return false;
    size_t map = cbor_map_begin(&writer);
    cbor_put_text(&writer, "pubkey-hash");
    cbor_put_bytes(&writer, encoded, encoded_size);
    if (nonce) {
        cbor_put_text(&writer, "nonce");
        cbor_put_bytes(&writer, nonce, nonce_size);
    }
    cbor_map_end(&writer, map);
    free(encoded);
    if (cbor_finish(&writer, claims, claims_size, &error))
        return false;
    memset(report_data, 0, 64);
    SHA256(*claims, *claims_size, report_data);
    return true;
}

/* ---- judging ---- */

/* The certificate of a file that has evidence; NULL: not exactly one. */
static struct x509 *find_certificate(const uint8_t *bytes, size_t size, struct der *extension)
{
    struct x509_pool all = {NULL, 0};
    struct x509 *found = NULL;
    int count = 0;
    if (x509_read(NULL, bytes, size, &all, CERTIFICATES_MOST))
        for (size_t i = 0; i < all.count; i++)
            if (x509_extension(all.all[i], RATLS_OID, extension)) {
                found = all.all[i];
                count++;
            }
    if (count == 1)
        x509_keep(found);
    x509_pool_clear(&all);
    return count == 1 ? found : NULL;
}

static bool recognise(const uint8_t *bytes, size_t size)
{
    /* DER of a SEQUENCE, or PEM somewhere in a text. */
    bool der = size > 4 && bytes[0] == 0x30 && bytes[1] == 0x82;
    if (!der && !memmem(bytes, size, "-----BEGIN CERTIFICATE-----", 27))
        return false;
    struct der extension;
    struct x509 *certificate = find_certificate(bytes, size, &extension);
    x509_drop(certificate);
    return certificate != NULL;
}

static cella_status judge_key(struct appraisal *appraisal, const struct x509 *certificate,
                              const struct ratls *ratls)
{
    uint8_t hash[64];
    size_t size = 0;
    char expected[129], found[129];
    const char *algorithm = NULL;
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (hashes[i].number == ratls->hash_algorithm)
            algorithm = hashes[i].name;
    if (!algorithm)
        return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "pubkey-hash",
                                "SHA-256, SHA-384 or SHA-512", "another algorithm", NULL);
    if (!x509_verify(&certificate->is, certificate->key))
        return appraisal_refuse(appraisal, CLASS_SIG, "certificate", "signed by its own key",
                                "another signature, or altered",
                                "Whoever made it need not have its key: do not talk to it.");
    if (!key_hash(certificate->key, algorithm, hash, &size))
        return appraisal_refuse(appraisal, CLASS_KEY, "certificate", "a usable key", "another",
                                NULL);
    if (ratls->key_hash_size == size && memcmp(ratls->key_hash, hash, size) == 0)
        return CELLA_OK;
    hex_write(hash, size, expected);
    hex_write(ratls->key_hash, ratls->key_hash_size < 64 ? ratls->key_hash_size : 64, found);
    return appraisal_refuse(appraisal, CLASS_BINDING, "pubkey-hash", expected, found,
                            "The evidence vouches for another key than the certificate's.");
}

/* The kinds of evidence whose report data is judged, each under its tag: others would be bound to
 * nothing of the certificate. */
static const struct evidence_kind *find_kind(const struct ratls *ratls)
{
    static const struct {
        uint64_t tag;
        const struct evidence_kind *kind;
    } known[] = {
        {RATLS_TAG_QUOTE, &kind_sgx}, {RATLS_TAG_QUOTE, &kind_tdx}, {RATLS_TAG_CELLA, &kind_vsm}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (ratls->tag == known[i].tag &&
            known[i].kind->recognise(ratls->evidence, ratls->evidence_size))
            return known[i].kind;
    return NULL;
}

/* The evidence inside, which has to be for this claims buffer. */
static cella_status judge_evidence(struct appraisal *appraisal, const struct ratls *ratls,
                                   cella_verifier *verifier)
{
    cella_demands demands = *appraisal->demands;
    struct appraisal inner = *appraisal;
    uint8_t report_data[64] = {0};
    const struct evidence_kind *kind = find_kind(ratls);
    if (!kind)
        return appraisal_refuse(
            appraisal, CLASS_UNSUPPORTED, "evidence",
            "a quote of SGX or TDX under tag 60000, or cella's own evidence under 1667591276",
            "something else, or under another tag",
            "No other kind says for which key it was made.");
    SHA256(ratls->claims, ratls->claims_size, report_data);
    demands.report_data = report_data;
    demands.insecure_any_report_data = false;
    demands.nonce = NULL; /* it is in the claims buffer, and judged there */
    demands.insecure_any_nonce = true;
    inner.demands = &demands;
    inner.verifier = verifier;
    record_text(appraisal, appraisal->result->evidence, "ratls_evidence_type", kind->name);
    cella_status status = evidence_kind_verify(&inner, kind, ratls->evidence, ratls->evidence_size);
    if (status && strcmp(appraisal->result->class, CLASS_REPORT_DATA) == 0)
        return appraisal_refuse(appraisal, CLASS_BINDING, "report_data",
                                result_text(appraisal->result->expected),
                                result_text(appraisal->result->found),
                                "The evidence was made for another certificate.");
    return status;
}

/* By the collateral that the certificate carries, too, where that may be. */
static cella_status judge_carried(struct appraisal *appraisal, const struct x509 *certificate,
                                  const struct ratls *ratls)
{
    struct ratls_carried carried;
    cella_status status = ratls_carried_read(appraisal, certificate, &carried);
    if (status == CELLA_OK)
        status = judge_evidence(appraisal, ratls,
                                carried.verifier ? carried.verifier : appraisal->verifier);
    ratls_carried_drop(&carried);
    return status;
}

static cella_status judge(struct appraisal *appraisal, const struct x509 *certificate,
                          const struct der *extension)
{
    struct ratls ratls;
    uint8_t hash[32];
    const char *wrong = ratls_read(extension, &ratls);
    if (wrong)
        return appraisal_malformed(appraisal, "certificate", "%s", wrong);
    json_t *evidence = appraisal->result->evidence;
    record_number(appraisal, evidence, "ratls_tag", (int64_t)ratls.tag);
    record_number(appraisal, evidence, "claims_buffer_len", (int64_t)ratls.claims_size);
    SHA256(ratls.claims, ratls.claims_size, hash);
    record_hex(appraisal, evidence, "claims_sha256", hash, sizeof(hash));
    if (!certificate->key)
        return appraisal_malformed(appraisal, "certificate", "its key cannot be used");
    record_hex(appraisal, evidence, "spki_sha256", certificate->key_hash, 32);
    cella_status status = judge_key(appraisal, certificate, &ratls);
    if (status == CELLA_OK)
        status = judge_carried(appraisal, certificate, &ratls);
    if (status == CELLA_OK)
        status = appraisal_nonce(appraisal, ratls.nonce, ratls.nonce_size);
    if (status == CELLA_OK) {
        record_hex(appraisal, appraisal->result->claims, "tls_key_sha256", certificate->key_hash,
                   32);
        if (ratls.nonce)
            record_hex(appraisal, appraisal->result->claims, "eat_nonce", ratls.nonce,
                       ratls.nonce_size);
    }
    return status;
}

static cella_status verify(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    struct der extension;
    struct x509 *certificate = find_certificate(bytes, size, &extension);
    if (!certificate)
        return appraisal_malformed(appraisal, "certificate",
                                   "not one certificate that carries evidence (extension " RATLS_OID
                                   ")");
    cella_status status = judge(appraisal, certificate, &extension);
    x509_drop(certificate);
    return status;
}

/* Whether a pinned key is judged is a matter of the evidence inside. */
const struct evidence_kind kind_ratls = {"ratls", recognise, verify, DEMAND_NONCE | DEMAND_KEY};
