/* SPDX-License-Identifier: Apache-2.0
 *
 * rewrite BOX KEY TEXT: appends to a box, by the key in the file KEY: a later version of the same
 * box, under the same file key.
 */
#include "box/box.h"
#include "box/cipher.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    uint8_t file_key[BOX_KEY];
    struct cella_key key;
    struct cella_box_info info;
    cella_error error = {0};
    struct box_fault fault;
    bool locked;
    const struct cella_box_keys keys = {.keys = &key, .count = 1};
    if (argc != 4 || cella_key_load(argv[2], NULL, &key, &locked, &error) ||
        cella_box_file_key(argv[1], &keys, file_key, &info, &error)) {
        fprintf(stderr, "rewrite: %s\n", error.sentence);
        return 1;
    }
    int fd = open(argv[1], O_RDWR | O_CLOEXEC);
    const struct box_opening opening = {.services = &box_services,
                                        .file = box_file_of(&fd),
                                        .key = file_key,
                                        .writable = true,
                                        .cache_pages = BOX_CACHE_LEAST};
    struct box *box = fd < 0 ? NULL : box_open(&opening, &fault);
    bool good = box && box_write(box, info.size, argv[3], strlen(argv[3]));
    return !(box && box_close(box).kind == BOX_FAULT_NONE && good);
}
