// Files on disk whose every byte is known from their name: pseudo-random, so that no two ranges are alike.

import { createCipheriv, createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const CHUNK = 4 << 20;

/** Writes `size` bytes and returns the file with its SHA-256. */
export async function makeFile(folder, name, size) {
  const path = join(folder, name);
  // AES-CTR over zeros: hundreds of MB a second, the same on every run.
  const key = createHash("sha256").update(name).digest();
  const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const hash = createHash("sha256");
  const file = await open(path, "w");
  try {
    for (let left = size; left > 0; left -= CHUNK) {
      const bytes = stream.update(Buffer.alloc(Math.min(CHUNK, left)));
      hash.update(bytes);
      await file.write(bytes);
    }
  } finally {
    await file.close();
  }
  return { path, name, size, sha256: hash.digest("hex") };
}

export async function sha256Of(path) {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path, { highWaterMark: CHUNK })) hash.update(bytes);
  return hash.digest("hex");
}
