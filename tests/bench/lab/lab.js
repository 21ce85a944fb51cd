// All that a scenario needs, put up and taken down: servers, link, browser, files.

import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";

import { bundleContenders } from "./bundle.js";
import { launchChromium } from "./chromium.js";
import { makeFiles } from "./files.js";
import { startLink } from "./link.js";
import { startServers } from "./servers.js";
import { startSite } from "./site.js";
import { watchStored } from "./stored.js";

const GIB = 1 << 30;
const IN_MEMORY = "/dev/shm";

/** Hands `use` a laboratory for a scenario; ends it in any case. */
export async function withLab(scenario, folder, use) {
  const { size, count = 1 } = scenario.files;
  const ends = [];
  try {
    const place = (await fitsInMemory(3 * size * count)) ? IN_MEMORY : folder;
    await mkdir(place, { recursive: true });
    const here = await mkdtemp(join(place, "presigned-bench-"));
    // Gigabytes, perhaps of memory: they go whatever ends this.
    const wipe = () => rmSync(here, { recursive: true, force: true });
    process.once("exit", wipe);
    ends.push(() => {
      process.removeListener("exit", wipe);
      wipe();
    });
    const files = await makeFiles(join(here, "files"), scenario.files);
    const servers = await startServers(join(here, "servers"));
    ends.push(servers.stop);
    const stored = watchStored(servers);
    const downloadKey = "uploads/bench/down.bin";
    if (scenario.download) await stored.put(downloadKey, files[0]);
    const bundles = join(here, "bundles");
    await bundleContenders(bundles);
    const site = await startSite(bundles);
    ends.push(site.stop);
    const link = scenario.link && (await startLink(servers.addresses));
    if (link) ends.push(link.stop);
    const chromium = await launchChromium({ folder: here, detours: link?.detours });
    ends.push(chromium.close);
    return await use({ files, servers, stored, downloadKey, site, link, chromium });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A disk's moods are no figure of anybody's; but there has to be room. */
async function fitsInMemory(bytes) {
  try {
    const { bavail, bsize } = await statfs(IN_MEMORY);
    const [, available] = /MemAvailable:\s+(\d+) kB/.exec(await readFile("/proc/meminfo", "utf8"));
    return Math.min(bavail * bsize, available * 1024) > bytes + 2 * GIB;
  } catch {
    return false;
  }
}
