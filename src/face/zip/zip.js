// Several objects as one ZIP, stored and not compressed, made as it is read. Loaded when it is asked for.

import { TransferError } from "../errors.js";
// https://github.com/Touffy/client-zip, copied here by the build. It writes Zip64 for what is large, but not for what is many.
import { makeZip } from "./client-zip.js";
import { namesOf } from "./names.js";

/** 65,535 would say that the number is in a Zip64 record. */
const MOST = 65_534;
/** What the time of an entry can say. */
const EARLIEST = new Date(1980, 0, 1);
const LATEST = new Date(2107, 11, 31);

export class Zip {
  #client;
  #entries;
  #onProgress;
  #signal;
  #over = new AbortController();
  #loaded = [];
  #reader;

  constructor(client, entries, { onProgress, signal } = {}) {
    this.#client = client;
    this.#entries = checked(entries);
    this.#onProgress = onProgress;
    this.#signal = signal;
    this.#reader = makeZip(this.#files()).getReader();
  }

  start(controller) {
    const fail = () => {
      controller.error(this.#signal.reason);
      this.#over.abort(this.#signal.reason);
    };
    if (this.#signal?.aborted) return fail();
    this.#signal?.addEventListener("abort", fail, { signal: this.#over.signal });
  }

  async pull(controller) {
    try {
      const { done, value } = await this.#reader.read();
      if (!done) return controller.enqueue(value);
      controller.close();
      this.#over.abort();
    } catch (error) {
      this.#over.abort();
      // An abort has said so already.
      if (!this.#signal?.aborted) throw error;
    }
  }

  cancel(reason) {
    this.#over.abort(reason ?? new DOMException("The ZIP is not wanted any more.", "AbortError"));
  }

  /** One is opened ahead of its turn: of many small ones, each would wait for its URL and its first byte. */
  *#files() {
    const open = (entry, index) => entry && { ...entry, input: this.#client.stream(entry.key, this.#optionsOf(index)) };
    let next = open(this.#entries[0], 0);
    for (let index = 0; next; index += 1) {
      const { input, name, lastModified } = next;
      next = open(this.#entries[index + 1], index + 1);
      yield { input, name, lastModified };
    }
  }

  #optionsOf(index) {
    return {
      signal: this.#over.signal,
      onProgress: (progress) => {
        this.#loaded[index] = progress;
        this.#onProgress?.(this.#sum());
      },
    };
  }

  /** The total is known once that of each is, from its entry or from its stream. */
  #sum() {
    const sizes = this.#entries.map(({ size }, index) => size ?? this.#loaded[index]?.total ?? 0);
    const sum = (values) => values.reduce((sum, value) => sum + value, 0);
    const total = this.#entries.every(({ size }, index) => size !== undefined || this.#loaded[index]) ? sum(sizes) : 0;
    const all = this.#loaded.filter(Boolean);
    const loaded = sum(all.map((progress) => progress.loaded));
    const bytesPerSecond = sum(all.map((progress) => (progress.loaded < progress.total ? progress.bytesPerSecond : 0)));
    const secondsLeft = total > 0 && bytesPerSecond > 0 ? Math.ceil(Math.max(0, total - loaded) / bytesPerSecond) : undefined;
    return { loaded, total: total && Math.max(total, loaded), bytesPerSecond, secondsLeft };
  }
}

/** The entries as objects, each with a key, a name of its own and a time. */
function checked(entries) {
  if (entries.length > MOST) throw wrong("keys", `at most ${MOST}`);
  const all = entries.map((entry) => (typeof entry === "string" ? { key: entry } : { ...entry }));
  for (const { key, name } of all) {
    if (typeof key !== "string" || key === "") throw wrong("key", "a string with something in it");
    if (name !== undefined && typeof name !== "string") throw wrong("name", "a string");
  }
  const names = namesOf(all);
  return all.map(({ key, size, lastModified }, index) => ({ key, size, name: names[index], lastModified: timeOf(lastModified) }));
}

function timeOf(lastModified = new Date()) {
  const time = new Date(lastModified);
  if (Number.isNaN(time.getTime())) throw wrong("lastModified", "a Date, or milliseconds since 1970");
  return new Date(Math.min(Math.max(time, EARLIEST), LATEST));
}

function wrong(name, shape) {
  return new TransferError("invalid-option", `\`${name}\` must be ${shape}.`);
}
