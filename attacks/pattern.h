/* SPDX-License-Identifier: Apache-2.0
 *
 * What the victim keeps in memory and the attacker looks for. Both derive it from the secret that
 * the victim is given; the pattern itself never crosses the enclave's wall, so whoever finds it has
 * looked inside. The secret does cross it (standard input is the host's), and proves nothing.
 *
 * Cell i is 16 bytes: the tag, then the complement of the key xor i. Whoever holds tag and key side
 * by side, as the attacker does, holds no cell.
 */
#ifndef ATTACKS_PATTERN_H
#define ATTACKS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_SECRET 64u /* characters */
#define PATTERN_CELLS  65536u
#define PATTERN_SIZE   (PATTERN_CELLS * sizeof(struct pattern_cell)) /* 1 MiB */

struct pattern {
    uint64_t tag, key;
};

struct pattern_cell {
    uint64_t tag, number;
};

static inline struct pattern pattern_derive(const char *secret)
{
    uint64_t state[2] = {UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344)};
    for (unsigned i = 0; i < PATTERN_SECRET * 4; i++) {
        uint64_t *word = &state[i & 1];
        *word ^= (uint8_t)secret[i % PATTERN_SECRET] + (uint64_t)i;
        *word ^= *word << 13;
        *word ^= *word >> 7;
        *word ^= *word << 17;
        *word += state[~i & 1];
    }
    /* Room for the cell's number. */
    return (struct pattern){state[0], state[1] & ~(uint64_t)(PATTERN_CELLS - 1)};
}

static inline void pattern_fill(struct pattern pattern, struct pattern_cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cells[i] = (struct pattern_cell){pattern.tag, ~(pattern.key ^ i)};
}

/* Is a word that follows the tag the rest of a cell? */
static inline int pattern_is_number(struct pattern pattern, uint64_t word)
{
    return (~word ^ pattern.key) < PATTERN_CELLS;
}

/* How many cells are not what pattern_fill wrote. */
static inline size_t pattern_damage(struct pattern pattern,
                                    const volatile struct pattern_cell *cells, size_t count)
{
    size_t damage = 0;
    for (size_t i = 0; i < count; i++)
        damage += cells[i].tag != pattern.tag || cells[i].number != ~(pattern.key ^ i);
    return damage;
}

#endif
