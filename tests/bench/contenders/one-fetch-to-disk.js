// A download by one fetch into a file of OPFS, signed ahead of the clock: a stream into a stream.

import { signDownload } from "./bare.js";
import { fileAt, PATH } from "./opfs.js";

export const prepare = signDownload;

export async function run(task, url) {
  const file = await fileAt(PATH);
  await (await fetch(url)).body.pipeTo(await file.createWritable());
  return file.getFile();
}
