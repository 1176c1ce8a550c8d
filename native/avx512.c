/* Vectors of 512 bits on x86-64. */
#define KERNEL avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#include "engine.h"

#ifdef HAS_X86
#include <immintrin.h>

enum { W = 8 };
typedef __m512i V64;
typedef __m512i V32;
typedef __m512 F32;
typedef __m512d F64;

#define set64(value) _mm512_set1_epi64((long long)(value))
#define numbered64() _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
#define add64 _mm512_add_epi64
#define sub64 _mm512_sub_epi64
#define or64 _mm512_or_si512
#define and64 _mm512_and_si512
#define xor64 _mm512_xor_si512
#define not64(a) _mm512_ternarylogic_epi64(a, a, a, 0x55)
#define xor3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define shift_right64 _mm512_srli_epi64
#define upper_halves(a) _mm512_shuffle_epi32(a, 0xF5) /* in the lower ones, whatever is above */
#define shift_left64 _mm512_slli_epi64
#define signs64(a) _mm512_srai_epi64(a, 63)
#define multiply _mm512_mul_epu32
#define lower_halves(a, b) _mm512_mask_blend_epi32(0xAAAA, a, _mm512_slli_epi64(b, 32))
#define set32(value) _mm512_set1_epi32((int)(value))
#define add32 _mm512_add_epi32
#define sub32 _mm512_sub_epi32
#define or32 or64
#define and32 and64
#define xor32 xor64
#define not32 not64
#define shift_right32 _mm512_srli_epi32
#define shift_left32 _mm512_slli_epi32
#define signs32(a) _mm512_srai_epi32(a, 31)
#define min_signed32 _mm512_min_epi32
#define where_less32(a, b, x, y) _mm512_mask_blend_epi32(_mm512_cmplt_epi32_mask(a, b), y, x)
#define float_of32 _mm512_cvtepi32_ps
#define float_of64 _mm512_cvtepi64_pd
#define bits32 _mm512_castps_si512
#define as_float32 _mm512_castsi512_ps
#define bits64 _mm512_castpd_si512
#define as_float64 _mm512_castsi512_pd
#define setf32 _mm512_set1_ps
#define addf32 _mm512_add_ps
#define subf32 _mm512_sub_ps
#define mulf32 _mm512_mul_ps
#define minf32 _mm512_min_ps
#define maxf32 _mm512_max_ps
#define setf64 _mm512_set1_pd
#define addf64 _mm512_add_pd
#define subf64 _mm512_sub_pd
#define mulf64 _mm512_mul_pd
#define minf64 _mm512_min_pd
#define maxf64 _mm512_max_pd
#define load64 _mm512_loadu_si512
#define load32 _mm512_loadu_si512
#define store64 _mm512_storeu_si512
#define store32 _mm512_storeu_si512
#define storef64 _mm512_storeu_pd

INLINE V32 high32(V32 a, V32 b)
{
    V64 even = multiply(a, b), odd = multiply(upper_halves(a), upper_halves(b));
    return _mm512_mask_blend_epi32(0xAAAA, upper_halves(even), odd);
}

INLINE V32 joined32(V64 a, V64 b)
{
    return _mm512_permutex2var_epi32(
        a, _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0), b);
}

INLINE void store16(char *to, V32 a, V32 b)
{
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16(a));
    _mm256_storeu_si256((__m256i *)(to + 32), _mm512_cvtepi32_epi16(b));
}

INLINE void store8(char *to, V32 a, V32 b)
{
    _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8(a));
    _mm_storeu_si128((__m128i *)(to + 16), _mm512_cvtepi32_epi8(b));
}

/* Rows i, i + 4, i + 8 and i + 12 of the table, side by side. */
INLINE V32 four_rows(const uint32_t *rows, int i)
{
#define ROW(n) _mm_load_si128((const __m128i *)((const char *)oneseed_table32 + rows[n]))
    V32 joined = _mm512_inserti32x4(_mm512_castsi128_si512(ROW(i)), ROW(i + 4), 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(joined, ROW(i + 8), 2), ROW(i + 12), 3);
}

