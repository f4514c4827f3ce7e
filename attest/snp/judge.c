/* SPDX-License-Identifier: Apache-2.0
 *
 * SEV-SNP reports, judged. A report is signed by a key that AMD's firmware derives from the chip
 * (or a secret leased to a cloud) and from the TCB version that the report says: the VCEK or VLEK.
 * AMD certifies it: ARK, then ASK (or ASVK), then the VEK. The ARKs are known by their keys; the
 * others come as collateral or with the report.
 */
#include "judge.h"

#include "attest/collateral.h"
#include "attest/ecdsa.h"
#include "image/hex.h"

#include <stdio.h>
#include <string.h>

const struct x509_anchor snp_roots[SNP_PRODUCTS] = {
    [SNP_MILAN] = {"AMD's ARK-Milan",
                   {0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5,
                    0xff, 0xa8, 0x95, 0xbd, 0xfb, 0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b,
                    0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9}},
    [SNP_GENOA] = {"AMD's ARK-Genoa",
                   {0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d,
                    0xb5, 0xfc, 0xda, 0x9c, 0x64, 0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a,
                    0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31}},
    [SNP_TURIN] = {"AMD's ARK-Turin",
                   {0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56,
                    0xf9, 0x24, 0x3f, 0x6f, 0xe0, 0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03,
                    0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08}},
};

/* The report and what is found for it. */
struct judging {
    struct appraisal *appraisal;
    struct snp_report *report;
    const struct x509_pool *pool;
    struct x509 *vek; /* borrowed; the best of those that were seen */
    struct snp_certificate certificate;
    const char *problem; /* of a certificate that was passed over, or NULL */
    int score;           /* of vek: how well it fits */
    bool rivals;         /* another fits as well */
    int preference;      /* of vek, among those */
    enum snp_product product;
    const char *name; /* "VCEK certificate" */
};

static bool is_masked(const struct snp_report *report)
{
    static const uint8_t none[64];
    return memcmp(report->bytes + SNP_CHIP_ID, none, sizeof(none)) == 0;
}

/* ---- finding the VEK ---- */

static bool same_kind(const struct judging *judging, const struct snp_certificate *certificate)
{
    return (certificate->hwid_size > 0) == (judging->report->signing_key == SNP_KEY_VCEK);
}

static bool same_chip(const struct snp_report *report, const struct snp_certificate *certificate)
{
    static const uint8_t none[64];
    const uint8_t *chip = report->bytes + SNP_CHIP_ID;
    size_t size = certificate->hwid_size;
    return is_masked(report) || (memcmp(chip, certificate->hwid, size) == 0 &&
                                 memcmp(chip + size, none, 64 - size) == 0);
}

/* SNP_COMPONENTS: every one is the same; else the first that is not. */
static size_t differing_component(const struct snp_report *report, enum snp_product product,
                                  const struct snp_certificate *certificate)
{
    const uint8_t *tcb = report->bytes + SNP_REPORTED_TCB;
    size_t i = 0;
    while (i < SNP_COMPONENTS && snp_tcb_component(tcb, product, i) == certificate->components[i])
        i++;
    return i;
}

/* How well it fits; 0: it is none of these. */
static int score_of(struct judging *judging, const struct x509 *one,
                    struct snp_certificate *certificate)
{
    const char *problem = NULL;
    cella_status status = snp_certificate_read(&one->is.extensions, certificate, &problem);
    if (status == CELLA_INVALID)
        judging->problem = problem;
    if (status != CELLA_OK)
        return 0;
    enum snp_product product = snp_certificate_product(certificate);
    return 1 + (same_kind(judging, certificate) ? 4 : 0) +
           (same_chip(judging->report, certificate) ? 2 : 0) +
           (differing_component(judging->report, product, certificate) == SNP_COMPONENTS);
}

