// `client.zip`: what a browser makes of several objects, Python reads.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Zip } from "../../pkg/zip/zip.js";
import { namesOf } from "../../pkg/zip/names.js";
import { launchProfile } from "../support/chromium.js";
import { call, logIn, putFile, startMockServer } from "../support/mock-server.js";
import { makeFile } from "./files.js";

const PAGE = fileURLToPath(new URL("zip", import.meta.url));
const LOOK = fileURLToPath(new URL("zip/look.py", import.meta.url));
const MB = 1_000_000;
const MIB = 1 << 20;
const GIB = 1024 * MIB;
/** What a stream fetches ahead, and what lies in buffers of two processes. */
const AHEAD = 56 * MIB;
/** A guard against a hang, not a measure of anything. */
const timeout = 300_000;
const here = {};

before(async () => {
  here.folder = await mkdtemp(join(tmpdir(), "presigned-zip-"));
  here.server = await startMockServer({ page: PAGE });
  here.context = await launchProfile(join(here.folder, "profile"));
  const token = await logIn(here.server, "packer");
  here.files = [];
  for (const [name, size] of [["film.bin", 40 * MB], ["nothing.txt", 0], ["Größe & mehr +%2F 日本.txt", 17], ["last.bin", 5 * MB]]) {
    const file = await makeFile(here.folder, name, size);
    here.files.push({ ...file, key: await putFile(here.server, token, file) });
  }
  here.page = await here.context.newPage();
  here.page.on("pageerror", (error) => console.error(error));
  await here.page.goto(here.server.page);
  await here.page.waitForFunction(() => window.ready);
  await here.page.evaluate((token) => open_(token, { retryDelays: [10, 20, 40, 80] }), token);
});
after(async () => {
  await here.context?.close();
  await here.server?.stop();
  if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 5 });
});

test("several objects, an empty one and odd names among them, come out as they are", { timeout }, async () => {
  const [film, nothing, odd, last] = here.files;
  assert.equal(await here.page.evaluate(() => zips()), 0, "its code is loaded before it is asked for");
  const entries = [
    { key: film.key, name: "films/one.bin", lastModified: Date.UTC(2001, 5, 15) },
    { key: nothing.key, name: "../../etc/./passwd" },
    { key: odd.key, name: "C:\\Größe & mehr +%2F 日本.txt" },
    { key: last.key, name: "films/one.bin" },
    { key: odd.key, name: "/FILMS/One.bin" },
  ];
  await rule([{ on: "get", do: { cut_response: 2 * MB }, chance: 0.2 }]);
  const { said, ...zip } = await saved(entries);
  await rule([]);
  const sources = [film, nothing, odd, last, odd];
  const names = ["films/one.bin", "etc/passwd", "C_/Größe & mehr +%2F 日本.txt", "films/one (2).bin", "FILMS/One (3).bin"];
  assert.deepEqual(
    zip.entries.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
    sources.map(({ size, sha256 }, index) => ({ name: names[index], size, sha256 })),
  );
  assert.ok(zip.entries.every(({ stored }) => stored));
  assert.equal(zip.entries[0].year, 2001);
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  assert.deepEqual({ loaded: said.last.loaded, total: said.last.total }, { loaded: total, total });
  assert.deepEqual(said.loaded, said.loaded.toSorted((one, other) => one - other), "progress fell");
});

test("keys alone do, also none at all", { timeout }, async () => {
  const [, nothing, odd] = here.files;
  const zip = await saved([nothing.key, odd.key]);
  assert.deepEqual(zip.entries.map(({ sha256 }) => sha256), [nothing.sha256, odd.sha256]);
  assert.ok(zip.entries.every(({ name }) => !name.startsWith("uploads/")), JSON.stringify(zip.entries));
  assert.deepEqual((await saved([])).entries, []);
});

test("what goes wrong is typed, and ends it", { timeout }, async () => {
  const [film] = here.files;
  const fails = (keys, options) => here.page.evaluate(([keys, options]) => window.fails(keys, options), [keys, options]);
  assert.equal(await fails([{ key: "" }]), "invalid-option");
  assert.equal(await fails([{ key: film.key, name: 7 }]), "invalid-option");
  assert.equal(await fails([{ key: film.key, lastModified: "never" }]), "invalid-option");
  assert.equal(await fails([film.key, "uploads/packer/missing"]), "not-found");
  const many = Array.from({ length: 65_535 }, () => film.key);
  assert.equal(await fails(many), "invalid-option");
});

