// docs/benchmarks.md and its pictures, from the results on disk. What was not measured here stays as it was written elsewhere.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { packageSizes } from "../lab/bundle.js";
import { SCENARIOS } from "../scenarios.js";
import { plot } from "./plot.js";
import { rowsOf, table, verdict } from "./rows.js";
import { METHOD } from "./method.js";

const DOCS = fileURLToPath(new URL("../../../docs", import.meta.url));
const PLOTTED = {
  mibPerSecond: { figure: "mibPerSecond", label: "MiB/s, more is better →" },
  startupMs: { figure: "startupMs", label: "ms from import to first request, less is better →" },
  rendererGrowth: { figure: "rendererGrowth", label: "MiB that the page's process grew, less is better →", scale: 1 / (1 << 20) },
};

export async function writeDocument(results) {
  const pictures = join(DOCS, "benchmarks");
  await mkdir(pictures, { recursive: true });
  const sizes = await packageSizes();
  const document = join(DOCS, "benchmarks.md");
  const written = ((await readFile(document, "utf8").catch(() => "")).match(/^## [^]*?(?=\n+## |\n*$(?![^]))/gm) ?? []);
  const sections = [];
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const measured = await read(join(results, `${name}.json`));
    if (!measured) {
      sections.push(...written.filter((section) => section.startsWith(`## ${scenario.title}\n`)));
      continue;
    }
    const rows = rowsOf(scenario, measured, sizes);
    await writeFile(join(pictures, `${name}.svg`), plot(rows, PLOTTED[scenario.figure ?? "mibPerSecond"]));
    sections.push(section(name, scenario, measured, rows));
  }
  const text = [METHOD.head, METHOD.figures, ...sections, METHOD.fairness].join("\n\n");
  await writeFile(document, `${text}\n`);
}

function section(name, { title, about }, { runs, machine, date }, rows) {
  const rounds = Math.max(...runs.map(({ round }) => round));
  const picture = `![${title}: the medians and runs of the table below](benchmarks/${name}.svg)`;
  const command = `\`cargo xtask bench ${name} --runs ${rounds}\``;
  const how = `${about}. ${rounds === 1 ? "One run" : `${rounds} runs`} each: ${command}.`;
  const paragraphs = [`## ${title}`, how, `${machine}, ${date}.`, picture, table(name, rows)];
  return [...paragraphs, verdict(SCENARIOS[name], rows)].join("\n\n");
}

async function read(file) {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text && JSON.parse(text);
}
