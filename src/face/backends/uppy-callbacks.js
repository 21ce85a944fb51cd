/** The callbacks of Uppy 5's AwsS3. They get no `data` with the file, and no `body` with a part: the bytes never pass through here. */
export function uppyCallbacks(callbacks) {
  const { getUploadParameters, createMultipartUpload, signPart, listParts, completeMultipartUpload, abortMultipartUpload } = callbacks;
  const { shouldUseMultipart = ({ size }, partSize) => size > partSize, getChunkSize } = callbacks;
  const inParts = createMultipartUpload && signPart && completeMultipartUpload;
  /** Of each upload under way, the file as Uppy would show it. */
  const files = new Map();
  const of = ({ key, uploadId }) => [files.get(uploadId) ?? uppyFile({ filename: key.split("/").pop() }), { key, uploadId }];

  return {
    id: callbacks.id ?? "uppy",

    async requestUpload(request, signal) {
      const file = uppyFile(request);
      const partSize = getChunkSize?.(file) ?? request.partSize;
      const wanted = typeof shouldUseMultipart === "function" ? shouldUseMultipart(file, partSize) : shouldUseMultipart;
      if (inParts && (wanted || !getUploadParameters)) {
        const { key, uploadId } = await createMultipartUpload(file, { signal });
        files.set(uploadId, file);
        return { key, uploadId, partSize };
      }
      if (!getUploadParameters) throw new Error("There is neither `getUploadParameters`, nor all that an upload in parts needs.");
      const { method, url, headers, fields, expires, key } = await getUploadParameters(file, { signal });
      const form = fields && Object.keys(fields).length > 0 ? fields : undefined;
      return { key: key ?? form?.key ?? keyIn(url), url, method, headers, fields: form, expiresIn: expires };
    },

    requestParts: inParts && (async (upload, numbers, signal) => {
      const [file, names] = of(upload);
      const signed = await Promise.all(numbers.map((partNumber) => signPart(file, { ...names, partNumber, signal })));
      const parts = signed.map(({ url, headers }, index) => ({ partNumber: numbers[index], url, headers }));
      return { parts, expiresIn: signed[0]?.expires };
    }),

    listParts: inParts && listParts && (async (upload, signal) => {
      const [file, names] = of(upload);
      const parts = await listParts(file, { ...names, signal });
      return parts.map(({ PartNumber, ETag, Size }) => ({ partNumber: Number(PartNumber), etag: ETag, size: Number(Size) }));
    }),

    completeUpload: inParts && (async (upload, parts, signal) => {
      const [file, names] = of(upload);
      const list = parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }));
      const { location } = (await completeMultipartUpload(file, { ...names, parts: list, signal })) ?? {};
      files.delete(upload.uploadId);
      return { location };
    }),

    abortUpload: inParts && abortMultipartUpload && (async (upload) => {
      const [file, names] = of(upload);
      await abortMultipartUpload(file, { ...names, signal: new AbortController().signal });
      files.delete(upload.uploadId);
    }),
  };
}

function uppyFile({ filename, contentType, size, metadata }) {
  return { id: `${filename}/${size}`, name: filename, type: contentType, size, meta: { ...metadata, name: filename, type: contentType } };
}

/** A signed PUT says nowhere else what it will store. */
function keyIn(url) {
  return decodeURIComponent(new URL(url, globalThis.location?.href).pathname.slice(1));
}
