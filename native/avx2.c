/* Vectors of 256 bits on x86-64. */
#define KERNEL avx2
#define TARGET __attribute__((target("avx2")))
#include "engine.h"

#ifdef HAS_X86
#include <immintrin.h>

enum { W = 4 };
typedef __m256i V64;
typedef __m256i V32;
typedef __m256 F32;
typedef __m256d F64;

#define set64(value) _mm256_set1_epi64x((long long)(value))
#define numbered64() _mm256_set_epi64x(3, 2, 1, 0)
#define add64 _mm256_add_epi64
#define sub64 _mm256_sub_epi64
#define or64 _mm256_or_si256
#define and64 _mm256_and_si256
#define xor64 _mm256_xor_si256
#define not64(a) _mm256_xor_si256(a, _mm256_set1_epi32(-1))
#define xor3(a, b, c) _mm256_xor_si256(a, _mm256_xor_si256(b, c))
#define shift_right64 _mm256_srli_epi64
#define upper_halves(a) shift_right64(a, 32) /* in the lower ones, whatever is above */
#define shift_left64 _mm256_slli_epi64
#define signs64(a) _mm256_cmpgt_epi64(_mm256_setzero_si256(), a)
#define multiply _mm256_mul_epu32
#define lower_halves(a, b) _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xAA)
#define set32(value) _mm256_set1_epi32((int)(value))
#define add32 _mm256_add_epi32
#define sub32 _mm256_sub_epi32
#define or32 or64
#define and32 and64
#define xor32 xor64
#define not32 not64
#define shift_right32 _mm256_srli_epi32
#define shift_left32 _mm256_slli_epi32
#define signs32(a) _mm256_srai_epi32(a, 31)
#define min_signed32 _mm256_min_epi32
#define where_less32(a, b, x, y) _mm256_blendv_epi8(y, x, _mm256_cmpgt_epi32(b, a))
#define float_of32 _mm256_cvtepi32_ps
#define bits32 _mm256_castps_si256
#define as_float32 _mm256_castsi256_ps
#define bits64 _mm256_castpd_si256
#define as_float64 _mm256_castsi256_pd
#define setf32 _mm256_set1_ps
#define addf32 _mm256_add_ps
#define subf32 _mm256_sub_ps
#define mulf32 _mm256_mul_ps
#define minf32 _mm256_min_ps
#define maxf32 _mm256_max_ps
#define setf64 _mm256_set1_pd
#define addf64 _mm256_add_pd
#define subf64 _mm256_sub_pd
#define mulf64 _mm256_mul_pd
#define minf64 _mm256_min_pd
#define maxf64 _mm256_max_pd
#define storef64 _mm256_storeu_pd

INLINE V64 load64(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }
INLINE void store64(void *to, V64 a) { _mm256_storeu_si256((__m256i *)to, a); }
#define load32 load64
#define store32 store64

INLINE V32 high32(V32 a, V32 b)
{
    V64 even = multiply(a, b), odd = multiply(shift_right64(a, 32), shift_right64(b, 32));
    return _mm256_blend_epi32(shift_right64(even, 32), odd, 0xAA);
}

/* Each half becomes the low bits of a float of its own magnitude; only the last addition rounds. */
INLINE F64 float_of64(V64 a)
{
    const V64 two52 = set64(0x4330000000000000u), two84_two63 = set64(0x4530000080000000u);
    const F64 both = as_float64(set64(0x4530000080100000u)); /* 2**84 + 2**63 + 2**52 */
    F64 low = as_float64(_mm256_blend_epi32(two52, a, 0x55));
    F64 high = as_float64(xor64(shift_right64(a, 32), two84_two63));
    return addf64(subf64(high, both), low);
}

INLINE V32 joined32(V64 a, V64 b)
{
    __m256 lower = _mm256_shuffle_ps(as_float32(a), as_float32(b), 0x88);
    return _mm256_permute4x64_epi64(bits32(lower), 0xD8);
}

INLINE void store16(void *to, V32 a, V32 b)
{
    const V32 mask = set32(0xFFFF);
    store64(to, _mm256_permute4x64_epi64(_mm256_packus_epi32(and32(a, mask), and32(b, mask)), 0xD8));
}

INLINE void store8(void *to, V32 a, V32 b)
{
    const V32 mask = set32(0xFF);
    V32 halves = _mm256_permute4x64_epi64(_mm256_packus_epi32(and32(a, mask), and32(b, mask)), 0xD8);
    V32 bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(halves, halves), 0xD8);
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(bytes));
}

/* Columns of a square of four rows of 64 bits. */
INLINE void turned(V64 a, V64 b, V64 c, V64 d, V64 column[4])
{
    V64 ab0 = _mm256_unpacklo_epi64(a, b), ab1 = _mm256_unpackhi_epi64(a, b);
    V64 cd0 = _mm256_unpacklo_epi64(c, d), cd1 = _mm256_unpackhi_epi64(c, d);
    column[0] = _mm256_permute2x128_si256(ab0, cd0, 0x20);
    column[1] = _mm256_permute2x128_si256(ab1, cd1, 0x20);
    column[2] = _mm256_permute2x128_si256(ab0, cd0, 0x31);
    column[3] = _mm256_permute2x128_si256(ab1, cd1, 0x31);
}

/* Rows i and i + 4 of the table, side by side. */
INLINE V32 two_rows(const uint32_t *rows, int i)
{
    const char *table = (const char *)oneseed_table32;
    __m128i low = _mm_load_si128((const __m128i *)(table + rows[i]));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_load_si128((const __m128i *)(table + rows[i + 4])), 1);
}

INLINE void look_up32(const uint32_t *rows, V32 column[4])
{
    V32 r0 = two_rows(rows, 0), r1 = two_rows(rows, 1), r2 = two_rows(rows, 2), r3 = two_rows(rows, 3);
    V32 low01 = _mm256_unpacklo_epi32(r0, r1), high01 = _mm256_unpackhi_epi32(r0, r1);
    V32 low23 = _mm256_unpacklo_epi32(r2, r3), high23 = _mm256_unpackhi_epi32(r2, r3);
    column[0] = _mm256_unpacklo_epi64(low01, low23);
    column[1] = _mm256_unpackhi_epi64(low01, low23);
    column[2] = _mm256_unpacklo_epi64(high01, high23);
    column[3] = _mm256_unpackhi_epi64(high01, high23);
}

INLINE void look_up64(const uint64_t *rows, V64 column[8])
{
    const char *table = (const char *)oneseed_table64;
    for (int half = 0; half < 2; half++)
        turned(load64(table + rows[0] + 32 * half), load64(table + rows[1] + 32 * half),
            load64(table + rows[2] + 32 * half), load64(table + rows[3] + 32 * half), column + 4 * half);
}

/* The words of each block side by side. */
INLINE void in_order32(const V64 word[4], V32 half[2])
{
    V64 first = lower_halves(word[0], word[1]), second = lower_halves(word[2], word[3]);
    V64 even = _mm256_unpacklo_epi64(first, second), odd = _mm256_unpackhi_epi64(first, second);
    half[0] = _mm256_permute2x128_si256(even, odd, 0x20);
    half[1] = _mm256_permute2x128_si256(even, odd, 0x31);
}

INLINE void in_order64(const V64 word[4], V64 ordered[4]) { turned(word[0], word[1], word[2], word[3], ordered); }

#include "kernel.h"
#else
typedef int nothing_for_this_processor;
#endif