/* The one that fits best is judged: so a refusal names what does not fit. */
static void consider(struct judging *judging, struct x509 *one)
{
    struct snp_certificate certificate;
    int score = score_of(judging, one, &certificate);
    if (judging->vek && score == judging->score)
        judging->rivals |= memcmp(one->is.hash, judging->vek->is.hash, 32) != 0;
    if (score <= judging->score)
        return;
    judging->vek = one;
    judging->certificate = certificate;
    judging->score = score;
    judging->rivals = false;
}

static bool is_signed_by(const struct snp_report *report, const struct x509 *vek)
{
    return vek->key && ecdsa_is_key(vek->key, ECDSA_P384) &&
           ecdsa_verify(vek->key, EVP_sha384(), report->signature, 48, report->bytes,
                        SNP_SIGNED_SIZE);
}

/* Several may fit as well: VLEKs of a cloud's regions, VCEKs where the chip is masked, and one that
 * was issued anew. The one counts whose key signed, rather one that is valid; the first, if none.
 */
static void prefer(struct judging *judging, struct x509 *one)
{
    struct snp_certificate certificate;
    const int best = 2;
    if (judging->preference == best || score_of(judging, one, &certificate) != judging->score ||
        !is_signed_by(judging->report, one))
        return;
    int preference = x509_is_valid_at(one, judging->appraisal->demands->at) ? best : 1;
    if (preference <= judging->preference)
        return;
    judging->vek = one;
    judging->certificate = certificate;
    judging->preference = preference;
}

static void for_each_certificate(struct judging *judging,
                                 void (*see)(struct judging *judging, struct x509 *one))
{
    const cella_verifier *verifier = judging->appraisal->verifier;
    for (size_t i = 0; i < judging->pool->count; i++)
        see(judging, judging->pool->all[i]);
    for (size_t i = 0; i < verifier->count; i++)
        if (verifier->collateral[i].kind == COLLATERAL_CERTIFICATE)
            see(judging, verifier->collateral[i].certificate);
}

/* AMD's address of the VCEK, or what else is to be done. */
static const char *where_it_is(const struct judging *judging, char text[512])
{
    const struct snp_report *report = judging->report;
    bool guessed = judging->product == SNP_PRODUCTS && report->version < 3;
    enum snp_product product = guessed ? SNP_MILAN : judging->product;
    char hwid[129];
    if (report->signing_key == SNP_KEY_VLEK)
        return "Add the VLEK certificate, which the cloud gives (it is in the certificate table of "
               "an extended report).";
    if (is_masked(report) || product == SNP_PRODUCTS)
        return "Add the VCEK certificate of this chip and TCB.";
    hex_write(report->bytes + SNP_CHIP_ID, product == SNP_TURIN ? 8 : 64, hwid);
    size_t used = (size_t)snprintf(text, 512, "Add https://kdsintf.amd.com/vcek/v1/%s/%s",
                                   snp_product_names[product], hwid);
    for (size_t i = 0, count = 0; i < SNP_COMPONENTS; i++)
        if (snp_components[i].query && snp_component_of(product, i))
            used += (size_t)snprintf(
                text + used, 512 - used, "%s%s=%02u", count++ ? "&" : "?", snp_components[i].query,
                snp_tcb_component(report->bytes + SNP_REPORTED_TCB, product, i));
    snprintf(text + used, 512 - used,
             guessed ? " (or Genoa's: version 2 of the report does not say which)." : ".");
    return text;
}

static cella_status find_vek(struct judging *judging)
{
    char advice[512];
    for_each_certificate(judging, consider);
    if (judging->rivals)
        for_each_certificate(judging, prefer);
    if (judging->vek)
        return CELLA_OK;
    return appraisal_refuse(judging->appraisal, judging->problem ? CLASS_CHAIN : CLASS_COLLATERAL,
                            judging->name, "one for this chip and TCB",
                            judging->problem ? judging->problem : "none",
                            where_it_is(judging, advice));
}

