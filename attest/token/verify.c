/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifying a token, in the order of RFC 7515, section 5.2, and RFC 7519, section 7.2: its form,
 * which key, the signature; only then what it says.
 */
#include "token.h"

#include "attest/policy/policy.h"
#include "attest/policy/release_policy.h"
#include "attest/refusal.h"
#include "attest/strict.h"
#include "attest/x509.h"
#include "ear.h"
#include "image/base64.h"
#include "image/fail.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_DATE INT64_C(253402300799) /* the end of the year 9999 */

/* A token taken apart; what is signed is text[0..signed_size). */
struct parts {
    const char *text;
    size_t signed_size;
    json_t *header, *claims;
    uint8_t *signature;
    size_t signature_size;
};

static void drop_parts(struct parts *parts)
{
    json_decref(parts->header);
    json_decref(parts->claims);
    free(parts->signature);
}

/* ---- form ---- */

static cella_status read_part(const char *text, size_t length, const char *name, const char *what,
                              json_t **object, cella_error *error)
{
    char where[200];
    size_t size;
    snprintf(where, sizeof(where), "%.150s: %s", name, what);
    uint8_t *bytes = jose_decode(text, length, &size);
    cella_status status = bytes ? strict_object(bytes, size, where, object, error)
                                : fail(error, CELLA_INVALID, "%s: no base64url", where);
    free(bytes);
    return status;
}

static cella_status read_parts(const char *text, size_t size, const char *name, struct parts *parts,
                               cella_error *error)
{
    size_t dots[2], count = 0;
    if (size > TOKEN_MOST)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; a token has at most %d", name, size,
                    TOKEN_MOST);
    for (size_t i = 0; i < size; i++)
        if (text[i] == '.' && count++ < 2)
            dots[count - 1] = i;
    if (count != 2)
        return fail(error, CELLA_INVALID,
                    "%s: no token: three parts in base64url with a dot between them are wanted%s",
                    name, count == 4 ? "; this one is encrypted" : "");
    parts->text = text;
    parts->signed_size = dots[1];
    cella_status status = read_part(text, dots[0], name, "header", &parts->header, error);
    if (status == CELLA_OK)
        status = read_part(text + dots[0] + 1, dots[1] - dots[0] - 1, name, "claims",
                           &parts->claims, error);
    if (status)
        return status;
    parts->signature = jose_decode(text + dots[1] + 1, size - dots[1] - 1, &parts->signature_size);
    return parts->signature ? CELLA_OK
                            : fail(error, CELLA_INVALID, "%s: signature: no base64url", name);
}

cella_status token_peek(const char *text, size_t size, const char *name, json_t **claims,
                        cella_error *error)
{
    struct parts parts = {0};
    cella_status status = read_parts(text, size, name, &parts, error);
    *claims = status ? NULL : json_incref(parts.claims);
    drop_parts(&parts);
    return status;
}

/* ---- the header ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* JSON text of a member, for a sentence; of a string, without quotes. */
static void show(const json_t *object, const char *name, char text[256])
{
    const json_t *member = json_object_get(object, name);
    char *whole =
        member ? json_dumps(member, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    size_t quote = whole && json_is_string(member);
    if (whole)
        snprintf(text, 256, "%.*s", (int)(strlen(whole) - 2 * quote), whole + quote);
    else
        snprintf(text, 256, "nothing");
    free(whole);
}

static bool is_type(const char *type)
{
    static const char *const known[] = {"JWT", "eat+jwt"};
    if (strncasecmp(type, "application/", strlen("application/")) == 0)
        type += strlen("application/");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcasecmp(type, known[i]) == 0)
            return true;
    return false;
}

