/* SPDX-License-Identifier: Apache-2.0
 *
 * An image into a TEE: page after page as its SGXS stream says, measured by the TEE as it goes.
 */
#include "../image/fail.h"
#include "host.h"

#include <string.h>

static cella_status add_pages(const struct tee_operations *operations, struct tee *tee,
                              const struct image *image, cella_error *error)
{
    for (size_t i = 0; i < image->page_count; i++) {
        const struct image_page *page = &image->pages[i];
        uint8_t bytes[4096];
        image_page_read(page, bytes);
        cella_status status = operations->add(tee, page->offset, page->flags, bytes, error);
        for (uint32_t chunk = 0; chunk < IMAGE_CHUNKS && !status; chunk++)
            status = operations->extend(tee, page->offset + chunk * IMAGE_CHUNK, error);
        if (status)
            return status;
    }
    return CELLA_OK;
}

cella_status host_load(struct cella_enclave *enclave, const struct image *image, cella_error *error)
{
    const struct boot_header *boot = &image->boot;
    const struct tee_parameters parameters = {
        .elrange_size = image->elrange_size,
        .ssa_frame_size = image->ssa_frame_size,
        .thread_count = boot->thread_count,
        .attributes =
            TEE_ATTRIBUTE_MODE64 | (enclave->options.insecure_debug ? TEE_ATTRIBUTE_DEBUG : 0),
        .heap_start = boot->heap.offset,
        .heap_size = boot->heap.size,
        .shared_size = ring_size(boot->thread_count),
        .added_size = image->page_count * LAYOUT_PAGE,
    };
    cella_status status = enclave->operations->create(&parameters, &enclave->tee, error);
    if (!status)
        status = add_pages(enclave->operations, enclave->tee, image, error);
    if (!status)
        status = enclave->operations->initialise(enclave->tee, NULL, enclave->mrenclave, error);
    if (status)
        return status;
    enclave->pages_added = image->page_count;
    enclave->shared = enclave->operations->shared(enclave->tee);
    struct ring_header *header = host_header(enclave);
    header->magic = RING_MAGIC;
    header->version = RING_VERSION;
    header->thread_count = boot->thread_count;
    return CELLA_OK;
}
