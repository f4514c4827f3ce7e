/* SPDX-License-Identifier: Apache-2.0
 *
 * By the first byte: any bytes as a report with or without a certificate table, beside real
 * collateral and under one of the demands; as collateral, by which a report is judged then; as an
 * extension of a VEK's certificate. What is refused proves nothing.
 */
#include "attest/collateral.h"
#include "attest/snp/certificate.h"
#include "fuzz_attest.h"

#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_extension(const uint8_t *data, size_t size)
{
    static const char *const arcs[] = {"1", "2", "3.1", "3.4", "3.9", "4", "5", "6"};
    struct snp_certificate certificate;
    const char *problem = NULL;
    char oid[64];
    if (size == 0)
        return;
    snprintf(oid, sizeof(oid), "1.3.6.1.4.1.3704.1.%s", arcs[data[0] % 8]);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    must(object && value && ASN1_OCTET_STRING_set(value, data + 1, (int)size - 1));
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
    uint8_t *der = NULL;
    int length = i2d_X509_EXTENSION(extension, &der);
    must(length > 0);
    const struct der extensions = {der, (size_t)length};
    must(snp_certificate_read(&extensions, &certificate, &problem) == CELLA_INVALID && problem);
    must(memchr(certificate.product, 0, sizeof(certificate.product)) &&
         memchr(certificate.csp, 0, sizeof(certificate.csp)) && certificate.hwid_size <= 64);
    OPENSSL_free(der);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

static void judge_report(cella_verifier *verifier, uint8_t choice, const uint8_t *report,
                         size_t size)
{
    cella_demands demands;
    cella_demands_default(&demands);
    demands.type = choice % 4 == 0 ? "snp" : NULL;
    demands.at = choice & 32 ? 1748736000 : 1672531200;
    demands.insecure_any_report_data = true;
    demands.insecure_allow_debug = !(choice & 4);
    demands.insecure_no_collateral = choice & 8;
    demands.most_age = choice & 16;
    judge(verifier, &demands, report, size);
}

/* A real report, beside what was read. */
static void read_collateral(uint8_t choice, const uint8_t *data, size_t size)
{
    static uint8_t report[1 << 11];
    static size_t report_size;
    cella_verifier *verifier;
    cella_error error = {0};
    if (!report_size)
        report_size = read_vector("snp/go-sev-guest/attestation.bin", report, sizeof(report));
    must(cella_verifier_new(&verifier, &error) == CELLA_OK);
    cella_status status = collateral_read_amd(verifier, data, size, "fuzz", &error);
    must(status == CELLA_OK || *error.sentence);
    must(status != CELLA_UNSUPPORTED || verifier->count == 0);
    if (status == CELLA_UNSUPPORTED)
        status = collateral_read_x509(verifier, data, size, "fuzz", &error);
    if (status == CELLA_OK) {
        add_vector(verifier, "snp/roots/ask_ark_milan.pem");
        judge_report(verifier, choice, report, report_size);
    }
    cella_verifier_free(verifier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cella_verifier *verifier;
    cella_error error = {0};
    if (size == 0)
        return 0;
    if (!verifier) {
        must(cella_verifier_new(&verifier, &error) == CELLA_OK);
        add_vector(verifier, "snp/go-sev-guest/vcek.der");
        add_vector(verifier, "snp/trustee/test-vcek.der");
        add_vector(verifier, "snp/trustee/test-vlek.der");
        add_vector(verifier, "snp/roots/ask_ark_milan.pem");
        add_vector(verifier, "snp/roots/ask_ark_milan_vlek.pem");
    }
    if (data[0] % 4 == 3) {
        read_extension(data + 1, size - 1);
    } else if (data[0] % 4 == 2) {
        read_collateral(data[0], data + 1, size - 1);
    } else {
        judge_report(verifier, data[0], data + 1, size - 1);
    }
    return 0;
}
