/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements and releases: made, read, opened.
 */
#include "release.h"

#include "box/hpke.h"
#include "cose.h"
#include "image/fail.h"
#include "image/hex.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_TYPE       "cella room 1"
#define RELEASE_TYPE         "cella release 1"
#define RELEASE_CONTENT_TYPE "application/vnd.cella.release+cbor"
#define RELEASE_MOST         65536 /* bytes */

/* ---- statements ---- */

static void put_key(struct cbor_writer *to, const char *name, const uint8_t key[RELEASE_KEY])
{
    cbor_put_text(to, name);
    cbor_put_bytes(to, key, RELEASE_KEY);
}

static void put_named_text(struct cbor_writer *to, const char *name, const char *text)
{
    cbor_put_text(to, name);
    cbor_put_text(to, text);
}

cella_status cella_statement_make(const struct cella_statement *statement, uint8_t **bytes,
                                  size_t *size, cella_error *error)
{
    struct cbor_writer to = {0};
    size_t map = cbor_map_begin(&to);
    put_named_text(&to, "type", STATEMENT_TYPE);
    put_key(&to, "contract", statement->contract);
    put_named_text(&to, "party", statement->party);
    put_key(&to, "nonce", statement->nonce);
    put_key(&to, "hpke", statement->hpke);
    put_key(&to, "signing", statement->signing);
    cbor_map_end(&to, map);
    return cbor_finish(&to, bytes, size, error);
}

cella_status cella_statement_read(const uint8_t *bytes, size_t size,
                                  struct cella_statement *statement, cella_error *error)
{
    struct cbor_item type, contract, party, nonce, hpke, signing;
    const struct cbor_field fields[] = {
        {"type", CBOR_TEXT, 0, &type},
        {"contract", CBOR_BYTES, RELEASE_KEY, &contract},
        {"party", CBOR_TEXT, 0, &party},
        {"nonce", CBOR_BYTES, RELEASE_KEY, &nonce},
        {"hpke", CBOR_BYTES, RELEASE_KEY, &hpke},
        {"signing", CBOR_BYTES, RELEASE_KEY, &signing},
    };
    memset(statement, 0, sizeof(*statement));
    cella_status status =
        cbor_fields(bytes, size, "statement", fields, sizeof(fields) / sizeof(fields[0]), error);
    if (status)
        return status;
    if (!cbor_is_text(&type, STATEMENT_TYPE))
        return fail(error, CELLA_INVALID, "statement: type: must be \"" STATEMENT_TYPE "\"");
    if (!cbor_copy_text(&party, statement->party, RELEASE_NAME))
        return fail(error, CELLA_INVALID, "statement: party: must be text of 1 to %d bytes",
                    RELEASE_NAME);
    memcpy(statement->contract, contract.bytes, RELEASE_KEY);
    memcpy(statement->nonce, nonce.bytes, RELEASE_KEY);
    memcpy(statement->hpke, hpke.bytes, RELEASE_KEY);
    memcpy(statement->signing, signing.bytes, RELEASE_KEY);
    return CELLA_OK;
}

cella_status cella_statement_report_data(const uint8_t *bytes, size_t size, uint8_t report_data[64],
                                         cella_error *error)
{
    memset(report_data, 0, 64);
    if (EVP_Digest(bytes, size, report_data, NULL, EVP_sha256(), NULL) != 1)
        return fail(error, CELLA_SYSTEM, "SHA-256 of a statement cannot be computed");
    return CELLA_OK;
}

/* ---- releases: what both sides make of the same facts ---- */

/* The entries of the payload that say whom it is for, and until when. */
static void put_address(struct cbor_writer *to, const struct cella_statement *statement,
                        int64_t not_after)
{
    put_named_text(to, "type", RELEASE_TYPE);
    put_key(to, "contract", statement->contract);
    put_named_text(to, "party", statement->party);
    put_key(to, "nonce", statement->nonce);
    put_key(to, "hpke", statement->hpke);
    cbor_put_text(to, "not_after");
    cbor_put_integer(to, not_after);
}

/* HPKE's info and additional data. */
struct binding {
    uint8_t info[sizeof(RELEASE_TYPE) - 1 + RELEASE_KEY];
    struct cbor_writer additional;
};

static void bind(struct binding *binding, const struct cella_statement *statement,
                 int64_t not_after)
{
    memcpy(binding->info, RELEASE_TYPE, sizeof(RELEASE_TYPE) - 1);
    memcpy(binding->info + sizeof(RELEASE_TYPE) - 1, statement->contract, RELEASE_KEY);
    binding->additional = (struct cbor_writer){0};
    size_t map = cbor_map_begin(&binding->additional);
    put_address(&binding->additional, statement, not_after);
    cbor_map_end(&binding->additional, map);
}

