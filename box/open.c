/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes opened whole: threads take batches, in order, until none is left or one is wrong. Of
 * several that are wrong the first is told: those before it were taken before it, and are finished.
 */
#include "../image/fail.h"
#include "aead.h"
#include "direct.h"
#include "newfile.h"
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the content goes: memory, a file, or (neither) nowhere: it is only checked. */
struct target {
    uint8_t *bytes;
    struct new_file *file;
};

struct job {
    const struct box_reader *reader;
    const struct target *target;
    const struct cella_box_progress *progress;
    pthread_mutex_t lock; /* of what follows */
    uint64_t next;        /* batch */
    uint64_t failed;      /* the first one that failed */
    cella_status status;
    cella_error error;
};

static cella_status put(const struct target *target, uint64_t offset, const uint8_t *bytes,
                        size_t size, cella_error *error)
{
    if (target->bytes)
        memcpy(target->bytes + offset, bytes, size);
    return target->file ? new_file_write(target->file, offset, bytes, size, error) : CELLA_OK;
}

static bool take(struct job *job, uint64_t *batch)
{
    pthread_mutex_lock(&job->lock);
    bool more = !job->status && job->next < job->reader->batches;
    if (more) {
        *batch = job->next++;
        if (job->progress)
            job->progress->report(job->progress->context, *batch * (uint64_t)BATCH_BYTES,
                                  job->reader->super.size);
    }
    pthread_mutex_unlock(&job->lock);
    return more;
}

static void failed(struct job *job, uint64_t batch, cella_status status, const cella_error *error)
{
    pthread_mutex_lock(&job->lock);
    if (!job->status || batch < job->failed) {
        job->failed = batch;
        job->status = status;
        job->error = *error;
    }
    pthread_mutex_unlock(&job->lock);
}

static cella_status open_batch(struct job *job, EVP_CIPHER_CTX *cipher, uint64_t batch,
                               uint8_t *pages, cella_error *error)
{
    bool hole;
    uint64_t offset = batch * BATCH_BYTES, left = job->reader->super.size - offset;
    cella_status status = reader_batch(job->reader, cipher, batch, pages, &hole, error);
    if (status || hole) /* what is not written is zeros */
        return status;
    return put(job->target, offset, pages, left < BATCH_BYTES ? (size_t)left : BATCH_BYTES, error);
}

static void work(void *context)
{
    struct job *job = context;
    uint64_t size = job->reader->super.size, batch;
    EVP_CIPHER_CTX *cipher = aead_new(job->reader->file_key, false);
    uint8_t *pages = batch_new(size);
    cella_error error = {0};
    while (take(job, &batch)) {
        cella_status status = cipher && pages
                                  ? open_batch(job, cipher, batch, pages, &error)
                                  : fail(&error, CELLA_MEMORY, "no memory to open a box");
        if (status)
            failed(job, batch, status, &error);
    }
    batch_end(pages, size);
    EVP_CIPHER_CTX_free(cipher);
}

static cella_status open_all(const struct box_reader *reader, const struct target *target,
                             const struct cella_box_progress *progress, cella_error *error)
{
    struct job job = {.reader = reader,
                      .target = target,
                      .progress = progress,
                      .lock = PTHREAD_MUTEX_INITIALIZER};
    group_run(work, &job, reader->super.size);
    if (job.status && error)
        *error = job.error;
    return job.status;
}

/* ---- files ---- */

static void source_close(const struct box_source *source)
{
    close(source->fd);
    if (source->direct >= 0)
        close(source->direct);
}

static cella_status source_open(const char *box, struct box_source *source, cella_error *error)
{
    struct stat is;
    *source = (struct box_source){.where = box, .direct = -1};
    /* O_NONBLOCK: a FIFO in place of the box must not hang the caller. */
    source->fd = open(box, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source->fd < 0 || fstat(source->fd, &is) != 0) {
        cella_status status = fail(error, errno == ENOENT ? CELLA_INVALID : CELLA_SYSTEM,
                                   "%s: cannot open: %s", box, strerror(errno));
        if (source->fd >= 0)
            close(source->fd);
        return status;
    }
    if (!S_ISREG(is.st_mode)) {
        source_close(source);
        return fail(error, CELLA_INVALID, "%s: not a regular file", box);
    }
    source->size = (uint64_t)is.st_size;
    source->direct = direct_open(source->fd, O_RDONLY, source->size);
    return CELLA_OK;
}

