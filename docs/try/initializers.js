// Keras's initializers on top of stream v1: from a shape and arguments to a tensor, and a tensor's fingerprint.

import { blake2b8 } from "./blake2b.js";
import * as stream32 from "./stream.js";
import { bitsOf, DTYPES, rounded, streamOf, words } from "./stream.js";

let stream64 = null;

/** Load the tables of float64, which are large, before the first draw in it. */
export async function loadFloat64() {
  stream64 = await import("./stream64.js");
}

const streamFor = (dtype) => (dtype === "float64" ? stream64 : stream32);

/** The standard deviation of the standard normal distribution after truncation to two standard deviations. */
const AFTER = 0.87962566103423975041;

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

// Layouts -------------------------------------------------------------------------------------------------------------

/** The fans of a shape and the order of its axes: batch, spatial, input, output. */
export function layoutOf(shape, axes = null) {
  if (axes === null) {
    const order = shape.map((_, axis) => axis);
    if (shape.length < 2) return { order, batch: 0, fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 };
    const field = product(shape.slice(0, -2));
    return { order, batch: shape.length - 2, fanIn: field * shape.at(-2), fanOut: field * shape.at(-1) };
  }
  const names = axes.split(/\s+/).filter(Boolean);
  const unique = new Set(names).size === names.length;
  demand(unique && names.length === shape.length, `axes must name each of the ${shape.length} axes. Received: ${axes}`);
  const kind = (name) => (/^[ebg]/.test(name) ? 0 : name[0] === "i" ? 2 : name[0] === "o" ? 3 : 1);
  const found = [0, 1, 2, 3].map((k) => shape.map((_, axis) => axis).filter((axis) => kind(names[axis]) === k));
  const [, field, inputs, outputs] = found.map((group) => product(group.map((axis) => shape[axis])));
  return { order: found.flat(), batch: found[0].length, fanIn: field * inputs, fanOut: field * outputs };
}

// Refusals ------------------------------------------------------------------------------------------------------------

function demand(met, message) {
  if (!met) throw new RangeError(message);
}

/** Refuse arguments that Python refuses. */
function checkArguments({ stddev = 1, scale = 1, lower = -2, upper = 2, minval = -Infinity, maxval = Infinity, ...rest }) {
  demand(Number.isFinite(stddev) && stddev >= 0, `stddev must be 0 or more. Received: ${stddev}`);
  demand(Number.isFinite(scale) && scale > 0, `scale must be above 0. Received: ${scale}`);
  demand(lower < upper, `lower must be below upper. Received: lower=${lower}, upper=${upper}`);
  demand(minval <= maxval, `minval must not be above maxval. Received: minval=${minval}, maxval=${maxval}`);
  for (const key of ["mean", "value", "gain"]) {
    demand(Number.isFinite(rest[key] ?? 0), `${key} must be a finite number. Received: ${rest[key]}`);
  }
  demand(Number.isInteger(rest.shift ?? 0), `shift must be an integer. Received: ${rest.shift}`);
}

// Initializers --------------------------------------------------------------------------------------------------------

const GAINS = { linear: 1, relu: 2, tanh: 25 / 9, selu: 9 / 16 };

function varianceScaling({ scale = 1, mode = "fan_in", distribution = "truncated_normal", nonlinearity = "linear" }) {
  return ({ fanIn, fanOut }, dtype) => {
    const fans = { fan_in: fanIn, fan_out: fanOut, fan_avg: (fanIn + fanOut) / 2, fan_geo_avg: Math.sqrt(fanIn * fanOut) };
    const variance = (GAINS[nonlinearity] * scale) / Math.max(1, fans[mode]);
    const { uniform, normal, truncatedNormal } = streamFor(dtype);
    if (distribution === "uniform") {
      const limit = Math.sqrt(3 * variance);
      return uniform(-limit, limit, dtype);
    }
    if (distribution === "untruncated_normal") return normal(0, Math.sqrt(variance), dtype);
    return truncatedNormal(0, Math.sqrt(variance) / AFTER, dtype);
  };
}

const scaled = (scale, mode, distribution) => () => varianceScaling({ scale, mode, distribution });

