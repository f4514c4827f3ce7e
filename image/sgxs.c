/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes and reads the SGXS stream. The reader's bytes are hostile.
 */
#include "sgxs.h"

#include "../tee/tee.h"
#include "fail.h"

#include <stdlib.h>
#include <string.h>

struct record {
    char tag[8];
    union {
        struct {
            uint32_t ssa_frame_size;
            uint64_t elrange_size;
        } __attribute__((packed)) create;
        struct {
            uint64_t offset;
            uint64_t flags; /* EADD; 0 in an EEXTEND */
        } add;
        uint8_t bytes[56];
    };
};
static_assert(sizeof(struct record) == IMAGE_RECORD, "records are 64 bytes");

static const char tag_create[8] = "ECREATE", tag_add[8] = "EADD", tag_extend[8] = "EEXTEND";
static const char tag_unmeasured[8] = {'U', 'N', 'M', 'E', 'A', 'S', 'R', 'D'};
static const char tag_unsized[8] = "UNSIZED";

static struct record make_record(const char tag[8])
{
    struct record record = {0};
    memcpy(record.tag, tag, sizeof(record.tag));
    return record;
}

static struct record make_add(const char tag[8], uint64_t offset, uint64_t flags)
{
    struct record record = make_record(tag);
    record.add.offset = offset;
    record.add.flags = flags;
    return record;
}

size_t sgxs_write_create(uint8_t *stream, uint32_t ssa_frame_size, uint64_t elrange_size)
{
    struct record record = make_record(tag_create);
    record.create.ssa_frame_size = ssa_frame_size;
    record.create.elrange_size = elrange_size;
    memcpy(stream, &record, sizeof(record));
    return sizeof(record);
}

size_t sgxs_write_page(uint8_t *stream, uint64_t offset, uint64_t flags, const uint8_t *page)
{
    struct record record = make_add(tag_add, offset, flags);
    memcpy(stream, &record, sizeof(record));
    stream += sizeof(record);
    for (unsigned i = 0; i < IMAGE_CHUNKS; i++) {
        record = make_add(tag_extend, offset + i * IMAGE_CHUNK, 0);
        memcpy(stream, &record, sizeof(record));
        if (page)
            memcpy(stream + sizeof(record), page + i * IMAGE_CHUNK, IMAGE_CHUNK);
        else
            memset(stream + sizeof(record), 0, IMAGE_CHUNK);
        stream += IMAGE_CHUNK_STRIDE;
    }
    return SGXS_PAGE_BYTES;
}

static bool has_tag(const struct record *record, const char tag[8])
{
    return memcmp(record->tag, tag, sizeof(record->tag)) == 0;
}

/* A record that is not the one expected: says what it is instead. */
static cella_status wrong_tag(const struct record *record, const char *expected, size_t at,
                              const char *name, cella_error *error)
{
    if (has_tag(record, tag_unmeasured))
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: byte %zu: an UNMEASRD record; cella takes measured pages only: pack the "
                    "program with cella pack",
                    name, at);
    if (has_tag(record, tag_unsized))
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: byte %zu: an UNSIZED record; the enclave's size must be fixed: pack the "
                    "program with cella pack",
                    name, at);
    return fail(error, CELLA_INVALID, "%s: byte %zu: an %s record was expected here", name, at,
                expected);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

static cella_status read_create(struct image *image, const char *name, cella_error *error)
{
    struct record record;
    if (image->size < sizeof(record))
        return fail(error, CELLA_INVALID, "%s: truncated inside the ECREATE record", name);
    memcpy(&record, image->bytes, sizeof(record));
    if (!has_tag(&record, tag_create))
        return wrong_tag(&record, "ECREATE", 0, name, error);
    if (!is_zero(record.bytes + 12, sizeof(record.bytes) - 12))
        return fail(error, CELLA_INVALID, "%s: reserved bytes of ECREATE are not zero", name);
    uint64_t size = record.create.elrange_size;
    if (size < LAYOUT_PAGE || size > SGXS_ELRANGE_MAX || (size & (size - 1)) != 0)
        return fail(error, CELLA_INVALID,
                    "%s: ECREATE's size 0x%llx is no power of two between 4096 and 2^46", name,
                    (unsigned long long)size);
    if (record.create.ssa_frame_size != 1)
        return fail(error, CELLA_UNSUPPORTED, "%s: SSA frames of %u pages; cella's have 1", name,
                    record.create.ssa_frame_size);
    image->elrange_size = size;
    image->ssa_frame_size = record.create.ssa_frame_size;
    return CELLA_OK;
}

