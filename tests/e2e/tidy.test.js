// A thousand transfers in one page leave nothing behind: no listener, timer, request, worker, lock, blob URL or memory.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../support/chromium.js";
import { call, logIn, startMockServer } from "../support/mock-server.js";

const PAGE = fileURLToPath(new URL("tidy", import.meta.url));
const COUNT = 1_000;
/** A guard against a hang, not a measure of anything. */
const timeout = 180_000;
/** Of WebAssembly memory, which never shrinks: a few pages for what happened to be in flight at once. */
const GROWTH = 512 * 1024;

let server;
let browser;
before(async () => {
  server = await startMockServer({ page: PAGE });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a thousand transfers leave nothing behind", { timeout }, async () => {
  const page = await browser.newPage();
  const broken = [];
  page.on("pageerror", (error) => broken.push(error.message));
  await page.goto(server.page);
  await page.waitForFunction(() => window.live);
  const token = await logIn(server, "tidy");
  const { untouched, ends, before, after, grown, during, saved, closed, imports } = await page.evaluate(
    (plan) => window.live(plan),
    { token, count: COUNT },
  );
  assert.deepEqual(broken, []);
  assert.ok(ends.done >= COUNT * 0.8 && ends.aborted > 0 && ends.refused === COUNT / 10, JSON.stringify(ends));
  assert.deepEqual(after, before);
  assert.ok(grown <= GROWTH, `WebAssembly memory has grown by ${grown} bytes`);
  assert.equal(during.locks, 1, "an upload in parts is driven under a lock");
  assert.equal(saved, 0, "what was aborted is not remembered");
  assert.deepEqual(closed, untouched);
  assert.ok(imports.some((name) => name.includes("panicked")), "a panic is told to whoever waits");
  const { unfinished_uploads: unfinished, in_flight: inFlight } = await call(server, "GET", "/_stats");
  assert.deepEqual({ unfinished, inFlight }, { unfinished: 0, inFlight: 0 });
  await page.close();
});
