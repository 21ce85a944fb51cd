// Files of downloads, as a worker keeps them in the origin private file system (OPFS), or streams them to where they are wanted.
//
// Beside each file lies a journal: a first line that says what it is of, then the runs of bytes that were written and flushed,
// as they grow. Only what is noted there counts, so it is true however the page ends. A final name is given by a move, or at
// the end of a stream that leaves the old file in its place until then: nothing partial ever has one.

import { patiently } from "./patiently.js";
import { Runs } from "./runs.js";

const FOLDER = "presigned";
const JOURNAL = ".journal";
/** So long, in milliseconds, what was begun is worth its room. */
const OLDEST = 7 * 24 * 3_600_000;

export class Disk {
  #files = new Map();
  #hash;

  /** `hash(sum, bytes)`: the checksum of what `sum` is of, and these bytes behind it. */
  constructor(hash) {
    this.#hash = hash;
  }

  /** Does what is asked, for the file of this name in its turn. */
  async ask(what, id, ...rest) {
    const file = this.#files.get(id);
    // What comes too late for a file is of no use any more.
    return file ? file[what]?.(...rest) : this[what]?.(id, ...rest);
  }

  /**
   * Opens a file, as the best that there is. `way`: "kept" for nothing less; "in-place" for a stream into that of `handle`, which
   * stays as it is until the end, and of which nothing outlives the page. Returns why it is not kept, else what an earlier life
   * has left in it.
   */
  async open(id, algorithm, way, handle) {
    try {
      if (way !== "in-place") return [undefined, ...(await this.#keep(id, algorithm))];
      await this.#stream(id, algorithm, handle);
      return [""];
    } catch (error) {
      if (way !== "best") throw error;
      await this.#stream(id, algorithm, handle);
      return [`${error.name}: ${error.message}`];
    }
  }

  /** What there is of a file that nobody has open. */
  async look(id) {
    return new Runs((await read(id)).lines).all();
  }

  remove(id) {
    return remove(id);
  }

  /** Deletes what nobody can need any more: no page holds it, and it was not begun, or long ago. */
  async sweep() {
    if (!navigator.locks) return;
    const folder = await ours();
    const begun = new Map();
    for await (const [name, handle] of folder.entries()) {
      const id = name.replace(JOURNAL, "");
      const at = id === name ? 0 : (await handle.getFile()).lastModified;
      begun.set(id, Math.max(at, begun.get(id) ?? 0));
    }
    const { held } = await navigator.locks.query();
    for (const { name } of held) begun.delete(name.split(":").pop());
    for (const [id, at] of begun) if (Date.now() - at > OLDEST) await remove(id);
  }

  async #keep(id, algorithm) {
    const handle = await (await ours()).getFileHandle(id, { create: true });
    const access = await patiently(() => handle.createSyncAccessHandle());
    const { header, lines } = await read(id);
    const runs = new Runs(lines, await access.getSize());
    const file = new KeptFile(id, handle, access, runs, this.#hashing(algorithm), () => this.#files.delete(id));
    this.#files.set(id, file);
    if (header) await file.begin(header);
    return [header, runs.all()];
  }

  async #stream(id, algorithm, handle) {
    handle ??= await (await ours()).getFileHandle(id, { create: true });
    const writable = await handle.createWritable();
    this.#files.set(id, new StreamedFile(id, handle, writable, this.#hashing(algorithm), () => this.#files.delete(id)));
  }

  #hashing(algorithm) {
    return (bytes) => (sum) => algorithm && this.#hash(sum ?? "", bytes, algorithm);
  }
}

/** What both kinds of files have in common: one step after another, and bytes that came already are not written again. */
class OpenFile {
  runs;
  #hashing;
  #last = Promise.resolve();
  #settling;

  constructor(runs, hashing, gone) {
    this.runs = runs;
    this.#hashing = hashing;
    this.gone = gone;
  }

  /** Resolves once it counts. */
  async write(at, bytes) {
    await this.next(async () => {
      const end = at + bytes.length;
      for (let own; (own = this.runs.missing(at, end)); ) {
        const part = bytes.subarray(own[0] - at, own[1] - at);
        await this.put(part, own[0]);
        this.runs.add(...own, this.#hashing(part));
      }
    });
    // All that came meanwhile is flushed with it.
    await (this.#settling ??= new Promise((soon) => setTimeout(soon)).then(() => {
      this.#settling = undefined;
      this.settle();
    }));
  }

  /** Without these stretches, and without checksums: those are of other bytes. */
  forget(lost) {
    this.#hashing = () => () => undefined;
    this.runs = this.runs.without(lost);
  }

  next(step) {
    const done = this.#last.then(step);
    this.#last = done.catch(() => {});
    return done;
  }
}

class KeptFile extends OpenFile {
  #id;
  #handle;
  #access;
  #journal;
  #header;
  #noted = 0;

  constructor(id, handle, access, runs, hashing, gone) {
    super(runs, hashing, gone);
    this.#id = id;
    this.#handle = handle;
    this.#access = access;
  }

