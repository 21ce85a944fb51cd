// Resumable uploads of Google Cloud Storage, as the mock server plays it: chunk after chunk, cut off, begun again after a reload.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../support/chromium.js";
import { call, startMockServer } from "../support/mock-server.js";
import { sessionsOf, signerOf } from "./backends/google.js";
import { PART, sha256 } from "./backends/stage.js";
import { bytesOf } from "./survival/bytes.js";

/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const BIG = 17_000_000;
const here = {};
before(async () => {
  here.server = await startMockServer({ page: fileURLToPath(new URL(".", import.meta.url)), args: ["--provider", "gcs"] });
  here.sessions = sessionsOf(here.server.store);
  here.sign = signerOf(here.server.store);
  here.browser = await launchChromium();
  here.page = await here.browser.newPage();
  await here.page.exposeFunction("session", here.sessions.session);
  await open();
});
after(async () => {
  await here.browser?.close();
  await here.server?.stop();
});

async function open() {
  await here.page.goto(new URL("backends/index.html", here.server.page).href);
  await here.page.waitForFunction(() => window.up);
}

const options = { checksum: "crc32c" };
const ask = (what, plan) => here.page.evaluate(([what, plan]) => window[what](plan), [what, { backend: "resumable", where: {}, options, ...plan }]);
const stats = () => call(here.server, "GET", "/_stats");
const faults = (...rules) => call(here.server, "PUT", "/_faults", { seed: 1, rules });
const sessions = (words, run) => test(words, { timeout }, async () => {
  await call(here.server, "DELETE", "/_stats");
  await run().finally(() => call(here.server, "DELETE", "/_faults"));
});

async function isStored(key, seed, size) {
  const { url } = await here.sessions.session({ action: "get", key });
  const answer = await fetch(url);
  assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(bytesOf(seed, size)), `${key} has other bytes`);
  return answer.headers;
}

for (const size of [0, 1, PART, PART + 1, BIG]) {
  sessions(`${size} bytes go up in chunks, one after another, and are verified`, async () => {
    const [key, seed] = [`sizes/ü ${size}.bin`, size % 97];
    const up = await ask("up", { key, size, seed, type: "application/x-colour", metadata: { colour: "blue" } });
    assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
    assert.deepEqual([up.key, up.size, up.integrity.verified, up.integrity.algorithm], [key, size, true, "crc32c"], JSON.stringify(up.integrity));
    const headers = await isStored(key, seed, size);
    assert.deepEqual([headers.get("content-type"), headers.get("x-goog-meta-colour")], ["application/x-colour", "blue"]);
    const { max_in_flight: most, bytes_in: sent } = await stats();
    assert.deepEqual([most, sent], [1, size]);
    const down = await ask("down", { key });
    assert.equal(down.sha256, sha256(bytesOf(seed, size)), JSON.stringify(down));
  });
}

sessions("chunks that are cut off are sent again, and nothing is stored twice", async () => {
  await faults({ on: "chunk", skip: 1, times: 2, do: { cut_request: 1_000_000 } }, { on: "chunk", skip: 3, times: 1, do: { lose_answer: true } });
  const up = await ask("up", { key: "cut.bin", size: BIG, seed: 3 });
  assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
  assert.ok(up.integrity.verified);
  await isStored("cut.bin", 3, BIG);
});

sessions("after a reload it goes on, by the session that the server remembers", async () => {
  await faults({ on: "chunk", skip: 2, do: { bytes_per_second: 500_000 } });
  await ask("cut", { key: "reload.bin", size: BIG, seed: 4, keep: true });
  await call(here.server, "DELETE", "/_faults");
  await open();
  const up = await ask("up", { key: "reload.bin", size: BIG, seed: 4 });
  assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
  assert.ok(up.logs.some((line) => /Storage has [1-3] of 4 parts/.test(line)), up.logs.join("\n"));
  await isStored("reload.bin", 4, BIG);
});

sessions("a session that nobody knows any more is begun anew", async () => {
  await ask("cut", { key: "lost.bin", size: BIG, seed: 5, keep: true });
  here.sessions.known.clear();
  await open();
  const up = await ask("up", { key: "lost.bin", size: BIG, seed: 5 });
  assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
  assert.ok(up.logs.some((line) => line.includes("gone on the server")), up.logs.join("\n"));
  await isStored("lost.bin", 5, BIG);
});

sessions("an abort ends the session", async () => {
  const { reason } = await ask("cut", { key: "abort.bin", size: BIG, seed: 6 });
  assert.equal(reason, "enough");
  assert.equal((await stats()).requests.abort, 1);
});

sessions("a range that the page can't read is said", async () => {
  await faults({ on: "chunk", do: { status: 308 } });
  const { error } = await ask("up", { key: "hidden.bin", size: BIG, seed: 7 });
  assert.deepEqual([error?.code, error?.retryable], ["storage", true], JSON.stringify(error));
  assert.match(error.message, /does not expose `Range`/);
});

sessions("another generation is another object, where nothing else tells them apart", async () => {
  const key = "generations.bin";
  const first = await ask("up", { key, size: BIG, seed: 8 });
  assert.equal(first.error, undefined, JSON.stringify(first, null, 1));
  // Without an ETag, as where it is not exposed, and written within one second.
  let answers = 0;
  await here.page.route(new RegExp(key), async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    const response = await route.fetch();
    const { etag, ...headers } = response.headers();
    answers += 1;
    if (answers === 1) {
      const { url } = await here.sign({ action: "put", key });
      assert.ok(etag && (await fetch(url, { method: "PUT", body: bytesOf(9, BIG) })).ok);
    }
    return route.fulfill({ response, headers: { ...headers, "last-modified": "Sun, 01 Nov 2026 00:00:00 GMT" } });
  });
  const { error } = await ask("down", { key }).finally(() => here.page.unroute(new RegExp(key)));
  assert.equal(error?.code, "object-changed", `${answers} answers: ${JSON.stringify(error)}`);
});
