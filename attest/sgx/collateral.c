/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms that Intel's collateral comes in: answers of its Provisioning Certification Service and
 * of caches of it (with their HTTP headers or without), the bundles that verifiers store, and the
 * files of Fortanix's tools. Documents are parsed whole; certificates and lists go where all
 * certificates go.
 */
#include "attest/collateral.h"

#include "attest/der.h"
#include "image/fail.h"
#include "tcb.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct intake {
    cella_verifier *verifier;
    const char *name;
    cella_error *error;
};

static cella_status invalid(const struct intake *intake, const char *key, const char *wrong)
{
    return fail(intake->error, CELLA_INVALID, "%s: \"%s\": %s", intake->name, key, wrong);
}

/* ---- what their JSON has ---- */

enum member_kind { MEMBER_TCB_INFO, MEMBER_IDENTITY, MEMBER_X509, MEMBER_BESIDE };

static const struct member {
    const char *key;
    enum member_kind kind;
    const char *signature;
} members[] = {
    /* Intel's service */
    {"tcbInfo", MEMBER_TCB_INFO, "signature"},
    {"enclaveIdentity", MEMBER_IDENTITY, "signature"},
    {"signature", MEMBER_BESIDE, NULL},
    /* bundles, with the names of Intel's quote verification library */
    {"tcb_info", MEMBER_TCB_INFO, "tcb_info_signature"},
    {"tcb_info_signature", MEMBER_BESIDE, NULL},
    {"qe_identity", MEMBER_IDENTITY, "qe_identity_signature"},
    {"qe_identity_signature", MEMBER_BESIDE, NULL},
    {"tcb_info_issuer_chain", MEMBER_X509, NULL},
    {"qe_identity_issuer_chain", MEMBER_X509, NULL},
    {"pck_crl_issuer_chain", MEMBER_X509, NULL},
    {"pck_certificate_chain", MEMBER_X509, NULL},
    {"root_ca_crl", MEMBER_X509, NULL},
    {"pck_crl", MEMBER_X509, NULL},
    /* Fortanix */
    {"raw_tcb_info", MEMBER_TCB_INFO, "signature"},
    {"raw_enclave_identity", MEMBER_IDENTITY, "signature"},
    {"ca_chain", MEMBER_X509, NULL},
    {"crl", MEMBER_X509, NULL},
};

/* ---- signatures ---- */

/* 64 bytes in hexadecimal, or (Fortanix) the bytes of a DER signature as numbers. */
static bool read_der_signature(const struct scan_item *array, uint8_t signature[64])
{
    uint8_t bytes[80];
    struct der der = {bytes, 0};
    struct scan_item key, value;
    uint64_t number;
    for (struct scan_reader reader = scan_inside(array); scan_next(&reader, &key, &value);) {
        if (der.size == sizeof(bytes) || !scan_number(&value, UINT8_MAX, &number))
            return false;
        bytes[der.size++] = (uint8_t)number;
    }
    return der_ecdsa(&der, 32, signature);
}

static bool read_signature(const struct scan_item *value, uint8_t signature[64])
{
    return value->type == SCAN_ARRAY ? read_der_signature(value, signature)
                                     : scan_hex(value, signature, 64);
}

/* ---- documents ---- */

static void drop_info(void *info)
{
    tcb_info_free(info);
}

static void drop_identity(void *identity)
{
    tcb_identity_free(identity);
}

/* Parses what is in `one`, whose bytes are one's own already. */
static cella_status parse_document(const struct intake *intake, struct collateral *one)
{
    const struct collateral_signed *document = &one->document;
    struct tcb_info *info = NULL;
    struct tcb_identity *identity = NULL;
    cella_status status;
    if (one->kind == COLLATERAL_TCB_INFO) {
        status = tcb_info_read(document->bytes, document->size, intake->name, &info, intake->error);
        one->parsed = info;
        one->drop = drop_info;
    } else {
        status = tcb_identity_read(document->bytes, document->size, intake->name, &identity,
                                   intake->error);
        one->parsed = identity;
        one->drop = drop_identity;
    }
    return status;
}

/* `value`: the object that is signed, or a text that holds it. */
static cella_status add_document(const struct intake *intake, enum collateral_kind kind,
                                 const struct member *member, const struct scan_item *value,
                                 const struct scan_item *signature)
{
    struct collateral one = {.kind = kind};
    snprintf(one.name, sizeof(one.name), "%s", intake->name);
    if (value->type != SCAN_OBJECT && value->type != SCAN_TEXT)
        return invalid(intake, member->key, "neither an object nor a text");
    if (!read_signature(signature, one.document.signature))
        return invalid(intake, member->signature, "missing, or no signature of P-256");
    if (value->type == SCAN_TEXT) {
        one.document.bytes = scan_unescape(value, &one.document.size);
    } else if ((one.document.bytes = malloc(value->size))) {
        memcpy(one.document.bytes, value->bytes, value->size);
        one.document.size = value->size;
    }
    if (!one.document.bytes)
        return fail(intake->error, CELLA_MEMORY, "%s: no memory to read it", intake->name);
    cella_status status = parse_document(intake, &one);
    if (status == CELLA_OK)
        return collateral_add(intake->verifier, &one, intake->error);
    free(one.document.bytes);
    return status;
}

