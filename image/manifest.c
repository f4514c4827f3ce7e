/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads manifests. Each key has one reader; each error says which file, which key, and what is
 * allowed there.
 */
#include "manifest.h"

#include "../runtime/boot.h"
#include "fail.h"
#include "file.h"
#include "hex.h"
#include "layout.h"
#include "nearest.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_MOST  (UINT64_C(1) << 20) /* bytes of JSON */
#define FILES_MOST     1024u
#define STRINGS_MOST   (UINT64_C(1) << 20) /* bytes of arguments, and of environment */
#define KEY_NAME       255u                /* bytes of a name of a key, as the runtime knows it */
#define KEYS_MOST      64u
#define NAME_IN_ERRORS "%s: %s: "

struct reader {
    struct manifest *manifest;
    const char *folder;
    const char *name;
    cella_error *error;
};

typedef cella_status key_reader(struct reader *reader, const json_t *value, const char *key);

struct key {
    const char *name;
    key_reader *read;
};

static cella_status no_memory(const struct reader *reader)
{
    return fail(reader->error, CELLA_MEMORY, "%s: no memory to read it", reader->name);
}

/* "name: key: " and a sentence. */
__attribute__((format(printf, 3, 4))) static cella_status
wrong(const struct reader *reader, const char *key, const char *format, ...)
{
    char sentence[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return fail(reader->error, CELLA_INVALID, NAME_IN_ERRORS "%s", reader->name, key, sentence);
}

static cella_status unknown_key(const struct reader *reader, const char *where, const char *key,
                                const struct key *keys, size_t count)
{
    const char *nearest = NULL;
    unsigned distance = NEAREST_FAR;
    for (size_t i = 0; i < count; i++) {
        unsigned here = nearest_distance(key, keys[i].name);
        if (here < distance) {
            distance = here;
            nearest = keys[i].name;
        }
    }
    if (nearest)
        return fail(reader->error, CELLA_INVALID, "%s: %s%.60s: unknown key; did you mean \"%s\"?",
                    reader->name, where, key, nearest);
    return fail(reader->error, CELLA_INVALID,
                "%s: %s%.60s: unknown key; docs/manifest.schema.json lists the known ones",
                reader->name, where, key);
}

/* Reads an object's values in the order of `keys`, so that of several errors always the same one
 * is reported. `where` stands before the key in errors. */
static cella_status read_object(struct reader *reader, const json_t *object, const char *where,
                                const struct key *keys, size_t count)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(name, keys[i].name) == 0;
        if (!known)
            return unknown_key(reader, where, name, keys, count);
    }
    for (size_t i = 0; i < count; i++) {
        char key[96];
        value = json_object_get(object, keys[i].name);
        snprintf(key, sizeof(key), "%s%s", where, keys[i].name);
        cella_status status = value ? keys[i].read(reader, value, key) : CELLA_OK;
        if (status != CELLA_OK)
            return status;
    }
    return CELLA_OK;
}

/* ---- values ---- */

static cella_status read_boolean(struct reader *reader, const json_t *value, const char *key,
                                 bool *result)
{
    if (!json_is_boolean(value))
        return wrong(reader, key, "must be true or false");
    *result = json_is_true(value);
    return CELLA_OK;
}

static cella_status read_string(struct reader *reader, const json_t *value, const char *key,
                                char **result)
{
    if (!json_is_string(value))
        return wrong(reader, key, "must be a string");
    char *copy = strdup(json_string_value(value));
    if (!copy)
        return no_memory(reader);
    free(*result);
    *result = copy;
    return CELLA_OK;
}

static uint64_t suffix_value(const char *suffix)
{
    static const char letters[] = "KMGT";
    if (suffix[0] == 0)
        return 1;
    const char *letter = suffix[1] == 0 ? strchr(letters, suffix[0]) : NULL;
    return letter ? UINT64_C(1) << (10 * (letter - letters + 1)) : 0;
}

/* "256M", "1024": digits, then at most one of K M G T. */
static bool parse_size(const char *text, uint64_t *size)
{
    uint64_t number = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    uint64_t unit = suffix_value(text + digits);
    return digits && unit && !__builtin_mul_overflow(number, unit, size);
}

