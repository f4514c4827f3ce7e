/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM by OpenSSL's assembly (libcrypto.a), and the vector registers that it changes.
 *
 * A message: EK0 = AES(nonce || 1); text is encrypted with counters from 2 on; the tag is
 * GHASH(additional, ciphertext, lengths) xor EK0.
 */
#include "gcm.h"

#if __STDC_HOSTED__
#include <string.h>
#else
#include "runtime.h"
#endif

/* In libcrypto.a; the prototypes are those by which its own C calls them. */
int aesni_set_encrypt_key(const uint8_t *bytes, int bits, void *key);
void aesni_encrypt(const uint8_t *in, uint8_t *out, const void *key);
void aesni_ctr32_encrypt_blocks(const uint8_t *in, uint8_t *out, size_t blocks, const void *key,
                                const uint8_t counter[16]);
size_t aesni_gcm_encrypt(const uint8_t *in, uint8_t *out, size_t size, const void *key,
                         uint8_t counter[16], uint8_t *hash);
size_t aesni_gcm_decrypt(const uint8_t *in, uint8_t *out, size_t size, const void *key,
                         uint8_t counter[16], uint8_t *hash);
void gcm_init_avx(void *table, const uint64_t h[2]);
void gcm_ghash_avx(uint8_t *hash, const void *table, const uint8_t *in, size_t size);

/* What the assembly looks up to choose between its variants: cpuid leaf 1 edx, ecx; leaf 7 ebx,
 * ecx. */
uint32_t OPENSSL_ia32cap_P[4];

#define BLOCK 16u

/* ---- the processor ---- */

/* XSAVE's components: SSE, AVX, upper halves of zmm0..15. */
#define COMPONENT_AVX 2u
#define COMPONENT_ZMM 6u
#define COMPONENTS    (1u << 1 | 1u << COMPONENT_AVX | 1u << COMPONENT_ZMM)

static uint32_t components; /* of these, those that are enabled */

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid is;
    __asm__ volatile("cpuid"
                     : "=a"(is.eax), "=b"(is.ebx), "=c"(is.ecx), "=d"(is.edx)
                     : "0"(leaf), "2"(subleaf));
    return is;
}

static bool components_fit(void)
{
    for (uint32_t component = COMPONENT_AVX; component <= COMPONENT_ZMM; component++) {
        struct cpuid is = cpuid(13, component); /* size, offset */
        if ((components >> component & 1) &&
            (is.eax > VECTOR_STATE || is.ebx > VECTOR_STATE - is.eax))
            return false;
    }
    return true;
}

