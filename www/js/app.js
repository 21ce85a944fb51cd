// The demo page: an application that uses `presigned` as any other would.

import { Client } from "presigned";

import { ActivityLog } from "./activity-log.js";
import { Checkup } from "./checkup.js";
import { el } from "./dom.js";
import { acceptFiles, chooseFiles } from "./drop-zone.js";
import { FaultPanel } from "./fault-panel.js";
import { SavedTransfers } from "./saved-transfers.js";
import { Session } from "./session.js";
import { StoredFiles } from "./stored-files.js";
import { Transfers } from "./transfers.js";
import { trouble } from "./words.js";

const session = new Session();
const log = new ActivityLog();
const client = new Client({
  endpoint: location.origin,
  headers: session.headers,
  // Visitors who switch "Dead air" on want to see it noticed.
  stallTimeout: 6_000,
  onLog: log.add,
});

const transfers = new Transfers(client, {
  onstored: () => stored.refresh(),
  onstate: () => saved.refresh(),
  before: (what) => saved.loadedOf(what),
});
const saved = new SavedTransfers(client, {
  ongo: (one, name) => transfers.goOn(one, name),
  onpick: chooseFiles,
  onerror: (error) => log.add({ time: Date.now(), level: "warn", message: `What was cut off before can’t be listed: ${error.message}` }),
  isHeld: (what) => transfers.hold(what),
});
const stored = new StoredFiles(client, {
  ondownload: (file) => transfers.download(file),
  onplay: (file) => transfers.play(file),
  onzip: (files) => transfers.zip(files),
  onreach: showReach,
});

acceptFiles((picked) => transfers.upload(picked));
new FaultPanel();
new Checkup(client);
showVisitor();
await Promise.all([saved.open(), stored.refresh()]);

function showVisitor() {
  document.getElementById("visitor-name").textContent = session.user;
  document.getElementById("visitor").hidden = false;
}

/** A page that cannot reach its server says so, and how to go on. */
function showReach(error) {
  const alarm = document.getElementById("alarm");
  alarm.hidden = !error;
  if (!error) return alarm.replaceChildren();
  const { title, advice, detail } = trouble(error);
  const again = el("button", { type: "button", class: "button small", onclick: () => stored.refresh() }, "Try again");
  alarm.replaceChildren(el("p", {}, el("b", {}, `${title}. `), advice), el("code", {}, detail), again);
}
