/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and revocation lists put together from parts in DER, each of which may be left out,
 * doubled, of a wrong tag or malformed; then signed, so that nothing but the reader refuses them.
 */
#include "attest_made.h"

#include "attest/x509.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>

/* What stands one behind the other; SIGNATURE: NULL is the right one. */
enum { PARTS_OF_BODY = 10, OUTER = PARTS_OF_BODY, SIGNATURE, BEHIND, AFTER, PARTS };
enum { VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, UNIQUE, EXTENSIONS, MORE };
enum { L_VERSION, L_ALGORITHM, L_ISSUER, L_FROM, L_UNTIL, L_REVOKED, L_EXTENSIONS, L_MORE };

#define NAME(text)          "30{31{30{06{550403}0c{'" text "'}}}}"
#define WITH_SHA256         "30{06{2a8648ce3d040302}}"
#define EXTENSION(oid, of)  "30{06{" oid "}04{" of "}}"
#define CRITICAL(oid, of)   "30{06{" oid "}01{ff}04{" of "}}"
#define EXTENSIONS_OF(some) "a3{30{" some "}}"
#define TIME                "17{'230101000000Z'}"
#define LATER               "17{'330101000000Z'}"

/* Extensions, and their OIDs. */
#define USAGE       "551d0f"
#define OTHER_NAME  "551d11"
#define CONSTRAINTS "551d13"
#define NAMES       "551d1e"
#define LISTS       "551d1f"
#define POLICIES    "551d20"
#define PURPOSES    "551d25"
#define OWN         "2b0601"

static EVP_PKEY *key;
static char key_text[512]; /* of a SubjectPublicKeyInfo */

static const char *const certificate[PARTS] = {
    [VERSION] = "a0{02{02}}",
    [SERIAL] = "02{1234}",
    [ALGORITHM] = WITH_SHA256,
    [ISSUER] = NAME("issuer"),
    [VALIDITY] = "30{" TIME LATER "}",
    [SUBJECT] = NAME("subject"),
    [KEY] = key_text,
    [EXTENSIONS] = EXTENSIONS_OF(CRITICAL(CONSTRAINTS, "30{01{ff}02{03}}")
                                     CRITICAL(USAGE, "03{0106}") EXTENSION(OWN, "'own'")),
    [OUTER] = WITH_SHA256,
};

static const char *const list[PARTS] = {
    [L_VERSION] = "02{01}",
    [L_ALGORITHM] = WITH_SHA256,
    [L_ISSUER] = NAME("issuer"),
    [L_FROM] = TIME,
    [L_UNTIL] = LATER,
    [L_REVOKED] =
        "30{ 30{02{0100}" TIME "} 30{02{7f}" TIME "30{" EXTENSION("551d15", "0a{01}") "}}}",
    [L_EXTENSIONS] = "a0{30{" EXTENSION("551d14", "02{05}") "}}",
    [OUTER] = WITH_SHA256,
};

static int set_up(void **state)
{
    (void)state;
    uint8_t *der = NULL;
    key = EVP_EC_gen("P-256");
    int size = i2d_PUBKEY(key, &der);
    assert_in_range(size, 1, sizeof(key_text) / 2 - 1);
    for (int i = 0; i < size; i++)
        snprintf(key_text + 2 * i, 3, "%02x", der[i]);
    OPENSSL_free(der);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

static void add_part(struct made *to, const char *text)
{
    if (text) {
        struct made part = made_of(text);
        made_add(to, part.bytes, part.size);
    }
}

static struct made assembled(const char *const parts[PARTS])
{
    struct made body = {.size = 1, .bytes = {DER_SEQUENCE}};
    struct made whole = {.size = 1, .bytes = {DER_SEQUENCE}};
    for (int i = 0; i < PARTS_OF_BODY; i++)
        add_part(&body, parts[i]);
    made_close(&body, 1);
    made_add(&whole, body.bytes, body.size);
    add_part(&whole, parts[OUTER]);
    if (parts[SIGNATURE])
        add_part(&whole, parts[SIGNATURE]);
    else
        made_sign(&whole, key, body.bytes, body.size);
    add_part(&whole, parts[BEHIND]);
    made_close(&whole, 1);
    add_part(&whole, parts[AFTER]);
    return whole;
}

/* With another text for this part. */
static struct made changed(const char *const parts[PARTS], int part, const char *text)
{
    const char *all[PARTS];
    memcpy(all, parts, sizeof(all));
    all[part] = text;
    return assembled(all);
}

static struct x509 *decode(const struct made *made)
{
    uint8_t *exact = made_exact(made);
    struct x509 *read = x509_decode(exact, made->size);
    free(exact);
    return read;
}

static struct x509_list *decode_list(const struct made *made)
{
    uint8_t *exact = made_exact(made);
    struct x509_list *read = x509_list_decode(exact, made->size);
    free(exact);
    return read;
}

/* Is read, and was signed by the key above. */
static bool is_good(const struct made *made)
{
    struct x509 *read = decode(made);
    bool good = read != NULL;
    if (good && !x509_verify(&read->is, key))
        fail_msg("a certificate that is read does not verify");
    x509_drop(read);
    return good;
}

static bool is_good_list(const struct made *made)
{
    struct x509_list *read = decode_list(made);
    bool good = read != NULL;
    if (good && !x509_verify(&read->is, key))
        fail_msg("a list that is read does not verify");
    x509_list_free(read);
    return good;
}

static void assert_der(const struct der *found, const char *text)
{
    struct made made = made_of(text);
    assert_int_equal(found->size, made.size);
    assert_memory_equal(found->bytes, made.bytes, made.size);
}

/* ---- certificates ---- */

static void a_certificate_is_as_it_was_put(void **state)
{
    (void)state;
    struct made made = assembled(certificate);
    struct x509 *read = decode(&made);
    struct der value;
    assert_non_null(read);
    assert_int_equal(read->version, 2);
    assert_der(&read->serial, "1234");
    assert_der(&read->is.algorithm, WITH_SHA256);
    assert_der(&read->is.issuer, NAME("issuer"));
    assert_der(&read->subject, NAME("subject"));
    assert_der(&read->key_info, key_text);
    assert_int_equal(read->from, 1672531200);
    assert_int_equal(read->until, 1988150400);
    assert_true(read->is_ca && !read->malformed && !read->unknown_critical);
    assert_int_equal(read->path_length, 3);
    assert_int_equal(read->usage, 6);
    assert_int_equal(EVP_PKEY_eq(read->key, key), 1);
    assert_true(x509_extension(read, "1.3.6.1", &value));
    assert_true(der_is(&value, "own", 3));
    assert_true(x509_extension(read, "2.5.29.15", &value));
    assert_der(&value, "03{0106}");
    assert_false(x509_extension(read, "2.5.29.1", &value));
    assert_false(x509_extension(read, "2.5.29", &value));
    assert_true(x509_verify(&read->is, key));
    assert_ptr_equal(x509_keep(read), read);
    x509_drop(read);
    assert_int_equal(read->version, 2); /* still there */
    x509_drop(read);
}

struct part_case {
    int part;
    const char *text;
    bool good;
};

static void check_parts(const char *const parts[PARTS], bool (*good)(const struct made *),
                        const struct part_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct made made = changed(parts, cases[i].part, cases[i].text);
        if (good(&made) != cases[i].good)
            fail_msg("part %d as %s is %s", cases[i].part, cases[i].text,
                     cases[i].good ? "refused" : "read");
    }
}
#define CHECK_PARTS(parts, good, cases)                                                            \
    check_parts(parts, good, cases, sizeof(cases) / sizeof((cases)[0]))