static cella_status to_file(const struct box_reader *reader, const char *to, bool replaces,
                            const struct cella_box_progress *progress, cella_error *error)
{
    struct new_file file;
    /* Not for others: the box was not, either. */
    cella_status status = new_file_open(&file, to, 0600, replaces, error);
    if (status)
        return status;
    new_file_expect(&file, reader->super.size);
    if (ftruncate(file.fd, (off_t)reader->super.size) != 0)
        status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", to, strerror(errno));
    else
        status = open_all(reader, &(struct target){.file = &file}, progress, error);
    if (!status)
        return new_file_commit(&file, error);
    new_file_abandon(&file);
    return status;
}

cella_status cella_box_open_file(const char *box, const struct cella_box_keys *keys, const char *to,
                                 bool replaces, const struct cella_box_progress *progress,
                                 struct cella_box_info *info, cella_error *error)
{
    struct box_source source;
    struct box_reader reader;
    cella_status status = source_open(box, &source, error);
    if (status)
        return status;
    status = reader_unlock(&reader, &source, keys, error);
    if (!status)
        status = reader_begin(&reader, error);
    if (!status)
        status = to ? to_file(&reader, to, replaces, progress, error)
                    : open_all(&reader, &(struct target){0}, progress, error);
    if (!status && info)
        reader_info(&reader, info);
    reader_end(&reader);
    source_close(&source);
    return status;
}

cella_status cella_box_look(const char *box, struct cella_box_info *info, uint8_t **pages,
                            cella_error *error)
{
    struct box_source source;
    struct box_reader reader;
    cella_status status = source_open(box, &source, error);
    if (status)
        return status;
    status = reader_look(&reader, &source, error);
    if (!status)
        reader_info(&reader, info);
    if (!status && pages) {
        *pages = reader.header;
        reader.header = NULL;
    }
    reader_end(&reader);
    source_close(&source);
    return status;
}

cella_status cella_box_file_key(const char *box, const struct cella_box_keys *keys,
                                uint8_t file_key[BOX_KEY], struct cella_box_info *info,
                                cella_error *error)
{
    struct box_source source;
    struct box_reader reader;
    cella_status status = source_open(box, &source, error);
    if (status)
        return status;
    status = reader_unlock(&reader, &source, keys, error);
    if (!status) {
        reader_info(&reader, info);
        memcpy(file_key, reader.file_key, BOX_KEY);
    }
    reader_end(&reader);
    source_close(&source);
    return status;
}

/* ---- memory ---- */

cella_status cella_box_open_bytes(const void *box, size_t box_size, const char *where,
                                  const struct cella_box_keys *keys, uint8_t **bytes, size_t *size,
                                  struct cella_box_info *info, cella_error *error)
{
    const struct box_source source = {
        .where = where, .bytes = box, .fd = -1, .direct = -1, .size = box_size};
    struct box_reader reader;
    struct target target = {0};
    cella_status status = reader_unlock(&reader, &source, keys, error);
    if (!status)
        status = reader_begin(&reader, error);
    if (!status && !(target.bytes = calloc(1, reader.super.size + 1)))
        status = fail(error, CELLA_MEMORY, "%s: no memory for its content", where);
    if (!status)
        status = open_all(&reader, &target, NULL, error);
    if (status) {
        if (target.bytes)
            OPENSSL_cleanse(target.bytes, reader.super.size);
        free(target.bytes);
    } else {
        *bytes = target.bytes;
        *size = reader.super.size;
        if (info)
            reader_info(&reader, info);
    }
    reader_end(&reader);
    return status;
}
