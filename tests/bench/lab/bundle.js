// The contenders as a page gets them: bundled and minified. And how large each library is on the wire.

import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const CONTENDERS = fileURLToPath(new URL("../contenders", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../../pkg", import.meta.url));
const OPTIONS = {
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  logLevel: "warning",
  legalComments: "none",
};

export async function bundleContenders(folder) {
  const entryPoints = (await readdir(CONTENDERS)).map((file) => join(CONTENDERS, file));
  // This SDK is served as it is published: it finds its WebAssembly module beside it.
  await build({ ...OPTIONS, entryPoints, outdir: folder, external: ["/presigned/*"] });
}

/** Bytes after gzip of what an application bundles to use each library, by the name of its contender's file. */
export async function packageSizes() {
  const imports = {
    presigned: undefined,
    uppy: 'export { default as A } from "@uppy/core"; export { default as B } from "@uppy/aws-s3";',
    "lib-storage": 'export { S3Client } from "@aws-sdk/client-s3"; export { Upload } from "@aws-sdk/lib-storage";',
    tus: 'export { Upload } from "tus-js-client";',
  };
  const sizes = {};
  for (const [name, contents] of Object.entries(imports)) {
    sizes[name] = contents ? await bundled({ stdin: { contents, resolveDir: CONTENDERS } }) : await ours();
  }
  return sizes;
}

/** The bundle, and whatever it may load besides: modules, and scripts of workers. */
async function ours() {
  const { size, inputs } = await measured({ entryPoints: [join(PACKAGE, "index.js")] });
  let sum = size;
  for (const file of await readdir(PACKAGE)) {
    const path = join(PACKAGE, file);
    if (file.endsWith(".wasm")) sum += gzipSync(await readFile(path), { level: 9 }).length;
    else if (file.endsWith(".js") && !inputs.has(path)) sum += await bundled({ entryPoints: [path] });
  }
  return sum;
}

async function bundled(entry) {
  return (await measured(entry)).size;
}

async function measured(entry) {
  const { outputFiles, metafile } = await build({ ...OPTIONS, ...entry, write: false, metafile: true });
  const size = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  return { size, inputs: new Set(Object.keys(metafile.inputs).map((file) => resolve(file))) };
}
