/* SPDX-License-Identifier: Apache-2.0
 *
 * Extensions of VCEK and VLEK certificates. Their values are DER; but the HWID is 64 bytes as they
 * are in most certificates, an OCTET STRING of them in some, and 8 bytes on Turin.
 */
#include "certificate.h"

#include <stdio.h>
#include <string.h>

#define TAG_INTEGER      0x02
#define TAG_OCTET_STRING 0x04
#define TAG_UTF8         0x0c
#define TAG_IA5          0x16

/* 1.3.6.1.4.1.3704.1 */
static const uint8_t arc[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
enum { ARC_VERSION = 1, ARC_PRODUCT, ARC_TCB, ARC_HWID, ARC_CSP };

struct value {
    const uint8_t *bytes;
    size_t size;
};

/* The content, where the value is exactly one item with this tag and a short length. */
static bool unwrap(struct value *value, uint8_t tag)
{
    if (value->size < 2 || value->bytes[0] != tag || value->bytes[1] >= 0x80 ||
        value->bytes[1] != value->size - 2)
        return false;
    value->bytes += 2;
    value->size -= 2;
    return true;
}

/* An INTEGER from 0 to 255, in its shortest form. */
static bool read_byte(struct value value, uint8_t *byte)
{
    if (!unwrap(&value, TAG_INTEGER) || value.size < 1 || value.size > 2)
        return false;
    bool high = value.bytes[value.size - 1] >= 0x80;
    *byte = value.bytes[value.size - 1];
    return value.size == 1 ? !high : high && value.bytes[0] == 0;
}

static bool read_text(struct value value, char *to, size_t most)
{
    if ((!unwrap(&value, TAG_IA5) && !unwrap(&value, TAG_UTF8)) || value.size == 0 ||
        value.size > most || *to)
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.bytes[i] < 0x20 || value.bytes[i] > 0x7e)
            return false;
    memcpy(to, value.bytes, value.size);
    to[value.size] = 0;
    return true;
}

static bool read_hwid(struct value value, struct snp_certificate *to)
{
    if (value.size == 66 || value.size == 10)
        unwrap(&value, TAG_OCTET_STRING);
    if ((value.size != 64 && value.size != 8) || to->hwid_size)
        return false;
    memcpy(to->hwid, value.bytes, value.size);
    to->hwid_size = value.size;
    return true;
}

static bool read_component(uint8_t oid, struct value value, struct snp_certificate *to)
{
    for (size_t i = 0; i < SNP_COMPONENTS; i++)
        if (snp_components[i].oid == oid && !to->has[i])
            return to->has[i] = read_byte(value, &to->components[i]);
    return false;
}

/* `below`: what of the OID is below the arc. Each extension may be there once. */
static bool read_extension(struct value below, struct value value, struct snp_certificate *to)
{
    if (below.size == 2 && below.bytes[0] == ARC_TCB)
        return read_component(below.bytes[1], value, to);
    if (below.size != 1)
        return false;
    switch (below.bytes[0]) {
    case ARC_VERSION:
        if (to->has_version)
            return false;
        return to->has_version = read_byte(value, &to->version);
    case ARC_PRODUCT:
        return read_text(value, to->product, sizeof(to->product) - 1);
    case ARC_HWID:
        return read_hwid(value, to);
    case ARC_CSP:
        return read_text(value, to->csp, sizeof(to->csp) - 1);
    default:
        return false;
    }
}

/* NULL: nothing is missing. */
static const char *missing(const struct snp_certificate *certificate)
{
    enum snp_product product = snp_certificate_product(certificate);
    if (!certificate->has_version || !*certificate->product)
        return "it does not say its version and its product";
    for (size_t i = 0; i < SNP_COMPONENTS; i++)
        if (snp_components[i].query && !certificate->has[i] && snp_component_of(product, i))
            return "it does not say every component of its TCB";
    if (!certificate->hwid_size == !*certificate->csp)
        return "it has to say either its chip (a VCEK) or its cloud (a VLEK)";
    if (certificate->hwid_size && (certificate->hwid_size == 8) != (product == SNP_TURIN))
        return "its HWID has not the length of its product's";
    return NULL;
}

cella_status snp_certificate_read(const X509 *from, struct snp_certificate *certificate,
                                  const char **problem)
{
    bool any = false;
    memset(certificate, 0, sizeof(*certificate));
    for (int i = 0; i < X509_get_ext_count(from); i++) {
        X509_EXTENSION *extension = X509_get_ext(from, i);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(extension);
        const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
        struct value below = {OBJ_get0_data(oid), OBJ_length(oid)};
        if (below.size <= sizeof(arc) || memcmp(below.bytes, arc, sizeof(arc)) != 0)
            continue;
        below.bytes += sizeof(arc);
        below.size -= sizeof(arc);
        any = true;
        *problem = "an extension of AMD's in it is malformed, unknown, or there twice";
        if (!read_extension(
                below,
                (struct value){ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data)},
                certificate))
            return CELLA_INVALID;
    }
    if (!any)
        return CELLA_UNSUPPORTED;
    *problem = missing(certificate);
    return *problem ? CELLA_INVALID : CELLA_OK;
}

enum snp_product snp_certificate_product(const struct snp_certificate *certificate)
{
    static const struct {
        const char *name;
        enum snp_product product;
    } names[] = {{"Milan", SNP_MILAN},
                 {"Genoa", SNP_GENOA},
                 {"Bergamo", SNP_GENOA},
                 {"Siena", SNP_GENOA},
                 {"Turin", SNP_TURIN}};
    size_t length = strcspn(certificate->product, "-"); /* a stepping may follow */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (length == strlen(names[i].name) &&
            memcmp(certificate->product, names[i].name, length) == 0)
            return names[i].product;
    return SNP_PRODUCTS;
}

/* The first spare is shown as its INTEGER's bytes: so it stands in the listings that results are
 * compared with. */
static void record_der(struct appraisal *appraisal, json_t *to, const char *name, uint8_t value)
{
    const uint8_t der[] = {TAG_INTEGER, value < 0x80 ? 1 : 2, value < 0x80 ? value : 0, value};
    record_hex(appraisal, to, name, der, value < 0x80 ? 3 : 4);
}

void snp_certificate_record(struct appraisal *appraisal, const struct snp_certificate *certificate)
{
    char name[16];
    json_t *to =
        record_json(appraisal, appraisal->result->evidence, "endorsement_key_ext", json_object());
    if (!to)
        return;
    record_number(appraisal, to, "1.1", certificate->version);
    record_text(appraisal, to, "1.2", certificate->product);
    for (size_t i = 0; i < SNP_COMPONENTS; i++) {
        snprintf(name, sizeof(name), "1.3.%u", snp_components[i].oid);
        if (certificate->has[i] && snp_components[i].oid == 4)
            record_der(appraisal, to, name, certificate->components[i]);
        else if (certificate->has[i])
            record_number(appraisal, to, name, certificate->components[i]);
    }
    if (certificate->hwid_size)
        record_hex(appraisal, to, "1.4", certificate->hwid, certificate->hwid_size);
    else
        record_text(appraisal, to, "1.5", certificate->csp);
}
