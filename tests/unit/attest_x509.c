/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of certificates: built by issuer, judged at a time, each way to be wrong; the cache.
 */
#include "attest_pki.h"

#include "attest/collateral.h"

#include <stdio.h>

enum { ROOT, MIDDLE, LEAF, NODES };

struct world {
    struct pki_shape shapes[NODES];
    struct pki_node nodes[NODES];
    struct x509_anchor anchor;
    cella_verifier *verifier;
    cella_demands demands;
    cella_error error;
    struct appraisal appraisal;
    struct x509_chain chain; /* its certificates are gone */
    char issuer[128];        /* the second of them, where there was a chain */
    enum x509_revocation revocation;
};

static cella_result *result_new(void)
{
    cella_result *result = calloc(1, sizeof(*result));
    result->claims = json_object();
    result->evidence = json_object();
    result->warnings = json_array();
    return result;
}

/* A root, one below it, a leaf; a test changes `shapes` before it calls make. */
static struct world *new_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    world->shapes[ROOT] =
        (struct pki_shape){.name = "root", .ca = true, .path_length = -1, .serial = 1};
    world->shapes[MIDDLE] =
        (struct pki_shape){.name = "middle", .ca = true, .path_length = 0, .serial = 2};
    world->shapes[LEAF] = (struct pki_shape){.name = "leaf", .serial = 3};
    world->revocation = X509_CRL_NONE;
    assert_int_equal(cella_verifier_new(&world->verifier, &world->error), CELLA_OK);
    cella_demands_default(&world->demands);
    world->demands.at = PKI_NOW;
    world->appraisal =
        (struct appraisal){world->verifier, &world->demands, result_new(), &world->error};
    return world;
}

static void key_hash(struct world *world, int node, uint8_t sha256[32])
{
    struct x509 *read = pki_read(world->nodes[node].certificate);
    memcpy(sha256, read->key_hash, 32);
    x509_drop(read);
}

static void make(struct world *world)
{
    for (int i = 0; i < NODES; i++)
        world->nodes[i] = pki_make(&world->shapes[i], i > 0 ? &world->nodes[i - 1] : NULL);
    world->anchor.name = "the test's root";
    key_hash(world, ROOT, world->anchor.sha256);
}

static void add(struct world *world, X509 *certificate)
{
    assert_int_equal(
        collateral_add_certificate(world->verifier, pki_read(certificate), "test", &world->error),
        CELLA_OK);
}

/* The leaf, with the others in this order in the pool. */
static const char *judge(struct world *world, int first, int second)
{
    struct x509_pool pool = {NULL, 0};
    struct x509 *leaf = pki_read(world->nodes[LEAF].certificate);
    if (first >= 0)
        assert_true(x509_pool_add(&pool, pki_read(world->nodes[first].certificate)));
    if (second >= 0)
        assert_true(x509_pool_add(&pool, pki_read(world->nodes[second].certificate)));
    cella_status status = x509_judge(&world->appraisal, "leaf certificate", leaf, &pool,
                                     &world->anchor, 1, world->revocation, &world->chain);
    if (status == CELLA_OK)
        x509_common_name(&world->chain.certificates[1]->subject, world->issuer);
    x509_pool_clear(&pool);
    x509_drop(leaf);
    assert_true(status == CELLA_OK || status == CELLA_REFUSED);
    return status ? world->appraisal.result->class : "";
}

static void end(struct world *world)
{
    for (int i = 0; i < NODES; i++)
        pki_free(&world->nodes[i]);
    cella_result_free(world->appraisal.result);
    cella_verifier_free(world->verifier);
    free(world);
}

static void chains_are_built_by_issuer(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    for (int again = 0; again < 2; again++) { /* ... and from the cache */
        assert_string_equal(judge(world, MIDDLE, ROOT), "");
        assert_int_equal(world->chain.count, 3);
        assert_string_equal(world->issuer, "middle");
        assert_memory_equal(world->chain.root, world->anchor.sha256, 32);
        assert_string_equal(judge(world, ROOT, MIDDLE), "");
    }
    assert_string_equal(judge(world, ROOT, -1), CLASS_CHAIN);
    assert_sentence(&world->error, "the certificate of middle");
    add(world, world->nodes[MIDDLE].certificate); /* the rest from the collateral */
    assert_string_equal(judge(world, ROOT, -1), "");
    end(world);
}

