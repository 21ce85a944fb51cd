// A worker of the SDK: hashes the Blobs that it is sent, one after another, or keeps files. First of all it gets the compiled
// module.

import init, { hash_blob as hash, hash_on as hashOn } from "./presigned.js";
import { Disk } from "./disk.js";

let last;
let disk;
const asked = new Set();

addEventListener("message", ({ data }) => {
  if (!last) {
    last = init({ module_or_path: data });
    return;
  }
  if (typeof data[0] === "number") {
    last.then(() => keep(...data));
    return;
  }
  const [blob, algorithm] = data;
  // What rejects ends this worker's usefulness: an error event says so.
  last = last.then(async () => postMessage(await hash(blob, algorithm)));
  last.catch((error) => reportError(error));
});

/** Answers under the question's number; 0 is the last one. */
async function keep(number, ...question) {
  if (number === 0) {
    await Promise.allSettled(asked);
    return close();
  }
  disk ??= new Disk(hashOn);
  const answer = disk.ask(...question);
  asked.add(answer);
  try {
    postMessage([number, await answer]);
  } catch ({ name, message }) {
    postMessage([number, undefined, `${name}`, `${message}`]);
  }
  asked.delete(answer);
}
