// `compress`: gzip on the way, stored as such, and the same bytes when it comes back.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { stage } from "./downloads/stage.js";

const LINE = 9;
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = stage();

test("a file is stored as gzip, and comes back as it was", { timeout }, async () => {
  const page = await here.visit();
  const sent = await page.evaluate(() => upload("table.csv", "text/csv", 40_000, { compress: true, metadata: { colour: "green" } }));
  assert.equal(sent.failed, undefined, sent.message);
  assert.deepEqual({ plain: sent.plain, verified: sent.integrity.verified, type: sent.contentType }, { plain: 40_000 * LINE, verified: true, type: "text/csv" });
  const stored = await raw(sent.key);
  assert.deepEqual([stored.headers["content-encoding"], stored.headers["content-type"], stored.headers["x-amz-meta-colour"]], ["gzip", "text/csv", "green"]);
  assert.equal(stored.body.length, sent.size);
  assert.ok(sent.size < 0.7 * sent.plain, `${sent.size} of ${sent.plain}`);
  assert.equal(sha256(gunzipSync(stored.body)), sent.sha256);

  const got = await page.evaluate((key) => download(key), sent.key);
  assert.deepEqual({ sha256: got.sha256, size: got.size, type: got.type }, { sha256: sent.sha256, size: sent.plain, type: "text/csv" }, got.message);
  assert.deepEqual(got.integrity, { verified: false, reason: "The bytes were decoded on their way, and storage's checksum is of the encoded ones." });
  assert.equal(await page.evaluate((key) => streamed(key), sent.key), sent.sha256);
  for (const kept of [false, true]) {
    const again = await page.evaluate((key) => download(key, { cache: "revalidate" }), sent.key);
    assert.deepEqual({ sha256: again.sha256, kept: again.log.some((line) => line.startsWith("What is kept is the object still")) }, { sha256: sent.sha256, kept });
  }
  await page.close();
});

test("one in parts is one object, also where a reload cuts it off", { timeout }, async () => {
  const page = await here.visit({ partSize: 5 << 20, concurrency: 1 });
  const options = { compress: true, key: "uploads/reader/large.txt" };
  await here.rule([{ on: "part", do: { bytes_per_second: 4_000_000 } }]);
  await page.evaluate((options) => cutOff("large.txt", "text/plain", 3_000_000, options), options);
  await here.rule([]);
  await page.reload();
  await here.open(page, { partSize: 5 << 20 });
  await here.reset();
  const sent = await page.evaluate((options) => upload("large.txt", "text/plain", 3_000_000, options), options);
  assert.equal(sent.failed, undefined, sent.message);
  const { requests, parts } = await here.stats();
  assert.ok(sent.size > 10 << 20 && requests.create === undefined && !(`${options.key}#1` in parts), `it goes on: ${JSON.stringify(requests)}`);
  const stored = await raw(sent.key);
  assert.deepEqual([stored.headers["content-encoding"], sha256(gunzipSync(stored.body))], ["gzip", sent.sha256]);
  const got = await page.evaluate((key) => download(key), sent.key);
  assert.deepEqual({ sha256: got.sha256, size: got.size }, { sha256: sent.sha256, size: 3_000_000 * LINE }, got.message);
  await page.close();
});

test("what gains nothing, or can't be stored as gzip, is sent as it is", { timeout }, async () => {
  const page = await here.visit();
  const send = (name, type, options) => page.evaluate(([name, type, options]) => upload(name, type, 5_000, options), [name, type, options]);
  const plain = async (why, ...file) => {
    const sent = await send(...file);
    assert.equal(sent.size, sent.plain, sent.message);
    assert.match(sent.log.join("\n"), why);
    const { headers, body } = await raw(sent.key);
    assert.deepEqual([headers["content-encoding"], sha256(body)], [undefined, sent.sha256]);
  };
  await plain(/files of type image\/jpeg gain nothing/, "a.jpg", "image/jpeg", { compress: "auto" });
  await plain(/./, "b.txt", "text/plain", { compress: false });
  const { size, plain: all } = await send("c.json", "application/json", { compress: "auto" });
  assert.ok(size < all);
  assert.equal((await send("d.txt", "text/plain", { compress: "yes" })).failed, "invalid-option");
  assert.equal((await send("d.txt", "text/plain", { compress: true, accept: { maxSize: 40_000 } })).failed, "too-large");
  await here.open(page, { told: ["size"], unable: true });
  await plain(/the backend does not confirm `content_encoding`/, "e.txt", "text/plain", { compress: true });
  await here.open(page, { told: ["size"] });
  const able = await send("f.txt", "text/plain", { compress: true });
  assert.equal((await raw(able.key)).headers["content-encoding"], "gzip", able.message);
  await page.close();
});

test("the sums of many are of what is sent", { timeout }, async () => {
  const page = await here.visit();
  const files = [["a.txt", "text/plain", 20_000], ["b.bin", "application/octet-stream", 20_000], ["c.csv", "text/csv", 20_000]];
  const { sizes, failed, last } = await page.evaluate((files) => uploadAll(files, { compress: "auto" }), files);
  const sum = sizes.reduce((sum, size) => sum + size, 0);
  assert.deepEqual({ failed, loaded: last.loaded, total: last.total, files: last.files }, { failed: 0, loaded: sum, total: sum, files: { done: 3, failed: 0, total: 3 } });
  assert.ok(sum < 3 * 20_000 * LINE && sizes[1] === 20_000 * LINE, `${sizes}`);
  await page.close();
});

/** An object as it is stored. */
async function raw(key) {
  const answer = await fetch(new URL(`request-download/${key}`, here.server.page), { headers: { authorization: `Bearer ${here.token}` } });
  const { download_url: url } = await answer.json();
  return new Promise((resolve, reject) => {
    const ask = request(url, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    });
    ask.once("error", reject).end();
  });
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
