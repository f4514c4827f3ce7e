/* SPDX-License-Identifier: Apache-2.0
 *
 * SEV-SNP reports of processors and versions of which there is no vector, signed by an AMD that is
 * the test's own; signatures, certificates and tables that are wrong in each way.
 */
#include "attest_snp.h"

#include "attest/collateral.h"
#include "attest/snp/table.h"

#define TURIN_CHIP "0102030405060708"

static struct amd amd;
static cella_verifier *verifier;
static cella_demands demands;

enum {
    E_VERSION,
    E_PRODUCT,
    E_BL,
    E_TEE,
    E_SNP,
    E_SPARE4,
    E_SPARE5,
    E_UCODE,
    E_FMC,
    E_HWID,
    E_CSP
};

/* A Genoa's VCEK; a test changes what it wants to. */
static struct amd_extension extensions[12];

static void default_extensions(void)
{
    memcpy(extensions, amd_genoa, sizeof(amd_genoa));
}

static void put(size_t offset, const char *hex)
{
    amd_put(&amd, offset, hex);
}

static int end(void **state)
{
    (void)state;
    cella_verifier_free(verifier);
    amd_free(&amd);
    return 0;
}

static void begin_as(const char *ark, const char *ask)
{
    cella_error error;
    amd_make(&amd, ark, ask);
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    amd_trust(&amd, verifier);
    amd_add(verifier, amd.ask.certificate);
    cella_demands_default(&demands);
    demands.type = "snp";
    demands.at = PKI_NOW;
    demands.insecure_any_report_data = true;
    default_extensions();
    amd_genoa_report(&amd);
}

static int begin(void **state)
{
    (void)state;
    begin_as("ARK-Genoa", "SEV-Genoa");
    return 0;
}

static const char *judge(json_t **json)
{
    return judge_bytes(verifier, &demands, amd.report, sizeof(amd.report), json);
}

/* Makes the VEK of the extensions, signs, judges. */
static const char *make_and_judge(json_t **json)
{
    amd_make_vek(&amd, extensions, "P-384");
    amd_add(verifier, amd.vek.certificate);
    amd_sign(&amd);
    return judge(json);
}

