/* SPDX-License-Identifier: Apache-2.0
 *
 * Comma-separated values (RFC 4180) in UTF-8, read in place. Lines end in CRLF or LF; the first one
 * names the columns. An empty field is NULL; "" is the empty text, and NULL for other types.
 *
 * Invariants:
 * 1. `at` never passes `end`; a field is text between the two.
 * 2. `line` is the number of the line that `at` is on.
 */
#include "load.h"

#include "image/fail.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_MOST 4096 /* columns of a file */

struct reader {
    struct load *load;
    const char *at, *end;
    uint64_t line, record; /* `record`: the line that the record starts on */
};

struct field {
    const char *text;
    size_t size;
    bool quoted, doubled; /* in quotes; with quotes in it, which are still doubled */
    bool last;            /* of its record */
};

static cella_status malformed(const struct reader *reader, const char *what)
{
    return fail(reader->load->error, CELLA_INVALID, "input %s, line %llu: %s",
                reader->load->input->name, (unsigned long long)reader->line, what);
}

/* What follows a field: a comma, the end of the line, or that of the file. */
static cella_status field_end(struct reader *reader, struct field *field)
{
    field->last = true;
    if (reader->at == reader->end)
        return CELLA_OK;
    if (*reader->at == ',') {
        field->last = false;
        reader->at++;
        return CELLA_OK;
    }
    if (*reader->at == '\r' && reader->end - reader->at > 1 && reader->at[1] == '\n')
        reader->at++;
    if (*reader->at == '\n') {
        reader->at++;
        reader->line++;
        return CELLA_OK;
    }
    if (*reader->at == '\r')
        return malformed(reader,
                         "a carriage return without a line feed: put the field in quotes, "
                         "or end lines with LF or CRLF");
    return malformed(reader,
                     "a quote within a field: put the field in quotes and double the "
                     "quotes in it");
}

static cella_status quoted(struct reader *reader, struct field *field)
{
    const char *start = ++reader->at;
    bool doubled = false;
    uint64_t first = reader->line;
    for (;; reader->at++) {
        if (reader->at == reader->end) {
            reader->line = first;
            return malformed(reader, "a quoted field does not end");
        }
        if (*reader->at == '\n')
            reader->line++;
        if (*reader->at != '"')
            continue;
        if (reader->end - reader->at < 2 || reader->at[1] != '"')
            break;
        doubled = true;
        reader->at++;
    }
    *field = (struct field){
        .text = start, .size = (size_t)(reader->at - start), .quoted = true, .doubled = doubled};
    reader->at++;
    return field_end(reader, field);
}

static inline cella_status next_field(struct reader *reader, struct field *field)
{
    const char *at = reader->at, *end = reader->end;
    if (at < end && *at == '"')
        return quoted(reader, field);
    while (at < end && *at != ',' && *at != '\n' && *at != '\r' && *at != '"')
        at++;
    *field = (struct field){.text = reader->at, .size = (size_t)(at - reader->at)};
    reader->at = at;
    return field_end(reader, field);
}

/* The header: which column of the input a column of the file is; -1: none that may be used. */
struct header {
    struct field fields[HEADER_MOST];
    int columns[HEADER_MOST];
    size_t count;
};

static bool same(const struct field *first, const char *text, size_t size)
{
    return first->size == size && memcmp(first->text, text, size) == 0;
}

static cella_status read_names(struct reader *reader, struct header *header)
{
    cella_status status;
    if (reader->at == reader->end)
        return malformed(reader, "the file is empty: its first line has to name the columns");
    for (bool last = false; !last; header->count++) {
        struct field *field = &header->fields[header->count];
        if (header->count == HEADER_MOST)
            return malformed(reader, "the header has more than 4096 columns");
        if ((status = next_field(reader, field)) != CELLA_OK)
            return status;
        for (size_t i = 0; i < header->count; i++)
            if (same(field, header->fields[i].text, header->fields[i].size))
                return fail(reader->load->error, CELLA_INVALID,
                            "input %s, line 1: columns %zu and %zu have the same name",
                            reader->load->input->name, i + 1, header->count + 1);
        last = field->last;
    }
    return CELLA_OK;
}

static cella_status match_names(struct reader *reader, struct header *header)
{
    const struct query_input *input = reader->load->input;
    for (size_t i = 0; i < header->count; i++)
        header->columns[i] = -1;
    for (size_t column = 0; column < input->column_count; column++) {
        const char *name = input->columns[column].name;
        size_t i = 0;
        while (i < header->count && !same(&header->fields[i], name, strlen(name)))
            i++;
        if (i == header->count)
            return fail(reader->load->error, CELLA_INVALID,
                        "input %s, line 1: there is no column %s, which the contract lists",
                        input->name, name);
        if (reader->load->parameters[column])
            header->columns[i] = (int)column;
    }
    return CELLA_OK;
}

static cella_status wrong_count(const struct reader *reader, const struct header *header)
{
    return fail(reader->load->error, CELLA_INVALID,
                "input %s, line %llu: it does not have the header's %zu fields",
                reader->load->input->name, (unsigned long long)reader->record, header->count);
}

/* Binds a field with its doubled quotes made one. */
static cella_status take_doubled(struct reader *reader, int column, const struct field *field)
{
    struct load *load = reader->load;
    char *copy = malloc(field->size);
    size_t size = 0;
    if (!copy)
        return malformed(reader, "no memory");
    for (size_t i = 0; i < field->size; i++) {
        copy[size++] = field->text[i];
        i += field->text[i] == '"';
    }
    sqlite3_bind_text64(load->insert, load->parameters[column], copy, size, free, SQLITE_UTF8);
    return CELLA_OK;
}

static inline cella_status take(struct reader *reader, int column, const struct field *field)
{
    struct load *load = reader->load;
    bool text = load->input->columns[column].type == QUERY_TEXT;
    if (field->size == 0 && !(field->quoted && text)) {
        sqlite3_bind_null(load->insert, load->parameters[column]);
        return CELLA_OK;
    }
    if (field->doubled && text)
        return take_doubled(reader, column, field);
    return load_text(load, (size_t)column, field->text, field->size, "line", reader->record);
}

static cella_status read_record(struct reader *reader, const struct header *header)
{
    cella_status status;
    struct field field;
    reader->record = reader->line;
    for (size_t i = 0; i < header->count; i++) {
        if ((status = next_field(reader, &field)) != CELLA_OK)
            return status;
        if (field.last != (i + 1 == header->count))
            return wrong_count(reader, header);
        if (header->columns[i] >= 0 &&
            (status = take(reader, header->columns[i], &field)) != CELLA_OK)
            return status;
    }
    return load_row(reader->load);
}

static cella_status read_all(struct reader *reader)
{
    struct header *header = calloc(1, sizeof(*header));
    if (!header)
        return malformed(reader, "no memory");
    cella_status status = read_names(reader, header);
    if (status == CELLA_OK)
        status = match_names(reader, header);
    while (status == CELLA_OK && reader->at < reader->end)
        status = read_record(reader, header);
    free(header);
    return status;
}

static uint64_t line_of(const char *text, size_t at)
{
    uint64_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

cella_status load_csv(struct load *load, const void *bytes, size_t size)
{
    struct reader reader = {.load = load, .at = bytes, .end = (const char *)bytes + size};
    size_t good = text_utf8(bytes, size);
    reader.line = line_of(bytes, good);
    if (good < size)
        return malformed(&reader, "it is not UTF-8 text: convert the file (iconv -t UTF-8)");
    reader.line = 1;
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3;
    return read_all(&reader);
}
