// One Chromium, driven over a pipe without a single domain of its protocol enabled: the Network domain alone makes it half as fast.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

const ARGUMENTS = [
  "--headless=new",
  "--remote-debugging-pipe",
  "--enable-precise-memory-info",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** `detours` leads connections to one address to another: `{ "127.0.0.1:80": "127.0.0.1:81" }`; requests name the first. */
export async function launchChromium({ folder, detours = {} }) {
  const profile = await mkdtemp(join(folder, "chromium-"));
  const rules = Object.entries(detours).map(([from, to]) => `MAP ${from} ${to}`);
  const program = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const child = spawn(
    program,
    [...ARGUMENTS, `--user-data-dir=${profile}`, `--host-resolver-rules=${rules.join(",")}`, "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], detached: true },
  );
  // Its processes are a group, and end together.
  const kill = () => child.pid && killGroup(child.pid);
  process.once("exit", kill);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const send = speak(child.stdio[3], child.stdio[4], ended);
  const { product } = await send("Browser.getVersion");
  return {
    version: product.replace("Headless", "").replace("Chrome/", "Chromium "),
    openPage: (url) => openPage(send, url),
    /** The ids of its processes by type: "browser", "renderer", "utility"... */
    async processes() {
      const { processInfo } = await send("SystemInfo.getProcessInfo");
      return processInfo.map(({ id, type }) => ({ pid: id, type }));
    },
    async close() {
      await Promise.race([send("Browser.close").catch(() => {}), ended]);
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5_000))]);
      kill();
      process.removeListener("exit", kill);
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has gone already.
  }
}

/** A page of its own, in a process of its own. */
async function openPage(send, url) {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method, parameters) => send(method, parameters, sessionId);
  const evaluate = async (expression, options = { returnByValue: true }) => {
    const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, awaitPromise: true, ...options });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return options.returnByValue ? result.value : result.objectId;
  };
  await ask("Storage.clearDataForOrigin", { origin: new URL(url).origin, storageTypes: "all" });
  await ask("Page.navigate", { url });
  while (!(await evaluate("document.readyState === 'complete' && 'run' in window"))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    evaluate,
    /** Calls a function of the page with values that JSON can hold. */
    call: (name, ...values) => evaluate(`${name}(${values.map((value) => JSON.stringify(value)).join(", ")})`),
    /** Picks files as a person would. */
    async pick(selector, files) {
      const objectId = await evaluate(`document.querySelector(${JSON.stringify(selector)})`, {});
      await ask("DOM.setFileInputFiles", { objectId, files });
    },
    close: () => send("Target.closeTarget", { targetId }),
  };
}

/** Commands out and their answers in, each ended by a NUL. */
function speak(input, output, ended) {
  let last = 0;
  const waiting = new Map();
  let heard = [];
  output.on("data", (data) => {
    for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0)) {
      const text = Buffer.concat([...heard, data.subarray(0, end)]).toString();
      heard = [];
      data = data.subarray(end + 1);
      const { id, result, error } = JSON.parse(text);
      const { resolve, reject } = waiting.get(id) ?? {};
      waiting.delete(id);
      if (error) reject?.(new Error(error.message));
      else resolve?.(result);
    }
    if (data.length > 0) heard.push(data);
  });
  input.on("error", () => {});
  ended.then(() => waiting.forEach(({ reject }) => reject(new Error("Chromium has ended."))));
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
}
