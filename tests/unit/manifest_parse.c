/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests: what a good one means, that its canonical text means the same, and each way to be
 * wrong with the sentence that names the key.
 */
#include "image_test.h"

#include "runtime/boot.h"

#include <stdio.h>

static cella_status parse(const char *text, struct manifest **manifest, cella_error *error)
{
    memset(error, 0, sizeof(*error));
    return manifest_parse(text, strlen(text), "/folder", "m.json", manifest, error);
}

static const struct {
    const char *text;
    const char *sentence;
} wrong[] = {
    {"", "m.json: line"},
    {"{", "m.json: line"},
    {"[]", "must be a JSON object"},
    {"{\"cella\":1} x", "m.json: line 1"},
    {"{}", "cella: missing"},
    {"{\"cella\":2}", "cella: must be 1"},
    {"{\"cella\":\"1\"}", "cella: must be 1"},
    {"{\"cella\":1,\"cella\":1}", "duplicate"},
    {"{\"cella\":1,\"thread\":1}", "thread: unknown key; did you mean \"threads\"?"},
    {"{\"cella\":1,\"heapsize\":1}", "did you mean \"heap_size\"?"},
    {"{\"cella\":1,\"colour\":1}", "colour: unknown key; docs/"},
    {"{\"cella\":1,\"arguments\":1}", "arguments: must be"},
    {"{\"cella\":1,\"arguments\":[]}", "arguments: must be"},
    {"{\"cella\":1,\"arguments\":\"guest\"}", "arguments: must be"},
    {"{\"cella\":1,\"arguments\":[\"a\",1]}", "arguments: entry 1"},
    {"{\"cella\":1,\"arguments\":[\"a\\u0000b\"]}", "m.json: line"},
    {"{\"cella\":1,\"environment\":[]}", "environment: must be"},
    {"{\"cella\":1,\"environment\":\"guest\"}", "environment: must be"},
    {"{\"cella\":1,\"environment\":{\"\":\"x\"}}", "no name of a variable"},
    {"{\"cella\":1,\"environment\":{\"A=B\":\"x\"}}", "no name of a variable"},
    {"{\"cella\":1,\"environment\":{\"A\":1}}", "\"A\" must be a string"},
    {"{\"cella\":1,\"working_directory\":1}", "working_directory: must be a string"},
    {"{\"cella\":1,\"working_directory\":\"x\"}", "working_directory: must be an absolute path"},
    {"{\"cella\":1,\"working_directory\":\"\"}", "working_directory: must be an absolute path"},
    {"{\"cella\":1,\"heap_size\":true}", "heap_size: must be a number of bytes"},
    {"{\"cella\":1,\"heap_size\":-1}", "heap_size: must be a number of bytes"},
    {"{\"cella\":1,\"heap_size\":\"1X\"}", "heap_size: must be a number of bytes"},
    {"{\"cella\":1,\"heap_size\":\"1GG\"}", "heap_size: must be a number of bytes"},
    {"{\"cella\":1,\"heap_size\":\"G\"}", "heap_size: must be a number of bytes"},
    {"{\"cella\":1,\"heap_size\":\"99999999999999999999\"}", "heap_size: must be a number"},
    {"{\"cella\":1,\"heap_size\":\"99999999T\"}", "heap_size: must be a number"},
    {"{\"cella\":1,\"heap_size\":\"15M\"}", "heap_size: must be between 16M and 1T"},
    {"{\"cella\":1,\"heap_size\":\"2T\"}", "heap_size: must be between 16M and 1T"},
    {"{\"cella\":1,\"threads\":0}", "threads: must be a number from 1 to 64"},
    {"{\"cella\":1,\"threads\":65}", "threads: must be a number from 1 to 64"},
    {"{\"cella\":1,\"threads\":\"4\"}", "threads: must be a number from 1 to 64"},
    {"{\"cella\":1,\"clock\":1}", "clock: must be true or false"},
    {"{\"cella\":1,\"network\":\"yes\"}", "network: must be true or false"},
    {"{\"cella\":1,\"statistics\":null}", "statistics: must be true or false"},
    {"{\"cella\":1,\"agent\":1}", "agent: must be a string"},
    {"{\"cella\":1,\"agent\":\"\"}", "agent: must be a path"},
    {"{\"cella\":1,\"agent_arguments\":[]}", "agent_arguments: there is no \"agent\""},
    {"{\"cella\":1,\"agent\":\"a\",\"agent_arguments\":\"host\"}",
     "agent_arguments: must be a list"},
    {"{\"cella\":1,\"agent\":\"a\",\"agent_arguments\":[1]}", "agent_arguments: entry 0"},
    {"{\"cella\":1,\"attestation\":\"dcap\"}", "attestation: must be true or false"},
    {"{\"cella\":1,\"files\":{}}", "files: must be a list"},
    {"{\"cella\":1,\"files\":[1]}", "files: entry 0 must be an object"},
    {"{\"cella\":1,\"files\":[{\"path\":\"/a\"}]}", "files[0].kind: missing"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\"}]}", "files[0].path: missing"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"secret\",\"path\":\"/a\"}]}", "files[0].kind: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":1,\"path\":\"/a\"}]}", "files[0].kind: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":1}]}", "files[0].path: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"a\"}]}", "files[0].path: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/\"}]}", "files[0].path: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a/\"}]}", "files[0].path: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"//a\"}]}", "files[0].path: must be"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a/.\"}]}", "files[0].path: must"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/../a\"}]}", "files[0].path: must"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"measured\",\"path\":\"/a\"}]}", "source: missing"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"plain\",\"path\":\"/a\"}]}", "source: missing"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"plain\",\"path\":\"/a\",\"source\":\"\"}]}",
     "source: must be a path"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"plain\",\"path\":\"/a\",\"source\":1}]}",
     "source: must be a string"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"source\":\"x\"}]}",
     "a memory directory has no source"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"carry\":true}]}",
     "only a measured file"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"measured\",\"path\":\"/a\",\"source\":\"x\","
     "\"carry\":1}]}",
     "carry: must be true or false"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"plain\",\"path\":\"/a\",\"source\":\"x\",\"size\":1}]}",
     "only a memory directory"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"size\":\"2T\"}]}",
     "size: must be at most 1T"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"size\":[]}]}",
     "size: must be a number of bytes"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"box\",\"path\":\"/a\",\"source\":\"a\"}]}",
     "files[0].key: missing"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"box\",\"path\":\"/a\",\"key\":\"k\"}]}",
     "files[0].source: missing"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"box\",\"path\":\"/a\",\"source\":\"a\",\"key\":\"a/"
     "b\"}]}",
     "files[0].key: must be a name"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"plain\",\"path\":\"/"
     "a\",\"source\":\"a\",\"key\":\"k\"}]}",
     "files[0].key: only a box"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"box\",\"path\":\"/"
     "a\",\"source\":\"a\",\"key\":\"k\",\"version\":\"12\"}]}",
     "files[0].version: must be 64"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"box\",\"path\":\"/"
     "a\",\"source\":\"a\",\"key\":\"k\",\"writable\":true,\"version\":\"12\"}]}",
     "files[0].version: only a box that is one file"},
    {"{\"cella\":1,\"insecure_keys\":{\"a=b\":\"\"}}", "insecure_keys: \"a=b\" is no name"},
    {"{\"cella\":1,\"insecure_keys\":{\"a\":\"0123\"}}", "insecure_keys: the key \"a\" must be 64"},
    {"{\"cella\":1,\"insecure_keys\":[]}", "insecure_keys: must be an object"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"writable\":true}]}",
     "only a plain or box file"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"directory\":true}]}",
     "only a plain or box file"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"plain\",\"path\":\"/a\",\"source\":\"x\","
     "\"writable\":0}]}",
     "writable: must be true or false"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\",\"sizes\":1}]}",
     "files[0].sizes: unknown key; did you mean \"size\"?"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a\"},"
     "{\"kind\":\"memory\",\"path\":\"/a\"}]}",
     "\"/a\" is there twice"},
    {"{\"cella\":1,\"files\":[{\"kind\":\"memory\",\"path\":\"/a/b\"},"
     "{\"kind\":\"memory\",\"path\":\"/a.c\"},"
     "{\"kind\":\"measured\",\"path\":\"/a\",\"source\":\"x\"}]}",
     "\"/a/b\" lies inside \"/a\""},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct manifest *manifest;
        cella_error error;
        if (parse(wrong[i].text, &manifest, &error) != CELLA_INVALID)
            fail_msg("%s: status %d", wrong[i].text, error.status);
        assert_int_equal(error.status, CELLA_INVALID);
        assert_ptr_equal(strstr(error.sentence, "m.json: "), error.sentence);
        assert_sentence(&error, wrong[i].sentence);
    }
}

