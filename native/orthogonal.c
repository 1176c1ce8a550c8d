/* Small orthogonal matrices: products of Householder reflections in float64, in an order that docs/stream.md defines. */
#include <math.h>
#include <string.h>

#include "engine.h"

enum {
    LONGEST_SIDE = 2048,
    MOST_ELEMENTS = 1 << 18,
    TOGETHER = 8, /* rows of the field, or vectors, that are at work at the same time */
    WHOLE = 32,   /* columns up to which it is faster to draw what is not used than to leave it out */
    LINE = 8      /* numbers of a cache line */
};

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Numbers from one vector to the next: not a power of two, for which a cache has few places. */
static size_t apart_for(size_t length) { return (length + LINE - 1) / LINE * LINE + LINE; }

size_t oneseed_orthogonal_room(size_t rows, size_t columns)
{
    const size_t m = rows < columns ? columns : rows, n = least(rows, columns);
    if (m > LONGEST_SIDE || m * n > MOST_ELEMENTS)
        return 0;
    return LINE + TILE_MOST * m + n * apart_for(m) + 2 * n + TOGETHER * n;
}

/* The elements of the vectors x_k from element k on, each vector in a row. In the field the vectors are columns of a tall
 * matrix, and rows of a wide one. */
static void draw_vectors(double *vectors, size_t apart, size_t m, size_t n, int wide, uint64_t first,
    const oneseed_address *at, double *room)
{
    oneseed_distribution normal;
    oneseed_normal(&normal, ONESEED_FLOAT64, 0.0, 1.0);
    if (wide) {
        for (size_t k = 0; k < n; k++)
            oneseed_fill(vectors + k * apart + k, first + k * m + k, m - k, at, &normal);
        return;
    }
    for (size_t top = 0; top < m; top += TOGETHER) {
        const size_t high = least(TOGETHER, m - top), width = least(n, top + high);
        if (n <= WHOLE)
            oneseed_fill(room, first + top * n, high * n, at, &normal);
        else
            for (size_t i = 0; i < high; i++)
                oneseed_fill(room + i * n, first + (top + i) * n, width, at, &normal);
        for (size_t k = 0; k < width; k++)
            for (size_t i = 0; i < high; i++)
                vectors[k * apart + top + i] = room[i * n + k];
    }
}

/* Make the vectors v_k of the x_k, their factors, and the numbers that the columns are multiplied by at the end. */
static void make_reflections(reflections *r, size_t m, size_t n, double gain, double *scales)
{
    for (size_t begin = 0; begin < n; begin += TOGETHER) {
        const size_t count = least(TOGETHER, n - begin);
        double sums[TOGETHER];
        double *x = r->vectors + begin * r->apart;
        for (size_t j = 0; j < count; j++) { /* up to where all have begun */
            sums[j] = 0.0;
            for (size_t i = begin + j; i < begin + count; i++)
                sums[j] += x[j * r->apart + i] * x[j * r->apart + i];
        }
        for (size_t i = begin + count; i < m; i++)
            for (size_t j = 0; j < count; j++)
                sums[j] += x[j * r->apart + i] * x[j * r->apart + i];
        for (size_t j = 0; j < count; j++) {
            double *head = x + j * r->apart + begin + j;
            const double norm = sqrt(sums[j]), sign = copysign(1.0, *head), square = norm * (norm + fabs(*head));
            *head += sign * norm;
            r->factors[begin + j] = square > 0.0 ? 1.0 / square : 0.0;
            scales[begin + j] = -sign * gain;
        }
    }
}

/* Make the vectors of complex numbers, of which a row is two rows of real ones. In each pair of vectors there are the real
 * and the imaginary parts; they become v_k, turned so that its first element is real, and i v_k. */
static void make_complex_reflections(reflections *r, size_t m, size_t n, double gain, double *scales)
{
    for (size_t k = 0; k < n; k++) {
        double *first = r->vectors + 2 * k * r->apart, *second = first + r->apart, sum = 0.0;
        for (size_t i = k; i < m; i++) {
            sum += first[i] * first[i];
            sum += second[i] * second[i];
        }
        const double x = first[k], y = second[k], norm = sqrt(sum), size = sqrt(x * x + y * y);
        const double square = norm * (norm + size);
        const double c = size > 0.0 ? x / size : 1.0, s = size > 0.0 ? y / size : 0.0;
        for (size_t i = m - 1; i > k; i--) { /* from the end, since a pair takes the places of later ones */
            const double a = first[i], b = second[i], real = c * a + s * b, imaginary = c * b - s * a;
            first[2 * i] = real, first[2 * i + 1] = imaginary;
            second[2 * i] = -imaginary, second[2 * i + 1] = real;
        }
        first[2 * k] = second[2 * k + 1] = size + norm;
        first[2 * k + 1] = 0.0;
        r->factors[2 * k] = r->factors[2 * k + 1] = square > 0.0 ? 1.0 / square : 0.0;
        scales[2 * k] = -c * gain, scales[2 * k + 1] = -s * gain;
    }
}

