// The demo page: an application that uses `presigned` as any other would.

import { Client } from "presigned";

import { ActivityLog } from "./activity-log.js";
import { el } from "./dom.js";
import { acceptFiles } from "./drop-zone.js";
import { FaultPanel } from "./fault-panel.js";
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

const transfers = new Transfers(client, () => stored.refresh());
const stored = new StoredFiles(client, { ondownload: (file) => transfers.download(file), onreach: showReach });

acceptFiles((files) => transfers.upload(files));
new FaultPanel();
showVisitor();
await stored.refresh();

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