#define HEX_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_box(void **state)
{
    (void)state;
    struct manifest *manifest;
    cella_error error;
    const char *text =
        "{\"cella\":1,\"insecure_keys\":{\"b\":\"" HEX_KEY "\",\"a\":\"" HEX_KEY
        "\"},"
        "\"files\":[{\"kind\":\"box\",\"path\":\"/a\",\"source\":\"a.box\",\"key\":\"a\","
        "\"version\":\"" HEX_KEY
        "\"},{\"kind\":\"box\",\"path\":\"/d\",\"source\":\"d\","
        "\"key\":\"b\",\"directory\":true,\"writable\":true}]}";
    assert_int_equal(parse(text, &manifest, &error), CELLA_OK);
    assert_int_equal(manifest->files[0].kind, BOOT_FILE_BOX);
    assert_int_equal(manifest->files[0].flags, BOOT_FILE_VERSION);
    assert_int_equal(manifest->files[0].version[1], 0x11);
    assert_string_equal(manifest->files[0].key, "a");
    assert_int_equal(manifest->files[1].flags, BOOT_FILE_DIRECTORY | BOOT_FILE_WRITABLE);
    assert_string_equal(manifest->insecure_keys[0], "a=" HEX_KEY);
    char *first = manifest_text(manifest);
    manifest_free(manifest);
    assert_int_equal(parse(first, &manifest, &error), CELLA_OK);
    char *second = manifest_text(manifest);
    assert_string_equal(first, second);
    manifest_free(manifest);
    free(first);
    free(second);
}