/* ---- making ---- */

static void put_parameter(struct cbor_writer *to, const struct cella_release_parameter *parameter)
{
    cbor_put_text(to, parameter->name);
    switch (parameter->kind) {
    case CELLA_PARAMETER_INTEGER:
        cbor_put_integer(to, parameter->integer);
        break;
    case CELLA_PARAMETER_REAL:
        cbor_put_real(to, parameter->real);
        break;
    case CELLA_PARAMETER_TEXT:
        cbor_put_text(to, parameter->text);
        break;
    default:
        to->failed = true;
    }
}

static void put_contents(struct cbor_writer *to, const struct cella_release *release)
{
    size_t map = cbor_map_begin(to);
    cbor_put_text(to, "keys");
    size_t inner = cbor_map_begin(to);
    for (size_t i = 0; i < release->input_count; i++)
        put_key(to, release->inputs[i].name, release->inputs[i].key);
    cbor_map_end(to, inner);
    cbor_put_text(to, "boxes");
    inner = cbor_map_begin(to);
    for (size_t i = 0; i < release->input_count; i++)
        put_key(to, release->inputs[i].name, release->inputs[i].version);
    cbor_map_end(to, inner);
    cbor_put_text(to, "parameters");
    inner = cbor_map_begin(to);
    for (size_t i = 0; i < release->parameter_count; i++)
        put_parameter(to, &release->parameters[i]);
    cbor_map_end(to, inner);
    cbor_map_end(to, map);
}

/* The payload: the address and the contents, sealed. */
static cella_status put_payload(struct cbor_writer *to, const struct cella_release *release,
                                const struct cella_statement *statement, cella_error *error)
{
    uint8_t encapsulated[HPKE_KEY];
    struct binding binding;
    struct cbor_writer contents = {0};
    cella_status status = CELLA_OK;
    bind(&binding, statement, release->not_after);
    put_contents(&contents, release);
    uint8_t *sealed = malloc(contents.size + HPKE_TAG);
    if (contents.failed || binding.additional.failed || !sealed)
        status = fail(error, CELLA_MEMORY,
                      "release: no memory for it, or a name is there twice or not UTF-8");
    else if (!hpke_seal(statement->hpke, (struct hpke_bytes){binding.info, sizeof(binding.info)},
                        (struct hpke_bytes){binding.additional.bytes, binding.additional.size},
                        (struct hpke_bytes){contents.bytes, contents.size}, encapsulated, sealed))
        status =
            fail(error, CELLA_INVALID, "release: the enclave's key is none that can be sealed to");
    if (status == CELLA_OK) {
        size_t map = cbor_map_begin(to);
        put_address(to, statement, release->not_after);
        put_key(to, "enc", encapsulated);
        cbor_put_text(to, "sealed");
        cbor_put_bytes(to, sealed, contents.size + HPKE_TAG);
        cbor_map_end(to, map);
    }
    free(sealed);
    cbor_drop(&contents);
    cbor_drop(&binding.additional);
    return status;
}

cella_status cella_release_make(const struct cella_release *release,
                                const struct cella_statement *statement,
                                const uint8_t signing_secret[RELEASE_KEY], uint8_t **bytes,
                                size_t *size, cella_error *error)
{
    struct cbor_writer payload = {0};
    EVP_PKEY *key = NULL;
    if (release->not_after < 0 || release->input_count > RELEASE_LIST ||
        release->parameter_count > RELEASE_LIST)
        return fail(error, CELLA_INVALID, "release: at most %d inputs and parameters, until a time",
                    RELEASE_LIST);
    cella_status status = put_payload(&payload, release, statement, error);
    if (status == CELLA_OK &&
        !(key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signing_secret, RELEASE_KEY)))
        status = fail(error, CELLA_INVALID, "release: the party's key is none that can sign");
    if (status == CELLA_OK)
        status = cose_sign(key, RELEASE_CONTENT_TYPE, NULL, payload.bytes, payload.size, bytes,
                           size, error);
    EVP_PKEY_free(key);
    cbor_drop(&payload);
    return status;
}

/* ---- opening ---- */

