/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads JSON of TPM evidence.
 */
#include "document.h"

#include "ak.h"
#include "image/base64.h"
#include "image/fail.h"
#include "image/hex.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static cella_status malformed(cella_error *error, const char *name, const char *what)
{
    return fail(error, CELLA_INVALID, "\"%s\": %s", name, what);
}

static cella_status no_memory(cella_error *error)
{
    return fail(error, CELLA_MEMORY, "no memory to read evidence");
}

/* ---- what it looks like ---- */

static bool has_key(const uint8_t *bytes, size_t size, const char *key)
{
    return memmem(bytes, size, key, strlen(key)) != NULL;
}

static bool is_object(const uint8_t *bytes, size_t size)
{
    size_t i = 0;
    while (i < size &&
           (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t'))
        i++;
    return i < size && bytes[i] == '{';
}

bool document_is_azure(const uint8_t *bytes, size_t size)
{
    return is_object(bytes, size) && has_key(bytes, size, "\"hcl_report\"");
}

bool document_is_tpm(const uint8_t *bytes, size_t size)
{
    return is_object(bytes, size) && !has_key(bytes, size, "\"hcl_report\"") &&
           (has_key(bytes, size, "\"tpm_quote\"") || has_key(bytes, size, "\"attest\""));
}

/* ---- fields ---- */

/* One field of an object, and how it is read. */
struct field {
    const char *name;
    bool optional;
    cella_status (*read)(const json_t *value, const struct field *field, void *to,
                         cella_error *error);
    size_t offset; /* in what it is read to */
    enum base64_form form;
};

static cella_status read_object(const json_t *object, const struct field *fields, size_t count,
                                void *to, cella_error *error)
{
    size_t known = 0;
    cella_status status = CELLA_OK;
    if (!json_is_object(object))
        return fail(error, CELLA_INVALID, "no JSON object");
    for (size_t i = 0; i < count && !status; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        known += value != NULL;
        if (value)
            status = fields[i].read(value, &fields[i], (char *)to + fields[i].offset, error);
        else if (!fields[i].optional)
            status = malformed(error, fields[i].name, "it is missing");
    }
    if (!status && known != json_object_size(object))
        return fail(error, CELLA_INVALID,
                    "a field that is not known; those of this form are %s, ...", fields[0].name);
    return status;
}

static cella_status read_base64(const json_t *value, const struct field *field, void *to,
                                cella_error *error)
{
    struct document_bytes *bytes = to;
    size_t length = json_string_length(value);
    if (!json_is_string(value))
        return malformed(error, field->name, "not text");
    const char *text = json_string_value(value);
    bytes->bytes = malloc(BASE64_BYTES(length));
    if (!bytes->bytes)
        return no_memory(error);
    if (field->form == BASE64_URL && length % 4 == 0) /* trustee pads it */
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    if (!base64_read(field->form, text, length, bytes->bytes, &bytes->size))
        return malformed(error, field->name, "not base64 of its form");
    return CELLA_OK;
}

static cella_status read_hex(const json_t *value, const struct field *field, void *to,
                             cella_error *error)
{
    struct document_bytes *bytes = to;
    size_t length = json_string_length(value);
    bytes->size = length / 2;
    bytes->bytes = malloc(bytes->size + 1);
    if (!bytes->bytes)
        return no_memory(error);
    if (!json_is_string(value) || !hex_read(json_string_value(value), bytes->bytes, bytes->size))
        return malformed(error, field->name, "not lower-case hexadecimal");
    return CELLA_OK;
}

static bool is_pem(const json_t *value)
{
    return json_is_string(value) && strstr(json_string_value(value), "-----BEGIN ");
}

static cella_status read_pem_or_base64(const json_t *value, const struct field *field, void *to,
                                       cella_error *error)
{
    struct document_bytes *bytes = to;
    if (!is_pem(value))
        return read_base64(value, field, to, error);
    bytes->size = json_string_length(value);
    bytes->bytes = malloc(bytes->size);
    if (!bytes->bytes)
        return no_memory(error);
    memcpy(bytes->bytes, json_string_value(value), bytes->size);
    return CELLA_OK;
}

static cella_status read_certificate(const json_t *value, const struct field *field, void *to,
                                     cella_error *error)
{
    struct document *document = to;
    struct document_bytes bytes = {NULL, 0};
    X509 *certificate = NULL;
    cella_status status = read_pem_or_base64(value, field, &bytes, error);
    if (!document->certificates)
        document->certificates = sk_X509_new_null();
    if (!status && !(certificate = tpm_certificate(document->cache, bytes.bytes, bytes.size)))
        status = malformed(error, field->name, "a certificate that is none");
    if (!status && !(document->certificates && sk_X509_push(document->certificates, certificate))) {
        X509_free(certificate);
        status = no_memory(error);
    }
    free(bytes.bytes);
    return status;
}

static cella_status read_certificates(const json_t *value, const struct field *field, void *to,
                                      cella_error *error)
{
    size_t i;
    json_t *one;
    cella_status status = CELLA_OK;
    if (!json_is_array(value) || json_array_size(value) == 0 ||
        json_array_size(value) > DOCUMENT_CERTIFICATES)
        return malformed(error, field->name, "not a list of one to eight");
    json_array_foreach(value, i, one)
    {
        if (!status)
            status = read_certificate(one, field, to, error);
    }
    return status;
}

static cella_status read_version(const json_t *value, const struct field *field, void *to,
                                 cella_error *error)
{
    (void)to;
    if (!json_is_integer(value))
        return malformed(error, field->name, "not a whole number");
    if (json_integer_value(value) != 1 && json_integer_value(value) != 2)
        return fail(error, CELLA_UNSUPPORTED, "\"version\": 1 and 2 are known here");
    return CELLA_OK;
}

/* ---- PCRs ---- */

/* A number of at most two digits, written in one way. -1: none, or none of a PCR. */
static int pcr_index(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 2 || (length == 2 && text[0] == '0') ||
        strspn(text, "0123456789") != length)
        return -1;
    int index = atoi(text);
    return index < TPM_PCRS ? index : -1;
}

static cella_status read_bank(const json_t *value, const struct field *field, struct tpm_bank *bank,
                              cella_error *error)
{
    const char *key;
    json_t *one;
    if (!bank || !json_is_object(value))
        return malformed(error, field->name, "not an object of banks of PCRs, or too many banks");
    json_object_foreach((json_t *)value, key, one)
    {
        int index = pcr_index(key);
        if (index < 0 || json_string_length(one) != 2 * bank->hash->size ||
            !hex_read(json_string_value(one), bank->values[index], bank->hash->size))
            return fail(error, CELLA_INVALID, "\"pcrs\": %s: \"%.40s\" is no PCR with its value",
                        bank->hash->name, key);
        bank->given |= 1u << index;
    }
    return CELLA_OK;
}

static cella_status read_banks(const json_t *value, const struct field *field, void *to,
                               cella_error *error)
{
    const char *key;
    json_t *bank;
    cella_status status = CELLA_OK;
    if (!json_is_object(value))
        return malformed(error, field->name, "not an object of banks of PCRs");
    json_object_foreach((json_t *)value, key, bank)
    {
        const struct tpm_hash *hash = tpm_hash_named(key, strlen(key));
        if (!hash || hash->id == 0)
            return fail(error, CELLA_UNSUPPORTED, "\"pcrs\": bank \"%.40s\"", key);
        status = read_bank(bank, field, tpm_bank_add(to, hash), error);
        if (status)
            break;
    }
    return status;
}

static cella_status read_list(const json_t *value, const struct field *field, void *to,
                              cella_error *error)
{
    size_t i;
    json_t *one;
    struct document *document = to;
    if (!json_is_array(value) || json_array_size(value) > TPM_PCRS)
        return malformed(error, field->name, "not a list of at most 24");
    json_array_foreach(value, i, one)
    {
        size_t size = document->list[i].size = json_string_length(one) / 2;
        if (!json_is_string(one) || size > TPM_HASH_MOST ||
            !hex_read(json_string_value(one), document->list[i].bytes, size))
            return malformed(error, field->name, "a value that is not lower-case hexadecimal");
    }
    document->list_count = json_array_size(value);
    return CELLA_OK;
}

cella_status document_place_pcrs(struct document *document, const struct tpm_attest *attest,
                                 cella_error *error)
{
    size_t next = 0;
    if (document->pcrs.count > 0 || document->list_count == 0)
        return CELLA_OK;
    if (attest->count != 1)
        return malformed(error, "pcrs",
                         "a list, which is of one bank, and another number is quoted");
    const struct tpm_selection *selection = &attest->selections[0];
    struct tpm_bank *bank = tpm_bank_add(&document->pcrs, selection->hash);
    if ((size_t)__builtin_popcount(selection->pcrs) != document->list_count)
        return malformed(error, "pcrs", "not as many as are quoted");
    for (size_t i = 0; i < TPM_PCRS; i++) {
        if (!(selection->pcrs >> i & 1))
            continue;
        if (document->list[next].size != bank->hash->size)
            return malformed(error, "pcrs", "a value that is not of the quoted bank");
        memcpy(bank->values[i], document->list[next++].bytes, bank->hash->size);
    }
    bank->given = selection->pcrs;
    return CELLA_OK;
}

/* ---- the three forms ---- */

#define AT(member) offsetof(struct document, member)

static const struct field our_fields[] = {
    {"attest", false, read_base64, AT(attest), BASE64},
    {"signature", false, read_base64, AT(signature), BASE64},
    {"public", true, read_pem_or_base64, AT(public), BASE64},
    {"certificates", true, read_certificates, 0, BASE64},
    {"pcrs", false, read_banks, AT(pcrs), BASE64},
    {"event_log", true, read_base64, AT(event_log), BASE64},
    {"ima_log", true, read_base64, AT(ima_log), BASE64},
};
static const struct field quote_fields[] = {
    {"message", false, read_base64, AT(attest), BASE64},
    {"signature", false, read_base64, AT(signature), BASE64},
    {"pcrs", false, read_list, 0, BASE64},
};
static const struct field azure_quote_fields[] = {
    {"message", false, read_hex, AT(attest), BASE64},
    {"signature", false, read_hex, AT(signature), BASE64},
    {"pcrs", false, read_list, 0, BASE64},
};

static cella_status read_quote(const json_t *value, const struct field *field, void *to,
                               cella_error *error)
{
    (void)field;
    return read_object(value, quote_fields, 3, to, error);
}

static cella_status read_azure_quote(const json_t *value, const struct field *field, void *to,
                                     cella_error *error)
{
    (void)field;
    return read_object(value, azure_quote_fields, 3, to, error);
}

static const struct field trustee_fields[] = {
    {"ak_public", false, read_base64, AT(public), BASE64},
    {"tpm_quote", false, read_quote, 0, BASE64},
};
static const struct field azure_fields[] = {
    {"version", false, read_version, 0, BASE64},
    {"hcl_report", false, read_base64, AT(hcl), BASE64_URL},
    {"tpm_quote", false, read_azure_quote, 0, BASE64},
    {"vcek", false, read_certificate, 0, BASE64_URL},
};

cella_status document_read(struct cache *cache, const uint8_t *bytes, size_t size, bool azure,
                           struct document *document, cella_error *error)
{
    cella_status status;
    json_error_t place;
    memset(document, 0, sizeof(*document));
    document->azure = azure;
    document->cache = cache;
    json_t *json = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, &place);
    if (!json)
        return fail(error, CELLA_INVALID, "JSON: line %d: %.120s", place.line, place.text);
    if (azure)
        status = read_object(json, azure_fields, 4, document, error);
    else if (json_object_get(json, "tpm_quote"))
        status = read_object(json, trustee_fields, 2, document, error);
    else
        status = read_object(json, our_fields, 7, document, error);
    if (!status && !document->public.bytes && !document->certificates)
        status = malformed(error, "public", "neither this nor \"certificates\" is there");
    json_decref(json);
    if (status)
        document_free(document);
    return status;
}

void document_free(struct document *document)
{
    free(document->attest.bytes);
    free(document->signature.bytes);
    free(document->public.bytes);
    free(document->event_log.bytes);
    free(document->ima_log.bytes);
    free(document->hcl.bytes);
    sk_X509_pop_free(document->certificates, X509_free);
    memset(document, 0, sizeof(*document));
}
