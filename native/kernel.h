/* The algorithm of stream v1, over the vector operations that the including file defines.
 *
 * A `V64` holds W integers of 64 bits, a `V32` 2 W of 32 bits; `F64` and `F32` are the floats of the same sizes.
 *
 * Values are made in chunks that fit the first-level cache, one step after the other: the words of all, the rows of the
 * table and the positions in them, then the polynomials. Each step is a chain of operations that wait for each other, so
 * those of a few vectors are written side by side.
 */
#include <string.h>

enum {
    BESIDE = 4,                 /* the most vectors whose operations are written side by side */
    GROUP = W < 4 ? 8 * W : 32, /* values that are converted at once */
    FRONT = 4,                  /* room for the words of the first block that come before the first value */
    CHUNK = CHUNK_SIZE,         /* values of a run made at once */
    SPACE = COLUMNS_SPACE + FRONT + 2 * GROUP
};

typedef struct {
    ALIGNED uint64_t words[SPACE], rows[SPACE], positions[SPACE], values[SPACE];
} scratch;

#include "words.h"

/* Normal samples --------------------------------------------------------------------------------------------------- */

/* The offset of a word's row in the table, in bytes, and the position in the row's interval. */
INLINE V32 row32(V32 u, V32 *position)
{
    V32 tail = bits32(float_of32(or32(xor32(u, signs32(u)), set32(1))));
    *position = not32(shift_left32(tail, 13));
    return sub32(and32(shift_right32(tail, 15), set32(0xFFFFFFF0u)), set32(16 * (127 << 4)));
}

INLINE V64 row64(V64 u, V64 *position)
{
    V64 tail = bits64(float_of64(or64(xor64(u, signs64(u)), set64(1))));
    *position = not64(shift_left64(tail, 17));
    return sub64(and64(shift_right64(tail, 41), set64(~UINT64_C(63))), set64(64 * (1023 << 5)));
}

/* The high half of a product of 64 bits, by those of 32 bits; the second also for a < 2**32. */
#ifndef OWN_HIGH64
INLINE V64 high64(V64 a, V64 b)
{
    V64 a1 = shift_right64(a, 32), b1 = shift_right64(b, 32), mask = set64(0xFFFFFFFFu);
    V64 middle = add64(multiply(a1, b), shift_right64(multiply(a, b), 32));
    V64 rest = add64(and64(middle, mask), multiply(a, b1));
    return add64(add64(multiply(a1, b1), shift_right64(middle, 32)), shift_right64(rest, 32));
}

INLINE V64 high64_of_short(V64 a, V64 b)
{
    return shift_right64(add64(shift_right64(multiply(a, b), 32), multiply(a, shift_right64(b, 32))), 32);
}
#endif

enum { SHORT64 = 4 }; /* the sum of the coefficients after this one is below 2**32 in every row */

INLINE void quantiles32(V32 z[], const uint32_t *words, const uint32_t *rows, const uint32_t *positions, const int many)
{
    V32 c[BESIDE][4], x[BESIDE];
    UNROLL(BESIDE)
    for (int i = 0; i < many; i++) {
        look_up32(rows + 2 * W * i, c[i]);
        x[i] = load32(positions + 2 * W * i), z[i] = c[i][3];
    }
    UNROLL(3)
    for (int j = 2; j >= 0; j--)
        UNROLL(BESIDE)
        for (int i = 0; i < many; i++)
            z[i] = add32(c[i][j], high32(z[i], x[i]));
    UNROLL(BESIDE)
    for (int i = 0; i < many; i++) {
        const V32 sign = signs32(load32(words + 2 * W * i));
        z[i] = sub32(sign, xor32(z[i], sign));
    }
}

