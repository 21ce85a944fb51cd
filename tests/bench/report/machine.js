// What it was measured on, without a name of anybody's.

import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";

export async function machine({ version }) {
  const gib = Math.round(totalmem() / (1 << 30));
  const model = cpus()[0]?.model.trim() || arch();
  return `${version}, Node ${process.versions.node}; ${availableParallelism()} cores (${model}), ${gib} GiB of memory, ${platform()}`;
}
