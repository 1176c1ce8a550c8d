// BLAKE2b without a key (RFC 7693), with a digest of 8 bytes. A word of 64 bits is two of 32: low half, high half.

const IV = [
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
  0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
];

const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

const BLOCK = 128;
const DIGEST = 8;
const TWO_32 = 2 ** 32;

const v = new Uint32Array(32);
const m = new Uint32Array(32);

// v[a] += v[b] + the message word at x
function add(a, b, x) {
  const low = v[a] + v[b] + m[x];
  v[a + 1] = v[a + 1] + v[b + 1] + m[x + 1] + Math.floor(low / TWO_32);
  v[a] = low;
}

// v[a] += v[b]
function addTo(a, b) {
  const low = v[a] + v[b];
  v[a + 1] = v[a + 1] + v[b + 1] + (low >= TWO_32 ? 1 : 0);
  v[a] = low;
}

// v[a] = (v[a] ^ v[b]) rotated right by 32, or by n < 32
function turn(a, b, n) {
  const low = v[a] ^ v[b];
  const high = v[a + 1] ^ v[b + 1];
  v[a] = n === 32 ? high : (low >>> n) | (high << (32 - n));
  v[a + 1] = n === 32 ? low : (high >>> n) | (low << (32 - n));
}

// v[a] = (v[a] ^ v[b]) rotated right by 63
function turn63(a, b) {
  const low = v[a] ^ v[b];
  const high = v[a + 1] ^ v[b + 1];
  v[a] = (low << 1) | (high >>> 31);
  v[a + 1] = (high << 1) | (low >>> 31);
}

function mix(a, b, c, d, x, y) {
  add(a, b, x);
  turn(d, a, 32);
  addTo(c, d);
  turn(b, c, 24);
  add(a, b, y);
  turn(d, a, 16);
  addTo(c, d);
  turn63(b, c);
}

function compress(h, bytes, start, taken, last) {
  for (let k = 0; k < 32; k++) {
    const p = start + 4 * k;
    m[k] = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
  }
  v.set(h);
  v.set(IV, 16);
  v[24] ^= taken; // the low and the high half of how many bytes were taken
  v[25] ^= Math.floor(taken / TWO_32);
  if (last) {
    v[28] = ~v[28];
    v[29] = ~v[29];
  }
  for (let round = 0; round < 12; round++) {
    const s = SIGMA[round % 10];
    for (let k = 0; k < 4; k++) {
      mix(2 * k, 8 + 2 * k, 16 + 2 * k, 24 + 2 * k, 2 * s[2 * k], 2 * s[2 * k + 1]);
    }
    for (let k = 0; k < 4; k++) {
      const [b, c, d] = [8 + 2 * ((k + 1) % 4), 16 + 2 * ((k + 2) % 4), 24 + 2 * ((k + 3) % 4)];
      mix(2 * k, b, c, d, 2 * s[8 + 2 * k], 2 * s[9 + 2 * k]);
    }
  }
  for (let k = 0; k < 16; k++) h[k] ^= v[k] ^ v[k + 16];
}

/** The first word of the state after the bytes of a Uint8Array, as [low half, high half]. */
export function blake2b8(bytes) {
  const h = Uint32Array.from(IV);
  h[0] ^= 0x01010000 ^ DIGEST;
  let start = 0;
  for (; start + BLOCK < bytes.length; start += BLOCK) compress(h, bytes, start, start + BLOCK, false);
  const rest = new Uint8Array(BLOCK);
  rest.set(bytes.subarray(start));
  compress(h, rest, 0, bytes.length, true);
  return [h[0], h[1]];
}