  put(bytes, at) {
    whole(this.#access.write(bytes, { at }), bytes);
  }

  settle() {
    this.#access?.flush();
    if (this.#journal) this.#note(this.runs.fresh());
  }

  /** Bytes that were written, also once it is sealed. */
  async read(at, end) {
    if (!this.#access) return new Uint8Array(await (await this.#handle.getFile()).slice(at, end).arrayBuffer());
    const bytes = new Uint8Array(end - at);
    whole(this.#access.read(bytes, { at }), bytes);
    return bytes;
  }

  /** What it is of: from now on another page can go on with it. */
  begin(header) {
    return this.next(async () => {
      if (!this.#access) return;
      this.#access.flush();
      const handle = await (await ours()).getFileHandle(this.#id + JOURNAL, { create: true });
      this.#journal ??= await patiently(() => handle.createSyncAccessHandle());
      this.#header = header;
      // Whatever is left behind the new lines was true before, and still is.
      await this.#noteAll();
    });
  }

  /** Forgets all; or stretches of what was sealed, which are written again, and all checksums. */
  clear(lost = []) {
    return this.next(async () => {
      if (lost.length > 0) {
        this.#access = await patiently(() => this.#handle.createSyncAccessHandle());
        this.forget(lost);
        if (this.#journal) await this.#noteAll();
        return;
      }
      await this.#forget();
      await this.#access.truncate(0);
      this.runs = new Runs();
    });
  }

  /** Closes it; returns what it holds. */
  seal(size) {
    return this.next(async () => {
      await this.#access.truncate(size);
      this.settle();
      await this.#access.close();
      this.#access = undefined;
      return [this.runs.all(), await this.#handle.getFile()];
    });
  }

  /** Gives it its final name, where it has one: the handle of a file, or a path in OPFS. */
  commit(to) {
    return this.next(async () => {
      await publish(this.#handle, to);
      await this.#forget();
      await remove(to === undefined ? this.#id + JOURNAL : this.#id);
      this.gone();
    });
  }

  close(keep) {
    return this.next(async () => {
      await this.#access?.close();
      await this.#journal?.close();
      this.gone();
      if (!keep) await remove(this.#id);
    });
  }

  remove() {
    return this.close(false);
  }

  async #noteAll() {
    this.runs.fresh();
    this.#noted = 0;
    this.#note([this.#header, ...this.runs.all()]);
    await this.#journal.truncate(this.#noted);
  }

  #note(lines) {
    if (lines.length === 0) return;
    const text = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    whole(this.#journal.write(text, { at: this.#noted }), text);
    this.#noted += text.length;
  }

  async #forget() {
    await this.#journal?.truncate(0);
    await this.#journal?.close();
    this.#journal = undefined;
  }
}

class StreamedFile extends OpenFile {
  #id;
  #handle;
  #writable;

  constructor(id, handle, writable, hashing, gone) {
    super(new Runs(), hashing, gone);
    this.#id = id;
    this.#handle = handle;
    this.#writable = writable;
  }

  put(data, position) {
    return this.#writable.write({ type: "write", position, data });
  }

  settle() {}

  clear() {
    return this.next(async () => {
      await this.#writable.truncate(0);
      this.runs = new Runs();
    });
  }

  seal(size) {
    return this.next(async () => {
      await this.#writable.truncate(size);
      return [this.runs.all()];
    });
  }

  commit(to) {
    return this.next(async () => {
      await this.#writable.close();
      if (typeof to === "string") await publish(this.#handle, to);
      await this.#end();
    });
  }

  close() {
    return this.next(async () => {
      await this.#writable.abort();
      await this.#end();
    });
  }

  remove() {
    return this.close();
  }

  #end() {
    this.gone();
    return remove(this.#id);
  }
}

async function ours() {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

async function read(id) {
  try {
    const handle = await (await ours()).getFileHandle(id + JOURNAL);
    // Whoever writes it just now, in a page that is being buried, soon has done.
    const text = await patiently(async () => (await handle.getFile()).text());
    const [header, ...lines] = text.split("\n").map(parsed);
    return typeof header === "string" ? { header, lines } : { lines: [] };
  } catch {
    return { lines: [] };
  }
}

/** A line that was cut off in the middle says nothing. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function remove(id) {
  const folder = await ours();
  for (const name of [id + JOURNAL, id]) {
    await patiently(() => folder.removeEntry(name)).catch((error) => {
      if (error.name !== "NotFoundError") throw error;
    });
  }
}

/** Brings a file to where it is wanted: another file, or a path in OPFS, whose folders are made. */
async function publish(handle, to) {
  if (to === undefined) return;
  if (typeof to === "string") {
    const names = to.split("/");
    const name = names.pop();
    let folder = await navigator.storage.getDirectory();
    for (const step of names) folder = await folder.getDirectoryHandle(step, { create: true });
    try {
      return await handle.move(folder, name);
    } catch {
      // Where a browser has no such move, or a file is in its way, it is copied.
    }
    return copyInto(handle, folder, name);
  }
  await copy(handle, to);
}

/** Where there was no file of this name, there is none if it fails. */
async function copyInto(handle, folder, name) {
  const old = await folder.getFileHandle(name).catch(() => undefined);
  try {
    await copy(handle, old ?? (await folder.getFileHandle(name, { create: true })));
  } catch (error) {
    if (!old) await folder.removeEntry(name).catch(() => {});
    throw error;
  }
}

async function copy(handle, target) {
  await (await handle.getFile()).stream().pipeTo(await target.createWritable());
}

function whole(written, bytes) {
  if (written !== bytes.length) throw new DOMException("Not all bytes could be written.", "QuotaExceededError");
}
