/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads IMA logs.
 */
#include "ima.h"

#include "attest/reader.h"
#include "image/fail.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define OLD_NAME     256 /* bytes that template "ima" hashes of a path, zeros included */
#define OLD_DIGEST   20
#define SIGNATURE    9 /* bytes before a signature */
#define ENTRIES_MOST (1u << 20)

/* Fields: d, n of template ima; D d-ng, V d-ngv2, N n-ng, S sig, B buf. */
static const struct template
{
    const char *name, *fields;
}
templates[] = {
    {"ima", "dn"},      {"ima-ng", "DN"},     {"ima-sig", "DNS"},
    {"ima-ngv2", "VN"}, {"ima-sigv2", "VNS"}, {"ima-buf", "DNB"},
};
#define TEMPLATES (sizeof(templates) / sizeof(*templates))

/* One log while it is read. What an entry's data are is written to `storage`, which has room for
 * the longest that any log of this size can need. */
struct parser {
    struct reader reader;
    struct ima_log *log;
    size_t used; /* of the storage */
    cella_error *error;
};

static cella_status malformed(const struct parser *parser, const char *what)
{
    return fail(parser->error, CELLA_INVALID, "IMA log: entry %zu: %s", parser->log->count, what);
}

static uint8_t *storage(struct parser *parser)
{
    return parser->log->storage + parser->used;
}

static void store(struct parser *parser, const void *bytes, size_t size)
{
    memcpy(storage(parser), bytes, size);
    parser->used += size;
}

static void store_size(struct parser *parser, size_t size)
{
    for (size_t i = 0; i < 4; i++)
        storage(parser)[i] = (uint8_t)(size >> 8 * i);
    parser->used += 4;
}

/* As much of a name as an error tells; what is not printable as "?": errors are text. */
#define SHOWN 32
static const char *shown(const uint8_t *name, size_t size, char text[SHOWN + 1])
{
    size = size < SHOWN ? size : SHOWN;
    for (size_t i = 0; i < size; i++)
        text[i] = name[i] >= ' ' && name[i] <= '~' ? (char)name[i] : '?';
    text[size] = 0;
    return text;
}

static cella_status find_template(const struct parser *parser, const uint8_t *name, size_t size,
                                  const struct template **template)
{
    for (size_t i = 0; i < TEMPLATES; i++)
        if (strlen(templates[i].name) == size && memcmp(templates[i].name, name, size) == 0) {
            *template = &templates[i];
            return CELLA_OK;
        }
    char text[SHOWN + 1];
    return fail(parser->error, CELLA_UNSUPPORTED, "IMA log: entry %zu: template \"%s\"",
                parser->log->count, shown(name, size, text));
}

/* ---- fields, as the kernel hashes them ---- */

/* "sha256:" NUL digest, for d-ngv2 with "ima:" or "verity:" before it. */
static cella_status take_digest(struct parser *parser, struct ima_entry *entry, bool typed,
                                const uint8_t *bytes, size_t size)
{
    static const char *const types[] = {"ima:", "verity:"};
    const uint8_t *end = memchr(bytes, 0, size);
    for (size_t i = 0; typed && i < 2; i++)
        if (size > strlen(types[i]) && memcmp(bytes, types[i], strlen(types[i])) == 0) {
            size -= strlen(types[i]);
            bytes += strlen(types[i]);
            typed = false;
        }
    size_t named = end && end > bytes ? (size_t)(end - bytes) : 0;
    entry->algorithm = "";
    entry->digest = bytes;
    entry->digest_size = size;
    if (named < 2 || bytes[named - 1] != ':' || typed)
        return entry->violation ? CELLA_OK : malformed(parser, "a digest of no algorithm");
    char text[SHOWN + 1];
    const struct tpm_hash *hash = tpm_hash_named((const char *)bytes, named - 1);
    if (!hash)
        return fail(parser->error, CELLA_UNSUPPORTED,
                    "IMA log: entry %zu: a digest of algorithm \"%s\"", parser->log->count,
                    shown(bytes, named - 1, text));
    entry->algorithm = hash->name;
    entry->digest = bytes + named + 1;
    entry->digest_size = size - named - 1;
    return entry->digest_size == hash->size ? CELLA_OK
                                            : malformed(parser, "a digest of the wrong size");
}

