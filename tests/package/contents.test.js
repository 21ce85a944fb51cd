// What is in the tarball, and what its import does outside of a browser.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { ROOT } from "../support/mock-server.js";
import { installApplication, runNode } from "./application.js";

const execute = promisify(execFile);
let application;

before(async () => {
  application = await installApplication();
});
after(() => application?.remove());

test("the tarball holds the face, the module and the papers, and nothing else", async () => {
  const { stdout } = await execute("tar", ["-tzf", application.tarball]);
  const files = stdout.trim().split("\n").map((file) => file.replace("package/", ""));
  assert.deepEqual(files.sort(), [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "backends/azure.js",
    "backends/better-upload.js",
    "backends/companion.js",
    "backends/resumable.js",
    "backends/server.js",
    "backends/signer.js",
    "backends/storage.js",
    "backends/uppy-callbacks.js",
    "disk.js",
    "doctor/backend.js",
    "doctor/providers.js",
    "doctor/rules.js",
    "doctor/storage.js",
    "doctor/walk.js",
    "errors.js",
    "extras/cache.js",
    "extras/compress.js",
    "extras/gzip-worker.js",
    "extras/gzip.js",
    "extras/revalidate.js",
    "extras/teller.js",
    "feed.js",
    "functions.js",
    "hash.js",
    "index.d.ts",
    "index.js",
    "media/arrivals.js",
    "media/media-worker.js",
    "media/media.js",
    "media/range.js",
    "media/service.js",
    "package.json",
    "panic.js",
    "patiently.js",
    "presigned.js",
    "presigned_bg.wasm",
    "runs.js",
    "saved.js",
    "stream.js",
    "timeline.js",
    "transfer.js",
    "turns.js",
    "worker.js",
    "workers.js",
    "zip/client-zip.LICENSE.txt",
    "zip/client-zip.js",
    "zip/names.js",
    "zip/zip.js",
  ]);
});

test("what is published names no path of the machine that built it", async () => {
  const wasm = await readFile(join(application.installed, "presigned_bg.wasm"), "latin1");
  const glue = await readFile(join(application.installed, "presigned.js"), "utf8");
  const homes = [ROOT, process.env.HOME].filter((folder) => folder && folder !== "/");
  for (const folder of homes) {
    assert.ok(!wasm.includes(folder), `the module names ${folder}`);
    assert.ok(!glue.includes(folder), `the glue names ${folder}`);
  }
});

test("the import in Node does not throw, and keeps nothing running", async () => {
  const script = `
    const { Client, TransferError } = await import("presigned");
    console.log(typeof Client, typeof TransferError.is, TransferError.is(new Error("another")));
  `;
  const { code, output } = await runNode(application.app, "--input-type=module", "--eval", script);
  assert.deepEqual({ code, output: output.trim() }, { code: 0, output: "function function false" });
});

test("a client in Node fails in its promises, not as a crash", async () => {
  const script = `
    import { Client, TransferError } from "presigned";
    const client = new Client({ endpoint: "http://localhost/" });
    const error = await client.upload(new Blob(["abc"])).catch((error) => error);
    console.log(TransferError.is(error), error.code);
    client.close();
  `;
  const { code, output } = await runNode(application.app, "--input-type=module", "--eval", script);
  assert.deepEqual({ code, output: output.trim() }, { code: 0, output: "true internal" });
});
