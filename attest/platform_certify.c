/* SPDX-License-Identifier: Apache-2.0
 *
 * An issuer certifies a TPM's attestation key: for a TPM whose maker vouches for its endorsement
 * key, and so that nobody else can use the certificate: it is sealed to that endorsement key, and
 * to the attestation key's name (credential.h). So no answer of the machine is waited for, and
 * nothing has to be remembered.
 *
 * What always holds: of the request only what certificates prove is believed. The attributes in the
 * attestation key's public area are part of its name; where they are not those of the key in the
 * TPM, nothing opens the grant.
 */
#include "appraisal.h"
#include "certificate.h"
#include "collateral.h"
#include "image/fail.h"
#include "platform_exchange.h"
#include "platform_files.h"
#include "public_key.h"
#include "tpm/structures.h"
#include "x509.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDORSEMENT_USAGE "2.23.133.8.1" /* tcg-kp-EKCertificate */
#define CERTIFICATE       "endorsement certificate"

/* ---- the endorsement key ---- */

/* Makers' roots vouch for other keys, too: whoever has one of those could open grants without any
 * TPM. So the certificate has to say what it is for. */
static cella_status judge_endorsement(struct appraisal *appraisal,
                                      const struct exchange_request *request,
                                      const struct tpm_endorsement **kind)
{
    struct x509 *certificate = x509_pool_first(&request->certificates);
    EVP_PKEY *key = certificate->key;
    struct x509_chain chain;
    if (appraisal->verifier->root_count == 0)
        return appraisal_refuse(appraisal, CLASS_ANCHOR, CERTIFICATE, "a root of TPM makers'",
                                "none was added", "Give the root of whoever made the TPM.");
    if (!key || !(*kind = tpm_endorsement_of(key)) || !tpm_key_taken(key))
        return appraisal_refuse(appraisal, CLASS_KEY, CERTIFICATE,
                                "a key of RSA 2048, P-256 or P-384", "another", NULL);
    if (!x509_is_for(certificate, ENDORSEMENT_USAGE, false))
        return appraisal_refuse(appraisal, CLASS_KEY, CERTIFICATE,
                                "one for endorsement keys (" ENDORSEMENT_USAGE ")",
                                "one for something else", NULL);
    cella_status status = x509_judge_decryption(
        appraisal, CERTIFICATE, certificate, &request->certificates, X509_CRL_IF_PRESENT, &chain);
    if (status)
        return status;
    if (!chain.listed[0])
        appraisal_warn(appraisal, "no revocation list of whoever certified the endorsement key");
    return CELLA_OK;
}

/* ---- the attestation key ---- */

static cella_status judge_key(struct appraisal *appraisal, const struct exchange_request *request,
                              struct tpm_public *public)
{
    cella_error why;
    char found[32];
    cella_status status = tpm_public_read(request->key, request->key_size, public, &why);
    if (status == CELLA_MEMORY)
        return fail(appraisal->error, status, "%s", why.sentence);
    if (status)
        return appraisal_refuse(appraisal,
                                status == CELLA_INVALID ? CLASS_PARSE : CLASS_UNSUPPORTED,
                                "attestation key", "a TPMT_PUBLIC", why.sentence, NULL);
    if (!tpm_is_attestation_key(public->attributes)) {
        snprintf(found, sizeof(found), "attributes 0x%08x", public->attributes);
        return appraisal_refuse(appraisal, CLASS_KEY, "attestation key",
                                "fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign, and "
                                "not decrypt",
                                found, "Make it with `cella platform init --tpm`.");
    }
    if (public->name_size < 2 + 32)
        return appraisal_refuse(appraisal, CLASS_KEY, "attestation key",
                                "a name by SHA-256 or longer", "one by SHA-1", NULL);
    return CELLA_OK;
}

/* ---- the grant ---- */

struct issuer {
    EVP_PKEY *key;
    X509 *root;
};

/* issuer_free is wanted in any case. */
static cella_status read_issuer(const char *given, struct issuer *issuer, cella_error *error)
{
    char folder[PATH_MAX];
    cella_status status = platform_folder(given, folder, error);
    if (status == CELLA_OK)
        status = platform_read_certificate(folder, "root.pem", &issuer->root, error);
    if (status == CELLA_OK)
        status = platform_read_key(folder, "root.key", &issuer->key, error);
    if (status == CELLA_OK && X509_check_private_key(issuer->root, issuer->key) != 1)
        status = fail(error, CELLA_INVALID, "%s: root.key is not the key of root.pem", folder);
    return status;
}

static void issuer_free(struct issuer *issuer)
{
    EVP_PKEY_free(issuer->key);
    X509_free(issuer->root);
}

