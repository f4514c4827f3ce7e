/* SPDX-License-Identifier: Apache-2.0
 *
 * SEV-SNP reports: read, and recorded.
 */
#include "report.h"

#include "attest/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ALGORITHM_P384 1 /* ECDSA of P-384 with SHA-384 */

const char *const snp_product_names[SNP_PRODUCTS] = {"Milan", "Genoa", "Turin"};

const struct snp_component snp_components[SNP_COMPONENTS] = {
    {"fmc", 9, -1, 0, "fmcSPL", "x-ms-sevsnpvm-fmc-svn"},
    {"bootloader", 1, 0, 1, "blSPL", "x-ms-sevsnpvm-bootloader-svn"},
    {"tee", 2, 1, 2, "teeSPL", "x-ms-sevsnpvm-tee-svn"},
    {"snp", 3, 6, 3, "snpSPL", "x-ms-sevsnpvm-snpfw-svn"},
    {"microcode", 8, 7, 7, "ucodeSPL", "x-ms-sevsnpvm-microcode-svn"},
    {"spare 4", 4, 2, -1, NULL, NULL},
    {"spare 5", 5, 3, 4, NULL, NULL},
    {"spare 6", 6, 4, 5, NULL, NULL},
    {"spare 7", 7, 5, 6, NULL, NULL},
};

static int8_t offset_of(enum snp_product product, size_t component)
{
    const struct snp_component *of = &snp_components[component];
    return product == SNP_TURIN ? of->turin : of->offset;
}

bool snp_component_of(enum snp_product product, size_t component)
{
    return offset_of(product, component) >= 0;
}

uint8_t snp_tcb_component(const uint8_t *tcb, enum snp_product product, size_t component)
{
    int8_t offset = offset_of(product, component);
    return offset < 0 ? 0 : tcb[offset];
}

enum snp_product snp_report_product(const struct snp_report *report)
{
    static const struct {
        uint8_t family, first, last;
        enum snp_product product;
    } models[] = {
        {0x19, 0x00, 0x0f, SNP_MILAN},
        {0x19, 0x10, 0x1f, SNP_GENOA},
        {0x19, 0xa0, 0xaf, SNP_GENOA},
        {0x1a, 0x00, 0x11, SNP_TURIN},
    };
    uint8_t family = report->bytes[SNP_FAMILY], model = report->bytes[SNP_MODEL];
    for (size_t i = 0; report->version >= 3 && i < sizeof(models) / sizeof(models[0]); i++)
        if (family == models[i].family && model >= models[i].first && model <= models[i].last)
            return models[i].product;
    return SNP_PRODUCTS;
}

/* ---- recording ---- */

static const struct {
    const char *name;
    uint16_t offset, size;
    enum { AS_BYTES, AS_NUMBER, AS_BITS } as;
    uint32_t version; /* that it is in from */
} fields[] = {
    {"version", SNP_VERSION, 4, AS_NUMBER, 2},
    {"guest_svn", SNP_GUEST_SVN, 4, AS_NUMBER, 2},
    {"policy", SNP_POLICY, 8, AS_BITS, 2},
    {"family_id", SNP_FAMILY_ID, 16, AS_BYTES, 2},
    {"image_id", SNP_IMAGE_ID, 16, AS_BYTES, 2},
    {"vmpl", SNP_VMPL, 4, AS_NUMBER, 2},
    {"sigalgo", SNP_ALGORITHM, 4, AS_NUMBER, 2},
    {"current_tcb", SNP_CURRENT_TCB, 8, AS_BYTES, 2},
    {"platform_info", SNP_PLATFORM_INFO, 8, AS_BITS, 2},
    {"signer", SNP_KEY_INFO, 4, AS_BITS, 2},
    {"report_data", SNP_REPORT_DATA, 64, AS_BYTES, 2},
    {"measurement", SNP_MEASUREMENT, 48, AS_BYTES, 2},
    {"host_data", SNP_HOST_DATA, 32, AS_BYTES, 2},
    {"id_key_digest", SNP_ID_KEY_DIGEST, 48, AS_BYTES, 2},
    {"author_key_digest", SNP_AUTHOR_KEY_DIGEST, 48, AS_BYTES, 2},
    {"report_id", SNP_REPORT_ID, 32, AS_BYTES, 2},
    {"report_id_ma", SNP_REPORT_ID_MA, 32, AS_BYTES, 2},
    {"reported_tcb", SNP_REPORTED_TCB, 8, AS_BYTES, 2},
    {"fam", SNP_FAMILY, 1, AS_NUMBER, 2},
    {"mod", SNP_MODEL, 1, AS_NUMBER, 2},
    {"step", SNP_STEPPING, 1, AS_NUMBER, 2},
    {"chip_id", SNP_CHIP_ID, 64, AS_BYTES, 2},
    {"committed_tcb", SNP_COMMITTED_TCB, 8, AS_BYTES, 2},
    {"cur_ver", SNP_CURRENT_VERSION, 3, AS_BYTES, 2},
    {"com_ver", SNP_COMMITTED_VERSION, 3, AS_BYTES, 2},
    {"launch_tcb", SNP_LAUNCH_TCB, 8, AS_BYTES, 2},
    {"launch_mit_vector", SNP_LAUNCH_MITIGATION, 8, AS_BITS, 5},
    {"current_mit_vector", SNP_CURRENT_MITIGATION, 8, AS_BITS, 5},
};

