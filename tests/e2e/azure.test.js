// Azure Blob Storage as its own emulator is, through signatures of Azure's own SDK, which also reads what is stored.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../support/chromium.js";
import { startMockServer } from "../support/mock-server.js";
import { CORS, startAzurite } from "./backends/azurite.js";
import { PART, sha256 } from "./backends/stage.js";
import { bytesOf } from "./survival/bytes.js";

/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const BIG = 40_000_000;
const here = {};
before(async () => {
  here.server = await startMockServer({ page: fileURLToPath(new URL(".", import.meta.url)) });
  here.azure = await startAzurite();
  here.browser = await launchChromium();
  here.page = await here.browser.newPage();
  await here.page.goto(new URL("backends/index.html", here.server.page).href);
  await here.page.waitForFunction(() => window.up);
});
after(async () => {
  await here.browser?.close();
  await here.azure?.stop();
  await here.server?.stop();
});

const ask = (what, plan) => here.page.evaluate(([what, plan]) => window[what](plan), [what, { backend: "azure", where: { azure: here.azure.url }, ...plan }]);

async function isStored(key, seed, size) {
  const { bytes } = await here.azure.stored(key);
  assert.equal(sha256(bytes), sha256(bytesOf(seed, size)), `${key} has other bytes`);
}

for (const size of [0, 1, PART, PART + 1, BIG]) {
  test(`${size} bytes go up and come down`, { timeout }, async () => {
    const [key, seed] = [`sizes/${size}.bin`, size % 97];
    const up = await ask("up", { key, size, seed });
    assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
    assert.deepEqual([up.key, up.size], [key, size]);
    assert.ok(up.etag);
    await isStored(key, seed, size);
    assert.deepEqual(await here.azure.uncommitted(key), []);
    // To a range of an empty blob the emulator answers 206 and "bytes 0--1/0", where Azure itself says 416.
    if (size > 0) {
      const down = await ask("down", { key });
      assert.equal(down.sha256, sha256(bytesOf(seed, size)), JSON.stringify(down));
    }
    // Azure tells sums of requests, and none of a blob that we could compare.
    assert.equal(up.integrity.verified, false);
  });
}

test("names, types and metadata arrive to the letter", { timeout }, async () => {
  for (const [index, name] of ["a b.bin", "a+b.bin", "ü€😀.bin", "a%2Fb.bin", "sub/folder/x.bin", "q?x=1&y#z.bin"].entries()) {
    for (const size of [3, PART + 1]) {
      const key = `names/${size}/${name}`;
      const up = await ask("up", { key, size, seed: index, type: "application/x-colour", metadata: { colour: "blue" } });
      assert.deepEqual([up.error, up.key], [undefined, key], JSON.stringify(up));
      await isStored(key, index, size);
      const { properties } = await here.azure.stored(key);
      assert.deepEqual([properties.contentType, properties.metadata.colour], ["application/x-colour", "blue"], key);
      assert.equal(await ask("remove", { key }), "removed");
      assert.equal(await here.azure.exists(key), false);
    }
  }
});

test("an upload that was cut off goes on with the blocks that are stored", { timeout }, async () => {
  const key = "resume/big.bin";
  await ask("cut", { key, size: BIG, seed: 2, keep: true });
  const before = await here.azure.uncommitted(key);
  assert.ok(before.length > 0 && before.length < 8, `${before.length} blocks`);
  here.azure.asked.length = 0;
  const up = await ask("up", { key, size: BIG, seed: 2 });
  assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
  assert.ok(up.logs.some((line) => /Storage has \d+ of 8 parts/.test(line)), up.logs.join("\n"));
  await isStored(key, 2, BIG);
  assert.ok(here.azure.asked.length < 6, `one signature for many blocks: ${here.azure.asked}`);
});

test("where the answer of the last request is lost, the blob shows that it is whole", { timeout }, async () => {
  const key = "lost/answer.bin";
  const lists = [];
  // The list arrives, and its answer does not.
  await here.page.route(/comp=blocklist(&|$)/, async (route) => {
    if (route.request().method() !== "PUT") return route.continue();
    lists.push(await route.fetch());
    await route.abort();
  });
  const up = await ask("up", { key, size: PART + 1, seed: 9 }).finally(() => here.page.unroute(/comp=blocklist(&|$)/));
  assert.equal(up.error, undefined, JSON.stringify(up, null, 1));
  assert.ok(lists.length > 1 && lists.every((answer) => answer.status() === 201));
  await isStored(key, 9, PART + 1);
});

test("two uploads of one name do not take each other's blocks", { timeout }, async () => {
  const key = "twice/one.bin";
  const [one, other] = await Promise.all([ask("up", { key, size: PART + 1, seed: 1 }), ask("up", { key, size: PART + 1, seed: 2, name: "other.bin" })]);
  const seed = sha256((await here.azure.stored(key)).bytes) === sha256(bytesOf(1, PART + 1)) ? 1 : 2;
  await isStored(key, seed, PART + 1);
  // Whoever commits first takes the other's blocks away, which is then said, or sent anew.
  for (const { error } of [one, other]) assert.ok(!error || ["storage", "gone"].includes(error.code), JSON.stringify(error));
});

test("its errors have our codes", { timeout }, async () => {
  here.azure.life = -60_000;
  const { error: late } = await ask("up", { key: "errors/late.bin", size: 3, seed: 1 });
  here.azure.life = 900_000;
  // Where Azure says AuthenticationFailed and that the time is over, the emulator has this.
  assert.deepEqual([late?.code, late?.storageCode], ["access-denied", "AuthorizationFailure"], JSON.stringify(late));
  const { error: missing } = await ask("down", { key: "errors/nothing.bin" });
  assert.deepEqual([missing?.code, missing?.status], ["not-found", 404], JSON.stringify(missing));
});

test("the doctor walks here too", { timeout }, async () => {
  const examine = async () => {
    const findings = await ask("examine", {});
    return findings.filter(({ level }) => level !== "ok").map(({ code, level }) => `${level}: ${code}`);
  };
  assert.deepEqual(await examine(), ["warning: no-checksum"]);
  assert.equal(await here.azure.exists("presigned-doctor.bin"), false);
  await here.azure.allow(undefined);
  assert.deepEqual(await examine(), ["error: cors-origin"]);
  await here.azure.allow({ ...CORS, allowedMethods: "GET" });
  assert.deepEqual(await examine(), ["error: cors-method"]);
  await here.azure.allow(CORS);
  here.azure.life = -60_000;
  assert.deepEqual(await examine(), ["error: expired"]);
  here.azure.life = 900_000;
});
