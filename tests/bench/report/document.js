// docs/benchmarks.md and its pictures, from the results on disk.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
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
  await rm(pictures, { recursive: true, force: true });
  await mkdir(pictures, { recursive: true });
  const sizes = await packageSizes();
  const sections = [];
  const machines = new Map();
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const measured = await read(join(results, `${name}.json`));
    if (!measured) continue;
    const rows = rowsOf(scenario, measured, sizes);
    await writeFile(join(pictures, `${name}.svg`), plot(rows, PLOTTED[scenario.figure ?? "mibPerSecond"]));
    sections.push(section(name, scenario, measured, rows));
    machines.set(measured.machine, [...(machines.get(measured.machine) ?? []), { name, ...measured }]);
  }
  const text = [METHOD.head, on(machines), METHOD.figures, ...sections, METHOD.fairness].join("\n\n");
  await writeFile(join(DOCS, "benchmarks.md"), `${text}\n`);
}

function section(name, { title, about }, { runs }, rows) {
  const rounds = Math.max(...runs.map(({ round }) => round));
  const picture = `![${title}: the medians and runs of the table below](benchmarks/${name}.svg)`;
  const command = `\`cargo xtask bench ${name} --runs ${rounds}\``;
  const paragraphs = [`## ${title}`, `${about}. ${rounds === 1 ? "One run" : `${rounds} runs`} each: ${command}.`, picture, table(name, rows)];
  return [...paragraphs, verdict(SCENARIOS[name], rows)].join("\n\n");
}

/** One line if all was measured on one machine in one state, as it should be. */
function on(machines) {
  const lines = [...machines].map(([machine, measured]) => {
    const dates = [...new Set(measured.map(({ date }) => date))].sort();
    const when = dates.length > 1 ? `${dates[0]} to ${dates.at(-1)}` : dates[0];
    const what = machines.size > 1 ? ` (${measured.map(({ name }) => name).join(", ")})` : "";
    return `${machine}, ${when}${what}.`;
  });
  return `Measured on: ${lines.join(" ")}`;
}

async function read(file) {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text && JSON.parse(text);
}
