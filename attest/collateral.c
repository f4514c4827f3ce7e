/* SPDX-License-Identifier: Apache-2.0
 *
 * The verifier's store of collateral, and the forms that certificates and revocation lists come in.
 */
#include "collateral.h"

#include "image/fail.h"
#include "pem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLLATERAL_MOST 4096 /* pieces */

/* ---- the store ---- */

static void drop(struct collateral *one)
{
    switch (one->kind) {
    case COLLATERAL_CERTIFICATE:
        x509_drop(one->certificate);
        break;
    case COLLATERAL_CRL:
        x509_list_free(one->list);
        break;
    case COLLATERAL_TCB_INFO:
    case COLLATERAL_IDENTITY:
        free(one->document.bytes);
        if (one->drop)
            one->drop(one->parsed);
        break;
    case COLLATERAL_EVENT_LOG:
    case COLLATERAL_IMA_LOG:
        free(one->bytes);
        break;
    }
}

void collateral_free_all(cella_verifier *verifier)
{
    for (size_t i = 0; i < verifier->count; i++)
        drop(&verifier->collateral[i]);
    free(verifier->collateral);
}

static bool is_same_object(const struct x509_signed *one, const struct x509_signed *other)
{
    return memcmp(one->hash, other->hash, sizeof(one->hash)) == 0;
}

static bool is_same(const struct collateral *one, const struct collateral *other)
{
    if (one->kind != other->kind)
        return false;
    switch (one->kind) {
    case COLLATERAL_CERTIFICATE:
        return is_same_object(&one->certificate->is, &other->certificate->is);
    case COLLATERAL_CRL:
        return is_same_object(&one->list->is, &other->list->is);
    case COLLATERAL_TCB_INFO:
    case COLLATERAL_IDENTITY:
        return one->document.size == other->document.size &&
               memcmp(one->document.bytes, other->document.bytes, one->document.size) == 0 &&
               memcmp(one->document.signature, other->document.signature, 64) == 0;
    case COLLATERAL_EVENT_LOG:
    case COLLATERAL_IMA_LOG:
        return one->size == other->size && memcmp(one->bytes, other->bytes, one->size) == 0;
    }
    return false;
}

