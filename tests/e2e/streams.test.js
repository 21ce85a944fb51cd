// `client.stream`: in order whatever the network does, no further ahead than is allowed, and over when nobody wants it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchProfile } from "../support/chromium.js";
import { call, logIn, putFile, startMockServer } from "../support/mock-server.js";
import { makeFile } from "./files.js";

const PAGE = fileURLToPath(new URL("streams", import.meta.url));
const MB = 1_000_000;
const MIB = 1 << 20;
const AHEAD = 32 * MIB;
/** What lies in buffers of two processes and of connections that were cut: 30 MB were seen. */
const BUFFERED = 48 * MIB;
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = {};

before(async () => {
  here.folder = await mkdtemp(join(tmpdir(), "presigned-streams-"));
  here.server = await startMockServer({ page: PAGE });
  here.context = await launchProfile(join(here.folder, "profile"));
  const token = await logIn(here.server, "reader");
  here.file = await makeFile(here.folder, "film.bin", 120 * MB);
  here.key = await putFile(here.server, token, here.file);
  here.page = await here.context.newPage();
  here.page.on("pageerror", (error) => error.message.startsWith("What an application throws") || console.error(error));
  await here.page.goto(here.server.page);
  await here.page.waitForFunction(() => window.ready);
  await here.page.evaluate((token) => open_(token, { stallTimeout: 2_000, retryDelays: [10, 20, 40, 80] }), token);
});
after(async () => {
  await here.context?.close();
  await here.server?.stop();
  if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 5 });
});

test("all bytes come in order, by several ranges at once", { timeout }, async () => {
  await rule([]);
  const { most, ...read } = await watched(() => read_());
  assert.deepEqual(read, { size: 120 * MB, loaded: 120 * MB, sha256: here.file.sha256 });
  assert.ok(most > 1, `${most} at once`);
});

test("a whole object is compared with storage's checksum, a part is not", { timeout }, async () => {
  await rule([]);
  const { sha256: read } = await read_();
  const { verified, algorithm, value } = await here.page.evaluate(() => window.integrity);
  assert.deepEqual([read, verified, algorithm, value.length], [here.file.sha256, true, "crc64nvme", 12]);
  await read_({ start: 1 });
  const part = await here.page.evaluate(() => window.integrity);
  assert.deepEqual(part, { verified: false, reason: "Only a part of the object was asked for." });
  await rule([{ on: "get", do: { flip_byte: 3 * MB }, skip: 1, times: 1 }]);
  const { failed, size, sha256: spoilt } = await read_();
  assert.deepEqual({ failed, size, told: await here.page.evaluate(() => window.integrity) }, { failed: "checksum-mismatch", size: 120 * MB, told: undefined });
  assert.notEqual(spoilt, here.file.sha256);
});

test("cut connections, refused URLs and slow answers leave the order as it is", { timeout }, async () => {
  await rule([
    { on: "get", do: { cut_response: 2 * MB }, chance: 0.3 },
    { on: "get", do: { expired: true }, times: 1, skip: 3 },
    { on: "get", do: { status: 503 }, chance: 0.2 },
  ]);
  const read = await read_();
  assert.deepEqual(read, { size: 120 * MB, loaded: 120 * MB, sha256: here.file.sha256 });
});

test("a span is read, and no more", { timeout }, async () => {
  await rule([]);
  const bytes = await readFile(here.file.path);
  for (const [start, end] of [[5, 6], [0, 100], [7 * MB + 3, 21 * MB], [119 * MB, undefined], [119 * MB, 500 * MB]]) {
    const part = bytes.subarray(start, end);
    const read = await read_({ start, end });
    assert.deepEqual(read, { size: part.length, loaded: part.length, sha256: sha256(part) }, `${start} to ${end}`);
  }
  await call(here.server, "DELETE", "/_stats");
  await read_({ start: MB, end: 2 * MB });
  assert.equal((await stats()).bytes_out, MB);
});

test("a server without ranges is read from the start, and what was not asked for is dropped", { timeout }, async () => {
  await rule([{ on: "get", do: { ignore_range: true } }]);
  const bytes = await readFile(here.file.path);
  const part = bytes.subarray(50 * MB, 60 * MB);
  const { size, sha256: sum } = await read_({ start: 50 * MB, end: 60 * MB });
  assert.deepEqual({ size, sum }, { size: part.length, sum: sha256(part) });
  // Its one request waits for the reader for longer than a silence may last.
  const { size: all } = await here.page.evaluate((key) => dawdle(key, 3_000), here.key);
  assert.equal(all, 120 * MB);
  await rule([]);
});

test("a reader that does not read is not run away from", { timeout }, async () => {
  await rule([]);
  await call(here.server, "DELETE", "/_stats");
  const reading = here.page.evaluate((key) => dawdle(key, 3_000), here.key);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const { bytes_out: ahead } = await stats();
  assert.ok(ahead >= AHEAD / 2 && ahead <= AHEAD + BUFFERED, `${ahead} bytes are out`);
  assert.equal((await reading).size, 120 * MB);
});

test("nothing is fetched for a stream that is cancelled or aborted", { timeout }, async () => {
  await rule([{ on: "get", do: { bytes_per_second: 4 * MB } }]);
  await here.page.evaluate((key) => dawdle(key, 0, "cancel"), here.key);
  await settled();
  const words = await here.page.evaluate((key) => abortWhileReading(key), here.key);
  assert.equal(words, "TimeoutError: Enough.");
  await settled();
  await rule([]);
});

test("what goes wrong is typed", { timeout }, async () => {
  await rule([]);
  const failed = async (options, key = here.key) => (await here.page.evaluate(([key, options]) => read(key, options), [key, options])).failed;
  assert.equal(await failed({ start: 5, end: 5 }), "invalid-option");
  assert.equal(await failed({ start: -1 }), "invalid-option");
  assert.equal(await failed({ start: 1.5 }), "invalid-option");
  assert.equal(await failed({ start: 120 * MB }), "invalid-option");
  assert.equal(await failed({}, "uploads/reader/nothing"), "not-found");
  await rule([{ on: "get", do: { status: 503 }, chance: 1 }]);
  assert.equal(await failed({}), "rate-limited");
  await rule([]);
});

function read_(options) {
  return here.page.evaluate(([key, options]) => read(key, options), [here.key, options]);
}

/** With the most requests that were in flight at once. */
async function watched(run) {
  await call(here.server, "DELETE", "/_stats");
  const result = await run();
  return { ...result, most: (await stats()).max_in_flight };
}

/** Requests to the store have ended: those as well that were still on their way there when the stream was given up. */
async function settled() {
  let quiet = 0;
  for (let left = 200; left > 0 && quiet < 5; left -= 1) {
    quiet = (await stats()).in_flight === 0 ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(quiet, 5, "looks at which nothing was in flight");
}

function stats() {
  return call(here.server, "GET", "/_stats");
}

function rule(rules) {
  return call(here.server, "PUT", "/_faults", { seed: 1, rules });
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
