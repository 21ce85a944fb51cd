// A worker of the SDK: hashes the Blobs that it is sent, one after another, or keeps files. First of all it gets the compiled
// module.

import { Disk } from "./disk.js";
import { hash, hashBlob, load } from "./hash.js";

let last;
let disk;
const asked = new Set();

addEventListener("message", ({ data }) => {
  if (!last) {
    last = load(data);
    return;
  }
  if (typeof data[0] === "number") {
    last.then(() => keep(...data));
    return;
  }
  const [blob, algorithm] = data;
  // What rejects ends this worker's usefulness: an error event says so.
  last = last.then(async () => postMessage(await hashBlob(blob, algorithm)));
  last.catch((error) => reportError(error));
});

/** Answers under the question's number; 0 is the last one. */
async function keep(number, ...question) {
  if (number === 0) {
    await Promise.allSettled(asked);
    return close();
  }
  disk ??= new Disk(hash);
  const answer = disk.ask(...question);
  asked.add(answer);
  try {
    const value = await answer;
    const [, , , written] = question;
    // What was written is of no more use here, and the page reads into its buffer again.
    const back = ArrayBuffer.isView(written) ? [written.buffer] : [];
    postMessage([number, value, undefined, undefined, ...back], value instanceof Uint8Array ? [value.buffer] : back);
  } catch ({ name, message }) {
    postMessage([number, undefined, `${name}`, `${message}`]);
  }
  asked.delete(answer);
}
