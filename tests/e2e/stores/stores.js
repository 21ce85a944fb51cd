// The stores that one machine has: the mock server as each provider, moto, Azurite, and Garage where it is installed.
//
// Each is started for its tests alone. `who` is the store as the witness knows it; `where` is what the page is told.

import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { logIn, startMockServer } from "../../support/mock-server.js";
import { startAzurite } from "../backends/azurite.js";
import { sessionsOf, signerOf } from "../backends/google.js";
import { startServers } from "../backends/servers.js";
import { garageVersion, startGarage } from "./garage.js";
import { startMoto } from "./moto.js";

const PAGE = fileURLToPath(new URL("..", import.meta.url));
const [KEY, SECRET, REGION] = ["presigned", "presigned-secret", "us-east-1"];
/** A bucket that is not there, or that nobody may put anything into; `astray` is whatever signs for it. */
const STRANGERS = "strangers";
const amazon = (store, key = KEY, secret = SECRET, region = REGION) => ({ kind: "amazon", store, key, secret, region });

/** `faults`: the mock server can be told to fail. */
export const STORES = [
  ...[["aws", "AWS"], ["r2", "R2"], ["minio", "MinIO"], ["b2", "B2"], ["ceph", "Ceph"], ["garage", "Garage"]].map(([provider, title]) => ({
    name: provider, title: `the mock server as ${title}`, backends: ["endpoint", ...(provider === "r2" ? ["signer", "companion"] : [])],
    faults: true, start: () => startMock(provider),
  })),
  { name: "gcs", title: "the mock server as GCS", backends: ["endpoint", "signer", "resumable"], faults: true, start: startGoogle },
  { name: "moto", title: "moto 5.2.5", backends: ["endpoint", "signer", "companion", "betterUpload"], start: startOther(startMoto, { forbids: true }) },
  { name: "azurite", title: "Azurite 3.35", backends: ["azure"], start: startAzure },
  // The test command does not install it: that takes minutes.
  {
    name: "garage-itself", title: garageVersion ? `Garage ${garageVersion}` : "Garage", backends: ["endpoint", "signer", "companion", "betterUpload"],
    skip: !garageVersion, start: startOther(startGarage),
  },
];

async function startMock(provider) {
  const server = await startMockServer({ page: PAGE, args: ["--provider", provider, "--list-page", "3"] });
  const servers = await startServers(server.store);
  return {
    server, who: amazon(server.store), where: { token: await logIn(server, "table"), servers: servers.url },
    stop: () => Promise.all([servers.stop(), server.stop()]),
  };
}

/** A store of somebody else's, for which the mock server's backend signs. */
function startOther(start, { forbids = false } = {}) {
  return async (witness) => {
    const { url, key = KEY, secret = SECRET, region = REGION, stop } = await start();
    const who = amazon(url, key, secret, region);
    await witness.of(who).make();
    if (forbids) await witness.of(who).forbid(STRANGERS);
    // A store that heeds the checksum of an empty body, as Companion signs it, refuses every part.
    const awsClientOptions = { requestChecksumCalculation: "WHEN_REQUIRED" };
    const signFor = async (bucket) => {
      const args = ["--s3", url, "--s3-key", key, "--s3-secret", secret, "--s3-region", region, "--s3-bucket", bucket];
      const server = await startMockServer({ page: PAGE, args });
      const servers = await startServers(url, { bucket, key, secret, region, awsClientOptions });
      return {
        server, where: { token: await logIn(server, "table"), servers: servers.url },
        stop: () => Promise.all([servers.stop(), server.stop()]),
      };
    };
    const [here, astray] = [await signFor("presigned"), await signFor(STRANGERS)];
    astray.says = forbids ? ["access-denied", 403] : ["not-found", 404];
    return { ...here, who, astray, stop: () => Promise.all([here.stop(), astray.stop(), stop()]) };
  };
}

/** A service account signs for the backend and the witness, an HMAC key for the page's own signers. */
async function startGoogle() {
  const folder = await mkdtemp(join(tmpdir(), "presigned-google-"));
  const key_file = join(folder, "key.json");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } });
  const client_email = "presigned@test.iam.gserviceaccount.com";
  await writeFile(key_file, JSON.stringify({ type: "service_account", client_email, private_key: privateKey, token_uri: "http://localhost/token" }));
  const server = await startMockServer({ page: PAGE, args: ["--provider", "gcs", "--google-key", key_file, "--list-page", "3"] });
  const functions = { session: sessionsOf(server.store).session, sign: signerOf(server.store) };
  return {
    server, functions, who: { kind: "google", store: server.store, key_file }, where: { token: await logIn(server, "table") },
    stop: () => Promise.all([server.stop(), rm(folder, { recursive: true, force: true })]),
  };
}

async function startAzure() {
  const [azure, server] = [await startAzurite(), await startMockServer({ page: PAGE })];
  return {
    server, where: { azure: azure.url }, astray: { server, where: { azure: `${azure.url}${STRANGERS}` }, says: ["not-found", 404] },
    stop: () => Promise.all([azure.stop(), server.stop()]),
    // Azure's own SDK is the witness of what its emulator has.
    witness: {
      async get(key) {
        const { bytes, properties } = await azure.stored(key);
        return { bytes, type: properties.contentType };
      },
      keys: azure.keys,
      // Blocks that nobody has committed can't be removed.
      unfinished: async () => [],
    },
  };
}