static void numbers_are_numbers(void **state)
{
    (void)state;
    static const struct part_case cases[] = {
        {VERSION, "", true},
        {VERSION, "a0{02{00}}", true},
        {VERSION, "a0{02{03}}", true},
        {VERSION, "a0{02{00ffffffff}}", true},
        {VERSION, "a0{02{0100000000}}", false},
        {VERSION, "a0{02{0002}}", false},
        {VERSION, "a0{02{ff}}", false},
        {VERSION, "a0{02{}}", false},
        {VERSION, "a0{}", false},
        {VERSION, "a0{02{02}00}", false},
        {VERSION, "a0{02{02}02{02}}", false},
        {VERSION, "a0{0a{02}}", false},
        {VERSION, "80{02}", false},
        {VERSION, "02{02}", false},
        {SERIAL, "02{00}", true},
        {SERIAL, "02{80}", true}, /* negative: they are only compared */
        {SERIAL, "02{ff7f}", true},
        {SERIAL, "02{1111111111111111111111111111111111111111111111111111}", true},
        {SERIAL, "02{}", false},
        {SERIAL, "02{0012}", false},
        {SERIAL, "02{ff80}", false},
        {SERIAL, "0a{12}", false},
    };
    CHECK_PARTS(certificate, is_good, cases);
}

static void versions_are_as_put(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t version;
    } cases[] = {{"", 0}, {"a0{02{00}}", 0}, {"a0{02{01}}", 1}, {"a0{02{03}}", 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = changed(certificate, VERSION, cases[i].text);
        struct x509 *read = decode(&made);
        assert_int_equal(read->version, cases[i].version);
        x509_drop(read);
    }
}

static void names_are_names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "30{}",
        "30{31{30{06{550403}0c{}}}}",
        "30{31{30{06{550403}0c{'a'}}30{06{55040a}0c{'b'}}}}", /* two in a set */
        "30{31{30{06{55040a}13{'a'}}}31{30{06{550403}1e{0041}}}}",
    };
    static const char *const bad[] = {
        "",
        "31{31{30{06{550403}0c{'a'}}}}",
        "30{31{}}",
        "30{31{30{}}}",
        "30{31{30{06{550403}}}}",
        "30{31{30{06{550403}0c{'a'}0c{'b'}}}}", /* two values */
        "30{31{30{0c{'a'}06{550403}}}}",
        "30{31{30{06{550403}0c05'a'}}}",
        "30{31{30{06{550403}0c{'a'}}00}}",
        "30{31{30{06{550403}0c{'a'}}}00}",
        "30{31{30{06{550403}0c{'a'}}30{}}}",
        "30{31{30{06{550403}0c{'a'}}}31{}}",
        "30{30{30{06{550403}0c{'a'}}}}",
        "30{31{31{06{550403}0c{'a'}}}}",
        "30{06{550403}0c{'a'}}",
    };
    for (int part = ISSUER; part <= SUBJECT; part += SUBJECT - ISSUER) {
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
            CHECK_PARTS(certificate, is_good, ((const struct part_case[]){{part, good[i], true}}));
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK_PARTS(certificate, is_good, ((const struct part_case[]){{part, bad[i], false}}));
    }
}