test("nothing is fetched that is not read, nor after its end", { timeout }, async () => {
  const [film, , , last] = here.files;
  const keys = [film.key, film.key, film.key, last.key];
  await call(here.server, "DELETE", "/_stats");
  await here.page.evaluate((keys) => dawdle(keys, 2_000), keys);
  await settled();
  const { bytes_out: ahead } = await call(here.server, "GET", "/_stats");
  // Of two of the four.
  assert.ok(ahead <= 2 * AHEAD, `${ahead} bytes are out`);
  await rule([{ on: "get", do: { bytes_per_second: 4 * MB } }]);
  await here.page.evaluate((keys) => leave(keys, "cancel"), keys);
  await settled();
  assert.equal(await here.page.evaluate((keys) => leave(keys, "abort"), keys), "TimeoutError: Enough.");
  await settled();
  await rule([]);
});

test("beyond 4 GiB it is a Zip64", { timeout }, async () => {
  const zeros = new Uint8Array(16 * MIB);
  const small = new TextEncoder().encode("behind the first 4 GiB");
  const client = {
    stream: (key) => {
      let left = key === "large" ? (4 * GIB + 32 * MIB) / zeros.length : 1;
      const pull = (controller) => (left-- > 0 ? controller.enqueue(key === "large" ? zeros : small) : controller.close());
      return new ReadableStream({ pull }, { highWaterMark: 0 });
    },
  };
  const zip = new Zip(client, ["before", "large", "behind"]);
  const stream = new ReadableStream({ start: (controller) => zip.start(controller), pull: (controller) => zip.pull(controller) }, { highWaterMark: 0 });
  const path = join(here.folder, "large.zip");
  const file = await open(path, "w");
  let at = 0;
  for await (const bytes of stream) {
    // Zeros are left out: a hole in the file.
    if (bytes !== zeros) await file.write(bytes, 0, bytes.length, at);
    at += bytes.length;
  }
  await file.close();
  const { entries } = await look(path);
  const sum = createHash("sha256").update(small).digest("hex");
  assert.deepEqual(entries.map(({ name, size }) => [name, size]), [["before", small.length], ["large", 4 * GIB + 32 * MIB], ["behind", small.length]]);
  assert.deepEqual([entries[0].sha256, entries[2].sha256], [sum, sum]);
});

test("names can be unpacked anywhere, and no two are alike", () => {
  const keys = (...keys) => namesOf(keys.map((key) => ({ key })));
  const names = (...names) => namesOf(names.map((name) => ({ key: "k", name })));
  assert.deepEqual(keys("a/b/one.txt"), ["one.txt"]);
  assert.deepEqual(keys("a/b/one.txt", "a/b/c/two.txt", "a/b/one.txt"), ["one.txt", "c/two.txt", "one (2).txt"]);
  assert.deepEqual(keys("a/b", "c/b"), ["a/b", "c/b"]);
  assert.deepEqual(keys("..", "folder/"), ["file", "folder"]);
  assert.deepEqual(names("a", "a/b", "A"), ["a (2)", "a/b", "A (3)"]);
  assert.deepEqual(names("é", "e\u0301"), ["é", "e\u0301 (2)"]);
  assert.deepEqual(names("..\\..\\x", "///", " .. /y", "a\u0000b?.txt", "c:d"), ["x", "file", "y", "a_b_.txt", "c_d"]);
  const [long] = names(`${"日".repeat(500)}.tar`);
  assert.ok(long.endsWith("日.tar") && Buffer.byteLength(long) <= 200, long);
  for (const name of names(...Array.from({ length: 500 }, () => "x/same.bin"))) assert.match(name, /^x\/same( \(\d+\))?\.bin$/);
});

async function saved(keys) {
  const [download, said] = await Promise.all([here.page.waitForEvent("download"), here.page.evaluate((keys) => save(keys), keys)]);
  return { said, ...(await look(await download.path())) };
}

async function look(path) {
  const { stdout } = await promisify(execFile)("python3", [LOOK, path], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

/** Requests to the store have ended. */
async function settled() {
  for (let left = 100; left > 0 && (await call(here.server, "GET", "/_stats")).in_flight > 0; left -= 1) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await call(here.server, "GET", "/_stats")).in_flight, 0);
}

function rule(rules) {
  return call(here.server, "PUT", "/_faults", { seed: 1, rules });
}
