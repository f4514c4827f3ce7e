/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads certificates and revocation lists (RFC 5280, sections 4.1 and 5.1) as DER. OpenSSL could:
 * in 100 us a certificate, as long as it takes to verify two signatures, and as BER, which is not
 * what issuers sign.
 */
#include "collateral.h"
#include "pem.h"
#include "public_key.h"
#include "sha256.h"
#include "x509.h"

#include <stdlib.h>
#include <string.h>

#define EXTENSIONS_MOST 64

/* ---- one that counts its references ---- */

struct x509 *x509_keep(struct x509 *certificate)
{
    __atomic_add_fetch(&certificate->references, 1, __ATOMIC_RELAXED);
    return certificate;
}

void x509_drop(struct x509 *certificate)
{
    if (!certificate || __atomic_sub_fetch(&certificate->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    EVP_PKEY_free(certificate->key);
    free(certificate);
}

void x509_list_free(struct x509_list *list)
{
    free(list);
}

static void keep_cached(void *certificate)
{
    x509_keep(certificate);
}

static void drop_cached(void *certificate)
{
    x509_drop(certificate);
}

const struct cache_type x509_cached = {keep_cached, drop_cached};

bool x509_pool_add(struct x509_pool *pool, struct x509 *certificate)
{
    size_t count = pool->count;
    if ((count & (count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        struct x509 **more = realloc(pool->all, (count ? 2 * count : 1) * sizeof(struct x509 *));
        if (!more) {
            x509_drop(certificate);
            return false;
        }
        pool->all = more;
    }
    pool->all[pool->count++] = certificate;
    return true;
}

void x509_pool_clear(struct x509_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        x509_drop(pool->all[i]);
    free(pool->all);
    *pool = (struct x509_pool){NULL, 0};
}

/* ---- names ---- */

/* Takes one attribute of a Name's inside: SETs of SEQUENCEs of an OID and a value. `set`: what is
 * left of the one that was begun. */
static bool take_attribute(struct der *name, struct der *set, struct der *oid, struct der *value)
{
    struct der pair;
    uint8_t tag;
    return (set->size > 0 || der_take(name, DER_SET, set)) && der_take(set, DER_SEQUENCE, &pair) &&
           der_take(&pair, DER_OID, oid) && der_any(&pair, &tag, value, NULL) && pair.size == 0;
}

static bool is_name(struct der name)
{
    struct der set = {NULL, 0}, oid, value;
    bool good = true;
    while (good && name.size > 0) {
        good = take_attribute(&name, &set, &oid, &value);
        while (good && set.size > 0)
            good = take_attribute(&name, &set, &oid, &value);
    }
    return good;
}

void x509_common_name(const struct der *name, char text[128])
{
    static const uint8_t common_name[] = {0x55, 0x04, 0x03};
    struct der whole = *name, inside = {NULL, 0}, set = {NULL, 0}, oid, value;
    text[0] = 0;
    if (!der_take(&whole, DER_SEQUENCE, &inside))
        return;
    while (inside.size + set.size > 0 && take_attribute(&inside, &set, &oid, &value)) {
        if (!DER_IS(&oid, common_name))
            continue;
        size_t size = value.size < 127 ? value.size : 127;
        for (size_t i = 0; i < size; i++)
            text[i] = value.bytes[i] < ' ' || value.bytes[i] > '~' ? '?' : (char)value.bytes[i];
        text[size] = 0;
        return;
    }
}

/* ---- extensions ---- */

bool x509_extension_take(struct der *from, struct x509_extension *extension)
{
    struct der inside, critical;
    extension->critical = false;
    return from->size > 0 && der_take(from, DER_SEQUENCE, &inside) &&
           der_take(&inside, DER_OID, &extension->oid) &&
           der_optional(&inside, DER_BOOLEAN, &critical) &&
           (!critical.bytes || der_truth(&critical, &extension->critical)) &&
           der_take(&inside, DER_OCTETS, &extension->value) && inside.size == 0;
}

/* The value of the first with this OID. */
static bool find_extension(const struct x509 *certificate, const uint8_t *oid, size_t size,
                           struct der *value)
{
    struct der from = certificate->is.extensions;
    struct x509_extension one;
    while (x509_extension_take(&from, &one))
        if (der_is(&one.oid, oid, size)) {
            *value = one.value;
            return true;
        }
    return false;
}

bool x509_extension(const struct x509 *certificate, const char *oid, struct der *value)
{
    uint8_t bytes[DER_OID_MOST];
    return find_extension(certificate, bytes, der_oid(oid, bytes), value);
}

/* Those of RFC 5280 (2.5.29.x) that make a difference here, and those that make none even where
 * they are critical: what else a name may be, policies, where revocation lists are. Constraints of
 * names and of policies do, and are not judged. */
enum {
    KEY_USAGE = 15,
    OTHER_NAME = 17,
    CONSTRAINTS = 19,
    LISTS = 31,
    POLICIES = 32,
    PURPOSES = 37
};

/* Bits that are said not to be there are zero (X.690, section 11.2.1): else one reader would see
 * them, and another not. */
static bool read_usage(struct der value, struct x509 *to)
{
    struct der bits;
    if (!der_take(&value, DER_BIT_STRING, &bits) || value.size > 0 || bits.size < 2 ||
        bits.bytes[0] > 7 || bits.bytes[bits.size - 1] & ((1U << bits.bytes[0]) - 1))
        return false;
    to->usage = (uint32_t)bits.bytes[1] | (bits.size > 2 ? (uint32_t)bits.bytes[2] << 8 : 0);
    return to->usage != 0;
}

static bool read_constraints(struct der value, struct x509 *to)
{
    struct der inside, ca, length;
    uint32_t most = 0;
    if (!der_take(&value, DER_SEQUENCE, &inside) || value.size > 0 ||
        !der_optional(&inside, DER_BOOLEAN, &ca) || (ca.bytes && !der_truth(&ca, &to->is_ca)) ||
        !der_optional(&inside, DER_INTEGER, &length) || inside.size > 0 ||
        (length.bytes && !der_number(&length, INT32_MAX, &most)))
        return false;
    to->path_length = length.bytes ? (int64_t)most : -1;
    return true;
}

static bool read_purposes(struct der value)
{
    struct der inside, oid;
    if (!der_take(&value, DER_SEQUENCE, &inside) || value.size > 0 || inside.size == 0)
        return false;
    while (inside.size > 0)
        if (!der_take(&inside, DER_OID, &oid))
            return false;
    return true;
}

static bool is_rfc5280(const struct der *oid)
{
    return oid->size == 3 && oid->bytes[0] == 0x55 && oid->bytes[1] == 0x1d;
}

static void judge_extension(const struct x509_extension *one, struct x509 *to)
{
    bool good = true;
    switch (is_rfc5280(&one->oid) ? one->oid.bytes[2] : 0) {
    case KEY_USAGE:
        good = read_usage(one->value, to);
        break;
    case CONSTRAINTS:
        good = read_constraints(one->value, to);
        break;
    case PURPOSES:
        good = read_purposes(one->value);
        break;
    case OTHER_NAME:
    case LISTS:
    case POLICIES:
        break;
    default:
        to->unknown_critical |= one->critical;
    }
    to->malformed |= !good;
}

/* False: they cannot be told apart. */
static bool read_extensions(struct x509 *to)
{
    struct x509_extension all[EXTENSIONS_MOST];
    struct der from = to->is.extensions;
    for (size_t count = 0; from.size > 0; count++) {
        if (count == EXTENSIONS_MOST || !x509_extension_take(&from, &all[count]))
            return false;
        for (size_t i = 0; i < count; i++)
            to->malformed |= der_same(&all[i].oid, &all[count].oid);
        judge_extension(&all[count], to);
    }
    return true;
}

bool x509_is_for(const struct x509 *certificate, const char *oid, bool without)
{
    static const uint8_t purposes[] = {0x55, 0x1d, PURPOSES};
    uint8_t bytes[DER_OID_MOST];
    const size_t size = der_oid(oid, bytes);
    struct der value, inside, one;
    if (!find_extension(certificate, purposes, sizeof(purposes), &value))
        return without;
    if (!der_take(&value, DER_SEQUENCE, &inside))
        return false;
    while (inside.size > 0 && der_take(&inside, DER_OID, &one))
        if (der_is(&one, bytes, size))
            return true;
    return false;
}

/* ---- what certificates and lists have in common ---- */

/* AlgorithmIdentifier: SEQUENCE { OID, parameters }, which may be absent. */
static bool take_algorithm(struct der *from, struct der *whole)
{
    struct der inside, oid, parameters;
    uint8_t tag;
    return der_any(from, &tag, &inside, whole) && tag == DER_SEQUENCE &&
           der_take(&inside, DER_OID, &oid) &&
           (inside.size == 0 || der_any(&inside, &tag, &parameters, NULL)) && inside.size == 0;
}

/* SEQUENCE { body, AlgorithmIdentifier, BIT STRING }; the body's inside is what is left to read. */
static bool read_signed(struct x509_signed *to, struct der *body)
{
    struct der from = to->whole, inside, bits;
    uint8_t tag;
    return der_take(&from, DER_SEQUENCE, &inside) && from.size == 0 &&
           der_any(&inside, &tag, body, &to->body) && tag == DER_SEQUENCE &&
           take_algorithm(&inside, &to->algorithm) && der_take(&inside, DER_BIT_STRING, &bits) &&
           inside.size == 0 && der_bytes(&bits, &to->signature);
}

static bool take_name(struct der *body, struct der *name)
{
    struct der inside;
    uint8_t tag;
    return der_any(body, &tag, &inside, name) && tag == DER_SEQUENCE && is_name(inside);
}

/* The algorithm inside of what is signed is the one outside of it. */
static bool take_same_algorithm(struct der *body, const struct x509_signed *is)
{
    struct der whole;
    return take_algorithm(body, &whole) && der_same(&whole, &is->algorithm);
}

/* A UTCTime or GeneralizedTime; where it says no time of RFC 5280's it is X509_NO_TIME. */
static bool take_time(struct der *body, int64_t *time)
{
    struct der inside;
    uint8_t tag;
    if (!der_any(body, &tag, &inside, NULL) || (tag != DER_UTC_TIME && tag != DER_TIME))
        return false;
    if (!der_time(tag, &inside, time))
        *time = X509_NO_TIME;
    return true;
}

/* [number] { SEQUENCE of them }, or none. */
static bool take_extensions(struct der *body, int number, struct der *extensions)
{
    struct der tagged;
    *extensions = (struct der){NULL, 0};
    return der_optional(body, DER_CONTEXT(number), &tagged) &&
           (!tagged.bytes || (der_take(&tagged, DER_SEQUENCE, extensions) && tagged.size == 0 &&
                              extensions->size > 0));
}

/* ---- certificates ---- */

static bool take_version(struct der *body, uint32_t *version)
{
    struct der tagged, number;
    *version = 0;
    return der_optional(body, DER_CONTEXT(0), &tagged) &&
           (!tagged.bytes || (der_take(&tagged, DER_INTEGER, &number) && tagged.size == 0 &&
                              der_number(&number, UINT32_MAX, version)));
}

static bool take_validity(struct der *body, struct x509 *to)
{
    struct der both;
    return der_take(body, DER_SEQUENCE, &both) && take_time(&both, &to->from) &&
           take_time(&both, &to->until) && both.size == 0;
}

/* SubjectPublicKeyInfo: SEQUENCE { AlgorithmIdentifier, BIT STRING }. */
static bool take_key_info(struct der *body, struct der *whole)
{
    struct der inside, algorithm, bits, key;
    uint8_t tag;
    return der_any(body, &tag, &inside, whole) && tag == DER_SEQUENCE &&
           take_algorithm(&inside, &algorithm) && der_take(&inside, DER_BIT_STRING, &bits) &&
           inside.size == 0 && der_bytes(&bits, &key);
}

/* Numbers that names had before they were unique: [1] and [2], bit strings. */
static bool skip_unique(struct der *body)
{
    struct der one, other, bytes;
    return der_optional(body, 0x81, &one) && (!one.bytes || der_bytes(&one, &bytes)) &&
           der_optional(body, 0x82, &other) && (!other.bytes || der_bytes(&other, &bytes));
}

static bool read_certificate(struct x509 *to)
{
    struct der body;
    to->path_length = -1;
    to->usage = X509_ANY_USAGE;
    return read_signed(&to->is, &body) && take_version(&body, &to->version) &&
           der_take(&body, DER_INTEGER, &to->serial) && der_is_integer(&to->serial) &&
           take_same_algorithm(&body, &to->is) && take_name(&body, &to->is.issuer) &&
           take_validity(&body, to) && take_name(&body, &to->subject) &&
           take_key_info(&body, &to->key_info) && skip_unique(&body) &&
           take_extensions(&body, 3, &to->is.extensions) && body.size == 0 && read_extensions(to) &&
           sha256_of(to->key_info.bytes, to->key_info.size, to->key_hash);
}

static struct x509 *decode(const uint8_t *bytes, size_t size, const uint8_t hash[32])
{
    struct x509 *made = malloc(sizeof(*made) + size);
    if (!made)
        return NULL;
    *made = (struct x509){.references = 1};
    memcpy(made->bytes, bytes, size);
    memcpy(made->is.hash, hash, sizeof(made->is.hash));
    made->is.whole = (struct der){made->bytes, size};
    if (read_certificate(made)) {
        made->key = public_key_decode(made->key_info.bytes, made->key_info.size);
        return made;
    }
    free(made);
    return NULL;
}

struct x509 *x509_parse(cella_verifier *verifier, const uint8_t *bytes, size_t size)
{
    uint8_t hash[32];
    if (size == 0 || bytes[0] != DER_SEQUENCE || size > INT32_MAX || !sha256_of(bytes, size, hash))
        return NULL;
    struct x509 *certificate = verifier ? cache_get(verifier->cache, hash, &x509_cached) : NULL;
    if (!certificate && (certificate = decode(bytes, size, hash)) && verifier)
        cache_put(verifier->cache, hash, &x509_cached, certificate);
    return certificate;
}

struct x509 *x509_decode(const uint8_t *bytes, size_t size)
{
    return x509_parse(NULL, bytes, size);
}

/* ---- revocation lists ---- */

/* None that is critical is known. False: malformed. */
static bool judge_extensions(struct der extensions, struct x509_list *to)
{
    struct x509_extension one;
    while (extensions.size > 0) {
        if (!x509_extension_take(&extensions, &one))
            return false;
        to->unknown_critical |= one.critical;
    }
    return true;
}

/* SEQUENCE { serial number, when, extensions }. */
static bool take_revoked(struct der *from, struct der *serial, struct der *extensions)
{
    struct der inside;
    int64_t time;
    *extensions = (struct der){NULL, 0};
    return der_take(from, DER_SEQUENCE, &inside) && der_take(&inside, DER_INTEGER, serial) &&
           der_is_integer(serial) && take_time(&inside, &time) &&
           (inside.size == 0 || der_take(&inside, DER_SEQUENCE, extensions)) && inside.size == 0;
}

static bool read_revoked(struct x509_list *to)
{
    struct der from = to->revoked, serial, extensions;
    for (; from.size > 0; to->count++) {
        if (!take_revoked(&from, &serial, &extensions) || !judge_extensions(extensions, to))
            return false;
    }
    return judge_extensions(to->is.extensions, to);
}

static bool is_time(const struct der *body)
{
    return body->size > 0 && (body->bytes[0] == DER_UTC_TIME || body->bytes[0] == DER_TIME);
}

static bool read_list(struct x509_list *to)
{
    struct der body, version;
    uint32_t number;
    to->until = X509_NO_TIME;
    return read_signed(&to->is, &body) && der_optional(&body, DER_INTEGER, &version) &&
           (!version.bytes || (der_number(&version, 1, &number) && number == 1)) &&
           take_same_algorithm(&body, &to->is) && take_name(&body, &to->is.issuer) &&
           take_time(&body, &to->from) && (!is_time(&body) || take_time(&body, &to->until)) &&
           der_optional(&body, DER_SEQUENCE, &to->revoked) &&
           take_extensions(&body, 0, &to->is.extensions) && body.size == 0 && read_revoked(to);
}

struct x509_list *x509_list_decode(const uint8_t *bytes, size_t size)
{
    struct x509_list *made = size > 0 && size <= INT32_MAX ? calloc(1, sizeof(*made) + size) : NULL;
    if (!made)
        return NULL;
    memcpy(made->bytes, bytes, size);
    made->is.whole = (struct der){made->bytes, size};
    if (read_list(made) && sha256_of(bytes, size, made->is.hash))
        return made;
    free(made);
    return NULL;
}

/* Lists may be long: most serial numbers are nowhere in their bytes. */
bool x509_is_revoked(const struct x509_list *list, const struct der *serial)
{
    struct der from = list->revoked, one, extensions;
    if (from.size == 0 || !memmem(from.bytes, from.size, serial->bytes, serial->size))
        return false;
    while (from.size > 0 && take_revoked(&from, &one, &extensions))
        if (der_same(&one, serial))
            return true;
    return false;
}

/* ---- several ---- */

/* One more onto `to`. */
static bool take(cella_verifier *verifier, const struct der *der, struct x509_pool *to, size_t most)
{
    struct x509 *one = to->count < most ? x509_parse(verifier, der->bytes, der->size) : NULL;
    return one && x509_pool_add(to, one);
}

static bool read_pem(cella_verifier *verifier, struct pem_reader *reader, struct x509_pool *to,
                     size_t most)
{
    struct pem_block block;
    bool good = true;
    while (good && pem_next(reader, &block)) {
        if (pem_is_certificate(&block))
            good = take(verifier, &block.inside, to, most);
    }
    return good && !reader->failed;
}

bool x509_read(cella_verifier *verifier, const uint8_t *bytes, size_t size, struct x509_pool *to,
               size_t most)
{
    const size_t before = to->count;
    struct der from = {bytes, size}, inside, whole;
    bool good = size > 0 && size <= INT32_MAX;
    uint8_t tag;
    most += before;
    if (good && bytes[0] == DER_SEQUENCE) {
        while (good && from.size > 0)
            good = der_any(&from, &tag, &inside, &whole) && take(verifier, &whole, to, most);
    } else if (good) {
        struct pem_reader reader = pem_read(bytes, size);
        good = read_pem(verifier, &reader, to, most);
        pem_end(&reader);
    }
    return good && to->count > before;
}

/* ---- who signed it ---- */

bool x509_verify(const struct x509_signed *object, EVP_PKEY *key)
{
    return key && public_key_verify(key, &object->algorithm, &object->signature, object->body.bytes,
                                    object->body.size);
}
