// Brings about a value of every kind that the package hands out, and returns them all as plain data.

import { Client, TransferError } from "/presigned/index.js";

const MB = 1_000_000;

window.shapes = async ({ token }) => {
  const logs = [];
  const headers = { authorization: `Bearer ${token}` };
  const client = new Client({ endpoint: "/", headers, partSize: 5 * MB, retryDelays: [1, 1, 1, 1, 1], onLog: (entry) => logs.push(entry) });
  const file = new File([new Uint8Array(17 * MB)], "shapes.bin");

  const upload = client.upload(file);
  const events = [];
  for await (const event of upload) events.push(event);
  const uploaded = await upload;
  const download = client.download(uploaded.key);
  for await (const event of download) events.push(event);
  const downloaded = await download;

  const sums = [];
  const small = ["one.txt", "two.png"].map((name) => new File([name], name, { type: name.endsWith("png") ? "image/png" : "text/plain" }));
  const batch = await client.uploadAll(small, { accept: { types: ["text/*"] }, onProgress: (sum) => sums.push(sum) });
  const unverified = await new Client({ endpoint: "/", headers, checksum: "none" }).upload(small[0]);
  const missing = await client.download("uploads/shapes/missing").catch((error) => error);

  const cut = client.upload(new File([new Uint8Array(18 * MB)], "cut.bin"));
  for await (const event of cut) if (event.type === "part" && event.state === "done") break;
  await cut.abort("later", { keep: true });
  const saved = await client.saved();

  const retries = events.filter(({ type }) => type === "retry");
  const errors = [missing, ...batch.failed.map(({ error }) => error), ...retries.map(({ error }) => error)];
  const blobs = [downloaded.blob, ...batch.failed.map((failed) => failed.file)];
  return {
    classes: [errors.every((error) => error instanceof TransferError), blobs.every((blob) => blob instanceof Blob)],
    events: events.map(({ error, ...event }) => event),
    errors: errors.map(({ name, code, message, status, storageCode, retryable, part }) => plain({ name, code, message, status, storageCode, retryable, part })),
    uploads: [uploaded, unverified, ...batch.done],
    downloads: [{ ...downloaded, blob: undefined }].map(plain),
    sums,
    files: await client.list(),
    findings: await client.doctor(),
    saved: saved.map(({ id, kind, key, name, loaded, total, savedAt, resumable }) => ({ id, kind, key, name, loaded, total, savedAt, resumable })),
    logs,
  };
};

/** Without what is not there. */
function plain(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
