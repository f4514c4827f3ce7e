/* SPDX-License-Identifier: Apache-2.0
 *
 * Extensions of VCEK and VLEK certificates. Their values are DER; but the HWID is 64 bytes as they
 * are in most certificates, an OCTET STRING of them in some, and 8 bytes on Turin.
 */
#include "certificate.h"

#include "attest/x509.h"

#include <stdio.h>
#include <string.h>

/* 1.3.6.1.4.1.3704.1 */
static const uint8_t arc[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
enum { ARC_VERSION = 1, ARC_PRODUCT, ARC_TCB, ARC_HWID, ARC_CSP };

static bool read_byte(struct der value, uint8_t *byte)
{
    struct der inside;
    uint32_t number;
    if (!der_take(&value, DER_INTEGER, &inside) || value.size > 0 ||
        !der_number(&inside, UINT8_MAX, &number))
        return false;
    *byte = (uint8_t)number;
    return true;
}

static bool read_text(struct der value, char *to, size_t most)
{
    struct der text;
    uint8_t tag;
    if (!der_any(&value, &tag, &text, NULL) || (tag != DER_IA5 && tag != DER_UTF8) ||
        value.size > 0 || text.size == 0 || text.size > most || *to)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] < 0x20 || text.bytes[i] > 0x7e)
            return false;
    memcpy(to, text.bytes, text.size);
    to[text.size] = 0;
    return true;
}

static bool read_hwid(struct der value, struct snp_certificate *to)
{
    struct der whole = value;
    if ((value.size == 66 || value.size == 10) && !der_take(&whole, DER_OCTETS, &value))
        return false;
    if ((value.size != 64 && value.size != 8) || to->hwid_size)
        return false;
    memcpy(to->hwid, value.bytes, value.size);
    to->hwid_size = value.size;
    return true;
}

static bool read_component(uint8_t oid, struct der value, struct snp_certificate *to)
{
    for (size_t i = 0; i < SNP_COMPONENTS; i++)
        if (snp_components[i].oid == oid && !to->has[i])
            return to->has[i] = read_byte(value, &to->components[i]);
    return false;
}

/* `below`: what of the OID is below the arc. Each extension may be there once. */
static bool read_extension(struct der below, struct der value, struct snp_certificate *to)
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

cella_status snp_certificate_read(const struct der *extensions, struct snp_certificate *certificate,
                                  const char **problem)
{
    struct der from = *extensions;
    struct x509_extension extension;
    bool any = false;
    memset(certificate, 0, sizeof(*certificate));
    while (x509_extension_take(&from, &extension)) {
        struct der below = extension.oid;
        if (below.size <= sizeof(arc) || memcmp(below.bytes, arc, sizeof(arc)) != 0)
            continue;
        below.bytes += sizeof(arc);
        below.size -= sizeof(arc);
        any = true;
        *problem = "an extension of AMD's in it is malformed, unknown, or there twice";
        if (!read_extension(below, extension.value, certificate))
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
    const uint8_t der[] = {DER_INTEGER, value < 0x80 ? 1 : 2, value < 0x80 ? value : 0, value};
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
