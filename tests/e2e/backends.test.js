// One table of behaviours, run for every backend: our own protocol, functions of the page, and the adapters, those over real
// servers among them. `PRESIGNED_WRITE_COMPATIBILITY=1` writes what came out into docs/compatibility.md.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { BACKENDS, compatibility } from "./backends/compatibility.js";
import { PART, sha256, stage, timeout } from "./backends/stage.js";
import { bytesOf } from "./survival/bytes.js";

const BIG = 40_000_000;
const here = stage();
const { visit, stored, isStored, stats, faults, heal } = here;
const table = compatibility();
after(() => table.writeBackends());

for (const { name, can } of BACKENDS) {
  describe(name, () => {
    let page;
    before(async () => {
      page = await visit();
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
      if (can.whole) return "nothing in parts";
      const { unfinished_uploads: before } = await stats();
      await faults({ on: "part", skip: 1, do: { bytes_per_second: 1_000_000 } });
      const { reason, state } = await ask("cut", { size: BIG, seed: 1 });
      assert.deepEqual({ reason, state }, { reason: "enough", state: "aborted" });
      await heal();
      const { unfinished_uploads: left } = await stats();
      assert.equal(left, before);
    });

    row("what was cut off goes on", async () => {
      if (can.whole) return "starts anew";
      await faults({ on: "part", skip: 3, do: { bytes_per_second: 1_000_000 } });
      await ask("cut", { size: BIG, seed: 2, keep: true });
      await heal();
      while ((await stats()).in_flight > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      await here.forgetStats();
      const result = await up({ size: BIG, seed: 2 });
      await isStored(result.key, 2, BIG);
      const { requests } = await stats();
      assert.ok(requests.part < 8 && !requests.create, JSON.stringify(requests));
      return can.goOn;
    });

    row("a store that asks for fewer requests is obeyed", async () => {
      await faults({ on: can.whole ? "put" : "part", times: 2, do: { status: 503, code: "SlowDown", retry_after: 0 } });
      const result = await up({ size: PART + 1, seed: 3 });
      await isStored(result.key, 3, PART + 1);
    });

    row("a store that denies access", async () => {
      for (const [on, size] of [["put", 3], [can.whole ? "put" : "part", PART + 1]]) {
        await faults({ on, do: { status: 403, code: "AccessDenied" } });
        const { error } = await up({ size, seed: 4 });
        assert.deepEqual([error?.code, error?.status, error?.storageCode], ["access-denied", 403, "AccessDenied"], on);
        await heal();
      }
    });

    row("a completion of 200 with an error inside", async () => {
      if (can.whole) return "nothing in parts";
      await faults({ on: "complete", times: 1, do: { error_in_200: "InternalError" } });
      const result = await up({ size: PART + 1, seed: 6 });
      assert.equal(result.error, undefined, JSON.stringify(result));
      await isStored(result.key, 6, PART + 1);
    });

    if (can.remove && name !== "signer") {
      row("files are listed and removed", async () => {
        const { key } = await up({ size: 3, seed: 8, name: "listed ü.bin" });
        const found = (await ask("list", { prefix: key }))[0];
        assert.deepEqual([found?.key, found?.size], [key, 3]);
        assert.ok(Math.abs(found.time - Date.now()) < 60_000);
        assert.equal(await ask("remove", { key }), "removed");
        assert.deepEqual(await ask("list", { prefix: key }), []);
      });
    }
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

test("an extension that is missing is found out once, worked around, and said in the log", { timeout }, async () => {
  const page = await visit();
  const before = here.servers.asked["POST /request-uploads"] ?? 0;
  const { ends, lines } = await page.evaluate((plan) => window.many(plan), { backend: "article", where: here.where });
  await page.close();
  assert.deepEqual(ends, [3, 3]);
  assert.equal(here.servers.asked["POST /request-uploads"] - before, 1);
  assert.equal(lines.filter((line) => line.includes("has no /request-uploads")).length, 1, lines.join("\n"));
  assert.equal(lines.filter((line) => line.includes("one request for the whole file")).length, 6);
});
