// `cache: "revalidate"`: what is kept is handed out where it is still the object, and every fault on the way is a plain download.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { call } from "../support/mock-server.js";
import { stage } from "./downloads/stage.js";

const MB = 1_000_000;
const KEY = "uploads/reader/a picture ü.png";
/** What a backend tells that has no part in keeping. */
const SILENT = { told: [] };
const OPTIONS = { cache: "revalidate" };
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = stage();

test("a repeat costs one conditional request, also after a reload, and is the same", { timeout }, async () => {
  const bytes = randomBytes(3 * MB);
  await here.put(KEY, bytes, "image/png");
  const page = await visit(SILENT);
  const first = await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  assert.equal(first.sha256, sha256Of(bytes), first.message);
  for (const reloaded of [false, true]) {
    if (reloaded) {
      await page.reload();
      await here.open(page, SILENT);
    }
    await here.reset();
    const again = await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
    const { requests, answers, bytes_out: out } = await here.stats();
    // The mock server's own backend asks storage for the object's head.
    assert.deepEqual({ get: requests.get, answers, out }, { get: 1, answers: { 200: 1, 304: 1 }, out: 0 });
    const same = ({ key, size, etag, contentType, filename, type, sha256, integrity, state }) => ({ key, size, etag, contentType, filename, type, sha256, integrity, state });
    assert.deepEqual(same(again), same(first));
    assert.deepEqual(again.progress, { loaded: 3 * MB, total: 3 * MB, bytesPerSecond: 0, secondsLeft: undefined });
    assert.ok(again.log.includes("What is kept is the object still, says storage."), again.log.join("\n"));
  }
  await page.close();
});

test("where the backend tells the ETag, storage is not asked at all", { timeout }, async () => {
  const bytes = randomBytes(MB);
  await here.put(KEY, bytes);
  const page = await visit();
  await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  await here.reset();
  const again = await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  const { requests } = await here.stats();
  assert.deepEqual({ sha256: again.sha256, requests }, { sha256: sha256Of(bytes), requests: { head: 1 } });

  // Another owner has nothing of it, nor has another key.
  await here.open(page, { cacheUser: "somebody else" });
  await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  assert.equal((await here.stats()).requests.get, 1);
  await page.close();
});

test("a changed object is fetched anew, and kept in the old one's place", { timeout }, async () => {
  for (const options of [SILENT, {}]) {
    await here.put(KEY, randomBytes(MB));
    const page = await visit(options);
    await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
    const newer = randomBytes(MB + 7);
    await here.put(KEY, newer);
    for (const gets of [options === SILENT ? 2 : 1, options === SILENT ? 1 : undefined]) {
      await here.reset();
      const { sha256, message } = await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
      assert.equal(sha256, sha256Of(newer), message);
      assert.equal((await here.stats()).requests.get, gets);
    }
    assert.deepEqual(Object.values(await page.evaluate(() => kept())).filter((size) => size >= MB), [MB + 7]);
    await page.close();
  }
});

test("the bound holds: what was used longest ago goes first, and what is too large is not kept", { timeout }, async () => {
  const page = await visit({ cacheSize: 3 * MB });
  const load = (key) => page.evaluate(([key, options]) => download(key, options), [`uploads/reader/${key}`, OPTIONS]);
  const keep = async (key) => {
    await load(key);
    await page.evaluate(() => told());
  };
  const sizes = async () => Object.entries(await page.evaluate(() => kept())).flatMap(([name, size]) => (name.endsWith(".json") ? [] : [size])).sort();
  const gets = async (key) => {
    await here.reset();
    await load(key);
    return (await here.stats()).requests.get ?? 0;
  };
  for (const [at, key] of ["a", "b", "c"].entries()) {
    await here.put(`uploads/reader/${key}`, randomBytes(MB + at));
    await keep(key);
  }
  assert.deepEqual(await sizes(), [MB + 1, MB + 2], "a, b and c are three bytes too many");
  assert.equal(await gets("b"), 0);
  assert.equal(await gets("a"), 1);
  await page.evaluate(() => told());
  assert.deepEqual(await sizes(), [MB, MB + 1], "c was used longest ago");

  await here.put("uploads/reader/large", randomBytes(3 * MB + 1));
  const { log } = await load("large");
  assert.ok((await gets("large")) > 0, log.join("\n"));
  assert.deepEqual(await sizes(), [MB, MB + 1]);
  await page.close();
});