static void write_complex_tile(char *out, int dtype, const double *tile, size_t apart, size_t rows, size_t columns,
    ptrdiff_t down, ptrdiff_t across, const double *scales)
{
    for (size_t i = 0; i < rows; i++, out += down, tile += 2 * apart)
        for (size_t j = 0; j < columns; j++) {
            const double a = tile[j], b = tile[apart + j], c = scales[2 * j], s = scales[2 * j + 1];
            const double wide[2] = {a * c - b * s, a * s + b * c};
            const float narrow[2] = {(float)wide[0], (float)wide[1]};
            if (dtype == ONESEED_FLOAT64)
                memcpy(out + (ptrdiff_t)j * across, wide, sizeof wide);
            else
                memcpy(out + (ptrdiff_t)j * across, narrow, sizeof narrow);
        }
}

static void write_tile(char *out, int dtype, const double *tile, size_t apart, size_t rows, size_t columns, ptrdiff_t down,
    ptrdiff_t across, const double *scales)
{
    for (size_t i = 0; i < rows; i++, out += down, tile += apart) {
        double wide[TILE_MOST];
        float narrow[TILE_MOST];
        for (size_t j = 0; j < columns; j++)
            wide[j] = tile[j] * scales[j];
        if (dtype == ONESEED_FLOAT64) {
            for (size_t j = 0; j < columns; j++)
                memcpy(out + (ptrdiff_t)j * across, wide + j, sizeof *wide);
            continue;
        }
        for (size_t j = 0; j < columns; j++)
            narrow[j] = (float)wide[j];
        for (size_t j = 0; j < columns; j++)
            memcpy(out + (ptrdiff_t)j * across, narrow + j, sizeof *narrow);
    }
}

/* The matrix of `imaginary`, where there is one, is complex: `each` is 2 then, else 1. */
static int write_matrix(void *out, int dtype, size_t rows, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    double gain, uint64_t first, const oneseed_address *at, const oneseed_address *imaginary, double *room)
{
    const int wide = rows < columns;
    const size_t m = wide ? columns : rows, n = wide ? rows : columns, each = imaginary ? 2 : 1;
    if ((dtype != ONESEED_FLOAT32 && dtype != ONESEED_FLOAT64) || m > LONGEST_SIDE ||
        !oneseed_orthogonal_room(each * m, each * n))
        return -1;
    const kernel *k = current();
    double *tile = room + (LINE - (uintptr_t)room / sizeof *room % LINE) % LINE;
    reflections r = {.vectors = tile + k->tile * each * m, .apart = apart_for(each * m)};
    r.factors = r.vectors + each * n * r.apart;
    double *scales = r.factors + each * n, *rest = scales + each * n;
    draw_vectors(r.vectors, each * r.apart, m, n, wide, first, at, rest);
    if (imaginary) {
        draw_vectors(r.vectors + r.apart, each * r.apart, m, n, wide, first, imaginary, rest);
        make_complex_reflections(&r, m, n, gain, scales);
    } else
        make_reflections(&r, m, n, gain, scales);
    const ptrdiff_t down = wide ? column_stride : row_stride, across = wide ? row_stride : column_stride;
    for (size_t left = 0; left < n; left += k->tile) {
        const size_t width = least(k->tile, n - left);
        memset(tile, 0, k->tile * each * m * sizeof *tile);
        for (size_t j = 0; j < width; j++)
            tile[each * (left + j) * k->tile + j] = 1.0;
        /* Further reflections leave these columns of the identity as they are. */
        k->reflect(tile, each * m, &r, each * (left + width));
        (imaginary ? write_complex_tile : write_tile)(
            (char *)out + (ptrdiff_t)left * across, dtype, tile, k->tile, m, width, down, across, scales + each * left);
    }
    return 0;
}

int oneseed_orthogonal(void *out, int dtype, size_t rows, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    double gain, uint64_t first, const oneseed_address *at, double *room)
{
    return write_matrix(out, dtype, rows, columns, row_stride, column_stride, gain, first, at, NULL, room);
}

int oneseed_unitary(void *out, int dtype, size_t rows, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    double gain, uint64_t first, const oneseed_address *real, const oneseed_address *imaginary, double *room)
{
    return write_matrix(out, dtype, rows, columns, row_stride, column_stride, gain, first, real, imaginary, room);
}
