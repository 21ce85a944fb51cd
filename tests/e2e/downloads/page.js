// A page with downloads, and uploads, by whatever options, driven from outside.

import { Client, TransferError } from "/presigned/index.js";

let client;
let token;
const transfers = new Map();

/** `told`: what functions of this page tell of an object, in a server's stead. */
window.open_ = (own, { told, unable, ...options } = {}) => {
  token = own;
  const headers = { authorization: `Bearer ${token}` };
  client = new Client(told ? { backend: { id: "functions", requestUpload: (file) => sign(file, unable), requestDownload: (key) => tell(key, told) }, ...options } : { endpoint: "/", headers, ...options });
};

async function sign({ filename, contentType, size, key, contentEncoding }, unable) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const file = { filename, content_type: contentType, size, key, content_encoding: unable ? undefined : contentEncoding };
  const answer = await fetch("/request-upload", { method: "POST", headers, body: JSON.stringify(file) });
  const { upload_url: url, file_key, headers: own, content_encoding } = await answer.json();
  return { url, key: file_key, headers: own, contentEncoding: content_encoding };
}

async function tell(key, told) {
  const answer = await fetch(`/request-download/${key}`, { headers: { authorization: `Bearer ${token}` } });
  const { download_url: url, ...rest } = await answer.json();
  return { url, ...Object.fromEntries(told.map((name) => [name, rest[name]])) };
}

window.begin = (name, key, options) => {
  const transfer = client.download(key, options);
  transfer.catch(() => {});
  transfers.set(name, transfer);
};

/** Waits until so many bytes of it count. */
window.reaches = async (name, bytes) => {
  const transfer = transfers.get(name);
  while (transfer.progress.loaded < bytes && transfer.state !== "failed" && transfer.state !== "done") await new Promise((resolve) => setTimeout(resolve, 10));
};

window.end = async (name) => {
  const transfer = transfers.get(name);
  const outcome = await transfer.then(
    async ({ blob, ...result }) => ({ ...result, type: blob?.type, sha256: blob && (await sha256(await blob.arrayBuffer())) }),
    (error) => ({ failed: TransferError.is(error) ? error.code : error.name, message: error.message, status: error.status }),
  );
  const log = transfer.explain();
  return { ...outcome, state: transfer.state, progress: transfer.progress, urls: urls(log), log: log.map(({ message }) => message) };
};

window.download = async (key, options) => {
  begin("one", key, options);
  return end("one");
};

window.steer = (name, how) => transfers.get(name)[how]();

window.abort = (name, reason) => transfers.get(name).abort(reason);

/** A file of so many lines, which gzip halves. */
function fileOf(name, type, lines) {
  let seed = 1;
  const line = () => `${(seed = (seed * 48271) % 0x7fffffff).toString(16).padStart(8, "0")}\n`;
  return new File([Array.from({ length: lines }, line).join("")], name, { type, lastModified: 1 });
}

window.upload = async (name, type, lines, options) => {
  const file = fileOf(name, type, lines);
  const transfer = client.upload(file, options);
  const outcome = await transfer.catch((error) => ({ failed: error.code ?? error.name, message: error.message }));
  return { ...outcome, log: transfer.explain().map(({ message }) => message), sha256: await sha256(await file.arrayBuffer()), plain: file.size };
};

window.uploadAll = async (files, options) => {
  const sums = [];
  const batch = client.uploadAll(files.map((file) => fileOf(...file)), { ...options, onProgress: (sum) => sums.push(sum) });
  const { done, failed } = await batch;
  return { sizes: done.map(({ size }) => size), failed: failed.length, last: sums.at(-1) };
};

/** Ends an upload once some of it is stored, as a closed tab does. */
window.cutOff = async (name, type, lines, options) => {
  const transfer = client.upload(fileOf(name, type, lines), options);
  for await (const event of transfer) if (event.type === "part" && event.state === "done") break;
  await transfer.abort("enough", { keep: true });
};

window.streamed = async (key) => sha256(await new Response(client.stream(key)).arrayBuffer());

window.clear = () => client.clearCache();

/** What is kept, by the name of its file. */
window.kept = async () => {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("presigned-cache", { create: true });
  const sizes = {};
  // What is being written may be gone before it is looked at.
  for await (const [name, handle] of folder.entries()) await handle.getFile().then(({ size }) => (sizes[name] = size), () => {});
  return sizes;
};

/** Waits until it is said whether the last download is kept. */
window.told = async () => {
  const said = () => transfers.get("one").explain().some(({ message }) => /^The download is (not )?kept/.test(message));
  while (!said()) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** Spoils the bytes of what is kept. */
window.spoil = async () => {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("presigned-cache");
  for await (const [name, handle] of folder.entries()) {
    if (name.endsWith(".json")) continue;
    const writable = await handle.createWritable();
    await writable.write("no more");
    await writable.close();
  }
};

window.file = async (path) => {
  const names = path.split("/");
  const name = names.pop();
  let folder = await navigator.storage.getDirectory();
  for (const step of names) folder = await folder.getDirectoryHandle(step);
  return sha256(await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer());
};

function urls(log) {
  return log.flatMap(({ detail }) => (detail?.kind === "request" && detail.what === "get" ? [new URL(detail.url).host] : []));
}

async function sha256(bytes) {
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

window.ready = true;
