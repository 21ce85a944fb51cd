// Moto, an S3 that nobody here wrote (PyPI). It looks at no signature, and has CORS, parts, ranges and forms.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { PYTHON } from "./witness.js";

const PROGRAM = `
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
WSGIRequestHandler.protocol_version = "HTTP/1.1"
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
`;

export async function startMoto() {
  const child = spawn(PYTHON, ["-c", PROGRAM], { stdio: ["ignore", "pipe", "ignore"] });
  const kill = () => child.kill();
  process.once("exit", kill);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const port = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve)),
    ended.then(() => undefined),
  ]);
  if (!port) throw new Error("Moto ended before it was ready: are the packages of tests/clients installed?");
  return {
    url: `http://127.0.0.1:${port}/`,
    async stop() {
      process.removeListener("exit", kill);
      kill();
      await ended;
    },
  };
}
