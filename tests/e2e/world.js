// What every scenario needs: a mock server of its own, a browser, a page, and their end.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const ARTEFACTS = join(ROOT, "tests", "artefacts");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];
/** Guards against a hang, not measures of anything: of one step, and of a whole test. */
const STUCK_MS = 120_000;
const HANG_MS = 300_000;

/** Starts the world before the file's tests and ends it after them, whatever came between. */
export function world() {
  const here = {};
  before(async () => {
    await mkdir(ARTEFACTS, { recursive: true });
    here.folder = await mkdtemp(join(tmpdir(), "presigned-e2e-"));
    here.server = await startServer(here.folder);
    here.browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  });
  after(async () => {
    await here.browser?.close();
    await here.server?.stop();
    if (here.folder) await rm(here.folder, { recursive: true, force: true });
  });
  return here;
}

/** A test with a fresh visitor on a fresh page, without faults. Leaves a picture if it fails. */
export function scenario(here, name, run, { timeout = HANG_MS, ...options } = {}) {
  test(name, { timeout }, async () => {
    await control(here, "DELETE", "/_faults");
    await control(here, "DELETE", "/_stats");
    const context = await here.browser.newContext({ acceptDownloads: true, viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(STUCK_MS);
    const page = await context.newPage();
    const broken = [];
    page.on("pageerror", (error) => broken.push(error));
    try {
      await page.goto(here.server.page);
      await page.locator("#no-files").waitFor();
      await run(page);
      if (broken.length > 0) throw new AggregateError(broken, `The page threw: ${broken[0].message}`);
    } catch (error) {
      const file = join(ARTEFACTS, `failed-${name.replace(/\W+/g, "-")}.png`);
      await page.screenshot({ path: file, fullPage: true }).catch(() => {});
      throw error;
    } finally {
      await context.close();
    }
  });
}

/** The mock server's control routes. */
export async function control(here, method, path, body) {
  const answer = await fetch(new URL(path, here.server.page), {
    method,
    headers: body && { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

export function stats(here) {
  return control(here, "GET", "/_stats");
}

/** Asks again until the answer fits; the test's own guard ends it if that never comes. */
export async function until(ask, fits) {
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    await pause(50);
  }
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function startServer(folder) {
  const { PRESIGNED_PAGE: page, PRESIGNED_STORE: store, PRESIGNED_MOCK_SERVER: binary } = process.env;
  if (page && store) return { page, store, stop: async () => {} };
  if (!binary) throw new Error("Set PRESIGNED_MOCK_SERVER to the mock server's binary (`cargo build -p mock-server`), or run `cargo xtask test`.");
  const args = ["--port", "0", "--store-port", "0", "--data", join(folder, "store"), "--seed", "7"];
  const child = spawn(binary, [...args, "--page", join(ROOT, "www"), "--package", join(ROOT, "pkg")], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = () => child.kill();
  process.once("exit", kill);
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const found = await Promise.race([addresses(child.stdout), gone.then((code) => ({ code }))]);
  if (!found.page || !found.store) throw new Error(`The mock server ended before it was ready (${found.code}).`);
  return {
    ...found,
    stop: async () => {
      kill();
      await gone;
      process.removeListener("exit", kill);
    },
  };
}

async function addresses(output) {
  const found = {};
  const lines = createInterface({ input: output });
  for await (const line of lines) {
    const [name, address] = line.trim().split(/\s+/);
    if (name === "page" || name === "store") found[name] = address;
    if (found.page && found.store) break;
  }
  // Whatever else it says must not fill the pipe.
  output.resume();
  return found;
}
