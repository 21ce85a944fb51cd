// A page that reads streams, driven from outside.

import { Client, TransferError } from "/presigned/index.js";

let client;

window.open_ = (token, options) => {
  client = new Client({ endpoint: "/", headers: { authorization: `Bearer ${token}` }, ...options });
};

/** Reads to the end, or as far as it gets. */
window.read = async (key, options) => {
  const parts = [];
  let loaded = 0;
  let outcome = {};
  try {
    window.integrity = undefined;
    const onIntegrity = (integrity) => {
      window.integrity = integrity;
      throw new Error("What an application throws here ends nothing.");
    };
    const stream = client.stream(key, { ...options, onProgress: (progress) => (loaded = progress.loaded), onIntegrity });
    for await (const part of stream) parts.push(part);
  } catch (error) {
    outcome = { failed: TransferError.is(error) ? error.code : error.name, message: error.message };
  }
  const bytes = await new Blob(parts).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { ...outcome, size: bytes.byteLength, loaded, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
};

/** Reads a little, leaves the stream alone for a while, and goes on as `then` says. */
window.dawdle = async (key, millis, then) => {
  const reader = client.stream(key).getReader();
  const first = (await reader.read()).value.length;
  await new Promise((resolve) => setTimeout(resolve, millis));
  if (then === "cancel") {
    await reader.cancel();
    return { first };
  }
  let size = first;
  for (let read; !(read = await reader.read()).done; ) size += read.value.length;
  return { first, size };
};

window.abortWhileReading = async (key) => {
  const controller = new AbortController();
  const reader = client.stream(key, { signal: controller.signal }).getReader();
  await reader.read();
  controller.abort(new DOMException("Enough.", "TimeoutError"));
  try {
    for (;;) if ((await reader.read()).done) return "done";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

window.ready = true;
