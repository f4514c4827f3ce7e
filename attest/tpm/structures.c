/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads structures of TPM 2.0.
 */
#include "structures.h"

#include "attest/reader.h"
#include "image/fail.h"

#include <string.h>

#define TPM_ALG_NULL 0x0010

static struct tpm_bytes read_2b(struct reader *reader)
{
    struct tpm_bytes bytes = {.size = (size_t)read_big(reader, 2)};
    bytes.bytes = read_bytes(reader, bytes.size);
    if (!bytes.bytes)
        bytes.size = 0;
    return bytes;
}

static cella_status ended(const struct reader *reader, const char *what, cella_error *error)
{
    if (reader->failed)
        return fail(error, CELLA_INVALID, "%s: it ends too early", what);
    if (reader->size != 0)
        return fail(error, CELLA_INVALID, "%s: %zu bytes too many", what, reader->size);
    return CELLA_OK;
}

/* ---- TPMS_ATTEST ---- */

static cella_status read_selection(struct reader *reader, struct tpm_attest *attest,
                                   cella_error *error)
{
    struct tpm_selection selection = {0};
    uint16_t id = (uint16_t)read_big(reader, 2);
    size_t size = (size_t)read_big(reader, 1);
    const uint8_t *bitmap = read_bytes(reader, size);
    if (!bitmap)
        return CELLA_OK; /* the reader has failed */
    if (size > 4)
        return fail(error, CELLA_INVALID, "quote: a selection of %zu bytes", size);
    selection.hash = tpm_hash(id);
    selection.pcrs = (uint32_t)little_endian(bitmap, size);
    if (!selection.hash)
        return fail(error, CELLA_UNSUPPORTED, "quote: a bank of algorithm 0x%04x", id);
    if (selection.pcrs >> TPM_PCRS)
        return fail(error, CELLA_INVALID, "quote: PCRs beyond %d", TPM_PCRS - 1);
    attest->selections[attest->count++] = selection;
    return CELLA_OK;
}

static cella_status read_quote(struct reader *reader, struct tpm_attest *attest, cella_error *error)
{
    cella_status status = CELLA_OK;
    uint32_t count = (uint32_t)read_big(reader, 4);
    if (count > TPM_BANKS)
        return fail(error, CELLA_INVALID, "quote: %u banks", count);
    for (uint32_t i = 0; i < count && !status; i++)
        status = read_selection(reader, attest, error);
    attest->digest = read_2b(reader);
    return status ? status : ended(reader, "quote", error);
}

cella_status tpm_attest_read(const uint8_t *bytes, size_t size, struct tpm_attest *attest,
                             cella_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size};
    memset(attest, 0, sizeof(*attest));
    attest->magic = (uint32_t)read_big(&reader, 4);
    attest->type = (uint16_t)read_big(&reader, 2);
    attest->signer = read_2b(&reader);
    attest->extra = read_2b(&reader);
    attest->clock = read_big(&reader, 8);
    attest->reset_count = (uint32_t)read_big(&reader, 4);
    attest->restart_count = (uint32_t)read_big(&reader, 4);
    uint64_t safe = read_big(&reader, 1);
    attest->safe = safe == 1;
    attest->firmware = read_big(&reader, 8);
    if (reader.failed)
        return ended(&reader, "quote", error);
    if (attest->magic != TPM_ATTEST_MAGIC)
        return fail(error, CELLA_INVALID, "quote: begins with %08x; what a TPM made has %08x",
                    attest->magic, TPM_ATTEST_MAGIC);
    if (attest->type != TPM_ATTEST_QUOTE)
        return fail(error, CELLA_UNSUPPORTED, "quote: attestation of type 0x%04x; a quote is 0x%x",
                    attest->type, TPM_ATTEST_QUOTE);
    if (safe > 1)
        return fail(error, CELLA_INVALID, "quote: neither yes nor no whether its clock is safe");
    return read_quote(&reader, attest, error);
}

/* ---- TPMT_SIGNATURE ---- */

