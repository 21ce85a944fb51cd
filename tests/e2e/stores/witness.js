// A client of the stores that nobody here wrote, beside the tests: it says what is stored.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { ROOT } from "../../support/mock-server.js";

/** The Python with the packages of `tests/clients`. */
export const PYTHON = process.env.PRESIGNED_PYTHON ?? join(ROOT, "target/venv/bin/python");

export function callWitness() {
  const child = spawn(PYTHON, [fileURLToPath(new URL("witness.py", import.meta.url))], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()(JSON.parse(line)));
  const ended = new Promise((resolve) => child.once("close", resolve));
  ended.then(() => waiting.splice(0).forEach((answer) => answer({ failed: "the witness is gone" })));
  child.once("error", (error) => waiting.splice(0).forEach((answer) => answer({ failed: `${PYTHON}: ${error.message}` })));
  /** Asks for one of the functions in witness.py. `who`: the store. */
  const ask = (who, name, ...given) =>
    new Promise((resolve, reject) => {
      waiting.push(({ said, failed }) => (failed ? reject(new Error(`The witness: ${failed}`)) : resolve(said)));
      child.stdin.write(`${JSON.stringify({ who, do: name, with: given })}\n`, (error) => error && reject(error));
    });
  return {
    of: (who) => ({
      get: (key) => ask(who, "get", key),
      keys: (prefix) => ask(who, "keys", prefix),
      unfinished: () => ask(who, "unfinished"),
      make: () => ask(who, "make"),
      forbid: (bucket) => ask(who, "forbid", bucket),
      forget: () => ask(who, "forget"),
    }),
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
