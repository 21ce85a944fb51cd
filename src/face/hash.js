// Checksums in a worker. Of the WebAssembly module only functions of numbers are called, so none of its imports is needed.

/** Enough that a read costs little and leaves little garbage, and little enough for a processor's cache. */
const CHUNK = 1024 * 1024;
/** The largest Blob that is read as one. */
const AT_ONCE = 32 * 1024 * 1024;

let wasm;
/** Chromium 156 collects a Blob's stream that is read into a buffer, though somebody waits for it: it never answers then. */
let reading;
/** What the next Blob is read into. */
let spare;

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
  try {
    return algorithm.startsWith("crc") ? await crcOf(blob, algorithm) : await digestOf(blob, algorithm);
  } catch {
    return "unreadable";
  }
}

async function crcOf(blob, algorithm) {
  let value = 0n;
  for await (const bytes of chunks(blob)) value = add(value, bytes, algorithm);
  return text(value, algorithm);
}

async function digestOf(blob, algorithm) {
  if (algorithm === "md5") return `md5 ${[...(await streamed(blob, algorithm, 16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  // The browser's own is several times as fast, but wants all bytes at once, and a secure context.
  const own = globalThis.crypto?.subtle && blob.size <= AT_ONCE;
  const digest = own ? new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())) : await streamed(blob, algorithm, 32);
  return `sha256 ${btoa(String.fromCharCode(...digest))}`;
}

async function streamed(blob, algorithm, size) {
  wasm[`begin_${algorithm}`]();
  for await (const bytes of chunks(blob)) {
    put(bytes);
    wasm.add_room(bytes.length);
  }
  return new Uint8Array(wasm.memory.buffer, wasm.end_digest() >>> 0, size);
}

/** Read into one buffer again and again where the browser can: chunks would be garbage, which a busy worker seldom collects. */
async function* chunks(blob) {
  const stream = blob.stream();
  let [reader, buffer] = into(stream);
  reading = { stream, reader };
  // Ended by its size: a stream that closes while it is read into a buffer may leave the reader waiting (whatwg/streams#1321).
  for (let left = blob.size; left > 0; ) {
    const room = buffer && new Uint8Array(buffer, 0, Math.min(CHUNK, left));
    // Filled, where the browser can wait for that: each read leaves garbage.
    const { done, value } = await reader.read(room, { min: room?.length });
    if (done) break;
    left -= value.length;
    yield value;
    buffer &&= value.buffer;
  }
  reading = undefined;
  spare = buffer;
  await reader.cancel();
}

/** A reader, and the buffer for it where it wants one. */
function into(stream) {
  try {
    return [stream.getReader({ mode: "byob" }), spare?.byteLength === CHUNK ? spare : new ArrayBuffer(CHUNK)];
  } catch {
    return [stream.getReader()];
  }
}

function put(bytes) {
  const place = wasm.hash_room(bytes.length) >>> 0;
  new Uint8Array(wasm.memory.buffer, place, bytes.length).set(bytes);
}

function add(value, bytes, algorithm) {
  put(bytes);
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
