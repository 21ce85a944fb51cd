// The same bytes in the page and in Node, from a seed alone: a file that is picked again after a reload must be the same one.

/** A small generator with a good spread (Mulberry32): numbers from 0 to below 1. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `size` bytes of which no two stretches are alike (xorshift32, four at a time). */
export function bytesOf(seed, size) {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}
