/* SPDX-License-Identifier: Apache-2.0
 *
 * Images, as <cella/cella.h> shows them.
 */
#include "../image/fail.h"
#include "../image/file.h"
#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static cella_status wrap(struct image *inner, const char *name, cella_image **image,
                         cella_error *error)
{
    struct cella_image *made = calloc(1, sizeof(*made));
    char *copy = strdup(name);
    if (!made || !copy) {
        free(made);
        free(copy);
        image_free(inner);
        return fail(error, CELLA_MEMORY, "%s: no memory for the image", name);
    }
    made->image = inner;
    made->name = copy;
    *image = made;
    return CELLA_OK;
}

cella_status cella_image_open(const char *path, cella_image **image, cella_error *error)
{
    struct image *inner;
    *image = NULL;
    cella_status status = image_open(path, &inner, error);
    return status ? status : wrap(inner, path, image, error);
}

cella_status cella_image_pack(const char *program, const char *manifest_path,
                              char *const arguments[], cella_image **image, cella_error *error)
{
    struct manifest *manifest = NULL;
    struct image *inner = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    *image = NULL;
    cella_status status = manifest_path ? manifest_open(manifest_path, &manifest, error)
                                        : manifest_default(&manifest, error);
    if (!status && arguments && !manifest->arguments && !manifest->arguments_host)
        status = manifest_set_arguments(manifest, arguments, error);
    if (!status)
        status = image_pack(program, manifest, &bytes, &size, error);
    if (!status)
        status = image_parse(bytes, size, program, &inner, error);
    free(bytes);
    manifest_free(manifest);
    return status ? status : wrap(inner, program, image, error);
}

bool cella_image_is_image(const char *path)
{
    return image_is_sgxs(path);
}

static cella_status write_image(const cella_image *image, const char *path, cella_error *error)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return fail(error, CELLA_MEMORY, "%s: no memory", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        fail(error, CELLA_SYSTEM, "%s: cannot write there: %s", path, strerror(errno));
        free(temporary);
        return CELLA_SYSTEM;
    }
    mode_t mask = umask(0);
    umask(mask);
    cella_status status = CELLA_OK;
    if (fchmod(fd, 0666 & ~mask) || !file_write_all(fd, image->image->bytes, image->image->size) ||
        fsync(fd) || rename(temporary, path)) {
        status = fail(error, CELLA_SYSTEM, "%s: %s", path, strerror(errno));
        unlink(temporary);
    }
    close(fd);
    free(temporary);
    return status;
}

cella_status cella_image_write(const cella_image *image, const char *path, cella_error *error)
{
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return fail(error, CELLA_INVALID, "%s: it is %s; name a file for the image", path,
                    S_ISDIR(there.st_mode) ? "a folder" : "not a regular file");
    /* A signal waits until the file is whole or gone. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    cella_status status = write_image(image, path, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

bool cella_image_takes_arguments(const cella_image *image)
{
    return image->image->boot.flags & BOOT_ARGUMENTS_HOST;
}

bool cella_image_takes_environment(const cella_image *image)
{
    return image->image->boot.flags & BOOT_ENVIRONMENT_HOST;
}

bool cella_image_takes_evidence(const cella_image *image)
{
    return image->image->boot.flags & BOOT_ATTESTATION;
}

cella_status cella_image_identity(const cella_image *image, cella_identity *identity,
                                  cella_error *error)
{
    *identity = (cella_identity){
        .elrange_size = image->image->elrange_size,
        .heap_size = image->image->boot.heap.size,
        .threads = image->image->boot.thread_count,
        .takes_arguments = cella_image_takes_arguments(image),
        .takes_environment = cella_image_takes_environment(image),
        .takes_evidence = cella_image_takes_evidence(image),
    };
    struct image_notes notes;
    cella_status status = image_measure(image->image, identity->mrenclave, error);
    if (!status)
        status = image_notes_read(image->image, &notes, error);
    if (status)
        return status;
    snprintf(identity->program, sizeof(identity->program), "%s", notes.program);
    for (char *at = identity->program; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    image_notes_free(&notes);
    return CELLA_OK;
}

void cella_image_close(cella_image *image)
{
    if (!image)
        return;
    image_free(image->image);
    free(image->name);
    free(image);
}