static void test_too_much(void **state)
{
    (void)state;
    struct manifest *manifest;
    cella_error error;
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    assert_int_equal(manifest_parse(text, size, "", "m.json", &manifest, &error), CELLA_INVALID);
    assert_sentence(&error, "at most 1 MiB");
    /* 1025 files */
    char *to = text + sprintf(text, "{\"cella\":1,\"files\":[");
    for (unsigned i = 0; i < 1025; i++)
        to += sprintf(to, "%s{\"kind\":\"memory\",\"path\":\"/%u\"}", i ? "," : "", i);
    sprintf(to, "]}");
    assert_int_equal(parse(text, &manifest, &error), CELLA_INVALID);
    assert_sentence(&error, "files: 1025 entries; at most 1024");
    free(text);
    assert_int_equal(manifest_open("/nonexistent/m.json", &manifest, &error), CELLA_INVALID);
    assert_int_equal(manifest_open("/", &manifest, &error), CELLA_INVALID);
    assert_sentence(&error, "not a regular file");
}

static const char full[] =
    "{\"cella\":1,\"arguments\":[\"program\",\"-x\"],\"environment\":{\"Z\":\"1\",\"A\":\"b=c\"},"
    "\"working_directory\":\"/work\",\"heap_size\":\"64M\",\"threads\":3,\"clock\":false,"
    "\"network\":true,\"statistics\":false,\"attestation\":true,"
    "\"agent_arguments\":[\"-q\"],\"agent\":\"tools/agent\",\"files\":["
    "{\"path\":\"/z\",\"kind\":\"measured\",\"source\":\"sub/z\"},"
    "{\"path\":\"/big\",\"kind\":\"measured\",\"source\":\"/abs/big\",\"carry\":false},"
    "{\"path\":\"/work\",\"kind\":\"memory\",\"size\":\"256M\"},"
    "{\"path\":\"/data\",\"kind\":\"plain\",\"source\":\"dir\",\"directory\":true,"
    "\"writable\":true}]}";