static int64_t claim(json_t *json, const char *name)
{
    json_t *value = json_object_get(json_object_get(json, "claims"), name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* ---- products and versions ---- */

static void each_version_of_a_genoa(void **state)
{
    for (uint8_t version = 2; version <= 5; version++) {
        json_t *json;
        amd.report[SNP_VERSION] = version;
        if (version == 2)
            memset(amd.report + SNP_FAMILY, 0, 2);
        assert_string_equal(make_and_judge(&json), "");
        assert_int_equal(claim(json, "x-ms-sevsnpvm-snpfw-svn"), 0x17);
        assert_int_equal(claim(json, "x-ms-sevsnpvm-microcode-svn"), 0x48);
        assert_int_equal(claim(json, "x-ms-sevsnpvm-bootloader-svn"), 9);
        assert_null(json_object_get(json_object_get(json, "claims"), "x-ms-sevsnpvm-fmc-svn"));
        json_t *launch = json_object_get(json_object_get(json, "claims"), "snp_launch_tcb");
        assert_int_equal(json_integer_value(json_object_get(launch, "microcode")), 0x47);
        json_decref(json);
        end(state);
        begin(state);
    }
    for (uint8_t version = 0; version < 10; version++) {
        amd.report[SNP_VERSION] = version;
        if (version < 2 || version > 5)
            assert_string_equal(make_and_judge(NULL), CLASS_UNSUPPORTED);
    }
}

static void models_are_of_products(void **state)
{
    static const struct {
        uint8_t family, model;
        const char *class;
    } models[] = {{0x19, 0x10, ""},
                  {0x19, 0x1f, ""},
                  {0x19, 0xa0, ""}, /* Bergamo, Siena */
                  {0x19, 0xaf, ""},
                  {0x19, 0x0f, CLASS_CHAIN}, /* Milan: not with this certificate */
                  {0x1a, 0x11, CLASS_CHAIN}, /* Turin */
                  {0x19, 0x20, CLASS_UNSUPPORTED},
                  {0x19, 0x9f, CLASS_UNSUPPORTED},
                  {0x19, 0xb0, CLASS_UNSUPPORTED},
                  {0x1a, 0x12, CLASS_UNSUPPORTED},
                  {0x18, 0x10, CLASS_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        amd.report[SNP_FAMILY] = models[i].family;
        amd.report[SNP_MODEL] = models[i].model;
        assert_string_equal(make_and_judge(NULL), models[i].class);
        end(state);
        begin(state);
    }
}

/* 8 bytes of HWID, and another layout of TCB versions. */
static void turin(void **state)
{
    json_t *json;
    end(state);
    begin_as("ARK-Turin", "SEV-Turin");
    extensions[E_PRODUCT].hex = "1605547572696e";
    extensions[E_FMC].hex = "020101";
    extensions[E_HWID].hex = TURIN_CHIP;
    amd.report[SNP_VERSION] = 5;
    amd.report[SNP_FAMILY] = 0x1a;
    amd.report[SNP_MODEL] = 2;
    put(SNP_REPORTED_TCB, "0109001700000048");
    put(SNP_LAUNCH_MITIGATION, "03000000000000000700000000000000");
    memset(amd.report + SNP_CHIP_ID, 0, 64);
    put(SNP_CHIP_ID, TURIN_CHIP);
    assert_string_equal(make_and_judge(&json), "");
    assert_int_equal(claim(json, "x-ms-sevsnpvm-fmc-svn"), 1);
    assert_int_equal(claim(json, "x-ms-sevsnpvm-bootloader-svn"), 9);
    assert_int_equal(claim(json, "x-ms-sevsnpvm-snpfw-svn"), 0x17);
    json_t *report = json_object_get(json_object_get(json, "evidence"), "report");
    assert_string_equal(json_string_value(json_object_get(report, "launch_mit_vector")), "0x3");
    assert_string_equal(json_string_value(json_object_get(report, "current_mit_vector")), "0x7");
    json_decref(json);
    amd.report[SNP_CHIP_ID + 8] = 1;
    amd_sign(&amd);
    assert_string_equal(judge(NULL), CLASS_CHIP_ID_MISMATCH);
    amd.report[SNP_CHIP_ID + 8] = 0;
    amd.report[SNP_REPORTED_TCB] = 2; /* FMC */
    amd_sign(&amd);
    assert_string_equal(judge(&json), CLASS_TCB_MISMATCH);
    const char *advice =
        json_string_value(json_object_get(json_object_get(json, "refusal"), "advice"));
    assert_non_null(strstr(advice, "vcek/v1/Turin/" TURIN_CHIP "?fmcSPL=02&blSPL=09"));
    json_decref(json);
}

/* ---- what does not fit ---- */

static void each_component_is_compared(void **state)
{
    (void)state;
    assert_string_equal(make_and_judge(NULL), "");
    for (size_t at = 0; at < 8; at++) {
        amd.report[SNP_REPORTED_TCB + at]++;
        amd_sign(&amd);
        assert_string_equal(judge(NULL), CLASS_TCB_MISMATCH);
        amd.report[SNP_REPORTED_TCB + at]--;
    }
}

static void the_chip_is_compared_unless_masked(void **state)
{
    (void)state;
    json_t *json;
    assert_string_equal(make_and_judge(NULL), "");
    amd.report[SNP_CHIP_ID + 63] ^= 1;
    amd_sign(&amd);
    assert_string_equal(judge(NULL), CLASS_CHIP_ID_MISMATCH);
    memset(amd.report + SNP_CHIP_ID, 0, 64);
    amd_sign(&amd);
    assert_string_equal(judge(&json), "");
    assert_true(json_array_size(json_object_get(json, "warnings")) == 3);
    json_decref(json);
}

static void kinds_of_keys(void **state)
{
    (void)state;
    assert_string_equal(make_and_judge(NULL), "");
    amd.report[SNP_KEY_INFO] = SNP_KEY_VLEK << 2;
    amd_sign(&amd);
    assert_string_equal(judge(NULL), CLASS_KEY_KIND);
    amd.report[SNP_KEY_INFO] = SNP_KEY_NONE << 2;
    amd_sign(&amd);
    assert_string_equal(judge(NULL), CLASS_KEY_KIND);
    for (uint8_t key = 2; key < 7; key++) {
        amd.report[SNP_KEY_INFO] = (uint8_t)(key << 2);
        assert_string_equal(judge(NULL), CLASS_UNSUPPORTED);
    }
    amd.report[SNP_KEY_INFO] = 0x20;
    assert_string_equal(judge(NULL), CLASS_UNSUPPORTED);
    amd.report[SNP_KEY_INFO] = 3; /* AUTHOR_KEY_EN, MASK_CHIP_KEY */
    amd_sign(&amd);
    assert_string_equal(judge(NULL), "");
}

/* An ASK cannot make VLEKs, nor an ASVK VCEKs, nor either for another product. */
static void issuers_are_for_one_thing(void **state)
{
    static const char *const issuers[] = {"SEV-VLEK-Genoa", "SEV-Milan", "SEV-Genoa2"};
    for (size_t i = 0; i < 3; i++) {
        end(state);
        begin_as("ARK-Genoa", issuers[i]);
        assert_string_equal(make_and_judge(NULL), CLASS_CHAIN);
    }
    end(state);
    begin_as("ARK-Genoa", "SEV-VLEK-Genoa");
    extensions[E_HWID].hex = NULL;
    extensions[E_CSP].hex = "16034e2f41";
    amd.report[SNP_KEY_INFO] = SNP_KEY_VLEK << 2;
    assert_string_equal(make_and_judge(NULL), "");
}

static void certificates_that_are_malformed(void **state)
{
    static const struct {
        int at;
        const char *hex;
    } wrong[] = {
        {E_VERSION, NULL},
        {E_VERSION, "0201"},
        {E_VERSION, "02020100"},
        {E_PRODUCT, NULL},
        {E_PRODUCT, "1600"},
        {E_PRODUCT, "160547656e6f00"},
        {E_PRODUCT, "040547656e6f61"},
        {E_BL, NULL},
        {E_BL, "0201"},
        {E_BL, "020189"},
        {E_BL, "02020009"},
        {E_BL, "02020109"},
        {E_BL, "0200"},
        {E_BL, "0a0109"},
        {E_BL, "02010900"},
        {E_BL, ""},
        {E_UCODE, NULL},
        {E_HWID, NULL},
        {E_HWID, TURIN_CHIP},
        {E_HWID, "00"},
        {E_HWID, "0408" TURIN_CHIP},
        {E_CSP, "16034e2f41"},
        {E_HWID, "0540" AMD_CHIP},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        extensions[wrong[i].at].hex = wrong[i].hex;
        const char *class = make_and_judge(NULL);
        if (strcmp(class, CLASS_CHAIN) != 0)
            fail_msg("extension %d as \"%s\": \"%s\"", wrong[i].at, wrong[i].hex, class);
        end(state);
        begin(state);
    }
    /* One twice; one that nobody knows. */
    extensions[E_FMC] = (struct amd_extension){"3.1", "020109"};
    assert_string_equal(make_and_judge(NULL), CLASS_CHAIN);
    end(state);
    begin(state);
    extensions[E_FMC] = (struct amd_extension){"6", "020109"};
    assert_string_equal(make_and_judge(NULL), CLASS_CHAIN);
    end(state);
    begin(state);
    extensions[E_PRODUCT].hex = "1605526f6d652d"; /* "Rome-": before SNP */
    assert_string_equal(make_and_judge(NULL), CLASS_CHAIN);
    end(state);
    begin(state);
    extensions[E_HWID].hex = "0440" AMD_CHIP;
    assert_string_equal(make_and_judge(NULL), "");
}

static void keys_of_other_curves(void **state)
{
    (void)state;
    amd_make_vek(&amd, extensions, "P-256");
    amd_add(verifier, amd.vek.certificate);
    assert_string_equal(judge(NULL), CLASS_KEY);
}

/* ---- several certificates that fit ---- */

/* Judges with both, in each order; the verdict is the same. */
static void judge_in_each_order(X509 *one, X509 *other, const char *class)
{
    for (int turned = 0; turned < 2; turned++) {
        cella_error error;
        cella_verifier_free(verifier);
        assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
        amd_trust(&amd, verifier);
        amd_add(verifier, amd.ask.certificate);
        amd_add(verifier, turned ? other : one);
        amd_add(verifier, turned ? one : other);
        if (strcmp(judge(NULL), class) != 0)
            fail_msg("in order %d: not \"%s\"", turned, class);
    }
}

/* The VEK of the extensions, which signs, and another that fits as well and whose key did not. */
static void make_rivals(EVP_PKEY **key, X509 **rival, const char *hwid, const char *csp)
{
    amd_make_vek(&amd, extensions, "P-384");
    amd_sign(&amd);
    extensions[E_HWID].hex = hwid;
    extensions[E_CSP].hex = csp;
    *key = EVP_EC_gen("P-384");
    *rival = amd_certify(&amd, *key, extensions, 0, 0);
}

static void the_vlek_of_the_region_counts(void **state)
{
    EVP_PKEY *key;
    X509 *rival;
    end(state);
    begin_as("ARK-Genoa", "SEV-VLEK-Genoa");
    put(SNP_KEY_INFO, "04000000");
    extensions[E_HWID].hex = NULL;
    extensions[E_CSP].hex = "160477657374";
    make_rivals(&key, &rival, NULL, "160465617374");
    judge_in_each_order(amd.vek.certificate, rival, "");
    amd.report[SNP_GUEST_SVN] ^= 1;
    judge_in_each_order(amd.vek.certificate, rival, CLASS_REPORT_SIG);
    X509_free(rival);
    EVP_PKEY_free(key);
}

static void the_vcek_of_a_masked_chip_counts(void **state)
{
    (void)state;
    EVP_PKEY *key;
    X509 *rival;
    memset(amd.report + SNP_CHIP_ID, 0, 64);
    make_rivals(&key, &rival, "0440" AMD_CHIP, NULL);
    judge_in_each_order(amd.vek.certificate, rival, "");
    X509_free(rival);
    EVP_PKEY_free(key);
}

static void the_certificate_that_is_valid_counts(void **state)
{
    (void)state;
    amd_make_vek(&amd, extensions, "P-384");
    amd_sign(&amd);
    EVP_PKEY *key = EVP_EC_gen("P-384");
    X509 *past = amd_certify(&amd, amd.vek.key, extensions, PKI_NOW - 9, PKI_NOW - 1);
    X509 *coming = amd_certify(&amd, amd.vek.key, extensions, PKI_NOW + 1, PKI_NOW + 9);
    X509 *rival = amd_certify(&amd, key, extensions, 0, 0);
    judge_in_each_order(amd.vek.certificate, past, "");
    judge_in_each_order(amd.vek.certificate, coming, "");
    judge_in_each_order(past, coming, CLASS_TIME);
    judge_in_each_order(past, rival, CLASS_TIME);
    judge_in_each_order(past, past, CLASS_TIME);
    X509_free(past);
    X509_free(coming);
    X509_free(rival);
    EVP_PKEY_free(key);
}

/* A key that signed is no reason to take a certificate that fits less. */
static void what_fits_less_is_no_rival(void **state)
{
    (void)state;
    amd_make_vek(&amd, extensions, "P-384");
    amd_sign(&amd);
    extensions[E_UCODE].hex = "020147";
    X509 *older = amd_certify(&amd, amd.vek.key, extensions, 0, 0);
    judge_in_each_order(amd.vek.certificate, older, "");
    default_extensions();
    EVP_PKEY *key = EVP_EC_gen("P-384");
    X509 *rivals[2];
    for (int i = 0; i < 2; i++)
        rivals[i] = amd_certify(&amd, key, extensions, 0, PKI_NOW + 1 + i);
    judge_in_each_order(rivals[0], rivals[1], CLASS_REPORT_SIG);
    amd_add(verifier, older);
    assert_string_equal(judge(NULL), CLASS_REPORT_SIG);
    X509_free(older);
    X509_free(rivals[0]);
    X509_free(rivals[1]);
    EVP_PKEY_free(key);
}

/* ---- what the report may not say ---- */

static void reserved_bytes_are_zero(void **state)
{
    (void)state;
    static const struct {
        uint16_t first, last, version; /* up to which */
    } zeros[] = {{0x04c, 0x04f, 5}, {0x188, 0x18a, 2}, {0x18b, 0x19f, 5}, {0x1eb, 0x1eb, 5},
                 {0x1ef, 0x1ef, 5}, {0x1f8, 0x207, 4}, {0x208, 0x29f, 5}, {0x330, 0x49f, 5}};
    amd_make_vek(&amd, extensions, "P-384");
    amd_add(verifier, amd.vek.certificate);
    for (uint8_t version = 2; version <= 5; version++)
        for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
            amd_genoa_report(&amd);
            amd.report[SNP_VERSION] = version;
            if (version == 2)
                memset(amd.report + SNP_FAMILY, 0, 2);
            if (version > zeros[i].version)
                continue;
            for (size_t at = zeros[i].first; at <= zeros[i].last; at += 3) {
                amd_sign(&amd);
                amd.report[at] = 1;
                if (at < SNP_SIGNED_SIZE)
                    amd_sign(&amd);
                if (strcmp(judge(NULL), CLASS_MBZ) != 0)
                    fail_msg("version %u, byte %zx", version, at);
                amd.report[at] = 0;
            }
        }
}

static void policies_and_vmpls(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        const char *hex, *class;
    } said[] = {
        {SNP_POLICY, "0000010000000000", CLASS_MBZ},   /* bit 17 is clear */
        {SNP_POLICY, "0000030400000000", CLASS_MBZ},   /* bit 26 */
        {SNP_POLICY, "0000030000000080", CLASS_MBZ},   /* bit 63 */
        {SNP_POLICY, "0000f70300000000", ""},          /* all that are known but debug */
        {SNP_POLICY, "00000b0000000000", CLASS_DEBUG}, /* bit 19 */
        {SNP_VMPL, "03000000", ""},
        {SNP_VMPL, "04000000", CLASS_PARSE},
        {SNP_VMPL, "ffffff7f", CLASS_PARSE},
        {SNP_ALGORITHM, "02000000", CLASS_UNSUPPORTED},
    };
    amd_make_vek(&amd, extensions, "P-384");
    amd_add(verifier, amd.vek.certificate);
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        amd_genoa_report(&amd);
        put(said[i].offset, said[i].hex);
        amd_sign(&amd);
        if (strcmp(judge(NULL), said[i].class) != 0)
            fail_msg("%s at 0x%zx: not \"%s\"", said[i].hex, said[i].offset, said[i].class);
    }
}