static cella_status judge_header(struct appraisal *appraisal, const struct parts *parts,
                                 const struct jose_algorithm **algorithm)
{
    char found[256];
    const json_t *header = parts->header;
    show(header, "crit", found);
    if (json_object_get(header, "crit"))
        return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "crit",
                                "no extension that must be understood", found, NULL);
    if (json_object_get(header, "cty"))
        return appraisal_refuse(appraisal, CLASS_UNSUPPORTED, "cty", "claims",
                                "a token inside the token, or something else", NULL);
    if (json_object_get(header, "typ") && !is_type(text_of(header, "typ"))) {
        show(header, "typ", found);
        return appraisal_refuse(appraisal, CLASS_POLICY, "typ", "JWT or eat+jwt", found,
                                "It is a token of another kind: ask for an attestation result.");
    }
    *algorithm = jose_algorithm(text_of(header, "alg"));
    if (*algorithm)
        return CELLA_OK;
    show(header, "alg", found);
    return appraisal_refuse(appraisal, CLASS_SIG, "alg", "ES256, ES384, PS256 or RS256", found,
                            "No other algorithm is accepted, whoever asks for it.");
}

/* ---- the key ---- */

static cella_status find_key(struct appraisal *appraisal, const struct jwks *set,
                             const struct parts *parts, const struct jose_algorithm *algorithm,
                             EVP_PKEY **key)
{
    static const char advice[] = "Get the issuer's keys again if they may have changed.";
    const json_t *kid = json_object_get(parts->header, "kid");
    const struct jwks_key *one = !kid && set->count == 1 ? &set->keys[0] : NULL;
    char found[256];
    show(parts->header, "kid", found);
    for (size_t i = 0; json_is_string(kid) && i < set->count; i++)
        if (set->keys[i].kid && strcmp(set->keys[i].kid, json_string_value(kid)) == 0)
            one = &set->keys[i];
    if (!one)
        return appraisal_refuse(appraisal, CLASS_ANCHOR, "kid", "a key of the issuer's set", found,
                                advice);
    if ((one->algorithm[0] && strcmp(one->algorithm, algorithm->name) != 0) ||
        !jose_fits(algorithm, one->key))
        return appraisal_refuse(appraisal, CLASS_KEY, "alg", "the algorithm that the key is for",
                                algorithm->name, NULL);
    EVP_PKEY_up_ref(one->key);
    *key = one->key;
    return CELLA_OK;
}

/* Reads x5c (RFC 7515, section 4.1.6). */
static bool read_chain(const json_t *x5c, struct x509_pool *chain)
{
    const json_t *one;
    size_t i, count = json_array_size(x5c);
    json_array_foreach(x5c, i, one)
    {
        size_t length = json_string_length(one), size;
        uint8_t *bytes = json_is_string(one) ? malloc(BASE64_BYTES(length)) : NULL;
        bool good = bytes && base64_read(BASE64, json_string_value(one), length, bytes, &size) &&
                    size && bytes[0] == 0x30 && x509_read(NULL, bytes, size, chain, 1);
        free(bytes);
        if (!good)
            return false;
    }
    return count > 0;
}

/* Revocation lists are heeded where they are given. The root is trusted for its key. */
static void warn_of_lists(struct appraisal *appraisal, const struct x509_chain *chain)
{
    for (size_t i = 0; i + 1 < chain->count; i++) {
        char name[128];
        x509_common_name(&chain->certificates[i]->subject, name);
        if (!chain->listed[i])
            appraisal_warn(appraisal,
                           "no revocation list that could name the certificate \"%s\" was given: "
                           "were it revoked, it would not be seen",
                           name);
    }
}

