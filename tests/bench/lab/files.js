// Files of noise to be uploaded, no two mebibytes of them alike, and their digests.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";

const BLOCK = 1 << 20;

/** Makes `count` files of `size` bytes; each as `{ path, size, sha256 }`. */
export async function makeFiles(folder, { count = 1, size }) {
  await mkdir(folder, { recursive: true });
  const files = [];
  for (let number = 0; number < count; number++) files.push(await makeFile(join(folder, `${number}.bin`), size));
  return files;
}

async function makeFile(path, size) {
  const noise = randomBytes(Math.min(size, BLOCK));
  const hash = createHash("sha256");
  const file = await open(path, "w");
  for (let start = 0; start < size; start += BLOCK) {
    const block = noise.subarray(0, size - start);
    block.writeUInt32LE(start / BLOCK);
    hash.update(block);
    await file.write(block);
  }
  await file.close();
  return { path, size, sha256: hash.digest("hex") };
}