static void the_rest_of_a_body_has_its_form(void **state)
{
    (void)state;
    static const struct part_case cases[] = {
        {ALGORITHM, "", false},
        {ALGORITHM, "30{06{2a8648ce3d040303}}", false}, /* another than outside */
        {ALGORITHM, "30{06{2a8648ce3d040302}0500}", false},
        {ALGORITHM, "30{06{2a8648ce3d0403}}", false},
        {ALGORITHM, "3081{06{2a8648ce3d040302}}", false},
        {OUTER, "30{06{2a8648ce3d040302}0500}", false},
        {VALIDITY, "30{}", false},
        {VALIDITY, "30{" TIME "}", false},
        {VALIDITY, "30{" TIME LATER LATER "}", false},
        {VALIDITY, "30{" TIME LATER "00}", false},
        {VALIDITY, "31{" TIME LATER "}", false},
        {VALIDITY, TIME LATER, false},
        {VALIDITY, "30{" LATER TIME "}", true}, /* never valid */
        {VALIDITY, "30{" TIME "0500}", false},
        {VALIDITY, "30{0c{'230101000000Z'}" LATER "}", false},
        {VALIDITY, "30{18{'19000101000000Z'}18{'99991231235959Z'}}", true},
        {KEY, "", false},
        {KEY, "31{}", false},
        {KEY, "30{}", false},
        {KEY, "30{30{06{2a}}03{00}}", true}, /* no key that can be used */
        {KEY, "30{30{}03{00}}", false},
        {KEY, "30{30{06{2a}0500}03{00}}", true},
        {KEY, "30{30{06{2a}05000500}03{00}}", false},
        {KEY, "30{30{06{2a}0500 00}03{00}}", false},
        {KEY, "30{30{06{2a}}04{00}}", false},
        {KEY, "30{30{06{2a}}03{}}", false},
        {KEY, "30{30{06{2a}}03{00}0500}", false},
        {UNIQUE, "81{}", false},
        {UNIQUE, "82{01aa}", false}, /* not of whole bytes */
        {UNIQUE, "81{00aa}", true},
        {UNIQUE, "82{00aa}", true},
        {UNIQUE, "81{00aa}82{00bb}", true},
        {UNIQUE, "82{00aa}81{00bb}", false},
        {UNIQUE, "81{00aa}81{00bb}", false},
        {UNIQUE, "a1{03{00aa}}", false},
        {UNIQUE, "83{00}", false},
        {MORE, "00", false},
        {MORE, "0500", false},
        {MORE, "a4{30{}}", false},
        {MORE, EXTENSIONS_OF(EXTENSION(OWN, "")), false}, /* twice */
        {BEHIND, "00", false},
        {BEHIND, "0500", false},
        {AFTER, "00", false},
        {AFTER, "0500", false},
        {SIGNATURE, "", false},
        {SIGNATURE, "03{}", false},
        {SIGNATURE, "03{0180}", false}, /* not of whole bytes */
        {SIGNATURE, "04{0011}", false},
        {SIGNATURE, "03{00 30{02{01}02{01}}} 03{00 30{02{01}02{01}}}", false},
    };
    CHECK_PARTS(certificate, is_good, cases);
}

/* Where a time should be. */
static void no_time_is_said_so(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t from, until;
    } cases[] = {
        {"30{18{'20230101000000Z'}" LATER "}", 1672531200, 1988150400},
        {"30{17{'20230101000000Z'}" LATER "}", X509_NO_TIME, 1988150400},
        {"30{" TIME "18{'330101000000Z'}}", 1672531200, X509_NO_TIME},
        {"30{" TIME "17{'3301010000Z'}}", 1672531200, X509_NO_TIME},
        {"30{" TIME "17{'330101000000+0000'}}", 1672531200, X509_NO_TIME},
        {"30{" TIME "18{'20330101000000.5Z'}}", 1672531200, X509_NO_TIME},
        {"30{" TIME "17{}}", 1672531200, X509_NO_TIME},
        {"30{17{'230101000000z'}18{}}", X509_NO_TIME, X509_NO_TIME},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = changed(certificate, VALIDITY, cases[i].text);
        struct x509 *read = decode(&made);
        assert_non_null(read);
        assert_int_equal(read->from, cases[i].from);
        assert_int_equal(read->until, cases[i].until);
        x509_drop(read);
    }
}

/* ---- each part in the wrong place ---- */

/* With the one behind it in its place. False: it is none, or of the same form. */
static bool swapped(const char *const parts[PARTS], int part, struct made *made)
{
    const char *all[PARTS], *next = parts[part + 1];
    if (!next || !*next || (*parts[part] == '1' && *next == '1')) /* times */
        return false;
    memcpy(all, parts, sizeof(all));
    all[part] = next;
    all[part + 1] = parts[part];
    *made = assembled(all);
    return true;
}

