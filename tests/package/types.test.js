// The types, as applications in strict TypeScript see them.

import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { HERE, installApplication, runNode } from "./application.js";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
let application;

before(async () => {
  application = await installApplication();
  await cp(join(HERE, "types"), application.app, { recursive: true });
});
after(() => application?.remove());

for (const [module, resolution] of [["esnext", "bundler"], ["nodenext", "nodenext"]]) {
  test(`the API's use compiles, its misuse does not: resolution as ${resolution}`, async () => {
    const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
    const target = ["--target", "es2022", "--lib", "es2022,dom,dom.iterable,dom.asynciterable"];
    const modules = ["--module", module, "--moduleResolution", resolution];
    const { code, output } = await runNode(application.app, tsc, ...options, ...target, ...modules, "api.ts");
    assert.deepEqual({ code, output }, { code: 0, output: "" });
  });
}
