/* SPDX-License-Identifier: Apache-2.0
 *
 * PLINK's files in a tar: what is read, and each way to be wrong.
 */
#include "query_test.h"

#include "query_tar.h"

#define BED "\x6c\x1b\x01\xe4\x00\xfb\x03"
#define BIM "1 rs1 0 100 A G\r\n22\trs2  0\t-5 ACGTACGTACGTACG T\n"
#define FAM "f1 i1 0 0 1 2\nf1 i2 0 0 2 1\nf2 i3 i1 i2 0 -9\nf2 i4 0 0 1 NA\nf2 \xc3\xa9 0 0 1 0\n"

static struct query_column columns[] = {{"individual", QUERY_TEXT, QUERY_IDENTIFIER},
                                        {"sex", QUERY_INTEGER, QUERY_DIMENSION},
                                        {"phenotype", QUERY_BOOLEAN, QUERY_DIMENSION}};
static struct query_input input = {
    .name = "north", .format = QUERY_PLINK, .columns = columns, .column_count = 3};

static cella_status read_exactly(const struct tar *tar, struct query_genotypes *genotypes,
                                 cella_error *error)
{
    void *exact = malloc(tar->size ? tar->size : 1);
    memcpy(exact, tar->bytes, tar->size);
    cella_status status = query_genotypes_read(&input, exact, tar->size, genotypes, error);
    free(exact);
    return status;
}

static void test_read(void **state)
{
    (void)state;
    struct tar *tar = make(BED, 7, BIM, FAM);
    struct query_genotypes genotypes;
    cella_error error = {0};
    if (read_exactly(tar, &genotypes, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    assert_int_equal(genotypes.people, 5);
    assert_int_equal(genotypes.snp_count, 2);
    assert_string_equal(genotypes.individuals[4], "\xc3\xa9");
    assert_memory_equal(genotypes.sexes, "\1\2\0\1\1", 5);
    assert_memory_equal(genotypes.phenotypes, "\1\0\xff\xff\xff", 5);
    assert_string_equal(genotypes.snps[0].name, "rs1");
    assert_string_equal(genotypes.snps[0].second, "G");
    assert_string_equal(genotypes.snps[1].chromosome, "22");
    assert_string_equal(genotypes.snps[1].first, "ACGTACGTACGTACG");
    assert_int_equal(genotypes.snps[1].position, -5);
    assert_memory_equal(genotypes.packed, "\xe4\x00\xfb\x03", 4);
    query_genotypes_free(&genotypes);
    free(tar);
}

static void test_table(void **state)
{
    (void)state;
    struct tar *tar = make(BED, 7, BIM, FAM);
    sqlite3 *database = database_new();
    uint64_t rows;
    cella_error error;
    assert_int_equal(query_load(database, &input, tar->bytes, tar->size, &rows, &error), CELLA_OK);
    assert_int_equal(rows, 5);
    assert_answer(database,
                  "SELECT group_concat(individual || quote(sex) || quote(phenotype)) FROM north",
                  "i111,i220,i3NULLNULL,i41NULL,\xc3\xa9"
                  "1NULL");
    sqlite3_close(database);
    columns[1].type = QUERY_TEXT;
    database = database_new();
    assert_int_equal(query_load(database, &input, tar->bytes, tar->size, &rows, &error),
                     CELLA_INVALID);
    assert_non_null(strstr(error.sentence, "column sex"));
    columns[1].type = QUERY_INTEGER;
    sqlite3_close(database);
    free(tar);
}

static void assert_refused(struct tar *tar, const char *part)
{
    struct query_genotypes genotypes;
    cella_error error = {0};
    assert_int_equal(read_exactly(tar, &genotypes, &error), CELLA_INVALID);
    if (!strstr(error.sentence, part))
        fail_msg("\"%s\" does not say \"%s\"", error.sentence, part);
    free(tar);
}

static void test_bad_files(void **state)
{
    (void)state;
    assert_refused(make("\x6c\x1b\x00\xe4\x00\xfb\x03", 7, BIM, FAM), ".bed is not of PLINK 1.9");
    assert_refused(make("\x6c\x1b", 2, BIM, FAM), ".bed is not of PLINK 1.9");
    assert_refused(make(BED, 6, BIM, FAM), ".bed does not have the size");
    assert_refused(make(BED "\0", 8, BIM, FAM), ".bed does not have the size");
    assert_refused(make("\x6c\x1b\x01\xe4\x04\xfb\x03", 7, BIM, FAM), "genotypes of more people");
    assert_refused(make(BED, 7, BIM, ""), ".fam, line 1: the file is empty");
    assert_refused(make(BED, 7, "", FAM), ".bim, line 1: the file is empty");
    assert_refused(make(BED, 7, BIM, FAM "f i 0 0 1\n"), ".fam, line 6: it does not have six");
    assert_refused(make(BED, 7, BIM, FAM "f i 0 0 1 2 3\n"), ".fam, line 6: it does not have six");
    assert_refused(make(BED, 7, BIM, FAM " f i 0 0 1 2\n"), ".fam, line 6: it does not have six");
    assert_refused(make(BED, 7, BIM, FAM "f i 0 0 1 1.5\n"), ".fam, line 6: the phenotype");
    assert_refused(make(BED, 7, BIM, FAM "f i1 0 0 1 1\n"), "names an individual twice");
    assert_refused(make(BED, 7, BIM, "\xff" FAM), ".fam, line 1: the file is not UTF-8");
    assert_refused(make(BED, 7, BIM "1 rs3 0 1x A G\n", FAM), ".bim, line 3: the position");
    assert_refused(make(BED, 7, BIM "1 rs3 0 1 ACGTACGTACGTACGT G\n", FAM),
                   ".bim, line 3: a field is too long");
    assert_refused(make(BED, 7, BIM,
                        "f 0123456789012345678901234567890123456789012345678901234567890123 0 0 "
                        "1 1\n"),
                   ".fam, line 1: the individual's name");
}

static struct tar *good(void)
{
    return make(BED, 7, BIM, FAM);
}

static void test_bad_tar(void **state)
{
    (void)state;
    struct tar *tar = good();
    tar->size = 0;
    assert_refused(tar, "the tar lacks");
    tar = good();
    tar->bytes[0]++; /* the sum no longer holds */
    assert_refused(tar, "it is not a tar");
    tar = good();
    tar->bytes[257] = 'x';
    seal(tar->bytes);
    assert_refused(tar, "it is not a tar");
    tar = good();
    memcpy(tar->bytes + 124, "77777777777", 11);
    seal(tar->bytes);
    assert_refused(tar, "the tar ends within a file");
    tar = good();
    memcpy(tar->bytes + 124, "0000000000x", 11);
    seal(tar->bytes);
    assert_refused(tar, "it is not a tar");
    tar = good();
    tar->bytes[156] = '2'; /* a link */
    seal(tar->bytes);
    assert_refused(tar, "and nothing else");
    tar = good();
    tar->bytes[0] = 's'; /* two stems */
    seal(tar->bytes);
    assert_refused(tar, "and nothing else");
    tar = good();
    memcpy(tar->bytes, "north.bim", 9); /* one twice */
    seal(tar->bytes);
    assert_refused(tar, "and nothing else");
    tar = good();
    tar->bytes[tar->size - 1] = 1;
    assert_refused(tar, "something after the tar");
    tar = good();
    tar->size = 2 * 1024 + 256; /* without .fam, in the middle of its header */
    assert_refused(tar, "the tar lacks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_tar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