/* Report data are the guest's word only where the guest asked. */
static void what_the_host_asked_for(void **state)
{
    (void)state;
    static const uint8_t nothing[64];
    put(SNP_VMPL, "ffffffff");
    demands.insecure_any_report_data = false;
    demands.report_data = nothing;
    assert_string_equal(make_and_judge(NULL), CLASS_REPORT_DATA);
    demands.insecure_any_report_data = true;
    demands.report_data = NULL;
    assert_string_equal(judge(NULL), "");
}

/* ---- signatures ---- */

static void set_number(size_t place, const char *big_endian_hex)
{
    size_t size;
    uint8_t *bytes = of_hex(big_endian_hex, &size), *to = amd.report + SNP_SIGNATURE + 72 * place;
    memset(to, 0, 72);
    for (size_t i = 0; i < size; i++)
        to[i] = bytes[size - 1 - i];
    free(bytes);
}

static void signatures_that_are_none(void **state)
{
    (void)state;
    static const char order[] =
        "ffffffffffffffffffffffffffffffffffffffffffffffff"
        "c7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    static const char *const numbers[] = {"00", "01", order,
                                          "ffffffffffffffffffffffffffffffffffffffffffffffff"
                                          "c7634d81f4372ddf581a0db248b0a77aecec196accc52974",
                                          "ffffffffffffffffffffffffffffffffffffffffffffffff"
                                          "ffffffffffffffffffffffffffffffffffffffffffffffff"};
    const size_t count = sizeof(numbers) / sizeof(numbers[0]);
    uint8_t good[144];
    assert_string_equal(make_and_judge(NULL), "");
    memcpy(good, amd.report + SNP_SIGNATURE, sizeof(good));
    for (size_t i = 0; i < (count + 1) * (count + 1) - 1; i++) {
        memcpy(amd.report + SNP_SIGNATURE, good, sizeof(good));
        if (i % (count + 1) < count)
            set_number(0, numbers[i % (count + 1)]);
        if (i / (count + 1) < count)
            set_number(1, numbers[i / (count + 1)]);
        assert_string_equal(judge(NULL), CLASS_REPORT_SIG);
    }
    memcpy(amd.report + SNP_SIGNATURE, good + 72, 72); /* swapped */
    memcpy(amd.report + SNP_SIGNATURE + 72, good, 72);
    assert_string_equal(judge(NULL), CLASS_REPORT_SIG);
    for (size_t i = 0; i < 48; i++) { /* big-endian */
        amd.report[SNP_SIGNATURE + i] = good[47 - i];
        amd.report[SNP_SIGNATURE + 72 + i] = good[72 + 47 - i];
    }
    assert_string_equal(judge(NULL), CLASS_REPORT_SIG);
    for (size_t at = 48; at < 144; at += at == 71 ? 49 : 1) { /* longer than the order */
        memcpy(amd.report + SNP_SIGNATURE, good, sizeof(good));
        amd.report[SNP_SIGNATURE + at] = 1;
        assert_string_equal(judge(NULL), CLASS_PARSE);
    }
    /* r + n is r again, but not in 48 bytes. */
    BIGNUM *r = BN_lebin2bn(good, 72, NULL), *n = NULL;
    BN_hex2bn(&n, order);
    BN_add(r, r, n);
    amd_put_number(amd.report + SNP_SIGNATURE, r);
    assert_true(*judge(NULL) != 0);
    BN_free(r);
    BN_free(n);
    memcpy(amd.report + SNP_SIGNATURE, good, sizeof(good));
    assert_string_equal(judge(NULL), "");
}

