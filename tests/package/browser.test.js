// The package in a browser: bundled by Vite and by webpack, served by Vite while developing, and without a bundler; on a page
// and in a worker.

import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { build, createServer, preview } from "vite";
import webpack from "webpack";

import { launchChromium } from "../support/chromium.js";
import { logIn, startMockServer } from "../support/mock-server.js";
import { HERE, installApplication } from "./application.js";

const SIZE = 20_000_000;
/** What a visitor loads, in bytes after gzip. It must not grow; the aim is 60 KiB. */
const BUDGET = 204 * 1024;
/** Loaded where it is used: the doctor, what asks the backend for it, and the extras. */
const LATER = /^(backend|cache|compress|gzip-worker|media|revalidate|teller|walk|zip)-/;
/** A guard against a hang, not a measure of anything. */
const timeout = 180_000;

const here = {};

before(async () => {
  here.application = await installApplication();
  here.plain = join(here.application.app, "..", "plain");
  await cp(join(HERE, "plain"), here.plain, { recursive: true });
  await cp(join(HERE, "app", "src", "round-trip.js"), join(here.plain, "round-trip.js"));
  here.server = await startMockServer({ page: here.plain, package: here.application.installed });
  here.browser = await launchChromium();
});

after(async () => {
  await here.browser?.close();
  await here.server?.stop();
  await here.application?.remove();
});

test("an application built by Vite moves 20 MB both ways, and loads no more than the budget", { timeout }, async () => {
  const root = here.application.app;
  await build({ root, logLevel: "warn" });
  const served = await preview({ root, preview: { host: "127.0.0.1", port: 0 }, logLevel: "warn" });
  try {
    await roundTripOn(served.resolvedUrls.local[0]);
    await roundTripOn(served.resolvedUrls.local[0], "roundTripInWorker");
  } finally {
    await served.close();
  }

  const assets = join(root, "dist", "assets");
  const files = await readdir(assets);
  assert.ok(files.some((file) => file.endsWith(".wasm")), `no module among ${files}`);
  // The application's worker holds a second copy of what its page loads.
  const loaded = files.filter((file) => !file.startsWith("in-a-worker") && !LATER.test(file));
  const sizes = await Promise.all(
    loaded.map(async (file) => ({ file, gzip: gzipSync(await readFile(join(assets, file)), { level: 9 }).length })),
  );
  const sum = sizes.reduce((sum, { gzip }) => sum + gzip, 0);
  assert.ok(sum <= BUDGET, `${sum} bytes after gzip, ${BUDGET} allowed: ${JSON.stringify(sizes)}`);
});

test("an application built by webpack moves 20 MB both ways, on its page and in its worker", { timeout }, async () => {
  const root = here.application.app;
  const output = { path: join(root, "webpacked"), publicPath: "/", filename: "main.js" };
  await pack({ context: root, mode: "production", performance: { hints: false }, entry: "./src/main.js", output });
  await writeFile(join(output.path, "index.html"), `<!doctype html><link rel="icon" href="data:,"><script src="/main.js"></script>`);
  const served = await preview({ root, preview: { host: "127.0.0.1", port: 0 }, build: { outDir: "webpacked" }, logLevel: "warn" });
  try {
    await roundTripOn(served.resolvedUrls.local[0]);
    await roundTripOn(served.resolvedUrls.local[0], "roundTripInWorker");
  } finally {
    await served.close();
  }
});

test("an application on Vite's development server moves 20 MB both ways", { timeout }, async () => {
  const root = here.application.app;
  const served = await createServer({ root, server: { host: "127.0.0.1", port: 0 }, logLevel: "warn" });
  try {
    await served.listen();
    await roundTripOn(served.resolvedUrls.local[0]);
  } finally {
    await served.close();
  }
});

test("a page without a bundler moves 20 MB both ways", { timeout }, async () => {
  await roundTripOn(here.server.page);
});

/** webpack, as a promise; a warning is a failure too. */
function pack(options) {
  return new Promise((resolve, reject) => {
    webpack(options, (error, stats) => {
      if (error) return reject(error);
      if (stats.hasErrors() || stats.hasWarnings()) return reject(new Error(stats.toString("errors-warnings")));
      resolve();
    });
  });
}

async function roundTripOn(address, way = "roundTrip") {
  const page = await here.browser.newPage();
  const broken = [];
  page.on("pageerror", (error) => broken.push(error.message));
  let workers = 0;
  page.on("worker", () => (workers += 1));
  try {
    await page.goto(address);
    await page.waitForFunction((way) => window[way] !== undefined, way);
    const options = { endpoint: here.server.page, token: await logIn(here.server, "visitor"), size: SIZE };
    const outcome = await page.evaluate(([way, options]) => window[way](options), [way, options]);
    assert.ok(outcome.parts > 1, "not in parts");
    const [integrity] = outcome.integrity;
    assert.ok(integrity.verified && integrity.algorithm === "crc64nvme", JSON.stringify(integrity));
    assert.ok(workers > 0 && workers <= 4, `${workers} workers have hashed`);
    assert.deepEqual(outcome, {
      parts: outcome.parts,
      uploaded: SIZE,
      downloaded: SIZE,
      integrity: [integrity, integrity],
      same: true,
      error: { own: true, code: "not-found", status: 404 },
      left: 0,
    });
    assert.deepEqual(broken, []);
  } finally {
    await page.close();
  }
}
