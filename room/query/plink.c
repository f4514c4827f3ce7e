/* SPDX-License-Identifier: Apache-2.0
 *
 * PLINK 1's binary files as an input: a tar (POSIX ustar) of NAME.bed, NAME.bim and NAME.fam.
 *
 *     .fam    a person a line: family, individual, father, mother, sex (1 male, 2 female),
 *             phenotype (1 control, 2 case; -9, 0 or NA: not known)
 *     .bim    a SNP a line: chromosome, name, morgans, position, two alleles
 *     .bed    6c 1b 01, then a SNP after the other, four people a byte, the first in the lowest
 *             bits: 00 two of the first allele, 10 one, 11 none, 01 not known
 *
 * https://www.cog-genomics.org/plink/1.9/formats
 */
#include "load.h"

#include "image/fail.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define TAR_BLOCK 512

enum { BED, BIM, FAM, FILES };
static const char *const suffixes[FILES] = {".bed", ".bim", ".fam"};

struct files {
    const struct query_input *input;
    cella_error *error;
    struct {
        const char *bytes;
        size_t size;
    } file[FILES];
};

static cella_status malformed(const struct files *files, const char *what)
{
    return fail(files->error, CELLA_INVALID, "input %s: %s", files->input->name, what);
}

static cella_status malformed_line(const struct files *files, int file, uint64_t line,
                                   const char *what)
{
    return fail(files->error, CELLA_INVALID, "input %s, %s, line %llu: %s", files->input->name,
                suffixes[file], (unsigned long long)line, what);
}

/* ---- tar ---- */

/* Octal digits, ended by a blank or a NUL. */
static bool octal(const char *field, size_t size, uint64_t *value)
{
    size_t at = 0;
    *value = 0;
    while (at < size && field[at] == ' ')
        at++;
    size_t start = at;
    for (; at < size && field[at] >= '0' && field[at] <= '7'; at++)
        *value = *value << 3 | (uint64_t)(field[at] - '0');
    return at > start && (at == size || field[at] == ' ' || field[at] == 0);
}

/* The sum over the header with its own field as blanks. */
static bool sum_holds(const char *header)
{
    uint64_t sum = 0, said;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i];
    return octal(header + 148, 8, &said) && said == sum;
}

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Which of the files a header names, and the length of the name before its suffix; FILES: none. */
static int which_file(const char *header, size_t *stem)
{
    size_t length = strnlen(header, 100);
    for (int i = 0; i < FILES; i++) {
        if (length > 4 && memcmp(header + length - 4, suffixes[i], 4) == 0) {
            *stem = length - 4;
            return i;
        }
    }
    return FILES;
}

