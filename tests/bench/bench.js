// The benchmark: `node bench.js [SCENARIO]... [--runs N] [--quick] [--only NAME] [--size MIB]`, as `cargo xtask bench` calls it. Results go to target/bench, one
// JSON a scenario; docs/benchmarks.md is then written anew from all that are there.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { withLab } from "./lab/lab.js";
import { run } from "./lab/run.js";
import { writeDocument } from "./report/document.js";
import { machine } from "./report/machine.js";
import { quick, SCENARIOS } from "./scenarios.js";

const RUNS = 5;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string" },
    /** Small files and one run, to see that all works; nothing is written. */
    quick: { type: "boolean", default: false },
    /** A file of ./contenders: this one alone, to see what a change does; nothing is written. */
    only: { type: "string" },
    /** Files of so many MiB, for the same reason; nothing is written. */
    size: { type: "string" },
    /** Measures nothing, and writes the document from what was measured. */
    report: { type: "boolean", default: false },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS);
const unknown = names.find((name) => !SCENARIOS[name]);
if (unknown) {
  console.error(`There is no scenario \`${unknown}\`, but: ${Object.keys(SCENARIOS).join(", ")}`);
  process.exit(2);
}
const folder = process.env.PRESIGNED_BENCH_FOLDER;
const results = join(folder, "results");
await mkdir(results, { recursive: true });

// So that what ends with this program does.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const partial = options.quick || options.only || options.size;
let failed = 0;
for (const name of options.report ? [] : names) {
  const whole = options.quick ? quick(SCENARIOS[name]) : SCENARIOS[name];
  const files = { ...whole.files, ...(options.size && { size: options.size * (1 << 20) }) };
  const scenario = { ...whole, files, contenders: whole.contenders.filter(({ file }) => file === (options.only ?? file)) };
  const measured = await measure(name, scenario, Number(options.runs ?? scenario.runs ?? (options.quick ? 1 : RUNS)));
  const essential = scenario.contenders.filter(({ ours, limit }) => ours || limit).map(({ name }) => name);
  failed += measured.runs.filter(({ contender, error }) => error && essential.includes(contender)).length;
  if (!partial) await writeFile(join(results, `${name}.json`), JSON.stringify(measured, undefined, 1));
}
if (!partial) await writeDocument(results);
// A peer that fails is a result.
if (options.quick && failed > 0) process.exit(1);
process.exit(0);

/** Round by round, each contender once: whatever the machine does meanwhile, it does to all. */
async function measure(name, scenario, rounds) {
  console.log(`\n${scenario.title}: ${scenario.about}`);
  return withLab(scenario, folder, async (lab) => {
    const runs = [];
    // A browser's first transfer is slower than all others; it would be the first contender's misfortune.
    await run(lab, scenario, scenario.contenders[0], 0);
    for (let round = 1; round <= rounds; round++) {
      for (const contender of scenario.contenders) {
        const measured = await run(lab, scenario, contender, round);
        runs.push({ contender: contender.name, round, ...measured });
        console.log(`  ${round}/${rounds} ${contender.name.padEnd(24)} ${inWords(measured)}`);
      }
    }
    return { scenario: name, date: new Date().toISOString().slice(0, 10), machine: await machine(lab.chromium), runs };
  });
}

function inWords({ error, seconds, mibPerSecond, blockedMs, requests, crossed, bytes, heapGrowth, wasmMemory, rendererGrowth, startupMs }) {
  if (error) return `FAILED: ${error}`;
  const mib = (size) => `${(size / (1 << 20)).toFixed(0)} MiB`;
  return [
    `${mibPerSecond.toFixed(1)} MiB/s`,
    `${seconds.toFixed(2)} s`,
    `blocked ${blockedMs.toFixed(0)} ms`,
    `${requests} requests`,
    crossed === undefined ? "" : `${(crossed / bytes).toFixed(3)} of its size sent`,
    `heap +${mib(heapGrowth)}, wasm ${mib(wasmMemory)}, process +${mib(rendererGrowth)}`,
    `start ${startupMs.toFixed(0)} ms`,
  ].filter(Boolean).join(", ");
}