static cella_status read_size(struct reader *reader, const json_t *value, const char *key,
                              uint64_t *size)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        *size = (uint64_t)json_integer_value(value);
    else if (!json_is_string(value) || !parse_size(json_string_value(value), size))
        return wrong(reader, key,
                     "must be a number of bytes, or a string such as \"256M\" (K, M, G or T)");
    return CELLA_OK;
}

static void free_strings(char **strings)
{
    for (char **here = strings; here && *here; here++)
        free(*here);
    free(strings);
}

/* ---- keys of the manifest ---- */

static cella_status read_version(struct reader *reader, const json_t *value, const char *key)
{
    if (!json_is_integer(value) || json_integer_value(value) != 1)
        return wrong(reader, key, "must be 1, the version of the format");
    return CELLA_OK;
}

static cella_status read_strings(struct reader *reader, const json_t *list, const char *key,
                                 char ***strings)
{
    size_t count = json_array_size(list), bytes = 0;
    *strings = calloc(count + 1, sizeof(char *));
    if (!*strings)
        return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text)
            return wrong(reader, key, "entry %zu must be a string", i);
        bytes += strlen(text) + 1;
        (*strings)[i] = strdup(text);
        if (!(*strings)[i])
            return no_memory(reader);
    }
    if (bytes > STRINGS_MOST)
        return wrong(reader, key, "more than 1 MiB of arguments");
    return CELLA_OK;
}