static cella_status take_path(struct parser *parser, struct ima_entry *entry, const uint8_t *bytes,
                              size_t size)
{
    if (size < 2 || memchr(bytes, 0, size) != bytes + size - 1)
        return malformed(parser, "a path that is empty, or has no NUL at its end alone");
    entry->path = (const char *)bytes;
    return CELLA_OK;
}

static cella_status take_signature(struct parser *parser, struct ima_entry *entry,
                                   const uint8_t *bytes, size_t size)
{
    entry->signature = bytes;
    entry->signature_size = size;
    if (size == 0)
        return CELLA_OK;
    bool good = size > SIGNATURE && (bytes[0] == 3 || bytes[0] == 6) &&
                (bytes[1] == 2 || bytes[1] == 3) &&
                big_endian(bytes + SIGNATURE - 2, 2) == size - SIGNATURE;
    return good ? CELLA_OK : malformed(parser, "a signature that is not as long as it says");
}

static cella_status take_field(struct parser *parser, struct ima_entry *entry, char field,
                               const uint8_t *bytes, size_t size)
{
    switch (field) {
    case 'D':
    case 'V':
        return take_digest(parser, entry, field == 'V', bytes, size);
    case 'N':
        return take_path(parser, entry, bytes, size);
    case 'S':
        return take_signature(parser, entry, bytes, size);
    default:
        entry->buffer = bytes;
        entry->buffer_size = size;
        return CELLA_OK;
    }
}

/* The fields of every template but "ima", which begin at `data`. */
static cella_status take_fields(struct parser *parser, struct ima_entry *entry, const char *fields,
                                const uint8_t *data, size_t size)
{
    struct reader reader = {.bytes = data, .size = size};
    cella_status status = CELLA_OK;
    entry->data = data;
    entry->data_size = size;
    for (; *fields && !status; fields++) {
        size_t field_size = (size_t)read_little(&reader, 4);
        const uint8_t *field = read_bytes(&reader, field_size);
        if (!field)
            return malformed(parser, "fields that go on beyond its end");
        status = take_field(parser, entry, *fields, field, field_size);
    }
    if (!status && reader.size != 0)
        return malformed(parser, "more fields than its template has");
    return status;
}

/* Template "ima": digest, then the path in 256 bytes. */
static cella_status take_old(struct parser *parser, struct ima_entry *entry, const uint8_t *digest,
                             const uint8_t *path, size_t size)
{
    if (size == 0 || size >= OLD_NAME || memchr(path, 0, size))
        return malformed(parser, "a path that is empty, too long, or has a NUL inside");
    entry->data = storage(parser);
    entry->data_size = OLD_DIGEST + OLD_NAME;
    memset(storage(parser), 0, entry->data_size);
    memcpy(storage(parser), digest, OLD_DIGEST);
    memcpy(storage(parser) + OLD_DIGEST, path, size);
    entry->algorithm = "sha1";
    entry->digest = storage(parser);
    entry->digest_size = OLD_DIGEST;
    entry->path = (const char *)storage(parser) + OLD_DIGEST;
    parser->used += entry->data_size;
    return CELLA_OK;
}

static void take_hash(struct ima_entry *entry, const uint8_t *hash, size_t size)
{
    memcpy(entry->template_hash, hash, size);
    entry->template_hash_size = size;
    entry->violation = true;
    for (size_t i = 0; i < size; i++)
        entry->violation &= hash[i] == 0;
}

/* ---- binary ---- */

