// One run of one contender: a fresh page, a cold link, and a look at what arrived.

import { basename } from "node:path";

import { SLICE } from "./files.js";
import { S3 } from "./servers.js";
import { watchResident } from "./memory.js";

const HANGS_MS = 600_000;
const PART = 8 << 20;

/** What was measured, or `{ error }`: whoever fails is told of. */
export async function run(lab, scenario, contender, round) {
  let page;
  try {
    page = await lab.chromium.openPage(lab.site.address);
    return await withinTime(measure(lab, page, scenario, contender, round));
  } catch (error) {
    return { error: error.message.split("\n")[0] };
  } finally {
    await page?.close().catch(() => {});
    await lab.stored.clear();
  }
}

async function measure({ chromium, link, servers, stored, files, downloadKey }, page, scenario, contender, round) {
  const { download } = scenario;
  const keys = download ? [downloadKey] : files.map(({ path }) => S3.prefix + basename(path));
  if (!download) await page.pick("#files", files.map(({ path }) => path));
  await link?.become({});
  const task = { contender: contender.file, options: contender.options ?? {}, servers: servers.addresses, token: servers.token };
  const { prepareMs } = await page.call("prepare", { ...task, s3: S3, keys, size: files[0].size, partSize: PART, slice: SLICE });

  // The same luck for all contenders of a round.
  await link?.become({ ...scenario.link, seed: round });
  const resident = await watchResident(await chromium.processes());
  const measured = await page.call("run");
  const grown = resident.end();
  const crossed = await link?.counts();
  await link?.become({});

  const { sha256 } = await page.call("finish");
  if (!download) await stored.check(files);
  else if (sha256 !== files[0].slicesSha256) throw new Error("What arrived is not what was stored");
  if (!measured.visible) throw new Error("The page was hidden");
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return {
    ...measured,
    ...grown,
    bytes,
    mibPerSecond: bytes / (1 << 20) / measured.seconds,
    startupMs: prepareMs + (measured.firstRequestMs ?? 0),
    crossed: crossed && (download ? crossed.down : crossed.up),
    cuts: crossed?.cuts,
  };
}

function withinTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not done after ${HANGS_MS / 1_000} s`)), HANGS_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
