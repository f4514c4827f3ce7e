/* SPDX-License-Identifier: Apache-2.0
 */
#include "pem.h"

#include "image/base64.h"

#include <stdlib.h>
#include <string.h>

struct line {
    const char *text;
    size_t size; /* without white space at its end */
};

struct pem_reader pem_read(const uint8_t *bytes, size_t size)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf}; /* some editors put this before UTF-8 */
    if (size >= sizeof(mark) && memcmp(bytes, mark, sizeof(mark)) == 0) {
        bytes += sizeof(mark);
        size -= sizeof(mark);
    }
    return (struct pem_reader){.at = (const char *)bytes, .end = (const char *)bytes + size};
}

void pem_end(struct pem_reader *reader)
{
    free(reader->room);
    reader->room = NULL;
}

static bool next_line(struct pem_reader *reader, struct line *line)
{
    size_t left = (size_t)(reader->end - reader->at);
    const char *end = left > 0 ? memchr(reader->at, '\n', left) : NULL;
    if (left == 0)
        return false;
    line->text = reader->at;
    line->size = end ? (size_t)(end - reader->at) : left;
    reader->at += line->size + (end != NULL);
    while (line->size > 0 && strchr(" \t\r", line->text[line->size - 1]) &&
           line->text[line->size - 1])
        line->size--;
    return true;
}

/* "-----BEGIN CERTIFICATE-----". */
static bool is_mark(const struct line *line, const char *begin, struct der *label)
{
    const size_t before = strlen(begin), behind = 5;
    if (line->size < before + behind || memcmp(line->text, begin, before) != 0 ||
        memcmp(line->text + line->size - behind, "-----", behind) != 0)
        return false;
    *label = (struct der){(const uint8_t *)line->text + before, line->size - before - behind};
    return true;
}

/* What stands before the END of this label, decoded. */
static bool read_inside(struct pem_reader *reader, struct pem_block *block)
{
    struct line line;
    struct der label;
    size_t letters = 0;
    if (!reader->room && !(reader->room = malloc((size_t)(reader->end - reader->at) + 4)))
        return false;
    while (next_line(reader, &line)) {
        if (is_mark(&line, "-----END ", &label)) {
            block->inside.bytes = reader->room;
            /* In place: four letters are read before three bytes are written. */
            return der_same(&label, &block->label) && letters > 0 &&
                   base64_read(BASE64, (const char *)reader->room, letters, reader->room,
                               &block->inside.size);
        }
        if (line.size == 0)
            return false; /* others take what stands before it as headers */
        memcpy(reader->room + letters, line.text, line.size);
        letters += line.size;
    }
    return false;
}

bool pem_next(struct pem_reader *reader, struct pem_block *block)
{
    struct line line;
    while (!reader->failed && next_line(reader, &line))
        if (is_mark(&line, "-----BEGIN ", &block->label)) {
            reader->failed = !read_inside(reader, block);
            return !reader->failed;
        }
    return false;
}

bool pem_is_certificate(const struct pem_block *block)
{
    return der_is(&block->label, "CERTIFICATE", 11) ||
           der_is(&block->label, "X509 CERTIFICATE", 16);
}

bool pem_is_list(const struct pem_block *block)
{
    return der_is(&block->label, "X509 CRL", 8);
}

bool pem_is_public_key(const struct pem_block *block)
{
    return der_is(&block->label, "PUBLIC KEY", 10);
}
