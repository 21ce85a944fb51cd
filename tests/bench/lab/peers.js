// The peers' own servers in a process of their own: Companion and a tus server, as their documents set them up. Prints where they are.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { FileStore } from "@tus/file-store";
import { Server as TusServer } from "@tus/server";
import { app as companionApp } from "@uppy/companion";
import express from "express";

const { s3, endpoint, folders } = JSON.parse(process.argv[2]);

/** What Companion logs is no line for whoever started this. */
console.log = console.error = () => {};

const companion = express();
companion.use(
  companionApp({
    secret: randomUUID(),
    filePath: folders.companion,
    server: { host: "127.0.0.1", protocol: "http" },
    corsOrigins: true,
    uploadUrls: [],
    s3: {
      key: s3.credentials.accessKeyId,
      secret: s3.credentials.secretAccessKey,
      bucket: s3.bucket,
      region: s3.region,
      endpoint,
      forcePathStyle: true,
      getKey: ({ filename }) => `${s3.prefix}${randomUUID()}-${filename}`,
    },
  }).app,
);
const tus = new TusServer({ path: "/files", datastore: new FileStore({ directory: folders.tus }) });

const addresses = {};
for (const [name, handler] of [["companion", companion], ["tus", (request, response) => tus.handle(request, response)]]) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  addresses[name] = `http://127.0.0.1:${server.address().port}/`;
}
process.stdout.write(`${JSON.stringify(addresses)}\n`);