static cella_status seal(struct exchange_grant *grant, const struct x509 *endorsement, X509 *own,
                         X509 *root, const struct tpm_public *public, cella_error *error)
{
    uint8_t secret[TPM_CREDENTIAL];
    char *text;
    cella_status status = CELLA_SYSTEM;
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_X509(bio, own) != 1 || PEM_write_bio_X509(bio, root) != 1 ||
        RAND_priv_bytes(secret, sizeof(secret)) != 1) {
        fail(error, status, "OpenSSL writes no certificate");
        goto out;
    }
    size_t size = (size_t)BIO_get_mem_data(bio, &text);
    status = exchange_seal(grant, secret, (uint8_t *)text, size, error);
    if (status == CELLA_OK)
        status = tpm_credential_make(grant->kind, endorsement->key, public->name, public->name_size,
                                     secret, &grant->credential, error);
out:
    OPENSSL_cleanse(secret, sizeof(secret));
    BIO_free(bio);
    return status;
}

static cella_status grant_to(const struct issuer *issuer, const struct exchange_request *request,
                             const struct tpm_endorsement *kind, const struct tpm_public *public,
                             uint8_t **bytes, size_t *size, cella_error *error)
{
    struct exchange_grant *grant = calloc(1, sizeof(*grant));
    X509 *own = certificate_make_attestation(public->key, issuer->root, issuer->key);
    cella_status status = CELLA_SYSTEM;
    if (!grant || !own) {
        fail(error, status, "OpenSSL makes no certificate");
    } else {
        grant->kind = kind;
        status =
            seal(grant, x509_pool_first(&request->certificates), own, issuer->root, public, error);
    }
    if (status == CELLA_OK)
        status = exchange_grant_write(grant, bytes, size, error);
    X509_free(own);
    free(grant);
    return status;
}

/* ---- all of it ---- */

static void claim(struct appraisal *appraisal, const struct exchange_request *request,
                  const struct tpm_endorsement *kind, const struct tpm_public *public)
{
    json_t *to = appraisal->result->claims;
    uint8_t hash[32] = {0};
    if (!public_key_hash(public->key, hash))
        appraisal->result->no_memory = true;
    record_hex(appraisal, to, "tpm_key", hash, sizeof(hash));
    record_text(appraisal, to, "endorsement", kind->name);
    record_hex(appraisal, to, "endorsement_key", x509_pool_first(&request->certificates)->key_hash,
               32);
}

static cella_status certify(struct appraisal *appraisal, const struct issuer *issuer,
                            const uint8_t *request, size_t request_size, uint8_t **grant,
                            size_t *size)
{
    struct exchange_request read;
    struct tpm_public public = {.key = NULL};
    const struct tpm_endorsement *kind = NULL;
    cella_error why;
    cella_status status = exchange_request_read(request, request_size, &read, &why);
    if (status == CELLA_INVALID || status == CELLA_UNSUPPORTED)
        appraisal_refuse(appraisal, status == CELLA_INVALID ? CLASS_PARSE : CLASS_UNSUPPORTED,
                         "request", "what `cella platform request` writes", why.sentence, NULL);
    else if (status)
        fail(appraisal->error, status, "%s", why.sentence);
    if (status == CELLA_OK)
        status = judge_endorsement(appraisal, &read, &kind);
    if (status == CELLA_OK)
        status = judge_key(appraisal, &read, &public);
    if (status == CELLA_OK)
        claim(appraisal, &read, kind, &public);
    if (status == CELLA_OK)
        status = grant_to(issuer, &read, kind, &public, grant, size, appraisal->error);
    EVP_PKEY_free(public.key);
    exchange_request_free(&read);
    return status;
}

cella_status cella_platform_certify(const char *issuer, cella_verifier *makers, int64_t at,
                                    const uint8_t *request, size_t request_size, uint8_t **grant,
                                    size_t *grant_size, cella_result **result, cella_error *error)
{
    struct issuer by = {NULL, NULL};
    cella_error own;
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = at;
    *result = NULL;
    *grant = NULL;
    if (at <= 0)
        return fail(error, CELLA_INVALID, "certifying wants the time to judge at");
    struct appraisal appraisal = {makers, &demands, NULL, error ? error : &own};
    cella_status status = read_issuer(issuer, &by, error);
    if (status == CELLA_OK && !(appraisal.result = appraisal_result(at)))
        status = fail(error, CELLA_MEMORY, "no memory to judge a request");
    if (status == CELLA_OK) {
        appraisal.result->type = "endorsement";
        status = certify(&appraisal, &by, request, request_size, grant, grant_size);
        status = appraisal_end(&appraisal, status, result);
    }
    if (status) {
        free(*grant);
        *grant = NULL;
    }
    issuer_free(&by);
    ERR_clear_error();
    return status;
}
