// Check the JavaScript of the page "Try it" against known answers: node check_javascript.mjs VECTORS < cases.json
// Prints what differs, one a line, then how much was compared; ends with status 1 if something differs.

import { readFileSync } from "node:fs";
import { draw, fingerprint, loadFloat64 } from "../../docs/try/initializers.js";
import * as stream from "../../docs/try/stream.js";
import * as stream64 from "../../docs/try/stream64.js";

let compared = 0;
let different = 0;

function same(what, found, known) {
  compared++;
  if (found === known) return;
  different++;
  console.log(`${what}: ${found} is not ${known}`);
}

const hexadecimal = (value) => value.toString(16).padStart(8, "0");
const float32 = (value) => hexadecimal(stream.bitsOf(value, "float32"));
const float64 = (value) => [...new Uint32Array(Float64Array.of(value).buffer)].reverse().map(hexadecimal).join("");
// JSON.parse rounds integers above 2**53, so they are read as text.
const read = (file) => JSON.parse(readFileSync(file, "utf-8").replace(/([:[]\s*|, )(\d{16,})\b/g, '$1"$2"'));
const pair = (value) => stream.integer64(String(value));
// In a path an integer is a number, or a list of one string where a number would be rounded.
const parts = (path) => path.map((part) => (typeof part === "string" ? part : pair(part)));

const vectors = read(process.argv[2]);
const window64 = vectors.truncation_m1_p3["64"].map(pair);
await loadFloat64();
for (const row of vectors.rows) {
  const [seed, number, { index }] = [pair(row.seed), stream.streamOf(parts(row.path)), row];
  const at = `seed ${row.seed}, path ${JSON.stringify(row.path)}, index ${index}`;
  const U = stream.word(seed, number, index);
  same(`stream, ${at}`, String(number), String(pair(row.stream)));
  same(`word, ${at}`, U, row.word);
  same(`word of plane 1, ${at}`, stream.word(seed, number, index, 1), row.word_plane1);
  same(`integer, ${at}`, stream.integers(0, 10)(U), row.integers_0_10);
  const wide = [U, row.word_plane1];
  vectors.normal_params.forEach(({ mean, stddev }, k) => {
    for (const [name, value, wideValue] of [
      ["normal", stream.normal(mean, stddev), stream64.normal(mean, stddev)],
      ["truncated_pm2", stream.truncatedNormal(mean, stddev), stream64.truncatedNormal(mean, stddev)],
      [
        "truncated_m1_p3",
        stream.truncatedNormal(mean, stddev, "float32", -1, 3),
        stream64.truncatedNormal(mean, stddev, "float64", -1, 3, window64),
      ],
    ]) {
      same(`${name}, ${at}`, float32(value(U)), row.float32[name][k]);
      same(`${name} in float64, ${at}`, float64(wideValue(wide)), row.float64[name][k]);
    }
  });
  vectors.uniform_params.forEach(([low, high], k) => {
    same(`uniform, ${at}`, float32(stream.uniform(low, high)(U)), row.float32.uniform[k]);
    same(`uniform in float64, ${at}`, float64(stream64.uniform(low, high)(wide)), row.float64.uniform[k]);
  });
}
for (const [lower, upper, name] of [[-2, 2, "truncation_pm2"], [-1, 3, "truncation_m1_p3"]]) {
  same(`window ${name}`, String(stream.window32(lower, upper)), String(vectors[name]["32"]));
}
const [first] = stream.philox4x32([0, 0, 0, 0], [0, 0]);
same("Philox", hexadecimal(first), "6627e8d5");

for (const { name, given, shape, seed, path, axes, dtype, known } of read(0)) {
  let found = null; // as is the known fingerprint of what must be refused
  try {
    found = fingerprint(draw(name, given, shape, { seed: pair(seed), path: parts(path), axes, dtype }), shape, dtype);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  same(`${name} ${JSON.stringify({ given, shape, seed, path, axes, dtype })}`, found, known);
}

console.log(`${compared} compared, ${different} different`);
process.exit(different ? 1 : 0);