static void check_places(const char *const parts[PARTS], bool (*good)(const struct made *),
                         unsigned optional)
{
    for (int i = 0; i < PARTS; i++) {
        char both[4096];
        if (!parts[i] || !*parts[i])
            continue;
        struct made made = changed(parts, i, "");
        if (good(&made) != (optional >> i & 1))
            fail_msg("without part %d", i);
        snprintf(both, sizeof(both), "%s%s", parts[i], parts[i]);
        made = changed(parts, i, both);
        if (good(&made))
            fail_msg("part %d twice", i);
        if (i + 1 < OUTER && swapped(parts, i, &made) && good(&made))
            fail_msg("parts %d and %d swapped", i, i + 1);
    }
}

/* The tag of each part, any other. `but`: a part that may have other tags. */
static void check_tags(const char *const parts[PARTS], bool (*good)(const struct made *),
                       unsigned but)
{
    for (int i = 0; i < PARTS; i++)
        for (unsigned tag = 0; tag < 0x100 && parts[i] && *parts[i]; tag++) {
            char text[4096], right[3];
            snprintf(text, sizeof(text), "%02x%s", tag, parts[i] + 2);
            snprintf(right, sizeof(right), "%.2s", parts[i]);
            if (strtoul(right, NULL, 16) == tag || but >> i & 1)
                continue;
            struct made made = changed(parts, i, text);
            if (good(&made))
                fail_msg("part %d with tag %02x", i, tag);
        }
}

static void each_part_has_its_place(void **state)
{
    (void)state;
    check_places(certificate, is_good, 1 << VERSION | 1 << EXTENSIONS);
    /* Without the first time the second is the first. */
    check_places(list, is_good_list,
                 1 << L_FROM | 1 << L_VERSION | 1 << L_UNTIL | 1 << L_REVOKED | 1 << L_EXTENSIONS);
}

static void each_part_has_its_tag(void **state)
{
    (void)state;
    const char
        *with_unique[PARTS]; /* [1] and [2], which would else be read in the next one's place */
    memcpy(with_unique, certificate, sizeof(with_unique));
    with_unique[UNIQUE] = "81{00}82{00}";
    check_tags(with_unique, is_good, 0);
    check_tags(list, is_good_list, 1 << L_FROM | 1 << L_UNTIL); /* a list without a time is none */
}

static void algorithms_that_are_the_same_may_be_any(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"30{06{2a8648ce3d040303}}", "30{06{2a}}",
                                             "30{06{2a}02{01}}"};
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        const char *all[PARTS];
        memcpy(all, certificate, sizeof(all));
        all[ALGORITHM] = all[OUTER] = algorithms[i];
        struct made made = assembled(all);
        struct x509 *read = decode(&made);
        assert_non_null(read);
        assert_false(x509_verify(&read->is, key));
        x509_drop(read);
    }
}

/* ---- extensions ---- */

static void extensions_have_their_form(void **state)
{
    (void)state;
    static const struct part_case cases[] = {
        {EXTENSIONS, "", true},
        {EXTENSIONS, "a3{}", false},
        {EXTENSIONS, "a3{30{}}", false},
        {EXTENSIONS, "a3{30{30{}}}", false},
        {EXTENSIONS, "a3{31{" EXTENSION(OWN, "") "}}", false},
        {EXTENSIONS, "a3{30{" EXTENSION(OWN, "") "}00}", false},
        {EXTENSIONS, "a3{30{" EXTENSION(OWN, "") "}30{}}", false},
        {EXTENSIONS, EXTENSIONS_OF(EXTENSION(OWN, "") "00"), false},
        {EXTENSIONS, EXTENSIONS_OF(EXTENSION(OWN, "") "0500"), false},
        {EXTENSIONS, EXTENSIONS_OF("31{06{" OWN "}04{}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{04{}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{04{}06{" OWN "}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}03{00}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}24{04{}}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}04{}00}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}04{}04{}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}04{}01{ff}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}01{ff}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}01{ff}01{ff}04{}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}01{00}04{}}"), true}, /* FALSE written out */
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}01{01}04{}}"), false},
        {EXTENSIONS, EXTENSIONS_OF(EXTENSION("", "")), false},
        {EXTENSIONS, EXTENSIONS_OF(EXTENSION("551d8013", "")), false}, /* not the shortest form */
        {EXTENSIONS, EXTENSIONS_OF(EXTENSION("551d93", "")), false},   /* cut off */
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}01{}04{}}"), false},
        {EXTENSIONS, EXTENSIONS_OF("30{06{" OWN "}01{ffff}04{}}"), false},
    };
    CHECK_PARTS(certificate, is_good, cases);
}

struct judged {
    const char *text; /* of the extensions */
    bool malformed, unknown_critical, is_ca;
    int64_t path_length;
    uint32_t usage;
};

static void check_judged(const struct judged *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct made made = changed(certificate, EXTENSIONS, cases[i].text);
        struct x509 *read = decode(&made);
        const struct judged *one = &cases[i];
        if (!read || read->malformed != one->malformed ||
            read->unknown_critical != one->unknown_critical)
            fail_msg("%s: malformed %d, unknown %d", one->text, read && read->malformed,
                     read && read->unknown_critical);
        if (!read->malformed &&
            (read->is_ca != one->is_ca || read->path_length != one->path_length ||
             read->usage != one->usage))
            fail_msg("%s: ca %d, length %lld, usage %x", one->text, read->is_ca,
                     (long long)read->path_length, read->usage);
        x509_drop(read);
    }
}
#define CHECK_JUDGED(cases) check_judged(cases, sizeof(cases) / sizeof((cases)[0]))

