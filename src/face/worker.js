// A worker of the SDK: hashes the Blobs that it is sent, one after another. First of all it gets the compiled module.

import init, { hash_blob as hash } from "./presigned.js";

let last;

addEventListener("message", ({ data }) => {
  if (!last) {
    last = init({ module_or_path: data });
    return;
  }
  const [blob, algorithm] = data;
  // What rejects ends this worker's usefulness: an error event says so.
  last = last.then(async () => postMessage(await hash(blob, algorithm)));
  last.catch((error) => reportError(error));
});
