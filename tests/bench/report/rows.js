// What was measured of a scenario, a row for each contender, and in which words a table shows it.

import { ratio, spread } from "./statistics.js";

const MIB = 1 << 20;
const mib = (bytes) => (bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0);
const whole = (number) => number.toLocaleString("en", { maximumFractionDigits: 0 });
const few = (number) => number.toPrecision(3);

/** A column: its head, the figure that it shows, and how. */
const COLUMNS = {
  speed: { head: "MiB/s", figure: "mibPerSecond", words: (value) => (value < 100 ? few(value) : whole(value)), range: true },
  blocked: { head: "page blocked, ms", figure: "blockedMs", words: whole },
  heap: { head: "JS heap, + MiB", figure: "heapGrowth", words: mib },
  wasm: { head: "wasm, MiB", figure: "wasmMemory", words: mib },
  process: { head: "page's process, + MiB", figure: "rendererGrowth", words: mib, range: true },
  crossed: { head: "sent / size", figure: "crossedRatio", words: (value) => value.toFixed(3) },
  requests: { head: "requests", figure: "requests", words: whole },
  size: { head: "min + gzip, KB", figure: "packageSize", words: (bytes) => (bytes / 1_000).toFixed(1) },
  startup: { head: "import to first request, ms", figure: "startupMs", words: whole, range: true },
};

const SHOWN = {
  start: ["size", "startup"],
  memory: ["process", "heap", "wasm", "blocked", "speed"],
  small: ["speed", "blocked", "heap", "process", "requests"],
};
const SHOWN_ELSE = ["speed", "blocked", "heap", "wasm", "process", "crossed", "requests"];

/** By contender: the runs that succeeded, why others failed, and the speed against the limit's. */
export function rowsOf(scenario, { runs }, sizes) {
  const of = (name) => runs.filter(({ contender }) => contender === name);
  const limit = scenario.contenders.find((contender) => contender.limit);
  return scenario.contenders.map((contender) => {
    const all = of(contender.name).map((run) => ({ ...run, crossedRatio: run.crossed / run.bytes, packageSize: sizes[contender.file] }));
    const done = all.filter(({ error }) => !error);
    const against = limit && ratio(done, of(limit.name).filter(({ error }) => !error), "mibPerSecond");
    return { ...contender, count: all.length, done, against, errors: [...new Set(all.flatMap(({ error }) => error ?? []))] };
  });
}

/** A table in Markdown. */
export function table(name, rows) {
  const isMeasured = ({ figure }) => rows.some(({ done }) => spread(done, figure));
  const columns = (SHOWN[name] ?? SHOWN_ELSE).map((column) => COLUMNS[column]).filter(isMeasured);
  const limit = rows.find((row) => row.limit);
  const heads = ["", ...columns.flatMap(({ head, figure }) => (figure === "mibPerSecond" && limit ? [head, `× ${limit.name}`] : [head]))];
  const lines = rows.map((row) => {
    const title = row.ours ? `**${row.name}**` : row.name;
    if (row.done.length === 0) return [title, `failed: ${row.errors[0]}`, ...heads.slice(2).map(() => "")];
    const cells = columns.flatMap(({ figure, words, range }) => {
      const cell = inWords(spread(row.done, figure), words, range);
      return figure === "mibPerSecond" && limit ? [cell, row.against === undefined ? "–" : row.against.toFixed(2)] : [cell];
    });
    const failed = row.count - row.done.length;
    return [failed > 0 ? `${title} (${failed} of ${row.count} failed: ${row.errors[0]})` : title, ...cells];
  });
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map((_, index) => (index === 0 ? "---" : "---:"))), ...lines.map(line)].join("\n");
}

/** Who is better than this SDK, if anybody is: the same for every scenario, so that nothing is left out. */
export function verdict(scenario, rows) {
  const figure = scenario.figure ?? "mibPerSecond";
  const lessIsBetter = figure !== "mibPerSecond";
  const ours = spread(rows.find((row) => row.ours).done, figure);
  if (!ours) return "presigned failed.";
  const better = rows.filter((row) => {
    const theirs = spread(row.done, figure);
    return !row.ours && theirs && (lessIsBetter ? theirs.median < ours.median : theirs.median > ours.median);
  });
  if (better.length === 0) return "presigned is ahead of all others.";
  const names = better.map((row) => {
    const theirs = spread(row.done, figure).median;
    const times = lessIsBetter ? ours.median / theirs : theirs / ours.median;
    return `${row.name} (${Number.isFinite(times) ? `${times.toFixed(2)} ×` : "nought"})`;
  });
  const peers = rows.filter((row) => !row.ours && !row.bare);
  const aheadOfPeers = peers.length > 0 && better.every((row) => row.bare);
  return `**presigned is behind** ${names.join(", ")}.${aheadOfPeers ? " It is ahead of every other library." : ""}`;
}

function inWords(spread, words, range) {
  if (!spread) return "–";
  const { median, least, most, values } = spread;
  return range && values.length > 1 && words(least) !== words(most) ? `${words(median)} (${words(least)}–${words(most)})` : words(median);
}