static void constraints_are_judged(void **state)
{
    (void)state;
#define OF(value) EXTENSIONS_OF(CRITICAL(CONSTRAINTS, value))
    static const struct judged cases[] = {
        {"", 0, 0, false, -1, X509_ANY_USAGE},
        {OF("30{}"), 0, 0, false, -1, X509_ANY_USAGE},
        {OF("30{01{00}}"), 0, 0, false, -1, X509_ANY_USAGE},
        {OF("30{01{ff}}"), 0, 0, true, -1, X509_ANY_USAGE},
        {OF("30{01{ff}02{00}}"), 0, 0, true, 0, X509_ANY_USAGE},
        {OF("30{01{ff}02{7fffffff}}"), 0, 0, true, INT32_MAX, X509_ANY_USAGE},
        {OF("30{02{01}}"), 0, 0, false, 1, X509_ANY_USAGE},
        {EXTENSIONS_OF(EXTENSION(CONSTRAINTS, "30{01{ff}}")), 0, 0, true, -1, X509_ANY_USAGE},
        {OF(""), .malformed = true},
        {OF("31{01{ff}}"), .malformed = true},
        {OF("30{01{01}}"), .malformed = true},
        {OF("30{01{}}"), .malformed = true},
        {OF("30{01{ff}02{ff}}"), .malformed = true}, /* negative */
        {OF("30{01{ff}02{0080000000}}"), .malformed = true},
        {OF("30{01{ff}02{7fffffffffffffffff}}"), .malformed = true},
        {OF("30{01{ff}02{0001}}"), .malformed = true},
        {OF("30{01{ff}02{}}"), .malformed = true},
        {OF("30{02{01}01{ff}}"), .malformed = true},
        {OF("30{01{ff}01{ff}}"), .malformed = true},
        {OF("30{01{ff}02{01}02{01}}"), .malformed = true},
        {OF("30{01{ff}00}"), .malformed = true},
        {OF("30{01{ff}}00"), .malformed = true},
        {OF("30{01{ff}}0500"), .malformed = true},
    };
#undef OF
    CHECK_JUDGED(cases);
}

static void usage_is_judged(void **state)
{
    (void)state;
#define OF(value) EXTENSIONS_OF(CRITICAL(USAGE, value))
    static const struct judged cases[] = {
        {OF("03{0780}"), 0, 0, false, -1, X509_DIGITAL_SIGNATURE},
        {OF("03{0204}"), 0, 0, false, -1, X509_CERTIFICATE_SIGN},
        {OF("03{0080}"), 0, 0, false, -1, X509_DIGITAL_SIGNATURE}, /* zeros written out */
        {OF("03{070080}"), 0, 0, false, -1, 0x8000},               /* two bytes */
        {OF("03{078480}"), 0, 0, false, -1, 0x8084},
        {EXTENSIONS_OF(EXTENSION(USAGE, "03{0780}")), 0, 0, false, -1, X509_DIGITAL_SIGNATURE},
        {OF(""), .malformed = true},
        {OF("03{}"), .malformed = true},
        {OF("03{00}"), .malformed = true},
        {OF("03{0000}"), .malformed = true}, /* no bit is set */
        {OF("03{0700}"), .malformed = true},
        {OF("03{070000}"), .malformed = true},
        {OF("03{0880}"), .malformed = true},
        {OF("03{088000}"), .malformed = true},
        {OF("03{ff80}"), .malformed = true},
        {OF("03{0784}"), .malformed = true}, /* bits that are said not to be there */
        {OF("03{0381}"), .malformed = true},
        {OF("03{078001}"), .malformed = true},
        {OF("04{0780}"), .malformed = true},
        {OF("23{0780}"), .malformed = true},
        {OF("03{0780}00"), .malformed = true},
        {OF("0780"), .malformed = true},
    };
#undef OF
    CHECK_JUDGED(cases);
}

