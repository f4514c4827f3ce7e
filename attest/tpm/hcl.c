/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the report of Azure's paravisor.
 */
#include "hcl.h"

#include "attest/reader.h"
#include "image/base64.h"
#include "image/fail.h"

#include <string.h>

#define RUNTIME_AT   0x4c0
#define RUNTIME_HEAD 20
#define SHA256_HASH  1
#define RUNTIME_MOST 65536

/* A number of a JWK (RFC 7518, section 6.3.1). */
static bool read_number(const json_t *key, const char *name, uint8_t *bytes, size_t most,
                        size_t *size)
{
    const json_t *text = json_object_get(key, name);
    return text && BASE64_BYTES(json_string_length(text)) <= most &&
           base64_read(BASE64_URL, json_string_value(text), json_string_length(text), bytes, size);
}

static EVP_PKEY *read_key(const json_t *key)
{
    uint8_t modulus[600], exponent[8];
    size_t size, exponent_size;
    const char *type = json_string_value(json_object_get(key, "kty"));
    if (!type || strcmp(type, "RSA") != 0 ||
        !read_number(key, "n", modulus, sizeof(modulus), &size) ||
        !read_number(key, "e", exponent, sizeof(exponent), &exponent_size) || exponent_size > 4)
        return NULL;
    return tpm_rsa_key(modulus, size, (uint32_t)big_endian(exponent, exponent_size));
}

static cella_status find_key(struct hcl *hcl, cella_error *error)
{
    size_t i;
    json_t *key;
    json_array_foreach(json_object_get(hcl->runtime, "keys"), i, key)
    {
        const char *name = json_string_value(json_object_get(key, "kid"));
        if (!name || strcmp(name, "HCLAkPub") != 0)
            continue;
        if (hcl->key)
            return fail(error, CELLA_INVALID, "HCL report: two keys HCLAkPub");
        hcl->key = read_key(key);
        if (!hcl->key)
            return fail(error, CELLA_INVALID,
                        "HCL report: HCLAkPub is no RSA key of 2048 to 4096 bits");
    }
    return hcl->key ? CELLA_OK : fail(error, CELLA_INVALID, "HCL report: no key HCLAkPub");
}

static cella_status read_runtime(struct reader *reader, struct hcl *hcl, cella_error *error)
{
    const uint8_t *bytes = read_bytes(reader, hcl->runtime_size);
    if (!bytes || hcl->runtime_size > RUNTIME_MOST)
        return fail(error, CELLA_INVALID, "HCL report: runtime data of %zu bytes",
                    hcl->runtime_size);
    for (size_t i = 0; i < reader->size; i++)
        if (reader->bytes[i] != 0)
            return fail(error, CELLA_INVALID, "HCL report: bytes after its runtime data");
    if (!tpm_digest(tpm_hash(TPM_SHA256), bytes, hcl->runtime_size, hcl->runtime_hash))
        return fail(error, CELLA_MEMORY, "HCL report: no memory");
    hcl->runtime = json_loadb((const char *)bytes, hcl->runtime_size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(hcl->runtime))
        return fail(error, CELLA_INVALID, "HCL report: its runtime data are no JSON object");
    return find_key(hcl, error);
}

static cella_status read_head(struct reader *reader, size_t *size, struct hcl *hcl,
                              cella_error *error)
{
    const uint8_t *magic = read_bytes(reader, 4);
    hcl->version = (uint32_t)read_little(reader, 4);
    *size = (size_t)read_little(reader, 4);
    read_bytes(reader, 4);
    uint64_t status = read_little(reader, 4);
    const uint8_t *zeros = read_bytes(reader, 12);
    hcl->report = read_bytes(reader, HCL_REPORT_SIZE);
    if (reader->failed || memcmp(magic, "HCLA", 4) != 0)
        return fail(error, CELLA_INVALID, "HCL report: it does not begin with HCLA and a report");
    if (hcl->version != 1 && hcl->version != 2)
        return fail(error, CELLA_UNSUPPORTED, "HCL report: version %u", hcl->version);
    if (status != 0)
        return fail(error, CELLA_INVALID, "HCL report: the paravisor's status is %u, not 0",
                    (unsigned)status);
    for (size_t i = 0; i < 12; i++)
        if (zeros[i] != 0)
            return fail(error, CELLA_INVALID, "HCL report: reserved bytes that are not zero");
    return CELLA_OK;
}

static cella_status read_all(struct reader *reader, struct hcl *hcl, cella_error *error)
{
    size_t size;
    cella_status status = read_head(reader, &size, hcl, error);
    if (status)
        return status;
    uint64_t runtime = read_little(reader, 4), version = read_little(reader, 4);
    hcl->report_type = (uint32_t)read_little(reader, 4);
    uint64_t hash = read_little(reader, 4);
    hcl->runtime_size = (size_t)read_little(reader, 4);
    if (reader->failed || runtime != hcl->runtime_size + RUNTIME_HEAD ||
        size != RUNTIME_AT + runtime)
        return fail(error, CELLA_INVALID, "HCL report: its sizes contradict one another");
    bool known = hcl->report_type == HCL_SNP || hcl->report_type == HCL_TDX;
    if (!known || version != 1 || hash != SHA256_HASH)
        return fail(error, CELLA_UNSUPPORTED,
                    "HCL report: type %u, version %u, hash %u; 2 (SEV-SNP) and 4 (TDX), 1, 1 "
                    "(SHA-256) are known here",
                    hcl->report_type, (unsigned)version, (unsigned)hash);
    return read_runtime(reader, hcl, error);
}

cella_status hcl_read(const uint8_t *bytes, size_t size, struct hcl *hcl, cella_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size};
    memset(hcl, 0, sizeof(*hcl));
    cella_status status = read_all(&reader, hcl, error);
    if (status)
        hcl_free(hcl);
    return status;
}

void hcl_free(struct hcl *hcl)
{
    json_decref(hcl->runtime);
    EVP_PKEY_free(hcl->key);
    memset(hcl, 0, sizeof(*hcl));
}
