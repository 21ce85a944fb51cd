// Downloads into files: cut off by reloads, ended by a full disk or a changed object; tells how much memory they take.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchProfile } from "../support/chromium.js";
import { call, logIn, putFile, startMockServer } from "../support/mock-server.js";
import { makeFile, sha256Of } from "./files.js";

const PAGE = fileURLToPath(new URL("targets", import.meta.url));
const MB = 1_000_000;
/** A guard against a hang, not a measure of anything. */
const timeout = 600_000;
const here = {};

before(async () => {
  here.folder = await mkdtemp(join(tmpdir(), "presigned-targets-"));
  here.server = await startMockServer({ page: PAGE });
  here.context = await launchProfile(join(here.folder, "profile"));
  here.token = await logIn(here.server, "collector");
});
after(async () => {
  await here.context?.close();
  await here.server?.stop();
  if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 5 });
});

test("a download of 1 GB into OPFS that is cut off three times ends with the same bytes", { timeout }, async () => {
  const SIZE = 1_000 * MB;
  const file = await makeFile(here.folder, "archive.tar", SIZE);
  const key = await putFile(here.server, here.token, file);
  const page = await visit();
  // Slow enough to be cut off, on six connections.
  await rule([{ on: "get", do: { bytes_per_second: Math.round(SIZE / 6 / 8) } }]);
  await call(here.server, "DELETE", "/_stats");
  await page.evaluate((key) => begin({ key, to: { opfs: "archives/archive.tar" } }), key);
  for (const part of [0.2, 0.45, 0.7]) {
    const counted = await page.evaluate((bytes) => reaches(bytes), part * SIZE);
    await page.reload();
    await opened(page);
    assert.equal((await files(page))["archives/archive.tar"], undefined, "a partial file has its final name");
    const [saved, ...others] = await page.evaluate(() => savedNow());
    assert.deepEqual(others, []);
    assert.deepEqual(saved, { kind: "download", key, loaded: saved.loaded, total: SIZE, to: { opfs: "archives/archive.tar" } });
    assert.ok(saved.loaded >= counted, `${saved.loaded} bytes are left of ${counted} that counted`);
    await page.evaluate(() => begin({ saved: true }));
  }
  await rule([]);
  const { hashed, integrity, size, filename } = await page.evaluate(() => end());
  assert.deepEqual({ hashed, verified: integrity?.verified, size, filename }, { hashed: 0, verified: true, size: SIZE, filename: key.split("/").pop() });
  assert.deepEqual(await page.evaluate(() => savedNow()), []);
  assert.deepEqual(await files(page), { "archives/archive.tar": SIZE });
  assert.equal(await saved(page, "archives/archive.tar"), file.sha256);
  const { bytes_out: fetched } = await call(here.server, "GET", "/_stats");
  console.log(`cut off three times, ${fetched - SIZE} bytes of ${SIZE} were fetched again`);
  // What each connection had on its way when it was cut, which is up to 10 MB between two processes of one machine.
  assert.ok(fetched <= 1.2 * SIZE, `${fetched} bytes were fetched`);
  await page.evaluate(() => remove_("archives"));
  await page.close();
});

test("an object of no bytes is an empty file", { timeout }, async () => {
  const key = await putFile(here.server, here.token, await makeFile(here.folder, "nothing.txt", 0));
  const page = await visit();
  const others = await files(page);
  // Twice: there is a file of that name then.
  for (const path of ["none/nothing.txt", "none/nothing.txt"]) {
    await page.evaluate(([key, opfs]) => begin({ key, to: { opfs } }), [key, path]);
    const { size, failed, message } = await page.evaluate(() => end());
    assert.deepEqual([size, failed], [0, undefined], message);
    assert.deepEqual(await files(page), { ...others, [path]: 0 });
  }
  await page.evaluate(() => remove_("none"));
  await page.close();
});

test("what is downloaded is a file behind a Blob, or a picked file", { timeout }, async () => {
  const size = 120 * MB;
  const file = await makeFile(here.folder, "bundle.tar", size);
  const key = await putFile(here.server, here.token, file);
  const page = await visit();
  await page.evaluate((key) => begin({ key }), key);
  const ended = await page.evaluate(() => end());
  assert.deepEqual({ size: ended.size_, type: ended.type, hashed: ended.hashed }, { size, type: "application/octet-stream", hashed: 0 });
  assert.equal(await saved(page), file.sha256);
  assert.equal(await page.evaluate(() => asked), 1, "the browser is asked once to keep its files");

  // Its file lives as long as the page, and goes with the next download.
  await page.reload();
  await opened(page);
  await page.evaluate((key) => begin({ key, to: "picked/bundle.tar" }), key);
  await page.evaluate(() => end());
  assert.deepEqual(await files(page), { "picked/bundle.tar": size });
  assert.equal(await saved(page, "picked/bundle.tar"), file.sha256);
  await page.evaluate(() => remove_("picked"));
  await page.close();
});

