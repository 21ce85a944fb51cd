// A backend that signs no part without its checksum: a spoilt part is refused by the store and sent again, in every life of the page.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchProfile } from "../support/chromium.js";
import { call, getFile, logIn, startMockServer } from "../support/mock-server.js";
import { bytesOf } from "./survival/bytes.js";

const PAGE = fileURLToPath(new URL("survival", import.meta.url));
const MIB = 1 << 20;
const PLAN = { kind: "upload", seed: 1, size: 20 * MIB + 5, client: { partSize: MIB, concurrency: 3, retryDelays: [50, 50], checksum: "none" } };
const PARTS = 21;
/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const here = {};

before(async () => {
  here.profile = await mkdtemp(join(tmpdir(), "presigned-checksums-"));
  here.server = await startMockServer({ page: PAGE, args: ["--part-checksums", "--part-size", String(MIB)] });
  here.context = await launchProfile(here.profile);
  await here.context.exposeBinding("tell", () => {});
  here.plan = { ...PLAN, token: await logIn(here.server, "careful") };
});
after(async () => {
  await here.context?.close();
  await here.server?.stop();
  if (here.profile) await rm(here.profile, { recursive: true, force: true, maxRetries: 5 });
});

test("a part that was spoilt on its way is refused, and sent again", { timeout }, async () => {
  const page = await visit([{ on: "part", part: 3, times: 1, do: { flip_byte: 1000 } }]);
  await page.evaluate((plan) => begin(plan), here.plan);
  await judge(page);
  const { answers, parts } = await call(here.server, "GET", "/_stats");
  assert.equal(answers[400], 1, "the store has refused it once");
  assert.deepEqual(Object.values(parts).map(({ stored }) => stored), Array(PARTS).fill(1));
});

test("after a reload, too", { timeout }, async () => {
  const page = await visit([{ on: "part", do: { bytes_per_second: MIB } }]);
  await page.evaluate((plan) => begin(plan), here.plan);
  assert.ok(await page.evaluate((loaded) => until({ loaded }), PLAN.size / 3));
  await page.reload();
  await call(here.server, "PUT", "/_faults", { rules: [{ on: "part", part: PARTS, times: 1, do: { flip_byte: 2 } }] });
  const saved = await page.evaluate((plan) => begin(plan), here.plan);
  assert.equal(saved.length, 1);
  await judge(page);
  const { answers, bytes_in: sent } = await call(here.server, "GET", "/_stats");
  // What the reload cut off in its middle may be answered so as well.
  assert.ok(answers[400] >= 1, "the store has refused it");
  assert.ok(sent < PLAN.size + 4 * PLAN.client.concurrency * MIB, `${sent} bytes were sent: it has begun anew`);
});

async function visit(rules) {
  const page = await here.context.newPage();
  await page.goto(here.server.page);
  await call(here.server, "DELETE", "/_stats");
  await call(here.server, "PUT", "/_faults", { rules });
  return page;
}

/** Verified by the page, though it asked for no checksum; and byte for byte what was given. */
async function judge(page) {
  const { failed, integrity, key } = await page.evaluate(() => result());
  assert.equal(failed, undefined, JSON.stringify(failed));
  assert.deepEqual([integrity.verified, integrity.algorithm], [true, "crc64nvme"]);
  const stored = await getFile(here.server, here.plan.token, key);
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(stored), digest(bytesOf(PLAN.seed, PLAN.size)));
  await page.close();
}
