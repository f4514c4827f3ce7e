/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes a manifest as canonical JSON: every key, sorted, without spaces. Reading it again gives
 * the same manifest, and the same text.
 */
#include "../runtime/boot.h"
#include "hex.h"
#include "manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson's _new setters take the value over and fail on NULL, so that a lack of memory anywhere
 * shows in the last result. */

static json_t *strings_json(char *const *strings)
{
    json_t *list = json_array();
    for (; list && *strings; strings++) {
        if (json_array_append_new(list, json_string(*strings)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *environment_json(char *const *environment)
{
    json_t *object = json_object();
    for (; object && environment && *environment; environment++) {
        const char *value = strchr(*environment, '=') + 1;
        char *name = strndup(*environment, (size_t)(value - 1 - *environment));
        int failed = !name || json_object_set_new(object, name, json_string(value));
        free(name);
        if (failed) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *version_json(const struct manifest_file *file)
{
    char text[2 * sizeof(file->version) + 1];
    return json_string(hex_write(file->version, sizeof(file->version), text));
}

static json_t *file_json(const struct manifest_file *file)
{
    static const char *const kinds[] = {
        [BOOT_FILE_MEASURED] = "measured", [BOOT_FILE_HASHED] = "measured",
        [BOOT_FILE_MEMORY] = "memory",     [BOOT_FILE_PLAIN] = "plain",
        [BOOT_FILE_BOX] = "box",
    };
    json_t *object = json_object();
    int failed = json_object_set_new(object, "path", json_string(file->path)) |
                 json_object_set_new(object, "kind", json_string(kinds[file->kind]));
    if (file->source)
        failed |= json_object_set_new(object, "source", json_string(file->source));
    if (file->kind == BOOT_FILE_MEASURED || file->kind == BOOT_FILE_HASHED)
        failed |=
            json_object_set_new(object, "carry", json_boolean(file->kind == BOOT_FILE_MEASURED));
    if (file->kind == BOOT_FILE_MEMORY)
        failed |= json_object_set_new(object, "size", json_integer((json_int_t)file->size));
    if (file->key)
        failed |= json_object_set_new(object, "key", json_string(file->key));
    if (file->flags & BOOT_FILE_VERSION)
        failed |= json_object_set_new(object, "version", version_json(file));
    if (file->kind == BOOT_FILE_PLAIN || file->kind == BOOT_FILE_BOX) {
        failed |= json_object_set_new(object, "directory",
                                      json_boolean(file->flags & BOOT_FILE_DIRECTORY));
        failed |=
            json_object_set_new(object, "writable", json_boolean(file->flags & BOOT_FILE_WRITABLE));
    }
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *files_json(const struct manifest *manifest)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < manifest->file_count; i++) {
        if (json_array_append_new(list, file_json(&manifest->files[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

char *manifest_text(const struct manifest *manifest)
{
    json_t *root = json_object();
    int failed = json_object_set_new(root, "cella", json_integer(1));
    if (manifest->arguments_host)
        failed |= json_object_set_new(root, "arguments", json_string("host"));
    else if (manifest->arguments)
        failed |= json_object_set_new(root, "arguments", strings_json(manifest->arguments));
    failed |= json_object_set_new(
        root, "environment",
        manifest->environment_host ? json_string("host") : environment_json(manifest->environment));
    if (manifest->insecure_keys)
        failed |=
            json_object_set_new(root, "insecure_keys", environment_json(manifest->insecure_keys));
    failed |=
        json_object_set_new(root, "working_directory", json_string(manifest->working_directory));
    failed |= json_object_set_new(root, "heap_size", json_integer((json_int_t)manifest->heap_size));
    failed |= json_object_set_new(root, "threads", json_integer(manifest->threads));
    failed |= json_object_set_new(root, "clock", json_boolean(manifest->clock));
    failed |= json_object_set_new(root, "network", json_boolean(manifest->network));
    failed |= json_object_set_new(root, "statistics", json_boolean(manifest->statistics));
    failed |= json_object_set_new(root, "attestation", json_boolean(manifest->attestation));
    if (manifest->agent)
        failed |= json_object_set_new(root, "agent", json_string(manifest->agent));
    if (manifest->agent_arguments)
        failed |=
            json_object_set_new(root, "agent_arguments", strings_json(manifest->agent_arguments));
    failed |= json_object_set_new(root, "files", files_json(manifest));
    char *text = failed ? NULL : json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(root);
    return text;
}
