/* SPDX-License-Identifier: Apache-2.0
 *
 * Collateral inside attested TLS certificates: used only where that is let, as good as any other,
 * and gone afterwards.
 */
#include "attest_intel.h"

#include "attest/cbor.h"
#include "attest/ratls.h"

#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))

/* ---- pieces of collateral ---- */

struct pieces {
    size_t count, sizes[40];
    uint8_t *bytes[40];
};

static void keep(void *to, const uint8_t *bytes, size_t size)
{
    struct pieces *pieces = to;
    assert_true(pieces->count < COUNT_OF(pieces->sizes));
    pieces->bytes[pieces->count] = copy_of(bytes, size);
    pieces->sizes[pieces->count++] = size;
}

static void add(void *to, const uint8_t *bytes, size_t size)
{
    cella_error error;
    if (cella_verifier_add(to, bytes, size, "own", &error))
        fail_msg("%s", error.sentence);
}

static void drop_pieces(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        free(pieces->bytes[i]);
    pieces->count = 0;
}

/* What a collection of collateral is like. */
struct collection {
    const char *from, *until;
    const char *status; /* of the newest TCB level */
    int evaluation;
    long revoked; /* a serial number of the PCK CA's */
    bool strange, altered;
};

#define GOOD NOW, NULL, 1, 0, false, false

static void give(const struct sink *sink, struct collection is)
{
    static char text[TEXT];
    add_certificate(sink, is.strange ? stranger.certificate : signer.certificate);
    add_list(sink, &root, 0, PKI_NOW + 86400);
    add_list(sink, &ca, is.revoked, PKI_NOW + 86400);
    make_info(text, false, is.from, is.until, FMSPC, is.status, is.evaluation);
    add_document(sink, "tcbInfo", text, is.strange ? stranger.key : signer.key, is.altered);
    make_identity(text, false, NOW);
    add_document(sink, "enclaveIdentity", text, is.strange ? stranger.key : signer.key, false);
}

static struct pieces carry(struct collection is)
{
    struct pieces pieces = {0};
    const struct sink sink = {keep, &pieces};
    give(&sink, is);
    return pieces;
}

/* ---- certificates ---- */

static void put_extension(X509 *certificate, const char *oid, struct cbor_writer *writer)
{
    uint8_t *value;
    size_t size;
    cella_error error;
    assert_int_equal(cbor_finish(writer, &value, &size, &error), CELLA_OK);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(octets, value, (int)size);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(octets);
    free(value);
}

/* With this value of the endorsements' extension; NULL: none. */
static uint8_t *certificate_with(struct cbor_writer *endorsements, size_t *der_size)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct pki_shape shape = {.name = "peer", .serial = 1};
    struct cbor_writer writer = {0};
    uint8_t quote[QUOTE], report_data[64], *claims, *der = NULL;
    size_t claims_size;
    assert_true(ratls_claims(key, NULL, 0, &claims, &claims_size, report_data));
    size_t size = make_quote(
        &(struct shape){
            .version = 3, .body = QUOTE_BODY_SGX, .qe_svn = 4, .report_data = report_data},
        quote);
    cbor_put_tag(&writer, RATLS_TAG_QUOTE);
    cbor_put_array(&writer, 2);
    cbor_put_bytes(&writer, quote, size);
    cbor_put_bytes(&writer, claims, claims_size);
    X509 *certificate = pki_certificate(&shape, key, NULL);
    put_extension(certificate, RATLS_OID, &writer);
    if (endorsements)
        put_extension(certificate, RATLS_ENDORSEMENTS_OID, endorsements);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    *der_size = (size_t)i2d_X509(certificate, &der);
    X509_free(certificate);
    EVP_PKEY_free(key);
    free(claims);
    return der;
}

/* As CCC has it: a version, seven pieces, and perhaps a date, under the evidence's tag. */
static uint8_t *certificate_of_ccc(const struct pieces *pieces, uint64_t version, size_t count,
                                   bool date, size_t *size)
{
    struct cbor_writer writer = {0};
    cbor_put_tag(&writer, RATLS_TAG_QUOTE);
    cbor_put_array(&writer, 1 + count + date);
    cbor_put_unsigned(&writer, version);
    for (size_t i = 0; i < count; i++)
        cbor_put_bytes(&writer, pieces->bytes[i % pieces->count], pieces->sizes[i % pieces->count]);
    if (date)
        cbor_put_bytes(&writer, (const uint8_t *)"2026-01-01T00:00:00Z", 21);
    return certificate_with(&writer, size);
}

static uint8_t *certificate_of(const struct pieces *pieces, size_t *size)
{
    struct cbor_writer writer = {0};
    cbor_put_array(&writer, pieces->count);
    for (size_t i = 0; i < pieces->count; i++)
        cbor_put_bytes(&writer, pieces->bytes[i], pieces->sizes[i]);
    return certificate_with(&writer, size);
}

