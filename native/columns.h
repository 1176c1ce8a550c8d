/* Many rows together, a column at a time: each lane of a vector makes the words of a row of its own, so that those of a
 * column lie side by side. */

/* Write the words of one block of some rows, `many` times 2 W of them, those of a column side by side. */
INLINE void words_of_rows(char *to, const uint64_t *blocks, V64 on, size_t padded, const int many, int wide, const schedule *s)
{
    V64 now[BESIDE], word[BESIDE][4];
    UNROLL(BESIDE)
    for (int i = 0; i < 2 * many; i++)
        now[i] = add64(load64(blocks + W * i), on);
    words_of_blocks(word, now, 2 * many, wide, s);
    UNROLL(4)
    for (size_t j = 0; j < 4; j++)
        UNROLL(BESIDE)
        for (int i = 0; i < many; i++) {
            if (wide) {
                store64((uint64_t *)to + j * padded + 2 * W * i, word[2 * i][j]);
                store64((uint64_t *)to + j * padded + 2 * W * i + W, word[2 * i + 1][j]);
            } else
                store32((uint32_t *)to + j * padded + 2 * W * i, joined32(word[2 * i][j], word[2 * i + 1][j]));
        }
}

/* Write the words of `count` consecutive blocks of each row, those of a column side by side; `blocks` are the first. */
INLINE void words_of_columns(char *to, const uint64_t *blocks, size_t padded, size_t count, int wide, const schedule *s)
{
    const size_t size = wide ? 8 : 4;
    for (size_t block = 0; block < count; block++, to += 4 * padded * size) {
        const V64 on = set64(block);
        size_t row = 0;
        if (!wide)
            for (; row + 4 * W <= padded; row += 4 * W)
                words_of_rows(to + row * size, blocks + row, on, padded, BESIDE / 2, wide, s);
        for (; row < padded; row += 2 * W)
            words_of_rows(to + row * size, blocks + row, on, padded, 1, wide, s);
    }
}

STEP void words_of_columns32(char *to, const uint64_t *blocks, size_t padded, size_t count, const schedule *s)
{
    words_of_columns(to, blocks, padded, count, 0, s);
}

STEP void words_of_columns64(char *to, const uint64_t *blocks, size_t padded, size_t count, const schedule *s)
{
    words_of_columns(to, blocks, padded, count, 1, s);
}

/* Move the words of each row, of which the first is any of a block, to where its first one is the first. */
INLINE void align_rows(char *words, const rows_of_columns *r, size_t padded, int wide)
{
    const size_t size = wide ? 8 : 4, lanes = sizeof(V64) / size;
    for (size_t row = 0; row < padded; row += lanes) {
        ALIGNED char masks[4][sizeof(V64)]; /* the lanes of the rows that begin with a word */
        memset(masks, 0, sizeof masks);
        for (size_t lane = 0; lane < lanes && row + lane < r->rows; lane++)
            memset(masks[r->starts[row + lane] & 3] + lane * size, 0xFF, size);
        V64 mask[4];
        for (size_t word = 0; word < 4; word++)
            mask[word] = load64(masks[word]);
        char *at = words + row * size;
        for (size_t column = 0; column < r->columns; column++, at += padded * size) {
            V64 own = and64(load64(at), mask[0]);
            for (size_t word = 1; word < 4; word++)
                own = or64(own, and64(load64(at + word * padded * size), mask[word]));
            store64(at, own);
        }
    }
}

/* Write one element to each of `count` places. */
static void scatter(char *const *places, ptrdiff_t from, const char *values, size_t count, size_t size)
{
#define SCATTER(n) \
    case n: \
        for (size_t k = 0; k < count; k++) \
            memcpy(places[k] + from, values + n * k, n); \
        break;
    switch (size) { SCATTER(1) SCATTER(2) SCATTER(4) SCATTER(8) }
}

INLINE void copy(char *to, const char *from, size_t bytes)
{
    for (; bytes >= sizeof(V64); to += sizeof(V64), from += sizeof(V64), bytes -= sizeof(V64))
        store64(to, load64(from));
    if (bytes)
        memcpy(to, from, bytes);
}

TARGET void NAMED(columns, KERNEL)(
    const rows_of_columns *r, const oneseed_address *at, const oneseed_distribution *what)
{
    const int wide = is_wide(what);
    const size_t size = oneseed_size(what->dtype), padded = (r->rows + 2 * W - 1) / (2 * W) * (2 * W);
    const schedule keys = scheduled(at);
    ALIGNED uint64_t blocks[ROWS_AT_ONCE];
    scratch s;
    char *const words = (char *)s.words;
    uint64_t lead = 0, mixed = 0;
    for (size_t row = 0; row < r->rows; row++) {
        const uint64_t own = r->starts[row] & 3;
        blocks[row] = r->starts[row] >> 2;
        lead = own > lead ? own : lead, mixed |= own ^ (r->starts[0] & 3);
    }
    for (size_t row = r->rows; row < padded; row++)
        blocks[row] = blocks[0];
    const size_t count = (lead + r->columns + 3) / 4, values = r->columns * padded;
    if (wide)
        words_of_columns64(words, blocks, padded, count, &keys);
    else
        words_of_columns32(words, blocks, padded, count, &keys);
    size_t from = lead * padded;
    if (mixed) {
        align_rows(words, r, padded, wide);
        from = 0;
    }
    const size_t rest = (GROUP - values % GROUP) % GROUP; /* words of the last group that no row has */
    memset(words + (from + values) * (wide ? 8 : 4), 0, rest * (wide ? 8 : 4));
    convert((char *)s.values, &s, from, values, what);
    for (size_t column = 0; column < r->columns; column++) {
        const char *these = (const char *)s.values + column * padded * size;
        const ptrdiff_t away = (ptrdiff_t)column * r->apart;
        if (r->joined)
            copy(r->places[0] + away, these, r->rows * size);
        else
            scatter(r->places, away, these, r->rows, size);
    }
}
