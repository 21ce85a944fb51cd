// A worker that compresses one Blob.

import { gzip } from "./gzip.js";

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ blob: await gzip(data) });
  } catch (error) {
    postMessage({ failed: `${error?.name}: ${error?.message}` });
  }
});
