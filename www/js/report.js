// What happened to a transfer, as JSON to put into a bug report.

import { copyButton } from "./copy.js";
import { el } from "./dom.js";

export function saveReport(report) {
  const url = URL.createObjectURL(new Blob([json(report)], { type: "application/json" }));
  el("a", { href: url, download: `timeline of ${report.name}.json` }).click();
  // The click has only asked for it; the browser reads it in a moment.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function copyReport(ask) {
  return copyButton("Copy for a bug report", () => json(ask()), () => saveReport(ask()));
}

function json({ transfer, kind, name, size, error }) {
  const failure = error && { ...error, message: error.message };
  const report = { kind, name, size, state: transfer.state, error: failure, browser: navigator.userAgent, timeline: transfer.explain() };
  return JSON.stringify(report, null, 2);
}
