import { TransferError } from "./errors.js";

/** How to reject each promise that waits for the WebAssembly side. */
const waiting = new Set();
let broken;

/** Called by the WebAssembly side as its last act: after a panic it answers nothing any more. */
export function panicked(message) {
  console.error(`${message}\n\nStack:\n\n${new Error().stack}`);
  broken = new TransferError("internal", `The WebAssembly side has failed; reload the page. ${message}`);
  for (const reject of [...waiting]) reject(broken);
}

/** Rejects `reject` if the WebAssembly side fails, until what this returns is called. */
export function watch(reject) {
  if (broken) reject(broken);
  waiting.add(reject);
  return () => waiting.delete(reject);
}

/** The same promise, but one that does not outlast a panic. */
export function guarded(promise) {
  return new Promise((resolve, reject) => {
    const done = watch(reject);
    promise.then(resolve, reject).finally(done);
  });
}
