// The demo page: what is stored is played, shown, put where the visitor wants it, and saved as one ZIP.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Desk } from "./desk.js";
import { makeFile, sha256Of } from "./files.js";
import { ARTEFACTS, scenario, until, world } from "./world.js";

const LOOK = fileURLToPath(new URL("zip/look.py", import.meta.url));
const MUXER = createRequire(import.meta.url).resolve("webm-muxer");
const MB = 1_000_000;
const here = world();

/** Stores these files by the page itself, and takes their cards away. */
async function store(page, ...files) {
  const desk = new Desk(page);
  await desk.pick(...files);
  for (const { name } of files) {
    await desk.card(name).reaches("done");
    await desk.row(name).waitFor();
  }
  await page.getByRole("button", { name: "Clear finished" }).click();
  return desk;
}

scenario(here, "several files are picked and saved as one ZIP", async (page) => {
  const files = await Promise.all([["one.bin", 3 * MB], ["two.txt", 0], ["Größe.dat", 20 * MB]].map(([name, size]) => makeFile(here.folder, name, size)));
  const desk = await store(page, ...files, await makeFile(here.folder, "left alone.bin", MB));
  for (const { name } of files) await page.getByLabel(`Pick ${name}`).check();
  assert.match(await page.locator("#picks-words").innerText(), /^3 files picked, 23\.0 MB$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as one ZIP" }).click()]);
  assert.equal(download.suggestedFilename(), "3 files.zip");
  await desk.card("3 files.zip", "zip").reaches("done");
  const { stdout } = await promisify(execFile)("python3", [LOOK, await download.path()]);
  const found = JSON.parse(stdout).entries.map(({ name, sha256 }) => [name, sha256]);
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(files.map(({ name, sha256 }) => [name, sha256])));

  // It waits for whoever pauses it, and goes into a picked file as well.
  await page.getByRole("button", { name: "Pick none" }).click();
  assert.ok(await page.locator("#picks").isHidden());
  await page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
  });
  await page.locator("#target").selectOption("picked");
  await desk.fault("slow");
  await page.getByLabel("Pick Größe.dat").check();
  await page.getByRole("button", { name: "Save as one ZIP" }).click();
  const card = desk.card("Größe.dat.zip", "zip");
  await card.moves(MB);
  await card.press("Pause");
  await card.reaches("paused");
  await desk.heal();
  await card.press("Resume");
  await card.reaches("done");
  assert.equal(await card.text(".place"), "It is in Größe.dat.zip.");
  assert.ok((await fileSize(page, "Größe.dat.zip")) > 20 * MB);
});

scenario(here, "downloads go where the visitor wants them", async (page) => {
  const file = await makeFile(here.folder, "report.bin", 20 * MB);
  const desk = await store(page, file);
  const press = () => desk.row(file.name).getByRole("button", { name: `Download ${file.name}` }).click();
  for (const target of ["auto", "blob"]) {
    await page.locator("#target").selectOption(target);
    assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
  }
  await page.getByRole("button", { name: "Clear finished" }).click();

  await page.locator("#target").selectOption("opfs");
  await press();
  await desk.card(file.name, "download").reaches("done");
  assert.equal(await desk.card(file.name, "download").text(".place"), "It is kept in this browser, as downloads/report.bin.");
  const saved = await desk.saved(() => desk.card(file.name, "download").press("Save"));
  assert.deepEqual(saved, { name: file.name, sha256: file.sha256 });
  await desk.card(file.name, "download").press("Dismiss");

  // Whoever picks nothing gets nothing.
  await page.evaluate(() => {
    window.showSaveFilePicker = async () => {
      throw new DOMException("The user aborted a request.", "AbortError");
    };
  });
  await page.locator("#target").selectOption("picked");
  await press();
  assert.equal(await page.locator(".card").count(), 0);
  await page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
  });
  await press();
  await desk.card(file.name, "download").reaches("done");
  assert.equal(await fileSize(page, file.name), file.size);
});

