// What has arrived at the servers: compared with what was sent, byte by byte, then removed.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { DeleteObjectsCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

import { S3 } from "./servers.js";

export function watchStored({ addresses, folders }) {
  const { bucket: Bucket, prefix: Prefix, region, credentials } = S3;
  // Where nobody declares a checksum, the store computes one of the whole by itself, which downloads are compared with.
  const checksums = { requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" };
  const s3 = new S3Client({ endpoint: addresses.store, region, credentials, forcePathStyle: true, ...checksums });

  async function objects() {
    const found = [];
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix })) found.push(...Contents);
    const read = async ({ Key }) => (await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "DISABLED" }))).Body;
    return found.map((object) => ({ read: () => read(object), Key: object.Key }));
  }

  async function tusFiles() {
    const names = await readdir(folders.tus);
    return names.filter((name) => !name.endsWith(".json")).map((name) => ({ read: () => createReadStream(join(folders.tus, name)) }));
  }

  return {
    /** Throws unless exactly these files are there. */
    async check(files) {
      const found = [...(await objects()), ...(await tusFiles())];
      const digests = [];
      for (const { read } of found) digests.push(await digest(await read()));
      const wanted = files.map(({ sha256 }) => sha256);
      if (digests.sort().join() !== wanted.sort().join()) {
        throw new Error(`What is stored is not what was sent: ${found.length} of ${files.length} files, or other bytes`);
      }
    },
    /** Removes it all. */
    async clear() {
      const keys = (await objects()).map(({ Key }) => ({ Key }));
      for (let start = 0; start < keys.length; start += 1_000) {
        await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.slice(start, start + 1_000) } }));
      }
      for (const name of await readdir(folders.tus)) await rm(join(folders.tus, name));
    },
    /** Puts a file there, to be downloaded. */
    async put(key, { path }) {
      const params = { Bucket, Key: key, Body: createReadStream(path) };
      await new Upload({ client: s3, params, partSize: 64 << 20 }).done();
    },
  };
}

async function digest(stream) {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}
