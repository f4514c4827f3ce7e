/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and bytes sealed into boxes: threads read a batch each, in order, seal it and write it to
 * its place; the nodes above the leaves follow when all leaves are known, then header and
 * superblock.
 */
#include "../image/fail.h"
#include "../image/file.h"
#include "aead.h"
#include "box.h"
#include "direct.h"
#include "group.h"
#include "newfile.h"
#include "super.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is sealed: memory, or what a descriptor gives, in order. */
struct input {
    const char *where;
    const uint8_t *bytes;
    int fd;              /* -1: memory */
    int direct;          /* the same, around the page cache; -1: not so */
    bool regular, holes; /* holes: the file system may know of some */
    uint64_t size;       /* 0: not known before its end */
    uint64_t at;
    uint64_t data; /* regular: there are holes up to here, at least */
};

/* Where the box goes: memory that grows, or a file. */
struct output {
    const char *where;
    uint8_t *bytes;
    size_t size;
    struct new_file *file; /* NULL: memory */
};

struct job {
    struct input *input;
    struct output *output;
    const struct cella_box_progress *progress;
    uint8_t file_id[BOX_ID];
    uint8_t file_key[BOX_KEY];
    uint64_t base;        /* pages before the content */
    pthread_mutex_t lock; /* of what follows */
    bool ended;
    struct box_seal *leaves;
    uint64_t groups, room; /* leaves there are, and may be */
    uint64_t messages;
    cella_status status;
    cella_error error;
};

/* ---- input ---- */

/* Whether the next `size` bytes (or all that is left) are a hole of the file; *got of them. */
static bool skip_hole(struct input *input, size_t size, size_t *got)
{
    if (!input->holes || input->at >= input->size)
        return false;
    if (input->at >= input->data) {
        off_t data = lseek(input->fd, (off_t)input->at, SEEK_DATA);
        input->holes = data >= 0 || errno == ENXIO;
        input->data = data < 0 ? input->size : (uint64_t)data;
    }
    uint64_t left = input->size - input->at;
    *got = left < size ? (size_t)left : size;
    if (!input->holes || input->at + *got > input->data)
        return false;
    input->at += *got;
    return true;
}

/* Fewer bytes than `size`: the end. */
static cella_status read_next(struct input *input, uint8_t *to, size_t size, size_t *got,
                              cella_error *error)
{
    *got = 0;
    if (input->fd < 0) {
        uint64_t left = input->size - input->at;
        *got = left < size ? (size_t)left : size;
        if (*got)
            memcpy(to, input->bytes + input->at, *got);
    }
    while (input->fd >= 0 && *got < size) {
        ssize_t done = input->regular ? direct_read(input->fd, input->direct, input->at + *got,
                                                    to + *got, size - *got)
                                      : read(input->fd, to + *got, size - *got);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail(error, CELLA_SYSTEM, "%s: cannot be read: %s", input->where,
                        strerror(errno));
        if (done == 0)
            break;
        *got += (size_t)done;
    }
    input->at += *got;
    return CELLA_OK;
}

/* ---- output ---- */

static cella_status put(struct output *output, uint64_t page, const uint8_t *bytes, size_t size,
                        cella_error *error)
{
    uint64_t offset = page * BOX_PAGE;
    if (output->file)
        return new_file_write(output->file, offset, bytes, size, error);
    memcpy(output->bytes + offset, bytes, size); /* made as large as it gets, before */
    return CELLA_OK;
}

static cella_status reach(struct output *output, uint64_t pages, cella_error *error)
{
    if (output->file) {
        if (ftruncate(output->file->fd, (off_t)(pages * BOX_PAGE)) == 0)
            return CELLA_OK;
        return fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", output->where,
                    strerror(errno));
    }
    output->size = pages * BOX_PAGE;
    output->bytes = calloc(pages, BOX_PAGE);
    return output->bytes ? CELLA_OK
                         : fail(error, CELLA_MEMORY, "%s: no memory for it", output->where);
}