static cella_status read_inputs(const struct cbor_item *keys, const struct cbor_item *boxes,
                                struct cella_release *release, cella_error *error)
{
    struct cbor_item name, key, version;
    if (keys->number > RELEASE_LIST || keys->number != boxes->number)
        return fail(error, CELLA_INVALID, "release: keys and boxes: not of the same inputs");
    for (struct cbor_reader reader = cbor_inside(keys);
         cbor_next(&reader, &name) && cbor_next(&reader, &key);) {
        struct cella_release_input *input = &release->inputs[release->input_count++];
        if (!cbor_copy_text(&name, input->name, RELEASE_NAME))
            return fail(error, CELLA_INVALID, "release: keys: a name must be text of 1 to %d bytes",
                        RELEASE_NAME);
        if (!cbor_find(boxes, input->name, &version))
            return fail(error, CELLA_INVALID, "release: keys and boxes: not of the same inputs");
        if (key.type != CBOR_BYTES || key.size != RELEASE_KEY || version.type != CBOR_BYTES ||
            version.size != RELEASE_KEY)
            return fail(error, CELLA_INVALID,
                        "release: an input's key and its box's version must be %d bytes",
                        RELEASE_KEY);
        memcpy(input->key, key.bytes, RELEASE_KEY);
        memcpy(input->version, version.bytes, RELEASE_KEY);
    }
    return CELLA_OK;
}

static bool read_parameter(const struct cbor_item *value, struct cella_release_parameter *parameter)
{
    bool negative = value->type == CBOR_NEGATIVE;
    if (value->type == CBOR_REAL) {
        parameter->kind = CELLA_PARAMETER_REAL;
        parameter->real = value->real;
        return true;
    }
    if (value->type == CBOR_TEXT) {
        parameter->kind = CELLA_PARAMETER_TEXT;
        return value->size == 0 || cbor_copy_text(value, parameter->text, RELEASE_TEXT);
    }
    parameter->kind = CELLA_PARAMETER_INTEGER;
    parameter->integer = negative ? -1 - (int64_t)value->number : (int64_t)value->number;
    return (value->type == CBOR_UNSIGNED || negative) && value->number <= INT64_MAX;
}

static cella_status read_parameters(const struct cbor_item *map, struct cella_release *release,
                                    cella_error *error)
{
    struct cbor_item name, value;
    if (map->number > RELEASE_LIST)
        return fail(error, CELLA_INVALID, "release: parameters: more than %d", RELEASE_LIST);
    for (struct cbor_reader reader = cbor_inside(map);
         cbor_next(&reader, &name) && cbor_next(&reader, &value);) {
        struct cella_release_parameter *parameter =
            &release->parameters[release->parameter_count++];
        if (!cbor_copy_text(&name, parameter->name, RELEASE_NAME) ||
            !read_parameter(&value, parameter))
            return fail(error, CELLA_INVALID,
                        "release: a parameter must have a name of 1 to %d bytes, and be a number "
                        "of 64 bits or text of at most %d bytes",
                        RELEASE_NAME, RELEASE_TEXT);
    }
    return CELLA_OK;
}

static cella_status read_contents(const uint8_t *bytes, size_t size, struct cella_release *release,
                                  cella_error *error)
{
    struct cbor_item keys, boxes, parameters;
    const struct cbor_field fields[] = {
        {"keys", CBOR_MAP, 0, &keys},
        {"boxes", CBOR_MAP, 0, &boxes},
        {"parameters", CBOR_MAP, 0, &parameters},
    };
    cella_status status = cbor_fields(bytes, size, "release: what is sealed", fields,
                                      sizeof(fields) / sizeof(fields[0]), error);
    if (status == CELLA_OK)
        status = read_inputs(&keys, &boxes, release, error);
    return status ? status : read_parameters(&parameters, release, error);
}

/* A release's payload, as it was signed. */
struct payload {
    struct cbor_item type, contract, party, nonce, hpke, not_after, encapsulated, sealed;
};

static cella_status read_payload(const struct cose *cose, struct payload *payload,
                                 cella_error *error)
{
    const struct cbor_field fields[] = {
        {"type", CBOR_TEXT, 0, &payload->type},
        {"contract", CBOR_BYTES, RELEASE_KEY, &payload->contract},
        {"party", CBOR_TEXT, 0, &payload->party},
        {"nonce", CBOR_BYTES, RELEASE_KEY, &payload->nonce},
        {"hpke", CBOR_BYTES, RELEASE_KEY, &payload->hpke},
        {"not_after", CBOR_UNSIGNED, 0, &payload->not_after},
        {"enc", CBOR_BYTES, HPKE_KEY, &payload->encapsulated},
        {"sealed", CBOR_BYTES, 0, &payload->sealed},
    };
    cella_status status = cbor_fields(cose->payload, cose->payload_size, "release", fields,
                                      sizeof(fields) / sizeof(fields[0]), error);
    if (status)
        return status;
    if (!cbor_is_text(&payload->type, RELEASE_TYPE))
        return fail(error, CELLA_INVALID, "release: type: must be \"" RELEASE_TYPE "\"");
    if (payload->not_after.number > INT64_MAX || payload->sealed.size < HPKE_TAG)
        return fail(error, CELLA_INVALID, "release: not_after is too large, or sealed too short");
    return CELLA_OK;
}