static cella_status untar(struct files *files, const char *bytes, size_t size)
{
    const char *first = NULL;
    size_t at = 0, first_stem = 0, stem = 0;
    for (; size - at >= TAR_BLOCK && !is_zero(bytes + at, TAR_BLOCK);) {
        const char *header = bytes + at;
        uint64_t length;
        if (memcmp(header + 257, "ustar", 5) != 0 || !sum_holds(header) ||
            !octal(header + 124, 12, &length))
            return malformed(files,
                             "it is not a tar of NAME.bed, NAME.bim and NAME.fam (tar "
                             "--format=ustar)");
        at += TAR_BLOCK;
        if (length > size - at)
            return malformed(files, "the tar ends within a file");
        int file = which_file(header, &stem);
        if ((header[156] != '0' && header[156] != 0) || file == FILES || files->file[file].bytes ||
            (first && (stem != first_stem || memcmp(first, header, stem) != 0)))
            return malformed(files,
                             "the tar may hold NAME.bed, NAME.bim and NAME.fam, once each, "
                             "and nothing else");
        first = header;
        first_stem = stem;
        files->file[file].bytes = bytes + at;
        files->file[file].size = length;
        uint64_t padded = (length + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
        at = padded > size - at ? size : at + padded;
    }
    for (int i = 0; i < FILES; i++)
        if (!files->file[i].bytes)
            return malformed(files, "the tar lacks one of NAME.bed, NAME.bim and NAME.fam");
    return is_zero(bytes + at, size - at) ? CELLA_OK
                                          : malformed(files, "there is something after the tar");
}

/* ---- lines of fields between blanks ---- */

#define FIELDS 6

struct lines {
    const struct files *files;
    int file;
    const char *at, *end;
    uint64_t line;
    struct {
        const char *text;
        size_t size;
    } field[FIELDS];
};

static struct lines lines_of(const struct files *files, int file)
{
    return (struct lines){.files = files,
                          .file = file,
                          .at = files->file[file].bytes,
                          .end = files->file[file].bytes + files->file[file].size};
}

/* The next line, which has six fields; `done` after the last. */
static cella_status next_line(struct lines *lines, bool *done)
{
    const char *at = lines->at;
    *done = at == lines->end;
    if (*done)
        return CELLA_OK;
    const char *end = memchr(at, '\n', (size_t)(lines->end - at));
    lines->line++;
    lines->at = end ? end + 1 : lines->end;
    end = end ? end : lines->end;
    if (end > at && end[-1] == '\r')
        end--;
    int count = 0;
    for (; at < end; count++) {
        const char *start = at;
        while (at < end && *at != ' ' && *at != '\t')
            at++;
        if (count < FIELDS && at > start) {
            lines->field[count].text = start;
            lines->field[count].size = (size_t)(at - start);
        }
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
    }
    return count == FIELDS ? CELLA_OK
                           : malformed_line(lines->files, lines->file, lines->line,
                                            "it does not have six fields");
}

static cella_status count_lines(const struct files *files, int file, size_t *count)
{
    struct lines lines = lines_of(files, file);
    bool done = false;
    cella_status status = CELLA_OK;
    if (text_utf8(lines.at, files->file[file].size) != files->file[file].size)
        return malformed_line(files, file, 1, "the file is not UTF-8 text");
    while (status == CELLA_OK && !done)
        status = next_line(&lines, &done);
    *count = lines.line;
    if (status == CELLA_OK && lines.line == 0)
        return malformed_line(files, file, 1, "the file is empty");
    return status;
}

static bool is(const struct lines *lines, int field, const char *text)
{
    return lines->field[field].size == strlen(text) &&
           memcmp(lines->field[field].text, text, lines->field[field].size) == 0;
}

static bool copy(const struct lines *lines, int field, char *to, size_t room)
{
    if (lines->field[field].size >= room)
        return false;
    memcpy(to, lines->field[field].text, lines->field[field].size);
    to[lines->field[field].size] = 0;
    return true;
}

/* ---- people ---- */

static cella_status take_person(const struct lines *lines, char individual[64], int8_t *sex,
                                int8_t *phenotype)
{
    if (!copy(lines, 1, individual, 64))
        return malformed_line(lines->files, FAM, lines->line,
                              "the individual's name is longer than 63 bytes");
    *sex = is(lines, 4, "1") ? 1 : is(lines, 4, "2") ? 2 : 0;
    if (is(lines, 5, "1"))
        *phenotype = 0;
    else if (is(lines, 5, "2"))
        *phenotype = 1;
    else if (is(lines, 5, "0") || is(lines, 5, "-9") || is(lines, 5, "NA"))
        *phenotype = -1;
    else
        return malformed_line(lines->files, FAM, lines->line,
                              "the phenotype is not 1 (control), 2 (case), or 0, -9 or NA (not "
                              "known)");
    return CELLA_OK;
}

static int compare_names(const void *first, const void *second)
{
    return strcmp(*(const char *const *)first, *(const char *const *)second);
}

/* An individual is named once: rules count individuals by this name. */
static cella_status names_differ(const struct files *files, const struct query_genotypes *genotypes)
{
    const char **names = calloc(genotypes->people, sizeof(*names));
    bool differ = true;
    if (!names)
        return fail(files->error, CELLA_MEMORY, "input %s: no memory", files->input->name);
    for (size_t i = 0; i < genotypes->people; i++)
        names[i] = genotypes->individuals[i];
    qsort(names, genotypes->people, sizeof(*names), compare_names);
    for (size_t i = 1; i < genotypes->people; i++)
        differ = differ && strcmp(names[i - 1], names[i]) != 0;
    free(names);
    return differ ? CELLA_OK
                  : malformed(files, ".fam names an individual twice (its second column)");
}

static cella_status read_people(const struct files *files, struct query_genotypes *genotypes)
{
    cella_status status = count_lines(files, FAM, &genotypes->people);
    if (status != CELLA_OK)
        return status;
    genotypes->individuals = calloc(genotypes->people, sizeof(*genotypes->individuals));
    genotypes->sexes = calloc(genotypes->people, 1);
    genotypes->phenotypes = calloc(genotypes->people, 1);
    if (!genotypes->individuals || !genotypes->sexes || !genotypes->phenotypes)
        return fail(files->error, CELLA_MEMORY, "input %s: no memory", files->input->name);
    struct lines lines = lines_of(files, FAM);
    bool done = false;
    for (size_t i = 0; status == CELLA_OK && i < genotypes->people; i++) {
        status = next_line(&lines, &done);
        if (status == CELLA_OK)
            status = take_person(&lines, genotypes->individuals[i], &genotypes->sexes[i],
                                 &genotypes->phenotypes[i]);
    }
    return status == CELLA_OK ? names_differ(files, genotypes) : status;
}

/* ---- SNPs ---- */

static cella_status read_snps(const struct files *files, struct query_genotypes *genotypes)
{
    cella_status status = count_lines(files, BIM, &genotypes->snp_count);
    if (status != CELLA_OK)
        return status;
    genotypes->snps = calloc(genotypes->snp_count, sizeof(*genotypes->snps));
    if (!genotypes->snps)
        return fail(files->error, CELLA_MEMORY, "input %s: no memory", files->input->name);
    struct lines lines = lines_of(files, BIM);
    bool done = false;
    for (size_t i = 0; i < genotypes->snp_count; i++) {
        struct query_snp *snp = &genotypes->snps[i];
        if ((status = next_line(&lines, &done)) != CELLA_OK)
            return status;
        if (!copy(&lines, 0, snp->chromosome, sizeof(snp->chromosome)) ||
            !copy(&lines, 1, snp->name, sizeof(snp->name)) ||
            !copy(&lines, 4, snp->first, sizeof(snp->first)) ||
            !copy(&lines, 5, snp->second, sizeof(snp->second)))
            return malformed_line(files, BIM, lines.line,
                                  "a field is too long (chromosome and alleles 15 bytes, name 63)");
        if (!text_integer(lines.field[3].text, lines.field[3].size, &snp->position))
            return malformed_line(files, BIM, lines.line, "the position is not a whole number");
    }
    return CELLA_OK;
}

/* Bits beyond the last person are zero: counts of bits rely on it. */
static bool padding_is_zero(const struct query_genotypes *genotypes, size_t width)
{
    unsigned used = genotypes->people % 4 * 2;
    for (size_t i = 0; used && i < genotypes->snp_count; i++)
        if (genotypes->packed[(i + 1) * width - 1] >> used)
            return false;
    return true;
}

static cella_status read_genotypes(const struct files *files, struct query_genotypes *genotypes)
{
    const char *bytes = files->file[BED].bytes;
    size_t size, width = (genotypes->people + 3) / 4;
    if (files->file[BED].size < 3 || memcmp(bytes, "\x6c\x1b\x01", 3) != 0)
        return malformed(files, ".bed is not of PLINK 1.9, SNP by SNP (it starts 6c 1b 01)");
    if (__builtin_mul_overflow(width, genotypes->snp_count, &size) ||
        files->file[BED].size - 3 != size)
        return malformed(files,
                         ".bed does not have the size that .fam's people and .bim's SNPs "
                         "need");
    genotypes->packed = malloc(size);
    if (!genotypes->packed)
        return fail(files->error, CELLA_MEMORY, "input %s: no memory", files->input->name);
    memcpy(genotypes->packed, bytes + 3, size);
    return padding_is_zero(genotypes, width)
               ? CELLA_OK
               : malformed(files, ".bed has genotypes of more people than .fam");
}

cella_status query_genotypes_read(const struct query_input *input, const void *bytes, size_t size,
                                  struct query_genotypes *genotypes, cella_error *error)
{
    struct files files = {.input = input, .error = error};
    struct query_genotypes all = {0};
    cella_status status = untar(&files, bytes, size);
    if (status == CELLA_OK)
        status = read_people(&files, &all);
    if (status == CELLA_OK)
        status = read_snps(&files, &all);
    if (status == CELLA_OK)
        status = read_genotypes(&files, &all);
    if (status == CELLA_OK)
        *genotypes = all;
    else
        query_genotypes_free(&all);
    return status;
}

void query_genotypes_free(struct query_genotypes *genotypes)
{
    free(genotypes->individuals);
    free(genotypes->sexes);
    free(genotypes->phenotypes);
    free(genotypes->snps);
    free(genotypes->packed);
    *genotypes = (struct query_genotypes){0};
}

/* ---- the people as a table ---- */

static void bind_or_null(struct load *load, size_t column, int value, bool known)
{
    if (known)
        sqlite3_bind_int64(load->insert, load->parameters[column], value);
    else
        sqlite3_bind_null(load->insert, load->parameters[column]);
}

static cella_status take_columns(struct load *load, const struct query_genotypes *people, size_t i)
{
    for (size_t column = 0; column < load->input->column_count; column++) {
        const char *name = load->input->columns[column].name;
        if (!load->parameters[column])
            continue;
        if (strcmp(name, "individual") == 0)
            sqlite3_bind_text(load->insert, load->parameters[column], people->individuals[i], -1,
                              SQLITE_STATIC);
        else if (strcmp(name, "sex") == 0)
            bind_or_null(load, column, people->sexes[i], people->sexes[i] > 0);
        else
            bind_or_null(load, column, people->phenotypes[i], people->phenotypes[i] >= 0);
    }
    return load_row(load);
}

static bool is_column(const struct query_column *column)
{
    if (strcmp(column->name, "individual") == 0)
        return column->type == QUERY_TEXT;
    if (strcmp(column->name, "sex") == 0)
        return column->type == QUERY_INTEGER;
    return strcmp(column->name, "phenotype") == 0 &&
           (column->type == QUERY_BOOLEAN || column->type == QUERY_INTEGER);
}

static cella_status check_columns(const struct load *load)
{
    for (size_t i = 0; i < load->input->column_count; i++)
        if (!is_column(&load->input->columns[i]))
            return fail(load->error, CELLA_INVALID,
                        "input %s, column %s: the columns of PLINK files are individual (text), "
                        "sex (integer) and phenotype (boolean, or integer)",
                        load->input->name, load->input->columns[i].name);
    return CELLA_OK;
}

cella_status load_plink(struct load *load, const void *bytes, size_t size)
{
    struct files files = {.input = load->input, .error = load->error};
    struct query_genotypes people = {0};
    cella_status status = check_columns(load);
    if (status == CELLA_OK)
        status = untar(&files, bytes, size);
    if (status == CELLA_OK)
        status = read_people(&files, &people);
    for (size_t i = 0; status == CELLA_OK && i < people.people; i++)
        status = take_columns(load, &people, i);
    sqlite3_clear_bindings(load->insert);
    query_genotypes_free(&people);
    return status;
}
