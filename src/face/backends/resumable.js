import { TransferError } from "../errors.js";
import { reply } from "./storage.js";

/** Google takes chunks of multiples of this, but for the last. */
const STEP = 256 * 1024;

/**
 * Google Cloud Storage's resumable uploads: one session a file, one chunk after another. For where its uploads in parts, which are
 * several times as fast, can't be had. A session's URL is as secret as a signed one, so it is not remembered: whoever began the
 * session is asked for it after a reload.
 */
export function resumable(session) {
  const urls = new Map();

  async function urlOf(uploadId, key, signal) {
    if (urls.has(uploadId)) return urls.get(uploadId);
    const { id } = JSON.parse(uploadId);
    const found = id && (await session({ action: "find", key, id }, signal));
    if (!found?.url) throw new TransferError("gone", "Nobody knows the session of this upload any more.", false, 404, "NoSuchUpload");
    urls.set(uploadId, found.url);
    return found.url;
  }

  /** How many bytes storage has, or what it has made of them all. */
  async function status({ key, uploadId }, signal) {
    const url = await urlOf(uploadId, key, signal);
    const headers = { "content-range": `bytes */${JSON.parse(uploadId).size}` };
    try {
      return { done: (await reply(url, { method: "PUT", headers, signal })).headers };
    } catch (error) {
      if (error.status === 308) return { stored: Number(/^bytes=0-(\d+)$/.exec(error.headers.get("range"))?.[1] ?? -1) + 1 };
      if (error.status === 404 || error.status === 410) throw new TransferError("gone", "Storage no longer knows the session.", false, error.status, "NoSuchUpload");
      throw error;
    }
  }

  return {
    id: "resumable",

    async requestUpload({ filename, contentType, size, key = filename, metadata, partSize: wanted }, signal) {
      const { url, id, key: named = key } = await session({ action: "start", key, contentType, size, metadata }, signal);
      if (typeof url !== "string") throw new Error("A session was begun, and has no `url`.");
      const partSize = Math.ceil(wanted / STEP) * STEP;
      // What tells this session from others, also where nobody can find it again.
      const uploadId = JSON.stringify({ id, size, partSize, begun: id ?? crypto.randomUUID() });
      urls.set(uploadId, url);
      return { key: named, uploadId, partSize };
    },

    async requestParts({ key, uploadId }, numbers, signal) {
      const url = await urlOf(uploadId, key, signal);
      const { size, partSize } = JSON.parse(uploadId);
      const range = (number) => {
        const [start, end] = [(number - 1) * partSize, Math.min(number * partSize, size)];
        return start < end ? `bytes ${start}-${end - 1}/${size}` : `bytes */${size}`;
      };
      return { parts: numbers.map((partNumber) => ({ partNumber, url, headers: { "content-range": range(partNumber) } })) };
    },

    async listParts(upload, signal) {
      const { size, partSize } = JSON.parse(upload.uploadId);
      const { done, stored = size } = await status(upload, signal);
      const whole = done ? Math.ceil(size / partSize) : Math.floor(stored / partSize);
      return Array.from({ length: whole }, (_, index) => ({
        partNumber: index + 1, etag: `chunk ${index + 1}`, size: Math.min(partSize, size - index * partSize),
      }));
    },

    async completeUpload(upload, _parts, signal) {
      const { done, stored } = await status(upload, signal);
      if (!done) throw new TransferError("storage", `Storage has ${stored} bytes, and waits for the rest.`, false, 400);
      urls.delete(upload.uploadId);
      const crc32c = /crc32c=([^,\s]+)/.exec(done.get("x-goog-hash"))?.[1];
      return { etag: done.get("etag") ?? undefined, checksumCrc32c: crc32c };
    },

    async abortUpload({ key, uploadId }) {
      const url = await urlOf(uploadId, key, new AbortController().signal);
      urls.delete(uploadId);
      // Google's own answer to that is 499.
      await reply(url, { method: "DELETE" }).catch((error) => {
        if (error.status !== 499) throw error;
      });
    },
  };
}