static void a_root_is_trusted_for_its_key(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    /* Two issues of the root, one key; one of them has expired. */
    struct pki_shape old = world->shapes[ROOT];
    old.until = PKI_NOW - 1;
    X509 *expired = pki_certificate(&old, world->nodes[ROOT].key, NULL);
    add(world, expired);
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    assert_string_equal(judge(world, MIDDLE, -1), CLASS_TIME);
    X509_free(expired);
    world->anchor.sha256[0] ^= 1;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_ANCHOR);
    assert_sentence(&world->error, "the test's root");
    /* A root that was given takes the place of the vendor's. */
    uint8_t hash[32];
    key_hash(world, ROOT, hash);
    assert_int_equal(cella_verifier_add_root_key(world->verifier, hash, &world->error), CELLA_OK);
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    world->anchor.sha256[0] ^= 1;
    world->verifier->roots[0].sha256[0] ^= 1;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_ANCHOR);
    end(world);
}

static void a_trusted_leaf_is_no_chain(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    key_hash(world, LEAF, world->anchor.sha256);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_ANCHOR);
    end(world);
}

/* Each way that one certificate can be wrong. */
static void what_is_wrong_refuses(void **state)
{
    static const struct {
        int which;
        struct pki_shape shape;
        const char *class, *says;
    } cases[] = {
        {ROOT,
         {.name = "root", .ca = true, .path_length = -1, .until = PKI_NOW - 1},
         CLASS_TIME,
         "valid at 2023-11-14"},
        {MIDDLE,
         {.name = "middle", .ca = true, .path_length = -1, .from = PKI_NOW + 1},
         CLASS_TIME,
         "valid at 2023-11-14"},
        {LEAF, {.name = "leaf", .until = PKI_NOW - 1}, CLASS_TIME, "leaf valid at"},
        {MIDDLE, {.name = "middle"}, CLASS_CHAIN, "a CA"},
        {MIDDLE,
         {.name = "middle", .ca = true, .path_length = -1, .usage = "critical,cRLSign"},
         CLASS_CHAIN,
         "keyCertSign"},
        {LEAF, {.name = "leaf", .ca = true, .path_length = -1}, CLASS_CHAIN, "an end entity"},
        {LEAF, {.name = "leaf", .usage = "critical,keyAgreement"}, CLASS_CHAIN, "digitalSignature"},
        {ROOT, {.name = "root", .ca = true}, CLASS_CHAIN, "pathLenConstraint"},
        {MIDDLE,
         {.name = "middle", .ca = true, .path_length = -1, .critical = "1.2.3.4"},
         CLASS_CHAIN,
         "critical"},
        {LEAF, {.name = "leaf", .critical = "1.2.3.4"}, CLASS_CHAIN, "critical"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world *world = new_world();
        world->shapes[cases[i].which] = cases[i].shape;
        make(world);
        assert_string_equal(judge(world, MIDDLE, ROOT), cases[i].class);
        assert_sentence(&world->error, cases[i].says);
        end(world);
    }
}

static void the_times_bounds_belong_to_it(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    world->demands.at = PKI_NOW + PKI_YEAR;
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    world->demands.at++;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_TIME);
    world->demands.at = PKI_NOW - PKI_YEAR;
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    world->demands.at--;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_TIME);
    end(world);
}

static void another_signature_refuses(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    /* One with the issuer's name, and another key. */
    struct pki_node other = pki_make(&world->shapes[MIDDLE], &world->nodes[ROOT]);
    struct pki_node right = world->nodes[MIDDLE];
    world->nodes[MIDDLE] = other;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_CHAIN);
    assert_sentence(&world->error, "another key");
    add(world, right.certificate); /* the right one is found beside it */
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    pki_free(&right);
    end(world);
    /* SHA-1. */
    world = new_world();
    world->shapes[LEAF].digest = EVP_sha1();
    make(world);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_CHAIN);
    end(world);
}

