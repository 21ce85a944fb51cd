// A bad range of a download, where the backend tells the checksums of the object's parts: only that part is fetched again.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchProfile } from "../support/chromium.js";
import { call, logIn, putFile, startMockServer } from "../support/mock-server.js";
import { makeFile } from "./files.js";

const PAGE = fileURLToPath(new URL("targets", import.meta.url));
const MB = 1_000_000;
const PART = 5 * MB;
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = {};

before(async () => {
  here.folder = await mkdtemp(join(tmpdir(), "presigned-parts-"));
  here.server = await startMockServer({ page: PAGE });
  here.context = await launchProfile(join(here.folder, "profile"));
  here.token = await logIn(here.server, "mender");
  here.file = await makeFile(here.folder, "parts.bin", 32 * MB);
  here.key = await putFile(here.server, here.token, here.file);
  const bytes = await readFile(here.file.path);
  here.parts = [];
  for (let at = 0; at < bytes.length; at += PART) {
    const part = bytes.subarray(at, at + PART);
    here.parts.push({ size: part.length, checksum_crc32c: crc32c(part) });
  }
});
after(async () => {
  await here.context?.close();
  await here.server?.stop();
  if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 5 });
});

for (const [name, to] of [["a file in OPFS", { opfs: "mended.bin" }], ["a file behind a Blob", "auto"], ["a Blob", "blob"]]) {
  test(`only the part that differs is fetched again, into ${name}`, { timeout }, async () => {
    const { page, ranges } = await visit(here.parts);
    // In the third answer, whichever range it is of.
    await rule([{ on: "get", do: { flip_byte: 100_000 }, skip: 2, times: 1 }]);
    await page.evaluate(([key, to]) => begin({ key, to }), [here.key, to]);
    const { size, integrity, failed, message } = await page.evaluate(() => end());
    assert.equal(failed, undefined, message);
    assert.deepEqual([size, integrity.verified], [32 * MB, true]);
    assert.equal(await page.evaluate((path) => digest(path), to.opfs), here.file.sha256);
    assert.deepEqual(await page.evaluate(() => savedNow()), []);
    const again = ranges.filter(([start, end]) => start % PART === 0 && end === Math.min(start + PART, 32 * MB));
    assert.equal(again.length, 1, JSON.stringify(ranges));
    await page.evaluate((path) => path && remove_(path), to.opfs);
    await page.close();
  });
}

test("what differs once more is an error, and nothing of it is left", { timeout }, async () => {
  const { page } = await visit(here.parts);
  await rule([{ on: "get", do: { flip_byte: 100_000 } }]);
  await page.evaluate((key) => begin({ key, to: { opfs: "mended.bin" } }), here.key);
  assert.equal((await page.evaluate(() => end())).failed, "checksum-mismatch");
  assert.deepEqual(await page.evaluate(() => savedNow()), []);
  assert.equal((await page.evaluate(() => files()))["mended.bin"], undefined);
  await page.close();
});

test("parts that are none of the object's are of no use", { timeout }, async () => {
  const { page, ranges } = await visit(here.parts.slice(1));
  await rule([{ on: "get", do: { flip_byte: 100_000 }, skip: 2, times: 1 }]);
  await page.evaluate((key) => begin({ key, to: { opfs: "mended.bin" } }), here.key);
  assert.equal((await page.evaluate(() => end())).failed, "checksum-mismatch");
  assert.ok(ranges.every(([start, end]) => end - start !== PART));
  await page.close();
});

/** A page whose backend tells these parts; `ranges` are those that it asks storage for. */
async function visit(parts) {
  const page = await here.context.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.route("**/request-download/**", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), parts } });
  });
  const ranges = [];
  page.on("request", (request) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers().range ?? "") ?? [];
    if (end) ranges.push([Number(start), Number(end) + 1]);
  });
  await page.goto(here.server.page);
  await page.waitForFunction(() => window.ready);
  await page.evaluate((token) => open_(token, { retryDelays: [10, 20, 40, 80] }), here.token);
  return { page, ranges };
}

function rule(rules) {
  return call(here.server, "PUT", "/_faults", { seed: 1, rules });
}

/** In base64, as storage tells it. */
function crc32c(bytes) {
  const table = Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value;
  });
  let sum = 0xffffffff;
  for (const byte of bytes) sum = table[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  const value = Buffer.alloc(4);
  value.writeUInt32BE((sum ^ 0xffffffff) >>> 0);
  return value.toString("base64");
}
