// What each backend of functions has of its own: errors, answers that are none, metadata, forms.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { PART, stage, timeout } from "./backends/stage.js";

const here = stage();
const { visit, stored, isStored, stats, faults, heal } = here;
let page;
after(() => page?.close());
const up = (backend, plan) => page.evaluate((plan) => window.up(plan), { backend, where: here.where, seed: 1, size: 3, ...plan });
const own = (words, run) => test(words, { timeout }, async () => {
  page ??= await visit();
  await run().finally(heal);
});

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
    await here.forgetStats();
    const { error, integrity } = await up(backend, { name });
    assert.equal(error, undefined, JSON.stringify(error));
    assert.match(integrity.reason, /has it already/);
    assert.equal((await stats()).bytes_in, 0);
  }
});

own("no form is sent to a store that is known to take none, nor asked for where the client says whose it is", async () => {
  const sent = [];
  await page.route(/r2\.cloudflarestorage\.com/, (route) => {
    sent.push(route.request().method());
    return route.fulfill({ status: 501, headers: { "access-control-allow-origin": "*" } });
  });
  for (const [options, asked, forms] of [[{}, [undefined, false], []], [{ provider: "b2" }, [false], []], [{ provider: "aws" }, [undefined, false], ["POST"]]]) {
    await page.evaluate(() => (window.forms.length = 0));
    sent.length = 0;
    const { error } = await up("odd", { name: "form", options });
    assert.equal(error, undefined, JSON.stringify(error));
    // What is `undefined` in the page comes as null.
    assert.deepEqual((await page.evaluate(() => window.forms)).map((form) => form ?? undefined), asked, JSON.stringify(options));
    assert.deepEqual(sent, forms, JSON.stringify(options));
  }
  const { error } = await up("odd", { name: "else", options: { provider: "floppy" } });
  assert.equal(error.code, "invalid-option");
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
  const { error } = await up("companion", { size: 7 << 20, options: { partSize: 8 << 20 } });
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
