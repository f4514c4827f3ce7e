/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes: who signed them, and what they are of.
 */
#include "quote.h"

#include "attest/ecdsa.h"
#include "attest/public_key.h"
#include "image/fail.h"

#include <openssl/rsa.h>
#include <string.h>

/* ---- signatures ---- */

/* TPMs may leave out leading zeros of r and s. */
static bool verify_ecdsa(EVP_PKEY *key, const struct tpm_signature *signature,
                         const uint8_t *message, size_t size)
{
    uint8_t both[2 * 66] = {0};
    const struct tpm_bytes r = signature->r, s = signature->s;
    const size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    if (half > sizeof(both) / 2 || r.size > half || s.size > half)
        return false;
    memcpy(both + half - r.size, r.bytes, r.size);
    memcpy(both + 2 * half - s.size, s.bytes, s.size);
    return ecdsa_verify(key, tpm_hash_md(signature->hash), both, half, message, size);
}

bool tpm_quote_signed(const struct tpm_signature *signature, EVP_PKEY *key, const uint8_t *message,
                      size_t size)
{
    bool ecdsa = signature->scheme == TPM_ECDSA;
    if (signature->hash->size < 32 || !EVP_PKEY_is_a(key, ecdsa ? "EC" : "RSA"))
        return false;
    if (ecdsa)
        return verify_ecdsa(key, signature, message, size);
    const struct der bytes = {signature->rsa.bytes, signature->rsa.size};
    const EVP_MD *hash = tpm_hash_md(signature->hash);
    return signature->scheme == TPM_RSAPSS /* TPMs differ in the salt's length */
               ? public_key_verify_pss(key, hash, RSA_PSS_SALTLEN_AUTO, &bytes, message, size)
               : public_key_verify_rsa(key, hash, &bytes, message, size);
}

/* ---- PCRs ---- */

const struct tpm_bank *tpm_bank_find(const struct tpm_pcrs *pcrs, const struct tpm_hash *hash)
{
    for (size_t i = 0; i < pcrs->count; i++)
        if (pcrs->banks[i].hash == hash)
            return &pcrs->banks[i];
    return NULL;
}

struct tpm_bank *tpm_bank_add(struct tpm_pcrs *pcrs, const struct tpm_hash *hash)
{
    struct tpm_bank *bank = (struct tpm_bank *)tpm_bank_find(pcrs, hash);
    if (bank || pcrs->count == TPM_BANKS)
        return bank;
    bank = &pcrs->banks[pcrs->count++];
    memset(bank, 0, sizeof(*bank));
    bank->hash = hash;
    return bank;
}

/* What all selections of a bank name. False: none is of it. */
static bool quoted_of(const struct tpm_attest *attest, const struct tpm_hash *hash,
                      uint32_t *quoted)
{
    bool any = false;
    *quoted = 0;
    for (size_t i = 0; i < attest->count; i++)
        if (attest->selections[i].hash == hash) {
            *quoted |= attest->selections[i].pcrs;
            any = true;
        }
    return any;
}

/* What is not quoted is nobody's word: it must not be among the values either. */
static cella_status check_given(const struct tpm_attest *attest, const struct tpm_pcrs *pcrs,
                                cella_error *error)
{
    uint32_t quoted;
    for (size_t i = 0; i < attest->count; i++) {
        const struct tpm_hash *hash = attest->selections[i].hash;
        const struct tpm_bank *bank = tpm_bank_find(pcrs, hash);
        quoted_of(attest, hash, &quoted);
        uint32_t given = bank ? bank->given : 0, other = given ^ quoted;
        if (other)
            return fail(error, CELLA_INVALID, "PCR %d of %s is %s", __builtin_ctz(other),
                        hash->name,
                        given & other & -other ? "given, but not quoted" : "quoted, but not given");
    }
    for (size_t i = 0; i < pcrs->count; i++)
        if (!quoted_of(attest, pcrs->banks[i].hash, &quoted))
            return fail(error, CELLA_INVALID, "PCRs of a bank that is not quoted are given");
    return CELLA_OK;
}

cella_status tpm_quote_pcrs(const struct tpm_attest *attest, const struct tpm_hash *hash,
                            const struct tpm_pcrs *pcrs, cella_error *error)
{
    uint8_t digest[TPM_HASH_MOST];
    cella_status status = check_given(attest, pcrs, error);
    if (status)
        return status;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, tpm_hash_md(hash), NULL) == 1;
    for (size_t i = 0; i < attest->count; i++) {
        const struct tpm_bank *bank = tpm_bank_find(pcrs, attest->selections[i].hash);
        for (size_t n = 0; bank && good && n < TPM_PCRS; n++)
            if (attest->selections[i].pcrs >> n & 1)
                good = EVP_DigestUpdate(context, bank->values[n], bank->hash->size) == 1;
    }
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        return fail(error, CELLA_MEMORY, "no memory to hash PCRs");
    if (attest->digest.size != hash->size || memcmp(attest->digest.bytes, digest, hash->size) != 0)
        return fail(error, CELLA_REFUSED, "the PCRs are not those that were quoted");
    return CELLA_OK;
}