static cella_status read_binary(struct parser *parser, struct ima_entry *entry)
{
    struct reader *reader = &parser->reader;
    const struct template *template = NULL;
    uint32_t pcr = (uint32_t)read_little(reader, 4);
    const uint8_t *hash = read_bytes(reader, 20);
    size_t size = (size_t)read_little(reader, 4);
    const uint8_t *name = read_bytes(reader, size);
    if (!name)
        return malformed(parser, "it goes on beyond the end of the log");
    if (pcr != IMA_PCR)
        return fail(parser->error, CELLA_UNSUPPORTED, "IMA log: entry %zu: of PCR %u, not %d",
                    parser->log->count, pcr, IMA_PCR);
    cella_status status = find_template(parser, name, size, &template);
    if (status)
        return status;
    take_hash(entry, hash, 20);
    const uint8_t *digest = template->fields[0] == 'd' ? read_bytes(reader, OLD_DIGEST) : NULL;
    size = (size_t)read_little(reader, 4);
    const uint8_t *data = read_bytes(reader, size);
    if (!data)
        return malformed(parser, "it goes on beyond the end of the log");
    return digest ? take_old(parser, entry, digest, data, size)
                  : take_fields(parser, entry, template->fields, data, size);
}

/* ---- text ---- */

/* The next word of a line, and the space behind it. */
static struct tpm_bytes next_word(struct reader *line)
{
    struct tpm_bytes word = {.bytes = line->bytes};
    while (word.size < line->size && line->bytes[word.size] != ' ')
        word.size++;
    read_bytes(line, word.size + (word.size < line->size));
    return word;
}

static int digit(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Stores the bytes of hexadecimal text. */
static bool store_hex(struct parser *parser, const uint8_t *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        uint8_t byte = (uint8_t)(high << 4 | low);
        store(parser, &byte, 1);
    }
    return size % 2 == 0;
}

/* sha256:hex, or for a violation hex alone. */
static bool store_digest(struct parser *parser, const uint8_t *text, size_t size)
{
    const uint8_t *colon = memrchr(text, ':', size);
    size_t named = colon ? (size_t)(colon - text) + 1 : 0;
    store(parser, text, named);
    if (named)
        store(parser, "", 1);
    return store_hex(parser, text + named, size - named);
}

/* A field as it stands in binary logs, with its size before it. */
static bool store_field(struct parser *parser, char field, struct tpm_bytes text)
{
    size_t at = parser->used;
    bool good = true;
    store_size(parser, 0);
    if (field == 'D' || field == 'V') {
        good = store_digest(parser, text.bytes, text.size);
    } else if (field == 'N') {
        store(parser, text.bytes, text.size);
        store(parser, "", 1);
    } else {
        good = store_hex(parser, text.bytes, text.size);
    }
    size_t end = parser->used;
    parser->used = at;
    store_size(parser, end - at - 4);
    parser->used = end;
    return good;
}

static cella_status read_fields(struct parser *parser, struct reader *line, const char *fields,
                                struct ima_entry *entry)
{
    const uint8_t *data = storage(parser);
    for (const char *field = fields; *field; field++)
        if (!store_field(parser, *field, next_word(line)))
            return malformed(parser, "a field that is not hexadecimal");
    if (line->size != 0)
        return malformed(parser, "more fields than its template has");
    return take_fields(parser, entry, fields, data, (size_t)(storage(parser) - data));
}

static cella_status read_old(struct parser *parser, struct reader *line, struct ima_entry *entry)
{
    uint8_t digest[OLD_DIGEST];
    struct tpm_bytes text = next_word(line);
    size_t before = parser->used;
    if (text.size != 2 * OLD_DIGEST || !store_hex(parser, text.bytes, text.size))
        return malformed(parser, "a digest that is not 40 hexadecimal digits");
    parser->used = before;
    memcpy(digest, storage(parser), OLD_DIGEST);
    return take_old(parser, entry, digest, line->bytes, line->size);
}

static cella_status read_hash(struct parser *parser, struct tpm_bytes text, struct ima_entry *entry)
{
    size_t before = parser->used, size = text.size / 2;
    if ((size != 20 && size != 32 && size != 48 && size != 64) ||
        !store_hex(parser, text.bytes, text.size))
        return malformed(parser, "a template hash that is none");
    parser->used = before;
    take_hash(entry, storage(parser), size);
    return CELLA_OK;
}

