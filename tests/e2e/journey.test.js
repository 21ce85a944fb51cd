// The main job: a file goes up and comes down, byte for byte.

import assert from "node:assert/strict";
import { join } from "node:path";

import { Desk } from "./desk.js";
import { makeFile } from "./files.js";
import { ARTEFACTS, pause, scenario, stats, until, world } from "./world.js";

const MB = 1_000_000;
const here = world();

scenario(here, "300 MB are dropped, paused, resumed, downloaded and deleted", async (page) => {
  const desk = new Desk(page);
  const film = await makeFile(here.folder, "a film, 300 MB.mov", 300 * MB);

  // So slow that there is time to pause it, whatever this machine can do.
  await desk.fault("slow");
  await desk.drop(film);
  const card = desk.card(film.name);
  const figures = await card.record();
  await card.moves(5 * MB);
  await page.screenshot({ path: join(ARTEFACTS, "uploading.png") });

  await card.press("Pause");
  await card.reaches("paused");
  const { bytes_in: before } = await until(() => stats(here), (now) => now.in_flight === 0);
  const shown = await card.loaded();
  await pause(1000);
  assert.equal((await stats(here)).bytes_in, before, "bytes moved while paused");
  assert.equal(await card.loaded(), shown, "the figure moved while paused");

  await desk.heal();
  await card.press("Resume");
  await card.reaches("done");

  const seen = await figures();
  assert.deepEqual(seen, seen.toSorted((one, other) => one - other), "progress fell");
  assert.ok(new Set(seen).size > 10, `progress was seen at ${new Set(seen).size} points only`);
  assert.equal(seen.at(-1), film.size);

  await desk.row(film.name).waitFor();
  assert.deepEqual(await desk.save(film.name), { name: film.name, sha256: film.sha256 });
  await page.screenshot({ path: join(ARTEFACTS, "downloaded.png") });
  const { unfinished_uploads: unfinished, objects } = await stats(here);
  assert.equal(unfinished, 0);

  const row = desk.row(film.name);
  await row.getByRole("button", { name: /^Delete / }).click();
  await row.getByRole("button", { name: "Keep" }).click();
  assert.equal((await stats(here)).objects, objects, "kept, yet gone");
  await row.getByRole("button", { name: /^Delete / }).click();
  await row.getByRole("button", { name: "Delete", exact: true }).click();
  await row.waitFor({ state: "detached" });
  assert.equal((await stats(here)).objects, objects - 1);
});

/**
 * Counts in the page what the SDK has asked of storage at once, including what the browser only queues: the browser's own
 * limit of six connections would hide a missing one.
 */
async function countRequests(page, store) {
  const counter = await page.evaluateHandle((store) => {
    const counter = { now: 0, most: 0 };
    const { open, send } = XMLHttpRequest.prototype;
    const ours = new WeakSet();
    XMLHttpRequest.prototype.open = function (method, url, ...rest) {
      if (method === "PUT" && url.startsWith(store)) ours.add(this);
      return open.call(this, method, url, ...rest);
    };
    XMLHttpRequest.prototype.send = function (body) {
      if (ours.has(this)) {
        counter.now += 1;
        counter.most = Math.max(counter.most, counter.now);
        // Before any listener of the SDK, which may send the next one from within its own.
        this.addEventListener("readystatechange", () => this.readyState === 4 && (counter.now -= 1));
      }
      return send.call(this, body);
    };
    return counter;
  }, store);
  return () => counter.jsonValue();
}

scenario(here, "many files share one limit, and the small ones do not wait", async (page) => {
  const desk = new Desk(page);
  const sizes = [40 * MB, 30 * MB, 0, 1, 17, 900, 30_000, 700_000, 5 * MB, 9 * MB, 20 * MB, 3 * MB];
  const files = await Promise.all(sizes.map((size, index) => makeFile(here.folder, `file ${index} of ${size} bytes.bin`, size)));
  const requests = await countRequests(page, here.server.store);
  await desk.pick(...files);
  for (const file of files) await desk.card(file.name).reaches("done");
  const { now, most } = await requests();
  assert.equal(now, 0);
  assert.ok(most > 1, "nothing went in parallel");
  assert.ok(most <= 6, `${most} requests were in flight at once`);
  assert.equal((await stats(here)).unfinished_uploads, 0);
  for (const file of [files[0], files[2], files[3], files[8]]) {
    await desk.row(file.name).waitFor();
    assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
  }
});

scenario(here, "what is cancelled leaves nothing behind, and can be had again", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "second thoughts.zip", 40 * MB);
  await desk.fault("slow");
  await desk.drop(file);
  const card = desk.card(file.name);
  await card.moves();
  assert.equal((await stats(here)).unfinished_uploads, 1);
  await card.press("Cancel");
  await card.reaches("aborted");
  const { unfinished_uploads: unfinished, objects } = await stats(here);
  assert.equal(unfinished, 0);

  await desk.heal();
  await card.press("Retry");
  await card.reaches("done");
  assert.equal((await stats(here)).objects, objects + 1);
  assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
});

scenario(here, "a download is paused, resumed and cancelled", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "atlas.pdf", 60 * MB);
  await desk.pick(file);
  await desk.card(file.name).reaches("done");
  await desk.row(file.name).waitFor();

  await desk.fault("slow");
  let saved;
  page.once("download", (download) => (saved = download.suggestedFilename()));
  await desk.row(file.name).getByRole("button", { name: /^Download / }).click();
  const card = desk.card(file.name, "download");
  await card.moves(MB);
  await page.screenshot({ path: join(ARTEFACTS, "downloading.png") });
  await card.press("Pause");
  await card.reaches("paused");
  await until(() => stats(here), (now) => now.in_flight === 0);
  const before = await card.loaded();
  await pause(500);
  assert.equal(await card.loaded(), before, "the figure moved while paused");
  await desk.heal();
  await card.press("Resume");
  await card.reaches("done");
  assert.equal(await until(() => saved, Boolean), file.name);

  await card.press("Dismiss");
  await desk.fault("slow");
  await desk.row(file.name).getByRole("button", { name: /^Download / }).click();
  await card.moves();
  await card.press("Cancel");
  await card.reaches("aborted");
  await until(() => stats(here), (now) => now.in_flight === 0);
});

if (process.env.PRESIGNED_E2E_BIG) {
  scenario(
    here,
    "1 GB goes up and comes down",
    async (page) => {
      const desk = new Desk(page);
      const file = await makeFile(here.folder, "everything.tar", 1_000 * MB);
      await desk.drop(file);
      await desk.card(file.name).reaches("done");
      await desk.row(file.name).waitFor();
      assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
    },
    { timeout: 600_000 },
  );
}
