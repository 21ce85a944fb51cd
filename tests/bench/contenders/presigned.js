// This SDK with its defaults.

import { Client } from "/presigned/index.js";

export async function prepare({ servers, token }) {
  const client = new Client({ endpoint: servers.backend, headers: { authorization: `Bearer ${token}` } });
  // Answered only when the WebAssembly module is there.
  await client.saved();
  return client;
}

export async function run({ files, keys }, client) {
  if (files.length === 1) return client.upload(files[0], { key: keys[0] });
  const key = new Map(files.map((file, index) => [file, keys[index]]));
  const { failed } = await client.uploadAll(files, { key: (file) => key.get(file) });
  if (failed.length > 0) throw failed[0].error;
}

export const finish = (task, client) => client.close();
