/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing whole programs, built here by the machine's own compilers: what is found in them, that
 * the same input gives the same bytes wherever it lies, and what manifests turn into.
 */
#include "image_test.h"

#include "runtime/boot.h"
#include "tee/tee.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cella-pack-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char paths[4][96];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Builds a program, or skips the test where the compiler or the library is not there. */
static const char *build(const char *name, const char *compiler, const char *options,
                         const char *source)
{
    char command[512];
    write_file("source", source, strlen(source));
    snprintf(command, sizeof(command), "cd %s && %s -x c%s source -x none -o %s %s 2>/dev/null",
             folder, compiler, strstr(compiler, "++") ? "++" : "", name, options);
    if (system(command) != 0) {
        print_message("%s cannot be built here\n", name);
        skip();
    }
    return in_folder(name);
}

static struct image *pack(const char *program, const struct manifest *manifest, cella_error *error)
{
    struct image *image;
    uint8_t *bytes;
    size_t size;
    if (image_pack(program, manifest, &bytes, &size, error) != CELLA_OK)
        return NULL;
    if (image_parse(bytes, size, program, &image, error) != CELLA_OK)
        fail_msg("%s", error->sentence);
    free(bytes);
    return image;
}

static struct manifest *default_manifest(void)
{
    struct manifest *manifest;
    assert_int_equal(manifest_default(&manifest, NULL), CELLA_OK);
    return manifest;
}

/* Every system call of the program is rewritten: `least`..`most` sites, and none of its sites'
 * functions is without a name. */
static void check_program(const char *program, size_t least, size_t most)
{
    cella_error error = {0};
    struct manifest *manifest = default_manifest();
    struct image_notes notes;
    struct image *image = pack(program, manifest, &error);
    if (!image)
        fail_msg("%s", error.sentence);
    assert_int_equal(image_notes_read(image, &notes, &error), CELLA_OK);
    if (notes.site_count < least || notes.site_count > most)
        fail_msg("%s: %zu sites", program, notes.site_count);
    for (size_t i = 0; i < notes.site_count; i++) {
        uint8_t code[2];
        assert_true(image_read(image, notes.sites[i].address, code, 2));
        assert_false(code[0] == 0x0f && code[1] == 0x05);
        if (notes.function_count)
            assert_string_not_equal(notes.sites[i].function, "");
    }
    assert_true(image->boot.heap.offset % LAYOUT_HEAP_ALIGN == 0);
    assert_int_equal(image->boot.thread_count, THREAD_COUNT);
    image_notes_free(&notes);
    image_free(image);
    manifest_free(manifest);
}

static const char hello[] = "#include <stdio.h>\nint main(void){puts(\"hello\");return 0;}\n";

static void test_glibc(void **state)
{
    (void)state;
    check_program(build("hello", "gcc", "-static", hello), 60, 200);
}

static void test_glibc_stripped(void **state)
{
    (void)state;
    check_program(build("hello-stripped", "gcc", "-static -s", hello), 60, 200);
}

static void test_glibc_pie(void **state)
{
    (void)state;
    check_program(build("hello-pie", "gcc", "-static-pie -fPIE", hello), 60, 200);
}

/* Headers, code and constants in one segment. */
static void test_glibc_together(void **state)
{
    (void)state;
    check_program(build("hello-together", "gcc", "-static -Wl,-z,noseparate-code", hello), 60, 200);
}

static void test_musl(void **state)
{
    (void)state;
    check_program(build("hello-musl", "musl-gcc", "-static", hello), 10, 60);
}

static void test_musl_stripped(void **state)
{
    (void)state;
    check_program(build("hello-musl-stripped", "musl-gcc", "-static -s", hello), 10, 60);
}

static void test_sqlite(void **state)
{
    (void)state;
    check_program(build("sqlite", "gcc", "-static -O2 -lsqlite3 -lm",
                        "int sqlite3_open(const char*,void**);\n"
                        "int main(void){void*d;return sqlite3_open(\":memory:\",&d);}\n"),
                  100, 400);
}

static void test_openssl(void **state)
{
    (void)state;
    check_program(build("openssl", "gcc", "-static -O2 -lcrypto",
                        "void*X509_new(void);\nint main(void){return !X509_new();}\n"),
                  100, 400);
}