static void add_list(struct world *world, int issuer, int key, long serial, int64_t from,
                     int64_t until)
{
    X509_CRL *list = pki_list(&world->nodes[issuer], world->nodes[key].key, serial, from, until);
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    assert_int_equal(cella_verifier_add(world->verifier, der, (size_t)size, "test", &world->error),
                     CELLA_OK);
    OPENSSL_free(der);
    X509_CRL_free(list);
}

static void revocation_fails_closed(void **state)
{
    (void)state;
    const int64_t from = PKI_NOW - 10, until = PKI_NOW + 10;
    struct world *world = new_world();
    make(world);
    world->revocation = X509_CRL_ALL;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_COLLATERAL);
    add_list(world, ROOT, ROOT, 0, from, until);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_COLLATERAL);
    assert_sentence(&world->error, "revocation list of middle");
    world->demands.insecure_no_collateral = true;
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    assert_true(json_array_size(world->appraisal.result->warnings) > 0);
    world->demands.insecure_no_collateral = false;
    add_list(world, MIDDLE, ROOT, 0, from, until); /* by another key */
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_COLLATERAL);
    add_list(world, MIDDLE, MIDDLE, 0, from, PKI_NOW - 1); /* of another time */
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_TIME);
    add_list(world, MIDDLE, MIDDLE, 99, from, until);
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    add_list(world, MIDDLE, MIDDLE, 3, from, until);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_REVOKED);
    world->revocation = X509_CRL_IF_PRESENT;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_REVOKED);
    world->revocation = X509_CRL_NONE;
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    end(world);
}

static void an_intermediate_can_be_revoked(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    world->revocation = X509_CRL_IF_PRESENT;
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    add_list(world, ROOT, ROOT, 2, PKI_NOW, PKI_NOW);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_REVOKED);
    end(world);
}

/* Every certificate but the root wants a list, or every CA's, in every chain. */
static void lists_that_were_there_are_told(void **state)
{
    (void)state;
    struct world *world = new_world();
    const cella_result *result = world->appraisal.result;
    make(world);
    world->revocation = X509_CRL_OF_CAS;
    assert_string_equal(judge(world, ROOT, -1), CLASS_CHAIN);
    assert_false(result->chains_judged);
    for (int which = 0; which < 4; which++) {
        struct appraisal appraisal = world->appraisal;
        cella_verifier *verifier;
        world->appraisal.result = result_new();
        assert_int_equal(cella_verifier_new(&verifier, &world->error), CELLA_OK);
        cella_verifier_free(world->verifier);
        world->verifier = world->appraisal.verifier = verifier;
        if (which & 1)
            add_list(world, ROOT, ROOT, 0, PKI_NOW, PKI_NOW);
        if (which & 2)
            add_list(world, MIDDLE, MIDDLE, 0, PKI_NOW, PKI_NOW);
        world->revocation = X509_CRL_OF_CAS;
        assert_string_equal(judge(world, MIDDLE, ROOT), "");
        assert_true(world->appraisal.result->chains_judged);
        assert_int_equal(world->appraisal.result->revocation_unknown, !(which & 1));
        world->revocation = X509_CRL_IF_PRESENT;
        assert_string_equal(judge(world, MIDDLE, ROOT), "");
        assert_int_equal(world->appraisal.result->revocation_unknown, which != 3);
        cella_result_free(world->appraisal.result);
        world->appraisal.result = appraisal.result;
    }
    add_list(world, MIDDLE, MIDDLE, 3, PKI_NOW, PKI_NOW);
    world->revocation = X509_CRL_OF_CAS; /* one that is there all the same */
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_REVOKED);
    end(world);
}

/* RFC 5280, section 6.3.3 (f). */
static void an_issuer_of_lists_may_sign_them(void **state)
{
    (void)state;
    for (int revoked = 0; revoked < 2; revoked++) {
        struct world *world = new_world();
        world->shapes[MIDDLE].usage = "critical,keyCertSign";
        make(world);
        add_list(world, ROOT, ROOT, 0, PKI_NOW, PKI_NOW);
        add_list(world, MIDDLE, MIDDLE, revoked ? 3 : 0, PKI_NOW, PKI_NOW);
        world->revocation = X509_CRL_ALL;
        assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_COLLATERAL);
        assert_sentence(&world->error, "cRLSign");
        world->revocation = X509_CRL_IF_PRESENT;
        assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_COLLATERAL);
        end(world);
    }
}