/* ---- judging ---- */

static cella_verifier *trusting(const X509 *certificate)
{
    cella_verifier *verifier;
    cella_error error;
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    assert_int_equal(cella_verifier_new(&verifier, &error), CELLA_OK);
    assert_int_equal(cella_verifier_add_root(verifier, der, (size_t)size, "r", &error), CELLA_OK);
    OPENSSL_free(der);
    return verifier;
}

static cella_demands demands_of(bool carried)
{
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = PKI_NOW;
    demands.insecure_any_nonce = true;
    demands.insecure_carried_collateral = carried;
    return demands;
}

/* `warning` (may be NULL): what the result has to say. */
static void expect(cella_verifier *verifier, const uint8_t *der, size_t size,
                   const cella_demands *demands, const char *class, const char *warning)
{
    cella_result *result;
    cella_error error;
    cella_verify(verifier, der, size, demands, &result, &error);
    assert_non_null(result);
    if (strcmp(cella_result_class(result), class) != 0)
        fail_msg("\"%s\", not \"%s\": %s", cella_result_class(result), class, error.sentence);
    char *text = cella_result_json(result);
    if (warning && !strstr(text, warning))
        fail_msg("%s: no %s", text, warning);
    free(text);
    cella_result_free(result);
}

/* By itself, with the flag. */
static void expect_carried(struct collection is, const char *class)
{
    struct pieces pieces = carry(is);
    size_t size;
    uint8_t *der = certificate_of(&pieces, &size);
    cella_verifier *verifier = trusting(root.certificate);
    const cella_demands demands = demands_of(true);
    expect(verifier, der, size, &demands, class, "insecure_carried_collateral");
    cella_verifier_free(verifier);
    OPENSSL_free(der);
    drop_pieces(&pieces);
}

static void the_form_of_ccc_is_read(void **state)
{
    (void)state;
    static const struct {
        uint64_t version;
        size_t count;
        bool date;
        const char *class;
    } shapes[] = {{1, 7, true, ""},          {1, 7, false, ""},         {1, 6, false, CLASS_PARSE},
                  {1, 8, true, CLASS_PARSE}, {2, 7, true, CLASS_PARSE}, {0, 7, true, CLASS_PARSE}};
    struct pieces pieces = carry((struct collection){GOOD});
    cella_verifier *verifier = trusting(root.certificate);
    assert_true(pieces.count <= 7);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        size_t size;
        uint8_t *der =
            certificate_of_ccc(&pieces, shapes[i].version, shapes[i].count, shapes[i].date, &size);
        cella_demands demands = demands_of(true);
        expect(verifier, der, size, &demands, shapes[i].class, NULL);
        demands = demands_of(false); /* what is not asked for cannot be wrong */
        expect(verifier, der, size, &demands, CLASS_COLLATERAL, "was not looked at");
        OPENSSL_free(der);
    }
    cella_verifier_free(verifier);
    drop_pieces(&pieces);
}

static int set_up(void **state)
{
    (void)state;
    make_intel();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free_intel();
    return 0;
}

/* Only where it is let; what was carried once is not there the next time. */
static void used_where_it_may_be(void **state)
{
    (void)state;
    struct pieces pieces = carry((struct collection){GOOD});
    size_t size;
    uint8_t *der = certificate_of(&pieces, &size);
    cella_verifier *verifier = trusting(root.certificate);
    const cella_demands with = demands_of(true), without = demands_of(false);
    for (int i = 0; i < 3; i++) {
        expect(verifier, der, size, &without, "COLLATERAL", "was not looked at");
        expect(verifier, der, size, &with, "", "chose the revocation lists");
        expect(verifier, der, size, &with, "", "\"revocation_checked\":false");
    }
    /* Nothing was added but the root that was given. */
    char *text = cella_verifier_describe(verifier, PKI_NOW);
    json_t *list = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    free(text);
    cella_verifier_free(verifier);
    OPENSSL_free(der);
    drop_pieces(&pieces);

    /* Without any, the flag changes nothing. */
    verifier = trusting(root.certificate);
    der = certificate_with(NULL, &size);
    expect(verifier, der, size, &with, "COLLATERAL", NULL);
    cella_verifier_free(verifier);
    OPENSSL_free(der);
}

static void judged_as_any_other(void **state)
{
    (void)state;
    struct collection is = {GOOD};
    expect_carried(is, "");
    is.status = "OutOfDate";
    expect_carried(is, "TCB_STATUS");
    is = (struct collection){GOOD};
    is.altered = true;
    expect_carried(is, "COLLATERAL");
    is = (struct collection){GOOD};
    is.strange = true;
    expect_carried(is, "ANCHOR");
    expect_carried((struct collection){PAST, NULL, 1, 0, false, false}, "TIME");
    expect_carried((struct collection){FUTURE, NULL, 1, 0, false, false}, "TIME");
}

