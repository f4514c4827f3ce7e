/* SPDX-License-Identifier: Apache-2.0
 *
 * A request for a key, as docs/keyd.md has it: read whole and checked before anything is done.
 */
#ifndef KEYD_REQUEST_H
#define KEYD_REQUEST_H

#include "binding.h"
#include "recipient.h"

#define REQUEST_MOST (6u << 20) /* bytes: evidence of 4 MiB in base64, and the rest */

enum release_format {
    FORMAT_HPKE,
    FORMAT_JWE,
    FORMAT_RSA_AES_SHA1, /* Azure's CKM_RSA_AES_KEY_WRAP */
    FORMAT_RSA_AES_SHA256,
    FORMAT_RSA_AES_SHA384,
    FORMATS
};

/* Its name in requests, Azure's name, and OAEP's hash; the last two of RSA_AES only. */
extern const struct release_format_facts {
    const char *name, *enc, *hash;
} release_formats[FORMATS];

struct request {
    char key[64]; /* "": not read */
    uint8_t nonce[CHALLENGE_SIZE];
    bool has_nonce; /* it was read, whatever else is wrong */
    struct recipient recipient;
    enum release_format format;
    struct binding binding;
    uint8_t *evidence; /* or NULL */
    char *token;       /* or NULL; one of them is there */
    size_t size;       /* of either */
};

/* CELLA_INVALID: malformed, or the format does not go with the recipient's key. The request is to
 * be dropped in any case. */
cella_status request_read(const char *text, size_t size, struct request *request,
                          cella_error *error);
void request_drop(struct request *request);

#endif
