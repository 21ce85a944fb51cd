// `compress`: a file as gzip, before it is uploaded. Loaded with the first upload that asks for it.
//
// What is stored as gzip must be stored with `Content-Encoding: gzip`, or nobody can read it. That is the backend's part, so it is asked
// first whether it does so, once for each type of files; and the answer that signs an upload has to say it again.

import { asker } from "../doctor/backend.js";
import { gzip } from "./gzip.js";
import { teller } from "./teller.js";

/** What is made is kept until it is sent, so larger files are sent as they are. */
const LARGEST = 256 * 1024 * 1024;
/** A beginning of a file that tells whether it is worth it, and what it has to save. */
const SAMPLE = 64 * 1024;
const WORTH_IT = 0.9;
/** Silence, in milliseconds, after which the backend has no answer, where the client says nothing else. */
const SILENCE = 30_000;
const COMPRESSIBLE = /^text\/|[/+](json|xml|javascript|ecmascript|csv|yaml|wasm|rtf|x-ndjson|x-sh|x-tar|postscript|svg)\b|^image\/(bmp|svg)|^font\/(ttf|otf)|^application\/(sql|graphql|toml|vnd\.ms-fontobject)/i;

/** By the client's options: what its backend has said of each type. */
const known = new WeakMap();

/** What to upload, and with which options: the same, where it is not to be compressed. */
export async function compressed(client, source, options, observer, ending) {
  const plain = [source, options];
  const say = teller(client, observer);
  // What else is wrong with it is said where all options are looked at.
  if (!(source instanceof Blob) || ![true, "auto"].includes(options.compress)) return plain;
  const type = options.contentType ?? (source.type || "application/octet-stream");
  const reason = await hindrance(client, source, options, type, ending).catch((error) => `it could not be found out whether it helps (${error?.name}: ${error?.message})`);
  if (reason || ending.aborted) {
    if (reason) say("info", `The file is sent as it is: ${reason}.`);
    return plain;
  }
  let blob;
  try {
    blob = await inWorker(source, ending);
  } catch (error) {
    if (!ending.aborted) say("warn", `The file is sent as it is: it could not be compressed (${error?.name}: ${error?.message}).`);
    return plain;
  }
  if (options.compress === "auto" && blob.size > WORTH_IT * source.size) {
    say("info", `The file is sent as it is: of ${source.size} bytes, ${blob.size} would be left.`);
    return plain;
  }
  say("info", `The file is compressed: of ${source.size} bytes, ${blob.size} are sent.`);
  const { name, lastModified } = source;
  // By these, and by its bytes, it is recognised after a reload. Of the file that a handle stands for, it is not.
  const made = source instanceof File ? new File([blob], name, { type: source.type, lastModified }) : new Blob([blob], { type: source.type });
  return [made, { ...options, handle: undefined, contentType: type, unpacked: source.size }];
}

/** Why it is not to be compressed, if so. */
async function hindrance(client, source, options, type, ending) {
  if (typeof CompressionStream !== "function") return "this browser has no CompressionStream";
  if (source.size > LARGEST) return `files of more than ${LARGEST} bytes are not compressed`;
  if (options.compress === "auto") {
    if (!COMPRESSIBLE.test(type)) return `files of type ${type} gain nothing`;
    const sample = source.slice(0, SAMPLE);
    if ((await gzip(sample)).size > WORTH_IT * sample.size) return "its first bytes gain nothing";
  }
  if (!(await isConfirmed(client, source, options, type, ending))) return "the backend does not confirm `content_encoding`, so it would be stored without that";
  return undefined;
}

/** Whether the backend stores such files with their encoding. */
function isConfirmed(client, source, { key, metadata }, type, ending) {
  if (!known.has(client)) known.set(client, new Map());
  const answers = known.get(client);
  if (!answers.has(type)) answers.set(type, ask());
  return answers.get(type);

  async function ask() {
    // One byte needs but one URL, so nothing is begun at storage that would have to be removed.
    const file = { filename: source.name || "blob", content_type: type, size: 1, multipart: true, key, metadata, content_encoding: "gzip" };
    const signal = AbortSignal.any([ending, AbortSignal.timeout(client.stallTimeout ?? SILENCE)]);
    const outcome = await asker(client)("POST", "/request-upload", file, signal).catch(() => ({}));
    if (!outcome.answer) answers.delete(type);
    return outcome.answer?.content_encoding === "gzip";
  }
}

/** Off the page's thread, where the page may have workers. */
async function inWorker(source, ending) {
  let worker;
  try {
    worker = new Worker(new URL("./gzip-worker.js", import.meta.url), { type: "module", name: "presigned-gzip" });
  } catch {
    return gzip(source);
  }
  try {
    const { blob, failed, broken } = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = () => resolve({ broken: true });
      ending.addEventListener("abort", () => reject(ending.reason), { once: true });
      worker.postMessage(source);
    });
    if (broken) return await gzip(source);
    if (failed) throw new Error(failed);
    return blob;
  } finally {
    worker.terminate();
  }
}