static void test_cplusplus(void **state)
{
    (void)state;
    check_program(build("cplusplus", "g++", "-static -O2",
                        "#include <iostream>\nint main(){try{throw 1;}catch(int){std::cout<<1;}}"),
                  100, 400);
}

static void test_dynamic(void **state)
{
    (void)state;
    cella_error error = {0};
    struct manifest *manifest = default_manifest();
    assert_null(pack(build("dynamic", "gcc", "", hello), manifest, &error));
    assert_int_equal(error.status, CELLA_UNSUPPORTED);
    assert_sentence(&error, "link it with -static");
    assert_null(pack(build("object", "gcc", "-c", hello), manifest, &error));
    assert_sentence(&error, "relocatable");
    assert_null(
        pack(build("library.so", "gcc", "-shared -fPIC -nostdlib", "int x(void){return 1;}"),
             manifest, &error));
    assert_sentence(&error, "shared library");
    assert_null(pack(in_folder("none"), manifest, &error));
    assert_sentence(&error, "cannot open");
    assert_null(pack(folder, manifest, &error));
    assert_sentence(&error, "not a regular file");
    manifest_free(manifest);
}

/* The same program and manifest in another folder: the same bytes. */
static void test_same_bytes(void **state)
{
    (void)state;
    static const char text[] =
        "{\"cella\":1,\"threads\":2,\"files\":[{\"path\":\"/x\",\"kind\":"
        "\"measured\",\"source\":\"x\"}]}";
    struct small small = small_program(small_code, sizeof(small_code));
    uint8_t *bytes[2];
    size_t size[2];
    for (unsigned i = 0; i < 2; i++) {
        char name[16];
        struct manifest *manifest;
        cella_error error = {0};
        snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(mkdir(in_folder(name), 0700), 0);
        snprintf(name, sizeof(name), "%u/program", i);
        write_file(name, &small, sizeof(small));
        snprintf(name, sizeof(name), "%u/x", i);
        write_file(name, "content", 7);
        snprintf(name, sizeof(name), "%u/m.json", i);
        write_file(name, text, strlen(text));
        assert_int_equal(manifest_open(in_folder(name), &manifest, &error), CELLA_OK);
        snprintf(name, sizeof(name), "%u/program", i);
        assert_int_equal(image_pack(in_folder(name), manifest, &bytes[i], &size[i], &error),
                         CELLA_OK);
        manifest_free(manifest);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void read_span(const struct image *image, struct boot_span span, char *text, size_t size)
{
    assert_true(span.size < size);
    assert_true(image_read(image, span.offset, text, span.size));
    text[span.size] = 0;
}

static void check_file(const struct image *image, unsigned index, uint32_t kind, const char *path,
                       const char *content, struct boot_file *file)
{
    char text[256];
    assert_true(
        image_read(image, image->boot.files.offset + index * sizeof(*file), file, sizeof(*file)));
    assert_int_equal(file->kind, kind);
    read_span(image, file->path, text, sizeof(text));
    assert_string_equal(text, path);
    read_span(image, file->content, text, sizeof(text));
    assert_string_equal(text, content);
}

static void test_manifest(void **state)
{
    (void)state;
    static const char text[] =
        "{\"cella\":1,\"arguments\":[\"p\",\"-x\"],\"environment\":{\"B\":\"2\",\"A\":\"1\"},"
        "\"working_directory\":\"/work\",\"heap_size\":\"33M\",\"threads\":3,\"clock\":false,"
        "\"network\":true,\"files\":["
        "{\"path\":\"/measured\",\"kind\":\"measured\",\"source\":\"content\"},"
        "{\"path\":\"/hashed\",\"kind\":\"measured\",\"source\":\"content\",\"carry\":false},"
        "{\"path\":\"/memory\",\"kind\":\"memory\",\"size\":\"1M\"},"
        "{\"path\":\"/plain\",\"kind\":\"plain\",\"source\":\"dir\",\"directory\":true}]}";
    struct small small = small_program(small_code, sizeof(small_code));
    struct manifest *manifest;
    struct boot_file file;
    cella_error error = {0};
    char read[256];
    uint8_t digest[32];
    write_file("program", &small, sizeof(small));
    write_file("content", "what it holds", 13);
    assert_int_equal(manifest_parse(text, strlen(text), folder, "m.json", &manifest, &error),
                     CELLA_OK);
    struct image *image = pack(in_folder("program"), manifest, &error);
    assert_non_null(image);
    const struct boot_header *boot = &image->boot;
    assert_int_equal(boot->flags, BOOT_NETWORK | BOOT_STATISTICS);
    assert_int_equal(boot->thread_count, 3);
    assert_int_equal(boot->heap.size, 34 << 20);
    assert_int_equal(boot->elrange_size, 64 << 20);
    assert_int_equal(boot->arguments.size, 5);
    read_span(image, boot->arguments, read, sizeof(read));
    assert_memory_equal(read, "p\0-x", 5);
    assert_int_equal(boot->environment.size, 8);
    read_span(image, boot->environment, read, sizeof(read));
    assert_memory_equal(read, "A=1\0B=2", 8);
    read_span(image, boot->directory, read, sizeof(read));
    assert_string_equal(read, "/work");
    assert_int_equal(boot->files.size, 5 * sizeof(struct boot_file));
    check_file(image, 0, BOOT_FILE_HASHED, "/hashed", "content", &file);
    EVP_Digest("what it holds", 13, digest, NULL, EVP_sha256(), NULL);
    assert_memory_equal(file.sha256, digest, sizeof(digest));
    assert_int_equal(file.size, 13);
    check_file(image, 1, BOOT_FILE_MEASURED, "/measured", "what it holds", &file);
    check_file(image, 2, BOOT_FILE_MEMORY, "/memory", "", &file);
    assert_int_equal(file.size, 1 << 20);
    check_file(image, 3, BOOT_FILE_PLAIN, "/plain", "dir", &file);
    assert_int_equal(file.flags, BOOT_FILE_DIRECTORY);
    check_file(image, 4, BOOT_FILE_MEMORY, "/tmp", "", &file);
    image_free(image);
    /* A carried file that is not there, or is no file, is named. */
    unlink(in_folder("content"));
    assert_null(pack(in_folder("program"), manifest, &error));
    assert_sentence(&error, "/content: cannot open");
    manifest_free(manifest);
}

static void test_carried_too_big(void **state)
{
    (void)state;
    static const char text[] =
        "{\"cella\":1,\"files\":[{\"path\":\"/x\",\"kind\":"
        "\"measured\",\"source\":\"sparse\"}]}";
    struct small small = small_program(small_code, sizeof(small_code));
    struct manifest *manifest;
    cella_error error = {0};
    write_file("program", &small, sizeof(small));
    write_file("sparse", "", 0);
    assert_int_equal(truncate(in_folder("sparse"), (1L << 30) + 1), 0);
    assert_int_equal(manifest_parse(text, strlen(text), folder, "m.json", &manifest, &error),
                     CELLA_OK);
    assert_null(pack(in_folder("program"), manifest, &error));
    assert_int_equal(error.status, CELLA_INVALID);
    assert_sentence(&error, "/sparse: 1073741825 bytes; at most 1073741824");
    manifest_free(manifest);
}

static void test_own_name(void **state)
{
    (void)state;
    struct small small = small_program(small_code, sizeof(small_code));
    struct manifest *manifest = default_manifest();
    cella_error error = {0};
    char read[64];
    write_file("named", &small, sizeof(small));
    struct image *image = pack(in_folder("named"), manifest, &error);
    assert_non_null(image);
    read_span(image, image->boot.arguments, read, sizeof(read));
    assert_string_equal(read, "named");
    image_free(image);
    manifest_free(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glibc),          cmocka_unit_test(test_glibc_stripped),
        cmocka_unit_test(test_glibc_pie),      cmocka_unit_test(test_musl),
        cmocka_unit_test(test_musl_stripped),  cmocka_unit_test(test_sqlite),
        cmocka_unit_test(test_openssl),        cmocka_unit_test(test_cplusplus),
        cmocka_unit_test(test_dynamic),        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_manifest),       cmocka_unit_test(test_own_name),
        cmocka_unit_test(test_glibc_together), cmocka_unit_test(test_carried_too_big),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
