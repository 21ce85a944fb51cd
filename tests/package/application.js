// An application that has the package as its users get it: from the packed tarball.

import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ROOT } from "../support/mock-server.js";

export const HERE = fileURLToPath(new URL(".", import.meta.url));
const execute = promisify(execFile);

/** Packs `pkg/` and installs it into a copy of `app/`, in a folder of its own. `remove()` ends it. */
export async function installApplication() {
  const folder = await mkdtemp(join(tmpdir(), "presigned-app-"));
  await execute("npm", ["pack", join(ROOT, "pkg"), "--pack-destination", folder], { cwd: folder });
  const tarball = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  const app = join(folder, "app");
  await cp(join(HERE, "app"), app, { recursive: true });
  // It depends on nothing else, so no registry is asked.
  await execute("npm", ["install", join(folder, tarball), "--offline", "--no-audit", "--no-fund"], { cwd: app });
  return {
    app,
    tarball: join(folder, tarball),
    installed: join(app, "node_modules", "presigned"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Runs Node in the application's folder; what it printed, and how it ended. */
export async function runNode(folder, ...args) {
  try {
    const { stdout, stderr } = await execute(process.execPath, args, { cwd: folder });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    if (typeof error.code !== "number") throw error;
    return { code: error.code, output: error.stdout + error.stderr };
  }
}
