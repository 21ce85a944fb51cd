// The servers of all contenders: our backend and store, Companion, a tus server.

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { start } from "./child.js";

const PEERS = fileURLToPath(new URL("peers.js", import.meta.url));
/** Of the mock server's store. */
export const S3 = {
  bucket: "presigned",
  /** Where a run's uploads go. */
  prefix: "uploads/bench/up/",
  region: "us-east-1",
  credentials: { accessKeyId: "presigned", secretAccessKey: "presigned-secret" },
};

export async function startServers(folder) {
  const folders = { store: join(folder, "store"), tus: join(folder, "tus"), companion: join(folder, "companion") };
  for (const name of Object.values(folders)) await mkdir(name, { recursive: true });

  // Its own page is not used.
  const places = ["--data", folders.store, "--page", folder, "--package", folder];
  const mock = start(process.env.PRESIGNED_MOCK_SERVER, ["--port", "0", "--store-port", "0", ...places]);
  const addresses = {};
  for (const name of ["backend", "store"]) addresses[name] = (await mock.line()).split(" ")[1];

  const peers = start(process.execPath, [PEERS, JSON.stringify({ endpoint: addresses.store, s3: S3, folders })]);
  Object.assign(addresses, JSON.parse(await peers.line()));

  const login = await fetch(new URL("/login", addresses.backend), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "bench" }),
  });
  const { token } = await login.json();
  return {
    addresses,
    token,
    folders,
    async stop() {
      await Promise.all([mock.stop(), peers.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