/* ---- certificates and lists ---- */

static cella_status add_x509_text(const struct intake *intake, const char *key,
                                  const struct scan_item *value)
{
    size_t size;
    if (value->type != SCAN_TEXT)
        return invalid(intake, key, "not a text");
    uint8_t *bytes = scan_unescape(value, &size);
    if (!bytes)
        return fail(intake->error, CELLA_MEMORY, "%s: no memory to read it", intake->name);
    cella_status status =
        collateral_read_x509(intake->verifier, bytes, size, intake->name, intake->error);
    free(bytes);
    return status == CELLA_UNSUPPORTED
               ? invalid(intake, key, "neither certificates nor a revocation list")
               : status;
}

static cella_status add_x509(const struct intake *intake, const char *key,
                             const struct scan_item *value)
{
    struct scan_item none, item;
    cella_status status = CELLA_OK;
    if (value->type != SCAN_ARRAY)
        return add_x509_text(intake, key, value);
    struct scan_reader reader = scan_inside(value);
    while (status == CELLA_OK && scan_next(&reader, &none, &item))
        status = add_x509_text(intake, key, &item);
    return status;
}

/* ---- JSON ---- */

#define MEMBERS (sizeof(members) / sizeof(members[0]))

static const struct member *find_member(const struct scan_item *key)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (scan_is_text(key, members[i].key))
            return &members[i];
    return NULL;
}

/* What an object has of them, in its order. */
struct found {
    const struct member *members[MEMBERS];
    struct scan_item values[MEMBERS];
    size_t count;
    bool known;               /* one that is Intel's for certain */
    struct scan_item unknown; /* the first key that is none of them */
};

static void find_members(const struct scan_item *object, struct found *found)
{
    struct scan_item key, value;
    *found = (struct found){.count = 0};
    for (struct scan_reader reader = scan_inside(object); scan_next(&reader, &key, &value);) {
        const struct member *member = find_member(&key);
        if (!member) {
            found->unknown = found->unknown.type ? found->unknown : key;
            continue;
        }
        found->known |= member->kind != MEMBER_BESIDE;
        found->members[found->count] = member; /* no key is there twice */
        found->values[found->count++] = value;
    }
}

/* `key` may be NULL. SCAN_NONE: there is none. */
static struct scan_item value_of(const struct found *found, const char *key)
{
    for (size_t i = 0; key && i < found->count; i++)
        if (strcmp(found->members[i]->key, key) == 0)
            return found->values[i];
    return (struct scan_item){.type = SCAN_NONE};
}

static cella_status add_member(const struct intake *intake, const struct found *found, size_t which)
{
    const struct member *member = found->members[which];
    const struct scan_item *value = &found->values[which];
    const struct scan_item signature = value_of(found, member->signature);
    switch (member->kind) {
    case MEMBER_TCB_INFO:
        return add_document(intake, COLLATERAL_TCB_INFO, member, value, &signature);
    case MEMBER_IDENTITY:
        return add_document(intake, COLLATERAL_IDENTITY, member, value, &signature);
    case MEMBER_X509:
        return add_x509(intake, member->key, value);
    case MEMBER_BESIDE:
        break;
    }
    return CELLA_OK;
}

static cella_status read_json(const struct intake *intake, const uint8_t *bytes, size_t size)
{
    struct scan_item object;
    struct found found;
    cella_status status = scan_decode(bytes, size, intake->name, &object, intake->error);
    if (status)
        return status;
    find_members(&object, &found);
    if (!found.known)
        return fail(intake->error, CELLA_UNSUPPORTED, "%s: JSON, but none of Intel's",
                    intake->name);
    if (found.unknown.type)
        return fail(intake->error, CELLA_INVALID,
                    "%s: \"%.*s\": unknown; a newer cella may know it", intake->name,
                    found.unknown.size < 60 ? (int)found.unknown.size : 60,
                    (const char *)found.unknown.bytes);
    for (size_t i = 0; status == CELLA_OK && i < found.count; i++)
        status = add_member(intake, &found, i);
    return status;
}

/* ---- HTTP ---- */

