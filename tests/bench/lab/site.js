// The page's own origin: the page, the contenders' bundles, this SDK's package. Not part of what is measured, so never behind the link.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../page", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../../pkg", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

export async function startSite(bundles) {
  const folders = { "/contenders/": bundles, "/presigned/": PACKAGE, "/": PAGE };
  const server = createServer(async ({ url }, response) => {
    const path = normalize(new URL(url, "http://site").pathname);
    const prefix = Object.keys(folders).find((prefix) => path.startsWith(prefix));
    const file = join(folders[prefix], path.slice(prefix.length) || "index.html");
    try {
      const body = await readFile(file);
      // Each run loads everything anew, or start-up could not be measured.
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "cache-control": "no-store" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}