/* ---- batches ---- */

static bool seal_page(const struct job *job, EVP_CIPHER_CTX *cipher, unsigned level, uint64_t index,
                      const uint8_t *from, uint8_t *to, struct box_seal *seal)
{
    struct group_additional additional = group_additional(job->file_id, level, index);
    return aead_seal(cipher, seal->nonce, &additional, sizeof(additional), from, BOX_PAGE, to,
                     seal->tag);
}

/* Room for the leaves of one batch more. */
static cella_status reserve(struct job *job)
{
    if (job->groups + BATCH_GROUPS <= job->room)
        return CELLA_OK;
    uint64_t room = job->room ? 2 * job->room : 64;
    struct box_seal *leaves = realloc(job->leaves, room * sizeof(*leaves));
    if (!leaves)
        return fail(&job->error, CELLA_MEMORY, "%s: no memory to seal it", job->input->where);
    memset(leaves + job->room, 0, (room - job->room) * sizeof(*leaves));
    job->leaves = leaves;
    job->room = room;
    return CELLA_OK;
}

/* Reads the next batch. False: there is none, or no more is wanted. */
static bool take(struct job *job, uint8_t *content, uint64_t *number, size_t *size, bool *hole)
{
    pthread_mutex_lock(&job->lock);
    bool more = !job->status && !job->ended && !(job->status = reserve(job));
    if (more) {
        *hole = skip_hole(job->input, BATCH_BYTES, size);
        if (!*hole)
            job->status = read_next(job->input, content, BATCH_BYTES, size, &job->error);
        job->ended = *size < BATCH_BYTES;
        more = !job->status && *size;
    }
    if (more) {
        uint64_t blocks = box_blocks(*size);
        *number = job->groups / BATCH_GROUPS;
        job->groups += group_nodes(1, blocks);
        job->messages += *hole ? 0 : group_nodes(1, blocks) + blocks;
        if (job->messages > BOX_MESSAGES_MOST / 2) {
            job->status = fail(&job->error, CELLA_INVALID,
                               "%s: too large for one box: 8 TiB at most", job->input->where);
            more = false;
        }
        if (job->progress)
            job->progress->report(job->progress->context, job->input->at, job->input->size);
    }
    pthread_mutex_unlock(&job->lock);
    return more;
}

/* From its content to its pages; `content` may be behind their first. */
static bool seal_group(const struct job *job, EVP_CIPHER_CTX *cipher, uint64_t group, size_t blocks,
                       const uint8_t *content, uint8_t *pages, struct box_seal *leaf)
{
    uint8_t nonces[(1 + BOX_FANOUT) * BOX_NONCE];
    struct box_entry *entries = (void *)pages;
    memset(pages, 0, BOX_PAGE);
    bool good = aead_nonces(nonces, sizeof(nonces));
    for (size_t i = 0; good && i < blocks; i++) {
        memcpy(entries[i].seal.nonce, nonces + i * BOX_NONCE, BOX_NONCE);
        good = seal_page(job, cipher, 0, group * BOX_FANOUT + i, content + i * BOX_PAGE,
                         pages + (i + 1) * BOX_PAGE, &entries[i].seal);
    }
    memcpy(leaf->nonce, nonces + BOX_FANOUT * BOX_NONCE, BOX_NONCE);
    return good && seal_page(job, cipher, 1, group, pages, pages, leaf);
}

/* The content, which stands behind BATCH_NODES pages, moves up to make room for the leaves: so a
 * page of it is always read before it is written over. */
