// tus-js-client, which speaks to a tus server instead of to S3. In one request, as its documents advise: its parallel uploads
// need a server that can concatenate.

import { Upload } from "tus-js-client";

import { each } from "./bare.js";

export function prepare({ servers }) {
  return { endpoint: new URL("/files", servers.tus).href };
}

export async function run({ files }, { endpoint }) {
  const upload = (file) =>
    new Promise((resolve, reject) => {
      const metadata = { filename: file.name };
      new Upload(file, { endpoint, metadata, onSuccess: resolve, onError: reject }).start();
    });
  if (files.length === 1) return upload(files[0]);
  await each(files, upload, 1);
}
