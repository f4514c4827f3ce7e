/* SPDX-License-Identifier: Apache-2.0
 */
#include "quote.h"

#include "attest/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const uint8_t intel[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                  0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

__attribute__((format(printf, 5, 6))) static enum quote_verdict
refuse(struct quote_fault *fault, enum quote_verdict verdict, const char *claim,
       const char *expected, const char *found, ...)
{
    va_list arguments;
    fault->claim = claim;
    fault->expected = expected;
    va_start(arguments, found);
    vsnprintf(fault->found, sizeof(fault->found), found, arguments);
    va_end(arguments);
    return verdict;
}

static enum quote_verdict cut(struct quote_fault *fault, const char *claim)
{
    return refuse(fault, QUOTE_MALFORMED, claim, "all of it", "cut off");
}

/* ---- bodies ---- */

static void parse_report(const uint8_t *bytes, struct quote_report *report)
{
    *report = (struct quote_report){
        .bytes = bytes,
        .cpusvn = bytes,
        .miscselect = bytes + 16,
        .isv_ext_prod_id = bytes + 32,
        .attributes = bytes + 48,
        .mrenclave = bytes + 64,
        .mrsigner = bytes + 128,
        .config_id = bytes + 192,
        .isv_prod_id = (uint16_t)little_endian(bytes + 256, 2),
        .isv_svn = (uint16_t)little_endian(bytes + 258, 2),
        .config_svn = (uint16_t)little_endian(bytes + 260, 2),
        .isv_family_id = bytes + 304,
        .report_data = bytes + 320,
    };
}

static void parse_td(const uint8_t *bytes, size_t size, struct quote_td *td)
{
    *td = (struct quote_td){
        .tee_tcb_svn = bytes,
        .mrseam = bytes + 16,
        .mrsignerseam = bytes + 64,
        .seam_attributes = bytes + 112,
        .attributes = bytes + 120,
        .xfam = bytes + 128,
        .mrtd = bytes + 136,
        .mrconfigid = bytes + 184,
        .mrowner = bytes + 232,
        .mrownerconfig = bytes + 280,
        .rtmr = {bytes + 328, bytes + 376, bytes + 424, bytes + 472},
        .report_data = bytes + 520,
    };
    if (size == QUOTE_TD_15) {
        td->tee_tcb_svn2 = bytes + 584;
        td->mrservicetd = bytes + 600;
    }
}

/* Versions 3 and 4: the TEE type says what the body is. Version 5 says it, and its size. */
static enum quote_verdict parse_body(struct reader *reader, struct quote *quote,
                                     struct quote_fault *fault)
{
    static const struct {
        uint32_t tee;
        size_t size;
    } types[] = {
        [QUOTE_BODY_SGX] = {QUOTE_TEE_SGX, QUOTE_REPORT_BODY},
        [QUOTE_BODY_TDX_10] = {QUOTE_TEE_TDX, QUOTE_TD_10},
        [QUOTE_BODY_TDX_15] = {QUOTE_TEE_TDX, QUOTE_TD_15},
    };
    size_t type = quote->tee == QUOTE_TEE_SGX ? QUOTE_BODY_SGX : QUOTE_BODY_TDX_10;
    if (quote->version == 5) {
        type = quote->body_type = (uint16_t)read_little(reader, 2);
        size_t size = (size_t)read_little(reader, 4);
        if (reader->failed)
            return cut(fault, "body");
        if (type < QUOTE_BODY_SGX || type > QUOTE_BODY_TDX_15)
            return refuse(fault, QUOTE_UNSUPPORTED, "body_type", "1, 2 or 3", "%zu", type);
        if (size != types[type].size || types[type].tee != quote->tee)
            return refuse(fault, QUOTE_MALFORMED, "body_size", "that of the body's type",
                          "%zu bytes, type %zu, TEE 0x%x", size, type, quote->tee);
    }
    const uint8_t *body = read_bytes(reader, types[type].size);
    if (!body)
        return cut(fault, "body");
    if (types[type].tee == QUOTE_TEE_SGX)
        parse_report(body, &quote->enclave);
    else
        parse_td(body, types[type].size, &quote->td);
    return QUOTE_GOOD;
}

/* ---- header ---- */