/* ---- judging it ---- */

static cella_status judge_kind(struct judging *judging)
{
    if (judging->report->signing_key == SNP_KEY_NONE)
        return appraisal_refuse(judging->appraisal, CLASS_KEY_KIND, "signing key", "VCEK or VLEK",
                                "none: the firmware signed nothing",
                                "The host masks the chip's key (MASK_CHIP_KEY): it has to be "
                                "configured otherwise.");
    return CELLA_OK;
}

static cella_status judge_product(struct judging *judging)
{
    char found[64];
    enum snp_product certified = snp_certificate_product(&judging->certificate);
    if (judging->report->version < 3)
        judging->product = certified;
    if (judging->product == SNP_PRODUCTS) {
        const uint8_t *bytes = judging->report->bytes;
        snprintf(found, sizeof(found), "family 0x%02x, model 0x%02x, certificate %.20s",
                 bytes[SNP_FAMILY], bytes[SNP_MODEL], judging->certificate.product);
        return appraisal_refuse(judging->appraisal, CLASS_UNSUPPORTED, "product",
                                "Milan, Genoa (also Bergamo, Siena) or Turin", found, NULL);
    }
    if (certified != judging->product)
        return appraisal_refuse(judging->appraisal, CLASS_CHAIN, judging->name,
                                snp_product_names[judging->product], judging->certificate.product,
                                "It is of another processor: add the one of this report's.");
    return CELLA_OK;
}

/* That kind and issuer fit: an ASK signs VCEKs, an ASVK VLEKs, each of one product. */
static cella_status judge_issuer(struct judging *judging)
{
    char expected[64], found[128];
    bool vcek = judging->report->signing_key == SNP_KEY_VCEK;
    if (!same_kind(judging, &judging->certificate))
        return appraisal_refuse(judging->appraisal, CLASS_KEY_KIND, "signing key",
                                vcek ? "VCEK, as the report says" : "VLEK, as the report says",
                                vcek ? "a VLEK's certificate" : "a VCEK's certificate",
                                "Add the certificate of the key that signed this report.");
    snprintf(expected, sizeof(expected), "%s%s", vcek ? "SEV-" : "SEV-VLEK-",
             snp_product_names[judging->product]);
    x509_common_name(&judging->vek->is.issuer, found);
    if (strcmp(expected, found) != 0)
        return appraisal_refuse(judging->appraisal, CLASS_CHAIN, judging->name, expected, found,
                                "It is not AMD's certificate of such a key.");
    return CELLA_OK;
}

/* AMD's procedure does not demand a revocation list, as Intel's does: the ARK's names ASKs alone,
 * and a VEK that is not to be trusted any more is one of an old TCB. So one that is there is
 * heeded, and one that is missing is said. */
static cella_status judge_chain(struct judging *judging)
{
    struct x509_chain chain;
    const char *product = snp_product_names[judging->product];
    bool vcek = judging->report->signing_key == SNP_KEY_VCEK;
    cella_status status = x509_judge(judging->appraisal, judging->name, judging->vek, judging->pool,
                                     &snp_roots[judging->product], 1, X509_CRL_OF_CAS, &chain);
    if (status)
        return status;
    if (!ecdsa_is_key(judging->vek->key, ECDSA_P384))
        return appraisal_refuse(judging->appraisal, CLASS_KEY, judging->name, "a key on P-384",
                                "another key", NULL);
    if (!chain.listed[1])
        appraisal_warn(judging->appraisal,
                       "no revocation list of ARK-%s: that AMD revoked its signing key would not "
                       "be seen; add https://kdsintf.amd.com/%s/v1/%s/crl",
                       product, vcek ? "vcek" : "vlek", product);
    return CELLA_OK;
}

