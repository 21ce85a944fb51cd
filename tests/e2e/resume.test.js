// What a reload cuts off goes on from there, or is given up for good.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { Desk } from "./desk.js";
import { makeFile } from "./files.js";
import { ARTEFACTS, control, scenario, stats, until, world } from "./world.js";

const MB = 1_000_000;
/** How many requests go at once; files of 100 MB then go in two rounds of equal parts. */
const AT_ONCE = 6;
const PART = Math.ceil((100 * MB) / (2 * AT_ONCE));
const here = world();

/** Reloads the page when so many parts are stored. Counts afresh once the old page's requests have ended. */
async function cutOff(page, desk, card, parts) {
  const done = await card.stores(parts);
  const loaded = await card.loaded();
  await page.reload();
  await page.locator(".stub").waitFor();
  await until(() => page.locator("#announcer").textContent(), (words) => /1 transfer was cut off/.test(words));
  await until(() => stats(here), (now) => now.in_flight === 0);
  await desk.heal();
  await control(here, "DELETE", "/_stats");
  return { done, loaded };
}

scenario(here, "an upload that was cut off goes on with the same file", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "expedition, day 9.mov", 100 * MB);
  await desk.fault("slow");
  await desk.pick(file);
  const card = desk.card(file.name);
  const { done, loaded } = await cutOff(page, desk, card, 3);

  const stub = desk.stub(file.name);
  assert.ok((await stub.loaded()) >= loaded - AT_ONCE * PART, `${await stub.loaded()} of ${loaded} bytes are left`);
  // It came through the picker, which gives no handle.
  assert.match(await stub.locator.innerText(), /the same file to go on/);
  await page.screenshot({ path: join(ARTEFACTS, "cut-off.png") });

  const figures = await desk.recordCards();
  await desk.drop(file);
  await stub.goes();
  await card.reaches("done");
  assert.ok(await page.locator("#saved").isHidden());
  const seen = (await figures()).filter((figure) => figure > 0);
  assert.ok(seen[0] >= done * PART, `it went on at ${seen[0]}, with ${done} parts stored`);
  assert.deepEqual(seen, seen.toSorted((one, other) => one - other), "progress fell");

  const { requests, bytes_in: sent, unfinished_uploads: unfinished } = await stats(here);
  const parts = Math.ceil(file.size / PART);
  assert.ok(requests.part <= parts - done, `${requests.part} parts were sent, though ${done} of ${parts} were stored`);
  assert.ok(sent <= file.size - done * PART + MB, `${sent} bytes were sent`);
  assert.equal(requests.create ?? 0, 0);
  assert.equal(unfinished, 0);
  await desk.row(file.name).waitFor();
  assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
});

scenario(here, "a dropped file needs no second drop", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "handle.iso", 100 * MB);
  await desk.fault("slow");
  await desk.drop(file);
  const card = desk.card(file.name);
  const { done } = await cutOff(page, desk, card, 3);

  const stub = desk.stub(file.name);
  await stub.locator.getByRole("button", { name: "Go on with handle.iso" }).focus();
  await page.keyboard.press("Enter");
  await stub.goes();
  await card.reaches("done");
  assert.match(await card.text(".meta"), /the last/);
  const { requests, unfinished_uploads: unfinished } = await stats(here);
  assert.ok(requests.part <= Math.ceil(file.size / PART) - done, `${requests.part} parts were sent, ${done} were stored`);
  assert.equal(unfinished, 0);
  await desk.row(file.name).waitFor();
  assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
});

