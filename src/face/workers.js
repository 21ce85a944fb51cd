// Where workers come from. The URL is spelled out as bundlers look for it.

export function startWorker() {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "presigned" });
}
