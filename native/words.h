/* The random words of stream v1, over the vector operations of the file that includes `kernel.h`. */

/* The keys of the rounds, and the part of the counter that is the stream. */
typedef struct {
    uint64_t k0[10], k1[10], c2, c3;
} schedule;

INLINE schedule scheduled(const oneseed_address *at)
{
    schedule s = {.c2 = (uint32_t)at->stream, .c3 = at->stream >> 32};
    uint32_t k0 = (uint32_t)at->seed, k1 = (uint32_t)(at->seed >> 32);
    for (int round = 0; round < 10; round++) {
        s.k0[round] = k0, s.k1[round] = k1;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return s;
}

/* Philox4x32-10: the four words of W blocks, each in the lower half of its lane. The upper half is arbitrary. */
INLINE void philox(V64 blocks, uint64_t plane, const schedule *s, V64 word[4])
{
    V64 c0 = blocks, c1 = or64(shift_right64(blocks, 32), set64(plane << 29)), c2 = set64(s->c2), c3 = set64(s->c3);
    const V64 m0 = set64(0xD2511F53u), m1 = set64(0xCD9E8D57u);
    UNROLL(10)
    for (int round = 0; round < 10; round++) {
        V64 product0 = multiply(c0, m0), product1 = multiply(c2, m1);
        c0 = xor3(shift_right64(product1, 32), c1, set64(s->k0[round]));
        c2 = xor3(shift_right64(product0, 32), c3, set64(s->k1[round]));
        c1 = product1, c3 = product0;
    }
    word[0] = c0, word[1] = c1, word[2] = c2, word[3] = c3;
}

/* The words of W blocks for the dtype: of 32 bits in the lower halves, or of 64 bits joined from the two planes. */
INLINE void words_of_blocks(V64 blocks, int wide, const schedule *s, V64 word[4])
{
    philox(blocks, 0, s, word);
    if (wide) {
        V64 low[4];
        philox(blocks, 1, s, low);
        for (int j = 0; j < 4; j++)
            word[j] = lower_halves(low[j], word[j]);
    }
}

INLINE void prefetch(const char *memory, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        PREFETCH(memory + line);
}

/* Write the words of `groups` groups of consecutive blocks, in order. */
INLINE void words_of_run(void *to, uint64_t block, size_t groups, int wide, const schedule *s, const char *out, size_t size)
{
    V64 blocks = add64(set64(block), numbered64());
    for (size_t g = 0; g < groups; g++) {
        V64 word[4], ordered[4];
        words_of_blocks(blocks, wide, s, word);
        blocks = add64(blocks, set64(W));
        if (wide) {
            in_order64(word, ordered);
            for (int j = 0; j < 4; j++)
                store64((uint64_t *)to + GROUP * g + W * j, ordered[j]);
        } else {
            V32 half[2];
            in_order32(word, half);
            store32((uint32_t *)to + GROUP * g, half[0]);
            store32((uint32_t *)to + GROUP * g + 2 * W, half[1]);
        }
        prefetch(out + GROUP * size * g, GROUP * size);
    }
}

/* Write the words of `count` consecutive blocks of each row, those of a column side by side; `blocks` are the first. */
INLINE void words_of_columns(void *to, const uint64_t *blocks, size_t padded, size_t count, int wide, const schedule *s)
{
    for (size_t block = 0; block < count; block++)
        for (size_t row = 0; row < padded; row += 2 * W) {
            V64 a[4], b[4];
            words_of_blocks(add64(load64(blocks + row), set64(block)), wide, s, a);
            words_of_blocks(add64(load64(blocks + row + W), set64(block)), wide, s, b);
            for (size_t j = 0; j < 4; j++) {
                const size_t at = (4 * block + j) * padded + row;
                if (wide) {
                    store64((uint64_t *)to + at, a[j]);
                    store64((uint64_t *)to + at + W, b[j]);
                } else
                    store32((uint32_t *)to + at, joined32(a[j], b[j]));
            }
        }
}
