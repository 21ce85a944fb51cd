// Checksums in a worker. Of the WebAssembly module only functions of numbers are called, so none of its imports is needed.

let wasm;

/** `code`: the compiled module. */
export async function load(code) {
  const imports = {};
  for (const { module, name } of WebAssembly.Module.imports(code)) (imports[module] ??= {})[name] = () => {};
  wasm = (await WebAssembly.instantiate(code, imports)).exports;
}

/** The checksum of what `sum` is of, and these bytes behind it: the algorithm's name and base64, as journals have it. */
export function hash(sum, bytes, algorithm) {
  return text(add(sum ? number(sum) : 0n, bytes, algorithm), algorithm);
}

/** Of a Blob; a word where it can't be read. */
export async function hashBlob(blob, algorithm) {
  let value = 0n;
  const reader = blob.stream().getReader();
  try {
    for (let read; !(read = await reader.read()).done; ) value = add(value, read.value, algorithm);
  } catch {
    return "unreadable";
  }
  return text(value, algorithm);
}

function add(value, bytes, algorithm) {
  const place = wasm.hash_room(bytes.length) >>> 0;
  new Uint8Array(wasm.memory.buffer, place, bytes.length).set(bytes);
  return wasm[`hash_${algorithm}`](value, bytes.length);
}

function number(sum) {
  const digits = atob(sum.split(" ")[1]);
  const value = new DataView(new ArrayBuffer(8));
  for (let at = 0; at < digits.length; at += 1) value.setUint8(8 - digits.length + at, digits.charCodeAt(at));
  return value.getBigUint64(0);
}

function text(sum, algorithm) {
  const value = new DataView(new ArrayBuffer(8));
  value.setBigUint64(0, sum);
  const size = algorithm === "crc32c" ? 4 : 8;
  return `${algorithm} ${btoa(String.fromCharCode(...new Uint8Array(value.buffer, 8 - size)))}`;
}
