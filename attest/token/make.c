/* SPDX-License-Identifier: Apache-2.0
 *
 * Making tokens of results.
 */
#include "token.h"

#include "attest/policy/policy.h"
#include "attest/policy/release_policy.h"
#include "attest/policy/schema.h"
#include "attest/x509.h"
#include "ear.h"
#include "image/base64.h"
#include "image/fail.h"
#include "image/hex.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRES_MOST (INT64_C(366) * 86400)

/* ---- what the result is ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static cella_status check_result(const json_t *result, enum token_profile profile,
                                 cella_error *error)
{
    static const char *const reserved[] = {"iss", "aud",          "exp",       "nbf",
                                           "jti", "evidence_iat", EAR_WARNINGS};
    const json_t *claims = json_object_get(result, "claims");
    const json_t *refusal = json_object_get(result, "refusal");
    if (strcmp(text_of(result, "verdict"), "accepted") != 0 || !json_is_null(refusal) ||
        json_object_size(claims) == 0 || !*text_of(result, "type"))
        return fail(
            error, CELLA_INVALID,
            "result: not accepted: only what `cella verify --json` accepted is vouched for");
    if (strcmp(text_of(result, "type"), TOKEN_TYPE) == 0)
        return fail(error, CELLA_INVALID,
                    "result: of a token, which its issuer signed: nobody here looked at evidence; "
                    "pass that token on as it is");
    for (size_t i = 0; profile == TOKEN_MAA && i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (json_object_get(claims, reserved[i]))
            return fail(error, CELLA_INVALID, "result: the claim \"%s\" is the token's own",
                        reserved[i]);
    return CELLA_OK;
}

/* Azure Attestation's name for a kind of evidence, where the claims do not say it. */
static const char *attestation_type(const json_t *result)
{
    static const struct {
        const char *kind, *type;
    } names[] = {{"tdx", "tdxvm"}, {"snp", "sevsnpvm"}};
    const char *said = text_of(json_object_get(result, "claims"), "x-ms-attestation-type");
    const char *kind = text_of(result, "type");
    for (size_t i = 0; !*said && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].kind, kind) == 0)
            return names[i].type;
    return *said ? said : kind;
}

/* A policy's words are not taken for evidence's: a name that evidence or a token gives a meaning to
 * is not the policy's, but where it repeats what is so, and for the verdict that Azure's own
 * policies issue. */
static bool may_issue(const json_t *result, const char *name, const json_t *value)
{
    const json_t *proven = json_object_get(json_object_get(result, "claims"), name);
    if (proven)
        return json_equal(proven, value);
    if (strcmp(name, "tee") == 0)
        return json_is_string(value) &&
               strcmp(json_string_value(value), attestation_type(result)) == 0;
    return strcmp(name, "x-ms-compliance-status") == 0 ||
           (!schema_find(name) && strncmp(name, "ear.", 4) != 0);
}

/* Of `cella verify --policy`, where there was one. */
static cella_status check_policy(const json_t *result, enum token_profile profile,
                                 cella_error *error)
{
    json_t *policy = json_object_get(result, "policy"), *value;
    json_t *issued = json_object_get(policy, "issued");
    const char *name;
    if (!policy)
        return CELLA_OK;
    if (strcmp(text_of(policy, "verdict"), "permit") != 0 || !json_is_object(issued))
        return fail(error, CELLA_INVALID, "result: not accepted: its policy does not permit it");
    json_object_foreach(issued, name, value)
    {
        if (profile == TOKEN_MAA && !may_issue(result, name, value))
            return fail(error, CELLA_INVALID,
                        "result: its policy issues \"%.80s\", which is for evidence or the token "
                        "itself to say: let it issue another name",
                        name);
    }
    return CELLA_OK;
}

static cella_status check_order(const struct token_order *order, cella_error *error)
{
    if (!jose_algorithm_of(order->key))
        return fail(error, CELLA_INVALID, JOSE_SIGNERS);
    if (order->issuer && release_policy_same_issuer(order->issuer, POLICY_ISSUER))
        return fail(error, CELLA_INVALID,
                    "no token's issuer may be \"%s\": that is who verified evidence here",
                    POLICY_ISSUER);
    const struct x509 *first = x509_pool_first(&order->certificates);
    if (first && (!first->key || EVP_PKEY_eq(first->key, order->key) != 1))
        return fail(error, CELLA_INVALID,
                    "the first of a token's certificates has to be of the key that signs it");
    if (!order->issuer || !*order->issuer || order->at <= 0 || order->expires <= 0 ||
        order->expires > EXPIRES_MOST)
        return fail(error, CELLA_INVALID,
                    "a token wants an issuer, a time, and an end within a year");
    return CELLA_OK;
}

/* ---- claims ---- */