static cella_status judge_chain(struct appraisal *appraisal, const struct parts *parts,
                                const struct jose_algorithm *algorithm, EVP_PKEY **key)
{
    struct x509_chain judged;
    const json_t *x5c = json_object_get(parts->header, "x5c");
    struct x509_pool chain = {NULL, 0};
    cella_status status = CELLA_OK;
    if (!x5c)
        status = appraisal_refuse(appraisal, CLASS_ANCHOR, "x5c", "the signer's certificates",
                                  "nothing", "Give the issuer's keys with --jwks.");
    else if (json_array_size(x5c) > X509_CHAIN_MOST || !read_chain(x5c, &chain))
        status = appraisal_malformed(appraisal, "x5c", "not 1 to %d certificates in base64",
                                     X509_CHAIN_MOST);
    else if (x509_verify(&chain.all[0]->is, chain.all[0]->key))
        status = appraisal_refuse(appraisal, CLASS_ANCHOR, "x5c",
                                  "a certificate that a root issued", "one that its own key signed",
                                  "Nobody vouches for such a signer but its key, even where that "
                                  "is a root that was given: give the issuer's keys with --jwks.");
    else
        status = x509_judge(appraisal, "token signer's certificate", chain.all[0], &chain, NULL, 0,
                            X509_CRL_IF_PRESENT, &judged);
    if (status == CELLA_OK)
        warn_of_lists(appraisal, &judged);
    if (status == CELLA_OK && (*key = chain.all[0]->key))
        EVP_PKEY_up_ref(*key);
    if (status == CELLA_OK && (!*key || !jose_fits(algorithm, *key)))
        status = appraisal_refuse(appraisal, CLASS_KEY, "alg",
                                  "the algorithm of the certificate's "
                                  "key",
                                  algorithm->name, NULL);
    x509_pool_clear(&chain);
    ERR_clear_error();
    return status;
}

static cella_status judge_signature(struct appraisal *appraisal, const struct parts *parts,
                                    const struct token_demands *demands)
{
    const struct jose_algorithm *algorithm = NULL;
    EVP_PKEY *key = NULL;
    cella_status status = judge_header(appraisal, parts, &algorithm);
    if (status == CELLA_OK)
        status = demands->keys ? find_key(appraisal, demands->keys, parts, algorithm, &key)
                               : judge_chain(appraisal, parts, algorithm, &key);
    if (status == CELLA_OK && !jose_verify(algorithm, key, parts->text, parts->signed_size,
                                           parts->signature, parts->signature_size))
        status = appraisal_refuse(appraisal, CLASS_SIG, "signature", "the signature of that key",
                                  "one of another, or of other bytes",
                                  "The token was altered, or is another issuer's.");
    EVP_PKEY_free(key);
    return status;
}

/* ---- times ---- */

/* A NumericDate, rounded down; false: it is there, and is something else. */
static bool read_date(const json_t *claims, const char *name, bool *there, int64_t *date)
{
    const json_t *member = json_object_get(claims, name);
    double value = json_number_value(member);
    *there = member != NULL;
    *date = 0;
    if (!member)
        return true;
    if (!json_is_number(member) || !(value >= 0 && value <= (double)LAST_DATE))
        return false;
    *date = json_is_integer(member) ? json_integer_value(member) : (int64_t)value;
    return true;
}

static cella_status refuse_date(struct appraisal *appraisal, const char *name, const char *expected,
                                int64_t date)
{
    char found[32], whole[96], at[32];
    snprintf(whole, sizeof(whole), "%s %s", expected, time_text(appraisal->demands->at, at));
    return appraisal_refuse(appraisal, CLASS_TIME, name, whole, time_text(date, found),
                            "Ask for a new token, or judge at a time when it was valid.");
}

static cella_status judge_times(struct appraisal *appraisal, const json_t *claims, int64_t skew)
{
    static const char *const names[] = {"exp", "nbf", "iat"};
    int64_t dates[3], at = appraisal->demands->at;
    bool there[3];
    for (size_t i = 0; i < 3; i++)
        if (!read_date(claims, names[i], &there[i], &dates[i]))
            return appraisal_malformed(appraisal, names[i], "not seconds since 1970");
    if (!there[0])
        return appraisal_refuse(appraisal, CLASS_TIME, "exp", "a time at which it ends", "nothing",
                                "A token that never ends is not accepted.");
    if (at - skew >= dates[0])
        return refuse_date(appraisal, "exp", "after", dates[0]);
    if (there[1] && at + skew < dates[1])
        return refuse_date(appraisal, "nbf", "at the latest", dates[1]);
    if (there[2] && at + skew < dates[2])
        return refuse_date(appraisal, "iat", "at the latest", dates[2]);
    return CELLA_OK;
}

/* ---- for whom, by whom ---- */

