/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs of what firmware and boot loaders measured: TCG2 logs, crypto-agile or of SHA-1 alone (TCG
 * PC Client Platform Firmware Profile, section 10), and CCEL, the same for the RTMRs of a TDX guest
 * (UEFI, EFI_CC_MEASUREMENT_PROTOCOL).
 *
 * What always holds: a log proves nothing by itself. Whoever reads one replays it and compares all
 * registers that were quoted; only then are its digests known to be those that were measured, in
 * this order. Types and data of events are never known: whoever gives the log may have written
 * anything there. So facts are taken from data that hash to their event's digest, and from nothing
 * else.
 *
 * An event, in little endian (offsets of a log of SHA-1; a crypto-agile log begins with such a
 * one): 0 PCR (4)   4 type (4)   8 SHA-1 (20)   28 size of data (4)   32 data crypto-agile: 0 PCR
 * (4)   4 type (4)   8 count (4)   12 {algorithm (2), digest}*   size of data (4)   data The first
 * one's data: "Spec ID Event03" NUL (16), platform class (4), versions (3), size of UINTN (1), 24
 * count (4), {algorithm (2), digest's size (2)}*, size of the vendor's data (1), that data.
 */
#ifndef TPM_EVENTLOG_H
#define TPM_EVENTLOG_H

#include "hash.h"

#include <cella/error.h>

#define EVENTLOG_MOST  (16u << 20) /* bytes */
#define EVENTLOG_BANKS 8           /* most algorithms of a log */
#define EVENTLOG_PCRS  24
#define EVENTLOG_RTMRS 4
#define EVENTLOG_LINES 16 /* most kernel command lines */

enum eventlog_form {
    EVENTLOG_TCG2, /* fills its bytes */
    EVENTLOG_CCEL, /* may be followed by zeros or by ff */
};

struct eventlog_event {
    uint32_t index; /* PCR; in a CCEL: 1 to 4 for RTMR 0 to 3 */
    uint32_t type;
    const uint8_t *digests[EVENTLOG_BANKS]; /* in the order of the log's banks; NULL: none */
    const uint8_t *data;
    size_t size;
};

/* Points into the caller's bytes. */
struct eventlog {
    enum eventlog_form form;
    struct {
        uint16_t id;
        size_t size;                 /* of a digest */
        const struct tpm_hash *hash; /* NULL: one that we do not know */
    } banks[EVENTLOG_BANKS];
    size_t bank_count;
    struct eventlog_event *events; /* without the one that says which banks there are */
    size_t count;
    size_t used;      /* bytes before the padding */
    uint8_t locality; /* of startup: what PCR 0 begins with */
    bool locality_said;
};

/* CELLA_INVALID: malformed. Fill with zeros first, or after a failure; eventlog_free is let pass.
 */
cella_status eventlog_read(const uint8_t *bytes, size_t size, enum eventlog_form form,
                           struct eventlog *log, cella_error *error);
void eventlog_free(struct eventlog *log);
/* Whether it begins as a crypto-agile log or a CCEL does. */
bool eventlog_agile(const uint8_t *bytes, size_t size);

/* Where the digests of this algorithm are. CELLA_UNSUPPORTED: not all events have one. */
cella_status eventlog_bank(const struct eventlog *log, uint16_t algorithm, size_t *bank,
                           cella_error *error);

struct eventlog_values {
    const struct tpm_hash *hash;
    bool known[EVENTLOG_PCRS]; /* the log has an event that goes there */
    uint8_t values[EVENTLOG_PCRS][TPM_HASH_MOST];
};

/* What the PCRs of one bank hold after this log; those without events hold what they hold after a
 * reset. CELLA_UNSUPPORTED: not all events have a digest of that bank. */
cella_status eventlog_replay(const struct eventlog *log, uint16_t algorithm,
                             struct eventlog_values *values, cella_error *error);

/* The same for a CCEL: RTMR 0 to 3 (SHA-384). Those without events are zeros. */
struct eventlog_rtmrs {
    bool known[EVENTLOG_RTMRS];
    uint8_t values[EVENTLOG_RTMRS][48];
};
cella_status eventlog_replay_rtmr(const struct eventlog *log, struct eventlog_rtmrs *rtmrs,
                                  cella_error *error);

/* What is proven where the registers of one bank are those of the log. */
struct eventlog_facts {
    /* The firmware's variable SecureBoot, from before the separator of PCR 7 (RTMR 0): what comes
     * after it, anybody may have measured. */
    bool secure_boot_known, secure_boot;
    /* Texts that were measured as kernel command lines: by GRUB (PCR 8) with the kernel's path
     * before it, by systemd-boot (PCR 8 or 12) and systemd-stub (PCR 12). Their prefix in the log
     * ("kernel_cmdline: ") is covered by no digest. */
    char *command_lines[EVENTLOG_LINES];
    size_t command_line_count;
    /* PCR 8 and 12 were compared, none of their events is without proven text, and GRUB started a
     * kernel and nothing else: so there is no command line but these, if PCR 8 is as it was when
     * the kernel started (logs.h). Where it is false, a line may have been hidden: demand nothing
     * of them then. Never true for a CCEL, whose RTMR 2 holds digests of files, too. */
    bool command_lines_complete;
};

/* `compared`: bit n is set where register n (PCR n; of a CCEL: RTMR n - 1) was quoted and is that
 * of this log; of the others nothing is told. CELLA_REFUSED: the log says what it must not: a
 * separator twice, one that is none, SecureBoot twice or with data that are not those that were
 * measured. */
#define EVENTLOG_ALL 0xffffffu
cella_status eventlog_facts(const struct eventlog *log, uint16_t algorithm, uint32_t compared,
                            struct eventlog_facts *facts, cella_error *error);
void eventlog_facts_free(struct eventlog_facts *facts);

/* Whether an event of this register has the digest of exactly these bytes. */
bool eventlog_covers(const struct eventlog *log, uint16_t algorithm, uint32_t index,
                     const void *bytes, size_t size);

#endif
