/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads JSON of TPM evidence.
 */
#include "document.h"

#include "ak.h"
#include "attest/json.h"
#include "image/base64.h"
#include "image/fail.h"
#include "image/hex.h"

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
    return is_object(bytes, size) &&
           (has_key(bytes, size, "\"attest\"") || has_key(bytes, size, "\"tpm_quote\"")) &&
           !has_key(bytes, size, "\"hcl_report\"");
}

/* ---- fields ---- */

#define FIELDS_MOST 7 /* of any form */

/* One field of an object, and how it is read. */
struct field {
    const char *name;
    bool optional;
    cella_status (*read)(const struct scan_item *item, const struct field *field, void *to,
                         cella_error *error);
    size_t offset; /* in what it is read to */
    enum base64_form form;
};

static cella_status collect(const struct scan_item *object, const struct field *fields,
                            size_t count, struct scan_item *items, cella_error *error)
{
    struct scan_item key, value;
    if (object->type != SCAN_OBJECT)
        return fail(error, CELLA_INVALID, "no JSON object");
    for (struct scan_reader reader = scan_inside(object); scan_next(&reader, &key, &value);) {
        size_t i = 0;
        while (i < count && !scan_is_text(&key, fields[i].name))
            i++;
        if (i == count)
            return fail(error, CELLA_INVALID,
                        "a field that is not known; those of this form are %s, ...",
                        fields[0].name);
        items[i] = value;
    }
    return CELLA_OK;
}

static cella_status read_object(const struct scan_item *object, const struct field *fields,
                                size_t count, void *to, cella_error *error)
{
    struct scan_item items[FIELDS_MOST] = {{0}};
    cella_status status = collect(object, fields, count, items, error);
    for (size_t i = 0; i < count && !status; i++) {
        if (items[i].type != SCAN_NONE)
            status = fields[i].read(&items[i], &fields[i], (char *)to + fields[i].offset, error);
        else if (!fields[i].optional)
            status = malformed(error, fields[i].name, "it is missing");
    }
    return status;
}

static cella_status decode(const struct field *field, const uint8_t *text, size_t length,
                           struct document_bytes *bytes, cella_error *error)
{
    bytes->bytes = malloc(BASE64_BYTES(length));
    if (!bytes->bytes)
        return no_memory(error);
    if (field->form == BASE64_URL && length % 4 == 0) /* trustee pads it */
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    if (!base64_read(field->form, (const char *)text, length, bytes->bytes, &bytes->size))
        return malformed(error, field->name, "not base64 of its form");
    return CELLA_OK;
}

static cella_status read_base64(const struct scan_item *item, const struct field *field, void *to,
                                cella_error *error)
{
    size_t length = item->size;
    if (item->type != SCAN_TEXT)
        return malformed(error, field->name, "not text");
    if (!item->escaped)
        return decode(field, item->bytes, length, to, error);
    uint8_t *text = scan_unescape(item, &length); /* some write "\/" */
    cella_status status = text ? decode(field, text, length, to, error) : no_memory(error);
    free(text);
    return status;
}

/* A text of 2 * size lower-case digits. */
static bool is_hex(const struct scan_item *item, uint8_t *bytes, size_t size)
{
    return item->type == SCAN_TEXT && item->size == 2 * size &&
           hex_digits((const char *)item->bytes, bytes, size);
}

static cella_status read_hex(const struct scan_item *item, const struct field *field, void *to,
                             cella_error *error)
{
    struct document_bytes *bytes = to;
    bytes->size = item->size / 2;
    bytes->bytes = malloc(bytes->size + 1);
    if (!bytes->bytes)
        return no_memory(error);
    if (!is_hex(item, bytes->bytes, bytes->size))
        return malformed(error, field->name, "not lower-case hexadecimal");
    return CELLA_OK;
}

static cella_status read_pem_or_base64(const struct scan_item *item, const struct field *field,
                                       void *to, cella_error *error)
{
    struct document_bytes *bytes = to;
    if (item->type != SCAN_TEXT || !has_key(item->bytes, item->size, "-----BEGIN "))
        return read_base64(item, field, to, error);
    bytes->bytes = scan_unescape(item, &bytes->size);
    return bytes->bytes ? CELLA_OK : no_memory(error);
}

static cella_status read_certificate(const struct scan_item *item, const struct field *field,
                                     void *to, cella_error *error)
{
    struct document *document = to;
    struct document_bytes bytes = {NULL, 0};
    struct x509 *certificate = NULL;
    cella_status status = read_pem_or_base64(item, field, &bytes, error);
    if (!status && !(certificate = tpm_certificate(document->cache, bytes.bytes, bytes.size)))
        status = malformed(error, field->name, "a certificate that is none");
    if (!status && !x509_pool_add(&document->certificates, certificate))
        status = no_memory(error);
    free(bytes.bytes);
    return status;
}

static cella_status read_certificates(const struct scan_item *item, const struct field *field,
                                      void *to, cella_error *error)
{
    struct scan_item key, one;
    cella_status status = CELLA_OK;
    size_t count = item->type == SCAN_ARRAY ? scan_count(item) : 0;
    if (count == 0 || count > DOCUMENT_CERTIFICATES)
        return malformed(error, field->name, "not a list of one to eight");
    for (struct scan_reader reader = scan_inside(item); !status && scan_next(&reader, &key, &one);)
        status = read_certificate(&one, field, to, error);
    return status;
}

