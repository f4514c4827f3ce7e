/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a keyd's answer to its agent: as HTTP and each body in it, and as the payload of a
 * release by a keyd that signs what it likes.
 */
#include "keyd/agent/reply.h"
#include "keyd/jws.h"

#include "image/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reply_asked asked = {.key = "note"};

static void demand_sentence(cella_status status, const cella_error *error)
{
    if (!status != !error->sentence[0])
        abort();
}

static void read_body(const char *body, size_t size)
{
    uint8_t bytes[32];
    EVP_PKEY *key;
    cella_error error = {0};
    demand_sentence(reply_challenge(body, size, bytes, &error), &error);
    error = (cella_error){0};
    cella_status status = reply_signing_key(body, size, asked.kid, &key, &error);
    demand_sentence(status, &error);
    if (!status != (key != NULL))
        abort();
    EVP_PKEY_free(key);
    error = (cella_error){0};
    demand_sentence(reply_release(body, size, &asked, bytes, &error), &error);
}

static void read_signed(const uint8_t *data, size_t size)
{
    char kid[65], *payload = strndup((const char *)data, size), *body = NULL;
    char *value =
        jws_sign(asked.signing, hex_write(asked.kid, 32, kid), "cella-release+jwt", payload);
    int length = value ? asprintf(&body, "{\"value\":\"%s\"}", value) : -1;
    if (length > 0)
        read_body(body, (size_t)length);
    free(body);
    free(value);
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply reply;
    char text[64];
    cella_error error = {0};
    if (!asked.signing && !(asked.signing = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")))
        abort();
    cella_status status = reply_read(data, size, &reply, &error);
    demand_sentence(status, &error);
    if (status == CELLA_OK) {
        if (reply.body + reply.size != (const char *)data + size)
            abort();
        reply_refusal(&reply, text, sizeof(text));
        read_body(reply.body, reply.size);
    }
    read_signed(data, size);
    return 0;
}
