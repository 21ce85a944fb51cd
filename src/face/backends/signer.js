import { ask, complete, elements, text } from "./storage.js";

/** A backend that can do nothing but sign: everything else is said to storage by the page itself. */
export function signer(sign) {
  const signed = async (request, signal) => {
    const answer = await sign(defined(request), signal);
    if (typeof answer?.url !== "string") throw new Error(`The signer gave no \`url\` for "${request.action}".`);
    return answer;
  };
  const of = ({ key, uploadId }, action, more) => ({ action, key, uploadId, ...more });

  return {
    id: "signer",

    async requestUpload({ filename, contentType, size, key = filename, metadata, partSize }, signal) {
      if (size <= partSize) {
        const put = await signed({ action: "put", key, contentType, metadata }, signal);
        return { key: put.key ?? key, url: put.url, headers: put.headers, expiresIn: put.expiresIn };
      }
      const create = await signed({ action: "create", key, contentType, metadata }, signal);
      const headers = new Headers(create.headers);
      if (!headers.has("content-type")) headers.set("content-type", contentType);
      const xml = await ask(create.url, { method: "POST", headers, signal });
      const uploadId = text(xml, "UploadId");
      if (!uploadId) throw new Error("Storage began an upload and gave no UploadId.");
      return { key: create.key ?? key, uploadId, partSize };
    },

    async requestParts(upload, numbers, signal) {
      const answers = await Promise.all(numbers.map((partNumber) => signed(of(upload, "part", { partNumber }), signal)));
      const lives = answers.map(({ expiresIn }) => expiresIn).filter((life) => life !== undefined);
      const parts = answers.map(({ url, headers }, index) => ({ partNumber: numbers[index], url, headers }));
      return { parts, expiresIn: lives.length > 0 ? Math.min(...lives) : undefined };
    },

    async listParts(upload, signal) {
      const parts = [];
      for (let marker; ; ) {
        // The marker is part of what is signed.
        const { url, headers } = await signed(of(upload, "list-parts", { partNumberMarker: marker }), signal);
        const xml = await ask(url, { method: "GET", headers, signal });
        for (const part of elements(xml, "Part")) {
          parts.push({ partNumber: Number(text(part, "PartNumber")), etag: text(part, "ETag"), size: Number(text(part, "Size")) });
        }
        const next = Number(text(xml, "NextPartNumberMarker"));
        // A signer that ignores the marker gets the same page again: what is not listed is sent again.
        if (text(xml, "IsTruncated") !== "true" || !(next > (marker ?? 0))) return parts;
        marker = next;
      }
    },

    async completeUpload(upload, parts, signal) {
      const { url, headers } = await signed(of(upload, "complete"), signal);
      return complete(url, headers, parts, signal);
    },

    async abortUpload(upload) {
      const { url, headers } = await signed(of(upload, "abort"), new AbortController().signal);
      await ask(url, { method: "DELETE", headers });
    },

    async requestDownload(key, signal) {
      const { url, headers, expiresIn } = await signed({ action: "get", key }, signal);
      return { url, headers, expiresIn };
    },

    async remove(key, signal) {
      const { url, headers } = await signed({ action: "delete", key }, signal);
      await ask(url, { method: "DELETE", headers, signal });
    },
  };
}

function defined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