/** By name: from arguments to a function of the layout and the dtype, which returns the function from words to values. */
export const RANDOM = {
  RandomNormal: ({ mean = 0, stddev = 0.05 }) => (_, dtype) => streamFor(dtype).normal(mean, stddev, dtype),
  TruncatedNormal: ({ mean = 0, stddev = 0.05, lower = -2, upper = 2 }) => (_, dtype) =>
    streamFor(dtype).truncatedNormal(mean, stddev, dtype, lower, upper),
  RandomUniform: ({ minval = -0.05, maxval = 0.05 }) => (_, dtype) =>
    streamFor(dtype).uniform(minval, maxval, dtype),
  VarianceScaling: varianceScaling,
  GlorotNormal: scaled(1, "fan_avg", "truncated_normal"),
  GlorotUniform: scaled(1, "fan_avg", "uniform"),
  HeNormal: scaled(2, "fan_in", "truncated_normal"),
  HeUniform: scaled(2, "fan_in", "uniform"),
  LecunNormal: scaled(1, "fan_in", "truncated_normal"),
  LecunUniform: scaled(1, "fan_in", "uniform"),
};

/** By name: from arguments, the logical shape and its layout to a function of the index in logical order. */
export const FIXED = {
  Zeros: () => () => 0,
  Ones: () => () => 1,
  Constant: ({ value = 0 }) => () => value,
  Identity: ({ gain = 1, shift = 0 }, shape) => {
    demand(shape.length >= 2, "Identity needs a shape of 2 axes or more");
    const [rows, columns] = shape.slice(-2);
    const target = (row) => (((row + shift) % columns) + columns) % columns;
    return (index) => {
      const row = Math.floor(index / columns) % rows;
      return row < columns && index % columns === target(row) ? gain : 0;
    };
  },
};

// Tensors -------------------------------------------------------------------------------------------------------------

/** Call `write(value of the next element)` for each element in logical order. */
function drawn(name, given, seed, path, layout, logical, dtype, write) {
  const size = product(logical);
  const { largest } = DTYPES[dtype];
  const held = (value) => demand(Math.abs(value) <= largest, `values can be beyond the largest ${dtype}`);
  if (name in FIXED) {
    const value = FIXED[name](given, logical);
    for (let index = 0; index < size; index++) {
      const element = rounded(value(index), dtype);
      held(element);
      write(element);
    }
    return;
  }
  const value = RANDOM[name](given)(layout, dtype);
  const wide = dtype === "float64";
  // No word gives a smaller or a larger value than these.
  for (const farthest of [0, 0xffffffff]) held(value(wide ? [farthest, farthest] : farthest));
  const stream = streamOf(path);
  for (let index = 0; index < size; index += 4) {
    const block = words(seed, stream, index / 4);
    const further = wide ? words(seed, stream, index / 4, 1) : null;
    for (let k = 0; k < Math.min(4, size - index); k++) write(value(wide ? [block[k], further[k]] : block[k]));
  }
}

/**
 * Draw a tensor: the values in the row-major order of the shape.
 *
 * @param {string} name of the initializer
 * @param {object} given its arguments; those that are missing have Keras's defaults
 * @param {number[]} shape
 * @param {object} options seed and the parts of the path in which integers are pairs [high half, low half]; axes; dtype
 */
export function draw(name, given, shape, { seed = [0, 0], path = [], axes = null, dtype = "float32" } = {}) {
  checkArguments(given);
  const layout = layoutOf(shape, axes);
  const logical = layout.order.map((axis) => shape[axis]);
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const steps = layout.order.map((axis) => strides[axis]);
  const values = new (dtype === "float64" ? Float64Array : Float32Array)(product(shape));
  const at = logical.map(() => 0);
  let place = 0;
  drawn(name, given, seed, path, layout, logical, dtype, (value) => {
    values[place] = value;
    // The next place: one step along the last logical axis that has not come to its end.
    for (let k = at.length - 1; k >= 0; k--) {
      place += steps[k];
      if (++at[k] < logical[k]) break;
      place -= steps[k] * logical[k];
      at[k] = 0;
    }
  });
  return values;
}

/** The fingerprint of values in row-major order. */
export function fingerprint(values, shape, dtype = "float32") {
  const { bytes } = DTYPES[dtype];
  const head = new TextEncoder().encode(`${dtype}(${shape.join(", ")}${shape.length === 1 ? "," : ""})`);
  const data = new Uint8Array(head.length + bytes * values.length);
  data.set(head);
  const view = new DataView(data.buffer, head.length);
  const write = { 1: "setUint8", 2: "setUint16", 4: "setUint32", 8: "setFloat64" }[bytes];
  values.forEach((value, k) => view[write](k * bytes, bytes === 8 ? value : bitsOf(value, dtype), true));
  const [low, high] = blake2b8(data);
  const digest = new DataView(new ArrayBuffer(8));
  digest.setUint32(0, low, true);
  digest.setUint32(4, high, true);
  return [0, 4].map((k) => digest.getUint32(k).toString(16).padStart(8, "0")).join("");
}