static void record(struct appraisal *appraisal, const struct snp_report *report)
{
    char bits[32];
    json_t *to = record_json(appraisal, appraisal->result->evidence, "report", json_object());
    for (size_t i = 0; to && i < sizeof(fields) / sizeof(fields[0]); i++) {
        const uint8_t *at = report->bytes + fields[i].offset;
        if (report->version < fields[i].version)
            continue;
        if (fields[i].as == AS_BYTES) {
            record_hex(appraisal, to, fields[i].name, at, fields[i].size);
            continue;
        }
        uint64_t value = little_endian(at, fields[i].size);
        snprintf(bits, sizeof(bits), "0x%" PRIx64, value);
        if (fields[i].as == AS_NUMBER)
            record_number(appraisal, to, fields[i].name, (int64_t)value);
        else
            record_text(appraisal, to, fields[i].name, bits);
    }
}

/* ---- reading ---- */

/* Bytes that must be zero in reports up to a version. */
static const struct {
    uint16_t offset, size;
    uint32_t version;
} zeros[] = {
    {0x04c, 4, 5},
    {0x188, 3, 2},
    {0x18b, 21, 5},
    {0x1eb, 1, 5},
    {0x1ef, 1, 5},
    {0x1f8, 16, 4},
    {0x208, 0x2a0 - 0x208, 5},
    {0x330, 0x4a0 - 0x330, 5},
};

static cella_status check_zeros(struct appraisal *appraisal, const struct snp_report *report)
{
    char where[32], found[64];
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
        for (size_t at = zeros[i].offset; at < (size_t)zeros[i].offset + zeros[i].size; at++)
            if (report->version <= zeros[i].version && report->bytes[at]) {
                snprintf(where, sizeof(where), "report byte 0x%03zx", at);
                snprintf(found, sizeof(found), "0x%02x", report->bytes[at]);
                return appraisal_refuse(appraisal, CLASS_MBZ, where,
                                        "zero: reserved in this version of the report", found,
                                        "The report was altered, or is of a firmware that this "
                                        "version of cella does not know.");
            }
    return CELLA_OK;
}

/* A number of 72 bytes, little-endian, of which a P-384 signature needs 48. */
static bool read_number(const uint8_t *from, uint8_t to[48])
{
    for (size_t i = 48; i < 72; i++)
        if (from[i])
            return false;
    for (size_t i = 0; i < 48; i++)
        to[47 - i] = from[i];
    return true;
}

static cella_status unsupported(struct appraisal *appraisal, const char *claim,
                                const char *expected, uint64_t number)
{
    char found[32];
    snprintf(found, sizeof(found), "%" PRIu64, number);
    return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, claim, expected, found,
                            "Use a version of cella that knows it, or look whether the file is "
                            "what it is said to be.");
}

cella_status snp_report_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                             struct snp_report *report)
{
    memset(report, 0, sizeof(*report));
    if (size < SNP_REPORT_SIZE)
        return appraisal_malformed(appraisal, "report", "%zu bytes; a report has %d", size,
                                   SNP_REPORT_SIZE);
    report->bytes = bytes;
    report->version = (uint32_t)little_endian(bytes + SNP_VERSION, 4);
    report->policy = little_endian(bytes + SNP_POLICY, 8);
    report->vmpl = (uint32_t)little_endian(bytes + SNP_VMPL, 4);
    report->platform_info = little_endian(bytes + SNP_PLATFORM_INFO, 8);
    if (report->version < 2 || report->version > 5)
        return unsupported(appraisal, "version", "2 to 5", report->version);
    record(appraisal, report);
    uint64_t algorithm = little_endian(bytes + SNP_ALGORITHM, 4);
    if (algorithm != ALGORITHM_P384)
        return unsupported(appraisal, "signature algorithm", "1 (ECDSA with P-384 and SHA-384)",
                           algorithm);
    uint64_t key_info = little_endian(bytes + SNP_KEY_INFO, 4);
    report->signing_key = (enum snp_signing_key)(key_info >> 2 & 7);
    if (key_info >> 5 || (report->signing_key > SNP_KEY_VLEK && report->signing_key < SNP_KEY_NONE))
        return unsupported(appraisal, "signing key",
                           "VCEK (0), VLEK (1) or none (7) in bits 2 to 4, and no bits above",
                           key_info);
    cella_status status = check_zeros(appraisal, report);
    if (status != CELLA_OK)
        return status;
    if (!read_number(bytes + SNP_SIGNATURE, report->signature) ||
        !read_number(bytes + SNP_SIGNATURE + 72, report->signature + 48))
        return appraisal_malformed(appraisal, "signature",
                                   "r or s is longer than the 48 bytes of a P-384 signature");
    return CELLA_OK;
}
