// A backend of functions behind the protocol that the WebAssembly side speaks: asked like a server, by routes and bodies in
// snake_case. What the answers and errors mean is decided there. Loaded only where `backend` is given.

import { TransferError } from "./errors.js";

const NAMES = ["requestUpload", "requestParts", "listParts", "completeUpload", "abortUpload", "requestDownload", "list", "remove"];

/** `backend`'s functions as one: `(method, path, body, signal)`; it resolves however it went. */
export function speak(backend) {
  const kinds = new Set(NAMES.map((name) => typeof backend?.[name]));
  if (!kinds.delete("function") || [...kinds].some((kind) => kind !== "undefined")) throw new TransferError("invalid-option", "`backend` must be an object of functions.");
  const ask = async (...request) => {
    try {
      return { answer: (await answer(backend, ...request)) ?? {} };
    } catch (thrown) {
      return refusal(thrown);
    }
  };
  return Object.assign(ask, { id: `backend ${backend.id ?? ""}` });
}

async function answer(backend, method, path, body, signal) {
  const upload = body && { key: body.file_key, uploadId: body.upload_id };
  const call = (name, ...args) => {
    if (!backend[name]) throw { status: 501, message: `it has no function \`${name}\`` };
    return backend[name](...args);
  };
  const [, route, rest] = /^(\/[a-z-]+)(.*)$/.exec(path);
  switch (`${method} ${route}`) {
    case "POST /request-upload": {
      const { filename, content_type: contentType, size, key, metadata, form, part_size: partSize, content_encoding: contentEncoding } = body;
      const grant = await call("requestUpload", defined({ filename, contentType, size, key, metadata, form, partSize, contentEncoding }), signal);
      if (grant?.uploadId && !backend.completeUpload) throw new Error("It answered with parts, and has no function `completeUpload`.");
      return snake(grant, { key: "file_key", url: "upload_url" });
    }
    case "POST /request-parts":
      return snake(await call("requestParts", upload, body.part_numbers, signal, body.checksums), { url: "upload_url" });
    case "POST /list-parts":
      return { parts: snake(await call("listParts", upload, signal)) };
    case "POST /complete-upload": {
      const parts = body.parts.map(({ part_number: partNumber, etag, checksum }) => defined({ partNumber, etag, checksum }));
      const result = snake(await call("completeUpload", upload, parts, signal));
      // Only an object is a result.
      return Object(result) === result ? { file_key: upload.key, ...result } : result;
    }
    case "POST /abort-upload":
      await call("abortUpload", upload);
      return {};
    case "GET /request-download":
      return snake(await call("requestDownload", decodeURIComponent(rest.slice(1)), signal), { url: "download_url", urls: "download_urls" });
    case "GET /files":
      return { files: snake(await call("list", rest ? decodeURIComponent(rest.slice("?prefix=".length)) : undefined, signal)) };
    case "DELETE /files":
      await call("remove", decodeURIComponent(rest.slice(1)), signal);
      return {};
  }
}

/** In the protocol's words. The names of headers, fields and metadata are not its own. */
function snake(value, renamed = {}) {
  if (Array.isArray(value)) return value.map((item) => snake(item, renamed));
  if (value instanceof Date) return value.toISOString();
  if (Object(value) !== value) return value;
  const entry = ([name, own]) => [
    renamed[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    name === "headers" || name === "fields" ? own : snake(own, renamed),
  ];
  return Object.fromEntries(Object.entries(value).map(entry));
}

async function refusal(thrown) {
  if (thrown instanceof Response) {
    const body = await thrown.json().catch(() => undefined);
    return { status: thrown.status, retry_after: thrown.headers.get("retry-after"), body: worded(body, thrown.statusText) };
  }
  if (Object(thrown) !== thrown) return { thrown: { message: withoutQueries(String(thrown)) } };
  const { name, code, status, storage, retryAfter, storageCode, retryable } = thrown;
  const message = withoutQueries(String(thrown.message ?? ""));
  if (name === "TransferError") return { thrown: { name, code, message, status, storageCode, retryable } };
  if (Number.isInteger(status)) return { status, retry_after: retryAfter?.toString(), storage, body: worded({ message, code: String(code) }) };
  return { thrown: { name: String(name), message: message || withoutQueries(String(thrown)) } };
}

/** A refusal without words would look like a route that is not there. */
function worded(body, otherwise) {
  return [body?.error, body?.message].some((said) => said && typeof said === "string") ? body : { ...Object(body), error: otherwise || "it gave no reason" };
}

/** A presigned URL is a secret, and the errors of some libraries hold the URL. */
function withoutQueries(text) {
  return text.replace(/(\w+:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/g, "$1");
}

function defined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