static enum quote_verdict parse_header(struct reader *reader, struct quote *quote,
                                       struct quote_fault *fault)
{
    quote->version = (uint16_t)read_little(reader, 2);
    quote->key_type = (uint16_t)read_little(reader, 2);
    quote->tee = (uint32_t)read_little(reader, 4);
    read_bytes(reader, 4);
    quote->vendor = read_bytes(reader, 16);
    read_bytes(reader, 20);
    if (reader->failed)
        return cut(fault, "header");
    if (quote->version < 3 || quote->version > 5)
        return refuse(fault, QUOTE_UNSUPPORTED, "quote_version", "3, 4 or 5", "%u", quote->version);
    if (quote->key_type != QUOTE_KEY_ECDSA_P256)
        return refuse(fault, QUOTE_UNSUPPORTED, "attestation_key_type", "2 (ECDSA P-256)", "%u",
                      quote->key_type);
    if (quote->tee != QUOTE_TEE_SGX && (quote->tee != QUOTE_TEE_TDX || quote->version == 3))
        return refuse(fault, QUOTE_UNSUPPORTED, "tee_type",
                      quote->version == 3 ? "0 (SGX)" : "0 (SGX) or 0x81 (TDX)", "0x%x",
                      quote->tee);
    if (memcmp(quote->vendor, intel, sizeof(intel)) != 0)
        return refuse(fault, QUOTE_VENDOR, "qe_vendor_id", "939a7233f79c4ca9940a0db3957f0607",
                      "another vendor's quoting enclave");
    return QUOTE_GOOD;
}

/* ---- signature data ---- */

static bool parse_qe(struct reader *reader, struct quote *quote)
{
    const uint8_t *report = read_bytes(reader, QUOTE_REPORT_BODY);
    if (report)
        parse_report(report, &quote->qe);
    quote->qe_signature = read_bytes(reader, 64);
    quote->auth_size = (size_t)read_little(reader, 2);
    quote->auth = read_bytes(reader, quote->auth_size);
    return !reader->failed;
}

/* Type, size and data; the data must be all that is left. */
static enum quote_verdict parse_certification(struct reader *reader, uint16_t *type,
                                              struct quote_fault *fault)
{
    *type = (uint16_t)read_little(reader, 2);
    size_t size = (size_t)read_little(reader, 4);
    if (reader->failed || size > reader->size)
        return cut(fault, "certification_data");
    if (size != reader->size)
        return refuse(fault, QUOTE_MALFORMED, "certification_data_size", "all that is left",
                      "%zu bytes of %zu", size, reader->size);
    return QUOTE_GOOD;
}

/* Version 3: the quoting enclave's report, then certification data. Versions 4 and 5: certification
 * data of type 6, and inside it the same. */
static enum quote_verdict parse_signature_data(struct reader *reader, struct quote *quote,
                                               struct quote_fault *fault)
{
    uint16_t outer;
    quote->signature = read_bytes(reader, 64);
    quote->key = read_bytes(reader, 64);
    if (reader->failed)
        return cut(fault, "signature_data");
    if (quote->version > 3) {
        enum quote_verdict verdict = parse_certification(reader, &outer, fault);
        if (verdict)
            return verdict;
        if (outer != QUOTE_QE_REPORT)
            return refuse(fault, QUOTE_UNSUPPORTED, "certification_data_type", "6", "%u", outer);
    }
    if (!parse_qe(reader, quote))
        return cut(fault, "qe_report");
    enum quote_verdict verdict = parse_certification(reader, &quote->certification, fault);
    quote->certification_bytes = reader->bytes;
    quote->certification_size = reader->size;
    if (verdict == QUOTE_GOOD &&
        (quote->certification < QUOTE_PPID || quote->certification > QUOTE_PCK_CHAIN))
        return refuse(fault, QUOTE_UNSUPPORTED, "cert_data_type", "1 to 5", "%u",
                      quote->certification);
    return verdict;
}

enum quote_verdict quote_parse(const uint8_t *bytes, size_t size, struct quote *quote,
                               struct quote_fault *fault)
{
    struct reader reader = {.bytes = bytes, .size = size};
    *quote = (struct quote){0};
    enum quote_verdict verdict = parse_header(&reader, quote, fault);
    if (verdict == QUOTE_GOOD)
        verdict = parse_body(&reader, quote, fault);
    if (verdict)
        return verdict;
    quote->signed_bytes = bytes;
    quote->signed_size = size - reader.size;
    quote->signature_size = (uint32_t)read_little(&reader, 4);
    if (reader.failed || quote->signature_size > reader.size)
        return cut(fault, "signature_data");
    quote->trailing = reader.size - quote->signature_size;
    reader.size = quote->signature_size;
    return parse_signature_data(&reader, quote, fault);
}

bool quote_platform(const struct quote *quote, struct quote_platform *platform)
{
    static const size_t ppid_sizes[] = {
        [QUOTE_PPID] = 16, [QUOTE_PPID_RSA_2048] = 256, [QUOTE_PPID_RSA_3072] = 384};
    struct reader reader = {.bytes = quote->certification_bytes, .size = quote->certification_size};
    uint16_t type = quote->certification;
    if (type < QUOTE_PPID || type > QUOTE_PPID_RSA_3072)
        return false;
    const uint8_t *ppid = read_bytes(&reader, ppid_sizes[type]);
    *platform = (struct quote_platform){.ppid = type == QUOTE_PPID ? ppid : NULL};
    platform->cpusvn = read_bytes(&reader, 16);
    platform->pcesvn = (uint16_t)read_little(&reader, 2);
    if (reader.size > 0)
        platform->pceid = read_bytes(&reader, 2);
    return !reader.failed && reader.size == 0;
}