static cella_status judge_key(const char *name, const uint8_t expected[RELEASE_KEY],
                              const struct cbor_item *found, cella_error *error)
{
    char wanted[2 * RELEASE_KEY + 1], has[2 * RELEASE_KEY + 1];
    if (CRYPTO_memcmp(expected, found->bytes, RELEASE_KEY) == 0)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED, "release: %s: expected %s, found %s", name,
                hex_write(expected, RELEASE_KEY, wanted),
                hex_write(found->bytes, RELEASE_KEY, has));
}

/* That it is for this enclave, this party's last nonce, this contract, and not too late. */
static cella_status judge_address(const struct payload *payload,
                                  const struct cella_statement *statement, int64_t now,
                                  cella_error *error)
{
    cella_status status = judge_key("contract", statement->contract, &payload->contract, error);
    if (status == CELLA_OK && !cbor_is_text(&payload->party, statement->party))
        status = fail(error, CELLA_REFUSED, "release: party: expected %s, found another",
                      statement->party);
    if (status == CELLA_OK)
        status = judge_key("nonce", statement->nonce, &payload->nonce, error);
    if (status == CELLA_OK)
        status = judge_key("hpke", statement->hpke, &payload->hpke, error);
    if (status == CELLA_OK && now > (int64_t)payload->not_after.number)
        status = fail(error, CELLA_REFUSED,
                      "release: not_after: expected %" PRId64 " or later, found %" PRIu64
                      " (seconds since 1970): it is too late",
                      now, payload->not_after.number);
    return status;
}

static cella_status unseal(const struct payload *payload, const struct cella_statement *statement,
                           const uint8_t hpke_secret[RELEASE_KEY], struct cella_release *release,
                           cella_error *error)
{
    struct binding binding;
    cella_status status;
    size_t size = payload->sealed.size - HPKE_TAG;
    uint8_t *contents = malloc(size + 1); /* NULL for nothing would look like no memory */
    release->not_after = (int64_t)payload->not_after.number;
    bind(&binding, statement, release->not_after);
    if (!contents || binding.additional.failed)
        status = fail(error, CELLA_MEMORY, "release: no memory to open it");
    else if (!hpke_open(hpke_secret, payload->encapsulated.bytes,
                        (struct hpke_bytes){binding.info, sizeof(binding.info)},
                        (struct hpke_bytes){binding.additional.bytes, binding.additional.size},
                        (struct hpke_bytes){payload->sealed.bytes, payload->sealed.size}, contents))
        status = fail(error, CELLA_REFUSED,
                      "release: sealed: expected what this enclave's key opens, found something "
                      "else");
    else
        status = read_contents(contents, size, release, error);
    if (contents)
        OPENSSL_cleanse(contents, size);
    free(contents);
    cbor_drop(&binding.additional);
    return status;
}

cella_status cella_release_open(const uint8_t *bytes, size_t size,
                                const struct cella_statement *statement,
                                const uint8_t hpke_secret[RELEASE_KEY],
                                const uint8_t party_signing_key[RELEASE_KEY], int64_t now,
                                struct cella_release *release, cella_error *error)
{
    struct cose cose;
    struct payload payload;
    memset(release, 0, sizeof(*release));
    if (size > RELEASE_MOST)
        return fail(error, CELLA_INVALID, "release: %zu bytes; at most %d are read", size,
                    RELEASE_MOST);
    cella_status status = cose_read(bytes, size, RELEASE_CONTENT_TYPE, "release", &cose, error);
    if (status)
        return status;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, party_signing_key, RELEASE_KEY);
    if (!key || cose.chain.count || !cose_verify(&cose, key))
        status =
            fail(error, CELLA_REFUSED,
                 "release: signature: expected %s's, found another, or one over something else",
                 statement->party);
    EVP_PKEY_free(key);
    if (status == CELLA_OK)
        status = read_payload(&cose, &payload, error);
    if (status == CELLA_OK)
        status = judge_address(&payload, statement, now, error);
    if (status == CELLA_OK)
        status = unseal(&payload, statement, hpke_secret, release, error);
    if (status)
        cella_release_wipe(release);
    return status;
}

void cella_release_wipe(struct cella_release *release)
{
    OPENSSL_cleanse(release, sizeof(*release));
}