static void check_full(const struct manifest *manifest)
{
    assert_string_equal(manifest->arguments[0], "program");
    assert_string_equal(manifest->arguments[1], "-x");
    assert_null(manifest->arguments[2]);
    assert_string_equal(manifest->environment[0], "A=b=c");
    assert_string_equal(manifest->environment[1], "Z=1");
    assert_null(manifest->environment[2]);
    assert_string_equal(manifest->working_directory, "/work");
    assert_int_equal(manifest->heap_size, 64 << 20);
    assert_int_equal(manifest->threads, 3);
    assert_false(manifest->clock || manifest->statistics || !manifest->network);
    assert_true(manifest->attestation);
    assert_string_equal(manifest->agent, "tools/agent");
    assert_string_equal(manifest->agent_resolved, "/folder/tools/agent");
    assert_string_equal(manifest->agent_arguments[0], "-q");
    assert_null(manifest->agent_arguments[1]);
    assert_int_equal(manifest->file_count, 4);
    assert_string_equal(manifest->files[0].path, "/big");
    assert_int_equal(manifest->files[0].kind, BOOT_FILE_HASHED);
    assert_string_equal(manifest->files[0].resolved, "/abs/big");
    assert_string_equal(manifest->files[1].path, "/data");
    assert_int_equal(manifest->files[1].kind, BOOT_FILE_PLAIN);
    assert_int_equal(manifest->files[1].flags, BOOT_FILE_DIRECTORY | BOOT_FILE_WRITABLE);
    assert_string_equal(manifest->files[2].path, "/work");
    assert_int_equal(manifest->files[2].size, 256 << 20);
    assert_string_equal(manifest->files[3].source, "sub/z");
    assert_string_equal(manifest->files[3].resolved, "/folder/sub/z");
    assert_int_equal(manifest->files[3].kind, BOOT_FILE_MEASURED);
}

static void test_full(void **state)
{
    (void)state;
    struct manifest *manifest, *again;
    cella_error error;
    assert_int_equal(parse(full, &manifest, &error), CELLA_OK);
    check_full(manifest);
    char *text = manifest_text(manifest);
    assert_non_null(text);
    assert_null(strstr(text, "/folder"));
    assert_int_equal(parse(text, &again, &error), CELLA_OK);
    check_full(again);
    char *same = manifest_text(again);
    assert_string_equal(text, same);
    free(text);
    free(same);
    manifest_free(manifest);
    manifest_free(again);
}

static void test_default(void **state)
{
    (void)state;
    struct manifest *manifest, *least;
    cella_error error;
    assert_int_equal(manifest_default(&manifest, &error), CELLA_OK);
    assert_int_equal(parse("{\"cella\":1}", &least, &error), CELLA_OK);
    char *a = manifest_text(manifest), *b = manifest_text(least);
    assert_string_equal(a, b);
    assert_string_equal(
        a,
        "{\"attestation\":false,\"cella\":1,\"clock\":true,\"environment\":{},\"files\":[],"
        "\"heap_size\":1073741824,\"network\":false,\"statistics\":true,"
        "\"threads\":16,\"working_directory\":\"/\"}");
    free(a);
    free(b);
    manifest_free(least);
    char *const arguments[] = {(char[]){"new"}, (char[]){"-y"}, NULL};
    char *const none[] = {NULL};
    assert_int_equal(manifest_set_arguments(manifest, arguments, &error), CELLA_OK);
    assert_string_equal(manifest->arguments[1], "-y");
    assert_int_equal(manifest_set_arguments(manifest, none, &error), CELLA_INVALID);
    assert_string_equal(manifest->arguments[1], "-y");
    manifest_free(manifest);
}

static void test_host(void **state)
{
    (void)state;
    struct manifest *manifest;
    cella_error error;
    assert_int_equal(
        parse("{\"cella\":1,\"arguments\":\"host\",\"environment\":\"host\"}", &manifest, &error),
        CELLA_OK);
    assert_true(manifest->arguments_host && manifest->environment_host);
    char *text = manifest_text(manifest);
    assert_non_null(strstr(text, "\"arguments\":\"host\""));
    assert_non_null(strstr(text, "\"environment\":\"host\""));
    free(text);
    manifest_free(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong),    cmocka_unit_test(test_box),
        cmocka_unit_test(test_too_much), cmocka_unit_test(test_full),
        cmocka_unit_test(test_default),  cmocka_unit_test(test_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
