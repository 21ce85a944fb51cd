// A setting to paste elsewhere, with a button that copies it.

import { announce, el } from "./dom.js";

export function ruleToCopy(rule) {
  const button = el("button", { type: "button", class: "button small", onclick: copy }, "Copy the rule");
  return el("div", { class: "rule" }, el("pre", { tabindex: "0", "aria-label": "CORS rule" }, rule), button);

  async function copy() {
    try {
      await navigator.clipboard.writeText(rule);
      button.textContent = "Copied";
      announce("The rule is copied");
    } catch {
      // Where the clipboard is out of reach, it is at least selected.
      getSelection().selectAllChildren(button.previousSibling);
    }
  }
}
