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

describe("each in its own way", () => {
  let page;
  before(async () => {
    page = await visit();
  });
  after(() => page?.close());
  const up = (backend, plan) => page.evaluate((plan) => window.up(plan), { backend, where: here.where, seed: 1, size: 3, ...plan });
  const own = (words, run) => test(words, { timeout }, () => run().finally(heal));

  own("what functions throw and return is judged", async () => {
    for (const [name, code, status, words, asked] of [
      ["transfer-error", "storage-full", 507, /^No room at https:\/\/s\.example\/k$/, 1],
      ["response", "access-denied", 401, /Who are you/, 1],
      ["status", "rate-limited", 429, /Slowly/, 4],
      ["mistake", "backend", undefined, /undefined/, 1],
      ["string", "backend", undefined, /It broke at https:\/\/s\.example\/k$/, 1],
      ["nothing", "backend", undefined, /file_key/, 1],
      ["bigint", "backend", undefined, /no plain data/, 1],
      ["script", "backend", undefined, /upload_url/, 1],
      ["parts", "backend", undefined, /completeUpload/, 1],
    ]) {
      await page.evaluate(() => (window.asked.length = 0));
      const { error } = await up("odd", { name });
      assert.deepEqual([error?.code, error?.status], [code, status], `${name}: ${JSON.stringify(error)}`);
      assert.match(error.message, words, name);
      assert.doesNotMatch(error.message, /secret/);
      assert.equal(await page.evaluate(() => window.asked.length), asked, name);
    }
  });

  own("a function hears that its answer is no longer wanted", async () => {
    const gone = await page.evaluate(async (plan) => {
      const transfer = window.begin(plan);
      while (!window.signal) await new Promise((resolve) => setTimeout(resolve, 10));
      const before = window.signal.aborted;
      transfer.abort("enough").catch(() => {});
      await transfer.catch(() => {});
      return [before, window.signal.aborted];
    }, { backend: "odd", where: here.where, seed: 1, size: 3, name: "slow", options: { stallTimeout: 300, retryDelays: [] } });
    assert.deepEqual(gone, [false, true]);
  });

  own("what is stored already is not sent", async () => {
    for (const [backend, name] of [["odd", "else"], ["betterUpload", "known.bin"]]) {
      await call(here.server, "DELETE", "/_stats");
      const { error, integrity } = await up(backend, { name });
      assert.equal(error, undefined, JSON.stringify(error));
      assert.match(integrity.reason, /has it already/);
      assert.equal((await stats()).bytes_in, 0);
    }
  });

  own("better-upload's refusals have our codes", async () => {
    for (const [backend, plan, code, words] of [
      ["betterUpload", { type: "text/plain" }, "wrong-type", /invalid file type/],
      ["betterUpload", { size: 60_000_000 }, "too-large", /too large/],
      ["stranger", {}, "access-denied", /not signed in/],
      ["betterUpload", { name: "ignored.bin" }, "backend", /skips/],
    ]) {
      const { error } = await up(backend, plan);
      assert.equal(error?.code, code, JSON.stringify(error));
      assert.match(error.message, words);
    }
  });

  own("files of one name, size and type have URLs of their own", async () => {
    const results = await Promise.all([1, 2, 3].map((seed) => up("betterUpload", { seed, size: PART + 1 })));
    for (const [index, { key }] of results.entries()) await isStored(key, index + 1, PART + 1);
  });

  own("a form that is too large for its policy", async () => {
    const { error } = await up("companion", { size: 7 * MIB, options: { partSize: 8 * MIB } });
    assert.deepEqual([error?.code, error?.storageCode], ["too-large", "EntityTooLarge"], JSON.stringify(error));
  });

  own("where forms are refused, a small file is an upload of one part", async () => {
    await faults({ on: "put", do: { status: 501, code: "NotImplemented" } });
    const refused = await up("companion", { options: { stallTimeout: 30_000 } });
    await isStored(refused.key, 1, 3);
    assert.ok(refused.logs.some((line) => line.includes("no POST forms")), refused.logs.join("\n"));
    const again = await up("companion", { options: { stallTimeout: 30_000 } });
    assert.ok(!again.logs.some((line) => line.includes("no POST forms")), "it was not remembered");
    await heal();
    for (const size of [0, 3]) await isStored((await up("formless", { size })).key, 1, size);
  });

  own("a form's result is known without exposed headers", async () => {
    await faults({ on: "put", do: { hide_etag: true } });
    assert.match((await up("companion", {})).etag, /[0-9a-f]{32}/);
  });

  own("Companion's checksum of nothing is named where it is refused", async () => {
    await faults({ on: "part", do: { status: 400, code: "BadDigest" } });
    const { error } = await up("companion", { size: PART + 1 });
    assert.equal(error?.code, "checksum-mismatch");
    assert.match(error.message, /AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED/);
  });

  own("metadata goes along", async () => {
    for (const [backend, key] of [["companion"], ["betterUpload"], ["signer", "uploads/table/meta"]]) {
      for (const size of [3, PART + 1]) {
        const result = await up(backend, { key, size, seed: 7, metadata: { colour: "blue" } });
        assert.equal(result.error, undefined, `${backend}: ${JSON.stringify(result.error)}`);
        assert.equal((await stored(result.key)).headers.get("x-amz-meta-colour"), "blue", `${backend} ${size}`);
      }
    }
  });

  own("options that do not go together are refused", async () => {
    const codes = await page.evaluate(async () => {
      const backend = { requestUpload: async () => ({}) };
      const options = [{}, { endpoint: "/", backend }, { backend, headers: {} }, { backend: {} }, { backend: { requestUpload: 7 } }, { backend: "companion" }];
      const ends = options.map((options) => new window.Client(options).upload(new Blob(["x"])).then(() => "done", ({ code }) => code));
      return Promise.all(ends);
    });
    assert.deepEqual(codes, Array(6).fill("invalid-option"));
  });
});

async function visit() {
  const page = await here.browser.newPage();
  await page.goto(new URL("backends/index.html", here.server.page).href);
  await page.waitForFunction(() => window.up);
  return page;
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
