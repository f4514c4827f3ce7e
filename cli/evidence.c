/* SPDX-License-Identifier: Apache-2.0
 *
 * Collateral, roots and times from the command line.
 */
#include "evidence.h"

#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "room/contract.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_MOST (64 << 20)

static cella_status add_file(cella_verifier *verifier, const char *path, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        status = cella_verifier_add(verifier, bytes, size, path, error);
    free(bytes);
    return status;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static cella_status add_entry(cella_verifier *verifier, const char *folder, const char *name,
                              json_t *left_out, cella_error *error)
{
    struct stat info;
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return fail(error, CELLA_MEMORY, "%s: no memory to read it", folder);
    cella_status status = CELLA_OK;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode))
        status = add_file(verifier, path, error);
    if (status == CELLA_UNSUPPORTED && left_out)
        status = json_array_append_new(left_out, json_string(path)) == 0
                     ? CELLA_OK
                     : fail(error, CELLA_MEMORY, "%s: no memory to read it", path);
    free(path);
    return status;
}

cella_status cli_collateral_add(cella_verifier *verifier, const char *path, json_t *left_out,
                                cella_error *error)
{
    struct dirent **entries;
    struct stat info;
    if (stat(path, &info))
        return fail(error, CELLA_SYSTEM, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return add_file(verifier, path, error);
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        return fail(error, CELLA_SYSTEM, "%s: %s", path, strerror(errno));
    cella_status status = CELLA_OK;
    for (int i = 0; i < count; i++) {
        if (status == CELLA_OK)
            status = add_entry(verifier, path, entries[i]->d_name, left_out, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

cella_status cli_root_add(cella_verifier *verifier, const char *text, cella_error *error)
{
    uint8_t sha256[32], *bytes = NULL;
    size_t size;
    if (hex_read(text, sha256, sizeof(sha256)))
        return cella_verifier_add_root_key(verifier, sha256, error);
    cella_status status = file_read(text, FILE_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        status = cella_verifier_add_root(verifier, bytes, size, text, error);
    free(bytes);
    return status;
}

static cella_status read_stream(FILE *from, size_t most, uint8_t **bytes, size_t *size,
                                cella_error *error)
{
    *size = 0;
    if (!(*bytes = malloc(most + 1)))
        return fail(error, CELLA_MEMORY, "standard input: no memory to read it");
    *size = fread(*bytes, 1, most + 1, from);
    if (ferror(from) || *size > most) {
        free(*bytes);
        *bytes = NULL;
        return fail(error, CELLA_INVALID, "standard input: %s",
                    ferror(from) ? "cannot be read" : "more than is read");
    }
    return CELLA_OK;
}

cella_status cli_input(const char *path, size_t most, uint8_t **bytes, size_t *size,
                       cella_error *error)
{
    return strcmp(path, "-") == 0 ? read_stream(stdin, most, bytes, size, error)
                                  : file_read(path, most, bytes, size, error);
}

bool cli_time(const char *text, int64_t *to)
{
    char day[32], *end;
    if (strcmp(text, "now") == 0) {
        *to = time(NULL);
        return true;
    }
    if (contract_time_parse(text, to))
        return true;
    if (strlen(text) == strlen("2025-07-01") && text[4] == '-') {
        snprintf(day, sizeof(day), "%sT00:00:00Z", text);
        return contract_time_parse(day, to);
    }
    errno = 0;
    *to = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == 0 && *to > 0;
}
