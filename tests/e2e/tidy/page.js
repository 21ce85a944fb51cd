// Many transfers in one page, of every ending, and what is left of them.

import { Client } from "/presigned/index.js";

/** What is held now. */
async function inventory() {
  const { listeners, timers, urls, workers, requests } = window.held;
  const { held, pending } = await navigator.locks.query();
  return { listeners, timers, urls, workers, requests, locks: held.length + pending.length };
}

/** `count` transfers: uploads that end well, that are aborted, that are refused; downloads. Returns how they ended. */
async function crowd(client, count, signal) {
  const ends = { done: 0, aborted: 0, refused: 0 };
  const settle = async (transfer, name) => {
    await transfer.then(() => (ends.done += 1), () => (ends[name] += 1));
  };
  const files = Array.from({ length: count }, (_, index) => new File([`file ${index}`], `${index}.txt`));
  for (let at = 0; at < count; at += 50) {
    await Promise.all(
      files.slice(at, at + 50).map(async (file, index) => {
        if (index % 10 === 0) return settle(client.upload(file, { signal, accept: { maxSize: 1 } }), "refused");
        const upload = client.upload(file, { signal, onProgress: () => {} });
        if (index % 10 === 1) {
          upload.abort();
          return settle(upload, "aborted");
        }
        const { key } = await upload;
        ends.done += 1;
        if (index % 10 === 2) await settle(client.download(key, { signal }), "aborted");
        if (index % 10 === 3) for await (const event of client.download(key)) void event;
      }),
    );
  }
  return ends;
}

window.live = async ({ token, count }) => {
  const untouched = await inventory();
  const client = new Client({ endpoint: "/", headers: { authorization: `Bearer ${token}` } });
  const { signal } = new AbortController();
  // What is loaded and opened once stays.
  await crowd(client, 50, signal);
  const before = await inventory();
  const memory = window.held.memory();
  const ends = await crowd(client, count, signal);
  const after = await inventory();
  const grown = window.held.memory() - memory;

  // One in parts, so that a lock is held and a record written, and then none any more.
  const large = new Blob([new Uint8Array(20_000_000)]);
  const upload = client.upload(large);
  for await (const event of upload) if (event.type === "part" && event.state === "done") break;
  const during = await inventory();
  await upload.abort();
  const saved = await client.saved();
  const list = client.list();
  client.close();
  await list.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  const closed = await inventory();
  return { untouched, ends, before, after, grown, during, saved: saved.length, closed, imports: window.imports };
};