test("one call clears it, and a Blob that was handed out can be read on", { timeout }, async () => {
  const bytes = randomBytes(MB);
  await here.put(KEY, bytes);
  const page = await visit();
  await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  await page.evaluate(([key, options]) => begin("kept", key, options), [KEY, OPTIONS]);
  await page.evaluate(() => end("kept"));
  await page.evaluate(() => clear());
  assert.equal((await page.evaluate(() => end("kept"))).sha256, sha256Of(bytes));
  assert.deepEqual(Object.keys(await page.evaluate(() => kept())).filter((name) => name.endsWith(".json")), []);
  await here.reset();
  await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  assert.equal((await here.stats()).requests.get, 1);
  await page.reload();
  await here.open(page);
  await page.evaluate(() => clear());
  assert.deepEqual(await page.evaluate(() => kept()), {});
  await page.close();
});

test("what is broken, refused or in the way is a plain download", { timeout }, async () => {
  const bytes = randomBytes(MB);
  await here.put(KEY, bytes);
  const page = await visit(SILENT);
  const load = (options) => page.evaluate(([key, options]) => download(key, options), [KEY, { ...OPTIONS, ...options }]);
  const same = async (options) => {
    const { sha256, message, log } = await load(options);
    assert.equal(sha256, sha256Of(bytes), message);
    return log.join("\n");
  };
  await same();
  await page.evaluate(() => told());
  await page.evaluate(() => spoil());
  await same();
  await here.rule([{ on: "preflight", do: { no_cors: true } }]);
  assert.match(await same(), /perhaps the bucket's CORS rule does not allow the header If-None-Match/);
  await here.rule([{ on: "get", do: { status: 403 }, times: 1 }]);
  await same();
  await here.rule([{ on: "request-download", do: { status: 503 }, times: 1 }]);
  await same();
  await here.rule([{ on: "get", do: { hide_etag: true } }]);
  await page.evaluate(() => clear());
  assert.match(await same(), /not kept: storage told no strong ETag/);
  await here.rule([]);

  const devtools = await here.context.newCDPSession(page);
  const { origin } = new URL(here.server.page);
  const { usage } = await page.evaluate(() => navigator.storage.estimate());
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + MB / 10 });
  await same();
  await page.waitForFunction(() => end("one").then(({ log }) => log.some((line) => line.startsWith("The download is not kept: QuotaExceededError"))));
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  await page.waitForFunction(() => kept().then((files) => Object.keys(files).length === 0));

  for (const [options, client] of [[{ cache: "always" }], [{ cache: true }], [OPTIONS, { cacheSize: -1 }], [OPTIONS, { cacheSize: "1 GB" }]]) {
    await here.open(page, client);
    assert.equal((await page.evaluate(([key, options]) => download(key, options), [KEY, options])).failed, "invalid-option");
  }
  await page.close();
});

test("a large one in a file of its own, and one that is wanted in a file", { timeout }, async () => {
  const bytes = randomBytes(20 * MB);
  await here.put(KEY, bytes);
  const page = await visit();
  const options = { ...OPTIONS, to: { opfs: "pictures/one.png" } };
  await page.evaluate(([key, options]) => download(key, options), [KEY, options]);
  await here.reset();
  const { sha256, size, message } = await page.evaluate(([key, options]) => download(key, options), [KEY, { ...OPTIONS, to: { opfs: "pictures/two.png" } }]);
  assert.deepEqual({ sha256, size }, { sha256: undefined, size: 20 * MB }, message);
  const large = await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  assert.equal((await here.stats()).requests.get, undefined);
  const files = await page.evaluate(() => Promise.all(["pictures/one.png", "pictures/two.png"].map(file)));
  assert.deepEqual([...files, large.sha256], Array(3).fill(sha256Of(bytes)));
  await page.close();
});

test("one that is aborted while storage is asked ends so, and asks no more", { timeout }, async () => {
  await here.put(KEY, randomBytes(MB));
  const page = await visit(SILENT);
  await page.evaluate(([key, options]) => download(key, options), [KEY, OPTIONS]);
  await page.evaluate(() => told());
  await here.rule([{ on: "get", do: { delay_ms: 60_000 } }]);
  await here.reset();
  await page.evaluate(([key, options]) => begin("one", key, options), [KEY, OPTIONS]);
  for (let left = 500; left > 0 && !(await here.stats()).requests.get; left -= 1) await page.waitForTimeout(10);
  await page.evaluate(() => abort("one", new Error("Enough.")));
  assert.deepEqual(await page.evaluate(() => end("one").then(({ failed, message, state }) => ({ failed, message, state }))), { failed: "Error", message: "Enough.", state: "aborted" });
  assert.equal((await here.stats()).requests.get, 1);
  await here.rule([]);
  await page.close();
});

/** With nothing kept. */
async function visit(options) {
  const page = await here.visit(options);
  await page.evaluate(() => clear());
  await call(here.server, "DELETE", "/_faults");
  return page;
}

function sha256Of(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