static cella_status seal_batch(struct job *job, EVP_CIPHER_CTX *cipher, const struct batch *batch,
                               size_t size, uint8_t *pages, cella_error *error)
{
    struct box_seal leaves[BATCH_GROUPS];
    uint8_t *content = pages + BATCH_NODES * BOX_PAGE, *behind = pages;
    memset(content + size, 0, batch->blocks * BOX_PAGE - size);
    for (size_t i = 0; i < batch->groups; i++) {
        size_t left = batch->blocks - i * BOX_FANOUT,
               blocks = left < BOX_FANOUT ? left : BOX_FANOUT;
        uint8_t *group = batch_group(batch, batch->group + i, pages);
        memset(behind, 0, (size_t)(group - behind)); /* a node that is made later */
        if (!seal_group(job, cipher, batch->group + i, blocks, content + i * GROUP_BYTES, group,
                        &leaves[i]))
            return fail(error, CELLA_SYSTEM, "%s: cannot be sealed", job->input->where);
        behind = group + (1 + blocks) * BOX_PAGE;
    }
    pthread_mutex_lock(&job->lock);
    memcpy(job->leaves + batch->group, leaves, batch->groups * sizeof(leaves[0]));
    pthread_mutex_unlock(&job->lock);
    return put(job->output, job->base + batch->place, pages, batch->pages * BOX_PAGE, error);
}

static void work(void *context)
{
    struct job *job = context;
    EVP_CIPHER_CTX *cipher = aead_new(job->file_key, true);
    uint64_t most = job->input->fd < 0 ? job->input->size : BATCH_BYTES;
    uint8_t *pages = batch_new(most);
    cella_error error = {0};
    uint64_t number;
    size_t size;
    bool hole;
    cella_status status =
        cipher && pages ? CELLA_OK : fail(&error, CELLA_MEMORY, "no memory to make a box");
    while (!status && take(job, pages + BATCH_NODES * BOX_PAGE, &number, &size, &hole)) {
        if (hole)
            continue;
        struct batch batch = batch_of(number, number * BATCH_BLOCKS + box_blocks(size));
        status = seal_batch(job, cipher, &batch, size, pages, &error);
    }
    pthread_mutex_lock(&job->lock);
    if (status && !job->status) {
        job->status = status;
        job->error = error;
    }
    pthread_mutex_unlock(&job->lock);
    batch_end(pages, most);
    EVP_CIPHER_CTX_free(cipher);
}

/* ---- what is above the leaves ---- */

/* From the seals of the level below to those of this level, in their place. */
static cella_status ascend(struct job *job, EVP_CIPHER_CTX *cipher, unsigned level, uint64_t blocks,
                           cella_error *error)
{
    uint64_t below = group_nodes(level - 1, blocks);
    for (uint64_t i = 0; i < group_nodes(level, blocks); i++) {
        struct box_entry entries[BOX_FANOUT] = {0};
        struct box_seal seal = {0};
        bool hole = true;
        for (uint64_t child = 0; child < BOX_FANOUT && i * BOX_FANOUT + child < below; child++) {
            entries[child].seal = job->leaves[i * BOX_FANOUT + child];
            hole = hole && group_is_hole(&entries[child].seal);
        }
        if (!hole &&
            (!aead_nonces(seal.nonce, BOX_NONCE) ||
             !seal_page(job, cipher, level, i, (uint8_t *)entries, (uint8_t *)entries, &seal)))
            return fail(error, CELLA_SYSTEM, "%s: cannot be sealed", job->input->where);
        if (!hole) {
            cella_status status = put(job->output, job->base + box_place_node(level, i),
                                      (uint8_t *)entries, BOX_PAGE, error);
            if (status)
                return status;
        }
        job->messages += !hole;
        job->leaves[i] = seal;
    }
    return CELLA_OK;
}

