// What the package hands out has the shapes that its types promise: values of every kind are had from a browser, and tsc judges them.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launchChromium } from "../support/chromium.js";
import { call, logIn, startMockServer } from "../support/mock-server.js";
import { HERE, installApplication, runNode } from "./application.js";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const TYPES = {
  events: `Exclude<TransferEvent, { type: "retry" }> | Omit<Extract<TransferEvent, { type: "retry" }>, "error">`,
  errors: `Pick<TransferError, "name" | "code" | "message" | "status" | "storageCode" | "retryable" | "part">`,
  uploads: "UploadResult",
  downloads: `Omit<DownloadResult, "blob">`,
  sums: "Progress & { files: { done: number; failed: number; total: number } }",
  files: "StoredFile",
  saved: `Omit<SavedTransfer, "resume" | "discard">`,
  logs: "LogEntry",
  findings: "Finding",
};
const NAMES = "DownloadResult, Finding, LogEntry, Progress, SavedTransfer, StoredFile, TransferError, TransferEvent, UploadResult";

const here = {};
before(async () => {
  here.application = await installApplication();
  here.server = await startMockServer({ page: join(HERE, "shapes"), package: here.application.installed });
  here.browser = await launchChromium();
});
after(async () => {
  await here.browser?.close();
  await here.server?.stop();
  await here.application?.remove();
});

test("values of every kind have the shapes of the types", { timeout: 120_000 }, async () => {
  const rules = [{ on: "part", part: 1, times: 1, do: { status: 503, code: "SlowDown", retry_after: 0 } }];
  await call(here.server, "PUT", "/_faults", { seed: 1, rules });
  const page = await here.browser.newPage();
  await page.goto(here.server.page);
  await page.waitForFunction(() => window.shapes);
  const { classes, ...shapes } = await page.evaluate((options) => window.shapes(options), { token: await logIn(here.server, "shapes") });

  assert.deepEqual(classes, [true, true]);
  for (const kind of ["progress", "part", "retry", "state"]) assert.ok(shapes.events.some(({ type }) => type === kind), kind);
  for (const kind of ["request", "head", "answer", "cancel"]) assert.ok(shapes.logs.some(({ detail }) => detail?.kind === kind), kind);
  assert.deepEqual(shapes.uploads.map(({ integrity }) => integrity.verified).slice(0, 2), [true, false]);
  for (const [name, values] of Object.entries(shapes)) assert.ok(values.length > 0, `no ${name}`);

  const lines = Object.entries(shapes).map(([name, values]) => `export const ${name}: (${TYPES[name]})[] = ${source(values)};`);
  await writeFile(join(here.application.app, "shapes.ts"), [`import type { ${NAMES} } from "presigned";`, ...lines].join("\n"));
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
  const { code, output } = await runNode(here.application.app, tsc, ...options, "--module", "esnext", "--moduleResolution", "bundler", "shapes.ts");
  assert.deepEqual({ code, output: output.slice(0, 2_000) }, { code: 0, output: "" });
});

/** A value as TypeScript, so that a member that should not be there is an error. */
function source(value) {
  if (value === undefined) return "undefined";
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (Array.isArray(value)) return `[${value.map(source).join(",\n")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value).map(([name, own]) => `${JSON.stringify(name)}: ${source(own)}`).join(", ")} }`;
}
