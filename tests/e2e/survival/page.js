// A page with one transfer, driven from outside: `begin`, `until`, `steer`, `result`. What must outlive the page goes to `tell`.

import { Client } from "/presigned/index.js";

import { bytesOf } from "./bytes.js";

let client;
let transfer;
let waiting = [];
let highest = 0;
let ended = false;
/** When the network came back, until it is used again. */
let back;
const states = new Set();

// A part whose success this page has heard of is stored, and known to be.
const { open } = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  asks();
  const query = new URL(url, location).searchParams;
  if (method === "PUT" && query.has("partNumber")) {
    const part = `${query.get("uploadId")}#${query.get("partNumber")}`;
    this.addEventListener("load", () => this.status === 200 && tell({ acknowledged: part }));
  }
  return open.call(this, method, url, ...rest);
};

const { fetch: plainFetch } = window;
window.fetch = (...request) => {
  asks();
  return plainFetch(...request);
};

addEventListener("online", () => (back = performance.now()));

/** Starts the transfer, or goes on with it, and returns what the SDK says was saved of it. */
window.begin = async (plan) => {
  const onLog = ({ level, message }) => level === "warn" && tell({ warned: message });
  client = new Client({ endpoint: "/", headers: { authorization: `Bearer ${plan.token}` }, onLog, ...plan.client });
  const saved = await client.saved();
  transfer = plan.kind === "upload" ? client.upload(fileOf(plan), { onProgress }) : client.download(plan.key, { onProgress });
  watch();
  return saved.map(({ kind, name, loaded, total }) => ({ kind, name, loaded, total }));
};

/** Waits until so many bytes have moved, or for a state; says whether it came before the end. */
window.until = ({ loaded, state }) =>
  new Promise((resolve) => {
    const check = () => {
      const reached = state === undefined ? highest >= loaded : states.has(state);
      if (reached || ended) resolve(reached && !ended);
      return reached || ended;
    };
    if (!check()) waiting.push(check);
  });

/** Pauses or resumes. */
window.steer = (what) => {
  states.clear();
  transfer[what]();
};

window.forgetStates = () => states.clear();

window.result = async () => {
  try {
    const { key, size, blob, integrity } = await transfer;
    const sha256 = blob && hex(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    return { key, size, sha256, integrity, saved: (await client.saved()).length };
  } catch ({ name, code, message, status, storageCode }) {
    return { failed: { name, code, message, status, storageCode } };
  }
};

window.explain = () => transfer.explain();

/** As picked from a disk: the same bytes, name, type and time in each life of the page. */
function fileOf({ seed, size }) {
  return new File([bytesOf(seed, size)], `seed ${seed}.bin`, { type: "application/x-survival", lastModified: 1.7e12 + seed });
}

function onProgress({ loaded }) {
  if (loaded < highest) tell({ fell: [highest, loaded] });
  highest = Math.max(highest, loaded);
  look();
}

async function watch() {
  try {
    for await (const event of transfer) {
      if (event.type === "state") states.add(event.state);
      if (event.type === "retry") tell({ retry: event.error.code });
      look();
    }
    await transfer;
    tell({ over: true });
  } catch {
    // `result` tells.
  }
  ended = true;
  look();
}

function asks() {
  if (back !== undefined) tell({ recovered: performance.now() - back });
  back = undefined;
}

function look() {
  waiting = waiting.filter((check) => !check());
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