static cella_status check_flags(uint64_t flags, uint64_t offset, const char *name,
                                cella_error *error)
{
    uint64_t permissions = TEE_PAGE_R | TEE_PAGE_W | TEE_PAGE_X;
    const char *what = NULL;
    if ((flags & ~permissions) != TEE_PAGE_TCS && (flags & ~permissions) != TEE_PAGE_REG)
        what = "its page type is neither TCS nor REG, or unknown flags are set";
    else if ((flags & TEE_PAGE_TCS) && (flags & permissions))
        what = "a TCS page has no permissions";
    else if ((flags & TEE_PAGE_REG) && !(flags & TEE_PAGE_R))
        what = "a page must be readable";
    else if ((flags & TEE_PAGE_W) && (flags & TEE_PAGE_X))
        what = "a page must not be writable and executable";
    if (what)
        return fail(error, CELLA_INVALID, "%s: page 0x%llx: flags 0x%llx: %s", name,
                    (unsigned long long)offset, (unsigned long long)flags, what);
    return CELLA_OK;
}

/* The EADD at byte `at`; `least` is the lowest offset that it may have. */
static cella_status read_add(const struct image *image, size_t at, uint64_t least,
                             struct image_page *page, const char *name, cella_error *error)
{
    struct record record;
    memcpy(&record, image->bytes + at, sizeof(record));
    if (!has_tag(&record, tag_add))
        return wrong_tag(&record, "EADD", at, name, error);
    if (!is_zero(record.bytes + 16, sizeof(record.bytes) - 16))
        return fail(error, CELLA_INVALID, "%s: byte %zu: reserved bytes of EADD are not zero", name,
                    at);
    uint64_t offset = record.add.offset;
    if (offset % LAYOUT_PAGE)
        return fail(error, CELLA_INVALID, "%s: byte %zu: offset 0x%llx is not page aligned", name,
                    at, (unsigned long long)offset);
    if (offset >= image->elrange_size)
        return fail(error, CELLA_INVALID, "%s: byte %zu: offset 0x%llx is outside ELRANGE", name,
                    at, (unsigned long long)offset);
    if (offset < least)
        return fail(error, CELLA_INVALID, "%s: byte %zu: offset 0x%llx does not rise", name, at,
                    (unsigned long long)offset);
    cella_status status = check_flags(record.add.flags, offset, name, error);
    if (status != CELLA_OK)
        return status;
    *page = (struct image_page){
        .offset = offset,
        .flags = record.add.flags,
        .data = image->bytes + at + 2 * IMAGE_RECORD,
    };
    return CELLA_OK;
}

static cella_status read_extends(const struct image *image, size_t at, uint64_t offset,
                                 const char *name, cella_error *error)
{
    for (unsigned i = 0; i < IMAGE_CHUNKS; i++, at += IMAGE_CHUNK_STRIDE) {
        struct record record, expected = make_add(tag_extend, offset + i * IMAGE_CHUNK, 0);
        memcpy(&record, image->bytes + at, sizeof(record));
        if (memcmp(&record, &expected, sizeof(record)) == 0)
            continue;
        if (!has_tag(&record, tag_extend))
            return wrong_tag(&record, "EEXTEND", at, name, error);
        if (record.add.offset != offset + i * IMAGE_CHUNK)
            return fail(error, CELLA_INVALID, "%s: byte %zu: EEXTEND of 0x%llx where 0x%llx is due",
                        name, at, (unsigned long long)record.add.offset,
                        (unsigned long long)(offset + i * IMAGE_CHUNK));
        return fail(error, CELLA_INVALID, "%s: byte %zu: reserved bytes of EEXTEND are not zero",
                    name, at);
    }
    return CELLA_OK;
}

cella_status sgxs_read(struct image *image, const char *name, cella_error *error)
{
    if (image->size > SGXS_SIZE_MOST)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; an image has at most 4 GiB", name,
                    image->size);
    cella_status status = read_create(image, name, error);
    if (status != CELLA_OK)
        return status;
    size_t most = (image->size - IMAGE_RECORD) / SGXS_PAGE_BYTES;
    /* One more, for a page that is cut short at the end. */
    image->pages = calloc(most + 1, sizeof(struct image_page));
    if (!image->pages)
        return fail(error, CELLA_MEMORY, "%s: no memory for a list of %zu pages", name, most);
    uint64_t least = 0;
    for (size_t at = IMAGE_RECORD; at < image->size; at += SGXS_PAGE_BYTES) {
        struct image_page *page = &image->pages[image->page_count];
        if (image->size - at < IMAGE_RECORD)
            return fail(error, CELLA_INVALID, "%s: truncated inside an EADD record", name);
        status = read_add(image, at, least, page, name, error);
        if (status != CELLA_OK)
            return status;
        if (image->size - at < SGXS_PAGE_BYTES)
            return fail(error, CELLA_INVALID, "%s: truncated inside page 0x%llx", name,
                        (unsigned long long)page->offset);
        status = read_extends(image, at + IMAGE_RECORD, page->offset, name, error);
        if (status != CELLA_OK)
            return status;
        least = page->offset + LAYOUT_PAGE;
        image->page_count++;
    }
    return CELLA_OK;
}