static void other_extensions_are_judged(void **state)
{
    (void)state;
#define ONE(oid, critical)                                                                         \
    {EXTENSIONS_OF(CRITICAL(oid, "0500")), 0, critical, false, -1, X509_ANY_USAGE},                \
    {                                                                                              \
        EXTENSIONS_OF(EXTENSION(oid, "0500")), 0, 0, false, -1, X509_ANY_USAGE                     \
    }
    static const struct judged cases[] = {
        ONE(OTHER_NAME, false),
        ONE(LISTS, false),
        ONE(POLICIES, false),
        ONE(NAMES, true),    /* constraints of names */
        ONE("551d24", true), /* and of policies */
        ONE("551d36", true),
        ONE("551d21", true),
        ONE("551d12", true),
        ONE("551d14", true),
        ONE(OWN, true),
        ONE("551d", true),
        ONE("551d0f00", true),
        ONE("551d8113", true),
        ONE("551e0f", true),
        ONE("541d0f", true),
        ONE("2a", true),
        {EXTENSIONS_OF(CRITICAL(OWN, "") EXTENSION(NAMES, "")), 0, true, false, -1, X509_ANY_USAGE},
        {EXTENSIONS_OF(CRITICAL(PURPOSES, "30{06{2b}}")), 0, 0, false, -1, X509_ANY_USAGE},
        {EXTENSIONS_OF(CRITICAL(PURPOSES, "30{06{2b}06{2c}}")), 0, 0, false, -1, X509_ANY_USAGE},
        {EXTENSIONS_OF(EXTENSION(PURPOSES, "30{}")), .malformed = true},
        {EXTENSIONS_OF(EXTENSION(PURPOSES, "")), .malformed = true},
        {EXTENSIONS_OF(EXTENSION(PURPOSES, "31{06{2b}}")), .malformed = true},
        {EXTENSIONS_OF(EXTENSION(PURPOSES, "30{06{2b}}00")), .malformed = true},
        {EXTENSIONS_OF(EXTENSION(PURPOSES, "30{06{2b}00}")), .malformed = true},
        {EXTENSIONS_OF(EXTENSION(PURPOSES, "30{06{2b}0500}")), .malformed = true},
        {EXTENSIONS_OF(EXTENSION(OWN, "") EXTENSION(OWN, "00")), .malformed = true}, /* twice */
        {EXTENSIONS_OF(EXTENSION(USAGE, "03{0780}") EXTENSION(OWN, "") CRITICAL(USAGE, "03{0204}")),
         .malformed = true},
        {EXTENSIONS_OF(EXTENSION(CONSTRAINTS, "30{}") EXTENSION(CONSTRAINTS, "30{}")),
         .malformed = true},
        {EXTENSIONS_OF(CRITICAL(OWN, "") CRITICAL(OWN, "")), true, true, 0, 0, 0},
        {EXTENSIONS_OF("30{06{" NAMES "}01{00}04{}}"), 0, 0, false, -1, X509_ANY_USAGE},
    };
#undef ONE
    CHECK_JUDGED(cases);
}

static void extensions_are_64_at_most(void **state)
{
    (void)state;
    for (unsigned count = 63; count <= 65; count++) {
        char text[4096] = "a3{30{";
        struct der value;
        size_t used = strlen(text);
        for (unsigned i = 0; i < count; i++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "30{06{2b06%02x}04{%02x}}",
                                     i, i);
        snprintf(text + used, sizeof(text) - used, "}}");
        struct made made = changed(certificate, EXTENSIONS, text);
        struct x509 *read = decode(&made);
        assert_int_equal(read != NULL, count <= 64);
        if (read) {
            assert_false(read->malformed);
            assert_true(x509_extension(read, "1.3.6.62", &value));
            assert_der(&value, "3e");
        }
        x509_drop(read);
    }
}

static void purposes_are_found(void **state)
{
    (void)state;
    static const char both[] =
        EXTENSIONS_OF(EXTENSION(PURPOSES, "30{06{2b0601}06{2b060105050703 01}}"));
    struct made made = changed(certificate, EXTENSIONS, both);
    struct x509 *read = decode(&made);
    for (int without = 0; without < 2; without++) {
        assert_true(x509_is_for(read, "1.3.6.1", without));
        assert_true(x509_is_for(read, "1.3.6.1.5.5.7.3.1", without));
        assert_false(x509_is_for(read, "1.3.6.1.5.5.7.3.2", without));
        assert_false(x509_is_for(read, "1.3.6.1.5.5.7.3", without));
        assert_false(x509_is_for(read, "1.3.6", without));
    }
    x509_drop(read);
    made = changed(certificate, EXTENSIONS, EXTENSIONS_OF(EXTENSION(PURPOSES, "0500")));
    read = decode(&made); /* malformed: for nothing */
    assert_false(x509_is_for(read, "1.3.6.1", true));
    x509_drop(read);
    made = assembled(certificate);
    read = decode(&made);
    assert_true(x509_is_for(read, "1.3.6.1", true));
    assert_false(x509_is_for(read, "1.3.6.1", false));
    x509_drop(read);
}

static void common_names_are_plain(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } cases[] = {
        {NAME("a name"), "a name"},
        {"30{}", ""},
        {"30{31{30{06{55040a}0c{'a'}}}}", ""},
        {"30{31{30{06{55040a}0c{'a'}}30{06{550403}0c{'b'}}}}", "b"},
        {"30{31{30{06{55040a}0c{'a'}}}31{30{06{550403}13{'b'}}}31{30{06{550403}0c{'c'}}}}", "b"},
        {"30{31{30{06{550403}0c{}}}}", ""},
        {"30{31{30{06{550403}0c{'a'000a1b7fc3a4'z'}}}}", "a??????z"},
        {"30{31{30{06{550403}1e{00410042}}}}", "?A?B"},
        {"", ""},
        {"31{}", ""},
        {"30{31{30{06{550403}0c05'a'}}}", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[128] = "before";
        struct made made = made_of(cases[i].text);
        struct der der = made_der(&made);
        x509_common_name(&der, name);
        assert_string_equal(name, cases[i].name);
    }
}

static void common_names_are_cut(void **state)
{
    (void)state;
    for (size_t length = 126; length <= 300; length += length < 130 ? 1 : 85) {
        char text[400], letters[301] = "", *name = malloc(128); /* so that ASan sees an overrun */
        memset(letters, 'x', length);
        letters[length] = 0;
        snprintf(text, sizeof(text), "30{31{30{06{550403}0c{'%s'}}}}", letters);
        struct made made = made_of(text);
        struct der der = made_der(&made);
        x509_common_name(&der, name);
        assert_int_equal(strlen(name), length < 127 ? length : 127);
        free(name);
    }
}

