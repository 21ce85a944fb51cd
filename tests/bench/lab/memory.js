// Memory of the browser's processes, as Linux tells it.

import { readFile } from "node:fs/promises";

const EVERY_MS = 200;
const PAGE = 4_096;

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

/** Of a process that has ended: nought. */
async function residentOf(pid) {
  if (process.platform !== "linux") return NaN;
  const statm = await readFile(`/proc/${pid}/statm`, "utf8").catch(() => "0 0");
  return Number(statm.split(" ")[1]) * PAGE;
}
