// What the SDK reports by `onLog`, in a drawer at the foot of the page.

import { el } from "./dom.js";

const MOST_LINES = 500;
const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1, hourCycle: "h23" });

const drawer = document.getElementById("log");
const lines = document.getElementById("log-lines");
const last = document.getElementById("log-last");

export class ActivityLog {
  #fresh = [];
  #frame = 0;

  constructor() {
    drawer.addEventListener("toggle", () => (lines.scrollTop = lines.scrollHeight));
  }

  add = (entry) => {
    this.#fresh.push({ ...entry, when: new Date() });
    if (this.#fresh.length > MOST_LINES) this.#fresh.shift();
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show(this.#fresh.splice(0));
    });
  };

  #show(entries) {
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
    lines.append(...entries.map(line));
    while (lines.childElementCount > MOST_LINES) lines.firstElementChild.remove();
    if (atEnd) lines.scrollTop = lines.scrollHeight;
    last.textContent = entries.at(-1).message;
    last.dataset.level = entries.at(-1).level;
  }
}

function line({ when, level, transfer, message }) {
  return el(
    "li",
    { "data-level": level },
    el("time", { datetime: when.toISOString() }, CLOCK.format(when)),
    el("span", { class: "log-level" }, level),
    el("span", { class: "log-message" }, transfer ? `${transfer}  ` : "", message),
  );
}
