// A backend that signs no part without its checksum: a spoilt part is refused by the store and sent again, in every life of the page.
// And ETags, where there is nothing else to compare with.

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
  const serve = (args) => startMockServer({ page: PAGE, args: ["--part-size", String(MIB), ...args] });
  here.servers = {
    crc64nvme: await serve(["--part-checksums"]),
    // Garage has other words for a spoilt part.
    sha256: await serve(["--part-checksums=sha256", "--provider", "garage"]),
    // It computes none of its own.
    md5: await serve(["--provider", "garage"]),
  };
  here.context = await launchProfile(here.profile);
  await here.context.exposeBinding("tell", () => {});
});
after(async () => {
  await here.context?.close();
  for (const server of Object.values(here.servers ?? {})) await server.stop();
  if (here.profile) await rm(here.profile, { recursive: true, force: true, maxRetries: 5 });
});

for (const algorithm of ["crc64nvme", "sha256"]) {
  test(`${algorithm}: a part that was spoilt on its way is refused, and sent again`, { timeout }, async () => {
    const { server, page, plan } = await visit(algorithm, [{ on: "part", part: 3, times: 1, do: { flip_byte: 1000 } }]);
    await page.evaluate((plan) => begin(plan), plan);
    await judge(page, server, plan, algorithm);
    const { answers, parts } = await call(server, "GET", "/_stats");
    assert.equal(answers[400], 1, "the store has refused it once");
    assert.deepEqual(Object.values(parts).map(({ stored }) => stored), Array(PARTS).fill(1));
  });

  test(`${algorithm}: after a reload, too`, { timeout }, async () => {
    const { server, page, plan } = await visit(algorithm, [{ on: "part", do: { bytes_per_second: MIB } }]);
    await page.evaluate((plan) => begin(plan), plan);
    assert.ok(await page.evaluate((loaded) => until({ loaded }), PLAN.size / 3));
    await page.reload();
    await call(server, "PUT", "/_faults", { rules: [{ on: "part", part: PARTS, times: 1, do: { flip_byte: 2 } }] });
    const saved = await page.evaluate((plan) => begin(plan), plan);
    assert.equal(saved.length, 1);
    await judge(page, server, plan, algorithm);
    const { answers, bytes_in: sent } = await call(server, "GET", "/_stats");
    // What the reload cut off in its middle may be answered so as well.
    assert.ok(answers[400] >= 1, "the store has refused it");
    assert.ok(sent < PLAN.size + 4 * PLAN.client.concurrency * MIB, `${sent} bytes were sent: it has begun anew`);
  });
}

test("a store's ETags are the MD5s of parts, and of a whole file", { timeout }, async () => {
  for (const size of [PLAN.size, 100_000]) {
    const { server, page, plan } = await visit("md5", []);
    const own = { ...plan, size, client: { ...plan.client, checksum: "md5" } };
    await page.evaluate((plan) => begin(plan), own);
    const { value } = await judge(page, server, own, "md5");
    assert.match(value, size === PLAN.size ? /^[0-9a-f]{32}-21$/ : /^[0-9a-f]{32}$/);
  }
});

test("a part whose ETag is not its MD5, where the others' are, was spoilt", { timeout }, async () => {
  const { page, plan } = await visit("md5", [{ on: "part", part: 3, times: 1, do: { flip_byte: 1000 } }]);
  await page.evaluate((plan) => begin(plan), { ...plan, client: { ...plan.client, checksum: "md5" } });
  const { failed } = await page.evaluate(() => result());
  assert.equal(failed?.code, "checksum-mismatch", JSON.stringify(failed));
  await page.close();
});

async function visit(name, rules) {
  const server = here.servers[name];
  const page = await here.context.newPage();
  await page.goto(server.page);
  await call(server, "DELETE", "/_stats");
  await call(server, "PUT", "/_faults", { rules });
  return { server, page, plan: { ...PLAN, token: await logIn(server, "careful") } };
}

/** Verified by the page, though it may have asked for no checksum; and byte for byte what was given. */
async function judge(page, server, plan, algorithm) {
  const { failed, integrity, key } = await page.evaluate(() => result());
  assert.equal(failed, undefined, JSON.stringify(failed));
  assert.deepEqual([integrity.verified, integrity.algorithm], [true, algorithm], JSON.stringify(integrity));
  const stored = await getFile(server, plan.token, key);
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(stored), digest(bytesOf(plan.seed, plan.size)));
  await page.close();
  return integrity;
}
