// What the SDK reports by `onLog`, in a sheet at the foot of the page: what is worth knowing, or every request as well.

import { el } from "./dom.js";

const MOST_LINES = 500;
const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1, hourCycle: "h23" });

const sheet = document.getElementById("log");
const lines = document.getElementById("log-lines");
const last = document.getElementById("log-last");
const nothing = document.getElementById("no-lines");
const everything = document.getElementById("log-all");

export class ActivityLog {
  /** Kept apart: the requests are so many that they would push out what is worth knowing. */
  #all = [];
  #notable = [];
  #fresh = [];
  #frame = 0;

  constructor() {
    sheet.addEventListener("toggle", toEnd);
    everything.addEventListener("change", () => this.#rewrite());
  }

  add = (entry) => {
    keep(this.#all, entry);
    if (isNotable(entry)) keep(this.#notable, entry);
    if (!everything.checked && !isNotable(entry)) return;
    keep(this.#fresh, entry);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#append(this.#fresh.splice(0));
    });
  };

  #rewrite() {
    this.#fresh = [];
    lines.replaceChildren();
    this.#append(everything.checked ? this.#all : this.#notable);
    toEnd();
  }

  #append(entries) {
    if (entries.length === 0) return;
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
    lines.append(...entries.map(line));
    while (lines.childElementCount > MOST_LINES) lines.firstElementChild.remove();
    if (atEnd) toEnd();
    nothing.hidden = true;
    last.textContent = this.#notable.at(-1)?.message ?? entries.at(-1).message;
  }
}

function isNotable({ level }) {
  return level !== "debug";
}

function keep(entries, entry) {
  entries.push(entry);
  if (entries.length > MOST_LINES) entries.shift();
}

function toEnd() {
  lines.scrollTop = lines.scrollHeight;
}

function line({ time, level, transfer, message }) {
  const when = new Date(time);
  return el(
    "li",
    { "data-level": level },
    el("time", { datetime: when.toISOString() }, CLOCK.format(when)),
    el("span", { class: "log-level" }, level),
    el("span", { class: "log-message" }, transfer ? `${transfer}  ` : "", message),
  );
}
