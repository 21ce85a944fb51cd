import { TransferError } from "../errors.js";
import { Refusal, server } from "./server.js";

/** S3's own words for it, which Companion passes on inside a 500 unless it runs in production. */
const GONE = /NoSuchUpload|specified (multipart )?upload does not exist/;

/** Uppy's Companion 6, as it is. Where storage takes no POST forms (`form: false`, R2), a small file is an upload of one part. */
export function companion(url, { form = true, ...options } = {}) {
  const companion = server(url, options);
  // Storage itself says it where it takes none.
  let takesForms = form;
  const ask = async (...request) => {
    try {
      return await companion(...request);
    } catch (error) {
      if (error instanceof Refusal && error.status >= 500 && GONE.test(error.text)) {
        throw new TransferError("gone", "Storage no longer knows this upload, says Companion.", false, error.status, "NoSuchUpload");
      }
      throw error;
    }
  };
  const path = ({ key, uploadId }, more = "", query = {}) =>
    `/s3/multipart/${encodeURIComponent(uploadId)}${more}?${new URLSearchParams({ key, ...query })}`;

  return {
    id: `companion ${url}`,

    async requestUpload({ filename, contentType: type, size, metadata = {}, form: asked = true, partSize }, signal) {
      takesForms &&= asked;
      if (takesForms && size <= partSize) {
        const query = new URLSearchParams({ filename, type });
        for (const [name, value] of Object.entries(metadata)) query.set(`metadata[${name}]`, value);
        const { url, method, fields, expires } = await ask("GET", `/s3/params?${query}`, undefined, signal);
        return { key: fields?.key, url, method, fields, expiresIn: expires };
      }
      const { key, uploadId } = await ask("POST", "/s3/multipart", { filename, type, metadata }, signal);
      return { key, uploadId, partSize };
    },

    async requestParts(upload, numbers, signal) {
      const { presignedUrls = {} } = await ask("GET", path(upload, "/batch", { partNumbers: numbers.join() }), undefined, signal);
      return { parts: Object.entries(presignedUrls).map(([number, url]) => ({ partNumber: Number(number), url })) };
    },

    async listParts(upload, signal) {
      const parts = await ask("GET", path(upload), undefined, signal);
      return parts.map(({ PartNumber, ETag, Size }) => ({ partNumber: PartNumber, etag: ETag, size: Size }));
    },

    async completeUpload(upload, parts, signal) {
      const list = parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }));
      const { location } = await ask("POST", path(upload, "/complete"), { parts: list }, signal);
      return { location };
    },

    async abortUpload(upload) {
      await ask("DELETE", path(upload));
    },
  };
}
