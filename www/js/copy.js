// A button that copies a text.

import { announce, el } from "./dom.js";

const SHOWN_MS = 2_000;

/** `text()` is asked for when it is pressed; `onfail` hears that the clipboard is out of reach. */
export function copyButton(words, text, onfail) {
  const button = el("button", { type: "button", class: "button small", onclick: copy }, words);
  let timer;
  return button;

  async function copy() {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      return onfail();
    }
    button.textContent = "Copied";
    announce("Copied");
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = words), SHOWN_MS);
  }
}
