// Each backend as a page would set it up: what `new Client(…)` gets. `where` tells the addresses and a token of the mock server.

import { azure, betterUpload, companion, resumable, signer, TransferError, uppyCallbacks } from "/presigned/index.js";

const PART = 5 << 20;

export const contenders = {
  article: ({ servers }) => ({ endpoint: `${servers}/article` }),
  endpoint: ({ token }) => ({ endpoint: "/", headers: { authorization: `Bearer ${token}` } }),
  functions: ({ token }) => ({ backend: functions(token) }),
  // Where the test itself signs, it has given the page a function.
  signer: ({ servers }) => ({ backend: signer((request, signal) => (servers ? json("POST", `${servers}/sign`, request, signal) : window.sign(request))) }),
  uppyCallbacks: ({ servers }) => ({ backend: uppyCallbacks(callbacks(`${servers}/companion`)) }),
  companion: ({ servers }) => ({ backend: companion(`${servers}/companion`, { headers: () => ({ authorization: "Bearer page" }) }) }),
  // A route takes files whole or in parts, so a page with both has two clients.
  betterUpload: ({ servers, size }) => ({
    backend: betterUpload(`${servers}/api/upload`, size > PART ? "parts" : "whole", { headers: { authorization: "Bearer page" } }),
  }),
  azure: ({ azure: server }) => ({ backend: azure((request, signal) => json("POST", server, request, signal)) }),
  resumable: () => ({ backend: { ...resumable(window.session), requestDownload: (key) => window.session({ action: "get", key }) } }),
  /** For what each does in its own way. */
  stranger: ({ servers }) => ({ backend: betterUpload(`${servers}/api/upload`, "whole") }),
  formless: ({ servers }) => ({ backend: companion(`${servers}/companion`, { form: false }) }),
  odd: () => ({ backend: { requestUpload } }),
};

/** By the file's name, whatever a page's function may come to do. */
window.asked = [];
window.forms = [];
async function requestUpload({ filename, ...file }, signal) {
  window.asked.push(filename);
  const url = "https://s.example/k?X-Amz-Signature=secret";
  switch (filename) {
    case "transfer-error":
      throw new TransferError("storage-full", `No room at ${url}`, false, 507, "QuotaExceeded");
    case "response":
      throw new Response(JSON.stringify({ message: "Who are you?" }), { status: 401 });
    case "status":
      throw Object.assign(new Error("Slowly."), { status: 429 });
    case "mistake":
      return undefined.nothing;
    case "string":
      throw `It broke at ${url}`;
    case "nothing":
      return undefined;
    case "bigint":
      return { key: "k", url, expiresIn: 10n };
    case "script":
      return { key: "k", url: "javascript:alert(1)" };
    case "parts":
      return { key: "k", uploadId: "u", partSize: 5 << 20 };
    // As from a backend that signs a form for whatever it is asked, until it is told not to.
    case "form":
      window.forms.push(file.form);
      return file.form === false ? { key: "k", stored: true } : { key: "k", url: "https://0123.r2.cloudflarestorage.com/b", fields: { key: "k" } };
    case "slow":
      window.signal = signal;
      return new Promise(() => {});
    default:
      return { key: "k", stored: true, ...file };
  }
}

/** Functions of the page, over the mock server's own routes. */
function functions(token) {
  const ask = (method, path, body, signal) => json(method, path, body, signal, { authorization: `Bearer ${token}` });
  const of = ({ key, uploadId }) => ({ file_key: key, upload_id: uploadId });
  const path = (key) => key.split("/").map(encodeURIComponent).join("/");
  const granted = (parts) => parts?.map(({ part_number: partNumber, upload_url: url, headers }) => ({ partNumber, url, headers }));
  return {
    async requestUpload({ filename, contentType, size, key, metadata, partSize }, signal) {
      const file = { filename, content_type: contentType, size, key, metadata, part_size: partSize, multipart: true };
      const grant = await ask("POST", "/request-upload", file, signal);
      const { file_key, upload_url: url, upload_id: uploadId, part_size, parts, headers, expires_in: expiresIn } = grant;
      return uploadId ? { key: file_key, uploadId, partSize: part_size, parts: granted(parts), expiresIn } : { key: file_key, url, headers, expiresIn };
    },
    async requestParts(upload, numbers, signal) {
      const { parts, expires_in: expiresIn } = await ask("POST", "/request-parts", { ...of(upload), part_numbers: numbers }, signal);
      return { parts: granted(parts), expiresIn };
    },
    async listParts(upload, signal) {
      const { parts } = await ask("POST", "/list-parts", of(upload), signal);
      return parts.map(({ part_number: partNumber, etag, size }) => ({ partNumber, etag, size }));
    },
    async completeUpload(upload, parts, signal) {
      const list = parts.map(({ partNumber, etag }) => ({ part_number: partNumber, etag }));
      const { etag, location, checksum_crc64nvme } = await ask("POST", "/complete-upload", { ...of(upload), parts: list }, signal);
      return { etag, location, checksumCrc64nvme: checksum_crc64nvme };
    },
    async abortUpload(upload) {
      await ask("POST", "/abort-upload", of(upload));
    },
    async requestDownload(key, signal) {
      const { download_url: url, expires_in: expiresIn, size, etag } = await ask("GET", `/request-download/${path(key)}`, undefined, signal);
      return { url, expiresIn, size, etag };
    },
    async list(prefix = "", signal) {
      const { files } = await ask("GET", `/files?prefix=${encodeURIComponent(prefix)}`, undefined, signal);
      return files.map(({ key, size, last_modified }) => ({ key, size, lastModified: new Date(last_modified) }));
    },
    async remove(key, signal) {
      await ask("DELETE", `/files/${path(key)}`, undefined, signal);
    },
  };
}

/** As in Uppy's own example of a page without `endpoint`. */
function callbacks(server) {
  const query = (object) => new URLSearchParams(object);
  return {
    getUploadParameters: ({ name, type }, { signal }) => json("GET", `${server}/s3/params?${query({ filename: name, type })}`, undefined, signal),
    createMultipartUpload: ({ name, type, meta }) => json("POST", `${server}/s3/multipart`, { filename: name, type, metadata: { kind: String(meta.type) } }),
    signPart: (file, { uploadId, key, partNumber, signal }) =>
      json("GET", `${server}/s3/multipart/${uploadId}/${partNumber}?${query({ key })}`, undefined, signal),
    listParts: (file, { uploadId, key, signal }) => json("GET", `${server}/s3/multipart/${uploadId}?${query({ key })}`, undefined, signal),
    completeMultipartUpload: (file, { uploadId, key, parts, signal }) =>
      json("POST", `${server}/s3/multipart/${uploadId}/complete?${query({ key })}`, { parts }, signal),
    abortMultipartUpload: (file, { uploadId, key, signal }) => json("DELETE", `${server}/s3/multipart/${uploadId}?${query({ key })}`, undefined, signal),
  };
}

async function json(method, url, body, signal, headers = {}) {
  const own = { ...headers, ...(body && { "content-type": "application/json" }) };
  const response = await fetch(url, { method, headers: own, body: body && JSON.stringify(body), signal });
  if (!response.ok) throw response;
  return response.json();
}
