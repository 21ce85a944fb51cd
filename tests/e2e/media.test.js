// `client.media`: a film plays while it is downloaded, a seek moves what is fetched, and nothing is fetched twice.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { rangeOf } from "../../pkg/media/range.js";
import { launchProfile } from "../support/chromium.js";
import { call, logIn, putFile, startMockServer } from "../support/mock-server.js";
import { sha256Of } from "./files.js";

const PAGE = fileURLToPath(new URL("media", import.meta.url));
const MUXER = createRequire(import.meta.url).resolve("webm-muxer");
const MB = 1_000_000;
const SECONDS = 60;
/** A guard against a hang, not a measure of anything. */
const timeout = 300_000;
const here = {};

before(async () => {
  here.folder = await mkdtemp(join(tmpdir(), "presigned-media-"));
  here.server = await startMockServer({ page: PAGE });
  here.context = await launchProfile(join(here.folder, "profile"));
  here.token = await logIn(here.server, "viewer");
  const page = await visit();
  await page.addScriptTag({ path: MUXER });
  const film = { width: 480, height: 360, rate: 10, bitrate: 6_000_000 };
  const [download] = await Promise.all([page.waitForEvent("download"), page.evaluate(([seconds, film]) => window.film(seconds, film), [SECONDS, film])]);
  here.path = join(here.folder, "film.webm");
  await download.saveAs(here.path);
  await page.close();
  here.size = (await stat(here.path)).size;
  here.sha256 = await sha256Of(here.path);
  here.key = await putFile(here.server, here.token, { path: here.path, name: "film.webm", size: here.size });
  console.log(`a film of ${(here.size / MB).toFixed(1)} MB`);
  // Above 16 MiB it goes into a file.
  assert.ok(here.size > 20 * MB, `${here.size} bytes`);
});
after(async () => {
  await here.context?.close();
  await here.server?.stop();
  if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 5 });
});

for (const to of ["auto", "blob", { opfs: "films/film.webm" }]) {
  test(`a film plays before it is there, and a seek is fetched first: ${JSON.stringify(to)}`, { timeout }, async () => {
    const page = await visit();
    await slow(here.size / 6 / 20);
    await call(here.server, "DELETE", "/_stats");
    const url = await page.evaluate(([key, to]) => play(key, { to, contentType: "video/webm" }), [here.key, to]);
    const played = await page.evaluate(() => reaches(0.5));
    assert.ok(played.loaded < 0.6 * here.size, `${played.loaded} of ${here.size} bytes were fetched when it played`);
    const sought = await page.evaluate((seconds) => seek(seconds), SECONDS - 6);
    assert.ok(sought.time >= SECONDS - 6 && sought.width === 480, JSON.stringify(sought));
    assert.ok(sought.loaded < 0.9 * here.size, `${sought.loaded} of ${here.size} bytes were fetched when it had sought`);
    assert.ok(sought.parts.some((share) => share === 0), `nothing was missing in the middle: ${sought.parts}`);
    // Not as fast as it goes: of a connection that is cut, buffers between two processes would hold megabytes.
    await slow(here.size / 6 / 4);
    const { digest, integrity, size, hasBlob } = await page.evaluate(() => end());
    assert.deepEqual({ size, verified: integrity.verified, hasBlob }, { size: here.size, verified: true, hasBlob: typeof to === "string" });
    if (hasBlob) assert.equal(digest, here.sha256);
    // It is the file itself that is played from now on.
    const whole = await page.evaluate((url) => ask(url), url);
    assert.deepEqual({ status: whole.status, digest: whole.digest }, { status: 200, digest: here.sha256 });
    await page.evaluate((seconds) => seek(seconds), 30);
    const { bytes_out: fetched } = await call(here.server, "GET", "/_stats");
    console.log(`${fetched - here.size} bytes of ${here.size} were fetched again`);
    assert.ok(fetched <= 1.2 * here.size, `${fetched} bytes were fetched of ${here.size}`);
    await page.close();
  });
}