INLINE void look_up32(const uint32_t *rows, V32 column[4])
{
    V32 r0 = four_rows(rows, 0), r1 = four_rows(rows, 1), r2 = four_rows(rows, 2), r3 = four_rows(rows, 3);
    V32 low01 = _mm512_unpacklo_epi32(r0, r1), high01 = _mm512_unpackhi_epi32(r0, r1);
    V32 low23 = _mm512_unpacklo_epi32(r2, r3), high23 = _mm512_unpackhi_epi32(r2, r3);
    column[0] = _mm512_unpacklo_epi64(low01, low23);
    column[1] = _mm512_unpackhi_epi64(low01, low23);
    column[2] = _mm512_unpacklo_epi64(high01, high23);
    column[3] = _mm512_unpackhi_epi64(high01, high23);
}

INLINE void look_up64(const uint64_t *rows, V64 column[8])
{
    V64 pair[8], quad[8]; /* parity of the column, then pairs of rows; then columns 0 4, 2 6 and so on of four rows */
    for (int i = 0; i < 4; i++) {
        V64 a = load64((const char *)oneseed_table64 + rows[2 * i]);
        V64 b = load64((const char *)oneseed_table64 + rows[2 * i + 1]);
        pair[i] = _mm512_unpacklo_epi64(a, b), pair[4 + i] = _mm512_unpackhi_epi64(a, b);
    }
    for (int odd = 0; odd < 2; odd++)
        for (int upper = 0; upper < 2; upper++) {
            V64 a = pair[4 * odd + 2 * upper], b = pair[4 * odd + 2 * upper + 1];
            quad[4 * odd + upper] = _mm512_shuffle_i64x2(a, b, 0x88);
            quad[4 * odd + 2 + upper] = _mm512_shuffle_i64x2(a, b, 0xDD);
        }
    for (int odd = 0; odd < 2; odd++)
        for (int by2 = 0; by2 < 2; by2++) {
            V64 a = quad[4 * odd + 2 * by2], b = quad[4 * odd + 2 * by2 + 1];
            column[odd + 2 * by2] = _mm512_shuffle_i64x2(a, b, 0x88);
            column[odd + 2 * by2 + 4] = _mm512_shuffle_i64x2(a, b, 0xDD);
        }
}

/* The words of each block side by side. */
INLINE void in_order32(const V64 word[4], V32 half[2])
{
    V64 first = lower_halves(word[0], word[1]), second = lower_halves(word[2], word[3]);
    half[0] = _mm512_permutex2var_epi64(first, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), second);
    half[1] = _mm512_permutex2var_epi64(first, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), second);
}

INLINE void in_order64(const V64 word[4], V64 ordered[4])
{
    V64 even01 = _mm512_unpacklo_epi64(word[0], word[1]), odd01 = _mm512_unpackhi_epi64(word[0], word[1]);
    V64 even23 = _mm512_unpacklo_epi64(word[2], word[3]), odd23 = _mm512_unpackhi_epi64(word[2], word[3]);
    const V64 low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    V64 blocks02 = _mm512_permutex2var_epi64(even01, low, even23), blocks46 = _mm512_permutex2var_epi64(even01, high, even23);
    V64 blocks13 = _mm512_permutex2var_epi64(odd01, low, odd23), blocks57 = _mm512_permutex2var_epi64(odd01, high, odd23);
    ordered[0] = _mm512_shuffle_i64x2(blocks02, blocks13, 0x44);
    ordered[1] = _mm512_shuffle_i64x2(blocks02, blocks13, 0xEE);
    ordered[2] = _mm512_shuffle_i64x2(blocks46, blocks57, 0x44);
    ordered[3] = _mm512_shuffle_i64x2(blocks46, blocks57, 0xEE);
}

#include "kernel.h"
#else
typedef int nothing_for_this_processor;
#endif
