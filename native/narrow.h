/* Rounding to bfloat16, float16 and float8, over the vector operations of the file that includes `kernel.h`. */

INLINE V32 bfloat16(F32 value)
{
    V32 x = bits32(value);
    return shift_right32(add32(add32(x, set32(0x7FFF)), and32(shift_right32(x, 16), set32(1))), 16);
}

/* A float32 rounded, to nearest even, to `fraction` bits and the exponents of a format. `least` is the exponent of its
 * smallest normal number, `bias` that of its exponents, `beyond` the bits of what is too large, `size` all its bits.
 * Numbers below the smallest normal one are multiples of the least number: a float addition rounds to those. */
#define NARROW(value, fraction, least, bias, beyond, size) \
    narrowed(value, 23 - (fraction), (uint32_t)(127 + (least)) << 23, (uint32_t)(127 - (bias)) << 23, \
        (uint32_t)(127 + (least) - (fraction) + 23) << 23, beyond, 32 - (size))

INLINE V32 narrowed(
    F32 value, const int drop, uint32_t smallest, uint32_t rebias, uint32_t unit, uint32_t beyond, const int up)
{
    V32 bits = bits32(value), sign = and32(bits, set32(0x80000000u)), magnitude = xor32(bits, sign);
    V32 even = and32(shift_right32(magnitude, drop), set32(1));
    V32 normal = add32(add32(magnitude, set32((UINT32_C(1) << (drop - 1)) - 1 - rebias)), even);
    normal = min_signed32(shift_right32(normal, drop), set32(beyond));
    V32 small = sub32(bits32(addf32(as_float32(magnitude), as_float32(set32(unit)))), set32(unit));
    return or32(where_less32(magnitude, set32(smallest), small, normal), shift_right32(sign, up));
}

INLINE V32 narrow(F32 value, int dtype)
{
    switch (dtype) {
    case ONESEED_BFLOAT16: return bfloat16(value);
    case ONESEED_FLOAT16: return NARROW(value, 10, -14, 15, 0x7C00, 16);
    case ONESEED_FLOAT8_E4M3FN: return NARROW(value, 3, -6, 7, 0x7F, 8);
    default: return NARROW(value, 2, -14, 15, 0x7C, 8);
    }
}
