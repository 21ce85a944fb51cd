// What the table says of each backend, and docs/compatibility.md made of it.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** `can`: what the backend offers, beyond uploads. */
export const BACKENDS = [
  { name: "endpoint", title: "our protocol", can: { download: true, remove: true, key: true } },
  { name: "article", title: "its four routes alone", can: { download: true, remove: true, whole: true } },
  { name: "functions", title: "functions", can: { download: true, remove: true, key: true } },
  { name: "signer", title: "signer", can: { download: true, remove: true, key: true, verify: true } },
  { name: "uppyCallbacks", title: "Uppy's callbacks", can: {} },
  { name: "companion", title: "Companion 6.2.2", can: {} },
  { name: "betterUpload", title: "better-upload 3.0.19", can: { goOn: "in the same page" } },
];

const FILE = fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url));

export function compatibility() {
  const rows = new Map();
  return {
    note(backend, row, words) {
      if (!rows.has(row)) rows.set(row, new Map());
      rows.get(row).set(backend, words);
    },
    async write() {
      if (!process.env.PRESIGNED_WRITE_COMPATIBILITY) return;
      const line = (cells) => `| ${cells.join(" | ")} |`;
      const body = [...rows].map(([row, cells]) => line([row, ...BACKENDS.map(({ name }) => cells.get(name) ?? "")]));
      await writeFile(FILE, `${[
        "# Which backend can do what",
        "",
        "Written by `tests/e2e/backends.test.js`, which runs each row in Chromium against the mock server's store, with Companion and",
        "better-upload as they come from npm (`PRESIGNED_WRITE_COMPATIBILITY=1`). An empty cell does not apply.",
        "",
        line(["", ...BACKENDS.map(({ title }) => title)]),
        line(["---", ...BACKENDS.map(() => "---")]),
        ...body,
      ].join("\n")}\n`);
    },
  };
}
