// Several hosts that have the same object: used side by side, and no worse than the best of them.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { stage } from "./downloads/stage.js";

const MB = 1_000_000;
const SIZE = 40 * MB;
const KEY = "uploads/reader/two hosts.bin";
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = stage(["--hosts", "2"]);
const CLIENT = { retryDelays: [10, 20, 40, 80] };

test("both hosts bring ranges at once, each over its own connections", { timeout }, async () => {
  const { page, sha256 } = await stored();
  // Slow enough that the connections of both are open at once.
  await here.rule([{ on: "get", do: { bytes_per_second: 4 * MB } }]);
  await here.reset();
  const got = await page.evaluate((key) => download(key), KEY);
  const { max_in_flight: most } = await here.stats();
  assert.deepEqual({ sha256: got.sha256, verified: got.integrity?.verified, hosts: new Set(got.urls).size }, { sha256, verified: true, hosts: 2 }, got.message);
  assert.ok(most > 6 && most <= 12, `${most} at once`);

  // What the application has fixed is for both together.
  await here.open(page, { ...CLIENT, concurrency: 4 });
  await here.reset();
  const bound = await page.evaluate((key) => download(key), KEY);
  assert.deepEqual({ sha256: bound.sha256, hosts: new Set(bound.urls).size }, { sha256, hosts: 2 });
  assert.ok((await here.stats()).max_in_flight <= 4);
  assert.equal(await page.evaluate((key) => streamed(key), KEY), sha256);
  await page.close();
});

for (const host of [0, 1]) {
  test(`host ${host} dies in the middle, and the other goes on`, { timeout }, async () => {
    const { page, sha256 } = await stored();
    await here.rule([{ on: "get", do: { bytes_per_second: 2 * MB } }]);
    await page.evaluate((key) => begin("one", key), KEY);
    await page.evaluate((bytes) => reaches("one", bytes), SIZE / 4);
    await here.rule([{ on: "get", host, do: { cut_response: 0 } }]);
    const got = await page.evaluate(() => end("one"));
    assert.equal(got.sha256, sha256, got.message);
    assert.ok(got.log.some((line) => / is left out: /.test(line)), got.log.join("\n"));
    await page.close();
  });
}

test("a host that refuses, fails, stalls or has another version is left out", { timeout }, async () => {
  const { page, sha256 } = await stored();
  await here.open(page, { ...CLIENT, stallTimeout: 1_000 });
  for (const [host, fault] of [
    [0, { status: 403 }],
    [1, { status: 403 }],
    [0, { status: 500 }],
    [1, { status: 404 }],
    [0, { stall_response: 0 }],
    [1, { changed_object: true }],
  ]) {
    await here.rule([{ on: "get", host, do: fault }]);
    const got = await page.evaluate((key) => download(key), KEY);
    assert.deepEqual({ sha256: got.sha256, verified: got.integrity?.verified }, { sha256, verified: true }, `${host} ${JSON.stringify(fault)}: ${got.message}`);
  }
  await here.rule([{ on: "get", do: { status: 404 } }]);
  assert.equal((await page.evaluate((key) => download(key), KEY)).failed, "not-found");
  await page.close();
});

async function stored() {
  await here.rule([]);
  const bytes = randomBytes(SIZE);
  await here.put(KEY, bytes);
  return { page: await here.visit(CLIENT), sha256: createHash("sha256").update(bytes).digest("hex") };
}