static bool put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static bool put_common(const struct token_order *order, json_t *to)
{
    uint8_t random[16];
    char id[33];
    return RAND_bytes(random, sizeof(random)) == 1 &&
           put(to, "jti", json_string(hex_write(random, sizeof(random), id))) &&
           put(to, "iss", json_string(order->issuer)) && put(to, "iat", json_integer(order->at)) &&
           put(to, "nbf", json_integer(order->at)) &&
           put(to, "exp", json_integer(order->at + order->expires)) &&
           (!order->audience || put(to, "aud", json_string(order->audience)));
}

/* "iat" is the token's own; the evidence's, where it has one, goes under another name. */
static bool put_maa(const json_t *result, json_t *to)
{
    json_t *claims = json_object_get(result, "claims"), *time = json_object_get(claims, "iat");
    json_t *warnings = json_object_get(result, "warnings");
    json_t *issued = json_object_get(json_object_get(result, "policy"), "issued");
    return (!issued || json_object_update(to, issued) == 0) &&
           json_object_update(to, claims) == 0 &&
           (!time || json_object_set(to, "evidence_iat", time) == 0) &&
           (json_array_size(warnings) == 0 || json_object_set(to, EAR_WARNINGS, warnings) == 0) &&
           (json_object_get(to, "x-ms-ver") || put(to, "x-ms-ver", json_string("1.0"))) &&
           put(to, "x-ms-attestation-type", json_string(attestation_type(result)));
}

/* One submodule, of the evidence's kind. */
static bool put_ear(const struct token_order *order, const json_t *result, json_t *to)
{
    json_t *claims = json_object_get(result, "claims"),
           *nonce = json_object_get(claims, "eat_nonce");
    json_t *warnings = json_object_get(result, "warnings");
    return put(to, "eat_profile", json_string(EAR_PROFILE)) &&
           put(to, "ear.verifier-id",
               json_pack("{s:s, s:s}", "developer", "cella", "build",
                         order->build ? order->build : "cella")) &&
           (!nonce || json_object_set(to, "eat_nonce", nonce) == 0) &&
           put(to, "submods",
               json_pack("{s:o}", text_of(result, "type"), ear_appraisal(claims, warnings)));
}

/* ---- signing ---- */

static char *encode_json(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    char *encoded = text ? jose_encode(text, strlen(text)) : NULL;
    free(text);
    return encoded;
}

static char *join(char *one, char *other)
{
    char *both = NULL;
    if (one && other && asprintf(&both, "%s.%s", one, other) < 0)
        both = NULL;
    free(one);
    free(other);
    return both;
}

/* RFC 7515, section 4.1.6. */
static bool put_certificates(json_t *header, const struct x509_pool *certificates)
{
    json_t *list = json_array();
    bool good = list && json_object_set_new(header, "x5c", list) == 0;
    for (size_t i = 0; good && i < certificates->count; i++) {
        const struct der *der = &certificates->all[i]->is.whole;
        char *text = malloc(BASE64_TEXT(der->size));
        good = text && json_array_append_new(list, json_string(base64_write(BASE64, der->bytes,
                                                                            der->size, text))) == 0;
        free(text);
    }
    return good;
}

static char *sign(EVP_PKEY *key, const struct x509_pool *certificates, json_t *claims)
{
    char kid[JWK_THUMBPRINT];
    uint8_t *signature = NULL;
    size_t size;
    const struct jose_algorithm *algorithm = jose_algorithm_of(key);
    if (!jwk_thumbprint(key, kid))
        return NULL;
    json_t *header = json_pack("{s:s, s:s, s:s}", "alg", algorithm->name, "kid", kid, "typ", "JWT");
    bool good = header && (certificates->count == 0 || put_certificates(header, certificates));
    char *text = good ? join(encode_json(header), encode_json(claims)) : NULL;
    json_decref(header);
    if (!text || !jose_sign(algorithm, key, text, strlen(text), &signature, &size)) {
        free(text);
        return NULL;
    }
    text = join(text, jose_encode(signature, size));
    free(signature);
    return text;
}

cella_status token_make(const struct token_order *order, const json_t *result, char **token,
                        cella_error *error)
{
    *token = NULL;
    cella_status status = check_result(result, order->profile, error);
    if (status == CELLA_OK)
        status = check_policy(result, order->profile, error);
    if (status == CELLA_OK)
        status = check_order(order, error);
    if (status)
        return status;
    json_t *claims = json_object();
    bool good =
        claims &&
        (order->profile == TOKEN_MAA ? put_maa(result, claims) : put_ear(order, result, claims)) &&
        put_common(order, claims);
    *token = good ? sign(order->key, &order->certificates, claims) : NULL;
    json_decref(claims);
    return *token ? CELLA_OK : fail(error, CELLA_SYSTEM, "OpenSSL does not sign, or no memory");
}
