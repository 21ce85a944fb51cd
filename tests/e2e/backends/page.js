// A page on which any of the backends does any of the table's rows.

import { Client } from "/presigned/index.js";
import { bytesOf } from "/survival/bytes.js";

import { contenders } from "./contenders.js";

const PART = 5 << 20;
const clients = {};

function clientOf({ backend, where, size, options }) {
  const name = JSON.stringify([backend, where, size > PART, options]);
  return (clients[name] ??= new Client({ ...contenders[backend]({ ...where, size }), partSize: PART, retryDelays: [10, 20, 40], ...options }));
}

const fileOf = ({ seed, size, name = "plain.bin", type = "application/x-table" }) =>
  new File([bytesOf(seed, size)], name, { type, lastModified: 1.7e12 });

/** What became of it, as plain data. */
async function outcome(transfer) {
  const logs = () => transfer.explain().map(({ message, detail }) => [message, detail?.what, detail?.status].filter(Boolean).join(" "));
  try {
    const { key, size, etag, integrity, blob } = await transfer;
    const sha256 = blob && hex(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    return { key, size, etag, integrity, sha256, logs: logs() };
  } catch ({ name, code, message, status, storageCode, retryable }) {
    return { error: { name, code, message, status, storageCode, retryable }, logs: logs() };
  }
}

window.Client = Client;
window.begin = (plan) => clientOf(plan).upload(fileOf(plan));
window.up = (plan) => outcome(clientOf(plan).upload(fileOf(plan), { key: plan.key, metadata: plan.metadata }));
window.down = (plan) => outcome(clientOf(plan).download(plan.key));
/** A span of an object, read in order. */
window.span = async (plan) => {
  const bytes = await new Response(clientOf(plan).stream(plan.key, { start: plan.start, end: plan.end })).arrayBuffer();
  return hex(await crypto.subtle.digest("SHA-256", bytes));
};
/** Many at once, and what the client's log said. */
window.many = async (plan) => {
  const lines = [];
  const client = new Client({ ...contenders[plan.backend](plan.where), onLog: ({ message }) => lines.push(message) });
  const ends = [];
  for (let round = 0; round < 2; round += 1) {
    const files = [1, 2, 3].map((seed) => fileOf({ seed, size: 3, name: `${seed}.bin` }));
    ends.push(await client.uploadAll(files).then(({ done }) => done.length));
  }
  return { ends, lines: lines.filter((line) => !/^[→←✕]/.test(line)) };
};

window.list = async (plan) => (await clientOf(plan).list({ prefix: plan.prefix })).map(({ key, size, lastModified }) => ({ key, size, time: lastModified.getTime() }));
window.remove = (plan) => clientOf(plan).remove(plan.key).then(() => "removed", ({ code, message }) => ({ code, message }));

window.examine = (plan) => clientOf(plan).doctor();

/** Uploads until some part is stored, and aborts. */
window.cut = async (plan) => {
  const upload = clientOf(plan).upload(fileOf(plan), { key: plan.key });
  try {
    for await (const event of upload) {
      if (event.type === "part" && event.state === "done") await upload.abort("enough", { keep: plan.keep });
    }
  } catch (reason) {
    return { reason: reason?.message ?? reason, state: upload.state };
  }
};

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
