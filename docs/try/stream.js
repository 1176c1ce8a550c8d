// Stream v1 in JavaScript, as the page "How the numbers are made" defines it: words, streams, uniform, normal and
// truncated normal values of float32 and of what is rounded from it. Integers are 32 bits wide: no BigInt is needed.
// float64 is in stream64.js.
// An integer of 64 bits, such as a seed, is a pair: [high half, low half].

import { blake2b8 } from "./blake2b.js";
import { QUANTILE32 } from "./tables.js";

const TWO_32 = 2 ** 32;

/** The pair of an integer in [0, 2**64), which is given by its decimal digits. */
export function integer64(digits, name = "an integer") {
  const refusal = new RangeError(`${name} must be in [0, 2**64). Received: ${digits}`);
  if (!/^[0-9]+$/.test(digits)) throw refusal;
  let [high, low] = [0, 0];
  for (const digit of digits) {
    low = low * 10 + Number(digit);
    high = high * 10 + Math.floor(low / TWO_32);
    low %= TWO_32;
    if (high >= TWO_32) throw refusal;
  }
  return [high, low];
}

// Words ---------------------------------------------------------------------------------------------------------------

/** The upper 32 bits of the product of two integers of 32 bits. */
export function high32(a, b) {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (other >>> 16)) >>> 0;
}

