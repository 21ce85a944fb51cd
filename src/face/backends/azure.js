import { TransferError } from "../errors.js";
import { elements, reply, text } from "./storage.js";

/** Digits of a block's number: the names of all blocks of a blob must be equally long. */
const DIGITS = 5;

/**
 * Azure Blob Storage by shared access signatures: one function signs a blob for reading, writing or deleting, and one signature is
 * good for all its blocks. A block is named after its upload and its number, so a reload finds those that are stored.
 */
export function azure(sign) {
  const signed = async (action, key, more, signal) => {
    const answer = await sign({ action, key, ...more }, signal);
    if (typeof answer?.url !== "string") throw new Error(`The signer gave no \`url\` for "${action}".`);
    return answer;
  };

  return {
    id: "azure",

    async requestUpload({ filename, contentType, size, key = filename, metadata = {}, partSize }, signal) {
      const { url, expiresIn, key: named = key } = await signed("put", key, { contentType }, signal);
      const headers = { "x-ms-blob-content-type": contentType, ...meta(metadata) };
      if (size <= partSize) return { key: named, url, headers: { ...headers, "x-ms-blob-type": "BlockBlob" }, expiresIn };
      // Nothing is begun at storage. What the blob will be, only the last request says, and that may come after a reload.
      const uploadId = `${crypto.randomUUID()} ${JSON.stringify(headers)}`;
      return { key: named, uploadId, partSize };
    },

    async requestParts({ key, uploadId }, numbers, signal) {
      const { url, expiresIn } = await signed("put", key, {}, signal);
      const parts = numbers.map((partNumber) => ({ partNumber, url: asking(url, { comp: "block", blockid: blockName(uploadId, partNumber) }) }));
      return { parts, expiresIn };
    },

    async listParts({ key, uploadId }, signal) {
      const { url } = await signed("get", key, {}, signal);
      const xml = await blocks(url, signal);
      const ours = ([list]) => elements(list ?? "", "Block").flatMap((block) => partOf(block, uploadId));
      // Nobody else has blocks of these names: it was put together already.
      if (ours(elements(xml, "CommittedBlocks")).length > 0) {
        throw new TransferError("gone", "The blob has been put together from these blocks already.", false, 404, "NoSuchUpload");
      }
      return ours(elements(xml, "UncommittedBlocks"));
    },

    async completeUpload({ key, uploadId }, parts, signal) {
      const { url } = await signed("put", key, {}, signal);
      const names = parts.map(({ partNumber }) => `<Latest>${blockName(uploadId, partNumber)}</Latest>`);
      const body = `<?xml version="1.0" encoding="utf-8"?><BlockList>${names.join("")}</BlockList>`;
      const headers = JSON.parse(uploadId.slice(uploadId.indexOf(" ")));
      const { headers: told } = await reply(asking(url, { comp: "blocklist" }), { method: "PUT", headers, body, signal });
      return { etag: told.get("etag") ?? undefined };
    },

    // Blocks that nobody puts together can't be removed: Azure itself does, after a week.
    async abortUpload() {},

    async requestDownload(key, signal) {
      const { url, headers, expiresIn } = await signed("get", key, {}, signal);
      return { url, headers, expiresIn };
    },

    async remove(key, signal) {
      const { url } = await signed("delete", key, {}, signal);
      await reply(url, { method: "DELETE", signal });
    },
  };
}

/** All that storage has of the blob, put together or not; where it knows neither, it has none. */
async function blocks(url, signal) {
  try {
    return (await reply(asking(url, { comp: "blocklist", blocklisttype: "all" }), { method: "GET", signal })).xml;
  } catch (error) {
    if (text(error.storage ?? "", "Code") === "BlobNotFound") return "";
    throw error;
  }
}

/** Up to 64 bytes before they are encoded; here 42. */
function blockName(uploadId, number) {
  return btoa(`${uploadId.slice(0, uploadId.indexOf(" "))}-${String(number).padStart(DIGITS, "0")}`);
}

function partOf(block, uploadId) {
  const etag = text(block, "Name");
  const number = Number(atob(etag).slice(-DIGITS));
  return etag === blockName(uploadId, number) ? [{ partNumber: number, etag, size: Number(text(block, "Size")) }] : [];
}

/** The signature covers none of these. */
function asking(url, query) {
  const asked = new URL(url);
  for (const [name, value] of Object.entries(query)) asked.searchParams.set(name, value);
  return asked.href;
}

function meta(metadata) {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-ms-meta-${name}`, value]));
}
