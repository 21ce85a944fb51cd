// This SDK's download with its defaults.

export { finish, prepare } from "./presigned.js";

export async function run({ keys }, client) {
  return (await client.download(keys[0])).blob;
}