/* "SGX-TCB-Info-Issuer-Chain: -----BEGIN%20CERTIFICATE-----%0A..." */
static cella_status read_header(const struct intake *intake, const uint8_t *line, size_t size,
                                size_t *chains)
{
    static const char chain[] = "-Issuer-Chain:";
    const uint8_t *colon = memchr(line, ':', size);
    size_t name = colon ? (size_t)(colon - line) + 1 : 0;
    if (name < sizeof(chain) - 1 ||
        strncasecmp((const char *)colon + 1 - (sizeof(chain) - 1), chain, sizeof(chain) - 1) != 0)
        return CELLA_OK;
    ++*chains;
    while (name < size && line[name] == ' ')
        name++; /* PEM begins where a line does */
    cella_status status = collateral_read_x509(intake->verifier, line + name, size - name,
                                               intake->name, intake->error);
    return status == CELLA_UNSUPPORTED
               ? invalid(intake, "Issuer-Chain", "a header that holds no certificates")
               : status;
}

static bool is_answer(const uint8_t *bytes, size_t size)
{
    return size > 5 && memcmp(bytes, "HTTP/", 5) == 0;
}

struct line {
    const uint8_t *bytes;
    size_t size;
};

/* One line without its end; `bytes` and `size` go on behind it. */
static struct line take_line(const uint8_t **bytes, size_t *size)
{
    const uint8_t *end = memchr(*bytes, '\n', *size);
    struct line line = {*bytes, end ? (size_t)(end - *bytes) : *size};
    size_t skip = end ? line.size + 1 : *size;
    *bytes += skip;
    *size -= skip;
    line.size -= line.size > 0 && line.bytes[line.size - 1] == '\r';
    return line;
}

/* Answers that came before the last one, each a head and an empty line: a proxy's "200 Connection
 * established", "100 Continue", redirects that were followed. */
static void skip_to_last(const uint8_t **bytes, size_t *size)
{
    const uint8_t *at = *bytes;
    size_t left = *size;
    while (left > 0 && is_answer(at, left)) {
        *bytes = at;
        *size = left;
        while (left > 0 && take_line(&at, &left).size > 0)
            ;
    }
}

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static cella_status read_code(const struct intake *intake, const struct line *line)
{
    const uint8_t *code = memchr(line->bytes, ' ', line->size);
    size_t rest = code ? line->size - (size_t)(code - line->bytes) : 0;
    if (rest < 4 || !isdigit(code[1]) || !isdigit(code[2]) || !isdigit(code[3]) ||
        (rest > 4 && code[4] != ' '))
        return fail(intake->error, CELLA_INVALID, "%s: an HTTP answer without a status code",
                    intake->name);
    if (memcmp(code, " 200", 4) == 0)
        return CELLA_OK;
    return fail(
        intake->error, CELLA_INVALID,
        "%s: the service answered %.3s, not 200: what was asked for is not in it; ask again",
        intake->name, (const char *)code + 1);
}

/* The head of an answer, up to its body; `chains`: how many headers had certificates. */
static cella_status read_head(const struct intake *intake, const uint8_t **bytes, size_t *size,
                              size_t *chains)
{
    struct line line = take_line(bytes, size);
    cella_status status = read_code(intake, &line);
    while (status == CELLA_OK && *size > 0 && (line = take_line(bytes, size)).size > 0)
        status = read_header(intake, line.bytes, line.size, chains);
    return status;
}

/* What `curl -i` wrote: headers, an empty line, and the body (none: `curl -D`). */
static cella_status read_answer(const struct intake *intake, const uint8_t *bytes, size_t size)
{
    size_t chains = 0;
    skip_to_last(&bytes, &size);
    cella_status status = read_head(intake, &bytes, &size, &chains);
    if (status == CELLA_OK && size == 0 && chains == 0)
        return fail(intake->error, CELLA_UNSUPPORTED,
                    "%s: an answer without a body, and without certificates in its headers",
                    intake->name);
    if (status || size == 0)
        return status;
    status = bytes[0] == '{'
                 ? read_json(intake, bytes, size)
                 : collateral_read_x509(intake->verifier, bytes, size, intake->name, intake->error);
    return status == CELLA_UNSUPPORTED ? invalid(intake, "body", "none of Intel's") : status;
}

cella_status collateral_read_intel(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                   const char *name, cella_error *error)
{
    const struct intake intake = {verifier, name, error};
    while (size > 0 && strchr(" \t\r\n", *bytes) && *bytes) {
        bytes++;
        size--;
    }
    if (size > 0 && bytes[0] == '{')
        return read_json(&intake, bytes, size);
    if (is_answer(bytes, size))
        return read_answer(&intake, bytes, size);
    return fail(error, CELLA_UNSUPPORTED, "%s: not Intel's collateral", name);
}
