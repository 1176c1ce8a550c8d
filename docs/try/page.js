// The page "Try it": it draws when an entry changes, and keeps the entries in the address, so that it can be shared.

import { draw, fingerprint, FIXED, loadFloat64, RANDOM } from "./initializers.js";
import { integer64 } from "./stream.js";

const LARGEST = 2 ** 20; // values of a draw
const BINS = 48;
const SIDE = 64; // rows and columns of a heat map; of more, the first are shown

const number = (key, value) => ({ key, value });
const choice = (key, ...options) => ({ key, value: options[0], options });
const ARGUMENTS = {
  RandomNormal: [number("mean", "0.0"), number("stddev", "0.05")],
  TruncatedNormal: [
    ...[number("mean", "0.0"), number("stddev", "0.05")],
    ...[number("lower", "-2.0"), number("upper", "2.0")],
  ],
  RandomUniform: [number("minval", "-0.05"), number("maxval", "0.05")],
  VarianceScaling: [
    number("scale", "1.0"),
    choice("mode", "fan_in", "fan_out", "fan_avg", "fan_geo_avg"),
    choice("distribution", "truncated_normal", "untruncated_normal", "uniform"),
  ],
  Constant: [number("value", "0.0")],
  Identity: [number("gain", "1.0"), number("shift", "0")],
};

const page = document.getElementById("try");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const entry = (name) => page.querySelector(`[name="${name}"]`);
const escaped = (text) => text.replace(/[&<>]/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[mark]);

// Entries -------------------------------------------------------------------------------------------------------------

/** Lay out the arguments of the chosen initializer. */
function layArguments() {
  const fields = (ARGUMENTS[entry("initializer").value] ?? []).map(({ key, value, options }) => {
    const control = options
      ? `<select name="${key}">${options.map((option) => `<option>${option}</option>`).join("")}</select>`
      : `<input name="${key}" value="${value}" inputmode="text" autocomplete="off" spellcheck="false">`;
    return `<label>${key}${control}</label>`;
  });
  part("arguments").innerHTML = fields.join("");
}

function numberOf(key, text) {
  const written = text.trim();
  if (/^[-+]?inf$/.test(written)) return written[0] === "-" ? -Infinity : Infinity;
  if (!/^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$/i.test(written)) {
    throw new RangeError(`${key} must be a number. Received: ${text}`);
  }
  return Number(written);
}

function shapeOf(text) {
  const sizes = text.split(",").map((size) => size.trim());
  if (sizes.at(-1) === "") sizes.pop();
  for (const size of sizes) {
    if (!/^[0-9]{1,7}$/.test(size)) throw new RangeError(`shape must be sizes separated by commas. Received: ${text}`);
  }
  const shape = sizes.map(Number);
  const size = shape.reduce((a, b) => a * b, 1);
  if (size > LARGEST) {
    throw new RangeError(`this page draws up to ${LARGEST.toLocaleString("en")} values. Received: ${text}`);
  }
  if (size === 0) throw new RangeError(`a tensor without elements has nothing to show. Received: ${text}`);
  return shape;
}

/** Everything that was entered, as numbers and as Python writes it. */
function entered() {
  const name = entry("initializer").value;
  const given = {};
  const written = [];
  for (const { key, value, options } of ARGUMENTS[name] ?? []) {
    const text = entry(key).value.trim();
    given[key] = options ? text : numberOf(key, text);
    const python = options ? `"${text}"` : Number.isFinite(given[key]) ? text : `float("${text}")`;
    if (text !== value) written.push(`${key}=${python}`);
  }
  const [seed, path, axes] = ["seed", "path", "axes"].map((key) => entry(key).value);
  const [shape, dtype] = [shapeOf(entry("shape").value), entry("dtype").value];
  const random = name in RANDOM;
  if (random) written.push(`seed=${seed.trim().replace(/^0+(?=[0-9])/, "")}`);
  const call = [`(${shape.join(", ")}${shape.length === 1 ? "," : ""})`];
  if (dtype !== "float32") call.push(`dtype="${dtype}"`);
  if (axes.trim()) call.push(`axes="${axes.trim()}"`);
  if (random && path) call.push(`path=${JSON.stringify(path)}`);
  const options = { seed: integer64(seed.trim(), "seed"), path: path ? [path] : [], axes: axes.trim() || null, dtype };
  return { name, given, shape, options, python: `${name}(${written.join(", ")})(${call.join(", ")})` };
}

// The address ---------------------------------------------------------------------------------------------------------