/* ---- revocation ---- */

static void a_revoked_ask(void **state)
{
    json_t *json;
    for (long serial = 2; serial <= 3; serial++) {
        cella_error error;
        uint8_t *der = NULL;
        X509_CRL *list = pki_list(&amd.ark, amd.ark.key, serial, PKI_NOW - 1, PKI_NOW + 1);
        int size = i2d_X509_CRL(list, &der);
        assert_int_equal(cella_verifier_add(verifier, der, (size_t)size, "ARK's", &error),
                         CELLA_OK);
        assert_string_equal(make_and_judge(&json), serial == 2 ? CLASS_REVOKED : "");
        if (serial == 3) { /* nothing but insecure_any_report_data to be warned of */
            assert_int_equal(json_array_size(json_object_get(json, "warnings")), 1);
            assert_true(revocation_checked(json));
        }
        json_decref(json);
        X509_CRL_free(list);
        OPENSSL_free(der);
        end(state);
        begin(state);
    }
    assert_string_equal(make_and_judge(&json), "");
    const json_t *warning = json_array_get(json_object_get(json, "warnings"), 0);
    assert_non_null(strstr(json_string_value(warning), "no revocation list of ARK-Genoa"));
    assert_false(revocation_checked(json));
    json_decref(json);
}

/* ---- extended reports ---- */

