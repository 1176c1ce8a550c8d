/* Plain C, for any processor: an array in place of a vector, and a loop in place of an instruction. */
#define KERNEL portable
#define TARGET
#include "engine.h"

#include <string.h>

enum { W = 1 };
typedef struct {
    uint64_t at[W];
} V64;
typedef struct {
    uint32_t at[2 * W];
} V32;
typedef struct {
    float at[2 * W];
} F32;
typedef struct {
    double at[W];
} F64;

/* A function of numbers, applied to each lane. */
#define LANES(type, name, parameters, lane) \
    INLINE type name parameters \
    { \
        type result; \
        for (int i = 0; i < (int)(sizeof result.at / sizeof *result.at); i++) \
            result.at[i] = (lane); \
        return result; \
    }
#define A a.at[i]
#define B b.at[i]

LANES(V64, set64, (uint64_t value), value)
LANES(V64, numbered64, (void), (uint64_t)i)
LANES(V64, add64, (V64 a, V64 b), A + B)
LANES(V64, sub64, (V64 a, V64 b), A - B)
LANES(V64, or64, (V64 a, V64 b), A | B)
LANES(V64, and64, (V64 a, V64 b), A & B)
LANES(V64, xor64, (V64 a, V64 b), A ^ B)
LANES(V64, not64, (V64 a), ~A)
LANES(V64, xor3, (V64 a, V64 b, V64 c), A ^ B ^ c.at[i])
LANES(V64, shift_right64, (V64 a, int n), A >> n)
LANES(V64, shift_left64, (V64 a, int n), A << n)
LANES(V64, upper_halves, (V64 a), A >> 32)
LANES(V64, signs64, (V64 a), UINT64_C(0) - (A >> 63))
LANES(V64, multiply, (V64 a, V64 b), (uint64_t)(uint32_t)A * (uint32_t)B)
LANES(V64, lower_halves, (V64 a, V64 b), (uint32_t)A | B << 32)
LANES(V32, set32, (uint32_t value), value)
LANES(V32, add32, (V32 a, V32 b), A + B)
LANES(V32, sub32, (V32 a, V32 b), A - B)
LANES(V32, or32, (V32 a, V32 b), A | B)
LANES(V32, and32, (V32 a, V32 b), A & B)
LANES(V32, xor32, (V32 a, V32 b), A ^ B)
LANES(V32, not32, (V32 a), ~A)
LANES(V32, shift_right32, (V32 a, int n), A >> n)
LANES(V32, shift_left32, (V32 a, int n), A << n)
LANES(V32, signs32, (V32 a), UINT32_C(0) - (A >> 31))
LANES(V32, high32, (V32 a, V32 b), (uint32_t)((uint64_t)A * B >> 32))
LANES(V32, min_signed32, (V32 a, V32 b), (int32_t)A < (int32_t)B ? A : B)
LANES(V32, where_less32, (V32 a, V32 b, V32 x, V32 y), (int32_t)A < (int32_t)B ? x.at[i] : y.at[i])
LANES(V32, joined32, (V64 a, V64 b), (uint32_t)(i < W ? a.at[i] : b.at[i - W]))
LANES(F32, float_of32, (V32 a), (float)(int32_t)A)
LANES(F64, float_of64, (V64 a), (double)(int64_t)A)
LANES(F32, setf32, (float value), value)
LANES(F32, addf32, (F32 a, F32 b), A + B)
LANES(F32, subf32, (F32 a, F32 b), A - B)
LANES(F32, mulf32, (F32 a, F32 b), A * B)
LANES(F32, minf32, (F32 a, F32 b), A < B ? A : B)
LANES(F32, maxf32, (F32 a, F32 b), A > B ? A : B)
LANES(F64, setf64, (double value), value)
LANES(F64, addf64, (F64 a, F64 b), A + B)
LANES(F64, subf64, (F64 a, F64 b), A - B)
LANES(F64, mulf64, (F64 a, F64 b), A * B)
LANES(F64, minf64, (F64 a, F64 b), A < B ? A : B)
LANES(F64, maxf64, (F64 a, F64 b), A > B ? A : B)

#define SAME_BITS(to, name, from) \
    INLINE to name(from a) \
    { \
        to result; \
        memcpy(&result, &a, sizeof result); \
        return result; \
    }
SAME_BITS(V32, bits32, F32)
SAME_BITS(F32, as_float32, V32)
SAME_BITS(V64, bits64, F64)
SAME_BITS(F64, as_float64, V64)

#define MEMORY(type, load, store) \
    INLINE type load(const void *from) \
    { \
        type result; \
        memcpy(&result, from, sizeof result); \
        return result; \
    } \
    INLINE void store(void *to, type a) { memcpy(to, &a, sizeof a); }
MEMORY(V64, load64, store64)
MEMORY(V32, load32, store32)

INLINE void storef64(double *to, F64 a) { memcpy(to, &a, sizeof a); }

INLINE void store16(void *to, V32 a, V32 b)
{
    uint16_t narrow[4 * W];
    for (int i = 0; i < 2 * W; i++)
        narrow[i] = (uint16_t)A, narrow[2 * W + i] = (uint16_t)B;
    memcpy(to, narrow, sizeof narrow);
}

INLINE void store8(void *to, V32 a, V32 b)
{
    uint8_t narrow[4 * W];
    for (int i = 0; i < 2 * W; i++)
        narrow[i] = (uint8_t)A, narrow[2 * W + i] = (uint8_t)B;
    memcpy(to, narrow, sizeof narrow);
}

#ifdef __SIZEOF_INT128__
#define OWN_HIGH64
__extension__ typedef unsigned __int128 product128;
LANES(V64, high64, (V64 a, V64 b), (uint64_t)((product128)A * B >> 64))
#define high64_of_short high64
#endif

INLINE void look_up32(const uint32_t *rows, V32 column[4])
{
    for (int i = 0; i < 2 * W; i++)
        for (int j = 0; j < 4; j++)
            column[j].at[i] = oneseed_table32[rows[i] / 16][j];
}

INLINE void look_up64(const uint64_t *rows, V64 column[8])
{
    for (int i = 0; i < W; i++)
        for (int j = 0; j < 8; j++)
            column[j].at[i] = oneseed_table64[rows[i] / 64][j];
}

/* The words of each block side by side. */
INLINE void in_order32(const V64 word[4], V32 half[2])
{
    for (int n = 0; n < 4 * W; n++)
        half[n / (2 * W)].at[n % (2 * W)] = (uint32_t)word[n % 4].at[n / 4];
}

INLINE void in_order64(const V64 word[4], V64 ordered[4])
{
    for (int n = 0; n < 4 * W; n++)
        ordered[n / W].at[n % W] = word[n % 4].at[n / 4];
}

#include "kernel.h"
