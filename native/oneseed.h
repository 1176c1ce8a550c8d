/* Stream v1 of oneseed in C: one seed, the same values everywhere, bit for bit.
 *
 * docs/stream.md defines the values; this header is the way to them from C and from every language that can call C.
 * The Makefile beside it builds the library and checks it against the known answers. It needs a C11 compiler, nothing else,
 * and no call allocates memory, keeps state or fails once its arguments have been accepted. Every function may be
 * called from any number of threads.
 *
 *     oneseed_distribution normal;
 *     oneseed_address at = {7, 0};
 *     float weights[1000];
 *     if (oneseed_normal(&normal, ONESEED_FLOAT32, 0.0, 0.02) == 0)
 *         oneseed_fill(weights, 0, 1000, &at, &normal);
 */
#ifndef ONESEED_H
#define ONESEED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where values come from: the seed, and the number of the stream that `oneseed_stream` makes of a path. */
typedef struct {
    uint64_t seed, stream;
} oneseed_address;

/* The dtypes of values. Signed and unsigned integers of a size have the same bits. */
enum oneseed_dtype {
    ONESEED_FLOAT32,
    ONESEED_FLOAT64,
    ONESEED_FLOAT16,
    ONESEED_BFLOAT16,
    ONESEED_FLOAT8_E4M3FN,
    ONESEED_FLOAT8_E5M2,
    ONESEED_INT8,
    ONESEED_INT16,
    ONESEED_INT32,
    ONESEED_INT64,
    ONESEED_DTYPES
};

enum oneseed_kind { ONESEED_NORMAL, ONESEED_UNIFORM, ONESEED_TRUNCATED, ONESEED_INTEGERS, ONESEED_WORDS, ONESEED_KINDS };

/* A distribution prepared for one dtype. The functions below write it; its layout is part of the interface. */
typedef struct {
    int32_t kind, dtype;
    int32_t shifted; /* whether there is an offset */
    int32_t reserved;
    double scale, offset, low, high; /* of dtypes other than float64 these are float32 numbers, which are exact here */
    uint64_t first, width;           /* the window of a truncated normal, or the least integer and their number */
} oneseed_distribution;

/* Words and streams ------------------------------------------------------------------------------------------------ */

/* The 32 random bits of an element; plane 0 or 1. */
uint32_t oneseed_word(const oneseed_address *at, uint64_t index, int plane);

/* One part of a path: a string in UTF-8 with its length in bytes, or, where `text` is NULL, an integer. */
typedef struct {
    const char *text;
    size_t length;
    uint64_t number;
} oneseed_part;

/* The number of a path's stream; 0 for the empty path. */
uint64_t oneseed_stream(const oneseed_part *parts, size_t count);

/* Distributions ---------------------------------------------------------------------------------------------------- */

/* Each prepares a distribution for a dtype and returns 0, or -1 where an argument is out of range: a dtype that does not
 * fit the distribution, a number that is not finite, a standard deviation below 0, bounds in the wrong order, or values
 * that the dtype might not hold. */
int oneseed_normal(oneseed_distribution *to, int dtype, double mean, double stddev);
int oneseed_uniform(oneseed_distribution *to, int dtype, double low, double high);
int oneseed_integers(oneseed_distribution *to, int dtype, uint64_t low, uint64_t count); /* count in [1, 2**32] */
int oneseed_words(oneseed_distribution *to, int dtype);                                  /* int32 or int64 */

/* A normal distribution cut at `lower` and `upper` standard deviations. `window` holds first and width of the window of
 * random integers, for 32 bits or, with float64, for 64, as docs/stream.md defines them; NULL is that of -2 and 2. */
int oneseed_truncated(
    oneseed_distribution *to, int dtype, double mean, double stddev, double lower, double upper, const uint64_t *window);

/* The bytes of an element of a dtype; 0 if there is no such dtype. */
size_t oneseed_size(int dtype);

/* Values ----------------------------------------------------------------------------------------------------------- */

/* Write the values of `count` consecutive elements from index `first` on. */
void oneseed_fill(
    void *out, uint64_t first, size_t count, const oneseed_address *at, const oneseed_distribution *what);

enum { ONESEED_AXES = 64 };

/* Write a block of a tensor of any layout. `strides` are the steps in memory along each axis in bytes, `steps` those of
 * the elements' indices, all above 0; `first` is the index of the block's first element. Returns 0, or -1 where `axes` is
 * above ONESEED_AXES. */
int oneseed_write(void *out, int axes, const size_t *sizes, const ptrdiff_t *strides, const uint64_t *steps,
    uint64_t first, const oneseed_address *at, const oneseed_distribution *what);

/* Normal samples in fixed point, with 28 and 59 fraction bits, of random integers. */
int32_t oneseed_quantile32(uint32_t u);
int64_t oneseed_quantile64(uint64_t u);

/* The tables behind them. */
extern const uint32_t oneseed_table32[497][4];
extern const uint64_t oneseed_table64[2017][8];

/* Orthogonal matrices ---------------------------------------------------------------------------------------------- */

/* The numbers of scratch memory that a matrix needs; 0 where it is too large to be made here. A complex matrix counts as one
 * of twice as many rows and columns. */
size_t oneseed_orthogonal_room(size_t rows, size_t columns);

/* Write a uniformly distributed matrix with orthonormal columns, or rows where those are fewer, times `gain`, of dtype
 * ONESEED_FLOAT32 or ONESEED_FLOAT64. `first` is the index of the first element of its field of normal values, and both
 * strides are in bytes. Returns 0, or -1 where the dtype is another one or the matrix too large. */
int oneseed_orthogonal(void *out, int dtype, size_t rows, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    double gain, uint64_t first, const oneseed_address *at, double *room);

/* The same of complex numbers, pairs of `dtype`; the real and the imaginary parts have fields of their own. */
int oneseed_unitary(void *out, int dtype, size_t rows, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    double gain, uint64_t first, const oneseed_address *real, const oneseed_address *imaginary, double *room);

/* Kernels ---------------------------------------------------------------------------------------------------------- */

/* The name of the kernel in use. The best for the processor is chosen at the first call. */
const char *oneseed_kernel(void);

/* The name of the k-th kernel that this processor can run, the best first; NULL beyond the last. */
const char *oneseed_kernel_name(int k);

/* Use a kernel from here on; -1 if the processor cannot run it, or there is none of this name. The values are the same. */
int oneseed_use_kernel(const char *name);

#ifdef __cplusplus
}
#endif
#endif
