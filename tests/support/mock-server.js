// The mock server as a child of a test, and its control routes.

import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Starts one on free ports, with a folder of its own. `stop()` ends it and removes the folder. */
export async function startMockServer({ page = join(ROOT, "www"), package: files = join(ROOT, "pkg"), args = [] } = {}) {
  const binary = process.env.PRESIGNED_MOCK_SERVER;
  if (!binary) throw new Error("Set PRESIGNED_MOCK_SERVER to the mock server's binary, or run `cargo xtask test`.");
  const folder = await mkdtemp(join(tmpdir(), "presigned-store-"));
  const child = spawn(
    binary,
    ["--port", "0", "--store-port", "0", "--data", folder, "--page", page, "--package", files, ...args],
    { cwd: folder, stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => child.kill();
  process.once("exit", kill);
  const stop = async () => {
    process.removeListener("exit", kill);
    kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };

  const found = await Promise.race([addresses(child.stdout), ended.then((code) => ({ code }))]);
  if (found.page && found.store) return { ...found, stop };
  await stop();
  throw new Error(`The mock server ended before it was ready (${found.code}).`);
}

/** A bearer token of the demo's login. */
export async function logIn(server, user) {
  const { token } = await call(server, "POST", "/login", { user });
  return token;
}

/** Where one PUT stores a file of this name, type and size, and under which key. */
export async function grantUpload(server, token, file) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(new URL("request-upload", server.page), { method: "POST", headers, body: JSON.stringify(file) });
  const { upload_url: url, file_key: key } = await answer.json();
  return { url, key };
}

/** Stores a file with one request and returns its key. */
export async function putFile(server, token, { path, name, size }) {
  const asked = { filename: name, content_type: "application/octet-stream", size };
  const { url, key } = await grantUpload(server, token, asked);
  const status = await new Promise((resolve, reject) => {
    const sending = request(url, { method: "PUT", headers: { "content-type": asked.content_type, "content-length": size } }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode));
    });
    createReadStream(path, { highWaterMark: 1 << 20 }).pipe(sending.once("error", reject));
  });
  if (status !== 200) throw new Error(`The store answered the PUT of ${name} with ${status}.`);
  return key;
}

/** The bytes that the store has under this key. */
export async function getFile(server, token, key) {
  const path = `request-download/${key.split("/").map(encodeURIComponent).join("/")}`;
  const granted = await fetch(new URL(path, server.page), { headers: { authorization: `Bearer ${token}` } });
  const { download_url: url } = await granted.json();
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

/** Asks the backend or a control route. */
export async function call(server, method, path, body) {
  const headers = body && { "content-type": "application/json" };
  const answer = await fetch(new URL(path, server.page), { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function addresses(output) {
  const found = {};
  for await (const line of createInterface({ input: output })) {
    const [name, address] = line.trim().split(/\s+/);
    if (name === "page" || name === "store") found[name] = address;
    if (found.page && found.store) break;
  }
  // Whatever else it says must not fill the pipe.
  output.resume();
  return found;
}
