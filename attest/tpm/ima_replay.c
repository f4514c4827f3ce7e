/* SPDX-License-Identifier: Apache-2.0
 *
 * What an IMA log leads to, and what is in it.
 */
#include "ima.h"

#include "image/fail.h"

#include <string.h>

bool ima_entry_good(const struct ima_entry *entry)
{
    static const uint16_t ids[] = {TPM_SHA1, TPM_SHA256, 0x0012 /* SM3 */, TPM_SHA384, TPM_SHA512};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        const struct tpm_hash *hash = tpm_hash(ids[i]);
        if (hash->size == entry->template_hash_size &&
            tpm_digest_is(hash, entry->template_hash, entry->data, entry->data_size))
            return true;
    }
    return false;
}

/* What the kernel extended for an entry; where it was not sure of a file, ff. */
static bool extend(const struct ima_entry *entry, const struct tpm_hash *bank,
                   enum ima_extends extends, uint8_t *pcr)
{
    uint8_t digest[TPM_HASH_MOST] = {0};
    const struct tpm_hash *hash = extends == IMA_PADDED ? tpm_hash(TPM_SHA1) : bank;
    if (entry->violation)
        memset(digest, 0xff, hash->size);
    else if (!tpm_digest(hash, entry->data, entry->data_size, digest))
        return false;
    return tpm_extend(bank, pcr, digest, bank->size);
}

bool ima_replay(const struct ima_log *log, size_t count, const struct tpm_hash *bank,
                enum ima_extends extends, uint8_t pcr[TPM_HASH_MOST])
{
    bool good = true;
    memset(pcr, 0, TPM_HASH_MOST);
    for (size_t i = 0; i < count && good; i++)
        good = extend(&log->entries[i], bank, extends, pcr);
    return good;
}

cella_status ima_match(const struct ima_log *log, const struct tpm_hash *bank,
                       const uint8_t pcr[TPM_HASH_MOST], size_t *count, enum ima_extends *extends,
                       cella_error *error)
{
    for (*extends = IMA_HASHED; *extends <= IMA_PADDED; ++*extends) {
        uint8_t own[TPM_HASH_MOST] = {0};
        for (*count = 0; memcmp(own, pcr, bank->size) != 0 && *count < log->count; ++*count)
            if (!extend(&log->entries[*count], bank, *extends, own))
                return fail(error, CELLA_MEMORY, "IMA log: no memory");
        if (memcmp(own, pcr, bank->size) == 0)
            return CELLA_OK;
    }
    *count = 0;
    return fail(error, CELLA_REFUSED, "IMA log: none of its %zu entries leads to the quoted PCR 10",
                log->count);
}

const struct ima_entry *ima_find(const struct ima_log *log, size_t count, const char *path,
                                 const struct ima_entry *previous)
{
    for (size_t i = previous ? (size_t)(previous - log->entries) + 1 : 0; i < count; i++)
        if (strcmp(log->entries[i].path, path) == 0)
            return &log->entries[i];
    return NULL;
}

static bool aggregate_is(const struct tpm_bank *bank, size_t pcrs, const uint8_t *digest)
{
    uint8_t all[10 * TPM_HASH_MOST];
    for (size_t i = 0; i < pcrs; i++)
        memcpy(all + i * bank->hash->size, bank->values[i], bank->hash->size);
    return tpm_digest_is(bank->hash, digest, all, pcrs * bank->hash->size);
}

enum ima_boot ima_boot_aggregate(const struct ima_log *log, const struct tpm_bank *bank)
{
    const struct ima_entry *first = log->entries;
    if (log->count == 0 || first->violation || strcmp(first->path, "boot_aggregate") != 0 ||
        strcmp(first->algorithm, bank->hash->name) != 0)
        return IMA_BOOT_UNKNOWN;
    bool seven = (bank->given & 0xff) == 0xff, nine = (bank->given & 0x3ff) == 0x3ff;
    if (nine && aggregate_is(bank, 10, first->digest))
        return IMA_BOOT_SAME;
    if (seven && aggregate_is(bank, 8, first->digest))
        return IMA_BOOT_FIRMWARE;
    return nine ? IMA_BOOT_OTHER : IMA_BOOT_UNKNOWN;
}
