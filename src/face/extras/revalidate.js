// A download with `cache: "revalidate"`: what is kept of its key is handed out where it is still the object, which costs one call to
// the backend, and one request to storage where the backend does not tell the ETag. In every other case it is a plain download,
// which says for itself what goes wrong, and is kept.

import { asker } from "../doctor/backend.js";
import { TransferError } from "../errors.js";
import { Cache, hindrance } from "./cache.js";
import { teller } from "./teller.js";

/** Silence, in milliseconds, after which storage has no answer, where the client says nothing else. */
const SILENCE = 30_000;

/** `begin(observer)` begins the plain download; `ending` is aborted where nobody wants it any more. */
export async function revalidated(client, key, options, observer, ending, begin) {
  if (options.cache !== "revalidate") throw new TransferError("invalid-option", '`cache` must be "none" or "revalidate".');
  const cache = new Cache(client, [ownerOf(client), client.cacheUser ?? ""]);
  const say = teller(client, observer);
  const why = hindrance();
  if (why) {
    say("warn", `Downloads are not kept here: ${why}.`);
    return begin(observer);
  }
  const found = typeof key === "string" ? await cache.find(key).catch(() => undefined) : undefined;
  if (found && (await isCurrent(found, client, key, signals(client, options, ending), say)) && !stopped(options, ending)) {
    try {
      const blob = await cache.open(found);
      if (blob) {
        const handed = await handOver(blob, options.to);
        cache.touch(key).catch(() => {});
        return done(key, found, handed, observer);
      }
      say("warn", "What was kept is not there any more, so it is downloaded.");
    } catch (error) {
      say("warn", `What is kept can't be put where it is wanted, so it is downloaded (${error?.name}: ${error?.message}).`);
    }
  }
  const ended = async (result) => {
    observer.done(result);
    const failed = await cache.keep(key, result, async () => result.blob ?? fileAt(options.to));
    say(failed ? "warn" : "debug", failed ? `The download is not kept: ${failed}.` : "The download is kept.");
  };
  return begin({ ...observer, done: ended });
}

/** Whether the object is still the one that is kept. */
async function isCurrent({ etag, size }, client, key, signal, say) {
  try {
    const path = key.split("/").map(encodeURIComponent).join("/");
    const { answer } = await asker(client)("GET", `/request-download/${path}`, undefined, signal);
    if (typeof answer?.download_url !== "string") return false;
    if (typeof answer.etag === "string") {
      // Of what is stored encoded, the backend tells another size than that of the bytes that came.
      const sized = answer.content_encoding ? size : (answer.size ?? size);
      const same = bare(answer.etag) === bare(etag) && sized === size;
      say("debug", same ? "What is kept is the object still, says the backend." : "The object has changed since it was kept, says the backend.");
      return same;
    }
    return await ask(answer, etag, signal, say);
  } catch {
    return false;
  }
}

/** The conditional request. Of another version, one byte comes. */
async function ask({ download_url: url, headers }, etag, signal, say) {
  let response;
  try {
    // `no-store`: the answer to another range of this URL is of no use here.
    response = await fetch(url, { headers: { ...headers, "if-none-match": `"${bare(etag)}"`, range: "bytes=0-0" }, cache: "no-store", signal });
  } catch (error) {
    if (!signal.aborted) say("warn", "Storage did not answer whether the object has changed, so it is downloaded: perhaps the bucket's CORS rule does not allow the header If-None-Match.");
    throw error;
  }
  await response.body?.cancel();
  const told = response.headers.get("etag");
  // A store may know no If-None-Match, but it tells the ETag.
  const same = response.status === 304 || (response.ok && told !== null && bare(told) === bare(etag));
  say("debug", same ? "What is kept is the object still, says storage." : `The object is downloaded anew: storage answered ${response.status}.`);
  return same;
}

/** Puts what is kept where it is wanted; a Blob where none is named. */
async function handOver(blob, to = "auto") {
  if (to === "auto" || to === "blob") return blob;
  const handle = await handleOf(to, true);
  const writable = await handle.createWritable();
  try {
    await writable.write(blob);
  } catch (error) {
    await writable.abort().catch(() => {});
    throw error;
  }
  await writable.close();
}

async function fileAt(to) {
  return (await handleOf(to, false)).getFile();
}

async function handleOf(to, create) {
  if (typeof to?.opfs !== "string") return to;
  const names = to.opfs.split("/");
  const name = names.pop();
  let folder = await navigator.storage.getDirectory();
  for (const step of names) folder = await folder.getDirectoryHandle(step, { create });
  return folder.getFileHandle(name, { create });
}

/** As a download ends: all is there, and it is done. */
function done(key, { size, etag, contentType, filename, integrity }, blob, observer) {
  const result = { key, size, etag, contentType, filename, blob, integrity };
  observer.events([
    { type: "progress", loaded: size, total: size, bytesPerSecond: 0, secondsLeft: undefined },
    { type: "state", state: "done" },
  ]);
  observer.done(Object.fromEntries(Object.entries(result).filter(([, value]) => value !== undefined)));
}

function stopped({ signal }, ending) {
  return ending.aborted || signal?.aborted;
}

function signals({ stallTimeout = SILENCE }, { signal }, ending) {
  const all = [signal, ending, AbortSignal.timeout(stallTimeout)].filter((one) => one instanceof AbortSignal);
  return AbortSignal.any(all);
}

/** Whom a key belongs to, as far as a page can tell: the backend. */
function ownerOf({ endpoint, backend }) {
  return backend ? `backend ${backend.id ?? ""}` : new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, "");
}

function bare(etag) {
  return etag.replace(/^W\//, "").replace(/^"|"$/g, "");
}