function readAddress() {
  const asked = new URLSearchParams(location.search);
  for (const settle of [() => {}, layArguments]) {
    settle();
    for (const control of page.querySelectorAll("[name]")) {
      const value = asked.get(control.name);
      const known = !control.options || [...control.options].some((option) => option.value === value);
      if (value !== null && known) control.value = value;
    }
  }
}

function writeAddress() {
  const held = [...page.querySelectorAll("[name]")].map((control) => [control.name, control.value]);
  history.replaceState(null, "", `?${new URLSearchParams(held)}${location.hash}`);
}

// Pictures ------------------------------------------------------------------------------------------------------------

const short = (value) => String(Number(value.toPrecision(4)));

/** Three to six round numbers between two. */
function ticks(low, high) {
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [5, 2, 1].find((part) => part * power <= rough) * power;
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)];
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
}

function histogram(values, low, high) {
  const counts = new Array(BINS).fill(0);
  for (const value of values) counts[Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS))]++;
  const most = Math.max(...counts);
  const bars = counts.map((count, k) => {
    const tall = (count / most) * 170;
    return `<rect x="${k * 10 + 0.5}" y="${180 - tall}" width="9" height="${tall}"/>`;
  });
  const marks = ticks(low, high).map((value) => {
    const x = ((value - low) / (high - low)) * 480;
    const anchor = x < 24 ? "start" : x > 456 ? "end" : "middle";
    return `<path d="M${x} 180v5"/><text x="${x}" y="204" text-anchor="${anchor}">${short(value)}</text>`;
  });
  const label = `Histogram of ${values.length} values from ${short(low)} to ${short(high)}`;
  return `<svg viewBox="0 0 480 210" role="img" aria-label="${label}">${bars.join("")}
    <path d="M0 180h480"/>${marks.join("")}</svg>`;
}

/** A heat map, inputs downwards and outputs across, of the last axis and all others. */
function heatMap(values, shape) {
  const columns = shape.at(-1) ?? 1;
  const [down, across] = [Math.min(SIDE, values.length / columns), Math.min(SIDE, columns)];
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const size = 480 / Math.max(across, 16);
  const cells = [];
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const value = values[row * columns + column];
      const kind = value < 0 ? "below" : "above";
      const opacity = (Math.abs(value) / most).toFixed(3);
      const place = `x="${column * size}" y="${row * size}" width="${size}" height="${size}"`;
      cells.push(`<rect class="${kind}" ${place} fill-opacity="${opacity}"><title>${value}</title></rect>`);
    }
  }
  const whole = down === values.length / columns && across === columns;
  const note = whole ? "" : `The first ${down} rows and ${across} columns. `;
  part("note").textContent = `${note}Deepest color: ${short(most)}. Red is above 0, blue below.`;
  const label = `Heat map of ${down} rows and ${across} columns`;
  const box = [across * size, down * size];
  return `<svg viewBox="0 0 ${box.join(" ")}" role="img" aria-label="${label}">${cells.join("")}
    <rect class="frame" width="${box[0]}" height="${box[1]}"/></svg>`;
}

// The result ----------------------------------------------------------------------------------------------------------

function show({ name, given, shape, options, python }) {
  const values = draw(name, given, shape, options);
  part("fingerprint").textContent = fingerprint(values, shape, options.dtype);
  part("python").innerHTML = escaped(
    `import oneseed\nfrom oneseed.initializers import ${name}\n\nw = ${python}\nprint(oneseed.fingerprint(w))`,
  );
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  const rows = { values: values.length.toLocaleString("en"), mean: short(mean), "standard deviation": short(variance ** 0.5) };
  const all = { ...rows, least: short(low), largest: short(high), first: [...values.slice(0, 4)].map(short).join(", ") };
  part("statistics").innerHTML = Object.entries(all)
    .map(([key, value]) => `<div><dt>${key}</dt><dd>${value}</dd></div>`)
    .join("");
  part("note").textContent = "";
  const map = name in FIXED || low === high || entry("picture").value === "heat map";
  part("picture").innerHTML = map ? heatMap(values, shape) : histogram(values, low, high);
}

async function update() {
  const alert = part("alert");
  try {
    if (entry("dtype").value === "float64") await loadFloat64();
    show(entered());
    alert.hidden = true;
    page.dataset.state = "drawn";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    alert.textContent = error.message;
    alert.hidden = false;
    page.dataset.state = "refused";
  }
}

entry("initializer").innerHTML = [...Object.keys(RANDOM), ...Object.keys(FIXED)]
  .map((name) => `<option${name === "HeNormal" ? " selected" : ""}>${name}</option>`)
  .join("");
readAddress();
let waiting = 0;
page.addEventListener("input", (event) => {
  if (event.target.name === "initializer") layArguments();
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    writeAddress();
    update();
  }, 150);
});
update();
