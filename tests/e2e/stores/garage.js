// Garage, an S3 store of its own kind, where a `garage` program is on PATH (`cargo install garage --locked`): one node in a temporary folder.

import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** As it calls itself, or nothing where there is none. */
export const garageVersion = /\bv?(\d[\d.]*)/.exec(spawnSync("garage", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1];
const hex = (bytes) => randomBytes(bytes).toString("hex");

export async function startGarage() {
  const folder = await mkdtemp(join(tmpdir(), "presigned-garage-"));
  const [rpc, api] = await freePorts(2);
  const [key, secret, region] = [`GK${hex(12)}`, hex(32), "garage"];
  const settings = join(folder, "garage.toml");
  await writeFile(settings, `
metadata_dir = ${JSON.stringify(join(folder, "meta"))}
data_dir = ${JSON.stringify(join(folder, "data"))}
db_engine = "lmdb"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:${rpc}"
rpc_public_addr = "127.0.0.1:${rpc}"
rpc_secret = "${hex(32)}"
[s3_api]
api_bind_addr = "127.0.0.1:${api}"
s3_region = "${region}"
`);
  // It lays itself out, and makes the bucket and a key for it.
  const child = spawn("garage", ["--config", settings, "server", "--single-node", "--default-bucket"], {
    env: { ...process.env, GARAGE_DEFAULT_ACCESS_KEY: key, GARAGE_DEFAULT_SECRET_KEY: secret, GARAGE_DEFAULT_BUCKET: "presigned", RUST_LOG: "error" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = () => child.kill();
  process.once("exit", kill);
  const ended = once(child, "exit");
  const url = `http://127.0.0.1:${api}/`;
  while (child.exitCode === null && !(await fetch(url).catch(() => undefined))) await new Promise((resolve) => setTimeout(resolve, 100));
  if (child.exitCode !== null) throw new Error(`Garage ended before it was ready (${child.exitCode}).`);
  return {
    url, key, secret, region,
    async stop() {
      process.removeListener("exit", kill);
      kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePorts(count) {
  const probes = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(probes.map((probe) => once(probe, "listening")));
  const ports = probes.map((probe) => probe.address().port);
  await Promise.all(probes.map((probe) => once(probe.close(), "close")));
  return ports;
}