static void without_a_usage_an_issuer_may_sign_lists(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    X509 *middle = world->nodes[MIDDLE].certificate;
    X509_EXTENSION_free(X509_delete_ext(middle, X509_get_ext_by_NID(middle, NID_key_usage, -1)));
    assert_true(X509_sign(middle, world->nodes[ROOT].key, EVP_sha256()) > 0);
    add_list(world, MIDDLE, MIDDLE, 3, PKI_NOW, PKI_NOW);
    world->revocation = X509_CRL_IF_PRESENT;
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_REVOKED);
    end(world);
}

/* ---- roots that are none ---- */

/* The root's key in a certificate that says to be of another issuer, who signed nothing. */
static void a_vendors_root_is_its_own_issuer(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    struct pki_node other = pki_make(&world->shapes[MIDDLE], NULL);
    X509 *right = world->nodes[ROOT].certificate;
    world->nodes[ROOT].certificate =
        pki_certificate(&world->shapes[ROOT], world->nodes[ROOT].key, &other);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_CHAIN);
    assert_sentence(&world->error, "another issuer");
    X509_free(world->nodes[ROOT].certificate);
    world->nodes[ROOT].certificate = X509_dup(right);
    X509_set_version(world->nodes[ROOT].certificate, X509_VERSION_3);
    assert_true(X509_sign(world->nodes[ROOT].certificate, other.key, EVP_sha256()) > 0);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_CHAIN);
    assert_sentence(&world->error, "own signature");
    X509_free(right);
    pki_free(&other);
    end(world);
}

/* Who trusts an intermediate's key trusts it. */
static void an_intermediate_can_be_trusted(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    uint8_t hash[32];
    key_hash(world, MIDDLE, hash);
    memcpy(world->anchor.sha256, hash, 32);
    assert_string_equal(judge(world, MIDDLE, ROOT), CLASS_CHAIN); /* no vendor's */
    assert_int_equal(cella_verifier_add_root_key(world->verifier, hash, &world->error), CELLA_OK);
    assert_string_equal(judge(world, MIDDLE, ROOT), "");
    assert_int_equal(world->chain.count, 2);
    end(world);
}

/* ---- the forms of certificates and lists ---- */

static cella_status add_bytes(struct world *world, const void *bytes, size_t size)
{
    return cella_verifier_add(world->verifier, bytes, size, "a file", &world->error);
}

static void forms_are_read(void **state)
{
    (void)state;
    struct world *world = new_world();
    make(world);
    uint8_t *der = NULL;
    int size = i2d_X509(world->nodes[LEAF].certificate, &der);
    char hex[8192], pem[8192] = "some text before\n", url[8192];
    assert_int_equal(add_bytes(world, der, (size_t)size), CELLA_OK);
    assert_int_equal(world->verifier->count, 1);
    for (int i = 0; i < size; i++)
        snprintf(hex + 2 * i, 4, "%02X\n", der[i]);
    assert_int_equal(add_bytes(world, hex, strlen(hex)), CELLA_OK);
    assert_int_equal(world->verifier->count, 1); /* the same: once */
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, world->nodes[LEAF].certificate);
    PEM_write_bio_X509(bio, world->nodes[MIDDLE].certificate);
    size_t at = strlen(pem);
    int length = BIO_read(bio, pem + at, (int)(sizeof(pem) - at - 1));
    pem[at + (size_t)length] = 0;
    BIO_free(bio);
    assert_int_equal(add_bytes(world, pem, strlen(pem)), CELLA_OK);
    assert_int_equal(world->verifier->count, 2);
    size_t used = 0;
    for (const char *from = pem + at; *from; from++)
        used += (size_t)(*from == '\n'  ? snprintf(url + used, 8, "%%0A")
                         : *from == ' ' ? snprintf(url + used, 8, "%%20")
                                        : snprintf(url + used, 8, "%c", *from));
    assert_int_equal(add_bytes(world, url, used), CELLA_OK);
    assert_int_equal(world->verifier->count, 2);
    /* Malformed. */
    assert_int_equal(add_bytes(world, der, (size_t)size - 1), CELLA_UNSUPPORTED);
    assert_int_equal(add_bytes(world, pem, strlen(pem) - 40), CELLA_INVALID);
    assert_int_equal(add_bytes(world, "", 0), CELLA_UNSUPPORTED);
    assert_int_equal(add_bytes(world, "ab", 2), CELLA_UNSUPPORTED);
    assert_int_equal(add_bytes(world, "abc", 3), CELLA_UNSUPPORTED);
    memcpy(strstr(pem, "MI"), "!!", 2);
    assert_int_equal(add_bytes(world, pem, strlen(pem)), CELLA_INVALID);
    OPENSSL_free(der);
    end(world);
}

