// A mock server and a browser with a profile of its own, whose pages download.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { launchProfile } from "../../support/chromium.js";
import { call, grantUpload, logIn, startMockServer } from "../../support/mock-server.js";

const PAGE = fileURLToPath(new URL(".", import.meta.url));

/** Starts it before the file's tests and ends it after them. */
export function stage(args = []) {
  const here = {
    /** Opens a page with a client of these options. */
    async visit(options) {
      const page = await here.context.newPage();
      page.on("pageerror", (error) => console.error(error));
      await page.goto(here.server.page);
      await here.open(page, options);
      return page;
    },
    async open(page, options) {
      await page.waitForFunction(() => window.ready);
      await page.evaluate(([token, options]) => open_(token, options), [here.token, options]);
    },
    /** Stores bytes under this key, whatever is there. */
    async put(key, bytes, type = "application/octet-stream") {
      const { url } = await grantUpload(here.server, here.token, { filename: key.split("/").pop(), content_type: type, size: bytes.length, key });
      const answer = await fetch(url, { method: "PUT", body: bytes, headers: { "content-type": type } });
      if (!answer.ok) throw new Error(`The store answered the PUT of ${key} with ${answer.status}.`);
    },
    rule: (rules) => call(here.server, "PUT", "/_faults", { seed: 1, rules }),
    stats: () => call(here.server, "GET", "/_stats"),
    reset: () => call(here.server, "DELETE", "/_stats"),
  };
  before(async () => {
    here.folder = await mkdtemp(join(tmpdir(), "presigned-downloads-"));
    here.server = await startMockServer({ page: PAGE, args });
    here.context = await launchProfile(join(here.folder, "profile"));
    here.token = await logIn(here.server, "reader");
  });
  after(async () => {
    await here.context?.close();
    await here.server?.stop();
    if (here.folder) await rm(here.folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return here;
}
