import init, { Session } from "./presigned.js";
import { TransferError } from "./errors.js";
import { guarded } from "./panic.js";
import { SavedTransfer } from "./saved.js";
import { streamOf } from "./stream.js";
import { Batch, Transfer } from "./transfer.js";
import { turns } from "./turns.js";

export { TransferError };
// Plain JavaScript, each in a file of its own: what of it an application does not import, its bundler leaves out.
export { azure } from "./backends/azure.js";
export { betterUpload } from "./backends/better-upload.js";
export { companion } from "./backends/companion.js";
export { resumable } from "./backends/resumable.js";
export { signer } from "./backends/signer.js";
export { uppyCallbacks } from "./backends/uppy-callbacks.js";

let loading;

/** Loads the WebAssembly module with the first client, once a page. A failed attempt is not the last one. */
function load() {
  loading ??= init().catch((error) => {
    loading = undefined;
    throw new TransferError("internal", `The WebAssembly module can't be loaded: ${error.message}`, true);
  });
  return loading;
}

/** 0 of what is no file: that is told where it is begun. */
const sizeOf = (source) => source?.size ?? 0;

/** A page that asks a server by `endpoint` does not load what speaks for functions. */
async function withBackend(options) {
  if (options?.backend === undefined) return options;
  const { speak } = await import("./functions.js");
  return { ...options, backend: speak(options.backend) };
}

export class Client {
  #options;
  #session;
  #next = 1;
  #closed = false;

  constructor(options = {}) {
    this.#options = options;
    this.#session = Promise.all([withBackend(options), load()]).then(([options]) => new Session(options));
    // Each transfer hears of it; without one nobody needs to.
    this.#session.catch(() => {});
  }

  upload(source, options = {}) {
    const number = this.#next++;
    return this.#upload(number, source, options);
  }

  uploadAll(sources, options = {}) {
    const files = [...sources];
    const { onProgress, key, ...rest } = options;
    const [group, turn] = [this.#next++, turns()];
    let [batch, total] = [undefined, 0];
    // Chromium asks another process for the size of each file that was chosen, and the page waits.
    const measured = files.map(async (file) => {
      const later = turn();
      if (later) await later;
      total += sizeOf(file);
    });
    // Posted ahead of its members: the mailbox keeps their order.
    const announced = Promise.all([this.#session, ...measured]).then(([session]) => {
      batch.announce(total);
      session.group(group, total, files.length, batch.observer);
    });
    // Each upload hears of it; where there is none, nobody needs to.
    announced.catch(() => {});
    const uploads = files.map((file) => {
      const number = this.#next++;
      return this.#upload(number, file, { ...rest, key: key?.(file) }, group, announced.then(turn));
    });
    batch = new Batch(group, total, uploads, files, onProgress);
    return batch;
  }

  download(key, options = {}) {
    const number = this.#next++;
    return new Transfer(this.#session, number, () => 0, options, async (session, observer, ending) => {
      const begin = (observer) => session.download(number, key, options, observer);
      if ((options?.cache ?? "none") === "none") return begin(observer);
      const { revalidated } = await import("./extras/revalidate.js");
      return revalidated(this.#options, key, options, observer, ending, begin);
    });
  }

  async clearCache() {
    const { clear } = await import("./extras/cache.js");
    await clear();
  }

  stream(key, options = {}) {
    return streamOf(this.#session, this.#next++, key, options);
  }

  async media(key, options) {
    const { Media } = await import("./media/media.js");
    return Media.open(this.#session, this.#next++, key, options);
  }

  zip(keys, options) {
    const entries = [...keys];
    const zip = import("./zip/zip.js").then(({ Zip }) => new Zip(this, entries, options));
    return new ReadableStream(
      {
        start: async (controller) => (await zip).start(controller),
        pull: async (controller) => (await zip).pull(controller),
        cancel: async (reason) => (await zip).cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  async list(options) {
    return this.#call((session) => session.list(options));
  }

  async remove(key, options) {
    return this.#call((session) => session.remove(key, options));
  }

  async saved() {
    const records = await this.#call((session) => session.saved());
    const resume = (record, options) => this.#resume(record, options);
    return records.map((record) => new SavedTransfer(record, resume, () => this.#call((session) => session.discard(record.id))));
  }

  async doctor(options) {
    // Options that are wrong, or a module that can't be loaded, are no matter of storage.
    await guarded(this.#session);
    const { examine } = await import("./doctor/walk.js");
    return examine(this.#options, options);
  }

  close() {
    this.#closed = true;
    this.#session.then((session) => session.close()).catch(() => {});
  }

  /** A member of a group waits for its turn. */
  #upload(number, source, options, group, turn) {
    const session = turn ? turn.then(() => this.#session) : this.#session;
    return new Transfer(session, number, () => sizeOf(source), options, async (session, observer, ending) => {
      // What has not begun ends like what has.
      if (turn && this.#closed) return observer.aborted();
      const begin = (source, options) => session.upload(number, source, options, group, observer);
      if (!options?.compress) return begin(source, options);
      const { compressed } = await import("./extras/compress.js");
      return begin(...(await compressed(this.#options, source, options, observer, ending)));
    });
  }

  #resume({ id, kind, key, total, to }, options = {}) {
    if (kind === "download") return this.download(key, { to, ...options });
    const number = this.#next++;
    return new Transfer(this.#session, number, () => total, options, (session, observer) =>
      session.resume_upload(number, id, options, observer),
    );
  }

  #call(ask) {
    return guarded(this.#session.then(ask));
  }
}
