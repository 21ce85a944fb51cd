// A panic is the WebAssembly side's last act: it must reject what waits, and what is begun later.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { installApplication } from "./application.js";

let application;
before(async () => {
  application = await installApplication();
});
after(() => application?.remove());

const load = (file) => import(pathToFileURL(join(application.installed, file)));

test("after a panic nothing waits for ever", async () => {
  const { panicked, guarded } = await load("panic.js");
  const { Feed } = await load("feed.js");
  const { TransferError } = await load("errors.js");
  const never = new Promise(() => {});
  const [feed, call] = [new Feed({}), guarded(never)];
  const over = new Feed({});
  over.resolve("done");
  assert.equal(await guarded(Promise.resolve(7)), 7);

  panicked("panicked at src/core/plan.rs:1:1");
  const later = new Feed({});
  for (const promise of [feed.promise, call, later.promise, guarded(never)]) {
    const error = await promise.then(assert.fail, (error) => error);
    assert.ok(TransferError.is(error));
    assert.equal(error.code, "internal");
    assert.match(error.message, /plan\.rs/);
  }
  assert.equal(await over.promise, "done");
});

test("the module calls it", async () => {
  const module = await WebAssembly.compile(await readFile(join(application.installed, "presigned_bg.wasm")));
  assert.ok(WebAssembly.Module.imports(module).some(({ name }) => name.includes("panicked")));
});
