// Azure's own emulator, with a container, and a server that signs for it by Azure's own SDK.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { BlobSASPermissions, BlobServiceClient, generateBlobSASQueryParameters, SASProtocol, StorageSharedKeyCredential } from "@azure/storage-blob";

import { ROOT } from "../../support/mock-server.js";

/** The emulator's one account, the same everywhere. */
const ACCOUNT = "devstoreaccount1";
const KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const CONTAINER = "table";
const PERMISSIONS = { put: "cw", get: "r", delete: "d" };
export const CORS = { allowedOrigins: "*", allowedMethods: "GET,PUT,POST,HEAD,DELETE", allowedHeaders: "*", exposedHeaders: "*", maxAgeInSeconds: 3600 };

export async function startAzurite() {
  const child = spawn(join(ROOT, "tests/node_modules/.bin/azurite-blob"), [
    "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent", "--blobPort", "0",
  ], { stdio: ["ignore", "pipe", "inherit"] });
  const kill = () => child.kill();
  process.once("exit", kill);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const address = await Promise.race([listening(child.stdout), ended]);
  if (!address) throw new Error("Azurite ended before it was ready.");

  const credential = new StorageSharedKeyCredential(ACCOUNT, KEY);
  const service = new BlobServiceClient(`${address}/${ACCOUNT}`, credential);
  const container = service.getContainerClient(CONTAINER);
  await container.create();
  const allow = (rule) => service.setProperties({ cors: rule ? [rule] : [] });
  await allow(CORS);

  // `life` of a signature in milliseconds, negative where the clock that signs is behind.
  const here = { life: 900_000, asked: [] };
  const sign = ({ action, key }, container) => {
    const expiresOn = new Date(Date.now() + here.life);
    const startsOn = new Date(expiresOn.getTime() - 3_600_000);
    const permissions = BlobSASPermissions.parse(PERMISSIONS[action]);
    const asked = { containerName: container, blobName: key, permissions, startsOn, expiresOn, protocol: SASProtocol.HttpsAndHttp };
    return { url: `${service.getContainerClient(container).getBlobClient(key).url}?${generateBlobSASQueryParameters(asked, credential)}`, expiresIn: 900 };
  };
  const server = createServer(async (request, response) => {
    for (const name of ["origin", "headers", "methods"]) response.setHeader(`access-control-allow-${name}`, "*");
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.method === "OPTIONS") return response.end();
    here.asked.push(JSON.parse(body).action);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(sign(JSON.parse(body), request.url.slice(1) || CONTAINER)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(here, {
    /** Signs for the container in its path, or the one there is. */
    url: `http://127.0.0.1:${server.address().port}/`,
    allow,
    /** As Azure's SDK has it. */
    async stored(key) {
      const blob = container.getBlockBlobClient(key);
      return { bytes: await blob.downloadToBuffer(), properties: await blob.getProperties() };
    },
    async keys(prefix) {
      const keys = [];
      for await (const { name } of container.listBlobsFlat({ prefix })) keys.push(name);
      return keys;
    },
    exists: (key) => container.getBlobClient(key).exists(),
    uncommitted: async (key) => (await container.getBlockBlobClient(key).getBlockList("uncommitted")).uncommittedBlocks ?? [],
    async stop() {
      process.removeListener("exit", kill);
      server.closeAllConnections();
      server.close();
      kill();
      await ended;
    },
  });
}

async function listening(output) {
  for await (const line of createInterface({ input: output })) {
    const found = /listens on (http:\S+)/.exec(line);
    if (!found) continue;
    // Whatever else it says must not fill the pipe.
    output.resume();
    return found[1];
  }
}