INLINE void quantiles64(V64 z[], const uint64_t *words, const uint64_t *rows, const uint64_t *positions)
{
    V64 c[BESIDE][8], x[BESIDE];
    UNROLL(BESIDE)
    for (int i = 0; i < BESIDE; i++) {
        look_up64(rows + W * i, c[i]);
        x[i] = load64(positions + W * i), z[i] = c[i][7];
    }
    UNROLL(7)
    for (int j = 6; j >= 0; j--)
        UNROLL(BESIDE)
        for (int i = 0; i < BESIDE; i++)
            z[i] = add64(c[i][j], j >= SHORT64 ? high64_of_short(z[i], x[i]) : high64(z[i], x[i]));
    UNROLL(BESIDE)
    for (int i = 0; i < BESIDE; i++) {
        const V64 sign = signs64(load64(words + W * i));
        z[i] = sub64(sign, xor64(z[i], sign));
    }
}

/* Write rows and positions of `count` words, rounded up to whole vectors; the words themselves move into the window. */
INLINE void positions(scratch *s, size_t at, size_t count, int kind, int wide, const oneseed_distribution *what)
{
    if (wide)
        for (size_t i = at; i < at + count; i += W) {
            V64 u = load64(s->words + i), x;
            if (kind == ONESEED_TRUNCATED)
                store64(s->words + i, u = add64(high64(u, set64(what->width)), set64(what->first)));
            store64(s->rows + i, row64(u, &x));
            store64(s->positions + i, x);
        }
    else
        for (size_t i = at; i < at + count; i += 2 * W) {
            uint32_t *word = (uint32_t *)s->words + i;
            V32 u = load32(word), x;
            if (kind == ONESEED_TRUNCATED) {
                u = add32(high32(u, set32((uint32_t)what->width)), set32((uint32_t)what->first));
                store32(word, u);
            }
            store32((uint32_t *)s->rows + i, row32(u, &x));
            store32((uint32_t *)s->positions + i, x);
        }
}

/* Scale, shift and bounds ------------------------------------------------------------------------------------------ */

INLINE F32 finished32(V32 whole, int kind, const oneseed_distribution *what)
{
    F32 x = float_of32(whole), scale = setf32((float)what->scale), value;
    if (what->shifted) {
        const V32 mask = set32(0xFFFFF000u);
        F32 x_high = as_float32(and32(bits32(x), mask)), scale_high = as_float32(and32(bits32(scale), mask));
        value = addf32(setf32((float)what->offset), mulf32(scale_high, x_high));
        value = addf32(value, mulf32(scale_high, subf32(x, x_high)));
        value = addf32(value, mulf32(subf32(scale, scale_high), x_high));
    } else
        value = mulf32(x, scale);
    if (kind != ONESEED_NORMAL)
        value = maxf32(setf32((float)what->low), minf32(value, setf32((float)what->high)));
    return value;
}

INLINE F64 finished64(V64 whole, int kind, const oneseed_distribution *what)
{
    F64 x = float_of64(whole), scale = setf64(what->scale), value;
    if (what->shifted) {
        const V64 mask = set64(~UINT64_C(0) << 27);
        F64 x_high = as_float64(and64(bits64(x), mask)), scale_high = as_float64(and64(bits64(scale), mask));
        value = addf64(setf64(what->offset), mulf64(scale_high, x_high));
        value = addf64(value, mulf64(scale_high, subf64(x, x_high)));
        value = addf64(value, mulf64(subf64(scale, scale_high), x_high));
    } else
        value = mulf64(x, scale);
    if (kind != ONESEED_NORMAL)
        value = maxf64(setf64(what->low), minf64(value, setf64(what->high)));
    return value;
}

#include "narrow.h"

/* Values ----------------------------------------------------------------------------------------------------------- */

INLINE size_t size_of(int dtype)
{
    switch (dtype) {
    case ONESEED_FLOAT64:
    case ONESEED_INT64: return 8;
    case ONESEED_FLOAT32:
    case ONESEED_INT32: return 4;
    case ONESEED_FLOAT16:
    case ONESEED_BFLOAT16:
    case ONESEED_INT16: return 2;
    default: return 1;
    }
}

INLINE V32 integer32(V32 u, const oneseed_distribution *what)
{
    V32 number = what->width >> 32 ? u : high32(u, set32((uint32_t)what->width));
    return add32(number, set32((uint32_t)what->first));
}