test("what is stored more slowly than it comes does not pile up in memory", { timeout }, async () => {
  const size = 400 * MB;
  const file = await makeFile(here.folder, "heap.bin", size);
  const key = await putFile(here.server, here.token, file);
  const page = await visit();
  const download = async () => {
    await page.evaluate((key) => begin({ key, to: { opfs: "heap.bin" } }), key);
    return page.evaluate(() => end());
  };
  const pids = await renderers();
  const start = await resident(pids);
  let most = start;
  const watch = setInterval(async () => (most = Math.max(most, await resident(pids))), 100);
  const { integrity } = await download();
  clearInterval(watch);
  const growth = Math.round((most - start) / 1024 / 1024);
  console.log(`the renderer grew by ${growth} MiB while ${size / MB} MB came`);
  assert.equal(integrity?.verified, true);
  // Chromium alone would let 50 MB of each of six responses pile up.
  assert.ok(growth < 250, `the renderer grew by ${growth} MiB`);
  await page.evaluate(() => remove_("heap.bin"));
  await page.close();
});

test("a full disk is told, and what was fetched stays", { timeout }, async () => {
  const file = await makeFile(here.folder, "too much.bin", 60 * MB);
  const key = await putFile(here.server, here.token, file);
  const page = await visit();
  const devtools = await here.context.newCDPSession(page);
  const { origin } = new URL(here.server.page);
  const { usage } = await page.evaluate(() => navigator.storage.estimate());
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + 40 * MB });
  await page.evaluate((key) => begin({ key, to: { opfs: "too much.bin" } }), key);
  const failed = await page.evaluate(() => end());
  assert.equal(failed.failed, "storage-full", failed.message);
  // What is still to be written down when it fails is written.
  let [kept] = [];
  for (let left = 100; left > 0 && !kept; left -= 1) [kept] = await page.evaluate(() => savedNow());
  const { loaded } = kept;
  // Ranges lie far apart, so the file is as long as its last byte, however little is in it.
  assert.ok(loaded > 0 && loaded <= 40 * MB, `${loaded} bytes are kept`);
  assert.equal((await files(page))["too much.bin"], undefined);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  await page.evaluate(() => begin({ saved: true }));
  const { hashed, integrity } = await page.evaluate(() => end());
  assert.deepEqual({ hashed, verified: integrity?.verified }, { hashed: 0, verified: true });
  assert.equal(await saved(page, "too much.bin"), file.sha256);
  await page.evaluate(() => remove_("too much.bin"));
  await page.close();
});

test("a changed object leaves nothing behind", { timeout }, async () => {
  const file = await makeFile(here.folder, "changing.bin", 40 * MB);
  const key = await putFile(here.server, here.token, file);
  const page = await visit();
  const others = Object.keys(await files(page));
  await rule([{ on: "get", do: { bytes_per_second: MB } }]);
  await page.evaluate((key) => begin({ key, to: { opfs: "changing.bin" } }), key);
  await page.evaluate((bytes) => reaches(bytes), 5 * MB);
  await page.reload();
  await opened(page);
  await rule([{ on: "get", do: { changed_object: true } }]);
  await page.evaluate(() => begin({ saved: true }));
  assert.equal((await page.evaluate(() => end())).failed, "object-changed");
  await rule([]);
  assert.deepEqual(await page.evaluate(() => savedNow()), []);
  const left = async () => Object.keys(await files(page)).filter((name) => !others.includes(name));
  for (let tries = 100; tries > 0 && (await left()).length > 0; tries -= 1) await page.waitForTimeout(20);
  assert.deepEqual(await left(), []);
  await page.close();
});

async function visit() {
  const page = await here.context.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.goto(here.server.page);
  await opened(page);
  return page;
}

async function opened(page) {
  await page.waitForFunction(() => window.ready);
  await page.evaluate((token) => open_(token), here.token);
}

function files(page) {
  return page.evaluate(() => files());
}

/** The SHA-256 of what the browser saves. */
async function saved(page, path) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.evaluate((path) => save(path), path)]);
  return sha256Of(await download.path());
}

function rule(rules) {
  return call(here.server, "PUT", "/_faults", { seed: 1, rules });
}

/** The processes of pages: descendants of the browser that has this profile. */
async function renderers() {
  const all = new Map();
  for (const pid of await readdir("/proc").catch(() => [])) {
    const [line, stat] = await Promise.all(["cmdline", "stat"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")));
    all.set(pid, { line, parent: stat.slice(stat.lastIndexOf(")")).split(" ")[2] });
  }
  const isOurs = (pid) => all.has(pid) && (all.get(pid).line.includes(`--user-data-dir=${here.folder}`) || isOurs(all.get(pid).parent));
  return [...all.keys()].filter((pid) => all.get(pid).line.includes("--type=renderer") && isOurs(pid));
}

/** Memory of their own, in bytes; nought where there is no /proc. */
async function resident(pids) {
  const sizes = pids.map(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