/* ---- lists ---- */

static void a_list_is_as_it_was_put(void **state)
{
    (void)state;
    struct made made = assembled(list);
    struct x509_list *read = decode_list(&made);
    assert_non_null(read);
    assert_der(&read->is.issuer, NAME("issuer"));
    assert_der(&read->is.algorithm, WITH_SHA256);
    assert_int_equal(read->from, 1672531200);
    assert_int_equal(read->until, 1988150400);
    assert_int_equal(read->count, 2);
    assert_false(read->unknown_critical);
    assert_der(&read->is.extensions, EXTENSION("551d14", "02{05}"));
    assert_true(x509_verify(&read->is, key));
    x509_list_free(read);
}

static void lists_have_their_form(void **state)
{
    (void)state;
    static const struct part_case cases[] = {
        {L_VERSION, "", true}, /* 1 */
        {L_VERSION, "02{00}", false},
        {L_VERSION, "02{02}", false},
        {L_VERSION, "02{ff}", false},
        {L_VERSION, "02{0001}", false},
        {L_VERSION, "02{}", false},
        {L_VERSION, "a0{02{01}}", false},
        {L_ALGORITHM, "30{06{2a8648ce3d040303}}", false},
        {L_ALGORITHM, "30{06{2a8648ce3d040302}0500}", false},
        {L_ISSUER, "30{31{}}", false},
        {L_FROM, "", true}, /* the next is the first */
        {L_UNTIL, TIME LATER, false},
        {L_REVOKED, "30{}", true},
        {L_REVOKED, "31{}", false},
        {L_REVOKED, "30{30{}}", false},
        {L_REVOKED, "30{30{02{05}}}", false},
        {L_REVOKED, "30{30{" TIME "}}", false},
        {L_REVOKED, "30{30{" TIME "02{05}}}", false},
        {L_REVOKED, "30{30{02{0005}" TIME "}}", false},
        {L_REVOKED, "30{30{02{}" TIME "}}", false},
        {L_REVOKED, "30{30{0a{05}" TIME "}}", false},
        {L_REVOKED, "30{31{02{05}" TIME "}}", false},
        {L_REVOKED, "30{30{02{05}" TIME "0500}}", false},
        {L_REVOKED, "30{30{02{05}" TIME "30{}00}}", false},
        {L_REVOKED, "30{30{02{05}" TIME "30{}30{}}}", false},
        {L_REVOKED, "30{30{02{05}" TIME "}00}", false},
        {L_REVOKED, "30{30{02{05}" TIME "}02{05}}", false},
        {L_EXTENSIONS, "a0{}", false},
        {L_EXTENSIONS, "a0{30{}}", false},
        {L_EXTENSIONS, "a0{30{" EXTENSION(OWN, "") "}00}", false},
        {L_EXTENSIONS, "a3{30{" EXTENSION(OWN, "") "}}", false},
        {L_MORE, "00", false},
        {L_MORE, "0500", false},
        {BEHIND, "0500", false},
        {AFTER, "00", false},
        {SIGNATURE, "03{}", false},
        {SIGNATURE, "03{0180}", false},
        {OUTER, "30{06{2a8648ce3d040303}}", false},
    };
    CHECK_PARTS(list, is_good_list, cases);
}

