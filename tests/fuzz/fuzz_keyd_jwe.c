/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a JWE; by the first byte for an RSA key, a P-256 key or an X25519 key, as the header
 * of one whose other parts are well formed, or as what follows the header and the key of a good
 * one. What is opened was sealed by nobody: none is.
 */
#include "image/base64.h"
#include "keyd/jwe.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *keys[3];
static char *begun[3]; /* header and key of a JWE, each with its dot */

static void must(bool good)
{
    if (!good)
        abort();
}

static void set_up(void)
{
    keys[0] = EVP_RSA_gen(2048);
    keys[1] = EVP_EC_gen("P-256");
    keys[2] = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    for (size_t i = 0; i < 3; i++) {
        struct recipient recipient;
        cella_error error;
        must(recipient_of(keys[i], &recipient, &error) == CELLA_OK &&
             jwe_seal(&recipient, "t", (const uint8_t *)"", 0, &begun[i], &error) == CELLA_OK);
        strchr(strchr(begun[i], '.') + 1, '.')[1] = 0;
        recipient_drop(&recipient);
    }
}

static void open_text(EVP_PKEY *key, const char *text, size_t length)
{
    uint8_t *content;
    size_t size;
    cella_error error = {0};
    must(jwe_open(key, text, length, &content, &size, &error) != CELLA_OK);
    must(!content && *error.sentence);
}

static void open_header(EVP_PKEY *key, const uint8_t *header, size_t size)
{
    static const char rest[] =
        ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";
    char *text = malloc(BASE64_TEXT(size) + sizeof(rest));
    must(text != NULL);
    base64_write(BASE64_URL, header, size, text);
    strcat(text, rest);
    open_text(key, text, strlen(text));
    free(text);
}

static void open_rest(size_t index, const uint8_t *rest, size_t size)
{
    char *text;
    must(asprintf(&text, "%s%.*s", begun[index], (int)size, (const char *)rest) >= 0);
    open_text(keys[index], text, strlen(text));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!keys[0])
        set_up();
    EVP_PKEY *key = keys[data[0] % 3];
    if (data[0] & 0x80)
        open_header(key, data + 1, size - 1);
    else if (data[0] & 0x40)
        open_rest(1 + data[0] % 2, data + 1, size - 1); /* RSA would take all the time */
    else
        open_text(key, (const char *)data + 1, size - 1);
    return 0;
}
