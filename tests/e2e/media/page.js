// A page that plays what it downloads, driven from outside.

import { Client, TransferError } from "/presigned/index.js";

const video = document.querySelector("video");
let client;
let media;
let loaded = 0;
let parts = [];

window.open_ = (token, options) => {
  client = new Client({ endpoint: "/", headers: { authorization: `Bearer ${token}` }, ...options });
};

/** Begins to play; returns the URL. */
window.play = async (key, options = {}) => {
  [loaded, parts] = [0, []];
  media = await client.media(key, { onProgress: (progress) => (loaded = progress.loaded), ...options });
  watch(media.download);
  video.src = media.url;
  video.play().catch(() => {});
  return media.url;
};

/** Plays up to this second; how much was fetched by then. */
window.reaches = async (seconds) => {
  await happens("timeupdate", () => video.currentTime >= seconds);
  return { loaded, time: video.currentTime };
};

/** Goes to this second, and tells what was there, in shares of the parts, when it could be seen. */
window.seek = async (seconds) => {
  video.currentTime = seconds;
  await happens("seeked", () => !video.seeking);
  return { loaded, parts: parts.map(({ loaded, size }) => loaded / size), time: video.currentTime, width: video.videoWidth };
};

window.end = async () => {
  const { blob, ...result } = await media.download;
  window.blob = blob;
  return { ...result, hasBlob: blob !== undefined, digest: blob && (await sha256(await blob.arrayBuffer())) };
};

/** Plays a little, or not at all, and gives it up. */
window.playAndClose = async (key, plays) => {
  const url = await play(key, { contentType: "video/webm" });
  if (plays) await reaches(0.1);
  else await happens("loadedmetadata", () => video.readyState > 0);
  media.close();
  await media.download.abort().catch(() => {});
  if ((await fetch(url)).status !== 404) throw new Error("It is still answered.");
};

/** What there is of files, locks and service workers. */
window.left = async () => {
  const files = [];
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle("presigned", { create: true });
  for await (const name of folder.keys()) files.push(name);
  const { held, pending } = await navigator.locks.query();
  const registrations = await navigator.serviceWorker.getRegistrations();
  return { files: files.length, locks: held.length + pending.length, workers: registrations.length };
};

window.close_ = () => media.close();

window.fails = async (key, options) => {
  try {
    return { media: (await client.media(key, options)).url };
  } catch (error) {
    return { failed: TransferError.is(error) ? error.code : error.name, message: error.message };
  }
};

/** What an element would be answered. */
window.ask = async (url, range, method = "GET") => {
  const answer = await fetch(url, { method, headers: range ? { range } : {} });
  const bytes = await answer.arrayBuffer();
  return { status: answer.status, headers: Object.fromEntries(answer.headers), length: bytes.byteLength, digest: await sha256(bytes) };
};

/** Reads a little of an answer and lets go of it. */
window.nibble = async (url) => {
  const reader = (await fetch(url)).body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return value.length;
};

/** A film of so many seconds: noise with a bar in it, which is large and can be sought in. */
window.film = async (seconds, { width, height, rate, bitrate }) => {
  const target = new WebMMuxer.ArrayBufferTarget();
  const muxer = new WebMMuxer.Muxer({ target, video: { codec: "V_VP8", width, height, frameRate: rate } });
  const encoder = new VideoEncoder({ output: (chunk, meta) => muxer.addVideoChunk(chunk, meta), error: (error) => console.error(error) });
  encoder.configure({ codec: "vp8", width, height, bitrate, framerate: rate, latencyMode: "realtime", bitrateMode: "constant" });
  const pixels = new Uint32Array(width * height);
  for (let frame = 0; frame < seconds * rate; frame += 1) {
    for (let index = 0; index < pixels.length; index += 1) pixels[index] = 0xff000000 | (Math.random() * 0x1000000);
    pixels.fill(0xffffffff, 0, Math.ceil((pixels.length * frame) / (seconds * rate)));
    const image = new VideoFrame(pixels.buffer, { format: "RGBX", codedWidth: width, codedHeight: height, timestamp: (frame * 1e6) / rate });
    encoder.encode(image, { keyFrame: frame % rate === 0 });
    image.close();
    while (encoder.encodeQueueSize > 4) await new Promise((resolve) => encoder.addEventListener("dequeue", resolve, { once: true }));
  }
  await encoder.flush();
  muxer.finalize();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([target.buffer], { type: "video/webm" }));
  link.download = "film.webm";
  link.click();
};

async function watch(download) {
  try {
    for await (const event of download) if (event.type === "part") parts[event.part - 1] = event;
  } catch {
    // Told by `end`.
  }
}

function happens(name, is) {
  return new Promise((resolve, reject) => {
    const look = () => is() && resolve();
    video.addEventListener(name, look);
    video.addEventListener("error", () => reject(new Error(video.error?.message ?? "The video fails.")));
    look();
  });
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

window.ready = true;