static cella_status read_text(struct parser *parser, struct ima_entry *entry)
{
    struct reader line = parser->reader;
    const struct template *template = NULL;
    const uint8_t *end = memchr(line.bytes, '\n', line.size);
    if (end)
        line.size = (size_t)(end - line.bytes);
    read_bytes(&parser->reader, line.size + (end != NULL));
    struct tpm_bytes pcr = next_word(&line), hash = next_word(&line), name = next_word(&line);
    if (pcr.size != 2 || memcmp(pcr.bytes, "10", 2) != 0)
        return fail(parser->error, isdigit(*pcr.bytes) ? CELLA_UNSUPPORTED : CELLA_INVALID,
                    "IMA log: entry %zu: not of PCR %d", parser->log->count, IMA_PCR);
    cella_status status = find_template(parser, name.bytes, name.size, &template);
    if (!status)
        status = read_hash(parser, hash, entry);
    if (status)
        return status;
    return template->fields[0] == 'd' ? read_old(parser, &line, entry)
                                      : read_fields(parser, &line, template->fields, entry);
}

/* ---- the log ---- */

static cella_status add_entry(struct parser *parser, const struct ima_entry *entry)
{
    struct ima_log *log = parser->log;
    if (log->count == ENTRIES_MOST)
        return malformed(parser, "more entries than are taken");
    if ((log->count & (log->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = log->count ? 2 * log->count : 1;
        struct ima_entry *entries = realloc(log->entries, capacity * sizeof(*entries));
        if (!entries)
            return fail(parser->error, CELLA_MEMORY, "IMA log: no memory");
        log->entries = entries;
    }
    log->entries[log->count++] = *entry;
    return CELLA_OK;
}

/* A PCR as a number, or as text. */
static bool is_binary(const uint8_t *bytes, size_t size)
{
    return size >= 4 && little_endian(bytes, 4) < TPM_PCRS;
}

bool ima_recognise(const uint8_t *bytes, size_t size)
{
    struct reader line = {.bytes = bytes, .size = size < 160 ? size : 160};
    if (is_binary(bytes, size))
        return size > 31 && memcmp(bytes + 28, "ima", 3) == 0 && little_endian(bytes + 24, 4) < 16;
    struct tpm_bytes pcr = next_word(&line), hash = next_word(&line), name = next_word(&line);
    return pcr.size == 2 && isdigit(pcr.bytes[0]) && isdigit(pcr.bytes[1]) && hash.size >= 40 &&
           name.size >= 3 && memcmp(name.bytes, "ima", 3) == 0;
}

cella_status ima_read(const uint8_t *bytes, size_t size, struct ima_log *log, cella_error *error)
{
    struct parser parser = {{.bytes = bytes, .size = size}, log, 0, error};
    bool binary = is_binary(bytes, size);
    memset(log, 0, sizeof(*log));
    if (size > IMA_MOST)
        return fail(error, CELLA_INVALID, "IMA log: %zu bytes; at most %u are taken", size,
                    IMA_MOST);
    /* Template "ima" takes 276 bytes for an entry of at least 55; of the others text has at most
     * four sizes, a NUL behind the algorithm and one behind the path more than it takes here. */
    log->storage = malloc(6 * size + 512);
    if (!log->storage)
        return fail(error, CELLA_MEMORY, "IMA log: no memory");
    cella_status status = CELLA_OK;
    while (parser.reader.size > 0 && !status) {
        struct ima_entry entry = {0};
        status = binary ? read_binary(&parser, &entry) : read_text(&parser, &entry);
        if (!status)
            status = add_entry(&parser, &entry);
    }
    if (!status && log->count == 0)
        status = fail(error, CELLA_INVALID, "IMA log: no entries");
    if (status)
        ima_free(log);
    return status;
}

void ima_free(struct ima_log *log)
{
    free(log->entries);
    free(log->storage);
    memset(log, 0, sizeof(*log));
}