static cella_status read_version(const struct scan_item *item, const struct field *field, void *to,
                                 cella_error *error)
{
    (void)to;
    if (item->type != SCAN_NUMBER)
        return malformed(error, field->name, "not a whole number");
    if (item->number != 1 && item->number != 2)
        return fail(error, CELLA_UNSUPPORTED, "\"version\": 1 and 2 are known here");
    return CELLA_OK;
}

/* ---- PCRs ---- */

/* A number of at most two digits, written in one way. -1: none, or none of a PCR. */
static int pcr_index(const struct scan_item *key)
{
    int index = 0;
    if (key->size == 0 || key->size > 2 || (key->size == 2 && key->bytes[0] == '0'))
        return -1;
    for (size_t i = 0; i < key->size; i++) {
        if (key->bytes[i] < '0' || key->bytes[i] > '9')
            return -1;
        index = 10 * index + key->bytes[i] - '0';
    }
    return index < TPM_PCRS ? index : -1;
}

/* Of a key, as much as an error tells. */
static int shown(const struct scan_item *key)
{
    return key->size < 40 ? (int)key->size : 40;
}

static cella_status read_bank(const struct scan_item *item, const struct field *field,
                              struct tpm_bank *bank, cella_error *error)
{
    struct scan_item key, one;
    if (!bank || item->type != SCAN_OBJECT)
        return malformed(error, field->name, "not an object of banks of PCRs, or too many banks");
    for (struct scan_reader reader = scan_inside(item); scan_next(&reader, &key, &one);) {
        int index = pcr_index(&key);
        if (index < 0 || !is_hex(&one, bank->values[index], bank->hash->size))
            return fail(error, CELLA_INVALID, "\"pcrs\": %s: \"%.*s\" is no PCR with its value",
                        bank->hash->name, shown(&key), (const char *)key.bytes);
        bank->given |= 1u << index;
    }
    return CELLA_OK;
}

static cella_status read_banks(const struct scan_item *item, const struct field *field, void *to,
                               cella_error *error)
{
    struct scan_item key, bank;
    cella_status status = CELLA_OK;
    if (item->type != SCAN_OBJECT)
        return malformed(error, field->name, "not an object of banks of PCRs");
    for (struct scan_reader reader = scan_inside(item);
         !status && scan_next(&reader, &key, &bank);) {
        const struct tpm_hash *hash = tpm_hash_named((const char *)key.bytes, key.size);
        if (!hash || hash->id == 0)
            return fail(error, CELLA_UNSUPPORTED, "\"pcrs\": bank \"%.*s\"", shown(&key),
                        (const char *)key.bytes);
        status = read_bank(&bank, field, tpm_bank_add(to, hash), error);
    }
    return status;
}

static cella_status read_list(const struct scan_item *item, const struct field *field, void *to,
                              cella_error *error)
{
    struct scan_item key, one;
    struct document *document = to;
    size_t count = 0;
    if (item->type != SCAN_ARRAY)
        return malformed(error, field->name, "not a list of at most 24");
    for (struct scan_reader reader = scan_inside(item); scan_next(&reader, &key, &one); count++) {
        size_t size = one.size / 2;
        if (count == TPM_PCRS)
            return malformed(error, field->name, "not a list of at most 24");
        if (size > TPM_HASH_MOST || !is_hex(&one, document->list[count].bytes, size))
            return malformed(error, field->name, "a value that is not lower-case hexadecimal");
        document->list[count].size = size;
    }
    document->list_count = count;
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

static cella_status read_quote(const struct scan_item *item, const struct field *field, void *to,
                               cella_error *error)
{
    (void)field;
    return read_object(item, quote_fields, 3, to, error);
}

static cella_status read_azure_quote(const struct scan_item *item, const struct field *field,
                                     void *to, cella_error *error)
{
    (void)field;
    return read_object(item, azure_quote_fields, 3, to, error);
}

static const struct field trustee_fields[] = {
    {"ak_public", false, read_base64, AT(public), BASE64},
    {"tpm_quote", false, read_quote, 0, BASE64},
};
static const struct field azure_fields[] = {
    {"version", false, read_version, 0, BASE64},
    {"hcl_report", false, read_base64, AT(hcl), BASE64_URL},
    {"tpm_quote", false, read_azure_quote, 0, BASE64},
    {"vcek", true, read_certificate, 0, BASE64_URL},
    {"td_quote", true, read_base64, AT(td_quote), BASE64_URL},
};

cella_status document_read(struct cache *cache, const uint8_t *bytes, size_t size, bool azure,
                           struct document *document, cella_error *error)
{
    struct scan_item json, first, value;
    document->azure = azure;
    document->cache = cache;
    cella_status status = scan_decode(bytes, size, "JSON", &json, error);
    if (status)
        return status;
    struct scan_reader inside = scan_inside(&json);
    scan_next(&inside, &first, &value);
    if (azure)
        status = read_object(&json, azure_fields, 5, document, error);
    else if (scan_is_text(&first, "tpm_quote") || scan_is_text(&first, "ak_public"))
        status = read_object(&json, trustee_fields, 2, document, error);
    else
        status = read_object(&json, our_fields, 7, document, error);
    if (!status && azure && !document->td_quote.bytes == (document->certificates.count == 0))
        status = malformed(error, "vcek", "either this or \"td_quote\" has to be there");
    if (!status && !azure && !document->public.bytes && document->certificates.count == 0)
        status = malformed(error, "public", "neither this nor \"certificates\" is there");
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
    free(document->td_quote.bytes);
    x509_pool_clear(&document->certificates);
}