test("elements are answered as by a server, from what is there and from what is to come", { timeout }, async () => {
  const page = await visit();
  const bytes = await readFile(here.path);
  await slow(here.size / 6 / 6);
  const url = await page.evaluate((key) => play(key), here.key);
  for (const when of ["while it comes", "when it is there"]) {
    const asked = (range, method) => page.evaluate(([url, range, method]) => ask(url, range, method), [url, range, method]);
    const part = async (range, start, end) => {
      const { status, headers, length, digest } = await asked(range);
      assert.deepEqual({ status, length }, { status: 206, length: end - start }, `${range}, ${when}`);
      assert.equal(headers["content-range"], `bytes ${start}-${end - 1}/${here.size}`);
      assert.equal(headers["content-length"], `${end - start}`);
      assert.equal(digest, createHash("sha256").update(bytes.subarray(start, end)).digest("hex"), `${range}, ${when}`);
    };
    await part("bytes=0-0", 0, 1);
    await part(`bytes=${here.size - 1000}-`, here.size - 1000, here.size);
    await part("bytes=-7", here.size - 7, here.size);
    await part("bytes=10000000-10999999", 10_000_000, 11_000_000);
    await part(`bytes=5-${10 * here.size}`, 5, here.size);
    const beyond = await asked(`bytes=${here.size}-`);
    assert.deepEqual([beyond.status, beyond.headers["content-range"], beyond.length], [416, `bytes */${here.size}`, 0]);
    const head = await asked(undefined, "HEAD");
    assert.deepEqual([head.status, head.headers["content-length"], head.headers["accept-ranges"], head.length], [200, `${here.size}`, "bytes", 0]);
    assert.ok((await page.evaluate((url) => nibble(url), url)) > 0);
    await slow(0);
    await page.evaluate(() => end());
  }
  await page.evaluate(() => close_());
  assert.equal((await page.evaluate((url) => ask(url), url)).status, 404);
  await page.close();
});

test("playing and closing, again and again, leaves nothing", { timeout }, async () => {
  const page = await visit();
  await slow(here.size / 6 / 20);
  for (let round = 0; round < 9; round += 1) {
    // Some are closed before they play, some while they do.
    await page.evaluate(([key, plays]) => playAndClose(key, plays), [here.key, round % 3 > 0]);
  }
  await until(async () => (await call(here.server, "GET", "/_stats")).in_flight, 0);
  await until(() => page.evaluate(() => left()), { files: 0, locks: 0, workers: 1 });
  await slow(0);
  await page.evaluate((key) => play(key), here.key);
  assert.equal((await page.evaluate(() => end())).digest, here.sha256);
  await page.close();
});

test("what can't be played is told", { timeout }, async () => {
  const page = await visit();
  const fails = (options, key = here.key) => page.evaluate(([key, options]) => window.fails(key, options), [key, options]);
  await page.evaluate(async () => {
    for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
  });
  const missing = await fails({ worker: "nothing-there.js" });
  assert.equal(missing.failed, "invalid-option");
  assert.match(missing.message, /is it served as JavaScript/);
  const deep = await fails({ worker: "presigned/media/media-worker.js" });
  assert.equal(deep.failed, "invalid-option");
  assert.match(deep.message, /lies too deep/);
  const url = await page.evaluate((key) => play(key), "uploads/viewer/missing");
  assert.equal(await page.evaluate(() => end().catch((error) => error.code)), "not-found");
  assert.equal((await page.evaluate((url) => ask(url), url)).status, 502);
  const other = await fails({ worker: "another-worker.js" });
  assert.equal(other.failed, "invalid-option");
  assert.match(other.message, /would replace another, .*importScripts/);
  await page.close();
});

test("without service workers it is played from its end on", { timeout }, async () => {
  const page = await here.context.newPage();
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "serviceWorker", { value: undefined }));
  await opened(page);
  const url = await page.evaluate((key) => play(key), here.key);
  assert.match(url, /^blob:/);
  assert.equal((await page.evaluate(() => end())).digest, here.sha256);
  await page.evaluate(() => reaches(0.1));
  await page.close();
});

test("ranges are read as RFC 9110 has them", () => {
  const whole = { start: 0, end: 10, part: false };
  const part = (start, end) => ({ start, end, part: true });
  const cases = [
    [null, whole], ["bytes=0-", part(0, 10)], ["bytes=2-5", part(2, 6)], ["bytes=9-99", part(9, 10)], ["bytes=-3", part(7, 10)], ["Bytes=-30", part(0, 10)],
    ["bytes=10-", undefined], ["bytes=99-100", undefined], ["bytes=-0", undefined], ["bytes=5-2", whole], ["bytes=-", whole], ["bytes=1-2,4-5", whole], ["lines=1-2", whole],
  ];
  for (const [header, range] of cases) assert.deepEqual(rangeOf(header, 10), range, `${header}`);
  assert.equal(rangeOf("bytes=0-", 0), undefined);
  assert.deepEqual(rangeOf(undefined, 0), { start: 0, end: 0, part: false });
});

/** Asks again until the answer is this; the test's own guard ends it if that never comes. */
async function until(ask, wanted) {
  for (;;) {
    const answer = await ask();
    try {
      return assert.deepEqual(answer, wanted);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function visit() {
  const page = await here.context.newPage();
  page.on("pageerror", (error) => console.error(error));
  await opened(page);
  return page;
}

async function opened(page) {
  await page.goto(here.server.page);
  await page.waitForFunction(() => window.ready);
  await page.evaluate((token) => open_(token, { retryDelays: [10, 20, 40, 80] }), here.token);
}

/** So many bytes a second on each connection; 0 for as many as there are. */
function slow(rate) {
  const rules = rate > 0 ? [{ on: "get", do: { bytes_per_second: Math.round(rate) } }] : [];
  return call(here.server, "PUT", "/_faults", { seed: 1, rules });
}