static const char *const guids[] = {"63da758de6644564adc5f4b93be8accd",
                                    "4ab7b379bbac4fe4a02f05aef327c782",
                                    "92f81bc358114d3d97ffd19f88dc67ea"};

struct table {
    uint8_t bytes[16384];
    size_t entries, size;
};

static void set_entry(struct table *table, size_t place, const char *guid, uint32_t offset,
                      uint32_t length)
{
    size_t size;
    uint8_t *bytes = of_hex(guid, &size), *to = table->bytes + 24 * place;
    memcpy(to, bytes, 16);
    memcpy(to + 16, &offset, 4);
    memcpy(to + 20, &length, 4);
    free(bytes);
}

static void add_entry(struct table *table, const char *guid, const uint8_t *bytes, int size)
{
    set_entry(table, table->entries++, guid, (uint32_t)table->size, (uint32_t)size);
    memcpy(table->bytes + table->size, bytes, (size_t)size);
    table->size += (size_t)size;
}

/* VCEK, ASK, and a list of the ARK's. */
static void make_table(struct table *table)
{
    uint8_t *vek = NULL, *ask = NULL, *list = NULL;
    X509_CRL *crl = pki_list(&amd.ark, amd.ark.key, 2, PKI_NOW - 1, PKI_NOW + 1);
    int sizes[] = {i2d_X509(amd.vek.certificate, &vek), i2d_X509(amd.ask.certificate, &ask),
                   i2d_X509_CRL(crl, &list)};
    memset(table, 0, sizeof(*table));
    table->size = 4 * 24;
    add_entry(table, guids[0], vek, sizes[0]);
    add_entry(table, guids[1], ask, sizes[1]);
    add_entry(table, guids[2], list, sizes[2]);
    OPENSSL_free(vek);
    OPENSSL_free(ask);
    OPENSSL_free(list);
    X509_CRL_free(crl);
}

