// A program that says what it has to say in lines, and ends with the benchmark.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts it. `line()` is the next line that it prints. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], ...options });
  const kill = () => child.kill();
  process.once("exit", kill);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ended.`);
      return value;
    },
    say: (line) => child.stdin.write(`${line}\n`),
    async stop() {
      process.removeListener("exit", kill);
      kill();
      await ended;
    },
  };
}
