/* Words, streams and distributions, one at a time: what prepares a draw. docs/stream.md defines them. */
#include "engine.h"

#include <float.h>
#include <math.h>
#include <string.h>

uint32_t oneseed_word(const oneseed_address *at, uint64_t index, int plane)
{
    uint32_t c[4] = {(uint32_t)(index >> 2), (uint32_t)(index >> 34) | (uint32_t)plane << 29, (uint32_t)at->stream,
        (uint32_t)(at->stream >> 32)};
    uint32_t k0 = (uint32_t)at->seed, k1 = (uint32_t)(at->seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t product0 = UINT64_C(0xD2511F53) * c[0], product1 = UINT64_C(0xCD9E8D57) * c[2];
        c[0] = (uint32_t)(product1 >> 32) ^ c[1] ^ k0, c[1] = (uint32_t)product1;
        c[2] = (uint32_t)(product0 >> 32) ^ c[3] ^ k1, c[3] = (uint32_t)product0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return c[index & 3];
}

/* BLAKE2b with a digest of 8 bytes (RFC 7693) ---------------------------------------------------------------------- */

typedef struct {
    uint64_t h[8], length;
    unsigned char block[128];
    size_t filled;
} blake2b;

static const uint64_t blake2b_iv[8] = {0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179};

static const unsigned char blake2b_order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t turned_right(uint64_t x, int n) { return x >> n | x << (64 - n); }

static void blake2b_mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x, v[d] = turned_right(v[d] ^ v[a], 32);
    v[c] += v[d], v[b] = turned_right(v[b] ^ v[c], 24);
    v[a] += v[b] + y, v[d] = turned_right(v[d] ^ v[a], 16);
    v[c] += v[d], v[b] = turned_right(v[b] ^ v[c], 63);
}

static void blake2b_compress(blake2b *b, int last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++) {
        m[i] = 0;
        for (int byte = 7; byte >= 0; byte--)
            m[i] = m[i] << 8 | b->block[8 * i + byte];
        v[i] = i < 8 ? b->h[i] : blake2b_iv[i - 8];
    }
    v[12] ^= b->length; /* paths are shorter than 2**64 bytes */
    if (last)
        v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const unsigned char *s = blake2b_order[round % 10];
        for (int i = 0; i < 4; i++)
            blake2b_mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
        for (int i = 0; i < 4; i++)
            blake2b_mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
    for (int i = 0; i < 8; i++)
        b->h[i] ^= v[i] ^ v[8 + i];
}

static void blake2b_add(blake2b *b, const void *data, size_t size)
{
    const unsigned char *from = data;
    while (size) {
        if (b->filled == sizeof b->block) { /* only when more follows: the last block is marked */
            b->length += b->filled;
            blake2b_compress(b, 0);
            b->filled = 0;
        }
        const size_t room = sizeof b->block - b->filled, part = size < room ? size : room;
        memcpy(b->block + b->filled, from, part);
        b->filled += part, from += part, size -= part;
    }
}

static void add_number(blake2b *b, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    blake2b_add(b, bytes, 8);
}

uint64_t oneseed_stream(const oneseed_part *parts, size_t count)
{
    if (count == 0)
        return 0;
    blake2b b = {.length = 0, .filled = 0};
    memcpy(b.h, blake2b_iv, sizeof b.h);
    b.h[0] ^= 0x01010000 ^ 8;
    for (size_t i = 0; i < count; i++) {
        blake2b_add(&b, parts[i].text ? "s" : "i", 1);
        add_number(&b, parts[i].text ? parts[i].length : 8);
        if (parts[i].text)
            blake2b_add(&b, parts[i].text, parts[i].length);
        else
            add_number(&b, parts[i].number);
    }
    b.length += b.filled;
    memset(b.block + b.filled, 0, sizeof b.block - b.filled);
    blake2b_compress(&b, 1);
    return b.h[0];
}

/* Samples of single random integers -------------------------------------------------------------------------------- */

static uint64_t high64_of(uint64_t a, uint64_t b)
{
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    return a1 * b1 + (middle >> 32) + (((middle & 0xFFFFFFFFu) + a0 * b1) >> 32);
}

