/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an IMA log: every entry is inside, and what it leads to is found again.
 */
#include "attest/tpm/ima.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static unsigned sum; /* so that reading is not left out */

static void look(const struct ima_log *log, size_t index)
{
    const struct ima_entry *entry = &log->entries[index];
    for (size_t i = 0; i < entry->digest_size; i++)
        sum += entry->digest[i];
    for (size_t i = 0; i < entry->signature_size; i++)
        sum += entry->signature[i];
    for (size_t i = 0; i < entry->buffer_size; i++)
        sum += entry->buffer[i];
    must(strlen(entry->path) > 0 && strlen(entry->algorithm) < 16);
    ima_entry_good(entry);
    if (index < 4)
        must(ima_find(log, log->count, entry->path, NULL) <= entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ima_log log;
    cella_error error = {0};
    struct tpm_bank bank = {.hash = tpm_hash(TPM_SHA256), .given = 0x3ff};
    ima_recognise(data, size);
    if (ima_read(data, size, &log, &error)) {
        must(*error.sentence && !log.entries && !log.storage);
        return 0;
    }
    for (size_t i = 0; i < log.count; i++)
        look(&log, i);
    for (enum ima_extends how = IMA_HASHED; how <= IMA_PADDED; how++) {
        uint8_t pcr[TPM_HASH_MOST];
        enum ima_extends found;
        size_t count;
        must(ima_replay(&log, log.count, bank.hash, how, pcr));
        must(ima_match(&log, bank.hash, pcr, &count, &found, &error) == CELLA_OK);
        must(count == log.count);
    }
    ima_boot_aggregate(&log, &bank);
    ima_free(&log);
    return 0;
}
