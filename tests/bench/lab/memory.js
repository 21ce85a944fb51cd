// Memory of the browser's processes, as Linux tells it.

import { readFile } from "node:fs/promises";

const EVERY_MS = 200;

/** Begins to look; `end()` is how far the renderers, and all processes together, grew at most. Undefined where there is no /proc. */
export async function watchResident(processes) {
  const start = await resident(processes);
  let peak = start;
  const timer = setInterval(async () => {
    const now = await resident(processes);
    peak = { renderer: Math.max(peak.renderer, now.renderer), browser: Math.max(peak.browser, now.browser) };
  }, EVERY_MS);
  return {
    end() {
      clearInterval(timer);
      return { rendererGrowth: grown(start.renderer, peak.renderer), browserGrowth: grown(start.browser, peak.browser) };
    },
  };
}

const grown = (start, peak) => (Number.isFinite(start) ? peak - start : undefined);

async function resident(processes) {
  const sum = { renderer: 0, browser: 0 };
  for (const { pid, type } of processes) {
    const size = await residentOf(pid);
    sum.browser += size;
    if (type === "renderer") sum.renderer += size;
  }
  return sum;
}

/** Its own memory and what it shares with others, without the browser's program, which is mapped from its file. Of a process that has ended: nought. */
async function residentOf(pid) {
  if (process.platform !== "linux") return NaN;
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const lines = status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm);
  return [...lines].reduce((sum, [, size]) => sum + 1_024 * Number(size), 0);
}
