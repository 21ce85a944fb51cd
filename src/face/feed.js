import { watch } from "./panic.js";

const noop = () => {};

/** A promise with its events: what an application awaits, iterates or gives callbacks to. */
export class Feed {
  #queues = new Set();
  #callbacks;
  #settle;
  #unwatch;
  ended = false;

  /** `callbacks`: a function for each type of event. What they throw is reported, and ends nothing. */
  constructor(callbacks) {
    this.#callbacks = callbacks;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#unwatch = watch((error) => this.reject(error));
  }

  emit(event) {
    const { type, ...payload } = event;
    try {
      this.#callbacks[type]?.(payload);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
    for (const queue of this.#queues) queue.push(event);
  }

  resolve(value) {
    this.#end(() => this.#settle.resolve(value));
  }

  reject(error) {
    this.#end(() => this.#settle.reject(error));
  }

  /** Settled either way, without the outcome. */
  settled() {
    return this.promise.then(noop, noop);
  }

  /** Events from now on. A failure is thrown here, so it is not also an unhandled rejection. */
  async *events() {
    this.promise.catch(noop);
    const queue = new Queue();
    if (!this.ended) this.#queues.add(queue);
    try {
      while (!this.ended || queue.size > 0) {
        if (queue.size > 0) yield queue.shift();
        else await queue.more(this.settled());
      }
      await this.promise;
    } finally {
      this.#queues.delete(queue);
    }
  }

  #end(settle) {
    if (this.ended) return;
    this.ended = true;
    this.#unwatch?.();
    settle();
  }
}

/** Events that were not read yet. A newer figure replaces an older one, so a slow reader costs no memory. */
class Queue {
  #events = new Map();
  #count = 0;
  #wake = noop;

  get size() {
    return this.#events.size;
  }

  push(event) {
    const replaces = event.type === "progress" ? "progress" : event.type === "part" ? `part ${event.part}` : this.#count++;
    this.#events.delete(replaces);
    this.#events.set(replaces, event);
    this.#wake();
  }

  shift() {
    const [key, event] = this.#events.entries().next().value;
    this.#events.delete(key);
    return event;
  }

  more(settled) {
    return Promise.race([settled, new Promise((wake) => (this.#wake = wake))]);
  }
}