/* Write a group of values from place `i` of the scratch memory on, which are made of words of 32 bits. */
INLINE void group32(char *out, const scratch *s, size_t i, int kind, int dtype, const oneseed_distribution *what)
{
    enum { MANY = GROUP / (2 * W) };
    const uint32_t *words = (const uint32_t *)s->words + i;
    V32 z[MANY];
    if (kind == ONESEED_NORMAL || kind == ONESEED_TRUNCATED)
        quantiles32(z, words, (const uint32_t *)s->rows + i, (const uint32_t *)s->positions + i, MANY);
    UNROLL(BESIDE)
    for (int k = 0; k < MANY; k++) {
        const V32 u = load32(words + 2 * W * k);
        if (kind == ONESEED_INTEGERS) {
            z[k] = integer32(u, what);
            continue;
        }
        if (kind == ONESEED_UNIFORM)
            z[k] = sub32(or32(shift_right32(u, 7), set32(1)), set32(1 << 24));
        const F32 value = finished32(z[k], kind, what);
        z[k] = dtype == ONESEED_FLOAT32 ? bits32(value) : narrow(value, dtype);
    }
    UNROLL(BESIDE)
    for (int k = 0; k < MANY; k += 2, out += 4 * W * size_of(dtype)) {
        if (size_of(dtype) == 4)
            store32(out, z[k]), store32(out + 8 * W, z[k + 1]);
        else if (size_of(dtype) == 2)
            store16(out, z[k], z[k + 1]);
        else
            store8(out, z[k], z[k + 1]);
    }
}

INLINE void group64(char *out, const scratch *s, size_t i, int kind, const oneseed_distribution *what)
{
    for (size_t end = i + GROUP; i < end; i += BESIDE * W, out += BESIDE * W * sizeof(double)) {
        V64 z[BESIDE];
        if (kind != ONESEED_UNIFORM)
            quantiles64(z, s->words + i, s->rows + i, s->positions + i);
        UNROLL(BESIDE)
        for (int k = 0; k < BESIDE; k++) {
            if (kind == ONESEED_UNIFORM)
                z[k] = sub64(or64(shift_right64(load64(s->words + i + W * k), 10), set64(1)), set64(UINT64_C(1) << 53));
            storef64((double *)out + W * k, finished64(z[k], kind, what));
        }
    }
}

INLINE void group(char *out, const scratch *s, size_t i, int kind, int dtype, const oneseed_distribution *what)
{
    const uint32_t *words = (const uint32_t *)s->words + i;
    if (kind == ONESEED_WORDS) /* of 64 bits: those of 32 bits are integers */
        memcpy(out, s->words + i, GROUP * sizeof(uint64_t));
    else if (dtype == ONESEED_FLOAT64)
        group64(out, s, i, kind, what);
    else if (dtype == ONESEED_INT64)
        for (int k = 0; k < GROUP; k++) {
            uint64_t number = ((what->width * words[k]) >> 32) + what->first;
            memcpy(out + 8 * k, &number, 8);
        }
    else
        group32(out, s, i, kind, dtype, what);
}

/* Steps ------------------------------------------------------------------------------------------------------------ *
 *
 * Each is a function of its own for all the combinations that it tells apart: calls cost nothing beside a chunk, and
 * the words, by far the most code, are compiled four times only.
 */

STEP void words_of_run32(uint32_t *to, uint64_t block, size_t count, const schedule *s, const char *out, size_t size)
{
    words_of_run((char *)to, block, count, 0, s, out, size);
}

STEP void words_of_run64(uint64_t *to, uint64_t block, size_t count, const schedule *s, const char *out, size_t size)
{
    words_of_run((char *)to, block, count, 1, s, out, size);
}

STEP void positions32(scratch *s, size_t i, size_t count, const oneseed_distribution *what)
{
    if (what->kind == ONESEED_TRUNCATED)
        positions(s, i, count, ONESEED_TRUNCATED, 0, what);
    else
        positions(s, i, count, ONESEED_NORMAL, 0, what);
}

