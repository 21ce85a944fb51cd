// AWS's lib-storage. It signs in the page, so it needs no backend and saves the way there.

import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

import { each } from "./bare.js";

export function prepare({ servers, s3 }) {
  const { region, credentials } = s3;
  return new S3Client({ endpoint: servers.store, region, credentials, forcePathStyle: true });
}

export async function run({ files, keys, s3, options }, client) {
  const upload = ([file, key]) => new Upload({ client, params: { Bucket: s3.bucket, Key: key, Body: file }, ...options }).done();
  if (files.length === 1) return upload([files[0], keys[0]]);
  // It knows of one file only.
  await each(files.map((file, index) => [file, keys[index]]), upload, 1);
}

export const finish = (task, client) => client.destroy();