cella_status collateral_add(cella_verifier *verifier, struct collateral *collateral,
                            cella_error *error)
{
    for (size_t i = 0; i < verifier->count; i++)
        if (is_same(&verifier->collateral[i], collateral)) {
            drop(collateral);
            return CELLA_OK;
        }
    size_t count = verifier->count;
    if (count == COLLATERAL_MOST) {
        drop(collateral);
        return fail(error, CELLA_INVALID, "%s: more than %d pieces of collateral", collateral->name,
                    COLLATERAL_MOST);
    }
    if ((count & (count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        struct collateral *more =
            realloc(verifier->collateral, (count ? 2 * count : 1) * sizeof(*more));
        if (!more) {
            drop(collateral);
            return fail(error, CELLA_MEMORY, "%s: no memory for collateral", collateral->name);
        }
        verifier->collateral = more;
    }
    verifier->collateral[verifier->count++] = *collateral;
    return CELLA_OK;
}

cella_status collateral_add_certificate(cella_verifier *verifier, struct x509 *certificate,
                                        const char *name, cella_error *error)
{
    struct collateral one = {.kind = COLLATERAL_CERTIFICATE, .certificate = certificate};
    snprintf(one.name, sizeof(one.name), "%s", name);
    return collateral_add(verifier, &one, error);
}

cella_status collateral_add_list(cella_verifier *verifier, struct x509_list *list, const char *name,
                                 cella_error *error)
{
    struct collateral one = {.kind = COLLATERAL_CRL, .list = list};
    snprintf(one.name, sizeof(one.name), "%s", name);
    return collateral_add(verifier, &one, error);
}

/* ---- certificates and lists ---- */

static cella_status read_der(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                             const char *name, cella_error *error)
{
    struct x509 *certificate = x509_parse(verifier, bytes, size);
    if (certificate)
        return collateral_add_certificate(verifier, certificate, name, error);
    struct x509_list *list = x509_list_decode(bytes, size);
    if (list)
        return collateral_add_list(verifier, list, name, error);
    return fail(error, CELLA_UNSUPPORTED, "%s: neither a certificate nor a revocation list", name);
}

/* One block of a PEM text; what is neither certificate nor list is an error. */
static cella_status read_block(cella_verifier *verifier, const struct pem_block *block,
                               const char *name, cella_error *error)
{
    char label[61];
    if (!pem_is_certificate(block) && !pem_is_list(block)) {
        snprintf(label, sizeof(label), "%.*s",
                 (int)(block->label.size < 60 ? block->label.size : 60),
                 (const char *)block->label.bytes);
        return fail(error, CELLA_INVALID,
                    "%s: PEM of \"%s\"; certificates and revocation lists are collateral", name,
                    label);
    }
    cella_status status = read_der(verifier, block->inside.bytes, block->inside.size, name, error);
    return status == CELLA_UNSUPPORTED
               ? fail(error, CELLA_INVALID, "%s: a PEM block that is malformed inside", name)
               : status;
}

static cella_status read_pem(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                             const char *name, cella_error *error)
{
    cella_status status = CELLA_OK;
    struct pem_reader reader = pem_read(bytes, size);
    struct pem_block block;
    bool any = false;
    while (status == CELLA_OK && pem_next(&reader, &block)) {
        status = read_block(verifier, &block, name, error);
        any = true;
    }
    if (status == CELLA_OK && (!any || reader.failed))
        status = fail(error, CELLA_INVALID, "%s: PEM that is malformed or cut off", name);
    pem_end(&reader);
    return status;
}

static int digit(uint8_t character)
{
    return isdigit(character)    ? character - '0'
           : isxdigit(character) ? (character | 32) - 'a' + 10
                                 : -1;
}

/* Hexadecimal digits in either case, with white space at the ends. NULL: something else. */
static uint8_t *from_hex(const uint8_t *text, size_t size, size_t *to_size)
{
    while (size > 0 && isspace(text[0]))
        text++, size--;
    while (size > 0 && isspace(text[size - 1]))
        size--;
    uint8_t *bytes = size > 0 && size % 2 == 0 ? malloc(size / 2) : NULL;
    for (size_t i = 0; bytes && i < size / 2; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *to_size = size / 2;
    return bytes;
}

/* A header of Intel's service (SGX-PCK-Certificate-Issuer-Chain): PEM with %XX. NULL: no memory. */
static uint8_t *from_url(const uint8_t *text, size_t size, size_t *to_size)
{
    uint8_t *bytes = malloc(size);
    size_t used = 0;
    for (size_t i = 0; bytes && i < size; i++) {
        int high = text[i] == '%' && size - i > 2 ? digit(text[i + 1]) : -1;
        int low = high >= 0 ? digit(text[i + 2]) : -1;
        bytes[used++] = low >= 0 ? (uint8_t)(high << 4 | low) : text[i];
        i += low >= 0 ? 2 : 0;
    }
    *to_size = used;
    return bytes;
}

static bool has(const uint8_t *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

cella_status collateral_read_x509(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                  const char *name, cella_error *error)
{
    size_t plain_size = 0;
    cella_status status;
    if (!bytes || size == 0 || size > INT32_MAX)
        return fail(error, CELLA_UNSUPPORTED, "%s: %zu bytes", name, size);
    if (bytes[0] == 0x30 && size > 1 && bytes[1] >= 0x80)
        return read_der(verifier, bytes, size, name, error);
    /* JSON and quotes have PEM inside too; what is inside is another form's. */
    if (bytes[0] == '{' || bytes[0] == '[' || memchr(bytes, 0, size))
        return fail(error, CELLA_UNSUPPORTED, "%s: no text of certificates", name);
    if (has(bytes, size, "-----BEGIN "))
        return read_pem(verifier, bytes, size, name, error);
    bool url = has(bytes, size, "-----BEGIN%20");
    uint8_t *plain = url ? from_url(bytes, size, &plain_size) : from_hex(bytes, size, &plain_size);
    if (!plain)
        return fail(error, CELLA_UNSUPPORTED, "%s: neither PEM nor DER nor hexadecimal", name);
    if (has(plain, plain_size, "-----BEGIN "))
        status = read_pem(verifier, plain, plain_size, name, error);
    else
        status = read_der(verifier, plain, plain_size, name, error);
    free(plain);
    return status;
}
