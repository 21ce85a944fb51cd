// A finished download: into the visitor's downloads folder, and its fingerprint for those who want to compare.

import { el } from "./dom.js";

/** WebCrypto hashes a whole buffer at once; beyond this the memory for it is not worth a fingerprint. */
const MOST_HASHED = 512_000_000;

export function saveLinks(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name });
  const elements = [];
  if (blob.size <= MOST_HASHED && globalThis.crypto?.subtle) elements.push(fingerprint(blob));
  return { elements, save: () => link.click(), release: () => URL.revokeObjectURL(url) };
}

function fingerprint(blob) {
  const place = el("span", { class: "fingerprint" });
  const button = el("button", { type: "button", class: "text-button", onclick: show }, "Show SHA-256");
  place.append(button);
  return place;

  async function show() {
    button.disabled = true;
    button.textContent = "Reading it once more";
    try {
      const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
      const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
      place.replaceChildren(el("code", { class: "hash", tabindex: "-1" }, `SHA-256 ${hex}`));
      place.firstChild.focus();
    } catch {
      button.disabled = false;
      button.textContent = "It could not be read; try again";
    }
  }
}