scenario(here, "a film plays and a picture shows, while they come", async (page) => {
  await page.addScriptTag({ path: MUXER });
  const files = await film(page);
  const desk = await store(page, ...files);
  const [{ name }, picture] = files;
  await desk.fault("slow");
  await page.getByRole("button", { name: `Play ${name}` }).click();
  const video = page.locator(`.file[data-name="${name}"] video`);
  await until(() => video.evaluate(({ currentTime }) => currentTime), (time) => time > 0.2);
  const card = desk.card(name, "download");
  assert.notEqual(await card.locator.getAttribute("data-state"), "done", "it plays after all of it has come");
  await page.screenshot({ path: join(ARTEFACTS, "playing.png"), fullPage: true });

  await page.getByRole("button", { name: `Show ${picture.name}` }).click();
  await until(() => page.locator(`.file[data-name="${picture.name}"] img`).evaluate(({ naturalWidth }) => naturalWidth), (width) => width === 640);
  await desk.heal();
  await card.reaches("done");
  // Nothing is saved that nobody asked for; it is there to be saved.
  assert.deepEqual(await desk.saved(() => card.press("Save")), { name, sha256: files[0].sha256 });
  await page.getByRole("button", { name: `Close ${name}` }).click();
  await video.waitFor({ state: "detached" });
  await page.getByRole("button", { name: `Play ${name}` }).waitFor();

  // What was given up as it played can be had all the same.
  await card.press("Dismiss");
  await desk.fault("slow");
  await page.getByRole("button", { name: `Play ${name}` }).click();
  await card.moves();
  await card.press("Cancel");
  await card.reaches("aborted");
  await desk.heal();
  await card.press("Retry");
  await card.reaches("done");
  assert.deepEqual(await desk.saved(() => card.press("Save")), { name, sha256: files[0].sha256 });
});

/** A film of half a minute in noise, and its last picture. */
async function film(page) {
  const make = page.evaluate(async () => {
    const [width, height, rate] = [640, 360, 10];
    const target = new WebMMuxer.ArrayBufferTarget();
    const muxer = new WebMMuxer.Muxer({ target, video: { codec: "V_VP8", width, height, frameRate: rate } });
    const encoder = new VideoEncoder({ output: (chunk, meta) => muxer.addVideoChunk(chunk, meta), error: (error) => console.error(error) });
    encoder.configure({ codec: "vp8", width, height, bitrate: 6_000_000, framerate: rate, latencyMode: "realtime", bitrateMode: "constant" });
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let frame = 0; frame < 30 * rate; frame += 1) {
      for (let index = 0; index < pixels.length; index += 1) pixels[index] = 0xff000000 | (Math.random() * 0x1000000);
      pen.putImageData(image, 0, 0);
      const shot = new VideoFrame(canvas, { timestamp: (frame * 1e6) / rate });
      encoder.encode(shot, { keyFrame: frame % rate === 0 });
      shot.close();
      while (encoder.encodeQueueSize > 4) await new Promise((resolve) => encoder.addEventListener("dequeue", resolve, { once: true }));
    }
    await encoder.flush();
    muxer.finalize();
    for (const [name, blob] of [["film.webm", new Blob([target.buffer])], ["picture.png", await canvas.convertToBlob()]]) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
    }
  });
  const downloads = [];
  page.on("download", (download) => downloads.push(download));
  await make;
  await until(async () => downloads.length, (count) => count === 2);
  page.removeAllListeners("download");
  return Promise.all(
    downloads.map(async (download) => {
      const [name, path] = [download.suggestedFilename(), join(here.folder, download.suggestedFilename())];
      await download.saveAs(path);
      return { name, path, sha256: await sha256Of(path) };
    }),
  );
}

function fileSize(page, name) {
  return page.evaluate(async (name) => (await (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile()).size, name);
}
