// The faults of the panel: those to get through, and those to explain.

import assert from "node:assert/strict";
import { join } from "node:path";

import { Desk } from "./desk.js";
import { makeFile } from "./files.js";
import { ARTEFACTS, control, scenario, stats, world } from "./world.js";

const MB = 1_000_000;
const here = world();

/** Up and down with these faults on; each must have struck, and nothing may show of it in the end. */
function survives(name, ids, size, rounds = ["up", "down"]) {
  scenario(here, name, async (page) => {
    const desk = new Desk(page);
    const file = await makeFile(here.folder, `${name}.bin`, size);
    const struck = () => Promise.all(ids.map((id) => page.locator(`label[for="fault-${id}"] .hits:not([hidden])`).waitFor()));
    if (rounds.includes("up")) for (const id of ids) await desk.fault(id);
    await desk.drop(file);
    await desk.card(file.name).reaches("done");
    await desk.row(file.name).waitFor();
    if (rounds.includes("up")) {
      await struck();
      await desk.heal();
    }
    if (rounds.includes("down")) for (const id of ids) await desk.fault(id);
    assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
    if (rounds.includes("down")) await struck();
    assert.equal((await stats(here)).unfinished_uploads, 0);
    await page.locator("#log summary").click();
    await page.screenshot({ path: join(ARTEFACTS, `survived-${ids.join("-")}.png`) });
  });
}

survives("flaky connections", ["flaky"], 120 * MB);
survives("server errors", ["errors"], 60 * MB);
survives("dead air", ["stall"], 30 * MB);
survives("lapsed URLs", ["expired"], 30 * MB);
survives("a far and slow link", ["latency", "slow"], 12 * MB);
survives("ranges ignored", ["range"], 20 * MB, ["down"]);

scenario(here, "a fault is switched on while a file goes up", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "interrupted.iso", 150 * MB);
  await desk.fault("slow");
  await desk.drop(file);
  const card = desk.card(file.name);
  await card.moves(2 * MB);
  await desk.fault("flaky");
  await desk.fault("slow", false);
  await card.reaches("done");
  await page.locator('label[for="fault-flaky"] .hits:not([hidden])').waitFor();
  assert.ok((await desk.hits("flaky")) > 0);
  await desk.heal();
  assert.deepEqual((await control(here, "GET", "/_faults")).rules, []);
  assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
});

scenario(here, "a hidden ETag is explained with the rule to paste", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "hidden.bin", 20 * MB);
  await desk.fault("etag");
  await desk.drop(file);
  const card = desk.card(file.name);
  await card.reaches("failed");
  assert.match(await card.text(".trouble-title"), /bucket does not let this page read/);
  assert.equal(await card.locator.locator(".trouble").getAttribute("data-code"), "cors");
  const [rule] = JSON.parse(await card.text(".rule pre"));
  assert.ok(rule.ExposeHeaders.includes("ETag"));
  await page.screenshot({ path: join(ARTEFACTS, "explained.png") });

  await desk.heal();
  await card.press("Retry");
  await card.locator.and(page.locator('[data-state="done"]')).waitFor();
  await desk.row(file.name).waitFor();
  assert.deepEqual(await desk.save(file.name), { name: file.name, sha256: file.sha256 });
});

scenario(here, "a byte that flips on its way is noticed, up and down", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "precious.bin", 20 * MB);
  const corrupt = (card) => card.locator.locator('.trouble[data-code="checksum-mismatch"]').waitFor();
  await desk.fault("corrupt");
  await desk.drop(file);
  const card = desk.card(file.name);
  await card.reaches("failed");
  await corrupt(card);
  await card.press("Retry");
  await card.locator.and(page.locator('[data-state="done"]')).waitFor();
  assert.match(await card.text(".figures"), /verified/);
  await page.screenshot({ path: join(ARTEFACTS, "verified.png") });
  await desk.heal();
  await desk.fault("corrupt");
  // What was spoiled on its way up is there as well, and comes down as it is stored.
  await desk.row(file.name).first().getByRole("button", { name: /^Download / }).click();
  const down = desk.card(file.name, "download");
  await down.reaches("failed");
  await corrupt(down);
  await down.press("Retry");
  await down.locator.and(page.locator('[data-state="done"]')).waitFor();
  assert.match(await down.text(".figures"), /verified/);
  await desk.heal();
});

scenario(here, "a file that is replaced during the download is not saved", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "replaced.bin", 30 * MB);
  await desk.drop(file);
  await desk.card(file.name).reaches("done");
  await desk.row(file.name).waitFor();
  let saved = 0;
  page.on("download", () => (saved += 1));
  await desk.fault("changed");
  await desk.row(file.name).getByRole("button", { name: /^Download / }).click();
  const card = desk.card(file.name, "download");
  await card.reaches("failed");
  assert.equal(await card.locator.locator(".trouble").getAttribute("data-code"), "object-changed");
  assert.match(await card.text(".trouble-title"), /replaced during the download/);
  assert.equal(saved, 0);
});

scenario(here, "a server that answers nonsense is explained", async (page) => {
  const desk = new Desk(page);
  const file = await makeFile(here.folder, "nonsense.bin", 1000);
  await control(here, "PUT", "/_faults", { rules: [{ on: "request-upload", do: { html: 200 } }] });
  await desk.pick(file);
  const card = desk.card(file.name);
  await card.reaches("failed");
  assert.equal(await card.locator.locator(".trouble").getAttribute("data-code"), "backend");
  assert.match(await card.text(".trouble"), /answer that makes no sense/);
});

scenario(here, "rules from elsewhere are shown, and healed as well", async (page) => {
  const desk = new Desk(page);
  await control(here, "PUT", "/_faults", { rules: [{ on: "head", do: { delay_ms: 1 } }] });
  await desk.fault("latency");
  await page.getByText("1 more rule is set from elsewhere.").waitFor();
  assert.equal((await control(here, "GET", "/_faults")).rules.length, 2);
  await desk.heal();
  assert.equal((await control(here, "GET", "/_faults")).rules.length, 0);
  assert.ok(await page.locator("#heal").isDisabled());
});
