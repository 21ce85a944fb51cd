import { Client, TransferError } from "presigned";

/** Sends random bytes up and fetches them again, as an application would. */
export async function roundTrip({ endpoint, token, size }) {
  const client = new Client({ endpoint, headers: () => ({ authorization: `Bearer ${token}` }) });
  const file = new File([randomBytes(size)], "random.bin", { type: "application/octet-stream" });

  const upload = client.upload(file);
  const parts = new Set();
  for await (const event of upload) if (event.type === "part") parts.add(event.part);
  const uploaded = await upload;
  const downloaded = await client.download(uploaded.key);
  const missing = await client.download(`${uploaded.key}-missing`).catch((error) => error);

  await client.remove(uploaded.key);
  const left = await client.list();
  client.close();
  return {
    parts: parts.size,
    uploaded: uploaded.size,
    downloaded: downloaded.size,
    integrity: [uploaded.integrity, downloaded.integrity],
    same: await sameBytes(file, downloaded.blob),
    error: { own: missing instanceof TransferError && TransferError.is(missing), code: missing.code, status: missing.status },
    left: left.length,
  };
}

function randomBytes(size) {
  const bytes = new Uint8Array(size);
  // As much as the browser gives at once.
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

async function sameBytes(one, other) {
  const [left, right] = await Promise.all([one.arrayBuffer(), other.arrayBuffer()]);
  const [mine, theirs] = [new Uint8Array(left), new Uint8Array(right)];
  return mine.length === theirs.length && mine.every((byte, at) => byte === theirs[at]);
}
