// A download that an element plays or shows while it comes. Loaded when it is asked for.

import { TransferError } from "../errors.js";
import { Transfer } from "../transfer.js";
import { Arrivals } from "./arrivals.js";
import { rangeOf } from "./range.js";
import { connect, serve } from "./service.js";

/** Bytes handed over at once. */
const PIECE = 512 * 1024;

export class Media {
  #transfer;
  #source;
  #arrivals = new Arrivals();
  #whole;
  #contentType;
  #close = () => {};
  url;

  /** Resolves once it can be played; without a service worker, that is at its end. */
  static async open(session, number, key, { worker = "media-worker.js", contentType, ...options } = {}) {
    options.signal?.throwIfAborted();
    const base = await connect(worker);
    options.signal?.throwIfAborted();
    const media = new Media(session, number, key, options, contentType);
    await (base ? media.#stream(base) : media.#wait());
    return media;
  }

  constructor(session, number, key, options, contentType) {
    this.#contentType = contentType;
    this.#transfer = new Transfer(session, number, () => 0, options, (session, observer) => {
      this.#source = session.media(number, key, options, observer, (what, ...values) => this.#arrivals[what](...values));
    });
    this.#whole = this.#transfer.then(async ({ blob }) => blob ?? fileOf(options.to));
    this.#whole.catch(() => {}).finally(() => {
      // From now on all is read from what it has become.
      this.#source?.free();
      this.#source = undefined;
      this.#arrivals.end();
    });
  }

  get download() {
    return this.#transfer;
  }

  close() {
    this.#close();
  }

  async #stream(base) {
    const id = crypto.randomUUID();
    this.url = base + id;
    this.#close = serve(id, (port, method, range) => this.#answer(port, method, range));
  }

  async #wait() {
    const whole = await this.#whole;
    const type = this.#contentType;
    this.url = URL.createObjectURL(type ? whole.slice(0, whole.size, type) : whole);
    this.#close = () => URL.revokeObjectURL(this.url);
  }

  /** One request of an element, as a server would answer it. */
  async #answer(port, method, header) {
    let facts;
    try {
      facts = await this.#facts();
    } catch {
      return port.postMessage({ status: 502, headers: {}, hasBody: false });
    }
    const { size, type } = facts;
    const range = rangeOf(header, size);
    const headers = { "accept-ranges": "bytes", "cache-control": "no-store" };
    if (!range) return port.postMessage({ status: 416, headers: { ...headers, "content-range": `bytes */${size}` }, hasBody: false });
    const { start, end, part } = range;
    headers["content-length"] = `${end - start}`;
    if (type) headers["content-type"] = type;
    if (part) headers["content-range"] = `bytes ${start}-${end - 1}/${size}`;
    const hasBody = method !== "HEAD";
    if (hasBody) this.#send(port, start, end);
    port.postMessage({ status: part ? 206 : 200, headers, hasBody });
  }

  /** Sends as much as is asked for. */
  #send(port, start, end) {
    let at = start;
    port.onmessage = async ({ data }) => {
      if (data !== "more") return port.close();
      if (at >= end) return port.postMessage({});
      try {
        const bytes = await this.#read(at, Math.min(end, at + PIECE));
        if (bytes.length === 0) throw new TransferError("internal", "Bytes are missing from what is played.");
        at += bytes.length;
        port.postMessage({ bytes }, [bytes.buffer]);
      } catch (error) {
        port.postMessage({ error: `${error?.message}` });
      }
    };
  }

  /** The size as storage has told it; where it has not, that of the whole. */
  async #facts() {
    while (!this.#arrivals.facts && (await this.#arrivals.change()));
    const { size, type = "" } = this.#arrivals.facts ?? {};
    const known = size === undefined ? await this.#whole : { size };
    return { size: known.size, type: this.#contentType ?? (type || known.type) };
  }

  /** Some bytes, once there are any; what is waited for is fetched next. */
  async #read(start, end) {
    if (this.#arrivals.endOf(start) === undefined) this.#source?.want(start);
    do {
      const there = this.#arrivals.endOf(start);
      // Where it is not to be read yet, a Blob is being made of it.
      const bytes = there && (await this.#source?.read(start, Math.min(end, there)));
      if (bytes) return bytesOf(bytes);
    } while (await this.#arrivals.change());
    return bytesOf((await this.#whole).slice(start, end));
  }
}

async function bytesOf(data) {
  return data instanceof Blob ? new Uint8Array(await data.arrayBuffer()) : data;
}

/** What a download has been put into. */
async function fileOf(to) {
  if (to.getFile) return to.getFile();
  const names = to.opfs.split("/");
  const name = names.pop();
  let folder = await navigator.storage.getDirectory();
  for (const step of names) folder = await folder.getDirectoryHandle(step);
  return (await folder.getFileHandle(name)).getFile();
}
