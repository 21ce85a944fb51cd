// One table of behaviours, run for every backend: our own protocol, functions of the page, and the adapters, those over real
// servers among them. `PRESIGNED_WRITE_COMPATIBILITY=1` writes what came out into docs/compatibility.md.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../support/chromium.js";
import { call, logIn, startMockServer } from "../support/mock-server.js";
import { BACKENDS, compatibility } from "./backends/compatibility.js";
import { startServers } from "./backends/servers.js";
import { bytesOf } from "./survival/bytes.js";

const MIB = 1 << 20;
const PART = 5 * MIB;
const BIG = 40_000_000;
/** A guard against a hang, not a measure of anything. */
const timeout = 300_000;
const here = {};
const table = compatibility();

before(async () => {
  // Pages of three parts, so that a list has several.
  here.server = await startMockServer({ page: fileURLToPath(new URL(".", import.meta.url)), args: ["--list-page", "3"] });
  here.servers = await startServers(here.server.store);
  here.browser = await launchChromium();
  here.where = { token: await logIn(here.server, "table"), servers: here.servers.url };
});
after(async () => {
  await here.browser?.close();
  await here.servers?.stop();
  await here.server?.stop();
  await table.write();
});

for (const { name, can } of BACKENDS) {
  describe(name, () => {
    let page;
    before(async () => {
      page = await here.browser.newPage();
      await page.goto(new URL("backends/index.html", here.server.page).href);
      await page.waitForFunction(() => window.up);
    });
    after(() => page?.close());

    /** A row of the table: a behaviour that this backend has, or why it has not. */
    const row = (words, run) =>
      test(words, { timeout }, async () => {
        await heal();
        try {
          const but = await run();
          table.note(name, words, but ?? "yes");
        } catch (error) {
          table.note(name, words, "no");
          throw error;
        } finally {
          await heal();
        }
      });
    const ask = (what, plan) => page.evaluate(([what, plan]) => window[what](plan), [what, { backend: name, where: here.where, ...plan }]);
    const up = (plan) => ask("up", plan);

    for (const [words, size] of [["0 bytes", 0], ["1 byte", 1], ["5 MiB", PART], ["5 MiB and 1 byte", PART + 1], ["40 MB", BIG]]) {
      row(words, async () => {
        const result = await up({ size, seed: size % 97 });
        assert.equal(result.error, undefined, JSON.stringify(result, null, 1));
        assert.equal(result.size, size);
        await isStored(result.key, size % 97, size);
        if (can.download) {
          const got = await ask("down", { key: result.key });
          assert.equal(got.sha256, sha256(bytesOf(size % 97, size)), JSON.stringify(got));
        }
        if (can.verify) assert.ok(result.integrity.verified, JSON.stringify(result.integrity));
      });
    }

    row("names with spaces, +, ü, %2F and slashes", async () => {
      for (const [index, odd] of ["a b.bin", "a+b.bin", "ü€😀.bin", "a%2Fb.bin", "sub/folder/x.bin", "q?x=1&y#z.bin"].entries()) {
        const key = can.key && `uploads/table/${index}/${odd}`;
        for (const size of [3, PART + 1]) {
          const result = await up({ name: odd, key, size, seed: index });
          assert.equal(result.error, undefined, `${odd}: ${JSON.stringify(result)}`);
          if (key) assert.equal(result.key, key);
          await isStored(result.key, index, size);
          if (can.download) assert.equal((await ask("down", { key: result.key })).sha256, sha256(bytesOf(index, size)), odd);
          if (can.remove) assert.equal(await ask("remove", { key: result.key }), "removed", odd);
        }
      }
    });

    row("the type is stored", async () => {
      for (const size of [7, PART + 1]) {
        const { key } = await up({ size, seed: 5, type: "application/x-colour" });
        assert.equal((await stored(key)).headers.get("content-type"), "application/x-colour");
      }
    });

    row("an abort leaves nothing", async () => {
      const { unfinished_uploads: before } = await stats();
      await faults({ on: "part", skip: 1, do: { bytes_per_second: 1_000_000 } });
      const { reason, state } = await ask("cut", { size: BIG, seed: 1 });
      assert.deepEqual({ reason, state }, { reason: "enough", state: "aborted" });
      await heal();
      const { unfinished_uploads: left } = await stats();
      assert.equal(left, before);
    });

    row("what was cut off goes on", async () => {
      await faults({ on: "part", skip: 3, do: { bytes_per_second: 1_000_000 } });
      await ask("cut", { size: BIG, seed: 2, keep: true });
      await heal();
      while ((await stats()).in_flight > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      await call(here.server, "DELETE", "/_stats");
      const result = await up({ size: BIG, seed: 2 });
      await isStored(result.key, 2, BIG);
      const { requests } = await stats();
      assert.ok(requests.part < 8 && !requests.create, JSON.stringify(requests));
    });

    row("a store that asks for fewer requests is obeyed", async () => {
      await faults({ on: "part", times: 2, do: { status: 503, code: "SlowDown", retry_after: 0 } });
      const result = await up({ size: PART + 1, seed: 3 });
      await isStored(result.key, 3, PART + 1);
    });

    row("a store that denies access", async () => {
      for (const [on, size] of [["put", 3], ["part", PART + 1]]) {
        await faults({ on, do: { status: 403, code: "AccessDenied" } });
        const { error } = await up({ size, seed: 4 });
        assert.deepEqual([error?.code, error?.status, error?.storageCode], ["access-denied", 403, "AccessDenied"], on);
        await heal();
      }
    });

    row("a completion of 200 with an error inside", async () => {
      await faults({ on: "complete", times: 1, do: { error_in_200: "InternalError" } });
      const result = await up({ size: PART + 1, seed: 6 });
      assert.equal(result.error, undefined, JSON.stringify(result));
      await isStored(result.key, 6, PART + 1);
    });

    if (name !== "endpoint" && name !== "functions") {
      row("a server that is not there", async () => {
        const { error } = await up({ size: 3, where: { servers: "http://127.0.0.1:9" }, options: { retryDelays: [1] } });
        assert.deepEqual([error?.code, error?.retryable], ["network", true], JSON.stringify(error));
      });
    }
    if (!can.download) {
      test("what it can't do is said", { timeout }, async () => {
        const { error } = await ask("down", { key: "k" });
        assert.equal(error.code, "backend");
        assert.match(error.message, /requestDownload/);
      });
    }
  });
}

async function stored(key) {
  const { url } = await here.servers.sign({ action: "get", key });
  const response = await fetch(url);
  assert.equal(response.status, 200, `${key} is not stored`);
  return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

async function isStored(key, seed, size) {
  const { bytes } = await stored(key);
  assert.equal(sha256(bytes), sha256(bytesOf(seed, size)), `${key} has other bytes`);
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const stats = () => call(here.server, "GET", "/_stats");
const faults = (...rules) => call(here.server, "PUT", "/_faults", { seed: 1, rules });
const heal = () => call(here.server, "DELETE", "/_faults");