static bool is_for(const json_t *audience, const char *whom)
{
    const json_t *one;
    size_t i;
    if (json_is_string(audience))
        return strcmp(json_string_value(audience), whom) == 0;
    json_array_foreach(audience, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), whom) == 0)
            return true;
    }
    return false;
}

static cella_status judge_parties(struct appraisal *appraisal, const json_t *claims,
                                  const struct token_demands *demands)
{
    char found[256];
    const json_t *audience = json_object_get(claims, "aud"),
                 *issuer = json_object_get(claims, "iss");
    show(claims, "iss", found);
    if (!json_is_string(issuer) || strcmp(json_string_value(issuer), demands->issuer) != 0)
        return appraisal_refuse(appraisal, CLASS_POLICY, "iss", demands->issuer, found,
                                "Another service issued it, of which the keys may be trusted for "
                                "something else.");
    show(claims, "aud", found);
    if (demands->audience && !is_for(audience, demands->audience))
        return appraisal_refuse(appraisal, CLASS_POLICY, "aud", demands->audience, found,
                                "It was issued for somebody else.");
    if (!demands->audience && audience)
        return appraisal_refuse(appraisal, CLASS_POLICY, "aud", "no audience", found,
                                "Say which audience you are, if it is for you.");
    return CELLA_OK;
}

/* ---- attestation results ---- */

/* That it says of an attester that it must not be trusted does not make it a worse token. */
static cella_status judge_ear(struct appraisal *appraisal, const json_t *claims)
{
    char place[EAR_TEXT], wrong[EAR_TEXT];
    if (!ear_is(claims))
        return CELLA_OK;
    if (!ear_check(claims, place, wrong))
        return appraisal_malformed(appraisal, place, "%s", wrong);
    enum ear_tier status = ear_status(claims);
    if (status != EAR_AFFIRMING)
        appraisal_warn(appraisal, "its issuer's verdict on what was appraised is %s",
                       ear_tiers[status]);
    if (!ear_is_founded(claims))
        appraisal_warn(appraisal,
                       "its issuer affirms something of which its trustworthiness "
                       "vector claims nothing");
    return CELLA_OK;
}

/* ---- the whole ---- */

static cella_status judge(struct appraisal *appraisal, const struct parts *parts,
                          const struct token_demands *demands)
{
    cella_result *result = appraisal->result;
    record_json(appraisal, result->evidence, "header", json_incref(parts->header));
    record_json(appraisal, result->evidence, "claims", json_incref(parts->claims));
    cella_status status = judge_signature(appraisal, parts, demands);
    if (status == CELLA_OK)
        status = judge_parties(appraisal, parts->claims, demands);
    if (status == CELLA_OK)
        status = judge_times(appraisal, parts->claims, demands->skew);
    if (status == CELLA_OK)
        status = judge_ear(appraisal, parts->claims);
    if (status == CELLA_OK && json_object_update(result->claims, parts->claims))
        result->no_memory = true;
    return status;
}

cella_status token_verify(struct appraisal *appraisal, const char *text, size_t size,
                          const struct token_demands *demands)
{
    struct parts parts = {0};
    cella_error malformed = {0};
    appraisal->result->type = TOKEN_TYPE;
    if (demands->issuer && release_policy_same_issuer(demands->issuer, POLICY_ISSUER))
        return fail(appraisal->error, CELLA_INVALID,
                    "no token's issuer may be \"%s\": that is who verified evidence here",
                    POLICY_ISSUER);
    if (!demands->issuer || !*demands->issuer || demands->skew < 0 || demands->skew > 86400)
        return fail(appraisal->error, CELLA_INVALID,
                    "verifying a token wants its issuer, and a skew of at most a day");
    cella_status status = read_parts(text, size, "token", &parts, &malformed);
    if (status == CELLA_INVALID)
        status = appraisal_malformed(appraisal, "form", "%s", malformed.sentence);
    else if (status)
        status = fail(appraisal->error, status, "%s", malformed.sentence);
    else
        status = judge(appraisal, &parts, demands);
    drop_parts(&parts);
    return status;
}
