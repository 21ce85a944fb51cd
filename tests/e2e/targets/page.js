// A page with one download at a time into a file of its origin, driven from outside.

import { Client, TransferError } from "/presigned/index.js";

let client;
let transfer;
let loaded = 0;

/** How often the browser was asked to keep its files. */
window.asked = 0;
StorageManager.prototype.persist = async () => {
  window.asked += 1;
  throw new Error("Not today.");
};

window.open_ = (token, options) => {
  client = new Client({ endpoint: "/", headers: { authorization: `Bearer ${token}` }, ...options });
};

/** Starts one, or goes on with what is saved. */
window.begin = async ({ key, to, resume, saved }) => {
  loaded = 0;
  const onProgress = (progress) => (loaded = progress.loaded);
  if (saved) transfer = (await client.saved())[0].resume({ onProgress });
  else transfer = client.download(key, { to: isPath(to) ? await handleOf(to) : to, resume, onProgress });
  transfer.catch(() => {});
};

/** Waits until so many bytes count; returns how many do. */
window.reaches = async (bytes) => {
  while (loaded < bytes && transfer.state !== "failed") await new Promise((resolve) => setTimeout(resolve, 10));
  return loaded;
};

window.end = async () => {
  try {
    const { blob, ...result } = await transfer;
    window.blob = blob;
    const asked = transfer.explain().map(({ detail }) => detail?.kind === "request" && detail.what);
    return { ...result, size_: blob?.size, type: blob?.type, hashed: asked.filter((what) => what === "hash").length };
  } catch (error) {
    return { failed: TransferError.is(error) ? error.code : `${error}`, message: error.message };
  }
};

window.savedNow = async () => (await client.saved()).map(({ kind, key, loaded, total, to }) => ({ kind, key, loaded, total, to }));

/** Every file of OPFS, with its size. */
window.files = async (folder, path = "") => {
  const all = {};
  for await (const [name, handle] of (folder ?? (await navigator.storage.getDirectory())).entries()) {
    if (handle.kind === "directory") Object.assign(all, await files(handle, `${path}${name}/`));
    // A worker may delete it just now.
    else await handle.getFile().then(({ size }) => (all[path + name] = size), () => {});
  }
  return all;
};

/** Hands a file, or the Blob of the last download, to the browser's own download. */
window.save = async (path) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(path ? await (await handleOf(path)).getFile() : window.blob);
  link.download = "saved";
  link.click();
};

/** The SHA-256 of a file, or of the Blob of the last download. */
window.digest = async (path) => {
  const file = path ? await (await handleOf(path)).getFile() : window.blob;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

window.remove_ = async (path) => (await navigator.storage.getDirectory()).removeEntry(path, { recursive: true });

const isPath = (to) => typeof to === "string" && !["auto", "blob"].includes(to);

async function handleOf(path) {
  const names = path.split("/");
  const name = names.pop();
  let folder = await navigator.storage.getDirectory();
  for (const step of names) folder = await folder.getDirectoryHandle(step, { create: true });
  return folder.getFileHandle(name, { create: true });
}

window.ready = true;
