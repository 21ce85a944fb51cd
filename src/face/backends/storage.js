// S3's own answers, for the adapters by which the page itself speaks with storage. DOMParser is missing in workers, and these
// documents are small and flat.

import { TransferError } from "../errors.js";

/** What storage said instead of success. What it means is decided where all answers of storage are read. */
class StorageRefusal extends Error {
  constructor({ status, headers }, xml) {
    super(text(xml, "Message") ?? `HTTP ${status}`);
    this.name = "StorageRefusal";
    this.status = status;
    this.headers = headers;
    this.retryAfter = headers.get("retry-after") ?? undefined;
    this.storage = xml;
  }
}

/** The answer's XML. An error may also come after the head of a success. */
export async function ask(url, request) {
  return (await reply(url, request)).xml;
}

/** The same, with the answer's headers. */
export async function reply(url, { method, headers, body, signal }) {
  const response = await fetch(url, { method, headers, body, signal, cache: "no-store" });
  const xml = await response.text();
  if (!response.ok || root(xml) === "Error") throw new StorageRefusal(response, xml);
  return { xml, headers: response.headers };
}

/** Puts the object together; only S3's own result is one. */
export async function complete(url, headers, parts, signal) {
  const list = parts.map(({ partNumber, etag }) => `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`);
  const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`;
  const xml = await ask(url, { method: "POST", headers, body, signal });
  const etag = text(xml, "ETag");
  if (root(xml) !== "CompleteMultipartUploadResult" || !etag) {
    throw new TransferError("storage", "Storage answered success, and did not say what it has stored.", false, 200);
  }
  return { etag, location: text(xml, "Location"), checksumCrc64nvme: text(xml, "ChecksumCRC64NVME") };
}

/** The text of the first element of that name. */
export function text(xml, name) {
  const found = new RegExp(`<(?:[\\w-]+:)?${name}(?:\\s[^>]*)?>([^<]*)</`).exec(xml);
  return found ? unescaped(found[1]) : undefined;
}

/** The insides of all elements of that name. */
export function elements(xml, name) {
  return Array.from(xml.matchAll(new RegExp(`<(?:[\\w-]+:)?${name}(?:\\s[^>]*)?>([^]*?)</(?:[\\w-]+:)?${name}>`, "g")), ([, inside]) => inside);
}

function root(xml) {
  return /^\s*(?:<\?[^>]*>\s*)?<(?:[\w-]+:)?([\w-]+)/.exec(xml)?.[1];
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text) {
  return text.replace(/&(?:(\w+)|#(\d+)|#x([\da-f]+));/gi, (all, name, decimal, hex) => {
    if (name) return ENTITIES[name] ?? all;
    return String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16));
  });
}

function escaped(text) {
  return text.replace(/[<>&"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
