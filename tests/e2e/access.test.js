// For everybody: by keyboard alone, on a narrow screen, in the dark, and without motion.

import assert from "node:assert/strict";
import { join } from "node:path";

import { Desk } from "./desk.js";
import { makeFile } from "./files.js";
import { ARTEFACTS, scenario, stats, world } from "./world.js";

const MB = 1_000_000;
const here = world();

/** Presses Tab until the focus is on what is meant; after a full round it is not to be reached. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const { activeElement: at } = document;
      return at.getAttribute("aria-label") ?? (at.id && document.querySelector(`label[for="${at.id}"]`)?.innerText) ?? at.innerText ?? "";
    });
    if (focused.startsWith(name)) return;
  }
  throw new Error(`“${name}” can't be reached with Tab`);
}

scenario(here, "by keyboard alone", async (page) => {
  const file = await makeFile(here.folder, "keys.bin", 24 * MB);
  const card = new Desk(page).card(file.name);
  const { objects } = await stats(here);
  // Asked for early: a dialog that opens before the browser is told to hand it over is lost.
  const chooser = page.waitForEvent("filechooser");

  await tabTo(page, "Slow link");
  await page.keyboard.press("Space");
  await page.locator("#faults-count").waitFor();

  await tabTo(page, "Choose files");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", "the focus is not to be seen");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(file.path);
  await card.moves();

  await tabTo(page, `Pause ${file.name}`);
  await page.keyboard.press("Space");
  await card.reaches("paused");
  // The button has become another one under the same focus.
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), `Resume ${file.name}`);
  assert.match(await page.locator("#announcer").textContent(), /keys\.bin: Paused/);

  await tabTo(page, "Heal everything");
  await page.keyboard.press("Enter");
  await page.locator("#faults-count").waitFor({ state: "hidden" });
  await tabTo(page, `Resume ${file.name}`);
  await page.keyboard.press("Enter");
  await card.reaches("done");
  assert.match(await page.locator("#announcer").textContent(), /Uploaded/);

  await page.locator(`.file[data-name="${file.name}"]`).waitFor();
  await tabTo(page, `Delete ${file.name}`);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.innerText), "Keep");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), `Delete ${file.name}`);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator("#no-files").waitFor();
  assert.equal((await stats(here)).objects, objects);
});

for (const [look, options] of [
  ["phone", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
  ["dark", { colorScheme: "dark" }],
  ["dark phone", { viewport: { width: 360, height: 740 }, colorScheme: "dark", hasTouch: true, isMobile: true }],
]) {
  scenario(
    here,
    `nothing is cut off: ${look}`,
    async (page) => {
      const desk = new Desk(page);
      const [long, broken] = await Promise.all([
        makeFile(here.folder, `${look} ${"a-very-long-name-without-any-space".repeat(4)}.tar.gz`, 90 * MB),
        makeFile(here.folder, `${look}.bin`, 12 * MB),
      ]);
      const fits = async (when) => {
        const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= screen, `${wide} px wide on ${screen} px, ${when}`);
      };
      await fits("empty");
      await page.locator("#faults").evaluate((panel) => (panel.open = true));
      await desk.fault("slow");
      await desk.fault("etag");
      await desk.pick(broken);
      await desk.card(broken.name).reaches("failed");
      await desk.heal();
      await desk.fault("slow");
      await desk.pick(long);
      await desk.card(long.name).moves(MB);
      await fits("with everything on it");
      await page.screenshot({ path: join(ARTEFACTS, `${look.replace(" ", "-")}.png`), fullPage: true });
      await desk.heal();
      await desk.card(long.name).reaches("done");
    },
    options,
  );
}

scenario(
  here,
  "nothing moves of its own for those who asked for that",
  async (page) => {
    const moving = await page.evaluate(() => document.getAnimations().length);
    assert.equal(moving, 0);
  },
  { reducedMotion: "reduce" },
);

scenario(here, "ten thousand parts do not bog the page down", async (page) => {
  // The map alone, fed as a transfer would: what is drawn must depend on the width, not on the parts.
  const drawn = await page.evaluate(async () => {
    const { PartMap } = await import("/js/part-map.js");
    const sheet = document.querySelector("main").appendChild(document.createElement("div"));
    const canvas = sheet.appendChild(document.createElement("canvas"));
    let squares = 0;
    const { fillRect, strokeRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillRect = function (...box) { squares += 1; return fillRect.apply(this, box); };
    CanvasRenderingContext2D.prototype.strokeRect = function (...box) { squares += 1; return strokeRect.apply(this, box); };
    const map = new PartMap(canvas);
    for (let part = 1; part <= 10_000; part += 1) {
      map.set({ part, parts: 10_000, state: part % 3 ? "done" : "active", loaded: 1, size: 2 });
    }
    // The first frame measures, the second paints.
    for (let frame = 0; frame < 4; frame += 1) await new Promise(requestAnimationFrame);
    const height = canvas.getBoundingClientRect().height;
    map.remove();
    return { squares, height, counts: map.counts };
  });
  assert.ok(drawn.squares > 0 && drawn.squares < 5_000, `${drawn.squares} strokes for four frames`);
  assert.ok(drawn.height > 0 && drawn.height < 200, `${drawn.height} px high`);
  assert.deepEqual(drawn.counts, { waiting: 0, active: 3333, resting: 0, done: 6667 });
});

scenario(here, "the way to storage is checked on a click, and what is wrong comes with the rule to paste", async (page) => {
  const summary = page.locator("#check-summary");
  await page.locator("#check").click();
  await page.getByText("All is well.").first().waitFor();
  const desk = new Desk(page);
  await desk.fault("etag");
  await page.locator("#check").click();
  await page.locator('.finding[data-level="error"]').waitFor();
  assert.match(await summary.textContent(), /^1 fault, 1 thing that could be better\.$/);
  assert.match(await page.locator('.finding[data-level="error"] .rule').innerText(), new RegExp(`"AllowedOrigins": \\["${new URL(page.url()).origin}"\\]`));
  assert.equal(await page.locator(".finding .rule").count(), 1, "a rule is told once");
  assert.equal(await page.evaluate(() => document.activeElement.id), "check");
});
