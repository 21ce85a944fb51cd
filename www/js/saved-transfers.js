// What a reload, a crash or a failure cut off, and how to go on with it.

import { coalesce } from "./coalesce.js";
import { confirmIn } from "./confirm.js";
import { announce, el, icon, iconButton } from "./dom.js";
import { ago, bytes, count, date, nameOf } from "./format.js";
import { arrange, complain, nameLine, removeRow } from "./rows.js";

const section = document.getElementById("saved");
const list = document.getElementById("stubs");
const summary = document.getElementById("saved-summary");
/** Where the focus goes when the last row has left. */
const after = document.getElementById("transfers-title");

export class SavedTransfers {
  #client;
  #all = [];
  #rows = new Map();

  /** Asks the browser's memory anew. */
  refresh = coalesce(() => this.#ask());

  /**
   * `ongo(saved)` goes on with one, `onpick()` lets the visitor choose a file, `onerror(error)` hears that nothing could be
   * read. What `isHeld(saved)` has a card already, and is listed once that is gone.
   */
  constructor(client, { ongo, onpick, onerror, isHeld }) {
    this.#client = client;
    Object.assign(this, { ongo, onpick, onerror, isHeld });
    // Another tab may have ended, or taken one up.
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** What there is when the page opens is news. */
  async open() {
    await this.refresh();
    if (this.#rows.size > 0) announce(`${count(this.#rows.size, "transfer was", "transfers were")} cut off, and can go on`);
  }

  /** How much of it is there, as far as is known. */
  loadedOf(what) {
    return this.#all.find((one) => isSame(one, what))?.saved.loaded ?? 0;
  }

  async #ask() {
    try {
      const all = await this.#client.saved();
      this.#all = all.map((saved) => ({ saved, kind: saved.kind, name: nameIn(saved), size: saved.total }));
      this.#show(this.#all.filter((one) => !this.isHeld(one)));
    } catch (error) {
      this.onerror(error);
    }
  }

  #show(shown) {
    const rows = new Map(shown.map(({ saved, name }) => {
      // One that has got further meanwhile is another row.
      const id = [saved.id, saved.loaded, saved.resumable].join();
      return [id, this.#rows.get(id) ?? this.#row(saved, name)];
    }));
    arrange(list, [...rows.values()]);
    this.#rows = rows;
    section.hidden = rows.size === 0;
    const loaded = shown.reduce((sum, { saved }) => sum + saved.loaded, 0);
    const words = [count(rows.size, "transfer"), ...(loaded > 0 ? [`${bytes(loaded)} are safe`] : [])];
    summary.replaceChildren(...words.map((word) => el("span", {}, word)));
  }

  #row(saved, name) {
    const { kind, loaded, total, savedAt, resumable } = saved;
    const share = total > 0 ? loaded / total : 0;
    const percent = Math.floor(share * 100);
    const figures = `${bytes(loaded)} of ${bytes(total)}`;
    const fill = el("span", { class: "strip-fill" });
    fill.style.setProperty("--share", share);
    const actions = el("div", { class: "actions" });
    const discard = iconButton("trash", { short: "Discard", full: `Discard ${name}` }, () => this.#discard(saved, name, row, actions));
    discard.classList.add("danger");
    actions.append(this.#wayOn(saved, name), discard);
    const row = el(
      "li",
      { class: "stub", "data-name": name, "data-kind": kind, "data-loaded": String(loaded), "data-resumable": resumable },
      el("span", { class: "badge" }, icon(kind === "upload" ? "up" : "down")),
      nameLine("h3", name),
      el(
        "p",
        { class: "meta" },
        el("span", { class: "figures" }, el("span", {}, figures), el("time", { datetime: savedAt.toISOString(), title: date(savedAt) }, `began ${ago(savedAt)}`)),
      ),
      actions,
      el(
        "div",
        { class: "strip", role: "meter", "aria-label": `${name}, what is there`, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(percent), "aria-valuetext": `${percent} %, ${figures}` },
        fill,
      ),
    );
    if (!resumable) row.append(el("p", { class: "stub-words" }, "Drop or choose the same file to go on."));
    return row;
  }

  #wayOn(saved, name) {
    const [words, full, act] = saved.resumable
      ? ["Go on", `Go on with ${name}`, () => this.ongo(saved, name)]
      : ["Choose file", `Choose file ${name} again`, () => this.onpick()];
    return el("button", { type: "button", class: `button small ${saved.resumable ? "go" : ""}`, "aria-label": full, onclick: act }, words);
  }

  async #discard(saved, name, row, actions) {
    if (!(await confirmIn(actions, { question: saved.loaded > 0 ? `Discard ${bytes(saved.loaded)}?` : "Discard it?", yes: "Discard", no: "Keep" }))) return;
    row.dataset.state = "removing";
    try {
      await saved.discard();
      removeRow(row, after);
      announce(`${name} is discarded`);
      await this.refresh();
    } catch (error) {
      delete row.dataset.state;
      complain(row, error);
    }
  }
}

function nameIn({ kind, name }) {
  return kind === "download" ? nameOf(name) : name || "unnamed";
}

function isSame(one, { kind, name, size }) {
  return one.kind === kind && one.name === name && one.size === size;
}