scenario(here, "what is discarded is gone from storage too", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "never mind.zip", 100 * MB);
  await desk.fault("slow");
  await desk.drop(file);
  await cutOff(page, desk, desk.card(file.name), 1);

  const stub = desk.stub(file.name);
  assert.equal((await stats(here)).unfinished_uploads, 1);
  await stub.press("Discard");
  await stub.press("Keep");
  assert.equal((await stats(here)).unfinished_uploads, 1, "kept, yet gone");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), `Discard ${file.name}`);
  await stub.press("Discard");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await stub.goes();
  assert.equal(await page.evaluate(() => document.activeElement.id), "transfers-title");
  assert.match(await page.locator("#announcer").textContent(), /never mind\.zip is discarded/);
  assert.equal((await stats(here)).unfinished_uploads, 0);
  await page.reload();
  await page.locator("#no-files").waitFor();
  assert.ok(await page.locator("#saved").isHidden());
});

scenario(here, "a download that was cut off goes on", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "atlas of the sea.pdf", 60 * MB);
  await desk.pick(file);
  await desk.card(file.name).reaches("done");
  await desk.row(file.name).waitFor();
  await desk.fault("slow");
  await desk.row(file.name).getByRole("button", { name: /^Download / }).click();
  const card = desk.card(file.name, "download");
  // By then each connection has brought more than what is written down in one go.
  await card.moves(40 * MB);
  await page.reload();
  await until(() => stats(here), (now) => now.in_flight === 0);

  const stub = desk.stub(file.name, "download");
  await stub.shows();
  const had = await stub.loaded();
  assert.ok(had > 10 * MB, `only ${had} bytes were kept`);
  await control(here, "DELETE", "/_stats");
  assert.deepEqual(await desk.saved(() => stub.press("Go on")), { name: file.name, sha256: file.sha256 });
  await stub.goes();
  await card.reaches("done");
  const { bytes_out: fetched } = await stats(here);
  // Idle connections take work from busy ones, whose answers run on for a moment.
  assert.ok(fetched <= file.size - had / 2, `${fetched} bytes were fetched, ${had} of ${file.size} were there`);
});

scenario(here, "of two tabs with the same file, the second is told", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "one of a kind.raw", 70 * MB);
  const { objects } = await stats(here);
  await desk.fault("slow");
  await desk.drop(file);
  const card = desk.card(file.name);
  await card.moves(MB);

  const other = await page.context().newPage();
  await other.goto(here.server.page);
  await other.locator("#no-files, .file").first().waitFor();
  assert.ok(await other.locator("#saved").isHidden(), "it is driven, so it is not cut off");
  const second = new Desk(other).card(file.name);
  await new Desk(other).drop(file);
  await second.reaches("failed");
  assert.equal(await second.locator.locator(".trouble").getAttribute("data-code"), "busy");
  assert.match(await second.text(".trouble"), /Another tab/);

  await desk.heal();
  await card.reaches("done");
  const after = await stats(here);
  assert.equal(after.unfinished_uploads, 0);
  assert.equal(after.objects, objects + 1);
});

scenario(here, "a failed upload is kept, told, and taken up again", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "stumbled.bin", 30 * MB);
  await desk.fault("etag");
  await desk.drop(file);
  const card = desk.card(file.name);
  await card.reaches("failed");
  assert.ok(await page.locator("#saved").isHidden(), "its card says it already");

  const [download] = await Promise.all([page.waitForEvent("download"), card.locator.getByRole("button", { name: /^Timeline / }).click()]);
  const report = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.equal(report.state, "failed");
  assert.equal(report.error.code, "cors");
  assert.ok(report.timeline.some(({ detail }) => detail?.kind === "request"), "no request is in the timeline");
  assert.doesNotMatch(JSON.stringify(report), /X-Amz-Signature/i);

  await page.locator("#log summary").click();
  const requests = page.locator('#log-lines [data-level="debug"]');
  assert.equal(await requests.count(), 0);
  await page.getByRole("switch", { name: "Every request" }).check();
  await requests.first().waitFor();
  await page.screenshot({ path: join(ARTEFACTS, "every-request.png") });
  await page.locator("#log summary").click();

  await card.press("Dismiss");
  const stub = desk.stub(file.name);
  await stub.shows();
  await desk.heal();
  await stub.press("Go on");
  await stub.goes();
  await card.reaches("done");
  assert.equal((await stats(here)).unfinished_uploads, 0);
});