static cella_status read_arguments(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest *manifest = reader->manifest;
    if (json_is_string(value) && strcmp(json_string_value(value), "host") == 0) {
        manifest->arguments_host = true;
        return CELLA_OK;
    }
    if (!json_is_array(value) || json_array_size(value) == 0)
        return wrong(reader, key, "must be \"host\" or a list of strings that starts with argv[0]");
    return read_strings(reader, value, key, &manifest->arguments);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static cella_status read_environment(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest *manifest = reader->manifest;
    if (json_is_string(value) && strcmp(json_string_value(value), "host") == 0) {
        manifest->environment_host = true;
        return CELLA_OK;
    }
    if (!json_is_object(value))
        return wrong(reader, key, "must be \"host\" or an object of strings");
    size_t count = 0;
    const char *name;
    json_t *text;
    manifest->environment = calloc(json_object_size(value) + 1, sizeof(char *));
    if (!manifest->environment)
        return no_memory(reader);
    json_object_foreach((json_t *)value, name, text)
    {
        if (!*name || strchr(name, '='))
            return wrong(reader, key, "\"%.60s\" is no name of a variable: empty, or with a \"=\"",
                         name);
        if (!json_is_string(text))
            return wrong(reader, key, "the value of \"%.60s\" must be a string", name);
        size_t size = strlen(name) + strlen(json_string_value(text)) + 2;
        char *entry = malloc(size);
        if (!entry)
            return no_memory(reader);
        snprintf(entry, size, "%s=%s", name, json_string_value(text));
        manifest->environment[count++] = entry;
    }
    qsort(manifest->environment, count, sizeof(char *), compare_strings);
    return CELLA_OK;
}

/* Lower-case hexadecimal of 32 bytes, as keys are written. */
static bool is_hex(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool is_key_name(const char *name)
{
    return *name && strlen(name) <= KEY_NAME && !strpbrk(name, "=/");
}

static cella_status read_keys(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest *manifest = reader->manifest;
    size_t count = 0;
    const char *name;
    json_t *text;
    if (!json_is_object(value) || json_object_size(value) > KEYS_MOST)
        return wrong(reader, key, "must be an object of at most %u keys", KEYS_MOST);
    manifest->insecure_keys = calloc(json_object_size(value) + 1, sizeof(char *));
    if (!manifest->insecure_keys)
        return no_memory(reader);
    json_object_foreach((json_t *)value, name, text)
    {
        if (!is_key_name(name))
            return wrong(reader, key,
                         "\"%.60s\" is no name of a key: empty, too long, or with a "
                         "\"=\" or \"/\"",
                         name);
        if (!json_is_string(text) || !is_hex(json_string_value(text)))
            return wrong(reader, key, "the key \"%.60s\" must be 64 lower-case hexadecimal digits",
                         name);
        char *entry = NULL;
        if (asprintf(&entry, "%s=%s", name, json_string_value(text)) < 0)
            return no_memory(reader);
        manifest->insecure_keys[count++] = entry;
    }
    qsort(manifest->insecure_keys, count, sizeof(char *), compare_strings);
    return CELLA_OK;
}

static cella_status read_directory(struct reader *reader, const json_t *value, const char *key)
{
    cella_status status = read_string(reader, value, key, &reader->manifest->working_directory);
    if (status != CELLA_OK)
        return status;
    const char *path = reader->manifest->working_directory;
    if (strcmp(path, "/") != 0 && !layout_path_is_valid(path, strlen(path)))
        return wrong(reader, key,
                     "must be an absolute path without \".\", \"..\", \"//\" or a final \"/\"");
    return CELLA_OK;
}

static cella_status read_heap(struct reader *reader, const json_t *value, const char *key)
{
    uint64_t size = 0;
    cella_status status = read_size(reader, value, key, &size);
    if (status != CELLA_OK)
        return status;
    if (size < HEAP_SIZE_MIN || size > HEAP_SIZE_MAX)
        return wrong(reader, key, "must be between 16M and 1T");
    reader->manifest->heap_size = size;
    return CELLA_OK;
}

static cella_status read_threads(struct reader *reader, const json_t *value, const char *key)
{
    json_int_t count = json_is_integer(value) ? json_integer_value(value) : 0;
    if (count < 1 || count > (json_int_t)THREAD_COUNT_MAX)
        return wrong(reader, key, "must be a number from 1 to %u", THREAD_COUNT_MAX);
    reader->manifest->threads = (uint32_t)count;
    return CELLA_OK;
}

static cella_status read_clock(struct reader *reader, const json_t *value, const char *key)
{
    return read_boolean(reader, value, key, &reader->manifest->clock);
}

static cella_status read_network(struct reader *reader, const json_t *value, const char *key)
{
    return read_boolean(reader, value, key, &reader->manifest->network);
}

static cella_status read_statistics(struct reader *reader, const json_t *value, const char *key)
{
    return read_boolean(reader, value, key, &reader->manifest->statistics);
}

static cella_status read_attestation(struct reader *reader, const json_t *value, const char *key)
{
    return read_boolean(reader, value, key, &reader->manifest->attestation);
}

/* A path as it is written, and as the manifest's folder resolves it. */
static cella_status read_host_path(struct reader *reader, const json_t *value, const char *key,
                                   char **written, char **resolved)
{
    cella_status status = read_string(reader, value, key, written);
    if (status != CELLA_OK)
        return status;
    size_t size = strlen(*written);
    if (size == 0 || size > 4095)
        return wrong(reader, key, "must be a path of at most 4095 bytes");
    bool relative = **written != '/' && reader->folder && *reader->folder;
    size_t whole = size + 2 + (relative ? strlen(reader->folder) : 0);
    *resolved = malloc(whole);
    if (!*resolved)
        return no_memory(reader);
    snprintf(*resolved, whole, "%s%s%s", relative ? reader->folder : "", relative ? "/" : "",
             *written);
    return CELLA_OK;
}

static cella_status read_agent(struct reader *reader, const json_t *value, const char *key)
{
    return read_host_path(reader, value, key, &reader->manifest->agent,
                          &reader->manifest->agent_resolved);
}

static cella_status read_agent_arguments(struct reader *reader, const json_t *value,
                                         const char *key)
{
    if (!reader->manifest->agent)
        return wrong(reader, key, "there is no \"agent\" to be given them");
    if (!json_is_array(value))
        return wrong(reader, key, "must be a list of strings, argv[1] and on");
    return read_strings(reader, value, key, &reader->manifest->agent_arguments);
}

/* ---- keys of a file; the file is the last one of the list ---- */

static struct manifest_file *last_file(struct reader *reader)
{
    return &reader->manifest->files[reader->manifest->file_count - 1];
}

static cella_status read_path(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest_file *file = last_file(reader);
    cella_status status = read_string(reader, value, key, &file->path);
    if (status == CELLA_OK && !layout_path_is_valid(file->path, strlen(file->path)))
        return wrong(reader, key,
                     "must be an absolute path without \".\", \"..\", \"//\" or a final \"/\"");
    return status;
}

static cella_status read_kind(struct reader *reader, const json_t *value, const char *key)
{
    const char *kind = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(kind, "measured") == 0)
        last_file(reader)->kind = BOOT_FILE_MEASURED;
    else if (strcmp(kind, "memory") == 0)
        last_file(reader)->kind = BOOT_FILE_MEMORY;
    else if (strcmp(kind, "plain") == 0)
        last_file(reader)->kind = BOOT_FILE_PLAIN;
    else if (strcmp(kind, "box") == 0)
        last_file(reader)->kind = BOOT_FILE_BOX;
    else
        return wrong(reader, key, "must be \"measured\", \"memory\", \"plain\" or \"box\"");
    return CELLA_OK;
}

static cella_status read_source(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest_file *file = last_file(reader);
    if (file->kind == BOOT_FILE_MEMORY)
        return wrong(reader, key, "a memory directory has no source");
    return read_host_path(reader, value, key, &file->source, &file->resolved);
}

static cella_status read_carry(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest_file *file = last_file(reader);
    bool carry = true;
    if (file->kind != BOOT_FILE_MEASURED)
        return wrong(reader, key, "only a measured file is carried or not");
    cella_status status = read_boolean(reader, value, key, &carry);
    if (status == CELLA_OK && !carry)
        file->kind = BOOT_FILE_HASHED;
    return status;
}

static cella_status read_memory_size(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest_file *file = last_file(reader);
    if (file->kind != BOOT_FILE_MEMORY)
        return wrong(reader, key, "only a memory directory has a size");
    cella_status status = read_size(reader, value, key, &file->size);
    if (status == CELLA_OK && file->size > HEAP_SIZE_MAX)
        return wrong(reader, key, "must be at most 1T; 0 means no limit of its own");
    return status;
}

static cella_status read_flag(struct reader *reader, const json_t *value, const char *key,
                              uint32_t flag)
{
    struct manifest_file *file = last_file(reader);
    bool set = false;
    if (file->kind != BOOT_FILE_PLAIN && file->kind != BOOT_FILE_BOX)
        return wrong(reader, key, "only a plain or box file or directory has it");
    cella_status status = read_boolean(reader, value, key, &set);
    if (status == CELLA_OK && set)
        file->flags |= flag;
    return status;
}

static cella_status read_key(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest_file *file = last_file(reader);
    if (file->kind != BOOT_FILE_BOX)
        return wrong(reader, key, "only a box has a key");
    cella_status status = read_string(reader, value, key, &file->key);
    if (status == CELLA_OK && !is_key_name(file->key))
        return wrong(reader, key, "must be a name of 1 to %u bytes without \"=\" and \"/\"",
                     KEY_NAME);
    return status;
}

static cella_status read_box_version(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest_file *file = last_file(reader);
    if (file->kind != BOOT_FILE_BOX || (file->flags & (BOOT_FILE_DIRECTORY | BOOT_FILE_WRITABLE)))
        return wrong(reader, key, "only a box that is one file, not writable, has a version");
    if (!json_is_string(value) ||
        !hex_read(json_string_value(value), file->version, sizeof(file->version)))
        return wrong(reader, key, "must be 64 lower-case hexadecimal digits");
    file->flags |= BOOT_FILE_VERSION;
    return CELLA_OK;
}

static cella_status read_is_directory(struct reader *reader, const json_t *value, const char *key)
{
    return read_flag(reader, value, key, BOOT_FILE_DIRECTORY);
}

static cella_status read_writable(struct reader *reader, const json_t *value, const char *key)
{
    return read_flag(reader, value, key, BOOT_FILE_WRITABLE);
}

static cella_status read_file(struct reader *reader, const json_t *value, size_t index)
{
    /* "kind" first: the others depend on it. */
    static const struct key keys[] = {
        {"kind", read_kind},         {"path", read_path},        {"source", read_source},
        {"carry", read_carry},       {"size", read_memory_size}, {"directory", read_is_directory},
        {"writable", read_writable}, {"key", read_key},          {"version", read_box_version},
    };
    char where[32];
    snprintf(where, sizeof(where), "files[%zu].", index);
    if (!json_is_object(value))
        return wrong(reader, "files", "entry %zu must be an object", index);
    static const char *const required[] = {"kind", "path"};
    for (size_t i = 0; i < 2; i++)
        if (!json_object_get(value, required[i]))
            return fail(reader->error, CELLA_INVALID, "%s: %s%s: missing; every file has one",
                        reader->name, where, required[i]);
    cella_status status = read_object(reader, value, where, keys, sizeof(keys) / sizeof(keys[0]));
    if (status != CELLA_OK)
        return status;
    const struct manifest_file *file = last_file(reader);
    if (file->kind != BOOT_FILE_MEMORY && !file->source)
        return fail(reader->error, CELLA_INVALID,
                    "%s: %ssource: missing; it says which file of the host is meant", reader->name,
                    where);
    if (file->kind == BOOT_FILE_BOX && !file->key)
        return fail(reader->error, CELLA_INVALID,
                    "%s: %skey: missing; it names the key that opens the box", reader->name, where);
    return CELLA_OK;
}

/* By path, "/" before every other character, so that what lies in a directory follows it. */
static int compare_files(const void *a, const void *b)
{
    const char *left = ((const struct manifest_file *)a)->path;
    const char *right = ((const struct manifest_file *)b)->path;
    for (; *left && *left == *right; left++, right++)
        ;
    unsigned from = *left == '/' ? 1 : (unsigned char)*left;
    unsigned to = *right == '/' ? 1 : (unsigned char)*right;
    return (from > to) - (from < to);
}

static bool is_directory(const struct manifest_file *file)
{
    return file->kind == BOOT_FILE_MEMORY || (file->flags & BOOT_FILE_DIRECTORY);
}

/* No path twice, nothing inside what is a file. */
static cella_status check_paths(struct reader *reader)
{
    const struct manifest *manifest = reader->manifest;
    const struct manifest_file *file = NULL; /* the last one that is no directory */
    for (size_t i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *here = &manifest->files[i];
        if (i && strcmp(here->path, here[-1].path) == 0)
            return wrong(reader, "files", "\"%.100s\" is there twice", here->path);
        size_t length = file ? strlen(file->path) : 0;
        if (file && strncmp(here->path, file->path, length) == 0 && here->path[length] == '/')
            return wrong(reader, "files", "\"%.100s\" lies inside \"%.100s\", which is a file",
                         here->path, file->path);
        if (!is_directory(here))
            file = here;
    }
    return CELLA_OK;
}

static cella_status read_files(struct reader *reader, const json_t *value, const char *key)
{
    struct manifest *manifest = reader->manifest;
    if (!json_is_array(value))
        return wrong(reader, key, "must be a list of objects");
    size_t count = json_array_size(value);
    if (count > FILES_MOST)
        return wrong(reader, key, "%zu entries; at most %u are supported", count, FILES_MOST);
    manifest->files = calloc(count ? count : 1, sizeof(struct manifest_file));
    if (!manifest->files)
        return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        manifest->file_count++;
        cella_status status = read_file(reader, json_array_get(value, i), i);
        if (status != CELLA_OK)
            return status;
    }
    qsort(manifest->files, count, sizeof(struct manifest_file), compare_files);
    return check_paths(reader);
}

