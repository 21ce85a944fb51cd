// Files of noise to be uploaded, no two mebibytes of them alike, and their digests.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";

const BLOCK = 1 << 20;
/** What a page can hash as one: WebCrypto knows no digests in steps. */
export const SLICE = 16 * BLOCK;

/** Makes `count` files of `size` bytes; each as `{ path, size, sha256, slicesSha256 }`, the latter of the digests of its slices. */
export async function makeFiles(folder, { count = 1, size }) {
  await mkdir(folder, { recursive: true });
  const files = [];
  for (let number = 0; number < count; number++) files.push(await makeFile(join(folder, `${number}.bin`), size));
  return files;
}

async function makeFile(path, size) {
  const noise = randomBytes(Math.min(size, BLOCK));
  const [hash, slices] = [createHash("sha256"), createHash("sha256")];
  let slice = createHash("sha256");
  const file = await open(path, "w");
  for (let start = 0; start < size; start += BLOCK) {
    const block = noise.subarray(0, size - start);
    block.writeUInt32LE(start / BLOCK);
    hash.update(block);
    slice.update(block);
    const end = start + block.length;
    if (end % SLICE === 0 || end === size) {
      slices.update(slice.digest());
      slice = createHash("sha256");
    }
    await file.write(block);
  }
  await file.close();
  return { path, size, sha256: hash.digest("hex"), slicesSha256: slices.digest("hex") };
}
