// The switches of the faults, kept in step with the mock server, which other tabs may set as well.

import { announce, el } from "./dom.js";
import { count } from "./format.js";
import { FAULTS, GROUPS, sortRules } from "./faults.js";

const POLL_MS = 1000;

const panel = document.getElementById("faults");
const groups = document.getElementById("fault-groups");
const heal = document.getElementById("heal");
const note = document.getElementById("faults-note");
const badge = document.getElementById("faults-count");

export class FaultPanel {
  #switches = new Map();
  #foreign = [];
  #counters = new Map();
  #timer;
  /** Requests go one after another; the last wish wins. */
  #queue = Promise.resolve();
  #wishes = 0;

  constructor() {
    groups.append(...GROUPS.map((group) => this.#group(group)));
    heal.addEventListener("click", () => this.#heal());
    panel.addEventListener("toggle", () => this.#poll());
    document.addEventListener("visibilitychange", () => this.#poll());
    // On a narrow screen the files come first, and the faults wait behind their title.
    if (matchMedia("(max-width: 899px)").matches) panel.open = false;
    this.#send("GET");
  }

  #group({ title, faults }) {
    const id = `faults-${faults[0].id}`;
    return el(
      "div",
      { class: "fault-group", role: "group", "aria-labelledby": id },
      el("h3", { id }, title),
      ...faults.map((fault) => this.#row(fault)),
    );
  }

  #row({ id, name, hint }) {
    const input = el("input", { type: "checkbox", role: "switch", id: `fault-${id}`, "aria-describedby": `hint-${id}`, onchange: () => this.#put() });
    const hits = el("span", { class: "hits", hidden: true });
    this.#switches.set(id, { input, hits });
    return el(
      "label",
      { class: "fault", for: `fault-${id}` },
      el("span", { class: "fault-name" }, name, hits),
      input,
      el("span", { class: "fault-hint", id: `hint-${id}` }, hint),
    );
  }

  #put() {
    const rules = FAULTS.filter(({ id }) => this.#switches.get(id).input.checked).flatMap((fault) => fault.rules);
    this.#send("PUT", rules);
  }

  #heal() {
    for (const { input } of this.#switches.values()) input.checked = false;
    this.#send("DELETE").then(() => announce("All faults are off"));
    // The button is about to be disabled, which would throw the focus away.
    panel.querySelector("summary").focus();
  }

  /** Rules that another tab or a test has set meanwhile stay beside the `wanted` ones. */
  #send(method, wanted) {
    if (method !== "GET") this.#wishes += 1;
    this.#queue = this.#queue.then(async () => {
      try {
        const rules = await ask(method, wanted && [...this.#count(sortRules(await ask("GET"))).foreign, ...wanted]);
        // An answer that is older than the visitor's last wish would undo it.
        if (this.#wishes === Number(method !== "GET")) this.#show(rules);
        note.textContent = this.#foreign.length > 0 ? `${count(this.#foreign.length, "more rule is", "more rules are")} set from elsewhere.` : "";
      } catch (error) {
        note.textContent = `The faults could not be ${method === "GET" ? "asked for" : "set"}: ${error.message}`;
      }
      if (method !== "GET") this.#wishes -= 1;
      this.#poll();
    });
    return this.#queue;
  }

  #show(rules) {
    const { on, foreign } = this.#count(sortRules(rules));
    this.#foreign = foreign;
    for (const [id, { input, hits }] of this.#switches) {
      const struck = this.#counters.get(id)?.sum ?? 0;
      input.checked = on.has(id);
      hits.hidden = struck === 0;
      hits.textContent = count(struck, "hit");
    }
    const all = on.size + (foreign.length > 0 ? 1 : 0);
    heal.disabled = all === 0;
    badge.hidden = all === 0;
    badge.textContent = `${all} on`;
    document.documentElement.classList.toggle("broken", all > 0);
  }

  /** The server counts from nought whenever any rule is set; here the hits of a fault add up until it is off. */
  #count(sorted) {
    for (const id of this.#counters.keys()) if (!sorted.on.has(id)) this.#counters.delete(id);
    for (const [id, hits] of sorted.on) {
      const { sum, last } = this.#counters.get(id) ?? { sum: 0, last: 0 };
      this.#counters.set(id, { sum: sum + (hits < last ? hits : hits - last), last: hits });
    }
    return sorted;
  }

  /** Hits are asked for while somebody can see them and there is something to count. */
  #poll() {
    clearTimeout(this.#timer);
    if (document.hidden || heal.disabled) return;
    this.#timer = setTimeout(() => this.#send("GET"), POLL_MS);
  }
}

/** The rules in force after that. */
async function ask(method, rules) {
  const request = rules ? { method, headers: { "content-type": "application/json" }, body: JSON.stringify({ rules }) } : { method };
  const answer = await fetch("/_faults", request);
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return (await answer.json()).rules;
}