static void what_is_critical_in_a_list_is_told(void **state)
{
    (void)state;
#define ENTRY(extensions) "30{30{02{04}" TIME "}30{02{05}" TIME "30{" extensions "}}}"
    static const struct {
        int part;
        const char *text;
        bool critical;
    } cases[] = {
        {L_EXTENSIONS, "", false},
        {L_EXTENSIONS, "a0{30{" EXTENSION(OWN, "") EXTENSION("551d1c", "") "}}", false},
        {L_EXTENSIONS, "a0{30{" CRITICAL("551d1c", "") "}}", true},
        {L_EXTENSIONS, "a0{30{" EXTENSION(OWN, "") CRITICAL("551d1b", "02{01}") "}}", true},
        {L_EXTENSIONS, "a0{30{30{06{2b}01{00}04{}}}}", false},
        {L_REVOKED, ENTRY(""), false},
        {L_REVOKED, ENTRY(EXTENSION("551d15", "0a{01}")), false},
        {L_REVOKED, ENTRY(EXTENSION(OWN, "") CRITICAL("551d1d", "30{}")), true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = changed(list, cases[i].part, cases[i].text);
        struct x509_list *read = decode_list(&made);
        if (!read || read->unknown_critical != cases[i].critical)
            fail_msg("%s", cases[i].text);
        x509_list_free(read);
    }
}

static void malformed_extensions_are_refused_in_lists_too(void **state)
{
    (void)state;
    static const struct part_case cases[] = {
        {L_EXTENSIONS, "a0{30{30{06{2b}01{01}04{}}}}", false},
        {L_EXTENSIONS, "a0{30{" EXTENSION(OWN, "") "00}}", false},
        {L_EXTENSIONS, "a0{30{" EXTENSION(OWN, "") "30{}}}", false},
        {L_REVOKED, ENTRY("30{}"), false},
        {L_REVOKED, ENTRY("0500"), false},
    };
    CHECK_PARTS(list, is_good_list, cases);
}
#undef ENTRY

static void lists_without_times_say_so(void **state)
{
    (void)state;
    static const struct {
        int part;
        const char *text;
        int64_t from, until;
    } cases[] = {
        {L_UNTIL, "", 1672531200, X509_NO_TIME},
        {L_UNTIL, "17{'20330101000000Z'}", 1672531200, X509_NO_TIME},
        {L_UNTIL, "18{'20330101000000Z'}", 1672531200, 1988150400},
        {L_FROM, "17{'23'}", X509_NO_TIME, 1988150400},
        {L_FROM, "18{'20230101000000Z'}", 1672531200, 1988150400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = changed(list, cases[i].part, cases[i].text);
        struct x509_list *read = decode_list(&made);
        assert_non_null(read);
        assert_int_equal(read->from, cases[i].from);
        assert_int_equal(read->until, cases[i].until);
        x509_list_free(read);
    }
}

static void serial_numbers_are_found_whole(void **state)
{
    (void)state;
    static const char revoked[] = "30{30{02{010203}" TIME "}30{02{80}" TIME "}30{02{00ff}" TIME
                                  "}30{02{7f}18{'20230101000000Z'}30{}}}";
    static const struct {
        const char *serial;
        bool found;
    } cases[] = {
        {"010203", true},    {"80", true},      {"00ff", true}, {"7f", true},  {"01", false},
        {"0102", false},     {"0203", false},   {"ff", false},  {"30", false}, {"3230", false},
        {"02010203", false}, {"010204", false}, {"81", false},  {"00", false}, {"01020304", false},
    };
    struct made made = changed(list, L_REVOKED, revoked);
    struct x509_list *read = decode_list(&made);
    assert_int_equal(read->count, 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made serial = made_of(cases[i].serial);
        if (x509_is_revoked(read, &(struct der){serial.bytes, serial.size}) != cases[i].found)
            fail_msg("serial number %s", cases[i].serial);
    }
    x509_list_free(read);
    static const char *const none[] = {"", "30{}"};
    for (size_t i = 0; i < 2; i++) {
        made = changed(list, L_REVOKED, none[i]);
        read = decode_list(&made);
        assert_int_equal(read->count, 0);
        assert_false(x509_is_revoked(read, &(struct der){(const uint8_t *)"\x7f", 1}));
        x509_list_free(read);
    }
}

/* ---- altered ---- */

static bool verifies(const uint8_t *bytes, size_t size)
{
    struct x509 *read = x509_decode(bytes, size);
    bool good = read && x509_verify(&read->is, key);
    x509_drop(read);
    return good;
}

static bool list_verifies(const uint8_t *bytes, size_t size)
{
    struct x509_list *read = x509_list_decode(bytes, size);
    bool good = read && x509_verify(&read->is, key);
    x509_list_free(read);
    return good;
}

static void check_altered(const struct made *made, bool (*good)(const uint8_t *, size_t))
{
    uint8_t *bytes = made_exact(made);
    assert_true(good(bytes, made->size));
    for (size_t at = 0; at < made->size; at++)
        for (unsigned change = 1; change < 0x100; change += change < 0x10 ? 1 : 0x0f) {
            bytes[at] ^= (uint8_t)change;
            if (good(bytes, made->size))
                fail_msg("byte %zu may be %02x", at, bytes[at]);
            bytes[at] ^= (uint8_t)change;
        }
    for (size_t size = 0; size < made->size; size++) {
        uint8_t *less = malloc(size ? size : 1);
        memcpy(less, bytes, size);
        if (good(less, size))
            fail_msg("%zu bytes of %zu are enough", size, made->size);
        free(less);
    }
    free(bytes);
}

static void what_is_altered_never_verifies(void **state)
{
    (void)state;
    struct made made = assembled(certificate);
    check_altered(&made, verifies);
    made = assembled(list);
    check_altered(&made, list_verifies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_as_it_was_put),
        cmocka_unit_test(numbers_are_numbers),
        cmocka_unit_test(versions_are_as_put),
        cmocka_unit_test(names_are_names),
        cmocka_unit_test(the_rest_of_a_body_has_its_form),
        cmocka_unit_test(no_time_is_said_so),
        cmocka_unit_test(each_part_has_its_place),
        cmocka_unit_test(each_part_has_its_tag),
        cmocka_unit_test(algorithms_that_are_the_same_may_be_any),
        cmocka_unit_test(extensions_have_their_form),
        cmocka_unit_test(constraints_are_judged),
        cmocka_unit_test(usage_is_judged),
        cmocka_unit_test(other_extensions_are_judged),
        cmocka_unit_test(extensions_are_64_at_most),
        cmocka_unit_test(purposes_are_found),
        cmocka_unit_test(common_names_are_plain),
        cmocka_unit_test(common_names_are_cut),
        cmocka_unit_test(a_list_is_as_it_was_put),
        cmocka_unit_test(lists_have_their_form),
        cmocka_unit_test(what_is_critical_in_a_list_is_told),
        cmocka_unit_test(malformed_extensions_are_refused_in_lists_too),
        cmocka_unit_test(lists_without_times_say_so),
        cmocka_unit_test(serial_numbers_are_found_whole),
        cmocka_unit_test(what_is_altered_never_verifies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
