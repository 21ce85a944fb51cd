// A mock server, servers that nobody here wrote, and a browser: what every test of backends needs.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../../support/chromium.js";
import { call, logIn, startMockServer } from "../../support/mock-server.js";
import { bytesOf } from "../survival/bytes.js";
import { startServers } from "./servers.js";

export const PART = 5 << 20;
/** A guard against a hang, not a measure of anything. */
export const timeout = 300_000;
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Sets it up before the file's tests and takes it down after them. */
export function stage() {
  const here = {
    /** A page on which any backend can be driven. */
    async visit() {
      const page = await here.browser.newPage();
      await page.goto(new URL("backends/index.html", here.server.page).href);
      await page.waitForFunction(() => window.up);
      return page;
    },
    async stored(key) {
      const { url } = await here.servers.sign({ action: "get", key });
      const response = await fetch(url);
      assert.equal(response.status, 200, `${key} is not stored`);
      return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
    },
    async isStored(key, seed, size) {
      const { bytes } = await here.stored(key);
      assert.equal(sha256(bytes), sha256(bytesOf(seed, size)), `${key} has other bytes`);
    },
    stats: () => call(here.server, "GET", "/_stats"),
    forgetStats: () => call(here.server, "DELETE", "/_stats"),
    faults: (...rules) => call(here.server, "PUT", "/_faults", { seed: 1, rules }),
    heal: () => call(here.server, "DELETE", "/_faults"),
  };
  before(async () => {
    // Pages of three parts, so that a list has several.
    const folder = fileURLToPath(new URL("..", import.meta.url));
    here.server = await startMockServer({ page: folder, args: ["--list-page", "3"] });
    here.servers = await startServers(here.server.store);
    here.browser = await launchChromium();
    here.where = { token: await logIn(here.server, "table"), servers: here.servers.url };
  });
  after(async () => {
    await here.browser?.close();
    await here.servers?.stop();
    await here.server?.stop();
  });
  return here;
}