/* ---- the cache ---- */

static int references;

static void keep(void *object)
{
    (void)object;
    references++;
}

static void let_go(void *object)
{
    (void)object;
    references--;
}

static void the_cache_is_bounded(void **state)
{
    (void)state;
    static const struct cache_type type = {keep, let_go};
    struct cache *cache = cache_new(64);
    uint8_t key[32] = {0};
    int object, found = 0;
    for (int i = 0; i < 1000; i++) {
        key[0] = (uint8_t)i, key[1] = (uint8_t)(i >> 8);
        assert_false(cache_has(cache, key));
        cache_remember(cache, key);
        assert_true(cache_has(cache, key));
        assert_null(cache_get(cache, key, &type)); /* a fact is no object */
        cache_put(cache, key, &type, &object);
        assert_ptr_equal(cache_get(cache, key, &type), &object);
        let_go(&object);
    }
    for (int i = 0; i < 1000; i++) {
        key[0] = (uint8_t)i, key[1] = (uint8_t)(i >> 8);
        found += cache_has(cache, key);
    }
    assert_true(found > 0 && found <= 64);
    assert_true(references > 0 && references <= 64);
    cache_free(cache);
    assert_int_equal(references, 0);
}

static bool remembers(struct cache *cache, int number)
{
    uint8_t key[32] = {(uint8_t)number};
    return cache_has(cache, key);
}

/* It grows without losing anything; then the one goes that was not asked for longest. */
static void the_oldest_goes(void **state)
{
    (void)state;
    struct cache *cache = cache_new(64);
    for (int i = 0; i < 64; i++) {
        uint8_t key[32] = {(uint8_t)i};
        cache_remember(cache, key);
        for (int before = 0; before <= i; before++)
            assert_true(remembers(cache, before));
    }
    uint8_t more[32] = {64}; /* of the eight sets, that of 0, 8, 16, ... */
    assert_true(remembers(cache, 0));
    assert_true(remembers(cache, 16));
    for (int i = 24; i < 64; i += 8)
        assert_true(remembers(cache, i));
    cache_remember(cache, more);
    for (int i = 0; i <= 64; i++)
        assert_int_equal(remembers(cache, i), i != 8);
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_built_by_issuer),
        cmocka_unit_test(a_root_is_trusted_for_its_key),
        cmocka_unit_test(a_trusted_leaf_is_no_chain),
        cmocka_unit_test(lists_that_were_there_are_told),
        cmocka_unit_test(an_issuer_of_lists_may_sign_them),
        cmocka_unit_test(without_a_usage_an_issuer_may_sign_lists),
        cmocka_unit_test(a_vendors_root_is_its_own_issuer),
        cmocka_unit_test(an_intermediate_can_be_trusted),
        cmocka_unit_test(what_is_wrong_refuses),
        cmocka_unit_test(the_times_bounds_belong_to_it),
        cmocka_unit_test(another_signature_refuses),
        cmocka_unit_test(revocation_fails_closed),
        cmocka_unit_test(an_intermediate_can_be_revoked),
        cmocka_unit_test(forms_are_read),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
