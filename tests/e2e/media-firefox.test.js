// `client.media` in Firefox, whose service workers, OPFS and requests of media elements are its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../support/chromium.js";
import { call, logIn, putFile, startMockServer } from "../support/mock-server.js";
import { sha256Of } from "./files.js";

const MUXER = createRequire(import.meta.url).resolve("webm-muxer");
const SECONDS = 30;
/** A guard against a hang, not a measure of anything. */
const timeout = 240_000;
const here = {};

before(async () => {
  here.folder = await mkdtemp(join(tmpdir(), "presigned-firefox-"));
  here.server = await startMockServer({ page: fileURLToPath(new URL("media", import.meta.url)) });
  here.token = await logIn(here.server, "fox");
  // Only Chromium can make one.
  const chromium = await launchChromium();
  const page = await chromium.newPage();
  await page.goto(here.server.page);
  await page.waitForFunction(() => window.ready);
  await page.addScriptTag({ path: MUXER });
  const film = { width: 480, height: 360, rate: 10, bitrate: 6_000_000 };
  const [download] = await Promise.all([page.waitForEvent("download"), page.evaluate(([seconds, film]) => window.film(seconds, film), [SECONDS, film])]);
  const path = join(here.folder, "film.webm");
  await download.saveAs(path);
  await chromium.close();
  here.size = (await stat(path)).size;
  here.sha256 = await sha256Of(path);
  here.key = await putFile(here.server, here.token, { path, name: "film.webm", size: here.size });
});
after(async () => {
  await here.server?.stop();
  if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 10 });
});

for (const to of ["auto", "blob"]) {
  test(`a film plays before it is there, and is sought in: ${to}`, { timeout }, async () => {
    // Some twenty seconds in all, on six connections.
    await call(here.server, "PUT", "/_faults", { seed: 1, rules: [{ on: "get", do: { bytes_per_second: Math.round(here.size / 6 / 20) } }] });
    const { failed, played, sought, digest, integrity, whole, closed, served } = await report({ to });
    assert.equal(failed, undefined);
    assert.ok(served, "it is played by way of the service worker");
    assert.ok(played.loaded < 0.8 * here.size, `${played.loaded} of ${here.size} bytes were fetched when it played`);
    assert.ok(sought.time >= SECONDS - 6 && sought.width === 480, JSON.stringify(sought));
    assert.deepEqual([digest, integrity.verified], [here.sha256, true]);
    assert.deepEqual([whole.status, whole.length, whole.headers["content-range"]], [206, 1000, `bytes 1000-1999/${here.size}`]);
    assert.equal(closed, 404);
  });
}

/** What the page says at its end. */
async function report(options) {
  const profile = await mkdtemp(join(here.folder, "profile-"));
  const listener = createServer();
  let browser;
  try {
    await once(listener.listen(0, "127.0.0.1"), "listening");
    const page = new URL("alone.html", here.server.page);
    const to = `http://127.0.0.1:${listener.address().port}/`;
    page.search = new URLSearchParams({ ...options, token: here.token, key: here.key, seconds: SECONDS - 6, report: to });
    browser = spawn(process.env.FIREFOX ?? "/usr/bin/firefox", ["--headless", "--no-remote", "--profile", profile, `${page}`], { stdio: "ignore" });
    const [[request, response]] = await Promise.all([once(listener, "request"), once(browser, "spawn")]);
    const parts = [];
    for await (const part of request) parts.push(part);
    response.end();
    return JSON.parse(Buffer.concat(parts));
  } finally {
    browser?.kill();
    if (browser && browser.exitCode === null && browser.signalCode === null) await once(browser, "exit");
    listener.close();
  }
}