/** Philox4x32-10: four words of 32 bits from a counter of four and a key of two. */
export function philox4x32([c0, c1, c2, c3], [k0, k1]) {
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = [high32(0xd2511f53, c0), Math.imul(0xd2511f53, c0)];
    const [h1, l1] = [high32(0xcd9e8d57, c2), Math.imul(0xcd9e8d57, c2)];
    [c0, c1, c2, c3] = [h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** The four words at the indices 4 * block ... 4 * block + 3, for a block below 2**51. */
export function words(seed, stream, block, plane = 0) {
  const counter = [block % TWO_32, Math.floor(block / TWO_32) + plane * 2 ** 29, stream[1], stream[0]];
  return philox4x32(counter, [seed[1], seed[0]]);
}

/** The word of one element, at an index below 2**53. */
export function word(seed, stream, index, plane = 0) {
  return words(seed, stream, Math.floor(index / 4), plane)[index % 4];
}

// Streams -------------------------------------------------------------------------------------------------------------

/** The stream of a path, whose parts are strings and pairs of integers. */
export function streamOf(path) {
  if (path.length === 0) return [0, 0];
  const bytes = [];
  const little = (value) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
  for (const part of path) {
    const text = typeof part === "string";
    if (text && /\p{Surrogate}/u.test(part)) throw new RangeError("a path must be text that UTF-8 can encode");
    const held = text ? [...new TextEncoder().encode(part)] : [...little(part[1]), ...little(part[0])];
    bytes.push((text ? "s" : "i").charCodeAt(0), ...little(held.length), 0, 0, 0, 0, ...held);
  }
  const [low, high] = blake2b8(Uint8Array.from(bytes));
  return [high, low];
}

// Dtypes --------------------------------------------------------------------------------------------------------------

/** The bits of the fraction, the bias of the exponent, the bytes and the largest number of each dtype. */
export const DTYPES = {
  float64: { fraction: 52, bias: 1023, bytes: 8, largest: Number.MAX_VALUE },
  float32: { fraction: 23, bias: 127, bytes: 4, largest: (2 - 2 ** -23) * 2 ** 127 },
  float16: { fraction: 10, bias: 15, bytes: 2, largest: 65504 },
  bfloat16: { fraction: 7, bias: 127, bytes: 2, largest: (2 - 2 ** -7) * 2 ** 127 },
  float8_e4m3fn: { fraction: 3, bias: 7, bytes: 1, largest: 448 },
  float8_e5m2: { fraction: 2, bias: 15, bytes: 1, largest: 57344 },
};

const view = new DataView(new ArrayBuffer(8));

/** The exponent of the dtype's numbers around a value. */
function exponentOf(value, { bias }) {
  view.setFloat64(0, value);
  return Math.max(((view.getUint32(0) >>> 20) & 2047) - 1023, 1 - bias);
}

/** The nearest integer, ties to even. */
function nearest(value) {
  const floor = Math.floor(value);
  const over = value - floor;
  return over > 0.5 || (over === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** The nearest number of a dtype, ties to even; to bfloat16 and to 8 bits by way of float32. */
export function rounded(value, dtype) {
  if (dtype === "float64") return value;
  if (dtype === "float32") return Math.fround(value);
  const format = DTYPES[dtype];
  const from = dtype === "float16" ? value : Math.fround(value);
  if (from === 0) return from;
  const unit = 2 ** (exponentOf(from, format) - format.fraction);
  const magnitude = nearest(Math.abs(from) / unit) * unit;
  return from < 0 ? -magnitude : magnitude;
}

/** The bit pattern of a number of a dtype of 32 bits or fewer. */
export function bitsOf(value, dtype) {
  if (dtype === "float32") {
    view.setFloat32(0, value);
    return view.getUint32(0);
  }
  const format = DTYPES[dtype];
  const sign = value < 0 || Object.is(value, -0) ? 2 ** (8 * format.bytes - 1) : 0;
  const exponent = exponentOf(value, format);
  const whole = Math.abs(value) / 2 ** (exponent - format.fraction); // with the leading bit, which raises the exponent
  return sign + (exponent + format.bias - 1) * 2 ** format.fraction + whole;
}

/** The next number of a dtype below a number of it. */
export function below(value, dtype) {
  const { fraction, bias } = DTYPES[dtype];
  const unit = 2 ** (exponentOf(value, DTYPES[dtype]) - fraction);
  const least = 2 ** (1 - bias - fraction);
  // Below a power of two the numbers are twice as dense.
  const edge = value > 0 && Math.abs(value) / unit === 2 ** fraction && unit > least;
  return value - (edge ? unit / 2 : unit);
}

// From words to values ------------------------------------------------------------------------------------------------

export function clamp(value, low, high) {
  const least = value >= high ? high : value;
  return least <= low ? low : least;
}

/** A float32 with its low 12 significand bits cleared. */
function highPart(value) {
  view.setFloat32(0, value);
  view.setUint32(0, view.getUint32(0) & 0xfffff000);
  return view.getFloat32(0);
}

/** affine(x, scale, offset) in float32: a sum of two numbers of float32 in float64, rounded to float32, is rounded once. */
function affine(scale, offset) {
  if (offset === 0) return (x) => Math.fround(x * scale);
  const high = highPart(scale);
  const low = scale - high;
  return (x) => {
    const xHigh = highPart(x);
    const first = Math.fround(offset + high * xHigh);
    const second = Math.fround(first + high * (x - xHigh));
    return Math.fround(second + low * xHigh);
  };
}

/** The standard normal quantile of a word, times 2**28. */
export function quantile(U) {
  const s = U & 0x80000000 ? -1 : 0;
  const v = (U ^ s) | 1;
  view.setFloat32(0, v);
  const w = view.getUint32(0);
  const row = 4 * ((w >>> 19) - (127 << 4));
  const x = ~(w << 13) >>> 0;
  let z = QUANTILE32[row + 3];
  for (let j = 2; j >= 0; j--) z = QUANTILE32[row + j] + high32(z, x);
  return s === 0 ? 0 - z : z;
}

/** The function from words to uniform values on [low, high). */
export function uniform(low, high, dtype = "float32") {
  const move = affine(Math.fround(Math.fround((high - low) / 2) * 2 ** -24), Math.fround((high + low) / 2));
  const [least, end] = [rounded(low, dtype), below(rounded(high, dtype), dtype)];
  return (U) => rounded(clamp(move(((U >>> 7) | 1) - 2 ** 24), least, end), dtype);
}

/** The function from words to normal values. */
export function normal(mean, stddev, dtype = "float32") {
  const move = affine(Math.fround(Math.fround(stddev) * 2 ** -28), Math.fround(mean));
  return (U) => rounded(move(Math.fround(quantile(U))), dtype);
}

/** The function from words to normal values that are cut at `lower` and `upper` standard deviations. */
export function truncatedNormal(mean, stddev, dtype = "float32", lower = -2, upper = 2) {
  if (lower === -Infinity && upper === Infinity) return normal(mean, stddev, dtype);
  const [first, width] = window32(lower, upper);
  const draw = normal(mean, stddev);
  const end = (bound) => {
    if (!Number.isFinite(bound)) return bound;
    return rounded(mean + bound * stddev, DTYPES[dtype].bytes === 1 ? "float32" : dtype) || 0; // never -0
  };
  const [low, high] = [end(lower), end(upper)];
  return (U) => rounded(clamp(draw(first + high32(U, width)), low, high), dtype);
}

/** The function from words to integers in [low, high), which are at most 2**32 apart. */
export function integers(low, high) {
  return high - low === TWO_32 ? (U) => low + U : (U) => low + high32(U, high - low);
}

// Windows -------------------------------------------------------------------------------------------------------------

/** The normal distribution function, to about 1e-15: a series near 0, a continued fraction in the tails. */
function normalCdf(x) {
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) < 3) {
    let [sum, term] = [x, x];
    for (let n = 3; Math.abs(term) > 1e-18; n += 2) sum += term *= x * x / n;
    return 0.5 + sum * density;
  }
  let fraction = Math.abs(x);
  for (let n = 200; n > 0; n--) fraction = Math.abs(x) + n / fraction;
  return x < 0 ? density / fraction : 1 - density / fraction;
}

/** `first` and `width` of a truncation; refused where float64 cannot tell them, or the definition asks for 64 bits. */
export function window32(lower, upper) {
  const [first, end] = [border(lower, Math.ceil, Math.floor), border(upper, Math.floor, Math.ceil)];
  if (end - first < 2 ** 16) throw new RangeError("a window this narrow is drawn from 64 bits, which is not done here");
  return [first, end - first];
}

/** The rounded `Phi(bound) * 2**32`, found from the tail, in which float64 has the most digits. */
function border(bound, roundBelow, roundAbove) {
  if (bound === 0) return TWO_32 / 2;
  if (!Number.isFinite(bound)) return bound < 0 ? 0 : TWO_32;
  const tail = normalCdf(-Math.abs(bound)) * TWO_32 || Number.MIN_VALUE;
  if (Math.round(tail) > 0 && Math.abs(tail - Math.round(tail)) < 1e-4) {
    throw new RangeError(`the bound ${bound} is too near the border between two integers to be told from it here`);
  }
  return bound < 0 ? roundBelow(tail) : TWO_32 - roundAbove(tail);
}
