// One table of behaviours, run for every store that one machine has, and what is stored looked at by somebody else's client.
// `PRESIGNED_WRITE_COMPATIBILITY=1` writes what came out into docs/compatibility.md.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launchChromium } from "../support/chromium.js";
import { call } from "../support/mock-server.js";
import { backendOf, compatibility } from "./backends/compatibility.js";
import { PART, sha256, timeout } from "./backends/stage.js";
import { STORES } from "./stores/stores.js";
import { callWitness } from "./stores/witness.js";
import { bytesOf } from "./survival/bytes.js";

const BIG = 40_000_000;
const ODD = ["a b.bin", "a+b.bin", "ü€😀.bin", "a%2Fb.bin", "sub/folder/x.bin", "q?x=1&y#z.bin"];
const sums = new Map();
/** Of the same bytes again and again. */
function sumOf(seed, size) {
  const name = `${seed} ${size}`;
  if (!sums.has(name)) sums.set(name, sha256(bytesOf(seed, size)));
  return sums.get(name);
}
const table = compatibility();
const shared = {};
before(async () => {
  [shared.browser, shared.witness] = [await launchChromium(), callWitness()];
});
after(async () => {
  await shared.browser?.close();
  await shared.witness?.stop();
  await table.writeStores();
});

for (const { name, title, backends, faults, skip, start } of STORES) {
  describe(title, { skip }, () => {
    let here, witness;
    before(async () => {
      here = await start(shared.witness);
      witness = here.witness ?? shared.witness.of(here.who);
    });
    after(() => here?.stop());

    for (const backend of backends) {
      const { title, can } = backendOf(backend);
      describe(title, () => {
        let page;
        before(async () => {
          page = await shared.browser.newPage();
          for (const [name, run] of Object.entries(here.functions ?? {})) await page.exposeFunction(name, run);
          await open();
        });
        after(() => page?.close());

        async function open({ server } = here) {
          await page.goto(new URL("backends/index.html", server.page).href);
          await page.waitForFunction(() => window.up);
        }
        const ask = (what, plan) => page.evaluate(([what, plan]) => window[what](plan), [what, { backend, where: here.where, options: can.options, ...plan }]);
        const keyOf = (name) => (can.key ? `uploads/table/${backend}/${name}` : undefined);

        /** What was uploaded, down again, and in the eyes of somebody else. */
        async function isThere({ error, key, size, logs }, seed, wanted) {
          assert.equal(error, undefined, JSON.stringify({ error, logs }, null, 1));
          const expected = sumOf(seed, wanted);
          const seen = await witness.get(key);
          assert.equal(seen.bytes ? sha256(seen.bytes) : seen.sha256, expected, `${key} has other bytes`);
          assert.deepEqual([size, seen.type], [wanted, "application/x-table"]);
          // To a range of an empty blob Azurite answers 206 and "bytes 0--1/0", where Azure itself says 416.
          if (!can.download || (wanted === 0 && name === "azurite")) return;
          const down = await ask("down", { key });
          assert.equal(down.sha256, expected, JSON.stringify(down));
        }

        const row = (words, run) =>
          test(words, { timeout }, async () => {
            try {
              table.note(`${name} ${backend}`, words, (await run()) ?? "yes");
            } catch (error) {
              table.note(`${name} ${backend}`, words, "no");
              throw error;
            } finally {
              if (faults) await call(here.server, "DELETE", "/_faults");
            }
          });

        for (const [words, size] of [["0 B", 0], ["1 B", 1], ["5 MiB", PART], ["5 MiB + 1", PART + 1], ["40 MB", BIG]]) {
          row(words, async () => isThere(await ask("up", { key: keyOf(`${size}.bin`), size, seed: size % 97 }), size % 97, size));
        }

        row("odd names", async () => {
          for (const [seed, odd] of ODD.entries()) {
            const key = keyOf(`odd/${odd}`);
            const up = await ask("up", { name: odd, key, size: seed === 2 ? PART + 1 : 3, seed });
            if (key) assert.equal(up.key, key);
            await isThere(up, seed, seed === 2 ? PART + 1 : 3);
            assert.ok((await witness.keys(up.key)).includes(up.key), `${up.key} is not listed byte for byte`);
          }
        });

        if (can.download) {
          row("ranges", async () => {
            const { key } = await ask("up", { key: keyOf("ranges.bin"), size: PART + 1, seed: 5 });
            for (const [start, end] of [[0, 1], [PART - 1, PART + 1], [1_000_000, undefined]]) {
              assert.equal(await ask("span", { key, start, end }), sha256(bytesOf(5, PART + 1).subarray(start, end)), `${start} to ${end}`);
            }
          });
        }

        row("resume", async () => {
          const plan = { key: keyOf("resume.bin"), size: BIG, seed: 2 };
          await ask("cut", { ...plan, keep: true });
          // better-upload's server keeps nothing: only this page knows the upload.
          if (!can.goOn) await open();
          const up = await ask("up", plan);
          await isThere(up, 2, BIG);
          assert.ok(up.logs.some((line) => /Storage has [1-8] of 8 parts/.test(line)) || can.goOn, up.logs.join("\n"));
          return can.goOn;
        });

        row("abort", async () => {
          const { reason, state } = await ask("cut", { key: keyOf("abort.bin"), size: BIG, seed: 1 });
          assert.deepEqual([reason, state], ["enough", "aborted"]);
          assert.deepEqual(await witness.unfinished(), []);
          return can.blocks && "its blocks lapse";
        });

        row("errors", async () => {
          if (can.download) {
            const { error } = await ask("down", { key: keyOf("nothing.bin") ?? "nothing.bin" });
            assert.deepEqual([error?.code, error?.status], ["not-found", 404], JSON.stringify(error));
          }
          if (here.astray) {
            await open(here.astray);
            // Moto looks at no policy where a form is posted.
            const size = can.form && name === "moto" ? PART + 1 : 3;
            const { error } = await ask("up", { key: keyOf("astray.bin"), size, seed: 4, where: here.astray.where });
            assert.deepEqual([error?.code, error?.status], here.astray.says, JSON.stringify(error));
            return;
          }
          const fail = (rule) => call(here.server, "PUT", "/_faults", { seed: 1, rules: [{ on: can.fails ?? "store", ...rule }] });
          await fail({ do: { status: 403, code: "AccessDenied" } });
          const { error } = await ask("up", { key: keyOf("denied.bin"), size: 3, seed: 4 });
          assert.deepEqual([error?.code, error?.status, error?.storageCode], ["access-denied", 403, "AccessDenied"], JSON.stringify(error));
          // A session of Google's has no signature that could lapse.
          if (can.fails) return;
          await fail({ times: 1, do: { expired: true } });
          await isThere(await ask("up", { key: keyOf("lapsed.bin"), size: 3, seed: 4 }), 4, 3);
        });
      });
    }
  });
}
