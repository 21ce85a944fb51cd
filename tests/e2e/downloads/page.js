// A page with downloads, and uploads, by whatever options, driven from outside.

import { Client, TransferError } from "/presigned/index.js";

let client;
let token;
const transfers = new Map();

/** `told`: what functions of this page tell of an object, in a server's stead. */
window.open_ = (own, { told, ...options } = {}) => {
  token = own;
  const headers = { authorization: `Bearer ${token}` };
  client = new Client(told ? { backend: { id: "functions", requestUpload: () => {}, requestDownload: (key) => tell(key, told) }, ...options } : { endpoint: "/", headers, ...options });
};

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

window.upload = async (name, type, text, options) => {
  const file = new File([text], name, { type, lastModified: 1 });
  const transfer = client.upload(file, options);
  const outcome = await transfer.catch((error) => ({ failed: error.code ?? error.name, message: error.message }));
  return { ...outcome, log: transfer.explain().map(({ message }) => message), sha256: await sha256(await file.arrayBuffer()), plain: file.size };
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