int32_t oneseed_quantile32(uint32_t u)
{
    const uint32_t sign = UINT32_C(0) - (u >> 31);
    const float tail = (float)(int32_t)((u ^ sign) | 1);
    uint32_t bits;
    memcpy(&bits, &tail, 4);
    const uint32_t *c = oneseed_table32[(bits >> 19) - (127 << 4)], x = ~(bits << 13);
    uint32_t z = c[3];
    for (int j = 2; j >= 0; j--)
        z = c[j] + (uint32_t)((uint64_t)z * x >> 32);
    return (int32_t)(sign - (z ^ sign));
}

int64_t oneseed_quantile64(uint64_t u)
{
    const uint64_t sign = UINT64_C(0) - (u >> 63);
    const double tail = (double)(int64_t)((u ^ sign) | 1);
    uint64_t bits;
    memcpy(&bits, &tail, 8);
    const uint64_t *c = oneseed_table64[(bits >> 47) - (1023 << 5)], x = ~(bits << 17);
    uint64_t z = c[7];
    for (int j = 6; j >= 0; j--)
        z = c[j] + high64_of(z, x);
    return (int64_t)(sign - (z ^ sign));
}

/* Distributions ---------------------------------------------------------------------------------------------------- */

size_t oneseed_size(int dtype)
{
    static const unsigned char sizes[ONESEED_DTYPES] = {4, 8, 2, 2, 1, 1, 1, 2, 4, 8};
    return dtype >= 0 && dtype < ONESEED_DTYPES ? sizes[dtype] : 0;
}

/* What decides how a number is rounded to a float dtype: its fraction bits, its smallest normal exponent, its largest
 * number, and whether it is rounded to float32 first. */
typedef struct {
    int fraction, least;
    double largest;
    int by_float32;
} format;

static const format formats[] = {
    [ONESEED_FLOAT32] = {23, -126, FLT_MAX, 0},
    [ONESEED_FLOAT64] = {52, -1022, DBL_MAX, 0},
    [ONESEED_FLOAT16] = {10, -14, 65504.0, 0},
    [ONESEED_BFLOAT16] = {7, -126, 0x1.FEp127, 1},
    [ONESEED_FLOAT8_E4M3FN] = {3, -6, 448.0, 1},
    [ONESEED_FLOAT8_E5M2] = {2, -14, 57344.0, 1},
};

static int is_real(int dtype) { return dtype >= ONESEED_FLOAT32 && dtype <= ONESEED_FLOAT8_E5M2; }
static int is_float8(int dtype) { return dtype == ONESEED_FLOAT8_E4M3FN || dtype == ONESEED_FLOAT8_E5M2; }

static double working(double x, int dtype)
{
    /* Through memory: GCC 12 leaves out the rounding where it makes vectors of the fields of a distribution. */
    const volatile float single = (float)x;
    return dtype == ONESEED_FLOAT64 ? x : single;
}

/* The distance of the numbers of a format around x. */
static double unit(double x, const format *f)
{
    int exponent;
    frexp(x, &exponent);
    exponent = x == 0 || exponent - 1 < f->least ? f->least : exponent - 1;
    return ldexp(1.0, exponent - f->fraction);
}

/* The nearest number of a format, ties to even; infinite beyond the largest. */
static double rounded(double x, const format *f)
{
    if (f->fraction == 52)
        return x;
    if (f->by_float32)
        x = working(x, ONESEED_FLOAT32);
    const double step = unit(x, f), whole = x / step; /* exact, and below 2**53 / 2 for the narrow formats */
    double nearest = floor(whole);
    const double rest = whole - nearest;
    nearest += rest > 0.5 || (rest == 0.5 && fmod(nearest, 2.0) != 0);
    nearest = copysign(nearest * step, x);
    return fabs(nearest) > f->largest ? copysign(INFINITY, x) : nearest;
}

/* The largest number of a format below x. */
static double below(double x, const format *f)
{
    if (f->fraction == 52)
        return nextafter(x, -DBL_MAX);
    if (x > 0) {
        const double less = x - unit(x, f);
        return unit(less, f) < unit(x, f) ? x - unit(less, f) : less; /* x is a power of two */
    }
    return x - unit(x, f);
}

