// `ifMatch`: storage itself refuses the ranges of another version.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { stage } from "./downloads/stage.js";

const MB = 1_000_000;
const KEY = "uploads/reader/versions.bin";
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = stage();

test("each range but the first is sent with If-Match, and the bytes are the object's", { timeout }, async () => {
  const bytes = randomBytes(20 * MB);
  await here.put(KEY, bytes);
  const page = await here.visit();
  const seen = watch(page);
  const { sha256, integrity } = await page.evaluate((key) => download(key, { ifMatch: true }), KEY);
  assert.deepEqual({ sha256, verified: integrity?.verified }, { sha256: sha256Of(bytes), verified: true });
  const ranges = await Promise.all(seen);
  assert.ok(ranges.length > 1, "several ranges");
  const md5 = `"${createHash("md5").update(bytes).digest("hex")}"`;
  for (const { range, match } of ranges) assert.equal(match, range === "bytes=0-" ? undefined : md5, range);
  await page.close();
});

test("a replaced object is refused by storage", { timeout }, async () => {
  await here.put(KEY, randomBytes(20 * MB));
  const page = await here.visit();
  await here.rule([{ on: "get", do: { bytes_per_second: MB } }]);
  await page.evaluate((key) => begin("one", key, { ifMatch: true }), KEY);
  await page.evaluate((bytes) => reaches("one", bytes), MB);
  // What is under way ends, so that the rest is asked for anew.
  await page.evaluate(() => steer("one", "pause"));
  await here.put(KEY, randomBytes(20 * MB));
  await page.evaluate(() => steer("one", "resume"));
  const { failed, status } = await page.evaluate(() => end("one"));
  await here.rule([]);
  assert.deepEqual({ failed, status }, { failed: "object-changed", status: 412 });
  await page.close();
});

test("a CORS rule that does not allow it is told of", { timeout }, async () => {
  await here.put(KEY, randomBytes(20 * MB));
  const page = await here.visit({ retryDelays: [1, 1] });
  // The preflights of all but the first range, which needs none.
  await here.rule([{ on: "preflight", do: { no_cors: true } }]);
  const { failed, message } = await page.evaluate((key) => download(key, { ifMatch: true }), KEY);
  await here.rule([]);
  assert.equal(failed, "cors", message);
  assert.match(message, /If-Match/);
  assert.equal((await page.evaluate((key) => download(key, { ifMatch: "yes" }), KEY)).failed, "invalid-option");
  await page.close();
});

/** The ranges that storage is asked for, and their conditions. */
function watch(page) {
  const seen = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(here.server.store)) return;
    seen.push(request.allHeaders().then((headers) => ({ range: headers.range, match: headers["if-match"] })));
  });
  return seen;
}

function sha256Of(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