/* Nodes, superblock, header. */
static cella_status finish(struct job *job, const uint8_t *header, cella_error *error)
{
    uint64_t blocks = box_blocks(job->input->at);
    uint8_t page[BOX_PAGE];
    EVP_CIPHER_CTX *cipher = aead_new(job->file_key, true);
    cella_status status = cipher ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory to make a box");
    for (unsigned level = 2; !status && level <= box_levels(blocks); level++)
        status = ascend(job, cipher, level, blocks, error);
    struct box_super super = {.sequence = 1, .generation = 1, .size = job->input->at};
    super.messages = job->messages + 2; /* header and superblock */
    if (blocks && !status)
        super.root = job->leaves[0];
    if (!status && !super_seal(cipher, job->file_id, &super, page))
        status = fail(error, CELLA_SYSTEM, "%s: cannot be sealed", job->input->where);
    if (!status)
        status = put(job->output, job->base - 1, page, BOX_PAGE, error);
    if (!status)
        status = put(job->output, 0, header, (job->base - 2) * BOX_PAGE, error);
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

static cella_status seal_all(struct input *input, const char *name, const struct cella_box_to *to,
                             struct output *output, const struct cella_box_progress *progress,
                             cella_error *error)
{
    struct job job = {
        .input = input, .output = output, .progress = progress, .lock = PTHREAD_MUTEX_INITIALIZER};
    uint8_t *header;
    uint32_t header_pages;
    cella_status status = box_head_make(to, name, job.file_key, &header, &header_pages, error);
    if (status)
        return status;
    memcpy(job.file_id, ((const struct box_header *)(void *)header)->file_id, BOX_ID);
    job.base = header_pages + UINT64_C(2);
    uint64_t bytes = input->fd < 0 || input->size ? input->size : UINT64_MAX;
    if (output->file)
        new_file_expect(output->file, bytes);
    if (!output->file || input->size)
        status = reach(output, job.base + box_pages(box_blocks(input->size)), error);
    if (!status) {
        group_run(work, &job, bytes);
        status = job.status;
        if (status && error)
            *error = job.error;
    }
    if (!status && output->file)
        status = reach(output, job.base + box_pages(box_blocks(input->at)), error);
    if (!status)
        status = finish(&job, header, error);
    OPENSSL_cleanse(job.file_key, sizeof(job.file_key));
    free(job.leaves);
    free(header);
    return status;
}

/* ---- files and memory ---- */

static cella_status input_open(const char *from, struct input *input, cella_error *error)
{
    struct stat is;
    *input = (struct input){.where = from, .fd = open(from, O_RDONLY | O_CLOEXEC)};
    if (input->fd < 0 || fstat(input->fd, &is) != 0 || S_ISDIR(is.st_mode)) {
        cella_status status = fail(error, CELLA_INVALID, "%s: cannot open: %s", from,
                                   strerror(input->fd < 0 ? errno : EISDIR));
        if (input->fd >= 0)
            close(input->fd);
        return status;
    }
    input->regular = input->holes = S_ISREG(is.st_mode);
    input->size = input->regular ? (uint64_t)is.st_size : 0;
    input->direct = direct_open(input->fd, O_RDONLY, input->size);
    return CELLA_OK;
}

cella_status cella_box_seal_file(const char *from, const char *name, const struct cella_box_to *to,
                                 const char *box, bool replaces,
                                 const struct cella_box_progress *progress, cella_error *error)
{
    struct input input;
    struct new_file file;
    cella_status status = input_open(from, &input, error);
    if (status)
        return status;
    status = new_file_open(&file, box, 0666, replaces, error);
    if (!status) {
        struct output output = {.where = box, .file = &file};
        status = seal_all(&input, name ? name : file_name(from), to, &output, progress, error);
        if (status)
            new_file_abandon(&file);
        else
            status = new_file_commit(&file, error);
    }
    if (input.direct >= 0)
        close(input.direct);
    close(input.fd);
    return status;
}

cella_status cella_box_seal_bytes(const void *bytes, size_t size, const char *name,
                                  const struct cella_box_to *to, uint8_t **box, size_t *box_size,
                                  cella_error *error)
{
    struct input input = {.where = name, .bytes = bytes, .fd = -1, .direct = -1, .size = size};
    struct output output = {.where = name};
    cella_status status = seal_all(&input, name, to, &output, NULL, error);
    if (status) {
        free(output.bytes);
        return status;
    }
    *box = output.bytes;
    *box_size = output.size;
    return CELLA_OK;
}