/* ---- the whole ---- */

static cella_status read_manifest(struct reader *reader, const json_t *root)
{
    static const struct key keys[] = {
        {"cella", read_version},
        {"arguments", read_arguments},
        {"environment", read_environment},
        {"insecure_keys", read_keys},
        {"working_directory", read_directory},
        {"heap_size", read_heap},
        {"threads", read_threads},
        {"clock", read_clock},
        {"network", read_network},
        {"statistics", read_statistics},
        {"attestation", read_attestation},
        {"agent", read_agent}, /* before its arguments */
        {"agent_arguments", read_agent_arguments},
        {"files", read_files},
    };
    if (!json_is_object(root))
        return fail(reader->error, CELLA_INVALID, "%s: must be a JSON object", reader->name);
    if (!json_object_get(root, "cella"))
        return wrong(reader, "cella", "missing; add \"cella\": 1, the version of the format");
    return read_object(reader, root, "", keys, sizeof(keys) / sizeof(keys[0]));
}

cella_status manifest_default(struct manifest **result, cella_error *error)
{
    struct manifest *manifest = calloc(1, sizeof(*manifest));
    char *directory = strdup("/");
    if (!manifest || !directory) {
        free(manifest);
        free(directory);
        return fail(error, CELLA_MEMORY, "no memory for a manifest");
    }
    *manifest = (struct manifest){
        .working_directory = directory,
        .heap_size = HEAP_SIZE,
        .threads = THREAD_COUNT,
        .clock = true,
        .statistics = true,
    };
    *result = manifest;
    return CELLA_OK;
}

