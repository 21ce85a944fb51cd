// The way to storage, walked with a few bytes on a click: what works, what does not, and what to do about it.

import { announce, el, icon } from "./dom.js";
import { count } from "./format.js";
import { ruleToCopy } from "./rule.js";
import { trouble } from "./words.js";

const MARKS = { ok: "check", warning: "alert", error: "alert" };

const button = document.getElementById("check");
const summary = document.getElementById("check-summary");
const list = document.getElementById("findings");

export class Checkup {
  #client;

  constructor(client) {
    this.#client = client;
    button.addEventListener("click", () => this.#run());
  }

  async #run() {
    // Not `disabled`, which would throw the focus away.
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    summary.textContent = "A few bytes are on their way…";
    try {
      this.#show(await this.#client.doctor());
    } catch (error) {
      const { title, advice } = trouble(error);
      summary.textContent = `${title}. ${advice}`;
      list.replaceChildren();
    }
    list.hidden = list.childElementCount === 0;
    button.ariaBusy = "false";
    announce(summary.textContent);
  }

  #show(findings) {
    const of = (level) => findings.filter((finding) => finding.level === level);
    const [errors, warnings] = [of("error"), of("warning")];
    const worse = [count(errors.length, "fault"), count(warnings.length, "thing that could be better", "things that could be better")];
    const said = worse.filter((_, index) => [errors, warnings][index].length > 0);
    summary.textContent = said.length > 0 ? `${said.join(", ")}.` : "All is well.";
    const told = new Set();
    list.replaceChildren(...[...errors, ...warnings, ...of("ok")].map((finding) => row(finding, told)));
  }
}

/** `told`: settings that are there to be pasted already. */
function row({ level, message, fix }, told) {
  const kind = level === "ok" ? "" : `${level === "error" ? "Fault" : "Could be better"}: `;
  const words = el("p", {}, el("span", { class: "hidden" }, kind), ...withCode(message));
  const advice = told.has(fix) ? [el("p", { class: "advice" }, "The rule above helps here, too.")] : fixed(fix);
  if (fix?.includes("\n")) told.add(fix);
  return el("li", { class: "finding", "data-level": level }, icon(MARKS[level]), el("div", {}, words, ...advice));
}

function fixed(fix) {
  if (!fix) return [];
  return fix.includes("\n") ? ruleToCopy(fix) : [el("p", { class: "advice" }, ...withCode(fix))];
}

/** What is between backticks is code. */
function withCode(text) {
  return text.split("`").map((piece, index) => (index % 2 ? el("code", {}, piece) : piece));
}
