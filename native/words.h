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

/* The counters of W blocks, each of their words in the lower half of a lane. */
INLINE void counters(V64 c[4], V64 blocks, uint64_t plane, const schedule *s)
{
    c[0] = blocks, c[1] = or64(shift_right64(blocks, 32), set64(plane << 29)), c[2] = set64(s->c2), c[3] = set64(s->c3);
}

/* Philox4x32-10: the counters become the four words of their blocks. The upper half of a lane is arbitrary. */
INLINE void philox(V64 c[][4], const int many, const schedule *s)
{
    const V64 m0 = set64(0xD2511F53u), m1 = set64(0xCD9E8D57u);
    UNROLL(10)
    for (int round = 0; round < 10; round++) {
        const V64 k0 = set64(s->k0[round]), k1 = set64(s->k1[round]);
        V64 product0[BESIDE], product1[BESIDE];
        UNROLL(BESIDE)
        for (int i = 0; i < many; i++)
            product0[i] = multiply(c[i][0], m0), product1[i] = multiply(c[i][2], m1);
        UNROLL(BESIDE)
        for (int i = 0; i < many; i++) {
            c[i][0] = xor3(upper_halves(product1[i]), c[i][1], k0);
            c[i][2] = xor3(upper_halves(product0[i]), c[i][3], k1);
            c[i][1] = product1[i], c[i][3] = product0[i];
        }
    }
}

/* The words of some vectors of blocks: of 32 bits in the lower halves, or of 64 bits joined from the two planes. */
INLINE void words_of_blocks(V64 word[BESIDE][4], const V64 *blocks, const int many, int wide, const schedule *s)
{
    UNROLL(BESIDE)
    for (int i = 0; i < many; i++) {
        counters(word[i], blocks[i], 0, s);
        if (wide)
            counters(word[many + i], blocks[i], 1, s);
    }
    philox(word, wide ? 2 * many : many, s);
    if (wide)
        UNROLL(BESIDE)
        for (int i = 0; i < many; i++)
            UNROLL(4)
            for (int j = 0; j < 4; j++)
                word[i][j] = lower_halves(word[many + i][j], word[i][j]);
}

INLINE void prefetch(const char *memory, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        PREFETCH(memory + line);
}

/* Write the words of `many` vectors of consecutive blocks, in order. */
INLINE void words_in_order(void *to, V64 first, const int many, int wide, const schedule *s)
{
    V64 blocks[BESIDE], word[BESIDE][4], ordered[4];
    V32 half[2];
    UNROLL(BESIDE)
    for (int i = 0; i < many; i++)
        blocks[i] = add64(first, set64((uint64_t)(i * W)));
    words_of_blocks(word, blocks, many, wide, s);
    UNROLL(BESIDE)
    for (int i = 0; i < many; i++) {
        if (wide) {
            in_order64(word[i], ordered);
            UNROLL(4)
            for (int j = 0; j < 4; j++)
                store64((uint64_t *)to + 4 * W * i + W * j, ordered[j]);
        } else {
            in_order32(word[i], half);
            store32((uint32_t *)to + 4 * W * i, half[0]);
            store32((uint32_t *)to + 4 * W * i + 2 * W, half[1]);
        }
    }
}

/* Write the words of consecutive blocks, in order: at least `count` words, and less than 8 W more. */
INLINE void words_of_run(
    char *to, uint64_t block, size_t count, int wide, const schedule *s, const char *out, size_t size)
{
    const int many = wide ? BESIDE / 2 : BESIDE;
    const size_t each = 4 * W * (size_t)many;
    V64 blocks = add64(set64(block), numbered64());
    while (count > each / 2) {
        words_in_order(to, blocks, many, wide, s);
        prefetch(out, each * size);
        blocks = add64(blocks, set64(each / 4));
        to += each * (wide ? 8 : 4), out += each * size, count -= count < each ? count : each;
    }
    if (count) {
        words_in_order(to, blocks, many / 2, wide, s);
        prefetch(out, each / 2 * size);
    }
}
