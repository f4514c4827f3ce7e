/* SPDX-License-Identifier: Apache-2.0
 *
 * The seal of a run's results, made and verified.
 */
#include "seal.h"

#include "../attest/cose.h"
#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT_TYPE "application/vnd.cella.result+cbor"
#define TYPE         "cella result 1"

cella_status seal_run_name(const uint8_t signing_key[32], char run[SEAL_RUN + 1],
                           cella_error *error)
{
    uint8_t digest[32];
    cella_status status = digest_bytes(signing_key, 32, digest, error);
    if (!status)
        hex_write(digest, SEAL_RUN / 2, run);
    return status;
}

cella_status seal_make(const struct seal *seal, EVP_PKEY *key, uint8_t **bytes, size_t *size,
                       cella_error *error)
{
    struct cbor_writer writer = {0};
    uint8_t *payload;
    size_t payload_size;
    size_t map = cbor_map_begin(&writer);
    cbor_put_text(&writer, "type");
    cbor_put_text(&writer, TYPE);
    cbor_put_text(&writer, "contract");
    cbor_put_bytes(&writer, seal->contract, 32);
    cbor_put_text(&writer, "run");
    cbor_put_text(&writer, seal->run);
    cbor_put_text(&writer, "log");
    cbor_put_bytes(&writer, seal->log, 32);
    cbor_put_text(&writer, "outputs");
    size_t outputs = cbor_map_begin(&writer);
    for (size_t i = 0; i < seal->file_count; i++) {
        cbor_put_text(&writer, seal->files[i].name);
        cbor_put_bytes(&writer, seal->files[i].sha256, 32);
    }
    cbor_map_end(&writer, outputs);
    cbor_map_end(&writer, map);
    cella_status status = cbor_finish(&writer, &payload, &payload_size, error);
    if (status)
        return status;
    status = cose_sign(key, CONTENT_TYPE, &(struct cose_chain){0}, payload, payload_size, bytes,
                       size, error);
    free(payload);
    return status;
}

static bool read_files(const struct cbor_item *outputs, struct seal *seal)
{
    struct cbor_reader reader = cbor_inside(outputs);
    struct cbor_item name, digest;
    for (; cbor_next(&reader, &name) && cbor_next(&reader, &digest); seal->file_count++) {
        if (seal->file_count == CONTRACT_LIST || digest.type != CBOR_BYTES || digest.size != 32)
            return false;
        struct seal_file *file = &seal->files[seal->file_count];
        if (!cbor_copy_text(&name, file->name, SEAL_NAME))
            return false;
        memcpy(file->sha256, digest.bytes, 32);
    }
    return true;
}

static cella_status read_payload(const struct cose *cose, const char *what, struct seal *seal,
                                 cella_error *error)
{
    struct cbor_item type, contract, run, log, outputs;
    const struct cbor_field fields[] = {
        {"type", CBOR_TEXT, 0, &type},      {"contract", CBOR_BYTES, 32, &contract},
        {"run", CBOR_TEXT, SEAL_RUN, &run}, {"log", CBOR_BYTES, 32, &log},
        {"outputs", CBOR_MAP, 0, &outputs},
    };
    cella_status status = cbor_fields(cose->payload, cose->payload_size, what, fields,
                                      sizeof(fields) / sizeof(fields[0]), error);
    if (status)
        return status;
    memcpy(seal->contract, contract.bytes, 32);
    memcpy(seal->log, log.bytes, 32);
    if (!cbor_is_text(&type, TYPE) || !cbor_copy_text(&run, seal->run, SEAL_RUN) ||
        !read_files(&outputs, seal))
        return fail(error, CELLA_INVALID, "%s: is not the seal of a room's results", what);
    return CELLA_OK;
}

cella_status seal_read(const uint8_t *bytes, size_t size, const uint8_t signing_key[32],
                       const char *what, struct seal *seal, cella_error *error)
{
    struct cose cose;
    *seal = (struct seal){0};
    cella_status status = cose_read(bytes, size, CONTENT_TYPE, what, &cose, error);
    if (status)
        return status;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, signing_key, 32);
    bool good = key && cose_verify(&cose, key);
    EVP_PKEY_free(key);
    if (!good)
        return fail(error, CELLA_REFUSED,
                    "%s: not signed by the enclave that you verified: the host has altered or "
                    "replaced the results; ask it for the true ones",
                    what);
    return read_payload(&cose, what, seal, error);
}

const struct seal_file *seal_file(const struct seal *seal, const char *name)
{
    for (size_t i = 0; i < seal->file_count; i++)
        if (strcmp(seal->files[i].name, name) == 0)
            return &seal->files[i];
    return NULL;
}