cella_status tpm_signature_read(const uint8_t *bytes, size_t size, struct tpm_signature *signature,
                                cella_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size};
    memset(signature, 0, sizeof(*signature));
    uint16_t scheme = (uint16_t)read_big(&reader, 2), hash = (uint16_t)read_big(&reader, 2);
    signature->scheme = scheme;
    signature->hash = tpm_hash(hash);
    if (reader.failed)
        return ended(&reader, "signature", error);
    if (scheme != TPM_RSASSA && scheme != TPM_RSAPSS && scheme != TPM_ECDSA)
        return fail(error, CELLA_UNSUPPORTED,
                    "signature: scheme 0x%04x; RSASSA, RSAPSS and ECDSA are known here", scheme);
    if (!signature->hash)
        return fail(error, CELLA_UNSUPPORTED, "signature: hash 0x%04x", hash);
    if (scheme == TPM_ECDSA) {
        signature->r = read_2b(&reader);
        signature->s = read_2b(&reader);
    } else {
        signature->rsa = read_2b(&reader);
    }
    return ended(&reader, "signature", error);
}

/* ---- TPMT_PUBLIC ---- */

bool tpm_is_attestation_key(uint32_t attributes)
{
    const uint32_t set =
        TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE | TPM_RESTRICTED | TPM_SIGN;
    return (attributes & (set | TPM_DECRYPT)) == set;
}

/* An algorithm, and where it is not none, what belongs to it. */
static uint16_t read_algorithm(struct reader *reader, size_t more)
{
    uint16_t algorithm = (uint16_t)read_big(reader, 2);
    if (algorithm != TPM_ALG_NULL)
        read_bytes(reader, more);
    return algorithm;
}

static void read_rsa(struct reader *reader, struct tpm_public *public)
{
    read_algorithm(reader, 4);
    read_algorithm(reader, 2);
    size_t bits = (size_t)read_big(reader, 2);
    uint32_t exponent = (uint32_t)read_big(reader, 4);
    struct tpm_bytes modulus = read_2b(reader);
    if (!reader->failed && reader->size == 0 && bits == 8 * modulus.size)
    public->key = tpm_rsa_key(modulus.bytes, modulus.size, exponent ? exponent : 65537);
}

static void read_ecc(struct reader *reader, struct tpm_public *public)
{
    read_algorithm(reader, 4);
    read_algorithm(reader, 2);
    uint16_t curve = (uint16_t)read_big(reader, 2);
    read_algorithm(reader, 2);
    struct tpm_bytes x = read_2b(reader), y = read_2b(reader);
    if (!reader->failed && reader->size == 0)
    public->key = tpm_ecc_key(curve, x.bytes, x.size, y.bytes, y.size);
}

/* The name of an object: the algorithm, and the hash of its public area. */
static cella_status name_public(const uint8_t *bytes, size_t size, uint16_t algorithm,
                                struct tpm_public *public, cella_error *error)
{
    const struct tpm_hash *hash = tpm_hash(algorithm);
    if (!hash)
        return fail(error, CELLA_UNSUPPORTED, "public area: named by algorithm 0x%04x", algorithm);
    public->name[0] = (uint8_t)(algorithm >> 8);
    public->name[1] = (uint8_t)algorithm;
    public->name_size = 2 + hash->size;
    if (!tpm_digest(hash, bytes, size, public->name + 2))
        return fail(error, CELLA_MEMORY, "public area: no memory");
    return CELLA_OK;
}

cella_status tpm_public_read(const uint8_t *bytes, size_t size, struct tpm_public *public,
                             cella_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size};
    memset(public, 0, sizeof(*public));
    /* A TPMT_PUBLIC begins with 0001 or 0023, as no TPM2B_PUBLIC that is long enough does. */
    if (size > 2 && big_endian(bytes, 2) == size - 2)
        read_bytes(&reader, 2);
    bytes = reader.bytes;
    size = reader.size;
    uint16_t type = (uint16_t)read_big(&reader, 2), name = (uint16_t)read_big(&reader, 2);
    public->attributes = (uint32_t)read_big(&reader, 4);
    read_2b(&reader);
    if (!reader.failed && type != 0x0001 && type != 0x0023)
        return fail(error, CELLA_UNSUPPORTED, "public area: of type 0x%04x, neither RSA nor ECC",
                    type);
    if (type == 0x0001)
        read_rsa(&reader, public);
    else
        read_ecc(&reader, public);
    cella_status status = ended(&reader, "public area", error);
    if (!status && !public->key)
        status = fail(error, CELLA_INVALID,
                      "public area: no key of RSA 2048 to 4096 or of P-256, "
                      "P-384 or P-521");
    if (!status)
        status = name_public(bytes, size, name, public, error);
    if (status) {
        EVP_PKEY_free(public->key);
        public->key = NULL;
    }
    return status;
}