bool gcm_start(void)
{
    const uint32_t wanted = 1u << 1 | 1u << 22 | 1u << 25 | 1u << 27 | 1u << 28;
    struct cpuid one = cpuid(1, 0), seven = cpuid(7, 0);
    if ((one.ecx & wanted) != wanted)
        return false;
    uint32_t enabled, high;
    __asm__ volatile("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
    components = enabled & COMPONENTS;
    if (!(components >> COMPONENT_AVX & 1) || !components_fit())
        return false;
    OPENSSL_ia32cap_P[0] = one.edx;
    OPENSSL_ia32cap_P[1] = one.ecx;
    OPENSSL_ia32cap_P[2] = seven.ebx;
    OPENSSL_ia32cap_P[3] = seven.ecx;
    return true;
}

void vector_save(struct vector_state *state)
{
    /* XSAVE's header, which XRSTOR checks and XSAVE writes only in part */
    memset(state->bytes + 512, 0, 64);
    __asm__ volatile("xsave64 %0" : "+m"(*state) : "a"(components), "d"(0) : "memory");
}

void vector_restore(struct vector_state *state)
{
    __asm__ volatile("xrstor64 %0" : : "m"(*state), "a"(components), "d"(0) : "memory");
}

/* ---- the mode ---- */

static void wipe(void *bytes, size_t size)
{
    memset(bytes, 0, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

void gcm_key_begin(struct gcm_key *key, const uint8_t bytes[32])
{
    uint8_t h[BLOCK] = {0};
    memset(key, 0, sizeof(*key));
    aesni_set_encrypt_key(bytes, 256, &key->aes);
    aesni_encrypt(h, h, &key->aes);
    for (int i = 0; i < 2; i++) { /* the table is made from two host-endian words */
        uint64_t word;
        memcpy(&word, h + 8 * i, sizeof(word));
        key->hash.h[i] = __builtin_bswap64(word);
    }
    gcm_init_avx(key->hash.table, key->hash.h);
    wipe(h, sizeof(h));
}

/* Hashes bytes and zeros up to a whole block. */
static void hash_padded(struct gcm_key *key, const uint8_t *bytes, size_t size)
{
    size_t whole = size & ~(size_t)(BLOCK - 1);
    uint8_t last[BLOCK] = {0};
    if (whole)
        gcm_ghash_avx(key->hash.value, key->hash.table, bytes, whole);
    if (whole == size)
        return;
    memcpy(last, bytes + whole, size - whole);
    gcm_ghash_avx(key->hash.value, key->hash.table, last, BLOCK);
}

static void counter_set(uint8_t counter[BLOCK], const uint8_t *nonce, uint32_t number)
{
    number = __builtin_bswap32(number);
    memcpy(counter, nonce, GCM_NONCE);
    memcpy(counter + GCM_NONCE, &number, sizeof(number));
}

/* Encrypts or decrypts with counters from block `first` of the text on. */
static void counter_mode(struct gcm_key *key, const uint8_t *nonce, size_t first,
                         const uint8_t *from, uint8_t *to, size_t size)
{
    uint8_t counter[BLOCK], last[BLOCK] = {0};
    size_t blocks = size / BLOCK, rest = size % BLOCK;
    counter_set(counter, nonce, (uint32_t)(2 + first));
    if (blocks)
        aesni_ctr32_encrypt_blocks(from, to, blocks, &key->aes, counter);
    if (!rest)
        return;
    counter_set(counter, nonce, (uint32_t)(2 + first + blocks));
    memcpy(last, from + blocks * BLOCK, rest);
    aesni_ctr32_encrypt_blocks(last, last, 1, &key->aes, counter);
    memcpy(to + blocks * BLOCK, last, rest);
    wipe(last, sizeof(last));
}

static void begin(struct gcm_key *key, const void *additional, size_t size)
{
    memset(key->hash.value, 0, BLOCK);
    hash_padded(key, additional, size);
}

static void end(struct gcm_key *key, const uint8_t *nonce, size_t additional_size, size_t size,
                uint8_t tag[GCM_TAG])
{
    uint8_t first[BLOCK];
    uint64_t lengths[2] = {__builtin_bswap64(additional_size * 8), __builtin_bswap64(size * 8)};
    hash_padded(key, (const uint8_t *)lengths, sizeof(lengths));
    counter_set(first, nonce, 1);
    aesni_encrypt(first, first, &key->aes);
    for (unsigned i = 0; i < GCM_TAG; i++)
        tag[i] = key->hash.value[i] ^ first[i];
    wipe(first, sizeof(first));
}

void gcm_seal(struct gcm_key *key, const uint8_t nonce[GCM_NONCE], const void *additional,
              size_t additional_size, const void *from, void *to, size_t size, uint8_t tag[GCM_TAG])
{
    uint8_t counter[BLOCK], *out = to;
    begin(key, additional, additional_size);
    counter_set(counter, nonce, 2);
    /* six blocks at a time, encrypted and hashed in one pass; it takes what it can */
    size_t done =
        size ? aesni_gcm_encrypt(from, out, size, &key->aes, counter, key->hash.value) : 0;
    counter_mode(key, nonce, done / BLOCK, (const uint8_t *)from + done, out + done, size - done);
    hash_padded(key, out + done, size - done);
    end(key, nonce, additional_size, size, tag);
}

bool gcm_open(struct gcm_key *key, const uint8_t nonce[GCM_NONCE], const void *additional,
              size_t additional_size, const void *from, void *to, size_t size,
              const uint8_t tag[GCM_TAG])
{
    uint8_t counter[BLOCK], right[GCM_TAG], difference = 0, *out = to;
    begin(key, additional, additional_size);
    counter_set(counter, nonce, 2);
    size_t done =
        size ? aesni_gcm_decrypt(from, out, size, &key->aes, counter, key->hash.value) : 0;
    hash_padded(key, (const uint8_t *)from + done, size - done);
    counter_mode(key, nonce, done / BLOCK, (const uint8_t *)from + done, out + done, size - done);
    end(key, nonce, additional_size, size, right);
    for (unsigned i = 0; i < GCM_TAG; i++)
        difference |= right[i] ^ tag[i];
    if (difference && size)
        wipe(to, size);
    return !difference;
}
