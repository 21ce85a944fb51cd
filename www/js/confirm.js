// A question in place of the buttons that raised it: nothing covers the page, and Escape means no.

import { el } from "./dom.js";

/** Resolves to whether it was confirmed. The focus comes back to where it was. */
export function confirmIn(place, { question, yes, no }) {
  const before = [...place.childNodes];
  const came = document.activeElement;
  return new Promise((resolve) => {
    const answer = (confirmed) => {
      place.removeEventListener("keydown", onkeydown);
      place.replaceChildren(...before);
      place.classList.remove("asking");
      came?.focus();
      resolve(confirmed);
    };
    const onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      answer(false);
    };
    const keep = el("button", { type: "button", class: "button small", onclick: () => answer(false) }, no);
    const confirm = el("button", { type: "button", class: "button small destructive", onclick: () => answer(true) }, yes);
    place.classList.add("asking");
    place.replaceChildren(el("span", { class: "question", role: "alert" }, question), confirm, keep);
    place.addEventListener("keydown", onkeydown);
    // On the harmless one, so that a second press of Enter destroys nothing.
    keep.focus();
  });
}
