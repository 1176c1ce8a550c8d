/* What the parts of the library share. */
#ifndef ONESEED_ENGINE_H
#define ONESEED_ENGINE_H

#include <float.h>

#include "oneseed.h"

#if FLT_EVAL_METHOD == 2 || FLT_EVAL_METHOD < 0
#error "doubles must be rounded to 64 bits after each operation: on 32-bit x86, compile with -msse2 -mfpmath=sse"
#endif
#ifdef __FAST_MATH__
#error "the order of operations decides the bits: compile without -ffast-math, or with -fno-fast-math behind it"
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#pragma fp_contract(off) /* what -ffp-contract=off is to the others */
#define ALIGNED __declspec(align(64))
#define INLINE static __forceinline
#define STEP static __declspec(noinline)
#define UNROLL(n)
#define PREFETCH(memory)
#else
#define ALIGNED _Alignas(64)
#define INLINE TARGET static inline __attribute__((always_inline))
#define STEP TARGET static __attribute__((noinline))
#define PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define UNROLL(n) PRAGMA(clang loop unroll(full))
#else
#define UNROLL(n) PRAGMA(GCC unroll n)
#endif
#define PREFETCH(memory) __builtin_prefetch(memory, 1)
#endif

/* GCC for Windows does not align the stack for wide vectors. */
#if defined(__x86_64__) && defined(__GNUC__) && (defined(__clang__) || !defined(_WIN32))
#define HAS_X86
#elif defined(__aarch64__) && defined(__ARM_NEON) && defined(__ORDER_LITTLE_ENDIAN__) && \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HAS_NEON
#endif

enum {
    CHUNK_SIZE = 1024,    /* values of a run made at once; a multiple of every kernel's group */
    COLUMNS_SPACE = 1152, /* words of 64 bits, or pairs of those of 32, that the scratch memory of columns holds */
    ROWS_AT_ONCE = 512,   /* the most rows that are made together */
    TILE_MOST = 16        /* the most columns of a tile of an orthogonal matrix */
};

/* Rows of elements that are made together, a column at a time. */
typedef struct {
    char *const *places;    /* where each row begins in memory */
    const uint64_t *starts; /* the index of each row's first element */
    size_t rows, columns;
    ptrdiff_t apart; /* bytes from one column to the next */
    int joined;      /* whether the elements of a column are side by side in memory */
} rows_of_columns;

/* Reflections: vectors, each one's elements from its own number on, and what the sums are multiplied by. */
typedef struct {
    double *vectors, *factors;
    size_t apart; /* from one vector to the next */
} reflections;

typedef struct {
    const char *name;
    void (*run)(char *out, uint64_t first, size_t count, const oneseed_address *at, const oneseed_distribution *what);
    void (*columns)(const rows_of_columns *r, const oneseed_address *at, const oneseed_distribution *what);
    void (*reflect)(double *tile, size_t rows, const reflections *r, size_t count);
    size_t tile; /* columns that are reflected together */
} kernel;

#define KERNEL_FUNCTIONS(name) \
    void run_##name( \
        char *out, uint64_t first, size_t count, const oneseed_address *at, const oneseed_distribution *what); \
    void columns_##name(const rows_of_columns *r, const oneseed_address *at, const oneseed_distribution *what); \
    void reflect_##name(double *tile, size_t rows, const reflections *r, size_t count)

KERNEL_FUNCTIONS(portable);
#ifdef HAS_X86
KERNEL_FUNCTIONS(avx512);
KERNEL_FUNCTIONS(avx2);
#endif
#ifdef HAS_NEON
KERNEL_FUNCTIONS(neon);
#endif

/* The kernel in use. */
const kernel *current(void);

/* A block of a tensor, its axes joined and sorted, cut into pieces that threads can write. */
typedef struct {
    char *memory;
    uint64_t first;
    size_t rows, columns; /* of all */
    ptrdiff_t apart;      /* bytes from one column to the next */
    int way;              /* how rows are written */
    size_t high, wide;    /* rows and columns of a piece */
    size_t across, pieces;
    oneseed_address at;
    oneseed_distribution what;
    int axes; /* of rows */
    size_t sizes[ONESEED_AXES];
    ptrdiff_t strides[ONESEED_AXES];
    uint64_t steps[ONESEED_AXES];
} plan;

/* Prepare a block; 0, or -1 where there are too many axes. A piece has about `limit` elements. */
int planned(plan *p, void *out, int axes, const size_t *sizes, const ptrdiff_t *strides, const uint64_t *steps,
    uint64_t first, const oneseed_address *at, const oneseed_distribution *what);
void cut(plan *p, size_t limit);
void write_piece(const plan *p, size_t piece);

#endif
