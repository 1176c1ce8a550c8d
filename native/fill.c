/* Which kernel runs, and how blocks of any layout become runs and columns for it. */
#include "engine.h"

#include <string.h>

/* Kernels, the best first. */
static const kernel kernels[] = {
#ifdef HAS_X86
    {"avx512", run_avx512, columns_avx512, reflect_avx512, 16},
    {"avx2", run_avx2, columns_avx2, reflect_avx2, 16},
#endif
#ifdef HAS_NEON
    {"neon", run_neon, columns_neon, reflect_neon, 8},
#endif
    {"portable", run_portable, columns_portable, reflect_portable, 8},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static int supported(int k)
{
#ifdef HAS_X86
    __builtin_cpu_init();
    if (k == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (k == 1)
        return __builtin_cpu_supports("avx2");
#endif
    (void)k;
    return 1;
}

/* If two threads call this first at the same time, both store the same pointer. */
static const kernel *volatile chosen;

const kernel *current(void)
{
    const kernel *now = chosen;
    if (!now) {
        int k = 0;
        while (!supported(k))
            k++;
        chosen = now = kernels + k;
    }
    return now;
}

const char *oneseed_kernel(void) { return current()->name; }

const char *oneseed_kernel_name(int which)
{
    for (int k = 0; k < KERNELS; k++)
        if (supported(k) && which-- == 0)
            return kernels[k].name;
    return NULL;
}

int oneseed_use_kernel(const char *name)
{
    for (int k = 0; k < KERNELS; k++)
        if (supported(k) && strcmp(kernels[k].name, name) == 0) {
            chosen = kernels + k;
            return 0;
        }
    return -1;
}

void oneseed_fill(void *out, uint64_t first, size_t count, const oneseed_address *at, const oneseed_distribution *what)
{
    current()->run(out, first, count, at, what);
}

/* Blocks ----------------------------------------------------------------------------------------------------------- */

enum {
    LINES,     /* rows that are contiguous, each in one run */
    SCATTERED, /* rows in one run, from which elements go to their places */
    COLUMNS    /* many rows together, a column at a time */
};

enum {
    FEW = 8,   /* rows below which those of a vector would mostly be empty */
    LONG = 48, /* columns above which a run of its own is worth its cost */
    WIDE = 32  /* columns that are made together, where there are many rows */
};

static ptrdiff_t magnitude(ptrdiff_t x) { return x < 0 ? -x : x; }

static void put_axis(plan *p, int axis, size_t size, ptrdiff_t stride, uint64_t step)
{
    p->sizes[axis] = size, p->strides[axis] = stride, p->steps[axis] = step;
}

/* Insert an axis before those that `later` finds smaller. */
#define INSERT(p, last, size, stride, step, later) \
    do { \
        int axis = last; \
        for (; axis > 0 && (later); axis--) \
            put_axis(p, axis, p->sizes[axis - 1], p->strides[axis - 1], p->steps[axis - 1]); \
        put_axis(p, axis, size, stride, step); \
    } while (0)

int planned(plan *p, void *out, int axes, const size_t *sizes, const ptrdiff_t *strides, const uint64_t *steps,
    uint64_t first, const oneseed_address *at, const oneseed_distribution *what)
{
    const ptrdiff_t size = (ptrdiff_t)oneseed_size(what->dtype);
    if (axes < 0 || axes > ONESEED_AXES)
        return -1;
    p->memory = out, p->first = first, p->at = *at, p->what = *what;
    p->rows = p->columns = 1;
    int n = 0;
    for (int k = 0; k < axes; k++) {
        if (sizes[k] == 0)
            p->rows = 0;
        if (sizes[k] > 1) { /* in the order of their steps, the largest first */
            INSERT(p, n, sizes[k], strides[k], steps[k], p->steps[axis - 1] < steps[k]);
            n++;
        }
    }
    int kept = 0; /* axes that run on into each other are one */
    for (int k = 0; k < n; k++) {
        const size_t extent = p->sizes[k];
        if (kept && p->steps[kept - 1] == p->steps[k] * extent &&
            p->strides[kept - 1] == p->strides[k] * (ptrdiff_t)extent)
            put_axis(p, kept - 1, p->sizes[kept - 1] * extent, p->strides[k], p->steps[k]);
        else
            put_axis(p, kept++, extent, p->strides[k], p->steps[k]);
    }
    p->apart = size;
    if (kept && p->steps[kept - 1] == 1) {
        kept--;
        p->columns = p->sizes[kept], p->apart = p->strides[kept];
    }
    p->axes = 0;
    for (int k = 0; k < kept; k++) { /* the rows as they lie in memory */
        const size_t extent = p->sizes[k];
        const ptrdiff_t stride = p->strides[k];
        const uint64_t step = p->steps[k];
        INSERT(p, p->axes, extent, stride, step, magnitude(p->strides[axis - 1]) < magnitude(stride));
        p->axes++, p->rows *= extent;
    }
    const int joined = p->axes && p->strides[p->axes - 1] == size;
    if (p->apart == size)
        p->way = p->columns > LONG || p->rows < FEW ? LINES : COLUMNS;
    else
        p->way = (p->columns > LONG && !joined) || p->rows < FEW ? SCATTERED : COLUMNS;
    return 0;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t pieces_of(size_t extent, size_t each) { return (extent + each - 1) / each; }

void cut(plan *p, size_t limit)
{
    p->wide = least(p->columns, limit);
    if (p->way == COLUMNS) {
        p->wide = least(p->columns, WIDE);
        /* A few rows leave room for more columns. */
        if (p->rows < 32)
            p->wide = least(p->columns, 512 / 32 * WIDE / p->rows / 4 * 4);
    }
    p->high = least(p->rows, limit / p->wide ? limit / p->wide : 1);
    p->across = pieces_of(p->columns, p->wide);
    p->pieces = p->rows ? p->across * pieces_of(p->rows, p->high) : 0;
}

/* A position in the rows. */
typedef struct {
    size_t at[ONESEED_AXES];
    char *place;
    uint64_t start;
} cursor;

static void seek(cursor *c, const plan *p, size_t row)
{
    c->place = p->memory, c->start = p->first;
    for (int k = p->axes - 1; k >= 0; k--) {
        c->at[k] = row % p->sizes[k], row /= p->sizes[k];
        c->place += (ptrdiff_t)c->at[k] * p->strides[k], c->start += c->at[k] * p->steps[k];
    }
}

static void next_row(cursor *c, const plan *p)
{
    for (int k = p->axes - 1; k >= 0; k--) {
        if (++c->at[k] < p->sizes[k]) {
            c->place += p->strides[k], c->start += p->steps[k];
            return;
        }
        c->at[k] = 0;
        c->place -= (ptrdiff_t)(p->sizes[k] - 1) * p->strides[k], c->start -= (p->sizes[k] - 1) * p->steps[k];
    }
}

static void write_scattered(const plan *p, const kernel *k, char *place, uint64_t start, size_t columns)
{
    enum { ROOM = 1024 };
    ALIGNED char values[ROOM * 8];
    const size_t size = oneseed_size(p->what.dtype);
    for (size_t done = 0; done < columns; done += ROOM) {
        const size_t part = least(ROOM, columns - done);
        k->run(values, start + done, part, &p->at, &p->what);
#define WRITE(n) \
    case n: \
        for (size_t i = 0; i < part; i++, place += p->apart) \
            memcpy(place, values + n * i, n); \
        break;
        switch (size) { WRITE(1) WRITE(2) WRITE(4) WRITE(8) }
    }
}

/* Where the next rows begin, as many of them as lie along the last axis, at most `most`; the cursor moves on. */
static size_t find_rows(cursor *c, const plan *p, size_t most, char **places, uint64_t *starts)
{
    const int last = p->axes - 1; /* there is one: a few rows are not written by columns */
    const size_t found = least(p->sizes[last] - c->at[last], most);
    for (size_t k = 0; k < found; k++)
        places[k] = c->place + (ptrdiff_t)k * p->strides[last], starts[k] = c->start + k * p->steps[last];
    c->at[last] += found - 1, c->place = places[found - 1], c->start = starts[found - 1];
    next_row(c, p);
    return found;
}

static void write_columns(const plan *p, const kernel *k, cursor *c, size_t rows, size_t columns)
{
    char *places[ROWS_AT_ONCE];
    uint64_t starts[ROWS_AT_ONCE];
    const size_t words = (columns + 6) / 4 * 4; /* with those of the blocks at both ends */
    const size_t space = oneseed_size(p->what.dtype) == 8 ? COLUMNS_SPACE : 2 * COLUMNS_SPACE;
    const size_t most = least(space / words / 16 * 16, ROWS_AT_ONCE);
    rows_of_columns r = {.places = places, .starts = starts, .columns = columns, .apart = p->apart};
    const ptrdiff_t size = (ptrdiff_t)oneseed_size(p->what.dtype);
    for (; rows; rows -= r.rows) {
        r.rows = least(rows, most), r.joined = 1;
        for (size_t row = 0, end; row < r.rows; row = end) {
            end = row + find_rows(c, p, r.rows - row, places + row, starts + row);
            r.joined &= places[row] == places[0] + (ptrdiff_t)row * size;
            r.joined &= places[end - 1] == places[0] + (ptrdiff_t)(end - 1) * size;
        }
        k->columns(&r, &p->at, &p->what);
    }
}

void write_piece(const plan *p, size_t piece)
{
    const kernel *k = current();
    const size_t top = piece / p->across * p->high, left = piece % p->across * p->wide;
    const size_t rows = least(p->high, p->rows - top), columns = least(p->wide, p->columns - left);
    cursor c;
    seek(&c, p, top);
    c.place += (ptrdiff_t)left * p->apart, c.start += left;
    if (p->way == COLUMNS) {
        write_columns(p, k, &c, rows, columns);
        return;
    }
    for (size_t row = 0; row < rows; row++, next_row(&c, p)) {
        if (p->way == LINES)
            k->run(c.place, c.start, columns, &p->at, &p->what);
        else
            write_scattered(p, k, c.place, c.start, columns);
    }
}

int oneseed_write(void *out, int axes, const size_t *sizes, const ptrdiff_t *strides, const uint64_t *steps,
    uint64_t first, const oneseed_address *at, const oneseed_distribution *what)
{
    plan p;
    if (planned(&p, out, axes, sizes, strides, steps, first, at, what))
        return -1;
    cut(&p, 1 << 16);
    for (size_t piece = 0; piece < p.pieces; piece++)
        write_piece(&p, piece);
    return 0;
}