/* What the verifier has of its own counts beside it: its lists, its newer TCB information. */
static void own_counts_too(void **state)
{
    (void)state;
    struct pieces pieces = carry((struct collection){GOOD});
    size_t size;
    uint8_t *der = certificate_of(&pieces, &size);
    const cella_demands with = demands_of(true), without = demands_of(false);
    struct collection newer = {NOW, "OutOfDate", 2, 0, false, false}, lists = {GOOD};

    cella_verifier *verifier = trusting(root.certificate);
    const struct sink sink = {add, verifier};
    give(&sink, newer);
    expect(verifier, der, size, &with, "TCB_STATUS", NULL);
    expect(verifier, der, size, &without, "TCB_STATUS", NULL);
    cella_verifier_free(verifier);

    verifier = trusting(root.certificate);
    const struct sink other = {add, verifier};
    lists.revoked = ASN1_INTEGER_get(X509_get0_serialNumber(leaf.certificate));
    give(&other, lists);
    expect(verifier, der, size, &with, "REVOKED", NULL);
    cella_verifier_free(verifier);

    /* A root that is carried is nobody's. */
    const struct sink root_too = {keep, &pieces};
    add_certificate(&root_too, root.certificate);
    OPENSSL_free(der);
    der = certificate_of(&pieces, &size);
    verifier = trusting(stranger.certificate);
    expect(verifier, der, size, &with, "ANCHOR", NULL);
    cella_verifier_free(verifier);
    OPENSSL_free(der);
    drop_pieces(&pieces);
}

static void expect_form(struct cbor_writer *writer, bool carried, const char *class)
{
    size_t size;
    uint8_t *der = certificate_with(writer, &size);
    cella_verifier *verifier = trusting(root.certificate);
    const struct sink sink = {add, verifier};
    give(&sink, (struct collection){GOOD});
    const cella_demands demands = demands_of(carried);
    expect(verifier, der, size, &demands, class, NULL);
    cella_verifier_free(verifier);
    OPENSSL_free(der);
}

static void each_form(void **state)
{
    (void)state;
    struct pieces pieces = carry((struct collection){GOOD});
    struct cbor_writer writer = {0};
    cbor_put_tag(&writer, 60000); /* some tag */
    cbor_put_array(&writer, pieces.count);
    for (size_t i = 0; i < pieces.count; i++)
        cbor_put_bytes(&writer, pieces.bytes[i], pieces.sizes[i]);
    expect_form(&writer, true, "");
    /* As text with a NUL behind it. */
    memset(&writer, 0, sizeof(writer));
    cbor_put_array(&writer, 1);
    const size_t last = pieces.count - 1;
    uint8_t *text = malloc(pieces.sizes[last] + 1);
    memcpy(text, pieces.bytes[last], pieces.sizes[last]);
    text[pieces.sizes[last]] = 0;
    cbor_put_bytes(&writer, text, pieces.sizes[last] + 1);
    expect_form(&writer, true, "");
    free(text);

    static const struct {
        uint8_t bytes[8];
        size_t size;
    } wrong[] = {
        {{0x80}, 1},                       /* nothing in it */
        {{0x40}, 1},                       /* no array */
        {{0x81, 0x40}, 2},                 /* an empty piece */
        {{0x81, 0x61, 'x'}, 3},            /* text */
        {{0x81, 0x41}, 2},                 /* cut off */
        {{0x81, 0x41, 'x', 'x'}, 4},       /* something behind it */
        {{0xc1, 0xc1, 0x81, 0x40}, 4},     /* two tags */
        {{0xa1, 0x41, 'x', 0x41, 'y'}, 5}, /* a map */
        {{0xff}, 1},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        for (int carried = 0; carried < 2; carried++) {
            memset(&writer, 0, sizeof(writer));
            cbor_put_encoded(&writer, wrong[i].bytes, wrong[i].size);
            expect_form(&writer, carried, carried ? "PARSE" : "");
        }
    /* What is carried matters only to who looks at it. */
    for (int carried = 0; carried < 2; carried++) {
        memset(&writer, 0, sizeof(writer));
        cbor_put_array(&writer, 1);
        cbor_put_bytes(&writer, "x", 1);
        expect_form(&writer, carried, carried ? "PARSE" : "");
    }
    for (size_t count = 32; count <= 33; count++) {
        memset(&writer, 0, sizeof(writer));
        cbor_put_array(&writer, count);
        for (size_t i = 0; i < count; i++)
            cbor_put_bytes(&writer, pieces.bytes[0], pieces.sizes[0]);
        expect_form(&writer, true, count == 32 ? "" : "PARSE");
    }
    drop_pieces(&pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_of_ccc_is_read),
        cmocka_unit_test(used_where_it_may_be),
        cmocka_unit_test(judged_as_any_other),
        cmocka_unit_test(own_counts_too),
        cmocka_unit_test(each_form),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
