import { roundTrip } from "./round-trip.js";

window.roundTrip = roundTrip;

/** The same, with the SDK in a worker: its own workers are the worker's. */
window.roundTripInWorker = (options) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./in-a-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(options);
  });
