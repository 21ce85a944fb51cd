// `cache: "revalidate"` in Firefox, whose OPFS, locks and conditional requests are its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { call, grantUpload, logIn, startMockServer } from "../support/mock-server.js";

const KEY = "uploads/fox/kept.bin";
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;

test("what is kept outlives a reload, costs one conditional request, and is cleared", { timeout }, async () => {
  const server = await startMockServer({ page: fileURLToPath(new URL("downloads", import.meta.url)) });
  const profile = await mkdtemp(join(tmpdir(), "presigned-firefox-"));
  const listener = createServer();
  let browser;
  try {
    const bytes = randomBytes(2_000_000);
    const token = await logIn(server, "fox");
    const { url } = await grantUpload(server, token, { filename: "kept.bin", content_type: "application/octet-stream", size: bytes.length, key: KEY });
    await fetch(url, { method: "PUT", body: bytes, headers: { "content-type": "application/octet-stream" } });
    await call(server, "DELETE", "/_stats");

    await once(listener.listen(0, "127.0.0.1"), "listening");
    const page = new URL("alone.html", server.page);
    page.search = new URLSearchParams({ token, key: KEY, report: `http://127.0.0.1:${listener.address().port}/` });
    browser = spawn(process.env.FIREFOX ?? "/usr/bin/firefox", ["--headless", "--no-remote", "--profile", profile, `${page}`], { stdio: "ignore" });
    const [[request, response]] = await Promise.all([once(listener, "request"), once(browser, "spawn")]);
    const parts = [];
    for await (const part of request) parts.push(part);
    response.end();
    const { failed, got, kept, notes, after } = JSON.parse(Buffer.concat(parts));

    assert.equal(failed, undefined);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    assert.deepEqual([...got, after].map((one) => one.message ?? one.sha256), Array(4).fill(sha256));
    const hits = got.map(({ log }) => log.includes("What is kept is the object still, says storage."));
    assert.deepEqual({ hits, kept, notes }, { hits: [false, true, true], kept: 2, notes: 0 }, JSON.stringify(got.map(({ log }) => log)));
    const { answers } = await call(server, "GET", "/_stats");
    assert.equal(answers[304], 2);
  } finally {
    browser?.kill();
    if (browser && browser.exitCode === null && browser.signalCode === null) await once(browser, "exit");
    listener.close();
    await server.stop();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  }
});
