// The float64 half of stream v1: samples of 64 bits, as pairs [high half, low half], and sums and products in float64.

import { below, clamp, high32 } from "./stream.js";
import { QUANTILE64 } from "./tables64.js";

const TWO_32 = 2 ** 32;
const COLUMNS = 8;

/** `first` and `width` of the truncation to two standard deviations, as halves: they need more digits than float64 has. */
const TWO_SIGMA = [
  [97711072, 2994083815],
  [4099545150, 2601766962],
];

const view = new DataView(new ArrayBuffer(8));

/** The upper 64 bits of the product of two integers of 64 bits. */
function high64([aHigh, aLow], [bHigh, bLow]) {
  const low = (a, b) => Math.imul(a, b) >>> 0;
  const middle = high32(aLow, bLow) + low(aHigh, bLow) + low(aLow, bHigh);
  const sum = low(aHigh, bHigh) + high32(aHigh, bLow) + high32(aLow, bHigh) + Math.floor(middle / TWO_32);
  return [(high32(aHigh, bHigh) + Math.floor(sum / TWO_32)) >>> 0, sum % TWO_32];
}

function sum64([aHigh, aLow], [bHigh, bLow]) {
  const low = aLow + bLow;
  return [(aHigh + bHigh + Math.floor(low / TWO_32)) >>> 0, low % TWO_32];
}

/** A float64 with its low 27 significand bits cleared. */
function highPart(value) {
  view.setFloat64(0, value);
  view.setUint32(4, view.getUint32(4) & 0xf8000000);
  return view.getFloat64(0);
}

function affine(scale, offset) {
  if (offset === 0) return (x) => x * scale;
  const high = highPart(scale);
  const low = scale - high;
  return (x) => {
    const xHigh = highPart(x);
    return offset + high * xHigh + high * (x - xHigh) + low * xHigh;
  };
}

/** The standard normal quantile of 64 bits, times 2**59, rounded to float64. */
export function quantile([high, low]) {
  const s = high & 0x80000000 ? -1 : 0;
  view.setFloat64(0, ((high ^ s) >>> 0) * TWO_32 + (((low ^ s) | 1) >>> 0));
  const [wHigh, wLow] = [view.getUint32(0), view.getUint32(4)];
  const row = COLUMNS * ((wHigh >>> 15) - (1023 << 5));
  const x = [~((wHigh << 17) | (wLow >>> 15)) >>> 0, ~(wLow << 17) >>> 0];
  const coefficient = (j) => [QUANTILE64[2 * (row + j)], QUANTILE64[2 * (row + j) + 1]];
  let z = coefficient(COLUMNS - 1);
  for (let j = COLUMNS - 2; j >= 0; j--) z = sum64(coefficient(j), high64(z, x));
  const Z = z[0] * TWO_32 + z[1];
  return s === 0 ? 0 - Z : Z;
}

/** The function from pairs to uniform values on [low, high). */
export function uniform(low, high) {
  const move = affine(((high - low) / 2) * 2 ** -53, (high + low) / 2);
  const end = below(high, "float64");
  return (U) => clamp(move((U[0] - 2 ** 31) * 2 ** 22 + ((U[1] >>> 10) | 1)), low, end);
}

/** The function from pairs to normal values. */
export function normal(mean, stddev) {
  const move = affine(stddev * 2 ** -59, mean);
  return (U) => move(quantile(U));
}

/** The function from pairs to normal values that are cut; bounds other than two standard deviations need their window. */
export function truncatedNormal(mean, stddev, dtype = "float64", lower = -2, upper = 2, window = null) {
  if (lower === -Infinity && upper === Infinity) return normal(mean, stddev);
  if (window === null && (lower !== -2 || upper !== 2)) {
    throw new RangeError(`in ${dtype} this page cuts at two standard deviations only`);
  }
  const [first, width] = window ?? TWO_SIGMA;
  const draw = normal(mean, stddev);
  const [low, high] = [lower, upper].map((bound) => mean + bound * stddev || 0);
  return (U) => clamp(draw(sum64(first, high64(U, width))), low, high);
}