static cella_status judge_chip(struct judging *judging)
{
    char expected[129], found[129], advice[512];
    const struct snp_certificate *certificate = &judging->certificate;
    if (certificate->hwid_size == 0)
        return CELLA_OK; /* a VLEK is no chip's */
    if (is_masked(judging->report))
        appraisal_warn(judging->appraisal,
                       "the chip's id is masked in the report; its VCEK is of the chip %s",
                       hex_write(certificate->hwid, certificate->hwid_size, found));
    if (same_chip(judging->report, certificate))
        return CELLA_OK;
    return appraisal_refuse(judging->appraisal, CLASS_CHIP_ID_MISMATCH, "chip_id",
                            hex_write(certificate->hwid, certificate->hwid_size, expected),
                            hex_write(judging->report->bytes + SNP_CHIP_ID, 64, found),
                            where_it_is(judging, advice));
}

static cella_status judge_tcb(struct judging *judging)
{
    char claim[64], expected[64], found[64], advice[512];
    const struct snp_certificate *certificate = &judging->certificate;
    size_t at = differing_component(judging->report, judging->product, certificate);
    if (at == SNP_COMPONENTS)
        return CELLA_OK;
    snprintf(claim, sizeof(claim), "reported_tcb, %s", snp_components[at].name);
    snprintf(expected, sizeof(expected), "%u, as the %s says", certificate->components[at],
             judging->name);
    snprintf(found, sizeof(found), "%u",
             snp_tcb_component(judging->report->bytes + SNP_REPORTED_TCB, judging->product, at));
    return appraisal_refuse(judging->appraisal, CLASS_TCB_MISMATCH, claim, expected, found,
                            where_it_is(judging, advice));
}

static cella_status judge_signature(struct judging *judging)
{
    bool good = is_signed_by(judging->report, judging->vek);
    record_bool(judging->appraisal, judging->appraisal->result->evidence, "signature_ok", good);
    if (good)
        return CELLA_OK;
    return appraisal_refuse(judging->appraisal, CLASS_REPORT_SIG, "signature",
                            "the signature of the key in the certificate", "another",
                            "The report was altered after it was signed.");
}

/* What signed bytes may not say. */
static cella_status judge_content(struct judging *judging)
{
    struct appraisal *appraisal = judging->appraisal;
    const struct snp_report *report = judging->report;
    if (!(report->policy & SNP_POLICY_ONE) || report->policy & ~SNP_POLICY_KNOWN)
        return appraisal_refuse(appraisal, CLASS_MBZ, "policy", "bit 17 set, bits 26 to 63 clear",
                                "otherwise",
                                "It is of a firmware that this version of cella does not know.");
    if (report->vmpl > 3 && report->vmpl != SNP_VMPL_HOST)
        return appraisal_malformed(appraisal, "vmpl", "%u; it is 0 to 3", report->vmpl);
    if (report->platform_info & ~SNP_PLATFORM_KNOWN)
        appraisal_warn(appraisal,
                       "platform_info has bits that this version of cella does not know");
    return CELLA_OK;
}

cella_status snp_judge(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                       const struct x509_pool *pool, struct snp_judged *judged)
{
    static cella_status (*const steps[])(struct judging *) = {
        judge_kind, find_vek,  judge_product,   judge_issuer, judge_chain,
        judge_chip, judge_tcb, judge_signature, judge_content};
    struct judging judging = {.appraisal = appraisal, .report = &judged->report, .pool = pool};
    memset(judged, 0, sizeof(*judged));
    cella_status status = snp_report_read(appraisal, bytes, size, &judged->report);
    if (status)
        return status;
    judging.product = snp_report_product(&judged->report);
    judging.name =
        judged->report.signing_key == SNP_KEY_VLEK ? "VLEK certificate" : "VCEK certificate";
    for (size_t i = 0; status == CELLA_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
        status = steps[i](&judging);
    if (judging.vek)
        snp_certificate_record(appraisal, &judging.certificate);
    judged->certificate = judging.certificate;
    judged->product = judging.product;
    return status;
}
