import { TransferError } from "../errors.js";

/** What media of this page are known by to the service worker. */
const open = new Map();
let listens = false;

/** Registers the worker, and has it answer this page. Returns where media have their URLs; nothing where there are no service workers. */
export async function connect(worker) {
  const { serviceWorker } = navigator;
  // Neither without https, save on localhost, nor in some private windows.
  if (!serviceWorker) return undefined;
  const url = new URL(worker, document.baseURI).href;
  const scope = new URL(".", url).href;
  if (!location.href.startsWith(scope)) throw wrong(url, "lies too deep: it answers only for pages that lie beside or below it");
  const other = await serviceWorker.getRegistration(scope).catch(() => undefined);
  if (other?.scope === scope && scriptOf(other) !== url) throw wrong(url, `would replace another, ${scriptOf(other)}${IMPORT}`);
  let registration;
  try {
    registration = await serviceWorker.register(url);
  } catch (error) {
    if (!(await isScript(url))) throw wrong(url, `could not be registered: is it served as JavaScript? (${error.message})`);
    // The browser or the user wants none: in some private windows, or where cookies are blocked.
    return undefined;
  }
  const active = await activated(registration);
  const base = await new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      port1.close();
      resolve(data);
    };
    active.postMessage("presigned-media", [port2]);
  });
  if (!serviceWorker.controller) await new Promise((resolve) => serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  const { scriptURL } = serviceWorker.controller;
  if (scriptURL !== url) throw wrong(url, `does not get to answer: this page has another, ${scriptURL}${IMPORT}`);
  return base;
}

const IMPORT = ". Bring this one into that by `importScripts`, and name that as `worker`";

/** `answer(port, method, range)` is called for each request, until what this returns is. */
export function serve(id, answer) {
  const { serviceWorker } = navigator;
  if (!listens) {
    listens = true;
    serviceWorker.addEventListener("message", ({ data, ports }) => {
      if (data?.[0] !== "presigned-media") return;
      const [, id, method, range] = data;
      const answer = open.get(id);
      if (answer) answer(ports[0], method, range);
      else ports[0].postMessage({ status: 404, headers: {}, hasBody: false });
    });
    serviceWorker.startMessages();
  }
  open.set(id, answer);
  return () => open.delete(id);
}

function activated(registration) {
  if (registration.active) return registration.active;
  const coming = registration.installing ?? registration.waiting;
  return new Promise((resolve, reject) => {
    coming.addEventListener("statechange", () => {
      if (coming.state === "activated") resolve(coming);
      if (coming.state === "redundant") reject(wrong(coming.scriptURL, "failed as it was installed"));
    });
  });
}

function scriptOf({ active, waiting, installing }) {
  return (active ?? waiting ?? installing)?.scriptURL;
}

async function isScript(url) {
  const answer = await fetch(url, { method: "HEAD" }).catch(() => undefined);
  return answer?.ok && /javascript/.test(answer.headers.get("content-type") ?? "");
}

function wrong(url, words) {
  return new TransferError("invalid-option", `The service worker ${url} ${words}.`);
}
