/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a platform's folder.
 */
#include "platform_files.h"

#include "image/fail.h"
#include "image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST 65536 /* bytes of a key's or certificate's file */

/* ---- where ---- */

cella_status platform_folder(const char *given, char folder[PATH_MAX], cella_error *error)
{
    const char *base = "", *rest = "";
    if (given || (given = getenv("CELLA_PLATFORM")))
        base = given;
    else if (geteuid() == 0)
        base = "/var/lib/cella/platform";
    else if ((base = getenv("XDG_DATA_HOME")) && *base)
        rest = "/cella/platform";
    else if ((base = getenv("HOME")) && *base)
        rest = "/.local/share/cella/platform";
    int length = snprintf(folder, PATH_MAX, "%s%s", base ? base : "", rest);
    while (length > 1 && length < PATH_MAX && folder[length - 1] == '/')
        folder[--length] = 0;
    if (length <= 0 || length >= PATH_MAX - 64)
        return fail(error, CELLA_INVALID,
                    "the platform's folder is not known: give --folder, or set CELLA_PLATFORM");
    return CELLA_OK;
}

/* ---- written ---- */

static FILE *create(int folder, const char *name, mode_t mode)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    if (fd >= 0 && !to)
        close(fd);
    return to;
}

static bool finish(FILE *to, bool good)
{
    good = fflush(to) == 0 && fsync(fileno(to)) == 0 && good;
    return fclose(to) == 0 && good;
}

bool platform_write_key(int folder, const char *name, EVP_PKEY *key)
{
    FILE *to = create(folder, name, 0600);
    return to && finish(to, PEM_write_PKCS8PrivateKey(to, key, NULL, NULL, 0, NULL, NULL) == 1);
}

bool platform_write_certificate(int folder, const char *name, X509 *certificate)
{
    FILE *to = create(folder, name, 0644);
    return to && finish(to, PEM_write_X509(to, certificate) == 1);
}

/* ---- read ---- */

/* A file of the platform's folder for OpenSSL to read. */
static cella_status open_pem(const char *folder, const char *name, bool secret, BIO **bio,
                             uint8_t **bytes, size_t *size, cella_error *error)
{
    char path[PATH_MAX + 16];
    struct stat facts = {0}; /* what cannot be looked at cannot be read either */
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (stat(path, &facts) && (errno == ENOENT || errno == ENOTDIR))
        return fail(error, CELLA_INVALID,
                    "%s: there is no platform here; `cella platform init` makes one", path);
    if (secret && (facts.st_mode & 077))
        return fail(error, CELLA_REFUSED,
                    "%s: others may read or change it (mode %o); make a new platform, or chmod 600",
                    path, facts.st_mode & 0777);
    cella_status status = file_read(path, FILE_MOST, bytes, size, error);
    if (status == CELLA_OK && !(*bio = BIO_new_mem_buf(*bytes, (int)*size))) {
        OPENSSL_cleanse(*bytes, *size);
        free(*bytes);
        status = fail(error, CELLA_MEMORY, "%s: no memory to read it", path);
    }
    return status;
}

cella_status platform_read_key(const char *folder, const char *name, EVP_PKEY **key,
                               cella_error *error)
{
    BIO *bio;
    uint8_t *bytes;
    size_t size;
    cella_status status = open_pem(folder, name, true, &bio, &bytes, &size, error);
    if (status)
        return status;
    *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
    BIO_free(bio);
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    return *key ? CELLA_OK
                : fail(error, CELLA_INVALID, "%s/%s: is no private key in PEM", folder, name);
}

cella_status platform_read_certificate(const char *folder, const char *name, X509 **certificate,
                                       cella_error *error)
{
    BIO *bio;
    uint8_t *bytes;
    size_t size;
    cella_status status = open_pem(folder, name, false, &bio, &bytes, &size, error);
    if (status)
        return status;
    *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    free(bytes);
    return *certificate
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "%s/%s: is no certificate in PEM", folder, name);
}