static const char *judge_with(const struct table *table, size_t size)
{
    uint8_t *both = malloc(SNP_REPORT_SIZE + size);
    memcpy(both, amd.report, SNP_REPORT_SIZE);
    memcpy(both + SNP_REPORT_SIZE, table->bytes, size);
    demands.type = NULL;
    const char *class = judge_bytes(verifier, &demands, both, size + SNP_REPORT_SIZE, NULL);
    demands.type = "snp";
    free(both);
    return class;
}

/* A verifier that knows the root and nothing else. */
static void forget(void)
{
    cella_error error;
    cella_verifier_free(verifier);
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    amd_trust(&amd, verifier);
}

static void tables_carry_certificates(void **state)
{
    (void)state;
    struct table table;
    cella_error error;
    amd_make_vek(&amd, extensions, "P-384");
    amd_sign(&amd);
    make_table(&table);
    forget();
    assert_string_equal(judge(NULL), CLASS_COLLATERAL);
    assert_string_equal(judge_with(&table, table.size), "");
    assert_string_equal(judge(NULL), CLASS_COLLATERAL);               /* nothing of it is kept */
    assert_string_equal(judge_with(&table, sizeof(table.bytes)), ""); /* whole pages */
    memset(table.bytes, 0, 24);
    assert_string_equal(judge_with(&table, table.size), CLASS_COLLATERAL);
    make_table(&table);
    assert_int_equal(cella_verifier_add(verifier, table.bytes, table.size, "a table", &error),
                     CELLA_OK);
    assert_int_equal(verifier->count, 4);
    assert_string_equal(judge(NULL), CLASS_REVOKED); /* by the list in it */
}

