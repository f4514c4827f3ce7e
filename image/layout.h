/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks that the pages of an image lie as runtime/boot.h says and that its boot page says so too.
 */
#ifndef IMAGE_LAYOUT_H
#define IMAGE_LAYOUT_H

#include "image.h"

/* The pages of a thread area, in order; -1 means that no page is added there. */
int64_t layout_thread_page_flags(unsigned page);
/* The TCS page of thread `thread`. */
void layout_tcs(const struct boot_header *boot, uint32_t thread, uint8_t page[4096]);

/* Reads and checks the boot page of an image whose pages have been read; fills image->boot. */
cella_status layout_check(struct image *image, const char *name, cella_error *error);

/* An absolute path without "." ".." "//" or a final "/", at most 4095 bytes. */
bool layout_path_is_valid(const char *path, size_t size);

#endif