cella_status manifest_parse(const char *text, size_t size, const char *folder, const char *name,
                            struct manifest **result, cella_error *error)
{
    struct reader reader = {.folder = folder, .name = name, .error = error};
    if (size > MANIFEST_MOST)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; a manifest has at most 1 MiB", name,
                    size);
    json_error_t problem;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return fail(error, CELLA_INVALID, "%s: line %d, column %d: %s", name, problem.line,
                    problem.column, problem.text);
    cella_status status = manifest_default(&reader.manifest, error);
    if (status == CELLA_OK)
        status = read_manifest(&reader, root);
    json_decref(root);
    if (status != CELLA_OK) {
        manifest_free(reader.manifest);
        return status;
    }
    *result = reader.manifest;
    return CELLA_OK;
}

cella_status manifest_open(const char *path, struct manifest **manifest, cella_error *error)
{
    uint8_t *text;
    size_t size;
    cella_status status = file_read(path, MANIFEST_MOST, &text, &size, error);
    if (status != CELLA_OK)
        return status;
    size_t length = (size_t)(file_name(path) - path);
    char *folder = strndup(path, length > 1 ? length - 1 : length);
    status = folder ? manifest_parse((char *)text, size, folder, path, manifest, error)
                    : fail(error, CELLA_MEMORY, "%s: no memory to read it", path);
    free(folder);
    free(text);
    return status;
}

