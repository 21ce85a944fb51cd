// The link (./link in Rust) between the browser and the servers.

import { start } from "./child.js";

export async function startLink(addresses) {
  const link = start(process.env.PRESIGNED_BENCH_LINK, Object.values(addresses).map((address) => new URL(address).host));
  const detours = {};
  for (let line = await link.line(); line !== "ready"; line = await link.line()) {
    const [, server, port] = line.split(" ");
    detours[server] = `127.0.0.1:${port}`;
  }
  const ask = async (order) => {
    link.say(order);
    return link.line();
  };
  return {
    /** What a browser has to be launched with to take this link. */
    detours,
    /** Sets the weather; what is open is cut, and the counts begin anew. */
    become: (weather) => ask(JSON.stringify(weather)),
    counts: async () => JSON.parse(await ask("count")),
    stop: link.stop,
  };
}