static int refused(int dtype, double beyond)
{
    return !is_real(dtype) || !isfinite(beyond) || !isfinite(rounded(beyond, formats + dtype));
}

/* A bound of a distribution: 8 bits are rounded to last. */
static double bound(double x, int dtype) { return is_float8(dtype) ? working(x, dtype) : rounded(x, formats + dtype); }

int oneseed_normal(oneseed_distribution *to, int dtype, double mean, double stddev)
{
    /* The farthest samples are 6.23 and 9.08 standard deviations away. */
    const double far = dtype == ONESEED_FLOAT64 ? 9.09 : 6.24;
    if (!(stddev >= 0) || refused(dtype, fabs(mean) + far * stddev))
        return -1;
    const oneseed_distribution made = {.kind = ONESEED_NORMAL,
        .dtype = dtype,
        .scale = ldexp(working(stddev, dtype), dtype == ONESEED_FLOAT64 ? -59 : -28),
        .offset = working(mean, dtype),
        .shifted = working(mean, dtype) != 0};
    *to = made;
    to->scale = working(to->scale, dtype);
    return 0;
}

int oneseed_truncated(
    oneseed_distribution *to, int dtype, double mean, double stddev, double lower, double upper, const uint64_t *window)
{
    static const uint64_t two[2][2] = {{97711073u, 4099545150u}, {419665861691185127u, 17607412350327181362u}};
    if (!window && (lower != -2 || upper != 2))
        return -1;
    if (!(lower < upper) || refused(dtype, fabs(mean) + (-lower > upper ? -lower : upper) * stddev) ||
        oneseed_normal(to, dtype, mean, 0) || !(stddev >= 0))
        return -1;
    const uint64_t *used = window ? window : two[dtype == ONESEED_FLOAT64];
    to->kind = ONESEED_TRUNCATED;
    to->scale = working(ldexp(working(stddev, dtype), dtype == ONESEED_FLOAT64 ? -59 : -28), dtype);
    to->low = bound(mean + lower * stddev, dtype), to->high = bound(mean + upper * stddev, dtype);
    to->first = used[0], to->width = used[1];
    return 0;
}

int oneseed_uniform(oneseed_distribution *to, int dtype, double low, double high)
{
    if (!(low <= high) || refused(dtype, low) || refused(dtype, high) || !isfinite(high - low) || !isfinite(high + low))
        return -1;
    const double half = working((high - low) / 2, dtype), centre = working((high + low) / 2, dtype);
    const oneseed_distribution made = {.kind = ONESEED_UNIFORM,
        .dtype = dtype,
        .scale = working(ldexp(half, dtype == ONESEED_FLOAT64 ? -53 : -24), dtype),
        .offset = centre,
        .shifted = centre != 0,
        .low = bound(low, dtype),
        .high = below(rounded(high, formats + dtype), formats + dtype)};
    *to = made;
    return 0;
}

static int whole(oneseed_distribution *to, int kind, int dtype, uint64_t low, uint64_t count)
{
    const oneseed_distribution made = {.kind = kind, .dtype = dtype, .first = low, .width = count};
    *to = made;
    return 0;
}

/* Whether all of some integers are among the unsigned ones of a dtype, or all among the signed ones. */
static int held(int dtype, uint64_t low, uint64_t count)
{
    if (dtype == ONESEED_INT64)
        return 1;
    const uint64_t all = UINT64_C(1) << 8 * oneseed_size(dtype), from_least = low + all / 2;
    return (low < all && count <= all - low) || (from_least < all && count <= all - from_least);
}

int oneseed_integers(oneseed_distribution *to, int dtype, uint64_t low, uint64_t count)
{
    if (dtype < ONESEED_INT8 || dtype > ONESEED_INT64 || count < 1 || count > UINT64_C(1) << 32 ||
        !held(dtype, low, count))
        return -1;
    return whole(to, ONESEED_INTEGERS, dtype, low, count);
}

int oneseed_words(oneseed_distribution *to, int dtype)
{
    if (dtype == ONESEED_INT32)
        return oneseed_integers(to, dtype, 0, UINT64_C(1) << 32);
    return dtype == ONESEED_INT64 ? whole(to, ONESEED_WORDS, dtype, 0, 0) : -1;
}