cella_status manifest_set_arguments(struct manifest *manifest, char *const arguments[],
                                    cella_error *error)
{
    size_t count = 0, bytes = 0;
    for (; arguments[count]; count++)
        bytes += strlen(arguments[count]) + 1;
    if (count == 0 || bytes > STRINGS_MOST)
        return fail(error, CELLA_INVALID,
                    "arguments: %zu bytes in %zu strings; argv[0] is needed, "
                    "and at most 1 MiB is supported",
                    bytes, count);
    for (size_t i = 0; i < count; i++) {
        json_t *text = json_string(arguments[i]);
        if (!text)
            return fail(error, CELLA_INVALID,
                        "argument %zu is not UTF-8, as a manifest's text is; let the manifest say "
                        "\"arguments\": \"host\", which takes any bytes",
                        i);
        json_decref(text);
    }
    char **copy = calloc(count + 1, sizeof(char *));
    bool room = copy != NULL;
    for (size_t i = 0; room && i < count; i++)
        room = (copy[i] = strdup(arguments[i])) != NULL;
    if (!room) {
        free_strings(copy);
        return fail(error, CELLA_MEMORY, "arguments: no memory for %zu bytes", bytes);
    }
    free_strings(manifest->arguments);
    manifest->arguments = copy;
    manifest->arguments_host = false;
    return CELLA_OK;
}

void manifest_free(struct manifest *manifest)
{
    if (!manifest)
        return;
    free_strings(manifest->arguments);
    free_strings(manifest->environment);
    free_strings(manifest->insecure_keys);
    free(manifest->working_directory);
    free(manifest->agent);
    free(manifest->agent_resolved);
    free_strings(manifest->agent_arguments);
    for (size_t i = 0; i < manifest->file_count; i++) {
        free(manifest->files[i].path);
        free(manifest->files[i].source);
        free(manifest->files[i].resolved);
        free(manifest->files[i].key);
    }
    free(manifest->files);
    free(manifest);
}