static void extended_reports_are_collateral(void **state)
{
    (void)state;
    struct table table;
    cella_error error;
    uint8_t both[SNP_REPORT_SIZE + sizeof(table.bytes)];
    amd_make_vek(&amd, extensions, "P-384");
    amd_sign(&amd);
    make_table(&table);
    memset(table.bytes + 48, 0, 24); /* no list */
    forget();
    memcpy(both, amd.report, SNP_REPORT_SIZE);
    memcpy(both + SNP_REPORT_SIZE, table.bytes, table.size);
    assert_int_equal(cella_verifier_add(verifier, both, SNP_REPORT_SIZE + table.size, "x", &error),
                     CELLA_OK);
    assert_string_equal(judge(NULL), "");
    assert_int_equal(cella_verifier_add(verifier, both, SNP_REPORT_SIZE, "x", &error),
                     CELLA_UNSUPPORTED);
}

static void tables_that_are_malformed(void **state)
{
    (void)state;
    struct table table;
    cella_error error;
    amd_make_vek(&amd, extensions, "P-384");
    amd_sign(&amd);
    make_table(&table);
    const uint32_t size = (uint32_t)table.size;
    const struct {
        uint32_t offset, length;
    } wrong[] = {{0, 4},        {72, 24},   {95, 10},        {size, 1},
                 {size + 1, 0}, {96, size}, {UINT32_MAX, 1}, {96, UINT32_MAX - 96},
                 {96, 0},       {97, 20}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct snp_table read;
        set_entry(&table, 0, guids[0], wrong[i].offset, wrong[i].length);
        assert_int_equal(snp_table_read(table.bytes, table.size, &read),
                         wrong[i].offset >= 96 &&
                             (uint64_t)wrong[i].offset + wrong[i].length <= size);
        assert_string_equal(judge_with(&table, table.size), CLASS_PARSE);
        assert_int_equal(cella_verifier_add(verifier, table.bytes, table.size, "x", &error),
                         CELLA_INVALID);
    }
    for (size_t less = 24; less < 96; less++) /* no end */
        assert_string_equal(judge_with(&table, less), CLASS_PARSE);
    make_table(&table);
    set_entry(&table, 2, guids[2], 96, 20);
    assert_int_equal(cella_verifier_add(verifier, table.bytes, table.size, "x", &error),
                     CELLA_INVALID);
    /* What the host adds for itself is let pass; more than anybody would is not. */
    set_entry(&table, 2, "ecae0c0f950243b1afa20ae2e0d565b6", 96, 20);
    assert_int_equal(cella_verifier_add(verifier, table.bytes, table.size, "x", &error), CELLA_OK);
    /* Nobody has more than eight certificates. */
    struct table many = {.size = (size_t)24 * 11};
    uint8_t *der = NULL;
    int der_size = i2d_X509(amd.vek.certificate, &der);
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(judge_with(&many, many.size), i <= 8 ? "" : CLASS_PARSE);
        add_entry(&many, guids[0], der, der_size);
    }
    OPENSSL_free(der);
    for (size_t i = 0; i < 20; i++)
        set_entry(&table, i, "ecae0c0f950243b1afa20ae2e0d565b6", 600, 20);
    set_entry(&table, 0, guids[0], 600, 0);
    assert_string_equal(judge_with(&table, table.size), CLASS_PARSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_version_of_a_genoa),
        TEST(models_are_of_products),
        TEST(turin),
        TEST(each_component_is_compared),
        TEST(the_chip_is_compared_unless_masked),
        TEST(kinds_of_keys),
        TEST(issuers_are_for_one_thing),
        TEST(certificates_that_are_malformed),
        TEST(keys_of_other_curves),
        TEST(the_vlek_of_the_region_counts),
        TEST(the_vcek_of_a_masked_chip_counts),
        TEST(the_certificate_that_is_valid_counts),
        TEST(what_fits_less_is_no_rival),
        TEST(reserved_bytes_are_zero),
        TEST(policies_and_vmpls),
        TEST(what_the_host_asked_for),
        TEST(signatures_that_are_none),
        TEST(a_revoked_ask),
        TEST(tables_carry_certificates),
        TEST(extended_reports_are_collateral),
        TEST(tables_that_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