STEP void positions64(scratch *s, size_t i, size_t count, const oneseed_distribution *what)
{
    if (what->kind == ONESEED_TRUNCATED)
        positions(s, i, count, ONESEED_TRUNCATED, 1, what);
    else
        positions(s, i, count, ONESEED_NORMAL, 1, what);
}

/* The combinations of distribution and dtype that there are. */
#define EACH(CASE) \
    FLOATS(CASE, ONESEED_FLOAT32) FLOATS(CASE, ONESEED_FLOAT64) FLOATS(CASE, ONESEED_FLOAT16) \
    FLOATS(CASE, ONESEED_BFLOAT16) FLOATS(CASE, ONESEED_FLOAT8_E4M3FN) FLOATS(CASE, ONESEED_FLOAT8_E5M2) \
    CASE(ONESEED_INTEGERS, ONESEED_INT8) CASE(ONESEED_INTEGERS, ONESEED_INT16) CASE(ONESEED_INTEGERS, ONESEED_INT32) \
    CASE(ONESEED_INTEGERS, ONESEED_INT64) CASE(ONESEED_WORDS, ONESEED_INT64)
#define FLOATS(CASE, dtype) CASE(ONESEED_NORMAL, dtype) CASE(ONESEED_UNIFORM, dtype) CASE(ONESEED_TRUNCATED, dtype)
#define KEY(kind, dtype) ((kind) * ONESEED_DTYPES + (dtype))

INLINE void groups(
    char *out, const scratch *s, size_t i, size_t count, int kind, int dtype, const oneseed_distribution *what)
{
    const size_t size = size_of(dtype);
    for (; count >= GROUP; count -= GROUP, i += GROUP, out += GROUP * size)
        group(out, s, i, kind, dtype, what);
    if (count) {
        ALIGNED char last[GROUP * 8];
        group(last, s, i, kind, dtype, what);
        memcpy(out, last, count * size);
    }
}

#define VALUES(kind, dtype) \
    STEP void values_##kind##_##dtype( \
        char *out, const scratch *s, size_t i, size_t count, const oneseed_distribution *what) \
    { \
        groups(out, s, i, count, kind, dtype, what); \
    }
EACH(VALUES)

/* Write `count` values of the words from place `i` on; up to a whole group there must be words, any ones. */
STEP void convert(char *out, scratch *s, size_t i, size_t count, const oneseed_distribution *what)
{
    const size_t whole = (count + GROUP - 1) / GROUP * GROUP;
    if (what->kind == ONESEED_NORMAL || what->kind == ONESEED_TRUNCATED) {
        if (what->dtype == ONESEED_FLOAT64)
            positions64(s, i, whole, what);
        else
            positions32(s, i, whole, what);
    }
#define CASE(kind, dtype) \
    case KEY(kind, dtype): values_##kind##_##dtype(out, s, i, count, what); break;
    switch (KEY(what->kind, what->dtype)) { EACH(CASE) }
}

static int is_wide(const oneseed_distribution *what)
{
    return what->dtype == ONESEED_FLOAT64 || what->kind == ONESEED_WORDS;
}

/* Runs ------------------------------------------------------------------------------------------------------------ */

#define NAMED(name, kernel) NAMED2(name, kernel)
#define NAMED2(name, kernel) name##_##kernel

TARGET void NAMED(run, KERNEL)(
    char *out, uint64_t first, size_t count, const oneseed_address *at, const oneseed_distribution *what)
{
    const size_t size = oneseed_size(what->dtype);
    const schedule keys = scheduled(at);
    scratch s;
    while (count) {
        const size_t lead = first & 3, part = count < CHUNK - lead ? count : CHUNK - lead;
        const size_t whole = (part + GROUP - 1) / GROUP * GROUP;
        if (is_wide(what))
            words_of_run64(s.words + FRONT - lead, first >> 2, lead + whole, &keys, out, size);
        else
            words_of_run32((uint32_t *)s.words + FRONT - lead, first >> 2, lead + whole, &keys, out, size);
        convert(out, &s, FRONT, part, what);
        out += part * size, first += part, count -= part;
    }
}

#include "columns.h"
#include "reflect.h"
