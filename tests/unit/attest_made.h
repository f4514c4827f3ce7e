/* SPDX-License-Identifier: Apache-2.0
 *
 * DER made from a text for a test, right or wrong: bytes in hexadecimal; {} behind a tag holds what
 * is inside of it, and stands for the length; '' holds letters. "30{02{01} 0c{'text'}}"
 */
#ifndef UNIT_ATTEST_MADE_H
#define UNIT_ATTEST_MADE_H

#include "attest_test.h"

#include "attest/der.h"

#include <openssl/evp.h>

#define MADE_ROOM 8192

struct made {
    size_t size;
    uint8_t bytes[MADE_ROOM];
};

/* A length in its shortest form: how many bytes of `to` it takes. */
static inline size_t made_length(size_t length, uint8_t to[3])
{
    size_t count = length < 0x80 ? 0 : length < 0x100 ? 1 : 2;
    to[0] = (uint8_t)(count ? 0x80 | count : length);
    for (size_t i = 1; i <= count; i++)
        to[i] = (uint8_t)(length >> 8 * (count - i));
    return 1 + count;
}

static inline void made_add(struct made *to, const void *bytes, size_t size)
{
    assert_true(size <= MADE_ROOM - to->size);
    memmove(to->bytes + to->size, bytes, size);
    to->size += size;
}

/* Puts the length before what was written from `begin` on. */
static inline void made_close(struct made *to, size_t begin)
{
    uint8_t length[3];
    size_t inside = to->size - begin, count = made_length(inside, length);
    assert_true(count <= MADE_ROOM - to->size);
    memmove(to->bytes + begin + count, to->bytes + begin, inside);
    memcpy(to->bytes + begin, length, count);
    to->size += count;
}

static inline struct made made_of(const char *text)
{
    struct made made = {0};
    size_t begun[16], depth = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '{') {
            assert_true(depth < 16);
            begun[depth++] = made.size;
        } else if (*at == '}') {
            assert_true(depth > 0);
            made_close(&made, begun[--depth]);
        } else if (*at == '\'') {
            const char *end = strchr(at + 1, '\'');
            made_add(&made, at + 1, (size_t)(end - at - 1));
            at = end;
        } else if (*at != ' ') {
            const char digits[] = {at[0], at[1], 0};
            uint8_t byte = (uint8_t)strtoul(digits, NULL, 16);
            made_add(&made, &byte, 1);
            at++;
        }
    }
    assert_true(depth == 0);
    return made;
}

/* Adds what `key` signs these bytes with by ECDSA and SHA-256, as a BIT STRING. */
static inline void made_sign(struct made *to, EVP_PKEY *key, const void *bytes, size_t size)
{
    uint8_t bits[128] = {0};
    size_t length = sizeof(bits) - 1;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, bits + 1, &length, bytes, size), 1);
    EVP_MD_CTX_free(context);
    made_add(to, "\3", 1);
    made_add(to, bits, length + 1);
    made_close(to, to->size - length - 1);
}

static inline struct der made_der(const struct made *made)
{
    return (struct der){made->bytes, made->size};
}

/* In memory of exactly its size, so that ASan sees an overrun; the caller frees. */
static inline uint8_t *made_exact(const struct made *made)
{
    uint8_t *bytes = malloc(made->size ? made->size : 1);
    assert_non_null(bytes);
    memcpy(bytes, made->bytes, made->size);
    return bytes;
}

#endif
