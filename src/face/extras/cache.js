// `cache: "revalidate"`: finished downloads, kept in OPFS. Loaded with the first download that asks for it.
//
// Of each there are a file with its bytes, whose name is used once, and a note of what it is, which is written last and replaced as
// a whole: what has no note is not there. A file is removed by whoever holds its lock alone, so none that a page still reads.

import { TransferError } from "../errors.js";
import { patiently } from "../patiently.js";

const FOLDER = "presigned-cache";
const NOTE = ".json";
const USUAL_SIZE = 256 * 1024 * 1024;

/** The notes are written by one at a time, over all tabs. */
const TURN = "presigned:cache";
/** What this page is writing down just now, by whose and which it is. */
const writing = new Map();

export class Cache {
  #size;
  #owner;

  /** `owner`: whose objects these are; the same keys of another's are others. */
  constructor({ cacheSize = USUAL_SIZE }, owner) {
    if (!(Number.isSafeInteger(cacheSize) && cacheSize >= 0)) throw new TransferError("invalid-option", "`cacheSize` must be a whole number of bytes.");
    this.#size = cacheSize;
    this.#owner = owner;
  }

  /** What is noted of this key. */
  async find(key) {
    await writing.get(this.#own(key));
    return read(await ours(), await this.#nameOf(key));
  }

  /** The Blob of what is noted, which can be read for as long as this page lives; `undefined` where it is not as noted. */
  async open({ file, size, contentType = "" }) {
    await hold(file);
    const found = await fileOf(await ours(), file);
    if (found?.size === size) return found.slice(0, size, contentType);
    letGo(file);
    return undefined;
  }

  /** It was used just now. */
  async touch(key) {
    await this.#write(key, async () => {
      const name = await this.#nameOf(key);
      await inTurn(async () => {
        const folder = await ours();
        const note = await read(folder, name);
        if (note) await write(folder, name + NOTE, JSON.stringify({ ...note, used: Date.now() }));
      });
    });
  }

  /** Keeps a finished download, which `find` gives, in place of whatever is kept of its key; resolves with why it could not, if so. */
  keep(key, result, find) {
    return this.#write(key, () => this.#keep(key, result, find));
  }

  /** Resolves with what `work` does, or with what went wrong, in words; until then, nothing is found. */
  async #write(key, work) {
    const own = this.#own(key);
    const written = work().catch((error) => `${error?.name}: ${error?.message}`);
    writing.set(own, written);
    const outcome = await written;
    if (writing.get(own) === written) writing.delete(own);
    return outcome;
  }

  async #keep(key, { size, etag, contentType, filename, integrity }, find) {
    const [name, blob] = await Promise.all([this.#nameOf(key), find()]);
    if (!etag || etag.startsWith("W/")) return "storage told no strong ETag";
    if (size > this.#size) return `it has ${size} bytes, and \`cacheSize\` is ${this.#size}`;
    return inTurn(async () => {
      const folder = await ours();
      await remove(folder, name);
      await this.#makeRoom(folder, size);
      const file = crypto.randomUUID();
      // Whoever tidies up meanwhile finds it taken.
      return locked(file, "exclusive", async () => {
        try {
          await write(folder, file, blob);
          await write(folder, name + NOTE, JSON.stringify({ file, size, etag, contentType, filename, integrity, used: Date.now() }));
        } catch (error) {
          await patiently(() => folder.removeEntry(file)).catch(() => {});
          throw error;
        }
      });
    });
  }

  /** Removes what was used longest ago until so many bytes fit in, and what nobody can find any more. */
  async #makeRoom(folder, bytes) {
    const { notes, files } = await contents(folder);
    let total = [...notes.values()].reduce((sum, note) => sum + note.size, bytes);
    const named = new Set();
    for (const [name, note] of [...notes].sort(([, one], [, other]) => one.used - other.used)) {
      if (total <= this.#size) {
        named.add(note.file);
        continue;
      }
      await remove(folder, name);
      total -= note.size;
    }
    for (const file of files) if (!named.has(file)) await removeFile(folder, file);
  }

  #own(key) {
    return JSON.stringify([...this.#owner, key]);
  }

  /** By a digest: a key may be longer than a file's name. */
  async #nameOf(key) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(this.#own(key)));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

}

/** Removes all that is kept, whoever's it is. What a page still reads goes with the next that is kept. */
export async function clear() {
  if (hindrance()) return;
  await Promise.all(writing.values());
  await inTurn(async () => {
    const folder = await ours();
    const { notes, files } = await contents(folder);
    for (const name of notes.keys()) await remove(folder, name);
    for (const file of files) await removeFile(folder, file);
  });
}

/** Why this browser can keep nothing, if so. */
export function hindrance() {
  if (!globalThis.navigator?.storage?.getDirectory || !globalThis.crypto?.subtle) return "this page has no origin private file system";
  if (!("createWritable" in FileSystemFileHandle.prototype)) return "this browser writes no files from a page";
  return undefined;
}

async function ours() {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

async function contents(folder) {
  const notes = new Map();
  const files = [];
  for await (const entry of folder.keys()) {
    if (!entry.endsWith(NOTE)) {
      files.push(entry);
      continue;
    }
    const name = entry.slice(0, -NOTE.length);
    const note = await read(folder, name);
    if (note) notes.set(name, note);
    else await folder.removeEntry(entry).catch(() => {});
  }
  return { notes, files };
}

async function read(folder, name) {
  try {
    const note = JSON.parse(await (await fileOf(folder, name + NOTE)).text());
    return typeof note.file === "string" && Number.isSafeInteger(note.size) && typeof note.etag === "string" ? note : undefined;
  } catch {
    return undefined;
  }
}

async function fileOf(folder, name) {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch {
    return undefined;
  }
}

async function write(folder, name, data) {
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
  try {
    await writable.write(data);
  } catch (error) {
    await writable.abort().catch(() => {});
    throw error;
  }
  await writable.close();
}

/** A note, then its file: what a crash leaves in between is found by nobody, and removed some day. */
async function remove(folder, name) {
  const note = await read(folder, name);
  await folder.removeEntry(name + NOTE).catch(() => {});
  if (note) await removeFile(folder, note.file);
}

/** Unless somebody writes it, or a page still reads it. */
function removeFile(folder, file) {
  return locked(file, "exclusive", (free) => free && folder.removeEntry(file).catch(() => {}));
}

const held = new Map();

/** From now on, for as long as this page lives, its Blob can be read. */
function hold(file) {
  const take = () => {
    let release;
    const taken = new Promise((taken) => {
      const keep = () => {
        taken();
        return new Promise((done) => (release = done));
      };
      locked(file, "shared", keep)?.catch?.(taken);
    });
    return { taken, release: () => release?.() };
  };
  if (!held.has(file)) held.set(file, take());
  return held.get(file).taken;
}

function letGo(file) {
  held.get(file)?.release();
  held.delete(file);
}

function locked(file, mode, run) {
  const name = `presigned:cached:${file}`;
  if (!navigator.locks) return run(true);
  return navigator.locks.request(name, { mode, ifAvailable: mode === "exclusive" }, run);
}

function inTurn(run) {
  return navigator.locks ? navigator.locks.request(TURN, run) : run();
}
