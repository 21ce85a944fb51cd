// A page that makes ZIPs, driven from outside.

import { Client, TransferError } from "/presigned/index.js";

let client;

window.open_ = (token, options) => {
  client = new Client({ endpoint: "/", headers: { authorization: `Bearer ${token}` }, ...options });
};

/** Hands the ZIP to the browser's own download; tells what was said on the way. */
window.save = async (keys) => {
  const seen = [];
  const zip = client.zip(keys, { onProgress: (progress) => seen.push(progress) });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await new Response(zip).blob());
  link.download = "all.zip";
  link.click();
  return { loaded: seen.map(({ loaded }) => loaded), last: seen.at(-1) };
};

window.listed = async () => (await client.list()).map(({ key }) => key);

/** How reading to the end fails. */
window.fails = async (keys, options) => {
  try {
    for await (const _ of client.zip(keys, options));
    return "nothing";
  } catch (error) {
    return TransferError.is(error) ? error.code : `${error.name}: ${error.message}`;
  }
};

/** Reads a little, and then `how` ends it. */
window.leave = async (keys, how) => {
  const controller = new AbortController();
  const reader = client.zip(keys, { signal: controller.signal }).getReader();
  for (let read = 0; read < 2_000_000; ) read += (await reader.read()).value.length;
  if (how === "cancel") return reader.cancel("Enough.");
  controller.abort(new DOMException("Enough.", "TimeoutError"));
  return reader.read().then(
    () => "read on",
    (error) => `${error.name}: ${error.message}`,
  );
};

/** Opens a ZIP, and reads none of it for a while. */
window.dawdle = async (keys, millis) => {
  const reader = client.zip(keys).getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, millis));
  await reader.cancel();
};

window.zips = () => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/zip/")).length;

window.ready = true;
