// One run of one contender, measured by the page itself: `prepare`, then `run`, then `finish`. Each is called from outside, once.

import { watchMemory } from "./memory.js";
import { watchThread } from "./thread.js";

const memory = watchMemory();
let task;
let contender;
let ready;
let result;

/** Loads the contender and has it make what a page would make ahead of a transfer; how long that took. */
window.prepare = async (given) => {
  task = { ...given, files: [...document.querySelector("#files").files] };
  performance.setResourceTimingBufferSize(100_000);
  const start = performance.now();
  contender = await import(`/contenders/${task.contender}.js`);
  ready = await contender.prepare?.(task);
  return { prepareMs: performance.now() - start };
};

/** The clock runs in here. */
window.run = async () => {
  const thread = watchThread();
  memory.begin();
  const start = performance.now();
  result = await contender.run(task, ready);
  const end = performance.now();
  const grown = memory.end();
  // What the browser tells late is told by then.
  const blockedMs = await thread.blocked(start, end);
  const isRequest = ({ name, startTime }) => startTime >= start && !name.startsWith(location.origin);
  const requests = performance.getEntriesByType("resource").filter(isRequest);
  return {
    seconds: (end - start) / 1_000,
    requests: requests.length,
    firstRequestMs: requests.length > 0 ? Math.min(...requests.map(({ startTime }) => startTime)) - start : undefined,
    blockedMs,
    visible: document.visibilityState === "visible",
    ...grown,
  };
};

/** What is no longer measured. Of a download, the digest of what arrived, as `makeFiles` has it: that of its slices' digests. */
window.finish = async () => {
  await contender.finish?.(task, ready);
  if (!(result instanceof Blob)) return {};
  const digests = [];
  for (let start = 0; start < result.size; start += task.slice) {
    const slice = await result.slice(start, start + task.slice).arrayBuffer();
    digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", slice)));
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(digests).arrayBuffer()));
  return { size: result.size, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
};
