// This SDK's download into a file of OPFS.

import { fileAt, PATH } from "./opfs.js";

export { finish, prepare } from "./presigned.js";

export async function run({ keys }, client) {
  const { integrity } = await client.download(keys[0], { to: { opfs: PATH } });
  if (!integrity.verified) throw new Error(integrity.reason);
  return (await fileAt(PATH)).getFile();
}
