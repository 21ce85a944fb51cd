import { TransferError } from "../errors.js";
import { Refusal, server } from "./server.js";
import { ask, complete } from "./storage.js";

const CODES = { file_too_large: "too-large", invalid_file_type: "wrong-type", rejected: "access-denied" };

/** A route of a better-upload 3 server, as it is. It signs all parts at once and keeps nothing: what a reload cuts off starts anew. */
export function betterUpload(url, route, options) {
  const server_ = server(url, options);
  /** What was signed with each upload under way, by its id. */
  const uploads = new Map();
  const known = ({ uploadId }) => {
    const upload = uploads.get(uploadId);
    if (upload) return upload;
    throw new TransferError("gone", "better-upload signs an upload only once, and this page has not begun it.", false, 404);
  };

  return {
    id: `better-upload ${url} ${route}`,

    async requestUpload({ filename: name, contentType: type, size, metadata }, signal) {
      const answer = await requested(() => server_("POST", "", { route, files: [{ name, size, type }], metadata }, signal));
      const of = ({ file }) => file?.name === name && file.size === size && file.type === type;
      const { partSize, files } = answer.multipart ?? answer;
      const upload = files?.find(of);
      if (!upload) throw new TransferError("backend", "The server skips this file.");
      const { key, metadata: stored, cacheControl } = upload.file.objectInfo;
      if (upload.skip === "completed") return { key, stored: true };
      if (!answer.multipart) {
        const headers = { "content-type": type, ...upload.headers };
        if (cacheControl) headers["cache-control"] = cacheControl;
        for (const [name, value] of Object.entries(stored ?? {})) headers[`x-amz-meta-${name}`] = value;
        return { key, url: upload.signedUrl, headers };
      }
      const { uploadId, parts, completeSignedUrl, abortSignedUrl } = upload;
      const signed = parts.map(({ partNumber, signedUrl }) => ({ partNumber, url: signedUrl }));
      uploads.set(uploadId, { parts: signed, complete: completeSignedUrl, abort: abortSignedUrl, at: performance.now() });
      return { key, uploadId, partSize, parts: signed };
    },

    async requestParts(upload, numbers) {
      const { parts, at } = known(upload);
      const life = Number(new URL(parts[0].url).searchParams.get("X-Amz-Expires"));
      const left = Math.floor(life - (performance.now() - at) / 1000);
      if (left <= 0) throw new TransferError("expired", "The parts' URLs have lapsed; better-upload signs them once, for `partSignedUrlExpiresIn` seconds.");
      return { parts: parts.filter(({ partNumber }) => numbers.includes(partNumber)), expiresIn: left };
    },

    async completeUpload(upload, parts, signal) {
      const result = await complete(known(upload).complete, undefined, parts, signal);
      uploads.delete(upload.uploadId);
      return result;
    },

    async abortUpload(upload) {
      await ask(known(upload).abort, { method: "DELETE" });
      uploads.delete(upload.uploadId);
    },
  };
}

/** Its errors have types of their own, all with the status 400. */
async function requested(call) {
  try {
    return await call();
  } catch (error) {
    const code = error instanceof Refusal && CODES[error.said?.error?.type];
    throw code ? new TransferError(code, `The server refused the file: ${error.message}`, false, error.status) : error;
  }
}
