// What the tables say, and docs/compatibility.md made of it: each test file writes its own part.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { PROVIDERS } from "../../../src/face/doctor/providers.js";
import { STORES } from "../stores/stores.js";

/** `can`: what the backend offers, beyond uploads; `form`: small files go by a POST form. */
export const BACKENDS = [
  { name: "endpoint", title: "our protocol", can: { download: true, remove: true, key: true } },
  { name: "article", title: "its four routes alone", can: { download: true, remove: true, whole: true } },
  { name: "functions", title: "functions", can: { download: true, remove: true, key: true } },
  { name: "signer", title: "signer", can: { download: true, remove: true, key: true, verify: true } },
  { name: "uppyCallbacks", title: "Uppy's callbacks", can: {} },
  { name: "companion", title: "Companion 6.2.2", can: { form: true } },
  { name: "betterUpload", title: "better-upload 3.0.19", can: { goOn: "in the same page" } },
];
/** Those that are for one kind of store. */
const PARTICULAR = [
  { name: "azure", title: "azure", can: { download: true, key: true, blocks: true } },
  { name: "resumable", title: "resumable", can: { download: true, key: true, options: { checksum: "crc32c" }, fails: "chunk" } },
];
export const backendOf = (name) => [...BACKENDS, ...PARTICULAR].find((backend) => backend.name === name);

const FILE = fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url));
const line = (cells) => `| ${cells.join(" | ")} |`;

/** `note(of, words, mark)`: what came out of a row for a backend, or for a backend on a store. */
export function compatibility() {
  const rows = new Map();
  const note = (of, words, mark) => {
    if (!rows.has(words)) rows.set(words, new Map());
    rows.get(words).set(of, mark);
  };
  return {
    note,
    writeBackends: () =>
      write("backends", [
        line(["", ...BACKENDS.map(({ title }) => title)]),
        line(["---", ...BACKENDS.map(() => "---")]),
        ...[...rows].map(([words, marks]) => line([words, ...BACKENDS.map(({ name }) => marks.get(name) ?? "")])),
      ]),
    async writeStores() {
      // Those of a store that is not here stay as they were.
      const kept = (await written("stores"))[1].split("\n");
      await write("stores", [
        line(["store", "backend", ...rows.keys()]),
        line(["---", "---", ...[...rows].map(() => "---")]),
        ...STORES.flatMap((store) => store.skip ? kept.filter((row) => row.startsWith(`| ${store.title} `)) : store.backends.map((name) => line([
          store.title, backendOf(name).title, ...[...rows.values()].map((marks) => marks.get(`${store.name} ${name}`) ?? ""),
        ]))),
      ]);
      await writeDocumented();
    },
  };
}

const yes = (is) => (is ? "yes" : "no");
const DOCUMENTED = [
  line(["store", "`provider`", "parts must be equal", "POST forms", "checksums of objects", "a repeated Complete", "unfinished uploads", "HTTP", "by its documentation"]),
  line(Array(9).fill("---")),
  ...PROVIDERS.map(({ title, name, equal, forms, sums, again, life, http, source }) => line([
    title, name, yes(equal), yes(forms), sums ?? "not said", { true: "succeeds", false: "NoSuchUpload" }[again] ?? "not said", life ? `end after ${life} day${life > 1 ? "s" : ""}` : "stay", http, source,
  ])),
];

export const writeDocumented = () => write("documents", DOCUMENTED);

/** The page up to this part, the part itself, and the rest. */
async function written(part) {
  const [begin, end] = [`<!-- ${part}: written by a test -->\n`, `<!-- end of ${part} -->`];
  const [before, rest] = (await readFile(FILE, "utf8")).split(begin);
  if (rest === undefined) throw new Error(`docs/compatibility.md has no part "${part}".`);
  return [before + begin, rest.slice(0, rest.indexOf(end)), rest.slice(rest.indexOf(end))];
}

async function write(part, lines) {
  if (!process.env.PRESIGNED_WRITE_COMPATIBILITY) return;
  const [before, , after] = await written(part);
  await writeFile(FILE, `${before}\n${lines.join("\n")}\n\n${after}`);
}
