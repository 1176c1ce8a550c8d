/* Vectors of 128 bits on 64-bit ARM. */
#define KERNEL neon
#define TARGET
#include "engine.h"

#ifdef HAS_NEON
#include <arm_neon.h>

enum { W = 2 };
typedef uint64x2_t V64;
typedef uint32x4_t V32;
typedef float32x4_t F32;
typedef float64x2_t F64;

#define set64 vdupq_n_u64
#define numbered64() vcombine_u64(vcreate_u64(0), vcreate_u64(1))
#define add64 vaddq_u64
#define sub64 vsubq_u64
#define or64 vorrq_u64
#define and64 vandq_u64
#define xor64 veorq_u64
#define not64(a) veorq_u64(a, vdupq_n_u64(~UINT64_C(0)))
#define xor3(a, b, c) veorq_u64(a, veorq_u64(b, c))
#define shift_right64 vshrq_n_u64
#define upper_halves(a) shift_right64(a, 32) /* in the lower ones, whatever is above */
#define shift_left64 vshlq_n_u64
#define signs64(a) vreinterpretq_u64_s64(vshrq_n_s64(vreinterpretq_s64_u64(a), 63))
#define multiply(a, b) vmull_u32(vmovn_u64(a), vmovn_u64(b))
#define lower_halves(a, b) vsliq_n_u64(a, b, 32)
#define set32 vdupq_n_u32
#define add32 vaddq_u32
#define sub32 vsubq_u32
#define or32 vorrq_u32
#define and32 vandq_u32
#define xor32 veorq_u32
#define not32 vmvnq_u32
#define shift_right32(a, n) vshlq_u32(a, vdupq_n_s32(-(n)))
#define shift_left32(a, n) vshlq_u32(a, vdupq_n_s32(n))
#define signs32(a) vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_u32(a), 31))
#define high32(a, b) \
    vuzp2q_u32(vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b))), \
        vreinterpretq_u32_u64(vmull_high_u32(a, b)))
#define min_signed32(a, b) \
    vreinterpretq_u32_s32(vminq_s32(vreinterpretq_s32_u32(a), vreinterpretq_s32_u32(b)))
#define where_less32(a, b, x, y) \
    vbslq_u32(vcltq_s32(vreinterpretq_s32_u32(a), vreinterpretq_s32_u32(b)), x, y)
#define joined32(a, b) vcombine_u32(vmovn_u64(a), vmovn_u64(b))
#define float_of32(a) vcvtq_f32_s32(vreinterpretq_s32_u32(a))
#define float_of64(a) vcvtq_f64_s64(vreinterpretq_s64_u64(a))
#define bits32 vreinterpretq_u32_f32
#define as_float32 vreinterpretq_f32_u32
#define bits64 vreinterpretq_u64_f64
#define as_float64 vreinterpretq_f64_u64
#define setf32 vdupq_n_f32
#define addf32 vaddq_f32
#define subf32 vsubq_f32
#define mulf32 vmulq_f32
#define minf32 vminq_f32
#define maxf32 vmaxq_f32
#define setf64 vdupq_n_f64
#define addf64 vaddq_f64
#define subf64 vsubq_f64
#define mulf64 vmulq_f64
#define minf64 vminq_f64
#define maxf64 vmaxq_f64
#define storef64 vst1q_f64

/* Bytes, since memory may lie at any address. */
INLINE V64 load64(const void *from) { return vreinterpretq_u64_u8(vld1q_u8((const uint8_t *)from)); }
INLINE V32 load32(const void *from) { return vreinterpretq_u32_u8(vld1q_u8((const uint8_t *)from)); }
INLINE void store64(void *to, V64 a) { vst1q_u8((uint8_t *)to, vreinterpretq_u8_u64(a)); }
INLINE void store32(void *to, V32 a) { vst1q_u8((uint8_t *)to, vreinterpretq_u8_u32(a)); }

INLINE uint16x8_t halves(V32 a, V32 b) { return vcombine_u16(vmovn_u32(a), vmovn_u32(b)); }
INLINE void store16(void *to, V32 a, V32 b) { vst1q_u8((uint8_t *)to, vreinterpretq_u8_u16(halves(a, b))); }
INLINE void store8(void *to, V32 a, V32 b) { vst1_u8((uint8_t *)to, vmovn_u16(halves(a, b))); }

INLINE V32 pairs(V64 a) { return vreinterpretq_u32_u64(a); }

INLINE void look_up32(const uint32_t *rows, V32 column[4])
{
    V32 row[4];
    for (int i = 0; i < 4; i++)
        row[i] = vld1q_u32(oneseed_table32[rows[i] / 16]);
    for (int odd = 0; odd < 2; odd++) {
        V32 a = odd ? vtrn2q_u32(row[0], row[1]) : vtrn1q_u32(row[0], row[1]);
        V32 b = odd ? vtrn2q_u32(row[2], row[3]) : vtrn1q_u32(row[2], row[3]);
        column[odd] = pairs(vzip1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
        column[2 + odd] = pairs(vzip2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
    }
}

INLINE void look_up64(const uint64_t *rows, V64 column[8])
{
    const uint64_t *a = oneseed_table64[rows[0] / 64], *b = oneseed_table64[rows[1] / 64];
    for (int j = 0; j < 8; j += 2) {
        column[j] = vzip1q_u64(vld1q_u64(a + j), vld1q_u64(b + j));
        column[j + 1] = vzip2q_u64(vld1q_u64(a + j), vld1q_u64(b + j));
    }
}

/* The words of each block side by side. */
INLINE void in_order32(const V64 word[4], V32 half[2])
{
    V64 first = lower_halves(word[0], word[1]), second = lower_halves(word[2], word[3]);
    half[0] = pairs(vzip1q_u64(first, second));
    half[1] = pairs(vzip2q_u64(first, second));
}

INLINE void in_order64(const V64 word[4], V64 ordered[4])
{
    for (int j = 0; j < 2; j++) {
        ordered[j] = vzip1q_u64(word[2 * j], word[2 * j + 1]);
        ordered[2 + j] = vzip2q_u64(word[2 * j], word[2 * j + 1]);
    }
}

#include "kernel.h"
#else
typedef int nothing_for_this_processor;
#endif
