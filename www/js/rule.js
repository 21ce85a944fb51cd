// A setting to paste elsewhere, with a button that copies it.

import { copyButton } from "./copy.js";
import { el } from "./dom.js";

/** The rule's box, and the button. */
export function ruleToCopy(rule) {
  const lines = el("pre", { "aria-label": "Setting to paste" }, ...rule.split("\n").map(line));
  // Where the clipboard is out of reach, it is at least selected.
  const button = copyButton("Copy the rule", () => rule, () => getSelection().selectAllChildren(lines));
  return [el("div", { class: "rule" }, lines), button];
}

/** What does not fit goes on further in, so that it is still seen to belong to this line. */
function line(text) {
  const words = text.trimStart();
  const span = el("span", { class: "rule-line" }, words);
  span.style.setProperty("--depth", text.length - words.length);
  return span;
}
